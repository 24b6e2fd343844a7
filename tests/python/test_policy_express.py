"""Policies from the options of the Node package `cors`: what they mean, and what is refused."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corsac import CORSConfigError, CORSPolicy
from corsac.options.express import read_express

CASES = json.loads(
    (Path(__file__).parents[1] / "conformance" / "exchanges.json").read_text("utf-8")
)["cases"]
EXPRESS_CASES = {
    case["id"]: case["config"]["options"]
    for case in CASES
    if case["config"].get("profile") == "express"
}
UNSAFE_OR_WITHOUT_EFFECT = {
    "express-star-creds": "origin.any_with_credentials",
    "express-array-star": "origin.any_in_list",
    "express-credentials-string": "option.wrong_type",
}

EXPRESS_DEFAULTS = {
    "allow_origins": ["*"],
    "allow_methods": ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"],
    "allow_headers": ["*", "authorization"],
    "allow_credentials": False,
    "expose_headers": [],
    "max_age": None,
    "preflight_continue": False,
    "preflight_status": 204,
}


def problems_of(options: Any) -> list[tuple[str, str]]:
    with pytest.raises(CORSConfigError) as caught:
        read_express(options).checked_options()
    assert all(problem.hint for problem in caught.value.problems)
    return [(problem.code, problem.option) for problem in caught.value.problems]


def hint_of(options: Any) -> str:
    with pytest.raises(CORSConfigError) as caught:
        read_express(options).checked_options()
    (problem,) = caught.value.problems
    return problem.hint


def test_no_options_are_the_defaults_of_express() -> None:
    assert read_express({}).checked_options() == EXPRESS_DEFAULTS
    assert CORSPolicy(**read_express({}).checked_options()).allow_origins == ("*",)


@pytest.mark.parametrize("case", sorted(EXPRESS_CASES))
def test_the_recorded_configurations_of_express_make_a_policy_or_say_why_not(case: str) -> None:
    code = UNSAFE_OR_WITHOUT_EFFECT.get(case)
    if code is None:
        CORSPolicy(**read_express(EXPRESS_CASES[case]).checked_options())
    else:
        assert [found for found, _ in problems_of(EXPRESS_CASES[case])] == [code]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"origin": "*"}, {"allow_origins": ["*"]}),
        ({"origin": True}, {"allow_origins": ["*"]}),
        ({"origin": False}, {"allow_origins": []}),
        (
            {"origin": False, "credentials": True},
            {"allow_origins": [], "allow_credentials": True, "allow_headers": ["*"]},
        ),
        ({"origin": []}, {"allow_origins": []}),
        ({"origin": "https://a.test"}, {"allow_origins": ["https://a.test"]}),
        (
            {"origin": ["https://a.test", "http://[::1]:80"]},
            {"allow_origins": ["https://a.test", "http://[::1]:80"]},
        ),
        ({"origin": "https://*.a.test"}, {"allow_origins": ["https://*.a.test"]}),
        ({"methods": "GET, PUT,,x-a "}, {"allow_methods": ["GET", "PUT", "x-a"]}),
        ({"methods": ("PUT",)}, {"allow_methods": ["PUT"]}),
        ({"methods": []}, {"allow_methods": []}),
        ({"methods": ""}, {"allow_methods": []}),
        ({"allowedHeaders": "x-a,x-b"}, {"allow_headers": ["x-a", "x-b"]}),
        ({"allowedHeaders": ["x-a"]}, {"allow_headers": ["x-a"]}),
        ({"allowedHeaders": []}, {"allow_headers": []}),
        ({"allowedHeaders": ""}, {"allow_headers": ["*", "authorization"]}),
        ({"allowedHeaders": None}, {"allow_headers": ["*", "authorization"]}),
        ({"headers": ["x-a"]}, {"allow_headers": ["x-a"]}),
        ({"headers": [], "allowedHeaders": None}, {"allow_headers": []}),
        ({"exposedHeaders": "x-a"}, {"expose_headers": ["x-a"]}),
        ({"exposedHeaders": ["x-a", "x-b"]}, {"expose_headers": ["x-a", "x-b"]}),
        ({"exposedHeaders": None}, {"expose_headers": []}),
        ({"credentials": None}, {"allow_credentials": False}),
        ({"maxAge": 0}, {"max_age": 0}),
        ({"maxAge": "600"}, {"max_age": 600}),
        ({"maxAge": 600.0}, {"max_age": 600}),
        ({"maxAge": None}, {"max_age": None}),
        ({"maxAge": ""}, {"max_age": None}),
        ({"preflightContinue": True}, {"preflight_continue": True}),
        ({"optionsSuccessStatus": 200}, {"preflight_status": 200}),
    ],
)
def test_an_option_means_what_it_means_in_express(
    given: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert read_express(given).checked_options() == EXPRESS_DEFAULTS | expected


@pytest.mark.parametrize(
    ("given", "code", "option"),
    [
        ({"credentials": True}, "origin.any_with_credentials", "origin"),
        ({"origin": True, "credentials": True}, "origin.any_with_credentials", "origin"),
        (
            {"origin": re.compile(r"^https?://.+$"), "credentials": True},
            "origin.any_with_credentials",
            "origin",
        ),
        ({"origin": None}, "option.empty", "origin"),
        ({"origin": ""}, "option.empty", "origin"),
        ({"origin": 1}, "option.wrong_type", "origin"),
        ({"origin": b"https://a.test"}, "option.wrong_type", "origin"),
        ({"origin": {"https://a.test": True}}, "option.wrong_type", "origin"),
        ({"origin": [None]}, "option.wrong_type", "origin"),
        ({"origin": [True]}, "option.wrong_type", "origin"),
        ({"origin": [len]}, "option.wrong_type", "origin"),
        ({"origin": [["https://a.test"]]}, "option.wrong_type", "origin"),
        ({"origin": re.compile(rb"^https://a\.test$")}, "option.wrong_type", "origin"),
        ({"origin": "https://a.test,https://b.test"}, "origin.invalid", "origin"),
        ({"origin": ["*", "https://a.test"]}, "origin.any_in_list", "origin"),
        ({"methods": None}, "option.wrong_type", "methods"),
        ({"methods": 7}, "option.wrong_type", "methods"),
        ({"allowedHeaders": ["x-a", 7]}, "option.wrong_type", "allowedHeaders"),
        ({"allowedHeaders": ["x-a"], "headers": ["x-b"]}, "option.conflict", "headers"),
        ({"exposedHeaders": True}, "option.wrong_type", "exposedHeaders"),
        ({"credentials": "true"}, "option.wrong_type", "credentials"),
        ({"credentials": 1}, "option.wrong_type", "credentials"),
        ({"maxAge": "abc"}, "option.wrong_type", "maxAge"),
        ({"maxAge": 1.5}, "option.wrong_type", "maxAge"),
        ({"maxAge": float("nan")}, "option.wrong_type", "maxAge"),
        ({"maxAge": True}, "option.wrong_type", "maxAge"),
        ({"preflightContinue": "false"}, "option.wrong_type", "preflightContinue"),
        ({"optionsSuccessStatus": None}, "option.wrong_type", "optionsSuccessStatus"),
        ({"optionsSuccessStatus": "204"}, "option.wrong_type", "optionsSuccessStatus"),
        ({"colour": "red"}, "option.unknown", "colour"),
        (None, "option.wrong_type", "options"),
        (lambda request, callback: None, "option.wrong_type", "options"),
    ],
)
def test_one_mistake_is_one_error_with_the_name_that_express_has_for_the_option(
    given: Any, code: str, option: str
) -> None:
    assert problems_of(given) == [(code, option)]


def test_all_mistakes_are_found_at_once() -> None:
    given = {"origin": None, "credentials": "true", "maxAge": "abc", "colour": 1}
    assert problems_of(given) == [
        ("option.unknown", "colour"),
        ("option.wrong_type", "credentials"),
        ("option.empty", "origin"),
        ("option.wrong_type", "maxAge"),
    ]


def test_an_error_of_the_policy_comes_with_those_of_the_reading_under_the_names_of_express() -> (
    None
):
    given = {
        "origin": ["https://a.test/"],
        "headers": ["a b"],
        "maxAge": 90000,
        "credentials": "yes",
    }
    with pytest.raises(CORSConfigError) as caught:
        read_express(given).policy(CORSPolicy)
    found = {(problem.code, problem.option) for problem in caught.value.problems}
    assert found == {
        ("option.wrong_type", "credentials"),
        ("origin.invalid", "origin"),
        ("header.invalid", "headers"),
        ("max_age.out_of_bounds", "maxAge"),
    }


def test_an_origin_that_could_not_be_read_is_not_reported_as_missing_too() -> None:
    with pytest.raises(CORSConfigError) as caught:
        read_express({"origin": 7}).policy(CORSPolicy)
    assert "origin.none" not in [problem.code for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("origins", "origin"),
        ("allow_origins", "origin"),
        ("allowHeaders", "allowedHeaders"),
        ("allowMethods", "methods"),
        ("exposeHeaders", "exposedHeaders"),
        ("maxage", "maxAge"),
        ("optionSuccessStatus", "optionsSuccessStatus"),
        ("supports_credentials", "credentials"),
    ],
)
def test_an_unknown_option_is_told_its_right_name(name: str, right: str) -> None:
    assert hint_of({name: 1}) == f"write {right}"


def test_an_option_that_only_corsac_has_is_added_afterwards() -> None:
    assert "policy.replace(guard=...)" in hint_of({"guard": True})


def allow(origin: str) -> bool:
    return origin.endswith(".test")


async def allow_later(origin: str) -> bool:
    return allow(origin)


class Tenants:
    def __call__(self, origin: str) -> bool:
        return allow(origin)

    def allow(self, origin: str, path: str = "/") -> bool:
        return allow(origin) and path == "/"


@pytest.mark.parametrize(
    "function", [allow, allow_later, Tenants(), Tenants().allow, str.isascii, {}.get]
)
def test_a_function_of_one_argument_decides(function: Callable[..., object]) -> None:
    options = read_express({"origin": function, "credentials": True}).checked_options()
    assert options["allow_origin_func"] is function
    assert "allow_origins" not in options


def node_style(origin: str, callback: Callable[..., None]) -> None:
    callback(None, origin)


def node_style_with_a_default(origin: str, callback: Callable[..., None] = print) -> None:
    callback(None, origin)


@pytest.mark.parametrize(
    "function",
    [node_style, node_style_with_a_default, lambda: True, functools.partial(allow, origin="x")],
)
def test_a_function_that_wants_a_callback_is_refused_with_the_way_out(
    function: Callable[..., object],
) -> None:
    assert problems_of({"origin": function}) == [("origin.callback", "origin")]
    assert "return True or False" in hint_of({"origin": function})


@pytest.mark.parametrize(
    "options",
    [
        {"origin": ["https://*.a.test"], "credentials": True},
        {"origin": ["http://localhost:*"], "credentials": True},
        {"origin": ["https://a.test"], "methods": "*", "credentials": True},
        {"origin": ["https://a.test"], "allowedHeaders": ["*"], "credentials": True},
    ],
)
def test_nothing_is_widened_that_express_kept_shut_with_credentials(options: Any) -> None:
    with pytest.raises(CORSConfigError):
        CORSPolicy.from_express(options)
