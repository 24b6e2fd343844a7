"""`corsac migrate --diff`: patches that git applies, and programs that work afterwards."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("re2", reason="some configurations have an expression")

from corsac.cli import main
from support.exchange import Request, http_scope, run_asgi

ORIGIN = "https://a.example"
OPTIONS = f'allow_origins=["{ORIGIN}"], allow_methods=["*"], allow_headers=["*"]'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def patched(content: str | bytes, name: str = "app.py") -> str:
    """What a file holds after its patch was applied; nothing else may have changed it."""
    data = content if isinstance(content, bytes) else content.encode()
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_bytes(data)
    command = [sys.executable, "-m", "corsac", "migrate", "--diff", name]
    done = subprocess.run(command, capture_output=True, check=False)
    assert Path(name).read_bytes() == data
    assert b"Traceback" not in done.stderr
    if done.stdout:
        subprocess.run(["git", "apply", "-"], input=done.stdout, check=True, capture_output=True)
    after = Path(name).read_bytes()
    text = after.decode("utf-8-sig")
    ast.parse(text)
    return text


@pytest.mark.parametrize(
    "code",
    [
        f"app = Starlette()\napp.add_middleware(CORSMiddleware, {OPTIONS})\n",
        f"app = Starlette(middleware=[Middleware(CORSMiddleware, {OPTIONS})])\n",
        f"app = CORSMiddleware(Starlette(), {OPTIONS})\n",
        f"app = Starlette()\nif app:\n    app.add_middleware(CORSMiddleware,\n {OPTIONS})",
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_starlette_program_works_after_the_patch(code: str, newline: str) -> None:
    pytest.importorskip("starlette")
    imports = (
        "from starlette.applications import Starlette\n"
        "from starlette.middleware import Middleware\n"
        "from starlette.middleware.cors import CORSMiddleware\n"
    )
    text = patched((imports + code).replace("\n", newline).encode())
    assert "starlette.middleware.cors" not in text
    assert "from corsac import CORSMiddleware" in text
    assert (newline == "\r\n") == ("\r\n" in text)
    program: dict[str, Any] = {}
    exec(compile(text, "app.py", "exec"), program)  # noqa: S102 - this is the test
    request = Request("GET", [("origin", ORIGIN)], "/")
    start = run_asgi(program["app"], http_scope(request))[0]
    assert (b"access-control-allow-origin", ORIGIN.encode()) in start["headers"]


def test_a_constant_whose_value_may_stay_is_still_used() -> None:
    text = patched(
        "from fastapi.middleware.cors import CORSMiddleware\n"
        f'GOOD = ["{ORIGIN}"]\nBAD = ["{ORIGIN}/"]\n'
        "one.add_middleware(CORSMiddleware, allow_origins=GOOD)\n"
        "two.add_middleware(CORSMiddleware, allow_origins=BAD)\n"
    )
    assert "allow_origins=GOOD" in text
    assert "allow_origins=BAD" not in text


def test_other_names_of_an_import_stay() -> None:
    text = patched(
        "from starlette.middleware.cors import ALL_METHODS, CORSMiddleware as Own\n"
        f"app.add_middleware(Own, {OPTIONS})\n"
    )
    assert text.startswith(
        "from starlette.middleware.cors import ALL_METHODS\nfrom corsac import CORSMiddleware\n"
    )
    assert "Own" not in text


def test_a_flask_program_gets_the_middleware_around_its_wsgi_application() -> None:
    text = patched(
        "from flask_cors import CORS\n"
        f'CORS(app, resources={{"/api/*": {{"origins": "{ORIGIN}"}}}})\n'
    )
    assert text == (
        "from corsac import CORSPolicy\n"
        "from corsac.wsgi import CORSMiddleware\n"
        "app.wsgi_app = CORSMiddleware(\n"
        "    app.wsgi_app,\n"
        "    rules=[\n"
        "        (\n"
        '            "/api/*",\n'
        "            CORSPolicy(\n"
        f'                allow_origins=["{ORIGIN}"],\n'
        '                allow_methods=["DELETE", "OPTIONS", "PATCH", "PUT"],\n'
        '                allow_headers=["*", "authorization"],\n'
        "                max_age=None,\n"
        "            ),\n"
        "        ),\n"
        "    ],\n"
        ")\n"
    )


def test_a_flask_program_works_after_the_patch() -> None:
    pytest.importorskip("flask")
    text = patched(
        "from flask import Flask\n"
        "from flask_cors import CORS\n"
        "app = Flask('app')\n"
        f'CORS(app, resources={{"/api/*": {{"origins": "{ORIGIN}"}}}})\n'
    )
    program: dict[str, Any] = {}
    exec(compile(text, "app.py", "exec"), program)  # noqa: S102 - this is the test
    client = program["app"].test_client()
    headers = {"Origin": ORIGIN}
    allowed = client.get("/api/notes", headers=headers).headers
    assert allowed["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Allow-Origin" not in client.get("/", headers=headers).headers


@pytest.mark.parametrize(
    "code",
    [
        f'@cross_origin(origins="{ORIGIN}")\ndef view(): ...\n',
        f'cors = CORS(app, origins="{ORIGIN}")\n',
        f'cors = CORS(origins="{ORIGIN}")\ncors.init_app(app)\n',
    ],
)
def test_where_flask_cors_is_more_than_a_call_only_the_import_changes(code: str) -> None:
    text = patched(f"from flask_cors import CORS, cross_origin\n{code}")
    assert text == f"from corsac.flask import CORS, cross_origin\n{code}"


def test_djangos_middleware_and_application_change_their_names() -> None:
    before = (
        "INSTALLED_APPS = ['corsheaders', 'x']\n"
        'MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware"]\n'
        f"CORS_ALLOWED_ORIGINS = ['{ORIGIN}']\n"
    )
    assert patched(before) == before.replace("'corsheaders'", "'corsac.django'").replace(
        "corsheaders.middleware.CorsMiddleware", "corsac.django.CORSMiddleware"
    )


@pytest.mark.parametrize(
    ("code", "after"),
    [
        (
            f'config = CORSConfig(allow_origins=["{ORIGIN}"])\n'
            "app = Litestar([], cors_config=config, debug=True)\n",
            "app = Litestar([], debug=True)\n",
        ),
        (
            f'app = Litestar(cors_config=CORSConfig(allow_origins=["{ORIGIN}"]), debug=True)\n',
            "app = Litestar(debug=True)\n",
        ),
    ],
)
def test_litestars_configuration_becomes_a_middleware_around_it(code: str, after: str) -> None:
    text = patched(
        "from litestar import Litestar\nfrom litestar.config.cors import CORSConfig\n" + code
    )
    assert text == (
        "from litestar import Litestar\n"
        "from corsac import CORSMiddleware\n"
        f"{after}"
        "app = CORSMiddleware(\n"
        "    app,\n"
        f'    allow_origins=["{ORIGIN}"],\n'
        '    allow_methods=["DELETE", "OPTIONS", "PATCH", "PUT"],\n'
        '    allow_headers=["*", "authorization"],\n'
        ")\n"
    )


STARLETTE = "from starlette.middleware.cors import CORSMiddleware\n"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (f"{STARLETTE}class Own(CORSMiddleware): ...\nOwn(app)\n", "overrides methods"),
        (f"{STARLETTE}CORSMiddleware(app, **options)\n", "put together elsewhere"),
        (
            f"{STARLETTE}a.add_middleware(CORSMiddleware)\na.add_middleware(CORSMiddleware)\n",
            "layers",
        ),
        (f"{STARLETTE}CORSMiddleware(app)\nprint(CORSMiddleware)\n", "something else as well"),
        (
            "import starlette.middleware.cors\nstarlette.middleware.cors.CORSMiddleware(app)\n",
            "named by its module",
        ),
        (
            f"{STARLETTE}from x import CORSPolicy\nCORSMiddleware(app)\n",
            "the name CORSPolicy means something else",
        ),
        (
            "from flask_cors import cross_origin\n@cross_origin(origin='x')\ndef f(): ...\n",
            "errors",
        ),
        (
            "from litestar import Litestar\nfrom litestar.config.cors import CORSConfig\n"
            "app = Litestar([], cors_config=CORSConfig())\napp.register(x)\n",
            "by hand",
        ),
    ],
)
def test_what_is_in_doubt_is_left_as_it_is_with_the_reason(
    code: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("app.py").write_text(code)
    main(["migrate", "--diff", "app.py"])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "left as it is" in captured.err
    assert reason in captured.err


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("mark.py", b"\xef\xbb\xbf", b""),
        ("no end.py", b"", b""),
        ("d\u00e9j\u00e0/app.py", b"", b"\n"),
        ("form.py", b"x = 1\n\x0c\n", b"\n"),
        ("letters.py", "x = 'äöü'; ".encode(), b"\n"),
    ],
)
def test_odd_files_are_patched_where_they_should_be(name: str, before: bytes, after: bytes) -> None:
    code = STARLETTE.encode() + before.lstrip(b"\xef\xbb\xbf")
    code += f"app.add_middleware(CORSMiddleware, {OPTIONS})".encode() + after
    mark = b"\xef\xbb\xbf" if before.startswith(b"\xef\xbb\xbf") else b""
    text = patched(mark + code, name)
    assert text.startswith("from corsac import CORSMiddleware\n")
    assert "app.add_middleware(\n    CORSMiddleware,\n" in text
    assert text.endswith(")\n" if after else ")")


def test_middleware_that_is_inserted_changes_its_name() -> None:
    text = patched(
        "MIDDLEWARE.insert(0, 'corsheaders.middleware.CorsMiddleware')\n"
        f"CORS_ALLOWED_ORIGINS = ['{ORIGIN}']\n",
        "settings.py",
    )
    assert text.startswith("MIDDLEWARE.insert(0, 'corsac.django.CORSMiddleware')\n")


def test_an_import_behind_try_stays_on_its_line() -> None:
    text = patched(
        "try: from flask_cors import CORS\nexcept ImportError: CORS = None\n"
        f'CORS(app, resources={{"/api/*": {{"origins": "{ORIGIN}"}}}})\n'
    )
    assert text.startswith(
        "try: from corsac import CORSPolicy; from corsac.wsgi import CORSMiddleware\n"
    )
