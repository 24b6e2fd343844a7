"""The recorded rows of ``tests/conformance`` as fetches of the simulated browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from corsac.browser import (
    Blob,
    FetchOutcome,
    FetchRequest,
    FormData,
    PreflightCache,
    Request,
    Response,
    URLSearchParams,
    simulate,
)

__all__ = ["Case", "SentRow", "cases", "more_cases", "recorded_by", "run"]

_FOLDER = Path(__file__).parents[1] / "conformance"
_SERVERS = {443: "HTTPS443", 18001: "P1", 18101: "A1", 18102: "A2", 18443: "HTTPS18443"}
_DEFAULT_PORTS = {"http": 80, "https": 443}
# What the recording server added to each actual response, whose body had four bytes.
_SERVER_HEADERS = [("Content-Length", "4"), ("Connection", "close")]

Row = dict[str, Any]
# Kind, server and leg, method, Origin, Access-Control-Request-Method, ...-Headers.
SentRow = tuple[str, str, str, str | None, str | None, str | None]

# How long the recording waited before a step, in seconds: the rows do not say.
WAITED = {
    "preflight-cache/max-age-missing-default-5s#3": 6.0,
    "preflight-cache/max-age-1-expires#2": 2.0,
    "preflight-cache/max-age-plus#2": 6.0,
    "preflight-cache/max-age-float#2": 6.0,
    "preflight-cache/max-age-garbage#3": 6.0,
    "preflight-cache/max-age-duplicate#2": 6.0,
    "preflight-cache/max-age-overflow#2": 6.0,
    "preflight-cache/max-age-empty#2": 6.0,
    "preflight-cache/max-age-exponent#2": 6.0,
    "preflight-cache/max-age-leading-zeros#2": 6.0,
    "preflight-cache/max-age-whitespace#2": 6.0,
    "preflight-cache/max-age-int64-max#2": 6.0,
    "preflight-cache/max-age-int32-overflow#2": 6.0,
    "preflight-cache/shorter-later-answer-replaces#3": 2.0,
}


@dataclass
class Case:
    """All steps of one case, in order; one browser goes through them."""

    name: str
    rows: list[Row] = field(default_factory=list)


def cases() -> Iterator[Case]:
    """The cases, with the rows ``#1``, ``#2``, ``#3`` of one together."""
    yield from _by_name(json.loads((_FOLDER / "browser.json").read_text()))


def more_cases() -> Iterator[Case]:
    """The cases that were made for Firefox and WebKit; each row has what the two did."""
    yield from _by_name(json.loads((_FOLDER / "engines" / "more.json").read_text()))


def recorded_by(engine: str) -> dict[str, Row]:
    """What an engine did with the rows of `cases`, by their names."""
    rows: dict[str, Row] = json.loads((_FOLDER / "engines" / f"{engine}.json").read_text())["rows"]
    return rows


def _by_name(rows: list[Row]) -> Iterator[Case]:
    found: dict[str, Case] = {}
    for row in rows:
        name = row["name"].partition("#")[0]
        found.setdefault(name, Case(name)).rows.append(row)
    yield from found.values()


def run(case: Case, profile: str) -> Iterator[tuple[Row, FetchOutcome, list[SentRow]]]:
    """Fetch what each row of a case fetched, with the answers that it got.

    Args:
        case: Its rows share the preflight cache.
        profile: Which browser it is.

    Yields:
        The row, what came of it, and what was sent in the form of the rows.
    """
    now = 1000.0
    cache = PreflightCache(profile=profile, clock=lambda: now)
    for row in case.rows:
        now += WAITED.get(row["name"], 0.1)
        server_headers = row["server_headers"]

        def transport(request: Request, legs: Row = server_headers) -> Response:
            leg = urlsplit(request.url).path.rsplit("/", 1)[-1]
            kind = "preflight" if request.is_preflight else "actual"
            answer = legs[leg][kind]
            added = _SERVER_HEADERS[answer["status"] == 204 :] if not request.is_preflight else []
            return Response(answer["status"], [*map(tuple, answer["headers"]), *added])

        outcome = simulate(_fetch_request(row), transport, cache=cache, profile=profile)
        yield row, outcome, [_sent_row(request) for request in outcome.sent]


def _sent_row(request: Request) -> SentRow:
    url = urlsplit(request.url)
    return (
        "preflight" if request.is_preflight else "actual",
        f"{_SERVERS[url.port or _DEFAULT_PORTS[url.scheme]]}/{url.path.rsplit('/', 1)[-1]}",
        request.method,
        request.header("Origin"),
        request.header("Access-Control-Request-Method"),
        request.header("Access-Control-Request-Headers"),
    )


def _fetch_request(row: Row) -> FetchRequest:
    asked = row["request"]
    api = asked.get("api")
    granted = row.get("permission_setting", {}).items()
    mode, credentials = asked.get("mode", "cors"), asked.get("credentials", "same-origin")
    if api == "img":
        crossorigin = asked.get("crossorigin")
        mode = "cors" if crossorigin else "no-cors"
        credentials = "same-origin" if crossorigin == "anonymous" else "include"
    return FetchRequest(
        asked["url"],
        asked["page_origin"],
        asked.get("method", "GET"),
        _headers(asked),
        credentials,
        mode,
        asked.get("redirect", "follow"),
        _body(asked.get("body")),
        cache=asked.get("cache", "default"),
        upload_listener=bool(asked.get("uploadListener")),
        referrer_policy=asked.get("referrerPolicy", ""),
        embedder_policy="require-corp" if asked["page"] == "COEP" else "unsafe-none",
        # All pages came from this machine; of one the browser was told that it did not.
        page_address_space="public" if asked["page"] == "PUB" else "loopback",
        permissions=[name for name, is_granted in granted if is_granted == "granted"],
    )


def _headers(asked: Row) -> list[tuple[str, str]]:
    lines = [(name, value) for name, value in asked.get("headers", [])]
    if asked.get("api") != "xhr":
        return lines
    # XMLHttpRequest combines what is set twice; a page of fetch() has lines.
    values: dict[str, str] = {}
    for name, value in lines:
        values[name] = f"{values[name]}, {value}" if name in values else value
    return list(values.items())


def _body(body: Any) -> str | bytes | Blob | FormData | URLSearchParams | None:
    if body is None or isinstance(body, str):
        return body
    match body["kind"]:
        case "bytes":
            return bytes(body["text"], "ascii")
        case "urlsearchparams":
            return URLSearchParams([("a", "b")])
        case "formdata":
            return FormData([("a", "b")])
        case "blob":
            return Blob(body["text"], body["type"] or "")
    message = f"no such body: {body['kind']}"
    raise ValueError(message)
