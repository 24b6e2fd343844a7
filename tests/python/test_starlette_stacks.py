"""An installed middleware stays outside, whoever builds, wraps, sets or drops the stack."""

from __future__ import annotations

import itertools
import random
import types
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient

import corsac
from corsac.starlette import cors, install, installed

ORIGIN, OTHER = "https://app.example.com", "https://evil.example"
POLICY = corsac.CORSPolicy(allow_origins=[ORIGIN])
ALLOWED = [("access-control-allow-origin", ORIGIN), ("vary", "Origin")]
REFUSED = [("vary", "Origin")]


async def hello(_: Request) -> Response:
    return PlainTextResponse("hello")


async def crash(_: Request) -> Response:
    raise LookupError("the application has a mistake")


def make_starlette() -> Starlette:
    app = Starlette()
    for path, endpoint in (("/hello", hello), ("/crash", crash)):
        app.router.add_route(path, endpoint)
    return app


def make_fastapi() -> FastAPI:
    app = FastAPI()
    for path, endpoint in (("/hello", hello), ("/crash", crash)):
        app.get(path, response_model=None)(endpoint)
    return app


@pytest.fixture(params=[make_starlette, make_fastapi])
def app(request: pytest.FixtureRequest) -> Starlette:
    """An application of each framework."""
    made: Starlette = request.param()
    return made


def answers(app: Any) -> dict[str, tuple[int, list[tuple[str, str]]]]:
    """Status and CORS headers of four requests."""
    client = TestClient(app, raise_server_exceptions=False)
    asked = {"Access-Control-Request-Method": "GET"}
    responses = {
        "allowed": client.get("/hello", headers={"Origin": ORIGIN}),
        "crashed": client.get("/crash", headers={"Origin": ORIGIN}),
        "refused": client.get("/hello", headers={"Origin": OTHER}),
        "preflight": client.options("/hello", headers={"Origin": OTHER, **asked}),
    }
    return {
        name: (
            response.status_code,
            sorted(
                (key, value)
                for key, value in response.headers.multi_items()
                if key.startswith("access-control-") or key == "vary"
            ),
        )
        for name, response in responses.items()
    }


RIGHT = {
    "allowed": (200, ALLOWED),
    "crashed": (500, ALLOWED),
    "refused": (200, REFUSED),
    "preflight": (403, REFUSED),
}
OF_ONE_ROUND = {"actual_allowed": 2, "actual_refused": 1, "preflight_refused": 1}


class Tracer:
    """Patches an application as OpenTelemetry's instrumentor does; notes what it traced."""

    def __init__(self) -> None:
        self.traced: list[str] = []
        self._original: Any = None

    def patch(self, app: Any) -> None:
        self._original = original = app.build_middleware_stack
        tracer = self

        def build_middleware_stack(_: Any) -> Any:
            stack = original()
            # Else it skips its instrumentation.
            assert isinstance(stack, ServerErrorMiddleware)
            inner = ServerErrorMiddleware(stack.app, handler=stack.handler, debug=stack.debug)

            async def trace(scope: Any, receive: Any, send: Any) -> None:
                if scope["type"] == "http":
                    tracer.traced.append(scope["path"])
                await inner(scope, receive, send)

            return ServerErrorMiddleware(trace)

        app.build_middleware_stack = types.MethodType(build_middleware_stack, app)

    def unpatch(self, app: Any) -> None:
        app.build_middleware_stack = self._original
        app.middleware_stack = app.build_middleware_stack()


def wrap_stack(app: Any) -> None:
    """Put a function that nobody sees into around the stack that there is."""
    stack = app.middleware_stack
    if stack is None:
        return

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        await stack(scope, receive, send)

    app.middleware_stack = wrapped


class PassThrough:
    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


def drop_stack(app: Any) -> None:
    app.middleware_stack = None
    app.add_middleware(PassThrough)


def set_it_again(app: Any) -> None:
    app.middleware_stack = app.middleware_stack


def swap_and_restore(app: Any) -> None:
    before, app.middleware_stack = app.middleware_stack, app.router
    app.middleware_stack = before


def use(app: Any) -> None:
    TestClient(app).get("/hello", headers={"Origin": ORIGIN})


def install_now(app: Any) -> None:
    app.middleware_stack = None
    install(app, POLICY)


@pytest.mark.parametrize("place", range(4))
def test_a_tracer_traces_and_leaves_in_any_order(app: Starlette, place: int) -> None:
    first, second = Tracer(), Tracer()
    steps: list[Callable[[Any], None]] = [first.patch, first.unpatch, second.patch]
    steps.insert(place, install_now)
    for step in steps:
        step(app)
    app.middleware_stack = None  # The first tracer has built one when it was removed.
    assert answers(app) == RIGHT
    # The preflight request is answered outside of the tracer.
    assert (first.traced, second.traced) == ([], ["/hello", "/crash", "/hello"])
    second.unpatch(app)
    assert answers(app) == RIGHT
    assert len(second.traced) == 3
    middleware = installed(app)
    assert middleware is not None
    counted = {name: count for name, count in middleware.counters().items() if count}
    assert counted == {name: 2 * count for name, count in OF_ONE_ROUND.items()}


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_done_to_the_stack_every_request_is_judged_once(
    app: Starlette, seed: int
) -> None:
    source = random.Random(seed)  # noqa: S311 - nothing secret
    steps = [wrap_stack, drop_stack, set_it_again, swap_and_restore, use, Tracer().patch]
    middleware = install(app, POLICY)
    told: list[str] = []
    middleware.reconfigure(POLICY, on_refusal=lambda refusal: told.append(refusal.reason))
    for number, step in enumerate(source.choices(steps, k=12)):
        step(app)
        if number % 4 == 3:
            before = middleware.counters()
            told.clear()
            assert answers(app) == RIGHT
            after = middleware.counters()
            counted = {name: after[name] - before[name] for name in after}
            assert {name: count for name, count in counted.items() if count} == OF_ONE_ROUND
            assert told == ["origin-not-allowed"] * 2
    assert installed(app) is middleware


