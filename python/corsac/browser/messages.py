"""What goes over the wire: the requests that a browser sends, and the answers to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from corsac._text import shown

__all__ = ["HeaderLines", "Request", "Response", "TransportError"]
__all__ += ["byte_lines", "fill", "header_lines", "joined_values"]

Text = str | bytes
HeaderLines = Iterable[tuple[Text, Text]] | Mapping[str, str]
Pairs = tuple[tuple[str, str], ...]

_STATUS_RANGE = range(100, 1000)


def fill(value: object, **fields: object) -> None:
    """Set the fields of a frozen value that is being made."""
    for name, content in fields.items():
        object.__setattr__(value, name, content)


class TransportError(OSError):
    """A transport got no answer: no connection, a time-out, or not HTTP."""


def header_lines(headers: HeaderLines) -> Pairs:
    """Give header lines as pairs of text, one character a byte where that is possible."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    if isinstance(pairs, str | bytes):
        message = "headers must be pairs of a name and a value, or a mapping, not one text"
        raise TypeError(message)
    lines = []
    for pair in pairs:
        try:
            name, value = pair
        except (TypeError, ValueError):
            message = f"a header must be a pair of a name and a value, not {pair!r:.100}"
            raise TypeError(message) from None
        lines.append((_text(name), _text(value)))
    return tuple(lines)


def _text(part: object) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, bytes | bytearray | memoryview):
        return bytes(part).decode("latin-1")
    message = f"a header's name and value must be str or bytes, not {type(part).__name__}"
    raise TypeError(message)


def byte_lines(lines: Pairs) -> list[tuple[bytes, bytes]]:
    """Give header lines as the core takes them; text beyond Latin-1 becomes UTF-8."""
    return [(_bytes(name), _bytes(value)) for name, value in lines]


def _bytes(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _joined(lines: Pairs, name: str) -> str | None:
    wanted = name.lower()
    values = [value.strip(" \t") for known, value in lines if known.lower() == wanted]
    return ", ".join(values) if values else None


def joined_values(
    lines: list[tuple[bytes, bytes]], names: list[bytes]
) -> tuple[tuple[str, str], ...]:
    """Give the values of some headers, each joined as Fetch does, in one pass.

    https://fetch.spec.whatwg.org/#concept-header-list-get
    """
    values: dict[bytes, list[bytes]] = {name: [] for name in names}
    for name, value in lines:
        collected = values.get(name.lower())
        if collected is not None:
            collected.append(value.strip(b" \t"))
    return tuple(
        (name.decode("latin-1"), b", ".join(parts).decode("latin-1"))
        for name, parts in values.items()
    )


@dataclass(frozen=True, slots=True, init=False)
class Request:
    """One request that a browser sends; a transport gets it.

    Attributes:
        method: Such as ``"OPTIONS"``.
        url: The whole URL, without its fragment.
        headers: Pairs of name and value in the order of sending. ``Host``, ``Content-Length`` and
            whatever else belongs to one connection is added by the transport.
        is_preflight: The browser sends it to ask, before the request that the page wants.
        body: What is sent, or ``None``.
    """

    method: str
    url: str
    headers: Pairs
    is_preflight: bool
    body: bytes | None

    def __init__(
        self,
        method: str,
        url: str,
        headers: HeaderLines = (),
        is_preflight: bool = False,
        body: bytes | None = None,
    ) -> None:
        lines = header_lines(headers)
        fill(self, method=method, url=url, headers=lines, is_preflight=is_preflight, body=body)

    def header(self, name: str) -> str | None:
        """Give the value of a header, in any case of its name; ``None`` if it is not sent."""
        return _joined(self.headers, name)

    def as_dict(self) -> dict[str, object]:
        """Give the request as plain data, without its body."""
        return {
            "method": self.method,
            "url": self.url,
            "headers": [list(pair) for pair in self.headers],
            "is_preflight": self.is_preflight,
        }

    def __str__(self) -> str:
        """The request line."""
        return f"{shown(self.method)} {shown(self.url)}"


@dataclass(frozen=True, slots=True, init=False)
class Response:
    """The answer to a `Request`; a transport gives it.

    Args:
        status: 100 to 999.
        headers: Pairs of name and value, text or bytes, every line of its own; or a mapping.
        note: A remark of the transport's, for people.

    Raises:
        TypeError: The status is not an ``int``, or the headers are not pairs.
        ValueError: The status is out of range.
    """

    status: int
    headers: Pairs
    note: str

    def __init__(self, status: int, headers: HeaderLines = (), note: str = "") -> None:
        if type(status) is bool or not isinstance(status, int):
            message = f"the status of a response must be an int, not {type(status).__name__}"
            raise TypeError(message)
        if status not in _STATUS_RANGE:
            message = f"the status of a response must be from 100 to 999, not {status}"
            raise ValueError(message)
        fill(self, status=int(status), headers=header_lines(headers), note=note)

    def header(self, name: str) -> str | None:
        """Give all values of a header joined with ``", "``; ``None`` if it is not there."""
        return _joined(self.headers, name)

    def as_dict(self) -> dict[str, object]:
        """Give the response as plain data."""
        return {"status": self.status, "headers": [list(pair) for pair in self.headers]}
