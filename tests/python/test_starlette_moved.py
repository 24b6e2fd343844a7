"""Middleware that hands a request to another route than it had asked for."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route, Router, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket

import corsac
from corsac._types import ASGIApp, Receive, Scope, Send
from corsac.starlette import cors, cors_exempt, install

ORIGIN = "https://app.example.com"
OTHER = "https://other.example"
ANYONE = corsac.CORSPolicy(allow_origins=["*"])
ALLOWED = {"access-control-allow-origin": ORIGIN, "vary": "Origin"}


class Moving:
    """Takes the version off a path.

    Args:
        app: The application.
        copies: Whether it hands on another scope, or changes the one that it has.
    """

    def __init__(self, app: ASGIApp, *, copies: bool) -> None:
        self.app = app
        self._copies = copies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and scope["path"].startswith("/v1/"):
            scope = {**scope} if self._copies else scope
            scope["path"] = scope["path"].removeprefix("/v1")
        await self.app(scope, receive, send)


async def plain(request: Request) -> Response:
    return PlainTextResponse("plain")


@cors(allow_origins=[ORIGIN], guard=True)
async def admin(request: Request) -> Response:
    return PlainTextResponse("admin")


@cors(ANYONE)
async def public(request: Request) -> Response:
    return PlainTextResponse("public")


@cors(allow_origins=[ORIGIN])
async def broken(request: Request) -> Response:
    raise RuntimeError


@cors_exempt
async def exempt(request: Request) -> Response:
    return PlainTextResponse("exempt", headers={"access-control-allow-origin": "by hand"})


@cors(allow_origins=[ORIGIN], guard=True)
async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


ROUTES = [
    Route("/plain", plain),
    Route("/admin", admin, methods=["GET", "POST"]),
    Route("/public", public),
    Route("/v1/plain", public),
    Route("/exempt", exempt),
    Route("/broken", broken),
    WebSocketRoute("/socket", socket),
]


@pytest.fixture(params=[True, False], ids=["copies", "changes"])
def app(request: pytest.FixtureRequest) -> Starlette:
    app = Starlette(routes=ROUTES)
    app.add_middleware(Moving, copies=request.param)
    return app


def cors_headers(app: Any, path: str, origin: str = OTHER, method: str = "GET") -> dict[str, str]:
    client = TestClient(app, raise_server_exceptions=False)
    headers = client.request(method, path, headers={"Origin": origin}).headers
    names = [name for name in headers if name.startswith("access-control-") or name == "vary"]
    assert len(names) == len(set(names))
    return {name: headers[name] for name in names}


def moved(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [text for text in caplog.messages if "changed the path" in text]


def test_the_route_that_was_asked_for_decides_about_the_response(app: Starlette) -> None:
    install(app, ANYONE)
    assert cors_headers(app, "/admin") == {"vary": "Origin"}
    assert cors_headers(app, "/admin", ORIGIN) == ALLOWED
    for path in ("/plain", "/v1/plain", "/v1/admin", "/v1/nothing"):
        assert cors_headers(app, path) == {"access-control-allow-origin": "*"}


def test_it_is_the_policy_that_answered_the_preflight_request(app: Starlette) -> None:
    install(app, allow_origins=[ORIGIN], debug_header=True)
    client = TestClient(app)
    for origin, status in ((ORIGIN, 204), (OTHER, 403)):
        asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
        assert client.options("/v1/public", headers=asked).status_code == status
    assert cors_headers(app, "/v1/public", ORIGIN) == ALLOWED
    assert cors_headers(app, "/v1/public") == {"vary": "Origin"}
    refused = client.get("/v1/public", headers={"Origin": OTHER}).headers
    assert refused["corsac-refused"] == "origin-not-allowed"


def test_no_route_is_left_alone_unless_its_own_path_is_asked_for(app: Starlette) -> None:
    install(app, allow_origins=[ORIGIN])
    assert cors_headers(app, "/v1/exempt") == {"vary": "Origin"}
    assert cors_headers(app, "/exempt") == {"access-control-allow-origin": "by hand"}


def test_an_error_of_the_route_that_was_reached_has_the_headers(app: Starlette) -> None:
    install(app, allow_origins=[ORIGIN])
    for path in ("/broken", "/v1/broken"):
        assert cors_headers(app, path, ORIGIN) == ALLOWED


def test_the_guard_of_the_path_that_was_asked_for_refuses(app: Starlette) -> None:
    install(app, allow_origins=[OTHER])
    client = TestClient(app)
    assert client.post("/admin", headers={"Origin": OTHER}).status_code == 403
    assert client.post("/v1/admin", headers={"Origin": OTHER}).text == "admin"
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        client.websocket_connect("/socket", headers={"Origin": OTHER}),
    ):
        pass
    assert refused.value.status_code == 403
    with client.websocket_connect("/v1/socket", headers={"Origin": OTHER}):
        pass


def test_the_log_says_once_that_the_middleware_belongs_outside(
    app: Starlette, caplog: pytest.LogCaptureFixture
) -> None:
    before = app.router.middleware_stack
    install(app, ANYONE)
    for path in ("/admin", "/plain", "/v1/nothing"):
        cors_headers(app, path, ORIGIN)  # Moved or not, the policy is that of the route.
    assert moved(caplog) == []
    for _ in range(2):
        cors_headers(app, "/v1/admin", ORIGIN)
        cors_headers(app, "/v1/broken", ORIGIN)
    (message,) = moved(caplog)
    assert "the policy for the path as it was asked for decides" in message
    assert "put that middleware outside" in message
    assert app.router.middleware_stack == before


def test_a_handshake_that_was_moved_is_said_too(
    app: Starlette, caplog: pytest.LogCaptureFixture
) -> None:
    install(app, ANYONE)
    with TestClient(app).websocket_connect("/v1/socket", headers={"Origin": ORIGIN}):
        pass
    assert len(moved(caplog)) == 1


def test_a_stack_that_is_built_anew_is_watched_anew(
    app: Starlette, caplog: pytest.LogCaptureFixture
) -> None:
    before = app.router.middleware_stack
    install(app, ANYONE)
    cors_headers(app, "/plain")
    app.middleware_stack = None
    cors_headers(app, "/v1/admin")
    assert len(moved(caplog)) == 1
    assert app.router.middleware_stack == before


def test_a_new_policy_of_the_application_holds_for_moved_requests_too(app: Starlette) -> None:
    middleware = install(app, allow_origins=[ORIGIN])
    assert cors_headers(app, "/v1/admin", ORIGIN) == ALLOWED
    middleware.reconfigure(ANYONE)
    assert cors_headers(app, "/v1/admin")["access-control-allow-origin"] == "*"


def test_applications_in_each_other_keep_their_requests_apart(
    app: Starlette, caplog: pytest.LogCaptureFixture
) -> None:
    install(app, ANYONE)
    outer = Starlette(routes=[Mount("/in", app=app), Route("/admin", admin)])
    outer.add_middleware(Moving, copies=True)
    install(outer, allow_origins=[OTHER])
    assert cors_headers(outer, "/admin") == {"vary": "Origin"}
    assert cors_headers(outer, "/in/admin") == {"vary": "Origin"}
    assert cors_headers(outer, "/in/plain")["access-control-allow-origin"] == OTHER
    assert moved(caplog) == []
    assert cors_headers(outer, "/v1/admin", OTHER)["access-control-allow-origin"] == OTHER
    assert len(moved(caplog)) == 1


def test_without_middleware_nothing_stands_before_the_router() -> None:
    app = Starlette(routes=ROUTES)
    before = app.router.middleware_stack
    install(app, ANYONE)
    assert cors_headers(app, "/admin") == {"vary": "Origin"}
    assert app.router.middleware_stack is before


def test_a_mark_beside_others_counts_from_the_next_request_on() -> None:
    async def later(request: Request) -> Response:
        return PlainTextResponse("later")

    app = Starlette(routes=[Route("/later", later), Route("/admin", admin)])
    install(app, ANYONE)
    assert cors_headers(app, "/later") == {"access-control-allow-origin": "*"}
    cors(allow_origins=[ORIGIN])(later)
    assert cors_headers(app, "/later") == {"vary": "Origin"}
    cors(allow_origins=[OTHER])(later)
    assert cors_headers(app, "/later")["access-control-allow-origin"] == OTHER


def test_another_application_in_a_mount_has_its_own_marks() -> None:
    class Wrapper:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await self.app(scope, receive, send)

    mount = Mount("/m", app=Router([Route("/x", plain)]))
    wrapper = Wrapper(Router([Route("/x", plain)]))
    app = Starlette(routes=[mount, Mount("/w", app=wrapper), Route("/admin", admin)])
    install(app, ANYONE)
    for path in ("/m/x", "/w/x"):
        assert cors_headers(app, path) == {"access-control-allow-origin": "*"}
    mount.app = wrapper.app = Router([Route("/x", admin)])
    for path in ("/m/x", "/w/x"):
        assert cors_headers(app, path) == {"vary": "Origin"}


def test_routes_below_the_default_of_a_router_have_their_marks() -> None:
    app = Starlette(routes=[Route("/plain", plain)])
    app.router.default = Router([Route("/d", admin)])
    install(app, ANYONE)
    assert cors_headers(app, "/d") == {"vary": "Origin"}
    assert cors_headers(app, "/d", ORIGIN) == ALLOWED
    assert cors_headers(app, "/plain") == {"access-control-allow-origin": "*"}
    app.router.default = Router([Route("/d", plain)])
    assert cors_headers(app, "/d") == {"access-control-allow-origin": "*"}
