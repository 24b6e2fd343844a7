"""Recorded sessions: HARs as Chromium, Firefox and Safari write them, judged."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import pytest

from corsac import CORSConfigError, CORSPolicy
from corsac.cli import main
from corsac.har import replay
from support.checking import toml, use_empty_directory
from support.hars import ALLOWED, API, APP, FAILED, JSON, PASSED, POLICY, entry, preflight, write


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_empty_directory(tmp_path, monkeypatch)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def verdicts(path: str, policy: CORSPolicy | None = None) -> list[tuple[str, str | None]]:
    return [
        (it.recorded.verdict, it.recorded.reason) for it in replay(path, policy=policy).exchanges
    ]


def test_the_recorded_answers_are_judged_as_a_browser_does() -> None:
    path = write(
        entry("GET", f"{API}/a", 200, response=[ALLOWED]),
        entry("GET", f"{API}/b", 500),
        entry("GET", f"{API}/c", 200, response=[("Access-Control-Allow-Origin", "https://x.test")]),
        entry("GET", f"{API}/d", 200, response=[("access-control-allow-origin", f"*\n{APP}")]),
        entry("GET", f"{APP}/own", 200, request=[("Origin", APP)]),
        entry("GET", f"{API}/page", 200, request=[("sec-fetch-mode", "navigate"), ("Origin", APP)]),
        entry("GET", f"{API}/img", 200, request=[("referer", f"{APP}/")]),
        entry("GET", "data:text/plain,x", 200),
    )
    found = replay(path)
    assert found.entries == 8
    assert [(each.entries, each.status) for each in found.exchanges] == [
        *(((1,), 200), ((2,), 500), ((3,), 200), ((4,), 200)),
    ]
    assert verdicts(path) == [
        ("allowed", None),
        ("blocked", "missing-allow-origin"),
        ("blocked", "allow-origin-mismatch"),
        ("blocked", "allow-origin-mismatch"),
    ]
    assert found.blocked == found.exchanges[1:]


@pytest.mark.parametrize("kind", ["chromium", "firefox", "safari"])
def test_preflights_may_stand_before_or_after_or_be_missing(kind: str) -> None:
    page = {"id": "page_1", "title": f"{APP}/index.html", "startedDateTime": "", "pageTimings": {}}
    url = f"{API}/x"
    if kind == "chromium":
        # The request first, blocked, with provisional headers; then its preflight.
        blocked = entry("PUT", url, 0, [], answer=FAILED)
        first = [
            blocked | {"_resourceType": "fetch", "pageref": "page_1", "_initiator": {"type": "x"}},
            preflight(url, 405, _resourceType="preflight"),
        ]
    elif kind == "firefox":
        first = [preflight(url, 405), entry("PUT", url, 0, JSON)]
    else:
        first = [preflight(url, 405, _fetchType="Network Load")]
    second = [entry("PUT", f"{API}/y", 200, JSON, [ALLOWED])]
    if kind != "safari":
        pseudo = [(":authority", "api.example.com"), (":method", "PUT"), *JSON]
        second = [
            preflight(f"{API}/y", 204, PASSED),
            entry("PUT", f"{API}/y", 200, pseudo, [ALLOWED], cookies=[{"name": "a"}]),
        ]
        second[1]["response"]["headers"].append({"name": "Access-Control-Allow-Credentials"})
    found = replay(write(*first, *second, pages=[page]), policy=POLICY)
    blocked_one, passed = found.exchanges
    assert (blocked_one.method, blocked_one.origin) == ("PUT", APP)
    assert blocked_one.recorded.reason == "preflight:missing-allow-origin"
    assert blocked_one.under_policy is not None
    assert blocked_one.under_policy.verdict == "allowed"
    if kind == "safari":
        assert passed.recorded.verdict == "allowed"
        assert "no preflight request was recorded" in passed.notes[0]
    else:
        # A cookie was sent, and neither answer has Access-Control-Allow-Credentials.
        assert passed.credentials
        assert passed.recorded.reason == "preflight:allow-credentials-not-true"
        assert passed.under_policy is not None
        assert passed.under_policy.reason == "preflight:allow-credentials-not-true"


OTHER = "https://other.example.com"
LOST: dict[str, Any] = {"answer": FAILED, "_resourceType": "fetch"}


def _asked_by(origin: str) -> dict[str, Any]:
    """A preflight request of an origin that only the app's page passes."""
    status, response = (204, PASSED) if origin == APP else (403, ())
    asked = (("access-control-request-method", "PUT"),)
    return entry("OPTIONS", f"{API}/x", status, (("origin", origin), *asked), response)


