"""Where the options of Flask's extension come from, and what is made of them."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from corsac.configuration import Rule
from corsac.errors import CORSConfigError, CORSConfigProblem
from corsac.foreign.flask_application import (
    DROP_IN_OPTIONS,
    ResourcePolicy,
    read_application,
)
from corsac.foreign.flask_cors import (
    EXTENSION_OPTIONS,
    OWN_OPTIONS,
    VIEW_OPTIONS,
    read_flask_cors,
    unknown_option,
)
from corsac.foreign.reading import Reading
from corsac.policy import CORSPolicy

if TYPE_CHECKING:
    from corsac.refusals import OnRefusal

__all__ = [
    "CORSOptions",
    "CrossOriginOptions",
    "check_names",
    "log_problems",
    "read_resource_policies",
    "read_view_policy",
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


def check_names(options: Mapping[str, Any], *, extension: bool) -> None:
    """Raise `CORSConfigError` if options are unknown; it lists all of them.

    Those of an extension may have ``resources`` and ``intercept_exceptions``.
    """
    known = (*VIEW_OPTIONS, *OWN_OPTIONS, *(EXTENSION_OPTIONS if extension else ()))
    unknown = [unknown_option(name, known) for name in options if name not in known]
    if unknown:
        raise CORSConfigError(unknown)


def read_view_policy(
    options: Mapping[str, Any], where: str
) -> tuple[CORSPolicy, tuple[CORSConfigProblem, ...]]:
    """Return the policy that the options of a view mean, and the problems in their words.

    Absent options have flask-cors's defaults, and ``where`` is what messages call the view. Options
    that are unknown, or cannot be used or be safe, raise `CORSConfigError`.
    """
    reading = read_flask_cors(options)
    problems = reading.problems_for("drop-in", where)
    if any(problem.severity == "error" for problem in problems):
        raise CORSConfigError(problems)
    return _policy_of(reading), problems


def read_resource_policies(options: Mapping[str, Any]) -> list[ResourcePolicy]:
    """Return the resources of an extension with their policies, in the order of flask-cors.

    The options include those of the configuration. `CORSConfigError` lists what is wrong with every
    resource.
    """
    problems: list[CORSConfigProblem] = []
    read = read_application(options, problems)
    for each in read:
        problems += each.reading.problems_for("drop-in", each.where)
    if any(problem.severity == "error" for problem in problems):
        raise CORSConfigError(problems)
    log_problems(problems)
    made = {id(each.reading): _policy_of(each.reading) for each in read}
    return [
        ResourcePolicy(resource, made[id(each.reading)])
        for each in read
        for resource in each.resources
    ]


def _policy_of(reading: Reading) -> CORSPolicy:
    return CORSPolicy(**{**DROP_IN_OPTIONS, **reading.options})


def log_problems(problems: Iterable[CORSConfigProblem]) -> None:
    """Write errors and warnings to the log, each of them once; infos are passed over."""
    levels = {"error": logging.ERROR, "warning": logging.WARNING}
    for severity, line in dict.fromkeys((p.severity, str(p)) for p in problems):
        if severity in levels:
            _logger.log(levels[severity], "CORS: %s", line.removeprefix("CORS: "))
