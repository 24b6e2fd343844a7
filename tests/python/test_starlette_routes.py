"""Policies of single routes: `cors` and `cors_exempt`, honoured by preflight requests too."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import fastapi.routing
import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Host, Match, Mount, Route, Router, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket

import corsac
from corsac.starlette import cors, cors_exempt, install, place
from corsac.starlette.marks import Mark, mark_of, marks

ORIGIN = "https://app.example.com"
OTHER = "https://other.example"
POLICY = corsac.CORSPolicy(allow_origins=[ORIGIN], allow_methods=["PUT"])
ANYONE = corsac.CORSPolicy(allow_origins=["*"])
OTHERS = corsac.CORSPolicy(allow_origins=[OTHER], allow_methods=["DELETE"])


BY_REFERENCE = pytest.mark.skipif(
    not hasattr(fastapi.routing, "iter_route_contexts"),
    reason="older versions of FastAPI copy the routes of a router",
)


async def plain(request: Request) -> Response:
    return PlainTextResponse("plain")


@cors(ANYONE)
async def public(request: Request) -> Response:
    return PlainTextResponse("public")


@cors_exempt
async def exempt(request: Request) -> Response:
    return PlainTextResponse("exempt", headers={"access-control-allow-origin": "by hand"})


@cors(OTHERS)
async def others(request: Request) -> Response:
    return PlainTextResponse("others")


def client_of(app: Any, **options: Any) -> TestClient:
    return TestClient(app, raise_server_exceptions=False, follow_redirects=False, **options)


def decided(client: TestClient, path: str, method: str = "GET", **headers: str) -> str | None:
    """Who decides, the same for a request and for the preflight request that announces it."""
    lines = {"Origin": OTHER, **headers}
    actual = client.request(method, path, headers=lines)
    asked = client.options(path, headers={**lines, "Access-Control-Request-Method": method})
    allow_origin = actual.headers.get("access-control-allow-origin")
    if asked.status_code in {204, 403}:
        assert asked.headers.get("access-control-allow-origin") == allow_origin
        assert ("vary" in asked.headers) == ("vary" in actual.headers)
    return {None: "policy", "*": "anyone", OTHER: "others", "by hand": "exempt"}[allow_origin]


def starlette_app(*routes: BaseRoute, **options: Any) -> TestClient:
    app = Starlette(routes=routes)
    install(app, POLICY, **options)
    return client_of(app)


def test_functions_decide_for_their_routes() -> None:
    client = starlette_app(
        Route("/plain", plain),
        Route("/public", public),
        Route("/exempt", exempt, methods=["GET", "OPTIONS"]),
        Route("/others/{name}", others),
    )
    assert decided(client, "/plain") == "policy"
    assert decided(client, "/public") == "anyone"
    assert decided(client, "/exempt") == "exempt"
    assert decided(client, "/others/x") == "others"
    assert decided(client, "/no-such-path") == "policy"
    asked = {"Origin": OTHER, "Access-Control-Request-Method": "GET"}
    assert client.options("/exempt", headers=asked).text == "exempt"


def test_a_preflight_finds_the_route_of_the_announced_method() -> None:
    client = starlette_app(
        Route("/item", public, methods=["GET"]),
        Route("/item", others, methods=["DELETE"]),
        Route("/item", plain, methods=["PUT"]),
    )
    assert decided(client, "/item", "GET") == "anyone"
    assert decided(client, "/item", "HEAD") == "anyone"
    assert decided(client, "/item", "DELETE") == "others"
    assert decided(client, "/item", "PUT") == "policy"
    # The first route of the path answers 405.
    assert decided(client, "/item", "PATCH") == "anyone"
    # No preflight request: it is an OPTIONS of its own.
    assert client.options("/item", headers={"Origin": OTHER}).status_code == 405


class Endpoint(HTTPEndpoint):
    async def get(self, request: Request) -> Response:
        return PlainTextResponse("get")

    @cors(OTHERS)
    async def delete(self, request: Request) -> Response:
        return PlainTextResponse("deleted")


@cors(ANYONE)
class MarkedEndpoint(Endpoint):
    pass


def test_classes_and_their_methods_decide() -> None:
    client = starlette_app(Route("/plain", Endpoint), Route("/marked", MarkedEndpoint))
    assert decided(client, "/plain") == "policy"
    assert decided(client, "/plain", "DELETE") == "others"
    assert decided(client, "/marked") == "anyone"
    assert decided(client, "/marked", "HEAD") == "anyone"
    assert decided(client, "/marked", "DELETE") == "others"
    assert decided(client, "/marked", "PUT") == "anyone"


class Dispatching(HTTPEndpoint):
    """Answers methods that Starlette's own classes refuse."""

    async def dispatch(self) -> None:
        handler = getattr(self, self.scope["method"].lower())
        response = await handler(Request(self.scope))
        await response(self.scope, self.receive, self.send)

    async def get(self, request: Request) -> Response:
        return PlainTextResponse("get")

    @cors(OTHERS)
    async def query(self, request: Request) -> Response:
        return PlainTextResponse("found")

    @cors(ANYONE)
    async def propfind(self, request: Request) -> Response:
        return PlainTextResponse("properties")


