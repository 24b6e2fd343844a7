"""Applications and requests of the leak test, to be put together in `leak_kinds`."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import corsac
from benchmarks.leak_driver import (
    ORIGIN,
    OTHER,
    ASGIApp,
    Message,
    PlannedError,
    Receive,
    Scope,
    Send,
    Subject,
    drive,
    drive_to_error,
    make_scope,
    preflight_scope,
    receive,
    wait_once,
    watched,
)

POLICY = corsac.CORSPolicy(
    allow_origins=[ORIGIN.decode(), "https://*.preview.example.com", "http://localhost:*"],
    allow_methods=["PUT", "DELETE"],
    allow_headers=["content-type", "x-request-id"],
    allow_credentials=True,
    expose_headers=["etag"],
)
ECHO = corsac.CORSPolicy(
    allow_origins=["*"],
    allow_methods=["*"],
    allow_headers=["*"],
    allow_credentials=True,
    tolerate=["origin.any_with_credentials"],
)
ANYONE = corsac.CORSPolicy(allow_origins=["*"])
GUARDED = POLICY.replace(guard=True)
CONTINUED = POLICY.replace(preflight_continue=True)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with two headers and a short body."""
    headers = [(b"content-type", b"text/plain"), (b"etag", b'"1"')]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


async def raise_before_start(scope: Scope, receive: Receive, send: Send) -> None:
    """Fails without a response."""
    raise PlannedError


async def raise_after_start(scope: Scope, receive: Receive, send: Send) -> None:
    """Fails in the middle of a response."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise PlannedError


def raise_at_once(scope: Scope, receive: Receive, send: Send) -> Any:
    """Fails when it is called, before anything is awaited."""
    raise PlannedError


async def body_alone(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends a body that nothing begins."""
    await send({"type": "http.response.body", "body": b"hello"})


