"""How the committed pages, which are Markdown for any reader, become pages of the site.

The lists of links on first pages are the navigation too, and what lies outside of `docs` is named
instead of linked, for a site stands alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from site_pages import generated

_ITEM_LINK = re.compile(r"^- \[[^\]]+\]\(([\w./-]+)\.md\)", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(((?:\.\./)+[^)#]+)(?:#[^)]*)?\)")

_PICTURE = re.compile(
    r"<picture>\s*<source\s+media=\"\(prefers-color-scheme:\s+dark\)\"\s+srcset=\"([^\"]+)\">\s*"
    r"<img\s+alt=\"([^\"]+)\"\s+src=\"([^\"]+)\">\s*</picture>"
)

GENERATED_LIST = "<!-- the generated pages of this folder -->"
"""Stands in a first page where the site lists the pages that are not committed."""


SEARCH = "<!-- search -->"
"""Stands where the site has a field to paste what a browser printed into."""


def _search(docname: str) -> str:
    """The field, for who does not see that of the theme, as on a telephone."""
    up = "../" * docname.count("/")
    return (
        f'<form class="paste" action="{up}search.html" method="get" role="search">'
        '<input name="q" type="search" aria-label="What the browser printed"'
        ' placeholder="Paste what the browser printed">'
        '<button type="submit">Find the cause</button></form>'
    )


def _list_of_generated(docname: str) -> str:
    """Links to the generated pages beside a page."""
    folder = str(PurePosixPath(docname).parent)
    texts = {
        PurePosixPath(path).name: text
        for path, text in generated.pages().items()
        if str(PurePosixPath(path).parent) == folder
    }
    titles = {name: re.search(r"^# (.+)$", text, re.MULTILINE) for name, text in texts.items()}
    return "".join(f"- [{title[1]}]({name})\n" for name, title in titles.items() if title)


def _picture(found: re.Match[str]) -> str:
    """Both pictures of a pair, of which the theme shows one; Sphinx copies them into the site."""
    dark, alt, light = found.groups()
    return "\n".join(
        f"```{{image}} {path}\n:alt: {' '.join(alt.split())}\n:class: only-{theme}\n```\n"
        for theme, path in (("light", light), ("dark", dark))
    )


def navigation(text: str) -> Sequence[str]:
    """The pages that a first page lists, in its order."""
    return _ITEM_LINK.findall(text)


def for_the_site(docname: str, text: str, docs: Path) -> str:
    """Write a committed page as Sphinx wants it.

    Args:
        docname: Its path below `docs`, without the suffix.
        text: Its Markdown.
        docs: That folder.

    Returns:
        The Markdown, with navigation where it is a first page, and without links out of `docs`
        but to files that the site can have too.
    """
    below = docs / PurePosixPath(docname).parent

    def link(found: re.Match[str]) -> str:
        path = Path(os.path.normpath(below / found[2]))
        outside = not path.is_relative_to(docs)
        return found[1] if outside and (path.is_dir() or path.suffix == ".md") else found[0]

    text = _PICTURE.sub(_picture, _LINK.sub(link, text)).replace(
        GENERATED_LIST, _list_of_generated(docname)
    )
    text = text.replace(SEARCH, _search(docname))
    if PurePosixPath(docname).name != "index" or not (entries := navigation(text)):
        return text
    return "\n".join([text, "```{toctree}", ":hidden:", "", *entries, "```", ""])
