"""The middleware in Starlette and FastAPI: added to the application, or wrapped round it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

import corsac

ALLOWED_ORIGIN = "https://app.example.com"
OTHER_ORIGIN = "https://evil.example"
POLICY = corsac.CORSPolicy(
    allow_origins=[ALLOWED_ORIGIN],
    allow_methods=["PUT"],
    allow_credentials=True,
    expose_headers=["X-Total"],
)

ALLOWED = [
    ("access-control-allow-credentials", "true"),
    ("access-control-allow-origin", ALLOWED_ORIGIN),
    ("access-control-expose-headers", "X-Total"),
    ("vary", "Origin"),
]
NOT_ALLOWED = [("vary", "Origin")]
LONG_TEXT = "text that is worth compressing, " * 100


class CrashError(Exception):
    """What the application raises and does not handle."""


async def hello(_: Request) -> Response:
    return PlainTextResponse("hello")


async def teapot(_: Request) -> Response:
    raise HTTPException(418, "short and stout", headers={"x-reason": "teapot"})


async def stream(_: Request) -> Response:
    return StreamingResponse(iter(["one ", "two ", "three"]))


async def file(_: Request) -> Response:
    return FileResponse(__file__)


async def background(request: Request) -> Response:
    return PlainTextResponse("later", background=BackgroundTask(_note, request.app, "background"))


async def crash(_: Request) -> Response:
    raise CrashError("the application has a mistake")


async def crash_in_stream(_: Request) -> Response:
    async def parts() -> AsyncIterator[str]:
        yield "one "
        raise CrashError("the stream has a mistake")

    return StreamingResponse(parts())


async def own_headers(_: Request) -> Response:
    headers = {"Access-Control-Allow-Origin": "*", "Vary": "Cookie"}
    return PlainTextResponse("own", headers=headers)


async def long_text(_: Request) -> Response:
    return PlainTextResponse(LONG_TEXT)


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
    await websocket.close()


ENDPOINTS: dict[str, Callable[[Request], Awaitable[Response]]] = {
    "/hello": hello,
    "/teapot": teapot,
    "/stream": stream,
    "/file": file,
    "/background": background,
    "/crash": crash,
    "/crash-in-stream": crash_in_stream,
    "/own-headers": own_headers,
    "/long": long_text,
}


def _note(app: Starlette, event: str) -> None:
    app.state.events = [*getattr(app.state, "events", []), event]


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    _note(app, "startup")
    yield
    _note(app, "shutdown")


def make_starlette() -> Starlette:
    routes = [Route(path, endpoint, methods=["GET"]) for path, endpoint in ENDPOINTS.items()]
    inner = Starlette(routes=[Route("/hello", hello)])
    return Starlette(
        routes=[*routes, Mount("/mounted", inner), WebSocketRoute("/echo", echo)],
        lifespan=lifespan,
    )


def make_fastapi() -> FastAPI:
    app = FastAPI(lifespan=lifespan)
    for path, endpoint in ENDPOINTS.items():
        app.get(path, response_model=None)(endpoint)
    inner = FastAPI()
    inner.get("/hello", response_model=None)(hello)
    app.mount("/mounted", inner)
    app.websocket("/echo")(echo)

    @app.get("/items/{number}")
    async def item(number: int) -> dict[str, int]:
        return {"number": number}

    return app


FRAMEWORKS: dict[str, Callable[[], Starlette]] = {
    "fastapi": make_fastapi,
    "starlette": make_starlette,
}


def added(app: Starlette, policy: corsac.CORSPolicy = POLICY) -> ASGIApp:
    app.add_middleware(corsac.CORSMiddleware, policy)
    return app


def wrapped(app: Starlette, policy: corsac.CORSPolicy = POLICY) -> ASGIApp:
    return corsac.CORSMiddleware(app, policy)


@pytest.fixture(params=sorted(FRAMEWORKS))
def app(request: pytest.FixtureRequest) -> Starlette:
    """The application without the middleware, in each framework."""
    return FRAMEWORKS[request.param]()


@pytest.fixture(params=[added, wrapped])
def protect(request: pytest.FixtureRequest) -> Callable[..., ASGIApp]:
    """Each way to put the middleware in front of an application."""
    way: Callable[..., ASGIApp] = request.param
    return way


@pytest.fixture
def client(app: Starlette, protect: Callable[..., ASGIApp]) -> TestClient:
    """A client of the protected application."""
    return TestClient(protect(app))


def cors_headers(response: httpx2.Response) -> list[tuple[str, str]]:
    """Every line with a CORS header or Vary."""
    return sorted(
        (name, value)
        for name, value in response.headers.multi_items()
        if name.startswith("access-control-") or name == "vary"
    )


def get(client: TestClient, path: str, origin: str = ALLOWED_ORIGIN) -> httpx2.Response:
    return client.get(path, headers={"Origin": origin})


def preflight(client: TestClient, path: str, origin: str) -> httpx2.Response:
    return client.options(path, headers={"Origin": origin, "Access-Control-Request-Method": "PUT"})


@pytest.mark.parametrize("path", ["/hello", "/mounted/hello", "/no-such-path"])
def test_a_preflight_is_answered_before_the_router_sees_it(client: TestClient, path: str) -> None:
    allowed = preflight(client, path, ALLOWED_ORIGIN)
    assert (allowed.status_code, allowed.content) == (204, b"")
    assert cors_headers(allowed) == [
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "PUT"),
        ("access-control-allow-origin", ALLOWED_ORIGIN),
        ("access-control-max-age", "600"),
        ("vary", "Origin"),
    ]
    refused = preflight(client, path, OTHER_ORIGIN)
    assert (refused.status_code, refused.text) == (403, "origin-not-allowed")
    assert cors_headers(refused) == NOT_ALLOWED


RESPONSES = [
    pytest.param("GET", "/hello", 200, id="plain"),
    pytest.param("GET", "/no-such-path", 404, id="404"),
    pytest.param("POST", "/hello", 405, id="405"),
    pytest.param("OPTIONS", "/hello", 405, id="options"),
    pytest.param("GET", "/teapot", 418, id="http-exception"),
    pytest.param("GET", "/mounted/hello", 200, id="mounted"),
    pytest.param("GET", "/mounted/no-such-path", 404, id="mounted-404"),
    pytest.param("GET", "/stream", 200, id="stream"),
    pytest.param("GET", "/file", 200, id="file"),
]


@pytest.mark.parametrize(("method", "path", "status"), RESPONSES)
def test_every_response_is_the_same_but_for_the_headers_of_the_policy(
    app: Starlette, protect: Callable[..., ASGIApp], method: str, path: str, status: int
) -> None:
    bare = TestClient(app).request(method, path)
    app.middleware_stack = None  # Else nothing can be added after the first request.
    client = TestClient(protect(app))
    for origin, expected in ((ALLOWED_ORIGIN, ALLOWED), (OTHER_ORIGIN, NOT_ALLOWED)):
        response = client.request(method, path, headers={"Origin": origin})
        assert cors_headers(response) == expected
        assert (response.status_code, response.content) == (status, bare.content)
        others = [pair for pair in response.headers.multi_items() if pair not in expected]
        assert others == bare.headers.multi_items()


@pytest.mark.parametrize("protect", [added, wrapped])
def test_a_validation_error_of_fastapi_can_be_read(protect: Callable[..., ASGIApp]) -> None:
    client = TestClient(protect(make_fastapi()))
    invalid = get(client, "/items/none")
    assert (invalid.status_code, cors_headers(invalid)) == (422, ALLOWED)
    assert invalid.json()["detail"][0]["type"] == "int_parsing"
    valid = get(client, "/items/7")
    assert (valid.json(), cors_headers(valid)) == ({"number": 7}, ALLOWED)


def test_a_file_is_sent_whole_in_part_and_not_at_all(client: TestClient) -> None:
    content = Path(__file__).read_bytes()
    origin = {"Origin": ALLOWED_ORIGIN}
    whole = client.get("/file", headers=origin)
    assert (whole.status_code, whole.content) == (200, content)
    part = client.get("/file", headers=origin | {"Range": "bytes=0-9"})
    assert (part.status_code, part.content, cors_headers(part)) == (206, content[:10], ALLOWED)
    beyond = client.get("/file", headers=origin | {"Range": f"bytes={len(content)}-"})
    assert (beyond.status_code, cors_headers(beyond)) == (416, ALLOWED)


def test_a_background_task_runs(app: Starlette, client: TestClient) -> None:
    response = get(client, "/background")
    assert (response.text, cors_headers(response)) == ("later", ALLOWED)
    assert app.state.events == ["background"]


def test_the_lifespan_runs(app: Starlette, client: TestClient) -> None:
    with client:
        assert app.state.events == ["startup"]
    assert app.state.events == ["startup", "shutdown"]


def test_the_headers_that_the_application_sets_itself_are_replaced_and_vary_is_merged(
    client: TestClient,
) -> None:
    allowed = get(client, "/own-headers")
    assert cors_headers(allowed) == [*ALLOWED[:-1], ("vary", "Cookie, Origin")]
    refused = get(client, "/own-headers", OTHER_ORIGIN)
    assert cors_headers(refused) == [("vary", "Cookie, Origin")]


@pytest.mark.parametrize("order", ["compress inside", "compress outside"])
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_compression_and_corsac_share_one_vary_line(
    app: Starlette, order: str, encoding: str
) -> None:
    # The middleware that was added last is the outermost.
    if order == "compress inside":
        app.add_middleware(GZipMiddleware)
    app.add_middleware(corsac.CORSMiddleware, POLICY)
    if order == "compress outside":
        app.add_middleware(GZipMiddleware)
    headers = {"Origin": ALLOWED_ORIGIN, "Accept-Encoding": encoding}
    response = TestClient(app).get("/long", headers=headers)
    assert response.text == LONG_TEXT
    assert response.headers.get("content-encoding", "identity") == encoding
    *others, (name, vary) = cors_headers(response)
    assert (others, name) == (ALLOWED[:-1], "vary")
    assert sorted(vary.split(", ")) == ["Accept-Encoding", "Origin"]


@pytest.mark.parametrize("order", ["inside", "outside"])
def test_a_middleware_that_runs_its_application_in_a_task_goes_with_it(
    app: Starlette, order: str
) -> None:
    async def pass_on(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await call_next(request)
        response.headers["x-passed"] = "yes"
        return response

    if order == "inside":
        app.add_middleware(BaseHTTPMiddleware, dispatch=pass_on)
    app.add_middleware(corsac.CORSMiddleware, POLICY)
    if order == "outside":
        app.add_middleware(BaseHTTPMiddleware, dispatch=pass_on)
    client = TestClient(app)
    response = get(client, "/stream")
    assert (response.text, response.headers["x-passed"]) == ("one two three", "yes")
    assert cors_headers(response) == ALLOWED
    assert preflight(client, "/stream", ALLOWED_ORIGIN).status_code == 204
    assert preflight(client, "/stream", OTHER_ORIGIN).status_code == 403


def test_a_mounted_application_can_have_a_policy_of_its_own() -> None:
    protected = [Middleware(corsac.CORSMiddleware, allow_origins=[ALLOWED_ORIGIN])]
    inner = Mount("/api", routes=[Route("/hello", hello)], middleware=protected)
    client = TestClient(Starlette(routes=[inner, Route("/hello", hello)]))
    assert preflight(client, "/api/hello", ALLOWED_ORIGIN).status_code == 204
    allow_origin = ("access-control-allow-origin", ALLOWED_ORIGIN)
    assert cors_headers(get(client, "/api/hello")) == [allow_origin, ("vary", "Origin")]
    assert cors_headers(get(client, "/hello")) == []


@pytest.mark.parametrize("path", ["/crash", "/crash-in-stream"])
def test_an_unhandled_exception_comes_out_as_without_the_middleware(
    app: Starlette, protect: Callable[..., ASGIApp], path: str
) -> None:
    with pytest.raises(CrashError) as bare:
        get(TestClient(app), path)
    app.middleware_stack = None
    with pytest.raises(CrashError) as protected:
        get(TestClient(protect(app)), path)
    assert protected.type is bare.type
    assert str(protected.value) == str(bare.value)
    assert repr(protected.value.__cause__) == repr(bare.value.__cause__)
    assert repr(protected.value.__context__) == repr(bare.value.__context__)


def test_the_500_of_an_unhandled_exception_can_be_read_if_the_middleware_is_outermost(
    app: Starlette,
) -> None:
    response = get(TestClient(wrapped(app), raise_server_exceptions=False), "/crash")
    assert (response.status_code, cors_headers(response)) == (500, ALLOWED)


def test_the_500_of_an_unhandled_exception_is_made_outside_of_an_added_middleware(
    app: Starlette,
) -> None:
    response = get(TestClient(added(app), raise_server_exceptions=False), "/crash")
    assert (response.status_code, cors_headers(response)) == (500, [])


@pytest.mark.parametrize("origin", [ALLOWED_ORIGIN, OTHER_ORIGIN])
def test_a_websocket_from_any_origin_passes_through(client: TestClient, origin: str) -> None:
    with client.websocket_connect("/echo", headers={"Origin": origin}) as websocket:
        websocket.send_text("over the wire")
        assert websocket.receive_text() == "over the wire"


def test_the_guard_refuses_a_websocket_from_another_origin(
    app: Starlette, protect: Callable[..., ASGIApp]
) -> None:
    policy = corsac.CORSPolicy(allow_origins=[ALLOWED_ORIGIN], guard=True)
    client = TestClient(protect(app, policy))
    with (
        pytest.raises(WebSocketDenialResponse) as refusal,
        client.websocket_connect("/echo", headers={"Origin": OTHER_ORIGIN}),
    ):
        pass
    assert (refusal.value.status_code, refusal.value.text) == (403, "cross-origin-websocket")


def test_every_option_can_be_given_to_add_middleware() -> None:
    app = make_starlette()
    app.add_middleware(
        corsac.CORSMiddleware,
        allow_origins=["https://*.example.com"],
        allow_methods=["PUT"],
        allow_credentials=True,
        expose_headers=["X-Total"],
    )
    assert cors_headers(get(TestClient(app), "/hello")) == ALLOWED
