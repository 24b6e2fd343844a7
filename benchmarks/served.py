"""Requests per second of real servers under load: bare, and with each middleware.

Every server runs once for each application, as one process on one core; wrk makes the load from
another core, in turns, for a second at each. What counts is the ratio to the bare application of
the same round. Servers are started anew several times, because processes that differ in nothing
differ in speed, by where their memory happens to lie; a second bare server shows by how much.
"""

from __future__ import annotations

import importlib.metadata
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.paired import BenchmarkError, Spread, environment, median_interval
from benchmarks.served_load import (
    CONNECTIONS,
    SECONDS,
    Load,
    put_load,
    wrk_version,
)
from benchmarks.served_processes import (
    GRANIAN,
    HYPERCORN,
    UVICORN,
    Answer,
    RunningServer,
    Server,
    running_servers,
)
from benchmarks.served_requests import ACTUAL, ALLOWED_ORIGIN, OTHER_ORIGIN, PREFLIGHT, REQUESTS

APPLICATIONS = {
    "bare": "bare",
    "bare again": "bare",
    "by hand": "by_hand",
    "empty": "empty",
    "Starlette": "in_starlette",
    "Corsac": "in_corsac",
}
"""What the tables call each application in `served_app`."""

WITHOUT_CORS = {"bare", "bare again", "empty"}
"""Those whose actual responses have no CORS headers."""

DECIDES_NOTHING = {*WITHOUT_CORS, "by hand"}
"""Those that answer every origin alike."""

MIN_ROUNDS = 3
"""With fewer no difference is shown, whatever they say."""

GOAL = 0.97


@dataclass(frozen=True)
class Plan:
    """How much is measured with one server.

    Attributes:
        server: The server.
        starts: How often all its processes are started anew.
        rounds: For each kind of request, the rounds for each start.
    """

    server: Server
    starts: int
    rounds: Mapping[str, int]


QUICK = (Plan(UVICORN, 1, {ACTUAL: 3, PREFLIGHT: 1}),)
FULL = (
    Plan(UVICORN, 3, {ACTUAL: 6, PREFLIGHT: 2}),
    Plan(GRANIAN, 2, {ACTUAL: 3, PREFLIGHT: 2}),
    Plan(HYPERCORN, 2, {ACTUAL: 3, PREFLIGHT: 2}),
)


@dataclass
class Runs:
    """All runs of one kind of request on one server, round by round.

    Attributes:
        loads: For each application what each round came to, in the same order for all.
        computed: For each application the server's processor time for each request, in
            microseconds. Where other work shares the core, it is the steadier number.
    """

    loads: dict[str, list[Load]] = field(
        default_factory=lambda: {name: [] for name in APPLICATIONS}
    )
    computed: dict[str, list[float]] = field(
        default_factory=lambda: {name: [] for name in APPLICATIONS}
    )


def run(*, quick: bool) -> dict[str, object]:
    """Measure requests per second, print them and give them back.

    Args:
        quick: Whether a look at uvicorn is enough.

    Raises:
        BenchmarkError: Something is missing, does not start, or answers wrongly.
    """
    began = time.monotonic()
    plans = QUICK if quick else FULL
    about = environment(peers=_distributions(plans))
    about |= {"wrk": wrk_version(), "connections": CONNECTIONS, "seconds_per_run": SECONDS}
    server_core, load_core = _two_cores()
    print(
        f"Requests per second under load: wrk {about['wrk']} with {CONNECTIONS} connections on one "
        f"core,\nthe server on another, {SECONDS} s at each application in turn. Ratios are to the "
        "bare application\nof the same round: median (quartiles). ~: no difference shown. "
        "Processor time is what the\nserver computed for each request. by hand: the bare app"
        " with the CORS headers written into\nit, so that the server has as much to send as with a "
        "middleware.\n"
    )
    rows: list[dict[str, object]] = []
    for plan in plans:
        runs = _measure(plan, server_core, load_core)
        for kind, one in runs.items():
            found = [_row(plan.server, kind, label, one) for label in _asked(kind)]
            _print_table(plan.server, kind, found)
            rows += found
    about |= {"mode": "quick" if quick else "full", "seconds": round(time.monotonic() - began)}
    return {"about": about, "rows": rows, "goals": [_goal(rows)]}


def _distributions(plans: Iterable[Plan]) -> list[str]:
    names = dict.fromkeys(name for plan in plans for name in plan.server.distributions)
    return ["starlette", *names]


