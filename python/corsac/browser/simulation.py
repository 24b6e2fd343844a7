"""Running a fetch over a transport."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from types import UnionType

from corsac.browser.cache import PreflightCache
from corsac.browser.fetching import fetch
from corsac.browser.messages import Request, Response
from corsac.browser.outcome import FetchOutcome
from corsac.browser.request import FetchRequest

__all__ = ["AsyncTransport", "Transport", "simulate", "simulate_async"]

Transport = Callable[[Request], Response]
AsyncTransport = Callable[[Request], Awaitable[Response] | Response]


def simulate(
    request: FetchRequest,
    transport: Transport,
    *,
    cache: PreflightCache | None = None,
    profile: str = "standard",
) -> FetchOutcome:
    """Do what a browser does when a page's script calls fetch().

    It sends what the browser sends, preflights and redirects included, checks what the browser
    checks (https://fetch.spec.whatwg.org/#concept-main-fetch), and says what the script gets.

    Args:
        request: What the script asks for.
        transport: Sends one request and gives its answer, without following redirects. What it
            raises becomes an outcome with the reason ``"network-error"``, except an
            ``AssertionError``, which is a test's own voice.
        cache: The preflights that the browser remembers; ``None`` for a browser just started.
        profile: ``"standard"``, ``"chromium"``, ``"firefox"`` or ``"webkit"``.

    Returns:
        What came of it.

    Raises:
        TypeError: The transport gives something other than a `Response`, or an argument is of the
            wrong type.
        ValueError: There is no such profile.
    """
    running = _run(request, transport, cache, profile, may_wait=False)
    try:
        running.send(None)
    except StopIteration as done:
        outcome: FetchOutcome = done.value
        return outcome
    raise AssertionError("it waits for nothing")


async def simulate_async(
    request: FetchRequest,
    transport: AsyncTransport,
    *,
    cache: PreflightCache | None = None,
    profile: str = "standard",
) -> FetchOutcome:
    """Do the same as `simulate` with a transport that may be a coroutine function."""
    return await _run(request, transport, cache, profile, may_wait=True)


async def _run(
    request: FetchRequest,
    transport: AsyncTransport,
    cache: PreflightCache | None,
    profile: str,
    *,
    may_wait: bool,
) -> FetchOutcome:
    _check_type("request", request, FetchRequest, "a FetchRequest")
    if not callable(transport):
        message = f"transport must be callable with a Request, not {type(transport).__name__}"
        raise TypeError(message)
    _check_type("cache", cache, PreflightCache | None, "a PreflightCache or None")
    _check_type("profile", profile, str, "a str")
    exchange = fetch(request, cache, profile)
    answer: Response | Exception | None = None
    while True:
        try:
            to_send = next(exchange) if answer is None else exchange.send(answer)
        except StopIteration as done:
            outcome: FetchOutcome = done.value
            return outcome
        try:
            result = transport(to_send)
            if may_wait and inspect.isawaitable(result):
                result = await result
        except AssertionError:
            raise
        except Exception as error:
            answer = error
        else:
            answer = _as_response(result)


def _check_type(name: str, value: object, wanted: type | UnionType, words: str) -> None:
    if not isinstance(value, wanted):
        message = f"{name} must be {words}, not {type(value).__name__}"
        raise TypeError(message)


def _as_response(answer: object) -> Response:
    if isinstance(answer, Response):
        return answer
    message = f"the transport must return a corsac.browser.Response, not {type(answer).__name__}"
    if inspect.isawaitable(answer):
        if hasattr(answer, "close"):
            answer.close()
        message += "; use simulate_async for a transport that is awaited"
    raise TypeError(message)
