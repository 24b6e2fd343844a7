"""Which entry allows an origin, and which ones nearly do."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from corsac import _core
from corsac.errors import CORSConfigProblem

if TYPE_CHECKING:
    from corsac.policy import CORSPolicy

__all__ = ["entry_for", "malformed_because", "near_miss"]

MAX_COMPARED = 20_000
"""So many entries are compared with an origin that is not allowed."""
MAX_COMPARED_LETTER_BY_LETTER = 1_000


def entry_for(policy: CORSPolicy, origin: str) -> str | None:
    """Find the entry of ``allow_origins`` that allows an origin; else the option that was asked."""
    if origin in policy.allow_origins:
        return origin
    raw = origin.encode("latin-1", "replace")
    for entry in policy.allow_origins:
        if entry == "*" or ("*" in entry and _core.matches_origin_entry(entry, raw)):
            return entry
    if policy.allow_origin_func is None:
        return None if policy.allow_origin_regex is None else "allow_origin_regex"
    if policy.allow_origin_regex is not None:
        from corsac.origins import compile_origin_regex  # noqa: PLC0415 - it may need RE2

        regex = compile_origin_regex(policy.allow_origin_regex)
        if not isinstance(regex, CORSConfigProblem) and regex(raw):
            return "allow_origin_regex"
    return "allow_origin_func"


def malformed_because(values: list[str]) -> str:
    """Say why the lines of an Origin header are not an origin, as a sentence's end."""
    if len(values) > 1:
        return f"there are {len(values)} Origin lines; a browser sends one"
    (value,) = values
    if not value:
        return "the Origin header is empty"
    if len(value) > _core.MAX_ORIGIN_LENGTH:
        return f"it is longer than {_core.MAX_ORIGIN_LENGTH} bytes, which no origin is"
    if "," in value or " " in value:
        return "it is a list, and a browser sends one origin; perhaps a proxy joined two"
    if value == "*":
        return '"*" is no origin'
    return "it has bytes that no origin has"


def near_miss(policy: CORSPolicy, origin: str) -> str:
    """Say what a refused origin has in common with an allowed one, or return an empty text."""
    if origin == "null":
        return (
            "any site can send null: a sandboxed frame, a data: URL, a page from a file, "
            "or a redirect across origins"
        )
    parts = re.fullmatch(r"([^:/]+)://(\[[^\]]*\]|[^:/]*)(?::(\d+))?(/.*)?", origin)
    if parts is None:
        return ""
    entries = policy.allow_origins[:MAX_COMPARED]
    if parts[4] and origin.removesuffix(parts[4]) in entries:
        return "a browser sends no slash or path at the end"
    if origin.lower() in entries:
        return f"{origin.lower()} is listed; origins are compared byte by byte"
    differences = (_difference(entry, *parts.groups()[:3]) for entry in entries)
    found = next(filter(None, differences), "")
    if found:
        return found
    exact = [entry for entry in entries[:MAX_COMPARED_LETTER_BY_LETTER] if "*" not in entry]
    close = difflib.get_close_matches(origin[: _core.MAX_ORIGIN_LENGTH], exact, 1, 0.85)
    return f"{close[0]} is listed, which looks much like it" if close else ""


def _difference(entry: str, scheme: str, host: str, port: str | None) -> str:
    """Name the one part in which an entry differs, or return an empty text."""
    parts = re.fullmatch(r"([^:/]+)://(\*\.)?(\[[^\]]*\]|[^:/]*)(?::(\d+|\*))?", entry)
    if parts is None or parts[3] != host:
        return ""
    if parts[2]:
        same = parts[1] == scheme
        return f"{entry} allows the names below {host}, not {host} itself" if same else ""
    if parts[1] == scheme:
        return f"{entry} is listed: the port is another one"
    same_port = parts[4] in {port, "*"}
    return f"{entry} is listed: the scheme is another one" if same_port else ""
