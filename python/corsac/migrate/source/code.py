"""The Python code of a translation: calls laid out as a formatter would."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from corsac.migrate.source.found import UNSEEN_PATH, Found, is_stand_in
from corsac.migrate.source.values import TOO_LONG, expression_text
from corsac.migrate.translation import Translation

__all__ = ["Call", "arguments_of", "code_of", "imports_of", "keeps_call", "snippet"]

LINE_LENGTH = 88
"""What most formatters are set to."""

MAX_COMMENT = 500
"""Characters of one comment."""


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
    translation: Translation, found: Found, policy: str
) -> list[str | tuple[str, Call]]:
    """The arguments of the middleware after the application.

    Args:
        translation: What has to be said.
        found: The configuration, with the expressions of what only a run shows.
        policy: How ``CORSPolicy`` is called here.
    """
    rules = translation.rules
    elsewhere_off = bool(rules) and rules[-1] == ("/*", None)
    shown = rules[:-1] if elsewhere_off else rules
    arguments: list[str | tuple[str, Call]] = []
    if not elsewhere_off:
        arguments += _options(translation.options, found)
    if rules:
        pairs: list[str | tuple[str, Call]] = []
        for pattern, ruled in shown:
            if ruled is None:
                pairs.append(f"({_text(pattern)}, None)")
            else:
                call = Call(policy, _options(ruled._arguments(), found))
                pairs.append(("", Call("", [_text(pattern), ("", call)])))
        arguments.append(("rules=", Call("", pairs, "[]")))
    return arguments


def _options(options: Mapping[str, Any], found: Found) -> list[str | tuple[str, Call]]:
    arguments: list[str | tuple[str, Call]] = []
    expressions = found.expressions
    names = [*options, *(name for name in expressions if name not in options)]
    for name in names:
        value = options.get(name)
        entries = value if isinstance(value, (list, tuple)) else ()
        hidden = [each for each in entries if is_stand_in(each)]
        if name in expressions and not (hidden and found.stand_ins.get(hidden[0])):
            arguments.append(f"{name}={expressions[name]}")
        elif hidden and len(hidden) == len(entries):
            text = found.stand_ins.get(hidden[0])
            arguments += [f"{name}={text}"] if text else []
        elif isinstance(value, (list, tuple)):
            seen = [_text(each) for each in entries if not is_stand_in(each)]
            arguments.append((f"{name}=", Call("", seen, "[]")))
        else:
            arguments.append(f"{name}={_text(value)}")
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
    if keeps_call(found):
        return _kept_call(found)
    arguments = arguments_of(translation, found, "CORSPolicy")
    target = _target(found)
    if found.library == "django-cors-headers":
        return _django_code(translation, found)
    if found.library == "flask-cors":
        if found.style == "cross_origin":
            return Call("policy = CORSPolicy", arguments).lines(indent)
        if _is_blueprint(found):
            policy = Call("CORSPolicy", arguments)
            return Call("CORS", [target, ("policy=", policy)]).lines(indent)
        wsgi = f"{target}.wsgi_app"
        return Call("CORSMiddleware", [wsgi, *arguments]).lines(indent, f"{wsgi} = ")
    if found.style == "add_middleware":
        return Call(f"{target}.add_middleware", ["CORSMiddleware", *arguments]).lines(indent)
    if found.style in {"Middleware", "partial"}:
        function = _function_text(found)
        return Call(function, ["CORSMiddleware", *arguments]).lines(indent)
    if found.style == "wrap" and found.node is not None:
        return Call("CORSMiddleware", [target, *arguments]).lines(indent)
    return Call("CORSMiddleware", [target, *arguments]).lines(indent, "app = ")


def keeps_call(found: Found) -> bool:
    """Whether the old call under another import is what says the same."""
    valid = found.translation is not None and not found.translation.has_errors
    return bool(found.keeps_call) and valid and found.node is not None and bool(_kept_call(found))


def _kept_call(found: Found) -> list[str]:
    text = TOO_LONG if found.node is None else expression_text(found.node)
    if text == TOO_LONG:
        return []
    function = expression_text(found.node.func) if found.node is not None else ""
    name = function.rpartition(".")[2] if found.style == "init_app" else "CORS"
    return [text if found.style == "init_app" else f"{name}{text.removeprefix(function)}"]


def _target(found: Found) -> str:
    """The application; its usual name where something that is no name stands."""
    target = found.target
    if not target or target == TOO_LONG:
        return "app"
    is_name = re.fullmatch(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*", target) is not None
    return "app" if found.library == "flask-cors" and not is_name else target


def _is_blueprint(found: Found) -> bool:
    made = found.file.names.made(found.target)
    return isinstance(made, ast.Call) and found.file.names.full_name(made.func).endswith(
        "Blueprint"
    )


def _django_code(translation: Translation, found: Found) -> list[str]:
    arguments = arguments_of(translation, found, "CORSPolicy")
    entries: list[str | tuple[str, Call]] = []
    for each in arguments:
        name, _, value = (each if isinstance(each, str) else each[0]).partition("=")
        entries.append(f'"{name}": {value}' if isinstance(each, str) else (f'"{name}": ', each[1]))
    return Call("", entries, "{}").lines("", "CORSAC = ")


def _function_text(found: Found) -> str:
    text = TOO_LONG if found.node is None else expression_text(found.node.func)
    return text if text != TOO_LONG else found.style


def imports_of(found: Found, lines: Sequence[str]) -> list[str]:
    """The import statements that a configuration's code needs."""
    uses_policy = any("CORSPolicy(" in line for line in lines)
    policy = ["from corsac import CORSPolicy"] if uses_policy else []
    if found.library == "django-cors-headers":
        return policy
    if found.library == "flask-cors":
        if found.style == "cross_origin":
            return ["from corsac import CORSPolicy"]
        if keeps_call(found) or _is_blueprint(found):
            return [*policy, "from corsac.flask import CORS"]
        return [*policy, "from corsac.wsgi import CORSMiddleware"]
    names = "CORSMiddleware, CORSPolicy" if uses_policy else "CORSMiddleware"
    return [f"from corsac import {names}"]


