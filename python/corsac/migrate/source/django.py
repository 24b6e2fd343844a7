"""Finds the settings of django-cors-headers, and says which of them hold in some runs only."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from typing import Any

from corsac.foreign.django_cors_headers import SETTINGS
from corsac.migrate.source.arguments import ArgumentReader
from corsac.migrate.source.found import WIDE, Found, Uncertain
from corsac.migrate.source.libraries import DJANGO_MIDDLEWARE
from corsac.migrate.source.names import MUTATORS
from corsac.migrate.source.scopes import Condition
from corsac.migrate.source.values import NOTHING, Unseen, expression_text

__all__ = ["find_settings", "names_middleware"]

MAX_BASES = 20
"""Classes of settings that derive from each other which are followed."""

_MARKS = frozenset({"INSTALLED_APPS", "MIDDLEWARE", "ROOT_URLCONF"})


@dataclasses.dataclass(frozen=True, slots=True)
class _Step:
    """One statement that sets or changes a setting.

    Attributes:
        name: The setting.
        value: Its new value, in terms of the old one.
        shown: What stands there.
        line: Where.
        conditions: What has to hold.
        owner: The class of settings that it stands in, or 0.
        is_change: Whether it changes a value that was there before.
    """

    name: str
    value: ast.expr
    shown: str
    line: int
    conditions: tuple[Condition, ...]
    owner: int
    is_change: bool


@dataclasses.dataclass(slots=True)
class _State:
    """What a setting is after some statements.

    Attributes:
        base: Its value where no condition is asked, or `NOTHING`.
        text: What stands there.
        line: Where.
        changed: Whether it was made in several steps.
        others: Its values where conditions hold.
    """

    base: Any = NOTHING
    text: str = ""
    line: int = 0
    changed: bool = False
    others: list[tuple[_Step, Any]] = dataclasses.field(default_factory=list)


def names_middleware(file_tree: ast.Module) -> int:
    """The line that names the middleware of django-cors-headers in a text, or 0."""
    for node in ast.walk(file_tree):
        if isinstance(node, ast.Constant) and node.value == DJANGO_MIDDLEWARE:
            return node.lineno
    return 0


def find_settings(reader: ArgumentReader, nodes: list[ast.AST]) -> Iterator[Found]:
    """The settings of a file; those of each class are a configuration of their own.

    Args:
        reader: Reads their values.
        nodes: The nodes of the file.
    """
    file = reader.file
    steps = sorted(_steps(reader, nodes), key=lambda each: each.line)
    # Settings may be divided into files; a constant of the same name elsewhere is none.
    is_settings = (
        "corsheaders" in file.text
        or "settings" in file.path
        or any(isinstance(node, ast.Name) and node.id in _MARKS for node in nodes)
    )
    modules = {name.partition(".")[0] for name in file.names.imports.values()}
    is_of_flask = not modules.isdisjoint({"flask_cors", "flask"})
    known = "corsheaders" in file.text or any(step.name in SETTINGS for step in steps)
    if not known or not is_settings or is_of_flask:
        return
    included = list(_included(reader, nodes))
    classes = {id(node): node for node in nodes if isinstance(node, ast.ClassDef)}
    for owner in dict.fromkeys(step.owner for step in steps):
        own = [step for step in steps if step.owner == owner]
        found = Found("django-cors-headers", "settings", file, own[0].line)
        inherited = _bases(classes, owner, found) if owner else []
        _read(reader, found, [step for step in steps if step.owner in inherited] + own)
        _note_wildcards(found)
        for line, text in included:
            reason = f"what it runs may set further settings; this is line {line}"
            found.unseen[text] = Unseen(text, reason, is_code=False)
        yield found


def _steps(reader: ArgumentReader, nodes: list[ast.AST]) -> Iterator[_Step]:
    scopes = reader.file.scopes
    shared = {
        (scopes.of(node).function, name)
        for node in nodes
        if isinstance(node, ast.Global)
        for name in node.names
    }
    for node in nodes:
        place = scopes.of(node)
        if not isinstance(node, ast.stmt):
            continue
        for name, value, shown in _changes(node):
            if not name.startswith("CORS_") or name == "CORS_":
                continue
            if not place.function:
                is_change = not isinstance(node, (ast.Assign, ast.AnnAssign))
                changes = is_change or isinstance(value, ast.Await) or _mentions(value, name)
                where = place.conditions
                yield _Step(name, value, shown, node.lineno, where, place.owner, changes)
            elif (place.function, name) in shared or (
                not isinstance(node, ast.FunctionDef)
                and not reader.file.names.is_local(name, place.function)
                and not reader.file.names.is_parameter(name, place.function)
            ):
                ran = Condition("that function has run", node.lineno, place.function, 0)
                where = (*place.conditions, ran)
                yield _Step(name, value, shown, node.lineno, where, 0, is_change=True)


def _mentions(value: ast.expr, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(value))


def _changes(  # noqa: PLR0912 - one shape each
    statement: ast.stmt,
) -> Iterator[tuple[str, ast.expr, str]]:
    """The names that a statement assigns or changes, the new values, and what stands there."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                if isinstance(target, ast.Name):
                    yield target.id, value, expression_text(value)
                elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                    for one, each in zip(target.elts, value.elts, strict=False):
                        if isinstance(one, ast.Name):
                            yield one.id, each, expression_text(each)
                elif isinstance(target, (ast.Tuple, ast.List)):
                    for one in target.elts:
                        if isinstance(one, ast.Name):
                            yield one.id, _computed(value), expression_text(value)
                elif isinstance(target, ast.Subscript):
                    yield from _of_namespace(target, value)
                    if isinstance(target.value, ast.Name):
                        shown = f"{expression_text(target)} = {expression_text(value)}"
                        yield target.value.id, _computed(target), shown
        case ast.FunctionDef(name=name):
            yield name, _computed(ast.copy_location(ast.Name(name, ast.Load()), statement)), name
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value, expression_text(value)
        case ast.AugAssign(target=ast.Name(id=name), op=operator, value=value):
            both = ast.BinOp(ast.Name(name, ast.Load()), operator, value)
            yield name, ast.copy_location(both, value), f"{name} + {expression_text(value)}"
        case ast.Expr(
            value=ast.Call(
                func=ast.Attribute(value=ast.Name(id=name), attr=method), args=arguments
            ) as call
        ) if method in MUTATORS:
            added: ast.expr | None = None
            if method == "append" and len(arguments) == 1:
                added = ast.List([arguments[0]], ast.Load())
            elif method == "insert" and len(arguments) == 2:
                added = ast.List([arguments[1]], ast.Load())
            elif method == "extend" and len(arguments) == 1:
                added = arguments[0]
            if added is None:
                yield name, _computed(call), expression_text(call)
            else:
                both = ast.BinOp(ast.Name(name, ast.Load()), ast.Add(), added)
                yield name, ast.copy_location(both, call), expression_text(call)
        case ast.Expr(value=ast.Call() as call):
            yield from _of_namespace_call(call)


