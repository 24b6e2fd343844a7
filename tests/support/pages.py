"""The pages that users read, committed and generated, and the blocks of code in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from site_pages import generated

CHECKOUT = Path(__file__).resolve().parents[2]
DOCS = CHECKOUT / "docs"
GENERATED = {f"docs/{path}": text for path, text in generated.pages().items()}
COMMITTED = {
    path: page.read_text()
    for page in [CHECKOUT / "README.md", *sorted(DOCS.rglob("*.md"))]
    if (path := page.relative_to(CHECKOUT).as_posix()) not in GENERATED
}
PAGES = COMMITTED | GENERATED
"""The texts of pages by their paths in the checkout."""


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        language: The word after the fence; ``text`` is what the program before it prints.
        text: What stands between the fences.
        page: The page's path in the checkout.
        line: The number of its first line there.
    """

    language: str
    text: str
    page: str
    line: int

    def __str__(self) -> str:
        """Where it stands."""
        return f"{self.page}-{self.line}"


BLOCKS = [
    Block(found[1], found[2], name, page[: found.start(2)].count("\n") + 1)
    for name, page in PAGES.items()
    for found in re.finditer(r"^```([^\s`]+)[^\n]*\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
]


def blocks_of(*languages: str) -> list[Block]:
    """The blocks of some languages."""
    return [block for block in BLOCKS if block.language in languages]


def prose(page: str) -> str:
    """A page without its blocks."""
    return re.sub(r"^```.*?^```$", "", PAGES[page], flags=re.M | re.S)


def anchors(page: str) -> set[str]:
    """What links to headings of a page's text, and to its own anchors, are called."""
    text = re.sub(r"^```.*?^```$", "", page, flags=re.M | re.S)
    words = [re.sub(r"[^\w\s-]", "", found) for found in re.findall(r"^#+ (.*)$", text, re.M)]
    headings = {heading.lower().replace(" ", "-") for heading in words}
    return headings | set(re.findall(r"^\(([\w-]+)\)=$", text, re.M))


def targets(page: str) -> list[str]:
    """Where the links of a page lead that do not leave the checkout."""
    text = prose(page)
    found = [*re.findall(r"\]\(([^)]+)\)", text), *re.findall(r'\bsrc(?:set)?="([^"]+)"', text)]
    return [target for target in found if not target.startswith("https://")]
