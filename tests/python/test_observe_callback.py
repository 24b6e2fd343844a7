"""``on_refusal``: told about every refusal, and unable to break a request."""

from __future__ import annotations

import functools
import gc
import logging
import threading
import weakref
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest

import corsac
import corsac.wsgi
from corsac import Refusal
from corsac._failure_log import FAILURE_LOG_WINDOW_SECONDS
from corsac.refusals import RefusalCallback
from corsac.refusals.log import MAX_LINES_PER_WINDOW
from support.asgi import scope_with
from support.exchange import Request, run_asgi
from support.refused import (
    ACTUAL,
    EVIL,
    FORGED,
    MALFORMED,
    ORIGIN,
    POLICY,
    REFUSED,
    MakeObserved,
    preflight,
)

REFUSED_HEADERS = [("x-app", "1"), ("vary", "Origin")]


def test_every_refusal_is_told_with_all_that_is_known_of_it(make_observed: MakeObserved) -> None:
    told: list[Refusal] = []
    send = make_observed(policy=POLICY.replace(guard=True), on_refusal=told.append)
    for request in (
        ACTUAL,
        REFUSED,
        MALFORMED,
        FORGED,
        preflight(),
        preflight("P U T"),
        preflight(origin=EVIL),
        Request(path="/items"),
    ):
        send(request)
    assert told == [
        Refusal("origin-not-allowed", EVIL, "GET", "/items", "default", "actual"),
        Refusal("origin-malformed", "not one, but two", "GET", "/items", "default", "actual"),
        Refusal("cross-origin-request", EVIL, "POST", "/items", "default", "guard"),
        Refusal("request-method-malformed", ORIGIN, "OPTIONS", "/items", "default", "preflight"),
        Refusal("origin-not-allowed", EVIL, "OPTIONS", "/items", "default", "preflight"),
    ]


def test_the_rule_is_the_pattern_that_chose_the_policy(make_observed: MakeObserved) -> None:
    told: list[Refusal] = []
    send = make_observed(
        policy=POLICY, rules=[("/open", None), ("/items/*", POLICY)], on_refusal=told.append
    )
    for path in ("/items/1", "/open", "/else"):
        send(Request(headers=[("origin", EVIL)], path=path))
    assert [(refusal.path, refusal.rule) for refusal in told] == [
        ("/items/1", "/items/*"),
        ("/else", "default"),
    ]


def test_a_handshake_that_the_guard_refuses_is_told_without_a_method() -> None:
    told: list[Refusal] = []
    middleware = corsac.CORSMiddleware(
        mock.Mock(), POLICY.replace(guard=True), on_refusal=told.append
    )
    scope = {"type": "websocket", "path": "/ws", "headers": [(b"origin", EVIL.encode())]}
    run_asgi(middleware, scope)
    assert told == [Refusal("cross-origin-websocket", EVIL, None, "/ws", "default", "guard")]


def test_what_a_client_sent_is_told_as_it_was_sent(make_observed: MakeObserved) -> None:
    told: list[Refusal] = []
    send = make_observed(policy=POLICY, on_refusal=told.append)
    odd = "https://\x1b[31m" + "x" * 10_000
    send(Request(headers=[("origin", odd)]))
    assert told[0].origin == odd


def test_it_is_called_more_often_than_the_log_is_written(
    make_observed: MakeObserved, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Refusal] = []
    send = make_observed(policy=POLICY, on_refusal=told.append)
    with caplog.at_level(logging.INFO, logger="corsac"):
        for _ in range(5 * MAX_LINES_PER_WINDOW):
            send(REFUSED)
    assert len(caplog.records) == MAX_LINES_PER_WINDOW
    assert len(told) == 5 * MAX_LINES_PER_WINDOW


def test_a_refusal_is_a_frozen_value() -> None:
    refusal = Refusal("origin-malformed", None, "GET", "/", "default", "actual")
    assert refusal.report_only is False
    assert refusal == Refusal("origin-malformed", None, "GET", "/", "default", "actual", False)
    with pytest.raises(AttributeError, match="frozen"):
        refusal.reason = "x"  # type: ignore[misc]


