"""`corsac lab`: a policy and a request side by side, and what comes of them, live.

Needs the `demo` extra; nothing else of the library imports this package.
"""

from __future__ import annotations

import logging
import signal
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

from corsac.inspection import Applied
from corsac.lab.apps import make_api, make_control
from corsac.lab.cases import CaseStore, Places
from corsac.lab.loopback import PortUnavailableError, Servers, listen, serving
from corsac.lab.source import NO_SOURCE, moved_to_pages

__all__ = ["Lab", "PortUnavailableError", "run", "serve_until_interrupted", "serving_lab"]

DEFAULT_PORT = 8010

Configuration = tuple[str, Applied]
"""Where a configuration without errors stands, and what it says."""

Say = Callable[[str], None]
"""Writes a line to the terminal at once."""


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab that is being served."""

    places: Places
    token: str
    cases: CaseStore
    servers: Servers


@contextmanager
def serving_lab(
    *, port: int | None = None, configuration: Configuration | None = None
) -> Iterator[Lab]:
    """Serve the lab while the context lasts.

    The page's port is 8010 or the next free one by default, and any for 0; the API takes the next
    free one after it. `PortUnavailableError` says which port cannot be used. The configuration is
    what the page begins with.
    """
    # The page says what was refused; the same in the terminal would only stand in the way.
    logging.getLogger("corsac").addHandler(logging.NullHandler())
    with ExitStack() as stack:
        page = stack.enter_context(closing(listen(port, DEFAULT_PORT)))
        page_port: int = page.getsockname()[1]
        first = min(page_port + 1, 65435)  # So that a hundred ports can be tried.
        api = stack.enter_context(closing(listen(0 if port == 0 else None, first)))
        places = Places(page_port, api.getsockname()[1])
        cases = CaseStore()
        source = moved_to_pages(*configuration, places) if configuration else NO_SOURCE
        control, token = make_control(places, cases, source)
        apps = [(control, page), (make_api(places, cases), api)]
        yield Lab(places, token, cases, stack.enter_context(serving(apps)))


def run(
    say: Say,
    *,
    port: int | None = None,
    open_browser: bool = True,
    configuration: Configuration | None = None,
) -> int:
    """Serve the lab until Ctrl-C."""
    with serving_lab(port=port, configuration=configuration) as lab:
        say(f"The lab is at {lab.places.control}")
        if open_browser:
            webbrowser.open(lab.places.control)
        serve_until_interrupted(lab, say)
    return 0


def serve_until_interrupted(lab: Lab, say: Say) -> None:
    """Wait until Ctrl-C or SIGTERM, and stop the servers then."""
    # Handlers and not KeyboardInterrupt, which could come in the middle of a line of output. Ctrl-C
    # works even where the shell had it ignored, as shells do for what they start in the background.
    before = {
        number: signal.signal(number, lambda _number, _frame: lab.servers.stop())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        say("Ctrl-C stops it.")
        lab.servers.wait()
        say("Stopped.")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
