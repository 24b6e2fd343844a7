"""`corsac demo`: real cross-origin requests to a real server, step by step; then the lab.

What answers is the API of `corsac lab`, so that each request can be repeated there with the user's
own browser. Needs the extra ``demo``.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx2

from corsac.browser import FetchOutcome, FetchRequest, Request, Response, simulate
from corsac.browser.transports import httpx2_transport
from corsac.cli.ending import FINE, PROBLEMS
from corsac.cli.fetch_text import write_blocked, write_ending, write_request, write_steps
from corsac.cli.terminal import Output, Part, say
from corsac.lab import Lab, serve_until_interrupted, serving_lab
from corsac.lab.apps import SIGN_IN_PATH
from corsac.lab.cases import Places
from corsac.lab.evaluating import evaluate

__all__ = ["SCENARIOS", "Expected", "Performed", "Scenario", "link_to", "perform", "run"]

_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What has to come of a scenario, in every browser."""

    preflight_sent: bool
    application_ran: bool  # The request itself reached the application behind the policy.
    reason: str = ""
    status: int = 0  # 0 if the script sees none.
    readable_headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One cross-origin request of a page to the API."""

    title: str
    lesson: str
    request: dict[str, Any]  # As the lab's page has it.
    expected: Expected

    def state(self, places: Places) -> dict[str, Any]:
        """Give the scenario as the lab's page and its API take it."""
        policy = _TABLES["policy"] | {"allow_origins": [places.pages["app"]]}
        return {"policy": policy, "request": self.request}


_TABLES = tomllib.loads((resources.files("corsac.cli") / "demo.toml").read_text("utf-8"))
# Fetch lets a script read the first three unasked; the policy exposes the last. The API also sends
# ETag and X-Total-Count, which no script on another origin gets to see.
_READABLE = ("cache-control", "content-length", "content-type", "x-request-id")


def _read_scenario(row: dict[str, Any]) -> Scenario:
    readable = () if "reason" in row["expected"] else _READABLE
    return Scenario(**row | {"expected": Expected(**row["expected"], readable_headers=readable)})


SCENARIOS = tuple(map(_read_scenario, _TABLES["scenarios"]))
"""In the order in which they teach."""


class Performed(NamedTuple):
    """What came of a scenario; ``cookie`` is what the page's browser had from the API."""

    request: FetchRequest
    outcome: FetchOutcome
    facts: Expected
    cookie: str


def perform(scenario: Scenario, lab: Lab) -> Performed:
    """Send what a browser sends for a scenario, and check the answers as a browser does."""
    evaluation = evaluate(scenario.state(lab.places), lab.places, lab.cases)
    case = lab.cases.get(evaluation["case"])
    assert case is not None  # noqa: S101 - it was added a moment ago
    api = lab.places.api
    # Not every resolver knows that names below localhost are this machine.
    address = f"http://127.0.0.1:{lab.places.api_port}"
    host = ("Host", api.partition("://")[2])
    # Proxy settings are not for a server on this machine.
    with httpx2.Client(trust_env=False, timeout=_TIMEOUT_SECONDS) as client:
        transport = httpx2_transport(client, timeout=_TIMEOUT_SECONDS)
        cookie = ""
        if case.request.credentials == "include":
            signed_in = client.post(address + SIGN_IN_PATH, headers=[host])
            cookie = signed_in.headers["set-cookie"].partition(";")[0]

        def send(request: Request) -> Response:
            sent = _with_cookie(request, cookie)
            url = address + sent.url.removeprefix(api)
            return transport(replace(sent, url=url, headers=(host, *sent.headers)))

        outcome = simulate(case.request, send)
    facts = Expected(
        preflight_sent=bool(outcome.preflights),
        application_ran=case.application_ran,
        reason=outcome.reason or "",
        status=outcome.status,
        readable_headers=outcome.readable_headers,
    )
    return Performed(case.request, outcome, facts, cookie)


def _with_cookie(request: Request, cookie: str) -> Request:
    """Add the cookie as a browser does: never to a preflight request.

    https://fetch.spec.whatwg.org/#cors-protocol-and-credentials
    """
    if not cookie or request.is_preflight:
        return request
    return replace(request, headers=(*request.headers, ("Cookie", cookie)))


def link_to(scenario: Scenario, lab: Lab) -> str:
    """Give the address of a scenario in the lab."""
    return f"{lab.places.control}/#{quote(json.dumps(scenario.state(lab.places)))}"


def run(*, once: bool, port: int | None = None, scenarios: Sequence[Scenario] = SCENARIOS) -> int:
    """Print the transcript of every scenario and, unless `once`, serve the lab until Ctrl-C."""
    out = Output(sys.stdout)
    table: list[Sequence[Part]] = [("", "preflight", "app ran", "script", "expected")]
    right = 0
    with serving_lab(port=port) as lab:
        pages = lab.places.pages
        out.row([("The API", "bold"), "    "], lab.places.api)
        out.row([("The pages", "bold"), "  "], f"{pages['app']}  (allowed)")
        out.row("           ", f"{pages['stranger']}  (not allowed)")
        for scenario in scenarios:
            performed = perform(scenario, lab)
            is_right = performed.facts == scenario.expected
            _write_transcript(out, scenario, performed, is_right=is_right)
            row = (
                scenario.title,
                "yes" if performed.facts.preflight_sent else "no",
                "yes" if performed.facts.application_ran else "no",
                ("ALLOWED", "good") if performed.outcome.ok else ("BLOCKED", "bad"),
                "yes" if is_right else ("NO", "bad"),
            )
            table.append(row)
            right += is_right
        out.row()
        out.row("", ("Summary", "bold"))
        out.table(table)
        style = "good" if right == len(scenarios) else "bad"
        out.row("", (f"{right} of {len(scenarios)} verdicts as expected", style))
        out.flush()
        if not once:
            out.row()
            out.row("Now with your own browser: open ", link_to(scenarios[0], lab))
            out.flush()
            serve_until_interrupted(lab, say)
    return FINE if right == len(scenarios) else PROBLEMS


def _write_transcript(
    out: Output, scenario: Scenario, performed: Performed, *, is_right: bool
) -> None:
    request, outcome = performed.request, performed.outcome

    def as_shown(sent: Request) -> Request:
        # The query only names the case.
        return replace(_with_cookie(sent, performed.cookie), url=sent.url.partition("?")[0])

    rule = "-" * (min(80, out.width) - len(scenario.title) - 1)
    out.row()
    out.row([(scenario.title, "bold"), " "], (rule, "dim"))
    write_request(out, request, outcome.profile, target=request.url.partition("?")[0])
    write_steps(out, outcome, as_sent=as_shown)
    if outcome.ok:
        readable = ", ".join(outcome.readable_headers)
        text = f"the script sees status {outcome.status} and the headers {readable}"
        write_ending(out, "ALLOWED", text)
    else:
        write_blocked(out, outcome)
    out.row("", ("as expected", "good") if is_right else ("NOT as expected", "bad"))
    if not is_right:
        out.row("  expected: ", str(scenario.expected))
        out.row("  came:     ", str(performed.facts))
    out.row("", scenario.lesson, prose=True)
