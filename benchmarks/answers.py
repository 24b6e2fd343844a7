"""Whether an answer is the right one. Nothing is timed before it is.

Corsac must give the whole answer: every header, and no other. Another library may differ in what
the Fetch standard leaves open; that is written beside its number. A library that lets an origin
read what it must not, or the reverse, answers wrongly, and is listed instead of timed.
"""

from __future__ import annotations

from benchmarks.exchange import Answer
from benchmarks.scenarios import MEBIBYTE, Scenario

_SAFELISTED_METHODS = {"GET", "HEAD", "POST"}


def _grants_origin(scenario: Scenario, answer: Answer) -> bool:
    """Fetch, "CORS check"."""
    origin = scenario.header("origin")
    allow_origin = answer.all("access-control-allow-origin")
    if scenario.wanted.credentials:
        credentials = answer.all("access-control-allow-credentials")
        return allow_origin == [origin] and credentials == ["true"]
    return origin is not None and allow_origin in ([origin], ["*"])


def _grants_preflight(scenario: Scenario, answer: Answer) -> bool:
    """Fetch, "CORS-preflight fetch", without credentials."""
    method = scenario.header("access-control-request-method") or ""
    asked = scenario.header("access-control-request-headers") or ""
    names = {name.strip().lower() for name in asked.split(",") if name.strip()}
    methods = set(answer.members("access-control-allow-methods"))
    allowed_names = {name.lower() for name in answer.members("access-control-allow-headers")}
    return (
        200 <= answer.status <= 299
        and _grants_origin(scenario, answer)
        and (method in methods | _SAFELISTED_METHODS or "*" in methods)
        and ("*" in allowed_names or names <= allowed_names)
    )


def wrong(scenario: Scenario, answer: Answer) -> str | None:
    """What a browser would do that it must not do; `None` if the answer is right."""
    if scenario.is_preflight:
        wanted = bool(scenario.expect.get("browser_preflight_ok"))
        if _grants_preflight(scenario, answer) is not wanted:
            return "refuses a preflight it must allow" if wanted else "allows what is not listed"
        return None
    if _grants_origin(scenario, answer) is not scenario.allowed:
        return "refuses an allowed origin" if scenario.allowed else "allows a refused origin"
    return None


def remarks(scenario: Scenario, answer: Answer) -> list[str]:
    """In what a right answer differs from the answer that Corsac gives."""
    found = []
    usual = 200
    if scenario.is_preflight:
        usual = 204 if _origin_is_allowed(scenario) else 403
    if answer.status != usual:
        found.append(f"status {answer.status}")
    vary = {member.lower() for member in answer.members("vary")}
    if "origin" not in vary:
        found.append("no Vary: Origin")
    app_vary = [value for name, value in scenario.app_headers if name == b"vary"]
    if app_vary and len(vary) < app_vary[0].count(b","):
        found.append("drops the app's Vary")
    if sum(len(value) for _, value in answer.headers) > MEBIBYTE // 2 and not app_vary:
        found.append("echoes the input")
    return found


def _origin_is_allowed(scenario: Scenario) -> bool:
    return scenario.header("origin") in scenario.wanted.origins


def whole(scenario: Scenario) -> tuple[int, list[tuple[str, str]]]:
    """The status and every header that Corsac must answer with, in alphabetical order."""
    wanted = scenario.wanted
    origin = scenario.header("origin") or ""
    vary = "Origin"
    lines = []
    if not scenario.is_preflight:
        status = 200
        for name, value in scenario.app_headers:
            if name == b"vary":
                vary = f"{value.decode('latin-1')}, Origin"
            else:
                lines.append((name.decode("latin-1"), value.decode("latin-1")))
        if scenario.allowed and wanted.expose_headers:
            lines.append(("access-control-expose-headers", ", ".join(wanted.expose_headers)))
    elif _origin_is_allowed(scenario):
        status = 204
        lines += [
            ("access-control-allow-methods", ", ".join(wanted.methods)),
            ("access-control-allow-headers", ", ".join(wanted.request_headers)),
            ("access-control-max-age", str(wanted.max_age)),
        ]
    else:
        reason = "origin.not_allowed"
        status = 403
        lines += [
            ("content-length", str(len(reason))),
            ("content-type", "text/plain; charset=utf-8"),
        ]
    if scenario.allowed or (scenario.is_preflight and _origin_is_allowed(scenario)):
        lines.append(("access-control-allow-origin", origin))
        if wanted.credentials:
            lines.append(("access-control-allow-credentials", "true"))
    return status, sorted([*lines, ("vary", vary)])


def not_whole(scenario: Scenario, answer: Answer) -> str | None:
    """In what an answer is not exactly the one that Corsac must give; `None` if it is."""
    status, lines = whole(scenario)
    if answer.status != status:
        return f"status {answer.status}, must be {status}"
    came = sorted(answer.headers)
    unexpected = [f"{name}: {value:.80}" for name, value in came if (name, value) not in lines]
    missing = [f"{name}: {value:.80}" for name, value in lines if (name, value) not in came]
    if unexpected or missing or len(came) != len(lines):
        return f"headers came that must not: {unexpected}; did not come: {missing}"
    return None