def test_any_method_of_a_class_may_be_marked() -> None:
    client = starlette_app(Route("/", Dispatching))
    assert decided(client, "/", "PROPFIND") == "anyone"
    assert decided(client, "/", "QUERY") == "others"
    assert decided(client, "/") == "policy"


def test_the_innermost_mark_decides() -> None:
    deep = Mount("/deep", routes=[Route("/public", public), Route("/plain", plain)])
    inner = Starlette(routes=[Route("/plain", plain), Route("/public", public), deep])
    client = starlette_app(
        cors(OTHERS)(Mount("/mount", inner)),
        Mount("/app", cors(OTHERS)(Starlette(routes=[Route("/plain", plain)]))),
        Mount("/router", cors(ANYONE)(Router([Route("/plain", plain)]))),
        cors(OTHERS)(Route("/route", plain)),
        Mount("/files", cors(ANYONE)(PlainTextResponse("no routes"))),
    )
    assert decided(client, "/mount/plain") == "others"
    assert decided(client, "/mount/public") == "anyone"
    assert decided(client, "/mount/deep/public") == "anyone"
    assert decided(client, "/mount/deep/plain") == "others"
    assert decided(client, "/mount/none") == "others"
    assert decided(client, "/app/plain") == "others"
    assert decided(client, "/router/plain") == "anyone"
    assert decided(client, "/route") == "others"
    assert decided(client, "/files/x") == "anyone"


@BY_REFERENCE
def test_fastapi_path_operations_and_routers_decide() -> None:
    app, router, nested = FastAPI(), APIRouter(prefix="/router"), APIRouter(prefix="/nested")

    @app.get("/above")
    @cors(ANYONE)
    async def above(number: int = 1) -> int:
        return number

    @cors(ANYONE)
    @app.get("/below")
    async def below(number: int = 1) -> int:
        return number

    @router.get("/plain/{number}")
    async def in_router(number: int) -> int:
        return number

    @router.delete("/plain/{number}")
    @cors(ANYONE)
    async def marked_in_router(number: int) -> int:
        return number

    @nested.get("/plain")
    async def in_nested() -> int:
        return 1

    @app.get("/plain")
    async def unmarked() -> int:
        return 1

    router.mount("/mount", cors(ANYONE)(Starlette(routes=[Route("/x", plain)])))
    router.include_router(nested)
    app.include_router(cors(OTHERS)(router), prefix="/v1")
    app.include_router(cors(ANYONE)(nested), prefix="/again")
    install(app, POLICY)
    client = client_of(app)
    assert client.get("/above?number=7").json() == 7
    assert decided(client, "/above") == "anyone"
    assert decided(client, "/below") == "anyone"
    assert decided(client, "/v1/router/plain/1") == "others"
    assert decided(client, "/v1/router/plain/1", "DELETE") == "anyone"
    assert decided(client, "/v1/router/nested/plain") == "anyone"
    assert client.get("/v1/mount/x").text == "plain"  # A router's own prefix is not for mounts.
    assert decided(client, "/v1/mount/x") == "anyone"
    assert decided(client, "/v1/mount/none") == "anyone"
    assert decided(client, "/again/nested/plain") == "anyone"
    assert decided(client, "/plain") == "policy"
    assert client.get("/openapi.json").status_code == 200


