"""Sending requests to a server that may be anything: bounded in number, size and time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Self

import httpx2

from corsac._text import printable
from corsac._version import __version__
from corsac.browser import FetchRequest, Request, Response, TransportError
from corsac.browser.transports import httpx2_async_transport
from corsac.browser.urls import parse_url
from corsac.cli.ending import CommandError

__all__ = ["MAX_REQUESTS", "MAX_SECONDS", "SAFE_METHODS", "Courier", "NotSentError"]

MAX_REQUESTS = 64
"""Requests of one probe: 20 redirects with a preflight each, and all replays."""
MAX_SECONDS = 120.0
"""Seconds that one probe takes at most, unless a single request may take longer."""

_GRACE_SECONDS = 0.1
# Of the text of an error, which may say what was refused.
_NOTE_BYTES = 120

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, section 9.2.1); browsers refuse TRACE."""


class NotSentError(Exception):
    """A request that may change something was held back."""


class Courier:
    """Sends a browser's requests, and replays of them, with the user's cookies.

    The first words of an error in plain text become the answer's note; no other body is read.
    ``tell`` gets every request before it is sent, with its `place` among the replays: its number
    and how many there are, both 0 for the page's own.
    """

    def __init__(
        self,
        page: FetchRequest,
        *,
        cookies: tuple[tuple[str, str], ...] = (),
        timeout: float = 10.0,
        insecure: bool = False,
        sends_unsafe: bool = False,
        tell: Callable[[Request, int, int], None] = lambda request, number, total: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._page = page
        self._cookies = "; ".join(f"{name}={value}" for name, value in cookies)
        url = parse_url(page.url)
        self._host = "" if url is None else url.host
        self._timeout = timeout
        self._sends_unsafe = sends_unsafe
        self._tell = tell
        self._clock = clock
        try:
            self._client = httpx2.AsyncClient(
                verify=not insecure,
                headers={"User-Agent": f"Mozilla/5.0 (compatible; corsac-probe/{__version__})"},
                # Bytes behind an answer must not be taken for the next answer.
                limits=httpx2.Limits(max_keepalive_connections=0),
            )
        except (OSError, ValueError, ImportError) as error:
            # A proxy or certificates that the environment names; the proxy may need a package.
            names = "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR"
            message = f"cannot begin: {error}; look at {names} in the environment"
            raise CommandError(printable(message, 500)) from None
        self._ends_at = 0.0
        self.sent_count = 0
        self.place = (0, 0)

    async def __aenter__(self) -> Self:
        """Begin to count the time."""
        self._ends_at = self._clock() + max(MAX_SECONDS, self._timeout)
        return self

    async def __aexit__(self, *error: object) -> None:
        """Close all connections."""
        await self._client.aclose()

    def as_sent(self, request: Request) -> Request:
        """Give the request with the cookies that a browser adds: never to a preflight."""
        url, mode = parse_url(request.url), self._page.credentials
        if not self._cookies or request.is_preflight or url is None or url.host != self._host:
            return request
        if mode == "include" or (mode == "same-origin" and url.origin == self._page.origin):
            return replace(request, headers=(*request.headers, ("Cookie", self._cookies)))
        return request

    async def __call__(self, request: Request) -> Response:
        """Send a request and read the headers of the answer."""
        if request.method not in SAFE_METHODS and not self._sends_unsafe:
            raise NotSentError
        if self.sent_count == MAX_REQUESTS:
            raise TransportError(f"{MAX_REQUESTS} requests were sent: this program sends no more")
        left = self._ends_at - self._clock()
        if left <= 0:
            raise TransportError("too much time went by: this program sends no more")
        sent = self.as_sent(request)
        self.sent_count += 1
        self._tell(sent, *self.place)
        seconds = min(left, self._timeout)
        message = f"no answer within {seconds:.3g} seconds"
        transport = httpx2_async_transport(self._client, timeout=seconds, note_bytes=_NOTE_BYTES)
        try:
            # The client's own time-out is for each wait, and closes what it leaves; a server that
            # always says a little more is ended from here.
            async with asyncio.timeout(seconds + _GRACE_SECONDS):
                return await transport(sent)
        except TimeoutError:
            raise TransportError(message) from None
        except TransportError as error:
            if isinstance(error.__cause__, httpx2.TimeoutException):
                raise TransportError(message) from None
            raise
