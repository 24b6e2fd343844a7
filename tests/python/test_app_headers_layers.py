"""Other layers that answer for CORS: beside the middlewares, the drop-ins, and their originals."""

from __future__ import annotations

import asyncio
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import flask
import flask_cors
import pytest
import socketio
import whitenoise
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory, override_settings
from django.urls import include, path, re_path
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware as StarlettesMiddleware
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import corsac
import corsac.flask
import corsac.wsgi
from corsac import _core
from corsac._types import ASGIApp
from corsac.compat import starlette as compat
from corsac.django import CORSMiddleware, checks
from support.django_project import CALLS
from support.exchange import Request, Response, http_scope, run_asgi, run_wsgi, wsgi_environ

OURS = "https://app.example.com"
OTHER = "https://evil.example"
OWN = "corsac.django.CORSMiddleware"
ORIGINAL = "corsheaders.middleware.CorsMiddleware"
WHITENOISE = "whitenoise.middleware.WhiteNoiseMiddleware"

Lines = list[tuple[str, str]]

# What a view may set itself, as some libraries and many tutorials do.
VIEWS: dict[str, dict[str, str]] = {
    "nothing": {},
    "any": {"Access-Control-Allow-Origin": "*"},
    "echo": {"Access-Control-Allow-Origin": OTHER, "Access-Control-Allow-Credentials": "true"},
    "credentials": {"access-control-allow-credentials": "true"},
    "exposed": {"Access-Control-Allow-Origin": "*", "ACCESS-CONTROL-EXPOSE-HEADERS": "etag"},
    "ours": {"Access-Control-Allow-Origin": OURS, "Vary": "Cookie"},
}


def get(origin: str | None, path: str = "/") -> Request:
    return Request("GET", [] if origin is None else [("Origin", origin)], path)


def cors_lines(lines: Lines) -> Lines:
    return sorted(
        (name.lower(), value) for name, value in lines if name.lower().startswith("access-control-")
    )


def may_read(lines: Lines, origin: str, *, credentials: bool) -> bool:
    """Whether a browser lets a page read a response with these headers (Fetch, "CORS check")."""
    found = [(name.lower().encode(), value.encode("latin-1")) for name, value in lines]
    return _core.browser_cors_check(origin, credentials, found) == ""


