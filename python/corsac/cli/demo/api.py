"""The demo's API: a small Starlette application behind `corsac.CORSMiddleware`."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from corsac import CORSMiddleware
from corsac._types import ASGIApp
from corsac.cli.demo.recorder import ApplicationMark, ExchangeLog, Recorder
from corsac.cli.demo.scenarios import Addresses
from corsac.policy import CORSPolicyOptions

__all__ = ["COOKIE", "SIGN_IN_PATH", "Protect", "make_api", "policy_options", "protect"]

SIGN_IN_PATH = "/sign-in"
COOKIE = "corsac_demo"

Protect = Callable[[ASGIApp, Addresses], ASGIApp]
"""Puts a policy in front of an application."""


def policy_options(addresses: Addresses) -> CORSPolicyOptions:
    """The options of the demo's policy; the page shows them too."""
    return {
        "allow_origins": [addresses.allowed_page],
        "allow_methods": ["PUT"],
        "allow_headers": ["content-type"],
        "allow_credentials": True,
        "expose_headers": ["x-request-id"],
    }


def protect(app: ASGIApp, addresses: Addresses) -> ASGIApp:
    """Put the demo's policy in front of an application."""
    return CORSMiddleware(app, **policy_options(addresses))


def make_api(addresses: Addresses, log: ExchangeLog, protect: Protect = protect) -> ASGIApp:
    """Make the API.

    Args:
        addresses: Where the pages are.
        log: Where the requests are noted.
        protect: Puts the policy in front; a test may put another one.

    Returns:
        An ASGI application: recorder, policy, mark, routes, from the outside in.
    """
    routes = Starlette(
        routes=[
            Route("/notes", _read_notes, methods=["GET"]),
            Route("/notes/{note:int}", _change_note, methods=["PUT", "DELETE"]),
            Route("/profile", _change_profile, methods=["PUT"]),
            Route(SIGN_IN_PATH, _sign_in, methods=["POST"]),
        ]
    )
    return Recorder(protect(ApplicationMark(routes), addresses), log, sign_in_path=SIGN_IN_PATH)


def _answer(content: dict[str, Any], status: int = 200) -> JSONResponse:
    headers = {
        "Cache-Control": "no-store",
        "X-Request-ID": secrets.token_hex(4),
        "X-Served-By": "corsac-demo",
    }
    return JSONResponse(content, status, headers)


async def _read_notes(request: Request) -> Response:
    return _answer({"notes": [{"id": 1, "text": "hello"}]})


async def _change_note(request: Request) -> Response:
    return _answer({"id": request.path_params["note"], "done": request.method})


async def _change_profile(request: Request) -> Response:
    if COOKIE not in request.cookies:
        return _answer({"error": "not signed in"}, 401)
    return _answer({"signed_in": True})


async def _sign_in(request: Request) -> Response:
    response = Response(status_code=204)
    # Lax is enough, since both origins are on one site. Not Secure, since this is plain HTTP.
    response.set_cookie(COOKIE, "signed-in", httponly=True, samesite="lax")
    return response
