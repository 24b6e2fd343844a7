"""What is wrong with a configuration: problems as data, and the error that carries all of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, cast

import corsac
from corsac._text import safe_repr
from corsac._values import FrozenValue, frozen_value, plain

__all__ = ["CORSConfigError", "CORSConfigProblem", "CORSProblemCode", "Severity"]
__all__ += ["has_errors", "log_warnings"]

if TYPE_CHECKING:
    from corsac.codes import CORSProblemCode, Severity
else:

    def __getattr__(name: str) -> Any:
        """Load the types that have all codes when somebody asks for them (PEP 562)."""
        if name in {"CORSProblemCode", "Severity"}:
            return getattr(corsac.codes, name)
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)


@frozen_value
class CORSConfigProblem(FrozenValue):
    """One thing that is wrong with, or worth knowing about, a configuration.

    Attributes:
        code: A stable name for programs, such as ``"origin.invalid"``; `corsac.codes` has them all.
        severity: ``"error"``: no policy is made; ``"warning"``: something does not do what it seems
            to; ``"info"``: worth knowing.
        option: The option's name, such as ``"allow_origins"``.
        value: The offending entry as it was given; not always a string.
        message: What is wrong and why.
        hint: What to write instead; may be empty.
        fix: The hint as new values of options, by the names that ``option`` has. With them the
            problem is gone and no other as bad takes its place. ``None`` where only you can know
            what is meant, or what to accept; and for lists of more than a thousand entries.
    """

    __slots__ = _fields = __match_args__ = (
        *("code", "severity", "option", "value", "message", "hint", "fix"),
    )

    code: corsac.codes.CORSProblemCode
    severity: corsac.codes.Severity
    option: str
    value: object
    message: str
    hint: str
    fix: Mapping[str, object] | None

    def __init__(  # noqa: PLR0917 - in the order of the fields
        self,
        code: corsac.codes.CORSProblemCode,
        severity: corsac.codes.Severity,
        option: str,
        value: object,
        message: str,
        hint: str = "",
        fix: Mapping[str, object] | None = None,
    ) -> None:
        fix = None if fix is None else MappingProxyType(dict(fix))
        self._fill(code, severity, option, value, message, hint, fix)

    def _arguments(self) -> dict[str, Any]:
        arguments = self._all_fields()
        fix = arguments.pop("fix")
        return arguments if fix is None else {**arguments, "fix": dict(fix)}

    def __hash__(self) -> int:
        # Without the fix, which follows from the rest.
        return hash((self.code, self.severity, self.option, self.value, self.message, self.hint))

    def replace(self, **changes: Any) -> Self:
        """Make another problem with some attributes changed and all others kept."""
        return self.__replace__(**changes)

    def as_dict(self) -> dict[str, object]:
        """Return the problem as values that JSON has; any other value is its ``repr``."""
        fix = {name: _for_json(value) for name, value in (self.fix or {}).items()}
        return {
            "code": self.code,
            "severity": self.severity,
            "option": self.option,
            "value": _for_json(self.value),
            "message": self.message,
            "hint": self.hint,
            "fix": fix or None,
        }

    def __str__(self) -> str:
        """One line for people: option, value, reason, way out, code."""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self.option}: {_short(self.value)}: {self.message}{hint} [{self.code}]"


class CORSConfigError(ValueError):
    """A configuration that cannot be used.

    Attributes:
        problems: Every problem that was found, warnings and infos included, errors among them.
    """

    def __init__(self, problems: Sequence[CORSConfigProblem]) -> None:
        self.problems: tuple[CORSConfigProblem, ...] = tuple(problems)
        errors = [problem for problem in self.problems if problem.severity == "error"]
        count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
        lines = "".join(f"\n  {problem}" for problem in errors)
        from corsac.codes import where_to_read  # noqa: PLC0415 - errors alone need it

        more = f"\n  {where_to_read(errors[0].code)}" if errors else ""
        super().__init__(f"the CORS configuration has {count}:{lines}{more}")

    def __reduce__(self) -> tuple[type[CORSConfigError], tuple[tuple[CORSConfigProblem, ...]]]:
        """Pickle by the problems, not by the text made of them."""
        return (type(self), (self.problems,))


def has_errors(problems: Iterable[CORSConfigProblem]) -> bool:
    """Tell whether a configuration with these problems cannot be used."""
    return any(problem.severity == "error" for problem in problems)


def log_warnings(
    problems: Iterable[CORSConfigProblem], known: Iterable[CORSConfigProblem] = ()
) -> None:
    """Write the warnings among some problems to the log, each text once.

    Whatever puts a configuration in force calls this; making one writes nothing.

    Args:
        problems: The problems of what is in force now.
        known: Those of what was in force there before, which are in the log already.
    """
    lines = {str(problem): None for problem in problems if problem.severity == "warning"}
    for problem in known:
        lines.pop(str(problem), None)
    for line in lines:
        logging.getLogger("corsac").warning("CORS: %s", line)


def from_core(problems: Sequence[tuple[str, str, str, str, str, str]]) -> list[CORSConfigProblem]:
    """Make problems of what the core gives: code, severity, option, value, message, hint."""
    return [
        CORSConfigProblem(
            cast("CORSProblemCode", code), cast("Severity", severity), option, value, message, hint
        )
        for code, severity, option, value, message, hint in problems
    ]


def _for_json(value: object) -> object:
    """Return the value, or its ``repr`` if JSON does not have it."""
    import json  # noqa: PLC0415 - tools alone need it

    value = plain(value) if isinstance(value, FrozenValue) else value
    try:
        json.dumps(value, allow_nan=False)
    except Exception:  # Whatever an option was given, be it another program's source.
        return _short(value)
    return list(value) if isinstance(value, tuple) else value


_SHOWN_VALUE_LENGTH = 200


def _short(value: object) -> str:
    text = safe_repr(value)
    return text if len(text) <= _SHOWN_VALUE_LENGTH else f"{text[:_SHOWN_VALUE_LENGTH]}..."
