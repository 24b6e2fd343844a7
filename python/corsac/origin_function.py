"""What ``allow_origin_func`` may be: a function with limits of its own, and what it may look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import corsac  # noqa: F401 - for those who evaluate the annotations
from corsac._origin_request import (
    DEFAULT_MAX_ENTRIES,
    DEFAULT_TIMEOUT_SECONDS,
    DEFAULT_TTL_SECONDS,
    OriginRequest,
)
from corsac._types import OriginCallable
from corsac._values import FrozenValue, frozen_value

if TYPE_CHECKING:
    from corsac.origins import FunctionOrigins

__all__ = ["OriginCallable", "OriginFunction", "OriginRequest"]


@frozen_value
class OriginFunction(FrozenValue):
    """A function that decides about origins, with limits of its own; a bare one has the defaults.

    Only ``True`` allows. Policies with the same `OriginFunction` share its answers. Nothing is kept
    of a function of the origin and the request, which is asked for every request by itself.

    Args:
        func: ``func(origin)`` or ``func(origin, request)``, asynchronous or not; what needs two
            arguments gets an `OriginRequest`.
        timeout: The seconds that a call of an asynchronous function may take, from 0.
        ttl: The seconds that an answer holds; 0 asks every time.
        max_entries: How many allowed, and how many refused origins are kept.

    A policy says what is wrong with them, beside all else that is wrong there.
    """

    __slots__ = ("decider", "func", "max_entries", "problem", "timeout", "ttl")
    _fields = __match_args__ = ("func", "timeout", "ttl", "max_entries")

    func: OriginCallable
    timeout: float
    ttl: float
    max_entries: int
    decider: FunctionOrigins | None
    problem: str

    def __init__(
        self,
        func: OriginCallable,
        *,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
        ttl: float = DEFAULT_TTL_SECONDS,
        max_entries: int = DEFAULT_MAX_ENTRIES,
    ) -> None:
        from corsac.origins import FunctionOrigins  # noqa: PLC0415 - most policies ask nobody

        self._fill(func, timeout, ttl, max_entries)
        decider, problem = None, ""
        try:
            decider = FunctionOrigins(func, timeout=timeout, ttl=ttl, max_entries=max_entries)
        except ValueError as error:
            problem = str(error)
        self._set("decider", decider)
        self._set("problem", problem)

    def forget(self, origin: str | None = None) -> None:
        """Drop the answer about an origin, or all answers; calls under way add none.

        Requests that come afterwards do not wait for those calls, but make one of their own.
        """
        if self.decider is not None:
            self.decider.forget(origin)
