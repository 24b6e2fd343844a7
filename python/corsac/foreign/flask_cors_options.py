"""Reads the options of flask-cors 6: what each is there, and what is said about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from corsac import _core
from corsac.errors import CORSConfigProblem, CORSProblemCode, Severity
from corsac.options.files import SourceReading
from corsac.options.names import OPTION_NAMES, corsac_option, nearest_name
from corsac.validation.regex.as_origins import as_allow_origins
from corsac.validation.regex.syntax import UnknownSyntax, read_regex

__all__ = [
    "CONFIG_KEYS",
    "DEFAULT_METHODS",
    "EXTENSION_OPTIONS",
    "FLASK_CORS_OPTIONS",
    "NAMES",
    "is_one_exact_origin",
    "looks_like_a_regex",
    "meant_option",
    "read_flask_cors",
    "unknown_option",
]

FLASK_CORS_OPTIONS = (
    "origins",
    "methods",
    "expose_headers",
    "allow_headers",
    "supports_credentials",
    "max_age",
    "send_wildcard",
    "vary_header",
    "automatic_options",
    "always_send",
    "allow_private_network",
)
"""What flask-cors takes for one resource or view."""

EXTENSION_OPTIONS = ("resources", "intercept_exceptions")
"""What flask-cors takes for a whole application besides."""

CONFIG_KEYS = {f"CORS_{name.upper()}": name for name in (*FLASK_CORS_OPTIONS, *EXTENSION_OPTIONS)}
"""The keys of an application's configuration, with the options that they set."""

_OWN_OPTIONS = ("tolerate", "guard", "app_headers")
NAMES = {
    "allow_origins": "origins",
    "allow_origin_regex": "origins",
    "allow_methods": "methods",
    "allow_credentials": "supports_credentials",
}
"""Options of a policy, with the names that flask-cors has for them."""

DEFAULT_METHODS = ("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE")
"""The methods that it allows if nothing is said."""

_LONGEST_MAX_AGE = 86_400


def read_flask_cors(options: Mapping[str, Any]) -> SourceReading:
    """Read options of flask-cors, and a policy's ``tolerate``, ``guard`` and ``app_headers``.

    Args:
        options: ``origins``, ``methods``, ``supports_credentials`` and so on; what is absent has
            flask-cors's default.
    """
    return _Reader(options).read()


def looks_like_a_regex(text: str) -> bool:
    """Whether flask-cors takes a string for a regular expression."""
    return not _REGEX_MARKS.isdisjoint(text)


def unknown_option(name: str, known: Iterable[str]) -> CORSConfigProblem:
    """The error about an option that flask-cors does not have, and would pass over.

    Args:
        name: The option as it was given.
        known: The options that could be given.
    """
    known = tuple(known)
    meant = meant_option(name, known)
    hint = f"write {meant}" if meant else f"the options are {', '.join(known)}"
    if meant is None and name in OPTION_NAMES:
        hint = f"that is an option of CORSPolicy: write policy=CORSPolicy({name}=...)"
    message = "there is no such option: flask-cors would only log it, and use its default"
    return CORSConfigProblem("option.unknown", "error", name, name, message, hint)


def meant_option(name: str, known: Sequence[str]) -> str | None:
    """The option that a misspelt or foreign name stands for, or ``None``.

    Args:
        name: The option as it was given.
        known: The options that could be given.
    """
    option = corsac_option(name)
    meant = NAMES.get(option or "", option)
    return meant if meant in known else nearest_name(name.lower(), known)


_REGEX_MARKS = frozenset("*\\]?$^[]()")
_ANY_ORIGIN: tuple[object, ...] = ("*", ".*", "^.*", ".*$", "^.*$", ".+", "^.+$")
_PATTERN = re.compile(
    r"[a-z][a-z0-9+.-]*://(?:\*\.)?(?:[a-z0-9_-]+\.)*[a-z0-9_-]+(?::(?:\*|[0-9]+))?"
    r"|[a-z][a-z0-9+.-]*://\[[0-9a-f:.]+\](?::(?:\*|[0-9]+))?"
)
_ENDS = ("$", r"\Z", r"\z")


