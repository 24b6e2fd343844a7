"""What went over the wire for one scenario, and what a browser makes of it."""

from __future__ import annotations

from dataclasses import dataclass

from corsac import _core
from corsac.cli.demo.scenarios import Addresses, Expected, HeaderLines, Scenario

__all__ = ["Exchange", "RoundTrip", "Verdict", "actual_reason", "judge", "preflight_reason"]


@dataclass(slots=True)
class RoundTrip:
    """One request and its answer.

    Attributes:
        method: The request's method.
        path: The request's path, without the query.
        request_headers: What was sent.
        status: The answer's status; 0 until there is one.
        response_headers: What was answered.
        application_ran: The application behind the policy was called.
    """

    method: str
    path: str
    request_headers: HeaderLines
    status: int = 0
    response_headers: HeaderLines | None = None
    application_ran: bool = False

    @property
    def answer(self) -> HeaderLines:
        """The answer's headers; none if there is no answer yet."""
        return self.response_headers or []


@dataclass(slots=True)
class Exchange:
    """All round trips of one scenario; None for one that did not happen."""

    sign_in: RoundTrip | None = None
    preflight: RoundTrip | None = None
    actual: RoundTrip | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of an exchange; compared with what a scenario expects.

    Attributes:
        preflight_sent: There was a preflight.
        application_ran: The request itself reached the application.
        reason: Why a browser keeps the answer from the script; empty if it does not.
        detail: The name of the header that the reason is about, if it is about one.
        status: The status that a script sees; 0 if it sees nothing.
        readable_headers: The response headers that a script can read, sorted.
    """

    preflight_sent: bool
    application_ran: bool
    reason: str
    detail: str
    status: int
    readable_headers: tuple[str, ...]

    @property
    def allowed(self) -> bool:
        """The script gets the answer."""
        return not self.reason

    def is_as(self, expected: Expected) -> bool:
        """Whether everything is as it has to be."""
        return expected == Expected(
            preflight_sent=self.preflight_sent,
            application_ran=self.application_ran,
            reason=self.reason,
            status=self.status,
            readable_headers=self.readable_headers,
        )


def preflight_reason(
    scenario: Scenario, addresses: Addresses, preflight: RoundTrip
) -> tuple[str, str]:
    """Judge the answer to a preflight (Fetch, "CORS-preflight fetch").

    Returns:
        The reason code, empty if the request may be sent, and the name of the header it is about.
    """
    return _core.browser_preflight_check(
        scenario.origin(addresses),
        scenario.credentials_include,
        scenario.method,
        scenario.header_lines,
        preflight.status,
        preflight.answer,
    )


def actual_reason(scenario: Scenario, addresses: Addresses, actual: RoundTrip) -> str:
    """Judge the answer to the request itself (Fetch, "CORS check").

    Returns:
        The reason code, empty if the script may have the answer.
    """
    return _core.browser_cors_check(
        scenario.origin(addresses), scenario.credentials_include, actual.answer
    )


def judge(scenario: Scenario, addresses: Addresses, exchange: Exchange) -> Verdict:
    """Judge what went over the wire as a browser does."""
    reason, detail = "", ""
    if exchange.preflight is not None:
        reason, detail = preflight_reason(scenario, addresses, exchange.preflight)
    status = 0
    readable: tuple[str, ...] = ()
    application_ran = False
    if exchange.actual is not None:
        application_ran = exchange.actual.application_ran
        reason, detail = actual_reason(scenario, addresses, exchange.actual), ""
        if not reason:
            status = exchange.actual.status
            names = _core.browser_readable_header_names(
                scenario.credentials_include, exchange.actual.answer
            )
            readable = tuple(name.decode("latin-1") for name in names)
    return Verdict(
        preflight_sent=exchange.preflight is not None,
        application_ran=application_ran,
        reason=reason,
        detail=detail,
        status=status,
        readable_headers=readable,
    )
