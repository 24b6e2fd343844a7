"""What caches make of the answers (Fetch, "CORS protocol and HTTP caches")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from corsac.browser import Response
from corsac.cli.probe.findings import Finding, finding
from corsac.cli.probe.origin_lints import evidence
from corsac.cli.probe.replays import Observations, Replay, allow_origin

__all__ = ["judge_caching"]

_KEPT = (
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Credentials",
    "Access-Control-Expose-Headers",
)


def judge_caching(seen: Observations) -> Iterator[Finding]:
    """Find answers that a cache would hand to the wrong page, and errors that no page can read.

    Args:
        seen: What was seen of the server.
    """
    for _, replays in seen.families():
        yield from _judge_vary(replays)
    page = seen.actual.get("page")
    if page is None:
        return
    if "conditional" in seen.actual and not _is_never_stored(page.response):
        yield from _judge_conditional(page, seen.actual["conditional"])
    missing = seen.actual.get("missing-path")
    if (
        missing is not None
        and missing.response.status >= 400
        and allow_origin(missing.response) is None
    ):
        path = missing.request.url.rpartition("/")[2]
        yield finding("error.headers_lost", f".../{path}: {evidence(missing)}")


def _judge_vary(replays: Mapping[str, Replay]) -> Iterator[Finding]:
    if not _depends_on_origin(replays):
        return
    without = [
        kind
        for kind in ("page", "other-origin", "null", "no-origin")
        if kind in replays
        and not _varies(replays[kind].response)
        and not _is_never_stored(replays[kind].response)
    ]
    if not without:
        return
    first = replays[without[0]]
    if first.request.is_preflight:
        yield finding("vary.missing_on_preflight", evidence(first, "Vary"))
    elif any(kind in without and allow_origin(replays[kind].response) for kind in replays):
        yield finding("vary.missing", evidence(first, "Vary"), what="answer")
    else:
        if "no-origin" in without:
            yield finding("vary.missing_without_origin", evidence(replays["no-origin"], "Vary"))
        refused = [kind for kind in without if kind != "no-origin"]
        if refused:
            yield finding("vary.missing_on_refused", evidence(replays[refused[0]], "Vary"))


def _depends_on_origin(replays: Mapping[str, Replay]) -> bool:
    kinds = ("page", "other-origin", "null", "no-origin")
    return len({allow_origin(replays[kind].response) for kind in kinds if kind in replays}) > 1


def _varies(response: Response) -> bool:
    names = {name.strip(" \t").lower() for name in (response.header("Vary") or "").split(",")}
    return bool(names & {"origin", "*"})


def _is_never_stored(response: Response) -> bool:
    directives = (response.header("Cache-Control") or "").lower().split(",")
    return "no-store" in {directive.strip(" \t") for directive in directives}


def _judge_conditional(page: Replay, conditional: Replay) -> Iterator[Finding]:
    if conditional.response.status != 304:
        return
    for name in _KEPT:
        before, after = page.response.header(name), conditional.response.header(name)
        if before is not None and after is None:
            # The same for everybody, whoever it was stored for.
            if before == "*" and name == "Access-Control-Allow-Origin":
                continue
            yield finding("conditional.lost", evidence(conditional, "Vary"), name=name)
        elif before != after:
            yield finding("conditional.changed", evidence(conditional, "Vary"), name=name)
    if _varies(page.response) and not _varies(conditional.response):
        yield finding("conditional.lost", evidence(conditional, "Vary"), name="Vary: Origin")
