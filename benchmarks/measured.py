"""What was measured and what its numbers say, kept as files that `python -m pyperf` reads.

Things that are timed one after the other meet different machines. So what is compared is timed in
alternating rounds, and only numbers of the same round are subtracted or divided.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import json
import math
import statistics
import sys
import sysconfig
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyperf  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "bench"
_MACHINE = ("cpu_model_name", "cpu_count", "platform", "python_version", "load_avg_1min")

Key = tuple[str, str, str]
"""The table, the row and the subject, such as ``("patterns", "regex, allowed", "Starlette")``."""


class BenchmarkError(Exception):
    """A benchmark cannot run, with a message that says what to do about it."""


def number(value: float) -> str:
    """Three significant digits, with spaces between thousands."""
    if abs(value) >= 100:
        return f"{value:,.0f}".replace(",", " ")
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.2g}"


@dataclass(frozen=True)
class Spread:
    """The median of the rounds with their quartiles."""

    median: float
    lower: float
    upper: float

    @classmethod
    def of(cls, values: Sequence[float], scale: float = 1.0) -> Spread:
        """The spread of the values of at least one round, each multiplied by the scale."""
        if len(values) == 1:
            return cls(*[values[0] * scale] * 3)
        lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median * scale, lower * scale, upper * scale)

    def __str__(self) -> str:
        if self.lower == self.upper:  # There was one value.
            return number(self.median)
        return f"{number(self.median)} ({number(self.lower)} to {number(self.upper)})"


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """Between which two values the median lies, with 95 % certainty.

    By the sign test its bounds are two of the sorted rounds, whatever their distribution is.
    """
    ordered = sorted(values)
    place = max(0, math.floor(len(ordered) / 2 - 0.98 * math.sqrt(len(ordered))))
    return ordered[place], ordered[-1 - place]


def is_clear(differences: Sequence[float]) -> bool:
    """Whether the rounds tell a difference from none: the median's interval excludes 0."""
    lowest, highest = median_interval(differences)
    return lowest > 0 or highest < 0


@dataclass
class Subject:
    """One thing that was measured.

    Attributes:
        runs: Its values, process by process and round by round. What stands at the same place in
            two subjects of a row was measured in the same round.
        baseline: The subject of the same row that is subtracted, if any.
        remark: What a reader has to know, or why nothing was measured.
    """

    runs: list[list[float]] = field(default_factory=list)
    baseline: str = ""
    remark: str = ""


@dataclass
class Results:
    """Everything that one part measured, and where it comes from."""

    about: dict[str, Any]
    subjects: dict[Key, Subject] = field(default_factory=dict)

    def values(self, key: Key) -> list[float]:
        """The values of all rounds, less the baseline's of the same round."""
        subject = self.subjects.get(key, Subject())
        values = list(itertools.chain(*subject.runs))
        if not subject.baseline or not values:
            return values
        base = itertools.chain(*self.subjects[(*key[:2], subject.baseline)].runs)
        return [value - subtracted for value, subtracted in zip(values, base, strict=True)]

    def ratio(self, key: Key, other: Key) -> Spread | None:
        """The ratios of the rounds; `None` where either side is not told from nothing."""
        above, below = self.values(key), self.values(other)
        if not above or not below or not (is_clear(above) and is_clear(below)):
            return None
        ratios = [one / two for one, two in zip(above, below, strict=True) if two > 0]
        return Spread.of(ratios)

    def ratio_bound(self, key: Key, other: Key) -> tuple[str, float] | None:
        """How a ratio is bounded where one side is too small to be told from nothing.

        With 95 % certainty it is then `">="` or `"<="` such a number; `None` if both are too small.
        """
        above, below = self.values(key), self.values(other)
        if not above or not below or is_clear(above) == is_clear(below):
            return None
        (lowest, most), (least, highest) = median_interval(above), median_interval(below)
        if lowest > 0 and highest > 0:
            return ">=", lowest / highest
        return ("<=", most / least) if least > 0 and most > 0 else None

    def add(
        self, key: Key, values: Iterable[float], *, baseline: str = "", remark: str = ""
    ) -> None:
        """Add the values of one process or one start to a subject."""
        subject = self.subjects.setdefault(key, Subject(baseline=baseline))
        subject.remark = remark or subject.remark
        if found := list(values):
            subject.runs.append(found)

    def save(self, path: Path) -> None:
        """Write a suite of pyperf's benchmarks; what was not timed stands in its metadata."""
        untimed = [
            (*key, one.baseline, one.remark) for key, one in self.subjects.items() if not one.runs
        ]
        benchmarks = []
        for key, subject in self.subjects.items():
            own = {"name": " | ".join(key), "baseline": subject.baseline, "remark": subject.remark}
            metadata = {**self.about, "untimed": json.dumps(untimed)}
            metadata |= {name: text for name, text in own.items() if text}
            # pyperf keeps no zero, which is what the stack of a layer may be.
            runs = [[float(f"{value:.5g}") or 1e-9 for value in values] for values in subject.runs]
            kept = [pyperf.Run(run, metadata=metadata, collect_metadata=False) for run in runs]
            benchmarks += [pyperf.Benchmark(kept)] if kept else []
        path.parent.mkdir(parents=True, exist_ok=True)
        pyperf.BenchmarkSuite(benchmarks).dump(str(path), replace=True)

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read what `save` wrote."""
        try:
            suite = pyperf.BenchmarkSuite.load(str(path))
        except (OSError, ValueError) as error:
            raise BenchmarkError(f"cannot read {path}: {error}; run the part again") from None
        results = cls({})
        for benchmark in suite.get_benchmarks():
            axis, row, name = benchmark.get_name().split(" | ")
            metadata = benchmark.get_metadata()
            own = {key: metadata.pop(key, "") for key in ("name", "baseline", "remark")}
            runs = [
                [value if value > 1e-9 else 0.0 for value in run.values]
                for run in benchmark.get_runs()
            ]
            results.subjects[axis, row, name] = Subject(runs, own["baseline"], own["remark"])
            results.about = metadata
        for axis, row, name, *rest in json.loads(results.about.pop("untimed")):
            results.subjects[axis, row, name] = Subject([], *rest)
        return results


PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
if sysconfig.get_config_var("Py_GIL_DISABLED"):
    PYTHON += "t"


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "none"  # Some have no wheel for some Pythons; what needs them says so.


def about(*distributions: str, **more: Any) -> dict[str, Any]:
    """What results say about where they come from, with the versions of what pip installed."""
    collected = pyperf.Run([1.0], metadata={"name": "machine"}).get_metadata()
    known = {name: collected[name] for name in _MACHINE if name in collected}
    versions = {f"{name} version": _version(name) for name in distributions}
    return {**known, "python": PYTHON, "date": time.strftime("%Y-%m-%d"), **versions, **more}


def alternate(
    timers: Sequence[Callable[[], float]], *, rounds: int, first: int = 0
) -> list[list[float]]:
    """What every timer gives, once in each round; each round begins with another one."""
    found: list[list[float]] = [[] for _ in timers]
    for number_of_round in range(rounds):
        for step in range(len(timers)):
            index = (first + number_of_round + step) % len(timers)
            found[index].append(timers[index]())
    return found


def markdown(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table for a README, which terminals show as well."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in cells) + " |" for cells in lines)
