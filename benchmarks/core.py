"""The C++ core without Python, beside Go's jub0bs/cors where Go is installed.

*Origin* is the origin decision alone, `Policy::allows_origin` against the `Parse` and
`Tree.Contains` of jub0bs/cors, which its handler calls. *Request* is ten header lines read, the
decision, and the headers of the answer as views. Times are processor time of the thread.
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
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import names
from benchmarks.measured import BUILD, ROOT, BenchmarkError, Results, about
from benchmarks.scenarios import browser_lines

PEER = "jub0bs/cors"
MODULE = "github.com/jub0bs/cors"
PROGRAM = BUILD / "benchmarks" / "core" / "core_benchmark"
GO_SOURCES = Path(__file__).parent / "core" / "go"
LISTED = 1_000_000
MEBIBYTE = 1 << 20
# The most origins, the rounds, and the milliseconds that each case has in a round.
FULL, FAST = (LISTED, 7, 20), (100_000, 2, 3)
# Coprime to every number of origins here, so that its multiples reach each of them once, in an
# order that no prefetcher knows.
_STRIDE = 2_654_435_761

_PUT = ("access-control-request-method", "PUT")


def _asking(text: str, size: int | None = None, lines: int = 1) -> list[tuple[str, str]]:
    """The lines of a preflight request for a PUT: the text over and over, so many bytes of it."""
    value = text if size is None else (text * size)[:size]
    return [_PUT, *[("access-control-request-headers", value)] * lines]


@dataclass
class Cases:
    """The cases as both programs read them, and the origins that they are about."""

    listed: list[str]
    unlisted: list[str]
    policies: list[dict[str, Any]] = field(default_factory=list)
    cases: list[dict[str, Any]] = field(default_factory=list)

    def policy(self, listed: int = 0, entries: Sequence[str] = (), **options: Any) -> None:
        """What the cases up to the next policy are decided by."""
        policy = {"listed": listed, "entries": entries, "methods": [], "headers": []}
        self.policies.append({**policy, "credentials": True, **options})

    def case(
        self,
        measure: str,
        title: str,
        turns: Sequence[str] = (),
        lines: Sequence[tuple[str, str]] = (),
        expect: str = "allowed",
    ) -> None:
        """One case: the origins that ask in turn, and the lines beside a browser's."""
        turn_text = f" [{len(turns)} in turn]" if len(turns) > 1 else ""
        wire = browser_lines(((b"origin", b""),) if turns else ())
        browser = [(name.decode(), text.decode()) for name, text in wire]
        case = {
            "name": f"{measure}: {title}{turn_text}",
            "measure": measure,
            "policy": len(self.policies) - 1,
            "method": "OPTIONS" if _PUT in lines else "GET",
            "lines": [*browser, *lines],
            # Beyond the last line where nothing is exchanged.
            "origin_line": browser.index(("origin", "")) if turns else len(browser) + len(lines),
            "turns": turns,
            "expect": expect,
        }
        self.cases.append(case)

    def both(self, title: str, turns: Sequence[str], expect: str = "allowed") -> None:
        """A decision and a whole request."""
        for measure in ("origin", "request"):
            self.case(measure, title, turns, expect=expect)

    def in_turn(self, among: int, turns: int) -> list[str]:
        """So many of the first listed origins."""
        return [self.listed[turn * _STRIDE % among] for turn in range(turns)]


