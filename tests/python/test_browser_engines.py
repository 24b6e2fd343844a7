"""The simulated Firefox and WebKit against what the real ones were recorded to do."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import pytest

from corsac.browser import FetchOutcome, Request
from support.browser_rows import Case, Row, SentRow, cases, more_cases, recorded_by, run

ENGINES = ("firefox", "webkit")

# Rows that are about something else than the simulated part of a browser, and why. All others have
# to agree, and these must not.
HTTP_CACHE = "needs an HTTP cache"
OTHERWISE_LOADED = {
    "loader/font-star": "passes the CORS check, and then is no font",
    "loader/eventsource-reconnect": "an EventSource connects again by itself",
    "loader/form-post-no-referrer-page": "a form is a navigation, which CORS has no say in",
}
NOT_SIMULATED = {
    "firefox": {
        **OTHERWISE_LOADED,
        "http-cache/two-origins-no-vary#2": HTTP_CACHE,
        "http-cache/two-origins-star-no-vary#2": HTTP_CACHE,
        "http-cache/304-without-acao#2": HTTP_CACHE,
        "http-cache/304-page2-updates#2": HTTP_CACHE,
        "lna/public-page-granted-only-local-network-access": (
            "recorded with a page that Firefox took for one of this machine"
        ),
    },
    "webkit": {
        **OTHERWISE_LOADED,
        "http-cache/304-page2-updates#2": HTTP_CACHE,
        "loader/font-no-acao": "fonts are asked for in a mode of their own",
        "origin/HTTPSALT": "blocked before anything is sent, probably as mixed content",
    },
}
# These APIs give the script no headers to read, so the recording has none; and what they send is
# for another destination than that of fetch().
WITHOUT_HEADERS = {"beacon", "img", "font", "import", "eventsource", "websocket", "form"}
POLICY_HEADERS = {
    *("access-control-request-headers", "access-control-request-method", "authorization"),
    *("cache-control", "content-type", "origin", "pragma", "range"),
    *("sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site"),
}
# WebKitGTK's network library writes header values as UTF-8.
WRITTEN_AS_UTF_8 = {"x-bytes/Content-Type/a0", "x-content-type/39", "x-content-type/40"}


def recorded_rows(engine: str) -> Iterator[tuple[Row, Row, FetchOutcome, list[SentRow]]]:
    """Each row, what the engine did, and what the simulated one does."""
    recorded = recorded_by(engine)
    every_case: list[Case] = [*cases(), *more_cases()]
    for case in every_case:
        for row, outcome, sent in run(case, engine):
            did = row[engine] if engine in row else recorded[row["name"]]
            yield row, did, outcome, sent


def differences(row: Row, did: Row, outcome: FetchOutcome, sent: list[SentRow]) -> dict[str, Any]:
    got = {"fetch_ok": outcome.ok, "requests": [list(request) for request in sent]}
    if row["request"].get("api") not in WITHOUT_HEADERS:
        got["exposed_headers"] = list(outcome.readable_headers)
    if did["response_type"] in {"basic", "cors", "opaque", "opaqueredirect"}:
        got["response_type"] = outcome.response_type
        got["response_status"] = outcome.status
        got["redirected"] = outcome.redirected
    return {key: (value, did[key]) for key, value in got.items() if value != did[key]}


def policy_headers(headers: Any) -> dict[str, str]:
    values: dict[str, list[str]] = {}
    for name, value in headers:
        if name.lower() in POLICY_HEADERS:
            values.setdefault(name.lower(), []).append(value.strip(" \t"))
    joined = {name: ", ".join(parts) for name, parts in values.items()}
    if "boundary=" in joined.get("content-type", ""):
        joined["content-type"] = "multipart/form-data"
    return joined


@pytest.mark.parametrize("engine", ENGINES)
def test_the_simulated_engine_does_what_the_real_one_did_but_for_rows_that_are_listed(
    engine: str,
) -> None:
    disagreements = {
        row["name"]: f"{found}\n{outcome}"
        for row, did, outcome, sent in recorded_rows(engine)
        if (found := differences(row, did, outcome, sent))
    }
    unlisted = {
        name: text for name, text in disagreements.items() if name not in NOT_SIMULATED[engine]
    }
    assert not unlisted, "\n".join(f"{name}: {text}" for name, text in unlisted.items())
    assert disagreements.keys() == NOT_SIMULATED[engine].keys()


@pytest.mark.parametrize("engine", ENGINES)
def test_the_simulated_engine_sends_the_headers_that_the_real_one_sent(engine: str) -> None:
    left_out = set(NOT_SIMULATED[engine]) | (WRITTEN_AS_UTF_8 if engine == "webkit" else set())
    disagreements = []
    for row, did, outcome, _ in recorded_rows(engine):
        is_fetch = row["request"].get("api", "xhr") == "xhr"
        if row["name"] in left_out or not is_fetch:
            continue
        pairs: Iterator[tuple[Any, Request | None]] = zip_longest(did["sent"], outcome.sent)
        for recorded, request in pairs:
            expected = policy_headers(recorded[4]) if recorded else None
            got = policy_headers(request.headers) if request else None
            if expected != got:
                disagreements.append(f"{row['name']}: {request}: {got}, recorded {expected}")
    assert not disagreements, f"{len(disagreements)}:\n" + "\n".join(disagreements[:20])


@pytest.mark.parametrize("engine", ENGINES)
def test_every_row_was_recorded(engine: str) -> None:
    names = [row["name"] for case in [*cases(), *more_cases()] for row in case.rows]
    assert (len(names), len(set(names))) == (1244, 1244)
    assert len(recorded_by(engine)) == 333
