"""`corsac migrate --diff`: a patch that would stop or break the program is not written."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("re2", reason="some configurations have an expression")

from corsac.cli import main

ORIGIN = "https://a.example"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_diff(capsys: pytest.CaptureFixture[str], **files: str) -> tuple[str, str]:
    """The patch of a project, and what is said beside it."""
    for name, code in files.items():
        Path(f"{name}.py").write_text(code)
    main(["migrate", "--diff"])
    captured = capsys.readouterr()
    return captured.out, captured.err


DJANGO = 'MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware"]\n'


@pytest.mark.parametrize(
    "settings",
    [
        "CORS_ALLOW_ALL_ORIGINS = True\nCORS_ALLOW_CREDENTIALS = True\n",
        "CORS_ALLOW_CREDENTIALS = True\nif DEBUG:\n    CORS_ALLOW_ALL_ORIGINS = True\n",
        "CORS_ALLOWED_ORIGINS = 'https://a.example'\n",
        "CORS_ALLOWED_ORIGINS = ''\n",
        "CORS_ALLOWED_ORIGINS = ['https://a.example/']\nCORS_ALLOW_HEADERS = ['a b']\n",
        "CORS_PREFLIGHT_MAX_AGE = '86400'\n",
        "CORS_PREFLIGHT_MAX_AGE = -1\n",
        "CORS_ALLOW_ALL_ORIGINS = None\n",
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
    patch, said = run_diff(capsys, **files)
    assert patch == ""
    assert "corsac.django would refuse to start with these settings" in said


@pytest.mark.parametrize(
    "settings",
    [
        {"CORS_ALLOW_ALL_ORIGINS": True},
        {"CORS_ALLOW_ALL_ORIGINS": True, "CORS_ALLOW_CREDENTIALS": True},
        {"CORS_ALLOWED_ORIGINS": [ORIGIN], "CORS_PREFLIGHT_MAX_AGE": "5"},
        {"CORS_ALLOWED_ORIGINS": [ORIGIN], "CORS_PREFLIGHT_MAX_AGE": -5},
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
        {"CORS_ALLOWED_ORIGINS": [ORIGIN], "CORS_URLS_REGEX": 7},
        {"CORS_ALLOWED_ORIGINS": [ORIGIN], "CORS_MODEL": "x.Y"},
        {"CORS_ALLOWED_ORIGIN_REGEXES": ["("]},
        {"CORS_ALLOWED_ORIGIN_REGEXES": [".*"], "CORS_ALLOW_CREDENTIALS": True},
    ],
)
def test_no_patch_is_written_where_corsac_for_django_raises(
    settings: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("django")
    importlib.import_module("support.django_project")  # It configures Django.
    with importlib.import_module("django.test").override_settings(**settings):
        configuration, _ = importlib.import_module("corsac.django.conf").judge()
    code = "".join(f"{name} = {value!r}\n" for name, value in settings.items())
    patch, _ = run_diff(capsys, settings=DJANGO + code)
    assert not (configuration is None and patch)


def test_what_is_not_seen_of_settings_is_noted_beside_the_patch(
    capsys: pytest.CaptureFixture[str],
) -> None:
    patch, said = run_diff(capsys, settings=f"{DJANGO}CORS_ALLOWED_ORIGINS = load()\n")
    assert '+MIDDLEWARE = ["corsac.django.CORSMiddleware"]' in patch
    assert "note: a part of the settings is not seen" in said


def test_a_name_that_the_settings_ask_for_is_not_changed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    patch, said = run_diff(
        capsys,
        settings="INSTALLED_APPS = ['corsheaders']\nif 'corsheaders' in INSTALLED_APPS:\n"
        "    MIDDLEWARE = ['corsheaders.middleware.CorsMiddleware']\n"
        "    CORS_ALLOWED_ORIGINS = ['https://a.example']\n",
    )
    assert patch == ""
    assert "line 2 asks for the old name" in said


def test_a_patch_that_would_be_no_python_is_not_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    patch, said = run_diff(
        capsys,
        app="from litestar import Litestar\nfrom litestar.config.cors import CORSConfig\n"
        f"config = CORSConfig(allow_origins=['{ORIGIN}']); debug = True\n"
        "app = Litestar([], cors_config=config, debug=debug)\n",
    )
    assert patch == ""
    assert "the patch would be no Python: line " in said


@pytest.mark.parametrize(
    "call",
    [
        "CORS(app, resource={'/api/*': {}})",
        "CORS(app, supports_credentials=True)",
        "CORS(app, supports_credentials='false')",
        "CORS(app, max_age=-5)",
        "CORS(app, **options)",
    ],
)
def test_a_patch_that_would_stop_a_flask_program_is_not_written(
    call: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = f"from myapp import app\nfrom flask_cors import CORS\n{call}\n"
    patch, said = run_diff(capsys, app=code)
    assert patch == ""
    assert "app.py:3: left as it is: the options have errors" in said


def test_an_application_of_another_file_keeps_its_call_with_a_note(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = "from myapp import app\nfrom flask_cors import CORS\nCORS(app)\n"
    patch, said = run_diff(
        capsys, config="app.config['CORS_ORIGINS'] = 'https://a.example'\n", main=code
    )
    assert "+from corsac.flask import CORS" in patch
    assert "+CORS(" not in patch
    assert "main.py:3: note: a part of the options is not seen" in said


def test_an_extension_that_is_given_an_application_elsewhere_is_patched_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    patch, said = run_diff(
        capsys,
        app=f"from extensions import cors\ncors.init_app(app, origins='{ORIGIN}')\n",
        extensions="from flask_cors import CORS\ncors = CORS()\n",
    )
    assert patch.count("diff --git") == 1
    assert "+from corsac.flask import CORS" in patch
    assert "app.py:2: left as it is: nothing has to be changed here" in said
