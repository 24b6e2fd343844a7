"""What the drop-in for Starlette's `CORSMiddleware` says about options that are traps."""

from __future__ import annotations

import logging
import re
import sys
import time
import types
import warnings
from typing import Any

import pytest
from starlette.applications import Starlette

from corsac.compat import CORSConfigWarning
from corsac.compat.starlette import (
    CORSMiddleware,
    fullmatch_of,
    problems_of_python,
    why_python_runs_it,
)
from support.asgi import app_sending

ORIGIN = "https://a.example"
APP = app_sending()


def traps(**options: Any) -> list[tuple[str, str]]:
    """The codes and options of the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        middleware = CORSMiddleware(APP, **{"allow_origins": [ORIGIN], **options})
    problems = [problem for problem in middleware.problems if problem.severity == "warning"]
    assert [
        warning.message.problem
        for warning in caught
        if isinstance(warning.message, CORSConfigWarning)
    ] == problems
    assert all(problem.hint for problem in problems)
    return [(problem.code, problem.option) for problem in problems]


TRAPS: list[tuple[dict[str, Any], str, str | None]] = [
    ({"allow_origins": ORIGIN}, "option.wrong_type", "allow_origins"),
    ({"allow_methods": "GET"}, "option.wrong_type", "allow_methods"),
    ({"allow_headers": "X-A"}, "option.wrong_type", "allow_headers"),
    ({"expose_headers": "X-A"}, "option.wrong_type", "expose_headers"),
    ({"allow_origins": iter([ORIGIN])}, "option.wrong_type", "allow_origins"),
    ({"max_age": None}, "option.wrong_type", "max_age"),
    ({"max_age": -1}, "max_age.out_of_bounds", "max_age"),
    ({"allow_origins": ["*"], "allow_credentials": True}, "origin.any_with_credentials", None),
    ({"allow_origins": ["null"]}, "origin.null", "allow_origins"),
    ({"allow_origins": [f"{ORIGIN}/"]}, "origin.invalid", "allow_origins"),
    ({"allow_origins": [f"{ORIGIN}:443"]}, "origin.default_port", "allow_origins"),
    ({"allow_origins": ["https://A.example"]}, "origin.invalid", "allow_origins"),
    ({"allow_origins": ["a.example"]}, "origin.invalid", "allow_origins"),
    ({"allow_origins": ["https://*.example", ORIGIN]}, "origin.never_matched", "allow_origins"),
    ({"allow_origins": []}, "origin.none", "allow_origins"),
    ({"allow_methods": ["get"]}, "method.never_allowed", "allow_methods"),
    ({"allow_methods": ["GET, PUT"]}, "method.invalid", "allow_methods"),
    ({"allow_headers": ["X-A, X-B"]}, "header.invalid", "allow_headers"),
    ({"allow_origin_regex": r"https://a(?!b)\.example"}, "regex.python", "allow_origin_regex"),
    ({"allow_origin_regex": r"https://a.example"}, "regex.unescaped_dot", "allow_origin_regex"),
    (
        {"allow_origin_regex": ".*", "allow_credentials": True},
        "origin.any_with_credentials",
        "allow_origin_regex",
    ),
]


@pytest.mark.parametrize(("options", "code", "option"), TRAPS)
def test_a_trap_is_said(options: dict[str, Any], code: str, option: str | None) -> None:
    assert traps(**options) == [(code, option or "allow_origins")]


def test_a_method_in_lower_case_is_said_to_be_compared_by_case() -> None:
    with pytest.warns(CORSConfigWarning):
        middleware = CORSMiddleware(
            app_sending(), allow_origins=["https://a.example"], allow_methods=["put"]
        )
    assert [str(problem) for problem in middleware.problems] == [
        "allow_methods: 'put': methods are case-sensitive, and browsers ask for capitals; "
        'write "PUT" if it is meant [method.never_allowed]'
    ]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"allow_origins": {ORIGIN}},
        {"allow_origins": ["*"], "allow_methods": ["*"], "allow_headers": ["*"]},
        {"allow_origins": "*"},
        {"allow_headers": ["Origin", "Accept", "Authorization"], "expose_headers": ["etag"]},
        {"allow_methods": ["GET", "OPTIONS", "PUT", "DELETE"], "max_age": 86400},
        {"allow_origins": (), "allow_origin_regex": r"https://[a-z]+\.example\.com"},
    ],
)
def test_what_does_what_it_seems_to_is_not_warned_about(options: dict[str, Any]) -> None:
    assert traps(**options) == []


def test_no_hint_names_what_starlette_does_not_have() -> None:
    for options, *_ in TRAPS:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            given: dict[str, Any] = {"allow_origins": [ORIGIN], **options}
            CORSMiddleware(APP, **given)
        for warning in caught:
            text = str(warning.message)
            assert "tolerate" not in text
            assert "//*" not in text or "no patterns" in text


def test_the_warning_names_the_line_that_made_the_middleware() -> None:
    with pytest.warns(CORSConfigWarning) as caught:
        CORSMiddleware(APP, [ORIGIN + "/"])
    line = sys._getframe().f_lineno - 1
    assert [(found.filename, found.lineno) for found in caught] == [(__file__, line)]


class Subclass(CORSMiddleware):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)


def test_the_warning_of_an_added_middleware_names_no_file_of_starlettes() -> None:
    app = Starlette()
    app.add_middleware(Subclass, allow_origins=[f"{ORIGIN}/"])
    with pytest.warns(CORSConfigWarning) as caught:
        app.build_middleware_stack()
    assert caught[0].filename == __file__


def test_each_warning_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "corsac"):
        traps(allow_origins=[f"{ORIGIN}/"], allow_methods=["get"])
        assert [record.name for record in caplog.records] == ["corsac", "corsac"]
        caplog.clear()
        traps(allow_origins=[])
        assert len(caplog.records) == 1


def test_a_warning_can_be_an_error() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", CORSConfigWarning)
        with pytest.raises(CORSConfigWarning) as raised:
            CORSMiddleware(APP, allow_origins=ORIGIN)
    assert raised.value.problem.code == "option.wrong_type"


SAFE = [r"https://[a-z]+\.example", r"https?://a\.example(:\d+)?", "https://(?:a|b)\\.example$"]
PYTHONS = [r"a{,3}", r"[[:alpha:]]", r"(a)\1", r"(?x) a", r"a(?=b)", r"(?m)^a$", "\xe4", r"a\Z"]


@pytest.mark.parametrize("pattern", SAFE)
def test_an_expression_that_re2_reads_alike_is_run_in_linear_time(pattern: str) -> None:
    assert why_python_runs_it(re.compile(pattern)) is None


@pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")
@pytest.mark.parametrize("pattern", PYTHONS)
def test_an_expression_that_re2_reads_differently_is_run_by_python(pattern: str) -> None:
    compiled = re.compile(pattern)
    assert why_python_runs_it(compiled) is not None
    assert fullmatch_of(compiled) == compiled.fullmatch


def test_an_expression_that_would_take_for_ever_does_not() -> None:
    fullmatch = fullmatch_of(re.compile(r"https?://(a+)+\.example"))
    begin = time.perf_counter()
    assert not fullmatch("https://" + "a" * 5000 + "!")
    assert time.perf_counter() - begin < 1.0
    assert fullmatch("https://aaa.example")


def test_flags_of_a_compiled_expression_count() -> None:
    assert fullmatch_of(re.compile("https://a[.]example", re.IGNORECASE))("HTTPS://A.EXAMPLE")
    assert why_python_runs_it(re.compile("a", re.ASCII)) is not None


@pytest.mark.parametrize("origin", ["https://\xe4.example", "https://\x0b.example"])
def test_what_no_browser_sends_does_not_match(origin: str) -> None:
    pytest.importorskip("re2")
    assert not fullmatch_of(re.compile(r"https://\S\.example"))(origin)


@pytest.mark.parametrize(
    ("re2", "why"),
    [
        (None, "google-re2 is not installed"),
        (types.ModuleType("re2"), "google-re2 cannot be loaded here (the module re2 is not google"),
    ],
)
def test_without_re2_python_runs_expressions_and_says_so(
    re2: types.ModuleType | None, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "re2", re2)
    fullmatch_of.cache_clear()
    why_python_runs_it.cache_clear()
    try:
        assert traps(allow_origin_regex=r"https://[a-z]+\.example") == [
            ("regex.extra_missing", "allow_origin_regex")
        ]
        pattern = re.compile(r"https://[a-z]+\.example")
        assert fullmatch_of(pattern) == pattern.fullmatch
        (problem,) = problems_of_python(pattern)
        assert problem.message.startswith(f"Python's re runs it, since {why}")
    finally:
        fullmatch_of.cache_clear()
        why_python_runs_it.cache_clear()
