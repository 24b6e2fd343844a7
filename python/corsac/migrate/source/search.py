"""Finds the CORS configurations in a program's source."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from corsac.errors import CORSConfigProblem
from corsac.foreign.starlette import LITESTAR_OPTIONS, STARLETTE_OPTIONS
from corsac.migrate.source.arguments import ArgumentReader
from corsac.migrate.source.django import find_settings
from corsac.migrate.source.flask import FlaskSearch
from corsac.migrate.source.found import Found, SourceFile, report_layers
from corsac.migrate.source.leftovers import find_leftovers
from corsac.migrate.source.libraries import (
    LITESTAR_CLASSES,
    MIDDLEWARE_CLASSES,
    PARTIAL,
    STARLETTE_CLASSES,
)
from corsac.migrate.source.values import expression_text

__all__ = ["find_configurations"]


def find_configurations(file: SourceFile) -> list[Found]:
    """The configurations of one file in the order of their lines, and places that are not seen.

    They are not translated yet: other files may say more.
    """
    found = sorted(_Search(file).run(), key=lambda each: each.line)
    report_layers(found)
    return found


class _Search:
    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.names = file.names
        self.reader = ArgumentReader(file)
        self.subclasses: set[str] = set()
        self._configs: list[ast.expr] = []

    def run(self) -> list[Found]:
        nodes = list(ast.walk(self.file.tree))
        found = list(self._configurations(nodes))
        libraries = {each.library for each in found}
        return found + list(find_leftovers(self.file, nodes, self.reader.consumed, libraries))

    def _configurations(self, nodes: list[ast.AST]) -> Iterator[Found]:
        self._read_subclasses(nodes)
        self._configs = [
            each.value
            for node in nodes
            if isinstance(node, ast.Call)
            for each in node.keywords
            if each.arg == "cors_config"
        ]
        flask = FlaskSearch(self.reader, nodes)
        for node in nodes:
            if isinstance(node, ast.Call):
                found = self._of_call(node)
                if found is not None:
                    yield found
                else:
                    yield from flask.of_call(node)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield from flask.bare_decorators(node)
        yield from flask.rest(nodes)
        yield from find_settings(self.reader, nodes)

    def _read_subclasses(self, nodes: list[ast.AST]) -> None:
        """Note the classes that derive from Starlette's, if something is made of them here."""
        called = {
            name
            for node in nodes
            if isinstance(node, ast.Call)
            for each in (node.func, *node.args[:1], *(k.value for k in node.keywords))
            if isinstance(each, ast.Name)
            for name in (each.id,)
        }
        for node in nodes:
            if not isinstance(node, ast.ClassDef):
                continue
            bases = [b for b in node.bases if self.names.full_name(b) in STARLETTE_CLASSES]
            if bases and node.name in called:
                self.subclasses.add(node.name)
                self.reader.consumed |= {id(base) for base in bases}

    def _is_starlette(self, node: ast.expr) -> bool:
        name = self.names.full_name(node)
        return name in STARLETTE_CLASSES or name in self.subclasses

    def _kind(self, node: ast.Call) -> str:
        name = self.names.full_name(node.func)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "add_middleware":
            return "add_middleware"
        if name in PARTIAL:
            return "partial"
        return "Middleware" if name in MIDDLEWARE_CLASSES else ""

    def _of_call(self, node: ast.Call) -> Found | None:
        """The configuration of Starlette or litestar that a call makes."""
        style = self._kind(node)
        named = [each.value for each in node.keywords if each.arg in {"middleware_class", "cls"}]
        given = node.args[0] if node.args else named[0] if named else None
        if style and given is not None and self._is_starlette(given):
            found = self.reader.new("starlette", style, node, given)
            if isinstance(node.func, ast.Attribute) and style == "add_middleware":
                found.target = expression_text(node.func.value)
            self._note_class(found, given)
            self.reader.read_positional(found, node.args[1:], STARLETTE_OPTIONS)
            self.reader.read_keywords(found, node, {"middleware_class", "cls", "app"})
            return found
        if self._is_starlette(node.func):
            found = self.reader.new("starlette", "wrap", node, node.func)
            application = [each.value for each in node.keywords if each.arg == "app"]
            first = node.args[0] if node.args else application[0] if application else None
            found.target = expression_text(first) if first is not None else ""
            self._note_class(found, node.func)
            self.reader.read_positional(found, node.args[1:], STARLETTE_OPTIONS)
            self.reader.read_keywords(found, node, {"app"})
            return found
        if self.names.full_name(node.func) in LITESTAR_CLASSES:
            found = self.reader.new("litestar", "CORSConfig", node, node.func)
            self._note_use(found)
            self.reader.read_positional(found, node.args, LITESTAR_OPTIONS)
            self.reader.read_keywords(found, node, set())
            return found
        return None

    def _note_use(self, found: Found) -> None:
        """Say where an application takes litestar's configuration in some runs only."""
        for value in self._configs:
            names = {each.id for each in ast.walk(value) if isinstance(each, ast.Name)}
            made = [self.names.assigned.get(name) for name in names]
            if found.node in made and not isinstance(value, ast.Name):
                text = expression_text(value)
                message = f"whether it is used is not seen: cors_config={text}"
                found.problems.append(
                    CORSConfigProblem(
                        "value.unseen",
                        "warning",
                        "cors_config",
                        text,
                        message,
                        "put the middleware around the application under the same condition",
                    )
                )

    def _note_class(self, found: Found, reference: ast.expr) -> None:
        """Say what cannot be seen of a class of its own, and of a call that is not finished."""
        name = self.names.full_name(reference)
        if isinstance(reference, ast.Name) and self.names.made(reference.id) is not None:
            made = self.names.made(reference.id)
            self.reader.consumed |= {id(made)} if made is not None else set()
        if name in self.subclasses:
            found.style = "subclass"
            message = f"{name} is a class of its own, and what it overrides cannot be seen"
            hint = "say it with allow_origin_func, rules or patterns"
        elif found.style == "partial":
            name = "functools.partial"
            message = "where the call is finished it may be given further options, which count"
            hint = "see where it is called"
        else:
            return
        found.problems.append(
            CORSConfigProblem("value.unseen", "warning", "middleware", name, message, hint)
        )
