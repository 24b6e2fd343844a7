"""The guard: what is refused before the application runs.

Every test runs on every protocol and asserts the whole set of headers, so that an extra one fails.
"""

from __future__ import annotations

from typing import Any

import pytest

import corsac
from corsac import CORSPolicy, Guard, Refusal
from support.exchange import AppResponse, Exchange, Request, http_scope, run_asgi
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


OWN = ("Host", "api.example.com")
COOKIE = ("Cookie", "sid=1")
CROSS_SITE = ("Sec-Fetch-Site", "cross-site")
ISOLATED_VARY = "Origin, Sec-Fetch-Site, Sec-Fetch-Mode, Sec-Fetch-Dest"
FROM_APP = {"content-type": "text/plain"}


def test_a_trusted_origin_writes_with_cookies_and_may_not_read(exchange: Exchange) -> None:
    policy = CORSPolicy(guard=Guard(trusted_origins=[OTHER, "https://*.partner.example"]))
    for origin in (OTHER, "https://a.partner.example"):
        headers = [("Origin", origin), CROSS_SITE, COOKIE]
        response = exchange(policy, Request("POST", headers))
        assert response.app_called
        assert response.header_set == FROM_APP | {"vary": "Origin"}
    stranger = [("Origin", "https://partner.example"), CROSS_SITE]
    assert exchange(policy, Request("POST", stranger)).body == b"cross-origin-request"


@pytest.mark.parametrize("origins", [[ORIGIN], ["*"]])
def test_who_is_allowed_without_credentials_writes_without_cookies_only(
    exchange: Exchange, origins: list[str]
) -> None:
    policy = CORSPolicy(allow_origins=origins, guard=True)
    headers = [("Origin", ORIGIN), OWN, CROSS_SITE]
    response = exchange(policy, Request("POST", headers))
    vary = {"vary": "Origin"} if origins != ["*"] else {}
    allowed = {"access-control-allow-origin": origins[0]}
    assert response.header_set == FROM_APP | allowed | vary
    response = exchange(policy, Request("POST", [*headers, COOKIE]))
    assert (response.status, response.app_called) == (403, False)
    assert response.header_set == refused_with("cross-origin-request", vary.get("vary"))
    own = [("Origin", "https://api.example.com"), OWN, COOKIE]
    assert exchange(policy, Request("POST", own)).app_called


def test_with_credentials_an_allowed_origin_writes_with_cookies(exchange: Exchange) -> None:
    policy = CORSPolicy(allow_origins=[ORIGIN], allow_credentials=True, guard=True)
    headers = [("Origin", ORIGIN), OWN, CROSS_SITE, COOKIE]
    assert exchange(policy, Request("POST", headers)).app_called


def test_a_function_that_allows_an_origin_says_nothing_of_cookies(exchange: Exchange) -> None:
    policy = CORSPolicy(allow_origin_func=lambda _: True, guard=True)
    headers = [("Origin", OTHER), CROSS_SITE]
    assert exchange(policy, Request("POST", headers)).app_called
    assert not exchange(policy, Request("POST", [*headers, COOKIE])).app_called


@pytest.mark.parametrize("method", ["POST", "GET", "HEAD"])
def test_nothing_is_refused_on_an_exempt_path_and_its_cors_headers_stay(
    exchange: Exchange, method: str
) -> None:
    guard = Guard(exempt_paths=["/pay/*"], isolate_reads=True)
    policy = CORSPolicy(allow_origins=[ORIGIN], guard=guard)
    headers = [("Origin", OTHER), CROSS_SITE, ("Sec-Fetch-Mode", "no-cors"), COOKIE]
    response = exchange(policy, Request(method, headers, "/pay/callback"))
    assert response.app_called
    assert response.header_set == FROM_APP | {"vary": "Origin"}
    response = exchange(policy, Request(method, [("Origin", ORIGIN)], "/pay"))
    assert response.header_set == FROM_APP | {
        "access-control-allow-origin": ORIGIN,
        "vary": "Origin",
    }
    assert not exchange(policy, Request(method, headers, "/payments")).app_called


def test_a_mounted_application_is_exempt_by_the_path_that_its_router_sees() -> None:
    called = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        called.append(scope["path"])

    guard = Guard(exempt_paths=["/hook"])
    middleware = corsac.CORSMiddleware(app, guard=guard)
    headers = [("Origin", OTHER)]
    for path, root_path in (("/v1/hook", "/v1"), ("/v1/hook", "")):
        scope = http_scope(Request("POST", headers, path), root_path=root_path)
        run_asgi(middleware, scope)
    assert called == ["/v1/hook"]


