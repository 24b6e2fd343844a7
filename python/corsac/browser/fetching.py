"""The order in which a browser does things (https://fetch.spec.whatwg.org/#fetching).

One generator: it yields requests and is sent what came of each, so that it is the same for
synchronous and asynchronous transports. How one thing is judged is the core's; where the order
differs between engines, their tables say so (`corsac.browser.profiles`).
"""

from __future__ import annotations

from collections.abc import Generator

from corsac import _core
from corsac._headers import Lines, byte_lines
from corsac._text import shown
from corsac.browser.cache import PreflightCache
from corsac.browser.cors_preflight import preflight_if_needed, preflight_is_needed, why_preflight
from corsac.browser.http_redirect import follow_redirect, is_redirect
from corsac.browser.messages import Request, Response, joined_values
from corsac.browser.network_request import actual_request, readable_lines
from corsac.browser.outcome import FetchOutcome, Step, explain_reason, verdict_text
from corsac.browser.request import FetchRequest, Rejected, prepare, reach_of
from corsac.browser.state import Answering, FetchState
from corsac.browser.urls import HTTP_SCHEMES, is_ip_address, notes_beside_cors

__all__ = ["Exchange", "fetch"]

Exchange = Generator[Request, Response | Exception, FetchOutcome]


def fetch(request: FetchRequest, cache: PreflightCache | None, profile: str) -> Exchange:
    """Go through a fetch.

    It yields requests to send, and is sent back the response, or what the transport raised.
    """
    state = FetchState(request, cache, profile)
    try:
        response = yield from _main_fetch(state)
    except Rejected as rejected:
        return _rejected(state, rejected)
    return _delivered(state, response)


def _main_fetch(state: FetchState) -> Answering:
    """Do all steps of a fetch, once for every URL.

    https://fetch.spec.whatwg.org/#concept-main-fetch
    """
    url, state.method, state.headers, state.body, state.is_stream = prepare(
        state.request, state.profile
    )
    state.urls.append(url)
    state.first_method = state.method
    state.author_headers = state.allowed_headers = state.asked_headers = state.headers
    state.use_cors_preflight = state.is_stream or state.request.upload_listener
    while True:
        was_cors = state.tainting == "cors"
        with_preflight = _choose_tainting(state)
        is_other = with_preflight or not was_cors or state.method != state.sent[-1].method
        if state.profile.restarts_redirected_requests and state.tainting == "cors" and is_other:
            state.site_urls.clear()
        state.site_urls.append(state.url)
        state.went_through_preflight_branch |= with_preflight
        try:
            response = yield from _http_fetch(state, with_preflight)
            if not follow_redirect(state, response):
                return response
        except Rejected as rejected:
            keeps = state.profile.keeps_cache_after(rejected.reason)
            if state.went_through_preflight_branch and not keeps:
                state.cache.clear_entries(state.preflight_origin, state.url.with_fragment)
            raise


def _choose_tainting(state: FetchState) -> bool:
    """Decide how the answer may be used, and whether a preflight comes first (step 12)."""
    url, mode, shown_url = state.url, state.request.mode, shown(str(state.url))
    if url.scheme in HTTP_SCHEMES and _core.browser_is_bad_port(url.effective_port or 0):
        raise Rejected("bad-port", str(url.effective_port))
    if state.is_same_origin(url) and state.tainting == "basic":
        state.note("decision", f"{shown_url} is of the page's own origin: CORS has no say")
        return False
    if mode == "same-origin":
        raise Rejected("mode-same-origin")
    if url.scheme not in HTTP_SCHEMES:
        raise Rejected("scheme", f"{url.scheme}:")
    if mode == "no-cors":
        if state.request.redirect != "follow":
            raise Rejected("redirect-mode-no-cors")
        state.tainting, needs = "opaque", False
        state.note("decision", f"{shown_url} is cross-origin, and the mode is no-cors")
    else:
        state.tainting = "cors"
        needs = preflight_is_needed(state)
        why = f"a preflight is needed for {why_preflight(state)}" if needs else "no preflight"
        state.note("decision", f"{shown_url} is cross-origin for {shown(state.origin)}: {why}")
    for text in notes_beside_cors(state.page, state.request.origin, url):
        state.note("note", text)
    code, detail = reach_of(state.request, url).refusal(state.profile.name)
    if code:
        raise Rejected(code, detail)
    return needs


