"""Sources of origins for tests of followers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from corsac import CORSPolicy
from corsac.live import PollSource

WAIT_SECONDS = 60.0


class Handed:
    """A source that has what was handed to it last; who hands it over waits until it is read."""

    name = "handed"
    interval: float | None = None

    def __init__(self, *origins: str) -> None:
        self.origins_now: Any = origins
        self._changed, self._waits = threading.Semaphore(0), threading.Semaphore(0)

    def origins(self) -> Any:
        if isinstance(self.origins_now, BaseException):
            self._waits.release()
            raise self.origins_now
        return self.origins_now

    def wait(self, stopped: threading.Event) -> None:
        self._waits.release()
        while not stopped.is_set() and not self._changed.acquire(timeout=0.01):
            pass

    def settle(self) -> None:
        """Wait until it was read once more."""
        assert self._waits.acquire(timeout=WAIT_SECONDS)

    def hand(self, *origins: str) -> None:
        """Have other origins, and wait until they are in force."""
        self.origins_now = origins
        self._changed.release()
        self.settle()


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    waiting = threading.Event()
    for _ in range(int(WAIT_SECONDS / 0.005)):
        if is_so():
            return
        waiting.wait(0.005)
    pytest.fail("it did not happen")


def allowed(policy: CORSPolicy, *origins: str) -> list[str]:
    """Which of some origins a policy allows, those of a source too."""
    return [one for one in origins if policy.explain("GET", {"Origin": one}).allowed]


def domains() -> list[str]:
    """What `SOURCE` has."""
    return ["https://one.example"]


SOURCE = PollSource(domains, interval=3600)
"""A source that settings name by its dotted path."""
