"""A WSGI application without a framework.

Run it with ``python app.py`` or any WSGI server: ``gunicorn app:app``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from wsgiref.simple_server import make_server
from wsgiref.types import StartResponse, WSGIEnvironment

import corsac
from corsac.wsgi import CORSMiddleware

NOTES = {"1": "milk", "2": "eggs"}


def notes(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer a request; nothing here knows about CORS."""
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    name = path.rpartition("/")[2]
    if method == "GET" and path == "/":
        return _respond(start_response, "200 OK", b"notes")
    if method == "GET" and path == "/api/notes":
        body = json.dumps(list(NOTES.values())).encode()
        return _respond(start_response, "200 OK", body, ("ETag", '"1"'))
    if method == "PUT" and path.startswith("/api/notes/"):
        length = int(environ.get("CONTENT_LENGTH") or 0)
        NOTES[name] = environ["wsgi.input"].read(length).decode()
        return _respond(start_response, "204 No Content")
    if method == "GET" and path.startswith("/share/") and name in NOTES:
        return _respond(start_response, "200 OK", NOTES[name].encode())
    return _respond(start_response, "404 Not Found", b"no such note")


def _respond(
    start_response: StartResponse, status: str, body: bytes = b"", *headers: tuple[str, str]
) -> Iterable[bytes]:
    about_body = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    start_response(status, [*(about_body if body else ()), *headers])
    return [body]


ours = corsac.CORSPolicy(
    allow_origins=["https://app.example.com"],
    allow_methods=["PUT"],
    allow_headers=["content-type"],
    allow_credentials=True,
    expose_headers=["etag"],
)
anyone = corsac.CORSPolicy(allow_origins=["*"])

app = CORSMiddleware(notes, rules=[("/api/*", ours), ("/share/*", anyone)])

if __name__ == "__main__":
    with make_server("127.0.0.1", 8000, app) as server:
        server.serve_forever()