def _http_fetch(state: FetchState, with_preflight: bool) -> Answering:
    """Send perhaps a preflight, then the request, and check the answer.

    https://fetch.spec.whatwg.org/#concept-http-fetch
    """
    if with_preflight:
        yield from preflight_if_needed(state)
    if state.late_refusal:
        raise Rejected(state.late_refusal)
    needs_http2 = state.profile.request_streams == "sent over HTTP/2"
    if state.is_stream and needs_http2 and state.url.scheme == "http":
        raise Rejected("stream-needs-http2")
    if state.request.cache == "only-if-cached":
        raise Rejected("only-if-cached")
    request = actual_request(state)
    response = yield from state.exchange(request)
    lines = readable_lines(byte_lines(response.headers), state)
    code = ""
    if _prompts_for_password(state, response, lines):
        code = "password-prompt"
    elif state.tainting == "cors":
        code = _core.browser_cors_check(state.origin, state.include, lines)
        if not code and _is_judged_with_credentials(state, response):
            state.late_refusal = _core.browser_cors_check(state.origin, True, lines)
    elif state.tainting == "opaque" and _resource_policy_blocks(state, lines):
        code = "corp"
    state.conclude(request, response, code)
    return response


def _is_judged_with_credentials(state: FetchState, response: Response) -> bool:
    """Say whether an answer is judged so for where the request has been before."""
    return (
        state.profile.judges_redirects_off_server_late
        and state.request.credentials == "same-origin"
        and is_redirect(state, response)
        and state.is_same_origin(state.urls[0])
    )


def _resource_policy_blocks(state: FetchState, lines: Lines) -> bool:
    """Do the check of https://fetch.spec.whatwg.org/#cross-origin-resource-policy-check."""
    page, url = state.page, state.url
    same_site = state.is_same_site
    if page is not None and state.profile.ports_of_ip_address_are_sites:
        same_site = same_site and (page.port == url.port or not is_ip_address(url.host))
    return _core.browser_resource_policy_blocks(
        state.is_same_origin(url),
        same_site,
        page is not None and page.scheme == "https",
        url.scheme == "https",
        state.request.embedder_policy,
        state.include,
        lines,
    )


def _prompts_for_password(state: FetchState, response: Response, lines: Lines) -> bool:
    is_there = {
        "never": False,
        "own server": state.tainting == "basic",
        "own site": state.is_same_site,
        "anywhere": True,
    }[state.profile.prompts_for_passwords]
    asks = _core.browser_asks_for_password(response.status, lines)
    return is_there and state.has_credentials and asks


def _rejected(state: FetchState, rejected: Rejected) -> FetchOutcome:
    """Give what came of it where the script gets an error."""
    start = "fetch() rejects" if state.urls else "Nothing is sent"
    text = f"{start}: {explain_reason(rejected.reason, rejected.detail)}"
    state.steps.append(Step("verdict", text, code=rejected.reason))
    return FetchOutcome(
        ok=False,
        reason=rejected.reason,
        detail=rejected.detail,
        sent=tuple(state.sent),
        steps=tuple(state.steps),
        profile=state.profile.name,
        error=state.error,
    )


def _delivered(state: FetchState, response: Response) -> FetchOutcome:
    """Give what came of it where the script gets a response."""
    lines = byte_lines(response.headers)
    names: list[bytes] = []
    if state.tainting == "basic":
        names = _core.browser_basic_readable_header_names(lines)
    elif state.tainting == "cors":
        names = _core.browser_readable_header_names(state.include, lines)
    readable = tuple(name.decode("latin-1") for name in names)
    visible = state.tainting in {"basic", "cors"}
    status = response.status if visible else 0
    state.note("verdict", verdict_text(state.tainting, status, readable))
    return FetchOutcome(
        ok=True,
        sent=tuple(state.sent),
        readable_headers=readable,
        response_type=state.tainting,
        steps=tuple(state.steps),
        status=status,
        url=str(state.url) if state.tainting != "opaque" else "",
        redirected=visible and len(state.urls) > 1,
        headers=joined_values(lines, names),
        profile=state.profile.name,
    )
