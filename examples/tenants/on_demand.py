"""The same without a list: each process asks the database when an origin comes, and remembers.

For more domains than are worth having in memory. Run it: uvicorn on_demand:app --workers 3.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import admin
import psycopg
from domains import CHANNEL
from fastapi import FastAPI

import corsac.starlette

logging.basicConfig(level=logging.INFO)


async def is_of_a_customer(origin: str) -> bool:
    """Ask for one domain; what raises refuses, and is asked again."""
    scheme, _, domain = origin.partition("://")
    query = "SELECT true FROM domains WHERE domain = %s"
    async with await psycopg.AsyncConnection.connect(admin.DATABASE) as connection:
        cursor = await connection.execute(query, [domain])
        return scheme == "https" and await cursor.fetchone() is not None


customers = corsac.OriginFunction(is_of_a_customer, timeout=5.0, ttl=3600.0)


async def forget_what_changes() -> None:
    """Forget the answer about each domain that was added or removed, in this process."""
    while True:
        try:
            connect = psycopg.AsyncConnection.connect(admin.DATABASE, autocommit=True)
            async with await connect as connection:
                await connection.execute(f"LISTEN {CHANNEL}")
                customers.forget()  # What changed while nobody listened is not known.
                async for notify in connection.notifies():
                    customers.forget(f"https://{notify.payload}")
        except psycopg.OperationalError as error:
            logging.getLogger("tenants").warning("nobody tells of changes: %s", error)
            await asyncio.sleep(1.0)


@contextlib.asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Listen as long as the application runs."""
    listening = asyncio.create_task(forget_what_changes())
    yield
    listening.cancel()


app = FastAPI(lifespan=lifespan)
corsac.starlette.install(
    app,
    allow_origins=["https://app.example.com"],
    allow_origin_func=customers,
    allow_credentials=True,
)
admin.install(app)


@app.get("/notes")
async def notes() -> list[str]:
    """The pages of every customer may read this."""
    return ["milk", "eggs"]
