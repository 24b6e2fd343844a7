"""Origins that the middleware of Django follows: the setting ``CORSAC_FOLLOW``."""

from __future__ import annotations

import inspect
import threading
import weakref
from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from corsac.live import Follower, OriginSource
from corsac.policy import CORSPolicy

if TYPE_CHECKING:
    from corsac.django.conf import DjangoConfiguration
    from corsac.django.middleware import CORSMiddleware

__all__ = ["follow", "followers"]

followers: weakref.WeakSet[Follower] = weakref.WeakSet()
"""Those that there are, for `corsac check`: it does not find the middleware that Django made."""


def follow(
    middleware: CORSMiddleware, configuration: DjangoConfiguration, *, is_again: bool
) -> Follower:
    """Begin to follow, as long as there is the middleware, and wait for the first origins.

    Args:
        middleware: The middleware.
        configuration: What its settings say.
        is_again: Whether they changed while there are requests, none of which is to fail.

    Raises:
        RuntimeError: There are none, and ``CORSAC_FOLLOW_MUST_LOAD`` is true.
    """
    policy, source = configuration.in_force.policy, configuration.source
    assert isinstance(policy, CORSPolicy), "the settings were judged"  # noqa: S101
    assert source is not None, "the settings were judged"  # noqa: S101
    follower = Follower(
        _Followed(middleware), _Source(source), base=policy, must_load=configuration.must_load
    )
    weakref.finalize(middleware, follower._background.tell_to_stop)
    followers.add(follower)
    if is_again:
        follower.start()
        follower.ready_or_failed()
        return follower
    return follower.__enter__()


class _Followed:
    """What a follower has of the middleware, which it does not keep alive."""

    _followers: tuple[Follower, ...] = ()

    def __init__(self, middleware: CORSMiddleware) -> None:
        self._middleware = weakref.ref(middleware)

    def _have_base(self, base: CORSPolicy) -> None:
        """The base is the policy of the settings."""

    def _exchange(self, base: CORSPolicy, after: CORSPolicy) -> bool:
        middleware = self._middleware()
        return middleware is None or middleware.exchange(base, after)


async def _awaited(given: Awaitable[Iterable[str]]) -> Iterable[str]:
    # What is awaited asks databases in a thread of asgiref's, which has connections of its own.
    try:
        await sync_to_async(close_old_connections)()
    except BaseException:
        if inspect.iscoroutine(given):
            given.close()
        raise
    return await given


class _Source:
    """A source that may ask Django's databases in the follower's thread."""

    def __init__(self, source: OriginSource) -> None:
        self._source = source

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def interval(self) -> float | None:
        return self._source.interval

    def origins(self) -> Iterable[str] | Awaitable[Iterable[str]]:
        # Django does so around each request: else one that broke would stay broken.
        close_old_connections()
        given = self._source.origins()
        return _awaited(given) if inspect.isawaitable(given) else given

    def wait(self, stopped: threading.Event) -> None:
        self._source.wait(stopped)

    def __repr__(self) -> str:
        return repr(self._source)
