"""Places in a program's text, and what is written there instead."""

from __future__ import annotations

import ast
import dataclasses
import re

__all__ = ["Edit", "Places"]


@dataclasses.dataclass(frozen=True, slots=True)
class Edit:
    """What is written in place of a part of a text.

    Attributes:
        start: Where the part begins.
        end: Where it ends.
        text: What is written, with line feeds.
    """

    start: int
    end: int
    text: str


class Places:
    """Where the nodes of a file stand in its text."""

    def __init__(self, text: str) -> None:
        self.text = text
        # As Python counts lines: form feeds and the like end none.
        self._lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    def offset(self, line: int, column: int) -> int:
        """The place of a line and a column in bytes, as `ast` gives them."""
        text = self._lines[line - 1]
        mark = "\ufeff" if line == 1 and text.startswith("\ufeff") else ""
        before = text[len(mark) :].encode("utf-8", "surrogatepass")[:column]
        return self._starts[line - 1] + len(mark) + len(before.decode("utf-8", "replace"))

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Where a node begins and ends."""
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self.offset(node.lineno, node.col_offset), self.offset(end_line, end_column)

    def is_alone(self, start: int, end: int) -> bool:
        """Whether nothing but white space and a comment stands on the lines of a part."""
        before = re.split(r"[\r\n]", self.text[:start])[-1]
        after = re.split(r"[\r\n]", self.text[end:], maxsplit=1)[0].strip()
        return not before.strip("\ufeff \t\x0c") and (not after or after.startswith("#"))

    def indent(self, line: int) -> str:
        """The white space that a line begins with."""
        text: str = self._lines[line - 1]
        return text[: len(text) - len(text.lstrip(" \t"))]
