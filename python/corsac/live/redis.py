"""Origins in Redis or Valkey: a set, and a notification when it was changed."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

__all__ = ["RedisSource"]

_CONNECT_SECONDS = 5.0
_LISTEN_SECONDS = 0.5
_BATCH = 250
"""So many entries at a time: their answer is read without a break."""
_DECIDED = frozenset(
    {"decode_responses", "encoding", "encoding_errors", "health_check_interval", "max_connections"}
    | {"single_connection_client", "socket_connect_timeout", "socket_timeout"}
)
_MAX_MESSAGES = 10_000
"""So many messages at a time are taken for one."""


class RedisSource:
    """A set in Redis (or Valkey), read again when a message is published and now and then.

    Whoever changes the set tells all processes of all machines::

        SADD corsac:origins https://shop.example
        PUBLISH corsac:origins:changed added

    What is published does not matter. A message that is lost, as Redis may, is made up for by
    reading the whole set after ``interval``.

    Args:
        url: As redis-py takes it: ``redis://host:6379/0``, ``rediss://user:password@host`` (TLS),
            ``unix:///path``.
        key: The name of the set.
        channel: Where changes are published.
        interval: After how many seconds without a message the set is read all the same.

    Raises:
        ImportError: redis is not installed (extra ``redis``).
        TypeError: The URL is not text.
        ValueError: The URL is not one that redis-py knows, or sets what a source decides, or the
            interval is not above 0.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str = "corsac:origins",
        channel: str = "corsac:origins:changed",
        interval: float = 60.0,
    ) -> None:
        try:
            import redis  # noqa: PLC0415 - of an extra
        except ImportError as error:
            message = "RedisSource needs redis: pip install 'corsac[redis]'"
            raise ImportError(message) from error
        if not isinstance(url, str):
            message = f"url must be a str, not {type(url).__name__}"
            raise TypeError(message)
        if not interval > 0:
            message = f"interval must be a number of seconds above 0, not {interval!r}"
            raise ValueError(message)
        self._client: Any = redis.Redis.from_url(
            url,
            decode_responses=True,
            encoding_errors="replace",  # An entry that is not UTF-8 is one that is not valid.
            socket_connect_timeout=_CONNECT_SECONDS,
            socket_timeout=_CONNECT_SECONDS,
            health_check_interval=10,
        )
        parts = urlsplit(url)
        _check_url(parts)
        try:
            self._client.connection_pool.make_connection()  # It does not connect.
        except Exception as error:
            message = f"the URL of Redis cannot be used: {error}"
            raise ValueError(message) from error
        # Without the user, the password and what stands behind a question mark.
        self.name = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path} {key}"
        self.interval: float = interval
        self._key = key
        self._channel = channel
        # Each of its followers has one, and so has a process that was forked.
        self._of_thread = threading.local()

    @property
    def _subscription(self) -> Any:
        return getattr(self._of_thread, "subscription", None)

    @_subscription.setter
    def _subscription(self, subscription: Any) -> None:
        self._of_thread.subscription = subscription

    def origins(self) -> Iterator[str]:
        """Read the whole set, in parts.

        Raises:
            redis.exceptions.RedisError: The server does not answer, or the key is not a set.
        """
        # Listen first: what is changed while the set is read is told of afterwards.
        if self._subscription is None:
            subscription = self._client.pubsub()
            try:
                subscription.subscribe(self._channel)
                subscription.get_message(timeout=_CONNECT_SECONDS)  # It says that it has begun.
            except Exception:
                subscription.close()
                raise
            self._subscription = subscription
        try:
            yield from self._client.sscan_iter(self._key, count=_BATCH)
        except Exception:
            self._leave()
            raise

    def wait(self, stopped: threading.Event) -> None:
        """Wait for a message, or for the interval.

        Raises:
            redis.exceptions.RedisError: The connection broke.
        """
        until = time.monotonic() + self.interval
        try:
            while not stopped.is_set() and time.monotonic() < until:
                if self._subscription.get_message(timeout=_LISTEN_SECONDS) is not None:
                    for _ in range(_MAX_MESSAGES):
                        if self._subscription.get_message(timeout=0) is None:
                            break
                    return
        except Exception:
            self._leave()
            raise
        if stopped.is_set():
            self._leave()

    def _leave(self) -> None:
        """End the subscription and what is idle; the next reading begins another one."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.close()
        # Those of other threads, which read at this moment, stay.
        self._client.connection_pool.disconnect(inuse_connections=False)


def _check_url(url: SplitResult) -> None:
    """Refuse what redis-py would pass over, or meet when it connects.

    Raises:
        ValueError: There is such a part in the URL.
    """
    decided = sorted(_DECIDED.intersection(parse_qs(url.query, keep_blank_values=True)))
    if decided:
        message = f"the URL of Redis must not set {decided[0]}, which the source decides"
        raise ValueError(message)
    if url.scheme == "unix" and not url.path.strip("/"):
        message = "the URL of Redis has no path to a socket: unix:///run/redis.sock"
        raise ValueError(message)
    if url.scheme != "unix" and not re.fullmatch(r"/?|/\d+", url.path):
        message = "the path of a Redis URL is the number of a database, as in redis://host:6379/0"
        raise ValueError(message)
