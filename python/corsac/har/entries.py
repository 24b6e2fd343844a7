"""What an entry of a recording is to CORS: of which page, and whether it is a preflight request."""

from __future__ import annotations

from corsac import _core
from corsac.browser.urls import parse_url
from corsac.har.recording import Entry

__all__ = ["cross_origin", "is_of_cors", "is_preflight", "may_be_stored", "with_known_origins"]

_NOT_CORS = frozenset({"document", "websocket", "subdocument", "main_frame", "sub_frame"})
_CORS_KINDS = frozenset({"xhr", "fetch", "font", "eventsource", "preflight", "xmlhttprequest"})


def is_of_cors(entry: Entry) -> bool:
    """Whether an entry is of a kind that CORS is about, if the page is of another origin."""
    url = parse_url(entry.url)
    if url is None or url.scheme not in {"http", "https"} or not _core.is_token(entry.method):
        return False
    # As the simulated browser writes it.
    entry.url = url.text
    kind, mode = entry.kind.lower(), entry.header("sec-fetch-mode").lower()
    if kind in _NOT_CORS or entry.header("upgrade").lower() == "websocket":
        return False
    if mode:
        return mode == "cors"
    # Without an Origin it is an embedded image or a form; but a browser that blocks a request may
    # record few of its headers.
    return bool(entry.header("origin")) or kind in _CORS_KINDS


def may_be_stored(entry: Entry) -> bool:
    """Whether the answer is one that a browser may store and have renewed by a 304 later."""
    is_page = entry.kind.lower() in _NOT_CORS or entry.header("sec-fetch-mode") == "navigate"
    return entry.status == 200 and entry.method == "GET" and not is_page


def cross_origin(entry: Entry, pages: dict[str, str]) -> str | None:
    """Give the page's origin; ``None`` if it is not known, and nothing if it is the URL's, too."""
    url, origin = parse_url(entry.url), entry.header("origin")
    if not origin:
        places = (entry.initiator, entry.header("referer"), pages.get(entry.page, ""))
        found = (parse_url(place) for place in places if "://" in place)
        origin = next((each.origin for each in found if each is not None), "")
        if not origin:
            return None
    return origin if url is not None and origin != url.origin else ""


def with_known_origins(
    found: list[tuple[Entry, str | None]],
) -> list[tuple[Entry, frozenset[str]]]:
    """Give the origins that an entry may be of, and leave out what is of its server's own.

    A request that was blocked may have no headers; others of its URL, such as its preflight
    request, have them. Pages of several origins may ask for one URL.
    """
    known: dict[str, set[str]] = {}
    for entry, origin in found:
        if origin:
            known.setdefault(entry.identity, set()).add(origin)
    shared = {identity: frozenset(origins) for identity, origins in known.items()}
    return [
        (entry, frozenset({origin}) if origin else shared[entry.identity])
        for entry, origin in found
        if origin or (origin is None and entry.identity in shared)
    ]


def is_preflight(entry: Entry) -> bool:
    """Whether an entry is a preflight request."""
    asked = entry.header("access-control-request-method")
    return entry.method == "OPTIONS" and bool(asked or entry.kind.lower() == "preflight")
