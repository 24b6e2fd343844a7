"""How Sphinx makes the site of these pages: `make docs`."""

from __future__ import annotations

import sys
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from site_pages import generated  # noqa: E402
from site_pages.structure import for_the_site  # noqa: E402

import corsac  # noqa: E402

project = "Corsac"
author = "The Corsac developers"
copyright = author
release = version = corsac.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "site_pages.sequence_diagram",
]
exclude_patterns = ["site_pages", "**/__pycache__"]
default_role = "code"
highlight_language = "none"

myst_heading_anchors = 4
myst_fence_as_directive = {"mermaid"}

napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"

html_theme = "furo"
pygments_style = "friendly"
pygments_dark_style = "github-dark"
html_title = f"Corsac {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [
    ("console-messages.js", {"defer": "defer"}),
    ("console-search.js", {"defer": "defer"}),
]
html_copy_source = False
html_show_sphinx = False


def setup(app: Sphinx) -> dict[str, bool]:
    """Generate pages before they are read, and write the committed ones as Sphinx wants them."""
    generated.write(HERE)

    def read(_: Sphinx, docname: str, source: list[str]) -> None:
        source[0] = for_the_site(docname, source[0], HERE)

    app.connect("source-read", read)
    app.add_lexer("log", TextLexer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
