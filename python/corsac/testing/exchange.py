"""What a test asks an application through a simulated browser, and what is wrong with what came."""

from __future__ import annotations

import contextlib
import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Required, TypedDict
from urllib.parse import unquote

from corsac import asgi, wsgi
from corsac._text import shown
from corsac.browser.messages import HeaderLines, Response
from corsac.browser.outcome import REASONS, FetchOutcome
from corsac.browser.request import Body, FetchRequest
from corsac.browser.simulation import simulate, simulate_async
from corsac.browser.transports import asgi_async_transport, asgi_transport, wsgi_transport
from corsac.browser.urls import HTTP_SCHEMES, parse_url
from corsac.configuration import choose, make_configuration
from corsac.explain import Explanation, explaining
from corsac.inspection import find_layers
from corsac.options.types import is_asynchronous

__all__ = ["DEFAULT_URL", "Asked", "AskedFor", "check_allowed", "check_blocked", "interface_of"]

DEFAULT_URL = "https://testserver"
"""Where the application seems to be; the host that Django's and Starlette's test clients take."""

_OF_CORS = {"missing-allow-origin", "allow-origin-mismatch", "wildcard-with-credentials"}
_OF_CORS |= {"allow-credentials-not-true"}
"""Reasons that are Fetch's "CORS check"; all that begin with ``preflight:`` are CORS's too."""


class AskedFor(TypedDict, total=False):
    """What an assertion of `corsac.testing` takes about a request; the origin alone is required.

    Attributes:
        origin: The page's origin, ``"https://app.example.com"``; ``"null"`` for an opaque one.
        method: What the script passes to fetch(), ``"GET"`` by default.
        headers: The request headers that the script sets: pairs, or a mapping.
        path: What is asked for, with a query if there is one; ``"/"`` by default.
        credentials: ``"omit"``, ``"same-origin"`` (the default) or ``"include"``; ``True`` is
            ``"include"``, ``False`` is ``"omit"``.
        body: As `corsac.browser.FetchRequest` takes it.
        mode: ``"cors"`` (the default), ``"no-cors"`` or ``"same-origin"``.
        redirect: ``"follow"`` (the default), ``"error"`` or ``"manual"``.
        base_url: Scheme, host and port of the application, `DEFAULT_URL` by default; another
            origin than the page's.
        interface: ``"asgi"`` or ``"wsgi"``; by default what the application looks like.
        profile: Which browser it is; see `corsac.browser.PROFILES`.
    """

    origin: Required[str]
    method: str
    headers: HeaderLines
    path: str
    credentials: str | bool
    body: Body
    mode: str
    redirect: str
    base_url: str
    interface: str | None
    profile: str


class Asked:
    """One request, and the application that it goes to; the arguments are those of `AskedFor`."""

    def __init__(
        self,
        app: Any,
        *,
        origin: str,
        path: str = "/",
        credentials: str | bool = "same-origin",
        base_url: str = DEFAULT_URL,
        interface: str | None = None,
        profile: str = "standard",
        **arguments: Any,
    ) -> None:
        if isinstance(credentials, bool):
            credentials = "include" if credentials else "omit"
        for name, value in (("base_url", base_url), ("path", path)):
            if not isinstance(value, str):
                raise TypeError(f"{name} must be a str, not {type(value).__name__}")
        base = parse_url(base_url)
        if base is None or base.scheme not in HTTP_SCHEMES:
            raise ValueError(
                f"base_url must be a URL such as {DEFAULT_URL!r}, not {base_url!r:.100}"
            )
        if not path.startswith("/"):
            raise ValueError(f"path must begin with a slash, not be {path!r:.100}")
        if base.origin == origin:
            message = (
                f"the page is of the application's own origin, {origin!r}, where CORS has no say: "
                "give another origin, or another base_url"
            )
            raise ValueError(message)
        url = base.origin + path
        self._app = app
        self._request = FetchRequest(url, origin, credentials=credentials, **arguments)
        self._is_asgi = interface_of(app, interface) == "asgi"
        self._profile = profile

    def checked(self, wrong: Callable[[FetchOutcome], str]) -> FetchOutcome:
        """Do what a browser does, and give what the page gets.

        It is an `AssertionError` if ``wrong`` has something to say about that.
        """
        __tracebackhide__ = True
        transport = asgi_transport(self._app) if self._is_asgi else wsgi_transport(self._app)
        outcome = simulate(self._request, transport, profile=self._profile)
        problem, explanation = wrong(outcome), None
        if not problem:
            return outcome
        with contextlib.suppress(Exception):  # Of the user's code, or no layer of Corsac decided.
            explanation = explaining.explain(*self._deciding(outcome))
        raise AssertionError("\n".join(self._lines(outcome, problem, explanation)))

    async def checked_async(self, wrong: Callable[[FetchOutcome], str]) -> FetchOutcome:
        """Do the same in the event loop that is running."""
        __tracebackhide__ = True
        transport = asgi_async_transport(self._app) if self._is_asgi else wsgi_transport(self._app)
        outcome = await simulate_async(self._request, transport, profile=self._profile)
        problem, explanation = wrong(outcome), None
        if not problem:
            return outcome
        with contextlib.suppress(Exception):  # As above.
            explanation = await explaining.explain_async(*self._deciding(outcome))
        raise AssertionError("\n".join(self._lines(outcome, problem, explanation)))

    def _lines(
        self, outcome: FetchOutcome, problem: str, explanation: Explanation | None
    ) -> Iterator[str]:
        """Say what is wrong, what the browser did, and what the policy says."""
        request = self._request
        what = f"{shown(request.method)} {shown(request.url)} from {shown(request.origin)}"
        yield f"{what} {problem}"
        if outcome.explanation:
            yield f"  {outcome.explanation}"
        yield "What the browser did:"
        yield textwrap.indent(str(outcome), "  ")
        # What does not agree with the browser is about something else: a route with its own policy,
        # or another layer.
        if explanation is not None and explanation.allowed is outcome.ok:
            yield "What the policy says:"
            yield textwrap.indent(str(explanation), "  ")

    def _deciding(
        self, outcome: FetchOutcome
    ) -> tuple[explaining.Choice, str, HeaderLines, str, bool]:
        """What to ask Corsac's outermost layer; raises if it did not decide the last request."""
        last = outcome.sent[-1]
        there, first = parse_url(last.url), parse_url(self._request.url)
        layer = find_layers(self._app).layers[0]
        applied = None if layer.read is None else layer.read()
        is_there = there is not None and first is not None and there.origin == first.origin
        if there is None or not is_there or applied is None or not applied.is_valid():
            raise LookupError
        path = unquote(there.path)
        choice = choose(make_configuration(applied.policy, applied.rules, {}), path)
        return choice, last.method, last.headers, path, self._request.credentials == "include"


