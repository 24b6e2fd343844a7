"""A flood of refused requests: bounded lines, flat memory, every one counted. And deep nesting."""

from __future__ import annotations

import logging
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

import corsac
import corsac.wsgi
from corsac.refusals.log import MAX_LINES_PER_WINDOW, RefusalLog
from support.refused import EVIL, POLICY

REFUSALS = 1_000_000
# The 20 lines hold their records as long as the test's handler does; nothing grows with the flood.
MAX_GROWTH_BYTES = 64 * 1024


def asgi_flood(middleware: Any, origin: str) -> Callable[[], object]:
    lines = [(b"origin", origin.encode())]
    scope = {"type": "http", "method": "GET", "path": "/", "headers": lines}
    return lambda: middleware(scope, None, None)


def wsgi_flood(middleware: Any, origin: str) -> Callable[[], object]:
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_ORIGIN": origin}
    return lambda: middleware(environ, None)


def nothing(*_: object) -> None: ...


KINDS = [(corsac.CORSMiddleware, asgi_flood), (corsac.wsgi.CORSMiddleware, wsgi_flood)]


@pytest.mark.parametrize(("make", "prepare"), KINDS)
def test_a_million_refusals_write_a_few_lines_and_leave_nothing_behind(
    make: Any, prepare: Any, caplog: pytest.LogCaptureFixture
) -> None:
    middleware = make(nothing, POLICY)
    request = prepare(middleware, EVIL)
    with caplog.at_level(logging.INFO, logger="corsac"):
        for _ in range(2 * MAX_LINES_PER_WINDOW):
            request()
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(REFUSALS):
            request()
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    # A window lasts a minute, and this takes less than two.
    assert len(caplog.records) <= 3 * MAX_LINES_PER_WINDOW
    assert after - before < MAX_GROWTH_BYTES
    counted = middleware.refusal_counters()["actual", "origin-not-allowed"]
    assert counted == middleware.counters()["actual_refused"] == REFUSALS + 40


ORIGINS = 50_000


@pytest.mark.parametrize(("make", "prepare"), KINDS)
def test_a_flood_of_origins_is_bounded_in_lines_and_in_calls_and_in_memory(
    make: Any, prepare: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[object] = []

    class Counted(RefusalLog):
        def __call__(self, *arguments: Any) -> tuple[float, float]:
            calls.append(arguments[0])
            return super().__call__(*arguments)

    monkeypatch.setattr(f"{make.__module__}.RefusalLog", Counted)
    middleware = make(nothing, POLICY)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(ORIGINS):
        prepare(middleware, f"https://evil{number}.example")()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A window lasts a minute, and this takes less than two.
    assert MAX_LINES_PER_WINDOW <= len(caplog.records) <= 3 * MAX_LINES_PER_WINDOW
    assert len(calls) <= 3 * (MAX_LINES_PER_WINDOW + 1)
    assert after - before < MAX_GROWTH_BYTES
    assert middleware.counters()["actual_refused"] == ORIGINS


@pytest.mark.parametrize(("make", "prepare"), KINDS)
def test_what_was_dropped_is_counted_whatever_kind_of_request_it_was(
    make: Any, prepare: Any, caplog: pytest.LogCaptureFixture
) -> None:
    middleware = make(
        nothing, POLICY, report_only=POLICY.replace(allow_origins=["https://c.example"])
    )
    for origin in ("https://app.example.com", EVIL, "not, one"):
        request = prepare(middleware, origin)
        for _ in range(1000):
            request()
    assert middleware.counters()["actual_refused"] == 2000
    assert middleware.report_only_counters()["newly_refused"] == 1000
    assert len(caplog.records) <= 4 * MAX_LINES_PER_WINDOW


DEPTH = 100_000


def test_many_sends_around_one_another_are_an_error_and_no_crash() -> None:
    kept: list[Any] = []
    app: Any = lambda scope, receive, send: kept.append(send)  # noqa: E731
    middleware: Any = corsac.CORSMiddleware(app, POLICY)
    send: Any = nothing
    for _ in range(DEPTH):
        middleware({"type": "http", "method": "GET", "path": "/", "headers": []}, None, send)
        send = kept.pop()
    with pytest.raises(RecursionError):
        send({"type": "http.response.start", "status": 200, "headers": []})
    del send


def test_many_start_responses_around_one_another_are_an_error_and_no_crash() -> None:
    kept: list[Any] = []
    app: Any = lambda environ, start: kept.append(start)  # noqa: E731
    middleware: Any = corsac.wsgi.CORSMiddleware(app, POLICY)
    start: Any = nothing
    for _ in range(DEPTH):
        middleware({}, start)
        start = kept.pop()
    with pytest.raises(RecursionError):
        start("200 OK", [])
    del start
