"""The text of a failed assertion."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote

from corsac._text import shown
from corsac.browser.messages import Request
from corsac.browser.outcome import FetchOutcome
from corsac.browser.urls import parse_url
from corsac.testing.exchange import Asked

if TYPE_CHECKING:
    from corsac.asgi import CORSMiddleware
    from corsac.explain import Explanation

__all__ = ["diagnose", "diagnose_async"]


def diagnose(asked: Asked, outcome: FetchOutcome, problem: str) -> str:
    """Say what is wrong, what the browser did, and what the policy says.

    Args:
        asked: What was asked.
        outcome: What came of it.
        problem: What is wrong with that, as a clause.
    """
    found = _deciding_middleware(asked, outcome)
    explanation = None
    if found is not None:
        middleware, last = found
        try:
            explanation = middleware.explain(*_as_seen(last), credentials=_includes(asked))
        except Exception:  # The user's own function; the browser's steps are there all the same.
            explanation = None
    return "\n".join(_lines(asked, outcome, problem, explanation))


async def diagnose_async(asked: Asked, outcome: FetchOutcome, problem: str) -> str:
    """The same where an event loop is running.

    Args:
        asked: As in `diagnose`.
        outcome: As in `diagnose`.
        problem: As in `diagnose`.
    """
    found = _deciding_middleware(asked, outcome)
    explanation = None
    if found is not None:
        middleware, last = found
        seen = _as_seen(last)
        try:
            explanation = await middleware.explain_async(*seen, credentials=_includes(asked))
        except Exception:  # As above.
            explanation = None
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


def _deciding_middleware(
    asked: Asked, outcome: FetchOutcome
) -> tuple[CORSMiddleware, Request] | None:
    """Corsac's outermost middleware with what it saw last, if it is that which decided."""
    if not outcome.sent:
        return None
    last = outcome.sent[-1]
    there, first = parse_url(last.url), parse_url(asked.request.url)
    if there is None or first is None or there.origin != first.origin:
        return None
    # Late: passing tests need none of it.
    from corsac.asgi import CORSMiddleware  # noqa: PLC0415
    from corsac.inspection import find_layers  # noqa: PLC0415

    try:
        layers = find_layers(asked.app).layers
        applied = layers[0].read() if layers and layers[0].read else None
        if applied is None or not applied.is_valid() or applied.starlette_options is not None:
            return None
        return CORSMiddleware(_no_application, applied.policy, rules=applied.rules), last
    except Exception:  # An application that cannot be looked at; the browser's steps are there.
        return None


async def _no_application(*_: object) -> None:
    """Stands where the application is; nothing calls it."""


def _as_seen(request: Request) -> tuple[str, tuple[tuple[str, str], ...], str]:
    url = parse_url(request.url)
    return request.method, request.headers, "/" if url is None else unquote(url.path)


def _includes(asked: Asked) -> bool:
    return asked.request.credentials == "include"