def interface_of(app: Any, interface: str | None) -> str:
    """Return which protocol an application speaks: ``"asgi"`` or ``"wsgi"``.

    What was said about it wins. It is a `TypeError` if the application cannot be called, and a
    `ValueError` if it can be either, or there is no such interface.
    """
    if not callable(app):
        raise TypeError(f"app must be an ASGI or WSGI application, not {type(app).__name__}")
    if interface not in {None, "asgi", "wsgi"}:
        raise ValueError(f"interface must be 'asgi' or 'wsgi', not {interface!r:.100}")
    if interface is not None:
        return interface
    if isinstance(app, asgi.CORSMiddleware) or is_asynchronous(app):
        return "asgi"
    if isinstance(app, wsgi.CORSMiddleware) or hasattr(app, "wsgi_app"):
        return "wsgi"
    needed = 0
    with contextlib.suppress(TypeError, ValueError):  # Not every callable has a signature.
        for it in inspect.signature(app).parameters.values():
            is_positional = it.kind in {it.POSITIONAL_ONLY, it.POSITIONAL_OR_KEYWORD}
            needed += is_positional and it.default is it.empty
    if needed not in _INTERFACES:
        message = (
            f"whether {type(app).__name__} is an ASGI or a WSGI application cannot be told: "
            "say interface='asgi' or interface='wsgi'"
        )
        raise ValueError(message)
    return _INTERFACES[needed]


_INTERFACES = {2: "wsgi", 3: "asgi"}
"""By how many arguments an application needs."""


def check_allowed(status: int | None, readable: Iterable[str], outcome: FetchOutcome) -> str:
    """Return what is wrong with an outcome that has to be good; empty if all is well.

    Arguments of a wrong type raise `TypeError`.
    """
    wanted: list[Any] = list(readable)
    if isinstance(readable, str) or not all(isinstance(name, str) for name in wanted):
        raise TypeError("readable must be a list of header names, each a str")
    number: object = status
    if not isinstance(number, int | None) or isinstance(number, bool):
        raise TypeError(f"status must be a whole number, not {type(number).__name__}")
    if not outcome.ok:
        return f"is blocked: {outcome.reason}"
    if outcome.response_type not in {"basic", "cors"}:
        return f"gives the script nothing to read: the response is {outcome.response_type}"
    if status is not None and outcome.status != status:
        return f"has the status {outcome.status}, not {status}"
    name = next((name for name in wanted if name.lower() not in outcome.readable_headers), None)
    if name is None:
        return ""
    response = _last_response(outcome)
    if response is None or response.header(name) is None:
        return f"has no response header {shown(name)}"
    return f"has a response header that the page cannot read: {shown(name)} is not exposed"


def check_blocked(reason: str | None, outcome: FetchOutcome) -> str:
    """Return what is wrong with an outcome that has to be blocked; empty if all is well.

    Without a reason any of CORS will do; one that does not exist raises `ValueError`.
    """
    code = (reason or "").removeprefix("preflight:")
    if reason is not None and code not in REASONS and code.partition(":")[0] not in REASONS:
        raise ValueError(f"there is no reason {reason!r:.100}; corsac.browser.REASONS has them all")
    if outcome.ok:
        return "is allowed"
    found = outcome.reason or ""
    if reason is not None:
        is_that = found == reason or found.startswith(f"{reason}:")
        return "" if is_that else f"is blocked for another reason: {found}, not {reason}"
    response = _last_response(outcome)
    if response is not None and response.note:  # Of an answer that no application gave.
        return f"fails, but not because of CORS: {response.note}"
    if found in _OF_CORS or found.startswith("preflight:"):
        return ""
    return f"fails, but not because of CORS: {found}"


def _last_response(outcome: FetchOutcome) -> Response | None:
    return next((step.response for step in reversed(outcome.steps) if step.response), None)
