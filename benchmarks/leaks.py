"""Whether a request leaves anything behind: every kind of request, a million times each.

    python -m benchmarks.leaks [--requests N] [--only TEXT]

Before and after the repetitions, each time after a garbage collection, three things are read:

- the resident memory of the process, from `/proc/self/statm`, after `malloc_trim`, so that what is
  free already is not counted. It sees everything, but only as whole pages come and go.
- the blocks that Python's own allocator has handed out. It sees one object of Python, but nothing
  that C++ allocates.
- the references to what outlives the requests: the middleware, its types, the application, the
  policy, the request itself. A reference that is left behind takes no memory.

A kind that has grown beyond a bound is named, and the exit status is 1. Before it is repeated, each
kind has to come to what it is there for, such as an answer of 403.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import logging
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.leak_driver import Recorder, Subject, discard
from benchmarks.paired import BenchmarkError

if TYPE_CHECKING:
    from benchmarks.leak_kinds import Kind

DEFAULT_REQUESTS = 1_000_000

LEAST_REQUESTS = 20_000
"""With fewer, a leak of one small object a request would be lost in the bounds."""

WARM_UP = 10_000
"""Repetitions that are not counted. After them the caches of origins are full: they hold 4 096."""

MAX_RESIDENT_GROWTH = 512 * 1024
"""Bytes. Allocators keep some pages for later; a leak of 16 bytes in each of a million requests
takes thirty times as much."""

MAX_BLOCK_GROWTH = 200
"""Blocks of Python's allocator; the interpreter's own caches come and go."""

MAX_REFERENCE_GROWTH = 10
"""References to any one object; none should be left."""

STATM = Path("/proc/self/statm")


@dataclass(frozen=True)
class Growth:
    """What one kind of request has left behind.

    Attributes:
        requests: How many there were.
        resident: Bytes of the process in memory.
        blocks: Blocks of Python's own allocator.
        references: References to one of the objects that outlive a request, where it has most.
        holder: The type of that object.
        nanoseconds: What one of them took.
    """

    requests: int
    resident: int
    blocks: int
    references: int
    holder: str
    nanoseconds: float

    def complaints(self) -> list[str]:
        """What is beyond its bound."""
        found = []
        if self.resident > MAX_RESIDENT_GROWTH:
            found.append(f"{self.resident / self.requests:.1f} bytes a request")
        if self.blocks > MAX_BLOCK_GROWTH:
            found.append(f"{self.blocks / self.requests:.2f} objects a request")
        if self.references > MAX_REFERENCE_GROWTH:
            count = self.references / self.requests
            found.append(f"{count:.2f} references to a {self.holder} a request")
        return found


def measure(kind: Kind, requests: int) -> Growth:
    """Repeat one kind of request and see what is left.

    Args:
        kind: The kind.
        requests: How many, if the kind takes no share of them.

    Raises:
        BenchmarkError: The first one does not come to what it is there for.
    """
    subject = kind.prepare()
    recorder = Recorder()
    subject.step(recorder)
    if recorder.outcome() != kind.outcome:
        raise BenchmarkError(f"{kind.name}: {recorder.outcome()!r} came, not {kind.outcome!r}")
    count = max(1, round(requests * kind.share))
    _repeat(subject, WARM_UP)
    references = _references(subject)
    resident, blocks = _memory()
    began = time.perf_counter_ns()
    _repeat(subject, count)
    nanoseconds = time.perf_counter_ns() - began
    resident_after, blocks_after = _memory()
    grown = [after - before for after, before in zip(_references(subject), references, strict=True)]
    most = max(range(len(grown)), key=grown.__getitem__)
    return Growth(
        count,
        resident_after - resident,
        blocks_after - blocks,
        grown[most],
        type(subject.kept[most]).__name__,
        nanoseconds / count,
    )


def _repeat(subject: Subject, count: int) -> None:
    step = subject.step
    for _ in range(count):
        step(discard)


def _references(subject: Subject) -> list[int]:
    gc.collect()
    return [sys.getrefcount(kept) for kept in subject.kept]


def _memory() -> tuple[int, int]:
    """Resident bytes, and blocks of Python's allocator."""
    gc.collect()
    blocks = sys.getallocatedblocks()
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(STATM.read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE"), blocks


def measure_all(kinds: Iterable[Kind], requests: int) -> list[str]:
    """Measure kinds, print a table, and give the names of those that leave something behind."""
    print(
        f"Bounds: {MAX_RESIDENT_GROWTH // 1024} KiB resident, {MAX_BLOCK_GROWTH} blocks of "
        f"Python's allocator, {MAX_REFERENCE_GROWTH} references to one object.\n"
    )
    print(f"{'':43} {'requests':>10} {'KiB':>7} {'blocks':>7} {'references':>10} {'ns each':>8}")
    leaking = []
    for kind in kinds:
        growth = measure(kind, requests)
        complaints = growth.complaints()
        print(
            f"{kind.name:43} {growth.requests:>10,} {growth.resident // 1024:>+7,} "
            f"{growth.blocks:>+7,} {growth.references:>+10,} {growth.nanoseconds:>8,.0f}"
            + (f"  GROWS: {', '.join(complaints)}" if complaints else ""),
            flush=True,
        )
        leaking += [kind.name] if complaints else []
    return leaking


def _count(text: str) -> int:
    try:
        count = int(text)
    except ValueError:
        count = 0
    if count < LEAST_REQUESTS:
        raise argparse.ArgumentTypeError(f"a whole number from {LEAST_REQUESTS} is wanted")
    return count


def _select(only: str | None) -> list[Kind]:
    try:
        from benchmarks.leak_kinds import all_kinds  # noqa: PLC0415 - with a message if it fails.
    except ImportError as error:
        raise BenchmarkError(f"Corsac has to be installed, by pip install .: {error}") from None
    kinds = [kind for kind in all_kinds() if only is None or only in kind.name]
    if not kinds:
        raise BenchmarkError(f"no kind of request has {only!r} in its name")
    return kinds


def main() -> int:
    """Measure all that the command line asks for.

    Returns:
        The exit status: 0 if nothing grows, 1 if something does, 2 if it cannot be told.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.leaks",
        description="Repeat every kind of request and see whether anything is left behind.",
    )
    parser.add_argument(
        "--requests", type=_count, default=DEFAULT_REQUESTS, help="how many of each kind"
    )
    parser.add_argument("--only", metavar="TEXT", help="only the kinds with this in their names")
    arguments = parser.parse_args()
    # The log is written to, but to nowhere, so that its own memory is part of what is measured.
    logger = logging.getLogger("corsac")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    if not STATM.exists():
        print(f"{STATM} is missing: the leak test needs Linux", file=sys.stderr)
        return 2
    try:
        leaking = measure_all(_select(arguments.only), arguments.requests)
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 2
    if leaking:
        print(f"\n{len(leaking)} kinds of requests leave something behind.")
        return 1
    print("\nNo kind of request leaves anything behind.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
