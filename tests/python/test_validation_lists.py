"""Entries that are well formed and still cannot be meant, and the text to write instead."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest

from corsac import CORSConfigError, CORSConfigProblem, CORSPolicy
from corsac._core import CHROMIUM_MAX_AGE
from corsac.errors import CORSProblemCode
from corsac.validation import check_lists, improve_hints


def told(**options: Any) -> list[tuple[str, str, str, object]]:
    return [(p.code, p.severity, p.option, p.value) for p in check_lists(options)]


@pytest.mark.parametrize(
    ("entry", "meant"),
    [
        ("wss://a.test", "https://a.test"),
        ("WSS://a.test/socket", "https://a.test"),
        ("ws://localhost:3000", "http://localhost:3000"),
        ("ws://127.0.0.1", "http://127.0.0.1"),
        ("ws://[::1]:8000", "http://[::1]:8000"),
        ("ws://a.test:80", "https://a.test"),
        ("wss://a.test:443", "https://a.test"),
    ],
)
def test_a_websocket_origin_is_that_of_its_page(entry: str, meant: str) -> None:
    (problem,) = check_lists({"allow_origins": ["https://b.test", entry]})
    assert (problem.code, problem.severity) == ("origin.websocket_scheme", "error")
    assert problem.hint == f'did you mean "{meant}"?'
    CORSPolicy(allow_origins=[meant])


def test_a_label_that_cannot_be_decoded_is_in_no_origin() -> None:
    assert told(allow_origins=["https://xn--a.test", "https://*.xn--a.test:*"]) == [
        ("origin.invalid", "error", "allow_origins", "https://xn--a.test"),
        ("origin.invalid", "error", "allow_origins", "https://*.xn--a.test:*"),
    ]
    assert told(allow_origins=["https://xn--bcher-kva.test", "https://a.xn--p1ai"]) == []


def test_only_patch_depends_on_its_case() -> None:
    methods = ["put", "Delete", "options", "PATCH", "purge"]
    assert told(allow_methods=methods) == []
    assert told(allow_methods=["Patch"]) == [
        ("method.lowercase_patch", "warning", "allow_methods", "Patch")
    ]


def test_what_is_listed_twice_is_an_info() -> None:
    assert told(
        allow_methods=["PUT", "put", "purge", "PURGE"],
        allow_headers=["X-A", "x-a"],
        expose_headers=["X-B", "X-C", "x-b"],
    ) == [
        ("method.redundant", "info", "allow_methods", "put"),
        ("header.redundant", "info", "allow_headers", "x-a"),
        ("header.redundant", "info", "expose_headers", "x-b"),
    ]


def test_what_a_star_covers_is_an_info() -> None:
    assert told(
        allow_methods=["*", "PUT"],
        allow_headers=["authorization", "*", "x-a"],
        expose_headers=["*", "x-b"],
    ) == [
        ("method.redundant", "info", "allow_methods", "PUT"),
        ("header.redundant", "info", "allow_headers", "x-a"),
        ("header.redundant", "info", "expose_headers", "x-b"),
    ]


def test_a_header_of_the_other_direction_is_a_warning() -> None:
    assert told(
        allow_headers=["ETag", "Accept", "x-total-count", "content-type", "x-request-id"],
        expose_headers=["User-Agent", "Authorization", "x-total-count", "etag"],
    ) == [
        ("header.response_name", "warning", "allow_headers", "ETag"),
        ("header.request_name", "warning", "expose_headers", "User-Agent"),
    ]


def test_a_max_age_that_chromium_cuts_is_an_info() -> None:
    expected = ("max_age.beyond_chromium", "info", "max_age", 7201)
    assert told(max_age=CHROMIUM_MAX_AGE) == []
    assert told(max_age=CHROMIUM_MAX_AGE + 1) == [expected]
    assert told(max_age=86400) != []
    # The core refuses what is longer than a day.
    assert told(max_age=86401) == []
    assert told(max_age=None) == []
    policy = CORSPolicy(allow_origins=["https://a.test"], max_age=timedelta(hours=2, seconds=1))
    assert [(p.code, p.severity, p.option, p.value) for p in policy.problems] == [expected]


def test_a_long_list_costs_little() -> None:
    origins = [f"https://tenant-{number}.example.com" for number in range(200_000)]
    start = time.perf_counter()
    assert told(allow_origins=origins) == []
    assert time.perf_counter() - start < 2


def improved(code: CORSProblemCode, option: str, entry: str) -> CORSConfigProblem:
    problem = CORSConfigProblem(code, "error", option, entry, "the core's reason", "")
    (better,) = improve_hints([problem])
    assert (better.code, better.severity, better.option) == (code, "error", option)
    assert better.value == entry
    return better


@pytest.mark.parametrize(
    ("entry", "hint"),
    [
        ("localhost:3000", 'did you mean "http://localhost:3000"?'),
        ("127.0.0.1", 'did you mean "http://127.0.0.1"?'),
        ("[::1]:8000", 'did you mean "http://[::1]:8000"?'),
        ("app.example.org", 'did you mean "https://app.example.org"?'),
        ("//app.example.org/", 'did you mean "https://app.example.org"?'),
        ("*.example.com", 'did you mean "https://*.example.com"?'),
        ("https:/example.com", 'did you mean "https://example.com"?'),
        (" https://a.test ", 'did you mean "https://a.test"?'),
        ('"https://a.test"', 'did you mean "https://a.test"?'),
        ("https://a.test;", 'did you mean "https://a.test"?'),
        ("http://127.0.0.1/:*", 'did you mean "http://127.0.0.1"?'),
        ("https://b\u00fccher.test", 'did you mean "https://xn--bcher-kva.test"?'),
        ("https://B\u00dcCHER.test:443/", 'did you mean "https://xn--bcher-kva.test"?'),
        ("https://stra\u00dfe.test", 'did you mean "https://xn--strae-oqa.test"?'),
        ("https://\u4f8b\u3048\u3002test", 'did you mean "https://xn--r8jz45g.test"?'),
        ("https://a.test,https://b.test", 'write ["https://a.test", "https://b.test"]'),
        ("https://a.test http://b.test", 'write ["https://a.test", "http://b.test"]'),
        ("a.test, localhost:3000", 'write ["https://a.test", "http://localhost:3000"]'),
        ("https://a.test/https://b.test", 'write ["https://a.test", "https://b.test"]'),
        ('["https://a.test", "https://b.test"]', 'write ["https://a.test", "https://b.test"]'),
        (r"https://.*\.vercel\.app", 'write ["https://*.vercel.app"]'),
        (r"^http://localhost:\d+$", 'write ["http://localhost:*"]'),
        (r"https://pr-\d+\.a\.test", r'write allow_origin_regex=r"https://pr-\d+\.a\.test"'),
        ("https://a.*.test", r'write allow_origin_regex=r"https://a\.[a-z0-9-]+\.test"'),
        ("https://pr-*.a.test:8", r'write allow_origin_regex=r"https://pr-[a-z0-9-]+\.a\.test:8"'),
        ("https://*", 'write "*" if any site is meant'),
        ("chrome-extension://*", 'write the one that is meant, such as "chrome-extension://"'),
    ],
)
def test_an_origin_that_cannot_be_is_answered_with_one_that_can(entry: str, hint: str) -> None:
    with pytest.raises(CORSConfigError):
        CORSPolicy(allow_origins=[entry])
    found = improved("origin.invalid", "allow_origins", entry).hint
    assert found.startswith(hint)
    if "allow_origin_regex" not in hint:
        CORSPolicy(allow_origins=[o for o in re.findall('"([^"]*)"', hint) if o[-3:] != "://"])


@pytest.mark.parametrize(
    "entry",
    [
        "None",
        "true",
        "${ORIGIN}",
        "https://a..test",
        "https://exa mple.test",
        "u@a.test",
        "https://",
    ],
)
def test_nothing_is_guessed_from_what_could_mean_anything(entry: str) -> None:
    assert improved("origin.invalid", "allow_origins", entry).hint == ""


@pytest.mark.parametrize(
    ("code", "option"),
    [
        ("origin.invalid", "allow_origins"),
        ("method.invalid", "allow_methods"),
        ("header.invalid", "allow_headers"),
        ("header.invalid", "expose_headers"),
    ],
)
@pytest.mark.parametrize("entry", ["", "  "])
def test_an_empty_entry_comes_from_a_variable_that_is_not_set(
    code: CORSProblemCode, option: str, entry: str
) -> None:
    assert "a variable is not set" in improved(code, option, entry).message


@pytest.mark.parametrize(
    ("code", "option", "entry", "hint"),
    [
        ("method.invalid", "allow_methods", "GET, POST", 'write allow_methods=["GET", "POST"]'),
        ("method.invalid", "allow_methods", "get patch", 'write allow_methods=["GET", "PATCH"]'),
        ("header.invalid", "allow_headers", "X-A, X-B", 'write allow_headers=["X-A", "X-B"]'),
        ("header.invalid", "expose_headers", "X-A X-B", 'write expose_headers=["X-A", "X-B"]'),
        ("header.invalid", "allow_headers", "Content- Type", 'did you mean "Content-Type"?'),
        ("header.invalid", "allow_headers", "X Auth Token", 'did you mean "X-Auth-Token"?'),
        ("header.invalid", "allow_headers", "application/json", 'write "content-type"'),
        ("header.invalid", "allow_headers", "text/plain;charset=utf-8", 'write "content-type"'),
        ("header.invalid", "allow_headers", "Authorization: Bearer", 'write "Authorization"'),
        ("header.invalid", "allow_headers", "r\u00e9sum\u00e9", ""),
        ("method.invalid", "allow_methods", "r\u00e9sum\u00e9", ""),
    ],
)
def test_a_name_that_cannot_be_is_answered_with_what_can(
    code: CORSProblemCode, option: str, entry: str, hint: str
) -> None:
    assert improved(code, option, entry).hint == hint


def test_other_problems_are_handed_on_as_they_are() -> None:
    problems = [
        CORSConfigProblem("origin.default_port", "error", "allow_origins", "x", "m", "h"),
        CORSConfigProblem("option.wrong_type", "error", "allow_origins", 7, "m"),
    ]
    assert improve_hints(problems) == problems


@pytest.mark.parametrize(
    ("entry", "hint"),
    [
        ("https//example.com", 'did you mean "https://example.com"?'),
        ("https?://example.com", 'did you mean "https://example.com"?'),
        ("https://*example.com", 'did you mean "https://*.example.com"?'),
        ("https://[0:0:0:0:0:0:0:1]/", 'did you mean "https://[::1]"?'),
        ("\ufeffhttps://a.example/", 'did you mean "https://a.example"?'),
    ],
)
def test_a_hint_works_when_it_is_pasted(entry: str, hint: str) -> None:
    with pytest.raises(CORSConfigError) as caught:
        CORSPolicy(allow_origins=[entry])
    assert caught.value.problems[0].hint == hint
    CORSPolicy(allow_origins=[hint.split('"')[1]])


@pytest.mark.parametrize(
    "entry", ["https://example.com:65536/", "https://example.com:0/", "http://192.168.1/"]
)
def test_a_hint_that_would_not_work_is_not_given(entry: str) -> None:
    with pytest.raises(CORSConfigError) as caught:
        CORSPolicy(allow_origins=[entry])
    assert "did you mean" not in caught.value.problems[0].hint


def test_what_is_never_asked_is_redundant() -> None:
    policy = CORSPolicy(allow_origins=["*"], allow_origin_func=lambda origin: True)
    found = [(problem.code, problem.option) for problem in policy.problems]
    assert found == [("origin.redundant", "allow_origin_func")]


@pytest.mark.parametrize(
    ("option", "entry", "message", "meant"),
    [
        ("allow_origins", " https://b.example", "it begins with a space", "https://b.example"),
        ("allow_origins", "https://b.example ", "it ends with a space", "https://b.example"),
        ("allow_origins", "https://b.example\n", "it ends with a line feed", "https://b.example"),
        ("allow_origins", "\thttps://b.example\r", "it begins with a tab", "https://b.example"),
        ("allow_origins", "\xa0https://b.example", "character U+00A0", "https://b.example"),
        ("allow_origins", "https://*.b.example\ufeff", "character U+FEFF", "https://*.b.example"),
        ("allow_methods", " PUT", "it begins with a space", "PUT"),
        ("allow_methods", "PUT\xa0", "character U+00A0", "PUT"),
        ("allow_headers", " x-one", "it begins with a space", "x-one"),
        ("allow_headers", "\u200bx-one", "character U+200B", "x-one"),
        ("expose_headers", "etag\t", "it ends with a tab", "etag"),
    ],
)
def test_white_space_that_no_eye_sees_is_named(
    option: str, entry: str, message: str, meant: str
) -> None:
    options: dict[str, Any] = {"allow_origins": ["https://a.example"], option: [entry]}
    with pytest.raises(CORSConfigError) as caught:
        CORSPolicy(**options)
    (problem,) = (each for each in caught.value.problems if each.severity == "error")
    assert message in problem.message
    assert problem.value == entry
    assert f'"{meant}"' in problem.hint
    CORSPolicy(**options | {option: [meant]})
