"""The same request again in other circumstances, for what one exchange cannot show.

Only safe methods are replayed, and preflights; a request that may change something never is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import urlsplit

from corsac._text import shown
from corsac.browser import FetchOutcome, Request, Response, TransportError
from corsac.browser.urls import HTTP_SCHEMES, is_ip_address, parse_url
from corsac.cli.probe.courier import SAFE_METHODS, Courier
from corsac.validation.hosts import public_suffixes

__all__ = ["INTERRUPTED", "Observations", "Replay", "allow_origin", "is_granted", "lookalikes"]
__all__ += ["other_origin", "replay"]

_MISSING_PATH = "corsac-probe-no-such-path"
"""What is asked for below the URL to see an answer with an error."""
_MAX_VALIDATOR = 1_000
"""Characters of an ETag that is sent back at most."""
_OTHER_HOST = "corsac-probe.example"
"""A page's host that no server lists: ``.example`` is reserved (RFC 2606)."""
INTERRUPTED = "interrupted"
"""Why replays were given up, if it was Ctrl-C."""

_PROBE = "corsac-probe"
_OTHER_PORT = 47652


class Replay(NamedTuple):
    """One request that was sent again, and what came of it."""

    kind: str  # "page" for the page's own.
    request: Request
    response: Response

    @property
    def origin(self) -> str | None:
        """The origin that it was sent for."""
        return self.request.header("Origin")

    def as_dict(self) -> dict[str, object]:
        """Give the replay as plain data."""
        both = {"request": self.request.as_dict(), "response": self.response.as_dict()}
        return {"kind": self.kind, **both}


class Observations(NamedTuple):
    """All that was seen of a server."""

    origin: str
    page: tuple[Replay, ...]
    actual: dict[str, Replay]  # By kind, "page" among them.
    preflight: dict[str, Replay]
    unfinished: str = ""  # Why replays were given up.

    @property
    def replays(self) -> list[Replay]:
        """Everything beside the page's own exchanges."""
        both = (*self.preflight.values(), *self.actual.values())
        return [replay for replay in both if replay.kind != "page"]

    def families(self) -> list[dict[str, Replay]]:
        """Give the kinds of request that were replayed."""
        return [family for family in (self.actual, self.preflight) if family]


def allow_origin(response: Response) -> str | None:
    """Give the value of Access-Control-Allow-Origin, its lines joined."""
    return response.header("Access-Control-Allow-Origin")


def is_granted(replay: Replay | None) -> bool:
    """Say whether the answer names the origin that asked, not only ``*``."""
    if replay is None or replay.origin is None:
        return False
    return allow_origin(replay.response) == replay.origin


async def replay(outcome: FetchOutcome, courier: Courier) -> Observations | None:
    """Replay what a browser sent; ``None`` if nothing of it is subject to CORS."""
    page = tuple(
        Replay("page", step.request, step.response)
        for step in outcome.steps
        if step.request is not None and step.response is not None
    )
    subject = [seen for seen in page if seen.origin is not None]
    if not subject or outcome.response_type in {"basic", "opaque"}:
        return None
    seen = Observations(subject[-1].origin or "", page, {}, {})
    plans = []
    for each in subject:
        if each.request.is_preflight:
            seen.preflight["page"] = each
        elif each.request.method in SAFE_METHODS:
            seen.actual["page"] = each
    if seen.actual:
        first = seen.actual["page"]
        plans.append((seen.actual, [*_origins(first, looks=True), *_only_of_actual(first)]))
    if seen.preflight:
        plan = [*_origins(seen.preflight["page"], looks=not seen.actual)]
        plans.append((seen.preflight, plan))
    number, total = 0, sum(len(plan) for _, plan in plans)
    try:
        for found, plan in plans:
            for kind, request in plan:
                # Where every origin is allowed, a look-alike proves nothing.
                if kind in _LOOKALIKES and is_granted(found.get("other-origin")):
                    total -= 1
                    continue
                number += 1
                courier.place = number, total
                found[kind] = Replay(kind, request, await courier(request))
    except TransportError as error:
        return seen._replace(unfinished=shown(str(error)))
    except asyncio.CancelledError:
        return seen._replace(unfinished=INTERRUPTED)
    return seen


def _origins(first: Replay, *, looks: bool) -> Iterator[tuple[str, Request]]:
    """Ask without an origin, for others, and for those that resemble an allowed one."""
    origin = first.origin or ""
    yield "no-origin", _from_origin(first.request, None)
    yield "other-origin", _from_origin(first.request, other_origin(origin))
    if origin != "null":
        yield "null", _from_origin(first.request, "null")
    if looks and is_granted(first):
        yield from ((kind, _from_origin(first.request, it)) for kind, it in lookalikes(origin))


def _only_of_actual(first: Replay) -> Iterator[tuple[str, Request]]:
    """Ask for what only an actual request can be asked for."""
    request, response = first.request, first.response
    if not 200 <= response.status < 300:
        return
    validators = [
        ("If-None-Match", response.header("ETag")),
        ("If-Modified-Since", response.header("Last-Modified")),
    ]
    given = [(name, value) for name, value in validators if value and len(value) <= _MAX_VALIDATOR]
    if given and request.method in {"GET", "HEAD"}:
        yield "conditional", replace(request, headers=(*request.headers, *given))
    if allow_origin(response) is not None:
        url = urlsplit(request.url)._replace(query="", fragment="").geturl()
        yield "missing-path", replace(request, url=f"{url.rstrip('/')}/{_MISSING_PATH}")


def _from_origin(request: Request, origin: str | None) -> Request:
    lines = [pair for pair in request.headers if pair[0].lower() != "origin"]
    if origin is not None:
        lines.append(("Origin", origin))
    return replace(request, headers=tuple(lines))


def other_origin(origin: str) -> str:
    """Give an origin that no server lists, and that is not the one that asks."""
    other = f"https://{_OTHER_HOST}"
    return other if origin != other else f"https://another.{_OTHER_HOST}"


_LOOKALIKES = frozenset({"prefix", "subdomain", "suffix", "other-site", "dot", "insecure", "port"})


def lookalikes(origin: str) -> list[tuple[str, str]]:
    """Give origins that only resemble one, with their kinds, for what careless comparisons allow.

    There are fewer for addresses and one-label hosts, and none for an opaque origin.
    """
    url = parse_url(origin)
    if url is None or url.origin != origin or url.scheme not in HTTP_SCHEMES:
        return []
    port = "" if url.port is None else f":{url.port}"
    start, host = f"{url.scheme}://", url.host
    found = []
    if not host.startswith("["):
        found.append(("prefix", f"{start}{host}.{_OTHER_HOST}{port}"))
    if not is_ip_address(host):
        site = public_suffixes().registrable_domain(host) or host
        if site != host:
            # Whoever allows all subdomains allows this; whoever compares ends of texts, the next.
            found.append(("subdomain", f"{start}{_PROBE}.{site}{port}"))
            found.append(("suffix", f"{start}{_PROBE}{host}{port}"))
        found.append(("other-site", f"{start}{_PROBE}{site}{port}"))
        dots = host.count(".")
        if dots:
            other = host.replace(".", "x", max(1, dots - 1))
            found.append(("dot", f"{start}{other}{port}"))
    if url.scheme == "https":
        found.append(("insecure", f"http://{host}{port}"))
    found.append(("port", f"{start}{host}:{_OTHER_PORT}"))
    return found
