"""Expressions for paths, such as the ``resources`` of flask-cors, as path rules.

An expression only has to fit the beginning of a path: ``/api/*`` is "``/api`` and any number of
slashes", and so covers ``/apixyz``. What is meant is nearly always an exact path or all paths below
one, which path rules can say. Anything else can only name routes that are known at the start.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from corsac.configuration import make_configuration
from corsac.errors import CORSConfigError, CORSConfigProblem, CORSProblemCode, Severity
from corsac.foreign.flask_cors import looks_like_a_regex
from corsac.foreign.reader import Reader

if TYPE_CHECKING:
    from corsac.validation.regex.language import Language

__all__ = ["Pattern", "Resource", "problem_of_paths", "read_path_rules", "read_pattern", "text_of"]

MAX_ALTERNATIVES = 32  # Rules that one expression may become; more are better written by hand.
MAX_PATH = 2_000  # A longer path is not compared with an expression, and counts as meant.

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
        """Tell whether a path of the application's own is meant: for what is known at its start."""
        if self.kind in ("start", "regex"):
            return path.startswith(self.path) and self._fits(path)
        return self.has_rule_for(path)

    def covers(self, start: str) -> bool:
        """Tell whether every path that starts with a text is meant."""
        if self.kind == "regex":
            # What fits the beginning fits every path that goes on from there, unless the
            # expression can look at what follows.
            return not _LOOKS_AHEAD.search(text_of(self.given)) and self._fits(start)
        below = f"{self.path}/" if self.kind == "prefix" else self.path
        return self.kind != "exact" and start.startswith(below)

    def may_match_below(self, start: str) -> bool:
        """Tell whether some path that starts with a text may be meant."""
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
        return text_of(self.given).endswith(_ENDS)

    @property
    def head(self) -> str:
        """The text with which all paths start that are meant."""
        if not self.is_expression:
            return self.path
        flags = self.given.flags if isinstance(self.given, re.Pattern) else 0
        return "" if flags & (re.IGNORECASE | re.VERBOSE) else _literal_head(text_of(self.given))

    def has_rule_for(self, path: str) -> bool:
        """Tell whether the rules that `ResourcePolicies.rules` makes of it decide about a path."""
        if self.kind in ("prefix", "start"):
            return (path == self.path or path.startswith(f"{self.path}/")) and self._fits(path)
        return self.kind == "any" or (self.kind == "exact" and path == self.path)

    def gives_up(self, path: str) -> bool:
        """Tell whether flask-cors may mean it for a path that its rules leave out.

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

    def rules(self) -> Iterator[tuple[str, bool]]:
        """Path patterns in order, each with whether its paths are meant."""
        if self.kind == "exact":
            yield self.path, True
        elif self.kind in ("prefix", "start"):
            # `/api/.*` leaves out `/api`, which the rule `/api/*` takes in.
            for path in (self.path, f"{self.path}/"):
                if path and not self.matches(path):
                    yield path, False
            yield f"{self.path}/*", True

    @property
    def is_open_ended(self) -> bool:
        """Whether it covers paths that go on behind its own without a slash: ``/apix``."""
        return self.kind in ("prefix", "start") and self.gives_up(f"{self.path}x")

    def leaves_paths_to(self, later: Resource) -> bool:
        """Tell whether rules would give a later resource paths that this one covers."""
        if not self.is_expression or later.kind == "regex":
            return False
        if later.kind == "exact":
            return self.gives_up(later.path)
        # Paths that go on, and those that have another character for a dot.
        dotless = self.path.replace(".", "-")
        samples = (f"{self.path}x", dotless, f"{dotless}/", f"{dotless}/x")
        if self.kind not in ("regex", "start") and not any(map(self.gives_up, samples)):
            return False
        below = f"{later.path}/"
        if self.kind == "prefix" and below.startswith(f"{self.path}/"):
            return False  # The rule before it shadows it.
        return below.startswith(self.head) or self.head.startswith(below) or later.kind == "any"

    def _fits(self, path: str) -> bool:
        return re.match(self.given, path) is not None


@functools.lru_cache(maxsize=64)
def _automaton(expression: re.Pattern[str]) -> Language | None:
    """Return the paths that begin with a match; ``None`` if the expression is not understood."""
    if expression.flags & re.VERBOSE:
        return None
    # Few resources are such expressions, and it takes long to load.
    from corsac.validation.regex.language import language  # noqa: PLC0415
    from corsac.validation.regex.syntax import UnknownSyntax  # noqa: PLC0415

    flags = "(?i)" if expression.flags & re.IGNORECASE else ""
    try:
        return language(f"{flags}(?:{expression.pattern.removeprefix('(?i)')})[ -~]*")
    except UnknownSyntax:
        return None


def alternatives_of(text: str) -> list[str] | None:
    """Take groups of alternatives apart: one of the results has to match; ``None`` for too many."""
    texts, found = [text], []
    while texts:
        each = texts.pop(0)
        if match := _ALTERNATIVES.search(each):
            before, after = each[: match.start()], each[match.end() :]
            texts[:0] = [f"{before}{choice}{after}" for choice in match[1].split("|")]
        elif slash := _OPTIONAL_SLASH.fullmatch(each):  # `/api/?$`: two paths.
            found += [slash[1] + slash[2], f"{slash[1]}/{slash[2]}"]
        else:
            found.append(each)
        if len(texts) + len(found) > MAX_ALTERNATIVES:
            return None
    return found


def read_pattern(pattern: Pattern, problems: list[CORSConfigProblem]) -> list[Resource]:
    """Return what a pattern means, as resources that follow one another; add what is wrong.

    The alternatives of an expression are taken apart where each is a path, or a path and all below
    it: ``^/(api|media)/``.
    """
    found: list[CORSConfigProblem] = []
    resource = read_resource(pattern, found)
    if resource is not None and resource.kind == "regex":
        flags = pattern.flags & ~re.UNICODE if isinstance(pattern, re.Pattern) else 0
        texts = (not flags and alternatives_of(text_of(pattern))) or []
        parts = [read_resource(re.compile(text), []) for text in texts]
        simple = [part for part in parts if part is not None and part.kind != "regex"]
        if len(simple) == len(parts) > 1:
            return simple
    problems += found
    return [] if resource is None else [resource]


def read_resource(pattern: Pattern, problems: list[CORSConfigProblem]) -> Resource | None:
    """Return what a pattern means; ``None`` if it is no use, or has an error."""
    text = text_of(pattern)
    if isinstance(pattern, str) and not looks_like_a_regex(pattern):
        return _usable(Resource(pattern, "exact", pattern), problems)
    if text == "*":
        return Resource(pattern, "any", "")
    try:
        re.compile(pattern)
    except re.error as error:
        message = f"this is taken for a regular expression, and is none: {error}"
        problems.append(problem_of_paths("regex.invalid", "error", text, message))
        return None
    has_flags = isinstance(pattern, re.Pattern) and bool(pattern.flags & ~re.UNICODE)
    resource = None if has_flags else _simple(pattern, text)
    if resource is not None and resource.path.startswith("."):
        resource = None  # The dot may stand for the slash.
    if resource is not None and resource.kind == "start" and not _usable(resource, problems):
        return None
    if resource is None or resource.kind == "start":
        resource = resource or Resource(pattern, "regex", "")
        below = f" and of everything below {resource.path}/" if resource.kind == "start" else ""
        message = (
            "an expression is not run on the paths of requests: corsac.flask gives it to the "
            f"routes it matches{below}, and to no other path; rules without routes leave its paths "
            "out, and every later resource that allows more"
        )
        problems.append(problem_of_paths("rule.no_counterpart", "warning", text, message))
        return resource
    return resource if resource.kind == "any" else _usable(resource, problems)


_WRITE = 'write resources={"/api/*": {...}} for /api and all below it, or "/health" for one path'


def problem_of_paths(
    code: CORSProblemCode, severity: Severity, value: object, message: str, hint: str = _WRITE
) -> CORSConfigProblem:
    """Return a problem of ``resources``; the usual hint says how paths are written."""
    return CORSConfigProblem(code, severity, "resources", value, message, hint)


_ALTERNATIVES = re.compile(r"\((?:\?:)?([^()]*\|[^()]*)\)(?![*+?{])")
_OPTIONAL_SLASH = re.compile(r"(.*[^\\])/\?(\$|\\Z)", re.DOTALL)
_ALL_BUT_THE_ROOT = ("/.+", "/(.+)")
_ANY_PATH = re.compile(r"/?(?:\.\*|\.\+|\(\.\*\))?|/[*+?]")
_BELOW = re.compile(r"(?P<head>.*?)/\??(?:\*|\+|\.\*|\.\+|\(\.\*\)|\(\.\+\))?", re.DOTALL)
_ANY_END = re.compile(r"\.[*+]\)?\Z")
_GOES_ON = re.compile(r"(?P<head>.*?)(?:\.\*|\.\+|\(\.\*\))", re.DOTALL)
_STARRED = re.compile(r"(?P<head>.*[^\\*+?)\]}])\*", re.DOTALL)
# At the end of an expression that has to fit only the beginning, "any number of" says nothing.
_ENDS_IN_ANY_NUMBER = re.compile(r"(?P<head>.*?)(?:\\[wdS]|\[[^\]\\]+\])\*", re.DOTALL)
_LITERAL = re.compile(r"(?:[A-Za-z0-9_/.~@!&=,:; '%<>\"-]|\\[^A-Za-z0-9])*")
_LITERAL_BUT_DOTS = re.compile(_LITERAL.pattern.replace("/.", "/"))
_ENDS = ("$", r"\Z", r"\z", "$)")
_LOOKS_AHEAD = re.compile(r"\$|\\[bBZz]|\(\?")


def _simple(pattern: Pattern, text: str) -> Resource | None:  # noqa: PLR0911 - a shape each
    """Return the expression as one of the other kinds, if it is one of them."""
    body = re.sub(r"\(\?:(\.[*+])\)", r"\1", text).removeprefix("^").removeprefix(r"\A")
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
    """Return the text with which everything starts that the expression matches."""
    body = expression.removeprefix("^").removeprefix(r"\A")
    if "|" in body:
        return ""
    end = _LITERAL_BUT_DOTS.match(body).end()  # type: ignore[union-attr]
    # A quantifier makes the last character optional.
    is_whole = body[end : end + 1] not in ("*", "?", "{")
    return _unescaped(body[:end]) if is_whole else _unescaped(body[:end])[:-1]


def _usable(resource: Resource, problems: list[CORSConfigProblem]) -> Resource | None:
    """Return the resource, if a path rule can say it."""
    rule = resource.path if resource.kind == "exact" else f"{resource.path}/*"
    try:
        make_configuration(None, [(rule, None)], {})
    except CORSConfigError as error:
        message = f"no path can match this: {error.problems[0].message}; it is left out"
        text = text_of(resource.given)
        problems.append(problem_of_paths("rule.never_matched", "warning", text, message))
        return None
    return resource


def text_of(pattern: Pattern) -> str:
    """Return the text of a pattern, compiled or not."""
    return pattern if isinstance(pattern, str) else pattern.pattern


def read_path_rules(
    reader: Reader, option: str, pattern: re.Pattern[str]
) -> list[tuple[str, bool]]:
    """Return path patterns in order, with whether an expression covers them; empty for all."""
    text = pattern.pattern
    resources = read_pattern(pattern, [])
    if any(each.kind in ("start", "regex") for each in resources):
        message = (
            "a rule is a path, or a path and all below it; this expression says something else, so "
            "no path is covered"
        )
        hint = 'write rules such as ("/api/*", policy)'
        reader.report("rule.no_counterpart", "error", option, text, message, hint)
        return [("/*", False)]
    if not resources:
        message = "no path begins with this, so CORS is off"
        reader.warn("rule.never_matched", option, text, message)
    if any(each.kind == "any" for each in resources):
        return []
    found: dict[str, bool] = {}
    for resource in resources:
        if resource.is_open_ended:
            path = resource.path
            message = (
                f"the expression covers {path}x as well; {path}/* covers {path} and all below it"
            )
            hint = f'add a rule for "{path}x" if there is such a path'
            reader.warn("rule.narrower", option, text, message, hint)
        for rule, is_meant in resource.rules():
            found.setdefault(rule, is_meant or any(each.matches(rule) for each in resources))
    return [*found.items(), ("/*", False)]
