"""Odd entries of ``allow_origins``: formed like an origin, but the origin of no page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from corsac.errors import CORSConfigProblem
from corsac.validation.hosts import is_undecodable_label
from corsac.validation.regex.extensions import ASK_FOR_A_TOKEN, MADE_UP, Finding, any_id_regex

__all__ = ["check_odd_origins"]

_NAMED_PLACE = re.compile(r"(?:https?://)(?:\*\.)?([a-z0-9._-]+)(?::(?:\*|\d+))?")
_WEBSOCKET = re.compile(r"wss?://", re.IGNORECASE | re.ASCII)
_LOOPBACK = re.compile(r"(?:[a-z0-9_.-]*\.)?localhost|127(?:\.\d+){3}|\[::1\]")


def check_odd_origins(entries: Iterable[str]) -> Iterator[CORSConfigProblem]:
    """Find origins of WebSockets, ids that nobody keeps, and labels that no browser opens.

    The entries are those that `corsac.validation` picked as odd.
    """
    for entry in entries:
        for code, severity, message, hint in _check(entry):
            yield CORSConfigProblem(code, severity, "allow_origins", entry, message, hint)


def _check(entry: str) -> Iterator[Finding]:
    extensions = any_id_regex(entry.partition("://")[0])
    if extensions is not None and "*" not in entry:
        hint = f'write allow_origin_regex=r"{extensions}", {ASK_FOR_A_TOKEN}'
        yield "origin.random_extension_id", "warning", MADE_UP, hint
    if _WEBSOCKET.match(entry):
        message = "a WebSocket handshake has the origin of its page, http or https, never ws"
        hint = f'did you mean "{_page_origin(entry)}"?'
        yield "origin.websocket_scheme", "error", message, hint
    match = _NAMED_PLACE.fullmatch(entry)
    for label in match[1].split(".") if match and "xn--" in entry else ():
        if is_undecodable_label(label):
            message = f'the host label "{label}" stands for no text, so no browser opens it'
            hint = "copy the host from the address bar, or from the origin of a request"
            yield "origin.invalid", "error", message, hint


def _page_origin(entry: str) -> str:
    """Return the origin of the page that opens a WebSocket: http on the user's own machine only."""
    scheme, _, rest = entry.lower().partition("://")
    authority = rest.partition("/")[0].removesuffix(":80").removesuffix(":443")
    host = authority if authority.endswith("]") else authority.rpartition(":")[0] or authority
    is_plain = scheme == "ws" and _LOOPBACK.fullmatch(host)
    return f"{'http' if is_plain else 'https'}://{authority}"
