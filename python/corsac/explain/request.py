"""A request as the one who asks for an explanation writes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["Headers", "Request"]

Headers = Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]
"""A mapping of names to values, or pairs where a name stands several times; text or bytes."""


class Request:
    """The parts of a request that are looked at.

    Args:
        method: The method, as it is sent.
        headers: The header lines; names in any case, values as a server hands them over.
        path: The path, as the router sees it: without the query, decoded once.

    Raises:
        TypeError: Something is not a text.
    """

    def __init__(self, method: str, headers: Headers, path: str) -> None:
        for name, value in (("method", method), ("path", path)):
            if not isinstance(value, str):
                message = f"{name} must be a str, not {type(value).__name__}"
                raise TypeError(message)
        self.method = method
        self.path = path
        self.lines = _read(headers)

    def values(self, name: str) -> list[str]:
        """Return the values of all lines of a header; the name is in lower case."""
        return [value for each, value in self.lines if each == name]

    def value(self, name: str) -> str | None:
        """Return the lines of a header joined with ``", "`` (Fetch, "get"), or ``None``."""
        values = self.values(name)
        return ", ".join(values) if values else None

    def environ(self) -> dict[str, str]:
        """Return the lines under the names of CGI; as in servers, a comma joins those of one."""
        variables: dict[str, str] = {}
        for name, value in self.lines:
            if "_" in name:  # It would take the place of the header that is spelt with a hyphen.
                continue
            key = f"HTTP_{name.upper().replace('-', '_')}"
            variables[key] = f"{variables[key]},{value}" if key in variables else value
        return variables


def _read(headers: Headers) -> list[tuple[str, str]]:
    pairs: Iterable[object] = headers.items() if isinstance(headers, Mapping) else headers
    wanted = "headers are a mapping of names to values, or pairs of a name and a value"
    if isinstance(pairs, (str, bytes)):
        raise TypeError(wanted)
    lines = []
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(wanted)
        name, value = (_text(part) for part in pair)
        lines.append((name.lower(), value))
    return lines


def _text(part: object) -> str:
    if isinstance(part, bytes):
        return part.decode("latin-1")
    if isinstance(part, str):
        return part
    message = f"names and values of headers are text, not {type(part).__name__}"
    raise TypeError(message)
