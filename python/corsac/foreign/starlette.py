"""What the options of Starlette's ``CORSMiddleware`` mean (1.10), and those of litestar (2.25).

- Origins are compared as text; an entry with ``*`` inside is text too. A string where a list is
  meant is searched, so any part of it is an origin, and a ``*`` anywhere in it means any origin.
- The expression is matched as a whole.
- Preflight requests for methods and headers that are not listed are refused; only GET is listed if
  nothing is said. ``"*"`` stands for eight methods, and for any header, ``authorization`` included.

litestar's options are the same with other defaults: any origin, any of seven methods, any header. A
``*`` inside an entry stands for anything there, dots included.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from corsac import _core
from corsac.errors import Severity
from corsac.foreign.reader import OriginRegex, Reader, is_entry, split_names
from corsac.foreign.reading import Reading
from corsac.options.names import nearest_name
from corsac.validation.regex.language import language
from corsac.validation.regex.origin_languages import language_of_entry
from corsac.validation.regex.syntax import UnknownSyntax

__all__ = ["LITESTAR_OPTIONS", "STARLETTE_OPTIONS", "read_litestar", "read_starlette"]

STARLETTE_OPTIONS = (
    "allow_origins",
    "allow_methods",
    "allow_headers",
    "allow_credentials",
    "allow_origin_regex",
    "allow_private_network",
    "expose_headers",
    "max_age",
)
"""The arguments of Starlette's middleware after the application, in order."""

LITESTAR_OPTIONS = tuple(name for name in STARLETTE_OPTIONS if name != "allow_private_network")
"""The arguments of litestar's ``CORSConfig``, in order."""

_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


def read_starlette(given: Mapping[str, object]) -> Reading:
    """Read the arguments of Starlette's middleware, by name and without the application."""
    return _StarletteReader(given).read()


def read_litestar(given: Mapping[str, object]) -> Reading:
    """Read the arguments of litestar's ``CORSConfig``, by name."""
    return _LitestarReader(given).read()