def compare(new: Lines, old: Lines, origin: str | None, *, credentials: bool, log: str) -> None:
    """The drop-in allows what the original allows, or what its own options allow; or it says so."""
    if origin != OURS:
        assert cors_lines(new) == cors_lines(old)
        return
    assert [value for name, value in cors_lines(new) if name.endswith("-allow-origin")] == [OURS]
    for sent in (False, True):
        reads = may_read(new, OURS, credentials=sent)
        assert reads == (credentials or not sent)
        if may_read(old, OURS, credentials=sent) and not reads:
            assert "replaced the application's own headers" in log


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("credentials", [False, True])
@pytest.mark.parametrize("origin", [None, OURS, OTHER, "null"])
def test_the_drop_in_for_flask_leaves_what_flask_cors_leaves(
    view: str, credentials: bool, origin: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    def lines(extension: Callable[..., Any]) -> Lines:
        app = flask.Flask("tested")
        extension(app, origins=[OURS], supports_credentials=credentials, always_send=False)
        app.add_url_rule("/", "view", lambda: flask.Response("", headers=VIEWS[view]))
        sent = {} if origin is None else {"Origin": origin}
        return list(app.test_client().get("/", headers=sent).headers)

    new = lines(corsac.flask.CORS)
    compare(new, lines(flask_cors.CORS), origin, credentials=credentials, log=caplog.text)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("decorate", ["plain", "hidden"])
@pytest.mark.parametrize("origin", [None, OURS, OTHER])
def test_the_drop_in_for_one_view_leaves_what_flask_cors_leaves(
    view: str, decorate: str, origin: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    def lines(extension: Any) -> Lines:
        app = flask.Flask("tested")
        # For everybody else there is a wider policy, which must not speak for this view.
        extension.CORS(app, always_send=False)
        decorator = extension.cross_origin(origins=[OURS], always_send=False)
        decorated = decorator(lambda: flask.Response("", headers=VIEWS[view]))

        def hiding() -> Any:
            return decorated()

        app.add_url_rule("/", "view", decorated if decorate == "plain" else hiding)
        sent = {} if origin is None else {"Origin": origin}
        return list(app.test_client().get("/", headers=sent).headers)

    for _ in range(2):
        new, old = lines(corsac.flask), lines(flask_cors)
        if origin is None and view == "nothing":
            assert cors_lines(new) == []
        compare(new, old, origin, credentials=False, log=caplog.text)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("credentials", [False, True])
def test_the_drop_in_for_django_leaves_what_django_cors_headers_leaves(
    call: Any, view: str, credentials: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def show(_: HttpRequest) -> HttpResponse:
        return HttpResponse("", headers=VIEWS[view])

    for origin in (None, OURS, OTHER, "null"):

        def lines(middleware: str, origin: str | None = origin) -> Lines:
            with override_settings(
                MIDDLEWARE=[middleware],
                ROOT_URLCONF=(re_path("", show),),
                CORS_ALLOWED_ORIGINS=[OURS],
                CORS_ALLOW_CREDENTIALS=credentials,
            ):
                response: Response = call(get(origin))
                return response.headers

        new = lines(OWN)
        compare(new, lines(ORIGINAL), origin, credentials=credentials, log=caplog.text)


def test_a_policy_in_corsacs_own_words_replaces_in_flask_and_django(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = flask.Flask("tested")
    corsac.flask.CORS(app, policy=corsac.CORSPolicy(allow_origins=[OURS]))
    app.add_url_rule("/", "view", lambda: flask.Response("", headers=VIEWS["echo"]))
    flask_lines = list(app.test_client().get("/", headers={"Origin": OTHER}).headers)

    def show(_: HttpRequest) -> HttpResponse:
        return HttpResponse("", headers=VIEWS["echo"])

    with override_settings(CORSAC={"allow_origins": [OURS]}, ROOT_URLCONF=(re_path("", show),)):
        django_lines = CALLS["wsgi"](get(OTHER)).headers
    assert cors_lines(flask_lines) == cors_lines(django_lines) == []
    removed = "CORS: removed the application's own headers (Access-Control-Allow-Origin: "
    assert sum(line.startswith(removed) for line in caplog.messages) == 2


def test_the_drop_ins_can_replace_too() -> None:
    app = flask.Flask("tested")
    corsac.flask.CORS(app, origins=[OURS], app_headers="replace")
    app.add_url_rule("/", "view", lambda: flask.Response("", headers=VIEWS["echo"]))
    assert cors_lines(list(app.test_client().get("/", headers={"Origin": OTHER}).headers)) == []

    def show(_: HttpRequest) -> HttpResponse:
        return HttpResponse("", headers=VIEWS["echo"])

    with override_settings(
        CORS_ALLOWED_ORIGINS=[OURS],
        CORSAC={"app_headers": "replace"},
        ROOT_URLCONF=(re_path("", show),),
    ):
        assert cors_lines(CALLS["asgi"](get(OTHER)).headers) == []


def test_django_says_once_for_each_path_what_stays(caplog: pytest.LogCaptureFixture) -> None:
    def show(_: HttpRequest) -> HttpResponse:
        return HttpResponse("", headers=VIEWS["echo"])

    with override_settings(CORS_ALLOWED_ORIGINS=[OURS]):
        middleware = CORSMiddleware(show)
        requests = RequestFactory()
        own_page = {"Origin": "http://testserver", "Host": "testserver"}
        for name in ("/a", "/\u00fc", "/a", "/\u00fc"):
            middleware(requests.get(name))
            middleware(requests.post(name, headers=own_page))
            response: Any = middleware(requests.get(name, headers={"Origin": OTHER}))
            assert response.headers["Access-Control-Allow-Origin"] == OTHER
    assert [line for line in caplog.messages if "inside" in line] == [
        f"CORS: a response for the refused origin '{OTHER}' on {name} carries "
        f"Access-Control-Allow-Origin: '{OTHER}', Access-Control-Allow-Credentials: 'true': "
        'a layer inside allows it; CORSAC = {"app_headers": "replace"} removes them'
        for name in ("'/a'", r"'/\xfc'")
    ]


# WhiteNoise


@pytest.fixture
def static_files(tmp_path: Path) -> Path:
    (tmp_path / "font.woff2").write_bytes(b"font")
    return tmp_path


def whitenoise_settings(root: Path) -> dict[str, Any]:
    return {
        "MIDDLEWARE": [OWN, WHITENOISE],
        "STATIC_ROOT": str(root),
        "STATIC_URL": "/static/",
        "WHITENOISE_USE_FINDERS": False,
        "WHITENOISE_AUTOREFRESH": False,
    }


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_static_files_of_whitenoise_stay_readable_under_the_settings_of_django_cors_headers(
    call: Any, static_files: Path
) -> None:
    configured = whitenoise_settings(static_files)
    expected: list[tuple[dict[str, Any], str | None, str | None]] = [
        ({"CORS_ALLOWED_ORIGINS": [OURS]}, OTHER, "*"),
        ({"CORS_ALLOWED_ORIGINS": [OURS]}, None, "*"),
        ({"CORS_ALLOWED_ORIGINS": [OURS]}, OURS, OURS),
        ({"CORSAC": {"allow_origins": [OURS]}}, OTHER, None),
        ({"CORSAC": {"allow_origins": [OURS], "app_headers": "keep"}}, OTHER, "*"),
    ]
    for changes, origin, allowed in expected:
        with override_settings(**configured, **changes):
            response = call(get(origin, "/static/font.woff2"))
        assert response.status == 200
        assert response.one("access-control-allow-origin") == allowed
        assert "origin" in (response.one("vary") or "").lower()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"CORSAC": {"allow_origins": [OURS]}}, ["corsac.W206"]),
        ({"CORSAC": {"allow_origins": ["*"]}}, []),
        ({"CORSAC": {"allow_origins": [OURS], "app_headers": "keep"}}, ["corsac.I206"]),
        ({"CORSAC": {"allow_origins": [OURS], "rules": [("/static/*", None)]}}, []),
        ({"CORS_ALLOWED_ORIGINS": [OURS]}, ["corsac.I206"]),
        ({"CORS_ALLOWED_ORIGINS": [OURS], "CORS_URLS_REGEX": "^/api/"}, []),
        ({"CORSAC": {"allow_origins": [OURS]}, "WHITENOISE_ALLOW_ALL_ORIGINS": False}, []),
        ({"CORSAC": {"allow_origins": [OURS]}, "MIDDLEWARE": [WHITENOISE, OWN]}, []),
        ({"CORSAC": {"allow_origins": [OURS]}, "MIDDLEWARE": [OWN]}, []),
        ({"CORSAC": {"allow_origins": OURS}}, []),
    ],
)
def test_the_system_check_finds_whitenoise(
    changes: dict[str, Any], expected: list[str], static_files: Path
) -> None:
    with override_settings(**{**whitenoise_settings(static_files), **changes}):
        notes = [each for each in checks.check_notes() if each.id == "corsac.I206"]
        found = [*checks.check_app_headers(), *notes]
    assert [message.id for message in found] == expected
    assert all("WhiteNoise sends Access-Control-Allow-Origin: *" in each.msg for each in found)


