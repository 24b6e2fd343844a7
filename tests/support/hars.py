"""Recorded sessions (HAR), as all browsers write them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from corsac import CORSPolicy

APP, API = "https://app.example.com", "https://api.example.com"
POLICY = CORSPolicy(allow_origins=[APP], allow_methods=["PUT"], allow_headers=["content-type"])
ALLOWED = ("access-control-allow-origin", APP)

Lines = Sequence[tuple[str, str]]


def entry(
    method: str,
    url: str,
    status: Any,
    request: Lines = (("Origin", APP),),
    response: Lines = (),
    **more: Any,
) -> dict[str, Any]:
    """One entry, as all browsers write it; ``more`` is what one of them adds."""
    return {
        "startedDateTime": "2026-11-30T00:00:00.000Z",
        "time": 1.5,
        "request": {
            "method": method,
            "url": url,
            "httpVersion": "h2",
            "headers": [{"name": name, "value": value} for name, value in request],
            "queryString": more.pop("query", []),
            "cookies": more.pop("cookies", []),
            "headersSize": -1,
            "bodySize": 0,
        }
        | more.pop("post", {}),
        "response": {
            "status": status,
            "statusText": "",
            "headers": [{"name": name, "value": value} for name, value in response],
            "cookies": more.pop("set_cookies", []),
            "content": {"size": 0, "mimeType": "text/plain"} | more.pop("content", {}),
            "redirectURL": more.pop("redirect", ""),
        }
        | more.pop("answer", {}),
        "cache": {},
        "timings": {"send": 0, "wait": 1, "receive": 0},
        **more,
    }


def write(*entries: dict[str, Any], pages: Sequence[dict[str, Any]] = ()) -> str:
    """Write a HAR and give its path."""
    log = {"version": "1.2", "creator": {"name": "x", "version": "1"}, "pages": list(pages)}
    Path("session.har").write_text(json.dumps({"log": {**log, "entries": entries}}), "utf-8")
    return "session.har"


def preflight(url: str, status: Any, response: Lines = (), **more: Any) -> dict[str, Any]:
    asked = (("access-control-request-method", "PUT"),)
    names = (("access-control-request-headers", "content-type"),)
    return entry("OPTIONS", url, status, (("origin", APP), *asked, *names), response, **more)


PASSED = (
    ALLOWED,
    ("access-control-allow-methods", "PUT"),
    ("access-control-allow-headers", "content-type"),
)
FAILED = {"_error": "net::ERR_FAILED"}
JSON = (("Origin", APP), ("Content-Type", "application/json"))
