"""No kind of request leaves anything behind: neither memory nor objects nor references.

Each kind is repeated, after a warm-up that fills the caches. ``make leaks`` repeats each of them a
million times.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import sys
import sysconfig
import types
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

import corsac
import corsac.wsgi
from support.asgi import app_sending, scope_with
from support.leaks import Kind, PlannedError, left_behind, raise_at_once
from support.wsgi import app_answering, environ_from

ORIGIN, EVIL = "https://app.example.com", "https://evil.example"
NEW_EVIL, NEW_PREVIEW = "https://p%d.evil.example", "https://p%d.preview.example.com"
OPTIONS: dict[str, Any] = {
    "allow_origins": [ORIGIN, "https://*.preview.example.com", "http://localhost:*"],
    "allow_methods": ["PUT", "DELETE"],
    "allow_headers": ["content-type", "x-request-id"],
    "allow_credentials": True,
    "expose_headers": ["etag"],
}
ECHO: dict[str, Any] = {
    "allow_origins": ["*"],
    "allow_methods": ["*"],
    "allow_headers": ["*"],
    "allow_credentials": True,
    "tolerate": ["origin.any_with_credentials"],
}
ANYONE = corsac.CORSPolicy(allow_origins=["*"])
TIGHT = corsac.CORSPolicy(allow_origins=["https://b.example.com"])
RULES = [("/api/*", ANYONE), ("/health", None), ("/notes", corsac.CORSPolicy(**OPTIONS))]
PREFLIGHT = {"access-control-request-method": "PUT", "access-control-request-headers": "x-other"}

VARY, ACAO, ALLOWED = "200 +vary", "200 +acao", "200 +acao +vary"
START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain")],
}
BODY = {"type": "http.response.body", "body": b"hello"}


KINDS: dict[str, Callable[[], Kind]] = {}


def _numbered(text: str, number: int) -> str:
    return text % number if "%d" in text else text


def run(coroutine: Any, middleware: Any) -> None:
    """Step a coroutine to its end, without an event loop."""
    for _ in coroutine.__await__():
        pass


def asgi(
    name: str,
    outcome: str,
    headers: dict[str, str] | Callable[[], Any] = {},  # noqa: B006 - never changed.
    application: Any = None,
    *,
    drive: Callable[[Any, Any], None] = run,
    scope: dict[str, Any] | None = None,
    options: dict[str, Any] = OPTIONS,
    share: float = 1.0,
    each_anew: bool = False,
    **more: Any,
) -> None:
    """Add a kind of ASGI request; header values with ``%d`` are new each time."""

    def prepare() -> Kind:
        app = application or app_sending(START, BODY)
        middleware = corsac.CORSMiddleware(app, **options, **more)

        def step(number: int, send: Any) -> None:
            called = middleware
            if each_anew:
                called = corsac.CORSMiddleware(app, **options)
                called.__dict__["itself"] = called
            if callable(headers):
                lines = headers()
            else:
                texts = ((key, _numbered(value, number)) for key, value in headers.items())
                lines = [(key.encode(), value.encode()) for key, value in texts]
            own = scope_with(lines, path="/notes") | (scope or {})
            drive(called(own, receive, send), called)

        return Kind(outcome, step, [middleware, app], share)

    KINDS[f"ASGI: {name}"] = prepare


def wsgi(
    name: str,
    outcome: str,
    origin: str | None,
    application: Any = None,
    *,
    options: dict[str, Any] = OPTIONS,
    environ: dict[str, Any] | None = None,
    **more: Any,
) -> None:
    """Add a kind of WSGI request."""

    def prepare() -> Kind:
        app = application or app_answering([("content-type", "text/plain")])
        middleware = corsac.wsgi.CORSMiddleware(app, **options, **more)

        def step(number: int, send: Any) -> None:
            def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
                lines = [(key.encode(), value.encode()) for key, value in headers]
                send({"type": "start", "status": int(status[:3]), "headers": lines})

            asked = None if origin is None else _numbered(origin, number)
            for _ in middleware(environ_from(asked, **(environ or {})), start_response):
                pass

        return Kind(outcome, step, [middleware, app], 1.0)

    KINDS[f"WSGI: {name}"] = prepare


# How requests end other than by their end.


async def receive() -> dict[str, str]:
    return {"type": "http.request"}


@types.coroutine
def wait_once() -> Generator[None, None, None]:
    yield


async def half_way(scope: Any, receive: Any, send: Any) -> None:
    await send(START)
    await wait_once()
    await send(BODY)


def close_half_way(coroutine: Any, middleware: Any) -> None:
    coroutine.send(None)
    coroutine.close()


def throw_half_way(coroutine: Any, middleware: Any) -> None:
    coroutine.send(None)
    coroutine.throw(PlannedError())


def close_at_once(coroutine: Any, middleware: Any) -> None:
    coroutine.close()


def reconfigure_half_way(coroutine: Any, middleware: Any) -> None:
    coroutine.send(None)
    # The policy of the running request is let go before it ends.
    middleware.reconfigure(rules=[("/api/*", ANYONE), ("/health", None)], **OPTIONS)
    run(coroutine, middleware)


def refuse_configuration(coroutine: Any, middleware: Any) -> None:
    with pytest.raises(corsac.CORSConfigError):
        middleware.reconfigure(allow_origins=["https://App.Example.com/", "null"])
    run(coroutine, middleware)


def _event_loop_driver(*, cancels: bool) -> Callable[[Any, Any], None]:
    loop = asyncio.new_event_loop()

    async def request(coroutine: Any) -> None:
        task = loop.create_task(coroutine)
        if cancels:
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.wait([task])

    return lambda coroutine, _: loop.run_until_complete(request(coroutine))


# Applications and callbacks.


async def raise_before_start(scope: Any, receive: Any, send: Any) -> None:
    raise PlannedError


async def raise_after_start(scope: Any, receive: Any, send: Any) -> None:
    await send(START)
    raise PlannedError


async def accept(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "websocket.accept"})


def answer_with(make_headers: Callable[[], Any]) -> Any:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "headers": make_headers()})
        await send(BODY)

    return application


def answer_late(environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [("content-type", "text/plain")])
    yield b"x"


def answer_twice(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [("content-type", "text/plain")])
    try:
        raise_at_once()
    except PlannedError:
        start_response("500 Internal Server Error", [], sys.exc_info())
    return [b"x"]


def raise_after_wsgi_start(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    raise PlannedError


def says_yes(origin: str) -> bool:
    return True


def says_nothing(origin: str) -> Any:
    return "yes"


async def says_yes_later(origin: str) -> bool:
    return True


def gives_a_coroutine(origin: str) -> Any:
    return says_yes_later(origin)


async def never_says(origin: str) -> bool:
    await asyncio.get_running_loop().create_future()
    return True


def tell(refusal: object) -> None:
    """Is told about refusals and keeps nothing."""


def _add_asgi_kinds() -> None:
    own, evil = {"origin": ORIGIN}, {"origin": EVIL}
    asgi("no Origin", VARY)
    asgi("allowed", ALLOWED, own)
    asgi("allowed, anyone", ACAO, own, options={"allow_origins": ["*"]})
    asgi("allowed by pattern, new each time", ALLOWED, {"origin": NEW_PREVIEW})
    asgi("refused", VARY, evil)
    asgi("refused, new each time", VARY, {"origin": NEW_EVIL})
    asgi("two Origins", VARY, lambda: [(b"origin", ORIGIN.encode())] * 2)
    asgi("Origin of 5 000 bytes", VARY, {"origin": "https://" + "a" * 5000})
    options: dict[str, Any] = {"scope": {"method": "OPTIONS"}}
    asgi("preflight, allowed", "204 +acao +vary", own | PREFLIGHT, **options)
    asgi("preflight, refused", "403 +vary", evil | PREFLIGHT, **options)
    asgi("preflight, echo", "204 +acao +vary", own | PREFLIGHT, options=ECHO, **options)
    asgi("preflight, to the app", ALLOWED, own | PREFLIGHT, preflight_continue=True, **options)
    asgi("preflight, debug header", "403 +vary", evil | PREFLIGHT, debug_header=True, **options)
    asgi("preflight, trial", "204 +acao +vary", own | PREFLIGHT, report_only=TIGHT, **options)
    asgi("lifespan", "200", own, scope={"type": "lifespan"})
    for name, outcome, application in (
        ("raises when called", "nothing", raise_at_once),
        ("raises before the start", "nothing", raise_before_start),
        ("raises after the start", ALLOWED, raise_after_start),
        ("body without start", "http.response.body", app_sending(BODY)),
        ("body in parts", ALLOWED, app_sending(START, {**BODY, "more_body": True}, BODY)),
        ("trailers", ALLOWED, app_sending({**START, "trailers": True}, BODY)),
    ):
        asgi(f"application: {name}", outcome, own, application)
    asgi("server cannot send", "nothing", own | {"x-broken": "1"})
    lines = [(b"content-type", b"text/plain"), (b"vary", b"accept")]
    for name, make in (
        ("replaced", lambda: [(b"Access-Control-Allow-Origin", b"*")] * 2),
        ("vary merged", lambda: [(b"vary", b"accept"), (b"Vary", b"accept-encoding")]),
        ("vary complete", lambda: [(b"vary", b"accept, origin")]),
        ("generator", lambda: (line for line in lines)),
        ("lists", lambda: [[*line] for line in lines]),
        ("generators", lambda: [(part for part in line) for line in lines]),
        ("bytearrays", lambda: [(bytearray(key), bytearray(text)) for key, text in lines]),
    ):
        asgi(f"response headers: {name}", ALLOWED, own, answer_with(make))
    sent = [(b"accept", b"*/*"), (b"origin", ORIGIN.encode())]
    for name, outcome, given in (
        ("generator", ALLOWED, lambda: (line for line in sent)),
        ("lists", ALLOWED, lambda: tuple([*line] for line in sent)),
        ("generators", ALLOWED, lambda: [(part for part in line) for line in sent]),
        ("bytearrays", ALLOWED, lambda: [(bytearray(key), bytearray(text)) for key, text in sent]),
        ("str", ALLOWED, lambda: [(key.decode(), text.decode()) for key, text in sent]),
        ("none", VARY, lambda: None),
        ("not pairs", VARY, lambda: [b"origin", (b"origin",), 5, (1, 2)]),
    ):
        asgi(f"request headers: {name}", outcome, given)
    post: dict[str, Any] = {"scope": {"method": "POST"}, "guard": True}
    asgi("guard refuses", "403 +vary", evil | {"sec-fetch-site": "cross-site"}, **post)
    asgi("guard passes", ALLOWED, own, **post)
    answering = {"type": "websocket", "extensions": {"websocket.http.response": {}}}
    asgi("handshake refused, answered", "403", evil, scope=answering, guard=True)
    asgi("handshake refused", "websocket.close", evil, scope={"type": "websocket"}, guard=True)
    for guard in (True, False):
        name = f"handshake allowed, guard {guard}"
        asgi(name, "websocket.accept", own, accept, scope=answering, guard=guard)
    for path, outcome in (("/api/x", ACAO), ("/health", "200"), ("/notes", ALLOWED), ("/x", "200")):
        asgi(f"rules: {path}", outcome, own, scope={"path": path}, options={}, rules=RULES)
    mounted = {"path": "/v1/api/x", "root_path": "/v1"}
    asgi("rules: mounted", ACAO, own, scope=mounted, options={}, rules=RULES)
    asgi("rules: odd path", ACAO, own, scope={"path": "/api/\udcff"}, options={}, rules=RULES)
    expression = {"allow_origin_regex": r"https://p[0-9]+\.evil\.example"}
    asgi("regex, remembered", ALLOWED, {"origin": NEW_EVIL % 1}, options=expression)
    asgi("regex, new each time", ALLOWED, {"origin": NEW_EVIL}, options=expression)
    for name, outcome, function in (
        ("says yes", ALLOWED, says_yes),
        ("raises", VARY, raise_at_once),
        ("gives no answer", VARY, says_nothing),
        ("needs an event loop", VARY, says_yes_later),
    ):
        decided = {"allow_origin_func": function}
        asgi(f"function {name}, new each time", outcome, {"origin": NEW_EVIL}, options=decided)
    asgi("function, remembered", ALLOWED, evil, options={"allow_origin_func": says_yes})
    decided = {"allow_origin_func": says_yes_later}
    for name, origin in (("remembered", EVIL), ("new each time", NEW_EVIL)):
        looped = _event_loop_driver(cancels=False)
        headers = {"origin": origin}
        asgi(f"async function, {name}", ALLOWED, headers, options=decided, drive=looped, share=0.1)
    cancelled = _event_loop_driver(cancels=True)
    decided = {"allow_origin_func": never_says}
    asgi("cancelled", "nothing", evil, options=decided, drive=cancelled, share=0.1)
    asgi("closed half-way", ALLOWED, own, half_way, drive=close_half_way)
    asgi("error thrown in half-way", ALLOWED, own, half_way, drive=throw_half_way)
    asgi("closed before it began", "nothing", own, drive=close_at_once)
    asgi("preflight, closed", "nothing", own | PREFLIGHT, drive=close_at_once, **options)
    asgi("new policies", ALLOWED, own, half_way, drive=reconfigure_half_way, share=0.05)
    asgi("mistaken policy", ALLOWED, own, drive=refuse_configuration, share=0.05)
    asgi("new middleware in a cycle", ALLOWED, own, each_anew=True, share=0.05)
    asgi("refusal told", VARY, evil, on_refusal=tell)
    asgi("refusal told to what raises", VARY, evil, on_refusal=raise_at_once)
    asgi("refusal, debug header", VARY, evil, debug_header=True)
    asgi("trial", ALLOWED, own, report_only=TIGHT)


def _add_wsgi_kinds() -> None:
    wsgi("no Origin", VARY, None)
    wsgi("allowed", ALLOWED, ORIGIN)
    wsgi("allowed, new each time", ALLOWED, NEW_PREVIEW)
    wsgi("refused", VARY, EVIL)
    wsgi("refused, new each time", VARY, NEW_EVIL)
    wsgi("two Origins", VARY, f"{ORIGIN},{ORIGIN}")
    wsgi("Origin of 5 000 bytes", VARY, "https://" + "a" * 5000)
    asked = {f"HTTP_{key.upper().replace('-', '_')}": text for key, text in PREFLIGHT.items()}
    options: dict[str, Any] = {"environ": {"REQUEST_METHOD": "OPTIONS", **asked}}
    wsgi("preflight, allowed", "204 +acao +vary", ORIGIN, **options)
    wsgi("preflight, refused", "403 +vary", EVIL, **options)
    wsgi("preflight, echo", "204 +acao +vary", ORIGIN, options=ECHO, **options)
    wsgi("preflight, to the app", ALLOWED, ORIGIN, preflight_continue=True, **options)
    wsgi("preflight, trial", "204 +acao +vary", ORIGIN, report_only=TIGHT, **options)
    wsgi("guard refuses", "403 +vary", EVIL, environ={"REQUEST_METHOD": "POST"}, guard=True)
    handshake = {"HTTP_UPGRADE": "websocket"}
    wsgi("guard refuses a handshake", "403 +vary", EVIL, environ=handshake, guard=True)
    kept = [("content-type", "text/plain"), ("vary", "accept")]
    for name, outcome, application in (
        ("kept headers", ALLOWED, app_answering(kept)),
        ("replaced", ALLOWED, app_answering([("Access-Control-Allow-Origin", "*")])),
        ("late start", ALLOWED, answer_late),
        ("exc_info", "500 +acao +vary", answer_twice),
        ("raises", "nothing", raise_at_once),
        ("raises after the start", ALLOWED, raise_after_wsgi_start),
    ):
        wsgi(f"application: {name}", outcome, ORIGIN, application)
    for path, outcome in (("/api/x", ACAO), ("/health", "200")):
        own = {"PATH_INFO": path}
        wsgi(f"rules: {path}", outcome, ORIGIN, environ=own, options={}, rules=RULES)
    wsgi("refusal told", VARY, EVIL, on_refusal=tell)
    wsgi("refusal, debug header", VARY, EVIL, debug_header=True)
    wsgi("trial", ALLOWED, ORIGIN, report_only=TIGHT)
    for name, outcome, function in (("yes", ALLOWED, says_yes), ("later", VARY, gives_a_coroutine)):
        decided = {"allow_origin_func": function}
        wsgi(f"function: {name}, new each time", outcome, "https://p%d.example", options=decided)


_add_asgi_kinds()
_add_wsgi_kinds()


@pytest.fixture(autouse=True)
def _quick_collections(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    # Written to, but to nowhere, so that the log's own memory is part of what is measured.
    caplog.set_level(logging.CRITICAL, "corsac")
    # What was there before takes no part in the collections.
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


exact = pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="counts are not exact without the GIL"
)


@exact
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # Coroutines that are closed unstarted.
@pytest.mark.parametrize("name", KINDS)
def test_a_request_leaves_nothing_behind(name: str) -> None:
    if "regex" in name:
        pytest.importorskip("re2")
    assert left_behind(name, KINDS[name]()) == []


@exact
@pytest.mark.parametrize("leak", [object, lambda: ANYONE, lambda: ctypes.create_string_buffer(600)])
def test_what_is_left_behind_is_found(leak: Callable[[], object]) -> None:
    kept: list[object] = []
    kind = Kind("nothing", lambda number, send: kept.append(leak()), [ANYONE], 1.0)
    assert left_behind("leaking", kind) != []
