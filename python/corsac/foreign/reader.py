"""What the readers of other libraries' options share: notes, and leaving out what cannot stay."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from corsac import _core
from corsac.errors import CORSConfigProblem, CORSProblemCode, Severity, has_errors
from corsac.foreign.reading import Reading, once
from corsac.policy import problems_of

__all__ = ["SAFELISTED_METHODS", "OriginRegex", "Reader", "is_entry", "split_names"]

SAFELISTED_METHODS: Final = ("GET", "HEAD", "POST")
"""What a page may send whatever a policy lists (Fetch, "CORS-safelisted method")."""

_NORMALIZED: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"})
"""Fetch, "normalize a method": these alone, so that a page may well send "patch" as it is."""

_MAX_ROUNDS: Final = 16  # How often a policy is tried without what was wrong with it.
_LISTS: Final = ("allow_origins", "allow_methods", "allow_headers", "expose_headers")
_NAME_FOR_PEOPLE: Final = {"starlette": "Starlette", "express": "Express"}


@dataclasses.dataclass(frozen=True, slots=True)
class OriginRegex:
    """An expression that matches as a whole, what stands for it in the configuration, and where."""

    text: str
    written: object
    option: str


class Reader:
    """Collects what the options mean and what is wrong with them; each library's own reads them.

    Attributes:
        library: The library, as `corsac.migrate.translate` calls it.
        names: For options of a policy, what the configuration calls them.
        chosen: The names by which the configuration sets something.
        options: Options of a policy that mean what the old ones mean, unsafe or not.
        regexes: Expressions for origins; each is checked on its own.
    """

    library = ""

    def __init__(self, given: Mapping[str, Any], names: Mapping[str, str]) -> None:
        self.given = given
        self.names = dict(names)
        self.chosen = set(given)
        self.options: dict[str, Any] = {}
        self.regexes: list[OriginRegex] = []
        self.problems: list[CORSConfigProblem] = []

    @property
    def who(self) -> str:
        """The library, as people call it."""
        return _NAME_FOR_PEOPLE.get(self.library, self.library)

    def report(  # noqa: PLR0917
        self,
        code: CORSProblemCode,
        severity: Severity,
        option: str,
        value: object,
        message: str,
        hint: str = "",
        fix: Mapping[str, object] | None = None,
    ) -> None:
        """Note a problem of the configuration."""
        name = self.name(option)
        self.problems.append(CORSConfigProblem(code, severity, name, value, message, hint, fix))

    def name(self, option: str) -> str:
        """Return the name by which the configuration sets one of the library's options."""
        return option

    def warn(
        self, code: CORSProblemCode, option: str, value: object, message: str, hint: str = ""
    ) -> None:
        """Note something that does not do what it seems to."""
        self.report(code, "warning", option, value, message, hint)

    def refuse(self, option: str, value: object, message: str, hint: str = "") -> None:
        """Note a value of a wrong type."""
        self.report("option.wrong_type", "error", option, value, message, hint)

    def without_lower_case(self, option: str, methods: Iterable[str]) -> list[str]:
        """Return the methods without those in lower case that browsers normalize."""
        kept = []
        for method in methods:
            if method == method.upper() or method.upper() not in _NORMALIZED:
                kept.append(method)
                continue
            message = "methods are case-sensitive, and browsers ask for capitals"
            hint = f'write "{method.upper()}" if it is meant'
            self.warn("method.never_allowed", option, method, message, hint)
        return kept

    def report_safelisted(self, option: str, allowed: Iterable[str]) -> None:
        """Say that methods which the library refuses in preflights are allowed by Fetch."""
        missing = [method for method in SAFELISTED_METHODS if method not in set(allowed)]
        if missing and missing != ["HEAD"]:
            message = (
                f"{self.who} refuses preflight requests for {' and '.join(missing)}, so a POST "
                "with JSON fails where one of a plain form does not; by Fetch a preflight answer "
                "always allows GET, HEAD and POST, and so does Corsac's"
            )
            hint = "check the method in the application if it must not be called"
            self.warn("method.safelisted", option, tuple(missing), message, hint)

    def instead(self, option: str, entry: object, *others: object) -> dict[str, object] | None:
        """The fix that puts other entries, or none, in the place of one, in the user's words."""
        given = self.given.get(option, self.given.get(option.removeprefix("CORS_").lower()))
        if isinstance(given, (str, re.Pattern)):
            given = [given]
        if not isinstance(given, (list, tuple, set, frozenset)) or entry not in given:
            return None
        fixed: list[object] = []
        for each in given:
            news = others if each == entry else (each,)
            fixed += [new for new in news if new not in fixed]
        return {option: fixed}

    def _fix_in_words(
        self, problem: CORSConfigProblem, options: Mapping[str, Any]
    ) -> dict[str, object] | None:
        """Return a fix of the options that were read as one of what is set, or ``None``."""
        spelt: dict[str, object] = {}
        fix = problem.fix or {}
        for option, value in fix.items():
            name, before = self.names.get(option, option), options.get(option)
            if not isinstance(value, tuple):
                spelt[name] = value
                continue
            gone = [each for each in before or () if each not in value]
            new = [each for each in value if each not in (before or ())]
            is_pattern = option == "allow_origins" and any(is_entry(e) and "*" in e for e in new)
            # Of two that are the same, or beside what is there, the entry itself stays.
            entry, kept = (gone[0], []) if gone else (problem.value, [problem.value])
            step = self.instead(name, entry, *kept, *new)
            if step is None or len(gone) > 1 or is_pattern:
                return None
            spelt |= step
        return None if "allow_origin_regex" in fix else spelt or None

    def at_most_a_day(self, option: str, seconds: int, assigns: str) -> int:
        """Return the seconds of a max-age; more than browsers keep is cut, and is a problem."""
        longest = _core.MAX_MAX_AGE
        if seconds > longest:
            message = "no browser keeps a preflight answer longer than a day, which is sent instead"
            hint = f"write {self.name(option)}{assigns}{longest}"
            self.warn("max_age.out_of_bounds", option, seconds, message, hint)
        return min(seconds, longest)

    def finish(self, own: Mapping[str, Any] | None = None) -> Reading:
        """Check what was read beside own options of a policy, and leave out what cannot stay."""
        options = {**self.options, **(own or {})}
        # Nobody is allowed because what allows somebody could not be read, or matches nothing.
        unread = has_errors(self.problems) or any(
            problem.code == "origin.never_matched" for problem in self.problems
        )
        kept = self._check_regexes(options) if self.regexes else []
        found = problems_of(options)
        for problem in found:
            if problem.code == "origin.none" and (self.regexes or unread):
                continue
            name = self.names.get(problem.option, problem.option)
            if problem.severity == "info" and name not in self.chosen:
                continue  # A default of the library was not chosen by anybody.
            fix = self._fix_in_words(problem, options)
            self.problems.append(problem.replace(option=name, fix=fix))
        if kept:
            from corsac.origins.regex import PythonExpression  # noqa: PLC0415 - few have any

            whole = kept[0] if len(kept) == 1 else "|".join(f"(?:{text})" for text in kept)
            options["allow_origin_regex"] = PythonExpression(whole)
        if len(kept) > 1:  # Each may be told how far it reaches, and all together may not.
            name = self.names["allow_origin_regex"]
            self.problems += [
                problem.replace(option=name, fix=None)
                for problem in problems_of(options)
                if problem.option == "allow_origin_regex" and problem.severity == "error"
            ]
        if len(kept) > 1 or has_errors(found):
            options = _narrowed(options)
        if "*" in options.get("allow_origins", ()):
            options["allow_origins"] = ["*"]
        return Reading(self.library, options, tuple(once(self.problems)), names=self.names)

    def _check_regexes(self, options: Mapping[str, Any]) -> list[str]:
        """Return the expressions that may stay."""
        if "*" in options.get("allow_origins", ()):
            for regex in self.regexes:
                message = "every origin is allowed anyway, so it is never asked"
                hint = 'remove it, or do not allow "*"'
                self.warn("origin.redundant", regex.option, regex.written, message, hint)
            return []
        # What finds how far one reaches takes long to load, and few have any.
        from corsac.origins.regex import PythonExpression  # noqa: PLC0415
        from corsac.validation.regex.language import language  # noqa: PLC0415
        from corsac.validation.regex.syntax import UnknownSyntax  # noqa: PLC0415

        kept = []
        # What is wrong with an expression depends on these.
        beside = {
            name: options[name] for name in options.keys() & {"allow_credentials", "tolerate"}
        }
        for regex in self.regexes:
            alone = {"allow_origin_regex": PythonExpression(regex.text), **beside}
            found = [
                problem.replace(option=regex.option, value=regex.written, fix=None)
                for problem in problems_of(alone)
                if problem.option == "allow_origin_regex"
            ]
            self.problems += found
            if has_errors(found):
                continue
            kept.append(regex.text)
            is_any_site = any(problem.code == "regex.matches_any_site" for problem in found)
            with contextlib.suppress(UnknownSyntax):
                if is_any_site and "null" in language(regex.text):
                    message = (
                        f"{self.who} asks it about the origin null too, which any site can send; "
                        "Corsac does not"
                    )
                    hint = (
                        'serve the page from an origin of its own, or list "null" in allow_origins'
                    )
                    self.warn("regex.matches_null", regex.option, regex.written, message, hint)
        return list(dict.fromkeys(kept))


