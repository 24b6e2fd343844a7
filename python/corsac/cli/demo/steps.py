"""The seven steps of a cross-origin exchange in plain words, for transcript and page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from corsac.cli.demo.api import COOKIE
from corsac.cli.demo.exchange import (
    Exchange,
    RoundTrip,
    Verdict,
    actual_reason,
    judge,
    preflight_reason,
)
from corsac.cli.demo.scenarios import Addresses, HeaderLines, Scenario

__all__ = ["Step", "seven_steps"]

Tone = Literal["plain", "good", "bad", "skipped"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an exchange.

    Attributes:
        number: "1" to "7", "1-3" or "4-6" for steps that did not happen, "" for what came before.
        title: What kind of step it is.
        tone: How it went.
        text: What happened, in one line.
        headers: The header lines that matter, names in lower case.
    """

    number: str
    title: str
    tone: Tone
    text: str
    headers: tuple[tuple[str, str], ...] = ()


_REQUEST_HEADERS = frozenset(
    {
        "origin",
        "access-control-request-method",
        "access-control-request-headers",
        "content-type",
        "cookie",
    }
)
_RESPONSE_HEADERS = frozenset({"vary", "set-cookie", "x-request-id", "x-served-by"})

# By the part of a reason code that preflights and other requests share.
_WHY = {
    "missing-allow-origin": "the answer has no Access-Control-Allow-Origin",
    "allow-origin-mismatch": "Access-Control-Allow-Origin is not this page's origin",
    "wildcard-with-credentials": "with credentials, Access-Control-Allow-Origin must not be `*`",
    "allow-credentials-not-true": "the answer does not say Access-Control-Allow-Credentials: true",
    "status-not-ok": "a preflight must be answered with a status from 200 to 299",
    "bad-allow-methods": "Access-Control-Allow-Methods is no list of tokens",
    "bad-allow-headers": "Access-Control-Allow-Headers is no list of tokens",
    "method-not-allowed": "Access-Control-Allow-Methods does not list the method",
    "authorization-not-listed": "Access-Control-Allow-Headers does not list Authorization by name",
    "header-not-allowed": "Access-Control-Allow-Headers does not list the header",
}


def seven_steps(scenario: Scenario, addresses: Addresses, exchange: Exchange) -> list[Step]:
    """Tell an exchange: preflight sent, answered, judged; request sent, answered, judged; result.

    Steps that did not happen are one, which says why.
    """
    steps = []
    if exchange.sign_in is not None:
        steps.append(_sign_in(exchange.sign_in))
    steps += _preflight_steps(scenario, addresses, exchange.preflight)
    steps += _actual_steps(scenario, addresses, exchange)
    steps.append(_result(judge(scenario, addresses, exchange)))
    return steps


def _sign_in(sign_in: RoundTrip) -> Step:
    text = f"{sign_in.method} {sign_in.path} gave the browser a cookie"
    return Step("", "Signed in", "plain", text, _that_matter(sign_in.answer))


def _preflight_steps(
    scenario: Scenario, addresses: Addresses, preflight: RoundTrip | None
) -> list[Step]:
    if preflight is None:
        why = f"not needed: a page may send this {scenario.method} unasked"
        return [Step("1-3", "No preflight", "skipped", why)]
    reason, detail = preflight_reason(scenario, addresses, preflight)
    judged = "passed: the request may be sent"
    return [
        Step(
            "1",
            "Preflight sent",
            "plain",
            _request_line(preflight),
            _that_matter(preflight.request_headers),
        ),
        Step(
            "2",
            "Preflight answered",
            "plain",
            f"status {preflight.status}",
            _that_matter(preflight.answer),
        ),
        Step(
            "3", "Preflight judged", "bad" if reason else "good", _because(reason, detail) or judged
        ),
    ]


def _actual_steps(scenario: Scenario, addresses: Addresses, exchange: Exchange) -> list[Step]:
    actual = exchange.actual
    if actual is None:
        return [Step("4-6", "No request", "skipped", "never sent: the preflight did not pass")]
    reason = actual_reason(scenario, addresses, actual)
    ran = "the application ran" if actual.application_ran else "the application did not run"
    judged = "passed: the script may have the answer"
    return [
        Step(
            "4",
            "Request sent",
            "plain",
            _request_line(actual),
            _that_matter(actual.request_headers),
        ),
        Step(
            "5",
            "Request answered",
            "plain",
            f"status {actual.status}; {ran}",
            _that_matter(actual.answer),
        ),
        Step("6", "Answer judged", "bad" if reason else "good", _because(reason) or judged),
    ]


def _result(verdict: Verdict) -> Step:
    if verdict.allowed:
        text = f"ALLOWED: the script sees status {verdict.status}, the body and these headers"
        readable = ("readable", ", ".join(verdict.readable_headers))
        return Step("7", "Result", "good", text, (readable,))
    if verdict.application_ran:
        text = "BLOCKED: the application ran, but the script gets only an error"
    else:
        text = "BLOCKED: the request never reached the application"
    return Step("7", "Result", "bad", text)


def _because(reason: str, detail: str = "") -> str:
    """A reason code in words, with the code; empty for no reason."""
    if not reason:
        return ""
    why = _WHY[reason.removeprefix("preflight:")]
    code = f"{reason}:{detail}" if detail else reason
    return f"refused: {why} ({code})"


def _request_line(round_trip: RoundTrip) -> str:
    return f"{round_trip.method} {round_trip.path}"


def _that_matter(lines: HeaderLines) -> tuple[tuple[str, str], ...]:
    decoded = ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in lines)
    return tuple(
        (name, _only_own_cookie(value) if name == "cookie" else value)
        for name, value in decoded
        if _matters(name)
    )


def _only_own_cookie(value: str) -> str:
    """A Cookie value without what other programs on localhost, whatever their port, have stored."""
    own = [pair for pair in value.split("; ") if pair.partition("=")[0] == COOKIE]
    return own[0] if own else "(cookies of other programs on localhost)"


def _matters(name: str) -> bool:
    return (
        name in _REQUEST_HEADERS or name in _RESPONSE_HEADERS or name.startswith("access-control-")
    )
