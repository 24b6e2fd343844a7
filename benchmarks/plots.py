"""Pictures of the results: each library's added time, and how it grows with the origins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks import names
from benchmarks.measured import Results, Spread, number

_STYLE: Any = {
    "svg.hashsalt": "corsac",
    "axes.spines.top": False,
    "axes.spines.right": False,
    # An opaque background reads the same on a light page and on a dark one.
    "figure.facecolor": "#ffffff",
    "axes.facecolor": "#ffffff",
    "axes.titlelocation": "left",
}
_CORSAC, _OTHERS = "#d1651b", "#7d8aa0"
_COLOURS = ("#3867a6", "#3c8d5a", "#8a56ac", "#b03a5b", "#5c6570")
_ORIGINS = {"1": 1, "1 000": 1_000, "100 000": 100_000, "1 000 000": 1_000_000}


def _spreads(results: Results, axis: str, row: str) -> dict[str, Spread]:
    """What each library took; what is not told from nothing has no place on such an axis."""
    found = {}
    for key, subject in results.subjects.items():
        values = results.values(key) if subject.baseline and "," not in key[2] else []
        if key[:2] == (axis, row) and values and Spread.of(values).lower > 0:
            found[key[2]] = Spread.of(values, 1e9)
    return found


def _bars(axes: Axes, spreads: dict[str, Spread], title: str) -> None:
    ordered = sorted(spreads.items(), key=lambda one: -one[1].median)
    labels, medians = [name for name, _ in ordered], [spread.median for _, spread in ordered]
    lower = [spread.median - spread.lower for _, spread in ordered]
    upper = [spread.upper - spread.median for _, spread in ordered]
    colours = [_CORSAC if name == names.CORSAC else _OTHERS for name in labels]
    axes.barh(labels, medians, xerr=[lower, upper], color=colours, ecolor="#1d2129", height=0.65)
    axes.set(xscale="log", xlabel="nanoseconds, logarithmic; lines: quartiles", title=title)
    for place, (_, spread) in enumerate(ordered):
        axes.annotate(number(spread.median), (spread.upper * 1.04, place), va="center")
    axes.margins(x=0.2)


def _peers(results: Results) -> Figure:
    figure = Figure(figsize=(9, 5.2), layout="constrained")
    for axes, row, title in zip(
        figure.subplots(2, 1),
        ("actual, allowed", "preflight, allowed"),
        ("Actual request from an allowed origin: added time", "Preflight request: whole answer"),
        strict=True,
    ):
        _bars(axes, _spreads(results, "kind of request", row), title)
    return figure


def _origins(results: Results) -> Figure:
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    axes = figure.subplots()
    lines: dict[str, list[tuple[int, float]]] = {}
    for row, count in _ORIGINS.items():
        for name, spread in _spreads(results, "number of origins", row).items():
            if name not in (names.EMPTY, names.FLOOR):
                lines.setdefault(name, []).append((count, spread.median))
    colours = iter(_COLOURS)
    for name, points in lines.items():
        ours = name == names.CORSAC
        counts, medians = zip(*points, strict=True)
        colour, width = (_CORSAC, 2.6) if ours else (next(colours), 1.5)
        axes.plot(counts, medians, marker="o", markersize=4, label=name, color=colour, lw=width)
    axes.set(xscale="log", xlabel="exact origins in the policy")
    axes.set(yscale="log", ylabel="added nanoseconds, logarithmic")
    axes.set(title="Actual request from an allowed origin, by the number of origins")
    axes.legend(frameon=False, loc="upper left")
    return figure


def draw(asgi: Results, folder: Path) -> Iterator[Path]:
    """Draw the pictures of the part `asgi` into a folder."""
    with mpl.rc_context(_STYLE):
        for name, make in (("peers", _peers), ("origins", _origins)):
            path = folder / f"{name}.svg"
            # Without the date, so that the same results give the same file.
            make(asgi).savefig(path, metadata={"Date": None})
            yield path
