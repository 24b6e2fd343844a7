"""The application that real servers run under load, bare and in each middleware.

A server imports one of the names in `APPLICATIONS`. All of them are made in every process, so that
the processes differ in nothing but the one that is called.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import starlette.middleware.cors

import corsac
from benchmarks.served_processes import TOKEN_VARIABLE
from benchmarks.served_requests import ALLOWED_ORIGIN

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY: dict[str, Any] = {
    "allow_origins": [
        "https://admin.example.com",
        ALLOWED_ORIGIN,
        "https://beta.example.com",
        "https://www.example.com",
    ],
    "allow_methods": ["PUT", "DELETE"],
    "allow_headers": ["content-type", "x-request-id"],
    "allow_credentials": True,
    "expose_headers": ["etag"],
    "max_age": 600,
}
"""Both CORS middlewares take these options, by the same names."""

BODY = os.environ.get(TOKEN_VARIABLE, "").encode()
LENGTH = str(len(BODY)).encode()


CORS_HEADERS = [
    (b"access-control-allow-origin", ALLOWED_ORIGIN.encode()),
    (b"access-control-allow-credentials", b"true"),
    (b"access-control-expose-headers", b"etag"),
    (b"vary", b"Origin"),
]
"""What a response to the allowed origin needs under `POLICY`."""


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with two messages that were made before, and a preflight request with the right one.

    What is left out is all that a middleware would do, so this is what the fastest would come to.
    """
    if scope["type"] == "lifespan":
        await run_lifespan(receive, send)
        return
    if scope["method"] == "OPTIONS":
        headers = [
            (b"access-control-allow-origin", ALLOWED_ORIGIN.encode()),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-allow-methods", b"PUT, DELETE"),
            (b"access-control-allow-headers", b"content-type, x-request-id"),
            (b"access-control-max-age", b"600"),
            (b"vary", b"Origin"),
        ]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    headers = [(b"content-type", b"text/plain"), (b"content-length", LENGTH), (b"etag", b'"1"')]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


async def by_hand(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers as `bare` does, with the CORS headers of the one origin that asks here.

    It decides nothing. What it takes longer than `bare` is what the server takes to send more
    headers, and so what no middleware that answers rightly can save.
    """
    if scope["type"] == "lifespan" or scope["method"] == "OPTIONS":
        await bare(scope, receive, send)
        return
    headers = [(b"content-type", b"text/plain"), (b"content-length", LENGTH), (b"etag", b'"1"')]
    headers += CORS_HEADERS
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


async def run_lifespan(receive: Receive, send: Send) -> None:
    """Says yes to the server's start and end."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


class EmptyMiddleware:
    """Does nothing: what a middleware written in Python costs at least."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Awaits the application."""
        await self.app(scope, receive, send)


empty = EmptyMiddleware(bare)
in_starlette = starlette.middleware.cors.CORSMiddleware(bare, **POLICY)
in_corsac = corsac.CORSMiddleware(bare, **POLICY)

APPLICATIONS = ("bare", "by_hand", "empty", "in_starlette", "in_corsac")
