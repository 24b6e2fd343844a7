"""What a configuration of another library means: one reading for drop-in, translator and check.

A reading is never wider than the library, and what is wrong with it is said. Drop-in and translator
differ in nothing but how severe a finding is: `SEVERITIES`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Literal

from corsac.errors import CORSConfigProblem, CORSProblemCode, Severity
from corsac.validation.fixes import keep_fixes_that_hold

__all__ = ["DROP_IN_OPTIONS", "SEVERITIES", "Consumer", "Reading", "in_words_of", "once"]
__all__ += ["with_tried_fixes"]

Consumer = Literal["drop-in", "translation"]

_Pair = tuple[Severity | None, Severity | None]

_DROPPED: Final[_Pair] = ("warning", "error")
_NAMES_WITHOUT_EFFECT: Final[tuple[CORSProblemCode, ...]] = (
    *("header.forbidden_request", "header.forbidden_response", "header.preflight_only"),
    "method.forbidden",
)
_ENTRIES_WITHOUT_EFFECT: Final[tuple[CORSProblemCode, ...]] = (
    *("header.expression", "header.invalid", "method.invalid"),
    *("origin.default_port", "origin.invalid", "origin.non_canonical_ip"),
    "origin.websocket_scheme",
)
SEVERITIES: Final[Mapping[str, Mapping[CORSProblemCode, _Pair]]] = {
    "flask-cors": {
        **dict.fromkeys((*_NAMES_WITHOUT_EFFECT, *_ENTRIES_WITHOUT_EFFECT), _DROPPED),
        "header.expose_any_with_credentials": _DROPPED,
        "regex.never_matches": _DROPPED,
        # The drop-in asks the routes of the application; a translation knows none.
        "rule.no_counterpart": _DROPPED,
        "method.safelisted": ("info", "warning"),
        "origin.rewritten": ("warning", "info"),
        # The drop-in gives to nobody what a rule leaves out and a later one would allow.
        "rule.left_out": ("info", "error"),
        "rule.narrower": ("info", "warning"),
    },
    "django-cors-headers": {
        **dict.fromkeys(_NAMES_WITHOUT_EFFECT, _DROPPED),
        "header.expose_any_with_credentials": _DROPPED,
        "regex.never_matches": _DROPPED,
        "origin.rewritten": ("warning", "info"),
        # The drop-in runs the expression on each path; a translation has rules.
        "rule.narrower": (None, "warning"),
        "rule.never_matched": (None, "warning"),
        "rule.no_counterpart": (None, "error"),
        "rule.open_end": ("warning", None),
    },
    "starlette": {
        # Useless or doubled, but nobody is allowed or refused by mistake.
        **dict.fromkeys(_NAMES_WITHOUT_EFFECT, ("info", "error")),
        "header.redundant": ("info", "info"),
        "header.request_name": ("info", "warning"),
        "header.response_name": ("info", "warning"),
        # The drop-in refuses what Starlette refuses.
        "method.safelisted": (None, "warning"),
        "origin.redundant": ("info", "warning"),
        # The drop-in asks the expression about null too.
        "regex.matches_null": (None, "warning"),
        # It says itself which expressions Python runs, and does so with all that RE2 cannot run.
        "regex.invalid": ("info", "error"),
        "regex.reach_unknown": ("info", "error"),
    },
}
"""For each library and code, how severe a finding is in the drop-in and in a translation.

