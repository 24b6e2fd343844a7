"""What the tests of origins that a function decides share."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from typing import Any

import pytest

from corsac.origins import FunctionOrigins
from support.event_loops import Loop

ORIGIN = b"https://app.tenant.test"
OTHER = b"https://evil.example"
MOMENT = 0.001


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Database:
    """A function and its asynchronous twin: tenants are allowed; every call is written down."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def check(self, origin: str) -> bool:
        self.asked.append(origin)
        return origin.endswith(".tenant.test")

    async def check_async(self, origin: str) -> bool:
        return self.check(origin)


class Slow:
    """An asynchronous function whose calls wait until each is let go, or for ever."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.calls: list[Any] = []

    async def __call__(self, origin: str) -> bool:
        event = self.loop.event()
        self.calls.append(event)
        await event.wait()
        return True


async def ask(decider: FunctionOrigins, origin: bytes = ORIGIN) -> bool:
    return await awaited(decider(origin))


async def awaited(answer: bool | Awaitable[bool]) -> bool:
    return answer if isinstance(answer, bool) else await answer


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "corsac"]


def origins(count: int, host: str = "tenant.test") -> Iterator[bytes]:
    return (f"https://n{number}.{host}".encode() for number in range(count))
