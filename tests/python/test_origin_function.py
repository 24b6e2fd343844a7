"""`corsac.OriginFunction`: limits of one function, what it may look at, and what is kept of it."""

from __future__ import annotations

import asyncio
import copy
import functools
import gc
import pickle
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

import corsac
import corsac.flask
from corsac import CORSConfigError, CORSMiddleware, CORSPolicy, OriginFunction, OriginRequest
from corsac.wsgi import CORSMiddleware as WSGIMiddleware
from support.asgi import BODY, START, app_sending
from support.deciders import messages
from support.django_project import EXCHANGES as DJANGO
from support.exchange import (
    AppResponse,
    Exchange,
    Request,
    http_scope,
    run_asgi,
    run_wsgi,
    wsgi_environ,
    wsgi_exchange,
)
from support.flask_apps import make_app

ORIGIN = "https://a.tenant.test"
OTHER = "https://b.tenant.test"
PLAIN = AppResponse(headers=())
ALLOWED = {"access-control-allow-origin": ORIGIN, "vary": "Origin"}
REFUSED = {"vary": "Origin"}


def asking(path: str = "/", *lines: tuple[str, str], origin: str = ORIGIN) -> Request:
    return Request("GET", [("origin", origin), *lines], path)


def later(function: Callable[..., bool]) -> Callable[..., Any]:
    """The asynchronous twin of a function, with its signature."""

    @functools.wraps(function)
    async def asynchronous(*arguments: Any) -> bool:
        await asyncio.sleep(0)
        return function(*arguments)

    return asynchronous


def twins(exchange: Exchange, function: Callable[..., bool]) -> list[Callable[..., Any]]:
    return [function] if exchange is wsgi_exchange else [function, later(function)]


# One parameter.


def test_it_decides_as_a_bare_function_does(exchange: Exchange) -> None:
    for function in twins(exchange, lambda origin: origin == ORIGIN):
        policy = CORSPolicy(allow_origin_func=OriginFunction(function))
        assert exchange(policy, asking(), PLAIN).header_set == ALLOWED
        assert exchange(policy, asking(origin=OTHER), PLAIN).header_set == REFUSED


def test_its_answers_hold_for_its_time_and_can_be_forgotten(exchange: Exchange) -> None:
    allowed = {ORIGIN, OTHER}
    for function in twins(exchange, lambda origin: origin in allowed):
        allowed.update((ORIGIN, OTHER))
        decides = OriginFunction(function, ttl=3600)
        policy = CORSPolicy(allow_origin_func=decides)

        def found(each: str, policy: CORSPolicy = policy) -> str | None:
            return exchange(policy, asking(origin=each)).one("access-control-allow-origin")

        assert (found(ORIGIN), found(OTHER)) == (ORIGIN, OTHER)
        allowed.clear()
        assert (found(ORIGIN), found(OTHER)) == (ORIGIN, OTHER)
        decides.forget(ORIGIN)
        decides.forget("https://nobody.asked.test")
        assert (found(ORIGIN), found(OTHER)) == (None, OTHER)
        decides.forget()
        assert (found(ORIGIN), found(OTHER)) == (None, None)


def test_two_policies_with_the_same_one_share_its_answers(exchange: Exchange) -> None:
    asked: list[str] = []

    def decide(origin: str) -> bool:
        asked.append(origin)
        return True

    decides = OriginFunction(decide)
    for age in (1, 2):
        policy = CORSPolicy(allow_origin_func=decides, max_age=age)
        assert exchange(policy, asking(), PLAIN).header_set == ALLOWED
    assert asked == [ORIGIN]


def test_what_is_forgotten_while_a_call_is_under_way_is_not_kept() -> None:
    answers = [True, False]
    decides: OriginFunction

    def changes_meanwhile(origin: str) -> bool:
        answer = answers.pop(0)
        decides.forget(origin)  # Somebody else does that at the same time.
        return answer

    for function in (changes_meanwhile, later(changes_meanwhile)):
        answers[:] = [True, False]
        decides = OriginFunction(function)
        middleware = CORSMiddleware(app_sending(START, BODY), allow_origin_func=decides)
        found = [
            b"access-control-allow-origin" in dict(start["headers"])
            for start, _ in (run_asgi(middleware, http_scope(asking())) for _ in range(2))
        ]
        assert found == [True, False]


