"""Options of flask-cors as policies: what counts, what is said."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

import corsac
from corsac.flask import CORS
from corsac.flask.options import read_view_policy
from support.flask_apps import ALLOWED, SECOND, cors_headers, make_app


def policy_of(**options: Any) -> corsac.CORSPolicy:
    return read_view_policy(options, "")[0]


def warnings_of(**options: Any) -> list[tuple[str, str]]:
    return [
        (problem.code, problem.option)
        for problem in read_view_policy(options, "")[1]
        if problem.severity == "warning"
    ]


def errors_of(**options: Any) -> list[tuple[str, str]]:
    with pytest.raises(corsac.CORSConfigError) as caught:
        read_view_policy(options, "")
    return [(p.code, p.option) for p in caught.value.problems if p.severity == "error"]


def test_the_defaults_are_those_of_flask_cors() -> None:
    assert policy_of() == corsac.CORSPolicy(
        allow_origins=["*"],
        allow_methods=["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"],
        allow_headers=["*", "authorization"],
        max_age=None,
        preflight_status=200,
        app_headers="keep",
    )
    assert warnings_of() == []


@pytest.mark.parametrize(
    ("origins", "allowed"),
    [
        (ALLOWED, (ALLOWED,)),
        ([ALLOWED, SECOND], (ALLOWED, SECOND)),
        ((ALLOWED,), (ALLOWED,)),
        ("*", ("*",)),
        (".*", ("*",)),
        (re.compile(".*"), ("*",)),
        (r"https://.*\.example\.com$", ("https://*.example.com",)),
        (re.compile(r"^http://localhost(:\d+)?$"), ("http://localhost:*",)),
        (r"^https?://app\.example\.com$", ("http://app.example.com", "https://app.example.com")),
    ],
)
def test_origins_that_mean_what_they_say(origins: object, allowed: tuple[str, ...]) -> None:
    assert policy_of(origins=origins).allow_origins == allowed
    assert warnings_of(origins=origins) == []


@pytest.mark.parametrize(
    ("origins", "allowed", "code"),
    [
        ("https://*.example.com", (), "regex.look_alike"),
        ("https://*.Example.com", (), "regex.look_alike"),
        ("https://*.example.com:*", (), "regex.look_alike"),
        ("http://[::1]:*", (), "regex.look_alike"),
        ("http://localhost:*", ("http://localhost:*",), "regex.look_alike"),
        ("http://[::1]:3000", (), "regex.look_alike"),
        ("https://App.Example.com", (ALLOWED,), "origin.rewritten"),
        (r"https://.*\.example\.com", ("https://*.example.com",), "regex.unanchored"),
        ([ALLOWED, f"{SECOND}/"], (ALLOWED,), "origin.invalid"),
        ([ALLOWED, "https://x.example:443"], (ALLOWED,), "origin.default_port"),
        ([ALLOWED, ""], (ALLOWED,), "origin.invalid"),
        ([ALLOWED, None], (ALLOWED,), "option.empty"),
        (f"{SECOND}/", (), "origin.invalid"),
        ([ALLOWED, r"example\.com"], (ALLOWED,), "regex.never_matches"),
    ],
)
def test_origins_that_mean_something_else_there_are_a_warning(
    origins: object, allowed: tuple[str, ...], code: str
) -> None:
    assert policy_of(origins=origins).allow_origins == allowed
    assert code in [found for found, _ in warnings_of(origins=origins)]


def test_a_warning_has_the_line_to_write() -> None:
    _, problems = read_view_policy({"origins": r"https://.*\.example\.com"}, "resources['/x']")
    assert [str(each) for each in problems if each.severity == "warning"] == [
        "resources['/x'] origins: 'https://.*\\\\.example\\\\.com': flask-cors compares the start "
        "of an origin only, so it lets in https://x.example.com.evil.example too, a name that "
        "anyone may register; here the whole origin has to match; end it with $ to say so: "
        r"'https://.*\\.example\\.com$' [regex.unanchored]"
    ]


def test_an_expression_has_to_match_the_whole_origin() -> None:
    pytest.importorskip("re2")
    app = make_app("/")
    CORS(app, origins=r"https://(app|web)-[a-f0-9]+\.example\.com")
    assert "vary" in cors_headers(app, "/")
    for origin, allowed in (
        ("https://app-1f.example.com", True),
        ("https://app-1f.example.com.evil.example", False),
        ("https://APP-1f.example.com", False),
    ):
        found = "access-control-allow-origin" in cors_headers(app, "/", origin=origin)
        assert found is allowed, origin


def test_expressions_ignore_the_case_of_what_is_written() -> None:
    pytest.importorskip("re2")
    policy = policy_of(origins=re.compile(r"https://APP-[a-f]+\.example\.com$", re.IGNORECASE))
    assert policy.allow_origin_regex == r"(?i:https://APP-[a-f]+\.example\.com$)"


@pytest.mark.parametrize(
    ("options", "code", "option"),
    [
        ({"supports_credentials": True}, "origin.any_with_credentials", "origins"),
        (
            {"origins": "*", "supports_credentials": True, "send_wildcard": True},
            "origin.any_with_credentials",
            "origins",
        ),
        (
            {"origins": "http://a.example", "supports_credentials": True},
            "origin.insecure_with_credentials",
            "origins",
        ),
        (
            {"origins": r"https://.*\.vercel\.app", "supports_credentials": True},
            "origin.public_suffix_with_credentials",
            "origins",
        ),
        ({"origins": "null"}, "origin.null", "origins"),
        ({"origins": "*.example.com"}, "regex.invalid", "origins"),
        ({"origins": re.compile("https://x", re.VERBOSE)}, "regex.invalid", "origins"),
        ({"origins": re.compile(b"https://x")}, "regex.invalid", "origins"),
        ({"origins": 5}, "option.wrong_type", "origins"),
        (
            {"origins": ALLOWED, "supports_credentials": "false"},
            "option.wrong_type",
            "supports_credentials",
        ),
        ({"methods": [5]}, "option.wrong_type", "methods"),
        ({"allow_headers": True}, "option.wrong_type", "allow_headers"),
        ({"expose_headers": 5}, "option.wrong_type", "expose_headers"),
        ({"max_age": "soon"}, "option.wrong_type", "max_age"),
        ({"max_age": -1}, "max_age.out_of_bounds", "max_age"),
        ({"orgins": "*"}, "option.unknown", "orgins"),
        ({"preflight_status": 204}, "option.unknown", "preflight_status"),
    ],
)
def test_what_cannot_work_or_cannot_be_safe_is_an_error(
    options: dict[str, Any], code: str, option: str
) -> None:
    assert errors_of(**options) == [(code, option)]


def test_all_mistakes_are_found_at_once() -> None:
    assert errors_of(supports_credentials=True, max_age="soon", expose_headers=5, other=1) == [
        ("option.unknown", "other"),
        ("option.wrong_type", "expose_headers"),
        ("option.wrong_type", "max_age"),
        ("origin.any_with_credentials", "origins"),
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"methods": "get, put"}, {"allow_methods": ("GET", "PUT")}),
        ({"methods": ["PUT, PATCH"]}, {"allow_methods": ("PATCH", "PUT")}),
        ({"methods": None}, {"allow_methods": ()}),
        ({"allow_headers": "X-A"}, {"allow_headers": ("X-A",)}),
        ({"allow_headers": ["X-A", "*"]}, {"allow_headers": ("X-A", "*", "authorization")}),
        ({"allow_headers": None}, {"allow_headers": ()}),
        ({"expose_headers": "X-B, X-A"}, {"expose_headers": ("X-B", "X-A")}),
        ({"expose_headers": {"X-B", "X-A"}}, {"expose_headers": ("X-A", "X-B")}),
        ({"max_age": "600"}, {"max_age": 600}),
        ({"max_age": timedelta(minutes=1, milliseconds=1)}, {"max_age": 60}),
        ({"max_age": 0}, {"max_age": None}),
        ({"max_age": ""}, {"max_age": None}),
        ({"allow_private_network": True}, {"allow_private_network": True}),
        ({"automatic_options": False}, {"preflight_continue": True}),
        ({"guard": True, "origins": ALLOWED}, {"guard": True}),
        ({"always_send": False, "send_wildcard": True}, {"always_send": False}),
        ({"always_send": True}, {"always_send": False}),
        ({"origins": ALLOWED}, {"always_send": False}),
        ({"origins": ALLOWED, "always_send": True}, {"always_send": True}),
    ],
)
def test_the_other_options_mean_what_they_mean_there(
    options: dict[str, Any], expected: dict[str, Any]
) -> None:
    policy = policy_of(**options)
    assert {name: getattr(policy, name) for name in expected} == expected
    assert warnings_of(**options) == []


@pytest.mark.parametrize(
    ("options", "warning", "expected"),
    [
        ({"methods": ["*"]}, ("method.never_allowed", "methods"), {"allow_methods": ()}),
        (
            {"methods": ["PUT", "TRACE"]},
            ("method.forbidden", "methods"),
            {"allow_methods": ("PUT",)},
        ),
        ({"allow_headers": "X-A, X-B"}, ("header.invalid", "allow_headers"), {"allow_headers": ()}),
        (
            {"allow_headers": "X-.*"},
            ("header.expression", "allow_headers"),
            {"allow_headers": ()},
        ),
        (
            {"expose_headers": ["Set-Cookie"]},
            ("header.forbidden_response", "expose_headers"),
            {"expose_headers": ()},
        ),
        (
            {"origins": ALLOWED, "supports_credentials": True, "expose_headers": "*"},
            ("header.expose_any_with_credentials", "expose_headers"),
            {"expose_headers": (), "allow_credentials": True},
        ),
        ({"max_age": 604_800}, ("max_age.out_of_bounds", "max_age"), {"max_age": 86_400}),
        ({"vary_header": False}, ("option.without_effect", "vary_header"), {}),
    ],
)
def test_what_has_no_effect_is_left_out_with_a_warning(
    options: dict[str, Any], warning: tuple[str, str], expected: dict[str, Any]
) -> None:
    policy = policy_of(**options)
    assert {name: getattr(policy, name) for name in expected} == expected
    assert warning in warnings_of(**options)
