"""Where origins come from: the protocol of sources, a file, and anything that can be asked."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol, TextIO

from corsac._background import check_regular, check_watchfiles, file_state, wait_for_change

__all__ = ["FileSource", "OriginSource", "PollSource", "check_source", "uniform"]

Origins = Iterable[str]

uniform = random.SystemRandom().uniform
"""A number between two others, for which the application's own generator is not drawn from."""

_MAX_LINE = 4096
"""What a line of a file has beyond so many characters, as no origin has, is passed over."""


class OriginSource(Protocol):
    """What a `Follower` follows.

    Attributes:
        name: What the log and the status call it.
        interval: After how many seconds at the latest it is asked again; ``None`` if it is asked
            when it says so alone.
    """

    @property
    def name(self) -> str:
        """What the log and the status call it; without secrets."""

    @property
    def interval(self) -> float | None:
        """After how many seconds at the latest it is asked again, or ``None``."""

    def origins(self) -> Origins | Awaitable[Origins]:
        """Give the whole set: entries as in ``allow_origins``, but not ``"*"``.

        It is called in a thread of its own. What is to be awaited is awaited in the event loop of
        ``async with follower``, and without one in a loop of its own. Whatever it raises, the
        origins that were given last stay in force.
        """

    def wait(self, stopped: threading.Event) -> None:
        """Return when the set may have changed, and soon after the event is set.

        It is called after `origins`, in the same thread. Where several follow one source, or one
        follows it anew, each has a thread of its own. When it raises, the source counts as failing,
        and is asked again after a while.
        """


def check_source(source: object) -> None:
    """Check that something can be followed.

    Raises:
        TypeError: It lacks a part of an `OriginSource`.
        ValueError: Its interval is not one.
    """
    if not all(hasattr(source, name) for name in ("name", "interval", "origins", "wait")):
        message = f"a source has name, interval, origins() and wait(); {source!r} has not"
        raise TypeError(message)
    interval: object = source.interval  # type: ignore[attr-defined]
    if interval is not None and not (isinstance(interval, (int, float)) and interval > 0):
        message = f"a source's interval is a number of seconds above 0, or None, not {interval}"
        raise ValueError(message)


class FileSource:
    """A file with one origin or pattern in each line; what follows ``#`` is a comment.

    The file is read again when it changes: written to, replaced, deleted, made.

    Args:
        path: The file, in UTF-8. It may come later.

    Raises:
        ImportError: watchfiles is not installed (extra ``watch``).
        TypeError: ``path`` is not a path.
    """

    interval = None

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._state: tuple[int, ...] | None = None
        self._of_thread = threading.local()  # The state that each of its followers has read.
        check_watchfiles()

    @property
    def name(self) -> str:
        """The path, with U+FFFD for what is not UTF-8."""
        return os.fsencode(self._path).decode(errors="replace")

    def origins(self) -> Iterator[str]:
        """Read the file, line by line.

        Raises:
            OSError: It cannot be read.
            UnicodeDecodeError: It is not UTF-8.
        """
        self._state = self._of_thread.state = file_state(self._path)
        check_regular(self._path)
        with self._path.open(encoding="utf-8-sig") as file:
            for line in _lines(file):
                entry, comment, _ = line.partition("#")
                if comment or len(line) < _MAX_LINE:
                    entry = entry.strip()
                if entry:
                    yield entry

    def wait(self, stopped: threading.Event) -> None:
        """Wait for a change of the file since it was read."""
        state = getattr(self._of_thread, "state", self._state)
        wait_for_change(self._path, state, stopped)


def _lines(file: TextIO) -> Iterator[str]:
    """Give the lines of a file, and of long ones the beginning, so that memory has a bound."""
    while line := file.readline(_MAX_LINE):
        yield line
        while len(line) == _MAX_LINE and not line.endswith("\n"):
            line = file.readline(_MAX_LINE)


class PollSource:
    """A function that is asked for the whole set, again and again.

    Args:
        fetch: Gives the origins; a coroutine function is awaited. An iterator is read in parts, so
            that a large set need not be in memory twice.
        interval: Seconds between two calls.
        jitter: By which part of it the interval differs, from 0 to 1, so that many processes do not
            ask at the same moment.
        name: What the log, the status and the metrics call it, without secrets; the name of the
            function if it is not given.

    Raises:
        TypeError: ``fetch`` cannot be called, or the name is not text.
        ValueError: A number is out of bounds.
    """

    def __init__(
        self,
        fetch: Callable[[], Origins | Awaitable[Origins]],
        *,
        interval: float = 30.0,
        jitter: float = 0.1,
        name: str | None = None,
    ) -> None:
        if not callable(fetch):
            message = f"fetch must be a function, not {type(fetch).__name__}"
            raise TypeError(message)
        if name is None:
            name = getattr(fetch, "__qualname__", type(fetch).__qualname__)
        if not isinstance(name, str):
            message = f"name must be a str, not {type(name).__name__}"
            raise TypeError(message)
        if not 0 < interval < threading.TIMEOUT_MAX / 2:
            message = f"interval must be a number of seconds above 0, not {interval!r}"
            raise ValueError(message)
        if not 0 <= jitter <= 1:
            message = f"jitter must be from 0 to 1, not {jitter!r}"
            raise ValueError(message)
        self.name = name
        self._fetch = fetch
        self._interval = interval
        self._jitter = jitter

    @property
    def interval(self) -> float:
        """The longest time between two calls, in seconds."""
        return self._interval * (1 + self._jitter)

    def origins(self) -> Origins | Awaitable[Origins]:
        """Call the function."""
        return self._fetch()

    def wait(self, stopped: threading.Event) -> None:
        """Wait for the interval."""
        stopped.wait(self._interval * (1 + uniform(-self._jitter, self._jitter)))
