"""`corsac explain`: a page's request under a configuration alone."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from corsac.cli import main
from support.checking import toml, use_empty_directory, write_module

APP = "https://app.example.com"
ORIGIN = ["--origin", APP]
POLICY = f'allow_origins = ["{APP}"]\nallow_methods = ["PUT"]\n'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs."""
    use_empty_directory(tmp_path, monkeypatch)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def explain_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run ``corsac explain --json``."""
    code = main(["explain", *arguments, "--json"])
    output = capsys.readouterr()
    assert output.err == ""
    data: dict[str, Any] = json.loads(output.out)
    return code, data


def test_what_is_allowed_is_shown_with_the_reason_for_every_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explain", toml(POLICY), *ORIGIN, "--method", "PUT", "--path", "/x?y=1"]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert output.out == (
        "https://app.example.com -> PUT /x?y=1\n"
        "\n"
        "  1  Browser decides  cross-origin: a preflight is needed for the method PUT\n"
        "  2  Preflight sent   OPTIONS /x?y=1\n"
        "                      Access-Control-Request-Method: PUT\n"
        "                      Origin: https://app.example.com\n"
        "  3  Server answers   204 No Content\n"
        "                      access-control-allow-origin: https://app.example.com\n"
        "                      access-control-allow-methods: PUT\n"
        "                      access-control-max-age: 600\n"
        "                      vary: Origin\n"
        "     because          --  kind: OPTIONS with Origin and Access-Control-Request-Method is "
        "a preflight request\n"
        "                      ok  origin: https://app.example.com is in allow_origins\n"
        "                      --  request-method: the page wants to use PUT\n"
        "  4  Browser checks   passed: the request may be sent\n"
        "  5  Request sent     PUT /x?y=1\n"
        "                      Origin: https://app.example.com\n"
        "  6  Server answers   200 OK\n"
        "                      vary: Origin\n"
        "                      access-control-allow-origin: https://app.example.com\n"
        "     because          --  kind: a request with an Origin header, and no preflight, is an "
        "actual CORS request\n"
        "                      ok  origin: https://app.example.com is in allow_origins\n"
        "  7  Browser checks   the CORS check is passed\n"
        "\n"
        "ALLOWED  the script gets the answer\n"
    )


def test_the_documentation_shows_what_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "probe.md").read_text()
    policy = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    shown = re.findall(r"^```console\n\$ corsac (.*?)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert (len(policy), len(shown)) == (1, 1)
    toml(policy[0])
    command, output = shown[0]
    assert main(shlex.split(command)) == 1
    assert capsys.readouterr().out == output


def test_what_is_blocked_is_shown_with_the_smallest_change(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explain", toml(POLICY), *ORIGIN, "--method", "DELETE"]) == 1
    output = capsys.readouterr()
    assert output.err == ""
    assert output.out.endswith(
        "  4  Browser checks   refused: Access-Control-Allow-Methods does not have the method "
        "DELETE\n"
        "\n"
        "BLOCKED  the preflight was refused: Access-Control-Allow-Methods does not have the method "
        "DELETE\n"
        "         [preflight:method-not-allowed]\n"
        "         -> add 'DELETE' to allow_methods\n"
        "         more: corsac explain-code preflight:method-not-allowed\n"
    )


@pytest.mark.parametrize(
    ("options", "code", "reason", "change"),
    [
        ([], 0, None, None),
        (["--method", "PUT"], 0, None, None),
        (
            ["--method", "DELETE"],
            1,
            "preflight:method-not-allowed",
            "add 'DELETE' to allow_methods",
        ),
        (
            ["--header", "X-A"],
            1,
            "preflight:header-not-allowed:x-a",
            "add 'x-a' to allow_headers",
        ),
        (["--credentials"], 1, "allow-credentials-not-true", "set allow_credentials=True"),
        (["--mode", "no-cors"], 0, None, None),
    ],
)
def test_the_verdict_is_the_browsers(
    options: list[str],
    code: int,
    reason: str | None,
    change: str | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    got, data = explain_json(capsys, toml(POLICY), *ORIGIN, *options)
    assert (got, data["outcome"]["reason"], data["change"]) == (code, reason, change)
    assert data["verdict"] == ("blocked" if code else "allowed")
    assert len(data["explanations"]) == len(data["outcome"]["sent"])


def test_json_has_the_source_and_everything_that_was_decided(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, data = explain_json(capsys, toml(POLICY), *ORIGIN)
    assert set(data) == {
        *("source", "verdict", "change", "caution", "outcome", "steps", "explanations", "notes"),
    }
    assert data["notes"] == []
    assert data["source"] == "policy.toml"
    assert data["explanations"][0]["entry"] == APP


def test_the_environment_is_a_source_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHOP_ALLOW_ORIGINS", APP)
    code, data = explain_json(capsys, "--env", "SHOP_", *ORIGIN)
    assert (code, data["source"]) == (0, "SHOP_* in the environment")


@pytest.mark.parametrize("options", [["--mode", "no-cors"], []])
def test_a_write_that_the_guard_refuses_is_not_said_to_be_allowed(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [toml(POLICY + "guard = true\n"), "--origin", "https://b.example.com"]
    arguments += ["--method", "POST", *options]
    code, data = explain_json(capsys, *arguments)
    assert (code, data["verdict"]) == (1, "refused" if options else "blocked")
    assert main(["explain", *arguments]) == 1
    label = "REFUSED  sent, and refused by the server before the application runs (guard)"
    assert (f"\n{label}\n" in capsys.readouterr().out) is bool(options)


def test_a_request_for_a_host_that_is_not_served_is_not_said_to_be_allowed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    policy = toml(POLICY + 'allowed_hosts = ["api.example.com"]\n')
    for mode, verdict in (("no-cors", "refused"), ("cors", "blocked")):
        arguments = [policy, *ORIGIN, "--host", "evil.example", "--mode", mode]
        code, data = explain_json(capsys, *arguments)
        assert (code, data["verdict"]) == (1, verdict)
        assert main(["explain", *arguments]) == 1
        label = "REFUSED  sent, and refused by the server before the application runs (hosts)"
        assert (f"\n{label}\n" in capsys.readouterr().out) is (mode == "no-cors")


RULES = f"""
async def api(scope, receive, send): ...
policy = corsac.CORSPolicy(allow_origins=["{APP}"])
app = corsac.CORSMiddleware(api, rules=[("/open/*", policy), ("/own/*", None)], allow_origins=[])
"""


@pytest.mark.parametrize(
    ("path", "code", "verdict", "rule"),
    [
        ("/open/x", 0, "allowed", "/open/*"),
        ("/own/x", 3, "undecided", "/own/*"),
        ("/x", 1, "blocked", None),
    ],
)
def test_the_rule_of_the_path_decides(
    path: str, code: int, verdict: str, rule: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    source = f"{write_module(RULES)}:app"
    got, data = explain_json(capsys, source, *ORIGIN, "--path", path)
    assert (got, data["verdict"]) == (code, verdict)
    assert data["explanations"][0]["rule"] == rule


def test_of_a_path_that_is_left_alone_it_says_that_the_application_decides(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explain", f"{write_module(RULES)}:app", *ORIGIN, "--path", "/own/x"]) == 3
    assert capsys.readouterr().out.endswith(
        "\nUNDECIDED  this path is left alone, so the application's own headers decide\n"
    )


def test_a_function_that_has_to_be_awaited_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    module = write_module(
        "async def is_tenant(origin): return origin.endswith('.tenants.example')\n"
        "policy = corsac.CORSPolicy(allow_origin_func=is_tenant)\n"
    )
    for origin, code in (("https://a.tenants.example", 0), ("https://b.example", 1)):
        got, _ = explain_json(capsys, f"{module}:policy", "--origin", origin)
        assert got == code


DECORATED = f"""
from starlette.applications import Starlette
from starlette.routing import Route
from corsac.starlette import cors, install
@cors(allow_origins=["{APP}"])
async def opened(request): ...
app = Starlette(routes=[Route("/open", opened), Route("/items/{{number}}", opened)])
install(app, allow_origins=["https://b.example.com"])
"""
ROUTES_NOTE = (
    "decorated routes count only where --path is written as the route is: /open and /items/{number}"
)


@pytest.mark.parametrize(
    ("path", "code", "notes"),
    [("/open", 0, []), ("/closed", 1, [ROUTES_NOTE]), ("/items/1", 1, [ROUTES_NOTE])],
)
def test_decorated_routes_decide_for_their_own_path(
    path: str, code: int, notes: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    source = f"{write_module(DECORATED)}:app"
    got, data = explain_json(capsys, source, *ORIGIN, "--path", path)
    assert (got, data["notes"]) == (code, notes)


WITH_ROOT_PATH = """
import corsac
from fastapi import FastAPI
app = FastAPI()
app.root_path = "/shop"
served = corsac.CORSMiddleware(
    app, corsac.CORSPolicy(allow_origins=["*"]),
    rules=[("/admin/*", corsac.CORSPolicy(allow_origins=["https://b.example.com"]))],
)
"""


@pytest.mark.parametrize(
    ("path", "code"), [("/shop/admin/x", 1), ("/admin/x", 1), ("/shop/x", 0), ("/shop", 0)]
)
def test_rules_follow_the_root_path_of_the_application(
    path: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    source = f"{write_module(WITH_ROOT_PATH)}:served"
    assert explain_json(capsys, source, *ORIGIN, "--path", path)[0] == code


ONLY_DECORATED = f"""
from flask import Flask
from corsac.flask import cross_origin
app = Flask(__name__)
@app.get("/items/<int:number>")
@cross_origin(origins=["{APP}"])
def item(number): return "x"
"""


def test_where_only_some_routes_have_a_policy_the_others_are_left_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = f"{write_module(ONLY_DECORATED)}:app"
    for path, code in (("/items/<int:number>", 0), ("/x", 3)):
        got, _ = explain_json(capsys, source, *ORIGIN, "--path", path)
        assert got == code


def test_of_several_layers_the_outermost_is_explained(
    capsys: pytest.CaptureFixture[str],
) -> None:
    module = write_module(
        "async def api(scope, receive, send): ...\n"
        "inner = corsac.CORSMiddleware(api, allow_origins=[])\n"
        f"app = corsac.CORSMiddleware(inner, allow_origins=['{APP}'])\n"
    )
    got, data = explain_json(capsys, f"{module}:app", *ORIGIN)
    assert got == 0
    assert data["notes"] == [
        "there is more than one CORS layer; the outermost of Corsac's is explained"
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["missing.toml", *ORIGIN], 3, "missing.toml"),
        (["missing:app", *ORIGIN], 3, "missing"),
        (["policy.toml", "--origin", f"{APP}/"], 2, f"as browsers write it: '{APP}'"),
        (["policy.toml", "--origin", "\x1b[31m"], 2, "not '\\x1b[31m'"),
    ],
)
def test_what_cannot_be_explained_is_an_error_line(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    toml(POLICY)
    assert main(["explain", *arguments]) == code
    output = capsys.readouterr()
    assert output.out == ""
    assert words in output.err
    assert "\x1b" not in output.err
    assert output.err.splitlines()[-1].startswith("corsac explain: error: ")


def test_a_configuration_that_is_not_valid_allows_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explain", toml(f'allow_origins = ["{APP}/"]'), *ORIGIN]) == 3
    output = capsys.readouterr()
    assert output.out == ""
    assert "allow_origins" in output.err
    assert output.err.endswith(
        "corsac explain: error: policy.toml is invalid, so nothing is allowed by it; corsac "
        "check says more\n"
    )


@pytest.mark.parametrize(
    "arguments", [[], ORIGIN, ["policy.toml"], ["policy.toml", *ORIGIN, "--path", "x"]]
)
def test_a_mistake_on_the_command_line_is_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", *arguments]) == 2
    assert "corsac explain: error:" in capsys.readouterr().err


@pytest.mark.parametrize("method", ["", " ", "P T", "PUT\n", "P:T", "\u00e9"])
@pytest.mark.parametrize("command", [["explain", "policy.toml"], ["probe", "http://127.0.0.1:9/"]])
def test_what_is_no_method_is_a_mistake_on_the_command_line(
    command: list[str], method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    toml(POLICY)
    assert main([*command, *ORIGIN, "--method", method]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert "is not a method: write one such as PUT, without spaces" in output.err
    assert output.err.count("\n") == 1


@pytest.mark.parametrize("method", ["PUT", "put", "!#$%&'*+-.^_`|~09Az"])
def test_any_token_is_a_method(method: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = explain_json(capsys, toml(POLICY), *ORIGIN, "--method", method)
    assert code in {0, 1}


def test_refusals_are_told_once_and_not_by_the_log_too(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert main(["explain", toml(POLICY), "--origin", "https://b.example.com"]) == 1
    output = capsys.readouterr()
    assert output.err == ""
    assert "NO  origin: https://b.example.com is not allowed" in output.out
    assert caplog.records == []
