"""One TOML file with all that a middleware applies: a policy, rules, and what is on trial."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping
from typing import Any

from corsac.errors import CORSConfigError, CORSConfigProblem
from corsac.options.files import read_options, read_table
from corsac.options.names import MIDDLEWARE_KEYS
from corsac.options.types import wrong_type
from corsac.policy import CORSPolicy

__all__ = ["FileReading", "read_file"]

Problems = list[CORSConfigProblem]


@dataclasses.dataclass(frozen=True, slots=True)
class FileReading:
    """What a file says.

    Attributes:
        arguments: Those of a middleware beside its application; what is wrong is left out.
        problems: What is wrong with the file and with each policy in it. Problems name options as
            the file does: ``rules[0].allow_origins``, ``report_only.rules[1].path``.
    """

    arguments: dict[str, Any]
    problems: tuple[CORSConfigProblem, ...]

    @staticmethod
    def named(found: Iterable[CORSConfigProblem]) -> tuple[CORSConfigProblem, ...]:
        """Give the problems of a middleware by the names that the file has for its arguments."""
        names = {"report_only_rules": "report_only.rules"}
        return tuple(
            each.replace(
                option=names.get(each.option, each.option),
                # The rules of a fix are pairs, and the file has tables.
                fix=None if "rules" in each.option else each.fix,
            )
            for each in found
        )


def read_file(path: str | os.PathLike[str]) -> FileReading:
    """Read the configuration of a middleware from a TOML file.

    The options of the policy stand at the top, or in a table ``[corsac]`` or ``[tool.corsac]``;
    beside them ``debug_header``, ``[[rules]]`` with a ``path`` and either options or
    ``policy = false``, and a table ``[report_only]`` with options and ``[[report_only.rules]]``.

    Args:
        path: The file.
    """
    _, table, problems = read_table(path)
    if problems and not table:
        return FileReading({}, tuple(problems))
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
    return FileReading(arguments, tuple(problems))


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
