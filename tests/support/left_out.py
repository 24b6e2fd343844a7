"""Libraries that have no wheel for every Python: what needs one that is not there is left out.

`.ci/pythons` names them in `CORSAC_WITHOUT`. A library that is not named there is a failure if it
is missing.
"""

from __future__ import annotations

import os

from corsac.errors import CORSConfigError

MODULES = {
    "ada-url": {"ada_url"},
    "gevent": {"gevent"},
    "google-re2": {"re2"},
    "granian": {"granian"},
    "litestar": {"litestar"},
    "mcp": {"mcp"},
    "myst-parser": {"myst_parser", "yaml"},  # PyYAML comes with it.
}


def left_out(error: BaseException | None, named: str | None = None) -> str | None:
    """Give the reason not to run what ended in this error; `None` if it has failed.

    `named` are the distributions that could not be installed, by default those of the environment.
    """
    distributions = (os.environ.get("CORSAC_WITHOUT", "") if named is None else named).split()
    while error is not None:
        for distribution in distributions:
            if _is_for_want_of(distribution, error):
                return f"{distribution} has no wheel for this Python"
        error = error.__cause__ or error.__context__
    return None


def _is_for_want_of(distribution: str, error: BaseException) -> bool:
    if isinstance(error, CORSConfigError):
        codes = {problem.code for problem in error.problems}
        return distribution == "google-re2" and "regex.extra_missing" in codes
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return False
    return error.name.partition(".")[0] in MODULES.get(distribution, ())