@pytest.fixture
def oauth2_provider(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An application of that name, with a discovery document as that one has."""

    def show(_: HttpRequest) -> HttpResponse:
        return HttpResponse("{}", headers={"Access-Control-Allow-Origin": "*"})

    package = types.ModuleType("oauth2_provider")
    package.__path__ = [str(tmp_path)]
    package.app_name = "oauth2_provider"  # type: ignore[attr-defined]
    name = "oidc-connect-discovery-info"
    discovery = path(".well-known/openid-configuration", show, name=name)
    package.urlpatterns = [discovery]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "oauth2_provider", package)
    with override_settings(
        INSTALLED_APPS=[*settings.INSTALLED_APPS, "oauth2_provider"],
        ROOT_URLCONF=(path("oauth/", include("oauth2_provider")),),
    ):
        yield


@pytest.mark.usefixtures("oauth2_provider")
def test_discovery_documents_stay_readable_or_the_system_check_says_so() -> None:
    discovery = "/oauth/.well-known/openid-configuration"
    for changes, allowed, expected in (
        ({"CORS_ALLOWED_ORIGINS": [OURS]}, "*", ["corsac.I206"]),
        ({"CORSAC": {"allow_origins": [OURS]}}, None, ["corsac.W206"]),
        ({"CORSAC": {"allow_origins": [OURS], "rules": [("/oauth/*", None)]}}, "*", []),
    ):
        with override_settings(**changes):
            response = CALLS["wsgi"](get(OTHER, discovery))
            assert response.one("access-control-allow-origin") == allowed
            notes = [each for each in checks.check_notes() if each.id == "corsac.I206"]
            found = [*checks.check_app_headers(), *notes]
            assert [message.id for message in found] == expected
            assert all("oauth2_provider sends" in message.msg for message in found)


def wsgi_lines(app: Any, request: Request) -> Lines:
    return list(run_wsgi(app, wsgi_environ(request)).headers)


def test_whitenoise_around_an_application_of_wsgi(static_files: Path) -> None:
    app = flask.Flask("tested")
    inner: Any = whitenoise.WhiteNoise(app.wsgi_app, root=str(static_files))
    app.wsgi_app = inner  # type: ignore[method-assign]
    native = corsac.wsgi.CORSMiddleware(inner, allow_origins=[OURS])
    corsac.flask.CORS(app, origins=[OURS])
    for origin, in_native in ((OTHER, None), (OURS, OURS), (None, None)):
        request = get(origin, "/font.woff2")
        found = dict(cors_lines(wsgi_lines(native, request)))
        assert found.get("access-control-allow-origin") == in_native
        # As with flask-cors, which does not see what is answered outside of Flask.
        lines = wsgi_lines(app, request)
        assert len(cors_lines(lines)) == 1
        assert may_read(lines, origin or OTHER, credentials=False)


# Socket.IO


HANDSHAKE = "/socket.io/"


def polling(origin: str) -> Request:
    return Request("GET", [("Origin", origin), ("Host", "api.example.com")], HANDSHAKE)


ECHO = {"access-control-allow-credentials": "true", "access-control-allow-origin": OTHER}


@pytest.mark.parametrize("protocol", ["asgi", "wsgi"])
@pytest.mark.parametrize(
    ("app_headers", "expected"), [("replace", {}), ("keep", ECHO)], ids=["replace", "keep"]
)
def test_socket_io_lets_nobody_read_whom_the_policy_refuses_unless_it_is_kept(
    protocol: str,
    app_headers: Any,
    expected: Mapping[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    policy = corsac.CORSPolicy(allow_origins=[OURS], app_headers=app_headers)
    options: dict[str, Any] = {"cors_allowed_origins": "*", "monitor_clients": False}
    query = "EIO=4&transport=polling"
    found = {}
    for origin in (OTHER, OURS):
        if protocol == "asgi":
            asynchronous = socketio.ASGIApp(socketio.AsyncServer(async_mode="asgi", **options))
            middleware = corsac.CORSMiddleware(asynchronous, policy)
            scope = http_scope(polling(origin), query_string=query.encode())
            start = run_asgi(middleware, scope)[0]
            assert start["status"] == 200
            lines = [(name.decode().lower(), value.decode()) for name, value in start["headers"]]
        else:
            server = socketio.Server(async_mode="threading", **options)
            wsgi = corsac.wsgi.CORSMiddleware(socketio.WSGIApp(server), policy)
            answer = run_wsgi(wsgi, wsgi_environ(polling(origin), QUERY_STRING=query))
            assert answer.code == 200
            lines = list(answer.headers)
        found[origin] = dict(cors_lines(lines))
        assert len(cors_lines(lines)) == len(found[origin])
    assert found == {OTHER: expected, OURS: {"access-control-allow-origin": OURS}}
    words = "removed the application's own" if app_headers == "replace" else "a layer inside"
    assert sum(words in line for line in caplog.messages) == 1


# Layers of Starlette, as Gradio has one


async def hello(_: Any) -> PlainTextResponse:
    return PlainTextResponse("hello")


def starlette_lines(app: ASGIApp, origin: str, path: str = "/") -> Lines:
    start = run_asgi(app, http_scope(get(origin, path)))[0]
    return [(name.decode(), value.decode("latin-1")) for name, value in start["headers"]]


def test_a_layer_inside_that_answers_anyone_with_credentials_is_overruled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    anyone = Middleware(StarlettesMiddleware, allow_origins=["*"], allow_credentials=True)
    inner = Starlette(routes=[Route("/", hello)], middleware=[anyone])
    app = corsac.CORSMiddleware(inner, allow_origins=[OURS])
    assert cors_lines(starlette_lines(app, OTHER)) == []
    assert cors_lines(starlette_lines(app, OURS)) == [("access-control-allow-origin", OURS)]
    assert not may_read(starlette_lines(app, OTHER), OTHER, credentials=True)
    told = [line for line in caplog.messages if "removed the application's own" in line]
    assert len(told) == 1
    assert f"Access-Control-Allow-Origin: '{OTHER}'" in told[0]


async def echo(request: StarletteRequest) -> PlainTextResponse:
    origin = request.headers.get("origin", "*")
    return PlainTextResponse("hello", headers={"Access-Control-Allow-Origin": origin})


@pytest.mark.parametrize("path", ["/", "/echo"])
@pytest.mark.parametrize("credentials", [False, True])
def test_the_drop_in_for_starlette_tells_of_a_layer_inside_that_allows_a_refused_origin(
    path: str, credentials: bool, caplog: pytest.LogCaptureFixture
) -> None:
    inner = Starlette(routes=[Route("/", hello), Route("/echo", echo)])
    options: dict[str, Any] = {"allow_origins": [OURS], "allow_credentials": credentials}
    drop_in = compat.CORSMiddleware(inner, **options)
    original = StarlettesMiddleware(inner, **options)
    for origin in (OTHER, OURS, OTHER):
        lines = starlette_lines(drop_in, origin, path)
        assert lines == starlette_lines(original, origin, path)
    sent = f"Access-Control-Allow-Origin: '{OTHER}'"
    if credentials:  # Which Starlette adds for any origin: so a page there may use cookies.
        assert may_read(starlette_lines(original, OTHER, "/echo"), OTHER, credentials=True)
        sent = f"{sent}, Access-Control-Allow-Credentials: 'true'"
    told = [line for line in caplog.messages if "layer inside" in line]
    assert told == [
        f"CORS: a response for the refused origin '{OTHER}' on '/echo' carries {sent}: a layer "
        "inside allows it; corsac.CORSMiddleware removes them"
    ] * (path == "/echo")


def test_one_task_for_each_request_says_it_once(caplog: pytest.LogCaptureFixture) -> None:
    async def app(_: Any, __: Any, send: Any) -> None:
        await asyncio.sleep(0)
        headers = [(b"access-control-allow-origin", b"*")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    middleware = corsac.CORSMiddleware(app, allow_origins=[OURS], app_headers="keep")

    async def send(_: Any) -> None: ...

    async def receive() -> Any: ...

    async def main() -> None:
        scopes = [http_scope(get(OTHER)) for _ in range(50)]
        await asyncio.gather(*(middleware(scope, receive, send) for scope in scopes))

    asyncio.run(main())
    assert sum("a layer inside" in line for line in caplog.messages) == 1
