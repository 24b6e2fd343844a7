"""How long a request takes in each WSGI middleware, without server and network.

As in `benchmarks.asgi`, a middleware's *added time* is its time less that of the bare app in the
same round; for a library inside a framework, less that of the framework without it. For a preflight
request it is the time of the whole answer.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import peers, rounds, tables, wsgi_peers
from benchmarks.paired import environment, includes_zero
from benchmarks.rounds import Measured

_ROOT = Path(__file__).parents[1]
SHOWN = [variant.name for variant in wsgi_peers.VARIANTS if not variant.is_baseline]


def _row(scenario: Measured, variant: str) -> dict[str, Any]:
    added = list(scenario.added.get(variant, {}).values())
    row: dict[str, Any] = {
        "axis": scenario.facts["axis"],
        "scenario": scenario.facts["name"],
        "case": scenario.facts["case"],
        "variant": variant,
        "measures": "whole answer" if scenario.facts["is_preflight"] else "added time",
        "note": scenario.notes.get(variant, ""),
        "nanoseconds": None,
    }
    if not added:
        return row
    row |= {
        "nanoseconds": rounds.spread(value * 1e9 for value in added),
        "indistinguishable_from_zero": includes_zero(added),
    }
    if variant != peers.CORSAC:
        row["to_corsac"] = rounds.ratio(scenario.paired(variant, peers.CORSAC))
    if not scenario.facts["is_preflight"] and variant != peers.WRAPPER:
        row["to_wrapper"] = rounds.ratio(scenario.paired(variant, peers.WRAPPER))
    return row


def _rows(measured: Iterable[Measured]) -> list[dict[str, Any]]:
    return [
        _row(scenario, name)
        for scenario in measured
        for name in SHOWN
        if name in scenario.added or name in scenario.notes
        # Nothing is subtracted from a whole answer, so that the app's own would be compared.
        if not (scenario.facts["is_preflight"] and name == peers.WRAPPER)
    ]


def print_rows(rows: Sequence[dict[str, Any]]) -> None:
    """Print a table for each axis."""
    for axis, group in itertools.groupby(rows, key=lambda row: str(row["axis"])):
        print(f"\n{axis}: added time (preflight: whole answer), median (quartiles)\n")
        print(tables.text(tables.WSGI_HEADER, [tables.wsgi_cells(row) for row in group]))


def _goals(measured: Sequence[Measured]) -> list[dict[str, object]]:
    actual = next(item for item in measured if item.facts["name"] == "actual, allowed")
    to_wrapper = rounds.ratio(actual.paired(peers.CORSAC, peers.WRAPPER))
    goals = [
        rounds.goal(
            "WSGI actual request, added time against an empty `start_response` wrapper's",
            "<= 1.0x",
            to_wrapper,
            rounds.at_most(to_wrapper, 1.0),
        )
    ]
    for name in (wsgi_peers.FLASK_CORS, wsgi_peers.DJANGO_CORS_HEADERS):
        value = rounds.ratio(actual.paired(name, peers.CORSAC))
        goals.append(
            rounds.goal(
                f"WSGI actual request, {name}'s added time against Corsac's",
                ">= 100x",
                value,
                rounds.at_least(value, 100),
            )
        )
    return goals


def run(*, quick: bool) -> dict[str, object]:
    """Measure, print the tables, and return the results.

    Args:
        quick: Whether to measure little, to see that everything works.
    """
    about = environment(peers=wsgi_peers.DISTRIBUTIONS)
    effort = rounds.QUICK if quick else rounds.FULL
    measured = rounds.measure("benchmarks.wsgi_rounds", effort)
    rows = _rows(measured)
    print_rows(rows)
    rounds.store_runs(measured, _ROOT / "build" / "benchmarks" / "wsgi-rounds.json.gz")
    return {
        "about": {**about, "processes": effort.processes, "rounds": effort.rounds},
        "rows": rows,
        "goals": _goals(measured),
    }
