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

__all__ = ["RefusalLog", "TrialLog"]

# Levels of the module logging, whose documentation gives the numbers.
_INFO = 20
_WARNING = 30

MAX_LINES_PER_WINDOW = 20
WINDOW_SECONDS = 60.0
MAX_LOGGED_LENGTH = 128
# How long after the level was changed refusals show; a middleware asks no more often.
LEVEL_SECONDS = 0.1


class RefusalLog:
    """Writes refusals to the logger ``corsac``, at most `MAX_LINES_PER_WINDOW` lines a window.

    The first refusal for each reason is a warning, so that it is seen without any setting up, even
    if the window is full; all others are informational.

    Nothing that a page asks its own origin is a refusal: no browser carries out a CORS check there,
    though every method but GET and HEAD brings an Origin. So an actual request whose Sec-Fetch-Site
    is ``same-origin``, or without that header whose Origin is its scheme and Host, is neither
    logged nor told nor counted as refused. Its response is that of any other origin that the policy
    does not allow. Anyone but a browser can write these headers, and so stay out of the log.

    Args:
        clock: A monotonic clock, in seconds.
    """

    _refused = "refused"
    _refusals = "CORS refusals"

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
        self,
        reason: str,
        origin: object,
        request: Mapping[str, Any],
        unreported: int = 0,
        rule: str | None = None,
    ) -> float:
        """Log one refusal, unless the log is off, or the window full and it is not the first.

        Args:
            reason: The reason code, such as ``"origin-not-allowed"``.
            origin: The Origin header as it was sent, bytes or text, or ``None`` if there was none.
            request: Has the request's ``path``, and its ``method`` if it is no WebSocket handshake
                of ASGI, as ASGI's scopes do.
            unreported: The refusals for this reason since the last call that came to nobody's
                notice, because that call asked for a pause.
            rule: The pattern of the rule that decided, or ``"default"``; ``None`` if there are no
                rules.

        Returns:
            For how many seconds a call for this reason would do nothing but count.
        """
        logger = self._logger
        if logger is None:
            import logging  # noqa: PLC0415 - whoever refuses nothing need not load it

            logger = self._logger = logging.getLogger("corsac")
        informs = logger.isEnabledFor(_INFO)
        warns = informs or logger.isEnabledFor(_WARNING)
        with self._lock:
            if reason in self._full:
                # Otherwise the log was off meanwhile, and nothing was to be written.
                self._dropped += unreported
                self._full.remove(reason)
            # Who is blocked for the first time is told why.
            first = warns and reason not in self._seen
            if not (first or informs):
                return LEVEL_SECONDS
            has_place = self._has_place()
            if not (first or has_place):
                self._dropped += 1
                self._full.add(reason)
                return self._window_start + WINDOW_SECONDS - self._clock()
            self._seen.add(reason)
            dropped = 0
            if has_place and informs:
                dropped, self._dropped = self._dropped, 0
            self._lines += 2 if dropped else 1
        if dropped:
            logger.info("%d more %s were not logged", dropped, self._refusals)
        kind = _printable(request.get("method")) if request.get("method") else "WebSocket"
        logger.log(
            _WARNING if first else _INFO,
            "%s %s: origin %s, %s %s%s%s",
            self._refused,
            reason,
            _printable(origin),
            kind,
            _printable(request.get("path")),
            "" if rule is None else f", rule {_printable(rule)}",
            "; more such refusals are logged as INFO" if first else "",
        )
        return 0.0

    def _has_place(self) -> bool:
        """Whether one more line may be written in this window, or in the next if it is over."""
        now = self._clock()
        if now - self._window_start >= WINDOW_SECONDS:
            self._window_start = now
            self._lines = 0
        return self._lines < MAX_LINES_PER_WINDOW


class TrialLog(RefusalLog):
    """The same for what the policy on trial would refuse; it has a window of its own."""

    _refused = "report-only: would refuse"
    _refusals = "refusals of the policy on trial"


def _printable(value: object) -> str:
    """The value as escaped ASCII, cut."""
    if value is None:
        return "(none)"
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    cut = text[:MAX_LOGGED_LENGTH]
    return ascii(cut) + ("..." if len(text) > MAX_LOGGED_LENGTH else "")
