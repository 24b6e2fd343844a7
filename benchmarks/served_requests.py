"""The requests that servers are asked, as browsers send them."""

from __future__ import annotations

ALLOWED_ORIGIN = "https://app.example.com"
OTHER_ORIGIN = "https://evil.example"

# What Chromium sends when a page fetches from another origin.
_BROWSER_HEADERS = {
    "Origin": ALLOWED_ORIGIN,
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/156.0.0.0 Safari/537.36",
    "Accept": "*/*",
    "Accept-Language": "en-GB,en;q=0.9",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": "https://app.example.com/",
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "same-site",
}
ACTUAL = "actual request"
PREFLIGHT = "preflight request"
REQUESTS = {
    ACTUAL: ("GET", {**_BROWSER_HEADERS, "Cookie": "session=0123456789abcdef"}),
    PREFLIGHT: (
        "OPTIONS",
        {
            **_BROWSER_HEADERS,
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "content-type",
        },
    ),
}
"""The method and the headers of each kind of request."""
