"""A middleware travels with its application: by pickle, cloudpickle and as a deep copy."""

from __future__ import annotations

import copy
import copyreg
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import cloudpickle
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.datastructures import State
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient

import corsac
import corsac.wsgi
from corsac.compat import starlette as compat
from corsac.starlette import InstalledCORSMiddleware, cors, install, installed
from corsac.starlette.marks import marks
from support.exchange import run_asgi

ORIGIN, OTHER = "https://app.example.com", "https://evil.example"
POLICY = corsac.CORSPolicy(allow_origins=[ORIGIN], allow_credentials=True)
STRICT = corsac.CORSPolicy(allow_origins=["https://admin.example.com"])
RULES = [("/admin/*", STRICT), ("/health", None)]

Travel = Callable[[Any], Any]


def by_pickle(protocol: int) -> Travel:
    return lambda value: pickle.loads(pickle.dumps(value, protocol))  # noqa: S301 - our own bytes


def by_cloudpickle(value: Any) -> Any:
    return cloudpickle.loads(cloudpickle.dumps(value))


EVERY_WAY = [
    *(by_pickle(protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)),
    by_cloudpickle,
    copy.deepcopy,
]
WAYS_OF_APPLICATIONS = [by_cloudpickle, copy.deepcopy, copy.copy]


@pytest.fixture(autouse=True)
def _state_can_travel() -> Iterator[None]:
    """What Ray does too: Starlette's `State` alone cannot be read back."""
    copyreg.pickle(State, lambda state: (State, (state._state,)))
    yield
    del copyreg.dispatch_table[State]


TOLD: list[corsac.Refusal] = []


def tell(refusal: corsac.Refusal) -> None:
    TOLD.append(refusal)


def allows_partners(origin: str) -> bool:
    return origin == "https://partner.example"


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def wsgi_app(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b""]


OPTIONS: dict[str, Any] = {
    "rules": RULES,
    "on_refusal": tell,
    "report_only": STRICT,
    "report_only_rules": [("/trial", POLICY)],
    "debug_header": "x-why",
}


@pytest.mark.parametrize("travel", [*EVERY_WAY, copy.copy])
@pytest.mark.parametrize(
    ("cls", "app"), [(corsac.CORSMiddleware, asgi_app), (corsac.wsgi.CORSMiddleware, wsgi_app)]
)
def test_all_that_is_in_force_arrives(travel: Travel, cls: Any, app: Any) -> None:
    sent = cls(app, POLICY, **OPTIONS)
    sent.reconfigure(POLICY.replace(max_age=5), rules=RULES)
    middleware = travel(sent)
    assert type(middleware) is cls
    assert middleware is not sent
    assert middleware.app is app
    assert repr(middleware) == repr(sent)
    assert middleware.policy == POLICY.replace(max_age=5)
    assert middleware.rules == tuple(RULES)
    assert middleware.on_refusal is tell
    assert middleware.report_only_rules == (("/trial", POLICY),)
    assert middleware.debug_header == "x-why"
    middleware.reconfigure(STRICT)
    assert sent.policy == POLICY.replace(max_age=5)


@pytest.mark.parametrize("travel", EVERY_WAY)
def test_nothing_is_counted_yet_where_it_arrives(travel: Travel) -> None:
    sent = corsac.CORSMiddleware(asgi_app, POLICY, on_refusal=tell)
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"origin", b"https://x.y")]}
    run_asgi(sent, {**scope})
    middleware = travel(sent)
    assert sum(middleware.counters().values()) == 0
    TOLD.clear()
    run_asgi(middleware, {**scope})
    assert [refusal.reason for refusal in TOLD] == ["origin-not-allowed"]
    assert (middleware.counters()["actual_refused"], sent.counters()["actual_refused"]) == (1, 1)


@pytest.mark.parametrize("travel", EVERY_WAY)
def test_paths_that_are_left_alone_stay_so(travel: Travel) -> None:
    middleware = travel(corsac.CORSMiddleware(asgi_app, rules=[("/only", POLICY)]))
    assert (middleware.policy, middleware.rules) == (None, (("/only", POLICY),))
    middleware.reconfigure(rules=[])
    assert travel(middleware).policy is None


class Ours(corsac.CORSMiddleware):
    """A subclass with a signature and attributes of its own."""

    def __init__(self, app: Any, tenant: str) -> None:
        super().__init__(app, allow_origins=[f"https://{tenant}.example.com"])
        self.tenant = tenant


