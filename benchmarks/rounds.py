"""Rounds of several processes put together: what the parts of ASGI and WSGI share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyperf  # type: ignore[import-untyped]

from benchmarks import tables
from benchmarks.paired import BenchmarkError, Spread, includes_zero

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


def _start_worker(
    module: str, effort: Effort, number: int, slow: Sequence[Sequence[str]]
) -> dict[str, Any]:
    plan = {
        "number": number,
        "rounds": effort.rounds,
        "loop_seconds": effort.loop_seconds,
        "slow": slow,
    }
    worker = subprocess.run(  # noqa: S603 - the command is this program's own.
        [sys.executable, "-m", module, json.dumps(plan)],
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


def measure(module: str, effort: Effort) -> list[Measured]:
    """The rounds of all processes, each of which runs a module with a plan.

    Args:
        module: The module, such as ``benchmarks.asgi_rounds``.
        effort: How much is measured.
    """
    measured: dict[tuple[str, str], Measured] = {}
    slow: list[list[str]] = []
    for process in range(effort.processes):
        print(f"process {process + 1} of {effort.processes} ...", file=sys.stderr, flush=True)
        result = _start_worker(module, effort, process, slow)
        slow += result["slow"]
        for scenario in result["scenarios"]:
            key = scenario["axis"], scenario["name"]
            measured.setdefault(key, Measured(scenario)).take(process, scenario)
    return list(measured.values())


def spread(values: Iterable[float]) -> dict[str, float] | None:
    """The spread of the values as JSON has it; `None` if there are none."""
    numbers = list(values)
    return Spread.of(numbers).as_dict() if numbers else None


def ratio(pairs: Sequence[tuple[float, float]]) -> dict[str, float] | None:
    """The ratios of the rounds; `None` where either side is not told from nothing."""
    if not pairs or any(includes_zero([pair[side] for pair in pairs]) for side in (0, 1)):
        return None
    return spread(upper / lower for upper, lower in pairs if lower > 0)


def goal(
    what: str, wanted: str, measured: dict[str, float] | None, met: bool | None
) -> dict[str, object]:
    """What a part set out to reach, what was wanted, what was measured, and whether it is met."""
    shown = "not told from nothing" if measured is None else tables.spread(measured)
    return {"what": what, "goal": wanted, "measured": shown, "met": met}


def at_most(value: dict[str, float] | None, limit: float) -> bool | None:
    """Whether a median is within a limit; `None` if it is not told."""
    return None if value is None else value["median"] <= limit


def at_least(value: dict[str, float] | None, limit: float) -> bool | None:
    """Whether a median reaches a limit; `None` if it is not told."""
    return None if value is None else value["median"] >= limit


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
