"""Pieces of Markdown that several generated pages are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_MAX_CALL = 60
GENERATED = "<!-- Made by docs/site_pages from the code. -->\n\n"


def block(language: str, text: str) -> str:
    """A fenced block."""
    return f"```{language}\n{text.rstrip()}\n```\n"


def call(name: str, arguments: Sequence[str]) -> str:
    """A call in Python, in lines that fit a page."""
    line = f"{name}({', '.join(arguments)})"
    if len(line) <= _MAX_CALL:
        return line
    return "\n".join([f"{name}(", *(f"    {argument}," for argument in arguments), ")"])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, whose cells have no line breaks."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell(each) for each in line)} |\n" for line in lines)


def cell(text: str) -> str:
    """What stands in a cell: one line, without a bar that would end it."""
    return " ".join(text.split()).replace("|", "\\|")


def anchored(name: str, heading: str, level: int = 2) -> str:
    """A heading with an anchor of its own."""
    return f"({name})=\n\n{'#' * level} {heading}\n"


def anchor(code: str) -> str:
    """What a code is called in a link: ``origin.invalid`` is ``origin-invalid``."""
    return code.replace(".", "-").replace("_", "-").replace(":", "-")


def from_docstring(text: str) -> str:
    """A docstring's reStructuredText as Markdown; they use marks for code alone."""
    return text.replace("``", "`")


_CODE = re.compile(
    r"CORSPolicy\([^)]*\)"
    r"|\w+ ?= ?(?:\[[^\]]*\]|\"[\w-]+\"|True|False)|(?<!\w)'[^'\s]+'(?!\w)|\"[^\"\s]+\"(?!\w)"
    r"|https?://[^\s,;)]*[\w/]|Access-Control-[\w-]+|[\w.]*\w_\w+|--[\w-]+"
    r"|(?<!\w)\*(?!\w)|\w+: \"[\w-]+\""
)


def plain(text: str) -> str:
    """A sentence whose marks mean nothing to Markdown, and what is code of it as code."""
    pieces, end = [], 0
    for found in _CODE.finditer(text):
        pieces += [escaped(text[end : found.start()]), f"`{found[0]}`"]
        end = found.end()
    return "".join([*pieces, escaped(text[end:])])


def escaped(text: str) -> str:
    """A sentence whose marks mean nothing to Markdown."""
    return re.sub(r"([*_<\\[\]])", r"\\\1", text)
