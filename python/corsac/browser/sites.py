"""Which origins belong to one site, and the headers that tell a server so."""

from __future__ import annotations

from collections.abc import Collection

from corsac.browser.urls import URL, is_ip_address

__all__ = ["cache_mode_headers", "fetch_metadata", "is_potentially_trustworthy"]
__all__ += ["is_schemelessly_same_site"]


def is_schemelessly_same_site(one: URL | None, other: URL) -> bool:
    """Say whether a page, ``None`` if it is opaque, and a URL are of one site.

    https://html.spec.whatwg.org/#schemelessly-same-site
    """
    if one is None:
        return False
    if one.host == other.host:
        return True
    domain = _registrable_domain(one.host)
    return domain is not None and domain == _registrable_domain(other.host)


def _registrable_domain(host: str) -> str | None:
    """Give the public suffix and one label more.

    https://url.spec.whatwg.org/#host-registrable-domain
    """
    if is_ip_address(host):
        return None
    # Reading the list takes longer than all else together.
    from corsac.validation.hosts import public_suffixes  # noqa: PLC0415

    return public_suffixes().registrable_domain(host)


def is_potentially_trustworthy(url: URL) -> bool:
    """Say whether a connection is encrypted, or to this very machine.

    https://w3c.github.io/webappsec-secure-contexts/#is-url-trustworthy
    """
    if url.scheme in {"https", "wss"}:
        return True
    host = url.host.removesuffix(".")
    if host == "localhost" or host.endswith(".localhost") or host == "[::1]":
        return True
    return host.startswith("127.") and is_ip_address(host)


def fetch_metadata(page: URL | None, urls: list[URL], mode: str) -> list[tuple[str, str]]:
    """Give the Sec-Fetch headers; none for a connection that cannot be trusted.

    ``page`` is ``None`` for an opaque origin; of ``urls`` the last one is the current one.
    https://w3c.github.io/webappsec-fetch-metadata/#abstract-opdef-set-site
    """
    if not is_potentially_trustworthy(urls[-1]):
        return []
    # The least that all URLs are to the page.
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
    """Give what a cache mode tells caches on the way, unless the script set it itself.

    https://fetch.spec.whatwg.org/#http-network-or-cache-fetch
    """
    headers: list[tuple[str, str]] = []
    if cache in {"no-store", "reload"}:
        headers = [("Pragma", "no-cache"), ("Cache-Control", "no-cache")]
    elif cache == "no-cache":
        headers = [("Cache-Control", "max-age=0")]
    return [line for line in headers if line[0].lower() not in present]