def test_a_redirect_to_another_slash_speaks_for_the_route_it_leads_to() -> None:
    routes = [Route("/public", public), Route("/others/", others)]
    client = starlette_app(*routes, Mount("/sub", routes=routes))
    for prefix in ("", "/sub"):
        assert client.get(f"{prefix}/public/").status_code == 307
        assert decided(client, f"{prefix}/public/") == "anyone"
        assert decided(client, f"{prefix}/others") == "others"


def test_a_mark_goes_before_the_rules() -> None:
    client = starlette_app(
        Route("/a/public", public), Route("/a/plain", plain), rules=[("/a/*", OTHERS)]
    )
    assert decided(client, "/a/public") == "anyone"
    assert decided(client, "/a/plain") == "others"


def test_a_host_decides_by_its_name() -> None:
    client = starlette_app(Host("public.example", Router([Route("/", public)])), Route("/", others))
    for _ in range(2):
        assert decided(client, "/", Host="public.example") == "anyone"
        assert decided(client, "/", Host="else.example") == "others"


class ByHeader(Route):
    """A class of routes that looks at more than the path."""

    def matches(self, scope: Any) -> Any:
        if (b"x-version", b"2") not in scope.get("headers", ()):
            return Match.NONE, {}
        return super().matches(scope)


def test_routes_that_look_at_more_than_the_path_are_asked_each_time() -> None:
    client = starlette_app(ByHeader("/", public), Route("/", others))
    for _ in range(2):
        assert decided(client, "/") == "others"
        assert decided(client, "/", **{"X-Version": "2"}) == "anyone"


def test_a_root_path_is_taken_off() -> None:
    app = Starlette(routes=[Route("/public", public), Route("/plain", plain)])
    install(app, POLICY)
    client = client_of(app, root_path="/behind")
    assert decided(client, "/behind/public") == "anyone"
    assert decided(client, "/behind/plain") == "policy"


