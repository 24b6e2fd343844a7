"""Fixtures of the Python tests."""

from __future__ import annotations

import logging

import pytest

from support.exchange import EXCHANGES, Exchange
from support.refused import OBSERVED, MakeObserved


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
