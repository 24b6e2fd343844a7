"""The smallest change to a policy that lets a blocked request through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

from corsac import _core
from corsac.errors import CORSConfigError
from corsac.explain.browsing import asked_headers
from corsac.explain.explanation import Change, Request, shown
from corsac.options.guard import Guard
from corsac.refusals.log import capitals_advice

if TYPE_CHECKING:
    from corsac.policy import CORSPolicy

__all__ = ["Trying", "find_change"]

Trying = Generator[Awaitable[bool], bool, str]
"""Gives the reason why a policy blocks a request, or an empty text."""

_MAX_ROUNDS = 6
"""Origin, credentials, method, Authorization, headers: each is in the way once at most."""

MAX_TRIED_ORIGINS = 1_000
"""Of a longer ``allow_origins`` only what matches the request's origin is tried out."""


def find_change(
    policy: CORSPolicy, request: Request, reason: str, try_policy: Callable[[CORSPolicy], Trying]
) -> Generator[Awaitable[bool], bool, Change | None]:
    """Find a change of a policy, tried out, that lets a blocked request through; or advice."""
    elsewhere = _elsewhere(policy, request, reason)
    if elsewhere is not None:
        return elsewhere
    changed = start = _with_few_origins(policy, request)
    options, cautions = dict[str, Any](), dict[str, None]()
    for _ in range(_MAX_ROUNDS):
        find = _OPTIONS_FOR.get(reason)
        wanted = {} if find is None else find(changed, request)
        made = _make(changed, wanted) if wanted else None
        if made is None:
            return None
        changed, wanted, tolerated = made
        options.update(wanted)
        cautions.update(dict.fromkeys(tolerated))
        reason = yield from try_policy(changed)
        if not reason:
            cautions.update(dict.fromkeys(_cautions(start, changed)))
            whole = options
            if start is not policy and "allow_origins" in options:
                tried = start.allow_origins
                rest = [entry for entry in policy.allow_origins if entry not in tried]
                whole = options | {"allow_origins": (*rest, *options["allow_origins"])}
            # With credentials an entry that was left out may be an error.
            if start is not policy and "allow_credentials" in options:
                made = _make(policy, whole)
                if made is None:
                    return None
                _, whole, tolerated = made
                cautions.update(dict.fromkeys(tolerated))
            return Change(whole, _text(start, whole | options), " ".join(cautions))
    return None


def _with_few_origins(policy: CORSPolicy, request: Request) -> CORSPolicy:
    """Give a policy that decides the same for one request, and that is quickly made again."""
    if len(policy.allow_origins) <= MAX_TRIED_ORIGINS:
        return policy
    origin = request.value("origin")
    raw = origin.encode("latin-1", "replace")
    matching = (
        entry
        for entry in policy.allow_origins
        if entry in {origin, "*"} or ("*" in entry and _core.matches_origin_entry(entry, raw))
    )
    return policy._changed({"allow_origins": matching})


def _cautions(policy: CORSPolicy, changed: CORSPolicy) -> Iterator[str]:
    """Say what to think of before a change is made."""
    listed = changed.allow_origins != policy.allow_origins
    if changed.allow_credentials and listed:
        yield "Every page of that origin then reads responses with the user's cookies."
    is_new = changed.allow_credentials and not policy.allow_credentials
    if is_new and "*" not in policy.allow_origins:
        yield (
            "Pages of every origin that this policy allows then read responses with the user's "
            "cookies."
        )
    if changed.guard and listed:
        yield (
            "Its pages may then send requests that change things, with the user's cookies: the "
            "guard lets them through."
        )
    if changed.guard != policy.guard:
        yield "What the guard then lets through may change things, with the user's cookies."
    if "*" in policy.allow_origins and "*" not in changed.allow_origins:
        yield "All other origins lose access: list them too, or write a rule for this path."


_ELSEWHERE = {
    "path-ambiguous": "ask for the path with single slashes, or write the rule with several",
    "origin-malformed": "send one Origin line with one origin, as browsers do",
    "request-method-malformed": (
        "send one method name in Access-Control-Request-Method, as browsers do"
    ),
    "status-not-ok": "let the application answer the preflight with a status of 200 to 299",
}


