"""Numbers and tables as people read them, in a terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def number(value: float) -> str:
    """Three digits that count, with spaces between thousands."""
    if abs(value) >= 100:
        return f"{value:,.0f}".replace(",", " ")
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.2g}"


def spread(value: dict[str, float]) -> str:
    """A median with its quartiles."""
    lower, upper = number(value["lower"]), number(value["upper"])
    return f"{number(value['median'])} ({lower} to {upper})"


def ratio(row: Mapping[str, Any], name: str) -> str:
    """A row's ratio: empty if it has none, `~` if one of the two is not told from nothing."""
    if name not in row:
        return ""
    return "~" if row[name] is None else spread(row[name])


WSGI_HEADER = ["request", "", "nanoseconds", "to the empty wrapper", "to Corsac", "remarks"]


def wsgi_cells(row: Mapping[str, Any]) -> list[str]:
    """A row of the part `wsgi` as tables show it."""
    if row["nanoseconds"] is None:
        return [row["scenario"], row["variant"], "", "", "", row["note"]]
    zero = "~ " if row["indistinguishable_from_zero"] else ""
    return [
        row["scenario"],
        row["variant"],
        zero + spread(row["nanoseconds"]),
        ratio(row, "to_wrapper"),
        ratio(row, "to_corsac"),
        row["note"],
    ]


def text(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for a terminal."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [header, ["-" * width for width in widths], *rows]
    ]
    return "\n".join(lines)


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for a README."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
