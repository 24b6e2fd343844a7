"""One request and one response, whatever protocol carries them.

A behaviour test takes the fixture ``exchange`` and so runs on every protocol that Corsac speaks.
"""

from __future__ import annotations

import asyncio
import http
import io
import sys
import warnings
import wsgiref.validate
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from unittest import mock
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import corsac
import corsac.wsgi
from corsac._types import ASGIApp, Message, Receive, Scope, Send

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Request:
    """A request as a client writes it; header values are latin-1.

    Attributes:
        method: The method.
        headers: The header lines.
        path: The path.
        scheme: That by which the server knows that it was asked.
    """

    method: str = "GET"
    headers: Pairs = ()
    path: str = "/"
    scheme: str = "http"


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
        policy: corsac.CORSPolicy | Sequence[corsac.CORSPolicy] | None,
        request: Request = ...,
        app: AppResponse = ...,
        **options: Any,
    ) -> Response:
        """Gives the response as the server would send it; options are the middleware's."""


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
        "scheme": request.scheme,
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
    policy: corsac.CORSPolicy | Sequence[corsac.CORSPolicy] | None,
    request: Request = Request(),
    app: AppResponse = AppResponse(),
    **options: Any,
) -> Response:
    """The exchange over ASGI."""
    called = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        called.append(scope)
        headers = [(name.encode(), value.encode("latin-1")) for name, value in app.headers]
        await send({"type": "http.response.start", "status": app.status, "headers": headers})
        await send({"type": "http.response.body", "body": app.body})

    messages = run_asgi(corsac.CORSMiddleware(application, policy, **options), http_scope(request))
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


def wsgi_environ(request: Request, **changes: Any) -> WSGIEnvironment:
    """The WSGI environ of a request; as in servers, a comma joins the lines of one header."""
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": request.path.encode().decode("latin-1"),
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers:
        variable = name.upper().replace("-", "_")
        key = variable if variable in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{variable}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ | changes


@dataclass
class WSGIAnswer:
    """What a server was given for one request."""

    status: str = ""
    headers: Any = ()
    body: bytes = b""

    @property
    def code(self) -> int:
        """The status code."""
        return int(self.status.split()[0])


def run_wsgi(app: WSGIApplication, environ: WSGIEnvironment) -> WSGIAnswer:
    """Call a WSGI application once, as a server does, and give what it answered."""
    answer = WSGIAnswer()
    parts: list[bytes] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], None]:
        answer.status, answer.headers = status, headers
        return parts.append

    chunks = app(environ, start_response)
    try:
        parts.extend(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    answer.body = b"".join(parts)
    return answer


def status_line(status: int) -> str:
    """A status as WSGI has it."""
    known = status in {member.value for member in http.HTTPStatus}
    return f"{status} {http.HTTPStatus(status).phrase if known else 'Unknown'}"


def wsgi_exchange(
    policy: corsac.CORSPolicy | Sequence[corsac.CORSPolicy] | None,
    request: Request = Request(),
    app: AppResponse = AppResponse(),
    **options: Any,
) -> Response:
    """The exchange over WSGI, with the standard library's validator in the place of the server."""
    called = []

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        called.append(environ)
        start_response(status_line(app.status), [*app.headers])
        return [app.body]

    check_content_type = wsgiref.validate.check_content_type  # type: ignore[attr-defined]

    def check_unless_excused(status: str, headers: list[tuple[str, str]]) -> None:
        # The validator wants a type of every response, also of one without content (PEP 3333 does
        # not); and what the application leaves out is not the middleware's.
        if not called and ("content-length", "0") not in headers:
            check_content_type(status, headers)

    middleware = wsgiref.validate.validator(
        corsac.wsgi.CORSMiddleware(application, policy, **options)
    )
    with (
        mock.patch.object(wsgiref.validate, "check_content_type", check_unless_excused),
        warnings.catch_warnings(),
    ):
        # It warns of methods that it does not know.
        warnings.simplefilter("ignore", wsgiref.validate.WSGIWarning)
        answer = run_wsgi(middleware, wsgi_environ(request))
    return Response(
        status=answer.code,
        headers=[(name.lower(), value) for name, value in answer.headers],
        body=answer.body,
        app_called=bool(called),
        names_as_sent=[name for name, _ in answer.headers],
    )


EXCHANGES: dict[str, Exchange] = {"asgi": asgi_exchange, "wsgi": wsgi_exchange}
