"""Every kind of request that the leak test repeats."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import corsac
from benchmarks.leak_driver import (
    BROWSER_HEADERS,
    ORIGIN,
    OTHER,
    PlannedError,
    Scope,
    Subject,
    handshake_scope,
    make_scope,
    preflight_scope,
)
from benchmarks.leak_subjects import (
    ANYONE,
    CONTINUED,
    ECHO,
    GUARDED,
    POLICY,
    accept,
    answer_with,
    body_alone,
    cancelled_in_event_loop,
    closed_halfway,
    closed_unstarted,
    failing,
    in_event_loop,
    new_middleware,
    new_policy_while_running,
    new_request,
    raise_after_start,
    raise_at_once,
    raise_before_start,
    reconfigured_while_running,
    refused_configuration,
    same_request,
    send_failing,
    send_trailers,
    stream,
    thrown_into,
)
from benchmarks.leak_wsgi import wsgi_kinds
from benchmarks.paired import BenchmarkError

RUNS_IN_EVENT_LOOP = 0.1
"""The share of the requests where each needs an event loop's task, which takes long."""

MAKES_POLICY = 0.02
"""The share of the requests where each needs a new policy, which takes longer."""


@dataclass(frozen=True)
class Kind:
    """A kind of request.

    Attributes:
        name: What the table calls it.
        outcome: What has to come of one, in the words of `Recorder.outcome`.
        prepare: Makes its application, middleware and request.
        share: How many are made for each one that was asked for.
    """

    name: str
    outcome: str
    prepare: Callable[[], Subject]
    share: float = 1.0


ORIGIN_BY_PATTERN = b"https://p%d.preview.example.com"
NO_ORIGIN = make_scope()
ALLOWED = make_scope((b"origin", ORIGIN))
REFUSED = make_scope((b"origin", OTHER))
FORGED = make_scope((b"origin", OTHER), (b"sec-fetch-site", b"cross-site"), method="POST")


def all_kinds() -> Iterator[Kind]:
    """Every kind, those of one topic together.

    Raises:
        BenchmarkError: google-re2 is not installed.
    """
    yield from _requests()
    yield from _applications()
    yield from _containers()
    yield from _guard()
    yield from _dynamic_origins()
    yield from _rules()
    yield from _interruptions()
    yield from _configurations()
    yield from _observed()
    for name, outcome, prepare in wsgi_kinds():
        yield Kind(f"WSGI: {name}", outcome, prepare)


def _requests() -> Iterator[Kind]:
    yield Kind("no Origin", "200 +vary", same_request(NO_ORIGIN))
    yield Kind("actual, allowed", "200 +acao +vary", same_request(ALLOWED))
    yield Kind("actual, allowed, anyone", "200 +acao", same_request(ALLOWED, policy=ANYONE))
    yield Kind(
        "actual, allowed by pattern, new each time",
        "200 +acao +vary",
        new_request(lambda number: make_scope((b"origin", ORIGIN_BY_PATTERN % number))),
    )
    yield Kind("actual, refused", "200 +vary", same_request(REFUSED))
    yield Kind(
        "actual, refused, new each time",
        "200 +vary",
        new_request(lambda number: make_scope((b"origin", b"https://p%d.evil.example" % number))),
    )
    two = make_scope((b"origin", ORIGIN), (b"origin", ORIGIN))
    yield Kind("actual, two Origins", "200 +vary", same_request(two))
    long = make_scope((b"origin", b"https://" + b"a" * 5000))
    yield Kind("actual, Origin of 5 000 bytes", "200 +vary", same_request(long))
    yield Kind("preflight, allowed", "204 +acao +vary", same_request(preflight_scope(ORIGIN)))
    yield Kind("preflight, refused", "403 +vary", same_request(preflight_scope(OTHER)))
    two = preflight_scope(ORIGIN)
    two["headers"].append((b"origin", ORIGIN))
    yield Kind("preflight, two Origins", "403 +vary", same_request(two))
    echo = preflight_scope(ORIGIN, b"x-one, x-two, authorization")
    yield Kind("preflight, echo", "204 +acao +vary", same_request(echo, policy=ECHO))
    yield Kind(
        "preflight, answered by the application",
        "200 +acao +vary",
        same_request(preflight_scope(ORIGIN), policy=CONTINUED),
    )


