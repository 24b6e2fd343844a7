"""`corsac migrate`: no configuration is passed over in silence, and none is printed too wide."""

from __future__ import annotations

import ast
import json
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


# Places that cannot be followed


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (f"{STARLETTE}REGISTRY = {{'cors': CORSMiddleware}}\n", 2),
        (f"{STARLETTE}klass = CORSMiddleware if debug else None\n", 2),
        (f"{STARLETTE}layers = [(CORSMiddleware, {{'allow_origins': ['*']}})]\n", 2),
        (f"{STARLETTE}class Own(CORSMiddleware): ...\n", 2),
        (STARLETTE, 1),
        ("import starlette.middleware.cors as cors\nload(cors)\n", 2),
        ("import flask_cors\ngetattr(flask_cors, 'CORS')(app)\n", 2),
        ("import flask_cors\napp.after_request(flask_cors.core.set_cors_headers)\n", 2),
        ("from flask_cors import *\nextensions = [CORS]\n", 2),
        ("importlib.import_module('flask_cors').CORS(app)\n", 1),
        ("load('starlette.middleware.cors:CORSMiddleware')\n", 1),
        ("from corsheaders.signals import check_request_enabled\n", 1),
        ("from corsheaders import signals\nsignals.check_request_enabled.connect(f)\n", 2),
        (
            "from corsheaders.signals import check_request_enabled\n"
            "@receiver(check_request_enabled)\ndef allow(sender, **given): ...\n",
            2,
        ),
        ("from corsheaders.middleware import CorsMiddleware\nclass Own(CorsMiddleware): ...\n", 2),
        (f"# corsheaders\n{DJANGO}", 2),
    ],
)
def test_a_place_that_cannot_be_followed_is_told(
    code: str, line: int, capsys: pytest.CaptureFixture[str]
) -> None:
    found = migrate(capsys, app=code)
    assert [(each["style"], each["line"]) for each in found] == [("not seen", line)]
    assert found[0]["corsac"]["code"] == ""
    assert [each["code"] for each in found[0]["problems"]] == ["value.unseen"]
    assert found[0]["problems"][0]["hint"]
    assert main(["migrate"]) == 1
    assert "0 configurations and 1 place that cannot be followed" in capsys.readouterr().out


