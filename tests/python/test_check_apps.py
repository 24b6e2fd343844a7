"""`corsac check module:attribute`: what it finds in the user's code, and how it fails."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import pytest

from corsac.cli import main
from corsac.inspection import find_layers
from corsac.inspection.finder import MAX_DEPTH
from support.checking import check_json, codes, use_empty_directory, write_module


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs."""
    use_empty_directory(tmp_path, monkeypatch)
    return tmp_path


APPS = """
async def bare(scope, receive, send): ...
class Wrapper:
    def __init__(self, app): self.app = app
policy = corsac.CORSPolicy(allow_origins=["https://a.test"])
middleware = corsac.CORSMiddleware(bare, policy)
wrapped = Wrapper(Wrapper(middleware))
class holder: app = wrapped
def create(): return wrapped
"""


@pytest.mark.parametrize(
    "attribute", ["policy", "middleware", "wrapped", "holder.app", "holder", "create()"]
)
def test_a_policy_is_found_wherever_it_is_held(
    attribute: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = check_json(capsys, f"{write_module(APPS)}:{attribute}")
    assert (code, found["problems"]) == (0, [])
    assert found["policy"] == "CORSPolicy(allow_origins=('https://a.test',))"


@pytest.mark.parametrize(
    ("attribute", "said"),
    [
        ("bare", "{name}.bare; if it has Corsac, name the object that Corsac wraps"),
        ("create", ":create()"),
        ("nothing", "builtins.NoneType"),
        ("polisy", "did you mean policy?"),
        ("policy()", "write {name}:policy without parentheses"),
        ("later()", "must be awaited"),
        ("loop", "checked"),
        ("endless", f"no deeper than {MAX_DEPTH}"),
        ("touchy", "Touchy"),
    ],
)
def test_where_nothing_is_found_it_says_what_was_looked_at(
    attribute: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = write_module(
        APPS
        + "nothing = None\n"
        + "async def later(): ...\n"
        + "loop = Wrapper(None); loop.app = Wrapper(loop)\n"
        + "class Endless:\n    def __getattr__(self, name): return Endless()\n"
        + "endless = Endless()\n"
        + "class Touchy:\n    def __getattr__(self, name): raise RuntimeError(name)\n"
        + "touchy = Touchy()\n"
    )
    assert main(["check", f"{name}:{attribute}"]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said.format(name=name) in captured.err


@pytest.mark.parametrize(("depth", "found"), [(MAX_DEPTH - 1, 1), (MAX_DEPTH, 0)])
def test_wrappers_are_followed_to_a_bound(depth: int, found: int) -> None:
    name = write_module(
        APPS + f"app = middleware\nfor _ in range({depth}):\n    app = Wrapper(app)\n"
    )
    assert main(["check", f"{name}:app"]) == (0 if found else 3)


def test_problems_of_rules_say_which_rule(capsys: pytest.CaptureFixture[str]) -> None:
    name = write_module(
        APPS
        + "anyone = corsac.CORSPolicy(allow_origins=['*'], allow_headers=['*'])\n"
        + "app = corsac.CORSMiddleware(bare, rules=[\n"
        + "    ('/api/*', anyone), ('/v2', anyone), ('/health', None), ('/api/x', policy)])\n"
    )
    code, found = check_json(capsys, f"{name}:app")
    assert (code, found["policy"]) == (0, None)
    assert [(problem["option"], problem["code"]) for problem in found["problems"]] == [
        ("rules", "rule.unreachable"),
        ("rules['/api/*'].allow_headers", "header.authorization_not_covered"),
    ]
    assert main(["check", f"{name}:app"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(";")[0] for line in lines[-7:]] == [
        "/api/* allows any origin without credentials",
        "/v2 allows any origin without credentials",
        "/health is left alone",
        "/api/x allows 1 origin without credentials",
        "any other path is left alone",
        "1 warning, 1 info",
        "more: corsac explain-code rule.unreachable",
    ]


FRAMEWORKS = ["from starlette.applications import Starlette as App", "from fastapi import FastAPI"]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_middleware_of_a_framework_is_checked_without_starting_the_app(
    framework: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = write_module(
        f"{framework}\napp = {framework.rsplit(maxsplit=1)[-1]}()\n"
        "app.add_middleware(corsac.CORSMiddleware, origins=['x'], max_age=-1)\n"
    )
    code, found = check_json(capsys, f"{name}:app")
    assert code == 1
    assert codes(found) == ["option.unknown", "max_age.out_of_bounds"]
    assert found["problems"][0]["hint"] == "write allow_origins"
    assert sys.modules[name].app.middleware_stack is None


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("allow_origins=['https://a.test']", []),
        ("policy=corsac.CORSPolicy(allow_origins=['https://a.test'])", []),
        ("corsac.CORSPolicy(allow_origins=['https://a.test'])", []),
        ("rules=[('/a', None), ('a', None)]", ["rule.invalid"]),
        ("rules=[('a', None)], origins=[]", ["option.unknown"]),
        ("corsac.CORSPolicy(guard=True), guard=True", ["middleware.invalid"]),
        ("'policy'", ["middleware.invalid"]),
    ],
)
def test_middleware_of_a_framework_is_made_as_the_framework_would(
    arguments: str, expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    name = write_module(
        "from starlette.applications import Starlette\napp = Starlette()\n"
        f"app.add_middleware(corsac.CORSMiddleware, {arguments})\n"
    )
    code, found = check_json(capsys, f"{name}:app")
    assert (code, codes(found)) == (bool(expected), expected)


def test_a_subclass_is_made_with_its_own_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    name = write_module(
        "from starlette.applications import Starlette\n"
        "class Ours(corsac.CORSMiddleware):\n"
        "    def __init__(self, app, tenant):\n"
        "        super().__init__(app, allow_origins=[f'https://{tenant}.test'])\n"
        "good, bad = Starlette(), Starlette()\n"
        "good.add_middleware(Ours, tenant='a')\n"
        "bad.add_middleware(Ours, tenant='A')\n"
    )
    assert check_json(capsys, f"{name}:good")[0] == 0
    assert codes(check_json(capsys, f"{name}:bad")[1]) == ["origin.invalid"]


@pytest.mark.parametrize(
    "other",
    [
        "corsac.CORSMiddleware, allow_origins=['https://b.test']",
        "StarletteCORS, allow_origins=['*']",
    ],
)
def test_a_second_layer_is_a_finding(other: str, capsys: pytest.CaptureFixture[str]) -> None:
    name = write_module(
        "from starlette.applications import Starlette\n"
        "from starlette.middleware.cors import CORSMiddleware as StarletteCORS\n"
        f"inner = Starlette()\ninner.add_middleware({other})\n"
        "app = corsac.CORSMiddleware(inner, allow_origins=['https://a.test'])\n"
    )
    code, found = check_json(capsys, "--strict", f"{name}:app")
    assert (code, codes(found)) == (1, ["middleware.several"])
    assert found["policy"] == "CORSPolicy(allow_origins=('https://a.test',))"
    assert "inside of corsac.asgi.CORSMiddleware" in found["problems"][0]["message"]


def test_a_layer_of_another_library_alone_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    name = write_module(
        "from starlette.applications import Starlette\n"
        "from starlette.middleware.cors import CORSMiddleware\n"
        "app = Starlette()\napp.add_middleware(CORSMiddleware)\n"
    )
    assert main(["check", f"{name}:app"]) == 3
    said = "; starlette.middleware.cors.CORSMiddleware is of another library: corsac migrate reads"
    assert said in capsys.readouterr().err


def test_names_that_only_resemble_cors_are_no_layers() -> None:
    class CorsairApp:
        app = None

    class TokenCors:
        app = CorsairApp()

    assert [layer.name.rpartition(".")[2] for layer in find_layers(TokenCors()).layers] == [
        "TokenCors"
    ]


def test_an_invalid_policy_in_a_module_is_the_finding_itself(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = write_module("policy = corsac.CORSPolicy(\n    allow_origins=['https://a.test/'])\n")
    assert main(["check", f"{name}:policy"]) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith(f"{name}:policy, made in {name}.py, line 2\n")
    assert "[origin.invalid]" in captured.out
    assert captured.err == ""


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import no_such_module_at_all", "ModuleNotFoundError: No module named 'no_such"),
        ("def broken(): 1 / 0\nbroken()", "ZeroDivisionError: division by zero"),
        ("x = (", "SyntaxError: '(' was never closed"),
        ("raise SystemExit(7)", "ended the program, with exit code 7"),
        ("raise RuntimeError('\\x1b[2J' + 'x' * 2 ** 20)", r"RuntimeError: \x1b[2Jxxx"),
    ],
)
def test_a_failing_import_shows_the_frames_of_the_user_only(
    code: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = write_module(code)
    assert main(["check", f"{name}:app"]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f'File "{Path.cwd() / name}.py", line ' in captured.err
    assert "importlib" not in captured.err
    assert f"user_code{'.py'}" not in captured.err
    last = captured.err.splitlines()[-1]
    assert last.startswith(f"corsac check: import {name} ")
    assert said in last
    assert "\x1b" not in captured.err
    assert len(captured.err) < 4000


def test_the_frames_of_a_cause_and_a_long_traceback_are_cut_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = write_module(
        "def deep(n):\n    return deep(n - 1) if n else {}['key']\n"
        + "".join(f"def f{n}(): f{n - 1}()\n" for n in range(1, 60))
        + "def f0(): deep(3)\n"
        + "def create():\n    try: f59()\n    except KeyError as error:\n"
        + "        raise ValueError('no settings') from error\n"
    )
    assert main(["check", f"{name}:create()"]) == 3
    err = capsys.readouterr().err
    assert err.startswith("...\n")
    assert "direct cause" in err
    assert err.endswith(f"corsac check: {name}:create() failed: ValueError: no settings\n")


def test_a_missing_module_says_where_it_was_looked_for(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "no_such_module_at_all:app"]) == 3
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert f"modules are looked for in {here}" in err


def test_modules_are_looked_for_in_the_given_directory(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "src").mkdir()
    name = write_module(APPS, "src")
    before = list(sys.path)
    assert main(["check", f"{name}:policy", "--app-dir", "src"]) == 0
    assert sys.path == before
    assert main(["check", f"{name}:policy", "--app-dir", "gone"]) == 3
    assert "there is no such directory" in capsys.readouterr().err


def test_what_a_module_prints_does_not_get_into_the_result(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = write_module(APPS + "print('noise')\n")
    assert main(["check", "--json", f"{name}:policy"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["valid"]
    assert captured.err == "noise\n"


def test_hostile_values_reach_the_terminal_escaped_and_cut(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = write_module(
        "class Loud:\n    def __repr__(self): return '\\x1b]0;owned\\x07' * 10 ** 5\n"
        "from starlette.applications import Starlette\ntext, odd = Starlette(), Starlette()\n"
        "big = 'https://\\x1b[2J\\u202e' + 'x' * 2 ** 20\n"
        "text.add_middleware(corsac.CORSMiddleware, allow_origins=[big])\n"
        "odd.add_middleware(corsac.CORSMiddleware, allow_origins=[Loud(), '\\ud800'],\n"
        "    **{'\\x1b[31m' * 1000: 1})\n"
    )
    for attribute, shown in (("text", r"\x1b[2J\u202exxx"), ("odd", r"\x1b]0;owned\x07")):
        assert main(["check", f"{name}:{attribute}"]) == 1
        out = capsys.readouterr().out
        assert len(out) < 10_000
        assert out.replace("\n", "").isprintable()
        assert shown in out
    code, found = check_json(capsys, f"{name}:text")
    assert code == 1
    assert len(found["problems"][0]["value"]) > 2**20


def test_checking_logs_nothing_and_leaves_the_log_as_it_was(
    caplog: pytest.LogCaptureFixture,
) -> None:
    name = write_module("policy = corsac.CORSPolicy()\n")
    assert main(["check", f"{name}:policy"]) == 0
    assert caplog.records == []
    logging.getLogger("corsac").warning("heard again")
    assert [record.message for record in caplog.records] == ["heard again"]


def test_ctrl_c_ends_it_without_a_traceback() -> None:
    assert main(["check", f"{write_module('raise KeyboardInterrupt')}:app"]) == 130


OUTSIDE = """
import corsac, corsac.starlette
from starlette.applications import Starlette
class Auth:
    def __init__(self, app): self.app = app
    async def __call__(self, scope, receive, send): ...
class Tracer(Auth): ...
POLICY = corsac.CORSPolicy(allow_origins=["https://a.test"])
added, inside, installed = Starlette(), Starlette(), Starlette()
added.add_middleware(corsac.CORSMiddleware, policy=POLICY)
added.add_middleware(Auth)
inside.add_middleware(Auth)
inside.add_middleware(corsac.CORSMiddleware, policy=POLICY)
installed.add_middleware(Auth)
corsac.starlette.install(installed, POLICY)
traced = Tracer(installed)
wrapped = corsac.CORSMiddleware(Auth(Starlette()), POLICY)
both = Tracer(Auth(wrapped))
"""


FIVE_HUNDREDS = "those 500s have no CORS headers"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("added", ["{}.Auth stands outside of Corsac and answers without", FIVE_HUNDREDS]),
        ("inside", [FIVE_HUNDREDS]),
        ("installed", []),
        ("traced", ["{}.Tracer stands outside of Corsac and answers without"]),
        ("wrapped", []),
        ("both", ["{0}.Tracer and {0}.Auth stand outside of Corsac and answer without"]),
        ("POLICY", []),
    ],
)
def test_what_stands_outside_of_corsac_is_said(
    name: str, said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    module = write_module(OUTSIDE)
    source = f"{module}:{name}"
    assert check_json(capsys, source)[1]["problems"] == []
    commands = (["check", "--strict", source], ["explain", source, "--origin", "https://a.test"])
    for command in commands:
        assert main(command) == 0
        lines = capsys.readouterr().out.splitlines()
        notes = [line for line in lines if line.startswith("note  ")]
        assert len(notes) == len(said), command
        for note, want in zip(notes, said, strict=True):
            assert want.format(module) in note
