"""Debian's Chromium for the browser tests, and empty pages to open in it."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from support.engines.pages import ADD_FRAMES, Pages

__all__ = ["chromium_pages", "launched", "serving_empty_pages"]

# A browser that does nothing of its own accord: what goes over the wire comes from the page.
_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def launched(*arguments: str) -> Iterator[Browser]:
    """A Chromium. That there is none is an error: these tests must never pass by not running.

    Args:
        arguments: More arguments of the browser's command line.
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail("the browser tests need Debian's Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=[*_ARGUMENTS, *arguments]
        )
        yield browser
        browser.close()


class _EmptyPage(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving_empty_pages() -> Iterator[int]:
    """The port of a server that has an empty page at every path."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _EmptyPage) as server:
        thread = threading.Thread(target=functools.partial(server.serve_forever, 0.01))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@contextmanager
def chromium_pages(url: str, frames: list[tuple[str, str | None]]) -> Iterator[Pages]:
    """Open a page and frames in it.

    Args:
        url: Of the page.
        frames: URL, and what its ``sandbox`` says, if it has one.
    """
    with launched() as browser, browser.new_context() as context:
        page = context.new_page()
        page.goto(url)
        page.evaluate(ADD_FRAMES, frames)

        def call(frame: int | None, function: str, argument: Any) -> Any:
            context = page.main_frame if frame is None else page.main_frame.child_frames[frame]
            return context.evaluate(function, argument)

        yield Pages(f"Chromium {browser.version}", call)
