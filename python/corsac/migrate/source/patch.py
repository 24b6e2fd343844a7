"""A file with its CORS configuration replaced, and the patch that makes it.

Only what can be replaced without a doubt is: a call of the middleware with its import, Django's
middleware by its name. For the rest the reason is given, and the file stays as it is.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import re
import warnings
from collections.abc import Iterator, Sequence

from corsac.migrate.source.code import code_of, imports_of
from corsac.migrate.source.drop_in import django_errors, flask_errors
from corsac.migrate.source.edits import Edit, Places
from corsac.migrate.source.found import NOT_SEEN, Found, SourceFile
from corsac.migrate.source.libraries import (
    DJANGO_MIDDLEWARE,
    FLASK_CLASSES,
    LITESTAR_CLASSES,
    STARLETTE_CLASSES,
)
from corsac.migrate.source.litestar import LITESTAR_REASON, litestar_edits
from corsac.migrate.source.values import TOO_LONG

__all__ = ["Patched", "patch", "unified_diff"]


@dataclasses.dataclass(frozen=True, slots=True)
class Patched:
    """What became of one file.

    Attributes:
        text: The new text; the old one if nothing was replaced.
        reasons: Why something was not replaced, each with its line.
        notes: What was replaced and still has to be looked at, each with its line.
    """

    text: str
    reasons: tuple[tuple[int, str], ...] = ()
    notes: tuple[tuple[int, str], ...] = ()


_GIVES_UP = ("rule.left_out", "rule.no_counterpart")
"""The codes that are errors where only somebody who knows the routes can write the rules."""

_CLASSES = {
    "starlette": STARLETTE_CLASSES,
    "flask-cors": FLASK_CLASSES,
    "litestar": LITESTAR_CLASSES,
}


def patch(  # noqa: PLR0912 - one library each
    file: SourceFile, found: Sequence[Found], project: Sequence[Found] = ()
) -> Patched:
    """Replace the configurations of one file.

    The result is Python if the file is; otherwise the file stays as it is.

    Args:
        file: The file.
        found: Its configurations.
        project: Those of all files.
    """
    places = Places(file.text)
    edits: list[Edit] = []
    reasons: list[tuple[int, str]] = []
    notes: list[tuple[int, str]] = []
    hidden = [each for each in found if each.style == NOT_SEEN]
    reasons += ((each.line, each.problems[0].message) for each in hidden)
    for library in dict.fromkeys(each.library for each in found):
        own = [each for each in found if each.library == library and each.style != NOT_SEEN]
        if library == "django-cors-headers" or not own:
            continue
        if library == "litestar":
            around = litestar_edits(places, file, own)
            edits += around
            if around:
                edits += _import_edits(places, file, own)
            else:
                reasons.append((own[0].line, LITESTAR_REASON))
            continue
        reason = _why_not(file, own)
        if reason and library == "flask-cors":
            # What is made here may be given an application, and options, in another file.
            elsewhere = [e for e in project if e.style == "init_app" and e.file is not file]
            errors = [error for each in (*own, *elsewhere) for error in flask_errors(each)]
            drop_in = [] if errors else list(_drop_in_edits(places, file))
            if drop_in:
                edits += drop_in
                notes += ((each.line, _NOTE) for each in own if each.unseen)
                continue
            if errors:
                reason = f"the options have errors; resolve them, then {_IMPORT}: {errors[0]}"
            elif all(each.style == "init_app" for each in own):
                reason = "nothing has to be changed here: CORS() is made in another file"
        if reason:
            reasons.append((own[0].line, reason))
            continue
        for each in own:
            edits.append(_call_edit(places, each))
        edits += _import_edits(places, file, own)
    _add_django(places, file, [*project] or [*found], edits, reasons, notes)
    text = file.text
    newline = "\r\n" if "\r\n" in text else "\n"
    for edit in sorted(edits, key=lambda each: each.start, reverse=True):
        text = text[: edit.start] + edit.text.replace("\n", newline) + text[edit.end :]
    fault = _fault(text) if edits else ""
    if fault:
        line = found[0].line if found else 1
        return Patched(file.text, (*reasons, (line, f"the patch would be no Python: {fault}")))
    return Patched(text, tuple(reasons), tuple(notes))


_IMPORT = "import the same names from corsac.flask"
_NOTE = (
    "a part of the options is not seen; corsac.flask reads them when the program starts, and "
    "refuses to start with what is unsafe: run `corsac check module:app`"
)


def _fault(text: str) -> str:
    """Why a text is no Python, or ``""``."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text.removeprefix("\ufeff"), filename="<source>")
    except SyntaxError as error:
        return f"line {error.lineno or 1}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return type(error).__name__
    return ""


