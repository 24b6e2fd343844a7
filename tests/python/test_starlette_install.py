"""`corsac.starlette.install`: outside of everything, in Starlette and in FastAPI."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import fastapi.routing
import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware as StarletteCORSMiddleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route, Router, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

import corsac
from corsac.inspection import find_layers
from corsac.starlette import cors, cors_exempt, install, installed
from corsac.starlette.marks import marks

ORIGIN = "https://app.example.com"
OTHER = "https://evil.example"
POLICY = corsac.CORSPolicy(allow_origins=[ORIGIN], allow_methods=["PUT"])
ALLOWED = [("access-control-allow-origin", ORIGIN), ("vary", "Origin")]
REFUSED = [("vary", "Origin")]


async def hello(_: Request) -> Response:
    return PlainTextResponse("hello")


async def crash(_: Request) -> Response:
    raise LookupError("the application has a mistake")


async def teapot(_: Request) -> Response:
    raise HTTPException(418)


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
    await websocket.close()


ROUTES = {"/hello": hello, "/crash": crash, "/teapot": teapot}


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    app.state.events = ["startup"]
    yield
    app.state.events.append("shutdown")


def make_starlette(**options: Any) -> Starlette:
    inner = Starlette(routes=[Route(path, endpoint) for path, endpoint in ROUTES.items()])
    routes = [Route(path, endpoint) for path, endpoint in ROUTES.items()]
    mounts = [Mount("/mounted", inner), WebSocketRoute("/echo", echo)]
    return Starlette(routes=[*routes, *mounts], lifespan=lifespan, **options)


def make_fastapi(**options: Any) -> FastAPI:
    app, inner = FastAPI(lifespan=lifespan, **options), FastAPI()
    for path, endpoint in ROUTES.items():
        for owner in (app, inner):
            owner.get(path, response_model=None)(endpoint)
    app.mount("/mounted", inner)
    app.websocket("/echo")(echo)
    return app


@pytest.fixture(params=[make_starlette, make_fastapi])
def make(request: pytest.FixtureRequest) -> Callable[..., Starlette]:
    """Makes an application of each framework."""
    maker: Callable[..., Starlette] = request.param
    return maker


def client_of(app: Any) -> TestClient:
    return TestClient(app, raise_server_exceptions=False, follow_redirects=False)


def cors_headers(response: Any) -> list[tuple[str, str]]:
    return sorted(
        (name, value)
        for name, value in response.headers.multi_items()
        if name.startswith("access-control-") or name == "vary"
    )


def get(client: TestClient, path: str, origin: str = ORIGIN) -> tuple[int, list[tuple[str, str]]]:
    response = client.get(path, headers={"Origin": origin})
    return response.status_code, cors_headers(response)


def preflight(client: TestClient, path: str, method: str = "PUT", origin: str = ORIGIN) -> Any:
    return client.options(path, headers={"Origin": origin, "Access-Control-Request-Method": method})


class FailingMiddleware:
    """A middleware with a mistake."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            raise LookupError("the middleware has a mistake")
        await self.app(scope, receive, send)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/hello", 200),
        ("/crash", 500),
        ("/teapot", 418),
        ("/no-such-path", 404),
        ("/hello/", 307),
        ("/mounted/hello", 200),
        ("/mounted/crash", 500),
        ("/mounted/no-such-path", 404),
    ],
)
def test_every_response_has_the_headers(
    make: Callable[..., Starlette], path: str, status: int
) -> None:
    app = make()
    install(app, POLICY)
    client = client_of(app)
    assert get(client, path) == (status, ALLOWED)
    assert get(client, path, OTHER) == (status, REFUSED)
    assert client.put("/hello", headers={"Origin": ORIGIN}).status_code == 405
    assert preflight(client, path).status_code == 204
    refused = preflight(client, path, origin=OTHER)
    assert (refused.status_code, refused.text) == (403, "origin-not-allowed")


