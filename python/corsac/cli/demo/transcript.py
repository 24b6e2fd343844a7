"""The transcript: every exchange step by step, for a terminal or a pipe."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from corsac.cli.demo.exchange import Verdict
from corsac.cli.demo.scenarios import Addresses, Scenario
from corsac.cli.demo.steps import Step

__all__ = ["write_addresses", "write_exchange", "write_summary"]

_STYLES = {"plain": "", "good": "green", "bad": "red", "skipped": "bright_black"}
_TITLE_WIDTH = 20
_NUMBER_WIDTH = 5
_INDENT = " " * (2 + _NUMBER_WIDTH + _TITLE_WIDTH)
_LESSON_WIDTH = 96


def _line(console: Console, *parts: tuple[str, str] | str) -> None:
    # Not wrapped: a header line is one line, also where nobody sees how wide the window is.
    console.print(Text.assemble(*parts), soft_wrap=True, highlight=False)


def write_addresses(console: Console, addresses: Addresses) -> None:
    """Say where everything is."""
    _line(console, ("The API           ", "bold"), addresses.api)
    _line(console, ("The allowed page  ", "bold"), addresses.allowed_page)
    _line(console, ("The refused page  ", "bold"), addresses.refused_page)


def write_exchange(
    console: Console,
    scenario: Scenario,
    addresses: Addresses,
    steps: Sequence[Step],
    verdict: Verdict,
) -> None:
    """Write one exchange with its verdict."""
    console.print()
    console.rule(Text(scenario.title, style="bold"), align="left", style="bright_black")
    page, api = scenario.origin(addresses), addresses.api
    credentials = ", with credentials" if scenario.credentials_include else ""
    _line(console, f"  {page} -> {scenario.method} {api}{scenario.path}{credentials}")
    for step in steps:
        style = _STYLES[step.tone]
        _line(
            console,
            "  ",
            (f"{step.number:<{_NUMBER_WIDTH}}", "bright_black"),
            (f"{step.title:<{_TITLE_WIDTH}}", "bold" if step.tone != "skipped" else style),
            (step.text, style),
        )
        for name, value in step.headers:
            _line(console, _INDENT, (f"{name}: ", "cyan"), value)
    _write_expectation(console, scenario, verdict)
    lesson = Padding(Text(scenario.lesson, style="italic"), (0, 0, 0, 2 + _NUMBER_WIDTH))
    console.print(lesson, width=min(console.width, _LESSON_WIDTH))


def _write_expectation(console: Console, scenario: Scenario, verdict: Verdict) -> None:
    if verdict.is_as(scenario.expected):
        _line(console, " " * (2 + _NUMBER_WIDTH), ("as expected", "green"))
        return
    _line(console, " " * (2 + _NUMBER_WIDTH), ("NOT as expected", "bold red"))
    _line(console, _INDENT, f"expected: {scenario.expected}")
    _line(console, _INDENT, f"came:     {verdict}")


def write_summary(console: Console, rows: Sequence[tuple[Scenario, Verdict]]) -> None:
    """Write one line for each exchange, and how many were as expected."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for heading in ("", "preflight", "app ran", "script", "expected"):
        table.add_column(heading, no_wrap=True)
    right = 0
    for scenario, verdict in rows:
        is_right = verdict.is_as(scenario.expected)
        right += is_right
        table.add_row(
            scenario.title,
            "yes" if verdict.preflight_sent else "no",
            "yes" if verdict.application_ran else "no",
            Text("ALLOWED", "green") if verdict.allowed else Text("BLOCKED", "red"),
            Text("yes", "green") if is_right else Text("NO", "bold red"),
        )
    console.print()
    console.rule(Text("Summary", style="bold"), align="left", style="bright_black")
    console.print(table)
    style = "green" if right == len(rows) else "bold red"
    _line(console, (f"{right} of {len(rows)} verdicts as expected", style))
