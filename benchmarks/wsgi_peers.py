"""What is compared for WSGI: Corsac, an empty wrapper, flask-cors and django-cors-headers.

Each is configured as its documentation recommends for the policy that is wanted. Those two are part
of a framework, so that they are measured as the framework with them less the same one without.
"""

from __future__ import annotations

import re
import types
from typing import Any

import django
from corsheaders.defaults import default_headers
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.urls import path
from flask import Flask, Response
from flask_cors import CORS

import corsac.wsgi
from benchmarks.peers import BARE, BODY, CORSAC, NO_APP, WRAPPER, Variant
from benchmarks.scenarios import HeaderLines, Wanted

FLASK_CORS = "flask-cors"
DJANGO_CORS_HEADERS = "django-cors-headers"
# The names that pip has for them.
DISTRIBUTIONS = ("flask", "flask-cors", "django", "django-cors-headers")

_OF_THE_BODY = {"content-type", "content-length"}


def _text(headers: HeaderLines) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def bare_app(headers: HeaderLines) -> Any:
    """The application that everything wraps: a list of headers, made anew for each request."""
    lines = _text(headers)

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [*lines])
        return [BODY]

    return app


class EmptyWrapper:
    """The least that a WSGI middleware written in Python does which sees a response's headers."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Call the application with a `start_response` that changes nothing."""

        def start(status: str, headers: Any, exc_info: Any = None) -> Any:
            return start_response(status, headers, exc_info)

        return self.app(environ, start)


def _wrapper(wanted: Wanted, headers: HeaderLines, app: Any) -> Any:
    return EmptyWrapper(app)


def _corsac(wanted: Wanted, headers: HeaderLines, app: Any) -> Any:
    pattern = () if wanted.pattern is None else (f"https://*.{wanted.pattern}",)
    return corsac.wsgi.CORSMiddleware(
        app,
        allow_origins=[*wanted.origins, *pattern],
        allow_origin_regex=wanted.regex,
        allow_methods=wanted.methods,
        allow_headers=wanted.request_headers,
        allow_credentials=wanted.credentials,
        expose_headers=wanted.expose_headers,
        max_age=wanted.max_age,
    )


def _expressions(wanted: Wanted) -> list[str]:
    """Both libraries match expressions from the start only, so that the end has to be written."""
    if wanted.pattern is not None:
        return [rf"^https://.*\.{re.escape(wanted.pattern)}$"]
    return [] if wanted.regex is None else [f"^{wanted.regex}$"]


def _flask(wanted: Wanted | None, headers: HeaderLines, app: Any) -> Any:
    own = [line for line in _text(headers) if line[0] not in _OF_THE_BODY]
    framework = Flask("benchmarks")

    @framework.route("/", methods=["GET", "PUT", "DELETE"])
    def handler() -> Response:
        return Response(BODY, headers=own, content_type="text/plain; charset=utf-8")

    if wanted is not None:
        CORS(
            framework,
            origins=[*wanted.origins, *_expressions(wanted)],
            methods=list(wanted.methods),
            allow_headers=list(wanted.request_headers),
            supports_credentials=wanted.credentials,
            expose_headers=list(wanted.expose_headers) or None,
            max_age=wanted.max_age,
        )
    return framework


class _DjangoView:
    """The one view of the one Django project that a process can have."""

    def __init__(self) -> None:
        self.headers: list[tuple[str, str]] = []

    def __call__(self, request: Any) -> Any:
        response = HttpResponse(BODY, content_type="text/plain; charset=utf-8")
        for name, value in self.headers:
            response[name] = value
        return response


_django_view = _DjangoView()


def _set_up_django() -> None:
    urls: Any = types.ModuleType("benchmarks_urls")
    urls.urlpatterns = [path("", _django_view)]
    settings.configure(
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["corsheaders"],
        LOGGING_CONFIG=None,
        MIDDLEWARE=[],
        ROOT_URLCONF=urls,
        SECRET_KEY="none is needed",  # noqa: S106 - it keeps no secret
        USE_I18N=False,
    )
    django.setup()


def _django(wanted: Wanted | None, headers: HeaderLines, app: Any) -> Any:
    if not settings.configured:
        _set_up_django()
    _django_view.headers = [line for line in _text(headers) if line[0] not in _OF_THE_BODY]
    # A handler reads its middleware once; the options of the library are read for each request.
    settings.MIDDLEWARE = [] if wanted is None else ["corsheaders.middleware.CorsMiddleware"]
    if wanted is not None:
        settings.CORS_ALLOWED_ORIGINS = list(wanted.origins)
        settings.CORS_ALLOWED_ORIGIN_REGEXES = _expressions(wanted)
        settings.CORS_ALLOW_METHODS = wanted.methods
        settings.CORS_ALLOW_HEADERS = (*default_headers, *wanted.request_headers)
        settings.CORS_ALLOW_CREDENTIALS = wanted.credentials
        settings.CORS_EXPOSE_HEADERS = wanted.expose_headers
        settings.CORS_PREFLIGHT_MAX_AGE = wanted.max_age
    return WSGIHandler()


VARIANTS = (
    Variant(NO_APP, lambda wanted, headers, app: None, is_baseline=True),
    Variant(BARE, lambda wanted, headers, app: app, is_baseline=True),
    Variant(WRAPPER, _wrapper),
    Variant(CORSAC, _corsac),
    Variant("Flask alone", lambda _, *rest: _flask(None, *rest), is_baseline=True),
    Variant(FLASK_CORS, _flask, baseline="Flask alone"),
    Variant("Django alone", lambda _, *rest: _django(None, *rest), is_baseline=True),
    Variant(DJANGO_CORS_HEADERS, _django, baseline="Django alone"),
)
