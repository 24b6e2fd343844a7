"""WSGI's odd corners: what PEP 3333 lets servers and applications do."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from corsac import CORSConfigError, CORSPolicy
from corsac.wsgi import CORSMiddleware
from support.exchange import Request, run_wsgi, wsgi_environ
from support.wsgi import (
    ALLOWED,
    EVIL,
    OPTIONS,
    ORIGIN,
    REFUSED,
    answer_of,
    app_answering,
    environ_from,
)

APP_LINE = ("x-app", "1")


def headers_for(headers: Any, origin: object = ORIGIN, **changes: Any) -> Any:
    app = app_answering(headers)
    return answer_of(CORSMiddleware(app, **OPTIONS), origin, **changes).headers


class Response:
    """A body that says when it is closed."""

    def __init__(self) -> None:
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"x"])

    def close(self) -> None:
        self.closed += 1


# The response's body is the application's


def test_the_iterable_of_the_application_is_returned_as_it_is() -> None:
    body = Response()
    middleware: Any = CORSMiddleware(app_answering([], body), **OPTIONS)
    assert middleware(environ_from(), lambda *_: print) is body
    assert body.closed == 0
    assert answer_of(middleware).body == b"x"
    assert body.closed == 1


def test_a_generator_may_start_its_response_late() -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [APP_LINE])
        yield b"one "
        yield b"two"

    answer = answer_of(CORSMiddleware(app, **OPTIONS))
    assert (answer.headers, answer.body) == ([APP_LINE, *ALLOWED], b"one two")


def test_the_write_callable_of_the_server_is_returned_untouched() -> None:
    written: list[bytes] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [])
        assert write.__self__ is written
        write(b"x")
        return []

    middleware = CORSMiddleware(app, **OPTIONS)
    assert middleware(environ_from(), lambda *_: written.append) == []
    assert written == [b"x"]


def test_an_error_replaces_the_headers_that_were_not_sent_yet() -> None:
    calls: list[Any] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [APP_LINE])
        try:
            raise LookupError  # noqa: TRY301 - the application's own
        except LookupError:
            start_response("500 Oops", [("x-error", "1")], sys.exc_info())
        return []

    middleware: Any = CORSMiddleware(app, **OPTIONS)
    middleware(environ_from(), lambda *args: calls.append(args))
    (first, (status, headers, exc_info)) = calls
    assert first == ("200 OK", [APP_LINE, *ALLOWED])
    assert (status, headers) == ("500 Oops", [("x-error", "1"), *ALLOWED])
    assert exc_info[0] is LookupError


@pytest.mark.parametrize(
    ("positional", "named"),
    [
        (("200 OK", [APP_LINE]), {}),
        (("200 OK", [APP_LINE], None), {}),
        (("200 OK", [APP_LINE]), {"exc_info": None}),
        (("200 OK",), {"headers": [APP_LINE]}),
        (("200 OK",), {"response_headers": [APP_LINE]}),
        ((), {"headers": [APP_LINE], "status": "200 OK", "exc_info": None}),
    ],
)
def test_arguments_stay_positional_or_named(
    positional: tuple[Any, ...], named: dict[str, Any]
) -> None:
    calls: list[Any] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response(*positional, **named)
        return []

    def server(*args: Any, **keywords: Any) -> None:
        calls.append((args, keywords))

    CORSMiddleware(app, **OPTIONS)(environ_from(), server)  # type: ignore[arg-type]
    ((args, keywords),) = calls
    changed = [APP_LINE, *ALLOWED]
    assert args == tuple(changed if value == [APP_LINE] else value for value in positional)
    assert keywords == {
        name: changed if value == [APP_LINE] else value for name, value in named.items()
    }


@pytest.mark.parametrize("arguments", [(), ("200 OK",), ("200 OK", [], None, None)])
def test_a_call_without_headers_is_an_error(arguments: tuple[Any, ...]) -> None:
    def app(environ: Any, start_response: Any) -> None:
        start_response(*arguments)

    with pytest.raises(TypeError, match="status, headers and perhaps exc_info"):
        CORSMiddleware(app, **OPTIONS)(environ_from(), print)  # type: ignore[arg-type]


# The application's headers


def test_a_list_that_the_application_keeps_is_not_changed() -> None:
    kept = [APP_LINE]
    arguments = ("200 OK", [APP_LINE])

    def unpacking(environ: Any, start_response: Any) -> list[bytes]:
        start_response(*arguments)
        return []

    for app in (app_answering(kept), unpacking, functools.partial(app_answering(kept))):
        middleware = CORSMiddleware(app, **OPTIONS)
        for _ in range(3):
            assert answer_of(middleware).headers == [APP_LINE, *ALLOWED]
        assert answer_of(middleware, EVIL).headers == [APP_LINE, *REFUSED]
    assert (kept, arguments) == ([APP_LINE], ("200 OK", [APP_LINE]))


def test_a_list_that_nobody_else_holds_is_not_copied() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [APP_LINE])
        return []

    for _ in range(3):
        assert answer_of(CORSMiddleware(app, **OPTIONS)).headers == [APP_LINE, *ALLOWED]


class Headers:
    """Header lines with an interface of their own, as frameworks have them."""

    def __init__(self, lines: list[tuple[str, str]]) -> None:
        self._lines = lines

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._lines)


OWN_LINES = [APP_LINE, ("Access-Control-Allow-Origin", "*"), ("Vary", "Accept")]


@pytest.mark.parametrize(
    "make",
    [
        list,
        tuple,
        iter,
        Headers,
        lambda lines: (line for line in lines),
        lambda lines: [list(line) for line in lines],
        lambda lines: [iter(line) for line in lines],
    ],
)
def test_headers_in_another_container_are_read_all_the_same(make: Any) -> None:
    refused = headers_for(make(OWN_LINES), EVIL)
    assert isinstance(refused, list)
    assert [tuple(line) for line in refused] == [APP_LINE, ("vary", "Accept, Origin")]
    allowed = [tuple(line) for line in headers_for(make(OWN_LINES))]
    assert allowed == [APP_LINE, ("vary", "Accept, Origin"), *ALLOWED[1:]]


@pytest.mark.parametrize("headers", [None, 5, object()])
def test_what_is_no_iterable_is_the_servers_to_complain_about(headers: Any) -> None:
    assert headers_for(headers) is headers


@pytest.mark.parametrize(
    "line", [("x-\u20ac", "1"), ("x-value", "\u20ac"), (5, 6), ("alone",), "ab", None]
)
def test_what_is_no_header_line_is_the_servers_to_complain_about(line: Any) -> None:
    assert headers_for([line]) == [line, *ALLOWED]


@pytest.mark.parametrize(
    "line",
    [
        ("Access-Control-Allow-Origin", "\u20ac"),
        ("Access-Control-Allow-Origin", 5),
        (b"Access-Control-Allow-Origin", b"*"),
        (bytearray(b"access-control-allow-credentials"), b"true"),
        ["ACCESS-CONTROL-EXPOSE-HEADERS", "etag"],
    ],
)
def test_a_header_of_the_policy_never_passes_in_whatever_form(line: Any) -> None:
    assert headers_for([line, APP_LINE], EVIL) == [APP_LINE, *REFUSED]


def test_a_vary_that_cannot_be_read_is_left_alone_and_another_added() -> None:
    assert headers_for([("vary", "\u20ac")], EVIL) == [("vary", "\u20ac"), *REFUSED]


def test_latin1_values_pass_and_are_merged() -> None:
    lines = [("x-name", "caf\xe9"), ("vary", "caf\xe9")]
    assert headers_for(lines, EVIL) == [("x-name", "caf\xe9"), ("vary", "caf\xe9, Origin")]


def test_a_list_class_of_the_applications_own_becomes_a_list() -> None:
    class Lines(list[Any]):
        pass

    answer = headers_for(Lines([APP_LINE]))
    assert type(answer) is list
    assert answer == [APP_LINE, *ALLOWED]


# The environ


def test_two_origin_lines_come_joined_and_are_refused() -> None:
    joined = f"{ORIGIN},{ORIGIN}"
    for value in (joined, f"{ORIGIN}, {ORIGIN}", f"{ORIGIN} ", f" {ORIGIN}", f",{ORIGIN}"):
        assert headers_for([], value) == REFUSED
        asked = {"REQUEST_METHOD": "OPTIONS", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT"}
        answer = answer_of(CORSMiddleware(app_answering([]), **OPTIONS), value, **asked)
        assert (answer.status, answer.body) == ("403 Forbidden", b"origin-malformed")


@pytest.mark.parametrize("value", ["\u20ac", 5, None, b"https://app.example.com", object()])
def test_an_origin_that_is_no_latin1_text_is_refused(value: Any) -> None:
    environ = environ_from() | {"HTTP_ORIGIN": value}
    assert run_wsgi(CORSMiddleware(app_answering([]), **OPTIONS), environ).headers == REFUSED


@pytest.mark.parametrize("environ", [None, 5, [], {}])
def test_an_environ_without_anything_reaches_the_application(environ: Any) -> None:
    seen: list[Any] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        seen.append(environ)
        return []

    assert CORSMiddleware(app, **OPTIONS)(environ, print) == []  # type: ignore[arg-type]
    assert seen[0] is environ


def test_an_error_of_a_strange_environ_is_not_swallowed() -> None:
    class Broken:
        def __getitem__(self, key: str) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        CORSMiddleware(app_answering([]), **OPTIONS)(Broken(), print)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/b\u00fccher/x".encode().decode("latin-1"), True),
        ("/b\u00fccher/x", False),  # Other bytes: a server that sends latin-1.
        ("/bu\u0308cher/x", False),  # No bytes at all.
        ("", False),
        (None, False),
        (5, False),
    ],
)
def test_a_path_is_compared_byte_by_byte(path: Any, found: bool) -> None:
    rules = [("/b\u00fccher/*", CORSPolicy(**OPTIONS))]
    middleware = CORSMiddleware(app_answering([]), rules=rules)
    assert answer_of(middleware, PATH_INFO=path).headers == (ALLOWED if found else [])


@pytest.mark.parametrize(
    ("path", "found"),
    [("/api", True), ("/api/x", True), ("/apix", False), ("/api%2Fx", False), ("/api%2F", False)],
)
def test_a_path_is_not_decoded_again(path: str, found: bool) -> None:
    middleware = CORSMiddleware(app_answering([]), rules=[("/api/*", CORSPolicy(**OPTIONS))])
    assert answer_of(middleware, PATH_INFO=path).headers == (ALLOWED if found else [])


def test_what_a_mount_took_off_the_path_is_not_compared() -> None:
    middleware = CORSMiddleware(app_answering([]), rules=[("/api/*", CORSPolicy(**OPTIONS))])
    assert answer_of(middleware, SCRIPT_NAME="/v1", PATH_INFO="/api/x").headers == ALLOWED
    assert answer_of(middleware, SCRIPT_NAME="/api", PATH_INFO="/x").headers == []


# What is answered here


def preflight_environ(**changes: Any) -> dict[str, Any]:
    lines = [("Origin", ORIGIN), ("Access-Control-Request-Method", "PUT")]
    return wsgi_environ(Request("OPTIONS", lines), **changes)


@pytest.mark.parametrize(
    ("status", "line"),
    [(204, "204 No Content"), (200, "200 OK"), (206, "206 Partial Content"), (299, "299 OK")],
)
def test_a_preflight_has_the_status_line_of_its_status(status: int, line: str) -> None:
    middleware = CORSMiddleware(app_answering([]), preflight_status=status, **OPTIONS)
    answer = run_wsgi(middleware, preflight_environ())
    assert (answer.status, answer.body) == (line, b"")
    lengths = [value for name, value in answer.headers if name == "content-length"]
    assert lengths == ([] if status == 204 else ["0"])


def test_an_answer_s_headers_are_a_new_list_each_time() -> None:
    middleware = CORSMiddleware(app_answering([]), **OPTIONS)
    first = run_wsgi(middleware, preflight_environ()).headers
    wanted = list(first)
    first.append(("date", "now"))  # As servers do.
    assert run_wsgi(middleware, preflight_environ()).headers == wanted


HANDSHAKE = {"HTTP_UPGRADE": "WebSocket", "HTTP_CONNECTION": "Upgrade"}


@pytest.mark.parametrize(
    ("changes", "reached"),
    [
        ({"HTTP_ORIGIN": EVIL, **HANDSHAKE}, False),
        ({"HTTP_ORIGIN": EVIL, **HANDSHAKE, "HTTP_UPGRADE": "h2c, websocket"}, False),
        ({"HTTP_ORIGIN": f"{ORIGIN},{ORIGIN}", **HANDSHAKE}, False),
        ({"HTTP_ORIGIN": ORIGIN, **HANDSHAKE}, True),
        ({"HTTP_ORIGIN": "http://api.test", "HTTP_HOST": "api.test", **HANDSHAKE}, True),
        (HANDSHAKE, True),
        ({"HTTP_ORIGIN": EVIL, "HTTP_UPGRADE": "websockets"}, True),
    ],
)
def test_the_guard_refuses_a_websocket_handshake_of_another_origin(
    changes: dict[str, str], reached: bool
) -> None:
    middleware = CORSMiddleware(app_answering([]), guard=True, **OPTIONS)
    answer = answer_of(middleware, None, **changes)
    expected = ("200 OK", b"x") if reached else ("403 Forbidden", b"cross-origin-websocket")
    assert (answer.status, answer.body) == expected


def test_without_the_guard_a_handshake_passes() -> None:
    assert answer_of(CORSMiddleware(app_answering([]), **OPTIONS), EVIL, **HANDSHAKE).body == b"x"


# Functions that decide


async def decide_later(origin: str) -> bool:
    return True


class AsynchronousCall:
    async def __call__(self, origin: str) -> bool:
        return True


@pytest.mark.parametrize(
    "function", [decide_later, functools.partial(decide_later), AsynchronousCall()]
)
def test_an_asynchronous_function_is_an_error_when_the_middleware_is_made(function: Any) -> None:
    policy = CORSPolicy(allow_origin_func=function)
    middleware = CORSMiddleware(app_answering([]), **OPTIONS)
    for attempt in (
        lambda: CORSMiddleware(app_answering([]), policy),
        lambda: CORSMiddleware(app_answering([]), rules=[("/api", policy)]),
        lambda: middleware.reconfigure(policy),
    ):
        with pytest.raises(CORSConfigError, match="cannot be awaited in WSGI") as caught:
            attempt()
        assert [problem.code for problem in caught.value.problems] == ["option.wrong_type"]
    assert answer_of(middleware).headers == ALLOWED


def plain(function: Any) -> Any:
    """Hides that a function is asynchronous."""

    def call(origin: str) -> Any:
        return function(origin)

    return call


def test_a_function_that_gives_an_awaitable_all_the_same_refuses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    middleware = CORSMiddleware(app_answering([]), allow_origin_func=plain(decide_later))
    for _ in range(2):
        assert answer_of(middleware).headers == REFUSED
    assert "is asynchronous, but neither asyncio nor trio runs it" in caplog.text


def test_in_a_running_event_loop_an_awaitable_refuses_too() -> None:
    async def slow(origin: str) -> bool:
        await asyncio.sleep(0)
        return True

    middleware = CORSMiddleware(app_answering([]), allow_origin_func=plain(slow))

    async def call() -> Any:
        return answer_of(middleware).headers

    assert asyncio.run(call()) == REFUSED


def test_a_function_asks_with_the_origin_as_text() -> None:
    asked: list[str] = []

    def decide(origin: str) -> bool:
        asked.append(origin)
        return True

    middleware = CORSMiddleware(app_answering([]), allow_origin_func=decide)
    allowed = [("vary", "Origin"), ("access-control-allow-origin", EVIL)]
    assert [answer_of(middleware, EVIL).headers for _ in range(2)] == [allowed] * 2
    assert asked == [EVIL]


def test_the_log_names_method_and_whole_path(caplog: pytest.LogCaptureFixture) -> None:
    path = "/b\u00fccher".encode().decode("latin-1")
    middleware = CORSMiddleware(app_answering([]), **OPTIONS)
    answer_of(middleware, EVIL, SCRIPT_NAME="/v1", PATH_INFO=path)
    assert [record.getMessage() for record in caplog.records] == [
        "CORS: refused origin-not-allowed: origin 'https://evil.example', 'GET' '/v1/b\\xfccher'"
        "; more such refusals are logged as INFO"
    ]


def test_its_signature_is_documented() -> None:
    assert list(inspect.signature(CORSMiddleware).parameters) == [
        "app",
        "policy",
        "rules",
        "allowed_hosts",
        "on_refusal",
        "report_only",
        "report_only_rules",
        "report_only_hosts",
        "debug_header",
        "options",
    ]
