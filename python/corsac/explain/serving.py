"""The server's side of an explanation: what the middleware does with a request, and why."""

from __future__ import annotations

from collections.abc import Awaitable, Generator, Iterator
from typing import TYPE_CHECKING, NamedTuple

from corsac import _core
from corsac.explain.explanation import Step, shown
from corsac.explain.origins import entry_for, malformed_because, near_miss
from corsac.explain.request import Request

if TYPE_CHECKING:
    from corsac.policy import CORSPolicy

__all__ = ["Deciding", "Served", "serve"]


class Served(NamedTuple):
    """What the middleware did; see `corsac.explain.Explanation` for what is named as there."""

    kind: str
    allowed: bool
    reason: str  # Empty if nothing is refused.
    entry: str | None
    status: int  # Of its own answer; 0 if the application answers.
    headers: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]
    counts: bool  # No browser makes a CORS check of the response if not: a refusal is none.
    failure: str | None  # Why the function that decides about origins gave no answer.
    reads_all_names: bool  # Whether the list of a preflight's headers was read to its end.


Deciding = Generator[Awaitable[bool], bool, Served]
"""Asks for the result of what it yields, which a function decides about an origin."""


def serve(policy: CORSPolicy, compiled: _core.CompiledPolicy, request: Request) -> Deciding:
    """Decide one request by what is compiled, and note why in the words of the policy."""
    environ = request.environ()
    decided = _core.decide_request(compiled, request.method, environ)
    while not isinstance(decided, tuple):  # Once at most: with an answer nobody is asked.
        answer = yield decided
        decided = _core.decide_request(compiled, request.method, environ, answer)
    status, pairs, vary, _, kind, allowed, reason, told = decided
    headers = (*pairs, ("vary", vary)) if vary else tuple(pairs)
    origin = request.value("origin")
    entry = entry_for(policy, origin) if allowed and request.values("origin") else None
    _, told_reason, missing, _ = told
    counts = bool(told_reason) or not reason
    find = getattr(compiled.decide_origin, "failure", None) if reason else None
    failure = None if find is None else find(origin.encode("latin-1", "replace"))
    steps = [_kind_step(kind, request)]
    if kind != "not-cors":
        if entry is None:
            text, section = _why_refused(policy, request, reason, failure)
            # What no browser checks is kept from nobody.
            passed = False if counts or reason == "origin-malformed" else None
        else:
            text, section, passed = _why_allowed(origin, entry), _ALLOW_ORIGIN, True
        steps.append(Step("server", "origin", passed, text, section))
    if (policy.guard or reason.startswith("cross-origin")) and kind != "preflight":
        steps.append(_guard_step(reason))
    if kind == "preflight" and not reason.startswith("origin"):
        asked, is_one = request.value("access-control-request-method"), None
        text = f"the page wants to use {shown(asked)}"
        if reason == "request-method-malformed":
            text, is_one = f"{shown(asked)!r} is not one method name", False
        steps.append(Step("server", "request-method", is_one, text, _REQUEST_METHOD))
    if not status:
        sets_origin = any(name == "access-control-allow-origin" for name, _ in pairs)
        steps += _app_headers_steps(compiled, request.path, sets_origin=sets_origin)
    reads_all = told_reason != "header-not-allowed" or missing is not None
    return Served(
        kind, allowed, reason, entry, status, headers, tuple(steps), counts, failure, reads_all
    )


_HTTP_REQUESTS = 'Fetch, "HTTP requests"'
_ORIGIN = 'Fetch, "`Origin` header"'
_ALLOW_ORIGIN = 'Fetch, "`Access-Control-Allow-Origin` header"'
_REQUEST_METHOD = 'Fetch, "`Access-Control-Request-Method` header"'


def _kind_step(kind: str, request: Request) -> Step:
    if kind == "preflight":
        text = "OPTIONS with Origin and Access-Control-Request-Method is a preflight request"
    elif kind == "actual" and request.method == "OPTIONS":
        text = "OPTIONS without Access-Control-Request-Method is an actual request, no preflight"
    elif kind == "actual":
        text = "a request with an Origin header, and no preflight, is an actual CORS request"
    else:
        text = (
            "no Origin header: it comes from a page of the same origin, from a navigation, or from "
            "no browser, and CORS has no say in it"
        )
    return Step("server", "kind", None, text, _HTTP_REQUESTS)


def _why_refused(
    policy: CORSPolicy, request: Request, reason: str, failure: str | None
) -> tuple[str, str]:
    """Say why an origin is not allowed, and where the standard says so."""
    origin = request.value("origin")
    if reason == "origin-malformed":
        why = malformed_because(request.values("origin"))
        return f"{shown(origin)!r} is not an origin: {why}", _ORIGIN
    if reason == "path-ambiguous":
        choice = "since the path's repeated slashes choose one policy or another"
        return f"nobody is allowed, {choice}", ""
    near = f"allow_origin_func {failure}" if failure else near_miss(policy, origin)
    return f"{shown(origin)} is not allowed" + (f": {shown(near)}" if near else ""), _ALLOW_ORIGIN


def _why_allowed(origin: str, entry: str) -> str:
    if entry == origin:
        return f"{shown(origin)} is in allow_origins"
    if entry.startswith("allow_origin_"):
        return f"{shown(origin)} is allowed by {entry}"
    return f"{shown(origin)} is allowed by the entry {shown(entry)!r} of allow_origins"


def _guard_step(reason: str) -> Step:
    if reason == "cross-origin-websocket":
        text = "a WebSocket handshake from an origin that is not allowed is refused"
        return Step("server", "guard", False, text, 'RFC 6455, "Origin Considerations"')
    if reason == "cross-origin-request":
        text = "an unsafe method from an origin that is not allowed is refused before the app runs"
        return Step("server", "guard", False, text, 'Fetch Metadata, "Sec-Fetch-Site"')
    return Step("server", "guard", True, "not a forged cross-origin request")


def _app_headers_steps(
    compiled: _core.CompiledPolicy, path: str, *, sets_origin: bool
) -> Iterator[Step]:
    """Say what becomes of headers of the application, as far as anything is known of them."""
    log = compiled.app_headers_log
    if log is None:
        return
    known = dict(log.said_about(path))
    fates = ("replaced",) if sets_origin else ("kept", "several") if log.keeps else ("removed",)
    for fate in fates:
        if fate in known:
            text = f"the application itself sent {known[fate]} on this path: {_FATES[fate]}"
            yield Step("server", "app-headers", None, text)
            return
    if log.keeps and not sets_origin:
        text = (
            'app_headers="keep": if the application itself sets CORS headers they stay, and a '
            "browser goes by them"
        )
        yield Step("server", "app-headers", None, text)


_FATES = {
    "replaced": "the policy's headers take their place",
    "removed": 'they are removed (app_headers="replace")',
    "kept": 'they stay (app_headers="keep"), and a browser goes by them',
    "several": "they are removed, since browsers accept no two of them",
}
