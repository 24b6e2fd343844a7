"""URLs as browsers read them (URL standard), so that two texts are one origin where they say so.

`urllib.parse` reads some hosts, backslashes and control characters otherwise than browsers do, and
then takes another server for the one that is asked.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote_from_bytes, unquote_to_bytes

from corsac import _core
from corsac._values import FrozenValue
from corsac.judge.hosts import a_label, is_undecodable_label

__all__ = ["HTTP_SCHEMES", "MAX_HOST_LENGTH", "MAX_URL_LENGTH", "URL", "parse_url"]

MAX_URL_LENGTH = 2 * 1024 * 1024
"""Characters in a URL; Chromium opens none that is longer."""
MAX_HOST_LENGTH = 1024
"""Characters in a host before it is read. DNS has 253, and escapes take up to three each."""

HTTP_SCHEMES = frozenset({"http", "https"})
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21}
_MAX_PORT = 65535

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_SLASHES = re.compile(r"[/\\]*")
_AUTHORITY = re.compile(r"[^/\\?#]*")
_PORT = re.compile(r":([0-9]*)\Z")
_FORBIDDEN_IN_DOMAIN = re.compile(r"[\x00-\x20#/:<>?@\[\\\]^|%\x7f]")
_IPV4_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]*|[0-9]+")
_XN = re.compile("xn--", re.IGNORECASE)
_DOTS = re.compile("[\u3002\uff0e\uff61]")
# All that `quote_from_bytes` must leave alone: what is printable, less the percent-encode set.
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_QUERY_SAFE = "".join(sorted(set(_PRINTABLE) - set("\"#<>'")))
_PATH_SAFE = "".join(sorted(set(_PRINTABLE) - set('"#<>?^`{}')))
_FRAGMENT_SAFE = "".join(sorted(set(_PRINTABLE) - set('"<>`')))


class URL(FrozenValue):
    """A URL taken apart and normalized.

    Attributes:
        scheme: In lower case.
        host: As it is serialized; empty if the scheme is none of the web's.
        port: ``None`` for the scheme's default.
        path: Percent-encoded; what follows the colon if the scheme is none of the web's.
        query: Without the question mark; ``None`` if there is none.
        fragment: Without the number sign; ``None`` if there is none.
        has_credentials: A user name or password was given; they are not kept.
    """

    __slots__ = ("fragment", "has_credentials", "host", "path", "port", "query", "scheme")
    _fields = ("scheme", "host", "port", "path", "query", "fragment", "has_credentials")

    scheme: str
    host: str
    port: int | None
    path: str
    query: str | None
    fragment: str | None
    has_credentials: bool

    def __init__(  # noqa: PLR0917 - the fields
        self,
        scheme: str,
        host: str,
        port: int | None,
        path: str,
        query: str | None = None,
        fragment: str | None = None,
        has_credentials: bool = False,
    ) -> None:
        self._fill(scheme, host, port, path, query, fragment, has_credentials)

    @property
    def origin(self) -> str:
        """The serialized origin; ``"null"`` if the scheme is none of the web's."""
        if self.scheme not in _DEFAULT_PORTS:
            return "null"
        return _core.browser_serialize_origin(self.scheme, self.host, self.port)

    @property
    def effective_port(self) -> int | None:
        """The port that is connected to."""
        return _DEFAULT_PORTS.get(self.scheme) if self.port is None else self.port

    def __str__(self) -> str:
        """The URL with its query and without its fragment, as it is asked for and shown."""
        start = self.origin if self.scheme in _DEFAULT_PORTS else f"{self.scheme}:"
        return start + self.path + ("" if self.query is None else f"?{self.query}")

    @property
    def with_fragment(self) -> str:
        """The whole URL, which is what a preflight is remembered for."""
        return str(self) + ("" if self.fragment is None else f"#{self.fragment}")

    def with_other_fragment(self, fragment: str | None) -> URL:
        """The same URL with another fragment, or with none."""
        return self.__replace__(fragment=fragment)


def parse_url(text: str, base: URL | None = None) -> URL | None:
    """Read a URL, perhaps relative to another one (URL, "basic URL parser").

    Args:
        text: Any text.
        base: What a relative URL is relative to; one with the scheme http or https.

    Returns:
        The URL, or ``None`` if it cannot be read.
    """
    if len(text) > MAX_URL_LENGTH:
        return None
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = text.strip("".join(map(chr, range(0x21))))
    text = text.translate({0x09: None, 0x0A: None, 0x0D: None})
    text, hash_mark, fragment_text = text.partition("#")
    fragment = _encode(fragment_text, _FRAGMENT_SAFE) if hash_mark else None

    scheme_match = _SCHEME.match(text)
    if scheme_match is None:
        return None if base is None else _relative(text, base, fragment)
    scheme, rest = scheme_match[1].lower(), text[scheme_match.end() :]
    if scheme not in _DEFAULT_PORTS:
        path, question_mark, query = rest.partition("?")
        return URL(scheme, "", None, path, query if question_mark else None, fragment)
    slashes = _SLASHES.match(rest)
    length = slashes.end() if slashes else 0
    if length < 2 and base is not None and base.scheme == scheme:
        return _relative(rest, base, fragment)
    return _authority(scheme, rest[length:], fragment)


