"""A small ASGI application and the scopes it is called with."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from support.exchange import Request, http_scope

ORIGIN = b"https://app.example.com"
OPTIONS: dict[str, Any] = {"allow_origins": [ORIGIN.decode()], "expose_headers": ["etag"]}
ALLOWED = [
    (b"vary", b"Origin"),
    (b"access-control-allow-origin", ORIGIN),
    (b"access-control-expose-headers", b"etag"),
]


def app_sending(*messages: Any) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return app


def scope_with(headers: Any, **changes: Any) -> dict[str, Any]:
    return http_scope(Request()) | {"headers": headers} | changes


def messages_of(app: Any, scope: Any) -> list[Any]:
    """The messages that answer one request; without an event loop, which nothing must need."""
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    finish(app(scope, None, send))
    return messages


def finish(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that never has to wait."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    message = "it waits"
    raise AssertionError(message)


START = {"type": "http.response.start", "status": 200, "headers": [(b"x-app", b"1")]}
BODY = {"type": "http.response.body", "body": b"x"}
