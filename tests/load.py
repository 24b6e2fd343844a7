"""Put real servers under hostile load, and see whether they stay right, and small.

    python tests/load.py                   a minute for each of six servers
    python tests/load.py --seconds 100     ten minutes in all
    python tests/load.py uvicorn granian   these two

Each server gets requests that are drawn by lot and nearly allowed, as fast as `wrk` can send them.
The status of every answer is compared with that of the reference model, and one answer of a hundred
as a whole: the header lines of CORS as they came over the wire. Then a thousand connections are
held open: their heads come byte by byte, or their bodies never. Exit status 1: an answer was wrong,
a 5xx or did not come, a process of the server ended, memory grew, or something was left open. Needs
Debian's `wrk`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import math
import random
import resource
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from support import reference_model as model
from support.exchange import Request
from support.load_app import APP, OPTIONS
from support.properties import joined
from support.quick_strategies import draw
from support.quick_strategies import strategies as lot_of
from support.server_processes import memory_of, open_sockets, processes_of
from support.servers import Answer, BegunRequest, RunningServer, running_server

ASGI, WSGI = "support.load_app:asgi", "support.load_app:wsgi"
SERVERS: dict[str, tuple[str, str, list[str]]] = {
    "uvicorn": ("uvicorn", ASGI, ["--no-access-log"]),
    "granian": ("granian", ASGI, []),
    "hypercorn": ("hypercorn", ASGI, []),
    "gunicorn sync": ("gunicorn", WSGI, []),
    "gunicorn gthread": ("gunicorn", WSGI, ["--worker-class", "gthread", "--threads", "8"]),
    "gunicorn gevent": ("gunicorn-gevent", WSGI, []),
}
SLOW_SERVERS: dict[str, tuple[str, str, list[str]]] = {
    "uvicorn": SERVERS["uvicorn"],
    # A connection has its thread for as long as its head takes; of a thousand, none would be left.
    "gunicorn gthread": (
        "gunicorn",
        WSGI,
        ["--worker-class", "gthread", "--threads", "1100", "--worker-connections", "1100"],
    ),
}
REQUESTS = 400
CONNECTIONS = 16
CHECKED_SHARE = 0.01
WARM_UP_SECONDS = 5
MOST_GROWTH = 8 * 1024
"""KiB by which what a server keeps may grow after it is warm: its allocator's, and its own."""
MOST_SHOWN = 10
SLOW_CONNECTIONS = 1000
SLOW_SECONDS = 20
UNSENDABLE = {"CONNECT", ""}
SCRIPT = Path(__file__).with_name("load.lua")


@dataclass
class Result:
    """What came of one server.

    Attributes:
        name: The server's.
        answers: The answers that it gave to `wrk`, or while connections were held.
        seconds: In which time.
        checked: The answers that were compared as a whole.
        memory: In KiB, at the start, when it was warm, and at the end.
        wrong: What was wrong.
    """

    name: str
    answers: int = 0
    seconds: float = 0.0
    checked: int = 0
    memory: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def row(self) -> str:
        """A line of the table."""
        memory = " / ".join(f"{size / 1024:.1f}" for size in self.memory)
        rate = f"{self.answers / max(self.seconds, 0.001):.0f}"
        state = f"{len(self.wrong)} wrong" if self.wrong else "right"
        return f"| {self.name} | {self.answers} | {rate} | {self.checked} | {memory} | {state} |"


TITLE = "| server | answers | per second | compared as a whole | MiB at start / warm / end | |"


def drawn_requests(lot: random.Random) -> Iterator[Request]:
    """Requests that can be sent, with a Host line of their own if they have one."""
    strategy = lot_of.hostile_requests(OPTIONS)
    while True:
        request = draw(strategy, lot)
        # Some servers take white space off values, others only off their beginning.
        lines = [(name, value.strip(" \t")) for name, value in request.headers]
        request = replace(request, headers=lines)
        texts = [request.method, *(value for _, value in request.headers)]
        if request.method in UNSENDABLE or any(set("\r\n\0") & set(text) for text in texts):
            continue
        # A space would end the method.
        if " " not in request.method:
            yield request


def wire_of(request: Request, port: int, *, close: bool) -> bytes:
    """The head as it is sent."""
    lines = [f"{request.method} {request.path} HTTP/1.1"]
    if not any(name.lower() == "host" for name, _ in request.headers):
        lines.append(f"Host: 127.0.0.1:{port}")
    lines += [f"{name}: {value}" for name, value in request.headers]
    lines += ["Connection: close"] if close else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def wanted_answer(request: Request, port: int, app: str) -> model.Answer:
    """What the model answers to what the server makes of a request."""
    headers = [*request.headers]
    if not any(name.lower() == "host" for name, _ in headers):
        headers.append(("host", f"127.0.0.1:{port}"))
    read = Request(request.method, headers, request.path)
    return model.answer(OPTIONS, joined(read) if app == WSGI else read, APP)


