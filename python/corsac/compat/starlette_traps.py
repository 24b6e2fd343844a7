"""What Starlette's `CORSMiddleware` silently does with options that mean something else."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from corsac.compat.python_regex import why_python_runs_it
from corsac.errors import CORSConfigError, CORSConfigProblem, CORSProblemCode
from corsac.policy import CORSPolicy

__all__ = ["find_traps"]

_LIST_OPTIONS = ("allow_origins", "allow_methods", "allow_headers", "expose_headers")

# Useless or doubled, but nobody is allowed or refused by mistake.
_HARMLESS = frozenset(
    {
        "header.forbidden_request",
        "header.forbidden_response",
        "header.preflight_only",
        "header.redundant",
        "header.request_name",
        "header.response_name",
        "header.safelisted",
        "max_age.beyond_chromium",
        "method.forbidden",
        "method.redundant",
        "origin.redundant",
    }
)

# What is said here in other words, or does not hold for Starlette.
_NOT_STARLETTES = frozenset(
    {
        "header.authorization_not_covered",
        "method.lowercase_patch",
        "option.wrong_type",
        "origin.apex_not_covered",
        "regex.extra_missing",
        "regex.invalid",
        "regex.reach_unknown",
    }
)


def find_traps(**options: Any) -> list[CORSConfigProblem]:
    """The problems of options, none of them an error: each is used as Starlette uses it.

    Args:
        **options: The options of `corsac.compat.starlette.CORSMiddleware`.
    """
    problems = [*_wrong_types(options), *_misunderstandings(options)]
    said = {(problem.option, str(problem.value)) for problem in problems}
    for problem in _judged_by_corsac(options):
        if problem.code in _NOT_STARLETTES or (problem.option, str(problem.value)) in said:
            continue
        severity = "info" if _is_mild(problem) else "warning"
        problems.append(problem.replace(severity=severity, hint=_hint(problem)))
    return problems


def _is_mild(problem: CORSConfigProblem) -> bool:
    return problem.severity == "info" or problem.code in _HARMLESS


def _hint(problem: CORSConfigProblem) -> str:
    """What to write instead, here where everything is tolerated and there are no patterns."""
    hint = re.sub(r"(; or )?accept it knowingly.*", "", problem.hint)
    if re.search(r"//\*|:\*", hint):
        hint += ", which takes corsac.CORSMiddleware: Starlette has no patterns"
    return hint


def _trap(
    code: CORSProblemCode, option: str, value: object, message: str, hint: str
) -> CORSConfigProblem:
    return CORSConfigProblem(code, "warning", option, value, message, hint)


_STRING_MEANS = {
    "allow_origins": "every piece of it is an allowed origin, https://a.example of "
    "https://a.example.com",
    "allow_methods": "every piece of it is an allowed method",
    "allow_headers": "each letter of it is a header",
    "expose_headers": "each letter of it is a header",
}


def _wrong_types(options: Mapping[str, Any]) -> Iterator[CORSConfigProblem]:
    for name in _LIST_OPTIONS:
        value = options[name]
        if isinstance(value, str) and value:
            hint = f"write {name}=[{value!r}]"
            if value == "*" and name != "expose_headers":
                continue  # It means what it says.
            message = f"a string is not a list: {_STRING_MEANS[name]}"
            yield _trap("option.wrong_type", name, value, message, hint)
        elif hasattr(value, "__next__"):
            message = "an iterator is used up when it is first looked at, so it allows nothing"
            yield _trap("option.wrong_type", name, value, message, "write a list")
    max_age = options["max_age"]
    if isinstance(max_age, bool) or not isinstance(max_age, int):
        message = f"the header would be {str(max_age)!r}, which browsers ignore"
        yield _trap("option.wrong_type", "max_age", max_age, message, "write a number of seconds")


def _misunderstandings(options: Mapping[str, Any]) -> Iterator[CORSConfigProblem]:
    for origin in _entries(options["allow_origins"]):
        if origin != "*" and "*" in origin:
            yield _trap(
                "origin.never_matched",
                "allow_origins",
                origin,
                "Starlette has no patterns: this is compared letter by letter, and never matches",
                "write an allow_origin_regex, or use corsac.CORSMiddleware, which has patterns",
            )
    methods = _entries(options["allow_methods"])
    for method in methods:
        if "*" not in methods and method != method.upper():
            yield _trap(
                "method.lowercase_patch" if method.lower() == "patch" else "method.never_allowed",
                "allow_methods",
                method,
                "methods are case-sensitive, and browsers ask for "
                f"{'it as the page writes it' if method.lower() == 'patch' else 'capitals'}",
                f"write {method.upper()!r}",
            )
    yield from _about_regex(options["allow_origin_regex"])


def _about_regex(pattern: object) -> Iterator[CORSConfigProblem]:
    if not isinstance(pattern, str):
        return
    why = why_python_runs_it(re.compile(pattern))
    if why is not None:
        missing = why == "google-re2 is not installed"
        yield _trap(
            "regex.extra_missing" if missing else "regex.python",
            "allow_origin_regex",
            pattern,
            f"Python's re runs it, since {why}: an Origin that is made for it may take for ever",
            "pip install 'corsac[re2]'"
            if missing
            else "write it without look-arounds, back-references and flags",
        )


def _entries(value: object) -> list[str]:
    """The entries of a list option; of what is no list, none."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Collection):
        return []
    return [entry for entry in value if isinstance(entry, str)]


def _judged_by_corsac(options: Mapping[str, Any]) -> tuple[CORSConfigProblem, ...]:
    """What Corsac says about the same policy."""
    patterns = "*" not in (origins := _entries(options["allow_origins"]))
    given: dict[str, Any] = {
        "allow_origins": [origin for origin in origins if origin == "*" or "*" not in origin],
        "allow_methods": [
            method for method in _entries(options["allow_methods"]) if method == method.upper()
        ],
        "allow_headers": _entries(options["allow_headers"]),
        "expose_headers": _entries(options["expose_headers"]),
        "allow_credentials": options["allow_credentials"] is True,
    }
    max_age = options["max_age"]
    if isinstance(max_age, int) and not isinstance(max_age, bool):
        given["max_age"] = max_age
    regex = options["allow_origin_regex"]
    if isinstance(regex, str) and why_python_runs_it(re.compile(regex)) is None and patterns:
        given["allow_origin_regex"] = regex
    nothing_read = not given["allow_origins"] and (origins or options["allow_origins"] or regex)
    try:
        problems = CORSPolicy(**given).problems
    except CORSConfigError as error:
        problems = error.problems
    if nothing_read and "allow_origin_regex" not in given:
        return tuple(problem for problem in problems if problem.code != "origin.none")
    return problems
