"""What is kept of a recorded exchange: never a secret.

Values are dropped when they are read, not when they are printed: nothing that comes later can show
what is not there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from urllib.parse import quote, urlsplit

from corsac._headers import Pairs

__all__ = ["MASK", "kept_request_headers", "kept_response_headers", "masked_url"]

MASK = "..."
"""Stands in the place of a value that may be a secret."""

_LONGEST = 24  # Longer values of a query, and parts of a path, are taken for secrets.
_MAX_URL = 8_192

_SECRET_NAME = re.compile(
    "auth|code|cookie|cred|csrf|hash|hmac|jwt|key|login|mail|nonce|otp|pass|pin|pwd|secret|sess|sid"
    "|sig|state|ticket|token|user|xsrf|assertion|saml",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[a-zA-Z]{1,20}(?:[-_.][a-zA-Z]{1,20}){1,20}")

# Of requests the values that decide whether a preflight is needed, and what CORS looks at.
_REQUEST_VALUES = frozenset(
    {
        *("accept", "accept-language", "content-language", "content-type", "range", "origin"),
        *("access-control-request-method", "access-control-request-headers"),
        *("sec-fetch-mode", "sec-fetch-site", "sec-fetch-dest", "upgrade"),
        "access-control-request-private-network",
    }
)
_RESPONSE_VALUES = frozenset(
    {
        *("access-control-allow-origin", "access-control-allow-credentials", "vary"),
        *("access-control-allow-methods", "access-control-allow-headers", "corsac-refused"),
        *("access-control-max-age", "access-control-expose-headers", "timing-allow-origin"),
        *("access-control-allow-private-network", "cross-origin-resource-policy"),
    }
)


def masked_url(url: str) -> str:
    """Give a URL without user name, password and fragment, and with values of its query masked.

    Kept are short values of names that are not those of secrets. Of the path, long parts that are
    not words are masked: a token may stand there, too.
    """
    url = url[:_MAX_URL]
    try:
        parts = urlsplit(url)
    except ValueError:
        return MASK
    if parts.scheme and not parts.netloc:
        # Of data: and blob: URLs the scheme says enough.
        return f"{parts.scheme}:{MASK}"
    netloc = parts.netloc.rpartition("@")[2]
    query = "&".join(map(_masked_pair, parts.query.split("&"))) if parts.query else ""
    start = f"{parts.scheme}://{netloc}" if parts.scheme else f"//{netloc}" if netloc else ""
    path = "/".join(map(_masked_part, parts.path.split("/")))
    return f"{start}{path}?{query}" if query else f"{start}{path}"


def _masked_part(part: str) -> str:
    return part if len(part) <= _LONGEST or _WORDS.fullmatch(part) else MASK


def _masked_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    if not equals:
        return name if len(name) <= _LONGEST else MASK
    if len(name) > 2 * _LONGEST:
        name = MASK
    is_secret = _SECRET_NAME.search(name) or len(value) > _LONGEST
    return f"{name}={MASK if is_secret and value else value}"


def kept_request_headers(headers: Pairs) -> Pairs:
    """Give the headers of a request, most without their values; no cookie and no pseudo header."""
    # The rest of a Referer may have secrets.
    kept = _kept(headers, {"cookie", "proxy-authorization"}, "referer", _origin_of, _REQUEST_VALUES)
    return tuple((name, _one_line(value)) for name, value in kept)


def kept_response_headers(headers: Pairs) -> Pairs:
    """Give the headers of a response, most without their values; no cookie and no pseudo header."""
    kept = _kept(headers, {"set-cookie", "set-cookie2"}, "location", masked_url, _RESPONSE_VALUES)
    # Chromium puts the values of several lines into one, with line ends between.
    return tuple((name, _one_line(each)) for name, value in kept for each in value.split("\n"))


def _kept(
    headers: Pairs,
    dropped: Collection[str],
    with_url: str,
    masked: Callable[[str], str],
    with_values: Collection[str],
) -> Iterator[tuple[str, str]]:
    """Yield the headers that are not dropped: one with its URL masked, some with their values."""
    for name, value in headers:
        known = name.lower()
        if known in dropped or known.startswith(":"):
            continue
        if known == with_url:
            yield known, masked(value)
        else:
            yield known, value if known in with_values else ""


def _origin_of(url: str) -> str:
    scheme, mark, rest = url[:_MAX_URL].partition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    return quote(f"{scheme}{mark}{host}", safe=":/.-[]%*") if mark else ""


def _one_line(value: str) -> str:
    return "".join(mark for mark in value[:_MAX_URL] if mark == "\t" or mark >= " ").strip(" \t")
