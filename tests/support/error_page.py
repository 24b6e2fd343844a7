"""The tables of codes in ``docs/errors.md``: the one place that says what each code means."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["code_tables"]


def code_tables() -> list[dict[str, tuple[str, str]]]:
    """The tables in their order: for each code, its column of severities and its meaning."""
    page = (Path(__file__).parents[2] / "docs" / "errors.md").read_text(encoding="utf-8")
    tables: list[dict[str, tuple[str, str]]] = []
    for line in page.splitlines():
        if line == "|---|---|---|":
            tables.append({})
        elif row := re.fullmatch(r"\| `([a-z_]+\.[a-z_]+)` \| ([^|]+) \| ([^|]+) \|", line):
            assert row[1] not in tables[-1]
            tables[-1][row[1]] = (row[2], row[3])
    return tables
