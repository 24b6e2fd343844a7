"""What is compared: Corsac, an empty middleware, and every ASGI library that does CORS.

Each is configured as its documentation recommends for the policy that is wanted. A library that is
part of a framework is measured as the framework with CORS less the same framework without it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import falcon
import falcon.asgi
from asgi_cors import asgi_cors  # type: ignore[import-untyped]
from blacksheep import Application, Content, Response, Router
from litestar import Litestar, asgi
from litestar.config.cors import CORSConfig
from starlette.middleware.cors import CORSMiddleware as StarletteCORSMiddleware

import corsac
from benchmarks.exchange import ASGIApp, Receive, Scope, Send
from benchmarks.scenarios import HeaderLines, Wanted

BODY = b"hello"
NO_APP = "making the request"
BARE = "bare app"
EMPTY = "empty middleware"
WRAPPER = "empty wrapper"  # The same for WSGI.
CORSAC = "Corsac"
STARLETTE = "Starlette"
# The names that pip has for them.
DISTRIBUTIONS = ("starlette", "asgi-cors", "litestar", "falcon", "blacksheep")


class NotOfferedError(Exception):
    """A library has nothing for a policy; the text says what is missing."""


@dataclass(frozen=True)
class Variant:
    """One of the things that are timed.

    Attributes:
        name: What tables call it.
        build: Makes the application with its CORS layer, of the policy, the response headers, and
            the bare app that sends them, where a framework can have it.
        baseline: The name of the variant whose time is subtracted.
        is_baseline: Whether it is there to be subtracted only.
        has_own_response: Whether a framework makes the response, and not the bare app.
        most_requests: How many of the scenario's requests take turns; `None`: all of them.
    """

    name: str
    build: Callable[[Wanted, HeaderLines, ASGIApp], ASGIApp | None]
    baseline: str = BARE
    is_baseline: bool = False
    has_own_response: bool = False
    most_requests: int | None = None


def bare_app(headers: HeaderLines) -> ASGIApp:
    """The application that everything wraps: two messages, made anew for each request."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [*headers]})
        await send({"type": "http.response.body", "body": BODY})

    return app


def bare_app_that_keeps(headers: HeaderLines) -> ASGIApp:
    """The same, but as Starlette's `Response` does it: its header list lives on."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raw_headers = [*headers]
        await send({"type": "http.response.start", "status": 200, "headers": raw_headers})
        await send({"type": "http.response.body", "body": BODY})

    return app


class EmptyMiddleware:
    """The least that a middleware written in Python can do."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application."""
        await self.app(scope, receive, send)


def _bare(wanted: Wanted, headers: HeaderLines, app: ASGIApp) -> ASGIApp:
    return app


def _empty(wanted: Wanted, headers: HeaderLines, app: ASGIApp) -> ASGIApp:
    return EmptyMiddleware(app)


def _corsac(wanted: Wanted, headers: HeaderLines, app: ASGIApp) -> ASGIApp:
    pattern = () if wanted.pattern is None else (f"https://*.{wanted.pattern}",)
    return corsac.CORSMiddleware(
        app,
        allow_origins=[*wanted.origins, *pattern],
        allow_origin_regex=wanted.regex,
        allow_methods=wanted.methods,
        allow_headers=wanted.request_headers,
        allow_credentials=wanted.credentials,
        expose_headers=wanted.expose_headers,
        max_age=wanted.max_age,
    )


def _subdomains_regex(suffix: str) -> str:
    # The form that Starlette's documentation shows.
    return rf"https://.*\.{re.escape(suffix)}"


def _starlette(wanted: Wanted, headers: HeaderLines, app: ASGIApp) -> ASGIApp:
    regex = wanted.regex if wanted.pattern is None else _subdomains_regex(wanted.pattern)
    return StarletteCORSMiddleware(
        app,
        allow_origins=list(wanted.origins),
        allow_origin_regex=regex,
        allow_methods=wanted.methods,
        allow_headers=wanted.request_headers,
        allow_credentials=wanted.credentials,
        expose_headers=wanted.expose_headers,
        max_age=wanted.max_age,
    )


