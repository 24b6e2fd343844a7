"""One TOML file with all that a middleware applies: a policy, rules, and what is on trial."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from corsac._background import BackgroundThread, check_watchfiles, file_state, wait_for_change
from corsac.errors import CORSConfigError, CORSConfigProblem
from corsac.options.files import read_options, read_table
from corsac.options.names import MIDDLEWARE_KEYS
from corsac.options.types import wrong_type
from corsac.policy import CORSPolicy

__all__ = ["FileWatch", "load_file"]

Problems = list[CORSConfigProblem]
Configure = Callable[..., object]
"""Checks a policy, rules, options and observers, as a middleware does; raises CORSConfigError."""


def load_file(path: str | os.PathLike[str], configure: Configure) -> dict[str, Any]:
    """Give the arguments of a middleware that stand in a TOML file.

    The options of the policy stand at the top, or in a table ``[corsac]`` or ``[tool.corsac]``;
    beside them ``debug_header``, ``[[rules]]`` with a ``path`` and either options or
    ``policy = false``, and a table ``[report_only]`` with options and ``[[report_only.rules]]``.

    Args:
        path: The file.
        configure: Checks the arguments together.

    Raises:
        CORSConfigError: Something is wrong. It lists every problem of every table, and names
            options as the file does: ``rules[0].allow_origins``, ``report_only.rules[1].path``.
    """
    _, table, problems = read_table(path)
    if problems and not table:
        raise CORSConfigError(problems)
    arguments = _read_level(table, "", problems)
    trial = table.get("report_only")
    if isinstance(trial, Mapping):
        found = _read_level(trial, "report_only.", problems)
        names = {"policy": "report_only", "rules": "report_only_rules"}
        arguments |= {names[name]: value for name, value in found.items() if value is not None}
    elif trial is not None:
        message = f"expected a table, got {type(trial).__name__}"
        problems.append(
            wrong_type("report_only", trial, message, "write the options below [report_only]")
        )
    if "debug_header" in table:
        arguments["debug_header"] = table["debug_header"]
    observed = {name: arguments[name] for name in arguments.keys() - {"policy", "rules"}}
    try:
        configure(arguments["policy"], arguments.get("rules"), {}, observed)
    except CORSConfigError as error:
        problems += [_named(each) for each in error.problems]
    if any(problem.severity == "error" for problem in problems):
        raise CORSConfigError(problems)
    return arguments


def _named(problem: CORSConfigProblem) -> CORSConfigProblem:
    """Name an argument of a middleware as the file does."""
    if problem.option == "report_only_rules":
        problem = problem.replace(option="report_only.rules")
    # The rules of a fix are pairs, and the file has tables.
    return problem.replace(fix=None) if "rules" in problem.option else problem


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
                    self._put_in_force(middleware)
                del middleware

        background = BackgroundThread(f"corsac-watch {self._path}", run)
        weakref.finalize(middleware, background.tell_to_stop)
        background.start()

    def _put_in_force(self, middleware: Any) -> None:
        logger = logging.getLogger("corsac")
        try:
            given = _NOTHING_GIVEN | self.load()
            middleware.reconfigure(given.pop("policy"), **given)
        except CORSConfigError as error:
            logger.error(  # noqa: TRY400 - the text says what is wrong
                "CORS: %s cannot be used, so what was in force stays: %s", self._path, error
            )
        else:
            logger.info("CORS: %s was changed and is in force", self._path)


# What a file does not say any more is gone.
_NOTHING_GIVEN = dict.fromkeys(("rules", "report_only", "report_only_rules", "debug_header"))
_FOLDER_SECONDS = 1.0


def _read_level(table: Mapping[str, Any], where: str, problems: Problems) -> dict[str, Any]:
    """Read the policy and the rules that stand in one table."""
    own = MIDDLEWARE_KEYS if not where else {"rules"}
    options = {key: value for key, value in table.items() if key not in own}
    policy = None
    if options or "rules" not in table:
        policy = _read_policy(options, where, problems)
    found: dict[str, Any] = {"policy": policy}
    if "rules" in table:
        found["rules"] = _read_rules(table["rules"], f"{where}rules", problems)
    return found


def _read_policy(table: Mapping[str, Any], where: str, problems: Problems) -> CORSPolicy | None:
    try:
        return CORSPolicy._of_source(read_options(table, where))
    except CORSConfigError as error:
        problems += error.problems
        return None


def _read_rules(
    value: object, name: str, problems: Problems
) -> list[tuple[str, CORSPolicy | None]]:
    rules: list[tuple[str, CORSPolicy | None]] = []
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        hint = f"write each rule below a line [[{name}]]"
        problems.append(wrong_type(name, value, "rules are tables", hint))
        return rules
    for place, table in enumerate(value):
        where = f"{name}[{place}]"
        options = {key: each for key, each in table.items() if key not in {"path", "policy"}}
        path = table.get("path")
        if not isinstance(path, str):
            message = "a rule has a path, which is a string"
            problems.append(wrong_type(f"{where}.path", path, message, 'write path = "/api/*"'))
            path = None
        policy = None
        if "policy" in table and table["policy"] is not False:
            message = "the policy of a rule is false, which leaves the path alone, or its options"
            hint = "write the options in the place of this line, beside path"
            problems.append(wrong_type(f"{where}.policy", table["policy"], message, hint))
        elif "policy" in table and options:
            message = "policy = false leaves the path alone, and beside it are options"
            problems.append(
                CORSConfigProblem(
                    "option.conflict",
                    "error",
                    f"{where}.policy",
                    False,
                    message,
                    "keep one of them",
                )
            )
        elif "policy" not in table:
            policy = _read_policy(options, f"{where}.", problems)
        if path is not None:
            rules.append((path, policy))
    return rules
