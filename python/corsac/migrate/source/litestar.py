"""litestar's CORS is an argument of the application; Corsac's middleware goes around it."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from corsac.migrate.source.code import code_of
from corsac.migrate.source.edits import Edit, Places
from corsac.migrate.source.found import Found, SourceFile

__all__ = ["LITESTAR_REASON", "litestar_edits"]

LITESTAR_REASON = (
    "litestar's own CORS is switched off by leaving out cors_config; wrap the application in "
    "CORSMiddleware by hand, as shown"
)
_APPLICATIONS = frozenset({"litestar.Litestar", "litestar.app.Litestar"})


def litestar_edits(places: Places, file: SourceFile, found: Sequence[Found]) -> list[Edit]:
    """Take the configuration out of the application, and put the middleware around it.

    Args:
        places: Where things stand.
        file: The file.
        found: The configurations of litestar in it.

    Returns:
        Nothing if that cannot be done without a doubt: more than one configuration or application,
        or an application that is used after it is made.
    """
    made = _applications(file)
    if len(found) != 1 or len(made) != 1 or found[0].node is None:
        return []
    statement, name, call = made[0]
    keyword = next((each for each in call.keywords if each.arg == "cors_config"), None)
    if keyword is None or any(_is_read(node, name) for node in ast.walk(file.tree)):
        return []
    edits = [_without(places, call, keyword)]
    config = keyword.value
    if isinstance(config, ast.Name):
        assignment = _assignment_of(file, config.id)
        reads = sum(_is_read(node, config.id) for node in ast.walk(file.tree))
        if assignment is None or assignment.value is not found[0].node or reads != 1:
            return []
        start, end = places.span(assignment)
        while end < len(places.text) and places.text[end] in "\r\n":
            end += 1
        edits.append(Edit(start, end, ""))
    elif config is not found[0].node:
        return []
    found[0].target = name
    _, end = places.span(statement)
    edits.append(Edit(end, end, "\n" + "\n".join(code_of(found[0]))))
    return edits


def _applications(file: SourceFile) -> list[tuple[ast.Assign, str, ast.Call]]:
    found = []
    for statement in file.tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
                if file.names.full_name(call.func) in _APPLICATIONS:
                    found.append((statement, name, call))
    return found


def _assignment_of(file: SourceFile, name: str) -> ast.Assign | None:
    for statement in file.tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=given)]) if given == name:
                return statement
    return None


def _is_read(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)


def _without(places: Places, call: ast.Call, keyword: ast.keyword) -> Edit:
    """An argument taken out of a call with the comma that belongs to it."""
    start = places.offset(keyword.lineno, keyword.col_offset)
    end = places.span(keyword.value)[1]
    arguments: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
    position = arguments.index(keyword)
    if position:
        before = arguments[position - 1]
        value = before.value if isinstance(before, ast.keyword) else before
        return Edit(places.span(value)[1], end, "")
    if len(arguments) > 1:
        after = arguments[1]
        return Edit(start, places.offset(after.lineno, after.col_offset), "")
    return Edit(start, end, "")