def _relative(text: str, base: URL, fragment: str | None) -> URL | None:
    """URL, "relative state"."""
    slashes = _SLASHES.match(text)
    length = slashes.end() if slashes else 0
    if length > 1:
        return _authority(base.scheme, text[length:], fragment)
    path_text, question_mark, query_text = text.partition("?")
    query = _encode(query_text, _QUERY_SAFE) if question_mark else None
    if length == 1:
        path = _path(path_text[1:], [])
    elif path_text:
        path = _path(path_text, base.path.split("/")[1:-1])
    else:
        path, query = base.path, query if question_mark else base.query
    return URL(base.scheme, base.host, base.port, path, query, fragment, base.has_credentials)


def _authority(scheme: str, text: str, fragment: str | None) -> URL | None:
    """URL, "authority state", of what follows the slashes."""
    match = _AUTHORITY.match(text)
    authority = match[0] if match else ""
    path_text, question_mark, query_text = text[len(authority) :].partition("?")
    userinfo, _, host_text = authority.rpartition("@")
    port_match = _PORT.search(host_text)
    port: int | None = None
    if port_match is not None:
        host_text = host_text[: port_match.start()]
        digits = port_match[1].lstrip("0")
        if len(digits) > 5 or int(digits or "0") > _MAX_PORT:
            return None
        port = int(digits or "0") if port_match[1] else None
        if port == _DEFAULT_PORTS[scheme]:
            port = None
    host = _host(host_text)
    if host is None:
        return None
    query = _encode(query_text, _QUERY_SAFE) if question_mark else None
    path = _path(path_text[1:], [])
    return URL(scheme, host, port, path, query, fragment, userinfo.strip(":") != "")


def _path(text: str, segments: list[str]) -> str:
    """URL, "path state": joins segments, and takes the dots out."""
    parts = re.split(r"[/\\]", text)
    for number, part in enumerate(parts):
        dots = part.lower().replace("%2e", ".") if len(part) <= 6 else part
        is_last = number == len(parts) - 1
        if dots == "..":
            if segments:
                segments.pop()
            if is_last:
                segments.append("")
        elif dots == ".":
            if is_last:
                segments.append("")
        else:
            segments.append(_encode(part, _PATH_SAFE))
    return "/" + "/".join(segments)


def _encode(text: str, safe: str) -> str:
    """URL, "UTF-8 percent-encode" with what is not safe."""
    return quote_from_bytes(text.encode("utf-8", "replace"), safe)


def _host(text: str) -> str | None:
    """URL, "host parser"."""
    if not text or len(text) > MAX_HOST_LENGTH:
        return None
    if text.startswith("["):
        return _ipv6(text[1:-1]) if text.endswith("]") else None
    try:
        domain = unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        return None
    domain = _domain_to_ascii(domain)
    if not domain or _FORBIDDEN_IN_DOMAIN.search(domain):
        return None
    labels = domain.removesuffix(".").split(".")
    if labels[-1].isdigit() or (labels[-1] and _is_hexadecimal(labels[-1])):
        return _ipv4(labels)
    return domain


def _domain_to_ascii(domain: str) -> str:
    """URL, "domain to ASCII", as far as Python's tables go; empty if there is none."""
    if domain.isascii() and "xn--" not in domain.lower():
        return domain.lower()
    written = _DOTS.sub(".", domain).split(".")
    labels = [a_label(label) for label in written]
    for label, before in zip(labels, written, strict=True):
        if is_undecodable_label(label) or (not before.isascii() and _XN.match(before)):
            return ""
    return ".".join(labels)


def _is_hexadecimal(label: str) -> bool:
    return re.fullmatch(r"0[xX][0-9A-Fa-f]*", label) is not None


def _ipv4(labels: list[str]) -> str | None:
    """URL, "IPv4 parser": one to four numbers, of which the last fills what is left."""
    if len(labels) > 4 or not all(map(_IPV4_NUMBER.fullmatch, labels)):
        return None
    numbers = []
    for label in labels:
        number = _ipv4_number(label)
        if number is None:
            return None
        numbers.append(number)
    last = numbers.pop()
    if any(number > 255 for number in numbers) or last >= 256 ** (4 - len(numbers)):
        return None
    for position, number in enumerate(numbers):
        last += number * 256 ** (3 - position)
    return str(ipaddress.IPv4Address(last))


def _ipv4_number(label: str) -> int | None:
    """URL, "IPv4 number parser"."""
    base, digits = 10, label
    if label[:2] in {"0x", "0X"}:
        base, digits = 16, label[2:] or "0"
    elif len(label) > 1 and label.startswith("0"):
        base, digits = 8, label[1:]
    digits = digits.lstrip("0") or "0"
    # Longer ones are no address, and reading thousands of digits takes time.
    if len(digits) > 12:
        return None
    try:
        return int(digits, base)
    except ValueError:
        return None


def _ipv6(text: str) -> str | None:
    """URL, "IPv6 parser" and "IPv6 serializer": without a zone, never with a dotted tail."""
    try:
        packed = ipaddress.IPv6Address(text).packed if "%" not in text else b""
    except ValueError:
        return None
    if not packed:
        return None
    pieces = [f"{packed[at] << 8 | packed[at + 1]:x}" for at in range(0, 16, 2)]
    best, length = 0, 1
    for start in range(8):
        zeros = 0
        while start + zeros < 8 and pieces[start + zeros] == "0":
            zeros += 1
        if zeros > length:
            best, length = start, zeros
    if length == 1:
        return f"[{':'.join(pieces)}]"
    return f"[{':'.join(pieces[:best])}::{':'.join(pieces[best + length :])}]"
