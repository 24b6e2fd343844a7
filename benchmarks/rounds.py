"""Time per request in process: alternating rounds, for ASGI and for WSGI.

A process has one hash seed and one layout of memory for its whole life, and both favour one thing
or another. So the rounds are spread over several, which print their values as JSON.
"""

from __future__ import annotations

import gc
import json
import logging
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks import answers, frameworks, names, peers
from benchmarks.exchange import PROTOCOLS, Timer
from benchmarks.measured import ROOT, BenchmarkError, Key, Results, about, alternate
from benchmarks.scenarios import Scenario, all_scenarios
from benchmarks.variants import NotOfferedError, Variant

BARE_APPS: dict[str, Any] = {"asgi": peers.bare_app, "wsgi": peers.bare_wsgi_app}
SLOWEST_REQUEST = 0.1  # Seconds; what takes longer is not timed.

FULL = {"processes": 6, "rounds": 15, "seconds": 0.006}
FAST = {"processes": 2, "rounds": 5, "seconds": 0.001, "is_fast": 1}
_SLOW = ("100 000", "1 000 000")  # Rows that no goal needs, and that take long to set up.


class _Worker:
    """Measures scenarios with some variants of one protocol in this process."""

    def __init__(
        self, protocol: str, variants: Sequence[Variant], plan: dict[str, Any], axis: str = ""
    ) -> None:
        self._protocol = protocol
        self._variants = {variant.name: variant for variant in variants}
        self._plan = plan
        self._axis = axis  # In place of the scenario's.
        # The last application of each variant: neighbouring scenarios often share a policy.
        self._built: dict[str, tuple[Any, Any]] = {}

    def measure(self, scenario: Scenario) -> Iterator[tuple[Key, list[float], str, str]]:
        """The values of a scenario's subjects, each with its baseline and its remark."""
        found: list[tuple[Key, str, str, Callable[[], float] | None]] = []
        for subject, name, variant in self._subjects(scenario):
            # A preflight's whole answer counts; nothing is subtracted but making the request.
            base = names.NO_APP if scenario.is_preflight else variant.baseline
            if base and subject is not scenario:
                base = f"{base}, {subject.name}"
            remark, once = self._prepare(variant, subject)
            key = self._axis or scenario.axis, scenario.name, name
            found.append((key, "" if base == name else base, remark, once))
        # What is there to be subtracted only is not timed where nothing needs it.
        needed = {base for _, base, _, once in found if once is not None}
        found = [one for one in found if one[1] or one[0][2] in needed]
        timers = [once for *_, once in found if once is not None]
        gc.freeze()  # Collections run, but what else was imported does not make them slower.
        measured = iter(alternate(timers, rounds=self._plan["rounds"], first=self._plan["number"]))
        for key, base, remark, once in found:
            yield key, [] if once is None else next(measured), base, remark

    def _subjects(self, scenario: Scenario) -> Iterator[tuple[Scenario, str, Variant]]:
        for name, variant in self._variants.items():
            # Of what does no CORS, the app's own answer to a preflight request would be compared;
            # what the bare app keeps says nothing about a framework's response.
            in_vain = scenario.is_preflight and not variant.does_cors and name != names.NO_APP
            in_vain |= scenario.keeps_headers and names.BARE not in (name, variant.baseline)
            if not in_vain:
                yield scenario, name, variant
        if scenario.beside is not None and not self._axis:
            for name in (names.BARE, names.CORSAC):
                yield scenario.beside, f"{name}, {scenario.beside.name}", self._variants[name]

    def _prepare(
        self, variant: Variant, scenario: Scenario
    ) -> tuple[str, Callable[[], float] | None]:
        """What to say about a variant, and the function that times its requests, if it is timed."""
        if len(scenario.wanted.origins) > variant.most_origins:
            return f"not timed: takes long to set up with more than {variant.most_origins}", None
        try:
            app = self._build(variant, scenario)
        except NotOfferedError as reason:
            return str(reason), None
        remark = self._check(variant, scenario, app) if variant.does_cors else ""
        if remark.startswith("answers wrongly"):
            return remark, None
        run: Timer = PROTOCOLS[self._protocol].timer(app, scenario)
        elapsed = min(run(1), run(1))
        if elapsed > SLOWEST_REQUEST:
            return f"not timed: one request took {elapsed * 1e3:.0f} ms", None
        count = 1
        while elapsed < self._plan["seconds"] / 2:
            count *= 2
            elapsed = run(count)
        loops = max(1, math.ceil(count * self._plan["seconds"] / elapsed))
        return remark, lambda: run(loops) / loops

    def _build(self, variant: Variant, scenario: Scenario) -> Any:
        facts = id(scenario.wanted), scenario.app_headers, scenario.keeps_headers
        last, app = self._built.get(variant.name, (None, None))
        if last != facts:
            bare = BARE_APPS[self._protocol](scenario)
            app = variant.build(scenario.wanted, scenario.app_headers, bare)
            self._built[variant.name] = facts, app
        return app

    def _check(self, variant: Variant, scenario: Scenario, app: Any) -> str:
        answer = PROTOCOLS[self._protocol].ask(app, scenario)
        judge = answers.not_whole if variant.name == names.CORSAC else answers.wrong
        fault = judge(scenario, answer)
        if fault is not None and variant.name.startswith(names.CORSAC):
            raise BenchmarkError(f'{variant.name} answers wrongly to "{scenario.name}": {fault}')
        return answers.remarks(scenario, answer) if fault is None else f"answers wrongly: {fault}"


