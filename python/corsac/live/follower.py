"""Puts what a source says in force, again and again, beside the requests."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Protocol, Self

from corsac._background import BackgroundThread
from corsac._core import LiveOrigins
from corsac._locks import make_lock
from corsac._text import error_text
from corsac._types import Followed
from corsac.configuration import Configuration, ReadRule
from corsac.live.awaiting import LOOK_SECONDS, wait_for
from corsac.live.entries import (
    SourceError,
    changes_of,
    collect,
    log_changes,
    log_skipped,
)
from corsac.live.seen import FollowerStatus, Seen
from corsac.live.sources import OriginSource, check_source, uniform
from corsac.policy import CORSPolicy
from corsac.several import Policies

__all__ = ["Follower", "check_base", "check_followers"]

_FIRST_RETRY_SECONDS = 0.25
_LAST_RETRY_SECONDS = 30.0
_NO_PLACE = SourceError("the middleware was reconfigured, and has the base in no place any more")
_LEAST_SECONDS = 0.05
"""From the end of one reading to the next at the least: a source may tell of every entry."""

logger = logging.getLogger("corsac")


class Follower:
    """Puts a policy with the origins of a source in force, whenever the source has others.

    The policy is ``base`` with the source's origins added to its own: wherever the middleware has
    ``base``, as its policy or in a rule. A middleware that has it in neither place, but as its
    policy one with the same options, or none yet, takes it; any other is an error. Whatever the
    source does, the last good set stays: when it fails, gives something else than origins, or none
    at all. Entries that ``base`` could not have are skipped and logged by name; ``"*"`` is always
    one.

    As a context manager, or an asynchronous one, it waits for the first set when it is entered.

    Args:
        middleware: A middleware of ASGI or WSGI; `corsac.starlette.install` and
            `corsac.flask.install` return one.
        source: Where the origins come from.
        base: The policy that is always in force.
        start_seconds: How long to wait for the first set when it is entered.
        must_load: Whether entering it fails if there is no first set in that time; else it goes on
            with ``base`` alone.
        allow_empty: Whether a source that gives no entry at all means it.

    Raises:
        TypeError: An argument has a wrong type.
        ValueError: ``base`` has ``always_send``, which takes exactly one origin.
    """

    def __init__(
        self,
        middleware: Followable,
        source: OriginSource,
        *,
        base: CORSPolicy,
        start_seconds: float = 10.0,
        must_load: bool = True,
        allow_empty: bool = False,
    ) -> None:
        if not hasattr(middleware, "_exchange"):
            message = f"expected a CORSMiddleware of Corsac, got {type(middleware).__name__}"
            raise TypeError(message)
        check_source(source)
        check_base(base)
        self._middleware = middleware
        self._source = source
        self._base = base
        self._start_seconds = start_seconds
        self._must_load = must_load
        self._allow_empty = allow_empty
        self._is_new = True
        self._policy: CORSPolicy | None = None
        self._origins: LiveOrigins | None = None
        self._seen = Seen()
        self._named: list[str] = []
        self._lost: Seen | None = None  # What was seen before the base had no place.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tell_loop: Callable[[], object] | None = None
        # Reentrant: what the garbage collector runs meanwhile may reconfigure the middleware.
        self._putting = make_lock()
        self._make_loaded()
        name = f"corsac-follower {source.name}"
        self._background = BackgroundThread(name, self._run, self._begin_anew)
        self._register()

    @property
    def base(self) -> CORSPolicy:
        """The policy that is always in force."""
        return self._base

    @property
    def source(self) -> OriginSource:
        """Where the origins come from."""
        return self._source

    @property
    def status(self) -> FollowerStatus:
        """How it is at this moment."""
        return self._seen.status(self._source.interval, is_followed=self._background.is_running)

    def start(self) -> None:
        """Begin to follow, and return at once. In a process that is forked it begins anew.

        Raises:
            RuntimeError: Another one follows the same base in this middleware, or there is no place
                for the base in it.
        """
        if self._background.is_running:
            return
        for other in self._middleware._followers:
            if other.base is self._base and other._background.is_running:
                message = (
                    f"{other.source.name} is followed with the same base in this middleware; "
                    "follow one source that has the origins of both"
                )
                raise RuntimeError(message)
        self._middleware._have_base(self._base)
        self._is_new = False
        self._register()
        self._loaded.clear()
        self._seen = self._seen._replace(answered=None, error=None)
        if self._loop is not None and self._loop.is_closed():
            self._loop = None
        self._background.start()

    def stop(self) -> None:
        """Stop following; the origins that were given last stay in force.

        It waits for a source that is being read, but no longer than five seconds. What a source
        gives after that has no effect.
        """
        self._let_go()
        self._background.join()

    def ready(self, seconds: float | None = None) -> bool:
        """Wait until there is a first set.

        Args:
            seconds: How long at most; ``None``: as long as it takes.

        Returns:
            Whether there is one.
        """
        return self._loaded.wait(seconds)

    def ready_or_failed(self) -> bool:
        """Wait as long as entering it does for a first set, or for the first failure."""
        until = time.monotonic() + self._start_seconds
        while self._seen.error is None and time.monotonic() < until:
            if self.ready(LOOK_SECONDS):
                return True
        return self.ready(0)

    def __enter__(self) -> Self:
        """Start, and wait for the first set.

        Raises:
            RuntimeError: There is none, and ``must_load`` is true; or as for `start`.
        """
        self.start()
        try:
            self.ready(self._start_seconds)
            self._check_loaded()
        except BaseException:
            self._let_go()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    async def __aenter__(self) -> Self:
        """Start, and wait for the first set; what the source gives is awaited in this loop.

        Raises:
            RuntimeError: As for ``with``.
        """
        loop = asyncio.get_running_loop()
        arrived = asyncio.Event()
        self._tell_loop = lambda: loop.call_soon_threadsafe(arrived.set)
        before, self._loop = self._loop, loop
        try:
            self.start()
        except BaseException:
            self._loop = before
            raise
        try:
            if not self._loaded.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(arrived.wait(), self._start_seconds)
            self._check_loaded()
        except BaseException:  # It was cancelled, too.
            self._let_go()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        self._let_go()
        self._loop = None
        await asyncio.to_thread(self._background.join)

    @contextlib.asynccontextmanager
    async def lifespan(self, app: object) -> AsyncIterator[None]:
        """Follow as long as an application runs: ``Starlette(lifespan=follower.lifespan)``.

        Args:
            app: The application, which is not looked at.
        """
        async with self:
            yield

    def exchanged(
        self, configuration: Configuration
    ) -> tuple[Policies | None, tuple[ReadRule, ...]] | None:
        """Return policy and rules with its policy where the base is; ``None`` if it is nowhere."""
        policy = self._policy
        if policy is None or not self._background.is_running:
            return None
        return configuration.exchanged(self._base, policy)

    def put_again(self) -> None:
        """Put its policy in the place of the base again; the middleware calls it after others."""
        with self._putting:
            if self._policy is None or not self._background.is_running:
                return
            if not self._middleware._exchange(self._base, self._policy):
                self._note_no_place(self._lost or self._seen)
            elif self._lost is not None:
                lost, self._lost = self._lost, None
                fails_too = self._seen.error != error_text(_NO_PLACE)
                self._seen = self._seen._replace(origins=lost.origins) if fails_too else lost
                self._tell_loaded()

    def _register(self) -> None:
        """Be known to the middleware, which forgets those that were stopped."""
        others = [
            each
            for each in self._middleware._followers
            if each._background.is_running or (each._is_new and each.base is not self._base)
        ]
        vars(self._middleware)["_followers"] = (*others, self)

    def _let_go(self) -> None:
        """Follow no longer, and keep no origins that nobody asks for any more."""
        self._background.tell_to_stop()
        with self._putting:
            self._policy = self._origins = None

    def _make_loaded(self) -> None:
        self._loaded = threading.Event()
        if self._seen.answered is not None:
            self._loaded.set()

    def _begin_anew(self) -> None:
        """Leave behind what belongs to the threads of the process that was forked."""
        self._make_loaded()
        self._loop = self._tell_loop = None

    def _check_loaded(self) -> None:
        if self._loaded.is_set() or not self._must_load:
            return
        reason = self._seen.error or f"no answer in {self._start_seconds:g} seconds"
        message = f"the first origins of {self._source.name} could not be loaded: {reason}"
        raise RuntimeError(message)

    def _run(self, stopped: threading.Event) -> None:
        retry = _FIRST_RETRY_SECONDS
        while not stopped.is_set():
            try:
                self._read(stopped)
                stopped.wait(_LEAST_SECONDS)
                self._source.wait(stopped)  # Also after a stop: it may leave what it listens to.
                retry = _FIRST_RETRY_SECONDS
            except BaseException as error:  # Else nobody would follow, and the state be current.
                if stopped.is_set():
                    return
                self._fail(error)
                # Those of many processes are not to come back in step.
                stopped.wait(retry * uniform(0.5, 1.0))
                retry = min(2 * retry, _LAST_RETRY_SECONDS)

    def _read(self, stopped: threading.Event) -> None:
        at_work = self._background.at_work
        with at_work:
            given: list[Any] = [self._source.origins()]
        if inspect.isawaitable(given[0]):
            given = [wait_for(given.pop(), stopped, self._loop, at_work)]
        with at_work:
            self._take(given, stopped)

    def _take(self, given: list[Any], stopped: threading.Event) -> None:
        """Put what the source gave in force, which is alone in a list."""
        origins, skipped, named = collect(self._base, given, stopped)
        if not len(origins) and (skipped or not self._allow_empty):
            what = f"only invalid entries, such as {named[0]}" if named else "no origin at all"
            raise SourceError(f"it has {what}")
        policy, before, name = self._policy, self._origins, self._source.name
        changes = changes_of(before, origins)
        if policy is None or any(changes):
            followed = Followed(self._base, name, self._state_in_words, origins)
            policy = self._base._with_followed(followed)
        elif before is not None:
            origins = before
        answered = Seen(len(origins), skipped, time.monotonic())
        failed = self._seen.error is not None
        if not self._put_in_force(policy, origins, answered, stopped):
            return
        if before is None or any(changes):
            log_changes(name, len(origins), changes)
        if skipped and named != self._named:
            log_skipped(name, skipped, named)
        self._named = named
        if failed:
            logger.warning("CORS: %s answers again", name)

    def _put_in_force(
        self, policy: CORSPolicy, origins: LiveOrigins, seen: Seen, stopped: threading.Event
    ) -> bool:
        """Put a policy in force; without a place it is kept until there is one."""
        with self._putting:
            if stopped.is_set():
                return False
            # First, since a middleware that makes itself anew meanwhile asks for it.
            before, self._policy = self._policy, policy
            try:
                is_there = self._middleware._exchange(self._base, policy)
            except BaseException:
                self._policy = before
                raise
            self._origins = origins
            if not is_there:
                self._note_no_place(seen)
                return False
            self._seen, self._lost = seen, None
            self._tell_loaded()
            return True

    def _note_no_place(self, seen: Seen) -> None:
        self._fail(_NO_PLACE)
        self._seen = seen._replace(origins=0, error=self._seen.error)
        self._lost = seen

    def _tell_loaded(self) -> None:
        self._loaded.set()
        tell_loop, self._tell_loop = self._tell_loop, None
        if tell_loop is not None:
            with contextlib.suppress(RuntimeError):  # The loop is closed.
                tell_loop()

    def _state_in_words(self) -> str:
        status = self.status
        return status.state if status.error is None else f"{status.state}: {status.error}"

    def _fail(self, error: BaseException) -> None:
        text, seen = error_text(error), self._seen
        if seen.error is None or seen.error != text:
            kept = f"; the last {seen.origins} origins stay" if seen.origins else ""
            if error is _NO_PLACE:
                kept = "; the origins are not in force"
            logger.warning("CORS: %s fails: %s%s", self._source.name, text, kept)
        self._seen = seen._replace(error=text)


class Followable(Protocol):
    """A middleware in which policies can be put in the place of others."""

    @property
    def _followers(self) -> tuple[Follower, ...]: ...
    def _have_base(self, base: CORSPolicy) -> None: ...
    def _exchange(self, base: CORSPolicy, after: CORSPolicy) -> bool: ...


def check_base(base: object) -> None:
    """Check that origins can be added to a policy.

    Raises:
        TypeError: It is not one policy.
        ValueError: It has ``always_send``, which takes exactly one origin.
    """
    if not isinstance(base, CORSPolicy):
        message = f"base must be a CORSPolicy, not {type(base).__name__}"
        raise TypeError(message)
    if base.always_send:
        message = "base must not have always_send, which takes exactly one origin"
        raise ValueError(message)


def check_followers(given: Iterable[Follower]) -> tuple[Follower, ...]:
    """Return followers whose numbers are to be told apart by the names of their sources.

    Raises:
        TypeError: One of them is not a follower.
        ValueError: Two have sources of one name.
    """
    followers = tuple(given)
    for each in followers:
        if not isinstance(each, Follower):
            message = f"expected followers of corsac.live, got {type(each).__name__}"
            raise TypeError(message)
    names = [each.source.name for each in followers]
    if len(set(names)) < len(names):
        message = f"the sources of these followers have one name: {', '.join(names)}"
        raise ValueError(message)
    return followers
