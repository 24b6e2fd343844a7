r"""What the options of flask-cors mean (6.0).

- Any origin, the usual seven methods and any header if nothing is said; unknown names are ignored.
- A string with any of ``*\]?$^[()`` is an expression, for origins, headers and paths. It is matched
  from the start only; origins without regard to case.
- Options of a resource go before arguments, and those before ``CORS_...`` keys of the app's
  configuration; see `corsac.foreign.flask_application`.
- ``"*"`` means nothing for methods. A method is looked for in the joined text of all methods.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from corsac.errors import CORSConfigProblem
from corsac.foreign.reader import Reader, is_entry
from corsac.foreign.reading import Reading, with_tried_fixes
from corsac.options.names import OPTION_NAMES, corsac_option, nearest_name

__all__ = ["CONFIG_KEYS", "EXTENSION_OPTIONS", "NAMES", "OWN_OPTIONS", "VIEW_OPTIONS"]
__all__ += ["configured_options", "looks_like_a_regex", "read_flask_cors"]
__all__ += ["unknown_keys", "unknown_option"]

VIEW_OPTIONS: Final = (
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

EXTENSION_OPTIONS: Final = ("resources", "intercept_exceptions")
"""What flask-cors takes for a whole application besides."""

CONFIG_KEYS: Final = {f"CORS_{name.upper()}": name for name in (*VIEW_OPTIONS, *EXTENSION_OPTIONS)}
"""The keys of an application's configuration, with the options that they set."""

OWN_OPTIONS: Final = ("tolerate", "guard", "allow_timing", "app_headers")
"""What `corsac.flask` takes besides: options of a policy."""

NAMES: Final = {
    "allow_origins": "origins",
    "allow_origin_regex": "origins",
    "allow_methods": "methods",
    "allow_credentials": "supports_credentials",
}
"""Options of a policy, with the names that flask-cors has for them."""

_DEFAULT_METHODS: Final = ("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE")
_REGEX_MARKS: Final = frozenset("*\\]?$^[()")
_ANY_ORIGIN: Final[tuple[object, ...]] = ("*", ".*", "^.*", ".*$", "^.*$", ".+", "^.+$")
_WITHOUT_EFFECT: Final = {
    "always_send": "what is sent without an Origin header follows from the origins",
    "send_wildcard": 'for "*" without credentials the constant "*" is always sent',
}


def read_flask_cors(options: Mapping[str, Any], keys: Mapping[str, str] | None = None) -> Reading:
    """Read options of one resource or view, and a policy's ``tolerate``, ``guard`` and so on.

    What is absent has flask-cors's default. ``keys`` are those of the application's configuration
    that set some of the options.
    """
    options_of = {key: option for option, key in (keys or {}).items()}

    def read_fixed(fix: Mapping[str, Any]) -> Reading:
        fixed = {options_of.get(name, name): value for name, value in fix.items()}
        return _Reader({**options, **fixed}, keys or {}).read()

    return with_tried_fixes(_Reader(options, keys or {}).read(), read_fixed)


def looks_like_a_regex(text: str) -> bool:
    """Tell whether flask-cors takes a string for a regular expression."""
    return not _REGEX_MARKS.isdisjoint(text)


