"""The ``resources`` of flask-cors as path rules.

flask-cors matches a path with an expression that only has to fit its beginning: ``/api/*`` is
"``/api`` and any number of slashes", and so covers ``/apixyz``. What is meant is nearly always an
exact path or all paths below one, and these are the patterns that path rules have. What is neither
is not run on requests: it can only name routes that are known when the application starts.

What a resource so gives up would go to the next one. Where that allows more, it goes to nobody.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from corsac.configuration import Rule, make_configuration
from corsac.errors import CORSConfigError, CORSConfigProblem
from corsac.foreign.allowance import allows_no_more
from corsac.foreign.flask_cors_options import looks_like_a_regex
from corsac.policy import CORSPolicy
from corsac.validation.regex.language import Language, language
from corsac.validation.regex.syntax import UnknownSyntax

__all__ = ["ResourcePolicies", "ResourcePolicy", "nobody", "read_resource", "read_resources"]

MAX_PATH = 2_000
"""Characters of a path that are compared with an expression; what is longer counts as meant."""

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
            opens = self.is_expression and start.startswith(self.head)
            return self.covers(start) or self.path.startswith(start) or opens
        return start.startswith(self.head) or self.head.startswith(start)

    @property
    def is_expression(self) -> bool:
        """Whether flask-cors compares paths with an expression."""
        return self.kind != "any" and (
            not isinstance(self.given, str) or looks_like_a_regex(self.given)
        )

    @property
    def ends_with_the_path(self) -> bool:
        """Whether it may matter that a path has a line feed, which ``$`` and ``.`` look at."""
        return _text(self.given).endswith(_ENDS)

    @property
    def head(self) -> str:
        """The text with which all paths start that are meant."""
        if not self.is_expression:
            return self.path
        flags = self.given.flags if isinstance(self.given, re.Pattern) else 0
        return "" if flags & (re.IGNORECASE | re.VERBOSE) else _literal_head(_text(self.given))

    def has_rule_for(self, path: str) -> bool:
        """Whether the rules that `ResourcePolicies.rules` makes of it decide about a path."""
        if self.kind == "start":
            return (path == self.path or path.startswith(f"{self.path}/")) and self._fits(path)
        return self.kind != "regex" and self.matches(path)

    def gives_up(self, path: str) -> bool:
        """Whether flask-cors may mean it for a path that its rules leave out.

        It takes time in proportion to the path: only expressions that are literal texts with an
        open end are run, and others are an automaton.
        """
        if not self.is_expression or not path.startswith(self.head) or self.has_rule_for(path):
            return False
        if self.kind != "regex":
            return len(path) > MAX_PATH or self._fits(path)
        if len(path) > MAX_PATH or not path.isascii() or not path.isprintable():
            return True
        automaton = _automaton(re.compile(self.given))
        return automaton is None or path in automaton

    def _fits(self, path: str) -> bool:
        return re.match(self.given, path) is not None


@functools.lru_cache(maxsize=64)
def _automaton(expression: re.Pattern[str]) -> Language | None:
    """The paths that begin with a match; ``None`` if the expression is not understood."""
    if expression.flags & re.VERBOSE:
        return None
    flags = "(?i)" if expression.flags & re.IGNORECASE else ""
    try:
        return language(f"{flags}(?:{expression.pattern.removeprefix('(?i)')})[ -~]*")
    except UnknownSyntax:
        return None


@functools.cache
def nobody(guard: bool = False) -> CORSPolicy:
    """A policy that allows nobody; it says nothing to the log.

    Args:
        guard: Whether it has the guard.
    """
    return CORSPolicy(guard=guard)


@dataclass(frozen=True, slots=True)
class ResourcePolicy:
    """A resource and the policy of its paths."""

    resource: Resource
    policy: CORSPolicy
    is_native: bool = False
    """Whether it was given as a policy, not in the options of flask-cors."""


class ResourcePolicies:
    """Resources in the order in which flask-cors tries them, as path rules.

    Args:
        resources: The first that matches a path decides about it.
        after: What decides about paths for which there is no resource: further resources, or
            policies of which any may be in force.
    """

    def __init__(
        self,
        resources: Iterable[ResourcePolicy] = (),
        after: ResourcePolicies | Iterable[CORSPolicy] = (),
    ) -> None:
        self.resources = tuple(resources)
        nested = after if isinstance(after, ResourcePolicies) else None
        self._chain: tuple[ResourcePolicy, ...] = self.resources + (
            () if nested is None else nested._chain
        )
        self._fallbacks: tuple[CORSPolicy, ...] = (
            tuple(after) if not isinstance(after, ResourcePolicies) else after._fallbacks
        )
        self._looks_at_line_feeds = any(entry.resource.ends_with_the_path for entry in self._chain)
        self.narrowed = tuple(self._narrowed())
        """The resources whose paths must not go to what comes after them."""
        self._heads = tuple({entry.resource.head for entry in self.narrowed})

    @property
    def may_deny(self) -> bool:
        """Whether `denial` has to be asked at all."""
        return bool(self.narrowed) or self._looks_at_line_feeds

    def denial(self, path: str) -> CORSPolicy | None:
        """The policy that allows nobody, if the rules would give a path to a wider policy.

        Args:
            path: The path of a request, decoded.

        Returns:
            ``None`` if the rules may decide.
        """
        if self._looks_at_line_feeds and "\n" in path:
            # Where `.` and `$` stop is not said by any rule.
            return nobody(any(entry.policy.guard for entry in self._chain))
        if not self._heads or not path.startswith(self._heads):
            return None
        given_up: list[CORSPolicy] = []
        for entry in self._chain:
            if entry.resource.has_rule_for(path):
                return _denied(given_up, (entry.policy,))
            if entry.resource.gives_up(path):
                given_up.append(entry.policy)
        return _denied(given_up, self._fallbacks)

    def denial_by_decoding(self, decoded: str, path: str) -> CORSPolicy | None:
        """The policy that allows nobody, if decoding a path once more gives it another policy.

        flask-cors does that, and the router does not.

        Args:
            decoded: The path, decoded once more.
            path: The path as the router has it.
        """
        if self.policy_of(path) == self.policy_of(decoded):
            return None
        return nobody(any(entry.policy.guard for entry in self._chain))

    def policy_of(self, path: str) -> CORSPolicy | None:
        """The policy of a path of the application's own."""
        found = self._first(path)
        end = None if found is None else self.resources.index(found)
        given_up = [
            entry.policy
            for entry in self.resources[:end]
            if entry.resource.kind in ("exact", "prefix") and entry.resource.gives_up(path)
        ]
        if found is not None:
            return _denied(given_up, (found.policy,)) or found.policy
        return self.denial(path) if given_up else None

    def _narrowed(self) -> Iterable[ResourcePolicy]:
        for position, entry in enumerate(self._chain):
            after = (*(later.policy for later in self._chain[position + 1 :]), *self._fallbacks)
            if entry.resource.is_expression and _denied([entry.policy], after):
                yield entry

    def needs_a_rule_of_its_own(self, path: str) -> bool:
        """Whether only an exact rule can give a path its policy."""
        found = self._first(path)
        is_found = found is not None and found.resource.kind in ("start", "regex")
        return is_found or self.denial(path) is not None

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