def is_entry(text: str) -> bool:
    """Tell whether a text is an origin or a pattern of ``allow_origins``, and not ``"*"``."""
    return text != "*" and _core.is_origin_entry(text)


def _narrowed(options: dict[str, Any]) -> dict[str, Any]:
    """Return options without what is an error, entry by entry."""
    for _ in range(_MAX_ROUNDS):
        errors = [each for each in problems_of(options) if each.severity == "error"]
        if not errors:
            return options
        dead: dict[str, list[object]] = {name: [] for name in _LISTS}
        for problem in errors:
            name, value = problem.option, problem.value
            if problem.code == "origin.any_with_credentials" and name == "allow_origins":
                # Pages keep what they can read without cookies.
                options["allow_credentials"] = False
                if "*" in options.get("allow_headers", ()):
                    options["allow_headers"] = [*options["allow_headers"], "authorization"]
            elif problem.code == "max_age.out_of_bounds" and isinstance(value, int):
                options["max_age"] = _core.MAX_MAX_AGE if value > 0 else 0
            elif name in _LISTS and isinstance(value, str) and value in options.get(name, ()):
                dead[name].append(value)
                if name == "allow_origins":
                    options.pop("always_send", None)
            else:
                options.pop(name, None)
        for name, values in dead.items():
            if values:
                options[name] = [entry for entry in options[name] if entry not in values]
    return {}


def split_names(text: str) -> list[str]:
    """Return the names that one string lists."""
    return re.findall(r"[^\s,;]+", text)
