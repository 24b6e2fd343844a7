"""Libraries that have no wheel for every Python: what needs one that is not there is left out.

`.ci/pythons` names them in `CORSAC_WITHOUT`. A library that is not named there is a failure if it
is missing, and so is one for which more is left out than ever needed it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

import pytest

import corsac.cli

MODULES = {
    "ada-url": {"ada_url"},
    "gevent": {"gevent"},
    "google-re2": {"re2"},
    "granian": {"granian"},
    "litestar": {"litestar"},
    "mcp": {"mcp"},
    "myst-parser": {"myst_parser", "yaml"},  # PyYAML comes with it.
}

MOST_FILES = {
    "ada-url": 55,
    "gevent": 4,
    "google-re2": 18,
    "granian": 4,
    "litestar": 4,
    "mcp": 4,
    "myst-parser": 4,
}
"""In how many files of tests something is left out for each, and some more that may be written.

One is skipped whole if it cannot be imported, so tests are not counted. A module of ours that asks
for a library which it could do without would have far more of them skipped, and none fail.
"""

_WITHOUT = os.environ.get("CORSAC_WITHOUT", "")

runs_the_command_line = pytest.mark.skipif(
    "ada-url" in _WITHOUT.split(),
    reason="ada-url has no wheel for this Python",
)
"""Marks a test that runs the command line in a process of its own."""


def left_out(error: BaseException | None, named: str = _WITHOUT) -> str | None:
    """Give the reason not to run what ended in this error; `None` if it has failed.

    `named` are the distributions that could not be installed.
    """
    distributions = named.split()
    while error is not None:
        for distribution in distributions:
            if _is_for_want_of(distribution, error):
                return f"{distribution} has no wheel for this Python"
        error = error.__cause__ or error.__context__
    return None


def files_left_out(
    skipped: Iterable[tuple[str, str]], named: str = _WITHOUT
) -> dict[str, set[str]]:
    """Give the files in which something was skipped for want of each distribution.

    `skipped` are the id of each test or file that was skipped, and what it said.
    """
    files: dict[str, set[str]] = {distribution: set() for distribution in named.split()}
    for node, reason in skipped:
        for distribution, of_it in files.items():
            if f"{distribution} has no wheel for this Python" in reason:
                of_it.add(node.partition("::")[0])
    return files


def too_many(files: Mapping[str, set[str]]) -> list[str]:
    """Give what is wrong if more was left out than expected, a line for each distribution."""
    return [
        f"{distribution} is wanted in {len(of_it)} files of tests, and at most "
        f"{MOST_FILES.get(distribution, 0)} may be left out for it"
        for distribution, of_it in files.items()
        if len(of_it) > MOST_FILES.get(distribution, 0)
    ]


def _is_for_want_of(distribution: str, error: BaseException) -> bool:
    text = str(error)  # Of a test that failed: with what the program that it ran has written.
    if distribution == "google-re2" and (
        "regex.extra_missing" in text or "google-re2 is not installed" in text
    ):
        return True
    modules = set(re.findall(r"No module named (?:\\*')?(\w+)", text))
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        modules.add(error.name.partition(".")[0])
    return not modules.isdisjoint(MODULES.get(distribution, ()))


def let_the_command_line_fail() -> None:
    """Have the command line raise for a library of its extra that is left out.

    It would say which extra to install, and tests would fail that expect something else.
    """
    for distribution in _WITHOUT.split():
        corsac.cli._OF_EXTRAS -= MODULES.get(distribution, set())
