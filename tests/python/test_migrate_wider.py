"""Translations and patches that would allow more than the old configuration are not made."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from corsac.cli import main
from corsac.flask import cross_origin
from corsac.migrate import translate

FLASK = "from flask import Flask\nfrom flask_cors import CORS, cross_origin\napp = Flask('x')\n"
ADMIN = {"origins": "https://admin.example"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found_in(capsys: pytest.CaptureFixture[str], code: str) -> dict[str, Any]:
    Path("settings.py").write_text(code)
    main(["migrate", "--json"])
    (found,) = json.loads(capsys.readouterr().out)["configurations"]
    assert isinstance(found, dict)
    return found


def diff_of(capsys: pytest.CaptureFixture[str], code: str) -> tuple[str, str]:
    Path("settings.py").write_text(code)
    main(["migrate", "--diff"])
    captured = capsys.readouterr()
    return captured.out, captured.err


@pytest.mark.parametrize(
    ("pattern", "code", "patterns"),
    [
        ("/admin/*", "rule.left_out", ["/admin/*", "/*"]),
        ("/admin.*", "rule.left_out", ["/admin/*", "/*"]),
        ("^/a.min/", "rule.left_out", ["/a.min", "/a.min/*", "/*"]),
        (re.compile("/admin/", re.IGNORECASE), "rule.no_counterpart", ["/*"]),
        ("/admin*", "rule.no_counterpart", ["/admin/*", "/*"]),
        ("/admin[0-9]", "rule.no_counterpart", ["/*"]),
        ("^//.*", "rule.no_counterpart", ["/*"]),
        (re.compile("/admin #", re.VERBOSE), "rule.no_counterpart", ["/*"]),
    ],
)
def test_what_a_resource_gives_up_goes_to_no_later_one(
    pattern: str | re.Pattern[str], code: str, patterns: list[str]
) -> None:
    resources = {pattern: ADMIN, "/.*": {"origins": "*"}}
    translation = translate("flask-cors", {"resources": resources})
    errors = [problem.code for problem in translation.problems if problem.severity == "error"]
    assert set(errors) == {code}
    assert translation.policy is None
    assert [path for path, _ in translation.rules] == patterns
    policies = [policy for _, policy in translation.rules if policy is not None]
    assert {policy.allow_origins for policy in policies} <= {("https://admin.example",)}
    assert translation.rules[-1] == ("/*", None)
    assert "*" not in translation.options.get("allow_origins", ())


def test_a_later_resource_that_allows_no_more_stays() -> None:
    both = {"origins": ["https://a.example", "https://b.example"]}
    resources = {"/api/*": both, "/*": {"origins": "https://a.example"}}
    translation = translate("flask-cors", {"resources": resources})
    assert [path for path, _ in translation.rules] == ["/api/*"]
    assert not translation.has_errors


@pytest.mark.parametrize("pattern", ["/admin/*", "/admin*"])
def test_no_patch_gives_paths_to_a_wider_resource(
    pattern: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = f"{FLASK}CORS(app, resources={{{pattern!r}: {ADMIN}, '/.*': {{'origins': '*'}}}})\n"
    out, err = diff_of(capsys, code)
    assert out == ""
    assert "left as it is" in err
    assert '"*"]' not in found_in(capsys, code)["corsac"]["code"].replace('["*", "auth', "")


def test_a_decorator_without_brackets_is_not_patched(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = diff_of(capsys, f"{FLASK}@app.route('/x')\n@cross_origin\ndef x(): return 'x'\n")
    assert out == ""
    assert "write @cross_origin()" in err


def test_a_decorator_without_brackets_says_what_to_write() -> None:
    with pytest.raises(TypeError, match=r"write @cross_origin\(\)"):
        cross_origin(lambda: "x")


def test_an_expression_whose_value_has_an_error_is_in_no_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = (
        "import os\nfrom fastapi import FastAPI\n"
        "from fastapi.middleware.cors import CORSMiddleware\napp = FastAPI()\n"
        "app.add_middleware(CORSMiddleware, allow_origins=os.getenv('O', 'https://a.example'))\n"
    )
    assert diff_of(capsys, code)[0] == ""
    lines = found_in(capsys, code)["corsac"]["code"].splitlines()
    assert not [line for line in lines if "os.getenv" in line and not line.startswith("#")]


@pytest.mark.parametrize(
    "change",
    [
        "    global CORS_ALLOW_ALL_ORIGINS\n    CORS_ALLOW_ALL_ORIGINS = True\n",
        "    globals()['CORS_ALLOW_ALL_ORIGINS'] = True\n",
    ],
)
def test_a_setting_that_a_function_sets_is_seen(
    change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = found_in(
        capsys,
        "MIDDLEWARE = ['corsheaders.middleware.CorsMiddleware']\n"
        f"CORS_ALLOWED_ORIGINS = ['https://a.example']\ndef f():\n{change}f()\n",
    )
    assert "CORS_ALLOW_ALL_ORIGINS" in found["unseen"]
    assert "# line" in found["corsac"]["code"]


def test_a_name_of_a_function_is_no_setting(capsys: pytest.CaptureFixture[str]) -> None:
    found = found_in(
        capsys,
        "MIDDLEWARE = ['corsheaders.middleware.CorsMiddleware']\n"
        "CORS_ALLOWED_ORIGINS = ['https://a.example']\n"
        "def f():\n    CORS_ALLOW_ALL_ORIGINS = True\n    return CORS_ALLOW_ALL_ORIGINS\n",
    )
    assert found["unseen"] == {}
