"""What the settings of django-cors-headers mean (4.9).

- Scheme and host of an entry are compared, so a slash or a path behind them does not matter; all
  entries without a scheme are equal, and equal to the origin ``null``.
- Expressions are matched from the start only.
- Lists of names are sent as they are, ``"*"`` included, and browsers make of it what they do.
- A setting's older name counts if the newer one is missing; other names are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from corsac.migrate.paths import rules_of_regex
from corsac.migrate.prefix_regex import in_lower_case, read_prefix_regex
from corsac.migrate.reading import Reader, Reading, split_names

__all__ = ["DEFAULT_HEADERS", "DEFAULT_METHODS", "SETTINGS", "read_django_cors_headers"]

DEFAULT_METHODS = ("DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT")
DEFAULT_HEADERS = (
    "accept",
    "authorization",
    "content-type",
    "user-agent",
    "x-csrftoken",
    "x-requested-with",
)
_OLDER = {
    "CORS_ALLOWED_ORIGINS": "CORS_ORIGIN_WHITELIST",
    "CORS_ALLOWED_ORIGIN_REGEXES": "CORS_ORIGIN_REGEX_WHITELIST",
    "CORS_ALLOW_ALL_ORIGINS": "CORS_ORIGIN_ALLOW_ALL",
}
_NAMES = {
    "allow_origins": "CORS_ALLOWED_ORIGINS",
    "allow_origin_regex": "CORS_ALLOWED_ORIGIN_REGEXES",
    "allow_methods": "CORS_ALLOW_METHODS",
    "allow_headers": "CORS_ALLOW_HEADERS",
    "allow_credentials": "CORS_ALLOW_CREDENTIALS",
    "expose_headers": "CORS_EXPOSE_HEADERS",
    "max_age": "CORS_PREFLIGHT_MAX_AGE",
    "allow_private_network": "CORS_ALLOW_PRIVATE_NETWORK",
}
_SETTINGS = (*_NAMES.values(), "CORS_ALLOW_ALL_ORIGINS", "CORS_URLS_REGEX")
SETTINGS = frozenset((*_SETTINGS, *_OLDER.values()))
"""All names of settings, the older ones included."""


def read_django_cors_headers(given: Mapping[str, object]) -> Reading:
    """Read the settings whose names begin with ``CORS_``."""
    return _DjangoReader(given).read()


class _DjangoReader(Reader):
    library = "django-cors-headers"
    options = (*_SETTINGS, *_OLDER.values())

    def __init__(self, given: Mapping[str, object]) -> None:
        settings = dict(given)
        names = dict(_NAMES)
        for new, old in _OLDER.items():
            if new not in given and old in given:
                settings[new] = given[old]
                names = {key: old if name == new else name for key, name in names.items()}
        super().__init__(settings, names)
        self.reading.given |= frozenset(given)
        self._both = [(new, old) for new, old in _OLDER.items() if new in given and old in given]
        self._unknown = [name for name in given if name not in self.options]

    def read(self) -> Reading:
        """Read all settings."""
        for name in self._unknown:
            self.report_unknown(
                str(name), "warning", "django-cors-headers has no such setting, and ignores it"
            )
        for new, old in self._both:
            self.report(
                "option.conflict",
                "warning",
                old,
                self.given[old],
                f"this is the older name of {new}, which is set as well, so it is ignored",
                f"remove it, and keep {new}",
            )
        options = self.reading.options
        credentials = self.truth("CORS_ALLOW_CREDENTIALS")
        options["allow_credentials"] = credentials
        self._read_origins()
        self._read_regexes(credentials)
        options["allow_methods"] = self._read_methods(credentials)
        options["allow_headers"] = self._read_headers(credentials)
        options["expose_headers"] = self._names("CORS_EXPOSE_HEADERS", ())
        self._read_max_age()
        options["allow_private_network"] = self.truth("CORS_ALLOW_PRIVATE_NETWORK")
        self._read_paths()
        return self.reading

    def _label(self, option: str) -> str:
        return self.reading.names[option]

    def _entries(self, setting: str, label: str, default: tuple[str, ...]) -> list[object] | str:
        value = self.given.get(setting, default)
        if isinstance(value, str):
            return value
        if isinstance(value, (list, tuple, set, frozenset)):
            return sorted(value, key=str) if isinstance(value, (set, frozenset)) else list(value)
        message = f"a list of strings is wanted, not {type(value).__name__}"
        self.report("option.wrong_type", "error", label, value, message, "write a list of strings")
        return []

    # Origins

    def _read_origins(self) -> None:
        label = self._label("allow_origins")
        origins: list[str] = self.reading.options.setdefault("allow_origins", [])
        if self.truth("CORS_ALLOW_ALL_ORIGINS"):
            origins.append("*")
        entries = self._entries("CORS_ALLOWED_ORIGINS", label, ())
        if isinstance(entries, str):
            if entries:
                self._report_letters(
                    label, entries, "none is an origin, but the origin null equals each of them"
                )
            return
        for entry in self.texts(label, entries):
            self._read_origin(label, entry, origins)

    def _read_origin(self, label: str, entry: str, origins: list[str]) -> None:
        try:
            parts = urlsplit(entry)
        except ValueError:
            origins.append(entry)  # The policy says what is wrong with it.
            return
        if not parts.scheme and not parts.netloc and entry != "null" and "*" not in origins:
            self.report(
                "origin.null",
                "error",
                label,
                entry,
                "it has no scheme, so it equals no site, but the origin null, which any site can "
                "send from a sandboxed iframe",
                "write an origin with its scheme, or CORS_ALLOW_ALL_ORIGINS if any site is meant",
            )
            if entry == "*":
                return
        origin = f"{parts.scheme}://{parts.netloc}"
        if parts.netloc and origin != entry:
            self.report(
                "origin.rewritten",
                "info",
                label,
                entry,
                "django-cors-headers compares scheme and host only; Corsac compares the origin",
                f'write "{origin}"',
            )
            entry = origin
        if "*" in entry and parts.netloc:
            self.report(
                "origin.never_matched",
                "warning",
                label,
                entry,
                "django-cors-headers has no patterns and compares it as it is, so it matches "
                "nothing and is left out",
                "add it to allow_origins, where it is a pattern and does what it looks like",
            )
            return
        origins.append(entry)

    def _report_letters(self, label: str, text: str, effect: str) -> None:
        self.report(
            "option.wrong_type",
            "error",
            label,
            text,
            f"django-cors-headers takes the string letter by letter: {effect}",
            f"write {label} = {split_names(text)!r}; a tuple of one needs a comma",
        )

    def _read_regexes(self, credentials: bool) -> None:
        label = self._label("allow_origin_regex")
        entries = self._entries("CORS_ALLOWED_ORIGIN_REGEXES", label, ())
        if isinstance(entries, str):
            if not entries:
                return
            # Each letter is an expression, and a web page's origin begins with h.
            opens = not set("^h.").isdisjoint(entries)
            effect = "one of them matches every origin" if opens else "none matches a web page"
            self._report_letters(label, entries, effect)
            if opens and credentials:
                self.report(
                    "origin.any_with_credentials",
                    "error",
                    label,
                    entries,
                    "any site could read responses and act with the user's cookies",
                    "write a list",
                )
            if opens:
                read_prefix_regex(self.reading, entries, entries, label, self.library)
            return
        for entry in entries:
            text = entry.pattern if isinstance(entry, re.Pattern) else entry
            if not isinstance(text, str):
                self.texts(label, [entry])
                continue
            flags = entry.flags if isinstance(entry, re.Pattern) else 0
            lower = in_lower_case(text) if flags & re.IGNORECASE or text[:4] == "(?i)" else text
            if flags & re.VERBOSE:
                message = "an expression with comments has no counterpart"
                self.report("regex.flags", "error", label, text, message, "write it without re.X")
                continue
            read_prefix_regex(self.reading, lower, text, label, self.library)

    # Lists of names

    def _names(self, setting: str, default: tuple[str, ...]) -> list[str]:
        entries = self._entries(setting, setting, default)
        if isinstance(entries, str):
            if entries:
                self._report_letters(setting, entries, "none of them is meant")
            return []
        return self.texts(setting, entries)

    def _read_methods(self, credentials: bool) -> list[str]:
        setting = "CORS_ALLOW_METHODS"
        methods = self._names(setting, DEFAULT_METHODS)
        kept = []
        for method in methods:
            if method != method.upper() and method.upper() in DEFAULT_METHODS:
                self.report(
                    "method.never_allowed",
                    "warning",
                    setting,
                    method,
                    f"browsers send {method.upper()} and compare case, so it was never allowed and "
                    "is left out",
                    f'add "{method.upper()}" if it is meant',
                )
            elif not (method == "*" and self._is_literal(setting, credentials)):
                kept.append(method)
        if setting not in self.given:
            return [method for method in kept if method not in {"GET", "OPTIONS", "POST"}]
        return self.drop_options_method(setting, kept)

    def _read_headers(self, credentials: bool) -> list[str]:
        setting = "CORS_ALLOW_HEADERS"
        names = self._names(setting, DEFAULT_HEADERS)
        literal = "*" in names and self._is_literal(setting, credentials)
        if setting not in self.given:
            # The other two of the defaults are set by browsers themselves or always allowed.
            return [name for name in names if name not in {"accept", "user-agent"}]
        return [name for name in names if not (name == "*" and literal)]

    def _is_literal(self, setting: str, credentials: bool) -> bool:
        """Whether ``*`` in a list of names is only a name, and nothing that pages use."""
        if credentials:
            self.report(
                "header.any_with_credentials"
                if setting == "CORS_ALLOW_HEADERS"
                else "method.any_with_credentials",
                "warning",
                setting,
                "*",
                'django-cors-headers sends "*", which with credentials browsers take for a name, '
                "so it allows nothing and is left out",
                "list what pages use",
            )
        return credentials

    def _read_max_age(self) -> None:
        value = self.given.get("CORS_PREFLIGHT_MAX_AGE", 86_400)
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value, re.ASCII):
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            self.reading.options["max_age"] = value or None
            return
        self.reading.options["max_age"] = None
        if value:
            message = "whole seconds are wanted; browsers ignore what is sent"
            self.report("option.wrong_type", "warning", "CORS_PREFLIGHT_MAX_AGE", value, message)

    # Paths

    def _read_paths(self) -> None:
        value = self.given.get("CORS_URLS_REGEX", "^.*$")
        text = value.pattern if isinstance(value, re.Pattern) else value
        if not isinstance(text, str):
            self.texts("CORS_URLS_REGEX", [value])
            return
        flags = value.flags if isinstance(value, re.Pattern) else 0
        rules = None if flags & re.VERBOSE else rules_of_regex(text)
        if flags & re.IGNORECASE:
            message = "paths in other letter case are covered as well; a rule compares letters"
            self.report("rule.narrower", "warning", "CORS_URLS_REGEX", text, message)
        if rules is None:
            self.report(
                "rule.no_counterpart",
                "error",
                "CORS_URLS_REGEX",
                text,
                "a rule is a path, or a path and all below it; this expression says something "
                "else, so no path is covered",
                'write rules such as ("/api/*", policy)',
            )
            self.reading.rules = [("/*", None)]
            return
        if not rules:
            message = "no path begins with this, so CORS is off"
            self.report("rule.never_matched", "warning", "CORS_URLS_REGEX", text, message)
        if rules and rules[0].is_everything:
            return
        read = self.reading
        same = Reading(dict(read.options), list(read.regexes), [], read.names, read.given)
        for rule in rules:
            if rule.loses:
                self.report(
                    "rule.narrower",
                    "warning",
                    "CORS_URLS_REGEX",
                    text,
                    f"the expression covers {rule.path}x as well; {rule.pattern} covers "
                    f"{rule.path} and all below it",
                    f'add a rule for "{rule.path}x" if there is such a path',
                )
            self.reading.rules += ((path, None) for path in rule.leaves_out)
            self.reading.rules.append((rule.pattern, same))
        self.reading.rules.append(("/*", None))
