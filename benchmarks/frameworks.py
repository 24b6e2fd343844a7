"""Corsac and the libraries that it replaces, inside their frameworks, as people use them.

Some of what is timed says once for the whole process that it is used, such as a decorator for
single views. So each `Group` has processes of its own.
"""

from __future__ import annotations

import functools
import io
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import corsac
from benchmarks import names
from benchmarks.scenarios import HeaderLines, Wanted
from benchmarks.variants import (
    BODY,
    Variant,
    expressions,
    inside,
    loaded,
    options,
    own_headers,
)
from corsac._types import Receive, Scope, Send

KINDS = ("no Origin", "actual, allowed", "actual, refused", "preflight, allowed")
OTHER_ROUTES = 20
_READY = "/token"  # Where a server is asked whether it is there.


@dataclass(frozen=True)
class Group:
    """What is compared with one another: a table of the part ``adapters``."""

    name: str
    protocol: str
    variants: tuple[Variant, ...]


def starlette(does_cors: Any, wanted: Wanted, headers: HeaderLines, app: Any) -> Any:
    """An application of Starlette with some routes; ``does_cors`` changes it, or wraps it."""
    applications, routing = loaded("starlette.applications"), loaded("starlette.routing")
    response_class = loaded("starlette.responses").PlainTextResponse
    own = dict(own_headers(headers))

    async def handler(request: Any) -> Any:
        return response_class(BODY, headers=own)

    marked = handler
    if does_cors is _marked:
        marked = loaded("corsac.starlette").cors(**_corsac_options(wanted))(handler)
    paths = ("/", _READY)
    routes = [routing.Route(path, marked, methods=list(wanted.methods)) for path in paths]
    routes += [routing.Route(f"/other/{number}", handler) for number in range(OTHER_ROUTES)]
    made = applications.Starlette(routes=routes)
    if does_cors is not None:
        does_cors(made, wanted)
    return made


def _corsac_options(wanted: Wanted) -> dict[str, Any]:
    return {"allow_origin_regex": wanted.regex, **options(wanted, patterns=True)}


def _starlettes_own(app: Any, wanted: Wanted) -> None:
    regex = next(iter(expressions(wanted)), None)
    middleware = loaded("starlette.middleware.cors").CORSMiddleware
    app.add_middleware(middleware, allow_origin_regex=regex, **options(wanted))


def _installed(app: Any, wanted: Wanted, **more: Any) -> None:
    loaded("corsac.starlette").install(app, **_corsac_options(wanted), **more)


def _with_rules(app: Any, wanted: Wanted) -> None:
    rules = [(f"/other/{number}/*", corsac.CORSPolicy()) for number in range(3)]
    _installed(app, wanted, rules=[*rules, ("/health", None)])


def _keeping_app_headers(app: Any, wanted: Wanted) -> None:
    _installed(app, wanted, app_headers="keep")


def _marked(app: Any, wanted: Wanted) -> None:
    loaded("corsac.starlette").install(app, allow_origins=["https://other.test"])


def flask(does_cors: Any, wanted: Wanted, headers: HeaderLines, app: Any) -> Any:
    """An application of Flask with one route; ``does_cors`` is an extension."""
    return _flask(wanted, headers, extension=does_cors)


def _flask_decorated(decorator: Any, wanted: Wanted, headers: HeaderLines, app: Any) -> Any:
    return _flask(wanted, headers, decorator=decorator)


def _flask_around_others(extension: Any, wanted: Wanted, headers: HeaderLines, app: Any) -> Any:
    return _flask(wanted, headers, extension=extension, has_middleware=True)


def _flask(
    wanted: Wanted,
    headers: HeaderLines,
    *,
    extension: Any = None,
    decorator: Any = None,
    has_middleware: bool = False,
) -> Any:
    flask = loaded("flask")
    own, framework = own_headers(headers), flask.Flask("benchmarks")
    given = {
        "origins": [*wanted.origins, *expressions(wanted)],
        "methods": list(wanted.methods),
        "allow_headers": list(wanted.request_headers),
        "supports_credentials": wanted.credentials,
        "expose_headers": list(wanted.expose_headers) or None,
        "max_age": wanted.max_age,
    }

    def handler() -> Any:
        return flask.Response(BODY, headers=own, content_type="text/plain; charset=utf-8")

    view = handler if decorator is None else decorator()(**given)(handler)
    for path in ("/", _READY):
        framework.add_url_rule(path, path, view, methods=list(wanted.methods))
    if has_middleware:
        framework.wsgi_app = functools.partial(framework.wsgi_app)
    if extension is not None:
        extension()(framework, **given)
    return framework


# The one view of the one Django project that a process can have answers with these.
_django_headers: list[tuple[str, str]] = []


def _django_response() -> Any:
    response = loaded("django.http").HttpResponse(BODY, content_type="text/plain; charset=utf-8")
    for name, value in _django_headers:
        response[name] = value
    return response


def _django_view(request: Any) -> Any:
    return _django_response()


async def _django_async_view(request: Any) -> Any:
    return _django_response()


