"""`corsac.flask.CORS`: an application, its configuration, its errors, and its blueprints."""

from __future__ import annotations

import logging
import sys
import threading
from typing import Any

import flask
import pytest
from werkzeug.test import EnvironBuilder

import corsac
import corsac.wsgi
from corsac.flask import CORS, FlaskMiddleware, cross_origin, install
from corsac.flask.decoration import decorations
from support.flask_apps import (
    ALLOWED,
    OTHER,
    SECOND,
    cors_headers,
    make_app,
    preflight,
    shared_with,
)


def test_the_extension_is_one_wsgi_middleware_around_the_application() -> None:
    app = make_app("/")
    inner = app.wsgi_app
    CORS(app, origins=ALLOWED)
    assert isinstance(app.wsgi_app, FlaskMiddleware)
    assert isinstance(app.wsgi_app, corsac.wsgi.CORSMiddleware)
    assert app.wsgi_app.app == inner
    assert not app.after_request_funcs
    assert not app.before_request_funcs


def test_an_actual_request_has_the_whole_answer() -> None:
    app = make_app("/")
    CORS(app, origins=[ALLOWED], supports_credentials=True, expose_headers="X-Total, ETag")
    assert cors_headers(app, "/") == {
        "access-control-allow-origin": ALLOWED,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "X-Total, ETag",
        "vary": "Origin",
    }
    assert cors_headers(app, "/", origin=OTHER) == {"vary": "Origin"}
    assert cors_headers(app, "/", origin=None) == {"vary": "Origin"}


def test_a_preflight_request_is_answered_before_flask() -> None:
    app = make_app("/")
    CORS(app, origins=[ALLOWED], allow_headers=["X-Token"], methods=["GET", "PUT"], max_age=60)
    assert preflight(app, "/") == (
        200,
        {
            "access-control-allow-origin": ALLOWED,
            "access-control-allow-methods": "GET, PUT",
            "access-control-allow-headers": "X-Token",
            "access-control-max-age": "60",
        },
    )
    assert preflight(app, "/", origin=OTHER) == (403, {})


def test_without_options_anyone_may_read_and_nobody_sends_credentials() -> None:
    app = make_app("/")
    CORS(app)
    assert cors_headers(app, "/") == {"access-control-allow-origin": "*"}
    status, headers = preflight(app, "/", method="DELETE", names="authorization, x-any")
    assert status == 200
    assert headers == {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT",
        "access-control-allow-headers": "*, authorization",
    }


def test_a_request_is_explained_before_the_first_request_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decorations, "exist", False)
    app = flask.Flask("notes")
    app.add_url_rule("/notes", "notes", lambda: "")
    CORS(app, policy=corsac.CORSPolicy(allow_origins=["https://app.example.com"]))
    headers = {"Origin": "https://app.example.com"}
    assert install(app).explain("GET", headers, "/notes").allowed is True


@pytest.mark.parametrize("path", ["/abort", "/crash", "/missing", "/post-only"])
def test_errors_have_the_headers(path: str) -> None:
    app = make_app("/")
    CORS(app, origins=[ALLOWED])

    @app.get("/abort")
    def abort() -> str:
        flask.abort(418)

    @app.get("/crash")
    def crash() -> str:
        message = "the application has a mistake"
        raise RuntimeError(message)

    @app.post("/post-only")
    def post_only() -> str:
        return ""

    assert cors_headers(app, path)["access-control-allow-origin"] == ALLOWED


def test_headers_that_a_view_sets_are_replaced_where_the_options_allow_and_kept_elsewhere() -> None:
    app = flask.Flask("tested")
    CORS(app, origins=[ALLOWED])

    @app.get("/")
    def view() -> flask.Response:
        headers = {"Access-Control-Allow-Origin": "*", "Vary": "Cookie, origin"}
        return flask.Response("", headers=headers)

    assert cors_headers(app, "/") == {
        "access-control-allow-origin": ALLOWED,
        "vary": "Cookie, origin",
    }
    assert cors_headers(app, "/", origin=OTHER) == {
        "access-control-allow-origin": "*",
        "vary": "Cookie, origin",
    }


def test_options_come_from_the_call_then_the_extension_then_the_configuration() -> None:
    app = make_app("/")
    app.config["CORS_ORIGINS"] = OTHER
    app.config["CORS_EXPOSE_HEADERS"] = ["X-Config"]
    app.config["CORS_MAX_AGE"] = 5
    CORS(origins=SECOND, max_age=7).init_app(app, origins=ALLOWED)
    assert shared_with(app, "/") == [ALLOWED]
    assert cors_headers(app, "/")["access-control-expose-headers"] == "X-Config"
    assert preflight(app, "/")[1]["access-control-max-age"] == "7"


