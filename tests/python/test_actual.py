"""The response to a request that is no preflight.

Every test runs on every protocol and asserts the whole set of headers, so that an extra one fails.
"""

from __future__ import annotations

import pytest

from corsac import CORSPolicy
from support.exchange import AppResponse, Exchange, Request
from support.policies import (
    ALLOWED,
    ANYONE,
    ANYONE_HEADERS,
    APP_HEADERS,
    ORIGIN,
    OTHER,
    POLICY,
)


@pytest.mark.parametrize(
    "headers",
    [
        [("Origin", ORIGIN)],
        [("Access-Control-Request-Method", "PUT")],
        [("Origin", ORIGIN), ("Access-Control-Request-Headers", "x-a")],
    ],
)
def test_an_options_request_that_is_no_preflight_reaches_the_application(
    exchange: Exchange, headers: list[tuple[str, str]]
) -> None:
    response = exchange(POLICY, Request("OPTIONS", headers))
    assert (response.status, response.app_called) == (200, True)


def test_only_the_exact_method_options_is_a_preflight(exchange: Exchange) -> None:
    lines = [("Origin", ORIGIN), ("Access-Control-Request-Method", "PUT")]
    request = Request("options", lines)
    assert exchange(POLICY, request).app_called


@pytest.mark.parametrize("status", [200, 204, 301, 304, 401, 404, 405, 422, 500, 503])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH"])
def test_a_request_from_an_allowed_origin_is_readable_whatever_its_status(
    exchange: Exchange, status: int, method: str
) -> None:
    response = exchange(POLICY, Request(method, [("Origin", ORIGIN)]), AppResponse(status))
    assert (response.status, response.body, response.app_called) == (status, b"from the app", True)
    assert response.header_set == APP_HEADERS | ALLOWED


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Origin", OTHER)],
        [("Origin", "null")],
        [("Origin", "")],
        [("Origin", ORIGIN), ("Origin", ORIGIN)],
        [("Origin", f"{ORIGIN},{ORIGIN}")],
        [("Origin", ORIGIN.upper())],
        [("Origin", f"{ORIGIN}/")],
        [("Origin", "https://" + "a" * 65536)],
        [("Origin", "\xff\xfe")],
    ],
)
def test_a_request_from_any_other_origin_runs_and_gets_nothing_but_vary(
    exchange: Exchange, headers: list[tuple[str, str]]
) -> None:
    response = exchange(POLICY, Request("GET", headers))
    assert (response.status, response.app_called) == (200, True)
    assert response.header_set == APP_HEADERS | {"vary": "Origin"}


@pytest.mark.parametrize(
    "headers", [[], [("Origin", OTHER)], [("Origin", "null")], [("Origin", "")]]
)
def test_a_policy_for_anyone_sends_the_same_constants_to_everybody(
    exchange: Exchange, headers: list[tuple[str, str]]
) -> None:
    response = exchange(ANYONE, Request("GET", headers))
    assert response.header_set == APP_HEADERS | ANYONE_HEADERS


def test_headers_that_the_application_set_are_replaced_in_any_letter_case(
    exchange: Exchange,
) -> None:
    app = AppResponse(
        headers=[
            ("Access-Control-Allow-Origin", "*"),
            ("access-control-allow-origin", "https://evil.example"),
            ("ACCESS-CONTROL-ALLOW-CREDENTIALS", "false"),
            ("Access-Control-Expose-Headers", "X-Secret"),
            ("X-App", "1"),
        ]
    )
    response = exchange(POLICY, Request("GET", [("Origin", ORIGIN)]), app)
    assert response.header_set == {"x-app": "1"} | ALLOWED
    for headers in ([], [("Origin", OTHER)]):
        refused = exchange(POLICY, Request("GET", headers), app)
        assert refused.header_set == {"x-app": "1", "vary": "Origin"}
    anyone = exchange(ANYONE, Request("GET", []), app)
    assert anyone.header_set == {"x-app": "1"} | ANYONE_HEADERS


def test_any_site_with_credentials_must_be_tolerated_and_is_never_null(exchange: Exchange) -> None:
    policy = CORSPolicy(
        allow_origins=["*"], allow_credentials=True, tolerate=["origin.any_with_credentials"]
    )
    response = exchange(policy, Request("GET", [("Origin", OTHER)]))
    assert response.header_set == APP_HEADERS | {
        "access-control-allow-origin": OTHER,
        "access-control-allow-credentials": "true",
        "vary": "Origin",
    }
    opaque = exchange(policy, Request("GET", [("Origin", "null")]))
    assert opaque.header_set == APP_HEADERS | {"vary": "Origin"}


# Vary


@pytest.mark.parametrize(
    ("lines", "merged"),
    [
        (["Accept-Encoding"], ["Accept-Encoding, Origin"]),
        (["Accept-Encoding", "Accept-Language"], ["Accept-Encoding, Accept-Language, Origin"]),
        (["accept, ORIGIN"], ["accept, ORIGIN"]),
        (["Accept", "origin"], ["Accept", "origin"]),
        (["*"], ["*"]),
        (["Accept", "*"], ["Accept", "*"]),
        ([""], ["Origin"]),
        (["X-Origin, Origin-X"], ["X-Origin, Origin-X, Origin"]),
    ],
)
@pytest.mark.parametrize("origin", [ORIGIN, OTHER, None])
def test_vary_is_merged_without_duplicates_and_never_overwritten(
    exchange: Exchange, lines: list[str], merged: list[str], origin: str | None
) -> None:
    app = AppResponse(headers=[("Vary", line) for line in lines])
    headers = [("Origin", origin)] if origin else []
    response = exchange(POLICY, Request("GET", headers), app)
    assert response.all("vary") == merged


def test_many_lines_of_vary_become_one_where_the_first_stood(exchange: Exchange) -> None:
    numbers = range(2000)
    lines = [line for n in numbers for line in (("vary", f"x-{n}"), (f"y-{n}", "1"))]
    app = AppResponse(headers=[("x-app", "1"), *lines, ("Vary", " "), ("x-last", "1")])
    response = exchange(POLICY, Request("GET", [("Origin", OTHER)]), app)
    merged = ", ".join([*(f"x-{n}" for n in numbers), "Origin"])
    others = [(f"y-{n}", "1") for n in numbers]
    assert response.headers == [("x-app", "1"), ("vary", merged), *others, ("x-last", "1")]


@pytest.mark.parametrize("end", ["", ",  ORIGIN", ", *", ", \xe9", ", Originx", ", * x"])
def test_a_long_vary_is_looked_through_to_its_end(exchange: Exchange, end: str) -> None:
    value = ",".join(f"x-{n}-origin" for n in range(5000)) + end
    app = AppResponse(headers=[("Vary", value)])
    response = exchange(POLICY, Request("GET", [("Origin", OTHER)]), app)
    covered = end in {",  ORIGIN", ", *"}
    assert response.headers == [("vary", value if covered else f"{value}, Origin")]


def test_a_policy_for_anyone_leaves_the_applications_vary_alone(exchange: Exchange) -> None:
    app = AppResponse(headers=[("Vary", "Accept"), ("Vary", "Cookie")])
    response = exchange(ANYONE, Request("GET", [("Origin", ORIGIN)]), app)
    assert response.all("vary") == ["Accept", "Cookie"]
