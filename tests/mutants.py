"""Break the core on purpose, one place at a time, and see whether the C++ tests notice.

A mutant is the core with one small change: `<` for `<=`, `true` for `false`, a call left out. It is
killed when a test fails, does not end or does not get through the seeds of the fuzz targets; those
that do not end, or that want more memory than there is, are counted apart. One that survives is a
line that no test holds, or a change that means the same; the latter are listed with their reason in
`mutants.toml` beside this file, and are not counted.

    python tests/mutants.py                      300 mutants of the files that decide who is let in
    python tests/mutants.py --all                every one of them
    python tests/mutants.py --count 50 --seed 7 cpp/src/guard.cpp

Exit status 1: fewer than 95 of 100 were killed, or more than half did not compile or did not end.
If more than 5 of 100 did not, that is said: a busy machine may be the cause. Needs cmake, ninja,
GoogleTest and nlohmann-json.
"""

import argparse
import collections
import concurrent.futures
import dataclasses
import hashlib
import os
import queue
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = (
    "cpp/src/cors_protocol.cpp",
    "cpp/src/guard.cpp",
    "cpp/src/guard_rules.cpp",
    "cpp/src/host.cpp",
    "cpp/src/host_set.cpp",
    "cpp/src/origin.cpp",
    "cpp/src/origin_list.cpp",
    "cpp/src/origin_set.cpp",
    "cpp/src/path_rules.cpp",
)
COPIED = (
    "CMakeLists.txt",
    "CMakePresets.json",
    "cpp",
    "tests/cpp",
    "tests/fuzz",
    "tests/conformance",
)
REPLAYED = ("origin", "pattern", "origin_set", "request_headers", "exchange")
GOAL = 0.95
MOST_UNTRIED = 0.05
"""Share of mutants from which on it is said that they did not compile, or did not end."""
MOST_UNJUDGED = 0.5
"""The same of those that are not explained, all together, beyond which a run is a failure."""
KILLED, UNENDED, SURVIVED = "killed", "killed by time-out", "survived"
EXPLAINED, NO_PROGRAM = "explained", "no program"
SECONDS_PER_PROGRAM = 60

# What is looked for in code without comments and strings, and what stands there afterwards. The
# spaces are clang-format's: a `<` without them opens a template's arguments.
CHANGES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"&&", "||"),
        (r" \|\| ", " && "),
        (r"==", "!="),
        (r"!=", "=="),
        (r" < ", " <= "),
        (r" <= ", " < "),
        (r" > ", " >= "),
        (r" >= ", " > "),
        (r" \+ ", " - "),
        (r" - ", " + "),
        (r" \+= ", " -= "),
        (r"\btrue\b", "false"),
        (r"\bfalse\b", "true"),
        (r"(?<![\w=!'.])!(?=[\w(])", ""),
        (r"\bcontinue;", "break;"),
        (r"(?<![\w.'])\d+(?![\w.'])", "+1"),
        (r"^\s*(?!return\b|co_|throw\b|delete\b|using\b)[\w.:>-]+\([^{}]*\);$", ";"),
    )
)


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Mutant:
    """One change of one file."""

    file: str
    line: int  # from 1
    start: int  # in that line
    before: str
    after: str

    def applied_to(self, source: str) -> str:
        """Return the file's text with the change made."""
        lines = source.split("\n")
        text = lines[self.line - 1]
        assert text[self.start :].startswith(self.before)
        end = self.start + len(self.before)
        lines[self.line - 1] = text[: self.start] + self.after + text[end:]
        return "\n".join(lines)


def without_comments_and_strings(source: str) -> str:
    """Return the source with blanks where nothing is to be changed, each character in its place.

    That is also what only the compiler runs, to check a table: it stays right if less is checked.
    """

    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match[0])

    return re.sub(
        r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'|^\s*#[^\n]*|\bstatic_assert\b[^;]*;'
        r"|^consteval bool\b.*?^}",
        blank,
        source,
        flags=re.DOTALL | re.MULTILINE,
    )


def mutants_of(file: str) -> Iterator[Mutant]:
    """Yield every change that may be made in a file."""
    source = (ROOT / file).read_text()
    searched = without_comments_and_strings(source).split("\n")
    for number, (whole, line) in enumerate(zip(source.split("\n"), searched, strict=True), start=1):
        for pattern, replacement in CHANGES:
            for found in pattern.finditer(line):
                after = str(int(found[0]) + 1) if replacement == "+1" else replacement
                before = whole[found.start() : found.end()]
                yield Mutant(file, number, found.start(), before, after)


