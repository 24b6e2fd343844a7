"""An application whose every answer may be kept by caches; ``support.cached_app:application``."""

from __future__ import annotations

import os

import corsac
from corsac._types import ASGIApp, Receive, Scope, Send

__all__ = ["EXTENSION", "FIRST", "ONE", "PATHS", "SECOND", "application"]

FIRST, SECOND = "https://first.example.com", "https://second.example.com"
ONE = "https://one.example.net"
EXTENSION = "chrome-extension://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 with an entity tag, or 304 to a request that has it, and set lines of its own."""
    if scope["type"] != "http":
        return
    given = dict(scope["headers"])
    headers = [(b"etag", b'"1"'), (b"cache-control", b"public, max-age=600")]
    body = os.environ["SMALL_APP_TOKEN"].encode() if scope["path"] == "/token" else b"hello"
    status = 304 if given.get(b"if-none-match") == b'"1"' else 200
    if scope["path"].startswith("/own"):
        headers += [(b"vary", b"Accept-Encoding"), (b"access-control-expose-headers", b"x-own")]
    if scope["path"] == "/by-hand" and b"origin" in given:
        headers.append((b"access-control-allow-origin", given[b"origin"]))
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if status == 304 else body})


_two = corsac.CORSPolicy(
    allow_origins=[FIRST, SECOND],
    allow_credentials=True,
    allow_methods=["PUT"],
    allow_headers=["x-wanted"],
    allow_private_network=True,
    expose_headers=["etag"],
)
_any = corsac.CORSPolicy(allow_origins=["*"], allow_methods=["PUT"])
_reflecting = corsac.CORSPolicy(
    allow_origins=["*"],
    allow_methods=["*"],
    allow_headers=["*"],
    allow_credentials=True,
    tolerate=["origin.any_with_credentials"],
)
_rules: dict[str, corsac.CORSPolicy | list[corsac.CORSPolicy] | None] = {
    "/two": _two,
    "/own": _two,
    "/any": _any,
    "/reflecting": _reflecting,
    "/continued": _two.replace(preflight_continue=True),
    "/kept": _two.replace(app_headers="keep"),
    "/isolated": _two.replace(guard=corsac.Guard(isolate_reads=True)),
    "/timing": _two.replace(allow_timing=True),
    "/several": [corsac.CORSPolicy(allow_origins=[FIRST], allow_credentials=True), _any],
    "/constant": corsac.CORSPolicy(allow_origins=[ONE], always_send=True),
    "/by-hand": None,
    "/token": None,
}
PATHS = tuple(path for path in _rules if path not in {"/by-hand", "/token"})

_typed: ASGIApp = _app
application = corsac.CORSMiddleware(_typed, rules=list(_rules.items()))
