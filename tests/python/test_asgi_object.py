"""The middleware as an object: subclasses, life time, threads, other policies, counters."""

from __future__ import annotations

import gc
import inspect
import logging
import threading
import typing
import weakref
from typing import Any

import pytest

import corsac
import corsac.wsgi
from corsac.observers import OBSERVATION_OPTIONS
from support.asgi import ALLOWED, BODY, OPTIONS, ORIGIN, START, app_sending, scope_with
from support.exchange import run_asgi


def test_a_subclass_and_an_overridden_call_work() -> None:
    class Loud(corsac.CORSMiddleware):
        pass

    class Own(corsac.CORSMiddleware):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "own"})
            await super().__call__(scope, receive, send)

    scope = scope_with([(b"origin", ORIGIN)])
    loud = run_asgi(Loud(app_sending(START, BODY), **OPTIONS), scope)
    assert loud[0]["headers"] == [(b"x-app", b"1"), *ALLOWED]
    own = run_asgi(Own(app_sending(START, BODY), **OPTIONS), scope)
    assert own == [{"type": "own"}, *loud]


def test_an_instance_whose_init_did_not_run_says_so() -> None:
    middleware = corsac.CORSMiddleware.__new__(corsac.CORSMiddleware)
    with pytest.raises(RuntimeError, match="__init__ was not called"):
        middleware({"type": "http"}, None, None)  # type: ignore[arg-type]


def test_it_and_what_it_holds_are_freed() -> None:
    class App:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            self.send = send
            await send(START)

    app = App()
    middleware = corsac.CORSMiddleware(app, **OPTIONS)
    run_asgi(middleware, scope_with([(b"origin", ORIGIN)]))
    alive = weakref.ref(app)
    del app, middleware
    gc.collect()
    assert alive() is None


def test_a_kept_send_and_a_function_that_refers_to_the_application_are_freed() -> None:
    class App:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            self.send = send
            await send(START)

        def allows(self, origin: str) -> bool:
            return True

    app = App()
    middleware = corsac.CORSMiddleware(app, allow_origin_func=app.allows)
    run_asgi(middleware, scope_with([(b"origin", ORIGIN)]))
    alive = weakref.ref(app)
    del app, middleware
    gc.collect()
    assert alive() is None


def test_reconfigure_swaps_the_policy_and_a_bad_one_leaves_the_old() -> None:
    middleware = corsac.CORSMiddleware(app_sending(START, BODY), **OPTIONS)
    old = middleware.policy
    with pytest.raises(corsac.CORSConfigError):
        middleware.reconfigure(allow_origins=["nonsense"])
    with pytest.raises(TypeError):
        middleware.reconfigure(policy="nonsense")  # type: ignore[arg-type]
    assert middleware.policy is old
    new = corsac.CORSPolicy(allow_origins=["*"])
    middleware.reconfigure(new)
    assert middleware.policy is new
    messages = run_asgi(middleware, scope_with([]))
    assert (b"access-control-allow-origin", b"*") in messages[0]["headers"]


def test_a_request_keeps_the_policy_that_it_began_with() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        middleware.reconfigure(allow_origins=["*"])
        gc.collect()
        await send(START)

    middleware = corsac.CORSMiddleware(app, **OPTIONS)
    messages = run_asgi(middleware, scope_with([(b"origin", ORIGIN)]))
    assert messages[0]["headers"] == [(b"x-app", b"1"), *ALLOWED]