def all_cases(largest: int) -> Cases:
    """Every case whose policy has at most so many origins; always the same."""
    generator = random.Random(1)  # noqa: S311 - always the same tenants.
    tenants = generator.sample(range(10_000_000), LISTED + 1024)
    origins = [f"https://tenant-{tenant:07d}.example.com" for tenant in tenants]
    made = Cases(origins[:largest], origins[LISTED:])
    one, refused = origins[:1], "refused"
    made.policy(1, methods=["PUT", "PATCH"], headers=["authorization", "content-type"])
    made.case("request", "no Origin", expect="none")
    usual = _asking("authorization,content-type")
    made.case("request", "preflight, listed", one, usual)
    made.case("request", "preflight, origin not listed", made.unlisted, usual, expect=refused)
    made.both("hostile: an Origin of 1 MiB", ["a" * MEBIBYTE], expect=refused)
    made.case(
        "request",
        "hostile: preflight, an Origin of 1 MiB",
        ["a" * MEBIBYTE],
        [_PUT],
        expect=refused,
    )
    hostile = {
        "1 MiB in one line": _asking("a", MEBIBYTE),
        "1 MiB in 8 lines": _asking("a", MEBIBYTE // 8, lines=8),
        "1 MiB of short names": _asking("a,", MEBIBYTE),
        "8 000 empty members": _asking(",", 8_000),
    }
    for title, lines in hostile.items():
        name = f"hostile: preflight, request-headers of {title}"
        made.case("request", name, one, lines)
    for count in (1, 4, 1_000, 100_000, 1_000_000):
        if count <= largest:
            title = "1 origin" if count == 1 else f"{count:,} origins".replace(",", " ")
            made.policy(count)
            for turns in sorted({1, min(count, 1024), min(count, 65_536)}):
                made.both(f"{title}, listed", made.in_turn(count, turns))
            made.both(f"{title}, not listed", made.unlisted, expect=refused)
    for count, title in ((1, "1 pattern"), (100, "100 patterns")):
        made.policy(entries=[origin.replace("://", "://*.") for origin in origins[:count]])
        below = [one.replace("://", "://shop.eu.") for one in made.in_turn(count, count)]
        made.both(f"{title}, matching", below)
        made.both(f"{title}, not matching", made.unlisted, expect=refused)
    made.policy(entries=["*"], credentials=False)
    made.case("request", "any origin", made.in_turn(1024, 1024), expect="any")
    made.policy(1_000, methods=["*"], headers=["*"])
    four = _asking("authorization,content-type,x-csrf-token,x-request-id")
    made.case("request", "preflight, echo of 4 names", made.in_turn(1_000, 1_000), four)
    hostile["as many bytes as are read"] = _asking("a", 8_191)
    for title, lines in hostile.items():
        made.case("request", f"hostile: echo, request-headers of {title}", one, lines)
    return made


def _run(command: Sequence[str | Path], *, cwd: Path = ROOT, **variables: str) -> str:
    """The output of a command; one that fails is a `BenchmarkError` with what it said."""
    # The tools that pip installs are beside this Python. Go is not to fetch another Go of its own:
    # that would be measured without anybody knowing.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "GOTOOLCHAIN": "local", **variables}
    if shutil.which(command[0], path=path) is None:
        raise BenchmarkError(f"{command[0]} is missing")
    done = subprocess.run(  # noqa: S603 - the benchmark's own programs and compilers.
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip()
        raise BenchmarkError(f"{Path(command[0]).name} failed:\n{said[-1500:]}")
    return done.stdout


def _build_peer() -> tuple[Path, str]:
    """Build the Go program inside a copy of the library's module; gives its version too."""
    folder = BUILD / "go"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(GO_SOURCES, folder / "pin")
    _run(["go", "mod", "download", MODULE], cwd=folder / "pin")
    module = json.loads(_run(["go", "list", "-m", "-json", MODULE], cwd=folder / "pin"))
    copy = folder / "module"
    shutil.copytree(module["Dir"], copy, copy_function=shutil.copyfile)
    for name, _, _ in os.walk(copy):
        Path(name).chmod(0o755)  # Go's cache is read-only, which its copy is not to be.
    (copy / "corsac_bench").mkdir()
    shutil.copy(GO_SOURCES / "main.go", copy / "corsac_bench")
    build = ["go", "build", "-buildvcs=false", "-o", str(folder / "core"), "./corsac_bench"]
    _run(build, cwd=copy, GOWORK="off")
    return folder / "core", f"{module['Version']} ({_run(['go', 'env', 'GOVERSION']).strip()})"


def _count_instructions(cases: Path) -> dict[str, float]:
    """Instructions of each case, each time that it is run."""
    folder = BUILD / "callgrind"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    options = ["--instr-atstart=no", f"--callgrind-out-file={folder / 'out'}"]
    _run(["valgrind", "--tool=callgrind", *options, PROGRAM, cases, "0"])
    counts: dict[str, list[int]] = defaultdict(list)
    # In the order in which they were written: first the fewer runs, then the more.
    for path in sorted(folder.glob("out.*"), key=lambda path: int(path.suffix[1:])):
        found = re.search(
            r"^desc: Trigger: Client Request: ([^\n]*)$.*^totals: (\d+)$",
            path.read_text(),
            re.M | re.S,
        )
        if found:
            counts[found[1]].append(int(found[2]))
    return {name: (more - fewer) / 300 for name, (fewer, more) in counts.items()}


def run(*, fast: bool) -> Results:
    """Build both programs, which check their answers, and run them in turns."""
    _run(["cmake", "--preset", "bench"])
    _run(["cmake", "--build", "--preset", "bench"])
    largest, rounds, milliseconds = FAST if fast else FULL
    made = all_cases(largest)
    path = BUILD / "cases.json"
    path.write_text(json.dumps(vars(made)))
    peer, more = None, {"compiler": _run(["c++", "--version"]).splitlines()[0]}
    try:
        peer, more[f"{PEER} version"] = _build_peer()
    except BenchmarkError as error:
        print(f"{PEER} is NOT measured: {error}\n")
    instructions = {}
    try:
        instructions = _count_instructions(path)
    except BenchmarkError as error:
        print(f"instructions are NOT counted: {error}\n")
    results = Results(about("corsac", **more))
    for number in range(rounds):
        print(f"core: round {number + 1} of {rounds}", flush=True)
        for subject, program in ((names.CORSAC, PROGRAM), (PEER, peer)):
            lines = _run([program, path, str(milliseconds)]).splitlines() if program else []
            for row in map(json.loads, lines):
                measure, title = row["name"].split(": ", 1)
                counted = instructions.get(row["name"]) if subject == names.CORSAC else None
                remark = f"{counted:.0f} instructions" if counted else ""
                results.add((measure, title, subject), [row["ns"] / 1e9], remark=remark)
    return results
