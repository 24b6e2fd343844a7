"""One fetch under way: what the steps of the standard read and change."""

from __future__ import annotations

from collections.abc import Generator

from corsac import _core
from corsac._headers import Lines
from corsac._text import shown
from corsac.browser.cache import PreflightCache
from corsac.browser.messages import Request, Response
from corsac.browser.outcome import Step, answered
from corsac.browser.profiles import profile_called
from corsac.browser.request import FetchRequest, Rejected
from corsac.browser.urls import URL, is_schemelessly_same_site

__all__ = ["Answering", "FetchState"]

Answering = Generator[Request, Response | Exception, Response]

_MISDIRECTED_REQUEST = 421


class FetchState:
    """One fetch under way."""

    first_method: str
    method: str
    headers: Lines
    author_headers: Lines  # Before redirects dropped any.
    allowed_headers: Lines  # Of these, what redirects to other origins leave.
    asked_headers: Lines  # What a preflight asks for.
    body: bytes | None
    is_stream: bool
    use_cors_preflight: bool

    def __init__(self, request: FetchRequest, cache: PreflightCache | None, profile: str) -> None:
        self.request = request
        self.profile = profile_called(profile)
        self.cache = PreflightCache(profile=profile) if cache is None else cache
        self.page = request.origin_url
        self.include = request.credentials == "include"
        self.urls: list[URL] = []
        self.site_urls: list[URL] = []  # Of these, Sec-Fetch-Site is the least.
        self.tainting = "basic"
        self.went_through_preflight_branch = False
        self.late_refusal = ""  # Of a redirect, told when the next request would be sent.
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

    @property
    def preflight_origin(self) -> str:
        """The origin that preflights are sent, checked and remembered for."""
        return self.request.origin if self.profile.preflights_for_page_origin else self.origin

    @property
    def has_credentials(self) -> bool:
        """Credentials go with the request, if there are any."""
        is_own = self.request.credentials == "same-origin" and self.tainting == "basic"
        return self.include or is_own

    @property
    def is_same_site(self) -> bool:
        """The page and the current URL are of one site."""
        return is_schemelessly_same_site(self.page, self.url)

    def is_same_origin(self, url: URL) -> bool:
        """Say whether a URL is of the page's own origin."""
        return self.request.origin not in {"null", ""} and url.origin == self.request.origin

    def note(self, kind: str, text: str) -> None:
        """Add a step at which nothing was sent."""
        self.steps.append(Step(kind, text))

    def exchange(self, request: Request) -> Answering:
        """Send a request, and give the answer to it."""
        response = yield from self._send(request)
        is_misdirected = (
            response.status == _MISDIRECTED_REQUEST and self.profile.repeats_misdirected
        )
        if is_misdirected and not self.is_stream:
            step, _ = answered(request, response, "")
            self.steps.append(step)
            self.note("note", "A request that was misdirected is sent once more")
            response = yield from self._send(request)
        return response

    def _send(self, request: Request) -> Answering:
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

    def conclude(self, request: Request, response: Response, code: str) -> None:
        """Add what came back and what the browser makes of it; a code rejects the promise."""
        step, detail = answered(request, response, code)
        self.steps.append(step)
        if code:
            raise Rejected(code, detail)
