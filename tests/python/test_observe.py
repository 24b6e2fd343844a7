"""The log of refusals: useful, safe to read, bounded."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest

import corsac
from corsac.refusals.log import (
    LEVEL_SECONDS,
    MAX_LINES_PER_WINDOW,
    MAX_LOGGED_LENGTH,
    WINDOW_SECONDS,
    RefusalLog,
)
from support.asgi import BODY, OPTIONS, START, app_sending, scope_with
from support.exchange import run_asgi


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_refusal_is_logged_with_reason_origin_method_and_path(
    caplog: pytest.LogCaptureFixture,
) -> None:
    middleware = corsac.CORSMiddleware(app_sending(START, BODY), **OPTIONS)
    with caplog.at_level(logging.INFO, logger="corsac"):
        run_asgi(middleware, scope_with([]))
        run_asgi(middleware, scope_with([(b"origin", b"https://evil.example")], path="/items"))
    assert [record.getMessage() for record in caplog.records] == [
        "CORS: refused origin-not-allowed: origin 'https://evil.example', 'GET' '/items'"
        "; more such refusals are logged as INFO"
    ]


def test_what_a_client_sent_is_escaped_and_cut(caplog: pytest.LogCaptureFixture) -> None:
    log = RefusalLog()
    with caplog.at_level(logging.INFO, logger="corsac"):
        log(
            "origin-malformed",
            b"a\r\nforged line\x1b[31m\xff",
            {"method": "GET", "path": "/\n\u202e"},
        )
        log("origin-malformed", b"x" * 65536, {})
    first, second = (record.getMessage() for record in caplog.records)
    assert first.isascii()
    assert first.isprintable()
    assert "forged line" in first
    assert second.count("x") == MAX_LOGGED_LENGTH
    assert "..." in second


def test_a_flood_is_counted_not_written(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    log = RefusalLog(clock)
    with caplog.at_level(logging.INFO, logger="corsac"):
        for _ in range(MAX_LINES_PER_WINDOW):
            log("origin-not-allowed", None, {})
        assert len(caplog.records) == MAX_LINES_PER_WINDOW
        for _ in range(10_000):
            log("origin-not-allowed", None, {})
        assert len(caplog.records) == MAX_LINES_PER_WINDOW
        clock.now = WINDOW_SECONDS
        log("origin-not-allowed", None, {})
    assert [record.getMessage() for record in caplog.records[MAX_LINES_PER_WINDOW:]] == [
        "CORS: 10000 more refusals were not logged",
        "CORS: refused origin-not-allowed: origin (none), WebSocket (none)",
    ]


def test_a_flood_costs_the_middleware_a_call_now_and_then_and_all_are_counted(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    clock = Clock()

    class Counted(RefusalLog):
        def __init__(self) -> None:
            super().__init__(clock)

        def __call__(self, reason: str, *rest: Any) -> tuple[float, float]:
            calls.append(reason)
            return super().__call__(reason, *rest)

    monkeypatch.setattr("corsac.asgi.RefusalLog", Counted)
    middleware = corsac.CORSMiddleware(app_sending(START, BODY), **OPTIONS)
    evil = scope_with([(b"origin", b"https://evil.example")])
    with caplog.at_level(logging.INFO, logger="corsac"):
        for _ in range(5_000):
            run_asgi(middleware, evil)
        assert len(caplog.records) == MAX_LINES_PER_WINDOW
        assert len(calls) == MAX_LINES_PER_WINDOW + 1
        # Another reason is still asked about, since its first refusal is a warning.
        run_asgi(middleware, scope_with([(b"origin", b"not one, but two")]))
        assert calls[-1] == "origin-malformed"
        assert len(caplog.records) == MAX_LINES_PER_WINDOW + 1
        assert middleware.counters()["actual_refused"] == 5_001


def test_refusals_during_a_pause_are_counted_if_the_window_was_full(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    log = RefusalLog(clock)
    with caplog.at_level(logging.INFO, logger="corsac"):
        pauses = [log("origin-not-allowed", None, {}) for _ in range(MAX_LINES_PER_WINDOW + 1)]
        nothing = (0.0, 0.0)
        assert pauses == [nothing] * MAX_LINES_PER_WINDOW + [(WINDOW_SECONDS, 0.0)]
        clock.now = WINDOW_SECONDS
        log("origin-not-allowed", None, {}, 41)
    assert caplog.records[-2].getMessage() == "CORS: 42 more refusals were not logged"


def test_a_first_refusal_is_a_warning_even_if_the_window_is_full(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    log = RefusalLog(clock)
    with caplog.at_level(logging.INFO, logger="corsac"):
        for _ in range(MAX_LINES_PER_WINDOW + 1):
            log("origin-not-allowed", None, {})
        assert log("origin-malformed", None, {}) == (0.0, 0.0)
        assert caplog.records[-1].levelname == "WARNING"
        assert log("origin-malformed", None, {}) == (WINDOW_SECONDS, 0.0)
        assert len(caplog.records) == MAX_LINES_PER_WINDOW + 1
        clock.now = WINDOW_SECONDS
        log("origin-malformed", None, {})
    assert [record.getMessage() for record in caplog.records[MAX_LINES_PER_WINDOW + 1 :]] == [
        "CORS: 2 more refusals were not logged",
        "CORS: refused origin-malformed: origin (none), WebSocket (none)",
    ]


def test_a_full_window_and_then_a_log_that_is_off_count_what_came_while_it_was_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    log = RefusalLog(clock)
    with caplog.at_level(logging.INFO, logger="corsac"):
        for _ in range(MAX_LINES_PER_WINDOW + 1):
            log("origin-not-allowed", None, {})
    clock.now = WINDOW_SECONDS
    with caplog.at_level(logging.ERROR, logger="corsac"):
        assert log("origin-not-allowed", None, {}, 41) == (LEVEL_SECONDS, LEVEL_SECONDS)
    with caplog.at_level(logging.INFO, logger="corsac"):
        log("origin-not-allowed", None, {}, 1000)
    assert caplog.records[-2].getMessage() == "CORS: 42 more refusals were not logged"


def test_what_was_not_logged_is_not_forgotten_while_only_warnings_are(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    log = RefusalLog(clock)
    with caplog.at_level(logging.INFO, logger="corsac"):
        for _ in range(MAX_LINES_PER_WINDOW + 1):
            log("origin-not-allowed", None, {})
    clock.now = WINDOW_SECONDS
    with caplog.at_level(logging.WARNING, logger="corsac"):
        log("origin-malformed", None, {})
    assert caplog.records[-1].levelname == "WARNING"
    with caplog.at_level(logging.INFO, logger="corsac"):
        log("origin-malformed", None, {})
    assert caplog.records[-2].getMessage() == "CORS: 1 more refusals were not logged"


def test_refusals_show_soon_after_the_level_was_changed(caplog: pytest.LogCaptureFixture) -> None:
    middleware = corsac.CORSMiddleware(app_sending(START, BODY), **OPTIONS)
    evil = scope_with([(b"origin", b"https://evil.example")])
    for _ in range(2):
        run_asgi(middleware, evil)
    with caplog.at_level(logging.INFO, logger="corsac"):
        time.sleep(0.15)
        run_asgi(middleware, evil)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_a_log_that_is_off_asks_for_a_short_pause_and_counts_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = RefusalLog(Clock())
    with caplog.at_level(logging.ERROR, logger="corsac"):
        assert log("origin-not-allowed", None, {}) == (LEVEL_SECONDS, LEVEL_SECONDS)
    with caplog.at_level(logging.INFO, logger="corsac"):
        assert log("origin-not-allowed", None, {}, 7) == (0.0, 0.0)
    assert len(caplog.records) == 1


def test_the_line_about_what_was_not_logged_takes_a_place_too(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    log = RefusalLog(clock)
    with caplog.at_level(logging.INFO, logger="corsac"):
        for now in (0.0, WINDOW_SECONDS):
            clock.now = now
            for _ in range(MAX_LINES_PER_WINDOW + 1):
                log("origin-not-allowed", None, {})
    assert len(caplog.records) == 2 * MAX_LINES_PER_WINDOW


def test_only_the_first_refusal_for_a_reason_and_an_origin_is_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = RefusalLog()
    with caplog.at_level(logging.INFO, logger="corsac"):
        for reason in ("origin-not-allowed", "origin-malformed", "origin-not-allowed"):
            log(reason, b"https://evil.example", {"method": "GET", "path": "/"})
        log("origin-not-allowed", b"https://other.example", {"method": "GET", "path": "/"})
    assert [record.levelname for record in caplog.records] == [
        "WARNING",
        "WARNING",
        "INFO",
        "WARNING",
    ]


def test_a_log_that_is_off_takes_no_place_in_the_window(caplog: pytest.LogCaptureFixture) -> None:
    log = RefusalLog(Clock())
    with caplog.at_level(logging.ERROR, logger="corsac"):
        for _ in range(1000):
            log("origin-not-allowed", None, {})
    with caplog.at_level(logging.INFO, logger="corsac"):
        log("origin-not-allowed", None, {})
    assert len(caplog.records) == 1
