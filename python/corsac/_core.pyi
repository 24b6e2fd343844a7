"""The typed face of the C++ core. Private: use the names that the package exports."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from typing_extensions import disjoint_base

from corsac._types import ASGIApp, Receive, Scope, Send

@final
class CompiledPolicy:
    def __deepcopy__(self, memo: object) -> CompiledPolicy: ...

@final
class Routing: ...

@disjoint_base
class ASGIMiddleware:
    def __init__(
        self,
        app: ASGIApp,
        configuration: object,
        routing: Routing,
        respond: Callable[..., Awaitable[None]],
        refuse_websocket: Callable[..., Awaitable[None]],
        continue_when_decided: Callable[..., Awaitable[None]],
        report: Callable[..., float] | None,
    ) -> None: ...
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]: ...
    @property
    def app(self) -> ASGIApp: ...
    @property
    def _configuration(self) -> Any: ...
    def _put_in_force(self, configuration: object, routing: Routing) -> None: ...
    def _continue(
        self,
        policy: CompiledPolicy,
        allowed: bool,
        origin: bytes,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> Awaitable[None]: ...
    def _counters(self) -> dict[str, int]: ...
    _send_type: type[Any]

@disjoint_base
class WSGIMiddleware:
    def __init__(
        self,
        app: WSGIApplication,
        configuration: object,
        routing: Routing,
        decide_at_once: Callable[[Awaitable[bool]], bool],
        report: Callable[..., float] | None,
    ) -> None: ...
    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]: ...
    @property
    def app(self) -> WSGIApplication: ...
    @property
    def _configuration(self) -> Any: ...
    def _put_in_force(self, configuration: object, routing: Routing) -> None: ...
    def _counters(self) -> dict[str, int]: ...
    _start_response_type: type[Any]

def compile_policy(
    *,
    allow_origins: Sequence[str],
    allow_methods: Sequence[str],
    allow_headers: Sequence[str],
    expose_headers: Sequence[str],
    tolerate: Sequence[str],
    max_age: int | None,
    preflight_status: int,
    allow_credentials: bool,
    allow_private_network: bool,
    preflight_continue: bool,
    guard: bool,
    decide_origin: Callable[[bytes], bool | Awaitable[bool]] | None,
) -> tuple[CompiledPolicy | None, list[tuple[str, str, str, str, str, str]]]: ...
def is_serialized_origin(origin: bytes) -> bool: ...
def compile_routing(
    *,
    fallback: CompiledPolicy | None,
    patterns: Sequence[str],
    policies: Sequence[CompiledPolicy | None],
) -> tuple[Routing | None, list[tuple[str, str, str, str, str, str]]]: ...

# One request under a policy, for middleware that has no messages of a protocol. `environ` has the
# names of CGI (HTTP_ORIGIN) with latin-1 text. `answer` is what was found out about an origin that
# is not listed; it never counts for `null`. What comes back is
# (status, header pairs, vary, body, kind, allowed, reason): with the status 0 the application
# answers, the pairs are set on its response and `vary` is merged into its Vary; else it is the
# whole answer. Kinds are those of `explain`, a reason is "" or a refusal's code.
def select_policy(routing: Routing, path: str) -> CompiledPolicy | None: ...
def match_rule(routing: Routing, path: bytes) -> tuple[int | None, bool]: ...
def matches_origin_entry(entry: str, origin: bytes) -> bool: ...
def decide_request(
    policy: CompiledPolicy, method: str, environ: dict[str, Any], answer: bool | None = None
) -> tuple[int, list[tuple[str, str]], str, bytes, str, bool, str] | Awaitable[bool]: ...

# The browser's half of the protocol. Header lines are (name, value) pairs of bytes; reasons are
# the codes of the conformance cases, and "" means that nothing is blocked.
def browser_unsafe_request_header_names(headers: Sequence[tuple[bytes, bytes]]) -> list[bytes]: ...
def browser_needs_preflight(method: str, headers: Sequence[tuple[bytes, bytes]]) -> bool: ...
def browser_cors_check(
    origin: str, credentials_include: bool, response_headers: Sequence[tuple[bytes, bytes]]
) -> str: ...
def browser_preflight_check(
    origin: str,
    credentials_include: bool,
    method: str,
    request_headers: Sequence[tuple[bytes, bytes]],
    status: int,
    response_headers: Sequence[tuple[bytes, bytes]],
) -> tuple[str, str]: ...
def browser_readable_header_names(
    credentials_include: bool, response_headers: Sequence[tuple[bytes, bytes]]
) -> list[bytes]: ...
