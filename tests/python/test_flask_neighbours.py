"""Flask applications that other packages changed, and routes that Flask's own calls do not make."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import flask
import pytest
import quart
import wrapt
from flask.views import MethodView
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from werkzeug.routing import Rule

from corsac.flask import CORS, cross_origin, install
from corsac.inspection import find_layers
from support.flask_apps import ALLOWED, OTHER, cors_headers, make_app, preflight, shared_with

STRICT = {"vary": "Origin"}


def view(**_: object) -> str:
    return "hello"


# Rules that name no methods.


@pytest.mark.parametrize("rule", ["/<path:path>", "/run", "/run/"])
@pytest.mark.parametrize("has_extension", [False, True])
def test_a_rule_without_methods_is_one_for_any(rule: str, has_extension: bool) -> None:
    app = flask.Flask("tested")
    app.url_map.add(Rule(rule, endpoint="run"))
    app.view_functions["run"] = cross_origin(origins=[ALLOWED], methods=["PUT", "PURGE"])(view)
    if has_extension:
        CORS(app, origins="*")
    path = rule.replace("<path:path>", "run")
    for _ in range(3):
        status, headers = preflight(app, path)
        assert (status, headers["access-control-allow-origin"]) == (200, ALLOWED)
        assert preflight(app, path, origin=OTHER)[1] == {}
        for method in ("GET", "POST", "PURGE", "PROPFIND"):
            found = cors_headers(app, path, method=method)
            assert found == {"access-control-allow-origin": ALLOWED, **STRICT}
            assert cors_headers(app, path, method=method, origin=OTHER) == STRICT


def test_rules_without_methods_and_with_some_stand_beside_each_other() -> None:
    app = flask.Flask("tested")
    app.url_map.add(Rule("/x/<name>", endpoint="any"))
    app.view_functions["any"] = cross_origin(origins=[ALLOWED])(view)
    app.add_url_rule("/x/special", "special", view, methods=["GET"])
    CORS(app, origins="*")
    assert cors_headers(app, "/x/special", origin=OTHER) == {"access-control-allow-origin": "*"}
    for method in ("POST", "PURGE"):
        assert cors_headers(app, "/x/special", method=method, origin=OTHER) == STRICT


def test_the_methods_of_a_class_are_told_apart_under_a_rule_without_any() -> None:
    class Thing(MethodView):
        def get(self, **_: object) -> str:
            return "hello"

        @cross_origin(origins=[ALLOWED], automatic_options=False)
        def report(self, **_: object) -> str:
            return "hello"

    app = flask.Flask("tested")
    app.url_map.add(Rule("/<name>", endpoint="thing"))
    app.view_functions["thing"] = Thing.as_view("thing")
    CORS(app, origins="*")
    assert cors_headers(app, "/x", origin=OTHER) == {"access-control-allow-origin": "*"}
    assert cors_headers(app, "/x", origin=OTHER, method="REPORT") == STRICT
    assert shared_with(app, "/x", method="REPORT") == [ALLOWED]


def test_a_decorated_rule_for_web_sockets_has_its_policy() -> None:
    app = flask.Flask("tested")
    app.url_map.add(Rule("/socket", endpoint="socket", websocket=True))
    app.view_functions["socket"] = cross_origin(origins=[ALLOWED], guard=True)(view)
    CORS(app, origins="*")
    asked = {"Upgrade": "websocket", "Connection": "Upgrade", "Origin": OTHER}
    for _ in range(2):
        assert app.test_client().get("/socket", headers=asked).status_code == 403
        asked_by_ours = {**asked, "Origin": ALLOWED}
        assert app.test_client().get("/socket", headers=asked_by_ours).status_code == 200


# Classes that others replace.


@pytest.fixture
def instrumented() -> Iterator[FlaskInstrumentor]:
    instrumentor = FlaskInstrumentor()
    yield instrumentor
    instrumentor.uninstrument()


def test_an_application_that_was_made_before_its_class_was_replaced_has_the_extension(
    instrumented: FlaskInstrumentor,
) -> None:
    app = make_app("/", "/api/x")
    blueprint = flask.Blueprint("things", "tested")
    blueprint.add_url_rule("/things", "things", view)
    instrumented.instrument()
    assert type(app) is not flask.Flask
    CORS(app, resources={"/api/*": {"origins": ALLOWED}})
    CORS(blueprint, origins=ALLOWED)
    app.register_blueprint(blueprint)
    for path in ("/api/x", "/things"):
        assert shared_with(app, path) == [ALLOWED]
        assert cors_headers(app, path) == {"access-control-allow-origin": ALLOWED, **STRICT}
    assert [layer.is_corsac for layer in find_layers(app).layers] == [True]


def test_an_application_of_the_replacing_class_has_the_extension(
    instrumented: FlaskInstrumentor,
) -> None:
    instrumented.instrument()
    app = flask.Flask("tested")
    app.add_url_rule("/", "view", view)
    CORS(app, origins=ALLOWED)
    instrumented.uninstrument()
    assert shared_with(app, "/") == [ALLOWED]
    assert preflight(app, "/", origin=OTHER)[0] == 403


@pytest.mark.parametrize("order", ["before", "after"])
def test_tracing_that_ends_leaves_the_application_its_policy(order: str) -> None:
    app = make_app("/")
    if order == "after":
        CORS(app, origins=ALLOWED)
    FlaskInstrumentor.instrument_app(app)  # type: ignore[no-untyped-call]
    if order == "before":
        CORS(app, origins=ALLOWED)
    assert shared_with(app, "/") == [ALLOWED]
    FlaskInstrumentor.uninstrument_app(app)  # type: ignore[no-untyped-call]
    assert shared_with(app, "/") == [ALLOWED]


def test_a_proxy_of_an_application_is_the_application() -> None:
    app = make_app("/")
    with app.app_context():
        CORS(flask.current_app, origins=ALLOWED)
        assert install(flask.current_app) is install(app)
    assert shared_with(app, "/") == [ALLOWED]
    wrapped = make_app("/")
    CORS(wrapt.ObjectProxy(wrapped), origins=ALLOWED)  # type: ignore[arg-type]
    assert shared_with(wrapped, "/") == [ALLOWED]


@pytest.mark.parametrize("make", [lambda: quart.Quart("tested"), lambda: quart.Blueprint("b", "t")])
def test_what_belongs_to_quart_is_told_where_to_go(make: Any) -> None:
    with pytest.raises(TypeError, match=r"not quart\..*write app\.asgi_app = corsac"):
        CORS(make())


def test_a_tracer_around_the_method_of_the_class_changes_no_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = make_app("/admin/x", "/x")

    def trace(wrapped: Any, _: object, args: Any, keywords: Any) -> Any:
        return wrapped(*args, **keywords)

    app.wsgi_app = wrapt.FunctionWrapper(app.wsgi_app, trace)  # type: ignore[method-assign]
    CORS(app, resources={"/admin/*": {"origins": ALLOWED}, "/*": {"origins": "*"}})
    with caplog.at_level(logging.WARNING, "corsac"):
        assert cors_headers(app, "/admin/x") == {"access-control-allow-origin": ALLOWED, **STRICT}
        assert cors_headers(app, "/x", origin=OTHER) == {"access-control-allow-origin": "*"}
    assert "misplaced" not in caplog.text
    assert cors_headers(app, "/admin/x", origin=OTHER) == STRICT
