"""What is compared: Corsac, wrappers that change nothing, and every library that does CORS.

Each is configured as its documentation recommends for the policy that is wanted. A library that is
part of a framework is measured as the framework with CORS less the same framework without it.
"""

from __future__ import annotations

import functools
import importlib.util
import re
import subprocess
import sysconfig
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django.urls
import falcon.asgi
import flask
import flask_cors
import litestar
from asgi_cors import asgi_cors  # type: ignore[import-untyped]
from corsheaders.defaults import default_headers
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from litestar.config.cors import CORSConfig
from starlette.middleware.cors import CORSMiddleware as StarletteCORSMiddleware

import corsac.flask
import corsac.wsgi
from benchmarks import names
from benchmarks.measured import BUILD, BenchmarkError
from benchmarks.scenarios import HeaderLines, Scenario, Wanted
from corsac._types import ASGIApp, Receive, Scope, Send

BODY = b"hello"
_FLOOR = Path(__file__).parent / "core" / "floor.cpp"
ASGI_DISTRIBUTIONS = ("corsac", "starlette", "asgi-cors", "litestar", "falcon")
WSGI_DISTRIBUTIONS = ("corsac", "flask", "flask-cors", "django", "django-cors-headers")


class NotOfferedError(Exception):
    """A library has nothing for a policy; the text says what is missing."""


@dataclass(frozen=True)
class Variant:
    """One of the things that are timed.

    It is built of the policy, the response headers, and the bare app that sends them, where a
    framework can have it. With more than `most_origins` setting it up takes minutes.
    """

    name: str
    build: Callable[[Wanted, HeaderLines, Any], Any]
    baseline: str = names.BARE
    does_cors: bool = True
    most_origins: int = 1_000_000


def bare_app(scenario: Scenario) -> ASGIApp:
    """What everything wraps; its header list lives on, as in Starlette's `Response`, or not."""
    headers = scenario.app_headers

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [*headers]})
        await send({"type": "http.response.body", "body": BODY})

    async def keeping(scope: Scope, receive: Receive, send: Send) -> None:
        raw_headers = [*headers]
        await send({"type": "http.response.start", "status": 200, "headers": raw_headers})
        await send({"type": "http.response.body", "body": BODY})

    return keeping if scenario.keeps_headers else app


def bare_wsgi_app(scenario: Scenario) -> Any:
    """The same for WSGI."""
    lines = _text(scenario.app_headers)

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [*lines])
        return [BODY]

    return app


@functools.cache
def _floor_type() -> Any:
    """Native code that changes nothing, compiled if it has not been since its source changed."""
    library = BUILD / f"corsac_floor{sysconfig.get_config_var('EXT_SUFFIX')}"
    if not library.exists() or library.stat().st_mtime < _FLOOR.stat().st_mtime:
        BUILD.mkdir(parents=True, exist_ok=True)
        include = f"-I{sysconfig.get_paths()['include']}"
        options = ["-std=c++20", "-O3", "-DNDEBUG", "-fPIC", "-shared", include]
        try:
            subprocess.run(["c++", *options, _FLOOR, "-o", library], check=True)  # noqa: S603, S607
        except (OSError, subprocess.CalledProcessError) as error:
            raise BenchmarkError(f"the floor cannot be compiled: {error}") from None
    spec: Any = importlib.util.spec_from_file_location("corsac_floor", library)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Floor


class EmptyMiddleware:
    """The least that an ASGI middleware written in Python can do."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application."""
        await self.app(scope, receive, send)


class EmptyWrapper:
    """The least that a WSGI middleware written in Python does to see a response's headers."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Call the application with a `start_response` that changes nothing."""

        def start(status: str, headers: Any, exc_info: Any = None) -> Any:
            return start_response(status, headers, exc_info)

        return self.app(environ, start)


