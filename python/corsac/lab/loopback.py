"""Servers on loopback ports: uvicorn, in one thread of their own."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress

import uvicorn

from corsac._types import ASGIApp

__all__ = ["PortUnavailableError", "Servers", "listen", "serving"]

_HOST = "127.0.0.1"
_PORTS_TRIED = 100
_START_SECONDS = 15.0
_STOP_SECONDS = 5


class PortUnavailableError(Exception):
    """A port cannot be used; the message says which one, and what to do."""


def listen(port: int | None, default: int) -> socket.socket:
    """Listen on a port, 0 for any, or on the default or the next free one."""
    if port is not None:
        try:
            return _bind(port)
        except OSError as error:
            message = f"port {port} cannot be used ({error.strerror}); choose another with --port"
            raise PortUnavailableError(message) from error
    for candidate in range(default, default + _PORTS_TRIED):
        with suppress(OSError):
            return _bind(candidate)
    last = default + _PORTS_TRIED - 1
    message = f"no port from {default} to {last} is free; choose one with --port"
    raise PortUnavailableError(message)


def _bind(port: int) -> socket.socket:
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((_HOST, port))
        server.listen()  # At once: until somebody listens, Linux lets others bind the same port.
        _check_nobody_answers_ipv6(server.getsockname()[1])
    except OSError:
        server.close()
        raise
    return server


def _check_nobody_answers_ipv6(port: int) -> None:
    """Raise OSError if a server has the port on ::1, which browsers may try first for localhost."""
    if not socket.has_ipv6:
        return
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind(("::1", port))
        except OSError as error:
            # Any other failure means that this machine has no ::1 to worry about.
            if error.errno == errno.EADDRINUSE:
                raise


class _Server(uvicorn.Server):
    """A uvicorn server that tells when it has started."""

    def __init__(self, app: ASGIApp) -> None:
        config = uvicorn.Config(
            app,
            http="h11",  # Whichever else is installed may not take every method that a page sends.
            date_header=False,
            server_header=False,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
        super().__init__(config)
        self.has_started = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.has_started.set()


class Servers:
    """Servers that run in a thread of their own."""

    def __init__(self, servers: Sequence[_Server], thread: threading.Thread) -> None:
        self._servers = servers
        self._thread = thread

    def stop(self) -> None:
        """Ask the servers to end; `wait` tells when they have. A signal handler may call it."""
        for server in self._servers:
            server.should_exit = True

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the servers have ended: after `stop`, or because one of them failed."""
        self._thread.join(timeout)


@contextmanager
def serving(apps: Sequence[tuple[ASGIApp, socket.socket]]) -> Iterator[Servers]:
    """Serve applications on bound sockets while the context lasts."""
    servers = [(_Server(app), listener) for app, listener in apps]
    ready: Future[None] = Future()
    thread = threading.Thread(
        target=_serve, args=(servers, ready), name="corsac-servers", daemon=True
    )
    running = Servers([server for server, _ in servers], thread)
    thread.start()
    try:
        ready.result(_START_SECONDS)
        yield running
    finally:
        running.stop()
        running.wait(2 * _STOP_SECONDS)


def _serve(servers: Sequence[tuple[_Server, socket.socket]], ready: Future[None]) -> None:
    async def serve_all() -> None:
        async with asyncio.TaskGroup() as group:
            for server, listener in servers:
                group.create_task(server.serve([listener]))
            for server, _ in servers:
                await server.has_started.wait()
            ready.set_result(None)

    try:
        asyncio.run(serve_all())
    except BaseException as error:
        if ready.done():
            raise
        ready.set_exception(error)
