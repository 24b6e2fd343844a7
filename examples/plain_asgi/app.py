"""An ASGI application without a framework, with Corsac. Run it: uvicorn app:app."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import corsac

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

ANSWERS = {
    ("GET", "/notes"): (200, ["milk", "eggs"]),
    ("PUT", "/notes"): (200, ["milk"]),
    ("GET", "/public"): (200, "for everybody"),
    ("GET", "/crash"): (500, "no such note"),
}


async def answer(scope: Any, receive: Receive, send: Send) -> None:
    """Answer one request, or the lifespan."""
    if scope["type"] == "lifespan":
        while True:
            event = (await receive())["type"].removeprefix("lifespan.")
            await send({"type": f"lifespan.{event}.complete"})
            if event == "shutdown":
                return
    status, content = ANSWERS.get((scope["method"], scope["path"]), (404, "no such path"))
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})


app = corsac.CORSMiddleware(
    answer,
    allow_origins=["https://app.example.com"],
    allow_methods=["PUT"],
    allow_credentials=True,
    rules=[("/public", corsac.CORSPolicy(allow_origins=["*"]))],
)
