"""Whether what came of a request is what a test wants."""

from __future__ import annotations

from collections.abc import Iterable

from corsac._text import shown
from corsac.browser.outcome import REASONS, FetchOutcome

__all__ = ["check_allowed", "check_blocked"]

_OF_CORS = frozenset(
    {
        "missing-allow-origin",
        "allow-origin-mismatch",
        "wildcard-with-credentials",
        "allow-credentials-not-true",
    }
)
"""Reasons that are Fetch's "CORS check"; all that begin with ``preflight:`` are CORS's too."""


def check_allowed(outcome: FetchOutcome, status: int | None, readable: Iterable[str]) -> str:
    """What is wrong with an outcome that has to be good.

    Args:
        outcome: What came of the request.
        status: What it has to be; ``None`` for any.
        readable: Names of headers that have to be readable.

    Returns:
        A sentence; empty if all is well.

    Raises:
        TypeError: The names are one text.
    """
    if isinstance(readable, str | bytes):
        message = "readable must be a list of header names, not one text"
        raise TypeError(message)
    wanted = list(readable)
    given: list[object] = [*wanted]  # Whatever the types say.
    if not all(isinstance(name, str) for name in given):
        message = "readable must be a list of header names, which are text"
        raise TypeError(message)
    number: object = status
    if not isinstance(number, int | None) or isinstance(number, bool):
        message = f"status must be a whole number, not {type(number).__name__}"
        raise TypeError(message)
    if not outcome.ok:
        return f"is blocked: {outcome.reason}"
    if outcome.response_type not in {"basic", "cors"}:
        return f"gives the script nothing to read: the response is {outcome.response_type}"
    if status is not None and outcome.status != status:
        return f"has the status {outcome.status}, not {status}"
    unreadable = [name for name in wanted if name.lower() not in outcome.readable_headers]
    if not unreadable:
        return ""
    sent = {name.lower() for name, _ in _last_response(outcome)}
    name = unreadable[0]
    if name.lower() not in sent:
        return f"has no response header {shown(name)}"
    return f"has a response header that the page cannot read: {shown(name)} is not exposed"


def _last_response(outcome: FetchOutcome) -> tuple[tuple[str, str], ...]:
    for step in reversed(outcome.steps):
        if step.response is not None:
            return step.response.headers
    return ()


def _last_note(outcome: FetchOutcome) -> str:
    """What the transport says of an answer that no application gave."""
    for step in reversed(outcome.steps):
        if step.response is not None:
            return step.response.note
    return ""


def check_blocked(outcome: FetchOutcome, reason: str | None) -> str:
    """What is wrong with an outcome that has to be blocked.

    Args:
        outcome: What came of the request.
        reason: Why it has to be; ``None`` for any reason of CORS.

    Returns:
        A sentence; empty if all is well.

    Raises:
        ValueError: There is no such reason.
    """
    if reason is not None and _code_of(reason) not in REASONS:
        message = f"there is no reason {reason!r:.100}; corsac.browser.REASONS has them all"
        raise ValueError(message)
    if outcome.ok:
        return "is allowed"
    found = outcome.reason or ""
    if reason is not None:
        if found == reason or found.startswith(f"{reason}:"):
            return ""
        return f"is blocked for another reason: {found}, not {reason}"
    if note := _last_note(outcome):
        return f"fails, but not because of CORS: {note}"
    if found in _OF_CORS or found.startswith("preflight:"):
        return ""
    return f"fails, but not because of CORS: {found}"


def _code_of(reason: str) -> str:
    code = reason.removeprefix("preflight:")
    return code if code in REASONS else code.partition(":")[0]
