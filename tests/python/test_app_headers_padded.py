"""CORS headers of the application whose names have blanks around them, which browsers read past."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import flask
import pytest
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import include, re_path
from django.views import View
from starlette.middleware.cors import CORSMiddleware as StarlettesMiddleware

import corsac
import corsac.wsgi
from corsac.compat import starlette as compat
from corsac.django import cors
from corsac.flask import CORS, cross_origin
from support.asgi import app_sending, scope_with
from support.django_project import CALLS
from support.exchange import (
    AppResponse,
    Exchange,
    Request,
    Response,
    asgi_exchange,
    run_asgi,
    run_wsgi,
    wsgi_environ,
)
from support.own_headers import CREDENTIALS, EXPOSE, ORIGIN, OTHER, OURS, TYPE, VARY

POLICY = corsac.CORSPolicy(allow_origins=[OURS])

PADDED = pytest.mark.parametrize("padded", ["{} ", " {}", "{}\t", "\t {} ", "{}\x0b"])
"""Names that every framework takes."""


def own_headers(padded: str, value: str = "*") -> dict[str, str]:
    """What a policy decides about on every response, with names as they are padded."""
    return {padded.format(name): value for name in (ORIGIN, CREDENTIALS, EXPOSE)}


def get(origin: str | None) -> Request:
    return Request("GET", [] if origin is None else [("Origin", origin)])


def decided(origin: str | None, *more: tuple[str, str]) -> dict[str, str]:
    """All headers of a response that the policy decided about."""
    allowed = [(ORIGIN, OURS)] if origin == OURS else []
    return dict([TYPE, VARY, *allowed, *more])


# Every protocol


@pytest.mark.parametrize("padded", ["{} ", " {}", "{}\t", "\x0b{}\x0c", "{}\x00", "\xa0{}\x85"])
@pytest.mark.parametrize("origin", [None, OURS, OTHER])
def test_a_name_with_what_servers_take_off_its_ends_is_that_header(
    exchange: Exchange, padded: str, origin: str | None
) -> None:
    app = AppResponse(headers=(TYPE, *own_headers(padded).items()))
    assert exchange(POLICY, get(origin), app).header_set == decided(origin)


def test_padded_names_that_are_kept_never_allow_several_origins(exchange: Exchange) -> None:
    app = AppResponse(headers=(TYPE, (ORIGIN, OTHER), (f"{ORIGIN} ", "*")))
    response = exchange(POLICY.replace(app_headers="keep"), get(OTHER), app)
    assert response.header_set == decided(OTHER)


def _over_asgi(own: tuple[str, str]) -> dict[str, str]:
    app = AppResponse(headers=(TYPE, own))
    return asgi_exchange(POLICY.replace(app_headers="keep"), get(OTHER), app).header_set


def _over_wsgi(own: tuple[str, str]) -> dict[str, str]:
    # Without the standard library's validator, which takes no such name.
    def app(_: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [TYPE, own])
        return []

    middleware = corsac.wsgi.CORSMiddleware(app, POLICY.replace(app_headers="keep"))
    return dict(run_wsgi(middleware, wsgi_environ(get(OTHER))).headers)


@PADDED
@pytest.mark.parametrize("response_of", [_over_asgi, _over_wsgi], ids=["asgi", "wsgi"])
def test_what_is_kept_under_a_padded_name_is_said(
    response_of: Callable[[tuple[str, str]], dict[str, str]],
    padded: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    own = (padded.format(ORIGIN), "*")
    assert response_of(own) == decided(OTHER, own)
    assert [line for line in caplog.messages if "layer inside" in line] == [
        f"CORS: a response for the refused origin '{OTHER}' on '/' carries "
        "Access-Control-Allow-Origin: '*': a layer inside allows it; "
        'app_headers="replace" removes them'
    ]


# Flask

Place = Callable[[flask.Flask, Mapping[str, str]], Callable[[], flask.Response]]


def _by_view(_: flask.Flask, own: Mapping[str, str]) -> Callable[[], flask.Response]:
    return lambda: _response(own)


def _after_request(app: flask.Flask, own: Mapping[str, str]) -> Callable[[], flask.Response]:
    @app.after_request
    def add(response: flask.Response) -> flask.Response:
        response.headers.extend(own)
        return response

    return lambda: _response({})


def _response(own: Mapping[str, str]) -> flask.Response:
    response = flask.Response("", headers=own)
    response.headers["Content-Type"] = TYPE[1]
    return response


PLACES = {"view": _by_view, "after_request": _after_request}


def _hidden(view: Callable[[], Any]) -> Callable[[], Any]:
    def hiding() -> Any:
        return view()

    return hiding


def _extension(app: flask.Flask, view: Callable[[], Any]) -> None:
    CORS(app, policy=POLICY)
    app.add_url_rule("/", "view", view)


def _drop_in(app: flask.Flask, view: Callable[[], Any]) -> None:
    CORS(app, origins=[OURS], always_send=False, app_headers="replace")
    app.add_url_rule("/", "view", view)


def _blueprint(app: flask.Flask, view: Callable[[], Any]) -> None:
    blueprint = flask.Blueprint("blueprint", "tested")
    blueprint.add_url_rule("/", "view", view)
    CORS(blueprint, policy=POLICY)
    app.register_blueprint(blueprint)


def _decorated(app: flask.Flask, view: Callable[[], Any]) -> None:
    CORS(app)
    app.add_url_rule("/", "view", cross_origin(POLICY)(view))


def _decorated_and_hidden(app: flask.Flask, view: Callable[[], Any]) -> None:
    CORS(app)
    app.add_url_rule("/", "view", _hidden(cross_origin(POLICY)(view)))


FLASK_WAYS = [_extension, _drop_in, _blueprint, _decorated, _decorated_and_hidden]


def flask_response(app: flask.Flask, origin: str | None) -> dict[str, str]:
    """All headers of a response, as the server is given them."""
    answer = run_wsgi(app, wsgi_environ(get(origin)))
    lines = [(name.lower(), value) for name, value in answer.headers]
    headers = Response(answer.code, lines, answer.body, app_called=True).header_set
    assert headers.pop("content-length") == "0"
    return headers


@PADDED
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("way", FLASK_WAYS, ids=lambda way: way.__name__[1:])
def test_in_flask_a_padded_name_is_that_header(
    way: Callable[[flask.Flask, Callable[[], Any]], None], place: Place, padded: str
) -> None:
    app = flask.Flask("tested")
    way(app, place(app, own_headers(padded)))
    for origin in (OTHER, OURS, None) * 2:  # Of a hidden decorator the first request tells.
        assert flask_response(app, origin) == decided(origin)


@PADDED
def test_in_flask_a_padded_name_is_that_header_where_only_a_decorator_has_a_policy(
    padded: str,
) -> None:
    app = flask.Flask("tested")
    view = _by_view(app, own_headers(padded))
    app.add_url_rule("/", "view", cross_origin(POLICY)(view))
    for origin in (OTHER, OURS, None):
        assert flask_response(app, origin) == decided(origin)


@pytest.mark.parametrize("padded", ["{}", "{} ", " {}", "{}\t"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("hide", [False, True])
@pytest.mark.parametrize("application", ["*", "https://admin.example.com"])
def test_the_drop_in_for_one_view_leaves_the_views_padded_headers_alone_to_a_refused_origin(
    application: str, hide: bool, place: str, padded: str
) -> None:
    app = flask.Flask("tested")
    CORS(app, origins=application)
    own = own_headers(padded, OTHER)
    view = cross_origin(origins=[OURS], always_send=False)(PLACES[place](app, own))
    app.add_url_rule("/", "view", _hidden(view) if hide else view)
    # What comes after a hidden view may be of the application's own policy, which may be wider.
    kept = {} if hide and place == "after_request" else own
    assert flask_response(app, OTHER) == decided(OTHER) | kept
    assert flask_response(app, OURS) == decided(OURS)


# Django


@pytest.fixture(params=sorted(CALLS))
def call(request: pytest.FixtureRequest) -> Callable[[Request], Response]:
    return CALLS[request.param]


def _shown(own: Mapping[str, str]) -> Callable[[HttpRequest], HttpResponse]:
    def show(_: HttpRequest) -> HttpResponse:
        return HttpResponse("", headers={**own, "Content-Type": TYPE[1]})

    return show


def _of_class(own: Mapping[str, str]) -> Any:
    class Shown(View):
        @cors(POLICY)
        def get(self, request: HttpRequest) -> HttpResponse:
            return _shown(own)(request)

    return Shown.as_view()


DJANGO_WAYS: dict[str, tuple[dict[str, Any], Callable[[Any], Any]]] = {
    "settings": ({"CORSAC": POLICY}, _shown),
    "drop-in": (
        {"CORS_ALLOWED_ORIGINS": [OURS], "CORSAC": {"app_headers": "replace"}},
        _shown,
    ),
    "view": ({"CORS_ALLOW_ALL_ORIGINS": True}, lambda own: cors(POLICY)(_shown(own))),
    "method": ({"CORS_ALLOW_ALL_ORIGINS": True}, _of_class),
    "include": (
        {"CORS_ALLOW_ALL_ORIGINS": True},
        lambda own: cors(POLICY)(include([re_path("", _shown(own))])),
    ),
}


@PADDED
@pytest.mark.parametrize("way", DJANGO_WAYS)
def test_in_django_a_padded_name_is_that_header(
    call: Callable[[Request], Response], way: str, padded: str
) -> None:
    changes, make = DJANGO_WAYS[way]
    urls = (re_path("", make(own_headers(padded))),)
    with override_settings(ROOT_URLCONF=urls, **changes):
        for origin in (OTHER, OURS, None):
            headers = call(get(origin)).header_set
            assert headers | {"vary": headers["vary"].title()} == decided(origin)


@PADDED
def test_in_django_a_padded_name_in_the_answer_to_a_preflight_is_that_header(
    call: Callable[[Request], Response], padded: str
) -> None:
    names = "methods", "headers", "private-network"
    own = {padded.format(f"access-control-allow-{name}"): "*" for name in names}
    own |= own_headers(padded) | {padded.format("access-control-max-age"): "5"}
    policy = POLICY.replace(preflight_continue=True)
    with override_settings(CORSAC=policy, ROOT_URLCONF=(re_path("", _shown(own)),)):
        for origin, answer in ((OTHER, []), (OURS, [("access-control-max-age", "600")])):
            lines = [("Origin", origin), ("Access-Control-Request-Method", "PUT")]
            response = call(Request("OPTIONS", lines))
            assert response.header_set == decided(origin, *answer)


@PADDED
def test_the_drop_in_for_django_keeps_a_padded_header_for_a_refused_origin_and_says_so(
    call: Callable[[Request], Response], padded: str, caplog: pytest.LogCaptureFixture
) -> None:
    own = own_headers(padded, OTHER)
    with override_settings(CORS_ALLOWED_ORIGINS=[OURS], ROOT_URLCONF=(re_path("", _shown(own)),)):
        refused, allowed = (call(get(origin)).header_set for origin in (OTHER, OURS))
    assert refused == decided(OTHER) | own | {"vary": "origin"}
    assert allowed == decided(OURS) | {"vary": "origin"}
    told = [line for line in caplog.messages if "layer inside" in line]
    assert len(told) == 1
    assert f"carries Access-Control-Allow-Origin: '{OTHER}', " in told[0]


@pytest.mark.parametrize("values", [("*", "*"), (OTHER, "*")])
def test_in_django_what_is_kept_never_allows_several_origins(
    call: Callable[[Request], Response],
    values: tuple[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    own = {ORIGIN: values[0], f"{ORIGIN} ": values[1], CREDENTIALS: "true"}
    keeping = POLICY.replace(app_headers="keep")
    with override_settings(CORSAC=keeping, ROOT_URLCONF=(re_path("", _shown(own)),)):
        assert call(get(OTHER)).header_set == decided(OTHER)
    assert [line for line in caplog.messages if "application's own" in line] == [
        "CORS: removed the application's own headers (Access-Control-Allow-Origin: "
        f"'{values[0]}', Access-Control-Allow-Origin: '{values[1]}', "
        "Access-Control-Allow-Credentials: 'true') on '/': with several "
        "Access-Control-Allow-Origin no browser accepts any"
    ]


# The drop-in for Starlette


@PADDED
def test_the_drop_in_for_starlette_tells_of_a_padded_header_that_allows_a_refused_origin(
    padded: str, caplog: pytest.LogCaptureFixture
) -> None:
    def sent(middleware: Any) -> Any:
        headers = [(padded.format(ORIGIN).encode(), b"*")]
        app = app_sending({"type": "http.response.start", "status": 200, "headers": headers})
        scope = scope_with([(b"origin", OTHER.encode())])
        return run_asgi(middleware(app, allow_origins=[OURS]), scope)

    assert sent(compat.CORSMiddleware) == sent(StarlettesMiddleware)
    assert [line for line in caplog.messages if "layer inside" in line] == [
        f"CORS: a response for the refused origin '{OTHER}' on '/' carries "
        "Access-Control-Allow-Origin: '*': a layer inside allows it; "
        "corsac.CORSMiddleware removes them"
    ]
