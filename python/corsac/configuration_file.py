"""One TOML file with all that a middleware applies: a policy, rules, and what is on trial."""

from __future__ import annotations

import dataclasses
import logging
import os
import re
import threading
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from corsac._background import (
    BackgroundThread,
    check_regular,
    check_watchfiles,
    file_state,
    wait_for_change,
)
from corsac._text import error_text, in_words
from corsac.configuration import TRIAL_NAMES, Configuration, Rule
from corsac.errors import CORSConfigError, CORSConfigProblem, has_errors
from corsac.observers import OBSERVATION_OPTIONS
from corsac.options.files import SourceReading, in_toml, read_options, read_table
from corsac.options.names import MIDDLEWARE_KEYS, OPTION_NAMES
from corsac.options.types import wrong_type
from corsac.policy import CORSPolicy
from corsac.several import GivenPolicies

__all__ = ["FileReading", "FileWatch", "Level", "load_file", "read_file"]

Problems = list[CORSConfigProblem]
Configure = Callable[..., Configuration]
"""Checks a policy, rules, options and observers, as a middleware does; raises CORSConfigError."""


@dataclasses.dataclass(frozen=True, slots=True)
class Level:
    """The options of one policy in a source, and where they stand.

    Attributes:
        reading: The options; ``None`` for ``policy = false``.
        header: The header of their table in a TOML file; empty without one.
        where: What stands before their names in problems, such as ``"rules[0]."``.
        path: The path pattern of a rule.
        hosts: The ``allowed_hosts`` of the table.
    """

    reading: SourceReading | None
    header: str = ""
    where: str = ""
    path: str | None = None
    hosts: object = None


@dataclasses.dataclass(frozen=True, slots=True)
class FileReading:
    """What stands in a TOML file.

    Attributes:
        arguments: Those of a middleware; they can be used if no problem is an error.
        problems: Every problem of every table, infos too, with options named as the file does:
            ``rules[0].allow_origins``, ``report_only.rules[1].path``.
        levels: The options of each policy.
        is_empty: Whether nothing stands in it.
    """

    arguments: dict[str, Any]
    problems: tuple[CORSConfigProblem, ...]
    levels: tuple[Level, ...] = ()
    is_empty: bool = False

    def has_errors(self) -> bool:
        """Whether the arguments cannot be used."""
        return has_errors(self.problems)


def load_file(path: str | os.PathLike[str], configure: Configure) -> dict[str, Any]:
    """Give the arguments of a middleware that stand in a TOML file, as `read_file` reads it.

    Raises:
        CORSConfigError: Something is wrong. It lists every problem.
    """
    found = read_file(path, configure)
    if found.has_errors():
        raise CORSConfigError(found.problems)
    return found.arguments


def read_file(path: str | os.PathLike[str], configure: Configure) -> FileReading:
    """Read a TOML file with all that a middleware applies.

    The options of the policy stand at the top, or in a table ``[corsac]`` or ``[tool.corsac]``;
    beside them ``allowed_hosts``, ``debug_header``, ``[[rules]]`` with a ``path`` and either
    options or ``policy = false``, and a table ``[report_only]`` with all but ``debug_header``.
    In the place of options may stand several policies, each below ``[[policies]]``.

    Args:
        path: The file.
        configure: Checks the arguments together.
    """
    header, table, problems = read_table(path)
    if problems and not table:
        return FileReading({}, tuple(problems))
    reader = _Reader(header, problems)
    arguments = reader.read_level(table, header, "")
    trial = table.get("report_only")
    if isinstance(trial, Mapping):
        found = reader.read_level(trial, f"[{reader.prefix}report_only]", "report_only.")
        arguments |= {
            TRIAL_NAMES[name]: value for name, value in found.items() if value is not None
        }
    elif trial is not None:
        message = f"expected a table, got {type(trial).__name__}"
        problems.append(
            wrong_type("report_only", trial, message, "write the options below [report_only]")
        )
    if "debug_header" in table:
        arguments["debug_header"] = table["debug_header"]
    observed = {name: arguments[name] for name in arguments.keys() - {"policy", "rules"}}
    try:
        made = configure(arguments["policy"], arguments.get("rules"), {}, observed)
    except CORSConfigError as error:
        found_together = [*error.problems]
    else:
        found_together = [*made.own_problems()]
    problems += (_named(each, table) for each in found_together)
    return FileReading(arguments, tuple(problems), tuple(reader.levels), is_empty=not table)


