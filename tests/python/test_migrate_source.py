"""`corsac migrate`: what it finds in source, what it says, and what no source can do to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("re2", reason="some configurations have an expression")

from corsac.cli import main
from corsac.cli.migrate import MAX_FILE_BYTES
from corsac.migrate.source.values import MAX_DEPTH

STARLETTE = "from starlette.middleware.cors import CORSMiddleware\n"
FLASK = "from flask_cors import CORS, cross_origin\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def migrate(capsys: pytest.CaptureFixture[str], code: str) -> list[dict[str, Any]]:
    """The configurations that are found in a file."""
    Path("app.py").write_text(code)
    main(["migrate", "--json", "app.py"])
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["configurations"]
    return found


def only(capsys: pytest.CaptureFixture[str], code: str) -> dict[str, Any]:
    """The one configuration that is found in a file."""
    found = migrate(capsys, code)
    assert len(found) == 1, found
    return found[0]


def codes(found: dict[str, Any]) -> set[str]:
    return {problem["code"] for problem in found["problems"]}


def test_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    options = 'allow_origins=["https://a.example/"], allow_methods=["*"], allow_headers=["*"]'
    Path("app.py").write_text(f"{STARLETTE}\napp.add_middleware(CORSMiddleware, {options})\n")
    assert main(["migrate"]) == 1
    assert capsys.readouterr().out == (
        "app.py:3  starlette, add_middleware\n"
        "\n"
        "app.py:3: error  allow_origins: 'https://a.example/'  [origin.invalid]\n"
        "  an origin ends after the host or port: no slash, path, query or fragment\n"
        '  -> did you mean "https://a.example"?\n'
        "\n"
        "With Corsac, without what is an error above:\n"
        "\n"
        "    from corsac import CORSMiddleware\n"
        "\n"
        "    app.add_middleware(\n"
        "        CORSMiddleware,\n"
        '        allow_methods=["DELETE", "OPTIONS", "PATCH", "PUT", "QUERY"],\n'
        '        allow_headers=["*", "authorization"],\n'
        "    )\n"
        "\n"
        "1 configuration in 1 file: 1 error\n"
    )


def test_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    options = 'allow_origins=["https://a.example"], allow_methods=["*"]'
    Path("good.py").write_text(f"{STARLETTE}app = CORSMiddleware(app, {options})\n")
    Path("bad.py").write_text(f"{STARLETTE}app = CORSMiddleware(app, allow_origins='*')\n")
    Path("other.py").write_text("print(1)\n")
    Path("broken.py").write_text("cors = (\n")
    assert main(["migrate", "good.py"]) == 0
    assert main(["migrate", "other.py"]) == 0
    assert "no CORS configuration found in 1 file" in capsys.readouterr().out
    assert main(["migrate", "good.py", "bad.py"]) == 1
    assert main(["migrate", "good.py", "broken.py"]) == 3
    assert main(["migrate", "absent.py"]) == 3
    assert capsys.readouterr().err == (
        "corsac migrate: broken.py: line 1: '(' was never closed\n"
        "corsac migrate: absent.py: it cannot be read: No such file or directory\n"
    )


@pytest.mark.parametrize(
    ("code", "library", "style"),
    [
        ("app.add_middleware(CORSMiddleware, {})", "starlette", "add_middleware"),
        ("m = [Middleware(CORSMiddleware, {})]", "starlette", "Middleware"),
        ("app = CORSMiddleware(app, {})", "starlette", "wrap"),
        ("app = CORSMiddleware(app=app, {})", "starlette", "wrap"),
        ("class Own(CORSMiddleware): ...\napp.add_middleware(Own, {})", "starlette", "subclass"),
        ("app.add_middleware(cors.CORSMiddleware, {})", "starlette", "add_middleware"),
    ],
)
def test_starlettes_middleware_is_found_however_it_is_added(
    code: str, library: str, style: str, capsys: pytest.CaptureFixture[str]
) -> None:
    imports = "from starlette.middleware import Middleware, cors\n" + STARLETTE
    found = only(capsys, imports + code.format("allow_origins=['https://a.example']"))
    assert (found["library"], found["style"]) == (library, style)
    assert found["options"] == {"allow_origins": ["https://a.example"]}


def test_arguments_by_position_have_starlettes_order(capsys: pytest.CaptureFixture[str]) -> None:
    found = only(capsys, f"{STARLETTE}app = CORSMiddleware(app, ['https://a.example'], ['PUT'])")
    assert found["options"] == {"allow_origins": ["https://a.example"], "allow_methods": ["PUT"]}


def test_fastapi_and_other_names_are_followed(capsys: pytest.CaptureFixture[str]) -> None:
    code = "from fastapi.middleware.cors import CORSMiddleware as Own\napp.add_middleware(Own)\n"
    assert only(capsys, code)["library"] == "starlette"
    assert (
        migrate(capsys, "from x import CORSMiddleware\napp.add_middleware(CORSMiddleware)\n") == []
    )


@pytest.mark.parametrize(
    "code",
    [
        "CORS(app, origins='https://a.example')",
        "CORS(app=app, origins='https://a.example')",
        "c = CORS(origins='https://a.example')\nc.init_app(app)",
        "c = CORS()\nc.init_app(app, origins='https://a.example')",
        "app.config['CORS_ORIGINS'] = 'https://a.example'\nCORS(app)",
        "app.config.update(CORS_ORIGINS='https://a.example')\nCORS(app)",
        "@cross_origin(origins='https://a.example')\ndef view(): ...",
        "import flask_cors\nflask_cors.CORS(app, origins='https://a.example')",
    ],
)
def test_flask_cors_is_found(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = only(capsys, FLASK + code)
    assert found["library"] == "flask-cors"
    assert found["corsac"]["options"]["allow_origins"] == ["https://a.example"]


def test_a_bare_decorator_has_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    found = only(capsys, f"{FLASK}@app.route('/')\n@cross_origin\ndef view(): ...\n")
    assert found["corsac"]["options"]["allow_origins"] == ["*"]


def test_a_setting_after_the_call_has_no_effect(capsys: pytest.CaptureFixture[str]) -> None:
    found = only(capsys, f"{FLASK}CORS(app)\napp.config['CORS_ORIGINS'] = 'https://a.example'\n")
    assert "option.without_effect" in codes(found)
    assert found["corsac"]["options"]["allow_origins"] == ["*"]


def test_several_layers_of_one_application_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = migrate(capsys, f"{FLASK}CORS(app, origins='https://a.example')\nCORS(app)\n")
    assert "middleware.several" not in codes(first)
    assert "middleware.several" in codes(second)
    apart = migrate(capsys, f"{FLASK}CORS(one)\nCORS(two)\n")
    assert all("middleware.several" not in codes(each) for each in apart)


def test_djangos_settings_are_found_and_its_defaults_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = only(
        capsys,
        "from corsheaders.defaults import default_headers\n"
        "INSTALLED_APPS = ['corsheaders']\n"
        "CORS_ALLOWED_ORIGINS = ['https://a.example']\n"
        "CORS_ALLOW_HEADERS = [*default_headers, 'x-a']\n"
        "if DEBUG:\n"
        "    CORS_ALLOW_ALL_ORIGINS = True\n",
    )
    assert (found["library"], found["line"]) == ("django-cors-headers", 3)
    assert "x-a" in found["corsac"]["options"]["allow_headers"]
    assert "CORS_ALLOW_ALL_ORIGINS" in found["unseen"]


def test_constants_of_that_name_elsewhere_are_no_settings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert migrate(capsys, "CORS_ALLOWED_ORIGINS = ['https://a.example']\n") == []


def test_litestar_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    code = "from litestar.config.cors import CORSConfig\nc = CORSConfig(['https://a.example'])\n"
    found = only(capsys, code)
    assert (found["library"], found["options"]) == (
        "litestar",
        {"allow_origins": ["https://a.example"]},
    )


# Values


@pytest.mark.parametrize(
    ("before", "value"),
    [
        ("A = ['https://a.example']", "A"),
        ("A: list[str] = ['https://a.example']", "A"),
        ("A = 'a.example'", "[f'https://{A}']"),
        ("A = 'https://'", "[A + 'a.example']"),
        ("A = []", "A + ['https://a.example']"),
        ("A = ('https://a.example',)", "[*A]"),
        ("", "'https://a.example'.split(',')"),
        ("A = ' https://a.example, '", "[each.strip() for each in A.split(',') if each.strip()]"),
        ("A = 'https://a.example'", "list((A,))"),
        ("O = {'allow_origins': ['https://a.example']}", "O['x']"),
    ],
)
def test_simple_constants_are_followed(
    before: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    argument = "**O" if before.startswith("O") else f"allow_origins={value}"
    found = only(capsys, f"{STARLETTE}{before}\napp.add_middleware(CORSMiddleware, {argument})\n")
    assert found["options"] == {"allow_origins": ["https://a.example"]}
    assert found["unseen"] == {}


@pytest.mark.parametrize(
    ("before", "value", "reason"),
    [
        ("", "os.environ['A']", "it comes from the environment variable A"),
        ("", "os.getenv('A').split(',')", "it comes from the environment variable A"),
        ("", "settings.origins", "it is read from another object"),
        ("", "origins()", "a function gives it"),
        ("from x import A", "A", "A comes from another file"),
        ("A = []\nA = ['https://a.example']", "A", "A is assigned in 2 places"),
        ("A = []\nA.append('https://a.example')", "A", "A is changed after it is assigned"),
        ("def f(A): ...", "A", "A is given to a function"),
        ("A = A", "A", "assigned"),
        ("", "x if debug else y", "it depends on a condition"),
        ("", "['https://a.example', os.environ['A']]", "of its entries, it comes from"),
    ],
)
def test_what_cannot_be_seen_is_said_to_be_so(
    before: str, value: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = only(
        capsys,
        f"import os\n{STARLETTE}{before}\n"
        f"app.add_middleware(CORSMiddleware, allow_origins={value}, allow_credentials=True)\n",
    )
    told = [each for each in found["problems"] if each["code"] == "value.unseen"]
    assert len(told) == 1
    assert reason in told[0]["message"]
    assert "corsac check" in told[0]["hint"]
    assert "stand-in" not in json.dumps(found)
    assert f"allow_origins={value}".replace("'", '"') in found["corsac"]["code"].replace("'", '"')


def test_the_default_of_a_variable_is_judged(capsys: pytest.CaptureFixture[str]) -> None:
    value = "os.environ.get('A', '*').split(',')"
    found = only(
        capsys,
        f"import os\n{STARLETTE}"
        f"app.add_middleware(CORSMiddleware, allow_origins={value}, allow_credentials=True)\n",
    )
    assert {"value.unseen", "origin.any_with_credentials"} <= codes(found)
    # Credentials stay allowed where the variable lists origins, and only there.
    assert f'allow_credentials="*" not in ({value})' in found["corsac"]["code"]


FILLED_ELSEWHERE = [
    'app.config.from_object("settings")',
    'app.config.update({"CORS_ORIGINS": ["https://app.example.com"]})',
    'app.config.from_pyfile("settings.cfg")',
    "app.config.from_prefixed_env()",
]


@pytest.mark.parametrize("line", FILLED_ELSEWHERE)
def test_origins_that_a_configuration_elsewhere_may_have_are_not_taken_for_anyone(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = only(
        capsys,
        "from flask import Flask\nfrom flask_cors import CORS\n"
        f"app = Flask(__name__)\n{line}\nCORS(app)\n",
    )
    assert "value.unseen" in codes(found)


SEEN_IN = [
    "CORS_ALLOW_ALL_ORIGINS = CORS_ALLOW_CREDENTIALS = True\n",
    "try:\n    from local import *\nexcept ImportError:\n"
    "    CORS_ALLOW_ALL_ORIGINS = True\n    CORS_ALLOW_CREDENTIALS = True\n",
    "class Prod:\n    CORS_ALLOW_ALL_ORIGINS = True\n    CORS_ALLOW_CREDENTIALS = True\n",
]


@pytest.mark.parametrize("settings", SEEN_IN)
def test_settings_are_seen_wherever_they_are_assigned(
    settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = only(capsys, 'MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware"]\n' + settings)
    assert found["problems"]


# Whatever a source may hold


HOSTILE = {
    "not closed": b"cors = (((\n",
    "nested": b"cors = " + b"(" * 5000 + b")" * 5000,
    "minus": b"cors = " + b"-" * 100_000 + b"1\n",
    "sum": STARLETTE.encode()
    + b"app.add_middleware(CORSMiddleware, a="
    + b"+".join([b"b"] * 20_000)
    + b")",
    "attributes": STARLETTE.encode()
    + b"CORSMiddleware(app, allow_origins=a"
    + b".b" * 20_000
    + b")",
    "not utf-8": b"# \xff cors\n",
    "odd encoding": b"# -*- coding: cors-9 -*-\n",
    "nul": b"cors = 1\x00\n",
    "digits": b"cors = " + b"9" * 10_000 + b"\n",
    "large": b"# cors\n" + b"#" * MAX_FILE_BYTES,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("option", ["--json", "--diff", None])
def test_a_hostile_file_gives_a_clear_line(
    name: str, option: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("app.py").write_bytes(HOSTILE[name])
    code = main(["migrate", *([option] if option else []), "app.py"])
    captured = capsys.readouterr()
    assert code in {1, 3}
    assert "Traceback" not in captured.err
    if code == 2:
        assert captured.err.startswith("corsac migrate: app.py: ")
        assert captured.err.count("\n") == 1


def test_doubling_and_deep_values_are_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    doubling = "a0 = ['https://a.example']\n"
    doubling += "".join(f"a{n + 1} = a{n} + a{n}\n" for n in range(MAX_DEPTH))
    found = only(
        capsys, f"{STARLETTE}{doubling}app.add_middleware(CORSMiddleware, allow_origins=a30)\n"
    )
    assert "allow_origins" in found["unseen"]
    deep = "[" * 60 + "]" * 60
    found = only(capsys, f"{STARLETTE}app.add_middleware(CORSMiddleware, allow_origins={deep})\n")
    assert "origin" in json.dumps(found["problems"])


def test_ten_thousand_entries_do_not_take_long(capsys: pytest.CaptureFixture[str]) -> None:
    entries = ", ".join(f"'https://a{number}.example/'" for number in range(9_000))
    found = only(
        capsys, f"{STARLETTE}app.add_middleware(CORSMiddleware, allow_origins=[{entries}])\n"
    )
    assert len(found["problems"]) > 9_000


def test_links_that_go_round_and_pipes_are_passed_over(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "inner").mkdir()
    (here / "inner" / "again").symlink_to(here)
    (here / "self.py").symlink_to(here / "self.py")
    os.mkfifo(here / "pipe.py")
    (here / "inner" / "app.py").write_text(f"{FLASK}CORS(app, origins='https://a.example')\n")
    (here / "inner" / "link.py").symlink_to(here / "inner" / "app.py")
    assert main(["migrate", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["file"] for each in found["configurations"]] == ["inner/app.py"]
    assert main(["migrate", "pipe.py"]) == 3
    assert capsys.readouterr().err == "corsac migrate: pipe.py: it is not a file\n"


def test_the_code_of_others_is_not_read(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("venv", ".hidden", "node_modules", "site-packages"):
        (here / name).mkdir()
        (here / name / "app.py").write_text(f"{FLASK}CORS(app)\n")
    assert main(["migrate"]) == 0
    assert capsys.readouterr().out == "no CORS configuration found in 0 files\n"


def test_nothing_in_a_source_steers_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    escape = "\\x1b[31m"
    Path("app.py").write_text(
        f"{FLASK}CORS(app, origins='https://{escape}\u202e', **{{'{escape}': 1}})\n"
    )
    assert main(["migrate", "app.py"]) == 1
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "\u202e" not in printed


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    Path("app.py").write_text(f"{FLASK}CORS(app)\n" * 2_000)
    command = f"{sys.executable} -m corsac migrate app.py | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.stdout.count("\n"), done.stderr) == (1, "")