def test_the_configuration_alone_is_enough() -> None:
    app = make_app("/api/x", "/")
    app.config["CORS_RESOURCES"] = {"/api/*": {"origins": ALLOWED}}
    app.config["CORS_SUPPORTS_CREDENTIALS"] = True
    CORS(app)
    assert shared_with(app, "/api/x") == [ALLOWED]
    assert cors_headers(app, "/api/x")["access-control-allow-credentials"] == "true"
    assert cors_headers(app, "/") == {}


def test_a_key_of_the_configuration_that_is_no_option_is_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = make_app("/")
    app.config["CORS_HEADERS"] = "Content-Type"
    CORS(app, origins=ALLOWED)
    assert "CORS_HEADERS" in caplog.text
    assert "write CORS_ALLOW_HEADERS" in caplog.text


def test_a_configuration_that_comes_too_late_is_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = make_app("/")
    CORS(app, origins=ALLOWED)
    app.config["CORS_SUPPORTS_CREDENTIALS"] = True
    assert "access-control-allow-credentials" not in cors_headers(app, "/")
    assert "CORS_SUPPORTS_CREDENTIALS" in caplog.text
    assert "after CORS(app)" in caplog.text


def test_any_origin_with_credentials_is_an_error_in_words_of_flask_cors() -> None:
    app = make_app("/")
    with pytest.raises(corsac.CORSConfigError, match="supports_credentials=False") as caught:
        CORS(app, supports_credentials=True)
    assert [problem.code for problem in caught.value.problems] == ["origin.any_with_credentials"]
    assert caught.value.problems[0].option == "origins"
    assert not isinstance(app.wsgi_app, FlaskMiddleware)


def test_what_is_tolerated_knowingly_is_done() -> None:
    app = make_app("/")
    CORS(app, supports_credentials=True, tolerate=["origin.any_with_credentials"])
    assert cors_headers(app, "/", origin=OTHER) == {
        "access-control-allow-origin": OTHER,
        "access-control-allow-credentials": "true",
        "vary": "Origin",
    }


def test_every_unknown_option_is_an_error_that_names_the_right_one() -> None:
    with pytest.raises(corsac.CORSConfigError) as caught:
        CORS(make_app("/"), allow_origins=["*"], orgins="*", headers="X")  # type: ignore[call-arg]
    assert [(problem.option, problem.hint) for problem in caught.value.problems] == [
        ("allow_origins", "write origins"),
        ("orgins", "write origins"),
        ("headers", "write allow_headers"),
    ]


def test_a_policy_in_words_of_corsac_is_taken_as_it_is() -> None:
    app = make_app("/", "/public/x")
    policy = corsac.CORSPolicy(allow_origins=[ALLOWED])
    anyone = corsac.CORSPolicy(allow_origins=["*"])
    CORS(app, policy=policy, rules=[("/public/*", anyone)])
    assert cors_headers(app, "/public/x") == {"access-control-allow-origin": "*"}
    assert shared_with(app, "/") == [ALLOWED]
    assert preflight(app, "/")[0] == 204
    with pytest.raises(TypeError, match="either a policy or options, not both: origins"):
        CORS(make_app("/"), policy=policy, origins="*")


def test_only_flask_applications_and_blueprints_have_the_extension() -> None:
    with pytest.raises(TypeError, match="a Flask application or a blueprint, not str"):
        CORS("app")  # type: ignore[arg-type]


