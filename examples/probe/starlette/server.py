"""Starlette's own CORSMiddleware, set up in ways that environment variables name."""

from __future__ import annotations

import os
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "listed": {
        "allow_origins": ["https://app.example.com"],
        "allow_methods": ["GET", "PUT"],
        "allow_headers": ["content-type"],
        "max_age": 600,
    },
    # "All of our pages": but .* takes any host that ends so, with or without a dot before it.
    "regex-suffix": {
        "allow_origin_regex": r"https://.*example\.com",
        "allow_methods": ["*"],
        "allow_headers": ["*"],
        "allow_credentials": True,
    },
    "any-with-credentials": {
        "allow_origins": ["*"],
        "allow_methods": ["*"],
        "allow_headers": ["*"],
        "allow_credentials": True,
    },
}


async def items(request: Request) -> JSONResponse:
    """Answer with something that a page would want."""
    return JSONResponse({"items": []}, headers={"x-total-count": "0"})


app = Starlette(
    routes=[Route("/items", items, methods=["GET", "PUT"])],
    middleware=[Middleware(CORSMiddleware, **CONFIGURATIONS[os.environ["CONFIGURATION"]])],
)