def _add_django(  # noqa: PLR0917
    places: Places,
    file: SourceFile,
    project: Sequence[Found],
    edits: list[Edit],
    reasons: list[tuple[int, str]],
    notes: list[tuple[int, str]],
) -> None:
    """Rename Django's middleware, unless the settings would stop the start with the new one."""
    settings = [each for each in project if each.style == "settings"]
    own = [each for each in settings if each.file is file]
    renamed, others = _django_edits(places, file)
    line = own[0].line if own else _line_of(places, renamed)
    if not renamed:
        if own and not edits:
            reasons.append((line, f"the name {DJANGO_MIDDLEWARE} is not in this file"))
        return
    if others:
        message = f"line {others[0]} asks for the old name; replace both by hand"
        reasons.append((line, message))
        return
    for each in settings:
        errors = django_errors(each)
        if errors:
            where = "" if each.file is file else f" ({each.file.path}:{each.line})"
            start = "corsac.django would refuse to start with these settings"
            reasons.append((line, f"{start}{where}: {errors[0]}"))
            return
    edits += renamed
    if not settings or any(each.unseen for each in settings):
        notes.append(
            (
                line,
                "a part of the settings is not seen; corsac.django refuses to start with what is "
                "unsafe: run `manage.py check`",
            )
        )


def _line_of(places: Places, edits: Sequence[Edit]) -> int:
    return places.text.count("\n", 0, min((each.start for each in edits), default=0)) + 1


def _why_not(file: SourceFile, found: Sequence[Found]) -> str:  # noqa: PLR0911, PLR0912 - a reason each
    """Why the configurations of one library are left as they are, or ``""``."""
    classes = _CLASSES[found[0].library]
    for each in found:
        if each.style in {"subclass", "cross_origin", "init_app", "partial"}:
            return {
                "subclass": "the class overrides methods of the old middleware; replace it by hand",
                "partial": "the call is finished elsewhere; replace it by hand",
                "cross_origin": "the options of a decorator have errors; resolve them, then import "
                "cross_origin from corsac.flask",
                "init_app": "the options have errors; resolve them, then import CORS from "
                "corsac.flask",
            }[each.style]
        if "**" in each.unseen:
            return "the options are put together elsewhere; replace the call by hand"
        gives_up = [
            problem
            for problem in each.all_problems()
            if problem.code in _GIVES_UP and problem.severity == "error"
        ]
        if gives_up and each.library == "flask-cors":
            return str(gives_up[0])
        if {"resources", "CORS_RESOURCES"} & each.unseen.keys():
            return "a part of resources is computed; replace the call by hand"
        if each.keeps_call:
            return each.keeps_call
        if each.certain:
            return "a part of the options is not seen, or depends on a condition"
        if TOO_LONG in {each.target, *(value.text for value in each.unseen.values())}:
            return "the call is too long to be written again"
    if any(p.code == "middleware.several" for each in found for p in each.problems):
        return "one application has several CORS layers; remove all but one first"
    references = _references(file, classes)
    calls = {id(each.node.func) for each in found if each.node}
    for node in (each.node for each in found if each.node):
        calls |= {id(each) for each in (*node.args[:1], *(k.value for k in node.keywords))}
    if any(id(node) not in calls for node in references):
        return "the class is used for something else as well; replace it by hand"
    if any(not isinstance(node, ast.Name) for node in references):
        return "the class is named by its module; replace it by hand"
    statements = {id(each.value) for each in ast.walk(file.tree) if isinstance(each, ast.Expr)}
    if found[0].library == "flask-cors" and any(id(each.node) not in statements for each in found):
        return "the options have errors; resolve them, then import CORS from corsac.flask"
    taken = {"CORSMiddleware", "CORSPolicy"} & (set(file.names.assigned) | set(file.names.imports))
    own = {node.id for node in references if isinstance(node, ast.Name)}
    if taken - own:
        return f"the name {sorted(taken - own)[0]} means something else in this file"
    return ""


