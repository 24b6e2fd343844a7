"""Locks that are free in a process that is forked while another thread holds them.

Such a process has none of its parent's other threads, so nobody there would let go of what they
held. All locks of the package are made here, save those that say why not.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable
from typing import Any

__all__ = ["at_fork", "make_lock"]

_logger = logging.getLogger("corsac")

# By identity and weakly, so that no lock outlives whose it is.
_all: weakref.WeakKeyDictionary[Any, Callable[[], object]] = weakref.WeakKeyDictionary()


def make_lock(in_child: Callable[[], object] | None = None) -> threading.RLock:
    """Make a lock that no thread but the one that forks has in the new process.

    It is reentrant, because only such locks know their thread: what the thread that forks holds, it
    holds in the new process too, and lets go of it there. What another thread was about to change
    may be half done: either each half is sound, or ``in_child`` mends it.

    Args:
        in_child: A bound method of what has the lock, called in the new process without the lock,
            when all locks are free. It is not kept alive.
    """
    lock = threading.RLock()
    # Of gevent and eventlet: there others that hold it go on in the new process, and let go of it.
    if type(lock).__module__ == "_thread":
        _all[lock] = _nothing if in_child is None else _weakly(in_child)
    return lock


def _nothing() -> None:
    """Stands where nothing has to be mended."""


def _weakly(method: Any) -> Callable[[], object]:
    # Not `weakref.WeakMethod`, which may complain on stderr while the interpreter ends.
    owner, function = weakref.ref(method.__self__), method.__func__

    def call() -> None:
        self = owner()
        if self is not None:
            function(self)

    return call


def at_fork(**functions: Callable[[], object]) -> None:
    """Register functions as `os.register_at_fork` does, where processes can be forked.

    Each interpreter of a process has its own; a child has none but the one that forked.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(**functions)


def _free_all() -> None:
    locks = list(_all.items())
    for lock, _ in locks:
        if not lock._is_owned():
            lock._at_fork_reinit()  # As `threading` and `logging` do with their own.
    for _, mend in locks:
        try:
            mend()
        except Exception:
            _logger.exception("CORS: what a fork interrupted was not mended")


# Before those of the modules that import this one: what they start in a child needs the locks.
at_fork(after_in_child=_free_all)
