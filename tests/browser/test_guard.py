"""What a real browser sends across sites, and what the guard makes of it.

The page is at ``http://localhost``, the server at ``http://127.0.0.1``: two sites, and both are
trustworthy, so that Chromium sends Fetch Metadata.
"""

from __future__ import annotations

import socketserver
import threading
import wsgiref.simple_server
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from corsac import CORSPolicy, Guard
from corsac.wsgi import CORSMiddleware

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
EMBED = """
    ([kind, url]) => new Promise((done) => {
      const element = document.createElement(kind);
      element.onload = () => done("load");
      element.onerror = () => done("error");
      element.src = url;
      document.body.append(element);
    })
"""
READ = "(url) => fetch(url).then((response) => response.text())"
WRITE = """
    (url) => fetch(url, {method: "POST", mode: "no-cors", credentials: "include", body: "x"})
      .then((response) => response.type)
"""
RESPONSE_START = "(url) => performance.getEntriesByName(url)[0].responseStart > 0"


class _Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True


class _Silent(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Write nothing."""


@contextmanager
def serving(app: Any) -> Iterator[int]:
    with wsgiref.simple_server.make_server("127.0.0.1", 0, app, _Server, _Silent) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Site:
    """The server that other sites embed, and which of its paths its application has served."""

    base: str = ""
    served: list[str] = field(default_factory=list)

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path != "/favicon.ico":
            self.served.append(path)
        kind = "image/svg+xml" if path.endswith(".svg") else "text/html"
        start_response("200 OK", [("content-type", kind)])
        return [SVG if path.endswith(".svg") else b"<title>served</title>"]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of another site, of a fresh profile."""

    def empty(_: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("content-type", "text/html")])
        return [b"<!doctype html><title>another site</title><body></body>"]

    with serving(empty) as port, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"http://localhost:{port}/")
        yield page


@contextmanager
def guarded(policy: CORSPolicy) -> Iterator[Site]:
    site = Site()
    with serving(CORSMiddleware(site, policy)) as port:
        site.base = f"http://127.0.0.1:{port}"
        yield site


def embedded(page: Page, kind: str, url: str) -> tuple[int, str]:
    """The status of what a page embeds, and which event its element had."""
    with page.expect_response(url) as response:
        event: str = page.evaluate(EMBED, [kind, url])
    return response.value.status, event


ISOLATED = CORSPolicy(
    allow_origins=["http://localhost:*"],
    allow_timing=True,
    guard=Guard(isolate_reads=True, exempt_paths=["/badge.svg"]),
)


def test_a_foreign_image_and_frame_are_refused_before_the_application(page: Page) -> None:
    with guarded(ISOLATED) as site:
        assert embedded(page, "img", f"{site.base}/photo.svg") == (403, "error")
        assert embedded(page, "script", f"{site.base}/app.js") == (403, "error")
        # A frame has its event whatever it shows.
        assert embedded(page, "iframe", f"{site.base}/inside") == (403, "load")
        assert site.served == []
        assert embedded(page, "img", f"{site.base}/badge.svg") == (200, "load")
        assert site.served == ["/badge.svg"]


def test_a_fetch_and_a_navigation_pass_where_reads_are_isolated(page: Page) -> None:
    with guarded(ISOLATED) as site:
        assert page.evaluate(READ, f"{site.base}/data") == "<title>served</title>"
        page.evaluate(
            "(url) => { document.body.innerHTML = `<a href='${url}'>there</a>` }",
            f"{site.base}/article",
        )
        page.click("a")
        page.wait_for_url(f"{site.base}/article")
        assert page.title() == "served"
        # Its own site embeds what it likes.
        assert embedded(page, "img", f"{site.base}/photo.svg") == (200, "load")
        assert site.served == ["/data", "/article", "/photo.svg"]


def test_who_may_only_read_writes_without_cookies(page: Page) -> None:
    # Another port is the same site, so that cookies are sent, and another origin.
    page.goto(page.url.replace("localhost", "127.0.0.1"))
    policy = CORSPolicy(allow_origins=["http://127.0.0.1:*"], guard=True)
    with guarded(policy) as site:
        assert page.evaluate(WRITE, f"{site.base}/write") == "opaque"
        assert site.served == ["/write"]
        page.context.add_cookies([{"name": "sid", "value": "1", "url": site.base}])
        with page.expect_response(f"{site.base}/with-cookie") as response:
            page.evaluate(WRITE, f"{site.base}/with-cookie")
        assert response.value.status == 403
        assert site.served == ["/write"]


def test_an_image_has_timing_by_the_list_and_none_without(page: Page) -> None:
    origin: str = page.evaluate("location.origin")
    for allow_timing in (True, False):
        policy = CORSPolicy(allow_origins=[origin], allow_timing=allow_timing)
        with guarded(policy) as site:
            url = f"{site.base}/photo.svg"
            assert embedded(page, "img", url) == (200, "load")
            assert page.evaluate(RESPONSE_START, url) is allow_timing
