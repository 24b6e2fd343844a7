"""The guard: what is refused before the application runs.

Every test runs on every protocol and asserts the whole set of headers, so that an extra one fails.
"""

from __future__ import annotations

import pytest

from corsac import CORSPolicy
from support.exchange import Exchange, Request
from support.policies import (
    ORIGIN,
    OTHER,
    refused_with,
)

GUARDED = CORSPolicy(allow_origins=[ORIGIN], guard=True)


@pytest.mark.parametrize(
    "headers",
    [
        [("Origin", OTHER)],
        [("Origin", OTHER), ("Host", "api.example.com")],
        [("Sec-Fetch-Site", "cross-site")],
        [("Sec-Fetch-Site", "same-site"), ("Origin", OTHER)],
        [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "same-origin")],
        [("Origin", ORIGIN), ("Origin", ORIGIN)],
        [("Origin", "null")],
    ],
)
def test_the_guard_refuses_unsafe_cross_origin_requests_before_the_application(
    exchange: Exchange, headers: list[tuple[str, str]]
) -> None:
    response = exchange(GUARDED, Request("POST", headers))
    assert (response.status, response.app_called) == (403, False)
    assert response.body == b"cross-origin-request"
    assert response.header_set == refused_with("cross-origin-request")
    assert exchange(GUARDED, Request("GET", headers)).app_called


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Origin", ORIGIN)],
        [("Origin", "https://api.example.com"), ("Host", "api.example.com")],
        [("Origin", "https://api.example.com"), ("Host", "API.example.com:443")],
        [("Origin", "null"), ("Sec-Fetch-Site", "same-origin")],
        [("Sec-Fetch-Site", "none")],
    ],
)
def test_the_guard_lets_same_origin_trusted_and_non_browser_requests_through(
    exchange: Exchange, headers: list[tuple[str, str]]
) -> None:
    assert exchange(GUARDED, Request("POST", headers)).app_called
