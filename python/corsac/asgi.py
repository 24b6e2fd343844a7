"""The ASGI middleware (ASGI 3; asgiref, "HTTP & WebSocket ASGI Message Format")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from corsac import _core
from corsac.observe import RefusalLog
from corsac.policy import CORSPolicy, resolve_policy

if TYPE_CHECKING:
    from typing import Unpack

    from corsac._types import ASGIApp, Message, Receive, Scope, Send
    from corsac.policy import CORSPolicyOptions

__all__ = ["CORSMiddleware"]


class CORSMiddleware(_core.ASGIMiddleware):
    """Applies a CORS policy to an ASGI 3 application.

    Preflight requests are answered here, so the application never sees them; every other request
    runs, and its response gets the headers that the policy decides, whatever its status. Lifespan
    and WebSocket scopes pass through untouched, unless the policy's ``guard`` refuses a WebSocket
    handshake.

    Put it outermost: a response that is made outside of it, such as a server's own 500, has no
    CORS headers, and a browser then hides even the status from the page.

    Args:
        app: The ASGI 3 application.
        policy: The policy; or give the options of one.
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
        **options: Unpack[CORSPolicyOptions],
    ) -> None:
        if not callable(app):
            message = f"app must be an ASGI 3 application, not {type(app).__name__}"
            raise TypeError(message)
        policy = resolve_policy(policy, options)
        super().__init__(app, policy, policy._compiled, _respond, _refuse_websocket, RefusalLog())
        # A call goes to the type and returns what the application returned: no coroutine function.
        # Servers that ask how to call an object inspect its `__call__`, and find the instance's.
        self.__dict__["__call__"] = _coroutine_function(self)

    def reconfigure(
        self, policy: CORSPolicy | None = None, **options: Unpack[CORSPolicyOptions]
    ) -> None:
        """Put another policy in force, at once and for every request that begins from now on.

        Args:
            policy: The new policy; or give the options of one.
            **options: The options of `CORSPolicy`.

        Raises:
            CORSConfigError: The options cannot be used; the old policy stays.
            TypeError: As for the class.
        """
        policy = resolve_policy(policy, options)
        self._set_policy(policy, policy._compiled)

    def counters(self) -> Mapping[str, int]:
        """How many requests there were since the middleware was made, by kind and outcome.

        Returns:
            The keys ``not_cors``, ``actual_allowed``, ``actual_refused``, ``preflight_allowed``,
            ``preflight_refused`` and ``guard_refused``.
        """
        return self._counters()

    def __repr__(self) -> str:
        """The middleware with its policy and application."""
        return f"{type(self).__name__}({self.app!r}, {self.policy!r})"


def _coroutine_function(middleware: CORSMiddleware) -> ASGIApp:
    async def __call__(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: N807
        await middleware(scope, receive, send)

    return __call__


async def _respond(send: Send, start: Message, body: Message) -> None:
    await send(start)
    await send(body)


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
