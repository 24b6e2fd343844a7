"""A server made of a function from bytes to bytes, for answers that no real server gives."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

__all__ = ["RawRequest", "RawServer", "answering", "http", "serving_raw"]

_RECEIVE_SECONDS = 20.0


@dataclass(frozen=True)
class RawRequest:
    """A request as it came.

    Attributes:
        method: From the request line.
        path: From the request line.
        headers: The last value of each name, in lower case.
    """

    method: str
    path: str
    headers: dict[str, str]

    @property
    def origin(self) -> str | None:
        """The Origin header."""
        return self.headers.get("origin")

    @property
    def is_preflight(self) -> bool:
        """Whether it asks about another request."""
        return self.method == "OPTIONS" and "access-control-request-method" in self.headers


Handle = Callable[[RawRequest, socket.socket], None]


@dataclass
class RawServer:
    """A server that is listening.

    Attributes:
        url: Where, without a path.
        requests: What came, in order.
        is_stopping: Set when the test is over, for handlers that wait.
    """

    url: str
    requests: list[RawRequest] = field(default_factory=list)
    is_stopping: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def serving_raw(handle: Handle) -> Iterator[RawServer]:
    """Serve until the block ends.

    Args:
        handle: Is given every request and its connection, which is closed afterwards.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    server = RawServer(f"http://127.0.0.1:{listener.getsockname()[1]}")
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        # What a hostile server is told by a client that goes away does not matter.
        with connection, contextlib.suppress(OSError):
            connection.settimeout(_RECEIVE_SECONDS)
            request = _read(connection)
            if request is not None:
                server.requests.append(request)
                handle(request, connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                thread = threading.Thread(target=serve, args=(connection,))
                threads.append(thread)
                thread.start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield server
    finally:
        server.is_stopping.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join()
        for thread in threads:
            thread.join()


def _read(connection: socket.socket) -> RawRequest | None:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return None
        data += part
    first, *lines = data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    return RawRequest(method, path, {name.lower(): value for name, value in headers.items()})


def http(status: int = 200, *lines: str) -> bytes:
    """A whole response without a body."""
    return "\r\n".join([f"HTTP/1.1 {status} Text", *lines, "Content-Length: 0", "", ""]).encode(
        "latin-1"
    )


def answering(answer: Callable[[RawRequest], bytes]) -> Handle:
    """A handler that sends bytes and closes."""

    def handle(request: RawRequest, connection: socket.socket) -> None:
        connection.sendall(answer(request))

    return handle
