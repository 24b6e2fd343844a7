"""The one origin on every response: `always_send`."""

from __future__ import annotations

import logging
from typing import Any

import flask
import pytest

import corsac.flask
from corsac import CORSConfigError, CORSPolicy, Refusal
from corsac.browser import FetchRequest, Response, simulate
from corsac.browser import Request as Sent
from corsac.foreign.allowance import allows_no_more
from corsac.migrate import translate
from corsac.observers import DEBUG_HEADER
from support.exchange import AppResponse, Exchange, Request
from support.policies import ALLOWED, APP_HEADERS, ORIGIN, OTHER, PREFLIGHT, refused_with
from support.refused import MakeObserved

OPTIONS: dict[str, Any] = {
    "allow_origins": [ORIGIN],
    "allow_methods": ["PUT", "DELETE"],
    "allow_headers": ["Content-Type", "X-Request-ID"],
    "allow_credentials": True,
    "expose_headers": ["ETag", "X-Request-ID"],
}
POLICY = CORSPolicy(always_send=True, **OPTIONS)
CONSTANT = {name: value for name, value in ALLOWED.items() if name != "vary"}
PREFLIGHT_LINES = [("Access-Control-Request-Method", "PUT")]
ORIGINS = [
    [],
    [("Origin", ORIGIN)],
    [("Origin", OTHER)],
    [("Origin", "null")],
    [("Origin", "")],
    [("Origin", ORIGIN), ("Origin", OTHER)],
    [("Origin", f"{ORIGIN}, {ORIGIN}")],
    [("Origin", "https://" + "a" * 400)],
]


@pytest.mark.parametrize("status", [200, 304, 404, 500])
@pytest.mark.parametrize("lines", ORIGINS)
def test_every_response_has_the_same_headers_whatever_the_origin(
    exchange: Exchange, lines: list[tuple[str, str]], status: int
) -> None:
    response = exchange(POLICY, Request("GET", lines), AppResponse(status))
    assert (response.status, response.app_called) == (status, True)
    assert response.header_set == APP_HEADERS | CONSTANT


def test_without_credentials_it_is_the_origin_alone(exchange: Exchange) -> None:
    policy = CORSPolicy(allow_origins=[ORIGIN], always_send=True)
    for lines in ORIGINS:
        response = exchange(policy, Request("GET", lines))
        assert response.header_set == APP_HEADERS | {"access-control-allow-origin": ORIGIN}


@pytest.mark.parametrize("app_headers", ["replace", "keep"])
@pytest.mark.parametrize("lines", ORIGINS[:3])
def test_what_the_application_sets_is_replaced_and_its_vary_stays(
    exchange: Exchange, lines: list[tuple[str, str]], app_headers: Any
) -> None:
    app = AppResponse(
        headers=[
            ("Access-Control-Allow-Origin", "*"),
            ("ACCESS-CONTROL-ALLOW-CREDENTIALS", "false"),
            ("Access-Control-Expose-Headers", "X-Secret"),
            ("Vary", "Accept"),
        ]
    )
    policy = POLICY.replace(app_headers=app_headers)
    response = exchange(policy, Request("GET", lines), app)
    assert response.header_set == CONSTANT | {"vary": "Accept"}


@pytest.mark.parametrize("origin", [OTHER, "null", ORIGIN + "/"])
def test_a_preflight_of_another_origin_is_refused_as_ever(exchange: Exchange, origin: str) -> None:
    request = Request("OPTIONS", [("Origin", origin), *PREFLIGHT_LINES])
    response = exchange(POLICY, request)
    assert (response.status, response.app_called) == (403, False)
    assert response.header_set == refused_with("origin-not-allowed")


def test_a_preflight_of_the_origin_has_the_answer_of_any_policy(exchange: Exchange) -> None:
    request = Request("OPTIONS", [("Origin", ORIGIN), *PREFLIGHT_LINES])
    response = exchange(POLICY, request)
    assert (response.status, response.app_called) == (204, False)
    assert response.header_set == PREFLIGHT


def test_a_refused_preflight_that_the_application_answers_gets_nothing_but_vary(
    exchange: Exchange,
) -> None:
    policy = POLICY.replace(preflight_continue=True)
    request = Request("OPTIONS", [("Origin", OTHER), *PREFLIGHT_LINES])
    assert exchange(policy, request).header_set == APP_HEADERS | {"vary": "Origin"}
    allowed = exchange(policy, Request("OPTIONS", [("Origin", ORIGIN), *PREFLIGHT_LINES]))
    assert allowed.header_set == APP_HEADERS | PREFLIGHT


def test_the_guard_refuses_what_it_refuses_anyway(exchange: Exchange) -> None:
    policy = POLICY.replace(guard=True)
    lines = [("Origin", OTHER), ("Sec-Fetch-Site", "cross-site")]
    response = exchange(policy, Request("POST", lines))
    assert (response.status, response.app_called) == (403, False)
    assert response.header_set == refused_with("cross-origin-request")
    response = exchange(policy, Request("POST", [("Origin", ORIGIN)]))
    assert response.header_set == APP_HEADERS | CONSTANT


def test_another_origin_is_counted_told_and_logged_as_refused(
    make_observed: MakeObserved, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Refusal] = []
    send = make_observed(policy=POLICY, on_refusal=told.append, debug_header=True)
    with caplog.at_level(logging.WARNING, "corsac"):
        sent = send(Request("GET", [("origin", OTHER)]))
        send(Request("GET", [("origin", ORIGIN)]))
        send(Request("GET"))
    assert dict(sent.headers) == CONSTANT | {
        "x-app": "1",
        DEBUG_HEADER: "origin-not-allowed",
        "vary": "Origin",  # Nobody else gets the reason, from a cache.
    }
    assert [(each.reason, each.origin) for each in told] == [("origin-not-allowed", OTHER)]
    assert sum(send.middleware.refusal_counters().values()) == 1
    (record,) = caplog.records
    assert record.getMessage().startswith("CORS: refused origin-not-allowed")


