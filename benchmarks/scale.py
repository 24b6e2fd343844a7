"""What more processes and more threads give, on the cores that there are.

Server and load share the cores here, as nobody can give a part of two of them to each of four
workers: what counts is how one application scales beside another. Threads share one middleware,
with its counters and its log; only a build without the GIL runs them at the same time. Beside it
each thread has one of its own, in the same rounds: what sharing costs is between the two.
"""

from __future__ import annotations

import functools
import itertools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks import names, peers
from benchmarks.exchange import PROTOCOLS, Timer
from benchmarks.measured import BenchmarkError, Results, about, alternate
from benchmarks.rounds import BARE_APPS
from benchmarks.scenarios import Scenario, all_scenarios, served_scenarios
from benchmarks.served import BARE, CONNECTIONS, UVICORN, check_answer, cores, load, started

NUMBERS = (1, 2, 4)
# The server, its options, the protocol, and what it runs.
_SERVERS = {
    "uvicorn": ("uvicorn", UVICORN, "asgi", (BARE, names.STARLETTE, names.CORSAC)),
    "gunicorn": ("gunicorn", "--log-level warning", "wsgi", (BARE, names.WRAPPER, names.CORSAC)),
}
_IN_THREADS = (names.BARE, names.FLOOR, names.CORSAC)
_EACH_ITS_OWN = f"{names.CORSAC}, one for each thread"
_REQUESTS = ("actual, allowed", "actual, refused")
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


def _seconds_each(timers: Sequence[Timer], count: int) -> float:
    """The seconds on the clock for each request, where each timer's thread sends so many."""
    threads = len(timers)
    ready = threading.Barrier(threads + 1)

    def work(run: Timer) -> None:
        ready.wait()
        run(count)

    workers = [threading.Thread(target=work, args=(run,)) for run in timers]
    for worker in workers:
        worker.start()
    ready.wait()
    began = time.perf_counter()
    for worker in workers:
        worker.join()
    return (time.perf_counter() - began) / threads / count


def _in_threads(protocol: str, scenario: Scenario) -> dict[str, Callable[[], Any]]:
    """What makes an application for the next thread, which most share with the others."""
    variants = {variant.name: variant for variant in peers.VARIANTS[protocol]}

    def made(name: str) -> Any:
        bare = BARE_APPS[protocol](scenario)
        return variants[name].build(scenario.wanted, scenario.app_headers, bare)

    def shared(name: str) -> Callable[[], Any]:
        app = made(name)
        return lambda: app

    own = {_EACH_ITS_OWN: functools.partial(made, names.CORSAC)}
    return {name: shared(name) for name in _IN_THREADS} | own


def _threads(results: Results, rounds: int, count: int) -> None:
    for protocol, request in itertools.product(PROTOCOLS, _REQUESTS):
        axis = f"threads of one process, {protocol.upper()}, {request}"
        print(f"scale: {axis}", flush=True)
        scenario = next(one for one in all_scenarios() if one.name == request)
        subjects, timers = [], []
        for name, next_app in _in_threads(protocol, scenario).items():
            for number in NUMBERS:
                runs = [PROTOCOLS[protocol].timer(next_app(), scenario) for _ in range(number)]
                subjects.append((axis, name, f"{number} thread" + "s" * (number > 1)))
                timers.append(functools.partial(_seconds_each, runs, count))
        for once in timers:
            once()
        for key, values in zip(subjects, alternate(timers, rounds=rounds), strict=True):
            results.add(key, values)


def run(*, fast: bool) -> Results:
    """Measure the seconds for each request with more and more workers, and threads."""
    results = Results(about(*DISTRIBUTIONS, connections=CONNECTIONS))
    # Refusals are logged, to nowhere.
    logging.getLogger().addHandler(logging.NullHandler())
    _threads(results, rounds=3 if fast else 15, count=500 if fast else 5_000)
    try:
        cores()
        for server in ["uvicorn"] if fast else _SERVERS:
            _workers(results, server, starts=1 if fast else 3, rounds=1 if fast else 3)
    except (AssertionError, BenchmarkError) as error:
        print(f"workers are NOT measured: {error}\n")
    return results
