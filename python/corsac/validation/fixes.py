"""Hints as values that can be applied: `corsac.CORSConfigProblem.fix`.

A hint that is the next mistake helps nobody. So each fix is tried: with it, the problem has to be
gone and no other as bad may come instead. If one comes, its own fix is added; if it has none, its
hint is the better one.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from corsac import _core
from corsac.errors import CORSConfigProblem

__all__ = ["MAX_FIXABLE_ENTRIES", "MAX_FIXES", "apply_fixes", "keep_fixes_that_hold", "try_fixes"]

Fix = dict[str, object]
"""The new values of some options."""

MAX_FIXABLE_ENTRIES = 1_000
"""Entries of all lists of a configuration that has fixes: each fix holds a whole list."""

MAX_FIXES = 16
"""Problems of one configuration whose fixes are tried; the others come after these are mended."""

_MAX_STEPS = 4
"""Mistakes in one value that one fix mends, such as capitals, http and a path."""

_RANKS = {"info": 0, "warning": 1, "error": 2}
_TOLERATE = re.compile(r"(?:; or )?accept it knowingly with .*")

# The words after which a hint says values.
_ASSIGNED = re.compile(
    r"""(?:write|set|[.]pattern:)[ ](?P<option>[a-z_]+)=
    (?P<value>\[.*\]|r?"[^"]*"|r?'[^']*'|True|False)""",
    re.VERBOSE,
)
_LISTED = re.compile(r"\bwrite (?P<value>\[\".*\"\])")
_QUOTED = re.compile(r'(?:did you mean|write|add) "(?P<value>[^"]+)"')
_NUMBER = re.compile(r"\bwrite (?P<value>\d+|None)\b")
# What only the user knows, or what allows more than before: an info has no such fix.
_WIDER = re.compile(r"\bif pages |, which allows .* too\b")
_REMOVED = re.compile(r"^leave it out|\bremove (?:it|one of them|one of the two)\b")
_SWITCHED_OFF = re.compile(r"\bremove (?P<option>guard|always_send)\b")


def instead_of(options: Mapping[str, Any], option: str, entry: object, *others: str) -> Fix | None:
    """Return the fix that puts other entries, or none, in the place of one.

    All equal entries are replaced; without others the last one is removed.
    """
    entries = options[option]
    if len(entries) > MAX_FIXABLE_ENTRIES or entry not in entries:
        return None
    if others:
        place = entries.index(entry)
        kept = [each for each in entries if each != entry]
    else:
        place = len(entries) - 1 - entries[::-1].index(entry)
        kept = [*entries[:place], *entries[place + 1 :]]
    kept[place:place] = [each for each in others if each not in kept]
    return {option: tuple(kept)}


def try_fixes(
    options: Mapping[str, Any],
    problems: Sequence[CORSConfigProblem],
    check: Callable[[Mapping[str, Any]], Iterable[CORSConfigProblem]],
) -> list[CORSConfigProblem]:
    """Add the fixes that hold to problems.

    Args:
        options: All options, as a policy keeps them.
        problems: Their problems.
        check: Returns the problems of other options.
    """
    lengths = (len(value) for value in options.values() if isinstance(value, tuple))
    if sum(lengths) > MAX_FIXABLE_ENTRIES:
        return [*problems]
    result = []
    left = MAX_FIXES
    for problem in problems:
        fix = _said(problem, options) if left else None
        if fix is not None:
            left -= 1
            problem = _tried(problem, fix, options, problems, check)  # noqa: PLW2901
        result.append(problem)
    return result


def keep_fixes_that_hold(
    problems: Sequence[CORSConfigProblem],
    check: Callable[[Mapping[str, object]], Iterable[CORSConfigProblem]],
) -> list[CORSConfigProblem]:
    """Remove fixes that leave their problem, or put one as bad in its place.

    Args:
        problems: The problems of a configuration.
        check: Returns the problems of the configuration with a fix.
    """
    result = []
    left = MAX_FIXES
    before = Counter(map(_kind, problems))
    for problem in problems:
        holds = False
        if problem.fix is not None and left:
            left -= 1
            is_gone, came = _effect(problem, before, [*check(problem.fix)])
            holds = is_gone and not came
        result.append(problem if holds else problem.replace(fix=None))
    return result


def _effect(
    problem: CORSConfigProblem,
    before: Mapping[tuple[str, str], int],
    after: Sequence[CORSConfigProblem],
) -> tuple[bool, list[CORSConfigProblem]]:
    """Return whether a fix removes its problem, and the problems as bad that come with it."""
    counts = Counter(map(_kind, after))
    came = [
        each
        for each in after
        if _RANKS[each.severity] >= _RANKS[problem.severity]
        and counts[_kind(each)] > before[_kind(each)]
    ]
    return counts[_kind(problem)] < before[_kind(problem)], came


