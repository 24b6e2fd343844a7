"""Origins that a function decides: only True allows, whatever it does, on whatever it runs."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from typing import Any

import pytest
import trio
import trio.testing

from corsac.origins import (
    FunctionOrigins,
    RegexOrigins,
    make_decider,
)
from support.deciders import ORIGIN, OTHER, Database, ask, messages
from support.event_loops import LOOPS, Loop


@pytest.fixture(params=sorted(LOOPS))
def loop(request: pytest.FixtureRequest) -> Loop:
    return LOOPS[request.param]


# An expression and a function.


def test_the_expression_is_asked_before_the_function() -> None:
    database = Database()
    regex, function = RegexOrigins(r"https://[a-z]+\.example"), FunctionOrigins(database.check)
    decider = make_decider(regex, function)
    assert decider is not None
    assert [decider(origin) for origin in (OTHER, ORIGIN, b"http://c.test")] == [True, True, False]
    assert database.asked == [ORIGIN.decode(), "http://c.test"]


def test_one_of_them_decides_alone_and_none_means_that_nothing_decides() -> None:
    regex, function = RegexOrigins(r"https://a\.test"), FunctionOrigins(Database().check)
    assert make_decider(regex, None) is regex
    assert make_decider(None, function) is function
    assert make_decider(None, None) is None


# A function that is not asynchronous.


def test_a_plain_function_is_asked_with_the_text_and_answered_without_a_coroutine() -> None:
    database = Database()
    decider = FunctionOrigins(database.check)
    assert decider(ORIGIN) is True
    assert decider(OTHER) is False
    assert database.asked == [ORIGIN.decode(), OTHER.decode()]


@pytest.mark.parametrize(
    "origin",
    [b"", b"null", b"x" * (1 << 20), b"https://evil.example/.tenant.test", b"https://\xff.test"],
)
def test_the_function_is_never_asked_about_what_is_no_origin(origin: bytes) -> None:
    database = Database()
    assert FunctionOrigins(database.check)(origin) is False
    assert FunctionOrigins(database.check_async)(origin) is False
    assert database.asked == []


def generator() -> Generator[bool, None, None]:
    yield True


async def async_generator() -> AsyncIterator[bool]:
    yield True


async def coroutine() -> bool:
    return True


class Truthy:
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash(True)


NOT_TRUE: list[Callable[[], Any]] = [
    *(lambda value=value: value for value in (1, 1.0, "yes", "True", None, 0, [True], {True: 1})),
    Truthy,
    generator,
    async_generator,
]


@pytest.mark.parametrize("make", NOT_TRUE)
def test_nothing_but_true_allows(
    make: Callable[[], Any], loop: Loop, caplog: pytest.LogCaptureFixture
) -> None:
    async def function(origin: str) -> Any:
        return make()

    plain = FunctionOrigins(lambda origin: make())
    assert plain(ORIGIN) is False
    name = type(make()).__name__
    assert messages(caplog) == [
        f"CORS: allow_origin_func returned {name}, not True or False: "
        "the origin 'https://app.tenant.test' is refused"
    ]
    decider = FunctionOrigins(function)
    assert loop.run(lambda: ask(decider)) is False
    assert decider(ORIGIN) is False  # It is an answer, and kept.


def test_a_coroutine_that_gives_another_one_is_refused_and_leaves_no_warning(loop: Loop) -> None:
    async def function(origin: str) -> Any:
        return coroutine()

    assert loop.run(lambda: ask(FunctionOrigins(function))) is False


@pytest.mark.parametrize("error", [ValueError, StopIteration, StopAsyncIteration, TimeoutError])
def test_an_exception_refuses(
    error: type[Exception], loop: Loop, caplog: pytest.LogCaptureFixture
) -> None:
    def function(origin: str) -> bool:
        raise error("password=secret\r\nforged line")

    async def function_async(origin: str) -> bool:
        raise error

    said = "CORS: allow_origin_func raised {}: the origin 'https://app.tenant.test' is refused"
    text = f"{error.__name__}: 'password=secret\\r\\nforged line'"
    assert FunctionOrigins(function)(ORIGIN) is False
    assert loop.run(lambda: ask(FunctionOrigins(function_async))) is False
    # Python makes a StopIteration that leaves a coroutine a RuntimeError.
    raised = "RuntimeError" if error is StopIteration else error.__name__
    lines = messages(caplog)
    assert lines[0] == said.format(text)
    assert lines[1].startswith(said.format(raised).partition(": the origin")[0])
    assert [record.exc_info is not None for record in caplog.records] == [True, True]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_no_mere_exception_goes_through(error: type[BaseException]) -> None:
    def function(origin: str) -> bool:
        raise error

    decider = FunctionOrigins(function)
    for _ in range(2):  # Nothing was learned about the origin.
        with pytest.raises(error):
            decider(ORIGIN)


def test_what_is_no_mere_exception_goes_through_a_coroutine_too() -> None:
    class Stop(BaseException):
        pass

    async def function(origin: str) -> bool:
        raise Stop

    decider = FunctionOrigins(function)
    for _ in range(2):
        with pytest.raises(Stop):
            trio.run(ask, decider)
    assert decider._calls == {}


def test_a_name_that_is_no_ascii_is_escaped_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    error = type("F\u00fc\n\u202eError", (Exception,), {})

    def function(origin: str) -> bool:
        raise error

    FunctionOrigins(function)(ORIGIN)
    assert messages(caplog)[0].isascii()
    assert messages(caplog)[0].isprintable()


def test_a_function_that_asks_itself_ends(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    def function(origin: str) -> bool | Awaitable[bool]:
        return plain(origin.encode())

    async def function_async(origin: str) -> bool:
        return await ask(decider)

    plain = FunctionOrigins(function)
    decider = FunctionOrigins(function_async)
    assert plain(ORIGIN) is False
    caplog.clear()
    assert loop.run(lambda: ask(decider)) is False
    assert decider._calls == {}
    assert "asked about the origin that it was deciding" in messages(caplog)[0]


# Everything that can be awaited is.


class Awaited:
    """An awaitable object that is no coroutine."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._answer
        yield


