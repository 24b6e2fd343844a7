"""The domains of customers in PostgreSQL: what changes them, and what follows them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Event, local

import psycopg

CHANNEL = "domains_changed"
_LISTEN_SECONDS = 0.5


class PostgresSource:
    """A source of origins for `corsac.live.Follower`: all domains, and LISTEN for changes.

    Each thread that follows it has a connection of its own, and so has a process that was forked.

    Args:
        database: Where PostgreSQL is, as libpq takes it.
        interval: After how many seconds without a change all are read all the same.
    """

    name = "the customers' domains"

    def __init__(self, database: str, *, interval: float = 60.0) -> None:
        self.interval = interval
        self._database = database
        self._of_thread = local()

    def origins(self) -> Iterator[str]:
        """Read all domains, in parts."""
        connection = self._listen()
        self._of_thread.is_changed = False
        with connection.cursor() as cursor:
            for (domain,) in cursor.stream("SELECT domain FROM domains ORDER BY domain"):
                yield f"https://{domain}"

    def wait(self, stopped: Event) -> None:
        """Wait for a change, or for the interval; what is wrong with the connection raises."""
        connection = self._listen()
        until = time.monotonic() + self.interval
        while not (stopped.is_set() or self._of_thread.is_changed or time.monotonic() > until):
            for _ in connection.notifies(timeout=_LISTEN_SECONDS, stop_after=1):
                self._of_thread.is_changed = True
        if stopped.is_set():
            connection.close()

    def _listen(self) -> psycopg.Connection:
        """Give the connection of this thread, which listens; another one if it was lost."""
        thread = self._of_thread
        connection: psycopg.Connection | None = getattr(thread, "connection", None)
        if connection is None or connection.closed:
            connection = thread.connection = psycopg.connect(
                self._database, autocommit=True, connect_timeout=5
            )
            # What is told while the domains are read.
            connection.add_notify_handler(lambda _: setattr(thread, "is_changed", True))
            # Listen first: what changes while they are read is told of afterwards.
            connection.execute(f"LISTEN {CHANNEL}")
            thread.is_changed = True
        return connection


async def add(database: str, customer: str, domain: str) -> bool:
    """Give a customer a domain, and say whether it is theirs; that of another one stays theirs."""
    async with await psycopg.AsyncConnection.connect(database, connect_timeout=5) as connection:
        await connection.execute(
            "INSERT INTO customers VALUES (%s) ON CONFLICT DO NOTHING", [customer]
        )
        await connection.execute(
            "INSERT INTO domains VALUES (%s, %s) ON CONFLICT DO NOTHING", [domain, customer]
        )
        cursor = await connection.execute(
            "SELECT true FROM domains WHERE domain = %s AND customer = %s", [domain, customer]
        )
        return await cursor.fetchone() is not None


async def remove(database: str, customer: str, domain: str) -> None:
    """Take a domain from a customer."""
    async with await psycopg.AsyncConnection.connect(database, connect_timeout=5) as connection:
        await connection.execute(
            "DELETE FROM domains WHERE domain = %s AND customer = %s", [domain, customer]
        )
