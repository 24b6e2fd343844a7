"""Whether something that is done again and again leaves anything behind."""

from __future__ import annotations

import ctypes
import gc
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Kind", "PlannedError", "left_behind", "outliving", "raise_at_once"]

REQUESTS = int(os.environ.get("CORSAC_LEAK_REQUESTS", "1000"))
WARM_UP, FILLING = 200, 4_200  # Caches of origins hold 4 096.
MAX_BLOCKS = 200  # The interpreter's own caches come and go.
MAX_BYTES = max(24 * 1024, REQUESTS // 2)
MAX_REFERENCES = 10


class PlannedError(Exception):
    """What applications, callbacks and servers raise here on purpose."""


@dataclass(frozen=True)
class Kind:
    """A kind of request.

    Attributes:
        outcome: What comes of one: the status and the number of headers, or the first message.
        step: Does it once; takes its number and what is called with every message.
        kept: What outlives it all.
        share: How many are made for each one that was asked for.
    """

    outcome: str
    step: Callable[[int, Any], None]
    kept: list[Any]
    share: float


def raise_at_once(*arguments: Any) -> Any:
    """Is an application, a callback or a server that fails."""
    raise PlannedError


def _outcome(messages: list[Any]) -> str:
    """The status, with what headers there are, or the type of the first message."""
    # WSGI may start anew, and the last start counts.
    for message in reversed(messages):
        if "status" in message:
            names = [bytes(name).lower() for name, _ in message["headers"]]
            found = str(message["status"])
            found += " +acao" * names.count(b"access-control-allow-origin")
            return found + " +vary" * names.count(b"vary")
    return str(messages[0]["type"]) if messages else "nothing"


class _Awaited:
    """What a server's `send` gives: something to be awaited that ends at once."""

    def __await__(self) -> Iterator[None]:
        return iter(())


_AWAITED = _Awaited()


def _repeat(kind: Kind, numbers: Iterator[int], times: int, send: Any) -> None:
    for number in itertools.islice(numbers, times):
        try:
            kind.step(number, send)
        except PlannedError:
            continue


class _MallocInfo(ctypes.Structure):
    # glibc's struct mallinfo2: hblkhd and uordblks, and what stands between.
    _fields_ = (
        ("_first", ctypes.c_size_t * 4),
        ("mapped", ctypes.c_size_t),
        ("_others", ctypes.c_size_t * 2),
        ("in_use", ctypes.c_size_t),
        ("_rest", ctypes.c_size_t * 2),
    )


def _bytes_in_use() -> int:
    """What `malloc` has handed out; C++ takes its memory from there."""
    read = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if read is None:
        return 0
    read.restype = _MallocInfo
    info = read()
    return int(info.in_use + info.mapped)


def outliving(kept: list[Any]) -> list[Any]:
    """What outlives a request, with all of Corsac's own that it refers to."""
    near = gc.get_referents(*kept)
    found = {id(one): one for one in [*near, *gc.get_referents(*near)]}
    own = (one for one in found.values() if type(one).__module__.startswith("corsac"))
    return [*kept, *own]


def _state(kept: list[Any]) -> tuple[int, int, list[int]]:
    gc.collect()
    return sys.getallocatedblocks(), _bytes_in_use(), [sys.getrefcount(one) for one in kept]


def left_behind(name: str, kind: Kind) -> list[str]:
    """What grows beyond its bound when a kind is repeated, after one has come to its outcome."""
    messages: list[Any] = []
    numbers = itertools.count()

    def record(message: Any) -> _Awaited:
        messages.append(message)
        return _AWAITED

    def discard(message: Any) -> _Awaited:
        return _AWAITED

    broken = name.endswith("cannot send")
    _repeat(kind, numbers, 1, raise_at_once if broken else record)
    assert _outcome(messages) == kind.outcome
    send = raise_at_once if broken else discard
    times = max(1, round(REQUESTS * kind.share))
    _repeat(kind, numbers, FILLING if "each time" in name else WARM_UP, send)
    kept = outliving(kind.kept)
    _state(kept)
    blocks, in_use, references = _state(kept)
    _repeat(kind, numbers, times, send)
    blocks_after, in_use_after, references_after = _state(kept)
    found = [
        f"{after - before} references to a {type(one).__name__}"
        for one, after, before in zip(kept, references_after, references, strict=True)
        if after - before > MAX_REFERENCES
    ]
    if blocks_after - blocks > MAX_BLOCKS:
        found.append(f"{blocks_after - blocks} blocks of Python's allocator")
    if in_use_after - in_use > MAX_BYTES:
        found.append(f"{in_use_after - in_use} bytes")
    return found
