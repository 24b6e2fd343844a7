"""Header containers, pairs and messages that run code of their own while they are read."""

from __future__ import annotations

import asyncio
import gc
import itertools
import subprocess
import sys
from collections import UserDict
from typing import Any

import pytest

from corsac import CORSMiddleware, CORSPolicy
from support.asgi import ALLOWED, BODY, OPTIONS, ORIGIN, START, app_sending, scope_with
from support.exchange import run_asgi

EVIL = b"https://evil.example"


def headers_of(start: Any, request_headers: Any = ((b"origin", ORIGIN),)) -> list[Any]:
    middleware = CORSMiddleware(app_sending(start, BODY), **OPTIONS)
    messages = run_asgi(middleware, scope_with(list(request_headers)))
    headers: list[Any] = messages[0]["headers"]
    return headers


def test_a_pair_that_drops_the_lines_before_it_takes_nothing_from_the_request() -> None:
    lines: list[Any] = []

    class Dropping(tuple[bytes, bytes]):
        __slots__ = ()

        def __iter__(self) -> Any:
            lines[0] = None
            return iter((b"x", b"y"))

    lines += [(b"origin", bytes(bytearray(ORIGIN))), Dropping((b"x", b"y"))]
    middleware = CORSMiddleware(app_sending(START, BODY), **OPTIONS)
    headers = dict(run_asgi(middleware, scope_with(lines))[0]["headers"])
    assert headers[b"access-control-allow-origin"] == ORIGIN


def fresh(text: bytes) -> bytes:
    """An object that nothing else refers to, so that its memory is used anew once it is gone."""
    return bytes(bytearray(text))


def test_a_function_that_empties_the_request_s_headers_does_not_change_the_answer() -> None:
    lines: list[Any] = []
    junk: list[Any] = []

    def allow(origin: str) -> bool:
        lines.clear()
        junk[:] = [fresh(b"x-evil-header-nr-%04d" % number) for number in range(500)]
        return True

    middleware = CORSMiddleware(
        app_sending(START, BODY),
        allow_origin_func=allow,
        allow_credentials=True,
        allow_headers=["*"],
        allow_methods=["*"],
    )
    for number in range(20):
        origin = fresh(b"https://good%02d.example.com" % number)
        method, name = fresh(b"METHOD%04d" % number), fresh(b"x-good-header-nr-%04d" % number)
        lines[:] = [
            (b"origin", origin),
            (b"access-control-request-method", method),
            (b"access-control-request-headers", name),
        ]
        scope = scope_with(lines, method="OPTIONS")
        headers = dict(run_asgi(middleware, scope)[0]["headers"])
        assert headers[b"access-control-allow-origin"] == b"https://good%02d.example.com" % number
        assert headers[b"access-control-allow-methods"] == b"METHOD%04d" % number
        assert headers[b"access-control-allow-headers"] == b"x-good-header-nr-%04d" % number


def test_a_garbage_collection_may_change_the_headers_at_any_moment() -> None:
    lines: list[Any] = []
    junk: list[Any] = []

    def change(phase: str, info: Any) -> None:
        lines.clear()
        junk[:] = [fresh(b"https://evil%02d.example.org" % number) for number in range(50)]

    options: Any = {"allow_credentials": True, "allow_headers": ["*"], "allow_methods": ["*"]}
    origins = [f"https://good{number:02}.example.com" for number in range(40)]
    middleware = CORSMiddleware(app_sending(START, BODY), allow_origins=origins, **options)
    old = gc.get_threshold()
    for method in ("OPTIONS", "GET"):
        for number in range(40):
            origin = b"https://good%02d.example.com" % number
            lines[:] = [
                (b"origin", fresh(origin)),
                (b"access-control-request-method", fresh(b"METHOD%04d" % number)),
                (b"access-control-request-headers", fresh(b"x-good-header-nr-%04d" % number)),
            ]
            scope = scope_with(lines, method=method)
            gc.callbacks.append(change)
            gc.set_threshold(1)
            try:
                headers = dict(run_asgi(middleware, scope)[0].get("headers", ()))
            finally:
                gc.set_threshold(*old)
                gc.callbacks.remove(change)
            assert headers.get(b"access-control-allow-origin") in {None, origin}
            asked = headers.get(b"access-control-allow-methods")
            assert asked in {None, b"METHOD%04d" % number}


def test_a_scope_that_drops_the_headers_when_asked_for_the_method_is_no_danger() -> None:
    junk: list[Any] = []

    class Scope(UserDict[str, Any]):
        def __getitem__(self, key: str) -> Any:
            if key == "method":
                self.data["headers"].clear()
                junk[:] = [fresh(EVIL) for _ in range(500)]
            return self.data[key]

    middleware = CORSMiddleware(app_sending(START, BODY), guard=True, **OPTIONS)
    for _ in range(20):
        scope: Any = Scope(scope_with([(b"origin", fresh(ORIGIN))]))
        headers = dict(run_asgi(middleware, scope)[0]["headers"])
        assert headers.get(b"access-control-allow-origin") in {None, ORIGIN}


