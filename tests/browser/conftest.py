"""Debian's Chromium, for the browser tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from support.engines.chromium import launched

# What is waited for comes by itself; a busy machine only takes longer than the usual 5 seconds.
expect.set_options(timeout=60_000)


# Of a module and not of the session: Playwright keeps an event loop running in this thread for as
# long as it lives, and other modules' tests run their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium."""
    with launched() as browser:
        yield browser
