"""The objects of the C++ core in Python: none is half made, and none keeps garbage alive."""

from __future__ import annotations

import functools
import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import corsac
import corsac.wsgi
from corsac import _core
from support.asgi import ORIGIN, app_sending, scope_with
from support.core_calls import CALLS, COMPILED, POLICY, ROUTING
from support.wsgi import environ_from

ANY_OBJECT = {"app_headers_log", "decide_origin", "on_refusal"}
"""Arguments that are kept and looked at when they are called."""
TYPES: list[Any] = [value for value in vars(_core).values() if isinstance(value, type)] + [
    _core.ASGIMiddleware._send_type,
    _core.WSGIMiddleware._start_response_type,
]
MIDDLEWARES = [_core.ASGIMiddleware, _core.WSGIMiddleware]


def half_made_objects() -> Iterator[Any]:
    """What `__new__` alone makes, of each type where it makes something."""
    for kind in [*TYPES, corsac.CORSMiddleware, corsac.wsgi.CORSMiddleware]:
        try:
            yield kind.__new__(kind)
        except TypeError:
            assert kind not in MIDDLEWARES


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind not in MIDDLEWARES])
def test_what_the_core_makes_is_made_by_nobody_else(kind: Any) -> None:
    for make in (kind, lambda: kind.__new__(kind), functools.partial(object.__new__, kind)):
        with pytest.raises(TypeError):
            make()
    with pytest.raises(TypeError):
        type.__new__(type(kind), "Derived", (kind,), {})


def test_every_function_of_the_core_is_called_here() -> None:
    functions = {
        name
        for name, value in vars(_core).items()
        if callable(value) and not isinstance(value, type)
    }
    assert functions == set(CALLS)
    for name, arguments in CALLS.items():
        getattr(_core, name)(**arguments)


@pytest.mark.parametrize("name", CALLS)
def test_a_half_made_object_is_not_taken_for_a_whole_one(name: str) -> None:
    for half_made in half_made_objects():
        for argument in CALLS[name]:
            if argument in ANY_OBJECT:
                continue
            for wrong in (half_made, [half_made], [(half_made, half_made)]):
                with pytest.raises(TypeError):
                    getattr(_core, name)(**CALLS[name] | {argument: wrong})
        # By place as well, where more of them are wrong at once.
        for count in range(1, 9):
            with pytest.raises(TypeError):
                getattr(_core, name)(*[half_made] * count)


@pytest.mark.parametrize("kind", MIDDLEWARES)
def test_a_half_made_middleware_says_so(kind: Any) -> None:
    middleware = kind.__new__(kind)
    for half_made in [*half_made_objects(), ROUTING, None]:
        calls: list[tuple[Callable[..., Any], list[Any]]] = [
            (middleware, [half_made] * 2),
            (middleware, [half_made] * 3),
            (middleware._put_in_force, [half_made] * 2),
            (middleware._put_in_force, [None, ROUTING]),
        ]
        for function, arguments in calls:
            with pytest.raises((TypeError, RuntimeError)):
                function(*arguments)
        if kind is _core.ASGIMiddleware:
            with pytest.raises(RuntimeError, match="__init__ was not called"):
                middleware._continue(ROUTING, -1, True, ORIGIN, half_made, half_made, half_made)
    assert middleware.app is middleware._configuration is None
    assert {count for *_, count in middleware._outcomes()} == {0}
    gc.collect()


def native_arguments(kind: Any, app: Any, routing: Any) -> list[Any]:
    functions = 3 if kind is _core.ASGIMiddleware else 2
    return [app, "configuration", routing, *[print] * functions, None, None]


@pytest.mark.parametrize("kind", MIDDLEWARES)
def test_an_init_that_fails_leaves_nothing_and_one_that_succeeds_is_the_last(kind: Any) -> None:
    middleware = kind.__new__(kind)
    for wrong in (None, COMPILED, kind.__new__(kind)):
        with pytest.raises(TypeError, match="routing must be a Routing"):
            middleware.__init__(*native_arguments(kind, print, wrong))
        assert middleware.app is middleware._configuration is None
    middleware.__init__(*native_arguments(kind, print, ROUTING))
    with pytest.raises(RuntimeError, match="__init__ was called before"):
        middleware.__init__(*native_arguments(kind, len, ROUTING))
    assert (middleware.app, middleware._configuration) == (print, "configuration")


@pytest.mark.parametrize("kind", [corsac.CORSMiddleware, corsac.wsgi.CORSMiddleware])
def test_a_middleware_in_use_stays_what_it_is_when_it_is_initialised_again(kind: Any) -> None:
    app, other = app_sending(), app_sending()
    middleware = kind(app, POLICY)
    with pytest.raises(RuntimeError, match="__init__ was called before"):
        middleware.__init__(other, allow_origins=["*"])
    assert (middleware.app, middleware.policy) == (app, POLICY)


class Marker:
    """Something that says whether it is still there."""


