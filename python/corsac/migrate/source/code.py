"""What to write in place of a configuration: Python code, laid out as a formatter would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from corsac.migrate.source.configurations import NOT_READ, READS_THE_RUN, Configuration
from corsac.migrate.source.files import shown
from corsac.migrate.source.libraries import DJANGO_MIDDLEWARE

__all__ = ["advice", "snippet"]

LINE_LENGTH = 88
"""What most formatters are set to."""

_SAME_NAMES = frozenset(
    {
        "allow_credentials",
        "allow_methods",
        "allow_origin_regex",
        "allow_origins",
        "allow_private_network",
        "expose_headers",
        "max_age",
    }
)
"""The options of Starlette that Corsac has by the same name, and that mean the same.

Starlette adds names to ``allow_headers``.
"""


class _Call:
    """A call that is written down.

    Args:
        function: What is called, or ``""`` for a tuple or list.
        arguments: Texts and further calls, with ``name=`` in front where they have a name.
        brackets: What stands around the arguments.
    """

    def __init__(
        self, function: str, arguments: Iterable[str | tuple[str, _Call]], brackets: str = "()"
    ) -> None:
        self.function = function
        self.arguments = list(arguments)
        self.brackets = brackets

    def on_one_line(self) -> str:
        """The call without a line break."""
        parts = [
            each if isinstance(each, str) else f"{each[0]}{each[1].on_one_line()}"
            for each in self.arguments
        ]
        return f"{self.function}{self.brackets[0]}{', '.join(parts)}{self.brackets[1]}"

    def lines(self, before: str = "", indent: str = "", after: str = "") -> list[str]:
        """The call on as many lines as it needs, with what stands in front and behind."""
        short = f"{before}{self.on_one_line()}{after}"
        if len(indent) + len(short) <= LINE_LENGTH or not self.arguments:
            return [f"{indent}{short}"]
        inner = f"{indent}    "
        lines = [f"{indent}{before}{self.function}{self.brackets[0]}"]
        for each in self.arguments:
            name, call = ("", None) if isinstance(each, str) else each
            lines += call.lines(name, inner, ",") if call is not None else [f"{inner}{each},"]
        return [*lines, f"{indent}{self.brackets[1]}{after}"]


def snippet(found: Configuration) -> list[str]:
    """The code to paste: imports and statements; empty if nothing can be written.

    Args:
        found: A configuration. What is an error in it is left out.
    """
    if found.style == NOT_READ or found.translation is None:
        return []
    if found.library == "flask-cors":
        return _flask_code(found)
    if found.library == "django-cors-headers":
        return [] if found.unread else _entries("CORSAC = ", _arguments(found, {}))
    expressions = {name: text for name, text in found.unread.items() if name in _SAME_NAMES}
    is_written = all(expressions.get(name) for name in found.unread)
    if not is_written or (found.library == "litestar" and found.unread):
        return []
    arguments = _arguments(found, expressions)
    target = found.target if found.target.replace(".", "").isidentifier() else "app"
    if found.style not in {"add_middleware", "Middleware"}:
        imports = _imports("corsac", "CORSMiddleware", arguments)
        return [*imports, "", *_Call("CORSMiddleware", [target, *arguments]).lines("app = ")]
    # In a line of its own: in `add_middleware` a mistake would be found by the first request only.
    rules = [each for each in arguments if not isinstance(each, str) and each[0] == "rules="]
    plain = [each for each in arguments if each not in rules]
    policy = _Call("CORSPolicy", plain).lines("policy = ")
    use = _Call(
        f"{target}.add_middleware" if found.style == "add_middleware" else "Middleware",
        ["CORSMiddleware", "policy=policy", *rules],
    )
    return ["from corsac import CORSMiddleware, CORSPolicy", "", *policy, *use.lines()]


def advice(found: Configuration) -> list[str]:
    """What to do beside pasting the code, or in its place.

    Args:
        found: A configuration.
    """
    if found.style == NOT_READ:
        return []
    if found.library == "django-cors-headers":
        first = "resolve the errors, and " if found.has_errors else ""
        last = "keep the CORS_ settings" + (
            "" if found.unread else ", or write CORSAC in their place"
        )
        return [
            f"In MIDDLEWARE write corsac.django.CORSMiddleware for {DJANGO_MIDDLEWARE}; then "
            f"{first}{last}."
        ]
    if found.unread and not snippet(found):
        return [f"Not all of the options are literal: {READS_THE_RUN}."]
    if found.style == "Middleware":
        return ["Write it where the old one stands in the list of middleware."]
    if found.library == "litestar":
        return ["Leave out cors_config, and put the middleware around the application."]
    return []


def _flask_code(found: Configuration) -> list[str]:
    """The same call of `corsac.flask`, or one with a policy where the options have errors."""
    name = "cross_origin" if found.style == "cross_origin" else "CORS"
    translation = found.translation
    if not found.has_errors:
        text = shown(found.node) if found.node is not None else ""
        if not text:
            return []
        if found.style == "init_app":
            return [f"from corsac.flask import {name}", "", text]
        function = shown(found.node.func) if found.node is not None else ""
        mark = "@" if found.style == "cross_origin" else ""
        return [
            f"from corsac.flask import {name}",
            "",
            f"{mark}{name}{text.removeprefix(function)}",
        ]
    if found.unread or translation is None:
        return []
    arguments = _arguments(found, {})
    rules = [each for each in arguments if not isinstance(each, str) and each[0] == "rules="]
    plain = [each for each in arguments if each not in rules]
    given: list[str | tuple[str, _Call]] = []
    if plain or not rules:
        given.append(("policy=", _Call("CORSPolicy", plain)))
    given += rules
    imports = ["from corsac import CORSPolicy", f"from corsac.flask import {name}", ""]
    if name == "cross_origin":
        return [*imports, *_Call(name, given).lines("@")]
    target = found.target if found.target.replace(".", "").isidentifier() else "app"
    return [*imports, *_Call(name, [target, *given]).lines()]


def _arguments(
    found: Configuration, expressions: Mapping[str, str]
) -> list[str | tuple[str, _Call]]:
    """The options and rules of a translation as arguments, and the expressions of others."""
    assert found.translation is not None  # noqa: S101 - who calls this has one
    rules = found.translation.rules
    # A last rule that leaves all other paths alone stands for options that allow nobody.
    is_off = bool(rules) and rules[-1] == ("/*", None)
    options = {} if is_off else {**found.translation.options}
    arguments = _options({**options, **dict.fromkeys(expressions)}, expressions)
    if rules:
        pairs: list[str | tuple[str, _Call]] = []
        for pattern, policy in rules[:-1] if is_off else rules:
            if policy is None:
                pairs.append(f"({_text(pattern)}, None)")
            else:
                call = _Call("CORSPolicy", _options(policy._arguments(), {}))
                pairs.append(("", _Call("", [_text(pattern), ("", call)])))
        arguments.append(("rules=", _Call("", pairs, "[]")))
    return arguments


def _options(
    options: Mapping[str, Any], expressions: Mapping[str, str]
) -> list[str | tuple[str, _Call]]:
    arguments: list[str | tuple[str, _Call]] = []
    for name, value in options.items():
        if name in expressions:
            arguments.append(f"{name}={expressions[name]}")
        elif isinstance(value, (list, tuple)):
            arguments.append((f"{name}=", _Call("", map(_text, value), "[]")))
        else:
            arguments.append(f"{name}={_text(value)}")
    return arguments


def _entries(before: str, arguments: Iterable[str | tuple[str, _Call]]) -> list[str]:
    """Arguments as the entries of a dictionary, with the imports that they need."""
    entries: list[str | tuple[str, _Call]] = []
    given = list(arguments)
    for each in given:
        name, _, value = (each if isinstance(each, str) else each[0]).partition("=")
        entries.append(f'"{name}": {value}' if isinstance(each, str) else (f'"{name}": ', each[1]))
    lines = _Call("", entries, "{}").lines(before)
    needs_policy = any("CORSPolicy(" in line for line in lines)
    return ["from corsac import CORSPolicy", "", *lines] if needs_policy else lines


def _imports(module: str, name: str, arguments: Iterable[str | tuple[str, _Call]]) -> list[str]:
    text = _Call("", arguments).on_one_line()
    names = f"{name}, CORSPolicy" if "CORSPolicy(" in text else name
    return [f"from {module} import {names}"]


def _text(value: object) -> str:
    """A value as one writes it, with double quotes; an expression without doubled backslashes."""
    if not isinstance(value, str):
        return repr(value)
    is_plain = value.isascii() and value.isprintable() and '"' not in value
    if is_plain and "\\" in value and not value.endswith("\\"):
        return f'r"{value}"'
    text = ascii(value)
    plain = text[1:-1]
    return f'"{plain}"' if '"' not in plain and "\\" not in plain else text