def _applications() -> Iterator[Kind]:
    yield Kind("application raises when called", "nothing", failing(raise_at_once))
    yield Kind("application raises before the start", "nothing", failing(raise_before_start))
    yield Kind("application raises after the start", "200 +acao +vary", failing(raise_after_start))
    yield Kind("body without start", "http.response.body", same_request(ALLOWED, body_alone))
    yield Kind("body in parts", "200 +acao +vary", same_request(ALLOWED, stream))
    yield Kind("trailers", "200 +acao +vary", same_request(ALLOWED, send_trailers))
    yield Kind("send fails", "nothing", send_failing)
    yield Kind(
        "CORS headers of the application replaced",
        "200 +acao +vary",
        same_request(ALLOWED, answer_with(lambda: [(b"Access-Control-Allow-Origin", b"*")] * 2)),
    )
    yield Kind(
        "Vary merged",
        "200 +acao +vary",
        same_request(
            ALLOWED, answer_with(lambda: [(b"vary", b"accept"), (b"Vary", b"accept-encoding")])
        ),
    )
    yield Kind(
        "Vary complete",
        "200 +acao +vary",
        same_request(ALLOWED, answer_with(lambda: [(b"vary", b"accept, origin")])),
    )
    yield Kind("lifespan", "200", same_request({**ALLOWED, "type": "lifespan"}))


def _scope_with(make_headers: Callable[[], Any]) -> Callable[[int], Scope]:
    return lambda _: {**make_scope(), "headers": make_headers()}


def _containers() -> Iterator[Kind]:
    lines = [*BROWSER_HEADERS, (b"origin", ORIGIN)]
    containers: dict[str, Callable[[], Any]] = {
        "generator": lambda: (line for line in lines),
        "tuple of lists": lambda: tuple([name, value] for name, value in lines),
        "generators": lambda: [(part for part in line) for line in lines],
        "bytearray": lambda: [(bytearray(name), bytearray(value)) for name, value in lines],
        "str": lambda: [(name.decode(), value.decode()) for name, value in lines],
    }
    for name, make_headers in containers.items():
        yield Kind(
            f"request headers: {name}", "200 +acao +vary", new_request(_scope_with(make_headers))
        )
    yield Kind(
        "request headers: none",
        "200 +vary",
        new_request(_scope_with(lambda: None)),
    )
    yield Kind(
        "request headers: not pairs",
        "200 +vary",
        new_request(_scope_with(lambda: [b"origin", (b"origin",), 5, (1, 2)])),
    )
    app_lines = [(b"content-type", b"text/plain"), (b"vary", b"accept")]
    responses: dict[str, Callable[[], Any]] = {
        "generator": lambda: (line for line in app_lines),
        "list of lists": lambda: [[name, value] for name, value in app_lines],
        "generators": lambda: [(part for part in line) for line in app_lines],
        "bytearray": lambda: [(bytearray(name), bytearray(value)) for name, value in app_lines],
    }
    for name, make_headers in responses.items():
        yield Kind(
            f"response headers: {name}",
            "200 +acao +vary",
            same_request(ALLOWED, answer_with(make_headers)),
        )


def _guard() -> Iterator[Kind]:
    yield Kind("guard refuses", "403 +vary", same_request(FORGED, policy=GUARDED))
    passed = make_scope((b"origin", ORIGIN), method="POST")
    yield Kind("guard passes", "200 +acao +vary", same_request(passed, policy=GUARDED))
    for answers, outcome in ((True, "403"), (False, "websocket.close")):
        scope = handshake_scope(OTHER, answers=answers)
        yield Kind(
            "handshake refused" + (", with an answer" if answers else ""),
            outcome,
            same_request(scope, accept, GUARDED),
        )
    handshake = handshake_scope(ORIGIN, answers=True)
    yield Kind("handshake allowed", "websocket.accept", same_request(handshake, accept, GUARDED))
    yield Kind("handshake, no guard", "websocket.accept", same_request(handshake, accept))


def _says_yes(origin: str) -> bool:
    return origin.endswith(".example")


async def _says_yes_later(origin: str) -> bool:
    return origin.endswith(".example")


def _fails(origin: str) -> bool:
    raise PlannedError


def _is_no_answer(origin: str) -> Any:
    return "yes"


def _asked_anew(function: Callable[[str], Any]) -> Callable[[], Subject]:
    return new_request(
        lambda number: make_scope((b"origin", b"https://p%d.evil.example" % number)),
        policy=None,
        allow_origin_func=function,
    )


