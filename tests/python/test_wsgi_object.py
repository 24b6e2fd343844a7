"""The WSGI middleware as a Python object; containers that run code of their own while read."""

from __future__ import annotations

import functools
import gc
import sys
import threading
import tracemalloc
import weakref
from typing import Any

import pytest

import corsac
from corsac import CORSConfigError, CORSPolicy
from corsac.wsgi import CORSMiddleware
from support.wsgi import (
    ALLOWED,
    EVIL,
    OPTIONS,
    ORIGIN,
    REFUSED,
    answer_of,
    app_answering,
    environ_from,
)


def test_it_has_the_attributes_of_the_asgi_one() -> None:
    own = {name for name in dir(CORSMiddleware) if not name.startswith("_")}
    assert own == {name for name in dir(corsac.CORSMiddleware) if not name.startswith("_")}
    app = app_answering([])
    middleware = CORSMiddleware(app, rules=[("/health", None)], **OPTIONS)
    assert middleware.app is app
    assert middleware.policy == CORSPolicy(**OPTIONS)
    assert middleware.rules == (("/health", None),)
    assert middleware.problems == ()
    assert repr(middleware) == (
        f"CORSMiddleware({app!r}, {middleware.policy!r}, rules=(('/health', None),))"
    )


def test_reconfigure_puts_another_policy_in_force_and_a_bad_one_not() -> None:
    middleware = CORSMiddleware(app_answering([]), **OPTIONS)
    with pytest.raises(CORSConfigError):
        middleware.reconfigure(allow_origins=["https://a.test/"])
    assert answer_of(middleware).headers == ALLOWED
    middleware.reconfigure(allow_origins=["*"])
    assert answer_of(middleware).headers == [("access-control-allow-origin", "*")]


def test_a_request_keeps_the_policy_that_it_began_with() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        middleware.reconfigure(allow_origins=["*"])
        gc.collect()
        start_response("200 OK", [])
        return []

    middleware = CORSMiddleware(app, **OPTIONS)
    assert answer_of(middleware).headers == ALLOWED


def test_counters_say_what_there_was() -> None:
    middleware = CORSMiddleware(
        app_answering([]), guard=True, allowed_hosts=["api.test"], **OPTIONS
    )
    preflight = {"REQUEST_METHOD": "OPTIONS", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "POST"}
    for origin, changes in (
        (None, {}),
        (ORIGIN, {}),
        (EVIL, {}),
        (ORIGIN, preflight),
        (EVIL, preflight),
        (EVIL, {"REQUEST_METHOD": "POST"}),
        (None, {"HTTP_HOST": "rebound.test"}),
    ):
        answer_of(middleware, origin, **{"HTTP_HOST": "api.test", **changes})
    assert dict(middleware.counters()) == dict.fromkeys(middleware.counters(), 1)


@pytest.mark.parametrize("app", [None, 5, "app"])
def test_what_cannot_be_called_is_no_application(app: Any) -> None:
    with pytest.raises(TypeError, match="must be a WSGI application"):
        CORSMiddleware(app, **OPTIONS)


def test_arguments_may_be_named() -> None:
    middleware: Any = CORSMiddleware(app_answering([], "body"), **OPTIONS)
    started: list[Any] = []

    def start(status: str, headers: Any) -> None:
        started.append(headers)

    environ = environ_from()
    call_by_class: Any = CORSMiddleware.__call__
    calls: list[Any] = [
        lambda: middleware(environ, start_response=start),
        lambda: middleware(start_response=start, environ=environ),
        lambda: call_by_class(middleware, environ, start),
    ]
    assert [call() for call in calls] == ["body"] * 3
    assert started == [ALLOWED] * 3
    wrong_calls: list[Any] = [
        lambda: middleware(environ),
        lambda: middleware(environ, start, 5),
        lambda: middleware(environ, environ=environ),
        lambda: middleware(environ, start_respond=start),
    ]
    for wrong in wrong_calls:
        with pytest.raises(TypeError, match="environ and start_response"):
            wrong()


