"""Reading a HAR, however large: entry by entry, and of an entry only what CORS is about."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Any

from corsac._headers import Pairs
from corsac.browser.urls import URL, parse_url
from corsac.har.headers import kept_request_lines, kept_response_lines
from corsac.har.identity import Identities
from corsac.har.masking import MASK, masked_error, masked_kind, masked_url

try:
    import ijson
except ImportError as error:
    _MESSAGE = "corsac.har needs ijson, of the extra cli: pip install 'corsac[cli]'"
    raise ModuleNotFoundError(_MESSAGE, name="ijson") from error

__all__ = ["MAX_DEPTH", "MAX_HEADERS", "MAX_TEXT_BYTES", "Entry", "HARError", "Reading"]

MAX_DEPTH = 500
"""Values inside of each other in a HAR."""

MAX_TEXT_BYTES = 64 * 1024 * 1024
"""Bytes of one text in a HAR, such as a body that was recorded."""

MAX_HEADERS = 500
"""Header lines of one message that are read."""

_CHUNK, _MAX_CHUNK = 65_536, 16 * 1024 * 1024
_MAX_VALUE = 65_536
_MAX_PAGES, _MAX_PAGE_TEXT = 1_000, 2_000


class HARError(ValueError):
    """A file is not a HAR, or cannot be read as one."""


@dataclass(slots=True, eq=False)
class Entry:
    """One request and its answer, without secrets: what `corsac.har.masking` leaves.

    URLs are masked; `identity` and `target`, where a redirect goes, tell those apart that then look
    the same. They are the fragments of the URLs that the simulated browser is given, so that it
    takes other ones for others, too.
    """

    method: str = ""
    url: str = ""
    headers: Pairs = ()
    has_cookies: bool = False
    status: int = 0
    response_headers: Pairs = ()
    redirect_url: str = ""
    error: str = ""
    kind: str = ""
    initiator: str = ""
    page: str = ""
    number: int = 0
    identity: str = ""
    target: str = ""
    _lines: list[tuple[str, str]] = field(default_factory=list)
    _response_lines: list[tuple[str, str]] = field(default_factory=list)

    def header(self, name: str) -> str:
        """Give the first value of a request header; empty if there is none."""
        return next((value for known, value in self.headers if known == name), "")

    @property
    def has_answer(self) -> bool:
        """An answer was recorded, or some of its headers."""
        return bool(self.status or self.response_headers)

    @property
    def size(self) -> int:
        """About as many bytes as it takes."""
        texts = (self.method, self.url, self.redirect_url, self.error, self.initiator, self.page)
        lines = (*self.headers, *self.response_headers)
        return (
            _ENTRY_BYTES
            + sum(map(len, texts))
            + sum(_LINE_BYTES + len(name) + len(value) for name, value in lines)
        )

    def add_line(self, side: str, pair: dict[str, str]) -> None:
        """Add a header line of the request or response, if it has a name and a value."""
        name, value = pair.get("name"), pair.get("value")
        if not name or value is None:
            return
        if side == "request":
            self.has_cookies |= name.lower() == "cookie"
            lines, kept = self._lines, kept_request_lines(name, value)
        else:
            lines, kept = self._response_lines, kept_response_lines(name, value)
        lines.extend(islice(kept, MAX_HEADERS - len(lines)))

    def close(self, identities: Identities) -> None:
        """Drop what may be a secret: called before anybody sees the entry."""
        url = parse_url(self.url)
        self.identity = identities.of(url)
        places = [value for name, value in self._response_lines if name == "location"]
        if 300 <= self.status < 400 and not places and self.redirect_url:
            # Some write it only there.
            places = [self.redirect_url]
            self._response_lines.append(("location", self.redirect_url))
        if places:
            self.target = identities.of(parse_url(places[0].strip(" \t"), url))
        self.headers = tuple(self._lines)
        self.response_headers = tuple(
            (name, self._shown_place(value, url, identities) if name == "location" else value)
            for name, value in self._response_lines
        )
        self._lines, self._response_lines = [], []
        # As browsers write it, without the user name and password.
        self.url = masked_url(self.url if url is None else url.text)
        self.redirect_url = ""
        self.initiator = masked_url(self.initiator) if self.initiator else ""
        self.error, self.kind = masked_error(self.error), masked_kind(self.kind)

    def _shown_place(self, location: str, url: URL | None, identities: Identities) -> str:
        """Give where an answer points to, masked; what is not a URL stays none."""
        text = location.strip(" \t")
        if not text or url is None:
            return ""
        place = parse_url(text, url)
        if place is None:
            return _NOT_A_URL
        shown = masked_url(place.text)
        if place.has_credentials:
            # That there are some is what a browser blocks it for.
            shown = shown.replace("://", f"://{MASK}@", 1)
        return f"{shown}#{identities.of(place)}"


_ENTRY_BYTES, _LINE_BYTES = 1_000, 100
_NOT_A_URL = f"//{MASK}:{MASK}"
_IN_UTF_16 = "it is not JSON in UTF-8 but in UTF-16: save it as UTF-8"
_OTHER_FILES = {
    b"\x1f\x8b": "it is not JSON but a gzip file: unpack it first (gunzip)",
    b"PK\x03\x04": "it is not JSON but a zip file: unpack it first",
    **dict.fromkeys((b"\xff\xfe", b"\xfe\xff", b"{\0", b"\0{"), _IN_UTF_16),
}


class _Watched:
    """A stream that ends with an error where one text is too long to be kept.

    What stands between quotes is counted without reading the JSON: a parser has the whole text in
    memory before it tells anybody.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._is_inside = False
        self._length = 0
        self._has_escape = False
        self._is_first = True

    def read(self, size: int = _CHUNK) -> bytes:
        """Read the next bytes."""
        amount = min(size, _CHUNK) if size >= 0 else _CHUNK
        if self._is_inside and size != 0:
            # The parser begins a text anew with every chunk: steps of one size are quadratic.
            rest = MAX_TEXT_BYTES - self._length
            amount = max(amount, min(self._length, _MAX_CHUNK, rest))
        data = self._stream.read(amount)
        if self._is_first and size != 0:
            self._is_first = False
            # Some programs write a byte order mark; a JSON parser takes none.
            data = data.removeprefix(b"\xef\xbb\xbf")
            for start, message in _OTHER_FILES.items():
                if data.startswith(start):
                    raise HARError(message)
        self._count(data)
        return data

    def _count(self, data: bytes) -> None:
        plain = data[1:] if self._has_escape else data
        plain = plain.replace(b"\\\\", b"")
        self._has_escape = plain.endswith(b"\\")
        plain = plain.replace(b'\\"', b"")
        quotes = plain.count(b'"')
        self._length = self._length + len(data) if not quotes else len(plain) - plain.rfind(b'"')
        self._is_inside ^= bool(quotes % 2)
        if self._is_inside and self._length > MAX_TEXT_BYTES:
            size = MAX_TEXT_BYTES // 1024 // 1024
            message = (
                f"a text in it has more than {size} MiB: export it without the answers' bodies"
            )
            raise HARError(message)


