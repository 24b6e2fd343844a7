"""Browser engines as tables: where each departs from the Fetch standard.

How one header is judged is the core's (``browser_engine.hpp``), by the engine of the same name:
Chromium's safelist, the caps of Access-Control-Max-Age. Everything else stands here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["OBSERVED", "PROFILES", "Profile", "profile_called"]

Lines = tuple[tuple[str, str], ...]

_NO_CACHE: Lines = (("Pragma", "no-cache"), ("Cache-Control", "no-cache"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One engine; what a row does not name is as in the standard.

    The fields are in the order in which a fetch comes to them.
    """

    name: str
    observed: str
    """What it is made after: a standard, or a browser in the version that was recorded."""

    # The Request constructor.
    request_streams: Literal["sent", "sent over HTTP/2", "sent as text", "refused"] = "sent"

    sends_any_body_type_without_cors: bool = False
    """With mode no-cors a Blob's type is sent whatever it is."""

    # The CORS-safelisted request-headers.
    joins_lines_before_measuring: bool = False
    limits_sum_of_safelisted_values: bool = True
    unsafe_in_values: Mapping[str, re.Pattern[bytes]] = field(default_factory=dict)
    """By name: what in a value is unsafe here, and safelisted in the standard."""
    range_syntax: re.Pattern[bytes] | None = None
    """Ranges that are read although their spelling is not the standard's: start and end."""
    range_limit: int | None = None
    """The first number that no Range can have."""

    # The preflight.
    preflights_after_preflighted: bool = False
    """What once needed a preflight needs one after every redirect, whatever is left of it."""
    asks_for_dropped_headers: bool = False
    """Access-Control-Request-Headers still has what a redirect has dropped."""
    repeats_requested_names: bool = False
    """A header that was set twice is there twice."""
    preflights_for_page_origin: bool = False
    """After a redirect to another origin the preflight has the page's, the request ``null``; and
    the page's own server need not allow it."""
    tells_caching_in_preflight: bool = False
    """Cache-Control and Pragma of the request are on its preflight as well."""
    site_of_preflights: Literal["of all URLs", "of the current URL", "of the Origin"] = (
        "of all URLs"
    )
    """What their Sec-Fetch-Site is of; a ``null`` Origin is of no site."""
    asterisk_covers_authorization: bool = False

    # The CORS-preflight cache.
    preflight_cache_capacity: int = 1024
    """The standard sets no limit; some limit there has to be."""
    cache_key_has_credentials: bool = False
    """What was answered to a request with credentials does not serve one without."""
    remembers_one_answer: bool = False
    """A preflight replaces what an earlier one allowed for the same origin and URL."""
    remembered_asterisk: Literal["all", "all without credentials", "itself"] = "all"
    """What it covers; ``itself`` is a method, or a header, of that very name."""
    remembers_authorization_of_asterisk: bool = False
    remembers_nulled_origins: bool = True
    """What was answered to an Origin that a redirect made ``null`` is remembered."""
    reads_max_age_as_int64: bool = False
    ignores_answers_not_to_keep: bool = False
    """With a Max-Age of 0 an answer changes nothing in the cache."""
    remembers_head_where_listed: bool = False
    """HEAD is covered by answers that list it alone, although it needs no preflight."""
    forgets_what_does_not_cover: bool = False
    """A request that is not covered by what is remembered erases it."""
    remembers_refused_answers: bool = False
    """Also an answer that does not allow what was asked for."""
    modes_that_ask_anew: frozenset[str] = frozenset()
    """Cache modes in which nothing remembered is taken."""
    modes_that_remember_nothing: frozenset[str] = frozenset()
    failures_that_keep_cache: frozenset[str] | Literal["all"] = frozenset()
    """Reasons of failures that leave the preflight cache as it is."""

    # The request itself.
    sets_headers_one_by_one: bool = False
    """An empty line erases those of its name before it. Of headers that have one value the last is
    sent, but of several Content-Types the first, with a body that was not redirected."""
    caching_of_conditional_requests: Lines = _NO_CACHE
    """What a script's own If-None-Match adds, which makes the cache mode no-store."""
    nulls_origin_of_no_cors_redirects: bool = False
    keeps_origin_header: bool = False
    """What was sent with an Origin has one after a redirect within a server, also as GET."""
    restarts_redirected_requests: bool = False
    """A redirected request that has to be begun anew (it needs a preflight, becomes cross-origin,
    or changes its method) forgets in Sec-Fetch-Site where it was before."""
    site_of_redirects_needs_domain: bool = False
    """After a redirect another server without a registrable domain is of another site."""
    drops_own_headers_when_leaving: bool = False
    """CORS requests that were just redirected to another origin have no Sec-Fetch headers, and
    nothing of a cache mode."""

    # What comes back.
    repeats_misdirected: bool = True
    """After 421 (Misdirected Request) a request is sent once more."""
    ignores_empty_repetition: bool = False
    """An empty line after another of the same name, but Access-Control-Allow-Origin, is none."""
    prompts_for_passwords: Literal["never", "own server", "own site", "anywhere"] = "never"
    """Where a 401 with credentials opens a prompt."""
    judges_redirects_off_server_late: bool = False
    """Where a fetch began on the page's own server, a redirect that leaves it, or is another
    server's, is checked before the next request, after its preflight: for a user name, and as if
    the request had credentials."""
    ports_of_ip_address_are_sites: bool = False
    """Two ports of one address are different sites for Cross-Origin-Resource-Policy."""

    # Redirects.
    restores_dropped_headers: Literal["never", "all", "of bodies"] = "never"
    """What the next redirect brings back of what an earlier one dropped, unless it drops it itself:
    headers of bodies, where CORS has a say or the redirect leaves the page's own server; or all,
    Authorization included, that the first method would not lose."""
    other_redirect_statuses: frozenset[int] = frozenset()
    locations: Literal["one", "equal", "lenient", "joined"] = "one"
    """How many Location lines there may be: equal ones may be one, and an empty one none
    (``lenient``); all may be joined, and then an empty one is a failure."""
    error_mode_needs_location: bool = False
    """The redirect mode "error" lets a redirect without Location pass."""
    blocks_all_redirect_userinfo: bool = False
    """A user name in a Location blocks in every mode, also to the page's own origin."""
    gets_after_redirected_delete: bool = False
    """DELETE becomes GET, with all its headers, where a redirect leaves its origin."""

    def keeps_cache_after(self, reason: str) -> bool:
        """Say whether the preflight cache stays as it is when a fetch fails for that reason."""
        kept = self.failures_that_keep_cache
        return kept == "all" or reason in kept