def test_an_exception_of_it_changes_no_answer_and_is_counted_and_logged_once(
    make_observed: MakeObserved, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(refusal: Refusal) -> None:
        raise LookupError(refusal.reason)

    send = make_observed(policy=POLICY, on_refusal=broken)
    with caplog.at_level(logging.ERROR, logger="corsac"):
        answers = [send(REFUSED) for _ in range(50)]
        assert send(preflight(origin=EVIL)).status == 403
    assert {(answer.status, *answer.headers) for answer in answers} == {(200, *REFUSED_HEADERS)}
    assert send.middleware.on_refusal_errors == 51
    assert [record.getMessage() for record in caplog.records] == [
        "CORS: on_refusal raised LookupError: 'origin-not-allowed'; "
        "the request is answered all the same"
    ]
    assert caplog.records[0].exc_info is not None


def test_errors_that_were_not_logged_are_counted_in_the_next_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = 0.0
    broken = mock.Mock(side_effect=ValueError)
    callback = RefusalCallback(broken, lambda request: (None, None), lambda: now)
    for _ in range(4):
        callback("actual", "origin-malformed", None, {}, "default", False)
    now = FAILURE_LOG_WINDOW_SECONDS
    callback("actual", "origin-malformed", None, {}, "default", False)
    assert [record.getMessage() for record in caplog.records] == [
        "CORS: on_refusal raised ValueError; the request is answered all the same",
        "CORS: 3 more failures of on_refusal were not logged",
        "CORS: on_refusal raised ValueError; the request is answered all the same",
    ]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_who_stops_the_program_is_not_answered_with_a_response(
    make_observed: MakeObserved, interruption: type[BaseException]
) -> None:
    stop = mock.Mock(side_effect=interruption)
    send = make_observed(policy=POLICY, on_refusal=stop)
    for request in (REFUSED, preflight(origin=EVIL)):
        with pytest.raises(interruption):
            send(request)
    assert send(ACTUAL).status == 200


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_nor_is_one_who_stops_it_in_a_handler_of_the_log(
    make_observed: MakeObserved, interruption: type[BaseException]
) -> None:
    class Stopping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise interruption

    handler = Stopping()
    logger = logging.getLogger("corsac")
    send = make_observed(policy=POLICY)
    logger.addHandler(handler)
    try:
        with pytest.raises(interruption):
            send(REFUSED)
    finally:
        logger.removeHandler(handler)
    assert send(REFUSED).headers == REFUSED_HEADERS


async def _asynchronous(refusal: Refusal) -> None: ...


class _AsynchronousCall:
    async def __call__(self, refusal: Refusal) -> None: ...


def _generator(refusal: Refusal) -> Any:
    yield refusal


@pytest.mark.parametrize(
    "function",
    [_asynchronous, functools.partial(_asynchronous), _AsynchronousCall(), _generator],
)
def test_an_asynchronous_function_is_refused_with_a_hint(
    make_observed: MakeObserved, function: Any
) -> None:
    with pytest.raises(TypeError, match=r"plain function.*put_nowait"):
        make_observed(policy=POLICY, on_refusal=function)


@pytest.mark.parametrize("function", ["print", 5, True])
def test_what_cannot_be_called_is_refused(make_observed: MakeObserved, function: Any) -> None:
    with pytest.raises(TypeError, match="on_refusal must be a function"):
        make_observed(policy=POLICY, on_refusal=function)


def test_a_plain_function_that_gives_a_coroutine_is_an_error_of_it(
    make_observed: MakeObserved, caplog: pytest.LogCaptureFixture
) -> None:
    def hand_on(refusal: Refusal) -> Any:
        return _asynchronous(refusal)

    send = make_observed(policy=POLICY, on_refusal=hand_on)
    assert send(REFUSED).headers == REFUSED_HEADERS
    assert send.middleware.on_refusal_errors == 1
    assert "CORS: on_refusal raised TypeError: " in caplog.text


def test_a_request_that_it_makes_itself_does_not_call_it_again(
    make_observed: MakeObserved,
) -> None:
    told: list[str] = []

    def again(refusal: Refusal) -> None:
        told.append(refusal.reason)
        send_inside(MALFORMED)

    send = make_observed(policy=POLICY, on_refusal=again)
    send_inside = _in_a_sibling_loop(send)
    send(REFUSED)
    assert told == ["origin-not-allowed"]
    assert send.middleware.refusal_counters()["actual", "origin-malformed"] == 1


def _in_a_sibling_loop(send: Any) -> Callable[[Request], None]:
    """Call without a second event loop, which asyncio does not allow in one thread."""

    def inside(request: Request) -> None:
        if isinstance(send.middleware, corsac.wsgi.CORSMiddleware):
            send(request)
            return
        scope = scope_with([(b"origin", request.headers[0][1].encode())])
        coroutine: Any = send.middleware(scope, None, mock.Mock())
        coroutine.close()

    return inside


def test_it_may_reconfigure_the_middleware(make_observed: MakeObserved) -> None:
    def allow(refusal: Refusal) -> None:
        send.middleware.reconfigure(allow_origins=[EVIL], on_refusal=None)

    send = make_observed(policy=POLICY, on_refusal=allow)
    assert send(REFUSED).headers == REFUSED_HEADERS
    assert send(REFUSED).headers == [
        ("x-app", "1"),
        ("vary", "Origin"),
        ("access-control-allow-origin", EVIL),
    ]
    assert send.middleware.on_refusal is None


def test_many_threads_are_all_told(make_observed: MakeObserved) -> None:
    told: list[Refusal] = []
    send = make_observed(policy=POLICY, on_refusal=told.append)
    other = POLICY.replace(max_age=5)

    def run() -> None:
        for number in range(50):
            send(REFUSED)
            if number % 10 == 0:
                send.middleware.reconfigure(other)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 200


def test_a_callback_that_refers_to_its_middleware_is_collected(
    make_observed: MakeObserved,
) -> None:
    class Owner:
        def __init__(self) -> None:
            self.send = make_observed(policy=POLICY, on_refusal=self.told, report_only=POLICY)

        def told(self, refusal: Refusal) -> None: ...

    owner = Owner()
    owner.send(REFUSED)
    gone = weakref.ref(owner)
    del owner
    gc.collect()
    assert gone() is None
