"""Which origins belong together (HTML, "same site"), and which connections are trusted."""

from __future__ import annotations

from corsac.browser.urls import URL, is_ip_address

__all__ = ["is_potentially_trustworthy", "is_schemelessly_same_site", "sec_fetch_site"]


def is_schemelessly_same_site(one: URL | None, other: URL) -> bool:
    """HTML, "schemelessly same site".

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
    """URL, "registrable domain": the public suffix and one label more."""
    if is_ip_address(host):
        return None
    # Reading the list takes longer than all else together.
    from corsac.validation.hosts import public_suffixes  # noqa: PLC0415

    return public_suffixes().registrable_domain(host)


def is_potentially_trustworthy(url: URL) -> bool:
    """Secure Contexts, "is origin potentially trustworthy": encrypted, or this very machine."""
    if url.scheme in {"https", "wss"}:
        return True
    host = url.host.removesuffix(".")
    if host == "localhost" or host.endswith(".localhost") or host == "[::1]":
        return True
    return host.startswith("127.") and is_ip_address(host)


def sec_fetch_site(origin: URL | None, urls: list[URL]) -> str:
    """Fetch Metadata, "set Sec-Fetch-Site": the least that all URLs of a request are to a page."""
    site = "same-origin"
    for url in urls:
        if origin is not None and url.origin == origin.origin:
            continue
        if not (
            origin is not None
            and origin.scheme == url.scheme
            and is_schemelessly_same_site(origin, url)
        ):
            return "cross-site"
        site = "same-site"
    return site
