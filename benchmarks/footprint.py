"""What Corsac takes: memory and time of large policies, time to import it, size of its files."""

from __future__ import annotations

import hashlib
import importlib.metadata
import time
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.footprint_imports import (
    NOTHING,
    installed_imports,
    interpreter_start,
    measure_imports,
)
from benchmarks.footprint_policies import KEPT, measure_policies
from benchmarks.paired import environment
from corsac import _core

WHEELS = Path(__file__).resolve().parents[1] / "build" / "dist"

MILLION = 1_000_000
GOAL_BYTES = 100
GOAL_SECONDS = 1
GOAL_MILLISECONDS = 10

QUICK_POLICIES = (("origins", 1_000, 3), ("origins", MILLION, 2))
FULL_POLICIES = (
    ("origins", 1_000, 15),
    ("origins", 10_000, 15),
    ("origins", 100_000, 15),
    ("origins", MILLION, 9),
    ("patterns", 1_000, 15),
)
QUICK_ROUNDS = 4
FULL_ROUNDS = 60


def run(*, quick: bool) -> dict[str, object]:
    """Measure everything, print it and give it back.

    Args:
        quick: Whether a few runs are enough.

    Raises:
        BenchmarkError: Something cannot be measured, or a policy answers wrongly.
    """
    began = time.monotonic()
    imports, missing = installed_imports()
    about = environment(peers=sorted({one.needs[1] for one in imports} - {"corsac"}))

    policies = []
    print("Policies: seconds to build one, and bytes for each origin beyond its text")
    print(
        f"{'':19} {'seconds: median (quartiles)':>31} {'of them core':>13} "
        f"{'core':>9} {'policy':>9} {'with strings':>13}"
    )
    for kind, count, repeats in QUICK_POLICIES if quick else FULL_POLICIES:
        policies.append(measure_policies(kind, count, repeats))
        _print_policy(policies[-1])
    print(
        "core: the compiled policy alone. policy: with its reference to each of the caller's "
        "strings.\nwith strings: with Python's strings themselves, where nothing else keeps them.\n"
    )

    rounds = QUICK_ROUNDS if quick else FULL_ROUNDS
    start = interpreter_start(rounds)
    rows = measure_imports(imports, rounds)
    print(
        f"Imports: milliseconds beyond the base, each in {rounds} fresh processes. An interpreter "
        f"alone takes {_spread_text(start)}."
    )
    print(f"{'':44} {'wall clock':>22} {'processor':>22} {'modules':>8}")
    for row in rows:
        _print_import(row)
    if missing:
        print(f"not installed and so not measured: pip install {' '.join(missing)}")
    _print_middleware_imports(rows)

    files = _file_sizes()
    _print_files(files)
    about |= {"mode": "quick" if quick else "full", "seconds": round(time.monotonic() - began)}
    start_row = {"import": "interpreter alone", "code": NOTHING, "milliseconds": start}
    return {
        "about": about,
        "rows": [
            *({"part": "policies", **row} for row in policies),
            *({"part": "imports", **row} for row in (start_row, *rows)),
            {"part": "files", **files},
        ],
        "goals": [*_policy_goals(policies), _import_goal(rows)],
    }


def _print_policy(row: Mapping[str, Any]) -> None:
    sizes = row.get("bytes_beyond_text", {})
    cells = (f"{sizes[kept]['median']:.1f}" if sizes else "-" for kept in KEPT)
    core, policy, with_strings = cells
    print(
        f"{row['count']:>10,} {row['kind']:<8} {_spread_text(row['seconds'], 4):>31} "
        f"{row['seconds_in_core']['median']:>13.4f} {core:>9} {policy:>9} {with_strings:>13}",
        flush=True,
    )


def _print_import(row: Mapping[str, Any]) -> None:
    print(
        f"{row['import']:44} {_spread_text(row['milliseconds']):>22} "
        f"{_spread_text(row['processor_milliseconds']):>22} {len(row['modules']):>8}"
    )


def _print_middleware_imports(rows: Sequence[Mapping[str, Any]]) -> None:
    """Say what a first middleware loads beyond what `import corsac` has loaded."""
    before = set(rows[0]["modules"])
    for row in rows[1:3]:
        late = sorted(set(row["modules"]) - before)
        print(f"loaded late by {row['import']}: {', '.join(late) or 'nothing'}")
    print()


def _spread_text(value: Mapping[str, float], digits: int = 1) -> str:
    median, lower, upper = (f"{value[name]:.{digits}f}" for name in ("median", "lower", "upper"))
    return f"{median} ({lower} to {upper})"


def _file_sizes() -> dict[str, Any]:
    """Bytes of what is installed, and of the wheel that it came from if that is still there."""
    extension = Path(_core.__file__ or "")
    files = importlib.metadata.files("corsac") or []
    own = [Path(str(file.locate())) for file in files if file.parts[0] == "corsac"]
    package = [path for path in own if path.suffix != ".pyc" and path.exists()]
    return {
        "extension_bytes": extension.stat().st_size,
        "package_bytes": sum(path.stat().st_size for path in package),
        "wheel_bytes": _wheel_size(extension),
    }


def _wheel_size(extension: Path) -> int | None:
    """Bytes of the wheel in `build/dist` that holds just this extension module."""
    wanted = hashlib.sha256(extension.read_bytes()).digest()
    for wheel in sorted(WHEELS.glob("corsac-*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            name = f"corsac/{extension.name}"
            if name in archive.namelist() and hashlib.sha256(archive.read(name)).digest() == wanted:
                return wheel.stat().st_size
    return None


def _print_files(files: Mapping[str, Any]) -> None:
    print("Files, KiB")
    print(f"extension module    {files['extension_bytes'] / 1024:>8,.0f}")
    print(f"installed package   {files['package_bytes'] / 1024:>8,.0f}  (without byte code)")
    wheel = files["wheel_bytes"]
    if wheel is None:
        print(
            "wheel                      ?  (not in build/dist: make demo builds and installs one)"
        )
    else:
        print(f"wheel               {wheel / 1024:>8,.0f}")
    print(flush=True)


def _policy_goals(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, object]]:
    row = next(row for row in rows if (row["kind"], row["count"]) == ("origins", MILLION))
    sizes = {kept: row["bytes_beyond_text"][kept]["median"] for kept in KEPT}
    seconds = row["seconds"]
    return [
        {
            "what": "1 000 000 exact origins, memory of the policy",
            "goal": f"<= {GOAL_BYTES} bytes an origin beyond its text",
            "measured": f"{sizes['policy']:.0f} bytes, {sizes['core']:.0f} of them in the core; "
            f"{sizes['with_strings']:.0f} where nothing else keeps Python's strings",
            "met": sizes["policy"] <= GOAL_BYTES,
        },
        {
            "what": "1 000 000 exact origins, building the policy",
            "goal": f"<= {GOAL_SECONDS} s",
            "measured": f"{_spread_text(seconds, 2).replace(' ', ' s ', 1)}",
            "met": seconds["median"] <= GOAL_SECONDS,
        },
    ]


def _import_goal(rows: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    value, processor = rows[0]["milliseconds"], rows[0]["processor_milliseconds"]
    return {
        "what": "import corsac",
        "goal": f"<= {GOAL_MILLISECONDS} ms beyond the interpreter's own start",
        "measured": _spread_text(value).replace(" ", " ms ", 1)
        + f"; {processor['median']:.1f} ms of processor time",
        "met": value["median"] <= GOAL_MILLISECONDS,
    }