@pytest.mark.parametrize("order", ["before", "after"])
def test_an_error_in_another_middleware_can_be_read(
    make: Callable[..., Starlette], order: str
) -> None:
    app = make()
    if order == "before":
        app.add_middleware(FailingMiddleware)
    install(app, POLICY)
    if order == "after":
        app.add_middleware(FailingMiddleware)
    assert get(client_of(app), "/hello") == (500, ALLOWED)
    assert preflight(client_of(app), "/hello").status_code == 204


def test_a_handler_of_unhandled_exceptions_answers_with_the_headers(
    make: Callable[..., Starlette],
) -> None:
    async def on_error(request: Request, exc: Exception) -> Response:
        return PlainTextResponse("sorry", status_code=503)

    app = make(exception_handlers={Exception: on_error})
    install(app, POLICY)
    assert get(client_of(app), "/crash") == (503, ALLOWED)


def test_an_unhandled_exception_still_reaches_the_server(make: Callable[..., Starlette]) -> None:
    app = make()
    install(app, POLICY)
    with pytest.raises(LookupError, match="the application has a mistake"):
        TestClient(app).get("/crash")


def test_the_lifespan_runs_and_websockets_pass(make: Callable[..., Starlette]) -> None:
    app = make()
    install(app, POLICY)
    with TestClient(app) as client:
        assert app.state.events == ["startup"]
        with client.websocket_connect("/echo", headers={"Origin": OTHER}) as websocket:
            websocket.send_text("over the wire")
            assert websocket.receive_text() == "over the wire"
    assert app.state.events == ["startup", "shutdown"]


def test_the_application_stays_the_same_object_and_is_known(
    make: Callable[..., Starlette], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marks, "exist", False)  # Those of other tests.
    app = make()
    assert installed(app) is None
    middleware = install(app, POLICY)
    assert installed(app) is middleware
    assert isinstance(middleware, corsac.CORSMiddleware)
    client_of(app).get("/hello")
    assert installed(app) is middleware
    # Nothing of ours stands between the application, the native middleware and the stack.
    assert isinstance(app.middleware_stack, corsac.CORSMiddleware)
    assert isinstance(app.middleware_stack.app, ServerErrorMiddleware)
    assert middleware.policy is POLICY
    assert installed(None) is None


def test_it_counts_and_can_be_reconfigured(make: Callable[..., Starlette]) -> None:
    app = make()
    middleware = install(app, allow_origins=[ORIGIN], rules=[("/teapot", None)])
    middleware.reconfigure(allow_origins=[OTHER], rules=[("/teapot", None)])
    client = client_of(app)
    assert get(client, "/hello", OTHER)[1][0] == ("access-control-allow-origin", OTHER)
    assert get(client, "/teapot", OTHER) == (418, [])
    middleware.reconfigure(POLICY)
    assert get(client, "/hello") == (200, ALLOWED)
    assert middleware.counters()["actual_allowed"] == 2


def test_a_tracer_may_wrap_the_stack_too(make: Callable[..., Starlette]) -> None:
    app = make()
    middleware = install(app, POLICY)
    build = app.build_middleware_stack
    traced = []

    def build_traced() -> Any:
        stack = build()

        async def trace(scope: Any, receive: Any, send: Any) -> None:
            traced.append(scope["type"])
            await stack(scope, receive, send)

        return trace

    build_traced.__wrapped__ = build  # type: ignore[attr-defined]
    app.build_middleware_stack = build_traced  # type: ignore[method-assign]
    client = client_of(app)
    assert get(client, "/hello") == (200, ALLOWED)
    assert get(client, "/crash") == (500, ALLOWED)
    assert traced == ["http", "http"]
    assert installed(app) is middleware


