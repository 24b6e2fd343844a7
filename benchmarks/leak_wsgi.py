"""The kinds of WSGI requests that the leak test repeats."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import corsac.wsgi
from benchmarks.leak_driver import ORIGIN, OTHER, PlannedError, Recorder, Send, Subject

OWN = ORIGIN.decode()
EVIL = OTHER.decode()
OPTIONS: dict[str, Any] = {
    "allow_origins": [OWN],
    "allow_methods": ["PUT"],
    "allow_headers": ["content-type"],
}
LINE = ("content-type", "text/plain")
KEPT_LINES = [LINE, ("vary", "accept")]

Environ = dict[str, Any]
Outcome = tuple[str, str, Callable[[], Subject]]


def make_environ(origin: str | None, **changes: Any) -> Environ:
    """A new environ for a request from an origin."""
    environ = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/notes"}
    if origin is not None:
        environ["HTTP_ORIGIN"] = origin
    return environ | changes


def _answer(environ: Environ, start_response: Any) -> Any:
    start_response("200 OK", [LINE])
    return [b"x"]


def _answer_with_kept_lines(environ: Environ, start_response: Any) -> Any:
    start_response("200 OK", KEPT_LINES)
    return [b"x"]


def _answer_with_generators(environ: Environ, start_response: Any) -> Any:
    start_response("200 OK", ((part for part in line) for line in KEPT_LINES))
    return [b"x"]


def _answer_with_own_headers(environ: Environ, start_response: Any) -> Any:
    start_response("200 OK", [LINE, ("Access-Control-Allow-Origin", "*"), ("Vary", "origin")])
    return [b"x"]


def _answer_late(environ: Environ, start_response: Any) -> Any:
    start_response("200 OK", [LINE])
    yield b"x"
    yield b"y"


def _raise(environ: Environ, start_response: Any) -> Any:
    raise PlannedError


def _answer_again(environ: Environ, start_response: Any) -> Any:
    start_response("200 OK", [LINE])
    try:
        _raise(environ, start_response)
    except PlannedError:
        start_response("500 Internal Server Error", [LINE], sys.exc_info())
    return [b"x"]


def _raise_after_start(environ: Environ, start_response: Any) -> Any:
    start_response("200 OK", [LINE])
    raise PlannedError


def _discard(status: str, headers: Any, exc_info: Any = None) -> None:
    """Is the `start_response` of a server that keeps nothing."""


def _noting(recorder: Recorder) -> Callable[..., None]:
    def start_response(status: str, headers: Any, exc_info: Any = None) -> None:
        lines = [(name.encode(), value.encode()) for name, value in headers]
        recorder.messages.insert(0, {"status": int(status[:3]), "headers": lines})

    return start_response


def _request(
    environ_of: Callable[[int], Environ], application: Any = _answer, **options: Any
) -> Callable[[], Subject]:
    def prepare() -> Subject:
        middleware = corsac.wsgi.CORSMiddleware(application, **(options or OPTIONS))
        number = 0

        def step(send: Send) -> None:
            nonlocal number
            number += 1
            start: Any = _noting(send) if isinstance(send, Recorder) else _discard
            with contextlib.suppress(PlannedError):
                for _ in middleware(environ_of(number), start):
                    pass

        configuration = middleware._configuration
        kept = [
            middleware,
            type(middleware),
            middleware._start_response_type,
            application,
            configuration,
            configuration.routing,
            LINE,
            KEPT_LINES,
            OWN,
            EVIL,
            _discard,
        ]
        return Subject(step, kept)

    return prepare


def _reconfigured() -> Subject:
    policies = [corsac.CORSPolicy(**OPTIONS), corsac.CORSPolicy(allow_origins=[OWN, EVIL])]

    def application(environ: Environ, start_response: Any) -> Any:
        middleware.reconfigure(policies[0])
        start_response("200 OK", [LINE])
        return [b"x"]

    middleware = corsac.wsgi.CORSMiddleware(application, policies[0])

    def step(send: Send) -> None:
        start: Any = _noting(send) if isinstance(send, Recorder) else _discard
        middleware.reconfigure(policies[1])
        middleware(make_environ(OWN), start)

    return Subject(step, [middleware, application, *policies])


def _tell(refusal: object) -> None:
    """Is told about refusals and keeps nothing."""


def wsgi_kinds() -> Iterator[Outcome]:
    """The name, the outcome and the preparation of each kind."""
    allowed = "200 +acao +vary"

    def same(origin: str | None, **changes: Any) -> Callable[[int], Environ]:
        return lambda _: make_environ(origin, **changes)

    def new(pattern: str) -> Callable[[int], Environ]:
        return lambda number: make_environ(pattern % number)

    preflight = {
        "REQUEST_METHOD": "OPTIONS",
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT",
        "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": "content-type, x-other",
    }
    yield "no Origin", "200 +vary", _request(same(None))
    yield "actual, allowed", allowed, _request(same(OWN))
    yield "actual, refused", "200 +vary", _request(same(EVIL))
    yield "actual, refused, new each time", "200 +vary", _request(new("https://p%d.evil.example"))
    pattern = {"allow_origins": ["https://*.preview.example.com"]}
    by_pattern = new("https://p%d.preview.example.com")
    yield "actual, allowed, new each time", allowed, _request(by_pattern, **pattern)
    yield "two Origins", "200 +vary", _request(same(f"{OWN},{OWN}"))
    yield "Origin of 5 000 bytes", "200 +vary", _request(same("https://" + "a" * 5000))
    yield "preflight, allowed", "204 +acao +vary", _request(same(OWN, **preflight))
    yield "preflight, refused", "403 +vary", _request(same(EVIL, **preflight))
    echo = {
        "allow_origins": ["*"],
        "allow_methods": ["*"],
        "allow_headers": ["*"],
        "allow_credentials": True,
        "tolerate": ["origin.any_with_credentials"],
    }
    yield "preflight, echo", "204 +acao +vary", _request(same(OWN, **preflight), **echo)
    continued = {**OPTIONS, "preflight_continue": True}
    yield (
        "preflight, answered by the application",
        allowed,
        _request(same(OWN, **preflight), **continued),
    )
    guarded = {**OPTIONS, "guard": True}
    forged = same(EVIL, REQUEST_METHOD="POST")
    yield "guard refuses", "403 +vary", _request(forged, **guarded)
    handshake = same(EVIL, HTTP_UPGRADE="websocket")
    yield "guard refuses a handshake", "403 +vary", _request(handshake, **guarded)
    for name, application in (
        ("response headers that are kept", _answer_with_kept_lines),
        ("response headers: generators", _answer_with_generators),
        ("CORS headers of the application replaced", _answer_with_own_headers),
        ("generator that starts late", _answer_late),
        ("application raises after the start", _raise_after_start),
    ):
        yield name, allowed, _request(same(OWN), application)
    yield "start with exc_info", "500 +acao +vary", _request(same(OWN), _answer_again)
    yield "application raises", "nothing", _request(same(OWN), _raise)
    rules = {"rules": [("/api/*", corsac.CORSPolicy(allow_origins=["*"])), ("/health", None)]}
    yield "rules", "200 +acao", _request(same(OWN, PATH_INFO="/api/x"), **rules)
    yield "rules, hands off", "200", _request(same(OWN, PATH_INFO="/health"), **rules)

    yield "refusal told", "200 +vary", _request(same(EVIL), on_refusal=_tell, **OPTIONS)
    yield "refusal, debug header", "200 +vary", _request(same(EVIL), debug_header=True, **OPTIONS)
    tight = corsac.CORSPolicy(allow_origins=["https://b.example.com"])
    yield "on trial, actual", allowed, _request(same(OWN), report_only=tight, **OPTIONS)
    yield (
        "on trial, preflight",
        "204 +acao +vary",
        _request(same(OWN, **preflight), report_only=tight, **OPTIONS),
    )

    def says_yes(origin: str) -> bool:
        return True

    async def says_yes_later(origin: str) -> bool:
        return True

    def awaitable(origin: str) -> Any:
        return says_yes_later(origin)

    asked = new("https://p%d.example")
    yield "function, new each time", allowed, _request(asked, allow_origin_func=says_yes)
    yield "function with an awaitable", "200 +vary", _request(asked, allow_origin_func=awaitable)
    yield "reconfigured while it runs", allowed, _reconfigured
