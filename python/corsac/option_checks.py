"""Checks the options of one policy, all at once, and compiles them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from corsac import _core, validation
from corsac.app_headers import APP_HEADERS, AppHeadersLog
from corsac.errors import CORSConfigProblem, from_core
from corsac.options.types import (
    BOOL_OPTIONS,
    LIST_OPTIONS,
    check_bool,
    read_choice,
    read_list,
    read_max_age,
    read_number,
    wrong_type,
)

if TYPE_CHECKING:
    from corsac.options.guard import Guard
    from corsac.origin_function import OriginFunction
    from corsac.origins import RegexOrigins

__all__ = ["check_options", "problems_of_guard"]

_OF_NO_ORIGINS = ("origin.none", "always_send.needs_one_origin")


def check_options(
    given: Mapping[str, Any], defaults: Mapping[str, Any]
) -> tuple[dict[str, Any], _core.CompiledPolicy | None, list[CORSConfigProblem]]:
    """Check the options of one policy.

    Args:
        given: Every option.
        defaults: The default of every option.

    Returns:
        The options as a policy keeps them, what they compile to or ``None``, and their problems.
    """
    problems: list[CORSConfigProblem] = []
    values = dict(given)
    for name in LIST_OPTIONS:
        values[name] = read_list(name, given[name], problems)
    for name in BOOL_OPTIONS:
        check_bool(name, given[name], problems)
    values["guard"] = _read_guard(given["guard"], problems)
    values["max_age"] = read_max_age(given["max_age"], problems)
    values["app_headers"] = read_choice("app_headers", given["app_headers"], APP_HEADERS, problems)
    values["preflight_status"] = read_number(
        "preflight_status", given["preflight_status"], "status.not_ok", problems
    )
    regex, function = _read_dynamic_origins(values, problems)
    # The core checks values, not types: what has a wrong type is as if it was not there.
    mistyped = {problem.option for problem in problems}
    options = {
        name: defaults[name] if name in mistyped else value
        for name, value in values.items()
        if not name.startswith("allow_origin_")  # A function and an expression are asked outside.
    }
    options["guard"] = _guard_for_core(options["guard"])
    decider = None
    if regex is not None or function is not None:
        from corsac.origins import make_decider  # noqa: PLC0415 - most have none

        decider = make_decider(regex, None if function is None else function.decider)
    compiled, found = _core.compile_policy(
        **options,
        decide_origin=decider,
        app_headers_log=AppHeadersLog(options["app_headers"] == "keep"),
    )
    of_core = [
        _as_given(problem, values)
        for problem in from_core(found)
        if not problem.option.startswith("guard.")  # See `problems_of_guard`.
    ]
    if mistyped & {"allow_origins", "allow_origin_regex", "allow_origin_func"}:
        of_core = [problem for problem in of_core if problem.code not in _OF_NO_ORIGINS]
    problems += validation.improve_hints(of_core)
    problems += _problems_of_meaning(values, options, regex)
    return values, compiled, [_with_way_out(problem) for problem in problems]


def _read_guard(value: object, problems: list[CORSConfigProblem]) -> bool | Guard:
    if isinstance(value, bool):
        return value
    from corsac.options.guard import read_guard  # noqa: PLC0415 - most have none

    return read_guard(value, problems)


def _guard_for_core(guard: bool | Guard) -> tuple[Any, ...] | None:
    if guard is False:
        return None
    from corsac.options.guard import Guard  # noqa: PLC0415 - most have none

    whole = Guard() if guard is True else guard
    return tuple(whole._all_fields().values())


def problems_of_guard(values: Mapping[str, Any]) -> list[CORSConfigProblem]:
    """The problems of a guard, which knows of no tolerance."""
    guard: bool | Guard = values["guard"]
    if isinstance(guard, bool):
        return []
    from corsac.options.guard import in_words_of_policy  # noqa: PLC0415 - most have none

    found = in_words_of_policy(guard.problems, lambda fix: guard.__replace__(**fix))
    return [_with_way_out(_tolerated(problem, values["tolerate"])) for problem in found]


def _tolerated(problem: CORSConfigProblem, codes: Iterable[str]) -> CORSConfigProblem:
    """The problem as it is where some codes are tolerated."""
    if problem.severity == "error" and problem.code in codes:
        return problem.replace(severity="info")
    return problem


def _as_given(problem: CORSConfigProblem, values: Mapping[str, Any]) -> CORSConfigProblem:
    """Put the value itself into a problem where the core knows only its text."""
    given = values[problem.option]
    if problem.option in LIST_OPTIONS and (problem.value != "" or "" in given):
        return problem
    return problem.replace(value=given)


def _read_dynamic_origins(
    values: Mapping[str, Any], problems: list[CORSConfigProblem]
) -> tuple[RegexOrigins | None, OriginFunction | None]:
    """Return the compiled expression and the function; ``None`` if absent or invalid."""
    pattern, function = values["allow_origin_regex"], values["allow_origin_func"]
    regex = None
    if pattern is not None:
        from corsac.origins import compile_origin_regex  # noqa: PLC0415 - most have none

        compiled = compile_origin_regex(pattern)
        if isinstance(compiled, CORSConfigProblem):
            problems.append(compiled)
        else:
            regex = compiled
    if function is None:
        return regex, None
    from corsac.origin_function import OriginFunction  # noqa: PLC0415 - most have none

    if not isinstance(function, OriginFunction):
        function = OriginFunction(function)
    if function.problem:
        hint = "write a function of the origin, or of the origin and the request"
        problems.append(
            wrong_type("allow_origin_func", values["allow_origin_func"], function.problem, hint)
        )
        function = None
    return regex, function


def _problems_of_meaning(
    values: Mapping[str, Any], options: Mapping[str, Any], regex: RegexOrigins | None
) -> list[CORSConfigProblem]:
    """Find the problems of what the policy does, whatever its spelling."""
    credentials: bool = options["allow_credentials"]
    found = validation.check_lists(options)
    found += validation.check_public_suffixes(options["allow_origins"], credentials)
    if regex is not None:
        found += validation.check_origin_regex(regex.pattern, credentials)
    if "*" in options["allow_origins"]:
        found += [
            CORSConfigProblem(
                "origin.redundant",
                "warning",
                name,
                values[name],
                '"*" already allows every origin, so it is never asked',
                'remove it, or remove "*" from allow_origins',
            )
            for name in ("allow_origin_regex", "allow_origin_func")
            if values[name] is not None
        ]
    return [_tolerated(problem, options["tolerate"]) for problem in found]


def _with_way_out(problem: CORSConfigProblem) -> CORSConfigProblem:
    """Say that a problem may be accepted knowingly, if it may."""
    if problem.severity != "error" or problem.code not in _core.TOLERABLE_CODES:
        return problem
    hint = f"{problem.hint}; or accept it knowingly with tolerate=[{problem.code!r}]"
    return problem.replace(hint=hint)
