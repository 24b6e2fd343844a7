"""Recorded sessions: which entries belong together, though URLs look or are the same."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from corsac import CORSPolicy
from corsac.cli import main
from corsac.har import masking, replay
from support.checking import use_empty_directory
from support.hars import ALLOWED, API, APP, FAILED, PASSED, POLICY, entry, preflight, write

# Two URLs that are masked to the same one.
ONE, TWO = (
    f"{API}/files/0f8fad5b-d9cb-469f-a165-{number}" for number in (70867728950, 70867728951)
)
SHOWN = f"{API}/files/..."


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_empty_directory(tmp_path, monkeypatch)
    return tmp_path


def judged(path: str, policy: CORSPolicy | None = None) -> list[tuple[Any, ...]]:
    """Give the numbers of entries, the verdict and the reason of each exchange."""
    return [
        (each.entries, each.recorded.verdict, each.recorded.reason)
        for each in replay(path, policy=policy).exchanges
    ]


def moved(url: str, place: str, status: int = 302, method: str = "GET") -> dict[str, Any]:
    """A redirect that CORS lets through."""
    return entry(method, url, status, response=[ALLOWED, ("Location", place)])


def passed(url: str, method: str = "GET") -> dict[str, Any]:
    return entry(method, url, 200, response=[ALLOWED])


@pytest.mark.parametrize(
    ("url", "place", "target"),
    [
        (f"{API}/notes", f"{API}/notes", f"{API}/notes"),
        (f"{API}/notes", "notes", f"{API}/notes"),
        (f"{API}/notes?x=1", "", f"{API}/notes?x=1"),
        (f"{API}/notes", "#top", f"{API}/notes"),
        (ONE, TWO, TWO),
        (ONE, TWO.removeprefix(API), TWO),
        (ONE, TWO.removeprefix(f"{API}/files/"), TWO),
        (ONE, TWO.removeprefix("https:"), TWO),
        (f"{API}/notes?token=a", "?token=b", f"{API}/notes?token=b"),
        (f"{API}/notes?token=a", f"{API}:443/./notes?token=b", f"{API}/notes?token=b"),
    ],
)
@pytest.mark.parametrize("is_header", [True, False], ids=["Location", "redirectURL"])
def test_a_redirect_is_followed_to_the_entry_it_leads_to_though_the_urls_look_the_same(
    url: str, place: str, target: str, is_header: bool
) -> None:
    lines = [ALLOWED, ("Location", place)] if is_header else [ALLOWED]
    first = entry("GET", url, 302, response=lines, redirect="" if is_header else place or "#")
    path = write(first, entry("GET", f"{API}/files/another-one-0123456789", 500), passed(target))
    found = replay(path, policy=POLICY).exchanges
    assert [(each.entries, each.recorded.verdict) for each in found] == [
        ((1, 3), "allowed"),
        ((2,), "blocked"),
    ]
    assert [each.under_policy and each.under_policy.verdict for each in found] == ["allowed"] * 2
    refused = entry("GET", target, 200)
    assert judged(write(first, refused)) == [((1, 2), "blocked", "missing-allow-origin")]


def test_a_redirect_to_what_only_looks_like_a_recorded_url_is_undecided() -> None:
    path = write(moved(ONE, f"{API}/files/0f8fad5b-d9cb-469f-a165-79"), passed(TWO))
    assert judged(path) == [((1,), "undecided", None), ((2,), "allowed", None)]


@pytest.mark.parametrize("length", [1, 20, 21, 22, 50])
def test_a_circle_of_redirects_ends_where_the_recording_or_a_browser_ends(length: int) -> None:
    path = write(*(moved(f"{API}/notes", f"{API}/notes") for _ in range(length)))
    found = judged(path)
    # A browser follows twenty; each entry is part of one exchange.
    assert sorted(number for each in found for number in each[0]) == [*range(1, length + 1)]
    assert [each[1:] for each in found] == [
        *[("blocked", "too-many-redirects")] * (length // 21),
        *[("undecided", None)] * bool(length % 21),
    ]


def test_a_circle_of_two_urls_that_look_the_same_is_followed_round() -> None:
    path = write(moved(ONE, TWO), moved(TWO, ONE), passed(TWO), entry("GET", ONE, 200))
    assert judged(path) == [((1, 2, 4), "blocked", "missing-allow-origin"), ((3,), "allowed", None)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
def test_exchanges_of_urls_that_look_the_same_are_told_apart(order: tuple[int, ...]) -> None:
    entries = [
        preflight(ONE, 403, _resourceType="preflight"),
        preflight(TWO, 204, PASSED, _resourceType="preflight"),
        passed(TWO, "PUT"),
        entry("PUT", ONE, 0, answer=FAILED, _resourceType="fetch"),
    ]
    places = {number: place + 1 for place, number in enumerate(order)}
    found = judged(write(*(entries[number] for number in order)))
    assert sorted(found) == sorted(
        [
            (tuple(sorted((places[1], places[2]))), "allowed", None),
            (
                tuple(sorted((places[0], places[3]))),
                "blocked",
                "preflight:missing-allow-origin",
            ),
        ]
    )


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
@pytest.mark.parametrize("is_blocked", [True, False])
def test_a_preflight_request_belongs_to_the_request_with_the_headers_it_asks_for(
    order: tuple[int, ...], is_blocked: bool
) -> None:
    asked = [
        *(("Origin", APP), ("Access-Control-Request-Method", "GET")),
        ("Access-Control-Request-Headers", "authorization,x-a"),
    ]
    names = ("access-control-allow-headers", "x-a, authorization")
    with_header = entry("GET", f"{API}/x", 200, [("Origin", APP), ("X-A", "1")], [ALLOWED])
    if is_blocked:
        # Without headers, as of a request that was blocked.
        with_header = entry("GET", f"{API}/x", 0, [], answer=FAILED, _resourceType="fetch")
    entries = [
        passed(f"{API}/x"),
        entry(
            "OPTIONS", f"{API}/x", *((403, asked) if is_blocked else (204, asked, [ALLOWED, names]))
        ),
        with_header,
    ]
    places = {number: place + 1 for place, number in enumerate(order)}
    found = judged(write(*(entries[number] for number in order)))
    reason = "preflight:missing-allow-origin" if is_blocked else None
    assert sorted(found) == sorted(
        [
            ((places[0],), "allowed", None),
            (
                tuple(sorted((places[1], places[2]))),
                "blocked" if is_blocked else "allowed",
                reason,
            ),
        ]
    )


def test_a_request_that_needs_a_preflight_has_it_though_some_of_its_headers_were_left_out() -> None:
    path = write(preflight(f"{API}/x", 403), entry("PUT", f"{API}/x", 0, answer=FAILED))
    assert judged(path) == [((1, 2), "blocked", "preflight:missing-allow-origin")]


def test_an_origin_is_not_taken_from_a_url_that_only_looks_the_same() -> None:
    lost = entry("GET", ONE, 0, [], answer=FAILED, _resourceType="fetch")
    assert judged(write(passed(TWO), lost)) == [((1,), "allowed", None)]
    assert len(judged(write(passed(ONE), lost))) == 2


@pytest.mark.parametrize("status", [403, 204])
def test_where_a_redirect_leads_a_preflight_request_is_asked_for_again(status: int) -> None:
    path = write(
        preflight(ONE, 204, PASSED),
        moved(ONE, TWO, 307, "PUT"),
        preflight(TWO, status, PASSED if status == 204 else ()),
        passed(TWO, "PUT"),
    )
    for entries in (found := replay(path, policy=POLICY)).exchanges[1:]:
        pytest.fail(f"it is one exchange, not also {entries}")
    (only,) = found.exchanges
    assert only.under_policy is not None
    assert only.under_policy.verdict == "allowed"
    assert not [note for note in only.notes if "no preflight request was recorded" in note]
    if status == 204:
        assert (only.entries, only.recorded.verdict) == ((1, 2, 3, 4), "allowed")
    else:
        assert (only.entries, only.recorded.reason) == (
            (1, 2, 3, 4),
            "preflight:missing-allow-origin",
        )


def test_nothing_of_what_tells_urls_apart_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    path = write(moved(ONE, TWO), passed(TWO), moved(TWO, "https://[bad"), moved(TWO, "data:x"))
    found = replay(path, policy=POLICY)
    assert [each.recorded.reason for each in found.exchanges] == [
        *(None, "redirect-location", "redirect-scheme"),
    ]
    assert {each.url for each in found.exchanges} == {SHOWN}
    # The names of URLs are drawn anew: whatever is shown of them differs.
    assert replay(path, policy=POLICY) == found
    outputs = set()
    for _ in range(2):
        main(["har", path, "--json"])
        outputs.add(capsys.readouterr().out)
    (output,) = outputs
    assert "#" not in output


REVALIDATED = [("Origin", APP), ("If-None-Match", '"1"')]
CREDENTIALS = ("Access-Control-Allow-Credentials", "true")


@pytest.mark.parametrize(
    ("stored", "renewed", "verdict", "reason"),
    [
        ([ALLOWED], [], "allowed", None),
        ([], [], "blocked", "missing-allow-origin"),
        ([], [ALLOWED], "allowed", None),
        ([("Access-Control-Allow-Origin", "*")], [ALLOWED], "allowed", None),
        (
            [ALLOWED],
            [("access-control-allow-origin", "https://x.test")],
            "blocked",
            "allow-origin-mismatch",
        ),
        (None, [], "undecided", None),
        (None, [ALLOWED], "allowed", None),
        (
            None,
            [("access-control-allow-origin", "https://x.test")],
            "blocked",
            "allow-origin-mismatch",
        ),
    ],
)
def test_a_304_is_judged_by_the_stored_answer_that_it_renews(
    stored: Any, renewed: Any, verdict: str, reason: str | None
) -> None:
    first = [] if stored is None else [entry("GET", ONE, 200, response=stored)]
    path = write(
        # Not of this URL, not of this page, and not before it.
        entry("GET", TWO, 200, response=[("Access-Control-Allow-Origin", "*"), CREDENTIALS]),
        entry("GET", ONE, 200, [("Origin", "https://x.test")], [("x", "y")]),
        *first,
        entry("GET", ONE, 304, REVALIDATED, [("ETag", '"1"'), *renewed]),
        passed(ONE),
    )
    found = next(each for each in replay(path, policy=POLICY).exchanges if each.status == 304)
    assert (found.recorded.verdict, found.recorded.reason) == (verdict, reason)
    assert found.under_policy is not None
    assert found.under_policy.verdict == "allowed"
    if stored is not None:
        assert found.notes[0].startswith(
            "it was not modified (304): judged by the answer of entry 3"
        )
    elif verdict == "undecided":
        words = "the browser judges the answer that it had stored, which is not in the recording"
        assert found.recorded.explanation == f"it was not modified (304): {words}"


def test_a_304_may_renew_the_answer_that_an_image_of_the_page_got() -> None:
    def image(page: str) -> dict[str, Any]:
        return entry("GET", ONE, 200, [("Referer", f"{page}/"), ("Sec-Fetch-Mode", "no-cors")])

    renewed = entry("GET", ONE, 304, REVALIDATED)
    shown = entry("GET", ONE, 200, [("Referer", f"{APP}/"), ("Sec-Fetch-Mode", "navigate")])
    for before, verdict in [
        ([image(APP)], "blocked"),
        ([passed(ONE), image(APP)], "blocked"),
        ([image(APP), passed(ONE)], "allowed"),
        ([passed(ONE), image("https://x.test")], "allowed"),
        ([passed(ONE), shown], "allowed"),
        ([image("https://x.test")], "undecided"),
    ]:
        assert replay(write(*before, renewed)).exchanges[-1].recorded.verdict == verdict


@pytest.mark.parametrize("has_credentials", [True, False])
def test_a_304_that_says_half_of_what_decides_is_undecided(has_credentials: bool) -> None:
    cookies = [{"name": "a", "value": "b"}] if has_credentials else []
    path = write(entry("GET", ONE, 304, REVALIDATED, [ALLOWED], cookies=cookies))
    assert judged(path) == [((1,), "undecided" if has_credentials else "allowed", None)]


@pytest.mark.parametrize("name", ["If-None-Match", "if-modified-since"])
def test_a_304_that_the_script_itself_asked_for_is_judged_as_it_is(name: str) -> None:
    asked = [
        *(("Origin", APP), ("Access-Control-Request-Method", "GET")),
        ("Access-Control-Request-Headers", f"content-type, {name}"),
    ]
    before = entry(
        "OPTIONS",
        ONE,
        204,
        asked,
        [ALLOWED, ("access-control-allow-headers", f"content-type,{name}")],
    )
    conditional = [("Origin", APP), (name, "1"), ("content-type", "application/json")]
    path = write(
        *(before, entry("GET", ONE, 200, conditional, [ALLOWED])),
        *(before, entry("GET", ONE, 304, conditional, [("ETag", '"1"')])),
    )
    assert judged(path) == [
        ((1, 2), "allowed", None),
        ((3, 4), "blocked", "missing-allow-origin"),
    ]


@pytest.mark.parametrize("start", ["a/", "?x=1", "?page=1&", ";v=1", "?a=1;"])
@pytest.mark.parametrize("shift", range(9))
def test_what_is_cut_from_a_long_url_leaves_no_half_of_a_secret(start: str, shift: int) -> None:
    path = ("a/" if start == "a/" else "/") + "x" * shift
    filled = f"{API}{path}{start}"
    url = filled + "/b" * ((2_048 - len(filled) - 4) // 2) + "/SEKRET26" + "/b" * 3_000
    shown = masking.masked_url(url)
    assert "SEK" not in shown
    assert masking.masked_url(shown) == shown
    assert len(shown) < 2_100
    other = url.replace("SEKRET26", "SEKRET27")
    assert judged(write(moved(url, other), passed(other))) == [((1, 2), "allowed", None)]


def test_a_user_name_and_password_are_dropped_but_block_a_redirect_to_them() -> None:
    url = f"https://user:{'SEKRET26' * 500}@api.example.com/x"
    found = replay(write(moved(url, f"{API}/x"), moved(f"{API}/x", url), passed(url))).exchanges
    assert [(each.entries, each.url, each.recorded.reason) for each in found] == [
        ((1, 2), f"{API}/x", "redirect-userinfo"),
        ((3,), f"{API}/x", None),
    ]
    assert "SEK" not in str(found)


def test_entries_beyond_what_may_be_kept_are_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("corsac.har.MAX_KEPT_BYTES", 20_000)
    small = passed(f"{API}/x")
    large = entry("GET", f"{API}/x", 200, response=[ALLOWED] + [("x" * 6_000, "")] * 4)
    path = write(small, small, large, small)
    found = replay(path)
    # What comes behind is not taken because it is small: the first ones are judged.
    assert (found.entries, len(found.exchanges), found.left_out) == (4, 2, 2)
    assert main(["har", path]) == 0
    assert "2 entries left out: at most 10000, or " in capsys.readouterr().out


def test_the_order_of_the_keys_of_an_entry_does_not_matter() -> None:
    entries = [moved(ONE, TWO.removeprefix(API)), passed(TWO)]
    turned = [dict(reversed(each.items())) for each in entries]
    Path("session.har").write_text(json.dumps({"log": {"entries": turned}}), "utf-8")
    assert judged("session.har") == [((1, 2), "allowed", None)]
