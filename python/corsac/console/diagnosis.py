"""What a message of a browser's console means, in words that are filled in for its request."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corsac._values import PlainData
from corsac.console.table import Cause, table

__all__ = ["Diagnosis", "describe", "without_passwords"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis(PlainData):
    """What one message means that a browser printed.

    Attributes:
        name: The name of the cause, which its page of the documentation has too.
        title: The cause in a few words.
        engine: ``"chromium"``, ``"firefox"`` or ``"webkit"``; ``None`` if two of them print the
            same.
        reason: The code of `corsac.browser.simulate` for the same exchange. Where the message fits
            several, all of them with " or " between: WebKit prints one line for a header that is
            missing and for one that is wrong. ``None`` where there is no such code.
        reasons: Those codes, and after them others that a rare case or a paste that is not whole
            would have: Firefox tells by a second line that it was the preflight that failed.
        is_cors: CORS (or Local Network Access) is what has blocked the request; otherwise something
            else has, such as mixed content, and no CORS header would help.
        cause: What is wrong.
        fix_on_server: What to change there, with the names of Corsac's options.
        fix_on_page: What to change in the page.
        url: What the page asked for; after a redirect, where that went. ``None`` if the message
            does not say.
        origin: The page's origin; ``None`` if the message does not say.
        method: The method, if the message names one.
        header: The header that the message names.
        value: The value that the message shows, such as that of Access-Control-Allow-Origin.
        status: The status of the answer, if the message has it.
        page: The page of the documentation, as a path in the repository, where ``make docs`` makes
            it.
        count: How often the message was there.
    """

    name: str
    title: str
    engine: str | None
    reason: str | None
    reasons: tuple[str, ...]
    is_cors: bool
    cause: str
    fix_on_server: str
    fix_on_page: str
    url: str | None = None
    origin: str | None = None
    method: str | None = None
    header: str | None = None
    value: str | None = None
    status: int | None = None
    page: str
    count: int = 1

    @property
    def probe(self) -> str | None:
        """The command that shows it, for a shell; ``None`` if the URL is not known, or not http.

        What the message does not say is left out. ``ORIGIN`` stands in the place of an origin, and
        ``METHOD`` in that of the method where a preflight request has to be sent to see it.
        """
        url = self.url or ""
        # Firefox shortens long URLs in its console.
        if not url.startswith(("http://", "https://")) or "\u2026" in url:
            return None
        parts = ["corsac", "probe", url, "--origin", self.origin or "ORIGIN"]
        if self.method:
            parts += ["--method", self.method]
        if self.header and "preflight:" in (self.reason or ""):
            parts += ["--header", self.header]
        elif not self.method and self._is_of_preflight:
            parts += ["--method", "METHOD"]
        if {"wildcard-with-credentials", "allow-credentials-not-true"} & {
            reason.removeprefix("preflight:") for reason in self.reasons
        }:
            parts += ["--credentials", "include"]
        return shlex.join(parts)

    @property
    def _is_of_preflight(self) -> bool:
        codes = (self.reason or "").split(" or ")
        return all(code.startswith("preflight:") for code in codes)

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain data that JSON can hold."""
        return PlainData.as_dict(self) | {"probe": self.probe}

    def __str__(self) -> str:
        """The title, and the request that it is about."""
        about = f": {self.url}" if self.url else ""
        return f"{self.title}{about}"


# What follows "://": up to the last @ before the path. Where no port stands, a password may have
# marks in it that would end it: up to the @ after those.
_PASSWORD = re.compile(
    r"([^/?#:\s\[]*):(?:[^/?#\s]*@|(?!\d{0,5}(?:[/?#\s]|\Z))[^@\s]*@(?:[^/?#@\s]*@)*)"
)


def without_passwords(text: str) -> str:
    """Leave the passwords in the URLs of a text out; in linear time: each piece is matched once."""
    start, *rest = text.split("://")
    pieces = [start]
    for piece in rest:
        found = _PASSWORD.match(piece)
        pieces.append(f"{found[1]}:...@{piece[found.end() :]}" if found else piece)
    return "://".join(pieces)


def describe(
    cause: Cause,
    engine: str | None,
    reasons: Sequence[str],
    values: Mapping[str, str],
    *,
    possible: Sequence[str] = (),
    details: Sequence[str] = (),
    count: int = 1,
) -> Diagnosis:
    """Put a cause into words for one request; passwords in URLs are left out."""
    values = {name: without_passwords(value) for name, value in values.items()}
    url = values.get("url") or None
    origin, method, header = (values.get(name) for name in ("origin", "method", "header"))
    status = values.get("status")
    given = {
        "origin": origin if origin and origin != "null" else "the page's origin",
        "method": method or "the method",
        "capitals": (method or "").upper(),
        "first_url": values.get("first_url") or "another URL",
        "header": header or "the header",
        "value": values.get("value") or "empty",
        "status": status or "an error",
        "url": url or "the URL",
    }
    known, error = table().details, values.get("error", "").partition(".")[0]
    keys = [
        *details,
        *_of_request(cause, values),
        *_details(cause, values),
        *_of_handshake(cause, values),
        *([error] if error in known else []),
    ]
    added = [known[key] for key in keys]
    server = next((each.server for each in added if each.server), cause.server)
    page = next((each.page for each in added if each.page), cause.page)
    named = {"header": (header or "").lower()}
    codes = [_fill(reason, named) for reason in (*reasons, *possible)]
    return Diagnosis(
        name=cause.name,
        title=cause.title,
        engine=engine,
        reason=" or ".join(codes[: len(reasons)]) or None,
        reasons=tuple(dict.fromkeys(codes)),
        is_cors=cause.cors,
        cause=_fill(" ".join([cause.cause, *(each.cause for each in added)]), given),
        fix_on_server=_fill(server, given),
        fix_on_page=_fill(page, given),
        url=url,
        origin=origin,
        method=method,
        header=header,
        value=values.get("value", values.get("type")),
        status=int(status) if status else None,
        page=f"docs/blocked/{cause.name}.md",
        count=count,
    )


