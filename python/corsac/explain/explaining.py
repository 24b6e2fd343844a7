"""Putting an explanation together."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Generator
from typing import TYPE_CHECKING, Any, NamedTuple

from corsac import _core
from corsac._local_network import beside_cors
from corsac.explain.browsing import (
    Verdict,
    actual_verdict,
    beyond_cors_step,
    preflight_before,
    preflight_verdict,
)
from corsac.explain.changing import Trying, find_change
from corsac.explain.explanation import Change, Explanation, Headers, Request, Step, shown
from corsac.explain.serving import Served, serve

if TYPE_CHECKING:
    from corsac.policy import CORSPolicy
    from corsac.several import Policies

__all__ = ["Choice", "explain", "explain_async"]


class Choice(NamedTuple):
    """The policy that a path has, and why."""

    policy: Policies | None  # A tuple of several; None leaves the path alone.
    compiled: _core.CompiledPolicy | None
    rule: str | None = None  # The pattern of the rule that decides, if one does.
    text: str = ""  # The choice as a sentence; empty if there was nothing to choose.
    # Allows nobody: says what kind of request it is, where no policy decides.
    nobody: CORSPolicy | None = None
    hosts: _core.Routing | None = None  # Has the hosts that are served; None: any.


_Explaining = Generator[Awaitable[bool], bool, Explanation]


def explain(
    choice: Choice, method: str, headers: Headers, path: str, credentials: bool | None
) -> Explanation:
    """Explain one request; see `CORSPolicy.explain`."""
    steps = _explain(choice, Request(method, headers, path), credentials)
    try:
        asked = next(steps)
        while True:
            asked = steps.send(_wait_for(asked))
    except StopIteration as end:
        result: Explanation = end.value
        return result


async def explain_async(
    choice: Choice, method: str, headers: Headers, path: str, credentials: bool | None
) -> Explanation:
    """Explain one request where an asynchronous function may decide about the origin."""
    steps = _explain(choice, Request(method, headers, path), credentials)
    try:
        asked = next(steps)
        while True:
            asked = steps.send(await asked)
    except StopIteration as end:
        result: Explanation = end.value
        return result


def _wait_for(asked: Awaitable[bool]) -> bool:
    async def wait() -> bool:
        return await asked

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(wait())
    if hasattr(asked, "close"):
        asked.close()  # It is not awaited.
    message = "allow_origin_func is asynchronous: write `await policy.explain_async(...)` here"
    raise RuntimeError(message)


def _explain(choice: Choice, request: Request, credentials: bool | None) -> _Explaining:
    policy, compiled = choice.policy, choice.compiled
    rule = (Step("server", "rule", None, choice.text),) if choice.text else ()
    explained = functools.partial(
        Explanation,
        method=request.method,
        path=request.path,
        origin=request.value("origin") if request.values("origin") else None,
        rule=choice.rule,
    )
    hosts = [value.encode("latin-1", "replace") for value in request.values("host")]
    # Whoever asks about a page's request rarely writes a Host; no client leaves it out.
    if choice.hosts is not None and hosts and (code := _core.check_host(choice.hosts, hosts)):
        assert choice.nobody is not None, "where there are hosts it is given"  # noqa: S101
        served = yield from serve(choice.nobody, choice.nobody._compiled, request)
        step, fields = _host_refused(shown(request.value("host")), code)
        return explained(kind=served.kind, steps=(served.steps[0], step), **fields)
    if policy is None or compiled is None:
        assert choice.nobody is not None, "where no policy was chosen it is given"  # noqa: S101
        served = yield from serve(choice.nobody, choice.nobody._compiled, request)
        return explained(kind=served.kind, steps=(served.steps[0], *rule))
    # Across origins a browser sends cookies with the credentials mode "include" alone. A page may
    # set Authorization with any.
    include = bool(request.values("cookie")) if credentials is None else credentials
    answer = None
    if isinstance(policy, tuple):
        count = len(policy)
        compiled, place, answer = yield from _deciding(compiled, request.environ())
        why = "the last one, since none before it covers the origin"
        if place + 1 < count:
            why = "the first one that covers the origin"
        text = f"policy {place + 1} of {count} decides: {why}"
        rule = (*rule, Step("server", "policy", None, text))
        policy = policy[place]
    served, verdict = yield from _outcome(policy, compiled, request, include, answer)
    reason = (served.reason or verdict.reason) if served.counts else ""
    change = None
    if reason:
        # What is asked for stands in the preflight request, also in one that would come first.
        asked = preflight_before(request) if served.kind == "actual" else None

        def try_policy(changed: CORSPolicy) -> Trying:
            again, browsed = yield from _outcome(changed, changed._compiled, request, include)
            return again.reason or browsed.reason

        if served.failure is not None:
            change = Change({}, f"mend allow_origin_func: it {served.failure}")
        elif reason == "header-not-allowed" and not verdict.detail:
            change = Change({}, "send Access-Control-Request-Headers as browsers do, and shorter")
        else:
            change = yield from find_change(policy, asked or request, reason, try_policy)
    # Where browsers make no CORS check, CORS decides nothing.
    decided = (served.kind != "not-cors" or bool(served.reason)) and served.counts
    browsed = verdict.steps if served.counts else (beyond_cors_step(request),)
    beside = beside_cors(request.value("origin"), request.value("host"))
    if beside:
        section = "Local Network Access, 3.2"
        browsed = (*browsed, Step("browser", "local-network", None, beside, section))
    return explained(
        kind=served.kind,
        allowed=not reason if decided else None,
        reason=reason or None,
        entry=served.entry,
        app_runs=not served.status,
        status=served.status or None,
        response_headers=served.headers,
        steps=(served.steps[0], *rule, *served.steps[1:], *browsed),
        change=change,
    )


def _deciding(
    several: _core.CompiledPolicy, environ: dict[str, str]
) -> Generator[Awaitable[bool], bool, tuple[_core.CompiledPolicy, int, bool | None]]:
    member, place, answer = _core.select_member(several, environ)
    while not (answer is None or isinstance(answer, bool)):
        given = yield answer
        member, place, answer = _core.select_member(several, environ, place, given is True)
    return member, place, answer


def _host_refused(host: str, reason: str) -> tuple[Step, dict[str, Any]]:
    """Return what an explanation says of a host that is not served."""
    if reason == "host-malformed":
        status, text = 400, f"{host!r} is not one Host, as every request has"
        change, section = "send one Host line", "RFC 9112, 3.2"
    else:
        status, text = 403, f"{host} is not in allowed_hosts, so nothing else is looked at"
        change, section = f"add {host!r} to allowed_hosts, if it is a name of this server", ""
    headers = (("content-type", "text/plain; charset=utf-8"), ("content-length", str(len(reason))))
    answer = {"allowed": False, "reason": reason, "rule": None, "app_runs": False, "status": status}
    return (
        Step("server", "host", False, text, section),
        answer | {"response_headers": headers, "change": Change({}, change)},
    )


def _outcome(
    policy: CORSPolicy,
    compiled: _core.CompiledPolicy,
    request: Request,
    include: bool,
    answer: bool | None = None,
) -> Generator[Awaitable[bool], bool, tuple[Served, Verdict]]:
    served = yield from serve(policy, compiled, request, answer)
    if served.kind == "preflight":
        return served, preflight_verdict(request, include, served)
    if served.kind != "actual":
        return served, Verdict()
    verdict = actual_verdict(request, include, served)
    first = None if served.reason or verdict.reason else preflight_before(request)
    if first is None or _core.is_beyond_cors(request.environ()):
        return served, verdict
    answered = yield from serve(policy, compiled, first)
    asked = preflight_verdict(first, include, answered)
    text = "a browser asks first, by a preflight request, which is allowed"
    if asked.reason:
        text = "a browser asks first, by a preflight request, and does not send this one"
        verdict = asked
    step = Step("browser", "preflight", not asked.reason, text, 'Fetch, "main fetch"')
    return served, verdict._replace(steps=(step, *verdict.steps))
