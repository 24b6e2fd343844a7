"""Waits in a thread for what a source gives to be awaited."""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import threading
from collections.abc import Awaitable, Iterable
from contextlib import AbstractContextManager

from corsac._text import error_text
from corsac.live.entries import SourceError

__all__ = ["LOOK_SECONDS", "wait_for"]

LOOK_SECONDS = 0.1
"""How often it is looked whether to stop while something is awaited."""


def wait_for(
    given: Awaitable[Iterable[str]],
    stopped: threading.Event,
    loop: asyncio.AbstractEventLoop | None,
    at_work: AbstractContextManager[object],
) -> Iterable[str]:
    """Wait until it is there, or until it is told to stop.

    Args:
        given: What is awaited.
        stopped: Cancels it.
        loop: The event loop of the application, where it is awaited; ``None``: in one of its own.
        at_work: Held while there is a loop of its own.

    Raises:
        SourceError: It raised `SystemExit`, or its event loop was closed.
        BaseException: What it raised.
    """

    async def wait() -> Iterable[str]:
        try:
            return await given
        except SystemExit as error:  # It would end the application's event loop.
            raise SourceError(f"it raised {error_text(error)}") from error

    async def wait_here() -> Iterable[str]:
        task = asyncio.ensure_future(wait())
        while not (await asyncio.wait({task}, timeout=LOOK_SECONDS))[0]:
            if stopped.is_set():
                task.cancel()
        return await task

    if loop is None:
        with at_work:
            return asyncio.run(wait_here())
    waiting = wait()
    try:
        future = asyncio.run_coroutine_threadsafe(waiting, loop)
    except RuntimeError:  # The loop is closed.
        waiting.close()
        if inspect.iscoroutine(given):
            given.close()
        raise
    while not concurrent.futures.wait([future], LOOK_SECONDS).done:
        if loop.is_closed():
            message = "the event loop was closed while it was awaited"
            raise SourceError(message)
        if stopped.is_set():
            future.cancel()
    return future.result()
