"""Fixtures of the Python tests."""

from __future__ import annotations

import pytest

from support.exchange import EXCHANGES, Exchange
from support.refused import OBSERVED, MakeObserved


@pytest.fixture(params=sorted(EXCHANGES))
def exchange(request: pytest.FixtureRequest) -> Exchange:
    """One exchange through the middleware, on each protocol in turn."""
    return EXCHANGES[request.param]


@pytest.fixture(params=sorted(OBSERVED))
def make_observed(request: pytest.FixtureRequest) -> MakeObserved:
    """Makes a middleware around an application, of each protocol in turn."""
    return OBSERVED[request.param]
