"""Real servers for the tests: started as processes, asked over a plain socket."""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from support.signals import interruptible_children

__all__ = ["SERVERS", "WSGI_SERVERS", "Answer", "RunningServer", "running_server", "start_server"]

_TESTS = Path(__file__).resolve().parents[1]
_HOST = "127.0.0.1"
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_ANSWER_SECONDS = 30.0
_POLL_SECONDS = 0.05

Lines = Sequence[tuple[str, str | bytes]]


def _uvicorn(app: str, port: int) -> list[str]:
    return ["uvicorn", app, "--host", _HOST, "--port", str(port)]


def _hypercorn(app: str, port: int) -> list[str]:
    return ["hypercorn", app, "--bind", f"{_HOST}:{port}"]


def _granian(app: str, port: int) -> list[str]:
    return ["granian", app, "--interface", "asgi", "--host", _HOST, "--port", str(port)]


def _gunicorn(app: str, port: int) -> list[str]:
    return ["gunicorn", app, "--bind", f"{_HOST}:{port}"]


def _gunicorn_gevent(app: str, port: int) -> list[str]:
    return [*_gunicorn(app, port), "--worker-class", "gevent"]


def _eventlet(app: str, port: int) -> list[str]:
    return ["support.servers_eventlet", _HOST, str(port), app]


def _waitress(app: str, port: int) -> list[str]:
    return ["waitress", f"--listen={_HOST}:{port}", app]


def _wsgiref(app: str, port: int) -> list[str]:
    return ["support.servers_wsgiref", _HOST, str(port), app]


SERVERS: dict[str, Callable[[str, int], list[str]]] = {
    "granian": _granian,
    "hypercorn": _hypercorn,
    "uvicorn": _uvicorn,
}
WSGI_SERVERS: dict[str, Callable[[str, int], list[str]]] = {
    "eventlet": _eventlet,
    "gunicorn": _gunicorn,
    "gunicorn-gevent": _gunicorn_gevent,
    "waitress": _waitress,
    "wsgiref": _wsgiref,
}


@dataclass(frozen=True)
class Answer:
    """A response as it came over the wire.

    Attributes:
        status: The status code.
        lines: The header lines, byte by byte as the server sent them, in their order.
        body: The body without its transfer coding.
        rest: What came after the head as it was sent, transfer coding and all.
    """

    status: int
    lines: tuple[bytes, ...]
    body: bytes
    rest: bytes

    @property
    def cors_lines(self) -> list[bytes]:
        """Every line with a CORS header or Vary, sorted; names in lower case."""
        lines = (line.partition(b": ") for line in self.lines)
        lowered = [name.lower() + separator + value for name, separator, value in lines]
        return sorted(line for line in lowered if line.startswith((b"access-control-", b"vary:")))


@dataclass(frozen=True)
class BegunRequest:
    """A request that was sent, and whose response was not read yet."""

    connection: socket.socket
    method: str

    def finish(self) -> Answer:
        """Read the whole response.

        Raises:
            ConnectionError: The server ended the connection without an answer.
        """
        return _read_answer(_receive_all(self.connection), self.method)


@dataclass
class RunningServer:
    """A server that answers on a port of this machine."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    output_file: Path

    @property
    def output(self) -> str:
        """Everything the server wrote until now."""
        return self.output_file.read_text(errors="replace")

    def ask(self, path: str = "/", *, method: str = "GET", lines: Lines = ()) -> Answer:
        """Send one request, each header line as it is given, and read the whole response.

        Raises:
            ConnectionError: The server ended the connection without an answer.
        """
        with self.begin(path, method=method, lines=lines) as begun:
            return begun.finish()

    @contextlib.contextmanager
    def begin(
        self, path: str = "/", *, method: str = "GET", lines: Lines = ()
    ) -> Iterator[BegunRequest]:
        """Send one request as `ask` does, and leave its response for later."""
        head = [
            f"{method} {path} HTTP/1.1".encode(),
            f"Host: {_HOST}:{self.port}".encode(),
            b"Connection: close",
            *(name.encode() + b": " + _wire_bytes(value) for name, value in lines),
        ]
        with socket.create_connection((_HOST, self.port), timeout=_ANSWER_SECONDS) as connection:
            # A server may refuse what is too long before it has read all of it.
            with contextlib.suppress(ConnectionError):
                connection.sendall(b"\r\n".join(head) + b"\r\n\r\n")
            yield BegunRequest(connection, method)

    def stop(self) -> None:
        """End the server's process, by force if it does not end when asked to."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                # Its workers are in the process group that was made for it.
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


