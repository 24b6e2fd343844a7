"""Transports: applications in this process, and servers on the network."""

from __future__ import annotations

import asyncio
import builtins
import contextvars
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

import corsac
import corsac.wsgi
from corsac.browser import FetchRequest, Request, Response, TransportError, simulate, simulate_async
from corsac.browser.transports import (
    asgi_async_transport,
    asgi_transport,
    httpx2_async_transport,
    httpx2_transport,
    wsgi_transport,
)

PAGE = "https://app.test"
POLICY: dict[str, Any] = {"allow_origins": [PAGE], "allow_methods": ["PUT"]}

Transport = Callable[[Request], Response]


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"x-a", b"1"), (b"x-a", b"\xe4")]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": b"hi"})


def wsgi_app(environ: Any, start_response: Any) -> list[bytes]:
    start_response("201 Created", [("x-a", "1"), ("x-a", "\xe4")])
    return [b"hi"]


@pytest.fixture(params=["asgi", "wsgi"])
def transport(request: pytest.FixtureRequest) -> Transport:
    """A transport to the same application behind either middleware."""
    if request.param == "asgi":
        return asgi_transport(corsac.CORSMiddleware(asgi_app, **POLICY))
    return wsgi_transport(corsac.wsgi.CORSMiddleware(wsgi_app, **POLICY))


def test_a_fetch_goes_through_the_middleware(transport: Transport) -> None:
    outcome = simulate(FetchRequest("https://api.test/x", PAGE, method="PUT"), transport)
    assert (outcome.ok, outcome.status, len(outcome.sent)) == (True, 201, 2)
    other = simulate(FetchRequest("https://api.test/x", "https://other.test"), transport)
    assert other.reason == "missing-allow-origin"


def test_every_line_of_a_response_is_kept(transport: Transport) -> None:
    response = transport(Request("GET", "https://api.test/"))
    assert response == Response(201, [("x-a", "1"), ("x-a", "\xe4"), ("vary", "Origin")])


@pytest.mark.parametrize("protocol", ["asgi", "wsgi"])
def test_an_application_sees_the_request_as_from_a_server(protocol: str) -> None:
    seen: dict[str, Any] = {}

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        seen.update(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode(),
            host=dict(scope["headers"])[b"host"].decode(),
            length=dict(scope["headers"])[b"content-length"].decode(),
            x=[value.decode("latin-1") for name, value in scope["headers"] if name == b"x-a"],
            body=message["body"],
            server=scope["server"],
            scheme=scope["scheme"],
        )
        await asgi_app(scope, receive, send)

    def wsgi(environ: Any, start_response: Any) -> list[bytes]:
        seen.update(
            method=environ["REQUEST_METHOD"],
            path=environ["PATH_INFO"].encode("latin-1").decode(),
            query=environ["QUERY_STRING"],
            host=environ["HTTP_HOST"],
            length=environ["CONTENT_LENGTH"],
            x=environ["HTTP_X_A"].split(","),
            body=environ["wsgi.input"].read(),
            server=(environ["SERVER_NAME"], int(environ["SERVER_PORT"])),
            scheme=environ["wsgi.url_scheme"],
        )
        return wsgi_app(environ, start_response)

    send = asgi_transport(asgi) if protocol == "asgi" else wsgi_transport(wsgi)
    headers = [("X-A", "1"), ("x-a", "\xe4")]
    send(Request("PUT", "https://[::1]:8443/%C3%A4?a=%20", headers, body=b"hi"))
    assert seen == {
        "method": "PUT",
        "path": "/\xe4",
        "query": "a=%20",
        "host": "[::1]:8443",
        "length": "2",
        "x": ["1", "\xe4"],
        "body": b"hi",
        "server": ("::1", 8443),
        "scheme": "https",
    }


