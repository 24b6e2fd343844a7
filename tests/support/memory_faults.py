"""What happens where memory runs out, at each allocation in turn.

``python -m support.memory_faults HOW CASE...`` does each case of `support.memory_cases` again and
again, and one allocation after the other fails, alone or with those that follow. It prints what
was wrong, and how often memory ran out, as JSON. HOW says which allocations: ``interpreter``, those
of Python's own allocators; ``malloc``, those of the C library, where C++ gets its memory (needs
`FailingMalloc` preloaded).
"""

from __future__ import annotations

import ctypes
import functools
import gc
import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from support.leaks import outliving
from support.memory_cases import ALSO, CASES, Case

__all__ = ["GROUPS", "FailingMalloc", "preloadable_malloc"]

IN_A_ROW = (1, 400)
"""How many allocations fail. Where all that follow do, Python 3.11 turns in circles for ever."""
OF_PYTHON = re.compile(
    "RuntimeError: can't allocate lock|RuntimeError: can't start new thread|"
    "SystemError: <function .* returned NULL without setting an exception|"
    "SystemError: error return without exception set"
)
"""What Python itself raises where memory runs out: for locks, and (3.11) for its own functions."""
PASSES = 2
MOST = 5_000
"""More allocations than any case needs."""
SMALL = 200
"""Python has made all numbers up to here."""

GROUPS: dict[str, list[str]] = {}
"""The cases of one process."""
for _name in CASES:
    _group, _, _rest = _name.partition(": ")
    GROUPS.setdefault(_group if _rest else "policies", []).append(_name)


class Faults(Protocol):
    """Makes allocations fail.

    Attributes:
        allocate: Makes one.
        disarm: Lets all pass again.
    """

    allocate: Callable[[], object]
    disarm: Callable[[], None]

    def arm(self, after: int, count: int) -> None:
        """Let so many allocations pass and the next ones fail."""


class FailingInterpreter:
    """Makes allocations of Python's own allocators fail."""

    def __init__(self) -> None:
        import _testcapi  # noqa: PLC0415 - not every Python has it.

        self._arm = _testcapi.set_nomemory
        self.allocate: Callable[[], object] = object
        self.disarm: Callable[[], None] = _testcapi.remove_mem_hooks

    def arm(self, after: int, count: int) -> None:
        """Let so many allocations pass and the next ones fail."""
        self._arm(after, after + count)


class FailingMalloc:
    """Makes allocations of the C library fail, in the thread that arms it."""

    SOURCE = Path(__file__).with_name("failing_malloc.c")

    def __init__(self) -> None:
        library = ctypes.CDLL(None)
        # Python gets from there what is too large for its own pools.
        self.allocate: Callable[[], object] = functools.partial(bytearray, 100_000)
        self._arm = library.corsac_fail_allocations
        self._arm.argtypes = [ctypes.c_long, ctypes.c_long]
        self.disarm: Callable[[], None] = library.corsac_pass_allocations

    def arm(self, after: int, count: int) -> None:
        """Let so many allocations pass and the next ones fail."""
        self._arm(after, count)


def preloadable_malloc(folder: Path) -> Path:
    """The library that `FailingMalloc` needs, compiled.

    Raises:
        OSError: There is no compiler.
        subprocess.CalledProcessError: It does not compile it.
    """
    library = folder / "failing_malloc.so"
    command = ["cc", "-O1", "-shared", "-fPIC", "-o", str(library), str(FailingMalloc.SOURCE)]
    subprocess.run(command, check=True, capture_output=True)
    return library


def _needed(case: Case, faults: Faults) -> int:
    """How many allocations a case makes, or a few more."""
    gc.collect()
    rows = row = 0
    faults.arm(MOST, 400)
    try:
        case.operation()
        # Small numbers need no memory; each range may.
        for rows in range(SMALL):  # noqa: B007 - both are looked at afterwards.
            for row in range(SMALL):  # noqa: B007
                faults.allocate()
    except MemoryError:
        pass
    finally:
        faults.disarm()
    return MOST - rows * SMALL - row


def _try(case: Case, faults: Faults, after: int, count: int) -> str | None:
    """Do it once, and say what else than a MemoryError it raised, or "" if it raised none."""
    # So that what was let go is not used anew without an allocation.
    gc.collect()
    raised: BaseException | None = None
    faults.arm(after, count)
    try:
        case.operation()
    except BaseException as error:
        raised = error
    finally:
        faults.disarm()
    if raised is None:
        return ""
    is_of_python = OF_PYTHON.match(f"{type(raised).__name__}: {raised}")
    return None if isinstance(raised, MemoryError) or is_of_python else repr(raised)


def _done(make: Callable[[], Case]) -> tuple[list[Any], Any, Any]:
    """The events of a case with memory enough, and the states before and after it."""
    case = make()
    before = case.state()
    case.operation()
    return case.events, before, case.state()


def _wrong_answers(name: str, faults: Faults) -> tuple[list[str], int]:
    """What a case answers, raises or leaves in force that it must not; how often memory ran out."""
    make = CASES[name]
    right, *states = _done(make)
    rights = [right] + ([_done(ALSO[name])[0]] if name in ALSO else [])
    found, ran_out = [], 0
    needed = _needed(make(), faults)
    for count in IN_A_ROW:
        for after in range(needed):
            case = make()
            raised = _try(case, faults, after, count)
            where = f"{name}, {count} after {after}"
            ran_out += raised is None
            if raised:
                found.append(f"{where}: raised {raised}")
            whole = [events for events in rights if events[: len(case.events)] == case.events]
            if not whole or (raised == "" and case.events not in rights):
                found.append(f"{where}: {case.events}")
            if case.state() not in states:
                found.append(f"{where}: {case.state()}")
    return found, ran_out


def _left_behind(name: str, faults: Faults) -> list[str]:
    """Whether failures leave references to something of Corsac's behind."""
    case = CASES[name]()
    kept = outliving(case.kept)
    needed = _needed(CASES[name](), faults)
    references: list[int] = []
    grown: list[Any] = []
    for _ in range(PASSES + 1):
        for after in range(needed):
            _try(case, faults, after, 1)
            case.events.clear()
        gc.collect()
        before, references = references, [sys.getrefcount(one) for one in kept]
        if before:
            grown.append([after > was for was, after in zip(before, references, strict=True)])
    found = [
        f"{name}: each pass leaves references to a {type(one).__name__} behind"
        for one, each in zip(kept, zip(*grown, strict=True), strict=True)
        if all(each)
    ]
    case.operation()
    rights = [_done(make)[0] for make in (CASES[name], ALSO.get(name)) if make]
    if case.events not in rights:
        found.append(f"{name}: afterwards it answers {case.events}")
    return found


def _main(how: str, *names: str) -> None:
    faults: Faults = FailingInterpreter() if how == "interpreter" else FailingMalloc()
    # Written to, but to nowhere.
    logger = logging.getLogger("corsac")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    # Where memory runs out, what looks for the caller's line leaves its frame behind.
    logging._srcfile = None
    sys.unraisablehook = lambda unraisable: None
    gc.disable()
    gc.collect()
    gc.freeze()
    found, ran_out = [], 0
    for name in sorted(names):
        print(name, file=sys.stderr, flush=True)  # The last one is that of a crash.
        wrong, each = _wrong_answers(name, faults)
        found += wrong + _left_behind(name, faults)
        ran_out += each
    print(json.dumps([found, ran_out]))


if __name__ == "__main__":
    _main(*sys.argv[1:])
