"""Literal values in a program's source; nothing else is evaluated.

A value is literal if it is a constant, a list, tuple, set or dictionary of literal values, a sum of
texts or of lists, ``re.compile`` of a text, or a name that stands for such a value and for nothing
else. The rest is only known to the program that runs.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections import Counter
from functools import cached_property
from typing import Any

from corsac.foreign.django_cors_headers import DEFAULT_HEADERS, DEFAULT_METHODS
from corsac.migrate.source.files import SourceFile, shown

__all__ = ["Literals", "NotLiteralError"]

MAX_DEPTH = 40  # Expressions inside each other.
MAX_SIZE = 10_000  # Entries of a list, or characters of a text.
MAX_REGEX = 1_000  # Characters of an expression that is compiled.
MAX_TERMS = 1_000  # Terms of one sum.

_KNOWN = {
    "corsheaders.defaults.default_headers": DEFAULT_HEADERS,
    "corsheaders.defaults.default_methods": DEFAULT_METHODS,
}


class NotLiteralError(Exception):
    """A value that only a run shows, with the reason."""


class Literals:
    """Reads the literal values of one file."""

    def __init__(self, file: SourceFile) -> None:
        self._file = file

    def value(self, node: ast.expr, depth: int = 0) -> Any:  # noqa: PLR0911 - one case each
        """Read an expression that stands in `depth` other ones.

        Raises:
            NotLiteralError: It is not literal.
        """
        if depth > MAX_DEPTH:
            raise NotLiteralError("it is nested too deeply")
        match node:
            case ast.Constant(value=value):
                return value
            case ast.List(elts=entries) | ast.Set(elts=entries):
                return self._entries(entries, depth)
            case ast.Tuple(elts=entries):
                return tuple(self._entries(entries, depth))
            case ast.Dict(keys=keys, values=values):
                return self._mapping(keys, values, depth)
            case ast.Name() | ast.Attribute():
                return self._name(node, depth)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return -number
            case ast.BinOp(op=ast.Add()):
                return self._sum(node, depth)
            case ast.Call(func=function, args=[argument], keywords=[]):
                name = self._file.full_name(function)
                if name in {"list", "tuple", "set"}:
                    return list(self._sequence(argument, depth))
                if name == "re.compile":
                    return _compiled(self.value(argument, depth + 1))
            case ast.Starred():
                raise NotLiteralError("the options are put together elsewhere")
        raise NotLiteralError("it is not literal")

    def _entries(self, entries: list[ast.expr], depth: int) -> list[Any]:
        found: list[Any] = []
        for entry in entries:
            if isinstance(entry, ast.Starred):
                found += self._sequence(entry.value, depth)
            else:
                found.append(self.value(entry, depth + 1))
            if len(found) > MAX_SIZE:
                raise NotLiteralError(f"it has more than {MAX_SIZE} entries")
        return found

    def _sequence(self, node: ast.expr, depth: int) -> list[Any]:
        value = self.value(node, depth + 1)
        if not isinstance(value, (list, tuple)):
            raise NotLiteralError("a part of it is not a list")
        return list(value)

    def _mapping(self, keys: list[ast.expr | None], values: list[ast.expr], depth: int) -> Any:
        found: dict[Any, Any] = {}
        for key, node in zip(keys, values, strict=True):
            name = key and self.value(key, depth + 1)
            if not isinstance(name, (str, re.Pattern)):
                raise NotLiteralError("a key of it is not a literal text")
            found[name] = self.value(node, depth + 1)
        return found

    def _sum(self, node: ast.BinOp, depth: int) -> Any:
        """Add from left to right; a sum of many terms nests as deeply as it is long."""
        terms: list[ast.expr] = []
        first: ast.expr = node
        while isinstance(first, ast.BinOp) and isinstance(first.op, ast.Add):
            terms.append(first.right)
            first = first.left
        if len(terms) > MAX_TERMS:
            raise NotLiteralError(f"it is a sum of more than {MAX_TERMS} terms")
        total = self.value(first, depth + 1)
        for term in reversed(terms):
            value = self.value(term, depth + 1)
            if type(total) not in {str, list, tuple} or type(total) is not type(value):
                raise NotLiteralError("it is a sum of other things than texts or lists")
            if len(total) + len(value) > MAX_SIZE:
                raise NotLiteralError("it is too long")
            total += value
        return total

    def _name(self, node: ast.Name | ast.Attribute, depth: int) -> Any:
        full = self._file.full_name(node)
        if full in _KNOWN:
            return _KNOWN[full]
        if isinstance(node, ast.Attribute) or node.id in self._file.imports:
            raise NotLiteralError(f"{full or 'it'} comes from elsewhere")
        statement = self._statement_of(node.id)
        if not self._is_set_before(statement, node):
            raise NotLiteralError(f"{node.id} is set under a condition, or in another function")
        return self._assigned_value(node.id, statement, 1, depth)

    def setting(self, name: str) -> Any:
        """Return the value that a module has for a name when it has run.

        Raises:
            NotLiteralError: It is not literal, or something else may change it.
        """
        statement = self._statement_of(name)
        if self._file.block(statement) != id(self._file.tree.body):
            raise NotLiteralError("it is set under a condition, in a class or in a function")
        if any(isinstance(node, ast.Constant) and node.value == name for node in self._file.nodes):
            raise NotLiteralError(f"{name} is named in a text as well")
        return self._assigned_value(name, statement, 0, 0)

    def _statement_of(self, name: str) -> ast.Assign | ast.AnnAssign:
        """Return the only statement that gives a name its meaning."""
        if self.bindings[name] != 1 or name not in self._assigned:
            raise NotLiteralError(f"{name} is set in {self.bindings[name]} places of this file")
        return self._assigned[name]

    def _assigned_value(
        self, name: str, statement: ast.Assign | ast.AnnAssign, reads: int, depth: int
    ) -> Any:
        """Return what a statement gives a name, if nothing that reads the name may change it."""
        if any(
            line > statement.lineno
            for module, line in self._file.wildcards
            if not module.startswith("corsheaders.")
        ):
            raise NotLiteralError(f"{name} may be set by an import of all names of a module")
        value = self.value(statement.value, depth + 1)  # type: ignore[arg-type]
        if isinstance(value, (list, dict)) and self._reads[name] > reads:
            raise NotLiteralError(f"{name} is used elsewhere too, where it may be changed")
        return value

    def _is_set_before(self, statement: ast.Assign | ast.AnnAssign, node: ast.Name) -> bool:
        """Tell whether a statement always runs before an expression is evaluated."""
        block = self._file.block(statement)
        for outer in (node, *self._file.around(node)):
            if self._file.block(outer) == block:
                # What a function uses may be set below it, before it is called.
                is_function = isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef))
                return is_function or statement.lineno < node.lineno
        return False

    def text(self, name: str) -> str:
        """Return what the last assignment gives a name, as it is written, or ``""``."""
        statement = self._assigned.get(name)
        return shown(statement.value) if statement is not None and statement.value else ""

    @cached_property
    def _assigned(self) -> dict[str, ast.Assign | ast.AnnAssign]:
        found: dict[str, ast.Assign | ast.AnnAssign] = {}
        for node in self._file.nodes:
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id=name)])
                    | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr())
                ):
                    found[name] = node
        return found

    @cached_property
    def _reads(self) -> Counter[str]:
        """Count how often each name is read."""
        return Counter(
            node.id
            for node in self._file.nodes
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        )

    @cached_property
    def bindings(self) -> Counter[str]:
        """Count the places that give each name a meaning, in whatever function."""
        found: Counter[str] = Counter()
        for node in self._file.nodes:
            match node:
                case (
                    ast.Name(id=name, ctx=ast.Store() | ast.Del())
                    | ast.arg(arg=name)
                    | ast.FunctionDef(name=name)
                    | ast.AsyncFunctionDef(name=name)
                    | ast.ClassDef(name=name)
                    | ast.ExceptHandler(name=str() as name)
                    | ast.MatchAs(name=str() as name)
                    | ast.MatchStar(name=str() as name)
                    | ast.MatchMapping(rest=str() as name)
                ):
                    found[name] += 1
                case ast.alias(name=full, asname=other):
                    found[other or full.partition(".")[0]] += 1
        return found


def _compiled(pattern: object) -> re.Pattern[str]:
    try:
        if isinstance(pattern, str) and len(pattern) <= MAX_REGEX:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Of doubtful sets in the other program.
                return re.compile(pattern)
    except (re.error, ValueError, OverflowError, RecursionError):
        pass
    raise NotLiteralError("it is not an expression that can be compiled")
