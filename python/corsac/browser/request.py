"""What a page's script asks for, its bodies, and what fetch() makes of them before it sends."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from corsac import _core
from corsac._local_network import ADDRESS_SPACES, PERMISSIONS, Reach, address_space
from corsac._text import shown
from corsac.browser.messages import HeaderLines, Lines, Pairs, byte_lines, fill, header_lines
from corsac.browser.profiles import Profile
from corsac.browser.urls import URL, is_ip_address, is_potentially_trustworthy, parse_url

__all__ = ["Blob", "Body", "FetchRequest", "FormData", "ReadableStream", "URLSearchParams"]
__all__ += ["Rejected", "prepare", "reach_of"]

_CHOICES = {
    "credentials": ("omit", "same-origin", "include"),
    # "navigate" is known, so that fetch() can refuse it as browsers do.
    "mode": ("cors", "no-cors", "same-origin", "navigate"),
    "redirect": ("follow", "error", "manual"),
    "cache": ("default", "no-store", "reload", "no-cache", "force-cache", "only-if-cached"),
    "referrer_policy": (
        *("", "no-referrer", "no-referrer-when-downgrade", "same-origin", "origin"),
        *("strict-origin", "origin-when-cross-origin", "strict-origin-when-cross-origin"),
        "unsafe-url",
    ),
    "embedder_policy": ("unsafe-none", "require-corp", "credentialless"),
    "target_address_space": ("", *ADDRESS_SPACES),
    "page_address_space": ("", *ADDRESS_SPACES),
}
_TEXT = "text/plain;charset=UTF-8"
# Of extensions and app shells: whatever they are, one serialized origin has no path and no list.
_OTHER_ORIGIN = re.compile(r"[a-z][a-z0-9+.\-]*://[^\s/?#@,]+", re.ASCII)


@dataclass(frozen=True, init=False)
class _Form:
    """Names and values, given as pairs or as a mapping."""

    pairs: Pairs

    def __init__(self, pairs: Iterable[tuple[str, str]] | Mapping[str, str] = ()) -> None:
        items = pairs.items() if isinstance(pairs, Mapping) else pairs
        fill(self, pairs=tuple((str(name), str(value)) for name, value in items))


@dataclass(frozen=True, init=False)
class URLSearchParams(_Form):
    """A form, urlencoded: ``application/x-www-form-urlencoded;charset=UTF-8``.

    Args:
        pairs: Names and values; a mapping, or pairs.
    """


@dataclass(frozen=True, init=False)
class FormData(_Form):
    """A form in parts: ``multipart/form-data`` with a boundary.

    Args:
        pairs: Names and values; a mapping, or pairs.
    """


@dataclass(frozen=True, slots=True, init=False)
class Blob:
    """Bytes with a type of their own, which may need a preflight.

    Args:
        data: The bytes.
        type: The Content-Type; empty for none. As in browsers it becomes lower case, and what is
            not printable ASCII is dropped (File API, "the Blob constructor").
    """

    data: bytes
    type: str

    def __init__(self, data: bytes | str = b"", type: str = "") -> None:
        kept = type.lower() if type.isascii() and type.isprintable() else ""
        fill(self, data=_bytes(data), type=kept)


@dataclass(frozen=True, slots=True, init=False)
class ReadableStream:
    """A body that is produced while it is sent, with ``duplex: "half"``.

    It has no Content-Type, always needs a preflight, and cannot be sent again after a redirect.

    Args:
        data: What is sent.
    """

    data: bytes

    def __init__(self, data: bytes | str = b"") -> None:
        fill(self, data=_bytes(data))


def _bytes(data: bytes | str) -> bytes:
    return data.encode() if isinstance(data, str) else bytes(data)


Body = str | bytes | URLSearchParams | FormData | Blob | ReadableStream | None
"""The body of a request; see `corsac.browser.FetchRequest`."""
_Given = Body | bytearray | memoryview | Mapping[str, str]
_BODIES = (str, bytes, bytearray, memoryview, Mapping, _Form, Blob, ReadableStream)


@dataclass(frozen=True, slots=True, init=False)
class FetchRequest:
    """A call of fetch(), or of XMLHttpRequest, by a page's script.

    What fetch() itself would throw at (a forbidden method, a header name with a space) raises
    nothing here: `corsac.browser.simulate` gives an outcome with that reason. What no page can even
    ask for raises.

    Args:
        url: Absolute, or relative to the page's origin.
        origin: The page's origin as browsers write it, such as ``"https://app.example.com"``;
            ``"null"`` for an opaque one (sandboxed frames, ``data:`` and ``file:`` pages).
        method: As the script writes it; browsers upper-case six of them.
        headers: What the script sets: pairs of text, or a mapping.
        credentials: ``"omit"``, ``"same-origin"`` or ``"include"``. There is no cookie jar: the
            mode decides how answers are checked, and no Cookie header is sent.
        mode: ``"cors"``, ``"no-cors"`` or ``"same-origin"``.
        redirect: ``"follow"``, ``"error"`` or ``"manual"``.
        body: Text, bytes (an ArrayBuffer), a mapping (taken for `URLSearchParams`), or one of
            `URLSearchParams`, `FormData`, `Blob`, `ReadableStream`. It brings a Content-Type unless
            the script set one, and that may need a preflight.
        cache: ``"default"``, ``"no-store"``, ``"reload"``, ``"no-cache"``, ``"force-cache"`` or
            ``"only-if-cached"``. There is no HTTP cache: the mode decides which headers are sent.
        upload_listener: A listener on ``XMLHttpRequest.upload``, which forces a preflight.
        referrer_policy: The page's; with mode ``"no-cors"`` it may make the Origin ``null``.
        embedder_policy: The page's Cross-Origin-Embedder-Policy, for mode ``"no-cors"``.
        target_address_space: The ``targetAddressSpace`` of fetch(): ``"loopback"``, ``"local"`` or
            ``"public"``; empty if the script says nothing.
        page_address_space: Where the page was loaded from; empty: what its origin's name says.
        permissions: What the user has granted the page of Local Network Access:
            ``"loopback-network"``, ``"local-network"``; ``()`` for nothing. ``None``: whatever a
            request needs, which the steps then note.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: The origin is invalid, or there is no such mode or permission.
    """

    url: str
    origin: str
    method: str
    headers: Pairs
    credentials: str
    mode: str
    redirect: str
    body: Body
    cache: str
    upload_listener: bool
    referrer_policy: str
    embedder_policy: str
    target_address_space: str
    page_address_space: str
    permissions: tuple[str, ...] | None

    def __init__(  # noqa: PLR0917 - the order is public
        self,
        url: str,
        origin: str,
        method: str = "GET",
        headers: HeaderLines = (),
        credentials: str = "same-origin",
        mode: str = "cors",
        redirect: str = "follow",
        body: _Given = None,
        *,
        cache: str = "default",
        upload_listener: bool = False,
        referrer_policy: str = "",
        embedder_policy: str = "unsafe-none",
        target_address_space: str = "",
        page_address_space: str = "",
        permissions: Iterable[str] | None = None,
    ) -> None:
        texts = {"url": url, "origin": origin, "method": method}
        modes = {"credentials": credentials, "mode": mode, "redirect": redirect, "cache": cache}
        modes |= {"referrer_policy": referrer_policy, "embedder_policy": embedder_policy}
        modes["target_address_space"] = target_address_space
        modes["page_address_space"] = page_address_space
        for name, value in (texts | modes).items():
            if not isinstance(value, str):
                message = f"{name} must be a str, not {type(value).__name__}"
                raise TypeError(message)
        _check_origin(origin)
        for name, value in modes.items():
            if value not in _CHOICES[name]:
                choices = ", ".join(map(repr, _CHOICES[name]))
                message = f"{name} must be one of {choices}, not {value!r:.100}"
                raise ValueError(message)
        if not isinstance(upload_listener, bool):
            message = f"upload_listener must be a bool, not {type(upload_listener).__name__}"
            raise TypeError(message)
        fill(
            self,
            **texts,
            **modes,
            headers=header_lines(headers),
            body=_body(body),
            upload_listener=upload_listener,
            permissions=_permissions(permissions),
        )

    @property
    def origin_url(self) -> URL | None:
        """The page's origin as a URL; ``None`` for an opaque one, or one that is not of the web."""
        parsed = parse_url(self.origin)
        return parsed if parsed is not None and parsed.origin == self.origin else None