def measured_here(what: str, plan: dict[str, Any]) -> Iterator[tuple[Key, list[float], str, str]]:
    """Measure a protocol, or a group inside a framework, in this process.

    Args:
        what: A protocol, or the name of one of `frameworks.GROUPS`.
        plan: Such as `FAST`.
    """
    # Refusals are logged, to nowhere.
    logging.getLogger().addHandler(logging.NullHandler())
    group = next((one for one in frameworks.GROUPS if one.name == what), None)
    if group is None:
        worker = _Worker(what, peers.VARIANTS[what], plan)
        left_out = _SLOW if plan.get("is_fast") else ()
        chosen = [
            one
            for one in all_scenarios()
            if (what == "asgi" or one.wsgi) and one.name not in left_out
        ]
    else:
        made = next(one for one in peers.VARIANTS["asgi"] if one.name == names.NO_APP)
        worker = _Worker(group.protocol, (made, *group.variants), plan, group.name)
        chosen = [one for one in all_scenarios() if one.name in frameworks.KINDS]
    for scenario in chosen:
        yield from worker.measure(scenario)


DISTRIBUTIONS = {
    "asgi": peers.ASGI_DISTRIBUTIONS,
    "wsgi": peers.WSGI_DISTRIBUTIONS,
    "adapters": ("starlette", *peers.WSGI_DISTRIBUTIONS),
}


def run(part: str, *, fast: bool) -> Results:
    """Measure a part in several processes; if Corsac answers wrongly, that is an error."""
    effort = FAST if fast else FULL
    if part == "adapters":
        # A request takes long there.
        effort = {**effort, "seconds": 2 * effort["seconds"], "processes": effort["processes"] // 2}
    groups = [group.name for group in frameworks.GROUPS] if part == "adapters" else [part]
    results = Results(about(*DISTRIBUTIONS[part], processes=int(effort["processes"])))
    processes = [(number, what) for number in range(int(effort["processes"])) for what in groups]
    for number, what in processes:
        print(f"{part}: {what}, process {number + 1} of {effort['processes']}", flush=True)
        worker = subprocess.run(  # noqa: S603 - the command is this program's own.
            [sys.executable, "-m", __name__, what, json.dumps({**effort, "number": number})],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": "random"},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if worker.returncode != 0:
            raise BenchmarkError("a process failed, as shown above")
        for key, values, baseline, remark in json.loads(worker.stdout):
            results.add(tuple(key), values, baseline=baseline, remark=remark)
    for subject in results.subjects.values():
        if len(subject.runs) < effort["processes"]:
            subject.runs.clear()  # It was too slow in one of them.
    return results


def repeat() -> None:
    """Send Corsac actual requests until the process is ended, for a profiler to watch."""
    scenario = next(one for one in all_scenarios() if one.name == "actual, allowed")
    variant = next(one for one in peers.VARIANTS["asgi"] if one.name == names.CORSAC)
    app = variant.build(scenario.wanted, scenario.app_headers, peers.bare_app(scenario))
    timer: Timer = PROTOCOLS["asgi"].timer(app, scenario)
    while True:
        timer(10_000)


if __name__ == "__main__":
    try:
        found = list(measured_here(sys.argv[1], json.loads(sys.argv[2])))
    except BenchmarkError as error:
        sys.exit(str(error))
    json.dump(found, sys.stdout)