def configured_options(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that an application's configuration sets: ``CORS_ORIGINS`` and so on."""
    return {name: config[key] for key, name in CONFIG_KEYS.items() if config.get(key) is not None}


def unknown_option(name: str, known: Iterable[str]) -> CORSConfigProblem:
    """Return the error about an option that flask-cors does not have, and would pass over."""
    known = tuple(known)
    meant = _meant_option(name, known)
    hint = f"write {meant}" if meant else f"the options are {', '.join(known)}"
    if meant is None and name in OPTION_NAMES:
        hint = f"that is an option of CORSPolicy: write policy=CORSPolicy({name}=...)"
    message = "there is no such option: flask-cors would only log it, and use its default"
    if meant == "origins":
        message += ", which is any origin"
    return CORSConfigProblem("option.unknown", "error", name, name, message, hint)


def unknown_keys(config: Mapping[str, Any]) -> list[CORSConfigProblem]:
    """Return warnings about keys of ``app.config`` that look like options and are none."""
    known = tuple(CONFIG_KEYS.values())
    problems = []
    for key in config:
        name = key.removeprefix("CORS_").lower()
        if key.startswith("CORS_") and name not in known:
            meant = _meant_option(name, known)
            hint = f"write CORS_{meant.upper()}" if meant else "remove it"
            message = "there is no such option, so the key has no effect"
            problems.append(CORSConfigProblem("option.unknown", "warning", key, key, message, hint))
    return problems


def _meant_option(name: str, known: Sequence[str]) -> str | None:
    """Return the option that a misspelt or foreign name stands for, or ``None``."""
    option = corsac_option(name)
    meant = NAMES.get(option or "", option)
    return meant if meant in known else nearest_name(name.lower(), known)


class _Reader(Reader):
    """Reads one mapping; every method reads one option and notes what is wrong with it."""

    library = "flask-cors"

    def __init__(self, given: Mapping[str, Any], keys: Mapping[str, str]) -> None:
        names = {name: NAMES.get(name, name) for name in OPTION_NAMES}
        super().__init__(given, {option: keys.get(name, name) for option, name in names.items()})
        self._keys = keys
        self.chosen |= set(keys.values())

    def name(self, option: str) -> str:
        """Return the key of the application's configuration that sets an option, or the option."""
        return self._keys.get(option, option)

    def read(self) -> Reading:
        known = (*VIEW_OPTIONS, *OWN_OPTIONS)
        self.problems += [unknown_option(str(n), known) for n in self.given if n not in known]
        credentials = self._boolean("supports_credentials", default=False)
        self.options |= {"allow_credentials": credentials, "allow_origins": []}
        self._read_origins()
        self.options |= {
            "allow_methods": self._methods(),
            "allow_headers": self._allow_headers(credentials=credentials),
            "expose_headers": self._listed_names("expose_headers"),
            "max_age": self._max_age(),
            "allow_private_network": self._boolean("allow_private_network", default=False),
        }
        if not self._boolean("automatic_options", default=True):
            self.options["preflight_continue"] = True
        self._read_what_has_no_effect()
        return self.finish({name: self.given[name] for name in OWN_OPTIONS if name in self.given})

    def _boolean(self, option: str, *, default: bool) -> bool:
        value = self.given.get(option, default)
        if value is None or value in (0, 1):
            return bool(value)
        message = "expected True or False; flask-cors takes any text for true, also 'false'"
        name = self.name(option)
        self.refuse(option, value, message, f"write {name}=True or {name}=False")
        # What cannot be read is not guessed, but credentials make whatever else is wrong worse.
        return True if option == "supports_credentials" else default

    # Origins

    def _read_expression(self, entry: str | re.Pattern[str], option: str) -> None:
        """Read an expression, or a text that the library takes for one."""
        # What finds how far it reaches takes long to load, and few have one.
        from corsac.foreign.origin_regexes import read_glob, read_prefix_regex  # noqa: PLC0415

        if not (isinstance(entry, str) and read_glob(self, entry, option)):
            read_prefix_regex(self, entry, option, ignores_case=isinstance(entry, str))

    def _read_origins(self) -> None:
        option = self.name("origins")
        origins: list[str] = self.options["allow_origins"]
        for entry in _as_entries(self.given.get("origins", "*")):
            if (entry.pattern if isinstance(entry, re.Pattern) else entry) in _ANY_ORIGIN:
                origins.append("*")
            elif isinstance(entry, re.Pattern):
                self._read_expression(entry, option)
            elif entry is None:
                message = "None allows nobody, as when an environment variable is not set"
                hint = 'list the origins: origins=["https://app.example.com"]'
                self.warn("option.empty", option, entry, message, hint)
            elif not isinstance(entry, str):
                kind = type(entry).__name__
                message = f"an origin is a string or a compiled expression, not {kind}"
                self.refuse(option, entry, message, "write a string")
            elif looks_like_a_regex(entry):
                self._read_expression(entry, option)
            else:
                origins.append(entry.lower() if entry.isascii() else entry)
                if origins[-1] != entry:
                    message = (
                        "flask-cors ignores case; Corsac compares, and browsers send lower case"
                    )
                    hint = f'write "{origins[-1]}"'
                    self.report("origin.rewritten", "info", option, entry, message, hint)

    # The lists

    def _methods(self) -> list[str]:
        methods = []
        for method in self._listed_names("methods", _DEFAULT_METHODS):
            if method == "*":
                message = 'flask-cors looks for the method in the text "*", and allows none by it'
                hint = "list the methods, or leave methods out for all usual ones"
                self.warn("method.never_allowed", "methods", method, message, hint)
            else:
                methods.append(method.upper())
        self.report_safelisted("methods", methods)
        return list(dict.fromkeys(methods))

    def _listed_names(self, option: str, default: Iterable[str] = ()) -> list[str]:
        """Return names of a list that flask-cors sorts and joins: entries may have commas."""
        value = self.given.get(option, default)
        names: list[str] = []
        for entry in () if value is None else _as_entries(value):
            if isinstance(entry, str):
                names += [part.strip() for part in entry.split(",") if part.strip()]
            else:
                self._report_no_name(option, entry)
        return names if isinstance(value, str) else sorted(names)

    def _report_no_name(self, option: str, entry: object) -> None:
        message = f"a name is a string, not {type(entry).__name__}"
        self.refuse(option, entry, message, "write a list of strings")

    def _allow_headers(self, *, credentials: bool) -> list[str]:
        option = "allow_headers"
        value = self.given.get(option, "*")
        headers: list[str] = []
        for entry in () if value is None else _as_entries(value):
            text = entry.pattern if isinstance(entry, re.Pattern) else entry
            if text in ("*", ".*"):
                # Any, Authorization among them, which "*" covers only with credentials.
                headers += ["*"] if credentials else ["*", "authorization"]
            elif not isinstance(text, str):
                self._report_no_name(option, entry)
            elif isinstance(entry, re.Pattern) or looks_like_a_regex(text):
                message = (
                    "a browser has to be told names, so expressions for them have no counterpart"
                )
                hint = 'list the names, or write allow_headers="*"'
                self.report("header.expression", "error", option, text, message, hint)
            else:
                headers.append(text)
        return list(dict.fromkeys(headers))

    # The single values

    def _max_age(self) -> object:
        value = self.given.get("max_age")
        if isinstance(value, timedelta):
            value = str(int(value.total_seconds()))
        if value == 0 and not isinstance(value, bool):
            return None  # flask-cors leaves out a header whose value is false.
        if isinstance(value, str):
            if not value.strip():
                return None
            if re.fullmatch(r"-?[0-9]{1,18}", value.strip(), re.ASCII):
                value = int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return self.at_most_a_day("max_age", value, "=")
        return value

    def _read_what_has_no_effect(self) -> None:
        if not self._boolean("vary_header", default=True):
            message = (
                "a cache would give one site's answer to another: Vary is sent wherever the answer "
                "depends on the origin"
            )
            value = self.given["vary_header"]
            self.warn("option.without_effect", "vary_header", value, message, "remove it")
        for option, message in _WITHOUT_EFFECT.items():
            default = option != "send_wildcard"
            if self._boolean(option, default=default) is not default:
                value = self.given[option]
                self.report("option.without_effect", "info", option, value, message, "remove it")
        self._read_always_send()

    def _read_always_send(self) -> None:
        origins = [entry for entry in _as_entries(self.given.get("origins", "*")) if entry != "*"]
        listed = self.options["allow_origins"]
        if not self.given.get("always_send") or not origins or "*" in listed:
            return
        if len(listed) == 1 and not self.regexes and "*" not in listed[0] and is_entry(listed[0]):
            self.options["always_send"] = True
        elif len(listed) == len(origins):
            message = (
                f'flask-cors sends "{min(map(str, origins))}" to requests without an Origin header '
                "too; here they get none unless exactly one exact origin is listed, so that "
                "nothing works behind a cache or proxy that takes Origin away"
            )
            hint = "have it hand on Origin, and keep answers apart by Vary; or remove always_send"
            value = self.given["always_send"]
            self.warn("option.without_effect", "always_send", value, message, hint)


def _as_entries(value: object) -> list[object]:
    """Return the entries of what flask-cors takes as a list; a single value is one entry."""
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping)):
        return list(value)
    return [value]
