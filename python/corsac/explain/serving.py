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
    """What the middleware did.

    Attributes:
        kind: ``"not-cors"``, ``"actual"`` or ``"preflight"``.
        allowed: Whether the origin may read the response.
        reason: The code of the refusal, or an empty text.
        entry: What allows the origin.
        status: Of its own answer; 0 if the application answers.
        headers: What it sets, or its whole answer.
        steps: What was looked at.
        counts: A refusal is one: ``False`` if no browser carries out a CORS check on the response,
            so that it keeps nothing from anyone.
        failure: Why the function that decides about origins gave no answer.
        reads_all_names: Whether the list of a preflight request's headers was read to its end.
    """

    kind: str
    allowed: bool
    reason: str
    entry: str | None
    status: int
    headers: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]
    counts: bool
    failure: str | None = None
    reads_all_names: bool = True


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
    entry = entry_for(policy, origin) if allowed and origin is not None else None
    _, told_reason, missing, _ = told
    counts = bool(told_reason) or not reason
    # Why the function that decides about an origin gave no answer, if that is so.
    find = getattr(compiled.decide_origin, "failure", None) if reason else None
    failure = None if find is None else find((origin or "").encode("latin-1", "replace"))
    steps = [_kind_step(kind, request)]
    if kind != "not-cors":
        steps.append(_origin_step(policy, request, reason, entry, failure, counts))
    if (policy.guard or reason.startswith("cross-origin")) and kind != "preflight":
        steps.append(_guard_step(reason))
    if kind == "preflight" and not reason.startswith("origin"):
        steps.append(_request_method_step(request, reason))
    if not status:
        sets_origin = any(name == "access-control-allow-origin" for name, _ in pairs)
        steps += _app_headers_steps(compiled, request.path, sets_origin=sets_origin)
    return Served(
        kind,
        allowed,
        reason,
        entry,
        status,
        headers,
        tuple(steps),
        counts=counts,
        failure=failure,
        reads_all_names=told_reason != "header-not-allowed" or missing is not None,
    )


_HTTP_REQUESTS = 'Fetch, "HTTP requests"'


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


def _origin_step(  # noqa: PLR0917
    policy: CORSPolicy,
    request: Request,
    reason: str,
    entry: str | None,
    failure: str | None,
    counts: bool,
) -> Step:
    refused = False if counts else None  # No browser asks: nothing is kept from anyone.
    section = 'Fetch, "`Access-Control-Allow-Origin` header"'
    origin = request.value("origin") or ""
    if reason == "origin-malformed":
        text = f"{shown(origin)!r} is no origin: {malformed_because(request.values('origin'))}"
        return Step("server", "origin", False, text, 'Fetch, "`Origin` header"')
    if reason == "path-ambiguous":
        text = "nobody is allowed, since the path's repeated slashes choose one policy or another"
        return Step("server", "origin", refused, text)
    if entry is None:
        near = f"allow_origin_func {failure}" if failure else near_miss(policy, origin)
        text = f"{shown(origin)} is not allowed" + (f": {shown(near)}" if near else "")
        return Step("server", "origin", refused, text, section)
    if entry == origin:
        text = f"{shown(origin)} is in allow_origins"
    elif entry.startswith("allow_origin_"):
        text = f"{shown(origin)} is allowed by {entry}"
    else:
        text = f"{shown(origin)} is allowed by the entry {shown(entry)!r} of allow_origins"
    return Step("server", "origin", True, text, section)


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


def _request_method_step(request: Request, reason: str) -> Step:
    section = 'Fetch, "`Access-Control-Request-Method` header"'
    asked = shown(request.value("access-control-request-method") or "")
    if reason == "request-method-malformed":
        return Step("server", "request-method", False, f"{asked!r} is not one method name", section)
    return Step("server", "request-method", None, f"the page wants to use {asked}", section)
