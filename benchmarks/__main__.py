"""The command: ``python -m benchmarks [run|report|repeat] [--fast] [--only PART]``."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
import time
from pathlib import Path

from benchmarks import report
from benchmarks.measured import BUILD, PYTHON, BenchmarkError, Results


def _measure(part: str, *, fast: bool, folder: Path) -> Results:
    started = time.monotonic()
    if part in ("asgi", "wsgi", "adapters"):
        results: Results = importlib.import_module("benchmarks.rounds").run(part, fast=fast)
    else:
        results = importlib.import_module(f"benchmarks.{part}").run(fast=fast)
    results.about |= {"mode": "fast" if fast else "full", "took": round(time.monotonic() - started)}
    results.save(folder / f"{part}.json")
    print(f"\n{report.table(part, results)}\n", flush=True)
    return results


def main() -> int:
    """Run what the command line asks for, and return the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # So that servers are ended too.
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure Corsac and its peers, and print the goals with what was measured.",
        epilog="run: measure, and keep the results; report: rewrite the pages from them; "
        "repeat: send requests until the process is ended, for a profiler to watch.",
    )
    parser.add_argument("command", nargs="?", default="run", choices=["run", "report", "repeat"])
    parser.add_argument("--fast", action="store_true", help="to see that it works: 3 minutes")
    parser.add_argument("--only", nargs="+", choices=report.TABLES, help="run some parts only")
    parser.add_argument("--results", type=Path, help="where results go")
    arguments = parser.parse_args()
    results = arguments.results or (BUILD / "results" if arguments.fast else report.RESULTS)
    folder = results / PYTHON
    if arguments.command == "repeat":
        importlib.import_module("benchmarks.rounds").repeat()
    if arguments.command == "report":
        report.write()
        return 0
    measured: dict[str, Results] = {}
    status = 0
    for part in arguments.only or report.TABLES:
        try:
            measured[part] = _measure(part, fast=arguments.fast, folder=folder)
        except (BenchmarkError, ImportError) as error:
            # The other parts are worth having all the same.
            print(f"{part}: {error} (pip install '.[bench]')", file=sys.stderr)
            status = 1
    print(f"\n{report.goals(report.read_all(results))}")
    return status


if __name__ == "__main__":
    sys.exit(main())
