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

__all__ = [
    "DJANGO_MIDDLEWARE",
    "FLASK_CLASSES",
    "FLASK_DECORATORS",
    "LITESTAR_CLASSES",
    "STARLETTE_CLASSES",
    "Place",
    "find_places",
]

STARLETTE_CLASSES = frozenset(
    {"starlette.middleware.cors.CORSMiddleware", "fastapi.middleware.cors.CORSMiddleware"}
)
FLASK_CLASSES = frozenset({"flask_cors.CORS", "flask_cors.extension.CORS"})
FLASK_DECORATORS = frozenset({"flask_cors.cross_origin", "flask_cors.decorator.cross_origin"})
LITESTAR_CLASSES = frozenset(
    {"litestar.config.cors.CORSConfig", "litestar.config.CORSConfig", "litestar.CORSConfig"}
)
DJANGO_MIDDLEWARE = "corsheaders.middleware.CorsMiddleware"

_MOVED_MODULES: dict[str, tuple[str, set[str]]] = {
    "starlette.middleware.cors": (
        "corsac.compat.starlette",
        {"CORSMiddleware", "ALL_METHODS", "SAFELISTED_HEADERS"},
    ),
    "fastapi.middleware.cors": ("corsac.compat.starlette", {"CORSMiddleware"}),
    "flask_cors": ("corsac.flask", {"CORS", "cross_origin"}),
    "flask_cors.extension": ("corsac.flask", {"CORS"}),
    "flask_cors.decorator": ("corsac.flask", {"cross_origin"}),
    "corsheaders.signals": ("corsac.django.signals", {"check_request_enabled"}),
    "corsheaders.defaults": ("corsac.django.defaults", {"default_headers", "default_methods"}),
}
"""For modules of the libraries, the module of Corsac that has some of their names, and which."""

_MOVED_TEXTS = {
    "corsheaders": "corsac.django",
    "corsheaders.apps.CorsHeadersAppConfig": "corsac.django",
    DJANGO_MIDDLEWARE: "corsac.django.CORSMiddleware",
}
"""What Django's settings name in lists."""

