"""Middlewares inside one another, called in a thread with a small stack.

A program, since what goes wrong with a stack ends the process: ``python -m support.nested SIZE``
prints a line of JSON for each case, as soon as it has come of it.
"""

from __future__ import annotations

import functools
import json
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import corsac
import corsac.wsgi
from corsac import _core

ORIGIN = "https://app.example.com"
PREFLIGHT = {"access-control-request-method": "PUT", "access-control-request-headers": "x-wanted"}
LAYERS = (1, 50, 500, 501, 1000)
"""How many; around 500 is where the limit is."""

REQUESTS: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    "actual": ("GET", {"origin": ORIGIN}, {}),
    "no origin": ("GET", {}, {}),
    "refused": ("GET", {"origin": "https://evil.example"}, {}),
    "preflight": ("OPTIONS", {"origin": ORIGIN, **PREFLIGHT}, {}),
    "preflight handed on": (
        "OPTIONS",
        {"origin": ORIGIN, **PREFLIGHT},
        {"preflight_continue": True, "allow_headers": ["*"], "allow_credentials": True},
    ),
    "guard": ("POST", {"origin": ORIGIN}, {"guard": True}),
    "refused by the guard": ("POST", {"origin": "https://evil.example"}, {"guard": True}),
    "hands off": ("GET", {"origin": ORIGIN}, {"rules": [("/*", None)]}),
}


def by_function(app: Any) -> Any:
    """A layer of Python's own between two."""

    def layer(*args: Any) -> Any:
        return app(*args)

    return layer


CALLS: dict[type, Any] = {
    corsac.CORSMiddleware: _core.ASGIMiddleware.__call__,
    corsac.wsgi.CORSMiddleware: _core.WSGIMiddleware.__call__,
}

# What stands around each middleware.
BETWEEN: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda app: app,
    "a partial": functools.partial,
    "a function": by_function,
    "a method-wrapper": lambda app: CALLS[type(app)].__get__(app),
}


AROUND = ("nothing", "a partial")
"""What stands between each `send` or `start_response` and the next."""


def asgi_scope(method: str, lines: dict[str, str]) -> dict[str, Any]:
    """The scope of a request."""
    headers = [(name.encode(), value.encode()) for name, value in lines.items()]
    return {"type": "http", "method": method, "path": "/", "headers": headers}


def wsgi_environ(method: str, lines: dict[str, str]) -> dict[str, Any]:
    """The environ of a request."""
    keys = {"HTTP_" + name.upper().replace("-", "_"): value for name, value in lines.items()}
    return {"REQUEST_METHOD": method, "PATH_INFO": "/", "wsgi.url_scheme": "http", **keys}


def finish(awaitable: Any) -> None:
    """Run what an ASGI application gave."""
    try:
        awaitable.send(None)
    except StopIteration:
        return
    raise AssertionError("nothing here waits")


def run_asgi(app: Any, method: str, lines: dict[str, str]) -> int:
    """The status of the answer."""
    statuses = []

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    finish(app(asgi_scope(method, lines), None, send))
    (status,) = statuses
    return int(status)


def run_wsgi(app: Any, method: str, lines: dict[str, str]) -> int:
    """The status of the answer."""
    statuses = []
    list(app(wsgi_environ(method, lines), lambda status, headers: statuses.append(status)))
    (status,) = statuses
    return int(status.split()[0])


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    """Answers."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def wsgi_app(environ: Any, start_response: Any) -> list[bytes]:
    """Answers."""
    start_response("200 OK", [])
    return []


PROTOCOLS: dict[str, tuple[Any, Any, Callable[[Any, str, dict[str, str]], int]]] = {
    "asgi": (corsac.CORSMiddleware, asgi_app, run_asgi),
    "wsgi": (corsac.wsgi.CORSMiddleware, wsgi_app, run_wsgi),
}


def outcome(protocol: str, request: str, app: Any) -> int | str:
    """A status, or the name of an error."""
    method, lines, _ = REQUESTS[request]
    try:
        return PROTOCOLS[protocol][2](app, method, lines)
    except RecursionError as error:
        return type(error).__name__


def cases() -> Iterator[tuple[str, str, str, int, Any]]:
    """(protocol, kind of request, what is between, layers, application), more and more layers."""
    for protocol, (make, innermost, _) in PROTOCOLS.items():
        for options in {json.dumps(options) for _, _, options in REQUESTS.values()}:
            requests = [name for name in REQUESTS if json.dumps(REQUESTS[name][2]) == options]
            policy, rules = read_options(json.loads(options))
            for between, put_between in BETWEEN.items():
                app, height = innermost, 0
                for layers in LAYERS:
                    for _ in range(layers - height):
                        app = put_between(make(app, policy, rules=rules))
                    height = layers
                    for request in requests:
                        yield protocol, request, between, layers, app


def read_options(options: dict[str, Any]) -> tuple[corsac.CORSPolicy | None, Any]:
    """A policy, or rules."""
    if "rules" in options:
        return None, options["rules"]
    given = {"allow_origins": [ORIGIN], "allow_methods": ["PUT"], **options}
    return corsac.CORSPolicy(**given), None


def many_around(protocol: str, between: str) -> Any:
    """The `send` or `start_response` of one request, around that of another, and so on."""
    make, _, _ = PROTOCOLS[protocol]
    kept: list[Any] = [nothing]
    middleware = make(lambda *args: kept.append(args[-1]), allow_origins=[ORIGIN])
    before = (asgi_scope("GET", {}), None) if protocol == "asgi" else (wsgi_environ("GET", {}),)
    for _ in range(2000):
        middleware(*before, BETWEEN[between](kept.pop()))
    return kept.pop()


def nothing(*_: Any) -> None:
    """The server's `send` or `start_response`."""


def started(protocol: str, response_callable: Any) -> str:
    """What comes of starting a response."""
    start: Any = {"type": "http.response.start", "status": 200, "headers": []}
    try:
        response_callable(*([start] if protocol == "asgi" else ["200 OK", []]))
    except RecursionError as error:
        return type(error).__name__
    return "started"


def shown(response_callable: Any) -> str:
    """The start of its text, or the name of an error."""
    try:
        return repr(response_callable)[:10]
    except RecursionError as error:
        return type(error).__name__


def in_thread(call: Callable[[], Any]) -> Any:
    """What a call gives in a thread of its own."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()
    thread.join()
    return results.pop()


def main(size: int) -> None:
    """Run all cases, each in a thread with a stack of so many bytes."""
    threading.stack_size(size)
    for protocol, request, between, layers, app in cases():
        came = in_thread(functools.partial(outcome, protocol, request, app))
        print(json.dumps([protocol, request, between, layers, came]), flush=True)
    for protocol in PROTOCOLS:
        for between in AROUND:
            many = many_around(protocol, between)
            print(json.dumps(in_thread(functools.partial(shown, many))), flush=True)
            came = in_thread(functools.partial(started, protocol, many))
            print(json.dumps(came), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
