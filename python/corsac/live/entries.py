"""The entries that a source gives: those that a policy can have, and what is said about others."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Iterable

from corsac._core import is_origin_entry
from corsac._text import quoted, quoted_list, type_name
from corsac.option_checks import check_options
from corsac.options.names import OPTION_NAMES
from corsac.policy import CORSPolicy

__all__ = ["MAX_NAMED_ENTRIES", "SourceError", "log_changes", "log_skipped", "sift"]

MAX_NAMED_ENTRIES = 10
"""Invalid entries that a line of the log names."""

_BATCH = 1000

logger = logging.getLogger("corsac")


class SourceError(ValueError):
    """What a source gave cannot be put in force."""


def sift(
    base: CORSPolicy, given: object, stopped: threading.Event
) -> tuple[list[str], int, list[str]]:
    """Return the entries that a policy can have, how many it cannot, and some of these.

    It works in batches: between two of them other threads get their turn.
    """
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        message = f"it gave {type(given).__name__}, not the origins one by one"
        raise SourceError(message)
    valid: dict[str, None] = {}
    skipped = 0
    named: list[str] = []
    entries = itertools.takewhile(lambda _: not stopped.is_set(), given)
    while batch := list(itertools.islice(entries, _BATCH)):
        texts = tuple(each for each in batch if isinstance(each, str) and is_origin_entry(each))
        wrong = _reasons(base, texts)
        fine = [each for each in texts if each not in wrong]
        valid |= dict.fromkeys(fine)
        skipped += len(batch) - len(fine)
        for each in batch if len(fine) < len(batch) else ():
            if len(named) == MAX_NAMED_ENTRIES:
                break
            if not isinstance(each, str):
                named.append(f"{quoted(each)}: an origin is text, not {type_name(each)}")
            elif each in {"*", "null"}:
                named.append(f"{quoted(each)}: a source cannot allow any page")
            elif each in wrong or not is_origin_entry(each):
                reason = wrong.get(each) or _reasons(base, (each,)).get(each, "not an origin")
                named.append(f"{quoted(each)}: {reason}")
    return list(valid), skipped, named


def _reasons(base: CORSPolicy, entries: tuple[str, ...]) -> dict[object, str]:
    """Return why a policy cannot have some of these entries."""
    options = {name: getattr(base, name) for name in OPTION_NAMES} | {"allow_origins": entries}
    return {
        problem.value: problem.message
        for problem in check_options(options, CORSPolicy._defaults)[2]
        if problem.severity == "error" and problem.option == "allow_origins"
    }


def log_changes(name: str, before: list[str], after: list[str]) -> None:
    """Say which origins are new and which are gone, as far as a line has room for them."""
    if not logger.isEnabledFor(logging.INFO):
        return
    old, new = set(before), set(after)
    added = (each for each in after if each not in old)
    removed = (each for each in before if each not in new)
    logger.info(
        "CORS: %d origins of %s are in force; added %s; removed %s",
        len(after),
        name,
        quoted_list(itertools.islice(added, MAX_NAMED_ENTRIES)) or "none",
        quoted_list(itertools.islice(removed, MAX_NAMED_ENTRIES)) or "none",
    )


def log_skipped(name: str, skipped: int, named: list[str]) -> None:
    """Say how many entries were skipped, and why some of them were."""
    more = "; ..." if skipped > len(named) else ""
    entries = "; ".join(named)
    logger.warning("CORS: %d entries of %s were skipped: %s%s", skipped, name, entries, more)
