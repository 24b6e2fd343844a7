"""What Corsac's own extensions would refuse of configurations that they are given as they are.

A patch that only changes a name hands the old options to `corsac.flask` or `corsac.django`, which
raise when the program starts if something is unsafe or no option. Such a patch is not written.
"""

from __future__ import annotations

from typing import Any

from corsac.errors import CORSConfigProblem
from corsac.foreign.django_cors_headers import read_django_cors_headers
from corsac.foreign.flask_application import read_application
from corsac.foreign.flask_cors import (
    EXTENSION_OPTIONS,
    VIEW_OPTIONS,
    configured_options,
    unknown_option,
)
from corsac.migrate.source.found import OTHER_FILES, Found
from corsac.migrate.source.meaning import judged_options

__all__ = ["django_errors", "flask_errors"]


def flask_errors(found: Found) -> list[str]:
    """Why `corsac.flask` would not take a configuration of flask-cors; empty if it would.

    Args:
        found: The configuration. What is not seen of it is taken for right.
    """
    if "**" in found.unseen:
        return ["the options are put together elsewhere"]
    errors = [str(each) for each in found.all_problems() if each.severity == "error"]
    given = judged_options(found)
    if _may_be_anyone(found) and (
        given.get("supports_credentials") or given.get("CORS_SUPPORTS_CREDENTIALS")
    ):
        errors.append("if app.config does not list origins, credentials are for any site")
    options: dict[str, Any] = configured_options(given)
    options |= {name: value for name, value in given.items() if not name.startswith("CORS_")}
    known = (*VIEW_OPTIONS, *EXTENSION_OPTIONS)
    problems: list[CORSConfigProblem] = []
    for name in [name for name in options if name not in known]:
        del options[name]
        problems.append(unknown_option(name, known))
    for each in read_application(options, problems):
        problems += each.reading.problems_for("drop-in")
    return errors + [str(each) for each in problems if each.severity == "error"]


def _may_be_anyone(found: Found) -> bool:
    """Whether no origins are seen, so that flask-cors's default may count."""
    hidden = found.unseen.get("CORS_ORIGINS")
    listed = {"origins", "CORS_ORIGINS"} & found.options.keys()
    return hidden is not None and not listed and not hidden.reason.startswith(OTHER_FILES)


def django_errors(found: Found) -> list[str]:
    """Why `corsac.django` would not start with settings; empty if it would.

    Args:
        found: The settings. What is not seen of them is taken for right.
    """
    errors = [str(each) for each in found.all_problems() if each.severity == "error"]
    problems = read_django_cors_headers(found.options).problems_for("drop-in")
    return errors + [str(each) for each in problems if each.severity == "error"]
