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
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from benchmarks import answers, peers
from benchmarks.exchange import ASGIApp, Timer, ask, scope_maker, timer
from benchmarks.paired import BenchmarkError, alternate
from benchmarks.scenarios import USUAL_ORIGINS, Scenario, all_scenarios

SLOWEST_REQUEST = 0.020
SLOWEST_SETUP = 1.0
FEW_ORIGINS = f"Corsac, {USUAL_ORIGINS} origins"


def _variants(scenario: Scenario) -> list[peers.Variant]:
    # A preflight's whole answer counts, and it is timed from nothing but making the request.
    baselines = {peers.NO_APP} if scenario.is_preflight else {v.baseline for v in peers.VARIANTS}
    variants = [v for v in peers.VARIANTS if not v.is_baseline or v.name in baselines]
    if scenario.origin_count is not None and len(scenario.requests) == 1:
        # What many origins cost is told by the same request, in the same rounds, with few.
        middle = (scenario.origin_count - 1) // 2
        begin = max(0, middle - USUAL_ORIGINS // 2)
        few = replace(
            scenario.wanted, origins=scenario.wanted.origins[begin : begin + USUAL_ORIGINS]
        )
        corsac = next(v for v in variants if v.name == peers.CORSAC)
        variants.append(peers.Variant(FEW_ORIGINS, lambda _, *rest: corsac.build(few, *rest)))
    return variants


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
        self._built: dict[str, tuple[Scenario, ASGIApp | None]] = {}

    def measure(self, scenario: Scenario) -> dict[str, Any]:
        """One scenario's rounds, with a note for each variant that is not timed."""
        notes: dict[str, str] = {}
        loops: dict[str, Callable[[], float]] = {}
        baselines: dict[str, str] = {}
        for variant in _variants(scenario):
            if [scenario.name, variant.name] in self.plan.slow:
                # The process that measured it says why there is nothing with more origins.
                self._given_up[variant.name] = ""
                continue
            baselines[variant.name] = peers.NO_APP if scenario.is_preflight else variant.baseline
            try:
                note, loop = self._prepare(variant, scenario)
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
        run = timer(app, scenario)
        count, slowest = self._calibrate(run)
        if slowest > SLOWEST_REQUEST and variant.name != peers.CORSAC:
            note = f"not timed: one request took {slowest * 1e3:.0f} ms"
            if key:
                self._given_up[key] = f"{note} with {scenario.origin_count} origins"
            return note, None
        return note, lambda: run(count) / count

    def _build(self, variant: peers.Variant, scenario: Scenario) -> ASGIApp | None:
        last, app = self._built.get(variant.name, (None, None))
        if (
            last is None
            or last.wanted is not scenario.wanted
            or last.app_headers != scenario.app_headers
        ):
            headers = scenario.app_headers
            app = variant.build(scenario.wanted, headers, peers.bare_app(headers))
            self._built[variant.name] = scenario, app
        return app

    def _check(self, variant: peers.Variant, scenario: Scenario, app: ASGIApp) -> str:
        """What to say about a variant's answer; empty if it is right in every way."""
        answer = ask(app, scope_maker(scenario)())
        if variant.name == peers.CORSAC:
            fault = answers.not_whole(scenario, answer)
            if fault is not None:
                raise BenchmarkError(
                    f'Corsac answers wrongly to "{scenario.name}" ({scenario.axis}), so nothing '
                    f"is timed: {fault}"
                )
        if variant.is_baseline or variant.name in {peers.EMPTY, FEW_ORIGINS}:
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


def main(arguments: list[str]) -> None:
    """Measure every scenario and print the results."""
    worker = Rounds(Plan(**json.loads(arguments[0])))
    try:
        results = [worker.measure(scenario) for scenario in all_scenarios()]
    except BenchmarkError as error:
        sys.exit(str(error))
    json.dump({"scenarios": results, "slow": worker.slow}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
