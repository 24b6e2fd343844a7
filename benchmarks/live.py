"""Requests while a million origins are reloaded: how long one waits, and what memory it takes.

A process of its own knocks every millisecond, and each knock is a request: what it takes from the
knock to the whole answer is measured, and so is the time that a thread or an event loop waits for
the global lock. Each row is a process that serves with no reload at all, and then while its origins
are replaced by others.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import corsac
from benchmarks.measured import ROOT, BenchmarkError, Results, about
from corsac.live import Follower, PollSource
from support.asgi import BODY, START, app_sending, messages_of, scope_with
from support.servers import running_server

DISTRIBUTIONS = ("corsac", "uvicorn")
ORIGINS, RELOADS, QUIET_SECONDS = 1_000_000, 10, 5.0
FAST = (100_000, 3, 1.0)
THREADS = 4
WAYS = {"4 threads": "threads", "event loop": "loop", "uvicorn": "uvicorn"}
SOURCES = {"an iterator": "iterator", "a list": "list"}
QUIET, RELOADING = "no reload", "reloading"
# The same entries by Python alone, and nobody follows them: what the source itself costs requests.
UNFOLLOWED = "entries made and dropped, no reload"
_STAMP = struct.Struct("=q")
_END = b"0\r\n\r\n"  # Of an answer in chunks.
_OWN = "https://app.example.com"
_KNOCK = f"""
import os, struct, sys, time
stamp, pipes, due = struct.Struct("{_STAMP.format}"), [*map(int, sys.argv[1:])], time.monotonic()
try:
    while True:
        for pipe in pipes:
            due += 0.001 / len(pipes)
            time.sleep(max(0, due - time.monotonic()))
            os.write(pipe, stamp.pack(time.monotonic_ns()))
except BrokenPipeError:
    pass
"""


class Reloaded:
    """An application whose origins are replaced by others, whenever that is asked for."""

    def __init__(self, kind: str, count: int) -> None:
        self._kind, self._count, self._turn = kind, count, 0
        base = corsac.CORSPolicy(allow_origins=[_OWN])
        body = os.environ.get("SMALL_APP_TOKEN", "x").encode()  # Which the tests' servers ask for.
        self.app: Any = corsac.CORSMiddleware(app_sending(START, BODY | {"body": body}), base)
        self._wanted, self._done = threading.Semaphore(0), threading.Semaphore(0)
        source = PollSource(self._origins, interval=3600.0)
        source.wait = self._wait  # type: ignore[method-assign]
        Follower(self.app, source, base=base, start_seconds=300.0).__enter__()
        self._done.acquire()

    def _origins(self) -> Any:
        self._turn += 1
        entries = (f"https://tenant-{self._turn}-{n:07d}.example.com" for n in range(self._count))
        return [*entries] if self._kind == "list" else entries

    def _wait(self, stopped: threading.Event) -> None:
        self._done.release()
        while not self._wanted.acquire(timeout=0.1):
            if stopped.is_set():
                return

    def make_and_drop(self) -> None:
        """Make the entries of a reload, and use them up."""
        entries = self._origins()
        if self._kind == "list":
            while entries:
                del entries[-250:]
        else:
            for _ in entries:
                pass

    def reload(self) -> None:
        """Replace all of them, and return when that is done."""
        self._wanted.release()
        self._done.acquire()


@contextlib.contextmanager
def _knocking(receivers: int) -> Iterator[list[int]]:
    pipes = [os.pipe() for _ in range(receivers)]
    writing = [pipe[1] for pipe in pipes]
    command = [sys.executable, "-S", "-c", _KNOCK, *map(str, writing)]
    process = subprocess.Popen(command, pass_fds=writing)  # noqa: S603 - ourselves
    for pipe in writing:
        os.close(pipe)
    try:
        yield [pipe[0] for pipe in pipes]
    finally:
        process.kill()
        process.wait()
        for pipe, _ in pipes:
            os.close(pipe)


def _ask(app: Any, waits: list[float], data: bytes) -> None:
    for (stamp,) in _STAMP.iter_unpack(data):
        scope = scope_with([(b"origin", _OWN.encode())])
        messages_of(app, scope)
        waits.append((time.monotonic_ns() - stamp) / 1e6)


def _in_threads(app: Any, work: Callable[[], None]) -> list[float]:
    """The waits of requests in several threads while some work is done."""
    waits: list[float] = []
    ended = threading.Event()

    def serve(pipe: int) -> None:
        while not ended.is_set():
            _ask(app, waits, os.read(pipe, _STAMP.size))

    with _knocking(THREADS) as pipes:
        threads = [threading.Thread(target=serve, args=(pipe,)) for pipe in pipes]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        waits.clear()
        work()
        ended.set()
        for thread in threads:
            thread.join()
    return waits


def _in_a_loop(app: Any, work: Callable[[], None]) -> list[float]:
    """The same in an event loop."""
    waits: list[float] = []

    async def serve(pipe: int) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(pipe, lambda: _ask(app, waits, os.read(pipe, 100 * _STAMP.size)))
        await asyncio.sleep(0.5)
        waits.clear()
        await asyncio.to_thread(work)
        loop.remove_reader(pipe)

    with _knocking(1) as (pipe,):
        asyncio.run(serve(pipe))
    return waits


def _resident() -> float:
    """What this process takes, in MiB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _measure_here(way: str, kind: str, count: int, reloads: int, quiet: float) -> dict[str, Any]:
    """Measure one row in this process."""
    reloaded = Reloaded(kind, count)
    serve = _in_threads if way == "threads" else _in_a_loop

    def drop() -> None:
        for _ in range(reloads):
            reloaded.make_and_drop()

    found: dict[str, Any] = {QUIET: serve(reloaded.app, lambda: time.sleep(quiet))}
    found[UNFOLLOWED] = serve(reloaded.app, drop)
    resident, took, ended = [_resident()], [], threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            resident.append(_resident())

    def reload() -> None:
        for _ in range(reloads):
            begun = time.monotonic()
            reloaded.reload()
            took.append(time.monotonic() - begun)

    watching = threading.Thread(target=watch)
    watching.start()
    found[RELOADING] = serve(reloaded.app, reload)
    ended.set()
    watching.join()
    time.sleep(0.5)
    memory = {"before": resident[0], "most": max(resident), "after": _resident()}
    return {**found, "memory": memory, "reload": took}


