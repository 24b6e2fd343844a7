"""`corsac check` on applications of frameworks: decorated routes are checked too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from corsac.cli import main
from support.checking import check_json, codes, run_check, use_empty_directory, write_module
from support.left_out import runs_the_command_line


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to run in."""
    use_empty_directory(tmp_path, monkeypatch)
    return tmp_path


STARLETTE = """
import corsac.starlette
from corsac.starlette import cors, cors_exempt
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.routing import Mount, Route
anyone = corsac.CORSPolicy(allow_origins=["*"], allow_headers=["*"])
@cors(anyone)
async def public(request): ...
async def plain(request): ...
@cors_exempt
async def hook(request): ...
class Notes(HTTPEndpoint):
    async def get(self, request): ...
    @cors(allow_origins=["http://b.test"], allow_credentials=True,
          tolerate=["origin.insecure_with_credentials"])
    async def put(self, request): ...
app = Starlette(routes=[
    Route("/public", public), Route("/plain", plain), Route("/notes/{number}", Notes),
    Mount("/sub", routes=[Route("/hook", hook), Route("/public", public)]),
])
"""


def first_parts(text: str) -> list[str]:
    """The lines that say what is allowed, without their details."""
    return [
        line.partition(";")[0] for line in text.splitlines() if " allow" in line or "left" in line
    ]


def test_marked_routes_of_starlette_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    name = write_module(
        f"{STARLETTE}\ncorsac.starlette.install(app, allow_origins=['https://a.test'])\n"
    )
    code, found = check_json(capsys, f"{name}:app")
    assert (code, found["policy"]) == (0, "CORSPolicy(allow_origins=('https://a.test',))")
    assert [(problem["option"], problem["code"]) for problem in found["problems"]] == [
        ("route '/public'.allow_headers", "header.authorization_not_covered"),
        (
            "route 'PUT /notes/{number}'.allow_origins",
            "origin.insecure_with_credentials",
        ),
    ]
    assert main(["check", f"{name}:app"]) == 0
    lines = first_parts(capsys.readouterr().out)[-6:]
    assert (
        lines
        == [
            "/public allows any origin without credentials",
            "PUT /notes/{number} allows 1 origin with credentials",
            "/sub/hook is left alone",
            "/sub/public allows any origin without credentials",
            "any other path allows 1 origin without credentials",
        ][-6:]
    )
    assert sys.modules[name].app.middleware_stack is None


def test_marks_that_nothing_carries_out_are_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    name = write_module(
        f"{STARLETTE}\napp = corsac.CORSMiddleware(app, allow_origins=['https://a.test'])\n"
    )
    code, found = check_json(capsys, "--strict", f"{name}:app")
    assert (code, codes(found)) == (1, ["option.conflict"])
    assert found["problems"][0]["value"] == "/public"
    assert "corsac.starlette.install" in found["problems"][0]["hint"]


def test_included_routers_of_fastapi_have_their_prefix(capsys: pytest.CaptureFixture[str]) -> None:
    name = write_module(
        "import corsac.starlette\nfrom fastapi import APIRouter, FastAPI\n"
        "router, app = APIRouter(), FastAPI()\n"
        "@router.get('/notes/{number}')\nasync def notes(number: int) -> int: return number\n"
        "app.include_router(corsac.starlette.cors(allow_origins=['*'])(router), prefix='/v1')\n"
        "corsac.starlette.install(app)\n"
    )
    assert main(["check", f"{name}:app"]) == 0
    assert first_parts(capsys.readouterr().out)[-2:] == [
        "/v1/notes/{number} allows any origin without credentials",
        "any other path allows pages of its own origin only",
    ]


FLASK = """
import flask
from corsac.flask import CORS, cross_origin
app = flask.Flask(__name__)
@app.get("/notes/<int:number>")
@cross_origin(origins="https://a.test")
def note(number): return ""
@app.get("/public")
@cross_origin(origins="*", supports_credentials=False)
def public(): return ""
"""


