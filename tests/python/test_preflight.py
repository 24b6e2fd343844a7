"""The answer to a preflight request.

Every test runs on every protocol and asserts the whole set of headers, so that an extra one fails.
"""

from __future__ import annotations

import pytest

from corsac import CORSPolicy
from support.exchange import AppResponse, Exchange, Request
from support.policies import (
    ANYONE,
    ORIGIN,
    OTHER,
    POLICY,
    PREFLIGHT,
    refused_with,
)


def preflight(origin: str = ORIGIN, method: str = "PUT", **headers: str) -> Request:
    lines = {"Origin": origin, "Access-Control-Request-Method": method} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return Request("OPTIONS", list(lines.items()))


@pytest.mark.parametrize("method", ["PUT", "DELETE", "GET", "HEAD", "POST", "PATCH", "put"])
def test_a_preflight_from_an_allowed_origin_gets_the_whole_static_answer(
    exchange: Exchange, method: str
) -> None:
    response = exchange(POLICY, preflight(method=method))
    assert (response.status, response.body, response.app_called) == (204, b"", False)
    assert response.header_set == PREFLIGHT


def test_an_unlisted_request_header_still_gets_the_whole_answer(exchange: Exchange) -> None:
    response = exchange(POLICY, preflight(Access_Control_Request_Headers="x-unlisted"))
    assert (response.status, response.header_set) == (204, PREFLIGHT)


def test_the_express_configuration_of_most_explainers_answers_as_it_should(
    exchange: Exchange,
) -> None:
    policy = CORSPolicy(
        allow_origins=["https://example.com"],
        allow_methods=["GET", "POST", "PUT"],
        allow_headers=["Content-Type", "Authorization"],
        allow_credentials=True,
        preflight_status=204,
    )
    request = preflight("https://example.com", Access_Control_Request_Headers="content-type")
    response = exchange(policy, request)
    assert (response.status, response.body, response.app_called) == (204, b"", False)
    assert response.header_set == {
        "access-control-allow-origin": "https://example.com",
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET, POST, PUT",
        "access-control-allow-headers": "Content-Type, Authorization",
        "access-control-max-age": "600",
        "vary": "Origin",
    }


def test_a_minimal_policy_sends_a_minimal_preflight_answer(exchange: Exchange) -> None:
    response = exchange(CORSPolicy(allow_origins=[ORIGIN], max_age=None), preflight())
    assert response.status == 204
    assert response.header_set == {"access-control-allow-origin": ORIGIN, "vary": "Origin"}


def test_a_preflight_status_other_than_204_says_that_it_has_no_body(exchange: Exchange) -> None:
    policy = CORSPolicy(allow_origins=[ORIGIN], max_age=None, preflight_status=200)
    response = exchange(policy, preflight())
    assert (response.status, response.body) == (200, b"")
    assert response.header_set == {
        "access-control-allow-origin": ORIGIN,
        "content-length": "0",
        "vary": "Origin",
    }


@pytest.mark.parametrize(
    ("origin", "reason"),
    [
        (OTHER, "origin-not-allowed"),
        ("null", "origin-not-allowed"),
        ("", "origin-malformed"),
        (f"{ORIGIN}, {ORIGIN}", "origin-malformed"),
        (f"{ORIGIN} {ORIGIN}", "origin-malformed"),
        ("https://b\xfccher.example", "origin-malformed"),
        ("https://" + "a" * 65536, "origin-malformed"),
    ],
)
def test_a_preflight_from_a_refused_origin_is_a_403_with_the_reason(
    exchange: Exchange, origin: str, reason: str
) -> None:
    response = exchange(POLICY, preflight(origin))
    assert (response.status, response.body, response.app_called) == (403, reason.encode(), False)
    assert response.header_set == refused_with(reason)


@pytest.mark.parametrize("method", ["", "PUT ", "FOO BAR", "PUT, PATCH", "P\xdcT"])
def test_a_preflight_for_what_is_no_method_is_a_403_with_the_reason(
    exchange: Exchange, method: str
) -> None:
    response = exchange(POLICY, preflight(method=method))
    assert (response.status, response.app_called) == (403, False)
    assert response.body == b"request-method-malformed"
    assert response.header_set == refused_with("request-method-malformed")


def test_two_origin_lines_are_never_allowed_even_if_both_would_be(exchange: Exchange) -> None:
    lines = [("Origin", ORIGIN), ("Origin", ORIGIN), ("Access-Control-Request-Method", "PUT")]
    response = exchange(POLICY, Request("OPTIONS", lines))
    assert (response.status, response.body) == (403, b"origin-malformed")
    assert response.header_set == refused_with("origin-malformed")


