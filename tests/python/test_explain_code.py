"""`corsac explain-code`: every code has a page at the command line."""

from __future__ import annotations

import json
import re

import pytest

from corsac.browser import REASONS
from corsac.cli import main
from corsac.cli.code_examples import EXAMPLES, MEANINGS, example_problem
from corsac.codes import code_tables
from corsac.console.table import table


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
        "More     docs/reference/codes.md#origin-invalid\n"
    )


ALL = sorted(
    {
        *(code for codes in code_tables().values() for code in codes),
        *REASONS,
        *(f"preflight:{code}" for code in REASONS),
        *("preflight:header-not-allowed:x-a", "[origin.invalid]", "`corp`"),
        *MEANINGS,
        *table().causes,
    }
)


def test_every_code_has_a_meaning_and_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    for code in ALL:
        assert main(["explain-code", code, "--json"]) == 0, code
        found = json.loads(capsys.readouterr().out)
        assert found["meanings"], code
        for each in found["meanings"]:
            assert each["what"].endswith("."), code
            assert each["page"].startswith("docs/")
            texts = each["what"] + each["server"] + each["script"]
            assert not re.search(r"\{\w+\}", texts), code


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
    assert "docs/blocked/method-not-allowed.md" in text
    assert main(["explain-code", "method-not-allowed"]) == 0
    text = capsys.readouterr().out
    assert "a reason of the server for a refusal" in text
    assert "docs/blocked/method-not-allowed.md" in text


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