def _of_namespace(target: ast.Subscript, value: ast.expr) -> Iterator[tuple[str, ast.expr, str]]:
    """``globals()["CORS_ALLOW_ALL_ORIGINS"] = True``."""
    match target:
        case ast.Subscript(
            value=ast.Call(func=ast.Name(id="globals" | "locals" | "vars")),
            slice=ast.Constant(value=str() as name),
        ):
            yield name, value, expression_text(value)


def _of_namespace_call(call: ast.Call) -> Iterator[tuple[str, ast.expr, str]]:
    """``globals().update(CORS_ALLOW_ALL_ORIGINS=True)``, ``settings.configure(...)``."""
    match call:
        case ast.Call(
            func=ast.Attribute(
                value=ast.Call(func=ast.Name(id="globals" | "locals" | "vars"))
                | ast.Name(id="settings"),
                attr="update" | "configure",
            ),
            args=arguments,
            keywords=keywords,
        ):
            for each in keywords:
                if each.arg:
                    yield each.arg, each.value, expression_text(each.value)
            for argument in arguments:
                if isinstance(argument, ast.Dict):
                    for key, value in zip(argument.keys, argument.values, strict=True):
                        if isinstance(key, ast.Constant) and isinstance(key.value, str):
                            yield key.value, value, expression_text(value)


def _computed(node: ast.expr) -> ast.expr:
    """An expression of the same place whose value is never seen."""
    return ast.copy_location(ast.Await(node), node)


def _bases(classes: dict[int, ast.ClassDef], owner: int, found: Found) -> list[int]:
    """The classes of this file from which one derives, outermost first."""
    by_name = {node.name: node for node in classes.values()}
    bases: list[int] = []
    waiting = [classes[owner]] if owner in classes else []
    while waiting and len(bases) < MAX_BASES:
        for base in waiting.pop().bases:
            name = expression_text(base)
            inner = by_name.get(name)
            if inner is not None and id(inner) not in bases and id(inner) != owner:
                bases.insert(0, id(inner))
                waiting.append(inner)
            elif inner is None and name.rpartition(".")[2] not in {"Configuration", "object"}:
                reason = f"the class derives from {name}, whose settings are added"
                found.unseen[name] = Unseen(name, reason, is_code=False)
    return bases


