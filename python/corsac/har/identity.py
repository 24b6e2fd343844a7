"""Telling URLs apart that look the same once they are masked, without keeping them."""

from __future__ import annotations

import secrets
from hashlib import blake2b

from corsac.browser.urls import URL

__all__ = ["Identities"]


class Identities:
    """Names the URLs of one recording: equal names for equal URLs, and nothing to learn from one.

    The key is random and kept by nobody: without it no guess of a URL can be tried.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def of(self, url: URL | None) -> str:
        """Name a URL without its fragment, user name and password; empty for an invalid one."""
        if url is None:
            return ""
        text = url.text.encode("utf-8", "surrogatepass")
        return blake2b(text, digest_size=16, key=self._key).hexdigest()
