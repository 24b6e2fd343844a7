"""What is kept of recorded URLs, origins and errors: never a secret.

Values are dropped when they are read, not when they are printed: nothing that comes later can show
what is not there.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlsplit

__all__ = ["MASK", "masked_error", "masked_kind", "masked_origins", "masked_to_origin"]
__all__ += ["masked_url"]

MASK = "..."
"""Stands in the place of a value that may be a secret."""

_MAX_URL = 2_048
_MAX_VALUE = 8_192
_LONGEST = 100  # Longer parts of a path and names of a query are masked, whatever they look like.

# Nothing of a query with one of these in its name is kept.
_SECRET_NAME = re.compile(
    "access|auth|bearer|card|challenge|code|cookie|cred|csrf|cvv|grant|hash|hmac|invit|jwt|key"
    "|login|mail|nonce|otp|pass|phone|pin|pw|reset|secret|sess|sid|sig|ssn|state|ticket|token|user"
    "|verif|xsrf|assertion|saml",
    re.IGNORECASE,
)
# Values of these names, if they look like words and numbers, tell requests apart and nobody's name.
_HARMLESS_NAMES = frozenset(
    {
        *("page", "per_page", "limit", "offset", "start", "size", "count", "sort", "order", "dir"),
        *("sort_by", "order_by", "direction", "format", "output", "alt", "lang", "language"),
        *("locale", "version", "api_version", "api-version", "ver", "v", "type", "kind", "fields"),
        *("include", "expand", "view", "mode", "tab", "width", "height", "w", "h", "id"),
    }
)
_HARMLESS_VALUE = re.compile(
    "[0-9]{1,4}|true|false|yes|no|on|off|null|none|asc|desc", re.IGNORECASE
)
# Behind one of these a path or sentence has a secret, if what follows is not of the second set.
_BEFORE_SECRET = re.compile(
    "activat|confirm|invit|jwt|key|magic|nonce|otp|passw|pwd|reset|secret|sess|share|signature"
    "|ticket|token|unsubscribe|verif",
    re.IGNORECASE,
)
_AFTER_SUCH = frozenset(
    {
        *("callback", "check", "confirm", "create", "current", "delete", "exchange", "forgot"),
        *("info", "introspect", "issue", "list", "login", "logout", "me", "new", "refresh"),
        *("request", "reset", "revoke", "send", "status", "update", "validate", "verify"),
    }
)
_BETWEEN_WORDS = re.compile(r"[-_.~$\[\]]")
# Letters as people write them (notes, getNotes, OData), a short number, or a version (v1, oauth2).
_WORD = re.compile(
    "[A-Z]{0,4}[a-z]{0,20}(?:[A-Z][a-z]{2,20}){0,6}[A-Z]{0,4}|[0-9]{1,6}|[a-z]{1,12}[0-9]{1,2}"
)
_MAX_DIGITS = 8
_SCHEMES = frozenset({"about", "blob", "data", "file", "ftp", "http", "https", "ws", "wss"})
_HOST = re.compile(r"(?:\[[0-9a-fA-F:.]{2,45}\]|[^:@\[\]\s]{0,255})(?::[0-9]{0,5})?")


def masked_url(url: str) -> str:
    """Give a URL with all masked that may be a secret: kept is what is known not to be one.

    Kept are scheme, host and port, parts of the path that are words, short numbers or versions, the
    names of the query, and the values of a few of them, such as `page`. A user name, a password and
    the fragment are left out, and what is beyond a length. A masked URL stays as it is.
    """
    if len(url) > _MAX_URL:
        # The first half of a secret may look like a word.
        whole = re.split("([/?&;=#])", url[:_MAX_URL])[:-1]
        url = "".join(whole) + MASK
    try:
        parts = urlsplit(url)
    except ValueError:
        return MASK
    if parts.scheme and not parts.netloc:
        # Of data: and blob: URLs the scheme says enough.
        return f"{parts.scheme}:{MASK}" if parts.scheme in _SCHEMES else MASK
    netloc = parts.netloc.rpartition("@")[2]
    if not _HOST.fullmatch(netloc):
        # What looks like a port may be the first half of a password with a slash in it.
        return MASK
    start = f"{parts.scheme}://{netloc}" if parts.scheme else f"//{netloc}" if netloc else ""
    path = _masked_path(parts.path)
    # Some servers separate by semicolons, too.
    query = re.sub("[^&;]+", lambda pair: _masked_pair(pair[0]), parts.query)
    return f"{start}{path}?{query}" if query else f"{start}{path}"


def _masked_path(path: str) -> str:
    masked, before = [], ""
    for part in path.split("/"):
        name, *parameters = part.split(";")
        is_secret = bool(_BEFORE_SECRET.search(before)) and name not in _AFTER_SUCH
        kept = MASK if name and (is_secret or not _is_plain(name)) else name
        masked.append(";".join([kept, *map(_masked_pair, parameters)]))
        before = unquote(name)
    return "/".join(masked)


def _masked_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    if not equals:
        # A token may stand there alone.
        return MASK if pair else ""
    if not _is_plain(name):
        return f"{MASK}={MASK}"
    known = unquote(name).lower()
    if _SECRET_NAME.search(known):
        is_kept = False
    elif known in _HARMLESS_NAMES:
        is_kept = _is_plain(value)
    else:
        is_kept = bool(_HARMLESS_VALUE.fullmatch(value))
    return f"{name}={value if is_kept or not value else MASK}"


def _is_plain(text: str) -> bool:
    """Whether a text is made of words, short numbers and versions; encoded ones are decoded."""
    if len(text) > _LONGEST:
        return False
    words = _BETWEEN_WORDS.split(unquote(text))
    digits = sum(mark.isdigit() for mark in text)
    return digits <= _MAX_DIGITS and all(_WORD.fullmatch(word) for word in words)


def masked_error(text: str) -> str:
    """Give what a browser calls an error: its name, or a sentence without a secret's name."""
    name = _ERROR_NAME.search(text[:_MAX_VALUE])
    if name:
        return name[0]
    is_kept = _SENTENCE.fullmatch(text) and not _BEFORE_SECRET.search(text)
    return text if is_kept or not text else MASK