@pytest.mark.parametrize("installed", [True, False])
def test_decorated_views_of_flask_are_checked(
    installed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    name = write_module(f"{FLASK}\nif {installed}: CORS(app, origins='https://b.test')\n")
    code, _ = check_json(capsys, f"{name}:app")
    assert code == 0
    assert main(["check", f"{name}:app"]) == 0
    assert first_parts(capsys.readouterr().out)[-3:] == [
        "/notes/<int:number> allows 1 origin without credentials",
        "/public allows any origin without credentials",
        "any other path allows 1 origin without credentials"
        if installed
        else "any other path is left alone",
    ]
    app = sys.modules[name].app
    assert ("corsac" in app.extensions) == installed
    assert installed or "add" not in vars(app.url_map)


def test_a_decorated_view_of_flask_that_cannot_be_used_is_an_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = write_module(
        "import flask\nfrom corsac.flask import cross_origin\napp = flask.Flask('app')\n"
        "app.config['CORS_ORIGINS'] = '*'\n"
        "@app.get('/x')\n@cross_origin(supports_credentials=True)\ndef x(): return ''\n"
    )
    code, found = check_json(capsys, f"{name}:app")
    assert (code, codes(found)) == (1, ["origin.any_with_credentials"])


def test_a_flask_application_without_cors_has_nothing_to_check() -> None:
    name = write_module("import flask, corsac.flask\napp = flask.Flask('app')\n")
    assert main(["check", f"{name}:app"]) == 3


def test_the_middleware_for_wsgi_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    name = write_module(
        "from corsac.wsgi import CORSMiddleware\ndef bare(environ, start): ...\n"
        "app = CORSMiddleware(bare, allow_origins=['https://a.test'])\n"
    )
    code, found = check_json(capsys, f"{name}:app")
    assert (code, found["policy"]) == (0, "CORSPolicy(allow_origins=('https://a.test',))")


DJANGO = """
from django.conf import settings
settings.configure(
    ROOT_URLCONF=__name__, SECRET_KEY="x", LOGGING_CONFIG=None, INSTALLED_APPS=["corsac.django"],
    MIDDLEWARE=MIDDLEWARE, CORSAC={"allow_origins": ["https://a.test"], "rules": [("/h", None)]},
)
from django.core.wsgi import get_wsgi_application
app = get_wsgi_application()
from django.urls import include, path
from django.views import View
from corsac.django import cors, cors_exempt
def plain(request): ...
class Notes(View):
    @cors(allow_origins=["*"], allow_headers=["*"])
    def get(self, request): ...
URLS
"""
URLS = """
urlpatterns = [
    path("notes/<int:number>/", Notes.as_view()), path("plain/", plain),
    path("in/", include([path("hook/", cors_exempt(plain))])),
]
"""


@pytest.mark.parametrize(
    ("middleware", "urls", "code", "said"),
    [
        (
            '["corsac.django.CORSMiddleware"]',
            URLS,
            0,
            [
                "GET /notes/<int:number>/ allows any origin without credentials",
                "HEAD /notes/<int:number>/ allows any origin without credentials",
                "/in/hook/ is left alone",
                "/h is left alone",
                "any other path allows 1 origin without credentials",
            ],
        ),
        ("[]", URLS, 3, []),
        (
            '["corsac.django.CORSMiddleware"]',
            "urlpatterns = 7",
            0,
            ["/h is left alone", "any other path allows 1 origin without credentials"],
        ),
    ],
)
@runs_the_command_line
def test_settings_and_decorated_views_of_django_are_checked(
    middleware: str, urls: str, code: int, said: list[str]
) -> None:
    # A process of its own: Django is configured once in each.
    name = write_module(DJANGO.replace("=MIDDLEWARE", f"={middleware}").replace("URLS", urls))
    done = run_check(f"{name}:app")
    assert done.returncode == code
    assert first_parts(done.stdout)[-len(said) :] == said or not said
    assert "Traceback" not in done.stderr
    assert ("header.authorization_not_covered" in done.stdout) == (urls is URLS and code == 0)
    assert ("views cannot be looked at" in done.stdout) == (urls is not URLS)


@pytest.mark.parametrize(
    ("configuring", "place"),
    [
        ('os.environ["DJANGO_SETTINGS_MODULE"] = "shop_settings"', "the settings shop_settings"),
        (
            "settings.configure(SECRET_KEY='x', MIDDLEWARE=shop_settings.MIDDLEWARE, "
            "CORSAC=shop_settings.CORSAC)",
            "{name}.py, line 6",
        ),
    ],
)
@runs_the_command_line
def test_a_policy_that_django_cannot_take_is_placed_where_it_is_written(
    configuring: str, place: str
) -> None:
    Path("shop_settings.py").write_text(
        'SECRET_KEY = "x"\nMIDDLEWARE = ["corsac.django.CORSMiddleware"]\n'
        'CORSAC = {"allow_origins": ["*"], "allow_credentials": True}\n'
    )
    name = write_module(
        "import os, shop_settings\nfrom django.conf import settings\n"
        f"from django.core.wsgi import get_wsgi_application\n{configuring}\n"
        "application = get_wsgi_application()\n"
    )
    done = run_check(f"{name}:application")
    first, *_ = done.stdout.splitlines()
    assert first == f"{name}:application, made in {place.format(name=name)}"
    assert done.returncode == 1
