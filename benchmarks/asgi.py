"""How long a request takes in each ASGI middleware, without server, event loop and network.

A middleware's *added time* is its time less that of the bare app in the same round; for a library
inside a framework, less that of the framework without it. For a preflight request, which no
application answers, it is the time of the whole answer.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyperf  # type: ignore[import-untyped]

from benchmarks import objects, peers, tables
from benchmarks.asgi_rounds import FEW_ORIGINS
from benchmarks.paired import BenchmarkError, Spread, environment, includes_zero

NAME = "asgi"
_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    processes: int
    rounds: int
    loop_seconds: float


QUICK = Effort(processes=2, rounds=5, loop_seconds=0.002)
FULL = Effort(processes=8, rounds=15, loop_seconds=0.008)


@dataclass
class Measured:
    """A scenario's rounds, of all processes.

    Attributes:
        facts: What a worker says about the scenario.
        notes: What there is to say about a variant's answer, or why it is not timed.
        added: For each variant the added seconds of each round, by process and round.
        whole: The same, with nothing subtracted, of each process on its own.
    """

    facts: dict[str, Any]
    notes: dict[str, str] = field(default_factory=dict)
    added: dict[str, dict[tuple[int, int], float]] = field(default_factory=dict)
    whole: dict[str, list[list[float]]] = field(default_factory=lambda: defaultdict(list))

    def paired(self, first: str, second: str) -> list[tuple[float, float]]:
        """The added seconds of two variants in the rounds that both were in."""
        mine, other = self.added.get(first, {}), self.added.get(second, {})
        return [(mine[key], other[key]) for key in mine if key in other]

    def take(self, process: int, result: dict[str, Any]) -> None:
        """Add the rounds of one process."""
        seconds = result["seconds"]
        self.notes.update(result["notes"])
        for variant, values in seconds.items():
            self.whole[variant].append(values)
            baseline = result["baselines"][variant]
            if variant == baseline:
                continue
            rounds = self.added.setdefault(variant, {})
            for number, (value, base) in enumerate(zip(values, seconds[baseline], strict=True)):
                rounds[process, number] = value - base


def _start_worker(effort: Effort, number: int, slow: Sequence[Sequence[str]]) -> dict[str, Any]:
    plan = {
        "number": number,
        "rounds": effort.rounds,
        "loop_seconds": effort.loop_seconds,
        "slow": slow,
    }
    worker = subprocess.run(  # noqa: S603 - the command is this program's own.
        [sys.executable, "-m", "benchmarks.asgi_rounds", json.dumps(plan)],
        cwd=_ROOT,
        env={**os.environ, "PYTHONHASHSEED": "random"},
        capture_output=True,
        text=True,
        check=False,
    )
    if worker.returncode != 0:
        raise BenchmarkError(f"a worker process failed:\n{worker.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(worker.stdout)
    return answer


def _measure(effort: Effort) -> list[Measured]:
    measured: dict[tuple[str, str], Measured] = {}
    slow: list[list[str]] = []
    for process in range(effort.processes):
        print(f"process {process + 1} of {effort.processes} ...", file=sys.stderr, flush=True)
        result = _start_worker(effort, process, slow)
        slow += result["slow"]
        for scenario in result["scenarios"]:
            key = scenario["axis"], scenario["name"]
            measured.setdefault(key, Measured(scenario)).take(process, scenario)
    return list(measured.values())


def _spread(values: Iterable[float]) -> dict[str, float] | None:
    numbers = list(values)
    return Spread.of(numbers).as_dict() if numbers else None


def _ratio(pairs: Sequence[tuple[float, float]]) -> dict[str, float] | None:
    """The ratios of the rounds; `None` where either side is not told from nothing."""
    if not pairs or any(includes_zero([pair[side] for pair in pairs]) for side in (0, 1)):
        return None
    return _spread(upper / lower for upper, lower in pairs if lower > 0)


def _row(scenario: Measured, variant: str) -> dict[str, Any]:
    added = list(scenario.added.get(variant, {}).values())
    row: dict[str, Any] = {
        "axis": scenario.facts["axis"],
        "scenario": scenario.facts["name"],
        "case": scenario.facts["case"],
        "variant": variant,
        "measures": "whole answer" if scenario.facts["is_preflight"] else "added time",
        "note": scenario.notes.get(variant, ""),
        "nanoseconds": None,
    }
    if not added:
        return row
    difference = [mine - corsac for mine, corsac in scenario.paired(variant, peers.CORSAC)]
    row |= {
        "nanoseconds": _spread(value * 1e9 for value in added),
        "indistinguishable_from_zero": includes_zero(added),
        "indistinguishable_from_corsac": bool(difference) and includes_zero(difference),
    }
    if variant != peers.STARLETTE:
        row["to_starlette"] = _ratio(scenario.paired(variant, peers.STARLETTE))
        row["starlette_to_this"] = _ratio(scenario.paired(peers.STARLETTE, variant))
    if not scenario.facts["is_preflight"] and variant != peers.EMPTY:
        row["to_empty"] = _ratio(scenario.paired(variant, peers.EMPTY))
    return row


def _rows(measured: Iterable[Measured]) -> list[dict[str, Any]]:
    shown = [variant.name for variant in peers.VARIANTS if not variant.is_baseline]
    rows = []
    for scenario in measured:
        names = [*shown, FEW_ORIGINS]
        rows += [
            _row(scenario, name)
            for name in names
            if name in scenario.added or name in scenario.notes
            # Nothing is subtracted from a whole answer, so that the app's own would be compared.
            if not (scenario.facts["is_preflight"] and name == peers.EMPTY)
        ]
    return rows


def print_rows(rows: Sequence[dict[str, Any]]) -> None:
    """Print a table for each axis."""
    header = ["", "", "nanoseconds", "to the empty middleware", "to Starlette", "remarks"]
    for axis, group in itertools.groupby(rows, key=lambda row: str(row["axis"])):
        lines = []
        last = ""
        for row in group:
            scenario = row["scenario"] if row["scenario"] != last else ""
            last = row["scenario"]
            if row["nanoseconds"] is None:
                lines.append([scenario, row["variant"], "", "", "", row["note"]])
                continue
            zero = row["indistinguishable_from_zero"]
            lines.append(
                [
                    scenario,
                    row["variant"],
                    ("~ " if zero else "") + tables.spread(row["nanoseconds"]),
                    tables.ratio(row, "to_empty"),
                    tables.ratio(row, "to_starlette"),
                    row["note"],
                ]
            )
        print(f"\n{axis}: added time (preflight: whole answer), median (quartiles)\n")
        print(tables.text(header, lines))


def losses(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every row where something adds less time than Corsac does."""
    corsac = {(row["axis"], row["scenario"]): row for row in rows if row["variant"] == peers.CORSAC}
    found = []
    for row in rows:
        mine = corsac[row["axis"], row["scenario"]]
        if row["nanoseconds"] is None or row["variant"] in {peers.CORSAC, FEW_ORIGINS}:
            continue
        if row["nanoseconds"]["median"] < mine["nanoseconds"]["median"]:
            found.append(
                {
                    "axis": row["axis"],
                    "scenario": row["scenario"],
                    "to": row["variant"],
                    "corsac": mine["nanoseconds"],
                    "other": row["nanoseconds"],
                    "indistinguishable": row["indistinguishable_from_corsac"],
                    "note": row["note"],
                }
            )
    return found