def masked_kind(text: str) -> str:
    """Give what a browser says was loaded, if it is one word."""
    return text if re.fullmatch("[a-zA-Z_-]{0,30}", text) else MASK


_ERROR_NAME = re.compile(r"\b(?:net::ERR|NS_ERROR|NS_BINDING)_[A-Z0-9_]{1,60}(?:\.[A-Za-z]{1,80})?")
_SENTENCE = re.compile("[A-Z]?[a-z]{1,20}(?:[.:,]? (?:[A-Z]?[a-z]{1,20}|[0-9]{1,3})){0,20}[.]?")


def masked_origins(value: str) -> str:
    """Give a value that should be an origin with what is beyond one masked, so that it stays wrong.

    A browser compares byte by byte: a slash at the end, capital letters, and a list are kept.
    """
    return _ORIGIN.sub(_masked_origin, value[:_MAX_VALUE])


_ORIGIN = re.compile(r"(?=[^\s,])([a-zA-Z][a-zA-Z0-9+.-]{0,40}://)?([^/?#\s,]*)([^\s,]*)")


def _masked_origin(parts: re.Match[str]) -> str:
    scheme, netloc, rest = parts[1] or "", parts[2], parts[3]
    user, at, host = netloc.rpartition("@")
    is_host = _HOST.fullmatch(host) and (scheme or "." in host or host in _WITHOUT_SCHEME)
    start = f"{scheme}{MASK + at if user else at}{host if is_host else MASK}"
    return start + (rest if rest in {"", "/"} else rest[0] + MASK)


_WITHOUT_SCHEME = frozenset({"*", "null", "localhost", "true", "false", "undefined", "none", ""})


def masked_to_origin(url: str) -> str:
    """Give of a URL, such as a Referer, what its origin is made of; empty for a relative one."""
    scheme, mark, rest = url[:_MAX_VALUE].partition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    return quote(f"{scheme}{mark}{host}", safe=":/.-[]%*") if mark else ""
