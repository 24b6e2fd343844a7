"""What Corsac's own extensions would refuse of configurations that they are given as they are.

A patch that only changes a name hands the old options to `corsac.flask` or `corsac.django`, which
raise when the program starts if something is unsafe or no option. Such a patch is not written.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from corsac.errors import CORSConfigError, CORSConfigProblem
from corsac.foreign.flask_cors import flask_cors_policy
from corsac.foreign.flask_cors_options import (
    CONFIG_KEYS,
    EXTENSION_OPTIONS,
    FLASK_CORS_OPTIONS,
    unknown_option,
)
from corsac.foreign.flask_resources import read_resource, read_resources
from corsac.migrate.source.found import OTHER_FILES, WIDE, Found
from corsac.migrate.source.meaning import judged_options
from corsac.policy import CORSPolicy

__all__ = ["django_errors", "flask_errors"]

_REMOVED_SETTINGS = ("CORS_MODEL", "CORS_REPLACE_HTTPS_REFERER")
_TRUTHS = ("CORS_ALLOW_ALL_ORIGINS", "CORS_ORIGIN_ALLOW_ALL", "CORS_ALLOW_CREDENTIALS")
_LISTS = (
    *("CORS_ALLOWED_ORIGINS", "CORS_ORIGIN_WHITELIST", "CORS_ALLOWED_ORIGIN_REGEXES"),
    *("CORS_ORIGIN_REGEX_WHITELIST", "CORS_ALLOW_METHODS", "CORS_ALLOW_HEADERS"),
    "CORS_EXPOSE_HEADERS",
)


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
    options: dict[str, Any] = {
        CONFIG_KEYS[name]: value
        for name, value in given.items()
        if name in CONFIG_KEYS and value is not None
    }
    options |= {name: value for name, value in given.items() if not name.startswith("CORS_")}
    is_view = found.style == "cross_origin"
    known = (*FLASK_CORS_OPTIONS, *(() if is_view else EXTENSION_OPTIONS))
    problems = [
        unknown_option(name, known)
        for name in options
        if name not in known and name not in EXTENSION_OPTIONS
    ]
    shared = {
        name: value
        for name, value in options.items()
        if name in FLASK_CORS_OPTIONS and name not in EXTENSION_OPTIONS
    }
    for pattern, own in read_resources(options.get("resources", "/*"), problems):
        read_resource(pattern, problems)
        problems += _faults({**shared, **own})
    return errors + [str(each) for each in problems if each.severity == "error"]


def _may_be_anyone(found: Found) -> bool:
    """Whether no origins are seen, so that flask-cors's default may count."""
    hidden = found.unseen.get("CORS_ORIGINS")
    listed = {"origins", "CORS_ORIGINS"} & found.options.keys()
    return hidden is not None and not listed and not hidden.reason.startswith(OTHER_FILES)


def _faults(options: dict[str, Any]) -> Iterable[CORSConfigProblem]:
    try:
        flask_cors_policy(options)
    except CORSConfigError as error:
        return error.problems
    return ()


def _origin_errors(origins: Iterable[object], *, credentials: bool) -> list[str]:
    # Entries with "*" are left out there, with a warning.
    entries = [
        each for each in origins if isinstance(each, str) and ("*" not in each or each == "*")
    ]
    try:
        CORSPolicy(allow_origins=entries, allow_credentials=credentials)
    except CORSConfigError as error:
        return [str(each) for each in error.problems if each.severity == "error"]
    return []


def django_errors(found: Found) -> list[str]:
    """Why `corsac.django` would not start with settings; empty if it would.

    Args:
        found: The settings. What is not seen of them is taken for right.
    """
    errors = [str(each) for each in found.all_problems() if each.severity == "error"]
    options = found.options
    errors += (f"{name} has been removed" for name in _REMOVED_SETTINGS if name in options)
    errors += (
        f"{name} should be a bool"
        for name in _TRUTHS
        if name in options and not isinstance(options[name], bool)
    )
    errors += (
        f"{name} should be a list of strings"
        for name in _LISTS
        if name in options and not isinstance(options[name], (list, tuple, set, frozenset))
    )
    anyone = any(options.get(name) for name in WIDE)
    listed = options.get("CORS_ALLOWED_ORIGINS", options.get("CORS_ORIGIN_WHITELIST"))
    if isinstance(listed, (list, tuple)) and not anyone:
        # What django-cors-headers cuts off or never matches is compared as it is here.
        credentials = options.get("CORS_ALLOW_CREDENTIALS") is True
        errors += _origin_errors(listed, credentials=credentials)
    seconds = options.get("CORS_PREFLIGHT_MAX_AGE", 0)
    if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds < 0:
        errors.append("CORS_PREFLIGHT_MAX_AGE should be a whole number of seconds from 0 on")
    return errors
