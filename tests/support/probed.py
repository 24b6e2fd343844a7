"""Servers for `corsac probe`: right ones, faulty ones, and what the probe says of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from corsac.browser import FetchRequest
from corsac.cli import main
from corsac.cli.probe import probe
from corsac.lab.loopback import listen, serving
from support.raw_server import Handle, RawRequest, answering, http, serving_raw

__all__ = ["APP", "Allow", "codes_of", "listed", "probe_json", "server", "serving_app"]

APP = "https://app.example.com"

Allow = Callable[[str | None], str | None]


def listed(origin: str | None) -> str | None:
    """Allow one page."""
    return origin if origin == APP else None


def server(
    allow: Allow = listed,
    *,
    credentials: str | None = None,
    vary: Callable[[RawRequest], str | None] = lambda request: "Origin",
    preflight: Sequence[str] = ("Access-Control-Max-Age: 600",),
    preflight_status: int = 204,
    extra: Sequence[str] = (),
    status: Callable[[RawRequest], int] = lambda request: 200,
) -> Handle:
    """A server that is right unless it is told otherwise.

    Args:
        allow: The Access-Control-Allow-Origin for an Origin.
        credentials: The Access-Control-Allow-Credentials for those who are allowed.
        vary: The Vary of an answer.
        preflight: More lines of answers to preflights of those who are allowed.
        preflight_status: Their status.
        extra: More lines of all other answers.
        status: The status of those.
    """

    def answer(request: RawRequest) -> bytes:
        allowed, named = allow(request.origin), vary(request)
        lines = [] if named is None else [f"Vary: {named}"]
        if allowed is not None:
            lines.append(f"Access-Control-Allow-Origin: {allowed}")
            if credentials is not None:
                lines.append(f"Access-Control-Allow-Credentials: {credentials}")
        if not request.is_preflight:
            return http(status(request), *lines, *extra)
        if allowed is not None:
            lines += ["Access-Control-Allow-Methods: GET, PUT", *preflight]
        return http(preflight_status, *lines)

    return answering(answer)


@contextmanager
def serving_app(app: Any) -> Iterator[str]:
    """Serve an ASGI application with uvicorn, and give the URL of its items."""
    with closing(listen(0, 0)) as listener, serving([(app, listener)]):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/items"


def codes_of(handle: Handle, *, origin: str = APP, **options: Any) -> list[str]:
    """The codes of what a probe finds, in its order.

    Args:
        handle: The server.
        origin: The page's origin.
        options: More arguments of `FetchRequest`.
    """
    with serving_raw(handle) as running:
        request = FetchRequest(f"{running.url}/items", origin, **options)
        result = asyncio.run(probe(request))
    return [lint.code for lint in result.lints]


def probe_json(capsys: Any, url: str, *options: str) -> tuple[int, dict[str, Any]]:
    """Run ``corsac probe --json``.

    Returns:
        The exit code and the object.
    """
    code = main(["probe", url, *options, "--json"])
    output = capsys.readouterr()
    assert output.err == ""
    data: dict[str, Any] = json.loads(output.out)
    return code, data
