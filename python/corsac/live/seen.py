"""What a follower has seen of its source, and how it is because of that."""

from __future__ import annotations

import dataclasses
import time
from typing import Literal, NamedTuple

__all__ = ["STATES", "FollowerStatus", "Seen"]

STATES = ("loading", "current", "stale")
"""What a `FollowerStatus` may have as its state."""

_STALE_INTERVALS = 3
_LEAST_INTERVAL = 1.0


@dataclasses.dataclass(frozen=True, slots=True)
class FollowerStatus:
    """How a follower is.

    Attributes:
        state: ``"loading"`` until the source has answered for the first time; ``"current"``;
            ``"stale"``: the source fails, has not answered for three times its interval (but at
            least three seconds), is not followed any more, or the base has no place. The origins
            that it gave last stay in force.
        origins: How many of its origins are in force; 0 while the base has no place.
        skipped: How many invalid entries its last answer had.
        age: Seconds since the source last answered; ``None`` if it never did.
        error: Why the last attempt failed, or ``None``.
    """

    state: Literal["loading", "current", "stale"]
    origins: int
    skipped: int
    age: float | None
    error: str | None


class Seen(NamedTuple):
    """What came of reading the source until now."""

    origins: int = 0
    skipped: int = 0
    answered: float | None = None
    error: str | None = None

    def status(self, interval: float | None, *, is_followed: bool) -> FollowerStatus:
        """Give the status at this moment.

        Args:
            interval: After how many seconds at the latest the source is asked again, or ``None``.
            is_followed: Whether it is asked again at all.
        """
        age = None if self.answered is None else time.monotonic() - self.answered
        state: Literal["loading", "current", "stale"] = "current"
        if age is None:
            state = "loading"
        elif (
            self.error is not None
            or not is_followed
            or (interval and age > _STALE_INTERVALS * max(interval, _LEAST_INTERVAL))
        ):
            state = "stale"
        return FollowerStatus(state, self.origins, self.skipped, age, self.error)
