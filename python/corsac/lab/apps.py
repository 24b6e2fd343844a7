"""The lab's servers: its page and the API behind it, frames of other origins, and what they ask."""

from __future__ import annotations

import importlib.util
import json
import secrets
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from corsac._types import ASGIApp, Receive, Scope, Send
from corsac.lab.cases import CaseStore, Places
from corsac.lab.evaluating import InputError, compare, evaluate
from corsac.lab.source import NO_SOURCE, Source

__all__ = ["MAX_BODY", "SIGN_IN_PATH", "TOKEN_HEADER", "make_api", "make_control"]

MAX_BODY = 64 * 1024
"""Bytes of a request to the control API."""
TOKEN_HEADER = "x-lab-token"  # noqa: S105 - its name
SIGN_IN_PATH = "/-/sign-in"

_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_COOKIE = {"set-cookie": "corsac_lab=signed-in; Path=/; HttpOnly; SameSite=Lax"}
_TYPES = {"css": "text/css", "js": "text/javascript", "html": "text/html"}


def make_api(places: Places, cases: CaseStore) -> ASGIApp:
    """Make the server of the API, each request under the policy of its case, and of one page.

    Requests for other hosts are refused (DNS rebinding).
    """

    async def api(scope: Scope, receive: Receive, send: Send) -> None:
        app: ASGIApp
        if scope["path"] == SIGN_IN_PATH:
            app = Response(status_code=204, headers=_HEADERS | _COOKIE)
        else:
            case = cases.get(Request(scope).query_params.get("case", ""))
            app = case.respond if case is not None else _GONE
        await app(scope, receive, send)

    hosts: dict[str, ASGIApp] = {places.host(it): api for it in (places.api, places.other_api)}
    return _by_host(hosts | {places.host(places.pages["port"]): _make_frames(places)})


_GONE = PlainTextResponse("there is no such case any more\n", 404, _HEADERS)
_STRANGER = PlainTextResponse("this is not a host of the lab\n", 421, _HEADERS)


def _by_host(apps: Mapping[str, ASGIApp]) -> ASGIApp:
    """Choose by the whole Host, port included; where there is not exactly one, refuse."""

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        app = apps.get(hosts[0], _STRANGER) if len(hosts) == 1 else _STRANGER
        await app(scope, receive, send)

    return choose


def make_control(
    places: Places, cases: CaseStore, source: Source = NO_SOURCE
) -> tuple[ASGIApp, str]:
    """Make the server of the page, of its API, and of most frames; and the API's token.

    Requests for other hosts are refused (DNS rebinding).
    """
    token = secrets.token_urlsafe(24)
    config = {
        "token": token,
        "control": places.control,
        "api": places.api,
        "signIn": places.api + SIGN_IN_PATH,
        "pages": places.pages,
        "frames": {page: places.frame_url(page) for page in places.pages},
        "source": {"name": source.name, "policy": source.form} if source.name else None,
        "regex": importlib.util.find_spec("re2") is not None,
    }
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
        f"connect-src 'self' {places.api}{SIGN_IN_PATH}; "
        f"frame-src {' '.join(places.frame_origins)}; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
    headers = _HEADERS | {
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }

    def call(function: Callable[[Any], dict[str, Any]]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            lines = request.headers
            own_site = lines.getlist("sec-fetch-site") in ([], ["same-origin"])
            if not own_site or lines.getlist("origin") != [places.control]:
                raise HTTPException(403, "only the lab's own page may ask")
            given = lines.getlist(TOKEN_HEADER)
            if len(given) != 1 or not secrets.compare_digest(given[0].encode(), token.encode()):
                raise HTTPException(403, "the lab was restarted: reload the page")
            result = await run_in_threadpool(function, await _read_json(request))
            return _json(result, 200, headers)

        return endpoint

    text = json.dumps(config).replace("<", "\\u003c")
    routes = [
        _file("/", "index.html", headers, config=text),
        *(_file(f"/{name}", name, headers) for name in ("lab.css", "lab.js", "form.js")),
        *(_file(f"/{name}", name, headers) for name in ("results.js", "presets.js")),
        Route(
            "/api/evaluate", call(lambda it: evaluate(it, places, cases, source)), methods=["POST"]
        ),
        Route("/api/compare", call(lambda it: compare(it, cases)), methods=["POST"]),
    ]
    frames = _make_frames(places)
    own = {f"{name}:{places.page_port}" for name in ("localhost", "127.0.0.1")}
    moved = RedirectResponse(f"{places.control}/", 307, _HEADERS)
    hosts: dict[str, ASGIApp] = dict.fromkeys(own, moved)
    hosts |= {places.host(it): frames for it in places.frame_origins}
    hosts.pop(places.host(places.pages["port"]))  # The API's server has it.
    return _by_host(hosts | {places.host(places.control): _make_app(routes, headers)}), token


def _make_frames(places: Places) -> ASGIApp:
    """Make the pages of other origins, which only the lab's page may embed and command."""
    # Named and not 'self': a sandboxed frame has no origin that 'self' could be.
    policy = (
        f"default-src 'none'; script-src {' '.join(places.frame_origins)}; "
        f"connect-src {places.api} {places.other_api}; "
        f"frame-ancestors {places.control}; base-uri 'none'; form-action 'none'"
    )
    headers = _HEADERS | {"content-security-policy": policy}
    page = _file("/frame", "frame.html", headers, control=places.control)
    # A sandboxed frame's script comes from another origin than the frame's opaque one.
    return _make_app([page, _file("/frame.js", "frame.js", headers)], headers)


def _file(path: str, name: str, headers: Mapping[str, str], **values: str) -> Route:
    """Serve one of the page's files, in which names in braces stand for values."""
    text = (resources.files("corsac.lab") / "page" / name).read_text("utf-8")
    for key, value in values.items():
        text = text.replace(f"{{{key}}}", value)
    response = Response(text, 200, headers, _TYPES[name.rpartition(".")[2]])
    return Route(path, response, methods=["GET"])


def _make_app(routes: list[Route], headers: Mapping[str, str]) -> ASGIApp:
    """Make an application that answers errors in JSON."""

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
        lines = {**headers, **(error.headers or {})}
        return _json({"error": error.detail}, error.status_code, lines)

    async def unusable(request: Request, error: Exception) -> Response:
        return _json({"error": str(error), "field": getattr(error, "field", "")}, 400, headers)

    handlers: dict[Any, Any] = {HTTPException: refused, InputError: unusable}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return app


def _json(content: Mapping[str, Any], status: int, headers: Mapping[str, str]) -> Response:
    # Escaped: a page may send half a character, which has no UTF-8.
    return Response(json.dumps(content), status, headers, "application/json")


async def _read_json(request: Request) -> Any:
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY:
                raise HTTPException(413, f"the request is larger than {MAX_BODY} bytes")
        return json.loads(body)
    except ClientDisconnect as error:
        raise HTTPException(400, "the request was cut off") from error
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "the request is not JSON") from error
