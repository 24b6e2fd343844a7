"""Many requests at once in one thread, without a server: ``python -m support.greenlets COUNT``.

A program, since what a hub is once was belongs to the process.
"""

from __future__ import annotations

import sys
from typing import Any

import gevent
from gevent.event import Event

import corsac.wsgi

ORIGIN = "https://app.example.com"
POLICY = corsac.CORSPolicy(
    allow_origins=[ORIGIN],
    allow_methods=["PUT"],
    preflight_continue=True,
    allow_origin_func=lambda origin: origin.startswith("https://asked-"),
)
PREFLIGHT = {"REQUEST_METHOD": "OPTIONS", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT"}


def main(count: int) -> None:
    """Have so many requests wait for one another, and check every answer."""
    complete = Event()
    answers: list[tuple[str, dict[str, str]]] = []
    waiting = 0

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        nonlocal waiting
        waiting += 1
        if waiting == count:
            complete.set()
        complete.wait()
        start_response("200 OK", [])
        return []

    def tell(refusal: Any) -> None:
        gevent.sleep(0)  # Other requests go on in the midst of this one.

    middleware = corsac.wsgi.CORSMiddleware(
        corsac.wsgi.CORSMiddleware(app, POLICY), POLICY, on_refusal=tell
    )

    def request(index: int) -> None:
        origin = (ORIGIN, "https://asked-for.example", "https://evil.example")[index % 3]
        environ = {"PATH_INFO": "/", "HTTP_ORIGIN": origin, "REQUEST_METHOD": "GET"}
        if index % 2:
            environ |= PREFLIGHT

        def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> Any:
            answers.append((origin, dict(headers)))
            assert status == "200 OK"

        middleware(environ, start_response)

    gevent.joinall([gevent.spawn(request, index) for index in range(count)], raise_error=True)
    assert len(answers) == count
    for origin, headers in answers:
        allowed = None if "evil" in origin else origin
        assert headers.get("access-control-allow-origin") == allowed

    gevent.get_hub().exception_stream = None  # What is raised is looked at here.
    around_itself: Any = corsac.wsgi.CORSMiddleware.__new__(corsac.wsgi.CORSMiddleware)
    around_itself.__init__(around_itself, POLICY)
    for _ in range(2):
        greenlet = gevent.spawn(around_itself, {"HTTP_ORIGIN": ORIGIN}, print)
        greenlet.join()
        assert isinstance(greenlet.exception, RecursionError)


if __name__ == "__main__":
    main(int(sys.argv[1]))