class TwoHeaders:
    """The least that a middleware does in Django to allow an origin; it decides nothing."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response
        self.is_async = loaded("asgiref.sync").iscoroutinefunction(get_response)
        if self.is_async:
            loaded("asgiref.sync").markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:
        """Run the application and set the headers of its response."""
        if self.is_async:
            return self._wait(request)
        return _with_headers(request, self.get_response(request))

    async def _wait(self, request: Any) -> Any:
        return _with_headers(request, await self.get_response(request))


def _with_headers(request: Any, response: Any) -> Any:
    origin = request.META.get("HTTP_ORIGIN")
    if origin is not None:
        response.headers["access-control-allow-origin"] = origin
    response.headers["vary"] = "origin"
    return response


def _configure_django(
    middleware: str | None, wanted: Wanted, headers: HeaderLines, view: Callable[..., Any]
) -> None:
    settings = loaded("django.conf").settings
    loaded("corsheaders")
    if not settings.configured:
        urls: Any = types.ModuleType("benchmarks_urls")
        paths = ("", _READY[1:])
        urls.urlpatterns = [loaded("django.urls").path(path, view) for path in paths]
        settings.configure(
            ALLOWED_HOSTS=["*"],
            INSTALLED_APPS=["corsheaders"],
            LOGGING_CONFIG=None,
            ROOT_URLCONF=urls,
            USE_I18N=False,
        )
        loaded("django").setup()
    _django_headers[:] = own_headers(headers)
    # A handler reads its middleware once; django-cors-headers reads its options for each request.
    settings.MIDDLEWARE = [middleware] if middleware else []
    settings.CORS_ALLOWED_ORIGINS = list(wanted.origins)
    settings.CORS_ALLOWED_ORIGIN_REGEXES = expressions(wanted)
    settings.CORS_ALLOW_METHODS = wanted.methods
    default_headers = loaded("corsheaders.defaults").default_headers
    settings.CORS_ALLOW_HEADERS = (*default_headers, *wanted.request_headers)
    settings.CORS_ALLOW_CREDENTIALS = wanted.credentials
    settings.CORS_EXPOSE_HEADERS = wanted.expose_headers
    settings.CORS_PREFLIGHT_MAX_AGE = wanted.max_age


def django(middleware: str | None, wanted: Wanted, headers: HeaderLines, app: Any) -> Any:
    """A project of Django with one view and at most one middleware."""
    _configure_django(middleware, wanted, headers, _django_view)
    return loaded("django.core.handlers.wsgi").WSGIHandler()


def _django_async(middleware: str | None, wanted: Wanted, headers: HeaderLines, app: Any) -> Any:
    _configure_django(middleware, wanted, headers, _django_async_view)
    asgi = loaded("django.core.handlers.asgi")
    handler = asgi.ASGIHandler()

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        # Without the signals of a request, whose receivers Django runs in threads.
        response = await handler.get_response_async(asgi.ASGIRequest(scope, io.BytesIO()))
        lines = [(name.encode(), value.encode("latin-1")) for name, value in response.items()]
        status = response.status_code
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": response.content})

    return run


def _django_asgi(middleware: str | None, wanted: Wanted, headers: HeaderLines, app: Any) -> Any:
    """What servers run; it needs their event loop."""
    _configure_django(middleware, wanted, headers, _django_async_view)
    return loaded("django.core.handlers.asgi").ASGIHandler()


def _of(module: str, name: str) -> Callable[[], Any]:
    return lambda: getattr(loaded(module), name)


FLASK = {names.IN_FLASK: _of("corsac.flask", "CORS"), names.FLASK_CORS: _of("flask_cors", "CORS")}
DJANGO = {
    names.IN_DJANGO: "corsac.django.CORSMiddleware",
    names.DJANGO_CORS_HEADERS: "corsheaders.middleware.CorsMiddleware",
}


def _in_django(build: Any) -> tuple[Variant, ...]:
    made = functools.partial(build, "benchmarks.frameworks.TwoHeaders")
    by_hand = Variant(names.DJANGO_BY_HAND, made, "Django alone", does_cors=False)
    return (*inside("Django", build, DJANGO), by_hand)


_DECORATORS = {
    names.IN_FLASK: _of("corsac.flask", "cross_origin"),
    names.FLASK_CORS: _of("flask_cors", "cross_origin"),
}
_STARLETTE = {
    names.IN_STARLETTE: _installed,
    f"{names.IN_STARLETTE}, rules": _with_rules,
    f"{names.IN_STARLETTE}, app_headers": _keeping_app_headers,
    names.STARLETTE: _starlettes_own,
}
_MARKED = {names.IN_STARLETTE: _marked, names.STARLETTE: _starlettes_own}
GROUPS = (
    Group("Starlette", "asgi", inside("Starlette", starlette, _STARLETTE)),
    Group("Starlette, marked route", "asgi", inside("Starlette", starlette, _MARKED)),
    Group("Flask", "wsgi", inside("Flask", flask, FLASK)),
    Group("Flask, decorated view", "wsgi", inside("Flask", _flask_decorated, _DECORATORS)),
    Group("Flask, other middleware inside", "wsgi", inside("Flask", _flask_around_others, FLASK)),
    Group("Django", "wsgi", _in_django(django)),
    Group("Django, asynchronous", "asgi", _in_django(_django_async)),
)
SERVED_GROUPS = (*GROUPS, Group("Django, served", "asgi", inside("Django", _django_asgi, DJANGO)))
"""What servers may run."""