class Checker:
    async def __call__(self, origin: str) -> bool:
        return await Database().check_async(origin)


@pytest.mark.parametrize(
    "function",
    [
        Database().check_async,
        Checker(),
        functools.partial(Database().check_async),
        lambda origin: Database().check_async(origin),
        lambda origin: Awaited(origin.endswith(".tenant.test")),
    ],
    ids=["method", "object", "partial", "lambda", "awaitable"],
)
def test_whatever_can_be_awaited_is(function: Any, loop: Loop) -> None:
    decider = FunctionOrigins(function)
    assert loop.run(lambda: ask(decider)) is True
    assert loop.run(lambda: ask(decider, OTHER)) is False


@pytest.mark.parametrize("answer", [1, "yes", None])
def test_an_awaitable_object_that_gives_something_true_is_refused(answer: Any, loop: Loop) -> None:
    assert loop.run(lambda: ask(FunctionOrigins(lambda origin: Awaited(answer)))) is False


def test_a_function_may_answer_at_once_or_later(loop: Loop) -> None:
    def function(origin: str) -> bool | Awaitable[bool]:
        return coroutine() if origin == ORIGIN.decode() else False

    decider = FunctionOrigins(function)
    assert decider(OTHER) is False
    assert loop.run(lambda: ask(decider)) is True
    assert loop.run(lambda: ask(decider, b"https://third.example")) is False


def test_an_object_that_only_looks_awaitable_is_refused() -> None:
    class Broken:
        def __await__(self) -> Any:
            return 7

    assert asyncio.run(ask(FunctionOrigins(lambda origin: Broken()))) is False


def test_without_an_event_loop_an_asynchronous_function_refuses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    decider = FunctionOrigins(lambda origin: coroutine())
    awaitable: Any = decider(ORIGIN)
    with pytest.raises(StopIteration) as ended:
        awaitable.send(None)
    assert ended.value.value is False
    assert "neither asyncio nor trio runs it" in messages(caplog)[0]
