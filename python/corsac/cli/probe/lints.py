"""What is wrong with a server: whom it allows, its answers, and what caches make of them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import NamedTuple

from corsac import _core
from corsac.browser import Response
from corsac.cli.advice import own_refusal
from corsac.cli.probe.replays import Observations, Replay, allow_origin, is_granted
from corsac.cli.terminal import SEVERITIES

__all__ = ["FINDINGS", "Finding", "lint"]

_TABLE = (resources.files("corsac.cli.probe") / "findings.toml").read_text("utf-8")
FINDINGS: dict[str, tuple[str, str, str]] = {
    code: (row["severity"], row["message"], row["hint"])
    for code, row in tomllib.loads(_TABLE).items()
}
"""Severity, message and hint by code."""


class Finding(NamedTuple):
    """One thing that is wrong with a server, or worth knowing; the evidence is the server's."""

    code: str
    severity: str
    message: str
    hint: str
    evidence: str = ""


def _finding(code: str, evidence: str = "", **values: str) -> Finding:
    """Make a finding of its code, and of the values that its sentences leave open."""
    severity, message, hint = FINDINGS[code]
    return Finding(code, severity, message.format(**values), hint.format(**values), evidence)


def lint(seen: Observations) -> tuple[Finding, ...]:
    """Judge what was seen of a server; the findings are sorted, every sentence once."""
    once: dict[tuple[str, str], Finding] = {}
    for each in (*_judge_origins(seen), *_judge_answers(seen), *_judge_caching(seen)):
        once.setdefault((each.code, each.message), each)
    return tuple(sorted(once.values(), key=lambda each: SEVERITIES.index(each.severity)))


def _allows_credentials(response: Response) -> bool:
    return response.header("Access-Control-Allow-Credentials") == "true"


def _listed(response: Response, name: str) -> set[str]:
    """Give the entries of a header that is a list, in lower case."""
    return {part.strip(" \t").lower() for part in (response.header(name) or "").split(",")}


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
        code += "_with_credentials" if _allows_credentials(other.response) else ""
        who = "Every website passes the preflight" if what != "answer" else _EVERYBODY
        yield _finding(code, _evidence(other), who=who)
    elif null is not None and is_granted(null):
        code = "origin.null"
        code += "_with_credentials" if _allows_credentials(null.response) else ""
        yield _finding(code, _evidence(null))


def _judge_lookalikes(replays: Mapping[str, Replay]) -> Iterator[Finding]:
    granted = {kind for kind, replay in replays.items() if is_granted(replay)}
    if "subdomain" in granted:
        # That a name ends like the allowed one is then no accident.
        granted.discard("suffix")
        yield _finding("origin.any_subdomain", _evidence(replays["subdomain"]))
    if "prefix" in granted:
        # The port is part of what follows.
        granted.discard("port")
    if "other-site" in granted:
        granted.discard("suffix")
        if "dot" in granted and "subdomain" in granted:
            granted.discard("dot")
    for kind, code in _LOOKALIKES.items():
        if kind in granted:
            yield _finding(code, _evidence(replays[kind]))


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
    if allowed is not None and _allows_credentials(response):
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
        for name in _ONCE:
            values = _lines(replay.response, name)
            if len(values) > 1:
                evidence = f"{name}: {' | '.join(values)}"
                yield _finding("header.duplicate", evidence, name=name, what=what)
        yield from _judge_credentials(replay.response)
        if replay.request.is_preflight:
            yield from _judge_preflight(replay)
        else:
            yield from _judge_star(replay.response, ("Access-Control-Expose-Headers",))


def _lines(response: Response, name: str) -> list[str]:
    return [value for known, value in response.headers if known.lower() == name.lower()]


def _judge_origin(response: Response) -> Iterator[Finding]:
    lines = _lines(response, "Access-Control-Allow-Origin")
    if len(lines) != 1:
        return
    value = lines[0].strip(" \t")
    shown = f"Access-Control-Allow-Origin: {value}"
    if value in {"*", "null"} or _is_origin(value):
        return
    parts = re.split(r"[ ,\t]+", value.strip(","))
    if len(parts) > 1:
        yield _finding("origin.several", shown)
    elif value.endswith("/") and _is_origin(value[:-1]):
        yield _finding("origin.trailing_slash", shown, value=value[:-1])
    else:
        yield _finding("origin.invalid", shown)


def _is_origin(value: str) -> bool:
    return _core.is_serialized_origin(value.encode("latin-1", "replace"))


