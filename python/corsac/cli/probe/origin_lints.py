"""Who is allowed beside the page that asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from corsac.cli.probe.findings import Finding, finding
from corsac.cli.probe.replays import Observations, Replay, allow_origin, is_granted

__all__ = ["judge_origins"]

_EVERYBODY = "Every website may read the answers"
_LOOKALIKES = {
    "prefix": "origin.prefix_match",
    "other-site": "origin.suffix_match",
    "suffix": "origin.suffix_match",
    "dot": "origin.unescaped_dot",
    "insecure": "origin.insecure",
    "port": "origin.any_port",
}


def judge_origins(seen: Observations) -> Iterator[Finding]:
    """Find origins that should not be allowed.

    Args:
        seen: What was seen of the server.
    """
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
        yield finding(code, evidence(other), who=who)
    elif null is not None and is_granted(null):
        code = "origin.null" + ("_with_credentials" if _allows_credentials(null) else "")
        yield finding(code, evidence(null))


def _judge_lookalikes(replays: Mapping[str, Replay]) -> Iterator[Finding]:
    granted = {kind for kind, replay in replays.items() if is_granted(replay)}
    if "subdomain" in granted:
        # That a name ends like the allowed one is then no accident.
        granted.discard("suffix")
        yield finding("origin.any_subdomain", evidence(replays["subdomain"]))
    if "prefix" in granted:
        # The port is part of what follows.
        granted.discard("port")
    if "other-site" in granted:
        granted.discard("suffix")
        if "dot" in granted and "subdomain" in granted:
            granted.discard("dot")
    for kind, code in _LOOKALIKES.items():
        if kind in granted:
            yield finding(code, evidence(replays[kind]))


def _allows_credentials(replay: Replay) -> bool:
    return replay.response.header("Access-Control-Allow-Credentials") == "true"


def evidence(replay: Replay, *more: str) -> str:
    """What was sent and what came back, on one line.

    Args:
        replay: The request and its answer.
        more: Names of headers that are told beside those that allow an origin.
    """
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
