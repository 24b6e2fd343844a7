"""The settings of django-cors-headers 4.9: names, aliases, defaults, types, and what they mean."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from django.conf import settings

from corsac.django.defaults import default_headers, default_methods
from corsac.django.origin_regexes import read_origin_regexes
from corsac.errors import CORSConfigProblem, CORSProblemCode
from corsac.options.names import foreign_option_hint, nearest_name
from corsac.validation.hints import without_outer_white_space

__all__ = ["DropInReading", "present_settings", "read_drop_in", "setting_value"]

MAX_MAX_AGE: Final = 86_400
"""Seconds; no browser keeps a preflight answer longer."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Setting:
    option: str
    default: object
    alias: str | None = None


_SETTINGS: Final = {
    "CORS_ALLOW_ALL_ORIGINS": _Setting("allow_origins", False, "CORS_ORIGIN_ALLOW_ALL"),
    "CORS_ALLOWED_ORIGINS": _Setting("allow_origins", (), "CORS_ORIGIN_WHITELIST"),
    "CORS_ALLOWED_ORIGIN_REGEXES": _Setting(
        "allow_origin_regex", (), "CORS_ORIGIN_REGEX_WHITELIST"
    ),
    "CORS_ALLOW_METHODS": _Setting("allow_methods", default_methods),
    "CORS_ALLOW_HEADERS": _Setting("allow_headers", default_headers),
    "CORS_ALLOW_CREDENTIALS": _Setting("allow_credentials", False),
    "CORS_EXPOSE_HEADERS": _Setting("expose_headers", ()),
    "CORS_PREFLIGHT_MAX_AGE": _Setting("max_age", 86_400),
    "CORS_ALLOW_PRIVATE_NETWORK": _Setting("allow_private_network", False),
    "CORS_URLS_REGEX": _Setting("rules", r"^.*$"),
}
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


def setting_name(name: str) -> str:
    """The name that a setting has in this project: the old one if only that is set."""
    alias = _SETTINGS[name].alias
    if alias is not None and not hasattr(settings, name) and hasattr(settings, alias):
        return alias
    return name


def setting_value(name: str) -> Any:
    """The value of a setting, of its alias, or its default.

    Raises:
        KeyError: There is no such setting.
    """
    return getattr(settings, setting_name(name), _SETTINGS[name].default)


def present_settings() -> list[str]:
    """The settings that make a policy and that this project has, by the names that count."""
    names = (setting_name(name) for name in _SETTINGS if name != "CORS_URLS_REGEX")
    return [name for name in names if hasattr(settings, name)]


@dataclasses.dataclass(frozen=True, slots=True)
class DropInReading:
    """What the settings mean.

    Attributes:
        options: Options of `CORSPolicy`.
        path_regex: ``CORS_URLS_REGEX``, or ``None`` if it matches every path.
        problems: What is wrong with the settings; the policy finds more.
        names: For each option, the setting that it comes from.
    """

    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    path_regex: re.Pattern[str] | None = None
    problems: tuple[CORSConfigProblem, ...] = ()
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)


def read_drop_in(tolerate: Sequence[str], makes_policy: bool) -> DropInReading:
    """Read the settings.

    Args:
        tolerate: The codes of problems that are accepted knowingly.
        makes_policy: Whether they make the policy; else only ``CORS_URLS_REGEX`` is read.
    """
    reader = _Reader(tolerate)
    is_set = makes_policy or hasattr(settings, "CORS_URLS_REGEX")
    path_regex = reader.path_regex() if is_set else None
    reader.report_unknown()
    if not makes_policy:
        return DropInReading(path_regex=path_regex, problems=tuple(reader.problems))
    options = reader.options()
    return DropInReading(options, path_regex, tuple(reader.problems), reader.names)


