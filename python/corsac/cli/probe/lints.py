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

_ORIGIN = "Access-Control-Allow-Origin"
_CREDENTIALS = "Access-Control-Allow-Credentials"


class Finding(NamedTuple):
    """One thing that is wrong with a server, or worth knowing; the evidence is the server's."""

    code: str
    severity: str
    message: str
    hint: str
    evidence: str = ""


_TABLE = (resources.files("corsac.cli.probe") / "findings.toml").read_text("utf-8")
FINDINGS = {code: Finding(code, **row) for code, row in tomllib.loads(_TABLE).items()}
"""By code; their sentences leave values open."""


def _finding(code: str, evidence: str = "", **values: str) -> Finding:
    found = FINDINGS[code]
    message, hint = found.message.format(**values), found.hint.format(**values)
    return found._replace(message=message, hint=hint, evidence=evidence)


def lint(seen: Observations) -> tuple[Finding, ...]:
    """Check what was seen of a server; the findings are sorted, every sentence once."""
    once: dict[tuple[str, str], Finding] = {}
    for each in (*_check_origins(seen), *_check_answers(seen), *_check_caching(seen)):
        once.setdefault((each.code, each.message), each)
    return tuple(sorted(once.values(), key=lambda each: SEVERITIES.index(each.severity)))


def _allows_credentials(response: Response) -> bool:
    return response.header(_CREDENTIALS) == "true"


def _listed(response: Response, name: str) -> set[str]:
    """Give the entries of a header that is a list, in lower case."""
    return {part.strip(" \t").lower() for part in (response.header(name) or "").split(",")}


# Who is allowed

_LOOKALIKES = {
    "prefix": "origin.prefix_match",
    "other-site": "origin.suffix_match",
    "suffix": "origin.suffix_match",
    "dot": "origin.unescaped_dot",
    "insecure": "origin.insecure",
    "port": "origin.any_port",
}


def _check_origins(seen: Observations) -> Iterator[Finding]:
    """Find origins that should not be allowed."""
    for replays in seen.families():
        is_preflight = replays is seen.preflight
        who = f"Every website {'passes the preflight' if is_preflight else 'may read the answers'}"
        null = next((replay for replay in replays.values() if replay.origin == "null"), None)
        other = replays.get("other-origin")
        code, stranger = "origin.reflected", other
        if not is_granted(other):
            code, stranger = "origin.null", null
        if stranger is not None and is_granted(stranger):
            code += "_with_credentials" if _allows_credentials(stranger.response) else ""
            yield _finding(code, _evidence(stranger), who=who)
        yield from _check_lookalikes(replays)


def _check_lookalikes(replays: Mapping[str, Replay]) -> Iterator[Finding]:
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

_ONCE = (_ORIGIN, _CREDENTIALS, "Access-Control-Max-Age")


def _check_answers(seen: Observations) -> Iterator[Finding]:
    """Find mistakes in the answers that the page's own requests got."""
    for replay in seen.page:
        if replay.origin is None:
            continue
        response, is_preflight = replay.response, replay.request.is_preflight
        values = {
            name: [value for known, value in response.headers if known.lower() == name.lower()]
            for name in _ONCE
        }
        if len(values[_ORIGIN]) == 1:
            yield from _check_origin(values[_ORIGIN][0].strip(" \t"))
        for name, several in values.items():
            if len(several) > 1:
                what = "preflight answer" if is_preflight else "answer"
                evidence = f"{name}: {' | '.join(several)}"
                yield _finding("header.duplicate", evidence, name=name, what=what)
        credentials = response.header(_CREDENTIALS)
        shown = f"Access-Control-Allow-Credentials: {credentials}"
        if credentials == "true" and allow_origin(response) == "*":
            shown = f"Access-Control-Allow-Origin: *, {shown}"
            yield _finding("credentials.with_any_origin", shown)
        elif credentials not in {None, "true"}:
            yield _finding("credentials.not_true", shown)
        if is_preflight:
            yield from _check_preflight(response)
        else:
            yield from _check_star(response, "Access-Control-Expose-Headers")


def _check_origin(value: str) -> Iterator[Finding]:
    shown = f"Access-Control-Allow-Origin: {value}"
    if value in {"*", "null"} or _is_origin(value):
        return
    if len(re.split(r"[ ,\t]+", value.strip(","))) > 1:
        yield _finding("origin.several", shown)
    elif value.endswith("/") and _is_origin(value[:-1]):
        yield _finding("origin.trailing_slash", shown, value=value[:-1])
    else:
        yield _finding("origin.invalid", shown)


def _is_origin(value: str) -> bool:
    return _core.is_serialized_origin(value.encode("latin-1", "replace"))


