"""Whether what came of a request is what a test wants, and the text of a failure."""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from corsac._text import shown
from corsac.browser.messages import HeaderLines, Response
from corsac.browser.outcome import REASONS, FetchOutcome
from corsac.browser.urls import parse_url
from corsac.configuration import choose, make_configuration
from corsac.explain import Explanation, explaining
from corsac.inspection import find_layers
from corsac.testing.exchange import Asked

__all__ = ["check_allowed", "check_blocked", "diagnose", "diagnose_async"]

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
    """Return what is wrong with an outcome that has to be good; empty if all is well.

    Arguments of a wrong type raise `TypeError`.
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
    response = _last_response(outcome)
    sent = {name.lower() for name, _ in ([] if response is None else response.headers)}
    name = unreadable[0]
    if name.lower() not in sent:
        return f"has no response header {shown(name)}"
    return f"has a response header that the page cannot read: {shown(name)} is not exposed"


def check_blocked(outcome: FetchOutcome, reason: str | None) -> str:
    """Return what is wrong with an outcome that has to be blocked; empty if all is well.

    Without a reason any of CORS will do; one that does not exist raises `ValueError`.
    """
    code = (reason or "").removeprefix("preflight:")
    if reason is not None and code not in REASONS and code.partition(":")[0] not in REASONS:
        message = f"there is no reason {reason!r:.100}; corsac.browser.REASONS has them all"
        raise ValueError(message)
    if outcome.ok:
        return "is allowed"
    found = outcome.reason or ""
    if reason is not None:
        if found == reason or found.startswith(f"{reason}:"):
            return ""
        return f"is blocked for another reason: {found}, not {reason}"
    response = _last_response(outcome)
    if response is not None and response.note:  # Of an answer that no application gave.
        return f"fails, but not because of CORS: {response.note}"
    if found in _OF_CORS or found.startswith("preflight:"):
        return ""
    return f"fails, but not because of CORS: {found}"


def _last_response(outcome: FetchOutcome) -> Response | None:
    return next((step.response for step in reversed(outcome.steps) if step.response), None)


def diagnose(asked: Asked, outcome: FetchOutcome, problem: str) -> str:
    """Say what is wrong, what the browser did, and what the policy says."""
    explanation = None
    with contextlib.suppress(Exception):  # Of the user's code; the browser's steps are there.
        found = _deciding(asked, outcome)
        explanation = None if found is None else explaining.explain(*found)
    return "\n".join(_lines(asked, outcome, problem, explanation))


async def diagnose_async(asked: Asked, outcome: FetchOutcome, problem: str) -> str:
    """Do the same where an event loop is running."""
    explanation = None
    with contextlib.suppress(Exception):  # As above.
        found = _deciding(asked, outcome)
        explanation = None if found is None else await explaining.explain_async(*found)
    return "\n".join(_lines(asked, outcome, problem, explanation))


def _lines(
    asked: Asked, outcome: FetchOutcome, problem: str, explanation: Explanation | None
) -> Iterator[str]:
    request = asked.request
    what = f"{shown(request.method)} {shown(request.url)} from {shown(request.origin)}"
    yield f"{what} {problem}"
    if outcome.explanation:
        yield f"  {outcome.explanation}"
    yield "What the browser did:"
    yield textwrap.indent(str(outcome), "  ")
    # What does not agree with the browser is about something else: a route with its own policy, or
    # another layer.
    if explanation is not None and explanation.allowed is outcome.ok:
        yield "What the policy says:"
        yield textwrap.indent(str(explanation), "  ")


_Question = tuple[explaining.Choice, str, HeaderLines, str, bool]


def _deciding(asked: Asked, outcome: FetchOutcome) -> _Question | None:
    """What to ask Corsac's outermost layer about the last request, if it is that which decided."""
    if not outcome.sent:
        return None
    last = outcome.sent[-1]
    there, first = parse_url(last.url), parse_url(asked.request.url)
    if there is None or first is None or there.origin != first.origin:
        return None
    layers = find_layers(asked.app).layers
    applied = layers[0].read() if layers and layers[0].read else None
    if applied is None or not applied.is_valid():
        return None
    configuration = make_configuration(applied.policy, applied.rules, {})
    path = unquote(there.path)
    choice = choose(configuration, path)
    return choice, last.method, last.headers, path, asked.request.credentials == "include"
