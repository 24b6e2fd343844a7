"""What a test asks an application, through a simulated browser."""

from __future__ import annotations

import inspect
from typing import Any

from corsac._values import FrozenValue
from corsac.browser.outcome import FetchOutcome
from corsac.browser.request import FetchRequest
from corsac.browser.simulation import simulate, simulate_async
from corsac.browser.transports import asgi_async_transport, asgi_transport, wsgi_transport
from corsac.browser.urls import HTTP_SCHEMES, parse_url

__all__ = ["DEFAULT_URL", "Asked", "interface_of"]

DEFAULT_URL = "https://testserver"
"""Where the application seems to be; the host that Django's and Starlette's test clients take."""

_INTERFACES = ("asgi", "wsgi")
_WSGI_ARGUMENTS = 2
_ASGI_ARGUMENTS = 3


class Asked(FrozenValue):
    """One request, and the application that it goes to.

    Args:
        app: An ASGI or WSGI application.
        interface: ``"asgi"``, ``"wsgi"`` or ``None``.
        base_url: Scheme, host and port of the application.
        path: With a query if there is one.
        origin: The page's.
        credentials: A credentials mode, or whether it is ``"include"``.
        arguments: Further ones of `corsac.browser.FetchRequest`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument cannot be used.
    """

    __slots__ = ("app", "interface", "request")
    _fields = ("app", "interface", "request")

    app: Any
    interface: str
    request: FetchRequest

    def __init__(
        self,
        app: Any,
        *,
        interface: str | None,
        base_url: str,
        path: str,
        origin: str,
        credentials: str | bool,
        **arguments: Any,
    ) -> None:
        if isinstance(credentials, bool):
            credentials = "include" if credentials else "omit"
        url = _url_of(base_url, path, origin)
        request = FetchRequest(url, origin, credentials=credentials, **arguments)
        self._fill(app, interface_of(app, interface), request)

    def outcome(self, profile: str) -> FetchOutcome:
        """What a page gets."""
        if self.interface == "asgi":
            return simulate(self.request, asgi_transport(self.app), profile=profile)
        return simulate(self.request, wsgi_transport(self.app), profile=profile)

    async def outcome_async(self, profile: str) -> FetchOutcome:
        """The same in the event loop that is running."""
        if self.interface == "asgi":
            transport = asgi_async_transport(self.app)
            return await simulate_async(self.request, transport, profile=profile)
        return await simulate_async(self.request, wsgi_transport(self.app), profile=profile)


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
    """Which protocol an application speaks.

    Args:
        app: Any object.
        interface: What was said about it, which wins; or ``None``.

    Returns:
        ``"asgi"`` or ``"wsgi"``.

    Raises:
        TypeError: It cannot be called.
        ValueError: It can be either; or there is no such interface.
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
    from corsac import asgi, wsgi  # noqa: PLC0415 - late, as all that only tests need

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
