"""What is particular to ASGI: scopes, messages, odd containers, exceptions."""

from __future__ import annotations

import contextvars
import functools
import inspect
import operator
import sysconfig
import types
from collections.abc import Iterator
from typing import Any

import asgiref.sync
import pytest

import corsac
import corsac.asgi
from support.asgi import ALLOWED, BODY, OPTIONS, ORIGIN, START, app_sending, scope_with
from support.exchange import call_asgi, run_asgi

OPERATOR_CALL: Any = operator.call  # Its type does not know what is called here.
WITHOUT_GLOBAL_LOCK = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def headers_after(start: Any, headers: Any = ((b"origin", ORIGIN),)) -> Any:
    middleware = corsac.CORSMiddleware(app_sending(start, BODY), **OPTIONS)
    messages = run_asgi(middleware, scope_with(list(headers)))
    assert messages[1] == BODY
    return messages[0].get("headers")


def test_it_is_one_class_under_two_names() -> None:
    assert corsac.CORSMiddleware is corsac.asgi.CORSMiddleware


def test_calling_it_returns_what_the_application_returned() -> None:
    result = object()

    def app(scope: Any, receive: Any, send: Any) -> Any:
        return result

    middleware = corsac.CORSMiddleware(app, **OPTIONS)
    assert middleware(scope_with([(b"origin", ORIGIN)]), None, None) is result  # type: ignore[arg-type]
    assert middleware(scope_with([]), None, None) is result  # type: ignore[arg-type]


def test_servers_that_inspect_its_call_are_told_that_it_is_asynchronous() -> None:
    middleware = corsac.CORSMiddleware(app_sending(START, BODY), **OPTIONS)
    assert inspect.iscoroutinefunction(middleware.__call__)
    assert not inspect.iscoroutinefunction(corsac.CORSMiddleware.__call__)


def test_calling_its_call_attribute_does_the_same() -> None:
    middleware = corsac.CORSMiddleware(app_sending(START, BODY), **OPTIONS)
    messages = run_asgi(middleware.__call__, scope_with([(b"origin", ORIGIN)]))
    assert messages[0]["headers"] == [(b"x-app", b"1"), *ALLOWED]


def test_its_arguments_may_be_named() -> None:
    seen = []

    def app(*args: Any) -> Any:
        seen.append(args[0]["type"])

    middleware = corsac.CORSMiddleware(app, **OPTIONS)
    middleware(scope=scope_with([]), receive=None, send=None)  # type: ignore[arg-type]
    middleware(scope_with([]), send=None, receive=None)  # type: ignore[arg-type]
    assert seen == ["http", "http"]


@pytest.mark.parametrize("arguments", [(), ({},), ({}, None, None, None)])
def test_a_wrong_number_of_arguments_is_a_type_error(arguments: tuple[Any, ...]) -> None:
    middleware = corsac.CORSMiddleware(app_sending(), **OPTIONS)
    with pytest.raises(TypeError, match="scope, receive and send"):
        middleware(*arguments)
    with pytest.raises(TypeError, match="scope, receive and send"):
        middleware({}, None, elephant=None)  # type: ignore[call-arg, arg-type]


@pytest.mark.parametrize("kind", ["lifespan", "websocket", "something.new"])
def test_other_scopes_pass_through_untouched(kind: str) -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend((scope, receive, send))

    scope = scope_with([(b"origin", b"https://evil.example")], type=kind)

    async def receive() -> Any: ...

    async def send(message: Any) -> None: ...

    call_asgi(corsac.CORSMiddleware(app, **OPTIONS), scope, receive, send)
    assert [id(value) for value in seen] == [id(scope), id(receive), id(send)]


def test_a_scope_without_type_or_that_is_odd_reaches_the_application() -> None:
    seen = []

    def app(*args: Any) -> Any:
        seen.append(args[0])

    middleware = corsac.CORSMiddleware(app, **OPTIONS)
    for scope in ({}, {"type": 1}, {"type": None}, None, 7):
        middleware(scope, None, None)  # type: ignore[arg-type]
    assert seen == [{}, {"type": 1}, {"type": None}, None, 7]


# The request's headers


