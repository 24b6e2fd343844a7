"""What the middleware says about requests that it refused.

What is logged came from a client: it is escaped and cut, and a flood of refused requests cannot
flood the log.
"""

from __future__ import annotations

import _thread
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = ["RefusalLog"]

# Levels of the module logging, whose documentation gives the numbers.
_INFO = 20
_WARNING = 30

MAX_LINES_PER_WINDOW = 20
WINDOW_SECONDS = 60.0
MAX_LOGGED_LENGTH = 128
# How long a middleware need not ask again whether the log is on.
LEVEL_SECONDS = 1.0


class RefusalLog:
    """Writes refusals to the logger ``corsac``, at most `MAX_LINES_PER_WINDOW` lines a window.

    The first refusal for each reason is a warning, so that it is seen without any setting up; all
    others are informational.

    Args:
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # What threading.Lock is; that module takes longer to load.
        self._lock = _thread.allocate_lock()
        self._logger: logging.Logger | None = None
        self._window_start = clock()
        self._lines = 0
        self._dropped = 0
        # Of reason codes, of which there are a handful.
        self._seen: set[str] = set()
        self._full: set[str] = set()  # Whose last refusal found the window full.

    def __call__(
        self, reason: str, origin: object, request: Mapping[str, Any], unreported: int = 0
    ) -> float:
        """Log one refusal, unless the window is full or the log is off.

        Args:
            reason: The reason code, such as ``"origin-not-allowed"``.
            origin: The Origin header as it was sent, bytes or text, or ``None`` if there was none.
            request: Has the request's ``path``, and its ``method`` if it is no WebSocket handshake
                of ASGI, as ASGI's scopes do.
            unreported: The refusals for this reason since the last call that came to nobody's
                notice, because that call asked for a pause.

        Returns:
            For how many seconds a call for this reason would do nothing but count.
        """
        logger = self._logger
        if logger is None:
            import logging  # noqa: PLC0415 - whoever refuses nothing need not load it

            logger = self._logger = logging.getLogger("corsac")
        # Seen without any setting up: who is blocked for the first time is told why.
        level = _INFO if reason in self._seen else _WARNING
        if not logger.isEnabledFor(level):
            return LEVEL_SECONDS
        with self._lock:
            dropped = self._take_place(reason, unreported)
            if dropped is None:
                return self._window_start + WINDOW_SECONDS - self._clock()
            if reason in self._seen:
                level = _INFO  # Another thread was first.
            self._seen.add(reason)
        if dropped:
            logger.info("%d more CORS refusals were not logged", dropped)
        kind = _printable(request.get("method")) if request.get("method") else "WebSocket"
        logger.log(
            level,
            "refused %s: origin %s, %s %s%s",
            reason,
            _printable(origin),
            kind,
            _printable(request.get("path")),
            "" if level == _INFO else "; more such refusals are logged as INFO",
        )
        return 0.0

    def _take_place(self, reason: str, unreported: int) -> int | None:
        """How many refusals went unlogged before this one, or ``None`` if this one does as well."""
        if reason in self._full:
            # Otherwise the log was off meanwhile, and nothing was to be written.
            self._dropped += unreported
            self._full.remove(reason)
        now = self._clock()
        if now - self._window_start >= WINDOW_SECONDS:
            self._window_start = now
            self._lines = 0
        if self._lines >= MAX_LINES_PER_WINDOW:
            self._dropped += 1
            self._full.add(reason)
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
