"""Functions of the application that fail: the origin is refused, and the cause is not lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.test import override_settings

import corsac
from corsac import CORSPolicy
from corsac.django.signals import check_request_enabled
from corsac.origins import FAILURE_HOLD_SECONDS, FunctionOrigins
from support.django_project import CALLS
from support.exchange import Request
from support.refused import EVIL, MakeObserved

FROM_EVIL = Request(headers=[("origin", EVIL)], path="/items")


def broken(origin: str) -> bool:
    message = "no such table: tenants\nforged line"
    raise LookupError(message)


SAID = (
    "CORS: allow_origin_func raised LookupError: 'no such table: tenants\\nforged line': "
    "the origin 'https://evil.example' is refused"
)


def failures(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if "allow_origin_func" in record.getMessage()]


def test_the_log_has_the_text_of_the_exception_and_its_traceback_once(
    make_observed: MakeObserved, caplog: pytest.LogCaptureFixture
) -> None:
    send = make_observed(policy=CORSPolicy(allow_origin_func=broken))
    sent = send(FROM_EVIL)
    assert (sent.status, sent.headers) == (200, [("x-app", "1"), ("vary", "Origin")])
    for number in range(100):
        send(Request(headers=[("origin", f"https://evil{number}.example")]))
    (record,) = failures(caplog)
    assert (record.levelname, record.getMessage()) == ("WARNING", SAID)
    assert record.exc_info is not None
    assert record.exc_info[0] is LookupError
    assert "in broken" in caplog.text


def test_the_function_of_a_policy_on_trial_has_its_line_too(
    make_observed: MakeObserved, caplog: pytest.LogCaptureFixture
) -> None:
    trial = CORSPolicy(allow_origin_func=broken)
    send = make_observed(policy=CORSPolicy(allow_origins=[EVIL]), report_only=trial)
    send(FROM_EVIL)
    (record,) = failures(caplog)
    assert record.getMessage() == SAID
    assert send.middleware.report_only_counters()["newly_refused"] == 1


def gives_text(origin: str) -> Any:
    return "yes"


async def raises_later(origin: str) -> bool:
    raise ConnectionError(origin)


async def gives_text_later(origin: str) -> Any:
    return "yes"


@pytest.mark.parametrize(
    ("function", "cause"),
    [
        (broken, r"raised LookupError: 'no such table: tenants\nforged line'"),
        (gives_text, "returned str, not True or False"),
        (raises_later, "raised ConnectionError: 'https://evil.example'"),
        (gives_text_later, "returned str, not True or False"),
    ],
)
def test_explain_names_the_cause(function: Callable[[str], Any], cause: str) -> None:
    policy = CORSPolicy(allow_origin_func=function)
    for explanation in (
        policy.explain("GET", {"Origin": EVIL}),
        asyncio.run(policy.explain_async("GET", {"Origin": EVIL})),
    ):
        assert explanation.reason == "origin-not-allowed"
        (step,) = [step for step in explanation.steps if step.check == "origin"]
        assert step.text == f"{EVIL} is not allowed: allow_origin_func {cause}"


def test_explain_names_the_cause_beside_an_expression() -> None:
    pytest.importorskip("re2")
    policy = CORSPolicy(allow_origin_func=broken, allow_origin_regex=r"https://a\.example")
    assert "allow_origin_func raised LookupError" in str(policy.explain("GET", {"Origin": EVIL}))


def test_a_function_that_answers_has_no_cause() -> None:
    policy = CORSPolicy(allow_origin_func=lambda origin: False)
    assert "allow_origin_func" not in str(policy.explain("GET", {"Origin": EVIL}))


def test_a_time_out_is_named() -> None:
    async def hangs(origin: str) -> bool:
        await asyncio.Event().wait()
        return True

    decider = FunctionOrigins(hangs, timeout=0)

    async def ask() -> bool:
        answer = decider(EVIL.encode())
        return answer if isinstance(answer, bool) else await answer

    assert asyncio.run(ask()) is False
    assert decider.failure(EVIL.encode()) == "took longer than 0 s"


def test_a_cause_is_kept_as_long_as_its_refusal_and_no_longer() -> None:
    now = 0.0
    fails = True

    def sometimes(origin: str) -> bool:
        if fails:
            raise LookupError
        return False

    decider = FunctionOrigins(sometimes, clock=lambda: now, max_entries=2)
    origins = [b"https://a%d.example" % number for number in range(3)]
    assert [decider(origin) for origin in origins] == [False, False, False]
    # The oldest answer went, and its cause with it.
    assert [decider.failure(origin) for origin in origins] == [
        None,
        "raised LookupError",
        "raised LookupError",
    ]
    now = FAILURE_HOLD_SECONDS
    assert decider.failure(origins[2]) is None
    fails = False
    assert decider(origins[2]) is False
    assert decider.failure(origins[2]) is None
    assert len(decider._answers._failures) == 1


def test_a_callback_that_fails_is_logged_with_its_text(
    make_observed: MakeObserved, caplog: pytest.LogCaptureFixture
) -> None:
    def tell(refusal: corsac.Refusal) -> None:
        message = "queue is\nfull"
        raise RuntimeError(message)

    send = make_observed(allow_origins=[], on_refusal=tell)
    send(FROM_EVIL)
    (record,) = [r for r in caplog.records if "on_refusal" in r.getMessage()]
    assert record.getMessage() == (
        r"CORS: on_refusal raised RuntimeError: 'queue is\nfull'; "
        "the request is answered all the same"
    )
    assert record.exc_info is not None


@pytest.mark.parametrize("protocol", sorted(CALLS))
def test_a_receiver_of_djangos_signal_that_fails_is_logged(
    protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    def receiver(**_: object) -> bool:
        message = "no such\ntable"
        raise LookupError(message)

    check_request_enabled.connect(receiver)
    try:
        with override_settings(CORSAC={"allow_origins": []}):
            assert CALLS[protocol](FROM_EVIL).one("access-control-allow-origin") is None
    finally:
        check_request_enabled.disconnect(receiver)
    lines = [r for r in caplog.records if "check_request_enabled" in r.getMessage()]
    lines = [record for record in lines if record.name == "corsac"]
    assert [record.getMessage() for record in lines] == [
        r"CORS: a receiver of check_request_enabled raised LookupError: 'no such\ntable': "
        "the origin 'https://evil.example' is refused"
    ]
    # Django logs the traceback.
    assert [r.name for r in caplog.records if r.exc_info is not None] == ["django.dispatch"]


def test_explain_says_that_the_function_is_to_be_mended() -> None:
    def none(origin: str) -> Any:
        return None

    for function, what in (
        (broken, "raised LookupError: 'no such table: tenants\\nforged line'"),
        (none, "returned NoneType, not True or False"),
    ):
        for policy in (
            CORSPolicy(allow_origin_func=function),
            CORSPolicy(allow_origins=["https://a.example"], allow_origin_func=function),
        ):
            explanation = policy.explain("GET", {"origin": EVIL})
            assert (explanation.allowed, explanation.reason) == (False, "origin-not-allowed")
            assert explanation.change is not None
            assert explanation.change.text == f"mend allow_origin_func: it {what}"
            assert explanation.change.options == {}
