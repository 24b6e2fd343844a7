"""The Python code of a translation: calls laid out as a formatter would."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from corsac.migrate.source_found import Found
from corsac.migrate.translation import Translation

__all__ = ["Call", "arguments_of", "code_of", "snippet"]

LINE_LENGTH = 88
"""What most formatters are set to."""


class Call:
    """A call that is written down.

    Args:
        function: What is called, or ``""`` for a tuple.
        arguments: Texts and further calls, with ``name=`` in front where they have a name.
        brackets: What stands around the arguments.
    """

    def __init__(
        self,
        function: str,
        arguments: Iterable[str | tuple[str, Call]],
        brackets: str = "()",
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

    def lines(self, indent: str, before: str = "", after: str = "") -> list[str]:
        """The call on as many lines as it needs.

        Args:
            indent: White space in front of the first line, which is not part of the result.
            before: What stands on the first line in front of the call.
            after: What follows on the last line.
        """
        short = f"{before}{self.on_one_line()}{after}"
        if len(indent) + len(short) <= LINE_LENGTH or not self.arguments:
            return [short]
        inner = f"{indent}    "
        lines = [f"{before}{self.function}{self.brackets[0]}"]
        for each in self.arguments:
            if isinstance(each, str):
                lines.append(f"{inner}{each},")
            else:
                name, call = each
                first, *rest = call.lines(inner, name, ",")
                lines += [f"{inner}{first}", *rest]
        lines.append(f"{indent}{self.brackets[1]}{after}")
        return lines


def arguments_of(
    translation: Translation, expressions: Mapping[str, str], policy: str
) -> list[str | tuple[str, Call]]:
    """The arguments of the middleware after the application.

    Args:
        translation: What has to be said.
        expressions: Options whose values only a run shows, with the expressions for them.
        policy: How ``CORSPolicy`` is called here.
    """
    rules = translation.rules
    elsewhere_off = bool(rules) and rules[-1] == ("/*", None)
    shown = rules[:-1] if elsewhere_off else rules
    arguments: list[str | tuple[str, Call]] = []
    if not elsewhere_off:
        arguments += _options(translation.options, expressions)
    if rules:
        pairs: list[str | tuple[str, Call]] = []
        for pattern, ruled in shown:
            if ruled is None:
                pairs.append(f"({_text(pattern)}, None)")
            else:
                call = Call(policy, _options(ruled._arguments(), {}))
                pairs.append(("", Call("", [_text(pattern), ("", call)])))
        arguments.append(("rules=", Call("", pairs, "[]")))
    return arguments


def _options(
    options: Mapping[str, Any], expressions: Mapping[str, str]
) -> list[str | tuple[str, Call]]:
    arguments: list[str | tuple[str, Call]] = []
    names = [*options, *(name for name in expressions if name not in options)]
    for name in names:
        if name in expressions:
            arguments.append(f"{name}={expressions[name]}")
        elif isinstance(options[name], (list, tuple)):
            entries = Call("", map(_text, options[name]), "[]")
            arguments.append((f"{name}=", entries))
        else:
            arguments.append(f"{name}={_text(options[name])}")
    return arguments


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


def code_of(found: Found, indent: str = "") -> list[str]:  # noqa: PLR0911 - one style each
    """What to write in place of a configuration; the first line is not indented."""
    translation = found.translation
    if translation is None:
        return []
    arguments = arguments_of(translation, found.expressions, "CORSPolicy")
    target = found.target or "app"
    if found.library == "django-cors-headers":
        return _django_code(translation, found.expressions)
    if found.library == "flask-cors":
        if found.style == "cross_origin":
            return Call("policy = CORSPolicy", arguments).lines(indent)
        wsgi = f"{target}.wsgi_app"
        return Call("CORSMiddleware", [wsgi, *arguments]).lines(indent, f"{wsgi} = ")
    if found.style == "add_middleware":
        return Call(f"{target}.add_middleware", ["CORSMiddleware", *arguments]).lines(indent)
    if found.style == "Middleware":
        function = _function_text(found.node)
        return Call(function, ["CORSMiddleware", *arguments]).lines(indent)
    if found.style == "wrap" and found.node is not None:
        return Call("CORSMiddleware", [target, *arguments]).lines(indent)
    return Call("CORSMiddleware", [target, *arguments]).lines(indent, "app = ")


def _django_code(translation: Translation, expressions: Mapping[str, str]) -> list[str]:
    arguments = arguments_of(translation, expressions, "CORSPolicy")
    entries: list[str | tuple[str, Call]] = []
    for each in arguments:
        name, _, value = (each if isinstance(each, str) else each[0]).partition("=")
        entries.append(f'"{name}": {value}' if isinstance(each, str) else (f'"{name}": ', each[1]))
    return Call("", entries, "{}").lines("", "CORSAC = ")


def _function_text(node: ast.Call | None) -> str:
    return "Middleware" if node is None else ast.unparse(node.func)


def imports_of(found: Found, lines: Sequence[str]) -> list[str]:
    """The import statements that a configuration's code needs."""
    uses_policy = any("CORSPolicy(" in line for line in lines)
    if found.library == "django-cors-headers":
        return ["from corsac import CORSPolicy"] if uses_policy else []
    if found.library == "flask-cors":
        if found.style == "cross_origin":
            return ["from corsac import CORSPolicy"]
        policy = ["from corsac import CORSPolicy"] if uses_policy else []
        return [*policy, "from corsac.wsgi import CORSMiddleware"]
    names = "CORSMiddleware, CORSPolicy" if uses_policy else "CORSMiddleware"
    return [f"from corsac import {names}"]


def snippet(found: Found) -> list[str]:
    """The code of a configuration with its imports, to be pasted."""
    lines = code_of(found)
    return [*imports_of(found, lines), "", *lines] if imports_of(found, lines) else lines