class _StarletteReader(Reader):
    """Reads one mapping; litestar differs in what its class attributes say."""

    library = "starlette"
    known: tuple[str, ...] = STARLETTE_OPTIONS
    default_origins: tuple[str, ...] = ()
    default_methods: tuple[str, ...] = ("GET",)
    default_headers: tuple[str, ...] = ()
    any_method: tuple[str, ...] = (*_METHODS, "QUERY")

    def __init__(self, given: Mapping[str, object]) -> None:
        super().__init__(given, {name: name for name in STARLETTE_OPTIONS})

    def read(self) -> Reading:
        """Read all options."""
        known = {option.lower(): option for option in self.known}
        for name in self.given:
            if name not in self.known:
                near = nearest_name(str(name).lower(), known)
                message = f"{self.who} has no such option, and raises TypeError"
                hint = f"did you mean {known[near]}?" if near else "remove it"
                self.report("option.unknown", "error", str(name), str(name), message, hint)
        credentials = self._truth("allow_credentials")
        self.options |= {
            "allow_credentials": credentials,
            "allow_origins": self._read_origins(),
            "allow_methods": self._read_methods(),
            "allow_headers": self._read_headers(credentials),
            "expose_headers": self._read_exposed(),
            "max_age": self._read_max_age(),
        }
        if "allow_private_network" in self.known:
            self.options["allow_private_network"] = self._truth("allow_private_network")
        self._read_regex()
        return self.finish()

    def _truth(self, option: str) -> bool:
        """Return what Python takes the value for; what is not a boolean is a problem."""
        value = self.given.get(option, False)
        if isinstance(value, bool) or value is None:
            return bool(value)
        try:
            meant = bool(value)
        except Exception:  # Any object may stand here.
            meant = True
        message = f"True or False is expected; {self.who} takes it for {meant}, as any text"
        self.refuse(option, value, message, f"write {option}=True or {option}=False")
        return meant

    def _listed(self, option: str, default: tuple[str, ...]) -> list[str] | str:
        """Return the entries of a list option; a string stays one."""
        value = self.given.get(option, default)
        if isinstance(value, str):
            return value
        if isinstance(value, (list, tuple, set, frozenset)):
            # A set has no order of its own, and the result should not depend on a seed.
            entries = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
            for entry in entries:
                if not isinstance(entry, str):
                    kind = type(entry).__name__
                    message = (
                        f"{self.who} compares text, so an entry of type {kind} matches nothing"
                    )
                    self.refuse(option, entry, message, "write a string")
            return [str.__str__(entry) for entry in entries if isinstance(entry, str)]
        message = (
            "an iterator is used up when it is first looked at, so it allows nothing"
            if hasattr(value, "__next__")
            else f"expected a list of strings; {self.who} cannot use {type(value).__name__}"
        )
        self.refuse(option, value, message, "write a list of strings")
        return list(default)

    def _report_string(self, option: str, text: str, effect: str) -> None:
        """A string stands where a list is meant; ``"*"`` alone works as it looks."""
        if "*" in text and option != "expose_headers":
            effect = 'looks for "*" in the string and finds it, so anything is allowed'
        severity: Severity = "info" if text == "*" else "error"
        message = f"a string is not a list: {self.who} {effect}"
        hint = f"write {option}={split_names(text)!r}"
        self.report("option.wrong_type", severity, option, text, message, hint)

    # Origins

    def _read_origins(self) -> list[str]:
        value = self._listed("allow_origins", self.default_origins)
        if isinstance(value, str):
            return self.read_origin_string(value) if value else []
        return value if "*" in value else [entry for entry in value if self.is_alive(entry)]

    def is_alive(self, entry: str) -> bool:
        """Tell whether an entry stays: a pattern to Corsac is plain text to Starlette."""
        if "*" not in entry or not is_entry(entry):
            return True  # If it is not an origin, the policy says so.
        message = f"{self.who} has no patterns and compares it as it is, so it matches nothing"
        hint = (
            "use corsac.CORSMiddleware, where it is a pattern and does what it looks like, or "
            "write an allow_origin_regex"
        )
        self.warn("origin.never_matched", "allow_origins", entry, message, hint)
        return False

    def read_origin_string(self, text: str) -> list[str]:
        """Return the origins that a string allows where a list is meant."""
        part = text[: max(len(text) // 2, 1)][:60]
        effect = "looks for the origin in the string, so every part of it is allowed too, such as "
        self._report_string("allow_origins", text, f"{effect}{part!r}")
        if "*" in text:
            return ["*"]
        # The origins that were meant; each is a part of the string, so nothing becomes wider.
        found = []
        for each in split_names(text):
            try:
                pieces = urlsplit(each)
            except ValueError:
                continue
            origin = f"{pieces.scheme}://{pieces.netloc}"
            if origin in text and _core.is_serialized_origin(origin.encode("ascii", "replace")):
                found.append(origin)
        return found

    def _read_regex(self) -> None:
        value = self.given.get("allow_origin_regex")
        text = value.pattern if isinstance(value, re.Pattern) else value
        if isinstance(text, str) and text:
            self.regexes.append(OriginRegex(text, text, "allow_origin_regex"))
        elif text is not None and text != "":
            message = f"an expression is text, not {type(value).__name__}"
            self.refuse("allow_origin_regex", value, message)

    # Lists of names

    def _read_methods(self) -> list[str]:
        value = self._listed("allow_methods", self.default_methods)
        if isinstance(value, str):
            effect = f"sends it letter by letter ({', '.join(value[:8])}), which no method is"
            self._report_string("allow_methods", value, effect)
            # Each piece of it passes, and the answer lists single letters.
            letter = value if len(value) == 1 and value.isalpha() else ""
            methods = list(self.any_method if "*" in value else letter)
        else:
            methods = list(self.any_method) if "*" in value else value
        self.report_safelisted("allow_methods", methods)
        return self.without_lower_case("allow_methods", methods)

    def _read_headers(self, credentials: bool) -> list[str]:
        value = self._listed("allow_headers", self.default_headers)
        if isinstance(value, str):
            if value:
                effect = "takes it letter by letter, so none of its names is allowed"
                self._report_string("allow_headers", value, effect)
            value = ["*"] if "*" in value else []
        if "*" in value:
            # What is asked for is echoed, and so covers authorization.
            return ["*"] if credentials else ["*", "authorization"]
        names = {name.strip().lower() for name in value}
        # The CORS-safelisted request headers are always allowed; browsers ask for this one alone.
        return value if "content-type" in names else [*value, "content-type"]

    def _read_exposed(self) -> list[str]:
        value = self._listed("expose_headers", ())
        if isinstance(value, str):
            if value:
                self._report_string("expose_headers", value, "sends it letter by letter")
            return ["*"] if value == "*" else []
        return value

    def _read_max_age(self) -> int | None:
        value = self.given.get("max_age", 600)
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value, re.ASCII):
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        message = f"{self.who} sends {str(value)[:40]!r}, which browsers ignore"
        self.warn("option.wrong_type", "max_age", value, message, "write whole seconds")
        return None


class _LitestarReader(_StarletteReader):
    library = "litestar"
    known = LITESTAR_OPTIONS
    default_origins = ("*",)
    default_methods = ("*",)
    default_headers = ("*",)
    any_method = _METHODS

    def is_alive(self, entry: str) -> bool:
        """Tell whether an entry stays in the list; one with ``*`` may become an expression."""
        if "*" not in entry:
            return True
        text = ".*".join(map(re.escape, entry.split("*")))
        try:
            if is_entry(entry) and language_of_entry(entry).beyond(language(text)) is None:
                return True
        except UnknownSyntax:
            return False  # Too long for anybody to have meant it.
        self.regexes.append(OriginRegex(text, entry, "allow_origins"))
        return False

    def read_origin_string(self, text: str) -> list[str]:
        """Return the origins of a string where a list is meant: none, as each letter is one."""
        if "*" in text:
            return super().read_origin_string(text)
        self._report_string("allow_origins", text, "takes it letter by letter, so it matches none")
        return []
