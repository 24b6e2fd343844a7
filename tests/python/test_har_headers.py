"""Recorded sessions: whose a request's header lines are, and which lines are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from corsac.har import MAX_HEADERS, recording, replay
from support.checking import use_empty_directory
from support.hars import ALLOWED, API, APP, POLICY, entry, write


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_empty_directory(tmp_path, monkeypatch)


OF_BROWSERS = [
    *("Alt-Used", "Save-Data", "DPR", "Width", "Viewport-Width", "Device-Memory", "RTT", "ECT"),
    *("Downlink", "X-Client-Data", "Sec-CH-UA", "Sec-GPC", "Proxy-Authorization", "Cookie2"),
    *("Attribution-Reporting-Eligible", "Available-Dictionary", "Early-Data", "Ping-From"),
    *("Access-Control-Request-Private-Network", "X-Playback-Session-Id", "Service-Worker"),
]
OF_SCRIPTS = ["X-Requested-With", "Authorization", "Idempotency-Key", "X-Client-Version", "DPR-2"]


@pytest.mark.parametrize("name", [*OF_BROWSERS, *OF_SCRIPTS])
def test_headers_that_browsers_set_themselves_are_not_taken_for_the_scripts(name: str) -> None:
    path = write(entry("GET", f"{API}/x", 200, [("Origin", APP), (name, "1")], [ALLOWED]))
    (found,) = replay(path, policy=POLICY).exchanges
    assert found.recorded.verdict == "allowed"
    assert found.under_policy is not None
    assert found.under_policy.verdict == ("blocked" if name in OF_SCRIPTS else "allowed")


OF_FIREFOX = '"13323588326175263198"'  # A number of 64 bits, which some of its builds add.


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        *((OF_FIREFOX, "allowed"), (f" {OF_FIREFOX}\t", "allowed"), ('"42"', "blocked")),
        *((OF_FIREFOX.strip('"'), "blocked"), ('"1733000000000"', "blocked")),
        ('"8e03978e-40d5-43e8-bc93-6894a57f9324"', "blocked"),
    ],
)
def test_an_idempotency_key_of_firefox_is_not_taken_for_the_scripts(
    value: str, verdict: str
) -> None:
    sent = [("Origin", APP), ("Idempotency-Key", value)]
    path = write(entry("POST", f"{API}/x", 200, sent, [ALLOWED]))
    (found,) = replay(path, policy=POLICY).exchanges
    assert found.recorded.verdict == "allowed"
    assert found.under_policy is not None
    assert found.under_policy.verdict == verdict
    (kept,) = recording.Reading(path).entries()
    assert value.strip('" \t') not in repr(kept.headers)


def test_an_idempotency_key_that_a_preflight_asks_for_is_the_scripts_whatever_its_value() -> None:
    sent = [("Origin", APP), ("Idempotency-Key", OF_FIREFOX)]
    names = ("access-control-allow-headers", "idempotency-key")
    asked = [
        *(("Origin", APP), ("Access-Control-Request-Method", "POST")),
        ("Access-Control-Request-Headers", "idempotency-key"),
    ]
    path = write(
        entry("OPTIONS", f"{API}/x", 204, asked, [ALLOWED, names]),
        entry("POST", f"{API}/x", 200, sent, [ALLOWED]),
    )
    (found,) = replay(path, policy=POLICY).exchanges
    assert (found.entries, found.recorded.verdict) == ((1, 2), "allowed")
    assert found.under_policy is not None
    assert found.under_policy.verdict == "blocked"


def test_values_that_nothing_looks_at_are_not_kept() -> None:
    long = "x" * 8_000
    names = ["Vary", "Set-Cookie", "X-A", "Content-Security-Policy", "Location", "Link", "Via"]
    path = write(
        entry(
            "GET",
            f"{API}/x",
            200,
            [("Origin", APP), *((name, long) for name in (*OF_BROWSERS, "Cookie", "X-B"))],
            [ALLOWED, *((name, long) for name in names * 4)],
        ),
    )
    (kept,) = recording.Reading(path).entries()
    assert "xxxx" not in repr((kept.headers, kept.response_headers))
    assert [name for name, _ in kept.headers] == ["origin", "x-b"]
    assert kept.size < 6_000


def test_lines_within_one_value_count_as_lines() -> None:
    many = "\n".join(["x"] * (MAX_HEADERS * 3))
    path = write(entry("GET", f"{API}/x", 200, response=[("access-control-allow-methods", many)]))
    (kept,) = recording.Reading(path).entries()
    assert len(kept.response_headers) == MAX_HEADERS