@pytest.mark.parametrize(
    "order", list(itertools.permutations(range(4))), ids=lambda order: "".join(map(str, order))
)
@pytest.mark.parametrize("has_headers", [True, False])
def test_pages_of_two_origins_that_ask_for_one_url_are_told_apart(
    order: tuple[int, ...], has_headers: bool
) -> None:
    entries = [
        _asked_by(OTHER),
        _asked_by(APP),
        entry("PUT", f"{API}/x", 200, [("Origin", APP)], [ALLOWED]),
        entry("PUT", f"{API}/x", 0, [("Origin", OTHER)] if has_headers else [], **LOST),
    ]
    found = replay(write(*(entries[number] for number in order))).exchanges
    places = {number: place + 1 for place, number in enumerate(order)}
    judged = {each.origin: each for each in found}
    assert len(found) == len(judged) == 2
    assert judged[APP].recorded.verdict == "allowed"
    assert judged[APP].entries == tuple(sorted((places[1], places[2])))
    assert judged[OTHER].recorded.reason == "preflight:missing-allow-origin"
    assert judged[OTHER].entries == tuple(sorted((places[0], places[3])))
    assert not any("origin was not recorded" in note for each in found for note in each.notes)


def test_a_preflight_of_one_origin_and_a_request_of_another_are_two_exchanges() -> None:
    path = write(_asked_by(OTHER), entry("PUT", f"{API}/x", 200, [("Origin", APP)], [ALLOWED]))
    blocked, passed = replay(path).exchanges
    assert (blocked.origin, blocked.recorded.verdict, blocked.entries) == (OTHER, "blocked", (1,))
    assert (passed.origin, passed.recorded.verdict, passed.entries) == (APP, "allowed", (2,))
    assert "no preflight request was recorded" in passed.notes[0]


def test_redirects_of_two_origins_to_one_url_are_told_apart() -> None:
    place = ("Location", f"{API}/t")
    path = write(
        entry(
            "GET",
            f"{API}/r",
            302,
            [("Origin", OTHER)],
            [("Access-Control-Allow-Origin", "*"), place],
        ),
        entry("GET", f"{API}/r", 302, [("Origin", APP)], [ALLOWED, place]),
        entry("GET", f"{API}/t", 200, [("Origin", APP)], [ALLOWED]),
        entry("GET", f"{API}/t", 200, [("Origin", OTHER)], [("access-control-allow-origin", "*")]),
    )
    found = replay(path).exchanges
    assert [(each.origin, each.entries) for each in found] == [(OTHER, (1, 4)), (APP, (2, 3))]
    assert {each.recorded.verdict for each in found} == {"allowed"}


def test_a_request_without_an_origin_that_may_be_of_several_pages_says_so() -> None:
    path = write(
        *(
            entry("GET", f"{API}/x", 200, [("Origin", origin)], [ALLOWED])
            for origin in (OTHER, APP)
        ),
        entry("GET", f"{API}/x", 0, [], **LOST),
    )
    unknown = replay(path).exchanges[-1]
    assert unknown.origin == APP
    note = f"the page's origin was not recorded; 2 ask for this URL: {APP} is one of them"
    assert note in unknown.notes


def test_redirects_are_followed_from_entry_to_entry() -> None:
    other = "https://other.example.net/x"
    path = write(
        entry("GET", f"{API}/r", 302, response=[ALLOWED, ("Location", other)]),
        entry("GET", other, 200, request=[("Origin", "null")], response=[ALLOWED]),
        entry("GET", f"{API}/s", 302, response=[ALLOWED], redirect="/t?x=1"),
        entry("GET", f"{API}/t?x=1", 200, response=[ALLOWED]),
        entry("GET", f"{API}/u", 302, response=[ALLOWED], redirect=f"{API}/not-recorded"),
    )
    found = replay(path, policy=POLICY)
    assert [each.entries for each in found.exchanges] == [(1, 2), (3, 4), (5,)]
    assert verdicts(path) == [
        ("blocked", "allow-origin-mismatch"),
        ("allowed", None),
        ("undecided", None),
    ]
    assert "not-recorded is in the recording" in found.exchanges[2].recorded.explanation


