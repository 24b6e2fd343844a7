"""Fixtures of the Python tests."""

from __future__ import annotations

import logging
from collections.abc import Generator
from typing import Any

import pytest

from support.exchange import EXCHANGES, Exchange
from support.left_out import (
    files_left_out,
    left_out,
    let_the_command_line_fail,
    too_many,
)
from support.refused import OBSERVED, MakeObserved

let_the_command_line_fail()


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Skip a file whose imports need a library that has no wheel for this Python."""
    report = yield
    call: pytest.CallInfo[Any] | None = getattr(report, "call", None)
    _skip_if_left_out(report, call, collector.nodeid)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Skip a test that needs such a library."""
    report = yield
    _skip_if_left_out(report, call, item.nodeid.partition("::")[0])
    return report


def _files_left_out(config: pytest.Config) -> dict[str, set[str]]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:  # A process of pytest-xdist: the one that started it counts.
        return {}
    skipped = reporter.stats.get("skipped", [])
    return files_left_out((report.nodeid, str(report.longrepr)) for report in skipped)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail if more was left out than expected."""
    if too_many(_files_left_out(session.config)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much was left out, in the words that `.ci/pythons` looks for."""
    files = _files_left_out(terminalreporter.config)
    if files:
        said = ", ".join(f"{name} in {len(of_it)} files" for name, of_it in files.items())
        terminalreporter.write_line(f"left out, for want of a wheel: {said}")
    for line in too_many(files):
        terminalreporter.write_line(f"failed: {line}", red=True)


def _skip_if_left_out(
    report: pytest.CollectReport | pytest.TestReport, call: pytest.CallInfo[Any] | None, path: str
) -> None:
    if not report.failed or call is None or call.excinfo is None:
        return
    reason = left_out(call.excinfo.value)
    if reason is not None:
        report.outcome = "skipped"
        report.longrepr = (path, 0, f"Skipped: {reason}")


@pytest.fixture(autouse=True)
def a_root_logger_as_python_starts_with() -> None:
    """Undo what applications do to logging when they are made or imported, as Litestar's do."""
    root = logging.getLogger()
    root.setLevel(logging.WARNING)
    for handler in root.handlers[:]:  # Those of pytest come and go with each phase of a test.
        if not type(handler).__module__.startswith("_pytest."):
            root.removeHandler(handler)


@pytest.fixture(params=sorted(EXCHANGES))
def exchange(request: pytest.FixtureRequest) -> Exchange:
    """One exchange through the middleware, on each protocol in turn."""
    return EXCHANGES[request.param]


@pytest.fixture(params=sorted(OBSERVED))
def make_observed(request: pytest.FixtureRequest) -> MakeObserved:
    """Makes a middleware around an application, of each protocol in turn."""
    return OBSERVED[request.param]
