"""Every ASGI example, started behind a real server and asked over real sockets."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.servers import SERVERS, Answer, RunningServer, start_server

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SERVED_BY = {
    "falcon_asgi": "uvicorn",
    "fastapi": "uvicorn",
    "litestar": "uvicorn",
    "plain_asgi": "granian",
    "quart": "hypercorn",
    "starlette": "uvicorn",
}

ORIGIN = "https://app.example.com"
OTHER = "https://evil.example"
ALLOWED = [
    b"access-control-allow-credentials: true",
    b"access-control-allow-origin: https://app.example.com",
    b"vary: Origin",
]
REFUSED = [b"vary: Origin"]
ANYONE = [b"access-control-allow-origin: *"]


@pytest.fixture(scope="module", params=sorted(SERVED_BY))
def server(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    """One example, running."""
    name, folder = SERVED_BY[request.param], EXAMPLES / request.param
    with start_server(
        name, functools.partial(SERVERS[name], "app:app"), is_ready, folder
    ) as server:
        yield server


def is_ready(server: RunningServer) -> bool:
    assert b"eggs" in server.ask("/notes").body, "another server has the port"
    return True


def ask(server: RunningServer, path: str, origin: str, method: str = "GET") -> Answer:
    return server.ask(path, method=method, lines=[("Origin", origin)])


def preflight(server: RunningServer, path: str, origin: str, method: str) -> Answer:
    lines = [("Origin", origin), ("Access-Control-Request-Method", method)]
    return server.ask(path, method="OPTIONS", lines=lines)


def cors_lines(answer: Answer) -> list[bytes]:
    """The lines with names in lower case, as some servers write them otherwise."""
    lines = (line.partition(b":") for line in answer.cors_lines)
    # Falcon's errors depend on Accept, which is none of Corsac's business.
    return sorted(
        name.lower() + colon + value.replace(b"Accept, ", b"") for name, colon, value in lines
    )


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/notes", 200), ("PUT", "/notes", 200), ("GET", "/crash", 500), ("GET", "/no", 404)],
)
def test_the_pages_of_one_origin_may_read_every_answer(
    server: RunningServer, method: str, path: str, status: int
) -> None:
    allowed = ask(server, path, ORIGIN, method)
    assert (allowed.status, cors_lines(allowed)) == (status, ALLOWED)
    refused = ask(server, path, OTHER, method)
    assert (refused.status, cors_lines(refused)) == (status, REFUSED)
    assert cors_lines(server.ask(path, method=method)) == REFUSED


def test_a_preflight_request_is_answered_by_corsac(server: RunningServer) -> None:
    allowed = preflight(server, "/notes", ORIGIN, "PUT")
    assert (allowed.status, allowed.body) == (204, b"")
    assert cors_lines(allowed) == sorted(
        [*ALLOWED, b"access-control-allow-methods: PUT", b"access-control-max-age: 600"]
    )
    refused = preflight(server, "/notes", OTHER, "PUT")
    assert (refused.status, refused.body) == (403, b"origin-not-allowed")
    assert cors_lines(refused) == REFUSED


def test_any_page_may_read_what_is_public(server: RunningServer) -> None:
    answer = ask(server, "/public", OTHER)
    assert b"for everybody" in answer.body
    assert (answer.status, cors_lines(answer)) == (200, ANYONE)
    asked = preflight(server, "/public", OTHER, "GET")
    assert (asked.status, cors_lines(asked)) == (204, [*ANYONE, b"access-control-max-age: 600"])


def test_a_rule_is_a_prefix_where_a_path_has_two_spellings(
    server: RunningServer, request: pytest.FixtureRequest
) -> None:
    if request.node.callspec.params["server"] not in {"falcon_asgi", "litestar"}:
        assert ask(server, "/public/", OTHER).status != 200
        return
    for path in ("/public", "/public/"):
        answer = ask(server, path, OTHER)
        assert b"for everybody" in answer.body
        assert (answer.status, cors_lines(answer)) == (200, ANYONE)
        assert preflight(server, path, OTHER, "GET").status == 204
    assert cors_lines(ask(server, "/publicity", OTHER)) == REFUSED
    assert cors_lines(ask(server, "/notes/", OTHER)) == REFUSED


def test_an_options_request_that_is_no_preflight_request_reaches_the_application(
    server: RunningServer,
) -> None:
    answer = server.ask("/notes", method="OPTIONS", lines=[("Origin", ORIGIN)])
    assert answer.status in {200, 204, 404, 405}
    assert cors_lines(answer) == ALLOWED