def apply_fixes(
    options: Mapping[str, Any],
    check: Callable[[Mapping[str, Any]], Iterable[CORSConfigProblem]],
) -> dict[str, Any]:
    """Apply the fixes of errors and warnings, one after the other, until none is left."""
    fixed = dict(options)
    for _ in range(MAX_FIXABLE_ENTRIES):
        fixes = (each.fix for each in check(fixed) if each.severity != "info")
        fix = next(filter(None, fixes), None)
        if fix is None:
            break
        fixed |= fix
    return fixed


def _said(  # noqa: PLR0911 - one for each way to say it
    problem: CORSConfigProblem, options: Mapping[str, Any]
) -> Fix | None:
    """Return the untried fix that a hint says; ``None`` if it names no value."""
    option, hint = problem.option, problem.hint
    entry = problem.value if isinstance(options.get(option), tuple) else None
    if problem.code == "max_age.out_of_bounds" and isinstance(problem.value, int):
        return {option: max(0, min(problem.value, _core.MAX_MAX_AGE))}
    if found := _SWITCHED_OFF.search(hint):
        return {found["option"]: False}
    if (found := _ASSIGNED.search(hint)) and (value := _literal(found["value"])) is not None:
        return _assigned(found["option"], value, option, entry, options)
    if entry is not None:
        if (found := _LISTED.search(hint)) and (value := _literal(found["value"])) is not None:
            return instead_of(options, option, entry, *value)
        if (found := _QUOTED.search(hint)) and hint.startswith("add"):
            return {option: (*options[option], found["value"])}
        if found:
            return instead_of(options, option, entry, found["value"])
        return instead_of(options, option, entry) if _REMOVED.search(hint) else None
    if found := _QUOTED.search(hint):
        return {option: found["value"]}
    if found := _NUMBER.search(hint):
        return {option: None if found["value"] == "None" else int(found["value"])}
    return {option: None} if _REMOVED.search(hint) else None


def _literal(text: str) -> Any:
    """Return the value of a literal; ``None`` if it is not one, or has an ellipsis."""
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return None
    if not isinstance(value, list):
        return value
    is_told = "..." not in value and all(isinstance(each, str) for each in value)
    return tuple(value) if is_told else None


def _assigned(
    name: str, value: Any, option: str, entry: object, options: Mapping[str, Any]
) -> Fix | None:
    """Return the fix of a hint that names an option; entries are added to those that are there."""
    if name not in options:
        return None
    if name == "allow_origin_regex" and option == "allow_origins":
        before = options[name]
        regex = value if not before else f"(?:{before})|(?:{value})"
        without = instead_of(options, option, entry)
        return None if without is None else {**without, name: regex}
    if name == "allow_origins" and option == "allow_origin_regex":
        if "*" in options[name]:  # It is never asked.
            return {option: None}
        others = () if "*" in value else options[name]
        return {name: tuple(dict.fromkeys((*others, *value))), option: None}
    if isinstance(value, tuple) and name == option and entry in options[option]:
        return instead_of(options, option, entry, *value)
    return {name: value}


def _tried(
    problem: CORSConfigProblem,
    fix: Fix,
    options: Mapping[str, Any],
    problems: Sequence[CORSConfigProblem],
    check: Callable[[Mapping[str, Any]], Iterable[CORSConfigProblem]],
) -> CORSConfigProblem:
    hint = problem.hint
    before = Counter(map(_kind, problems))
    places = [(each.code, each.option, each.value) for each in problems]
    for _ in range(_MAX_STEPS):
        changed = {**options, **fix}
        is_gone, new = _effect(problem, before, [*check(changed)])
        if not new:
            hint = _with_whole_regex(hint, fix)
            allows_more = problem.severity == "info" and _WIDER.search(hint)
            return problem.replace(fix=fix if is_gone and not allows_more else None, hint=hint)
        # Other entries may have the same mistake; they had it before.
        came = [each for each in new if (each.code, each.option, each.value) not in places] or new
        fixes = [(each, _said(each, changed)) for each in came]
        next_one, step = next((pair for pair in fixes if pair[1] is not None), fixes[0])
        next_hint = _TOLERATE.sub("", next_one.hint)
        # Of two mistakes in one value the last hint has the value; any other hint is added.
        on_top = step is not None and not step.keys() >= fix.keys()
        if on_top or next_one.severity == "info":
            next_hint = f"{hint}; {next_hint}"
        hint = next_hint or hint
        if step is None:
            break
        fix |= step
    return problem.replace(fix=None, hint=hint)


def _with_whole_regex(hint: str, fix: Fix) -> str:
    """Put the whole expression into a hint if the fix joins an old one and a new one."""
    regex = fix.get("allow_origin_regex")
    if not isinstance(regex, str) or regex in hint:
        return hint
    return _ASSIGNED.sub(lambda _: f'write allow_origin_regex=r"{regex}"', hint)


def _kind(problem: CORSConfigProblem) -> tuple[str, str]:
    return problem.code, problem.option
