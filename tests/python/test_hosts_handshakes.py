"""``allowed_hosts`` and WebSockets: a page whose name was pointed at the server opens none."""

from __future__ import annotations

from typing import Any

import pytest

import corsac.wsgi
from corsac import CORSMiddleware, CORSPolicy
from support.exchange import Request, http_scope, run_asgi, run_wsgi, wsgi_environ

API = "api.example.com"
APP = "https://app.example.com"
GUARDED = CORSPolicy(allow_origins=[APP], guard=True)
CONNECT = {"type": "websocket.connect"}
ACCEPT = {"type": "websocket.accept"}
ANSWERED: dict[str, Any] = {"extensions": {"websocket.http.response": {}}}
"""What a server says that can answer a handshake as any request."""


def never_asked(origin: str) -> bool:
    raise AssertionError(origin)


WITHOUT_GUARD: dict[str, dict[str, Any]] = {
    "no policy": {"rules": [("/ws", None)]},
    "a policy": {"allow_origins": [APP]},
    "several": {"policy": [CORSPolicy(allow_origins=[APP]), CORSPolicy(allow_origins=["*"])]},
}
WITH_GUARD: dict[str, dict[str, Any]] = {
    "a guard": {"policy": GUARDED},
    "a guard below a rule": {"rules": [("/ws", GUARDED)]},
    "a guard that exempts the path": {
        "allow_origins": [APP],
        "guard": corsac.Guard(exempt_paths=["/ws"]),
    },
    "a guard of several": {"policy": [CORSPolicy(allow_origins=["https://b.test"]), GUARDED]},
}
ASKING: dict[str, dict[str, Any]] = {
    "a function": {"allow_origin_func": never_asked},
    "a function and a guard": {"allow_origin_func": never_asked, "guard": True},
    "a function of several": {
        "policy": [CORSPolicy(allow_origin_func=never_asked, guard=True), GUARDED]
    },
}


def handshake(
    options: dict[str, Any], hosts: list[str], origin: str | None = None, **changes: Any
) -> list[Any]:
    """Open a WebSocket; gives all that is sent. The application accepts."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert await receive() == CONNECT
        await send(ACCEPT)

    async def receive() -> Any:
        return CONNECT

    lines = [("host", host) for host in hosts]
    lines += [] if origin is None else [("origin", origin)]
    request = Request(headers=lines, path="/ws", scheme="wss")
    middleware = CORSMiddleware(app, allowed_hosts=[API], **options)
    return run_asgi(middleware, http_scope(request, type="websocket", **changes), receive)


def closed(reason: str) -> list[Any]:
    return [{"type": "websocket.close", "code": 1008, "reason": reason}]


def answered(status: int, reason: str, *more: tuple[bytes, bytes]) -> list[Any]:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(reason)).encode()),
        *more,
    ]
    return [
        {"type": "websocket.http.response.start", "status": status, "headers": headers},
        {"type": "websocket.http.response.body", "body": reason.encode()},
    ]


def named(*tables: dict[str, dict[str, Any]]) -> pytest.MarkDecorator:
    values = {name: options for table in tables for name, options in table.items()}
    return pytest.mark.parametrize("options", values.values(), ids=values)


@named(WITHOUT_GUARD, WITH_GUARD, ASKING)
def test_a_page_with_a_rebound_name_opens_no_web_socket(options: dict[str, Any]) -> None:
    for origin in ("https://rebound.example", "http://rebound.example", APP, None):
        for hosts in (["rebound.example"], ["rebound.example:443"]):
            assert handshake(options, hosts, origin) == closed("host-not-allowed")
            said = handshake(options, hosts, origin, **ANSWERED)
            assert said == answered(403, "host-not-allowed")
        for hosts in ([], [API, API], [API, "rebound.example"]):
            assert handshake(options, hosts, origin) == closed("host-malformed")
            said = handshake(options, hosts, origin, **ANSWERED)
            assert said == answered(400, "host-malformed")


@named(WITHOUT_GUARD, WITH_GUARD)
def test_a_web_socket_is_opened_by_a_name_that_is_served(options: dict[str, Any]) -> None:
    for origin in (APP, f"https://{API}", None):
        for changes in ({}, ANSWERED):
            assert handshake(options, [API], origin, **changes) == [ACCEPT]


@named(WITHOUT_GUARD, WITH_GUARD)
def test_by_a_name_that_is_served_the_guard_decides_about_other_pages(
    options: dict[str, Any],
) -> None:
    refuses = options in WITH_GUARD.values() and "exempt_paths=('/ws',)" not in repr(options)
    reason = "cross-origin-websocket"
    evil = "https://rebound.example"
    assert handshake(options, [API], evil) == (closed(reason) if refuses else [ACCEPT])
    said = handshake(options, [API], evil, **ANSWERED)
    assert said == (answered(403, reason) if refuses else [ACCEPT])


@named(WITHOUT_GUARD, WITH_GUARD)
def test_the_debug_header_says_why_where_the_server_answers_handshakes(
    options: dict[str, Any],
) -> None:
    said = handshake({**options, "debug_header": True}, ["rebound.example"], APP, **ANSWERED)
    assert said == answered(403, "host-not-allowed", (b"corsac-refused", b"host-not-allowed"))


@named(WITHOUT_GUARD, WITH_GUARD)
def test_a_handshake_over_wsgi_is_judged_as_any_request(options: dict[str, Any]) -> None:
    called = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        called.append(environ["HTTP_HOST"])
        start_response("200 OK", [])
        return []

    middleware = corsac.wsgi.CORSMiddleware(app, allowed_hosts=[API], **options)
    for host, status in (("rebound.example", "403 Forbidden"), (API, "200 OK")):
        headers = [("host", host), ("origin", f"https://{host}")]
        headers += [("upgrade", "websocket"), ("connection", "upgrade")]
        answer = run_wsgi(middleware, wsgi_environ(Request(headers=headers, path="/ws")))
        assert answer.status == status
    assert called == [API]
