"""What more processes and more threads give, on the cores that there are.

Server and load share the cores here, as nobody can give a part of two of them to each of four
workers: what counts is how one application scales beside another. Threads share one middleware,
with its counters; only a build without the GIL runs them at the same time.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable

from benchmarks import names, peers
from benchmarks.exchange import PROTOCOLS, Timer
from benchmarks.measured import PYTHON, BenchmarkError, Results, about, alternate
from benchmarks.scenarios import all_scenarios, served_scenarios
from benchmarks.served import BARE, UVICORN, check_answer, cores, load, started

NUMBERS = (1, 2, 4)
# The server, its options, the protocol, and what it runs.
_SERVERS = {
    "uvicorn": ("uvicorn", UVICORN, "asgi", (BARE, names.STARLETTE, names.CORSAC)),
    "gunicorn": ("gunicorn", "--log-level warning", "wsgi", (BARE, names.WRAPPER, names.CORSAC)),
}
_IN_THREADS = (names.BARE, names.FLOOR, names.EMPTY, names.CORSAC, names.STARLETTE)
DISTRIBUTIONS = ("corsac", "starlette", "uvicorn", "uvloop", "httptools", "gunicorn")


def _workers(results: Results, server: str, starts: int, rounds: int) -> None:
    command, options, kind, applications = _SERVERS[server]
    scenario, _ = served_scenarios()
    for start in range(starts):
        for name in applications[-1:] if rounds == 1 else applications:
            print(f"scale: {server}, {name}, start {start + 1} of {starts}", flush=True)
            found: dict[int, list[float]] = {number: [] for number in NUMBERS}
            for number in NUMBERS:
                given = (*options.split(), "--workers", str(number))
                with started(command, kind, name, *given) as running:
                    check_answer(running, name, scenario)
                    load(running.port, scenario)  # To warm up.
                    found[number] = [load(running.port, scenario) for _ in range(rounds)]
            for number, values in found.items():
                label = f"{number} worker" + "s" * (number > 1)
                results.add((f"workers of {server}", name, label), values)


def _seconds_each(timer: Callable[[], Timer], threads: int, count: int) -> float:
    """The seconds on the clock for each request, where so many threads send so many each."""
    ready = threading.Barrier(threads + 1)

    def work(run: Timer) -> None:
        ready.wait()
        run(count)

    workers = [threading.Thread(target=work, args=(timer(),)) for _ in range(threads)]
    for worker in workers:
        worker.start()
    ready.wait()
    began = time.perf_counter()
    for worker in workers:
        worker.join()
    return (time.perf_counter() - began) / threads / count


def _threads(results: Results, rounds: int, count: int) -> None:
    scenario = next(one for one in all_scenarios() if one.name == "actual, allowed")
    variants = {variant.name: variant for variant in peers.VARIANTS["asgi"]}
    for name in _IN_THREADS:
        print(f"scale: threads, {name}", flush=True)
        bare = peers.bare_app(scenario)
        app = variants[name].build(scenario.wanted, scenario.app_headers, bare)
        timer = functools.partial(PROTOCOLS["asgi"].timer, app, scenario)
        timers = [functools.partial(_seconds_each, timer, number, count) for number in NUMBERS]
        for once in timers:
            once()
        for number, values in zip(NUMBERS, alternate(timers, rounds=rounds), strict=True):
            label = f"{number} thread" + "s" * (number > 1)
            results.add((f"threads of one process, Python {PYTHON}", name, label), values)


def run(*, fast: bool) -> Results:
    """Measure the seconds for each request with more and more workers, and threads."""
    results = Results(about(*DISTRIBUTIONS, connections=32))
    _threads(results, rounds=3 if fast else 15, count=2_000 if fast else 20_000)
    try:
        cores()
        for server in ["uvicorn"] if fast else _SERVERS:
            _workers(results, server, starts=1 if fast else 3, rounds=1 if fast else 3)
    except (AssertionError, BenchmarkError) as error:
        print(f"workers are NOT measured: {error}\n")
    return results
