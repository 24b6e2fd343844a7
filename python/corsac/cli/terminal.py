"""What commands write, all of it by rich: text as wide as the terminal, colours, progress."""

from __future__ import annotations

import json
import os
import re
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Self, TextIO

from rich.console import Console, RenderableType
from rich.status import Status
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from corsac._text import printable, safe_repr
from corsac.codes import where_to_read
from corsac.errors import CORSConfigProblem

__all__ = ["MAX_TEXT", "SEVERITIES", "Output", "Part", "Progress", "counted", "tally"]
__all__ += ["say", "write_json", "write_lines"]

Part = str | Text | tuple[str, str]
"""A piece of a line: plain, or with its style."""

SEVERITIES = ("error", "warning", "info")
"""From bad to good; each is the name of its style too."""

_STYLES = {
    "dim": "bright_black",
    "good": "green",
    "bad": "red",
    "name": "cyan",
    "error": "bold red",
    "warning": "bold yellow",
    "info": "bold cyan",
    "allowed": "bold green",
    "blocked": "bold red",
}
# Sentences in a pipe are broken there, for those who read them in a file; all else is not.
_PIPE_WIDTH = 100
_LEAST_WIDTH = 20

MAX_TEXT = 2_000
"""Characters of one text, such as a message, that are shown."""
_MAX_VALUE = 200


class Output:
    """A stream that a command writes to.

    On a terminal, lines are broken between words and go on below their text. Words are never
    broken: a URL can be copied. There are no colours in a pipe, on a dumb terminal, and with
    ``NO_COLOR`` (no-color.org).
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._console = _console(stream)
        if not self._is_terminal and "COLUMNS" not in os.environ:
            self._console.width = _PIPE_WIDTH

    @property
    def width(self) -> int:
        """Columns of the terminal, but not more than are easily read."""
        return min(self._console.width, _PIPE_WIDTH)

    def row(
        self, label: Part | list[Part] = "", *body: Part, prose: bool = False, hang: int = 0
    ) -> None:
        """Write a label, and beside it a text that is broken to as many lines as it needs.

        Lines after the first are indented by the label's width and ``hang``; ``prose`` is broken in
        a pipe too.
        """
        line = Text.assemble(*(label if isinstance(label, list) else [label]))
        text = Text.assemble(*body)
        if prose or self._is_terminal:
            width = max(_LEAST_WIDTH, self.width - line.cell_len - hang)
            indent = "\n" + " " * (line.cell_len + hang)
            text = Text(indent).join(_broken(text, width))
        line.append_text(text)
        line.rstrip()
        self._show(line, soft_wrap=True)

    def note(self, text: str, *, prose: bool = False) -> None:
        """Write a remark."""
        self.row([("note", "warning"), "  "], text, prose=prose)

    def more(self, codes: Iterable[str | None], indent: str = "") -> None:
        """Say once where to read about codes: about the first, if there is one."""
        code = next(filter(None, codes), None)
        if code is not None:
            self.row(indent, (where_to_read(printable(code, _MAX_VALUE)), "dim"))

    def page(self, label: str, page: str) -> None:
        """Write where a page of the site is found; ``page`` is its source, as in `Diagnosis.page`.

        Most of these sources are made too, so the file that a reader can open is named.
        """
        source, hash_, anchor = page.partition("#")
        made = source.replace("docs/", "build/docs/html/", 1).removesuffix(".md")
        self.row([(label, "dim")], f"{made}.html{hash_}{anchor}, after make docs in the clone")

    def problem(self, problem: CORSConfigProblem, place: str = "") -> None:
        """Write a problem of a configuration: where and what, why, and what to do."""
        value, option = problem.value, printable(problem.option, _MAX_VALUE)
        text = printable(safe_repr(value), _MAX_VALUE)
        if isinstance(value, str) and len(value) > _MAX_VALUE:
            text = f"{value[:_MAX_VALUE]!r}..."
        # The name of an unknown option is its own value.
        what = option if value == problem.option else f"{option}: {text}"
        self.row([place, (problem.severity, problem.severity), "  "], f"{what}  [{problem.code}]")
        self.row("  ", printable(problem.message, MAX_TEXT))
        if problem.hint:
            self.row("  -> ", printable(problem.hint, MAX_TEXT))

    def table(self, rows: Iterable[Sequence[Part]]) -> None:
        """Write cells below each other; the first column is broken where there is no room."""
        grid = Table.grid(padding=(0, 2))
        for number, row in enumerate(rows):
            if number == 0:
                for position, _ in enumerate(row):
                    grid.add_column(no_wrap=position > 0)
            grid.add_row(*map(Text.assemble, row))
        self._show(grid)

    def _show(self, *what: RenderableType, soft_wrap: bool = False) -> None:
        # Captured, so that what the encoding lacks becomes escapes and an error is an OSError.
        with self._console.capture() as captured:
            self._console.print(*what, soft_wrap=soft_wrap)
        write_lines(re.sub(r" +$", "", captured.get(), flags=re.M).splitlines(), self._stream)

    def flush(self) -> None:
        """Hand over what was written so far."""
        self._stream.flush()


def _console(stream: TextIO) -> Console:
    theme = Theme(_STYLES, inherit=False)
    return Console(file=stream, theme=theme, highlight=False, markup=False, emoji=False)


def _broken(text: Text, width: int) -> list[Text]:
    """Break a text between words; a word that is too long has a line of its own."""
    end, parts = 0, []
    for line in textwrap.wrap(text.plain, width, break_long_words=False, break_on_hyphens=False):
        start = text.plain.index(line, end)
        end = start + len(line)
        parts.append(text[start:end])
    return parts or [text]


def counted(number: int, one: str, many: str = "") -> str:
    """Give a number with the word for what is counted; its plural has an s unless it is given."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def tally(severities: Sequence[str]) -> str:
    """Count problems by their severities: ``"2 errors, 1 info"``; empty if there are none."""
    counts = [(severities.count(severity), severity) for severity in SEVERITIES]
    return ", ".join(counted(number, severity) for number, severity in counts if number)


class Progress(Status):
    """What is waited for, at the bottom of a terminal; elsewhere nothing."""

    def __init__(self, stream: TextIO) -> None:
        console = _console(stream)
        self._is_shown = stream.isatty() and not console.is_dumb_terminal
        # Besides the spinner, and the dots of a text that was cut.
        self._room = max(_LEAST_WIDTH, console.width - 6)
        spinner = "line" if console.options.ascii_only else "dots"
        super().__init__("Connecting ...", console=console, spinner=spinner)

    def __enter__(self) -> Self:
        """Show it until the context ends."""
        self.start()
        return self

    def start(self) -> None:
        """Show it, also again after something else was written."""
        if self._is_shown:
            super().start()

    def tell(self, text: str) -> None:
        """Say what is waited for now."""
        self.update(Text(printable(text, self._room)))
        self.start()


def say(text: str) -> None:
    """Write lines to standard output at once, for whoever waits for them."""
    write_lines(text.splitlines(), sys.stdout)
    sys.stdout.flush()


def write_json(content: object, stream: TextIO) -> None:
    """Write one JSON value for programs."""
    write_lines([json.dumps(content, indent=2)], stream)


def write_lines(lines: Iterable[str], stream: TextIO) -> None:
    """Write lines as they are, with escapes for what the stream's encoding does not have."""
    encoding = stream.encoding or "utf-8"
    for line in lines:
        stream.write(f"{line}\n".encode(encoding, "backslashreplace").decode(encoding))
