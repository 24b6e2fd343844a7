"""Translations and patches that would allow more than the old configuration are not made."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from corsac.flask import cross_origin
from corsac.migrate import translate
from support.migrate_command import FLASK, only

ADMIN = {"origins": "https://admin.example"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "code", "patterns"),
    [
        ("/admin/*", "rule.left_out", ["/admin/*", "/*"]),
        ("/admin.*", "rule.left_out", ["/admin/*", "/*"]),
        ("^/a.min/", "rule.left_out", ["/a.min", "/a.min/*", "/*"]),
        (re.compile("/admin/", re.IGNORECASE), "rule.no_counterpart", ["/*"]),
        ("/admin*", "rule.no_counterpart", ["/admin/*", "/*"]),
        ("/admin[0-9]", "rule.no_counterpart", ["/*"]),
        ("^//.*", "rule.no_counterpart", ["/*"]),
        (re.compile("/admin #", re.VERBOSE), "rule.no_counterpart", ["/*"]),
    ],
)
def test_what_a_resource_gives_up_goes_to_no_later_one(
    pattern: str | re.Pattern[str], code: str, patterns: list[str]
) -> None:
    resources = {pattern: ADMIN, "/.*": {"origins": "*"}}
    translation = translate("flask-cors", {"resources": resources})
    errors = [problem.code for problem in translation.problems if problem.severity == "error"]
    assert set(errors) == {code}
    assert translation.policy is None
    assert [path for path, _ in translation.rules] == patterns
    policies = [policy for _, policy in translation.rules if policy is not None]
    assert {policy.allow_origins for policy in policies} <= {("https://admin.example",)}
    assert translation.rules[-1] == ("/*", None)
    assert "*" not in translation.options.get("allow_origins", ())


def test_a_later_resource_that_allows_no_more_stays() -> None:
    both = {"origins": ["https://a.example", "https://b.example"]}
    resources = {"/api/*": both, "/*": {"origins": "https://a.example"}}
    translation = translate("flask-cors", {"resources": resources})
    assert [path for path, _ in translation.rules] == ["/api/*"]
    assert not translation.has_errors


@pytest.mark.parametrize("pattern", ["/admin/*", "/admin*"])
def test_no_code_gives_paths_to_a_wider_resource(
    pattern: str, capsys: pytest.CaptureFixture[str]
) -> None:
    resources = f"{{{pattern!r}: {ADMIN}, '/.*': {{'origins': '*'}}}}"
    code = only(capsys, f"{FLASK}CORS(app, resources={resources})\n")["corsac"]["code"]
    assert '"*"]' not in code.replace('["*", "auth', "")


def test_a_decorator_without_brackets_says_what_to_write() -> None:
    with pytest.raises(TypeError, match=r"write @cross_origin\(\)"):
        cross_origin(lambda: "x")
