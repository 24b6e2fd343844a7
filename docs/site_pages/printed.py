"""What browsers print for each cause: the recorded lines, and the table's where none is recorded.

What was recorded is in `tests/conformance/console`, with names in the places of URLs and the like.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import cache
from pathlib import Path
from typing import NamedTuple

from corsac.console import diagnose
from corsac.console.table import Cause, Message, straight, table
from site_pages.text import block

ORIGIN, URL = "https://app.example.com", "https://api.example.com/notes"
ENGINES = {"chromium": "Chrome, Edge", "firefox": "Firefox", "webkit": "Safari (WebKit)"}
SAMPLES = {
    "origin": ORIGIN,
    "url": URL,
    "kind": "fetch",
    "method": "DELETE",
    "header": "x-trace",
    "value": "https://other.example.com",
    "status": "403",
    "page_url": f"{ORIGIN}/",
    "redirect": "https://www.example.com/notes",
    "schemes": "chrome, chrome-extension, data, http, https",
    "scheme": "localhost",
    "error": "ERR_CONNECTION_REFUSED",
    "port": "6000",
    "host": "api.example.com",
    "space": "loopback",
    "initiator": f"{ORIGIN}/",
    "address": "127.0.0.1:8080",
    "secure": "True",
    "seconds": "20",
    "what": "script",
}
"""What stands in the messages that a page shows."""

_LIBRARY = "https://cdn.example.com/lib.js"
_SCRIPT = {"url": _LIBRARY, "what": "script", "value": "script-src 'self'"}
_FRAME = {"url": "https://api.example.com/", "value": "frame-ancestors 'self'"}
OF_TEXTS: Mapping[str, Mapping[str, str]] = {
    "insecure {what} '": {"url": "http://cdn.example.com/lib.js"},
    "insecure {what} '{url}'. This": {"url": "http://cdn.example.com/logo.png", "what": "image"},
    "automatically upgraded": {"what": "element"},
    "mixed display content": {"url": "http://cdn.example.com/logo.png"},
    "oading the {what}": _SCRIPT,
    "to load the {what}": _SCRIPT,
    "blocked a script": {"url": _LIBRARY, "value": "script-src-elem"},
    "blocked a style": {"url": "https://cdn.example.com/page.css", "value": "style-src-elem"},
    "the {what} directive": {"url": _LIBRARY, "what": "script-src"},
    "of a resource at {url}": {"value": "connect-src"},
    "Framing '": _FRAME,
    "to frame '": _FRAME,
    "valid digest": {"url": _LIBRARY, "what": "SHA-256"},
    "hashes in the integrity attribute": {"url": _LIBRARY, "what": "sha384"},
    "WebSocket connection to": {"url": "wss://api.example.com/live"},
}
"""Other values where a text has a piece; the last that fits counts."""

VALUES = {
    "integrity-mismatch": "Li9vy3DqF8tnTXuiaAJuML3ky+er10rcgNR/VqsVpcw=",
    "MultipleAllowOriginValues": f"{ORIGIN}, {ORIGIN}",
    "InvalidAllowOriginValue": "true",
    "InvalidAllowCredentials": "false",
    "PreflightInvalidAllowPrivateNetwork": "false",
    "content-security-policy": "connect-src 'self'",
}
"""The values of some messages, in the place of the usual one."""

_PREFIX = "Failed to load resource: "
"""What tells a line that any program may print."""

_RECORDED = Path(__file__).parents[2] / "tests/conformance/console/messages.json"

PLACES = SAMPLES | {
    "redirect_url": "https://www.example.com/notes",
    "other_origin": "https://other.example.com",
    "ip_and_port": "127.0.0.1:8080",
    "server_host": "api.example.com",
    "server_origin": "https://api.example.com",
    "host": "app.example.com",
    "host_and_port": "app.example.com:8443",
    "origin_with_https": "http://app.example.com",
    "origin_without_port": f"{ORIGIN}:8443",
    "origin_in_other_case": "https://App.Example.com",
    "redirect_url_without_user": "https://www.example.com/notes",
    "status_text": "Forbidden",
}
"""What stands in the places of recorded lines."""

_NAMES = {"PUT": "DELETE", "x-a": "x-trace", "X-A": "X-Trace", "X-Total": "X-Trace"}
"""Methods and headers of recorded lines, and those of the pages' examples."""

