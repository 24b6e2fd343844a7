"""What a page's script set of a recorded request, and what browsers add themselves."""

from __future__ import annotations

from corsac import _core
from corsac._headers import Pairs, byte_lines
from corsac.har.headers import is_of_browsers
from corsac.har.recording import Entry

__all__ = ["fit", "script_headers"]

# A quotation mark makes any value one that is not CORS-safelisted.
_UNSAFE_VALUE = '"'


def script_headers(actual: Entry | None, preflight: Entry | None) -> Pairs:
    """Give what the page's script set: what the preflight asks for, or what only it can set."""
    lines = dict(reversed(actual.headers)) if actual is not None else {}
    if preflight is not None:
        values = {name: lines.get(name, "") for name in _asked(preflight) if _core.is_token(name)}
        return tuple((name, value or _UNSAFE_VALUE) for name, value in values.items())
    return tuple(
        (name, value or "1")
        for name, value in lines.items()
        if _core.is_token(name) and not is_of_browsers(name, value)
    )


def _asked(preflight: Entry) -> list[str]:
    names = preflight.header("access-control-request-headers")[:8_000]
    return [name.strip(" \t").lower() for name in names.split(",")]


# Browsers leave it out of a HAR that is to be passed on.
_NOT_ALWAYS_RECORDED = frozenset({"", "authorization"})


def fit(preflight: Entry, actual: Entry) -> int:
    """Say how well a request fits a preflight request: 2, 1, or not at all (0).

    It does not if it has none of the headers that were asked for and needs no preflight request.
    Of a request that was blocked, the headers may not be known.
    """
    lines = dict(actual.headers)
    if "origin" not in lines:
        return 2
    names = [name for name in _asked(preflight) if name not in _NOT_ALWAYS_RECORDED]
    if all(name in lines or is_of_browsers(name) for name in names):
        return 2
    own = byte_lines(script_headers(actual, None))
    return int(_core.browser_needs_preflight(actual.method, own, False, "standard"))
