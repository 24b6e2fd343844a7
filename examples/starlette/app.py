"""Starlette with Corsac. Run it: uvicorn app:app."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import corsac.starlette

anyone = corsac.CORSPolicy(allow_origins=["*"])


async def notes(request: Request) -> JSONResponse:
    """Pages of one origin may read this, and change it."""
    return JSONResponse(["milk", "eggs"])


@corsac.starlette.cors(anyone)
async def public(request: Request) -> JSONResponse:
    """Any page may read this."""
    return JSONResponse("for everybody")


async def crash(request: Request) -> JSONResponse:
    """Has a mistake: a page that may read the others can read its 500."""
    raise LookupError("no such note")


app = Starlette(
    routes=[
        Route("/notes", notes, methods=["GET", "PUT"]),
        Route("/public", public),
        Route("/crash", crash),
    ]
)
# Starlette's own CORSMiddleware stays off as long as nobody adds it.
corsac.starlette.install(
    app,
    allow_origins=["https://app.example.com"],
    allow_methods=["PUT"],
    allow_credentials=True,
)
