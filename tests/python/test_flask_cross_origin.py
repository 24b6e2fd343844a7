"""`corsac.flask.cross_origin`: views with a policy of their own, and their preflight requests."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any

import flask
import pytest
from flask.views import MethodView

import corsac
from corsac.flask import CORS, FlaskMiddleware, cross_origin, install
from support.flask_apps import (
    ALLOWED,
    OTHER,
    SECOND,
    cors_headers,
    make_app,
    preflight,
    shared_with,
)


def view(**_: object) -> str:
    return "view"


def test_a_decorated_view_needs_no_extension() -> None:
    app = make_app("/other")
    app.add_url_rule("/", "view", cross_origin(origins=ALLOWED)(view), methods=["GET", "PUT"])
    for _ in range(2):  # The first request puts the middleware there, and is answered all the same.
        assert cors_headers(app, "/") == {"access-control-allow-origin": ALLOWED, "vary": "Origin"}
        assert cors_headers(app, "/", origin=OTHER) == {"vary": "Origin"}
    assert isinstance(app.wsgi_app, FlaskMiddleware)
    assert cors_headers(app, "/other") == {}


def test_the_very_first_request_may_be_a_preflight_request() -> None:
    called = []
    app = flask.Flask("tested")

    @app.route("/", methods=["GET", "PUT"])
    @cross_origin(origins=ALLOWED, methods=["PUT"], allow_headers=["X-Token"])
    def own() -> str:
        called.append(flask.request.method)
        return "own"

    expected = {
        "access-control-allow-origin": ALLOWED,
        "access-control-allow-methods": "PUT",
        "access-control-allow-headers": "X-Token",
    }
    assert preflight(app, "/") == (200, expected)
    assert preflight(app, "/") == (200, expected)
    assert not called


def test_options_that_is_no_preflight_request_is_answered_by_flask() -> None:
    app = flask.Flask("tested")
    app.add_url_rule("/", "view", cross_origin(origins=ALLOWED)(view), methods=["GET", "PUT"])
    for _ in range(2):
        response = app.test_client().options("/", headers={"Origin": ALLOWED})
        assert response.status_code == 200
        assert {"GET", "PUT", "OPTIONS"} <= set(response.allow)
        assert response.headers["Access-Control-Allow-Origin"] == ALLOWED


def test_a_decorated_view_goes_before_the_application() -> None:
    app = make_app("/api/other")
    CORS(app, origins=ALLOWED, expose_headers="X-Total")
    app.add_url_rule("/api/own", "own", cross_origin(origins=SECOND)(view))
    assert shared_with(app, "/api/own") == [SECOND]
    assert "access-control-expose-headers" not in cors_headers(app, "/api/own", origin=SECOND)
    assert shared_with(app, "/api/other") == [ALLOWED]


@pytest.mark.parametrize(
    ("rule", "inside", "outside"),
    [
        ("/user/<int:number>", "/user/7", "/user/seven"),
        ("/user/<name>/posts", "/user/x/posts", "/user/x/likes"),
        ("/files/<path:name>", "/files/a/b.txt", "/files/"),
        ("/<page>", "/any", "/any/more"),
        ("/é/<name>", "/é/x", "/e/x"),
        ("/100%41/x", "/100%2541/x", "/100A/x"),
        ("/a*b/x", "/a*b/x", "/ab/x"),
    ],
)
def test_a_route_that_no_path_rule_can_say_has_its_policy(
    rule: str, inside: str, outside: str
) -> None:
    app = flask.Flask("tested")
    CORS(app, origins=ALLOWED)
    app.add_url_rule(rule, "own", cross_origin(origins=SECOND)(view), methods=["GET", "PUT"])
    assert shared_with(app, inside) == [SECOND]
    assert preflight(app, inside, origin=SECOND)[0] == 200
    assert preflight(app, inside, origin=ALLOWED)[0] == 403
    assert shared_with(app, outside) == [ALLOWED]


def test_a_route_with_variable_parts_does_not_speak_for_its_neighbours() -> None:
    app = make_app("/user/list", "/user/<int:number>/private")
    app.add_url_rule("/user/<int:number>", "own", cross_origin(origins=ALLOWED)(view))
    install(app)
    assert shared_with(app, "/user/7") == [ALLOWED]
    assert cors_headers(app, "/user/list") == {}
    assert cors_headers(app, "/user/7/private") == {}


def test_an_escaped_path_is_decoded_once_as_flask_does() -> None:
    app = make_app("/api/%70ublic")
    app.add_url_rule("/api/public", "own", cross_origin()(view))
    install(app)
    assert shared_with(app, "/api/%70ublic") == [ALLOWED, SECOND, OTHER]
    assert cors_headers(app, "/api/%2570ublic") == {}


def test_views_of_one_path_are_told_apart_by_method() -> None:
    app = flask.Flask("tested")
    CORS(app, origins=OTHER)
    app.add_url_rule("/x", "get", cross_origin(origins=ALLOWED)(view), methods=["GET"])
    app.add_url_rule("/x", "put", cross_origin(origins=SECOND)(view), methods=["PUT"])
    app.add_url_rule("/x", "delete", view, methods=["DELETE"])
    assert shared_with(app, "/x") == [ALLOWED]
    assert shared_with(app, "/x", method="PUT") == [SECOND]
    assert shared_with(app, "/x", method="DELETE") == [OTHER]
    for method, origin in (("GET", ALLOWED), ("PUT", SECOND), ("DELETE", OTHER)):
        for asked in (ALLOWED, SECOND, OTHER):
            status, _ = preflight(app, "/x", origin=asked, method=method)
            assert status == (200 if asked == origin else 403), (method, asked)


def test_a_preflight_request_for_a_method_without_a_view_has_the_policy_of_the_path() -> None:
    app = flask.Flask("tested")
    app.add_url_rule("/x/<name>", "own", cross_origin(origins=ALLOWED)(view))
    install(app)
    assert preflight(app, "/x/y", method="DELETE")[0] == 200
    assert preflight(app, "/x/y", method="DELETE", origin=OTHER)[0] == 403


def test_methods_of_a_class_based_view_may_be_decorated() -> None:
    class Notes(MethodView):
        @cross_origin(origins=ALLOWED)
        def get(self, name: str = "") -> str:
            return name

        def put(self, name: str = "") -> str:
            return name

    class Whole(MethodView):
        decorators = [cross_origin(origins=SECOND)]  # noqa: RUF012 - as Flask's manual has it

        def get(self) -> str:
            return ""

    app = flask.Flask("tested")
    app.add_url_rule("/notes/<name>", view_func=Notes.as_view("note"))
    app.add_url_rule("/notes", view_func=Notes.as_view("notes"))
    app.add_url_rule("/whole", view_func=Whole.as_view("whole"))
    CORS(app, origins=OTHER)
    for path in ("/notes", "/notes/x"):
        assert shared_with(app, path) == [ALLOWED]
        assert shared_with(app, path, method="HEAD") == [ALLOWED]
        assert shared_with(app, path, method="PUT") == [OTHER]
        assert preflight(app, path, method="GET")[0] == 200
        assert preflight(app, path, method="PUT")[0] == 403
    assert shared_with(app, "/whole") == [SECOND]
    assert preflight(app, "/whole", origin=SECOND)[0] == 200


def test_a_path_with_and_without_a_last_slash_is_one_route_if_flask_says_so() -> None:
    app = flask.Flask("tested")
    app.add_url_rule("/x/", "own", cross_origin(origins=ALLOWED)(view), strict_slashes=False)
    app.add_url_rule("/y/", "strict", cross_origin(origins=ALLOWED)(view))
    install(app)
    assert shared_with(app, "/x/") == shared_with(app, "/x") == [ALLOWED]
    assert shared_with(app, "/y/") == [ALLOWED]
    assert cors_headers(app, "/y") == {}  # A redirect, which is not the view's.


def test_a_decorator_above_takes_the_policy_with_it() -> None:
    def login_required(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def checked(*args: object, **kwargs: object) -> object:
            if "Authorization" not in flask.request.headers:
                flask.abort(401)
            return function(*args, **kwargs)

        return checked

    app = flask.Flask("tested")
    install(app)
    decorated = cross_origin(origins=ALLOWED, allow_headers=["authorization"])(view)
    app.add_url_rule("/", "view", login_required(decorated), methods=["GET", "PUT"])
    assert preflight(app, "/", names="authorization")[0] == 200
    assert shared_with(app, "/") == [ALLOWED]  # The 401 has the headers too.


def test_a_middleware_that_was_taken_away_leaves_the_view_its_policy() -> None:
    app = flask.Flask("tested")
    inner = app.wsgi_app
    app.add_url_rule("/", "view", cross_origin(origins=ALLOWED)(view))
    install(app)
    app.wsgi_app = inner  # type: ignore[method-assign]
    assert shared_with(app, "/") == [ALLOWED]


def test_a_view_may_answer_preflight_requests_itself() -> None:
    app = flask.Flask("tested")
    decorate = cross_origin(origins=ALLOWED, automatic_options=False)
    app.add_url_rule("/", "view", decorate(lambda: "own answer"), methods=["GET", "OPTIONS"])
    for _ in range(2):
        response = app.test_client().options(
            "/", headers={"Origin": ALLOWED, "Access-Control-Request-Method": "PUT"}
        )
        assert response.text == "own answer"
        assert response.headers["Access-Control-Allow-Origin"] == ALLOWED
        assert "PUT" in response.headers["Access-Control-Allow-Methods"]


def test_the_configuration_fills_in_what_the_decorator_does_not_say() -> None:
    decorated = cross_origin(supports_credentials=True)(view)
    for origin in (ALLOWED, SECOND):
        app = flask.Flask("tested")
        app.config["CORS_ORIGINS"] = [origin]
        app.add_url_rule("/", "view", decorated)
        assert shared_with(app, "/") == [origin]
        assert cors_headers(app, "/", origin=origin)["access-control-allow-credentials"] == "true"


def test_a_mistake_in_the_origins_is_an_error_when_the_module_is_imported() -> None:
    with pytest.raises(corsac.CORSConfigError, match="cross_origin on view: origins"):
        cross_origin(origins="*", supports_credentials=True)(view)
    with pytest.raises(corsac.CORSConfigError, match="write origins"):
        cross_origin(origin="*")(view)  # type: ignore[call-arg]


def test_options_have_names() -> None:
    with pytest.raises(TypeError, match="takes options by name"):
        cross_origin(ALLOWED)
    with pytest.raises(TypeError, match="either a policy or options, not both: max_age"):
        cross_origin(policy=corsac.CORSPolicy(allow_origins=[ALLOWED]), max_age=1)


@pytest.mark.parametrize("given", ["positional", "named"])
def test_a_policy_in_words_of_corsac_is_taken_as_it_is(given: str) -> None:
    policy = corsac.CORSPolicy(allow_origins=[ALLOWED], max_age=7)
    decorate = cross_origin(policy) if given == "positional" else cross_origin(policy=policy)
    app = flask.Flask("tested")
    app.add_url_rule("/", "view", decorate(view), methods=["PUT"])
    for _ in range(2):
        status, headers = preflight(app, "/")
        assert (status, headers["access-control-max-age"]) == (204, "7")


def test_streams_and_cookies_of_the_first_response_are_kept() -> None:
    app = flask.Flask("tested", static_folder=None)
    app.secret_key = "for the test"  # noqa: S105

    @app.get("/")
    @cross_origin(origins=ALLOWED)
    def stream() -> flask.Response:
        flask.session["seen"] = True
        response = flask.Response(iter(["one ", "two"]), headers={"X-Own": "1"})
        response.set_cookie("a", "1")
        response.set_cookie("b", "2")
        return response

    for _ in range(2):
        response = app.test_client().get("/", headers={"Origin": ALLOWED})
        assert response.text == "one two"
        assert response.headers["X-Own"] == "1"
        assert len(response.headers.getlist("Set-Cookie")) == 3


def test_asynchronous_views_may_be_decorated() -> None:
    pytest.importorskip("asgiref")

    @cross_origin(origins=ALLOWED)
    async def later() -> str:
        await asyncio.sleep(0)
        return "later"

    app = flask.Flask("tested")
    app.add_url_rule("/", "later", later)
    for _ in range(2):
        response = app.test_client().get("/", headers={"Origin": ALLOWED})
        assert response.text == "later"
        assert response.headers["Access-Control-Allow-Origin"] == ALLOWED
