"""`corsac migrate --diff`: all places of a project move together, or none does, with the reason."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from support.migrate_command import DJANGO, FLASK, STARLETTE, diff

ORIGIN = "https://a.example"
ORIGINS = f"CORS_ALLOWED_ORIGINS = ['{ORIGIN}']\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import starlette.middleware.cors\n", "write `from starlette.middleware.cors import ...`"),
        ("from starlette.middleware.cors import *\n", "* has no counterpart"),
        ("from starlette.middleware import Middleware, cors\n", "import cors` on its own line"),
        ("import starlette.middleware.cors as cors\nload(cors)\n", "cannot be followed"),
        (f"{STARLETTE}any(each.cls is CORSMiddleware for each in layers)\n", "is compared"),
        (f"{STARLETTE}isinstance(layer, CORSMiddleware)\n", "is compared"),
        ("from \\\n  starlette.middleware.cors import CORSMiddleware\n", "over several lines"),
        ("load('starlette.middleware.cors:CORSMiddleware')\n", "is named in a text"),
        ("importlib.import_module('flask_cors').CORS(app)\n", "flask_cors is named in a text"),
        ("from flask_cors.core import set_cors_headers\n", "set_cors_headers has no counterpart"),
        ("import flask_cors\nprint(flask_cors.__version__)\n", "flask_cors.__version__ has no"),
        ("import flask_cors\ngetattr(flask_cors, 'CORS')(app)\n", "cannot be followed"),
        ("from flask_cors import CORS\nclass Own(CORS): ...\n", "Own derives from its class"),
        (f"{FLASK}@app.route('/x')\n@cross_origin\ndef x(): ...\n", "write @cross_origin()"),
        ("from flask.ext.cors import CORS\n", "has no counterpart"),
        (f"from corsheaders.conf import conf\n{DJANGO}", "corsheaders.conf.conf has no"),
        (
            f"from corsheaders.middleware import CorsMiddleware\n{DJANGO}",
            "corsheaders.middleware.CorsMiddleware has no counterpart in corsac.django",
        ),
        (
            "INSTALLED_APPS = ['corsheaders']\nif 'corsheaders' in INSTALLED_APPS:\n"
            "    MIDDLEWARE = ['corsheaders.middleware.CorsMiddleware']\n",
            "corsheaders is named in a text",
        ),
        (f"{DJANGO}LOGGING = {{'loggers': {{'corsheaders': {{}}}}}}\n", "is named in a text"),
        (f"{DJANGO}INSTALLED_APPS = 'a,corsheaders,b'.split(',')\n", "is named in a text"),
        (
            f"from django.conf import settings\n{DJANGO}settings.CORS_ALLOW_ALL_ORIGINS = True\n",
            "CORS_ALLOW_ALL_ORIGINS is set while the program runs",
        ),
        (
            f"{DJANGO}setattr(settings, 'CORS_ALLOW_ALL_ORIGINS', True)\n",
            "CORS_ALLOW_ALL_ORIGINS is set while the program runs",
        ),
        (
            "from corsheaders.signals import check_request_enabled\n",
            "MIDDLEWARE is in none of the files",
        ),
        (
            "from litestar import Litestar\nfrom litestar.config.cors import CORSConfig\n"
            "app = Litestar([], cors_config=CORSConfig())\n",
            "leave out cors_config",
        ),
    ],
)
def test_a_place_that_is_not_understood_keeps_the_library(
    code: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code, patch, said = diff(capsys, app=code)
    assert (exit_code, patch) == (1, "")
    assert "left as it is" in said
    assert reason in said


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (f"{STARLETTE}app.add_middleware(CORSMiddleware)\n", "load('fastapi.middleware.cors')\n"),
        (f"{FLASK}CORS(app)\n", "import flask_cors.core\n"),
        (f"{DJANGO}{ORIGINS}", "from corsheaders.middleware import ACCESS_CONTROL_ALLOW_ORIGIN\n"),
        (f"{FLASK}CORS(app)\n", "cors = (\n"),
    ],
)
def test_one_place_of_another_file_keeps_all_others(
    good: str, bad: str, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code, patch, said = diff(capsys, good=good, other=bad)
    assert exit_code == (3 if "(" in bad and ")" not in bad else 1)
    assert patch == ""
    assert "other.py" in said


def test_another_library_of_the_same_project_moves_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, patch, said = diff(
        capsys,
        one=f"{STARLETTE}app.add_middleware(CORSMiddleware)\n",
        two="import flask_cors.core\n",
    )
    assert "+from corsac.compat.starlette import CORSMiddleware" in patch
    assert "two.py:1: left as it is" in said


def test_settings_in_classes_are_not_understood(capsys: pytest.CaptureFixture[str]) -> None:
    exit_code, patch, said = diff(
        capsys,
        settings="from configurations import Configuration, values\n"
        "class Dev(Configuration):\n    INSTALLED_APPS = ['corsheaders']\n"
        "    MIDDLEWARE = ['corsheaders.middleware.CorsMiddleware']\n"
        "    CORS_ALLOWED_ORIGINS = values.ListValue([])\n",
    )
    assert (exit_code, patch) == (1, "")
    assert "settings.py:5: left as it is: the class Dev makes the settings" in said


@pytest.mark.parametrize(
    "settings",
    [
        "CORS_ALLOW_ALL_ORIGINS = True\nCORS_ALLOW_CREDENTIALS = True\n",
        "CORS_ALLOWED_ORIGINS = 'https://a.example'\n",
        "CORS_PREFLIGHT_MAX_AGE = '86400'\n",
        "CORS_PREFLIGHT_MAX_AGE = -1\n",
        "CORS_ALLOW_CREDENTIALS = 1\n",
        "CORS_MODEL = 'x.Y'\nCORS_ALLOWED_ORIGINS = []\n",
        "CORS_EXPOSE_HEADERS = 'x-a'\n",
    ],
)
@pytest.mark.parametrize("divided", [False, True])
def test_a_patch_that_would_stop_a_django_project_is_not_written(
    settings: str, divided: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"base": DJANGO, "settings": settings} if divided else {"settings": DJANGO + settings}
    _, patch, said = diff(capsys, **files)
    assert patch == ""
    assert "Corsac refuses these options" in said


@pytest.mark.parametrize(
    "settings",
    [
        {"CORS_ALLOW_ALL_ORIGINS": True},
        {"CORS_ALLOW_ALL_ORIGINS": True, "CORS_ALLOW_CREDENTIALS": True},
        {"CORS_ALLOWED_ORIGINS": [ORIGIN], "CORS_PREFLIGHT_MAX_AGE": "5"},
        {"CORS_ALLOWED_ORIGINS": [ORIGIN], "CORS_PREFLIGHT_MAX_AGE": -5},
        {"CORS_ALLOWED_ORIGINS": [ORIGIN], "CORS_PREFLIGHT_MAX_AGE": 100_000},
        {"CORS_ALLOWED_ORIGINS": (ORIGIN,), "CORS_ALLOW_HEADERS": ("x-a",)},
        {"CORS_ALLOWED_ORIGINS": f"{ORIGIN}"},
        {"CORS_ALLOWED_ORIGINS": ""},
        {"CORS_ALLOWED_ORIGINS": [1]},
        {"CORS_ALLOWED_ORIGINS": ["*"]},
        {"CORS_ALLOWED_ORIGINS": [f"{ORIGIN}/"]},
        {"CORS_ALLOWED_ORIGINS": ["null"]},
        {"CORS_ALLOWED_ORIGINS": ["a.example"]},
        {"CORS_ALLOWED_ORIGINS": ["https://*.a.example"]},
        {"CORS_ALLOWED_ORIGINS": ["http://a.example"], "CORS_ALLOW_CREDENTIALS": True},
        {"CORS_ALLOWED_ORIGINS": [ORIGIN], "CORS_ALLOW_CREDENTIALS": 1},
        {"CORS_ALLOWED_ORIGINS": [ORIGIN], "CORS_ALLOW_METHODS": ["b c"]},
        {"CORS_ALLOWED_ORIGINS": [ORIGIN], "CORS_ALLOW_HEADERS": ["b c"]},
        {"CORS_ALLOWED_ORIGINS": [ORIGIN], "CORS_EXPOSE_HEADERS": "x-a"},
        {"CORS_ALLOWED_ORIGINS": [ORIGIN], "CORS_URLS_REGEX": "("},
        {"CORS_ALLOWED_ORIGINS": [ORIGIN], "CORS_URLS_REGEX": r"^/api/(?!x)"},
        {"CORS_ALLOWED_ORIGINS": [ORIGIN], "CORS_URLS_REGEX": 7},
        {"CORS_ALLOWED_ORIGINS": [ORIGIN], "CORS_MODEL": "x.Y"},
        {"CORS_ALLOWED_ORIGIN_REGEXES": ["("]},
        {"CORS_ALLOWED_ORIGIN_REGEXES": [r"^https://\w+\.a\.example$"]},
        {"CORS_ALLOWED_ORIGIN_REGEXES": [".*"], "CORS_ALLOW_CREDENTIALS": True},
    ],
)
def test_a_patch_is_written_where_corsac_for_django_starts_and_nowhere_else(
    settings: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("django")
    importlib.import_module("support.django_project")  # It configures Django.
    with importlib.import_module("django.test").override_settings(**settings):
        configuration, _ = importlib.import_module("corsac.django.conf").read_settings()
    code = "".join(f"{name} = {value!r}\n" for name, value in settings.items())
    _, patch, _ = diff(capsys, settings=DJANGO + code)
    assert (configuration is not None) == bool(patch)


@pytest.mark.parametrize(
    "call",
    [
        "CORS(app, resource={'/api/*': {}})",
        "CORS(app, supports_credentials=True)",
        "CORS(app, supports_credentials='false')",
        "CORS(app, max_age=-5)",
        "CORS(app, origins='*', supports_credentials=True, max_age=load())",
    ],
)
def test_a_patch_that_would_stop_a_flask_program_is_not_written(
    call: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = f"from myapp import app\nfrom flask_cors import CORS\n{call}\n"
    exit_code, patch, said = diff(capsys, app=code)
    assert (exit_code, patch) == (1, "")
    assert "app.py:3: left as it is: Corsac refuses these options" in said


@pytest.mark.parametrize("before", ["", "app.config.from_object(Config)\n"])
def test_keys_of_other_files_are_judged_with_the_call(
    before: str, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code, patch, said = diff(
        capsys,
        app=f"from flask_cors import CORS\ncors = CORS()\n{before}cors.init_app(app)\n",
        config="class Config:\n    CORS_SUPPORTS_CREDENTIALS = True\n",
    )
    assert (exit_code, patch) == (1, "")
    assert "these options: unless app.config has other options, origins: '*'" in said


def test_settings_that_all_names_are_imported_of_are_judged_together(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, patch, said = diff(
        capsys,
        base=f"{DJANGO}CORS_ALLOW_CREDENTIALS = True\n",
        dev="from .base import *\nCORS_ALLOW_ALL_ORIGINS = True\n",
    )
    assert patch == ""
    assert "dev.py:2: left as it is: Corsac refuses these options" in said


def test_one_of_several_files_of_settings_may_be_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, patch, said = diff(
        capsys,
        base=f"from .cors import *\n{DJANGO}",
        cors="CORS_ALLOW_CREDENTIALS = True\nCORS_ALLOW_ALL_ORIGINS = True\n",
        production="from .base import *\nCORS_ALLOW_ALL_ORIGINS = False\n",
    )
    assert patch == ""
    assert "cors.py:1: left as it is: Corsac refuses these options: CORS_ALLOW_ALL" in said
