"""Paths with repeated slashes: some routers take several for one, and others do not."""

from __future__ import annotations

import logging

import pytest

from corsac import CORSPolicy
from support.exchange import Exchange, Request

ORIGIN = "https://app.example.com"
OPEN = CORSPolicy(allow_origins=["*"])
STRICT = CORSPolicy(allow_origins=[ORIGIN], allow_credentials=True)
FROM_THE_APP = {"content-type": "text/plain"}
ALLOWED_BY_OPEN = FROM_THE_APP | {"access-control-allow-origin": "*"}
ALLOWED_BY_STRICT = FROM_THE_APP | {
    "access-control-allow-origin": ORIGIN,
    "access-control-allow-credentials": "true",
    "vary": "Origin",
}
REFUSED = FROM_THE_APP | {"vary": "Origin"}

GUARDED = CORSPolicy(allow_origins=[ORIGIN], guard=True)


def asking(path: str, method: str = "GET", origin: str = ORIGIN, **headers: str) -> Request:
    lines = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request(method, [("Origin", origin), ("Host", "api.example.com"), *lines], path)


@pytest.mark.parametrize(
    "path", ["//api/x", "/api//admin/x", "///api///admin//x", "/api//admin", "//api"]
)
def test_neither_policy_answers_where_repeated_slashes_choose_between_two(
    exchange: Exchange, path: str
) -> None:
    rules = [("/api/admin/*", STRICT), ("/api/*", OPEN)]
    response = exchange(None, asking(path), rules=rules)
    assert (response.header_set, response.app_called) == (REFUSED, True)


@pytest.mark.parametrize("path", ["/x//y", "//other", "/api/x//y", "/api/x//"])
def test_repeated_slashes_that_choose_nothing_change_nothing(exchange: Exchange, path: str) -> None:
    response = exchange(OPEN, asking(path), rules=[("/api/*", OPEN)])
    assert response.header_set == ALLOWED_BY_OPEN
    response = exchange(None, asking(f"/raw{path}"), rules=[("/raw/*", None), ("/api/*", OPEN)])
    assert response.header_set == FROM_THE_APP


def test_a_path_left_alone_is_closed_where_merged_slashes_would_give_it_a_policy(
    exchange: Exchange,
) -> None:
    response = exchange(None, asking("//api/x"), rules=[("/api/*", STRICT)])
    assert response.header_set == REFUSED


def test_a_rule_that_names_repeated_slashes_decides_them(exchange: Exchange) -> None:
    response = exchange(OPEN, asking("//cdn/x"), rules=[("//cdn/*", STRICT)])
    assert response.header_set == ALLOWED_BY_STRICT


def test_more_slashes_than_are_read_are_closed(exchange: Exchange) -> None:
    response = exchange(OPEN, asking("/" * 5000 + "x"), rules=[("/api/*", STRICT)])
    assert response.header_set == REFUSED


def test_the_preflight_of_an_ambiguous_path_says_why_it_is_refused(exchange: Exchange) -> None:
    request = asking("//api/x", "OPTIONS", access_control_request_method="PUT")
    response = exchange(OPEN, request, rules=[("/api/*", STRICT)])
    assert (response.status, response.body, response.app_called) == (403, b"path-ambiguous", False)
    assert response.header_set == {
        "content-type": "text/plain; charset=utf-8",
        "content-length": "14",
        "vary": "Origin",
    }


def test_no_slash_leads_around_the_guard(exchange: Exchange) -> None:
    request = asking("//api/x", "POST", "https://evil.example")
    response = exchange(OPEN, request, rules=[("/api/*", GUARDED)])
    assert (response.status, response.body, response.app_called) == (
        403,
        b"cross-origin-request",
        False,
    )


def test_the_log_says_that_the_path_was_the_reason(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "corsac"):
        exchange(OPEN, asking("//api/x"), rules=[("/api/*", STRICT)])
    (record,) = caplog.records
    assert record.getMessage().startswith("CORS: refused path-ambiguous: origin")
    assert "'//api/x'" in record.getMessage()
