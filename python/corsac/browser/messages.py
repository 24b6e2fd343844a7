"""What goes over the wire: the requests that a browser sends, and the answers to them."""

from __future__ import annotations

from dataclasses import dataclass, field

from corsac._headers import HeaderLines, Lines, Pairs, byte_lines, header_lines
from corsac._text import shown
from corsac._values import NOT_IN_DICT, PlainData

__all__ = ["HeaderLines", "Lines", "Pairs", "Request", "Response", "TransportError"]
__all__ += ["byte_lines", "fill", "header_lines", "joined_values"]


def fill(value: object, **fields: object) -> None:
    """Set the fields of a frozen value that is being made."""
    for name, content in fields.items():
        object.__setattr__(value, name, content)


class TransportError(OSError):
    """A transport got no answer: no connection, a time-out, or not HTTP."""


def joined_values(lines: Lines, names: list[bytes]) -> Pairs:
    """Give the values of some headers, each joined as Fetch does, in one pass.

    https://fetch.spec.whatwg.org/#concept-header-list-get
    """
    values: dict[bytes, list[bytes]] = {name: [] for name in names}
    for name, value in lines:
        if name.lower() in values:
            values[name.lower()].append(value.strip(b" \t"))
    return tuple(
        (name.decode("latin-1"), b", ".join(parts).decode("latin-1"))
        for name, parts in values.items()
    )


class _Message(PlainData):
    """What requests and responses have."""

    __slots__ = ()
    headers: Pairs

    def header(self, name: str) -> str | None:
        """Give all values of a header, in any case of its name, joined with ``", "``, or ``None``.

        https://fetch.spec.whatwg.org/#concept-header-list-get
        """
        wanted = name.lower()
        values = [value.strip(" \t") for known, value in self.headers if known.lower() == wanted]
        return ", ".join(values) if values else None


@dataclass(frozen=True, slots=True, init=False)
class Request(_Message):
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
    body: bytes | None = field(metadata=NOT_IN_DICT)

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

    def __str__(self) -> str:
        """The request line."""
        return f"{shown(self.method)} {shown(self.url)}"


@dataclass(frozen=True, slots=True, init=False)
class Response(_Message):
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
    note: str = field(metadata=NOT_IN_DICT)

    def __init__(self, status: int, headers: HeaderLines = (), note: str = "") -> None:
        if type(status) is bool or not isinstance(status, int):
            message = f"the status of a response must be an int, not {type(status).__name__}"
            raise TypeError(message)
        if not 100 <= status <= 999:
            message = f"the status of a response must be from 100 to 999, not {status}"
            raise ValueError(message)
        fill(self, status=int(status), headers=header_lines(headers), note=note)
