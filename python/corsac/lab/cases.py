"""Keep cases: a policy, a request, an application, and what a real browser sent to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.responses import Response

from corsac._locks import make_lock
from corsac._types import Receive, Scope, Send
from corsac.asgi import CORSMiddleware
from corsac.browser import FetchOutcome, FetchRequest, Request, simulate
from corsac.browser.messages import header_lines
from corsac.browser.transports import asgi_transport
from corsac.configuration import Rule
from corsac.several import GivenPolicies

__all__ = ["Case", "CaseStore", "Places"]

MAX_CASES = 64
"""The oldest give way: each edit of the page is a case."""
MAX_EXCHANGES = 48
"""Requests that are noted of one case; redirects come to 21 at most, with preflights twice that."""

APPLICATION_HEADERS = {
    "content-type": "application/json",
    "etag": '"lab-1"',
    "x-total-count": "42",
    "x-request-id": "lab",
    "cache-control": "no-store",
}
_SCOPE_KEY = "corsac.lab.exchange"
_STATUSES = {"200": 200, "404": 404, "500": 500, "redirect-307": 307}


@dataclass(frozen=True, slots=True)
class Places:
    """The origins of a lab. All names end in ``.localhost``, which is this machine (RFC 6761).

    Those under ``lab.localhost`` are one site, so that the API's cookie travels between them.
    """

    page_port: int
    api_port: int

    @property
    def control(self) -> str:
        """Where the user looks."""
        return f"http://lab.localhost:{self.page_port}"

    @property
    def api(self) -> str:
        """What is asked."""
        return f"http://api.lab.localhost:{self.api_port}"

    @property
    def other_api(self) -> str:
        """Where redirects to another origin lead."""
        return f"http://other-api.lab.localhost:{self.api_port}"

    @property
    def pages(self) -> dict[str, str]:
        """The origins of the pages that ask, by name; the sandboxed one has an opaque origin."""
        return {
            "app": f"http://app.lab.localhost:{self.page_port}",
            "admin": f"http://admin.app.lab.localhost:{self.page_port}",
            "port": f"http://app.lab.localhost:{self.api_port}",
            "stranger": f"http://stranger.localhost:{self.page_port}",
            "sandbox": "null",
        }

    def frame_url(self, page: str) -> str:
        """Where the frame of a page is loaded from."""
        origin = self.pages[page]
        return f"{self.pages['app'] if origin == 'null' else origin}/frame"

    @property
    def frame_origins(self) -> tuple[str, ...]:
        """All origins that frames are loaded from."""
        return tuple(origin for origin in self.pages.values() if origin != "null")

    @staticmethod
    def host(origin: str) -> str:
        """Give the Host header of requests to one of these origins."""
        return origin.partition("://")[2]


class Case:
    """One state of the page."""

    def __init__(
        self,
        policy: GivenPolicies,
        rules: Sequence[Rule],
        request: FetchRequest,
        response: str,
        places: Places,
        **observed: Any,
    ) -> None:
        self.request = request
        self.response = response
        self.places = places
        self.seen: list[dict[str, Any]] = []
        self.middleware = CORSMiddleware(self._application, policy, rules=rules, **observed)

    async def _application(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond with some headers, or with a redirect."""
        exchange = scope.get(_SCOPE_KEY)
        if exchange is not None:
            exchange["application_ran"] = True
        headers = dict(APPLICATION_HEADERS)
        status = _STATUSES.get(self.response, 302)
        if self.response.startswith("redirect"):
            query = scope["query_string"].decode("latin-1")
            if "moved=" in query:
                status = 200
            else:
                to = self.places.api if self.response == "redirect" else self.places.other_api
                path = scope["raw_path"].decode("latin-1")
                headers["location"] = f"{to}{path}?{query}&moved=1"
        await Response(b"{}", status, headers)(scope, receive, send)

    def simulate(self, profile: str, *, from_here: bool = False) -> FetchOutcome:
        """Give what a browser makes of it; one that loads the page from here asks for nothing."""
        request = self.request
        if from_here:
            request = replace(request, page_address_space="", permissions=None)
        return simulate(request, asgi_transport(self.middleware), profile=profile)

    async def respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a real browser, and note what came and went."""
        lines = header_lines(scope["headers"])
        asked = dict(lines)
        method: str = scope["method"]
        url = f"http://{asked.get('host', '')}{scope['raw_path'].decode('latin-1')}"
        is_preflight = method == "OPTIONS" and "access-control-request-method" in asked
        exchange: dict[str, Any] = Request(method, url, lines, is_preflight).as_dict()
        exchange |= {"application_ran": False, "status": None, "response_headers": []}
        if len(self.seen) < MAX_EXCHANGES:
            self.seen.append(exchange)

        async def noting(message: Any) -> None:
            if message["type"] == "http.response.start":
                exchange["status"] = message["status"]
                exchange["response_headers"] = [*map(list, header_lines(message["headers"]))]
            await send(message)

        await self.middleware({**scope, _SCOPE_KEY: exchange}, receive, noting)

    @property
    def application_ran(self) -> bool:
        """Whether a real request reached the application behind the policy."""
        return any(exchange["application_ran"] for exchange in self.seen)


class CaseStore:
    """The cases of the last edits, by name. It may be used from several threads."""

    def __init__(self) -> None:
        self._cases: dict[str, Case] = {}
        self._lock = make_lock()

    def add(self, name: str, case: Case) -> None:
        """Keep a case, and let the oldest go."""
        with self._lock:
            self._cases[name] = case
            while len(self._cases) > MAX_CASES:
                del self._cases[next(iter(self._cases))]

    def get(self, name: str) -> Case | None:
        """Give the case of a name, or ``None``."""
        with self._lock:
            return self._cases.get(name)
