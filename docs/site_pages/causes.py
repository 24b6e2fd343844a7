"""A page for each cause of a blocked request, and the messages by which the search finds it.

Both are made of the table in `corsac.console`, which `corsac console` reads too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from corsac.console.diagnosis import Diagnosis, describe
from corsac.console.scanning import ESCAPED
from corsac.console.table import Cause, Message, straight, table
from site_pages.printed import ENGINES, ORIGIN, SAMPLES, causes_of, messages
from site_pages.text import GENERATED, block, call, escaped, plain
from site_pages.text import table as markdown_table

_LISTED = f'allow_origins=["{ORIGIN}"]'
DETAIL_VALUES = {
    "value-scheme": "http://app.example.com",
    "value-port": f"{ORIGIN}:8443",
    "value-default-port": f"{ORIGIN}:443",
    "value-case": "https://App.Example.com",
    "value-slash": f"{ORIGIN}/",
    "value-bare": "app.example.com",
    "value-pattern": "https://*.example.com",
}
"""The values of some details, in the place of the usual one."""

EXAMPLES: dict[str, tuple[Sequence[str], Mapping[str, Any]]] = {
    "missing-allow-origin": ((_LISTED,), {}),
    "preflight-missing-allow-origin": (
        (_LISTED, 'allow_methods=["DELETE"]'),
        {"method": "DELETE"},
    ),
    "allow-origin-mismatch": ((_LISTED,), {}),
    "allow-origin-missing-or-mismatch": ((_LISTED,), {}),
    "wildcard-with-credentials": (
        (_LISTED, "allow_credentials=True"),
        {"credentials": "include"},
    ),
    "allow-credentials-not-true": (
        (_LISTED, "allow_credentials=True"),
        {"credentials": "include"},
    ),
    "method-not-allowed": (
        (_LISTED, 'allow_methods=["DELETE"]'),
        {"method": "DELETE"},
    ),
    "header-not-allowed": (
        (_LISTED, 'allow_headers=["x-trace"]'),
        {"headers": {"X-Trace": "1"}},
    ),
    "authorization-not-listed": (
        (_LISTED, 'allow_headers=["authorization"]'),
        {"headers": {"Authorization": "Bearer token"}},
    ),
    "header-not-exposed": ((_LISTED, 'expose_headers=["x-trace"]'), {}),
}
"""Options that mend a cause, and the page's request that then passes; a test asks."""

_BY_STATUS: tuple[str, ...] = (
    "missing-allow-origin",
    "preflight-missing-allow-origin",
    "preflight-status",
)
_BY_STATUS += ("allow-origin-missing-or-mismatch",)


_SEEN_BY_PROBE: tuple[str, ...] = (
    "missing-",
    "allow-",
    "wildcard-",
    "preflight:",
    "redirect-userinfo",
)
_SEEN_BY_PROBE += ("redirect-scheme", "too-many-redirects", "network-error", "corp")


def pages() -> dict[str, str]:
    """The page of each cause by its path below `docs`."""
    return {f"blocked/{name}.md": _page(cause) for name, cause in table().causes.items()}


def _page(cause: Cause) -> str:
    values = {name: SAMPLES[name] for name in ("origin", "url")}
    told = describe(cause, None, cause.reasons, values | _asked(cause))
    parts = [GENERATED + f"# {escaped(cause.title)}\n", plain(told.cause) + "\n", *messages(cause)]
    parts += ["## Change it on the server\n", plain(told.fix_on_server) + "\n", *_example(cause)]
    parts += ["## Change it in the page\n", plain(told.fix_on_page) + "\n"]
    parts += [*_details(cause), *_see(cause, told)]
    return "\n".join(parts)


def _asked(cause: Cause) -> dict[str, str]:
    """What a probe has to ask for, so that the cause shows, and what its words name."""
    names = {"method-not-allowed": "method"}
    names |= dict.fromkeys(("header-not-allowed", "header-not-exposed"), "header")
    headers = {
        "authorization-not-listed": "authorization",
        "response-header-on-request": "access-control-allow-origin",
    }
    if cause.name in headers:
        return {"header": headers[cause.name]}
    is_asked_first = any(reason.startswith("preflight:") for reason in cause.reasons)
    name = names.get(cause.name, "method" if is_asked_first else "")
    return {name: SAMPLES[name]} if name else {}


def _example(cause: Cause) -> Iterator[str]:
    if cause.name in EXAMPLES:
        made = call("corsac.CORSMiddleware", ["app", *EXAMPLES[cause.name][0]])
        program = "import corsac\n\n\nasync def app(scope, receive, send): ...\n\n\n"
        yield "With Corsac, around any ASGI application:\n"
        yield block("python", f"{program}app = {made}")
        yield (
            "Where to put it: [Starlette and FastAPI](../how-to/starlette.md), "
            "[Flask](../how-to/flask.md), [Django](../how-to/django.md).\n"
        )


def _details(cause: Cause) -> Iterator[str]:
    """What else a message or an answer tells."""
    patterns = dict.fromkeys(_BY_STATUS, r"status-\d|origin-null")
    patterns["preflight-status"] = r"status-\d|status-first"
    patterns["allow-origin-mismatch"] = "value-|origin-null"
    patterns["websocket"] = r"websocket-\d"
    if cause.name not in patterns:
        return
    rows = [
        (plain(_shown(key, detail.cause)), plain(_shown(key, detail.server or "As above.")))
        for key, detail in table().details.items()
        if re.match(patterns[cause.name], key)
    ]
    yield "## Which of these is it?\n"
    yield markdown_table(["what is seen", "what to change"], rows)


