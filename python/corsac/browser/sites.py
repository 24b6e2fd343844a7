"""Which origins belong together (HTML, "same site"), and the headers that tell a server so."""

from __future__ import annotations

from collections.abc import Collection

from corsac.browser.urls import URL, is_ip_address

__all__ = ["cache_mode_headers", "fetch_metadata", "is_potentially_trustworthy"]
__all__ += ["is_schemelessly_same_site"]


def is_schemelessly_same_site(one: URL | None, other: URL) -> bool:
    """Say whether two hosts are of one site (HTML, 7.1.1.1, "schemelessly same site").

    Args:
        one: The page's origin; ``None`` if it is opaque.
        other: Where the request goes.
    """
    if one is None:
        return False
    if one.host == other.host:
        return True
    domain = _registrable_domain(one.host)
    return domain is not None and domain == _registrable_domain(other.host)


def _registrable_domain(host: str) -> str | None:
    """URL, 3.2, "registrable domain": the public suffix and one label more."""
    if is_ip_address(host):
        return None
    # Reading the list takes longer than all else together.
    from corsac.validation.hosts import public_suffixes  # noqa: PLC0415

    return public_suffixes().registrable_domain(host)


def is_potentially_trustworthy(url: URL) -> bool:
    """Secure Contexts, 3.1: whether a connection is encrypted, or to this very machine."""
    if url.scheme in {"https", "wss"}:
        return True
    host = url.host.removesuffix(".")
    if host == "localhost" or host.endswith(".localhost") or host == "[::1]":
        return True
    return host.startswith("127.") and is_ip_address(host)


def fetch_metadata(page: URL | None, urls: list[URL], mode: str) -> list[tuple[str, str]]:
    """Give Fetch Metadata's headers; none for a connection that cannot be trusted.

    Args:
        page: The page's origin; ``None`` if it is opaque.
        urls: All URLs of the request, the current one last.
        mode: The request's mode.
    """
    if not is_potentially_trustworthy(urls[-1]):
        return []
    # Fetch Metadata, 2.3, "set Sec-Fetch-Site": the least that all URLs are to the page.
    site = "same-origin"
    for url in urls:
        if page is not None and url.origin == page.origin:
            continue
        if page is None or page.scheme != url.scheme or not is_schemelessly_same_site(page, url):
            site = "cross-site"
            break
        site = "same-site"
    return [("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", mode), ("Sec-Fetch-Dest", "empty")]


def cache_mode_headers(cache: str, present: Collection[str]) -> list[tuple[str, str]]:
    """Give what a cache mode tells caches on the way (Fetch, 4.6, "HTTP-network-or-cache fetch").

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
