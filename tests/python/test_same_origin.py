"""Requests that no browser makes a CORS check for are not refused, though they have an Origin."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.test import override_settings

import corsac
from corsac import Refusal
from support.django_project import CALLS
from support.exchange import (
    Request,
    Response,
    http_scope,
    run_asgi,
    run_wsgi,
    wsgi_environ,
)
from support.refused import EVIL, OBSERVED, ORIGIN, POLICY, MakeObserved, Observed

HOST = "shop.example"
OWN = f"http://{HOST}"  # What the tests' scopes and environs have is plain HTTP.
REFUSED_HEADERS = [("x-app", "1"), ("vary", "Origin")]


def post(*lines: tuple[str, str], origin: str = OWN, path: str = "/items") -> Request:
    return Request("POST", [("host", HOST), ("origin", origin), *lines], path)


OWN_PAGES = [
    post(("sec-fetch-site", "same-origin")),
    # A proxy ended TLS: the scheme is another, and the browser knows better.
    post(("sec-fetch-site", "same-origin"), origin=f"https://{HOST}"),
    # A form of a page that sends no referrer.
    post(("sec-fetch-site", "same-origin"), origin="null"),
    post(),
    # The same without Fetch Metadata: the server cannot know.
    post(origin=f"https://{HOST}"),
    Request("GET", [("host", f"{HOST}:80"), ("origin", OWN)], "/items"),
]
# Forms, images and beacons, handshakes of other sites: their responses are not checked.
UNCHECKED = [
    post(("sec-fetch-site", "cross-site"), ("sec-fetch-mode", mode), origin=origin)
    for mode in ("navigate", "no-cors", "same-origin", "websocket")
    for origin in (EVIL, "null")
]
UNCHECKED += [Request("POST", [("origin", EVIL), ("sec-fetch-mode", "navigate")], "/items")]
OTHERS = [
    post(("sec-fetch-site", "cross-site"), origin=EVIL),
    post(("sec-fetch-site", "same-site"), origin=f"http://www.{HOST}"),
    post(("sec-fetch-site", "cross-site")),
    post(("sec-fetch-site", "none")),
    post(("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")),
    post(origin=EVIL),
    post(origin=f"{OWN}:8080"),
    post(origin="null"),
    Request("GET", [("origin", OWN)], "/items"),
    post(("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "cors"), origin=EVIL),
    post(("sec-fetch-site", "cross-site"), ("sec-fetch-mode", ""), origin=EVIL),
    post(("sec-fetch-mode", "navigate"), ("sec-fetch-mode", "navigate"), origin=EVIL),
    # Only HTTP has an own origin to ask.
    Request("POST", [("host", "localhost"), ("origin", "tauri://localhost")], "/items"),
]


@pytest.fixture(params=sorted(OBSERVED))
def make_observed(request: pytest.FixtureRequest) -> MakeObserved:
    return OBSERVED[request.param]


@pytest.mark.parametrize("request_", [*OWN_PAGES, *UNCHECKED])
def test_what_no_browser_checks_is_not_a_refusal(
    make_observed: MakeObserved, request_: Request, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Refusal] = []
    with caplog.at_level(logging.INFO, "corsac"):
        send = make_observed(policy=POLICY, on_refusal=told.append)
        sent = send(request_)
    assert (sent.status, sent.headers, sent.body) == (200, REFUSED_HEADERS, b"from the app")
    assert (told, caplog.records) == ([], [])
    counted = {name: count for name, count in send.middleware.counters().items() if count}
    assert counted == {"not_cors": 1}
    assert not any(send.middleware.refusal_counters().values())


@pytest.mark.parametrize("request_", OTHERS)
def test_whatever_may_be_another_origin_is_a_refusal(
    make_observed: MakeObserved, request_: Request, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Refusal] = []
    with caplog.at_level(logging.INFO, "corsac"):
        send = make_observed(policy=POLICY, on_refusal=told.append)
        sent = send(request_)
    assert (sent.status, sent.headers, sent.body) == (200, REFUSED_HEADERS, b"from the app")
    assert [refusal.kind for refusal in told] == ["actual"]
    assert len(caplog.records) == 1
    counted = {name: count for name, count in send.middleware.counters().items() if count}
    assert counted == {"actual_refused": 1}


def test_without_a_scheme_the_host_decides(make_observed: MakeObserved) -> None:
    told: list[Refusal] = []
    send = make_observed(policy=POLICY, on_refusal=told.append)
    middleware = send.middleware

    def without_scheme(request: Any, *more: Any) -> Any:
        other = {k: v for k, v in request.items() if k not in {"scheme", "wsgi.url_scheme"}}
        return middleware(other, *more)

    if isinstance(middleware, corsac.CORSMiddleware):
        run_asgi(without_scheme, http_scope(post(origin=f"https://{HOST}")))
    else:
        without_scheme(wsgi_environ(post(origin=f"https://{HOST}")), lambda *_: None)
    assert told == []
    assert middleware.counters()["not_cors"] == 1


@pytest.mark.parametrize("scheme", ["https", "wss", "HTTPS"])
def test_where_the_server_knows_of_tls_http_is_another_origin(
    scheme: str, make_observed: MakeObserved
) -> None:
    told: list[Refusal] = []
    send = make_observed(policy=POLICY, on_refusal=told.append)
    by_tls(send, post(), scheme)
    assert [refusal.origin for refusal in told] == [OWN]
    by_tls(send, post(origin=f"https://{HOST}"), scheme)
    by_tls(send, post(("sec-fetch-site", "same-origin")), scheme)
    assert len(told) == 1


def by_tls(send: Observed, request: Request, scheme: str) -> Any:
    """Send a request to a server that knows that it was asked by TLS; gives the status."""
    middleware = send.middleware
    if isinstance(middleware, corsac.CORSMiddleware):
        return run_asgi(middleware, http_scope(request, scheme=scheme))[0]["status"]
    return run_wsgi(middleware, wsgi_environ(request, **{"wsgi.url_scheme": scheme})).code


@pytest.mark.parametrize(
    ("origin", "host", "scheme", "status"),
    [
        (OWN, HOST, "http", 200),
        (f"https://{HOST}", HOST, "http", 200),
        (f"https://{HOST}", HOST, "https", 200),
        (f"https://{HOST}", f"{HOST}:443", "https", 200),
        (OWN, HOST, "https", 403),
        (OWN, f"{HOST}:80", "wss", 403),
        ("tauri://localhost", "localhost", "http", 403),
        ("tauri://localhost", "localhost", "https", 403),
        ("chrome-extension://abc", "abc", "http", 403),
        ("ws://shop.example", HOST, "http", 403),
    ],
)
def test_the_guard_takes_the_own_origin_with_its_scheme(
    make_observed: MakeObserved, origin: str, host: str, scheme: str, status: int
) -> None:
    send = make_observed(policy=POLICY.replace(guard=True))
    request = Request("POST", [("host", host), ("origin", origin)])
    assert by_tls(send, request, scheme) == status


@pytest.mark.parametrize("mode", ["navigate", "no-cors", "websocket"])
def test_the_guard_judges_what_no_browser_checks(make_observed: MakeObserved, mode: str) -> None:
    told: list[Refusal] = []
    send = make_observed(policy=POLICY.replace(guard=True), on_refusal=told.append)
    forged = post(("sec-fetch-site", "cross-site"), ("sec-fetch-mode", mode), origin=EVIL)
    assert send(forged).status == 403
    assert [(refusal.kind, refusal.reason) for refusal in told] == [
        ("guard", "cross-origin-request")
    ]
    asks = ("access-control-request-method", "PUT")
    preflight = [("origin", EVIL), ("sec-fetch-mode", mode), asks]
    assert send(Request("OPTIONS", preflight)).status == 403
    assert told[-1].kind == "preflight"


@pytest.mark.parametrize("request_", [*OWN_PAGES, *UNCHECKED])
def test_explain_calls_it_not_refused(request_: Request) -> None:
    explanation = POLICY.explain(request_.method, request_.headers)
    assert (explanation.kind, explanation.allowed, explanation.reason) == ("actual", None, None)
    assert explanation.change is None


def test_preflights_and_malformed_origins_and_the_guard_refuse_all_the_same(
    make_observed: MakeObserved,
) -> None:
    told: list[Refusal] = []
    send = make_observed(policy=POLICY.replace(guard=True), on_refusal=told.append)
    same = ("sec-fetch-site", "same-origin")
    asks = ("access-control-request-method", "PUT")
    assert send(Request("OPTIONS", [("host", HOST), ("origin", OWN), same, asks])).status == 403
    assert send(post(same, origin="not one, but two")).status == 403
    assert send(post(("sec-fetch-site", "cross-site"))).status == 403
    assert send(Request("GET", [("origin", "not one, but two"), same])).status == 200
    assert [(refusal.kind, refusal.reason) for refusal in told] == [
        ("preflight", "origin-not-allowed"),
        ("guard", "cross-origin-request"),
        ("guard", "cross-origin-request"),
        ("actual", "origin-malformed"),
    ]


def test_a_guarded_page_that_asks_its_own_origin_is_no_refusal(
    make_observed: MakeObserved,
) -> None:
    told: list[Refusal] = []
    send = make_observed(policy=POLICY.replace(guard=True), on_refusal=told.append)
    assert send(post(("sec-fetch-site", "same-origin"))).status == 200
    assert send(post()).status == 200
    assert told == []
    assert send.middleware.counters()["not_cors"] == 2


def test_a_policy_on_trial_does_not_refuse_it_either(make_observed: MakeObserved) -> None:
    told: list[Refusal] = []
    tight = corsac.CORSPolicy(allow_origins=[ORIGIN])
    listed = corsac.CORSPolicy(allow_origins=[ORIGIN, OWN])
    same, cookie = ("sec-fetch-site", "same-origin"), ("cookie", "a=b")
    for in_force in (tight, listed):
        for trial in (tight, listed):
            send = make_observed(policy=in_force, report_only=trial, on_refusal=told.append)
            send(post(same, cookie))  # With cookies, and a policy without credentials.
            counters = send.middleware.report_only_counters()
            assert (counters["newly_refused"], counters["newly_allowed"]) == (0, 0)
            assert (counters["not_cors"], counters["actual_refused"]) == (1, 0)
    assert told == []
    send = make_observed(policy=listed, report_only=tight, on_refusal=told.append)
    send(post(("sec-fetch-site", "cross-site")))
    assert [refusal.report_only for refusal in told] == [True]


Call = Callable[[Request], Response]
TOLD: list[Refusal] = []


def tell(refusal: Refusal) -> None:
    TOLD.append(refusal)


@pytest.mark.parametrize("protocol", sorted(CALLS))
def test_in_django_it_is_the_same(protocol: str, caplog: pytest.LogCaptureFixture) -> None:
    call = CALLS[protocol]
    TOLD.clear()
    corsac_settings = {"allow_origins": [ORIGIN]}
    trial = corsac.CORSPolicy(allow_origins=["https://b.example.com"])
    settings = {"CORSAC": corsac_settings, "CORSAC_ON_REFUSAL": tell, "CORSAC_REPORT_ONLY": trial}
    with caplog.at_level(logging.INFO, "corsac"), override_settings(**settings):
        for request in (*OWN_PAGES, *UNCHECKED):
            response = call(request)
            assert response.one("access-control-allow-origin") is None
            assert response.one("vary") == "Origin"
        assert (TOLD, caplog.records) == ([], [])
        call(post(origin=EVIL))
        call(post(("sec-fetch-site", "cross-site")))
    assert [(refusal.kind, refusal.origin) for refusal in TOLD] == [
        ("actual", EVIL),
        ("actual", OWN),
    ]
