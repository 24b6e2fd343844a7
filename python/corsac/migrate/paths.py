"""Expressions for paths as path rules: ``/api/*`` and exact paths, never wider than they were."""

from __future__ import annotations

import dataclasses
import re

__all__ = ["PathRule", "covers", "exact_rule", "rules_of_regex"]

MAX_ALTERNATIVES = 32
"""Rules that one expression may become; more are better written by hand."""

MAX_DEPTH = 8
"""Groups of alternatives that are taken apart."""

_ANY_TAIL = re.compile(r"(?:\.[*+]\??|\(\?:\.[*+]\??\)|\(\.[*+]\??\))$")
_ALTERNATIVES = re.compile(r"\((?:\?:)?([^()]*\|[^()]*)\)(?![*+?{])")
_LONE_DOT = re.compile(r"((?:\\.|[^\\.])*)\.", re.DOTALL)
_LITERAL = re.compile(r"(?:\\[^A-Za-z0-9]|[^\\*+?()\[\]{}|^$])*")


@dataclasses.dataclass(frozen=True, slots=True)
class PathRule:
    """Some paths.

    Attributes:
        path: A path, without a slash at its end if all below it is meant.
        below: Whether all paths below it are meant.
        leaves_out: Paths that the pattern of a rule covers and that are not meant.
        loses: Whether the old expression covered paths that are left out: ``/apix`` for ``/api``.
        gives_up: The text that all paths begin with which the old expression covers and the rule
            does not, those included where a lone dot stands for another character; or ``None``.
    """

    path: str
    below: bool = False
    leaves_out: tuple[str, ...] = ()
    loses: bool = False
    gives_up: str | None = None

    @property
    def pattern(self) -> str:
        """The pattern of a rule; those for what it leaves out have to stand before."""
        return f"{self.path}/*" if self.below else self.path

    @property
    def is_everything(self) -> bool:
        """Whether it covers every path."""
        return self.below and not self.path and not self.leaves_out


def exact_rule(path: str) -> list[PathRule]:
    """The rule of a path that is compared as it is; none if no request has such a path."""
    return [PathRule(path)] if path.startswith("/") else []


def covers(rule: PathRule, path: str) -> bool:
    """Whether a rule covers a path."""
    if path in rule.leaves_out:
        return False
    if path == rule.path:
        return True
    return rule.below and path.startswith(f"{rule.path}/")


def rules_of_regex(text: str) -> list[PathRule] | None:
    """The paths that an expression matches from the start, as rules.

    Args:
        text: The expression. It is never run.

    Returns:
        The rules; empty if no path can match; ``None`` if rules cannot say it.
    """
    alternatives = _alternatives(text, MAX_DEPTH)
    if alternatives is None or len(alternatives) > MAX_ALTERNATIVES:
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


def _alternatives(text: str, depth: int) -> list[str] | None:
    match = _ALTERNATIVES.search(text)
    if match is None:
        return [text]
    if depth == 0:
        return None
    found: list[str] = []
    for choice in match[1].split("|"):
        inner = _alternatives(text[: match.start()] + choice + text[match.end() :], depth - 1)
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
    """A path with one of some endings."""
    path = _literal(text)
    if path is None or text.startswith("."):
        return None
    rules = [rule for end in ends for rule in exact_rule(f"{path}{end}")]
    return [dataclasses.replace(rule, gives_up=_before_a_lone_dot(text)) for rule in rules]


def _before_a_lone_dot(text: str) -> str | None:
    """The text before the first dot that stands for any character, or ``None``."""
    found = _LONE_DOT.match(text)
    return None if found is None else _literal(found[1])


def _prefix(text: str, *, leaves_out: tuple[str, ...] = (), loses: bool) -> list[PathRule] | None:
    """A path and all below it, without some endings of the path itself."""
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
    head = _before_a_lone_dot(text)
    gives_up = path if head is None and loses else head
    return [PathRule(path, True, left_out, loses, gives_up)] if path.startswith("/") else []


def _literal(text: str) -> str | None:
    """The path that an expression without operators matches; a lone dot is taken for a dot."""
    return re.sub(r"\\(.)", r"\1", text) if _LITERAL.fullmatch(text) else None
