"""Debian's Chromium and a running demo, for the browser tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from corsac.cli.demo import Demo, serving_demo

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


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """The demo, served as the command serves it, on free ports."""
    with serving_demo(api_port=0, page_port=0) as running:
        yield running


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


@pytest.fixture
def page(browser: Browser, demo: Demo) -> Iterator[Page]:
    """The demo's page in a fresh profile: no cookies and nothing cached."""
    with browser.new_context() as context:
        page = context.new_page()
        open_page(page, demo)
        yield page


def open_page(page: Page, demo: Demo) -> None:
    """Open the demo's page and wait until both pages are loaded."""
    page.goto(demo.addresses.allowed_page)
    expect(page.locator("body")).to_have_attribute("data-ready", "true")
