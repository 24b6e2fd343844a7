"""``allow_timing``: whose pages see how long a response took (Fetch, "TAO check").

Every test runs on every protocol and asserts the whole set of headers, so that an extra one fails.
"""

from __future__ import annotations

import pytest

from corsac import CORSPolicy
from support.exchange import AppResponse, Exchange, Request
from support.policies import ORIGIN, OTHER

FROM_APP = {"content-type": "text/plain"}
VARY = {"vary": "Origin"}
SECOND = "https://b.example.com"
PATTERN = "https://*.wild.example"
LISTED = CORSPolicy(allow_origins=[ORIGIN, SECOND], allow_timing=True)
ECHOING = CORSPolicy(allow_origins=[PATTERN], allow_timing=True)
OF_PATTERN = "https://a.wild.example"


def allowed(origin: str) -> dict[str, str]:
    return {"access-control-allow-origin": origin}


def timing(value: str) -> dict[str, str]:
    return {"timing-allow-origin": value}


@pytest.mark.parametrize("origin", [ORIGIN, OTHER, None])
def test_a_short_list_of_exact_origins_is_sent_on_every_response(
    exchange: Exchange, origin: str | None
) -> None:
    headers = [] if origin is None else [("Origin", origin)]
    response = exchange(LISTED, Request("GET", headers))
    reads = allowed(ORIGIN) if origin == ORIGIN else {}
    assert response.header_set == FROM_APP | VARY | timing(f"{ORIGIN}, {SECOND}") | reads


@pytest.mark.parametrize("count", [8, 9])
def test_a_list_of_more_than_eight_is_not_sent_as_a_whole(exchange: Exchange, count: int) -> None:
    origins = [f"https://{number}.example.com" for number in range(count)]
    policy = CORSPolicy(allow_origins=origins, allow_timing=True)
    response = exchange(policy, Request("GET", [("Origin", origins[-1])]))
    expected = timing(", ".join(origins) if count == 8 else origins[-1])
    assert response.header_set == FROM_APP | VARY | allowed(origins[-1]) | expected
    refused = exchange(policy, Request("GET", [("Origin", OTHER)]))
    assert refused.header_set == FROM_APP | VARY | (expected if count == 8 else {})


def test_where_a_pattern_is_listed_each_allowed_origin_gets_its_own(exchange: Exchange) -> None:
    response = exchange(ECHOING, Request("GET", [("Origin", OF_PATTERN)]))
    assert response.header_set == FROM_APP | VARY | allowed(OF_PATTERN) | timing(OF_PATTERN)
    for headers in ([], [("Origin", OTHER)], [("Origin", "null")]):
        assert exchange(ECHOING, Request("GET", headers)).header_set == FROM_APP | VARY


def test_what_a_function_allows_gets_its_own(exchange: Exchange) -> None:
    policy = CORSPolicy(
        allow_origins=[ORIGIN], allow_origin_func=lambda origin: origin == OTHER, allow_timing=True
    )
    for origin in (ORIGIN, OTHER):
        response = exchange(policy, Request("GET", [("Origin", origin)]))
        assert response.header_set == FROM_APP | VARY | allowed(origin) | timing(origin)


def test_anyone_without_credentials_is_a_constant(exchange: Exchange) -> None:
    policy = CORSPolicy(allow_origins=["*"], allow_timing=True)
    for headers in ([], [("Origin", OTHER)]):
        response = exchange(policy, Request("GET", headers))
        assert response.header_set == FROM_APP | allowed("*") | timing("*")


def test_with_the_one_origin_that_is_always_sent_timing_is_too(exchange: Exchange) -> None:
    policy = CORSPolicy(allow_origins=[ORIGIN], always_send=True, allow_timing=True)
    response = exchange(policy, Request("GET", []))
    assert response.header_set == FROM_APP | allowed(ORIGIN) | timing(ORIGIN)


@pytest.mark.parametrize("more", [[ORIGIN], [], [PATTERN]])
def test_null_is_never_sent_though_it_may_read(exchange: Exchange, more: list[str]) -> None:
    policy = CORSPolicy(allow_origins=["null", *more], tolerate=["origin.null"], allow_timing=True)
    response = exchange(policy, Request("GET", [("Origin", "null")]))
    constant = timing(ORIGIN) if more == [ORIGIN] else {}
    assert response.header_set == FROM_APP | VARY | allowed("null") | constant


def test_the_answer_to_a_preflight_request_has_no_timing(exchange: Exchange) -> None:
    headers = [("Origin", ORIGIN), ("Access-Control-Request-Method", "PUT")]
    response = exchange(LISTED, Request("OPTIONS", headers))
    assert response.header_set == VARY | allowed(ORIGIN) | {"access-control-max-age": "600"}


@pytest.mark.parametrize(
    ("policy", "origin", "sent"),
    [
        (LISTED, ORIGIN, timing(f"{ORIGIN}, {SECOND}") | allowed(ORIGIN)),
        (LISTED, OTHER, timing(f"{ORIGIN}, {SECOND}")),
        (LISTED.replace(app_headers="keep"), OTHER, timing(f"{ORIGIN}, {SECOND}")),
        (ECHOING, OF_PATTERN, timing(OF_PATTERN) | allowed(OF_PATTERN)),
        (ECHOING, OTHER, {}),
        (ECHOING.replace(app_headers="keep"), OTHER, timing("*")),
        (
            ECHOING.replace(app_headers="keep"),
            OF_PATTERN,
            timing(OF_PATTERN) | allowed(OF_PATTERN),
        ),
        (ECHOING.replace(allow_timing=False), OTHER, timing("*")),
        (ECHOING.replace(allow_timing=False), OF_PATTERN, timing("*") | allowed(OF_PATTERN)),
    ],
)
def test_what_the_application_says_of_timing_is_treated_as_its_cors_headers(
    exchange: Exchange, policy: CORSPolicy, origin: str, sent: dict[str, str]
) -> None:
    app = AppResponse(headers=[("content-type", "text/plain"), ("Timing-Allow-Origin", "*")])
    response = exchange(policy, Request("GET", [("Origin", origin)]), app)
    assert response.header_set == FROM_APP | VARY | sent


def test_timing_stands_beside_what_a_refusal_is_shown_by(exchange: Exchange) -> None:
    response = exchange(LISTED, Request("GET", [("Origin", OTHER)]), debug_header=True)
    shown = {"corsac-refused": "origin-not-allowed"}
    assert response.header_set == FROM_APP | VARY | timing(f"{ORIGIN}, {SECOND}") | shown


def test_an_explanation_shows_it() -> None:
    explanation = ECHOING.explain("GET", {"Origin": OF_PATTERN})
    assert ("timing-allow-origin", OF_PATTERN) in explanation.response_headers