def test_an_answer_that_was_not_recorded_leaves_it_undecided_but_not_under_a_policy() -> None:
    failed = entry("GET", f"{API}/x", 0, [], answer=FAILED)
    failed |= {"_resourceType": "xhr", "_initiator": {"type": "script", "url": f"{APP}/app.js"}}
    (found,) = replay(write(failed), policy=POLICY).exchanges
    assert found.recorded.verdict == "undecided"
    assert "net::ERR_FAILED" in found.recorded.explanation
    assert found.under_policy is not None
    assert (found.origin, found.under_policy.verdict) == (APP, "allowed")


def test_a_policy_answers_in_the_place_of_the_recorded_headers() -> None:
    path = write(
        entry("GET", f"{API}/api/x", 500),
        entry("GET", f"{API}/free/x", 200, response=[("access-control-allow-origin", "*")]),
        entry("GET", f"{API}/api/y", 200, [("Origin", "https://evil.test")], [("vary", "Accept")]),
    )
    policy = toml(f'allow_origins = ["{APP}"]\n[[rules]]\npath = "/free/*"\npolicy = false\n')
    under = [each.under_policy for each in replay(path, policy=policy).exchanges]
    assert [each and (each.verdict, each.reason) for each in under] == [
        ("allowed", None),
        ("blocked", "missing-allow-origin"),
        ("blocked", "missing-allow-origin"),
    ]
    with pytest.raises(CORSConfigError):
        replay(path, policy=toml("allow_origins = [1]"))
    with pytest.raises(TypeError, match="policy must be a CORSPolicy or a path, not int"):
        replay(path, policy=1)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", ["200", -1, 0, 1e300, 99, 1000, None])
def test_an_answer_without_a_valid_status_is_blocked_by_its_headers_or_undecided(
    status: Any,
) -> None:
    url = f"{API}/p"
    path = write(
        entry("GET", f"{API}/x", status, response=[ALLOWED]),
        entry("GET", f"{API}/y", status, response=[("vary", "Origin")]),
        preflight(url, status, PASSED),
        entry("PUT", url, 200, JSON, [ALLOWED]),
    )
    first, second, third = replay(path).exchanges
    for each in (first, third):
        assert each.recorded.verdict == "undecided"
        assert each.recorded.explanation == "no valid status of the answer was recorded"
    assert second.recorded.reason == "missing-allow-origin"


def test_the_command_prints_each_exchange_and_the_sum(capsys: pytest.CaptureFixture[str]) -> None:
    path = write(
        entry("GET", f"{API}/a?token=x", 200, response=[ALLOWED]),
        preflight(f"{API}/b", 405),
        entry("PUT", f"{API}/b", 0, [], answer=FAILED, _resourceType="fetch"),
    )
    policy = toml(
        f'allow_origins = ["{APP}"]\nallow_methods = ["PUT"]\nallow_headers = ["content-type"]\n'
    )
    assert main(["har", path]) == 1
    capsys.readouterr()
    assert main(["har", path, "--policy", policy]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert output.out == (
        f"ALLOWED    {APP} -> GET {API}/a?token=...\n"
        "           recorded: 200\n"
        "           policy: allowed\n"
        "           note: no cookie was recorded; with credentials it would be blocked: the "
        "request has credentials, and Access-Control-Allow-Credentials is not true\n"
        "\n"
        f"BLOCKED    {APP} -> PUT {API}/b\n"
        "           recorded: no status (net::ERR_FAILED): the preflight was refused: the answer "
        "has no Access-Control-Allow-Origin [preflight:missing-allow-origin]\n"
        "           policy: allowed\n"
        "\n"
        "2 exchanges in 3 entries: 1 allowed, 1 blocked\n"
        f"under {policy}: 2 allowed\n"
        "more: corsac explain-code preflight:missing-allow-origin\n"
    )


def test_the_command_has_no_verdict_without_exchanges_and_says_what_it_cannot_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["har", write()]) == 3
    assert capsys.readouterr().out == "no request of a page to another origin in 0 entries\n"
    assert main(["har", "none.har"]) == 3
    assert "No such file or directory" in capsys.readouterr().err
    assert main(["har", os.curdir]) == 3
    assert main(["har", write(), "--policy", "none.toml"]) == 3
    assert main(["har"]) == 2