def _fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of names in braces, in one pass: values may have braces."""
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), text)


_DEFAULT_PORTS = {"https": "443", "http": "80", "wss": "443", "ws": "80"}
_MISSING = frozenset({"missing-allow-origin", "preflight-missing-allow-origin"})
_STATUS_COUNTS = _MISSING | {"allow-origin-missing-or-mismatch", "preflight-status"}


def _of_request(cause: Cause, values: Mapping[str, str]) -> Iterator[str]:
    """Give the keys of what was sent, and of a value that is not about an origin."""
    first, origin, value = (values.get(name, "") for name in ("first_url", "origin", "value"))
    if first and cause.cors:
        yield "redirected-own" if first.startswith(f"{origin}/") else "redirected"
    method = values.get("method", "")
    if cause.name == "method-not-allowed" and method != method.upper():
        yield "method-case"
    if cause.name == "allow-credentials-not-true":
        if "," in value:
            yield "credentials-several"
        elif value.strip().lower() == "true":
            yield "credentials-case"


def _details(cause: Cause, values: Mapping[str, str]) -> Iterator[str]:
    """Give the keys of what the values of a message add to its cause."""
    status = int(values.get("status") or 0)
    if cause.name in _STATUS_COUNTS and status:
        if 300 <= status < 400:
            yield "status-300"
        elif status in {401, 407}:
            yield "status-401"
        elif status in {403, 404}:
            yield f"status-{status}"
        elif status in {405, 501}:
            yield "status-405"
        elif status in {502, 503, 504}:
            yield "status-502"
        elif status >= 500:
            yield "status-500"
    is_about_origin = cause.name in _STATUS_COUNTS - {"preflight-status"}
    if cause.name == "allow-origin-mismatch":
        yield from _value_detail(values.get("value"), values.get("origin"))
        is_about_origin = True
    if is_about_origin and values.get("origin") == "null":
        yield "origin-null"
    kind = values.get("kind", "")
    if cause.name in _MISSING and kind:
        if kind in {"font", "script"}:
            yield f"kind-{kind}"
        elif kind in {"image", "video", "audio", "CSS stylesheet", "link element resource"}:
            yield "kind-element"


def _of_handshake(cause: Cause, values: Mapping[str, str]) -> Iterator[str]:
    """Give the key of what the status of a WebSocket's handshake says."""
    status = int(values.get("status") or 0)
    if cause.name != "websocket":
        return
    if status == 0:
        yield "websocket-unsaid"
    elif status in {401, 407}:
        yield "websocket-401"
    elif status == 403:
        yield "websocket-403"
    elif 300 <= status < 400:
        yield "websocket-300"
    elif status >= 500:
        yield "websocket-502"
    else:
        # Also 200, 400 and 426: what a server answers that does not see a handshake.
        yield "websocket-404"


_ORIGIN = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://([^/?#\s]*)")


def _value_detail(value: str | None, origin: str | None) -> Iterator[str]:
    """Say how a value of Access-Control-Allow-Origin is not the page's origin."""
    if value is None:
        return
    text = value.strip()
    parts, own = _ORIGIN.fullmatch(text), _ORIGIN.fullmatch(origin or "")
    if not text:
        yield "value-empty"
    elif "," in text or " " in text:
        yield "value-several"
    elif text == "null":
        yield "value-null"
    elif text == origin:
        yield "value-same"
    elif "*" in text and text != '"*"':
        yield "value-pattern"
    elif parts is None:
        yield "value-slash" if _ORIGIN.match(text) else "value-bare"
    elif own is None:
        yield "value-case" if text != text.lower() else "value-other"
    elif text.lower() == (origin or "").lower():
        yield "value-case"
    else:
        yield _place_detail(parts[1], parts[2], own[1], own[2])


def _place_detail(scheme: str, place: str, own_scheme: str, own_place: str) -> str:
    """Say how an origin is another than the page's."""
    if place == own_place:
        return "value-scheme"
    if scheme != own_scheme or place.partition(":")[0] != own_place.partition(":")[0]:
        return "value-other"
    is_default = place == f"{own_place}:{_DEFAULT_PORTS.get(scheme)}"
    return "value-default-port" if is_default else "value-port"
