"""One request of the leak test: its parts, how it is driven by hand, what came of it."""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Generator, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import corsac

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
HeaderLines = list[tuple[bytes, bytes]]

ORIGIN = b"https://app.example.com"
OTHER = b"https://evil.example"

BROWSER_HEADERS: HeaderLines = [
    (b"host", b"api.example.com"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64)"),
    (b"accept", b"*/*"),
]


class PlannedError(Exception):
    """What an application raises here on purpose."""


@dataclass(frozen=True)
class Subject:
    """Something to be done again and again without anything being left behind.

    Attributes:
        step: Does it once, sending the response with the given `send`.
        kept: What outlives it all: no reference to these may be left behind either.
    """

    step: Callable[[Send], None]
    kept: Sequence[object]


@dataclass
class Recorder:
    """Notes what is sent, and says it in a few words.

    Attributes:
        messages: The messages, in order.
    """

    messages: list[Message] = field(default_factory=list)

    async def __call__(self, message: Message) -> None:
        """Is the `send` of a server."""
        self.messages.append(message)

    def outcome(self) -> str:
        """The status, with `+acao` or `+vary` if there is such a header, or the first message."""
        for message in self.messages:
            if "status" in message:
                names = [bytes(name).lower() for name, _ in message["headers"]]
                found = str(message["status"])
                found += " +acao" * names.count(b"access-control-allow-origin")
                return found + " +vary" * names.count(b"vary")
        return str(self.messages[0]["type"]) if self.messages else "nothing"


async def discard(message: Message) -> None:
    """Is the `send` of a server that keeps nothing."""


async def receive() -> Message:
    """Gives what a server gives first."""
    return {"type": "http.request"}


@types.coroutine
def wait_once() -> Generator[None, None, None]:
    """Waits, as for a socket: whoever drives the coroutine gets control."""
    yield


def drive(awaitable: Awaitable[None]) -> None:
    """Step a coroutine to its end, without an event loop."""
    coroutine: Any = awaitable
    try:
        while True:
            coroutine.send(None)
    except StopIteration:
        return


def drive_to_error(awaitable: Awaitable[None]) -> None:
    """Step a coroutine to the error that it has to end with."""
    try:
        drive(awaitable)
    except PlannedError:
        return
    raise AssertionError("no error came")


def make_scope(*lines: tuple[bytes, bytes], method: str = "GET", path: str = "/notes") -> Scope:
    """The scope of an HTTP request with these header lines among a browser's."""
    return {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [*BROWSER_HEADERS, *lines],
    }


def preflight_scope(origin: bytes, names: bytes = b"content-type") -> Scope:
    """The scope of a preflight request."""
    return make_scope(
        (b"origin", origin),
        (b"access-control-request-method", b"PUT"),
        (b"access-control-request-headers", names),
        method="OPTIONS",
    )


def handshake_scope(origin: bytes, *, answers: bool) -> Scope:
    """The scope of a WebSocket handshake.

    Args:
        origin: The value of its Origin header.
        answers: Whether the server can refuse a handshake with an answer of HTTP.
    """
    extensions: dict[str, Any] = {"websocket.http.response": {}} if answers else {}
    scope = make_scope((b"origin", origin))
    return {**scope, "type": "websocket", "extensions": extensions}


def watched(middleware: corsac.CORSMiddleware, *others: object) -> list[object]:
    """What a request of this middleware refers to and must let go."""
    configuration = middleware._configuration
    policies = [configuration.policy, *(policy for _, policy in configuration.rules)]
    compiled = [policy._compiled for policy in policies if policy is not None]
    return [
        middleware,
        type(middleware),
        middleware._send_type,
        middleware.app,
        configuration,
        configuration.routing,
        *compiled,
        receive,
        discard,
        *others,
    ]