@pytest.mark.parametrize(
    "headers",
    [
        ((b"origin", ORIGIN),),
        [[b"origin", ORIGIN]],
        [(b"Origin", ORIGIN)],
        [(b"ORIGIN", bytearray(ORIGIN))],
        [(memoryview(b"origin"), memoryview(ORIGIN))],
        [("origin", ORIGIN.decode())],
        [(b"x",), None, 7, b"ab", "ab", (b"a", b"b", b"c"), (b"x", None), (b"origin", ORIGIN)],
    ],
    ids=lambda headers: type(headers).__name__,
)
def test_request_headers_are_read_from_odd_containers_too(headers: Any) -> None:
    middleware = corsac.CORSMiddleware(app_sending(START, BODY), **OPTIONS)
    messages = run_asgi(middleware, scope_with(headers))
    assert messages[0]["headers"] == [(b"x-app", b"1"), *ALLOWED]


def test_headers_that_can_be_read_only_once_still_reach_the_application() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend(scope["headers"])
        await send(START)

    def pairs() -> Iterator[tuple[bytes, bytes]]:
        yield (b"origin", ORIGIN)

    scope = scope_with(pairs())
    messages = run_asgi(corsac.CORSMiddleware(app, **OPTIONS), scope)
    assert seen == [(b"origin", ORIGIN)]
    assert messages[0]["headers"] == [(b"x-app", b"1"), *ALLOWED]


def test_the_guard_leaves_headers_that_can_be_read_only_once_to_the_application() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend(scope["headers"])

    scope = scope_with(iter([(b"origin", ORIGIN)]), type="websocket")
    run_asgi(corsac.CORSMiddleware(app, guard=True, **OPTIONS), scope)
    assert seen == [(b"origin", ORIGIN)]


@pytest.mark.parametrize("headers", [None, 7, object(), [], ()])
def test_no_request_headers_at_all_are_no_cors_request(headers: Any) -> None:
    middleware = corsac.CORSMiddleware(app_sending(START, BODY), **OPTIONS)
    scope = scope_with(headers)
    assert run_asgi(middleware, scope)[0]["headers"] == [(b"x-app", b"1"), (b"vary", b"Origin")]
    del scope["headers"], scope["method"]
    assert run_asgi(middleware, scope)[0]["headers"] == [(b"x-app", b"1"), (b"vary", b"Origin")]


@pytest.mark.parametrize("method", [None, 7, b"OPTIONS", "OPTIONS\udc80"])
def test_an_odd_method_is_no_preflight(method: Any) -> None:
    headers = [(b"origin", ORIGIN), (b"access-control-request-method", b"PUT")]
    middleware = corsac.CORSMiddleware(app_sending(START, BODY), **OPTIONS)
    messages = run_asgi(middleware, scope_with(headers, method=method))
    assert messages[0]["headers"] == [(b"x-app", b"1"), *ALLOWED]


@pytest.mark.parametrize("name", [b"origin", b"access-control-request-method", b"host", b"x"])
def test_values_of_64_kib_and_of_any_bytes_are_only_data(name: bytes) -> None:
    middleware = corsac.CORSMiddleware(app_sending(START, BODY), guard=True, **OPTIONS)
    for value in (b"", b"\x00", bytes(range(256)), b"a" * 65536, b"," * 65536, b"\xff" * 65536):
        for method in ("GET", "OPTIONS", "POST"):
            run_asgi(middleware, scope_with([(name, value)], method=method))
            run_asgi(middleware, scope_with([(b"origin", ORIGIN), (name, value)], method=method))


# The response's headers


def test_a_start_without_headers_gets_some() -> None:
    assert headers_after({"type": "http.response.start", "status": 200}) == ALLOWED
    assert headers_after({"type": "http.response.start", "status": 200, "headers": None}) == ALLOWED


def pairs_of_app() -> Iterator[tuple[bytes, bytes]]:
    yield (b"x-app", b"1")


@pytest.mark.parametrize(
    "headers",
    [
        ((b"x-app", b"1"),),
        [(b"x-app", b"1")],
        {b"x-app": b"1"}.items(),
        {(b"x-app", b"1")},
        pairs_of_app(),
    ],
    ids=lambda headers: type(headers).__name__,
)
def test_response_headers_may_stand_in_any_iterable(headers: Any) -> None:
    assert headers_after(START | {"headers": headers}) == [(b"x-app", b"1"), *ALLOWED]


