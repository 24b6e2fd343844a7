"""`cross_origin` where the route does not show it: the view's policy decides, never a wider one."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import flask
import pytest
from flask.views import MethodView
from werkzeug.middleware.dispatcher import DispatcherMiddleware

import corsac
from corsac.flask import CORS, cross_origin, install
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

View = Callable[..., Any]


def view(**_: object) -> str:
    return "view"


def hiding(function: View) -> View:
    """A decorator without `functools.wraps`."""

    def other(**values: object) -> Any:
        return function(**values)

    return other


class HidingObject:
    """A decorator that is a class."""

    def __init__(self, function: View) -> None:
        self.function = function
        self.__name__ = "hiding_object"

    def __call__(self, **values: object) -> Any:
        return self.function(**values)


def hiding_partial(function: View) -> View:
    return functools.partial(lambda called, **values: called(**values), function)


STRICT = {"vary": "Origin"}


@pytest.mark.parametrize("hide", [hiding, HidingObject, hiding_partial])
@pytest.mark.parametrize("path", ["/x", "/x/<name>"])
@pytest.mark.parametrize("application", [{"origins": "*"}, {"resources": {"/x*": {}}}])
def test_a_wider_application_never_answers_for_a_hidden_decorator(
    hide: Callable[[View], View], path: str, application: dict[str, Any]
) -> None:
    app = make_app("/other")
    CORS(app, **application)
    app.add_url_rule(path, "own", hide(cross_origin(origins=ALLOWED)(view)), methods=["PUT"])
    asked = path.replace("<name>", "n")
    for _ in range(2):  # The first request finds the decorator; the next ones have its route.
        assert cors_headers(app, asked, origin=OTHER, method="PUT") == STRICT
        assert cors_headers(app, asked, origin=None, method="PUT") == STRICT
        assert shared_with(app, asked, method="PUT") == [ALLOWED]
        assert preflight(app, asked, origin=OTHER)[0] == 403
        assert preflight(app, asked, origin=ALLOWED)[0] == 200
    assert cors_headers(app, "/other", origin=OTHER).get("access-control-allow-origin") in {
        "*",
        None,
    }


def test_the_first_request_to_a_hidden_decorator_is_not_answered_by_the_wider_credentials() -> None:
    app = flask.Flask("tested")
    CORS(app, origins=[ALLOWED, OTHER], supports_credentials=True, expose_headers="X-Total")
    app.add_url_rule("/", "own", hiding(cross_origin(origins=ALLOWED)(view)))
    allowed = {"access-control-allow-origin": ALLOWED, "vary": "Origin"}
    assert cors_headers(app, "/") == allowed
    assert cors_headers(app, "/") == allowed


def test_a_hidden_decorator_that_another_route_shows_is_not_taken_for_known() -> None:
    app = flask.Flask("tested")
    CORS(app, origins="*")
    decorated = cross_origin(origins=ALLOWED)(view)
    app.add_url_rule("/shown", "shown", decorated)
    app.add_url_rule("/hidden", "hidden", hiding(decorated))
    for path in ("/shown", "/hidden", "/hidden"):
        assert cors_headers(app, path, origin=OTHER) == STRICT
        assert shared_with(app, path) == [ALLOWED]
    assert preflight(app, "/hidden", origin=OTHER)[0] == 403


def test_the_log_says_once_what_a_hidden_decorator_costs(caplog: pytest.LogCaptureFixture) -> None:
    app = flask.Flask("tested")
    CORS(app, origins="*")
    app.add_url_rule("/", "own", hiding(cross_origin(origins=ALLOWED)(view)))
    caplog.set_level(logging.WARNING, "corsac")
    for _ in range(3):
        assert shared_with(app, "/") == [ALLOWED]
    assert caplog.text.count("another decorator hides cross_origin") == 1
    assert "until the view has run once" in caplog.text


def test_a_hidden_decorator_without_an_application_policy_needs_no_extension() -> None:
    app = flask.Flask("tested")
    app.add_url_rule("/", "own", hiding(cross_origin(origins=ALLOWED)(view)), methods=["PUT"])
    assert shared_with(app, "/", method="PUT") == [ALLOWED]
    assert preflight(app, "/", origin=OTHER)[0] == 403
    assert preflight(app, "/")[0] == 200


def test_hidden_methods_of_a_class_speak_for_themselves() -> None:
    def hiding_method(method: View) -> View:
        def other(self: Any) -> Any:
            return method(self)

        return other

    class Notes(MethodView):
        @hiding_method
        @cross_origin(origins=ALLOWED)
        def get(self) -> str:
            return ""

        def put(self) -> str:
            return ""

    app = flask.Flask("tested")
    CORS(app, origins="*")
    app.add_url_rule("/", view_func=Notes.as_view("notes"))
    assert shared_with(app, "/") == [ALLOWED]
    assert shared_with(app, "/", method="PUT") == [ALLOWED, SECOND, OTHER]


def test_a_decorated_error_handler_speaks_for_its_responses_alone() -> None:
    app = flask.Flask("tested")
    CORS(app, origins=[ALLOWED])

    @app.get("/x")
    def missing() -> str:
        if "found" not in flask.request.args:
            flask.abort(404)
        return "found"

    app.register_error_handler(404, cross_origin(origins=SECOND)(lambda error: ("none", 404)))
    for path in ("/x", "/no-such-path", "/x"):
        assert shared_with(app, path) == [SECOND]
        assert shared_with(app, "/x?found") == [ALLOWED]
        assert preflight(app, path, origin=ALLOWED, method="GET")[0] == 200
        assert preflight(app, path, origin=SECOND, method="GET")[0] == 403


def test_a_view_that_calls_another_one_has_not_its_policy_from_then_on() -> None:
    app = flask.Flask("tested")
    CORS(app, origins=[ALLOWED])

    @app.get("/public")
    @cross_origin(origins=SECOND)
    def public() -> str:
        return "public"

    app.add_url_rule("/mixed", "mixed", mixed)
    flask_views.append(public)
    try:
        assert shared_with(app, "/mixed?public") == [SECOND]
        assert shared_with(app, "/mixed") == [ALLOWED]
        assert preflight(app, "/mixed", origin=SECOND, method="GET")[0] == 403
    finally:
        flask_views.clear()


flask_views: list[View] = []


def mixed() -> Any:
    return flask_views[0]() if "public" in flask.request.args else "secret"


def test_a_request_that_came_before_the_routes_were_read_again_has_the_policy_too() -> None:
    app = flask.Flask("tested")
    CORS(app, origins="*")
    asked: list[str] = []

    def meanwhile() -> str:
        if not asked:
            asked.append("another request")
            assert cors_headers(app, "/", origin=OTHER) == STRICT
            assert preflight(app, "/", origin=OTHER)[0] == 403
        return ""

    decorated = cross_origin(origins=ALLOWED)(view)

    def other() -> Any:
        meanwhile()
        return decorated()

    app.add_url_rule("/", "own", other)
    assert cors_headers(app, "/", origin=OTHER) == STRICT
    assert asked


def test_a_view_that_is_decorated_in_each_request_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = flask.Flask("tested")
    CORS(app, origins="*")

    @app.get("/")
    def own() -> Any:
        decorated = cross_origin(origins=ALLOWED)(view)
        return decorated()

    for _ in range(3):
        assert shared_with(app, "/") == [ALLOWED]
    assert caplog.text.count("hides cross_origin") == 1
    assert not install(app)._hidden


def test_two_hidden_decorators_of_one_route_answer_for_their_responses_alone() -> None:
    one = cross_origin(origins=ALLOWED)(view)
    two = cross_origin(origins=SECOND)(view)
    app = flask.Flask("tested")
    CORS(app, origins="*")
    app.add_url_rule("/", "own", lambda: two() if "two" in flask.request.args else one())
    for _ in range(2):
        assert shared_with(app, "/?two") == [SECOND]
        assert shared_with(app, "/") == [ALLOWED]
    assert preflight(app, "/", origin=ALLOWED)[0] == 403


def test_the_outermost_of_two_decorators_decides() -> None:
    app = flask.Flask("tested")
    CORS(app, origins="*")
    inner = hiding(cross_origin(origins=OTHER)(view))
    app.add_url_rule("/", "own", cross_origin(origins=ALLOWED)(inner))
    for _ in range(2):
        assert shared_with(app, "/") == [ALLOWED]


def test_a_view_that_is_imported_when_it_is_called_is_refused_until_its_policy_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decorations, "exist", False)
    app = flask.Flask("tested")
    CORS(app, origins="*")
    found: list[View] = []

    def lazy() -> Any:
        if not found:
            found.append(cross_origin(origins=ALLOWED)(view))
        return found[0]()

    app.add_url_rule("/", "lazy", lazy)
    app.add_url_rule("/other", "other", view)
    middleware = install(app)
    middleware.prepare()
    assert shared_with(app, "/other") == [ALLOWED, SECOND, OTHER]
    first = app.test_client().get("/", headers={"Origin": OTHER})
    assert (first.status_code, first.headers["Retry-After"]) == (503, "1")
    assert b"view\n" not in first.data
    for _ in range(2):
        assert cors_headers(app, "/", origin=OTHER) == STRICT
        assert shared_with(app, "/") == [ALLOWED]
    assert shared_with(app, "/other") == [ALLOWED, SECOND, OTHER]


def test_the_guard_of_a_hidden_decorator_refuses_before_the_view_runs() -> None:
    called = []

    def write(**_: object) -> str:
        called.append(flask.request.method)
        return ""

    app = flask.Flask("tested")
    CORS(app, origins="*")
    decorated = cross_origin(policy=corsac.CORSPolicy(allow_origins=[ALLOWED], guard=True))(write)
    app.add_url_rule("/", "own", hiding(decorated), methods=["POST"])
    for _ in range(2):
        response = app.test_client().post("/", headers={"Origin": OTHER})
        assert response.status_code == 403
        assert "Access-Control-Allow-Origin" not in response.headers
    assert not called
    assert shared_with(app, "/", method="POST") == [ALLOWED]


def test_a_middleware_inside_that_changes_the_path_does_not_open_a_view() -> None:
    app = flask.Flask("tested")
    flask_app = app.wsgi_app

    def rewriting(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix("/v1")
        return flask_app(environ, start_response)

    app.wsgi_app = rewriting  # type: ignore[method-assign]
    CORS(app, origins="*")
    app.add_url_rule("/own", "own", cross_origin(origins=ALLOWED)(view))
    for path in ("/own", "/v1/own", "/v1/own"):
        assert cors_headers(app, path, origin=OTHER) == STRICT
        assert shared_with(app, path) == [ALLOWED]


def test_a_decorated_view_of_an_application_inside_of_another_keeps_its_policy() -> None:
    inner = flask.Flask("inner")
    inner.add_url_rule("/own", "own", cross_origin(origins=ALLOWED)(view))
    app = flask.Flask("tested")
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/in": inner.wsgi_app})  # type: ignore[method-assign]
    CORS(app, origins="*")
    assert cors_headers(app, "/in/own", origin=OTHER) == STRICT
    assert shared_with(app, "/in/own") == [ALLOWED]


def moving(wsgi_app: Any) -> Any:
    """Middleware that takes the version off a path."""

    def moved(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix("/v1")
        return wsgi_app(environ, start_response)

    return moved


def test_a_view_that_is_reached_by_another_path_decides() -> None:
    app = make_app()
    app.wsgi_app = moving(app.wsgi_app)  # type: ignore[method-assign]
    CORS(app, origins="*")
    app.add_url_rule("/a", "a", cross_origin(origins=[ALLOWED])(view), methods=["GET", "PUT"])
    for path in ("/v1/a", "/a"):
        assert preflight(app, path, origin=OTHER)[0] == 403
        assert preflight(app, path)[1]["access-control-allow-origin"] == ALLOWED
        assert cors_headers(app, path, origin=OTHER) == STRICT
        assert cors_headers(app, path) == {"access-control-allow-origin": ALLOWED, **STRICT}


def test_a_refused_request_to_a_hidden_view_is_told_once() -> None:
    app = make_app()
    told: list[corsac.Refusal] = []
    CORS(app, origins=[SECOND], on_refusal=told.append)
    app.add_url_rule("/a", "a", hiding(cross_origin(origins=[ALLOWED])(view)))
    for _ in range(2):  # The second finds the policy of the view.
        assert cors_headers(app, "/a", origin=OTHER) == STRICT
    assert [(refusal.reason, refusal.origin, refusal.kind) for refusal in told] == [
        ("origin-not-allowed", OTHER, "actual"),
        ("origin-not-allowed", OTHER, "actual"),
    ]


def test_a_hidden_view_that_alone_refuses_is_told() -> None:
    app = make_app()
    told: list[corsac.Refusal] = []
    CORS(app, origins=[SECOND], on_refusal=told.append)
    app.add_url_rule("/a", "a", hiding(cross_origin(origins=[ALLOWED])(view)))
    assert cors_headers(app, "/a", origin=SECOND) == STRICT
    assert [refusal.origin for refusal in told] == [SECOND]
