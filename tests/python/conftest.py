"""Fixtures of the Python tests."""

from __future__ import annotations

import pytest

from support.exchange import EXCHANGES, Exchange


@pytest.fixture(params=sorted(EXCHANGES))
def exchange(request: pytest.FixtureRequest) -> Exchange:
    """One exchange through the middleware, on each protocol in turn."""
    return EXCHANGES[request.param]
