"""From what an old configuration means to options that Corsac accepts, never wider ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from corsac.errors import CORSConfigError, CORSConfigProblem
from corsac.migrate.reading import SAFELISTED_METHODS, Reading
from corsac.policy import CORSPolicy

__all__ = ["Judgement", "is_entry", "judge", "once", "problems_of"]

_LISTS = ("allow_origins", "allow_methods", "allow_headers", "expose_headers")
_MAX_AGE = 86_400
_MAX_ROUNDS = 16


@dataclasses.dataclass(frozen=True, slots=True)
class Judgement:
    """What is left of a reading.

    Attributes:
        options: Options that `CORSPolicy` accepts; those left at their defaults are not there.
        problems: What is wrong with all that was read, by the old library's names.
    """

    options: dict[str, Any]
    problems: list[CORSConfigProblem]


def problems_of(options: Mapping[str, Any]) -> tuple[CORSConfigProblem, ...]:
    """What `CORSPolicy` says about some options; nothing is raised."""
    try:
        return CORSPolicy(**options).problems
    except CORSConfigError as error:
        return error.problems


def is_entry(text: str) -> bool:
    """Whether a text is an origin or a pattern of ``allow_origins``."""
    found = problems_of({"allow_origins": [text]})
    return not any(problem.severity == "error" for problem in found)


def judge(reading: Reading) -> Judgement:
    """Find what is wrong with the options that were read, and leave out what cannot stay."""
    problems = [*reading.problems]
    faithful = dict(reading.options)
    kept = _judge_regexes(reading, problems)
    for problem in problems_of(faithful):
        if problem.code == "origin.none" and reading.regexes:
            continue
        name = reading.names.get(problem.option, problem.option)
        if problem.severity == "info" and name not in reading.given:
            continue  # A default of the old library is nothing to read about.
        problems.append(problem.replace(option=name))
    if kept:
        whole = kept[0] if len(kept) == 1 else "|".join(f"(?:{text})" for text in kept)
        faithful["allow_origin_regex"] = whole
    return Judgement(_narrowed(faithful), once(problems))


def _judge_regexes(reading: Reading, problems: list[CORSConfigProblem]) -> list[str]:
    """The expressions that may stay."""
    if "*" in reading.options.get("allow_origins", ()):
        problems += [
            CORSConfigProblem(
                "origin.redundant",
                "warning",
                regex.option,
                regex.written,
                "every origin is allowed anyway, so it is never asked",
                'remove it, or do not allow "*"',
            )
            for regex in reading.regexes
        ]
        return []
    kept = []
    credentials = reading.options.get("allow_credentials", False)
    for regex in reading.regexes:
        options = {"allow_origin_regex": regex.text, "allow_credentials": credentials}
        found = problems_of(options)
        problems += (problem.replace(option=regex.option, value=regex.written) for problem in found)
        if all(problem.severity != "error" for problem in found):
            kept.append(regex.text)
    return list(dict.fromkeys(kept))


def _narrowed(options: dict[str, Any]) -> dict[str, Any]:
    """Options without what is an error, entry by entry."""
    options = {
        name: list(dict.fromkeys(value)) if name in _LISTS else value
        for name, value in options.items()
    }
    for _ in range(_MAX_ROUNDS):
        errors = [each for each in problems_of(options) if each.severity == "error"]
        if not errors:
            break
        dead: dict[str, set[object]] = {name: set() for name in _LISTS}
        for problem in errors:
            _leave_out(problem, options, dead)
        for name, values in dead.items():
            if values:
                options[name] = [entry for entry in options[name] if entry not in values]
    else:
        return {}
    if "*" in options.get("allow_origins", ()):
        options["allow_origins"] = ["*"]
        options.pop("allow_origin_regex", None)
    methods = options.get("allow_methods", ())
    options["allow_methods"] = [each for each in methods if each not in SAFELISTED_METHODS]
    return _not_default(CORSPolicy(**options))


def _leave_out(
    problem: CORSConfigProblem, options: dict[str, Any], dead: dict[str, set[object]]
) -> None:
    name, value = problem.option, problem.value
    if problem.code == "origin.any_with_credentials" and name == "allow_origins":
        # Pages keep what they can read without cookies.
        options["allow_credentials"] = False
        if "*" in options.get("allow_headers", ()):
            options["allow_headers"] = [*options["allow_headers"], "authorization"]
    elif problem.code == "max_age.out_of_bounds" and isinstance(value, int):
        options["max_age"] = _MAX_AGE if value > 0 else 0
    elif name in _LISTS and isinstance(value, str):
        dead[name].add(value)
    else:
        options.pop(name, None)


def _not_default(policy: CORSPolicy) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in policy._arguments().items()
    }


def once(problems: Iterable[CORSConfigProblem]) -> list[CORSConfigProblem]:
    """The problems without repetitions, by their texts: a value need not be hashable."""
    return list({(each.severity, str(each)): each for each in problems}.values())
