"""Following a redirect (https://fetch.spec.whatwg.org/#http-redirect-fetch)."""

from __future__ import annotations

from dataclasses import replace

from corsac import _core
from corsac._headers import Lines
from corsac._text import shown
from corsac.browser.messages import Response, byte_lines
from corsac.browser.profiles import Profile
from corsac.browser.request import Rejected
from corsac.browser.state import FetchState
from corsac.browser.urls import HTTP_SCHEMES, URL, parse_url

__all__ = ["MAX_REDIRECTS", "follow_redirect", "is_redirect"]

MAX_REDIRECTS = 20
"""The next one is a network error."""


def is_redirect(state: FetchState, response: Response) -> bool:
    """Say whether an answer has the status of a redirect."""
    return (
        _core.browser_is_redirect_status(response.status)
        or response.status in state.profile.other_redirect_statuses
    )


def follow_redirect(state: FetchState, response: Response) -> bool:
    """Prepare the next URL; give False if there is none, and the response is the last one."""
    if not is_redirect(state, response):
        return False
    location = _location(byte_lines(response.headers), state.profile)
    if state.request.redirect == "error":
        if location is None and state.profile.error_mode_needs_location:
            return False
        raise Rejected("redirect-mode-error")
    if state.request.redirect == "manual":
        state.tainting = "opaqueredirect"
        return False
    if location is None:
        return False
    target = _target(state, location)
    if response.status != 303 and state.is_stream:
        raise Rejected("redirect-stream")
    _change_request(state, response.status, target)
    state.urls.append(target)
    state.note("redirect", f"Redirected to {shown(str(target))}, as {shown(state.method)}")
    return True


def _location(lines: Lines, profile: Profile) -> bytes | bool | None:
    """Give what the Location lines say, False if that is nothing to go to; None without one."""
    name = b"location"
    values = [value.strip(b" \t") for known, value in lines if known.lower() == name]
    match profile.locations:
        case "equal":
            values = list(dict.fromkeys(values))
        case "joined" if values:
            joined = b", ".join(values)
            return joined or False
    return _core.browser_redirect_location([(name, value) for value in values], profile.name)


def _target(state: FetchState, location: bytes | bool) -> URL:
    text = _decoded(location) if isinstance(location, bytes) else None
    target = None if text is None else parse_url(text, state.url)
    if target is None:
        raise Rejected("redirect-location", shown(text or "two lines"))
    if target.fragment is None:
        target = replace(target, fragment=state.url.fragment)
    if target.scheme not in HTTP_SCHEMES:
        raise Rejected("redirect-scheme", shown(f"{target.scheme}:"))
    if len(state.urls) > MAX_REDIRECTS:
        raise Rejected("too-many-redirects")
    if target.has_credentials and (
        state.tainting == "cors"
        or (state.request.mode == "cors" and not state.is_same_origin(target))
        or state.profile.blocks_all_redirect_userinfo
    ):
        if state.tainting != "basic" or not state.profile.judges_redirects_off_server_late:
            raise Rejected("redirect-userinfo")
        state.late_refusal = "redirect-userinfo"
    return target


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _change_request(state: FetchState, status: int, target: URL) -> None:
    """Drop what a redirect drops: the body of a POST, credentials for another origin."""
    leaves = target.origin != state.url.origin
    if leaves:
        state.headers = _without_authorization(state.headers)
        state.allowed_headers = _without_authorization(state.allowed_headers)
    loses_body = _core.browser_redirect_makes_get(status, state.method)
    drops_headers = loses_body
    match state.profile.restores_dropped_headers:
        case "all":
            kept = state.author_headers
            state.headers = _without_authorization(kept) if leaves else kept
            drops_headers |= _core.browser_redirect_makes_get(status, state.first_method)
        case "of bodies" if state.tainting == "cors" or not state.is_same_origin(target):
            state.headers = state.allowed_headers
    state.asked_headers = _without_body_headers(state.headers) if loses_body else state.headers
    if drops_headers:
        state.headers = _without_body_headers(state.headers)
    is_lost = leaves and state.method == "DELETE" and state.profile.gets_after_redirected_delete
    if loses_body or is_lost:
        state.method = "GET"
        state.body = None
        state.is_stream = False
        state.use_cors_preflight = state.request.upload_listener


def _without_authorization(lines: Lines) -> Lines:
    return [line for line in lines if line[0].lower() != b"authorization"]


def _without_body_headers(lines: Lines) -> Lines:
    return [line for line in lines if not _core.browser_is_request_body_header_name(line[0])]
