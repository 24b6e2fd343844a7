"""Which header lines are kept of a recorded exchange, and what of them: never a secret.

Kept are the values that CORS looks at, with what may be a secret masked, and the names of the
others. Lines that nothing looks at are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from corsac.har.masking import masked_origins, masked_to_origin

__all__ = ["is_of_browsers", "kept_request_lines", "kept_response_lines"]

_MAX_VALUE = 8_192

# Of requests the values that decide whether a preflight is needed, and what CORS looks at.
_REQUEST_VALUES = frozenset(
    {
        *("accept", "accept-language", "content-language", "content-type", "range"),
        *("access-control-request-method", "access-control-request-headers"),
        *("sec-fetch-mode", "upgrade"),
    }
)
_RESPONSE_VALUES = frozenset(
    {
        *("access-control-allow-credentials", "corsac-refused", "cross-origin-resource-policy"),
        *("access-control-allow-methods", "access-control-allow-headers"),
        *("access-control-max-age", "access-control-expose-headers"),
        "access-control-allow-private-network",
    }
)
# Firefox adds a quoted number of 64 bits to POST and PATCH, if its preference
# network.http.idempotencyKey.enabled is set. It does not ask for it in a preflight request.
_KEY_OF_FIREFOX = re.compile(r'"[0-9]{15,20}"')
_SOME_KEY_OF_FIREFOX = '"0"'


def _masked_key(value: str) -> str:
    return _SOME_KEY_OF_FIREFOX if _KEY_OF_FIREFOX.fullmatch(value.strip(" \t")) else ""


# The rest of a Referer may have secrets.
_REQUEST_MASKS = {
    "referer": masked_to_origin,
    "origin": masked_origins,
    "idempotency-key": _masked_key,
}
_RESPONSE_MASKS = {
    "access-control-allow-origin": masked_origins,
    "timing-allow-origin": masked_origins,
}
_COOKIES = frozenset({"set-cookie", "set-cookie2"})


def kept_request_lines(name: str, value: str) -> Iterator[tuple[str, str]]:
    """Give what is kept of a header line of a request: nothing of what nobody looks at."""
    known = name.lower()
    if known in _REQUEST_MASKS:
        yield known, _one_line(_REQUEST_MASKS[known](value))
    elif known in _REQUEST_VALUES:
        yield known, _one_line(value)
    elif not (known.startswith(":") or is_of_browsers(known)):
        yield known, ""


def kept_response_lines(name: str, value: str) -> Iterator[tuple[str, str]]:
    """Give what is kept of a header line of a response; of Location all, which is masked later."""
    known = name.lower()
    if known.startswith(":") or known in _COOKIES:
        return
    is_kept = known in _RESPONSE_VALUES or known == "location"
    mask = _RESPONSE_MASKS.get(known)
    if mask is None and not is_kept:
        yield known, ""
        return
    # Chromium puts the values of several lines into one, with line ends between.
    for each in value.split("\n"):
        yield known, each if known == "location" else _one_line(mask(each) if mask else each)


_CONTROL = re.compile("[\x00-\x08\x0a-\x1f]")


def _one_line(value: str) -> str:
    return _CONTROL.sub("", value[:_MAX_VALUE]).strip(" \t")


def is_of_browsers(name: str, value: str = "") -> bool:
    """Whether browsers set a request header themselves, or their caches and proxies.

    The value, as it is kept, says it of a header that scripts set as well.
    """
    if name == "idempotency-key":
        return value == _SOME_KEY_OF_FIREFOX
    return name in _OF_BROWSERS or name.startswith(_STARTS_OF_BROWSERS)


_STARTS_OF_BROWSERS = ("sec-", "proxy-", "x-forwarded-", "x-chrome-", "attribution-reporting-")
_OF_BROWSERS = frozenset(
    {
        *("accept", "accept-charset", "accept-encoding", "accept-language", "cache-control"),
        *("access-control-request-headers", "access-control-request-method", "connection", "te"),
        *("access-control-request-private-network", "cookie", "cookie2"),
        *("content-length", "date", "dnt", "expect", "forwarded", "host", "if-modified-since"),
        *("if-none-match", "if-range", "keep-alive", "origin", "pragma", "priority", "referer"),
        *("trailer", "transfer-encoding", "upgrade", "upgrade-insecure-requests", "user-agent"),
        *("via", "x-real-ip", "if-match", "if-unmodified-since", "purpose", "last-event-id"),
        # Client hints, of the network and of the device.
        *("device-memory", "downlink", "dpr", "ect", "rtt", "save-data", "viewport-width", "width"),
        # Alternative services (RFC 7838), dictionaries to compress by (RFC 9842), early data
        # (RFC 8470), upgrades to HTTP/2, pings of links, media of Safari, and Chrome's experiments.
        *("alt-used", "available-dictionary", "dictionary-id", "early-data", "http2-settings"),
        *("ping-from", "ping-to", "service-worker", "service-worker-navigation-preload"),
        *("x-playback-session-id", "x-client-data", "x-moz", "x-purpose"),
        "x-devtools-emulate-network-conditions-client-id",
    }
)
