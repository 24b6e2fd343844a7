"""The rounds of one worker process: `python -m benchmarks.asgi_rounds`, with a `Plan` as JSON.

A process has one hash seed and one layout of memory for its whole life, and both favour one thing
or another. So the rounds are spread over fresh processes; this is what each of them does. It prints
JSON: for each scenario and variant the seconds of one request in each round.
"""

from __future__ import annotations

import gc
import json
import math
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from benchmarks import answers, peers
from benchmarks.exchange import Answer, Timer, ask, scope_maker, timer
from benchmarks.paired import BenchmarkError, alternate
from benchmarks.scenarios import USUAL_ORIGINS, Scenario, all_scenarios

SLOWEST_REQUEST = 0.020
SLOWEST_SETUP = 1.0
FEW_ORIGINS = f"Corsac, {USUAL_ORIGINS} origins"
FEW_IN_TURN = f"{FEW_ORIGINS} in turn"
_BARE_IN_TURN = f"{peers.BARE}, {USUAL_ORIGINS} origins in turn"
# Those do no CORS, or are Corsac once more.
UNJUDGED = {peers.EMPTY, peers.WRAPPER, FEW_ORIGINS, FEW_IN_TURN}


def _with_few_origins(scenario: Scenario) -> list[peers.Variant]:
    """Corsac with few of the scenario's origins, and what is subtracted from it.

    What many origins cost is told in the same rounds: by the same request, and where another origin
    asks each time, by the first few of them in turn, less the bare app with the same requests.
    """
    if scenario.origin_count is None:
        return []
    by_name = {variant.name: variant for variant in peers.VARIANTS}
    origins = scenario.wanted.origins
    in_turn = len(scenario.requests) > USUAL_ORIGINS
    if in_turn:
        asked = [dict(lines)[b"origin"].decode() for lines in scenario.requests[:USUAL_ORIGINS]]
        few = replace(scenario.wanted, origins=asked)
    elif len(scenario.requests) == 1:
        begin = max(0, (scenario.origin_count - 1) // 2 - USUAL_ORIGINS // 2)
        few = replace(scenario.wanted, origins=origins[begin : begin + USUAL_ORIGINS])
    else:
        return []  # It has few itself.
    build = by_name[peers.CORSAC].build
    if not in_turn:
        return [peers.Variant(FEW_ORIGINS, lambda _, *rest: build(few, *rest))]
    return [
        replace(by_name[peers.BARE], name=_BARE_IN_TURN, most_requests=USUAL_ORIGINS),
        peers.Variant(
            FEW_IN_TURN,
            lambda _, *rest: build(few, *rest),
            baseline=_BARE_IN_TURN,
            most_requests=USUAL_ORIGINS,
        ),
    ]


@dataclass(frozen=True)
class Plan:
    """What one process has to do.

    Attributes:
        number: Which of the processes it is; the first rounds begin with another variant in each.
        rounds: How many rounds each scenario has.
        loop_seconds: How long a variant runs in a round.
        slow: Scenarios and variants that take long to set up and were measured in another process.
    """

    number: int
    rounds: int
    loop_seconds: float
    slow: list[list[str]]


class Rounds:
    """Sets every scenario up, checks the answers, and times those that are right."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.slow: list[tuple[str, str]] = []
        self._given_up: dict[str, str] = {}
        # The last application of each variant: neighbouring scenarios often share a policy.
        self._built: dict[str, tuple[Scenario, Any]] = {}

    def variants(self, scenario: Scenario) -> list[peers.Variant]:
        """What is timed for a scenario."""
        # A preflight's whole answer counts, and it is timed from nothing but making the request.
        baselines = (
            {peers.NO_APP} if scenario.is_preflight else {v.baseline for v in peers.VARIANTS}
        )
        variants = [v for v in peers.VARIANTS if not v.is_baseline or v.name in baselines]
        if scenario.app_keeps_headers:
            # What the bare app keeps says nothing about a response that it does not make.
            variants = [v for v in variants if not v.has_own_response]
        return [*variants, *_with_few_origins(scenario)]

    def bare_app(self, scenario: Scenario) -> Any:
        """The application that answers with the scenario's headers."""
        make = peers.bare_app_that_keeps if scenario.app_keeps_headers else peers.bare_app
        return make(scenario.app_headers)

    def ask(self, app: Any, scenario: Scenario) -> Answer:
        """The answer to one request."""
        return ask(app, scope_maker(scenario)())

    def timer(self, app: Any, scenario: Scenario) -> Timer:
        """A function that times so many requests."""
        return timer(app, scenario)

    def measure(self, scenario: Scenario) -> dict[str, Any]:
        """One scenario's rounds, with a note for each variant that is not timed."""
        notes: dict[str, str] = {}
        loops: dict[str, Callable[[], float]] = {}
        baselines: dict[str, str] = {}
        for variant in self.variants(scenario):
            if [scenario.name, variant.name] in self.plan.slow:
                # The process that measured it says why there is nothing with more origins.
                self._given_up[variant.name] = ""
                continue
            baselines[variant.name] = peers.NO_APP if scenario.is_preflight else variant.baseline
            try:
                asked = replace(scenario, requests=scenario.requests[: variant.most_requests])
                note, loop = self._prepare(variant, asked)
            except peers.NotOfferedError as error:
                note, loop = str(error), None
            if note:
                notes[variant.name] = note
            if loop is not None:
                loops[variant.name] = loop
        gc.collect()
        rows = alternate(list(loops.values()), rounds=self.plan.rounds, first=self.plan.number)
        seconds = dict(zip(loops, zip(*rows, strict=True), strict=True))
        return {
            "axis": scenario.axis,
            "name": scenario.name,
            "case": scenario.case,
            "is_preflight": scenario.is_preflight,
            "notes": notes,
            "baselines": baselines,
            "seconds": seconds,
        }

    def _prepare(
        self, variant: peers.Variant, scenario: Scenario
    ) -> tuple[str, Callable[[], float] | None]:
        """What to say about a variant, and the function that times its requests, if it is timed."""
        key = variant.name if scenario.origin_count is not None else ""
        if key in self._given_up:
            return self._given_up[key], None
        start = time.perf_counter()
        app = self._build(variant, scenario)
        note = "" if app is None else self._check(variant, scenario, app)
        setup = time.perf_counter() - start
        if setup > SLOWEST_SETUP and variant.name != peers.CORSAC:
            self.slow.append((scenario.name, variant.name))
            self._given_up[key] = (
                f"not timed: setting up and the first request took {setup:.1f} s "
                f"with {scenario.origin_count} origins"
            )
        if note.startswith("answers wrongly"):
            return note, None
        run = self.timer(app, scenario)
        count, slowest = self._calibrate(run)
        if slowest > SLOWEST_REQUEST and variant.name != peers.CORSAC:
            note = f"not timed: one request took {slowest * 1e3:.0f} ms"
            if key:
                self._given_up[key] = f"{note} with {scenario.origin_count} origins"
            return note, None
        return note, lambda: run(count) / count

    def _build(self, variant: peers.Variant, scenario: Scenario) -> Any:
        last, app = self._built.get(variant.name, (None, None))
        if (
            last is None
            or last.wanted is not scenario.wanted
            or last.app_headers != scenario.app_headers
            or last.app_keeps_headers != scenario.app_keeps_headers
        ):
            app = variant.build(scenario.wanted, scenario.app_headers, self.bare_app(scenario))
            self._built[variant.name] = scenario, app
        return app

    def _check(self, variant: peers.Variant, scenario: Scenario, app: Any) -> str:
        """What to say about a variant's answer; empty if it is right in every way."""
        answer = self.ask(app, scenario)
        if variant.name == peers.CORSAC:
            fault = answers.not_whole(scenario, answer)
            if fault is not None:
                raise BenchmarkError(
                    f'Corsac answers wrongly to "{scenario.name}" ({scenario.axis}), so nothing '
                    f"is timed: {fault}"
                )
        if variant.is_baseline or variant.name in UNJUDGED:
            return ""
        wrong = answers.wrong(scenario, answer)
        if wrong is not None:
            return f"answers wrongly: {wrong}"
        return "; ".join(answers.remarks(scenario, answer))

    def _calibrate(self, run: Timer) -> tuple[int, float]:
        """How many requests fill a loop, and the time of one of the first.

        The requests of the calibration are the warm-up too.
        """
        run(1)
        first = run(1)
        count, elapsed = 1, first
        while elapsed < self.plan.loop_seconds / 2 and elapsed < SLOWEST_REQUEST:
            count *= 2
            elapsed = run(count)
        return max(1, math.ceil(count * self.plan.loop_seconds / elapsed)), first


def run_worker(rounds: type[Rounds], scenarios: Iterable[Scenario]) -> None:
    """Measure every scenario by the plan on the command line, and print the results."""
    worker = rounds(Plan(**json.loads(sys.argv[1])))
    try:
        results = [worker.measure(scenario) for scenario in scenarios]
    except BenchmarkError as error:
        sys.exit(str(error))
    json.dump({"scenarios": results, "slow": worker.slow}, sys.stdout)


if __name__ == "__main__":
    run_worker(Rounds, all_scenarios())
