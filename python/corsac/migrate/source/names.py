"""What the names of a program's file stand for: imports, constants, and what changes them."""

from __future__ import annotations

import ast
from collections import Counter

from corsac.migrate.source.libraries import LIBRARY_OF, MODULES
from corsac.migrate.source.scopes import Scopes

__all__ = ["MUTATORS", "Names", "dotted", "root_of"]

MAX_ALIASES = 20
"""Names that stand for each other which are followed."""

MAX_PARTS = 50
"""Attributes, items and calls in one chain that are followed to its beginning."""

MUTATORS = frozenset(
    {
        *("add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove"),
        *("reverse", "setdefault", "sort", "update", "__setitem__", "__delitem__", "__iadd__"),
        *("difference_update", "intersection_update", "symmetric_difference_update"),
    }
)
"""Methods that change a container in place."""


def dotted(node: ast.AST) -> str:
    """The text of a name with attributes, such as ``self.cors``, or ``""``."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and len(parts) < MAX_PARTS:
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def root_of(node: ast.AST) -> str:
    """The name of which an expression is a part: ``A`` of ``A["x"].y.get("z")``, or ``""``."""
    for _ in range(MAX_PARTS):
        if not isinstance(node, (ast.Attribute, ast.Subscript, ast.Call, ast.Starred)):
            break
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


class Names:
    """What the names of a file stand for; a name that means two things stands for neither.

    Args:
        tree: The file.
        scopes: Where its statements stand.

    Attributes:
        imports: Names that are imported, with the full name of what they are.
        assigned: Names, with the last expression that they are assigned.
        exported: Names that are imported but not used here, with their lines.
        wildcards: Modules whose names are all imported, with the lines.
    """

    def __init__(self, tree: ast.Module, scopes: Scopes) -> None:
        self._scopes = scopes
        self.imports: dict[str, str] = {}
        self.assigned: dict[str, ast.expr] = {}
        self.wildcards: list[tuple[str, int]] = []
        self._lines: dict[str, int] = {}
        self._bindings: Counter[str] = Counter()
        self._attributes: dict[str, list[ast.expr]] = {}
        self._changed: set[str] = set()
        self._replaceable: set[str] = set()
        self._locals: set[tuple[int, str]] = set()
        self._arguments: dict[int, set[str]] = {}
        self._parameters: dict[str, list[str]] = {}
        self._same: list[tuple[str, str]] = []
        calls: list[ast.Call] = []
        loaded: set[str] = set()
        for node in ast.walk(tree):
            self._read(node)
            self._read_change(node)
            if isinstance(node, ast.Call):
                calls.append(node)
            elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
                loaded.add(node.id)
        self.exported = {
            name: line for name, line in self._lines.items() if name.split(".")[0] not in loaded
        }
        for call in calls:
            self._read_arguments(call)
        self._spread_changes()

    def _read(self, node: ast.AST) -> None:  # noqa: PLR0912 - one case each
        match node:
            case ast.Import(names=names):
                for alias in names:
                    name = alias.asname or alias.name.partition(".")[0]
                    self._import(name, alias.name if alias.asname else name, node.lineno)
            case ast.ImportFrom(module=module, names=names, level=level):
                origin = f"{'.' * level}{module or ''}"
                for alias in names:
                    if alias.name == "*":
                        self._import_all(origin, node.lineno)
                    else:
                        name = alias.asname or alias.name
                        self._import(name, f"{origin}.{alias.name}", node.lineno)
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                self._bindings[name] += 1
            case ast.arg(arg=name):
                self._bindings[name] += 1
            case (
                ast.FunctionDef(name=name, args=given) | ast.AsyncFunctionDef(name=name, args=given)
            ):
                self._bindings[name] += 1
                self._parameters[name] = [each.arg for each in (*given.posonlyargs, *given.args)]
                self._note_arguments(node, given)
            case ast.Lambda(args=given):
                self._note_arguments(node, given)
            case ast.ClassDef(name=name):
                self._bindings[name] += 1
            case ast.ExceptHandler(name=str() as name) | ast.MatchAs(name=str() as name):
                self._bindings[name] += 1
            case ast.MatchStar(name=str() as name) | ast.MatchMapping(rest=str() as name):
                self._bindings[name] += 1
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._assign(target, value)
                    self._note_place(node, target)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign(target, value)
            case ast.NamedExpr(target=target, value=value):
                self._assign(target, value)
            case (
                ast.For(target=target, iter=source) | ast.comprehension(target=target, iter=source)
            ):
                own = [each.id for each in ast.walk(target) if isinstance(each, ast.Name)]
                given_names = [each.id for each in ast.walk(source) if isinstance(each, ast.Name)]
                self._same += [(name, other) for name in own[:4] for other in given_names[:20]]

    def _note_place(self, node: ast.AST, target: ast.expr) -> None:
        """Note the names of functions, and those that have no value in some runs."""
        if isinstance(target, ast.Name):
            place = self._scopes.of(node)
            if place.function:
                self._locals.add((place.function, target.id))
            if place.conditions:
                self._replaceable.add(target.id)

    def _note_arguments(self, node: ast.AST, given: ast.arguments) -> None:
        named = (*given.posonlyargs, *given.args, *given.kwonlyargs)
        self._arguments[id(node)] = {each.arg for each in named}

    def _import(self, name: str, full: str, line: int) -> None:
        # One of two imports of a name, as in `try` and `except`: that of a library counts.
        if self.imports.get(name) not in LIBRARY_OF:
            self.imports[name] = full
        self._bindings[name] += 1
        self._lines[name] = line

    def _import_all(self, origin: str, line: int) -> None:
        self.wildcards.append((origin, line))
        for full in LIBRARY_OF:
            module, _, name = full.rpartition(".")
            if module == origin:
                self._import(name, full, line)
                del self._lines[name]

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.assigned[target.id] = value
            root = root_of(value)
            if root:
                self._same.append((target.id, root))
        elif isinstance(target, ast.Attribute) and dotted(target):
            self._attributes.setdefault(dotted(target), []).append(value)

    def _read_change(self, node: ast.AST) -> None:
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr=attribute)):
                if attribute in MUTATORS:
                    self._changed.add(root_of(owner))
            case ast.Subscript(value=owner, ctx=ast.Store() | ast.Del()):
                self._changed.add(root_of(owner))
            case ast.AugAssign(target=ast.Name() | ast.Attribute() as owner):
                self._changed.add(root_of(owner))

    def _read_arguments(self, call: ast.Call) -> None:
        """A function of this file may change what it is given, by the name of its parameter."""
        if not isinstance(call.func, ast.Name):
            return
        names = self._parameters.get(call.func.id, [])
        for name, argument in zip(names, call.args, strict=False):
            if root_of(argument):
                self._same.append((name, root_of(argument)))
        for keyword in call.keywords:
            if keyword.arg in names and root_of(keyword.value):
                self._same.append((keyword.arg, root_of(keyword.value)))

    def _spread_changes(self) -> None:
        """What changes a container under one of its names changes it under all."""
        neighbours: dict[str, set[str]] = {}
        for one, other in self._same:
            neighbours.setdefault(one, set()).add(other)
        waiting = list(self._changed)
        while waiting:
            for name in neighbours.get(waiting.pop(), ()):
                if name not in self._changed:
                    self._changed.add(name)
                    waiting.append(name)

    def constant(self, name: str) -> ast.expr | None:
        """What a name is assigned, if that happens once and it is not changed afterwards."""
        if self._bindings[name] != 1 or name in self._changed:
            return None
        value = self.assigned.get(name)
        return None if value is None or self._comes_from_all(name, value) else value

    def _comes_from_all(self, name: str, value: ast.expr) -> bool:
        """Whether `import *` of some module may give a name its value."""
        return any(
            name in self._replaceable or line > value.lineno
            for module, line in self.wildcards
            if module not in MODULES
        )

    def made(self, name: str) -> ast.expr | None:
        """What makes the object of a name or of an attribute such as ``self.cors``.

        Other than that of a constant, its contents may change.
        """
        if "." in name:
            return self.attribute(name)
        return self.assigned.get(name) if self._bindings[name] == 1 else None

    def attribute(self, name: str) -> ast.expr | None:
        """What an attribute such as ``self.cors`` is assigned, if that happens once."""
        values = self._attributes.get(name, [])
        return values[0] if len(values) == 1 else None

    def is_imported(self, name: str) -> bool:
        """Whether a name, or the name that an attribute is of, comes from another file."""
        return name.partition(".")[0] in self.imports

    def is_parameter(self, name: str, function: int) -> bool:
        """Whether a name is given to a function, by the function's identity."""
        return name in self._arguments.get(function, ())

    def is_local(self, name: str, function: int) -> bool:
        """Whether a function assigns a name of its own, by the function's identity."""
        return (function, name) in self._locals

    def why_not(self, name: str) -> str:
        """Why a name is no constant."""
        if name in self.imports:
            return f"{name} comes from another file"
        if name in self._changed:
            return f"{name} is changed after it is assigned"
        if self._bindings[name] == 1 and name in self.assigned and self.wildcards:
            return f"{name} may come from a module of which all is imported"
        if self._bindings[name] > 1:
            return f"{name} is assigned in {self._bindings[name]} places"
        if any(name in names for names in self._arguments.values()):
            return f"{name} is given to a function"
        return f"{name} is not assigned in this file"

    def full_name(self, node: ast.expr) -> str:
        """The dotted name of an expression with its import in front, or ``""``.

        A name that is assigned another name once stands for that one.
        """
        parts: list[str] = []
        for _ in range(MAX_ALIASES):
            while isinstance(node, ast.Attribute):
                if len(parts) > MAX_PARTS:
                    return ""
                other = self.attribute(dotted(node)) if not parts else None
                if isinstance(other, (ast.Name, ast.Attribute)):
                    break
                other = None
                parts.append(node.attr)
                node = node.value
            else:
                if not isinstance(node, ast.Name):
                    return ""
                other = None if node.id in self.imports else self.made(node.id)
            if not isinstance(other, (ast.Name, ast.Attribute)):
                break
            node = other
        if not isinstance(node, ast.Name):
            return ""
        return ".".join([self.imports.get(node.id, node.id), *reversed(parts)])
