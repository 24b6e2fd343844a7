"""The page that the user sees, and the API behind it, which nobody else can use."""

from __future__ import annotations

import importlib.util
import json
import secrets
from typing import Any

from starlette.concurrency import run_in_threadpool

from corsac._types import ASGIApp, Receive, Scope, Send
from corsac.lab.api import SIGN_IN_PATH
from corsac.lab.cases import CaseStore
from corsac.lab.evaluating import compare, evaluate
from corsac.lab.pages import Pages, answer, file_text, host_of
from corsac.lab.places import Places
from corsac.lab.state import InputError

__all__ = ["MAX_BODY", "TOKEN_HEADER", "make_control"]

MAX_BODY = 64 * 1024
"""Bytes of a request to the control API."""
TOKEN_HEADER = "x-lab-token"  # noqa: S105 - its name

_FILES = {
    "/lab.css": ("lab.css", "text/css"),
    "/lab.js": ("lab.js", "text/javascript"),
    "/form.js": ("form.js", "text/javascript"),
    "/results.js": ("results.js", "text/javascript"),
    "/presets.js": ("presets.js", "text/javascript"),
}


class _RefusedError(Exception):
    """A request to the control API that is not the page's own, or cannot be read."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def make_control(places: Places, cases: CaseStore) -> tuple[ASGIApp, str]:
    """Make the server of the page, of its API, and of most frames.

    Args:
        places: Where everything is.
        cases: What is evaluated.

    Returns:
        An ASGI application, and the token that requests to its API have to show. Requests for
        other hosts are refused (DNS rebinding).
    """
    control = _Control(places, cases)
    return control, control.token


class _Control:
    def __init__(self, places: Places, cases: CaseStore) -> None:
        self.token = secrets.token_urlsafe(24)
        self._places = places
        self._cases = cases
        self._frames = Pages(places)
        self._host = places.control.partition("://")[2]
        self._frame_hosts = {it.partition("://")[2] for it in places.frame_origins}
        config = {
            "token": self.token,
            "control": places.control,
            "api": places.api,
            "signIn": places.api + SIGN_IN_PATH,
            "pages": places.pages,
            "frames": {page: places.frame_url(page) for page in places.pages},
            "regex": importlib.util.find_spec("re2") is not None,
        }
        text = json.dumps(config).replace("<", "\\u003c")
        self._index = file_text("index.html").replace("{config}", text).encode()
        frames = " ".join(places.frame_origins)
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
            f"connect-src 'self' {places.api}{SIGN_IN_PATH}; frame-src {frames}; "
            "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        )
        self._lines = [
            (b"content-security-policy", policy.encode()),
            (b"referrer-policy", b"no-referrer"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        host = host_of(scope)
        if host not in self._places.page_hosts:
            await answer(send, 421, b"this host is none of the lab's\n")
        elif host in self._frame_hosts:
            await self._frames.frame(scope, send)
        elif host != self._host:
            await answer(send, 307, b"", [(b"location", f"{self._places.control}/".encode())])
        elif scope["path"].startswith("/api/"):
            await self._call(scope, receive, send)
        else:
            await self._file(scope, send)

    async def _file(self, scope: Scope, send: Send) -> None:
        name, kind = _FILES.get(scope["path"], ("", ""))
        if scope["method"] not in {"GET", "HEAD"}:
            await answer(send, 405, b"only GET\n", self._lines)
        elif scope["path"] == "/":
            await answer(send, 200, self._index, self._lines, "text/html")
        elif name:
            await answer(send, 200, file_text(name).encode(), self._lines, kind)
        else:
            await answer(send, 404, b"there is nothing here\n", self._lines)

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._check_caller(scope)
            content = await _read_json(scope, receive)
            status, result = 200, await run_in_threadpool(self._result, scope["path"], content)
        except _RefusedError as error:
            status, result = error.status, {"error": str(error)}
        except InputError as error:
            status, result = 400, {"error": str(error), "field": error.field}
        body = json.dumps(result, ensure_ascii=True).encode()
        await answer(send, status, body, self._lines, "application/json")

    def _check_caller(self, scope: Scope) -> None:
        """See that it is the page itself that asks, and none that another site put there."""
        values: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            values.setdefault(name, []).append(value)
        if scope["method"] != "POST":
            raise _RefusedError(405, "only POST")
        if values.get(b"sec-fetch-site", [b"same-origin"]) != [b"same-origin"]:
            raise _RefusedError(403, "only the lab's own page may ask")
        if values.get(b"origin", []) != [self._places.control.encode()]:
            raise _RefusedError(403, "only the lab's own page may ask")
        given = values.get(TOKEN_HEADER.encode(), [b""])
        if len(given) != 1 or not secrets.compare_digest(given[0], self.token.encode()):
            raise _RefusedError(403, "the lab was started anew: load the page again")

    def _result(self, path: str, content: Any) -> dict[str, Any]:
        if path == "/api/evaluate":
            return evaluate(content, self._places, self._cases)
        if path != "/api/compare":
            raise _RefusedError(404, "there is nothing here")
        given = content if isinstance(content, dict) else {}
        name, profile = given.get("case"), given.get("profile")
        case = self._cases.get(name) if isinstance(name, str) else None
        if case is None:
            raise _RefusedError(404, "there is no such case any more")
        return compare(case, profile if isinstance(profile, str) else "", given.get("result"))


async def _read_json(scope: Scope, receive: Receive) -> Any:
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise _RefusedError(400, "the request was cut off")
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            raise _RefusedError(413, f"at most {MAX_BODY} bytes are taken")
        if not message.get("more_body", False):
            break
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _RefusedError(400, "JSON is wanted") from error
