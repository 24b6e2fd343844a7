"""The policy as a value, and what is said about a configuration that cannot work."""

from __future__ import annotations

import pickle
from datetime import timedelta
from typing import Any

import pytest

import corsac
from corsac import CORSConfigError, CORSConfigProblem, CORSMiddleware, CORSPolicy
from support.asgi import app_sending

EXAMPLES: list[dict[str, Any]] = [
    {},
    {"allow_origins": ["https://app.example.com", "http://[2001:db8::1]:8080"]},
    {"allow_origins": ["https://*.example.com", "http://localhost:*"], "allow_methods": ["put"]},
    {
        "allow_origins": ["*"],
        "allow_credentials": True,
        "tolerate": ["origin.any_with_credentials"],
    },
    {"allow_origins": ["null"], "tolerate": {"origin.null"}, "max_age": None},
    {"allow_origins": ["https://a.test"], "max_age": timedelta(minutes=5), "guard": True},
    {"allow_origins": ["https://a.test"], "app_headers": "keep"},
    {"allow_origins": ["https://a.test"], "always_send": True, "allow_credentials": True},
    {
        "allow_origins": ["capacitor://localhost"],
        "allow_headers": ["X-A"],
        "expose_headers": ["X-B"],
        "preflight_status": 200,
        "preflight_continue": True,
        "allow_private_network": True,
    },
]


@pytest.mark.parametrize("options", EXAMPLES)
def test_a_policy_is_a_value(options: dict[str, Any]) -> None:
    policy, same = CORSPolicy(**options), CORSPolicy(**options)
    assert policy == same
    assert hash(policy) == hash(same)
    assert eval(repr(policy), {"CORSPolicy": CORSPolicy}) == policy  # noqa: S307
    assert pickle.loads(pickle.dumps(policy)) == policy  # noqa: S301
    assert policy != CORSPolicy(allow_origins=["https://different.example"])


def test_a_policy_cannot_be_changed_and_keeps_nothing_of_the_lists_it_was_given() -> None:
    origins = ["https://a.test"]
    policy = CORSPolicy(allow_origins=origins)
    origins.append("https://evil.example")
    assert policy.allow_origins == ("https://a.test",)
    with pytest.raises(AttributeError):
        policy.allow_origins = ("https://evil.example",)  # type: ignore[misc]


def test_its_repr_names_only_what_was_set() -> None:
    assert repr(CORSPolicy(allow_origins=["https://a.test"], max_age=600)) == (
        "CORSPolicy(allow_origins=('https://a.test',))"
    )


def test_a_generator_and_a_set_are_lists_too() -> None:
    policy = CORSPolicy(
        allow_origins=(f"https://{name}.test" for name in "ab"), allow_methods={"PUT"}
    )
    assert policy.allow_origins == ("https://a.test", "https://b.test")


def problems_of(**options: Any) -> list[tuple[str, str, object]]:
    with pytest.raises(CORSConfigError) as caught:
        CORSPolicy(**options)
    return [(p.code, p.option, p.value) for p in caught.value.problems if p.severity == "error"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {"allow_origins": "https://a.test"},
            ("option.wrong_type", "allow_origins", "https://a.test"),
        ),
        ({"allow_origins": b"*"}, ("option.wrong_type", "allow_origins", b"*")),
        ({"allow_methods": "GET"}, ("option.wrong_type", "allow_methods", "GET")),
        ({"allow_headers": "X-A"}, ("option.wrong_type", "allow_headers", "X-A")),
        ({"expose_headers": "X-A"}, ("option.wrong_type", "expose_headers", "X-A")),
        ({"tolerate": "origin.null"}, ("option.wrong_type", "tolerate", "origin.null")),
        ({"allow_origins": None}, ("option.wrong_type", "allow_origins", None)),
        ({"allow_origins": [7]}, ("option.wrong_type", "allow_origins", 7)),
        (
            {"allow_origins": ["https://\ud800"]},
            ("option.wrong_type", "allow_origins", "https://\ud800"),
        ),
        ({"allow_credentials": "true"}, ("option.wrong_type", "allow_credentials", "true")),
        ({"allow_credentials": 1}, ("option.wrong_type", "allow_credentials", 1)),
        ({"guard": None}, ("option.wrong_type", "guard", None)),
        ({"app_headers": "Keep"}, ("option.wrong_type", "app_headers", "Keep")),
        ({"app_headers": True}, ("option.wrong_type", "app_headers", True)),
        ({"max_age": "600"}, ("option.wrong_type", "max_age", "600")),
        ({"max_age": True}, ("option.wrong_type", "max_age", True)),
        ({"max_age": 1.5}, ("option.wrong_type", "max_age", 1.5)),
        ({"preflight_status": "204"}, ("option.wrong_type", "preflight_status", "204")),
        ({"max_age": -1}, ("max_age.out_of_bounds", "max_age", -1)),
        ({"max_age": 86401}, ("max_age.out_of_bounds", "max_age", 86401)),
        ({"max_age": 10**30}, ("max_age.out_of_bounds", "max_age", 10**30)),
        ({"max_age": timedelta(days=2)}, ("max_age.out_of_bounds", "max_age", 172800)),
        (
            {"max_age": timedelta(seconds=0.5)},
            ("max_age.out_of_bounds", "max_age", timedelta(seconds=0.5)),
        ),
        ({"preflight_status": 10**30}, ("status.not_ok", "preflight_status", 10**30)),
        ({"preflight_status": 300}, ("status.not_ok", "preflight_status", 300)),
        ({"tolerate": ["origin.invalid"]}, ("tolerate.unknown", "tolerate", "origin.invalid")),
        ({"tolerate": [""]}, ("tolerate.unknown", "tolerate", "")),
        (
            {"expose_headers": ["*"], "allow_credentials": True},
            ("header.expose_any_with_credentials", "expose_headers", "*"),
        ),
        (
            {"allow_origins": ["https://a\x00.test"]},
            ("origin.invalid", "allow_origins", "https://a\x00.test"),
        ),
        ({"allow_methods": ["GET\r\nX: y"]}, ("method.invalid", "allow_methods", "GET\r\nX: y")),
        ({"allow_headers": ["GET, POST"]}, ("header.invalid", "allow_headers", "GET, POST")),
        ({"expose_headers": [""]}, ("header.invalid", "expose_headers", "")),
    ],
)
def test_one_mistake_is_one_error_with_its_code_option_and_value(
    options: dict[str, Any], expected: tuple[str, str, object]
) -> None:
    assert problems_of(**options) == [expected]


