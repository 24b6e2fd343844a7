"""Odd entries of ``allow_origins``: formed like an origin, but the origin of no page."""

from __future__ import annotations

import re

from corsac.errors import CORSConfigProblem
from corsac.validation.hosts import is_undecodable_label
from corsac.validation.regex.extensions import MADE_UP, any_id_regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["check_odd_origins"]

_NAMED_PLACE = re.compile(r"(?:https?://)(?:\*\.)?([a-z0-9._-]+)(?::(?:\*|\d+))?")
_WEBSOCKET = re.compile(r"wss?://", re.IGNORECASE | re.ASCII)
_LOOPBACK = re.compile(r"(?:[a-z0-9_.-]*\.)?localhost|127(?:\.\d+){3}|\[::1\]")


def check_odd_origins(entries: Iterable[str]) -> Iterator[CORSConfigProblem]:
    """Find origins of WebSockets, ids that nobody keeps, and labels that no browser opens.

    The entries are those that `corsac.validation` picked as odd; nothing is said of all others.
    """
    for entry in entries:
        extensions = any_id_regex(entry.partition("://")[0])
        if extensions is not None and "*" not in entry:
            yield CORSConfigProblem(
                "origin.random_extension_id",
                "warning",
                "allow_origins",
                entry,
                MADE_UP,
                f'write allow_origin_regex=r"{extensions}", which is every extension, '
                "and ask for a token",
            )
        if _WEBSOCKET.match(entry):
            yield CORSConfigProblem(
                "origin.websocket_scheme",
                "error",
                "allow_origins",
                entry,
                "a WebSocket handshake has the origin of its page, http or https, never ws",
                f'did you mean "{_page_origin(entry)}"?',
            )
        match = _NAMED_PLACE.fullmatch(entry)
        for label in match[1].split(".") if match and "xn--" in entry else ():
            if is_undecodable_label(label):
                yield CORSConfigProblem(
                    "origin.invalid",
                    "error",
                    "allow_origins",
                    entry,
                    f'the host label "{label}" stands for no text, so no browser opens it',
                    "copy the host from the address bar, or from the origin of a request",
                )


def _page_origin(entry: str) -> str:
    """The origin of the page that opens a WebSocket: http only on the user's own machine."""
    scheme, _, rest = entry.lower().partition("://")
    authority = rest.partition("/")[0].removesuffix(":80").removesuffix(":443")
    host = authority if authority.endswith("]") else authority.rpartition(":")[0] or authority
    is_plain = scheme == "ws" and _LOOPBACK.fullmatch(host)
    return f"{'http' if is_plain else 'https'}://{authority}"