def _elsewhere(policy: CORSPolicy, request: Request, reason: str) -> Change | None:
    """Say what to do where no option of the policy helps."""
    if reason in _ELSEWHERE:
        return Change({}, _ELSEWHERE[reason])
    method = request.value("access-control-request-method")
    if reason == "method-not-allowed" and _core.is_forbidden_method(method):
        return Change({}, f"use another method: no page can send {shown(method.upper())}")
    advice = capitals_advice(method) if reason == "method-not-allowed" else None
    if advice is None:
        return None
    if method.upper() in {"GET", "HEAD", "POST", *policy.allow_methods}:
        return Change({}, f"write {advice}")
    return Change({}, f"write {advice}, and add {method.upper()!r} to allow_methods")


def _with_origin(policy: CORSPolicy, request: Request) -> dict[str, Any]:
    origin = request.value("origin")
    if "*" in policy.allow_origins:
        return {}
    if origin != "null" and not _core.is_serialized_origin(origin.encode("latin-1", "replace")):
        return {}
    added: dict[str, Any] = {"allow_origins": (*policy.allow_origins, origin)}
    return added | {"always_send": False} if policy.always_send else added


def _with_writer(policy: CORSPolicy, request: Request) -> dict[str, Any]:
    """Let an origin write: who is allowed without credentials does not, with cookies."""
    if policy.allow_credentials or not request.values("cookie"):
        return _with_origin(policy, request)
    return _guarded(policy, "trusted_origins", request.value("origin"))


def _guarded(policy: CORSPolicy, name: str, entry: str) -> dict[str, Any]:
    guard = Guard() if isinstance(policy.guard, bool) else policy.guard
    try:
        return {"guard": guard.__replace__(**{name: (*getattr(guard, name), entry)})}
    except CORSConfigError:  # Nothing is spelt like this.
        return {}


def _with_listed_origin(policy: CORSPolicy, request: Request) -> dict[str, Any]:
    rest = tuple(entry for entry in policy.allow_origins if entry != "*")
    return {"allow_origins": (*rest, request.value("origin")), "allow_credentials": True}


def _with_method(policy: CORSPolicy, request: Request) -> dict[str, Any]:
    method = request.value("access-control-request-method")
    return {"allow_methods": (*policy.allow_methods, method)}


def _with_headers(policy: CORSPolicy, request: Request) -> dict[str, Any]:
    listed = {name.lower() for name in policy.allow_headers}
    missing = [name for name in asked_headers(request) if name not in listed]
    return {"allow_headers": (*policy.allow_headers, *dict.fromkeys(missing))}


_OPTIONS_FOR: dict[str, Callable[[CORSPolicy, Request], dict[str, Any]]] = {
    "origin-not-allowed": _with_origin,
    "cross-origin-request": _with_writer,
    "cross-origin-websocket": _with_writer,
    "cross-origin-read": lambda policy, request: _guarded(policy, "exempt_paths", request.path),
    "wildcard-with-credentials": _with_listed_origin,
    "allow-credentials-not-true": lambda _, __: {"allow_credentials": True},
    "method-not-allowed": _with_method,
    "authorization-not-listed": lambda policy, _: {
        "allow_headers": (*policy.allow_headers, "authorization")
    },
    "header-not-allowed": _with_headers,
}


def _make(
    policy: CORSPolicy, wanted: dict[str, Any]
) -> tuple[CORSPolicy, dict[str, Any], list[str]] | None:
    """Return the changed policy, the options that made it, and what had to be tolerated."""
    cautions: list[str] = []
    while True:
        try:
            return policy._changed(wanted), wanted, cautions
        except CORSConfigError as error:
            errors = [problem for problem in error.problems if problem.severity == "error"]
        codes = {problem.code for problem in errors}
        tolerated = wanted.get("tolerate", policy.tolerate)
        if not codes <= _core.TOLERABLE_CODES.difference(tolerated):
            return None
        wanted = wanted | {"tolerate": (*tolerated, *sorted(codes))}
        cautions += [f"{problem.message[:1].upper()}{problem.message[1:]}." for problem in errors]


def _text(policy: CORSPolicy, options: dict[str, Any]) -> str:
    parts = []
    for name, value in options.items():
        old = getattr(policy, name)
        if isinstance(value, tuple):
            added = [entry for entry in value if entry not in old]
            removed = [entry for entry in old if entry not in value]
            parts.append(f"add {', '.join(repr(shown(entry)) for entry in added)} to {name}")
            if removed:
                parts.append(f"remove {', '.join(map(repr, removed))} from it")
        else:
            parts.append(f"set {name}={value!r}")
    return ", and ".join(parts)
