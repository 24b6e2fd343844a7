"""The order in which a browser does things (Fetch, "main fetch", "HTTP fetch").

One generator: it yields requests and is sent what came of each, so that it is the same for
synchronous and asynchronous transports. Every decision is the core's.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from corsac import _core
from corsac._local_network import beside_cors
from corsac._text import shown
from corsac.browser.cache import CacheRequest, PreflightCache
from corsac.browser.messages import Request, Response, byte_lines, joined_values
from corsac.browser.outcome import FetchOutcome, Narration, Step, explain_reason, verdict_text
from corsac.browser.profiles import ProfileFacts, profile_facts
from corsac.browser.request import FetchRequest, Prepared, Rejected, prepare
from corsac.browser.sites import (
    cache_mode_headers,
    fetch_metadata,
    is_potentially_trustworthy,
    is_schemelessly_same_site,
)
from corsac.browser.urls import HTTP_SCHEMES, URL, is_ip_address, parse_url

__all__ = ["MAX_REDIRECTS", "Exchange", "fetch"]

MAX_REDIRECTS = 20
"""Fetch, "HTTP-redirect fetch", step 5: the next one is a network error."""

_BYPASSING_MODES = frozenset({"no-store", "reload", "no-cache"})

Exchange = Generator[Request, Response | Exception, FetchOutcome]
_Answering = Generator[Request, Response | Exception, Response]


def fetch(request: FetchRequest, cache: PreflightCache | None, profile: str) -> Exchange:
    """Go through a fetch, with every decision the core's."""
    facts = profile_facts(profile)
    try:
        prepared = prepare(request, profile)
    except Rejected as rejected:
        text = explain_reason(rejected.reason, rejected.detail)
        step = Step("verdict", f"Nothing is sent: {text}", code=rejected.reason)
        return FetchOutcome(
            ok=False,
            reason=rejected.reason,
            detail=rejected.detail,
            steps=(step,),
            profile=profile,
        )
    if cache is None:
        cache = PreflightCache(profile=profile)
    return (yield from _Fetch(request, prepared, cache, profile, facts).run())


