"""The pages that are made of the code: which there are, and how they come beside the others.

They are not kept in the repository, which ignores them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from site_pages import api, causes, codes, commands, migration, observed, options

PAGES = {
    "reference/every-option.md": options.page,
    "reference/codes.md": codes.page,
    "reference/reasons.md": observed.reasons,
    "reference/metrics.md": observed.metrics,
    "reference/commands.md": commands.page,
    "reference/toml.md": api.toml,
    "reference/api.md": api.page,
}


@cache
def pages() -> dict[str, str]:
    """The text of each page by its path below `docs`."""
    return {path: make() for path, make in PAGES.items()} | causes.pages() | migration.pages()


def write(docs: Path) -> None:
    """Write what is new or has changed, so that Sphinx reads nothing twice."""
    files = {**pages(), "_static/console-messages.js": causes.search_data()}
    for path, text in files.items():
        file = docs / path
        if not file.exists() or file.read_text("utf-8") != text:
            file.write_text(text, "utf-8")
