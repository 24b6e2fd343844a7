"""``debug_header``: the reason of a refusal in the response, only if somebody asks for it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import corsac
from corsac import CORSConfigError
from corsac.observers import MAX_DEBUG_HEADER_LENGTH
from support.exchange import Request, run_asgi
from support.refused import (
    ACTUAL,
    EVIL,
    FORGED,
    MALFORMED,
    ORIGIN,
    POLICY,
    REFUSED,
    MakeObserved,
    preflight,
)

LINE = ("corsac-refused", "origin-not-allowed")


def refusal_headers(reason: str) -> list[tuple[str, str]]:
    return [
        ("content-type", "text/plain; charset=utf-8"),
        ("content-length", str(len(reason))),
        ("vary", "Origin"),
    ]


def test_it_is_off_by_default(make_observed: MakeObserved) -> None:
    send = make_observed(policy=POLICY)
    assert send(REFUSED).headers == [("x-app", "1"), ("vary", "Origin")]
    assert send(preflight(origin=EVIL)).headers == refusal_headers("origin-not-allowed")


def test_what_is_refused_says_why(make_observed: MakeObserved) -> None:
    send = make_observed(policy=POLICY.replace(guard=True), debug_header=True)
    assert send(REFUSED).headers == [("x-app", "1"), ("vary", "Origin"), LINE]
    assert send(preflight(origin=EVIL)).headers == [*refusal_headers("origin-not-allowed"), LINE]
    assert send(FORGED).headers == [
        *refusal_headers("cross-origin-request"),
        ("corsac-refused", "cross-origin-request"),
    ]


def test_what_is_allowed_has_no_such_header(make_observed: MakeObserved) -> None:
    plain, send = make_observed(policy=POLICY), make_observed(policy=POLICY, debug_header=True)
    for request in (ACTUAL, preflight(), Request(path="/items")):
        assert send(request) == plain(request)


def test_it_may_have_another_name(make_observed: MakeObserved) -> None:
    send = make_observed(policy=POLICY, debug_header="X-Why")
    assert send.middleware.debug_header == "x-why"
    assert send(REFUSED).headers[-1] == ("x-why", "origin-not-allowed")


def test_there_is_exactly_one_whatever_the_application_sent(make_observed: MakeObserved) -> None:
    send = make_observed(
        ("Corsac-Refused", "no"), ("vary", "Accept"), policy=POLICY, debug_header=True
    )
    assert send(REFUSED).headers == [("vary", "Accept, Origin"), LINE]
    assert send(ACTUAL).headers[0] == ("corsac-refused", "no")


def test_a_policy_for_anyone_says_it_too(make_observed: MakeObserved) -> None:
    send = make_observed(allow_origins=["*"], debug_header=True)
    assert send(MALFORMED).headers == [
        ("x-app", "1"),
        ("vary", "Origin"),
        ("access-control-allow-origin", "*"),
        ("corsac-refused", "origin-malformed"),
    ]
    assert send(ACTUAL).headers == [("x-app", "1"), ("access-control-allow-origin", "*")]


def test_it_is_for_one_origin_also_where_all_else_is_for_everybody(
    make_observed: MakeObserved,
) -> None:
    policy = corsac.CORSPolicy(
        allow_origins=[ORIGIN], always_send=True, guard=corsac.Guard(isolate_reads=True)
    )
    send = make_observed(("vary", "Accept"), policy=policy, debug_header=True)
    metadata = "Sec-Fetch-Site, Sec-Fetch-Mode, Sec-Fetch-Dest"
    origin = ("access-control-allow-origin", ORIGIN)
    assert send(REFUSED).headers == [("vary", f"Accept, Origin, {metadata}"), origin, LINE]
    assert send(ACTUAL).headers == [("vary", f"Accept, {metadata}"), origin]
    post = dataclasses.replace(REFUSED, method="POST", headers=[("origin", ORIGIN)])
    assert send(post).headers == [("vary", "Accept"), origin]


def test_it_goes_onto_the_applications_answer_to_a_preflight(make_observed: MakeObserved) -> None:
    send = make_observed(policy=POLICY.replace(preflight_continue=True), debug_header=True)
    assert send(preflight(origin=EVIL)).headers == [("x-app", "1"), ("vary", "Origin"), LINE]


@pytest.mark.parametrize("debug_header", [False, True])
def test_a_refused_handshake_says_it_if_the_server_can(debug_header: bool) -> None:
    middleware = corsac.CORSMiddleware(
        print,  # type: ignore[arg-type]
        POLICY.replace(guard=True),
        debug_header=debug_header,
    )
    scope = {"type": "websocket", "path": "/", "headers": [(b"origin", EVIL.encode())]}
    start, _ = run_asgi(middleware, {**scope, "extensions": {"websocket.http.response": {}}})
    line = [(b"corsac-refused", b"cross-origin-websocket")] if debug_header else []
    assert start["headers"] == [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"22"),
        *line,
    ]
    (closed,) = run_asgi(middleware, scope)
    assert closed == {"type": "websocket.close", "code": 1008, "reason": "cross-origin-websocket"}


def test_two_middlewares_may_share_a_policy_and_name_it_differently(
    make_observed: MakeObserved,
) -> None:
    names = [f"x-{number}" for number in range(20)]
    senders = [make_observed(policy=POLICY, debug_header=name) for name in names]
    assert [send(preflight(origin=EVIL)).headers[-1][0] for send in senders] == names


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "header.invalid"),
        ("two words", "header.invalid"),
        ("x\r\ny", "header.invalid"),
        ("x-\u0661", "header.invalid"),
        ("Vary", "header.invalid"),
        ("Server-Timing", "header.invalid"),
        ("access-control-allow-origin", "header.invalid"),
        ("x-".ljust(MAX_DEBUG_HEADER_LENGTH + 1, "x"), "header.invalid"),
        ("content-security-policy", "header.invalid"),
        ("etag", "header.invalid"),
        (1, "option.wrong_type"),
        (b"x-why", "option.wrong_type"),
    ],
)
def test_a_name_that_cannot_be_is_an_error(
    make_observed: MakeObserved, name: Any, code: str
) -> None:
    with pytest.raises(CORSConfigError) as caught:
        make_observed(policy=POLICY, debug_header=name)
    assert [(each.option, each.code) for each in caught.value.problems] == [("debug_header", code)]


def test_the_longest_name_is_taken(make_observed: MakeObserved) -> None:
    name = "x-".ljust(MAX_DEBUG_HEADER_LENGTH, "x")
    assert make_observed(policy=POLICY, debug_header=name)(REFUSED).headers[-1][0] == name
