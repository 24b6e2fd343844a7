"""Servers on loopback ports: uvicorn, in threads of their own."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn

from corsac._types import ASGIApp

__all__ = ["PortUnavailableError", "Servers", "listen", "serving"]

_HOST = "127.0.0.1"
_PORTS_TRIED = 100
_LOOK_AGAIN_SECONDS = 0.5
_STOP_SECONDS = 5
_SETTINGS: dict[str, Any] = {
    "loop": "asyncio",
    "http": "h11",  # Whichever else is installed may not take every method that a page sends.
    "date_header": False,
    "server_header": False,
    "lifespan": "off",
    "ws": "none",
    "log_config": None,
    "access_log": False,
    "timeout_graceful_shutdown": _STOP_SECONDS,
}


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
    raise PortUnavailableError(f"no port from {default} to {last} is free; choose one with --port")


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


class Servers:
    """Servers that run in threads of their own; when one ends, so do the others."""

    def __init__(self, apps: Sequence[tuple[ASGIApp, socket.socket]]) -> None:
        self._servers = [uvicorn.Server(uvicorn.Config(app, **_SETTINGS)) for app, _ in apps]
        self._threads = [
            threading.Thread(target=self._run, args=(server, listener), daemon=True)
            for server, (_, listener) in zip(self._servers, apps, strict=True)
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, server: uvicorn.Server, listener: socket.socket) -> None:
        try:
            server.run([listener])
        finally:
            self.stop()

    def stop(self) -> None:
        """Ask the servers to end; `wait` tells when they have. A signal handler may call it."""
        for server in self._servers:
            server.should_exit = True

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the servers have ended: after `stop`, or because one of them failed."""
        for thread in self._threads:
            # It looks again now and then: a signal just before an endless wait is not seen in it.
            while timeout is None and thread.is_alive():
                thread.join(_LOOK_AGAIN_SECONDS)
            thread.join(timeout)


@contextmanager
def serving(apps: Sequence[tuple[ASGIApp, socket.socket]]) -> Iterator[Servers]:
    """Serve applications on sockets that listen, while the context lasts.

    Who connects before a server has started waits for it in the socket's queue.
    """
    running = Servers(apps)
    try:
        yield running
    finally:
        running.stop()
        running.wait(2 * _STOP_SECONDS)
