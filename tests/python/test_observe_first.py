"""The first refusal of each origin for each reason is a warning, and a flood hides nothing long."""

from __future__ import annotations

import logging

import pytest

from corsac.refusals.log import (
    LEVEL_SECONDS,
    MAX_LINES_PER_WINDOW,
    MAX_REMEMBERED,
    WINDOW_SECONDS,
    RefusalLog,
)
from support.exchange import Request
from support.refused import EVIL, POLICY, MakeObserved

REASON = "origin-not-allowed"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def origin(number: int) -> str:
    return f"https://evil{number}.example"


def refused(number: int) -> Request:
    return Request(headers=[("origin", origin(number))], path="/items")


def names(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Whom the lines are about."""
    return [record.getMessage().split("'")[1] for record in caplog.records]


def test_each_origin_is_named_by_default(
    make_observed: MakeObserved, caplog: pytest.LogCaptureFixture
) -> None:
    send = make_observed(policy=POLICY)
    for number in (1, 1, 2, 1, 2, 3):
        send(refused(number))
    assert names(caplog) == [origin(1), origin(2), origin(3)]
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_a_first_refusal_is_named_while_another_origin_floods(
    make_observed: MakeObserved, caplog: pytest.LogCaptureFixture
) -> None:
    send = make_observed(policy=POLICY)
    with caplog.at_level(logging.INFO, logger="corsac"):
        for _ in range(1000):
            send(Request(headers=[("origin", EVIL)]))
        assert len(caplog.records) == MAX_LINES_PER_WINDOW
        send(refused(1))
        send(refused(1))
    assert len(caplog.records) == MAX_LINES_PER_WINDOW + 1
    assert names(caplog)[-1] == origin(1)
    assert send.middleware.counters()["actual_refused"] == 1002


def test_there_are_20_warnings_a_minute_and_the_rest_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    log = RefusalLog(clock)
    for number in range(100):
        silence = log(REASON, origin(number), {})
        assert silence == (0.0, 0.0) if number < 20 else (WINDOW_SECONDS, WINDOW_SECONDS)
    assert names(caplog) == [origin(number) for number in range(20)]
    caplog.clear()
    clock.now = WINDOW_SECONDS
    # It was not written, so it is the first still.
    log(REASON, origin(99), {})
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "CORS: 80 more refusals were not logged"),
        (
            "WARNING",
            "CORS: refused origin-not-allowed: origin 'https://evil99.example', "
            "WebSocket (none); more such refusals are logged as INFO",
        ),
    ]
    for number in range(200, 300):
        log(REASON, origin(number), {})
    assert len(caplog.records) == MAX_LINES_PER_WINDOW


def test_the_first_for_a_reason_is_written_in_a_window_full_of_warnings(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = RefusalLog(Clock())
    for number in range(100):
        log(REASON, origin(number), {})
    log("origin-malformed", origin(0), {})
    log("origin-malformed", origin(1), {})
    assert len(caplog.records) == MAX_LINES_PER_WINDOW + 1
    assert "origin-malformed" in caplog.records[-1].getMessage()


def test_as_many_are_remembered_as_is_said(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    log = RefusalLog(clock)

    def meet(number: int) -> bool:
        """Whether it was the first."""
        clock.now += WINDOW_SECONDS
        caplog.clear()
        log(REASON, origin(number), {})
        return bool(caplog.records)

    assert all(meet(number) for number in range(MAX_REMEMBERED))
    assert not any(meet(number) for number in (0, 1, MAX_REMEMBERED - 1))
    assert meet(MAX_REMEMBERED)
    assert not meet(1)
    assert meet(0)  # The oldest was forgotten.
    assert len(log._seen) == MAX_REMEMBERED


def test_values_that_are_too_long_for_an_origin_are_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = RefusalLog(Clock())
    for length in (326, 327, 1_000_000):
        log("origin-malformed", b"x" * length, {})
        log("origin-malformed", b"y" * length, {})
    assert len(caplog.records) == 3


def test_a_repeat_asks_for_silence_about_itself_alone(caplog: pytest.LogCaptureFixture) -> None:
    log = RefusalLog(Clock())
    with caplog.at_level(logging.WARNING, logger="corsac"):
        assert log(REASON, origin(1), {}) == (0.0, 0.0)
        assert log(REASON, origin(1), {}) == (LEVEL_SECONDS, 0.0)
        assert log(REASON, origin(2), {}) == (0.0, 0.0)
