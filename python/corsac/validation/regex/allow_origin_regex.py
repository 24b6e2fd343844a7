"""Check a regular expression for origins by what it matches, not by how it is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from corsac.errors import CORSConfigProblem, CORSProblemCode, Severity
from corsac.validation.hosts import public_suffixes
from corsac.validation.regex.as_origins import added_by, as_allow_origins
from corsac.validation.regex.extensions import SAMPLES_OF_IDS, any_extension, extensions_let_in
from corsac.validation.regex.language import Language, language
from corsac.validation.regex.origin_languages import (
    below_suffix,
    insecure_origins,
    languages_of_mistakes,
    origins,
    public_addresses,
)
from corsac.validation.regex.reach import Openings, openings
from corsac.validation.regex.syntax import (
    Alternatives,
    Anchor,
    Node,
    OneOf,
    Repeat,
    Sequence,
    UnknownSyntax,
)

__all__ = ["MAX_PATTERN_LENGTH", "check_origin_regex"]

MAX_PATTERN_LENGTH = 1_000
"""Characters of an expression that is looked into; a longer one is "cannot tell"."""

MAX_DOTS = 16
"""Unescaped dots of one expression that are looked at; the first are as telling as the rest."""

_Rating = tuple[CORSProblemCode, Severity]
_ANY_SITE: tuple[_Rating, _Rating] = (
    ("regex.matches_any_site", "warning"),
    ("origin.any_with_credentials", "error"),
)
_PUBLIC_SUFFIX: tuple[_Rating, _Rating] = (
    ("regex.opens_public_suffix", "warning"),
    ("origin.public_suffix_with_credentials", "error"),
)
"""How a finding is rated without credentials, and with them."""

_OPTION = "allow_origin_regex"
_ANY_SITE_TOP_LEVELS = 10
"""Top-level domains below which anyone may get a name that matches; as many mean any site."""

_LIST_YOUR_OWN = "list the exact origins of your own in allow_origins"


def check_origin_regex(
    pattern: str, regex: Callable[[str], bool], allow_credentials: bool
) -> list[CORSConfigProblem]:
    """Find what an expression lets in that its author may not want, and what it never matches.

    RE2 has accepted the pattern, and ``regex`` asks it about a whole origin: it confirms every
    finding. If it disagrees, nothing can be told.
    """
    check = _Check(pattern, regex, allow_credentials)
    try:
        check.run()
    except UnknownSyntax as error:
        check.run_without_language(str(error))
    return check.problems


@dataclass(slots=True)
class _Check:
    pattern: str
    regex: Callable[[str], bool]
    allow_credentials: bool
    problems: list[CORSConfigProblem] = field(default_factory=list)

    def report(self, code: CORSProblemCode, severity: Severity, message: str, hint: str) -> None:
        self.problems.append(
            CORSConfigProblem(code, severity, _OPTION, self.pattern, message, hint)
        )

    def run(self) -> None:
        if len(self.pattern) > MAX_PATTERN_LENGTH:
            raise UnknownSyntax(f"it is longer than {MAX_PATTERN_LENGTH} characters")
        written = language(self.pattern)
        example = written.common(origins())
        for probe in _probes(example):
            # The expression is never asked about what is not an origin.
            if probe in origins() and (probe in written) is not self.regex(probe):
                raise UnknownSyntax("it was not understood")
        if example is None:
            self.report(
                "regex.never_matches",
                "error",
                f"no browser sends an origin that matches: {_why_never(self.pattern, written)}",
                "browsers send scheme://host or scheme://host:port, such as "
                '"https://app.example.com"',
            )
            return
        meant, dots = self._escape_dots(written)
        found = openings(meant, public_suffixes().rules)
        if self._find_any_site(meant, found):
            return
        if "null" in meant:
            self.report(
                "regex.matches_null",
                "warning",
                "the origin null is not given to the regex: any site can send it",
                "serve the page from an origin of its own",
            )
        insecure = meant.common(insecure_origins()) if self.allow_credentials else None
        if insecure is not None:
            self._report_insecure(self._confirmed(insecure))
        self._find_openings(meant, found)
        for finding in extensions_let_in(meant, self._confirmed, self.allow_credentials):
            self.report(*finding)
        as_origins = as_allow_origins(meant.tree)
        self._find_unescaped_dots(dots, meant, as_origins)
        told = any(
            problem.severity == "error" or problem.code == "regex.unescaped_dot"
            for problem in self.problems
        )
        if as_origins and not told:
            self.report(
                "regex.is_a_pattern",
                "info",
                "this can be said without a regex, and is faster so",
                _write(as_origins, meant),
            )

    def _confirmed(self, origin: str) -> str:
        """Return an origin that the automaton matches, if RE2 agrees."""
        if not self.regex(origin):
            raise UnknownSyntax("it was not understood")
        return origin

    def _find_any_site(self, language: Language, found: Openings) -> bool:
        addresses = [language.common(address) for address in public_addresses()]
        if found.is_name_free and _are_everywhere(found.suffixes):
            suffix = "com" if "com" in found.suffixes else found.suffixes[0]
            example = self._name_below(language, suffix) or ""
        elif all(addresses):
            example = self._confirmed(addresses[0] or "")
        else:
            return False
        what = ", which is any site"
        hint = 'write allow_origins=["*"] if that is meant'
        if self.allow_credentials:
            what = ": any site could read responses and act with the user's cookies"
            hint = (
                "list the origins that need credentials in allow_origins, "
                "or set allow_credentials=False"
            )
        message = f"it matches {example} and the like{what}"
        self.report(*_ANY_SITE[self.allow_credentials], message, hint)
        return True

    def _name_below(self, language: Language, suffix: str) -> str | None:
        """Return somebody else's origin below a suffix; ``None`` if it is not theirs after all."""
        for name in _NAMES_OF_OTHERS:
            origin = language.common(below_suffix(suffix, name))
            if origin is None:
                continue
            labels = suffix.count(".") + 2
            owner = public_suffixes().owner(_host_of(origin))
            return self._confirmed(origin) if owner and owner.count(".") + 1 == labels else None
        return None

    def _report_insecure(self, origin: str) -> None:
        self.report(
            "origin.insecure_with_credentials",
            "error",
            f"it matches {origin}, and anyone on the network can change an http page and so act "
            "with the user's cookies",
            "match https only; http://localhost and 127.0.0.1 may stay",
        )

    def _find_openings(self, language: Language, found: Openings) -> None:
        for suffix in found.suffixes:
            origin = self._name_below(language, suffix)
            if origin is None:
                continue
            others = "" if found.is_name_free else f" or {len(found.suffixes) - 1} other suffixes"
            message = (
                f"it matches {origin}, and anyone can get such a name below "
                f"{suffix.removeprefix('*.')}{others}"
            )
            self.report(*_PUBLIC_SUFFIX[self.allow_credentials], message, _LIST_YOUR_OWN)
            return

    def _escape_dots(self, written: Language) -> tuple[Language, list[int]]:
        """Return what was meant: lone dots are dots of a host name, if they can be."""
        dots = sorted(_lone_dots(written.tree))
        if dots:
            meant = language(_replace_dots(self.pattern, dots))
            if meant.common(origins()) is not None:
                return meant, dots
        return written, []

    def _find_unescaped_dots(self, dots: list[int], meant: Language, as_origins: list[str]) -> None:
        own = public_suffixes().owner(_host_of(meant.common(origins()) or "")) if dots else None
        worst: str | None = None
        is_foreign = False
        for dot in dots[:MAX_DOTS]:
            origin = language(_replace_dots(self.pattern, dots, wild=dot)).common(origins())
            if origin is None:
                continue
            owner = public_suffixes().owner(_host_of(origin))
            foreign = owner is not None and owner != own
            if worst is None or (foreign and not is_foreign):
                worst, is_foreign = self._confirmed(origin), foreign
        if worst is None:
            return
        self.report(
            "regex.unescaped_dot",
            "error" if is_foreign and self.allow_credentials else "warning",
            f"a dot stands for any character, so it matches {worst}"
            + (" too, a name that anyone may register" if is_foreign else " too"),
            _write(as_origins, meant)
            if as_origins
            else f'write "{_replace_dots(self.pattern, dots)}"',
        )

    def run_without_language(self, reason: str) -> None:
        """Try the most dangerous origins, and report that the rest is unknown."""
        self.problems.clear()
        suffixes = [
            rule
            for rule in public_suffixes().rules
            if not rule.startswith("*.") and self.regex(f"https://evil.{rule}")
        ]
        if suffixes:
            rating = _ANY_SITE if _are_everywhere(suffixes) else _PUBLIC_SUFFIX
            message = f"it matches https://evil.{suffixes[0]}, a name that anyone could get"
            self.report(*rating[self.allow_credentials], message, _LIST_YOUR_OWN)
        if not self.allow_credentials:
            return
        if self.regex(insecure := "http://evil.example.com"):
            self._report_insecure(insecure)
        if all(map(self.regex, SAMPLES_OF_IDS)):
            self.report(*any_extension(SAMPLES_OF_IDS[0]))
        if not self.problems:
            self.report(
                "regex.reach_unknown",
                "error",
                f"how far it reaches cannot be told, and with credentials it has to be: {reason}",
                "list origins or patterns in allow_origins, or write a simpler expression",
            )


