"""The options of Flask's extension, what is made of them, and warnings about an application."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Literal, TypedDict

import flask

from corsac.configuration import Rule
from corsac.errors import CORSConfigError, CORSConfigProblem, has_errors
from corsac.foreign.flask_application import (
    ResourcePolicies,
    ResourcePolicy,
    nobody,
    read_application,
)
from corsac.foreign.flask_cors import (
    EXTENSION_OPTIONS,
    OWN_OPTIONS,
    VIEW_OPTIONS,
    configured_options,
    read_flask_cors,
    unknown_option,
)
from corsac.foreign.paths import text_of
from corsac.foreign.reading import DROP_IN_OPTIONS
from corsac.hosts import read_hosts
from corsac.inspection.frameworks import has_flask_cors
from corsac.observers import ObservationOptions
from corsac.options.guard import Guard
from corsac.policy import CORSPolicy
from corsac.several import GivenPolicies

__all__ = ["BESIDE_FLASK_CORS", "CALLED_TWICE", "CAME_PAST", "CORSOptions", "CrossOriginOptions"]
__all__ += ["check_names", "hidden_from_the_route", "log_problems", "problems_of_late_keys"]
__all__ += ["problems_of_hosts", "problems_of_routes", "read_resource_policies", "read_view_policy"]

_MAX_SHOWN: Final = 5
"""The largest number of paths that a message names."""

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
    guard: bool | Guard
    allow_timing: bool
    app_headers: Literal["replace", "keep"]


class CORSOptions(CrossOriginOptions, ObservationOptions, total=False):
    """The options of the extension, beside those of a middleware."""

    resources: _Patterns | Mapping[str | re.Pattern[str], Mapping[str, Any]]
    intercept_exceptions: bool
    policy: GivenPolicies
    rules: Iterable[Rule]


def check_names(options: Mapping[str, Any], *, extension: bool) -> None:
    """Raise `CORSConfigError` with all unknown options of an extension or a view, if any."""
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
    if has_errors(problems):
        raise CORSConfigError(problems)
    return CORSPolicy(**{**DROP_IN_OPTIONS, **reading.options}), problems


def read_resource_policies(
    options: Mapping[str, Any],
) -> tuple[list[ResourcePolicy], list[CORSConfigProblem]]:
    """Return the resources of an extension with their policies, in the order of flask-cors.

    With them come their problems, which are in the log. The options include those of the
    configuration. `CORSConfigError` lists what is wrong with every resource.
    """
    problems: list[CORSConfigProblem] = []
    read = read_application(options, problems)
    for each in read:
        problems += each.reading.problems_for("drop-in", each.where)
    if has_errors(problems):
        raise CORSConfigError(problems)
    log_problems(problems)
    made = {
        id(each.reading): CORSPolicy(**{**DROP_IN_OPTIONS, **each.reading.options}) for each in read
    }
    resources = [
        ResourcePolicy(resource, made[id(each.reading)])
        for each in read
        for resource in each.resources
    ]
    return resources, problems


def log_problems(problems: Iterable[CORSConfigProblem]) -> None:
    """Write errors and warnings to the log, each of them once; infos are passed over."""
    levels = {"error": logging.ERROR, "warning": logging.WARNING}
    for severity, line in dict.fromkeys((p.severity, str(p)) for p in problems):
        if severity in levels:
            _logger.log(levels[severity], "CORS: %s", line.removeprefix("CORS: "))


CALLED_TWICE: Final = CORSConfigProblem(
    "option.conflict",
    "warning",
    "CORS",
    None,
    "CORS(app) was called before: what is said last decides where both say something, and does "
    "not add to what was said first",
    "call it once, with resources={path: options} where paths differ",
)

_HOSTS_OF_FLASK: Final = {
    "TRUSTED_HOSTS": "is compared when Flask looks for the route: middleware around it, such as "
    "this one, has answered by then",
    "SERVER_NAME": "says what the server is called, and keeps no other host out",
}


def problems_of_hosts(config: Mapping[str, Any]) -> tuple[CORSConfigProblem, ...]:
    """Return what the hosts that Flask itself knows would be as ``allowed_hosts``."""
    name = next((name for name in _HOSTS_OF_FLASK if config.get(name)), None)
    if name is None:
        return ()
    value = config[name]
    entries: list[str] = []
    for each in map(str, [value] if isinstance(value, str) else value):
        host = each.partition(":")[0]
        entries += (host[1:], f"*{host}") if host.startswith(".") else (host,)
    is_valid = read_hosts(entries, [])[0] is not None
    message = f"{name} {_HOSTS_OF_FLASK[name]}"
    hint = f"write allowed_hosts={entries!r}" if is_valid else ""
    fix = {"allowed_hosts": tuple(entries)} if is_valid else None
    found = CORSConfigProblem("host.unchecked", "info", "allowed_hosts", None, message, hint, fix)
    return (found,)


CAME_PAST: Final = CORSConfigProblem(
    "option.misplaced",
    "warning",
    "CORS",
    None,
    "requests reach the application past its CORS middleware: something holds app.wsgi_app as "
    "it was before, or put it back; its policies are applied inside of Flask, so that what "
    "other middleware answers by itself has no CORS headers",
    "serve the application itself, or take app.wsgi_app after CORS(app)",
)

_CONFIGURED_TOO_LATE: Final = CORSConfigProblem(
    "option.misplaced",
    "warning",
    "app.config",
    None,
    "it was set after CORS(app) had read the configuration, and has no effect",
    "call CORS(app), or init_app, when the configuration is complete",
)

BESIDE_FLASK_CORS: Final = CORSConfigProblem(
    "option.conflict",
    "warning",
    "app",
    None,
    "flask_cors.CORS is there as well; the headers that it adds are replaced here, or stay for "
    "origins that are not allowed here",
    "remove it",
)


def hidden_from_the_route(endpoint: str | None, *, until_it_ran: bool = False) -> CORSConfigProblem:
    """Report a decorated view that was met when it ran, and that may decide from now on."""
    before = "until the view has run once " if until_it_ran else ""
    message = (
        "another decorator hides cross_origin, or a function that is not the view of a route has "
        f"it: its policy decides about the responses, but {before}its preflight requests are "
        "answered by the application's own policy, if any"
    )
    hint = (
        "put cross_origin directly below the route, or use functools.wraps in the other decorator"
    )
    return CORSConfigProblem("option.conflict", "warning", "cross_origin", endpoint, message, hint)


def problems_of_routes(
    app: flask.Flask,
    own: ResourcePolicies,
    unreached: Mapping[str, Sequence[str]],
    kept_from: Mapping[str, Sequence[str]],
) -> Iterator[CORSConfigProblem]:
    """Yield what is worth a warning when resources meet the routes of an application."""
    for pattern, paths in unreached.items():
        message = (
            f"the expression may be meant for {_few(paths)}, which have variable parts; they get "
            "no CORS headers from it"
        )
        hint = "decorate these views with cross_origin, or write a path such as /api/*"
        yield CORSConfigProblem(
            "rule.no_counterpart", "warning", "resources", pattern, message, hint
        )
    for name, paths in kept_from.items():
        message = (
            "flask-cors asks CORS(app) where CORS(blueprint) refuses; here the blueprint's decides "
            f"alone about its routes: {_few(paths)}"
        )
        hint = "say in the blueprint's options what is to be allowed there"
        yield CORSConfigProblem("option.conflict", "warning", "CORS", name, message, hint)
    if has_flask_cors(app):
        yield BESIDE_FLASK_CORS.replace(value=app.name)
    # What a resource covers in flask-cors, and a later one would get here.
    fixed = dict.fromkeys(rule.rule for rule in app.url_map.iter_rules() if not rule.arguments)
    denials = (nobody(guard=False), nobody(guard=True))
    for entry in own.narrowed:
        gives_up = entry.resource.gives_up
        routes = [path for path in fixed if gives_up(path) and own.policy_of(path) in denials]
        message = (
            "flask-cors compares the beginning of a path with it, so it covers more paths than its "
            "rule does here; a later resource allows more than this one, so none of those paths is "
            f"given to it{', and so to ' if routes else ''}{_few(routes)}: they allow nobody"
        )
        hint = "write a resource for these paths"
        given = text_of(entry.resource.given)
        yield CORSConfigProblem("rule.narrower", "warning", "resources", given, message, hint)


def problems_of_late_keys(
    app: flask.Flask, configured: Mapping[str, Any] | None
) -> Iterator[CORSConfigProblem]:
    """Yield a warning for each key of ``app.config`` that was set after it had been read."""
    now = {} if configured is None else configured_options(app.config)
    for name, value in now.items():
        if configured is not None and (name not in configured or configured[name] != value):
            yield _CONFIGURED_TOO_LATE.replace(option=f"CORS_{name.upper()}", value=value)


def _few(paths: Sequence[str]) -> str:
    return ", ".join(paths[:_MAX_SHOWN])
