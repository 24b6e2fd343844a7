"""Expressions for paths as path rules: ``/api/*`` and exact paths, never wider than they were."""

from __future__ import annotations

import dataclasses
import re

from corsac.foreign.reader import Reader

__all__ = ["PathRule", "alternatives_of", "read_path_rules", "rules_of_regex"]

MAX_ALTERNATIVES = 32
"""Rules that one expression may become; more are better written by hand."""

MAX_DEPTH = 8
"""Groups of alternatives that are taken apart."""

_ANY_TAIL = re.compile(r"(?:\.[*+]\??|\(\?:\.[*+]\??\)|\(\.[*+]\??\))$")
_ALTERNATIVES = re.compile(r"\((?:\?:)?([^()]*\|[^()]*)\)(?![*+?{])")
_LITERAL = re.compile(r"(?:\\[^A-Za-z0-9]|[^\\*+?()\[\]{}|^$])*")


@dataclasses.dataclass(frozen=True, slots=True)
class PathRule:
    """Some paths.

    Attributes:
        path: A path, without a slash at its end if all below it is meant.
        below: Whether all paths below it are meant.
        leaves_out: Paths that the pattern of a rule covers and that are not meant.
        loses: Whether the old expression covered paths that are left out: ``/apix`` for ``/api``.
    """

    path: str
    below: bool = False
    leaves_out: tuple[str, ...] = ()
    loses: bool = False

    @property
    def pattern(self) -> str:
        """The pattern of a rule; those for what it leaves out have to stand before."""
        return f"{self.path}/*" if self.below else self.path

    @property
    def is_everything(self) -> bool:
        """Whether it covers every path."""
        return self.below and not self.path and not self.leaves_out


def rules_of_regex(text: str) -> list[PathRule] | None:
    """Return the paths that an expression matches from the start, as rules.

    Args:
        text: The expression. It is never run.

    Returns:
        The rules; empty if no path can match; ``None`` if rules cannot say it.
    """
    alternatives = alternatives_of(text)
    if alternatives is None:
        return None
    found: list[PathRule] = []
    for alternative in alternatives:
        rules = _rules_of_one(alternative)
        if rules is None:
            return None
        found += (rule for rule in rules if rule not in found)
    if any(rule.is_everything for rule in found):
        return [rule for rule in found if rule.is_everything]
    return found


def alternatives_of(text: str, depth: int = MAX_DEPTH) -> list[str] | None:
    """Take the groups of alternatives of an expression apart: one of the results has to match.

    Args:
        text: The expression. It is never run.
        depth: How many groups are taken apart.

    Returns:
        The expressions; ``None`` if there are too many.
    """
    match = _ALTERNATIVES.search(text)
    if match is None:
        return [text]
    if depth == 0:
        return None
    found: list[str] = []
    for choice in match[1].split("|"):
        inner = alternatives_of(text[: match.start()] + choice + text[match.end() :], depth - 1)
        if inner is None or len(found) + len(inner) > MAX_ALTERNATIVES:
            return None
        found += inner
    return found


def _rules_of_one(text: str) -> list[PathRule] | None:  # noqa: PLR0911 - one shape each
    body = re.sub(r"^(?:\^|\\A)+", "", text)
    stripped = re.sub(r"(?:(?<!\\)\$|\\Z)$", "", body)
    ends_here = stripped != body
    without_tail = _ANY_TAIL.sub("", stripped)
    anything_follows = without_tail != stripped
    not_alone = "+" in stripped[len(without_tail) :]
    body = without_tail
    if body.endswith("/*") and not anything_follows:
        # Any number of slashes, from the start: /api, /api/x and /apix.
        if ends_here:
            return None
        return _prefix(body[:-2], loses=True)
    if body.endswith("/?"):
        if ends_here and not anything_follows:
            return _exact(body[:-2], "", "/")
        return _prefix(body[:-2], leaves_out=("",) if not_alone else (), loses=True)
    if ends_here and not anything_follows:
        return _exact(body, "")
    if body.endswith("//"):
        return None
    if body.endswith("/"):
        return _prefix(body[:-1], leaves_out=("", "/") if not_alone else ("",), loses=False)
    return _prefix(body, leaves_out=("",) if not_alone else (), loses=True)


def _exact(text: str, *ends: str) -> list[PathRule] | None:
    """Return a path with one of some endings."""
    path = _literal(text)
    if path is None or text.startswith("."):
        return None
    return [PathRule(f"{path}{end}") for end in ends] if path.startswith("/") else []


def _prefix(text: str, *, leaves_out: tuple[str, ...] = (), loses: bool) -> list[PathRule] | None:
    """Return a path and all below it, without some endings of the path itself."""
    path = _literal(text)
    if path is None:
        return None
    if path in {"", "/"}:
        # Every path has at least its first slash.
        alone = tuple(f"{path}{end}" for end in leaves_out)
        return [PathRule("", True, tuple(each for each in alone if each == "/"))]
    if path.endswith("/") or "*" in path or text.startswith("."):
        return None
    left_out = tuple(f"{path}{end}" for end in leaves_out)
    return [PathRule(path, True, left_out, loses)] if path.startswith("/") else []


def _literal(text: str) -> str | None:
    """Return the path that an expression without operators matches; a lone dot is a dot."""
    return re.sub(r"\\(.)", r"\1", text) if _LITERAL.fullmatch(text) else None


def read_path_rules(
    reader: Reader, option: str, pattern: re.Pattern[str]
) -> list[tuple[str, bool]]:
    """Return path patterns in order, with whether an expression covers their paths; empty for all.

    Args:
        reader: What takes the problems.
        option: The option that the expression stands in.
        pattern: The expression, which paths have to begin with.
    """
    text = pattern.pattern
    rules = None if pattern.flags & re.VERBOSE else rules_of_regex(text)
    if pattern.flags & re.IGNORECASE:
        message = "paths in other letter case are covered as well; a rule compares letters"
        reader.report("rule.narrower", "warning", option, text, message)
    if rules is None:
        reader.report(
            "rule.no_counterpart",
            "error",
            option,
            text,
            "a rule is a path, or a path and all below it; this expression says something "
            "else, so no path is covered",
            'write rules such as ("/api/*", policy)',
        )
        return [("/*", False)]
    if not rules:
        message = "no path begins with this, so CORS is off"
        reader.report("rule.never_matched", "warning", option, text, message)
    if rules and rules[0].is_everything:
        return []
    found: list[tuple[str, bool]] = []
    for rule in rules:
        if rule.loses:
            reader.report(
                "rule.narrower",
                "warning",
                option,
                text,
                f"the expression covers {rule.path}x as well; {rule.pattern} covers "
                f"{rule.path} and all below it",
                f'add a rule for "{rule.path}x" if there is such a path',
            )
        found += ((path, False) for path in rule.leaves_out)
        found.append((rule.pattern, True))
    return [*found, ("/*", False)]
