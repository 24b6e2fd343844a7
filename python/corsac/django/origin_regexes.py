"""``CORS_ALLOWED_ORIGIN_REGEXES``: what they mean in django-cors-headers, and here.

There ``re.match`` looks at the start of an origin only. Here an expression has to match the whole
origin, and where that makes a difference a warning says so.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from corsac.errors import CORSConfigProblem, Severity
from corsac.origins import RegexOrigins, compile_origin_regex
from corsac.validation import judge_origin_regex
from corsac.validation.regex.allow_origin_regex import MAX_PATTERN_LENGTH
from corsac.validation.regex.language import language_of_tree
from corsac.validation.regex.origin_languages import origins
from corsac.validation.regex.syntax import Alternatives, UnknownSyntax, read_regex

__all__ = ["OriginRegexes", "read_origin_regexes"]

_FLAGS = ((re.IGNORECASE, "i"), (re.DOTALL, "s"))
_STRANGER = ".evil.example"


@dataclasses.dataclass(frozen=True, slots=True)
class OriginRegexes:
    """What the expressions come to.

    Attributes:
        regex: The value of ``allow_origin_regex``, or ``None``.
        function: The value of ``allow_origin_func`` where one expression for RE2 will not do.
        problems: What is wrong with each.
    """

    regex: str | None = None
    function: Callable[[str], bool] | None = None
    problems: tuple[CORSConfigProblem, ...] = ()


class _AnyOf:
    """Allows an origin that one of several expressions matches as a whole."""

    def __init__(self, matchers: Iterable[Callable[[str], bool]]) -> None:
        self._matchers = tuple(matchers)

    def __call__(self, origin: str) -> bool:
        return any(matches(origin) for matches in self._matchers)


def read_origin_regexes(
    setting: str, entries: Sequence[object], *, credentials: bool, tolerate: Sequence[str]
) -> OriginRegexes:
    """Read the expressions of a setting.

    Args:
        setting: Its name.
        entries: Strings, or expressions that ``re`` has compiled.
        credentials: Whether cookies are at stake.
        tolerate: The codes of problems that are accepted knowingly.
    """
    problems: list[CORSConfigProblem] = []
    texts: list[str] = []
    by_python = False
    for entry in entries:
        text, problem = _text_of(setting, entry)
        if problem is not None:
            problems.append(problem)
            continue
        compiled = compile_origin_regex(text)
        if isinstance(compiled, CORSConfigProblem):
            if compiled.code != "regex.extra_missing":
                problems.append(compiled.replace(option=setting, value=entry))
                continue
            by_python = True
        texts.append(text)
        problems += _unanchored(setting, entry, text)
    if not texts:
        return OriginRegexes(problems=tuple(problems))
    joined = texts[0] if len(texts) == 1 else "|".join(f"(?:{text})" for text in texts)
    if not by_python and len(joined) <= MAX_PATTERN_LENGTH:
        return OriginRegexes(regex=joined, problems=tuple(problems))  # The policy judges it.
    matchers = [_python_matcher(text) if by_python else _re2_matcher(text) for text in texts]
    for text, matches in zip(texts, matchers, strict=True):
        problems += _judged(setting, text, matches, credentials, tolerate)
    if by_python:
        problems.append(
            CORSConfigProblem(
                "regex.python",
                "warning",
                setting,
                list(entries),
                "google-re2 is not installed, so Python's re runs the expressions, for some of "
                "which an origin can take it very long",
                "pip install 'corsac[re2]'",
            )
        )
    return OriginRegexes(function=_AnyOf(matchers), problems=tuple(problems))


def _text_of(setting: str, entry: object) -> tuple[str, CORSConfigProblem | None]:
    """The text of an expression for RE2."""

    def invalid(message: str, hint: str) -> tuple[str, CORSConfigProblem]:
        return "", CORSConfigProblem("regex.invalid", "error", setting, entry, message, hint)

    try:
        pattern = re.compile(entry) if isinstance(entry, str) else entry
    except (re.error, RecursionError, OverflowError) as error:
        return invalid(f"Python cannot read it: {error}", "correct the expression")
    assert isinstance(pattern, re.Pattern)  # noqa: S101 - the reader of settings has seen to it
    if pattern.flags & re.VERBOSE:
        return invalid(
            "an expression with the flag re.VERBOSE cannot be run in linear time by RE2",
            "write it without white space and comments",
        )
    flags = "".join(letter for flag, letter in _FLAGS if pattern.flags & flag)
    # The flags of the text itself are in the text.
    text = entry if isinstance(entry, str) else (f"(?{flags})" if flags else "") + pattern.pattern
    # RE2 does not know \Z; the whole origin has to match anyway.
    return re.sub(r"(?<!\\)((?:\\\\)*)\\Z$", r"\1$", text), None


def _python_matcher(text: str) -> Callable[[str], bool]:
    fullmatch = re.compile(text).fullmatch
    return lambda origin: fullmatch(origin) is not None


def _re2_matcher(text: str) -> Callable[[str], bool]:
    matches = RegexOrigins(text)
    return lambda origin: matches(origin.encode())


def _judged(
    setting: str,
    text: str,
    matches: Callable[[str], bool],
    credentials: bool,
    tolerate: Sequence[str],
) -> Iterator[CORSConfigProblem]:
    for problem in judge_origin_regex(text, matches, credentials):
        accepted = problem.severity == "error" and problem.code in tolerate
        severity: Severity = "info" if accepted else problem.severity
        yield problem.replace(option=setting, severity=severity)


def _unanchored(setting: str, entry: object, text: str) -> Iterator[CORSConfigProblem]:
    """Warns if django-cors-headers lets more origins in than the whole expression matches."""
    for origin in _examples(text):
        longer = origin + _STRANGER
        matches = re.compile(text)
        if matches.match(longer) and not matches.fullmatch(longer):
            yield CORSConfigProblem(
                "regex.unanchored",
                "warning",
                setting,
                entry,
                "django-cors-headers compares the start of an origin only, which lets "
                f"{longer} in; here the whole origin has to match, such as {origin}",
                f"end it with $ to say so: {text + '$'!r}",
            )
            return


def _examples(text: str) -> Iterator[str]:
    """For each alternative of an expression, an origin that it matches."""
    try:
        tree = read_regex(text)
        for part in tree.items if isinstance(tree, Alternatives) else (tree,):
            example = language_of_tree(part).common(origins())
            if example is not None:
                yield example
    except UnknownSyntax:
        return
