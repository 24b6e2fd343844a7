"""What came of a probe, as one value, and what it means for an exit code."""

from __future__ import annotations

from typing import NamedTuple

from corsac.browser import FetchOutcome, FetchRequest
from corsac.cli.ending import COULD_NOT_RUN, FINE, PROBLEMS
from corsac.cli.probe.courier import Courier, NotSentError
from corsac.cli.probe.findings import Finding
from corsac.cli.probe.replays import Observations

__all__ = ["EXIT_CODES", "Result"]

EXIT_CODES = {
    "allowed": FINE,
    "not-sent": FINE,
    "blocked": PROBLEMS,
    "undecided": COULD_NOT_RUN,
    "unreachable": COULD_NOT_RUN,
}
"""What each verdict is for a shell."""


class Result(NamedTuple):
    """What came of a probe.

    Attributes:
        request: What the page asked for.
        outcome: What came of that.
        courier: Who sent it.
        seen: What was replayed; ``None`` if nothing was.
        lints: What was found; empty if nothing was looked for.
    """

    request: FetchRequest
    outcome: FetchOutcome
    courier: Courier
    seen: Observations | None
    lints: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """How it ended.

        ``"allowed"``, ``"blocked"``, ``"not-sent"`` (the preflight was passed, and the request held
        back), ``"undecided"`` (there was no preflight either) or ``"unreachable"``.
        """
        outcome = self.outcome
        if outcome.ok:
            return "allowed"
        if isinstance(outcome.error, NotSentError):
            # A preflight for another URL says nothing of the one that a redirect led to.
            asked = len(outcome.sent) > 1 and outcome.sent[-2].is_preflight
            return "not-sent" if asked else "undecided"
        return "unreachable" if outcome.reason == "network-error" else "blocked"

    def exit_code(self, *, strict: bool) -> int:
        """The exit code; with ``strict`` findings that are no infos count as blocked."""
        code = EXIT_CODES[self.verdict]
        if code == 0 and strict and any(each.severity != "info" for each in self.lints):
            return EXIT_CODES["blocked"]
        return code
