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
from support.wsgi import environ_from

POLICY = corsac.CORSPolicy(allow_origins=[ORIGIN.decode()])
COMPILED = POLICY._compiled
ROUTING, _ = _core.compile_routing(fallback=COMPILED, patterns=["/a"], policies=[None])
ENVIRON = environ_from()
LINES = [(b"x-a", b"1")]
LISTS: dict[str, Any] = {
    name: []
    for name in ("allow_origins", "allow_methods", "allow_headers", "expose_headers", "tolerate")
}
FLAGS = dict.fromkeys(
    (
        "allow_credentials",
        "allow_private_network",
        "preflight_continue",
        "allow_timing",
        "always_send",
    ),
    False,
)
REQUEST: dict[str, Any] = {"policy": COMPILED, "method": "GET", "environ": ENVIRON}
ASKED: dict[str, Any] = {
    "origin": "https://a.test",
    "credentials_include": False,
    "method": "PUT",
    "headers": LINES,
    "use_cors_preflight": False,
    "engine": "standard",
    "url": "https://b.test/",
    "now": 0.0,
}


def some_of(arguments: dict[str, Any], *names: str, **more: Any) -> dict[str, Any]:
    return {name: arguments[name] for name in names} | more


CALLS: dict[str, dict[str, Any]] = {
    "compile_policy": LISTS
    | FLAGS
    | {
        "guard": (["https://a.test"], ["/a"], True, True),
        "max_age": 1,
        "preflight_status": 204,
        "app_headers": "replace",
        "decide_origin": None,
        "app_headers_log": None,
    },
    "compile_routing": {
        "fallback": COMPILED,
        "patterns": ["/a"],
        "policies": [COMPILED],
        "on_refusal": None,
        "report_only": ROUTING,
        "debug_header": "x-reason",
    },
    "compile_several": {"policies": [COMPILED, COMPILED]},
    "make_live_origins": {"allow_insecure": False},
    "with_live_origins": {
        "policy": COMPILED,
        "live": _core.make_live_origins(allow_insecure=False),
    },
    "select_member": {"policy": COMPILED, "environ": ENVIRON, "place": 0, "answer": None},
    "is_serialized_origin": {"origin": ORIGIN},
    "is_token": {"text": "PUT"},
    "is_forbidden_method": {"method": "trace"},
    "is_origin_entry": {"entry": "https://a.test"},
    "select_policy": {"routing": ROUTING, "path": "/a"},
    "match_rule": {"routing": ROUTING, "path": b"/a"},
    "check_host": {"routing": ROUTING, "lines": [b"a.test"]},
    "check_host_entries": {"entries": ["a.test", "*"]},
    "matches_origin_entry": {"entry": "https://a.test", "origin": ORIGIN},
    "decide_request": REQUEST | {"answer": None, "scheme": "https", "path": "/a"},
    "try_request": REQUEST | {"answer": None, "scheme": "https", "path": "/a"},
    "guard_problems": {"guard": (["https://a.test"], ["/a"], True, True)},
    "is_beyond_cors": {"environ": ENVIRON, "scheme": "https"},
    "make_preflight_cache": {"capacity": 4},
    "browser_request_method": {"method": "PUT"},
    "browser_request_headers": {
        "author": LINES,
        "content_type": b"",
        "no_cors": False,
        "engine": "standard",
    },
    "browser_unsafe_request_header_names": some_of(ASKED, "headers", "engine"),
    "browser_needs_preflight": some_of(ASKED, "method", "headers", "use_cors_preflight", "engine"),
    "browser_preflight_request_headers": some_of(ASKED, "origin", "method", "headers", "engine"),
    "browser_serialize_request_origin": some_of(ASKED, "origin", url_origins=["https://a.test"]),
    "browser_origin_header": some_of(
        ASKED,
        "origin",
        "method",
        "engine",
        url_origin="https://b.test",
        cors_tainting=True,
        cors_mode=True,
        referrer_policy="",
    ),
    "browser_is_redirect_status": {"status": 302},
    "browser_redirect_makes_get": {"status": 302, "method": "POST"},
    "browser_is_request_body_header_name": {"name": b"content-type"},
    "browser_is_bad_port": {"port": 22},
    "browser_serialize_origin": {"scheme": "https", "host": "a.test", "port": None},
    "browser_cors_check": some_of(ASKED, "origin", "credentials_include", response_headers=LINES),
    "browser_preflight_check": some_of(
        ASKED,
        "origin",
        "credentials_include",
        "method",
        "use_cors_preflight",
        "engine",
        request_headers=LINES,
        status=204,
        response_headers=LINES,
    ),
    "browser_readable_header_names": {"credentials_include": False, "response_headers": LINES},
    "browser_basic_readable_header_names": {"response_headers": LINES},
    "browser_redirect_location": {"response_headers": LINES, "engine": "standard"},
    "browser_resource_policy_blocks": {
        "same_origin": False,
        "same_site": False,
        "page_is_https": True,
        "response_is_https": True,
        "embedder_policy": "unsafe-none",
        "includes_credentials": False,
        "response_headers": LINES,
    },
    "browser_asks_for_password": {"status": 401, "response_headers": LINES},
    "browser_preflight_max_age": {"response_headers": LINES, "engine": "standard"},
}
"""Every function of the core with arguments that it takes."""

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
