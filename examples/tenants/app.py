"""Customers bring domains: every process follows all of them. Run it: uvicorn app:app --workers 3.

DATABASE is where PostgreSQL is, with what schema.sql makes; ADMIN_TOKEN is what the routes of
admin.py ask for.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import AsyncIterator
from typing import Any

import admin
from domains import PostgresSource
from fastapi import FastAPI

import corsac.starlette
from corsac.live import Follower

logging.basicConfig(level=logging.INFO)

base = corsac.CORSPolicy(allow_origins=["https://app.example.com"], allow_credentials=True)


@contextlib.asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Follow as long as the application runs."""
    async with follower:
        yield


app = FastAPI(lifespan=lifespan)
follower = Follower(
    corsac.starlette.install(app, base),
    PostgresSource(admin.DATABASE),
    base=base,
    must_load=False,  # It starts without the database, too, and has the base alone until then.
    allow_empty=True,  # The last domain may go as well.
)
admin.install(app)


@app.get("/notes")
async def notes() -> list[str]:
    """The pages of every customer may read this."""
    return ["milk", "eggs"]


@app.get("/origins")
async def origins() -> dict[str, Any]:
    """How this process follows; an alarm belongs on "stale"."""
    return dataclasses.asdict(follower.status)
