"""How long a request takes in each ASGI middleware, without server, event loop and network.

A middleware's *added time* is its time less that of the bare app in the same round; for a library
inside a framework, less that of the framework without it. For a preflight request, which no
application answers, it is the time of the whole answer.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import objects, peers, rounds, tables
from benchmarks.asgi_rounds import FEW_IN_TURN, FEW_ORIGINS
from benchmarks.paired import environment, includes_zero
from benchmarks.rounds import Measured

NAME = "asgi"
_ROOT = Path(__file__).parents[1]


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
    difference = [mine - corsac for mine, corsac in scenario.paired(variant, peers.CORSAC)]
    row |= {
        "nanoseconds": rounds.spread(value * 1e9 for value in added),
        "indistinguishable_from_zero": includes_zero(added),
        "indistinguishable_from_corsac": bool(difference) and includes_zero(difference),
    }
    if variant != peers.STARLETTE:
        row["to_starlette"] = rounds.ratio(scenario.paired(variant, peers.STARLETTE))
        row["starlette_to_this"] = rounds.ratio(scenario.paired(peers.STARLETTE, variant))
    if not scenario.facts["is_preflight"] and variant != peers.EMPTY:
        row["to_empty"] = rounds.ratio(scenario.paired(variant, peers.EMPTY))
    return row


def _rows(measured: Iterable[Measured]) -> list[dict[str, Any]]:
    shown = [variant.name for variant in peers.VARIANTS if not variant.is_baseline]
    rows = []
    for scenario in measured:
        names = [*shown, FEW_ORIGINS, FEW_IN_TURN]
        rows += [
            _row(scenario, name)
            for name in names
            if name in scenario.added or name in scenario.notes
            # Nothing is subtracted from a whole answer, so that the app's own would be compared.
            if not (scenario.facts["is_preflight"] and name == peers.EMPTY)
        ]
    return rows


def print_rows(rows: Sequence[dict[str, Any]]) -> None:
    """Print a table for each axis."""
    header = ["", "", "nanoseconds", "to the empty middleware", "to Starlette", "remarks"]
    for axis, group in itertools.groupby(rows, key=lambda row: str(row["axis"])):
        lines = []
        last = ""
        for row in group:
            scenario = row["scenario"] if row["scenario"] != last else ""
            last = row["scenario"]
            if row["nanoseconds"] is None:
                lines.append([scenario, row["variant"], "", "", "", row["note"]])
                continue
            zero = row["indistinguishable_from_zero"]
            lines.append(
                [
                    scenario,
                    row["variant"],
                    ("~ " if zero else "") + tables.spread(row["nanoseconds"]),
                    tables.ratio(row, "to_empty"),
                    tables.ratio(row, "to_starlette"),
                    row["note"],
                ]
            )
        print(f"\n{axis}: added time (preflight: whole answer), median (quartiles)\n")
        print(tables.text(header, lines))


def losses(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every row where something adds less time than Corsac does."""
    corsac = {(row["axis"], row["scenario"]): row for row in rows if row["variant"] == peers.CORSAC}
    corsac_itself = {peers.CORSAC, FEW_ORIGINS, FEW_IN_TURN}
    found = []
    for row in rows:
        mine = corsac[row["axis"], row["scenario"]]
        if row["nanoseconds"] is None or row["variant"] in corsac_itself:
            continue
        if row["nanoseconds"]["median"] < mine["nanoseconds"]["median"]:
            found.append(
                {
                    "axis": row["axis"],
                    "scenario": row["scenario"],
                    "to": row["variant"],
                    "corsac": mine["nanoseconds"],
                    "other": row["nanoseconds"],
                    "indistinguishable": row["indistinguishable_from_corsac"],
                    "note": row["note"],
                }
            )
    return found


def _print_losses(found: Sequence[dict[str, Any]]) -> None:
    print("\nwhere Corsac loses (~: the rounds do not tell the difference from none)\n")
    lines = [
        [
            loss["axis"],
            loss["scenario"],
            loss["to"],
            ("~ " if loss["indistinguishable"] else "") + tables.spread(loss["corsac"]),
            tables.spread(loss["other"]),
            loss["note"],
        ]
        for loss in found
    ]
    print(tables.text(["", "", "against", "Corsac, ns", "other, ns", "remarks"], lines))


def _goals(measured: Sequence[Measured]) -> list[dict[str, object]]:
    by_name = {(item.facts["axis"], item.facts["name"]): item for item in measured}
    actual = by_name["kind of request", "actual, allowed"]
    preflight = by_name["kind of request", "preflight, allowed"]
    many = by_name["number of origins", "1 000 000, another origin each time"]
    many_from_one = by_name["number of origins", "1 000 000"]
    to_empty = rounds.ratio(actual.paired(peers.CORSAC, peers.EMPTY))
    starlette = rounds.ratio(actual.paired(peers.STARLETTE, peers.CORSAC))
    answer = rounds.ratio(preflight.paired(peers.STARLETTE, peers.CORSAC))
    growth = rounds.ratio(many.paired(peers.CORSAC, FEW_IN_TURN))
    growth_from_one = rounds.ratio(many_from_one.paired(peers.CORSAC, FEW_ORIGINS))

    return [
        rounds.goal(
            "ASGI actual request, message made for the call, added time against the empty "
            "middleware's",
            "<= 1.0x",
            to_empty,
            rounds.at_most(to_empty, 1.0),
        ),
        rounds.goal(
            "ASGI actual request, Starlette's added time against Corsac's",
            ">= 25x",
            starlette,
            rounds.at_least(starlette, 25),
        ),
        rounds.goal(
            "ASGI preflight, Starlette's whole answer against Corsac's",
            ">= 8x",
            answer,
            rounds.at_least(answer, 8),
        ),
        rounds.goal(
            "1 000 000 exact origins against 4, added time, another origin each time",
            "<= 1.5x",
            growth,
            rounds.at_most(growth, 1.5),
        ),
        rounds.goal(
            "1 000 000 exact origins against 4, added time, when one origin asks most of the time",
            "<= 1.5x",
            growth_from_one,
            rounds.at_most(growth_from_one, 1.5),
        ),
    ]


def run(*, quick: bool) -> dict[str, object]:
    """Measure, print the tables, and return the results.

    Args:
        quick: Whether to measure little, to see that everything works.
    """
    about = environment(peers=peers.DISTRIBUTIONS)
    effort = rounds.QUICK if quick else rounds.FULL
    measured = rounds.measure("benchmarks.asgi_rounds", effort)
    rows = _rows(measured)
    print_rows(rows)
    found = losses(rows)
    _print_losses(found)
    created = objects.measure()
    objects.print_table(created)
    rounds.store_runs(measured, _ROOT / "build" / "benchmarks" / "asgi-rounds.json.gz")
    bare = next(item for item in measured if not item.facts["is_preflight"])
    whole = [value for process in bare.whole[peers.BARE] for value in process]
    print(f"\nThe bare app, with making the request: {statistics.median(whole) * 1e9:.0f} ns")
    return {
        "about": {**about, "processes": effort.processes, "rounds": effort.rounds},
        "rows": rows,
        "losses": found,
        "objects": created,
        "goals": _goals(measured),
    }