def test_response_headers_that_are_no_iterable_are_left_to_the_server() -> None:
    assert headers_after(START | {"headers": 7}) == 7


@pytest.mark.parametrize("error", [KeyError, TypeError, ValueError])
def test_whatever_an_iterable_raises_while_it_is_read_comes_out(error: type[Exception]) -> None:
    def broken() -> Iterator[tuple[bytes, bytes]]:
        yield (b"access-control-allow-origin", b"*")
        raise error("from the application")

    with pytest.raises(error, match="from the application"):
        headers_after(START | {"headers": broken()})
    middleware = corsac.CORSMiddleware(app_sending(START, BODY), guard=True, **OPTIONS)
    with pytest.raises(error, match="from the application"):
        run_asgi(middleware, scope_with(broken()))


def test_send_is_known_as_a_coroutine_function() -> None:
    seen: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(asgiref.sync.iscoroutinefunction(send))
        await send(START)

    run_asgi(corsac.CORSMiddleware(app, **OPTIONS), scope_with([]))
    assert seen == [True]


def test_an_iterable_that_raises_raises_as_it_would_without_the_middleware() -> None:
    def broken() -> Iterator[tuple[bytes, bytes]]:
        yield (b"x-app", b"1")
        raise KeyError("from the application")

    with pytest.raises(KeyError, match="from the application"):
        headers_after(START | {"headers": broken()})


def test_what_is_no_header_line_is_left_to_the_server_but_owned_names_are_not() -> None:
    odd: list[Any] = [None, 7, (b"x",), [b"x-list", b"1"], ("x-text", "1"), (b"x", None), b"ab"]
    owned: list[Any] = [
        ["Access-Control-Allow-Origin", "*"],
        (bytearray(b"Access-Control-Allow-Origin"), memoryview(b"*")),
        (b"access-control-allow-credentials", None),
    ]
    expected: list[Any] = [*odd, *ALLOWED]
    if WITHOUT_GLOBAL_LOCK:  # Another thread could change that pair, so a copy is sent.
        expected[3] = (b"x-list", b"1")
    assert headers_after(START | {"headers": [*odd, *owned]}) == expected


def test_neither_the_message_nor_its_headers_are_changed_in_place() -> None:
    headers = [(b"x-app", b"1"), (b"Vary", b"Accept"), (b"Access-Control-Allow-Origin", b"*")]
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    middleware = corsac.CORSMiddleware(app_sending(start, BODY), **OPTIONS)
    for _ in range(3):
        messages = run_asgi(middleware, scope_with([(b"origin", ORIGIN)]))
        assert [name for name, _ in messages[0]["headers"]].count(b"vary") == 1
    assert headers == [
        (b"x-app", b"1"),
        (b"Vary", b"Accept"),
        (b"Access-Control-Allow-Origin", b"*"),
    ]
    assert start["headers"] is headers


@pytest.mark.parametrize(
    "call",
    [
        lambda send, messages: send(*messages),
        lambda send, messages: send(**dict(zip(["message"], messages, strict=True))),
        lambda send, messages: functools.partial(send, *messages)(),
        lambda send, messages: functools.partial(send)(*messages),
        lambda send, messages: operator.call(send, *messages),
        lambda send, messages: OPERATOR_CALL(*(send, messages[0])),
        lambda send, messages: functools.partial(OPERATOR_CALL, send, *messages)(),
        lambda send, messages: operator.methodcaller("__call__", *messages)(send),
        lambda send, messages: next(map(send, messages)),
        lambda send, messages: types.MethodType(send, messages[0])(),
        lambda send, messages: contextvars.Context().run(send, *messages),
        lambda send, messages: send.__call__(*messages),
        lambda send, messages: send(messages[0]),
    ],
)
def test_a_message_that_is_kept_somewhere_is_not_changed_in_place(call: Any) -> None:
    def fresh_messages() -> list[tuple[dict[str, Any]]]:
        return [({**START, "headers": [(b"x-app", b"1")]},), ({**BODY},)]

    messages = fresh_messages()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await call(send, message)

    policy = corsac.CORSPolicy(**OPTIONS)
    middleware = corsac.CORSMiddleware(app, policy, rules=[("/own", None)])
    assert run_asgi(middleware, scope_with([(b"origin", ORIGIN)]))[0]["headers"][1:] == ALLOWED
    assert messages == fresh_messages()
    assert run_asgi(middleware, scope_with([], path="/own")) == [START, BODY]


