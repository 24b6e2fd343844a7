"""One request and one response, whatever protocol carries them.

A behaviour test takes the fixture ``exchange`` and so runs on every protocol that Corsac speaks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import corsac
from corsac._types import ASGIApp, Message, Receive, Scope, Send

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Request:
    """A request as a client writes it; header values are latin-1."""

    method: str = "GET"
    headers: Pairs = ()
    path: str = "/"


@dataclass(frozen=True)
class AppResponse:
    """What the wrapped application answers with."""

    status: int = 200
    headers: Pairs = (("content-type", "text/plain"),)
    body: bytes = b"from the app"


@dataclass(frozen=True)
class Response:
    """What left the server."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    app_called: bool
    names_as_sent: list[str] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        """The values of every line of a header."""
        return [value for key, value in self.headers if key == name.lower()]

    def one(self, name: str) -> str | None:
        """The value of a header that may stand there once or not at all."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} stands there {len(values)} times"
        return values[0] if values else None

    @property
    def header_set(self) -> dict[str, str]:
        """All headers; a name that stands there twice fails."""
        names = [name for name, _ in self.headers]
        assert len(names) == len(set(names)), f"duplicate header lines: {self.headers}"
        return dict(self.headers)


class Exchange(Protocol):
    """Sends one request through a policy's middleware in front of an application."""

    def __call__(
        self,
        policy: corsac.CORSPolicy,
        request: Request = ...,
        app: AppResponse = ...,
    ) -> Response:
        """Gives the response as the server would send it."""


def wire_pairs(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Header lines as ASGI carries them: names in lower case, all bytes."""
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]


def http_scope(request: Request, **changes: Any) -> dict[str, Any]:
    """The ASGI scope of a request."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.path,
        "raw_path": request.path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": wire_pairs(request.headers),
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    } | changes


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def call_asgi(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Call an ASGI application once, to its end."""

    async def call() -> None:
        await app(scope, receive, send)

    asyncio.run(call())


def run_asgi(app: ASGIApp, scope: Scope, receive: Receive = _receive) -> list[Message]:
    """Call an ASGI application once and give the messages it sent."""
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    call_asgi(app, scope, receive, send)
    return messages


def asgi_exchange(
    policy: corsac.CORSPolicy,
    request: Request = Request(),
    app: AppResponse = AppResponse(),
) -> Response:
    """The exchange over ASGI."""
    called = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        called.append(scope)
        headers = [(name.encode(), value.encode("latin-1")) for name, value in app.headers]
        await send({"type": "http.response.start", "status": app.status, "headers": headers})
        await send({"type": "http.response.body", "body": app.body})

    messages = run_asgi(corsac.CORSMiddleware(application, policy), http_scope(request))
    start, *bodies = messages
    assert start["type"] == "http.response.start"
    lines = [(name.decode(), value.decode("latin-1")) for name, value in start["headers"]]
    return Response(
        status=start["status"],
        headers=[(name.lower(), value) for name, value in lines],
        body=b"".join(message["body"] for message in bodies),
        app_called=bool(called),
        names_as_sent=[name for name, _ in lines],
    )


EXCHANGES: dict[str, Exchange] = {"asgi": asgi_exchange}
