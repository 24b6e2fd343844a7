"""`corsac check`: judge a configuration where it stands, before any request comes."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta

from corsac._text import in_words, printable, safe_repr
from corsac.asgi import root_path_owner
from corsac.cli.ending import COULD_NOT_RUN, FINE, PROBLEMS
from corsac.cli.terminal import SEVERITIES, Output, write_json, write_lines
from corsac.cli.user_code import ObjectName, SourceError, importable_from, load_object, place_of
from corsac.errors import CORSConfigError, CORSConfigProblem
from corsac.inspection import Applied, Search, find_layers
from corsac.options.files import SourceReading, read_environment, read_toml
from corsac.policy import CORSPolicy

__all__ = ["Report", "check", "run", "silent_log"]


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """What a check found."""

    source: str
    problems: tuple[CORSConfigProblem, ...] = ()
    # Of the outermost layer, if it is valid: the policy for all other paths, rules, routes.
    policy: CORSPolicy | None = None
    rules: tuple[tuple[str, CORSPolicy | None], ...] = ()
    routes: tuple[tuple[str, CORSPolicy | None], ...] = ()
    allows: tuple[str, ...] = ()
    root_path_owner: object = None  # The application that takes a part off paths itself.
    notes: tuple[str, ...] = ()
    place: str = ""  # Where the user's code made an invalid policy.
    failure: SourceError | None = None

    def count(self, severity: str) -> int:
        """Count the problems of a severity."""
        return sum(problem.severity == severity for problem in self.problems)

    def exit_code(self, *, strict: bool) -> int:
        """Give the exit code; with ``strict`` warnings count as problems."""
        if self.failure is not None:
            return COULD_NOT_RUN
        wrong = self.count("error") + (self.count("warning") if strict else 0)
        return PROBLEMS if wrong else FINE


def run(
    *, source: str | None, prefix: str | None, app_dir: str, strict: bool, as_json: bool
) -> int:
    """Check one source, print what was found and give the exit code."""
    report = check(source, prefix, app_dir)
    if as_json:
        write_json(_as_json(report), sys.stdout)
    elif report.failure is None:
        _write(Output(sys.stdout), report)
    if report.failure is not None:
        hint = f"; {report.failure.hint}" if report.failure.hint else ""
        message = printable(f"{report.failure.message}{hint}", _MAX_MESSAGE)
        write_lines([*report.failure.trace, f"corsac check: {message}"], sys.stderr)
    return report.exit_code(strict=strict)


def check(source: str | None, prefix: str | None, app_dir: str) -> Report:
    """Check one source; the arguments are those of `run`."""
    name = f"{prefix}* in the environment" if source is None else source
    with silent_log():
        try:
            return _examine(name, source, prefix or "", app_dir)
        except SourceError as error:
            problem = CORSConfigProblem(
                error.code, "error", "source", name, error.message, error.hint
            )
            return Report(name, (problem,), failure=error)


def _examine(name: str, source: str | None, prefix: str, app_dir: str) -> Report:
    if source is None:
        return _check_environment(name, os.environ, prefix)
    if source.endswith(".toml") or (os.path.exists(source) and not os.path.isdir(source)):
        return _check_toml(source)
    if ":" in source:
        return _check_object(source, app_dir)
    raise SourceError(
        "source.unclear",
        f"{source}: there is no such file",
        "give a TOML file (policy.toml), module:attribute (api:app), or --env for environment "
        "variables",
    )


@contextlib.contextmanager
def silent_log() -> Iterator[None]:
    """Drop what goes to the log: the same problems are about to be printed.

    A filter stays where it is when the user's code configures logging; levels and handlers do not.
    """
    logger = logging.getLogger("corsac")
    logger.addFilter(_drop)
    try:
        yield
    finally:
        logger.removeFilter(_drop)


def _drop(_: logging.LogRecord) -> bool:
    return False


def _check_toml(path: str) -> Report:
    if path.endswith(".py"):
        module = os.path.splitext(os.path.basename(path))[0]
        message = f"{path} is a Python file"
        raise SourceError("source.unclear", message, f"write {module}:app, or what it is named")
    try:
        reading = read_toml(path)
        for problem in reading.problems:
            if problem.code in {"source.unreadable", "source.syntax"}:
                raise SourceError(problem.code, f"{path}: {problem.message}", problem.hint)
        return _check_reading(path, reading)
    except (ValueError, RecursionError) as error:
        # The file's name, or a number or nesting in it, is beyond what Python reads and shows.
        summary = f"{path}: it cannot be read: {type(error).__name__}: {error}"
        raise SourceError("source.syntax", summary) from None


def _check_environment(name: str, environ: Mapping[str, str], prefix: str) -> Report:
    reading = read_environment(environ, prefix)
    if not reading.options and not reading.problems:
        message = f"no environment variable begins with {prefix}, so there is nothing to check"
        raise SourceError("source.nothing_found", message, f"set {prefix}ALLOW_ORIGINS")
    return _check_reading(name, reading)


def _check_reading(source: str, reading: SourceReading) -> Report:
    try:
        policy = CORSPolicy._of_source(reading)
    except CORSConfigError as error:
        return Report(source, error.problems)
    return Report(source, policy.problems, policy, allows=(_allowed(policy),))


def _check_object(source: str, app_dir: str) -> Report:
    name = ObjectName.parse(source)
    with importable_from(app_dir):
        try:
            found = load_object(name)
        except CORSConfigError as error:
            return Report(source, error.problems, place=place_of(error))
        search = find_layers(found)
        applied = [layer.read() for layer in search.around if layer.read is not None]
        if not applied:
            raise _nothing_found(source, found, search)
        problems = [*search.problems()]
        for number, each in enumerate(applied, 1):
            problems += _at(f"layer {number}: " if len(applied) > 1 else "", each)
        for layer in search.layers:
            if layer.path is not None and layer.read is not None:
                problems += _at(f"inside of {layer.path or '/'!r}: ", layer.read())
    allows = [
        f"layer {number}: {line}" if len(applied) > 1 else line
        for number, each in enumerate(applied, 1)
        for line in _layer_allows(each)
    ]
    if not all(each.is_valid() for each in applied):
        return Report(source, tuple(problems))
    first = applied[0]
    return Report(
        source,
        tuple(problems),
        first.policy,
        first.rules,
        first.routes,
        tuple(allows),
        root_path_owner(found),
        notes=tuple(search.notes()),
    )


def _at(place: str, applied: Applied) -> Iterator[CORSConfigProblem]:
    for problem in applied.problems:
        yield problem.replace(option=f"{place}{problem.option}")


def _nothing_found(source: str, found: object, search: Search) -> SourceError:
    others = [layer.name for layer in search.layers if not layer.is_corsac]
    hint = "name the object that Corsac wraps; of a mounted application, its own name"
    if others:
        hint = f"{in_words(others)} is not a part of Corsac and cannot be checked"
    elif inspect.isfunction(found) and not inspect.iscoroutinefunction(found):
        hint = f"if it is a function that makes the application, write {source}()"
    message = f"{source}: neither a CORSPolicy nor a CORSMiddleware in what was looked at"
    return SourceError("source.nothing_found", f"{message}: {in_words(search.looked_at, 20)}", hint)


def _layer_allows(layer: Applied) -> Iterator[str]:
    if not layer.routes and not layer.rules and layer.policy is not None:
        yield _allowed(layer.policy)
        return
    for places, name in ((layer.routes, "routes"), (layer.rules, "rules")):
        for pattern, policy in places[:_MAX_RULES]:
            allowed = "is left alone" if policy is None else _allowed(policy)
            yield f"{printable(pattern, _MAX_NAME)} {allowed}"
        if len(places) > _MAX_RULES:
            yield f"... and {len(places) - _MAX_RULES} more {name}"
    yield f"any other path {'is left alone' if layer.policy is None else _allowed(layer.policy)}"


def _allowed(policy: CORSPolicy) -> str:
    """Say in plain words what a policy allows."""
    guard = ["forged cross-origin writes are refused"] if policy.guard else []
    origins = _origins(policy)
    if not origins:
        return "; ".join(["allows no other origin", *guard])
    credentials = "with" if policy.allow_credentials else "without"
    methods = tuple(dict.fromkeys(("GET", "HEAD", "POST", *policy.allow_methods)))
    parts = [
        f"allows {in_words(origins)} {credentials} credentials",
        "any method" if "*" in methods else f"methods {in_words(methods)}",
    ]
    if "*" in policy.allow_headers:
        parts.append("any request header")
    elif policy.allow_headers:
        parts.append(f"request headers {in_words(policy.allow_headers)}")
    if "*" in policy.expose_headers:
        parts.append("pages read any response header")
    elif policy.expose_headers:
        parts.append(f"pages read {in_words(policy.expose_headers)}")
    return "; ".join([*parts, *_kept(policy.max_age), *guard])


def _origins(policy: CORSPolicy) -> list[str]:
    if "*" in policy.allow_origins:
        return ["any origin"]
    patterns = sum("*" in entry for entry in policy.allow_origins)
    exact = sum(1 for _ in policy.allow_origins) - patterns
    parts = [_counted(exact, "origin")] if exact else []
    if patterns:
        parts.append(_counted(patterns, "pattern of origins", "patterns of origins"))
    if policy.allow_origin_regex is not None:
        parts.append("those a regular expression matches")
    if policy.allow_origin_func is not None:
        parts.append("those a function accepts")
    return parts


def _kept(max_age: int | timedelta | None) -> list[str]:
    if max_age is None:
        return []
    seconds = int(max_age.total_seconds()) if isinstance(max_age, timedelta) else max_age
    return [f"preflights are kept {seconds} seconds" if seconds else "preflights are never kept"]


_MAX_RULES = 20
_MAX_NAME = 120
_MAX_VALUE = 200
_MAX_MESSAGE = 2000


def _write(out: Output, report: Report) -> None:
    place = f", made in {report.place}" if report.place else ""
    out.row("", printable(f"{report.source}{place}", _MAX_MESSAGE))
    for severity in SEVERITIES:
        for problem in report.problems:
            if problem.severity == severity:
                out.row()
                _write_problem(out, problem)
    out.row()
    for note in report.notes:
        out.row([("note", "warning"), "  "], printable(note, _MAX_MESSAGE))
    for line in report.allows:
        out.row("", line)
    counts = [(report.count(severity), severity) for severity in SEVERITIES]
    parts = [_counted(number, severity) for number, severity in counts if number]
    out.row("", ", ".join(parts) or "no problems")


def _write_problem(out: Output, problem: CORSConfigProblem) -> None:
    option = printable(problem.option, _MAX_NAME)
    # The name of an unknown option is its own value.
    value = "" if problem.value == problem.option else f": {_shown(problem.value)}"
    out.row([(problem.severity, problem.severity), "  "], f"{option}{value}  [{problem.code}]")
    out.row("  ", printable(problem.message, _MAX_MESSAGE))
    if problem.hint:
        out.row("  -> ", printable(problem.hint, _MAX_MESSAGE))


def _shown(value: object) -> str:
    if isinstance(value, str) and len(value) > _MAX_VALUE:
        return f"{value[:_MAX_VALUE]!r}..."
    return printable(safe_repr(value), _MAX_VALUE)


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def _as_json(report: Report) -> dict[str, object]:
    return {
        "source": report.source,
        "valid": report.count("error") == 0,
        "problems": [problem.as_dict() for problem in report.problems],
        "policy": None if report.policy is None else repr(report.policy),
    }
