"""What goes over the wire, and how an answer is read.

https://fetch.spec.whatwg.org/#http-network-or-cache-fetch
"""

from __future__ import annotations

from corsac import _core
from corsac._headers import Lines, header_lines
from corsac.browser.messages import Request
from corsac.browser.state import FetchState
from corsac.browser.urls import fetch_metadata, has_registrable_domain

__all__ = ["actual_request", "caching_lines", "preflight_metadata_lines", "readable_lines"]

_CONDITIONS = frozenset(
    {"if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since"}
)
# Those that a script can set.
_OF_ONE_VALUE = frozenset(
    {
        *(b"authorization", b"content-disposition", b"content-type", b"from"),
        *(b"if-modified-since", b"if-unmodified-since", b"location", b"max-forwards"),
        b"user-agent",
    }
)
_NO_CACHE = (("Pragma", "no-cache"), ("Cache-Control", "no-cache"))
_CACHE_MODE_LINES = {
    "no-store": _NO_CACHE,
    "reload": _NO_CACHE,
    "no-cache": (("Cache-Control", "max-age=0"),),
}


def actual_request(state: FetchState) -> Request:
    """Add the headers beside the script's own."""
    headers = [*header_lines(_sent_lines(state))]
    if not any(name.lower() == "accept" for name, _ in headers):
        headers.append(("Accept", "*/*"))
    origin = _origin(state)
    if origin is not None:
        headers.append(("Origin", origin))
    if not (_leaves_origin(state) and state.profile.drops_own_headers_when_leaving):
        headers += _metadata_lines(state) + caching_lines(state)
    return Request(state.method, str(state.url), headers, body=state.body)


def _leaves_origin(state: FetchState) -> bool:
    """Say whether a CORS request was just redirected to another origin."""
    return state.tainting == "cors" and len({url.origin for url in state.urls[-2:]}) > 1


def _sent_lines(state: FetchState) -> Lines:
    """Give the script's own headers as they are sent."""
    if not state.profile.sets_headers_one_by_one:
        return state.headers
    keeps_type = state.body is not None and len(state.urls) == 1
    lines: dict[bytes, Lines] = {}
    for name, value in state.headers:
        lower = name.lower()
        same = lines.setdefault(lower, [])
        if same and keeps_type and lower == b"content-type":
            continue
        if same and (lower in _OF_ONE_VALUE or not value or not same[-1][1]):
            same.clear()
        same.append((name, value))
    return [line for same in lines.values() for line in same]


def _origin(state: FetchState) -> str | None:
    """Give the Origin header (https://fetch.spec.whatwg.org/#append-a-request-origin-header)."""
    profile, request, sent = state.profile, state.request, state.sent
    changes_origin = len({url.origin for url in state.urls}) > 1 and state.tainting == "opaque"
    is_null = changes_origin and profile.nulls_origin_of_no_cors_redirects
    stays = len({url.origin for url in state.urls[-2:]}) == 1
    had_origin = stays and bool(sent) and sent[-1].header("Origin") is not None
    return _core.browser_origin_header(
        "null" if is_null else state.origin,
        state.url.origin,
        "POST" if profile.keeps_origin_header and had_origin else state.method,
        state.tainting == "cors",
        request.mode == "cors",
        request.referrer_policy,
        profile.name,
    )


def _metadata_lines(state: FetchState) -> list[tuple[str, str]]:
    """Give the Sec-Fetch headers of a request."""
    profile = state.profile
    lines = fetch_metadata(state.page, state.site_urls, state.request.mode)
    needs_domain = profile.site_of_redirects_needs_domain and len(state.urls) > 1
    if not needs_domain or has_registrable_domain(state.url.host):
        return lines
    return [(name, "cross-site" if value == "same-site" else value) for name, value in lines]


def preflight_metadata_lines(state: FetchState) -> list[tuple[str, str]]:
    """Give the Sec-Fetch headers of a preflight."""
    match state.profile.site_of_preflights:
        case "of the current URL":
            return fetch_metadata(state.page, [state.url], "cors")
        case "of the Origin":
            page = None if state.origin == "null" else state.page
            return fetch_metadata(page, state.site_urls, "cors")
    return fetch_metadata(state.page, state.site_urls, "cors")


def caching_lines(state: FetchState) -> list[tuple[str, str]]:
    """Say what the cache mode is, which a script's conditions make no-store."""
    present = {name.lower().decode("latin-1") for name, _ in state.headers}
    told = _CACHE_MODE_LINES.get(state.request.cache, ())
    if state.request.cache == "default" and not present.isdisjoint(_CONDITIONS):
        told = state.profile.caching_of_conditional_requests
    return [line for line in told if line[0].lower() not in present]


def readable_lines(lines: Lines, state: FetchState) -> Lines:
    """Give the header lines of an answer as the engine has them."""
    if not state.profile.ignores_empty_repetition:
        return lines
    kept: Lines = []
    seen: set[bytes] = set()
    for name, value in lines:
        lower = name.lower()
        counts = lower == b"access-control-allow-origin" or bool(value.strip(b" \t"))
        if counts or lower not in seen:
            kept.append((name, value))
        seen.add(lower)
    return kept
