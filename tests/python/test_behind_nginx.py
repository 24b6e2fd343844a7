"""The recipe for nginx, as it stands in the documentation, with a real nginx."""

from __future__ import annotations

import contextlib
import shutil
import socket
import textwrap
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from corsac.browser import FetchOutcome, FetchRequest, Response, simulate
from corsac.browser.transports import httpx2_transport
from support.pages import blocks_of
from support.raw_server import RawRequest, RawServer, answering, http, serving_raw
from support.servers import RunningServer, start_server

PAGE = "docs/how-to/behind-a-proxy.md"
APP, OTHER = "https://app.example.com", "https://other.example.com"
CORS = ("Access-Control-Allow-Origin: https://app.example.com", "Vary: Origin")
MORE = ("Access-Control-Allow-Credentials: true", "Access-Control-Allow-Methods: PUT")


def recipe(upstream: str, port: int, folder: Path) -> str:
    """The blocks of the page as one configuration, for plain http and another application."""
    server, maps, error, locations = (
        block.text for block in blocks_of("nginx") if block.page == PAGE
    )
    (folder / "cors-error.conf").write_text(error)
    kept = [line for line in server.splitlines() if "ssl" not in line]
    body = "\n".join(kept).replace("http://127.0.0.1:8000", upstream)
    assert body.endswith("}")
    body = f"{body.removesuffix('}')}{textwrap.indent(locations, '    ')}}}"
    body = body.replace("server {", f"server {{\n    listen 127.0.0.1:{port};", 1)
    temporary = "\n".join(
        f"{name}_temp_path {folder}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""
daemon off;
pid {folder}/pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
    access_log off;
    proxy_read_timeout 300ms;
    {temporary}
    {maps}
    {body}
}}
"""


@contextlib.contextmanager
def nginx_before(upstream: str, folder: Path) -> Iterator[RunningServer]:
    """Run an nginx before an application until the block ends."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None:
        pytest.fail("these tests need Debian's nginx: apt-get install nginx")

    def command(port: int) -> list[str]:
        configured = folder / "nginx.conf"
        configured.write_text(recipe(upstream, port, folder))
        return ["-p", str(folder), "-c", str(configured), "-e", "stderr"]

    def is_ready(server: RunningServer) -> bool:
        socket.create_connection(("127.0.0.1", server.port)).close()
        return True

    with start_server("nginx", command, is_ready, program=[program]) as server:
        yield server


def fetched(server: RunningServer, origin: str = APP, body: bytes = b"{}") -> FetchOutcome:
    """What a page gets whose PUT has JSON and cookies."""
    request = FetchRequest(
        f"http://127.0.0.1:{server.port}/notes",
        origin,
        "PUT",
        {"Content-Type": "application/json"},
        "include",
        body=body,
    )
    with httpx2.Client() as client:
        return simulate(request, httpx2_transport(client))


def answers(outcome: FetchOutcome) -> list[Response]:
    """Every answer that the simulated browser got."""
    return [step.response for step in outcome.steps if step.response is not None]


def answer(request: RawRequest) -> bytes:
    """An application with a policy, whose own 502 has the headers, too."""
    if request.origin != APP:
        return http(200)
    allowed = "Access-Control-Allow-Headers: content-type"
    more = (*MORE, allowed) if request.is_preflight else MORE[:1]
    return http(204 if request.is_preflight else 502, *CORS, *more)


@pytest.fixture
def application() -> Iterator[RawServer]:
    """An application behind nginx."""
    with serving_raw(answering(answer)) as running:
        yield running


def test_nginx_hands_requests_and_answers_on_and_adds_nothing(
    application: RawServer, tmp_path: Path
) -> None:
    with nginx_before(application.url, tmp_path) as server:
        outcome = fetched(server)
    assert (outcome.ok, answers(outcome)[-1].status) == (True, 502)
    names = ("access-control-", "vary")
    through = [each.headers for each in answers(outcome)]
    assert [
        sorted(line for line in lines if line[0].lower().startswith(names)) for lines in through
    ] == [
        [
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Allow-Headers", "content-type"),
            ("Access-Control-Allow-Methods", "PUT"),
            ("Access-Control-Allow-Origin", APP),
            ("Vary", "Origin"),
        ],
        [
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Allow-Origin", APP),
            ("Vary", "Origin"),
        ],
    ]
    first, second = application.requests
    assert (first.origin, first.headers["access-control-request-method"]) == (APP, "PUT")
    assert first.headers["access-control-request-headers"] == "content-type"
    # $host is the name that was asked for, without the port.
    assert (second.origin, second.headers["host"]) == (APP, "127.0.0.1")
    assert second.headers["x-forwarded-proto"] == "http"


def test_a_page_can_read_the_502_of_nginx_where_the_application_is_down(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        upstream = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with nginx_before(upstream, tmp_path) as server:
        outcome = fetched(server)
        assert (outcome.ok, answers(outcome)[-1].status) == (True, 502)
        refused = fetched(server, OTHER)
        assert refused.reason == "preflight:missing-allow-origin"
        for origin, lines in (
            (
                APP,
                [
                    b"access-control-allow-credentials: true",
                    b"access-control-allow-headers: content-type",
                    b"access-control-allow-methods: PUT",
                    b"access-control-allow-origin: https://app.example.com",
                    b"vary: Origin",
                ],
            ),
            (
                OTHER,
                [
                    b"access-control-allow-headers: content-type",
                    b"access-control-allow-methods: PUT",
                    b"vary: Origin",
                ],
            ),
        ):
            told = server.ask("/notes", lines=[("Origin", origin)])
            assert (told.status, told.cors_lines) == (502, lines)


def test_a_page_can_read_that_its_body_was_too_large(
    application: RawServer, tmp_path: Path
) -> None:
    with nginx_before(application.url, tmp_path) as server:
        outcome = fetched(server, body=b"x" * 2_000_000)
    assert (outcome.ok, answers(outcome)[-1].status) == (True, 413)


def test_a_page_can_read_that_the_application_took_too_long(tmp_path: Path) -> None:
    def silent(request: RawRequest, connection: socket.socket) -> None:
        if request.is_preflight:
            connection.sendall(answer(request))
        else:
            running.is_stopping.wait()

    with serving_raw(silent) as running, nginx_before(running.url, tmp_path) as server:
        outcome = fetched(server)
        assert (outcome.ok, answers(outcome)[-1].status) == (True, 504)
