"""Ways to send a request: to an application in this process, or over the network.

None follows redirects, keeps cookies or joins header lines: that is the browser's business.
"""

from __future__ import annotations

from corsac.browser.transports.in_process import (
    asgi_async_transport,
    asgi_transport,
    wsgi_transport,
)
from corsac.browser.transports.network import httpx2_async_transport, httpx2_transport

__all__ = [
    "asgi_async_transport",
    "asgi_transport",
    "httpx2_async_transport",
    "httpx2_transport",
    "wsgi_transport",
]
