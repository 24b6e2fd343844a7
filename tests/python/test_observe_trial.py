"""``report_only``: a second policy that is judged by and that changes nothing."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import corsac
import corsac.wsgi
from corsac import CORSConfigError, CORSPolicy, Refusal
from corsac.inspection.layers import configured
from corsac.refusals.log import MAX_LINES_PER_WINDOW
from support.exchange import Request, http_scope, run_asgi, run_wsgi, wsgi_environ
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

OTHER = "https://b.example.com"
FROM_OTHER = Request(headers=[("origin", OTHER)], path="/items")
TIGHT = CORSPolicy(
    allow_origins=[ORIGIN],
    allow_methods=["PUT"],
    allow_headers=["x-one"],
    allow_credentials=True,
)


def nonzero(counters: Any) -> dict[Any, int]:
    return {name: count for name, count in counters.items() if count}


REQUESTS = [
    ACTUAL,
    REFUSED,
    MALFORMED,
    FORGED,
    FROM_OTHER,
    Request(path="/items"),
    preflight(),
    preflight("DELETE"),
    preflight("PUT", "x-one,x-two"),
    preflight("PUT", "authorization"),
    preflight("P U T"),
    preflight(origin=EVIL),
]


def test_it_changes_no_response(make_observed: MakeObserved) -> None:
    plain = make_observed(policy=POLICY)
    tried = make_observed(policy=POLICY, report_only=TIGHT.replace(guard=True))
    assert [tried(request) for request in REQUESTS] == [plain(request) for request in REQUESTS]
    assert tried.middleware.counters() == plain.middleware.counters()
    assert nonzero(plain.middleware.report_only_counters()) == {}


def test_it_counts_what_a_tighter_policy_would_refuse_and_why(make_observed: MakeObserved) -> None:
    send = make_observed(policy=POLICY, report_only=TIGHT)
    for request in REQUESTS:
        send(request)
    assert nonzero(send.middleware.report_only_counters()) == {
        "not_cors": 1,
        "actual_allowed": 1,
        "actual_refused": 4,
        "preflight_allowed": 1,
        "preflight_refused": 5,
        "newly_refused": 4,
    }
    assert nonzero(send.middleware.report_only_refusal_counters()) == {
        ("actual", "origin-not-allowed"): 3,
        ("actual", "origin-malformed"): 1,
        ("preflight", "origin-not-allowed"): 1,
        ("preflight", "request-method-malformed"): 1,
        ("preflight", "method-not-allowed"): 1,
        ("preflight", "authorization-not-listed"): 1,
        ("preflight", "header-not-allowed"): 1,
    }


def test_what_the_policy_in_force_lets_through_is_told_and_logged(
    make_observed: MakeObserved, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Refusal] = []
    send = make_observed(policy=POLICY, report_only=TIGHT, on_refusal=told.append)
    with caplog.at_level(logging.INFO, logger="corsac"):
        for request in (ACTUAL, FROM_OTHER, preflight("DELETE"), REFUSED):
            send(request)
    assert told == [
        Refusal("origin-not-allowed", OTHER, "GET", "/items", "default", "actual", True),
        Refusal(
            "method-not-allowed",
            ORIGIN,
            "OPTIONS",
            "/items",
            "default",
            "preflight",
            True,
            missing_method="DELETE",
        ),
        Refusal("origin-not-allowed", EVIL, "GET", "/items", "default", "actual", False),
    ]
    assert [record.getMessage().partition(";")[0] for record in caplog.records] == [
        "CORS: report-only: would refuse origin-not-allowed: "
        "origin 'https://b.example.com', 'GET' '/items'",
        "CORS: report-only: would refuse method-not-allowed: "
        "origin 'https://app.example.com', 'OPTIONS' '/items'",
        "CORS: refused origin-not-allowed: origin 'https://evil.example', 'GET' '/items'",
    ]


def test_a_flood_on_trial_leaves_the_log_of_refusals_its_place(
    make_observed: MakeObserved, caplog: pytest.LogCaptureFixture
) -> None:
    send = make_observed(policy=POLICY, report_only=TIGHT)
    with caplog.at_level(logging.INFO, logger="corsac"):
        for _ in range(200):
            send(FROM_OTHER)
        assert len(caplog.records) == MAX_LINES_PER_WINDOW
        send(REFUSED)
        send(REFUSED)
    assert len(caplog.records) == MAX_LINES_PER_WINDOW + 2


def test_what_a_wider_policy_would_allow_is_counted_too(make_observed: MakeObserved) -> None:
    send = make_observed(policy=TIGHT, report_only=POLICY)
    for request in (ACTUAL, FROM_OTHER, REFUSED):
        send(request)
    assert nonzero(send.middleware.report_only_counters()) == {
        "actual_allowed": 2,
        "actual_refused": 1,
        "newly_allowed": 1,
    }


def test_what_the_browser_blocks_already_is_not_newly_refused(make_observed: MakeObserved) -> None:
    send = make_observed(policy=TIGHT, report_only=TIGHT.replace(allow_methods=[]))
    send(preflight("DELETE"))
    assert nonzero(send.middleware.report_only_counters()) == {"preflight_refused": 1}
    send(preflight("PUT"))
    assert send.middleware.report_only_counters()["newly_refused"] == 1


def test_cookies_tell_that_credentials_are_needed(make_observed: MakeObserved) -> None:
    send = make_observed(policy=POLICY, report_only=POLICY.replace(allow_credentials=False))
    send(ACTUAL)
    send(Request(headers=[("origin", ORIGIN), ("cookie", "session=1")]))
    assert nonzero(send.middleware.report_only_refusal_counters()) == {
        ("actual", "credentials-not-allowed"): 1
    }
    assert send.middleware.report_only_counters()["newly_refused"] == 1


def test_requested_headers_are_judged_up_to_a_limit(make_observed: MakeObserved) -> None:
    names = [f"x-{number}" for number in range(64)]
    send = make_observed(policy=POLICY.replace(allow_headers=["*"], allow_origins=["*"],
        allow_credentials=False), report_only=TIGHT.replace(allow_headers=names))  # fmt: skip
    send(preflight("PUT", ",".join(names)))
    send(preflight("PUT", ",".join([*names[:63], "x-other"])))
    send(preflight("PUT", ",".join([*names, "x-0"])))
    counters = send.middleware.report_only_counters()
    assert (counters["preflight_refused"], counters["preflight_allowed"]) == (2, 1)


def test_rules_are_on_trial_too_and_none_is_not_judged(make_observed: MakeObserved) -> None:
    told: list[Refusal] = []
    send = make_observed(
        policy=POLICY,
        report_only_rules=[("/open/*", None), ("/items/*", TIGHT)],
        on_refusal=told.append,
    )
    for path in ("/open/1", "/items/1", "/else"):
        send(Request(headers=[("origin", OTHER)], path=path))
    assert [(refusal.path, refusal.rule) for refusal in told] == [("/items/1", "/items/*")]
    assert nonzero(send.middleware.report_only_counters()) == {
        "actual_refused": 1,
        "newly_refused": 1,
    }


def test_paths_that_are_left_alone_can_be_on_trial(make_observed: MakeObserved) -> None:
    own = ("access-control-allow-origin", "*")
    send = make_observed(own, rules=[], report_only=TIGHT)
    assert send(FROM_OTHER).headers == [own]
    assert send(preflight("DELETE")).headers == [own]
    counters = send.middleware.report_only_counters()
    assert (counters["newly_refused"], counters["actual_refused"]) == (2, 1)


def test_the_guard_can_be_on_trial(make_observed: MakeObserved) -> None:
    send = make_observed(
        policy=CORSPolicy(allow_origins=["*"]), report_only=TIGHT.replace(guard=True)
    )
    assert send(FORGED).status == 200
    assert nonzero(send.middleware.report_only_refusal_counters()) == {
        ("guard", "cross-origin-request"): 1
    }


PUBLIC = CORSPolicy(allow_origins=["*"])
GUARDED = TIGHT.replace(guard=True)
OPEN_GUARDED = POLICY.replace(guard=True)
WITH_COOKIE = Request(headers=[("origin", ORIGIN), ("cookie", "a=b")], path="/items")
FORGED_BY_FORM = Request(
    "POST",
    [("origin", EVIL), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")],
    "/items",
)
FORM = Request("POST", [("origin", EVIL), ("sec-fetch-mode", "navigate")], "/items")


@pytest.mark.parametrize(
    ("in_force", "on_trial", "request_", "newly"),
    [
        # It runs today, though its page cannot read the response; with the guard it would not.
        (TIGHT, GUARDED, FORGED, "refused"),
        (GUARDED, TIGHT, FORGED, "allowed"),
        (TIGHT, GUARDED, FORGED_BY_FORM, "refused"),
        (TIGHT, GUARDED, MALFORMED, None),  # A GET, which the guard lets through.
        (GUARDED, GUARDED, FORGED, None),
        # It runs under both, and its page reads it under one of them.
        (POLICY, TIGHT, FROM_OTHER, "refused"),
        (TIGHT, POLICY, FROM_OTHER, "allowed"),
        (TIGHT, PUBLIC, REFUSED, "allowed"),
        (PUBLIC, TIGHT, REFUSED, "refused"),
        (POLICY, POLICY.replace(allow_credentials=False), WITH_COOKIE, "refused"),
        (POLICY.replace(allow_credentials=False), POLICY, WITH_COOKIE, "allowed"),
        # Only one of the two differs from what is refused for another reason.
        (TIGHT, TIGHT.replace(allow_origins=["https://c.example"]), REFUSED, None),
        # Nothing runs, the page's own request included.
        (POLICY, TIGHT, preflight("DELETE"), "refused"),
        (TIGHT, POLICY, preflight("DELETE"), "allowed"),
        (TIGHT, TIGHT.replace(allow_methods=[]), preflight("DELETE"), None),
        (TIGHT, GUARDED, preflight(origin=EVIL), None),
        # No browser checks it.
        (PUBLIC, TIGHT, FORM, None),
        (POLICY, TIGHT, Request(path="/items"), None),
    ],
)
def test_newly_refused_is_what_reaches_less_and_newly_allowed_what_reaches_more(
    make_observed: MakeObserved,
    in_force: CORSPolicy,
    on_trial: CORSPolicy,
    request_: Request,
    newly: str | None,
) -> None:
    told: list[Refusal] = []
    send = make_observed(policy=in_force, report_only=on_trial, on_refusal=told.append)
    send(request_)
    counters = send.middleware.report_only_counters()
    assert {name for name in ("refused", "allowed") if counters[f"newly_{name}"]} == (
        set() if newly is None else {newly}
    )
    assert [refusal.report_only for refusal in told].count(True) == (newly == "refused")


def handshake(protocol: str, in_force: CORSPolicy | None, on_trial: CORSPolicy) -> Any:
    """Send a handshake of another origin, and give what the trial counted."""
    request = Request(headers=[("origin", EVIL), ("host", "x"), ("upgrade", "websocket")])
    rules: list[Any] | None = [] if in_force is None else None
    if protocol == "asgi":

        async def app(scope: Any, receive: Any, send: Any) -> None: ...

        middleware = corsac.CORSMiddleware(app, in_force, rules=rules, report_only=on_trial)
        scope = {k: v for k, v in http_scope(request).items() if k != "method"}
        run_asgi(middleware, {**scope, "type": "websocket"})
        return middleware.report_only_counters()

    def wsgi_app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return []

    wsgi = corsac.wsgi.CORSMiddleware(wsgi_app, in_force, rules=rules, report_only=on_trial)
    run_wsgi(wsgi, wsgi_environ(request))
    return wsgi.report_only_counters()


@pytest.mark.parametrize("protocol", ["asgi", "wsgi"])
@pytest.mark.parametrize(
    ("in_force", "on_trial", "newly"),
    [
        (POLICY, OPEN_GUARDED, "newly_refused"),
        (None, OPEN_GUARDED, "newly_refused"),
        (OPEN_GUARDED, POLICY, "newly_allowed"),
        (OPEN_GUARDED, GUARDED, None),
        (POLICY, TIGHT, None),
    ],
)
def test_handshakes_are_compared_in_both_directions(
    protocol: str, in_force: CORSPolicy | None, on_trial: CORSPolicy, newly: str | None
) -> None:
    counters = handshake(protocol, in_force, on_trial)
    found = {name for name in ("newly_refused", "newly_allowed") if counters[name]}
    assert found == (set() if newly is None else {newly})


def test_handshakes_can_be_on_trial() -> None:
    calls: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        calls.append(scope["type"])

    middleware = corsac.CORSMiddleware(app, POLICY, report_only=POLICY.replace(guard=True))
    scope = {"type": "websocket", "path": "/", "headers": [(b"origin", EVIL.encode())]}
    run_asgi(middleware, scope)
    run_asgi(middleware, {"type": "lifespan"})
    assert calls == ["websocket", "lifespan"]
    assert nonzero(middleware.report_only_refusal_counters()) == {
        ("guard", "cross-origin-websocket"): 1
    }


def test_headers_that_can_be_read_once_reach_the_application() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(list(scope["headers"]))

    lines = [(b"origin", EVIL.encode())]
    scope = {"type": "http", "method": "GET", "path": "/", "headers": iter(lines)}
    middleware = corsac.CORSMiddleware(app, rules=[], report_only=POLICY)
    run_asgi(middleware, scope)
    assert seen == [lines]
    assert nonzero(middleware.report_only_counters()) == {"undecided": 1}


def test_a_function_of_the_policy_on_trial_is_asked(make_observed: MakeObserved) -> None:
    send = make_observed(
        policy=POLICY,
        report_only=CORSPolicy(allow_origin_func=lambda origin: origin == ORIGIN),
    )
    send(ACTUAL)
    send(FROM_OTHER)
    counters = send.middleware.report_only_counters()
    assert (counters["actual_allowed"], counters["newly_refused"]) == (1, 1)


def test_an_asynchronous_function_on_trial_is_an_error(make_observed: MakeObserved) -> None:
    async def decide(origin: str) -> bool:
        return True

    with pytest.raises(CORSConfigError, match="no request waits for a trial"):
        make_observed(policy=POLICY, report_only=CORSPolicy(allow_origin_func=decide))


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"report_only": {"allow_origins": [ORIGIN]}}, "report_only"),
        ({"report_only_rules": {"/": TIGHT}}, "report_only_rules"),
        ({"report_only_rules": [("no slash", TIGHT)]}, "report_only_rules"),
    ],
)
def test_what_cannot_be_on_trial_is_an_error(
    make_observed: MakeObserved, options: dict[str, Any], option: str
) -> None:
    with pytest.raises(CORSConfigError) as caught:
        make_observed(policy=POLICY, **options)
    assert [problem.option for problem in caught.value.problems] == [option]


def test_its_warnings_are_among_the_problems_of_the_middleware(make_observed: MakeObserved) -> None:
    trial = CORSPolicy(allow_origins=[ORIGIN, ORIGIN])
    middleware = make_observed(policy=POLICY, report_only=trial).middleware
    assert configured(middleware).problems == middleware.problems
    found = [(problem.option, problem.code) for problem in middleware.problems]
    assert found == [("report_only: allow_origins", "origin.redundant")]
    assert middleware.problems[0].fix == {"report_only": CORSPolicy(allow_origins=[ORIGIN])}
    middleware.reconfigure(POLICY, report_only=None)
    assert middleware.problems == ()


def test_all_mistakes_are_found_at_once(make_observed: MakeObserved) -> None:
    with pytest.raises(CORSConfigError) as caught:
        make_observed(allow_origins=["nonsense"], report_only=5, debug_header="two words")
    assert {problem.option for problem in caught.value.problems} >= {
        "allow_origins",
        "report_only",
        "debug_header",
    }


def test_reconfigure_keeps_it_unless_it_is_given(make_observed: MakeObserved) -> None:
    send = make_observed(policy=POLICY, rules=[("/x", None)], report_only=TIGHT)
    send.middleware.reconfigure(POLICY)
    assert (send.middleware.report_only, send.middleware.rules) == (TIGHT, ())
    send(FROM_OTHER)
    send.middleware.reconfigure(send.middleware.policy, report_only=POLICY)
    assert send.middleware.policy is POLICY
    send(FROM_OTHER)
    counters = send.middleware.report_only_counters()
    assert (counters["newly_refused"], counters["actual_allowed"]) == (1, 1)
    send.middleware.reconfigure(POLICY, report_only=None)
    send(FROM_OTHER)
    assert send.middleware.report_only is None
    assert send.middleware.report_only_counters() == counters


def test_a_mistake_leaves_what_was_there(make_observed: MakeObserved) -> None:
    send = make_observed(policy=POLICY, report_only=TIGHT)
    with pytest.raises(CORSConfigError):
        send.middleware.reconfigure(POLICY, report_only=5)
    with pytest.raises(TypeError):
        send.middleware.reconfigure(POLICY, report_only=None, on_refusal=5)
    assert send.middleware.report_only is TIGHT


def test_the_repr_names_what_is_set_and_nothing_else(make_observed: MakeObserved) -> None:
    assert "report" not in repr(make_observed(policy=POLICY).middleware)
    send = make_observed(policy=POLICY, on_refusal=print, report_only=TIGHT, debug_header=True)
    end = (
        f", {POLICY!r}, on_refusal={print!r}, report_only={TIGHT!r}, debug_header='corsac-refused')"
    )
    assert repr(send.middleware).endswith(end)
