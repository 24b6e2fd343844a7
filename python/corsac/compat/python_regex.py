"""Expressions of Python's `re`, run by RE2 where that gives the same answer."""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable, Iterator

from corsac.errors import CORSConfigProblem

__all__ = ["fullmatch_of", "problems_of_python", "why_python_runs_it"]

PATTERN_CACHE_ENTRIES = 256
"""Compiled expressions that are kept; a program has a handful."""

# What both can read and RE2 understands in another way: counted repetitions without a minimum, a
# bracket inside of brackets, which RE2 takes for a class of characters, numbers after a backslash,
# and flags.
_READ_DIFFERENTLY = re.compile(r"\{,|\[[^\]]*\[|\[\]|\\[1-9]|\(\?[A-Za-z]*[aLmsux-]")


@functools.lru_cache(PATTERN_CACHE_ENTRIES)
def fullmatch_of(pattern: re.Pattern[str]) -> Callable[[str], object]:
    """Return what says whether a text matches as a whole: truthy, or not."""
    if why_python_runs_it(pattern) is not None:
        return pattern.fullmatch
    matches = _compile(pattern).fullmatch

    def fullmatch(text: str) -> object:
        # Classes such as \w and \s mean other characters to RE2 there, and no origin has any.
        return text.isascii() and text.isprintable() and matches(text)

    return fullmatch


@functools.lru_cache(PATTERN_CACHE_ENTRIES)
def why_python_runs_it(pattern: re.Pattern[str]) -> str | None:
    """Say why Python's `re` has to run an expression, which may take exponential time.

    It is a clause, or ``None`` if RE2 runs the expression.
    """
    try:
        if not pattern.pattern.isascii() or _READ_DIFFERENTLY.search(pattern.pattern):
            return "RE2 would read it differently"
        if pattern.flags & ~re.UNICODE & ~re.IGNORECASE:
            return "it has flags that RE2 does not have"
        _compile(pattern)
    except ImportError:
        return "google-re2 is not installed"
    except Exception:  # RE2's own error type is only known once it is imported.
        return "RE2 cannot read it"
    return None


def problems_of_python(pattern: re.Pattern[str] | None) -> Iterator[CORSConfigProblem]:
    """Report that Python's `re` runs an expression of ``allow_origin_regex``, if it does."""
    why = None if pattern is None else why_python_runs_it(pattern)
    if pattern is None or why is None:
        return
    missing = why == "google-re2 is not installed"
    yield CORSConfigProblem(
        "regex.extra_missing" if missing else "regex.python",
        "warning",
        "allow_origin_regex",
        pattern.pattern,
        f"Python's re runs it, since {why}: an Origin that is made for it may take for ever",
        "pip install 'corsac[re2]'"
        if missing
        else "write it without look-arounds, back-references and flags",
    )


def _compile(pattern: re.Pattern[str]) -> re.Pattern[str]:
    re2 = importlib.import_module("re2")
    if not hasattr(re2, "Options"):
        message = "the module re2 is not google-re2's"
        raise ImportError(message)
    options = re2.Options()
    options.log_errors = False  # RE2 would write to stderr.
    options.case_sensitive = not pattern.flags & re.IGNORECASE
    compiled: re.Pattern[str] = re2.compile(pattern.pattern, options)
    return compiled
