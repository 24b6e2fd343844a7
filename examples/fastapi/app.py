"""FastAPI with Corsac. Run it: uvicorn app:app."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

import corsac.starlette

app = FastAPI()
public_router = APIRouter()


@app.get("/notes")
@app.put("/notes")
async def notes() -> list[str]:
    """Pages of one origin may read this, and change it."""
    return ["milk", "eggs"]


@public_router.get("/public")
async def public() -> str:
    """Any page may read this."""
    return "for everybody"


@app.get("/crash")
async def crash() -> None:
    """Has a mistake: a page that may read the others can read its 500."""
    raise LookupError("no such note")


anyone = corsac.CORSPolicy(allow_origins=["*"])
app.include_router(corsac.starlette.cors(anyone)(public_router))

# FastAPI's own CORSMiddleware, which is Starlette's, stays off as long as nobody adds it.
corsac.starlette.install(
    app,
    allow_origins=["https://app.example.com"],
    allow_methods=["PUT"],
    allow_credentials=True,
)
