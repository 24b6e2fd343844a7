"""Many threads that do to the middlewares and the core whatever may be done, at the same time.

A program, since what it looks for ends the process or never ends:

    python -m support.thread_stress collector --seconds 10
    python -m support.thread_stress reuse --turns 500
    python -m support.thread_stress live --turns 50000 --switch-interval 0.002
    python -m support.thread_stress verdicts --seconds 10

It prints how many turns each kind of thread made. Any wrong answer ends it with an error.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import itertools
import json
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import corsac
import corsac.wsgi
from corsac import _core
from corsac.live import Follower, PollSource
from corsac.origins.regex import PythonExpression
from support.asgi import ALLOWED, BODY, OPTIONS, ORIGIN, START, app_sending, messages_of, scope_with
from support.wsgi import ALLOWED as ALLOWED_TEXT
from support.wsgi import app_answering, environ_from

EVIL = "https://evil.example"
POLICY = corsac.CORSPolicy(**OPTIONS)
ANYONE = corsac.CORSPolicy(allow_origins=["*"], expose_headers=["two"])
ANYONE_LINES = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"two"),
]
RULES = [("/open/*", ANYONE), ("/none/*", None)]
APP = app_sending(START, BODY)
TEXT_APP = app_answering([("x-app", "1")])


def expect(seen: object, *wanted: object) -> None:
    if seen not in wanted:
        message = f"{seen!r} is none of {wanted!r}"
        raise AssertionError(message)


@dataclass
class Work:
    """What some threads do again and again, each with 0, 1, 2 ...

    Attributes:
        do: One turn.
        threads: How many do it.
        serves: Whether the others wait for it where turns are counted.
    """

    do: Callable[[int], None]
    threads: int = 1
    serves: bool = False


def collector() -> list[Work]:
    """What corsac.django does for each request, beside garbage and middlewares that come and go."""
    shared = corsac.CORSMiddleware(APP, POLICY, rules=RULES)
    routing = shared._configuration.routing
    environs: list[dict[str, Any]] = [environ_from(), environ_from()]

    def decide(turn: int) -> None:
        # Threads share an environ, which one of them changes; no text in it is anybody else's.
        environ = environs[turn % 2]
        origin = "".join((ORIGIN.decode(), "" if turn % 4 else "x"))
        environ["HTTP_ORIGIN"] = origin
        environ["HTTP_UPGRADE"] = f"websocket{turn}"
        policy, rule = _core.select_policy(routing, ("/", "/open/x", "/none/x")[turn % 3])
        expect(
            (policy is None, rule),
            [(False, "default"), (False, "/open/*"), (True, "/none/*")][turn % 3],
        )
        if policy is None:
            return
        decided: Any = _core.decide_request(policy, "GET", environ)
        expect(decided[4:7], ("actual", True, ""), ("actual", False, "origin-not-allowed"))
        _core.try_request(policy, "POST", environ)
        _core.is_beyond_cors(environ, "https")

    def make_garbage(turn: int) -> None:
        for _ in range(100):
            cycle: list[Any] = [{"turn": turn}]
            cycle.append(cycle)

    def come_and_go(turn: int) -> None:
        name = f"x-{turn}"
        app = app_sending(START, BODY)
        middleware = corsac.CORSMiddleware(
            app, allow_origins=[ORIGIN.decode()], expose_headers=[name], rules=RULES
        )
        app.middleware = middleware
        lines = messages_of(middleware, scope_with([(b"origin", ORIGIN)]))[0]["headers"]
        expect(lines[-1], (b"access-control-expose-headers", name.encode()))

    def ask(turn: int) -> None:
        lines = messages_of(shared, scope_with([(b"origin", ORIGIN)]))[0]["headers"]
        expect(lines[1:], ALLOWED, ANYONE_LINES)

    def replace(turn: int) -> None:
        shared.reconfigure((ANYONE, POLICY)[turn % 2], rules=RULES)

    return [
        Work(decide, 14, serves=True),
        Work(ask, 2, serves=True),
        Work(make_garbage, 2),
        Work(come_and_go, 2),
        Work(replace),
    ]


def collections() -> list[Work]:
    """The same beside a thread that collects all the time."""

    def collect(turn: int) -> None:
        gc.collect()

    return [*collector(), Work(collect)]


def reuse() -> list[Work]:
    """Middlewares that serve, beside threads that initialise and configure them anew."""
    middleware: Any = corsac.CORSMiddleware(APP, POLICY)
    text_middleware: Any = corsac.wsgi.CORSMiddleware(TEXT_APP, POLICY)

    def ask(turn: int) -> None:
        origin = ORIGIN if turn % 8 else EVIL.encode()
        lines = messages_of(middleware, scope_with([(b"origin", origin)]))[0]["headers"]
        expect(lines[1:], ALLOWED, ALLOWED[:1], ANYONE_LINES)

    def ask_text(turn: int) -> None:
        seen: list[Any] = []
        text_middleware(environ_from(), lambda status, headers: seen.append(headers))
        expect(seen[0][1:], ALLOWED_TEXT)

    def initialise(turn: int) -> None:
        with contextlib.suppress(RuntimeError):
            middleware.__init__(app_sending(START, BODY), POLICY)
        with contextlib.suppress(RuntimeError):
            text_middleware.__init__(app_answering([("x-app", "1")]), POLICY)

    def replace(turn: int) -> None:
        middleware.reconfigure((ANYONE, POLICY)[turn % 2])

    def look(turn: int) -> None:
        expect(callable(middleware.app), True)
        expect(middleware.policy, POLICY, ANYONE)
        repr(middleware)

    def first(turn: int) -> None:
        # Several threads initialise one that nobody has initialised, while it is called.
        fresh: Any = corsac.CORSMiddleware.__new__(corsac.CORSMiddleware)

        def begin() -> None:
            with contextlib.suppress(RuntimeError):
                fresh.__init__(APP, POLICY)

        threads = [threading.Thread(target=begin) for _ in range(3)]
        for thread in threads:
            thread.start()
        with contextlib.suppress(RuntimeError):
            lines = messages_of(fresh, scope_with([(b"origin", ORIGIN)]))[0]["headers"]
            expect(lines[1:], ALLOWED)
        for thread in threads:
            thread.join()
        lines = messages_of(fresh, scope_with([(b"origin", ORIGIN)]))[0]["headers"]
        expect(lines[1:], ALLOWED)

    return [
        Work(ask, 5, serves=True),
        Work(ask_text, 3, serves=True),
        Work(initialise, 3),
        Work(replace),
        Work(look),
        Work(first),
    ]


def shared() -> list[Work]:
    """Eight threads share a middleware that is configured, initialised, observed and collected."""
    told: list[Any] = []
    asgi: Any = corsac.CORSMiddleware(APP, POLICY, on_refusal=told.append)
    wsgi: Any = corsac.wsgi.CORSMiddleware(TEXT_APP, POLICY, on_refusal=told.append)
    POLICY.explain("GET", {})  # What that imports is there before the threads compete.

    def ask(turn: int) -> None:
        origin = ORIGIN if turn % 4 else EVIL.encode()
        seen: list[Any] = []
        lines = messages_of(asgi, scope_with([(b"origin", origin)]))[0]["headers"]
        expect(lines[1:], ALLOWED if turn % 4 else ALLOWED[:1], ANYONE_LINES)
        wsgi(environ_from(origin.decode()), lambda status, headers: seen.append(headers))
        pairs = [(name.encode(), value.encode()) for name, value in seen[0][1:]]
        expect(pairs, ALLOWED if turn % 4 else ALLOWED[:1], ANYONE_LINES)

    def reconfigure(turn: int) -> None:
        # Each time other observers, rules and policies on trial, so that the old ones are dropped.
        for middleware in (asgi, wsgi):
            middleware.reconfigure(
                (ANYONE, POLICY)[turn % 2],
                rules=[*RULES, (f"/{turn}/*", POLICY)],
                on_refusal=told.append,
                report_only=(POLICY, None, ANYONE)[turn % 3],
            )

    def initialise(turn: int) -> None:
        for middleware in (asgi, wsgi):
            with contextlib.suppress(RuntimeError):
                middleware.__init__(APP, POLICY)

    def observe(turn: int) -> None:
        for middleware in (asgi, wsgi):
            counts = dict(middleware.counters())
            later = dict(middleware.counters())
            expect(all(later[name] >= count for name, count in counts.items()), True)
            expect(min(middleware.refusal_counters().values()) >= 0, True)
            middleware.report_only_counters()
            middleware.report_only_refusal_counters()
            expect(middleware.policy, POLICY, ANYONE)
            expect(repr(middleware).startswith("<"), True, False)
            expect(middleware.policy.explain("GET", {"Origin": EVIL}).kind, "actual")
        for refusal in told[-10:]:
            expect(refusal.origin, EVIL)
        told.clear()

    def collect(turn: int) -> None:
        gc.collect()

    return [
        Work(ask, 8, serves=True),
        Work(reconfigure, 2),
        Work(initialise),
        Work(observe),
        Work(collect),
    ]


def live() -> list[Work]:
    """Eight threads and an event loop ask, while policies are swapped and a follower reloads."""
    base = corsac.CORSPolicy(allow_origins=[ORIGIN.decode()], expose_headers=["live"])
    stays, goes = b"https://stays.example", b"https://goes.example"
    rules = [("/live/*", base), *RULES]
    middlewares: list[Any] = [
        corsac.CORSMiddleware(APP, POLICY, rules=rules),
        corsac.wsgi.CORSMiddleware(TEXT_APP, POLICY, rules=rules),
    ]
    asgi, wsgi = middlewares
    others = [f"https://{number}.example" for number in range(5000)]  # The core frees them later.
    few, many = [stays.decode(), goes.decode()], [stays.decode(), *others]
    sets = itertools.cycle([few, many])
    for middleware in middlewares:
        source = PollSource(lambda: next(sets), interval=0.02)
        Follower(middleware, source, base=base).__enter__()

    def lines_of(origin: bytes) -> list[tuple[bytes, bytes]]:
        exposed = (b"access-control-expose-headers", b"live")
        return [ALLOWED[0], (b"access-control-allow-origin", origin), exposed]

    asked = [
        (origin, scope_with([(b"origin", origin)], path="/live/x")) for origin in (stays, goes)
    ]
    swapped = scope_with([(b"origin", ORIGIN)])

    def judge(origin: bytes, lines: list[tuple[bytes, bytes]]) -> None:
        # An origin that every set has is never refused; one that comes and goes is all or nothing.
        expect(lines, lines_of(origin), *([ALLOWED[:1]] if origin == goes else []))

    def ask(turn: int) -> None:
        origin, scope = asked[turn % 2]
        judge(origin, messages_of(asgi, scope)[0]["headers"][1:])
        lines = messages_of(asgi, swapped)[0]["headers"]
        expect(lines[1:], ALLOWED, ANYONE_LINES)
        time.sleep(0.0005)  # Else the swaps get a tenth of the time.

    def ask_text(turn: int) -> None:
        time.sleep(0.0005)
        seen: list[Any] = []
        origin, _ = asked[turn % 2]
        environ = environ_from(origin.decode()) | {"PATH_INFO": "/live/x"}
        wsgi(environ, lambda status, headers: seen.append(headers))
        judge(origin, [(name.encode(), value.encode()) for name, value in seen[0][1:]])

    def ask_in_a_loop(turn: int) -> None:
        async def send(message: Any) -> None:
            if "headers" in message:
                judge(origin, message["headers"][1:])
            await asyncio.sleep(0)

        async def ask_many() -> None:
            await asyncio.gather(*(asgi(scope, None, send) for _ in range(50)))

        origin, scope = asked[turn % 2]
        asyncio.run(ask_many())

    def swap(turn: int) -> None:
        for middleware in middlewares:
            middleware.reconfigure((ANYONE, POLICY)[turn % 2], rules=rules)

    return [Work(ask, 4), Work(ask_text, 4), Work(ask_in_a_loop), Work(swap, serves=True)]


def verdicts() -> list[Work]:
    """Threads that ask about more origins of an expression than the core keeps."""
    # Not by RE2, which not every build of Python has.
    policy = corsac.CORSPolicy(allow_origin_regex=PythonExpression("https://[a-z]+[0-9]*[.]test"))
    asgi = corsac.CORSMiddleware(APP, policy)
    wsgi = corsac.wsgi.CORSMiddleware(TEXT_APP, policy)
    often = b"https://often.test"
    numbers = itertools.count()

    def judge(origin: bytes, lines: list[tuple[bytes, bytes]]) -> None:
        allowed = origin.endswith(b".test")
        own = [(b"access-control-allow-origin", origin)] if allowed else []
        expect(lines, [ALLOWED[0], *own])

    def made(turn: int) -> bytes:
        end = b".test" if turn % 3 else b".example"
        return b"https://" + b"a" * (turn % 60) + b"b%d" % (next(numbers) % 5000) + end

    def ask(turn: int) -> None:
        for origin in (often, made(turn)):
            judge(origin, messages_of(asgi, scope_with([(b"origin", origin)]))[0]["headers"][1:])

    def ask_text(turn: int) -> None:
        for origin in (often, made(turn)):
            seen: list[Any] = []
            wsgi(
                environ_from(origin.decode()),
                lambda status, headers, seen=seen: seen.append(headers),
            )
            judge(origin, [(name.encode(), value.encode()) for name, value in seen[0][1:]])

    def decide(turn: int) -> None:
        origin = made(turn)
        environ = environ_from(origin.decode())
        decided: Any = _core.decide_request(policy._compiled, "GET", environ)
        expect(decided[5], origin.endswith(b".test"))

    return [Work(ask, 4, serves=True), Work(ask_text, 4, serves=True), Work(decide, 2)]


SCENARIOS = {
    scenario.__name__: scenario
    for scenario in (collector, collections, reuse, shared, live, verdicts)
}


def run(works: list[Work], seconds: float | None, turns: int) -> dict[str, int]:
    """Do all works at once.

    Args:
        works: What is done.
        seconds: For how long, or ``None``: until each thread that serves has made its turns.
        turns: How many those are.

    Returns:
        How many turns were made, by the work's name.

    Raises:
        RuntimeError: A turn raised; what it raised is printed. Or nothing was done: by a kind of
            thread in all that time, or by one that serves.
    """
    if not works:  # Newer Pythons have no barrier for none.
        message = "nothing was tried: there is no work"
        raise RuntimeError(message)
    ended = threading.Event()
    failed = threading.Event()
    made: list[tuple[str, int]] = []
    start = threading.Barrier(sum(work.threads for work in works))

    def repeat(work: Work) -> None:
        turn = 0
        start.wait()
        try:
            while not ended.is_set() and (seconds or not work.serves or turn < turns):
                work.do(turn)
                turn += 1
        except BaseException:
            failed.set()
            ended.set()
            traceback.print_exc()
        made.append((work.do.__name__, turn))

    threads = {
        threading.Thread(target=repeat, args=(work,), daemon=True): work
        for work in works
        for _ in range(work.threads)
    }
    for thread in threads:
        thread.start()
    if seconds:
        ended.wait(seconds)
    for thread, work in threads.items():
        if work.serves and not seconds:
            thread.join()
    ended.set()
    for thread in threads:
        thread.join()
    if failed.is_set():
        message = "a thread failed, see above"
        raise RuntimeError(message)
    counts = {
        work.do.__name__: sum(n for name, n in made if name == work.do.__name__) for work in works
    }
    idle = [w.do.__name__ for w in works if (seconds or w.serves) and not counts[w.do.__name__]]
    if idle:
        message = f"nothing was tried: no turn of {', '.join(idle)} was made"
        raise RuntimeError(message)
    return counts


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--turns", type=int, default=0)
    parser.add_argument("--switch-interval", type=float, default=1e-5)
    arguments = parser.parse_args()
    sys.setswitchinterval(arguments.switch_interval)
    print(json.dumps(run(SCENARIOS[arguments.scenario](), arguments.seconds, arguments.turns)))
