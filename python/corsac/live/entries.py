"""The entries that a source gives: those that a policy can have, and what is said about others."""

from __future__ import annotations

import itertools
import logging
import reprlib
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from corsac._core import LiveOrigins, is_origin_entry, make_live_origins
from corsac._text import quoted, quoted_list, type_name
from corsac.option_checks import check_options
from corsac.options.names import OPTION_NAMES
from corsac.options.types import is_encodable
from corsac.policy import CORSPolicy

__all__ = ["MAX_ENTRIES", "MAX_NAMED_ENTRIES", "Changes", "Collected", "SourceError"]
__all__ += ["changes_of", "collect", "log_changes", "log_skipped"]

MAX_NAMED_ENTRIES = 10
"""Entries that a line of the log names."""

MAX_ENTRIES = 10_000_000
"""A source that gives more of them fails: it may have no end."""

_MAX_LENGTH = 1000
"""An entry that is longer is not looked into: a name of a host has at most 253 characters."""

_BATCH = 250
"""So many entries are handed over at a time: no request waits longer than that takes."""

_INSECURE = "origin.insecure_with_credentials"

logger = logging.getLogger("corsac")


class SourceError(ValueError):
    """What a source gave cannot be put in force."""


class Collected(NamedTuple):
    """What a source gave.

    Attributes:
        origins: The entries that a policy can have, each once.
        skipped: How many entries it cannot have.
        named: Some of these, and why.
    """

    origins: LiveOrigins
    skipped: int
    named: list[str]


class Changes(NamedTuple):
    """Some of the origins that are new in a set, and some that are gone."""

    added: list[str]
    removed: list[str]


def collect(base: CORSPolicy, given: list[Any], stopped: threading.Event) -> Collected:
    """Collect the entries that a policy can have, in batches between which others get their turn.

    Args:
        base: The policy.
        given: What the source gave, alone in a list. If nobody else has it, it is used up on the
            way: freeing a million entries at once would stop all other threads, too.
        stopped: Ends it before its time.

    Raises:
        SourceError: It is not an iterable of entries, or has too many.
    """
    allow_insecure = not base.allow_credentials or _INSECURE in base.tolerate
    origins = make_live_origins(allow_insecure=allow_insecure)
    count = skipped = 0
    named: list[str] = []
    for batch in _batches(given):
        if stopped.is_set():
            break
        time.sleep(0)  # For those that take turns only where one waits, as with gevent.
        count += len(batch)
        if count > MAX_ENTRIES:
            message = f"it has more than {MAX_ENTRIES} entries"
            raise SourceError(message)
        others = [batch[place] for place in origins.add(batch)]
        if others:
            fine, wrong = _judge(base, others)
            origins.add_checked(fine)
            skipped += len(others) - len(fine)
            named += itertools.islice(wrong, MAX_NAMED_ENTRIES - len(named))
    return Collected(origins, skipped, named)


def _batches(given: list[Any]) -> Iterator[tuple[object, ...]]:
    entries: object = given[0]
    # A mapping may say of an origin that it is switched off.
    is_other = isinstance(entries, (str, bytes, Mapping))
    if is_other or not isinstance(entries, Iterable):
        message = f"it gave {type(entries).__name__}, not the origins one by one"
        raise SourceError(message)
    if type(entries) is list:
        del entries
        yield from _batches_of_list(given)
    elif type(entries) is set:
        del entries
        yield from _batches_of_set(given)
    else:
        iterator = iter(entries)
        while batch := tuple(itertools.islice(iterator, _BATCH)):
            yield batch


def _batches_of_list(given: list[Any]) -> Iterator[tuple[object, ...]]:
    end = len(given[0])
    while end > 0:
        begin = max(0, end - _BATCH)
        yield tuple(given[0][begin:end])
        end = begin
        if sys.getrefcount(given[0]) <= _ALONE:
            del given[0][begin:]


def _batches_of_set(given: list[Any]) -> Iterator[tuple[object, ...]]:
    if sys.getrefcount(given[0]) <= _ALONE:
        while count := min(len(given[0]), _BATCH):
            yield tuple(given[0].pop() for _ in range(count))
    iterator = iter(given[0])
    while batch := tuple(itertools.islice(iterator, _BATCH)):
        yield batch


_nobody_else_has: list[object] = [[]]
_ALONE = sys.getrefcount(_nobody_else_has[0])
"""The references to what stands in one list and nowhere else, and is asked about as above."""


def _judge(base: CORSPolicy, entries: list[object]) -> tuple[list[str], Iterator[str]]:
    """Return the entries that a policy can have, and what is said about each other one."""
    # What a subclass of text says about itself, such as its hash, is not asked.
    given = [str.__str__(each) if isinstance(each, str) else each for each in entries]
    texts = [each for each in given if isinstance(each, str) and _is_entry(each)]
    wrong = _reasons(base, tuple(texts)) if texts else {}
    fine = [each for each in texts if each not in wrong]
    known = set(fine)
    others = (each for each in given if not isinstance(each, str) or each not in known)
    return fine, (_why(base, each, wrong) for each in others)


def _is_entry(text: str) -> bool:
    return len(text) <= _MAX_LENGTH and is_encodable(text) and is_origin_entry(text)


def _why(base: CORSPolicy, entry: object, wrong: dict[object, str]) -> str:
    if not isinstance(entry, str):
        return f"{_shown(entry)}: an origin is text, not {type_name(entry)}"
    if len(entry) > _MAX_LENGTH:
        return f"{quoted(entry)}: it has {len(entry)} characters, more than any origin"
    if entry in {"*", "null"}:
        return f"{quoted(entry)}: a source cannot allow any page"
    reason = wrong.get(entry) or _reasons(base, (entry,)).get(entry, "not an origin")
    return f"{quoted(entry)}: {reason}"


def _shown(entry: object) -> str:
    """Give what is not text at a length that has a bound; it may have none, or raise."""
    if isinstance(entry, bytes):
        return quoted(entry)
    try:
        return quoted(reprlib.repr(entry))
    except Exception:  # A number with more digits than Python writes, for one.
        return f"one {type_name(entry)}"


def _reasons(base: CORSPolicy, entries: tuple[str, ...]) -> dict[object, str]:
    """Return why a policy cannot have some of these entries."""
    options = {name: getattr(base, name) for name in OPTION_NAMES} | {"allow_origins": entries}
    return {
        problem.value: problem.message
        for problem in check_options(options, CORSPolicy._defaults)[2]
        if problem.severity == "error" and problem.option == "allow_origins"
    }


def changes_of(before: LiveOrigins | None, after: LiveOrigins) -> Changes:
    """Return what is new and what is gone; there is neither in equal sets."""
    if before is None:
        return Changes(after.entries(MAX_NAMED_ENTRIES), [])
    return Changes(
        after.entries_beyond(before, MAX_NAMED_ENTRIES),
        before.entries_beyond(after, MAX_NAMED_ENTRIES),
    )


def log_changes(name: str, count: int, changes: Changes) -> None:
    """Say which origins are new and which are gone, as far as a line has room for them."""
    logger.info(
        "CORS: %d origins of %s are in force; added %s; removed %s",
        count,
        name,
        quoted_list(changes.added) or "none",
        quoted_list(changes.removed) or "none",
    )


def log_skipped(name: str, skipped: int, named: list[str]) -> None:
    """Say how many entries were skipped, and why some of them were."""
    more = "; ..." if skipped > len(named) else ""
    entries = "; ".join(named)
    logger.warning("CORS: %d entries of %s were skipped: %s%s", skipped, name, entries, more)
