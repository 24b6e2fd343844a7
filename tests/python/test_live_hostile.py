"""Followers in bad company: silent sources, other followers, forks, loops that end, and exits."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from corsac import CORSPolicy
from corsac.live import FileSource, Follower, PollSource
from corsac.live.awaiting import wait_for
from corsac.live.follower import _LEAST_SECONDS
from support.following import BASE, ONE, OWN, THREE, TWO, ask_again_soon, readers
from support.refused import MakeObserved, Observed
from support.sources import WAIT_SECONDS, Handed, allowed, wait_until


class Silent:
    """A source that does not answer until it is let go."""

    name = "silent"
    interval = None

    def __init__(self, *origins: str) -> None:
        self.asked, self.let_go = threading.Event(), threading.Event()
        self._origins = origins

    def origins(self) -> tuple[str, ...]:
        self.asked.set()
        assert self.let_go.wait(WAIT_SECONDS)
        return self._origins

    def wait(self, stopped: threading.Event) -> None:
        stopped.wait()


class Restless:
    """A source whose waiting returns at once, as one that is told of each single entry."""

    name = "restless"
    interval = None
    read = waited = 0

    def origins(self) -> tuple[str, ...]:
        self.read += 1
        return (ONE,)

    def wait(self, stopped: threading.Event) -> None:
        self.waited += 1


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask a source that fails again at once, and stop waiting for a silent one soon."""
    ask_again_soon(monkeypatch)
    monkeypatch.setattr("corsac._background._STOP_SECONDS", 0.05)


@pytest.fixture
def send(make_observed: MakeObserved) -> Observed:
    """A middleware of each protocol with the base policy."""
    return make_observed(policy=BASE)


# Silent sources, and stops.


def test_what_a_silent_source_gives_after_a_stop_has_no_effect(send: Observed) -> None:
    source = Silent(ONE)
    follower = Follower(send.middleware, source, base=BASE)
    follower.start()
    assert source.asked.wait(WAIT_SECONDS)
    thread = follower._background._thread
    assert thread is not None
    follower.stop()
    source.let_go.set()
    thread.join(WAIT_SECONDS)
    assert readers(send) == [OWN]
    assert (follower.status.state, follower.status.error) == ("loading", None)


def test_a_source_that_does_not_wait_is_not_read_without_a_break(
    send: Observed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("corsac.live.follower._LEAST_SECONDS", WAIT_SECONDS)
    source = Restless()
    with Follower(send.middleware, source, base=BASE) as follower:
        assert readers(send) == [OWN, ONE]
        thread = follower._background._thread
    assert thread is not None
    thread.join(WAIT_SECONDS)
    assert (source.read, source.waited) == (1, 1)


@pytest.mark.parametrize("interval", [None, 30.0])
def test_what_is_not_followed_any_more_is_stale(send: Observed, interval: float | None) -> None:
    source = Handed(ONE)
    source.interval = interval
    with Follower(send.middleware, source, base=BASE) as follower:
        assert follower.status.state == "current"
    assert (follower.status.state, follower.status.origins) == ("stale", 1)
    follower.start()
    source.settle()
    wait_until(lambda: follower.status.state == "current")
    follower.stop()


def test_entries_that_are_skipped_are_named_when_they_are_others(
    send: Observed, caplog: pytest.LogCaptureFixture
) -> None:
    source = Handed(ONE, "first")
    with Follower(send.middleware, source, base=BASE):
        source.settle()
        source.hand(ONE, "first")
        source.hand(ONE, "second")
    skipped = [each.getMessage() for each in caplog.records if "skipped" in each.getMessage()]
    assert ["first" in each for each in skipped] == [True, False]
    assert "second" in skipped[1]


def test_an_iterator_without_an_end_ends_with_a_stop(send: Observed) -> None:
    begun = threading.Event()

    def endless() -> Iterator[str]:
        while True:
            begun.set()
            yield ONE

    follower = Follower(send.middleware, PollSource(endless), base=BASE)
    follower.start()
    assert begun.wait(WAIT_SECONDS)
    thread = follower._background._thread
    assert thread is not None
    follower.stop()
    thread.join(WAIT_SECONDS)
    assert not thread.is_alive()
    assert readers(send) == [OWN]


def test_a_follower_that_is_started_again_is_not_disturbed_by_its_old_thread(
    send: Observed,
) -> None:
    source = Silent(ONE)
    follower = Follower(send.middleware, source, base=BASE)
    follower.start()
    assert source.asked.wait(WAIT_SECONDS)
    old = follower._background._thread
    follower.stop()
    follower.start()
    source.let_go.set()
    assert follower.ready(WAIT_SECONDS)
    assert old is not None
    old.join(WAIT_SECONDS)
    assert not old.is_alive()
    assert readers(send) == [OWN, ONE]
    assert follower.status.state == "current"
    follower.stop()


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit()], ids=repr)
def test_what_is_not_an_exception_does_not_end_the_following(
    send: Observed, error: BaseException
) -> None:
    source = Handed(ONE)
    with Follower(send.middleware, source, base=BASE) as follower:
        source.settle()
        source.origins_now = error
        source._changed.release()
        source.settle()
        wait_until(lambda: follower.status.error is not None)
        assert follower.status.state == "stale"
        assert str(follower.status.error).startswith(type(error).__name__)
        source.origins_now = (TWO,)
        wait_until(lambda: follower.status.state == "current")
        assert readers(send) == [OWN, TWO]


