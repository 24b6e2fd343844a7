"""Explanations agree with what the middlewares answer and with what they say would help."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import corsac
import corsac.wsgi
from corsac import CORSPolicy
from support.conformance import Case, case_policy, case_request, read_cases
from support.exchange import AppResponse, Exchange, Request
from support.properties import core_answer, examples, joined, made_of, policy_of, without_warnings
from support.strategies import hostile_requests, options

CASES = [
    case
    for case in read_cases("exchanges.json")
    if case["config"].get("profile") not in {"express", "websocket"}
    # How the server was asked is not part of an explanation.
    and "scheme" not in case["request"]
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_answer_explained_is_the_answer_given(case: Case, exchange: Exchange) -> None:
    policy = case_policy(case["config"])
    request = case_request(case)
    middleware = corsac.wsgi.CORSMiddleware(lambda *_: [], policy)
    explanation = middleware.explain(request.method, request.headers, request.path)
    given_answer = exchange(policy, request, AppResponse(headers=[("content-type", "text/plain")]))
    assert explanation.app_runs is given_answer.app_called
    headers = dict(explanation.response_headers)
    if explanation.app_runs:
        headers["content-type"] = "text/plain"
    else:
        assert explanation.status == given_answer.status
    assert headers == given_answer.header_set


def explains_the_answer(policy: CORSPolicy, request: Request) -> None:
    answer = core_answer(made_of(policy), joined(request), AppResponse(headers=()))
    explanation = policy.explain(request.method, request.headers, request.path)
    assert explanation.app_runs is answer.app_called
    assert sorted(explanation.response_headers) == sorted(answer.headers)
    if not explanation.app_runs:
        assert explanation.status == answer.status
    # What is shown for any request at all: both are made without an error.
    str(explanation)
    explanation.as_dict()
    change = explanation.change
    if change is not None and change.options and "in the page" not in change.text:
        changed = policy.replace(**dict(change.options))
        assert changed.explain(request.method, request.headers, request.path).allowed is True


@examples(400)
@given(st.data())
def test_any_request_under_any_policy_is_explained_as_it_is_answered(data: st.DataObject) -> None:
    chosen = data.draw(options())
    with without_warnings():
        explains_the_answer(policy_of(chosen), data.draw(hostile_requests(chosen)))
