"""What the options of Starlette's ``CORSMiddleware`` mean (1.10, and FastAPI, which has the same).

- Origins are compared as text; an entry with ``*`` inside is text too. A string where a list is
  meant is searched, so any part of it is an origin, and a ``*`` anywhere in it means any origin.
- The expression is matched as a whole.
- Preflight requests for methods and headers that are not listed are refused; only GET is listed if
  nothing is said. ``"*"`` stands for eight methods, and for any header, ``authorization`` included.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from corsac import _core
from corsac.errors import Severity
from corsac.migrate.narrowing import is_entry
from corsac.migrate.reading import OriginRegex, Reader, Reading, split_names

__all__ = ["POSITIONAL", "StarletteReader", "read_starlette"]

POSITIONAL = (
    "allow_origins",
    "allow_methods",
    "allow_headers",
    "allow_credentials",
    "allow_origin_regex",
    "allow_private_network",
    "expose_headers",
    "max_age",
)
"""The arguments after the application, in order."""

_ANY_METHOD = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY")


def read_starlette(given: Mapping[str, object]) -> Reading:
    """Read the arguments of Starlette's middleware, by name and without the application."""
    return StarletteReader(given).read()


class StarletteReader(Reader):
    """Reads one mapping; litestar differs in what its class attributes say."""

    library = "Starlette"
    options: tuple[str, ...] = POSITIONAL
    default_origins: tuple[str, ...] = ()
    default_methods: tuple[str, ...] = ("GET",)
    default_headers: tuple[str, ...] = ()
    any_method: tuple[str, ...] = _ANY_METHOD
    has_private_network = True

    def __init__(self, given: Mapping[str, object]) -> None:
        super().__init__(given, {name: name for name in POSITIONAL})

    def read(self) -> Reading:
        """Read all options."""
        for name in self.given:
            if name not in self.options:
                self.report_unknown(
                    str(name), "error", f"{self.library} has no such option, and raises TypeError"
                )
        options = self.reading.options
        options["allow_credentials"] = self.truth("allow_credentials")
        options["allow_origins"] = self.read_origins()
        self.read_regex()
        options["allow_methods"] = self.read_methods()
        options["allow_headers"] = self.read_headers(options["allow_credentials"])
        options["expose_headers"] = self.read_exposed()
        self.read_max_age()
        if self.has_private_network:
            options["allow_private_network"] = self.truth("allow_private_network")
        return self.reading

    def listed(self, option: str, default: tuple[str, ...]) -> list[str] | str:
        """The entries of a list option; a string stays one."""
        value = self.given.get(option, default)
        if isinstance(value, str):
            return value
        if isinstance(value, (list, tuple, set, frozenset)):
            # A set has no order of its own, and the result should not depend on a seed.
            entries = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
            return self.texts(option, entries)
        kind = type(value).__name__
        message = f"a list of strings is wanted, and {self.library} cannot use {kind}"
        self.report("option.wrong_type", "error", option, value, message, "write a list of strings")
        return list(default)

    # Origins

    def read_origins(self) -> list[str]:
        """The origins that the list allows."""
        value = self.listed("allow_origins", self.default_origins)
        if isinstance(value, str):
            return self.read_origin_string(value)
        if "*" in value:
            return value
        return [entry for entry in value if self.is_alive(entry)]

    def is_alive(self, entry: str) -> bool:
        """Whether an entry stays: a pattern to Corsac is plain text to Starlette."""
        if "*" not in entry or not is_entry(entry):
            return True  # If it is no origin, the policy says so.
        self.report(
            "origin.never_matched",
            "warning",
            "allow_origins",
            entry,
            f"{self.library} has no patterns and compares it as it is, so it matches nothing and "
            "is left out",
            "add it to allow_origins, where it is a pattern and does what it looks like",
        )
        return False

    def read_origin_string(self, text: str) -> list[str]:
        """The origins that a string allows where a list is meant."""
        parts = split_names(text)
        hint = f"write allow_origins={parts!r}"
        if "*" in text:
            self.report(
                "option.wrong_type",
                "warning" if text == "*" else "error",
                "allow_origins",
                text,
                f'{self.library} looks for "*" in the string and finds it, so any origin is '
                "allowed",
                hint,
            )
            return ["*"]
        self.report(
            "option.wrong_type",
            "error",
            "allow_origins",
            text,
            f"{self.library} looks for the origin in the string, so every part of it is allowed "
            f"too, such as {text[: max(len(text) // 2, 1)][:60]!r}",
            hint,
        )
        # The origins that were meant; each is a part of the string, so nothing becomes wider.
        found = []
        for part in parts:
            try:
                pieces = urlsplit(part)
            except ValueError:
                continue
            origin = f"{pieces.scheme}://{pieces.netloc}"
            if origin in text and _core.is_serialized_origin(origin.encode("ascii", "replace")):
                found.append(origin)
        return found

    def read_regex(self) -> None:
        """The expression, which is matched as a whole as here."""
        value = self.given.get("allow_origin_regex")
        if value is None:
            return
        text = value.pattern if isinstance(value, re.Pattern) else value
        if not isinstance(text, str):
            message = f"an expression is text, not {type(value).__name__}"
            self.report("option.wrong_type", "error", "allow_origin_regex", value, message)
            return
        if text:
            self.reading.regexes.append(OriginRegex(text, text, "allow_origin_regex"))

    # Lists of names

    def read_methods(self) -> list[str]:
        """The methods whose preflight requests succeed."""
        value = self.listed("allow_methods", self.default_methods)
        if isinstance(value, str):
            methods = self.read_method_string(value)
        elif "*" in value:
            methods = list(self.any_method)
            return [method for method in methods if method not in {"GET", "HEAD", "POST"}]
        else:
            methods = value
        self.report_safelisted("allow_methods", methods)
        self.report_lower_case(methods)
        return self.drop_options_method(
            "allow_methods", (method for method in methods if not _is_lower_case(method))
        )

    def read_method_string(self, text: str) -> list[str]:
        """The methods of a string where a list is meant."""
        works = text == "*"
        message = (
            f'{self.library} looks for "*" in the string and finds it'
            if "*" in text
            else f"{self.library} sends it letter by letter ({', '.join(text[:8])}), which no "
            "method is"
        )
        hint = f"write allow_methods={split_names(text)!r}"
        severity: Severity = "warning" if works else "error"
        self.report("option.wrong_type", severity, "allow_methods", text, message, hint)
        if "*" in text:
            return list(self.any_method)
        # The answer to a preflight request lists single letters.
        return [letter for letter in text if letter.isalpha()] if len(text) == 1 else []

    def report_lower_case(self, methods: list[str]) -> None:
        """Say which methods were never allowed, because browsers send them in upper case."""
        for method in methods:
            if _is_lower_case(method):
                self.report(
                    "method.never_allowed",
                    "warning",
                    "allow_methods",
                    method,
                    f"browsers send {method.upper()}, and {self.library} compares case, so it was "
                    "never allowed and is left out",
                    f'add "{method.upper()}" if it is meant',
                )

    def read_headers(self, credentials: bool) -> list[str]:
        """The request headers whose preflight requests succeed."""
        value = self.listed("allow_headers", self.default_headers)
        if isinstance(value, str):
            self.report(
                "option.wrong_type",
                "warning" if value == "*" else "error",
                "allow_headers",
                value,
                f'{self.library} looks for "*" in the string and finds it'
                if "*" in value
                else f"{self.library} takes it letter by letter, so none of its names is allowed",
                f"write allow_headers={split_names(value)!r}",
            )
            value = ["*"] if "*" in value else []
        if "*" in value:
            # What is asked for is echoed, and so covers authorization.
            return ["*"] if credentials else ["*", "authorization"]
        names = {name.strip().lower() for name in value}
        # The CORS-safelisted request headers are always allowed; browsers ask for this one alone.
        return value if "content-type" in names else [*value, "content-type"]

    def read_exposed(self) -> list[str]:
        """The response headers that pages may read."""
        value = self.listed("expose_headers", ())
        if not isinstance(value, str):
            return value
        if not value:
            return []
        self.report(
            "option.wrong_type",
            "warning" if value == "*" else "error",
            "expose_headers",
            value,
            f"{self.library} sends it letter by letter",
            f"write expose_headers={split_names(value)!r}",
        )
        return ["*"] if value == "*" else []

    def read_max_age(self) -> None:
        """The seconds; anything is sent as text."""
        value = self.given.get("max_age", 600)
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value, re.ASCII):
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            self.reading.options["max_age"] = value
            return
        self.reading.options["max_age"] = None
        self.report(
            "option.wrong_type",
            "warning",
            "max_age",
            value,
            f"{self.library} sends the text {str(value)[:40]!r}, which browsers ignore",
            "write whole seconds, or None for no header",
        )


_METHODS = frozenset({"delete", "get", "head", "options", "patch", "post", "put", "query"})


def _is_lower_case(method: str) -> bool:
    return method != method.upper() and method.lower() in _METHODS