class _Fetch:
    """One fetch under way."""

    def __init__(
        self,
        request: FetchRequest,
        prepared: Prepared,
        cache: PreflightCache,
        profile: str,
        facts: ProfileFacts,
    ) -> None:
        self.request = request
        self.cache = cache
        self.profile = profile
        self.facts = facts
        self.page = request.origin_url
        self.include = request.credentials == "include"
        self.method = prepared.method
        self.headers = prepared.headers
        self.body = prepared.body
        self.is_stream = prepared.is_stream
        self.use_cors_preflight = prepared.is_stream or request.upload_listener
        self.urls: list[URL] = [prepared.url]
        self.site_urls: list[URL] = []  # Of these, Sec-Fetch-Site is the least.
        self.url_origins = [prepared.url.origin]
        self.tainting = "basic"
        self.went_through_preflight_branch = False
        self.sent: list[Request] = []
        self.narration = Narration()
        self.error: Exception | None = None

    def run(self) -> Exchange:
        """Go through all of it."""
        try:
            response = yield from self._main_fetch()
        except Rejected as rejected:
            return self._rejected(rejected)
        return self._delivered(response)

    @property
    def url(self) -> URL:
        """The request's current URL."""
        return self.urls[-1]

    @property
    def origin(self) -> str:
        """Fetch, "serializing a request origin"."""
        return _core.browser_serialize_request_origin(self.request.origin, self.url_origins)

    def _is_same_origin(self, url: URL) -> bool:
        return self.request.origin not in {"null", ""} and url.origin == self.request.origin

    def _main_fetch(self) -> _Answering:
        """Fetch, "main fetch", once for every URL."""
        while True:
            was_cors = self.tainting == "cors"
            with_preflight = self._choose_tainting()
            self._perhaps_restart(was_cors, with_preflight)
            self.went_through_preflight_branch |= with_preflight
            try:
                response = yield from self._http_fetch(with_preflight)
                if not self._follow_redirect(response):
                    return response
            except Rejected:
                keeps = self.facts["keeps_cache_after_failed_request"]
                if self.went_through_preflight_branch and not keeps:
                    self.cache.clear_entries(self.origin, self.url.with_fragment)
                raise

    def _perhaps_restart(self, was_cors: bool, with_preflight: bool) -> None:
        """Forget earlier URLs in Sec-Fetch-Site where an engine does."""
        is_other = with_preflight or not was_cors or self.method != self.sent[-1].method
        if self.facts["restarts_redirected_requests"] and self.tainting == "cors" and is_other:
            self.site_urls.clear()
        self.site_urls.append(self.url)

    def _choose_tainting(self) -> bool:
        """Fetch, "main fetch", step 12: how the answer may be used, and whether to ask first."""
        url, mode, shown_url = self.url, self.request.mode, shown(str(self.url))
        if url.scheme in HTTP_SCHEMES and _core.browser_is_bad_port(url.effective_port or 0):
            raise Rejected("bad-port", str(url.effective_port))
        if self._is_same_origin(url) and self.tainting == "basic":
            text = f"{shown_url} is of the page's own origin: CORS has no say"
            self.narration.note("decision", text)
            return False
        if mode == "same-origin":
            raise Rejected("mode-same-origin")
        if url.scheme not in HTTP_SCHEMES:
            raise Rejected("scheme", f"{url.scheme}:")
        if mode == "no-cors":
            if self.request.redirect != "follow":
                raise Rejected("redirect-mode-no-cors")
            self.tainting = "opaque"
            text = f"{shown_url} is cross-origin, and the mode is no-cors"
            self.narration.note("decision", text)
            self._note_what_is_beside_cors()
            return False
        self.tainting = "cors"
        needs = _core.browser_needs_preflight(
            self.method, self.headers, self.use_cors_preflight, self.profile
        )
        why = f"a preflight is needed for {self._why_preflight()}" if needs else "no preflight"
        text = f"{shown_url} is cross-origin for {shown(self.origin)}: {why}"
        self.narration.note("decision", text)
        self._note_what_is_beside_cors()
        return needs

    def _note_what_is_beside_cors(self) -> None:
        """Say what else browsers ask of a request to another origin."""
        local = beside_cors(self.request.origin, self.url.host)
        if local:
            self.narration.note("note", local)
        page_is_https = self.page is not None and self.page.scheme == "https"
        if page_is_https and not is_potentially_trustworthy(self.url):
            who = "browsers without Local Network Access" if local else "browsers"
            text = f"Beside CORS: {who} block http requests of https pages"
            self.narration.note("note", text)

    def _http_fetch(self, with_preflight: bool) -> _Answering:
        """Fetch, "HTTP fetch": perhaps a preflight, the request, and the checks of the answer."""
        if with_preflight:
            yield from self._preflight_if_needed()
        if self.is_stream and self.facts["streams_need_http2"] and self.url.scheme == "http":
            raise Rejected("stream-needs-http2")
        if self.request.cache == "only-if-cached":
            raise Rejected("only-if-cached")
        request = self._actual_request()
        response = yield from self._exchange(request)
        lines = byte_lines(response.headers)
        if self._prompts_for_password(response, lines):
            self.narration.answered(request, response, "password-prompt")
            raise Rejected("password-prompt")
        code = ""
        if self.tainting == "cors":
            code = _core.browser_cors_check(self.origin, self.include, lines)
        elif self.tainting == "opaque" and self._resource_policy_blocks(lines):
            code = "corp"
        detail = self.narration.answered(request, response, code)
        if code:
            raise Rejected(code, detail)
        return response

    def _preflight_if_needed(self) -> Generator[Request, Response | Exception, None]:
        bypasses = (
            self.facts["cache_modes_bypass_preflight_cache"]
            and self.request.cache in _BYPASSING_MODES
        )
        asked: CacheRequest = (
            *(self.origin, self.include, self.method, self.headers),
            *(self.use_cors_preflight, self.profile, self.url.with_fragment),
        )
        if not bypasses and self.cache.covers(asked):
            text = "An earlier preflight allowed this and is remembered: none is sent"
            self.narration.note("cache", text)
            return
        names = _core.browser_preflight_request_headers(
            self.origin, self.method, self.headers, self.profile
        )
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in names]
        headers += fetch_metadata(self.page, self.site_urls, "cors")
        request = Request("OPTIONS", str(self.url), headers, is_preflight=True)
        response = yield from self._exchange(request)
        lines = byte_lines(response.headers)
        code, name = _core.browser_preflight_check(
            self.origin,
            self.include,
            self.method,
            self.headers,
            response.status,
            lines,
            self.use_cors_preflight,
            self.profile,
        )
        if name:
            code = f"{code}:{name}"
        detail = self.narration.answered(request, response, code)
        if code:
            raise Rejected(code, detail)
        if not (bypasses and self.request.cache == "no-store"):
            self.cache.store(asked, lines)

    def _exchange(self, request: Request) -> _Answering:
        self.sent.append(request)
        answer = yield request
        if isinstance(answer, Response):
            return answer
        self.error = answer
        code = "network-error"
        raise Rejected(code, self.narration.unanswered(request, answer, code))

    def _follow_redirect(self, response: Response) -> bool:
        """Fetch, "HTTP fetch", step 7, and "HTTP-redirect fetch"."""
        if not _core.browser_is_redirect_status(response.status):
            return False
        location = _core.browser_redirect_location(byte_lines(response.headers), self.profile)
        if self.request.redirect == "error":
            if location is None and self.facts["redirect_mode_error_needs_location"]:
                return False
            raise Rejected("redirect-mode-error")
        if self.request.redirect == "manual":
            self.tainting = "opaqueredirect"
            return False
        if location is None:
            return False
        text = _decoded(location) if isinstance(location, bytes) else None
        target = None if text is None else parse_url(text, self.url)
        if target is None:
            raise Rejected("redirect-location", shown(text or "two lines"))
        if target.fragment is None:
            target = replace(target, fragment=self.url.fragment)
        if target.scheme not in HTTP_SCHEMES:
            raise Rejected("redirect-scheme", shown(f"{target.scheme}:"))
        if len(self.urls) > MAX_REDIRECTS:
            raise Rejected("too-many-redirects")
        if target.has_credentials and (
            self.tainting == "cors"
            or (self.request.mode == "cors" and not self._is_same_origin(target))
            or self.facts["blocks_all_redirect_userinfo"]
        ):
            raise Rejected("redirect-userinfo")
        if response.status != 303 and self.is_stream:
            raise Rejected("redirect-stream")
        self._change_request(response.status, target)
        self.urls.append(target)
        self.url_origins.append(target.origin)
        text = f"Redirected to {shown(str(target))}, as {shown(self.method)}"
        self.narration.note("redirect", text)
        return True

    def _change_request(self, status: int, target: URL) -> None:
        """Fetch, "HTTP-redirect fetch", steps 12 and 13."""
        if _core.browser_redirect_makes_get(status, self.method):
            self.method = "GET"
            self.body = None
            self.is_stream = False
            self.use_cors_preflight = self.request.upload_listener
            self.headers = [
                (name, value)
                for name, value in self.headers
                if not _core.browser_is_request_body_header_name(name)
            ]
        if target.origin != self.url.origin:
            self.headers = [line for line in self.headers if line[0].lower() != b"authorization"]

    def _actual_request(self) -> Request:
        """Fetch, "HTTP-network-or-cache fetch": the headers beside the script's own."""
        headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in self.headers
        ]
        present = {name.lower() for name, _ in headers}
        if "accept" not in present:
            headers.append(("Accept", "*/*"))
        changes_origin = len(set(self.url_origins)) > 1 and self.tainting == "opaque"
        is_null = changes_origin and self.facts["nulls_origin_of_no_cors_redirects"]
        origin = _core.browser_origin_header(
            "null" if is_null else self.origin,
            self.url.origin,
            self.method,
            self.tainting == "cors",
            self.request.mode == "cors",
            self.request.referrer_policy,
            self.profile,
        )
        if origin is not None:
            headers.append(("Origin", origin))
        headers += fetch_metadata(self.page, self.site_urls, self.request.mode)
        headers += cache_mode_headers(self.request.cache, present)
        return Request(self.method, str(self.url), headers, body=self.body)

    def _resource_policy_blocks(self, lines: list[tuple[bytes, bytes]]) -> bool:
        page, url = self.page, self.url
        same_site = is_schemelessly_same_site(page, url)
        if page is not None and self.facts["ports_of_ip_address_are_sites"]:
            same_site = same_site and (page.port == url.port or not is_ip_address(url.host))
        return _core.browser_resource_policy_blocks(
            self._is_same_origin(url),
            same_site,
            page is not None and page.scheme == "https",
            url.scheme == "https",
            self.request.embedder_policy,
            self.request.credentials == "include",
            lines,
        )

    def _prompts_for_password(self, response: Response, lines: list[tuple[bytes, bytes]]) -> bool:
        if not self.facts["prompts_for_passwords"]:
            return False
        with_credentials = self.include or (
            self.request.credentials == "same-origin" and self.tainting == "basic"
        )
        return (
            with_credentials
            and is_schemelessly_same_site(self.page, self.url)
            and _core.browser_asks_for_password(response.status, lines)
        )

    def _why_preflight(self) -> str:
        reasons = []
        if self.use_cors_preflight:
            reasons.append("the streaming body" if self.is_stream else "the upload listener")
        if _core.browser_needs_preflight(self.method, [], False, self.profile):
            reasons.append(f"the method {shown(self.method)}")
        names = _core.browser_unsafe_request_header_names(self.headers, self.profile)
        if names:
            listed = shown(b", ".join(names).decode("latin-1"))
            reasons.append(f"the header{'s' if len(names) > 1 else ''} {listed}")
        return " and ".join(reasons)

    def _rejected(self, rejected: Rejected) -> FetchOutcome:
        text = explain_reason(rejected.reason, rejected.detail)
        self.narration.verdict(f"fetch() rejects: {text}", rejected.reason)
        return FetchOutcome(
            ok=False,
            reason=rejected.reason,
            detail=rejected.detail,
            sent=tuple(self.sent),
            steps=tuple(self.narration.steps),
            profile=self.profile,
            error=self.error,
        )

    def _delivered(self, response: Response) -> FetchOutcome:
        lines = byte_lines(response.headers)
        names: list[bytes] = []
        if self.tainting == "basic":
            names = _core.browser_basic_readable_header_names(lines)
        elif self.tainting == "cors":
            names = _core.browser_readable_header_names(self.include, lines)
        readable = tuple(name.decode("latin-1") for name in names)
        visible = self.tainting in {"basic", "cors"}
        status = response.status if visible else 0
        text = verdict_text(self.tainting, status, readable)
        self.narration.verdict(text)
        return FetchOutcome(
            ok=True,
            sent=tuple(self.sent),
            readable_headers=readable,
            response_type=self.tainting,
            steps=tuple(self.narration.steps),
            status=status,
            url=str(self.url) if self.tainting != "opaque" else "",
            redirected=visible and len(self.urls) > 1,
            headers=joined_values(lines, names),
            profile=self.profile,
        )


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
