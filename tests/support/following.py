"""What tests of followers have in common: a base, some origins, and who may read."""

from __future__ import annotations

import pytest

from corsac import CORSPolicy
from support.exchange import Request
from support.refused import Observed

OWN = "https://app.example.com"
ONE = "https://one.example"
TWO = "https://two.example"
THREE = "https://three.example"
BASE = CORSPolicy(allow_origins=[OWN], allow_credentials=True)


def ask_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have followers ask a source that fails again at once."""
    monkeypatch.setattr("corsac.live.follower._FIRST_RETRY_SECONDS", 0.001)
    monkeypatch.setattr("corsac.live.follower._LAST_RETRY_SECONDS", 0.001)


def readers(send: Observed, path: str = "/") -> list[str]:
    """Which of the origins may read a response."""
    found = []
    for origin in (OWN, ONE, TWO, THREE):
        headers = send(Request(headers=[("origin", origin)], path=path)).headers
        if ("access-control-allow-origin", origin) in headers:
            found.append(origin)
    return found