def _print_losses(found: Sequence[dict[str, Any]]) -> None:
    print("\nwhere Corsac loses (~: the rounds do not tell the difference from none)\n")
    lines = [
        [
            loss["axis"],
            loss["scenario"],
            loss["to"],
            ("~ " if loss["indistinguishable"] else "") + tables.spread(loss["corsac"]),
            tables.spread(loss["other"]),
            loss["note"],
        ]
        for loss in found
    ]
    print(tables.text(["", "", "against", "Corsac, ns", "other, ns", "remarks"], lines))


def _goal(
    what: str, goal: str, measured: dict[str, float] | None, met: bool | None
) -> dict[str, object]:
    shown = "not told from nothing" if measured is None else tables.spread(measured)
    return {"what": what, "goal": goal, "measured": shown, "met": met}


def _goals(measured: Sequence[Measured]) -> list[dict[str, object]]:
    by_name = {(item.facts["axis"], item.facts["name"]): item for item in measured}
    actual = by_name["kind of request", "actual, allowed"]
    preflight = by_name["kind of request", "preflight, allowed"]
    many = by_name["number of origins", "1 000 000"]
    to_empty = _ratio(actual.paired(peers.CORSAC, peers.EMPTY))
    starlette = _ratio(actual.paired(peers.STARLETTE, peers.CORSAC))
    answer = _ratio(preflight.paired(peers.STARLETTE, peers.CORSAC))
    growth = _ratio(many.paired(peers.CORSAC, FEW_ORIGINS))

    def at_most(value: dict[str, float] | None, limit: float) -> bool | None:
        return None if value is None else value["median"] <= limit

    def at_least(value: dict[str, float] | None, limit: float) -> bool | None:
        return None if value is None else value["median"] >= limit

    return [
        _goal(
            "ASGI actual request, added time against the empty middleware's",
            "<= 1.0x",
            to_empty,
            at_most(to_empty, 1.0),
        ),
        _goal(
            "ASGI actual request, Starlette's added time against Corsac's",
            ">= 25x",
            starlette,
            at_least(starlette, 25),
        ),
        _goal(
            "ASGI preflight, Starlette's whole answer against Corsac's",
            ">= 8x",
            answer,
            at_least(answer, 8),
        ),
        _goal(
            "1 000 000 exact origins against 4, added time",
            "<= 1.5x",
            growth,
            at_most(growth, 1.5),
        ),
    ]


