"""Corsac in one application with other packages, each tried in a process of its own.

They patch classes for good, configure what is global, and take long to import:
``python -m support.neighbours NAME``.
"""

from __future__ import annotations

import itertools
import logging
import os
import sys
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette
from starlette.testclient import TestClient

import corsac
import corsac.starlette

ORIGIN, OTHER = "https://app.example.com", "https://evil.example"
POLICY = corsac.CORSPolicy(allow_origins=[ORIGIN])
ALLOWED = {"access-control-allow-origin": ORIGIN, "vary": "Origin"}
REFUSED = {"vary": "Origin"}
RIGHT = {
    "allowed": (200, ALLOWED),
    "crashed": (500, ALLOWED),
    "refused": (200, REFUSED),
    "preflight": (403, REFUSED),
}


class Errors(logging.Handler):
    """Notes what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []
        logging.getLogger().addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(record.getMessage())


def make_app() -> FastAPI:
    app = FastAPI()

    @app.get("/hello")
    async def hello() -> str:
        return "hello"

    @app.get("/crash")
    async def crash() -> str:
        raise LookupError("the application has a mistake")

    return app


def cors_headers(response: Any) -> tuple[int, dict[str, str]]:
    pairs = [
        (name.lower(), value)
        for name, value in getattr(response.headers, "multi_items", response.headers.items)()
        if name.lower().startswith("access-control-") or name.lower() == "vary"
    ]
    assert len(pairs) == len(dict(pairs)), f"a header twice: {pairs}"
    return response.status_code, dict(pairs)


def answers(app: Any) -> dict[str, tuple[int, dict[str, str]]]:
    client = TestClient(app, raise_server_exceptions=False)
    asked = {"Access-Control-Request-Method": "GET"}
    responses = {
        "allowed": client.get("/hello", headers={"Origin": ORIGIN}),
        "crashed": client.get("/crash", headers={"Origin": ORIGIN}),
        "refused": client.get("/hello", headers={"Origin": OTHER}),
        "preflight": client.options("/hello", headers={"Origin": OTHER, **asked}),
    }
    return {name: cors_headers(response) for name, response in responses.items()}


def spans_to() -> tuple[InMemorySpanExporter, TracerProvider]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter, provider


def names(exporter: InMemorySpanExporter) -> list[str]:
    found = [span.name for span in exporter.get_finished_spans() if span.parent is None]
    exporter.clear()
    return found


TRACED = ["GET /hello", "GET /crash", "GET /hello"]


def opentelemetry_fastapi() -> None:
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415

    errors = Errors()
    exporter, provider = spans_to()

    def instrument(app: FastAPI) -> None:
        FastAPIInstrumentor.instrument_app(app, tracer_provider=provider)

    def install(app: FastAPI) -> None:
        app.middleware_stack = None
        corsac.starlette.install(app, POLICY)

    for place in range(4):
        steps = [instrument, FastAPIInstrumentor.uninstrument_app, instrument]
        steps.insert(place, install)
        app = make_app()
        for step in steps:
            step(app)
        app.middleware_stack = None  # Removing built one, and instrumenting does not.
        assert answers(app) == RIGHT, place
        assert names(exporter) == TRACED, place
        FastAPIInstrumentor.uninstrument_app(app)
        assert answers(app) == RIGHT, place
        assert names(exporter) == [], place
    # Every application that is made, instrumented where it is made.
    FastAPIInstrumentor().instrument(tracer_provider=provider)
    import fastapi  # noqa: PLC0415

    app = fastapi.FastAPI()
    app.include_router(make_app().router)
    corsac.starlette.install(app, POLICY)
    assert answers(app) == RIGHT
    assert names(exporter) == TRACED
    FastAPIInstrumentor().uninstrument()
    assert answers(app) == RIGHT
    assert names(exporter) == []
    assert not [line for line in errors.found if "instrumentation" in line], errors.found


def opentelemetry_flask() -> None:
    import flask  # noqa: PLC0415
    from opentelemetry.instrumentation.flask import FlaskInstrumentor  # noqa: PLC0415

    import corsac.flask  # noqa: PLC0415

    exporter, provider = spans_to()
    instrumentor: Any = FlaskInstrumentor()

    def instrument(app: flask.Flask) -> None:
        instrumentor.instrument_app(app, tracer_provider=provider)

    def extend(app: flask.Flask) -> None:
        corsac.flask.CORS(app, origins=[ORIGIN])

    for steps in itertools.permutations([instrument, extend]):
        app = flask.Flask("notes")
        app.add_url_rule("/hello", "hello", lambda: "hello")
        for step in steps:
            step(app)
        client = app.test_client()
        expected = {ORIGIN: ALLOWED, OTHER: REFUSED}
        for origin, headers in expected.items():
            response = client.get("/hello", headers={"Origin": origin})
            assert cors_headers(response)[1] == headers
        assert names(exporter) == ["GET /hello"] * 2
        if steps[0] is extend:  # Else what is put back is older than the extension.
            instrumentor.uninstrument_app(app)
            response = client.get("/hello", headers={"Origin": ORIGIN})
            assert cors_headers(response) == (200, ALLOWED)
            assert names(exporter) == []


def logfire() -> None:
    import logfire as package  # noqa: PLC0415

    exporter = InMemorySpanExporter()
    errors = Errors()
    package.configure(
        send_to_logfire=False,
        console=False,
        additional_span_processors=[SimpleSpanProcessor(exporter)],
    )
    before, after = make_app(), make_app()
    package.instrument_fastapi(before)
    for app in (before, after):
        corsac.starlette.install(app, POLICY)
    with package.instrument_fastapi(after):
        for app in (before, after):
            assert answers(app) == RIGHT
            assert names(exporter) == TRACED
    after.middleware_stack = None
    assert answers(after) == RIGHT
    assert not [line for line in errors.found if "instrumentation" in line], errors.found


def sentry() -> None:
    # It asks eventlet, where that is installed, which then cannot import trio.
    os.environ["EVENTLET_NO_GREENDNS"] = "yes"
    import sentry_sdk  # noqa: PLC0415

    class Transport(sentry_sdk.transport.Transport):
        def capture_envelope(self, envelope: Any) -> None:
            sent.extend(
                event.get("transaction")
                for item in envelope.items
                if (event := item.get_event() or item.get_transaction_event())
            )

    sent: list[str] = []
    before = make_app()
    corsac.starlette.install(before, POLICY)
    assert answers(before) == RIGHT
    sentry_sdk.init(dsn="https://key@sentry.invalid/1", traces_sample_rate=1.0, transport=Transport)
    after = make_app()
    corsac.starlette.install(after, POLICY)
    added = make_app()
    added.add_middleware(corsac.CORSMiddleware, POLICY)
    for app in (before, after):
        sent.clear()
        assert answers(app) == RIGHT
        sentry_sdk.flush()
        assert sent.count("/hello") == 2, sent
        assert "/crash" in sent
    sent.clear()
    # Outside of it stands what answers 500s.
    assert answers(added) == RIGHT | {"crashed": (500, {})}
    sentry_sdk.flush()
    assert sent.count("/hello") == 2, sent


def socketio() -> None:
    import socketio as package  # noqa: PLC0415

    path = "/socket.io/?EIO=4&transport=polling"

    def both(engines_own: Any) -> dict[str, tuple[int, dict[str, str]]]:
        server = package.AsyncServer(async_mode="asgi", cors_allowed_origins=engines_own)
        app = corsac.CORSMiddleware(package.ASGIApp(server, make_app()), POLICY)
        client = TestClient(app)
        found = {
            origin: cors_headers(client.get(path, headers={"Origin": origin}))
            for origin in (ORIGIN, OTHER)
        }
        assert client.get("/hello", headers={"Origin": ORIGIN}).json() == "hello"
        return found

    # The engine checks nothing: Corsac decides.
    assert both([]) == {ORIGIN: (200, ALLOWED), OTHER: (200, REFUSED)}
    # It echoes any origin, with credentials: what it sets does not leave the server.
    assert both("*") == {ORIGIN: (200, ALLOWED), OTHER: (200, REFUSED)}
    # It refuses all but its own origin: a page can read why.
    assert both(None) == {ORIGIN: (400, ALLOWED), OTHER: (400, REFUSED)}
    # The guard refuses before a session begins.
    server = package.AsyncServer(async_mode="asgi", cors_allowed_origins=[])
    guarded = corsac.CORSMiddleware(package.ASGIApp(server), POLICY.replace(guard=True))
    response = TestClient(guarded).post(path, headers={"Origin": OTHER})
    assert (response.status_code, response.text) == (403, "cross-origin-request")


def mcp() -> None:
    from mcp.server.auth.routes import create_auth_routes  # noqa: PLC0415
    from mcp.server.lowlevel import Server  # noqa: PLC0415
    from pydantic import AnyHttpUrl  # noqa: PLC0415

    provider: Any = object()
    issuer = AnyHttpUrl("http://localhost:8000")

    def make() -> Starlette:
        server: Any = Server("notes")
        routes = create_auth_routes(provider, issuer)
        app: Starlette = server.streamable_http_app(custom_starlette_routes=routes)
        return app

    discovery = "/.well-known/oauth-authorization-server"
    # Left alone, discovery is for everybody, as the package means it; all else has the policy.
    rules = [(path, None) for path in ("/.well-known/*", "/token", "/register", "/revoke")]
    app = make()
    middleware = corsac.starlette.install(app, POLICY, rules=rules)
    for served in (app, corsac.CORSMiddleware(make(), POLICY, rules=rules)):
        with TestClient(served, base_url="http://localhost:8000") as client:
            for origin in (ORIGIN, OTHER):
                response = client.get(discovery, headers={"Origin": origin})
                status, headers = cors_headers(response)
                assert (status, headers["access-control-allow-origin"]) == (200, "*")
            for origin, expected in ((ORIGIN, ALLOWED), (OTHER, REFUSED)):
                response = client.post("/mcp", headers={"Origin": origin}, json={})
                assert cors_headers(response)[1] == expected, response.text
    assert [problem.code for problem in middleware.problems] == []
    # Without the rules the policy decides about discovery too, and install says that there is more.
    app = make()
    middleware = corsac.starlette.install(app, POLICY)
    with TestClient(app, base_url="http://localhost:8000") as client:
        response = client.get(discovery, headers={"Origin": OTHER})
        assert cors_headers(response) == (200, REFUSED)
    codes = {problem.code for problem in middleware.problems}
    assert codes == {"middleware.several"}


TRIED: dict[str, Callable[[], None]] = {
    tried.__name__: tried
    for tried in (opentelemetry_fastapi, opentelemetry_flask, logfire, sentry, socketio, mcp)
}


if __name__ == "__main__":
    TRIED[sys.argv[1]]()
