"""Django's system checks: problems of the settings under stable ids, and the middleware's place."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any, get_args

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings

import corsac
from corsac.codes import CORSProblemCode, code_tables
from corsac.django import CORSMiddleware, checks
from corsac.django.conf import read_settings
from support.django_project import CALLS
from support.policies import ORIGIN

assert CALLS, "the project is set up"
OURS = "corsac.django.CORSMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"


class Sub(CORSMiddleware):
    """A middleware that a project made of ours."""


def ids(**settings: Any) -> list[str | None]:
    """The ids of all messages about some settings."""
    with override_settings(**settings):
        found = [*checks.check_settings(), *checks.check_advice(), *checks.check_notes()]
        return [message.id for message in found]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"CORS_ALLOWED_ORIGINS": [ORIGIN]}, []),
        ({}, ["corsac.W112"]),
        ({"CORS_ALLOW_HEADERS": "x-one"}, ["corsac.E001"]),
        ({"CORS_ALLOW_METHODS": [1]}, ["corsac.E002"]),
        ({"CORS_ALLOW_CREDENTIALS": 1}, ["corsac.E003"]),
        ({"CORS_PREFLIGHT_MAX_AGE": True}, ["corsac.E004"]),
        ({"CORS_ORIGIN_ALLOW_ALL": "yes"}, ["corsac.E005"]),
        ({"CORS_ALLOWED_ORIGINS": ORIGIN}, ["corsac.E006"]),
        ({"CORS_ALLOWED_ORIGIN_REGEXES": re.compile("x")}, ["corsac.E007"]),
        ({"CORS_EXPOSE_HEADERS": {"etag": 1}}, ["corsac.E008"]),
        ({"CORS_URLS_REGEX": 7}, ["corsac.E009"]),
        ({"CORS_URLS_REGEX": "("}, ["corsac.E009"]),
        ({"CORS_MODEL": "x"}, ["corsac.E012"]),
        ({"CORS_REPLACE_HTTPS_REFERER": True}, ["corsac.E013"]),
        ({"CORS_ALLOWED_ORIGINS": ["app.example.com"]}, ["corsac.E013"]),
        ({"CORS_ALLOWED_ORIGINS": ["*"]}, ["corsac.E013"]),
        ({"CORS_ALLOWED_ORIGINS": [f"{ORIGIN}/"]}, ["corsac.W014"]),
        ({"CORS_ALLOW_PRIVATE_NETWORK": None}, ["corsac.E015"]),
        ({"CORSAC": 7}, ["corsac.E101"]),
        ({"CORSAC": {"origins": []}}, ["corsac.E102"]),
        ({"CORSAC": {"allow_origins": [ORIGIN], "rules": [("/x", {"a": 1})]}}, ["corsac.E102"]),
        (
            {
                "CORSAC": {
                    "allow_origins": [ORIGIN],
                    "rules": [("/x", {"allow_origins": [ORIGIN], "max_age": -1})],
                }
            },
            ["corsac.E150"],
        ),
        ({"CORSAC": corsac.CORSPolicy(), "CORS_ALLOWED_ORIGINS": []}, ["corsac.E103"]),
        ({"CORSAC": {"max_age": 5}, "CORS_PREFLIGHT_MAX_AGE": 6}, ["corsac.E103"]),
        ({"CORS_ALLOW_ALL_ORIGINS": True, "CORS_ALLOW_CREDENTIALS": True}, ["corsac.E105"]),
        ({"CORS_ALLOWED_ORIGINS": ["null"]}, ["corsac.E109"]),
        (
            {"CORS_ALLOWED_ORIGINS": ["null"], "CORSAC": {"tolerate": ["origin.null"]}},
            ["corsac.I109"],
        ),
        ({"CORS_ALLOWED_ORIGINS": ["https://*.example.com"]}, ["corsac.W118"]),
        ({"CORS_ALLOWED_ORIGIN_REGEXES": ["a"]}, ["corsac.W162"]),
        ({"CORS_ALLOWED_ORIGIN_REGEXES": ["("]}, ["corsac.E160"]),
        ({"CORS_ALLOWED_ORIGIN_REGEXES": [r"(?!x)https://a\.test"]}, ["corsac.E160"]),
        ({"CORS_ALLOWED_ORIGIN_REGEXES": [re.compile("a", re.VERBOSE)]}, ["corsac.E160"]),
        ({"CORS_ALLOWED_ORIGIN_REGEXES": [b"a"]}, ["corsac.E007"]),
    ],
)
def test_a_problem_has_its_id(settings: dict[str, Any], expected: list[str]) -> None:
    assert ids(**settings) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"CORS_ALLOW_ALL_ORIGINS": True}, "corsac.W115"),
        ({"CORS_ALLOW_CREDENTIALS": True, "CORS_ALLOW_HEADERS": ["*"]}, "corsac.W140"),
        ({"CORS_ALLOW_CREDENTIALS": True, "CORS_ALLOW_METHODS": ["*", "PUT"]}, "corsac.W124"),
        ({"CORS_ALLOW_CREDENTIALS": True, "CORS_EXPOSE_HEADERS": ["*"]}, "corsac.W134"),
        ({"CORS_ALLOW_HEADERS": ["accept-encoding", "dnt", "x-one"]}, "corsac.W131"),
        ({"CORS_ALLOW_METHODS": ["PUT", "TRACE"]}, "corsac.W121"),
        ({"CORS_PREFLIGHT_MAX_AGE": 10**9}, "corsac.W004"),
        ({"CORS_URLS_REGEX": "^/api"}, "corsac.W183"),
        ({"CORS_ALLOWED_METHODS": ["PUT"]}, "corsac.W102"),
        ({"CORS_ORIGIN_WHITELIST": ["https://old.example.com"]}, "corsac.W103"),
        ({"CORS_ALLOWED_ORIGIN_REGEXES": [r"^https://a\.test"]}, "corsac.W169"),
    ],
)
def test_what_changes_nothing_in_browsers_is_a_warning(
    settings: dict[str, Any], expected: str
) -> None:
    with override_settings(CORS_ALLOWED_ORIGINS=[ORIGIN], **settings):
        configuration, _ = read_settings()
        assert configuration is not None
        messages = checks.check_advice()
        assert {message.id for message in messages} == {expected}
        assert all(message.hint for message in messages)
        assert checks.check_settings() == []


@pytest.mark.parametrize("setting", ["CORSAC", "CORSAC_REPORT_ONLY"])
def test_a_pattern_is_reported_together_with_the_policies_that_are_wrong(setting: str) -> None:
    rules = [("no-slash", {"allow_origins": ["nope"]})]
    with override_settings(**{setting: {"allow_origins": ["neither"], "rules": rules}}):
        found = [problem for problem in read_settings()[1] if problem.severity == "error"]
    assert sorted(str(problem.value) for problem in found) == ["neither", "no-slash", "nope"]
    assert all(re.match(rf"{setting}\b", problem.option) for problem in found)


def test_expressions_without_re2_are_checked_and_said_to_be_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    found = ids(CORS_ALLOWED_ORIGIN_REGEXES=[r"https://.*"], CORS_ALLOW_CREDENTIALS=True)
    assert found == ["corsac.E105"]
    found = ids(CORS_ALLOWED_ORIGIN_REGEXES=[r"https://\w+\.a\.example"])
    assert found == ["corsac.W169", "corsac.W161", "corsac.I168"]


def test_each_message_names_the_setting_and_the_code() -> None:
    with override_settings(CORS_ALLOWED_ORIGINS=["http://a.example.com"]):
        assert checks.check_settings() == []
        with override_settings(CORS_ALLOW_CREDENTIALS=True):
            (message,) = checks.check_settings()
    assert message.msg.startswith("'http://a.example.com' in CORS_ALLOWED_ORIGINS: ")
    assert message.msg.endswith("[origin.insecure_with_credentials]")
    assert "CORSAC = {\"tolerate\": ['origin.insecure_with_credentials']}" in str(message.hint)


@pytest.mark.parametrize(
    ("middleware", "expected"),
    [
        ([OURS, COMMON], []),
        ([COMMON], ["corsac.W201"]),
        ([f"{__name__}.Sub", COMMON], []),
        ([OURS, OURS], ["corsac.W202"]),
        ([OURS, "corsheaders.middleware.CorsMiddleware"], ["corsac.W202"]),
        ([COMMON, OURS], ["corsac.W203"]),
        (["whitenoise.middleware.WhiteNoiseMiddleware", COMMON, OURS], ["corsac.W203"] * 2),
        (["django.middleware.security.SecurityMiddleware", OURS], []),
    ],
)
def test_the_place_of_the_middleware_is_checked(
    monkeypatch: pytest.MonkeyPatch, middleware: list[str], expected: list[str]
) -> None:
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    with override_settings(MIDDLEWARE=middleware):
        assert [message.id for message in checks.check_middleware()] == expected


def test_a_redirect_to_https_above_is_too_high() -> None:
    security = "django.middleware.security.SecurityMiddleware"
    with override_settings(MIDDLEWARE=[security, OURS], SECURE_SSL_REDIRECT=True):
        assert [message.id for message in checks.check_middleware()] == ["corsac.W203"]


def test_the_checks_run_with_the_command() -> None:
    with override_settings(CORS_ALLOWED_ORIGINS=7), pytest.raises(SystemCheckError) as raised:
        call_command("check", stderr=None)
    assert "corsac.E006" in str(raised.value)


def test_each_code_has_one_number_of_its_own() -> None:
    assert len(set(checks.NUMBERS.values())) == len(checks.NUMBERS)
    of_policies = code_tables()["policies"].keys()
    assert of_policies <= checks.NUMBERS.keys() <= set(get_args(CORSProblemCode))


def test_a_django_that_is_too_old_is_named_when_the_package_is_imported() -> None:
    code = "import django; django.VERSION = (4, 2, 30, 'final', 0); import corsac.django"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ImportError: corsac.django needs Django 5.0 or newer, not 4.2.30" in done.stderr


@pytest.mark.parametrize(
    ("settings", "fixes"),
    [
        (
            {"CORSAC": {"allow_origins": ["http://a.example"], "allow_credentials": True}},
            [{"CORSAC": {"allow_origins": ("https://a.example",), "allow_credentials": True}}],
        ),
        (
            {"CORSAC": {"allow_origins": ["https://a.example"], "max_age": 90_000}},
            [{"CORSAC": {"allow_origins": ["https://a.example"], "max_age": 86_400}}],
        ),
        (
            {"CORSAC": {"rules": [("/a", {"allow_origins": ["https://A.example"]})]}},
            [None],
        ),
        (
            {
                "CORSAC": {
                    "allow_origins": ["https://a.example"],
                    "rules": [
                        ("/a", {"allow_origins": ["https://b.example", "https://b.example"]})
                    ],
                }
            },
            [None],
        ),
        (
            {
                "CORS_ALLOWED_ORIGINS": ["https://a.example"],
                "CORSAC": {"guard": True, "max_age": 90_000},
            },
            [None],
        ),
        (
            {
                "CORSAC": {"allow_origins": ["https://a.example"]},
                "CORSAC_REPORT_ONLY": {"allow_origins": ["https://B.example"]},
            },
            [{"CORSAC_REPORT_ONLY": {"allow_origins": ("https://b.example",)}}],
        ),
        (
            {"CORS_ALLOWED_ORIGINS": ["https://A.example"]},
            [{"CORS_ALLOWED_ORIGINS": ["https://a.example"]}],
        ),
    ],
)
def test_a_fix_is_one_of_settings(settings: dict[str, Any], fixes: list[object]) -> None:
    with override_settings(**settings):
        _, problems = read_settings()
        assert [problem.fix for problem in problems] == fixes
    for fix in fixes:
        if isinstance(fix, dict):
            with override_settings(**{**settings, **fix}):
                assert [each for each in read_settings()[1] if each.severity != "info"] == []
