"""Where in a program something stands: under which conditions, in which function and class."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterable, Iterator

__all__ = ["Condition", "Place", "Scopes"]

MAX_CONDITIONS = 20
"""Conditions around one place that are kept; deeper ones are the same to a reader."""

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)


@dataclasses.dataclass(frozen=True, slots=True)
class Condition:
    """One condition under which something happens.

    Attributes:
        text: The condition.
        line: Where it stands.
        statement: Of which statement or expression it is a branch.
        branch: Which branch.
    """

    text: str
    line: int
    statement: int
    branch: int

    def __str__(self) -> str:
        return f"{self.text} (line {self.line})"


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where something stands.

    Attributes:
        conditions: What has to hold, outermost first.
        function: The function around it, or 0 for none.
        owner: The class around it, or 0 for none.
    """

    conditions: tuple[Condition, ...] = ()
    function: int = 0
    owner: int = 0

    def excludes(self, other: Place) -> bool:
        """Whether only one of two places can be reached."""
        mine = {each.statement: each.branch for each in self.conditions}
        return any(
            mine.get(each.statement, each.branch) != each.branch for each in other.conditions
        )


class Scopes:
    """The places of all calls and statements of a file.

    Args:
        tree: The file.
    """

    def __init__(self, tree: ast.Module) -> None:
        self._places: dict[int, Place] = {}
        waiting: list[tuple[ast.AST, Place]] = [(tree, Place())]
        while waiting:
            node, place = waiting.pop()
            if isinstance(node, (ast.stmt, ast.Call)):
                self._places[id(node)] = place
            waiting += _inner(node, place)

    def of(self, node: ast.AST) -> Place:
        """The place of a call or a statement of the file."""
        return self._places.get(id(node), Place())


def _inner(node: ast.AST, place: Place) -> Iterator[tuple[ast.AST, Place]]:
    match node:
        case ast.If(test=test, body=body, orelse=other):
            yield test, place
            text = _text(test)
            yield from _block(body, _under(place, node, text, 0))
            yield from _block(other, _under(place, node, text, 1))
        case ast.IfExp(test=test, body=one, orelse=another):
            yield test, place
            text = _text(test)
            yield one, _under(place, node, text, 0)
            yield another, _under(place, node, text, 1)
        case ast.BoolOp(op=operator, values=[first, *others]):
            yield first, place
            branch = 0 if isinstance(operator, ast.And) else 1
            inside = _under(place, node, _text(first), branch)
            yield from ((each, inside) for each in others)
        case ast.Try(body=body, handlers=handlers, orelse=other, finalbody=last):
            yield from _block(body, _named(place, node, "what is tried succeeds", 0))
            yield from _block(other, _named(place, node, "what is tried succeeds", 0))
            for number, handler in enumerate(handlers, 1):
                kind = _text(handler.type) if handler.type else "an exception"
                where = _named(place, node, f"{kind} is caught", number)
                yield from _block(handler.body, where)
            yield from _block(last, place)
        case ast.Match(subject=subject, cases=cases):
            yield subject, place
            what = _text(subject)
            for number, case in enumerate(cases):
                text = f"{what} matches {_text(case.pattern)}"
                yield from _block(case.body, _named(place, node, text, number))
        case ast.While(test=test, body=body):
            yield test, place
            yield from _block(body, _under(place, node, _text(test), 0))
        case ast.ClassDef(body=body):
            yield from ((each, place) for each in (*node.decorator_list, *node.bases))
            yield from _block(body, dataclasses.replace(place, owner=id(node)))
        case _ if isinstance(node, _FUNCTIONS):
            inside = Place(place.conditions, id(node), place.owner)
            body = node.body if isinstance(node.body, list) else []
            yield from _block(body, inside)
            skipped = {id(each) for each in body}
            yield from (
                (each, inside if isinstance(node, ast.Lambda) else place)
                for each in ast.iter_child_nodes(node)
                if id(each) not in skipped
            )
        case (
            ast.Module(body=body)
            | ast.With(body=body)
            | ast.AsyncWith(body=body)
            | ast.For(body=body)
        ):
            yield from _block(body, place)
            skipped = {id(each) for each in body}
            yield from (
                (each, place) for each in ast.iter_child_nodes(node) if id(each) not in skipped
            )
        case _:
            yield from ((each, place) for each in ast.iter_child_nodes(node))


def _block(body: Iterable[ast.stmt], place: Place) -> Iterator[tuple[ast.AST, Place]]:
    """Statements in order; behind one that may leave the block, only what did not leave is."""
    for statement in body:
        yield statement, place
        match statement:
            case ast.If(test=test, body=[*_, last], orelse=[]) if isinstance(last, _LEAVES):
                place = _under(place, statement, _text(test), 1)


def _under(place: Place, node: ast.stmt | ast.expr, text: str, branch: int) -> Place:
    if branch and text.startswith("not "):
        text = text.removeprefix("not ")
    elif branch:
        is_name = text.replace(".", "").isidentifier()
        text = f"not {text}" if is_name else f"not ({text})"
    return _named(place, node, text, branch)


def _named(place: Place, node: ast.stmt | ast.expr, text: str, branch: int) -> Place:
    if len(place.conditions) >= MAX_CONDITIONS:
        return place
    condition = Condition(text, node.lineno, id(node), branch)
    return dataclasses.replace(place, conditions=(*place.conditions, condition))


def _text(node: ast.AST) -> str:
    """A condition on one line, not longer than one reads."""
    try:
        text = ast.unparse(node)
    except (RecursionError, ValueError):
        return "a long condition"
    return text if len(text) <= 100 else f"{text[:97]}..."
