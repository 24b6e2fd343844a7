"""Policies from the options of the Node package `cors`, which Express applications use.

The options mean what they mean there (cors 2.8.6), read by its rules: which values are false, what
an absent option stands for, that a regex is looked for anywhere. Where its answer would be unsafe,
or refused by every browser, there is an error that says so instead of a policy.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from corsac.errors import CORSConfigProblem, CORSProblemCode, Severity
from corsac.options.express_regex import ExpressRegexError, full_match_text
from corsac.options.files import SourceReading
from corsac.options.names import OPTION_NAMES, corsac_option, nearest_name

__all__ = ["read_express"]

_NAMES = {
    "allow_origins": "origin",
    "allow_origin_regex": "origin",
    "allow_origin_func": "origin",
    "allow_methods": "methods",
    "allow_headers": "allowedHeaders",
    "allow_credentials": "credentials",
    "expose_headers": "exposedHeaders",
    "max_age": "maxAge",
    "preflight_continue": "preflightContinue",
    "preflight_status": "optionsSuccessStatus",
}
_EXPRESS_OPTIONS = (*dict.fromkeys(_NAMES.values()), "headers")
_DEFAULT_METHODS = ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"]
_LISTS = (list, tuple, set, frozenset)


def read_express(mapping: Mapping[str, object]) -> SourceReading:
    """Read the options of the Node package `cors`.

    The values are those of JSON, with a ``re.Pattern`` for a RegExp and a Python callable of one
    argument for a function. Absent options have Express's defaults: any origin, the usual six
    methods, any request header, no ``Access-Control-Max-Age``. In ``origin``, patterns such as
    ``https://*.example.com``, which Express does not know, mean what they mean in a policy.
    """
    return _ExpressReader(mapping).read()


class _ExpressReader:
    """Reads one mapping; each method reads one option and notes what is wrong with it."""

    def __init__(self, mapping: Mapping[str, object]) -> None:
        self._mapping = mapping
        self._options: dict[str, Any] = {}
        self._problems: list[CORSConfigProblem] = []
        self._names = dict(_NAMES)
        self._credentials = False

    def read(self) -> SourceReading:
        if not isinstance(self._mapping, Mapping):
            message = "expected a mapping of options, which cannot be chosen for each request"
            hint = "give the middleware rules=[(path, policy)] for options that differ by path"
            self._report("option.wrong_type", "options", self._mapping, message, hint)
            return SourceReading({}, tuple(self._problems), self._names)
        for name in self._mapping:
            if name not in _EXPRESS_OPTIONS:
                self._report_unknown(name)
        hint = "Express takes only true itself for true"
        self._credentials = self._read_boolean("credentials", "allow_credentials", hint)
        self._read_origin()
        self._options["allow_methods"] = self._read_methods()
        self._options["allow_headers"] = self._read_allowed_headers()
        self._options["expose_headers"] = self._read_list("exposedHeaders") or []
        self._read_max_age()
        self._read_boolean("preflightContinue", "preflight_continue", "write True or False")
        status = self._mapping.get("optionsSuccessStatus", 204)
        if isinstance(status, int) and not isinstance(status, bool):
            self._options["preflight_status"] = status
        else:
            self._report_type("optionsSuccessStatus", status, "a status", "write 204 or 200")
        self._refuse_any_with_credentials()
        return SourceReading(self._options, tuple(self._problems), self._names, self._spell)

    def _spell(self, name: str, value: object) -> object:
        """Return an option as Express has it; a list of origins is one only without expressions."""
        if name.startswith("allow_origin") and "allow_origin_regex" in self._options:
            return None
        return list(value) if isinstance(value, tuple) else value

    def _refuse_any_with_credentials(self) -> None:
        """Refuse ``*``: Express sends it, and with credentials browsers take it for a name."""
        for option, name in (("methods", "allow_methods"), ("allowedHeaders", "allow_headers")):
            source = self._names.get(name, option)
            given = self._mapping.get(source)
            entries = given.split(",") if isinstance(given, str) else given
            if self._credentials and isinstance(entries, (list, tuple)) and "*" in entries:
                message = 'Express sends "*", which with credentials browsers take for a name'
                hint = "list what is meant; or give any to policy.replace()"
                self._report("option.conflict", source, "*", message, hint)

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

    def _report_type(self, option: str, value: object, wanted: str, hint: str) -> None:
        message = f"expected {wanted}, got {_kind(value)}"
        self._report("option.wrong_type", option, value, message, hint)

    def _report_unknown(self, name: object) -> None:
        text = str(name)
        known = {option.lower(): option for option in _EXPRESS_OPTIONS}
        near = nearest_name(text.lower(), known)
        express = _NAMES.get(corsac_option(text) or "") or (known[near] if near else None)
        hint = f"write {express}" if express else f"the options are {', '.join(_EXPRESS_OPTIONS)}"
        if text in OPTION_NAMES and text not in _NAMES:
            hint = f"that is an option of CORSPolicy: write policy.replace({text}=...)"
        message = "Express has no such option, and would ignore it"
        self._report("option.unknown", text, name, message, hint)

    # origin

    def _read_origin(self) -> None:
        value = self._mapping.get("origin", "*")
        if value is True or value == "*":
            if not self._credentials:
                self._options["allow_origins"] = ["*"]
            else:
                effect = 'send "*", which browsers refuse for requests with credentials'
                if value is True:
                    effect = (
                        "reflect whatever site asks, so any site could act with the user's cookies"
                    )
                message = f"with credentials Express would {effect}"
                hint = "list the origins that need credentials, or leave credentials out"
                self._report("origin.any_with_credentials", "origin", value, message, hint)
        elif value is False:
            self._options["allow_origins"] = []
        elif callable(value):
            self._read_function(value)
        elif isinstance(value, (str, re.Pattern)):
            self._read_entries([value], listed=False)
        elif isinstance(value, _LISTS):
            self._read_entries(value, listed=True)
        elif value is None:
            self._report_off(value)
        else:
            wanted = "an origin, a list of origins or a boolean"
            self._report_type("origin", value, wanted, "write a list")

    def _report_off(self, value: object) -> None:
        message = (
            "Express would switch CORS off without a word, as for an environment variable that is "
            "not set"
        )
        hint = "list the origins, or write False if CORS is to be off"
        self._report("option.empty", "origin", value, message, hint)

    def _read_entries(self, entries: Iterable[object], *, listed: bool) -> None:
        origins: list[str] = []
        texts: list[str] = []
        for entry in entries:
            if isinstance(entry, re.Pattern):
                texts += self._read_pattern(entry)
            elif isinstance(entry, str):
                origins += self._read_origin_text(entry, listed=listed)
            elif entry is True or callable(entry):
                message = f"{_kind(entry)} in a list would make Express allow any site"
                hint = 'write origin: "*" if that is meant, or a function in place of the list'
                self._report("option.wrong_type", "origin", entry, message, hint)
            else:
                self._report_type("origin", entry, "an origin or a regex", "write a string")
        self._options["allow_origins"] = origins
        if texts:
            joined = "|".join(f"(?:{text})" for text in texts)
            self._options["allow_origin_regex"] = texts[0] if len(texts) == 1 else joined

    def _read_origin_text(self, text: str, *, listed: bool) -> list[str]:
        if not text.strip() and not listed:
            self._report_off(text)
        elif text == "*":
            message = 'in a list Express compares "*" with the origin, so it matches nothing'
            hint = 'write origin: "*" if any site may read responses, or remove it'
            self._report("origin.any_in_list", "origin", text, message, hint)
        elif "," in text:
            message = (
                "Express would not divide the string, and send it whole, which browsers refuse"
            )
            hint = f"write origin: {_words(text)!r}"
            self._report("origin.invalid", "origin", text, message, hint)
        else:
            if "*" in text:
                message = (
                    "Express compares it literally, so it matches nothing; here it is a pattern"
                )
                hint = "give it to policy.replace(allow_origins=[...]) if the pattern is meant"
                severity: Severity = "error" if self._credentials else "warning"
                self._report("origin.any_in_list", "origin", text, message, hint, severity)
            return [text]
        return []

    def _read_pattern(self, pattern: re.Pattern[Any]) -> list[str]:
        if not isinstance(pattern.pattern, str):
            self._report_type("origin", pattern, "a regex of text", "write it without the b")
            return []
        try:
            return [full_match_text(pattern, credentials=self._credentials)]
        except ExpressRegexError as error:
            code, message, hint = error.args
            self._report(code, "origin", pattern.pattern, message, hint)
            return []

    def _read_function(self, function: Callable[..., object]) -> None:
        if _takes_one_argument(function):
            self._options["allow_origin_func"] = function
            return
        message = "a function takes the origin alone and returns its answer; there is no callback"
        hint = "write def allow(origin): return True or False; async def works too"
        self._report("origin.callback", "origin", function, message, hint)

    # The lists

    def _read_list(self, name: str) -> list[str] | None:
        """Return the entries of a list or a comma string; `None` for absent, null and ``""``."""
        value = self._mapping.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            return _words(value)
        hint = "write a list of strings"
        if isinstance(value, _LISTS):
            for entry in value:
                if not isinstance(entry, str):
                    self._report_type(name, entry, "a string", hint)
            return [entry for entry in value if isinstance(entry, str)]
        self._report_type(name, value, "a list of strings or one string", hint)
        return []

    def _read_methods(self) -> list[str]:
        if "methods" not in self._mapping:
            return list(_DEFAULT_METHODS)
        if self._mapping["methods"] is None:
            self._report_type("methods", None, "a list", "leave methods out for the default")
        return self._read_list("methods") or []

    def _read_allowed_headers(self) -> list[str]:
        allowed, alias = self._read_list("allowedHeaders"), self._read_list("headers")
        if allowed is not None and alias is not None:
            message = "this is the older name of allowedHeaders, and Express ignores it beside that"
            hint = "write all names in allowedHeaders"
            self._report("option.conflict", "headers", self._mapping["headers"], message, hint)
        if allowed is None and alias is not None:
            self._names["allow_headers"] = "headers"
            allowed = alias
        if allowed is not None:
            return allowed
        # Absent, Express reflects whatever headers a preflight asks for, Authorization too, which
        # "*" covers only with credentials.
        return ["*"] if self._credentials else ["*", "authorization"]

    # The single values

    def _read_boolean(self, name: str, option: str, hint: str) -> bool:
        value = self._mapping.get(name)
        if value is None or isinstance(value, bool):
            self._options[option] = value is True
        else:
            self._report_type(name, value, "true or false", hint)
        return value is True

    def _read_max_age(self) -> None:
        value = self._mapping.get("maxAge")
        is_text = isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value, re.ASCII)
        if is_text or (isinstance(value, float) and value.is_integer()):
            value = int(value)  # type: ignore[call-overload]
        if value is None or value == "":
            self._options["max_age"] = None
        elif isinstance(value, int) and not isinstance(value, bool):
            self._options["max_age"] = value
        else:
            message = (
                "expected a whole number of seconds; Express would send this as it is, and "
                "browsers ignore it"
            )
            hint = "write a number, such as 600"
            self._report("option.wrong_type", "maxAge", value, message, hint)


def _words(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _kind(value: object) -> str:
    """Return the type of a value, by its JSON name where it has one."""
    if callable(value):
        return "a function"
    names: dict[type, str] = {bool: "a boolean", str: "a string", type(None): "null"}
    return names.get(type(value), type(value).__name__)


def _takes_one_argument(function: Callable[..., object]) -> bool:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return True  # A built-in that does not say; the policy finds out.
    try:
        signature.bind("https://app.example.com")
    except TypeError:
        return False
    # (origin, callback=None) is a Node-style function as well: it answers by the callback.
    return "callback" not in signature.parameters and "cb" not in signature.parameters
