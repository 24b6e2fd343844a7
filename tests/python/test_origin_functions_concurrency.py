"""Requests that ask a function about one origin at the same time, in one loop and in several."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Awaitable
from typing import Any

import pytest
import trio
import trio.testing

from corsac._origin_request import DEFAULT_TIMEOUT_SECONDS
from corsac.origins import FunctionOrigins
from support.deciders import (
    MOMENT,
    ORIGIN,
    OTHER,
    Clock,
    Database,
    Slow,
    ask,
    awaited,
    messages,
    origins,
)
from support.event_loops import LOOPS, Loop


@pytest.fixture(params=sorted(LOOPS))
def loop(request: pytest.FixtureRequest) -> Loop:
    return LOOPS[request.param]


# Requests at the same time.


def test_requests_for_one_origin_share_one_call(loop: Loop) -> None:
    slow = Slow(loop)
    decider = FunctionOrigins(slow, ttl=0)

    async def main() -> list[bool | None]:
        async with loop.requests() as start:
            requests = [start(lambda: ask(decider)) for _ in range(50)]
            await loop.others()
            slow.calls[0].set()
        return [request.answer for request in requests]

    assert loop.run(main) == [True] * 50
    assert len(slow.calls) == 1
    assert decider._calls == {}


def test_requests_that_were_made_before_any_ran_share_one_call(loop: Loop) -> None:
    slow = Slow(loop)
    asked: list[str] = []

    def function(origin: str) -> Awaitable[bool]:
        asked.append(origin)
        return slow(origin)

    decider = FunctionOrigins(function)

    async def main() -> list[bool | None]:
        # Only the first knew not yet that the function is asynchronous, and called it at once; what
        # it was given is dropped because another request comes to make the call.
        first, *others = (decider(ORIGIN) for _ in range(5))
        async with loop.requests() as start:
            requests = [start(functools.partial(awaited, other)) for other in others]
            await loop.others()
            requests.append(start(functools.partial(awaited, first)))
            await loop.others()
            slow.calls[0].set()
        return [request.answer for request in requests]

    assert loop.run(main) == [True] * 5
    assert len(slow.calls) == 1
    assert len(asked) == 2


def test_requests_for_other_origins_do_not_wait(loop: Loop) -> None:
    slow = Slow(loop)
    decider = FunctionOrigins(slow)

    async def main() -> None:
        async with loop.requests() as start:
            first = start(lambda: ask(decider))
            second = start(lambda: ask(decider, OTHER))
            await loop.others()
            slow.calls[1].set()
            await loop.others()
            assert {first.answer, second.answer} == {None, True}
            slow.calls[0].set()

    loop.run(main)


def test_when_the_client_of_the_call_goes_away_another_request_takes_over(loop: Loop) -> None:
    slow = Slow(loop)
    decider = FunctionOrigins(slow)

    async def main() -> list[bool | None]:
        async with loop.requests() as start:
            first = start(lambda: ask(decider))
            await loop.others()
            others = [start(lambda: ask(decider)) for _ in range(5)]
            await loop.others()
            assert len(slow.calls) == 1
            first.leave()
            await loop.others()
            assert len(slow.calls) == 2
            slow.calls[1].set()
        return [first.answer, *(request.answer for request in others)]

    assert loop.run(main) == [None, *[True] * 5]
    assert len(slow.calls) == 2


def test_a_request_that_waits_may_go_away_and_so_may_all(loop: Loop) -> None:
    slow = Slow(loop)
    decider = FunctionOrigins(slow)

    async def main() -> None:
        async with loop.requests() as start:
            requests = [start(lambda: ask(decider)) for _ in range(3)]
            await loop.others()
            for request in reversed(requests):
                request.leave()
                await loop.others()
        assert [request.answer for request in requests] == [None] * 3

    loop.run(main)
    assert decider._calls == {}
    assert len(decider._answers) == 0


def test_a_failure_is_shared_too(loop: Loop) -> None:
    calls = []

    async def function(origin: str) -> bool:
        calls.append(origin)
        await loop.others()
        raise ConnectionError

    decider = FunctionOrigins(function, clock=Clock())

    async def main() -> list[bool | None]:
        async with loop.requests() as start:
            requests = [start(lambda: ask(decider)) for _ in range(50)]
        return [request.answer for request in requests]

    assert loop.run(main) == [False] * 50
    assert len(calls) == 1


# Time-outs and cancellation.


def test_a_call_that_hangs_is_ended_and_refuses(
    loop: Loop, caplog: pytest.LogCaptureFixture
) -> None:
    slow = Slow(loop)
    decider = FunctionOrigins(slow, timeout=0, clock=Clock())
    assert loop.run(lambda: ask(decider)) is False
    assert messages(caplog) == [
        "CORS: allow_origin_func took longer than 0 s: "
        "the origin 'https://app.tenant.test' is refused"
    ]
    assert decider(ORIGIN) is False
    assert len(slow.calls) == 1


@pytest.mark.parametrize(
    ("seconds", "answer"),
    [(DEFAULT_TIMEOUT_SECONDS - MOMENT, True), (DEFAULT_TIMEOUT_SECONDS + MOMENT, False)],
)
def test_a_call_may_take_so_long_and_no_longer(seconds: float, answer: bool) -> None:
    calls = []

    async def function(origin: str) -> bool:
        calls.append(origin)
        await trio.sleep(seconds)
        return True

    async def main() -> None:
        async with LOOPS["trio"].requests() as start:
            requests = [start(lambda: ask(decider)) for _ in range(3)]
        assert [request.answer for request in requests] == [answer] * 3

    decider = FunctionOrigins(function)
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))  # No time passes.
    assert len(calls) == 1


def test_permission_given_after_the_time_is_up_is_none(loop: Loop) -> None:
    async def function(origin: str) -> bool:
        try:
            await loop.event().wait()
        except loop.cancelled:
            return True
        return True

    assert loop.run(lambda: ask(FunctionOrigins(function, timeout=0))) is False


def test_a_call_that_resists_its_end_holds_up_nobody_else() -> None:
    async def main() -> None:
        release = asyncio.Event()

        async def function(origin: str) -> bool:
            while not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    continue
            return True

        decider = FunctionOrigins(function, timeout=0, clock=Clock())
        first = asyncio.create_task(ask(decider))
        await LOOPS["asyncio"].others()
        assert not first.done()
        assert await ask(decider) is False
        release.set()
        assert await first is False

    asyncio.run(main())


def test_a_function_that_asks_itself_through_another_task_ends() -> None:
    async def function(origin: str) -> bool:
        return await asyncio.create_task(ask(decider))

    decider = FunctionOrigins(function, timeout=0)
    assert asyncio.run(ask(decider)) is False


def test_something_cancelled_within_the_function_refuses(caplog: pytest.LogCaptureFixture) -> None:
    async def function(origin: str) -> bool:
        query: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        query.cancel()
        return await query

    assert asyncio.run(ask(FunctionOrigins(function))) is False
    assert "allow_origin_func was cancelled" in messages(caplog)[0]


def test_a_request_that_was_cancelled_before_it_waits_is_cancelled() -> None:
    async def function(origin: str) -> bool:
        await asyncio.sleep(0)
        return True

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await ask(FunctionOrigins(function))

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())


# Several loops and threads.


def test_a_loop_that_ends_amid_a_call_leaves_nothing_behind(loop: Loop) -> None:
    slow = Slow(loop)
    decider = FunctionOrigins(slow)

    async def main() -> None:
        async with loop.requests() as start:
            request = start(lambda: ask(decider))
            await loop.others()
            request.leave()

    loop.run(main)
    assert decider._calls == {}
    assert loop.run(lambda: ask(FunctionOrigins(Database().check_async))) is True


def test_a_call_that_is_thrown_away_leaves_nothing_behind() -> None:
    async def main() -> None:
        slow = Slow(LOOPS["asyncio"])
        decider = FunctionOrigins(slow)
        awaitable: Any = decider(ORIGIN)
        awaitable.send(None)
        awaitable.close()
        assert decider._calls == {}
        assert len(slow.calls) == 1

    asyncio.run(main())


@pytest.mark.parametrize("names", [("asyncio", "asyncio"), ("asyncio", "trio"), ("trio", "trio")])
def test_two_threads_with_a_loop_each_wait_for_calls_of_their_own(names: tuple[str, str]) -> None:
    both = threading.Barrier(2, timeout=60)
    calls: list[str] = []
    answers: list[bool | None] = []

    async def function(origin: str) -> bool:
        loop = loops[threading.current_thread().name]
        calls.append(origin)
        await loop.others()  # Requests of this loop join this call.
        both.wait()  # Passes only if the other loop has a call of its own under way.
        await loop.others()
        return True

    def serve(loop: Loop) -> None:
        async def main() -> None:
            async with loop.requests() as start:
                requests = [start(lambda: ask(decider)) for _ in range(10)]
            answers.extend(request.answer for request in requests)

        loop.run(main)

    decider = FunctionOrigins(function, ttl=0)
    loops = {f"thread {number}": LOOPS[name] for number, name in enumerate(names)}
    threads = [
        threading.Thread(target=serve, args=(loop,), name=name) for name, loop in loops.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 20
    assert len(calls) == 2
    assert decider._calls == {}


def test_threads_share_a_plain_function() -> None:
    wrong: list[bytes] = []
    start = threading.Barrier(4, timeout=60)
    decider = FunctionOrigins(Database().check, max_entries=8)

    def serve() -> None:
        start.wait()
        for _ in range(50):
            wrong.extend(origin for origin in origins(20) if decider(origin) is not True)
            wrong.extend(origin for origin in origins(20, "evil.example") if decider(origin))

    threads = [threading.Thread(target=serve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(decider._answers) == 16


def test_trio_may_be_a_guest_of_asyncio() -> None:
    async def function(origin: str) -> bool:
        await trio.lowlevel.checkpoint()
        return True

    async def main() -> bool:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Any] = loop.create_future()
        trio.lowlevel.start_guest_run(
            ask,
            FunctionOrigins(function),
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            done_callback=ended.set_result,
        )
        answer: bool = (await ended).unwrap()
        return answer

    assert asyncio.run(main()) is True
