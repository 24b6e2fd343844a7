"""What SECURITY.md promises is held by tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SECURITY = (CHECKOUT / "SECURITY.md").read_text()


def promises(heading: str) -> dict[str, list[str]]:
    """Return the rows of a table of promises: what is promised, the tests and commands."""
    table = SECURITY.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").rsplit("|", 1) for line in table.splitlines() if line.startswith("| ")]
    return {promise.strip(): re.findall(r"`([\w ]+)`", tests) for promise, tests in rows[1:]}


def test_every_promise_names_tests_that_exist() -> None:
    defined: set[str] = set()
    for path in CHECKOUT.glob("tests/*/test_*.py"):
        defined.update(re.findall(r"(?m)^(?:async )?def (test_\w+)", path.read_text()))
    for path in CHECKOUT.glob("tests/cpp/test_*.cpp"):
        defined.update(re.findall(r"(?m)^TEST(?:_[FP])?\(\w+,\s*(\w+)\)", path.read_text()))
    defined.update(re.findall(r"(?m)^# (make \w+) ", (CHECKOUT / "Makefile").read_text()))
    of_policies = promises("What a policy promises")
    assert len(of_policies) >= 12
    assert not any(test.startswith("make") for tests in of_policies.values() for test in tests)
    for promise, tests in (of_policies | promises("How a release comes about")).items():
        assert tests, promise
        assert set(tests) <= defined, (promise, set(tests) - defined)


def number_of(constant: str, code: str) -> float:
    """Return what the code says that a constant is: a number, or a sum of numbers and constants."""
    definition = (
        rf"(?m)^(?:inline constexpr [\w:]+ )?{constant} =\s+([\w. +]+?);?(?:\s+(?://|#).*)?$"
    )
    values = re.findall(definition, code)
    assert len(values) == 1, (constant, values)
    terms = values[0].split(" + ")
    return sum(number_of(term, code) if term[0].isalpha() else float(term) for term in terms)


def test_every_limit_is_the_one_of_the_code() -> None:
    table = SECURITY.split("## Limits")[1].split("\n## ")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| ")][1:]
    sources = [*CHECKOUT.glob("cpp/**/*.?pp"), *CHECKOUT.glob("python/corsac/**/*.py")]
    code = "\n".join(path.read_text() for path in sources)
    assert len(rows) >= 10
    for _, limit, constants, *_ in rows:
        named = re.findall(r"`(\w+)`", constants)
        assert named, limit
        said = [float(number) for number in re.findall(r"\d+", limit)]
        assert said == [number_of(constant, code) for constant in named], limit
