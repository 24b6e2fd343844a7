"""Failures of functions of the user's, in the log without flooding it."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable

from corsac._locks import make_lock

__all__ = ["FAILURE_LOG_WINDOW_SECONDS", "FailureLog"]

FAILURE_LOG_WINDOW_SECONDS = 60.0
"""One failure is logged in this time, with its traceback; the next line says how many were not."""

_logger = logging.getLogger("corsac")


class FailureLog:
    """Writes one failure in a window to the logger ``corsac``, and counts the others.

    Args:
        what: What fails, as the line names it.
        clock: A monotonic clock, in seconds.
        level: The level of the lines.
    """

    def __init__(
        self,
        what: str,
        clock: Callable[[], float] = time.monotonic,
        level: int = logging.WARNING,
    ) -> None:
        self._what = what
        self._clock = clock
        self._level = level
        # Reentrant: the garbage collector may run other failing code while the lock is held.
        self._lock = make_lock()
        self._silent_until = -math.inf
        self._dropped = 0

    def __call__(self, what: str, error: BaseException | None = None) -> None:
        """Write what it did, such as ``"raised LookupError"``, unless this window has a failure.

        The text is escaped already; the line has the traceback of the error.
        """
        if not _logger.isEnabledFor(self._level):
            return
        with self._lock:
            now = self._clock()
            if now < self._silent_until:
                self._dropped += 1
                return
            self._silent_until = now + FAILURE_LOG_WINDOW_SECONDS
            dropped, self._dropped = self._dropped, 0
        if dropped:
            _logger.log(
                self._level, "CORS: %d more failures of %s were not logged", dropped, self._what
            )
        _logger.log(self._level, "CORS: %s %s", self._what, what, exc_info=error)
