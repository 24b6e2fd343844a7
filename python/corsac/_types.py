"""Types of the ASGI interface, as wide as frameworks use them, and of the counters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, ForwardRef

import corsac

if TYPE_CHECKING:
    from corsac._core import LiveOrigins

__all__ = ["ASGIApp", "Counted", "Followed", "Message", "OriginCallable", "Outcomes"]
__all__ += ["Receive", "Scope", "Send"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_Verdict = bool | Awaitable[bool]
if TYPE_CHECKING:
    _OriginRequest = corsac.OriginRequest
else:
    # Its class is loaded by those who use it. From Python 3.14 on whatever stands inside of a type
    # is looked up where the type is evaluated, if it does not say where else.
    _OriginRequest = ForwardRef("corsac.OriginRequest", module=__name__)

OriginCallable = Callable[[str], _Verdict] | Callable[[str, _OriginRequest], _Verdict]
"""What decides about an origin that is not listed."""

Outcomes = list[tuple[str, str, int]]
"""A kind, a reason or ``""``, and how many requests there were."""

Counted = tuple[Outcomes, tuple[Outcomes, int, int, int]]
"""What came of requests; and of those under policies on trial, as `report_only_counters` says."""


class Followed:
    """Where a policy of `corsac.live.Follower` has those origins from that its base has not.

    Attributes:
        base: The policy that it is made of.
        source: The name of the source.
        state: Tells how the source is at this moment, in a few words.
        origins: Those origins.
    """

    __slots__ = ("base", "origins", "source", "state")

    def __init__(
        self, base: Any, source: str, state: Callable[[], str], origins: LiveOrigins
    ) -> None:
        self.base = base
        self.source = source
        self.state = state
        self.origins = origins
