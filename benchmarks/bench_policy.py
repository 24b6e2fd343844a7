"""How long a policy takes to build, and how much memory it holds, by the number of its origins.

    python benchmarks/bench_policy.py [--repeats N] [--write]

Every row is measured in a process of its own. The numbers:

- seconds: `corsac.CORSPolicy(allow_origins=...)` by the wall clock, the caller's list made before;
  median, least and most of the repeats. "of them core" is the part inside the compiled core, the
  copying of the strings out of Python included. "cpu" is the median of the processor time of the
  same calls: on a busy machine it is the steadier number.
- bytes an origin: the growth of the resident memory (VmRSS, after a garbage collection and
  `malloc_trim`, so that what is free already is not counted), less the text of the origins counted
  once, divided by their number. `core`: only the compiled policy is kept. `policy`: all of the
  policy, on strings that the caller keeps anyway. `with strings`: the policy is all that keeps the
  strings, so Python's own objects count too, and so does the second copy of the text.
- computed: what the core's tables hold for each exact origin by their definition, 8 bytes for its
  place and 8 bytes for each slot of a table at most half full; `core` should be close to it,
  but for whole pages, which count for little where there are many origins.

Before anything is reported, a sample of listed origins must be allowed by the policy, and one of
look-alikes that are not listed must be refused.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import json
import logging
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import corsac
from corsac import _core

RESULTS = Path(__file__).parent / "results" / "policy.json"
ROWS = [("origins", 1_000), ("origins", 10_000), ("origins", 100_000), ("origins", 1_000_000)]
ROWS += [("patterns", 1_000)]
SAMPLE = 500

Row = dict[str, Any]


def entries(kind: str, count: int) -> Iterator[str]:
    """The entries of a policy: tenants of one service, as a list of a million comes about."""
    wildcard = "*." if kind == "patterns" else ""
    return (f"https://{wildcard}tenant-{index:07d}.example.com" for index in range(count))


def origin_reader(policy: corsac.CORSPolicy) -> Callable[[str], bool]:
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


def check_answers(policy: corsac.CORSPolicy, kind: str, count: int) -> int:
    """How many answers were looked at; exits if one of them is wrong."""
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
    allows = origin_reader(policy)
    wrong = [origin for origin in listed if not allows(origin)]
    wrong += [origin for origin in unlisted if allows(origin)]
    if wrong:
        sys.exit(f"{len(wrong)} wrong answers for {count} {kind}, the first for {wrong[0]}")
    return len(listed) + len(unlisted)


class CoreClock:
    """Stands in for `compile_policy` and notes how long the latest call took."""

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


def measure_time(kind: str, count: int, repeats: int) -> Row:
    """Builds the same policy many times; the first time, which warms up, is not counted."""
    clock = CoreClock()
    given = list(entries(kind, count))
    totals, cores, cpus = [], [], []
    checked = check_answers(corsac.CORSPolicy(allow_origins=given), kind, count)
    for _ in range(repeats):
        gc.collect()
        cpu, start = time.process_time(), time.perf_counter()
        policy = corsac.CORSPolicy(allow_origins=given)
        totals.append(time.perf_counter() - start)
        cpus.append(time.process_time() - cpu)
        cores.append(clock.seconds)
        del policy
    seconds = {
        name: {"median": statistics.median(values), "min": min(values), "max": max(values)}
        for name, values in (("total", totals), ("core", cores), ("cpu", cpus))
    }
    return {"seconds": seconds, "answers_checked": checked}


def resident() -> int:
    """Bytes of this process in memory, without what is free already."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    sys.exit("this system does not tell VmRSS")


def measure_memory(what: str, count: int) -> float:
    """Bytes an origin beyond its text; see the top of the file."""
    text = sum(map(len, entries("origins", count)))
    corsac.CORSPolicy(allow_origins=entries("origins", 100))  # Whatever is loaded late is, now.
    given = [] if what == "with_strings" else list(entries("origins", count))
    before = resident()
    policy = corsac.CORSPolicy(allow_origins=given or entries("origins", count))
    kept = policy._compiled if what == "core" else policy
    del policy
    growth = resident() - before
    del kept
    return (growth - text) / count


def computed_bytes(count: int) -> float:
    """What the core's tables hold for each exact origin beyond its text, by their definition."""
    slots = 1 << (2 * count - 1).bit_length()
    return 8 + 8 * slots / count


def in_fresh_process(*arguments: object) -> Any:
    """What a measuring function gives in a process of its own."""
    command = [sys.executable, __file__, "--measure", json.dumps(arguments)]
    return json.loads(subprocess.check_output(command))  # noqa: S603 - it is this file itself


MEASURES: dict[str, Callable[..., Any]] = {"time": measure_time, "memory": measure_memory}


def measure_row(kind: str, count: int, repeats: int) -> Row:
    """One line of the table."""
    row: Row = {"kind": kind, "count": count, **in_fresh_process("time", kind, count, repeats)}
    if kind == "origins":
        sizes = {
            what: in_fresh_process("memory", what, count)
            for what in ("core", "policy", "with_strings")
        }
        row["bytes_per_origin_beyond_text"] = sizes | {"computed": computed_bytes(count)}
    return row


def machine() -> Row:
    """The kind of machine, as far as the numbers depend on it."""
    cpu = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpu": cpu[0] if cpu else platform.machine(),
        "processors": os.cpu_count(),
        "load_average_at_start": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "corsac": corsac.__version__,
    }


def table_line(row: Row) -> str:
    """One row for people."""
    total, core, cpu = (row["seconds"][name] for name in ("total", "core", "cpu"))
    cells = [f"{row['count']:>9,} {row['kind']:<8}", f"{total['median']:8.4f}"]
    cells += [f"{total['min']:8.4f}", f"{total['max']:8.4f}", f"{core['median']:12.4f}"]
    cells += [f"{cpu['median']:8.4f}"]
    sizes = row.get("bytes_per_origin_beyond_text", {})
    names = ("core", "policy", "with_strings", "computed")
    cells += [f"{sizes[name]:>12.1f}" if sizes else f"{'-':>12}" for name in names]
    return " ".join(cells)


def main() -> None:
    """Measures all rows and prints them."""
    parser = argparse.ArgumentParser(description="Build time and memory of a policy.")
    parser.add_argument("--repeats", type=int, default=9, help="how often each policy is built")
    parser.add_argument("--write", action="store_true", help=f"write results/{RESULTS.name}")
    parser.add_argument("--measure", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        name, *rest = arguments.measure
        print(json.dumps(MEASURES[name](*rest)))
        return
    print(__doc__.partition("The numbers:\n\n")[2])
    report: Row = {"machine": machine(), "repeats": arguments.repeats, "rows": []}
    print(", ".join(f"{name} {value}" for name, value in report["machine"].items()), end="\n\n")
    print(
        f"{'':18} {'seconds':>26} {'of them core':>12} {'cpu':>8} "
        f"{'bytes an origin beyond its text':>51}"
    )
    print(
        f"{'':18} {'median':>8} {'least':>8} {'most':>8} {'median':>12} {'median':>8} "
        f"{'core':>12} {'policy':>12} {'with strings':>12} {'computed':>12}"
    )
    for kind, count in ROWS:
        row = measure_row(kind, count, arguments.repeats)
        report["rows"].append(row)
        print(table_line(row), flush=True)
    if arguments.write:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