@pytest.mark.parametrize("about", [ORIGIN, None])
def test_who_asks_after_forgetting_does_not_wait_for_a_call_of_before(about: str | None) -> None:
    async def receive() -> Any:
        return {"type": "http.request"}

    async def ask(middleware: CORSMiddleware) -> bool:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        await middleware(http_scope(asking()), receive, send)
        return b"access-control-allow-origin" in dict(sent[0]["headers"])

    async def run() -> list[bool]:
        allowed, calls = {ORIGIN}, list[bool]()
        begun, ended = asyncio.Event(), asyncio.Event()

        async def decide(origin: str) -> bool:
            calls.append(origin in allowed)
            if calls[1:]:
                return calls[-1]
            begun.set()
            await ended.wait()
            return calls[0]

        decides = OriginFunction(decide)
        middleware = CORSMiddleware(app_sending(START, BODY), allow_origin_func=decides)
        before = asyncio.create_task(ask(middleware))
        await begun.wait()
        allowed.clear()
        decides.forget(about)
        found = [await ask(middleware)]
        ended.set()
        return [*found, await before, await ask(middleware)]

    assert asyncio.run(run()) == [False, True, False]


def test_a_time_out_refuses() -> None:
    async def hangs(origin: str) -> bool:
        await asyncio.Event().wait()
        return True

    policy = CORSPolicy(allow_origin_func=OriginFunction(hangs, timeout=0))
    start, _ = run_asgi(CORSMiddleware(app_sending(START, BODY), policy), http_scope(asking()))
    assert b"access-control-allow-origin" not in dict(start["headers"])


@pytest.mark.parametrize("with_request", [False, True])
def test_a_hundred_thousand_origins_keep_memory_bounded(with_request: bool) -> None:
    def decide(origin: str, *request: object) -> bool:
        return False

    def decide_by_request(origin: str, request: OriginRequest) -> bool:
        return False

    function = decide_by_request if with_request else decide
    middleware = CORSMiddleware(
        app_sending(START, BODY), allow_origin_func=OriginFunction(function, max_entries=64)
    )
    scope = http_scope(asking())

    async def flood(first: int, count: int) -> None:
        async def send(message: Any = None) -> Any: ...

        for number in range(first, first + count):
            scope["headers"] = [(b"origin", b"https://n%d.evil.test" % number)]
            await middleware(scope, send, send)

    asyncio.run(flood(0, 1_000))
    gc.collect()
    tracemalloc.start()
    try:
        asyncio.run(flood(1_000, 100_000))
        gc.collect()
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < 200_000


# Two parameters.


def by_path(origin: str, request: OriginRequest) -> bool:
    return request.path == "/open"


def test_nothing_that_follows_from_a_request_reaches_another_one(exchange: Exchange) -> None:
    for function in twins(exchange, by_path):
        policy = CORSPolicy(allow_origin_func=OriginFunction(function, ttl=3600))
        paths = ["/open", "/closed", "/open", "/closed"]
        found = [exchange(policy, asking(path), PLAIN).header_set for path in paths]
        assert found == [ALLOWED, REFUSED, ALLOWED, REFUSED]


def test_requests_at_the_same_time_are_decided_each_by_itself() -> None:
    async def slow(origin: str, request: OriginRequest) -> bool:
        waiting.append(request.path)
        if len(waiting) == 2:
            both.set()
        await both.wait()
        return request.path == "/open"

    async def send_both() -> list[bool]:
        middleware = CORSMiddleware(app_sending(START, BODY), allow_origin_func=slow)
        sent: dict[str, bool] = {}

        async def request(path: str) -> None:
            async def send(message: Any = None) -> Any:
                if message and "headers" in message:
                    names = [name for name, _ in message["headers"]]
                    sent[path] = b"access-control-allow-origin" in names

            await middleware(http_scope(asking(path)), send, send)

        await asyncio.gather(request("/open"), request("/closed"))
        return [sent["/open"], sent["/closed"]]

    waiting: list[str] = []
    both = asyncio.Event()
    assert asyncio.run(send_both()) == [True, False]


