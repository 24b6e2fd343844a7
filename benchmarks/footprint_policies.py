"""How long a policy takes to build, and how much memory it holds, by the number of its origins.

Every number comes from processes of their own, which run this module with the name of a measuring
function and its arguments as JSON.

Bytes are counted by the growth of the resident memory, after a garbage collection and
`malloc_trim`, so that what is free already is not counted, less the text of the origins counted
once. Three things can be meant by them:

- ``core``: the compiled policy alone is kept, which is what a request needs.
- ``policy``: all of the policy, on strings that the caller keeps anyway. Beyond the core it holds a
  reference to each.
- ``with_strings``: the policy is all that keeps the strings, so Python's own objects count too, and
  so does the second copy of the text.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import corsac
from benchmarks.paired import BenchmarkError, Spread
from corsac import _core

REPOSITORY = Path(__file__).resolve().parents[1]
KEPT = ("core", "policy", "with_strings")
SAMPLE = 500
TIME_LIMIT = 120
STATM = Path("/proc/self/statm")


def measure_policies(kind: str, count: int, repeats: int) -> dict[str, Any]:
    """One row of the table.

    Args:
        kind: ``"origins"`` for exact ones, ``"patterns"`` for those with a wildcard.
        count: How many of them.
        repeats: How often it is built; its memory is measured a third as often.

    Raises:
        BenchmarkError: A policy answered wrongly.
    """
    row: dict[str, Any] = {"kind": kind, "count": count}
    row |= _in_fresh_process("time_policy", kind, count, repeats)
    if kind == "origins":
        row["bytes_beyond_text"] = {
            kept: Spread.of(
                [
                    _in_fresh_process("weigh_policy", kept, count)
                    for _ in range(max(1, repeats // 3))
                ]
            ).as_dict()
            for kept in KEPT
        }
        row["computed_bytes_beyond_text"] = _computed_bytes(count)
    return row


def time_policy(kind: str, count: int, repeats: int) -> dict[str, Any]:
    """Build the same policy many times, after once to warm up and to look at its answers."""
    clock = _CoreClock()
    given = list(_entries(kind, count))
    checked = _check_answers(corsac.CORSPolicy(allow_origins=given), kind, count)
    totals, cores, processor = [], [], []
    for _ in range(repeats):
        gc.collect()
        before, start = time.process_time(), time.perf_counter()
        policy = corsac.CORSPolicy(allow_origins=given)
        totals.append(time.perf_counter() - start)
        processor.append(time.process_time() - before)
        cores.append(clock.seconds)
        del policy
    return {
        "seconds": Spread.of(totals).as_dict(),
        "seconds_in_core": Spread.of(cores).as_dict(),
        "processor_seconds": Spread.of(processor).as_dict(),
        "answers_checked": checked,
    }


def weigh_policy(kept: str, count: int) -> float:
    """Bytes an origin beyond its text; ``kept`` is one of `KEPT`."""
    text = sum(map(len, _entries("origins", count)))
    corsac.CORSPolicy(allow_origins=_entries("origins", 100))  # Whatever is loaded late is, now.
    given = [] if kept == "with_strings" else list(_entries("origins", count))
    before = _resident()
    policy = corsac.CORSPolicy(allow_origins=given or _entries("origins", count))
    held = policy._compiled if kept == "core" else policy
    del policy
    growth = _resident() - before
    del held
    return (growth - text) / count


def _entries(kind: str, count: int) -> Iterator[str]:
    """The entries of a policy: tenants of one service, as a list of a million comes about."""
    wildcard = "*." if kind == "patterns" else ""
    return (f"https://{wildcard}tenant-{index:07d}.example.com" for index in range(count))


def _computed_bytes(count: int) -> float:
    """What the core's tables hold for each exact origin by their definition.

    That is 8 bytes for its place and 8 bytes for each slot of a table at most half full. The
    measured `core` should be close to it, but for whole pages, which count where origins are few.
    """
    slots = 1 << (2 * count - 1).bit_length()
    return 8 + 8 * slots / count


def _check_answers(policy: corsac.CORSPolicy, kind: str, count: int) -> int:
    """How many answers were looked at: listed origins must be allowed, look-alikes refused."""
    listed = [f"https://tenant-{i:07d}.example.com" for i in range(0, count, -(-count // SAMPLE))]
    if kind == "patterns":
        unlisted = listed
        listed = [origin.replace("//", "//a.b.") for origin in listed]
    else:
        unlisted = [origin.replace("//", "//a.") for origin in listed]
    unlisted = unlisted + [
        other
        for origin in listed
        for other in (
            origin.replace("https", "http"),
            origin.replace("tenant-", "tenant-9"),
            f"{origin}:8443",
            f"{origin}.evil.test",
            origin.removesuffix("m"),
            origin.upper(),
        )
    ]
    logging.getLogger("corsac").disabled = True  # Every refusal is one that is wanted here.
    allows = _origin_reader(policy)
    wrong = [origin for origin in listed if not allows(origin)]
    wrong += [origin for origin in unlisted if allows(origin)]
    if wrong:
        sys.exit(f"{len(wrong)} wrong answers for {count} {kind}, the first for {wrong[0]}")
    return len(listed) + len(unlisted)


def _origin_reader(policy: corsac.CORSPolicy) -> Callable[[str], bool]:
    """A function that says whether the middleware lets an origin read a response."""
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    middleware = corsac.CORSMiddleware(app, policy)

    def allows(origin: str) -> bool:
        headers = [(b"origin", origin.encode())]
        scope = {"type": "http", "method": "GET", "path": "/", "headers": headers}
        # Nothing here waits for anything, so that one step is the whole exchange.
        call: Any = middleware(scope, receive, send)
        with contextlib.suppress(StopIteration):
            call.__await__().send(None)
        return (b"access-control-allow-origin", origin.encode()) in sent.pop()["headers"]

    return allows


class _CoreClock:
    """Stands in for `compile_policy` and notes how long the latest call took.

    The copying of the strings out of Python is part of it.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._compile = _core.compile_policy
        _core.compile_policy = self

    def __call__(self, **options: Any) -> Any:
        """Gives what the core gives."""
        start = time.perf_counter()
        result = self._compile(**options)
        self.seconds = time.perf_counter() - start
        return result


def _resident() -> int:
    """Bytes of this process in memory, without what is free already."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


_MEASURES: dict[str, Callable[..., Any]] = {
    measure.__name__: measure for measure in (time_policy, weigh_policy)
}


def _in_fresh_process(*arguments: object) -> Any:
    """What a measuring function gives in a process of its own."""
    if not STATM.exists():
        raise BenchmarkError(f"{STATM} is missing: memory is measured on Linux only")
    command = [sys.executable, "-m", __name__, json.dumps(arguments)]
    try:
        completed = subprocess.run(  # noqa: S603 - it is this module itself.
            command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=TIME_LIMIT
        )
    except subprocess.TimeoutExpired:
        raise BenchmarkError(f"{arguments} took longer than {TIME_LIMIT} seconds") from None
    if completed.returncode != 0:
        raise BenchmarkError(f"{arguments} failed:\n{completed.stderr}")
    return json.loads(completed.stdout)


if __name__ == "__main__":
    name, *rest = json.loads(sys.argv[1])
    print(json.dumps(_MEASURES[name](*rest)))
