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
from pathlib import Path
from typing import Any

import corsac
import corsac.wsgi
from benchmarks import frameworks, names
from benchmarks.measured import BUILD, BenchmarkError
from benchmarks.scenarios import HeaderLines, Scenario, Wanted
from benchmarks.variants import (
    BODY,
    NotOfferedError,
    Variant,
    alone,
    inside,
    loaded,
    options,
    own_headers,
    text,
)
from corsac._types import ASGIApp, Receive, Scope, Send

_FLOOR = Path(__file__).parent / "core" / "floor.cpp"
ASGI_DISTRIBUTIONS = ("corsac", "starlette", "asgi-cors", "litestar", "falcon")
WSGI_DISTRIBUTIONS = ("corsac", "flask", "flask-cors", "django", "django-cors-headers")


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
    lines = text(scenario.app_headers)

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [*lines])
        return [BODY]

    return app


@functools.cache
def floor_module() -> Any:
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
    return module


def _floor(wanted: Wanted, headers: HeaderLines, app: Any) -> Any:
    return floor_module().Floor(app)


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


def _corsac(middleware: Any, wanted: Wanted, headers: HeaderLines, app: Any) -> Any:
    if wanted.regex is not None:
        loaded("re2")
    return middleware(app, allow_origin_regex=wanted.regex, **options(wanted, patterns=True))


def _starlette(wanted: Wanted, headers: HeaderLines, app: ASGIApp) -> Any:
    # The form that Starlette's documentation shows.
    regex = rf"https://.*\.{re.escape(wanted.pattern)}" if wanted.pattern else wanted.regex
    middleware: Any = loaded("starlette.middleware.cors").CORSMiddleware
    return middleware(app, allow_origin_regex=regex, **options(wanted))


def _asgi_cors(wanted: Wanted, headers: HeaderLines, app: ASGIApp) -> Any:
    if wanted.credentials or wanted.regex is not None:
        raise NotOfferedError("has neither credentials nor regular expressions")
    return loaded("asgi_cors").asgi_cors(
        app,
        hosts=list(wanted.origins),
        host_wildcards=[f"https://*.{wanted.pattern}"] if wanted.pattern else [],
        headers=list(wanted.request_headers),
        methods=list(wanted.methods),
        # It sends max_age as a string where ASGI wants bytes, and servers refuse that.
    )


def _litestar(does_cors: bool | None, wanted: Wanted, headers: HeaderLines, app: ASGIApp) -> Any:
    litestar: Any = loaded("litestar")

    async def run(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    handler = litestar.asgi("/", copy_scope=False)(run)

    config = None
    if does_cors:
        make: Any = loaded("litestar.config.cors").CORSConfig
        config = make(allow_origin_regex=wanted.regex, **options(wanted, patterns=True))
    # Its own logging would change how everything else in the process logs.
    return litestar.Litestar(
        [handler], cors_config=config, openapi_config=None, logging_config=None
    )


def _falcon(does_cors: bool | None, wanted: Wanted, headers: HeaderLines, app: ASGIApp) -> Any:
    falcon: Any = loaded("falcon")
    loaded("falcon.asgi")
    own = own_headers(headers)
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


_ALWAYS = (
    alone(names.NO_APP, lambda wanted, headers, app: None),
    alone(names.BARE, lambda wanted, headers, app: app),
)
VARIANTS = {
    "asgi": (
        *_ALWAYS,
        Variant(names.FLOOR, _floor, does_cors=False),
        Variant(names.EMPTY, lambda wanted, headers, app: EmptyMiddleware(app), does_cors=False),
        Variant(names.CORSAC, functools.partial(_corsac, corsac.CORSMiddleware)),
        Variant(names.STARLETTE, _starlette),
        Variant("asgi-cors", _asgi_cors),
        *inside("Litestar", _litestar, {"Litestar": True}, most_origins=100_000),
        *inside("Falcon", _falcon, {"Falcon": True}),
    ),
    "wsgi": (
        *_ALWAYS,
        Variant(names.FLOOR, _floor, does_cors=False),
        Variant(names.WRAPPER, lambda wanted, headers, app: EmptyWrapper(app), does_cors=False),
        Variant(names.CORSAC, functools.partial(_corsac, corsac.wsgi.CORSMiddleware)),
        *inside("Flask", frameworks.flask, frameworks.FLASK),
        *inside("Django", frameworks.django, frameworks.DJANGO),
    ),
}
