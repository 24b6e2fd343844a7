"""Sends requests to a WSGI application as a server does.

The environ is new for each request, and so are the names and values that came over the wire: they
are cut out of the request's text, as a server makes them anew. Their hashes are computed when they
are put into the environ.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from typing import Any
from wsgiref.types import WSGIApplication, WSGIEnvironment

import pyperf  # type: ignore[import-untyped]

from benchmarks.exchange import LONGEST_NEW_VALUE, Answer, Timer
from benchmarks.paired import BenchmarkError
from benchmarks.scenarios import HeaderLines, Scenario


def environ_maker(scenario: Scenario) -> Callable[[], WSGIEnvironment]:
    """A function that makes the environ of the scenario's next request."""
    readers = itertools.cycle([_header_reader(lines) for lines in scenario.requests])
    method = scenario.method
    body = io.BytesIO()
    errors = io.StringIO()

    def new_environ() -> WSGIEnvironment:
        environ: WSGIEnvironment = {
            "wsgi.errors": errors,
            "wsgi.version": (1, 0),
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "wsgi.input": body,
            "wsgi.url_scheme": "http",
            "SERVER_SOFTWARE": "benchmark",
            "REQUEST_METHOD": method,
            "QUERY_STRING": "",
            "RAW_URI": "/",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "REMOTE_PORT": "50000",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "PATH_INFO": "/",
            "SCRIPT_NAME": "",
        }
        environ.update(next(readers)())
        return environ

    return new_environ


def _header_reader(lines: HeaderLines) -> Callable[[], list[tuple[str, str]]]:
    text = ""
    spans = []
    kept = []
    for raw_name, raw_value in lines:
        name = "HTTP_" + raw_name.decode("latin-1").upper().replace("-", "_")
        value = raw_value.decode("latin-1")
        if len(value) > LONGEST_NEW_VALUE:
            kept.append((name, value))
            continue
        begin, middle = len(text), len(text) + len(name)
        text += name + value
        spans.append((begin, middle, len(text)))

    def read() -> list[tuple[str, str]]:
        return [(text[begin:middle], text[middle:end]) for begin, middle, end in spans]

    def read_with_long_lines() -> list[tuple[str, str]]:
        return [*read(), *kept]

    return read_with_long_lines if kept else read


def ask(app: WSGIApplication, scenario: Scenario) -> Answer:
    """The application's answer to one request."""
    started: list[tuple[str, Any]] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], None]:
        started.append((status, headers))
        return _write

    _read_to_end(app(environ_maker(scenario)(), start_response))
    if len(started) != 1:
        raise BenchmarkError(f"an application began {len(started)} responses to one request")
    status, headers = started[0]
    lines = tuple((str(name).lower(), str(value)) for name, value in headers)
    return Answer(int(status.split()[0]), lines)


def _write(data: bytes) -> None:
    """The `write` of a server."""


def _read_to_end(body: Any) -> None:
    for _ in body:
        pass
    close = getattr(body, "close", None)
    if close is not None:
        close()


def timer(app: WSGIApplication | None, scenario: Scenario) -> Timer:
    """A function that times so many requests.

    Args:
        app: The application, or `None` for the time that making the requests takes.
        scenario: Where the requests come from.

    Returns:
        A function that takes a number of requests and returns seconds for all of them.
    """
    new_environ = environ_maker(scenario)
    kept: Any = None

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], None]:
        nonlocal kept
        kept = headers
        return _write

    def requests(application: WSGIApplication, count: int) -> None:
        for _ in range(count):
            _read_to_end(application(new_environ(), start_response))

    def nothing(count: int) -> None:
        for _ in range(count):
            new_environ()

    def run(count: int) -> float:
        start = pyperf.perf_counter()
        if app is None:
            nothing(count)
        else:
            requests(app, count)
        return float(pyperf.perf_counter() - start)

    return run
