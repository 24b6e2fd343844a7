"""Pictures of the results: each library's added time, and how it grows with the origins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks import flame as flame_graph
from benchmarks import report
from benchmarks.paired import BenchmarkError

Row = dict[str, Any]

# An opaque background reads the same on a light page and on a dark one.
_STYLE: Any = {
    "svg.hashsalt": "corsac",
    "svg.fonttype": "path",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "#ffffff",
    "axes.facecolor": "#ffffff",
}
_CORSAC, _OTHERS = "#d1651b", "#7d8aa0"
_COLOURS = ("#3867a6", "#3c8d5a", "#8a56ac", "#b03a5b", "#5c6570")
_ORIGINS = {"1": 1, "10": 10, "1 000": 1_000, "100 000": 100_000, "1 000 000": 1_000_000}


def _timed(rows: list[Row], axis: str) -> Iterator[Row]:
    for row in rows:
        # What is not told from nothing has no place on a logarithmic axis.
        if row["axis"] == axis and row["nanoseconds"] and row["nanoseconds"]["median"] > 0:
            yield row


def _bars(axes: Axes, rows: list[Row], title: str) -> None:
    rows = sorted(rows, key=lambda row: -float(row["nanoseconds"]["median"]))
    medians = [row["nanoseconds"]["median"] for row in rows]
    errors = [
        [row["nanoseconds"]["median"] - row["nanoseconds"]["lower"] for row in rows],
        [row["nanoseconds"]["upper"] - row["nanoseconds"]["median"] for row in rows],
    ]
    colours = [_CORSAC if row["variant"] == "Corsac" else _OTHERS for row in rows]
    names = [row["variant"] for row in rows]
    axes.barh(names, medians, xerr=errors, color=colours, ecolor="#1d2129", height=0.65)
    axes.set_xscale("log")
    axes.set_xlabel("nanoseconds, logarithmic; lines: quartiles")
    axes.set_title(title, loc="left")
    for place, median in enumerate(medians):
        axes.annotate(
            f"{median:,.0f}".replace(",", " "),
            (float(errors[1][place] + median), place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
        )
    axes.margins(x=0.2)


def _peers(rows: list[Row]) -> Figure:
    figure = Figure(figsize=(9, 5.2), layout="constrained")
    upper, lower = figure.subplots(2, 1)
    kinds = list(_timed(rows, "kind of request"))
    actual = [row for row in kinds if row["scenario"] == "actual, allowed"]
    preflight = [row for row in kinds if row["scenario"] == "preflight, allowed"]
    _bars(upper, actual, "Actual request from an allowed origin: added time")
    _bars(lower, preflight, "Preflight request from an allowed origin: the whole answer")
    return figure


def _origins(rows: list[Row]) -> Figure:
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    axes = figure.subplots()
    lines: dict[str, list[tuple[int, float]]] = {}
    for row in _timed(rows, "number of origins"):
        if row["scenario"] in _ORIGINS and not row["variant"].startswith(("empty", "Corsac,")):
            point = _ORIGINS[row["scenario"]], float(row["nanoseconds"]["median"])
            lines.setdefault(row["variant"], []).append(point)
    colours = iter(_COLOURS)
    for name, points in lines.items():
        ours = name == "Corsac"
        axes.plot(
            [count for count, _ in points],
            [median for _, median in points],
            marker="o",
            markersize=4,
            linewidth=2.6 if ours else 1.5,
            color=_CORSAC if ours else next(colours),
            label=name,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("exact origins in the policy")
    axes.set_ylabel("added nanoseconds")
    axes.set_title("Actual request from an allowed origin, by the number of origins", loc="left")
    axes.legend(frameon=False, loc="upper left")
    return figure


def draw(folder: Path, *, flame: bool) -> Iterator[Path]:
    """Draw the pictures of the results in a folder, there.

    Args:
        folder: Where `asgi.json` is.
        flame: Whether to record and draw the flame graph too.

    Raises:
        BenchmarkError: There are no results.
    """
    results = report.read(folder)
    if "asgi" not in results:
        raise BenchmarkError(f"no asgi.json in {folder}: python -m benchmarks full --only asgi")
    rows = results["asgi"]["rows"]
    with mpl.rc_context(_STYLE):
        for name, figure in (("peers", _peers(rows)), ("origins", _origins(rows))):
            path = folder / f"{name}.svg"
            # Without the date, so that the same results give the same file.
            figure.savefig(path, metadata={"Date": None})
            yield path
    if flame:
        yield flame_graph.draw(folder / "flame.svg")
