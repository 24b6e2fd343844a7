"""What each browser prints before a message: the page, the URL, and whose request it was."""

from __future__ import annotations

import re

from corsac.console.page import METHOD, Hit, Page
from corsac.console.table import table

__all__ = ["read_head"]

_STATUS = re.compile(r" (\d{3})\b")


def read_head(page: Page, hit: Hit, low: int, high: int) -> bool:
    """Read what stands before a message; ``False`` if it needs more than there is."""
    if "error" in hit.values:
        _read_request_line(page, hit, low, high)
    elif "firefox" in hit.message.engines:
        if hit.message.head and not _firefox_head(page, hit, low):
            return False
        if hit.message.role == "rest":
            _after_firefox_head(page, hit, high)
    elif "chromium" in hit.message.engines and (hit.message.head or hit.message.role == "rest"):
        _chromium_head(page, hit, low, high)
    elif "webkit" in hit.message.engines:
        _webkit_head(page, hit, low)
    return hit.has_head or hit.message.head != "needed"


def _read_request_line(page: Page, hit: Hit, low: int, high: int) -> None:
    """Read a row of DevTools, ``GET https://... net::ERR_FAILED 200 (OK)``."""
    status = _STATUS.match(page.plain, hit.end, high)
    if status:
        hit.values["status"] = status[1]
        hit.end = status.end()
    start = page.token_start(low, hit.start - 1)
    if "://" in page.plain[start : hit.start] and "url" not in hit.values:
        hit.values["url"] = page.text[start : hit.start - 1]
        method = page.plain[page.token_start(low, start - 1) : start - 1]
        if method.isupper() and METHOD.fullmatch(method):
            hit.values["method"] = method
        hit.start = start


def _firefox_head(page: Page, hit: Hit, low: int) -> bool:
    plain, marker, at = page.plain, "(Reason: ", "remote resource at "
    if not plain.endswith(marker, low, hit.start):
        return False
    end = hit.start - len(marker)
    start = plain.rfind(at, low, end)
    if start >= 0:
        hit.values["url"] = _unquoted(page.text[start + len(at) : end])
        first = plain.rfind("Cross-Origin Request", low, start)
        hit.start = first if first >= 0 else start
    hit.has_head = True
    return True


def _after_firefox_head(page: Page, hit: Hit, high: int) -> None:
    """Read the URL where the reason is not known."""
    at = "remote resource at "
    start = page.plain.find(at, hit.end, high)
    end = page.plain.find(" (", start, high)
    if 0 <= start < end:
        hit.values["url"] = _unquoted(page.text[start + len(at) : end])


def _chromium_head(page: Page, hit: Hit, low: int, high: int) -> None:
    plain, start = page.plain, hit.start
    if hit.message.role == "rest":
        start = hit.end
    before = table().heads["chromium-preflight"]
    if plain.endswith(before, low, start):
        start -= len(before)
        hit.preflight = True
    marker, middle, at, more = (
        "' has been blocked by CORS policy: ",
        "from origin '",
        " at '",
        "' (redirected from '",
    )
    after = " Origin '"
    if plain.startswith(after, hit.end):
        end = plain.find("'", hit.end + len(after), high)
        if end >= 0:
            hit.values["origin"] = page.text[hit.end + len(after) : end]
    if plain.endswith(marker, low, start):
        origin_end = start - len(marker)
        place = plain.rfind(middle, low, origin_end)
        first = plain.rfind("Access to ", low, max(place, low))
        kind_end = plain.find(at, max(first, low), max(place, low))
        if place < 0 or first < 0 or kind_end < 0:
            return
        hit.values["origin"] = page.text[place + len(middle) : origin_end]
        hit.values["kind"] = page.text[first + len("Access to ") : kind_end]
        url_end = place - 2
        redirected = plain.find(more, kind_end, place)
        if redirected >= 0:
            hit.values["first_url"] = page.text[redirected + len(more) : place - 3]
            url_end = redirected
        hit.values["url"] = page.text[kind_end + len(at) : url_end]
        hit.start = first
    elif plain[start - 2 : start] in {". ", ": "} and low < start:
        # Older ones: "XMLHttpRequest cannot load URL. ...", "Failed to load URL: ...".
        begin = page.token_start(low, start - 2)
        if not plain.endswith(" load ", low, begin):
            return
        hit.values["url"] = page.text[begin : start - 2]
        hit.start = begin
    else:
        return
    hit.has_head = True
    hit.preflight = bool(hit.preflight)


def _webkit_head(page: Page, hit: Hit, low: int) -> None:
    plain, prefix = page.plain, "Failed to load resource: "
    if plain.endswith(prefix, low, hit.start):
        hit.is_prefixed = True
        hit.start -= len(prefix)
    elif plain.endswith("EventSource c", low, hit.start):
        hit.values["kind"] = "EventSource"
    elif plain.endswith(". ", low, hit.start) and "url" not in hit.values:
        begin = page.token_start(low, hit.start - 2)
        if plain.endswith(" cannot load ", low, begin):
            hit.values["url"] = page.text[begin : hit.start - 2]
            hit.start = begin


def _unquoted(url: str) -> str:
    return url.rstrip(" ").removesuffix(".").strip("'\u2018\u2019")
