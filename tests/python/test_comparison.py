"""The comparisons: installed libraries are asked what they do, and what we claim has tests."""

from __future__ import annotations

import http
import inspect
import logging.handlers
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asgi_cors
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
from starlette.types import ASGIApp

import corsac
import corsac.starlette
from support import django_project as _django_project  # noqa: F401 - it configures Django

TESTS = Path(__file__).resolve().parent
README = (TESTS.parents[1] / "README.md").read_text()
PAGE = (TESTS.parents[1] / "docs/why/comparison.md").read_text()
OURS = "https://app.example.com"
THEIRS = "https://evil.example"
EXPRESSION = r"https://.*\.example\.com"
LONGER = "https://a.example.com.evil.example"
PATTERN = "https://*.example.com"
LIBRARIES = ("Corsac", "Starlette", "flask-cors", "django-cors-headers", "asgi-cors")


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


async def _varying_view(_: Request) -> Response:
    return PlainTextResponse("notes", headers={"Vary": "Origin"})


async def _broken_view(_: Request) -> Response:
    raise LookupError


def _starlette() -> Starlette:
    views = {"/": _view, "/varies": _varying_view, "/broken": _broken_view}
    return Starlette(routes=[Route(path, view) for path, view in views.items()])


def _ask_starlette(app: ASGIApp) -> Ask:
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


@contextmanager
def asgi_cors_with(**options: Any) -> Iterator[Ask]:
    yield _ask_starlette(asgi_cors.asgi_cors(_starlette(), **options))


def _joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """All lines of each header in one, as clients read them."""
    lines: dict[str, list[str]] = {}
    for name, value in headers:
        lines.setdefault(name.lower(), []).append(value)
    return {name: ", ".join(values) for name, values in lines.items()}


def _varying_flask_view() -> tuple[str, dict[str, str]]:
    return "notes", {"Vary": "Origin"}


def _broken_flask_view() -> str:
    raise LookupError


@contextmanager
def flask_cors_with(**options: Any) -> Iterator[Ask]:
    app = flask.Flask("notes")
    app.add_url_rule("/", "view", lambda: "notes")
    app.add_url_rule("/varies", "varies", _varying_flask_view)
    app.add_url_rule("/broken", "broken", _broken_flask_view)
    flask_cors.CORS(app, **options)

    def ask(method: str = "GET", path: str = "/", **headers: str) -> Answer:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        response = app.test_client().open(path, method=method, headers=names)
        return Answer(response.status_code, _joined(response.headers.items()), response.text)

    yield ask


def _django_view(_: HttpRequest) -> HttpResponse:
    return HttpResponse("notes")


def _varying_django_view(_: HttpRequest) -> HttpResponse:
    return HttpResponse("notes", headers={"Vary": "Origin"})


def _broken_django_view(_: HttpRequest) -> HttpResponse:
    raise LookupError


urlpatterns = [
    path("", _django_view),
    path("varies", _varying_django_view),
    path("broken", _broken_django_view),
]


@contextmanager
def django_cors_headers_with(**settings: Any) -> Iterator[Ask]:
    with override_settings(
        MIDDLEWARE=["corsheaders.middleware.CorsMiddleware"], ROOT_URLCONF=__name__, **settings
    ):

        def ask(method: str = "GET", path: str = "/", **headers: str) -> Answer:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            client = Client(raise_request_exception=False)
            response = client.generic(method, path, headers=names)
            headers = _joined(response.headers.items())
            return Answer(response.status_code, headers, response.content.decode())

        yield ask


@contextmanager
def each_with(library: str, *origins: str) -> Iterator[Ask]:
    made: dict[str, Made] = {
        "Corsac": lambda: corsac_with(allow_origins=origins),
        "Starlette": lambda: starlette_with(allow_origins=origins),
        "flask-cors": lambda: flask_cors_with(origins=list(origins)),
        "django-cors-headers": lambda: django_cors_headers_with(CORS_ALLOWED_ORIGINS=origins),
        "asgi-cors": lambda: asgi_cors_with(hosts=list(origins)),
    }
    with made[library]() as ask:
        yield ask


def asgi_cors_options() -> list[str]:
    return list(inspect.signature(asgi_cors.asgi_cors).parameters)


def anyone_with_credentials(library: str) -> str:
    if library == "Corsac":
        with pytest.raises(corsac.CORSConfigError, match="any_with_credentials"):
            corsac.CORSPolicy(allow_origins=["*"], allow_credentials=True)
        return "an error"
    if library == "asgi-cors":
        assert not any("credentials" in name for name in asgi_cors_options())
        return "no credentials"
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


def subdomain_pattern(library: str) -> str:
    made = each_with(library, PATTERN)
    if library == "asgi-cors":
        made = asgi_cors_with(host_wildcards=[PATTERN])
    with made as ask:
        return "yes" if ask(origin="https://a.example.com").allows else "no"


