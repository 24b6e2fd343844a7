"""Browser engines: the standard, and where each of three departs from it."""

from __future__ import annotations

from typing import TypedDict, cast

from corsac import _core

__all__ = ["PROFILES", "Profile", "profile_facts"]

PROFILES = ("standard", "chromium", "firefox", "webkit")
"""The Fetch standard to the letter; Chromium 156 as it was recorded; Gecko and WebKit as far as
their sources were read, which is their preflight caches."""

Profile = str


class ProfileFacts(TypedDict):
    """What the order of steps depends on; the rest is in the core (``browser_engine.hpp``)."""

    preflight_cache_capacity: int
    cache_modes_bypass_preflight_cache: bool
    keeps_cache_after_failed_request: bool
    redirect_mode_error_needs_location: bool
    blocks_all_redirect_userinfo: bool
    streams_need_http2: bool
    prompts_for_passwords: bool
    ports_of_ip_address_are_sites: bool
    restarts_redirected_requests: bool
    nulls_origin_of_no_cors_redirects: bool


def profile_facts(profile: Profile) -> ProfileFacts:
    """Give the facts of a profile."""
    if profile not in PROFILES:
        message = f"profile must be one of {', '.join(PROFILES)}, not {profile!r:.100}"
        raise ValueError(message)
    return cast("ProfileFacts", _core.browser_engine(profile))
