"""Sends requests to ASGI and WSGI applications as a server does, without server and event loop.

Nothing in these applications waits, so that one step of a coroutine runs any number of requests to
their end; in an event loop the differences would drown. Scope, environ and header lines are new for
each request, and the names and values in them are cut out of the request's bytes, as a server's
parser does. It matters: an object that was hashed before is not hashed again. The clock is that of
the thread, which stands while other programs have the processor.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.measured import BenchmarkError
from benchmarks.scenarios import Scenario
from support.exchange import Request, Response, http_scope, run_asgi, run_wsgi, wsgi_environ

Timer = Callable[[int], float]
LONGEST_NEW_VALUE = 4_096  # Copying a longer one each time would be all that is measured.


def _cutter(lines: Sequence[tuple[Any, Any]]) -> Callable[[], list[tuple[Any, Any]]]:
    """A function that makes the lines anew, but for the longest ones."""
    new = [line for line in lines if len(line[1]) <= LONGEST_NEW_VALUE]
    kept = [line for line in lines if len(line[1]) > LONGEST_NEW_VALUE]
    text = lines[0][0][:0].join(part for line in new for part in line)
    ends = [0, *itertools.accumulate(len(part) for line in new for part in line)]
    spans = list(zip(ends[::2], ends[1::2], ends[2::2], strict=False))

    def cut() -> list[tuple[Any, Any]]:
        return [(text[begin:middle], text[middle:end]) for begin, middle, end in spans]

    return (lambda: [*cut(), *kept]) if kept else cut


async def _receive() -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}


class ASGI:
    """Requests to ASGI applications."""

    @staticmethod
    def maker(scenario: Scenario) -> Callable[[], dict[str, Any]]:
        """A function that makes the scope of the scenario's next request."""
        cutters = itertools.cycle([_cutter(lines) for lines in scenario.requests])
        template = http_scope(Request(scenario.method))
        return lambda: {**template, "headers": next(cutters)(), "state": {}}

    @classmethod
    def ask(cls, app: Any, scenario: Scenario) -> Response:
        """The application's answer to one request."""
        messages = run_asgi(app, cls.maker(scenario)())
        (start,) = (one for one in messages if one["type"] == "http.response.start")
        lines = start.get("headers", ())
        headers = [(name.decode().lower(), value.decode("latin-1")) for name, value in lines]
        return Response(start["status"], headers, b"", True)

    @classmethod
    def timer(cls, app: Any, scenario: Scenario) -> Timer:
        """A function that times requests; without an application, only making them."""
        new_scope = cls.maker(scenario)
        kept = None

        async def send(message: Any) -> None:
            nonlocal kept
            kept = message

        async def requests(count: int) -> None:
            if app is None:
                for _ in range(count):
                    new_scope()
                return
            for _ in range(count):
                await app(new_scope(), _receive, send)

        def run(count: int) -> float:
            work = requests(count)
            start = time.thread_time()
            try:
                work.send(None)
            except StopIteration:
                return float(time.thread_time() - start)
            raise BenchmarkError("an application waited for something; it needs an event loop")

        return run


def _read_to_end(body: Any) -> None:
    for _ in body:
        pass
    if hasattr(body, "close"):
        body.close()


class WSGI:
    """Requests to WSGI applications."""

    @staticmethod
    def maker(scenario: Scenario) -> Callable[[], dict[str, Any]]:
        """A function that makes the environ of the scenario's next request."""

        def line(name: bytes, value: bytes) -> tuple[str, str]:
            return f"HTTP_{name.decode().upper().replace('-', '_')}", value.decode("latin-1")

        requests = [[line(*one) for one in lines] for lines in scenario.requests]
        cutters = itertools.cycle([_cutter(lines) for lines in requests])
        template = wsgi_environ(Request(scenario.method))

        def new_environ() -> dict[str, Any]:
            environ = {**template}
            environ.update(next(cutters)())
            return environ

        return new_environ

    @classmethod
    def ask(cls, app: Any, scenario: Scenario) -> Response:
        """The application's answer to one request."""
        answer = run_wsgi(app, cls.maker(scenario)())
        headers = [(str(name).lower(), str(value)) for name, value in answer.headers]
        return Response(answer.code, headers, b"", True)

    @classmethod
    def timer(cls, app: Any, scenario: Scenario) -> Timer:
        """A function that times requests; without an application, only making them."""
        new_environ = cls.maker(scenario)
        kept = None

        def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
            nonlocal kept
            kept = headers
            return print

        def run(count: int) -> float:
            start = time.thread_time()
            if app is None:
                for _ in range(count):
                    new_environ()
            else:
                for _ in range(count):
                    _read_to_end(app(new_environ(), start_response))
            return float(time.thread_time() - start)

        return run


PROTOCOLS: dict[str, Any] = {"asgi": ASGI, "wsgi": WSGI}
