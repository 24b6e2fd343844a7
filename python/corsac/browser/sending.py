"""The headers that a browser adds to those of the script."""

from __future__ import annotations

from collections.abc import Collection

from corsac.browser.sites import is_potentially_trustworthy, sec_fetch_site
from corsac.browser.urls import URL

__all__ = ["cache_mode_headers", "fetch_metadata"]


def fetch_metadata(page: URL | None, urls: list[URL], mode: str) -> list[tuple[str, str]]:
    """Fetch Metadata's headers; none for a connection that cannot be trusted.

    Args:
        page: The page's origin; ``None`` if it is opaque.
        urls: All URLs of the request, the current one last.
        mode: The request's mode.
    """
    if not is_potentially_trustworthy(urls[-1]):
        return []
    return [
        ("Sec-Fetch-Site", sec_fetch_site(page, urls)),
        ("Sec-Fetch-Mode", mode),
        ("Sec-Fetch-Dest", "empty"),
    ]


def cache_mode_headers(cache: str, present: Collection[str]) -> list[tuple[str, str]]:
    """What a cache mode tells caches on the way (Fetch, "HTTP-network-or-cache fetch").

    Args:
        cache: The cache mode.
        present: The names of the script's own headers, in lower case; they are left alone.
    """
    headers: list[tuple[str, str]] = []
    if cache in {"no-store", "reload"}:
        headers = [("Pragma", "no-cache"), ("Cache-Control", "no-cache")]
    elif cache == "no-cache":
        headers = [("Cache-Control", "max-age=0")]
    return [line for line in headers if line[0].lower() not in present]