def _options(wanted: Wanted, *, patterns: bool = False) -> dict[str, Any]:
    """The options that several libraries have under the same names."""
    pattern = [f"https://*.{wanted.pattern}"] if patterns and wanted.pattern else []
    return {
        "allow_origins": [*wanted.origins, *pattern],
        "allow_methods": [*wanted.methods],
        "allow_headers": [*wanted.request_headers],
        "allow_credentials": wanted.credentials,
        "expose_headers": [*wanted.expose_headers],
        "max_age": wanted.max_age,
    }


def _corsac(middleware: Any, wanted: Wanted, headers: HeaderLines, app: Any) -> Any:
    return middleware(app, allow_origin_regex=wanted.regex, **_options(wanted, patterns=True))


def _starlette(wanted: Wanted, headers: HeaderLines, app: ASGIApp) -> ASGIApp:
    # The form that Starlette's documentation shows.
    regex = rf"https://.*\.{re.escape(wanted.pattern)}" if wanted.pattern else wanted.regex
    return StarletteCORSMiddleware(app, allow_origin_regex=regex, **_options(wanted))


def _asgi_cors(wanted: Wanted, headers: HeaderLines, app: ASGIApp) -> Any:
    if wanted.credentials or wanted.regex is not None:
        raise NotOfferedError("has neither credentials nor regular expressions")
    return asgi_cors(
        app,
        hosts=list(wanted.origins),
        host_wildcards=[f"https://*.{wanted.pattern}"] if wanted.pattern else [],
        headers=list(wanted.request_headers),
        methods=list(wanted.methods),
        # It sends max_age as a string where ASGI wants bytes, and servers refuse that.
    )


