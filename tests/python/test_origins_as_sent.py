"""Origins as browsers send them: app shells, extensions, and hosts that no registry would give."""

from __future__ import annotations

from typing import Any

import pytest

from corsac import CORSConfigError, CORSPolicy
from support.exchange import AppResponse, Exchange, Request

SENT = [
    *("app://-", "app://.", "capacitor-electron://-", "tauri://localhost", "app://Main"),
    *("https://user-.github.io", "https://-a.test", "https://a--b._.test", "http://a_b.test:8080"),
    *(
        "chrome-extension://" + "abcdefghijklmnop" * 2,
        "app://%C3%A9",
        "app://-:8080",
        "app://127.1",
    ),
    *("http://" + "a" * 70 + ".localhost:3000", "https://example.com.", "https://xn--58d6ba.test"),
    "safari-web-extension://E8CF0E9A-1B2C-4D5E-8F90-A1B2C3D4E5F6",
]
NO_ORIGIN = [
    *(
        "null",
        "",
        "*",
        "app://",
        "app://-,app://.",
        "app://- app://.",
        "app://-, app://.",
        "app://-/",
    ),
    *(
        "https://a.test,https://b.test",
        "https://a.test https://b.test",
        "https://a.test/",
        "-",
        "app",
    ),
    *("https://A.test", "https://a.test:443", "https://127.1", "http://[::01]", "https://%61.test"),
    *(
        "file://",
        "file:///a",
        "App://-",
        "app://u@-",
        "app://a|b",
        "app://-:0",
        "https://" + "a" * 319,
    ),
    *("app://\xe9", "https://\xe9.test", "app://a\tb"),
]


class Asked:
    """A function that allows everything, and remembers what it was asked."""

    def __init__(self) -> None:
        self.origins: list[str] = []

    def __call__(self, origin: str) -> bool:
        self.origins.append(origin)
        return True


def headers_for(exchange: Exchange, policy: CORSPolicy, origin: str) -> dict[str, str]:
    response = exchange(policy, Request("GET", [("Origin", origin)]), AppResponse(headers=[]))
    assert response.app_called
    return response.header_set


def allowed(origin: str) -> dict[str, str]:
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
        "vary": "Origin",
    }


@pytest.mark.parametrize("origin", SENT)
def test_what_browsers_send_can_be_listed(exchange: Exchange, origin: str) -> None:
    policy = CORSPolicy(
        allow_origins=[origin],
        allow_credentials=True,
        tolerate=["origin.insecure_with_credentials"],
    )
    assert headers_for(exchange, policy, origin) == allowed(origin)
    for other in (origin + ".", origin.upper(), origin + "x", origin[:-1], f"{origin}, {origin}"):
        assert headers_for(exchange, policy, other) == {"vary": "Origin"}


@pytest.mark.parametrize("origin", SENT)
def test_functions_and_expressions_are_asked_about_what_browsers_send(
    exchange: Exchange, origin: str
) -> None:
    asked = Asked()
    options: list[dict[str, Any]] = [{"allow_origin_func": asked}]
    options += [{"allow_origin_regex": ".*", "tolerate": ["origin.any_with_credentials"]}]
    for each in options:
        policy = CORSPolicy(allow_credentials=True, **each)
        assert headers_for(exchange, policy, origin) == allowed(origin)
    assert asked.origins == [origin]


@pytest.mark.parametrize("origin", NO_ORIGIN)
def test_they_are_not_asked_about_what_is_not_one_origin(exchange: Exchange, origin: str) -> None:
    asked = Asked()
    policy = CORSPolicy(allow_origin_func=asked, allow_credentials=True)
    assert headers_for(exchange, policy, origin) == {"vary": "Origin"}
    regex = CORSPolicy(
        allow_origin_regex=".*", allow_credentials=True, tolerate=["origin.any_with_credentials"]
    )
    assert headers_for(exchange, regex, origin) == {"vary": "Origin"}
    assert asked.origins == []


@pytest.mark.parametrize(
    ("entry", "hint"),
    [
        ("https://User-.github.io/", 'did you mean "https://user-.github.io"?'),
        ("https://user-.github.io:443", 'did you mean "https://user-.github.io"?'),
        ("App://Main/", 'did you mean "app://Main"?'),
        ("http://127.1:8080", 'write "http://127.0.0.1:8080" if that address is meant'),
        ("http://[::01]", 'did you mean "http://[::1]"?'),
        ("app://[::01]", 'did you mean "app://[::1]"?'),
        ("https://\u13a0\u13b5.test", 'did you mean "https://xn--'),
    ],
)
def test_another_spelling_is_an_error_that_says_what_browsers_send(entry: str, hint: str) -> None:
    with pytest.raises(CORSConfigError) as caught:
        CORSPolicy(allow_origins=[entry])
    (problem,) = caught.value.problems
    assert problem.hint.startswith(hint)


@pytest.mark.parametrize(
    "entry", ["app://*", "app://a*", "https://a.test$", "https://a.test;b.test"]
)
def test_what_is_no_origin_but_a_mistake_stays_an_error(entry: str) -> None:
    with pytest.raises(CORSConfigError) as caught:
        CORSPolicy(allow_origins=[entry])
    assert [problem.code for problem in caught.value.problems] == ["origin.invalid"]


def test_a_pattern_stands_for_labels_as_browsers_send_them(exchange: Exchange) -> None:
    policy = CORSPolicy(allow_origins=["https://*.a.test", "app://-:*"], allow_credentials=True)
    for origin in ("https://-x-.a.test", "https://_.--.a.test", "app://-", "app://-:8080"):
        assert headers_for(exchange, policy, origin) == allowed(origin)
    for origin in (
        "https://$.a.test",
        "https://.a.test",
        "https://X.a.test",
        "app://x",
        "app://-:0",
    ):
        assert headers_for(exchange, policy, origin) == {"vary": "Origin"}


@pytest.mark.parametrize(
    "origin",
    ["https://a..test", "https://.a.test", "https://a$.test", "https://a!b", "https://xn--.test"],
)
def test_what_no_page_can_come_from_cannot_be_listed_though_functions_are_asked_about_it(
    exchange: Exchange, origin: str
) -> None:
    # The URL standard's host parser takes the bytes, so that a client may send them; no resolver
    # finds them, and what stands behind `xn--` only Unicode's tables know. A function decides; a
    # list with such an entry is a mistake.
    with pytest.raises(CORSConfigError) as caught:
        CORSPolicy(allow_origins=[origin])
    assert [problem.code for problem in caught.value.problems] == ["origin.invalid"]
    asked = Asked()
    policy = CORSPolicy(allow_origin_func=asked, allow_credentials=True)
    assert headers_for(exchange, policy, origin) == allowed(origin)
    assert asked.origins == [origin]
