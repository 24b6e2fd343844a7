"""A process that is forked while another thread of its parent holds a lock answers requests."""

from __future__ import annotations

import ast
import asyncio
import gc
import os
import pathlib
import subprocess
import sys
import threading
from typing import Any

import flask
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from starlette.applications import Starlette

import corsac
import corsac.flask
import corsac.flask.extension
import corsac.starlette
from corsac import _locks
from corsac._failure_log import FailureLog
from corsac._locks import make_lock
from corsac.app_headers import AppHeadersLog
from corsac.flask.exchange import Arrivals
from corsac.flask.middleware import FlaskMiddleware
from corsac.opentelemetry import CORSInstrumentor
from corsac.origins import FunctionOrigins
from corsac.prometheus import CORSCollector
from corsac.refusals import RefusalCallback
from corsac.refusals.log import RefusalLog
from corsac.starlette.installation import InstalledCORSMiddleware
from support.asgi import BODY, START, app_sending
from support.exchange import http_scope, run_asgi
from support.forked import in_child, locks_of
from support.refused import ACTUAL, EVIL, ORIGIN, POLICY, REFUSED, MakeObserved

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

SOURCES = pathlib.Path(corsac.__file__).parent
ON_TRIAL = corsac.CORSPolicy(allow_origins=["https://b.example.com"])
PLAIN = [("x-app", "1"), ("vary", "Origin")]
ALLOWED_EVIL = [*PLAIN, ("access-control-allow-origin", EVIL)]


def fail(_: object) -> bool:
    raise LookupError("no such table")


async def allow(_: str) -> bool:
    await asyncio.sleep(0)
    return True


def sorted_headers(send: Any) -> list[tuple[str, str]]:
    return sorted(send(REFUSED).headers)


def test_a_child_asks_the_function_about_origins(make_observed: MakeObserved) -> None:
    send = make_observed(allow_origin_func=lambda origin: origin == EVIL)
    told = in_child(lambda: sorted_headers(send), *locks_of(FunctionOrigins))
    assert told == repr(sorted(ALLOWED_EVIL))


def test_a_child_awaits_the_function_about_origins() -> None:
    app = corsac.CORSMiddleware(app_sending(START, BODY), allow_origin_func=allow)
    told = in_child(
        lambda: dict(run_asgi(app, http_scope(REFUSED))[0]["headers"])[
            b"access-control-allow-origin"
        ],
        *locks_of(FunctionOrigins),
    )
    assert told == repr(EVIL.encode())


def test_a_child_logs_that_the_function_about_origins_failed(make_observed: MakeObserved) -> None:
    send = make_observed(allow_origin_func=fail)
    told = in_child(lambda: sorted_headers(send), *locks_of(FailureLog))
    assert told == repr(sorted(PLAIN))


def test_a_child_counts_what_on_refusal_raises(make_observed: MakeObserved) -> None:
    send = make_observed(policy=POLICY, on_refusal=fail)

    def errors() -> tuple[int, int]:
        return send(REFUSED).status, send.middleware.on_refusal_errors

    assert in_child(errors, *locks_of(RefusalCallback), *locks_of(FailureLog)) == "(200, 1)"


def test_a_thread_of_a_child_with_the_number_of_one_of_the_parent_tells_of_refusals(
    make_observed: MakeObserved,
) -> None:
    told_in: list[str] = []

    def tell(_: object) -> None:
        told_in.append("child")

    send = make_observed(policy=POLICY, on_refusal=tell)
    (callback,) = [
        each for each in gc.get_objects() if type(each) is RefusalCallback and each.function is tell
    ]
    callback._running.add(threading.get_ident() + 1)  # It runs there when the process is forked.
    assert in_child(lambda: (send(REFUSED).status, callback._running, told_in)) == (
        "(200, set(), ['child'])"
    )


