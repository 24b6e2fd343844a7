"""One request under a policy, as the core decides it for middleware like Django's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import corsac
from corsac import _core
from support.policies import ORIGIN, POLICY
from support.properties import examples

KEYS = [
    "HTTP_ORIGIN",
    "HTTP_ACCESS_CONTROL_REQUEST_METHOD",
    "HTTP_ACCESS_CONTROL_REQUEST_HEADERS",
    "HTTP_ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK",
    "HTTP_SEC_FETCH_SITE",
    "HTTP_HOST",
]
ASKED = corsac.CORSPolicy(allow_origin_func=lambda origin: origin == ORIGIN)
GUARDED = POLICY.replace(guard=True)


def decide(
    policy: corsac.CORSPolicy, method: str, environ: dict[str, Any], answer: bool | None = None
) -> tuple[int, list[tuple[str, str]], str, bytes, str, bool, str]:
    outcome = _core.decide_request(policy._compiled, method, environ, answer)
    assert isinstance(outcome, tuple)
    return outcome[:-1]


def test_an_allowed_actual_request_runs_and_has_headers_set() -> None:
    assert decide(POLICY, "GET", {"HTTP_ORIGIN": ORIGIN}) == (
        0,
        [
            ("access-control-allow-origin", ORIGIN),
            ("access-control-allow-credentials", "true"),
            ("access-control-expose-headers", "ETag, X-Request-ID"),
        ],
        "Origin",
        b"",
        "actual",
        True,
        "",
    )
    assert decide(POLICY, "GET", {}) == (0, [], "Origin", b"", "not-cors", False, "")


def test_a_function_is_asked_and_an_answer_from_elsewhere_counts() -> None:
    assert decide(ASKED, "GET", {"HTTP_ORIGIN": ORIGIN})[5] is True
    assert decide(ASKED, "GET", {"HTTP_ORIGIN": ORIGIN}, False)[5] is False
    assert decide(ASKED, "GET", {"HTTP_ORIGIN": "https://b.example"})[5] is False
    assert decide(ASKED, "GET", {"HTTP_ORIGIN": "https://b.example"}, True)[5] is True
    assert decide(POLICY, "GET", {"HTTP_ORIGIN": "https://b.example"}, True)[5] is True
    assert decide(GUARDED, "POST", {"HTTP_ORIGIN": "https://b.example"}, True)[0] == 0


@pytest.mark.parametrize(
    "origin", ["null", f"{ORIGIN},{ORIGIN}", "", f"{ORIGIN}/", "https://\u4f8b.example", "\udc80"]
)
def test_an_answer_never_counts_for_what_is_no_origin_of_a_page(origin: str) -> None:
    assert decide(POLICY, "GET", {"HTTP_ORIGIN": origin}, True)[5] is False
    assert decide(GUARDED, "POST", {"HTTP_ORIGIN": origin}, True)[0] == 403


def test_an_exception_of_a_function_refuses() -> None:
    def broken(origin: str) -> bool:
        raise LookupError(origin)

    policy = corsac.CORSPolicy(allow_origin_func=broken)
    assert decide(policy, "GET", {"HTTP_ORIGIN": ORIGIN})[6] == "origin-not-allowed"


def test_the_policy_of_a_path_is_found() -> None:
    routing, problems = _core.compile_routing(
        fallback=None, patterns=["/api/*"], policies=[POLICY._compiled]
    )
    assert routing is not None
    assert problems == []
    assert _core.select_policy(routing, "/api/\udc80") == (POLICY._compiled, "/api/*")
    assert _core.select_policy(routing, "/apix") == (None, "default")


@examples(300)
@given(
    st.sampled_from([POLICY, ASKED, GUARDED, POLICY.replace(preflight_continue=True)]),
    st.sampled_from(["GET", "POST", "OPTIONS", "", "\udcff"]),
    st.dictionaries(
        st.sampled_from(KEYS),
        st.text(max_size=20) | st.sampled_from([ORIGIN, "PUT", "true"]) | st.none(),
    ),
    st.sampled_from([None, True, False]),
)
def test_whatever_comes_gets_an_outcome(
    policy: corsac.CORSPolicy, method: str, environ: dict[str, Any], answer: bool | None
) -> None:
    try:
        method.encode()
    except UnicodeEncodeError:
        with pytest.raises((TypeError, UnicodeError)):
            decide(policy, method, environ, answer)
        return
    status, headers, _, _, _, allowed, reason = decide(policy, method, environ, answer)
    assert status in (0, 204, 403)
    assert (status == 403) <= (reason != "")
    names = [name for name, _ in headers]
    assert len(names) == len(set(names))
    assert ("access-control-allow-origin" in names) <= allowed
    assert all("\r" not in value and "\n" not in value for _, value in headers)