``None`` is where it is not said: it is about something that this consumer does not do.
Where a drop-in warns and a translation has an error, the entry has no effect in the library
either. A code that is not here has the severity that it is found with; only the drop-in for
Starlette, which uses every option as Starlette does, turns each error into a warning.
"""


DROP_IN_OPTIONS: Final[Mapping[str, Any]] = {"app_headers": "keep", "preflight_status": 200}
"""What flask-cors and django-cors-headers do beside their options: they leave a response alone
whose origin they do not allow, and answer preflight requests with 200."""


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """What a configuration means.

    Attributes:
        library: Whose configuration it is.
        options: Options that `corsac.CORSPolicy` accepts, and that allow what the library allows,
            or less where a problem says so.
        problems: Everything that is wrong or worth knowing, by the library's names for options; use
            `problems_for`.
        rules: Path patterns in order, each with what is meant for its paths; ``None`` where the
            library leaves paths alone. Empty if the options are for every path.
        names: For options of `corsac.CORSPolicy`, the names that the configuration has.
        path_regex: The expression that a path has to begin with, or ``None`` for every path.
    """

    library: str
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    problems: tuple[CORSConfigProblem, ...] = ()
    rules: tuple[tuple[str, Reading | None], ...] = ()
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    path_regex: re.Pattern[str] | None = None

    def problems_for(self, consumer: Consumer, where: str = "") -> tuple[CORSConfigProblem, ...]:
        """Return the problems, as severe as they are for one consumer.

        A drop-in goes on being configured in the library's words, so its messages are in these. In
        front of the options stands ``where``, such as ``"resources['/api/*']"``.
        """
        found = [found for each in self.problems for found in self._as_for(consumer, each)]
        regex = self.options.get("allow_origin_regex")
        is_run_by_re = consumer == "drop-in" and self.library != "starlette" and regex
        why = _why_no_re2() if is_run_by_re else None
        if why is not None:
            message = (
                f"{why}, so Python's re runs the expression, for which an origin can take it very "
                "long"
            )
            option, hint = self.names["allow_origin_regex"], "pip install 'corsac[re2]'"
            found.append(
                CORSConfigProblem("regex.extra_missing", "warning", option, regex, message, hint)
            )
        if where:
            found = [each.replace(option=f"{where} {each.option}") for each in found]
        return tuple(once(found))

    def _as_for(
        self, consumer: Consumer, problem: CORSConfigProblem
    ) -> Iterator[CORSConfigProblem]:
        pair = SEVERITIES.get(self.library, {}).get(problem.code)
        severity: Severity | None = problem.severity
        if pair is not None:
            severity = pair[0] if consumer == "drop-in" else pair[1]
        elif consumer == "drop-in" and self.library == "starlette" and severity == "error":
            severity = "warning"
        if severity is None:
            return
        found = problem.replace(severity=severity)
        if consumer == "drop-in":
            if pair == _DROPPED and problem.severity == "error":
                effect = f"; {self.library} kept it without any effect, here it is left out"
                found = found.replace(message=found.message + effect)
            found = in_words_of(self.library, found, self.names)
        yield found


def in_words_of(
    library: str, problem: CORSConfigProblem, names: Mapping[str, str]
) -> CORSConfigProblem:
    """Return a problem whose message and hint have the names of the configuration for options."""
    message, hint = (_in_words_of(library, it, names) for it in (problem.message, problem.hint))
    return problem.replace(message=message, hint=hint)


_PATTERNS: Final = re.compile(r"""write allow_origins=(?P<list>\[[^]]*(?://\*\.|:\*)[^]]*\])""")


def _in_words_of(library: str, text: str, names: Mapping[str, str]) -> str:
    """Return a message or hint with the names that a library has for options of a policy."""
    if library == "starlette":
        # Everything is tolerated there.
        text = re.sub(r"(; or )?accept it knowingly.*", "", text)
        if re.search(r"//\*|:\*", text) and "no patterns" not in text:
            text += ", which takes corsac.CORSMiddleware: Starlette has no patterns"
        return text
    if found := _PATTERNS.search(text):
        # An expression to the library: only a policy has patterns.
        own = 'write CORSAC = {"allow_origins": %s}'
        if library == "flask-cors":
            own = "give a policy in place of options: CORSPolicy(allow_origins=%s)"
        text = text[: found.start()] + own % found["list"] + text[found.end() :]
    assigns = " = " if library == "django-cors-headers" else "="
    if library == "django-cors-headers":
        text = re.sub(r"tolerate=\[([^\]]*)\]", r'CORSAC = {"tolerate": [\1]}', text)
    for option, name in names.items():
        if name == option or name.startswith("CORSAC["):
            continue
        text = re.sub(rf"(?<!CORSPolicy\()\b{option}=", f"{name}{assigns}", text)
        text = re.sub(rf"(?<!CORSPolicy\()(?<!\")\b{option}\b(?![=\"])", name, text)
    return text


def with_tried_fixes(reading: Reading, read: Callable[[Mapping[str, Any]], Reading]) -> Reading:
    """The reading without the fixes that do not hold when the configuration is read with them."""
    problems = keep_fixes_that_hold(reading.problems, lambda fix: read(fix).problems)
    return dataclasses.replace(reading, problems=tuple(problems))


def _why_no_re2() -> str | None:
    from corsac.origins.regex import why_no_re2  # noqa: PLC0415 - few have an expression

    return why_no_re2()


def once(problems: Iterable[CORSConfigProblem]) -> list[CORSConfigProblem]:
    """Return the problems without repetitions, by their texts: a value need not be hashable."""
    return list({(each.severity, str(each)): each for each in problems}.values())