def _measure_served(kind: str, count: int, reloads: int, quiet: float) -> dict[str, Any]:
    """Measure what a client of uvicorn sees."""
    variables = {"LIVE_SOURCE": kind, "LIVE_ORIGINS": str(count)}
    variables["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests"), *sys.path])
    os.environ.update(variables)
    found: dict[str, Any] = {}
    request = f"GET / HTTP/1.1\r\nHost: x\r\nOrigin: {_OWN}\r\n\r\n".encode()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(running_server("uvicorn", "benchmarks.live:app"))
        address = ("127.0.0.1", server.port)
        connection = stack.enter_context(socket.create_connection(address))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def ask(seconds: float, is_over: Callable[[], bool]) -> list[float]:
            waits: list[float] = []
            due = time.monotonic()
            until = due + seconds
            while time.monotonic() < until and not is_over():
                due += 0.001
                time.sleep(max(0.0, due - time.monotonic()))
                begun = time.monotonic()
                connection.sendall(request)
                answer = connection.recv(4096)
                while not answer.endswith(_END):
                    answer += connection.recv(4096)
                waits.append((time.monotonic() - begun) * 1e3)
            return waits

        found[QUIET] = ask(quiet, lambda: False)
        reloading = threading.Thread(target=lambda: [server.ask("/reload") for _ in range(reloads)])
        reloading.start()
        found[RELOADING] = ask(600.0, lambda: not reloading.is_alive())
    return found


def _application() -> Any:
    """What uvicorn serves: an application that reloads its origins when it is told to."""
    reloaded = Reloaded(os.environ["LIVE_SOURCE"], int(os.environ["LIVE_ORIGINS"]))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for _ in range(2):
                await send({"type": f"{(await receive())['type']}.complete"})
            return
        if scope["path"] == "/reload":
            await asyncio.to_thread(reloaded.reload)
        await reloaded.app(scope, receive, send)

    return app


if "LIVE_SOURCE" in os.environ:
    app = _application()


def _measured(way: str, kind: str, amounts: tuple[float, ...]) -> dict[str, Any]:
    """Measure one row in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.live", way, kind, *map(str, amounts)]
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests"), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(  # noqa: S603 - ourselves
        command, stdout=subprocess.PIPE, check=False, env=environment, cwd=ROOT
    )
    if done.returncode:
        raise BenchmarkError(f"{way} with {kind} ended with {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def run(*, fast: bool) -> Results:
    """Measure each way of serving, and each kind of what a source gives."""
    amounts = FAST if fast else (ORIGINS, RELOADS, QUIET_SECONDS)
    results = Results(about(*DISTRIBUTIONS, origins=amounts[0], reloads=amounts[1]))
    for row, way in WAYS.items():
        for given, kind in SOURCES.items():
            found = _measured(way, kind, amounts)
            for subject in (QUIET, UNFOLLOWED, RELOADING):
                if subject not in found:
                    continue
                waits = sorted(found[subject])
                name = f"{row}, {given}"
                for what, place in (("p50", 0.5), ("p99", 0.99), ("longest", 1.0)):
                    wait = waits[min(len(waits) - 1, int(place * len(waits)))]
                    results.add((f"{what} of a request, ms", name, subject), [wait])
            for what, value in found.get("memory", {}).items():
                results.add(("memory of the process, MiB", f"{row}, {given}", what), [value])
            if "reload" in found:
                results.add(("one reload, s", f"{row}, {given}", "took"), found["reload"])
    return results


def main() -> None:
    """Measure one row, for `run`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=WAYS.values())
    parser.add_argument("kind", choices=SOURCES.values())
    parser.add_argument("count", type=int)
    parser.add_argument("reloads", type=int)
    parser.add_argument("quiet", type=float)
    given = vars(parser.parse_args())
    way = given.pop("way")
    measured = _measure_served(**given) if way == "uvicorn" else _measure_here(way, **given)
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
