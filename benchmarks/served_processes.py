"""Real servers: started as processes of their own on one core, asked, watched and ended."""

from __future__ import annotations

import contextlib
import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.paired import BenchmarkError

HOST = "127.0.0.1"
START_SECONDS = 30.0
STOP_SECONDS = 5.0
ANSWER_SECONDS = 5.0
POLL_SECONDS = 0.05

TOKEN_VARIABLE = "BENCHMARK_TOKEN"  # noqa: S105 - a name, and nothing secret.
"""The environment variable with what a process answers, to tell it from another on its port."""

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Server:
    """A server program as it is compared.

    Attributes:
        name: What the tables call it.
        distributions: What pip has to have installed, by pip's names.
        arguments: The command line after `python -m`, for an import string and a port.
    """

    name: str
    distributions: tuple[str, ...]
    arguments: Callable[[str, int], list[str]]


def _uvicorn(app: str, port: int) -> list[str]:
    options = ["--loop", "uvloop", "--http", "httptools", "--workers", "1", "--no-access-log"]
    return ["uvicorn", app, "--host", HOST, "--port", str(port), *options]


def _granian(app: str, port: int) -> list[str]:
    # The access log is off unless it is asked for.
    options = ["--interface", "asgi", "--loop", "uvloop", "--workers", "1"]
    return ["granian", app, "--host", HOST, "--port", str(port), *options]


def _hypercorn(app: str, port: int) -> list[str]:
    # The access log is off unless it is asked for.
    return ["hypercorn", app, "--bind", f"{HOST}:{port}", "--worker-class", "uvloop"]


UVICORN = Server("uvicorn", ("uvicorn", "uvloop", "httptools"), _uvicorn)
GRANIAN = Server("granian", ("granian", "uvloop"), _granian)
HYPERCORN = Server("hypercorn", ("hypercorn", "uvloop"), _hypercorn)


@dataclass(frozen=True)
class Answer:
    """A response.

    Attributes:
        status: The status code.
        headers: Its header lines in order, the names in lower case.
        body: The body.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def lines(self, name: str) -> list[str]:
        """The values of all header lines of this name."""
        return [value for line, value in self.headers if line == name]


class RunningServer:
    """One server process, with its workers if it starts any.

    Attributes:
        port: Where it listens.
        token: What its application answers, and no other's.
    """

    def __init__(self, server: Server, application: str, core: int, output: Path) -> None:
        self.port = _free_port()
        self.token = secrets.token_hex(8)
        self._name = f"{server.name} with {application}"
        self._output = output
        # A seed for all, so that the processes do not differ in their luck with collisions.
        environment = dict(os.environ, PYTHONHASHSEED="0", PYTHONPATH=str(REPOSITORY))
        environment[TOKEN_VARIABLE] = self.token
        arguments = server.arguments(f"benchmarks.served_app:{application}", self.port)
        with output.open("wb") as file, pinned_to(core):
            self._process = subprocess.Popen(  # noqa: S603 - a command of this file.
                [sys.executable, "-m", *arguments],
                cwd=output.parent,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        """Wait for this process's own answer.

        Raises:
            BenchmarkError: There is none in time; with what the server wrote.
        """
        deadline = time.monotonic() + START_SECONDS
        while not self._has_ended() and time.monotonic() < deadline:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.ask("GET", {}).body == self.token.encode():
                    return
            time.sleep(POLL_SECONDS)
        state = "ended at once" if self._has_ended() else "did not answer"
        written = self._output.read_text(errors="replace")[-2000:]
        raise BenchmarkError(f"{self._name} {state}; it wrote:\n{written}")

    def ask(self, method: str, headers: Mapping[str, str]) -> Answer:
        """Send one request and read the whole response."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=ANSWER_SECONDS)
        with contextlib.closing(connection):
            connection.request(method, "/", headers=dict(headers))
            response = connection.getresponse()
            lines = tuple((name.lower(), value) for name, value in response.getheaders())
            return Answer(response.status, lines, response.read())

    def processor_seconds(self) -> float:
        """What the server and its workers have computed until now."""
        nanoseconds = 0
        for process in Path("/proc").glob("[0-9]*"):
            # What ends meanwhile is not counted.
            with contextlib.suppress(OSError):
                if os.getsid(int(process.name)) == self._process.pid:
                    for statistics in process.glob("task/*/schedstat"):
                        nanoseconds += int(statistics.read_text().split()[0])
        return nanoseconds / 1e9

    def stop(self) -> None:
        """End the process and its workers, by force if they do not end when asked to."""
        self._process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while not self._has_ended() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        # Its workers are in the process group that was made for it, and the group's number is taken
        # until the process is waited for.
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _has_ended(self) -> bool:
        """Whether the process has ended, without waiting for it as `poll` does."""
        options = os.WEXITED | os.WNOWAIT | os.WNOHANG
        return os.waitid(os.P_PID, self._process.pid, options) is not None


@contextlib.contextmanager
def running_servers(
    server: Server, applications: Mapping[str, str], core: int
) -> Iterator[dict[str, RunningServer]]:
    """Run a server once for each application until the block ends, all on one core.

    They may all stay up, since a server that nobody asks computes nothing.

    Args:
        server: The program.
        applications: For each label the name of an application in `served_app`.
        core: The number of the core.

    Raises:
        BenchmarkError: One of them did not start.
    """
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        running = {}
        for number, (label, application) in enumerate(applications.items()):
            one = RunningServer(server, application, core, directory / f"{number}.txt")
            stack.callback(one.stop)
            running[label] = one
        for one in running.values():
            one.wait_until_ready()
        yield running


@contextlib.contextmanager
def pinned_to(core: int) -> Iterator[None]:
    """Processes that the block starts run on this core, and so does this one until it ends."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