def _dynamic_origins() -> Iterator[Kind]:
    if importlib.util.find_spec("re2") is None:
        raise BenchmarkError("google-re2 is not installed: pip install 'corsac[re2]'")
    regex = r"https://p[0-9]+\.evil\.example"
    remembered = make_scope((b"origin", b"https://p1.evil.example"))
    allowed = "200 +acao +vary"
    yield Kind(
        "regex, remembered",
        allowed,
        same_request(remembered, policy=None, allow_origin_regex=regex),
    )
    yield Kind(
        "regex, new each time",
        allowed,
        new_request(
            lambda number: make_scope((b"origin", b"https://p%d.evil.example" % number)),
            policy=None,
            allow_origin_regex=regex,
        ),
    )
    yield Kind(
        "function, remembered",
        allowed,
        same_request(REFUSED, policy=None, allow_origin_func=_says_yes),
    )
    yield Kind("function, new each time", allowed, _asked_anew(_says_yes))
    yield Kind("function raises", "200 +vary", _asked_anew(_fails))
    yield Kind("function gives no answer", "200 +vary", _asked_anew(_is_no_answer))
    yield Kind("async function without event loop", "200 +vary", _asked_anew(_says_yes_later))
    yield Kind(
        "async function, remembered",
        allowed,
        in_event_loop(_says_yes_later, lambda _: OTHER),
        RUNS_IN_EVENT_LOOP,
    )
    yield Kind(
        "async function, new each time",
        allowed,
        in_event_loop(_says_yes_later, lambda number: b"https://p%d.evil.example" % number),
        RUNS_IN_EVENT_LOOP,
    )
    yield Kind("async function, cancelled", "nothing", cancelled_in_event_loop, RUNS_IN_EVENT_LOOP)


def _rules() -> Iterator[Kind]:
    rules = [("/api/*", ANYONE), ("/health", None), ("/notes", POLICY)]
    paths = {"/api/users": "200 +acao", "/health": "200", "/notes": "200 +acao +vary", "/x": "200"}
    for path, outcome in paths.items():
        scope = make_scope((b"origin", ORIGIN), path=path)
        yield Kind(f"rules: {path}", outcome, same_request(scope, policy=None, rules=rules))
    mounted = {**make_scope((b"origin", ORIGIN), path="/v1/api/users"), "root_path": "/v1"}
    yield Kind("rules: mounted", "200 +acao", same_request(mounted, policy=None, rules=rules))
    odd = make_scope((b"origin", ORIGIN), path="/api/\udcff")
    yield Kind("rules: odd path", "200 +acao", same_request(odd, policy=None, rules=rules))


def _interruptions() -> Iterator[Kind]:
    yield Kind("closed half-way", "200 +acao +vary", closed_halfway)
    yield Kind("closed before it began", "nothing", closed_unstarted)
    yield Kind("error thrown in half-way", "200 +acao +vary", thrown_into)


def _configurations() -> Iterator[Kind]:
    yield Kind("reconfigured while it runs", "200 +acao +vary", reconfigured_while_running)
    yield Kind(
        "new policies while it runs", "200 +acao +vary", new_policy_while_running, MAKES_POLICY
    )
    yield Kind("new middleware in a cycle", "200 +acao +vary", new_middleware, MAKES_POLICY)
    yield Kind("mistaken policy", "200 +acao +vary", refused_configuration, MAKES_POLICY)


def _tell(refusal: object) -> None:
    """Is told about refusals and keeps nothing."""


def _fail_to_tell(refusal: object) -> None:
    raise PlannedError


def _observed() -> Iterator[Kind]:
    tight = corsac.CORSPolicy(allow_origins=["https://b.example.com"])
    yield Kind("refusal told", "200 +vary", same_request(REFUSED, on_refusal=_tell))
    yield Kind(
        "refusal told to what raises", "200 +vary", same_request(REFUSED, on_refusal=_fail_to_tell)
    )
    yield Kind("refusal, debug header", "200 +vary", same_request(REFUSED, debug_header=True))
    preflight = preflight_scope(OTHER)
    yield Kind("preflight, debug header", "403 +vary", same_request(preflight, debug_header=True))
    yield Kind("on trial, actual", "200 +acao +vary", same_request(ALLOWED, report_only=tight))
    preflight = preflight_scope(ORIGIN)
    yield Kind(
        "on trial, preflight",
        "204 +acao +vary",
        same_request(preflight, report_only=POLICY.replace(allow_methods=[])),
    )
