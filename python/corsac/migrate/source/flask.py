"""Finds the configurations of flask-cors: the extension, its decorator, keys of ``app.config``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from corsac.errors import CORSConfigProblem
from corsac.foreign.flask_cors import CONFIG_KEYS
from corsac.migrate.source.arguments import ArgumentReader
from corsac.migrate.source.found import Found, Uncertain
from corsac.migrate.source.libraries import FLASK_CLASSES, FLASK_DECORATORS
from corsac.migrate.source.names import dotted
from corsac.migrate.source.scopes import Place
from corsac.migrate.source.values import NOTHING, Unseen, expression_text

__all__ = ["CONFIG_ELSEWHERE", "FlaskSearch", "config_keys"]

MAX_KEYS = 200
"""Keys of configurations in one file that are read; of a file with more, none is certain."""

CONFIG_ELSEWHERE = "app.config is filled from an object, a file or a dictionary"
"""Why keys of the application's configuration are not seen."""

_READS_CONFIG = "CORS of corsac.flask reads app.config when the program starts, as flask-cors did"
_BLUEPRINT = "a blueprint has no wsgi_app; CORS of corsac.flask covers the routes of the blueprint"


class _Key(NamedTuple):
    """A ``CORS_...`` key of some application's configuration."""

    owner: str
    name: str
    value: ast.expr
    place: Place


class FlaskSearch:
    """Finds configurations in one file.

    Args:
        reader: Reads their options.
        nodes: The nodes of the file.
    """

    def __init__(self, reader: ArgumentReader, nodes: list[ast.AST]) -> None:
        self._reader = reader
        self._names = reader.file.names
        self._scopes = reader.file.scopes
        self._keys = sorted(self._read_keys(nodes), key=lambda each: each.value.lineno)
        self._fills_config = any(map(_fills_config, nodes)) or len(self._keys) > MAX_KEYS
        del self._keys[MAX_KEYS:]

    def of_call(self, node: ast.Call) -> Iterator[Found]:
        """The configuration that a call makes, if it makes one of flask-cors."""
        name = self._names.full_name(node.func)
        if name in FLASK_CLASSES:
            application = [each.value for each in node.keywords if each.arg == "app"]
            first = node.args[0] if node.args else application[0] if application else None
            if first is None or (isinstance(first, ast.Constant) and first.value is None):
                return  # See `rest`.
            found = self._reader.new("flask-cors", "CORS", node, node.func)
            found.target = expression_text(first)
            yield self._read(found, node)
        elif name in FLASK_DECORATORS:
            found = self._reader.new("flask-cors", "cross_origin", node, node.func)
            yield self._read(found, node)
        elif isinstance(node.func, ast.Attribute) and node.func.attr == "init_app":
            yield from self._init_app(node, node.func.value)

    def bare_decorators(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Found]:
        """The configurations of a function's decorators without arguments."""
        for decorator in node.decorator_list:
            if self._names.full_name(decorator) in FLASK_DECORATORS:
                call = ast.copy_location(ast.Call(decorator, [], []), decorator)
                found = self._reader.new("flask-cors", "cross_origin", call, decorator)
                found.place = self._scopes.of(node)
                found.problems.append(
                    CORSConfigProblem(
                        "option.wrong_type",
                        "error",
                        "cross_origin",
                        node.name,
                        "without brackets it takes the view for an argument, and puts a decorator "
                        "in its place: flask-cors answers every request with an error",
                        "write @cross_origin()",
                    )
                )
                yield self._read(found, call)

    def rest(self, nodes: list[ast.AST]) -> Iterator[Found]:
        """The extensions that are made here and given an application elsewhere."""
        for node in nodes:
            if (
                isinstance(node, ast.Call)
                and self._names.full_name(node.func) in FLASK_CLASSES
                and id(node.func) not in self._reader.consumed
            ):
                found = self._reader.new("flask-cors", "CORS", node, node.func)
                self._read(found, node)
                reason = "init_app is called in another file, or where it cannot be seen"
                name = "app.config" if _names_origins(found) else "CORS_ORIGINS"
                found.unseen.setdefault(name, Unseen(name, reason, is_code=False))
                found.keeps_call = _READS_CONFIG
                yield found

    def _init_app(self, node: ast.Call, owner: ast.expr) -> Iterator[Found]:
        name = dotted(owner)
        made = self._names.made(name) if name else owner
        if isinstance(made, (ast.Name, ast.Attribute)):
            made = self._names.made(dotted(made))
        is_made = isinstance(made, ast.Call) and self._names.full_name(made.func) in FLASK_CLASSES
        imported = self._names.imports.get(name, "").rpartition(".")[2] == "cors"
        if not is_made and not imported:
            return
        reference = made.func if isinstance(made, ast.Call) else owner
        found = self._reader.new("flask-cors", "init_app", node, reference)
        application = [each.value for each in node.keywords if each.arg == "app"]
        first = node.args[0] if node.args else application[0] if application else None
        found.target = expression_text(first) if first is not None else ""
        if imported:
            reason = "CORS() is made in another file"
            found.unseen["origins"] = Unseen("origins", reason, is_code=False)
            found.keeps_call = _READS_CONFIG
        if isinstance(made, ast.Call) and is_made:
            self._reader.read_keywords(found, made, {"app"})
        yield self._read(found, node)

    def _read(self, found: Found, node: ast.Call) -> Found:
        self._reader.read_keywords(found, node, {"app"})
        made = self._application(found)
        function = self._names.full_name(made.func) if isinstance(made, ast.Call) else ""
        if function.endswith("Blueprint") and found.style != "cross_origin":
            found.keeps_call = _BLUEPRINT
            return found  # flask-cors does not ask any configuration here.
        for key in self._keys:
            self._read_key(found, node, key, function.endswith("Flask"))
        if self._fills_config:
            self.hide_config(found, CONFIG_ELSEWHERE)
        elif self._names.is_imported(found.target) or self._is_parameter(found):
            self.hide_config(found, f"{found.target} comes from elsewhere with its configuration")
        return found

    @staticmethod
    def hide_config(found: Found, reason: str) -> None:
        """Note that the application's configuration is not seen.

        Args:
            found: The configuration of flask-cors.
            reason: Why not.
        """
        name = "app.config" if _names_origins(found) else "CORS_ORIGINS"
        found.unseen.setdefault(name, Unseen(name, reason, is_code=False))
        if found.style != "cross_origin":
            found.keeps_call = found.keeps_call or _READS_CONFIG

    def _is_parameter(self, found: Found) -> bool:
        """Whether the application is given to the function in which it is configured."""
        return self._names.is_parameter(found.target, found.place.function)

    def _application(self, found: Found) -> ast.expr | None:
        """What makes the application; the name may be that of a function's argument elsewhere."""
        if self._is_parameter(found):
            return None
        return self._names.made(found.target) or self._names.assigned.get(found.target)

    def _read_key(self, found: Found, node: ast.Call, key: _Key, is_made_here: bool) -> None:
        is_decorator = found.style == "cross_origin"
        if key.owner != found.target and not is_decorator:
            made = self._names.assigned.get(key.owner)
            if is_made_here and isinstance(made, ast.Call):
                return  # The key of another application of this file.
        same_function = key.place.function == found.place.function
        if not same_function and self._names.is_local(key.owner, key.place.function):
            return  # The key of another function's application.
        if same_function and not is_decorator and key.value.lineno > node.lineno:
            found.problems.append(
                CORSConfigProblem(
                    "option.without_effect",
                    "warning",
                    key.name,
                    f"line {key.value.lineno}",
                    "it is set after flask-cors has read the configuration",
                    "set it before CORS(app)",
                )
            )
            return
        outer = {each.statement for each in found.conditions}
        under = [each for each in key.place.conditions if each.statement not in outer]
        if found.place.excludes(key.place):
            return
        text = expression_text(key.value)
        before = found.options.get(key.name, NOTHING)
        certain = found.certain.get(key.name, before)
        hidden = key.name in found.unseen
        self._reader.set(found, key.name, self._reader.values.of(key.value), text)
        if not under and (same_function or is_decorator or key.place.function == 0):
            found.certain.pop(key.name, None)
            found.uncertain = [each for each in found.uncertain if each.option != key.name]
            return
        found.certain[key.name] = NOTHING if hidden else certain
        when = str(under[-1]) if under else "that function has run before"
        found.uncertain.append(Uncertain(key.name, key.value.lineno, when, text))
        reason = f"it depends on a condition; this is line {key.value.lineno}"
        if not under:
            reason = f"it is set in another function, in line {key.value.lineno}"
        default = found.options.get(key.name, NOTHING)
        found.unseen[key.name] = Unseen(key.name, reason, default, is_code=False)
        if not is_decorator:
            found.keeps_call = found.keeps_call or _READS_CONFIG

    def _read_keys(self, nodes: list[ast.AST]) -> Iterator[_Key]:
        for node in nodes:
            place = self._scopes.of(node)
            for owner, name, value in config_keys(node):
                yield _Key(owner, name, value, place)


