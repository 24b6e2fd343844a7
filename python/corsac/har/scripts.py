"""What a page's script set of a recorded request, and what browsers add themselves."""

from __future__ import annotations

from corsac import _core
from corsac._headers import Pairs
from corsac.har.headers import is_of_browsers
from corsac.har.recording import Entry

__all__ = ["script_headers"]

# A quotation mark makes any value one that is not CORS-safelisted.
_UNSAFE_VALUE = '"'


def script_headers(actual: Entry | None, preflight: Entry | None) -> Pairs:
    """Give what the page's script set: what the preflight asks for, or what only it can set."""
    lines = dict(reversed(actual.headers)) if actual is not None else {}
    if preflight is not None:
        asked = preflight.header("access-control-request-headers")[:8_000]
        names = [name.strip(" \t").lower() for name in asked.split(",")]
        values = {name: lines.get(name, "") for name in names if _core.is_token(name)}
        return tuple((name, value or _UNSAFE_VALUE) for name, value in values.items())
    return tuple(
        (name, value or "1")
        for name, value in lines.items()
        if _core.is_token(name) and not is_of_browsers(name)
    )