def test_a_guard_for_web_sockets_alone_lets_every_write_pass(exchange: Exchange) -> None:
    policy = CORSPolicy(guard=Guard(writes=False))
    response = exchange(policy, Request("POST", [("Origin", OTHER), CROSS_SITE]))
    assert response.app_called
    assert response.header_set == FROM_APP | {"vary": "Origin"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_another_site_embeds_is_refused(exchange: Exchange, method: str) -> None:
    policy = CORSPolicy(allow_origins=[ORIGIN], guard=Guard(isolate_reads=True))
    headers = [CROSS_SITE, ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")]
    response = exchange(policy, Request(method, headers))
    assert (response.status, response.app_called) == (403, False)
    assert response.body == b"cross-origin-read"
    assert response.header_set == refused_with("cross-origin-read", ISOLATED_VARY)


@pytest.mark.parametrize(
    ("headers", "added"),
    [
        ([], {}),
        ([("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Mode", "no-cors")], {}),
        ([CROSS_SITE, ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")], {}),
        ([CROSS_SITE, ("Sec-Fetch-Mode", "cors"), ("Origin", OTHER)], {}),
        (
            [CROSS_SITE, ("Sec-Fetch-Mode", "cors"), ("Origin", ORIGIN)],
            {"access-control-allow-origin": ORIGIN},
        ),
    ],
)
def test_isolated_reads_that_pass_vary_by_what_they_could_have_been_refused_for(
    exchange: Exchange, headers: list[tuple[str, str]], added: dict[str, str]
) -> None:
    policy = CORSPolicy(allow_origins=[ORIGIN], guard=Guard(isolate_reads=True))
    response = exchange(policy, Request("GET", headers))
    assert response.header_set == FROM_APP | {"vary": ISOLATED_VARY} | added


@pytest.mark.parametrize(
    ("own", "merged"),
    [
        ("Accept", f"Accept, {ISOLATED_VARY}"),
        (
            "sec-fetch-mode, ORIGIN",
            "sec-fetch-mode, ORIGIN, Sec-Fetch-Site, Sec-Fetch-Dest",
        ),
        ("*", "*"),
    ],
)
def test_what_isolation_varies_by_is_merged_without_duplicates(
    exchange: Exchange, own: str, merged: str
) -> None:
    policy = CORSPolicy(allow_origins=[ORIGIN], guard=Guard(isolate_reads=True))
    app = AppResponse(headers=[("content-type", "text/plain"), ("vary", own)])
    assert exchange(policy, Request("GET", []), app).header_set == FROM_APP | {"vary": merged}


def test_only_reads_of_a_policy_that_isolates_vary_by_fetch_metadata(exchange: Exchange) -> None:
    isolating = CORSPolicy(allow_origins=[ORIGIN], guard=Guard(isolate_reads=True))
    own = [("Sec-Fetch-Site", "same-origin")]
    assert exchange(isolating, Request("POST", own)).one("vary") == "Origin"
    assert exchange(isolating, Request("OPTIONS", own)).one("vary") == "Origin"
    assert exchange(GUARDED, Request("GET", own)).one("vary") == "Origin"
    anyone = CORSPolicy(allow_origins=["*"], guard=Guard(isolate_reads=True))
    assert exchange(anyone, Request("GET", own)).header_set == FROM_APP | {
        "access-control-allow-origin": "*",
        "vary": "Sec-Fetch-Site, Sec-Fetch-Mode, Sec-Fetch-Dest",
    }


def test_paths_whose_slashes_leave_the_rule_open_are_guarded_as_any_of_them(
    exchange: Exchange,
) -> None:
    rules = [("/a/*", CORSPolicy(guard=Guard(isolate_reads=True, writes=False))), ("/b/*", None)]
    headers = [CROSS_SITE, ("Sec-Fetch-Mode", "no-cors")]
    response = exchange(None, Request("GET", headers, "//a/x"), rules=rules)
    assert response.body == b"cross-origin-read"
    assert exchange(None, Request("POST", headers, "//a/x"), rules=rules).app_called


def test_a_guard_on_trial_counts_and_tells_what_it_would_refuse() -> None:
    told: list[Refusal] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    trial = CORSPolicy(
        allow_origins=[ORIGIN],
        guard=Guard(trusted_origins=[OTHER], exempt_paths=["/pay"], isolate_reads=True),
    )
    middleware = corsac.CORSMiddleware(
        app, allow_origins=[ORIGIN], report_only=trial, on_refusal=told.append
    )
    embedded = [CROSS_SITE, ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")]
    requests = [
        Request("GET", embedded),
        Request("GET", embedded, "/pay"),
        Request("POST", [("Origin", OTHER), COOKIE]),
        Request("POST", [("Origin", ORIGIN)]),
        Request("POST", [("Origin", ORIGIN), COOKIE]),
    ]
    for request in requests:
        messages = run_asgi(middleware, http_scope(request))
        assert messages[0]["status"] == 200
    found = [(each.reason, each.method, each.report_only) for each in told if each.report_only]
    assert found == [("cross-origin-read", "GET", True), ("cross-origin-request", "POST", True)]
    assert middleware.report_only_counters()["guard_refused"] == 2
    assert middleware.counters()["guard_refused"] == 0


def test_a_refused_read_is_counted_logged_and_told(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Refusal] = []
    called: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        called.append(scope)

    middleware = corsac.CORSMiddleware(
        app, guard=Guard(isolate_reads=True), on_refusal=told.append, debug_header=True
    )
    messages = run_asgi(middleware, http_scope(Request("GET", [CROSS_SITE], "/avatar")))
    assert not called
    assert (b"corsac-refused", b"cross-origin-read") in messages[0]["headers"]
    assert [(each.reason, each.kind, each.path) for each in told] == [
        ("cross-origin-read", "guard", "/avatar")
    ]
    assert middleware.counters()["guard_refused"] == 1
    assert middleware.refusal_counters()["guard", "cross-origin-read"] == 1
    assert middleware.refusal_counters()[("guard", "cross-origin-read")] == 1
    line = "CORS: refused cross-origin-read: origin (none), 'GET' '/avatar'"
    assert [text for text in caplog.messages if text.startswith(line)]
