"""Time, instructions and allocations of the C++ core, beside jub0bs/cors, the Go library.

Three kinds of cases, all described in `core/cases.txt`, which both programs read:

- origin: the origin decision alone. `Policy::allows_origin` against the `Parse` and `Tree.Contains`
  of jub0bs/cors, which its handler calls. They are internal, so the program is built inside a copy
  of the module.
- request: for Corsac ten header lines read, the decision, and the headers of the answer as views;
  for jub0bs/cors its handler around an empty one. The two differ: Corsac's time includes picking
  its header lines out of all of them, which net/http has done before; jub0bs/cors' includes putting
  its headers into the response's map, which in Python is the work of the bindings. The time of an
  empty handler with the clearing of that map is in the table.
- build: making the policy, so that the count of allocations is seen to count.

Times are processor time of the thread, in both programs, so that other work on the machine only
disturbs the caches. The two run in turns; decisions of one run follow each other without a pause,
so a processor overlaps them. Instructions are counted by Callgrind as the difference between
running a case 100 and 400 times.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import tables
from benchmarks.paired import BenchmarkError, Spread, environment

ROOT = Path(__file__).parents[1]
SOURCES = Path(__file__).parent / "core"
BUILD = ROOT / "build" / "bench"
CASES = BUILD / "cases"
PROGRAM = BUILD / "benchmarks" / "core" / "core_benchmark"
PEER = "github.com/jub0bs/cors"

LISTED, UNLISTED = 1_000_000, 65_536
ROUNDS = {True: 5, False: 7}  # By quick.
LARGEST = {True: 100_000, False: LISTED}
MILLISECONDS = {True: 5, False: 20}  # What a case is timed for, in each round.

BARE = "bare handler"
HOSTILE_GOAL = 100
ORIGIN_GOALS = (
    ("1 origin", 15, "1 origin, listed [always the same]"),
    ("1 000 origins", 20, "1 000 origins, listed [1000 in turn]"),
    ("100 000 origins, 1 024 of them in turn", 30, "100 000 origins, listed [1024 in turn]"),
    ("100 000 origins, 65 536 of them in turn", 30, "100 000 origins, listed [65536 in turn]"),
)


def _environment() -> dict[str, str]:
    """The environment with the tools that pip installs beside this Python."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    # Go is not to fetch another Go of its own: that would be measured without anybody knowing.
    return {**os.environ, "PATH": path, "GOTOOLCHAIN": "local"}


def _run(command: Sequence[str | Path], *, cwd: Path, **variables: str) -> str:
    """The output of a command.

    Raises:
        BenchmarkError: It failed; the message has the end of what it said.
    """
    try:
        done = subprocess.run(  # noqa: S603 - the benchmark's own programs and compilers.
            command,
            cwd=cwd,
            env=_environment() | variables,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise BenchmarkError(f"cannot run {command[0]}: {error.strerror}") from None
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip()
        raise BenchmarkError(f"{Path(command[0]).name} failed:\n{said[-1500:]}")
    return done.stdout


def _find(tool: str) -> str | None:
    return shutil.which(tool, path=_environment()["PATH"])


def _build() -> None:
    """Configure and build the benchmark; only what has changed is built again."""
    for tool, hint in (
        ("cmake", "pip install cmake"),
        ("ninja", "pip install ninja"),
        ("c++", "install the Debian package g++"),
    ):
        if _find(tool) is None:
            raise BenchmarkError(f"the benchmark of the core needs {tool}: {hint}")
    _run(["cmake", "--preset", "bench"], cwd=ROOT)
    _run(["cmake", "--build", "--preset", "bench"], cwd=ROOT)


def _write_cases() -> None:
    """The cases with the origins that they are about: tenants of one service, in no order."""
    CASES.mkdir(parents=True, exist_ok=True)
    shutil.copy(SOURCES / "cases.txt", CASES)
    if (CASES / "unlisted.txt").exists():
        return
    generator = random.Random(1)  # noqa: S311 - always the same tenants.
    tenants = generator.sample(range(10_000_000), LISTED + UNLISTED)
    lines = [f"https://tenant-{tenant:07d}.example.com\n" for tenant in tenants]
    (CASES / "listed.txt").write_text("".join(lines[:LISTED]))
    (CASES / "unlisted.txt").write_text("".join(lines[LISTED:]))


def _build_peer() -> tuple[Path, str]:
    """Build the Go program inside a copy of the library's module.

    Returns:
        The program, and the version of the library.

    Raises:
        BenchmarkError: There is no Go, it is too old, or the module cannot be had.
    """
    if _find("go") is None:
        raise BenchmarkError("there is no go in the PATH: install Go 1.25 or newer")
    folder = BUILD / "go"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SOURCES / "go", folder / "pin")
    # A GOWORK of the environment may replace the module by a copy on this machine.
    module = json.loads(_run(["go", "list", "-m", "-json", PEER], cwd=folder / "pin"))
    version = module["Version"] + (", a local copy" if "Replace" in module else "")
    if "Replace" not in module:
        try:
            pinned = f"{PEER}@{version}"
            module = json.loads(_run(["go", "mod", "download", "-json", pinned], cwd=folder))
        except BenchmarkError as error:
            found = re.search(r'"Error": "(.*)"', str(error))
            reason = found[1] if found else str(error)
            raise BenchmarkError(f"Go cannot download {pinned}: {reason}") from None
    copy, program = folder / "module", folder / "core"
    shutil.copytree(module["Dir"], copy, copy_function=shutil.copyfile)
    for name, _, _ in os.walk(copy):
        Path(name).chmod(0o755)  # Go's cache is read-only, which its copy is not to be.
    (copy / "corsac_bench").mkdir(exist_ok=True)
    for source in (SOURCES / "go").glob("*.go"):
        shutil.copy(source, copy / "corsac_bench")
    build = [
        "go",
        "build",
        "-buildvcs=false",
        "-tags",
        "inside",
        "-o",
        str(program),
        "./corsac_bench",
    ]
    _run(build, cwd=copy, GOWORK="off")
    return program, version


