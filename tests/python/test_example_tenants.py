"""The example with customers' domains in PostgreSQL: three servers, one database, an outage."""

from __future__ import annotations

import contextlib
import functools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.postgres_server import PostgresServer, running_postgres
from support.servers import SERVERS, Answer, RunningServer, start_server

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "tenants"
TOKEN = "a token of the tests"  # noqa: S105
OTHER = "another token"
OURS = "https://app.example.com"
WAIT_SECONDS = 60.0

Servers = list[RunningServer]


@pytest.fixture(scope="module")
def database() -> Iterator[PostgresServer]:
    """A PostgreSQL with the example's tables."""
    with running_postgres() as server:
        server.execute((EXAMPLE / "schema.sql").read_text())
        yield server


@contextlib.contextmanager
def running(app: str, database: PostgresServer) -> Iterator[Servers]:
    """Three processes of one application."""
    command = functools.partial(SERVERS["uvicorn"], app)
    variables = {"DATABASE": database.database, "ADMIN_TOKEN": TOKEN}
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(
                start_server(
                    "uvicorn",
                    lambda port: [*command(port), "--no-access-log"],
                    answers,
                    EXAMPLE,
                    **variables,
                )
            )
            for _ in range(3)
        ]


def answers(server: RunningServer) -> bool:
    return ask(server, OURS).status == 200


def wait_until(is_so: Callable[[], bool], server: RunningServer) -> None:
    """Ask again and again until something is so."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert server.process.poll() is None, f"the server ended; it wrote:\n{server.output}"
        assert time.monotonic() < deadline, f"it did not happen; the server wrote:\n{server.output}"


def ask(server: RunningServer, origin: str) -> Answer:
    return server.ask("/notes", lines=[("Origin", origin)])


def is_allowed(server: RunningServer, origin: str) -> bool:
    """Whether an origin may read; every answer is wholly one or the other."""
    answer = ask(server, origin)
    assert (answer.status, answer.body) == (200, b'["milk","eggs"]')
    if answer.cors_lines == [b"vary: Origin"]:
        return False
    assert answer.cors_lines == [
        b"access-control-allow-credentials: true",
        f"access-control-allow-origin: {origin}".encode(),
        b"vary: Origin",
    ]
    return True


def administer(server: RunningServer, method: str, path: str, token: str = TOKEN) -> int:
    lines = [("Authorization", f"Bearer {token}"), ("Content-Length", "0")]
    return server.ask(f"/customers/{path}", method=method, lines=lines).status


def all_see(servers: Servers, origin: str, *, allowed: bool) -> float:
    """Wait until each server allows an origin, or none does, and say how long that took."""
    began = time.monotonic()
    for server in servers:
        wait_until(
            lambda server=server: is_allowed(server, origin) is allowed,  # type: ignore[misc]
            server,
        )
    return time.monotonic() - began


def state(server: RunningServer) -> str:
    return str(json.loads(server.ask("/origins").body)["state"])


@pytest.mark.parametrize("app", ["app:app", "on_demand:app"])
def test_a_domain_that_one_process_adds_or_removes_is_seen_by_all(
    app: str, database: PostgresServer
) -> None:
    with running(app, database) as servers:
        for turn, server in enumerate(servers):
            domain = f"shop{turn}.example"
            origin = f"https://{domain}"
            assert not any(is_allowed(each, origin) for each in servers)
            assert administer(server, "PUT", f"shop/domains/{domain}") == 204
            added = all_see(servers, origin, allowed=True)
            assert administer(server, "PUT", f"thief/domains/{domain}") == 409
            assert administer(server, "PUT", f"shop/domains/{domain}") == 204  # Once more.
            assert administer(server, "DELETE", f"thief/domains/{domain}") == 204
            assert is_allowed(server, origin)
            assert administer(server, "DELETE", f"shop/domains/{domain}") == 204
            removed = all_see(servers, origin, allowed=False)
            print(f"{app}: added after {added:.3f} s, removed after {removed:.3f} s")
        assert all(is_allowed(server, OURS) for server in servers)
        # Whatever changes the table tells of it.
        database.execute(
            "INSERT INTO customers VALUES ('psql')",
            "INSERT INTO domains VALUES ('psql.example', 'psql')",
        )
        all_see(servers, "https://psql.example", allowed=True)
        database.execute("DELETE FROM customers WHERE name = 'psql'")
        all_see(servers, "https://psql.example", allowed=False)


def test_only_who_has_the_token_adds_domains_and_only_such_as_can_be_allowed(
    database: PostgresServer,
) -> None:
    with running("app:app", database) as servers:
        server = servers[0]
        assert administer(server, "PUT", "shop/domains/shop.example", OTHER) == 403
        assert server.ask("/customers/a/domains/b.example", method="PUT").status in {401, 403}
        for domain in ("*", "*.example", "a_b%20c", "1.2.3.4.5", "x.example%3A443"):
            assert administer(server, "PUT", f"shop/domains/{domain}") in {404, 422}
        assert json.loads(server.ask("/origins").body)["origins"] == 0


def test_an_outage_of_the_database_fails_no_request_and_all_catch_up(
    database: PostgresServer,
) -> None:
    origin, late = "https://stays.example", "https://late.example"
    database.execute(
        "INSERT INTO customers VALUES ('outage')",
        "INSERT INTO domains VALUES ('stays.example', 'outage')",
    )
    with running("app:app", database) as servers:
        all_see(servers, origin, allowed=True)
        assert [state(server) for server in servers] == ["current"] * 3
        database.stop()
        for server in servers:
            wait_until(lambda server=server: state(server) == "stale", server)  # type: ignore[misc]
            assert is_allowed(server, origin)
            assert not is_allowed(server, late)
            assert administer(server, "PUT", "outage/domains/late.example") == 503
            assert "the customers' domains fails: OperationalError: " in server.output
        database.start()
        assert administer(servers[0], "PUT", "outage/domains/late.example") == 204
        all_see(servers, late, allowed=True)
        for server in servers:
            assert is_allowed(server, origin)
            wait_until(lambda server=server: state(server) == "current", server)  # type: ignore[misc]
            assert "the customers' domains answers again" in server.output
    database.execute("DELETE FROM customers WHERE name = 'outage'")
