"""The server's side of an explanation: what the middleware does with a request, and why."""

from __future__ import annotations

import difflib
import re
from collections.abc import Awaitable, Generator, Iterator
from typing import TYPE_CHECKING, NamedTuple

from corsac import _core
from corsac.errors import CORSConfigProblem
from corsac.explain.explanation import Request, Step, shown

if TYPE_CHECKING:
    from corsac.policy import CORSPolicy

__all__ = ["Deciding", "Served", "serve"]

MAX_COMPARED = 20_000
"""So many entries are compared with an origin that is not allowed."""
MAX_COMPARED_LETTER_BY_LETTER = 1_000


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


def serve(
    policy: CORSPolicy,
    compiled: _core.CompiledPolicy,
    request: Request,
    answer: bool | None = None,
) -> Deciding:
    """Decide one request by what is compiled, and note why in the words of the policy.

    The answer is what is known about the origin already, if somebody was asked.
    """
    environ, path = request.environ(), request.path
    decided = _core.decide_request(compiled, request.method, environ, answer, path=path)
    while not isinstance(decided, tuple):  # Once at most: with an answer nobody is asked.
        answer = yield decided
        decided = _core.decide_request(compiled, request.method, environ, answer, path=path)
    status, pairs, vary, _, kind, allowed, reason, told = decided
    headers = (*pairs, ("vary", vary)) if vary else tuple(pairs)
    origin = request.value("origin")
    entry = _entry_for(policy, origin) if allowed and request.values("origin") else None
    _, told_reason, missing, *_ = told
    counts = bool(told_reason) or not reason
    find = getattr(compiled.decide_origin, "failure", None) if reason else None
    failure = None if find is None else find(origin.encode("latin-1", "replace"))
    steps = [_kind_step(kind, request)]
    if kind != "not-cors":
        if entry is None:
            text, section = _why_refused(policy, request, reason, failure)
            # Where browsers make no CORS check, the refusal has no effect.
            passed = False if counts or reason == "origin-malformed" else None
        else:
            text, section, passed = _why_allowed(policy, origin, entry), _ALLOW_ORIGIN, True
        steps.append(Step("server", "origin", passed, text, section))
    if (policy.guard or reason.startswith("cross-origin")) and kind != "preflight":
        steps.append(_guard_step(policy, compiled, request, reason, allowed=allowed))
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
        why = _malformed_because(request.values("origin"))
        return f"{shown(origin)!r} is not an origin: {why}", _ORIGIN
    if reason == "path-ambiguous":
        choice = "since the path's repeated slashes choose one policy or another"
        return f"nobody is allowed, {choice}", ""
    near = f"allow_origin_func {failure}" if failure else _near_miss(policy, origin)
    text = f"{shown(origin)} is not allowed" + (f": {shown(near)}" if near else "")
    followed = policy._followed
    if followed is not None:
        text += f"; {shown(followed.source)} is followed ({shown(followed.state())})"
    return text, _ALLOW_ORIGIN


def _why_allowed(policy: CORSPolicy, origin: str, entry: str) -> str:
    if entry.startswith("allow_origin_"):
        return f"{shown(origin)} is allowed by {entry}"
    followed = policy._followed
    options = "allow_origins"
    if followed is not None and entry not in followed.base.allow_origins:
        options = f"the origins of {shown(followed.source)} ({shown(followed.state())})"
    if entry == origin:
        return f"{shown(origin)} is in {options}"
    return f"{shown(origin)} is allowed by the entry {shown(entry)!r} of {options}"


def _guard_step(
    policy: CORSPolicy,
    compiled: _core.CompiledPolicy,
    request: Request,
    reason: str,
    *,
    allowed: bool,
) -> Step:
    if reason not in _GUARDED:
        text = "not a forged cross-origin request"
        if _is_exempt(policy, compiled, request.path):
            text = f"{shown(request.path)!r} is one of exempt_paths, where nothing is refused"
        return Step("server", "guard", True, text)
    what, section = _GUARDED[reason]
    text = f"{what} is refused before the app runs"
    if allowed and not policy.allow_credentials:
        text += "; this one is allowed without credentials, and so passes without cookies only"
    return Step("server", "guard", False, text, section)