def _are_everywhere(suffixes: Iterable[str]) -> bool:
    return len({suffix.rpartition(".")[2] for suffix in suffixes}) >= _ANY_SITE_TOP_LEVELS


def _host_of(origin: str) -> str:
    host = origin.partition("://")[2]
    return host if host.startswith("[") else host.partition(":")[0].removesuffix(".")


def _write(entries: list[str], meant: Language) -> str:
    """Return the hint to write entries instead of an expression; it says what they add."""
    added = added_by(entries, meant)
    listed = ", ".join(f'"{entry}"' for entry in entries)
    return f"write allow_origins=[{listed}]" + (f", which allows {added} too" if added else "")


def _probes(example: str | None) -> Iterator[str]:
    """Yield texts on which the automaton and RE2 have to agree, most of them near a match."""
    yield from (
        "https://evil.com",
        "http://evil.com",
        "https://evil.co.uk:8443",
        "https://evil.github.io",
        "http://localhost",
        "http://localhost:3000",
        "http://127.0.0.1:8000",
        "http://[::1]:8000",
        "chrome-extension://abcdefghijklmnop",
    )
    if example is not None:
        yield from (example, f"{example}.evil.com", f"{example}:8443", f"x{example}", example[:-1])
        yield from (example.replace("://", f"://{name}", 1) for name in ("evil", "evil."))
        yield example.replace(".", "x", 1)


