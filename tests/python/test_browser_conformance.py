"""The simulated browser against the recorded rows: the standard's answers, Chromium's doings."""

from __future__ import annotations

from typing import Any

import pytest

from support.browser_rows import Case, Row, SentRow, cases, run

CASES = list(cases())

# Rows that are about something else than the simulated part of a browser: by name, or by a whole
# group. Whatever is not listed has to agree.
NOT_SIMULATED = {
    "http-cache/": "needs an HTTP cache",
    "loader/font-star": "passes the CORS check, and then is no font",
    "loader/eventsource-reconnect": "an EventSource connects again by itself",
    "loader/form-post-no-referrer-page": "a form is a navigation, which CORS has no say in",
}
# These APIs give the script no headers to read, so the recording has none.
WITHOUT_HEADERS = {"beacon", "img", "font", "import", "eventsource", "websocket", "form"}

# The checklist's table of reason codes.
CHROMIUM_REASONS = {
    "MissingAllowOriginHeader": "missing-allow-origin",
    "InvalidAllowOriginValue": "allow-origin-mismatch",
    "MultipleAllowOriginValues": "allow-origin-mismatch",
    "AllowOriginMismatch": "allow-origin-mismatch",
    "WildcardOriginNotAllowed": "wildcard-with-credentials",
    "InvalidAllowCredentials": "allow-credentials-not-true",
    "PreflightMissingAllowOriginHeader": "preflight:missing-allow-origin",
    "PreflightAllowOriginMismatch": "preflight:allow-origin-mismatch",
    "PreflightWildcardOriginNotAllowed": "preflight:wildcard-with-credentials",
    "PreflightInvalidAllowCredentials": "preflight:allow-credentials-not-true",
    "PreflightInvalidStatus": "preflight:status-not-ok",
    "PreflightDisallowedRedirect": "preflight:status-not-ok",
    "InvalidAllowMethodsPreflightResponse": "preflight:bad-allow-methods",
    "InvalidAllowHeadersPreflightResponse": "preflight:bad-allow-headers",
    "MethodDisallowedByPreflightResponse": "preflight:method-not-allowed",
    "HeaderDisallowedByPreflightResponse": "preflight:header-not-allowed",
    "LocalNetworkAccessPermissionDenied": "local-network-denied",
    "RedirectContainsCredentials": "redirect-userinfo",
}
# What Chromium refused without saying why; the reason is the simulation's own.
SILENT_REASONS = {
    "method/": {"typeerror:forbidden-method"},
    "header/": {"typeerror:bad-header"},
    "corp/": {"corp"},
    "redirect/": {"redirect-scheme"},
    "cred/": {"password-prompt"},
    "mode/": {"scheme", "bad-port"},
    "null-origin/": {"missing-allow-origin", "allow-origin-mismatch"},
    "loader/": {"missing-allow-origin"},
}


def _is_left_out(name: str) -> bool:
    group = name.partition("/")[0] + "/"
    return group in NOT_SIMULATED or name.partition("#")[0] in NOT_SIMULATED


def _differences(got: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    return {key: (got[key], value) for key, value in expected.items() if got[key] != value}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_standard_profile_gives_the_standards_answer(case: Case) -> None:
    for row, outcome, sent in run(case, "standard"):
        expected = row["spec_expected"]
        if expected is None:
            continue
        got = {
            "fetch_ok": outcome.ok,
            "reason": outcome.reason,
            "requests": [list(request) for request in sent],
            "exposed_headers": list(outcome.readable_headers),
        }
        assert _differences(got, expected) == {}, f"{row['name']}\n{outcome}"


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if not _is_left_out(case.name)],
    ids=lambda case: case.name,
)
def test_the_chromium_profile_does_what_chromium_did(case: Case) -> None:
    for row, outcome, sent in run(case, "chromium"):
        got = {
            "fetch_ok": outcome.ok,
            "preflights": [
                request[1:2] + request[3:] for request in sent if _is_preflight(request)
            ],
            "actual_requests": [request[1:4] for request in sent if not _is_preflight(request)],
            "exposed_headers": list(outcome.readable_headers),
        }
        expected = {
            "fetch_ok": row["fetch_ok"],
            "preflights": [_recorded_preflight(recorded) for recorded in row["preflights"]],
            "actual_requests": [_recorded_actual(recorded) for recorded in row["actual_requests"]],
            "exposed_headers": row["exposed_headers"],
        }
        if row["request"].get("api") in WITHOUT_HEADERS:
            del expected["exposed_headers"]
        assert _differences(got, expected) == {}, f"{row['name']}\n{outcome}"
        assert outcome.reason in _reasons(row), f"{row['name']}\n{outcome}"
        if row["response_type"] in {"basic", "cors", "opaque"}:
            assert outcome.response_type == row["response_type"]
            assert outcome.status == row["response_status"]
            assert outcome.redirected == row["redirected"]
            assert outcome.url == row["response_url"]
            assert [list(pair) for pair in outcome.headers] == row["exposed_header_values"]


def _is_preflight(request: SentRow) -> bool:
    return request[0] == "preflight"


def _recorded_preflight(recorded: Row) -> tuple[str | None, ...]:
    return (
        f"{recorded['server']}/{recorded['leg']}",
        recorded["origin"],
        recorded["access-control-request-method"],
        recorded["access-control-request-headers"],
    )


def _recorded_actual(recorded: Row) -> tuple[str | None, ...]:
    origin = dict(recorded["headers"]).get("Origin")
    return (f"{recorded['server']}/{recorded['leg']}", recorded["method"], origin)


def _reasons(row: Row) -> set[str | None]:
    """The reasons that a row's record leaves open."""
    if row["fetch_ok"]:
        return {None}
    error = row["chromium_cors_error"]
    if error is None:
        silent: set[str | None] = set(SILENT_REASONS[row["name"].partition("/")[0] + "/"])
        return silent
    reason = CHROMIUM_REASONS[error["corsError"]]
    if reason == "preflight:header-not-allowed":
        return {f"{reason}:{error['failedParameter']}"}
    return {reason}


def test_every_row_with_an_answer_of_the_standard_is_compared() -> None:
    rows = [row for case in CASES for row in case.rows]
    compared = [row for row in rows if row["spec_expected"] is not None]
    assert (len(rows), len(compared)) == (333, 299)


def test_chromium_is_compared_on_all_rows_but_those_that_are_listed() -> None:
    rows = [row for case in CASES for row in case.rows]
    left_out = [row["name"] for row in rows if _is_left_out(row["name"])]
    assert (len(rows), len(left_out)) == (333, 19)


def test_what_is_listed_as_left_out_is_there() -> None:
    names = [row["name"] for case in CASES for row in case.rows]
    for left_out in NOT_SIMULATED:
        assert any(name.startswith(left_out) for name in names), left_out
