"""The conformance cases through Django, under WSGI and under ASGI."""

from __future__ import annotations

import pytest

from support.conformance import (
    Case,
    case_app,
    case_policy,
    case_request,
    check_expectation,
    read_cases,
)
from support.django_project import EXCHANGES

LEFT_OUT = {
    "express": "documents the answers of the Node package, some of them unsafe; not a goal",
    "websocket": "a WebSocket handshake never reaches Django's middleware",
}
CASES = read_cases("exchanges.json")
RUN = [case for case in CASES if case["config"].get("profile") not in LEFT_OUT]


@pytest.mark.parametrize("protocol", sorted(EXCHANGES))
@pytest.mark.parametrize("case", RUN, ids=lambda case: case["id"])
def test_an_exchange_through_django_is_answered_as_the_case_expects(
    case: Case, protocol: str
) -> None:
    policy = case_policy(case["config"])
    for _ in range(case.get("repeat", 1)):
        response = EXCHANGES[protocol](policy, case_request(case), case_app(case))
        wrong = [
            (key, wanted)
            for key, wanted in case["expect"].items()
            if not check_expectation(case, response, key, wanted)
        ]
        assert not wrong, f"{case['title']}: {wrong} not met by {response}"


def test_the_number_of_exchanges_through_django_is_known() -> None:
    assert (len(RUN), len(CASES)) == (139, 155)
