"""The same request again in other circumstances, for what one exchange cannot show.

Only safe methods are replayed, and preflights; a request that may change something never is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace as changed
from typing import NamedTuple
from urllib.parse import urlsplit

from corsac._text import shown
from corsac.browser import FetchOutcome, Request, Response, TransportError
from corsac.cli.probe.courier import SAFE_METHODS
from corsac.cli.probe.lookalikes import lookalikes, other_origin

__all__ = ["MISSING_PATH", "Observations", "Replay", "allow_origin", "is_granted", "replay"]

MISSING_PATH = "corsac-probe-no-such-path"
"""What is asked for below the URL to see an answer with an error."""
MAX_VALIDATOR = 1_000
"""Characters of an ETag that is sent back at most."""

Send = Callable[[Request], Awaitable[Response]]


class Replay(NamedTuple):
    """One request that was sent again, and what came of it.

    Attributes:
        kind: ``"page"`` for the page's own; ``"no-origin"``, ``"other-origin"``, ``"null"``,
            ``"conditional"``, ``"missing-path"``, or a kind of `corsac.cli.probe.lookalikes`.
        request: What was sent.
        response: What came back.
    """

    kind: str
    request: Request
    response: Response

    @property
    def origin(self) -> str | None:
        """The origin that it was sent for."""
        return self.request.header("Origin")

    def as_dict(self) -> dict[str, object]:
        """The replay as plain data."""
        return {
            "kind": self.kind,
            "request": self.request.as_dict(),
            "response": self.response.as_dict(),
        }


class Observations(NamedTuple):
    """All that was seen of a server.

    Attributes:
        origin: The page's origin as it was sent.
        include: Whether the credentials mode is ``"include"``.
        page: The page's own exchanges in their order, preflights and redirects too.
        actual: Replays of the actual request by kind, ``"page"`` among them.
        preflight: Replays of the preflight, likewise.
        unfinished: Why replays were given up; empty if they were not.
    """

    origin: str
    include: bool
    page: tuple[Replay, ...]
    actual: dict[str, Replay]
    preflight: dict[str, Replay]
    unfinished: str = ""

    @property
    def replays(self) -> list[Replay]:
        """Everything beside the page's own exchanges."""
        both = (*self.preflight.values(), *self.actual.values())
        return [replay for replay in both if replay.kind != "page"]

    def families(self) -> Iterator[tuple[str, dict[str, Replay]]]:
        """The kinds of request that were replayed, with how they are called."""
        if self.actual:
            yield "answer", self.actual
        if self.preflight:
            yield "preflight answer", self.preflight


def allow_origin(response: Response) -> str | None:
    """The value of Access-Control-Allow-Origin, its lines joined."""
    return response.header("Access-Control-Allow-Origin")


def is_granted(replay: Replay | None) -> bool:
    """Whether the answer names the origin that asked; ``*`` names none."""
    if replay is None or replay.origin is None:
        return False
    return allow_origin(replay.response) == replay.origin


async def replay(outcome: FetchOutcome, include: bool, send: Send) -> Observations | None:
    """Replay what a browser sent.

    Args:
        outcome: What came of the page's request.
        include: Whether the credentials mode is ``"include"``.
        send: Sends one request.

    Returns:
        What was seen; ``None`` if nothing that was sent is subject to CORS.
    """
    page = tuple(
        Replay("page", step.request, step.response)
        for step in outcome.steps
        if step.request is not None and step.response is not None
    )
    subject = [seen for seen in page if seen.origin is not None]
    if not subject or outcome.response_type in {"basic", "opaque"}:
        return None
    preflights = [seen for seen in subject if seen.request.is_preflight]
    actuals = [
        seen
        for seen in subject
        if not seen.request.is_preflight and seen.request.method in SAFE_METHODS
    ]
    origin = subject[-1].origin or ""
    seen = Observations(origin, include, page, {}, {})
    try:
        if actuals:
            await _replay_one(seen.actual, actuals[-1], send, looks=True)
            await _replay_actual(seen.actual, actuals[-1], send)
        if preflights:
            await _replay_one(seen.preflight, preflights[-1], send, looks=not actuals)
    except TransportError as error:
        return seen._replace(unfinished=shown(str(error)))
    return seen


async def _replay_one(seen: dict[str, Replay], first: Replay, send: Send, *, looks: bool) -> None:
    """Ask for other origins, and for none."""
    seen["page"] = first

    async def ask(kind: str, origin: str | None) -> None:
        request = _from_origin(first.request, origin)
        seen[kind] = Replay(kind, request, await send(request))

    await ask("no-origin", None)
    await ask("other-origin", other_origin(first.origin or ""))
    if first.origin != "null":
        await ask("null", "null")
    # Where anybody is allowed, resembling somebody is no art.
    if looks and is_granted(first) and not is_granted(seen["other-origin"]):
        for kind, origin in lookalikes(first.origin or ""):
            await ask(kind, origin)


async def _replay_actual(seen: dict[str, Replay], first: Replay, send: Send) -> None:
    """Ask for what only an actual request can be asked for."""
    response = first.response
    if not 200 <= response.status < 300:
        return
    validators = [
        ("If-None-Match", response.header("ETag")),
        ("If-Modified-Since", response.header("Last-Modified")),
    ]
    given = [(name, value) for name, value in validators if value and len(value) <= MAX_VALIDATOR]
    if given and first.request.method in {"GET", "HEAD"}:
        request = changed(first.request, headers=(*first.request.headers, *given))
        seen["conditional"] = Replay("conditional", request, await send(request))
    if allow_origin(response) is not None:
        url = f"{_without_query(first.request.url).rstrip('/')}/{MISSING_PATH}"
        request = changed(first.request, url=url)
        seen["missing-path"] = Replay("missing-path", request, await send(request))


def _without_query(url: str) -> str:
    return urlsplit(url)._replace(query="", fragment="").geturl()


def _from_origin(request: Request, origin: str | None) -> Request:
    lines = [pair for pair in request.headers if pair[0].lower() != "origin"]
    if origin is not None:
        lines.append(("Origin", origin))
    return changed(request, headers=tuple(lines))