def _named(problem: CORSConfigProblem, table: Mapping[str, Any]) -> CORSConfigProblem:
    """Name an argument of a middleware as the file does; the rules of a fix are its tables."""
    if problem.option == "report_only_hosts":
        name = "report_only.allowed_hosts"
        fix = None if problem.fix is None else {name: problem.fix[problem.option]}
        return problem.replace(option=name, fix=fix)
    if problem.option == "policy" or problem.code in _OF_SEVERAL:
        place = _PLACES_OF_SEVERAL.get(problem.option, problem.option)
        return problem.replace(option=place, fix=None)
    where = {"rules": "", "report_only_rules": "report_only."}.get(problem.option)
    if where is None:
        return problem
    rules = (table["report_only"] if where else table)["rules"]
    pairs: Any = () if problem.fix is None else problem.fix[problem.option]
    fix = {}
    if len(pairs) == len(rules):
        fix = {
            f"{where}rules[{place}].path": pattern
            for place, (pattern, _) in enumerate(pairs)
            if rules[place]["path"] != pattern
        }
    return problem.replace(option=f"{where}rules", fix=fix or None)


_OF_SEVERAL = {"policy.unreachable", "guard.without_effect"}
_PLACES_OF_SEVERAL = {
    "policy": "policies",
    "report_only": "report_only.policies",
    "report_only_rules": "report_only.rules",
}


class FileWatch:
    """Puts a file in force in a middleware whenever it changes, as long as there is one.

    Args:
        path: The file.
        configure: As for `load_file`.

    Raises:
        ImportError: watchfiles is not installed (extra ``watch``).
    """

    def __init__(self, path: str | os.PathLike[str], configure: Configure) -> None:
        check_watchfiles()
        self._path = Path(path)
        self._configure = configure
        self._state: tuple[int, ...] | None = None

    def load(self) -> dict[str, Any]:
        """Give the arguments that stand in the file now; as `load_file`."""
        self._state = file_state(self._path)
        return load_file(self._path, self._configure)

    def _load_again(self) -> dict[str, Any]:
        """Do so for an edit: a file without anything in it is one that is not written yet."""
        self._state = file_state(self._path)
        check_regular(self._path)
        found = read_file(self._path, self._configure)
        problems = [*found.problems]
        if found.is_empty:
            message = "the file is empty, as it is while it is being written, or on a full disk"
            hint = "to allow nobody write allow_origins = []"
            path = os.fspath(self._path)
            problems.append(
                CORSConfigProblem("source.nothing_found", "error", "path", path, message, hint)
            )
        if has_errors(problems):
            raise CORSConfigError(problems)
        return found.arguments

    def follow(self, middleware: Any) -> None:
        """Begin to watch; until the middleware is gone."""
        this = weakref.ref(middleware)

        def run(stopped: threading.Event) -> None:
            while not stopped.is_set():
                try:
                    wait_for_change(self._path, self._state, stopped)
                except OSError:  # Its folder is gone, and may come back.
                    stopped.wait(_FOLDER_SECONDS)
                middleware = this()
                if middleware is not None and file_state(self._path) != self._state:
                    with background.at_work:
                        self._put_in_force(middleware)
                del middleware

        background = BackgroundThread(f"corsac-watch {self._path}", run)
        weakref.finalize(middleware, background.tell_to_stop)
        background.start()

    def _put_in_force(self, middleware: Any) -> None:
        logger = logging.getLogger("corsac")
        try:
            given = _NOTHING_GIVEN | self._load_again()
            middleware.reconfigure(given.pop("policy"), **given)
        except Exception as error:  # Else nobody would watch any more.
            reason = error if isinstance(error, CORSConfigError) else error_text(error)
            logger.error(  # noqa: TRY400 - the text says what is wrong
                "CORS: %s cannot be used, so what was in force stays: %s", self._path, reason
            )
        else:
            logger.info("CORS: %s was changed and is in force", self._path)


# What a file does not say any more is gone.
_NOTHING_GIVEN = dict.fromkeys(("rules", *OBSERVATION_OPTIONS))
del _NOTHING_GIVEN["on_refusal"]  # Which no file has.
_FOLDER_SECONDS = 1.0


