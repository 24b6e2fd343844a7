"""The conformance cases, through the middleware on every protocol."""

from __future__ import annotations

from typing import Any

import pytest

import corsac
from support.conformance import (
    Case,
    case_app,
    case_policy,
    case_request,
    check_expectation,
    policy_options,
    policy_problem_codes,
    read_cases,
)
from support.exchange import Exchange, http_scope, run_asgi

EXCHANGE_CASES = read_cases("exchanges.json")
POLICY_CASES = read_cases("policies.json")


def reason_left_out(case: Case) -> str | None:
    """Why a case is not run here, or ``None``."""
    config = case["config"]
    if config.get("profile") == "express":
        return "documents the answers of the Node package, some of them unsafe; not a goal"
    if config.get("profile") == "websocket":
        return "a WebSocket handshake; see the test of its own below"
    return None


RUN = [case for case in EXCHANGE_CASES if reason_left_out(case) is None]


@pytest.mark.parametrize("case", RUN, ids=lambda case: case["id"])
def test_an_exchange_is_answered_as_the_case_expects(case: Case, exchange: Exchange) -> None:
    policy = case_policy(case["config"])
    for _ in range(case.get("repeat", 1)):
        response = exchange(policy, case_request(case), case_app(case))
        wrong = [
            (key, wanted)
            for key, wanted in case["expect"].items()
            if not check_expectation(case, response, key, wanted)
        ]
        assert not wrong, f"{case['title']}: {wrong} not met by {response}"


@pytest.mark.parametrize(
    "case",
    [case for case in EXCHANGE_CASES if case["config"].get("profile") == "websocket"],
    ids=lambda case: case["id"],
)
def test_a_websocket_handshake_is_guarded_as_the_case_expects(case: Case) -> None:
    called = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        called.append(scope)

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    scope = http_scope(case_request(case)) | {"type": "websocket", "subprotocols": []}
    del scope["method"]
    middleware = corsac.CORSMiddleware(app, **policy_options(case["config"]))
    messages = run_asgi(middleware, scope, receive)
    assert case["expect"].keys() == {"blocked"}
    assert bool(called) is not case["expect"]["blocked"]
    assert bool(messages) is case["expect"]["blocked"]


def test_the_number_of_exchange_cases_that_ran_is_known() -> None:
    reasons = [reason_left_out(case) for case in EXCHANGE_CASES]
    counts = {reason: reasons.count(reason) for reason in set(reasons)}
    assert counts == {
        None: 139,
        "documents the answers of the Node package, some of them unsafe; not a goal": 13,
        "a WebSocket handshake; see the test of its own below": 3,
    }


@pytest.mark.parametrize("case", POLICY_CASES, ids=lambda case: case["id"])
def test_a_configuration_has_the_problems_that_the_case_expects(case: Case) -> None:
    valid, codes = policy_problem_codes(policy_options(case["config"]))
    wanted = set(case["problems"])
    assert valid is case["valid"]
    if valid:
        found = codes["warning"] | codes["info"]
        assert found - {"origin.apex_not_covered"} == wanted - {"origin.apex_not_covered"}
        assert wanted <= found
    else:
        assert codes["error"] == wanted


def test_the_number_of_configurations_that_were_judged_is_known() -> None:
    assert len(POLICY_CASES) == 67
