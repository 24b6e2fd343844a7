"""Requests that come past the middleware of a Flask application, or by a path that is moved."""

from __future__ import annotations

import gc
import io
import logging
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import flask
import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client, create_environ
from werkzeug.wsgi import FileWrapper

import corsac
from corsac import _core
from corsac.flask import CORS, cross_origin, install
from corsac.flask.decoration import decorations
from support.flask_apps import ALLOWED, OTHER, SECOND, make_app

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

PLAIN = {"content-type": "text/html; charset=utf-8", "content-length": "5"}
VARY = {"vary": "Origin"}


def ask(
    served: WSGIApplication,
    path: str,
    origin: str | None = ALLOWED,
    method: str = "GET",
    **more: Any,
) -> tuple[int, dict[str, str]]:
    """The status of an answer and all of its headers."""
    headers = {} if origin is None else {"Origin": origin}
    response = Client(served).open(path, method=method, headers={**headers, **more})
    names = [name.lower() for name, _ in response.headers]
    assert len(set(names)) == len(names), f"a header stands there twice: {names}"
    return response.status_code, {
        n: value for n, (_, value) in zip(names, response.headers, strict=True)
    }


def ask_preflight(
    served: WSGIApplication, path: str, origin: str = ALLOWED, method: str = "PUT"
) -> tuple[int, str | None]:
    """The status of the answer to a preflight request, and whom it allows."""
    asked = {"Access-Control-Request-Method": method}
    status, headers = ask(served, path, origin, "OPTIONS", **asked)
    return status, headers.get("access-control-allow-origin")


def allowed(origin: str) -> dict[str, str]:
    return {"access-control-allow-origin": origin}


def noted(ran: list[str]) -> str:
    ran.append("view")
    return "hello"


def fail() -> str:
    raise LookupError


def taken_before(app: flask.Flask) -> WSGIApplication:
    return DispatcherMiddleware(app.wsgi_app, {})


# Past the middleware.


