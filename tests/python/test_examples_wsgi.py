"""The WSGI programs below ``examples/``: each behind real servers, asked as a browser asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.servers import RunningServer, start_server

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ALLOWED = "https://app.example.com"
OTHER = "https://evil.example"
SHARED = {
    "flask": "/api/notes/2/share",
    "falcon_wsgi": "/share/2",
    "plain_wsgi": "/share/2",
}
COMMANDS = {
    "gunicorn": ["gunicorn", "app:app", "--bind", "127.0.0.1:{port}"],
    "waitress": ["waitress", "--listen=127.0.0.1:{port}", "app:app"],
}

READABLE = [
    b"access-control-allow-credentials: true",
    b"access-control-allow-origin: https://app.example.com",
    b"access-control-expose-headers: etag",
    b"vary: origin",
]


@pytest.fixture(
    scope="module", params=[(name, server) for name in SHARED for server in COMMANDS], ids="-".join
)
def example(request: pytest.FixtureRequest) -> Iterator[tuple[str, RunningServer]]:
    """The name of an example and the server that runs it."""
    name, server_name = request.param
    pytest.importorskip("falcon" if name == "falcon_wsgi" else "flask")

    def command(port: int) -> list[str]:
        return [part.format(port=port) for part in COMMANDS[server_name]]

    with start_server(server_name, command, is_ready, EXAMPLES / name) as server:
        yield name, server


def is_ready(server: RunningServer) -> bool:
    assert server.ask("/").body == b"notes", "another server has the port"
    return True


def lower(lines: list[bytes]) -> list[bytes]:
    return sorted(line.lower() for line in lines)


def test_an_allowed_page_reads_and_another_does_not(example: tuple[str, RunningServer]) -> None:
    _, server = example
    allowed = server.ask("/api/notes", lines=[("Origin", ALLOWED)])
    assert (allowed.status, lower(allowed.cors_lines)) == (200, READABLE)
    refused = server.ask("/api/notes", lines=[("Origin", OTHER)])
    assert (refused.status, lower(refused.cors_lines)) == (200, [b"vary: origin"])


def test_an_allowed_page_may_write(example: tuple[str, RunningServer]) -> None:
    _, server = example
    asks = [
        ("Access-Control-Request-Method", "PUT"),
        ("Access-Control-Request-Headers", "content-type"),
    ]
    answer = server.ask("/api/notes/1", method="OPTIONS", lines=[("Origin", ALLOWED), *asks])
    assert answer.status in (200, 204)
    lines = lower(answer.cors_lines)
    assert b"access-control-allow-origin: https://app.example.com" in lines
    assert b"access-control-allow-headers: content-type" in lines
    assert any(b"put" in line for line in lines if line.startswith(b"access-control-allow-methods"))
    refused = server.ask("/api/notes/1", method="OPTIONS", lines=[("Origin", OTHER), *asks])
    assert refused.status == 403
    written = server.ask("/api/notes/1", method="PUT", lines=[("Origin", ALLOWED)])
    assert (written.status, lower(written.cors_lines)) == (204, READABLE)


def test_any_page_reads_what_is_for_all(example: tuple[str, RunningServer]) -> None:
    name, server = example
    answer = server.ask(SHARED[name], lines=[("Origin", OTHER)])
    assert (answer.status, answer.body) == (200, b"eggs")
    assert lower(answer.cors_lines) == [b"access-control-allow-origin: *"]


def test_errors_have_the_headers_and_other_pages_have_none(
    example: tuple[str, RunningServer],
) -> None:
    _, server = example
    missing = server.ask("/api/missing", lines=[("Origin", ALLOWED)])
    lines = [line.replace(b"accept, ", b"") for line in lower(missing.cors_lines)]  # Falcon varies.
    assert (missing.status, lines) == (404, READABLE)
    assert server.ask("/", lines=[("Origin", ALLOWED)]).cors_lines == []
