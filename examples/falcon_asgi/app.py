"""Falcon, the ASGI application, with Corsac. Run it: uvicorn app:app."""

from __future__ import annotations

import falcon.asgi

import corsac


class Notes:
    """Pages of one origin may read this, and change it."""

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Read the notes."""
        response.media = ["milk", "eggs"]

    async def on_put(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Change the notes."""
        response.media = ["milk"]


class Public:
    """Any page may read this."""

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Read what is public."""
        response.media = "for everybody"


class Crash:
    """Has a mistake: a page that may read the others can read its 500."""

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Fail."""
        raise LookupError("no such note")


# Falcon's own CORS layer is off: cors_enable=False, which is the default.
falcon_app = falcon.asgi.App(cors_enable=False)
falcon_app.add_route("/notes", Notes())
falcon_app.add_route("/public", Public())
falcon_app.add_route("/crash", Crash())
# With this Falcon serves /public/ as /public, so the rule is a prefix: /public/* stands for both.
falcon_app.req_options.strip_url_path_trailing_slash = True

app = corsac.CORSMiddleware(
    falcon_app,  # type: ignore[arg-type] # its own ASGI types
    allow_origins=["https://app.example.com"],
    allow_methods=["PUT"],
    allow_credentials=True,
    rules=[("/public/*", corsac.CORSPolicy(allow_origins=["*"]))],
)
