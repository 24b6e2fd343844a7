"""Litestar with Corsac. Run it: uvicorn app:app."""

from __future__ import annotations

from litestar import Litestar, get, put

import corsac


@get("/notes")
async def notes() -> list[str]:
    """Pages of one origin may read this."""
    return ["milk", "eggs"]


@put("/notes")
async def change_notes() -> list[str]:
    """And change it."""
    return ["milk"]


@get("/public")
async def public() -> str:
    """Any page may read this."""
    return "for everybody"


@get("/crash")
async def crash() -> None:
    """Has a mistake: a page that may read the others can read its 500."""
    raise LookupError("no such note")


# Without `cors_config` Litestar's own CORS layer is off. With it there would be two.
# Litestar serves /public/ as /public, so the rule is a prefix: /public/* stands for both.
app = corsac.CORSMiddleware(
    Litestar([notes, change_notes, public, crash]),  # type: ignore[arg-type] # its own ASGI types
    allow_origins=["https://app.example.com"],
    allow_methods=["PUT"],
    allow_credentials=True,
    rules=[("/public/*", corsac.CORSPolicy(allow_origins=["*"]))],
)
