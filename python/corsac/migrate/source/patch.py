"""The patch of a project: all places of a library move to Corsac's names together, or none does."""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
from collections.abc import Iterable, Sequence

from corsac.migrate.source.configurations import READS_THE_RUN, Configuration
from corsac.migrate.source.files import Project, SourceFile
from corsac.migrate.source.places import Place
from corsac.migrate.translation import READERS

__all__ = ["Patch", "make_patch", "unified_diff"]

_NEEDED = {
    "starlette": "corsac",
    "flask-cors": "corsac[flask]",
    "django-cors-headers": "corsac[django]",
}


Remark = tuple[Place | Configuration, str]


@dataclasses.dataclass(slots=True)
class Patch:
    """The new texts of files, why libraries stay, and what to know about those that move."""

    texts: dict[SourceFile, str] = dataclasses.field(default_factory=dict)
    reasons: list[Remark] = dataclasses.field(default_factory=list)
    notes: list[Remark] = dataclasses.field(default_factory=list)


def make_patch(project: Project, places: Sequence[Place], found: Iterable[Configuration]) -> Patch:
    """Move each library of which all is understood."""
    patch = Patch()
    edits: dict[SourceFile, list[tuple[int, int, str]]] = {}
    found = list(found)
    for library in dict.fromkeys(place.library for place in places):
        own = [place for place in places if place.library == library]
        configurations = [each for each in found if each.library == library]
        if reasons := _why_not(project, own, configurations):
            patch.reasons += reasons
            continue
        for place in own:
            edits.setdefault(place.file, []).extend(place.edits)
        patch.notes += _notes(project, own[0], configurations)
    for file, all_of_them in edits.items():
        text = file.text
        for start, end, new in sorted(all_of_them, reverse=True):
            text = text[:start] + new + text[end:]
        patch.texts[file] = text
    return patch


def _why_not(
    project: Project, places: Sequence[Place], found: Iterable[Configuration]
) -> list[Remark]:
    """Say why the places of one library stay as they are; empty if they can move."""
    reasons: list[Remark] = [(place, place.reason) for place in places if place.reason]
    is_django = places[0].library == "django-cors-headers"
    if is_django and not any(place.is_middleware for place in places):
        reason = "MIDDLEWARE is in none of the files, so the project would move in parts"
        reasons.append((places[0], reason))
    for each in found:
        if error := _error_of(each):
            reasons.append((each, f"Corsac refuses these options: {error}"))
    if project.unreadable:
        path, reason = project.unreadable[0]
        reason = f"another file may name the library, and cannot be read: {path}: {reason}"
        reasons.append((places[0], reason))
    return reasons


def _error_of(found: Configuration) -> str:
    """Say why the drop-in refuses the literal options, at the start or at a view, or ``""``.

    What is not read is taken for right.
    """
    if found.translation is None:
        return ""
    given = {**found.likely, **found.options}
    reading = READERS[found.library](given)
    # Keys that no file sets may come from the environment; they need not.
    is_default = found.unread.keys() <= {"app.config"}
    doubt = "unless app.config has other options, " if found.unread and is_default else ""
    for each in (reading, *(ruled for _, ruled in reading.rules if ruled is not None)):
        for problem in each.problems_for("drop-in"):
            is_read = problem.option in given
            if problem.severity == "error" and (is_default or is_read):
                return str(problem) if is_read else f"{doubt}{problem}"
    return ""


def _notes(project: Project, place: Place, found: Iterable[Configuration]) -> list[Remark]:
    needed = f"the program now needs {_NEEDED[place.library]}, with the extra re2 for expressions"
    notes: list[Remark] = [(place, needed)]
    if not project.is_whole:
        text = "places in files that were not named stay behind; name the project's directory"
        notes.append((place, text))
    for each in found:
        if each.unread:
            is_django = each.library == "django-cors-headers"
            check = "`manage.py check`" if is_django else READS_THE_RUN
            text = "not all of the options are literal; the program checks them when it starts"
            notes.append((each, f"{text}: {check}"))
    return notes


def unified_diff(file: SourceFile, after: str, directory: str) -> list[str]:
    """Return a patch that ``git apply`` takes, line by line with the line ends.

    Args:
        file: The file.
        after: Its new text.
        directory: The directory to apply the patch in.
    """
    path = os.path.relpath(os.path.realpath(file.path), directory).replace(os.sep, "/")
    old, new = _quoted(f"a/{path}"), _quoted(f"b/{path}")
    lines = difflib.unified_diff(_LINE.findall(file.text), _LINE.findall(after), old, new)
    found = [
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    ]
    return [f"diff --git {old} {new}\n", *found] if found else []


_LINE = re.compile(r"[^\n]*\n|[^\n]+")
"""A line as git divides them: at line feeds only."""


def _quoted(path: str) -> str:
    """Return a file's name as git writes it."""
    data = path.encode("utf-8", "surrogateescape")
    if all(32 <= byte < 127 and byte not in b'"\\' for byte in data):
        return path
    marks = {9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 92: "\\\\"}
    text = "".join(
        marks.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}") for byte in data
    )
    return f'"{text}"'
