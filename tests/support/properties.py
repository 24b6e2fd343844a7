"""How the property tests run: how many examples, and one exchange without an event loop.

``CORSAC_PROPERTY_EXAMPLES=20000 pytest tests/python/test_properties*.py`` is a long run: so many
examples of each property, other ones each time. Without it a run is short and always the same.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any

from hypothesis import HealthCheck, Phase, settings

import corsac
import corsac.wsgi
from corsac._types import ASGIApp, Message, Receive, Scope, Send
from support.exchange import (
    AppResponse,
    Request,
    http_scope,
    run_wsgi,
    status_line,
    wsgi_environ,
)
from support.reference_model import Answer, Options, Rules

__all__ = ["call", "comparable", "core_answer", "core_answers", "examples", "handshake_is_refused"]
__all__ += ["joined", "made_of", "made_of_several", "policy_of", "with_rules", "without_warnings"]
__all__ += ["wsgi_answer", "wsgi_answers"]

# Puts a middleware of the class that it is given in front of an application.
Maker = Callable[[Any, Any], Any]

_MANY = int(os.environ.get("CORSAC_PROPERTY_EXAMPLES", "0"))

_COMMON: dict[str, Any] = {
    "deadline": None,
    "database": None,
    "phases": (Phase.explicit, Phase.generate, Phase.target, Phase.shrink),
    # How long an example takes says more about the machine than about the strategy.
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}
settings.register_profile("ci", derandomize=True, **_COMMON)
settings.register_profile("long", derandomize=False, **_COMMON)


def examples(count: int) -> settings:
    """The settings of a property that is tried so many times, unless the run is a long one."""
    profile = settings.get_profile("long" if _MANY else "ci")
    return settings(profile, max_examples=_MANY or count)


@contextlib.contextmanager
def without_warnings() -> Iterator[None]:
    """Keep what is said about odd policies out of the log; half of those made here are odd."""
    logger = logging.getLogger("corsac")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def policy_of(options: Options) -> corsac.CORSPolicy:
    """The policy with some options."""
    return corsac.CORSPolicy(**options.keywords)


def made_of(policy: corsac.CORSPolicy | Options) -> Maker:
    """Puts a policy in front of an application."""
    made = policy_of(policy) if isinstance(policy, Options) else policy
    return lambda middleware, application: middleware(application, made)


def made_of_several(several: Sequence[Options]) -> Maker:
    """Puts several policies in front of an application."""
    made = [policy_of(options) for options in several]
    return lambda middleware, application: middleware(application, made)


def with_rules(rules: Rules, fallback: Options | None) -> Maker:
    """Puts path rules in front of an application."""
    every = {options for options in (fallback, *(rule for _, rule in rules)) if options is not None}
    made = {options: policy_of(options) for options in every}
    policy = None if fallback is None else made[fallback]
    pairs = [(pattern, None if rule is None else made[rule]) for pattern, rule in rules]
    return lambda middleware, application: middleware(application, policy, rules=pairs)


async def _receive() -> Message:
    return {"type": "websocket.connect"}


def call(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Call an ASGI application that waits for nothing."""
    awaitable: Awaitable[None] = app(scope, receive, send)
    for step in awaitable.__await__():
        raise AssertionError(f"it waited for {step!r}")


def _byte_lines(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers]


def core_answers(
    make: Maker, requests: Sequence[Request], app: AppResponse, root_path: str = ""
) -> list[Answer]:
    """What one middleware answers to one request after the other; lines as they left."""
    called: list[Scope] = []
    messages: list[Message] = []
    own = _byte_lines(app.headers)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        called.append(scope)
        await send({"type": "http.response.start", "status": app.status, "headers": own})
        await send({"type": "http.response.body", "body": app.body})

    async def send(message: Message) -> None:
        messages.append(message)

    middleware = make(corsac.CORSMiddleware, application)
    answers = []
    for request in requests:
        called.clear()
        messages.clear()
        scope = http_scope(request, headers=_byte_lines(request.headers), root_path=root_path)
        call(middleware, scope, _receive, send)
        start, *bodies = messages
        headers = [(name.decode(), value.decode("latin-1")) for name, value in start["headers"]]
        body = b"".join(message["body"] for message in bodies)
        answers.append(Answer(start["status"], headers, body, bool(called)))
    return answers


def core_answer(make: Maker, request: Request, app: AppResponse, root_path: str = "") -> Answer:
    """What a new middleware answers."""
    return core_answers(make, [request], app, root_path)[0]


def wsgi_answers(
    make: Maker, requests: Sequence[Request], app: AppResponse, root_path: str = ""
) -> list[Answer]:
    """The same of one WSGI middleware; a mount has taken `root_path` off the paths."""
    called: list[Any] = []

    def application(environ: Any, start_response: Any) -> list[bytes]:
        called.append(environ)
        start_response(status_line(app.status), app.headers)
        return [app.body]

    middleware = make(corsac.wsgi.CORSMiddleware, application)
    answers = []
    for request in requests:
        called.clear()
        path = request.path
        if path.startswith(root_path) and path[len(root_path) :][:1] in {"", "/"}:
            path = path[len(root_path) :]
        raw = path.encode("utf-8", "surrogatepass").decode("latin-1")
        answer = run_wsgi(middleware, wsgi_environ(request, PATH_INFO=raw))
        answers.append(Answer(answer.code, list(answer.headers), answer.body, bool(called)))
    return answers


def wsgi_answer(make: Maker, request: Request, app: AppResponse, root_path: str = "") -> Answer:
    """What a new WSGI middleware answers."""
    return wsgi_answers(make, [request], app, root_path)[0]


def joined(request: Request) -> Request:
    """The request with one line of each name, as a WSGI server hands it over."""
    lines: dict[str, str] = {}
    for name, value in request.headers:
        key = name.lower()
        lines[key] = f"{lines[key]},{value}" if key in lines else value
    return Request(request.method, list(lines.items()), request.path)


def handshake_is_refused(policy: corsac.CORSPolicy, request: Request) -> bool:
    """Whether a WebSocket handshake never reaches the application."""
    called: list[Scope] = []
    messages: list[str] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        called.append(scope)

    async def send(message: Message) -> None:
        messages.append(message["type"])

    scope = http_scope(request, type="websocket", headers=_byte_lines(request.headers))
    call(corsac.CORSMiddleware(application, policy), scope, _receive, send)
    assert messages == ([] if called else ["websocket.close"])
    return not called


def comparable(answer: Answer) -> object:
    """An answer whose header lines stand in one order; lines of one name keep theirs."""
    lines = sorted(answer.headers, key=lambda line: line[0].lower())
    return answer.status, lines, answer.body, answer.app_called