def config_keys(node: ast.AST) -> Iterator[tuple[str, str, ast.expr]]:
    """The ``CORS_...`` keys of an application's configuration that a statement or call sets.

    Args:
        node: Any node.

    Returns:
        The application, the key and the value of each.
    """
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                match target:
                    case ast.Subscript(
                        value=ast.Attribute(value=owner, attr="config"),
                        slice=ast.Constant(value=str() as key),
                    ) if key.startswith("CORS_"):
                        yield dotted(owner), key, value
        case ast.Call(
            func=ast.Attribute(value=ast.Attribute(value=owner, attr="config"), attr=method),
            args=arguments,
            keywords=keywords,
        ) if method in {"update", "from_mapping"}:
            for each in keywords:
                if each.arg and each.arg.startswith("CORS_"):
                    yield dotted(owner), each.arg, each.value
            for argument in arguments:
                if isinstance(argument, ast.Dict):
                    for name, value in zip(argument.keys, argument.values, strict=True):
                        if isinstance(name, ast.Constant) and str(name.value).startswith("CORS_"):
                            yield dotted(owner), str(name.value), value
        case ast.Call(
            func=ast.Attribute(value=ast.Attribute(value=owner, attr="config"), attr="setdefault"),
            args=[ast.Constant(value=str() as key), value],
        ) if key.startswith("CORS_"):
            yield dotted(owner), key, value


def _names_origins(found: Found) -> bool:
    return bool({"origins", "CORS_ORIGINS"} & found.options.keys())


def _fills_config(node: ast.AST) -> bool:
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Attribute(attr="config"), attr=name), args=arguments
        ):
            return name.startswith("from_") or (
                name in {"update", "setdefault"} and bool(arguments)
            )
        case ast.Assign(targets=[ast.Attribute(attr="config")]):
            return True
        case ast.AugAssign(target=ast.Attribute(attr="config")):
            return True
        case ast.Subscript(
            value=ast.Name() | ast.Call(),
            slice=ast.Constant(value=str() as key),
            ctx=ast.Store(),
        ):
            return key in CONFIG_KEYS  # Of another name of the configuration.
    return False
