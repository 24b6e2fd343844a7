"""What is wrong with a server: whom it allows, its answers, and what caches make of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from corsac import _core
from corsac.browser import Response
from corsac.cli.advice import own_refusal
from corsac.cli.probe.findings import Finding, finding
from corsac.cli.probe.replays import Observations, Replay, allow_origin, is_granted
from corsac.cli.terminal import SEVERITIES

__all__ = ["lint"]


def lint(seen: Observations) -> tuple[Finding, ...]:
    """Judge what was seen of a server; the findings are sorted, every sentence once."""
    found = [*_judge_origins(seen), *_judge_answers(seen), *_judge_caching(seen)]
    once: dict[tuple[str, str], Finding] = {}
    for each in found:
        once.setdefault((each.code, each.message), each)
    return tuple(sorted(once.values(), key=lambda each: SEVERITIES.index(each.severity)))


# Who is allowed

_EVERYBODY = "Every website may read the answers"
_LOOKALIKES = {
    "prefix": "origin.prefix_match",
    "other-site": "origin.suffix_match",
    "suffix": "origin.suffix_match",
    "dot": "origin.unescaped_dot",
    "insecure": "origin.insecure",
    "port": "origin.any_port",
}


def _judge_origins(seen: Observations) -> Iterator[Finding]:
    """Find origins that should not be allowed."""
    for what, replays in seen.families():
        yield from _judge_strangers(what, replays)
        yield from _judge_lookalikes(replays)


def _judge_strangers(what: str, replays: Mapping[str, Replay]) -> Iterator[Finding]:
    other = replays.get("other-origin")
    null = next((replay for replay in replays.values() if replay.origin == "null"), None)
    if other is not None and is_granted(other):
        code = "origin.reflected"
        code += "_with_credentials" if _allows_credentials(other) else ""
        who = "Every website passes the preflight" if what != "answer" else _EVERYBODY
        yield finding(code, _evidence(other), who=who)
    elif null is not None and is_granted(null):
        code = "origin.null" + ("_with_credentials" if _allows_credentials(null) else "")
        yield finding(code, _evidence(null))


def _judge_lookalikes(replays: Mapping[str, Replay]) -> Iterator[Finding]:
    granted = {kind for kind, replay in replays.items() if is_granted(replay)}
    if "subdomain" in granted:
        # That a name ends like the allowed one is then no accident.
        granted.discard("suffix")
        yield finding("origin.any_subdomain", _evidence(replays["subdomain"]))
    if "prefix" in granted:
        # The port is part of what follows.
        granted.discard("port")
    if "other-site" in granted:
        granted.discard("suffix")
        if "dot" in granted and "subdomain" in granted:
            granted.discard("dot")
    for kind, code in _LOOKALIKES.items():
        if kind in granted:
            yield finding(code, _evidence(replays[kind]))


def _allows_credentials(replay: Replay) -> bool:
    return replay.response.header("Access-Control-Allow-Credentials") == "true"


def _evidence(replay: Replay, *more: str) -> str:
    """Say what was sent and what came back, on one line; ``more`` are names of other headers."""
    request, response = replay.request, replay.response
    origin = "without Origin" if replay.origin is None else f"from {replay.origin}"
    method = "preflight" if request.is_preflight else request.method
    allowed = allow_origin(response)
    came = f"{response.status}, "
    if allowed is None:
        came += "no Access-Control-Allow-Origin"
    elif allowed == replay.origin:
        came += "Access-Control-Allow-Origin is the same"
    else:
        came += f"Access-Control-Allow-Origin: {allowed}"
    credentials = response.header("Access-Control-Allow-Credentials")
    if allowed is not None and credentials == "true":
        came += ", with credentials"
    for name in more:
        value = response.header(name)
        came += f", no {name}" if value is None else f", {name}: {value}"
    return f"{method} {origin} -> {came}"


# Single answers

_ONCE = (
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Credentials",
    "Access-Control-Max-Age",
)
_LISTS_ON_PREFLIGHT = ("Access-Control-Allow-Methods", "Access-Control-Allow-Headers")
"""The largest cap of a browser, Firefox's."""


def _judge_answers(seen: Observations) -> Iterator[Finding]:
    """Find mistakes in the answers that the page's own requests got."""
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
    elif not (200 <= response.status < 300 or _is_refusal(response)):
        status = str(response.status)
        yield finding("preflight.status", f"OPTIONS -> {status}", value=status)
    if allow_origin(response) is None:
        return
    yield from _judge_star(response, _LISTS_ON_PREFLIGHT)
    yield from _judge_authorization(response)
    if 200 <= response.status < 300:
        yield from _judge_max_age(response)


def _is_refusal(response: Response) -> bool:
    """Whether an answer only says no to the origin, which is not a fault."""
    return bool(own_refusal(response)) or (
        response.status == 403 and allow_origin(response) is None
    )


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
    elif len(value) > 12 or int(value) > _core.MAX_MAX_AGE:
        yield finding("max_age.capped", shown)


# Caches (Fetch, 3.2.5, "CORS protocol and HTTP caches")

_KEPT = (
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Credentials",
    "Access-Control-Expose-Headers",
)


def _judge_caching(seen: Observations) -> Iterator[Finding]:
    """Find answers that a cache would hand to the wrong page, and errors that no page can read."""
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
        yield finding("error.headers_lost", f".../{path}: {_evidence(missing)}")


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
        yield finding("vary.missing_on_preflight", _evidence(first, "Vary"))
    elif any(kind in without and allow_origin(replays[kind].response) for kind in replays):
        yield finding("vary.missing", _evidence(first, "Vary"), what="answer")
    else:
        if "no-origin" in without:
            yield finding("vary.missing_without_origin", _evidence(replays["no-origin"], "Vary"))
        refused = [kind for kind in without if kind != "no-origin"]
        if refused:
            yield finding("vary.missing_on_refused", _evidence(replays[refused[0]], "Vary"))


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
            yield finding("conditional.lost", _evidence(conditional, "Vary"), name=name)
        elif before != after:
            yield finding("conditional.changed", _evidence(conditional, "Vary"), name=name)
    if _varies(page.response) and not _varies(conditional.response):
        yield finding("conditional.lost", _evidence(conditional, "Vary"), name="Vary: Origin")
