"""Debian's Firefox, by WebDriver BiDi, without geckodriver.

https://w3c.github.io/webdriver-bidi/
"""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from support.engines.pages import ADD_FRAMES, Pages

__all__ = ["firefox_pages"]

_PREFERENCES = {
    # Nothing of its own accord: what goes over the wire comes from the page.
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.security.https_first": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    # What makes automation easy may change what goes over the wire.
    "remote.prefs.recommended": False,
    "services.settings.server": "data:,",
    "toolkit.telemetry.server": "data:,",
}
_LISTENS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
_ANSWER_SECONDS = 300


class _Bidi:
    """Commands and their answers."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)

    def __call__(self, method: str, **parameters: Any) -> Any:
        number = next(self._ids)
        command = {"id": number, "method": method, "params": parameters}
        self._socket.send(json.dumps(command))
        while True:
            message = json.loads(self._socket.recv(timeout=_ANSWER_SECONDS))
            if message.get("id") != number:
                continue
            if message["type"] == "error":
                raise RuntimeError(f"{method}: {message['error']}: {message['message']}")
            return message["result"]


@contextmanager
def firefox_pages(url: str, frames: list[tuple[str, str | None]]) -> Iterator[Pages]:
    """Open a page and frames in it.

    Args:
        url: Of the page.
        frames: URL, and what its ``sandbox`` says, if it has one.
    """
    program = shutil.which("firefox-esr")
    if program is None:
        pytest.fail("the browser tests need Debian's Firefox: apt-get install firefox-esr")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        lines = (f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in _PREFERENCES.items())
        (Path(folder) / "user.js").write_text("\n".join(lines))
        command = [program, "--headless", "--no-remote", "--remote-debugging-port=0"]
        command += ["--profile", folder, "about:blank"]
        with subprocess.Popen(
            command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
        ) as running:
            try:
                with connect(f"{_address(running)}/session", max_size=None) as socket:
                    yield _pages(_Bidi(socket), url, frames)
            finally:
                running.terminate()
                running.communicate()


def _address(running: subprocess.Popen[bytes]) -> str:
    assert running.stderr is not None
    for line in running.stderr:
        listens = _LISTENS.search(line.decode("utf-8", "replace"))
        if listens:
            return listens[1]
    pytest.fail("Firefox ended before it listened for WebDriver BiDi")


def _pages(bidi: _Bidi, url: str, frames: list[tuple[str, str | None]]) -> Pages:
    capabilities = bidi("session.new", capabilities={})["capabilities"]
    page: str = bidi("browsingContext.create", type="tab")["context"]
    bidi("browsingContext.navigate", context=page, url=url, wait="complete")

    def call(frame: int | None, function: str, argument: Any) -> Any:
        context = page
        if frame is not None:
            [tree] = bidi("browsingContext.getTree", root=page)["contexts"]
            context = tree["children"][frame]["context"]
        # Values as JSON: BiDi's own have a type each.
        text = f"async (text) => JSON.stringify([await ({function})(JSON.parse(text))])"
        answer = bidi(
            "script.callFunction",
            functionDeclaration=text,
            awaitPromise=True,
            target={"context": context},
            arguments=[{"type": "string", "value": json.dumps(argument)}],
        )
        if answer["type"] == "exception":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])[0]

    call(None, ADD_FRAMES, frames)
    return Pages(f"Firefox {capabilities['browserVersion']}", call)
