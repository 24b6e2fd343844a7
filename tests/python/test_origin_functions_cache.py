"""What is kept of a function's answers, and for how long; what floods can do."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from corsac._failure_log import FAILURE_LOG_WINDOW_SECONDS
from corsac._origin_request import DEFAULT_MAX_ENTRIES, DEFAULT_TTL_SECONDS
from corsac.origins import FAILURE_HOLD_SECONDS, FunctionOrigins
from support.deciders import MOMENT, ORIGIN, OTHER, Clock, Database, messages, origins
from support.event_loops import LOOPS, Loop


@pytest.fixture(params=sorted(LOOPS))
def loop(request: pytest.FixtureRequest) -> Loop:
    return LOOPS[request.param]


@pytest.mark.parametrize("origin", [ORIGIN, OTHER])
def test_an_answer_holds_for_its_time_to_live(origin: bytes) -> None:
    database, clock = Database(), Clock()
    decider = FunctionOrigins(database.check, clock=clock)
    answer = decider(origin)
    clock.now = DEFAULT_TTL_SECONDS - MOMENT
    assert decider(origin) is answer
    assert len(database.asked) == 1
    clock.now = DEFAULT_TTL_SECONDS
    assert decider(origin) is answer
    assert len(database.asked) == 2


def test_an_answer_that_changes_is_changed_both_ways() -> None:
    answers, clock = iter([True, False, True]), Clock()
    decider = FunctionOrigins(lambda origin: next(answers), ttl=1, clock=clock)
    for now, answer in enumerate((True, False, True)):
        clock.now = now
        assert decider(ORIGIN) is answer
        assert len(decider._answers) == 1


def test_with_no_time_to_live_every_request_asks() -> None:
    database = Database()
    decider = FunctionOrigins(database.check, ttl=0)
    assert [decider(ORIGIN) for _ in range(3)] == [True] * 3
    assert len(database.asked) == 3


def test_a_kept_answer_of_an_asynchronous_function_needs_no_coroutine(loop: Loop) -> None:
    decider = FunctionOrigins(Database().check_async)
    assert not isinstance(first := decider(ORIGIN), bool)
    assert loop.run(lambda: first) is True
    assert decider(ORIGIN) is True


def test_a_failure_is_no_answer_but_is_not_repeated_at_once() -> None:
    calls, clock = [], Clock()

    def function(origin: str) -> bool:
        calls.append(origin)
        if len(calls) == 1:
            raise ConnectionError
        return True

    decider = FunctionOrigins(function, clock=clock)
    for _ in range(1000):
        assert decider(ORIGIN) is False
    clock.now = FAILURE_HOLD_SECONDS - MOMENT
    assert decider(ORIGIN) is False
    assert len(calls) == 1
    clock.now = FAILURE_HOLD_SECONDS
    assert decider(ORIGIN) is True


@pytest.mark.parametrize("host", ["tenant.test", "evil.example"])
def test_so_many_origins_are_kept_per_answer_and_no_more(host: str) -> None:
    database = Database()
    decider = FunctionOrigins(database.check)
    first, second, *_ = all_origins = list(origins(DEFAULT_MAX_ENTRIES + 1, host))
    for origin in all_origins[:-1]:
        decider(origin)
    decider(first)
    assert len(database.asked) == len(decider._answers) == DEFAULT_MAX_ENTRIES
    decider(all_origins[-1])
    assert len(decider._answers) == DEFAULT_MAX_ENTRIES
    decider(first)
    assert len(database.asked) == DEFAULT_MAX_ENTRIES + 1
    decider(second)  # The least recently used one made room.
    assert len(database.asked) == DEFAULT_MAX_ENTRIES + 2


def test_a_flood_of_made_up_origins_cannot_push_out_an_allowed_one() -> None:
    database = Database()
    decider = FunctionOrigins(database.check)
    assert decider(ORIGIN) is True
    for origin in origins(100_000, "evil.example"):
        assert decider(origin) is False
    assert len(decider._answers) == DEFAULT_MAX_ENTRIES + 1
    asked = len(database.asked)
    assert decider(ORIGIN) is True
    assert len(database.asked) == asked


def test_a_flood_of_failures_is_bounded_in_memory_and_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def function(origin: str) -> bool:
        raise ValueError

    clock = Clock()
    decider = FunctionOrigins(function, clock=clock)
    for origin in origins(10_000):
        decider(origin)
    clock.now = FAILURE_LOG_WINDOW_SECONDS - MOMENT
    decider(ORIGIN)
    assert len(messages(caplog)) == 1
    clock.now = FAILURE_LOG_WINDOW_SECONDS
    decider(OTHER)
    assert messages(caplog)[1:] == [
        "CORS: 10000 more failures of allow_origin_func were not logged",
        "CORS: allow_origin_func raised ValueError: the origin 'https://evil.example' is refused",
    ]
    assert len(decider._answers) == DEFAULT_MAX_ENTRIES


def test_a_log_that_is_off_takes_no_place_in_the_window(caplog: pytest.LogCaptureFixture) -> None:
    decider = FunctionOrigins(lambda origin: bool(1 // 0), clock=Clock())
    with caplog.at_level(logging.ERROR, logger="corsac"):
        decider(ORIGIN)
    with caplog.at_level(logging.WARNING, logger="corsac"):
        decider(OTHER)
    assert len(messages(caplog)) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": -MOMENT},
        {"timeout": float("inf")},
        {"timeout": float("nan")},
        {"ttl": -MOMENT},
        {"ttl": float("inf")},
        {"max_entries": 0},
    ],
)
def test_numbers_out_of_bounds_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="timeout and ttl are seconds from 0"):
        FunctionOrigins(lambda origin: True, **options)
