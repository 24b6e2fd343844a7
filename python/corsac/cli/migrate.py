"""`corsac migrate`: find the CORS configuration of a project and say it in Corsac's terms."""

from __future__ import annotations

import ast
import dataclasses
import io
import json
import os
import stat
import sys
import tokenize
import warnings
from collections.abc import Iterator, Sequence

from corsac._text import printable, safe_repr
from corsac.cli.ending import COULD_NOT_RUN, FINE, PROBLEMS
from corsac.cli.terminal import SEVERITIES, Output, Part, write_json, write_lines
from corsac.errors import CORSConfigProblem
from corsac.migrate.source.code import keeps_call, snippet
from corsac.migrate.source.found import NOT_SEEN, Found, SourceFile, is_stand_in, without_stand_ins
from corsac.migrate.source.libraries import DJANGO_MIDDLEWARE
from corsac.migrate.source.names import Names
from corsac.migrate.source.patch import Patched, patch, unified_diff
from corsac.migrate.source.project import finish
from corsac.migrate.source.scopes import Scopes
from corsac.migrate.source.search import find_configurations
from corsac.policy import CORSPolicy

__all__ = ["run"]

MAX_FILE_BYTES = 2_000_000
"""A larger file is not read: nobody wrote it by hand."""

SKIPPED_DIRECTORIES = frozenset(
    {"__pycache__", "build", "dist", "node_modules", "site-packages", "venv", "env"}
)
"""Directories of other people's code; those whose name begins with a dot are skipped as well."""

_MAX_TEXT = 2_000
_MAX_VALUE = 200


class _UnreadableError(Exception):
    """A file that cannot be read, with the reason."""


@dataclasses.dataclass(slots=True)
class _Report:
    """What was found in all files.

    Attributes:
        found: The configurations, by file and line.
        files: The files that mention CORS.
        unreadable: Paths that could not be read, with the reason.
        looked_at: How many files there were.
    """

    found: list[Found] = dataclasses.field(default_factory=list)
    files: list[SourceFile] = dataclasses.field(default_factory=list)
    unreadable: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    looked_at: int = 0

    def exit_code(self) -> int:
        """What the report means for a shell."""
        if self.unreadable:
            return COULD_NOT_RUN
        problems = [problem for each in self.found for problem in each.all_problems()]
        return PROBLEMS if any(problem.severity != "info" for problem in problems) else FINE


def run(*, paths: Sequence[str], as_diff: bool, as_json: bool) -> int:
    """Read files and directories and print what was found; nothing is changed or run.

    Args:
        paths: Files and directories; the current directory if there is none.
        as_diff: Whether to write a patch.
        as_json: Whether to write JSON.

    Returns:
        The exit code.
    """
    report = _read(paths or ["."])
    _write(report, as_diff=as_diff, as_json=as_json)
    return report.exit_code()


def _write(report: _Report, *, as_diff: bool, as_json: bool) -> None:
    if as_json:
        write_json(_as_json(report), sys.stdout)
    elif as_diff:
        _write_diff(report)
    else:
        out = Output(sys.stdout)
        for row in _as_text(report):
            out.row(*row)
    for path, reason in report.unreadable:
        line = f"corsac migrate: {printable(path, _MAX_VALUE)}: {printable(reason, _MAX_TEXT)}"
        write_lines([line], sys.stderr)


def _read(paths: Sequence[str]) -> _Report:
    report = _Report()
    seen: set[str] = set()
    for path in paths:
        for name in _python_files(path, report):
            real = os.path.realpath(name)
            if real in seen:
                continue
            seen.add(real)
            report.looked_at += 1
            try:
                file = _read_file(name)
                if file is not None:
                    report.files.append(file)
                    report.found += find_configurations(file)
            except _UnreadableError as error:
                report.unreadable.append((name, str(error)))
            except (RecursionError, MemoryError):
                report.unreadable.append((name, "its expressions are nested too deeply"))
    report.found = finish(report.files, report.found)
    return report


def _python_files(path: str, report: _Report) -> Iterator[str]:
    """The files to read, in the order of their names; links to directories are not followed."""
    if not os.path.isdir(path):
        yield path
        return

    def note(error: OSError) -> None:
        reason = error.strerror or type(error).__name__
        report.unreadable.append((str(error.filename), f"the directory cannot be read: {reason}"))

    for directory, inner, files in os.walk(path, onerror=note):
        inner[:] = sorted(
            name for name in inner if name not in SKIPPED_DIRECTORIES and name[:1] != "."
        )
        for name in sorted(files):
            full = os.path.join(directory, name)
            if name.endswith(".py") and os.path.isfile(full):
                yield os.path.relpath(full) if path == "." else full