def test_a_source_that_cannot_wait_is_asked_less_and_less_often(
    send: Observed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("corsac.live.follower._LAST_RETRY_SECONDS", 30.0)
    monkeypatch.setattr("corsac.live.follower.uniform", lambda _, most: most)
    delays: list[float] = []

    class Broken(Handed):
        def wait(self, stopped: threading.Event) -> None:
            raise OSError("no watches left")

    class Stopped(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            if timeout != _LEAST_SECONDS:
                delays.append(timeout or 0)
            if len(delays) == 4:
                self.set()
            return self.is_set()

    follower = Follower(send.middleware, Broken(ONE), base=BASE)
    follower._run(Stopped())
    assert delays == [0.001, 0.002, 0.004, 0.008]


def test_the_random_numbers_of_the_application_are_its_own(send: Observed) -> None:
    before = random.getstate()
    source = PollSource(lambda: [ONE], interval=0.001, jitter=1.0)
    stopped = threading.Event()
    source.wait(stopped)

    def fail() -> list[str]:
        stopped.set()
        raise OSError("no database")

    Follower(send.middleware, PollSource(fail), base=BASE)._run(stopped)
    assert random.getstate() == before


# Event loops.


def test_a_coroutine_that_never_answers_does_not_hold_up_the_event_loop(send: Observed) -> None:
    cancelled: list[bool] = []

    async def silent() -> list[str]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise
        return []

    async def run() -> None:
        source = PollSource(silent)
        follower = Follower(send.middleware, source, base=BASE, start_seconds=0.05)
        with pytest.raises(RuntimeError, match=r"no answer in 0\.05 seconds"):
            await follower.__aenter__()
        await asyncio.to_thread(follower._background.join)
        while not cancelled:
            await asyncio.sleep(0)
        async with Follower(
            send.middleware, source, base=BASE, start_seconds=0.01, must_load=False
        ) as follower:
            thread = follower._background._thread
        assert thread is not None
        await asyncio.to_thread(thread.join, WAIT_SECONDS)
        assert not thread.is_alive()

    asyncio.run(run())


def test_entering_that_is_cancelled_leaves_nothing_behind(send: Observed) -> None:
    source = Silent(ONE)
    threads: list[threading.Thread | None] = []

    async def run() -> None:
        follower = Follower(send.middleware, source, base=BASE, start_seconds=WAIT_SECONDS)
        entering = asyncio.create_task(follower.__aenter__())
        await asyncio.to_thread(source.asked.wait, WAIT_SECONDS)
        threads.append(follower._background._thread)
        entering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await entering
        assert not follower._background.is_running

    asyncio.run(run())
    source.let_go.set()
    (thread,) = threads
    assert thread is not None
    thread.join(WAIT_SECONDS)
    assert readers(send) == [OWN]


@pytest.mark.parametrize("is_awaited", [True, False])
def test_a_loop_that_is_closed_makes_the_source_fail(
    send: Observed, is_awaited: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the application ends without its lifespan's end."""
    caplog.set_level(logging.CRITICAL, "asyncio")  # It says that a task was not awaited.
    answers = iter([[ONE]])
    asked = threading.Event()

    async def fetch() -> list[str]:
        found = next(answers, None)
        if found is None:
            asked.set()
            await asyncio.Event().wait()
        return found or []

    loop = asyncio.new_event_loop()
    source = PollSource(fetch, interval=0.001 if is_awaited else 3600)
    follower = Follower(send.middleware, source, base=BASE)
    loop.run_until_complete(follower.__aenter__())
    if is_awaited:
        while not asked.is_set():
            loop.run_until_complete(asyncio.sleep(0))
        pending = asyncio.all_tasks(loop)
    loop.close()
    if not is_awaited:
        with pytest.raises(RuntimeError, match="closed"):
            wait_for(fetch(), threading.Event(), loop, follower._background.at_work)
    else:
        wait_until(lambda: follower.status.state == "stale")
        for task in pending:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            with contextlib.suppress(RuntimeError):
                task.get_coro().close()
    assert readers(send) == [OWN, ONE]
    follower.stop()


def test_an_event_loop_that_is_closed_is_forgotten_when_it_is_started_again(
    send: Observed,
) -> None:
    async def fetch() -> list[str]:
        return [ONE]

    follower = Follower(send.middleware, PollSource(fetch), base=BASE)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(follower.__aenter__())
    loop.close()
    follower.stop()
    with follower:
        assert readers(send) == [OWN, ONE]
        assert follower.status.state == "current"


def test_a_coroutine_that_exits_does_not_end_the_event_loop(send: Observed) -> None:
    async def leave() -> list[str]:
        sys.exit(1)

    async def run() -> None:
        async with Follower(
            send.middleware, PollSource(leave), base=BASE, start_seconds=0.05, must_load=False
        ) as follower:
            assert follower.status.state == "loading"
            assert "SystemExit" in str(follower.status.error)

    asyncio.run(run())


# Several that change one middleware.


def test_two_followers_of_two_bases_do_not_disturb_each_other(make_observed: MakeObserved) -> None:
    other = CORSPolicy(allow_origins=[OWN])
    send = make_observed(policy=BASE, rules=[("/open/*", other), ("/none", None)])
    first, second = Handed(ONE), Handed(TWO)
    with (
        Follower(send.middleware, first, base=BASE),
        Follower(send.middleware, second, base=other),
    ):
        first.settle()
        second.settle()
        assert (readers(send), readers(send, "/open/x")) == ([OWN, ONE], [OWN, TWO])
        first.hand(THREE)
        second.hand(ONE)
        assert (readers(send), readers(send, "/open/x")) == ([OWN, THREE], [OWN, ONE])
        assert readers(send, "/none") == []


def test_two_followers_of_one_base_are_an_error(send: Observed) -> None:
    with Follower(send.middleware, Handed(ONE), base=BASE):
        second = Follower(send.middleware, Handed(TWO), base=BASE)
        with pytest.raises(RuntimeError, match="handed is followed with the same base"):
            second.start()
        assert readers(send) == [OWN, ONE]
    with second:
        assert readers(send) == [OWN, TWO]


def test_a_follower_takes_over_where_another_one_was(make_observed: MakeObserved) -> None:
    send = make_observed(rules=[("/api/*", BASE)])
    for origin in (ONE, TWO):
        with Follower(send.middleware, Handed(origin), base=BASE):
            assert (readers(send, "/api/x"), readers(send)) == ([OWN, origin], [])
    assert send.middleware.policy is None


def test_two_followers_of_one_file_both_see_each_change(
    make_observed: MakeObserved, tmp_path: Path
) -> None:
    path = tmp_path / "origins.txt"
    path.write_text(ONE)
    source = FileSource(path)
    sent = [make_observed(policy=BASE), make_observed(policy=BASE)]
    with (
        Follower(sent[0].middleware, source, base=BASE),
        Follower(sent[1].middleware, source, base=BASE),
    ):
        for origin in (TWO, THREE, ONE):
            path.with_suffix(".new").write_text(origin)
            path.with_suffix(".new").replace(path)
            for send in sent:
                wait_until(lambda send=send, now=[OWN, origin]: set(readers(send)) == set(now))  # type: ignore[misc]


def test_who_reconfigures_the_middleware_with_the_base_keeps_the_origins(send: Observed) -> None:
    told: list[Any] = []
    with Follower(send.middleware, Handed(ONE), base=BASE):
        send.middleware.reconfigure(BASE, on_refusal=told.append)
        assert readers(send) == [OWN, ONE]
        assert len(told) == 2
        send.middleware.reconfigure(rules=[("/api/*", BASE), ("/none", None)])
        assert (readers(send), readers(send, "/api/x")) == ([], [OWN, ONE])
    send.middleware.reconfigure(BASE)
    assert readers(send) == [OWN]


def test_observers_that_change_meanwhile_do_not_put_an_old_set_in_force(
    send: Observed, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Handed(ONE)
    configuration = type(send.middleware._configuration)
    observed_by = configuration.observed_by
    with Follower(send.middleware, source, base=BASE):
        source.settle()

        def slowly(self: Any, observation: Any) -> Any:
            monkeypatch.undo()
            source.hand(TWO)  # Between reading what is in force and replacing it.
            return observed_by(self, observation)

        monkeypatch.setattr(configuration, "observed_by", slowly)
        send.middleware._observe_as(send.middleware._observation)
        assert readers(send) == [OWN, TWO]


# Processes.


@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_process_that_is_forked_while_locks_are_held_follows(send: Observed) -> None:
    async def fetch() -> list[str]:
        return [ONE if os.getpid() == parent else TWO]

    async def run() -> None:
        async with Follower(send.middleware, PollSource(fetch), base=BASE) as follower:
            lock, loaded = follower._putting, follower._loaded
            held = threading.Event()
            let_go = threading.Event()

            def hold() -> None:
                with lock, loaded._cond:  # type: ignore[attr-defined]
                    held.set()
                    let_go.wait(WAIT_SECONDS)

            holding = threading.Thread(target=hold)
            holding.start()
            held.wait(WAIT_SECONDS)
            reading, writing = os.pipe()
            child = os.fork()
            if child == 0:
                try:  # The parent's test runner is not to run here, nor its event loop.
                    wait_until(lambda: readers_here() == [OWN, TWO])
                    os.write(writing, b"follows")
                finally:
                    os._exit(0)
            let_go.set()
            holding.join()
            os.close(writing)
            found.append(await asyncio.to_thread(os.read, reading, 99))
            os.waitpid(child, 0)
            os.close(reading)

    def readers_here() -> list[str]:
        return allowed(send.middleware.policy, OWN, ONE, TWO)

    parent = os.getpid()
    found: list[bytes] = []
    asyncio.run(run())
    assert found == [b"follows"]


IMPORTING = """
import os, pathlib, sys, tempfile, threading
import corsac
from corsac.live import Follower, PollSource

folder = tempfile.mkdtemp()
pathlib.Path(folder, "imported_late.py").write_text('''
import threading, __main__
__main__.importing.set()
threading.Event().wait(0.3)
origins = ["https://one.example"]
''')
sys.path.insert(0, folder)
importing = threading.Event()

def fetch():
    import imported_late
    return imported_late.origins

base = corsac.CORSPolicy(allow_origins=["https://app.example.com"])
follower = Follower(corsac.CORSMiddleware(print, base), PollSource(fetch), base=base)
follower.start()
importing.wait()
child = os.fork()
loaded = follower.ready(60)
if child == 0:
    os._exit(0 if loaded else 1)
print(loaded, os.waitpid(child, 0)[1])
"""


def test_a_process_that_is_forked_while_a_source_imports_something_follows() -> None:
    command = [sys.executable, "-W", "ignore", "-c", IMPORTING]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True 0\n", "")


COMPARING = """
import faulthandler, itertools, os, threading
import corsac
from corsac._core import make_live_origins

def filled(first):
    origins = make_live_origins(allow_insecure=False)
    origins.add(tuple(f"https://{number}.example.com" for number in range(first, first + 50_000)))
    return origins

def compare():
    while not done:
        comparing.set()
        before.entries_beyond(after, 100)

before, after = filled(0), filled(50_000)
after.entries_beyond(before, 1)  # Seals what is given; a policy seals its own.
before.entries_beyond(after, 1)
done = False
comparing = threading.Event()
thread = threading.Thread(target=compare)
thread.start()
comparing.wait()
ends = []
for _ in range(20):
    child = os.fork()
    if child == 0:
        faulthandler.dump_traceback_later(60, exit=True)
        os._exit(0 if len(before) == len(after) == 50_000 else 1)
    ends.append(os.waitpid(child, 0)[1])
done = True
thread.join()
print(ends.count(0))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_process_that_is_forked_while_origins_are_compared_reads_them() -> None:
    command = [sys.executable, "-W", "ignore", "-c", COMPARING]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("20\n", "")


@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_who_forks_waits_for_a_silent_source_for_a_while_only(
    send: Observed, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Silent(ONE)
    follower = Follower(send.middleware, source, base=BASE)
    follower.start()
    assert source.asked.wait(WAIT_SECONDS)
    child = os.fork()  # It waits for as long as `soon` says.
    if child == 0:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    source.let_go.set()
    assert follower.ready(WAIT_SECONDS)
    follower.stop()


EXITING = """
import sys, threading, time
import corsac
from corsac.live import Follower, PollSource

base = corsac.CORSPolicy(allow_origins=["https://app.example.com"])
ended = threading.Event()

def fetch():
    return (f"https://{i}.example" for i in range(200_000))

middleware = corsac.CORSMiddleware(print, base)
follower = Follower(middleware, PollSource(fetch, interval=0.001), base=base, must_load=False)
follower.start()
run = threading.Event().wait
time.sleep(float(sys.argv[1]))
"""


@pytest.mark.parametrize("seconds", ["0", "0.05", "0.3"])
def test_an_interpreter_that_ends_while_origins_are_read_ends_in_peace(seconds: str) -> None:
    command = [sys.executable, "-c", EXITING, seconds]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# Wrong arguments, and what is said.


@pytest.mark.parametrize("interval", [0, -1.0, "60", float("nan")])
def test_a_source_with_a_wrong_interval_is_an_error(send: Observed, interval: Any) -> None:
    source = Handed(ONE)
    source.interval = interval
    with pytest.raises(ValueError, match="a source's interval is a number of seconds above 0"):
        Follower(send.middleware, source, base=BASE)


def test_the_log_names_what_came_and_went(send: Observed, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "corsac")
    source = Handed(ONE)
    with Follower(send.middleware, source, base=BASE):
        source.settle()
        source.hand(TWO, THREE)
    assert [r.getMessage() for r in caplog.records if "in force" in r.getMessage()] == [
        f"CORS: 1 origins of handed are in force; added '{ONE}'; removed none",
        f"CORS: 2 origins of handed are in force; added '{TWO}', '{THREE}'; removed '{ONE}'",
    ]


def test_warnings_about_entries_are_in_no_log_and_no_list(
    send: Observed, caplog: pytest.LogCaptureFixture
) -> None:
    before = send.middleware.problems
    entries = ["https://*.example", *(f"https://{i}.example" for i in range(1000))]
    with Follower(send.middleware, Handed(*entries), base=BASE):
        assert send.middleware.problems == before
        assert caplog.records == []


def test_one_of_several_policies_follows(make_observed: MakeObserved) -> None:
    public = CORSPolicy(allow_origins=[THREE])
    send = make_observed(policy=[BASE, public], rules=[("/api/*", [public, BASE])])
    source = Handed(ONE)
    with Follower(send.middleware, source, base=BASE):
        source.settle()
        assert (readers(send), readers(send, "/api/x")) == ([OWN, ONE, THREE], [OWN, ONE, THREE])
        source.hand(TWO)
        assert (readers(send), readers(send, "/api/x")) == ([OWN, TWO, THREE], [OWN, TWO, THREE])
        assert send.middleware.policy[1] is public


def test_who_reconfigures_the_middleware_never_has_the_base_alone_in_force(
    send: Observed, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Follower(send.middleware, Handed(ONE), base=BASE):
        monkeypatch.setattr(Follower, "put_again", lambda _: None)
        send.middleware.reconfigure([BASE], rules=[("/api/*", BASE)])
        assert (readers(send), readers(send, "/api/x")) == ([OWN, ONE], [OWN, ONE])


GREEN = r"""
from gevent import monkey
monkey.patch_all()
import pathlib, sys, gevent
import corsac.wsgi
from corsac.live import FileSource, Follower
def application(environ, start_response): ...
base = corsac.CORSPolicy(allow_origins=["https://app.example.com"])
middleware = corsac.wsgi.CORSMiddleware(application, base)
origins, policy = map(pathlib.Path, sys.argv[1:])
watched = corsac.wsgi.CORSMiddleware.from_file(application, policy, watch=True)
with Follower(middleware, FileSource(origins), base=base) as follower:
    origins.write_text("https://one.example\nhttps://two.example\n")
    policy.write_text('allow_origins = ["https://one.example"]')
    while follower.status.origins < 2 or not watched.policy.allow_origins:
        gevent.sleep(0.01)
print("followed")
"""


def test_files_are_followed_beside_green_threads(tmp_path: Path) -> None:
    origins, policy = tmp_path / "origins.txt", tmp_path / "corsac.toml"
    origins.write_text(ONE)
    policy.write_text("allow_origins = []")
    done = subprocess.run(
        [sys.executable, "-c", GREEN, origins, policy],
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "followed\n"), done.stderr