def test_a_second_call_is_a_warning_and_decides_where_both_say_something(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = make_app("/", "/api/x")
    CORS(app)
    CORS(app, resources={"/api/*": {"origins": ALLOWED}})
    assert "CORS(app) was called before" in caplog.text
    assert shared_with(app, "/api/x") == [ALLOWED]
    assert shared_with(app, "/") == [ALLOWED, SECOND, OTHER]


@pytest.mark.parametrize("last", ["origins", "policy"])
def test_options_and_a_policy_decide_in_the_order_in_which_they_are_said(last: str) -> None:
    app = flask.Flask("notes")
    app.add_url_rule("/notes", "notes", lambda: "")
    said: dict[str, dict[str, Any]] = {
        "origins": {"origins": ["https://origins.example"]},
        "policy": {"policy": corsac.CORSPolicy(allow_origins=["https://policy.example"])},
    }
    for name in sorted(said, key=lambda name: name == last):
        CORS(app, **said[name])
    allowed = [
        name
        for name in said
        if "Access-Control-Allow-Origin"
        in app.test_client().get("/notes", headers={"Origin": f"https://{name}.example"}).headers
    ]
    assert allowed == [last]


def test_flask_cors_beside_it_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    app = make_app("/")

    def after_request(response: flask.Response) -> flask.Response:
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    after_request.__module__ = "flask_cors.extension"
    app.after_request(after_request)
    CORS(app, origins=ALLOWED)
    assert shared_with(app, "/") == [ALLOWED, SECOND, OTHER]
    assert "flask_cors.CORS is there as well" in caplog.text


def test_routes_that_come_after_the_extension_are_known() -> None:
    app = flask.Flask("tested")
    CORS(app, origins=ALLOWED)
    app.add_url_rule("/own", "own", cross_origin(origins=SECOND)(lambda: "own"))
    assert shared_with(app, "/own") == [SECOND]


def test_routes_that_are_added_to_the_map_of_a_running_application_are_known() -> None:
    app = make_app("/")
    CORS(app, origins=ALLOWED)
    assert shared_with(app, "/") == [ALLOWED]
    app.view_functions["own"] = cross_origin(origins=SECOND)(lambda: "own")
    app.url_map.add(app.url_rule_class("/own", endpoint="own", methods=["GET", "OPTIONS"]))
    assert shared_with(app, "/own") == [SECOND]


def test_without_decorated_views_a_request_meets_no_python_of_the_extension(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decorations, "exist", False)  # Those of other tests.
    app = make_app("/")
    CORS(app, origins=ALLOWED)
    middleware = app.wsgi_app
    assert type(middleware) is not FlaskMiddleware  # It has the routes to read.
    assert shared_with(app, "/") == [ALLOWED]
    assert app.wsgi_app is middleware
    assert type(middleware) is FlaskMiddleware
    assert "__call__" not in FlaskMiddleware.__dict__
    assert "__call__" not in corsac.wsgi.CORSMiddleware.__dict__


def test_the_routes_are_read_once_however_many_threads_begin() -> None:
    app = flask.Flask("tested")
    CORS(app, origins=ALLOWED)
    app.add_url_rule("/own/<name>", "own", cross_origin(origins=SECOND)(lambda name: name))
    middleware = app.wsgi_app
    assert isinstance(middleware, FlaskMiddleware)
    start = threading.Barrier(8)
    found: list[list[str]] = []

    def ask() -> None:
        start.wait()
        found.append(shared_with(app, "/own/x"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[SECOND]] * 8
    assert sum(middleware.counters().values()) == 24


def test_the_counters_count_requests_of_every_route() -> None:
    app = make_app("/")
    CORS(app, origins=ALLOWED)
    app.add_url_rule("/own/<name>", "own", cross_origin(origins=SECOND)(lambda name: name))
    middleware = app.wsgi_app
    assert isinstance(middleware, FlaskMiddleware)
    cors_headers(app, "/")
    cors_headers(app, "/own/x")
    preflight(app, "/own/x", origin=SECOND)
    counted = {name: count for name, count in middleware.counters().items() if count}
    assert counted == {"actual_allowed": 1, "actual_refused": 1, "preflight_allowed": 1}


def test_a_middleware_around_the_extension_stays_there() -> None:
    app = make_app("/")
    CORS(app, origins=ALLOWED)
    inner = app.wsgi_app
    called = []

    def outer(environ, start_response):  # type: ignore[no-untyped-def]
        called.append(environ["PATH_INFO"])
        return inner(environ, start_response)

    app.wsgi_app = outer  # type: ignore[method-assign]
    CORS(app, resources={"/": {"origins": SECOND}})
    assert shared_with(app, "/") == [SECOND]
    assert called


def test_installing_twice_is_installing_once() -> None:
    app = make_app("/")
    assert install(app) is install(app)
    assert cors_headers(app, "/") == {}


def test_preparing_an_application_reports_what_a_request_would_only_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = make_app("/")
    app.add_url_rule("/own", "own", cross_origin(supports_credentials=True)(lambda: "own"))
    with pytest.raises(corsac.CORSConfigError, match="cross_origin on <lambda>: origins"):
        install(app).prepare()
    assert cors_headers(app, "/own") == {"vary": "Origin"}
    assert cors_headers(app, "/") == {}
    assert any(record.levelno == logging.ERROR for record in caplog.records)


def test_a_blueprint_has_a_policy_of_its_own() -> None:
    app = make_app("/")
    blueprint = flask.Blueprint("api", "tested")
    CORS(blueprint, origins=ALLOWED)
    blueprint.add_url_rule("/list", "list", lambda: "list")
    blueprint.add_url_rule("/item/<int:number>", "item", lambda number: f"{number}")
    app.register_blueprint(blueprint, url_prefix="/api")
    assert shared_with(app, "/api/list") == [ALLOWED]
    assert shared_with(app, "/api/item/7") == [ALLOWED]
    assert preflight(app, "/api/item/7")[0] == 200
    assert cors_headers(app, "/api/item/x") == {}  # No route, so it is not the blueprint's.
    assert cors_headers(app, "/") == {}


def test_a_blueprint_goes_before_the_application_where_its_resources_match() -> None:
    app = make_app("/")
    CORS(app, origins=ALLOWED)
    blueprint = flask.Blueprint("api", "tested")
    CORS(resources={"/v1/*": {"origins": SECOND}}).init_app(blueprint)
    for path in ("/v1/list", "/v2/list", "/v1/<name>/x", "/v2/<name>"):
        blueprint.add_url_rule(path, path, lambda **_: "x")
    blueprint.add_url_rule("/<version>/any/<name>", "any", lambda **_: "x")
    app.register_blueprint(blueprint)
    assert shared_with(app, "/v1/list") == [SECOND]
    assert shared_with(app, "/v2/list") == [ALLOWED]
    assert shared_with(app, "/v1/name/x") == [SECOND]
    assert shared_with(app, "/v2/name") == [ALLOWED]
    assert shared_with(app, "/v1/any/name") == [SECOND]
    assert shared_with(app, "/v2/any/name") == [ALLOWED]


def test_a_nested_blueprint_that_is_registered_under_two_names_keeps_its_policy() -> None:
    app = flask.Flask("tested")
    outer, inner = flask.Blueprint("outer", "tested"), flask.Blueprint("inner", "tested")
    CORS(inner, policy=corsac.CORSPolicy(allow_origins=[ALLOWED]))
    CORS(outer, origins=SECOND)
    inner.add_url_rule("/x", "x", lambda: "x")
    outer.add_url_rule("/y", "y", lambda: "y")
    outer.register_blueprint(inner, url_prefix="/inner")
    app.register_blueprint(outer, url_prefix="/one")
    app.register_blueprint(outer, url_prefix="/two", name="again")
    for prefix in ("/one", "/two"):
        assert shared_with(app, f"{prefix}/inner/x") == [ALLOWED]
        assert shared_with(app, f"{prefix}/y") == [SECOND]


def test_routes_of_hosts_are_told_apart_by_host() -> None:
    app = flask.Flask("tested", host_matching=True, static_host="static.example")
    app.add_url_rule("/", "a", cross_origin(origins=ALLOWED)(lambda: "a"), host="a.example")
    app.add_url_rule("/", "b", cross_origin(origins=SECOND)(lambda: "b"), host="b.example")
    CORS(app, origins=OTHER)
    for host, origin in (("a.example", ALLOWED), ("b.example", SECOND), ("c.example", OTHER)):
        headers = cors_headers(app, "/", origin=origin, headers={"Host": host})
        assert headers["access-control-allow-origin"] == origin


def test_without_flask_the_import_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("corsac.flask")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "flask", None)
    with pytest.raises(ImportError, match=r"pip install 'corsac\[flask\]'"):
        import corsac.flask  # noqa: F401, PLC0415


@pytest.mark.parametrize("path", ["/private/x", "//private/x", "///private/x"])
def test_several_slashes_at_the_beginning_escape_no_rule(path: str) -> None:
    app = flask.Flask(__name__)
    app.add_url_rule("/private/x", view_func=lambda: "secret")
    resources = {"/private/*": {"origins": ["https://trusted.example"]}, "/*": {"origins": "*"}}
    CORS(app, resources=resources)
    headers: dict[str, str] = {}

    def start_response(status: str, lines: list[tuple[str, str]], exc_info: Any = None) -> Any:
        headers.update((name.lower(), value) for name, value in lines)
        headers[":status"] = status

    environ = EnvironBuilder(headers=[("Origin", "https://evil.example")]).get_environ()
    environ["PATH_INFO"] = path
    assert b"".join(app.wsgi_app(environ, start_response)) == b"secret"
    assert headers[":status"] == "200 OK"
    assert "access-control-allow-origin" not in headers