def test_what_an_old_stack_stands_for_follows_what_is_in_force(app: Starlette) -> None:
    middleware = install(app, POLICY)
    use(app)
    wrap_stack(app)
    middleware.reconfigure(allow_origins=[OTHER])
    found = answers(app)
    assert found["refused"] == (200, [("access-control-allow-origin", OTHER), ("vary", "Origin")])
    assert found["allowed"] == (200, REFUSED)


def test_routes_are_counted_on_when_the_stack_is_built_again(
    app: Starlette, caplog: pytest.LogCaptureFixture
) -> None:
    cors(allow_origins=[OTHER])(app.routes[-2])
    on_trial = corsac.CORSPolicy(allow_origins=[OTHER])
    middleware = install(app, POLICY, report_only=on_trial)
    for _ in range(3):
        client = TestClient(app)
        client.get("/hello", headers={"Origin": ORIGIN})
        client.get("/hello", headers={"Origin": OTHER})
        client.get("/nothing", headers={"Origin": ORIGIN})
        app.middleware_stack = None
    assert middleware.counters()["actual_allowed"] == 6
    assert middleware.refusal_counters()["actual", "origin-not-allowed"] == 3
    assert middleware.report_only_counters()["newly_refused"] == 3
    # The log remembers what it has said: of a request, and of the policy on trial.
    warned = [line.getMessage() for line in caplog.records if line.levelname == "WARNING"]
    assert len(warned) == 2, warned


def test_the_method_that_builds_the_stack_is_left_as_it_is(app: Starlette) -> None:
    before = app.build_middleware_stack
    install(app, POLICY)
    assert app.build_middleware_stack == before
    assert "build_middleware_stack" not in vars(app)
    assert type(app.build_middleware_stack()) is ServerErrorMiddleware


def test_the_class_of_an_application_goes_by_its_name(app: Starlette) -> None:
    cls = type(app)
    install(app, POLICY)
    assert isinstance(app, cls)
    assert (type(app).__name__, type(app).__module__, type(app).__doc__) == (
        cls.__name__,
        cls.__module__,
        cls.__doc__,
    )
    assert type(app).__mro__[2:] == cls.__mro__


def test_a_class_of_ones_own_keeps_its_hooks() -> None:
    made: list[type] = []

    class Ours(FastAPI):
        __slots__ = ("extra",)
        sets = 0

        def __init_subclass__(cls, *, needed: int) -> None:
            made.append(cls)

        def __setattr__(self, name: str, value: object) -> None:
            if name == "title":
                value = str(value).upper()
            super().__setattr__(name, value)

    app: Any = Ours()
    app.extra = 7
    app.get("/hello", response_model=None)(hello)
    app.get("/crash", response_model=None)(crash)
    install(app, POLICY)
    assert made == []
    app.title = "notes"
    assert (app.title, app.extra) == ("NOTES", 7)
    assert answers(app) == RIGHT


def test_two_applications_of_one_class_have_their_own_policies() -> None:
    apps = [make_starlette(), make_starlette(), make_starlette()]
    install(apps[0], POLICY)
    install(apps[1], allow_origins=[OTHER])
    found = [answers(each)["allowed"][1] for each in apps]
    assert found == [ALLOWED, REFUSED, []]
    assert [installed(each) is None for each in apps] == [False, False, True]


def test_an_old_stack_is_let_go(app: Starlette) -> None:
    import gc  # noqa: PLC0415
    import weakref  # noqa: PLC0415

    install(app, POLICY)
    stacks = []
    for _ in range(3):
        app.middleware_stack = None
        use(app)
        stack: Any = app.middleware_stack
        stacks.append(weakref.ref(stack.app))
    del stack
    gc.collect()
    assert [reference() is None for reference in stacks] == [True, True, False]


def test_installing_after_a_tracer_has_built_the_stack_says_what_to_do(app: Starlette) -> None:
    tracer = Tracer()
    tracer.patch(app)
    tracer.unpatch(app)
    with pytest.raises(RuntimeError) as caught:
        install(app, POLICY)
    assert str(caught.value) == (
        "the application's middleware stack exists already: the application was called, or a "
        "tracer built it. Write install() where the application is made; if nothing but a tracer "
        "built the stack, write app.middleware_stack = None before install()"
    )
    app.middleware_stack = None
    install(app, POLICY)
    assert answers(app) == RIGHT


def test_every_order_of_two_tracers_is_covered() -> None:
    # Removed in another order than they came: the second puts back what the first had patched.
    for order in itertools.permutations(range(3)):
        app, first, second = make_starlette(), Tracer(), Tracer()
        steps = [first.patch, second.patch, install_now]
        for number in order:
            steps[number](app)
        first.unpatch(app)
        assert answers(app) == RIGHT
        second.unpatch(app)
        assert answers(app) == RIGHT
