"""The whole configuration file in the tools: `corsac check` and `corsac explain`."""

from __future__ import annotations

import importlib.resources
import json
import tomllib
from pathlib import Path

import pytest

from corsac.cli import main
from support.checking import check_json, toml, use_empty_directory
from support.configuration_files import WHOLE

ONLY = "only what has to change; everything else stays:\n"
APP = "https://app.example.com"
WRONG = """
[tool.corsac]
allow_origins = ["https://App.example.com"]

[[tool.corsac.rules]]
path = "/health"
policy = false

[[tool.corsac.rules]]
path = "/public"
allow_origins = ["*"]
max_age = 90000

[[tool.corsac.rules]]
path = "api/*"
policy = false

[tool.corsac.report_only]
allow_origins = ["https://app.example.com/"]

[[tool.corsac.report_only.rules]]
path = "public/*"
allow_origins = ["HTTPS://x.example"]
"""
FIXED = """[tool.corsac]
allow_origins = ["https://app.example.com"]
[[tool.corsac.rules]]
path = "/public"
max_age = 86400
[[tool.corsac.rules]]
path = "/api/*"  # instead of "api/*"
[tool.corsac.report_only]
allow_origins = ["https://app.example.com"]
[[tool.corsac.report_only.rules]]
path = "/public/*"  # instead of "public/*"
allow_origins = ["https://x.example"]
"""
TRIED = f"""
allow_origins = ["{APP}", "https://b.example"]
[report_only]
allow_origins = ["{APP}", "https://c.example"]
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the commands run."""
    use_empty_directory(tmp_path, monkeypatch)


def test_check_says_what_every_table_of_a_file_allows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", toml(WHOLE)]) == 0
    rest, kept = "methods GET, HEAD and POST", "preflight answers are kept 600 seconds"
    assert capsys.readouterr().out == (
        "policy.toml\n"
        "\n"
        "requests for other hosts than api.example.com and localhost are refused\n"
        "/health is left alone\n"
        f"/public/* allows any origin without credentials; {rest}\n"
        "/shared/* has several policies: "
        f"policy 1 allows 1 origin with credentials; {rest}; {kept}. "
        f"policy 2 allows any origin without credentials; {rest}; {kept}\n"
        f"any other path allows 1 origin with credentials; {rest}; {kept}\n"
        "on trial: requests for other hosts than api.example.com are refused\n"
        "on trial: /public/* is left alone\n"
        "on trial: any other path allows 1 origin without credentials; "
        f"{rest}; {kept}\n"
        "no problems\n"
    )


def test_check_finds_warnings_of_every_table_by_their_places(
    capsys: pytest.CaptureFixture[str],
) -> None:
    twice = f'allow_origins = ["{APP}", "{APP}"]\n'
    rule = f'[[rules]]\npath = "/x"\n{twice}' * 2
    trial = f"[report_only]\n{twice}{rule.replace('rules', 'report_only.rules')}"
    code, found = check_json(capsys, toml(twice + rule + trial))
    assert (code, found["valid"]) == (0, True)
    assert [(problem["option"], problem["code"]) for problem in found["problems"]] == [
        ("allow_origins", "origin.redundant"),
        ("rules[0].allow_origins", "origin.redundant"),
        ("rules[1].allow_origins", "origin.redundant"),
        ("report_only.allow_origins", "origin.redundant"),
        ("report_only.rules[0].allow_origins", "origin.redundant"),
        ("report_only.rules[1].allow_origins", "origin.redundant"),
        ("rules", "rule.duplicate"),
        ("report_only.rules", "rule.duplicate"),
    ]


def test_a_policy_that_never_decides_is_named_by_its_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {"": "", "rules": "[[rules]]\npath = '/x'\n", "report_only": ""}
    places["report_only.rules"] = "[[report_only.rules]]\npath = '/x'\n"
    text = ""
    for place, rule in places.items():
        member = f"[[{place}.policies]]\nallow_origins = ['*']\n".replace("[[.", "[[")
        text += rule + member * 2
    _, found = check_json(capsys, toml(text))
    assert [(problem["option"], problem["code"]) for problem in found["problems"]] == [
        ("policies", "policy.unreachable"),
        ("rules", "policy.unreachable"),
        ("report_only.policies", "policy.unreachable"),
        ("report_only.rules", "policy.unreachable"),
    ]


