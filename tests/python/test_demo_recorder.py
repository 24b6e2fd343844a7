"""The demo's recorder: what it notes, and that it cannot grow without end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from corsac._types import Message, Receive, Scope, Send
from corsac.cli.demo.exchange import Exchange, RoundTrip
from corsac.cli.demo.recorder import (
    MAX_EXCHANGES,
    MAX_ID_LENGTH,
    ApplicationMark,
    ExchangeLog,
    Recorder,
)

ORIGIN = (b"origin", b"https://app.example")
ASKED = (b"access-control-request-method", b"PUT")


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"1")]})
    await send({"type": "http.response.body"})


async def receive_nothing() -> Message:
    raise AssertionError


async def drop(message: Message) -> None:
    pass


def call(log: ExchangeLog, **scope: Any) -> None:
    """Send one request through recorder and mark."""
    request = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"exchange=1",
        "headers": [],
        **scope,
    }
    recorder = Recorder(ApplicationMark(application), log, sign_in_path="/sign-in")
    asyncio.run(_call(recorder, request))


async def _call(recorder: Recorder, scope: Scope) -> None:
    await recorder(scope, receive_nothing, drop)


def add(log: ExchangeLog, exchange_id: str) -> None:
    log.add(exchange_id, RoundTrip("GET", "/", []), is_sign_in=False)


def test_a_request_is_noted_with_its_answer_and_that_the_application_ran() -> None:
    log = ExchangeLog()
    call(log, headers=[ORIGIN])
    assert log.exchange("1") == Exchange(
        actual=RoundTrip("GET", "/", [ORIGIN], 200, [(b"x-a", b"1")], application_ran=True)
    )


@pytest.mark.parametrize(
    ("method", "headers", "is_preflight"),
    [
        ("OPTIONS", [ORIGIN, ASKED], True),
        ("OPTIONS", [(b"Origin", b"null"), (b"Access-Control-Request-Method", b"PUT")], True),
        ("OPTIONS", [ORIGIN], False),
        ("OPTIONS", [ASKED], False),
        ("GET", [ORIGIN, ASKED], False),
    ],
)
def test_a_preflight_is_options_with_both_headers(
    method: str, headers: list[tuple[bytes, bytes]], is_preflight: bool
) -> None:
    log = ExchangeLog()
    call(log, method=method, headers=headers)
    assert (log.exchange("1").preflight is not None) is is_preflight
    assert (log.exchange("1").actual is None) is is_preflight


def test_signing_in_is_kept_apart_from_the_request_itself() -> None:
    log = ExchangeLog()
    call(log, method="POST", path="/sign-in")
    call(log)
    assert log.exchange("1").sign_in is not None
    assert log.exchange("1").actual is not None


@pytest.mark.parametrize(
    "scope", [{"query_string": b""}, {"query_string": b"a=1"}, {"type": "websocket"}]
)
def test_what_names_no_exchange_passes_unnoted(scope: dict[str, Any]) -> None:
    log = ExchangeLog()
    call(log, **scope)
    assert log.exchange("1") == Exchange()
    assert log.exchange("") == Exchange()


def test_an_id_at_the_limit_is_noted_and_one_beyond_it_is_not() -> None:
    log = ExchangeLog()
    for length in (MAX_ID_LENGTH, MAX_ID_LENGTH + 1):
        call(log, query_string=b"exchange=" + b"a" * length)
    assert log.exchange("a" * MAX_ID_LENGTH).actual is not None
    assert log.exchange("a" * (MAX_ID_LENGTH + 1)).actual is None


def test_the_log_holds_its_limit_and_then_forgets_the_oldest() -> None:
    log = ExchangeLog()
    for number in range(MAX_EXCHANGES):
        add(log, str(number))
    assert log.exchange("0").actual is not None
    add(log, "one more")
    assert log.exchange("0").actual is None
    assert log.exchange("1").actual is not None
    assert log.exchange("one more").actual is not None
