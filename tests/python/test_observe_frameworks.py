"""Callback, trial and debug header through the integrations of Starlette, Flask and Django."""

from __future__ import annotations

from typing import Any

import flask
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

import corsac.flask
import corsac.starlette
from corsac import CORSConfigError, CORSPolicy, Refusal
from support.exchange import run_wsgi, wsgi_environ
from support.refused import preflight

ORIGIN = "https://app.example.com"
OTHER = "https://b.example.com"
EVIL = "https://evil.example"
POLICY = CORSPolicy(allow_origins=[ORIGIN, OTHER])
TIGHT = CORSPolicy(allow_origins=[ORIGIN])


async def endpoint(request: Any) -> PlainTextResponse:
    return PlainTextResponse("x")


def test_starlette_routes_with_a_policy_of_their_own_are_observed_too() -> None:
    told: list[Refusal] = []
    own = corsac.starlette.cors(allow_origins=[ORIGIN, OTHER])(endpoint)
    app = Starlette(routes=[Route("/plain", endpoint), Route("/own", own)])
    middleware = corsac.starlette.install(
        app, POLICY, on_refusal=told.append, report_only=TIGHT, debug_header=True
    )
    client = TestClient(app)
    for path in ("/plain", "/own"):
        client.get(path, headers={"origin": OTHER})
        response = client.get(path, headers={"origin": EVIL})
        assert response.headers["corsac-refused"] == "origin-not-allowed"
    assert [(each.path, each.origin, each.report_only) for each in told] == [
        ("/plain", OTHER, True),
        ("/plain", EVIL, False),
        ("/own", OTHER, True),
        ("/own", EVIL, False),
    ]
    assert middleware.refusal_counters()["actual", "origin-not-allowed"] == 2
    assert middleware.report_only_counters()["newly_refused"] == 2
    middleware.reconfigure(POLICY, on_refusal=None, debug_header=False)
    for path in ("/plain", "/own"):
        response = client.get(path, headers={"origin": EVIL})
        assert "corsac-refused" not in response.headers
    assert len(told) == 4


def test_flask_routes_with_a_policy_of_their_own_are_observed_too() -> None:
    told: list[Refusal] = []
    app = flask.Flask(__name__)
    corsac.flask.CORS(
        app,
        origins=[ORIGIN, OTHER],
        on_refusal=told.append,
        report_only=TIGHT,
        debug_header="x-why",
    )

    @app.get("/plain")
    def plain() -> str:
        return "x"

    @app.get("/own/<name>")
    @corsac.flask.cross_origin(origins=[ORIGIN, OTHER])
    def own(name: str) -> str:
        return name

    client = app.test_client()
    for path in ("/plain", "/own/1"):
        client.get(path, headers={"origin": OTHER})
        response = client.get(path, headers={"origin": EVIL})
        assert response.headers["x-why"] == "origin-not-allowed"
    assert [(each.path, each.origin, each.report_only) for each in told] == [
        ("/plain", OTHER, True),
        ("/plain", EVIL, False),
        ("/own/1", OTHER, True),
        ("/own/1", EVIL, False),
    ]
    middleware = corsac.flask.install(app)
    assert middleware.report_only_counters()["newly_refused"] == 2
    middleware.reconfigure(middleware.policy, debug_header=False)
    assert "x-why" not in client.get("/own/1", headers={"origin": EVIL}).headers


def test_a_blueprint_does_not_observe() -> None:
    blueprint = flask.Blueprint("api", __name__)
    with pytest.raises(TypeError, match="application's CORS"):
        corsac.flask.CORS(blueprint, on_refusal=print)


def test_a_mistake_in_flask_is_an_error_where_it_is_written() -> None:
    app = flask.Flask(__name__)
    with pytest.raises(CORSConfigError, match="debug_header"):
        corsac.flask.CORS(app, origins=[ORIGIN], debug_header="two words")


def test_what_is_missing_is_called_as_flask_cors_calls_it(caplog: pytest.LogCaptureFixture) -> None:
    request = preflight("DELETE", "x-y")
    missing = "methods=[..., 'DELETE'] and allow_headers=[..., 'x-y']"

    def advice() -> str:
        (line,) = (text for text in caplog.messages if "refused method-not-allowed" in text)
        caplog.clear()
        return line.partition("; write ")[2].partition(" to allow it")[0]

    app = flask.Flask(__name__)
    corsac.flask.CORS(app, origins=[ORIGIN], methods=["PUT"], allow_headers=["x-one"])
    run_wsgi(app, wsgi_environ(request))
    assert advice() == missing

    app = flask.Flask(__name__)
    own = corsac.flask.cross_origin(origins=[ORIGIN], methods=["PUT"], allow_headers=["x-one"])
    app.route("/items")(own(lambda: "x"))
    corsac.flask.CORS(app, origins=["https://b.example.com"])
    run_wsgi(app, wsgi_environ(request))
    assert advice() == missing

    app = flask.Flask(__name__)
    corsac.flask.CORS(app, policy=CORSPolicy(allow_origins=[ORIGIN]))
    run_wsgi(app, wsgi_environ(request))
    assert advice() == f"allow_{missing}"
