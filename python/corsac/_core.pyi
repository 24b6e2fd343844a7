"""The typed face of the C++ core. Private: use the names that the package exports."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, final

from typing_extensions import disjoint_base

from corsac._types import ASGIApp, Receive, Scope, Send
from corsac.policy import CORSPolicy

@final
class CompiledPolicy: ...

@disjoint_base
class ASGIMiddleware:
    def __init__(
        self,
        app: ASGIApp,
        policy: CORSPolicy,
        compiled: CompiledPolicy,
        respond: Callable[..., Awaitable[None]],
        refuse_websocket: Callable[..., Awaitable[None]],
        report: Callable[..., None] | None,
    ) -> None: ...
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]: ...
    @property
    def app(self) -> ASGIApp: ...
    @property
    def policy(self) -> CORSPolicy: ...
    def _set_policy(self, policy: CORSPolicy, compiled: CompiledPolicy) -> None: ...
    def _counters(self) -> dict[str, int]: ...
    _send_type: type[Any]

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
) -> tuple[CompiledPolicy | None, list[tuple[str, str, str, str, str, str]]]: ...

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
