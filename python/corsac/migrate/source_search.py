"""Finds the CORS configurations in a program's source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from corsac.errors import CORSConfigProblem
from corsac.migrate import litestar, starlette
from corsac.migrate.source_found import (
    STAND_IN,
    Found,
    SourceFile,
    report_layers,
    translate_found,
)
from corsac.migrate.source_values import NOTHING, Unseen, Values, expression_text

__all__ = ["find_configurations"]

STARLETTE_CLASSES = frozenset(
    {
        "starlette.middleware.cors.CORSMiddleware",
        "fastapi.middleware.cors.CORSMiddleware",
    }
)
MIDDLEWARE_CLASSES = frozenset({"starlette.middleware.Middleware", "fastapi.middleware.Middleware"})
FLASK_CLASSES = frozenset({"flask_cors.CORS", "flask_cors.extension.CORS", "flask.ext.cors.CORS"})
FLASK_DECORATORS = frozenset({"flask_cors.cross_origin", "flask_cors.decorator.cross_origin"})
LITESTAR_CLASSES = frozenset(
    {"litestar.config.cors.CORSConfig", "litestar.config.CORSConfig", "litestar.CORSConfig"}
)
DJANGO_MIDDLEWARE = "corsheaders.middleware.CorsMiddleware"

_DJANGO_MARKS = frozenset({"INSTALLED_APPS", "MIDDLEWARE", "ROOT_URLCONF"})


def find_configurations(file: SourceFile) -> list[Found]:
    """The configurations of one file, translated, in the order of their lines."""
    search = _Search(file)
    found = sorted(search.run(), key=lambda each: each.line)
    report_layers(found)
    for each in found:
        translate_found(each)
    return found


class _Search:
    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.names = file.names
        self.values = Values(file.names)
        self.subclasses: dict[str, str] = {}

    def run(self) -> Iterator[Found]:
        nodes = list(ast.walk(self.file.tree))
        for node in nodes:
            if isinstance(node, ast.ClassDef) and any(
                self.names.full_name(base) in STARLETTE_CLASSES for base in node.bases
            ):
                self.subclasses[node.name] = node.name
        wrapped = {
            id(node.args[0])
            for node in nodes
            if isinstance(node, ast.Call) and node.args and self._kind(node) == "wrapping"
        }
        settings = self._flask_settings(nodes)
        self._config_elsewhere = any(map(_fills_config, nodes))
        for node in nodes:
            if isinstance(node, ast.Call) and id(node) not in wrapped:
                yield from self._of_call(node, settings)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield from self._bare_decorators(node, settings)
        yield from self._django()

    def _is_starlette(self, node: ast.expr) -> bool:
        name = self.names.full_name(node)
        return name in STARLETTE_CLASSES or name in self.subclasses

    def _kind(self, node: ast.Call) -> str:
        name = self.names.full_name(node.func)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "add_middleware":
            return "add_middleware"
        return "Middleware" if name in MIDDLEWARE_CLASSES else ""

    def _of_call(self, node: ast.Call, settings: list[tuple[str, ast.expr]]) -> Iterator[Found]:
        name = self.names.full_name(node.func)
        style = self._kind(node)
        named = [each for each in node.keywords if each.arg in {"middleware_class", "cls"}]
        if style and not node.args and named and self._is_starlette(named[0].value):
            found = self._new("starlette", style, node)
            if isinstance(node.func, ast.Attribute) and style == "add_middleware":
                found.target = expression_text(node.func.value)
            self._note_subclass(found, named[0].value)
            yield self._read_call(found, [], starlette.POSITIONAL, {"middleware_class", "cls"})
        elif style and node.args and self._is_starlette(node.args[0]):
            found = self._new("starlette", style, node)
            if isinstance(node.func, ast.Attribute) and style == "add_middleware":
                found.target = expression_text(node.func.value)
            self._note_subclass(found, node.args[0])
            yield self._read_call(found, node.args[1:], starlette.POSITIONAL)
        elif name in STARLETTE_CLASSES or name in self.subclasses:
            found = self._new("starlette", "wrap", node)
            self._note_subclass(found, node.func)
            application = [each for each in node.keywords if each.arg == "app"]
            first = node.args[0] if node.args else application[0].value if application else None
            found.target = expression_text(first) if first is not None else ""
            yield self._read_call(found, node.args[1:], starlette.POSITIONAL, {"app"})
        elif name in FLASK_CLASSES:
            yield from self._flask(node, settings)
        elif name in FLASK_DECORATORS:
            found = self._new("flask-cors", "cross_origin", node)
            yield self._read_flask(found, node, settings)
        elif name in LITESTAR_CLASSES:
            found = self._new("litestar", "CORSConfig", node)
            yield self._read_call(found, node.args, litestar.POSITIONAL)
        elif isinstance(node.func, ast.Attribute) and node.func.attr == "init_app":
            yield from self._init_app(node, settings)

    def _new(self, library: str, style: str, node: ast.Call) -> Found:
        return Found(library, style, self.file, node.lineno, node)

    def _note_subclass(self, found: Found, reference: ast.expr) -> None:
        name = self.names.full_name(reference)
        if name in self.subclasses:
            found.style = "subclass"
            found.problems.append(
                CORSConfigProblem(
                    "value.unseen",
                    "warning",
                    "middleware",
                    name,
                    f"{name} is a class of its own, and what it overrides cannot be seen",
                    "say it with allow_origin_func, rules or patterns",
                )
            )

    # Arguments

    def _read_call(
        self,
        found: Found,
        positional: list[ast.expr],
        names: tuple[str, ...],
        passed_over: set[str] | None = None,
    ) -> Found:
        node = found.node
        assert node is not None  # noqa: S101 - only calls are read
        for name, argument in zip(names, positional, strict=False):
            self._set(found, name, self.values.of(argument), expression_text(argument))
        self._read_keywords(found, node, passed_over or set())
        return found

    def _read_keywords(self, found: Found, node: ast.Call, passed_over: set[str]) -> None:
        for keyword in node.keywords:
            text = expression_text(keyword.value)
            value = self.values.of(keyword.value)
            if keyword.arg is None:
                if isinstance(value, dict):
                    for name, inner in value.items():
                        self._set(found, str(name), inner, f"{text}[{str(name)!r}]")
                else:
                    found.unseen["**"] = Unseen(text, "the options are put together elsewhere")
            elif keyword.arg not in passed_over:
                self._set(found, keyword.arg, value, text)

    def _set(self, found: Found, name: str, value: Any, text: str) -> None:
        """Note an option; what cannot be seen of it is noted apart."""
        if isinstance(value, Unseen):
            found.unseen[name] = Unseen(text, value.reason, value.default)
            if value.default is not NOTHING:
                found.options[name] = value.default
            return
        if isinstance(value, (list, tuple)):
            hidden = [each for each in value if isinstance(each, Unseen)]
            if hidden:
                found.unseen[name] = Unseen(text, f"of its entries, {hidden[0].reason}", value)
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
                found.unseen[name] = Unseen(text, each.reason, value)
                inner = each.default
                if inner is NOTHING:
                    if key != "origins":
                        continue
                    inner = [STAND_IN]
            elif isinstance(each, list) and any(isinstance(entry, Unseen) for entry in each):
                found.unseen[name] = Unseen(text, "some entries are computed", value)
                inner = [entry for entry in each if not isinstance(entry, Unseen)]
            seen[key] = inner
        return seen

    # Flask

    def _flask_settings(self, nodes: list[ast.AST]) -> list[tuple[str, ast.expr]]:
        """The ``CORS_...`` keys of ``app.config`` that this file sets."""
        found: list[tuple[str, ast.expr]] = []
        for node in nodes:
            match node:
                case ast.Assign(
                    targets=[
                        ast.Subscript(
                            value=ast.Attribute(attr="config"),
                            slice=ast.Constant(value=str() as key),
                        )
                    ],
                    value=value,
                ) if key.startswith("CORS_"):
                    found.append((key, value))
                case ast.Call(
                    func=ast.Attribute(
                        value=ast.Attribute(attr="config"), attr="update" | "from_mapping"
                    ),
                    keywords=keywords,
                ):
                    found += (
                        (each.arg, each.value)
                        for each in keywords
                        if each.arg and each.arg.startswith("CORS_")
                    )
        return found

    def _flask(self, node: ast.Call, settings: list[tuple[str, ast.expr]]) -> Iterator[Found]:
        found = self._new("flask-cors", "CORS", node)
        application = [each.value for each in node.keywords if each.arg == "app"]
        first = node.args[0] if node.args else application[0] if application else None
        if first is None:
            return  # init_app follows, here or elsewhere.
        found.target = expression_text(first)
        yield self._read_flask(found, node, settings)

    def _init_app(self, node: ast.Call, settings: list[tuple[str, ast.expr]]) -> Iterator[Found]:
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if not isinstance(owner, ast.Name):
            return
        made = self.names.constant(owner.id)
        if self.names.imports.get(owner.id, "").rpartition(".")[2] == "cors" and made is None:
            made = ast.Call(ast.Name("CORS", ast.Load()), [], [])
        elif not (isinstance(made, ast.Call) and self.names.full_name(made.func) in FLASK_CLASSES):
            return
        found = self._new("flask-cors", "init_app", node)
        found.target = expression_text(node.args[0]) if node.args else ""
        if owner.id in self.names.imports:
            found.unseen["origins"] = Unseen("origins", "CORS() is made in another file")
        if isinstance(made, ast.Call):
            self._read_keywords(found, made, {"app"})
        yield self._read_flask(found, node, settings)

    def _read_flask(
        self, found: Found, node: ast.Call, settings: list[tuple[str, ast.expr]]
    ) -> Found:
        self._read_keywords(found, node, {"app"})
        for key, value in settings:
            late = value.lineno > node.lineno and found.style in {"CORS", "init_app"}
            if not late:
                self._set(found, key, self.values.of(value), expression_text(value))
                continue
            found.problems.append(
                CORSConfigProblem(
                    "option.no_effect",
                    "warning",
                    key,
                    f"line {value.lineno}",
                    "it is set after flask-cors has read the configuration",
                    "set it before CORS(app)",
                )
            )
        if self._config_elsewhere:
            name = (
                "app.config"
                if {"origins", "CORS_ORIGINS"} & found.options.keys()
                else "CORS_ORIGINS"
            )
            reason = "app.config is filled from an object, a file or a dictionary"
            found.unseen.setdefault(name, Unseen(name, reason))
        return found

    def _bare_decorators(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef,
        settings: list[tuple[str, ast.expr]],
    ) -> Iterator[Found]:
        for decorator in node.decorator_list:
            if self.names.full_name(decorator) in FLASK_DECORATORS:
                call = ast.copy_location(ast.Call(decorator, [], []), decorator)
                yield self._read_flask(
                    self._new("flask-cors", "cross_origin", call), call, settings
                )

    # Django

    def _django(self) -> Iterator[Found]:
        statements = list(_assignments(self.file.tree.body, depth=0))
        known = [
            (name, value, nested)
            for name, value, nested in statements
            if name.startswith("CORS_") and name != "CORS_"
        ]
        # Settings may be divided into files; a constant of the same name elsewhere is none.
        is_settings = (
            "corsheaders" in self.file.text
            or "settings" in self.file.path
            or any(name in _DJANGO_MARKS for name, _, _ in statements)
        )
        if not known or not is_settings:
            return
        if any(name.startswith("flask_cors") for name in self.names.imports.values()):
            return
        found = Found("django-cors-headers", "settings", self.file, known[0][1].lineno)
        times: dict[str, int] = {}
        for name, value, nested in known:
            times[name] = times.get(name, 0) + 1
            text = expression_text(value)
            self._set(found, name, self.values.of(value), text)
            if nested or times[name] > 1:
                reason = "it depends on a condition" if nested else "it is set more than once"
                seen = found.options.get(name, NOTHING)
                found.unseen[name] = Unseen(name, f"{reason}; this is line {value.lineno}", seen)
        yield found


def _fills_config(node: ast.AST) -> bool:
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Attribute(attr="config"), attr=name), args=arguments
        ):
            return name.startswith("from_") or (
                name in {"update", "setdefault"} and bool(arguments)
            )
    return False


def _assignments(body: list[ast.stmt], depth: int) -> Iterator[tuple[str, ast.expr, bool]]:
    """The names that a module assigns, with the values, and whether only under a condition."""
    for statement in body:
        match statement:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    if isinstance(target, ast.Name):
                        yield target.id, value, depth > 0
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value, depth > 0
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                both = ast.BinOp(ast.Name(name, ast.Load()), ast.Add(), value)
                yield name, ast.copy_location(both, value), depth > 0
            case ast.If(body=inner, orelse=other) if depth < _MAX_NESTED:
                yield from _assignments(inner, depth + 1)
                yield from _assignments(other, depth + 1)
            case ast.Try(body=inner, handlers=caught, orelse=other, finalbody=last) if (
                depth < _MAX_NESTED
            ):
                handled = [each for handler in caught for each in handler.body]
                yield from _assignments([*inner, *handled, *other, *last], depth + 1)
            case ast.With(body=inner) | ast.ClassDef(body=inner) if depth < _MAX_NESTED:
                yield from _assignments(inner, depth + 1)


_MAX_NESTED = 20
