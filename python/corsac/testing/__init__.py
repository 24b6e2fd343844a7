"""Assertions on what a page of another origin gets from an application, for users' own tests.

from corsac.testing import assert_cors, assert_cors_blocked


def test_the_shop_may_change_an_item():
    assert_cors(app, origin="https://shop.example.com", method="PUT", path="/items/1")


def test_nobody_else_may():
    assert_cors_blocked(app, origin="https://evil.example", method="PUT", path="/items/1")

Each runs a simulated browser (`corsac.browser.simulate`) against the application in this process,
preflight and all, and fails with what the browser did, why it stopped and the smallest change of
the policy. Under pytest both are fixtures too. Coroutines await the twins of the names
``..._async``. The application is not started: no lifespan events are sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Unpack

from corsac.browser.outcome import FetchOutcome
from corsac.testing.exchange import Asked, AskedFor, check_allowed, check_blocked

__all__ = [
    "assert_cors",
    "assert_cors_async",
    "assert_cors_blocked",
    "assert_cors_blocked_async",
]


def assert_cors(
    app: Any,
    *,
    status: int | None = None,
    readable: Iterable[str] = (),
    **asked: Unpack[AskedFor],
) -> FetchOutcome:
    """See that a page's script gets the response to a request.

    Args:
        app: An ASGI or WSGI application.
        status: What the script has to see as the status; ``None`` for any, errors included.
        readable: Names of response headers that the script has to be able to read.
        **asked: The page's ``origin``, and what is asked for: see `AskedFor`.

    Returns:
        What came of it, for further assertions.

    Raises:
        AssertionError: The script does not get it, or not as it has to be. The message has every
            step and, if the application has Corsac's middleware, the policy's explanation.
        TypeError: An argument is of the wrong type.
        ValueError: An argument cannot be used, the page is of the application's own origin, or the
            interface cannot be told.
    """
    __tracebackhide__ = True
    return Asked(app, **asked).checked(partial(check_allowed, status, readable))


def assert_cors_blocked(
    app: Any, *, reason: str | None = None, **asked: Unpack[AskedFor]
) -> FetchOutcome:
    """See that CORS keeps the response to a request from a page's script.

    An application that gives no answer at all, or a call that fetch() itself throws at, is not a
    proof of that and fails, unless ``reason`` asks for it.

    Args:
        app: As in `assert_cors`.
        reason: Why it has to be blocked, such as ``"preflight:header-not-allowed:x-id"`` or
            shorter ``"preflight:header-not-allowed"``; see `corsac.browser.REASONS`. ``None`` for
            any reason of CORS.
        **asked: As in `assert_cors`.

    Returns:
        What came of it, for further assertions.

    Raises:
        AssertionError: The script gets the response, or is kept from it for another reason.
        TypeError: As in `assert_cors`.
        ValueError: As in `assert_cors`; or there is no such reason.
    """
    __tracebackhide__ = True
    return Asked(app, **asked).checked(partial(check_blocked, reason))


async def assert_cors_async(
    app: Any,
    *,
    status: int | None = None,
    readable: Iterable[str] = (),
    **asked: Unpack[AskedFor],
) -> FetchOutcome:
    """Do as `assert_cors` does, with its arguments, in the running event loop (asyncio)."""
    __tracebackhide__ = True
    return await Asked(app, **asked).checked_async(partial(check_allowed, status, readable))


async def assert_cors_blocked_async(
    app: Any, *, reason: str | None = None, **asked: Unpack[AskedFor]
) -> FetchOutcome:
    """Do as `assert_cors_blocked` does, likewise in the running event loop (asyncio)."""
    __tracebackhide__ = True
    return await Asked(app, **asked).checked_async(partial(check_blocked, reason))
