"""`corsac migrate`: what it finds in source, what it says, and what no source can do to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from corsac.cli import main
from corsac.migrate.source.files import MAX_FILE_BYTES
from corsac.migrate.source.literal import MAX_DEPTH, MAX_TERMS
from support.left_out import runs_the_command_line
from support.migrate_command import DJANGO, FLASK, STARLETTE, codes, migrate, only


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


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
        "    from corsac import CORSMiddleware, CORSPolicy\n"
        "\n"
        "    policy = CORSPolicy(\n"
        '        allow_methods=["DELETE", "OPTIONS", "PATCH", "PUT", "QUERY"],\n'
        '        allow_headers=["*", "authorization"],\n'
        "    )\n"
        "    app.add_middleware(CORSMiddleware, policy=policy)\n"
        "\n"
        "1 file read, 1 configuration: 1 error\n"
        "more: corsac explain-code origin.invalid\n"
    )


def test_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    options = 'allow_origins=["https://a.example"], allow_methods=["*"]'
    Path("good.py").write_text(f"{STARLETTE}app = CORSMiddleware(app, {options})\n")
    Path("bad.py").write_text(f"{STARLETTE}app = CORSMiddleware(app, allow_origins='*')\n")
    Path("other.py").write_text("print(1)\n")
    Path("broken.py").write_text("cors = (\n")
    assert main(["migrate", "good.py"]) == 0
    assert main(["migrate", "other.py"]) == 0
    assert "1 file read, no CORS configuration of another library" in capsys.readouterr().out
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
        ("app.add_middleware(cors.CORSMiddleware, {})", "starlette", "add_middleware"),
    ],
)
def test_starlettes_middleware_is_found_however_it_is_added(
    code: str, library: str, style: str, capsys: pytest.CaptureFixture[str]
) -> None:
    imports = (
        "from starlette.middleware import Middleware\nfrom starlette.middleware import cors\n"
        + STARLETTE
    )
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
        migrate(
            capsys, settings="from x import CORSMiddleware\napp.add_middleware(CORSMiddleware)\n"
        )
        == []
    )


@pytest.mark.parametrize(
    "code",
    [
        "CORS(app, origins='https://a.example')",
        "CORS(app=app, origins='https://a.example')",
        "c = CORS(origins='https://a.example')\nc.init_app(app)",
        "c = CORS()\nc.init_app(app, origins='https://a.example')",
        "app.config['CORS_ORIGINS'] = 'https://a.example'\nCORS(app)",
        "@cross_origin(origins='https://a.example')\ndef view(): ...",
        "import flask_cors\nflask_cors.CORS(app, origins='https://a.example')",
    ],
)
def test_flask_cors_is_found(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = only(capsys, FLASK + code)
    assert found["library"] == "flask-cors"
    assert found["corsac"]["options"]["allow_origins"] == ["https://a.example"]


def test_a_decorator_without_brackets_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    found = only(capsys, f"{FLASK}@app.route('/')\n@cross_origin\ndef view(): ...\n")
    assert (found["style"], found["line"]) == ("not read", 4)
    assert "write @cross_origin()" in found["problems"][0]["message"]


def test_several_layers_of_one_application_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = migrate(
        capsys, app=f"{FLASK}CORS(app, origins='https://a.example')\nCORS(app)\n"
    )
    assert "middleware.several" not in codes(first)
    assert "middleware.several" in codes(second)
    for code in ("CORS(one)\nCORS(two)\n", "if DEBUG:\n    CORS(app)\nelse:\n    CORS(app)\n"):
        apart = migrate(capsys, app=FLASK + code)
        assert all("middleware.several" not in codes(each) for each in apart)


def test_djangos_settings_are_found_and_its_defaults_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = only(
        capsys,
        "from corsheaders.defaults import default_headers\n"
        "INSTALLED_APPS = ['corsheaders']\n"
        "CORS_ALLOWED_ORIGINS = ['https://a.example']\n"
        "CORS_ALLOW_HEADERS = (*default_headers, 'x-a')\n",
    )
    assert (found["library"], found["line"]) == ("django-cors-headers", 3)
    assert found["unseen"] == {}
    assert "x-a" in found["corsac"]["options"]["allow_headers"]
    assert found["corsac"]["code"].startswith('CORSAC = {\n    "allow_origins": ["https://a.')


def test_settings_are_those_of_a_project_that_names_the_library(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = "CORS_ALLOWED_ORIGINS = ['https://a.example']\n"
    assert migrate(capsys, config=code) == []
    found = migrate(capsys, config=code, base=DJANGO)
    assert [(each["file"], each["style"]) for each in found] == [("config.py", "settings")]


def test_litestar_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    code = "from litestar.config.cors import CORSConfig\nc = CORSConfig(['https://a.example'])\n"
    found = only(capsys, code)
    assert (found["library"], found["options"]) == (
        "litestar",
        {"allow_origins": ["https://a.example"]},
    )
    assert found["corsac"]["code"].startswith("from corsac import CORSMiddleware\n\napp = CORSM")


def test_a_flask_call_is_the_same_call_of_corsac(capsys: pytest.CaptureFixture[str]) -> None:
    call = "CORS(api, origins='https://a.example', max_age=5)"
    found = only(capsys, f"{FLASK}api = Blueprint('api', 'api')\n{call}\n")
    assert found["corsac"]["code"] == f"from corsac.flask import CORS\n\n{call}"


def test_flask_options_with_errors_become_a_policy(capsys: pytest.CaptureFixture[str]) -> None:
    found = only(capsys, f"{FLASK}CORS(api, supports_credentials=True)\n")
    assert "\nCORS(\n    api,\n    policy=CORSPolicy(\n" in found["corsac"]["code"]
    assert found["corsac"]["valid"] is False


# Values


A = "https://a.example"


@pytest.mark.parametrize(
    ("before", "value"),
    [
        (f"A = ['{A}']", "A"),
        (f"A: list[str] = ['{A}']", "A"),
        ("A = 'https://'", "[A + 'a.example']"),
        ("", "['https://' 'a.example']"),
        (f"A = ('{A}',)\nprint(A)", "[*A]"),
        ("", f"[] + ['{A}']"),
        ("", f"list(('{A}',))"),
        (f"def make():\n    return A\nA = ['{A}'][0:]\nB = ['{A}']", "B"),
        (f"O = {{'allow_origins': ['{A}']}}", "**O"),
    ],
)
def test_literal_values_and_their_names_are_read(
    before: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    argument = value if value.startswith("**") else f"allow_origins={value}"
    found = only(capsys, f"{STARLETTE}{before}\napp.add_middleware(CORSMiddleware, {argument})\n")
    assert {name: list(each) for name, each in found["options"].items()} == {"allow_origins": [A]}
    assert found["unseen"] == {}


@pytest.mark.parametrize(
    ("before", "value", "reason"),
    [
        ("", "os.environ['A']", "it is not literal"),
        ("", "os.getenv('A', '*').split(',')", "it is not literal"),
        ("", "settings.origins", "settings.origins comes from elsewhere"),
        ("", "origins()", "it is not literal"),
        ("", f"[f'{A}']", "it is not literal"),
        ("", "x if debug else y", "it is not literal"),
        ("", f"['{A}', os.environ['A']]", "it is not literal"),
        ("from x import A", "A", "x.A comes from elsewhere"),
        (f"A = []\nA = ['{A}']", "A", "A is set in 2 places"),
        (f"A = []\nA.append('{A}')", "A", "A is used elsewhere too"),
        (f"A = ['{A}']\nB = A\nB.append('*')", "A", "A is used elsewhere too"),
        (f"A = ['{A}']\nwiden(A)", "A", "A is used elsewhere too"),
        ("def f(A): ...", "A", "A is set in 1 places"),
        ("A = A", "A", ""),
        (f"if DEBUG:\n    A = ['{A}']", "A", "A is set under a condition"),
        (f"def f():\n    A = ['{A}']", "A", "A is set under a condition, or in another function"),
        (f"A = ['{A}']\nfrom x import *", "A", "A may be set by an import of all names"),
        (f"A = ['{A}']\ntry: ...\nexcept Error as A: ...", "A", "A is set in 2 places"),
        (f"A = ['{A}']\nmatch x:\n    case {{'a': A}}: ...", "A", "A is set in 2 places"),
        (f"A = ['{A}']\nmatch x:\n    case [*A]: ...", "A", "A is set in 2 places"),
    ],
)
def test_what_is_not_literal_stays_an_expression_and_is_told(
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
    assert "`corsac check module:app` reads the running application" in told[0]["hint"]
    # In a line of its own: a mistake is then an error at the start, and not at each request.
    first, *_, last = found["corsac"]["code"].split("\n")[2:]
    assert first == "policy = CORSPolicy("
    assert f"allow_origins={value}".replace("'", '"') in found["corsac"]["code"].replace("'", '"')
    assert last == "app.add_middleware(CORSMiddleware, policy=policy)"


@pytest.mark.parametrize(
    "code",
    [
        f"{STARLETTE}app.add_middleware(CORSMiddleware, **options)\n",
        f"{STARLETTE}CORSMiddleware(app, *options)\n",
        "from litestar.config.cors import CORSConfig\nCORSConfig(allow_origins=load())\n",
        f"{DJANGO}CORS_ALLOWED_ORIGINS = load()\n",
    ],
)
def test_no_code_is_printed_where_a_default_might_be_wider(
    code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = only(capsys, code)
    assert found["corsac"]["code"] == ""
    assert (found["corsac"]["valid"], codes(found)) == (False, {"value.unseen"})


ANYONE_IN_SOME_RUNS = [
    "if DEBUG:\n    CORS_ALLOW_ALL_ORIGINS = True\n",
    "CORS_ALLOW_ALL_ORIGINS = True\nif PROD:\n    CORS_ALLOW_ALL_ORIGINS = False\n",
    "CORS_ALLOW_ALL_ORIGINS = DEBUG\n",
    "CORS_ALLOW_ALL_ORIGINS = env.bool('ALL', default=True)\n",
    "try:\n    import local\nexcept ImportError:\n    CORS_ALLOW_ALL_ORIGINS = True\n",
    "globals().update(CORS_ALLOW_ALL_ORIGINS=True, x='CORS_ALLOW_ALL_ORIGINS')\n",
    "vars()['CORS_ALLOW_ALL_ORIGINS'] = True\n",
    "CORS_ALLOW_ALL_ORIGINS, X = True, 1\n",
    "def f():\n    global CORS_ALLOW_ALL_ORIGINS\n    CORS_ALLOW_ALL_ORIGINS = True\n",
    "CORS_ALLOWED_ORIGIN_REGEXES = []\nCORS_ALLOWED_ORIGIN_REGEXES.append('.*')\n",
    "CORS_ALLOWED_ORIGIN_REGEXES = []\nCORS_ALLOWED_ORIGIN_REGEXES += ['.*']\n",
    "from .local import *\n",
]


@pytest.mark.parametrize("settings", ANYONE_IN_SOME_RUNS)
def test_settings_that_differ_between_runs_stay_settings(
    settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = only(capsys, f"{DJANGO}CORS_ALLOWED_ORIGINS = ['{A}']\n{settings}")
    assert "value.unseen" in codes(found)
    assert found["corsac"]["code"] == ""
    main(["migrate"])
    assert "then keep the CORS_ settings." in capsys.readouterr().out


def test_settings_of_several_files_name_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    found = migrate(
        capsys,
        settings__base=f"{DJANGO}CORS_ALLOW_CREDENTIALS = True\n",
        settings__dev="from .base import *\nCORS_ALLOW_ALL_ORIGINS = True\n",
    )
    messages = [each["problems"][0]["message"] for each in found]
    assert "other files have settings as well: settings/dev.py:2" in messages[0]
    assert all("settings" in each["unseen"] for each in found)


@pytest.mark.parametrize(
    ("files", "where"),
    [
        ({"config": "class Config:\n    CORS_ORIGINS = '*'\n"}, "CORS_ORIGINS in config.py:2"),
        ({"config": "app.config['CORS_ORIGINS'] = '*'\n"}, "CORS_ORIGINS in config.py:1"),
        ({"config": "app.config.update(CORS_ORIGINS='*')\n"}, "CORS_ORIGINS in config.py:1"),
        ({"config": "OWN = {'CORS_ORIGINS': '*'}\n"}, "CORS_ORIGINS in config.py:1"),
        ({}, "it is filled in line 4"),
    ],
)
def test_keys_of_app_config_elsewhere_are_named(
    files: dict[str, str], where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    app = f"{FLASK}app = Flask('a')\napp.config.from_object('b')\nCORS(app)\n"
    found = migrate(capsys, app=app, **files)
    assert where in " ".join(each["message"] for each in found[0]["problems"])
    # The default of the library, which is anyone, is not said to count.
    assert codes(found[0]) == {"value.unseen"}
    assert found[0]["corsac"]["code"] == "from corsac.flask import CORS\n\nCORS(app)"


def test_a_variable_of_the_environment_is_no_key(capsys: pytest.CaptureFixture[str]) -> None:
    code = "import os\nCORS(app, origins=os.getenv('CORS_ORIGINS', '*'), max_age=5)\n"
    found = only(capsys, FLASK + code)
    assert found["unseen"] == {"origins": "os.getenv('CORS_ORIGINS', '*')"}


def test_an_extension_made_in_another_file_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    made, given = migrate(
        capsys,
        extensions="from flask_cors import CORS\ncors = CORS(supports_credentials=True)\n",
        main="from extensions import cors\nfrom myapp import app\ncors.init_app(app)\n",
    )
    assert (made["file"], made["style"]) == ("extensions.py", "CORS")
    assert (given["file"], given["style"]) == ("main.py", "init_app")
    assert codes(made) == codes(given) == {"value.unseen"}


# Places that are not read


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (f"{STARLETTE}REGISTRY = {{'cors': CORSMiddleware}}\n", 2),
        (f"{STARLETTE}mw = CORSMiddleware\napp.add_middleware(mw)\n", 2),
        (f"{STARLETTE}layers = [(CORSMiddleware, {{'allow_origins': ['*']}})]\n", 2),
        (f"{STARLETTE}class Own(CORSMiddleware): ...\n", 2),
        (f"import functools\n{STARLETTE}functools.partial(CORSMiddleware)\n", 3),
        (f"{STARLETTE}isinstance(layer, CORSMiddleware)\n", 2),
        (STARLETTE, 1),
        ("import starlette.middleware.cors as cors\nload(cors)\n", 2),
        ("import flask_cors\ngetattr(flask_cors, 'CORS')(app)\n", 2),
        ("import flask_cors\napp.after_request(flask_cors.core.set_cors_headers)\n", 2),
        ("from flask_cors import *\nextensions = [CORS]\n", 1),
        ("importlib.import_module('flask_cors').CORS(app)\n", 1),
        ("load('starlette.middleware.cors:CORSMiddleware')\n", 1),
        ("from corsheaders.signals import check_request_enabled\n", 1),
        ("from corsheaders.middleware import CorsMiddleware\nclass Own(CorsMiddleware): ...\n", 1),
        (f"# corsheaders\n{DJANGO}", 2),
    ],
)
def test_a_place_that_is_not_read_is_told(
    code: str, line: int, capsys: pytest.CaptureFixture[str]
) -> None:
    found = migrate(capsys, app=code)
    assert ("not read", line) in [(each["style"], each["line"]) for each in found]
    assert all(each["style"] == "not read" for each in found)
    assert found[0]["corsac"]["code"] == ""
    assert [each["code"] for each in found[0]["problems"]] == ["value.unseen"]
    assert main(["migrate"]) == 1
    assert " that cannot be followed: " in capsys.readouterr().out


@pytest.mark.parametrize(
    "code",
    [
        f"{STARLETTE}def first(layers: list[CORSMiddleware]) -> CORSMiddleware: ...\n",
        "from starlette.middleware import cors\nprint(cors.ALL_METHODS)\n",
        "raise ImportError('install flask_cors first')\n",
        '"""corsheaders"""\n',
    ],
)
def test_what_only_mentions_a_library_is_no_place(
    code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert migrate(capsys, app=code) == []


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


@pytest.mark.parametrize(
    ("before", "value", "reason"),
    [
        (
            "a0 = ('https://a.example',)\n"
            + "".join(f"a{n + 1} = a{n} + a{n}\n" for n in range(MAX_DEPTH // 2 - 3)),
            f"a{MAX_DEPTH // 2 - 3}",
            "it is too long",
        ),
        ("", "[" * 60 + "]" * 60, "it is nested too deeply"),
        ("", "+".join(["'a'"] * (MAX_TERMS + 2)), "a sum of more than"),
        ("", f"[*{['a'] * 6_000}, *{['a'] * 6_000}]", "more than 10000 entries"),
    ],
)
def test_long_and_deep_values_are_bounded(
    before: str, value: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = f"{STARLETTE}{before}app.add_middleware(CORSMiddleware, allow_origins={value})\n"
    found = only(capsys, code)
    assert reason in found["problems"][0]["message"]


@pytest.mark.parametrize(
    "code",
    [
        FLASK + "CORS(a" + ".b" * 20_000 + ")\n",
        FLASK + "CORS(app)" + ".append(1)" * 5_000 + "\n",
        FLASK + "app.config['CORS_ORIGINS'] = 'a'\n" * 2_000 + "CORS(app)\n" * 50,
        DJANGO + "".join(f"CORS_X{number} = [1]\n" for number in range(5_000)),
        DJANGO + f"if A:\n    CORS_ALLOWED_ORIGINS = {['b'] * 9_000}\n" * 9,
        STARLETTE + "a" + " and b" * 5_000 + "\nCORSMiddleware(app)\n",
    ],
)
def test_long_chains_and_many_keys_are_read_in_a_bounded_number_of_steps(
    code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("settings.py").write_text(code)
    exit_code = main(["migrate", "--json"])
    captured = capsys.readouterr()
    found = json.loads(captured.out)["configurations"]
    if exit_code == 3:  # How long a chain may be is a matter of the interpreter's parser.
        assert captured.err.endswith("settings.py: its expressions are nested too deeply\n")
        assert found == []
    else:
        assert captured.err == ""
        assert found
        severities = {problem["severity"] for each in found for problem in each["problems"]}
        assert exit_code == bool(severities - {"info"})


def test_flags_of_an_expression_are_not_compiled(capfd: pytest.CaptureFixture[str]) -> None:
    code = "import re\nfrom flask_cors import CORS\nCORS(app, origins=re.compile('https://a', {}))"
    Path("app.py").write_text(code.format("re.DEBUG"))
    main(["migrate", "--json"])
    captured = capfd.readouterr()
    assert "origins" in json.loads(captured.out)["configurations"][0]["unseen"]
    assert captured.err == ""


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
    out = capsys.readouterr().out
    assert out == "0 files read, no CORS configuration of another library\n"


def test_another_repository_in_the_project_is_not_read_unless_it_is_named(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / ".git").mkdir()
    (here / "app.py").write_text(f"{FLASK}CORS(app, origins='https://a.example')\n")
    for name in ("corsac", "inner/submodule"):  # The clone that it was installed from, for one.
        (here / name).mkdir(parents=True)
        (here / name / "other.py").write_text(f"{FLASK}CORS(app, origins=[*some])\n")
    (here / "corsac" / ".git").mkdir()
    (here / "inner" / "submodule" / ".git").write_text("gitdir: ../../.git/modules/submodule\n")
    assert main(["migrate", "--json"]) == 0
    output = capsys.readouterr()
    found = json.loads(output.out)
    assert [each["file"] for each in found["configurations"]] == ["app.py"]
    assert found["repositories"] == ["corsac", "inner/submodule"]
    note = (
        "repositories of their own are not read unless they are named: corsac and inner/submodule"
    )
    assert output.err == f"corsac migrate: note: {note}\n"
    assert main(["migrate", "--diff"]) == 0
    assert capsys.readouterr().out.count("+from corsac.flask import") == 1
    assert main(["migrate", "corsac", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert ([each["file"] for each in found["configurations"]], found["repositories"]) == (
        ["corsac/other.py"],
        [],
    )


def test_nothing_in_a_source_steers_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    escape = "\\x1b[31m"
    Path("app.py").write_text(
        f"{FLASK}CORS(app, origins='https://{escape}\u202e', **{{'{escape}': 1}})\n"
    )
    assert main(["migrate", "app.py"]) == 1
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "\u202e" not in printed


@runs_the_command_line
def test_a_reader_that_goes_away_is_no_traceback() -> None:
    Path("app.py").write_text(f"{FLASK}CORS(app)\n" * 2_000)
    command = f"{sys.executable} -m corsac migrate app.py | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.stdout.count("\n"), done.stderr) == (1, "")
