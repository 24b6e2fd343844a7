"""The application that the tests start under real servers; ``support.servers_app:application``."""

from __future__ import annotations

import os

import corsac
from corsac._types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["ALLOWED_ORIGIN", "EXPOSED_HEADER", "application", "guarded", "named"]

ALLOWED_ORIGIN = "https://app.example.com"
EXPOSED_HEADER = "X-Total"

Pairs = list[tuple[bytes, bytes]]


class SmallApp:
    """An ASGI 3 application without a framework.

    Every path but the ones named in `_http` answers 200. What the lifespan did is written to the
    server's output and answered at ``/lifespan``.
    """

    def __init__(self) -> None:
        self._lifespan = "not started"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, echo a WebSocket or run the lifespan."""
        if scope["type"] == "lifespan":
            await self._run_lifespan(receive, send)
        elif scope["type"] == "websocket":
            await _echo(receive, send)
        else:
            await self._http(scope, send)

    async def _run_lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._lifespan = "started"
                await send({"type": "lifespan.startup.complete"})
            else:
                print("the lifespan ended", flush=True)
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: Scope, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if path == "/token":
            await _answer(send, 200, os.environ["SMALL_APP_TOKEN"].encode())
        elif path == "/lifespan":
            await _answer(send, 200, self._lifespan.encode())
        elif path == "/error":
            try:
                raise LookupError  # noqa: TRY301 - the application's own error handler answers it
            except LookupError:
                await _answer(send, 500, b"the application failed")
        elif path == "/not-modified":
            await send(
                {"type": "http.response.start", "status": 304, "headers": [(b"etag", b'"1"')]}
            )
            await send({"type": "http.response.body", "body": b""})
        elif path == "/own-headers":
            own: Pairs = [
                (b"access-control-allow-origin", b"*"),
                (b"access-control-expose-headers", b"x-own"),
                (b"vary", b"Accept-Encoding"),
            ]
            await _answer(send, 200, b"own headers", own)
        elif path == "/stream":
            await _stream(send)
        else:
            await _answer(send, 200, b"" if method == "HEAD" else b"hello", length=5)


async def _answer(
    send: Send, status: int, body: bytes, headers: Pairs | None = None, length: int | None = None
) -> None:
    size = len(body) if length is None else length
    lines = [(b"content-type", b"text/plain"), (b"content-length", str(size).encode())]
    await send(
        {"type": "http.response.start", "status": status, "headers": lines + (headers or [])}
    )
    await send({"type": "http.response.body", "body": body})


async def _stream(send: Send) -> None:
    start: Message = {"type": "http.response.start", "status": 200, "headers": []}
    await send(start)
    for part in (b"one ", b"two ", b"three"):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _echo(receive: Receive, send: Send) -> None:
    await receive()  # websocket.connect
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        await send({"type": "websocket.send", "text": message["text"]})


_small_app: ASGIApp = SmallApp()

application = corsac.CORSMiddleware(
    _small_app,
    allow_origins=[ALLOWED_ORIGIN],
    allow_methods=["PUT"],
    allow_headers=["X-Wanted"],
    allow_credentials=True,
    expose_headers=[EXPOSED_HEADER],
)
named = corsac.CORSMiddleware(_small_app, rules=[], allowed_hosts=["127.0.0.1", "api.example.com"])
guarded = corsac.CORSMiddleware(_small_app, allow_origins=[ALLOWED_ORIGIN], guard=True)