def test_two_request_method_lines_are_no_method(exchange: Exchange) -> None:
    lines = [
        ("Origin", ORIGIN),
        ("Access-Control-Request-Method", "PUT"),
        ("Access-Control-Request-Method", "PUT"),
    ]
    response = exchange(POLICY, Request("OPTIONS", lines))
    assert (response.status, response.body) == (403, b"request-method-malformed")


def test_a_policy_for_anyone_answers_preflights_with_constants(exchange: Exchange) -> None:
    policy = CORSPolicy(allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
    response = exchange(policy, preflight(Access_Control_Request_Headers="x-a"))
    assert response.header_set == {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "*",
        "access-control-allow-headers": "*",
        "access-control-max-age": "600",
    }


def test_a_malformed_preflight_is_refused_under_a_policy_for_anyone_too(exchange: Exchange) -> None:
    response = exchange(ANYONE, preflight(""))
    assert (response.status, response.body) == (403, b"origin-malformed")
    assert response.header_set == refused_with("origin-malformed", vary=None)


def test_any_header_names_authorization_only_if_the_policy_does(exchange: Exchange) -> None:
    policy = CORSPolicy(allow_origins=["*"], allow_headers=["*", "Authorization", "X-A"])
    response = exchange(policy, preflight())
    assert response.one("access-control-allow-headers") == "*, authorization"


def test_any_with_credentials_echoes_what_was_asked(exchange: Exchange) -> None:
    policy = CORSPolicy(
        allow_origins=[ORIGIN], allow_methods=["*"], allow_headers=["*"], allow_credentials=True
    )
    response = exchange(
        policy, preflight(method="PURGE", Access_Control_Request_Headers="x-a,,X-B")
    )
    assert response.header_set == {
        "access-control-allow-origin": ORIGIN,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "PURGE",
        "access-control-allow-headers": "x-a, X-B",
        "access-control-max-age": "600",
        "vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    }


@pytest.mark.parametrize("names", ["<script>", "x-a, x y", "x" * 5000, "," * 17, "x-a\x00"])
def test_nothing_is_echoed_that_is_no_bounded_list_of_tokens(
    exchange: Exchange, names: str
) -> None:
    policy = CORSPolicy(allow_origins=[ORIGIN], allow_headers=["*"], allow_credentials=True)
    response = exchange(policy, preflight(Access_Control_Request_Headers=names))
    assert response.status == 204
    assert response.all("access-control-allow-headers") == []


@pytest.mark.parametrize("method", ["TRACE", "connect", "Track", "X" * 65])
def test_a_method_that_no_page_can_send_is_not_echoed(exchange: Exchange, method: str) -> None:
    policy = CORSPolicy(allow_origins=[ORIGIN], allow_methods=["*"], allow_credentials=True)
    response = exchange(policy, preflight(method=method))
    assert response.all("access-control-allow-methods") == []


def test_a_private_network_is_allowed_only_when_asked_with_true(exchange: Exchange) -> None:
    policy = CORSPolicy(allow_origins=[ORIGIN], allow_private_network=True, max_age=None)
    base = {
        "access-control-allow-origin": ORIGIN,
        "vary": "Origin, Access-Control-Request-Private-Network",
    }
    asked = exchange(policy, preflight(Access_Control_Request_Private_Network="true"))
    assert asked.header_set == base | {"access-control-allow-private-network": "true"}
    for value in ("TRUE", "false", ""):
        response = exchange(policy, preflight(Access_Control_Request_Private_Network=value))
        assert response.header_set == base


def test_preflight_continue_lets_the_application_answer_with_the_headers_added(
    exchange: Exchange,
) -> None:
    policy = CORSPolicy(
        allow_origins=[ORIGIN], allow_methods=["PUT"], preflight_continue=True, max_age=5
    )
    app = AppResponse(
        status=299,
        headers=[
            ("Vary", "Accept"),
            ("Access-Control-Allow-Methods", "EVIL"),
            ("Access-Control-Allow-Headers", "evil"),
            ("Access-Control-Max-Age", "1"),
            ("Access-Control-Allow-Origin", "*"),
            ("X-App", "1"),
        ],
    )
    response = exchange(policy, preflight(), app)
    assert (response.status, response.app_called) == (299, True)
    assert response.header_set == {
        "x-app": "1",
        "access-control-allow-origin": ORIGIN,
        "access-control-allow-methods": "PUT",
        "access-control-max-age": "5",
        "vary": "Accept, Origin",
    }
    refused = exchange(policy, preflight(OTHER), app)
    assert (refused.status, refused.app_called) == (299, True)
    assert refused.header_set == {"x-app": "1", "vary": "Accept, Origin"}
