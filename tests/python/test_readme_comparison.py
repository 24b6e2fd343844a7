"""README's comparison is what the installed libraries do: each cell is asked, not remembered."""

from __future__ import annotations

import http
import logging.handlers
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import corsheaders.checks
import flask
import flask_cors
import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

import corsac
import corsac.starlette
from support import django_project as _django_project  # noqa: F401 - it configures Django

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
OURS = "https://app.example.com"
THEIRS = "https://evil.example"
EXPRESSION = r"https://.*\.example\.com"
LONGER = "https://a.example.com.evil.example"
LIBRARIES = ("Corsac", "Starlette", "flask-cors", "django-cors-headers")


@dataclass(frozen=True)
class Answer:
    """What a library answers; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: str = ""

    @property
    def allows(self) -> bool:
        return "access-control-allow-origin" in self.headers


Ask = Callable[..., Answer]
Made = Callable[[], AbstractContextManager[Ask]]


async def _view(_: Request) -> Response:
    return PlainTextResponse("notes")


async def _broken_view(_: Request) -> Response:
    raise LookupError


def _starlette() -> Starlette:
    return Starlette(routes=[Route("/", _view), Route("/broken", _broken_view)])


def _ask_starlette(app: Starlette) -> Ask:
    client = TestClient(app, raise_server_exceptions=False)

    def ask(method: str = "GET", path: str = "/", **headers: str) -> Answer:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        response = client.request(method, path, headers=names)
        return Answer(response.status_code, dict(response.headers), response.text)

    return ask


@contextmanager
def corsac_with(**options: Any) -> Iterator[Ask]:
    app = _starlette()
    corsac.starlette.install(app, **options)
    yield _ask_starlette(app)


@contextmanager
def starlette_with(**options: Any) -> Iterator[Ask]:
    app = _starlette()
    app.add_middleware(CORSMiddleware, **options)
    yield _ask_starlette(app)


def _broken_flask_view() -> str:
    raise LookupError


@contextmanager
def flask_cors_with(**options: Any) -> Iterator[Ask]:
    app = flask.Flask("notes")
    app.add_url_rule("/", "view", lambda: "notes")
    app.add_url_rule("/broken", "broken", _broken_flask_view)
    flask_cors.CORS(app, **options)

    def ask(method: str = "GET", path: str = "/", **headers: str) -> Answer:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        response = app.test_client().open(path, method=method, headers=names)
        lower = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, lower, response.text)

    yield ask


def _django_view(_: HttpRequest) -> HttpResponse:
    return HttpResponse("notes")


def _broken_django_view(_: HttpRequest) -> HttpResponse:
    raise LookupError


urlpatterns = [path("", _django_view), path("broken", _broken_django_view)]


@contextmanager
def django_cors_headers_with(**settings: Any) -> Iterator[Ask]:
    with override_settings(
        MIDDLEWARE=["corsheaders.middleware.CorsMiddleware"], ROOT_URLCONF=__name__, **settings
    ):

        def ask(method: str = "GET", path: str = "/", **headers: str) -> Answer:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            client = Client(raise_request_exception=False)
            response = client.generic(method, path, headers=names)
            lower = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, lower, response.content.decode())

        yield ask


@contextmanager
def each_with_one_origin(library: str) -> Iterator[Ask]:
    made: dict[str, Made] = {
        "Corsac": lambda: corsac_with(allow_origins=[OURS]),
        "Starlette": lambda: starlette_with(allow_origins=[OURS]),
        "flask-cors": lambda: flask_cors_with(origins=[OURS]),
        "django-cors-headers": lambda: django_cors_headers_with(CORS_ALLOWED_ORIGINS=[OURS]),
    }
    with made[library]() as ask:
        yield ask


def anyone_with_credentials(library: str) -> str:
    if library == "Corsac":
        with pytest.raises(corsac.CORSConfigError, match="any_with_credentials"):
            corsac.CORSPolicy(allow_origins=["*"], allow_credentials=True)
        return "an error"
    made: dict[str, Made] = {
        "Starlette": lambda: starlette_with(allow_origins=["*"], allow_credentials=True),
        "flask-cors": lambda: flask_cors_with(origins="*", supports_credentials=True),
        "django-cors-headers": lambda: django_cors_headers_with(
            CORS_ALLOW_ALL_ORIGINS=True, CORS_ALLOW_CREDENTIALS=True
        ),
    }
    with made[library]() as ask:
        answer = ask(origin=THEIRS, cookie="session=1")
    assert answer.headers["access-control-allow-credentials"] == "true"
    return "any site" if answer.headers["access-control-allow-origin"] == THEIRS else "nobody"


def longer_origin(library: str) -> str:
    made: dict[str, Made] = {
        "Corsac": lambda: corsac_with(allow_origin_regex=EXPRESSION),
        "Starlette": lambda: starlette_with(allow_origin_regex=EXPRESSION),
        "flask-cors": lambda: flask_cors_with(origins=EXPRESSION),
        "django-cors-headers": lambda: django_cors_headers_with(
            CORS_ALLOWED_ORIGIN_REGEXES=[EXPRESSION]
        ),
    }
    with made[library]() as ask:
        return "yes" if ask(origin=LONGER).allows else "no"


def origin_with_a_slash(library: str) -> str:
    entry = f"{OURS}/"
    if library == "Corsac":
        with pytest.raises(corsac.CORSConfigError, match=r"origin\.invalid"):
            corsac.CORSPolicy(allow_origins=[entry])
        return "an error"
    if library == "django-cors-headers":
        with override_settings(CORS_ALLOWED_ORIGINS=[entry]):
            return "a system check" if corsheaders.checks.check_settings() else "silent"
    made = starlette_with(allow_origins=[entry])
    if library == "flask-cors":
        made = flask_cors_with(origins=[entry])
    with made as ask:
        assert not ask(origin=OURS).allows
    return "silent"


def mistyped_option(library: str) -> str:
    if library == "Corsac":
        with pytest.raises(TypeError, match="allow_origins"):
            corsac.CORSPolicy(allow_origin=[OURS])  # type: ignore[call-arg]
        return "an error"
    if library == "Starlette":
        with starlette_with(allow_origin=[OURS]) as ask:
            failed = ask().status == http.HTTPStatus.INTERNAL_SERVER_ERROR
        return "each request is a 500" if failed else "silent"
    made = flask_cors_with(allow_origins=[OURS])
    if library == "django-cors-headers":
        made = django_cors_headers_with(CORS_ALLOW_ORIGINS=[OURS])
    with made as ask:
        return "anyone is allowed" if ask(origin=THEIRS).allows else "silent"


def unhandled_error(library: str) -> str:
    with each_with_one_origin(library) as ask:
        answer = ask("GET", "/broken", origin=OURS)
    assert answer.status == http.HTTPStatus.INTERNAL_SERVER_ERROR
    return "yes" if answer.allows else "no"


def refused_varies(library: str) -> str:
    with each_with_one_origin(library) as ask:
        vary = ask(origin=THEIRS).headers.get("vary", "")
    return "yes" if "origin" in vary.lower() else "no"


def refusal_is_logged(library: str) -> str:
    handler = logging.handlers.BufferingHandler(1000)
    handler.setLevel(logging.WARNING)
    logging.getLogger().addHandler(handler)
    try:
        with each_with_one_origin(library) as ask:
            assert not ask(origin=THEIRS).allows
    finally:
        logging.getLogger().removeHandler(handler)
    return "yes" if handler.buffer else "no"


ROWS = {
    '`"*"` with credentials: who reads with the user\'s cookies': anyone_with_credentials,
    r"`https://.*\.example\.com` lets in `https://a.example.com.evil.example`": longer_origin,
    "`https://app.example.com/`, which no browser sends": origin_with_a_slash,
    "a mistyped option": mistyped_option,
    "the 500 of an unhandled error can be read": unhandled_error,
    "`Vary: Origin` where the origin is refused": refused_varies,
    "a refusal is logged": refusal_is_logged,
}


def table() -> dict[str, list[str]]:
    section = README.partition("\n## Compared\n")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in row[2:-2].split(" | ")]
        for row in section.splitlines()
        if row.startswith("| ") and not row.startswith("| |")
    ]
    return {row[0]: row[1:] for row in rows}


def test_the_comparison_names_the_libraries_that_are_asked() -> None:
    assert f"| | {' | '.join(LIBRARIES)} |" in README
    assert list(table()) == list(ROWS)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("library", LIBRARIES)
def test_each_cell_is_what_the_library_does(row: str, library: str) -> None:
    assert table()[row][LIBRARIES.index(library)] == ROWS[row](library)
