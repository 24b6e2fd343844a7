"""Work beside the requests: a thread that survives a fork, and waiting for a file to change."""

from __future__ import annotations

import atexit
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

from corsac._locks import at_fork, make_lock

__all__ = ["BackgroundThread", "check_regular", "check_watchfiles", "file_state", "wait_for_change"]

_STOP_SECONDS = 5.0
_EXIT_SECONDS = 1.0
_POLL_MILLISECONDS = 500


class BackgroundThread:
    """Runs a function in a daemon thread until it is told to stop.

    A process that is forked, as gunicorn's workers are, has none of its parent's threads: there the
    function begins anew. Before the interpreter ends it is told to stop, since a thread that native
    code has then would end the process.

    Attributes:
        at_work: The function holds it while it does what a fork must not come between, such as
            importing: in the new process the module would be locked for ever. Who forks waits for
            it, but no longer than five seconds.

    Args:
        name: The thread's name.
        run: Called with an event that is set when it has to return soon.
        forked: Called in a process that was forked, before the function begins anew.
    """

    def __init__(
        self,
        name: str,
        run: Callable[[threading.Event], None],
        forked: Callable[[], object] | None = None,
    ) -> None:
        self._name = name
        self._run = run
        self._forked = forked
        self._lock = make_lock()
        self._thread: threading.Thread | None = None
        self._last: threading.Thread | None = None
        self._stopped = threading.Event()
        self.at_work = threading.RLock()
        _all.add(self)

    @property
    def is_running(self) -> bool:
        """Whether it was started and not stopped."""
        return self._thread is not None

    def start(self) -> None:
        """Start the thread, unless it is running."""
        with self._lock:
            if self._thread is None:
                self._begin()

    def stop(self) -> None:
        """Tell the thread to stop and wait for it, but no longer than five seconds.

        A function that waits for something longer goes on in the background until it returns.
        """
        self.tell_to_stop()
        self.join()

    def join(self) -> None:
        """Wait for the thread that was told to stop, but no longer than five seconds."""
        thread = self._last
        if thread is not None and thread is not threading.current_thread():
            thread.join(_STOP_SECONDS)

    def tell_to_stop(self) -> threading.Thread | None:
        """Tell the thread to stop without waiting for it, and return it."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._last = thread or self._last
            self._stopped.set()
        return thread

    def _begin(self) -> None:
        # An event of its own for each run: one that does not return in time stays stopped.
        self._stopped = threading.Event()
        arguments = (self._stopped,)
        self._thread = threading.Thread(
            target=self._run, args=arguments, name=self._name, daemon=True
        )
        self._thread.start()

    def _after_fork(self) -> None:
        # Another thread may have held it, or this one for a function that does not return here.
        self.at_work = threading.RLock()
        if self._forked is not None:
            self._forked()
        if self._thread is not None:
            self._begin()


_all: weakref.WeakSet[BackgroundThread] = weakref.WeakSet()


_held = threading.local()


def _wait_for_all() -> None:
    until = time.monotonic() + _STOP_SECONDS
    running = [background for background in list(_all) if background.is_running]
    _held.locks = [
        background.at_work
        for background in running
        if background.at_work.acquire(timeout=max(0.0, until - time.monotonic()))
    ]


def _let_all_go_on() -> None:
    for lock in vars(_held).pop("locks", ()):
        lock.release()


def _begin_all_anew() -> None:
    vars(_held).clear()
    for background in list(_all):
        background._after_fork()


def _stop_all() -> None:
    until = time.monotonic() + _EXIT_SECONDS
    threads = [background.tell_to_stop() for background in list(_all)]
    for thread in threads:
        if thread is not None:
            thread.join(max(0.0, until - time.monotonic()))


at_fork(before=_wait_for_all, after_in_parent=_let_all_go_on, after_in_child=_begin_all_anew)
atexit.register(_stop_all)


def check_watchfiles() -> None:
    """Check that files can be watched.

    Raises:
        ImportError: watchfiles is not installed.
    """
    try:
        import watchfiles  # noqa: F401, PLC0415
    except ImportError as error:
        message = "watching a file needs watchfiles: pip install 'corsac[watch]'"
        raise ImportError(message) from error


def file_state(path: Path) -> tuple[int, ...] | None:
    """Return what tells one state of a file from another; ``None`` if there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def check_regular(path: Path) -> None:
    """Check that reading a file has an end, and waits for no writer.

    Raises:
        OSError: It is there, and neither a regular file nor a folder.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        message = "it is not a regular file"
        raise OSError(message)


def _has_green_threads() -> bool:
    """Tell whether gevent or eventlet runs threads in one, where nothing may wait natively."""
    gevent, eventlet = sys.modules.get("gevent.monkey"), sys.modules.get("eventlet.patcher")
    if gevent is not None and gevent.is_module_patched("threading"):
        return True
    return eventlet is not None and bool(eventlet.is_monkey_patched("thread"))


def wait_for_change(path: Path, before: tuple[int, ...] | None, stopped: threading.Event) -> None:
    """Return when the state of a file is another one: changed, replaced, deleted or made.

    Its folder is watched, since editors and orchestrators put another file in its place, or a link
    to one; but not the folders in it, which may be many. Where that cannot be, as when the system
    has no more watches, or with gevent, it is looked at every half second.

    Args:
        path: The file.
        before: Its state before it was read, so that no change is missed.
        stopped: Ends the waiting within half a second.

    Raises:
        FileNotFoundError: There is no such folder.
    """
    import watchfiles  # noqa: PLC0415 - of an extra

    if stopped.is_set() or file_state(path) != before:
        return

    def is_other(*_: object) -> bool:
        return file_state(path) != before

    if _has_green_threads():
        _look_for_change(is_other, stopped)
        return
    try:
        batches = watchfiles.watch(
            path.parent,
            # What else changes there is not for watchfiles' log, which may stand there itself.
            watch_filter=is_other,
            recursive=False,
            step=20,
            debounce=200,
            stop_event=stopped,
            rust_timeout=_POLL_MILLISECONDS,
            yield_on_timeout=True,
            raise_interrupt=False,
        )
        for _ in batches:
            if is_other():
                return
    except FileNotFoundError:
        raise
    except Exception:  # It has an error of its own where watches are used up.
        _look_for_change(is_other, stopped)


def _look_for_change(is_other: Callable[[], bool], stopped: threading.Event) -> None:
    while not is_other() and not stopped.wait(_POLL_MILLISECONDS / 1000):
        pass
