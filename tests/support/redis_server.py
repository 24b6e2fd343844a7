"""Debian's redis-server, started and stopped by a test."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import redis

from support.servers import _free_port

_START_SECONDS = 60.0


@dataclass
class RedisServer:
    """A Redis on a port of this machine; nothing is kept on disk."""

    port: int = field(default_factory=_free_port)
    folder: str = ""
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def client(self) -> redis.Redis:
        """A client of it."""
        return redis.Redis.from_url(self.url, decode_responses=True)

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        command = shutil.which("redis-server")
        if command is None:
            pytest.fail("these tests need Debian's Redis: apt-get install redis-server")
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._process = subprocess.Popen(
            [command, *options, "--dir", self.folder], stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(redis.exceptions.ConnectionError), self.client as client:
                client.ping()
                return
            assert self._process.poll() is None, "redis-server ended"
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it at once, as a machine that goes down."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def running_redis() -> Iterator[RedisServer]:
    """A Redis that runs until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(folder=folder)
        try:
            server.start()
            yield server
        finally:
            server.kill()
