"""Many threads and one middleware: requests, other policies, and lists that change meanwhile.

Every test means something with a global lock as well: threads are made to take turns often. Without
one they run at the same time, and a torn answer or a lost count has many chances to happen.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from corsac import CORSMiddleware, CORSPolicy
from support.asgi import BODY, OPTIONS, ORIGIN, START, app_sending, finish, messages_of, scope_with

THREADS = 4
REQUESTS = 4000
EVIL = b"https://evil.example"
ASKED = (b"access-control-request-method", b"PUT")

LISTED = CORSPolicy(allow_origins=[ORIGIN.decode()], allow_methods=["PUT"], expose_headers=["one"])
ANYONE = CORSPolicy(allow_origins=["*"], allow_methods=["DELETE"], expose_headers=["two"])
LISTED_LINES = [
    (b"vary", b"Origin"),
    (b"access-control-allow-origin", ORIGIN),
    (b"access-control-expose-headers", b"one"),
]
ANYONE_LINES = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"two"),
]


@pytest.fixture(autouse=True)
def _threads_take_turns_often() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(usual)


def run_together(work: Callable[[int], Any], *meanwhile: Callable[[int], Any]) -> list[Any]:
    """What `work` gave on each of the threads; `meanwhile` is repeated until all have ended.

    Args:
        work: Called once on each of `THREADS` threads, with the number of the thread.
        *meanwhile: Each is called on a thread of its own, again and again, with 0, 1, 2 ...
    """
    start = threading.Barrier(THREADS + len(meanwhile), timeout=60)
    ended = threading.Event()

    def once(number: int) -> Any:
        start.wait()
        return work(number)

    def repeatedly(change: Callable[[int], Any]) -> None:
        start.wait()
        turn = 0
        while not ended.is_set():
            change(turn)
            turn += 1

    with ThreadPoolExecutor(THREADS + len(meanwhile)) as pool:
        changing = [pool.submit(repeatedly, change) for change in meanwhile]
        working = [pool.submit(once, number) for number in range(THREADS)]
        try:
            results = [future.result() for future in working]
        finally:
            ended.set()
        for future in changing:
            future.result()
    return results


def test_every_answer_is_of_the_old_policy_or_of_the_new_one_whole() -> None:
    middleware = CORSMiddleware(app_sending(START, BODY), LISTED)
    actual = scope_with([(b"origin", ORIGIN)])
    preflight = scope_with([(b"origin", ORIGIN), ASKED], method="OPTIONS")

    def request_many(_: int) -> list[Any]:
        seen: list[Any] = []
        for _ in range(REQUESTS):
            for scope in (actual, preflight):
                lines = messages_of(middleware, scope)[0]["headers"]
                if lines not in seen:
                    seen.append(lines)
        return seen

    def reconfigure(turn: int) -> None:
        middleware.reconfigure((ANYONE, LISTED)[turn % 2])

    wanted = [
        messages_of(CORSMiddleware(app_sending(START, BODY), policy), scope)[0]["headers"]
        for policy in (LISTED, ANYONE)
        for scope in (actual, preflight)
    ]
    assert wanted[0] == [(b"x-app", b"1"), *LISTED_LINES]
    assert wanted[2] == [(b"x-app", b"1"), *ANYONE_LINES]
    for seen in run_together(request_many, reconfigure):
        assert [lines for lines in seen if lines not in wanted] == []


def test_lists_that_other_threads_change_are_read_as_they_were_at_one_moment() -> None:
    # Neither is what a server or an application should do; it must not be what ends the process.
    request_lines: list[Any] = []
    request_pair: list[Any] = [b"origin", EVIL]
    response_lines: list[Any] = []
    start = START | {"headers": response_lines}
    middleware = CORSMiddleware(app_sending(start, BODY), LISTED)
    scope = scope_with(request_lines)

    def fresh(data: bytes) -> bytes:
        """Bytes that nobody else keeps alive."""
        return bytes(bytearray(data))

    def change_request(turn: int) -> None:
        request_lines[:] = [(fresh(b"x-%d"), b"1")] * (turn % 7)
        request_pair[1] = fresh((EVIL, ORIGIN)[turn % 2])
        request_lines.append(request_pair if turn % 3 else (fresh(b"origin"), fresh(ORIGIN)))
        if turn % 5 == 0:
            request_lines.clear()

    def change_response(turn: int) -> None:
        response_lines[:] = [(fresh(b"x-app"), fresh(b"1")), [fresh(b"x-app"), fresh(b"1")]]
        response_lines.append((b"access-control-allow-origin", fresh(EVIL)))
        if turn % 3 == 0:
            del response_lines[1:]

    def request_many(_: int) -> set[Any]:
        seen = set()
        for _ in range(REQUESTS):
            lines = messages_of(middleware, scope)[0]["headers"]
            seen.add(tuple(tuple(line) for line in lines if bytes(line[0]) != b"x-app"))
        return seen

    wanted = {tuple(LISTED_LINES), tuple(LISTED_LINES[:1])}
    for seen in run_together(request_many, change_request, change_response):
        assert seen <= wanted
    answered = middleware.counters()
    assert sum(answered.values()) == THREADS * REQUESTS


def test_counters_lose_no_request() -> None:
    middleware = CORSMiddleware(
        app_sending(START, BODY), guard=True, allow_methods=["PUT"], **OPTIONS
    )
    scopes = [
        scope_with(headers, method=method)
        for method, headers in (
            ("GET", []),
            ("GET", [(b"origin", ORIGIN)]),
            ("GET", [(b"origin", EVIL)]),
            ("OPTIONS", [(b"origin", ORIGIN), ASKED]),
            ("OPTIONS", [(b"origin", EVIL), ASKED]),
            ("POST", [(b"origin", EVIL)]),
        )
    ]

    def request_many(_: int) -> None:
        for _ in range(REQUESTS // 4):
            for scope in scopes:
                messages_of(middleware, scope)

    run_together(request_many, lambda _: middleware.reconfigure(middleware.policy))
    counters = dict(middleware.counters())
    assert counters.pop("host_refused") == 0
    assert set(counters.values()) == {THREADS * REQUESTS // 4}


def test_a_response_may_begin_on_another_thread_than_its_request() -> None:
    waiting: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        waiting.append(send)

    middleware: Any = CORSMiddleware(app, LISTED)
    scope = scope_with([(b"origin", ORIGIN)])
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message["headers"])

    def request_many(_: int) -> None:
        for _ in range(REQUESTS):
            finish(middleware(scope, None, send))

    def respond(_: int) -> None:
        while waiting:
            finish(waiting.pop()(START))

    run_together(request_many, respond)
    respond(0)
    assert len(sent) == THREADS * REQUESTS
    assert [lines for lines in sent if lines != [(b"x-app", b"1"), *LISTED_LINES]] == []


def test_policies_and_middlewares_come_and_go_on_every_thread() -> None:
    scope = scope_with([(b"origin", ORIGIN)])

    def build_many(number: int) -> list[Any]:
        name = f"x-{number}"
        wrong = []
        for turn in range(REQUESTS // 40):
            if turn % 25 == number:
                gc.collect()
            middleware = CORSMiddleware(
                app_sending(START, BODY), allow_origins=[ORIGIN.decode()], expose_headers=[name]
            )
            lines = messages_of(middleware, scope)[0]["headers"]
            if lines[-1] != (b"access-control-expose-headers", name.encode()):
                wrong.append(lines)
        return wrong

    assert run_together(build_many) == [[]] * THREADS


@pytest.mark.skipif(
    not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this Python always has a global lock"
)
def test_importing_it_does_not_bring_the_global_lock_back() -> None:
    program = "import sys, corsac; print(sys._is_gil_enabled())"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHON_GIL"}
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (done.stdout, done.stderr) == ("False\n", "")
