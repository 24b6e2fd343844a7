"""Header lines as people and transports give them, and as the core takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["HeaderLines", "Lines", "Pairs", "byte_lines", "header_lines"]

HeaderLines = Iterable[tuple[str | bytes, str | bytes]] | Mapping[str, str]
"""A mapping of names to values, or pairs where a name stands several times; text or bytes."""
Pairs = tuple[tuple[str, str], ...]
Lines = list[tuple[bytes, bytes]]


def header_lines(headers: HeaderLines) -> Pairs:
    """Give header lines as pairs of text, one character a byte where that is possible."""
    pairs: Iterable[object] = headers.items() if isinstance(headers, Mapping) else headers
    if isinstance(pairs, str | bytes):
        message = "headers must be pairs of a name and a value, or a mapping, not one text"
        raise TypeError(message)
    lines = []
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            message = f"a header must be a pair of a name and a value, not {pair!r:.100}"
            raise TypeError(message)
        lines.append((_text(pair[0]), _text(pair[1])))
    return tuple(lines)


def _text(part: object) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, bytes | bytearray | memoryview):
        return bytes(part).decode("latin-1")
    message = f"a header's name and value must be str or bytes, not {type(part).__name__}"
    raise TypeError(message)


def byte_lines(lines: Iterable[tuple[str, str]]) -> Lines:
    """Give header lines as the core takes them; text beyond Latin-1 becomes UTF-8."""
    return [(_bytes(name), _bytes(value)) for name, value in lines]


def _bytes(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")