@pytest.mark.parametrize(("origin", "reason"), [(ORIGIN, None), (OTHER, "allow-origin-mismatch")])
@pytest.mark.parametrize("credentials", ["same-origin", "include"])
def test_a_browser_reads_it_from_that_origin_alone(
    exchange: Exchange, origin: str, reason: str | None, credentials: Any
) -> None:
    def transport(request: Sent) -> Response:
        answer = exchange(POLICY, Request(request.method, request.headers))
        return Response(answer.status, answer.headers)

    fetch = FetchRequest("https://api.example.com/", origin, credentials=credentials)
    outcome = simulate(fetch, transport)
    assert (outcome.ok, outcome.reason) == (reason is None, reason)

    def without_origin(request: Sent) -> Response:
        lines = [(name, value) for name, value in request.headers if name.lower() != "origin"]
        answer = exchange(POLICY, Request(request.method, lines))
        return Response(answer.status, answer.headers)

    # As behind a cache that knows one answer for all.
    assert simulate(fetch, without_origin) == outcome


def test_explain_says_what_is_sent_and_that_the_browser_refuses_it() -> None:
    explanation = POLICY.explain("GET", {"Origin": OTHER})
    assert explanation.response_headers == tuple(CONSTANT.items())
    assert (explanation.allowed, explanation.reason) == (False, "origin-not-allowed")
    assert "Access-Control-Allow-Origin is another origin" in str(explanation)
    assert POLICY.explain("GET", {}).response_headers == tuple(CONSTANT.items())
    preflight = POLICY.explain("OPTIONS", [("Origin", OTHER), *PREFLIGHT_LINES])
    assert dict(preflight.response_headers) == refused_with("origin-not-allowed")


def test_the_change_that_lets_another_origin_in_gives_the_constant_up() -> None:
    change = POLICY.explain("GET", {"Origin": OTHER}).change
    assert change is not None
    assert change.options == {"allow_origins": (ORIGIN, OTHER), "always_send": False}
    assert "set always_send=False" in change.text
    assert POLICY.replace(**change.options).explain("GET", {"Origin": OTHER}).allowed


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"allow_origins": [ORIGIN, OTHER]},
        {"allow_origins": ["https://*.example.com"]},
        {"allow_origins": ["http://localhost:*"]},
        {"allow_origins": ["*"]},
        {"allow_origins": ["null"], "tolerate": ["origin.null"]},
        {"allow_origins": [ORIGIN], "allow_origin_func": lambda _: True},
        {"allow_origins": [ORIGIN], "allow_origin_regex": "https://[ab]{1,2}[.]example[.]com"},
        {"allow_origin_func": lambda _: True},
    ],
)
def test_anything_but_one_exact_origin_is_an_error(options: dict[str, Any]) -> None:
    with pytest.raises(CORSConfigError) as raised:
        CORSPolicy(always_send=True, **options)
    errors = [each for each in raised.value.problems if each.severity == "error"]
    assert [(each.code, each.option, each.value) for each in errors] == [
        ("always_send.needs_one_origin", "always_send", True)
    ]
    assert "exactly one exact origin" in errors[0].message
    assert "remove always_send" in errors[0].hint


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ({"allow_origins": "https://a.test"}, ["option.wrong_type"]),
        ({"allow_origins": ["https://a.test/"]}, ["origin.invalid"]),
        ({"allow_origins": [ORIGIN], "always_send": "yes"}, ["option.wrong_type"]),
    ],
)
def test_one_mistake_is_said_once(options: dict[str, Any], codes: list[str]) -> None:
    with pytest.raises(CORSConfigError) as raised:
        CORSPolicy(**{"always_send": True} | options)
    assert [problem.code for problem in raised.value.problems] == codes


def test_it_allows_no_more_than_the_policy_without_it() -> None:
    assert allows_no_more(POLICY, CORSPolicy(**OPTIONS))
    assert allows_no_more(CORSPolicy(**OPTIONS), POLICY)


@pytest.mark.parametrize("given", [{"always_send": True}, {}])
def test_flask_cors_options_mean_it_where_they_say_it(given: dict[str, Any]) -> None:
    app = flask.Flask("tested")
    app.add_url_rule("/", "view", lambda: "hello")
    corsac.flask.CORS(app, origins=ORIGIN, supports_credentials=True, **given)
    response = app.test_client().get("/")
    names = ("access-control-allow-origin", "access-control-allow-credentials", "vary")
    constant = (ORIGIN, "true", None)
    expected = constant if given else (None, None, "Origin")
    assert tuple(response.headers.get(name) for name in names) == expected
    translation = translate("flask-cors", {"origins": [ORIGIN], **given})
    assert translation.options.get("always_send", False) is bool(given)


def test_of_several_origins_flask_cors_options_mean_none_of_it() -> None:
    translation = translate("flask-cors", {"origins": [ORIGIN, OTHER], "always_send": True})
    assert "always_send" not in translation.options


def test_an_origin_without_effect_takes_it_along(caplog: pytest.LogCaptureFixture) -> None:
    app = flask.Flask("tested")
    with caplog.at_level(logging.WARNING, "corsac"):
        corsac.flask.CORS(app, origins="wss://app.example.com", always_send=True)
    assert "origin.websocket_scheme" in caplog.text
    assert app.test_client().get("/").headers.get("access-control-allow-origin") is None