class Reading:
    """The entries of a HAR in their order; ``pages`` has the URLs of pages by their ids."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.pages: dict[str, str] = {}
        self._path = path
        self._has_entries = False
        self._number = 0
        self._identities = Identities()
        # The names that lead to a value, with "*" for the places in a list; and what is being read.
        self._place: list[str] = []
        self._entry = Entry()
        self._pair: dict[str, str] = {}
        self._page: dict[str, str] = {}

    def entries(self) -> Iterator[Entry]:
        """Read the entries.

        Raises:
            HARError: It is not a HAR, not JSON, or ends too early.
            OSError: It cannot be read.
        """
        with open(self._path, "rb") as stream:
            try:
                # Without use_float a number of thousands of digits ends the process in ijson 3.6.
                for event, value in ijson.basic_parse(_Watched(stream), use_float=True):
                    entry = self._read(event, value)
                    if entry is not None:
                        yield entry
            except HARError:
                raise
            except (ijson.JSONError, ValueError, RecursionError):
                # The parser's own words have a piece of the file, which may be a secret.
                message = "it is not JSON in UTF-8, or ends too early"
                message += f": in or after entry {self._number}" if self._number else ""
                raise HARError(message) from None
        if not self._has_entries:
            message = "it is not a HAR: there is no list log.entries in it"
            raise HARError(message)

    def _read(self, event: str, value: Any) -> Entry | None:
        """Take one event of the JSON; give the entry that it ends, if it ends one."""
        match event:
            case "map_key":
                self._place[-1] = value if len(value) < 100 else ""
            case "start_map" | "start_array":
                self._start(event == "start_array")
            case "end_array":
                self._place.pop()
            case "end_map":
                self._place.pop()
                return self._end()
            case "string" | "number" if 4 <= len(self._place) <= 9:
                self._take(self._place, value)
        return None

    def _start(self, is_list: bool) -> None:
        if len(self._place) >= MAX_DEPTH:
            message = (
                f"it is not a HAR: there are more than {MAX_DEPTH} values inside of each other"
            )
            raise HARError(message)
        where = tuple(self._place) if len(self._place) <= 6 else ()
        if is_list:
            self._has_entries |= where == _ENTRY[:2]
        elif where == _ENTRY:
            self._number += 1
            self._entry = Entry(number=self._number)
        elif where == _PAGE:
            self._page = {}
        elif where in _HEADERS:
            self._pair = {}
        elif where == _COOKIE:
            self._entry.has_cookies = True
        self._place.append("*" if is_list else "")

    def _end(self) -> Entry | None:
        where = tuple(self._place) if len(self._place) <= 6 else ()
        if where == _ENTRY:
            self._entry.close(self._identities)
            return self._entry
        if where == _PAGE and self._page.get("id") and len(self.pages) < _MAX_PAGES:
            self.pages[self._page["id"]] = self._page.get("title", "")
        elif where in _HEADERS:
            self._entry.add_line(where[3], self._pair)
        return None

    def _take(self, place: list[str], value: Any) -> None:
        """Take a text or number if it is one that is wanted, of the type that it has to have."""
        kind, is_text = tuple(place[:3]), isinstance(value, str)
        if kind == _PAGE:
            if is_text and len(place) == 4 and place[3] in {"id", "title"}:
                self._page[place[3]] = value[:_MAX_PAGE_TEXT]
        elif kind != _ENTRY:
            return
        elif place[3:] == ["response", "status"]:
            if isinstance(value, int) and 100 <= value <= 999:
                self._entry.status = int(value)
        elif not is_text:
            return
        elif tuple(place[:-1]) in _HEADERS and place[-1] in {"name", "value"}:
            self._pair[place[-1]] = value[:_MAX_VALUE]
        elif (name := _TEXTS.get(tuple(place[3:]))) and not getattr(self._entry, name):
            setattr(self._entry, name, value[:_MAX_VALUE])


_ENTRY = ("log", "entries", "*")
_PAGE = ("log", "pages", "*")
_COOKIE = (*_ENTRY, "request", "cookies", "*")
_HEADERS = frozenset((*_ENTRY, side, "headers", "*") for side in ("request", "response"))
_TEXTS = {
    ("request", "method"): "method",
    ("request", "url"): "url",
    ("response", "redirectURL"): "redirect_url",
    ("response", "_error"): "error",
    ("_resourceType",): "kind",
    ("_initiator", "url"): "initiator",
    ("_initiator", "stack", "callFrames", "*", "url"): "initiator",
    ("pageref",): "page",
}
