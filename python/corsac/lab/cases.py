"""Cases: a policy, a request, the application behind it, and what a real browser sent there."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from typing import Any

from starlette.responses import Response

from corsac._types import Receive, Scope, Send
from corsac.asgi import CORSMiddleware
from corsac.browser import FetchOutcome, FetchRequest, simulate
from corsac.browser.transports import asgi_transport
from corsac.lab.places import Places
from corsac.policy import CORSPolicy

__all__ = ["Case", "CaseStore"]

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


class Case:
    """One state of the page."""

    def __init__(
        self,
        policy: CORSPolicy,
        rules: list[tuple[str, None]],
        request: FetchRequest,
        response: str,
        places: Places,
    ) -> None:
        self.request = request
        self.response = response
        self.places = places
        self.seen: list[dict[str, Any]] = []
        self.middleware = CORSMiddleware(self._application, policy, rules=rules)

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

    def simulate(self, profile: str) -> FetchOutcome:
        """Give what a browser makes of it."""
        return simulate(self.request, asgi_transport(self.middleware), profile=profile)

    async def respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a real browser, and note what came and went."""
        lines = [
            (name.decode("latin-1"), text.decode("latin-1")) for name, text in scope["headers"]
        ]
        asked = dict(lines)
        method: str = scope["method"]
        exchange: dict[str, Any] = {
            "method": method,
            "url": f"http://{asked.get('host', '')}{scope['raw_path'].decode('latin-1')}",
            "is_preflight": method == "OPTIONS" and "access-control-request-method" in asked,
            "headers": [list(line) for line in lines],
            "application_ran": False,
            "status": None,
            "response_headers": [],
        }
        if len(self.seen) < MAX_EXCHANGES:
            self.seen.append(exchange)

        async def noting(message: Any) -> None:
            if message["type"] == "http.response.start":
                exchange["status"] = message["status"]
                exchange["response_headers"] = [
                    [name.decode("latin-1"), value.decode("latin-1")]
                    for name, value in message["headers"]
                ]
            await send(message)

        await self.middleware({**scope, _SCOPE_KEY: exchange}, receive, noting)

    @property
    def application_ran(self) -> bool:
        """Whether a real request reached the application behind the policy."""
        return any(exchange["application_ran"] for exchange in self.seen)


class CaseStore:
    """The cases of the last edits, by name. It may be used from several threads."""

    def __init__(self) -> None:
        self._cases: OrderedDict[str, Case] = OrderedDict()
        self._lock = threading.Lock()

    @staticmethod
    def new_name() -> str:
        """Make a name that nobody can guess."""
        return secrets.token_urlsafe(12)

    def add(self, name: str, case: Case) -> None:
        """Keep a case, and let the oldest go."""
        with self._lock:
            self._cases[name] = case
            while len(self._cases) > MAX_CASES:
                self._cases.popitem(last=False)

    def get(self, name: str) -> Case | None:
        """Give the case of a name, or ``None``."""
        with self._lock:
            return self._cases.get(name)
