"""Values that can be read off a program's source, without running any of it.

Literals, names that are assigned once, lists that are put together, environment variables with a
default: that is what configurations are made of. Everything else is `Unseen`, with the expression
that stands there.
"""

from __future__ import annotations

import ast
import dataclasses
import re
import warnings
from datetime import timedelta
from typing import Any

from corsac.foreign.django_cors_headers import DEFAULT_HEADERS, DEFAULT_METHODS
from corsac.migrate.source.names import Names

__all__ = ["NOTHING", "TOO_LONG", "Unseen", "Values", "expression_text"]

MAX_DEPTH = 40
"""Expressions inside each other that are read; a deeper one is not seen."""

MAX_SIZE = 10_000
"""Entries of a list, or characters of a text, that are put together; more is not seen."""

MAX_REGEX = 1_000
"""Characters of an expression that is compiled, as far as its flags have to be known."""

MAX_TEXT = 4_000
"""Characters of an expression that is shown, or kept in the code to paste."""

MAX_TERMS = 1_000
"""Terms of one sum that are added up; more are not seen."""

NOTHING = object()
"""Stands for "no value is known"."""

TOO_LONG = "..."
"""Stands for an expression that is not shown; it is no code."""

_ENVIRONMENT = re.compile(r"(?:^|\.)(?:getenv|environ(?:\.get)?|env(?:\.\w+)?|config)$")
_VARIABLE = re.compile(r"(?:os\.)?(?:environ\[[^\[\]]*\]|(?:environ\.get|getenv)\([^()]*\))")
_FLAGS = {
    **dict.fromkeys(("I", "IGNORECASE"), re.IGNORECASE),
    **dict.fromkeys(("M", "MULTILINE"), re.MULTILINE),
    **dict.fromkeys(("S", "DOTALL"), re.DOTALL),
    **dict.fromkeys(("X", "VERBOSE"), re.VERBOSE),
    **dict.fromkeys(("A", "ASCII"), re.ASCII),
    **dict.fromkeys(("U", "UNICODE"), re.UNICODE),
    # These say how to compile, not what matches; the first prints to standard output.
    **dict.fromkeys(("DEBUG", "NOFLAG"), re.NOFLAG),
}
_KNOWN = {
    "corsheaders.defaults.default_headers": DEFAULT_HEADERS,
    "corsheaders.defaults.default_methods": DEFAULT_METHODS,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Unseen:
    """A value that only a run shows.

    Attributes:
        text: The expression.
        reason: Why it cannot be seen.
        default: The value if nothing else is set, or `NOTHING`.
        is_code: Whether the text is an expression that gives the value, and not only a name for it.
    """

    text: str
    reason: str
    default: object = NOTHING
    is_code: bool = True

    @property
    def code(self) -> str:
        """The expression, or ``""`` if there is none that can be written."""
        return self.text if self.is_code and self.text != TOO_LONG else ""

    @property
    def is_text(self) -> bool:
        """Whether it is a text in every run, as a variable of the environment is."""
        return isinstance(self.default, str) or _VARIABLE.fullmatch(self.text) is not None


def expression_text(node: ast.expr) -> str:
    """An expression on one line; `TOO_LONG` if nobody would read it."""
    try:
        text = ast.unparse(node)
    except (RecursionError, ValueError):
        return TOO_LONG
    return text if len(text) <= MAX_TEXT else TOO_LONG


def _terms_of_flags(node: ast.expr) -> list[ast.expr]:
    found: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        found.append(node.right)
        node = node.left
    return [*found, node]


def _from_environment(variable: str) -> str:
    return f"it comes from the environment variable {variable}"


class Values:
    """Evaluates expressions of one file.

    Args:
        names: What the names of the file stand for.

    Attributes:
        bound: Values of names that have several in the file, as they are where the next expression
            stands.
    """

    def __init__(self, names: Names) -> None:
        self.bound: dict[str, object] = {}
        self._names = names
        self._known: dict[str, object] = {}

    def of(self, node: ast.expr, depth: int = 0) -> Any:
        """The value of an expression; lists may have `Unseen` entries.

        Args:
            node: The expression.
            depth: How many expressions it stands in.
        """
        if depth > MAX_DEPTH:
            return Unseen(expression_text(node), "it is nested too deeply")
        return self._of(node, depth + 1)

    def _of(self, node: ast.expr, depth: int) -> Any:  # noqa: PLR0911, PLR0912 - one case each
        match node:
            case ast.Constant(value=value):
                return value
            case ast.List(elts=entries) | ast.Tuple(elts=entries):
                return self._entries(node, entries, depth)
            case ast.Set(elts=entries):
                return self._entries(node, entries, depth)
            case ast.Dict():
                return self._mapping(node, depth)
            case ast.Name(id=name):
                return self._name(node, name, depth)
            case ast.Attribute():
                known = _KNOWN.get(self._names.full_name(node))
                reason = "it is read from another object when the program runs"
                return known or Unseen(expression_text(node), reason)
            case ast.BinOp(op=ast.Add()):
                return self._terms(node, depth)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return -number
            case ast.JoinedStr(values=parts):
                return self._text(node, parts, depth)
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
                return self._comprehension(node, depth)
            case ast.Call():
                return self._call(node, depth)
            case ast.Subscript(value=owner, slice=key):
                return self._item(node, owner, key, depth)
            case ast.IfExp() | ast.BoolOp() | ast.Compare():
                return self._choice(node, depth)
        return Unseen(expression_text(node), "it is computed when the program runs")

    def _entries(self, node: ast.expr, entries: list[ast.expr], depth: int) -> Any:
        found: list[Any] = []
        for entry in entries:
            if isinstance(entry, ast.Starred):
                inner = self.of(entry.value, depth)
                found += inner if isinstance(inner, (list, tuple)) else [inner]
            else:
                found.append(self.of(entry, depth))
            if len(found) > MAX_SIZE:
                return Unseen(expression_text(node), f"it has more than {MAX_SIZE} entries")
        return found

    def _mapping(self, node: ast.Dict, depth: int) -> Any:
        found: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                inner = self.of(value, depth)
                if not isinstance(inner, dict):
                    return Unseen(expression_text(node), "a part of it is computed")
                found |= inner
                continue
            name = self.of(key, depth)
            if not isinstance(name, (str, re.Pattern)):
                return Unseen(expression_text(node), "a key of it is computed")
            found[name] = self.of(value, depth)
        return found

    def _name(self, node: ast.Name, name: str, depth: int) -> Any:
        known = _KNOWN.get(self._names.full_name(node))
        if known is not None:
            return known
        if name in self.bound:
            return self.bound[name]
        if name not in self._known:
            constant = self._names.constant(name)
            reason = self._names.why_not(name)
            # Set before it is read: a name may be assigned from itself.
            self._known[name] = Unseen(name, reason)
            if constant is not None:
                value = self.of(constant, depth)
                if isinstance(value, Unseen):
                    value = dataclasses.replace(value, text=name)
                self._known[name] = value
        return self._known[name]

    def _terms(self, node: ast.BinOp, depth: int) -> Any:
        """A sum from left to right; that of many terms nests as deeply as it is long."""
        terms: list[ast.expr] = []
        first: ast.expr = node
        while isinstance(first, ast.BinOp) and isinstance(first.op, ast.Add):
            terms.append(first.right)
            first = first.left
        if len(terms) > MAX_TERMS:
            return Unseen(expression_text(node), f"it is a sum of more than {MAX_TERMS} terms")
        value = self.of(first, depth)
        for term in reversed(terms):
            value = self._sum(node, value, self.of(term, depth))
            if isinstance(value, Unseen):
                return value
        return value

    def _sum(self, node: ast.expr, left: Any, right: Any) -> Any:
        if isinstance(left, str) and isinstance(right, str):
            both: Any = left + right if len(left) + len(right) <= MAX_SIZE else NOTHING
        elif isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
            both = [*left, *right] if len(left) + len(right) <= MAX_SIZE else NOTHING
        elif isinstance(left, (list, tuple)) and isinstance(right, Unseen):
            both = [*left, right]
        elif isinstance(left, Unseen) and isinstance(right, (list, tuple)):
            both = [left, *right]
        else:
            both = NOTHING
        reason = "it is put together when the program runs"
        return Unseen(expression_text(node), reason) if both is NOTHING else both

    def _text(self, node: ast.expr, parts: list[ast.expr], depth: int) -> Any:
        found = ""
        for part in parts:
            if isinstance(part, ast.FormattedValue):
                plain = part.format_spec is None and part.conversion == -1
                value = self.of(part.value, depth) if plain else None
            else:
                value = self.of(part, depth)
            if not isinstance(value, str) or len(found) + len(value) > MAX_SIZE:
                return Unseen(expression_text(node), "a part of the text is computed")
            found += value
        return found

    def _item(self, node: ast.expr, owner: ast.expr, key: ast.expr, depth: int) -> Any:
        """A variable of the environment, or an entry of a dictionary that can be seen."""
        name = self.of(key, depth)
        if _ENVIRONMENT.search(self._names.full_name(owner)):
            variable = name if isinstance(name, str) else "..."
            return Unseen(expression_text(node), _from_environment(variable))
        inside = self.of(owner, depth)
        if isinstance(inside, dict) and isinstance(name, str) and name in inside:
            return inside[name]
        return Unseen(expression_text(node), "it is looked up when the program runs")

    def _comprehension(
        self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp, depth: int
    ) -> Any:
        """A list whose entries are stripped, or which has only those that are not empty."""
        unseen = Unseen(expression_text(node), "it is computed from another list")
        if len(node.generators) != 1:
            return unseen
        loop = node.generators[0]
        each = expression_text(loop.target)
        if expression_text(node.elt) not in {each, f"{each}.strip()"}:
            return unseen
        if any(expression_text(test) not in {each, f"{each}.strip()"} for test in loop.ifs):
            return unseen
        source = self.of(loop.iter, depth)
        default = source.default if isinstance(source, Unseen) else source
        if not isinstance(default, (list, tuple)) or not all(isinstance(x, str) for x in default):
            return dataclasses.replace(
                unseen, reason=source.reason if isinstance(source, Unseen) else unseen.reason
            )
        found = [entry.strip() for entry in default]
        found = [entry for entry in found if entry] if loop.ifs else found
        if isinstance(source, Unseen):
            return dataclasses.replace(unseen, reason=source.reason, default=found)
        return found

    def _call(self, node: ast.Call, depth: int) -> Any:  # noqa: PLR0911 - one function each
        name = self._names.full_name(node.func)
        text = expression_text(node)
        arguments = [self.of(argument, depth) for argument in node.args[:4]]
        if name in {"list", "tuple", "set", "frozenset", "sorted"} and len(arguments) == 1:
            return arguments[0]
        if name == "dict" and not node.args:
            keys: list[ast.expr | None] = [
                ast.Constant(each.arg) if each.arg else None for each in node.keywords
            ]
            values = [each.value for each in node.keywords]
            return self._mapping(ast.copy_location(ast.Dict(keys, values), node), depth)
        if name == "re.compile" and arguments and isinstance(arguments[0], str):
            return self._regex(node, arguments[0], text)
        if name in {"timedelta", "datetime.timedelta"}:
            return self._timedelta(node, depth, text)
        if isinstance(node.func, ast.Attribute):
            found = self._method(node.func, arguments, text, depth)
            if found is not NOTHING:
                return found
        if _ENVIRONMENT.search(name):
            variable = arguments[0] if arguments and isinstance(arguments[0], str) else "..."
            default = arguments[1] if len(arguments) > 1 else self._default(node, depth)
            known = NOTHING if isinstance(default, Unseen) else self._cast(node, default)
            return Unseen(text, _from_environment(variable), known)
        return Unseen(text, "a function gives it when the program runs")

    def _cast(self, node: ast.Call, default: object) -> object:
        """A default as ``cast=`` converts it."""
        cast = next((each.value for each in node.keywords if each.arg == "cast"), None)
        if cast is None or not isinstance(default, str):
            return default
        text = expression_text(cast)
        if text == "bool":
            return default.lower() in {"true", "1", "yes", "on", "t", "y"}
        return [each.strip() for each in default.split(",") if each.strip()]

    def _default(self, node: ast.Call, depth: int) -> Any:
        for keyword in node.keywords:
            if keyword.arg == "default":
                return self.of(keyword.value, depth)
        return NOTHING

    def _method(
        self, function: ast.Attribute, arguments: list[Any], text: str, depth: int
    ) -> object:
        """``split`` and ``strip`` of a text; `NOTHING` for any other method."""
        if function.attr not in {"split", "strip"}:
            return NOTHING
        owner = self.of(function.value, depth)
        known = owner.default if isinstance(owner, Unseen) else owner
        separator = arguments[0] if arguments else None
        value: object = NOTHING
        if isinstance(known, str) and (separator is None or isinstance(separator, str)):
            if function.attr == "split" and separator != "":
                value = known.split(separator)
            elif function.attr == "strip":
                value = known.strip(separator)
        if isinstance(owner, Unseen):
            return Unseen(text, owner.reason, value)
        return value

    def _regex(self, node: ast.Call, pattern: str, text: str) -> Any:
        flags = re.NOFLAG
        for given in [*node.args[1:], *(each.value for each in node.keywords)]:
            for flag in _terms_of_flags(given):
                known = _FLAGS.get(self._names.full_name(flag).removeprefix("re."))
                if known is None:
                    return Unseen(text, "its flags are computed")
                flags |= known
        try:
            if len(pattern) <= MAX_REGEX:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # Of doubtful sets in the other program.
                    return re.compile(pattern, flags)
        except (re.error, ValueError, OverflowError, RecursionError):
            pass
        return Unseen(text, "it is no expression that can be compiled")

    def _timedelta(self, node: ast.Call, depth: int, text: str) -> Any:
        values = {each.arg: self.of(each.value, depth) for each in node.keywords if each.arg}
        try:
            return timedelta(*(self.of(each, depth) for each in node.args), **values)
        except (TypeError, OverflowError, ValueError):
            return Unseen(text, "it is computed when the program runs")

    def _choice(self, node: ast.IfExp | ast.BoolOp | ast.Compare, depth: int) -> Any:
        """One of several values: that which stands for "nothing else is set", if it is plain."""
        default: object = NOTHING
        reason = "it depends on a condition"
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            last = self.of(node.values[-1], depth)
            first = self.of(node.values[0], depth)
            default = NOTHING if isinstance(last, Unseen) else last
            reason = first.reason if isinstance(first, Unseen) else reason
            if isinstance(first, Unseen) and first.default not in (NOTHING, None, "", []):
                default = first.default
        return Unseen(expression_text(node), reason, default)