def test_a_failure_about_one_request_refuses_no_other_one(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(origin: str, request: OriginRequest) -> bool:
        if request.path == "/broken":
            raise LookupError("no such table")
        return True

    for function in twins(exchange, fails):
        policy = CORSPolicy(allow_origin_func=function)
        paths = ["/broken", "/", "/broken", "/"]
        found = [exchange(policy, asking(path), PLAIN).header_set for path in paths]
        assert found == [REFUSED, ALLOWED, REFUSED, ALLOWED]
    lines = [line for line in messages(caplog) if "no such table" in line]
    assert len(lines) == len(twins(exchange, fails))  # One in a window, for each function.


@pytest.mark.parametrize("value", [1, "yes", None, [True]])
def test_only_true_allows(exchange: Exchange, value: object) -> None:
    policy = CORSPolicy(allow_origin_func=lambda origin, request: value)  # type: ignore[arg-type]
    assert exchange(policy, asking(), PLAIN).header_set == REFUSED


def test_it_looks_at_the_request_that_it_decides_about(exchange: Exchange) -> None:
    seen: list[Any] = []

    def looks(origin: str, request: OriginRequest) -> bool:
        names = ("X-Two", "cookie", "x-absent", "CONTENT-TYPE")
        seen.append((request.method, request.path, request.host, *map(request.header, names)))
        return True

    request = Request(
        "OPTIONS",
        [
            ("origin", ORIGIN),
            ("access-control-request-method", "PUT"),
            ("host", "api.test:8443"),
            ("x-two", "a"),
            ("X-Two", "b\xe9"),
            ("content-type", "text/x"),
        ],
        "/caf\xe9",
    )
    for function in twins(exchange, looks):
        seen.clear()
        exchange(CORSPolicy(allow_origin_func=function), request)
        [(method, path, host, two, *others)] = seen
        assert (method, path, host) == ("OPTIONS", "/caf\xe9", "api.test:8443")
        assert (two.replace(" ", ""), others) == ("a,b\xe9", [None, None, "text/x"])


def test_a_request_without_a_host_has_an_empty_one(exchange: Exchange) -> None:
    policy = CORSPolicy(allow_origin_func=lambda origin, request: request.host == "")
    assert exchange(policy, asking(), PLAIN).header_set == ALLOWED


def test_the_request_is_read_only(exchange: Exchange) -> None:
    def writes(origin: str, request: OriginRequest) -> bool:
        with pytest.raises(AttributeError):
            request.path = "/other"  # type: ignore[misc]
        return request.path == "/"

    for function in twins(exchange, writes):
        policy = CORSPolicy(allow_origin_func=function)
        assert exchange(policy, asking(), PLAIN).header_set == ALLOWED


def test_the_expression_is_asked_before_it() -> None:
    pytest.importorskip("re2")
    policy = CORSPolicy(allow_origin_regex=r"https://a\.tenant\.test", allow_origin_func=by_path)
    middleware = CORSMiddleware(app_sending(START, BODY), policy)
    found = [
        b"access-control-allow-origin" in dict(start["headers"])
        for start, _ in (
            run_asgi(middleware, http_scope(asking(path, origin=origin)))
            for path in ("/open", "/closed")
            for origin in (ORIGIN, OTHER)
        )
    ]
    assert found == [True, True, True, False]


def test_the_guard_asks_it(exchange: Exchange) -> None:
    policy = CORSPolicy(allow_origin_func=by_path, guard=True)
    lines = [("origin", ORIGIN), ("sec-fetch-site", "cross-site")]
    statuses = [
        exchange(policy, Request("POST", lines, path)).status for path in ("/open", "/closed")
    ]
    assert statuses == [200, 403]


@pytest.mark.parametrize("make", [lambda function: function, later])
def test_a_handshake_asks_it(make: Callable[[Any], Any]) -> None:
    def chat(origin: str, request: OriginRequest) -> bool:
        return (request.method, request.path) == ("GET", "/chat")

    called: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        called.append(scope["path"])

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    middleware = CORSMiddleware(app, allow_origin_func=make(chat), guard=True)
    for path in ("/chat", "/other"):
        scope = {**http_scope(asking(path)), "type": "websocket"}
        del scope["method"]
        run_asgi(middleware, scope, receive)
    assert called == ["/chat"]


def test_a_trial_asks_it() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return []

    on_trial = CORSPolicy(allow_origin_func=by_path)
    middleware = WSGIMiddleware(app, allow_origins=["*"], report_only=on_trial)
    for path in ("/open", "/closed"):
        run_wsgi(middleware, wsgi_environ(asking(path)))
    counted = middleware.report_only_counters()
    assert (counted["actual_allowed"], counted["newly_refused"]) == (1, 1)


def test_explain_asks_it_and_says_how_it_failed() -> None:
    policy = CORSPolicy(allow_origin_func=by_path)
    assert policy.explain("GET", {"origin": ORIGIN}, "/open").allowed is True
    assert policy.explain("GET", {"origin": ORIGIN}, "/closed").reason == "origin-not-allowed"
    asynchronous = CORSPolicy(allow_origin_func=later(by_path))
    assert asynchronous.explain("GET", {"origin": ORIGIN}, "/open").allowed is True

    def fails(origin: str, request: OriginRequest) -> bool:
        raise LookupError("no such table")

    explanation = CORSPolicy(allow_origin_func=fails).explain("GET", {"origin": ORIGIN})
    assert explanation.change is not None
    assert "raised LookupError: 'no such table'" in explanation.change.text


@pytest.mark.parametrize("protocol", sorted(DJANGO))
def test_django_asks_it(protocol: str) -> None:
    for function in (by_path, OriginFunction(later(by_path))):
        policy = CORSPolicy(allow_origin_func=function)
        found = [DJANGO[protocol](policy, asking(path)) for path in ("/open", "/closed")]
        origins = [each.one("access-control-allow-origin") for each in found]
        assert origins == [ORIGIN, None]


def test_flask_asks_it() -> None:
    app = make_app("/open", "/closed")
    corsac.flask.CORS(app, policy=CORSPolicy(allow_origin_func=by_path))
    found = [
        app.test_client().get(path, headers={"Origin": ORIGIN}) for path in ("/open", "/closed")
    ]
    assert ["access-control-allow-origin" in each.headers for each in found] == [True, False]


# Which functions there may be.


@pytest.mark.parametrize(
    ("function", "with_request"),
    [
        (lambda origin: True, False),
        (lambda origin, other=1: True, False),
        (lambda *origins: True, False),
        (lambda origin, request: True, True),
        (lambda origin, request, other=1: True, True),
        (functools.partial(lambda app, origin: True, 1), False),
        (functools.partial(lambda app, origin, request: True, 1), True),
        ({ORIGIN}.__contains__, False),
        ({"a": 1}.get, False),
        (bool, False),
    ],
)
def test_a_function_has_one_parameter_or_two(function: Any, with_request: bool) -> None:
    decides = OriginFunction(function)
    assert decides.problem == ""
    assert decides.decider is not None
    assert decides.decider.takes_request is with_request


@pytest.mark.parametrize(
    ("function", "shown"),
    [
        (lambda: True, "()"),
        (lambda origin, request, more: True, "(origin, request, more)"),
        (lambda origin, *, more: True, "(origin, *, more)"),
    ],
)
def test_any_other_is_an_error_when_the_policy_is_made(function: Any, shown: str) -> None:
    for given in (function, OriginFunction(function)):
        with pytest.raises(CORSConfigError) as raised:
            CORSPolicy(allow_origin_func=given, allow_methods=["P P"])
        found = [(each.code, each.option) for each in raised.value.problems]
        assert found == [
            ("option.wrong_type", "allow_origin_func"),
            ("method.invalid", "allow_methods"),
        ]
        assert shown in raised.value.problems[0].message


@pytest.mark.parametrize(
    "limits",
    [
        {"timeout": -1},
        {"timeout": float("inf")},
        {"timeout": float("nan")},
        {"ttl": "60"},
        {"max_entries": 0},
        {"max_entries": 1.5},
        {"timeout": None, "ttl": -1, "max_entries": "1"},
    ],
)
def test_a_limit_that_is_none_is_an_error_when_the_policy_is_made(limits: dict[str, Any]) -> None:
    decides = OriginFunction(by_path, **limits)
    with pytest.raises(CORSConfigError) as raised:
        CORSPolicy(allow_origin_func=decides)
    [problem] = raised.value.problems
    assert (problem.code, problem.value) == ("option.wrong_type", decides)
    assert problem.message == "timeout and ttl are seconds from 0, and max_entries is at least 1"
    with pytest.raises(CORSConfigError, match=r"takes \(\); timeout and ttl are seconds"):
        CORSPolicy(allow_origin_func=OriginFunction(lambda: True, **limits))  # type: ignore[arg-type]


def test_it_is_a_value() -> None:
    decides = OriginFunction(by_path, ttl=1)
    assert decides == OriginFunction(by_path, ttl=1)
    assert decides != OriginFunction(by_path, ttl=2)
    assert hash(decides) == hash(OriginFunction(by_path, ttl=1))
    assert pickle.loads(pickle.dumps(decides)) == decides  # noqa: S301
    assert copy.deepcopy(decides) is decides
    assert CORSPolicy(allow_origin_func=decides) == CORSPolicy(allow_origin_func=copy.copy(decides))
    assert "ttl=1" in repr(CORSPolicy(allow_origin_func=decides))
    with pytest.raises(AttributeError, match="frozen"):
        decides.ttl = 3  # type: ignore[misc]


def test_an_asynchronous_one_is_an_error_in_wsgi() -> None:
    with pytest.raises(CORSConfigError, match="cannot be awaited in WSGI"):
        WSGIMiddleware(app_sending, allow_origin_func=OriginFunction(later(by_path)))
