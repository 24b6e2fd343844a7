"""Libraries that have no wheel for every Python: what needs one that is not there is left out.

`.ci/pythons` names them in `CORSAC_WITHOUT`. A library that is not named there is a failure if it
is missing.
"""

from __future__ import annotations

import os
import re

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

_WITHOUT = os.environ.get("CORSAC_WITHOUT", "")

runs_the_command_line = pytest.mark.skipif(
    "ada-url" in _WITHOUT.split(),
    reason="the command line needs ada-url, which has no wheel for this Python",
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
