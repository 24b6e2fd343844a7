"""Policies from the options of flask-cors 6: its names and defaults, and what it left unsaid.

Where flask-cors ignores something without a word, the same answers come with a warning. Where it
allows what cannot be safe, the narrower reading counts, or there is an error that says what to
write. Its regular expressions are compared with the beginning of an origin; here always with all of
it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from corsac.errors import CORSConfigError, CORSConfigProblem
from corsac.foreign.flask_cors_options import NAMES, read_flask_cors
from corsac.policy import CORSPolicy

__all__ = ["flask_cors_policy"]

_INEFFECTIVE = frozenset(
    {
        "header.expose_any_with_credentials",
        "header.forbidden_request",
        "header.forbidden_response",
        "header.invalid",
        "header.preflight_only",
        "method.forbidden",
        "method.invalid",
        "origin.default_port",
        "origin.invalid",
        "origin.non_canonical_ip",
        "origin.websocket_scheme",
        "regex.never_matches",
    }
)
"""Errors of entries that never had an effect in flask-cors either: left out with a warning."""


def flask_cors_policy(
    options: Mapping[str, Any], where: str = ""
) -> tuple[CORSPolicy, tuple[CORSConfigProblem, ...]]:
    """The policy that options of flask-cors mean, and what is to say about it in their words.

    Args:
        options: The options of one resource or view; absent ones have flask-cors's defaults.
        where: What the options belong to, for messages, such as ``"resources['/api/*']"``.

    Raises:
        CORSConfigError: An option is unknown or cannot be used, or cannot be safe.
    """
    reading = read_flask_cors(options)
    problems = list(reading.problems)
    # flask-cors leaves a response alone whose origin it does not allow.
    values = {"app_headers": "keep", **reading.options}
    found: tuple[CORSConfigProblem, ...] = ()
    policy = None
    try:
        policy = CORSPolicy(**_or_stand_in(values, problems))
    except CORSConfigError as error:
        dropped = [problem for problem in error.problems if problem.code in _INEFFECTIVE]
        problems += [_ineffective(problem) for problem in dropped]
        _drop(values, dropped)
        try:
            policy = CORSPolicy(**_or_stand_in(values, problems))
        except CORSConfigError as remaining:
            found = remaining.problems
    if policy is not None:
        found = policy.problems
    problems = [_in_flask_words(problem, where) for problem in (*problems, *found)]
    if policy is None or _has_error(problems):
        raise CORSConfigError(problems)
    return policy, tuple(problems)


_STAND_IN_ORIGIN = "https://stand-in.invalid"


def _or_stand_in(
    values: Mapping[str, Any], problems: Iterable[CORSConfigProblem]
) -> Mapping[str, Any]:
    """The options; origins that could not be read are not reported as missing on top."""
    if not _has_error(problems) or values["allow_origins"] or values.get("allow_origin_regex"):
        return values
    return {**values, "allow_origins": [_STAND_IN_ORIGIN]}


def _has_error(problems: Iterable[CORSConfigProblem]) -> bool:
    return any(problem.severity == "error" for problem in problems)


def _drop(values: dict[str, Any], problems: Iterable[CORSConfigProblem]) -> None:
    for problem in problems:
        if problem.option == "allow_origin_regex":
            values.pop(problem.option, None)
        else:
            entries = values[problem.option]
            values[problem.option] = [entry for entry in entries if entry != problem.value]
    if not values["allow_origins"]:
        values.pop("always_send", None)


def _ineffective(problem: CORSConfigProblem) -> CORSConfigProblem:
    message = f"{problem.message}; flask-cors kept it without any effect, here it is left out"
    return problem.replace(severity="warning", message=message)


def _in_flask_words(problem: CORSConfigProblem, where: str) -> CORSConfigProblem:
    message, hint = problem.message, problem.hint
    for name, flask_name in NAMES.items():
        pattern = rf"(?<!CORSPolicy\()\b{name}\b"
        message = re.sub(pattern, flask_name, message)
        hint = re.sub(pattern, flask_name, hint)
    option = NAMES.get(problem.option, problem.option)
    if where:
        option = f"{where} {option}"
    return problem.replace(option=option, message=message, hint=hint)
