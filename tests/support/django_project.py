"""A Django project in one module: settings, one view for every path, exchanges through it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Sequence
from typing import Any

import django
from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import re_path

import corsac
from corsac._types import Message
from support.exchange import AppResponse, Request, Response, http_scope, run_asgi

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["corsac.django"],
        LOGGING_CONFIG=None,
        MIDDLEWARE=["corsac.django.CORSMiddleware"],
        ROOT_URLCONF=__name__,
        SECRET_KEY="not a secret",  # noqa: S106
        USE_TZ=True,
    )
    django.setup()

_REQUEST = Request()
_APP_RESPONSE = AppResponse()
_calls: list[HttpRequest] = []
_responses = [_APP_RESPONSE]


def _view(request: HttpRequest) -> HttpResponse:
    _calls.append(request)
    app = _responses[-1]
    response = HttpResponse(app.body, status=app.status)
    del response.headers["content-type"]
    for name, value in app.headers:
        # Django has one line for a name.
        before = response.headers.get(name) if name.lower() == "vary" else None
        response.headers[name] = f"{before}, {value}" if before else value
    return response


async def _async_view(request: HttpRequest) -> HttpResponse:
    return _view(request)


urlpatterns = [re_path(r"^", _view)]
ASYNC_URLS = (re_path(r"^", _async_view),)


def environ_of(request: Request, prefix: str = "") -> dict[str, Any]:
    """The WSGI environ of a request; lines of one name are joined, as servers do.

    Args:
        request: The request, with its whole path.
        prefix: Where the server has mounted the project.
    """
    path = request.path.removeprefix(prefix)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": path.encode().decode("latin-1"),
        "SCRIPT_NAME": prefix,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
    }
    for name, value in request.headers:
        key = f"HTTP_{name.upper().replace('-', '_')}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


def call_wsgi(request: Request, handler: WSGIHandler | None = None, prefix: str = "") -> Response:
    """One request through Django's WSGI application; a new one has the settings as they are."""
    del _calls[:]
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        started.append((status, headers))

    application: Any = handler or WSGIHandler()
    response = application(environ_of(request, prefix), start_response)
    body = b"".join(response)
    response.close()
    ((status, lines),) = started
    return Response(
        status=int(status.split()[0]),
        headers=[(name.lower(), value) for name, value in lines],
        body=body,
        app_called=bool(_calls),
        names_as_sent=[name for name, _ in lines],
    )


def call_asgi(request: Request, handler: ASGIHandler | None = None, prefix: str = "") -> Response:
    """One request through Django's ASGI application; a new one has the settings as they are."""
    del _calls[:]
    messages = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Message:
        for message in messages:
            return message
        await asyncio.Event().wait()  # The client stays until the response is there.
        raise AssertionError

    application: Any = handler or ASGIHandler()
    start, *bodies = run_asgi(application, http_scope(request, root_path=prefix), receive)
    lines = [(name.decode(), value.decode("latin-1")) for name, value in start["headers"]]
    return Response(
        status=start["status"],
        headers=[(name.lower(), value) for name, value in lines],
        body=b"".join(message.get("body", b"") for message in bodies),
        app_called=bool(_calls),
        names_as_sent=[name for name, _ in lines],
    )


CALLS: dict[str, Callable[[Request], Response]] = {"asgi": call_asgi, "wsgi": call_wsgi}


def is_example(origin: str) -> bool:
    """Decides about an origin, for settings that name a function."""
    return origin.endswith(".example.com")


def last_request() -> HttpRequest:
    """The request that the view of the last call got."""
    return _calls[-1]


def _exchange(
    call: Callable[[Request], Response],
    policy: corsac.CORSPolicy | Sequence[corsac.CORSPolicy],
    request: Request,
    app: AppResponse,
    **changes: Any,
) -> Response:
    _responses.append(app)
    try:
        with override_settings(CORSAC=policy, **changes):
            return call(request)
    finally:
        _responses.pop()


def wsgi_exchange(
    policy: corsac.CORSPolicy | Sequence[corsac.CORSPolicy],
    request: Request = _REQUEST,
    app: AppResponse = _APP_RESPONSE,
) -> Response:
    """The exchange through Django under WSGI."""
    return _exchange(call_wsgi, policy, request, app)


def asgi_exchange(
    policy: corsac.CORSPolicy | Sequence[corsac.CORSPolicy],
    request: Request = _REQUEST,
    app: AppResponse = _APP_RESPONSE,
) -> Response:
    """The exchange through Django under ASGI, with an asynchronous view."""
    assert iscoroutinefunction(_async_view)
    return _exchange(call_asgi, policy, request, app, ROOT_URLCONF=ASYNC_URLS)


EXCHANGES = {"django-asgi": asgi_exchange, "django-wsgi": wsgi_exchange}
