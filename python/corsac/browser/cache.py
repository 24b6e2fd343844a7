"""What a browser remembers of preflights, each engine in its way.

https://fetch.spec.whatwg.org/#cors-preflight-cache
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from corsac import _core
from corsac._headers import Lines
from corsac.browser.messages import joined_values
from corsac.browser.profiles import Profile, profile_called
from corsac.browser.safelist import UNSAFE_VALUE

__all__ = ["CacheRequest", "PreflightCache"]

MAX_CAPACITY = 1_000_000


class CacheRequest(NamedTuple):
    """A request that may need a preflight, as the core takes it."""

    origin: str
    include: bool
    method: str
    headers: Lines
    use_cors_preflight: bool
    profile: str
    url: str


class PreflightCache:
    """Preflights that were answered, for as long as their Access-Control-Max-Age.

    Hand the same one to several calls of `corsac.browser.simulate` to be one browser. It may be
    shared between threads. It is bounded: the preflights used longest ago give way.

    Args:
        capacity: Preflights that are remembered at most, 1 to 1 000 000; one for each origin, URL,
            and kind of credentials. ``None`` is the profile's: 100 for ``firefox``, 65 536 for
            ``webkit``, in which no limit was found, else 1024.
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
        usual = profile_called(profile).preflight_cache_capacity
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
        profile = profile_called(asked.profile)
        head = asked.method == "HEAD" and profile.remembers_head_where_listed
        keyed = _keyed(asked)
        # With the flag the method counts even if it is safelisted.
        keyed = keyed._replace(use_cors_preflight=keyed.use_cors_preflight or head)
        covered = self._core.covers(*keyed, now=self._clock())
        if not covered and profile.forgets_what_does_not_cover:
            self.clear_entries(asked.origin, asked.url)
        return covered

    def store(self, asked: CacheRequest, response: Lines) -> None:
        """Remember the answer to a preflight that was passed."""
        profile = profile_called(asked.profile)
        lines = _as_remembered(asked, response, profile)
        is_kept = _core.browser_preflight_max_age(lines, profile.name) > 0
        if profile.ignores_answers_not_to_keep and not is_kept:
            return
        if profile.remembers_one_answer:
            self.clear_entries(asked.origin, asked.url)
        self._core.store(*_keyed(asked), response_headers=lines, now=self._clock())

    def clear_entries(self, origin: str, url: str) -> None:
        """Forget all about an origin and a URL.

        https://fetch.spec.whatwg.org/#concept-cache-clear
        """
        self._core.clear_entries(origin, url)
        self._core.clear_entries(origin + _WITH_CREDENTIALS, url)

    def clear(self) -> None:
        """Forget everything."""
        self._core.clear()

    def __len__(self) -> int:
        """The number of preflights that are remembered, expired ones included."""
        return len(self._core)


# Of a key in an engine that keeps the two apart; no origin has a space.
_WITH_CREDENTIALS = " with credentials"
# A name that every answer allows, where also a request with nothing unsafe has to be covered.
_ANSWERED = b"corsac-answered"
# What an asterisk is called where it is an ordinary name.
_ASTERISK = b"corsac-asterisk"


def _keyed(asked: CacheRequest) -> CacheRequest:
    profile = profile_called(asked.profile)
    if asked.include and profile.cache_key_has_credentials:
        asked = asked._replace(origin=asked.origin + _WITH_CREDENTIALS)
    if profile.preflights_after_preflighted:
        asked = asked._replace(headers=[*asked.headers, (_ANSWERED, UNSAFE_VALUE)])
    if _asterisk_is_ordinary(asked, profile):
        names = [(_ASTERISK if name == b"*" else name, value) for name, value in asked.headers]
        method = _ASTERISK.decode() if asked.method == "*" else asked.method
        asked = asked._replace(method=method, headers=names)
    return asked


def _asterisk_is_ordinary(asked: CacheRequest, profile: Profile) -> bool:
    covers = profile.remembered_asterisk
    return covers == "itself" or (covers == "all without credentials" and asked.include)


def _as_remembered(asked: CacheRequest, response: Lines, profile: Profile) -> Lines:
    """Give an answer whose lines say in the standard's words what the engine remembers of it."""
    lines = response
    if profile.reads_max_age_as_int64:
        # As Chromium does, in which whitespace around it is an error.
        lines = [(name, value.strip(b"\t\n\v\f\r ")) for name, value in lines]
        seconds = b"%d" % _core.browser_preflight_max_age(lines, "chromium")
        lines = [line for line in lines if line[0].lower() != b"access-control-max-age"]
        lines.append((b"Access-Control-Max-Age", seconds))
    if _asterisk_is_ordinary(asked, profile):
        lines = [(name, _with_ordinary_asterisk(name, value)) for name, value in lines]
    if profile.remembers_authorization_of_asterisk and not asked.include:
        [(_, names)] = joined_values(lines, [b"access-control-allow-headers"])
        if "*" in _members(names):
            lines = [*lines, (b"Access-Control-Allow-Headers", b"authorization")]
    if profile.preflights_after_preflighted:
        lines = [*lines, (b"Access-Control-Allow-Headers", _ANSWERED)]
    return lines


def _with_ordinary_asterisk(name: bytes, value: bytes) -> bytes:
    """Let the asterisk of a list stand for itself alone."""
    if name.lower() not in {b"access-control-allow-methods", b"access-control-allow-headers"}:
        return value
    return b",".join(
        _ASTERISK if member.strip(b" \t") == b"*" else member for member in value.split(b",")
    )


def _members(value: str) -> list[str]:
    return [member.strip(" \t") for member in value.split(",")]
