"""The ASGI middleware (ASGI 3; asgiref, "HTTP & WebSocket ASGI Message Format")."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Iterable, Mapping
from typing import Unpack

from corsac import _core
from corsac._types import ASGIApp, Message, Receive, Scope, Send
from corsac.configuration import Configuration, Rule
from corsac.middleware import ConfiguredMiddleware
from corsac.policy import CORSPolicyOptions
from corsac.refusals import OnRefusal
from corsac.refusals.log import RefusalLog, TrialLog
from corsac.several import GivenPolicies

__all__ = ["CORSMiddleware"]


class CORSMiddleware(ConfiguredMiddleware[ASGIApp], _core.ASGIMiddleware):
    """Applies a CORS policy to an ASGI 3 application.

    Preflight requests are answered here, so the application never sees them; every other request
    runs, and its response gets the headers that the policy decides, whatever its status. Lifespan
    and WebSocket scopes pass through untouched, unless ``allowed_hosts`` or the policy's ``guard``
    refuses a WebSocket handshake.

    Put it outermost: a response that is made outside of it, such as a server's own 500, has no
    CORS headers, and a browser then hides even the status from the page.

    Frameworks that build their middleware late (Starlette's and FastAPI's ``add_middleware``) also
    report a mistake in its options late. Make the `CORSPolicy` where the program starts and hand it
    over as ``policy``; then a program with a mistake does not start.

    Args:
        app: The ASGI 3 application.
        policy: The policy; or several, of which the first decides whose origins cover the
            request's, and the last one where none does; or give the options of one.
        rules: Pairs of a path pattern and a policy, or several, in order; the first that matches
            the path decides, ``None`` leaves its paths alone. A pattern is exact (``"/health"``) or
            a prefix on a segment border (``"/api/*"`` matches ``/api`` and ``/api/x``, not
            ``/apix``), case-sensitive, and compared with the path that the router uses. Where no
            rule matches, ``policy`` or the options decide; with neither, the path is left alone.
        allowed_hosts: The server's own names, as ``Host`` has them, against DNS rebinding:
            ``"api.example.com"`` (any port), ``"api.example.com:8443"``, ``"*.example.com"`` (names
            below it), ``*corsac.LOOPBACK_HOSTS``. A request or handshake whose Host is another one
            gets 403, one whose Host is missing, double or malformed 400, whatever its path and
            before all else. ``None``: any host.
        on_refusal: A plain function that is called with a `corsac.Refusal` for every refusal, in
            the thread of the request and before anything is answered, so it has to be quick. An
            `Exception` of it is logged, counted, and changes nothing. ``KeyboardInterrupt`` and the
            like end the request as if the application had raised them.
        report_only: A policy on trial, which is asked about the same requests and changes nothing.
            What it would refuse is counted, and if the policy in force lets it through it goes to
            the log and to ``on_refusal`` too. See `report_only_counters`.
        report_only_rules: Path rules on trial, as ``rules``; where none matches, ``report_only``
            decides, if there is one.
        report_only_hosts: Hosts on trial, as ``allowed_hosts``.
        debug_header: Whether what is refused has a response header with the reason code, and its
            name: ``True`` stands for ``"corsac-refused"``. Pages cannot read it, people can.
        **options: The options of `CORSPolicy`.

    Raises:
        CORSConfigError: The options cannot be used; it lists every problem.
        TypeError: ``app`` is not callable, an option is unknown, or a policy and options are given.

    Example:
        >>> async def app(scope, receive, send): ...
        >>> app = CORSMiddleware(app, allow_origins=["https://app.example.com"])
    """

    _kind_of_app = "an ASGI 3 application"

    def __init__(
        self,
        app: ASGIApp,
        policy: GivenPolicies | None = None,
        *,
        rules: Iterable[Rule] | None = None,
        allowed_hosts: Iterable[str] | None = None,
        on_refusal: OnRefusal | None = None,
        report_only: GivenPolicies | None = None,
        report_only_rules: Iterable[Rule] | None = None,
        report_only_hosts: Iterable[str] | None = None,
        debug_header: bool | str = False,
        **options: Unpack[CORSPolicyOptions],
    ) -> None:
        self._start(
            app,
            policy,
            rules,
            options,
            allowed_hosts=allowed_hosts,
            on_refusal=on_refusal,
            report_only=report_only,
            report_only_rules=report_only_rules,
            report_only_hosts=report_only_hosts,
            debug_header=debug_header,
        )

    def _begin(
        self,
        app: ASGIApp,
        configuration: Configuration,
        log: RefusalLog | None = None,
        trial_log: TrialLog | None = None,
    ) -> None:
        self._logs = (log or RefusalLog(), trial_log or TrialLog())
        _core.ASGIMiddleware.__init__(
            self,
            app,
            configuration,
            configuration.routing,
            _respond,
            _refuse,
            _continue_when_decided,
            *self._logs,
            _root_path_owner(app),
        )

        # A call goes to the type and returns what the application returned: no coroutine function.
        # Servers that ask how to call an object inspect its `__call__`, and find the instance's.
        async def __call__(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: N807
            await self(scope, receive, send)

        self.__dict__["__call__"] = __call__

    def _route_path(self, path: str) -> str:
        from corsac._root_path import without_root_path  # noqa: PLC0415 - for tools alone

        return without_root_path(path, _root_path_owner(self.app))


def _root_path_owner(app: object) -> object | None:
    if "fastapi.applications" not in sys.modules:
        return None
    from corsac._root_path import root_path_owner  # noqa: PLC0415 - FastAPI alone needs it

    return root_path_owner(app)


async def _respond(send: Send, start: Message, body: Message) -> None:
    await send(start)
    await send(body)


async def _continue_when_decided(  # noqa: PLR0917
    middleware: CORSMiddleware,
    routing: _core.Routing,
    place: int,
    decision: Awaitable[bool],
    origin: bytes,
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Wait for what an asynchronous function says about an origin; then handle the request."""
    allowed = await decision
    await middleware._continue(routing, place, allowed is True, origin, scope, receive, send)


async def _refuse(  # noqa: PLR0917
    scope: Scope,
    receive: Receive,
    send: Send,
    status: int,
    reason: str,
    debug_line: tuple[bytes, bytes] | None,
) -> None:
    """Refuse a request before a policy is chosen, or a handshake.

    A handshake gets the reason if the server can send one, else it is closed. There is no Vary:
    what is refused here depends on Host alone, which is part of every cache's key (RFC 9111
    section 2), or is a handshake, which no cache keeps.
    """
    kind = "http.response"
    if scope.get("type") != "http":
        kind = "websocket.http.response"
        await receive()  # websocket.connect, which always comes first.
        extensions = scope.get("extensions")
        if not isinstance(extensions, Mapping) or kind not in extensions:
            await send({"type": "websocket.close", "code": 1008, "reason": reason})
            return
    body = reason.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        *(() if debug_line is None else (debug_line,)),
    ]
    await send({"type": f"{kind}.start", "status": status, "headers": headers})
    is_head = scope.get("method") == "HEAD"
    await send({"type": f"{kind}.body", "body": b"" if is_head else body})