@pytest.mark.parametrize("trial", [{}, {"report_only": ON_TRIAL}])
def test_a_child_logs_refusals(make_observed: MakeObserved, trial: dict[str, Any]) -> None:
    send = make_observed(policy=POLICY, **trial)

    def refused() -> tuple[int, int]:
        send(REFUSED)
        send(ACTUAL)  # On trial it is refused.
        counted = send.middleware.counters(), send.middleware.report_only_counters()
        return counted[0]["actual_refused"], counted[1]["newly_refused"]

    told = in_child(refused, *locks_of(RefusalLog))
    assert told == repr((1, len(trial)))


def test_a_child_logs_what_became_of_the_headers_of_the_app(make_observed: MakeObserved) -> None:
    send = make_observed(("access-control-allow-origin", EVIL), policy=POLICY)
    told = in_child(lambda: send(ACTUAL).status, *locks_of(AppHeadersLog))
    assert told == "200"


def test_a_child_adds_middlewares_to_its_metrics(make_observed: MakeObserved) -> None:
    first, second = (make_observed(policy=POLICY).middleware for _ in range(2))
    collector = CORSCollector(first, name="first")
    instrumentor = CORSInstrumentor(meter_provider=MeterProvider())

    def add() -> tuple[list[str], list[str | None]]:
        collector.add(second, name="second")
        instrumentor.instrument(second, name="second")
        return [*collector._middlewares], [*instrumentor._instrumented]

    told = in_child(add, collector._lock, instrumentor._lock)
    assert told == "(['first', 'second'], ['second'])"


def test_a_child_installs_in_flask_and_answers_there() -> None:
    app, other = flask.Flask("one"), flask.Flask("other")
    app.add_url_rule("/", "plain", lambda: "ok")
    corsac.flask.CORS(app, policy=POLICY)

    def answer() -> tuple[str | None, bool]:
        corsac.flask.install(other)
        headers = app.test_client().get("/", headers={"Origin": ORIGIN}).headers
        return headers["Access-Control-Allow-Origin"], "corsac" in other.extensions

    told = in_child(
        answer,
        corsac.flask.extension._installing,
        *locks_of(FlaskMiddleware),
        *locks_of(Arrivals),
    )
    assert told == repr((ORIGIN, corsac.flask.extension._EXTENSION_KEY == "corsac"))


def test_a_child_counts_in_starlette() -> None:
    app = Starlette()
    installed = corsac.starlette.install(app, POLICY)
    told = in_child(
        lambda: (
            run_asgi(app, http_scope(ACTUAL))[0]["status"],
            installed.counters()["actual_allowed"],
        ),
        *locks_of(InstalledCORSMiddleware),
    )
    assert told == "(404, 1)"


def test_a_child_applies_the_policy_where_another_thread_was_about_to_set_another_stack() -> None:
    app = Starlette()
    installed = corsac.starlette.install(app, POLICY)
    run_asgi(app, http_scope(ACTUAL))
    installed.stand_before(app.build_middleware_stack())  # What it gives is not set yet.

    def allowed() -> object:
        return dict(run_asgi(app, http_scope(ACTUAL))[0]["headers"]).get(
            b"access-control-allow-origin"
        )

    assert allowed() is None
    assert in_child(allowed) == repr(ORIGIN.encode())


def test_a_child_reads_the_routes_that_another_thread_was_about_to_read() -> None:
    app = flask.Flask("one")
    corsac.flask.CORS(app, policy=POLICY)
    middleware = corsac.flask.install(app)
    middleware.prepare()
    # Another thread has read the routes, and the class is not yet what one that came asks for.
    app.add_url_rule("/", "added", corsac.flask.cross_origin(policy=ON_TRIAL)(lambda: "ok"))
    middleware.__class__ = FlaskMiddleware

    def answer() -> list[str]:
        asked = app.test_client().get("/", headers={"Origin": ORIGIN})
        return asked.headers.getlist("Access-Control-Allow-Origin")

    assert in_child(answer, *locks_of(FlaskMiddleware)) == "[]"


