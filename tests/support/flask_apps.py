"""What the Flask tests share: applications, requests, and what a browser sees of it."""

from __future__ import annotations

from collections.abc import Mapping

import flask

__all__ = ["ALLOWED", "OTHER", "SECOND", "cors_headers", "make_app", "preflight", "shared_with"]

ALLOWED = "https://app.example.com"
SECOND = "https://admin.example.com"
OTHER = "https://evil.example"


def make_app(*paths: str) -> flask.Flask:
    """An application with a route for each path."""
    app = flask.Flask("tested")
    for path in paths:
        app.add_url_rule(path, endpoint=path.replace(".", "-"), view_func=_hello)
    return app


def _hello(**_: object) -> str:
    return "hello"


def cors_headers(
    app: flask.Flask,
    path: str,
    *,
    origin: str | None = ALLOWED,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Every CORS header and Vary of a response, names in lower case."""
    sent = {**({} if origin is None else {"Origin": origin}), **(headers or {})}
    response = app.test_client().open(path, method=method, headers=sent)
    found = [(name.lower(), value) for name, value in response.headers]
    wanted = [pair for pair in found if pair[0].startswith("access-control-") or pair[0] == "vary"]
    assert len(dict(wanted)) == len(wanted), f"a header stands there twice: {wanted}"
    return dict(wanted)


def preflight(
    app: flask.Flask, path: str, *, origin: str = ALLOWED, method: str = "PUT", names: str = ""
) -> tuple[int, dict[str, str]]:
    """The status and the CORS headers of the answer to a preflight request."""
    sent = {"Origin": origin, "Access-Control-Request-Method": method}
    if names:
        sent["Access-Control-Request-Headers"] = names
    response = app.test_client().options(path, headers=sent)
    return response.status_code, {
        name.lower(): value
        for name, value in response.headers
        if name.lower().startswith("access-control-")
    }


def shared_with(app: flask.Flask, path: str, *, method: str = "GET") -> list[str]:
    """Which of three origins may read the response."""
    found = []
    for origin in (ALLOWED, SECOND, OTHER):
        value = cors_headers(app, path, origin=origin, method=method).get(
            "access-control-allow-origin"
        )
        if value in (origin, "*"):
            found.append(origin)
    return found