class _Reader:
    """Reads each setting once; what has a wrong type is a problem and reads as the default."""

    def __init__(self, tolerate: Sequence[str]) -> None:
        self.problems: list[CORSConfigProblem] = []
        self.names = {spec.option: setting_name(name) for name, spec in _SETTINGS.items()}
        self._tolerate = tolerate

    def options(self) -> dict[str, Any]:
        """The options of the policy."""
        credentials = self.boolean("CORS_ALLOW_CREDENTIALS")
        options: dict[str, Any] = {
            "allow_methods": self.listed_names("CORS_ALLOW_METHODS", "method"),
            "allow_headers": self.listed_names("CORS_ALLOW_HEADERS", "header"),
            "allow_credentials": credentials,
            "expose_headers": self.listed_names("CORS_EXPOSE_HEADERS", "header"),
            "allow_private_network": self.boolean("CORS_ALLOW_PRIVATE_NETWORK"),
            "max_age": self.max_age(),
            "preflight_status": 200,
            # It leaves a response alone whose origin it does not allow.
            "app_headers": "keep",
        }
        options |= self.origins(credentials)
        if credentials:
            for option, what in (("allow_methods", "method"), ("allow_headers", "header")):
                options[option] = self.without_wildcard(option, what, options[option])
        return options

    def refuse(self, name: str, message: str, value: object, hint: str = "") -> None:
        self.problems.append(
            CORSConfigProblem(
                "option.wrong_type", "error", setting_name(name), value, message, hint
            )
        )

    def warn(
        self, code: CORSProblemCode, name: str, value: object, message: str, hint: str
    ) -> None:
        self.problems.append(CORSConfigProblem(code, "warning", name, value, message, hint))

    def boolean(self, name: str) -> bool:
        value = setting_value(name)
        if isinstance(value, bool):
            return value
        self.refuse(name, f"should be a bool, not {_type(value)}", value)
        return False

    def strings(self, name: str) -> list[str]:
        return self.entries(name, "strings", lambda entry: isinstance(entry, str))

    def entries(self, name: str, what: str, is_right: Callable[[object], bool]) -> list[Any]:
        value = setting_value(name)
        wanted = f"should be a list of {what}"
        if isinstance(value, (str, bytes, re.Pattern)):
            text = value.pattern if isinstance(value, re.Pattern) else value
            shown = f"[{text!r}]" if "," not in str(text) else "a list"
            self.refuse(
                name,
                f"{wanted}, not one: it would be read letter by letter",
                value,
                f"write {setting_name(name)} = {shown}; is a comma missing in a tuple?",
            )
            return []
        if not isinstance(value, Iterable) or isinstance(value, (type, Mapping)):
            self.refuse(name, f"{wanted}, not {_type(value)}", value)
            return []
        entries = list(value)
        wrong = [entry for entry in entries if not is_right(entry)]
        if wrong:
            self.refuse(name, f"{wanted}, and {_type(wrong[0])} stands in it", value)
            return []
        return entries

    def listed_names(self, name: str, what: str) -> list[str]:
        """The names of a list that is sent joined: white space around one is no part of it."""
        names = []
        for entry in self.strings(name):
            text = entry.strip(_WHITE_SPACE_IN_HEADERS)
            if not text:
                self._warn_of_empty(name, entry)
                continue
            if text != entry:
                message = f"browsers read it as {text!r}, without the white space, and so does this"
                self.warn(
                    "method.rewritten" if what == "method" else "header.rewritten",
                    name,
                    entry,
                    message,
                    f"write {text!r}",
                )
            names.append(text)
        return names

    def listed_origins(self) -> list[str]:
        """``CORS_ALLOWED_ORIGINS`` as django-cors-headers reads it: each with ``urlsplit()``."""
        name = setting_name("CORS_ALLOWED_ORIGINS")
        origins = []
        for entry in self.strings("CORS_ALLOWED_ORIGINS"):
            origin = _read_as_url(entry)
            text = without_outer_white_space(origin)
            if not text:
                self._warn_of_empty(name, entry)
            elif text != origin and "://" in text and text.startswith(origin[0]):
                self.warn(
                    "origin.never_matched",
                    name,
                    entry,
                    "it ends with white space, so to django-cors-headers this is a name that no "
                    "origin has, and it is left out",
                    f"write {text!r} if that is meant",
                )
            else:
                if origin != entry:
                    message = f"django-cors-headers reads it as {origin!r}, and so does this"
                    self.warn("origin.rewritten", name, entry, message, f"write {origin!r}")
                origins.append(origin)
        return origins

    def _warn_of_empty(self, name: str, entry: str) -> None:
        self.warn(
            "option.empty",
            name,
            entry,
            "the entry is empty, as it is when a variable is not set, and is left out",
            'leave it out: [entry for entry in text.split(",") if entry]',
        )

    def max_age(self) -> int | None:
        """Seconds; 0 sends no header."""
        name = "CORS_PREFLIGHT_MAX_AGE"
        value = setting_value(name)
        if not isinstance(value, int) or isinstance(value, bool):
            self.refuse(name, f"should be a whole number, not {_type(value)}", value)
            return None
        if value < 0:
            message = "should be a number of seconds from 0 on"
            self.problems.append(
                CORSConfigProblem("max_age.out_of_bounds", "error", name, value, message)
            )
            return None
        if value > MAX_MAX_AGE:
            message = "no browser keeps a preflight answer longer than a day, which is sent instead"
            hint = f"write {name} = {MAX_MAX_AGE}"
            self.warn("max_age.out_of_bounds", name, value, message, hint)
        return min(value, MAX_MAX_AGE) or None

    def origins(self, credentials: bool) -> dict[str, Any]:
        """The options that allow origins."""
        for name in ("CORS_ALLOW_ALL_ORIGINS", "CORS_ALLOWED_ORIGINS"):
            self._report_two_names(name)
        self._report_two_names("CORS_ALLOWED_ORIGIN_REGEXES")
        listed = self.listed_origins()
        regexes = self.entries("CORS_ALLOWED_ORIGIN_REGEXES", "expressions", _is_regex)
        if self.boolean("CORS_ALLOW_ALL_ORIGINS"):
            all_name = self.names["allow_origins"] = setting_name("CORS_ALLOW_ALL_ORIGINS")
            for name, value in (
                ("CORS_ALLOWED_ORIGINS", listed),
                ("CORS_ALLOWED_ORIGIN_REGEXES", regexes),
            ):
                if value:
                    message = f"{all_name} = True allows every origin, so this has no effect"
                    hint = f"remove it, or remove {all_name}"
                    self.warn("origin.redundant", setting_name(name), value, message, hint)
            return {"allow_origins": ["*"]}
        self.names["allow_origins"] = setting_name("CORS_ALLOWED_ORIGINS")
        name = setting_name("CORS_ALLOWED_ORIGIN_REGEXES")
        read = read_origin_regexes(name, regexes, credentials=credentials, tolerate=self._tolerate)
        self.problems += read.problems
        if "*" in listed:
            # There it is an entry like any other, and no origin equals it.
            self.problems.append(
                CORSConfigProblem(
                    "origin.invalid",
                    "error",
                    self.names["allow_origins"],
                    "*",
                    "no origin is called so: django-cors-headers has no wildcard here",
                    "write CORS_ALLOW_ALL_ORIGINS = True if anyone may read",
                )
            )
        for entry in listed:
            if "*" in entry and entry != "*":
                self.warn(
                    "origin.never_matched",
                    self.names["allow_origins"],
                    entry,
                    "to django-cors-headers this is a name that no origin has, so it is no pattern "
                    "here either, and is left out",
                    f'to mean it, write CORSAC = {{"allow_origins": ["{entry}", ...]}} in place of '
                    f"{self.names['allow_origins']}",
                )
        options: dict[str, Any] = {"allow_origins": [entry for entry in listed if "*" not in entry]}
        if read.regex is not None:
            options["allow_origin_regex"] = read.regex
        if read.function is not None:
            options["allow_origin_func"] = read.function
            self.names["allow_origin_func"] = name
        return options

    def without_wildcard(self, option: str, what: str, entries: list[str]) -> list[str]:
        """The entries without ``*``, which with credentials is only a name."""
        if "*" not in entries:
            return entries
        name = self.names[option]
        self.warn(
            "method.any_with_credentials" if what == "method" else "header.any_with_credentials",
            name,
            "*",
            f'to a request with credentials "*" is only the name of a {what}, and allows nothing; '
            "here it is left out for all requests",
            f'list every {what} in {name}; or remove {name} and write CORSAC = {{"{option}": '
            '["*"]} to allow any',
        )
        return [entry for entry in entries if entry != "*"]

    def path_regex(self) -> re.Pattern[str] | None:
        """``CORS_URLS_REGEX`` compiled, or ``None`` if it matches every path."""
        name = "CORS_URLS_REGEX"
        value = setting_value(name)
        text = value.pattern if isinstance(value, re.Pattern) else value
        if not isinstance(text, str):
            self.refuse(name, f"should be a string or expression, not {_type(value)}", value)
            return None
        if text in _ALL_PATHS:
            return None
        try:
            pattern = value if isinstance(value, re.Pattern) else re.compile(value)
        except (re.error, RecursionError, OverflowError) as error:
            message = f"Python cannot read it: {error}"
            self.problems.append(CORSConfigProblem("regex.invalid", "error", name, value, message))
            return None
        prefix = _BARE_PREFIX.fullmatch(text)
        if prefix is not None:
            self.warn(
                "rule.open_end",
                name,
                value,
                f"only the start of a path is compared, so {prefix[1]}-other matches too",
                f"write {name} = r'^{prefix[1]}(/|$)'",
            )
        return pattern

    def report_unknown(self) -> None:
        """Settings that nobody reads, and that look as if they were meant for this."""
        known = set(_SETTINGS)
        known |= {spec.alias for spec in _SETTINGS.values() if spec.alias is not None}
        for name in dir(settings):
            if not name.startswith("CORS_") or name in known:
                continue
            if name in _REMOVED:
                message = "django-cors-headers has removed this setting, so it has no effect"
                self.problems.append(
                    CORSConfigProblem(
                        "option.unknown", "error", name, name, message, _REMOVED[name]
                    )
                )
                continue
            nearest = nearest_name(name, known)
            if nearest is not None or foreign_option_hint(name) is not None:
                hint = f"write {nearest}" if nearest else f"the settings are {', '.join(_SETTINGS)}"
                # What it is set to is not shown: it may be a secret of something else.
                message = "there is no such setting, so it has no effect"
                self.warn("option.unknown", name, name, message, hint)

    def _report_two_names(self, name: str) -> None:
        alias = _SETTINGS[name].alias
        if alias is None or not (hasattr(settings, name) and hasattr(settings, alias)):
            return
        value = getattr(settings, alias)
        if value != getattr(settings, name):
            message = f"{name} is set as well and is the one that counts"
            self.warn("option.conflict", alias, value, message, f"remove {alias}")


def _type(value: object) -> str:
    return type(value).__name__


def _read_as_url(entry: str) -> str:
    """An entry as ``urlsplit()`` reads it, whose scheme and host are what is compared."""
    scheme, separator, rest = entry.lstrip(_BEFORE_A_URL).translate(_IN_A_URL).partition("://")
    return f"{scheme.lower()}{separator}{rest}" if separator else scheme


def _is_regex(entry: object) -> bool:
    return isinstance(entry, str) or (
        isinstance(entry, re.Pattern) and isinstance(entry.pattern, str)
    )
