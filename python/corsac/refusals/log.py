"""The log of refused requests.

Its lines have text of clients: it is escaped and cut, and a flood of refused requests cannot flood
the log.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from logging import INFO, WARNING
from typing import Any

from corsac import _core
from corsac._locks import make_lock
from corsac._text import MAX_LOGGED_LENGTH, quoted, quoted_list

__all__ = ["MAX_LOGGED_LENGTH", "RefusalLog", "TrialLog"]

Missing = tuple[str | None, tuple[str, ...]]
"""A method or ``None``, and names of headers."""

MAX_LINES_PER_WINDOW = 20
WINDOW_SECONDS = 60.0
MAX_REMEMBERED = 1000
"""Refusals that are remembered as seen; the oldest is forgotten first."""
MAX_KEY_LENGTH = _core.MAX_ORIGIN_LENGTH
"""How much of an Origin, and of what is missing, tells one refusal from another: a whole origin."""
LEVEL_SECONDS = 0.1
"""How long a refusal may stay unlogged after the level was changed: a middleware asks so often."""

_logger = logging.getLogger("corsac")


class RefusalLog:
    """Writes refusals to the logger ``corsac``; every line begins with ``CORS:``.

    The precise rule:

    - The first refusal of each origin for each reason is a ``WARNING``, so that it is seen without
      any setting up; later ones are ``INFO``. For a method or header that is not listed, the
      missing names count too: each is said once. `MAX_REMEMBERED` refusals are remembered.
    - In `WINDOW_SECONDS` at most `MAX_LINES_PER_WINDOW` of them are warnings. The first ever for a
      reason is written nevertheless: there are a dozen reasons.
    - ``INFO`` lines are written while fewer than `MAX_LINES_PER_WINDOW` lines of either level were.
      So the flood of one origin does not keep the first refusal of another out of the log; only
      other first refusals do, if there are too many. A first refusal that was not written is still
      the first in the next window.
    - Lines that found no room are counted, and the next window begins with their number.

    A request with an Origin for which no browser carries out a CORS check is not a refusal: an
    actual request with a Sec-Fetch-Mode other than ``cors`` (a form, a beacon, an image); or one of
    a page to its own origin: its Sec-Fetch-Site is ``same-origin``, or, without that header, its
    Origin is its scheme and Host. It is not logged, not told and not counted as refused; its
    response is that of any other origin that the policy does not allow. A server behind a proxy
    that ends TLS takes ``https`` for ``http``, so there both are its own; where it knows that it
    was asked by TLS, ``http`` is not. Anyone but a browser can write these headers, and so stay out
    of the log.

    Attributes:
        names: For options of a policy, their names where the user writes them.

    Args:
        clock: A monotonic clock, in seconds.
    """

    _refused = "refused"
    _refusals = "refusals"

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = make_lock()  # Numbers that a fork left half changed hold for one window.
        self._window_start = clock()
        self._lines = 0  # In this window.
        self._warnings = 0  # Those of them that are first refusals.
        self._dropped = 0
        self._dropped_first = False
        self._seen: dict[tuple[object, ...], None] = {}  # In order.
        self._seen_reasons: set[str] = set()
        self._full: set[str] = set()  # Whose last refusal found the window full.
        self._whole: RefusalLog | None = None
        self.names: Mapping[str, str] = {}

    def write_into(self, whole: RefusalLog) -> None:
        """Have the log of the whole middleware write all refusals, within its limits."""
        self._whole = whole

    def __call__(  # noqa: PLR0917
        self,
        reason: str,
        origin: object,
        request: Mapping[str, Any],
        unreported: int = 0,
        rule: str | None = None,
        missing: Missing | None = None,
        policy: int | None = None,
        names: Mapping[str, str] | None = None,
    ) -> tuple[float, float]:
        """Log one refusal, unless the log is off or the window full.

        Args:
            reason: The reason code, such as ``"origin-not-allowed"``.
            origin: The Origin header as it was sent, bytes or text, or ``None`` if there was none;
                the Host header where that is refused.
            request: Has the request's ``path``, and its ``method`` if it is not a WebSocket
                handshake of ASGI, as ASGI's scopes do.
            unreported: The refusals for this reason since the last call, if that asked for silence.
            rule: The pattern of the rule that decided, or ``"default"``; ``None`` if there are no
                rules.
            missing: The method, or ``None``, and the header names that a preflight request asked
                for and that are not listed.
            policy: Of several policies in one place the number of the one that decided, from 1.
            names: Takes the place of the attribute `names`.

        Returns:
            For how many seconds a call would do nothing but count: one about the same reason,
            origin and missing names, and one about the same reason.
        """
        if self._whole is not None:
            return self._whole(reason, origin, request, unreported, rule, missing, policy, names)
        informs = _logger.isEnabledFor(INFO)
        warns = informs or _logger.isEnabledFor(WARNING)
        # All values that are too long for an Origin are the same.
        sent: object = None
        if isinstance(origin, (bytes, str)):
            sent = origin if len(origin) <= MAX_KEY_LENGTH else MAX_KEY_LENGTH
        names_missing = missing and ",".join((missing[0] or "", *missing[1]))[:MAX_KEY_LENGTH]
        key = (reason, sent, names_missing)
        # No `with`: its end needs memory, and where there is none the lock would stay as it is.
        self._lock.acquire()
        try:
            if reason in self._full:
                # Otherwise the log was off meanwhile, and nothing was to be written.
                self._dropped += unreported
                self._full.remove(reason)
            if not warns:
                return LEVEL_SECONDS, LEVEL_SECONDS
            first = key not in self._seen
            if not (first or informs):
                return LEVEL_SECONDS, 0.0
            rest = self._rest_of_window()
            if first:
                has_place = self._warnings < MAX_LINES_PER_WINDOW
                has_place = has_place or reason not in self._seen_reasons
            else:
                has_place = self._lines < MAX_LINES_PER_WINDOW
            if not has_place:
                self._dropped += 1
                self._dropped_first |= first
                self._full.add(reason)
                return rest, rest if first else 0.0
            dropped, dropped_level = self._take_dropped(informs)
            self._lines += 1
            if first:
                self._warnings += 1
                self._seen_reasons.add(reason)
                self._seen[key] = None
                while len(self._seen) > MAX_REMEMBERED:
                    del self._seen[next(iter(self._seen))]
        finally:
            self._lock.release()
        if dropped:
            _logger.log(dropped_level, "CORS: %d more %s were not logged", dropped, self._refusals)
        kind = quoted(request.get("method")) if request.get("method") else "WebSocket"
        _logger.log(
            WARNING if first else INFO,
            "CORS: %s %s: %s %s, %s %s%s%s%s%s",
            self._refused,
            reason,
            "host" if reason.startswith("host-") else "origin",
            quoted(origin),
            kind,
            quoted(request.get("path")),
            "" if rule is None else f", rule {quoted(rule)}",
            "" if policy is None else f", policy {policy} of that place",
            _advice(reason, missing, self.names if names is None else names),
            "; more such refusals are logged as INFO" if first else "",
        )
        return 0.0, 0.0

    def _rest_of_window(self) -> float:
        """Return the seconds that are left of this window, or of the next if it is over."""
        now = self._clock()
        if now - self._window_start >= WINDOW_SECONDS:
            self._window_start = now
            self._lines = self._warnings = 0
        return self._window_start + WINDOW_SECONDS - now

    def _take_dropped(self, informs: bool) -> tuple[int, int]:
        """Return how many refusals the next line counts as not logged, and its level."""
        if not self._dropped or not (informs or self._dropped_first):
            return 0, INFO
        if self._lines > MAX_LINES_PER_WINDOW - 2:  # It takes a place, and the refusal does too.
            return 0, INFO
        level = WARNING if self._dropped_first else INFO
        self._lines += 1
        self._warnings += level == WARNING
        dropped, self._dropped, self._dropped_first = self._dropped, 0, False
        return dropped, level


class TrialLog(RefusalLog):
    """The log of what the policy on trial would refuse; it has a window of its own."""

    _refused = "report-only: would refuse"
    _refusals = "refusals of the policy on trial"


_HOSTS = "allowed_hosts"


def _advice(reason: str, missing: Missing | None, names: Mapping[str, str]) -> str:
    """Return the end of a line: what to write where a host, method or header is not listed."""
    if reason == "host-not-allowed":
        return f"; if that is a name of this server, add it to {names.get(_HOSTS, _HOSTS)}"
    if missing is None:
        # A list that was read to its end names what is missing.
        unread = "its Access-Control-Request-Headers is malformed, or longer than is read"
        return f"; {unread}, as from no browser" if reason == "header-not-allowed" else ""
    method, headers = missing
    advice = []
    if method is not None:
        in_capitals = capitals_advice(method)
        if in_capitals is not None:
            advice.append(in_capitals)
            method = method.upper()
        unless = "" if in_capitals is None else " unless it is there"
        advice.append(f"{_option('allow_methods', names)}[..., {quoted(method)}]{unless}")
    if headers:
        advice.append(f"{_option('allow_headers', names)}[..., {quoted_list(headers)}]")
    return f"; write {' and '.join(advice)} to allow it"


def _option(option: str, names: Mapping[str, str]) -> str:
    """Return an option with its sign of assignment: a keyword, or a setting of a module."""
    name = names.get(option, option)
    return f"{name}=" if name.islower() and name.isidentifier() else f"{name} = "


KNOWN_METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "QUERY"}
    | {"PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "SEARCH"}
)
"""Methods that are meant where one of these is sent in small letters."""

_NORMALIZED = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"})
"""Methods that browsers send in capitals however the page writes them (Fetch, "normalize")."""


def capitals_advice(method: str) -> str | None:
    """Return what to write instead of an actual request's method in small letters, or ``None``.

    Methods are case-sensitive, and those in use are capitals.
    """
    capitals = method.upper()
    if method == capitals or capitals not in KNOWN_METHODS:
        return None
    if capitals in _NORMALIZED:
        return f"method {capitals!r} in the client, not a browser: those send it in capitals"
    return f"method: {capitals!r} in the page, since browsers send {quoted(method)} as it is"