@pytest.mark.parametrize("allowed_hosts", [None, ["api.example.com"]])
@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("cookie", b"a=b", 403),
        ("cookie", bytearray(b"a=b"), 403),
        ("cookie", "a=b", 403),
        ("cookie", object(), 403),
        ("sec-fetch-site", bytearray(b"same-origin"), 200),
        ("sec-fetch-site", "same-origin", 200),
        ("sec-fetch-site", memoryview(b"cross-site"), 200),
        ("x-cookie", object(), 200),
    ],
)
def test_a_guard_reads_lines_whose_values_are_no_bytes(
    name: str, value: Any, status: int, allowed_hosts: Any
) -> None:
    policy = CORSPolicy(allow_origins=[ORIGIN.decode()], guard=True)
    middleware = CORSMiddleware(app_sending(START, BODY), policy, allowed_hosts=allowed_hosts)
    lines = [
        (b"host", b"api.example.com"),
        (b"sec-fetch-mode", b"cors"),
        (b"origin", ORIGIN),
        (name.encode(), value),
        (b"access-control-request-method", b"POST"),
    ]
    for scope in (
        scope_with(lines, method="POST"),
        scope_with(tuple(lines), method="PUT"),
        scope_with(iter(lines), method="DELETE"),
    ):
        assert run_asgi(middleware, scope)[0]["status"] == status


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_guard_takes_the_origin_that_was_decided_about(method: str) -> None:
    """Reading the method, or a line of the guard, changes the headers to those of another page."""
    lines: list[Any] = []

    class Scope(UserDict[str, Any]):
        def __getitem__(self, key: str) -> Any:
            if key in {"method", "scheme"}:
                lines[:] = [(b"origin", fresh(ORIGIN))]
            return self.data[key]

    middleware = CORSMiddleware(app_sending(START, BODY), guard=True, **OPTIONS)
    for _ in range(20):
        lines[:] = [(b"origin", fresh(EVIL)), (b"cookie", bytearray(b"a=b"))]
        scope: Any = Scope(scope_with(lines, method=method))
        scope.data["headers"] = lines
        messages = run_asgi(middleware, scope)
        assert messages[0]["status"] == (200 if method == "GET" else 403)
        assert b"access-control-allow-origin" not in dict(messages[0]["headers"])


def test_an_answer_about_one_origin_is_not_used_for_another() -> None:
    lines = [(b"origin", b"https://good.example.com")]

    async def allow(origin: str) -> bool:
        lines[:] = [(b"origin", EVIL)]
        return origin == "https://good.example.com"

    middleware = CORSMiddleware(app_sending(START, BODY), allow_origin_func=allow)

    async def receive() -> Any: ...

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def request() -> None:
        await middleware(scope_with(lines), receive, send)

    asyncio.run(request())
    assert sent[0]["headers"] == [(b"x-app", b"1"), (b"vary", b"Origin")]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="__buffer__ came with Python 3.12")
def test_a_name_that_empties_its_own_pair_is_still_a_name() -> None:
    pair: list[Any] = []

    class Emptying:
        def __buffer__(self, flags: int) -> memoryview:
            pair.clear()
            return memoryview(b"vary")

    pair += [Emptying(), b"accept"]
    assert (b"access-control-allow-origin", ORIGIN) in headers_of(START | {"headers": [pair]})
    pair += [Emptying(), b"accept"]
    assert headers_of(START, [pair]) == [(b"x-app", b"1"), (b"vary", b"Origin")]


def test_what_was_judged_is_what_is_sent() -> None:
    class TwoFaced(tuple[bytes, bytes]):
        __slots__ = ()
        asked = 0

        def __iter__(self) -> Any:
            TwoFaced.asked += 1
            name = b"x-app" if TwoFaced.asked == 1 else b"access-control-allow-origin"
            return iter((name, b"*"))

    once = iter((b"x-once", b"1"))
    headers = headers_of(START | {"headers": [TwoFaced((b"a", b"b")), once]}, [(b"origin", EVIL)])
    assert headers == [(b"x-app", b"*"), (b"x-once", b"1"), (b"vary", b"Origin")]


@pytest.mark.parametrize("value", ["https://evil\u20ac.example", 5, None, object()])
def test_an_origin_line_that_cannot_be_read_makes_the_request_ambiguous(value: Any) -> None:
    for lines in (
        [(b"origin", value), (b"origin", ORIGIN)],
        [(b"origin", ORIGIN), ("origin", value)],
    ):
        assert headers_of(START, lines) == [(b"x-app", b"1"), (b"vary", b"Origin")]