@pytest.mark.parametrize("take", [taken_before, lambda app: app.wsgi_app])
def test_what_was_taken_of_an_application_before_the_extension_has_its_policy(
    take: Callable[[flask.Flask], WSGIApplication], caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app("/")
    served = take(app)
    CORS(app, origins=ALLOWED)
    with caplog.at_level(logging.WARNING, "corsac"):
        for _ in range(2):
            assert ask(served, "/") == (200, {**PLAIN, **VARY, **allowed(ALLOWED)})
            assert ask(served, "/", None) == (200, {**PLAIN, **VARY})
            assert ask_preflight(served, "/") == (200, ALLOWED)
            assert ask_preflight(served, "/", OTHER) == (403, None)
            assert ask(app, "/") == (200, {**PLAIN, **VARY, **allowed(ALLOWED)})
    told = [r.getMessage() for r in caplog.records if "option.misplaced" in r.getMessage()]
    assert len(told) == 1
    assert "take app.wsgi_app after CORS(app)" in told[0]
    counters = install(app).counters()
    assert counters["actual_allowed"] == 4
    assert counters["preflight_allowed"] == counters["preflight_refused"] == 2


def test_past_the_middleware_the_guard_refuses_before_the_view_runs() -> None:
    app = make_app()
    ran: list[str] = []
    app.add_url_rule("/", "view", lambda: noted(ran), methods=["POST"])
    served = app.wsgi_app
    CORS(app, origins=ALLOWED, guard=True)
    assert ask(served, "/", OTHER, "POST")[0] == 403
    assert not ran
    assert ask(served, "/", ALLOWED, "POST")[0] == 200
    assert ran


def test_past_the_middleware_every_error_has_the_headers_and_is_told_once() -> None:
    app = make_app()
    app.add_url_rule("/fails", "fails", fail)
    app.add_url_rule("/aborts", "aborts", lambda: flask.abort(418))
    torn_down: list[object] = []
    app.teardown_request(lambda error: torn_down.append(type(error)))
    served = app.wsgi_app
    told: list[corsac.Refusal] = []
    CORS(app, origins=ALLOWED, on_refusal=told.append)
    for path, status in (("/fails", 500), ("/aborts", 418), ("/missing", 404)):
        found, headers = ask(served, path)
        assert (found, headers["access-control-allow-origin"]) == (status, ALLOWED)
        assert headers["vary"] == "Origin"
        found, headers = ask(served, path, OTHER)
        assert (found, "access-control-allow-origin" in headers) == (status, False)
    assert len(told) == 3
    assert torn_down[:2] == [LookupError, LookupError]  # Flask itself met the error.
    assert install(app).counters()["actual_allowed"] == 3


def test_past_the_middleware_views_have_their_own_policies() -> None:
    app = make_app("/api/x")
    app.add_url_rule("/own", "own", cross_origin(origins=SECOND)(lambda: "hello"))
    app.add_url_rule("/own/<name>", "name", cross_origin(origins=SECOND)(lambda name: "hello"))
    served = app.wsgi_app
    CORS(app, resources={"/api/*": {"origins": ALLOWED}})
    for _ in range(2):
        assert ask(served, "/api/x") == (200, {**PLAIN, **VARY, **allowed(ALLOWED)})
        for path in ("/own", "/own/x"):
            assert ask(served, path) == (200, {**PLAIN, **VARY})
            assert ask(served, path, SECOND) == (200, {**PLAIN, **VARY, **allowed(SECOND)})
            assert ask_preflight(served, path, SECOND) == (200, SECOND)
            assert ask_preflight(served, path, ALLOWED) == (403, None)


def test_past_the_middleware_a_view_that_fails_keeps_the_policy_of_its_decorator() -> None:
    app = make_app()

    decorated = cross_origin(origins=ALLOWED)(fail)
    app.add_url_rule("/", "hidden", lambda: decorated())  # noqa: PLW0108 - it hides the decorator
    served = app.wsgi_app
    CORS(app, origins="*")
    status, headers = ask(served, "/", OTHER)
    assert (status, "access-control-allow-origin" in headers) == (500, False)


def test_past_the_middleware_bodies_are_streamed_and_closed() -> None:
    app = flask.Flask("tested")
    seen: list[str] = []

    def body() -> Iterable[str]:
        try:
            yield "one"
            seen.append("went on")
            yield "two"
        finally:
            seen.append("closed")

    app.add_url_rule("/", "view", lambda: flask.Response(body()))
    served = app.wsgi_app
    CORS(app)
    response = Client(served).get("/", buffered=False)
    chunks = response.iter_encoded()
    assert next(iter(chunks)) == b"one"
    assert not seen
    response.close()
    assert seen == ["closed"]


def test_middleware_that_is_put_back_leaves_the_application_its_policy() -> None:
    app = make_app("/")
    before = app.wsgi_app
    CORS(app, origins=ALLOWED)
    app.wsgi_app = before  # type: ignore[method-assign]
    assert ask(app, "/") == (200, {**PLAIN, **VARY, **allowed(ALLOWED)})
    assert ask(app, "/", OTHER) == (200, {**PLAIN, **VARY})


def test_a_context_of_a_test_is_no_request_that_came_past(caplog: pytest.LogCaptureFixture) -> None:
    app = make_app("/")
    CORS(app, origins=ALLOWED)
    with app.test_request_context("/"):
        assert flask.url_for("/") == "/"
    assert ask(app, "/") == (200, {**PLAIN, **VARY, **allowed(ALLOWED)})
    assert not caplog.records


def test_no_request_that_was_judged_runs_python_of_corsac(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decorations, "exist", False)  # Other tests decorate views.
    app = make_app("/")
    CORS(app, origins=ALLOWED)
    ask(app, "/")
    ran = []

    def note(frame: Any, event: str, _: object) -> None:
        if event == "call" and "corsac" in frame.f_globals.get("__name__", ""):
            ran.append(frame.f_code.co_qualname)

    sys.setprofile(note)
    try:
        found = ask(app, "/")
    finally:
        sys.setprofile(None)
    assert found == (200, {**PLAIN, **VARY, **allowed(ALLOWED)})
    assert not ran


# By another path.


class ReverseProxied:
    """What many projects have from an old recipe: the prefix of a proxy, off the path."""

    def __init__(self, app: WSGIApplication, *, copies: bool = False) -> None:
        self.app = app
        self.copies = copies

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self.copies:
            environ = dict(environ)
        if environ["PATH_INFO"].startswith("/sub"):
            environ["SCRIPT_NAME"] = "/sub"
            environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix("/sub")
        return self.app(environ, start_response)


RESOURCES = {"/admin/*": {"origins": ALLOWED}, "/*": {"origins": "*"}}


@pytest.mark.parametrize("copies", [False, True])
def test_a_path_that_is_moved_inside_has_the_policy_of_the_path_that_routes_see(
    copies: bool,
) -> None:
    app = make_app("/admin/x", "/x")
    app.wsgi_app = ReverseProxied(app.wsgi_app, copies=copies)  # type: ignore[method-assign]
    CORS(app, resources=RESOURCES)
    for prefix in ("/sub", ""):
        assert ask(app, f"{prefix}/admin/x", OTHER) == (200, {**PLAIN, **VARY})
        assert ask(app, f"{prefix}/admin/x") == (200, {**PLAIN, **VARY, **allowed(ALLOWED)})
        assert ask_preflight(app, f"{prefix}/admin/x", OTHER) == (403, None)
        assert ask_preflight(app, f"{prefix}/admin/x") == (200, ALLOWED)
        assert ask(app, f"{prefix}/x", OTHER) == (200, {**PLAIN, **allowed("*")})
        assert ask_preflight(app, f"{prefix}/x", OTHER) == (200, "*")


@pytest.mark.parametrize("wrap", ["subclass", "proxy", "mounted", "server"])
def test_every_way_to_a_prefix_has_the_policy_of_the_path_that_routes_see(wrap: str) -> None:
    class Prefixed(flask.Flask):
        def wsgi_app(self, environ: Any, start_response: Any) -> Any:
            if wrap == "subclass":
                environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix("/sub")
            return super().wsgi_app(environ, start_response)

    app = Prefixed("tested")
    app.config["APPLICATION_ROOT"] = "/sub"
    app.add_url_rule("/admin/x", "x", lambda: "hello")
    if wrap == "proxy":
        app.wsgi_app = ProxyFix(app.wsgi_app, x_prefix=1)  # type: ignore[method-assign]
    CORS(app, resources=RESOURCES)
    served: WSGIApplication = app
    more = {}
    path = "/sub/admin/x"
    if wrap == "mounted":
        served = DispatcherMiddleware(flask.Flask("root"), {"/sub": app})
    if wrap in ("proxy", "server"):
        path = "/admin/x"
        more = {"X-Forwarded-Prefix": "/sub"}
    assert ask(served, path, OTHER, **more) == (200, {**PLAIN, **VARY})
    assert ask(served, path, **more) == (200, {**PLAIN, **VARY, **allowed(ALLOWED)})


def test_a_host_that_is_moved_inside_has_the_policy_of_the_route_that_is_seen() -> None:
    app = flask.Flask("tested", host_matching=True, static_host="static.example")
    view = cross_origin(origins=ALLOWED)(lambda name: "hello")
    app.add_url_rule("/<name>", "own", view, host="own.example")
    app.add_url_rule("/<name>", "free", lambda name: "hello", host="free.example")
    app.wsgi_app = ProxyFix(app.wsgi_app, x_host=1)  # type: ignore[method-assign]
    CORS(app, origins="*")
    moved = {"Host": "free.example", "X-Forwarded-Host": "own.example"}
    assert ask(app, "/x", OTHER, **moved) == (200, {**PLAIN, **VARY})
    assert ask(app, "/x", OTHER, Host="free.example") == (200, {**PLAIN, **allowed("*")})


def test_the_guard_judges_by_the_path_that_was_asked_for_and_by_that_which_is_seen() -> None:
    app = make_app()
    ran: list[str] = []

    def inner(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        ran.append(environ["PATH_INFO"])
        if environ["PATH_INFO"] == "/open/x":
            environ["PATH_INFO"] = "/admin/x"
        return before(environ, start_response)

    before = app.wsgi_app
    app.add_url_rule("/admin/x", "x", lambda: noted(ran), methods=["POST"])
    app.wsgi_app = inner  # type: ignore[method-assign]
    CORS(
        app,
        resources={
            "/admin/*": {"origins": ALLOWED, "guard": True},
            "/open/*": {"origins": SECOND},
        },
    )
    assert ask(app, "/admin/x", OTHER, "POST")[0] == 403
    assert not ran
    assert ask(app, "/open/x", OTHER, "POST")[0] == 403
    assert ran == ["/open/x"]
    assert ask(app, "/open/x", ALLOWED, "POST")[0] == 200
    assert ran[-1] == "view"


def answering(app: WSGIApplication) -> WSGIApplication:
    """Middleware that answers some paths by itself, as for files or signing in."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].endswith("/mine"):
            start_response("401 Unauthorized", [("content-length", "2")])
            return [b"no"]
        return app(environ, start_response)

    return answer


def test_what_middleware_inside_answers_is_left_alone_as_in_flask_cors() -> None:
    app = make_app("/x")
    app.wsgi_app = answering(app.wsgi_app)  # type: ignore[method-assign, assignment]
    CORS(app, origins="*")
    assert ask(app, "/mine") == (401, {"content-length": "2"})
    assert ask_preflight(app, "/mine") == (401, None)
    assert ask(app, "/x") == (200, {**PLAIN, **allowed("*")})


def test_what_middleware_inside_answers_has_the_policy_of_the_path_that_was_asked_for() -> None:
    app = make_app("/x")
    app.wsgi_app = answering(app.wsgi_app)  # type: ignore[method-assign, assignment]
    CORS(app, policy=corsac.CORSPolicy(allow_origins=[ALLOWED]), rules=[("/open/*", None)])
    assert ask(app, "/mine") == (401, {"content-length": "2", **VARY, **allowed(ALLOWED)})
    assert ask(app, "/mine", OTHER) == (401, {"content-length": "2", **VARY})
    assert ask_preflight(app, "/mine") == (204, ALLOWED)
    assert ask_preflight(app, "/mine", OTHER) == (403, None)
    assert ask(app, "/open/mine") == (401, {"content-length": "2"})
    assert ask_preflight(app, "/open/mine") == (401, None)
    assert ask(app, "/x") == (200, {**PLAIN, **VARY, **allowed(ALLOWED)})


def test_an_application_inside_of_another_keeps_its_policy() -> None:
    inner = make_app("/x")
    CORS(inner, origins=ALLOWED)
    app = make_app("/x")
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/in": inner})  # type: ignore[method-assign]
    CORS(app, origins="*")
    assert ask(app, "/in/x", OTHER) == (200, {**PLAIN, **VARY})
    assert ask(app, "/in/x") == (200, {**PLAIN, **VARY, **allowed(ALLOWED)})
    assert ask_preflight(app, "/in/x", OTHER) == (403, None)
    assert ask(app, "/x", OTHER) == (200, {**PLAIN, **allowed("*")})


# The native half.


def test_a_switch_marks_what_it_hands_on_and_knows_it_again() -> None:
    mark = object()
    first = _core.EnvironSwitch(
        "key", mark, lambda *a, **k: ("then", a, k), lambda *a: ("otherwise", *a), marks=True
    )
    second = _core.EnvironSwitch("key", mark, lambda _: "known", lambda _: "unknown", marks=False)
    environ: dict[str, object] = {}
    assert second(environ) == "unknown"
    assert first(environ, 1, x=2) == ("then", (environ, 1), {"x": 2})
    assert environ == {"key": mark}
    assert second(environ) == "known"
    assert first(environ, 1) == ("otherwise", environ, 1)
    assert second({"key": None}) == "unknown"
    assert second([]) == "unknown"
    with pytest.raises(ZeroDivisionError):
        _core.EnvironSwitch("key", mark, lambda _: 1 / 0, lambda _: 0, marks=True)({})


def test_a_switch_cannot_be_half_made_and_goes_with_its_cycle() -> None:
    with pytest.raises(TypeError):
        _core.EnvironSwitch.__new__(_core.EnvironSwitch)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        _core.EnvironSwitch(1, None, None, None, marks=True)  # type: ignore[arg-type]
    before = [each for each in gc.get_objects() if type(each) is _core.EnvironSwitch]
    app = make_app("/")
    CORS(app)
    assert ask(app, "/")[0] == 200
    del app
    gc.collect()
    after = [each for each in gc.get_objects() if type(each) is _core.EnvironSwitch]
    assert len(after) <= len(before)


def test_switches_around_each_other_end_in_an_error_not_in_a_crash() -> None:
    around: Any = lambda environ: "app"  # noqa: E731
    for number in range(100_000):
        around = _core.EnvironSwitch(str(number), None, around, around, marks=False)
    with pytest.raises(RecursionError):
        around({})


def test_a_file_is_left_to_the_server_where_other_middleware_stands_inside() -> None:
    app = flask.Flask("app")

    @app.get("/")
    def view() -> flask.Response:
        return flask.send_file(io.BytesIO(b"hello"), "text/plain", conditional=False)

    app.wsgi_app = ProxyFix(DispatcherMiddleware(app.wsgi_app, {}))  # type: ignore[method-assign]
    CORS(app, origins=[ALLOWED])
    environ = create_environ("/", headers={"Origin": ALLOWED})
    environ["wsgi.file_wrapper"] = FileWrapper
    started: list[Any] = []

    def start_response(*given: Any) -> Any:
        started.append(given)

    body: Any = app(environ, start_response)
    ((status, headers),) = started
    assert (status, dict(headers)) == (
        "200 OK",
        {
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Length": "5",
            "Cache-Control": "no-cache",
            "access-control-allow-origin": ALLOWED,
            "vary": "Origin",
        },
    )
    assert isinstance(body, FileWrapper)
    body.close()
