"""The options of one configuration, read from the arguments of a call or from settings."""

from __future__ import annotations

import ast
from typing import Any

from corsac.migrate.source.found import Found, SourceFile
from corsac.migrate.source.values import NOTHING, Unseen, Values, expression_text

__all__ = ["ArgumentReader"]

MAX_REASON = 1_000
"""Characters of what is said about one option."""


class ArgumentReader:
    """Reads options; what cannot be seen of them is noted apart.

    Args:
        file: The file.

    Attributes:
        values: Evaluates expressions of the file.
        consumed: The nodes that name a library and are part of a configuration that was found.
    """

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.values = Values(file.names)
        self.consumed: set[int] = set()

    def new(self, library: str, style: str, node: ast.Call, reference: ast.expr) -> Found:
        """A configuration without options yet.

        Args:
            library: Whose it is.
            style: How it is written.
            node: The call.
            reference: The expression that names the library's class or function.
        """
        self.consumed.add(id(reference))
        place = self.file.scopes.of(node)
        return Found(library, style, self.file, node.lineno, node, place=place)

    def read_positional(
        self, found: Found, positional: list[ast.expr], names: tuple[str, ...]
    ) -> None:
        """Read arguments without names.

        Args:
            found: The configuration.
            positional: The arguments.
            names: What each is called.
        """
        for name, argument in zip(names, positional, strict=False):
            if isinstance(argument, ast.Starred):
                text = expression_text(argument.value)
                found.unseen["**"] = Unseen(text, "the options are put together elsewhere")
                return
            self.set(found, name, self.values.of(argument), expression_text(argument))

    def read_keywords(self, found: Found, node: ast.Call, passed_over: set[str]) -> None:
        """Read arguments with names.

        Args:
            found: The configuration.
            node: The call.
            passed_over: Arguments that are no options.
        """
        for keyword in node.keywords:
            text = expression_text(keyword.value)
            value = self.values.of(keyword.value)
            if keyword.arg is None:
                if isinstance(value, dict):
                    for name, inner in value.items():
                        self.set(found, str(name), inner, f"{text}[{str(name)!r}]")
                else:
                    found.unseen["**"] = Unseen(text, "the options are put together elsewhere")
            elif keyword.arg not in passed_over:
                self.set(found, keyword.arg, value, text)

    def set(self, found: Found, name: str, value: Any, text: str) -> None:
        """Note an option; what cannot be seen of it is noted apart.

        Args:
            found: The configuration.
            name: The option.
            value: Its value, `Unseen`, or with unseen parts.
            text: The expression, or ``""`` if several statements make the value.
        """
        is_code = bool(text)
        if isinstance(value, Unseen):
            found.unseen[name] = Unseen(text or name, value.reason, value.default, is_code)
            if value.default is not NOTHING:
                found.options[name] = value.default
            return
        if isinstance(value, (list, tuple)):
            hidden = [each for each in value if isinstance(each, Unseen)]
            if hidden:
                reason = f"of its entries, {hidden[0].reason}"
                found.unseen[name] = Unseen(text or name, reason, value, is_code)
                value = [
                    each.default if isinstance(each, Unseen) else each
                    for each in value
                    if not isinstance(each, Unseen) or isinstance(each.default, str)
                ]
        if isinstance(value, dict):
            value = self._seen(found, name, value, text)
        found.options[name] = value
        if text.isidentifier() and name not in found.unseen:
            found.named[name] = text

    def _seen(self, found: Found, name: str, value: dict[Any, Any], text: str) -> dict[Any, Any]:
        """A dictionary of options, such as a resource's, with stand-ins for what is not seen."""
        seen: dict[Any, Any] = {}
        for key, each in value.items():
            inner = each
            if isinstance(each, dict):
                inner = self._seen(found, name, each, text)
            elif isinstance(each, Unseen):
                reason = f"of it, {str(key)!r} is {each.text[:200]}, and {each.reason}"
                _add_reason(found, name, Unseen(text, reason, value))
                inner = each.default
                if inner is NOTHING or key == "origins":
                    inner = _without_value(found, key, each)
                    if inner is NOTHING:
                        continue
            elif isinstance(each, list) and any(isinstance(entry, Unseen) for entry in each):
                reason = f"some entries of {str(key)!r} are computed"
                _add_reason(found, name, Unseen(text, reason, value))
                inner = [entry for entry in each if not isinstance(entry, Unseen)]
                if not inner and key == "origins":
                    inner = [found.stand_in("")]
            seen[key] = inner
        return seen


def _add_reason(found: Found, name: str, value: Unseen) -> None:
    before = found.unseen.get(name)
    reason = value.reason if before is None else f"{before.reason}; {value.reason}"
    found.unseen[name] = Unseen(value.text, reason[:MAX_REASON], value.default)


def _without_value(found: Found, key: object, value: Unseen) -> Any:
    """What stands for an option of a resource that is not seen: no more than it may be."""
    if key == "origins":
        return [found.stand_in(f"[{value.text}]" if value.is_text else value.text)]
    if key in {"methods", "allow_headers"}:
        return []
    if isinstance(key, str) and key.isidentifier():
        return NOTHING
    # A path, whose options are all not seen.
    return {"origins": [found.stand_in("")], "methods": [], "allow_headers": []}
