"""Examples of problem codes, and what reasons of the server mean: data of two tables."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any

from corsac.errors import CORSConfigError, CORSConfigProblem
from corsac.options.guard import Guard
from corsac.policy import CORSPolicy

__all__ = ["EXAMPLES", "MEANINGS", "example_problem"]


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((resources.files("corsac.cli") / name).read_text("utf-8"))


def _options(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give options as a policy takes them: the table of a guard becomes one."""
    return {name: Guard(**value) if name == "guard" else value for name, value in given.items()}


EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    code: _options(given) for code, given in _read("code_examples.toml").items()
}
"""Options of a policy that have the problem of a code; not of codes of what surrounds a policy."""

MEANINGS: Mapping[str, str] = _read("refusal_meanings.toml")
"""What the server's reasons for a refusal mean."""


def example_problem(code: str) -> CORSConfigProblem | None:
    """Make the policy of a code's example, and give the problem; ``None`` without one."""
    try:
        problems = CORSPolicy(**EXAMPLES[code]).problems if code in EXAMPLES else ()
    except CORSConfigError as error:
        problems = error.problems
    return next((problem for problem in problems if problem.code == code), None)