def _drop_in_edits(places: Places, file: SourceFile) -> Iterator[Edit]:
    """The import of flask-cors's names from `corsac.flask`."""
    names = {"CORS", "cross_origin"}
    for node in ast.walk(file.tree):
        if (
            isinstance(node, ast.ImportFrom)
            and node.module == "flask_cors"
            and names.issuperset(each.name for each in node.names)
        ):
            text = ast.unparse(ast.ImportFrom("corsac.flask", node.names, 0))
            yield Edit(*places.span(node), text)


def _references(file: SourceFile, classes: frozenset[str]) -> list[ast.expr]:
    found: list[ast.expr] = []
    for node in ast.walk(file.tree):
        if (
            isinstance(node, (ast.Name, ast.Attribute))
            and isinstance(node.ctx, ast.Load)
            and file.names.full_name(node) in classes
        ):
            found.append(node)
    return found


def _call_edit(places: Places, found: Found) -> Edit:
    node = found.node
    assert node is not None  # noqa: S101 - only settings have none
    indent = places.indent(node.lineno)
    return Edit(*places.span(node), "\n".join(code_of(found, indent)))


def _import_edits(places: Places, file: SourceFile, found: Sequence[Found]) -> Iterator[Edit]:
    classes = _CLASSES[found[0].library]
    needed: list[str] = []
    for each in found:
        for line in imports_of(each, code_of(each)):
            needed += [] if line in needed else [line]
    if any("CORSMiddleware, CORSPolicy" in line for line in needed):
        needed = [line for line in needed if line != "from corsac import CORSMiddleware"]
    for node in ast.walk(file.tree):
        if not isinstance(node, ast.ImportFrom):
            continue
        kept = [
            each for each in node.names if f"{node.module}.{each.name}" not in classes or node.level
        ]
        if len(kept) == len(node.names):
            continue
        indent = places.indent(node.lineno)
        lines = list(needed)
        if kept:
            lines.insert(0, ast.unparse(ast.ImportFrom(node.module, kept, node.level)))
        start, end = places.span(node)
        # Behind `try:` or another statement there is no line of its own for each.
        separator = f"\n{indent}" if places.is_alone(start, end) else "; "
        yield Edit(start, end, separator.join(lines))


def _django_edits(places: Places, file: SourceFile) -> tuple[list[Edit], list[int]]:
    """Django's own settings name the middleware and the app as texts in lists.

    Returns:
        The edits, and the lines that use the old names in another way.
    """
    replaced = {DJANGO_MIDDLEWARE: "corsac.django.CORSMiddleware", "corsheaders": "corsac.django"}
    edits: list[Edit] = []
    others: list[int] = []
    listed: set[int] = set()
    for node in ast.walk(file.tree):
        match node:
            case ast.List(elts=entries) | ast.Tuple(elts=entries):
                listed |= {id(each) for each in entries}
            case ast.Call(func=ast.Attribute(attr="append" | "insert"), args=arguments):
                listed |= {id(each) for each in arguments}
    for node in ast.walk(file.tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if node.value not in replaced:
            continue
        if id(node) not in listed:
            others.append(node.lineno)
            continue
        start, end = places.span(node)
        quote = "'" if places.text[start] == "'" else '"'
        edits.append(Edit(start, end, f"{quote}{replaced[node.value]}{quote}"))
    return edits, others


def unified_diff(path: str, before: str, after: str) -> list[str]:
    """A patch that ``git apply`` takes, line by line with the line ends.

    Args:
        path: The file, from where the patch is applied.
        before: What it holds.
        after: What it shall hold.
    """
    old, new = _quoted(f"a/{path}"), _quoted(f"b/{path}")
    lines = difflib.unified_diff(_lines(before), _lines(after), old, new)
    found = [f"diff --git {old} {new}\n"]
    for line in lines:
        found.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return found if len(found) > 1 else []


def _lines(text: str) -> list[str]:
    """Lines as git divides them: at line feeds only."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _quoted(path: str) -> str:
    """A file's name as git writes it."""
    data = path.encode("utf-8", "surrogateescape")
    if all(32 <= byte < 127 and byte not in b'"\\' for byte in data):
        return path
    marks = {9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 92: "\\\\"}
    text = "".join(
        marks.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}") for byte in data
    )
    return f'"{text}"'
