"""The hosts that a middleware serves: the option ``allowed_hosts``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from corsac import _core
from corsac.errors import CORSConfigProblem, from_core, has_errors
from corsac.options.types import read_list
from corsac.validation import try_fixes

__all__ = ["LOOPBACK_HOSTS", "problems_of_hosts", "read_hosts"]

LOOPBACK_HOSTS: Final = ("localhost", "127.0.0.1", "[::1]")
"""What a server on this machine alone is called: ``allowed_hosts=corsac.LOOPBACK_HOSTS``."""

_OPTION = "allowed_hosts"


def read_hosts(
    value: object, problems: list[CORSConfigProblem]
) -> tuple[tuple[str, ...] | None, tuple[CORSConfigProblem, ...]]:
    """Return the entries of ``allowed_hosts``, or ``None`` for any host, and the warnings.

    With an error there are none, and everything that was found goes to ``problems``.
    """
    entries, found = _with_fixes(value)
    if not has_errors(found):
        return entries, tuple(found)
    problems += found
    return None, ()


def problems_of_hosts(options: Mapping[str, Any]) -> list[CORSConfigProblem]:
    """Return the problems of ``allowed_hosts``; raise nothing."""
    return _with_fixes(options[_OPTION])[1]


def _with_fixes(value: object) -> tuple[tuple[str, ...] | None, list[CORSConfigProblem]]:
    entries, found = _read(value)

    def check(options: Mapping[str, Any]) -> list[CORSConfigProblem]:
        return _read(options[_OPTION])[1]

    if found:
        found = [
            # Only leaving the option out says what these mean.
            each.replace(fix={_OPTION: None})
            if each.code == "option.empty" or (each.value == "*" and entries == ("*",))
            else each
            for each in try_fixes({_OPTION: entries}, found, check)
        ]
    return entries, found


def _read(value: object) -> tuple[tuple[str, ...] | None, list[CORSConfigProblem]]:
    if value is None:
        return None, []
    problems: list[CORSConfigProblem] = []
    entries = read_list(_OPTION, value, problems)
    if problems:
        return entries, problems
    if not entries:
        message = "an empty list serves nobody"
        hint = "list the server's own names, or leave it out: then any host is served"
        empty = CORSConfigProblem("option.empty", "error", _OPTION, value, message, hint)
        return entries, [empty]
    found = [*map(_improved, from_core(_core.check_host_entries(entries)))]
    return entries, found if has_errors(found) else [*found, *_check_suffixes(entries)]


def _check_suffixes(entries: Iterable[str]) -> Iterator[CORSConfigProblem]:
    """Find what lets in everyone who can get a name on a shared suffix, and point it anywhere."""
    below = [entry for entry in entries if entry.startswith("*.")]
    if not below:
        return
    from corsac.validation.hosts import public_suffixes  # noqa: PLC0415 - reading it takes long

    for entry in below:
        base = entry.removeprefix("*.").partition(":")[0].removesuffix(".")
        suffix = public_suffixes().covered_by(base)
        if suffix is not None:
            where = base if suffix == base else f"{suffix}, which it covers"
            message = f"anyone can get a name below {where}, and point it at this server"
            hint = "list the names of your own"
            yield CORSConfigProblem("host.public_suffix", "warning", _OPTION, entry, message, hint)


def _improved(problem: CORSConfigProblem) -> CORSConfigProblem:
    """Return the problem with the A-labels to write in the place of other scripts."""
    entry = problem.value
    if not isinstance(entry, str) or entry.isascii():
        return problem
    from corsac.validation.hosts import a_label  # noqa: PLC0415 - most hosts are ASCII

    name = ".".join(map(a_label, entry.split(".")))
    if _core.check_host_entries([name]):
        return problem
    message = "browsers send a host in other scripts as A-labels"
    return problem.replace(message=message, hint=f'did you mean "{name}"?')
