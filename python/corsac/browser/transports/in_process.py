"""What the transports to an application in this process have in common."""

from __future__ import annotations

import logging
import math
from typing import NamedTuple

from corsac.browser.messages import Request, Response, TransportError, byte_lines
from corsac.browser.shown import shown
from corsac.browser.urls import URL, parse_url

__all__ = ["DEFAULT_TIMEOUT", "Target", "check_timeout", "failed_response", "target_of"]

_LOGGER = logging.getLogger("corsac.browser")

DEFAULT_TIMEOUT = 10.0
"""Seconds that an application has until its response starts."""


class Target(NamedTuple):
    """A request taken apart for an application."""

    url: URL
    lines: list[tuple[bytes, bytes]]
    port: int
    body: bytes


def target_of(request: Request) -> Target:
    """Take a request apart, and add what a connection adds: Host and Content-Length.

    Args:
        request: From the simulation, or one of the user's own.

    Raises:
        TransportError: The URL is none of http or https.
    """
    url = parse_url(request.url)
    if url is None or url.effective_port is None:
        message = f"{shown(request.url)} is no URL of a server"
        raise TransportError(message)
    host = url.host if url.port is None else f"{url.host}:{url.port}"
    lines = [(b"host", host.encode("ascii"))]
    lines += [(name.lower(), value) for name, value in byte_lines(request.headers)]
    body = request.body or b""
    if body or request.method in {"POST", "PUT", "PATCH"}:
        lines.append((b"content-length", b"%d" % len(body)))
    return Target(url, lines, url.effective_port, body)


def failed_response(error: BaseException) -> Response:
    """What a server answers for an application that raised before it answered; and its log."""
    _LOGGER.error("CORS: the application raised", exc_info=error)
    what = f"{type(error).__name__}: {error}".removesuffix(": ")
    note = f"the application raised {shown(what)}, and servers answer so"
    return Response(500, [("content-type", "text/plain; charset=utf-8")], note)


def check_timeout(timeout: float) -> float:
    """See that a time-out is one.

    Raises:
        TypeError: It is no number.
        ValueError: It is not above 0, or not finite.
    """
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        message = f"timeout must be a number of seconds, not {type(timeout).__name__}"
        raise TypeError(message)
    if not (timeout > 0 and math.isfinite(timeout)):
        message = f"timeout must be a finite number of seconds above 0, not {timeout}"
        raise ValueError(message)
    return float(timeout)
