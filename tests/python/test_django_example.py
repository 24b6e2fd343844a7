"""The example project for Django behind real servers, for WSGI and for ASGI."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.servers import Answer, RunningServer, start_server

PROJECT = Path(__file__).parents[2] / "examples" / "django"
HOST = "127.0.0.1"
PREVIEW = "https://a.preview.example.com"

COMMANDS = {
    "gunicorn": ["gunicorn", "notes.wsgi", "--bind", "{address}"],
    "uvicorn": ["uvicorn", "notes.asgi:application", "--host", HOST, "--port", "{port}"],
}


@pytest.fixture(scope="module", params=sorted(COMMANDS))
def server(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    def command(port: int) -> list[str]:
        address = f"{HOST}:{port}"
        return [part.format(address=address, port=port) for part in COMMANDS[request.param]]

    variables = {"PYTHONDONTWRITEBYTECODE": "1"}
    with start_server(request.param, command, is_ready, PROJECT, **variables) as server:
        yield server


def is_ready(server: RunningServer) -> bool:
    assert server.ask("/health").body == b"ok", "another server has the port"
    return True


def ask(server: RunningServer, path: str, origin: str = PREVIEW, method: str = "GET") -> Answer:
    lines = [("Origin", origin)]
    if method == "OPTIONS":
        lines.append(("Access-Control-Request-Method", "PUT"))
    return server.ask(path, method=method, lines=lines)


def cors_headers(answer: Answer) -> dict[bytes, bytes]:
    """The CORS headers and Vary of a response, with names in lower case."""
    lines = (line.split(b": ", 1) for line in answer.cors_lines)
    return {name.lower(): value for name, value in lines}


ALLOWED = {
    b"access-control-allow-origin": PREVIEW.encode(),
    b"access-control-allow-credentials": b"true",
}


def test_a_page_reads_what_the_settings_let_it(server: RunningServer) -> None:
    answer = ask(server, "/notes/")
    assert answer.status == 200
    assert cors_headers(answer) == ALLOWED | {
        b"access-control-expose-headers": b"etag",
        b"vary": b"Origin",
    }
    assert cors_headers(ask(server, "/notes/", "https://evil.example")) == {b"vary": b"Origin"}


def test_a_preflight_request_is_answered(server: RunningServer) -> None:
    answer = ask(server, "/notes/", method="OPTIONS")
    assert (answer.status, answer.body) == (204, b"")
    assert cors_headers(answer) == ALLOWED | {
        b"access-control-allow-methods": b"PUT",
        b"access-control-allow-headers": b"content-type",
        b"access-control-max-age": b"600",
        b"vary": b"Origin",
    }
    refused = ask(server, "/notes/", "https://evil.example", "OPTIONS")
    assert (refused.status, refused.body) == (403, b"origin-not-allowed")


def test_two_origin_lines_are_refused(server: RunningServer) -> None:
    answer = server.ask("/notes/", lines=[("Origin", PREVIEW), ("Origin", PREVIEW)])
    assert cors_headers(answer) == {b"vary": b"Origin"}


def test_views_and_paths_have_their_own_policy_or_none(server: RunningServer) -> None:
    anyone = {b"access-control-allow-origin": b"*"}
    assert cors_headers(ask(server, "/version", "https://any.example")) == anyone
    assert ask(server, "/version", "https://any.example", "OPTIONS").status == 204
    assert cors_headers(ask(server, "/hook")) == {}
    assert cors_headers(ask(server, "/health")) == {}


def test_errors_and_redirects_have_the_headers(server: RunningServer) -> None:
    for path, status in (("/broken", 500), ("/missing", 404), ("/notes", 301)):
        answer = ask(server, path)
        assert answer.status == status
        assert ALLOWED.items() <= cors_headers(answer).items()


def test_the_system_checks_find_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--fail-level", "INFO"],
        cwd=PROJECT,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
