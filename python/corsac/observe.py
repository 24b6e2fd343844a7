"""What the middleware says about requests that it refused.

What is logged came from a client: it is escaped and cut, and a flood of refused requests cannot
flood the log.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["RefusalLog"]

_logger = logging.getLogger("corsac")

MAX_LINES_PER_WINDOW = 20
WINDOW_SECONDS = 60.0
MAX_LOGGED_LENGTH = 128


class RefusalLog:
    """Writes refusals to the logger ``corsac``, at most `MAX_LINES_PER_WINDOW` lines a window.

    The first refusal for each reason is a warning, so that it is seen without any setting up; all
    others are informational.

    Args:
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._window_start = clock()
        self._lines = 0
        self._dropped = 0
        self._seen: set[str] = set()  # Of reason codes, of which there are a handful.

    def __call__(self, reason: str, origin: bytes | None, scope: Mapping[str, Any]) -> None:
        """Log one refusal, unless the window is full.

        Args:
            reason: The reason code, such as ``"origin-not-allowed"``.
            origin: The Origin header as it was sent, or ``None`` if there was none.
            scope: The ASGI scope of the request.
        """
        level = logging.INFO
        if reason not in self._seen:
            # Seen without any setting up: who is blocked for the first time is told why.
            self._seen.add(reason)
            level = logging.WARNING
        if not _logger.isEnabledFor(level):
            return
        with self._lock:
            dropped = self._take_place()
        if dropped is None:
            return
        if dropped:
            _logger.info("%d more CORS refusals were not logged", dropped)
        kind = _printable(scope.get("method")) if scope.get("method") else "WebSocket"
        _logger.log(
            level,
            "refused %s: origin %s, %s %s%s",
            reason,
            _printable(origin),
            kind,
            _printable(scope.get("path")),
            "" if level == logging.INFO else "; more such refusals are logged as INFO",
        )

    def _take_place(self) -> int | None:
        """How many refusals went unlogged before this one, or ``None`` if this one does as well."""
        now = self._clock()
        if now - self._window_start >= WINDOW_SECONDS:
            self._window_start = now
            self._lines = 0
        if self._lines >= MAX_LINES_PER_WINDOW:
            self._dropped += 1
            return None
        dropped, self._dropped = self._dropped, 0
        self._lines += 2 if dropped else 1
        return dropped


def _printable(value: object) -> str:
    """The value as escaped ASCII, cut."""
    if value is None:
        return "(none)"
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    cut = text[:MAX_LOGGED_LENGTH]
    return ascii(cut) + ("..." if len(text) > MAX_LOGGED_LENGTH else "")
