"""Refusals as values, and the callback that is called with each of them."""

from __future__ import annotations

import _thread
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from corsac._locks import make_lock
from corsac._text import error_text
from corsac._values import FrozenValue, frozen_value

__all__ = ["OnRefusal", "Refusal", "RefusalCallback", "RequestLine"]

RequestLine = Callable[[Mapping[str, Any]], tuple[object, object]]
"""Returns the method and the path of a scope or environ."""


@frozen_value
class Refusal(FrozenValue):
    """One refused request, as ``on_refusal`` is called with it.

    Values of the client are as they were sent: escape and cut them before you print them.

    Attributes:
        reason: The reason code: ``"origin-not-allowed"``, ``"path-ambiguous"``,
            ``"origin-malformed"``, ``"request-method-malformed"``, ``"cross-origin-request"``,
            ``"cross-origin-websocket"``, ``"cross-origin-read"``, ``"host-malformed"`` or
            ``"host-not-allowed"``; for a preflight request of an allowed origin that the browser
            refuses nevertheless, ``"method-not-allowed"``, ``"header-not-allowed"`` or
            ``"authorization-not-listed"`` (Fetch, "CORS-preflight fetch"). With ``report_only``
            also ``"credentials-not-allowed"`` (Fetch, "CORS check").
        origin: The value of the Origin header, bytes read as latin-1; the first if there were
            several; ``None`` without one.
        method: The request's method; ``None`` for a WebSocket handshake of ASGI, which has none.
        path: The request's path, as the log has it; ``None`` if a server gave none.
        rule: The path pattern of the rule that decided, or ``"default"``; ``"ambiguous"`` if
            repeated slashes leave that open, ``"hosts"`` if the host was refused before any rule.
        kind: ``"preflight"``, ``"actual"``, or for what never reached the application ``"guard"``
            or ``"host"``.
        report_only: True if nothing was refused, but ``report_only`` would have refused it.
        missing_method: The method of a preflight request if it is not listed, or ``None``.
        missing_headers: The names of its headers that are not listed, in lower case; at most 64.
        host: The Host header that was refused, the first if there were several; ``None`` without
            one, and for any other reason.
        policy: Of several policies in one place the number of the one that decided, from 1;
            ``None`` where a policy stands alone, and where none decided.
    """

    __slots__ = _fields = __match_args__ = (
        *("reason", "origin", "method", "path", "rule", "kind", "report_only"),
        *("missing_method", "missing_headers", "host", "policy"),
    )

    reason: str
    origin: str | None
    method: str | None
    path: str | None
    rule: str
    kind: str
    report_only: bool
    missing_method: str | None
    missing_headers: tuple[str, ...]
    host: str | None
    policy: int | None

    def __init__(  # noqa: PLR0917 - in the order of the fields
        self,
        reason: str,
        origin: str | None,
        method: str | None,
        path: str | None,
        rule: str,
        kind: str,
        report_only: bool = False,
        missing_method: str | None = None,
        missing_headers: tuple[str, ...] = (),
        host: str | None = None,
        policy: int | None = None,
    ) -> None:
        asked = (reason, origin, method, path, rule, kind, report_only)
        self._fill(*asked, missing_method, missing_headers, host, policy)


OnRefusal = Callable[[Refusal], object]
"""The user's callback."""


class RefusalCallback:
    """Calls the user's function with refusals, and catches each `Exception` of it.

    A refused request that the function itself makes, in its thread, does not call it again.

    Args:
        function: Called with a `Refusal`.
        request_line: Returns the method and the path of a scope or environ.
        clock: A monotonic clock, in seconds.
        errors: The errors of the callback that it replaces, since counters never fall.

    Raises:
        TypeError: ``function`` is not callable, or is asynchronous or a generator.
    """

    def __init__(
        self,
        function: OnRefusal,
        request_line: RequestLine,
        clock: Callable[[], float] = time.monotonic,
        errors: int = 0,
    ) -> None:
        from corsac._failure_log import FailureLog  # noqa: PLC0415 - most have no callback

        _check(function)
        self.function = function
        self._request_line = request_line
        self._running: set[int] = set()  # In which threads.
        self._lock = make_lock(self._forget_other_threads)
        self._failures = FailureLog("on_refusal", clock, logging.ERROR)
        self.errors = errors
        """How often the function raised, or gave something to be awaited."""

    def _forget_other_threads(self) -> None:
        # A new thread of this process may have the number of one of the parent's.
        self._running &= {_thread.get_ident()}

    def __call__(  # noqa: PLR0917
        self,
        kind: str,
        reason: str,
        origin: object,
        request: Mapping[str, Any],
        rule: str,
        report_only: bool,
        missing: tuple[str | None, tuple[str, ...]] | None = None,
        host: object = None,
        policy: int | None = None,
    ) -> None:
        """Call the function with a `Refusal` made of the arguments.

        The request is a scope or environ; ``missing`` is a method, or ``None``, and header names.

        Raises:
            BaseException: What the function raised, unless it is an `Exception`.
        """
        # Looked up here, because gevent replaces it.
        thread = _thread.get_ident()
        if thread in self._running:
            return
        self._running.add(thread)
        try:
            method, path = self._request_line(request)
            asked = (_text(origin), _text(method), _text(path))
            refused = (*asked, rule, kind, report_only, *(missing or (None, ())), _text(host))
            refusal = Refusal(reason, *refused, policy)
            result = self.function(refusal)
            if result is not None and hasattr(result, "__await__"):
                if hasattr(result, "close"):
                    result.close()
                message = f"on_refusal returned {type(result).__name__}, which nobody awaits"
                raise TypeError(message)  # noqa: TRY301 - it is logged as other errors are
        except Exception as error:  # Whatever it is, the request is answered.
            # No `with`: see `RefusalLog.__call__`.
            self._lock.acquire()
            try:
                self.errors += 1
            finally:
                self._lock.release()
            text = f"raised {error_text(error)}; the request is answered all the same"
            self._failures(text, error)
        finally:
            self._running.discard(thread)


def _check(function: object) -> None:
    if not callable(function):
        message = (
            f"on_refusal must be a function of one corsac.Refusal, not {type(function).__name__}"
        )
        raise TypeError(message)
    import inspect  # noqa: PLC0415 - it takes longer to load than all of Corsac

    called = (function, getattr(function, "__call__", None))  # noqa: B004 - an object's own call
    tests = (inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction)
    if any(test(each) for each in called for test in tests):
        message = (
            "on_refusal must be a plain function: nothing awaits it. In a plain one, hand the "
            "refusal on: queue.put_nowait(refusal), or "
            "loop.call_soon_threadsafe(lambda: loop.create_task(...))"
        )
        raise TypeError(message)


def _text(value: object) -> str | None:
    """Return a server's value as plain text; ``None`` if it is neither text nor bytes."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return str.__str__(value) if isinstance(value, str) else None
