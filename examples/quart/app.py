"""Quart with Corsac. Run it: hypercorn app:app."""

from __future__ import annotations

from quart import Quart

import corsac

app = Quart(__name__)


@app.route("/notes", methods=["GET", "PUT"])
async def notes() -> list[str]:
    """Pages of one origin may read this, and change it."""
    return ["milk", "eggs"]


@app.get("/public")
async def public() -> str:
    """Any page may read this."""
    return "for everybody"


@app.get("/crash")
async def crash() -> str:
    """Has a mistake: a page that may read the others can read its 500."""
    raise LookupError("no such note")


anyone = corsac.CORSPolicy(allow_origins=["*"])
ours = corsac.CORSPolicy(
    allow_origins=["https://app.example.com"], allow_methods=["PUT"], allow_credentials=True
)
# Quart has no CORS of its own; the extension quart-cors is left out, or there would be two layers.
# `app` stays Quart's object, so that its commands and its test client still work.
app.asgi_app = corsac.CORSMiddleware(  # type: ignore[method-assign,assignment]
    app.asgi_app,  # type: ignore[arg-type] # its own ASGI types
    ours,
    rules=[("/public", anyone)],
)
