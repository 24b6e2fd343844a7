"""One interface for what asyncio and trio do differently.

Neither is imported before it runs: an application uses one of them, and `import corsac` none.
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

__all__ = ["Event", "EventLoop", "Interruption", "running_event_loop"]


class Interruption(enum.Enum):
    """Why there is no result: neither an exception of the awaited thing nor of its own task."""

    TIME_OUT = enum.auto()
    CANCELLED = enum.auto()


class Event(Protocol):
    """Lets any number of tasks of one loop wait until it is set."""

    def set(self) -> None:
        """Wake all that wait, and let pass all that come later."""

    def wait(self) -> Awaitable[object]:
        """Wait until it is set."""


class EventLoop:
    """The event loop of the running task.

    Attributes:
        token: Equal for the tasks of one loop, and only for them.
        task: The running task.
        make_event: Makes an event of this loop.
    """

    def __init__(self, token: object, task: Any, make_event: Callable[[], Event]) -> None:
        self.token, self.task, self.make_event = token, task, make_event

    async def within(self, seconds: float, awaitable: Awaitable[object]) -> object:
        """Await something for a limited time.

        Args:
            seconds: The limit. At 0, what has to wait at all is out of time.
            awaitable: What to wait for; cancelled when its time is up.

        Returns:
            The result; or `Interruption.TIME_OUT`, also if it went on regardless and gave a result
            later; or `Interruption.CANCELLED` if it, but not the running task, was cancelled.

        Raises:
            BaseException: What the awaitable raised, and the running task's own cancellation.
        """
        raise NotImplementedError


def running_event_loop() -> EventLoop | None:
    """Return the loop of the running task; ``None`` if neither asyncio nor trio runs it."""
    if sys.modules.get("asyncio") is not None:
        import asyncio  # noqa: PLC0415 - it is there already

        try:
            task = asyncio.current_task()
        except RuntimeError:
            task = None
        # A loop without a task: a trio run that is a guest of asyncio's loop.
        if task is not None:
            return _AsyncioLoop(task.get_loop(), task, asyncio.Event)
    if sys.modules.get("trio") is not None:
        import trio  # noqa: PLC0415 - it is there already

        try:
            own = (trio.lowlevel.current_trio_token(), trio.lowlevel.current_task())
            return _TrioLoop(*own, trio.Event)
        except RuntimeError:
            return None
    return None


class _AsyncioLoop(EventLoop):
    async def within(self, seconds: float, awaitable: Awaitable[object]) -> object:
        import asyncio  # noqa: PLC0415 - it is there already

        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                result = await awaitable
        except TimeoutError:
            if limit.expired():
                return Interruption.TIME_OUT
            raise
        except asyncio.CancelledError:
            if self.task.cancelling():
                raise
            return Interruption.CANCELLED
        return Interruption.TIME_OUT if limit.expired() else result


class _TrioLoop(EventLoop):
    async def within(self, seconds: float, awaitable: Awaitable[object]) -> object:
        import trio  # noqa: PLC0415 - it is there already

        result: object = None
        with trio.move_on_after(seconds) as limit:
            result = await awaitable
        return Interruption.TIME_OUT if limit.cancel_called else result