def store_runs(measured: Iterable[Measured], path: Path) -> None:
    """Keep every round in a file that `python -m pyperf` reads."""
    once = pyperf.Run([1.0], metadata={"name": "machine"}).get_metadata()
    machine = {name: item for name, item in once.items() if name not in {"name", "date"}}
    benchmarks = []
    for scenario in measured:
        for variant, processes in scenario.whole.items():
            name = f"{scenario.facts['axis']}: {scenario.facts['name']}: {variant}"
            metadata = {**machine, "name": name, "unit": "second"}
            runs = [
                pyperf.Run(values, metadata=metadata, collect_metadata=False)
                for values in processes
            ]
            benchmarks.append(pyperf.Benchmark(runs))
    path.parent.mkdir(parents=True, exist_ok=True)
    pyperf.BenchmarkSuite(benchmarks).dump(str(path), replace=True)


def run(*, quick: bool) -> dict[str, object]:
    """Measure, print the tables, and return the results.

    Args:
        quick: Whether to measure little, to see that everything works.
    """
    about = environment(peers=peers.DISTRIBUTIONS)
    effort = QUICK if quick else FULL
    measured = _measure(effort)
    rows = _rows(measured)
    print_rows(rows)
    found = losses(rows)
    _print_losses(found)
    created = objects.measure()
    objects.print_table(created)
    store_runs(measured, _ROOT / "build" / "benchmarks" / "asgi-rounds.json.gz")
    bare = next(item for item in measured if not item.facts["is_preflight"])
    whole = [value for process in bare.whole[peers.BARE] for value in process]
    print(f"\nThe bare app, with making the request: {statistics.median(whole) * 1e9:.0f} ns")
    return {
        "about": {**about, "processes": effort.processes, "rounds": effort.rounds},
        "rows": rows,
        "losses": found,
        "objects": created,
        "goals": _goals(measured),
    }