def _permissions(given: Iterable[str] | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    if isinstance(given, str) or not isinstance(given, Iterable):
        message = f"permissions must be a list of names, not {type(given).__name__}"
        raise TypeError(message)
    names = tuple(given)
    for name in names:
        if name not in PERMISSIONS:
            choices = ", ".join(map(repr, PERMISSIONS))
            message = f"permissions must be of {choices}, not {name!r:.100}"
            raise ValueError(message)
    return names


def _body(body: _Given) -> Body:
    if body is not None and not isinstance(body, _BODIES):
        message = (
            "body must be str, bytes, a mapping or one of corsac.browser's bodies, "
            f"not {type(body).__name__}"
        )
        raise TypeError(message)
    if isinstance(body, Mapping):
        return URLSearchParams(body)
    return bytes(body) if isinstance(body, bytearray | memoryview) else body


def _check_origin(origin: str) -> None:
    parsed = parse_url(origin)
    as_written = "null" if parsed is None else parsed.origin
    if as_written == "null" and origin.isascii() and _OTHER_ORIGIN.fullmatch(origin):
        return
    if as_written == origin:
        return
    if as_written != "null":
        message = f"origin must be as browsers write it: {as_written!r}, not {origin!r:.100}"
        raise ValueError(message)
    message = (
        "origin must be a serialized origin such as 'https://app.example.com', "
        f"or 'null' for an opaque one, not {origin!r:.100}"
    )
    raise ValueError(message)


class Rejected(Exception):  # noqa: N818 - not an error of this program
    """The promise of fetch() is rejected; ``detail`` is fit to be printed."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def prepare(request: FetchRequest, profile: Profile) -> tuple[URL, str, Lines, bytes | None, bool]:
    """Read the arguments as a browser does; what it would throw at is `Rejected`.

    Return the URL, the method, the headers, the body, and whether the body is a stream.
    https://fetch.spec.whatwg.org/#dom-request
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
    no_cors, is_stream = request.mode == "no-cors", isinstance(request.body, ReadableStream)
    # Only ASCII can be a token.
    ascii_method = request.method if request.method.isascii() else ""
    method = _core.browser_request_method(ascii_method)
    if method is None:
        raise Rejected("typeerror:forbidden-method", shown(request.method))
    if no_cors and method not in {"GET", "HEAD", "POST"}:
        raise Rejected("typeerror:no-cors-method", shown(method))
    if is_stream and profile.request_streams == "refused":
        raise Rejected("typeerror:stream-not-supported")
    body, content_type = _extract_body(request.body)
    if is_stream and profile.request_streams == "sent as text":
        content_type, is_stream = _TEXT, False
    headers = _headers(request, content_type, no_cors, profile)
    if body is not None and method in {"GET", "HEAD"}:
        raise Rejected("typeerror:body-not-allowed", method)
    if is_stream and no_cors:
        raise Rejected("typeerror:stream-no-cors")
    return url, method, headers, body, is_stream


def reach_of(request: FetchRequest, url: URL) -> Reach:
    """Say what Local Network Access looks at in a request to a URL of another origin."""
    page = request.origin_url
    space = request.page_address_space or ("" if page is None else address_space(page.host))
    is_secure = page is not None and is_potentially_trustworthy(page)
    target = (url.host, is_ip_address(url.host), request.target_address_space)
    return Reach(space, is_secure, *target, request.permissions)


def _headers(request: FetchRequest, content_type: str, no_cors: bool, profile: Profile) -> Lines:
    for name, value in request.headers:
        # A ByteString: what has no byte of its own cannot be converted.
        if not name.isascii() or any(character > "\xff" for character in value):
            raise Rejected("typeerror:bad-header", shown(name))
    implicit = content_type.encode("latin-1", "replace")
    lines = byte_lines(request.headers)
    headers = _core.browser_request_headers(lines, implicit, no_cors, profile.name)
    if headers is None:
        bad = (line for line in lines if _core.browser_request_headers([line], b"", False) is None)
        raise Rejected("typeerror:bad-header", shown(next(bad, (b"", b""))[0].decode("latin-1")))
    has_type = any(name.lower() == b"content-type" for name, _ in headers)
    if no_cors and implicit and not has_type and profile.sends_any_body_type_without_cors:
        headers.append((b"Content-Type", implicit))
    return headers


def _extract_body(body: Body) -> tuple[bytes | None, str]:  # noqa: PLR0911 - one a type
    """Give what is sent, and the Content-Type that goes with it, which may be empty.

    https://fetch.spec.whatwg.org/#concept-bodyinit-extract
    """
    match body:
        case None:
            return None, ""
        case str():
            return body.encode("utf-8", "replace"), _TEXT
        case Blob():
            return body.data, body.type
        case ReadableStream():
            return body.data, ""
        case FormData():
            return _multipart(body)
        case URLSearchParams():
            form = urlencode(body.pairs, errors="replace").encode("ascii")
            return form, "application/x-www-form-urlencoded;charset=UTF-8"
        case _:
            return body, ""


def _multipart(form: FormData) -> tuple[bytes, str]:
    """Encode a form of texts in parts.

    https://html.spec.whatwg.org/#multipart-form-data
    """
    escapes = {ord("\n"): "%0A", ord("\r"): "%0D", ord('"'): "%22"}
    parts = [
        (name.translate(escapes).encode("utf-8", "replace"), value.encode("utf-8", "replace"))
        for name, value in form.pairs
    ]
    # Browsers draw it by lot; here the same form gives the same request.
    boundaries = (b"----CorsacFormBoundary%d" % number for number in itertools.count())
    boundary = next(each for each in boundaries if not any(each in value for _, value in parts))
    lines = b"".join(
        b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (boundary, name, value)
        for name, value in parts
    )
    content_type = f"multipart/form-data; boundary={boundary.decode()}"
    return lines + b"--%b--\r\n" % boundary, content_type
