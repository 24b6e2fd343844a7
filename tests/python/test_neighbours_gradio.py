"""Gradio mounted in an application: it adds CORS headers of its own for any origin.

It does not where the application has Starlette's `CORSMiddleware`. It is heavy (80 packages), so it
is no part of the extra `test`: without it, a stand-in does what its middleware does.
"""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware as StarletteCORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

import corsac
import corsac.starlette
from corsac.compat import starlette as compat

ORIGIN, EVIL = "https://app.example.com", "https://evil.example"
OPTIONS: dict[str, Any] = {"allow_origins": [ORIGIN], "allow_credentials": True}


class GradiosCORSMiddleware:
    """Does what `CustomCORSMiddleware` of Gradio 6.31 does away from localhost."""

    def __init__(self, app: Any, parent_app: Any) -> None:
        self.app = app
        self.parent_app = parent_app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        origin = Headers(scope=scope).get("origin") if scope["type"] == "http" else None
        entries = self.parent_app.user_middleware
        if origin is None or any(entry.cls is StarletteCORSMiddleware for entry in entries):
            await self.app(scope, receive, send)
            return

        async def allow(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Access-Control-Allow-Origin"] = origin
                headers["Access-Control-Allow-Credentials"] = "true"
                headers.add_vary_header("Origin")
            await send(message)

        await self.app(scope, receive, allow)


async def config(_: Request) -> Response:
    return PlainTextResponse("config")


def with_stand_in(app: Starlette) -> None:
    layers = [Middleware(GradiosCORSMiddleware, parent_app=app)]
    app.router.routes.append(Mount("/ui", routes=[Route("/config", config)], middleware=layers))


def add_drop_in(app: Any) -> None:
    app.add_middleware(compat.CORSMiddleware, **OPTIONS)


def add_subclass(app: Any) -> None:
    class Ours(compat.CORSMiddleware):
        pass

    app.add_middleware(Ours, **OPTIONS)


def add_native(app: Any) -> None:
    app.add_middleware(corsac.CORSMiddleware, **OPTIONS)


def install(app: Any) -> None:
    corsac.starlette.install(app, **OPTIONS)


def answers(client: TestClient) -> dict[str, dict[str, str]]:
    """The CORS headers for each origin."""
    return {
        origin: {
            name: value
            for name, value in client.get("/ui/config", headers={"Origin": origin}).headers.items()
            if name.startswith("access-control-") or name == "vary"
        }
        for origin in (EVIL, ORIGIN)
    }


ALLOWED = {
    "access-control-allow-origin": ORIGIN,
    "access-control-allow-credentials": "true",
    "vary": "Origin",
}
# Starlette's class sends the credentials header to everybody; without the other it says nothing.
STARLETTES = {EVIL: {"access-control-allow-credentials": "true", "vary": "Origin"}, ORIGIN: ALLOWED}
OURS = {EVIL: {"vary": "Origin"}, ORIGIN: ALLOWED}

LAYERS = [
    (add_drop_in, STARLETTES),
    (add_subclass, STARLETTES),
    (add_native, OURS),
    (install, OURS),
]


@pytest.mark.parametrize(("add", "expected"), LAYERS)
def test_an_evil_origin_is_not_allowed_by_what_is_mounted(
    add: Callable[[Any], None], expected: dict[str, dict[str, str]]
) -> None:
    app = Starlette()
    with_stand_in(app)
    add(app)
    with TestClient(app, base_url="http://server.example") as client:
        assert answers(client) == expected
        app.middleware_stack = None  # The drop-in is made again from its entry.
        assert answers(client) == expected


def test_the_stand_in_allows_anybody_where_nothing_is_outside() -> None:
    app = Starlette()
    with_stand_in(app)
    assert answers(TestClient(app))[EVIL]["access-control-allow-origin"] == EVIL


@pytest.mark.skipif(importlib.util.find_spec("gradio") is None, reason="Gradio is not installed")
def test_gradio_itself_stands_aside_or_is_overruled() -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", __file__], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "as expected\n" * len(LAYERS)), ended.stderr


def main() -> None:
    """Try Gradio itself, in a process of its own: it takes seconds to import."""
    import fastapi  # noqa: PLC0415

    gradio: Any = importlib.import_module("gradio")
    for add, expected in LAYERS:
        app = fastapi.FastAPI()
        add(app)
        with gradio.Blocks() as blocks:
            gradio.Textbox()
        app = gradio.mount_gradio_app(app, blocks, path="/ui")
        with TestClient(app, base_url="http://server.example") as client:
            found = answers(client)
        print("as expected" if found == expected else found)


if __name__ == "__main__":
    main()