_LOCAL = {"url": "http://127.0.0.1:8080/notes"}
_INSECURE = {"url": "http://api.example.com/notes"}
CASES: Mapping[str, Mapping[str, str]] = {
    "bad-port": {"url": "https://api.example.com:6667/notes"},
    "eventsource-500": {"url": "https://api.example.com/events"},
    "eventsource-type": {"url": "https://api.example.com/events"},
    "https-to-localhost": _LOCAL,
    "lna-insecure": _LOCAL
    | {"origin": "http://app.example.com", "page_url": "http://app.example.com/"},
    "lna-mixed": _LOCAL,
    "lna-preflight": _LOCAL,
    "lna-secure": _LOCAL,
    "lna-space": _LOCAL,
    "lna-ws": {"url": "ws://127.0.0.1:8080/live"},
    "mixed-content": _INSECURE,
    "mixed-content-xhr": _INSECURE,
    "not-http": {"url": "ftp://api.example.com/notes"},
    "redirect-scheme": {"redirect_url": "data:text/plain,milk"},
    "redirect-userinfo": {"redirect_url": "https://user:password@www.example.com/notes"},
    "scheme-file": {"url": "file:///home/me/notes.json"},
    "file-file": {"url": "file:///home/me/notes.json"},
    "file-module": {"url": "file:///home/me/page.js"},
    "scheme-ftp": {"url": "ftp://api.example.com/notes"},
    "scheme-missing": {"url": "localhost:8000/notes"},
    "scheme-missing-ip": {"url": "127.0.0.1:8000/notes"},
    "scheme-missing-xhr": {"url": "localhost:8000/notes"},
    "websocket-403": {"url": "wss://api.example.com/live"},
    "websocket-mixed": {"url": "ws://api.example.com/live"},
    "websocket-refused": {"url": "wss://api.example.com/live"},
}
"""Other values of single cases, whose URLs are of another kind."""


def messages(cause: Cause) -> Iterator[str]:
    """What each engine prints for a cause, as a section of its page."""
    found: dict[str, list[str]] = {}
    for message in table().messages:
        if not _fits(message, cause):
            continue
        for engine in message.engines:
            line = _recorded(message, engine, cause)
            if line or message.role not in NO_CAUSE:
                found.setdefault(engine, []).append(line or _printed(message, engine, cause))
    if errors := _errors(cause, has_others="chromium" in found):
        found.setdefault("chromium", []).extend(errors)
    if not found:
        return
    yield "## What the browser prints\n"
    for engine in sorted(found, key=list(ENGINES).index):
        yield f"{ENGINES[engine]}:\n"
        yield block("console", "\n".join(dict.fromkeys(found[engine])))


def _errors(cause: Cause, *, has_others: bool) -> Sequence[str]:
    """Chrome's lines of the network's errors, if one of them was seen, or if it has no others."""
    names = [error for error, name in table().network.items() if (name or NOTHING) == cause.name]
    lines = [f"{_PREFIX}net::{error}" for error in names]
    seen = {line for row in _rows() if row.engine == "chromium" for line in row.lines}
    return [] if has_others and seen.isdisjoint(lines) else lines


NOTHING = "no-details"
"""The cause of lines that say nothing of one; its page shows them."""

NO_CAUSE = ("follow-up", "rest")
"""The roles of lines that say nothing of a cause, or stand for what no message fits."""


def _fits(message: Message, cause: Cause) -> bool:
    """Whether a message is printed for a cause, be it for others too."""
    if message.role in NO_CAUSE:
        return message.role == "follow-up" and cause.name == NOTHING
    codes = set(message.reasons or message.cause.reasons)
    if message.phase == "unsaid":
        codes |= {f"preflight:{code}" for code in codes}
    same = message.phase == "unsaid" and not codes.isdisjoint(cause.reasons)
    same = same and "redirect" not in message.fields  # A preflight request follows none.
    return same or cause in causes_of(message)