def test_all_mistakes_are_found_at_once_wrong_types_included() -> None:
    found = problems_of(
        allow_origins=["https://a.test/", "*", "http://b.test"],
        allow_methods="GET",
        allow_headers=["Cookie"],
        allow_credentials=True,
        max_age=-5,
    )
    assert [code for code, _, _ in found] == [
        "option.wrong_type",
        "origin.any_with_credentials",
        "origin.invalid",
        "origin.insecure_with_credentials",
        "header.forbidden_request",
        "max_age.out_of_bounds",
    ]


@pytest.mark.parametrize(
    ("entry", "suggestion"),
    [
        ("https://example.com/", "https://example.com"),
        ("https://example.com:443", "https://example.com"),
        (" https://Example.COM/path?x#y ", "https://example.com"),
        ("https://user:secret@example.com", "https://example.com"),
        ("http://[2001:DB8:0:0::1]:08080", "http://[2001:db8::1]:8080"),
    ],
)
def test_an_entry_that_no_browser_sends_is_answered_with_the_one_it_sends(
    entry: str, suggestion: str
) -> None:
    with pytest.raises(CORSConfigError) as caught:
        CORSPolicy(allow_origins=[entry])
    (problem,) = caught.value.problems
    assert problem.hint == f'did you mean "{suggestion}"?'
    assert CORSPolicy(allow_origins=[suggestion]).problems == ()


def test_a_bare_string_is_answered_with_the_list_to_write() -> None:
    with pytest.raises(CORSConfigError, match=r"write allow_methods=\['GET', 'PUT'\]"):
        CORSPolicy(allow_methods="GET, PUT")


@pytest.mark.parametrize(
    ("code", "options"),
    [
        ("origin.null", {"allow_origins": ["null"]}),
        ("origin.any_with_credentials", {"allow_origins": ["*"], "allow_credentials": True}),
        (
            "origin.insecure_with_credentials",
            {"allow_origins": ["http://a.test"], "allow_credentials": True},
        ),
    ],
)
def test_what_is_tolerated_is_an_info_and_what_is_not_is_an_error(
    code: str, options: dict[str, Any]
) -> None:
    assert [found for found, _, _ in problems_of(**options)] == [code]
    policy = CORSPolicy(**options, tolerate=[code])
    assert [(problem.code, problem.severity) for problem in policy.problems] == [(code, "info")]


def test_the_error_pickles_and_prints_every_problem_on_a_line_of_its_own() -> None:
    with pytest.raises(CORSConfigError) as caught:
        CORSPolicy(allow_origins=["nonsense"], allow_methods=["A B"])
    error = caught.value
    assert isinstance(error, ValueError)
    assert str(error).splitlines() == [
        "the CORS configuration has 2 errors:",
        *(f"  {problem}" for problem in error.problems),
        "  more: corsac explain-code origin.invalid",
    ]
    assert pickle.loads(pickle.dumps(error)).problems == error.problems  # noqa: S301


def test_a_long_value_is_cut_where_people_read_it_and_whole_where_programs_do() -> None:
    problem = CORSConfigProblem("origin.invalid", "error", "allow_origins", "x" * 9000, "no")
    assert len(str(problem)) < 400
    assert problem.value == "x" * 9000


@pytest.mark.parametrize("option", ["allow_origin", "origins", "rules_"])
def test_an_unknown_option_is_a_type_error(option: str) -> None:
    unknown: dict[str, Any] = {option: []}
    with pytest.raises(TypeError, match=option):
        CORSPolicy(**unknown)
    with pytest.raises(TypeError, match=option):
        CORSMiddleware(app_sending(), **unknown)


def test_a_middleware_takes_a_policy_or_its_options_not_both() -> None:
    policy = CORSPolicy(allow_origins=["https://a.test"])
    assert CORSMiddleware(app_sending(), policy).policy is policy
    assert CORSMiddleware(app_sending(), allow_origins=["https://a.test"]).policy == policy
    with pytest.raises(TypeError, match="not both: max_age"):
        CORSMiddleware(app_sending(), policy, max_age=1)
    with pytest.raises(TypeError, match="must be a CORSPolicy, not dict"):
        CORSMiddleware(app_sending(), {"allow_origins": []})  # type: ignore[arg-type]
    with pytest.raises(corsac.CORSConfigError, match="not str; options are named, as in allow_"):
        CORSMiddleware(app_sending(), ["https://a.test"])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="must be an ASGI 3 application, not int"):
        CORSMiddleware(7, policy)  # type: ignore[arg-type]


def test_every_public_name_is_there() -> None:
    assert sorted(name for name in dir(corsac) if name in corsac.__all__) == sorted(corsac.__all__)