def _read_file(path: str) -> SourceFile | None:
    """One file, or ``None`` if it does not mention CORS.

    Raises:
        _UnreadableError: It cannot be read, or is no Python.
    """
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise _UnreadableError("it is not a file")
        if status.st_size > MAX_FILE_BYTES:
            raise _UnreadableError(f"it has more than {MAX_FILE_BYTES} bytes")
        with open(path, "rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:  # A path that holds a NUL is a ValueError.
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise _UnreadableError(f"it cannot be read: {reason}") from None
    if b"cors" not in content.lower():
        return None
    text = _decode(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of the other program's doubtful escapes.
            tree = ast.parse(text.removeprefix("\ufeff"), filename="<source>")
    except SyntaxError as error:
        raise _UnreadableError(f"line {error.lineno or 1}: {error.msg}") from None
    except ValueError as error:
        raise _UnreadableError(f"it is no Python: {error}") from None
    except (RecursionError, MemoryError):
        raise _UnreadableError("its expressions are nested too deeply") from None
    scopes = Scopes(tree)
    return SourceFile(path, text, tree, Names(tree, scopes), scopes)


def _decode(content: bytes) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        # "utf-8-sig" would drop the mark, and a patch has to keep it.
        return content.decode("utf-8" if encoding == "utf-8-sig" else encoding)
    except SyntaxError as error:
        raise _UnreadableError(f"line 1: {error.msg}") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _UnreadableError(f"line {line}: it is not {error.encoding}") from None
    except (LookupError, ValueError) as error:  # A codec that gives no text, or refuses all.
        raise _UnreadableError(f"line 1: {error}") from None


# What is printed


Line = tuple[Part | list[Part], str] | tuple[str]
"""A label, and what stands beside it; see `corsac.cli.terminal.Output.row`."""


def _as_text(report: _Report) -> Iterator[Line]:
    for each in report.found:
        place = f"{printable(each.file.path, _MAX_TEXT)}:{each.line}"
        where = "".join(f", only where {condition}" for condition in each.conditions)
        yield "", f"{place}  {each.library}, {each.style}{printable(where, _MAX_TEXT)}"
        for severity in SEVERITIES:
            for problem in each.all_problems():
                if problem.severity == severity:
                    yield ("",)
                    yield from _problem_lines(problem, place)
        yield ("",)
        if each.style != NOT_SEEN:
            yield from _code_lines(each)
            yield ("",)
    problems = [problem for each in report.found for problem in each.all_problems()]
    counts = [
        (sum(each.severity == severity for each in problems), severity) for severity in SEVERITIES
    ]
    tally = ", ".join(_counted(number, severity) for number, severity in counts if number)
    files = _counted(report.looked_at, "file")
    hidden = sum(each.style == NOT_SEEN for each in report.found)
    if not report.found:
        yield "", f"no CORS configuration found in {files}"
    else:
        number = _counted(len(report.found) - hidden, "configuration")
        places = f" and {_counted(hidden, 'place')} that cannot be followed" if hidden else ""
        yield "", f"{number}{places} in {files}: {tally or 'no problems'}"


def _problem_lines(problem: CORSConfigProblem, place: str) -> Iterator[Line]:
    option = printable(problem.option, _MAX_VALUE)
    value = "" if problem.value == problem.option else f": {_shown(problem.value)}"
    severity = (problem.severity, problem.severity)
    yield [f"{place}: ", severity, "  "], f"{option}{value}  [{problem.code}]"
    yield "  ", printable(problem.message, _MAX_TEXT)
    if problem.hint:
        yield "  -> ", printable(problem.hint, _MAX_TEXT)


def _code_lines(found: Found) -> Iterator[Line]:
    """The code to paste; what is an error above is left out of it."""
    translation = found.translation
    if translation is not None and translation.has_errors and not keeps_call(found):
        yield "", "With Corsac, without what is an error above:"
    else:
        yield "", "With Corsac:"
    yield ("",)
    for line in snippet(found):
        # A label, and so never broken.
        yield (f"    {printable(line, _MAX_TEXT)}" if line else "",)
    if found.library == "django-cors-headers":
        yield ("",)
        first = "resolve the errors, and " if translation and translation.has_errors else ""
        yield (
            "    ",
            f"In MIDDLEWARE write corsac.django.CORSMiddleware for {DJANGO_MIDDLEWARE}; then "
            f"{first}keep the CORS_ settings, or write CORSAC in their place.",
        )
    elif found.style == "cross_origin":
        yield ("",)
        yield "    ", "Or keep the decorator: from corsac.flask import cross_origin"


def _shown(value: object) -> str:
    if isinstance(value, str) and len(value) > _MAX_VALUE:
        return f"{value[:_MAX_VALUE]!r}..."
    return printable(safe_repr(value), _MAX_VALUE)


def _counted(number: int, one: str) -> str:
    return f"{number} {one if number == 1 else f'{one}s'}"


def _write_diff(report: _Report) -> None:
    """The patch on standard output, for ``git apply``; on a terminal nothing in it can steer it."""
    to_people = sys.stdout.isatty()
    for file in report.files:
        found = [each for each in report.found if each.file is file]
        changed = _patched(file, found, report.found)
        shown = printable(file.path, _MAX_TEXT)
        for line, reason in changed.reasons:
            text = printable(reason, _MAX_TEXT)
            write_lines([f"{shown}:{line}: left as it is: {text}"], sys.stderr)
        for line, note in changed.notes:
            write_lines([f"{shown}:{line}: note: {printable(note, _MAX_TEXT)}"], sys.stderr)
        if changed.text == file.text:
            continue
        for problem in (problem for each in found for problem in each.all_problems()):
            if problem.severity == "error":
                place = f"{printable(file.path, _MAX_TEXT)}:{found[0].line}"
                write_lines([f"{place}: {printable(str(problem), _MAX_TEXT)}"], sys.stderr)
        path = os.path.relpath(os.path.realpath(file.path)).replace(os.sep, "/")
        for line_of_patch in unified_diff(path, file.text, changed.text):
            if to_people:
                write_lines([printable(line_of_patch.rstrip("\r\n"), _MAX_TEXT)], sys.stdout)
            else:
                _write_raw(line_of_patch, file)


def _write_raw(line: str, file: SourceFile) -> None:
    """Write a line of a patch as the bytes that the file has."""
    encoding = tokenize.detect_encoding(io.BytesIO(file.text.encode("utf-8")).readline)[0]
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        sys.stdout.write(line)
        return
    sys.stdout.flush()
    buffer.write(line.encode("utf-8" if encoding == "utf-8-sig" else encoding, "surrogateescape"))
    buffer.flush()


def _patched(file: SourceFile, found: Sequence[Found], project: Sequence[Found]) -> Patched:
    try:
        return patch(file, found, project)
    except (RecursionError, MemoryError):
        return Patched(file.text, ((1, "its expressions are nested too deeply"),))


def _as_json(report: _Report) -> dict[str, object]:
    return {
        "files": report.looked_at,
        "configurations": [_found_as_json(each) for each in report.found],
        "unreadable": [{"file": path, "reason": reason} for path, reason in report.unreadable],
    }


def _found_as_json(found: Found) -> dict[str, object]:
    translation = found.translation
    return {
        "file": found.file.path,
        "line": found.line,
        "library": found.library,
        "style": found.style,
        "conditions": [str(condition) for condition in found.conditions],
        "options": {
            name: _json_value(without_stand_ins(value)) for name, value in found.options.items()
        },
        "unseen": {name: value.text for name, value in found.unseen.items()},
        "problems": [problem.as_dict() for problem in found.all_problems()],
        "corsac": {
            "options": {} if translation is None else dict(translation.options),
            "rules": []
            if translation is None
            else [
                [pattern, None if policy is None else _policy_text(policy)]
                for pattern, policy in translation.rules
            ],
            "valid": translation is not None and not translation.has_errors,
            "code": "\n".join(snippet(found)),
        },
    }


def _policy_text(policy: CORSPolicy) -> str:
    """A policy; origins that cannot be seen are left out."""
    text = repr(policy)
    for origin in policy.allow_origins:
        if is_stand_in(origin):
            text = text.replace(repr(origin), "'<not seen>'")
    return text


def _json_value(value: object) -> object:
    """The value, or its ``repr`` if JSON has no such value."""
    try:
        json.dumps(value, allow_nan=False)
    except Exception:  # Any value may stand in another program's source.
        return safe_repr(value)
    return value
