"""What the API saw: every request of an exchange and the answer that left the server."""

from __future__ import annotations

import threading
from collections import OrderedDict
from urllib.parse import parse_qs

from corsac._types import ASGIApp, Message, Receive, Scope, Send
from corsac.cli.demo.exchange import Exchange, RoundTrip

__all__ = ["ApplicationMark", "ExchangeLog", "Recorder"]

MAX_EXCHANGES = 256
"""The oldest exchange is forgotten beyond this, so that the log cannot grow without end."""

MAX_ID_LENGTH = 64
"""A longer id takes no part."""

_SCOPE_KEY = "corsac.demo.round_trip"


class ExchangeLog:
    """The last exchanges by their id. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._exchanges: OrderedDict[str, Exchange] = OrderedDict()

    def exchange(self, exchange_id: str) -> Exchange:
        """What was seen under this id; an empty exchange if there was nothing."""
        with self._lock:
            return self._exchanges.get(exchange_id, Exchange())

    def add(self, exchange_id: str, round_trip: RoundTrip, *, is_sign_in: bool) -> None:
        """Note a request that has just arrived; its answer is filled in later."""
        with self._lock:
            exchange = self._exchanges.setdefault(exchange_id, Exchange())
            if is_sign_in:
                exchange.sign_in = round_trip
            elif _is_preflight(round_trip):
                exchange.preflight = round_trip
            else:
                exchange.actual = round_trip
            while len(self._exchanges) > MAX_EXCHANGES:
                self._exchanges.popitem(last=False)


class Recorder:
    """The outermost layer of the API, outside of the CORS middleware: sees what a browser sees.

    A request takes part if its query names an exchange.
    """

    def __init__(self, app: ASGIApp, log: ExchangeLog, *, sign_in_path: str) -> None:
        self._app = app
        self._log = log
        self._sign_in_path = sign_in_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note it."""
        exchange_id = _exchange_id(scope) if scope["type"] == "http" else ""
        if not exchange_id:
            await self._app(scope, receive, send)
            return
        round_trip = RoundTrip(scope["method"], scope["path"], list(scope["headers"]))
        self._log.add(exchange_id, round_trip, is_sign_in=scope["path"] == self._sign_in_path)

        async def send_and_note(message: Message) -> None:
            # Noted before it is sent: whoever has read the answer finds it in the log.
            if message["type"] == "http.response.start":
                round_trip.status = message["status"]
                round_trip.response_headers = list(message["headers"])
            await send(message)

        await self._app({**scope, _SCOPE_KEY: round_trip}, receive, send_and_note)


class ApplicationMark:
    """The innermost layer: notes that the request got as far as the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the call and pass it on."""
        round_trip = scope.get(_SCOPE_KEY)
        if isinstance(round_trip, RoundTrip):
            round_trip.application_ran = True
        await self._app(scope, receive, send)


def _exchange_id(scope: Scope) -> str:
    values = parse_qs(scope["query_string"].decode("latin-1")).get("exchange", [""])
    return values[0] if len(values[0]) <= MAX_ID_LENGTH else ""


def _is_preflight(round_trip: RoundTrip) -> bool:
    names = {name.lower() for name, _ in round_trip.request_headers}
    return round_trip.method == "OPTIONS" and names >= {b"origin", b"access-control-request-method"}
