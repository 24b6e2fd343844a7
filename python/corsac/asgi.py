"""The ASGI middleware (ASGI 3; asgiref, "HTTP & WebSocket ASGI Message Format")."""

from __future__ import annotations

from corsac import _core
from corsac.middleware import ConfiguredMiddleware
from corsac.observe import RefusalLog

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable
    from typing import Unpack

    from corsac._types import ASGIApp, Message, Receive, Scope, Send
    from corsac.policy import CORSPolicy, CORSPolicyOptions
    from corsac.rules import Rule

__all__ = ["CORSMiddleware"]


class CORSMiddleware(_core.ASGIMiddleware, ConfiguredMiddleware):
    """Applies a CORS policy to an ASGI 3 application.

    Preflight requests are answered here, so the application never sees them; every other request
    runs, and its response gets the headers that the policy decides, whatever its status. Lifespan
    and WebSocket scopes pass through untouched, unless the policy's ``guard`` refuses a WebSocket
    handshake.

    Put it outermost: a response that is made outside of it, such as a server's own 500, has no
    CORS headers, and a browser then hides even the status from the page.

    Frameworks that build their middleware late (Starlette's and FastAPI's ``add_middleware``) also
    report a mistake in its options late. Make the `CORSPolicy` where the program starts, and hand
    it over as ``policy``, and the program does not start with one.

    Args:
        app: The ASGI 3 application.
        policy: The policy; or give the options of one.
        rules: Pairs of a path pattern and a policy, in order; the first that matches the path
            decides, ``None`` leaves its paths alone. A pattern is exact (``"/health"``) or a
            prefix on a segment border (``"/api/*"`` matches ``/api`` and ``/api/x``, not
            ``/apix``), case-sensitive, and compared with the path that the router uses. Where no
            rule matches, ``policy`` or the options decide; with neither, the path is left alone.
        **options: The options of `CORSPolicy`.

    Raises:
        CORSConfigError: The options cannot be used; it lists every problem.
        TypeError: ``app`` is not callable, an option is unknown, or a policy and options are given.

    Example:
        >>> async def app(scope, receive, send): ...
        >>> app = CORSMiddleware(app, allow_origins=["https://app.example.com"])
    """

    def __init__(
        self,
        app: ASGIApp,
        policy: CORSPolicy | None = None,
        *,
        rules: Iterable[Rule] | None = None,
        **options: Unpack[CORSPolicyOptions],
    ) -> None:
        if not callable(app):
            message = f"app must be an ASGI 3 application, not {type(app).__name__}"
            raise TypeError(message)
        configuration = self._configure(policy, rules, options)
        super().__init__(
            app,
            configuration,
            configuration.routing,
            _respond,
            _refuse_websocket,
            _continue_when_decided,
            RefusalLog(),
        )
        # A call goes to the type and returns what the application returned: no coroutine function.
        # Servers that ask how to call an object inspect its `__call__`, and find the instance's.
        self.__dict__["__call__"] = _coroutine_function(self)


def _coroutine_function(middleware: CORSMiddleware) -> ASGIApp:
    async def __call__(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: N807
        await middleware(scope, receive, send)

    return __call__


async def _respond(send: Send, start: Message, body: Message) -> None:
    await send(start)
    await send(body)


async def _continue_when_decided(  # noqa: PLR0917
    middleware: CORSMiddleware,
    policy: _core.CompiledPolicy,
    decision: Awaitable[bool],
    origin: bytes,
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Wait for what an asynchronous function says about an origin; then handle the request."""
    allowed = await decision
    await middleware._continue(policy, allowed is True, origin, scope, receive, send)


async def _refuse_websocket(scope: Scope, receive: Receive, send: Send, reason: str) -> None:
    """Refuse a handshake with a 403: with the reason if the server can, else by closing."""
    await receive()  # websocket.connect, which always comes first.
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": 1008, "reason": reason})
        return
    body = reason.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "websocket.http.response.start", "status": 403, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
