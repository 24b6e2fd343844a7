"""Debian's PostgreSQL, started and stopped by a test: in a temporary folder, behind a socket."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

_START_SECONDS = 60.0
_USER = "tests"


@dataclass
class PostgresServer:
    """A PostgreSQL of this machine that nobody reaches over a network."""

    folder: Path
    _process: subprocess.Popen[bytes] | None = None

    @property
    def database(self) -> str:
        """Where it is, as libpq takes it."""
        return f"host={self.folder} user={_USER} dbname=postgres"

    def make(self) -> None:
        """Make its files."""
        options = ["--username", _USER, "--auth", "trust", "--no-sync", "--encoding", "UTF8"]
        command = [_program("initdb"), "-D", str(self.folder / "data"), *options]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=self.folder, **_ordinary()
        )
        assert done.returncode == 0, f"initdb failed:\n{done.stdout}{done.stderr}"

    def start(self) -> None:
        """Start it with what it had, and wait until it answers."""
        settings = {"listen_addresses": "", "unix_socket_directories": self.folder, "fsync": "off"}
        options = [f"--{name}={value}" for name, value in settings.items()]
        with Path(self.folder, "output.txt").open("ab") as output:
            self._process = subprocess.Popen(
                [_program("postgres"), "-D", str(self.folder / "data"), *options],
                stdout=output,
                stderr=output,
                cwd=self.folder,
                **_ordinary(),
            )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                self.execute("SELECT 1")
                return
            written = Path(self.folder, "output.txt").read_text(errors="replace")
            assert self._process.poll() is None, f"postgres ended:\n{written}"
            assert time.monotonic() < deadline, f"postgres does not answer:\n{written}"
            time.sleep(0.02)

    def stop(self) -> None:
        """End it at once, and every connection."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()
            self._process = None

    def execute(self, *statements: Any) -> None:
        """Execute statements, each in a transaction of its own."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)


@contextlib.contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL that runs until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        if user := _ordinary().get("user"):
            shutil.chown(folder, user)
        server = PostgresServer(Path(folder))
        try:
            server.make()
            server.start()
            yield server
        finally:
            server.stop()


def _ordinary() -> dict[str, Any]:
    """Say who runs it: an ordinary user, since it refuses to be run by root."""
    if os.getuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = "postgres" if "postgres" in names else "nobody"
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def _program(name: str) -> str:
    # Debian keeps them out of the path, one folder for each version.
    found = [shutil.which(name), *map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))]
    programs = sorted(filter(None, found))
    if not programs:
        pytest.fail("these tests need Debian's PostgreSQL: apt-get install postgresql")
    return programs[-1]