@pytest.mark.parametrize("travel", [*EVERY_WAY, copy.copy])
def test_a_subclass_arrives_with_its_attributes(travel: Travel) -> None:
    middleware = travel(Ours(asgi_app, "acme"))
    assert (type(middleware), middleware.tenant) == (Ours, "acme")
    assert middleware.policy.allow_origins == ("https://acme.example.com",)
    assert run_asgi(middleware, {"type": "lifespan"})


@pytest.mark.parametrize("cls", [corsac.CORSMiddleware, corsac.wsgi.CORSMiddleware])
@pytest.mark.parametrize("dumps", [pickle.dumps, lambda value: pickle.dumps(value, 0)])
def test_a_function_that_cannot_travel_is_pickles_own_error(cls: Any, dumps: Any) -> None:
    app = asgi_app if cls is corsac.CORSMiddleware else wsgi_app
    for options in ({"allow_origin_func": lambda _: True}, {"on_refusal": lambda _: None}):
        with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
            dumps(cls(app, **options))


def test_origins_that_are_asked_about_are_asked_about_there() -> None:
    middleware = by_cloudpickle(corsac.CORSMiddleware(asgi_app, allow_origin_func=allows_partners))
    answer = run_asgi(middleware, _get("https://partner.example"))
    assert (b"access-control-allow-origin", b"https://partner.example") in answer[0]["headers"]


def _get(origin: str) -> dict[str, Any]:
    headers = [(b"origin", origin.encode())]
    return {"type": "http", "method": "GET", "path": "/", "headers": headers}


async def hello(_: Request) -> Response:
    return PlainTextResponse("hello")


async def crash(_: Request) -> Response:
    raise LookupError("the application has a mistake")


def make_starlette() -> Starlette:
    app = Starlette()
    app.router.add_route("/hello", hello)
    app.router.add_route("/crash", crash)
    return app


def make_fastapi() -> FastAPI:
    app = FastAPI()
    app.get("/hello", response_model=None)(hello)
    app.get("/crash", response_model=None)(crash)
    return app


@pytest.fixture(params=[make_starlette, make_fastapi])
def app(request: pytest.FixtureRequest) -> Starlette:
    """An application of each framework."""
    made: Starlette = request.param()
    return made


def decides(app: Any, path: str = "/hello") -> tuple[int, bool, bool]:
    """The status; whether the one origin may read the response, and the other."""
    client = TestClient(app, raise_server_exceptions=False)
    responses = [client.get(path, headers={"Origin": origin}) for origin in (ORIGIN, OTHER)]
    allowed = [
        response.headers.get("access-control-allow-origin") == origin
        for response, origin in zip(responses, (ORIGIN, OTHER), strict=True)
    ]
    return responses[0].status_code, allowed[0], allowed[1]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("travel", WAYS_OF_APPLICATIONS)
def test_an_application_arrives_with_what_is_installed(
    app: Starlette, travel: Travel, when: str
) -> None:
    sent = install(app, POLICY, rules=RULES, on_refusal=tell)
    if when == "after":  # The stack exists, and requests were counted.
        assert decides(app) == (200, True, False)
    there: Starlette = travel(app)
    middleware = installed(there)
    assert middleware is not None
    assert middleware is not sent
    assert id(middleware.app) == id(there)  # `is` would tell mypy that it is no application.
    assert isinstance(there, type(app).__mro__[2])
    assert sum(middleware.counters().values()) == 0
    assert decides(there) == (200, True, False)
    assert decides(there, "/crash") == (500, True, False)
    assert middleware.counters()["actual_allowed"] == 2
    assert sent.counters()["actual_allowed"] == (when == "after")
    middleware.reconfigure(allow_origins=[OTHER])
    assert decides(there) == (200, False, True)
    assert decides(app) == (200, True, False)
    with pytest.raises(corsac.CORSConfigError, match="installed in this application already"):
        install(there, POLICY)


@pytest.mark.parametrize("travel", [by_cloudpickle, copy.deepcopy])
def test_both_ends_of_the_cycle_arrive_as_one(app: Starlette, travel: Travel) -> None:
    app.state.cors = install(app, POLICY)
    there, middleware = travel((app, app.state.cors))
    assert there.state.cors is middleware
    assert installed(there) is middleware
    middleware, there = travel((app.state.cors, app))
    assert (middleware.app, installed(there)) == (there, middleware)
    alone = travel(app.state.cors)
    assert isinstance(alone, InstalledCORSMiddleware)
    assert installed(alone.app) is alone
    assert decides(alone.app) == (200, True, False)


