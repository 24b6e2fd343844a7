"""What a configuration of another library means, before Corsac judges it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any

from corsac.errors import CORSConfigProblem, CORSProblemCode, Severity
from corsac.options.names import nearest_name

__all__ = ["SAFELISTED_METHODS", "OriginRegex", "Reader", "Reading", "split_names"]

SAFELISTED_METHODS = ("GET", "HEAD", "POST")


@dataclasses.dataclass(frozen=True, slots=True)
class OriginRegex:
    """One expression for origins.

    Attributes:
        text: The expression that matches the same origins, or fewer, as a whole.
        written: What stands in the configuration.
        option: The option that it stands in.
    """

    text: str
    written: object
    option: str


@dataclasses.dataclass(slots=True)
class Reading:
    """What a configuration means.

    Attributes:
        options: Options of `CORSPolicy` that mean what the old ones mean, unsafe or not.
        regexes: Expressions for origins; each is judged on its own.
        problems: What was found while reading.
        names: For an option of `CORSPolicy`, what the old library calls it.
        given: The old names that are set, as against left at their defaults.
        rules: Path patterns in order, each with what is meant for its paths, or ``None``.
    """

    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    regexes: list[OriginRegex] = dataclasses.field(default_factory=list)
    problems: list[CORSConfigProblem] = dataclasses.field(default_factory=list)
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    given: frozenset[str] = frozenset()
    rules: list[tuple[str, Reading | None]] = dataclasses.field(default_factory=list)

    def problem(  # noqa: PLR0917
        self,
        code: CORSProblemCode,
        severity: Severity,
        option: str,
        value: object,
        message: str,
        hint: str = "",
    ) -> None:
        """Note a problem of the old configuration."""
        self.problems.append(CORSConfigProblem(code, severity, option, value, message, hint))


class Reader:
    """Reads the options that most libraries have; each library's own reader says how.

    Attributes:
        library: What people call the library.
        reading: What was read so far.
    """

    library = ""
    options: tuple[str, ...] = ()

    def __init__(self, given: Mapping[str, object], names: Mapping[str, str]) -> None:
        self.given = given
        self.reading = Reading(names=names, given=frozenset(given))

    def report(  # noqa: PLR0917
        self,
        code: CORSProblemCode,
        severity: Severity,
        option: str,
        value: object,
        message: str,
        hint: str = "",
    ) -> None:
        """Note a problem of the old configuration."""
        self.reading.problem(code, severity, option, value, message, hint)

    def report_unknown(self, name: str, severity: Severity, message: str) -> None:
        """Note an option that the old library does not have."""
        near = nearest_name(name.lower(), (option.lower() for option in self.options))
        known = {option.lower(): option for option in self.options}
        hint = f"did you mean {known[near]}?" if near else "remove it"
        self.report("option.unknown", severity, name, name, message, hint)

    def texts(self, option: str, entries: Iterable[object]) -> list[str]:
        """The entries that are text; others match nothing and are problems."""
        found = []
        for entry in entries:
            if isinstance(entry, str):
                found.append(str.__str__(entry))
            else:
                kind = type(entry).__name__
                message = (
                    f"{self.library} compares text, so an entry of type {kind} matches nothing"
                )
                hint = "write a string"
                self.report("option.wrong_type", "error", option, entry, message, hint)
        return found

    def truth(self, option: str, *, default: bool = False) -> bool:
        """A boolean as Python takes the value for one; what is no boolean is a problem."""
        value = self.given.get(option, default)
        if isinstance(value, bool) or value is None:
            return bool(value)
        try:
            meant = bool(value)
        except Exception:  # Any object may stand here.
            meant = True
        self.report(
            "option.wrong_type",
            "error",
            option,
            value,
            f"True or False is wanted; {self.library} takes it for {meant}",
            "write True or False",
        )
        return meant

    def report_safelisted(self, option: str, allowed: Iterable[str]) -> None:
        """Say that methods which the old library refuses in preflights are allowed by Fetch."""
        missing = [method for method in SAFELISTED_METHODS if method not in set(allowed)]
        if missing and missing != ["HEAD"]:
            names = " and ".join(missing)
            self.report(
                "method.safelisted",
                "warning",
                option,
                tuple(missing),
                f"{self.library} refuses preflight requests for {names}, so a POST with JSON fails "
                "where one of a plain form does not; by Fetch a preflight answer always allows "
                "GET, HEAD and POST, and so does Corsac's",
                "check the method in the application if it must not be called",
            )

    def drop_options_method(self, option: str, methods: Iterable[str]) -> list[str]:
        """The methods but OPTIONS, which pages hardly send and preflights need not list."""
        listed = list(methods)
        kept = [method for method in listed if method != "OPTIONS"]
        if len(kept) != len(listed):
            self.report(
                "method.options",
                "info",
                option,
                "OPTIONS",
                "preflight requests need no listing, so it is left out; it would count only for "
                "pages that send OPTIONS themselves",
                'add "OPTIONS" to allow_methods if yours do',
            )
        return kept


_SEPARATORS = re.compile(r"[\s,;]+")


def split_names(text: str) -> list[str]:
    """The names that one string lists."""
    return [part for part in _SEPARATORS.split(text) if part]
