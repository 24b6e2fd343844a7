"""What the settings of django-cors-headers mean (4.9).

- Scheme and host of an entry are compared, as ``urlsplit()`` reads them, so a path behind them does
  not matter; all entries without a scheme are equal, and equal to the origin ``null``.
- Expressions are matched from the start only.
- Lists of names are sent as they are, ``"*"`` included, and browsers make of it what they do.
- A setting's older name counts if the newer one is missing; other names are ignored.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from corsac import _core
from corsac._text import type_name
from corsac.errors import CORSProblemCode
from corsac.foreign.paths import read_path_rules
from corsac.foreign.reader import Reader, split_names
from corsac.foreign.reading import Reading, with_tried_fixes
from corsac.options.names import foreign_option_hint, nearest_name
from corsac.validation.hints import without_outer_white_space

__all__ = ["DEFAULTS", "DEFAULT_HEADERS", "DEFAULT_METHODS", "OLDER_NAMES", "OPTIONS", "SETTINGS"]
__all__ += ["read_django_cors_headers"]

DEFAULT_HEADERS: Final = (
    "accept",
    "authorization",
    "content-type",
    "user-agent",
    "x-csrftoken",
    "x-requested-with",
)
DEFAULT_METHODS: Final = ("DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT")
DEFAULTS: Final[Mapping[str, object]] = {
    "CORS_ALLOW_ALL_ORIGINS": False,
    "CORS_ALLOWED_ORIGINS": (),
    "CORS_ALLOWED_ORIGIN_REGEXES": (),
    "CORS_ALLOW_METHODS": DEFAULT_METHODS,
    "CORS_ALLOW_HEADERS": DEFAULT_HEADERS,
    "CORS_ALLOW_CREDENTIALS": False,
    "CORS_EXPOSE_HEADERS": (),
    "CORS_PREFLIGHT_MAX_AGE": 86_400,
    "CORS_ALLOW_PRIVATE_NETWORK": False,
    "CORS_URLS_REGEX": r"^.*$",
}
"""The names of the settings, with their defaults."""

OLDER_NAMES: Final = {
    "CORS_ALLOWED_ORIGINS": "CORS_ORIGIN_WHITELIST",
    "CORS_ALLOWED_ORIGIN_REGEXES": "CORS_ORIGIN_REGEX_WHITELIST",
    "CORS_ALLOW_ALL_ORIGINS": "CORS_ORIGIN_ALLOW_ALL",
}
"""The older names of three settings."""

SETTINGS: Final = frozenset((*DEFAULTS, *OLDER_NAMES.values()))
"""All names of settings, the older ones included."""

OPTIONS: Final = {
    "allow_origins": "CORS_ALLOWED_ORIGINS",
    "allow_origin_regex": "CORS_ALLOWED_ORIGIN_REGEXES",
    "allow_methods": "CORS_ALLOW_METHODS",
    "allow_headers": "CORS_ALLOW_HEADERS",
    "allow_credentials": "CORS_ALLOW_CREDENTIALS",
    "expose_headers": "CORS_EXPOSE_HEADERS",
    "max_age": "CORS_PREFLIGHT_MAX_AGE",
    "allow_private_network": "CORS_ALLOW_PRIVATE_NETWORK",
    "rules": "CORS_URLS_REGEX",
}
"""For options of a policy, and its rules, the settings that they come from."""

_REMOVED: Final = {
    "CORS_MODEL": "read the origins where the settings are made, or write a receiver of "
    "corsac.django.signals.check_request_enabled",
    "CORS_REPLACE_HTTPS_REFERER": "list the origins in CSRF_TRUSTED_ORIGINS as well",
}
# Not those with "$": "." stops at a line feed, which a path may have.
_ALL_PATHS: Final = ("", "^", ".*", "^.*", "/", "^/", "^/.*")
# What urlsplit() drops in front of a URL, and what it drops wherever it stands.
_BEFORE_A_URL: Final = "".join(map(chr, range(0x21)))
_IN_A_URL: Final = str.maketrans("", "", "\t\r\n")
_WHITE_SPACE_IN_HEADERS: Final = " \t"
_BARE_PREFIX: Final = re.compile(r"\^?((?:/[\w-]+)+)")


def read_django_cors_headers(
    given: Mapping[str, Any],
    own: Mapping[str, Any] | None = None,
    own_names: Mapping[str, str] | None = None,
    *,
    makes_policy: bool = True,
) -> Reading:
    """Read the settings whose names begin with ``CORS_``.

    Beside them a project may have options of a policy, which have names of their own in messages.
    If the settings do not make the policy, only ``CORS_URLS_REGEX`` is read.
    """
    reader = _Reader(given)
    reader.report_unknown_settings()
    patterns = reader.read_paths() if makes_policy or "CORS_URLS_REGEX" in given else []
    if not makes_policy:
        problems = tuple(reader.problems)
        return Reading(reader.library, problems=problems, path_regex=reader.path_regex)
    reader.read_options()
    reader.names |= own_names or {}
    reader.chosen |= set((own_names or {}).values())

    def read_fixed(fix: Mapping[str, Any]) -> Reading:
        again = _Reader({**given, **fix})
        again.report_unknown_settings()
        again.read_options()
        return again.finish(own)

    reading = with_tried_fixes(reader.finish(own), read_fixed)
    rules = tuple((pattern, reading if is_covered else None) for pattern, is_covered in patterns)
    return dataclasses.replace(reading, path_regex=reader.path_regex, rules=rules)


class _Reader(Reader):
    """Reads each setting once; what has a wrong type is a problem and reads as the default."""

    library = "django-cors-headers"

    def __init__(self, given: Mapping[str, Any]) -> None:
        super().__init__(given, {})
        self.names |= {option: self.name(setting) for option, setting in OPTIONS.items()}
        self.path_regex: re.Pattern[str] | None = None

    def name(self, setting: str) -> str:
        """Return the name that a setting has in this project: the older one if only that is set."""
        older = OLDER_NAMES.get(setting, setting)
        return older if setting not in self.given and older in self.given else setting

    def value(self, setting: str) -> Any:
        """Return the value of a setting, by its older name too, or its default."""
        return self.given.get(self.name(setting), DEFAULTS[setting])

    def report_unknown_settings(self) -> None:
        """Report settings that nobody reads, and that look as if they were meant for this."""
        known = (*DEFAULTS, *OLDER_NAMES.values())
        for name in self.given:
            nearest = nearest_name(name, known)
            if name in _REMOVED:
                message = "django-cors-headers has removed this setting, so it has no effect"
                self.report("option.unknown", "error", name, name, message, _REMOVED[name])
            elif name not in known and (nearest or foreign_option_hint(name)):
                hint = f"write {nearest}" if nearest else f"the settings are {', '.join(DEFAULTS)}"
                # What it is set to is not shown: it may be a secret of something else.
                message = "there is no such setting, so it has no effect"
                self.warn("option.unknown", name, name, message, hint)

    def read_options(self) -> None:
        """Read all settings but the paths."""
        for new, old in OLDER_NAMES.items():
            if new in self.given and old in self.given and self.given[new] != self.given[old]:
                message = f"{new} is set as well and is the one that counts"
                self.warn("option.conflict", old, self.given[old], message, f"remove {old}")
        credentials = self._boolean("CORS_ALLOW_CREDENTIALS")
        methods = self._without_wildcard("allow_methods", "method", credentials)
        self.options |= {
            "allow_origins": [],
            "allow_methods": self.without_lower_case("CORS_ALLOW_METHODS", methods),
            "allow_headers": self._without_wildcard("allow_headers", "header", credentials),
            "allow_credentials": credentials,
            "expose_headers": self._listed_names("CORS_EXPOSE_HEADERS", "header"),
            "allow_private_network": self._boolean("CORS_ALLOW_PRIVATE_NETWORK"),
            "max_age": self._max_age(),
        }
        self._read_origins(credentials)

    def _boolean(self, setting: str) -> bool:
        value = self.value(setting)
        if isinstance(value, bool):
            return value
        self.refuse(setting, value, f"should be a bool, not {type_name(value)}")
        return False

    def _entries(self, setting: str, what: str, kinds: tuple[type, ...] = (str,)) -> list[Any]:
        value = self.value(setting)
        expected = f"should be a list of {what}"
        if isinstance(value, (str, bytes, re.Pattern)):
            text = value.pattern if isinstance(value, re.Pattern) else value
            shown = f"[{text!r}]" if "," not in str(text) else repr(split_names(str(text)))
            message = f"{expected}, not one: it would be read letter by letter"
            hint = f"write {self.name(setting)} = {shown}; is a comma missing in a tuple?"
            self.refuse(setting, value, message, hint)
            return []
        if not isinstance(value, Iterable) or isinstance(value, (type, Mapping)):
            self.refuse(setting, value, f"{expected}, not {type_name(value)}")
            return []
        entries = sorted(value, key=str) if isinstance(value, (set, frozenset)) else list(value)
        wrong = [entry for entry in entries if not isinstance(entry, kinds)]
        if wrong:
            self.refuse(setting, value, f"{expected}, and {type_name(wrong[0])} stands in it")
        return [entry for entry in entries if isinstance(entry, kinds)]

    # Lists of names

    def _listed_names(self, setting: str, what: str) -> list[str]:
        """Return the names of a list that is sent joined, without white space around them."""
        names = []
        for entry in self._entries(setting, "strings"):
            text = entry.strip(_WHITE_SPACE_IN_HEADERS)
            if not text:
                self._warn_of_empty(setting, entry)
                continue
            if text != entry:
                message = (
                    f"browsers read it as {text!r}, without the white space, and so does Corsac"
                )
                is_method = what == "method"
                code: CORSProblemCode = "method.rewritten" if is_method else "header.rewritten"
                self.warn(code, setting, entry, message, f"write {text!r}")
            names.append(text)
        return names

    def _without_wildcard(self, option: str, what: str, credentials: bool) -> list[str]:
        """Return the entries without ``*``, which with credentials is only a name."""
        setting = OPTIONS[option]
        entries = self._listed_names(setting, what)
        if "*" not in entries or not credentials:
            return entries
        self.warn(
            "method.any_with_credentials" if what == "method" else "header.any_with_credentials",
            setting,
            "*",
            f'to a request with credentials "*" is only the name of a {what}, and allows nothing; '
            "here it is left out for all requests",
            f'list every {what} in {setting}; or remove {setting} and write CORSAC = {{"{option}": '
            '["*"]} to allow any',
        )
        return [entry for entry in entries if entry != "*"]

    def _warn_of_empty(self, setting: str, entry: str) -> None:
        message = "the entry is empty, as it is when a variable is not set, and is left out"
        hint = 'leave it out: [entry for entry in text.split(",") if entry]'
        self.warn("option.empty", setting, entry, message, hint)

    def _max_age(self) -> int | None:
        """Return the seconds; 0 sends no header."""
        setting = "CORS_PREFLIGHT_MAX_AGE"
        value = self.value(setting)
        if not isinstance(value, int) or isinstance(value, bool):
            self.refuse(setting, value, f"should be a whole number, not {type_name(value)}")
            digits = isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value, re.ASCII)
            return min(int(value), _core.MAX_MAX_AGE) if digits else None
        if value < 0:
            message = "should be a number of seconds from 0 on"
            self.report("max_age.out_of_bounds", "error", setting, value, message)
            return None
        return self.at_most_a_day(setting, value, " = ") or None

    # Origins

    def _read_origins(self, credentials: bool) -> None:
        setting, regexes_setting = "CORS_ALLOWED_ORIGINS", "CORS_ALLOWED_ORIGIN_REGEXES"
        listed = self._listed_origins()
        regexes = self._entries(regexes_setting, "expressions", (str, re.Pattern))
        if self._boolean("CORS_ALLOW_ALL_ORIGINS"):
            everyone = self.names["allow_origins"] = self.name("CORS_ALLOW_ALL_ORIGINS")
            for name, value in ((setting, listed), (regexes_setting, regexes)):
                if value:
                    message = f"{everyone} = True allows every origin, so this has no effect"
                    hint = f"remove it, or remove {everyone}"
                    self.warn("origin.redundant", name, value, message, hint)
            self.options["allow_origins"] = ["*"]
            return
        self._read_letters(regexes_setting, credentials)
        self.options["allow_origins"] += self._origins_without_patterns(listed)
        for entry in regexes:
            self._read_expression(entry, regexes_setting)

    def _read_expression(self, entry: Any, setting: str) -> None:
        # What finds how far it reaches takes long to load, and few have one.
        from corsac.foreign.origin_regexes import read_prefix_regex  # noqa: PLC0415

        read_prefix_regex(self, entry, self.name(setting))

    def _read_letters(self, setting: str, credentials: bool) -> None:
        """Read a string of expressions: each letter is one, and a page's origin begins with h."""
        text = self.value(setting)
        if not isinstance(text, str) or set("^h.").isdisjoint(text):
            return
        if credentials:
            message = "any site could read responses and act with the user's cookies"
            code: CORSProblemCode = "origin.any_with_credentials"
            self.report(code, "error", setting, text, message, "write a list")
        self._read_expression(text, setting)

    def _listed_origins(self) -> list[str]:
        """Read ``CORS_ALLOWED_ORIGINS`` as django-cors-headers does: each with ``urlsplit()``."""
        setting = "CORS_ALLOWED_ORIGINS"
        origins = []
        for entry in self._entries(setting, "strings"):
            origin = _read_as_url(entry)
            text = without_outer_white_space(origin)
            if not text:
                self._warn_of_empty(setting, entry)
            elif text != origin and "://" in text and text.startswith(origin[0]):
                message = (
                    "it ends with white space, so to django-cors-headers this is a name that no "
                    "origin has, and it is left out"
                )
                hint = f"write {text!r} if that is meant"
                self.warn("origin.never_matched", setting, entry, message, hint)
            else:
                if origin != entry:
                    message = f"django-cors-headers reads it as {origin!r}, and so does Corsac"
                    self.warn("origin.rewritten", setting, entry, message, f"write {origin!r}")
                origins.append(origin)
        return origins

    def _origins_without_patterns(self, listed: Sequence[str]) -> list[str]:
        name = self.name("CORS_ALLOWED_ORIGINS")
        origins = []
        for entry in listed:
            if entry == "*":
                # It is an entry like any other there, and no origin equals it.
                message = (
                    "no origin is called so: django-cors-headers has no wildcard here, and takes "
                    "it for the origin null, which any site can send from a sandboxed iframe"
                )
                hint = "write CORS_ALLOW_ALL_ORIGINS = True if anyone may read"
                self.report("origin.invalid", "error", name, "*", message, hint)
            elif "*" in entry:
                message = (
                    "to django-cors-headers this is a name that no origin has, so it is not a "
                    "pattern here either, and is left out"
                )
                pattern = f'CORSAC = {{"allow_origins": ["{entry}", ...]}}'
                hint = f"to mean it, write {pattern} in place of {name}"
                self.warn("origin.never_matched", name, entry, message, hint)
            else:
                origins.append(entry)
        return origins

    # Paths

    def read_paths(self) -> list[tuple[str, bool]]:
        """Return path patterns in order, with whether they are covered; empty for all paths."""
        setting = "CORS_URLS_REGEX"
        value = self.value(setting)
        text = value.pattern if isinstance(value, re.Pattern) else value
        if not isinstance(text, str):
            self.refuse(setting, value, f"should be a string or expression, not {type_name(value)}")
            return []
        if text in _ALL_PATHS:
            return []
        try:
            pattern = re.compile(value)
        except (re.error, RecursionError, OverflowError) as error:
            message = f"Python cannot read it: {error}"
            self.report("regex.invalid", "error", setting, value, message)
            return [("/*", False)]
        self.path_regex = pattern
        prefix = _BARE_PREFIX.fullmatch(text)
        if prefix is not None:
            message = f"only the start of a path is compared, so {prefix[1]}-other matches too"
            hint = f"write {setting} = r'^{prefix[1]}(/|$)'"
            self.warn("rule.open_end", setting, value, message, hint)
        return read_path_rules(self, setting, pattern)


def _read_as_url(entry: str) -> str:
    """Return an entry as ``urlsplit()`` reads it, of which scheme and host are compared."""
    text = entry.lstrip(_BEFORE_A_URL).translate(_IN_A_URL)
    scheme, separator, rest = text.partition("://")
    if not separator:
        return text
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return f"{scheme.lower()}://{host}"