@pytest.mark.parametrize("travel", [by_cloudpickle, copy.deepcopy])
def test_observers_may_know_the_application(travel: Travel) -> None:
    class Watcher:
        def __init__(self, app: Any) -> None:
            self.app = app
            self.told: list[str] = []

        def tell(self, refusal: corsac.Refusal) -> None:
            self.told.append(refusal.reason)

    app = make_starlette()
    app.state.watcher = Watcher(app)
    install(app, POLICY, on_refusal=app.state.watcher.tell)
    there = travel(app)
    decides(there)
    assert there.state.watcher.app is there
    assert there.state.watcher.told == ["origin-not-allowed"]
    assert app.state.watcher.told == []


@pytest.mark.parametrize("travel", [by_cloudpickle, copy.deepcopy])
@pytest.mark.parametrize("cls", [corsac.CORSMiddleware, compat.CORSMiddleware])
def test_an_entry_of_the_applications_middleware_travels(
    app: Starlette, travel: Travel, cls: Any
) -> None:
    app.add_middleware(cls, allow_origins=[ORIGIN])
    assert decides(travel(app)) == (200, True, False)
    assert decides(app) == (200, True, False)
    assert decides(travel(app)) == (200, True, False)  # The stack exists.
    entry = Middleware(cls, allow_origins=[ORIGIN])
    assert travel(entry).kwargs == entry.kwargs


class Selective(FastAPI):
    """Says itself what of it travels, and how it is read back."""

    def __getstate__(self) -> Any:
        return [dict(vars(self))]

    def __setstate__(self, state: Any) -> None:
        (attributes,) = state
        vars(self).update(attributes)
        vars(self)["was_read_back"] = True


@pytest.mark.parametrize("travel", [by_cloudpickle, copy.copy])
def test_an_application_with_a_state_of_its_own_keeps_it(travel: Travel) -> None:
    app = Selective()
    app.get("/hello", response_model=None)(hello)
    install(app, POLICY)
    there = travel(app)
    assert vars(there)["was_read_back"] is True
    assert decides(there) == (200, True, False)


class ByCall(Starlette):
    """Is made by a call where it arrives."""

    def __reduce__(self) -> Any:
        return _make_by_call, ("/hello",)


def _make_by_call(path: str) -> ByCall:
    app = ByCall()
    app.router.add_route(path, hello)
    return app


@pytest.mark.parametrize("travel", [*EVERY_WAY, copy.copy])
def test_an_application_that_is_made_by_a_call_is_installed_in_too(travel: Travel) -> None:
    app = _make_by_call("/hello")
    install(app, POLICY)
    there = travel(app)
    assert isinstance(there, ByCall)
    assert installed(there) is not installed(app)
    assert decides(there) == (200, True, False)


def test_routes_have_their_own_policies_where_they_arrive(
    app: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    cors(allow_origins=[OTHER])(app.routes[-2])
    install(app, POLICY)
    sent = cloudpickle.dumps(app)
    monkeypatch.setattr(marks, "exist", False)  # As in a process that has marked nothing.
    assert decides(pickle.loads(sent)) == (200, False, True)  # noqa: S301


def test_another_process_reads_it() -> None:
    app = make_starlette()
    cors(allow_origins=[OTHER])(app.routes[0])
    install(app, POLICY)
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        sent = cloudpickle.dumps(app)
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    code = (
        "import pickle, sys\n"
        "app = pickle.load(sys.stdin.buffer)\n"
        "from starlette.testclient import TestClient\n"
        "for path in ('/hello', '/crash'):\n"
        "    client = TestClient(app, raise_server_exceptions=False)\n"
        f"    for origin in ({ORIGIN!r}, {OTHER!r}):\n"
        "        got = client.get(path, headers={'Origin': origin}).headers\n"
        "        print(got.get('access-control-allow-origin'))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], input=sent, capture_output=True, check=True
    )
    assert ended.stdout.decode().split() == ["None", OTHER, ORIGIN, "None"]


def test_rays_way_to_take_an_application(app: Starlette) -> None:
    """Its `@serve.ingress` freezes a copy of the application, and serves that."""
    install(app, POLICY)
    frozen = cloudpickle.loads(cloudpickle.dumps(app))
    assert isinstance(frozen, Starlette)
    again = cloudpickle.loads(cloudpickle.dumps(frozen))
    assert decides(again) == (200, True, False)


def test_one_middleware_in_another_travels_whole() -> None:
    inner = corsac.CORSMiddleware(asgi_app, STRICT)
    there: Any = copy.deepcopy(corsac.CORSMiddleware(inner, POLICY))
    assert (there.policy, there.app.policy, there.app.app) == (POLICY, STRICT, asgi_app)
    assert there.app is not inner
