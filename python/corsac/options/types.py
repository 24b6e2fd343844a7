"""Reading options of the right types, and what is said about those of the wrong ones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from corsac.errors import CORSConfigProblem

if TYPE_CHECKING:
    from corsac.codes import CORSProblemCode

__all__ = [
    "BOOL_OPTIONS",
    "LIST_OPTIONS",
    "check_bool",
    "is_asynchronous",
    "is_encodable",
    "read_choice",
    "read_list",
    "read_max_age",
    "read_number",
    "wrong_type",
]

LIST_OPTIONS = ("allow_origins", "allow_methods", "allow_headers", "expose_headers", "tolerate")
BOOL_OPTIONS = (
    "allow_credentials",
    "allow_private_network",
    "preflight_continue",
    "allow_timing",
    "always_send",
)


def wrong_type(option: str, value: object, message: str, hint: str = "") -> CORSConfigProblem:
    """Return the error about a value of a wrong type."""
    return CORSConfigProblem("option.wrong_type", "error", option, value, message, hint)


def read_list(name: str, value: object, problems: list[CORSConfigProblem]) -> tuple[str, ...]:
    """Return the entries of a list option; report a value that is not a list of strings."""
    if isinstance(value, (str, bytes, bytearray)):
        text = value if isinstance(value, str) else value.decode("latin-1")
        # Also what a list looks like in JSON or in a variable of the shell.
        parts = [part for part in re.split(r"[\s,;\[\]\"']+", text) if part]
        message = "a string is not a list: it would be read letter by letter"
        problems.append(wrong_type(name, value, message, f"write {name}={parts!r}"))
        return ()
    if not isinstance(value, Iterable) or hasattr(value, "items"):
        problems.append(
            wrong_type(name, value, "expected a list of strings", f'write {name}=["..."]')
        )
        return ()
    entries = tuple(value)
    # Most lists have plain ASCII text; one may have a million entries.
    if all(type(entry) is str and entry.isascii() for entry in entries):
        return entries
    for entry in entries:
        if not isinstance(entry, str):
            message = f"an entry is a string, not {type(entry).__name__}"
            problems.append(wrong_type(name, entry, message, "write a string"))
        elif not is_encodable(entry):
            message = "an entry is text that can be written as UTF-8"
            problems.append(wrong_type(name, entry, message, "remove the surrogates"))
    # A member of an enumeration is a string too, but its repr() would not evaluate back.
    return tuple(str.__str__(entry) if isinstance(entry, str) else entry for entry in entries)


def is_asynchronous(function: object) -> bool:
    """Tell whether calling a function, or an object as one, makes a coroutine."""
    import inspect  # noqa: PLC0415 - it takes longer to load than all of Corsac

    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - an object with an asynchronous call
    )


def is_encodable(entry: str) -> bool:
    """Tell whether a text can be written as UTF-8, which lone surrogates cannot."""
    try:
        entry.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_bool(name: str, value: object, problems: list[CORSConfigProblem]) -> None:
    """Report a value that is neither ``True`` nor ``False``."""
    if not isinstance(value, bool):
        message = f"expected True or False, got {type(value).__name__}"
        problems.append(wrong_type(name, value, message))


def read_choice(
    name: str, value: object, choices: tuple[str, ...], problems: list[CORSConfigProblem]
) -> object:
    """Return one of some words; report any other value."""
    if isinstance(value, str) and value in choices:
        return str.__str__(value)
    wanted = " or ".join(f'"{choice}"' for choice in choices)
    hint = next(
        (each for each in choices if isinstance(value, str) and value.strip().lower() == each),
        choices[0],
    )
    problems.append(wrong_type(name, value, f"expected {wanted}", f'write {name}="{hint}"'))
    return value


def read_number(
    name: str, value: object, code: CORSProblemCode, problems: list[CORSConfigProblem]
) -> object:
    """Return a whole number; report any other value, and with ``code`` a number too large."""
    # A bool is an int to Python, but not a status or a number of seconds to anybody.
    if not isinstance(value, int) or isinstance(value, bool):
        message = f"expected a whole number, got {type(value).__name__}"
        problems.append(wrong_type(name, value, message))
        return value
    if value.bit_length() > _CORE_NUMBER_BITS:
        # The core checks every number that it can hold.
        message = "the number is far out of bounds"
        problems.append(CORSConfigProblem(code, "error", name, value, message))
    return int(value)


_CORE_NUMBER_BITS = 31


def read_max_age(value: object, problems: list[CORSConfigProblem]) -> object:
    """Return the seconds of a number or a ``timedelta``, or ``None``."""
    if value is None:
        return None
    if isinstance(value, timedelta):
        if value % timedelta(seconds=1):
            message = "Access-Control-Max-Age has whole seconds"
            problems.append(
                CORSConfigProblem("max_age.out_of_bounds", "error", "max_age", value, message)
            )
            return None
        value //= timedelta(seconds=1)
    return read_number("max_age", value, "max_age.out_of_bounds", problems)
