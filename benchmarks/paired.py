"""Alternating rounds, and what their numbers say: the part that every benchmark shares.

Two things that are timed one after the other meet two different machines: its clock, its caches and
its other work have changed in between. So everything that is compared is timed in turns, in rounds
of one process, and only what was measured in the same round is subtracted or divided.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import math
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


class BenchmarkError(Exception):
    """A benchmark cannot run, with a message for people that says what to do about it."""


@dataclass(frozen=True)
class Spread:
    """A measured value: the median of its runs, their quartiles and how many there were.

    Attributes:
        median: The middle of the runs.
        lower: The lower quartile: a quarter of the runs gave less.
        upper: The upper quartile: a quarter of the runs gave more.
        runs: The number of runs.
    """

    median: float
    lower: float
    upper: float
    runs: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of the values of at least one run."""
        if not values:
            raise BenchmarkError("there is no run to take the median of")
        if len(values) == 1:
            return cls(values[0], values[0], values[0], 1)
        lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, lower, upper, len(values))

    def as_dict(self) -> dict[str, float]:
        """The spread as JSON has it."""
        return {
            "median": self.median,
            "lower": self.lower,
            "upper": self.upper,
            "runs": self.runs,
        }


def environment(*, peers: Iterable[str] = ()) -> dict[str, object]:
    """What a result has to say about where it comes from: the machine, Python, versions, the date.

    Args:
        peers: The distributions that are compared, by the name that pip has for them.

    Raises:
        BenchmarkError: A peer is not installed.
    """
    versions = {}
    for name in ("corsac", *peers):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            raise BenchmarkError(
                f"{name} is not installed: pip install '.[bench]' installs all that is measured"
            ) from None
    return {
        "cpu": _processor_name(),
        "cores": len(os.sched_getaffinity(0)),
        "os": _system_name(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "corsac": versions.pop("corsac"),
        "peers": versions,
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
    }


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _system_name() -> str:
    try:
        distribution = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform()
    return f"{distribution}, {platform.system()} {platform.release()}"


def alternate(
    timers: Sequence[Callable[[], float]], *, rounds: int, first: int = 0
) -> list[list[float]]:
    """Run every timer once in each round, beginning each round with another one.

    Args:
        timers: Functions that do their work once and return what it cost.
        rounds: How often each is run.
        first: The timer that begins the first round.

    Returns:
        For each round, the costs in the order of the timers.
    """
    costs = []
    for round_number in range(rounds):
        row = [0.0] * len(timers)
        for step in range(len(timers)):
            index = (first + round_number + step) % len(timers)
            row[index] = timers[index]()
        costs.append(row)
    return costs


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """Where the median would lie in 95 of 100 repetitions, whatever the runs' distribution is.

    The bounds are two of the sorted runs, chosen by the sign test: each run is below the true
    median as often as above it.
    """
    ordered = sorted(values)
    below = math.floor(len(ordered) / 2 - 0.98 * math.sqrt(len(ordered)))
    place = max(0, below)
    return ordered[place], ordered[-1 - place]


def includes_zero(values: Sequence[float]) -> bool:
    """Whether the runs do not tell a difference from none."""
    lower, upper = median_interval(values)
    return lower <= 0 <= upper
