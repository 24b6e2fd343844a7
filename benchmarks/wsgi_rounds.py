"""The rounds of one worker process for WSGI: `python -m benchmarks.wsgi_rounds`, with a plan.

As `benchmarks.asgi_rounds`; what differs is how a request is sent, and what is compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks import peers, wsgi_exchange, wsgi_peers
from benchmarks.asgi_rounds import Rounds, run_worker
from benchmarks.exchange import Answer, Timer
from benchmarks.scenarios import Scenario, all_scenarios

# The other axes say something about the core, which is the same for both protocols.
AXES = {"kind of request", "number of origins", "patterns", "number of response headers"}
MOST_ORIGINS = 100_000


class WSGIRounds(Rounds):
    """Sets every scenario up, checks the answers, and times those that are right."""

    def variants(self, scenario: Scenario) -> list[peers.Variant]:
        """What is timed for a scenario."""
        variants = wsgi_peers.VARIANTS
        needed = {peers.NO_APP} if scenario.is_preflight else {each.baseline for each in variants}
        return [each for each in variants if not each.is_baseline or each.name in needed]

    def bare_app(self, scenario: Scenario) -> Any:
        """The application that answers with the scenario's headers."""
        return wsgi_peers.bare_app(scenario.app_headers)

    def ask(self, app: Any, scenario: Scenario) -> Answer:
        """The answer to one request."""
        return wsgi_exchange.ask(app, scenario)

    def timer(self, app: Any, scenario: Scenario) -> Timer:
        """A function that times so many requests."""
        return wsgi_exchange.timer(app, scenario)


def scenarios() -> Iterator[Scenario]:
    """The scenarios that say something about WSGI."""
    for scenario in all_scenarios():
        if scenario.app_keeps_headers:
            continue  # It is about the messages of ASGI.
        if scenario.axis in AXES and (scenario.origin_count or 0) <= MOST_ORIGINS:
            yield scenario


if __name__ == "__main__":
    run_worker(WSGIRounds, scenarios())