def test_a_subclass_may_have_a_call_of_its_own() -> None:
    class Counting(CORSMiddleware):
        calls = 0

        def __call__(self, environ: Any, start_response: Any) -> Any:
            Counting.calls += 1
            return super().__call__(environ, start_response)

    assert answer_of(Counting(app_answering([]), **OPTIONS)).headers == ALLOWED
    assert Counting.calls == 1


def test_a_subclass_that_forgets_to_call_init_is_told_so() -> None:
    class Forgetful(CORSMiddleware):
        def __init__(self) -> None:
            pass

    with pytest.raises(RuntimeError, match="__init__ was not called"):
        answer_of(Forgetful())
    with pytest.raises(RuntimeError, match="__init__ was not called"):
        Forgetful().reconfigure(allow_origins=["*"])


def test_the_hidden_parts_cannot_be_exchanged_for_others() -> None:
    class Strange(CORSMiddleware):
        _start_response_type = int

    with pytest.raises(TypeError, match="_start_response_type"):
        Strange(app_answering([]), **OPTIONS)
    with pytest.raises(TypeError, match="cannot create"):
        CORSMiddleware._start_response_type()
    middleware = CORSMiddleware(app_answering([]), **OPTIONS)
    with pytest.raises(TypeError, match="must be a Routing"):
        middleware._put_in_force(None, None)  # type: ignore[arg-type]


def test_a_middleware_round_itself_ends_in_a_recursion_error() -> None:
    middleware: Any = CORSMiddleware.__new__(CORSMiddleware)
    middleware.__init__(middleware, **OPTIONS)
    with pytest.raises(RecursionError):
        answer_of(middleware)


@pytest.mark.parametrize(("layers", "works"), [(500, True), (501, False)])
def test_so_many_middlewares_may_stand_inside_one_another(layers: int, works: bool) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        return ["reached"]

    for _ in range(layers):
        app = CORSMiddleware(app, **OPTIONS)
    if works:
        assert app(environ_from(), print) == ["reached"]
    else:
        with pytest.raises(RecursionError):
            app(environ_from(), print)


def test_policies_are_shared_with_asgi() -> None:
    policy = CORSPolicy(**OPTIONS)
    middleware = CORSMiddleware(app_answering([]), policy)
    assert corsac.CORSMiddleware(app_answering([]), policy).policy is middleware.policy


# Code that runs while something is read


def test_what_was_judged_is_what_is_sent() -> None:
    class TwoFaced(tuple[str, str]):
        __slots__ = ()
        asked = 0

        def __iter__(self) -> Any:
            TwoFaced.asked += 1
            name = "x-app" if TwoFaced.asked == 1 else "access-control-allow-origin"
            return iter((name, "*"))

    lines = [TwoFaced(("a", "b")), iter(("x-once", "1"))]
    answer = answer_of(CORSMiddleware(app_answering(lines), **OPTIONS), EVIL)
    assert answer.headers == [("x-app", "*"), ("x-once", "1"), *REFUSED]


def test_a_pair_that_empties_the_list_it_stands_in_does_no_harm() -> None:
    lines: list[Any] = []

    class Emptying(tuple[str, str]):
        __slots__ = ()

        def __iter__(self) -> Any:
            lines.clear()
            return iter(("x-app", "1"))

    lines += [Emptying(("a", "b")), ("access-control-allow-origin", "*")]
    answer = answer_of(CORSMiddleware(app_answering(lines), **OPTIONS), EVIL)
    assert ("access-control-allow-origin", "*") not in answer.headers


def test_headers_that_raise_while_they_are_read_raise() -> None:
    def lines() -> Any:
        yield ("x-app", "1")
        raise KeyError

    with pytest.raises(KeyError):
        answer_of(CORSMiddleware(app_answering(lines()), **OPTIONS))


