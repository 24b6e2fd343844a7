"""The applications that `tests/load.py` puts under load: one policy, over ASGI and over WSGI.

``/read`` answers after the whole body, which may never come; every other path at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

import corsac
import corsac.wsgi
from corsac._types import Receive, Scope, Send
from support.exchange import AppResponse
from support.reference_model import Options

__all__ = ["APP", "OPTIONS", "asgi", "wsgi"]

OPTIONS = Options(
    allow_origins=("https://app.test", "https://*.example.com", "http://localhost:*"),
    allow_methods=("PUT", "DELETE", "PATCH"),
    allow_headers=("X-A", "Content-Type"),
    expose_headers=("ETag",),
    allow_credentials=True,
    guard=True,
    isolate_reads=True,
    allow_private_network=True,
    tolerate=("origin.insecure_with_credentials",),
)
BODY = b"from the app"
APP = AppResponse(
    headers=[
        ("content-type", "text/plain"),
        ("content-length", str(len(BODY))),
        ("access-control-allow-origin", "*"),
        ("vary", "Accept"),
    ],
    body=BODY,
)


def _body(path: str) -> bytes:
    return os.environ["SMALL_APP_TOKEN"].encode() if path == "/token" else BODY


async def _asgi_application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    more = scope["path"] == "/read"
    while more:
        message = await receive()
        more = message["type"] == "http.request" and message.get("more_body", False)
    body = _body(scope["path"])
    headers = [(name.encode(), value.encode()) for name, value in APP.headers]
    headers[1] = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    sent = b"" if scope["method"] == "HEAD" else body
    await send({"type": "http.response.body", "body": sent})


def _wsgi_application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/read":
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or "0"))
    body = _body(environ["PATH_INFO"])
    headers = list(APP.headers)
    headers[1] = ("content-length", str(len(body)))
    start_response("200 OK", headers)
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]


asgi = corsac.CORSMiddleware(_asgi_application, **OPTIONS.keywords)
wsgi = corsac.wsgi.CORSMiddleware(_wsgi_application, **OPTIONS.keywords)
