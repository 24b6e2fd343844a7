"""Several policies in one place: the first whose origins cover the request's decides."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import logging
import pickle
from collections.abc import Iterator, Sequence
from typing import Any

import flask
import pytest
import starlette.applications

import corsac
import corsac.wsgi
from corsac import CORSConfigError, CORSMiddleware, CORSPolicy, Guard, OriginFunction
from corsac.flask import CORS
from corsac.several import members_of
from corsac.starlette import install
from support.asgi import BODY, app_sending
from support.django_project import EXCHANGES as DJANGO
from support.exchange import (
    AppResponse,
    Exchange,
    Request,
    http_scope,
    run_asgi,
    run_wsgi,
    wsgi_environ,
    wsgi_exchange,
)
from support.refused import MakeObserved

OURS = "https://app.example.com"
TENANT = "https://a.tenant.test"
OTHER = "https://other.test"
COOKIES = CORSPolicy(allow_origins=[OURS], allow_credentials=True, allow_methods=["PUT"])
PUBLIC = CORSPolicy(allow_origins=["*"], expose_headers=["X-Total"])
SEVERAL = (COOKIES, PUBLIC)
FOR_OURS = {
    "access-control-allow-origin": OURS,
    "access-control-allow-credentials": "true",
    "vary": "Origin",
}
FOR_OTHERS = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "X-Total",
    "vary": "Origin",
}
PLAIN = AppResponse(headers=())


def asking(origin: str | None, method: str = "GET", *lines: tuple[str, str]) -> Request:
    return Request(method, [*([] if origin is None else [("origin", origin)]), *lines], "/items")


def preflight(origin: str, method: str = "PUT") -> Request:
    return asking(origin, "OPTIONS", ("access-control-request-method", method))


@pytest.mark.parametrize(
    ("origin", "headers"), [(OURS, FOR_OURS), (OTHER, FOR_OTHERS), (None, FOR_OTHERS)]
)
def test_cookies_for_ours_and_public_for_the_rest(
    exchange: Exchange, origin: str | None, headers: dict[str, str]
) -> None:
    assert exchange(SEVERAL, asking(origin), PLAIN).header_set == headers


def test_each_preflight_has_the_whole_answer_of_the_policy_that_decides(exchange: Exchange) -> None:
    ours, other = exchange(SEVERAL, preflight(OURS)), exchange(SEVERAL, preflight(OTHER))
    assert (ours.status, ours.header_set) == (
        204,
        {**FOR_OURS, "access-control-allow-methods": "PUT", "access-control-max-age": "600"},
    )
    assert (other.status, other.header_set) == (
        204,
        {"access-control-allow-origin": "*", "access-control-max-age": "600", "vary": "Origin"},
    )


def test_a_list_of_one_says_that_it_varies(exchange: Exchange) -> None:
    assert exchange([PUBLIC], asking(OTHER), PLAIN).header_set == FOR_OTHERS


def test_the_same_policy_by_itself_is_what_it_was(exchange: Exchange) -> None:
    exchange(SEVERAL, asking(OTHER), PLAIN)
    alone = {name: value for name, value in FOR_OTHERS.items() if name != "vary"}
    assert exchange(PUBLIC, asking(OTHER), PLAIN).header_set == alone


def test_a_constant_origin_of_the_last_one_is_sent_to_all_and_varies(exchange: Exchange) -> None:
    constant = CORSPolicy(allow_origins=["https://b.test"], always_send=True)
    expected = {"access-control-allow-origin": "https://b.test", "vary": "Origin"}
    for origin in (None, OTHER, "https://b.test"):
        assert exchange([COOKIES, constant], asking(origin), PLAIN).header_set == expected


def test_headers_of_the_application_are_replaced_by_those_of_the_policy_that_decides(
    exchange: Exchange,
) -> None:
    own = [
        ("Access-Control-Allow-Origin", "https://own.test"),
        ("Access-Control-Allow-Credentials", "true"),
        ("Vary", "Accept"),
    ]
    response = exchange(SEVERAL, asking(OTHER), AppResponse(headers=own))
    assert response.header_set == {**FOR_OTHERS, "vary": "Accept, Origin"}


def test_rules_have_several_policies_too(exchange: Exchange) -> None:
    rules = [("/items", SEVERAL), ("/closed", None)]
    assert exchange(COOKIES, asking(OTHER), PLAIN, rules=rules).header_set == FOR_OTHERS
    elsewhere = Request("GET", [("origin", OTHER)], "/x")
    assert exchange(COOKIES, elsewhere, PLAIN, rules=rules).header_set == {"vary": "Origin"}


def test_repeated_slashes_between_rules_with_the_same_policies_choose_no_other_one(
    exchange: Exchange,
) -> None:
    rules = [("/a/*", [COOKIES, PUBLIC]), ("/a/b/*", [COOKIES, PUBLIC])]
    request = Request("GET", [("origin", OTHER)], "/a//b/c")
    assert exchange(None, request, PLAIN, rules=rules).header_set == FOR_OTHERS


def tenants(origin: str) -> bool:
    return origin == TENANT


async def tenants_later(origin: str) -> bool:
    await asyncio.sleep(0)
    return origin == TENANT


def functions(exchange: Exchange) -> list[Any]:
    return [tenants] if exchange is wsgi_exchange else [tenants, tenants_later]


def test_a_function_takes_part_in_its_turn(exchange: Exchange) -> None:
    for function in functions(exchange):
        asks = CORSPolicy(allow_origin_func=function, max_age=1, allow_credentials=True)
        several = [CORSPolicy(allow_origins=[OURS]), asks, PUBLIC]
        found = [
            exchange(several, asking(origin), PLAIN).one("access-control-allow-origin")
            for origin in (OURS, TENANT, OTHER, "null", None)
        ]
        assert found == [OURS, TENANT, "*", "*", "*"]
        answer = exchange(several, preflight(TENANT))
        assert answer.one("access-control-max-age") == "1"
        assert exchange(several, preflight(OTHER)).one("access-control-max-age") == "600"


def test_several_functions_are_asked_in_order_and_the_last_policy_asks_its_own(
    exchange: Exchange,
) -> None:
    for make_later in (False, True) if exchange is not wsgi_exchange else (False,):
        asked: list[tuple[int, str]] = []

        def function(number: int, allowed: str, later: bool = make_later, log: Any = asked) -> Any:
            def decide(origin: str) -> bool:
                log.append((number, origin))
                return origin == allowed

            async def decide_later(origin: str) -> bool:
                await asyncio.sleep(0)
                return decide(origin)

            return decide_later if later else decide

        several = [
            CORSPolicy(allow_origin_func=function(1, "https://a.test"), max_age=1),
            CORSPolicy(allow_origin_func=function(2, "https://b.test"), max_age=2),
            CORSPolicy(allow_origin_func=function(3, "https://c.test"), max_age=3),
        ]
        ages = {
            name: exchange(several, preflight(f"https://{name}.test", "GET")).header_set.get(
                "access-control-max-age"
            )
            for name in "abcd"
        }
        assert ages == {"a": "1", "b": "2", "c": "3", "d": None}
        assert asked == [
            (number, f"https://{name}.test")
            for name, most in (("a", 1), ("b", 2), ("c", 3), ("d", 3))
            for number in range(1, most + 1)
        ]


def test_a_function_without_a_cache_is_asked_once_for_each_request(exchange: Exchange) -> None:
    asked: list[str] = []

    def decide(origin: str) -> bool:
        asked.append(origin)
        return True

    several = [CORSPolicy(allow_origin_func=OriginFunction(decide, ttl=0)), PUBLIC]
    assert exchange(several, asking(OTHER), PLAIN).header_set == {
        "access-control-allow-origin": OTHER,
        "vary": "Origin",
    }
    assert asked == [OTHER]


REFUSED = {
    "content-type": "text/plain; charset=utf-8",
    "content-length": "18",
    "vary": "Origin",
}
FOR_TENANT = {"access-control-allow-origin": TENANT, "vary": "Origin"}


@pytest.mark.parametrize(
    ("request_", "several", "status", "headers"),
    [
        (asking(TENANT), False, 200, FOR_TENANT),
        (asking(TENANT), True, 200, {"vary": "Origin"}),
        (preflight(TENANT, "GET"), False, 204, {**FOR_TENANT, "access-control-max-age": "600"}),
        (preflight(TENANT, "GET"), True, 403, REFUSED),
    ],
    ids=["one policy", "several", "preflight, one policy", "preflight, several"],
)
@pytest.mark.parametrize("protocol", ["asgi", "wsgi"])
def test_an_answer_counts_for_the_origin_that_it_was_given_about(
    protocol: str, request_: Request, several: bool, status: int, headers: dict[str, str]
) -> None:
    scope, environ = http_scope(request_), wsgi_environ(request_)
    asked: list[str] = []

    def swaps(origin: str) -> bool:
        asked.append(origin)
        scope["headers"][0] = (b"origin", OTHER.encode())
        environ["HTTP_ORIGIN"] = OTHER
        return origin == TENANT

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return []

    asks = CORSPolicy(allow_origin_func=OriginFunction(swaps, ttl=0))
    policy: Any = [asks, COOKIES] if several else asks
    if protocol == "asgi":
        empty = {"type": "http.response.start", "status": 200, "headers": []}
        start, _ = run_asgi(CORSMiddleware(app_sending(empty, BODY), policy), scope)
        lines = [(name.decode(), value.decode()) for name, value in start["headers"]]
        found = start["status"]
    else:
        answer = run_wsgi(corsac.wsgi.CORSMiddleware(app, policy), environ)
        lines, found = answer.headers, answer.code
    assert (found, sorted(lines)) == (status, sorted(headers.items()))
    assert asked[0] == TENANT


GUARDED = COOKIES.replace(guard=True)
FORGED = ("sec-fetch-site", "cross-site")


@pytest.mark.parametrize(
    ("several", "origin", "status"),
    [
        ([GUARDED, PUBLIC], OURS, 200),
        ([GUARDED, PUBLIC], OTHER, 200),
        ([COOKIES, CORSPolicy(allow_origins=["https://b.test"], guard=True)], OTHER, 403),
        ([COOKIES, CORSPolicy(allow_origins=["https://b.test"], guard=True)], OURS, 200),
    ],
)
def test_the_guard_is_that_of_the_policy_that_decides(
    exchange: Exchange, several: Sequence[CORSPolicy], origin: str, status: int
) -> None:
    response = exchange(several, asking(origin, "POST", FORGED), PLAIN)
    assert (response.status, response.app_called) == (status, status == 200)
    assert response.one("vary") == "Origin"


def test_handshakes_are_judged_by_the_policy_that_decides() -> None:
    last = CORSPolicy(allow_origins=["https://b.test"], guard=True)

    def is_refused(several: Sequence[CORSPolicy], origin: str) -> bool:
        called = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            called.append(scope)

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        scope = {**http_scope(asking(origin)), "type": "websocket"}
        messages = run_asgi(CORSMiddleware(app, several), scope, receive)
        assert bool(messages) is not bool(called)
        return not called

    assert [is_refused([COOKIES, last], each) for each in (OURS, "https://b.test", OTHER)] == [
        False,
        False,
        True,
    ]
    asks = CORSPolicy(allow_origin_func=tenants_later, guard=True)
    assert [is_refused([asks, last], each) for each in (TENANT, OTHER)] == [False, True]
    assert is_refused([GUARDED, PUBLIC], OTHER) is False


def test_lifespan_passes_through() -> None:
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)

    run_asgi(CORSMiddleware(app, SEVERAL), {"type": "lifespan"})
    assert scopes == [{"type": "lifespan"}]


def test_counters_and_refusals_are_those_of_the_middleware(make_observed: MakeObserved) -> None:
    told: list[corsac.Refusal] = []
    several = [COOKIES, CORSPolicy(allow_origins=["https://b.test"])]
    observed = make_observed(policy=several, on_refusal=told.append, debug_header=True)
    for origin in (OURS, "https://b.test", OTHER, None):
        observed(asking(origin))
    observed(preflight("https://b.test"))
    assert observed(preflight(OTHER)).headers[-1] == ("corsac-refused", "origin-not-allowed")
    assert observed.middleware.counters() == {
        "not_cors": 1,
        "actual_allowed": 2,
        "actual_refused": 1,
        "preflight_allowed": 0,
        "preflight_refused": 2,
        "guard_refused": 0,
        "host_refused": 0,
    }
    assert [(each.kind, each.reason, each.missing_method, each.policy) for each in told] == [
        ("actual", "origin-not-allowed", None, 2),
        ("preflight", "method-not-allowed", "PUT", 2),
        ("preflight", "origin-not-allowed", None, 2),
    ]


def test_a_refusal_names_the_policy_that_decided_and_so_does_the_log(
    make_observed: MakeObserved, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[corsac.Refusal] = []
    guarded = CORSPolicy(allow_origins=["https://b.test"], guard=True)
    middle = [COOKIES, guarded, CORSPolicy(allow_origins=["https://c.test"], guard=True)]
    observed = make_observed(
        policy=COOKIES,
        rules=[("/items", middle)],
        report_only_rules=[("/items", [guarded])],
        allowed_hosts=["a.test"],
        on_refusal=told.append,
    )
    host = ("host", "a.test")
    cookie, forged = ("cookie", "a=b"), "https://b.test"
    observed(asking(forged, "POST", host, cookie))
    observed(dataclasses.replace(asking(OTHER, "GET", host), path="/alone"))
    observed(asking(OURS, "GET", host, cookie))
    observed(asking(OURS, "GET", ("host", "evil.test")))
    assert [(each.reason, each.rule, each.policy, each.report_only) for each in told] == [
        ("cross-origin-request", "/items", 2, False),
        ("origin-not-allowed", "default", None, False),
        ("origin-not-allowed", "/items", 1, True),
        ("host-not-allowed", "hosts", None, False),
    ]
    places = [record.getMessage().partition(", rule ")[2] for record in caplog.records]
    assert [place.partition(";")[0] for place in places if place] == [
        "'/items', policy 2 of that place",
        "'default'",
        "'/items', policy 1 of that place",
    ]


def test_several_are_tried_beside_one_and_one_beside_several(make_observed: MakeObserved) -> None:
    on_trial = [COOKIES, CORSPolicy(allow_origin_func=tenants), CORSPolicy(allow_origins=[OTHER])]
    observed = make_observed(policy=PUBLIC, report_only=on_trial)
    for origin in (OURS, TENANT, OTHER, "https://evil.test", None):
        observed(asking(origin))
    counted = observed.middleware.report_only_counters()
    assert (counted["actual_allowed"], counted["actual_refused"]) == (3, 1)
    assert (counted["newly_refused"], counted["not_cors"]) == (1, 1)
    assert observed.middleware.report_only == tuple(on_trial)

    rules = [("/items", [COOKIES, CORSPolicy(allow_origins=["https://b.test"], guard=True)])]
    observed = make_observed(policy=SEVERAL, report_only_rules=rules)
    for origin in (OURS, OTHER):
        observed(asking(origin, "POST", FORGED))
    counted = observed.middleware.report_only_counters()
    assert (counted["actual_allowed"], counted["guard_refused"]) == (1, 1)
    assert counted["newly_refused"] == 1


def test_a_trial_of_several_is_undecided_where_its_function_wants_to_be_awaited(
    make_observed: MakeObserved,
) -> None:
    class Later:
        def __await__(self) -> Iterator[None]:
            yield

    on_trial = [CORSPolicy(allow_origin_func=lambda origin: Later()), COOKIES]  # type: ignore[arg-type]
    observed = make_observed(policy=PUBLIC, report_only=on_trial)
    observed(asking(TENANT))
    assert observed.middleware.report_only_counters()["undecided"] == 1


def test_the_middleware_gives_a_tuple_and_goes_on_with_others(make_observed: MakeObserved) -> None:
    middleware = make_observed(policy=list(SEVERAL)).middleware
    assert middleware.policy == SEVERAL
    assert f"{SEVERAL!r}" in repr(middleware)
    middleware.reconfigure(COOKIES, rules=[("/x", [PUBLIC])])
    assert (middleware.policy, middleware.rules) == (COOKIES, (("/x", (PUBLIC,)),))
    middleware.reconfigure([COOKIES, COOKIES.replace(allow_origins=[OTHER])])
    assert len(members_of(middleware.policy)) == 2
    with pytest.raises(CORSConfigError):
        middleware.reconfigure([])
    assert len(members_of(middleware.policy)) == 2


def test_it_travels() -> None:
    middleware = CORSMiddleware(app_sending, SEVERAL, rules=[("/x", [PUBLIC])])
    for copied in (copy.deepcopy(middleware), pickle.loads(pickle.dumps(middleware))):  # noqa: S301
        assert (copied.policy, copied.rules) == (SEVERAL, (("/x", (PUBLIC,)),))


def problems_of(policy: Any, **options: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(CORSConfigError) as raised:
        CORSMiddleware(app_sending, policy, **options)
    return [(each.severity, each.code, each.option) for each in raised.value.problems]


def test_what_is_wrong_with_several_is_said_at_once() -> None:
    assert problems_of([]) == [("error", "option.empty", "policy")]
    assert problems_of([PUBLIC, 7, None, COOKIES], rules=[("no slash", []), ("/x", [None])]) == [
        ("error", "option.wrong_type", "policy"),
        ("error", "option.wrong_type", "policy"),
        ("warning", "policy.unreachable", "policy"),
        ("error", "option.empty", "rules"),
        ("error", "option.wrong_type", "rules"),
        ("error", "rule.invalid", "rules"),
    ]
    with pytest.raises(CORSConfigError) as raised:
        CORSMiddleware(app_sending, PUBLIC, report_only=[], report_only_rules=[("/x", [3])])  # type: ignore[list-item]
    assert [each.option for each in raised.value.problems] == ["report_only", "report_only_rules"]
    with pytest.raises(TypeError, match="not both: max_age"):
        CORSMiddleware(app_sending, SEVERAL, max_age=3)


def test_a_policy_that_no_origin_reaches_is_a_warning_with_a_fix(
    caplog: pytest.LogCaptureFixture,
) -> None:
    twice = [COOKIES, COOKIES, PUBLIC, CORSPolicy(allow_origins=[OTHER])]
    middleware = CORSMiddleware(app_sending, twice, rules=[("/a", None), ("/x", twice)])
    found = [each for each in middleware.problems if each.code == "policy.unreachable"]
    assert [each.message for each in found[:2]] == [
        "policy 2 of 4 never decides about an origin: others before it cover all of its origins",
        "policy 4 of 4 never decides about an origin: one before it covers any origin",
    ]
    assert [each.fix for each in found] == [
        {"policy": SEVERAL},
        {"policy": SEVERAL},
        {"rules": (("/a", None), ("/x", SEVERAL))},
        {"rules": (("/a", None), ("/x", SEVERAL))},
    ]
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert sum("never decides about an origin" in line for line in lines) == 4
    mended = CORSMiddleware(app_sending, **found[0].fix, rules=found[2].fix["rules"])  # type: ignore[index, arg-type]
    assert mended.problems == (*COOKIES.problems, *PUBLIC.problems)


@pytest.mark.parametrize("protocol", [corsac.CORSMiddleware, corsac.wsgi.CORSMiddleware])
def test_a_guard_that_only_policies_before_the_last_have_is_a_warning(protocol: Any) -> None:
    guarded, reads = COOKIES.replace(guard=True), Guard(isolate_reads=True)
    trusting = Guard(trusted_origins=["https://pay.test"])

    def found(*policies: CORSPolicy) -> list[tuple[str, Any]]:
        middleware = protocol(app_sending, policies)
        problems = [each for each in middleware.problems if each.code == "guard.without_effect"]
        for each in problems:
            assert (each.severity, each.option) == ("warning", "policy")
            assert protocol(app_sending, **each.fix).problems == ()
        return [(each.message.partition("; ")[2], each.fix["policy"][-1]) for each in problems]

    start = "all others are the last one's, which does not refuse"
    writes = f"{start} WebSocket handshakes and forged writes"
    assert found(guarded, PUBLIC) == [(writes, PUBLIC.replace(guard=True))]
    assert found(COOKIES, guarded.replace(allow_origins=[TENANT]), PUBLIC) == [
        (writes, PUBLIC.replace(guard=True))
    ]
    assert found(COOKIES.replace(guard=trusting), PUBLIC) == [
        (writes, PUBLIC.replace(guard=trusting))
    ]
    assert found(COOKIES.replace(guard=reads), PUBLIC.replace(guard=trusting)) == [
        (
            f"{start} what they embed",
            PUBLIC.replace(guard=trusting.__replace__(isolate_reads=True)),
        )
    ]
    sockets = PUBLIC.replace(guard=Guard(writes=False))
    assert found(guarded, sockets) == [(f"{start} forged writes", PUBLIC.replace(guard=True))]
    for several in (
        (COOKIES, PUBLIC.replace(guard=True)),
        (guarded, PUBLIC.replace(guard=reads)),
        (COOKIES.replace(guard=Guard(writes=False)), PUBLIC.replace(guard=True)),
        (guarded,),
    ):
        assert found(*several) == []


def test_such_a_guard_has_no_fix_where_the_last_policy_cannot_have_it() -> None:
    trusting = Guard(trusted_origins=["http://pay.test"])
    code = ["origin.insecure_with_credentials"]
    first = COOKIES.replace(guard=trusting, tolerate=code)
    anyone = CORSPolicy(
        allow_origins=["*"], allow_credentials=True, tolerate=["origin.any_with_credentials"]
    )
    for last in (PUBLIC, anyone):
        problems = CORSMiddleware(app_sending, [first, last]).problems
        found = [each for each in problems if each.code == "guard.without_effect"]
        assert [each.fix for each in found] == [None]
    problems = CORSMiddleware(app_sending, [COOKIES.replace(guard=True), anyone]).problems
    found = [each for each in problems if each.code == "guard.without_effect"]
    assert [each.fix for each in found] == [None]


def test_such_a_guard_is_found_in_rules_and_on_trial() -> None:
    several = [COOKIES.replace(guard=True), PUBLIC]
    mended = (several[0], PUBLIC.replace(guard=True))
    middleware = CORSMiddleware(app_sending, PUBLIC, rules=[("/x", several)], report_only=several)
    found = [each for each in middleware.problems if each.code == "guard.without_effect"]
    assert [(each.option, each.fix) for each in found] == [
        ("rules", {"rules": (("/x", mended),)}),
        ("report_only: policy", {"report_only": mended}),
    ]


def test_the_last_policy_may_repeat_origins_and_allow_nobody() -> None:
    nobody = CORSPolicy(guard=True)
    for several in ([COOKIES, COOKIES], [COOKIES, nobody]):
        problems = CORSMiddleware(app_sending, several).problems
        assert "policy.unreachable" not in [each.code for each in problems]


@pytest.mark.parametrize(
    ("origin", "text"),
    [
        (OURS, "policy 1 of 3 decides: the first one that covers the origin"),
        (TENANT, "policy 2 of 3 decides: the first one that covers the origin"),
        (OTHER, "policy 3 of 3 decides: the last one, since none before it covers the origin"),
    ],
)
def test_explain_names_the_policy_that_decides(origin: str, text: str) -> None:
    function = OriginFunction(tenants_later, ttl=0)
    several = [COOKIES, CORSPolicy(allow_origin_func=function), CORSPolicy(allow_origins=["*"])]
    middleware = CORSMiddleware(app_sending, None, rules=[("/items", several)])
    explanation = middleware.explain("GET", {"origin": origin}, "/items")
    assert [step.text for step in explanation.steps if step.check == "policy"] == [text]
    assert explanation.allowed is True
    assert dict(explanation.response_headers)["vary"] == "Origin"


def test_explain_finds_the_change_in_the_policy_that_decides() -> None:
    several = [COOKIES, CORSPolicy(allow_origins=["https://b.test"])]
    explanation = CORSMiddleware(app_sending, several).explain("GET", {"origin": OTHER})
    assert explanation.reason == "origin-not-allowed"
    assert explanation.change is not None
    assert explanation.change.options == {"allow_origins": ("https://b.test", OTHER)}


def test_flask_has_several_policies() -> None:
    app = flask.Flask(__name__)
    app.add_url_rule("/items", view_func=lambda: "", methods=["GET", "POST"])
    CORS(app, policy=SEVERAL, rules=[("/closed/*", [COOKIES, CORSPolicy(allow_origins=[OTHER])])])
    client = app.test_client()
    answers = [client.get("/items", headers={"Origin": each}) for each in (OURS, OTHER)]
    assert [each.headers["access-control-allow-origin"] for each in answers] == [OURS, "*"]
    assert [each.headers["vary"] for each in answers] == ["Origin", "Origin"]
    blueprint = flask.Blueprint("b", __name__)
    with pytest.raises(TypeError, match="give a blueprint one"):
        CORS(blueprint, policy=SEVERAL)


def test_install_has_several_policies() -> None:
    app = starlette.applications.Starlette()
    middleware = install(app, SEVERAL)
    assert middleware.policy == SEVERAL
    start, _ = run_asgi(app, http_scope(asking(OTHER)))
    assert dict(start["headers"])[b"access-control-allow-origin"] == b"*"
    assert dict(start["headers"])[b"vary"] == b"Origin"


@pytest.mark.parametrize("protocol", sorted(DJANGO))
def test_djangos_setting_has_several_policies_or_dictionaries(protocol: str) -> None:
    for several in (
        SEVERAL,
        [
            {"allow_origins": [OURS], "allow_credentials": True},
            {"allow_origins": ["*"], "expose_headers": ["X-Total"]},
        ],
    ):
        exchange: Any = DJANGO[protocol]
        assert exchange(several, asking(OURS), PLAIN).one("access-control-allow-origin") == OURS
        response = exchange(several, asking(OTHER), PLAIN)
        assert response.one("access-control-allow-origin") == "*"
        assert "Origin" in str(response.one("vary"))
    with pytest.raises(CORSConfigError, match=r"CORSAC\[1\], allow_origins"):
        exchange([COOKIES, {"allow_origins": ["nonsense"]}], asking(OURS), PLAIN)
