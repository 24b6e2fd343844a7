"""Neighbours that change whatever they can reach, at every moment at which their code runs.

A `Meddler` has a plan: at each such moment it does something to the request, the response or the
middleware. The containers here run its code while they are looked into, and the functions whenever
they are called.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import corsac
import corsac.wsgi
from support.asgi import finish
from support.exchange import Request, http_scope, run_wsgi, wsgi_environ

__all__ = ["ACTS", "ALLOWED", "ASKED", "EVIL", "Meddler", "asgi_exchange", "wsgi_exchange"]

ALLOWED = ("https://app.example.com", "https://other.example.com")
EVIL = "https://evil.example"
LONGEST = 40


class Meddler:
    """Does what its plan says, never while it is doing it.

    Args:
        plan: For each moment the name of an act, or none.
    """

    def __init__(self, plan: Sequence[str]) -> None:
        self._plan = iter(plan)
        self._busy = False
        self.lines: list[Any] = []
        self.response_lines: list[Any] = []
        self.request: Any = {}
        self.headers_key = ""
        self.junk: list[Any] = []
        self.middleware: Any = None
        self.ask_again: Callable[[], object] = lambda: None

    def act(self) -> None:
        """Do the next thing of the plan."""
        if self._busy:
            return
        self._busy = True
        try:
            ACTS[next(self._plan, "nothing")](self)
        finally:
            self._busy = False


def _fresh(text: str) -> Any:
    """Bytes to which nothing else refers, so that their memory is used anew once they are gone."""
    return bytes(bytearray(text.encode()))


def _put(meddler: Meddler, *origins: str) -> None:
    meddler.lines[:] = [(_fresh("origin"), _fresh(origin)) for origin in origins]
    for key in list(meddler.request):
        if str(key) == "HTTP_ORIGIN":
            meddler.request[key] = ",".join(origins)


def _fill(meddler: Meddler) -> None:
    meddler.junk[:] = [_fresh(f"https://evil{number:02}.example") for number in range(200)]


def _empty(meddler: Meddler) -> None:
    meddler.lines.clear()
    _fill(meddler)


def _lengthen(meddler: Meddler) -> None:
    meddler.lines.extend((_fresh(f"x-{number}"), b"1") for number in range(300))


def _change_pairs(meddler: Meddler) -> None:
    for pair in meddler.lines:
        if isinstance(pair, list):
            pair[:] = [_fresh("origin"), _fresh(EVIL)]


def _allow_evil(meddler: Meddler) -> None:
    kind = _fresh if isinstance(meddler.request.get("type"), str) else str
    meddler.response_lines.append((kind("Access-Control-Allow-Origin"), kind(EVIL)))


def _drop_headers(meddler: Meddler) -> None:
    for key in list(meddler.request):
        if str(key) in {"headers", "HTTP_ORIGIN"}:
            del meddler.request[key]
    _fill(meddler)


def _new_headers(meddler: Meddler) -> None:
    if "type" in meddler.request:
        meddler.request["headers"] = [(_fresh("origin"), _fresh(EVIL))]


ACTS: dict[str, Callable[[Meddler], object]] = {
    "nothing": lambda meddler: None,
    "empty the lines": _empty,
    "be evil": lambda meddler: _put(meddler, EVIL),
    "be another": lambda meddler: _put(meddler, ALLOWED[1]),
    "be two": lambda meddler: _put(meddler, ALLOWED[0], EVIL),
    "lengthen the lines": _lengthen,
    "change pairs": _change_pairs,
    "allow evil": _allow_evil,
    "empty the response's lines": lambda meddler: meddler.response_lines.clear(),
    "drop the headers": _drop_headers,
    "put other headers": _new_headers,
    "collect garbage": lambda meddler: gc.collect(),
    "ask again": lambda meddler: meddler.ask_again(),
    "reconfigure": lambda meddler: meddler.middleware.reconfigure(meddler.middleware.policy),
}
"""What can be done."""


def _odd(kind: Any, meddler: Meddler) -> Any:
    """A class of keys, pairs or lists that lets the meddler act while it is looked at."""

    class Odd(kind):  # type: ignore[misc]
        def __eq__(self, other: object) -> bool:
            meddler.act()
            return bool(kind.__eq__(self, other))

        def __hash__(self) -> int:
            return int(kind.__hash__(self))

        def __iter__(self) -> Iterator[Any]:
            meddler.act()
            for item in kind.__iter__(self):
                meddler.act()
                yield item

    return Odd


def _odd_dict(meddler: Meddler, items: dict[str, Any]) -> dict[Any, Any]:
    key = _odd(str, meddler)
    return {key(name): value for name, value in items.items()}


def _pair(meddler: Meddler, kind: str, name: Any, value: Any) -> Any:
    if kind == "list":
        return [name, value]
    if kind == "odd":
        return _odd(tuple, meddler)((name, value))
    if kind == "buffers" and isinstance(name, bytes):
        return (bytearray(name), memoryview(value))
    return (name, value)


def asgi_exchange(
    meddler: Meddler, origin: str, method: str, shapes: Sequence[str], options: dict[str, Any]
) -> list[Any]:
    """One request over ASGI; gives the lines of each start as the server is handed them.

    Args:
        meddler: Acts meanwhile.
        origin: The request's, at first.
        method: The request's.
        shapes: Of the request's pairs, the response's pairs, and the request's list.
        options: The middleware's.
    """
    request_shape, response_shape, list_shape = shapes
    started: list[Any] = []

    async def receive() -> Any:
        meddler.act()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        for key in list(message):
            if str(key) == "headers" and message["type"] == "http.response.start":
                started.append(
                    [(bytes(name).lower(), bytes(value)) for name, value in message[key]]
                )
        meddler.act()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        meddler.act()
        if receive is not None:
            await receive()
        headers = meddler.response_lines
        start = {"type": "http.response.start", "status": 200, "headers": headers}
        await send(_odd_dict(meddler, start))
        meddler.act()
        start["headers"] = []
        await send({"type": "http.response.body", "body": b"x"})

    def ask(with_origin: str) -> Any:
        lines = [(b"origin", with_origin.encode()), *ASKED[method]]
        return http_scope(Request(method), headers=lines)

    def allow(asked: str) -> bool:
        meddler.act()
        return False

    def tell(refusal: object) -> None:
        meddler.act()

    meddler.middleware = corsac.CORSMiddleware(
        application, allow_origin_func=allow, on_refusal=tell, **options
    )
    meddler.ask_again = lambda: finish(meddler.middleware(ask(ALLOWED[1]), receive, send))
    own = ((b"x-app", b"1"), (b"vary", b"accept"), (b"x-more", b"2"))
    meddler.response_lines[:] = [_pair(meddler, response_shape, *line) for line in own]
    sent = [(b"x-a", b"1"), (b"origin", _fresh(origin)), *ASKED[method], (b"x-b", b"2")]
    meddler.lines[:] = [_pair(meddler, request_shape, *line) for line in sent]
    headers: Any = meddler.lines
    if list_shape == "odd":
        headers = _odd(list, meddler)(headers)
    elif list_shape == "once":
        headers = iter(headers)
    meddler.request = _odd_dict(meddler, http_scope(Request(method), headers=headers))
    finish(meddler.middleware(meddler.request, receive, send))
    return started


def wsgi_exchange(
    meddler: Meddler, origin: str, method: str, shapes: Sequence[str], options: dict[str, Any]
) -> list[Any]:
    """The same over WSGI."""
    _, response_shape, _ = shapes
    started: list[Any] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        started.append([(name.lower().encode(), value.encode()) for name, value in headers])
        meddler.act()
        return started.append

    def application(environ: Any, start_response: Any) -> Iterator[bytes]:
        meddler.act()
        start_response("200 OK", meddler.response_lines)
        meddler.act()
        yield b"x"

    def ask(with_origin: str) -> Any:
        lines = [("origin", with_origin)]
        lines += [(name.decode(), value.decode()) for name, value in ASKED[method]]
        return wsgi_environ(Request(method, lines))

    def allow(asked: str) -> bool:
        meddler.act()
        return False

    def tell(refusal: object) -> None:
        meddler.act()

    meddler.middleware = corsac.wsgi.CORSMiddleware(
        application, allow_origin_func=allow, on_refusal=tell, **options
    )

    def ask_again() -> None:
        started.append([])
        meddler.junk.append(run_wsgi(meddler.middleware, ask(ALLOWED[1])))

    meddler.ask_again = ask_again
    own = (("x-app", "1"), ("vary", "accept"), ("x-more", "2"))
    meddler.response_lines[:] = [_pair(meddler, response_shape, *line) for line in own]
    meddler.request = _odd_dict(meddler, ask(origin))
    for _ in meddler.middleware(meddler.request, start_response):
        meddler.act()
    return started


ASKED: dict[str, list[tuple[bytes, bytes]]] = {
    "GET": [],
    "POST": [(b"sec-fetch-site", b"cross-site")],
    "OPTIONS": [
        (b"access-control-request-method", b"PUT"),
        (b"access-control-request-headers", b"x-a, x-b"),
    ],
}
"""What a request has beside its origin, by method."""
