"""Policies from outside Python: TOML files and environment variables.

Reading a source and checking the options are two steps; `SourceReading` carries the problems of the
first to the second, so that an error lists those of both.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from corsac.errors import CORSConfigError, CORSConfigProblem, CORSProblemCode, Severity, has_errors
from corsac.options.guard import Guard, in_words_of_policy, unknown_argument_hint
from corsac.options.names import (
    MIDDLEWARE_KEYS,
    OPTION_NAMES,
    corsac_option,
    foreign_option_hint,
    key_hint,
)
from corsac.options.types import BOOL_OPTIONS, LIST_OPTIONS

__all__ = [
    "SourceReading",
    "in_toml",
    "read_environment",
    "read_options",
    "read_table",
    "read_toml",
]

PolicyT = TypeVar("PolicyT")


@dataclasses.dataclass(frozen=True, slots=True)
class SourceReading:
    """The options of a source, and the problems with how they are written.

    Attributes:
        options: Keyword options for `CORSPolicy`, without unreadable ones.
        problems: The problems found while reading. The policy finds more when it is made.
        names: For each option, its name in the source.
        spell: Returns a new value of an option as the source writes it; ``None`` if it cannot.
    """

    options: dict[str, Any]
    problems: tuple[CORSConfigProblem, ...] = ()
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    spell: Callable[[str, object], object] = lambda _, value: value

    @property
    def in_environment(self) -> bool:
        """Whether the options are environment variables."""
        return self.spell is _as_variable

    def checked_options(self) -> dict[str, Any]:
        """Return the options.

        Raises:
            CORSConfigError: Some could not be read; it lists every problem of the reading.
        """
        if has_errors(self.problems):
            raise CORSConfigError(self.problems)
        return self.options

    def policy(self, make: Callable[..., PolicyT]) -> PolicyT:
        """Make the policy, so that a failure lists the problems of the reading and of the policy.

        Raises:
            CORSConfigError: There is an error; problems name options as the source does.
        """
        options = self.options
        if has_errors(self.problems) and not any(options.get(name) for name in _ORIGIN_OPTIONS):
            # An origin list that could not be read must not be reported as empty on top.
            options = {**options, "allow_origins": [_STAND_IN_ORIGIN]}
        try:
            policy = make(**options)
        except CORSConfigError as error:
            raise CORSConfigError(self.all_problems(error.problems)) from None
        self.checked_options()
        return policy

    def all_problems(self, found: Iterable[CORSConfigProblem]) -> tuple[CORSConfigProblem, ...]:
        """Return the problems of the reading and of the policy, by the names of the source."""
        renamed = (
            each.replace(
                option=self.names.get(each.option, each.option), fix=self._fix_of(each.fix)
            )
            for each in found
        )
        return (*self.problems, *renamed)

    def _fix_of(self, fix: Mapping[str, object] | None) -> dict[str, object] | None:
        """Return a fix in the words of the source; ``None`` if it has none for it."""
        spelt = {
            self.names.get(name, name): self.spell(name, value)
            for name, value in (fix or {}).items()
        }
        return None if None in spelt.values() or not spelt else spelt


_ORIGIN_OPTIONS = ("allow_origins", "allow_origin_regex", "allow_origin_func")
_STAND_IN_ORIGIN = "https://stand-in.invalid"

_NO_FUNCTIONS: tuple[CORSProblemCode, str, str] = (
    "option.not_in_source",
    "a function cannot be written here, and a name in a file is not imported",
    "add it in Python: policy.replace(allow_origin_func=...)",
)


def read_toml(path: str | os.PathLike[str]) -> SourceReading:
    """Read the options of a policy from a TOML file.

    The keys are the names of the options of `CORSPolicy`, in a table ``[corsac]`` or
    ``[tool.corsac]``, or in a file of their own without a table. An absent key means the default.
    ``max_age = false`` (or ``"none"``) stands for ``None``, no header: TOML has no null. A file
    cannot have ``allow_origin_func``.

    Args:
        path: The file.
    """
    _, table, problems = read_table(path)
    for key in MIDDLEWARE_KEYS & table.keys():
        message = "this belongs to a middleware, and a policy alone would go without it"
        hint = "read the file with CORSMiddleware.from_file"
        problems.append(_error("option.misplaced", key, table.pop(key), message, hint))
    reading = read_options(table)
    problems += reading.problems
    return dataclasses.replace(reading, problems=tuple(problems))


_Table = tuple[str, dict[str, Any], list[CORSConfigProblem]]


def read_table(path: str | os.PathLike[str]) -> _Table:
    """Read what stands in a TOML file for Corsac: the header of its table, the table, problems."""
    problems: list[CORSConfigProblem] = []

    def unreadable(code: CORSProblemCode, message: str) -> _Table:
        return "", {}, [_error(code, "path", os.fspath(path), message)]

    try:
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:  # A path that holds a NUL is a ValueError.
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return unreadable("source.unreadable", f"the file cannot be read: {reason}")
    import tomllib  # noqa: PLC0415 - adapters read options by this module, and few read a file

    try:
        document = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return unreadable("source.syntax", f"line {line}: TOML is UTF-8, and this is not")
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = re.search(r" \(at line (\d+), column (\d+)\)$", message)
        if place is None:
            return unreadable("source.syntax", f"this is not TOML: {message}")
        message = f"line {place[1]}, column {place[2]}: {message[: place.start()]}"
        return unreadable("source.syntax", message)
    except (ValueError, RecursionError):
        # A number of thousands of digits, or brackets nested very deep.
        return unreadable("source.syntax", "the file holds more than any policy does")
    header, table = _find_table(document, path, problems)
    return header, table, problems


def read_options(
    table: Mapping[str, Any], where: str = "", beside: Collection[str] = ()
) -> SourceReading:
    """Read the options of one policy from a table of a TOML file.

    Args:
        table: The table, without keys of other meaning.
        where: What stands before the names of options in problems, such as ``"rules[0]."``.
        beside: The keys of other meaning that may stand there.
    """
    problems: list[CORSConfigProblem] = []
    options: dict[str, Any] = {}
    for key, value in table.items():
        if key not in OPTION_NAMES:
            hint = key_hint(key, beside) or _names_hint(value, beside)
            problems.append(_unknown(f"{where}{key}", "Corsac has no such option", hint))
        elif key == "allow_origin_func":
            code, message, hint = _NO_FUNCTIONS
            problems.append(_error(code, f"{where}{key}", value, message, hint))
        elif key == "guard" and isinstance(value, dict):
            options[key] = _read_guard(value, where, problems)
        elif key == "guard" and not isinstance(value, bool):
            message = f"expected true, false or a table, got {type(value).__name__}"
            hint = "write guard = true, or a table [guard]"
            problems.append(_error("option.wrong_type", f"{where}{key}", value, message, hint))
        elif key == "max_age" and (value is False or value == "none"):
            options[key] = None
        else:
            options[key] = value
    known = (*OPTION_NAMES, *(f"guard.{name}" for name in Guard._fields))
    names = {name: f"{where}{name}" for name in known} if where else {}
    return SourceReading(options, tuple(problems), names, _as_toml)


def _is_known(name: str) -> bool:
    return name in OPTION_NAMES or name in MIDDLEWARE_KEYS


_BEFORE_GUARD = "move it above the line [guard]: all below that line belongs to the guard"


def _read_guard(
    table: dict[str, Any], where: str, problems: list[CORSConfigProblem]
) -> bool | Guard:
    known = {name: value for name, value in table.items() if name in Guard._fields}
    problems += (
        _unknown(
            f"{where}guard.{name}",
            "there is no such argument",
            _BEFORE_GUARD if _is_known(name) else unknown_argument_hint(name),
        )
        for name in table
        if name not in known
    )
    try:
        return Guard(**known)
    except CORSConfigError as error:
        problems += in_words_of_policy(error.problems, lambda fix: {**table, **fix}, where)
        return True


def _find_table(
    document: dict[str, Any], path: str | os.PathLike[str], problems: list[CORSConfigProblem]
) -> tuple[str, dict[str, Any]]:
    """Return the header and the table with the options; without a header it is the file."""
    tool = document.get("tool")
    tables = {"[corsac]": document.get("corsac")}
    tables["[tool.corsac]"] = tool.get("corsac") if isinstance(tool, dict) else None
    given = {name: table for name, table in tables.items() if table is not None}
    if not given:
        if not isinstance(tool, dict):
            return "", document
        message = "the file has tables of other tools and none for Corsac"
        hint = "write the options below [tool.corsac]"
        problems.append(_error("source.no_table", "[tool.corsac]", os.fspath(path), message, hint))
        return "", {}
    found: dict[str, Any] = {}
    for name, table in given.items():
        if isinstance(table, dict):
            found |= table
        else:
            message = "this is a table of options, not a value"
            problems.append(_error("option.wrong_type", name, table, message))
    if len(given) > 1:
        message = "there is a table [corsac] as well, and only one of them can count"
        both = ("[tool.corsac]", os.fspath(path))
        problems.append(_error("option.conflict", *both, message, "keep one of them"))
    message = f"the key stands outside {' and '.join(given)}, where it has no effect"
    problems += [
        _error("option.misplaced", key, document[key], message, "move it into the table")
        for key in document
        if key in OPTION_NAMES or key in MIDDLEWARE_KEYS
    ]
    return (next(iter(given)) if len(given) == 1 else ""), found


def _error(
    code: CORSProblemCode, option: str, value: object, message: str, hint: str = ""
) -> CORSConfigProblem:
    return CORSConfigProblem(code, "error", option, value, message, hint)


def _unknown(name: str, message: str, hint: str) -> CORSConfigProblem:
    # The value of an unknown option is not shown: it may be another program's secret.
    return _error("option.unknown", name, name, message, hint)


def _names_hint(value: object, beside: Collection[str]) -> str:
    if isinstance(value, dict):
        return "write the options below [corsac], or without a table"
    return f"the options are {', '.join((*OPTION_NAMES, *sorted(beside)))}"


_TEXTS = ("allow_origin_regex", "app_headers")
_TRUE_WORDS = ("true", "1", "yes", "on")
_FALSE_WORDS = ("false", "0", "no", "off")
_NUMBER = re.compile(r"-?[0-9]{1,18}", re.ASCII)


def read_environment(environ: Mapping[str, str], prefix: str) -> SourceReading:
    """Read options from environment variables.

    The name of a variable is the prefix and an option in capitals: ``CORS_ALLOW_ORIGINS``. Lists
    are divided by commas; white space around an entry does not count. Booleans are true, 1, yes,
    on, false, 0, no and off, in any case. ``CORS_MAX_AGE=none`` sends no header. An empty variable
    sets nothing, with a warning: nobody is allowed then, where other libraries allow anyone. Every
    other variable with the prefix is an error. ``allow_origin_func`` cannot be set.

    Args:
        environ: The variables, such as ``os.environ``.
        prefix: The start of their names; not empty.
    """
    if not prefix:
        message = "without a prefix every variable of the process would be an option"
        return SourceReading({}, (_error("option.empty", "prefix", prefix, message),))
    names = {option: f"{prefix}{option.upper()}" for option in OPTION_NAMES}
    option_of = {name: option for option, name in names.items()}
    folded = {name.upper(): name for name in option_of}
    options: dict[str, Any] = {}
    problems: list[CORSConfigProblem] = []
    for name in sorted(environ):
        if name in option_of:
            option = option_of[name]
            try:
                value = _read_variable(option, environ[name].strip())
            except _UnreadableValueError as error:
                code, message, hint = error.args
                severity: Severity = "warning" if code == "option.empty" else "error"
                problem = CORSConfigProblem(code, severity, name, environ[name], message, hint)
                problems.append(problem)
            else:
                options[option] = value
        elif name.upper() in folded:
            message = "the names of environment variables are case-sensitive"
            problems.append(_unknown(name, message, f"write {folded[name.upper()]}"))
        elif name.startswith(prefix):
            problems.append(_unknown_variable(name, prefix))
    return SourceReading(options, tuple(problems), names, _as_variable)


def in_toml(value: object) -> str:
    """Write a value in one line of TOML; it can be shown, too."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name} = {in_toml(each)}' for name, each in value.items())}}}"
    text = json.dumps(value, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\U{ord(each):08x}" for each in text)


def _as_toml(name: str, value: object) -> object:
    """Return the value of an option in TOML, which has no null."""
    if isinstance(value, Guard):
        return value._arguments()
    return False if value is None and name == "max_age" else value


def _as_variable(name: str, value: object) -> str:
    """Return the text of a variable; an empty one sets nothing."""
    if isinstance(value, tuple):
        return ",".join(value)
    if value is None:
        return "none" if name == "max_age" else ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unknown_variable(name: str, prefix: str) -> CORSConfigProblem:
    foreign = name.removeprefix(prefix)
    option = corsac_option(foreign)
    if option is not None:
        hint = f"write {prefix}{option.upper()}"
        if "*" in (foreign_option_hint(foreign) or ""):
            hint += "=*"
    else:
        hint = foreign_option_hint(foreign) or "remove it, or choose a prefix of your own"
    return _unknown(name, f"Corsac has no such variable, and owns the prefix {prefix}", hint)


class _UnreadableValueError(Exception):
    """The text of a variable is invalid for its option: code, message and hint."""


def _read_variable(option: str, text: str) -> object:
    if option == "allow_origin_func":
        raise _UnreadableValueError(*_NO_FUNCTIONS)
    if not text.strip(", \t\r\n"):
        raise _UnreadableValueError(
            "option.empty",
            "the variable is empty, which sets nothing",
            "give it a value, or leave the variable out for the default",
        )
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        raise _UnreadableValueError(
            "option.wrong_type",
            "the quote marks are part of the value",
            f"write {text[1:-1]} without them",
        )
    if option in LIST_OPTIONS:
        return _read_words(text)
    if option in _TEXTS:
        return text
    word = text.lower()
    if option in BOOL_OPTIONS or option == "guard":
        if word in _TRUE_WORDS or word in _FALSE_WORDS:
            return word in _TRUE_WORDS
        raise _UnreadableValueError(
            "option.wrong_type", "expected true or false", "write true or false"
        )
    if option == "max_age" and word == "none":
        return None
    if _NUMBER.fullmatch(text):
        return int(text)
    raise _UnreadableValueError(
        "option.wrong_type", "expected a whole number", "write digits only, without a unit"
    )


def _read_words(text: str) -> list[str]:
    # No origin, method or header name begins with a bracket; [ in an IPv6 origin is further in.
    if text.startswith("["):
        plain = ",".join(re.findall(r"[^\s\[\]\"',]+", text)) if "://[" not in text else ""
        raise _UnreadableValueError(
            "option.wrong_type",
            "this is a JSON list; a variable is a list divided by commas",
            f"write {plain}" if plain else "write the entries without brackets and quote marks",
        )
    return [word.strip() for word in text.split(",") if word.strip()]