def cors_lines(wanted: model.Answer) -> list[bytes]:
    """The lines of an answer as `support.servers.Answer.cors_lines` has them."""
    lines = [(name.lower(), value) for name, value in wanted.headers]
    kept = (line for line in lines if line[0].startswith(("access-control-", "vary")))
    return sorted(f"{name}: {value}".encode("latin-1") for name, value in kept)


def ask(server: RunningServer, request: Request) -> Answer:
    """Send a request and read the whole answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(wire_of(request, server.port, close=True))
        return BegunRequest(connection, request.method).finish()


def check(server: RunningServer, app: str, request: Request) -> tuple[int, str]:
    """Ask, and compare with the model: the status that it must have, or 0; and what is wrong."""
    # hypercorn gives applications every method in upper case.
    method = request.method.upper() if server.name == "hypercorn" else request.method
    wanted = wanted_answer(replace(request, method=method), server.port, app)
    try:
        answer = ask(server, request)
    except OSError as error:
        return 0, f"{request}: no answer, {error!r}"
    given = (answer.status, answer.cors_lines)
    refuses_itself = 400 <= answer.status < 500 and not answer.cors_lines
    if given == (wanted.status, cors_lines(wanted)):
        return answer.status, ""
    if refuses_itself and b"cross-origin" not in answer.body:
        return 0, ""
    expected = (wanted.status, cors_lines(wanted))
    return 0, f"{request}: {given} is not {expected}"


def lua_text(data: bytes) -> str:
    """Bytes as Lua writes them."""
    return '"' + "".join(f"\\{byte:03d}" for byte in data) + '"'


def start_wrk(
    server: RunningServer, requests: Sequence[tuple[Request, int]], seconds: int, folder: Path
) -> subprocess.Popen[str]:
    """Run `wrk` with requests and the status that each must have, or 0."""
    # It does not know that an answer to HEAD has no body.
    pairs = [(request, status) for request, status in requests if request.method != "HEAD"]
    wires = ",\n".join(lua_text(wire_of(each, server.port, close=False)) for each, _ in pairs)
    statuses = ", ".join(str(status) for _, status in pairs)
    script = folder / "script.lua"
    data = f"local requests = {{\n{wires}}}\nlocal statuses = {{{statuses}}}\n"
    script.write_text(data + SCRIPT.read_text())
    # One connection in each thread, so that an answer is that to the request before.
    threads = [f"--threads={CONNECTIONS}", f"--connections={CONNECTIONS}"]
    command = ["wrk", *threads, f"--duration={seconds}s", f"--script={script}"]
    return subprocess.Popen(
        [*command, f"http://127.0.0.1:{server.port}/"], stdout=subprocess.PIPE, text=True
    )


def load(name: str, seconds: int, lot: random.Random) -> Result:
    """Put one server under load."""
    result = Result(name)
    kind, app, options = SERVERS[name]
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(kind, app, *options) as server,
    ):
        drawn = drawn_requests(lot)
        processes = processes_of(server)
        requests = []
        for _ in range(REQUESTS):
            request = next(drawn)
            status, wrong = check(server, app, request)
            result.wrong += [wrong] if wrong else []
            requests.append((request, status))
        result.memory.append(memory_of(server))
        begun = time.monotonic()
        wrk = start_wrk(server, requests, seconds, Path(folder))
        warm_at = begun + min(WARM_UP_SECONDS, seconds / 2)
        while wrk.poll() is None:
            _check_one(server, app, next(drawn), result)
            if time.monotonic() >= warm_at and len(result.memory) == 1:
                result.memory.append(memory_of(server))
            time.sleep(0.002)  # The load is wrk's.
        result.seconds = time.monotonic() - begun
        assert wrk.stdout is not None
        counted = json.loads(wrk.stdout.read().rpartition("\n{")[2].join(["{", ""]))
        result.answers = counted["answers"]
        _check_enough(server, app, drawn, result)
        result.memory.append(memory_of(server))
        _judge(result, counted, server.output)
        _judge_processes(server, processes, result)
    return result


def _check_one(server: RunningServer, app: str, request: Request, result: Result) -> None:
    status, wrong = check(server, app, request)
    result.checked += status != 0
    result.wrong += [wrong] if wrong else []


def _check_enough(
    server: RunningServer, app: str, drawn: Iterator[Request], result: Result
) -> None:
    """Compare answers as a whole until they are the share of all that is wanted."""
    wanted = math.ceil(CHECKED_SHARE * result.answers)
    # A server that refuses some requests itself is asked more often, but not for ever.
    for request in itertools.islice(drawn, 10 * wanted):
        if result.checked >= wanted or len(result.wrong) >= MOST_SHOWN:
            break
        _check_one(server, app, request, result)
    if result.checked < wanted:
        result.wrong.append(f"{result.checked} answers compared as a whole, not {wanted}")


def _judge_processes(server: RunningServer, processes: set[int], result: Result) -> None:
    """See whether all processes are there still; a server may replace one that crashed."""
    if server.process.poll() is not None:
        result.wrong.append(f"the server ended with {server.process.returncode}")
    elif ended := processes - processes_of(server):
        result.wrong.append(f"{len(ended)} of its {len(processes)} processes ended")


def _judge(result: Result, counted: dict[str, int], output: str) -> None:
    if counted["answers"] == 0:
        result.wrong.append("no answer at all")
    if counted["errors"]:
        result.wrong.append(f"{counted['errors']} answers of 5xx")
    if counted["unanswered"]:
        result.wrong.append(f"{counted['unanswered']} requests of wrk's without an answer")
    if counted["wrong"]:
        result.wrong.append(f"{counted['wrong']} other statuses than the model's, {counted}")
    if "Traceback" in output:
        result.wrong.append(f"it wrote {output[output.index('Traceback') :][:2000]}")
    _judge_memory(result)


def _judge_memory(result: Result) -> None:
    grown = result.memory[-1] - result.memory[-2]
    if grown > MOST_GROWTH:
        result.wrong.append(f"memory grew by {grown} KiB after it was warm")


def hold_connections(name: str, lot: random.Random) -> Result:
    """Hold many connections open, and see whether others are answered meanwhile."""
    result = Result(f"{name}, {SLOW_CONNECTIONS} slow connections")
    kind, app, options = SLOW_SERVERS[name]
    with running_server(kind, app, *options) as server:
        drawn = drawn_requests(lot)
        for _ in range(REQUESTS):
            _check_one(server, app, next(drawn), result)
        processes = processes_of(server)
        sockets = open_sockets(server)
        result.memory.append(memory_of(server))
        heads = [_slow_head(number, server.port) for number in range(SLOW_CONNECTIONS)]
        held = [socket.create_connection(("127.0.0.1", server.port)) for _ in heads]
        begun = time.monotonic()
        at = 0
        while time.monotonic() - begun < SLOW_SECONDS:
            for connection, head in zip(held, heads, strict=True):
                _send_byte(connection, head, at)
            at += 1
            # Its threads get memory of their own one by one, as they are used.
            if len(result.memory) == 1 and time.monotonic() - begun >= SLOW_SECONDS / 2:
                result.memory.append(memory_of(server))
            for _ in range(20):
                if len(result.wrong) < MOST_SHOWN:  # Each may have taken half a minute.
                    _check_one(server, app, next(drawn), result)
        result.answers, result.seconds = result.checked, time.monotonic() - begun
        result.memory.append(memory_of(server))
        for connection in held:
            connection.close()
        wait_until(lambda: open_sockets(server) <= sockets, 30)
        if (left := open_sockets(server)) > sockets:
            result.wrong.append(f"{left - sockets} connections stayed open")
        if "Traceback" in server.output:
            result.wrong.append(f"it wrote {server.output[-2000:]}")
        _judge_memory(result)
        _judge_processes(server, processes, result)
    return result


def _slow_head(number: int, port: int) -> bytes:
    """A head that is never sent whole; or one that is sent at once, for a body that never comes."""
    head = f"POST /read HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: https://app.test\r\n"
    if number % 2:
        return f"{head}Content-Length: 10\r\n\r\n".encode()
    return f"{head}X-Slow: {'a' * 4000}".encode()


def _send_byte(connection: socket.socket, head: bytes, at: int) -> None:
    """Send what comes next; a server may have ended what took too long."""
    try:
        if head.endswith(b"\r\n\r\n"):
            if at == 0:
                connection.sendall(head)
        else:
            connection.sendall(head[at : at + 1])
    except OSError:
        return


def wait_until(holds: Callable[[], bool], seconds: float) -> None:
    """Wait until something holds, or so long."""
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives its exit status."""
    parser = argparse.ArgumentParser(description="Put real servers under hostile load.")
    parser.add_argument("servers", nargs="*", help=", ".join(SERVERS))
    parser.add_argument("--seconds", type=int, default=60, help="of load for each server")
    parser.add_argument("--seed", type=int, help="of all that is drawn; else a new one")
    given = parser.parse_args(arguments)
    seed = secrets.randbits(32) if given.seed is None else given.seed
    names = given.servers or list(SERVERS)
    if unknown := set(names) - set(SERVERS):
        parser.error(f"no such server: {', '.join(sorted(unknown))}")
    logging.getLogger("corsac").setLevel(logging.CRITICAL)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print(f"seed {seed}", flush=True)
    lot = random.Random(seed)  # noqa: S311 - it is to be drawn again.
    results = []
    for name in names:
        results.append(load(name, given.seconds, lot))
        print(results[-1].row(), flush=True)
    for name in set(names) & set(SLOW_SERVERS):
        results.append(hold_connections(name, lot))
        print(results[-1].row(), flush=True)
    print("\n".join(["", TITLE, "|---|---|---|---|---|---|", *(each.row() for each in results)]))
    wrong = [f"{each.name}: {text}" for each in results for text in each.wrong[:MOST_SHOWN]]
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
