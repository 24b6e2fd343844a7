"""The table of what browsers print: causes, and the messages that tell them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

__all__ = ["Cause", "Detail", "Message", "Table", "straight", "table"]

_FIELD = re.compile(r"\{(\w+)\}")

# Curly quotes become straight ones, and odd spaces plain ones, each in its place: a position is the
# same before and after.
_ALIKE = {
    "'": "\u2018\u2019\u201a\u201b\u2032",
    '"': "\u201c\u201d\u201e\u2033",
    " ": "\t\u00a0\u2007\u202f",
    "\n": "\r\x0b\x0c\u2028\u2029",
}


def straight(text: str) -> str:
    """Return a text with straight quotes, plain spaces and one kind of line end, as long as it was.

    In linear time, and for ASCII without a table.
    """
    for plain, others in _ALIKE.items():
        for other in others:
            if not (other > "\x7f" and text.isascii()):
                text = text.replace(other, plain)
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a page's request failed, and what to change; the page of documentation has its name."""

    name: str
    title: str
    reasons: tuple[str, ...]
    cors: bool
    cause: str
    server: str
    page: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """What a message adds to its cause; texts that are empty leave those of the cause."""

    cause: str
    server: str = ""
    page: str = ""


_USUAL = {"type": "text/html"}
"""What mostly stands in some fields: a server's error page in the place of a script."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What an engine prints.

    ``parts`` are its literal texts with straight quotes, ``fields`` the names of what stands
    between: one fewer, and those of ``tail``, which may be missing, likewise.
    """

    engines: tuple[str, ...]
    cause: Cause
    text: str
    phase: str = ""
    reasons: tuple[str, ...] = ()
    code: str = ""
    role: str = ""
    head: str = ""
    detail: str = ""
    preflight: bool = False
    old: bool = False
    ends: bool = False
    shared: bool = False
    parts: tuple[str, ...] = field(default=(), init=False)
    fields: tuple[str, ...] = field(default=(), init=False)
    tail: tuple[str, ...] = field(default=(), init=False)
    tail_fields: tuple[str, ...] = field(default=(), init=False)

    def __post_init__(self) -> None:
        needed, _, tail = straight(self.text).partition("|")
        for name, text in (("", needed), ("tail", tail)):
            pieces = _FIELD.split(text)
            object.__setattr__(self, name or "parts", tuple(pieces[::2]))
            object.__setattr__(self, f"{name}_fields".lstrip("_"), tuple(pieces[1::2]))

    @property
    def anchor(self) -> str:
        """The longest literal text, by which the message is found."""
        return max(self.parts, key=len)

    def fill(self, values: Mapping[str, str]) -> str:
        """Write the message for one request, with the tail if all of its values are known."""
        values = _USUAL | dict(values)
        text, _, tail = self.text.partition("|")
        if all(values.get(name) for name in _FIELD.findall(tail)):
            text += tail
        return _FIELD.sub(lambda match: values.get(match[1], f"({match[1]})"), text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All of it: causes by name, details by key, messages, errors of the network, heads."""

    causes: Mapping[str, Cause]
    details: Mapping[str, Detail]
    messages: tuple[Message, ...]
    network: Mapping[str, str]
    heads: Mapping[str, str]


@cache
def table() -> Table:
    """Read the table, once."""
    data = tomllib.loads((resources.files("corsac.console") / "causes.toml").read_text("utf-8"))
    causes = {
        name: Cause(name=name, **{**row, "reasons": tuple(row["reasons"])})
        for name, row in data["causes"].items()
    }
    messages: list[Message] = []
    row: Any
    for row in data["messages"]:
        given: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in row.items()
        }
        messages.append(Message(**{**given, "cause": causes[row["cause"]]}))
    return Table(
        causes=causes,
        details={key: Detail(**row) for key, row in data["details"].items()},
        messages=tuple(messages),
        network=data["network"],
        heads=data["heads"],
    )
