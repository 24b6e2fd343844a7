"""Recorded sessions: HARs as Chromium, Firefox and Safari write them, judged; and bad ones."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import random
import re
from pathlib import Path
from typing import Any

import pytest

from corsac import CORSConfigError, CORSPolicy
from corsac.browser.urls import parse_url
from corsac.cli import main
from corsac.har import MAX_DEPTH, HARError, masking, recording, replay
from support.checking import toml, use_empty_directory
from support.hars import ALLOWED, API, APP, FAILED, JSON, PASSED, entry, preflight, write

POLICY = CORSPolicy(allow_origins=[APP], allow_methods=["PUT"], allow_headers=["content-type"])


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


CANARY = "CaNaRy" * 5


def test_no_secret_is_kept_wherever_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["access_token", "api_key", "code", "sid", "password", "X-Amz-Signature", "q"]
    query = "&".join(f"{name}={CANARY}" for name in names)
    short = "token=CaNaRy&key=CaNaRy"
    pairs = [
        *(("Authorization", f"Bearer {CANARY}"), ("Cookie", f"session={CANARY}")),
        *(("cookie", f"b={CANARY}"), ("X-Api-Key", CANARY), ("Proxy-Authorization", CANARY)),
        *(("Referer", f"{APP}/?token={CANARY}"), ("X-CSRF-Token", CANARY), ("X-Name", CANARY)),
        (":path", f"/x?{query}"),
    ]
    answer = [
        *(("Set-Cookie", f"a={CANARY}"), ("X-Token", CANARY), ("WWW-Authenticate", CANARY)),
        *(("Location", f"https://u:{CANARY}@other.example/#{CANARY}"), ALLOWED),
        ("access-control-allow-headers", "x"),
    ]
    content = {"text": CANARY}
    cookies = [{"name": "session", "value": CANARY}]
    post = {"postData": {"mimeType": "text/plain", "text": CANARY, "params": [{"value": CANARY}]}}
    url = f"https://user:{CANARY}@api.example.com/{CANARY}/x?{query}&{short}#{CANARY}"
    entries = [
        entry(
            method,
            url,
            status,
            [("Origin", APP), *pairs],
            answer,
            cookies=cookies,
            set_cookies=cookies,
            query=[{"name": "token", "value": CANARY}],
            post=post,
            content=content,
            redirect=f"{API}/?{query}",
            _initiator={"type": "script", "url": f"{APP}/x.js?{query}"},
            comment=CANARY,
        )
        for method in ("GET", "PUT")
        for status in (200, 302, 401, 0)
    ]
    path = write(*entries, pages=[{"id": "page_1", "title": f"{APP}/?{query}"}])
    found = replay(path, policy=POLICY)
    assert len(found.exchanges) > 3
    policy = toml(f'allow_origins = ["{APP}"]\n')
    for arguments in ([], ["--json"], ["--policy", policy], ["--policy", policy, "--json"]):
        main(["har", path, *arguments])
    shown = capsys.readouterr()
    whole = Path(path).read_bytes()
    for end in range(len(whole) // 2, len(whole), len(whole) // 50):
        Path("cut.har").write_bytes(whole[:end])
        assert main(["har", "cut.har"]) == 3
        Path("odd.har").write_bytes(whole[:end] + b"\0\xff" + whole[end:])
        main(["har", "odd.har"])
    cut = capsys.readouterr()
    assert "canary" not in (cut.out + cut.err).lower()
    for text in (repr(found), str(found.as_dict()), shown.out, shown.err):
        assert "canary" not in text.lower()
    assert "api.example.com" in shown.out


# Each has a secret, and what is shown of it. {} is one as short as a word.
MASKED_URLS = {
    "/a;jsessionid={}": "/a;jsessionid=...",
    "/a;v=1;{}/b": "/a;v=1;.../b",
    "/a%3Bjsessionid={}": "/...",
    "/x?a=1;token={}": "/x?a=1;token=...",
    "/x?%74oken={}": "/x?%74oken=...",
    "/x?%2574oken={}": "/x?...=...",
    "/x?next=/cb?token={}": "/x?next=...",
    "/x?page=https://a/?token={}": "/x?page=...",
    "/x?page=1%26token={}": "/x?page=...",
    "/x?page=1?token={}": "/x?page=...",
    "/x?pw={}": "/x?pw=...",
    "/x?access={}": "/x?access=...",
    "/x?unknown={}": "/x?unknown=...",
    "/x?{}": "/x?...",
    "/x?{}=": "/x?...=...",
    "/x?filter[name]={}&sort=-name": "/x?filter[name]=...&sort=-name",
    "/x?=&={}": "/x?=&=...",
    "/reset/{}": "/reset/...",
    "/reset/abcdef": "/reset/...",
    "/password/reset/123456": "/password/reset/...",
    "/api/{}/notes": "/api/.../notes",
    "/api/9f8b{}": "/api/...",
    "/aGVsbG8gd29ybGQ=": "/...",
    "/mail/who@example.com": "/mail/...",
    "//{}": "//...",
    "/\\{}": "//...",
    "/x#{}": "/x",
}


@pytest.mark.parametrize("url", MASKED_URLS)
def test_of_a_url_only_what_is_known_to_be_harmless_is_shown(url: str) -> None:
    hidden = "SEKRET26"
    failed = {"_error": f"net::ERR_FAILED at {API}{url.format(hidden)}"}
    path = write(
        entry("GET", API + url.format(hidden), 200, response=[ALLOWED]),
        entry("GET", f"{API}/r", 302, response=[ALLOWED, ("Location", API + url.format(hidden))]),
        entry("GET", f"{API}/f", 0, _resourceType=f"fetch {hidden}", answer=failed),
    )
    found = replay(path)
    shown = parse_url(API + MASKED_URLS[url])
    assert shown is not None
    assert found.exchanges[0].url == shown.text
    assert masking.masked_url(MASKED_URLS[url]) == MASKED_URLS[url]
    assert found.exchanges[2].error == "net::ERR_FAILED"
    assert hidden not in str(found.as_dict())
    assert main(["har", path]) in {0, 1}


@pytest.mark.parametrize(
    "url",
    [
        *("/", "/api/v2/notes/123", "/oauth2/authorize", "/auth/login", "/oauth/token"),
        *("/session/refresh", "/api/v2.1/getNotes", "/a-b_c.min.js", "/2024-01-31/report.pdf"),
        *("/x?page=2&per_page=50&sort=-created&format=json", "/x?debug=true", "/x?q="),
        *("/graphql?api-version=2024-01-01", "/OData/Notes", "/.well-known/jwks.json", "/a//b/"),
    ],
)
def test_words_numbers_and_versions_of_a_url_are_shown(url: str) -> None:
    assert masking.masked_url(API + url) == API + url


@pytest.mark.parametrize(
    ("value", "shown", "reason"),
    [
        (f"{APP}/?token=SEKRET26", f"{APP}/...", "allow-origin-mismatch"),
        (f"{APP}?SEKRET26", f"{APP}?...", "allow-origin-mismatch"),
        (f"{APP}#SEKRET26", f"{APP}#...", "allow-origin-mismatch"),
        (f"{APP}/", f"{APP}/", "allow-origin-mismatch"),
        ("HTTPS://app.example.com", "HTTPS://app.example.com", "allow-origin-mismatch"),
        ("https://u:SEKRET26@app.example.com", "https://...@app.example.com", None),
        ("https://u:SEKRET26/x@app.example.com", "https://.../...", None),
        (f"{APP}, https://x.test", f"{APP}, https://x.test", "allow-origin-mismatch"),
        ("SEKRET26", "...", "allow-origin-mismatch"),
        ("app.example.com", "app.example.com", "allow-origin-mismatch"),
        *((word, word, "allow-origin-mismatch") for word in ("null", "undefined")),
        ("", "", None),
    ],
)
def test_what_is_beyond_an_origin_is_masked_and_stays_wrong(
    value: str, shown: str, reason: str | None
) -> None:
    assert masking.masked_origins(value) == shown
    path = write(entry("GET", f"{API}/x", 200, response=[("Access-Control-Allow-Origin", value)]))
    (found,) = replay(path).exchanges
    assert found.recorded.verdict == "blocked"
    assert found.recorded.reason == (reason or found.recorded.reason)
    assert "SEKRET" not in str(found.as_dict())
    (asked,) = replay(write(entry("GET", f"{API}/x", 200, [("Origin", value or "x")]))).exchanges
    assert "SEKRET" not in str(asked.as_dict())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "net::ERR_BLOCKED_BY_RESPONSE.NotSameOrigin",
            "net::ERR_BLOCKED_BY_RESPONSE.NotSameOrigin",
        ),
        ("NS_ERROR_DOM_BAD_URI SEKRET26", "NS_ERROR_DOM_BAD_URI"),
        ("Load cannot follow more than 20 redirections", None),
        ("Preflight response is not successful. Status code: 404", None),
        ("The password is sekret", "..."),
        (f"{API}/?token=SEKRET23", "..."),
    ],
)
def test_of_an_error_its_name_or_a_plain_sentence_is_shown(text: str, shown: str | None) -> None:
    assert masking.masked_error(text) == (text if shown is None else shown)


BAD = {
    "empty": b"",
    "not JSON": b"hello",
    "a list": b"[]",
    "a number": b"1",
    "another object": b'{"log": {}}',
    "entries of another type": b'{"log": {"entries": {"a": 1}}}',
    "cut": b'{"log": {"entries": [{"request": {"method": "GE',
    "two values": b'{"log": {"entries": []}} {}',
    "binary": bytes(range(256)),
    "not UTF-8": b'{"log": {"entries": [{"pageref": "\xff"}]}}',
    "UTF-16": '{"log": {"entries": []}}'.encode("utf-16"),
    "deep": b'{"log": {"entries": ' + b"[" * 1_000_000,
    "deep objects": b'{"log":' * 1_000_000,
    "a huge number": b'{"log": {"entries": [' + b"1" * 100_000 + b"]}}",
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_a_har_is_a_clear_error(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.har").write_bytes(BAD[name])
    with pytest.raises(HARError, match=r"^it is not "):
        replay("bad.har")
    assert main(["har", "bad.har"]) == 3
    assert capsys.readouterr().err.startswith("corsac har: error: 'bad.har': it is not ")


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (gzip.compress(b'{"log": {"entries": []}}'), "a gzip file: unpack it first (gunzip)"),
        (b"PK\x03\x04", "a zip file: unpack it first"),
        ('{"log": {"entries": []}}'.encode("utf-16"), "in UTF-16: save it as UTF-8"),
        ('{"log": {"entries": []}}'.encode("utf-16-be"), "in UTF-16: save it as UTF-8"),
        ('{"log": {"entries": []}}'.encode("utf-16-le"), "in UTF-16: save it as UTF-8"),
    ],
    ids=["gzip", "zip", "utf-16", "utf-16-be", "utf-16-le"],
)
def test_a_packed_or_otherwise_encoded_har_is_named(start: bytes, words: str) -> None:
    Path("bad.har").write_bytes(start)
    with pytest.raises(HARError, match=re.escape(words)):
        replay("bad.har")


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


@pytest.mark.parametrize("policy", ["api:app", "json:loads", os.curdir, "api.py", "", "a\0b"])
def test_a_policy_that_is_not_a_toml_file_is_named(
    policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["har", write(), "--policy", policy]) == 3
    message = f"--policy {policy!r} is not a TOML file: write the policy into one (policy.toml)"
    assert capsys.readouterr().err == f"corsac har: error: {message}\n"


def test_limits_are_where_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    def nested(depth: int) -> bytes:
        return b'{"log": {"x": %s, "entries": []}}' % (b"[" * (depth - 2) + b"]" * (depth - 2))

    Path("a.har").write_bytes(nested(MAX_DEPTH))
    assert replay("a.har").entries == 0
    Path("a.har").write_bytes(nested(MAX_DEPTH + 1))
    with pytest.raises(HARError, match="more than 500 values inside of each other"):
        replay("a.har")
    monkeypatch.setattr(recording, "MAX_TEXT_BYTES", 1024 * 1024)
    texts = ['"' + "x" * 900_000 + '"'] * 3 + ['"' + '\\"\\\\' * 100_000 + '"']
    Path("a.har").write_text('{"log": {"x": [' + ",".join(texts) + '], "entries": []}}', "utf-8")
    assert replay("a.har").entries == 0
    for text in ("x" * 1_200_000, '\\"\\\\' * 500_000):
        Path("a.har").write_text('{"log": {"x": ["' + text + '"], "entries": []}}', "utf-8")
        with pytest.raises(HARError, match="a text in it has more than 1 MiB"):
            replay("a.har")


@pytest.mark.parametrize("text", ["x", '\\"'], ids=["plain", "escaped"])
def test_a_long_text_is_read_in_growing_steps(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    read = recording._Watched.read

    def counted(stream: recording._Watched, size: int = -1) -> bytes:
        data = read(stream, size)
        steps.append(len(data))
        return data

    monkeypatch.setattr(recording._Watched, "read", counted)
    size = 4 * 1024 * 1024 // len(text)
    one = json.dumps(entry("GET", f"{API}/x", 200, response=[ALLOWED]))
    body = '{"log": {"x": "' + text * size + '", "entries": [' + one + "]}}"
    Path("a.har").write_text(body, "utf-8")
    assert len(replay("a.har").exchanges) == 1
    assert len(steps) < 12
    assert sum(steps) == len(body)


def test_entries_beyond_the_limit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corsac.har.MAX_ENTRIES", 2)
    path = write(*(entry("GET", f"{API}/{number}", 200) for number in range(3)))
    found = replay(path)
    assert (found.entries, len(found.exchanges), found.left_out) == (3, 2, 1)


def test_values_of_a_wrong_type_at_every_place_do_no_harm() -> None:
    url = f"{API}/x"
    good = [preflight(url, 204, PASSED), entry("PUT", url, 200, JSON, [ALLOWED])]
    whole = {"log": {"version": "1.2", "pages": [{"id": "a", "title": APP}], "entries": good}}
    odd: list[Any] = [
        None,
        True,
        1,
        -1,
        1.5,
        2**62,
        "",
        "\0",
        "x" * 9_000,
        [],
        [[]],
        {},
        {"a": 1},
    ]
    generator = random.Random(1)  # noqa: S311 - to draw cases
    for place in list(_places(whole)):
        changed = json.loads(json.dumps(whole))
        parent = changed
        for key in place[:-1]:
            parent = parent[key]
        parent[place[-1]] = generator.choice(odd)
        Path("odd.har").write_text(json.dumps(changed), "utf-8")
        try:
            replay("odd.har", policy=POLICY).as_dict()
        except HARError as error:
            assert place[:2] in {("log",), ("log", "entries")}, error  # noqa: PT017


def _places(value: Any, before: tuple[Any, ...] = ()) -> Any:
    """Give the way to every value inside of one."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in items:
        yield (*before, key)
        if isinstance(each, dict | list):
            yield from _places(each, (*before, key))


def test_keys_that_stand_twice_and_odd_text_do_no_harm() -> None:
    one = json.dumps(entry("GET", f"{API}/x", 200, response=[ALLOWED]))
    twice = '{"request": {"method": "PUT"}, "response": 1, ' + one[1:]
    Path("odd.har").write_text('{"log": {"entries": [], "entries": [' + twice + "]}}", "utf-8")
    assert replay("odd.har").entries == 1
    path = write(entry("G\x1bET", f"{API}/\x1b[31m", 200), entry("GET", f"{API}/\x1b", 200))
    assert all("\x1b" not in str(each) for each in replay(path).exchanges)


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