def _judge_credentials(response: Response) -> Iterator[Finding]:
    value = response.header("Access-Control-Allow-Credentials")
    if value is None:
        return
    shown = f"Access-Control-Allow-Credentials: {value}"
    if value != "true":
        yield _finding("credentials.not_true", shown)
    elif allow_origin(response) == "*":
        yield _finding("credentials.with_any_origin", f"Access-Control-Allow-Origin: *, {shown}")


def _judge_star(response: Response, names: tuple[str, ...]) -> Iterator[Finding]:
    """Find ``*`` where it is an ordinary name, as it is with credentials."""
    for name in names:
        if _allows_credentials(response) and "*" in _listed(response, name):
            evidence = f"{name}: {response.header(name)}"
            yield _finding("wildcard.with_credentials", evidence, name=name)


def _judge_preflight(replay: Replay) -> Iterator[Finding]:
    response = replay.response
    # An answer that only says no to the origin is not a fault.
    is_refusal = own_refusal(response) or (
        response.status == 403 and allow_origin(response) is None
    )
    if 300 <= response.status < 400:
        location = response.header("Location")
        to = "" if location is None else f", Location: {location}"
        yield _finding("preflight.redirected", f"OPTIONS -> {response.status}{to}")
    elif not (200 <= response.status < 300 or is_refusal):
        status = str(response.status)
        yield _finding("preflight.status", f"OPTIONS -> {status}", value=status)
    if allow_origin(response) is None:
        return
    yield from _judge_star(response, _LISTS_ON_PREFLIGHT)
    names = _listed(response, "Access-Control-Allow-Headers")
    if "*" in names and "authorization" not in names and not _allows_credentials(response):
        shown = f"Access-Control-Allow-Headers: {response.header('Access-Control-Allow-Headers')}"
        yield _finding("wildcard.authorization", shown)
    if 200 <= response.status < 300:
        yield from _judge_max_age(response)


def _judge_max_age(response: Response) -> Iterator[Finding]:
    value = response.header("Access-Control-Max-Age")
    if value is None:
        yield _finding("max_age.missing")
        return
    shown = f"Access-Control-Max-Age: {value}"
    if not re.fullmatch(r"[0-9]+", value):
        yield _finding("max_age.invalid", shown)
    elif len(value) > 12 or int(value) > _core.MAX_MAX_AGE:
        yield _finding("max_age.capped", shown)


# Caches (https://fetch.spec.whatwg.org/#cors-protocol-and-http-caches)

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
        yield _finding("error.headers_lost", f".../{path}: {_evidence(missing)}")


def _judge_vary(replays: Mapping[str, Replay]) -> Iterator[Finding]:
    kinds = [it for it in ("page", "other-origin", "null", "no-origin") if it in replays]
    without = [
        kind
        for kind in kinds
        if not _varies(replays[kind].response) and not _is_never_stored(replays[kind].response)
    ]
    depends = len({allow_origin(replays[kind].response) for kind in kinds}) > 1
    if not (depends and without):
        return
    first = replays[without[0]]
    if first.request.is_preflight:
        yield _finding("vary.missing_on_preflight", _evidence(first, "Vary"))
    elif any(kind in without and allow_origin(replays[kind].response) for kind in replays):
        yield _finding("vary.missing", _evidence(first, "Vary"), what="answer")
    else:
        if "no-origin" in without:
            yield _finding("vary.missing_without_origin", _evidence(replays["no-origin"], "Vary"))
        refused = [kind for kind in without if kind != "no-origin"]
        if refused:
            yield _finding("vary.missing_on_refused", _evidence(replays[refused[0]], "Vary"))


def _varies(response: Response) -> bool:
    return bool(_listed(response, "Vary") & {"origin", "*"})


def _is_never_stored(response: Response) -> bool:
    return "no-store" in _listed(response, "Cache-Control")


def _judge_conditional(page: Replay, conditional: Replay) -> Iterator[Finding]:
    if conditional.response.status != 304:
        return
    for name in _KEPT:
        before, after = page.response.header(name), conditional.response.header(name)
        if before is not None and after is None:
            # The same for everybody, whoever it was stored for.
            if before == "*" and name == "Access-Control-Allow-Origin":
                continue
            yield _finding("conditional.lost", _evidence(conditional, "Vary"), name=name)
        elif before != after:
            yield _finding("conditional.changed", _evidence(conditional, "Vary"), name=name)
    if _varies(page.response) and not _varies(conditional.response):
        yield _finding("conditional.lost", _evidence(conditional, "Vary"), name="Vary: Origin")