def _lone_dots(node: Node) -> Iterator[int]:
    match node:
        case OneOf(dot=dot):
            if dot is not None:
                yield dot
        case Sequence(items=items) | Alternatives(items=items):
            for item in items:
                yield from _lone_dots(item)
        case Repeat(item=item):
            yield from _lone_dots(item)
        case Anchor():
            pass


def _replace_dots(pattern: str, dots: list[int], wild: int | None = None) -> str:
    """Escape the lone dots of an expression, but for one that is everything but a dot."""
    for dot in reversed(dots):
        text = "[^.]" if dot == wild else r"\."
        pattern = pattern[:dot] + text + pattern[dot + 1 :]
    return pattern


# The most telling first.
_NAMES_OF_OTHERS = (
    "[a-z0-9-]*evil",
    "[a-z0-9-]*evil[a-z0-9-]*",
    "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?",
    None,
)
_INNER_ANCHOR = re.compile(r"(?<!\\)(?:\$.*[A-Za-z]|[A-Za-z].*(?<!\[)\^)")


def _why_never(pattern: str, language: Language) -> str:
    if "null" in language:
        return "the origin null is never given to the regex, because any site can send it"
    for mistake, reason in languages_of_mistakes():
        if language.common(mistake) is not None:
            return reason
    if not pattern.isascii():
        return "browsers send hosts of other scripts as A-labels (xn--...)"
    if _INNER_ANCHOR.search(pattern):
        return "^ or $ stands where more has to come"
    return "an origin is a scheme, a host in lower case, and a port if it is not the default one"
