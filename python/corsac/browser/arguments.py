"""What fetch() makes of its arguments before anything is sent (Fetch, "Request class")."""

from __future__ import annotations

from typing import NamedTuple

from corsac import _core
from corsac.browser.bodies import ReadableStream, extract_body
from corsac.browser.messages import byte_lines
from corsac.browser.request import FetchRequest
from corsac.browser.shown import shown
from corsac.browser.urls import URL, parse_url

__all__ = ["Prepared", "Rejected", "prepare"]


class Rejected(Exception):  # noqa: N818 - no error of this program
    """The promise of fetch() is rejected.

    Attributes:
        reason: The code.
        detail: What it is about, fit to be printed.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class Prepared(NamedTuple):
    """A request that may be sent."""

    url: URL
    method: str
    headers: list[tuple[bytes, bytes]]
    body: bytes | None
    is_stream: bool


def prepare(request: FetchRequest, profile: str) -> Prepared:
    """Fetch, "new Request(input, init)".

    Args:
        request: What the script asks for.
        profile: Which browser it is.

    Raises:
        Rejected: A browser's fetch() would throw a TypeError.
    """
    url = parse_url(request.url, request.origin_url)
    if url is None:
        raise Rejected("typeerror:bad-url", shown(request.url))
    if url.has_credentials:
        raise Rejected("typeerror:url-credentials")
    if request.mode == "navigate":
        raise Rejected("typeerror:mode-navigate")
    if request.cache == "only-if-cached" and request.mode != "same-origin":
        raise Rejected("typeerror:only-if-cached")
    no_cors = request.mode == "no-cors"
    method = _method(request.method)
    if no_cors and method not in {"GET", "HEAD", "POST"}:
        raise Rejected("typeerror:no-cors-method", shown(method))
    body, content_type = extract_body(request.body)
    headers = _headers(request, content_type, no_cors, profile)
    if body is not None and method in {"GET", "HEAD"}:
        raise Rejected("typeerror:body-not-allowed", method)
    is_stream = isinstance(request.body, ReadableStream)
    if is_stream and no_cors:
        raise Rejected("typeerror:stream-no-cors")
    return Prepared(url, method, headers, body, is_stream)


def _method(method: str) -> str:
    # Only ASCII can be a token.
    normalized = _core.browser_request_method(method) if method.isascii() else None
    if normalized is None:
        raise Rejected("typeerror:forbidden-method", shown(method))
    return normalized


def _headers(
    request: FetchRequest, content_type: str, no_cors: bool, profile: str
) -> list[tuple[bytes, bytes]]:
    for name, value in request.headers:
        # A ByteString: what has no byte of its own cannot be converted.
        if not name.isascii() or any(character > "\xff" for character in value):
            raise Rejected("typeerror:bad-header", shown(name))
    implicit = content_type.encode("latin-1", "replace")
    headers = _core.browser_request_headers(byte_lines(request.headers), implicit, no_cors, profile)
    if headers is None:
        names = [name for name, value in request.headers if not _is_header(name, value)]
        raise Rejected("typeerror:bad-header", shown(names[0]) if names else "")
    return headers


def _is_header(name: str, value: str) -> bool:
    return _core.browser_request_headers(byte_lines(((name, value),)), b"", False) is not None
