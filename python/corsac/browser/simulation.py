"""Running a fetch over a transport."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable

from corsac.browser.cache import PreflightCache
from corsac.browser.fetching import Exchange, fetch
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
    exchange = _begin(request, transport, cache, profile)
    answer: Response | Exception | None = None
    while isinstance(to_send := _advance(exchange, answer), Request):
        try:
            result = transport(to_send)
        except AssertionError:
            raise
        except Exception as error:
            answer = error
        else:
            answer = _as_response(result)
    return to_send


async def simulate_async(
    request: FetchRequest,
    transport: AsyncTransport,
    *,
    cache: PreflightCache | None = None,
    profile: str = "standard",
) -> FetchOutcome:
    """Do the same as `simulate` with a transport that is awaited.

    Args:
        request: What the script asks for.
        transport: As in `simulate`; it may be a coroutine function.
        cache: As in `simulate`.
        profile: As in `simulate`.

    Returns:
        What came of it.

    Raises:
        TypeError: As in `simulate`.
        ValueError: As in `simulate`.
    """
    exchange = _begin(request, transport, cache, profile)
    answer: Response | Exception | None = None
    while isinstance(to_send := _advance(exchange, answer), Request):
        try:
            result = transport(to_send)
            received = await result if inspect.isawaitable(result) else result
        except AssertionError:
            raise
        except Exception as error:
            answer = error
        else:
            answer = _as_response(received)
    return to_send


def _begin(request: object, transport: object, cache: object, profile: object) -> Exchange:
    if not isinstance(request, FetchRequest):
        message = f"request must be a FetchRequest, not {type(request).__name__}"
        raise TypeError(message)
    if not callable(transport):
        message = f"transport must be callable with a Request, not {type(transport).__name__}"
        raise TypeError(message)
    if cache is not None and not isinstance(cache, PreflightCache):
        message = f"cache must be a PreflightCache or None, not {type(cache).__name__}"
        raise TypeError(message)
    if not isinstance(profile, str):
        message = f"profile must be a str, not {type(profile).__name__}"
        raise TypeError(message)
    return fetch(request, cache, profile)


def _as_response(answer: object) -> Response:
    if isinstance(answer, Response):
        return answer
    message = f"the transport must return a corsac.browser.Response, not {type(answer).__name__}"
    if inspect.isawaitable(answer):
        close = getattr(answer, "close", None)
        if close is not None:
            close()
        message += "; use simulate_async for a transport that is awaited"
    raise TypeError(message)


def _advance(exchange: Exchange, answer: Response | Exception | None) -> Request | FetchOutcome:
    """Hand over what came of a request, first None; give the next one, or the outcome."""
    try:
        return next(exchange) if answer is None else exchange.send(answer)
    except StopIteration as done:
        outcome: FetchOutcome = done.value
        return outcome
