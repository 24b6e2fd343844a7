"""Browser engines, and what one remembers of preflights.

https://fetch.spec.whatwg.org/#cors-preflight-cache
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from corsac import _core

__all__ = ["PROFILES", "CacheRequest", "PreflightCache", "profile_facts"]

PROFILES = ("standard", "chromium", "firefox", "webkit")
"""The Fetch standard to the letter; Chromium 156 as it was recorded; Gecko and WebKit as far as
their sources were read, which is their preflight caches."""


def profile_facts(profile: str) -> dict[str, Any]:
    """Give what the order of steps depends on; the rest is in the core (``browser_engine.hpp``)."""
    if profile not in PROFILES:
        message = f"profile must be one of {', '.join(PROFILES)}, not {profile!r:.100}"
        raise ValueError(message)
    return _core.browser_engine(profile)


MAX_CAPACITY = 1_000_000


class PreflightCache:
    """Preflights that were answered, for as long as their Access-Control-Max-Age.

    Hand the same one to several calls of `corsac.browser.simulate` to be one browser. It may be
    shared between threads. It is bounded: the preflights used longest ago give way.

    Args:
        capacity: Preflights that are remembered at most, 1 to 1 000 000; one for each origin, URL,
            and kind of credentials. ``None`` is the profile's: 100 for ``firefox``, else 1024.
        profile: Whose capacity that is.
        clock: A monotonic clock, in seconds; give one of your own to let time pass.

    Raises:
        ValueError: The capacity is out of range, or there is no such profile.
    """

    def __init__(
        self,
        capacity: int | None = None,
        *,
        profile: str = "standard",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        usual: int = profile_facts(profile)["preflight_cache_capacity"]
        capacity = usual if capacity is None else capacity
        if not 1 <= capacity <= MAX_CAPACITY:
            message = f"capacity must be from 1 to {MAX_CAPACITY}, not {capacity}"
            raise ValueError(message)
        self._core = _core.make_preflight_cache(capacity)
        self._clock = clock

    def covers(self, asked: CacheRequest) -> bool:
        """Say whether a request may be sent without a preflight.

        https://fetch.spec.whatwg.org/#method-cache-entry-match
        """
        return self._core.covers(*asked, now=self._clock())

    def store(self, asked: CacheRequest, response: list[tuple[bytes, bytes]]) -> None:
        """Remember the answer to a preflight that was passed."""
        self._core.store(*asked, response_headers=response, now=self._clock())

    def clear_entries(self, origin: str, url: str) -> None:
        """Forget all about an origin and a URL.

        https://fetch.spec.whatwg.org/#concept-cache-clear
        """
        self._core.clear_entries(origin, url)

    def clear(self) -> None:
        """Forget everything."""
        self._core.clear()

    def __len__(self) -> int:
        """The number of preflights that are remembered, expired ones included."""
        return len(self._core)


# Origin, credentials mode is "include", method, headers, flag "use-CORS-preflight", profile, URL.
CacheRequest = tuple[str, bool, str, list[tuple[bytes, bytes]], bool, str, str]