def _time_core(largest: int, milliseconds: int) -> dict[str, dict[str, float]]:
    options = ["--benchmark_format=json", f"--benchmark_min_time={milliseconds / 1000}"]
    output = _run([str(PROGRAM), "time", str(CASES), str(largest), *options], cwd=ROOT)
    rows = {}
    for measured in json.loads(output)["benchmarks"]:
        ns = measured["cpu_time"] / measured["parts"]
        rows[measured["name"]] = {"ns": ns, "allocations": measured["allocations"]}
    return rows


def _time_peer(program: Path, largest: int, milliseconds: int) -> dict[str, dict[str, float]]:
    output = _run([program, CASES, str(largest), f"{milliseconds}ms"], cwd=ROOT)
    return {measured.pop("name"): measured for measured in map(json.loads, output.splitlines())}


def _count_instructions(largest: int) -> dict[str, float]:
    """Instructions of each case, each time that it is run."""
    if _find("valgrind") is None:
        print("no valgrind in the PATH, so no instructions: install the Debian package valgrind")
        return {}
    folder = BUILD / "callgrind"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    options = ["--instr-atstart=no", f"--callgrind-out-file={folder / 'out'}"]
    program = [str(PROGRAM), "instructions", str(CASES), str(largest)]
    _run(["valgrind", "--tool=callgrind", *options, *program], cwd=ROOT)
    counts: dict[str, dict[int, int]] = defaultdict(dict)
    for path in folder.glob("out.*"):
        text = path.read_text()
        label = re.search(r"^desc: Trigger: Client Request: (\d+) (.*)$", text, re.MULTILINE)
        total = re.search(r"^totals: (\d+)$", text, re.MULTILINE)
        if label and total:
            counts[label[2]][int(label[1])] = int(total[1])
    return {
        name: (of[max(of)] - of[min(of)]) / (max(of) - min(of))
        for name, of in counts.items()
        if len(of) == 2
    }


def _measure(
    peer: Path | None, *, quick: bool
) -> tuple[list[dict[str, Any]], dict[str, float] | None]:
    """The rows of all cases, and the time of the empty Go handler."""
    core_rounds: dict[str, list[dict[str, float]]] = defaultdict(list)
    peer_rounds: dict[str, list[dict[str, float]]] = defaultdict(list)
    largest, milliseconds = LARGEST[quick], MILLISECONDS[quick]
    for _ in range(ROUNDS[quick]):
        for name, measured in _time_core(largest, milliseconds).items():
            core_rounds[name].append(measured)
        if peer is not None:
            for name, measured in _time_peer(peer, largest, milliseconds).items():
                peer_rounds[name].append(measured)
    instructions = _count_instructions(largest)
    parts = _parts()
    bare = peer_rounds.pop(BARE, None)
    rows = []
    for name, core in core_rounds.items():
        theirs = peer_rounds.get(name)
        row: dict[str, Any] = {
            "case": name,
            "nanoseconds": Spread.of([one["ns"] for one in core]).as_dict(),
            "instructions": None,
            "allocations": max(one["allocations"] for one in core),
            "peer_nanoseconds": None,
            "peer_allocations": None,
            "peer_to_corsac": None,
        }
        if name in instructions:
            row["instructions"] = instructions[name] / parts.get(name, 1)
        if theirs is not None:
            row["peer_nanoseconds"] = Spread.of([one["ns"] for one in theirs]).as_dict()
            row["peer_allocations"] = max(one["allocations"] for one in theirs)
            ratios = [their["ns"] / our["ns"] for our, their in zip(core, theirs, strict=True)]
            row["peer_to_corsac"] = Spread.of(ratios).as_dict()
        rows.append(row)
    return rows, Spread.of([one["ns"] for one in bare]).as_dict() if bare else None


