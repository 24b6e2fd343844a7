"""What a test asks an application, through a simulated browser."""

from __future__ import annotations

import inspect
from typing import Any, Required, TypedDict

from corsac import asgi, wsgi
from corsac.browser.messages import HeaderLines
from corsac.browser.outcome import FetchOutcome
from corsac.browser.request import Body, FetchRequest
from corsac.browser.simulation import simulate, simulate_async
from corsac.browser.transports import asgi_async_transport, asgi_transport, wsgi_transport
from corsac.browser.urls import HTTP_SCHEMES, parse_url

__all__ = ["DEFAULT_URL", "Asked", "AskedFor", "interface_of"]

DEFAULT_URL = "https://testserver"
"""Where the application seems to be; the host that Django's and Starlette's test clients take."""

_INTERFACES = ("asgi", "wsgi")
_WSGI_ARGUMENTS = 2
_ASGI_ARGUMENTS = 3


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
        url = _url_of(base_url, path, origin)
        self.app = app
        self.request = FetchRequest(url, origin, credentials=credentials, **arguments)
        self._is_asgi = interface_of(app, interface) == "asgi"
        self._profile = profile

    def outcome(self) -> FetchOutcome:
        """Do what a browser does, and give what the page gets."""
        transport = asgi_transport(self.app) if self._is_asgi else wsgi_transport(self.app)
        return simulate(self.request, transport, profile=self._profile)

    async def outcome_async(self) -> FetchOutcome:
        """The same in the event loop that is running."""
        transport = asgi_async_transport(self.app) if self._is_asgi else wsgi_transport(self.app)
        return await simulate_async(self.request, transport, profile=self._profile)


def _url_of(base_url: str, path: str, origin: str) -> str:
    for name, value in (("base_url", base_url), ("path", path), ("origin", origin)):
        if not isinstance(value, str):
            message = f"{name} must be a str, not {type(value).__name__}"
            raise TypeError(message)
    base = parse_url(base_url)
    if base is None or base.scheme not in HTTP_SCHEMES:
        message = f"base_url must be a URL such as {DEFAULT_URL!r}, not {base_url!r:.100}"
        raise ValueError(message)
    if not path.startswith("/"):
        message = f"path must begin with a slash, not be {path!r:.100}"
        raise ValueError(message)
    if base.origin == origin:
        message = (
            f"the page is of the application's own origin, {origin!r}, where CORS has no say: "
            "give another origin, or another base_url"
        )
        raise ValueError(message)
    return base.origin + path


def interface_of(app: object, interface: str | None) -> str:
    """Return which protocol an application speaks: ``"asgi"`` or ``"wsgi"``.

    What was said about it wins. It is a `TypeError` if the application cannot be called, and a
    `ValueError` if it can be either, or there is no such interface.
    """
    if not callable(app):
        message = f"app must be an ASGI or WSGI application, not {type(app).__name__}"
        raise TypeError(message)
    if interface is not None:
        if interface not in _INTERFACES:
            message = f"interface must be 'asgi' or 'wsgi', not {interface!r:.100}"
            raise ValueError(message)
        return interface
    found = _look_at(app)
    if found is None:
        message = (
            f"whether {type(app).__name__} is an ASGI or a WSGI application cannot be told: "
            "say interface='asgi' or interface='wsgi'"
        )
        raise ValueError(message)
    return found


def _look_at(app: Any) -> str | None:
    if isinstance(app, asgi.CORSMiddleware | wsgi.CORSMiddleware):
        return "asgi" if isinstance(app, asgi.CORSMiddleware) else "wsgi"
    called = app if inspect.isroutine(app) else getattr(app, "__call__", app)  # noqa: B004
    if inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(called):
        return "asgi"
    if hasattr(app, "wsgi_app"):
        return "wsgi"
    try:
        parameters = inspect.signature(app).parameters.values()
    except (TypeError, ValueError):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [it for it in parameters if it.kind in positional and it.default is it.empty]
    return {_WSGI_ARGUMENTS: "wsgi", _ASGI_ARGUMENTS: "asgi"}.get(len(needed))
