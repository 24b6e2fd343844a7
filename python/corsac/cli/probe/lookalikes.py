"""Origins that only resemble an allowed one, for what careless comparisons let in."""

from __future__ import annotations

from typing import NamedTuple

from corsac.browser.urls import is_ip_address, parse_url
from corsac.validation.hosts import public_suffixes

__all__ = ["OTHER_ORIGIN", "Lookalike", "lookalikes", "other_origin"]

OTHER_ORIGIN = "https://corsac-probe.example"
"""A page that nobody has listed: the domain ``.example`` is nobody's (RFC 2606)."""

_PROBE = "corsac-probe"
_OTHER_PORT = 47652


class Lookalike(NamedTuple):
    """One origin that resembles another.

    Attributes:
        kind: What is alike; see `corsac.cli.probe.origin_lints`.
        origin: The origin.
    """

    kind: str
    origin: str


def other_origin(origin: str) -> str:
    """An origin that nobody has listed, and that is not the one that asks."""
    return OTHER_ORIGIN if origin != OTHER_ORIGIN else "https://another.corsac-probe.example"


def lookalikes(origin: str) -> list[Lookalike]:
    """Origins that resemble one.

    Args:
        origin: A serialized origin.

    Returns:
        One of each kind, fewer for addresses and one-label hosts; none for an opaque origin.
    """
    url = parse_url(origin)
    if url is None or url.origin != origin or url.scheme not in {"http", "https"}:
        return []
    port = "" if url.port is None else f":{url.port}"
    start, host = f"{url.scheme}://", url.host
    found = []
    if not host.startswith("["):
        found.append(Lookalike("prefix", f"{start}{host}.{OTHER_ORIGIN[8:]}{port}"))
    if not is_ip_address(host):
        site = public_suffixes().registrable_domain(host) or host
        if site != host:
            # Whoever allows all subdomains allows this; whoever compares ends of texts, the next.
            found.append(Lookalike("subdomain", f"{start}{_PROBE}.{site}{port}"))
            found.append(Lookalike("suffix", f"{start}{_PROBE}{host}{port}"))
        found.append(Lookalike("other-site", f"{start}{_PROBE}{site}{port}"))
        dots = host.count(".")
        if dots:
            other = host.replace(".", "x", max(1, dots - 1))
            found.append(Lookalike("dot", f"{start}{other}{port}"))
    if url.scheme == "https":
        found.append(Lookalike("insecure", f"http://{host}{port}"))
    found.append(Lookalike("port", f"{start}{host}:{_OTHER_PORT}"))
    return found
