"""A file with its CORS configuration replaced, and the patch that makes it.

Only what can be replaced without a doubt is: a call of the middleware with its import, Django's
middleware by its name. For the rest the reason is given, and the file stays as it is.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import re
from collections.abc import Iterator, Sequence

from corsac.migrate.source_code import code_of, imports_of
from corsac.migrate.source_edits import Edit, Places
from corsac.migrate.source_found import Found, SourceFile
from corsac.migrate.source_litestar import LITESTAR_REASON, litestar_edits
from corsac.migrate.source_search import (
    DJANGO_MIDDLEWARE,
    FLASK_CLASSES,
    LITESTAR_CLASSES,
    STARLETTE_CLASSES,
)

__all__ = ["Patched", "patch", "unified_diff"]


@dataclasses.dataclass(frozen=True, slots=True)
class Patched:
    """What became of one file.

    Attributes:
        text: The new text; the old one if nothing was replaced.
        reasons: Why something was not replaced, each with its line.
    """

    text: str
    reasons: tuple[tuple[int, str], ...] = ()


_CLASSES = {
    "starlette": STARLETTE_CLASSES,
    "flask-cors": FLASK_CLASSES,
    "litestar": LITESTAR_CLASSES,
}


def patch(file: SourceFile, found: Sequence[Found]) -> Patched:
    """Replace the configurations of one file.

    Args:
        file: The file.
        found: Its configurations.
    """
    places = Places(file.text)
    edits: list[Edit] = []
    reasons: list[tuple[int, str]] = []
    for library in dict.fromkeys(each.library for each in found):
        own = [each for each in found if each.library == library]
        if library == "django-cors-headers":
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
        if reason and library == "flask-cors" and _drop_in_fits(own):
            edits += _drop_in_edits(places, file)
            continue
        if reason:
            reasons.append((own[0].line, reason))
            continue
        for each in own:
            edits.append(_call_edit(places, each))
        edits += _import_edits(places, file, own)
    edits += _django_edits(places, file)
    if any(each.library == "django-cors-headers" for each in found) and not edits:
        reasons.append((found[0].line, f"the name {DJANGO_MIDDLEWARE} is not in this file"))
    text = file.text
    newline = "\r\n" if "\r\n" in text else "\n"
    for edit in sorted(edits, key=lambda each: each.start, reverse=True):
        text = text[: edit.start] + edit.text.replace("\n", newline) + text[edit.end :]
    return Patched(text, tuple(reasons))


def _why_not(file: SourceFile, found: Sequence[Found]) -> str:  # noqa: PLR0911 - a reason each
    """Why the configurations of one library are left as they are, or ``""``."""
    classes = _CLASSES[found[0].library]
    for each in found:
        if each.style in {"subclass", "cross_origin", "init_app"}:
            return {
                "subclass": "the class overrides methods of the old middleware; replace it by hand",
                "cross_origin": "the options of a decorator have errors; resolve them, then import "
                "cross_origin from corsac.flask",
                "init_app": "the options have errors; resolve them, then import CORS from "
                "corsac.flask",
            }[each.style]
        if "**" in each.unseen:
            return "the options are put together elsewhere; replace the call by hand"
        if "resources" in each.unseen:
            return "a part of resources is computed; replace the call by hand"
        if any(v.reason.startswith("app.config is filled") for v in each.unseen.values()):
            return "app.config is filled elsewhere; import CORS from corsac.flask"
        made = file.names.constant(each.target)
        if isinstance(made, ast.Call) and file.names.full_name(made.func).endswith("Blueprint"):
            return "a blueprint has no wsgi_app; put the middleware around the application"
    if len({each.target for each in found}) != len(found):
        return "one application has several CORS layers; remove all but one first"
    references = _references(file, classes)
    calls = {id(each.node.func) for each in found if each.node}
    calls |= {id(each.node.args[0]) for each in found if each.node and each.node.args}
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


def _drop_in_fits(found: Sequence[Found]) -> bool:
    """Whether `corsac.flask`, which takes flask-cors's options, takes these."""
    return all(
        "**" not in each.unseen and all(p.severity != "error" for p in each.all_problems())
        for each in found
    )


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
        yield Edit(*places.span(node), f"\n{indent}".join(lines))


def _django_edits(places: Places, file: SourceFile) -> Iterator[Edit]:
    """Django's own settings name the middleware and the app as texts in lists."""
    replaced = {DJANGO_MIDDLEWARE: "corsac.django.CORSMiddleware", "corsheaders": "corsac.django"}
    for node in ast.walk(file.tree):
        if not isinstance(node, (ast.List, ast.Tuple)):
            continue
        for entry in node.elts:
            if isinstance(entry, ast.Constant) and entry.value in replaced:
                start, end = places.span(entry)
                quote = "'" if places.text[start] == "'" else '"'
                yield Edit(start, end, f"{quote}{replaced[entry.value]}{quote}")


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