def test_a_message_that_a_method_call_keeps_is_not_changed_in_place() -> None:
    def fresh_start() -> dict[str, Any]:
        return {**START, "headers": [(b"x-app", b"1")]}

    start = operator.methodcaller("send", fresh_start())

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(types.SimpleNamespace(send=send))

    policy = corsac.CORSPolicy(**OPTIONS)
    middleware = corsac.CORSMiddleware(app, policy, rules=[("/own", None)])
    for _ in range(3):
        run_asgi(middleware, scope_with([(b"origin", ORIGIN)]))
    assert run_asgi(middleware, scope_with([], path="/own")) == [fresh_start()]


def test_a_message_made_for_the_call_is_sent_with_its_other_fields() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        kept = [(b"x-app", b"1")]
        await send({"type": "http.response.start", "status": 200, "headers": kept, "x": 1})
        assert kept == [(b"x-app", b"1")]
        await send({"type": "http.response.start", "headers": list(kept), "status": 200})
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-app", b"1")]})

    sent = run_asgi(corsac.CORSMiddleware(app, **OPTIONS), scope_with([(b"origin", ORIGIN)]))
    start = {"type": "http.response.start", "status": 200, "headers": [(b"x-app", b"1"), *ALLOWED]}
    assert sent == [{**start, "x": 1}, start, start]


def test_a_hostile_neighbour_cannot_change_later_answers() -> None:
    async def spoiling_send(message: Any) -> None:
        if "headers" in message:
            message["headers"].clear()
            message["status"] = 500

    def preflight() -> dict[str, Any]:
        headers = [(b"origin", ORIGIN), (b"access-control-request-method", b"PUT")]
        return scope_with(headers, method="OPTIONS")

    async def receive() -> Any: ...

    middleware = corsac.CORSMiddleware(app_sending(START, BODY), **OPTIONS)
    before = run_asgi(middleware, preflight())
    call_asgi(middleware, preflight(), receive, spoiling_send)
    assert run_asgi(middleware, preflight()) == before


def test_other_fields_of_the_start_and_other_messages_pass_through() -> None:
    messages: list[dict[str, Any]] = [
        {"type": "http.response.early_hint", "links": [b"</a>"]},
        {"type": "http.response.start", "status": 200, "trailers": True, "x": 1},
        {"type": "http.response.body", "body": b"1", "more_body": True},
        {"type": "http.response.pathsend", "path": "/x"},
        {"type": "http.response.trailers", "headers": [(b"a", b"b")], "more_trailers": False},
        {"no": "type"},
    ]
    sent = run_asgi(
        corsac.CORSMiddleware(app_sending(*messages), **OPTIONS), scope_with([(b"origin", ORIGIN)])
    )
    changed = {"type": "http.response.start", "status": 200, "trailers": True, "x": 1}
    assert sent == [messages[0], changed | {"headers": ALLOWED}, *messages[2:]]
    assert sent[0] is messages[0]


def test_send_returns_what_the_servers_send_returned_and_takes_a_name() -> None:
    results: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        results.append(await send(message=START))
        results.append(await send(BODY))
        with pytest.raises(TypeError):
            await send()

    async def send(message: Any) -> Any:
        return message["type"]

    async def receive() -> Any: ...

    middleware = corsac.CORSMiddleware(app, **OPTIONS)
    call_asgi(middleware, scope_with([]), receive, send)
    assert results == ["http.response.start", "http.response.body"]


def test_an_application_that_sends_nothing_or_raises_does_so_as_without_the_middleware() -> None:
    async def silent(scope: Any, receive: Any, send: Any) -> None: ...

    async def failing(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError("from the application")

    def failing_at_once(scope: Any, receive: Any, send: Any) -> Any:
        raise LookupError("from the application")

    scope = scope_with([(b"origin", ORIGIN)])
    assert run_asgi(corsac.CORSMiddleware(silent, **OPTIONS), scope) == []
    for app in (failing, failing_at_once):
        with pytest.raises(LookupError, match="from the application"):
            run_asgi(corsac.CORSMiddleware(app, **OPTIONS), scope)
