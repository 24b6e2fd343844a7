"""A small ASGI application and the scopes it is called with."""

from __future__ import annotations

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


START = {"type": "http.response.start", "status": 200, "headers": [(b"x-app", b"1")]}
BODY = {"type": "http.response.body", "body": b"x"}