def test_what_the_server_raises_reaches_the_application() -> None:
    caught: list[BaseException] = []

    def app(environ: Any, start_response: Any) -> Any:
        try:
            start_response("200 OK", [])
        except AssertionError as error:
            caught.append(error)
            raise
        return []

    def server(status: str, headers: Any, exc_info: Any = None) -> Any:
        raise AssertionError

    with pytest.raises(AssertionError):
        CORSMiddleware(app, **OPTIONS)(environ_from(), server)
    assert len(caught) == 1
    preflight = environ_from(REQUEST_METHOD="OPTIONS", HTTP_ACCESS_CONTROL_REQUEST_METHOD="PUT")
    with pytest.raises(AssertionError):
        CORSMiddleware(app, **OPTIONS)(preflight, server)


def test_a_start_response_that_outlives_its_middleware_still_works() -> None:
    kept: list[Any] = []

    def app(environ: Any, start_response: Any) -> Any:
        kept.append(start_response)
        return []

    called: list[Any] = []
    middleware = CORSMiddleware(app, **OPTIONS)
    middleware(environ_from(), lambda *args: called.append(args))  # type: ignore[arg-type]
    del middleware, app
    gc.collect()
    assert repr(kept[0]).startswith("<corsac start_response around <function")
    kept.pop()("200 OK", [])
    assert called == [("200 OK", ALLOWED)]


def test_a_cycle_through_the_middleware_is_collected() -> None:
    class App:
        middleware: Any = None
        kept: Any = None

        def __call__(self, environ: Any, start_response: Any) -> Any:
            self.kept = start_response
            return []

    app = App()
    app.middleware = CORSMiddleware(app, **OPTIONS)
    app.middleware(environ_from(), app)
    gone = weakref.ref(app)
    del app
    gc.collect()
    assert gone() is None


KINDS: dict[str, dict[str, Any]] = {
    "no Origin": {"origin": None},
    "allowed": {},
    "refused": {"origin": EVIL},
    "preflight": {"REQUEST_METHOD": "OPTIONS", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "POST"},
    "forged": {"origin": EVIL, "REQUEST_METHOD": "POST"},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shared", [True, False], ids=["kept list", "new list"])
def test_no_memory_is_left_behind(kind: str, shared: bool) -> None:
    kept = [("x-app", "1"), ("vary", "Accept")]

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", kept if shared else [("x-app", "1")])
        return []

    middleware = CORSMiddleware(app, guard=True, **OPTIONS)
    environ = environ_from(**KINDS[kind])

    def server(status: str, headers: Any) -> None: ...

    call = functools.partial(middleware, environ, server)  # type: ignore[arg-type]
    held = [middleware, app, environ, server, kept, ORIGIN, middleware.policy]
    for _ in range(100):
        call()
    gc.collect()
    references = [sys.getrefcount(x) for x in held]
    tracemalloc.start()
    grown = []
    # A leak grows with every round; what an interpreter sets up once, such as the queues of one
    # without a GIL for what it frees later, does not.
    for _ in range(3):
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(2000):
            call()
        gc.collect()
        grown.append(tracemalloc.get_traced_memory()[0] - before)
    tracemalloc.stop()
    assert min(grown) < 2000, grown
    assert [sys.getrefcount(x) for x in held] == references


def test_many_threads_share_one_middleware() -> None:
    middleware = CORSMiddleware(app_answering([("x-app", "1")]), **OPTIONS)
    wrong: list[Any] = []

    def run(origin: str, wanted: list[Any]) -> None:
        for _ in range(500):
            headers = answer_of(middleware, origin).headers
            if headers != [("x-app", "1"), *wanted]:
                wrong.append(headers)
            if origin == EVIL:
                middleware.reconfigure(**OPTIONS)

    threads = [
        threading.Thread(target=run, args=args)
        for args in ((ORIGIN, ALLOWED), (EVIL, REFUSED), (ORIGIN, ALLOWED))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