def test_the_stack_can_be_built_again(make: Callable[..., Starlette]) -> None:
    app = make()
    middleware = install(app, POLICY)
    assert get(client_of(app), "/hello") == (200, ALLOWED)
    app.middleware_stack = None
    app.add_middleware(FailingMiddleware)
    assert get(client_of(app), "/hello") == (500, ALLOWED)
    assert middleware.counters()["actual_allowed"] == 2


def test_a_mistake_is_an_error_at_once(make: Callable[..., Starlette]) -> None:
    app = make()
    with pytest.raises(corsac.CORSConfigError):
        install(app, allow_origins=[f"{ORIGIN}/"])
    assert installed(app) is None
    install(app, POLICY)


def test_installing_twice_is_an_error(make: Callable[..., Starlette]) -> None:
    app = make()
    install(app, POLICY)
    with pytest.raises(corsac.CORSConfigError, match="installed in this application already") as no:
        install(app, POLICY)
    assert [problem.code for problem in no.value.problems] == ["middleware.several"]


def test_installing_too_late_is_an_error(make: Callable[..., Starlette]) -> None:
    app = make()
    client_of(app).get("/hello")
    with pytest.raises(RuntimeError, match="middleware stack exists already"):
        install(app, POLICY)


@pytest.mark.parametrize(
    ("wrapped", "message"),
    [
        (corsac.CORSMiddleware(Starlette(), POLICY), "in a CORS layer already"),
        (StarletteCORSMiddleware(Starlette()), "in a CORS layer already"),
        (Router(), "app = corsac.CORSMiddleware"),
        (None, "not NoneType"),
    ],
)
def test_what_is_no_application_is_refused_with_the_way_out(wrapped: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        install(wrapped, POLICY)


def asgi_cors(app: Any) -> Any:
    """Named as the function of another library that wraps applications."""

    async def app_wrapped_with_cors(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return app_wrapped_with_cors


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("layer", [StarletteCORSMiddleware, corsac.CORSMiddleware, asgi_cors])
def test_another_layer_of_the_application_is_said(
    make: Callable[..., Starlette], layer: Any, order: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = make()
    options = {"allow_origins": [OTHER]} if layer is not asgi_cors else {}
    if order == "before":
        app.add_middleware(layer, **options)
    middleware = install(app, POLICY)
    if order == "after":
        assert middleware.problems == ()
        app.add_middleware(layer, **options)
    assert get(client_of(app), "/hello") == (200, ALLOWED)
    (problem,) = middleware.problems
    assert (problem.code, problem.severity) == ("middleware.several", "warning")
    assert layer.__name__ in str(problem)
    said = [record for record in caplog.records if "middleware.several" in record.getMessage()]
    assert len(said) == 1


def with_layer() -> FastAPI:
    inner = FastAPI()
    inner.add_middleware(StarletteCORSMiddleware, allow_origins=["*"])
    return inner


def with_corsac() -> Starlette:
    inner = Starlette()
    install(inner, POLICY)
    return inner


@pytest.mark.parametrize("inner", [with_layer, with_corsac, lambda: asgi_cors(Starlette())])
def test_a_layer_of_a_mounted_application_is_said(
    make: Callable[..., Starlette], inner: Any
) -> None:
    app = make()
    app.mount("/sub", inner())
    middleware = install(app, POLICY)
    client_of(app).get("/hello")
    assert [problem.code for problem in middleware.problems] == ["middleware.several"]
    assert "'/sub'" in str(middleware.problems[0])


def test_a_layer_of_a_single_route_or_mount_is_said() -> None:
    layers = [Middleware(StarletteCORSMiddleware, allow_origins=["*"])]
    routes = [
        Route("/route", hello, middleware=layers),
        Mount("/mount", routes=[Mount("/deep", routes=[], middleware=layers)]),
    ]
    problems = install(Starlette(routes=routes), POLICY).problems
    assert ["'/route'" in str(problems[0]), "'/mount/deep'" in str(problems[1])] == [True, True]


def test_a_layer_that_is_an_endpoint_itself_is_said() -> None:
    layer = StarletteCORSMiddleware(asgi_cors(Starlette()), allow_origins=["*"])
    problems = install(Starlette(routes=[Route("/discovery", layer)]), POLICY).problems
    assert ["'/discovery'" in str(problem) for problem in problems] == [True, True]
    for pattern, said in (("/discovery", 0), ("/discovery/*", 0), ("/*", 0), ("/disco/*", 2)):
        app = Starlette(routes=[Route("/discovery", layer)])
        assert len(install(app, POLICY, rules=[(pattern, None)]).problems) == said
    mounted = Starlette(routes=[Mount("/sub", layer)])  # Below it there is more than its own path.
    assert len(install(mounted, POLICY, rules=[("/sub", None)]).problems) == 2


def test_an_endpoint_may_be_about_cors() -> None:
    class CorsSettings(HTTPEndpoint):
        pass

    app = Starlette(routes=[Route("/settings", CorsSettings)])
    assert install(app, POLICY).problems == ()


@pytest.mark.skipif(
    not hasattr(fastapi.routing, "iter_route_contexts"),
    reason="older versions of FastAPI leave out what is mounted in a router",
)
def test_a_layer_below_an_included_router_is_said() -> None:
    app, router = FastAPI(), APIRouter()
    router.mount("/sub", with_layer())
    app.include_router(router, prefix="/api")
    assert "'/api/sub'" in str(install(app, POLICY).problems[0])


def test_a_layer_that_is_left_the_path_is_fine() -> None:
    app = FastAPI()
    app.mount("/sub", with_layer())
    middleware = install(app, POLICY, rules=[("/sub/*", None)])
    assert preflight(client_of(app), "/sub/x", "GET", OTHER).status_code == 200
    assert middleware.problems == ()
    app = FastAPI()
    app.mount("/sub", with_layer())
    cors_exempt(app.routes[-1])
    assert install(app, POLICY).problems == ()
    assert preflight(client_of(app), "/sub/x", "GET", OTHER).status_code == 200


def test_an_application_that_is_mounted_in_itself_is_no_trap() -> None:
    app = make_starlette()
    app.mount("/again", app)
    middleware = install(app, POLICY)
    cors(allow_origins=["*"])(app.routes[0])
    client = client_of(app)
    assert get(client, "/hello") == (200, [("access-control-allow-origin", "*")])
    # Of the application inside, only that it is installed there too is known.
    assert get(client, "/again/teapot") == (418, ALLOWED)
    assert [problem.code for problem in middleware.problems] == ["middleware.several"]


def test_corsac_check_sees_what_is_installed() -> None:
    app = Starlette()
    middleware = install(app, POLICY)
    (layer,) = find_layers(app).layers
    assert layer.read is not None
    assert (layer.read().policy, layer.read().is_valid()) == (POLICY, True)
    app.add_middleware(StarletteCORSMiddleware)
    for found in (app, middleware):
        assert [layer.is_corsac for layer in find_layers(found).layers] == [True, False]


def test_without_starlette_the_import_says_what_to_install() -> None:
    code = "import sys; sys.modules['starlette.applications'] = None; import corsac.starlette"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert "corsac.starlette needs Starlette: pip install" in ended.stderr
    code = "import sys; sys.modules['starlette.responses'] = None; import corsac.compat.starlette"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert "corsac.compat.starlette needs Starlette: pip install" in ended.stderr


def test_an_explanation_does_not_speak_for_routes_with_a_policy_of_their_own() -> None:
    async def view(_: Request) -> Response:
        return Response()

    app = Starlette(routes=[Route("/x", cors(allow_origins=["*"])(view))])
    middleware = install(app, allow_origins=["https://app.example.com"])
    explanation = middleware.explain("GET", {"Origin": "https://other.example"}, "/x")
    assert (explanation.allowed, explanation.change) == (None, None)
    assert any("routes of this application" in step.text for step in explanation.steps)