class _Reader:
    """Reads one mapping; every method reads one option and notes what is wrong with it."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._given = options
        self._options: dict[str, Any] = {"preflight_status": 200}
        self._problems: list[CORSConfigProblem] = []

    def read(self) -> SourceReading:
        known = (*FLASK_CORS_OPTIONS, *_OWN_OPTIONS)
        self._problems += [unknown_option(str(n), known) for n in self._given if n not in known]
        credentials = self._read_bool("supports_credentials", default=False)
        self._options["allow_credentials"] = credentials
        self._read_origins()
        self._options["allow_methods"] = self._read_methods()
        self._options["allow_headers"] = self._read_allow_headers(credentials=credentials)
        self._options["expose_headers"] = self._read_names("expose_headers")
        self._options["max_age"] = self._read_max_age()
        self._options["allow_private_network"] = self._read_bool(
            "allow_private_network", default=False
        )
        if not self._read_bool("automatic_options", default=True):
            self._options["preflight_continue"] = True
        self._read_what_has_no_effect()
        self._options |= {name: self._given[name] for name in _OWN_OPTIONS if name in self._given}
        return SourceReading(self._options, tuple(self._problems), NAMES)

    def _report(  # noqa: PLR0917
        self,
        code: CORSProblemCode,
        option: str,
        value: object,
        message: str,
        hint: str,
        severity: Severity = "error",
    ) -> None:
        self._problems.append(CORSConfigProblem(code, severity, option, value, message, hint))

    def _read_bool(self, name: str, *, default: bool) -> bool:
        value = self._given.get(name, default)
        if value is None or value in (0, 1):
            return bool(value)
        self._report(
            "option.wrong_type",
            name,
            value,
            "True or False is wanted; flask-cors takes any text for true, also 'false'",
            f"write {name}=True or {name}=False",
        )
        return default

    # origins

    def _read_origins(self) -> None:
        value = self._given.get("origins", "*")
        origins: list[str] = []
        expressions: list[str] = []
        for entry in _as_entries(value):
            if (entry.pattern if isinstance(entry, re.Pattern) else entry) in _ANY_ORIGIN:
                origins.append("*")
            elif isinstance(entry, re.Pattern):
                self._read_expression(entry, origins, expressions)
            elif not isinstance(entry, str):
                self._report_no_origin(entry)
            elif _is_wildcard(entry):
                self._report_wildcard(entry)
            elif _PATTERN.fullmatch(entry.lower()) and entry != entry.lower():
                self._report_capitals(entry)
                origins.append(entry.lower())
            elif not looks_like_a_regex(entry):
                origins.append(entry)
            elif _PATTERN.fullmatch(entry):
                self._report_look_alike(entry)
                origins.append(entry)
            else:
                self._read_expression(entry, origins, expressions)
        self._options["allow_origins"] = origins
        if expressions:
            joined = "|".join(f"(?:{text})" for text in expressions)
            self._options["allow_origin_regex"] = (
                expressions[0] if len(expressions) == 1 else joined
            )

    def _report_no_origin(self, entry: object) -> None:
        if entry is None:
            self._report(
                "option.empty",
                "origins",
                entry,
                "None allows nobody, as when an environment variable is not set",
                'list the origins: origins=["https://app.example.com"]',
                "warning",
            )
            return
        message = f"an origin is a string or a compiled expression, not {type(entry).__name__}"
        self._report("option.wrong_type", "origins", entry, message, "write a string")

    def _report_capitals(self, entry: str) -> None:
        self._report(
            "origin.invalid",
            "origins",
            entry,
            "browsers send origins in lower case; flask-cors ignored the case, here they are equal "
            "byte by byte",
            f'write "{entry.lower()}"',
            "warning",
        )

    def _report_look_alike(self, entry: str) -> None:
        self._report(
            "regex.look_alike",
            "origins",
            entry,
            "flask-cors takes this for a regular expression, which matches something else; here it "
            "is what it looks like",
            f'remove it if "{entry}" is not to be allowed',
            "warning",
        )

    def _report_wildcard(self, entry: str) -> None:
        self._report(
            "regex.look_alike",
            "origins",
            entry,
            "flask-cors takes this for a regular expression, which matches other origins than it "
            "looks like; so it is no pattern here either, and is left out",
            "to mean it, give a policy in place of options: "
            f'policy=CORSPolicy(allow_origins=["{entry.lower()}"])',
            "warning",
        )

    def _read_expression(
        self, entry: str | re.Pattern[Any], origins: list[str], expressions: list[str]
    ) -> None:
        text = entry if isinstance(entry, str) else entry.pattern
        fault = _fault_of_expression(entry)
        if fault is not None or not isinstance(text, str):
            self._report(
                "regex.invalid",
                "origins",
                text,
                fault or "an expression of bytes matches no origin",
                'list the origins, or write a pattern such as "https://*.example.com"',
            )
            return
        whole = text.removeprefix("^").removeprefix(r"\A")
        end = next((end for end in _ENDS if whole.endswith(end)), None)
        whole = whole if end is None else whole.removesuffix(end)
        if "|" in whole and (end is not None or whole != text):
            whole = text  # The anchors may belong to one branch each; a full match ignores them.
        as_origins = _as_origins(whole)
        if end is None:
            listed = ", ".join(f'"{origin}"' for origin in as_origins)
            self._report(
                "regex.unanchored",
                "origins",
                text,
                "flask-cors compares only the beginning of the origin, so that what it matches may "
                "go on with .evil.example; here the expression has to match all of it",
                f"write origins=[{listed}]" if listed else f'write r"{text}$"',
                "warning",
            )
        if as_origins:
            origins += as_origins
        else:
            expressions.append(whole if whole == whole.lower() else f"(?i:{whole})")

    # The lists

    def _read_methods(self) -> list[str]:
        if self._given.get("methods", DEFAULT_METHODS) is None:
            return []
        methods = []
        for method in self._read_names("methods", DEFAULT_METHODS):
            if method == "*":
                self._report(
                    "method.invalid",
                    "methods",
                    method,
                    'flask-cors looks for the method in the text "*", and so allows none by it',
                    "list the methods, or leave methods out for all usual ones",
                    "warning",
                )
            else:
                methods.append(method.upper())
        if "methods" in self._given and "POST" not in methods:
            self._report(
                "option.without_effect",
                "methods",
                self._given["methods"],
                "browsers send GET, HEAD and POST whatever the list says",
                "refuse what the view does not take in the view's own methods",
                "info",
            )
        return list(dict.fromkeys(methods))

    def _read_names(self, option: str, default: Iterable[str] = ()) -> list[str]:
        """Names of a list that flask-cors sorts and joins, so that entries may have commas."""
        value = self._given.get(option, default)
        names: list[str] = []
        for entry in () if value is None else _as_entries(value):
            if isinstance(entry, str):
                names += [part.strip() for part in entry.split(",") if part.strip()]
            else:
                message = f"a name is a string, not {type(entry).__name__}"
                self._report("option.wrong_type", option, entry, message, "write a list of strings")
        return names if isinstance(value, str) else sorted(names)

    def _read_allow_headers(self, *, credentials: bool) -> list[str]:
        value = self._given.get("allow_headers", "*")
        headers: list[str] = []
        for entry in () if value is None else _as_entries(value):
            text = entry.pattern if isinstance(entry, re.Pattern) else entry
            if text in ("*", ".*"):
                # Any, Authorization among them, which "*" covers only with credentials.
                headers += ["*"] if credentials else ["*", "authorization"]
            elif not isinstance(text, str):
                message = f"a header name is a string, not {type(text).__name__}"
                self._report(
                    "option.wrong_type", "allow_headers", entry, message, "write a list of strings"
                )
            elif isinstance(entry, re.Pattern) or looks_like_a_regex(text):
                self._report(
                    "header.invalid",
                    "allow_headers",
                    text,
                    "a browser has to be told names, so an expression for them is left out",
                    'list the names, or write allow_headers="*"',
                    "warning",
                )
            else:
                headers.append(text)
        return list(dict.fromkeys(headers))

    # The single values

    def _read_max_age(self) -> object:
        value = self._given.get("max_age")
        if isinstance(value, timedelta):
            value = int(value.total_seconds())
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value.strip(), re.ASCII):
            value = int(value)
        if isinstance(value, str) and not value.strip():
            return None
        if isinstance(value, int) and not isinstance(value, bool) and value > _LONGEST_MAX_AGE:
            self._report(
                "max_age.out_of_bounds",
                "max_age",
                value,
                "no browser keeps a preflight answer longer than a day",
                f"write max_age={_LONGEST_MAX_AGE}, which is what is sent",
                "warning",
            )
            return _LONGEST_MAX_AGE
        return value

    def _read_what_has_no_effect(self) -> None:
        if not self._read_bool("vary_header", default=True):
            self._report(
                "option.without_effect",
                "vary_header",
                self._given["vary_header"],
                "a cache would give one site's answer to another: Vary is sent wherever the answer "
                "depends on the origin",
                "remove it",
                "warning",
            )
        for name, message in _WITHOUT_EFFECT.items():
            default = name != "send_wildcard"
            if self._read_bool(name, default=default) is not default:
                self._report(
                    "option.without_effect", name, self._given[name], message, "remove it", "info"
                )

        given = _as_entries(self._given.get("origins", "*"))
        origins = [entry for entry in given if entry != "*"]
        listed = self._options["allow_origins"]
        if not (self._given.get("always_send") and origins and len(origins) == len(listed)):
            return
        if is_one_exact_origin(listed):
            self._options["always_send"] = True
        else:
            self._report(
                "option.without_effect",
                "always_send",
                self._given["always_send"],
                f'flask-cors sends "{min(map(str, origins))}" to requests without an Origin header '
                "too; here they get none unless exactly one exact origin is listed, so that "
                "nothing works behind a cache or proxy that takes Origin away",
                "have it hand on Origin, and keep answers apart by Vary; or remove always_send",
                "warning",
            )


def is_one_exact_origin(entries: Sequence[str]) -> bool:
    """Whether entries of ``allow_origins`` are what ``always_send`` takes."""
    return len(entries) == 1 and "*" not in entries[0] and _core.is_origin_entry(entries[0])


_WITHOUT_EFFECT = {
    "always_send": "what is sent without an Origin header follows from the origins",
    "send_wildcard": 'for "*" without credentials the constant "*" is always sent',
}


def _is_wildcard(entry: str) -> bool:
    """Whether an entry looks like a pattern that flask-cors does not take for one.

    ``http://localhost:*`` is none of them: as an expression it matches any port and more.
    """
    looks_like_one = "://*." in entry or ("*" in entry and "[" in entry)
    return looks_like_one and _PATTERN.fullmatch(entry.lower()) is not None


def _as_entries(value: object) -> list[object]:
    """The entries of what flask-cors takes as a list; a single value is one entry."""
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping)):
        return list(value)
    return [value]


def _fault_of_expression(entry: str | re.Pattern[Any]) -> str | None:
    if isinstance(entry, re.Pattern):
        unknown = entry.flags & ~(re.UNICODE | re.ASCII | re.IGNORECASE)
        return "flags other than IGNORECASE have no counterpart" if unknown else None
    try:
        re.compile(entry)
    except re.error as error:
        return f"this is taken for a regular expression, and is none: {error}"
    return None


def _as_origins(expression: str) -> list[str]:
    """Entries of ``allow_origins`` that say the same, if the expression is that simple."""
    try:
        return as_allow_origins(read_regex(expression))
    except UnknownSyntax:
        return []