def test_an_application_that_raises_is_answered_for_with_500(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("no\nway")

    def wsgi(environ: Any, start_response: Any) -> list[bytes]:
        raise ValueError("no\nway")

    for send in (asgi_transport(asgi), wsgi_transport(wsgi)):
        outcome = simulate(FetchRequest("https://api.test/x", PAGE), send)
        assert outcome.reason == "missing-allow-origin"
        assert "500 (the application raised ValueError: no\\nway" in str(outcome)
    assert [record.name for record in caplog.records] == ["corsac.browser"] * 2


def test_an_application_without_a_response_is_a_network_error() -> None:
    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        return None

    def wsgi(environ: Any, start_response: Any) -> list[bytes]:
        return []

    for send in (asgi_transport(asgi), wsgi_transport(wsgi)):
        outcome = simulate(FetchRequest("https://api.test/x", PAGE), send)
        assert outcome.reason == "network-error"
        assert "returned without a response" in outcome.detail


@pytest.mark.parametrize("status", ["abc", "99 x", "", "\u0662\u0660\u0660 OK"])
def test_a_wsgi_status_that_is_none_is_a_network_error(status: str) -> None:
    def wsgi(environ: Any, start_response: Any) -> list[bytes]:
        start_response(status, [])
        return []

    outcome = simulate(FetchRequest("https://api.test/x", PAGE), wsgi_transport(wsgi))
    assert outcome.reason == "network-error"


def test_a_wsgi_response_may_start_late_or_again_and_is_closed() -> None:
    events: list[str] = []

    class Body:
        def __init__(self, start_response: Any) -> None:
            self.start_response = start_response

        def __iter__(self) -> Iterator[bytes]:
            self.start_response("200 OK", [])
            self.start_response("500 Oops", [("X-A", "1")], (None, None, None))
            yield b"x"
            events.append("read on")

        def close(self) -> None:
            events.append("closed")

    send = wsgi_transport(lambda environ, start_response: Body(start_response))
    assert send(Request("GET", "https://api.test/")) == Response(500, [("X-A", "1")])
    assert events == ["closed"]


def test_an_endless_asgi_response_is_cancelled() -> None:
    cancelled = threading.Event()

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    assert asgi_transport(asgi)(Request("GET", "https://api.test/")).status == 200
    assert cancelled.is_set()


def test_a_client_goes_away_when_it_has_its_response() -> None:
    messages: list[str] = []

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        await asgi_app(scope, receive, send)
        messages.extend([(await receive())["type"], (await receive())["type"]])

    asgi_transport(asgi)(Request("GET", "https://api.test/"))
    assert messages == ["http.request", "http.disconnect"]


def test_an_asgi_application_that_is_silent_times_out() -> None:
    async def waits(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    send = asgi_transport(waits, timeout=0.01)
    outcome = simulate(FetchRequest("https://api.test/x", PAGE), send)
    assert outcome.detail == "TimeoutError: no response within 0.01 s"


def test_an_asgi_application_that_blocks_its_loop_times_out() -> None:
    release = threading.Event()

    async def blocks(scope: Any, receive: Any, send: Any) -> None:
        release.wait()

    send = asgi_transport(blocks, timeout=0.01)
    outcome = simulate(FetchRequest("https://api.test/x", PAGE), send)
    release.set()
    assert outcome.detail.startswith("TimeoutError: the application took more than")


def test_an_asgi_application_runs_where_a_loop_is_running_and_sees_the_context() -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    seen: list[str] = []

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        seen.append(variable.get())
        await asgi_app(scope, receive, send)

    async def main() -> None:
        variable.set("set")
        request = FetchRequest("https://api.test/x", PAGE, mode="no-cors")
        assert simulate(request, asgi_transport(asgi)).ok
        assert (await simulate_async(request, asgi_async_transport(asgi))).ok

    asyncio.run(main())
    assert seen == ["set", "set"]


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan")])
def test_a_timeout_is_a_number_of_seconds_above_zero(timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout must be a finite number"):
        asgi_transport(asgi_app, timeout=timeout)
    with pytest.raises(ValueError, match="timeout must be a finite number"):
        httpx2_transport(timeout=timeout)
    wrong: Any = "1"
    with pytest.raises(TypeError, match="timeout must be a number"):
        asgi_transport(asgi_app, timeout=wrong)
    with pytest.raises(TypeError, match="app must be an ASGI application"):
        asgi_transport(wrong)
    with pytest.raises(TypeError, match="app must be a WSGI application"):
        wsgi_transport(wrong)


def test_a_url_of_no_server_is_refused() -> None:
    with pytest.raises(TransportError, match="is not the URL of a server"):
        wsgi_transport(wsgi_app)(Request("GET", "data:,x"))


@contextmanager
def server(answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server on this machine that answers every connection with the same bytes."""
    requests: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    received = b""
                    while b"\r\n\r\n" not in received:
                        received += connection.recv(65536)
                    requests.append(received)
                    if answer:
                        connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/x", requests
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


ANSWER = (
    b"HTTP/1.1 302 Found\r\nAccess-Control-Allow-Origin: *\r\nX-A: 1\r\nX-A: \xe4\r\n"
    b"Set-Cookie: a=b\r\nContent-Length: 1000000\r\n\r\n"
)


def test_a_server_on_the_network_is_asked_with_exactly_these_lines() -> None:
    with server(ANSWER) as (url, requests):
        response = httpx2_transport()(Request("GET", url, [("X-B", "1"), ("x-b", "2")]))
    assert response == Response(
        302,
        [
            ("Access-Control-Allow-Origin", "*"),
            ("X-A", "1"),
            ("X-A", "\xe4"),
            ("Set-Cookie", "a=b"),
            ("Content-Length", "1000000"),
        ],
    )
    (request,) = requests
    lines = request.decode().split("\r\n")
    host = url.removeprefix("http://").removesuffix("/x")
    agent = f"User-Agent: python-httpx2/{httpx2.__version__}"
    assert sorted(lines) == sorted(["GET /x HTTP/1.1", f"Host: {host}", "X-B: 1", "x-b: 2", agent, "", ""])  # fmt: skip  # noqa: E501


@pytest.mark.parametrize("host", ["localhost", "app.localhost"])
@pytest.mark.parametrize("is_async", [False, True])
def test_localhost_is_this_machine_also_where_the_system_does_not_know_it(
    host: str, is_async: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = socket.getaddrinfo

    def unknown(name: Any, *arguments: Any, **options: Any) -> Any:
        if name in {host, host.encode()}:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return known(name, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with server(ANSWER) as (url, requests):
        request = Request("GET", url.replace("127.0.0.1", host))
        response = asyncio.run(_ask(request)) if is_async else httpx2_transport()(request)
        lines = requests[0].decode().split("\r\n")
    assert response.status == 302
    port = url.rpartition(":")[2].removesuffix("/x")
    assert [line for line in lines if line.startswith("Host:")] == [f"Host: {host}:{port}"]


async def _ask(request: Request) -> Response:
    return await httpx2_async_transport()(request)


@pytest.mark.parametrize("host", ["localhost.example.invalid", "notlocalhost.invalid"])
def test_a_name_that_only_looks_like_localhost_is_asked_for(host: str) -> None:
    with pytest.raises(TransportError):
        httpx2_transport()(Request("GET", f"http://{host}:1/"))


def test_what_a_client_is_set_to_is_not_sent() -> None:
    options: dict[str, Any] = {
        "auth": ("u", "p"),
        "cookies": {"a": "b"},
        "headers": {"X-Own": "1", "User-Agent": "mine"},
        "follow_redirects": True,
    }

    async def asynchronous(url: str) -> Response:
        async with httpx2.AsyncClient(**options) as client:
            return await httpx2_async_transport(client)(Request("GET", url))

    with server(ANSWER) as (url, requests):
        with httpx2.Client(**options) as client:
            assert httpx2_transport(client)(Request("GET", url)).status == 302
        assert asyncio.run(asynchronous(url)).status == 302
    host = url.removeprefix("http://").removesuffix("/x")
    expected = f"GET /x HTTP/1.1\r\nHost: {host}\r\nUser-Agent: mine\r\n\r\n".encode()
    assert requests == [expected, expected]


@pytest.mark.parametrize(
    "answer",
    [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nX A: 1\r\n\r\n"],
)
def test_an_answer_that_is_no_http_is_a_network_error(answer: bytes) -> None:
    async def asynchronous(request: FetchRequest) -> str | None:
        return (await simulate_async(request, httpx2_async_transport())).reason

    with server(answer) as (url, _):
        request = FetchRequest(url, PAGE)
        outcome = simulate(request, httpx2_transport())
        assert (outcome.reason, asyncio.run(asynchronous(request))) == ("network-error",) * 2
    assert isinstance(outcome.error, TransportError)


def test_a_silent_server_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        outcome = simulate(FetchRequest(url, PAGE), httpx2_transport(timeout=0.01))
    assert outcome.reason == "network-error"
    assert "Timeout" in outcome.detail


def test_without_httpx2_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def no_httpx2(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "httpx2":
            raise ImportError(name)
        return real_import(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", no_httpx2)
    with pytest.raises(ImportError, match=r"pip install 'corsac\[cli\]'"):
        httpx2_transport()
