"""Requests that middleware inside of Corsac's handed to another route than they had asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette

from corsac._types import ASGIApp, Message, Receive, Scope, Send
from corsac.errors import CORSConfigProblem, log_warnings

if TYPE_CHECKING:
    from corsac.starlette.place import Place

__all__ = ["Passages", "can_move"]

_KEY: Final = "corsac.passage"
_CORS_HEADERS: Final = b"access-control-"

Address = tuple[str, str | None, str, str]


def can_move(app: Starlette) -> bool:
    """Whether anything between the middleware and the router may change a request's path.

    Args:
        app: The application; no middleware is added to it any more.
    """
    return bool(app.user_middleware) and callable(getattr(app.router, "middleware_stack", None))


class _Passage:
    """One request on its way from the middleware to the router.

    Middleware may hand on a copy of the scope; this object is in the copy too.

    Attributes:
        passages: Whose request it is: an application may be mounted in another.
        handler: What was chosen for it.
        address: What it was chosen by.
        lines: The CORS headers of the response, if another route was taken than was asked for.
        debug_header: The name of the header that is one of them, or ``None``.
    """

    __slots__ = ("address", "debug_header", "handler", "lines", "passages")

    def __init__(self, passages: Passages, handler: ASGIApp, address: Address) -> None:
        self.passages = passages
        self.handler = handler
        self.address = address
        self.lines: list[tuple[bytes, bytes]] | None = None
        self.debug_header: bytes | None = None

    def is_cors_header(self, name: bytes) -> bool:
        """Whether a response header is the policy's."""
        lower = bytes(name).lower()
        return lower.startswith(_CORS_HEADERS) or lower == self.debug_header


class _Send:
    """The server's ``send``, outside of the policy that was chosen first."""

    __slots__ = ("_passage", "_send")

    def __init__(self, passage: _Passage, send: Send) -> None:
        self._passage = passage
        self._send = send

    def __call__(self, message: Message) -> Awaitable[None]:
        passage = self._passage
        if passage.lines is None or message["type"] != "http.response.start":
            return self._send(message)
        others = [
            line for line in message.get("headers", ()) if not passage.is_cors_header(line[0])
        ]
        return self._send({**message, "headers": [*others, *passage.lines]})


class Passages:
    """Watches the way to the router of an application.

    A route that a request did not ask for has the last word on the CORS headers of the response,
    and its guard on whether it runs. Its preflight requests had asked for the other path, and an
    error that its view does not handle has no CORS headers.

    Deliberately not watched: what is inside of the router, which is middleware of a mounted
    application, of a `Mount` or of a route; and applications without marks, where the path that was
    asked for decides.

    Args:
        app: The application.
        place: Where the middleware stands.
        handler_of: What handles the requests to a route, found by the scope.
    """

    def __init__(
        self,
        app: Starlette,
        place: Place,
        handler_of: Callable[[Scope], ASGIApp],
    ) -> None:
        self._place = place
        self._handler_of = handler_of
        self._told = False
        self._inner: dict[ASGIApp, tuple[Any, ASGIApp]] = {}
        router: Any = app.router
        way = router.middleware_stack
        self._router: ASGIApp = way.__wrapped__ if isinstance(way, _BeforeRouter) else way
        router.middleware_stack = _BeforeRouter(self, self._router)

    def enter(
        self, handler: ASGIApp, scope: Scope, receive: Receive, send: Send
    ) -> Awaitable[None]:
        """Have a request handled, and see where it arrives.

        Args:
            handler: What was chosen for it.
            scope: The scope. It is changed, as Starlette changes it.
            receive: As the server gave it.
            send: As the server gave it.
        """
        passage = scope[_KEY] = _Passage(self, handler, _address_of(scope))
        if scope["type"] == "http":
            return handler(scope, receive, _Send(passage, send))
        return handler(scope, receive, send)

    def arrive(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Hand a request to the router, by way of the policy of its route if need be."""
        passage = scope.get(_KEY)
        if (
            not isinstance(passage, _Passage)
            or passage.passages is not self
            or passage.address == _address_of(scope)
        ):
            return self._router(scope, receive, send)
        handler = self._handler_of(scope)
        if handler is passage.handler:
            return self._router(scope, receive, send)
        self._tell_once(scope)
        passage.lines = []  # Of a response that is made without the route.
        name = self._place.gate.debug_header
        passage.debug_header = None if name is None else name.encode()

        def remember(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                lines = message.get("headers", ())
                passage.lines = [line for line in lines if passage.is_cors_header(line[0])]
            return send(message)

        return self._before_router(handler)(scope, receive, remember)

    def _before_router(self, handler: Any) -> ASGIApp:
        """The policy of a handler, around the router alone."""
        if handler is self._place.stack:
            return self._router  # The route is left alone.
        configuration = handler._configuration
        known = self._inner.get(handler)
        if known is None or known[0] is not configuration:
            known = (configuration, self._place.again_around(self._router, configuration))
            self._inner[handler] = known
        return known[1]

    def _tell_once(self, scope: Scope) -> None:
        if not self._told:
            self._told = True
            log_warnings([_MOVED.replace(value=scope["path"])])


class _BeforeRouter:
    """Stands for the router's ``middleware_stack``."""

    def __init__(self, passages: Passages, router: ASGIApp) -> None:
        self.__wrapped__ = router
        self._arrive = passages.arrive

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return self._arrive(scope, receive, send)


def _address_of(scope: Scope) -> Address:
    return scope["type"], scope.get("method"), scope["path"], scope.get("root_path", "")


_MOVED = CORSConfigProblem(
    "option.misplaced",
    "warning",
    "middleware",
    None,
    "middleware inside of Corsac's changed the path or the method of a request, and it reached a "
    "route with a policy of its own: that decides about the response, but preflight requests are "
    "answered for the path as it was asked for",
    "put that middleware outside: app = PathMiddleware(app), in place of app.add_middleware(...)",
)