def _litestar(does_cors: bool | None, wanted: Wanted, headers: HeaderLines, app: ASGIApp) -> Any:
    @litestar.asgi("/", copy_scope=False)
    async def handler(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    config = None
    if does_cors:
        options = _options(wanted, patterns=True)
        config = CORSConfig(allow_origin_regex=wanted.regex, **options)
    # Its own logging would change how everything else in the process logs.
    return litestar.Litestar(
        [handler], cors_config=config, openapi_config=None, logging_config=None
    )


def _text(headers: HeaderLines) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def _own_headers(headers: HeaderLines) -> list[tuple[str, str]]:
    # Without those that a framework makes of the body itself.
    return [line for line in _text(headers) if line[0] not in {"content-type", "content-length"}]


def _falcon(does_cors: bool | None, wanted: Wanted, headers: HeaderLines, app: ASGIApp) -> Any:
    own = _own_headers(headers)
    middleware: Any = []
    if does_cors:
        if wanted.pattern or wanted.regex:
            raise NotOfferedError("has neither patterns nor regular expressions")
        middleware = falcon.CORSMiddleware(
            allow_origins=wanted.origins,
            allow_credentials="*" if wanted.credentials else None,
            expose_headers=wanted.expose_headers or None,
        )

    class Resource:
        async def on_get(self, request: Any, response: Any) -> None:
            response.data = BODY
            for name, value in own:
                response.set_header(name, value)

        on_put = on_delete = on_get

    framework = falcon.asgi.App(middleware=middleware)
    framework.add_route("/", Resource())
    return framework


def _expressions(wanted: Wanted) -> list[str]:
    """These libraries match expressions from the start only, so that the end has to be written."""
    if wanted.pattern:
        return [rf"^https://.*\.{re.escape(wanted.pattern)}$"]
    return [f"^{wanted.regex}$"] if wanted.regex else []


def _flask(extension: Any, wanted: Wanted, headers: HeaderLines, app: Any) -> Any:
    own = _own_headers(headers)
    framework = flask.Flask("benchmarks")

    @framework.route("/", methods=["GET", "PUT", "DELETE"])
    def handler() -> flask.Response:
        return flask.Response(BODY, headers=own, content_type="text/plain; charset=utf-8")

    if extension is not None:
        extension(
            framework,
            origins=[*wanted.origins, *_expressions(wanted)],
            methods=list(wanted.methods),
            allow_headers=list(wanted.request_headers),
            supports_credentials=wanted.credentials,
            expose_headers=list(wanted.expose_headers) or None,
            max_age=wanted.max_age,
        )
    return framework


# The one view of the one Django project that a process can have answers with these.
_django_headers: list[tuple[str, str]] = []


def _django_view(request: Any) -> HttpResponse:
    response = HttpResponse(BODY, content_type="text/plain; charset=utf-8")
    for name, value in _django_headers:
        response[name] = value
    return response


def _django(middleware: str | None, wanted: Wanted, headers: HeaderLines, app: Any) -> Any:
    if not settings.configured:
        urls: Any = types.ModuleType("benchmarks_urls")
        urls.urlpatterns = [django.urls.path("", _django_view)]
        settings.configure(
            ALLOWED_HOSTS=["*"],
            INSTALLED_APPS=["corsheaders"],
            LOGGING_CONFIG=None,
            ROOT_URLCONF=urls,
            USE_I18N=False,
        )
        django.setup()
    _django_headers[:] = _own_headers(headers)
    # A handler reads its middleware once; django-cors-headers reads its options for each request.
    settings.MIDDLEWARE = [middleware] if middleware else []
    settings.CORS_ALLOWED_ORIGINS = list(wanted.origins)
    settings.CORS_ALLOWED_ORIGIN_REGEXES = _expressions(wanted)
    settings.CORS_ALLOW_METHODS = wanted.methods
    settings.CORS_ALLOW_HEADERS = (*default_headers, *wanted.request_headers)
    settings.CORS_ALLOW_CREDENTIALS = wanted.credentials
    settings.CORS_EXPOSE_HEADERS = wanted.expose_headers
    settings.CORS_PREFLIGHT_MAX_AGE = wanted.max_age
    return WSGIHandler()


def _alone(name: str, build: Any, **more: Any) -> Variant:
    return Variant(name, build, baseline="", does_cors=False, **more)


def _inside(
    framework: str, build: Any, subjects: dict[str, Any], **more: Any
) -> tuple[Variant, ...]:
    """A framework alone, and with each of the things that do CORS inside it."""
    bare = _alone(f"{framework} alone", functools.partial(build, None), **more)
    made = {name: functools.partial(build, what) for name, what in subjects.items()}
    return bare, *(Variant(name, one, bare.name, **more) for name, one in made.items())


_FLASK_EXTENSIONS = {names.IN_FLASK: corsac.flask.CORS, names.FLASK_CORS: flask_cors.CORS}
_DJANGO_MIDDLEWARE = {
    names.IN_DJANGO: "corsac.django.CORSMiddleware",
    names.DJANGO_CORS_HEADERS: "corsheaders.middleware.CorsMiddleware",
}
_ALWAYS = (
    _alone(names.NO_APP, lambda wanted, headers, app: None),
    _alone(names.BARE, lambda wanted, headers, app: app),
)
VARIANTS = {
    "asgi": (
        *_ALWAYS,
        Variant(names.FLOOR, lambda wanted, headers, app: _floor_type()(app), does_cors=False),
        Variant(names.EMPTY, lambda wanted, headers, app: EmptyMiddleware(app), does_cors=False),
        Variant(names.CORSAC, functools.partial(_corsac, corsac.CORSMiddleware)),
        Variant(names.STARLETTE, _starlette),
        Variant("asgi-cors", _asgi_cors),
        *_inside("Litestar", _litestar, {"Litestar": True}, most_origins=100_000),
        *_inside("Falcon", _falcon, {"Falcon": True}),
    ),
    "wsgi": (
        *_ALWAYS,
        Variant(names.WRAPPER, lambda wanted, headers, app: EmptyWrapper(app), does_cors=False),
        Variant(names.CORSAC, functools.partial(_corsac, corsac.wsgi.CORSMiddleware)),
        *_inside("Flask", _flask, _FLASK_EXTENSIONS),
        *_inside("Django", _django, _DJANGO_MIDDLEWARE),
    ),
}