def _read(reader: ArgumentReader, found: Found, steps: list[_Step]) -> None:
    states: dict[str, _State] = {}
    for step in steps:
        state = states.setdefault(step.name, _State())
        bound = state.base
        if bound is NOTHING:
            bound = Unseen(step.name, "it is not set before, or under a condition only")
        reader.values.bound[step.name] = bound
        value = reader.values.of(step.value)
        if step.conditions:
            state.others.append((step, value))
        else:
            state.base, state.text, state.line = value, step.shown, step.line
            reader.values.bound[step.name] = value
            state.changed = step.is_change
            state.others = state.others if step.is_change else []
    reader.values.bound = {}
    for name, state in states.items():
        _note(reader, found, name, state)


def _note(reader: ArgumentReader, found: Found, name: str, state: _State) -> None:
    """Note what a setting is: all that it may be is judged, and the rest is said to be so."""
    judged = state.base
    for _, value in state.others:
        judged = _either(judged, value)
    is_plain = state.base is not NOTHING and not state.others and not state.changed
    text = state.text if is_plain else ""
    reader.set(found, name, judged, text)
    for step, _ in state.others:
        seen = found.options.get(name, NOTHING)
        reason = f"it depends on a condition; this is line {step.line}"
        found.unseen[name] = Unseen(name, reason, seen, is_code=False)
        when = " and ".join(map(str, step.conditions))
        found.uncertain.append(Uncertain(name, step.line, when, step.shown))
    if state.others:
        certain = _without_unseen(state.base)
        for _, value in state.others:
            certain = _in_both(certain, value)
        found.certain[name] = certain
        if state.base is not NOTHING and certain != state.base:
            found.uncertain.append(Uncertain(name, state.line, "none of these holds", state.text))
    elif isinstance(state.base, Unseen) and name in WIDE:
        found.certain[name] = NOTHING
        found.uncertain.append(Uncertain(name, state.line, f"{state.text} is true", state.text))


def _among(entries: list[Any], others: list[Any], *, wanted: bool) -> list[Any]:
    """The entries that are among others, or those that are not; lists may be long."""
    texts = {each for each in others if isinstance(each, str)}
    rest = [each for each in others if not isinstance(each, str)]
    return [
        each
        for each in entries
        if (each in texts if isinstance(each, str) else each in rest) is wanted
    ]


def _without_unseen(value: Any) -> Any:
    if isinstance(value, Unseen):
        return NOTHING
    if isinstance(value, list):
        return [each for each in value if not isinstance(each, Unseen)]
    return value


def _in_both(certain: Any, other: Any) -> Any:
    """What is so whichever of two values counts, or `NOTHING`."""
    other = _without_unseen(other)
    if isinstance(certain, list) and isinstance(other, list):
        return _among(certain, other, wanted=True)
    if isinstance(certain, bool) and isinstance(other, bool):
        return certain and other
    return certain if certain is not NOTHING and certain == other else NOTHING


def _either(one: Any, other: Any) -> Any:
    """A value that has all that is wrong with either."""
    if one is NOTHING:
        return other
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *_among(other, one, wanted=False)]
    if isinstance(one, bool) and isinstance(other, bool):
        return one or other
    return one if isinstance(other, Unseen) and other.default is NOTHING else other


def _included(reader: ArgumentReader, nodes: list[ast.AST]) -> Iterator[tuple[int, str]]:
    """The calls that run other files in the place of this one, with their lines."""
    for node in nodes:
        if isinstance(node, ast.Call):
            name = reader.file.names.full_name(node.func)
            if name in {"exec", "execfile", "split_settings.tools.include"}:
                yield node.lineno, f"{name.rpartition('.')[2]}(...)"


def _note_wildcards(found: Found) -> None:
    """Settings of other modules, which `import *` adds to these."""
    for module, line in found.file.names.wildcards:
        if module in {"corsheaders.defaults", "split_settings.tools"}:
            continue
        text = f"from {module} import *"
        reason = f"settings of that module count as well; this is line {line}"
        found.unseen[text] = Unseen(text, reason, is_code=False)
