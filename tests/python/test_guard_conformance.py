"""The conformance cases of the guard, on every protocol."""

from __future__ import annotations

from typing import Any

import pytest

import corsac
import corsac.wsgi
from support.conformance import Case, read_cases
from support.exchange import (
    AppResponse,
    Exchange,
    Request,
    http_scope,
    run_asgi,
    run_wsgi,
    wsgi_environ,
)

CASES = read_cases("guard.json")
POLICY_OPTIONS = {"allow_origins", "allow_credentials"}


def policy_of(case: Case) -> corsac.CORSPolicy:
    config: dict[str, Any] = case["config"]
    own = {name: value for name, value in config.items() if name in POLICY_OPTIONS}
    guard = {name: value for name, value in config.items() if name not in POLICY_OPTIONS}
    return corsac.CORSPolicy(**own, guard=corsac.Guard(**guard))


def request_of(case: Case) -> Request:
    sent = case["request"]
    headers = [(name, value) for name, value in sent["headers"]]
    return Request(sent["method"], headers, sent["path"], sent["scheme"])


HTTP = [case for case in CASES if case["request"]["kind"] == "http"]
HANDSHAKES = [case for case in CASES if case["request"]["kind"] == "websocket"]


@pytest.mark.parametrize("case", HTTP, ids=lambda case: case["id"])
def test_a_request_is_guarded_as_the_case_expects(case: Case, exchange: Exchange) -> None:
    response = exchange(policy_of(case), request_of(case), AppResponse(headers=[]))
    assert response.app_called is (case["verdict"] == "allow")
    if not response.app_called:
        assert (response.status, response.body) == (403, case["reason"].encode())
    if "vary" in case:
        assert response.one("vary") == ", ".join(case["vary"])


@pytest.mark.parametrize("case", HANDSHAKES, ids=lambda case: case["id"])
def test_a_handshake_is_guarded_as_the_case_expects(case: Case) -> None:
    called = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        called.append(scope)

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    schemes = {"http": "ws", "https": "wss"}
    request = request_of(case)
    scope = http_scope(request) | {"type": "websocket", "scheme": schemes[request.scheme]}
    del scope["method"]
    policy = policy_of(case)
    assert bool(run_asgi(corsac.CORSMiddleware(app, policy), scope, receive)) is not bool(called)
    assert bool(called) is (case["verdict"] == "allow")

    def wsgi_app(environ: Any, start_response: Any) -> list[bytes]:
        called.append(environ)
        start_response("200 OK", [])
        return []

    called.clear()
    headers = [*request.headers, ("Upgrade", "websocket")]
    environ = wsgi_environ(Request("GET", headers, request.path, request.scheme))
    answer = run_wsgi(corsac.wsgi.CORSMiddleware(wsgi_app, policy), environ)
    assert bool(called) is (case["verdict"] == "allow")
    assert answer.body == case.get("reason", "").encode()


def needs_scheme(case: Case) -> bool:
    """Whether a page of plain HTTP asks a server that knows of TLS; an explanation does not."""
    sent = case["request"]
    return sent["scheme"] == "https" and "http://example.com" in dict(sent["headers"]).values()


EXPLAINED = [case for case in HTTP if not needs_scheme(case)]


@pytest.mark.parametrize("case", EXPLAINED, ids=lambda case: case["id"])
def test_an_explanation_says_what_the_case_expects(case: Case) -> None:
    request = request_of(case)
    explanation = policy_of(case).explain(request.method, request.headers, request.path)
    assert explanation.app_runs is (case["verdict"] == "allow")


def test_every_row_that_differs_from_go_says_why() -> None:
    differing = [case for case in CASES if case["go"] not in (None, case["verdict"])]
    assert all(case["why"] for case in differing)
    assert len(differing) == 11
    assert len(CASES) == 139
