"""Requests that a middleware refuses, on both protocols, and what is observed of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import corsac
import corsac.wsgi
from support.asgi import app_sending
from support.exchange import Request, http_scope, run_asgi, run_wsgi, wsgi_environ

ORIGIN = "https://app.example.com"
EVIL = "https://evil.example"
POLICY = corsac.CORSPolicy(
    allow_origins=[ORIGIN, "https://b.example.com"],
    allow_methods=["PUT", "DELETE"],
    allow_headers=["x-one", "x-two", "authorization"],
    allow_credentials=True,
)
ACTUAL = Request(headers=[("origin", ORIGIN)], path="/items")
REFUSED = Request(headers=[("origin", EVIL)], path="/items")
MALFORMED = Request(headers=[("origin", "not one, but two")], path="/items")
FORGED = Request("POST", [("origin", EVIL), ("sec-fetch-site", "cross-site")], "/items")


def told_to_nobody(refusal: corsac.Refusal) -> None:
    """Stands where settings name a function by its path; a test puts its own in this place."""


def preflight(method: str = "PUT", headers: str | None = None, origin: str = ORIGIN) -> Request:
    """A preflight request."""
    lines = [("origin", origin), ("access-control-request-method", method)]
    if headers is not None:
        lines.append(("access-control-request-headers", headers))
    return Request("OPTIONS", lines, "/items")


@dataclass(frozen=True)
class Sent:
    """What a client got.

    Attributes:
        status: The status.
        headers: All header lines, in order.
        body: The body.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes = field(default=b"")


class Observed(Protocol):
    """A middleware of either protocol around an application that answers everything."""

    middleware: Any

    def __call__(self, request: Request) -> Sent:
        """Send a request."""


class ASGIObserved:
    """Over ASGI."""

    def __init__(self, *headers: tuple[str, str], **options: Any) -> None:
        lines = [(name.encode(), value.encode()) for name, value in headers or [("x-app", "1")]]
        start = {"type": "http.response.start", "status": 200, "headers": lines}
        body = {"type": "http.response.body", "body": b"from the app"}
        self.middleware = corsac.CORSMiddleware(app_sending(start, body), **options)

    def __call__(self, request: Request) -> Sent:
        """Send a request."""
        start, body = run_asgi(self.middleware, http_scope(request))
        headers = [(name.decode().lower(), value.decode()) for name, value in start["headers"]]
        return Sent(start["status"], headers, body["body"])


class WSGIObserved:
    """Over WSGI."""

    def __init__(self, *headers: tuple[str, str], **options: Any) -> None:
        def app(environ: Any, start_response: Any) -> Any:
            start_response("200 OK", [*(headers or [("x-app", "1")])])
            return [b"from the app"]

        self.middleware = corsac.wsgi.CORSMiddleware(app, **options)

    def __call__(self, request: Request) -> Sent:
        """Send a request."""
        answer = run_wsgi(self.middleware, wsgi_environ(request))
        headers = [(name.lower(), value) for name, value in answer.headers]
        return Sent(answer.code, headers, answer.body)


MakeObserved = Callable[..., Observed]
OBSERVED: dict[str, MakeObserved] = {"asgi": ASGIObserved, "wsgi": WSGIObserved}