@pytest.mark.parametrize(
    "code",
    [
        f"{STARLETTE}def first(layers: list[CORSMiddleware]) -> CORSMiddleware: ...\n",
        f"{STARLETTE}assert any(layer.cls is CORSMiddleware for layer in app.user_middleware)\n",
        f"{STARLETTE}isinstance(layer, CORSMiddleware)\n",
        "import flask_cors, logging\nlogging.getLogger('flask_cors')\n"
        "print(flask_cors.__version__)\n",
        "from starlette.middleware import cors\nprint(cors.ALL_METHODS)\n",
    ],
)
def test_what_only_asks_for_a_class_is_no_place(
    code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert migrate(capsys, app=code) == []


@pytest.mark.parametrize(
    ("code", "style"),
    [
        (
            f"import functools\n{STARLETTE}"
            f"make = functools.partial(CORSMiddleware, allow_origins=['{A}'])\n",
            "partial",
        ),
        (
            f"{STARLETTE}mw = CORSMiddleware\napp.add_middleware(mw, allow_origins=['{A}'])\n",
            "add_middleware",
        ),
        (
            "from flask_cors import CORS\nclass Server:\n    def __init__(self):\n"
            f"        self.cors = CORS()\n        self.cors.init_app(app, origins='{A}')\n",
            "init_app",
        ),
        (f"from flask_cors import CORS\ncors = CORS(origins='{A}')\n", "CORS"),
        (
            "from litestar.config.cors import CORSConfig\n"
            f"options = dict(allow_origins=['{A}'])\nconfig = CORSConfig(**options)\n",
            "CORSConfig",
        ),
    ],
)
def test_other_ways_to_make_a_layer_are_followed(
    code: str, style: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = only(capsys, code)
    assert found["style"] == style
    assert found["corsac"]["options"]["allow_origins"] == [A]


def test_a_call_that_is_finished_elsewhere_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    found = only(
        capsys, f"from functools import partial\n{STARLETTE}partial(CORSMiddleware, max_age=5)\n"
    )
    assert "value.unseen" in codes(found)


# Values that are changed


@pytest.mark.parametrize(
    "change",
    [
        "OPTIONS['allow_origins'].append('*')",
        "OPTIONS['allow_origins'].extend(['*'])",
        "OPTIONS.update(allow_origins=['*'])",
        "OPTIONS['allow_origins'] = ['*']",
        "OPTIONS['allow_origins'] += ['*']",
        "OPTIONS['allow_origins'][0] = '*'",
        "OPTIONS.get('allow_origins').insert(0, '*')",
        "OPTIONS |= {'allow_origins': ['*']}",
        "other = OPTIONS['allow_origins']\nother.append('*')",
        "other = OPTIONS\nother['allow_origins'] = ['*']",
        "def widen(given):\n    given['allow_origins'] = ['*']\nwiden(OPTIONS)",
        "def widen(given):\n    given.append('*')\nwiden(given=OPTIONS['allow_origins'])",
        "for each in [OPTIONS['allow_origins']]:\n    each.append('*')",
        "del OPTIONS['allow_origins']",
    ],
)
def test_a_container_that_is_changed_is_not_seen(
    change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = f"{STARLETTE}OPTIONS = {{'allow_origins': ['{A}']}}\n"
    found = only(capsys, f"{before}{change}\napp.add_middleware(CORSMiddleware, **OPTIONS)\n")
    assert found["unseen"] == {"**": "OPTIONS"}
    assert found["corsac"]["options"] == {"allow_headers": ["content-type"]}


def test_a_container_that_only_is_read_stays_seen(capsys: pytest.CaptureFixture[str]) -> None:
    found = only(
        capsys,
        f"{STARLETTE}ORIGINS = ['{A}']\nfor each in ORIGINS:\n    other.append(each)\n"
        "def show(given):\n    print(given)\nshow(ORIGINS)\n"
        "app.add_middleware(CORSMiddleware, allow_origins=ORIGINS)\n",
    )
    assert found["unseen"] == {}


# Several files


def test_settings_of_a_package_are_put_together(capsys: pytest.CaptureFixture[str]) -> None:
    found = migrate(
        capsys,
        settings__base=f"{DJANGO}CORS_ALLOW_CREDENTIALS = True\n",
        settings__dev="from .base import *\nCORS_ALLOW_ALL_ORIGINS = True\n",
        settings__prod=f"from .base import *\nCORS_ALLOWED_ORIGINS = ['{A}']\n",
        settings__test=f"from .gone import *\nCORS_ALLOWED_ORIGINS = ['{A}']\n",
    )
    base, dev, prod, test = found
    assert "origin.any_with_credentials" not in codes(base)
    assert "origin.any_with_credentials" in codes(dev)
    assert prod["corsac"]["options"]["allow_credentials"] is True
    assert prod["unseen"] == {}
    assert test["unseen"] == {"from .gone import *": "from .gone import *"}


def test_modules_of_settings_that_import_each_other_come_to_an_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = migrate(
        capsys,
        settings__a="from .b import *\nCORS_ALLOW_ALL_ORIGINS = True\n",
        settings__b="from .a import *\nCORS_ALLOW_CREDENTIALS = True\n",
    )
    assert all("origin.any_with_credentials" in codes(each) for each in found)


def test_classes_of_settings_are_apart_and_derive_from_each_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    common, dev, prod = migrate(
        capsys,
        settings=f"class Common:\n    {DJANGO}    CORS_ALLOW_CREDENTIALS = True\n"
        "class Dev(Common):\n    CORS_ALLOW_ALL_ORIGINS = True\n"
        f"class Prod(Common):\n    CORS_ALLOWED_ORIGINS = ['{A}']\n"
        "    @property\n    def CORS_EXPOSE_HEADERS(self): ...\n",
    )
    assert "origin.any_with_credentials" not in codes(common) | codes(prod)
    assert "origin.any_with_credentials" in codes(dev)
    assert list(prod["unseen"]) == ["CORS_EXPOSE_HEADERS"]


def test_keys_of_app_config_in_other_files_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    _, found = migrate(
        capsys,
        config="class Config:\n    CORS_ORIGINS = '*'\n",
        extensions="from flask_cors import CORS\ncors = CORS(supports_credentials=True)\n",
        main="from extensions import cors\nfrom myapp import app\ncors.init_app(app)\n",
    )
    assert (found["file"], found["style"]) == ("main.py", "init_app")
    messages = " ".join(each["message"] for each in found["problems"])
    assert "CORS_ORIGINS in config.py:2" in messages
    assert "from corsac.flask import CORS" in found["corsac"]["code"]


def test_the_middleware_without_settings_is_told_once_they_are_in_no_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    apart = migrate(capsys, base=DJANGO, settings=f"CORS_ALLOWED_ORIGINS = ['{A}']\n")
    assert [(each["file"], each["style"]) for each in apart] == [("settings.py", "settings")]


def test_litestars_configuration_under_a_condition_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = only(
        capsys,
        "from litestar import Litestar\nfrom litestar.config.cors import CORSConfig\n"
        "cors = CORSConfig(allow_origins=['*'])\n"
        "app = Litestar([], cors_config=cors if DEBUG else None)\n",
    )
    assert [each["option"] for each in found["problems"] if each["code"] == "value.unseen"] == [
        "cors_config"
    ]


def test_an_import_that_may_fail_hides_no_configuration(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = only(
        capsys,
        f"try:\n    {STARLETTE}except ImportError:\n    from .own import CORSMiddleware\n"
        f"app.add_middleware(CORSMiddleware, allow_origins=['{A}'])\n",
    )
    assert found["options"] == {"allow_origins": [A]}


@pytest.mark.parametrize(
    "code",
    [
        f"from x import *\nif DEBUG:\n    ORIGINS = ['{A}']\n",
        f"ORIGINS = ['{A}']\nfrom x import *\n",
        f"ORIGINS = ['{A}']\ntry: ...\nexcept Error as ORIGINS: ...\n",
        f"ORIGINS = ['{A}']\nmatch x:\n    case {{'a': ORIGINS}}: ...\n",
        f"ORIGINS = ['{A}']\nmatch x:\n    case [*ORIGINS]: ...\n",
    ],
)
def test_a_name_that_may_stand_for_something_else_is_not_seen(
    code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = only(
        capsys, f"{STARLETTE}{code}app.add_middleware(CORSMiddleware, allow_origins=ORIGINS)\n"
    )
    assert found["unseen"] == {"allow_origins": "ORIGINS"}


@pytest.mark.parametrize(
    "change",
    ["settings.CORS_ALLOW_ALL_ORIGINS = True", "setattr(settings, 'CORS_ALLOW_ALL_ORIGINS', True)"],
)
def test_a_setting_that_is_changed_in_a_run_is_told(
    change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = migrate(capsys, apps=f"from django.conf import settings\n{change}\n")
    assert [(each["style"], each["line"]) for each in found] == [("not seen", 2)]


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


def test_a_variable_with_the_name_of_the_option_stays_in_use(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = "import os\norigins = allow_origins = os.environ['A'].split(',')\n"
    flask, starlette = migrate(
        capsys,
        app=f"{FLASK}{STARLETTE}{before}CORS(one, origins=origins)\n"
        "two.add_middleware(CORSMiddleware, allow_origins=allow_origins)\n",
    )
    assert "allow_origins=origins," in flask["corsac"]["code"]
    assert "allow_origins=allow_origins" in starlette["corsac"]["code"]


def test_origins_of_a_resource_for_every_path_stay_in_use(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = only(capsys, f"{FLASK}CORS(app, resources={{'/*': {{'origins': load()}}}})\n")
    assert "allow_origins=load()," in found["corsac"]["code"]


def test_two_factories_have_each_its_application(capsys: pytest.CaptureFixture[str]) -> None:
    factory = "def make{}():\n    app = Flask('a')\n    app.config['CORS_ORIGINS'] = '{}'\n"
    factory += "    CORS(app)\n"
    one, other = migrate(
        capsys, app=FLASK + factory.format("_one", A) + factory.format("_other", "*")
    )
    assert (one["unseen"], one["corsac"]["options"]["allow_origins"]) == ({}, [A])
    assert (other["unseen"], other["corsac"]["options"]["allow_origins"]) == ({}, ["*"])


@pytest.mark.parametrize(
    "line", ["from split_settings.tools import include\ninclude('x.py')", "exec(open('x').read())"]
)
def test_files_that_settings_run_are_told(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = only(capsys, f"{DJANGO}CORS_ALLOWED_ORIGINS = ['{A}']\n{line}\n")
    assert "value.unseen" in codes(found)
