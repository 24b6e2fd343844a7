"""What the program that breaks the core on purpose makes of the fates of its mutants."""

from __future__ import annotations

import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest

import mutants


@pytest.mark.parametrize("counts", [{}, {"no program": 20}, {"explained": 3}])
def test_a_run_that_tries_no_mutant_is_a_failure(counts: dict[str, int]) -> None:
    lines, status = mutants.verdict(Counter(counts))
    assert (len(lines), status) == (1, 1)
    assert f"No mutant was tried: {counts.get('no program', 0)} do not compile" in lines[0]


def test_mutants_that_do_not_end_are_killed_and_are_counted_apart() -> None:
    lines, status = mutants.verdict(Counter({"killed": 94, "killed by time-out": 1, "survived": 5}))
    assert status == 0
    assert len(lines) == 1
    assert "95 of 100 mutants killed (95.0%), 1 of them by time-out" in lines[0]
    assert mutants.verdict(Counter({"killed": 94, "survived": 6}))[1] == 1


@pytest.mark.parametrize(
    ("outcome", "said"), [("no program", "do not compile"), ("killed by time-out", "did not end")]
)
def test_more_than_a_few_that_were_not_tried_are_named(outcome: str, said: str) -> None:
    assert len(mutants.verdict(Counter({"killed": 95, outcome: 5}))[0]) == 1
    lines, status = mutants.verdict(Counter({"killed": 94, outcome: 6}))
    assert status == 0
    assert len(lines) == 2
    assert f"6.0% {said}" in lines[1]


@pytest.mark.parametrize(
    ("counts", "unjudged"),
    [
        ({"killed by time-out": 300}, "100.0%"),
        ({"killed by time-out": 1, "explained": 299}, "100.0%"),
        ({"no program": 299, "killed": 1}, "99.7%"),
        ({"no program": 26, "killed by time-out": 25, "killed": 49}, "51.0%"),
    ],
)
def test_a_run_most_of_which_no_test_judged_is_a_failure(
    counts: dict[str, int], unjudged: str
) -> None:
    lines, status = mutants.verdict(Counter(counts))
    assert "(100.0%)" in lines[0]
    assert (lines[-1], status) == (f"No test judged {unjudged}: the score says nothing", 1)


def test_a_run_half_of_which_no_test_judged_is_none() -> None:
    half = Counter({"no program": 25, "killed by time-out": 25, "killed": 50, "explained": 9})
    lines, status = mutants.verdict(half)
    assert status == 0
    assert [line for line in lines if "judged" in line] == []


@pytest.mark.parametrize(
    ("programs", "fate"),
    [
        ([0] * 6, "survived"),
        ([0, 1], "killed"),
        ([-signal.SIGABRT], "killed"),
        ([0, -signal.SIGKILL], "killed by time-out"),
        ([0, None], "killed by time-out"),
    ],
)
def test_the_programs_say_what_becomes_of_a_mutant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, programs: list[int | None], fate: str
) -> None:
    statuses = iter(programs)

    def run(*command: object, **_: object) -> subprocess.CompletedProcess[str]:
        status = next(statuses)
        if status is None:
            raise subprocess.TimeoutExpired("program", 1)
        return subprocess.CompletedProcess("program", status, "")

    workshop = object.__new__(mutants.Workshop)
    workshop.folder = workshop.build = tmp_path
    monkeypatch.setattr(workshop, "_run", run)
    assert workshop.outcome() == fate
    assert next(statuses, "none is left") == "none is left"


def test_a_change_of_some_lines_draws_the_same_mutants_of_all_others() -> None:
    found = [mutants.Mutant("a.cpp", line, 8, " < ", " <= ") for line in range(1, 101)]
    lines = [f"if (a < {line}) return;" for line in range(1, 101)]
    drawn = mutants.some_of(found, 30, 1, {"a.cpp": lines})
    assert len(set(drawn)) == 30
    assert drawn == sorted(drawn)
    assert mutants.some_of(found, 30, 2, {"a.cpp": lines}) != drawn
    assert mutants.some_of(found, 300, 1, {"a.cpp": lines}) == found

    moved = [mutants.Mutant("a.cpp", line, 8, " < ", " <= ") for line in range(4, 104)]
    again = mutants.some_of(moved, 30, 1, {"a.cpp": ["", "// More.", "", *lines]})
    assert [mutant.line - 3 for mutant in again] == [mutant.line for mutant in drawn]


@pytest.mark.parametrize("file", mutants.FILES)
def test_every_mutant_changes_one_line_of_its_file(file: str) -> None:
    source = (mutants.ROOT / file).read_text()
    for mutant in mutants.mutants_of(file):
        changed = mutant.applied_to(source)
        lines = zip(source.split("\n"), changed.split("\n"), strict=True)
        differ = [number for number, (old, new) in enumerate(lines, start=1) if old != new]
        assert differ == [mutant.line]