_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")

_PROFILES = {
    profile.name: profile
    for profile in (
        Profile(name="standard", observed="Fetch standard"),
        Profile(
            name="chromium",
            observed="Chromium 156",
            request_streams="sent over HTTP/2",
            tells_caching_in_preflight=True,
            asterisk_covers_authorization=True,
            modes_that_ask_anew=frozenset({"no-store", "reload", "no-cache"}),
            modes_that_remember_nothing=frozenset({"no-store"}),
            failures_that_keep_cache="all",
            caching_of_conditional_requests=(("Cache-Control", "max-age=0"),),
            nulls_origin_of_no_cors_redirects=True,
            restarts_redirected_requests=True,
            prompts_for_passwords="own site",
            ports_of_ip_address_are_sites=True,
            locations="lenient",
            error_mode_needs_location=True,
            blocks_all_redirect_userinfo=True,
        ),
        Profile(
            name="firefox",
            observed="Firefox 153.8.0esr",
            request_streams="sent as text",
            limits_sum_of_safelisted_values=False,
            unsafe_in_values={
                "accept": _BEYOND_ASCII,
                "content-type": re.compile(rb"[\x80-\xff,]|;[ \t]*;"),
            },
            range_limit=2**64,
            preflights_after_preflighted=True,
            repeats_requested_names=True,
            preflights_for_page_origin=True,
            tells_caching_in_preflight=True,
            site_of_preflights="of the current URL",
            asterisk_covers_authorization=True,
            preflight_cache_capacity=100,
            cache_key_has_credentials=True,
            remembered_asterisk="itself",
            ignores_answers_not_to_keep=True,
            remembers_head_where_listed=True,
            modes_that_ask_anew=frozenset({"no-store", "reload"}),
            failures_that_keep_cache=frozenset({"redirect-mode-error"}),
            sets_headers_one_by_one=True,
            site_of_redirects_needs_domain=True,
            ignores_empty_repetition=True,
            prompts_for_passwords="anywhere",
            restores_dropped_headers="all",
            locations="equal",
        ),
        # What its network library (libsoup) does, and Safari's may not, are the last three.
        Profile(
            name="webkit",
            observed="WebKitGTK 2.50.6",
            request_streams="refused",
            sends_any_body_type_without_cors=True,
            joins_lines_before_measuring=True,
            range_syntax=re.compile(rb"(?i:bytes)=\+?([0-9]+)-(?:\+?([0-9]+))?"),
            range_limit=2**64,
            preflights_after_preflighted=True,
            asks_for_dropped_headers=True,
            site_of_preflights="of the Origin",
            asterisk_covers_authorization=True,
            preflight_cache_capacity=65_536,
            remembers_one_answer=True,
            remembered_asterisk="all without credentials",
            remembers_authorization_of_asterisk=True,
            remembers_nulled_origins=False,
            reads_max_age_as_int64=True,
            forgets_what_does_not_cover=True,
            remembers_refused_answers=True,
            failures_that_keep_cache="all",
            keeps_origin_header=True,
            drops_own_headers_when_leaving=True,
            prompts_for_passwords="own server",
            judges_redirects_off_server_late=True,
            restores_dropped_headers="of bodies",
            error_mode_needs_location=True,
            other_redirect_statuses=frozenset({309}),
            locations="joined",
            gets_after_redirected_delete=True,
        ),
    )
}

PROFILES = tuple(_PROFILES)
"""The Fetch standard to the letter, and three engines as they were recorded."""

OBSERVED = {name: profile.observed for name, profile in _PROFILES.items()}
"""By profile: what it is made after, with the version that was recorded."""


def profile_called(name: str) -> Profile:
    """Give the profile of a name.

    Raises:
        ValueError: There is no such profile.
    """
    profile = _PROFILES.get(name)
    if profile is None:
        message = f"profile must be one of {', '.join(PROFILES)}, not {name!r:.100}"
        raise ValueError(message)
    return profile
