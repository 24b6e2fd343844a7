"""Rules are compared with the path that the router uses, whoever takes the beginning off it."""

from __future__ import annotations

import copy
import functools
import logging
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.testclient import TestClient

import corsac
from corsac._root_path import root_path_owner
from corsac.starlette import cors, install

ORIGIN, ADMIN = "https://evil.example", "https://admin.example.com"
STAR = corsac.CORSPolicy(allow_origins=["*"])
STRICT = corsac.CORSPolicy(allow_origins=[ADMIN])
RULES = [("/admin/*", STRICT)]


def make(root_path: str = "/shop") -> FastAPI:
    app = FastAPI()
    app.root_path = root_path  # Its argument is deprecated, the attribute is what it sets.
    app.get("/admin/x")(lambda: "admin")
    app.get("/open")(lambda: "open")
    return app


class Wrapper:
    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


class OtherName:
    def __init__(self, app: Any) -> None:
        self.other_asgi_app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.other_asgi_app(scope, receive, send)


def outside(app: FastAPI) -> Any:
    return corsac.CORSMiddleware(app, STAR, rules=RULES)


def outside_of_wrappers(app: FastAPI) -> Any:
    return corsac.CORSMiddleware(Wrapper(OtherName(Wrapper(app))), STAR, rules=RULES)


def outside_of_another(app: FastAPI) -> Any:
    inner = corsac.CORSMiddleware(app, rules=[("/nothing", None)])
    return corsac.CORSMiddleware(inner, STAR, rules=RULES)


def added(app: FastAPI) -> Any:
    app.add_middleware(corsac.CORSMiddleware, policy=STAR, rules=RULES)
    return app


def installed(app: FastAPI) -> Any:
    install(app, STAR, rules=RULES)
    return app


def mounted(app: FastAPI) -> Any:
    outer = Starlette()
    outer.mount("/", outside(app))
    return outer


def travelled(app: FastAPI) -> Any:
    return copy.copy(outside(app))


class HiddenName:
    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)


def outside_of_a_function(app: FastAPI) -> Any:
    async def traced(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return corsac.CORSMiddleware(traced, STAR, rules=RULES)


def outside_of_a_partial(app: FastAPI) -> Any:
    return corsac.CORSMiddleware(functools.partial(app), STAR, rules=RULES)


def outside_of_a_method(app: FastAPI) -> Any:
    return corsac.CORSMiddleware(HiddenName(app.__call__).__call__, STAR, rules=RULES)


EVERY_PLACE = [
    outside,
    outside_of_a_function,
    outside_of_a_partial,
    outside_of_a_method,
    outside_of_wrappers,
    outside_of_another,
    added,
    installed,
    mounted,
    travelled,
]


def who_may_read(app: Any, path: str, server: str = "") -> tuple[int, str | None]:
    """The status, and what an origin is told that is not the admin's."""
    client = TestClient(app, root_path=server)
    response = client.get(path, headers={"Origin": ORIGIN})
    return response.status_code, response.headers.get("access-control-allow-origin")


@pytest.mark.parametrize("place", EVERY_PLACE)
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/shop/admin/x", (200, None)),  # The proxy has left the prefix.
        ("/admin/x", (200, None)),  # The proxy has taken it off.
        ("/shop/open", (200, "*")),
        ("/open", (200, "*")),
        ("/shop", (404, "*")),
        ("/shopping/admin/x", (404, "*")),  # No segment border: the router sees it whole.
        ("/shop/shop/admin/x", (404, "*")),
    ],
)
def test_the_applications_root_path_counts(
    place: Callable[[FastAPI], Any], path: str, expected: tuple[int, str | None]
) -> None:
    assert who_may_read(place(make()), path) == expected


@pytest.mark.parametrize("place", [outside, added, installed])
def test_the_applications_goes_before_the_servers(place: Callable[[FastAPI], Any]) -> None:
    assert who_may_read(place(make()), "/shop/admin/x", server="/shop") == (200, None)
    # FastAPI replaces the server's; without one of its own it keeps that.
    assert who_may_read(place(make()), "/server/admin/x", server="/server") == (404, "*")
    assert who_may_read(place(make("")), "/server/admin/x", server="/server") == (200, None)
    assert who_may_read(place(make("")), "/shop/admin/x", server="/server") == (404, "*")


def test_it_is_read_for_each_request() -> None:
    app = make("")
    served = outside(app)
    app.root_path = "/late"
    assert who_may_read(served, "/late/admin/x") == (200, None)


