"""Django projects and requests drawn by lot, for holding the drop-in to django-cors-headers.

The same project is asked twice, with one middleware and with the other.
"""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import include, path, re_path
from django.utils.decorators import sync_and_async_middleware

from corsac.browser import FetchRequest
from support.exchange import Request

__all__ = ["MIDDLEWARE_PLACE", "Case", "draw_case", "draw_settings"]

APP = "https://app.example.com"
ORIGINS = (
    APP,
    "https://a.example",
    "https://b.example",
    "https://a.example.evil.test",
    "http://localhost:3000",
    "https://sub.app.example.com",
    "http://127.0.0.1",
    "null",
)
# What no browser sends, or not so.
ODD_ORIGINS = (
    "",
    "HTTPS://a.example",
    "https://A.example",
    "https://a.example/",
    "https://a.example/path?query",
    "https://a.example:443",
    "https://a.example ",
    "https://a.example, https://b.example",
    "https://user@a.example",
    "http://[",
    "a.example",
    "file://",
    "chrome-extension://abcdefghijklmnop",
    "*",
    "https://*.example.com",
)
ENTRIES = (
    *(origin for origin in ORIGINS if origin != "null"),
    " https://b.example",
    "https://b.example ",
    "\thttps://b.example\n",
    "",
    " ",
    "HTTPS://b.example",
    "https://A.example",
    "https://*.example.com",
    "http://localhost:*",
    "https://a.example:443",
    "https://a.example/",
    "a.example",
    "null",
    "*",
    "\xa0https://b.example",
    "\ufeffhttps://b.example",
)
REGEXES: tuple[str | re.Pattern[str], ...] = (
    r"^https://\w+\.example\.com$",
    r"^https://a\.example",
    r"https://[ab]\.example",
    r"^https://(\w+\.)?app\.example\.com\Z",
    re.compile(r"^HTTPS://B\.EXAMPLE$", re.IGNORECASE),
    r"^null$",
    r".*",
    r"^https?://",
    r"^https://a.example$",
)
PATH_REGEXES = (r"^.*$", r"^/api/.*$", r"^/api", r"/api/", r"^/(api|own)/", "", r"^/nothing/")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
NAMES = ("x-one", "x-two", "authorization", "content-type", "x-csrftoken", "range")
# What views set themselves.
OWN_HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"Access-Control-Allow-Origin": "*"},
    {"Access-Control-Allow-Origin": "https://b.example", "Vary": "Accept"},
    {"Access-Control-Allow-Origin": APP, "Access-Control-Allow-Credentials": "true"},
    {"Access-Control-Allow-Credentials": "true"},
    {"Access-Control-Expose-Headers": "X-Own"},
    {"Access-Control-Allow-Headers": "*", "Access-Control-Max-Age": "5"},
    {"Vary": "*"},
    {"Vary": "Cookie, origin"},
)
MIDDLEWARE_PLACE = "the middleware that is compared"


@dataclass
class Case:
    """One project, and what is asked of it.

    Attributes:
        settings: The settings of django-cors-headers.
        tolerated: Whether Corsac is told to accept what is dangerous.
        middleware: ``MIDDLEWARE`` with `MIDDLEWARE_PLACE` in it.
        urls: ``ROOT_URLCONF``.
        others: Other settings.
        receiver: Connected to the signal of django-cors-headers, if there is one.
        receiver_raises: Whether it does nothing else.
        own_headers: Whether something in the project sets CORS headers of its own.
        prefix: Where the server has mounted the project.
        fetches: What pages do, in the words of ``fetch()``.
        requests: What no page can send.
    """

    settings: dict[str, Any]
    tolerated: bool
    middleware: list[str]
    urls: tuple[Any, ...]
    others: dict[str, Any]
    receiver: Callable[..., Any] | None
    receiver_raises: bool
    own_headers: bool
    prefix: str = ""
    fetches: list[FetchRequest] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)


# The projects


def _view(headers: dict[str, str], status: int = 200) -> Callable[..., Any]:
    def view(request: HttpRequest, **_: object) -> HttpResponse:
        return HttpResponse(b"body", status=status, headers={"X-Own": "1", **headers})

    return view


def _streaming(request: HttpRequest) -> StreamingHttpResponse:
    content = _later() if hasattr(request, "scope") else iter([b"a", b"b"])
    return StreamingHttpResponse(content, headers={"ETag": '"1"'})


async def _later() -> AsyncIterator[bytes]:
    yield b"a"
    yield b"b"


def _missing(request: HttpRequest) -> HttpResponse:
    raise Http404


