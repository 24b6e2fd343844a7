"""`corsac demo`: real cross-origin requests to a real server, step by step; then the lab.

What answers is the API of `corsac lab`, so that each request can be repeated there with the user's
own browser. Needs the extra ``demo``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import httpx2

from corsac.browser import FetchOutcome, FetchRequest, Request, Response, simulate
from corsac.browser.transports import httpx2_transport
from corsac.cli.demo_scenarios import SCENARIOS, Expected, Scenario
from corsac.cli.fetch_text import Paint, blocked_lines, headline, prose, step_lines
from corsac.cli.plain_text import can_colour
from corsac.lab import Lab, serve_until_interrupted, serving_lab
from corsac.lab.apps import SIGN_IN_PATH
from corsac.lab.evaluating import evaluate

__all__ = ["Performed", "link_to", "perform", "run"]

_TIMEOUT_SECONDS = 10.0
_RULE_WIDTH = 80


@dataclass(frozen=True, slots=True)
class Performed:
    """What came of a scenario.

    Attributes:
        request: What the page asked for.
        outcome: What a browser makes of what the server answered.
        application_ran: Whether the request itself reached the application.
        cookie: What the page's browser had from the API; empty if nothing.
    """

    request: FetchRequest
    outcome: FetchOutcome
    application_ran: bool
    cookie: str

    @property
    def facts(self) -> Expected:
        """What a scenario says in advance."""
        return Expected(
            preflight_sent=bool(self.outcome.preflights),
            application_ran=self.application_ran,
            reason=self.outcome.reason or "",
            status=self.outcome.status,
            readable_headers=self.outcome.readable_headers,
        )


def perform(scenario: Scenario, lab: Lab) -> Performed:
    """Send what a browser sends for a scenario, and judge the answers as a browser does.

    Args:
        scenario: What is asked for, and under which policy.
        lab: What answers.
    """
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
    return Performed(case.request, outcome, case.application_ran, cookie)


def _with_cookie(request: Request, cookie: str) -> Request:
    """The request with what a browser adds: never to a preflight request (Fetch, 4.9)."""
    if not cookie or request.is_preflight:
        return request
    return replace(request, headers=(*request.headers, ("Cookie", cookie)))


def link_to(scenario: Scenario, lab: Lab) -> str:
    """The address of a scenario in the lab."""
    return f"{lab.places.control}/#{quote(json.dumps(scenario.state(lab.places)))}"


def run(*, once: bool, port: int | None = None, scenarios: Sequence[Scenario] = SCENARIOS) -> int:
    """Print the transcript of every scenario and, unless `once`, serve the lab until Ctrl-C.

    Args:
        once: Stop after the transcript.
        port: See `corsac.lab.serving_lab`.
        scenarios: What is shown.

    Returns:
        0 if every verdict was the expected one, otherwise 1.

    Raises:
        corsac.lab.PortUnavailableError: A port cannot be used.
    """
    paint = Paint(can_colour(sys.stdout))
    with serving_lab(port=port) as lab:
        print(f"{paint('bold', 'The API')}    {lab.places.api}")
        print(f"{paint('bold', 'The pages')}  {lab.places.pages['app']}  (allowed)")
        print(f"           {lab.places.pages['stranger']}  (not allowed)")
        rows = []
        for scenario in scenarios:
            performed = perform(scenario, lab)
            print("\n".join(_transcript(scenario, performed, paint)))
            rows.append((scenario, performed))
        print("\n".join(_summary(rows, paint)), flush=True)
        if not once:
            print(f"\nNow with your own browser: open {link_to(scenarios[0], lab)}")
            serve_until_interrupted(lab)
    return 0 if all(scenario.expected == done.facts for scenario, done in rows) else 1


def _transcript(scenario: Scenario, performed: Performed, paint: Paint) -> Iterator[str]:
    outcome = performed.outcome
    yield ""
    rule = paint("dim", "-" * (_RULE_WIDTH - len(scenario.title) - 1))
    yield f"{paint('bold', scenario.title)} {rule}"
    yield headline(performed.request, paint, _without_query(performed.request.url))

    def as_shown(request: Request) -> Request:
        # The query only names the case.
        sent = _with_cookie(request, performed.cookie)
        return replace(sent, url=_without_query(request.url))

    yield from step_lines(outcome, paint, as_sent=as_shown)
    if outcome.ok:
        readable = ", ".join(outcome.readable_headers)
        text = f"the script sees status {outcome.status} and the headers {readable}"
        yield prose(text, "ALLOWED  ", 9, paint("allowed", "ALLOWED") + "  ")
    else:
        yield from blocked_lines(outcome, "", paint)
    if performed.facts == scenario.expected:
        yield paint("good", "as expected")
    else:
        yield paint("bad", "NOT as expected")
        yield f"  expected: {scenario.expected}"
        yield f"  came:     {performed.facts}"
    yield prose(scenario.lesson, "", 0)


def _without_query(url: str) -> str:
    return url.partition("?")[0]


def _summary(rows: Sequence[tuple[Scenario, Performed]], paint: Paint) -> Iterator[str]:
    """One line for each scenario, and how many were as expected."""
    words = {True: "yes", False: "no"}
    table: list[Sequence[str]] = [("", "preflight", "app ran", "script", "expected")]
    for scenario, performed in rows:
        table.append(
            (
                scenario.title,
                words[performed.facts.preflight_sent],
                words[performed.application_ran],
                "ALLOWED" if performed.outcome.ok else "BLOCKED",
                "yes" if performed.facts == scenario.expected else "NO",
            )
        )
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    styles: dict[str, Any] = {"ALLOWED": "good", "BLOCKED": "bad", "NO": "bad"}
    yield "\n" + paint("bold", "Summary")
    for row in table:
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)]
        painted = [
            paint(styles[cell], text) if cell in styles else text
            for cell, text in zip(row, cells, strict=True)
        ]
        yield "  ".join(painted).rstrip()
    right = sum(performed.facts == scenario.expected for scenario, performed in rows)
    style = "good" if right == len(rows) else "bad"
    yield paint(style, f"{right} of {len(rows)} verdicts as expected")
