"""A small WSGI application and the environs it is called with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from support.exchange import Request, WSGIAnswer, run_wsgi, wsgi_environ

ORIGIN = "https://app.example.com"
EVIL = "https://evil.example"
OPTIONS: dict[str, Any] = {"allow_origins": [ORIGIN], "expose_headers": ["etag"]}
ALLOWED = [
    ("vary", "Origin"),
    ("access-control-allow-origin", ORIGIN),
    ("access-control-expose-headers", "etag"),
]
REFUSED = [("vary", "Origin")]


def app_answering(headers: Any, body: Any = (b"x",), status: str = "200 OK") -> Any:
    """An application that hands over these objects as they are."""

    def app(environ: Any, start_response: Any) -> Any:
        start_response(status, headers)
        return body

    return app


def environ_from(origin: object = ORIGIN, **changes: Any) -> dict[str, Any]:
    """The environ of a request from an origin; any object, as a strange server might have it."""
    environ = wsgi_environ(Request(), **changes)
    return environ if origin is None else environ | {"HTTP_ORIGIN": origin}


def answer_of(app: Callable[..., Any], origin: object = ORIGIN, **changes: Any) -> WSGIAnswer:
    """What an application answers to a request from an origin."""
    return run_wsgi(app, environ_from(origin, **changes))
