"""Whether an answer is the right one. Nothing is timed before it is.

Corsac must give the whole answer, by the model of the tests: every header, and no other. Another
library may differ in what the Fetch standard leaves open; that is written beside its number. One
that lets an origin read what it must not, or the reverse, answers wrongly: it is listed, not timed.
"""

from __future__ import annotations

from benchmarks.scenarios import Scenario
from corsac import _core
from support.conformance import list_members
from support.exchange import AppResponse, Request, Response, wire_pairs
from support.reference_model import Options, answer


def wrong(scenario: Scenario, response: Response) -> str | None:
    """What a browser would do that it must not do; `None` if the answer is right."""
    origin = scenario.header("origin")
    credentials, lines = scenario.wanted.credentials, wire_pairs(response.headers)
    reason, should = "no Origin", scenario.allowed
    if scenario.is_preflight:
        should = bool(scenario.expect.get("browser_preflight_ok"))
        method = scenario.header("access-control-request-method") or ""
        asked = (scenario.header("access-control-request-headers") or "").split(",")
        # A value that is never safelisted makes every name one that the preflight must allow.
        names = [(name.strip().encode(), b'"' * 200) for name in asked if name.strip()]
        reason, _ = _core.browser_preflight_check(
            origin or "", credentials, method, names, response.status, lines
        )
    elif origin is not None:
        reason = _core.browser_cors_check(origin, credentials, lines)
    if should and reason:
        return f"refuses what it must allow: {reason}"
    return None if reason or should else "allows what it must refuse"


def remarks(scenario: Scenario, response: Response) -> str:
    """In what a right answer differs from the answer that Corsac gives."""
    found = []
    if response.status != whole(scenario)[0]:
        found.append(f"status {response.status}")
    vary = {member.lower() for member in list_members(response, "vary")}
    if "origin" not in vary:
        found.append("no Vary: Origin")
    app_vary = dict(scenario.app_headers).get(b"vary", b"")
    if len(vary) < app_vary.count(b","):
        found.append("drops the app's Vary")
    return "; ".join(found)


def whole(scenario: Scenario) -> tuple[int, list[tuple[str, str]]]:
    """The status and every header that Corsac must answer with, in alphabetical order."""
    wanted, origin = scenario.wanted, scenario.header("origin") or "null"
    # One entry stands for all, also for expressions, of which the model knows nothing.
    is_listed = scenario.allowed or origin in wanted.origins
    options = Options(
        allow_origins=(origin if is_listed else "https://another.test",),
        allow_methods=wanted.methods,
        allow_headers=wanted.request_headers,
        allow_credentials=wanted.credentials,
        expose_headers=wanted.expose_headers,
        max_age=wanted.max_age,
    )
    lines, own = (
        [(name.decode(), value.decode("latin-1")) for name, value in headers]
        for headers in (scenario.requests[0], scenario.app_headers)
    )
    right = answer(options, Request(scenario.method, lines), AppResponse(headers=own))
    return right.status, sorted((name.lower(), value) for name, value in right.headers)


def not_whole(scenario: Scenario, response: Response) -> str | None:
    """In what an answer is not exactly the one that Corsac must give; `None` if it is."""
    status, lines = whole(scenario)
    if (response.status, sorted(response.headers)) == (status, lines):
        return None
    came, due = ({f"{name}: {value:.80}" for name, value in of} for of in (response.headers, lines))
    faults = f"came and must not: {sorted(came - due)}; did not come: {sorted(due - came)}"
    return f"status {response.status}, must be {status}; {faults}"
