"""The WSGI application that the tests start under real servers: as `support.servers_app` is."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

import corsac.wsgi
from support.servers_app import ALLOWED_ORIGIN, EXPOSED_HEADER

__all__ = ["CROWD", "application", "crowd", "guarded"]

Pairs = list[tuple[str, str]]


def small_app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """A WSGI application without a framework; it answers its paths as the one of ASGI does."""

    def answer(
        status: str, body: bytes, headers: Pairs | None = None, length: int | None = None
    ) -> list[bytes]:
        size = len(body) if length is None else length
        lines = [("content-type", "text/plain"), ("content-length", str(size))]
        start_response(status, lines + (headers or []))
        return [body] if body else []

    path = environ["PATH_INFO"]
    own = [
        ("access-control-allow-origin", "*"),
        ("access-control-expose-headers", "x-own"),
        ("vary", "Accept-Encoding"),
    ]
    body = b"" if environ["REQUEST_METHOD"] == "HEAD" else b"hello"
    if path == "/stream":
        return _stream(start_response)
    if path == "/write":
        start_response("200 OK", [("content-length", "7")])(b"written")
        return []
    if path == "/not-modified":
        start_response("304 Not Modified", [("etag", '"1"')])
        return []
    answers = {
        "/token": lambda: answer("200 OK", os.environ["SMALL_APP_TOKEN"].encode()),
        "/error": lambda: answer("500 Internal Server Error", b"the application failed"),
        "/own-headers": lambda: answer("200 OK", b"own headers", own),
    }
    return answers.get(path, lambda: answer("200 OK", body, length=5))()


def _stream(start_response: StartResponse) -> Iterable[bytes]:
    """A generator: nothing runs, and nothing is started, before the server asks for a part."""
    start_response("200 OK", [("content-type", "text/plain")])
    for part in (b"one ", b"two ", b"three"):
        yield part
        time.sleep(0)


application = corsac.wsgi.CORSMiddleware(
    small_app,
    allow_origins=[ALLOWED_ORIGIN],
    allow_methods=["PUT"],
    allow_headers=["X-Wanted"],
    allow_credentials=True,
    expose_headers=[EXPOSED_HEADER],
)
guarded = corsac.wsgi.CORSMiddleware(small_app, allow_origins=[ALLOWED_ORIGIN], guard=True)

CROWD = 700


class _Crowd:
    """An application that answers nobody until so many requests have come."""

    def __init__(self, size: int) -> None:
        self._missing = size
        self._complete = threading.Event()  # The server's own kind, where it replaces threads.

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/crowd":
            self._missing -= 1
            if self._missing == 0:
                self._complete.set()
            self._complete.wait()
        return small_app(environ, start_response)


crowd = corsac.wsgi.CORSMiddleware(
    corsac.wsgi.CORSMiddleware(_Crowd(CROWD), allow_origins=[ALLOWED_ORIGIN]),
    allow_origins=[ALLOWED_ORIGIN],
)
