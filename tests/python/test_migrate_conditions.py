"""`corsac migrate`: what holds in some runs only is never printed for all of them."""

from __future__ import annotations

import ast
import contextlib
import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("re2", reason="some configurations have an expression")

from corsac.cli import main

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


def test_the_condition_of_a_place_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    one, other = migrate(
        capsys,
        app=f"{STARLETTE}if DEBUG:\n    app.add_middleware(CORSMiddleware, allow_origins=['*'])\n"
        f"else:\n    app.add_middleware(CORSMiddleware, allow_origins=['{A}'])\n",
    )
    assert one["conditions"] == ["DEBUG (line 2)"]
    assert other["conditions"] == ["not DEBUG (line 2)"]
    assert one["corsac"]["code"].startswith("# only where DEBUG (line 2)\n")
    # Only one of them is ever there.
    assert "middleware.several" not in codes(other)
    main(["migrate"])
    assert "app.py:3  starlette, add_middleware, only where DEBUG (line 2)" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("before", "condition"),
    [
        ("def make():\n    if not DEBUG:\n        return\n    ", "DEBUG (line 3)"),
        ("try:\n    import x\nexcept ImportError:\n    ", "ImportError is caught (line 2)"),
        ("match mode:\n  case 'dev':\n    ", "mode matches 'dev' (line 2)"),
        ("DEBUG and ", "DEBUG (line 2)"),
    ],
)
def test_conditions_have_many_shapes(
    before: str, condition: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = only(
        capsys, f"{STARLETTE}{before}app.add_middleware(CORSMiddleware, allow_origins=['*'])\n"
    )
    assert found["conditions"] == [condition]


ANYONE_IN_SOME_RUNS = [
    "if DEBUG:\n    CORS_ALLOW_ALL_ORIGINS = True\n",
    "if DEBUG:\n    CORS_ALLOW_ALL_ORIGINS = True\nelse:\n    CORS_ALLOW_ALL_ORIGINS = False\n",
    "CORS_ALLOW_ALL_ORIGINS = True\nif PROD:\n    CORS_ALLOW_ALL_ORIGINS = False\n",
    "CORS_ALLOW_ALL_ORIGINS = DEBUG\n",
    "CORS_ALLOW_ALL_ORIGINS = env.bool('ALL', default=True)\n",
    "CORS_ORIGIN_ALLOW_ALL = not PROD\n",
    "try:\n    import local\nexcept ImportError:\n    CORS_ALLOW_ALL_ORIGINS = True\n",
    "if DEBUG:\n    globals().update(CORS_ALLOW_ALL_ORIGINS=True)\n",
    "if DEBUG:\n    vars()['CORS_ALLOW_ALL_ORIGINS'] = True\n",
]


@pytest.mark.parametrize("settings", ANYONE_IN_SOME_RUNS)
def test_anyone_in_some_runs_is_not_printed_for_all_runs(
    settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = only(capsys, f"{DJANGO}CORS_ALLOWED_ORIGINS = ['{A}']\n{settings}")
    assert found["corsac"]["options"]["allow_origins"] == [A]
    assert "value.unseen" in codes(found)
    comments = [line for line in found["corsac"]["code"].split("\n") if line.startswith("#")]
    assert any('write "allow_origins": ["*"]' in line for line in comments), comments


def test_anyone_in_some_runs_with_credentials_is_an_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = "CORS_ALLOW_CREDENTIALS = True\nif DEBUG:\n    CORS_ALLOW_ALL_ORIGINS = True\n"
    assert "origin.any_with_credentials" in codes(only(capsys, DJANGO + settings))


@pytest.mark.parametrize(
    ("settings", "origins"),
    [
        (f"CORS_ALLOWED_ORIGINS = ['{A}']\nif D:\n    CORS_ALLOWED_ORIGINS += ['{A}:1']\n", [A]),
        (f"CORS_ALLOWED_ORIGINS = ['{A}']\nif D:\n    CORS_ALLOWED_ORIGINS.append('{A}:1')\n", [A]),
        (f"CORS_ALLOWED_ORIGINS = ['{A}', 'b']\nif D:\n    CORS_ALLOWED_ORIGINS = ['{A}']\n", [A]),
        (f"if D:\n    CORS_ALLOWED_ORIGINS = ['{A}']\n", None),
        (f"CORS_ALLOWED_ORIGINS = ['{A}']\nCORS_ALLOWED_ORIGINS += load()\n", [A]),
        (f"CORS_ALLOWED_ORIGINS = ['{A}']\nCORS_ALLOWED_ORIGINS += ['{A}:1']\n", [A, f"{A}:1"]),
        (f"CORS_ALLOWED_ORIGINS, X = ['{A}'], 1\n", [A]),
    ],
)  # fmt: skip
def test_only_origins_of_every_run_are_printed(
    settings: str, origins: list[str] | None, capsys: pytest.CaptureFixture[str]
) -> None:
    found = only(capsys, DJANGO + settings)
    assert found["corsac"]["options"].get("allow_origins") == origins


def test_a_flask_key_in_some_runs_is_not_printed_for_all_runs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = only(
        capsys,
        f"{FLASK}app = Flask('app')\napp.config['CORS_ORIGINS'] = '{A}'\n"
        "if app.debug:\n    app.config['CORS_ORIGINS'] = '*'\nCORS(app)\n",
    )
    assert found["corsac"]["options"]["allow_origins"] == [A]
    assert (
        "# line 6: where app.debug (line 5), write allow_origins=['*']" in (found["corsac"]["code"])
    )
    assert found["corsac"]["code"].endswith("from corsac.flask import CORS\n\nCORS(app)")


def test_keys_of_another_application_do_not_count(capsys: pytest.CaptureFixture[str]) -> None:
    one, other = migrate(
        capsys,
        app=f"{FLASK}one, other = 1, 2\none = Flask('one')\nother = Flask('other')\n"
        f"one.config['CORS_ORIGINS'] = '{A}'\nCORS(one)\nCORS(other, origins='{A}:1')\n",
    )
    assert one["corsac"]["options"]["allow_origins"] == [A]
    assert other["corsac"]["options"]["allow_origins"] == [f"{A}:1"]


STATEMENTS = [
    "CORS_ALLOW_ALL_ORIGINS = True",
    "CORS_ALLOW_ALL_ORIGINS = False",
    "CORS_ALLOW_ALL_ORIGINS = D",
    f"CORS_ALLOWED_ORIGINS = ['{A}']",
    f"CORS_ALLOWED_ORIGINS = ['{A}:1', '{A}']",
    f"CORS_ALLOWED_ORIGINS += ['{A}:2']",
    f"CORS_ALLOWED_ORIGINS.append('{A}:3')",
    f"CORS_ALLOWED_ORIGINS.remove('{A}')",
    f"CORS_ALLOWED_ORIGINS = CORS_ALLOWED_ORIGINS + ['{A}:4']",
    "CORS_ALLOW_CREDENTIALS = True",
    "CORS_ALLOW_CREDENTIALS = not D",
    "CORS_ALLOW_METHODS = ['GET', 'PUT']",
]


@pytest.mark.parametrize("seed", range(40))
def test_what_is_printed_allows_no_more_than_any_run(
    seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = random.Random(seed)  # noqa: S311 - the same programs each time
    lines = [f"CORS_ALLOWED_ORIGINS = ['{A}']"]
    for _ in range(6):
        condition = chosen.choice(["", "", "if D:\n    ", "if not E:\n    "])
        lines.append(condition + chosen.choice(STATEMENTS))
    settings = "\n".join(lines) + "\n"
    printed = only(capsys, DJANGO + settings)["corsac"]["options"]
    for debug, extra in itertools.product((False, True), repeat=2):
        run: dict[str, Any] = {"D": debug, "E": extra}
        with contextlib.suppress(ValueError):  # Of `remove`: such a program does not start.
            exec(settings, run)  # noqa: S102 - this is the test
            if not run.get("CORS_ALLOW_ALL_ORIGINS"):
                origins = set(run["CORS_ALLOWED_ORIGINS"])
                assert set(printed.get("allow_origins", ())) <= origins, settings
            assert run.get("CORS_ALLOW_CREDENTIALS") or "allow_credentials" not in printed
            methods = run.get("CORS_ALLOW_METHODS", ["DELETE", "OPTIONS", "PATCH", "PUT"])
            assert set(printed.get("allow_methods", ())) <= set(methods), settings
