"""What tests do with a browser, whichever it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["ADD_FRAMES", "Pages"]

# A page of another origin in a frame, and one whose origin is opaque: `[[source, sandbox], ...]`.
ADD_FRAMES = """
(sources) => Promise.all(sources.map(([source, sandbox]) => new Promise((loaded) => {
  const frame = document.createElement("iframe");
  if (sandbox) frame.sandbox = sandbox;
  frame.onload = () => loaded(null);
  frame.src = source;
  document.body.append(frame);
})))
"""


@dataclass(frozen=True)
class Pages:
    """A page with frames in it, in one browser.

    Attributes:
        version: Of the browser, as it says it.
        call: Call a function in the page (``None``), or in one of its frames (0, 1, ...), with one
            argument, and wait for what it gives.
    """

    version: str
    call: Callable[[int | None, str, Any], Any]