def longer_origin(library: str) -> str:
    if library == "asgi-cors":
        assert not any("regex" in name for name in asgi_cors_options())
        return "no expressions"
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
    if library == "asgi-cors":
        with pytest.raises(AssertionError), asgi_cors_with(hosts=[entry]):
            pass
        return "an error"
    with each_with(library, entry) as ask:
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
    if library == "asgi-cors":
        with pytest.raises(TypeError), asgi_cors_with(allow_origins=[OURS]):
            pass
        return "an error"
    made = flask_cors_with(allow_origins=[OURS])
    if library == "django-cors-headers":
        made = django_cors_headers_with(CORS_ALLOW_ORIGINS=[OURS])
    with made as ask:
        return "anyone is allowed" if ask(origin=THEIRS).allows else "silent"


def refused_preflight(library: str) -> str:
    with each_with(library, OURS) as ask:
        answer = ask("OPTIONS", origin=THEIRS, access_control_request_method="PUT")
        unasked = ask("OPTIONS")
    if library == "asgi-cors":
        assert answer == unasked
        return "the application's"
    return str(answer.status)


def unhandled_error(library: str) -> str:
    with each_with(library, OURS) as ask:
        answer = ask("GET", "/broken", origin=OURS)
    assert answer.status == http.HTTPStatus.INTERNAL_SERVER_ERROR
    return "yes" if answer.allows else "no"


def refused_varies(library: str) -> str:
    with each_with(library, OURS) as ask:
        vary = ask(origin=THEIRS).headers.get("vary", "")
    return "yes" if "origin" in vary.lower() else "no"


def vary_of_the_application(library: str) -> str:
    with each_with(library, OURS, "https://admin.example.com") as ask:
        names = ask(path="/varies", origin=OURS).headers["vary"].lower().split(", ")
    assert set(names) == {"origin"}
    return {1: "once", 2: "twice"}[len(names)]


def refusal_is_logged(library: str) -> str:
    handler = logging.handlers.BufferingHandler(1000)
    handler.setLevel(logging.WARNING)
    logging.getLogger().addHandler(handler)
    try:
        with each_with(library, OURS) as ask:
            assert not ask(origin=THEIRS).allows
    finally:
        logging.getLogger().removeHandler(handler)
    return "yes" if handler.buffer else "no"


ROWS = {
    '`"*"` with credentials: who reads with the user\'s cookies': anyone_with_credentials,
    "`https://*.example.com` allows `https://a.example.com`": subdomain_pattern,
    r"`https://.*\.example\.com` lets in `https://a.example.com.evil.example`": longer_origin,
    "`https://app.example.com/`, which no browser sends": origin_with_a_slash,
    "a mistyped option": mistyped_option,
    "the answer to the preflight request of a refused origin": refused_preflight,
    "the 500 of an unhandled error can be read": unhandled_error,
    "`Vary: Origin` where the origin is refused": refused_varies,
    "`Vary: Origin` where the application has sent that, too": vary_of_the_application,
    "a refusal is logged": refusal_is_logged,
}


def table(page: str, heading: str) -> dict[str, list[str]]:
    """The cells of the table below a heading, by the first one of each row."""
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in row[1:-1].split(" | ")]
        for row in section.splitlines()
        if row.startswith("| ")
    ]
    return {row[0].strip("| "): [cell.strip("| ") for cell in row[1:]] for row in rows}


def test_the_comparison_names_the_libraries_that_are_asked() -> None:
    answers = table(PAGE, "What the Python libraries answer")
    assert list(answers) == ["", *ROWS]
    assert tuple(answers[""]) == LIBRARIES


def test_readme_has_some_of_its_rows() -> None:
    answers = table(PAGE, "What the Python libraries answer")
    for row, cells in table(README, "Compared").items():
        assert cells == answers[row][: len(cells)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("library", LIBRARIES)
def test_each_cell_is_what_the_library_does(row: str, library: str) -> None:
    answers = table(PAGE, "What the Python libraries answer")
    assert answers[row][LIBRARIES.index(library)] == ROWS[row](library)


def test_each_feature_of_ours_has_a_test() -> None:
    python, others, tests = (
        table(PAGE, heading)
        for heading in (
            "What each can do in Python",
            "What each can do elsewhere",
            "Which test holds what",
        )
    )
    assert list(python) == list(others) == list(tests)
    for features in (python, others):
        assert {len(cells) for cells in features.values()} == {len(features[""])}
        assert [cells[0] for cells in features.values()] == [c[0] for c in python.values()]
    for (cell,) in list(tests.values())[1:]:
        file, _, name = cell.strip("`").partition("::")
        assert re.search(rf"^(?:async )?def {name}\(", (TESTS / file).read_text(), re.MULTILINE)
