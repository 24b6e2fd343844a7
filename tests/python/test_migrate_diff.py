"""`corsac migrate --diff`: patches that git applies, and programs that answer as before."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from corsac.cli import main
from support.exchange import Request, http_scope, run_asgi
from support.left_out import runs_the_command_line
from support.migrate_command import DJANGO, FLASK, STARLETTE, diff, patched

ORIGIN = "https://a.example"
OPTIONS = f'allow_origins=["{ORIGIN}"], allow_methods=["*"], allow_headers=["*"]'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(text: str) -> dict[str, Any]:
    """The names of a program that has run."""
    program: dict[str, Any] = {"__name__": "program"}
    exec(compile(text, "app.py", "exec"), program)  # noqa: S102 - this is the test
    return program


# Starlette

PREFLIGHT = (
    ("origin", ORIGIN),
    ("access-control-request-method", "PUT"),
    ("access-control-request-headers", "x-a"),
)


@pytest.mark.parametrize(
    "code",
    [
        f"app = Starlette()\napp.add_middleware(CORSMiddleware, {OPTIONS})\n",
        f"app = Starlette(middleware=[Middleware(CORSMiddleware, {OPTIONS})])\n",
        f"app = CORSMiddleware(Starlette(), {OPTIONS})\n",
        f"app = Starlette()\nif app:\n    app.add_middleware(CORSMiddleware,\n {OPTIONS})",
        f"class Own(CORSMiddleware): ...\napp = Own(Starlette(), {OPTIONS})\n",
        f"import functools\napp = functools.partial(CORSMiddleware, {OPTIONS})(Starlette())\n",
        f"app = Starlette()\napp.add_middleware(CORSMiddleware, **dict({OPTIONS}))",
    ],
)
def test_a_starlette_program_answers_the_same_after_the_patch(
    code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("starlette")
    before = (
        "from starlette.applications import Starlette\n"
        "from starlette.middleware import Middleware\n" + STARLETTE + code
    )
    after = patched(capsys, app=before)["app"]
    assert after == before.replace("starlette.middleware.cors", "corsac.compat.starlette")
    for method, headers in (("GET", (("origin", ORIGIN),)), ("OPTIONS", PREFLIGHT)):
        scope = http_scope(Request(method, headers, "/"))
        assert run_asgi(run(after)["app"], scope) == run_asgi(run(before)["app"], scope)


def test_options_of_the_environment_never_stop_the_requests(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("starlette")
    monkeypatch.setenv("ORIGINS", f"{ORIGIN}/")
    before = (
        f"import os\nfrom starlette.applications import Starlette\n{STARLETTE}app = Starlette()\n"
        "app.add_middleware(CORSMiddleware, allow_origins=os.environ['ORIGINS'].split(','))\n"
    )
    after = patched(capsys, app=before)["app"]
    scope = http_scope(Request("GET", [("origin", ORIGIN)], "/"))
    with pytest.warns(UserWarning, match="no slash"):
        answer = run_asgi(run(after)["app"], scope)
    assert answer == run_asgi(run(before)["app"], scope)
    assert answer[0]["status"] == 404


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "from starlette.middleware.cors import (  # here\n    ALL_METHODS,\n"
            "    CORSMiddleware as Own,\n)\n",
            "from corsac.compat.starlette import (  # here\n    ALL_METHODS,\n"
            "    CORSMiddleware as Own,\n)\n",
        ),
        (
            "from starlette.middleware import cors\ncors.CORSMiddleware(app)\n",
            "from corsac.compat import starlette as cors\ncors.CORSMiddleware(app)\n",
        ),
        (
            "import fastapi.middleware.cors as c\nc.CORSMiddleware(app)\n",
            "import corsac.compat.starlette as c\nc.CORSMiddleware(app)\n",
        ),
        (
            "try: from fastapi.middleware.cors import CORSMiddleware\nexcept ImportError: ...\n",
            "try: from corsac.compat.starlette import CORSMiddleware\nexcept ImportError: ...\n",
        ),
        (
            "import os, flask_cors, sys\nflask_cors.CORS(app)\n",
            "import os, corsac.flask as flask_cors, sys\nflask_cors.CORS(app)\n",
        ),
        (
            "from flask_cors.decorator import cross_origin\n",
            "from corsac.flask import cross_origin\n",
        ),
        (
            f"{FLASK}import logging\nlogging.getLogger('flask_cors').level = logging.DEBUG\n",
            f"{FLASK.replace('flask_cors', 'corsac.flask')}import logging\n"
            "logging.getLogger('corsac').level = logging.DEBUG\n",
        ),
        (
            f"from corsheaders import signals\n{DJANGO}signals.check_request_enabled.connect(f)\n",
            "from corsac.django import signals\n"
            'MIDDLEWARE = ["corsac.django.CORSMiddleware"]\n'
            "signals.check_request_enabled.connect(f)\n",
        ),
    ],
)
def test_only_the_names_of_modules_change(
    before: str, after: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert patched(capsys, app=before)["app"] == after


# flask-cors

FLASK_PROGRAM = f"""\
from flask import Blueprint, Flask
from flask_cors import CORS, cross_origin
app = Flask("app")
CORS(app, resources={{"/api/*": {{"origins": "{ORIGIN}"}}}})
@app.get("/api/notes")
def notes(): return "notes"
@app.get("/open")
@cross_origin(origins="https://b.example")
def view(): return "view"
"""


def flask_answers(text: str) -> list[list[str]]:
    """Whom a Flask program allows."""
    client = run(text)["app"].test_client()
    answers = []
    for path in ("/api/notes", "/open", "/absent"):
        for origin in (ORIGIN, "https://b.example", "https://evil.example"):
            for method in ("GET", "OPTIONS"):
                headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
                response = client.open(path, method=method, headers=headers)
                answers.append(response.headers.getlist("Access-Control-Allow-Origin"))
    return answers


def test_a_flask_program_allows_the_same_origins_after_the_patch(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("flask_cors")
    after = patched(capsys, app=FLASK_PROGRAM)["app"]
    assert after == FLASK_PROGRAM.replace("flask_cors", "corsac.flask")
    assert flask_answers(after) == flask_answers(FLASK_PROGRAM)


def test_extension_and_decorator_in_two_files_move_to_one_package(
    capsys: pytest.CaptureFixture[str],
) -> None:
    app = "from flask_cors import CORS\nCORS(app, resources={'/api/*': {'origins': '*'}})\n"
    views = 'from flask_cors import cross_origin\n@cross_origin("*")\ndef view(): ...\n'
    after = patched(capsys, app=app, views=views)
    assert after == {
        "app": app.replace("flask_cors", "corsac.flask"),
        "views": views.replace("flask_cors", "corsac.flask"),
    }


@pytest.mark.parametrize(
    "code",
    [
        f'@cross_origin(origins="{ORIGIN}")\ndef view(): ...\n',
        f'cors = CORS(app, origins="{ORIGIN}")\n',
        f'cors = CORS(origins="{ORIGIN}")\ncors.init_app(app)\n',
        "CORS(app, **options)\n",
        "CORS(app, origins=load())\n",
        "extensions = [CORS]\n",
    ],
)
def test_options_that_are_not_literal_stay_as_they_are(
    code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = f"from flask_cors import CORS, cross_origin\n{code}"
    after = patched(capsys, app=before)["app"]
    assert after == f"from corsac.flask import CORS, cross_origin\n{code}"


# Django


def test_settings_and_receivers_of_a_django_project_move_together(
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = {
        "settings": "from corsheaders.defaults import default_headers\n"
        "INSTALLED_APPS = ['corsheaders', 'x']\n"
        f"{DJANGO}CORS_ALLOWED_ORIGINS = ['{ORIGIN}']\n"
        "CORS_ALLOW_HEADERS = (*default_headers, 'x-a')\n",
        "apps": "from corsheaders.signals import check_request_enabled\n"
        "@receiver(check_request_enabled)\ndef allow(sender, request, **given): ...\n",
        "tests": "def test(settings):\n"
        "    settings.MIDDLEWARE.remove('corsheaders.middleware.CorsMiddleware')\n",
    }
    after = patched(capsys, **files)
    assert after == {
        name: text.replace("'corsheaders'", "'corsac.django'")
        .replace("corsheaders.middleware.CorsMiddleware", "corsac.django.CORSMiddleware")
        .replace("from corsheaders", "from corsac.django")
        for name, text in files.items()
    }


def test_middleware_that_is_inserted_changes_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    code = (
        "MIDDLEWARE.insert(0, 'corsheaders.middleware.CorsMiddleware')\n"
        f"CORS_ALLOWED_ORIGINS = ['{ORIGIN}']\n"
    )
    after = patched(capsys, settings=code)["settings"]
    assert after == code.replace(
        "corsheaders.middleware.CorsMiddleware", "corsac.django.CORSMiddleware"
    )


def test_middleware_that_is_listed_twice_moves_twice(capsys: pytest.CaptureFixture[str]) -> None:
    code = f"{DJANGO}MIDDLEWARE += ['corsheaders.middleware.CorsMiddleware']\n"
    assert patched(capsys, settings=code)["settings"].count("corsac.django.CORSMiddleware") == 2


def test_what_the_reader_of_the_settings_takes_is_moved(
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = (
        f"{DJANGO}CORS_ALLOWED_ORIGINS = ['{ORIGIN}']\nCORS_PREFLIGHT_MAX_AGE = 100000\n"
        'CORS_URLS_REGEX = r"^/api/(?!x)"\n'
    )
    assert "corsac.django" in patched(capsys, settings=settings)["settings"]


# Files


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("mark.py", b"\xef\xbb\xbf", b""),
        ("no end.py", b"", b""),
        ("d\u00e9j\u00e0/app.py", b"", b"\n"),
        ("form.py", b"x = 1\n\x0c\n", b"\n"),
        ("returns.py", b"x = 1\r\n", b"\r\n"),
        ("letters.py", "x = 'äöü'; ".encode(), b"\n"),
    ],
)
@runs_the_command_line
def test_odd_files_are_patched_where_they_should_be(name: str, before: bytes, after: bytes) -> None:
    code = before + STARLETTE.encode().rstrip() + b"; x = 2" + after
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_bytes(code)
    command = [sys.executable, "-m", "corsac", "migrate", "--diff", name]
    done = subprocess.run(command, capture_output=True, check=False)
    assert Path(name).read_bytes() == code
    subprocess.run(["git", "apply", "-"], input=done.stdout, check=True, capture_output=True)
    changed = code.replace(b"starlette.middleware.cors", b"corsac.compat.starlette")
    assert Path(name).read_bytes() == changed


TOOLS = [
    tool for tool in (["git", "apply", "-"], ["patch", "-p1"]) if shutil.which(tool[0]) is not None
]


@pytest.mark.parametrize(
    ("command", "applied"),
    [
        (["{top}/project"], "project"),
        (["../project"], "project"),
        (["{top}/project/package"], "project/package"),
        (["{top}/project/package/app.py"], "project/package"),
        (["../project/package", "{top}/project/main.py"], "project"),
        (["{top}/here/inner"], "here"),
        (["inner"], "here"),
    ],
)
def test_a_patch_applies_in_the_directory_that_was_named_or_in_the_current_one_above(
    command: list[str],
    applied: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    after = STARLETTE.replace("starlette.middleware.cors", "corsac.compat.starlette")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for tool in TOOLS:
        for name in ("project/main", "project/package/app", "here/inner/app"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / f"{name}.py").write_text(STARLETTE)
        named = [each.format(top=tmp_path) for each in command]
        main(["migrate", "--diff", *named])
        patch = capsys.readouterr().out.encode()
        subprocess.run(tool, input=patch, check=True, capture_output=True, cwd=tmp_path / applied)
        for path in map(Path, named):
            files = list(path.rglob("*.py")) if path.is_dir() else [path]
            assert files
            assert all(file.read_text() == after for file in files)


@runs_the_command_line
def test_a_patch_is_the_same_whatever_is_installed_where_it_is_made() -> None:
    code = "from flask_cors import CORS\nCORS(app, origins=r'https://.*\\.a\\.example')\n"
    Path("app.py").write_text(code)
    arguments = [sys.executable, "-m", "corsac", "migrate", "--diff"]
    plain = subprocess.run(arguments, capture_output=True, check=False)
    hidden = "import sys\nfor name in ('re2', 'flask', 'django', 'starlette'):\n"
    hidden += "    sys.modules[name] = None\nfrom corsac.cli import main\n"
    hidden += "sys.exit(main(['migrate', '--diff']))\n"
    without = subprocess.run([sys.executable, "-c", hidden], capture_output=True, check=False)
    assert b"+from corsac.flask import CORS" in plain.stdout
    assert (without.returncode, without.stdout) == (plain.returncode, plain.stdout)
    assert without.stderr == plain.stderr


def test_what_is_needed_and_what_is_not_read_is_noted(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, said = diff(capsys, app=f"{FLASK}CORS(app, origins=load())\n")
    assert code == 1
    assert said == (
        "app.py:2: note: the program now needs corsac[flask], with the extra re2 for expressions\n"
        "app.py:3: note: not all of the options are literal; the program checks them when it "
        "starts: `corsac check module:app` reads the running application\n"
    )


def test_a_file_that_is_named_alone_may_leave_others_behind(
    capsys: pytest.CaptureFixture[str],
) -> None:
    diff(capsys, app=f"{FLASK}CORS(app)\n")
    assert main(["migrate", "--diff", "app.py"]) == 0
    assert "app.py:2: note: places in files that were not named stay behind" in (
        capsys.readouterr().err
    )
