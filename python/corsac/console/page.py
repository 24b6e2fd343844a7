"""A text in which messages are looked for, and what stands in the places of their fields."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from corsac.console.table import Message

__all__ = ["METHOD", "SOURCE", "Hit", "Page", "is_fit"]

_SPACED = frozenset({"value", "kind", "schemes", "initiator", "address", "what", "type"})
"""Fields that may have a space inside."""
METHOD = re.compile(r"[!#$%&'*+.^`|~\w-]{1,80}")
_SHAPES = {
    "status": re.compile(r"\d{1,3}"),
    "port": re.compile(r"\d{1,5}"),
    "secure": re.compile(r"True|False"),
    "seconds": re.compile(r"\d{1,9}"),
    "error": re.compile(r"ERR_[A-Z0-9_]{1,80}(?:\.[A-Za-z0-9_]{1,80})?"),
    "method": METHOD,
    "header": re.compile(r"[!#$%&'*+.^`|~\w-]{1,200}"),
}
_TOKEN = re.compile(r"[^ \n]{0,16384}")
SOURCE = re.compile(r" \([^()]{1,200}, line \d{1,9}\)$")


@dataclass(slots=True, eq=False)
class Hit:
    """A message that was found: where, and what stands in the places of its fields.

    ``preflight`` says whether the text says that a preflight failed, ``None`` if it is not whole
    enough to say; ``is_prefixed`` that WebKit printed it for the network panel, too; ``line`` is
    the number of lines before it.
    """

    start: int
    end: int
    message: Message
    values: dict[str, str] = field(default_factory=dict)
    is_prefixed: bool = False
    has_head: bool = False
    preflight: bool | None = None
    line: int = 0

    @property
    def is_whole(self) -> bool:
        """All that is usually printed before the text was there."""
        return self.has_head or not (self.message.head or self.message.role == "rest")


class Page:
    """A text, and the same with straight quotes, which has the same positions."""

    def __init__(self, text: str, plain: str) -> None:
        self.text = text
        self.plain = plain

    def token_start(self, low: int, end: int) -> int:
        """Give the start of the word that ends at a position."""
        return max(low, self.plain.rfind(" ", low, end) + 1)

    def field_end(self, name: str, start: int, high: int) -> int:
        """Give the end of a field that nothing stands after: of its word, or of the line."""
        if name in _SPACED:
            source = SOURCE.search(self.plain, max(start, high - 220), high)
            return source.start() if source else high
        shape = _SHAPES.get(name, _TOKEN)
        match = shape.match(self.plain, start, high)
        return match.end() if match else start


def is_fit(name: str, value: str) -> bool:
    """Whether a text can stand in the place of a field."""
    if name in _SPACED:
        return True
    shape = _SHAPES.get(name)
    if shape is not None:
        return shape.fullmatch(value) is not None
    return bool(value) and " " not in value and "\n" not in value
