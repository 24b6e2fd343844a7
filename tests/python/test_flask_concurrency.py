"""Requests of several threads while an application's routes are read."""

from __future__ import annotations

import threading
from typing import Any
from unittest import mock

import flask
from werkzeug.test import Client

from corsac.flask import CORS, cross_origin, install
from corsac.flask.routes import RouteTable
from support.flask_apps import ALLOWED, OTHER

SECONDS = 10
FORGED = {"Origin": OTHER, "Sec-Fetch-Site": "cross-site"}


class ToldLock:
    """A lock that says when somebody comes who has to wait."""

    def __init__(self, came: threading.Event) -> None:
        self._lock = threading.Lock()
        self._came = came

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            self._came.set()
            assert self._lock.acquire(timeout=SECONDS)

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class WhileReading:
    """Sends a request in another thread as soon as the routes are being read.

    Args:
        app: The application.
        method: The method of the request.
        path: Its path.
        headers: Its headers.
    """

    def __init__(self, app: flask.Flask, method: str, path: str, headers: Any) -> None:
        self.responses: list[Any] = []
        self._came_or_passed = threading.Event()
        self._thread = threading.Thread(target=self._send, args=(app, method, path, headers))
        self._read = RouteTable.of
        install(app)._lock = ToldLock(self._came_or_passed)  # type: ignore[assignment]

    def _send(self, app: flask.Flask, method: str, path: str, headers: Any) -> None:
        try:
            self.responses.append(Client(app).open(path, method=method, headers=headers))
        finally:
            self._came_or_passed.set()

    def __call__(self, *args: Any) -> RouteTable:
        if not self._thread.ident:
            self._thread.start()
            assert self._came_or_passed.wait(SECONDS)
        return self._read(*args)

    def response_after(self, first: Any) -> Any:
        """What the other thread got, when ``first`` has sent a request that has the routes read."""
        with mock.patch.object(RouteTable, "of", self):
            first()
            self._thread.join(SECONDS)
        (response,) = self.responses
        return response


def test_no_request_passes_the_guard_while_the_routes_are_read_for_the_first_time() -> None:
    app = flask.Flask("tested")
    CORS(app, origins=[ALLOWED], guard=True)
    ran: list[str] = []

    def transfer() -> str:
        ran.append("ran")
        return "done"

    app.add_url_rule("/transfer", view_func=transfer, methods=["POST"])
    other = WhileReading(app, "POST", "/transfer", FORGED)
    response = other.response_after(lambda: app.test_client().post("/transfer", headers=FORGED))
    assert (response.status_code, response.headers.get("Access-Control-Allow-Origin")) == (
        403,
        None,
    )
    assert ran == []


def test_a_request_that_comes_while_the_routes_are_read_has_their_policies() -> None:
    app = flask.Flask("tested")
    CORS(app, origins=[OTHER])
    app.add_url_rule("/x/<name>", "x", cross_origin(origins=ALLOWED)(lambda name: name))
    headers = {"Origin": ALLOWED, "Access-Control-Request-Method": "GET"}
    other = WhileReading(app, "OPTIONS", "/x/y", headers)
    response = other.response_after(lambda: app.test_client().get("/x/y"))
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (200, ALLOWED)


def test_a_route_that_is_added_while_the_routes_are_read_counts_for_the_next_request() -> None:
    app = flask.Flask("tested")
    CORS(app, origins=[OTHER])
    read = RouteTable.of

    def add_then(*args: Any) -> RouteTable:
        table = read(*args)
        if "late" not in app.view_functions:
            app.add_url_rule("/late", "late", cross_origin(origins=ALLOWED)(lambda: "late"))
        return table

    with mock.patch.object(RouteTable, "of", add_then):
        app.test_client().get("/")
    response = app.test_client().get("/late", headers={"Origin": ALLOWED})
    assert response.headers["Access-Control-Allow-Origin"] == ALLOWED
