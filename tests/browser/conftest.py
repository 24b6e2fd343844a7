"""Debian's Chromium, for the browser tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

# A browser that does nothing of its own accord: what goes over the wire comes from the page.
CHROMIUM_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# What is waited for comes by itself; a busy machine only takes longer than the usual 5 seconds.
expect.set_options(timeout=60_000)


# Of a module and not of the session: Playwright keeps an event loop running in this thread for as
# long as it lives, and other modules' tests run their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium. That there is none is an error: these tests must never pass by not running."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail("the browser tests need Debian's Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()
