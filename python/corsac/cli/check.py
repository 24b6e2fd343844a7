"""`corsac check`: check a configuration where it stands, before any request comes."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import logging
import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from importlib import resources

from corsac._root_path import root_path_owner
from corsac._text import in_words, printable
from corsac.asgi import CORSMiddleware
from corsac.cli.ending import FINE, PROBLEMS, CommandError
from corsac.cli.terminal import (
    MAX_TEXT,
    SEVERITIES,
    Output,
    counted,
    tally,
    write_json,
    write_lines,
)
from corsac.cli.user_code import SourceError, importable_from, load_object, place_of
from corsac.configuration_file import Level, read_file
from corsac.errors import CORSConfigError, CORSConfigProblem
from corsac.hosts import problems_of_hosts
from corsac.inspection import Applied, Search, find_layers
from corsac.inspection.layers import configured, no_application
from corsac.inspection.mcp import problems_of_endpoints
from corsac.options.files import SourceReading, in_toml, read_environment
from corsac.options.guard import refused_by
from corsac.policy import CORSPolicy, problems_of
from corsac.several import Policies
from corsac.validation.fixes import apply_fixes

__all__ = ["Report", "check", "check_valid", "run", "silent_log", "write_schema"]

_NOTHING = Applied()
_ENVIRONMENT = "{}* in the environment"


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """What a check found."""

    source: str
    problems: tuple[CORSConfigProblem, ...] = ()
    outermost: Applied = _NOTHING  # The outermost layer, if all are valid.
    allows: tuple[str, ...] = ()
    root_path_owner: object = None  # The application that takes a part off paths itself.
    notes: tuple[str, ...] = ()
    place: str = ""  # Where the user's code made an invalid policy.
    levels: tuple[Level, ...] = ()  # Of a file or of the environment.

    @property
    def severities(self) -> list[str]:
        """The severity of each problem."""
        return [problem.severity for problem in self.problems]


def run(
    source: str | None,
    prefix: str | None,
    app_dir: str,
    *,
    strict: bool,
    as_json: bool,
    fix: bool = False,
) -> int:
    """Check one source, print what was found and give the exit code.

    ``source`` is a TOML file or ``module:attribute``, or ``None`` for the environment variables
    that begin with ``prefix``; modules are looked for in ``app_dir`` first. With ``fix`` the lines
    of the source to change are printed too.
    """
    failure = None
    try:
        report = check(source, prefix, app_dir)
    except SourceError as error:
        failure, name = error, _ENVIRONMENT.format(prefix) if source is None else source
        problem = CORSConfigProblem(error.code, "error", "source", name, error.message, error.hint)
        report = Report(name, (problem,))
    fixed = [*_fixed(report)] if fix else []
    if as_json:
        write_json(_as_json(report) | ({"fixed": fixed} if fix else {}), sys.stdout)
    elif failure is None:
        _write(Output(sys.stdout), report)
        lines = [_ONLY_CHANGES, *fixed] if fixed else [_NO_CHANGES]
        write_lines(["", *lines] if fix else [], sys.stdout)
    if failure is not None:
        write_lines([*failure.lines, f"corsac check: {failure}"], sys.stderr)
        return failure.exit_code
    wrong = {"error", "warning"} if strict else {"error"}
    return FINE if wrong.isdisjoint(report.severities) else PROBLEMS


def write_schema() -> int:
    """Print the JSON Schema of the file that is checked."""
    text = resources.files("corsac").joinpath("corsac.schema.json").read_text("utf-8")
    write_lines(text.splitlines(), sys.stdout)
    return FINE


def check(source: str | None, prefix: str | None, app_dir: str) -> Report:
    """Check one source, which may be a `SourceError`; the arguments are those of `run`."""
    with silent_log():
        if source is None:
            return _check_environment(prefix or "")
        if source.endswith(".toml") or (os.path.exists(source) and not os.path.isdir(source)):
            return _check_toml(source)
        if ":" in source:
            return _check_object(source, app_dir)
    hint = "give a TOML file (policy.toml), module:attribute (api:app), or --env for environment "
    raise SourceError("source.unclear", f"{source}: there is no such file", f"{hint}variables")


def check_valid(source: str | None, prefix: str | None, app_dir: str) -> Report:
    """Check one source as `check` does; errors in it are a `CommandError`."""
    report = check(source, prefix, app_dir)
    errors = [problem for problem in report.problems if problem.severity == "error"]
    if errors:
        message = f"{report.source} is invalid, so nothing is allowed by it; corsac check says more"
        lines = [printable(f"{it.option}: {it.message} [{it.code}]", MAX_TEXT) for it in errors]
        problems = [problem.as_dict() for problem in errors]
        raise CommandError(printable(message, MAX_TEXT), lines=lines, problems=problems)
    return report


@contextlib.contextmanager
def silent_log() -> Iterator[None]:
    """Drop what goes to the log: the same problems are about to be printed.

    A filter stays where it is when the user's code configures logging; levels and handlers do not.
    """
    logger, nobody = logging.getLogger("corsac"), logging.Filter("nobody")
    logger.addFilter(nobody)
    try:
        yield
    finally:
        logger.removeFilter(nobody)


def _check_toml(path: str) -> Report:
    if path.endswith(".py"):
        module = os.path.splitext(os.path.basename(path))[0]
        message = f"{path} is a Python file"
        raise SourceError("source.unclear", message, f"write {module}:app, or what it is named")
    try:
        file = read_file(path, CORSMiddleware.__new__(CORSMiddleware)._configure)
        for problem in file.problems:
            if problem.code in {"source.unreadable", "source.syntax"}:
                raise SourceError(problem.code, f"{path}: {problem.message}", problem.hint)
        if file.has_errors():
            return Report(path, file.problems, levels=file.levels)
        layer = configured(CORSMiddleware(no_application, **file.arguments))
        layer = dataclasses.replace(layer, problems=file.problems).with_hosts_checked()
        allows = tuple(_layer_allows(layer))
        return Report(path, layer.problems, layer, allows, levels=file.levels)
    except (ValueError, RecursionError) as error:
        # The file's name, or a number or nesting in it, is beyond what Python reads and shows.
        summary = f"{path}: it cannot be read: {type(error).__name__}: {error}"
        raise SourceError("source.syntax", summary) from None


def _check_environment(prefix: str) -> Report:
    reading = read_environment(os.environ, prefix)
    if not reading.options and not reading.problems:
        message = f"no environment variable begins with {prefix}, so there is nothing to check"
        raise SourceError("source.nothing_found", message, f"set {prefix}ALLOW_ORIGINS")
    source, levels = _ENVIRONMENT.format(prefix), (Level(reading),)
    try:
        policy = CORSPolicy._of_source(reading)
    except CORSConfigError as error:
        return Report(source, error.problems, levels=levels)
    return Report(source, policy.problems, Applied(policy), (_allowed(policy),), levels=levels)


def _check_object(source: str, app_dir: str) -> Report:
    with importable_from(app_dir):
        try:
            found = load_object(source)
        except CORSConfigError as error:
            return Report(source, error.problems, place=place_of(error))
        search = find_layers(found)
        followed, unread = _read_sources(search)
        applied = [layer.read() for layer in search.around if layer.read is not None]
        if not applied:
            raise _nothing_found(source, found, search)
        problems, allows = [*search.problems(), *unread], list[str]()
        for number, each in enumerate(applied, 1):
            place = f"layer {number}: " if len(applied) > 1 else ""
            problems += _at(place, each)
            allows += (f"{place}{line}" for line in _layer_allows(each))
        for layer in search.layers:
            if layer.path is not None and layer.read is not None:
                problems += _at(f"inside of {layer.path or '/'!r}: ", layer.read())
        if not all(each.is_valid() for each in applied):
            return Report(source, tuple(problems))
        problems += problems_of_endpoints(search, applied[0])
    return Report(
        source,
        tuple(problems),
        outermost=applied[0],
        allows=tuple(allows),
        root_path_owner=root_path_owner(found),
        notes=(*search.notes(), *followed),
    )


def _read_sources(search: Search) -> tuple[list[str], list[CORSConfigProblem]]:
    """Have what is followed in force until the command ends, and say what came of it."""
    notes: list[str] = []
    problems: list[CORSConfigProblem] = []
    for follower in search.followers:
        name = printable(follower.source.name, _MAX_NAME)
        reason = ""
        try:
            follower.start()
            follower.ready_or_failed()
        except RuntimeError as error:
            reason = str(error)
        status = follower.status
        skipped = counted(status.skipped, "entry", "entries")
        but = f" ({skipped} skipped)" if status.skipped else ""
        notes.append(f"follows {name}: {counted(status.origins, 'origin')}{but}, {status.state}")
        if status.state != "current":
            problem = CORSConfigProblem(
                "source.unreadable",
                "warning",
                "follower",
                name,
                f"its origins cannot be read: {reason or status.error or 'it does not answer'}",
                "the policy is its base alone until they can",
            )
            problems.append(problem)
    return notes, problems


def _at(place: str, applied: Applied) -> Iterator[CORSConfigProblem]:
    for problem in applied.problems:
        yield problem.replace(option=f"{place}{problem.option}")


def _nothing_found(source: str, found: object, search: Search) -> SourceError:
    others = [layer.name for layer in search.layers if not layer.is_corsac]
    hint = (
        "if it has Corsac, name the object that Corsac wraps, and of a mounted application its own "
        "name; if it has none yet, add corsac.starlette.install(app, ...), or wrap it"
    )
    if others:
        hint = f"{in_words(others)} is of another library: corsac migrate reads its configuration"
    elif inspect.isfunction(found) and not inspect.iscoroutinefunction(found):
        hint = f"if it is a function that makes the application, write {source}()"
    message = f"{source}: neither a CORSPolicy nor a CORSMiddleware in what was looked at"
    return SourceError("source.nothing_found", f"{message}: {in_words(search.looked_at, 20)}", hint)


def _layer_allows(layer: Applied) -> Iterator[str]:
    yield from _places_allow(layer)
    if layer.trial is not None:
        yield from (f"on trial: {line}" for line in _places_allow(layer.trial))


def _places_allow(layer: Applied) -> Iterator[str]:
    if layer.allowed_hosts is not None:
        yield f"requests for other hosts than {in_words(layer.allowed_hosts)} are refused"
    if not layer.routes and not layer.rules and layer.policy is not None:
        yield _allowed(layer.policy)
        return
    for places, name in ((layer.routes, "routes"), (layer.rules, "rules")):
        for pattern, policy in places[:_MAX_RULES]:
            yield f"{printable(pattern, _MAX_NAME)} {_allowed(policy)}"
        if len(places) > _MAX_RULES:
            yield f"... and {len(places) - _MAX_RULES} more {name}"
    yield f"any other path {_allowed(layer.policy)}"


def _allowed(policies: Policies | None) -> str:
    """Say in plain words what a policy allows, or each of several."""
    if policies is None:
        return "is left alone"
    if isinstance(policies, tuple):
        each = (f"policy {number} {_allows(it)}" for number, it in enumerate(policies, 1))
        return f"has several policies: {'. '.join(each)}"
    return _allows(policies)


def _allows(policy: CORSPolicy) -> str:
    guard = [*refused_by(policy.guard)]
    origins = [*_origins(policy)]
    if not origins:
        return "; ".join(["allows pages of its own origin only", *guard])
    credentials = "with" if policy.allow_credentials else "without"
    methods = tuple(dict.fromkeys(("GET", "HEAD", "POST", *policy.allow_methods)))
    parts = [f"allows {in_words(origins)} {credentials} credentials"]
    parts += ["any method" if "*" in methods else f"methods {in_words(methods)}"]
    for names, these, every in (
        (policy.allow_headers, "request headers", "any request header"),
        (policy.expose_headers, "pages read", "pages read any response header"),
    ):
        if names:
            parts.append(every if "*" in names else f"{these} {in_words(names)}")
    if policy.max_age is not None:
        kept = f"kept {policy.max_age} seconds" if policy.max_age else "never kept"
        parts.append(f"preflight answers are {kept}")
    return "; ".join([*parts, *guard])


def _origins(policy: CORSPolicy) -> Iterator[str]:
    if "*" in policy.allow_origins:
        yield "any origin"
        return
    entries = policy._listed(sys.maxsize)
    patterns = sum("*" in entry for entry in entries)
    if len(entries) > patterns:
        yield counted(len(entries) - patterns, "origin")
    if patterns:
        yield counted(patterns, "pattern of origins", "patterns of origins")
    if policy.allow_origin_regex is not None:
        yield "those a regular expression matches"
    if policy.allow_origin_func is not None:
        yield "those a function accepts"


def _fixed(report: Report) -> Iterator[str]:
    """Give the lines to change for the fixes of errors and warnings, in the words of the source.

    What does not change is not among them: it may be what only the source can say.
    """
    if not report.levels:
        yield from _fixed_arguments(report.problems)
    fixes = (problem.fix or {} for problem in report.problems if problem.severity != "info")
    paths = {name: path for fix in fixes for name, path in fix.items() if name.endswith(".path")}
    for level in report.levels:
        lines = [] if level.reading is None else [*_fixed_options(level.reading)]
        lines += _fixed_hosts(level.hosts)
        path = paths.get(f"{level.where}path", level.path)
        if path is not None and (lines or path != level.path):
            was = "" if path == level.path else f"  # instead of {in_toml(level.path)}"
            lines.insert(0, f"path = {in_toml(path)}{was}")
        if lines and level.header:
            yield level.header
        yield from lines


def _fixed_hosts(hosts: object) -> Iterator[str]:
    fixed = apply_fixes({"allowed_hosts": hosts}, problems_of_hosts)["allowed_hosts"]
    if fixed is None and hosts is not None:
        yield "# remove allowed_hosts"
    elif _spelling(fixed) != _spelling(hosts):
        yield f"allowed_hosts = {in_toml(fixed)}"


def _fixed_options(reading: SourceReading) -> Iterator[str]:
    for name, value in apply_fixes(reading.options, problems_of).items():
        before = reading.options.get(name)
        if _spelling(value) == _spelling(before):
            continue
        variable, spelt = reading.names.get(name, ""), reading.spell(name, value)
        if reading.in_environment:
            yield f"{variable}={shlex.quote(str(spelt))}" if spelt else f"unset {variable}"
        elif spelt is None:
            yield f"# remove {name}"
        else:
            yield f"{name} = {in_toml(spelt)}"


def _spelling(value: object) -> str:
    """What tells values apart: 1 is not True, and a list is what a tuple is."""
    return repr(tuple(value) if isinstance(value, list) else value)


def _fixed_arguments(problems: Iterable[CORSConfigProblem]) -> Iterator[str]:
    changed: dict[tuple[str, str], object] = {}
    is_whole = True
    for problem in problems:
        fix = {} if problem.severity == "info" or problem.fix is None else problem.fix
        place = _OPTION.sub("", problem.option)
        if any(changed.get((place, name), value) != value for name, value in fix.items()):
            is_whole = False
            continue
        news = {name: value for name, value in fix.items() if (place, name) not in changed}
        if news and problem.option not in news:
            yield f"# {printable(problem.option, _MAX_NAME)}"
        for name, value in news.items():
            changed[place, name] = value
            shown = list(value) if isinstance(value, tuple) else value
            yield f"{name} = {shown!r}" if name.startswith("CORS") else f"{name}={shown!r},"
    if not is_whole:
        yield "# check again after that: more of the same can be mended"


_ONLY_CHANGES = "only what has to change; everything else stays:"
_NO_CHANGES = "nothing to change that --fix knows"
# A place comes before the option: layer 2: rules['/api/*'].allow_origins
_OPTION = re.compile(r"""(?:\w+|CORSAC\["\w+"\])\Z""")
_MAX_RULES = 20
_MAX_NAME = 120


def _write(out: Output, report: Report) -> None:
    place = f", made in {report.place}" if report.place else ""
    out.row("", printable(f"{report.source}{place}", MAX_TEXT))
    problems = sorted(report.problems, key=lambda it: SEVERITIES.index(it.severity))
    for problem in problems:
        out.row()
        out.problem(problem)
    out.row()
    for note in report.notes:
        out.note(printable(note, MAX_TEXT))
    for line in report.allows:
        out.row("", line)
    out.row("", tally(report.severities) or "no problems")
    out.more(problem.code for problem in problems)


def _as_json(report: Report) -> dict[str, object]:
    policy = report.outermost.policy
    return {
        "source": report.source,
        "valid": "error" not in report.severities,
        "problems": [problem.as_dict() for problem in report.problems],
        "policy": None if policy is None else repr(policy),
    }
