"""`corsac demo`: a real API, a real page on another origin, real requests, explained step by step.

Needs the `demo` extra; nothing else of the library imports this package.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

from rich.console import Console

from corsac.cli.demo.api import Protect, make_api, protect
from corsac.cli.demo.client import perform
from corsac.cli.demo.exchange import judge
from corsac.cli.demo.page_server import make_page_server
from corsac.cli.demo.recorder import ExchangeLog
from corsac.cli.demo.scenarios import SCENARIOS, Addresses
from corsac.cli.demo.steps import seven_steps
from corsac.cli.demo.transcript import write_addresses, write_exchange, write_summary
from corsac.cli.loopback import PortUnavailableError, Servers, listen, serving

__all__ = ["Demo", "PortUnavailableError", "run", "serving_demo"]

DEFAULT_API_PORT = 8000
DEFAULT_PAGE_PORT = 8001


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that is being served.

    Attributes:
        addresses: Where it is.
        log: What the API saw.
        servers: What serves it.
    """

    addresses: Addresses
    log: ExchangeLog
    servers: Servers


@contextmanager
def serving_demo(
    *,
    api_port: int | None = None,
    page_port: int | None = None,
    console: Console | None = None,
    protect: Protect = protect,
) -> Iterator[Demo]:
    """Serve the API and the pages while the context lasts.

    Args:
        api_port: The API's port, 0 for any; by default 8000 or the next free one.
        page_port: The pages' port, 0 for any; by default 8001 or the next free one.
        console: Where progress is told; by default nowhere.
        protect: Puts the policy in front of the API; a test may put another one.

    Yields:
        The running demo.

    Raises:
        PortUnavailableError: A port cannot be used.
    """
    log = ExchangeLog()
    with ExitStack() as stack:
        # Ports that were asked for come first, so that the search for a free one leaves them alone.
        ports = [
            (api_port, DEFAULT_API_PORT, "--api-port"),
            (page_port, DEFAULT_PAGE_PORT, "--page-port"),
        ]
        order = sorted(range(2), key=lambda index: ports[index][0] is None)
        listeners = {i: stack.enter_context(closing(listen(*ports[i]))) for i in order}
        api_listener, page_listener = listeners[0], listeners[1]
        addresses = Addresses(api_listener.getsockname()[1], page_listener.getsockname()[1])
        if console is not None:
            write_addresses(console, addresses)
            console.print("Starting both servers ...", style="bright_black")
        api = make_api(addresses, log, protect)
        pages = make_page_server(addresses, log)
        apps = [(api, api_listener), (pages, page_listener)]
        servers = stack.enter_context(serving(apps))
        if console is not None:
            console.print("Both servers answer.", style="bright_black")
        yield Demo(addresses, log, servers)


def run(
    *,
    once: bool,
    api_port: int | None = None,
    page_port: int | None = None,
    console: Console | None = None,
    protect: Protect = protect,
) -> int:
    """Print the transcript of every scenario and, unless `once`, serve the page until Ctrl-C.

    Args:
        once: Stop after the transcript.
        api_port: See `serving_demo`.
        page_port: See `serving_demo`.
        console: Where the transcript goes; by default standard output.
        protect: See `serving_demo`.

    Returns:
        0 if every verdict was the expected one, otherwise 1.

    Raises:
        PortUnavailableError: A port cannot be used.
    """
    console = console or Console(highlight=False)
    # The transcript says what was refused; the same in the log would stand between its lines.
    logging.getLogger("corsac").addHandler(logging.NullHandler())
    with serving_demo(
        api_port=api_port, page_port=page_port, console=console, protect=protect
    ) as demo:
        all_right = _write_transcript(console, demo)
        if not once:
            _serve_until_interrupted(console, demo)
    return 0 if all_right else 1


def _write_transcript(console: Console, demo: Demo) -> bool:
    rows = []
    for scenario in SCENARIOS:
        exchange = perform(scenario, demo.addresses, demo.log)
        verdict = judge(scenario, demo.addresses, exchange)
        steps = seven_steps(scenario, demo.addresses, exchange)
        write_exchange(console, scenario, demo.addresses, steps, verdict)
        rows.append((scenario, verdict))
    write_summary(console, rows)
    return all(verdict.is_as(scenario.expected) for scenario, verdict in rows)


def _serve_until_interrupted(console: Console, demo: Demo) -> None:
    # Handlers and not KeyboardInterrupt, which could come in the middle of a line of output. Ctrl-C
    # works even where the shell had it ignored, as shells do for what they start in the background.
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        signal.signal(number, lambda _number, _frame: demo.servers.stop())
    try:
        console.print()
        console.print("Now with your own browser: open", demo.addresses.allowed_page, style="bold")
        console.print("Ctrl-C stops the demo.")
        demo.servers.wait()
        console.print("Stopped.")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
