"""Text for people on any terminal: nothing in it can steer the terminal, and nothing is endless."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TextIO

__all__ = ["can_colour", "in_words", "printable", "safe_repr", "write_lines"]


def printable(text: str, limit: int) -> str:
    """The text on one line, with escapes for what is not printable, cut after some characters."""
    shown = text[:limit]
    if not shown.isprintable():
        shown = "".join(mark if mark.isprintable() else repr(mark)[1:-1] for mark in shown)
    return shown if len(text) <= limit else f"{shown}..."


def safe_repr(value: object) -> str:
    """``repr(value)``; the name of its type where that raises, as any object's may."""
    try:
        return repr(value)
    except Exception:
        return f"<{type(value).__name__}>"


def in_words(entries: Iterable[str], limit: int = 8) -> str:
    """Entries as a sentence lists them: ``"a, b and c"``; the rest beyond the limit as a count."""
    words = [printable(entry, 60) for entry in entries]
    if len(words) > limit:
        words = [*words[: limit - 1], f"{len(words) - limit + 1} more"]
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def can_colour(stream: TextIO) -> bool:
    """Whether colours are welcome: on a terminal, unless ``NO_COLOR`` is set (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def write_lines(lines: Iterable[str], stream: TextIO) -> None:
    """Write lines, with escapes for what the stream's encoding does not have."""
    encoding = stream.encoding or "utf-8"
    for line in lines:
        stream.write(f"{line}\n".encode(encoding, "backslashreplace").decode(encoding))
