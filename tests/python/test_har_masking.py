"""Recorded sessions: of what may be a secret nothing is kept or shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from corsac.browser.urls import parse_url
from corsac.cli import main
from corsac.har import masking, replay
from support.checking import toml, use_empty_directory
from support.hars import ALLOWED, API, APP, POLICY, entry, write


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_empty_directory(tmp_path, monkeypatch)
    return tmp_path


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
