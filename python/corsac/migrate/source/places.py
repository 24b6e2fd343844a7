"""Every place that names a CORS library, and what is written there when its names move.

`corsac.compat.starlette`, `corsac.flask` and `corsac.django` have the names of the old libraries
and take the same options. So a program moves by its imports, and by the names in Django's settings;
its expressions stay as they are. A place where that would not do is told with the reason.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterable, Iterator

from corsac.foreign.django_cors_headers import SETTINGS
from corsac.migrate.source.files import SourceFile
from corsac.migrate.source.libraries import (
    FLASK_CLASSES,
    FLASK_DECORATORS,
    MOVED_MODULES,
    MOVED_TEXTS,
    STARLETTE_CLASSES,
    library_of,
    named_in,
)

__all__ = ["Place", "find_places"]

_LIST_METHODS = frozenset({"append", "extend", "index", "insert", "remove"})
_ASKING = frozenset({"isinstance", "issubclass"})
_BY_HAND = {
    "starlette": "corsac.compat.starlette",
    "flask-cors": "corsac.flask",
    "django-cors-headers": "corsac.django",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """A place that names a library.

    Attributes:
        library: The library.
        file: Where it is.
        line: The line.
        edits: What is written for which part of the text: begin, end and new text.
        reason: Why it cannot move, or ``""``.
        is_middleware: Whether it is where Django's settings list the middleware.
    """

    library: str
    file: SourceFile
    line: int
    edits: tuple[tuple[int, int, str], ...] = ()
    reason: str = ""
    is_middleware: bool = False


def find_places(files: Iterable[SourceFile]) -> list[Place]:
    """Return the places of a project, by file and line."""
    files = list(files)
    found = [place for file in files for place in _Search(file).run()]
    if any(place.library == "django-cors-headers" for place in found):
        found += [place for file in files for place in _settings_that_are_made(file)]
    return sorted(found, key=lambda each: (files.index(each.file), each.line))


class _Search:
    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.modules: dict[str, str] = {}

    def run(self) -> Iterator[Place]:
        for node in self.file.nodes:
            if isinstance(node, ast.Import):
                yield from self.of_import(node)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                yield from self.of_import_from(node)
        for node in self.file.nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from self.of_text(node, node.value)
            elif isinstance(node, (ast.Name, ast.Attribute)):
                yield from self.of_use(node)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield from self.of_decorators(node)

    def stays(self, library: str, node: ast.AST, reason: str) -> Place:
        return Place(library, self.file, node.lineno, reason=reason)  # type: ignore[attr-defined]

    def moves(
        self, library: str, node: ast.AST, *edits: tuple[int, int, str], is_middleware: bool = False
    ) -> Place:
        line: int = node.lineno  # type: ignore[attr-defined]
        return Place(library, self.file, line, edits, is_middleware=is_middleware)

    def of_import(self, node: ast.Import) -> Iterator[Place]:
        for alias in node.names:
            library = library_of(alias.name)
            if not library:
                continue
            if alias.name not in MOVED_MODULES or ("." in alias.name and not alias.asname):
                yield self.stays(library, node, self._no_counterpart(library, alias.name))
                continue
            name = alias.asname or alias.name
            self.modules[name] = alias.name
            start, _ = self.file.span(alias)
            new = MOVED_MODULES[alias.name][0] + ("" if alias.asname else f" as {name}")
            yield self.moves(library, node, (start, start + len(alias.name), new))

    def of_import_from(self, node: ast.ImportFrom) -> Iterator[Place]:
        module = node.module or ""
        full = [f"{module}.{alias.name}" for alias in node.names]
        named = [name for name in full if library_of(name)]
        if not named:
            return
        library = library_of(named[0])
        start = self.file.span(node)[0]
        head = re.compile(r"from[ \t]+([\w.]+)[ \t]").match(self.file.text, start)
        new_module, names = MOVED_MODULES.get(module, ("", frozenset[str]()))
        missing = [alias.name for alias in node.names if alias.name not in names]
        if head is None:
            yield self.stays(library, node, "the import is written over several lines")
        elif not missing:
            yield self.moves(library, node, (*head.span(1), new_module))
        elif len(full) == 1 and full[0] in MOVED_MODULES:
            alias = node.names[0]
            name = alias.asname or alias.name
            self.modules[name] = full[0]
            package, _, last = MOVED_MODULES[full[0]][0].rpartition(".")
            alias_start = self.file.span(alias)[0]
            new = last if alias.asname or last == name else f"{last} as {name}"
            alias_edit = (alias_start, alias_start + len(alias.name), new)
            yield self.moves(library, node, (*head.span(1), package), alias_edit)
        elif named[0] in MOVED_MODULES:
            reason = f"write `from {module} import {named[0].rpartition('.')[2]}` on its own line"
            yield self.stays(library, node, reason)
        else:
            what = f"{module}.{missing[0]}" if new_module else named[0]
            yield self.stays(library, node, self._no_counterpart(library, what))

    @staticmethod
    def _no_counterpart(library: str, name: str) -> str:
        if library == "litestar":
            return (
                "litestar has its own argument for CORS, which no import replaces: leave out "
                "cors_config, and put corsac.CORSMiddleware around the application"
            )
        if name in MOVED_MODULES:
            return f"the module is imported by its whole name: write `from {name} import ...`"
        return f"{name} has no counterpart in {_BY_HAND[library]}"

    def of_text(self, node: ast.Constant, text: str) -> Iterator[Place]:
        library = named_in(text)
        outer = self.file.parents.get(id(node))
        if not library or isinstance(outer, ast.Expr):
            return  # A text that is a statement is documentation.
        start, end = self.file.span(node)
        quote = "'" if "'" in self.file.text[start : start + 3] else '"'
        called = outer.func if isinstance(outer, ast.Call) and node in outer.args else None
        method = called.attr if isinstance(called, ast.Attribute) else ""
        is_listed = isinstance(outer, (ast.List, ast.Tuple, ast.Set)) or method in _LIST_METHODS
        if text in MOVED_TEXTS and is_listed:
            new = f"{quote}{MOVED_TEXTS[text]}{quote}"
            is_middleware = text.endswith(".CorsMiddleware")
            yield self.moves(library, node, (start, end, new), is_middleware=is_middleware)
        elif text == "flask_cors" and method == "getLogger":
            yield self.moves(library, node, (start, end, f"{quote}corsac{quote}"))
        else:
            yield self.stays(library, node, f"{text[:100]} is named in a text")

    def of_use(self, node: ast.Name | ast.Attribute) -> Iterator[Place]:
        """Find uses of a class or of a module that the new one does not take part in."""
        outer = self.file.parents.get(id(node))
        if isinstance(node, ast.Name) and node.id in self.modules:
            module = self.modules[node.id]
            library = library_of(module)
            if not isinstance(outer, ast.Attribute):
                yield self.stays(library, node, f"{module} is used, which cannot be followed")
            elif outer.attr not in MOVED_MODULES[module][1]:
                reason = self._no_counterpart(library, f"{module}.{outer.attr}")
                yield self.stays(library, node, reason)
            return
        full = self.file.full_name(node)
        if full in STARLETTE_CLASSES:
            is_asked = isinstance(outer, ast.Call) and self.file.full_name(outer.func) in _ASKING
            if isinstance(outer, ast.Compare) or (is_asked and node is not outer.func):  # type: ignore[union-attr]
                yield self.stays("starlette", node, "something is compared with Starlette's class")
        elif full in FLASK_CLASSES and isinstance(outer, ast.ClassDef):
            yield self.stays("flask-cors", node, f"{outer.name} derives from its class")

    def of_decorators(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Place]:
        for decorator in node.decorator_list:
            if self.file.full_name(decorator) in FLASK_DECORATORS:
                reason = "cross_origin stands there without brackets, so the view is its argument: "
                yield self.stays("flask-cors", decorator, f"{reason}write @cross_origin()")


def _settings_that_are_made(file: SourceFile) -> Iterator[Place]:
    """Find settings in classes, and those that are changed after the start, when they were read."""
    for node in file.nodes:
        reason = ""
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                is_setting = name in {*SETTINGS, "INSTALLED_APPS", "MIDDLEWARE"}
                owner = next(file.around(node), None)
                if is_setting and isinstance(owner, ast.ClassDef):
                    reason = f"the class {owner.name} makes the settings when the program starts"
            case ast.Attribute(value=ast.Name(id=owner_name), attr=name, ctx=ast.Store()):
                if name in SETTINGS and file.imports.get(owner_name) == "django.conf.settings":
                    reason = f"{name} is set while the program runs"
            case ast.Call(func=ast.Name(id="setattr"), args=[_, ast.Constant(value=name), _]):
                if name in SETTINGS:
                    reason = f"{name} is set while the program runs"
        if reason:
            yield Place("django-cors-headers", file, getattr(node, "lineno", 0), reason=reason)
