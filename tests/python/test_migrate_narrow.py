"""`corsac migrate`: what is not seen is printed narrow, as code that can be used."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("re2", reason="some configurations have an expression")

from corsac.cli import main
from corsac.migrate.source.values import MAX_TERMS, MAX_TEXT

STARLETTE = "from starlette.middleware.cors import CORSMiddleware\n"
FLASK = "from flask import Blueprint, Flask\nfrom flask_cors import CORS, cross_origin\n"
DJANGO = 'MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware"]\n'
A = "https://a.example"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def migrate(capsys: pytest.CaptureFixture[str], **files: str) -> list[dict[str, Any]]:
    """What is found in a project; ``__`` in a name divides folders."""
    for name, code in files.items():
        path = Path(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    main(["migrate", "--json"])
    captured = capsys.readouterr()
    assert captured.err == ""
    found: list[dict[str, Any]] = json.loads(captured.out)["configurations"]
    for each in found:
        assert "stand-in" not in json.dumps(each)
        ast.parse(each["corsac"]["code"])
    return found


def only(capsys: pytest.CaptureFixture[str], code: str) -> dict[str, Any]:
    """The one configuration that is found in a file of settings."""
    found = migrate(capsys, settings=code)
    assert len(found) == 1, found
    return found[0]


def codes(found: dict[str, Any]) -> set[str]:
    return {problem["code"] for problem in found["problems"]}


@pytest.mark.parametrize(
    "code",
    [
        f"{FLASK}CORS(app, **options)\n",
        f"{FLASK}CORS(app, resources=load())\n",
        f"{FLASK}CORS(app, resources={{'/api/*': load()}})\n",
        f"{FLASK}CORS(app, resources={{'/api/*': {{'origins': load()}}}})\n",
        f"{FLASK}CORS(app, resources={{'/api/*': {{'origins': [load()]}}}})\n",
        f"{FLASK}def init(app):\n    CORS(app)\n",
        f"{FLASK}config = app.config\nconfig['CORS_ORIGINS'] = load()\nCORS(app)\n",
        f"{FLASK}app.config |= load()\nCORS(app)\n",
        "from litestar.config.cors import CORSConfig\nCORSConfig(**options)\n",
        f"{DJANGO}CORS_ALLOWED_ORIGIN_REGEXES = load()\n",
        f"{DJANGO}CORS_ALLOWED_ORIGIN_REGEXES = env.list('X', default=['.*'])\n",
    ],
)
def test_no_default_of_the_old_library_stands_for_origins_that_are_not_seen(
    code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = only(capsys, code)
    assert "value.unseen" in codes(found)
    assert '"*"]' not in found["corsac"]["code"].replace('allow_headers=["*"', "")
    assert all("allow_origins=['*']" not in str(rule) for rule in found["corsac"]["rules"])


def test_paths_that_are_not_seen_are_not_all_paths(capsys: pytest.CaptureFixture[str]) -> None:
    settings = f"{DJANGO}CORS_ALLOWED_ORIGINS = ['{A}']\nCORS_URLS_REGEX = load()\n"
    found = only(capsys, settings)
    assert [rule[0] for rule in found["corsac"]["rules"]] == ["/not-seen/*", "/*"]
    assert "# write the paths in place of /not-seen" in found["corsac"]["code"]


def test_origins_of_a_resource_stay_the_expression_that_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = only(
        capsys,
        f"import os\n{FLASK}CORS(app, resources={{'/a': {{'origins': os.environ['A']}}, "
        "'/b': {'origins': load()}})\n",
    )
    assert "allow_origins=[os.environ['A']]" in found["corsac"]["code"]
    assert "allow_origins=load()" in found["corsac"]["code"]
    assert found["corsac"]["code"].startswith("# not seen: resources")


def test_a_blueprint_keeps_its_call(capsys: pytest.CaptureFixture[str]) -> None:
    found = only(
        capsys, f"{FLASK}api = Blueprint('api', 'api')\nCORS(api, origins='{A}', max_age=5)\n"
    )
    assert found["corsac"]["code"] == (
        "# a blueprint has no wsgi_app; CORS of corsac.flask covers the routes of the blueprint\n"
        "from corsac.flask import CORS\n"
        "\n"
        "CORS(api, origins='https://a.example', max_age=5)"
    )


def test_a_blueprint_with_errors_gets_a_policy(capsys: pytest.CaptureFixture[str]) -> None:
    found = only(
        capsys, f"{FLASK}api = Blueprint('api', 'api')\nCORS(api, supports_credentials=True)\n"
    )
    assert "\nCORS(\n    api,\n    policy=CORSPolicy(\n" in found["corsac"]["code"]
    assert "wsgi_app" not in found["corsac"]["code"]


def test_an_application_without_a_name_is_called_app(capsys: pytest.CaptureFixture[str]) -> None:
    found = only(capsys, f"{FLASK}CORS(Flask('app'), origins='{A}')\n")
    assert "app.wsgi_app = CORSMiddleware(" in found["corsac"]["code"]
    assert "# app is the application that is given there" in found["corsac"]["code"]


# Long expressions


def test_a_long_sum_is_added_up(capsys: pytest.CaptureFixture[str]) -> None:
    value = "+".join(["'https://a'"] + ["'a'"] * 598 + ["'.example'"])
    found = only(capsys, f"{STARLETTE}app.add_middleware(CORSMiddleware, allow_origins=[{value}])")
    assert found["unseen"] == {}
    assert found["options"]["allow_origins"] == [f"https://a{'a' * 598}.example"]


@pytest.mark.parametrize("term", ["f(x)", "'a'"])
def test_what_is_too_long_is_not_seen_and_not_printed(
    term: str, capsys: pytest.CaptureFixture[str]
) -> None:
    value = "+".join([term] * max(MAX_TERMS + 2, MAX_TEXT // 3))
    starlette, flask = migrate(
        capsys,
        app=f"{STARLETTE}{FLASK}app.add_middleware(CORSMiddleware, allow_origins={value})\n"
        f"CORS(other, origins={value}, methods={value}, allow_headers={value})\n",
    )
    for found in (starlette, flask):
        assert "value.unseen" in codes(found)
        assert "allow_origins" not in found["corsac"]["options"]
        assert "..." not in found["corsac"]["code"]
    assert "allow_methods" not in flask["corsac"]["options"]
    assert "allow_headers" not in flask["corsac"]["options"]


def test_flags_of_an_expression_print_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    code = "import re\nfrom flask_cors import CORS\nCORS(app, origins=re.compile('https://a', {}))"
    for flags, seen in (("re.DEBUG | re.I", True), ("re.I", True), ("FLAGS", False)):
        Path("app.py").write_text(code.format(flags))
        main(["migrate", "--json"])
        captured = capfd.readouterr()
        found = json.loads(captured.out)["configurations"][0]
        assert ("origins" not in found["unseen"]) is seen
        assert captured.err == ""
