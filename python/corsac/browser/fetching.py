"""The order in which a browser does things (https://fetch.spec.whatwg.org/#fetching).

One generator: it yields requests and is sent what came of each, so that it is the same for
synchronous and asynchronous transports. Every decision is the core's.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from corsac import _core
from corsac._headers import Lines, byte_lines, header_lines
from corsac._text import shown
from corsac.browser.cache import CacheRequest, PreflightCache, profile_facts
from corsac.browser.messages import Request, Response, joined_values
from corsac.browser.outcome import FetchOutcome, Step, answered, explain_reason, verdict_text
from corsac.browser.request import FetchRequest, Rejected, prepare, reach_of
from corsac.browser.urls import (
    HTTP_SCHEMES,
    URL,
    fetch_metadata,
    is_ip_address,
    is_schemelessly_same_site,
    notes_beside_cors,
    parse_url,
)

__all__ = ["MAX_REDIRECTS", "Exchange", "fetch"]

MAX_REDIRECTS = 20
"""The next one is a network error (https://fetch.spec.whatwg.org/#http-redirect-fetch)."""

# https://fetch.spec.whatwg.org/#http-network-or-cache-fetch
_CACHE_MODE_HEADERS = {
    "no-store": (("Pragma", "no-cache"), ("Cache-Control", "no-cache")),
    "reload": (("Pragma", "no-cache"), ("Cache-Control", "no-cache")),
    "no-cache": (("Cache-Control", "max-age=0"),),
}

Exchange = Generator[Request, Response | Exception, FetchOutcome]
_Answering = Generator[Request, Response | Exception, Response]


def fetch(request: FetchRequest, cache: PreflightCache | None, profile: str) -> Exchange:
    """Go through a fetch, with every decision the core's.

    It yields requests to send, and is sent back the response, or what the transport raised.
    """
    fetching = _Fetch(request, cache, profile)
    try:
        response = yield from fetching.main_fetch()
    except Rejected as rejected:
        return fetching.rejected(rejected)
    return fetching.delivered(response)


class _Fetch:
    """One fetch under way."""

    def __init__(self, request: FetchRequest, cache: PreflightCache | None, profile: str) -> None:
        self.request = request
        self.facts = profile_facts(profile)
        self.cache = PreflightCache(profile=profile) if cache is None else cache
        self.profile = profile
        self.page = request.origin_url
        self.include = request.credentials == "include"
        self.urls: list[URL] = []
        self.site_urls: list[URL] = []  # Of these, Sec-Fetch-Site is the least.
        self.tainting = "basic"
        self.went_through_preflight_branch = False
        self.sent: list[Request] = []
        self.steps: list[Step] = []
        self.error: Exception | None = None

    @property
    def url(self) -> URL:
        """The request's current URL."""
        return self.urls[-1]

    @property
    def origin(self) -> str:
        """The serialized request origin, which redirects may have made ``null``.

        https://fetch.spec.whatwg.org/#serializing-a-request-origin
        """
        origins = [url.origin for url in self.urls]
        return _core.browser_serialize_request_origin(self.request.origin, origins)

    def _is_same_origin(self, url: URL) -> bool:
        return self.request.origin not in {"null", ""} and url.origin == self.request.origin

    def main_fetch(self) -> _Answering:
        """Do all steps of a fetch, once for every URL.

        https://fetch.spec.whatwg.org/#concept-main-fetch
        """
        url, self.method, self.headers, self.body, self.is_stream = prepare(
            self.request, self.profile
        )
        self.urls.append(url)
        self.use_cors_preflight = self.is_stream or self.request.upload_listener
        while True:
            was_cors = self.tainting == "cors"
            with_preflight = self._choose_tainting()
            # An engine forgets earlier URLs in Sec-Fetch-Site where it makes a new request.
            is_other = with_preflight or not was_cors or self.method != self.sent[-1].method
            if self.facts["restarts_redirected_requests"] and self.tainting == "cors" and is_other:
                self.site_urls.clear()
            self.site_urls.append(self.url)
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

    def _note(self, kind: str, text: str) -> None:
        """Add a step at which nothing was sent."""
        self.steps.append(Step(kind, text))

    def _choose_tainting(self) -> bool:
        """Decide how the answer may be used, and whether a preflight comes first (step 12)."""
        url, mode, shown_url = self.url, self.request.mode, shown(str(self.url))
        if url.scheme in HTTP_SCHEMES and _core.browser_is_bad_port(url.effective_port or 0):
            raise Rejected("bad-port", str(url.effective_port))
        if self._is_same_origin(url) and self.tainting == "basic":
            self._note("decision", f"{shown_url} is of the page's own origin: CORS has no say")
            return False
        if mode == "same-origin":
            raise Rejected("mode-same-origin")
        if url.scheme not in HTTP_SCHEMES:
            raise Rejected("scheme", f"{url.scheme}:")
        if mode == "no-cors":
            if self.request.redirect != "follow":
                raise Rejected("redirect-mode-no-cors")
            self.tainting, needs = "opaque", False
            self._note("decision", f"{shown_url} is cross-origin, and the mode is no-cors")
        else:
            self.tainting = "cors"
            needs = _core.browser_needs_preflight(
                self.method, self.headers, self.use_cors_preflight, self.profile
            )
            why = f"a preflight is needed for {self._why_preflight()}" if needs else "no preflight"
            self._note("decision", f"{shown_url} is cross-origin for {shown(self.origin)}: {why}")
        for text in notes_beside_cors(self.page, self.request.origin, url):
            self._note("note", text)
        code, detail = reach_of(self.request, url).refusal(self.profile)
        if code:
            raise Rejected(code, detail)
        return needs

    def _http_fetch(self, with_preflight: bool) -> _Answering:
        """Send perhaps a preflight, then the request, and check the answer.

        https://fetch.spec.whatwg.org/#concept-http-fetch
        """
        if with_preflight:
            yield from self._preflight_if_needed()
        if self.is_stream and self.facts["streams_need_http2"] and self.url.scheme == "http":
            raise Rejected("stream-needs-http2")
        if self.request.cache == "only-if-cached":
            raise Rejected("only-if-cached")
        request = self._actual_request()
        response = yield from self._exchange(request)
        lines = byte_lines(response.headers)
        code = ""
        if self._prompts_for_password(response, lines):
            code = "password-prompt"
        elif self.tainting == "cors":
            code = _core.browser_cors_check(self.origin, self.include, lines)
        elif self.tainting == "opaque" and self._resource_policy_blocks(lines):
            code = "corp"
        self._conclude(request, response, code)
        return response

    def _conclude(self, request: Request, response: Response, code: str) -> None:
        """Add what came back and what the browser makes of it; a code rejects the promise."""
        step, detail = answered(request, response, code)
        self.steps.append(step)
        if code:
            raise Rejected(code, detail)

    def _preflight_if_needed(self) -> Generator[Request, Response | Exception, None]:
        """Ask first, unless an earlier answer is remembered.

        https://fetch.spec.whatwg.org/#cors-preflight-fetch
        """
        bypasses = self.request.cache in _CACHE_MODE_HEADERS
        bypasses = bypasses and self.facts["cache_modes_bypass_preflight_cache"]
        cors = (self.origin, self.include, self.method, self.headers)
        engine = (self.use_cors_preflight, self.profile)
        asked: CacheRequest = (*cors, *engine, self.url.with_fragment)
        if not bypasses and self.cache.covers(asked):
            self._note("cache", "An earlier preflight allowed this and is remembered: none is sent")
            return
        names = _core.browser_preflight_request_headers(
            self.origin, self.method, self.headers, self.profile
        )
        headers = (*header_lines(names), *fetch_metadata(self.page, self.site_urls, "cors"))
        request = Request("OPTIONS", str(self.url), headers, is_preflight=True)
        response = yield from self._exchange(request)
        lines = byte_lines(response.headers)
        code, name = _core.browser_preflight_check(*cors, response.status, lines, *engine)
        if name:
            code = f"{code}:{name}"
        self._conclude(request, response, code)
        if not (bypasses and self.request.cache == "no-store"):
            self.cache.store(asked, lines)

    def _exchange(self, request: Request) -> _Answering:
        self.sent.append(request)
        answer = yield request
        if isinstance(answer, Response):
            return answer
        self.error = answer
        detail = shown(f"{type(answer).__name__}: {answer}".removesuffix(": "))
        kind = "preflight" if request.is_preflight else "request"
        text = f"{request} -> no answer: {detail}"
        self.steps.append(Step(kind, text, request, code="network-error"))
        raise Rejected("network-error", detail)

    def _follow_redirect(self, response: Response) -> bool:
        """Prepare the next URL; give False if there is none, and the response is the last one.

        https://fetch.spec.whatwg.org/#http-redirect-fetch
        """
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
        self._note("redirect", f"Redirected to {shown(str(target))}, as {shown(self.method)}")
        return True

    def _change_request(self, status: int, target: URL) -> None:
        """Drop what a redirect drops: the body of a POST, credentials for another origin."""
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
        """Add the headers beside the script's own.

        https://fetch.spec.whatwg.org/#http-network-or-cache-fetch
        """
        headers = [*header_lines(self.headers)]
        present = {name.lower() for name, _ in headers}
        if "accept" not in present:
            headers.append(("Accept", "*/*"))
        changes_origin = len({url.origin for url in self.urls}) > 1 and self.tainting == "opaque"
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
        told = _CACHE_MODE_HEADERS.get(self.request.cache, ())
        headers += [line for line in told if line[0].lower() not in present]
        return Request(self.method, str(self.url), headers, body=self.body)

    def _resource_policy_blocks(self, lines: Lines) -> bool:
        """Do the check of https://fetch.spec.whatwg.org/#cross-origin-resource-policy-check."""
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
            self.include,
            lines,
        )

    def _prompts_for_password(self, response: Response, lines: Lines) -> bool:
        with_credentials = self.include or (
            self.request.credentials == "same-origin" and self.tainting == "basic"
        )
        return (
            with_credentials
            and self.facts["prompts_for_passwords"]
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

    def rejected(self, rejected: Rejected) -> FetchOutcome:
        """Give what came of it where the script gets an error."""
        start = "fetch() rejects" if self.urls else "Nothing is sent"
        text = f"{start}: {explain_reason(rejected.reason, rejected.detail)}"
        self.steps.append(Step("verdict", text, code=rejected.reason))
        return FetchOutcome(
            ok=False,
            reason=rejected.reason,
            detail=rejected.detail,
            sent=tuple(self.sent),
            steps=tuple(self.steps),
            profile=self.profile,
            error=self.error,
        )

    def delivered(self, response: Response) -> FetchOutcome:
        """Give what came of it where the script gets a response."""
        lines = byte_lines(response.headers)
        names: list[bytes] = []
        if self.tainting == "basic":
            names = _core.browser_basic_readable_header_names(lines)
        elif self.tainting == "cors":
            names = _core.browser_readable_header_names(self.include, lines)
        readable = tuple(name.decode("latin-1") for name in names)
        visible = self.tainting in {"basic", "cors"}
        status = response.status if visible else 0
        self._note("verdict", verdict_text(self.tainting, status, readable))
        return FetchOutcome(
            ok=True,
            sent=tuple(self.sent),
            readable_headers=readable,
            response_type=self.tainting,
            steps=tuple(self.steps),
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
