"""Drop-ins for other CORS libraries: the same names, options and answers, and a word on traps."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Collection, Iterable

from corsac.errors import CORSConfigProblem, log_warnings

__all__ = ["CORSConfigWarning", "warn_about"]


class CORSConfigWarning(UserWarning):
    """A configuration that does not do what it seems to do.

    Attributes:
        problem: What is wrong.
    """

    def __init__(self, problem: CORSConfigProblem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def warn_about(problems: Iterable[CORSConfigProblem], packages: Collection[str]) -> None:
    """Log the warnings among problems, and warn the first code above that is in no such package."""
    found = [problem for problem in problems if problem.severity == "warning"]
    log_warnings(found)
    level = 1
    frame = sys._getframe()
    packages = {"corsac", *packages}
    while frame.f_back is not None:
        frame = frame.f_back
        level += 1
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] not in packages:
            break
    for problem in found:
        warnings.warn(CORSConfigWarning(problem), stacklevel=level)
