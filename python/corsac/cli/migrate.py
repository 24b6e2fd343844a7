"""`corsac migrate`: find the CORS configuration of a project and say it in Corsac's terms."""

from __future__ import annotations

import io
import json
import sys
import tokenize
from collections.abc import Sequence

from corsac._text import in_words, printable, safe_repr
from corsac.cli.ending import COULD_NOT_RUN, FINE, PROBLEMS
from corsac.cli.terminal import (
    MAX_TEXT,
    SEVERITIES,
    Output,
    counted,
    tally,
    write_json,
    write_lines,
)
from corsac.migrate.source.calls import find_configurations
from corsac.migrate.source.code import Patch, advice, make_patch, snippet, unified_diff
from corsac.migrate.source.configurations import NOT_READ, Configuration
from corsac.migrate.source.files import Project, SourceFile, read_project
from corsac.migrate.source.places import find_places

__all__ = ["run"]

_MAX_VALUE = 200


def run(*, paths: Sequence[str], as_diff: bool, as_json: bool) -> int:
    """Print what files and directories configure, give the exit code; change and run nothing."""
    project = read_project(*(paths or ["."]))
    places = find_places(project.files)
    found = find_configurations(project.files, places)
    patch = make_patch(project, places, found) if as_diff else None
    if as_json:
        write_json(_as_json(project, found), sys.stdout)
    elif patch is not None:
        _write_diff(found, patch, project.directory)
    else:
        _write(Output(sys.stdout), project, found)
    if project.repositories:
        names = in_words(project.repositories)
        text = f"repositories of their own are not read unless they are named: {names}"
        write_lines([f"corsac migrate: note: {text}"], sys.stderr)
    for path, reason in project.unreadable:
        line = f"corsac migrate: {printable(path, _MAX_VALUE)}: {printable(reason, MAX_TEXT)}"
        write_lines([line], sys.stderr)
    if project.unreadable:
        return COULD_NOT_RUN
    stays = patch is not None and bool(patch.reasons)
    has_problems = any(it.severity != "info" for each in found for it in each.problems)
    return PROBLEMS if stays or has_problems else FINE


def _write(out: Output, project: Project, found: Sequence[Configuration]) -> None:
    for each in found:
        place = f"{printable(each.file.path, MAX_TEXT)}:{each.line}"
        out.row("", f"{place}  {each.library}, {each.style}")
        for problem in sorted(each.problems, key=lambda it: SEVERITIES.index(it.severity)):
            out.row()
            out.problem(problem, f"{place}: ")
        out.row()
        _write_code(out, each)
    problems = [problem for each in found for problem in each.problems]
    problems.sort(key=lambda it: SEVERITIES.index(it.severity))
    files = counted(project.looked_at, "file")
    hidden = sum(each.style == NOT_READ for each in found)
    if not found:
        out.row("", f"{files} read, no CORS configuration of another library")
    else:
        number = counted(len(found) - hidden, "configuration")
        told = tally([problem.severity for problem in problems]) or "no problems"
        unseen = f" and {counted(hidden, 'place')} that cannot be followed" if hidden else ""
        out.row("", f"{files} read, {number}{unseen}: {told}")
        out.more(problem.code for problem in problems)


def _write_code(out: Output, found: Configuration) -> None:
    """Write the code to paste, without what is an error above, and what else to do."""
    lines, further = snippet(found), advice(found)
    if lines:
        errors = ", without what is an error above" if found.has_errors else ""
        out.row("", f"With Corsac{errors}:")
        out.row()
    for line in lines:
        # A label, and so never broken.
        out.row(f"    {printable(line, MAX_TEXT)}" if line else "")
    if lines and further:
        out.row()
    if further:
        out.row("    ", further)
    if lines or further:
        out.row()


def _write_diff(found: Sequence[Configuration], patch: Patch, directory: str) -> None:
    """Write the patch for ``git apply``, or escaped to a terminal; and what stays, on stderr."""
    remarks = [(place, f"left as it is: {text}") for place, text in patch.reasons]
    remarks += ((place, f"note: {text}") for place, text in patch.notes)
    remarks += (
        (each, str(problem))
        for each in found
        for problem in each.problems
        if problem.severity == "error"
    )
    for place, text in remarks:
        shown = f"{printable(place.file.path, MAX_TEXT)}:{place.line}: {printable(text, MAX_TEXT)}"
        write_lines([shown], sys.stderr)
    for file, text in patch.texts.items():
        lines = unified_diff(file, text, directory)
        if sys.stdout.isatty():
            write_lines([printable(it.rstrip("\r\n"), MAX_TEXT) for it in lines], sys.stdout)
        else:
            _write_raw("".join(lines), file)


def _write_raw(text: str, file: SourceFile) -> None:
    """Write a patch as the bytes that the file has."""
    encoding = tokenize.detect_encoding(io.BytesIO(file.text.encode("utf-8")).readline)[0]
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        sys.stdout.write(text)
        return
    sys.stdout.flush()
    buffer.write(text.encode("utf-8" if encoding == "utf-8-sig" else encoding, "surrogateescape"))
    buffer.flush()


def _as_json(project: Project, found: Sequence[Configuration]) -> dict[str, object]:
    return {
        "files": project.looked_at,
        "configurations": [_found_as_json(each) for each in found],
        "repositories": project.repositories,
        "unreadable": [{"file": path, "reason": reason} for path, reason in project.unreadable],
    }


def _found_as_json(found: Configuration) -> dict[str, object]:
    translation = found.translation
    rules = () if translation is None else translation.rules
    return {
        "file": found.file.path,
        "line": found.line,
        "library": found.library,
        "style": found.style,
        "options": {name: _json_value(value) for name, value in found.options.items()},
        "unseen": found.unread,
        "problems": [problem.as_dict() for problem in found.problems],
        "corsac": {
            "options": {} if translation is None else dict(translation.options),
            "rules": [[path, None if policy is None else repr(policy)] for path, policy in rules],
            "valid": translation is not None and not (found.has_errors or found.unread),
            "code": "\n".join(snippet(found)),
        },
    }


def _json_value(value: object) -> object:
    """Give the value, or its ``repr`` if JSON has no such value."""
    try:
        json.dumps(value, allow_nan=False)
    except Exception:  # Any value may stand in another program's source.
        return safe_repr(value)
    return value