_ROOTS = {
    "starlette.middleware.cors": "starlette",
    "fastapi.middleware.cors": "starlette",
    "flask_cors": "flask-cors",
    "flask.ext.cors": "flask-cors",
    "corsheaders": "django-cors-headers",
    **dict.fromkeys((*LITESTAR_CLASSES, "litestar.config.cors"), "litestar"),
}
_NAMED = re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, _ROOTS))})(?!\w)")
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

    Its edits are begin, end and new text of what changes; the reason is why it cannot move, or
    ``""``. A place of the middleware is where Django's settings list it.
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

    def place(
        self,
        library: str,
        node: ast.AST,
        *edits: tuple[int, int, str],
        reason: str = "",
        is_middleware: bool = False,
    ) -> Place:
        line: int = node.lineno  # type: ignore[attr-defined]
        return Place(library, self.file, line, edits, reason, is_middleware)

    def of_import(self, node: ast.Import) -> Iterator[Place]:
        for alias in node.names:
            library = _library_of(alias.name)
            if not library:
                continue
            if alias.name not in _MOVED_MODULES or ("." in alias.name and not alias.asname):
                yield self.place(library, node, reason=self._no_counterpart(library, alias.name))
                continue
            name = alias.asname or alias.name
            self.modules[name] = alias.name
            start, _ = self.file.span(alias)
            new = _MOVED_MODULES[alias.name][0] + ("" if alias.asname else f" as {name}")
            yield self.place(library, node, (start, start + len(alias.name), new))

    def of_import_from(self, node: ast.ImportFrom) -> Iterator[Place]:
        module = node.module or ""
        full = [f"{module}.{alias.name}" for alias in node.names]
        named = [name for name in full if _library_of(name)]
        if not named:
            return
        library = _library_of(named[0])
        start = self.file.span(node)[0]
        head = re.compile(r"from[ \t]+([\w.]+)[ \t]").match(self.file.text, start)
        new_module, names = _MOVED_MODULES.get(module, ("", set[str]()))
        missing = [alias.name for alias in node.names if alias.name not in names]
        if head is None:
            yield self.place(library, node, reason="the import is written over several lines")
        elif not missing:
            yield self.place(library, node, (*head.span(1), new_module))
        elif len(full) == 1 and full[0] in _MOVED_MODULES:
            alias = node.names[0]
            name = alias.asname or alias.name
            self.modules[name] = full[0]
            package, _, last = _MOVED_MODULES[full[0]][0].rpartition(".")
            alias_start = self.file.span(alias)[0]
            new = last if alias.asname or last == name else f"{last} as {name}"
            alias_edit = (alias_start, alias_start + len(alias.name), new)
            yield self.place(library, node, (*head.span(1), package), alias_edit)
        elif named[0] in _MOVED_MODULES:
            reason = f"write `from {module} import {named[0].rpartition('.')[2]}` on its own line"
            yield self.place(library, node, reason=reason)
        else:
            what = f"{module}.{missing[0]}" if new_module else named[0]
            yield self.place(library, node, reason=self._no_counterpart(library, what))

    @staticmethod
    def _no_counterpart(library: str, name: str) -> str:
        if library == "litestar":
            return (
                "litestar has its own argument for CORS, which no import replaces: leave out "
                "cors_config, and put corsac.CORSMiddleware around the application"
            )
        if name in _MOVED_MODULES:
            return f"the module is imported by its whole name: write `from {name} import ...`"
        return f"{name} has no counterpart in {_BY_HAND[library]}"

    def of_text(self, node: ast.Constant, text: str) -> Iterator[Place]:
        library = _named_in(text)
        outer = self.file.parents.get(id(node))
        if not library or isinstance(outer, ast.Expr):
            return  # A text that is a statement is documentation.
        start, end = self.file.span(node)
        quote = "'" if "'" in self.file.text[start : start + 3] else '"'
        called = outer.func if isinstance(outer, ast.Call) and node in outer.args else None
        method = called.attr if isinstance(called, ast.Attribute) else ""
        is_listed = isinstance(outer, (ast.List, ast.Tuple, ast.Set)) or method in _LIST_METHODS
        if text in _MOVED_TEXTS and is_listed:
            new = f"{quote}{_MOVED_TEXTS[text]}{quote}"
            is_middleware = text.endswith(".CorsMiddleware")
            yield self.place(library, node, (start, end, new), is_middleware=is_middleware)
        elif text == "flask_cors" and method == "getLogger":
            yield self.place(library, node, (start, end, f"{quote}corsac{quote}"))
        else:
            yield self.place(library, node, reason=f"{text[:100]} is named in a text")

    def of_use(self, node: ast.Name | ast.Attribute) -> Iterator[Place]:
        """Find uses of a class or of a module that the new one does not take part in."""
        outer = self.file.parents.get(id(node))
        if isinstance(node, ast.Name) and node.id in self.modules:
            module = self.modules[node.id]
            library = _library_of(module)
            if not isinstance(outer, ast.Attribute):
                reason = f"{module} is used, which cannot be followed"
                yield self.place(library, node, reason=reason)
            elif outer.attr not in _MOVED_MODULES[module][1]:
                reason = self._no_counterpart(library, f"{module}.{outer.attr}")
                yield self.place(library, node, reason=reason)
            return
        full = self.file.full_name(node)
        if full in STARLETTE_CLASSES:
            is_asked = isinstance(outer, ast.Call) and self.file.full_name(outer.func) in _ASKING
            if isinstance(outer, ast.Compare) or (is_asked and node is not outer.func):  # type: ignore[union-attr]
                reason = "something is compared with Starlette's class"
                yield self.place("starlette", node, reason=reason)
        elif full in FLASK_CLASSES and isinstance(outer, ast.ClassDef):
            yield self.place("flask-cors", node, reason=f"{outer.name} derives from its class")

        elif full in FLASK_DECORATORS and node in getattr(outer, "decorator_list", ()):
            reason = (
                "cross_origin stands there without brackets, so the view is its argument: write "
                "@cross_origin()"
            )
            yield self.place("flask-cors", node, reason=reason)


_SET_LATER = "{} is set while the program runs"


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
                is_set = file.imports.get(owner_name) == "django.conf.settings"
                reason = _SET_LATER.format(name) if is_set and name in SETTINGS else ""
            case ast.Call(func=ast.Name(id="setattr"), args=[_, ast.Constant(value=name), _]):
                reason = _SET_LATER.format(name) if name in SETTINGS else ""
        if reason:
            yield Place("django-cors-headers", file, getattr(node, "lineno", 0), reason=reason)


def _library_of(name: str) -> str:
    """Return the library that a dotted name belongs to, or ``""``."""
    return next(
        (library for root, library in _ROOTS.items() if f"{name}.".startswith(f"{root}.")), ""
    )


def _named_in(text: str) -> str:
    """Return the library that a text names, alone or in a list without white space; or ``""``.

    Sentences, such as messages and templates, are passed over.
    """
    found = _NAMED.search(text) if not re.search(r"\s", text) else None
    return _library_of(found[0]) if found else ""