def _denied(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def _broken(request: HttpRequest) -> HttpResponse:
    raise LookupError(request.path)


def _draw_urls(lot: random.Random, own: dict[str, str]) -> tuple[Any, ...]:
    below = (
        path("plain/", _view({})),
        path("own/", _view(own)),
        path("stream", _streaming),
        re_path(r"^status/(?P<status>\d+)$", _status),
    )
    return (
        path("plain/", _view({})),
        path("own/", _view(own)),
        path("api/", include((below, "api"))),
        path("deep/", include([path("api/", include((below, "api")))])),
        path("missing", _missing),
        path("denied", _denied),
        path("broken", _broken),
        *([re_path(r"^", _view(own))] if lot.random() < 0.2 else []),
    )


def _status(request: HttpRequest, status: str) -> HttpResponse:
    return HttpResponse(b"", status=int(status))


PATHS = (
    "/plain/",
    "/plain",
    "/own/",
    "/api/plain/",
    "/api/plain",
    "/api/own/",
    "/api/stream",
    "/api/status/204",
    "/api/status/418",
    "/deep/api/own/",
    "/missing",
    "/denied",
    "/broken",
    "/nowhere",
    "/short/x",
    "/fails/x",
    "/v1/api/plain/",
)


def _middleware(
    before: Callable[[HttpRequest], HttpResponse | None],
    after: Callable[[HttpResponse], None] = lambda response: None,
) -> Any:
    def factory(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
        async def later(request: HttpRequest) -> Any:
            response = before(request) or await get_response(request)
            after(response)
            return response

        def at_once(request: HttpRequest) -> Any:
            response = before(request) or get_response(request)
            after(response)
            return response

        return later if iscoroutinefunction(get_response) else at_once

    return sync_and_async_middleware(factory)


def _short(request: HttpRequest) -> HttpResponse | None:
    if request.path_info.startswith("/short/"):
        return HttpResponse("who are you?", status=401)
    return None


def _fail(request: HttpRequest) -> HttpResponse | None:
    if request.path_info.startswith("/fails/"):
        raise LookupError(request.path_info)
    return None


def _move(request: HttpRequest) -> HttpResponse | None:
    request.path_info = request.path_info.removeprefix("/v1")
    return None


def _add_headers(response: HttpResponse) -> None:
    response.headers["Access-Control-Allow-Origin"] = "https://b.example"
    response.headers["X-Own"] = "2"


short_circuits = _middleware(_short)
fails = _middleware(_fail)
moves_paths = _middleware(_move)
sets_headers = _middleware(lambda request: None, _add_headers)

_OWN_MIDDLEWARE = tuple(
    f"{__name__}.{name}" for name in ("short_circuits", "fails", "moves_paths", "sets_headers")
)
_DJANGOS = (
    "django.middleware.common.CommonMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.gzip.GZipMiddleware",
)


# The lot


def _some(lot: random.Random, given: Any, most: int) -> list[Any]:
    return lot.sample(given, lot.randint(0, min(most, len(given))))


def draw_settings(lot: random.Random) -> dict[str, Any]:
    """Draw the settings of django-cors-headers."""
    settings: dict[str, Any] = {}
    if lot.random() < 0.8:
        common = [origin for origin in ORIGINS if origin != "null"]
        entries = _some(lot, common, 3)
        if lot.random() < 0.4:
            entries += _some(lot, ENTRIES, 2)
        settings[lot.choice(["CORS_ALLOWED_ORIGINS"] * 3 + ["CORS_ORIGIN_WHITELIST"])] = entries
    if lot.random() < 0.35:
        settings["CORS_ALLOWED_ORIGIN_REGEXES"] = _some(lot, REGEXES, 2)
    if lot.random() < 0.2:
        settings[lot.choice(["CORS_ALLOW_ALL_ORIGINS", "CORS_ORIGIN_ALLOW_ALL"])] = True
    if lot.random() < 0.4:
        settings["CORS_ALLOW_CREDENTIALS"] = True
    if lot.random() < 0.4:
        settings["CORS_URLS_REGEX"] = lot.choice(PATH_REGEXES)
    if lot.random() < 0.4:
        more = ["*", "get", "patch", " PUT", "TRACE", ""] if lot.random() < 0.5 else []
        settings["CORS_ALLOW_METHODS"] = _some(lot, [*METHODS, *more], 6)
    if lot.random() < 0.4:
        more = ["*", " x-two", "X-Two ", "cookie", ""] if lot.random() < 0.5 else []
        settings["CORS_ALLOW_HEADERS"] = _some(lot, [*NAMES, *more], 6)
    if lot.random() < 0.4:
        more = ["*", " x-own", "set-cookie"] if lot.random() < 0.5 else []
        settings["CORS_EXPOSE_HEADERS"] = _some(lot, ["x-own", "ETag", "location", *more], 3)
    if lot.random() < 0.4:
        settings["CORS_PREFLIGHT_MAX_AGE"] = lot.choice([0, 5, 86_400, 100_000])
    if lot.random() < 0.3:
        settings["CORS_ALLOW_PRIVATE_NETWORK"] = True
    return settings


def _receiver(kind: str) -> Callable[..., Any] | None:
    def receive(sender: object, request: HttpRequest, **_: object) -> object:
        match kind:
            case "path":
                return request.path_info.startswith("/own/")
            case "origin":
                return request.headers.get("origin") == "https://b.example" and "yes"
            case "broken":
                raise LookupError(request.path)
        return None

    return receive if kind else None


def _draw_middleware(lot: random.Random) -> list[str]:
    around = _some(lot, [*_OWN_MIDDLEWARE, *_DJANGOS], 4)
    # It belongs at the top, and does not always stand there.
    place = 0 if lot.random() < 0.7 else lot.randint(0, len(around))
    return [*around[:place], MIDDLEWARE_PLACE, *around[place:]]


def _draw_origin(lot: random.Random, case: Case) -> str:
    """Mostly one that has a chance."""
    listed = [
        *case.settings.get("CORS_ALLOWED_ORIGINS", ()),
        *case.settings.get("CORS_ORIGIN_WHITELIST", ()),
    ]
    likely = [origin for origin in ORIGINS if origin in listed]
    return lot.choice(likely if likely and lot.random() < 0.6 else ORIGINS)


def _draw_fetch(lot: random.Random, case: Case) -> FetchRequest:
    names: list[str] = case.settings.get("CORS_ALLOW_HEADERS", list(NAMES[2:4]))
    asked = [name.lower() for name in names if name.lower() in NAMES] or NAMES
    headers = _some(lot, asked if lot.random() < 0.7 else NAMES, 2) if lot.random() < 0.5 else []
    methods = [
        method for method in METHODS if method in case.settings.get("CORS_ALLOW_METHODS", METHODS)
    ]
    with_credentials = case.settings.get("CORS_ALLOW_CREDENTIALS", False)
    return FetchRequest(
        f"http://api.example.net{case.prefix}{lot.choice(PATHS)}",
        _draw_origin(lot, case),
        method=lot.choice(methods if methods and lot.random() < 0.8 else METHODS),
        headers=[(name, "bytes=0-1" if name == "range" else "1") for name in headers],
        credentials="include" if lot.random() < (0.7 if with_credentials else 0.2) else "omit",
    )


def _draw_request(lot: random.Random, case: Case) -> Request:
    headers: list[tuple[str, str]] = []
    if lot.random() < 0.9:
        odd = lot.random() < 0.4
        headers.append(("Origin", lot.choice(ODD_ORIGINS) if odd else _draw_origin(lot, case)))
    if lot.random() < 0.5:
        headers.append(
            ("Access-Control-Request-Method", lot.choice(["PUT", "get", "", "GET POST", "TRACE"]))
        )
    if lot.random() < 0.3:
        headers.append(("Access-Control-Request-Headers", lot.choice(["x-one", "b a d", ","])))
    if lot.random() < 0.3:
        headers.append(("Access-Control-Request-Private-Network", lot.choice(["true", "1"])))
    method = lot.choice(["OPTIONS", "OPTIONS", "GET", "HEAD", "POST", "DELETE"])
    return Request(method, headers, case.prefix + lot.choice(PATHS))


def draw_case(seed: int, asked: int = 6) -> Case:
    """Draw one project, and requests for it.

    Args:
        seed: Every number has a case of its own, always the same.
        asked: How many fetches, and how many other requests.
    """
    lot = random.Random(seed)  # noqa: S311 - the same cases in every run
    own = lot.choice(OWN_HEADERS)
    kind = lot.choice(["path", "origin", "nothing", "broken", *[""] * 12])
    prefix = "/shop" if lot.random() < 0.2 else ""
    others: dict[str, Any] = {}
    if lot.random() < 0.15:
        others["FORCE_SCRIPT_NAME"] = "/other"
    if lot.random() < 0.2:
        others["SECURE_SSL_REDIRECT"] = True
    case = Case(
        settings=draw_settings(lot),
        tolerated=lot.random() < 0.6,
        middleware=_draw_middleware(lot),
        urls=_draw_urls(lot, own),
        others=others,
        receiver=_receiver(kind),
        receiver_raises=kind == "broken",
        own_headers=False,
        prefix=prefix,
    )
    sets = f"{__name__}.sets_headers" in case.middleware
    case.own_headers = sets or any(name != "Vary" for name in own)
    case.fetches = [_draw_fetch(lot, case) for _ in range(asked)]
    case.requests = [_draw_request(lot, case) for _ in range(asked)]
    return case
