"""Processes that are forked while another thread holds locks."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import threading
import warnings
from collections.abc import Callable
from typing import Any

CHILD_SECONDS = 60
"""After this a child that waits for a lock shows where, and ends."""


def locks_of(kind: type) -> list[Any]:
    """The locks of all objects of a class that are there."""
    found = [each._lock for each in gc.get_objects() if issubclass(type(each), kind)]
    assert found
    return found


def in_child(call: Callable[[], object], *locks: Any) -> str:
    """What a call gives in a forked process, as text, when another thread held locks meanwhile."""
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with contextlib.ExitStack() as holding:
            for lock in locks:
                holding.enter_context(lock)
            held.set()
            let_go.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    reading, writing = os.pipe()
    try:
        with warnings.catch_warnings():  # Python warns of threads, which are what this is about.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            _end_with(call, writing)
    finally:
        let_go.set()
        thread.join()
    os.close(writing)
    with open(reading, encoding="utf-8") as told:
        text = told.read()
    os.waitpid(child, 0)
    return text


def _end_with(call: Callable[[], object], writing: int) -> None:
    """Write what a call gives, and end the process: the parent's test runner is not to run here."""
    try:
        faulthandler.dump_traceback_later(CHILD_SECONDS, exit=True)
        try:
            told = repr(call())
        except BaseException as error:  # The parent compares it.
            told = f"raised {error!r}"
        os.write(writing, told.encode())
    finally:
        os._exit(0)
