"""Sub-interpreters, each with a lock of its own, that make, use and drop middlewares at once.

A program, since what it looks for ends the process or never ends:

    python -m support.sub_interpreters --threads 8 --turns 50

Each thread makes one interpreter after another; the main one serves meanwhile. Prints how many
interpreters ended well. Any wrong answer in one of them ends the program with an error.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import json
import sys
import threading
import traceback
from typing import Any

import corsac
import corsac.wsgi
from support.asgi import ALLOWED, BODY, OPTIONS, ORIGIN, START, app_sending, messages_of, scope_with
from support.wsgi import ALLOWED as ALLOWED_TEXT
from support.wsgi import REFUSED, answer_of, app_answering

EVIL = b"https://evil.example"
ANYONE = corsac.CORSPolicy(allow_origins=["*"])


def serve(turns: int) -> None:
    """What an interpreter does: every kind of object is made, used, replaced, asked and dropped."""
    told: list[corsac.Refusal] = []
    text_app: Any = corsac.wsgi.CORSMiddleware(app_answering([("x-app", "1")]), **OPTIONS)
    for turn in range(turns):
        app = app_sending(START, BODY)
        middleware = corsac.CORSMiddleware(
            app, rules=[("/open/*", ANYONE)], on_refusal=told.append, guard=True, **OPTIONS
        )
        app.middleware = middleware  # A cycle, for the collector.
        _expect(messages_of(middleware, _from(ORIGIN))[0]["headers"][1:], ALLOWED)
        _expect(messages_of(middleware, _from(EVIL))[0]["headers"][1:], ALLOWED[:1])
        asked = [
            (b"origin", ORIGIN),
            (b"access-control-request-method", b"PUT"),
        ]
        answer = messages_of(middleware, scope_with(asked, method="OPTIONS"))
        _expect(answer[0]["status"], 204)
        middleware.reconfigure(ANYONE)
        _expect(
            messages_of(middleware, _from(EVIL))[0]["headers"][1:],
            [(b"access-control-allow-origin", b"*")],
        )
        _expect(sum(middleware.counters().values()), 4)
        _expect(list(answer_of(text_app).headers)[1:], ALLOWED_TEXT)
        _expect(list(answer_of(text_app, EVIL.decode()).headers)[1:], REFUSED)
        with contextlib.suppress(corsac.CORSConfigError):
            corsac.CORSPolicy(allow_origins=[f"https://{turn}.example/"])
        _expect(ANYONE.explain("GET", {"Origin": ORIGIN.decode()}).allowed, True)
    _expect(len(told), 2 * turns)
    gc.collect()


def run_isolated(program: str) -> None:
    """Run a program in a new interpreter with a lock of its own, and end it."""
    program = f"import sys; sys.path[:] = {sys.path!r}\n{program}"
    failure: Any = None
    if sys.version_info >= (3, 14):
        interpreter = importlib.import_module("concurrent.interpreters").create()
        interpreter.exec(program)
        interpreter.close()
    elif sys.version_info >= (3, 13):
        interpreters = importlib.import_module("_interpreters")
        made = interpreters.create("isolated")
        failure = interpreters.run_string(made, program)
        interpreters.destroy(made)
    else:
        interpreters = importlib.import_module("_xxsubinterpreters")
        made = interpreters.create(isolated=True)
        interpreters.run_string(made, program)
        interpreters.destroy(made)
    _expect(failure, None)


def run(threads: int, rounds: int, turns: int) -> int:
    """Let threads run interpreters while the main one serves; how many ended well."""
    ended: list[int] = []
    program = f"from support.sub_interpreters import serve; serve({turns})"

    def repeat() -> None:
        for _ in range(rounds):
            try:
                run_isolated(program)
            except BaseException:
                traceback.print_exc()
                return
            ended.append(1)

    running = [threading.Thread(target=repeat) for _ in range(threads)]
    for thread in running:
        thread.start()
    while any(thread.is_alive() for thread in running):
        serve(1)
    for thread in running:
        thread.join()
    serve(turns)  # Nothing of the main one was an ended one's.
    return len(ended)


def _from(origin: bytes) -> dict[str, Any]:
    return scope_with([(b"origin", origin)])


def _expect(seen: object, wanted: object) -> None:
    if seen != wanted:
        message = f"{seen!r} is not {wanted!r}"
        raise AssertionError(message)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--turns", type=int, default=50)
    arguments = parser.parse_args()
    print(json.dumps(run(arguments.threads, arguments.rounds, arguments.turns)))