@pytest.mark.parametrize(
    "name",
    [
        b"access-control-request-headers",
        b"x" * len(b"access-control-request-headers"),
        b"origin",
        b"x" * len(b"origin"),
    ],
)
@pytest.mark.parametrize("guard", [False, True])
def test_very_many_lines_with_names_as_long_as_one_of_the_protocol(
    name: bytes, guard: bool
) -> None:
    lines = [(b"origin", ORIGIN), (b"access-control-request-method", b"GET")]
    lines += [(name, bytes(bytearray(b"x-%d" % number))) for number in range(200)]
    middleware = CORSMiddleware(app_sending(START, BODY), guard=guard, **OPTIONS)
    allowed = [(b"x-app", b"1"), *(ALLOWED[:1] if name == b"origin" else ALLOWED)]
    assert run_asgi(middleware, scope_with(lines))[0]["headers"] == allowed
    answer = run_asgi(middleware, scope_with(lines, method="OPTIONS"))[0]
    assert answer["status"] == (403 if name == b"origin" else 204)


def test_a_mapping_of_headers_reaches_the_application_as_it_is() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["headers"])

    headers = {b"origin": ORIGIN}
    run_asgi(CORSMiddleware(app, **OPTIONS), scope_with(headers))
    assert seen[0] is headers


def test_an_interrupt_while_a_message_is_read_is_not_swallowed() -> None:
    class Interrupting(dict[str, Any]):
        pass

    class Key(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            raise KeyboardInterrupt

        def __hash__(self) -> int:
            return hash("type")

    message = Interrupting({Key("type"): "http.response.start"})
    with pytest.raises(KeyboardInterrupt):
        run_asgi(CORSMiddleware(app_sending(message), **OPTIONS), scope_with([]))


def test_a_subclass_that_forgets_to_call_init_is_told_so() -> None:
    class Forgetful(CORSMiddleware):
        def __init__(self) -> None:
            self.reconfigure(allow_origins=["*"])

    with pytest.raises(RuntimeError, match="__init__ was not called"):
        Forgetful()


def test_the_hidden_parts_cannot_be_exchanged_for_others() -> None:
    class Strange(CORSMiddleware):
        _send_type = int

    with pytest.raises(TypeError, match="_send_type"):
        Strange(app_sending(), **OPTIONS)
    middleware = CORSMiddleware(app_sending(), **OPTIONS)
    with pytest.raises(TypeError, match="must be a Routing"):
        middleware._put_in_force(None, None)  # type: ignore[arg-type]


def test_a_middleware_round_itself_ends_in_a_recursion_error() -> None:
    middleware: Any = CORSMiddleware.__new__(CORSMiddleware)
    middleware.__init__(middleware, **OPTIONS)
    with pytest.raises(RecursionError):
        middleware(scope_with([]), None, None)


@pytest.mark.parametrize(("layers", "works"), [(500, True), (501, False)])
def test_so_many_middlewares_may_stand_inside_one_another(layers: int, works: bool) -> None:
    def app(scope: Any, receive: Any, send: Any) -> Any:
        return "reached"

    for _ in range(layers):
        app = CORSMiddleware(app, **OPTIONS)
    if works:
        assert app(scope_with([]), None, None) == "reached"
    else:
        with pytest.raises(RecursionError):
            app(scope_with([]), None, None)


def test_a_thread_may_be_the_first_that_imports_it() -> None:
    program = (
        "import threading; t = threading.Thread(target=exec, args=('import corsac; "
        "print(corsac.CORSPolicy())',)); t.start(); t.join()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert (done.stdout, done.stderr) == ("CORSPolicy()\n", "")


def arranged(items: dict[str, Any], *, how: int) -> Any:
    """The same mapping, its keys in another place each time, or its class or keys others."""
    if how == 0:
        return dict(items)
    if how == 1:
        return dict(reversed(items.items()))
    if how == 2:  # More keys before them than anybody looks through.
        return {**{f"x.{number}": number for number in range(100)}, **items}
    if how == 3:
        holey = {**{f"x.{number}": number for number in range(10)}, **items}
        for number in range(10):
            del holey[f"x.{number}"]
        return holey
    if how == 4:  # Equal keys, which are other objects.
        return {"".join([*key]): value for key, value in items.items()}
    return UserDict(items)


def test_keys_are_found_wherever_they_stand_in_scopes_and_messages() -> None:
    message: Any = None

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(message)
        await send(BODY)

    middleware = CORSMiddleware(app, **OPTIONS)
    allowed, refused = scope_with([(b"origin", ORIGIN)]), scope_with([(b"origin", EVIL)])
    shapes = range(6)
    for of_scope, of_message, is_allowed in itertools.product(shapes, shapes, (True, False)):
        scope = arranged(allowed if is_allowed else refused, how=of_scope)
        message = arranged(START, how=of_message)
        sent = run_asgi(middleware, scope)
        assert sent[0]["status"] == START["status"]
        assert sent[0]["headers"] == [
            (b"x-app", b"1"),
            *(ALLOWED if is_allowed else [(b"vary", b"Origin")]),
        ], (scope, message)
        assert sent[1] == BODY