async def stream(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends a body in parts."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(3):
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
    await send({"type": "http.response.body"})


async def send_trailers(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends trailers after the body."""
    start = {"type": "http.response.start", "status": 200, "headers": [], "trailers": True}
    await send(start)
    await send({"type": "http.response.body", "body": b"hello"})
    await send({"type": "http.response.trailers", "headers": [(b"server-timing", b"app")]})


async def wait_halfway(scope: Scope, receive: Receive, send: Send) -> None:
    """Waits between the start and the end of its response."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await wait_once()
    await send({"type": "http.response.body", "body": b"hello"})


async def accept(scope: Scope, receive: Receive, send: Send) -> None:
    """Accepts a WebSocket."""
    await receive()
    await send({"type": "websocket.accept"})


def answer_with(make_headers: Callable[[], Any]) -> ASGIApp:
    """An application whose header lines come in a container of its own."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": make_headers()})
        await send({"type": "http.response.body"})

    return application


def same_request(
    scope: Scope,
    application: ASGIApp = app,
    policy: corsac.CORSPolicy | None = POLICY,
    **options: Any,
) -> Callable[[], Subject]:
    """One request again and again."""

    def prepare() -> Subject:
        middleware = corsac.CORSMiddleware(application, policy, **options)

        def step(send: Send) -> None:
            drive(middleware(scope, receive, send))

        return Subject(step, watched(middleware, scope, *scope["headers"], *flat(scope["headers"])))

    return prepare


def flat(lines: Any) -> list[object]:
    """The names and values of header lines."""
    return [part for line in lines for part in line]


def new_request(
    make_scope: Callable[[int], Scope],
    application: ASGIApp = app,
    policy: corsac.CORSPolicy | None = POLICY,
    **options: Any,
) -> Callable[[], Subject]:
    """A request that is made anew each time, by its number."""

    def prepare() -> Subject:
        middleware = corsac.CORSMiddleware(application, policy, **options)
        numbers = itertools.count()

        def step(send: Send) -> None:
            drive(middleware(make_scope(next(numbers)), receive, send))

        return Subject(step, watched(middleware))

    return prepare


def failing(application: ASGIApp) -> Callable[[], Subject]:
    """A request whose application raises an error."""

    def prepare() -> Subject:
        middleware = corsac.CORSMiddleware(application, POLICY)
        scope = make_scope((b"origin", ORIGIN))

        def step(send: Send) -> None:
            try:
                awaitable = middleware(scope, receive, send)
            except PlannedError:
                return
            drive_to_error(awaitable)

        return Subject(step, watched(middleware, scope))

    return prepare


def in_event_loop(
    decide: Callable[[str], Any], make_origin: Callable[[int], bytes]
) -> Callable[[], Subject]:
    """A request as a task of an event loop, for functions that wait."""

    def prepare() -> Subject:
        middleware = corsac.CORSMiddleware(app, allow_origin_func=decide)
        numbers = itertools.count()
        loop = asyncio.new_event_loop()

        async def request(send: Send) -> None:
            await middleware(make_scope((b"origin", make_origin(next(numbers)))), receive, send)

        def step(send: Send) -> None:
            loop.run_until_complete(request(send))

        return Subject(step, watched(middleware, decide))

    return prepare


def cancelled_in_event_loop() -> Subject:
    """A task that is cancelled while the function that it waits for decides."""

    async def decide(origin: str) -> bool:
        await asyncio.get_running_loop().create_future()
        return True

    middleware = corsac.CORSMiddleware(app, allow_origin_func=decide)
    loop = asyncio.new_event_loop()
    scope = make_scope((b"origin", OTHER))

    async def request(send: Send) -> None:
        awaitable: Any = middleware(scope, receive, send)
        task = loop.create_task(awaitable)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    def step(send: Send) -> None:
        loop.run_until_complete(request(send))

    return Subject(step, watched(middleware, decide, scope))


def closed_halfway() -> Subject:
    """A request whose coroutine is closed while the application waits."""
    middleware = corsac.CORSMiddleware(wait_halfway, POLICY)
    scope = make_scope((b"origin", ORIGIN))

    def step(send: Send) -> None:
        coroutine: Any = middleware(scope, receive, send)
        coroutine.send(None)
        coroutine.close()

    return Subject(step, watched(middleware, scope))


def closed_unstarted() -> Subject:
    """Requests of which nothing ran: an actual one, and a preflight that is answered natively."""
    middleware = corsac.CORSMiddleware(app, POLICY)
    scopes = [make_scope((b"origin", ORIGIN)), preflight_scope(ORIGIN)]

    def step(send: Send) -> None:
        for scope in scopes:
            coroutine: Any = middleware(scope, receive, send)
            coroutine.close()

    return Subject(step, watched(middleware, *scopes))


def thrown_into() -> Subject:
    """A request into which an error is thrown while the application waits, as a server cancels."""
    middleware = corsac.CORSMiddleware(wait_halfway, POLICY)
    scope = make_scope((b"origin", ORIGIN))

    def step(send: Send) -> None:
        coroutine: Any = middleware(scope, receive, send)
        coroutine.send(None)
        try:
            coroutine.throw(PlannedError())
        except PlannedError:
            return

    return Subject(step, watched(middleware, scope))


def send_failing() -> Subject:
    """A request whose server cannot send any more."""

    async def broken_send(message: Message) -> None:
        raise PlannedError

    middleware = corsac.CORSMiddleware(app, POLICY)
    scopes = [make_scope((b"origin", ORIGIN)), preflight_scope(ORIGIN)]

    def step(send: Send) -> None:
        for scope in scopes:
            drive_to_error(middleware(scope, receive, broken_send))

    return Subject(step, watched(middleware, *scopes, broken_send))


def reconfigured_while_running() -> Subject:
    """A request that begins under one policy and ends under another."""
    middleware = corsac.CORSMiddleware(wait_halfway, POLICY)
    policies = itertools.cycle((POLICY, GUARDED))
    scope = make_scope((b"origin", ORIGIN))

    def step(send: Send) -> None:
        coroutine: Any = middleware(scope, receive, send)
        coroutine.send(None)
        middleware.reconfigure(next(policies))
        drive(coroutine)

    return Subject(step, [middleware, type(middleware), middleware._send_type, scope])


def new_policy_while_running() -> Subject:
    """A request whose policy is let go before it ends, and so must live on as long as it."""
    middleware = corsac.CORSMiddleware(wait_halfway, POLICY)
    scope = make_scope((b"origin", ORIGIN))

    def step(send: Send) -> None:
        rules = [("/api/*", ANYONE.replace(max_age=5)), ("/health", None)]
        middleware.reconfigure(POLICY.replace(max_age=5), rules=rules)
        coroutine: Any = middleware(scope, receive, send)
        coroutine.send(None)
        middleware.reconfigure(allow_origins=[ORIGIN.decode()])
        drive(coroutine)

    return Subject(step, [middleware, type(middleware), middleware._send_type, scope])


def new_middleware() -> Subject:
    """A middleware that is made for one request, of which a reference cycle is left."""
    scope = make_scope((b"origin", ORIGIN))

    def step(send: Send) -> None:
        middleware = corsac.CORSMiddleware(app, POLICY)
        middleware.__dict__["itself"] = middleware
        drive(middleware(scope, receive, send))

    return Subject(step, [corsac.CORSMiddleware, POLICY, POLICY._compiled, scope])


def refused_configuration() -> Subject:
    """A configuration with mistakes, put in place of a good one."""
    middleware = corsac.CORSMiddleware(app, POLICY)
    scope = make_scope((b"origin", ORIGIN))

    def step(send: Send) -> None:
        try:
            middleware.reconfigure(allow_origins=["https://App.Example.com/", "null"])
        except corsac.CORSConfigError:
            drive(middleware(scope, receive, send))

    return Subject(step, watched(middleware, scope))
