"""Bodies of requests, and the Content-Type that each brings (Fetch, "BodyInit")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

from corsac._values import FrozenValue

__all__ = ["Blob", "Body", "FormData", "ReadableStream", "URLSearchParams", "extract_body"]

Pairs = Iterable[tuple[str, str]] | Mapping[str, str]


class _Pairs(FrozenValue):
    __slots__ = ("pairs",)
    _fields = ("pairs",)

    pairs: tuple[tuple[str, str], ...]

    def __init__(self, pairs: Pairs = ()) -> None:
        items = pairs.items() if isinstance(pairs, Mapping) else pairs
        self._fill(tuple((str(name), str(value)) for name, value in items))


class URLSearchParams(_Pairs):
    """A form, urlencoded: ``application/x-www-form-urlencoded;charset=UTF-8``.

    Args:
        pairs: Names and values; a mapping, or pairs.
    """

    __slots__ = ()


class FormData(_Pairs):
    """A form in parts: ``multipart/form-data`` with a boundary.

    Args:
        pairs: Names and values; a mapping, or pairs.
    """

    __slots__ = ()


class Blob(FrozenValue):
    """Bytes with a type of their own, which may need a preflight.

    Args:
        data: The bytes.
        type: The Content-Type; empty for none. As in browsers it becomes lower case, and what is
            not printable ASCII is none (File API, "the Blob constructor").
    """

    __slots__ = ("data", "type")
    _fields = ("data", "type")

    data: bytes
    type: str

    def __init__(self, data: bytes | str = b"", type: str = "") -> None:
        kept = type.lower() if type.isascii() and type.isprintable() else ""
        self._fill(data.encode() if isinstance(data, str) else bytes(data), kept)


class ReadableStream(FrozenValue):
    """A body that is produced while it is sent, with ``duplex: "half"``.

    It has no Content-Type, always needs a preflight, and cannot be sent again after a redirect.

    Args:
        data: What is sent.
    """

    __slots__ = ("data",)
    _fields = ("data",)

    data: bytes

    def __init__(self, data: bytes | str = b"") -> None:
        self._fill(data.encode() if isinstance(data, str) else bytes(data))


Body = str | bytes | URLSearchParams | FormData | Blob | ReadableStream | None
"""What a request may have for a body; see `corsac.browser.FetchRequest`."""


def extract_body(body: Body) -> tuple[bytes | None, str]:  # noqa: PLR0911 - one a type
    """What is sent, and the Content-Type that goes with it (Fetch, "extract a body").

    Args:
        body: A value that `corsac.browser.FetchRequest` takes.

    Returns:
        The bytes, or ``None`` without a body; and the type, empty for none.
    """
    match body:
        case None:
            return None, ""
        case str():
            return body.encode("utf-8", "replace"), "text/plain;charset=UTF-8"
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
    """HTML, "multipart/form-data encoding algorithm", of texts."""
    parts = [(_escaped(name), value.encode("utf-8", "replace")) for name, value in form.pairs]
    number = 0
    # Browsers draw it by lot; here the same form gives the same request.
    while any(b"----CorsacFormBoundary%d" % number in value for _, value in parts):
        number += 1
    boundary = b"----CorsacFormBoundary%d" % number
    lines = b"".join(
        b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (boundary, name, value)
        for name, value in parts
    )
    content_type = f"multipart/form-data; boundary={boundary.decode('ascii')}"
    return lines + b"--%b--\r\n" % boundary, content_type


def _escaped(name: str) -> bytes:
    escapes = {ord("\n"): "%0A", ord("\r"): "%0D", ord('"'): "%22"}
    return name.translate(escapes).encode("utf-8", "replace")
