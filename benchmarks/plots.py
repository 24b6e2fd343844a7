"""Pictures of the results: each library's added time, and how it grows with the origins.

Times are dots on a logarithmic axis, which has no zero that a bar could begin at. Each picture is
drawn for light and for dark pages, and names the machine, the versions and the date.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks import names
from benchmarks.measured import Results, Spread, is_clear, median_interval, number

_THEMES = {"light": ("#ffffff", "#1d2129", "#d7dbe2"), "dark": ("#0d1117", "#e6edf3", "#30363d")}
_CORSAC = "#e0752b"
_OTHERS = ("#4c8bd6", "#43a06a", "#a678d8", "#d9567f", "#8b96a5")
_ORIGINS = {"1": 1, "1 000": 1_000, "100 000": 100_000, "1 000 000": 1_000_000}
_EACH_TIME = "1 000 000, another origin each time"
# Title, part, axis and row of what stands in one panel.
_PANELS = (
    ("ASGI, actual request: added time", "asgi", "kind of request", "actual, allowed"),
    ("ASGI, preflight request: whole answer", "asgi", "kind of request", "preflight, allowed"),
    ("Inside Starlette, actual request: added time", "adapters", "Starlette", "actual, allowed"),
    ("Inside Flask, actual request: added time", "adapters", "Flask", "actual, allowed"),
    ("Inside Django, actual request: added time", "adapters", "Django", "actual, allowed"),
)
_VERSIONS = (
    *("corsac", "starlette", "flask", "flask-cors", "django", "django-cors-headers"),
    *("litestar", "falcon", "asgi-cors"),
)
_SOURCE_WIDTH = 120  # Letters of the smallest size.


def _style(theme: str) -> Any:
    back, text, grid = _THEMES[theme]
    colours = dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), text
    )
    return {
        **colours,
        "svg.hashsalt": "corsac",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlelocation": "left",
        "axes.titlesize": "medium",
        "axes.facecolor": back,
        "figure.facecolor": back,
        "grid.color": grid,
    }


def _spreads(results: Results, axis: str, row: str) -> dict[str, Spread | float]:
    """What each library took; for what is not told from nothing, how much it is at most."""
    found: dict[str, Spread | float] = {}
    for key, subject in results.subjects.items():
        values = results.values(key) if subject.baseline else []
        if key[:2] != (axis, row) or not values or "," in key[2]:
            continue
        if is_clear(values) and Spread.of(values).lower > 0:
            found[key[2]] = Spread.of(values, 1e9)
        elif median_interval(values)[1] > 0:
            found[key[2]] = median_interval(values)[1] * 1e9
    return found


def _size(spread: Spread | float) -> float:
    return spread.median if isinstance(spread, Spread) else spread


def _dots(axes: Axes, spreads: dict[str, Spread | float], title: str) -> None:
    ordered = sorted(spreads.items(), key=lambda one: -_size(one[1]))
    for place, (name, spread) in enumerate(ordered):
        colour = _CORSAC if name.startswith(names.CORSAC) else _OTHERS[-1]
        if not isinstance(spread, Spread):
            axes.plot([spread], [place], marker="<", markersize=7, mfc="none", color=colour)
            axes.annotate(f"  < {number(spread)}", (spread, place), va="center")
            continue
        axes.plot([spread.lower, spread.upper], [place, place], color=colour, lw=2)
        axes.plot([spread.median], [place], marker="o", markersize=7, color=colour)
        axes.annotate(f"  {number(spread.median)}", (spread.upper, place), va="center")
    axes.set_yticks(range(len(ordered)), [name for name, _ in ordered])
    axes.set(title=title, xscale="log", ylim=(-0.6, len(ordered) - 0.4))
    axes.grid(axis="x", which="major")
    axes.set_axisbelow(True)


def _source(parts: Mapping[str, Results]) -> str:
    """The machine, the Python, the versions and the date."""
    about = {name: text for one in parts.values() for name, text in one.about.items()}
    versions = [
        f"{name} {about[f'{name} version']}" for name in _VERSIONS if f"{name} version" in about
    ]
    machine = f"{about.get('cpu_model_name', 'unknown processor')}, {about['cpu_count']} cores"
    python = str(about["python_version"]).partition(" ")[0]
    said = f"{about['date']}; {machine}; Python {python}; {', '.join(versions)}"
    return textwrap.fill(said, _SOURCE_WIDTH)


def _peers(parts: Mapping[str, Results]) -> Figure:
    panels = [
        (title, spreads)
        for title, part, axis, row in _PANELS
        if part in parts and (spreads := _spreads(parts[part], axis, row))
    ]
    heights = [len(spreads) + 1.2 for _, spreads in panels]
    figure = Figure(figsize=(9, 0.34 * sum(heights) + 1.0), layout="constrained")
    all_axes = figure.subplots(
        len(panels), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    for axes, (title, spreads) in zip(all_axes[:, 0], panels, strict=True):
        _dots(axes, spreads, title)
    all_axes[-1, 0].set(
        xlabel="nanoseconds, logarithmic axis; dots: medians, lines: quartiles; <: at most"
    )
    all_axes[-1, 0].margins(x=0.12)
    figure.supxlabel(_source(parts), fontsize="x-small")
    return figure


def _origins(parts: Mapping[str, Results]) -> Figure:
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    lines: dict[str, list[tuple[int, float]]] = {}
    for row, count in _ORIGINS.items():
        for name, spread in _spreads(parts["asgi"], "number of origins", row).items():
            if name not in (names.EMPTY, names.FLOOR) and isinstance(spread, Spread):
                lines.setdefault(name, []).append((count, spread.median))
    each_time = _spreads(parts["asgi"], "number of origins", _EACH_TIME)
    colours = iter(_OTHERS)
    for name, points in lines.items():
        ours = name == names.CORSAC
        colour, width = (_CORSAC, 2.6) if ours else (next(colours), 1.5)
        counts, medians = zip(*points, strict=True)
        axes.plot(counts, medians, marker="o", markersize=5, label=name, color=colour, lw=width)
        if isinstance(each_time.get(name), Spread):
            median = _size(each_time[name])
            axes.plot([1_000_000], [median], marker="D", mfc="none", color=colour, lw=0)
    axes.plot(
        [], [], marker="D", mfc="none", color=_OTHERS[-1], lw=0, label="another origin each time"
    )
    axes.set(xscale="log", xlabel="exact origins in the policy, logarithmic axis")
    axes.set(yscale="log", ylabel="added nanoseconds, logarithmic axis")
    axes.set(
        title="Actual request of the same origin each time, which is in the middle of the list"
    )
    axes.grid(which="major")
    axes.set_axisbelow(True)
    axes.legend(frameon=False, loc="upper left")
    figure.supxlabel(_source({"asgi": parts["asgi"]}), fontsize="x-small")
    return figure


def draw(parts: Mapping[str, Results], folder: Path) -> Iterator[Path]:
    """Draw the pictures of the parts of one Python into a folder, if they are there."""
    for theme in _THEMES if "asgi" in parts else ():
        with mpl.rc_context(_style(theme)):
            for name, make in (("peers", _peers), ("origins", _origins)):
                path = folder / f"{name}-{theme}.svg"
                # Without the date, so that the same results give the same file.
                make(parts).savefig(path, metadata={"Date": None})
                yield path
