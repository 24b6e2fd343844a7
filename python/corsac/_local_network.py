"""Local Network Access: what browsers ask beside CORS before a page reaches a nearer address.

The draft: https://wicg.github.io/local-network-access/. Chromium has it since version 142, Firefox
since 153; nothing of it is seen by a server, neither before the permission nor after it.
"""

from __future__ import annotations

import ipaddress

__all__ = ["INSTEAD_OF_PRIVATE_NETWORK", "address_space", "beside_cors"]

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
    start = "Beside CORS: Local Network Access: since Chrome 142 and Firefox 153"
    if scheme == "http":
        return (
            f"{start} browsers let no page without https reach the `{space}` address space; "
            'Chrome\'s console calls it "blocked by CORS policy"'
        )
    return (
        f"{start} the user is asked before a page of a public site reaches the `{space}` address "
        "space; until then nothing is sent, and Chrome's console calls a no \"blocked by CORS "
        f'policy". fetch() can say targetAddressSpace: "{space}"; an iframe needs '
        f'allow="local-network-access; {space}-network"'
    )


def _without_port(host: str) -> str:
    return host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