def test_fix_prints_the_tables_of_several_policies(capsys: pytest.CaptureFixture[str]) -> None:
    fine, wrong = 'allow_origins = ["https://a.test"]\n', 'allow_origins = ["https://A.test"]\n'
    rule = f'[[rules]]\npath = "/x"\n[[rules.policies]]\n{wrong}'
    main(["check", "--fix", toml(f"[[policies]]\n{fine}[[policies]]\n{wrong}{rule}")])
    printed = capsys.readouterr().out.partition(ONLY)[2]
    assert printed == (
        f"[[policies]]  # policies[1]\n{fine}"
        f'[[rules]]\npath = "/x"\n[[rules.policies]]  # rules[0].policies[0]\n{fine}'
    )


def test_fix_prints_the_tables_to_tables_to_change_as_toml(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check", "--fix", toml(WRONG)]) == 1
    head, _, printed = capsys.readouterr().out.partition(ONLY)
    assert "6 errors" in head
    assert printed == FIXED
    assert tomllib.loads(printed)["tool"]["corsac"]["rules"][1] == {"path": "/api/*"}


def test_fix_prints_the_hosts_of_each_table_once(capsys: pytest.CaptureFixture[str]) -> None:
    hosts = 'allowed_hosts = ["https://A.example/", "b.example", "b.example"]\n'
    text = f'{hosts}allow_origins = ["https://A.test"]\n[report_only]\n{hosts}'
    main(["check", "--fix", toml(text)])
    printed = capsys.readouterr().out.partition(ONLY)[2]
    fixed = ["a.example", "b.example"]
    assert tomllib.loads(printed) == {
        "allow_origins": ["https://a.test"],
        "allowed_hosts": fixed,
        "report_only": {"allowed_hosts": fixed},
    }


def test_a_file_without_hosts_is_told_of_rebinding(capsys: pytest.CaptureFixture[str]) -> None:
    _, found = check_json(capsys, toml('allow_origins = ["http://localhost:*"]'))
    assert [problem["code"] for problem in found["problems"]] == ["host.unchecked"]


def test_a_fix_of_a_path_is_that_of_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    _, found = check_json(capsys, toml(WRONG))
    assert [problem["fix"] for problem in found["problems"] if "path" in str(problem["fix"])] == [
        {"report_only.rules[0].path": "/public/*"},
        {"rules[2].path": "/api/*"},
    ]


def test_what_fix_prints_is_toml_that_cannot_steer_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = (
        '[[rules]]\npath = "/\\u009b\\u007f\\"\\n\\U0001F600"\nallow_origins = ["https://A.test"]\n'
    )
    main(["check", "--fix", toml(text)])
    printed = capsys.readouterr().out.partition(ONLY)[2]
    assert printed.replace("\n", "").isprintable()
    (rule,) = tomllib.loads(printed)["rules"]
    assert rule == {"path": '/\x9b\x7f"\n\U0001f600', "allow_origins": ["https://a.test"]}


def test_check_prints_the_schema_that_the_package_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--schema"]) == 0
    packaged = importlib.resources.files("corsac").joinpath("corsac.schema.json")
    assert capsys.readouterr().out == packaged.read_text("utf-8")


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        ("/", 0, "no rule matches, so the policy for all other paths decides"),
        ("/health", 3, "this path is left alone"),
        ("/public/x", 0, "rules[1], '/public/*', is the first that matches and decides"),
    ],
)
def test_explain_chooses_the_rule_of_a_file_by_the_path(
    path: str, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = toml(WHOLE)
    assert main(["explain", source, "--origin", APP, "--path", path]) == code
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        (APP, "change nothing here"),
        ("https://b.example", "refuse this: origin-not-allowed"),
        ("https://c.example", "allow this"),
    ],
)
def test_explain_says_what_would_become_of_it_under_the_policy_on_trial(
    origin: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["explain", toml(TRIED), "--origin", origin, "--json"])
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert notes == [f"what is on trial (report_only) would {said}"]


def test_explain_says_nothing_of_a_trial_that_there_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["explain", toml('allow_origins = ["*"]'), "--origin", APP, "--json"])
    assert json.loads(capsys.readouterr().out)["notes"] == []
