"""Falcon, served by WSGI: the middleware is wrapped around the application.

Run it with ``python app.py`` or any WSGI server: ``gunicorn app:app``. Falcon has CORS of its own:
leave ``cors_enable`` out, and ``falcon.CORSMiddleware`` too.
"""

from __future__ import annotations

from wsgiref.simple_server import make_server

import falcon

import corsac
from corsac.wsgi import CORSMiddleware

NOTES = {"1": "milk", "2": "eggs"}


class Index:
    """A page of this site."""

    def on_get(self, _: falcon.Request, response: falcon.Response) -> None:
        """No other site reads it."""
        response.text = "notes"


class Notes:
    """All notes."""

    def on_get(self, _: falcon.Request, response: falcon.Response) -> None:
        """Read them."""
        response.media = list(NOTES.values())
        response.set_header("etag", '"1"')


class Note:
    """One note."""

    def on_put(self, request: falcon.Request, response: falcon.Response, number: str) -> None:
        """Change it."""
        NOTES[number] = request.bounded_stream.read().decode()
        response.status = falcon.HTTP_204

    def on_get_share(self, _: falcon.Request, response: falcon.Response, number: str) -> None:
        """Read it, from any site."""
        response.text = NOTES[number]


falcon_app = falcon.App()
falcon_app.add_route("/", Index())
falcon_app.add_route("/api/notes", Notes())
falcon_app.add_route("/api/notes/{number}", Note())
falcon_app.add_route("/share/{number}", Note(), suffix="share")

ours = corsac.CORSPolicy(
    allow_origins=["https://app.example.com"],
    allow_methods=["PUT"],
    allow_headers=["content-type"],
    allow_credentials=True,
    expose_headers=["etag"],
)
anyone = corsac.CORSPolicy(allow_origins=["*"])

app = CORSMiddleware(falcon_app, rules=[("/api/*", ours), ("/share/*", anyone)])

if __name__ == "__main__":
    with make_server("127.0.0.1", 8000, app) as server:
        server.serve_forever()
