"""A preflight request of an allowed origin that the browser refuses: the same answer, and said."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from corsac import CORSPolicy, Refusal
from corsac.refusals.log import MAX_LOGGED_LENGTH
from support.exchange import Request
from support.refused import ORIGIN, POLICY, MakeObserved, Observed, preflight

LISTED = CORSPolicy(allow_origins=[ORIGIN], allow_methods=["PUT"], allow_headers=["x-one"])
ANSWER = [
    ("access-control-allow-origin", ORIGIN),
    ("access-control-allow-methods", "PUT"),
    ("access-control-allow-headers", "x-one"),
    ("access-control-max-age", "600"),
    ("vary", "Origin"),
]
LINE = (
    "CORS: refused {}: origin 'https://app.example.com', 'OPTIONS' '/items'; write {} to allow it"
    "; more such refusals are logged as INFO"
)


def told(send: Observed, request: Request) -> dict[tuple[str, str], int]:
    send(request)
    return {key: n for key, n in send.middleware.refusal_counters().items() if n}


MISSED: list[tuple[Request, str, str | None, tuple[str, ...], str]] = [
    (
        preflight("PUT", "baggage"),
        "header-not-allowed",
        None,
        ("baggage",),
        "allow_headers=[..., 'baggage']",
    ),
    (
        preflight("PUT", "baggage,traceparent,x-one"),
        "header-not-allowed",
        None,
        ("baggage", "traceparent"),
        "allow_headers=[..., 'baggage', 'traceparent']",
    ),
    (
        preflight("DELETE"),
        "method-not-allowed",
        "DELETE",
        (),
        "allow_methods=[..., 'DELETE']",
    ),
    (
        preflight("DELETE", "baggage"),
        "method-not-allowed",
        "DELETE",
        ("baggage",),
        "allow_methods=[..., 'DELETE'] and allow_headers=[..., 'baggage']",
    ),
    (
        preflight("GET", "authorization"),
        "authorization-not-listed",
        None,
        ("authorization",),
        "allow_headers=[..., 'authorization']",
    ),
]


@pytest.mark.parametrize(("request_", "reason", "method", "headers", "advice"), MISSED)
def test_it_is_answered_as_any_other_and_logged_told_and_counted(  # noqa: PLR0917
    make_observed: MakeObserved,
    caplog: pytest.LogCaptureFixture,
    request_: Request,
    reason: str,
    method: str | None,
    headers: tuple[str, ...],
    advice: str,
) -> None:
    refusals: list[Refusal] = []
    send = make_observed(policy=LISTED, on_refusal=refusals.append)
    sent = send(request_)
    assert (sent.status, sent.headers, sent.body) == (204, ANSWER, b"")
    place = (ORIGIN, "OPTIONS", "/items", "default", "preflight", False)
    assert refusals == [Refusal(reason, *place, method, headers)]
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("WARNING", LINE.format(reason, advice))
    counters = {name: n for name, n in send.middleware.counters().items() if n}
    assert counters == {"preflight_refused": 1}
    assert told(send, Request()) == {("preflight", reason): 1}


@pytest.mark.parametrize(("request_", "reason", "method", "headers", "advice"), MISSED)
def test_explain_finds_the_same_reason(
    request_: Request, reason: str, method: str | None, headers: tuple[str, ...], advice: str
) -> None:
    explanation = LISTED.explain(request_.method, request_.headers)
    assert (explanation.allowed, explanation.reason) == (False, reason)


@pytest.mark.parametrize(
    ("policy", "request_"),
    [
        (LISTED, preflight("PUT", "x-one")),
        (LISTED, preflight("POST", "X-One")),
        (LISTED, preflight("PUT", "")),
        (POLICY, preflight("DELETE", "authorization,x-two")),
        (LISTED.replace(allow_headers=["*"], allow_methods=["*"]), preflight("PATCH", "a,b")),
        (
            LISTED.replace(allow_headers=["*", "authorization"]),
            preflight("PUT", "authorization,b"),
        ),
        (
            LISTED.replace(allow_headers=["*"], allow_methods=["*"], allow_credentials=True),
            preflight("PATCH", "authorization,b"),
        ),
    ],
)
def test_what_the_browser_lets_through_is_not_a_refusal(
    make_observed: MakeObserved,
    caplog: pytest.LogCaptureFixture,
    policy: CORSPolicy,
    request_: Request,
) -> None:
    refusals: list[Refusal] = []
    send = make_observed(policy=policy, on_refusal=refusals.append)
    assert send(request_).status == 204
    assert (refusals, caplog.records) == ([], [])
    assert send.middleware.counters()["preflight_allowed"] == 1


UNREAD = {
    "two words": "x-one,two words",
    "no token": "x-one,(",
    "not ASCII": "x-one,\xe9",
    "long": "x-one," + " " * 9000,
    "many empty": "x-one,," + "," * 17,
}


@pytest.mark.parametrize("names", UNREAD.values(), ids=UNREAD)
@pytest.mark.parametrize(
    "policy",
    [
        LISTED,
        LISTED.replace(allow_headers=["*"]),
        LISTED.replace(allow_headers=["*"], allow_credentials=True),
        LISTED.replace(preflight_continue=True),
    ],
)
def test_a_list_of_headers_that_no_browser_sends_is_refused_and_names_none(
    make_observed: MakeObserved, caplog: pytest.LogCaptureFixture, policy: CORSPolicy, names: str
) -> None:
    refusals: list[Refusal] = []
    send = make_observed(policy=policy, on_refusal=refusals.append)
    request = preflight("PUT", names)
    assert send(request).headers == send(preflight("PUT", "bad one")).headers
    place = (ORIGIN, "OPTIONS", "/items", "default", "preflight", False)
    assert refusals == [Refusal("header-not-allowed", *place)] * 2
    assert caplog.messages == [
        "CORS: refused header-not-allowed: origin 'https://app.example.com', 'OPTIONS' '/items'; "
        "its Access-Control-Request-Headers is malformed, or longer than is read, as from no "
        "browser; more such refusals are logged as INFO"
    ]
    explanation = policy.explain(request.method, request.headers)
    assert (explanation.allowed, explanation.reason) == (False, "header-not-allowed")
    assert explanation.steps[-1].check == "headers"
    assert explanation.steps[-1].passed is False
    assert explanation.change is not None
    change = "send Access-Control-Request-Headers as browsers do, and shorter"
    assert explanation.change.text == change
    assert send.middleware.counters()["preflight_refused"] == 2


def test_names_beyond_the_limit_of_those_that_are_judged_are_not_allowed(
    make_observed: MakeObserved,
) -> None:
    send = make_observed(policy=LISTED)
    assert told(send, preflight("PUT", ",".join(["x-one"] * 64))) == {}
    refused = {("preflight", "header-not-allowed"): 1}
    for count in (65, 2000):
        request = preflight("PUT", ",".join(["x-one"] * count))
        assert told(make_observed(policy=LISTED), request) == refused
        assert LISTED.explain(request.method, request.headers).reason == "header-not-allowed"


@pytest.mark.parametrize(
    ("method", "advice"),
    [
        ("patch", "method: 'PATCH' in the page, since browsers send 'patch' as it is"),
        ("Query", "method: 'QUERY' in the page, since browsers send 'Query' as it is"),
        ("put", "method 'PUT' in the client, not a browser: those send it in capitals"),
    ],
)
def test_a_method_in_small_letters_is_to_be_written_in_capitals(
    make_observed: MakeObserved, caplog: pytest.LogCaptureFixture, method: str, advice: str
) -> None:
    send = make_observed(policy=LISTED)
    send(preflight(method))
    listed = f"allow_methods=[..., '{method.upper()}'] unless it is there"
    assert f"; write {advice} and {listed} to allow it; " in caplog.text
    change = LISTED.explain("OPTIONS", preflight(method).headers).change
    assert change is not None
    add = "" if method == "put" else f", and add '{method.upper()}' to allow_methods"
    assert change.text == f"write {advice}{add}"


def test_a_method_of_ones_own_in_small_letters_is_listed_as_it_is(
    make_observed: MakeObserved, caplog: pytest.LogCaptureFixture
) -> None:
    make_observed(policy=LISTED)(preflight("purge"))
    assert "; write allow_methods=[..., 'purge'] to allow it; " in caplog.text


def test_the_wildcard_without_credentials_does_not_cover_authorization(
    make_observed: MakeObserved, caplog: pytest.LogCaptureFixture
) -> None:
    policy = LISTED.replace(allow_headers=["*"])
    send = make_observed(policy=policy)
    assert told(send, preflight("PUT", "authorization,b")) == {
        ("preflight", "authorization-not-listed"): 1
    }
    assert "write allow_headers=[..., 'authorization'] to allow it" in caplog.text


def test_the_applications_own_answer_has_the_same_lists_and_is_judged_by_them(
    make_observed: MakeObserved,
) -> None:
    send = make_observed(policy=LISTED.replace(preflight_continue=True))
    sent = send(preflight("PUT", "baggage"))
    assert (sent.status, sent.body) == (200, b"from the app")
    assert sent.headers == [("x-app", "1"), ("vary", "Origin"), *ANSWER[:-1]]
    assert told(send, Request()) == {("preflight", "header-not-allowed"): 1}


def test_what_is_missing_for_the_first_time_is_said_once_each(
    make_observed: MakeObserved, caplog: pytest.LogCaptureFixture
) -> None:
    send = make_observed(policy=LISTED)
    for names in ("a", "b", "a", "a,b", "b"):
        send(preflight("PUT", names))
    send(preflight("DELETE", "a"))
    advice = [record.getMessage().partition("; write ")[2] for record in caplog.records]
    assert [each.partition(" to allow it")[0] for each in advice] == [
        "allow_headers=[..., 'a']",
        "allow_headers=[..., 'b']",
        "allow_headers=[..., 'a', 'b']",
        "allow_methods=[..., 'DELETE'] and allow_headers=[..., 'a']",
    ]
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_long_and_many_names_are_cut(
    make_observed: MakeObserved, caplog: pytest.LogCaptureFixture
) -> None:
    refusals: list[Refusal] = []
    send = make_observed(policy=LISTED, on_refusal=refusals.append)
    send(preflight("PUT", ",".join(f"x-{number}" for number in range(1000))))
    send(preflight("PUT", "x" * 8000))
    assert [len(refusal.missing_headers) for refusal in refusals] == [64, 1]
    many, long = (record.getMessage() for record in caplog.records)
    assert "'x-0', 'x-1', 'x-10'" in many
    assert ", ...] to allow it" in many
    assert long.count("x" * MAX_LOGGED_LENGTH + "'...") == 1
    assert max(len(many), len(long)) < 6 * MAX_LOGGED_LENGTH


def test_the_debug_header_names_the_reason(make_observed: MakeObserved) -> None:
    send = make_observed(policy=LISTED, debug_header=True)
    line = ("corsac-refused", "header-not-allowed")
    assert send(preflight("PUT", "baggage")).headers == [*ANSWER, line]
    assert send(preflight("PUT", "x-one")).headers == ANSWER


def test_a_policy_on_trial_that_lists_more_would_newly_allow_it(
    make_observed: MakeObserved, caplog: pytest.LogCaptureFixture
) -> None:
    wider: Any = LISTED.replace(allow_headers=["x-one", "baggage"])
    send = make_observed(policy=LISTED, report_only=wider)
    with caplog.at_level(logging.INFO, logger="corsac"):
        send(preflight("PUT", "baggage"))
    counters = send.middleware.report_only_counters()
    assert (counters["newly_allowed"], counters["newly_refused"]) == (1, 0)
    assert [record.getMessage().startswith("CORS: refused") for record in caplog.records] == [True]
    send = make_observed(policy=wider, report_only=LISTED)
    send(preflight("PUT", "baggage"))
    assert "CORS: report-only: would refuse header-not-allowed: " in caplog.text
    assert "; write allow_headers=[..., 'baggage'] to allow it" in caplog.text
