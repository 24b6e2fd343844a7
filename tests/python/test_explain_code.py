"""`corsac explain-code`: every code has a page at the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import corsac
from corsac.browser import REASONS
from corsac.cli import main
from corsac.cli.code_examples import EXAMPLES, MEANINGS, example_problem
from corsac.cli.probe.lints import FINDINGS
from corsac.codes import code_tables
from corsac.console.table import table
from support.pages import PAGES, anchors


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


def test_a_problem_is_explained_with_an_example_and_what_to_write_instead(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explain-code", "origin.invalid"]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert output.out == (
        "origin.invalid  error of a configuration\n"
        "What     No browser can send this: a path, a trailing slash, capitals, no scheme, a `*` "
        "in a wrong\n"
        "         place.\n"
        'Example  allow_origins = ["https://App.Example.com/"]\n'
        "Says     an origin ends after the host or port: no slash, path, query or fragment\n"
        'Instead  allow_origins = ["https://app.example.com"]\n'
        "More     build/docs/html/reference/codes.html#origin-invalid, after make docs in the "
        "clone\n"
        "\n"
        "origin.invalid  error of a server, which corsac probe finds\n"
        "What     Access-Control-Allow-Origin is not an origin, so nobody is allowed.\n"
        "Server   Send scheme, host and perhaps port, as in https://app.example.com.\n"
        "More     build/docs/html/reference/probe.html#what-it-finds, after make docs in the "
        "clone\n"
    )


ALL = sorted(
    {
        *(code for codes in code_tables().values() for code in codes),
        *REASONS,
        *(f"preflight:{code}" for code in REASONS),
        *("preflight:header-not-allowed:x-a", "[origin.invalid]", "`corp`"),
        *MEANINGS,
        *table().causes,
        *FINDINGS,
    }
)


def test_every_code_has_a_meaning_and_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    for code in ALL:
        assert main(["explain-code", code, "--json"]) == 0, code
        found = json.loads(capsys.readouterr().out)
        assert found["meanings"], code
        for each in found["meanings"]:
            assert each["what"].endswith("."), code
            page, _, anchor = each["page"].partition("#")
            assert not anchor or anchor in anchors(PAGES[page]), code
            assert not re.match(r"Fetch\(|TargetA", each["what"]), code
            texts = each["what"] + each["server"] + each["script"]
            assert not re.search(r"\{\w+\}", texts), code
            assert not re.search(r"\b(\w+) the \1\b", texts), code


def test_a_code_of_probe_says_what_is_wrong_with_the_server(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explain-code", "vary.missing"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert text.startswith(
        "vary.missing warning of a server, which corsac probe finds What The answer depends on the "
        "Origin, and Vary does not say so: a cache hands the answer for one website to another. "
        "Server Send Vary: Origin with every answer, errors included. More "
    )
    assert main(["explain-code", "origin.null"]) == 0
    text = capsys.readouterr().out
    assert "origin.null  error or warning of a configuration\n" in text
    assert "origin.null  warning of a server, which corsac probe finds\n" in text


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("ORIGIN.INVALID", "origin.invalid"),
        ("corsac.E105", "origin.any_with_credentials"),
        ("corsac.w115", "origin.redundant"),
    ],
)
def test_a_code_is_known_in_capitals_and_by_the_number_that_django_prints(
    written: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain-code", written]) == 0
    assert capsys.readouterr().out.startswith(f"{code}  ")


def test_every_example_has_the_problem_that_it_stands_for() -> None:
    for code in EXAMPLES:
        problem = example_problem(code)
        assert problem is not None, code
        assert problem.code == code


def test_a_reason_of_a_browser_says_what_to_change_on_both_sides(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explain-code", "preflight:method-not-allowed"]) == 0
    text = capsys.readouterr().out
    assert "Add the method to allow_methods." in text
    assert "build/docs/html/blocked/method-not-allowed.html" in text
    assert main(["explain-code", "method-not-allowed"]) == 0
    text = capsys.readouterr().out
    assert "a reason of the server for a refusal" in text
    assert "build/docs/html/blocked/method-not-allowed.html" in text


@pytest.mark.parametrize(
    ("code", "near"),
    [("origin.invald", "origin.invalid"), ("missing-allow-orgin", "missing-allow-origin")],
)
def test_an_unknown_code_is_answered_with_the_nearest(
    code: str, near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain-code", code]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"corsac explain-code: error: {code!r} is not a code; the nearest: ")
    assert near in error
    for odd in ("", "\x1b[31m", "x" * 10_000):
        assert main(["explain-code", odd]) == 2
        error = capsys.readouterr().err
        assert "\x1b" not in error
        assert len(error) < 500


def test_texts_with_codes_end_with_the_command_that_explains_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.toml").write_text('allow_origins = ["null", "https://a.test/"]\n')
    Path("policy.toml").write_text('allow_origins = ["https://a.test"]\n')
    Path("old.py").write_text(
        "from flask_cors import CORS\nCORS(app, origins='https://*.example.com')\n"
    )
    asked = ["explain", "policy.toml", "--method", "PUT", "--origin"]
    for command in (
        ["check", "bad.toml"],
        [*asked, "https://a.test"],
        [*asked, "https://b.test"],
        ["migrate", "old.py"],
    ):
        assert main(command) == 1
        _names_one_code(capsys.readouterr().out, capsys)
    with pytest.raises(corsac.CORSConfigError) as caught:
        corsac.CORSPolicy(allow_origins=["null", "https://a.test/"])
    _names_one_code(str(caught.value), capsys)
    policy = corsac.CORSPolicy(allow_origins=["https://a.test"])
    for origin in ("https://a.test", "https://b.test"):
        headers = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
        _names_one_code(str(policy.explain("OPTIONS", headers)), capsys)


def _names_one_code(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"^ *more: corsac explain-code (\S+)$", text, re.MULTILINE)
    assert code in text.partition(" more: ")[0]
    assert main(["explain-code", code]) == 0
    capsys.readouterr()


def test_what_is_fine_has_no_code_to_explain() -> None:
    policy = corsac.CORSPolicy(allow_origins=["https://a.test"])
    assert "more:" not in str(policy.explain("GET", {"Origin": "https://a.test"}))


@pytest.mark.parametrize(
    ("code", "pages"),
    [
        ("preflight:header-not-allowed:x-trace", ["header-not-allowed"]),
        ("header-not-allowed:x-trace", ["header-not-allowed"]),
        ("preflight:header-not-allowed", ["header-not-allowed"]),
        (
            "preflight:header-not-allowed:access-control-allow-origin",
            ["response-header-on-request"],
        ),
        ("response-header-on-request", ["response-header-on-request"]),
    ],
)
def test_a_header_has_the_meaning_that_holds_for_it(
    code: str, pages: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain-code", code, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["meanings"]
    assert [each["page"] for each in found] == [f"docs/blocked/{page}.md" for page in pages]
    header = code.partition("not-allowed:")[2]
    assert header in found[0]["what"]
    assert header in found[0]["script"]