def _denied(given_up: Iterable[CORSPolicy], then: Iterable[CORSPolicy]) -> CORSPolicy | None:
    """Nobody, if any policy allows more than one whose path it would get."""
    given_up, then = tuple(given_up), tuple(then)
    if all(allows_no_more(policy, kept) for policy in then for kept in given_up):
        return None
    return nobody(any(policy.guard for policy in (*given_up, *then)))


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
    is_empty = True
    for pattern, options in given:
        is_empty = False
        if not isinstance(pattern, str) and not (
            isinstance(pattern, re.Pattern) and isinstance(pattern.pattern, str)
        ):
            _refuse(pattern, "a path is a string or a compiled expression", problems)
        elif not isinstance(options, Mapping):
            _refuse(options, f"the options of {pattern!r} are a mapping", problems)
        else:
            pairs.append((pattern, options))
    if is_empty:
        message = "there is no path in it: all other options are for nothing, and nobody is allowed"
        problems.append(
            CORSConfigProblem("rule.invalid", "warning", "resources", resources, message, _WRITE)
        )
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
    has_flags = isinstance(pattern, re.Pattern) and bool(pattern.flags & ~re.UNICODE)
    resource = None if has_flags else _simple(pattern, text)
    if resource is not None and resource.path.startswith("."):
        resource = None  # The dot may stand for the slash.
    if resource is not None and resource.kind == "start" and not _usable(resource, problems):
        return None
    if resource is None or resource.kind == "start":
        resource = resource or Resource(pattern, "regex", "")
        _warn_of_expression(resource, problems)
        return resource
    return resource if resource.kind == "any" else _usable(resource, problems)


_WRITE = 'write resources={"/api/*": {...}} for /api and all below it, or "/health" for one path'
_ALL_BUT_THE_ROOT = ("/.+", "/(.+)")
_ANY_PATH = re.compile(r"/?(?:\.\*|\.\+|\(\.\*\))?|/[*+?]")
_BELOW = re.compile(r"(?P<head>.*?)/\??(?:\*|\+|\.\*|\.\+|\(\.\*\)|\(\.\+\))?", re.DOTALL)
_ANY_END = re.compile(r"\.[*+]\)?\Z")
_GOES_ON = re.compile(r"(?P<head>.*?)(?:\.\*|\.\+|\(\.\*\))", re.DOTALL)
_STARRED = re.compile(r"(?P<head>.*[^\\*+?)\]}])\*", re.DOTALL)
# At the end of an expression that has to fit only the beginning, "any number of" says nothing.
_ENDS_IN_ANY_NUMBER = re.compile(r"(?P<head>.*?)(?:\\[wdS]|\[[^\]\\]+\])\*", re.DOTALL)
_LITERAL = re.compile(r"(?:[A-Za-z0-9_/.~@!&=,:; '%<>\"-]|\\[^A-Za-z0-9])*")
_ENDS = ("$", r"\Z", r"\z", "$)")
_LOOKS_AHEAD = re.compile(r"\$|\\[bBZz]|\(\?")


def _simple(pattern: Pattern, text: str) -> Resource | None:  # noqa: PLR0911 - a shape each
    """The expression as one of the other kinds, if it is one of them."""
    body = text.removeprefix("^").removeprefix(r"\A")
    whole = body.endswith(("$", r"\Z")) and not body.endswith(r"\$")
    if whole:
        body = body.removesuffix("$").removesuffix(r"\Z")
        if _LITERAL.fullmatch(body) and not body.endswith("\\"):
            return Resource(pattern, "exact", _unescaped(body))
    if "//" in body:
        return None
    if body in _ALL_BUT_THE_ROOT:
        return Resource(pattern, "prefix", "")
    if _ANY_PATH.fullmatch(body) and not (whole and body in ("", "/")):
        return Resource(pattern, "any", "")
    below = _BELOW.fullmatch(body) or _GOES_ON.fullmatch(body)
    if whole and not _ANY_END.search(body):
        return None
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