def _two_cores() -> tuple[int, int]:
    """A core for the server and another for the load."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise BenchmarkError("two cores are needed, one for the server and one for the load")
    # The first has the most interrupts to serve, so the server gets the last.
    return cores[-1], cores[0]


def _measure(plan: Plan, server_core: int, load_core: int) -> dict[str, Runs]:
    runs = {kind: Runs() for kind in plan.rounds}
    for start in range(plan.starts):
        with running_servers(plan.server, APPLICATIONS, server_core) as servers:
            for label, server in servers.items():
                _check_answers(server, label, f"{plan.server.name}, {label}")
                put_load(server.port, *REQUESTS[ACTUAL], load_core)  # To warm up.
            for kind, rounds in plan.rounds.items():
                for number in range(rounds):
                    labels = _asked(kind)
                    first = (start * rounds + number) % len(labels)
                    for label in labels[first:] + labels[:first]:
                        _run_once(runs[kind], label, servers[label], kind, load_core)
    return runs


def _asked(kind: str) -> list[str]:
    """The applications that are asked this kind of request."""
    # The bare application answers preflight requests by hand already.
    return [label for label in APPLICATIONS if kind == ACTUAL or label != "by hand"]


def _run_once(runs: Runs, label: str, server: RunningServer, kind: str, core: int) -> None:
    before = server.processor_seconds()
    load = put_load(server.port, *REQUESTS[kind], core)
    seconds = server.processor_seconds() - before
    runs.loads[label].append(load)
    runs.computed[label].append(seconds / load.requests * 1_000_000)


def _check_answers(server: RunningServer, label: str, name: str) -> None:
    """Ask one request of each kind.

    Raises:
        BenchmarkError: An answer is not the right one.
    """
    allowed = server.ask(*REQUESTS[ACTUAL])
    preflight = server.ask(*REQUESTS[PREFLIGHT])
    method, headers = REQUESTS[ACTUAL]
    refused = server.ask(method, {**headers, "Origin": OTHER_ORIGIN})
    body = server.token.encode()
    right = {
        ACTUAL: (allowed.status, allowed.body) == (200, body)
        and _lets_read(allowed, 0 if label in WITHOUT_CORS else 1),
        "actual request from another origin": (refused.status, refused.body) == (200, body)
        and (label in DECIDES_NOTHING or not refused.lines("access-control-allow-origin")),
        PREFLIGHT: preflight.status in {200, 204}
        and _lets_read(preflight, 1)
        and "PUT" in preflight.lines("access-control-allow-methods")[0],
    }
    for kind, is_right in right.items():
        if not is_right:
            raise BenchmarkError(f"{name} answers wrongly: {kind}")


def _lets_read(answer: Answer, times: int) -> bool:
    """Whether the headers that let the origin read are there so many times."""
    return (
        answer.lines("access-control-allow-origin") == [ALLOWED_ORIGIN] * times
        and answer.lines("access-control-allow-credentials") == ["true"] * times
        and any("Origin" in line for line in answer.lines("vary")) == bool(times)
    )


def _row(server: Server, kind: str, label: str, runs: Runs) -> dict[str, object]:
    ratios = _speed_ratios(runs, label, "bare")
    computed = zip(runs.computed[label], runs.computed["bare"], strict=True)
    loads = runs.loads[label]
    by_hand = _speed_ratios(runs, label, "by hand") if kind == ACTUAL else None
    return {
        "server": server.name,
        "request": kind,
        "application": label,
        "ratio_to_bare": Spread.of(ratios).as_dict(),
        "ratio_to_by_hand": None if by_hand is None else Spread.of(by_hand).as_dict(),
        "difference_shown": _differs(ratios, _speed_ratios(runs, "bare again", "bare")),
        "requests_per_second": Spread.of([load.requests_per_second for load in loads]).as_dict(),
        "median_latency_microseconds": Spread.of([load.median_latency for load in loads]).as_dict(),
        "processor_microseconds": Spread.of(runs.computed[label]).as_dict(),
        "processor_time_ratio_to_bare": Spread.of([own / bare for own, bare in computed]).as_dict(),
    }


def _speed_ratios(runs: Runs, label: str, base: str) -> list[float]:
    """Requests per second against those of another application in the same round."""
    pairs = zip(runs.loads[label], runs.loads[base], strict=True)
    return [load.requests_per_second / other.requests_per_second for load, other in pairs]


def _differs(ratios: Sequence[float], same: Sequence[float]) -> bool:
    """Whether a difference is shown: from 1, and from what a second bare server seems to have."""
    if len(ratios) < MIN_ROUNDS:
        return False
    lower, upper = median_interval(ratios)
    lower_same, upper_same = median_interval(same)
    return upper < min(1, lower_same) or lower > max(1, upper_same)


def _print_table(server: Server, kind: str, rows: Sequence[Mapping[str, Any]]) -> None:
    versions = (f"{name} {importlib.metadata.version(name)}" for name in server.distributions)
    print(f"{', '.join(versions)}: {kind}, {rows[0]['ratio_to_bare']['runs']} rounds")
    print(
        f"{'':12} {'requests/s: to bare':>24} {'median':>9} {'latency, us':>12} "
        f"{'processor time: to bare':>25} {'us':>6}"
    )
    for row in rows:
        is_bare = row["application"] == "bare"
        speed = _ratio_text(row["ratio_to_bare"])
        mark = "" if is_bare or row["difference_shown"] else "~"
        computed = _ratio_text(row["processor_time_ratio_to_bare"])
        print(
            f"{row['application']:12} {'1' if is_bare else mark + speed:>24} "
            f"{row['requests_per_second']['median']:>9,.0f} "
            f"{row['median_latency_microseconds']['median']:>12,.0f} "
            f"{'1' if is_bare else computed:>25} {row['processor_microseconds']['median']:>6.1f}"
        )
    print(flush=True)


def _ratio_text(ratio: Mapping[str, float]) -> str:
    return f"{ratio['median']:.3f} ({ratio['lower']:.3f} to {ratio['upper']:.3f})"


def _goal(rows: Iterable[Mapping[str, Any]]) -> dict[str, object]:
    wanted = (UVICORN.name, ACTUAL, "Corsac")
    row = next(row for row in rows if (row["server"], row["request"], row["application"]) == wanted)
    ratio, to_by_hand = row["ratio_to_bare"], row["ratio_to_by_hand"]
    return {
        "what": "served by uvicorn (uvloop, httptools) under load",
        "goal": f">= {GOAL}x the bare app's requests per second",
        "measured": f"{_ratio_text(ratio).replace(' ', 'x ', 1)}; {to_by_hand['median']:.3f}x the "
        "bare app that sends the same headers by hand",
        "met": ratio["median"] >= GOAL,
    }