def causes_of(message: Message) -> Sequence[Cause]:
    """The causes that a message may have: some are told apart by what stands in it."""
    causes = table().causes
    if message.cause.name == "preflight-status" and "webkit" in message.engines:
        return [message.cause, causes["preflight-redirect"]]
    if message.cause.name == "header-not-allowed":
        others = ("authorization-not-listed", "response-header-on-request")
        return [message.cause, *(causes[name] for name in others)]
    if message.cause.name == "missing-allow-origin" and "chromium" in message.engines:
        return [message.cause, causes["preflight-missing-allow-origin"]]
    return [message.cause]


class _Row(NamedTuple):
    """What was seen: an engine's lines, and the names and codes of their causes."""

    engine: str
    lines: Sequence[str]
    names: Set[str]
    codes: Set[str]


@cache
def _rows() -> Sequence[_Row]:
    rows: list[_Row] = []
    for row in json.loads(_RECORDED.read_text("utf-8")):
        if row["seen"]:
            places = {**PLACES, **CASES.get(row["case"], {})}
            lines = [_filled(line, places) for line in row["messages"]]
            told = diagnose("\n".join(lines))
            codes = {code for each in told for code in each.reasons}
            rows.append(_Row(row["engine"], lines, {each.name for each in told}, codes))
    return rows


def _filled(line: str, places: Mapping[str, str]) -> str:
    line = re.sub(r"\{(\w+)\}", lambda found: places[found[1]], line)
    for name, shown in _NAMES.items():
        line = re.sub(rf"\b{name}\b", shown, line)
    return line


def _recorded(message: Message, engine: str, cause: Cause) -> str | None:
    """The recorded line of a message, of a request with that very cause if there is one."""
    pattern = (r"\S*?" if message.ends else ".*?").join(re.escape(part) for part in message.parts)
    if cause.name == "preflight-redirect" and message.cause is not cause:
        pattern += re.escape(". Status code: 3")
    if message.shared:
        pattern = _PREFIX + pattern
    expression = re.compile(f"{pattern}$" if message.ends else pattern)
    found = [
        (cause.name not in row.names, row.codes.isdisjoint(cause.reasons), number, place, line)
        for number, row in enumerate(_rows())
        for place, line in enumerate(row.lines)
        if row.engine == engine and expression.search(straight(line))
    ]
    if cause.name == NOTHING:
        own = [each for each in found if [told.name for told in diagnose(each[-1])] == [NOTHING]]
    else:
        own = [each for each in found if not (each[0] and each[1])]
    return min(own)[-1] if own else None


def _printed(message: Message, engine: str, cause: Cause) -> str:
    """A message as the table has it, for a request of the samples."""
    values = dict(SAMPLES)
    if cause.name == "authorization-not-listed":
        values["header"] = "authorization"
    if cause.name == "response-header-on-request":
        values["header"] = "access-control-allow-origin"
    if cause.name == "url-credentials":
        values["url"] = "https://user:password@api.example.com/notes"
    values["value"] = VALUES.get(message.code or cause.name, values["value"])
    if engine == "webkit" and all(code.startswith("preflight:") for code in cause.reasons):
        # It says something else of a preflight whose status is not 200 to 299.
        values["status"] = "404" if message.cause is cause else "204"
    for piece, own in OF_TEXTS.items():
        if piece in message.text:
            values |= own
    head = table().heads.get(engine, "") if message.head else ""
    is_asked = message.preflight or cause.name == "preflight-missing-allow-origin"
    if is_asked and f"{engine}-preflight" in table().heads:
        head += table().heads[f"{engine}-preflight"]
    for name, value in values.items():
        head = head.replace(f"{{{name}}}", value)
    if message.shared:
        head = _PREFIX
    printed = head + message.fill(values)
    return f"{printed}..." if printed.endswith(": ") else printed