def test_requests_on_many_threads_see_one_policy_or_the_other_whole() -> None:
    policies = [
        corsac.CORSPolicy(allow_origins=[ORIGIN.decode()], expose_headers=["one"]),
        corsac.CORSPolicy(allow_origins=["*"], expose_headers=["two"]),
    ]
    wanted = {(ORIGIN, b"one"), (b"*", b"two")}
    middleware = corsac.CORSMiddleware(app_sending(START, BODY), policies[0])
    wrong: list[Any] = []

    def request_many() -> None:
        for _ in range(300):
            headers = dict(run_asgi(middleware, scope_with([(b"origin", ORIGIN)]))[0]["headers"])
            seen = (
                headers[b"access-control-allow-origin"],
                headers[b"access-control-expose-headers"],
            )
            if seen not in wanted:
                wrong.append(seen)

    threads = [threading.Thread(target=request_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(2000):
        middleware.reconfigure(policies[turn % 2])
    for thread in threads:
        thread.join()
    assert wrong == []


def test_counters_tell_kinds_and_outcomes_apart() -> None:
    middleware = corsac.CORSMiddleware(app_sending(START, BODY), guard=True, **OPTIONS)
    asked = (b"access-control-request-method", b"POST")
    evil = (b"origin", b"https://evil.example")
    for method, headers in (
        ("GET", []),
        ("GET", [(b"origin", ORIGIN)]),
        ("GET", [evil]),
        ("GET", [evil]),
        ("OPTIONS", [(b"origin", ORIGIN), asked]),
        ("OPTIONS", [evil, asked]),
        ("POST", [evil]),
    ):
        run_asgi(middleware, scope_with(headers, method=method))
    assert middleware.counters() == {
        "not_cors": 1,
        "actual_allowed": 1,
        "actual_refused": 2,
        "preflight_allowed": 1,
        "preflight_refused": 1,
        "guard_refused": 1,
        "host_refused": 0,
    }


def test_its_repr_shows_the_policy() -> None:
    def app(*_: Any) -> Any: ...

    middleware = corsac.CORSMiddleware(app, allow_origins=["https://a.test"])
    expected = f"CORSMiddleware({app!r}, CORSPolicy(allow_origins=('https://a.test',)))"
    assert repr(middleware) == expected


@pytest.mark.parametrize("extensions", [{}, None, 5, {"websocket.http.response": {}}])
def test_a_refused_handshake_is_answered_as_the_server_can(extensions: Any) -> None:
    async def receive() -> Any:
        return {"type": "websocket.connect"}

    scope = scope_with([(b"origin", b"https://evil.example")], type="websocket")
    scope["extensions"] = extensions
    middleware = corsac.CORSMiddleware(
        app_sending({"type": "websocket.accept"}), guard=True, **OPTIONS
    )
    messages = run_asgi(middleware, scope, receive)
    if isinstance(extensions, dict) and extensions:
        start, body = messages
        assert start == {
            "type": "websocket.http.response.start",
            "status": 403,
            "headers": [
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"content-length", b"22"),
            ],
        }
        assert body == {"type": "websocket.http.response.body", "body": b"cross-origin-websocket"}
    else:
        reason = "cross-origin-websocket"
        assert messages == [{"type": "websocket.close", "code": 1008, "reason": reason}]


def test_a_log_that_fails_does_not_fail_the_request(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> None:
        raise OSError("the log is full")

    unraisable: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", unraisable.append)
    monkeypatch.setattr(logging.getLogger("corsac"), "log", broken)
    with caplog.at_level(logging.INFO, logger="corsac"):
        middleware = corsac.CORSMiddleware(app_sending(START, BODY), **OPTIONS)
        messages = run_asgi(middleware, scope_with([(b"origin", b"https://evil.example")]))
    assert messages[0]["headers"] == [(b"x-app", b"1"), (b"vary", b"Origin")]
    assert [type(entry.exc_value) for entry in unraisable] == [OSError]


@pytest.mark.parametrize(
    ("middleware", "app_type"),
    [(corsac.CORSMiddleware, "ASGIApp"), (corsac.wsgi.CORSMiddleware, "WSGIApplication")],
)
def test_signature_type_hints_and_errors_name_the_class_and_its_type_of_application(
    middleware: Any, app_type: str
) -> None:
    parameters = inspect.signature(middleware).parameters
    assert parameters["app"].annotation == app_type
    assert [*typing.get_type_hints(middleware.__init__)] == [*parameters, "return"]
    assert {*OBSERVATION_OPTIONS} <= {*parameters}
    for documented in parameters:
        name = f"**{documented}" if documented == "options" else documented
        assert f"    {name}: " in (inspect.getdoc(middleware) or "")
    with pytest.raises(TypeError, match=r"^CORSMiddleware\.__init__\(\) missing .*'app'$"):
        middleware()
