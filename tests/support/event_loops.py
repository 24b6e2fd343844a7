"""asyncio and trio behind one face, so that a test of concurrency is written once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeVar

import trio
import trio.testing

from corsac.origins.event_loops import Event

_T = TypeVar("_T")


class Request:
    """One request under way: its answer, if there is one yet, and its client going away."""

    answer: bool | None = None
    leave: Callable[[], object]


Start = Callable[[Callable[[], Awaitable[bool]]], Request]


class Loop(Protocol):
    """What the tests need of an event loop."""

    cancelled: type[BaseException]

    def run(self, main: Callable[[], Awaitable[_T]]) -> _T:
        """Run to the end in a loop of its own."""

    def event(self) -> Event:
        """An event of the running loop."""

    async def others(self) -> None:
        """Let all other tasks run until they wait."""

    def requests(self) -> contextlib.AbstractAsyncContextManager[Start]:
        """What starts requests; all have ended when the context does."""


class Asyncio:
    cancelled: type[BaseException] = asyncio.CancelledError

    def run(self, main: Callable[[], Awaitable[_T]]) -> _T:
        async def body() -> _T:
            return await main()

        return asyncio.run(body())

    def event(self) -> Event:
        return asyncio.Event()

    async def others(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    @contextlib.asynccontextmanager
    async def requests(self) -> AsyncIterator[Start]:
        async with asyncio.TaskGroup() as tasks:

            def start(ask: Callable[[], Awaitable[bool]]) -> Request:
                async def body() -> None:
                    request.answer = await ask()

                request = Request()
                request.leave = tasks.create_task(body()).cancel
                return request

            yield start


class Trio:
    cancelled: type[BaseException] = trio.Cancelled

    def run(self, main: Callable[[], Awaitable[_T]]) -> _T:
        return trio.run(main)

    def event(self) -> Event:
        return trio.Event()

    async def others(self) -> None:
        await trio.testing.wait_all_tasks_blocked()

    @contextlib.asynccontextmanager
    async def requests(self) -> AsyncIterator[Start]:
        async with trio.open_nursery() as nursery:

            def start(ask: Callable[[], Awaitable[bool]]) -> Request:
                async def body() -> None:
                    with scope:
                        request.answer = await ask()

                scope = trio.CancelScope()
                request = Request()
                request.leave = scope.cancel
                nursery.start_soon(body)
                return request

            yield start


LOOPS: dict[str, Loop] = {"asyncio": Asyncio(), "trio": Trio()}
