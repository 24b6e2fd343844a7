"""Sends requests to an ASGI application as a server does, but for the event loop.

A server awaits `app(scope, receive, send)` in a coroutine of its own, and so does this. Nothing in
these applications waits, so that one step of that coroutine runs any number of requests to their
end, without the cost of an event loop, in which the differences would drown.

The scope and the header list are new for each request, and so are the names and values in it: they
are cut out of the request's bytes, as a server's parser does. It matters: an object that was hashed
before is not hashed again.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from dataclasses import dataclass
from typing import Any

import pyperf  # type: ignore[import-untyped]

from benchmarks.paired import BenchmarkError
from benchmarks.scenarios import HeaderLines, Scenario

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Timer = Callable[[int], float]

# Copying a value beyond this for every request would be all that is measured.
LONGEST_NEW_VALUE = 4_096


@dataclass(frozen=True)
class Answer:
    """What came back for one request."""

    status: int
    headers: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        """The values of the header of this name, in lower case."""
        return [value for line_name, value in self.headers if line_name == name]

    def members(self, name: str) -> list[str]:
        """The members of a list header, all lines together."""
        return [member.strip() for member in ",".join(self.all(name)).split(",") if member.strip()]


def scope_maker(scenario: Scenario) -> Callable[[], Scope]:
    """A function that makes the scope of the scenario's next request."""
    readers = itertools.cycle([_header_reader(lines) for lines in scenario.requests])
    method = scenario.method

    def new_scope() -> Scope:
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": ("127.0.0.1", 8000),
            "client": ("127.0.0.1", 50000),
            "scheme": "http",
            "method": method,
            "root_path": "",
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "headers": next(readers)(),
            "state": {},
        }

    return new_scope


def _header_reader(lines: HeaderLines) -> Callable[[], list[tuple[bytes, bytes]]]:
    raw = bytearray()
    spans = []
    kept = []
    for name, value in lines:
        if len(value) > LONGEST_NEW_VALUE:
            kept.append((name, value))
            continue
        begin, middle = len(raw), len(raw) + len(name)
        raw += name + value
        spans.append((begin, middle, len(raw)))
    text = bytes(raw)

    def read() -> list[tuple[bytes, bytes]]:
        return [(text[begin:middle], text[middle:end]) for begin, middle, end in spans]

    def read_with_long_lines() -> list[tuple[bytes, bytes]]:
        return [*read(), *kept]

    return read_with_long_lines if kept else read


async def receive() -> Message:
    """The request's body, which is empty."""
    return {"type": "http.request", "body": b"", "more_body": False}


def run_to_end(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that waits for nothing.

    Raises:
        BenchmarkError: It waits, so that its time cannot be measured in this way.
    """
    try:
        work.send(None)
    except StopIteration:
        return
    work.close()
    raise BenchmarkError("an application waited for something; it needs an event loop")


def ask(app: ASGIApp, scope: Scope) -> Answer:
    """The application's answer to one request."""
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    async def serve() -> None:
        await app(scope, receive, send)

    run_to_end(serve())
    starts = [message for message in messages if message["type"] == "http.response.start"]
    if len(starts) != 1:
        raise BenchmarkError(f"an application began {len(starts)} responses to one request")
    headers = tuple(
        (bytes(name).decode("latin-1").lower(), bytes(value).decode("latin-1"))
        for name, value in starts[0].get("headers", ())
    )
    return Answer(starts[0]["status"], headers)


def timer(app: ASGIApp | None, scenario: Scenario) -> Timer:
    """A function that times so many requests.

    Args:
        app: The application, or `None` for the time that making the requests takes.
        scenario: Where the requests come from.

    Returns:
        A function that takes a number of requests and returns seconds for all of them.
    """
    new_scope = scope_maker(scenario)
    kept: Message = {}

    async def send(message: Message) -> None:
        nonlocal kept
        kept = message

    async def requests(application: ASGIApp, count: int) -> None:
        for _ in range(count):
            await application(new_scope(), receive, send)

    async def nothing(count: int) -> None:
        for _ in range(count):
            new_scope()

    def run(count: int) -> float:
        work = nothing(count) if app is None else requests(app, count)
        start = pyperf.perf_counter()
        run_to_end(work)
        return float(pyperf.perf_counter() - start)

    return run