def _check_star(response: Response, *names: str) -> Iterator[Finding]:
    """Find ``*`` where it is an ordinary name, as it is with credentials."""
    for name in names:
        if _allows_credentials(response) and "*" in _listed(response, name):
            evidence = f"{name}: {response.header(name)}"
            yield _finding("wildcard.with_credentials", evidence, name=name)


def _check_preflight(response: Response) -> Iterator[Finding]:
    status, allowed = response.status, allow_origin(response)
    # An answer that only says no to the origin is not a fault.
    is_refusal = own_refusal(response) or (status == 403 and allowed is None)
    if 300 <= status < 400:
        location = response.header("Location")
        to = "" if location is None else f", Location: {location}"
        yield _finding("preflight.redirected", f"OPTIONS -> {status}{to}")
    elif not (200 <= status < 300 or is_refusal):
        yield _finding("preflight.status", f"OPTIONS -> {status}", value=str(status))
    if allowed is None:
        return
    yield from _check_star(response, "Access-Control-Allow-Methods", "Access-Control-Allow-Headers")
    names = _listed(response, "Access-Control-Allow-Headers")
    if "*" in names and "authorization" not in names and not _allows_credentials(response):
        shown = f"Access-Control-Allow-Headers: {response.header('Access-Control-Allow-Headers')}"
        yield _finding("wildcard.authorization", shown)
    if not 200 <= status < 300:
        return
    seconds = response.header("Access-Control-Max-Age")
    shown = f"Access-Control-Max-Age: {seconds}"
    if seconds is None:
        yield _finding("max_age.missing")
    elif not re.fullmatch(r"[0-9]+", seconds):
        yield _finding("max_age.invalid", shown)
    # More digits than Python reads may stand there.
    elif len(seconds) > 12 or int(seconds) > _core.MAX_MAX_AGE:
        yield _finding("max_age.capped", shown)


# Caches (https://fetch.spec.whatwg.org/#cors-protocol-and-http-caches)

_KEPT = (_ORIGIN, _CREDENTIALS, "Access-Control-Expose-Headers")


def _check_caching(seen: Observations) -> Iterator[Finding]:
    """Find answers that a cache would hand to the wrong page, and errors that no page can read."""
    for replays in seen.families():
        yield from _check_vary(replays)
    page, missing = seen.actual.get("page"), seen.actual.get("missing-path")
    if page is not None and "conditional" in seen.actual and not _is_never_stored(page.response):
        yield from _check_conditional(page, seen.actual["conditional"])
    if (
        missing is None
        or missing.response.status < 400
        or allow_origin(missing.response) is not None
    ):
        return
    path = missing.request.url.rpartition("/")[2]
    yield _finding("error.headers_lost", f".../{path}: {_evidence(missing)}")


def _check_vary(replays: Mapping[str, Replay]) -> Iterator[Finding]:
    kinds = [it for it in ("page", "other-origin", "null", "no-origin") if it in replays]
    answers = {kind: replays[kind].response for kind in kinds}
    without = [kind for kind, it in answers.items() if not (_varies(it) or _is_never_stored(it))]
    depends = len({allow_origin(response) for response in answers.values()}) > 1
    if not (depends and without):
        return
    if replays[without[0]].request.is_preflight:
        yield _finding("vary.missing_on_preflight", _evidence(replays[without[0]], "Vary"))
    elif any(allow_origin(answers[kind]) for kind in without):
        yield _finding("vary.missing", _evidence(replays[without[0]], "Vary"), what="answer")
    else:
        if "no-origin" in without:
            yield _finding("vary.missing_without_origin", _evidence(replays["no-origin"], "Vary"))
        if without[0] != "no-origin":
            yield _finding("vary.missing_on_refused", _evidence(replays[without[0]], "Vary"))


def _varies(response: Response) -> bool:
    return bool(_listed(response, "Vary") & {"origin", "*"})


def _is_never_stored(response: Response) -> bool:
    return "no-store" in _listed(response, "Cache-Control")


def _check_conditional(page: Replay, conditional: Replay) -> Iterator[Finding]:
    if conditional.response.status != 304:
        return
    evidence = _evidence(conditional, "Vary")
    for name in _KEPT:
        before, after = page.response.header(name), conditional.response.header(name)
        # A * is the same for everybody, whoever it was stored for.
        if after is None and before is not None and (before, name) != ("*", _ORIGIN):
            yield _finding("conditional.lost", evidence, name=name)
        elif after is not None and before != after:
            yield _finding("conditional.changed", evidence, name=name)
    if _varies(page.response) and not _varies(conditional.response):
        yield _finding("conditional.lost", evidence, name="Vary: Origin")
