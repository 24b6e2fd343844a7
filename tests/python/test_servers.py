"""The middlewares under real servers, over real sockets."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from typing import Any, cast

import pytest
import uvicorn
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.utils import is_asgi, wrap_app
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from support.servers import SERVERS, WSGI_SERVERS, Answer, RunningServer, running_server
from support.servers_app import ALLOWED_ORIGIN, EXPOSED_HEADER, application
from support.servers_wsgi_app import CROWD

OTHER_ORIGIN = "https://evil.example"

ALLOWED = sorted(
    [
        b"access-control-allow-credentials: true",
        b"access-control-allow-origin: " + ALLOWED_ORIGIN.encode(),
        b"access-control-expose-headers: " + EXPOSED_HEADER.encode(),
        b"vary: Origin",
    ]
)
NOT_ALLOWED = [b"vary: Origin"]


ALL_SERVERS = [*sorted(SERVERS), *sorted(WSGI_SERVERS)]


def app_for(server: str, name: str) -> str:
    """An application of this name in the protocol of the server."""
    module = "servers_wsgi_app" if server in WSGI_SERVERS else "servers_app"
    return f"support.{module}:{name}"


@pytest.fixture(scope="module", params=ALL_SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    """Each server in turn, with the plain application."""
    with running_server(request.param, app_for(request.param, "application")) as running:
        yield running


@pytest.fixture(scope="module", params=ALL_SERVERS)
def guarded_server(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    """Each server in turn, with the application whose policy has the guard."""
    with running_server(request.param, app_for(request.param, "guarded")) as running:
        yield running


def only_asgi(server: RunningServer) -> RunningServer:
    """The server, if it speaks ASGI."""
    if server.name in WSGI_SERVERS:
        pytest.skip("WSGI has neither a lifespan nor WebSockets")
    return server


@pytest.fixture
def asgi_server(server: RunningServer) -> RunningServer:
    """Each ASGI server in turn, with the plain application."""
    return only_asgi(server)


@pytest.fixture
def guarded_asgi_server(guarded_server: RunningServer) -> RunningServer:
    """Each ASGI server in turn, with the application whose policy has the guard."""
    return only_asgi(guarded_server)


def ask(
    server: RunningServer, origin: str | bytes | None, path: str = "/", method: str = "GET"
) -> Answer:
    lines = [] if origin is None else [("Origin", origin)]
    return server.ask(path, method=method, lines=lines)


def preflight(server: RunningServer, origin: str) -> Answer:
    lines = [
        ("Origin", origin),
        ("Access-Control-Request-Method", "PUT"),
        ("Access-Control-Request-Headers", "x-wanted"),
    ]
    return server.ask("/", method="OPTIONS", lines=lines)


def test_an_actual_request_from_an_allowed_origin_is_allowed(server: RunningServer) -> None:
    answer = ask(server, ALLOWED_ORIGIN)
    assert (answer.status, answer.body, answer.cors_lines) == (200, b"hello", ALLOWED)


def test_an_actual_request_from_a_refused_origin_runs_without_cors_headers(
    server: RunningServer,
) -> None:
    answer = ask(server, OTHER_ORIGIN)
    assert (answer.status, answer.body, answer.cors_lines) == (200, b"hello", NOT_ALLOWED)


def test_a_request_without_origin_gets_vary_only(server: RunningServer) -> None:
    answer = ask(server, None)
    assert (answer.status, answer.body, answer.cors_lines) == (200, b"hello", NOT_ALLOWED)


def test_a_preflight_from_an_allowed_origin_is_answered_whole_without_a_body(
    server: RunningServer,
) -> None:
    answer = preflight(server, ALLOWED_ORIGIN)
    assert (answer.status, answer.rest) == (204, b"")
    assert answer.cors_lines == sorted(
        [
            b"access-control-allow-credentials: true",
            b"access-control-allow-headers: X-Wanted",
            b"access-control-allow-methods: PUT",
            b"access-control-allow-origin: " + ALLOWED_ORIGIN.encode(),
            b"access-control-max-age: 600",
            b"vary: Origin",
        ]
    )
    lengths = [line for line in answer.lines if line.lower().startswith(b"content-length")]
    # The standard library's server gives one to whatever has none.
    assert lengths == ([b"Content-Length: 0"] if server.name == "wsgiref" else [])


def test_a_preflight_from_a_refused_origin_is_answered_with_the_reason(
    server: RunningServer,
) -> None:
    answer = preflight(server, OTHER_ORIGIN)
    assert (answer.status, answer.body) == (403, b"origin-not-allowed")
    assert answer.cors_lines == NOT_ALLOWED
    assert b"content-type: text/plain; charset=utf-8" in [line.lower() for line in answer.lines]


def test_two_origin_lines_are_not_allowed(server: RunningServer) -> None:
    lines = [("Origin", ALLOWED_ORIGIN), ("Origin", ALLOWED_ORIGIN)]
    answer = server.ask("/", lines=lines)
    assert (answer.status, answer.body, answer.cors_lines) == (200, b"hello", NOT_ALLOWED)


def test_an_empty_origin_is_not_allowed(server: RunningServer) -> None:
    answer = ask(server, "")
    assert (answer.status, answer.body, answer.cors_lines) == (200, b"hello", NOT_ALLOWED)


def test_a_header_name_in_mixed_case_is_the_same_header(server: RunningServer) -> None:
    answer = server.ask("/", lines=[("oRiGiN", ALLOWED_ORIGIN)])
    assert (answer.status, answer.cors_lines) == (200, ALLOWED)


def test_an_error_that_the_application_answers_can_be_read(server: RunningServer) -> None:
    answer = ask(server, ALLOWED_ORIGIN, "/error")
    assert (answer.status, answer.body) == (500, b"the application failed")
    assert answer.cors_lines == ALLOWED


def test_a_head_request_gets_the_headers_of_a_get(server: RunningServer) -> None:
    answer = ask(server, ALLOWED_ORIGIN, method="HEAD")
    assert (answer.status, answer.rest, answer.cors_lines) == (200, b"", ALLOWED)


def test_a_304_carries_the_cors_headers(server: RunningServer) -> None:
    answer = ask(server, ALLOWED_ORIGIN, "/not-modified")
    assert (answer.status, answer.rest, answer.cors_lines) == (304, b"", ALLOWED)


def test_a_streamed_response_comes_whole_with_its_headers(server: RunningServer) -> None:
    answer = ask(server, ALLOWED_ORIGIN, "/stream")
    assert (answer.status, answer.body, answer.cors_lines) == (200, b"one two three", ALLOWED)


def test_the_headers_that_the_application_sets_itself_are_replaced_and_vary_is_merged(
    server: RunningServer,
) -> None:
    merged = b"vary: Accept-Encoding, Origin"
    allowed = ask(server, ALLOWED_ORIGIN, "/own-headers")
    assert allowed.cors_lines == sorted([*ALLOWED[:-1], merged])
    refused = ask(server, OTHER_ORIGIN, "/own-headers")
    assert refused.cors_lines == [merged]


@pytest.mark.parametrize(
    "origin", [b"https://caf\xe9.example", ALLOWED_ORIGIN.encode() + b"\xff"], ids=["word", "end"]
)
def test_latin1_bytes_in_origin_are_not_allowed(server: RunningServer, origin: bytes) -> None:
    answer = ask(server, origin)
    assert (answer.status, answer.body, answer.cors_lines) == (200, b"hello", NOT_ALLOWED)


def test_an_origin_of_60_kib_is_never_allowed_and_the_server_goes_on(
    server: RunningServer,
) -> None:
    origin = ALLOWED_ORIGIN + "/" * (60 * 1024 - len(ALLOWED_ORIGIN))
    try:
        answer = ask(server, origin)
    except ConnectionError:
        pass  # The server closed the connection while the request was still being written.
    else:
        # A server may refuse it before the application runs; it then knows nothing of CORS.
        refused_by_server = answer.status in {400, 431} and answer.cors_lines == []
        assert refused_by_server or (answer.status, answer.cors_lines) == (200, NOT_ALLOWED)
    after = ask(server, ALLOWED_ORIGIN)
    assert (after.status, after.cors_lines) == (200, ALLOWED)


def test_the_lifespan_reaches_the_application(asgi_server: RunningServer) -> None:
    assert ask(asgi_server, None, "/lifespan").body == b"started"


@pytest.mark.parametrize("name", sorted(SERVERS))
def test_a_server_that_is_asked_to_end_ends_the_lifespan(name: str) -> None:
    with running_server(name, "support.servers_app:application") as server:
        server.stop()
        assert "the lifespan ended" in server.output
        assert "Traceback" not in server.output


@pytest.mark.parametrize("origin", [ALLOWED_ORIGIN, OTHER_ORIGIN, None])
def test_a_websocket_from_any_origin_passes_through(
    asgi_server: RunningServer, origin: str | None
) -> None:
    assert echo(asgi_server, origin) == "over the wire"


@pytest.mark.parametrize("origin", [ALLOWED_ORIGIN, None])
def test_the_guard_lets_the_websocket_of_an_allowed_origin_pass(
    guarded_asgi_server: RunningServer, origin: str | None
) -> None:
    assert echo(guarded_asgi_server, origin) == "over the wire"


def test_the_guard_refuses_the_websocket_of_another_origin(
    guarded_asgi_server: RunningServer,
) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        echo(guarded_asgi_server, OTHER_ORIGIN)
    assert refusal.value.response.status_code == 403
    assert refusal.value.response.body == b"cross-origin-websocket"


def test_the_guard_refuses_a_handshake_that_an_application_could_take_over(
    guarded_server: RunningServer,
) -> None:
    if guarded_server.name not in WSGI_SERVERS:
        pytest.skip("a handshake of ASGI is no request; it has a test of its own")
    for origin, status in ((OTHER_ORIGIN, 403), (ALLOWED_ORIGIN, 200)):
        answer = guarded_server.ask(lines=[("Origin", origin), ("Upgrade", "websocket")])
        assert answer.status == status


def test_the_guard_refuses_an_unsafe_request_of_another_origin(
    guarded_server: RunningServer,
) -> None:
    refused = ask(guarded_server, OTHER_ORIGIN, method="POST")
    assert (refused.status, refused.body) == (403, b"cross-origin-request")
    assert refused.cors_lines == NOT_ALLOWED
    allowed = ask(guarded_server, ALLOWED_ORIGIN, method="POST")
    assert (allowed.status, allowed.body) == (200, b"hello")


def test_the_guard_lets_the_server_s_own_pages_write(guarded_server: RunningServer) -> None:
    own_origin = f"http://127.0.0.1:{guarded_server.port}"
    assert ask(guarded_server, own_origin, method="POST").status == 200


def test_the_guard_lets_the_server_s_own_pages_open_websockets(
    guarded_asgi_server: RunningServer,
) -> None:
    own_origin = f"http://127.0.0.1:{guarded_asgi_server.port}"
    assert echo(guarded_asgi_server, own_origin) == "over the wire"


def test_a_wsgi_application_may_write_its_response(server: RunningServer) -> None:
    if server.name not in WSGI_SERVERS:
        pytest.skip("ASGI has no write")
    answer = ask(server, ALLOWED_ORIGIN, "/write")
    assert (answer.status, answer.body, answer.cors_lines) == (200, b"written", ALLOWED)


@pytest.mark.parametrize("name", ["eventlet", "gunicorn-gevent"])
def test_a_thread_serves_more_requests_at_once_than_middlewares_may_be_nested(name: str) -> None:
    with running_server(name, "support.servers_wsgi_app:crowd") as server:
        with contextlib.ExitStack() as connections:
            begun = [
                connections.enter_context(
                    server.begin("/crowd", lines=[("Origin", ALLOWED_ORIGIN)])
                )
                for _ in range(CROWD)
            ]
            answers = [request.finish() for request in begun]
        assert "Traceback" not in server.output
    allowed = [b"access-control-allow-origin: " + ALLOWED_ORIGIN.encode(), b"vary: Origin"]
    seen = {(answer.status, answer.body, *answer.cors_lines) for answer in answers}
    assert seen == {(200, b"hello", *allowed)}


def test_its_call_is_seen_as_a_coroutine_function() -> None:
    assert inspect.iscoroutinefunction(application.__call__)


def test_uvicorn_finds_out_that_it_speaks_asgi_3() -> None:
    config = uvicorn.Config(application, interface="auto", log_config=None)
    config.load()
    assert config.interface == "asgi3"


def test_hypercorn_finds_out_that_it_speaks_asgi() -> None:
    assert is_asgi(application)
    assert isinstance(wrap_app(cast(Any, application), 1024, None), ASGIWrapper)


def echo(server: RunningServer, origin: str | None) -> str | bytes:
    """Send one text over a WebSocket and give what came back."""
    uri = f"ws://127.0.0.1:{server.port}/echo"
    origin_line = None if origin is None else Origin(origin)
    with connect(uri, origin=origin_line, proxy=None, open_timeout=30) as websocket:
        websocket.send("over the wire")
        return websocket.recv(timeout=30)