def _is_exempt(policy: CORSPolicy, compiled: _core.CompiledPolicy, path: str) -> bool:
    """Tell whether a guard would let a stranger's request to a path pass that it judges."""
    guard = policy.guard
    if (
        isinstance(guard, bool)
        or not guard.exempt_paths
        or not (guard.writes or guard.isolate_reads)
    ):
        return False
    strangers = {"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_SEC_FETCH_MODE": "no-cors"}
    method = "POST" if guard.writes else "GET"
    decided = _core.decide_request(compiled, method, strangers, None, path=path)
    return isinstance(decided, tuple) and not decided[6]


_WRITES = "an unsafe method from an origin that may not write"
_SOCKETS = "a WebSocket handshake from an origin that may not write"
_READS = "what another site embeds, not in the mode cors and not as a top-level navigation,"
_GUARDED = {
    "cross-origin-request": (_WRITES, 'Fetch Metadata, "Sec-Fetch-Site"'),
    "cross-origin-websocket": (_SOCKETS, 'RFC 6455, "Origin Considerations"'),
    "cross-origin-read": (_READS, 'Fetch Metadata, "Sec-Fetch-Dest"'),
}


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


def _entry_for(policy: CORSPolicy, origin: str) -> str | None:
    """Find the entry, of a source too, that allows an origin; else the option that was asked."""
    if origin in policy.allow_origins:
        return origin
    raw = origin.encode("latin-1", "replace")
    for entry in policy.allow_origins:
        if entry == "*" or ("*" in entry and _core.matches_origin_entry(entry, raw)):
            return entry
    followed = policy._followed
    if followed is not None and (found := followed.origins.entry_for(raw)):
        return found
    if policy.allow_origin_func is None:
        return None if policy.allow_origin_regex is None else "allow_origin_regex"
    if policy.allow_origin_regex is not None:
        from corsac.origins import compile_origin_regex  # noqa: PLC0415 - it may need RE2

        regex = compile_origin_regex(policy.allow_origin_regex)
        if not isinstance(regex, CORSConfigProblem) and regex(raw):
            return "allow_origin_regex"
    return "allow_origin_func"


def _malformed_because(values: list[str]) -> str:
    """Say why the lines of an Origin header are not an origin, as a sentence's end."""
    if len(values) > 1:
        return f"there are {len(values)} Origin lines; a browser sends one"
    (value,) = values
    if not value:
        return "the Origin header is empty"
    if len(value) > _core.MAX_ORIGIN_LENGTH:
        return f"it is longer than {_core.MAX_ORIGIN_LENGTH} bytes, which no origin is"
    if "," in value or " " in value:
        return "it is a list, and a browser sends one origin; perhaps a proxy joined two"
    if value == "*":
        return '"*" is not an origin'
    return "it has bytes that no origin has"


def _near_miss(policy: CORSPolicy, origin: str) -> str:
    """Say what a refused origin has in common with an allowed one, or return an empty text."""
    if origin == "null":
        return (
            "any site can send null: a sandboxed frame, a data: URL, a page from a file, "
            "or a redirect across origins"
        )
    parts = re.fullmatch(r"([^:/]+)://(\[[^\]]*\]|[^:/]*)(?::(\d+))?(/.*)?", origin)
    if parts is None:
        return ""
    entries = policy._listed(MAX_COMPARED)[:MAX_COMPARED]
    if parts[4] and origin.removesuffix(parts[4]) in entries:
        return "a browser sends no slash or path at the end"
    if origin.lower() in entries:
        return f"{origin.lower()} is listed; origins are compared byte by byte"
    differences = (_difference(entry, *parts.groups()[:3]) for entry in entries)
    found = next(filter(None, differences), "")
    if found:
        return found
    exact = [entry for entry in entries[:MAX_COMPARED_LETTER_BY_LETTER] if "*" not in entry]
    close = difflib.get_close_matches(origin[: _core.MAX_ORIGIN_LENGTH], exact, 1, 0.85)
    return f"{close[0]} is listed, which looks much like it" if close else ""


def _difference(entry: str, scheme: str, host: str, port: str | None) -> str:
    """Name the one part in which an entry differs, or return an empty text."""
    parts = re.fullmatch(r"([^:/]+)://(\*\.)?(\[[^\]]*\]|[^:/]*)(?::(\d+|\*))?", entry)
    if parts is None or parts[3] != host:
        return ""
    if parts[2]:
        same = parts[1] == scheme
        return f"{entry} allows the names below {host}, not {host} itself" if same else ""
    if parts[1] == scheme:
        return f"{entry} is listed: the port is another one"
    same_port = parts[4] in {port, "*"}
    return f"{entry} is listed: the scheme is another one" if same_port else ""
