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
from typing import Any

from corsac.browser.messages import HeaderLines
from corsac.browser.outcome import FetchOutcome
from corsac.browser.request import Body
from corsac.testing.exchange import DEFAULT_URL, Asked
from corsac.testing.expectations import check_allowed, check_blocked
from corsac.testing.report import diagnose, diagnose_async

__all__ = [
    "assert_cors",
    "assert_cors_async",
    "assert_cors_blocked",
    "assert_cors_blocked_async",
]


def assert_cors(
    app: Any,
    *,
    origin: str,
    method: str = "GET",
    headers: HeaderLines = (),
    path: str = "/",
    credentials: str | bool = "same-origin",
    body: Body = None,
    mode: str = "cors",
    redirect: str = "follow",
    status: int | None = None,
    readable: Iterable[str] = (),
    base_url: str = DEFAULT_URL,
    interface: str | None = None,
    profile: str = "standard",
) -> FetchOutcome:
    """See that a page's script gets the response to a request.

    Args:
        app: An ASGI or WSGI application.
        origin: The page's origin, ``"https://app.example.com"``; ``"null"`` for an opaque one.
        method: What the script passes to fetch().
        headers: The request headers that the script sets: pairs, or a mapping.
        path: What is asked for, with a query if there is one.
        credentials: ``"omit"``, ``"same-origin"`` or ``"include"``; ``True`` is ``"include"``,
            ``False`` is ``"omit"``.
        body: As `corsac.browser.FetchRequest` takes it.
        mode: ``"cors"``, ``"no-cors"`` or ``"same-origin"``.
        redirect: ``"follow"``, ``"error"`` or ``"manual"``.
        status: What the script has to see as the status; ``None`` for any, errors included.
        readable: Names of response headers that the script has to be able to read.
        base_url: Scheme, host and port of the application; another origin than the page's.
        interface: ``"asgi"`` or ``"wsgi"``; by default what the application looks like.
        profile: Which browser it is; see `corsac.browser.PROFILES`.

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
    asked = Asked(
        app,
        interface=interface,
        base_url=base_url,
        path=path,
        origin=origin,
        method=method,
        headers=headers,
        credentials=credentials,
        body=body,
        mode=mode,
        redirect=redirect,
    )
    outcome = asked.outcome(profile)
    problem = check_allowed(outcome, status, readable)
    if problem:
        raise AssertionError(diagnose(asked, outcome, problem))
    return outcome


def assert_cors_blocked(
    app: Any,
    *,
    origin: str,
    method: str = "GET",
    headers: HeaderLines = (),
    path: str = "/",
    credentials: str | bool = "same-origin",
    body: Body = None,
    mode: str = "cors",
    redirect: str = "follow",
    reason: str | None = None,
    base_url: str = DEFAULT_URL,
    interface: str | None = None,
    profile: str = "standard",
) -> FetchOutcome:
    """See that CORS keeps the response to a request from a page's script.

    An application that gives no answer at all, or a call that fetch() itself throws at, is no
    proof of that and fails, unless ``reason`` asks for it.

    Args:
        app: As in `assert_cors`.
        origin: As in `assert_cors`.
        method: As in `assert_cors`.
        headers: As in `assert_cors`.
        path: As in `assert_cors`.
        credentials: As in `assert_cors`.
        body: As in `assert_cors`.
        mode: As in `assert_cors`.
        redirect: As in `assert_cors`.
        reason: Why it has to be blocked, such as ``"preflight:header-not-allowed:x-id"`` or
            shorter ``"preflight:header-not-allowed"``; see `corsac.browser.REASONS`. ``None`` for
            any reason of CORS.
        base_url: As in `assert_cors`.
        interface: As in `assert_cors`.
        profile: As in `assert_cors`.

    Returns:
        What came of it, for further assertions.

    Raises:
        AssertionError: The script gets the response, or is kept from it for another reason.
        TypeError: As in `assert_cors`.
        ValueError: As in `assert_cors`; or there is no such reason.
    """
    __tracebackhide__ = True
    asked = Asked(
        app,
        interface=interface,
        base_url=base_url,
        path=path,
        origin=origin,
        method=method,
        headers=headers,
        credentials=credentials,
        body=body,
        mode=mode,
        redirect=redirect,
    )
    outcome = asked.outcome(profile)
    problem = check_blocked(outcome, reason)
    if problem:
        raise AssertionError(diagnose(asked, outcome, problem))
    return outcome


async def assert_cors_async(
    app: Any,
    *,
    origin: str,
    method: str = "GET",
    headers: HeaderLines = (),
    path: str = "/",
    credentials: str | bool = "same-origin",
    body: Body = None,
    mode: str = "cors",
    redirect: str = "follow",
    status: int | None = None,
    readable: Iterable[str] = (),
    base_url: str = DEFAULT_URL,
    interface: str | None = None,
    profile: str = "standard",
) -> FetchOutcome:
    """The same as `assert_cors` in the running event loop (asyncio).

    Args:
        app: As in `assert_cors`.
        origin: As in `assert_cors`.
        method: As in `assert_cors`.
        headers: As in `assert_cors`.
        path: As in `assert_cors`.
        credentials: As in `assert_cors`.
        body: As in `assert_cors`.
        mode: As in `assert_cors`.
        redirect: As in `assert_cors`.
        status: As in `assert_cors`.
        readable: As in `assert_cors`.
        base_url: As in `assert_cors`.
        interface: As in `assert_cors`.
        profile: As in `assert_cors`.

    Returns:
        As `assert_cors`.

    Raises:
        AssertionError: As in `assert_cors`.
        TypeError: As in `assert_cors`.
        ValueError: As in `assert_cors`.
    """
    __tracebackhide__ = True
    asked = Asked(
        app,
        interface=interface,
        base_url=base_url,
        path=path,
        origin=origin,
        method=method,
        headers=headers,
        credentials=credentials,
        body=body,
        mode=mode,
        redirect=redirect,
    )
    outcome = await asked.outcome_async(profile)
    problem = check_allowed(outcome, status, readable)
    if problem:
        raise AssertionError(await diagnose_async(asked, outcome, problem))
    return outcome


async def assert_cors_blocked_async(
    app: Any,
    *,
    origin: str,
    method: str = "GET",
    headers: HeaderLines = (),
    path: str = "/",
    credentials: str | bool = "same-origin",
    body: Body = None,
    mode: str = "cors",
    redirect: str = "follow",
    reason: str | None = None,
    base_url: str = DEFAULT_URL,
    interface: str | None = None,
    profile: str = "standard",
) -> FetchOutcome:
    """The same as `assert_cors_blocked` in the running event loop (asyncio).

    Args:
        app: As in `assert_cors`.
        origin: As in `assert_cors`.
        method: As in `assert_cors`.
        headers: As in `assert_cors`.
        path: As in `assert_cors`.
        credentials: As in `assert_cors`.
        body: As in `assert_cors`.
        mode: As in `assert_cors`.
        redirect: As in `assert_cors`.
        reason: As in `assert_cors_blocked`.
        base_url: As in `assert_cors`.
        interface: As in `assert_cors`.
        profile: As in `assert_cors`.

    Returns:
        As `assert_cors_blocked`.

    Raises:
        AssertionError: As in `assert_cors_blocked`.
        TypeError: As in `assert_cors`.
        ValueError: As in `assert_cors_blocked`.
    """
    __tracebackhide__ = True
    asked = Asked(
        app,
        interface=interface,
        base_url=base_url,
        path=path,
        origin=origin,
        method=method,
        headers=headers,
        credentials=credentials,
        body=body,
        mode=mode,
        redirect=redirect,
    )
    outcome = await asked.outcome_async(profile)
    problem = check_blocked(outcome, reason)
    if problem:
        raise AssertionError(await diagnose_async(asked, outcome, problem))
    return outcome
