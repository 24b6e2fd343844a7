"""Debian's WebKitGTK, by WebDriver (https://w3c.github.io/webdriver/) and its MiniBrowser."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.engines.pages import ADD_FRAMES, Pages

__all__ = ["webkit_pages"]

_PROGRAMS = ("WebKitWebDriver", "xvfb-run", "dbus-run-session")
_PACKAGES = "webkit2gtk-driver xvfb xauth dbus"
_ENVIRONMENT = {
    "GDK_BACKEND": "x11",
    "LIBGL_ALWAYS_SOFTWARE": "1",
    "WEBKIT_DISABLE_DMABUF_RENDERER": "1",
    # Its sandbox needs namespaces that containers have not got; the pages are our own.
    "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",
}
_START_SECONDS = 60
_ANSWER_SECONDS = 300


class _WebDriver:
    """Commands and their answers."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}"

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        data = None if method == "GET" else json.dumps(body or {}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(  # noqa: S310 - our own address
            self._base + path, data, headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as response:  # noqa: S310
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.read().decode()[:500]}") from error


@contextmanager
def webkit_pages(url: str, frames: list[tuple[str, str | None]]) -> Iterator[Pages]:
    """Open a page and frames in it.

    Args:
        url: Of the page.
        frames: URL, and what its ``sandbox`` says, if it has one.
    """
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    browser = next(iter(Path("/usr/lib").glob("*/webkit2gtk-4.1/MiniBrowser")), None)
    if missing or browser is None:
        pytest.fail(f"the browser tests need Debian's WebKitGTK: apt-get install {_PACKAGES}")
    port = _free_port()
    command = ["dbus-run-session", "--", "xvfb-run", "-a", "WebKitWebDriver", f"--port={port}"]
    with subprocess.Popen(
        command,
        env=os.environ | _ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as running:
        try:
            driver = _WebDriver(port)
            _wait_for(driver, running)
            options = {"binary": str(browser), "args": ["--automation"]}
            wanted = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
            session = driver("POST", "/session", {"capabilities": wanted})
            try:
                yield _pages(driver, session, url, frames)
            finally:
                driver("DELETE", f"/session/{session['sessionId']}")
        finally:
            os.killpg(running.pid, signal.SIGTERM)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _wait_for(driver: _WebDriver, running: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while running.poll() is None and time.monotonic() < deadline:
        try:
            driver("GET", "/status")
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("WebKitWebDriver does not answer")


def _pages(
    driver: _WebDriver, session: dict[str, Any], url: str, frames: list[tuple[str, str | None]]
) -> Pages:
    path = f"/session/{session['sessionId']}"
    driver("POST", f"{path}/timeouts", {"script": _ANSWER_SECONDS * 1000})
    driver("POST", f"{path}/url", {"url": url})

    def call(frame: int | None, function: str, argument: Any) -> Any:
        driver("POST", f"{path}/frame", {"id": None})
        if frame is not None:
            driver("POST", f"{path}/frame", {"id": frame})
        script = f"""
            const [text, done] = arguments;
            ({function})(JSON.parse(text)).then(
              (value) => done(JSON.stringify([value])), (error) => done(String(error)));
        """
        body = {"script": script, "args": [json.dumps(argument)]}
        answer = driver("POST", f"{path}/execute/async", body)
        try:
            [value] = json.loads(answer)
        except ValueError:
            raise RuntimeError(answer) from None
        return value

    call(None, ADD_FRAMES, frames)
    capabilities = session["capabilities"]
    return Pages(f"{capabilities['browserName']} {capabilities['browserVersion']}", call)
