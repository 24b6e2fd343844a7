"""Asks an application of each protocol across a socket, with nothing but Corsac.

A program: it prints what the page of an allowed and of another origin gets.
"""

from __future__ import annotations

import asyncio
import http.client
import threading
import wsgiref.simple_server
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import corsac
import corsac.wsgi

ALLOWED = "https://app.example.com"
Message = MutableMapping[str, Any]


async def asgi_app(scope: Message, receive: object, send: Callable[[Message], Any]) -> None:
    """Answer every request."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"asgi"})


def wsgi_app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer every request."""
    start_response("200 OK", [])
    return [b"wsgi"]


class QuietHandler(wsgiref.simple_server.WSGIRequestHandler):
    """Writes no line for each request."""

    def log_message(self, format: str, *args: object) -> None:
        """Leave it out."""


def over_asgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Let the ASGI application answer a request of the WSGI server."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [
        (key[5:].lower().replace("_", "-").encode(), value.encode())
        for key, value in environ.items()
        if key.startswith("HTTP_")
    ]
    scope = {
        "type": "http",
        "method": environ["REQUEST_METHOD"],
        "scheme": "http",
        "path": environ["PATH_INFO"],
        "headers": headers,
    }
    asyncio.run(asgi(scope, None, send))  # type: ignore[arg-type]
    lines = [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]
    start_response(f"{sent[0]['status']} OK", lines)
    return [sent[1].get("body", b"")]


def exchange(port: int, method: str, origin: str) -> tuple[int, str | None, str | None, str]:
    """Send one request; what of the answer is about CORS."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Origin": origin}
    if method == "OPTIONS":
        headers["Access-Control-Request-Method"] = "PUT"
    connection.request(method, "/", headers=headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    allowed = answer.getheader("access-control-allow-origin")
    return answer.status, allowed, answer.getheader("vary"), body


asgi = corsac.CORSMiddleware(asgi_app, allow_origins=[ALLOWED], allow_methods=["PUT"])
wsgi = corsac.wsgi.CORSMiddleware(wsgi_app, allow_origins=[ALLOWED], allow_methods=["PUT"])


def main() -> None:
    """Serve each, ask it, and compare."""
    for name, served in (("asgi", over_asgi), ("wsgi", wsgi)):
        server = wsgiref.simple_server.make_server(
            "127.0.0.1", 0, served, handler_class=QuietHandler
        )
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            port = server.server_port
            allowed = exchange(port, "GET", ALLOWED)
            refused = exchange(port, "GET", "https://evil.example")
            preflight = exchange(port, "OPTIONS", ALLOWED)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
        print(name, allowed, refused, preflight)
        if allowed != (200, ALLOWED, "Origin", name):
            raise SystemExit(f"{name}: an allowed origin got {allowed}")
        if refused != (200, None, "Origin", name):
            raise SystemExit(f"{name}: another origin got {refused}")
        if preflight != (204, ALLOWED, "Origin", ""):
            raise SystemExit(f"{name}: a preflight request got {preflight}")
    print("corsac", corsac.__version__, "works where nothing else is")


if __name__ == "__main__":
    main()