def test_the_guard_of_a_route_guards_its_handshakes() -> None:
    @cors(allow_origins=[ORIGIN], guard=True)
    async def guarded(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    async def unguarded(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    client = starlette_app(WebSocketRoute("/a", guarded), WebSocketRoute("/b", unguarded))
    for path, origin in (("/a", ORIGIN), ("/b", OTHER)):
        with client.websocket_connect(path, headers={"Origin": origin}):
            pass
    with (
        pytest.raises(WebSocketDenialResponse),
        client.websocket_connect("/a", headers={"Origin": OTHER}),
    ):
        pass


def test_routes_of_the_lifespan_and_of_later_count() -> None:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.router.routes.append(Route("/public", public))
        yield

    inner = Router([Route("/plain", plain)])
    app = Starlette(lifespan=lifespan, routes=[Mount("/inner", inner)])
    install(app, POLICY)
    with client_of(app) as client:
        assert decided(client, "/public") == "anyone"
        assert decided(client, "/later") == "policy"
        app.add_route("/later", others)
        assert decided(client, "/later") == "others"
        assert decided(client, "/inner/later") == "policy"
        inner.add_route("/later", public)
        assert decided(client, "/inner/later") == "anyone"


def test_a_mark_that_comes_when_the_application_runs_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(marks, "exist", False)
    app = Starlette(routes=[Route("/plain", plain)])
    install(app, POLICY)
    client = client_of(app)
    assert decided(client, "/plain") == "policy"
    assert isinstance(app.middleware_stack, corsac.CORSMiddleware)  # No Python of ours on the way.

    @cors(OTHERS)
    async def late(request: Request) -> Response:
        return PlainTextResponse("late")

    assert decided(client, "/plain") == "policy"
    app.add_route("/late", late)
    assert decided(client, "/late") == "others"
    assert decided(client, "/plain") == "policy"


def test_a_route_in_the_place_of_another_has_its_own_mark() -> None:
    inner = Router([Route("/x", plain)])
    app = Starlette(routes=[Route("/a", public), Route("/b", plain), Mount("/inner", inner)])
    install(app, POLICY)
    client = client_of(app)
    assert [decided(client, path) for path in ("/a", "/b", "/inner/x")] == [
        "anyone",
        "policy",
        "policy",
    ]
    app.routes[0] = Route("/a", others)
    app.routes[1] = cors(ANYONE)(Route("/b", plain))  # It is equal to the one that was there.
    inner.routes[0] = Route("/x", exempt)
    assert [decided(client, path) for path in ("/a", "/b", "/inner/x")] == [
        "others",
        "anyone",
        "exempt",
    ]
    app.routes.reverse()
    assert decided(client, "/a") == "others"
    inner.routes = [Route("/x", public)]
    assert decided(client, "/inner/x") == "anyone"
    app.router.routes = [Route("/a", plain)]
    assert decided(client, "/a") == "policy"
    assert decided(client, "/b") == "policy"


def test_requests_to_routes_are_counted_too() -> None:
    app = Starlette(routes=[Route("/public", public), Route("/plain", plain)])
    middleware = install(app, POLICY)
    client = client_of(app)
    for path in ("/public", "/public", "/plain"):
        client.get(path, headers={"Origin": OTHER})
    counters = middleware.counters()
    assert (counters["actual_allowed"], counters["actual_refused"]) == (2, 1)
    middleware.reconfigure(ANYONE)
    assert decided(client, "/plain") == "anyone"


def test_no_more_routes_are_remembered_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "ROUTE_CACHE_ENTRIES", 3)
    monkeypatch.setattr(place, "ROUTE_CACHE_KEY_LENGTH", len("GET/others/123"))
    app = Starlette(routes=[Route("/others/{name}", others)])
    install(app, POLICY)
    client = client_of(app)
    client.get("/others/1")
    select: Any = app.middleware_stack._in_use[1]  # type: ignore[union-attr]
    for name in ("2", "3", "4", "123"):
        assert client.get(f"/others/{name}", headers={"Origin": OTHER}).headers["vary"]
    assert select.cache_info().currsize == 3
    misses = select.cache_info().misses
    client.get("/others/123")
    assert select.cache_info().hits == 1
    client.get("/others/1234")  # One beyond the length.
    assert select.cache_info().misses == misses


def test_decorators_return_what_they_were_given() -> None:
    async def endpoint() -> None: ...

    assert cors(ANYONE)(endpoint) is endpoint
    assert mark_of(endpoint) == Mark(ANYONE)
    assert mark_of(functools.wraps(endpoint)(lambda: None)) == Mark(ANYONE)
    assert mark_of(functools.partial(endpoint)) == Mark(ANYONE)
    assert cors_exempt(endpoint) is endpoint
    assert mark_of(endpoint) == Mark(None)
    assert mark_of(None) is None
    assert mark_of(plain) is None


def test_a_router_of_a_fastapi_that_would_lose_its_mark_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(fastapi.routing, "iter_route_contexts", raising=False)
    with pytest.raises(TypeError, match=r"FastAPI 0\.137\.2 or newer"):
        cors(ANYONE)(APIRouter())
    assert mark_of(cors(ANYONE)(Router())) == Mark(ANYONE)


def test_mistakes_are_errors_where_they_are_made() -> None:
    with pytest.raises(corsac.CORSConfigError):
        cors(allow_origins=["https://app.example.com/"])
    with pytest.raises(TypeError, match=r"write @cors\(policy\)"):
        cors(plain)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="unknown option"):
        cors(origins=["*"])  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="not both"):
        cors(ANYONE, max_age=1)
    with pytest.raises(TypeError, match="cannot be marked"):
        cors(ANYONE)("/path")
    with pytest.raises(TypeError, match="decorates an endpoint"):
        cors_exempt("/path")
    with pytest.raises(TypeError, match="cannot be marked"):
        cors_exempt(MarkedEndpoint.get.__get__(1))