def snippet(found: Found) -> list[str]:
    """The code of a configuration with its imports, to be pasted, and what it leaves open.

    It is always Python. Where none can be written, comments say so.
    """
    try:
        lines = code_of(found)
        if not lines:
            return []
        imports = imports_of(found, lines)
        code = [*imports, "", *lines] if imports else lines
        ast.parse("\n".join(code))
    except (RecursionError, MemoryError, SyntaxError, ValueError):
        return ["# What stands there is too long, or nested too deeply, to be written again."]
    return [*comments_of(found, lines), *code]


def comments_of(found: Found, lines: Sequence[str]) -> list[str]:
    """Comments on what the code leaves open: conditions, other values, what is not seen."""
    comments = [f"only where {condition}" for condition in found.conditions]
    if keeps_call(found):
        comments.append(found.keeps_call)
    elif found.library == "flask-cors" and found.target and _target(found) != found.target:
        comments.append("app is the application that is given there")
    code = "\n".join(lines)
    for option, value in found.unseen.items():
        is_there = bool(value.code) and value.code in code
        if not is_there and not any(each.option == option for each in found.uncertain):
            shown = f" = {value.code}" if value.code else ""
            comments.append(f"not seen: {option}{shown}: {value.reason}")
    comments += (
        f"line {each.line}: where {each.when}, {each.written(found.library)}"
        for each in found.uncertain
    )
    if UNSEEN_PATH in code:
        comments.append(f"write the paths in place of {UNSEEN_PATH}")
    return [f"# {' '.join(each.split())[:MAX_COMMENT]}" for each in comments]
