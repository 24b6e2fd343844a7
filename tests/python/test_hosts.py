"""``allowed_hosts``: the names that a server answers to, against DNS rebinding."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import corsac
import corsac.wsgi
from corsac import CORSConfigError, CORSMiddleware, CORSPolicy, Refusal
from support import reference_model as model
from support.asgi import app_sending
from support.conformance import CASES, Case, header_text, read_cases
from support.exchange import (
    AppResponse,
    Exchange,
    Request,
    Response,
    http_scope,
    run_asgi,
    run_wsgi,
    wsgi_environ,
)
from support.properties import (
    comparable,
    core_answer,
    examples,
    joined,
    without_warnings,
    wsgi_answer,
)
from support.reference_model import Options
from support.refused import FORGED, MakeObserved, preflight
from support.strategies import app_responses, hostile_requests, options

API = "api.example.com"
APP = "https://app.example.com"
POLICY = CORSPolicy(allow_origins=[APP], allow_methods=["PUT"], guard=True)
REFUSED = {"content-type": "text/plain; charset=utf-8", "content-length": "16"}
MALFORMED = {"content-type": "text/plain; charset=utf-8", "content-length": "14"}
REBOUND = Request(headers=[("host", "rebound.example")], path="/items")


def asked(*hosts: str, method: str = "GET", path: str = "/items", **headers: str) -> Request:
    lines = [("host", host) for host in hosts]
    lines += [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request(method, lines, path)


def nonzero(counters: Any) -> dict[Any, int]:
    return {name: count for name, count in counters.items() if count}


def assert_refused(response: Response) -> None:
    assert (response.status, response.body) == (403, b"host-not-allowed")
    assert response.header_set == REFUSED
    assert not response.app_called


# What is served


@pytest.mark.parametrize("case", read_cases("hosts.json"), ids=lambda case: case["id"])
def test_every_host_of_the_conformance_cases_is_served_as_expected(
    exchange: Exchange, case: Case
) -> None:
    hosts = [header_text(host) for host in case["request"]["host"]]
    reason = case["expect"]["reason"]
    for rules in (None, [("/left-alone", None)]):
        response = exchange(
            CORSPolicy(allow_origins=["*"]),
            asked(*hosts, path="/left-alone"),
            rules=rules,
            **case["config"],
        )
        if reason is None:
            any_origin = {} if rules else {"access-control-allow-origin": "*"}
            assert response.header_set == {"content-type": "text/plain"} | any_origin
            assert (response.status, response.app_called) == (200, True)
        else:
            headers = {**REFUSED, "content-length": str(len(reason))}
            assert response.header_set == headers
            assert response.status == case["expect"]["status"]
            assert (response.body, response.app_called) == (reason.encode(), False)


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "PROPFIND"])
def test_a_rebound_page_gets_nothing_though_its_requests_are_of_its_own_origin(
    exchange: Exchange, method: str
) -> None:
    page = {"origin": "http://rebound.example", "sec_fetch_site": "same-origin"}
    assert_refused(
        exchange(POLICY, asked("rebound.example", method=method, **page), allowed_hosts=[API])
    )


def test_the_host_is_judged_before_the_guard_and_before_preflights(exchange: Exchange) -> None:
    forged = Request(FORGED.method, [*FORGED.headers, ("host", "rebound.example")])
    asking = preflight(origin=APP)
    asking = Request(asking.method, [*asking.headers, ("host", "rebound.example")])
    for request in (forged, asking):
        assert_refused(exchange(POLICY, request, allowed_hosts=[API]))


def test_a_served_request_has_the_answer_that_it_has_without_the_option(
    exchange: Exchange,
) -> None:
    for request in (
        asked(API, origin=APP),
        asked(API, origin="https://evil.example"),
        asked(API),
        asked(API, method="POST", origin="https://evil.example"),
        asked(API, method="OPTIONS", origin=APP, access_control_request_method="PUT"),
    ):
        with_hosts = exchange(POLICY, request, allowed_hosts=[API])
        without = exchange(POLICY, request)
        assert (with_hosts.status, with_hosts.headers) == (without.status, without.headers)
        assert (with_hosts.body, with_hosts.app_called) == (without.body, without.app_called)


def test_the_host_is_judged_before_any_of_several_policies_asks(exchange: Exchange) -> None:
    asked_about: list[str] = []

    def allows(origin: str) -> bool:
        asked_about.append(origin)
        return False

    several: Any = [CORSPolicy(allow_origin_func=allows), CORSPolicy(allow_origins=["*"])]
    request = asked("rebound.example", origin="http://rebound.example")
    assert_refused(exchange(several, request, allowed_hosts=[API]))
    assert asked_about == []
    response = exchange(several, asked(API, origin=APP), allowed_hosts=[API])
    assert response.header_set == {
        "content-type": "text/plain",
        "access-control-allow-origin": "*",
        "vary": "Origin",
    }
    assert asked_about == [APP]


def test_a_head_request_is_refused_without_a_body(exchange: Exchange) -> None:
    response = exchange(POLICY, asked("evil.example", method="HEAD"), allowed_hosts=[API])
    assert (response.status, response.body, response.header_set) == (403, b"", REFUSED)


def test_the_refusal_names_its_reason_in_the_debug_header(exchange: Exchange) -> None:
    response = exchange(None, asked(), rules=[], allowed_hosts=[API], debug_header=True)
    assert response.header_set == {**MALFORMED, "corsac-refused": "host-malformed"}


def test_a_request_of_http_1_0_without_host_is_refused() -> None:
    app = app_sending({"type": "http.response.start", "status": 200, "headers": []})
    middleware = CORSMiddleware(app, POLICY, allowed_hosts=["127.0.0.1"])
    start, body = run_asgi(middleware, http_scope(Request(), http_version="1.0"))
    assert (start["status"], body["body"]) == (400, b"host-malformed")


def test_the_name_that_a_wsgi_server_gives_itself_is_no_host() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        raise AssertionError

    middleware = corsac.wsgi.CORSMiddleware(app, POLICY, allowed_hosts=["127.0.0.1"])
    for changes in ({"SERVER_PROTOCOL": "HTTP/1.0"}, {"HTTP_HOST": ""}, {"HTTP_HOST": b"x"}):
        answer = run_wsgi(middleware, wsgi_environ(Request(), **changes))
        assert (answer.status, answer.body) == ("400 Bad Request", b"host-malformed")
        assert dict(answer.headers) == MALFORMED


@examples(400)
@given(
    st.data(),
    options(),
    app_responses(),
    st.lists(
        st.sampled_from(
            [API, "*.example.com", "*.b.example.com:81", "localhost:80", "127.0.0.1", "[::1]:9"]
        ),
        min_size=1,
        unique=True,
    ),
)
def test_every_answer_is_the_one_of_a_naive_model(
    data: st.DataObject, opts: Options, app: AppResponse, hosts: list[str]
) -> None:
    drawn = data.draw(hostile_requests(opts))
    names = ["api.example.com", "a.b.example.com", "API.example.com.", "localhost", "[::1]", "a b"]
    text = st.one_of(
        st.builds(str.__add__, st.sampled_from(names), st.sampled_from(["", ":80", ":81", ":x"])),
        st.text("aA.:[]0%@-_*/ ,", max_size=8),
    )
    lines = [("Host", host) for host in data.draw(st.lists(text, max_size=2))]
    kept = [line for line in drawn.headers if line[0].lower() != "host"]
    request = Request(drawn.method, [*lines, *kept])

    def make(middleware: Any, application: Any) -> Any:
        return middleware(application, CORSPolicy(**opts.keywords), allowed_hosts=hosts)

    with without_warnings():
        wanted = model.answer_under_hosts(hosts, opts, request, app)
        assert comparable(core_answer(make, request, app)) == comparable(wanted)
        wanted = model.answer_under_hosts(hosts, opts, joined(request), app)
        assert comparable(wsgi_answer(make, request, app)) == comparable(wanted)


# Other scopes and odd headers


def test_other_scopes_have_no_host() -> None:
    called = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        called.append(scope["type"])

    middleware = CORSMiddleware(app, POLICY, allowed_hosts=[API])
    for scope in ({"type": "lifespan"}, {"type": "other"}, {}):
        if scope:
            run_asgi(middleware, scope)
    assert called == ["lifespan", "other"]


def test_headers_that_can_be_read_only_once_reach_the_application() -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append([*scope["headers"]])

    lines = [(b"host", API.encode()), (b"x-one", b"1")]
    for policy in (POLICY, None):
        middleware = CORSMiddleware(app, policy, rules=[], allowed_hosts=[API])
        run_asgi(middleware, http_scope(Request(), headers=iter(lines)))
    assert seen == [lines, lines]


@pytest.mark.parametrize(
    "headers",
    [
        [["Host", API]],
        ((bytearray(b"HOST"), memoryview(API.encode())),),
        [(b"host", API.encode()), "odd", (b"x",), (b"y", None)],
    ],
)
def test_odd_containers_of_headers_are_read_as_others_are(headers: Any) -> None:
    app = app_sending({"type": "http.response.start", "status": 200, "headers": []})
    for hosts, status in (([API], 200), (["other.example"], 403)):
        middleware = CORSMiddleware(app, rules=[], allowed_hosts=hosts)
        start, *_ = run_asgi(middleware, http_scope(Request(), headers=headers))
        assert start["status"] == status


def test_a_host_that_is_nothing_like_bytes_is_malformed() -> None:
    app = app_sending({"type": "http.response.start", "status": 200, "headers": []})
    middleware = CORSMiddleware(app, rules=[], allowed_hosts=[API])
    for headers in ([(b"host", None)], [(b"host", 1)], None, 7, [(b"host", API.encode())] * 2):
        start, *_ = run_asgi(middleware, http_scope(Request(), headers=headers))
        assert start["status"] == 400


# Who learns of it


def test_refusals_for_the_host_are_counted_told_and_logged(
    make_observed: MakeObserved, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Refusal] = []
    send = make_observed(policy=POLICY, allowed_hosts=[API], on_refusal=told.append)
    send(asked("evil.example", origin=APP))
    send(asked())
    send(asked(API))
    assert nonzero(send.middleware.counters()) == {"host_refused": 2, "not_cors": 1}
    assert nonzero(send.middleware.refusal_counters()) == {
        ("host", "host-not-allowed"): 1,
        ("host", "host-malformed"): 1,
    }
    assert told == [
        Refusal("host-not-allowed", APP, "GET", "/items", "hosts", "host", host="evil.example"),
        Refusal("host-malformed", None, "GET", "/items", "hosts", "host"),
    ]
    assert caplog.messages == [
        "CORS: refused host-not-allowed: host 'evil.example', 'GET' '/items'; if that is a name of "
        "this server, add it to allowed_hosts; more such refusals are logged as INFO",
        "CORS: refused host-malformed: host (none), 'GET' '/items'; more such refusals are logged "
        "as INFO",
    ]


def test_each_host_is_logged_once_and_what_it_sends_is_escaped(
    make_observed: MakeObserved, caplog: pytest.LogCaptureFixture
) -> None:
    send = make_observed(rules=[("/items", None)], allowed_hosts=[API])
    for host in ("a.example", "a.example", "b.example", "c\x1b[2J"):
        send(asked(host))
    named = [message.split("host ")[1].split(",")[0] for message in caplog.messages]
    assert named == ["'a.example'", "'b.example'", r"'c\x1b[2J'"]
    assert all("rule" not in message for message in caplog.messages)


# On trial


def test_hosts_on_trial_refuse_nothing(
    make_observed: MakeObserved, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Refusal] = []
    options: dict[str, Any] = {"policy": POLICY, "on_refusal": told.append}
    plain = make_observed(**options)
    send = make_observed(report_only_hosts=[API], **options)
    for request in (REBOUND, asked(API), asked()):
        assert send(request) == plain(request)
    assert nonzero(send.middleware.report_only_counters()) == {
        "host_refused": 2,
        "newly_refused": 2,
    }
    assert nonzero(send.middleware.report_only_refusal_counters()) == {
        ("host", "host-not-allowed"): 1,
        ("host", "host-malformed"): 1,
    }
    assert nonzero(send.middleware.counters()) == {"not_cors": 3}
    assert [(each.reason, each.host, each.report_only) for each in told] == [
        ("host-not-allowed", "rebound.example", True),
        ("host-malformed", None, True),
    ]
    assert caplog.messages[0].startswith("CORS: report-only: would refuse host-not-allowed: host")


def test_hosts_on_trial_may_serve_more_than_those_in_force(make_observed: MakeObserved) -> None:
    for policy in (None, POLICY):
        send = make_observed(
            policy=POLICY,
            allowed_hosts=[API],
            report_only=policy,
            report_only_hosts=[API, "new.example.com"],
        )
        for host in (API, "new.example.com", "evil.example"):
            send(asked(host))
        counters = nonzero(send.middleware.report_only_counters())
        assert counters.pop("not_cors", 0) == (0 if policy is None else 2)
        assert counters == {"newly_allowed": 1, "host_refused": 1}


def test_what_is_not_served_is_not_tried_by_a_policy_alone(make_observed: MakeObserved) -> None:
    send = make_observed(policy=POLICY, allowed_hosts=[API], report_only=POLICY.replace(max_age=1))
    send(REBOUND)
    assert nonzero(send.middleware.report_only_counters()) == {}


def test_a_handshake_is_tried_by_hosts_too() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        return

    middleware = CORSMiddleware(app, rules=[("/ws", None)], report_only_hosts=[API])
    for host in (b"evil.example", API.encode()):
        run_asgi(middleware, {"type": "websocket", "path": "/ws", "headers": [(b"host", host)]})
    assert nonzero(middleware.report_only_counters()) == {"host_refused": 1, "newly_refused": 1}


# Changing it, copying it, asking about it


def test_hosts_stay_in_force_until_others_are_given(make_observed: MakeObserved) -> None:
    send = make_observed(policy=POLICY, allowed_hosts=[API])
    send.middleware.reconfigure(POLICY.replace(guard=False))
    assert (send(REBOUND).status, send.middleware.allowed_hosts) == (403, (API,))
    with pytest.raises(CORSConfigError, match=r"host\.invalid"):
        send.middleware.reconfigure(POLICY, allowed_hosts=["https://x"])
    assert send(REBOUND).status == 403
    send.middleware.reconfigure(POLICY, allowed_hosts=["rebound.example"])
    assert send(REBOUND).status == 200
    send.middleware.reconfigure(POLICY, allowed_hosts=None)
    assert (send(asked()).status, send.middleware.allowed_hosts) == (200, None)


def some_application(*_: object) -> None:
    """An application that can be pickled."""


@pytest.mark.parametrize("middleware", [CORSMiddleware, corsac.wsgi.CORSMiddleware])
def test_a_copy_serves_the_same_hosts(middleware: Any) -> None:
    hosts: Any = {"allowed_hosts": corsac.LOOPBACK_HOSTS, "report_only_hosts": ["localhost"]}
    made = middleware(some_application, POLICY, **hosts)
    for again in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):  # noqa: S301
        assert again.allowed_hosts == ("localhost", "127.0.0.1", "[::1]")
        assert again.report_only_hosts == ("localhost",)
    assert "allowed_hosts=('localhost', '127.0.0.1', '[::1]')" in repr(made)


def test_the_explanation_names_the_host_that_is_refused(make_observed: MakeObserved) -> None:
    middleware = make_observed(policy=POLICY, allowed_hosts=[API], rules=[]).middleware
    found = middleware.explain("POST", {"Origin": APP, "Host": "evil.example"}, "/x")
    assert (found.kind, found.allowed, found.reason) == ("actual", False, "host-not-allowed")
    assert (found.status, found.app_runs, found.rule) == (403, False, None)
    assert dict(found.response_headers) == REFUSED
    assert str(found.steps[-1]) == (
        "NO  host: evil.example is not in allowed_hosts, so nothing else is looked at"
    )
    assert found.change.text == (
        "add 'evil.example' to allowed_hosts, if it is a name of this server"
    )
    two = middleware.explain("GET", [("host", API), ("host", API)])
    assert (two.status, two.reason, two.response_headers) == (
        400,
        "host-malformed",
        tuple(MALFORMED.items()),
    )
    for headers in ({"Origin": APP}, {"Origin": APP, "Host": API}):
        assert middleware.explain("GET", headers).allowed


# Mistakes


def configurations() -> list[Case]:
    found: list[Case] = json.loads((CASES / "hosts.json").read_text())["configurations"]
    return found


@pytest.mark.parametrize("option", ["allowed_hosts", "report_only_hosts"])
@pytest.mark.parametrize("case", configurations(), ids=lambda case: case["id"])
def test_every_configuration_has_the_problems_and_the_fix_that_are_expected(
    case: Case, option: str
) -> None:
    def problems_of(hosts: Any) -> tuple[corsac.CORSConfigProblem, ...]:
        try:
            return CORSMiddleware(app_sending(), rules=[], **{option: hosts}).problems
        except CORSConfigError as error:
            assert not case["valid"]
            return error.problems

    problems = problems_of(case["allowed_hosts"])
    assert {problem.code for problem in problems} == set(case["problems"])
    assert all(
        option in {each.option, each.option.split(": ")[-1]} or option != "allowed_hosts"
        for each in problems
    )
    if option == "report_only_hosts" and case["valid"]:
        return  # What is in force there, and not a fix of it, is in the middleware.
    fixes = [problem.fix for problem in problems]
    if case["fix"] is not None:
        assert fixes[0] == {option: tuple(case["fix"])}
    for fix in filter(None, fixes):
        left = [each.code for each in problems_of(fix[option])]
        assert len(left) < len(problems)


def test_all_mistakes_are_said_at_once() -> None:
    with pytest.raises(CORSConfigError) as caught:
        CORSMiddleware(
            app_sending(),
            allow_origins=["https://a.example/"],
            rules=[("api/*", None)],
            allowed_hosts=["https://a.example", "*"],
            report_only_hosts=["B.example"],
            debug_header="vary",
        )
    found = [(each.option, each.code) for each in caught.value.problems]
    assert sorted(found) == [
        ("allow_origins", "origin.invalid"),
        ("allowed_hosts", "host.invalid"),
        ("allowed_hosts", "host.invalid"),
        ("debug_header", "header.invalid"),
        ("report_only_hosts", "host.invalid"),
        ("rules", "rule.invalid"),
    ]


def test_a_policy_says_that_hosts_are_the_middlewares() -> None:
    with pytest.raises(TypeError, match="give the middleware allowed_hosts="):
        CORSPolicy(allowed_hosts=[API])  # type: ignore[call-arg]


def test_any_number_of_hosts_is_looked_up_as_one_is(exchange: Exchange) -> None:
    hosts = [f"t{number}.example.com" for number in range(3000)]
    for host, status in ((hosts[0], 200), (hosts[-1], 200), ("t3000.example.com", 403)):
        assert exchange(POLICY, asked(host), allowed_hosts=hosts).status == status
