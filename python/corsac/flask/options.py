"""Where the options of Flask's extension come from, and what is made of them."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from corsac.configuration import Rule
from corsac.errors import CORSConfigError, CORSConfigProblem
from corsac.foreign.flask_cors import flask_cors_policy
from corsac.foreign.flask_cors_options import (
    CONFIG_KEYS,
    EXTENSION_OPTIONS,
    FLASK_CORS_OPTIONS,
    meant_option,
    unknown_option,
)
from corsac.foreign.flask_resources import ResourcePolicy, read_resource, read_resources
from corsac.policy import CORSPolicy

if TYPE_CHECKING:
    from corsac.refusals import OnRefusal

__all__ = [
    "CORSOptions",
    "CrossOriginOptions",
    "check_names",
    "configured_options",
    "log_problems",
    "read_resource_policies",
    "unknown_keys",
]

_logger = logging.getLogger("corsac")

_Patterns = str | re.Pattern[str] | Iterable[str | re.Pattern[str]]
_Names = str | Iterable[str] | None


class CrossOriginOptions(TypedDict, total=False):
    """The options of one view: those of flask-cors, and a few of a policy."""

    origins: _Patterns | None
    methods: _Names
    expose_headers: _Names
    allow_headers: _Patterns | None
    supports_credentials: bool
    max_age: timedelta | int | str | None
    send_wildcard: bool
    vary_header: bool
    automatic_options: bool
    always_send: bool
    allow_private_network: bool
    tolerate: Iterable[str]
    guard: bool
    app_headers: Literal["replace", "keep"]


class CORSOptions(CrossOriginOptions, total=False):
    """The options of the extension; those from ``policy`` on are those of a middleware."""

    resources: _Patterns | Mapping[str | re.Pattern[str], Mapping[str, Any]]
    intercept_exceptions: bool
    policy: CORSPolicy
    rules: Iterable[Rule]
    on_refusal: OnRefusal | None
    report_only: CORSPolicy | None
    report_only_rules: Iterable[Rule] | None
    debug_header: bool | str


_VIEW_OPTIONS = (*FLASK_CORS_OPTIONS, "tolerate", "guard", "app_headers")


def check_names(options: Mapping[str, Any], *, extension: bool) -> None:
    """See that all options are known.

    Args:
        options: The options of the extension or of a view.
        extension: Whether ``resources`` and ``intercept_exceptions`` may be there.

    Raises:
        CORSConfigError: Some are not; it lists all of them.
    """
    known = (*_VIEW_OPTIONS, *EXTENSION_OPTIONS) if extension else _VIEW_OPTIONS
    unknown = [unknown_option(name, known) for name in options if name not in known]
    if unknown:
        raise CORSConfigError(unknown)


def configured_options(config: Mapping[str, Any]) -> dict[str, Any]:
    """The options that an application's configuration sets: ``CORS_ORIGINS`` and so on.

    Args:
        config: ``app.config``.
    """
    return {name: config[key] for key, name in CONFIG_KEYS.items() if config.get(key) is not None}


def unknown_keys(config: Mapping[str, Any]) -> list[CORSConfigProblem]:
    """Warnings about keys of ``app.config`` that look like options and are none.

    Args:
        config: ``app.config``.
    """
    known = (*FLASK_CORS_OPTIONS, *EXTENSION_OPTIONS)
    problems = []
    for key in config:
        name = key.removeprefix("CORS_").lower()
        if not key.startswith("CORS_") or name in known:
            continue
        meant = meant_option(name, known)
        hint = f"write CORS_{meant.upper()}" if meant else "remove it"
        message = "there is no such option, so the key has no effect"
        problems.append(CORSConfigProblem("option.unknown", "warning", key, key, message, hint))
    return problems


def read_resource_policies(options: Mapping[str, Any]) -> list[ResourcePolicy]:
    """The resources of an extension with the policy of each, in the order of flask-cors.

    Args:
        options: All options of the extension, those of the configuration included.

    Raises:
        CORSConfigError: It lists what is wrong with every resource.
    """
    shared = {name: value for name, value in options.items() if name not in EXTENSION_OPTIONS}
    problems: list[CORSConfigProblem] = []
    found: list[ResourcePolicy] = []
    made: list[tuple[dict[str, Any], CORSPolicy | None]] = []
    pairs = read_resources(options.get("resources", "/*"), problems)
    for pattern, own in pairs:
        resource = read_resource(pattern, problems)
        values = {**shared, **own}
        known = next((entry for entry in made if entry[0] == values), None)
        if known is None:
            where = f"resources[{pattern!r}]" if own else ""
            known = (values, _policy_or_none(values, where, problems))
            made.append(known)
        if resource is not None and known[1] is not None:
            found.append(ResourcePolicy(resource, known[1]))
    if any(problem.severity == "error" for problem in problems):
        raise CORSConfigError(problems)
    log_problems(problems)
    return found


def _policy_or_none(
    values: Mapping[str, Any], where: str, problems: list[CORSConfigProblem]
) -> CORSPolicy | None:
    try:
        policy, warnings = flask_cors_policy(values, where)
    except CORSConfigError as error:
        problems += error.problems
        return None
    problems += warnings
    return policy


def log_problems(problems: Iterable[CORSConfigProblem]) -> None:
    """Write errors and warnings to the log, each of them once.

    Args:
        problems: What was found; infos are passed over.
    """
    levels = {"error": logging.ERROR, "warning": logging.WARNING}
    for severity, line in dict.fromkeys((p.severity, str(p)) for p in problems):
        if severity in levels:
            _logger.log(levels[severity], "CORS: %s", line.removeprefix("CORS: "))
