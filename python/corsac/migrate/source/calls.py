"""The CORS configurations of a project: calls, and what names a library besides."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from corsac.foreign.starlette import LITESTAR_OPTIONS, STARLETTE_OPTIONS
from corsac.migrate.source.configurations import (
    NOT_READ,
    Configuration,
    find_settings,
    flask_keys,
    not_read,
    read_flask_keys,
)
from corsac.migrate.source.files import SourceFile, dotted, shown
from corsac.migrate.source.literal import Literals, NotLiteralError
from corsac.migrate.source.places import (
    DJANGO_MIDDLEWARE,
    FLASK_CLASSES,
    FLASK_DECORATORS,
    LITESTAR_CLASSES,
    STARLETTE_CLASSES,
    Place,
)
from corsac.migrate.translation import translate

__all__ = ["find_configurations"]

_MIDDLEWARE = frozenset({"starlette.middleware.Middleware", "fastapi.middleware.Middleware"})


def find_configurations(
    files: Sequence[SourceFile], places: Sequence[Place]
) -> list[Configuration]:
    """Return the configurations of a project, by file and line, and the places not read."""
    found = [each for file in files for each in _of_file(file, places)]
    if any(place.library == "django-cors-headers" for place in places):
        found += find_settings(files, places)
    keys = [key for file in files for key in flask_keys(file)]
    for each in found:
        if each.library == "flask-cors" and each.style not in {NOT_READ, "cross_origin"}:
            read_flask_keys(each, keys)
        each.translate()
    _report_layers(found)
    return sorted(found, key=lambda each: (files.index(each.file), each.line))


def _of_file(file: SourceFile, places: Iterable[Place]) -> Iterator[Configuration]:
    """Return the calls of one file, and its places that belong to none of them."""
    search = _Calls(file)
    found = list(search.run())
    yield from found
    told = {(each.library, each.line) for each in found}
    for place in places:
        key = place.library, place.line
        if place.file is file and place.reason and key not in told and place.library != "litestar":
            told.add(key)
            yield not_read(file, *key, place.library, place.reason)
    # Beside a configuration a name that is only imported is left over.
    libraries = {library for library, _ in told}
    for library, line, name, is_import in search.others():
        if (library, line) not in told and not (is_import and library in libraries):
            told.add((library, line))
            message = "it is used in a way that is not read"
            if is_import:
                message = "it is imported here and not used; whoever takes it from here is not read"
            yield not_read(file, library, line, name, message)


_CLASSES = {
    **dict.fromkeys(STARLETTE_CLASSES, "starlette"),
    **dict.fromkeys(FLASK_CLASSES | FLASK_DECORATORS, "flask-cors"),
    **dict.fromkeys(LITESTAR_CLASSES, "litestar"),
    "corsheaders.signals.check_request_enabled": "django-cors-headers",
    DJANGO_MIDDLEWARE: "django-cors-headers",
}


class _Calls:
    """Finds the calls that configure something in one file."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self._literals = Literals(file)
        self._consumed: set[int] = set()
        self._made: dict[str, ast.Call] = {}

    def run(self) -> Iterator[Configuration]:
        """Return the configurations, in the order of their lines."""
        calls = [node for node in self.file.nodes if isinstance(node, ast.Call)]
        calls.sort(key=lambda node: (node.lineno, node.col_offset))
        for node in calls:
            if self.file.full_name(node.func) in FLASK_CLASSES and not _application(node):
                outer = self.file.parents.get(id(node))
                if isinstance(outer, ast.Assign) and len(outer.targets) == 1:
                    self._made[dotted(outer.targets[0])] = node
        for node in calls:
            found = self._of_starlette(node) or self._of_flask(node)
            if self.file.full_name(node.func) in LITESTAR_CLASSES:
                found = self._new("litestar", "CORSConfig", node, node.func)
                named = zip(LITESTAR_OPTIONS, node.args, strict=False)
                self._read(found, node.keywords, named)
            if found is not None:
                yield found
        for name, node in self._made.items():
            if id(node.func) not in self._consumed:
                found = self._new("flask-cors", "CORS", node, node.func)
                self._read(found, node.keywords)
                reason = "init_app is called in another file, or in another way"
                found.leave("app.config", name, reason)
                yield found

    def others(self) -> Iterator[tuple[str, int, str, bool]]:
        """Return what else names a library's classes: library, line, name, and if imported only."""
        skipped = set(self._consumed)
        used = set()
        for node in self.file.nodes:
            annotation = getattr(node, "annotation", None) or getattr(node, "returns", None)
            if annotation is not None:
                skipped |= {id(each) for each in ast.walk(annotation)}
        for node in self.file.nodes:
            if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
                name = self.file.full_name(node)
                used.add(name)
                if name in _CLASSES and id(node) not in skipped:
                    yield _CLASSES[name], node.lineno, name, False
        for node in self.file.nodes:
            if isinstance(node, ast.ImportFrom) and not node.level:
                for alias in node.names:
                    name = f"{node.module}.{alias.name}"
                    if name in _CLASSES and name not in used:
                        yield _CLASSES[name], node.lineno, name, True

    def _new(self, library: str, style: str, node: ast.Call, used: ast.expr) -> Configuration:
        self._consumed.add(id(used))
        return Configuration(library, style, self.file, node.lineno, node)

    def _of_starlette(self, node: ast.Call) -> Configuration | None:
        adds = isinstance(node.func, ast.Attribute) and node.func.attr == "add_middleware"
        function = self.file.full_name(node.func)
        style = "add_middleware" if adds else "Middleware" if function in _MIDDLEWARE else ""
        named = [each.value for each in node.keywords if each.arg in {"middleware_class", "cls"}]
        given = [*node.args[:1], *named]
        if style and given and self.file.full_name(given[0]) in STARLETTE_CLASSES:
            found = self._new("starlette", style, node, given[0])
            if isinstance(node.func, ast.Attribute) and adds:
                found.target = shown(node.func.value)
        elif function in STARLETTE_CLASSES:
            found = self._new("starlette", "wrap", node, node.func)
            application = _application(node)
            found.target = shown(application) if application is not None else ""
        else:
            return None
        self._read(found, node.keywords, zip(STARLETTE_OPTIONS, node.args[1:], strict=False))
        return found

    def _of_flask(self, node: ast.Call) -> Configuration | None:
        name = self.file.full_name(node.func)
        application = _application(node)
        keywords = list(node.keywords)
        if name in FLASK_DECORATORS:
            found = self._new("flask-cors", "cross_origin", node, node.func)
        elif name in FLASK_CLASSES and application is not None:
            found = self._new("flask-cors", "CORS", node, node.func)
        elif isinstance(node.func, ast.Attribute) and node.func.attr == "init_app":
            owner = dotted(node.func.value)
            made = self._made.get(owner)
            is_foreign = self.file.imports.get(owner, "").rpartition(".")[2] == "cors"
            if made is None and not is_foreign:
                return None
            found = self._new("flask-cors", "init_app", node, node.func)
            if made is not None:
                self._consumed.add(id(made.func))
                own = {each.arg for each in keywords}
                keywords += (each for each in made.keywords if each.arg not in own)
            else:
                found.leave("origins", "", "CORS() is made in another file")
        else:
            return None
        if application is not None and found.style != "cross_origin":
            found.target = shown(application)
        self._read(found, keywords)
        return found

    def _read(
        self,
        found: Configuration,
        keywords: Iterable[ast.keyword],
        positional: Iterable[tuple[str, ast.expr]] = (),
    ) -> None:
        arguments = [
            ("**" if isinstance(node, ast.Starred) else name, node) for name, node in positional
        ]
        for keyword in keywords:
            if keyword.arg not in {"app", "middleware_class", "cls"}:
                arguments.append((keyword.arg or "**", keyword.value))
        for name, node in arguments:
            try:
                value = self._literals.value(node)
            except NotLiteralError as error:
                found.leave(name, shown(node), str(error))
                continue
            given = value if name == "**" else {name: value}
            if isinstance(given, dict):
                found.options |= {str(key): each for key, each in given.items()}
            else:
                found.leave("**", shown(node), "it is not a dictionary")


def _application(node: ast.Call) -> ast.expr | None:
    """Return the application that a call is given, or ``None``."""
    named = [each.value for each in node.keywords if each.arg == "app"]
    given = [*node.args[:1], *named]
    is_none = given and isinstance(given[0], ast.Constant) and given[0].value is None
    return given[0] if given and not is_none else None


def _report_layers(found: Sequence[Configuration]) -> None:
    """Say where one application gets several layers, one after the other."""
    groups: dict[tuple[str, str, int], list[Configuration]] = {}
    for each in found:
        if each.target and each.node is not None and each.style != "cross_origin":
            block = each.file.block(each.node)
            groups.setdefault((each.library, each.target, block), []).append(each)
    for (library, target, _), layers in groups.items():
        if len(layers) > 1:
            several = translate(library, [{}, {}]).problems[0]
            message = several.message.replace("are 2", f"are {len(layers)}")
            message = message.replace("; only the last one is translated", "")
            lines = f"lines {', '.join(str(each.line) for each in layers)}"
            layers[-1].problems.append(several.replace(option=target, value=lines, message=message))
