"""Local Network Access: what browsers ask beside CORS before a page reaches a nearer address.

The draft: https://wicg.github.io/local-network-access/. Chromium has it since version 142, Firefox
since 153; nothing of it is seen by a server, neither before the permission nor after it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["ADDRESS_SPACES", "INSTEAD_OF_PRIVATE_NETWORK", "PERMISSIONS", "Reach"]
__all__ += ["address_space", "beside_cors"]

ADDRESS_SPACES = ("loopback", "local", "public")

PERMISSIONS = ("loopback-network", "local-network", "local-network-access")
"""What a user can grant; the last one stands for both, but Chromium 156 wants the one it is."""

INSTEAD_OF_PRIVATE_NETWORK = (
    "browsers no longer ask what allow_private_network answers. Beside CORS: Local Network Access: "
    "they ask the user before a page of a public site reaches this machine or network; fetch() can "
    'say targetAddressSpace, an iframe needs allow="local-network-access; local-network; '
    'loopback-network"'
)
"""What takes the place of the option ``allow_private_network``."""

# Local Network Access, 2.1, "IP address space".
_LOOPBACK = ("127.0.0.0/8", "198.18.0.0/15", "0.0.0.0/32", "::1/128", "::/128")
_LOCAL = (
    *("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
    *("0.0.0.0/8", "fc00::/7", "fe80::/10", "fec0::/10", "2001:db8::/32", "3fff::/20"),
)


def address_space(host: str) -> str:
    """Return ``"loopback"``, ``"local"`` or ``"public"`` for a host, as far as its name says.

    An address of version 6 stands in brackets.
    """
    name = host.strip("[]").removesuffix(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return "loopback"
    if name.endswith(".local"):
        return "local"
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return "public"
    address = getattr(address, "ipv4_mapped", None) or address
    for space, networks in (("loopback", _LOOPBACK), ("local", _LOCAL)):
        if any(address in ipaddress.ip_network(network) for network in networks):
            return space
    return "public"


def beside_cors(origin: str, host: str) -> str:
    """Say what a browser asks, where a page of a public site reaches for a nearer address.

    The origin is the page's, the host where the request goes, with or without a port. Return a
    sentence without a full stop; an empty text where nothing is asked.
    """
    scheme, _, page_host = origin.partition("://")
    space = address_space(_without_port(host))
    is_public = address_space(_without_port(page_host)) == "public"
    if scheme not in {"http", "https"} or not is_public or space == "public":
        return ""
    start = "Beside CORS: Local Network Access: since Chrome 142"
    if scheme == "http":
        return (
            f"{start} no page without https reaches the `{space}` address space, and its console "
            'says "blocked by CORS policy"; Firefox 153 asks the user'
        )
    return (
        f"{start} and Firefox 153 the user is asked before a page of a public site reaches the "
        f"`{space}` address space; until then nothing is sent, and where the user says no, "
        'Chrome\'s console says "blocked by CORS policy". '
        f'fetch() can say targetAddressSpace: "{space}"; an iframe needs '
        f'allow="local-network-access; {space}-network"'
    )


class Reach(NamedTuple):
    """A page that reaches for an address.

    Attributes:
        page_space: Where the page is from; empty if that is not known.
        is_secure: Whether the page is a secure context.
        host: The host of the request; an address of version 6 stands in brackets.
        is_address: Whether it is an address and not a name, which may resolve to any.
        declared: The ``targetAddressSpace`` of fetch(), or an empty text.
        granted: The permissions that the user has given; ``None`` for all.
    """

    page_space: str
    is_secure: bool
    host: str
    is_address: bool
    declared: str
    granted: Sequence[str] | None

    def refusal(self, profile: str) -> tuple[str, str]:
        """Return why a browser refuses it, as a reason code and its detail; two empty texts if not.

        Chromium 156 is as recorded, of Firefox 153 the insecure pages and ``targetAddressSpace``
        are as in its sources. The standard profile and WebKit have none of it.
        """
        if profile not in {"chromium", "firefox"}:
            return "", ""
        space, is_chromium = address_space(self.host), profile == "chromium"
        if is_chromium and self.declared not in {"", space}:
            if self.is_address or space != "public":
                return "local-network-mismatch", f"{self.declared}, and the address is {space}"
            space = self.declared
        if self.page_space != "public" or space == "public":
            return "", ""
        if is_chromium and not self.is_secure:
            return "local-network-insecure", space
        if self.granted is None or f"{space}-network" in self.granted:
            return "", ""
        return "local-network-denied", f"{space}-network"


def _without_port(host: str) -> str:
    return host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
