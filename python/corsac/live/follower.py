"""Puts what a source says in force, again and again, beside the requests."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import inspect
import itertools
import logging
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Iterable
from typing import Any, Literal, Self

from corsac._background import BackgroundThread
from corsac._core import is_origin_entry
from corsac._text import error_text, quoted, type_name
from corsac.live.sources import OriginSource
from corsac.middleware import ConfiguredMiddleware
from corsac.options.names import OPTION_NAMES
from corsac.policy import CORSPolicy, check_options

__all__ = ["Follower", "FollowerStatus"]

MAX_NAMED_ENTRIES = 10
"""Invalid entries that a line of the log names."""

_BATCH = 1000
_FIRST_RETRY_SECONDS = 0.25
_LAST_RETRY_SECONDS = 30.0
_STALE_INTERVALS = 3

logger = logging.getLogger("corsac")


@dataclasses.dataclass(frozen=True, slots=True)
class FollowerStatus:
    """How a follower is.

    Attributes:
        state: ``"loading"`` until the source has answered for the first time; ``"current"``;
            ``"stale"``: the source fails, or has not answered for three times its interval. The
            origins that it gave last stay in force.
        origins: How many of its origins are in force.
        skipped: How many invalid entries its last answer had.
        age: Seconds since the source last answered; ``None`` if it never did.
        error: Why the last attempt failed, or ``None``.
    """

    state: Literal["loading", "current", "stale"]
    origins: int
    skipped: int
    age: float | None
    error: str | None


class SourceError(ValueError):
    """What a source gave cannot be put in force."""


class Follower:
    """Puts a policy with the origins of a source in force, whenever the source has others.

    The policy is ``base`` with the source's origins added to its own: wherever the middleware has
    ``base``, as its policy or in a rule, and as its policy if it has it nowhere. Whatever the
    source does, the last good set stays: when it fails, gives something else than origins, or none
    at all. Entries that ``base`` could not have are skipped and logged by name; ``"*"`` is always
    one of them.

    As a context manager, or an asynchronous one, it waits for the first set when it is entered.

    Args:
        middleware: A middleware of ASGI or WSGI; `corsac.starlette.install` and
            `corsac.flask.install` return one.
        source: Where the origins come from.
        base: The policy that is always in force.
        start_seconds: How long to wait for the first set when it is entered.
        must_load: Whether entering it fails if there is no first set in that time; else it goes on
            with ``base`` alone.
        allow_empty: Whether a source that gives no origin means it.

    Raises:
        TypeError: An argument has a wrong type.
        ValueError: ``base`` has ``always_send``, which takes exactly one origin.
    """

    def __init__(
        self,
        middleware: ConfiguredMiddleware[Any],
        source: OriginSource,
        *,
        base: CORSPolicy,
        start_seconds: float = 10.0,
        must_load: bool = True,
        allow_empty: bool = False,
    ) -> None:
        if not isinstance(middleware, ConfiguredMiddleware):
            message = f"expected a CORSMiddleware of Corsac, got {type(middleware).__name__}"
            raise TypeError(message)
        if not isinstance(base, CORSPolicy):
            message = f"base must be a CORSPolicy, not {type(base).__name__}"
            raise TypeError(message)
        if not all(hasattr(source, name) for name in ("name", "interval", "origins", "wait")):
            message = f"a source has name, interval, origins() and wait(); {source!r} has not"
            raise TypeError(message)
        if base.always_send:
            message = "base must not have always_send, which takes exactly one origin"
            raise ValueError(message)
        self._middleware = middleware
        self._source = source
        self._base = base
        self._current = base
        self._start_seconds = start_seconds
        self._must_load = must_load
        self._allow_empty = allow_empty
        self._loaded = threading.Event()
        self._answered: float | None = None
        self._entries: list[str] = []
        self._skipped = 0
        self._error: str | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._background = BackgroundThread(f"corsac-follower {source.name}", self._run)

    @property
    def status(self) -> FollowerStatus:
        """How it is at this moment."""
        age = None if self._answered is None else time.monotonic() - self._answered
        state: Literal["loading", "current", "stale"] = "current"
        interval = self._source.interval
        if age is None:
            state = "loading"
        elif self._error is not None or (interval and age > _STALE_INTERVALS * interval):
            state = "stale"
        return FollowerStatus(state, len(self._entries), self._skipped, age, self._error)

    def start(self) -> None:
        """Begin to follow, and return at once. In a process that is forked it begins anew."""
        self._background.start()

    def stop(self) -> None:
        """Stop following; the origins that were given last stay in force."""
        self._background.stop()

    def ready(self, seconds: float | None = None) -> bool:
        """Wait until there is a first set.

        Args:
            seconds: How long at most; ``None``: as long as it takes.

        Returns:
            Whether there is one.
        """
        return self._loaded.wait(seconds)

    def __enter__(self) -> Self:
        """Start, and wait for the first set.

        Raises:
            RuntimeError: There is none, and ``must_load`` is true.
        """
        self.start()
        if not self.ready(self._start_seconds):
            self._give_up()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    async def __aenter__(self) -> Self:
        """Start, and wait for the first set; what the source gives is awaited in this loop.

        Raises:
            RuntimeError: As for ``with``.
        """
        self._loop = asyncio.get_running_loop()
        self.start()
        if not await asyncio.to_thread(self.ready, self._start_seconds):
            self._give_up()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await asyncio.to_thread(self.stop)
        self._loop = None

    @contextlib.asynccontextmanager
    async def lifespan(self, app: object) -> AsyncIterator[None]:
        """Follow as long as an application runs: ``Starlette(lifespan=follower.lifespan)``.

        Args:
            app: The application, which is not looked at.
        """
        async with self:
            yield

    def _give_up(self) -> None:
        reason = self._error or f"no answer in {self._start_seconds:g} seconds"
        if self._must_load:
            self.stop()
            message = f"the first origins of {self._source.name} could not be loaded: {reason}"
            raise RuntimeError(message)

    def _run(self, stopped: threading.Event) -> None:
        retry = _FIRST_RETRY_SECONDS
        while not stopped.is_set():
            try:
                self._read(stopped)
                retry = _FIRST_RETRY_SECONDS
                self._source.wait(stopped)
            except Exception as error:
                self._fail(error)
                stopped.wait(retry)
                retry = min(2 * retry, _LAST_RETRY_SECONDS)

    def _read(self, stopped: threading.Event) -> None:
        given = self._source.origins()
        if inspect.isawaitable(given):
            given = self._wait_for(given)
        entries, skipped, named = _sift(self._base, given)
        if stopped.is_set():
            return
        if not entries and not self._allow_empty:
            what = f"only invalid entries, such as {named[0]}" if named else "no origin at all"
            raise SourceError(f"it has {what}")
        if entries != self._entries:
            self._put_in_force(entries)
            self._entries = entries
        if skipped and skipped != self._skipped:
            logger.warning(
                "CORS: %d entries of %s were skipped: %s%s",
                skipped,
                self._source.name,
                "; ".join(named),
                "; ..." if skipped > len(named) else "",
            )
        if self._error is not None:
            logger.warning("CORS: %s answers again", self._source.name)
        self._skipped, self._error = skipped, None
        self._answered = time.monotonic()
        self._loaded.set()

    def _wait_for(self, given: Awaitable[Iterable[str]]) -> Iterable[str]:
        async def wait() -> Iterable[str]:
            return await given

        loop = self._loop
        if loop is None:
            return asyncio.run(wait())
        return asyncio.run_coroutine_threadsafe(wait(), loop).result()

    def _put_in_force(self, entries: list[str]) -> None:
        before, middleware = self._current, self._middleware
        after = self._base.replace(allow_origins=(*self._base.allow_origins, *entries))
        places = {id(self._base), id(before)}
        rules = [
            (path, after if id(policy) in places else policy) for path, policy in middleware.rules
        ]
        is_in_rules = any(policy is after for _, policy in rules)
        policy = middleware.policy
        if id(policy) in places or not is_in_rules:
            policy = after
        middleware.reconfigure(policy, rules=rules)
        self._current = after

    def _fail(self, error: Exception) -> None:
        text = error_text(error)
        if self._error is None or self._error != text:
            kept = f"; the last {len(self._entries)} origins stay" if self._answered else ""
            logger.warning("CORS: %s fails: %s%s", self._source.name, text, kept)
        self._error = text


def _sift(base: CORSPolicy, given: object) -> tuple[list[str], int, list[str]]:
    """Return the entries that a policy can have, how many it cannot, and some of these.

    It works in batches: between two of them other threads get their turn.
    """
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        message = f"it gave {type(given).__name__}, not the origins one by one"
        raise SourceError(message)
    valid: dict[str, None] = {}
    skipped = 0
    named: list[str] = []
    entries = iter(given)
    while batch := list(itertools.islice(entries, _BATCH)):
        texts = tuple(each for each in batch if isinstance(each, str) and is_origin_entry(each))
        wrong = _reasons(base, texts)
        fine = [each for each in texts if each not in wrong]
        valid |= dict.fromkeys(fine)
        skipped += len(batch) - len(fine)
        for each in batch if len(fine) < len(batch) else ():
            if len(named) == MAX_NAMED_ENTRIES:
                break
            if not isinstance(each, str):
                named.append(f"{quoted(each)}: an origin is text, not {type_name(each)}")
            elif each in {"*", "null"}:
                named.append(f"{quoted(each)}: a source cannot allow any page")
            elif each in wrong or not is_origin_entry(each):
                reason = wrong.get(each) or _reasons(base, (each,)).get(each, "not an origin")
                named.append(f"{quoted(each)}: {reason}")
    return list(valid), skipped, named


def _reasons(base: CORSPolicy, entries: tuple[str, ...]) -> dict[object, str]:
    """Return why a policy cannot have some of these entries."""
    options = {name: getattr(base, name) for name in OPTION_NAMES} | {"allow_origins": entries}
    return {
        problem.value: problem.message
        for problem in check_options(options)[2]
        if problem.severity == "error" and problem.option == "allow_origins"
    }
