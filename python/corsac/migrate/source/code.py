"""What to write in place of what was found: code to paste, and the patch of a project.

Code is laid out as a formatter would. In a patch all places of a library move to Corsac's names
together, or none does.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from corsac.foreign.starlette import STARLETTE_OPTIONS
from corsac.migrate.source.configurations import NOT_READ, READS_THE_RUN, Configuration
from corsac.migrate.source.files import Project, SourceFile, shown
from corsac.migrate.source.places import DJANGO_MIDDLEWARE, Place
from corsac.migrate.translation import READERS

__all__ = ["Patch", "advice", "make_patch", "snippet", "unified_diff"]

LINE_LENGTH = 88  # What most formatters are set to.
# The options of Starlette that mean the same here; it adds names to allow_headers.
_SAME_NAMES = frozenset(STARLETTE_OPTIONS) - {"allow_headers"}


@dataclasses.dataclass(frozen=True, slots=True)
class _Group:
    """Entries between a start such as ``"rules=["`` and an end, on one line if they fit."""

    start: str
    entries: Sequence[_Entry]
    end: str = ")"

    def __str__(self) -> str:
        return f"{self.start}{', '.join(map(str, self.entries))}{self.end}"

    def lines(self, indent: str = "", after: str = "") -> list[str]:
        """Return as many lines as it needs."""
        short = f"{indent}{self}{after}"
        if len(short) <= LINE_LENGTH or not self.entries:
            return [short]
        inner = f"{indent}    "
        lines = [f"{indent}{self.start}"]
        for each in self.entries:
            lines += each.lines(inner, ",") if isinstance(each, _Group) else [f"{inner}{each},"]
        return [*lines, f"{indent}{self.end}{after}"]


_Entry = str | _Group


def snippet(found: Configuration) -> list[str]:
    """Return the code to paste: imports and statements; empty if nothing can be written.

    What is an error in the configuration is left out.
    """
    if found.style == NOT_READ or found.translation is None:
        return []
    if found.library == "flask-cors":
        return _flask_code(found)
    if found.library == "django-cors-headers":
        return [] if found.unread else _django_code(found)
    expressions = {name: text for name, text in found.unread.items() if name in _SAME_NAMES}
    is_written = all(expressions.get(name) for name in found.unread)
    if not is_written or (found.library == "litestar" and found.unread):
        return []
    plain, rules = _arguments(found, expressions)
    target = _target(found)
    if found.style not in {"add_middleware", "Middleware"}:
        call = _Group("app = CORSMiddleware(", [target, *plain, *rules])
        names = "CORSMiddleware, CORSPolicy" if "CORSPolicy(" in str(call) else "CORSMiddleware"
        return [f"from corsac import {names}", "", *call.lines()]
    # In a line of its own: in `add_middleware` a mistake would be found by the first request only.
    policy = _Group("policy = CORSPolicy(", plain).lines()
    function = "Middleware" if found.style == "Middleware" else f"{target}.add_middleware"
    use = _Group(f"{function}(", ["CORSMiddleware", "policy=policy", *rules])
    return ["from corsac import CORSMiddleware, CORSPolicy", "", *policy, *use.lines()]


def advice(found: Configuration) -> str:
    """Say what to do beside pasting the code, or in its place; may be empty."""
    if found.style == NOT_READ:
        return ""
    if found.library == "django-cors-headers":
        first = "resolve the errors, and " if found.has_errors else ""
        last = "" if found.unread else ", or write CORSAC in their place"
        return (
            f"In MIDDLEWARE write corsac.django.CORSMiddleware for {DJANGO_MIDDLEWARE}; then "
            f"{first}keep the CORS_ settings{last}."
        )
    if found.unread and not snippet(found):
        return f"Not all of the options are literal: {READS_THE_RUN}."
    if found.style == "Middleware":
        return "Write it where the old one stands in the list of middleware."
    if found.library == "litestar":
        return "Leave out cors_config, and put the middleware around the application."
    return ""


def _target(found: Configuration) -> str:
    return found.target if found.target.replace(".", "").isidentifier() else "app"


def _flask_code(found: Configuration) -> list[str]:
    """Return the same call of `corsac.flask`, or one with a policy if the options have errors."""
    is_decorator = found.style == "cross_origin"
    name = "cross_origin" if is_decorator else "CORS"
    imports = [f"from corsac.flask import {name}", ""]
    call = f"@{name}" if is_decorator else name
    if found.node is not None and not found.has_errors:
        text = shown(found.node)
        if text and found.style != "init_app":
            text = f"{call}{text.removeprefix(shown(found.node.func))}"
        return [*imports, text] if text else []
    if found.unread:
        return []
    plain, rules = _arguments(found, {})
    given: list[_Entry] = [] if is_decorator else [_target(found)]
    if plain or not rules:
        given.append(_Group("policy=CORSPolicy(", plain))
    lines = _Group(f"{call}(", [*given, *rules]).lines()
    return ["from corsac import CORSPolicy", *imports, *lines]


def _django_code(found: Configuration) -> list[str]:
    plain, rules = _arguments(found, {}, '"{}": ')
    lines = _Group("CORSAC = {", [*plain, *rules], "}").lines()
    needs_policy = any("CORSPolicy(" in line for line in lines)
    return ["from corsac import CORSPolicy", "", *lines] if needs_policy else lines


def _arguments(
    found: Configuration, expressions: Mapping[str, str], assigns: str = "{}="
) -> tuple[list[_Entry], list[_Entry]]:
    """Return the options of a translation, with the expressions of others, and its rules."""
    assert found.translation is not None  # noqa: S101 - who calls this has one
    rules = found.translation.rules
    # A last rule that leaves all other paths alone stands for options that allow nobody.
    is_off = bool(rules) and rules[-1] == ("/*", None)
    options = {} if is_off else {**found.translation.options}
    arguments = _options({**options, **dict.fromkeys(expressions)}, expressions, assigns)
    if not rules:
        return arguments, []
    pairs: list[_Entry] = []
    for pattern, policy in rules[:-1] if is_off else rules:
        if policy is None:
            pairs.append(f"({_text(pattern)}, None)")
        else:
            call = _Group("CORSPolicy(", _options(policy._arguments(), {}, "{}="))
            pairs.append(_Group("(", [_text(pattern), call]))
    return arguments, [_Group(f"{assigns.format('rules')}[", pairs, "]")]


def _options(
    options: Mapping[str, Any], expressions: Mapping[str, str], assigns: str
) -> list[_Entry]:
    arguments: list[_Entry] = []
    for name, value in options.items():
        start = assigns.format(name)
        if isinstance(value, (list, tuple)):
            arguments.append(_Group(f"{start}[", [*map(_text, value)], "]"))
        else:
            arguments.append(f"{start}{expressions.get(name) or _text(value)}")
    return arguments


def _text(value: object) -> str:
    """Write a value with double quotes, and an expression without doubled backslashes."""
    if not isinstance(value, str):
        return repr(value)
    is_plain = value.isascii() and value.isprintable() and '"' not in value
    if is_plain and "\\" in value and not value.endswith("\\"):
        return f'r"{value}"'
    text = ascii(value)
    plain = text[1:-1]
    return f'"{plain}"' if '"' not in plain and "\\" not in plain else text


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
    """Return the lines of a patch that ``git apply`` takes in a directory."""
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
    plain = {*range(32, 127)} - {*b'"\\'}
    text = "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in data)
    return path if text == path else f'"{text}"'