def _shown(key: str, text: str) -> str:
    """A detail without a value of its own."""
    status = key.partition("-")[2] if key.startswith(("status-", "websocket-")) else ""
    status = "3xx" if status == "300" else status
    shown = {"status": status, "value": DETAIL_VALUES.get(key, SAMPLES["value"]), "origin": ORIGIN}
    return re.sub(r"\{(\w+)\}", lambda found: shown[found[1]], text)


def _see(cause: Cause, told: Diagnosis) -> Iterator[str]:
    yield "## See it\n"
    if told.probe and cause.reasons and cause.reasons[0].startswith(_SEEN_BY_PROBE):
        yield "`corsac probe` asks the server as the browser does, and says what is missing:\n"
        yield block("sh", told.probe)
    yield "`corsac console` reads what the browser printed, and says what this page says:\n"
    yield block("sh", "corsac console < pasted.txt")
    if cause.reasons:
        codes = " or ".join(f"`{reason.partition(':{')[0]}`" for reason in cause.reasons)
        yield f"In `explain`, `probe` and `corsac.browser` its code is {codes}.\n"


def search_data() -> str:
    """The literal texts of each message, and the pages of its causes, as a script."""
    rows = [
        _row(
            cause,
            message.engines,
            literal,
            _level(message),
            ends=message.ends,
            starts="error" in message.fields,
        )
        for message in table().messages
        if message.role != "rest" and any(message.parts)
        for cause, literal in _told_apart(message)
    ]
    cut_off = table().causes["body-cut-off"]
    rows += [_row(cut_off, ("chromium",), [f"{e} 200"], 0, starts=True) for e in _CUT_OFF]
    for error, name in table().network.items():
        cause = table().causes[name or "no-details"]
        literal = error if name else f"net::{error}"
        rows.append(_row(cause, ("chromium",), [literal], 0 if name else 3, starts=True))
    constants = {"CONSOLE_MESSAGES": rows, "CONSOLE_ESCAPED": ESCAPED.pattern}
    return "".join(f"const {name} = {json.dumps(value)};\n" for name, value in constants.items())


_CUT_OFF = ("ERR_CONNECTION_CLOSED", "ERR_CONNECTION_RESET", "ERR_HTTP2_PROTOCOL_ERROR")
"""Errors that are those of an answer that broke off where a status stands after them."""


def _row(
    cause: Cause,
    engines: Sequence[str],
    parts: Sequence[str],
    level: int,
    *,
    ends: bool = False,
    starts: bool = False,
) -> Mapping[str, object]:
    return {
        "page": f"blocked/{cause.name}",
        "title": cause.title,
        "engines": [ENGINES[engine] for engine in engines],
        "parts": parts,
        "level": level,
        "ends": ends,
        "starts": starts,
    }


def _level(message: Message) -> int:
    """What a message is worth beside others: only those of the lowest level are shown."""
    if message.role == "follow-up":
        return 3
    if message.cause.name == "unknown-cors":
        return 2
    # A short line by which older Chrome began others is worth less than what it went on with.
    return 1 if message.role == "alone" or message.ends or "error" in message.fields else 0


def _told_apart(message: Message) -> Iterator[tuple[Cause, Sequence[str]]]:
    """The causes of a message, each with what has to stand in a paste, in this order."""
    known = table().causes
    for cause in causes_of(message):
        # Framing is forbidden by the page, but for a directive that is of what is framed.
        is_framing = message.text.startswith("Framing ")
        literal = _literal(message, cause)
        yield known["content-security-policy"] if is_framing else cause, literal
    if message.cause.name == "missing-allow-origin" and "firefox" in message.engines:
        # It tells by a second line that it was the preflight request.
        literal = [*message.parts, "CORS request did not succeed"]
        yield known["preflight-missing-allow-origin"], literal
    for name, start, other in _BY_START.get(message.cause.name, ()):
        if name in message.fields and "X-Frame-Options" not in message.text:
            place = message.fields.index(name)
            before, part, *rest = message.parts[:place], *message.parts[place:]
            yield known[other], [*before, part + start, *rest]


_BY_START: Mapping[str, Sequence[tuple[str, str, str]]] = {
    "content-security-policy": (
        ("value", "frame-ancestors", "frame-denied"),
        ("what", "frame-ancestors", "frame-denied"),
    ),
    "frame-denied": (("value", "frame-ancestors", "frame-denied"),),
    "header-not-exposed": (("header", "Set-Cookie", "unreadable-header"),),
    "mode-same-origin": (("url", "file:", "scheme"),),
}
"""What the command tells by how a value starts: the field, its start, and the other cause."""


def _literal(message: Message, cause: Cause) -> Sequence[str]:
    """What has to stand in a paste for a cause of a message."""
    parts = list(message.parts)
    if cause is message.cause:
        return parts
    head = straight(table().heads["chromium-preflight"])
    others: Mapping[str, Sequence[str]] = {
        "authorization-not-listed": ["authorization".join(parts[:2]), *parts[2:]],
        "preflight-missing-allow-origin": [head, *parts],
        "preflight-redirect": [f"{parts[0]}. Status code: 3"],
        "response-header-on-request": [f"{parts[0]}access-control-", *parts[1:]],
    }
    return others[cause.name]
