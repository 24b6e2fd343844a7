"""Origins that are decided per request: by an expression, by a function, or by both.

The middleware asks only about an origin that is not listed, and that is neither ``null`` nor
malformed. Whatever goes wrong here refuses the origin; nothing but ``True`` allows it.

What a function says that gets the request too is kept for nobody else: it may follow from anything
in the request, and what it looked at cannot be told from outside. A key of origin and host would
hand the answer about one path, or one cookie, to another.
"""

from __future__ import annotations

import contextlib
import inspect
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from corsac import _core
from corsac._failure_log import FailureLog
from corsac._locks import make_lock
from corsac._origin_request import (
    DEFAULT_MAX_ENTRIES,
    DEFAULT_TIMEOUT_SECONDS,
    DEFAULT_TTL_SECONDS,
    OriginRequest,
)
from corsac._text import error_text, printable, quoted, type_name
from corsac._types import OriginCallable
from corsac.origins.event_loops import Event, EventLoop, Interruption, running_event_loop
from corsac.origins.regex import RegexOrigins, compile_origin_regex

__all__ = [
    "FunctionOrigins",
    "OriginDecider",
    "RegexOrigins",
    "compile_origin_regex",
    "make_decider",
]

OriginDecider = Callable[..., bool | Awaitable[bool]]
"""Called with the bytes of an origin, and with the request if it has a true ``takes_request``."""

FAILURE_HOLD_SECONDS = 1.0
"""How long an origin is refused without another call after a call failed or took too long. Short,
because that is not an answer; long enough that a flood does not keep a failing database down."""