class _Reader:
    """Reads the policies and the rules that stand in the tables of a file."""

    def __init__(self, header: str, problems: Problems) -> None:
        self.prefix = f"{header.strip('[]')}." if header else ""
        self.levels: list[Level] = []
        self._problems = problems

    def read_level(self, table: Mapping[str, Any], header: str, where: str) -> dict[str, Any]:
        """Read the policy and the rules that stand in one table."""
        # Without options there is still a policy, unless something else is there to be applied.
        alone = {"allowed_hosts", "rules"} if where else {"rules"}
        own = alone if where else MIDDLEWARE_KEYS - {"policies"}
        options = {key: value for key, value in table.items() if key not in own}
        level = Level(None, header, where, hosts=table.get("allowed_hosts"))
        policy = None
        if options or alone.isdisjoint(table):
            policy = self._read_policies(options, level)
        else:
            self.levels.append(level)
        found: dict[str, Any] = {"policy": policy}
        if "allowed_hosts" in table:
            found["allowed_hosts"] = table["allowed_hosts"]
        if "rules" in table:
            found["rules"] = self._read_rules(table["rules"], f"{where}rules")
        return found

    def _read_policies(self, table: Mapping[str, Any], level: Level) -> GivenPolicies | None:
        """Read the options of one policy, or several policies."""
        if "policies" not in table:
            return self._read_policy(table, level)
        self.levels.append(level)
        tables, name = table["policies"], f"{level.where}policies"
        header = f"{level.header.strip('[]')}.policies".lstrip(".")
        if len(table) > 1:
            message = "the options of one policy stand beside several policies"
            hint = f"write them below a line [[{header}]] too"
            self._conflict(name, message, hint)
        if not isinstance(tables, list) or not all(isinstance(each, Mapping) for each in tables):
            hint = f"write each policy below a line [[{header}]]"
            self._wrong(name, tables, "several policies are tables", hint)
            return None
        found = []
        rule = "" if level.path is None else f"{level.header}\npath = {in_toml(level.path)}\n"
        for place, options in enumerate(tables):
            where = f"{name}[{place}]"
            member = Level(None, f"{rule}[[{header}]]  # {where}", f"{where}.")
            found.append(self._read_policy(options, member))
        made = [policy for policy in found if policy is not None]
        return made if len(made) == len(found) else None

    def _read_policy(self, table: Mapping[str, Any], level: Level) -> CORSPolicy | None:
        reading = read_options(table, level.where, _beside(level))
        self.levels.append(dataclasses.replace(level, reading=reading))
        try:
            policy = CORSPolicy._of_source(reading)
        except CORSConfigError as error:
            self._problems += error.problems
            return None
        self._problems += policy.problems
        return policy

    def _wrong(self, name: str, value: object, message: str, hint: str) -> None:
        self._problems.append(wrong_type(name, value, message, hint))

    def _conflict(self, name: str, message: str, hint: str) -> None:
        conflict = CORSConfigProblem("option.conflict", "error", name, False, message, hint)
        self._problems.append(conflict)

    def _read_rules(self, value: object, name: str) -> list[Rule]:
        rules: list[Rule] = []
        if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
            self._wrong(name, value, "rules are tables", f"write each rule below a line [[{name}]]")
            return rules
        for place, table in enumerate(value):
            where = f"{name}[{place}]"
            path = table.get("path")
            if not isinstance(path, str):
                message = "a rule has a path, which is a string"
                self._wrong(f"{where}.path", path, message, 'write path = "/api/*"')
                path = None
            level = Level(None, f"[[{self.prefix}{name}]]", f"{where}.", path)
            policy = self._read_rule(table, level)
            if path is not None:
                rules.append((path, policy))
        return rules

    def _read_rule(self, table: Mapping[str, Any], level: Level) -> GivenPolicies | None:
        options = {key: each for key, each in table.items() if key not in {"path", "policy"}}
        if "policy" not in table:
            return self._read_policies(options, level)
        self.levels.append(level)
        name, value = f"{level.where}policy", table["policy"]
        policies = {"policies": options.pop("policies")} if "policies" in options else {}
        unknown = read_options(options, level.where, _beside(level)).problems
        self._problems += (each for each in unknown if each.code == "option.unknown")
        beside = [key for key in policies | options if key in {*OPTION_NAMES, "policies"}]
        if value is not False:
            message = "the policy of a rule is false, which leaves the path alone, or its options"
            hint = "write the options in the place of this line, beside path"
            self._wrong(name, value, message, hint)
        elif beside:
            message = (
                f"policy = false leaves the path alone, and beside it stands {in_words(beside)}"
            )
            self._conflict(name, message, "keep one of them")
        return None


def _beside(level: Level) -> tuple[str, ...]:
    """Return what may stand in a table beside the options of a policy."""
    if not level.where:
        return tuple(sorted(MIDDLEWARE_KEYS))
    if _RULE.fullmatch(level.where):
        return ("path", "policies", "policy")
    return ("allowed_hosts", "policies", "rules") if level.where == "report_only." else ()


_RULE = re.compile(r"(?:report_only\.)?rules\[\d+\]\.")