def test_what_the_thread_that_forks_holds_it_holds_in_the_child_and_lets_go_of() -> None:
    lock = make_lock()

    def is_free_elsewhere() -> bool:
        found: list[bool] = []

        def ask() -> None:
            found.append(lock.acquire(blocking=False))
            if found[0]:
                lock.release()

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        return found[0]

    def let_go() -> tuple[bool, bool]:
        before = is_free_elsewhere()
        lock.release()
        return before, is_free_elsewhere()

    with lock:
        assert in_child(let_go) == "(False, True)"


class Mended:
    """Has a lock, and counts how often it was mended."""

    def __init__(self, *, fails: bool = False) -> None:
        self.mended = 0
        self._fails = fails
        self.lock = make_lock(self._mend)

    def _mend(self) -> None:
        with self.lock:
            self.mended += 1
        if self._fails:
            raise LookupError("it cannot be mended")


def test_what_cannot_be_mended_keeps_nothing_else_from_it() -> None:
    owners = [Mended(), Mended(fails=True), Mended()]
    told = in_child(lambda: [each.mended for each in owners], *(each.lock for each in owners))
    assert told == "[1, 1, 1]"
    assert [each.mended for each in owners] == [0, 0, 0]


def test_locks_and_what_has_them_are_not_kept(make_observed: MakeObserved) -> None:
    gc.collect()
    before = len(_locks._all)
    made = [make_observed(policy=POLICY, on_refusal=fail), make_observed(allow_origin_func=fail)]
    assert len(_locks._all) > before + 4
    del made
    gc.collect()
    assert len(_locks._all) == before


AT_THE_END = """
from corsac._locks import make_lock

class Owner:
    def __init__(self):
        self.lock = make_lock(self.mend)

    def mend(self):
        pass

owner = Owner()
"""


def test_a_process_with_locks_ends_in_silence() -> None:
    done = subprocess.run(
        [sys.executable, "-c", AT_THE_END], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


WITH_LOCKS = {"allocate_lock", "Barrier", "BoundedSemaphore", "Condition", "Event", "Lock", "RLock"}
WITH_LOCKS |= {"LifoQueue", "PriorityQueue", "Queue", "Semaphore", "SimpleQueue", "cached_property"}
OF_MODULES = {"_thread", "functools", "multiprocessing", "queue", "threading"}

ELSEWHERE = {
    "_locks.py": ["RLock"],
    # `stopped`: a new one for each thread. `at_work`: held for the fork, and made anew after it.
    "_background.py": ["Event", "Event", "RLock", "RLock"],
    "middleware.py": ["RLock"],  # `putting`: held for the fork, so that no other thread has it.
    "live/follower.py": ["Event"],  # `_loaded`: made anew after a fork.
    # Of a command, which neither forks nor has threads.
    "migrate/source/literal.py": ["cached_property"] * 3,
    "migrate/source/files.py": ["cached_property"],
}


def made_in(source: str) -> list[str]:
    """The names of what has a lock, and is made or imported from the standard library."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=name)):
                if module in OF_MODULES and name in WITH_LOCKS:
                    found.append(name)
            case ast.FunctionDef(decorator_list=decorators):
                found += [
                    ast.unparse(each).rpartition(".")[2]
                    for each in decorators
                    if ast.unparse(each) in {"cached_property", "functools.cached_property"}
                ]
            case ast.ImportFrom(module=module, names=names) if module in OF_MODULES:
                # `cached_property` counts where it decorates.
                imported = {each.name for each in names} & WITH_LOCKS
                found += sorted(imported - {"cached_property"})
    return sorted(found)


def test_locks_are_made_in_one_place() -> None:
    made = {
        path.relative_to(SOURCES).as_posix(): made_in(path.read_text("utf-8"))
        for path in SOURCES.rglob("*.py")
    }
    of_django = made.pop("django/views.py")
    assert of_django == ["cached_property"]  # Django's own, which has no lock.
    assert "functools.cached_property" not in (SOURCES / "django/views.py").read_text("utf-8")
    assert {name: found for name, found in made.items() if found} == ELSEWHERE