def _asgi_cors(wanted: Wanted, headers: HeaderLines, app: ASGIApp) -> ASGIApp:
    if wanted.credentials:
        raise NotOfferedError("has no credentials")
    if wanted.regex is not None:
        raise NotOfferedError("has no regular expressions")
    wrapped = asgi_cors(
        app,
        hosts=list(wanted.origins),
        host_wildcards=[] if wanted.pattern is None else [f"https://*.{wanted.pattern}"],
        headers=list(wanted.request_headers),
        methods=list(wanted.methods),
        # It sends max_age as a string where ASGI wants bytes, and servers refuse that.
    )
    return cast("ASGIApp", wrapped)


def _litestar(wanted: Wanted | None, headers: HeaderLines, app: ASGIApp) -> ASGIApp:
    @asgi("/", copy_scope=False)
    async def handler(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    config = None
    if wanted is not None:
        pattern = [] if wanted.pattern is None else [f"https://*.{wanted.pattern}"]
        config = CORSConfig(
            allow_origins=[*wanted.origins, *pattern],
            allow_origin_regex=wanted.regex,
            allow_methods=cast("Any", list(wanted.methods)),
            allow_headers=list(wanted.request_headers),
            allow_credentials=wanted.credentials,
            expose_headers=list(wanted.expose_headers),
            max_age=wanted.max_age,
        )
    # Its own logging would change how everything else in the process logs.
    framework = Litestar([handler], cors_config=config, openapi_config=None, logging_config=None)
    return cast("ASGIApp", framework)


def _own_headers(headers: HeaderLines) -> list[tuple[str, str]]:
    """Without those that a framework makes of the body itself."""
    of_the_body = {b"content-type", b"content-length"}
    return [(name.decode(), value.decode()) for name, value in headers if name not in of_the_body]


def _falcon(wanted: Wanted | None, headers: HeaderLines, app: ASGIApp) -> ASGIApp:
    own = _own_headers(headers)
    if wanted is None:
        framework = falcon.asgi.App()
    else:
        if wanted.pattern is not None or wanted.regex is not None:
            raise NotOfferedError("has neither patterns nor regular expressions")
        cors: Any = falcon.CORSMiddleware(
            allow_origins=wanted.origins,
            allow_credentials="*" if wanted.credentials else None,
            expose_headers=wanted.expose_headers or None,
        )
        framework = falcon.asgi.App(middleware=[cors])

    class Resource:
        async def on_get(self, request: Any, response: Any) -> None:
            response.data = BODY
            for name, value in own:
                response.set_header(name, value)

        on_put = on_delete = on_get

    framework.add_route("/", Resource())
    return cast("ASGIApp", framework)


def _blacksheep(wanted: Wanted | None, headers: HeaderLines, app: ASGIApp) -> ASGIApp:
    own = [(name.encode(), value.encode()) for name, value in _own_headers(headers)]
    router = Router()

    async def handler() -> Response:
        return Response(200, [*own], Content(b"text/plain; charset=utf-8", BODY))

    for method in ("GET", "PUT", "DELETE"):
        router.add(method, "/", handler)
    framework = Application(router=router)
    if wanted is not None:
        if wanted.pattern is not None or wanted.regex is not None:
            raise NotOfferedError("has neither patterns nor regular expressions")
        framework.use_cors(
            allow_origins=wanted.origins,
            allow_methods=wanted.methods,
            allow_headers=wanted.request_headers,
            allow_credentials=wanted.credentials,
            expose_headers=wanted.expose_headers,
            max_age=wanted.max_age,
        )
    asyncio.run(framework.start())  # type: ignore[no-untyped-call]
    return cast("ASGIApp", framework)


VARIANTS = (
    Variant(NO_APP, lambda wanted, headers, app: None, is_baseline=True),
    Variant(BARE, _bare, is_baseline=True),
    Variant(EMPTY, _empty),
    Variant(CORSAC, _corsac),
    Variant(STARLETTE, _starlette),
    Variant("asgi-cors", _asgi_cors),
    Variant("Litestar alone", lambda _, *rest: _litestar(None, *rest), is_baseline=True),
    Variant("Litestar", _litestar, baseline="Litestar alone"),
    Variant(
        "Falcon alone",
        lambda _, *rest: _falcon(None, *rest),
        is_baseline=True,
        has_own_response=True,
    ),
    Variant("Falcon", _falcon, baseline="Falcon alone", has_own_response=True),
    Variant(
        "BlackSheep alone",
        lambda _, *rest: _blacksheep(None, *rest),
        is_baseline=True,
        has_own_response=True,
    ),
    Variant("BlackSheep", _blacksheep, baseline="BlackSheep alone", has_own_response=True),
)