class ByteOrigin(bytes):
    """An Origin line that can refer to anything."""


class TextOrigin(str):
    """The same in WSGI."""


def ask_over_asgi(origin: Any, kept: Any, **options: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        kept.send = send

    async def send(message: Any) -> None: ...

    preflight = [(b"access-control-request-method", b"PUT")] if options else []
    method = "OPTIONS" if options else "GET"
    scope = scope_with([(b"origin", origin), *preflight], method=method)
    middleware: Any = corsac.CORSMiddleware(app, allow_origins=[str(origin, "ascii")], **options)
    with pytest.raises(StopIteration):
        middleware(scope, None, send).send(None)


def ask_over_wsgi(origin: Any, kept: Any, **options: Any) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        kept.send = start_response
        return ()

    changes = {"HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT", "REQUEST_METHOD": "OPTIONS"}
    environ = environ_from(origin, **(changes if options else {}))
    middleware: Any = corsac.wsgi.CORSMiddleware(app, allow_origins=[str(origin)], **options)
    middleware(environ, print)


@pytest.mark.parametrize("options", [{}, {"preflight_continue": True}])
@pytest.mark.parametrize(
    ("ask", "origin"),
    [(ask_over_asgi, ByteOrigin(ORIGIN)), (ask_over_wsgi, TextOrigin(ORIGIN.decode()))],
)
def test_an_origin_that_refers_to_what_sends_its_answer_is_collected(
    ask: Callable[..., None], origin: Any, options: Any
) -> None:
    alive = []
    for _ in range(20):
        line = type(origin)(origin)
        ask(line, line, **options)
        line.marker = Marker()
        alive.append(weakref.ref(line.marker))
        del line
    gc.collect()
    assert [reference() for reference in alive] == [None] * 20


@pytest.mark.parametrize("kind", ["policy", "log", "routing"])
def test_what_is_compiled_is_collected_with_the_function_that_it_asks(kind: str) -> None:
    class Owner:
        compiled: Any

        def allows(self, origin: str) -> bool:
            return True

        def refused(self, *args: Any) -> None: ...

    owner = Owner()
    if kind == "policy":
        owner.compiled = corsac.CORSPolicy(allow_origin_func=owner.allows)._compiled
    elif kind == "log":
        owner.compiled, _ = _core.compile_policy(
            **CALLS["compile_policy"] | {"app_headers_log": owner.refused}
        )
    else:
        owner.compiled, _ = _core.compile_routing(
            fallback=COMPILED, patterns=[], policies=[], on_refusal=owner.refused
        )
    alive = weakref.ref(owner)
    del owner
    gc.collect()
    assert alive() is None


def test_routings_are_compiled_of_policies_and_routings_alone() -> None:
    wanted: Any = {"fallback": None, "patterns": ["/a"], "policies": [None]}
    for wrong in (
        {"fallback": ROUTING},
        {"policies": [ROUTING]},
        {"policies": [POLICY]},
        {"report_only": COMPILED},
        {"report_only": POLICY},
    ):
        with pytest.raises(TypeError):
            _core.compile_routing(**wanted | wrong)
    with pytest.raises(ValueError, match="one policy for each pattern"):
        _core.compile_routing(**wanted | {"policies": []})


def test_strings_that_nothing_else_keeps_are_read_while_they_are_there() -> None:
    origins = [f"https://{'x' * 100}{number}.test" for number in range(100)]
    given: Any = (f"https://{'x' * 100}{number}.test" for number in range(100))
    assert _core.browser_serialize_request_origin("https://a.test", given) == (
        _core.browser_serialize_request_origin("https://a.test", origins)
    )


def test_what_a_strange_environ_raises_is_not_swallowed() -> None:
    class Key(str):
        __slots__ = ()

        def __hash__(self) -> int:
            return hash("HTTP_ORIGIN")

        def __eq__(self, other: object) -> bool:
            raise KeyError("not to be compared")

    environ: Any = {Key("strange"): "x"}
    for call in (
        lambda: _core.decide_request(COMPILED, "GET", environ),
        lambda: _core.try_request(COMPILED, "GET", environ),
        lambda: _core.is_beyond_cors(environ, "https"),
    ):
        with pytest.raises(KeyError, match="not to be compared"):
            call()


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("PUT", True),
        ("x-a", True),
        ("!#$%&'*+-.^_`|~09azAZ", True),
        ("", False),
        ("a b", False),
        ("a\n", False),
        ("\xe9", False),
        ("\u0100", False),
        ("\ud800", False),
    ],
)
def test_a_token_is_one_whatever_text_it_is_looked_for_in(text: str, is_one: bool) -> None:
    assert _core.is_token(text) is is_one


def test_what_no_page_can_send_is_no_method_for_a_page() -> None:
    asked = ["CONNECT", "trace", "Track", "TRACE ", "GET", "", "\u0100"]
    assert [_core.is_forbidden_method(method) for method in asked] == [True] * 3 + [False] * 4
