"""What consoles print of scripts, style sheets and frames, of time-outs, and in older browsers."""

from __future__ import annotations

import pytest

from corsac.console import diagnose

URL = "https://cdn.example.com/lib.js"
INSECURE = "http://cdn.example.com/lib.js"
POLICY = "script-src 'self'"
MIXED = (
    "Mixed Content: The page at 'https://app.example.com/' was loaded over HTTPS, but requested an "
    "insecure {} 'http://cdn.example.com/lib.js'. {}"
)
BLOCKED = "This request has been blocked; the content must be served over HTTPS."
DISPLAYED = "This content should also be served over HTTPS."
UPGRADED = (
    "This request was automatically upgraded to HTTPS, For more information see "
    "https://blog.chromium.org/2019/10/no-more-mixed-messages-about-https.html"
)


@pytest.mark.parametrize(
    ("line", "engine", "name", "url"),
    [
        (MIXED.format("script", BLOCKED), "chromium", "mixed-content", INSECURE),
        (MIXED.format("stylesheet", BLOCKED), "chromium", "mixed-content", INSECURE),
        (MIXED.format("frame", BLOCKED), "chromium", "mixed-content", INSECURE),
        (MIXED.format("EventSource endpoint", BLOCKED), "chromium", "mixed-content", INSECURE),
        (
            f"Blocked loading mixed display content \u201c{INSECURE}\u201d",
            "firefox",
            "mixed-content",
            INSECURE,
        ),
        (
            f"Loading the script '{URL}' violates the following Content Security Policy directive: "
            f"\"{POLICY}\". Note that 'script-src-elem' was not explicitly set, so 'script-src' is "
            "used as a fallback. The action has been blocked.",
            "chromium",
            "content-security-policy",
            URL,
        ),
        (
            f"Refused to load the stylesheet '{URL}' because it violates the following Content "
            f'Security Policy directive: "{POLICY}".',
            "chromium",
            "content-security-policy",
            URL,
        ),
        (
            "Content-Security-Policy: The page\u2019s settings blocked a "
            "script (script-src-elem) at "
            f"{URL} from being executed because it violates the following "
            f"directive: \u201c{POLICY}\u201d",
            "firefox",
            "content-security-policy",
            URL,
        ),
        (
            "Content-Security-Policy: The page\u2019s settings blocked a style (style-src-elem) at "
            f"{URL} from being applied because it violates the following "
            f"directive: \u201c{POLICY}\u201d",
            "firefox",
            "content-security-policy",
            URL,
        ),
        (
            "Content Security Policy: The page\u2019s settings blocked "
            "the loading of a resource at "
            f"{URL} (\u201cscript-src\u201d).",
            "firefox",
            "content-security-policy",
            URL,
        ),
        (
            f"Refused to load {URL} because it does not appear in the script-src directive of the "
            "Content Security Policy.",
            "webkit",
            "content-security-policy",
            URL,
        ),
        (
            f"Refused to load {URL} because it appears in neither the script-src directive nor the "
            "default-src directive of the Content Security Policy.",
            "webkit",
            "content-security-policy",
            URL,
        ),
        (
            "Framing 'https://api.example.com/' violates the following Content Security Policy "
            "directive: \"frame-ancestors 'self'\". The request has been blocked.",
            "chromium",
            "frame-denied",
            "https://api.example.com/",
        ),
        (
            "Refused to frame 'https://api.example.com/' because an "
            "ancestor violates the following "
            "Content Security Policy directive: \"frame-ancestors 'self'\".",
            "chromium",
            "frame-denied",
            "https://api.example.com/",
        ),
        (
            f"Failed to find a valid digest in the 'integrity' attribute for resource '{URL}' with "
            "computed SHA-384 integrity 'abc='. The resource has been blocked.",
            "chromium",
            "integrity-mismatch",
            URL,
        ),
        (
            "None of the \u201csha384\u201d hashes in the integrity "
            "attribute match the content of the "
            f"subresource at \u201c{URL}\u201d. The computed hash is \u201cabc=\u201d.",
            "firefox",
            "integrity-mismatch",
            URL,
        ),
        (
            "None of the \u201csha384\u201d hashes in the integrity "
            "attribute match the content of the "
            "subresource. The computed hash is \u201cabc=\u201d.",
            "firefox",
            "integrity-mismatch",
            None,
        ),
        (
            f"GET {URL} net::ERR_BLOCKED_BY_RESPONSE.SRIMessageSignatureMismatch 200 (OK)",
            "chromium",
            "integrity-mismatch",
            URL,
        ),
        (
            "WebSocket connection to 'wss://api.example.com/live' failed: ",
            "chromium",
            "event-source",
            "wss://api.example.com/live",
        ),
        (
            "WebSocket connection to 'wss://api.example.com/live' failed: Error during WebSocket "
            "handshake: Unexpected response code: 403",
            "chromium",
            "websocket",
            "wss://api.example.com/live",
        ),
    ],
)
def test_what_a_page_embeds_is_told_as_what_it_fetches(
    line: str, engine: str, name: str, url: str | None
) -> None:
    (found,) = diagnose(line)
    assert (found.engine, found.name, found.url) == (engine, name, url)
    assert not found.is_cors


@pytest.mark.parametrize("text", [DISPLAYED, UPGRADED])
def test_mixed_content_that_was_let_through_is_not_told_as_blocked(text: str) -> None:
    what = "image" if text == DISPLAYED else "element"
    (found,) = diagnose(MIXED.format(what, text))
    assert (found.name, found.url) == ("mixed-content", INSECURE)
    assert "let the request pass" in found.cause


@pytest.mark.parametrize(
    "text",
    [
        "An SSL error has occurred and a secure connection to the server cannot be made.",
        "The certificate for this server is invalid. You might be connecting to a server that is "
        "pretending to be \u201capi.example.com\u201d, which could "
        "put your confidential information at risk.",
        "The request timed out.",
        "The Internet connection appears to be offline.",
    ],
)
def test_safaris_reasons_for_no_answer_are_its_own_only_where_it_says_so(text: str) -> None:
    name = "no-network" if "offline" in text else "network-error"
    (found,) = diagnose(f"Failed to load resource: {text}")
    assert (found.engine, found.name, found.is_cors) == ("webkit", name, False)
    assert diagnose(f"2026-11-30 10:00:00 ERROR worker: {text}") == ()
    (found,) = diagnose(
        f"{text}\nFetch API cannot load https://api.example.com/notes due to access control checks."
    )
    assert (found.name, found.url) == (name, "https://api.example.com/notes")


@pytest.mark.parametrize("is_preflight", [False, True])
def test_the_wildcard_of_an_older_chrome_is_read_with_its_origin(is_preflight: bool) -> None:
    before = "Response to preflight request doesn't pass access control check: "
    (found,) = diagnose(
        "XMLHttpRequest cannot load https://api.example.com/notes. "
        f"{before if is_preflight else ''}A wildcard '*' cannot be used in the "
        "'Access-Control-Allow-Origin' header when the credentials flag is true. Origin "
        "'https://app.example.com' is therefore not allowed access. The credentials mode of an "
        "XMLHttpRequest is controlled by the withCredentials attribute."
    )
    phase = "preflight:" if is_preflight else ""
    assert (found.engine, found.reason) == ("chromium", f"{phase}wildcard-with-credentials")
    assert (found.url, found.origin) == ("https://api.example.com/notes", "https://app.example.com")
