"""Children that can be interrupted, however the tests themselves were started."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

__all__ = ["interruptible_children"]

_ASKED_TO_END = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def interruptible_children() -> Iterator[None]:
    """Let processes that are started in the block begin as one does that a terminal starts.

    A process hands ignored and blocked signals on to its children. A shell without job control
    ignores SIGINT for what it starts in the background, and a Python that begins so has no
    `KeyboardInterrupt`: POSIX wants that, and the commands keep to it. So a test that interrupts
    its child says that it wants one that can be interrupted.
    """
    # A handler of ours becomes the default one in the child; an ignored signal stays ignored.
    before = {
        number: signal.signal(number, signal.default_int_handler)
        for number in _ASKED_TO_END
        if signal.getsignal(number) is signal.SIG_IGN
    }
    mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKED_TO_END)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in before.items():
            signal.signal(number, handler)
