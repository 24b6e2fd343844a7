"""What a page's script asks for: the arguments of fetch()."""

from __future__ import annotations

import re
from collections.abc import Mapping

from corsac._values import FrozenValue
from corsac.browser.bodies import Blob, Body, FormData, ReadableStream, URLSearchParams
from corsac.browser.messages import HeaderLines, Pairs, header_lines
from corsac.browser.urls import URL, parse_url

__all__ = ["FetchRequest"]

_CREDENTIALS = ("omit", "same-origin", "include")
# "navigate" is known, so that fetch() can refuse it as browsers do.
_MODES = ("cors", "no-cors", "same-origin", "navigate")
_REDIRECTS = ("follow", "error", "manual")
_CACHES = ("default", "no-store", "reload", "no-cache", "force-cache", "only-if-cached")
_REFERRER_POLICIES = (
    "",
    "no-referrer",
    "no-referrer-when-downgrade",
    "same-origin",
    "origin",
    "strict-origin",
    "origin-when-cross-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
)
_EMBEDDER_POLICIES = ("unsafe-none", "require-corp", "credentialless")
# Of extensions and app shells: whatever they are, one serialized origin has no path and no list.
_OTHER_ORIGIN = re.compile(r"[a-z][a-z0-9+.\-]*://[^\s/?#@,]+", re.ASCII)
_BODIES = (
    str,
    bytes,
    bytearray,
    memoryview,
    Mapping,
    Blob,
    FormData,
    ReadableStream,
    URLSearchParams,
)


class FetchRequest(FrozenValue):
    """A call of fetch(), or of XMLHttpRequest, by a page's script.

    What fetch() itself would throw at (a forbidden method, a header name with a space) is no error
    here: `corsac.browser.simulate` gives an outcome with that reason. What no page can even ask for
    is one.

    Args:
        url: Absolute, or relative to the page's origin.
        origin: The page's origin as browsers write it, such as ``"https://app.example.com"``;
            ``"null"`` for an opaque one (sandboxed frames, ``data:`` and ``file:`` pages).
        method: As the script writes it; browsers upper-case six of them.
        headers: What the script sets: pairs of text, or a mapping.
        credentials: ``"omit"``, ``"same-origin"`` or ``"include"``. There is no cookie jar: the
            mode decides how answers are judged, and no Cookie header is sent.
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

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: The origin is none, or a mode is none that there is.
    """

    __slots__ = (
        "body",
        "cache",
        "credentials",
        "embedder_policy",
        "headers",
        "method",
        "mode",
        "origin",
        "redirect",
        "referrer_policy",
        "upload_listener",
        "url",
    )
    _fields = (
        "url",
        "origin",
        "method",
        "headers",
        "credentials",
        "mode",
        "redirect",
        "body",
        "cache",
        "upload_listener",
        "referrer_policy",
        "embedder_policy",
    )

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

    def __init__(  # noqa: PLR0917 - the order is public
        self,
        url: str,
        origin: str,
        method: str = "GET",
        headers: HeaderLines = (),
        credentials: str = "same-origin",
        mode: str = "cors",
        redirect: str = "follow",
        body: Body | bytearray | memoryview | Mapping[str, str] = None,
        *,
        cache: str = "default",
        upload_listener: bool = False,
        referrer_policy: str = "",
        embedder_policy: str = "unsafe-none",
    ) -> None:
        for name, value in (("url", url), ("origin", origin), ("method", method)):
            if not isinstance(value, str):
                message = f"{name} must be a str, not {type(value).__name__}"
                raise TypeError(message)
        _check_origin(origin)
        _check_choice("credentials", credentials, _CREDENTIALS)
        _check_choice("mode", mode, _MODES)
        _check_choice("redirect", redirect, _REDIRECTS)
        _check_choice("cache", cache, _CACHES)
        _check_choice("referrer_policy", referrer_policy, _REFERRER_POLICIES)
        _check_choice("embedder_policy", embedder_policy, _EMBEDDER_POLICIES)
        if body is not None and not isinstance(body, _BODIES):
            message = (
                f"body must be str, bytes, a mapping or one of corsac.browser's bodies, "
                f"not {type(body).__name__}"
            )
            raise TypeError(message)
        if isinstance(body, Mapping):
            body = URLSearchParams(body)
        elif isinstance(body, bytearray | memoryview):
            body = bytes(body)
        if not isinstance(upload_listener, bool):
            message = f"upload_listener must be a bool, not {type(upload_listener).__name__}"
            raise TypeError(message)
        self._fill(
            url,
            origin,
            method,
            header_lines(headers),
            credentials,
            mode,
            redirect,
            body,
            cache,
            upload_listener,
            referrer_policy,
            embedder_policy,
        )

    @property
    def origin_url(self) -> URL | None:
        """The page's origin as a URL; ``None`` if it is opaque, or none of the web's."""
        parsed = parse_url(self.origin)
        return parsed if parsed is not None and parsed.origin == self.origin else None


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if not isinstance(value, str):
        message = f"{name} must be a str, not {type(value).__name__}"
        raise TypeError(message)
    if value not in choices:
        message = f"{name} must be one of {', '.join(map(repr, choices))}, not {value!r:.100}"
        raise ValueError(message)


def _check_origin(origin: str) -> None:
    if origin == "null":
        return
    parsed = parse_url(origin)
    if parsed is not None and parsed.origin != "null":
        if parsed.origin == origin:
            return
        message = f"origin must be as browsers write it: {parsed.origin!r}, not {origin!r:.100}"
        raise ValueError(message)
    if _OTHER_ORIGIN.fullmatch(origin) and origin.isascii():
        return
    message = (
        "origin must be a serialized origin such as 'https://app.example.com', "
        f"or 'null' for an opaque one, not {origin!r:.100}"
    )
    raise ValueError(message)