def _parts() -> dict[str, int]:
    """Into how many parts the instructions of a case are divided, where that is not one."""
    parts, name = {}, ""
    for line in (SOURCES / "cases.txt").read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word == "case":
            measure, _, title = rest.partition(" ")
            name = f"{measure}: {title}"
        elif word == "turns" and rest.endswith(" 1"):
            name += " [always the same]"
        elif word == "per":
            parts[name] = int(rest)
    return parts


def _overlap(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Whether the quartiles of two spreads leave open which is less."""
    return one["lower"] <= other["upper"] and other["lower"] <= one["upper"]


def _print_rows(rows: Sequence[Mapping[str, Any]], bare: Mapping[str, float] | None) -> None:
    cells = []
    for row in rows:
        ours, theirs, ratio = row["nanoseconds"], row["peer_nanoseconds"], row["peer_to_corsac"]
        instructions = row["instructions"]
        line = [row["case"], tables.spread(ours)]
        line += ["" if instructions is None else tables.number(instructions)]
        line += [f"{row['allocations']:g}"]
        if theirs:
            tilde = "~ " if _overlap(ours, theirs) else ""
            line += [tables.spread(theirs), f"{row['peer_allocations']:.0f}"]
            line += [f"{tilde}{ratio['median']:.2f}"]
        else:
            line += ["", "", ""]
        cells.append(line)
    header = ["case", "ns: median (quartiles)", "instructions", "allocations"]
    print(tables.text([*header, "jub0bs/cors, ns", "allocations", "ratio"], cells))
    print(
        "\nratio: jub0bs/cors to Corsac, the median of the rounds; ~: the quartiles overlap."
        "\nin turn: how many different origins ask one after the other."
    )
    if bare:
        spread = tables.spread(dict(bare))
        print(f"In each request of jub0bs/cors {spread} ns are an empty handler.")


def _goal(what: str, goal: str, row: Mapping[str, Any] | None, limit: float) -> dict[str, Any]:
    if row is None:
        return {"what": what, "goal": goal, "measured": "not measured", "met": None}
    spread = row["nanoseconds"]
    measured = f"{tables.spread(spread)} ns"
    if row["peer_nanoseconds"]:
        measured += f"; jub0bs/cors {tables.spread(row['peer_nanoseconds'])}"
    met = spread["median"] <= limit
    return {"what": what, "goal": goal, "measured": measured, "met": met}


def _goals(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    by_case = {row["case"]: row for row in rows}
    goals = [
        _goal(f"C++ core, origin decision, {what}", f"<= {ns} ns", by_case[f"origin: {case}"], ns)
        for what, ns, case in ORIGIN_GOALS
    ]
    hostile = [row for row in rows if "of 1 MiB" in row["case"]]
    for kind, what in (("origin", "the origin decision"), ("request", "a whole request")):
        slowest = max(
            (row for row in hostile if row["case"].startswith(kind)),
            key=lambda row: float(row["nanoseconds"]["median"]),
        )
        title = f"C++ core, 1 MiB of hostile Origin or request-headers, {what}, the slowest case"
        goals.append(_goal(title, f"<= {HOSTILE_GOAL} ns", slowest, HOSTILE_GOAL))
    most = max(row["allocations"] for row in rows if not row["case"].startswith("build"))
    built = min(row["allocations"] for row in rows if row["case"].startswith("build"))
    goals.append(
        {
            "what": "C++ core, heap allocations of any decision or request",
            "goal": "0",
            "measured": f"{most:g} (building a policy counts {built:g} or more)",
            "met": most == 0 and built > 0,
        }
    )
    return goals


def run(*, quick: bool) -> dict[str, object]:
    """Build both programs, run them in turns and print the table.

    Args:
        quick: Fewer and shorter rounds, and no million origins.

    Raises:
        BenchmarkError: A tool is missing, something cannot be built, or an answer is wrong.
    """
    about = environment()
    _build()
    _write_cases()
    peer, peers = None, {}
    try:
        peer, version = _build_peer()
        go_version = _run(["go", "env", "GOVERSION"], cwd=ROOT).strip()
        peers = {"jub0bs/cors": f"{version} ({go_version})"}
    except BenchmarkError as error:
        print(f"jub0bs/cors is NOT measured, its columns stay empty: {error}\n")
    compiler = _run(["c++", "--version"], cwd=ROOT).splitlines()[0]
    rows, bare = _measure(peer, quick=quick)
    _print_rows(rows, bare)
    return {
        "about": {**about, "peers": peers, "compiler": compiler, "clock": "processor time"},
        "rows": rows,
        "peer_bare_handler": bare,
        "goals": _goals(rows),
    }
