"""Asking before a request is sent (https://fetch.spec.whatwg.org/#cors-preflight-fetch)."""

from __future__ import annotations

from collections.abc import Generator

from corsac import _core
from corsac._headers import Lines, header_lines
from corsac._text import shown
from corsac.browser.cache import CacheRequest
from corsac.browser.messages import Request, Response, byte_lines
from corsac.browser.network_request import (
    caching_lines,
    preflight_metadata_lines,
    readable_lines,
)
from corsac.browser.safelist import lines_to_ask_for
from corsac.browser.state import FetchState

# An answer to a preflight, which does not allow this one.
_NOT_ALLOWED = (
    "preflight:method-not-allowed",
    "preflight:authorization-not-listed",
    "preflight:header-not-allowed",
)

__all__ = ["preflight_if_needed", "preflight_is_needed", "why_preflight"]


def preflight_is_needed(state: FetchState) -> bool:
    """Say whether a request to another origin goes through a preflight."""
    again = state.profile.preflights_after_preflighted
    headers = state.author_headers if again else state.headers
    return (again and state.went_through_preflight_branch) or _core.browser_needs_preflight(
        state.method,
        lines_to_ask_for(headers, state.profile),
        state.use_cors_preflight,
        state.profile.name,
    )


def why_preflight(state: FetchState) -> str:
    """Say what a preflight is needed for."""
    reasons = []
    if state.use_cors_preflight:
        reasons.append("the streaming body" if state.is_stream else "the upload listener")
    if _core.browser_needs_preflight(state.method, [], False, state.profile.name):
        reasons.append(f"the method {shown(state.method)}")
    names = dict(_lines(state))
    if names:
        listed = shown(b", ".join(names).decode("latin-1"))
        reasons.append(f"the header{'s' if len(names) > 1 else ''} {listed}")
    return " and ".join(reasons) or "what it was before the redirect"


def preflight_if_needed(state: FetchState) -> Generator[Request, Response | Exception, None]:
    """Ask first, unless an earlier answer is remembered."""
    profile, mode = state.profile, state.request.cache
    lines = _lines(state)
    cors = (state.preflight_origin, state.include, state.method, lines)
    asked = CacheRequest(*cors, state.use_cors_preflight, profile.name, state.url.with_fragment)
    is_nulled = state.preflight_origin != state.request.origin
    is_kept = profile.remembers_nulled_origins or not is_nulled
    if is_kept and mode not in profile.modes_that_ask_anew and state.cache.covers(asked):
        state.note("cache", "An earlier preflight allowed this and is remembered: none is sent")
        return
    request = _preflight_request(state, lines)
    response = yield from state.exchange(request)
    answer = byte_lines(response.headers)
    code = _check(state, lines, response.status, answer)
    is_kept &= mode not in profile.modes_that_remember_nothing
    is_kept &= not code or (profile.remembers_refused_answers and code.startswith(_NOT_ALLOWED))
    if is_kept:
        state.cache.store(asked, answer)
    state.conclude(request, response, code)


def _lines(state: FetchState) -> Lines:
    keeps = state.profile.asks_for_dropped_headers
    headers = state.author_headers if keeps else state.asked_headers
    return lines_to_ask_for(headers, state.profile)


def _preflight_request(state: FetchState, lines: Lines) -> Request:
    names = b",".join(name for name, _ in lines)
    headers = [
        (name, names if name == b"Access-Control-Request-Headers" else value)
        for name, value in _core.browser_preflight_request_headers(
            state.preflight_origin, state.method, lines, state.profile.name
        )
    ]
    added = preflight_metadata_lines(state)
    if state.profile.tells_caching_in_preflight:
        added += caching_lines(state)
    return Request("OPTIONS", str(state.url), (*header_lines(headers), *added), is_preflight=True)


def _check(state: FetchState, lines: Lines, status: int, answer: Lines) -> str:
    """Give the reason why a preflight is refused; empty if it is not."""
    answer = readable_lines(answer, state)
    if state.profile.preflights_for_page_origin and state.is_same_origin(state.url):
        own = {b"access-control-allow-origin": state.preflight_origin.encode("ascii")}
        own[b"access-control-allow-credentials"] = b"true"
        answer = [line for line in answer if line[0].lower() not in own] + list(own.items())

    def judged_as(engine: str) -> tuple[str, str]:
        cors = (state.preflight_origin, state.include, state.method, lines)
        return _core.browser_preflight_check(
            *cors, status, answer, state.use_cors_preflight, engine
        )

    code, name = judged_as(state.profile.name)
    if code == "preflight:authorization-not-listed" and state.profile.asterisk_covers_authorization:
        # An engine of the core in which it does.
        code, name = judged_as("chromium")
    return f"{code}:{name}" if name else code
