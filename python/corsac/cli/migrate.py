"""`corsac migrate`: find the CORS configuration of a project and say it in Corsac's terms."""

from __future__ import annotations

import io
import json
import sys
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from corsac._text import printable, safe_repr
from corsac.cli.ending import COULD_NOT_RUN, FINE, PROBLEMS
from corsac.cli.terminal import SEVERITIES, Output, Part, write_json, write_lines
from corsac.errors import CORSConfigProblem
from corsac.migrate.source.calls import find_configurations
from corsac.migrate.source.code import advice, snippet
from corsac.migrate.source.configurations import NOT_READ, Configuration
from corsac.migrate.source.files import Project, SourceFile, read_project
from corsac.migrate.source.patch import Patch, make_patch, unified_diff
from corsac.migrate.source.places import Place, find_places

__all__ = ["run"]

_MAX_TEXT = 2_000
_MAX_VALUE = 200

Line = tuple[Part | list[Part], str] | tuple[str]


@dataclass(frozen=True, slots=True)
class _Report:
    """What was found in all files."""

    project: Project
    places: Sequence[Place]
    found: Sequence[Configuration]

    def problems(self) -> list[CORSConfigProblem]:
        """What is said about all configurations."""
        return [problem for each in self.found for problem in each.problems]

    def exit_code(self, patch: Patch | None) -> int:
        """What the report means for a shell."""
        if self.project.unreadable:
            return COULD_NOT_RUN
        stays = patch is not None and bool(patch.reasons)
        has_problems = any(problem.severity != "info" for problem in self.problems())
        return PROBLEMS if stays or has_problems else FINE


def run(*, paths: Sequence[str], as_diff: bool, as_json: bool) -> int:
    """Read files and directories and print what was found; nothing is changed or run."""
    project = read_project(*(paths or ["."]))
    places = find_places(project.files)
    report = _Report(project, places, find_configurations(project.files, places))
    patch = make_patch(project, places, report.found) if as_diff else None
    if as_json:
        write_json(_as_json(report), sys.stdout)
    elif patch is not None:
        _write_diff(report, patch)
    else:
        out = Output(sys.stdout)
        for row in _as_text(report):
            out.row(*row)
    for path, reason in project.unreadable:
        line = f"corsac migrate: {printable(path, _MAX_VALUE)}: {printable(reason, _MAX_TEXT)}"
        write_lines([line], sys.stderr)
    return report.exit_code(patch)


def _as_text(report: _Report) -> Iterator[Line]:
    for each in report.found:
        place = f"{printable(each.file.path, _MAX_TEXT)}:{each.line}"
        yield "", f"{place}  {each.library}, {each.style}"
        for severity in SEVERITIES:
            for problem in each.problems:
                if problem.severity == severity:
                    yield ("",)
                    yield from _problem_lines(problem, place)
        yield ("",)
        yield from _code_lines(each)
    problems = report.problems()
    counts = [
        (sum(each.severity == severity for each in problems), severity) for severity in SEVERITIES
    ]
    tally = ", ".join(_counted(number, severity) for number, severity in counts if number)
    files = _counted(report.project.looked_at, "file")
    hidden = sum(each.style == NOT_READ for each in report.found)
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


def _code_lines(found: Configuration) -> Iterator[Line]:
    """The code to paste, without what is an error above, and what else to do."""
    lines, further = snippet(found), advice(found)
    if lines:
        yield "", f"With Corsac{', without what is an error above' if found.has_errors else ''}:"
        yield ("",)
    for line in lines:
        # A label, and so never broken.
        yield (f"    {printable(line, _MAX_TEXT)}" if line else "",)
    if lines and further:
        yield ("",)
    for sentence in further:
        yield "    ", sentence
    if lines or further:
        yield ("",)


def _shown(value: object) -> str:
    if isinstance(value, str) and len(value) > _MAX_VALUE:
        return f"{value[:_MAX_VALUE]!r}..."
    return printable(safe_repr(value), _MAX_VALUE)


def _counted(number: int, one: str) -> str:
    return f"{number} {one if number == 1 else f'{one}s'}"


def _write_diff(report: _Report, patch: Patch) -> None:
    """The patch on standard output, for ``git apply``; on a terminal nothing in it can steer it."""
    lines = [(path, line, f"left as it is: {text}") for path, line, text in patch.reasons]
    lines += ((path, line, f"note: {text}") for path, line, text in patch.notes)
    lines += (
        (each.file.path, each.line, str(problem))
        for each in report.found
        for problem in each.problems
        if problem.severity == "error"
    )
    for path, number, text in lines:
        shown = f"{printable(path, _MAX_TEXT)}:{number}: {printable(text, _MAX_TEXT)}"
        write_lines([shown], sys.stderr)
    for file, text in patch.texts.items():
        for line in unified_diff(file, text):
            if sys.stdout.isatty():
                write_lines([printable(line.rstrip("\r\n"), _MAX_TEXT)], sys.stdout)
            else:
                _write_raw(line, file)


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


def _as_json(report: _Report) -> dict[str, object]:
    return {
        "files": report.project.looked_at,
        "configurations": [_found_as_json(each) for each in report.found],
        "unreadable": [
            {"file": path, "reason": reason} for path, reason in report.project.unreadable
        ],
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
    """The value, or its ``repr`` if JSON has no such value."""
    try:
        json.dumps(value, allow_nan=False)
    except Exception:  # Any value may stand in another program's source.
        return safe_repr(value)
    return value
