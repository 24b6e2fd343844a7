"""What is said about an option that is misspelt or belongs to another library."""

from __future__ import annotations

import inspect

import pytest

from corsac import CORSPolicy
from corsac.options.names import (
    OPTION_NAMES,
    corsac_option,
    foreign_option_hint,
    nearest_name,
)


def test_every_option_of_a_policy_is_in_the_list_of_names() -> None:
    options = set(inspect.signature(CORSPolicy).parameters)
    assert options <= set(OPTION_NAMES)
    assert set(OPTION_NAMES) - options <= {"allow_origin_regex", "allow_origin_func"}


@pytest.mark.parametrize("name", OPTION_NAMES)
def test_an_options_own_name_stands_for_itself_in_every_spelling(name: str) -> None:
    first, *rest = name.split("_")
    camel = first + "".join(map(str.title, rest))
    for spelling in (name, name.upper(), f"CORS_{name.upper()}", camel, name.replace("_", "-")):
        assert corsac_option(spelling) == name


@pytest.mark.parametrize(
    ("option", "names"),
    [
        (
            "allow_origins",
            "origin origins allow_origin allowed_origins AllowedOrigins CORS_ALLOWED_ORIGINS "
            "CORS_ORIGIN_WHITELIST CORS_ORIGINS CORS_ORIGIN QUART_CORS_ALLOW_ORIGIN hosts "
            "host_wildcards Access-Control-Allow-Origin allow_orgins alow_origins",
        ),
        (
            "allow_origin_regex",
            "CORS_ALLOWED_ORIGIN_REGEXES CORS_ORIGIN_REGEX_WHITELIST allow_origins_regex",
        ),
        ("allow_origin_func", "callback AllowOriginFunc is_allowed_origin origin_callback"),
        ("allow_methods", "methods allowedMethods CORS_ALLOWED_METHODS allow_method"),
        ("allow_headers", "headers allowedHeaders CORS_ALLOWED_HEADERS CORS_HEADERS"),
        (
            "allow_credentials",
            "supports_credentials cors_allow_credentials credentials "
            "Access_Control_Allow_Credentials support_credentials",
        ),
        ("expose_headers", "exposedHeaders expose_header CORS_EXPOSE_HEADERS exposed_headers"),
        ("max_age", "maxAge CORS_PREFLIGHT_MAX_AGE preflight_max_age max_age_seconds MaxAge"),
        ("allow_private_network", "private_network CORS_ALLOW_PRIVATE_NETWORK"),
        ("preflight_status", "optionsSuccessStatus OptionsSuccessStatus"),
        ("preflight_continue", "preflightContinue OptionsPassthrough"),
    ],
)
def test_a_name_of_another_library_stands_for_an_option(option: str, names: str) -> None:
    assert {name: corsac_option(name) for name in names.split()} == dict.fromkeys(
        names.split(), option
    )
    assert {foreign_option_hint(name) for name in names.split()} == {f"write {option}"}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("CORS_ALLOW_ALL_ORIGINS", 'write allow_origins=["*"]'),
        ("CORS_ORIGIN_ALLOW_ALL", 'write allow_origins=["*"]'),
        ("allow_all", 'write allow_origins=["*"]'),
        ("vary_header", "remove it: Vary is always sent where the answer depends on the request"),
        ("send_wildcard", "remove it: a * is sent wherever it is correct"),
        ("automatic_options", "remove it: the middleware answers every preflight itself"),
        ("resources", "give the middleware rules=[(path, policy)]"),
        ("CORS_URLS_REGEX", "give the middleware rules=[(path, policy)]"),
    ],
)
def test_a_name_without_one_counterpart_gets_the_way_out(name: str, hint: str) -> None:
    assert foreign_option_hint(name) == hint


@pytest.mark.parametrize(
    "name", ["", "x", "colour", "cors_", "timeout", "app", "\ud800", "_" * 999]
)
def test_a_name_that_resembles_nothing_gets_no_hint(name: str) -> None:
    assert foreign_option_hint(name) is None
    assert corsac_option(name) is None


def test_a_switch_for_all_stands_for_the_list_it_fills_and_a_removed_option_for_none() -> None:
    assert corsac_option("allow_all_origins") == "allow_origins"
    assert corsac_option("allow_all_methods") == "allow_methods"
    assert corsac_option("vary_header") is None


def test_the_nearest_name_is_near() -> None:
    assert nearest_name("method", ["methods", "origin"]) == "methods"
    assert nearest_name("method", ["origin"]) is None
