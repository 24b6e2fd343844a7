"""Views that fail after their request was judged inside of Flask, and who learns of refusals."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import flask
import pytest
from werkzeug.test import Client

import corsac
from corsac.flask import CORS, cross_origin, install
from support.flask_apps import ALLOWED, OTHER, SECOND

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

ERROR = {"content-type": "text/html; charset=utf-8", "content-length": "265"}
REFUSED = {**ERROR, "vary": "Origin"}
REASON = "origin-not-allowed"


def fail() -> str:
    raise LookupError


def served_past(app: flask.Flask, **options: Any) -> WSGIApplication:
    """What was taken of the application before the extension."""
    taken = app.wsgi_app
    CORS(app, **options)
    return taken


def served_moved(app: flask.Flask, **options: Any) -> WSGIApplication:
    """Middleware inside takes a prefix off the path."""
    inner = app.wsgi_app

    def move(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"].removeprefix("/sub")
        return inner({**environ, "PATH_INFO": path}, start_response)

    app.wsgi_app = move  # type: ignore[method-assign]
    CORS(app, **options)
    return app.wsgi_app


def served_through(app: flask.Flask, **options: Any) -> WSGIApplication:
    """The usual way."""
    CORS(app, **options)
    return app.wsgi_app


Serve = Callable[..., "WSGIApplication"]
each_way = pytest.mark.parametrize("serve", [served_past, served_moved, served_through])


def ask(served: WSGIApplication, path: str, origin: str) -> dict[str, str]:
    response = Client(served).get(path, headers={"Origin": origin})
    assert response.status_code == 500
    assert len(response.headers) == len({*response.headers.keys()})
    return {name.lower(): value for name, value in response.headers}


def refusals(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.levelname for each in caplog.records if f"refused {REASON}" in each.getMessage()]


@each_way
def test_a_view_that_fails_again_and_again_does_not_flood_the_log(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    app = flask.Flask("tested")
    app.add_url_rule("/fails", "fails", fail)
    told: list[corsac.Refusal] = []
    served = serve(app, origins=[ALLOWED], on_refusal=told.append)
    caplog.set_level(logging.INFO, "corsac")
    for _ in range(100):
        assert ask(served, "/fails", OTHER) == REFUSED
    assert refusals(caplog) == ["WARNING", *["INFO"] * 19]
    assert len(told) == install(app).counters()["actual_refused"] == 100


@each_way
def test_one_refusal_of_a_view_that_fails_is_one_line(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    app = flask.Flask("tested")
    app.add_url_rule("/fails", "fails", fail)
    served = serve(app, origins=[ALLOWED])
    caplog.set_level(logging.INFO, "corsac")
    assert ask(served, "/fails", ALLOWED) == {**REFUSED, "access-control-allow-origin": ALLOWED}
    assert ask(served, "/fails", OTHER) == REFUSED
    assert refusals(caplog) == ["WARNING"]


@each_way
@pytest.mark.parametrize("origin", [ALLOWED, OTHER])
def test_what_the_policy_of_a_hidden_view_refuses_is_told_once_though_the_view_fails(
    serve: Serve, origin: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = flask.Flask("tested")
    decorated = cross_origin(origins=[SECOND])(fail)
    app.add_url_rule("/hidden", "hidden", lambda: decorated())  # noqa: PLW0108 - it hides it
    told: list[corsac.Refusal] = []
    served = serve(app, origins=[ALLOWED], on_refusal=told.append)
    caplog.set_level(logging.INFO, "corsac")
    for count in range(1, 60):
        assert ask(served, "/hidden", origin) == REFUSED
        assert [(each.reason, each.path) for each in told] == [(REASON, "/hidden")] * count
    assert refusals(caplog).count("WARNING") == 1
    assert len(refusals(caplog)) == 20
    allowed = {**REFUSED, "access-control-allow-origin": SECOND}
    assert ask(served, "/hidden", SECOND) == allowed


@each_way
@pytest.mark.parametrize("path", ["/fails", "/hidden"])
def test_the_answer_to_an_error_says_why_it_was_refused_if_that_is_wanted(
    serve: Serve, path: str
) -> None:
    app = flask.Flask("tested")
    app.add_url_rule("/fails", "fails", fail)
    decorated = cross_origin(origins=[SECOND])(fail)
    app.add_url_rule("/hidden", "hidden", lambda: decorated())  # noqa: PLW0108 - it hides it
    served = serve(app, origins=[ALLOWED], debug_header=True)
    assert ask(served, path, OTHER) == {**REFUSED, "corsac-refused": REASON}


@each_way
def test_an_error_below_several_slashes_has_the_policy_of_the_path_that_routes_see(
    serve: Serve,
) -> None:
    app = flask.Flask("tested")
    app.add_url_rule("/own/x", "own", fail)
    served = serve(app, resources={"/own/*": {"origins": ALLOWED}, "/*": {"origins": SECOND}})
    for path in ("/own/x", "//own/x"):
        environ = {"HTTP_ORIGIN": SECOND, "PATH_INFO": path}
        response = Client(served).get("/", environ_overrides=environ)
        headers = {name.lower(): value for name, value in response.headers}
        assert (response.status_code, headers) == (500, REFUSED)
