"""The page server: the demo's page, and the API's log for it."""

from __future__ import annotations

import dataclasses

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from corsac._types import ASGIApp
from corsac.cli.demo import page_script, page_style
from corsac.cli.demo.api import policy_options
from corsac.cli.demo.exchange import judge
from corsac.cli.demo.page_markup import FRAME_HTML, INDEX_HTML
from corsac.cli.demo.recorder import ExchangeLog
from corsac.cli.demo.scenarios import SCENARIOS, Addresses
from corsac.cli.demo.steps import seven_steps

__all__ = ["make_page_server"]

_FILES = {
    "/style.css": ("text/css", page_style.STYLE_CSS),
    "/request.js": ("text/javascript", page_script.REQUEST_JS),
    "/app.js": ("text/javascript", page_script.APP_JS),
    "/frame.js": ("text/javascript", page_script.FRAME_JS),
}


def make_page_server(addresses: Addresses, log: ExchangeLog) -> ASGIApp:
    """Make the server of both pages; which page a browser sees is a matter of the host's name.

    Args:
        addresses: Where everything is.
        log: What the API saw.

    Returns:
        An ASGI application.
    """
    pages = _Pages(addresses, log)
    return Starlette(
        routes=[
            Route("/", pages.index),
            Route("/frame", pages.frame),
            Route("/config.json", pages.config),
            Route("/exchanges/{exchange}", pages.exchange),
            *(Route(path, pages.file) for path in _FILES),
        ],
        # Another site's name that was made to resolve to this machine gets nothing.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["localhost", "127.0.0.1"])],
    )


class _Pages:
    def __init__(self, addresses: Addresses, log: ExchangeLog) -> None:
        self._addresses = addresses
        self._log = log
        self._scenarios = {scenario.id: scenario for scenario in SCENARIOS}
        options = policy_options(addresses).items()
        lines = "".join(f"    {name}={value!r},\n" for name, value in options).replace("'", '"')
        self._policy = f"app = corsac.CORSMiddleware(\n    app,\n{lines})"
        self._headers = {
            "Cache-Control": "no-store",
            "Content-Security-Policy": (
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
                f"connect-src 'self' {addresses.api}; frame-src {addresses.refused_page}; "
                f"frame-ancestors {addresses.allowed_page}; base-uri 'none'; form-action 'none'"
            ),
            "X-Content-Type-Options": "nosniff",
        }

    async def index(self, request: Request) -> Response:
        """The page; a visitor who comes by the refused page's name is sent to the allowed one."""
        if request.url.hostname != "localhost":
            return RedirectResponse(f"{self._addresses.allowed_page}/")
        return Response(INDEX_HTML, media_type="text/html", headers=self._headers)

    async def frame(self, request: Request) -> Response:
        """The refused page, which the page embeds."""
        return Response(FRAME_HTML, media_type="text/html", headers=self._headers)

    async def file(self, request: Request) -> Response:
        """A style sheet or a script."""
        media_type, content = _FILES[request.url.path]
        return Response(content, media_type=media_type, headers=self._headers)

    async def config(self, request: Request) -> Response:
        """Where everything is, and the scenarios."""
        content = {
            "api": self._addresses.api,
            "allowedPage": self._addresses.allowed_page,
            "refusedPage": self._addresses.refused_page,
            "policy": self._policy,
            "scenarios": [scenario.as_json() for scenario in SCENARIOS],
        }
        return JSONResponse(content, headers=self._headers)

    async def exchange(self, request: Request) -> Response:
        """What the API saw of one exchange, step by step, with the verdict of the standard."""
        scenario = self._scenarios.get(request.query_params.get("scenario", ""))
        if scenario is None:
            return JSONResponse({"error": "no such scenario"}, 404, self._headers)
        exchange = self._log.exchange(request.path_params["exchange"])
        steps = seven_steps(scenario, self._addresses, exchange)
        verdict = judge(scenario, self._addresses, exchange)
        content = {
            "steps": [dataclasses.asdict(step) for step in steps],
            "verdict": dataclasses.asdict(verdict),
        }
        return JSONResponse(content, headers=self._headers)
