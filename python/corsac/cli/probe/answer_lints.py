"""What is wrong with one answer, also where it does not block this very request."""

from __future__ import annotations

import re
from collections.abc import Iterator

from corsac import _core
from corsac.browser import Response
from corsac.cli.probe.findings import Finding, finding
from corsac.cli.probe.replays import Observations, Replay, allow_origin

__all__ = ["judge_answers"]

_ONCE = (
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Credentials",
    "Access-Control-Max-Age",
)
_LISTS_ON_PREFLIGHT = ("Access-Control-Allow-Methods", "Access-Control-Allow-Headers")
_MOST_SECONDS = 86_400
"""The largest cap of a browser, Firefox's."""


def judge_answers(seen: Observations) -> Iterator[Finding]:
    """Find mistakes in the answers that the page's own requests got.

    Args:
        seen: What was seen of the server.
    """
    for replay in seen.page:
        if replay.origin is None:
            continue
        what = "preflight answer" if replay.request.is_preflight else "answer"
        yield from _judge_origin(replay.response)
        yield from _judge_lines(replay.response, what)
        yield from _judge_credentials(replay.response)
        if replay.request.is_preflight:
            yield from _judge_preflight(replay)
        else:
            yield from _judge_star(replay.response, ("Access-Control-Expose-Headers",))


def _judge_lines(response: Response, what: str) -> Iterator[Finding]:
    for name in _ONCE:
        values = [value for known, value in response.headers if known.lower() == name.lower()]
        if len(values) > 1:
            yield finding("header.duplicate", f"{name}: {' | '.join(values)}", name=name, what=what)


def _judge_origin(response: Response) -> Iterator[Finding]:
    lines = [
        value for name, value in response.headers if name.lower() == "access-control-allow-origin"
    ]
    if len(lines) != 1:
        return
    value = lines[0].strip(" \t")
    shown = f"Access-Control-Allow-Origin: {value}"
    if value in {"*", "null"} or _is_origin(value):
        return
    parts = re.split(r"[ ,\t]+", value.strip(","))
    if len(parts) > 1:
        yield finding("origin.several", shown)
    elif value.endswith("/") and _is_origin(value[:-1]):
        yield finding("origin.trailing_slash", shown, value=value[:-1])
    else:
        yield finding("origin.invalid", shown)


def _is_origin(value: str) -> bool:
    return _core.is_serialized_origin(value.encode("latin-1", "replace"))


def _judge_credentials(response: Response) -> Iterator[Finding]:
    value = response.header("Access-Control-Allow-Credentials")
    if value is None:
        return
    shown = f"Access-Control-Allow-Credentials: {value}"
    if value != "true":
        yield finding("credentials.not_true", shown)
    elif allow_origin(response) == "*":
        yield finding("credentials.with_any_origin", f"Access-Control-Allow-Origin: *, {shown}")


def _judge_star(response: Response, names: tuple[str, ...]) -> Iterator[Finding]:
    """Fetch: with credentials ``*`` is the name of a method or header."""
    if response.header("Access-Control-Allow-Credentials") != "true":
        return
    for name in names:
        value = response.header(name) or ""
        if "*" in {part.strip(" \t") for part in value.split(",")}:
            yield finding("wildcard.with_credentials", f"{name}: {value}", name=name)


def _judge_preflight(replay: Replay) -> Iterator[Finding]:
    response = replay.response
    if 300 <= response.status < 400:
        location = response.header("Location")
        to = "" if location is None else f", Location: {location}"
        yield finding("preflight.redirected", f"OPTIONS -> {response.status}{to}")
    elif not 200 <= response.status < 300:
        status = str(response.status)
        yield finding("preflight.status", f"OPTIONS -> {status}", value=status)
    if allow_origin(response) is None:
        return
    yield from _judge_star(response, _LISTS_ON_PREFLIGHT)
    yield from _judge_authorization(response)
    if 200 <= response.status < 300:
        yield from _judge_max_age(response)


def _judge_authorization(response: Response) -> Iterator[Finding]:
    if response.header("Access-Control-Allow-Credentials") == "true":
        return
    value = response.header("Access-Control-Allow-Headers") or ""
    names = {part.strip(" \t").lower() for part in value.split(",")}
    if "*" in names and "authorization" not in names:
        yield finding("wildcard.authorization", f"Access-Control-Allow-Headers: {value}")


def _judge_max_age(response: Response) -> Iterator[Finding]:
    value = response.header("Access-Control-Max-Age")
    if value is None:
        yield finding("max_age.missing")
        return
    shown = f"Access-Control-Max-Age: {value}"
    if not re.fullmatch(r"[0-9]+", value):
        yield finding("max_age.invalid", shown)
    elif len(value) > 12 or int(value) > _MOST_SECONDS:
        yield finding("max_age.capped", shown)
