"""The command: `python -m benchmarks [quick|full|report|plots] [--only PART]`."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from pathlib import Path

from benchmarks import report
from benchmarks.paired import BenchmarkError

# What a quick run measures is for looking at; the results that are kept are those of full runs.
_QUICK_RESULTS = Path(__file__).parents[1] / "build" / "benchmarks"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures Corsac and its peers, prints the tables and keeps the results.",
        epilog="quick: to see that everything works, results in build/benchmarks; full: results "
        "and pictures in benchmarks/results; report: rewrite benchmarks/README.md from them; "
        "plots: draw the pictures again.",
    )
    parser.add_argument(
        "mode", nargs="?", default="full", choices=["quick", "full", "report", "plots"]
    )
    parser.add_argument("--only", choices=report.PARTS, help="run one part only")
    parser.add_argument("--results", type=Path, help="where results go, instead of the above")
    return parser.parse_args()


def _run_part(name: str, mode: str, folder: Path) -> None:
    print(f"\n=== {name} ({mode})", flush=True)
    start = time.monotonic()
    try:
        part = importlib.import_module(f"benchmarks.{name}")
    except ModuleNotFoundError as error:
        raise BenchmarkError(
            f"the module {error.name} is missing: pip install '.[bench]' installs all that is used"
        ) from None
    result = part.run(quick=mode == "quick")
    result["about"] |= {"mode": mode, "seconds": round(time.monotonic() - start)}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")


def _draw(folder: Path, *, again: bool) -> None:
    try:
        plots = importlib.import_module("benchmarks.plots")
    except ModuleNotFoundError as error:
        raise BenchmarkError(
            f"the module {error.name} is missing: pip install '.[bench]' installs all that is used"
        ) from None
    for path in plots.draw(folder, flame=not again):
        print(f"drew {path}")


def _measure(mode: str, only: str | None, folder: Path) -> bool:
    measured = []
    failed = False
    for name in report.PARTS if only is None else (only,):
        try:
            _run_part(name, mode, folder)
            measured.append(name)
        except BenchmarkError as error:
            # The other parts are worth having all the same.
            print(f"{name}: {error}", file=sys.stderr)
            failed = True
    if mode == "full" and "asgi" in measured:
        try:
            _draw(folder, again=False)
        except BenchmarkError as error:
            print(f"pictures: {error}", file=sys.stderr)
            failed = True
    # What an earlier run left in the folder is not what was measured now.
    results = report.read(folder)
    report.print_goals({name: results[name] for name in measured})
    return failed


def main() -> int:
    """Run what the command line asks for, and return the exit status."""
    arguments = _arguments()
    kept = _QUICK_RESULTS if arguments.mode == "quick" else report.RESULTS
    folder = arguments.results or kept
    try:
        if arguments.mode == "report":
            report.write_readme()
            report.print_goals(report.read(report.RESULTS))
            return 0
        if arguments.mode == "plots":
            _draw(folder, again=True)
            return 0
        return int(_measure(arguments.mode, arguments.only, folder))
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
