"""Pieces of Markdown that several generated pages are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

GENERATED = "<!-- Made by docs/site_pages from the code. -->\n\n"


def block(language: str, text: str) -> str:
    """A fenced block."""
    return f"```{language}\n{text.rstrip()}\n```\n"


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
