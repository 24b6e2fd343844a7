"""Mermaid's sequence diagrams as SVG, made without a browser and without a network.

Code hosts draw a fenced block ``mermaid`` themselves. On the site it is an SVG inside of the page,
whose colours are those of the theme, light or dark. Only what the pages use is understood:
``participant A as Text``, ``A->>B: text``, ``A-->>B: text``, ``Note over A: text`` and
``Note over A,B: text``; anything else is an error.
"""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Sequence

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

COLUMN, MARGIN = 180, 56
LINE_HEIGHT, GAP = 16, 14
ARROW_CHARACTERS, NOTE_CHARACTERS = 24, 24

_PARTICIPANT = re.compile(r"participant (\w+) as (.+)")
_ARROW = re.compile(r"(\w+)(-?->>)(\w+): (.+)")
_NOTE = re.compile(r"Note over (\w+)(?:,(\w+))?: (.+)")


class DiagramError(ValueError):
    """A line of a diagram that is not understood."""


def draw(text: str, title: str) -> str:
    """Draw one diagram.

    Args:
        text: The lines of Mermaid, of which the first is ``sequenceDiagram``.
        title: What it shows, for those who do not see it.

    Returns:
        An ``<svg>`` element with classes for the colours.

    Raises:
        DiagramError: A line is not understood.
    """
    first, *lines = [line.strip() for line in text.splitlines() if line.strip()]
    if first != "sequenceDiagram":
        raise DiagramError(first)
    columns: dict[str, int] = {}
    heads: list[str] = []
    body: list[str] = []
    top = 56.0
    for line in lines:
        if found := _PARTICIPANT.fullmatch(line):
            columns[found[1]] = MARGIN + COLUMN * len(columns)
            heads.append(_box(columns[found[1]], 22, [found[2]], "head", 100))
        elif found := _ARROW.fullmatch(line):
            start, end = columns[found[1]], columns[found[3]]
            words = textwrap.wrap(found[4], ARROW_CHARACTERS * abs(end - start) // COLUMN)
            drawn, top = _arrow(start, end, words, top, dashed=found[2] == "-->>")
            body.append(drawn)
        elif found := _NOTE.fullmatch(line):
            start, end = columns[found[1]], columns[found[2] or found[1]]
            wide = abs(end - start)
            words = textwrap.wrap(found[3], NOTE_CHARACTERS + wide * ARROW_CHARACTERS // COLUMN)
            height = LINE_HEIGHT * len(words) + 12
            body.append(_box((start + end) / 2, top + height / 2, words, "note", wide + 172))
            top += height + GAP
        else:
            raise DiagramError(line)
    width = 2 * MARGIN + COLUMN * (len(columns) - 1)
    lives = [f'<path class="life" d="M{x} 38V{top}"/>' for x in columns.values()]
    content = "\n".join([f"<title>{html.escape(title)}</title>", *lives, *heads, *body])
    return (
        f'<svg class="sequence" role="img" viewBox="0 0 {width} {top + 4}"'
        f' xmlns="http://www.w3.org/2000/svg">\n{content}\n</svg>'
    )


def _arrow(
    start: float, end: float, words: Sequence[str], top: float, *, dashed: bool
) -> tuple[str, float]:
    """An arrow below its words, and where what follows begins."""
    line = top + LINE_HEIGHT * len(words) + 2
    back = 8 if end > start else -8
    kind = "arrow dashed" if dashed else "arrow"
    drawn = [
        _text((start + end) / 2, top + 8, words, "words"),
        f'<path class="{kind}" d="M{start} {line}H{end - back}"/>',
        f'<path class="tip" d="M{end} {line}l{-back * 1.3:g} -5v10z"/>',
    ]
    return "\n".join(drawn), line + GAP


def _box(x: float, y: float, words: Sequence[str], kind: str, width: float) -> str:
    height = LINE_HEIGHT * len(words) + (12 if kind == "note" else 16)
    corner = f'x="{x - width / 2:g}" y="{y - height / 2:g}" rx="6"'
    box = f'<rect class="{kind}" {corner} width="{width:g}" height="{height:g}"/>'
    return box + _text(x, y - LINE_HEIGHT * (len(words) - 1) / 2, words, f"words {kind}")


def _text(x: float, y: float, words: Sequence[str], kind: str) -> str:
    """Lines of text whose first has its middle at y."""
    lines = [
        f'<tspan x="{x:g}" y="{y + LINE_HEIGHT * number + 4:g}">{html.escape(line)}</tspan>'
        for number, line in enumerate(words)
    ]
    return f'<text class="{kind}">{"".join(lines)}</text>'


class SequenceDiagram(SphinxDirective):
    """The directive ``mermaid``, which MyST makes of a fenced block of that name."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Draw the diagram, in place."""
        title = self.arguments[0] if self.arguments else "Sequence diagram"
        try:
            drawn = draw("\n".join(self.content), title)
        except (DiagramError, KeyError) as error:
            raise self.error(f"the diagram is not understood: {error}") from error
        figure = f'<div class="sequence-scroll">{drawn}</div>'
        return [nodes.raw("", figure, format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("mermaid", SequenceDiagram)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