@contextlib.contextmanager
def running_server(name: str, app: str, *options: str, **variables: str) -> Iterator[RunningServer]:
    """Run a server until the block ends.

    Args:
        name: A key of `SERVERS` or `WSGI_SERVERS`.
        app: The import string of the application, such as ``"support.servers_app:application"``.
        options: More options of the server's command line.
        variables: More environment variables.

    Raises:
        AssertionError: The server did not start; with what it wrote.
    """
    token = secrets.token_hex(8)
    # The package that is tested may itself be found by the path that is there.
    path = os.pathsep.join(filter(None, [str(_TESTS), os.environ.get("PYTHONPATH")]))

    def is_ready(server: RunningServer) -> bool:
        assert server.ask("/token").body == token.encode(), "another server has the port"
        return True

    def command(port: int) -> list[str]:
        return [*(SERVERS | WSGI_SERVERS)[name](app, port), *options]

    own = {"PYTHONPATH": path, "SMALL_APP_TOKEN": token, **variables}
    with start_server(name, command, is_ready, None, **own) as server:
        yield server


@contextlib.contextmanager
def start_server(
    name: str,
    command: Callable[[int], Sequence[str]],
    is_ready: Callable[[RunningServer], bool],
    folder: Path | None = None,
    program: Sequence[str] = (sys.executable, "-m"),
    **variables: str,
) -> Iterator[RunningServer]:
    """Run any server until the block ends, which begins when it is ready.

    Args:
        name: What it is called.
        command: Gives for a free port what comes after the program.
        is_ready: Asks it whether it is; it may raise an OSError as long as nothing answers, and
            anything else if it is another server.
        folder: Where it runs; a directory of its own without one.
        program: What is run: a module of Python's without one.
        variables: More environment variables, in which ``{port}`` stands for the port.

    Raises:
        AssertionError: The server did not start; with what it wrote.
    """
    port = _free_port()
    own = {key: value.replace("{port}", str(port)) for key, value in variables.items()}
    with tempfile.TemporaryDirectory() as directory:
        output_file = Path(directory, "output.txt")
        with output_file.open("wb") as output, interruptible_children():
            process = subprocess.Popen(
                [*program, *command(port)],
                cwd=folder or directory,
                env=os.environ | own,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        server = RunningServer(name, port, process, output_file)
        try:
            _wait_until(is_ready, server)
            yield server
        finally:
            server.stop()


def _wait_until(is_ready: Callable[[RunningServer], bool], server: RunningServer) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while server.process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if is_ready(server):
                return
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.process.wait(_POLL_SECONDS)
    code = server.process.poll()
    state = "did not answer in time" if code is None else f"ended with {code}"
    raise AssertionError(f"{server.name} {state}; it wrote:\n{server.output}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return cast(int, probe.getsockname()[1])


def _wire_bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("ascii")


def _receive_all(connection: socket.socket) -> bytes:
    parts = []
    # A connection that is reset after its answer still gave it.
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


class _Received:
    """What `http.client` needs of a socket, after the fact."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: object) -> io.BytesIO:
        return io.BytesIO(self._data)


def _read_answer(data: bytes, method: str) -> Answer:
    head, separator, rest = data.partition(b"\r\n\r\n")
    if not separator:
        raise ConnectionError(f"the connection ended without an answer, after {data[:200]!r}")
    response = http.client.HTTPResponse(cast(socket.socket, _Received(data)), method=method)
    with response:
        response.begin()
        body = response.read()
    return Answer(response.status, tuple(head.split(b"\r\n")[1:]), body, rest)
