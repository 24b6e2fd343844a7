"""Text for people on any terminal: nothing in it can steer the terminal, and nothing is endless."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TextIO

__all__ = ["can_colour", "write_lines"]


def can_colour(stream: TextIO) -> bool:
    """Whether colours are welcome: on a terminal, unless ``NO_COLOR`` is set (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def write_lines(lines: Iterable[str], stream: TextIO) -> None:
    """Write lines, with escapes for what the stream's encoding does not have."""
    encoding = stream.encoding or "utf-8"
    for line in lines:
        stream.write(f"{line}\n".encode(encoding, "backslashreplace").decode(encoding))