class FunctionOrigins:
    """Allows the origins for which a function returns ``True``.

    A function that returns awaitables, coroutines or others, on asyncio or trio, is called once for
    all requests of one event loop that ask about the same origin at the same time. One of them runs
    it; if that one is cancelled, because its client went away, another takes over.

    Every other value, an exception and a time-out refuse the origin and are logged. A function that
    is not asynchronous runs in the event loop's thread and cannot be interrupted: it has to be
    quick.

    Args:
        function: Called with the origin as a browser sends it, ``"https://app.example.com"``.
        timeout: The seconds that one call of an asynchronous function may take.
        ttl: The seconds that ``True`` and every other value hold; 0 asks every time.
        max_entries: How many allowed, and how many refused origins are kept; the least recently
            used go first.
        clock: A monotonic clock, in seconds.

    Raises:
        ValueError: A number is out of bounds, or the function takes other arguments.
    """

    def __init__(
        self,
        function: OriginCallable,
        *,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
        ttl: float = DEFAULT_TTL_SECONDS,
        max_entries: int = DEFAULT_MAX_ENTRIES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        with_request = _takes_request(function)
        problems = [with_request] if isinstance(with_request, str) else []
        numbers = ((timeout, 0, (int, float)), (ttl, 0, (int, float)), (max_entries, 1, int))
        if not all(isinstance(it, kind) and least <= it < math.inf for it, least, kind in numbers):
            problems.append("timeout and ttl are seconds from 0, and max_entries is at least 1")
        if problems:
            raise ValueError("; ".join(problems))
        self._function: Callable[..., object] = function
        self.takes_request = with_request is True
        """Whether each request is decided by itself: the function gets it, and nothing is kept."""
        self._timeout = timeout
        self._ttl = ttl
        self._clock = clock
        # Once it is known, the function is called in the coroutine that awaits its result.
        self._is_asynchronous = not with_request and inspect.iscoroutinefunction(function)
        # Reentrant: the garbage collector may close an abandoned call while the lock is held.
        # In a forked process the calls of other threads' event loops stay, for which nobody waits;
        # an answer that was half kept is asked for anew.
        self._lock = make_lock()
        self._answers = _Answers(max_entries)
        self._forgotten = 0
        # By event loop and origin, only while a call is under way: no more than requests that wait.
        self._calls: dict[tuple[object, bytes], _Call] = {}
        self._failures = FailureLog("allow_origin_func", clock)

    def __call__(self, origin: bytes, *request: Mapping[str, Any]) -> bool | Awaitable[bool]:
        """Ask whether the function allows the origin.

        Args:
            origin: The value of one Origin header line; any bytes.
            *request: The scope or environ, if the function takes the request.

        Returns:
            The answer, or a coroutine that gives it if an asynchronous function has to be called.

        Raises:
            BaseException: What the function raised, unless it is an `Exception`.
        """
        if not _core.is_serialized_origin(origin):
            return False
        answer = self._recall(origin)
        if answer is not None or self._is_asynchronous:
            return self._ask(origin) if answer is None else answer
        since = self._forgotten
        try:
            result = self._function(origin.decode("ascii"), *map(OriginRequest, request))
            is_awaitable = inspect.isawaitable(result)
        except Exception as error:  # Whatever it is, it is not permission.
            return self._fail(origin, f"raised {error_text(error)}", error)
        if not is_awaitable:
            return self._settle(origin, result, since)
        self._is_asynchronous = not self.takes_request
        return self._ask(origin, result)

    def forget(self, origin: str | None = None) -> None:
        """Drop what is kept about an origin, or everything; calls under way add nothing to it.

        Who asks from now on does not wait for one of those either: it may have looked before.
        """
        key = None if origin is None else origin.encode("utf-8", "surrogatepass")
        with self._lock:
            self._forgotten += 1
            self._answers.forget(key)
            for call in [each for each in self._calls if key in {None, each[1]}]:
                del self._calls[call]

    def failure(self, origin: bytes) -> str | None:
        """Return how the function failed about an origin, as long as that refuses the origin.

        Such as ``"raised LookupError: 'no such table'"``; ``None`` if it answered or was not asked.
        """
        with self._lock:
            return self._answers.failure(origin, self._clock())

    async def _ask(  # noqa: PLR0911 - each is another end
        self, origin: bytes, result: object = None
    ) -> bool:
        """Wait for the call that is under way for the origin, or make it.

        If the function was called already, ``result`` is what it returned.
        """
        loop = running_event_loop()
        if loop is None:
            _close(result)
            return self._fail(origin, "is asynchronous, but neither asyncio nor trio runs it")
        if self.takes_request:
            return await self._call(loop, origin, result)
        own = _Call(loop.task, loop.make_event())
        while (answer := self._recall(origin)) is None:
            with self._lock:
                call = self._calls.setdefault((loop.token, origin), own)
            if call is own:
                return await self._lead(loop, origin, own, result)
            _close(result)
            result = None
            if call.task is own.task:
                return self._fail(origin, "asked about the origin that it was deciding")
            # Whoever makes the call keeps to the limit, unless the function resists cancellation.
            waited = await loop.within(self._timeout, call.ended.wait())
            if isinstance(waited, Interruption):
                return self._interrupted(origin, waited)
            if call.answer is not None:
                return call.answer
            # The task that made the call was cancelled: the first to get here takes over.
        _close(result)
        return answer

    async def _lead(self, loop: EventLoop, origin: bytes, own: _Call, result: object) -> bool:
        """Make the call, for this request and for all that wait for it."""
        try:
            own.answer = answer = await self._call(loop, origin, result)
            return answer
        finally:
            # Without an answer, which means cancelled, one of those that wait takes over.
            with self._lock:
                if self._calls.get((loop.token, origin)) is own:  # It may be forgotten.
                    del self._calls[loop.token, origin]
            own.ended.set()

    async def _call(self, loop: EventLoop, origin: bytes, result: object) -> bool:
        since = self._forgotten
        try:
            if result is None:
                result = self._function(origin.decode("ascii"))
            if inspect.isawaitable(result):
                result = await loop.within(self._timeout, result)
        except Exception as error:  # Whatever it is, it is not permission.
            return self._fail(origin, f"raised {error_text(error)}", error)
        if isinstance(result, Interruption):
            return self._interrupted(origin, result)
        return self._settle(origin, result, since)

    def _recall(self, origin: bytes) -> bool | None:
        with self._lock:
            return None if self.takes_request else self._answers.get(origin, self._clock())

    def _settle(self, origin: bytes, result: object, since: int) -> bool:
        """Return the answer: only ``True`` is permission. It is kept if nothing was forgotten."""
        failure = None
        if not isinstance(result, bool):
            failure = f"returned {type_name(result)}, not True or False"
            self._failures(f"{failure}: the origin {quoted(origin)} is refused")
            _close(result)
        with self._lock:
            if failure or (since == self._forgotten and not self.takes_request):
                self._answers.put(origin, result is True, self._clock() + self._ttl, failure)
        return result is True

    def _fail(self, origin: bytes, what: str, error: Exception | None = None) -> bool:
        """Refuse the origin without an answer; it is asked about again soon, but not at once."""
        self._failures(f"{what}: the origin {quoted(origin)} is refused", error)
        with self._lock:
            self._answers.put(origin, False, self._clock() + FAILURE_HOLD_SECONDS, what)
        return False

    def _interrupted(self, origin: bytes, why: Interruption) -> bool:
        if why is Interruption.CANCELLED:
            return self._fail(origin, "was cancelled")
        return self._fail(origin, f"took longer than {self._timeout:g} s")


def _takes_request(function: object) -> bool | str:
    """Tell whether a function has to be called with the request too, or what it takes instead."""
    if not callable(function):
        return f"expected a function of one origin, got {type(function).__name__}"
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # Functions written in C need not tell.
        return False
    for count in (1, 2):
        with contextlib.suppress(TypeError):
            signature.bind(*range(count))
            return count == 2
    shown = printable(str(signature), 80)
    return f"it is called with an origin, or an origin and a request, and takes {shown}"


def make_decider(
    regex: RegexOrigins | None, function: FunctionOrigins | None
) -> OriginDecider | None:
    """Return what decides about unlisted origins: a callable, or ``None`` if nothing does.

    The expression is asked first, because it is quick, and the function about the rest.
    """
    if regex is None or function is None:
        return regex or function
    return _Either(regex, function)


class _Either:
    """Allows what an expression matches, and then what a function allows."""

    refusals_are_final = False  # Of the expression: the function is asked then.

    def __init__(self, regex: RegexOrigins, function: FunctionOrigins) -> None:
        self._regex = regex
        self._function = function
        self.verdicts = regex.verdicts
        self.failure = function.failure
        self.takes_request = function.takes_request

    def __call__(self, origin: bytes, *request: Mapping[str, Any]) -> bool | Awaitable[bool]:
        return self._regex(origin) or self._function(origin, *request)


class _Call:
    """One call of the function: the task that makes it, its end, and its answer if there is one."""

    __slots__ = ("answer", "ended", "task")

    def __init__(self, task: object, ended: Event) -> None:
        self.task = task
        self.ended = ended
        self.answer: bool | None = None


class _Answers:
    """Answers with the time at which each runs out; the least recently used go first.

    Allowed and refused origins have places of their own: a client can make up origins without end,
    but they are refused, so it cannot push those out that are allowed.
    """

    def __init__(self, max_entries: int) -> None:
        self._max_entries = max_entries
        self._allowed: OrderedDict[bytes, float] = OrderedDict()
        self._refused: OrderedDict[bytes, float] = OrderedDict()
        self._failures: dict[bytes, str] = {}  # Of refused ones.

    def __len__(self) -> int:
        return len(self._allowed) + len(self._refused)

    def get(self, origin: bytes, now: float) -> bool | None:
        for ends, answer in ((self._allowed, True), (self._refused, False)):
            end = ends.get(origin)
            if end is not None and now < end:
                ends.move_to_end(origin)
                return answer
        return None

    def forget(self, origin: bytes | None) -> None:
        for kept in (self._allowed, self._refused, self._failures):
            if origin is None:
                kept.clear()
            else:
                kept.pop(origin, None)

    def failure(self, origin: bytes, now: float) -> str | None:
        is_refused = now < self._refused.get(origin, -math.inf)
        return self._failures.get(origin) if is_refused else None

    def put(self, origin: bytes, answer: bool, end: float, failure: str | None = None) -> None:
        ends, others = (self._allowed, self._refused) if answer else (self._refused, self._allowed)
        others.pop(origin, None)
        self._failures.pop(origin, None)
        ends[origin] = end
        ends.move_to_end(origin)
        if failure is not None:
            self._failures[origin] = failure
        while len(ends) > self._max_entries:  # One more, if a fork came before the last line.
            oldest, _ = ends.popitem(last=False)
            self._failures.pop(oldest, None)


def _close(result: object) -> None:
    """Close a coroutine that will not be awaited, to avoid a RuntimeWarning."""
    if inspect.iscoroutine(result):
        result.close()