class Workshop:
    """A copy of the core and its tests, where mutants are built and tried one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.build = folder / "build"
        for name in (*COPIED, "python/corsac/_version.py"):
            source = ROOT / name
            files = [source] if source.is_file() else [f for f in source.rglob("*") if f.is_file()]
            for file in files:
                target = folder / file.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                # What is as it was keeps its time, so that it is not compiled again.
                if not target.exists() or target.read_bytes() != file.read_bytes():
                    target.write_bytes(file.read_bytes())
        configured = self._run(
            "cmake", "-S", folder, "-B", self.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
            "-DCMAKE_CXX_FLAGS=-O0 -g0", "-DCORSAC_BUILD_BINDINGS=OFF", "-DCORSAC_BUILD_TESTS=ON",
        )  # fmt: skip
        if configured.returncode:
            raise SystemExit(configured.stdout)

    def _run(self, *command: str | Path, seconds: int = 1800) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )

    def built(self) -> bool:
        """Build the programs; say whether they could be."""
        return self._run("cmake", "--build", self.build).returncode == 0

    def outcome(self) -> str:
        """Run the programs, and say what becomes of the core that they were built with."""
        programs: list[tuple[str | Path, ...]] = [
            (self.build / "tests/cpp/corsac_tests", "--gtest_fail_fast", "--gtest_brief=1")
        ]
        programs += [
            (self.build / f"tests/fuzz/replay_{name}", self.folder / f"tests/fuzz/corpus/{name}")
            for name in REPLAYED
        ]
        for program in programs:
            try:
                status = self._run(*program, seconds=SECONDS_PER_PROGRAM).returncode
            except subprocess.TimeoutExpired:
                return UNENDED
            if status == -signal.SIGKILL:  # The system's, for want of memory.
                return UNENDED
            if status:
                return KILLED
        return SURVIVED

    def fate_of(self, mutant: Mutant) -> str:
        """Say what became of a mutant: that of its programs, or that it is none."""
        path = self.folder / mutant.file
        original = path.read_text()
        path.write_text(mutant.applied_to(original))
        try:
            if not self.built():
                return NO_PROGRAM
            return self.outcome()
        finally:
            path.write_text(original)


def explained(mutant: Mutant, line: str, reasons: list[dict[str, str]]) -> bool:
    """Say whether `mutants.toml` explains why nobody can notice a mutant."""
    return any(
        (reason["file"], reason["line"], reason["before"].strip(), reason["after"].strip())
        == (mutant.file, line.strip(), mutant.before.strip(), mutant.after.strip())
        for reason in reasons
    )


def some_of(
    found: list[Mutant], count: int, seed: int, lines: dict[str, list[str]]
) -> list[Mutant]:
    """Draw by what a mutant changes: other lines of a file, before it or after it, do not count."""

    def lot(mutant: Mutant) -> bytes:
        line = lines[mutant.file][mutant.line - 1].strip()
        what = (seed, mutant.file, line, mutant.start, mutant.before, mutant.after)
        return hashlib.sha256(repr(what).encode()).digest()

    return sorted(sorted(found, key=lot)[:count])


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("files", nargs="*", default=FILES, help="files of the core")
    parser.add_argument("--all", action="store_true", help="try every mutant")
    parser.add_argument("--count", type=int, default=300, help="how many are drawn (300)")
    parser.add_argument("--seed", type=int, default=1, help="of the draw (1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at a time")
    return parser.parse_args()


def verdict(counts: collections.Counter[str]) -> tuple[list[str], int]:
    """Say how many mutants were killed; gives the lines and the exit status."""
    killed = counts[KILLED] + counts[UNENDED]
    judged = killed + counts[SURVIVED]
    if not judged:
        return [f"No mutant was tried: {counts[NO_PROGRAM]} do not compile"], 1
    score = killed / judged
    said = [
        f"{killed} of {judged} mutants killed ({score:.1%}), {counts[UNENDED]} of them by time-out"
        f" or for want of memory; besides {counts[EXPLAINED]} that mean the same"
        f" (tests/mutants.toml) and {counts[NO_PROGRAM]} that do not compile"
    ]
    for outcome, what in ((NO_PROGRAM, "do not compile"), (UNENDED, "did not end")):
        share = counts[outcome] / counts.total()
        if share > MOST_UNTRIED:
            said.append(f"That {share:.1%} {what} is much: the score says less")
    unjudged = (counts[NO_PROGRAM] + counts[UNENDED]) / (counts.total() - counts[EXPLAINED])
    if unjudged > MOST_UNJUDGED:
        said.append(f"No test judged {unjudged:.1%}: the score says nothing")
    return said, 0 if score >= GOAL and unjudged <= MOST_UNJUDGED else 1


def main() -> int:
    """Try the mutants that the command line asks for, and say how many were killed."""
    asked = arguments()
    reasons = tomllib.loads((ROOT / "tests/mutants.toml").read_text()).get("mutant", [])
    found = sorted({mutant for file in asked.files for mutant in mutants_of(file)})
    lines = {file: (ROOT / file).read_text().split("\n") for file in asked.files}
    drawn = found if asked.all else some_of(found, asked.count, asked.seed, lines)

    workshops: queue.Queue[Workshop] = queue.Queue()
    for number in range(asked.jobs):
        workshop = Workshop(ROOT / "build/mutants" / str(number))
        if not workshop.built() or workshop.outcome() != SURVIVED:
            raise SystemExit("The core as it is does not build, or does not pass its tests.")
        workshops.put(workshop)

    def fate(mutant: Mutant) -> str:
        workshop = workshops.get()
        try:
            return workshop.fate_of(mutant)
        finally:
            workshops.put(workshop)

    print(f"{len(drawn)} of {len(found)} mutants, seed {asked.seed}", flush=True)
    counts: collections.Counter[str] = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(asked.jobs) as pool:
        for mutant, outcome in zip(drawn, pool.map(fate, drawn), strict=True):
            line = lines[mutant.file][mutant.line - 1]
            if outcome == SURVIVED and explained(mutant, line, reasons):
                outcome = EXPLAINED  # noqa: PLW2901
            counts[outcome] += 1
            if outcome == SURVIVED:
                print(
                    f"survived: {mutant.file}:{mutant.line}: {mutant.before!r} -> {mutant.after!r}"
                    f" in: {line.strip()}",
                    flush=True,
                )
    lines_of_verdict, status = verdict(counts)
    print("\n".join(lines_of_verdict))
    return status


if __name__ == "__main__":
    sys.exit(main())