def test_preflight_requests_handshakes_and_trials_follow_too() -> None:
    app = make()
    on_trial = [("/admin/*", corsac.CORSPolicy(allow_origins=[ADMIN], guard=True))]
    served = corsac.CORSMiddleware(
        app, STAR, rules=RULES, report_only=STAR, report_only_rules=on_trial
    )
    client = TestClient(served)
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
    assert client.options("/shop/admin/x", headers=asked).status_code == 403
    assert client.options("/shop/open", headers=asked).status_code == 204
    client.get("/shop/admin/x", headers={"Origin": ADMIN})
    assert served.report_only_counters()["actual_allowed"] == 1
    assert served.report_only_refusal_counters()["preflight", "origin-not-allowed"] == 1


@pytest.mark.parametrize("place", [outside, outside_of_wrappers, lambda app: install(app, STAR)])
def test_explain_says_what_happens(place: Callable[[FastAPI], Any]) -> None:
    cors(allow_origins=[])(lambda: None)  # A mark of somebody else decides nothing here.
    middleware = place(make())
    middleware.reconfigure(STAR, rules=RULES)
    for path in ("/shop/admin/x", "/admin/x", "/shop/open"):
        explained = middleware.explain("GET", {"Origin": ORIGIN}, path)
        assert explained.allowed is path.endswith("open"), path


class Broken(FastAPI):
    """Its root path cannot be read."""

    @property
    def root_path(self) -> Any:
        raise LookupError("no root path")

    @root_path.setter
    def root_path(self, value: object) -> None:
        pass


def test_a_root_path_that_cannot_be_read_is_none() -> None:
    seen: list[str] = []

    async def send(message: Any) -> None:
        seen.append(message["type"])

    middleware = corsac.CORSMiddleware(Broken(), STAR, rules=RULES)
    scope = {"type": "http", "method": "OPTIONS", "path": "/admin/x"}
    headers = [(b"origin", ORIGIN.encode()), (b"access-control-request-method", b"GET")]
    coroutine: Any = middleware({**scope, "headers": headers}, None, send)  # type: ignore[arg-type]
    with pytest.raises(StopIteration):
        coroutine.send(None)
    assert seen == ["http.response.start", "http.response.body"]
    assert middleware.counters()["preflight_refused"] == 1


class Under:
    """Holds what it calls under a name that nobody else has for it."""

    def __init__(self, app: Any) -> None:
        self.the_next_one = app
        self.log = logging.getLogger("under")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.the_next_one(scope, receive, send)


class Slotted:
    __slots__ = ("target",)

    def __init__(self, app: Any) -> None:
        self.target = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.target(scope, receive, send)


class ByHost:
    def __init__(self, *apps: Any) -> None:
        self.apps = {f"{number}.test": app for number, app in enumerate(apps)}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.apps["0.test"](scope, receive, send)


def closing_over(app: Any) -> Any:
    target = app

    async def call(scope: Any, receive: Any, send: Any) -> None:
        await target(scope, receive, send)

    return call


HIDING: dict[str, Callable[[FastAPI], Any]] = {
    "under a name": Under,
    "in a slot": Slotted,
    "in a dictionary": ByHost,
    "in a cell": closing_over,
    "several": lambda app: Under(Slotted(Wrapper(closing_over(app)))),
}


@pytest.mark.parametrize("hide", HIDING.values(), ids=HIDING)
def test_it_is_found_whatever_the_wrapper_calls_it(hide: Callable[[FastAPI], Any]) -> None:
    app = outside(hide(make()))
    assert who_may_read(app, "/shop/admin/x") == (200, None)
    assert who_may_read(app, "/shop/open") == (200, "*")
    assert who_may_read(app, "/admin/x") == (200, None)


def test_where_a_wrapper_chooses_among_applications_the_servers_counts() -> None:
    app = corsac.CORSMiddleware(ByHost(make(), make("/other")), STAR, rules=RULES)
    assert who_may_read(app, "/shop/admin/x") == (200, "*")
    assert who_may_read(app, "/admin/x") == (200, None)


def test_what_refers_to_itself_or_raises_is_no_application() -> None:
    class Broken:
        def __init__(self) -> None:
            self.me = [self, self]

        @property
        def routes(self) -> Any:
            raise LookupError

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    corsac.CORSMiddleware(Broken(), STAR, rules=RULES)


def test_only_so_much_is_looked_through() -> None:
    crowd = Under(None)
    crowd.others = [Under(number) for number in range(1_000_000 // 100)]  # type: ignore[attr-defined]
    assert root_path_owner(crowd) is None
    app = make()
    assert root_path_owner(Under(app)) is app
