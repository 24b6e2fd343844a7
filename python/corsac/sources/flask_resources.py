"""The ``resources`` of flask-cors as path rules.

flask-cors matches a path with an expression that only has to fit its beginning: ``/api/*`` is
"``/api`` and any number of slashes", and so covers ``/apixyz``. What is meant is nearly always an
exact path or all paths below one, and these are the patterns that path rules have. What is neither
is not run on requests: it can only name routes that are known when the application starts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from corsac.errors import CORSConfigError, CORSConfigProblem
from corsac.policy import CORSPolicy
from corsac.rules import Rule, make_configuration
from corsac.sources.flask_cors_options import looks_like_a_regex

__all__ = ["ResourcePolicies", "ResourcePolicy", "read_resource", "read_resources"]

Pattern = str | re.Pattern[str]
Kind = Literal["any", "exact", "prefix", "start", "regex"]


@dataclass(frozen=True, slots=True)
class Resource:
    """What a resource of flask-cors means.

    Attributes:
        given: The pattern as it was given.
        kind: ``"any"`` path, one ``"exact"`` path, a ``"prefix"`` on a segment border, paths that
            ``"start"`` with a text, or a ``"regex"`` that is none of these.
        path: The exact path, the prefix without ``/*``, or the text that paths start with.
    """

    given: Pattern
    kind: Kind
    path: str

    def matches(self, path: str) -> bool:
        """Whether a path of the application's own is meant: for what is known at its start."""
        match self.kind:
            case "any":
                return True
            case "exact":
                return path == self.path
            case "prefix":
                below = path == self.path or path.startswith(f"{self.path}/")
                return below and self._fits(path)
            case "start":
                return path.startswith(self.path) and self._fits(path)
            case "regex":
                return self._fits(path)

    def covers(self, start: str) -> bool:
        """Whether every path that starts with a text is meant."""
        match self.kind:
            case "any":
                return True
            case "exact":
                return False
            case "prefix":
                return start.startswith(f"{self.path}/")
            case "start":
                return start.startswith(self.path)
            case "regex":
                # What fits the beginning fits every path that goes on from there, unless the
                # expression can look at what follows.
                return not _LOOKS_AHEAD.search(_text(self.given)) and self._fits(start)

    def may_match_below(self, start: str) -> bool:
        """Whether some path that starts with a text may be meant."""
        if self.kind in ("exact", "prefix"):
            return self.covers(start) or self.path.startswith(start)
        head = _literal_head(_text(self.given)) if self.kind == "regex" else self.path
        return start.startswith(head) or head.startswith(start)

    def _fits(self, path: str) -> bool:
        return re.match(self.given, path) is not None


@dataclass(frozen=True, slots=True)
class ResourcePolicy:
    """A resource and the policy of its paths."""

    resource: Resource
    policy: CORSPolicy


class ResourcePolicies:
    """Resources in the order in which flask-cors tries them, as path rules.

    Args:
        resources: The first that matches a path decides about it.
    """

    def __init__(self, resources: Iterable[ResourcePolicy] = ()) -> None:
        self.resources = tuple(resources)

    def policy_of(self, path: str) -> CORSPolicy | None:
        """The policy of a path of the application's own."""
        found = self._first(path)
        return None if found is None else found.policy

    def needs_a_rule_of_its_own(self, path: str) -> bool:
        """Whether only an exact rule can give a path its policy."""
        found = self._first(path)
        return found is not None and found.resource.kind in ("start", "regex")

    def policy_below(self, start: str) -> CORSPolicy | None:
        """The policy of all paths that start with a text, if no rule says it and it is the same."""
        for entry in self.resources:
            if entry.resource.covers(start):
                spoken_for = entry.resource.kind not in ("start", "regex")
                return None if spoken_for else entry.policy
            if entry.resource.may_match_below(start):
                return None
        return None

    def unreached_below(self, start: str) -> list[Pattern]:
        """Patterns that cannot be applied to paths that start with a text, and may be meant for."""
        if self.policy_below(start) is not None:
            return []
        return [
            entry.resource.given
            for entry in self.resources
            if entry.resource.kind in ("start", "regex") and entry.resource.may_match_below(start)
        ]

    def rules(self) -> tuple[list[Rule], CORSPolicy | None]:
        """Path rules in order, and the policy of the paths for which there is none."""
        rules: list[Rule] = []
        seen: set[str] = set()

        def add(pattern: str, policy: CORSPolicy | None) -> None:
            if pattern not in seen:
                seen.add(pattern)
                rules.append((pattern, policy))

        for entry in self.resources:
            resource = entry.resource
            if resource.kind == "any":
                return rules, entry.policy
            if resource.kind == "exact":
                add(resource.path, entry.policy)
            elif resource.kind in ("prefix", "start"):
                # `/api/.*` leaves out `/api`, which the rule `/api/*` takes in.
                for path in (resource.path, f"{resource.path}/"):
                    if path and not resource.matches(path):
                        add(path, self.policy_of(path))
                add(f"{resource.path}/*", entry.policy)
        return rules, None

    def _first(self, path: str) -> ResourcePolicy | None:
        return next((entry for entry in self.resources if entry.resource.matches(path)), None)


def read_resources(
    resources: object, problems: list[CORSConfigProblem]
) -> list[tuple[Pattern, Mapping[str, Any]]]:
    """The patterns with the options of each, in the order in which flask-cors tries them.

    Args:
        resources: A pattern, a list of patterns, or a mapping of patterns to options.
        problems: What is wrong is added here.
    """
    if isinstance(resources, (str, re.Pattern)):
        return [(resources, {})]
    pairs: list[tuple[Pattern, Mapping[str, Any]]] = []
    if not isinstance(resources, Iterable) or isinstance(resources, bytes):
        _refuse(resources, "a path, a list of paths or a mapping is wanted", problems)
        return pairs
    given = resources.items() if isinstance(resources, Mapping) else ((r, {}) for r in resources)
    for pattern, options in given:
        if not isinstance(pattern, str) and not (
            isinstance(pattern, re.Pattern) and isinstance(pattern.pattern, str)
        ):
            _refuse(pattern, "a path is a string or a compiled expression", problems)
        elif not isinstance(options, Mapping):
            _refuse(options, f"the options of {pattern!r} are a mapping", problems)
        else:
            pairs.append((pattern, options))
    if isinstance(resources, Mapping):
        pairs.sort(key=_order_in_a_mapping)
    return pairs


def read_resource(pattern: Pattern, problems: list[CORSConfigProblem]) -> Resource | None:
    """What a pattern means; ``None`` if it is no use, or has an error.

    Args:
        pattern: A pattern as flask-cors takes it.
        problems: What is wrong is added here.
    """
    text = _text(pattern)
    if isinstance(pattern, str) and not looks_like_a_regex(pattern):
        return _usable(Resource(pattern, "exact", pattern), problems)
    if text == "*":
        return Resource(pattern, "any", "")
    try:
        re.compile(pattern)
    except re.error as error:
        message = f"this is taken for a regular expression, and is none: {error}"
        problems.append(
            CORSConfigProblem("regex.invalid", "error", "resources", text, message, _WRITE)
        )
        return None
    ignores_case = isinstance(pattern, re.Pattern) and bool(pattern.flags & re.IGNORECASE)
    resource = None if ignores_case else _simple(pattern, text)
    if resource is None or resource.kind == "start":
        resource = resource or Resource(pattern, "regex", "")
        _warn_of_expression(resource, problems)
        return resource
    return resource if resource.kind == "any" else _usable(resource, problems)


_WRITE = 'write resources={"/api/*": {...}} for /api and all below it, or "/health" for one path'
_ANY_PATH = re.compile(r"/?(?:\.\*|\.\+|\(\.\*\))?|/[*+?]")
_BELOW = re.compile(r"(?P<head>.*?)/\??(?:\*|\+|\.\*|\.\+|\(\.\*\)|\(\.\+\))?", re.DOTALL)
_GOES_ON = re.compile(r"(?P<head>.*?)(?:\.\*|\.\+|\(\.\*\))", re.DOTALL)
_STARRED = re.compile(r"(?P<head>.*[^\\*+?)\]}])\*", re.DOTALL)
# At the end of an expression that has to fit only the beginning, "any number of" says nothing.
_ENDS_IN_ANY_NUMBER = re.compile(r"(?P<head>.*?)(?:\\[wdS]|\[[^\]\\]+\])\*", re.DOTALL)
_LITERAL = re.compile(r"(?:[A-Za-z0-9_/.~@!&=,:; '%<>\"-]|\\[^A-Za-z0-9])*")
_LOOKS_AHEAD = re.compile(r"\$|\\[bBZz]|\(\?")


def _simple(pattern: Pattern, text: str) -> Resource | None:
    """The expression as one of the other kinds, if it is one of them."""
    body = text.removeprefix("^").removeprefix(r"\A")
    whole = body.endswith(("$", r"\Z")) and not body.endswith(r"\$")
    if whole:
        body = body.removesuffix("$").removesuffix(r"\Z")
        if _LITERAL.fullmatch(body) and not body.endswith("\\"):
            return Resource(pattern, "exact", _unescaped(body))
    if _ANY_PATH.fullmatch(body) and not (whole and body in ("", "/")):
        return Resource(pattern, "any", "")
    below = _BELOW.fullmatch(body) or _GOES_ON.fullmatch(body)
    if below and _LITERAL.fullmatch(below["head"]):
        return Resource(pattern, "prefix", _unescaped(below["head"]).removesuffix("/"))
    starred = _STARRED.fullmatch(body) or _ENDS_IN_ANY_NUMBER.fullmatch(body)
    if starred and not whole and _LITERAL.fullmatch(starred["head"]):
        return Resource(pattern, "start", _unescaped(starred["head"]))
    if _LITERAL.fullmatch(body) and not whole:
        return Resource(pattern, "prefix", _unescaped(body))
    return None


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _literal_head(expression: str) -> str:
    """The text with which everything starts that the expression matches."""
    body = expression.removeprefix("^").removeprefix(r"\A")
    if "|" in body:
        return ""
    match = re.match(r"(?:[A-Za-z0-9_/~@!&=,:; '%<>\"-]|\\[^A-Za-z0-9])*", body)
    head = match[0] if match else ""
    following = body[len(head) :]
    # A quantifier makes the last character optional.
    return _unescaped(head)[:-1] if following[:1] in ("*", "?", "{") else _unescaped(head)


def _usable(resource: Resource, problems: list[CORSConfigProblem]) -> Resource | None:
    """The resource, if a path rule can say it."""
    rule = resource.path if resource.kind == "exact" else f"{resource.path}/*"
    routing_problems = _faults_of_rule(rule)
    if not routing_problems:
        return resource
    message = f"no path can match this: {routing_problems[0].message}; it is left out"
    problems.append(
        CORSConfigProblem(
            "rule.invalid", "warning", "resources", _text(resource.given), message, _WRITE
        )
    )
    return None


def _faults_of_rule(pattern: str) -> Sequence[CORSConfigProblem]:
    try:
        make_configuration(None, [(pattern, None)], {})
    except CORSConfigError as error:
        return error.problems
    return ()


def _warn_of_expression(resource: Resource, problems: list[CORSConfigProblem]) -> None:
    below = f" and of everything below {resource.path}/" if resource.kind == "start" else ""
    problems.append(
        CORSConfigProblem(
            "rule.expression",
            "warning",
            "resources",
            _text(resource.given),
            "an expression is not run on the paths of requests: these are the paths of the routes "
            f"it matches{below}, and no others",
            _WRITE,
        )
    )


def _refuse(value: object, message: str, problems: list[CORSConfigProblem]) -> None:
    problems.append(
        CORSConfigProblem("option.wrong_type", "error", "resources", value, message, _WRITE)
    )


def _order_in_a_mapping(pair: tuple[Pattern, object]) -> tuple[int, int, int]:
    """Literal paths, compiled expressions, others; in each group the longest first."""
    pattern = pair[0]
    text = ".*" if pattern == "*" else _text(pattern)
    group = 1 if isinstance(pattern, re.Pattern) else 2 if looks_like_a_regex(text) else 0
    return group, -text.count("/"), -len(text)


def _text(pattern: Pattern) -> str:
    return pattern if isinstance(pattern, str) else pattern.pattern
