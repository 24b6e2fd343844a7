"""Whose Content-Security-Policy it is that a console speaks of, and whether it blocked anything."""

from __future__ import annotations

import pytest

from corsac.console import diagnose

URL = "https://api.example.com/notes"
FRAME = "https://frame.example.com/"
NEEDLES = "violates the following Content Security Policy directive:"


@pytest.mark.parametrize(
    "line",
    [
        f"Loading media from  '{URL}' {NEEDLES} \"media-src 'self'\". The action has been blocked.",
        f"Loading media from '{URL}' {NEEDLES} \"media-src 'self'\". The action has been blocked.",
        f"Loading a manifest from '{URL}' {NEEDLES} \"manifest-src 'self'\".",
        f"Loading plugin data from '{URL}' {NEEDLES} \"object-src 'self'\".",
        f"Sending form data to '{URL}' {NEEDLES} \"form-action 'self'\". The request has been "
        "blocked.",
        f"Creating a worker from '{URL}' {NEEDLES} \"script-src 'self'\". Note that 'worker-src' "
        "was not explicitly set, so 'script-src' is used as a fallback.",
        f"Fetching content from '{URL}' {NEEDLES} \"default-src 'self'\".",
        f"Refused to load media from '{URL}' because it {NEEDLES} \"media-src 'self'\".",
        f"Refused to load manifest from '{URL}' because it {NEEDLES} \"manifest-src 'self'\".",
        f"Refused to load plugin data from '{URL}' because it {NEEDLES} \"object-src 'self'\".",
        f"Refused to send form data to '{URL}' because it {NEEDLES} \"form-action 'self'\".",
        f"Refused to create a worker from '{URL}' because it {NEEDLES} \"worker-src 'self'\".",
    ],
)
def test_all_that_a_policy_of_the_page_forbids_in_chromium_is_told(line: str) -> None:
    (found,) = diagnose(line)
    assert (found.engine, found.name, found.url) == ("chromium", "content-security-policy", URL)


SETTINGS = "Content-Security-Policy: The page\u2019s settings blocked the loading of a resource"
OLD_SETTINGS = "Content Security Policy: The page\u2019s settings blocked the loading of a resource"


@pytest.mark.parametrize(
    ("line", "engine"),
    [
        (f"Framing '{FRAME}' {NEEDLES} \"{{}} 'none'\". The request has been blocked.", "chromium"),
        (
            f"Refused to load {FRAME} because it does not appear in the {{}} directive of the "
            "Content Security Policy.",
            "webkit",
        ),
        (
            f"{SETTINGS} ({{}}) at {FRAME} because it violates the following directive: "
            "\u201c{} 'none'\u201d",
            "firefox",
        ),
        (f"{OLD_SETTINGS} at {FRAME} (\u201c{{}}\u201d).", "firefox"),
        (f"{OLD_SETTINGS} at {FRAME} (\u201c{{}} 'none'\u201d).", "firefox"),
    ],
)
@pytest.mark.parametrize(
    ("directive", "name"),
    [
        ("frame-src", "content-security-policy"),
        ("child-src", "content-security-policy"),
        ("default-src", "content-security-policy"),
        ("frame-ancestors", "frame-denied"),
    ],
)
def test_a_frame_is_forbidden_by_the_page_or_by_what_is_in_it(
    line: str, engine: str, directive: str, name: str
) -> None:
    (found,) = diagnose(line.replace("{}", directive))
    assert (found.engine, found.name, found.url) == (engine, name, FRAME)


def test_an_older_chrome_says_by_its_words_whose_policy_it_is() -> None:
    (found,) = diagnose(f"Refused to frame '{FRAME}' because it {NEEDLES} \"frame-src 'none'\".")
    assert (found.name, found.url) == ("content-security-policy", FRAME)
    (found,) = diagnose(
        f"Refused to frame '{FRAME}' because an ancestor {NEEDLES} \"frame-ancestors 'none'\"."
    )
    assert (found.name, found.url) == ("frame-denied", FRAME)


BLOCKED = [
    f"Refused to connect to {URL} because it does not appear in the connect-src directive of the "
    "Content Security Policy.",
    f"Refused to connect to {URL} because it appears in neither the connect-src directive nor the "
    "default-src directive of the Content Security Policy.",
    f"Refused to load {URL} because it does not appear in the script-src directive of the Content "
    "Security Policy.",
    f"Refused to connect to '{URL}' because it {NEEDLES} \"connect-src 'self'\".",
    f"Refused to load the script '{URL}' because it {NEEDLES} \"script-src 'self'\".",
    f"Refused to frame '{URL}' because it {NEEDLES} \"frame-src 'self'\".",
    f"Refused to frame '{URL}' because an ancestor {NEEDLES} \"frame-ancestors 'self'\".",
]
TODAY = [
    f"Connecting to '{URL}' {NEEDLES} \"connect-src 'self'\".",
    f"Connecting to '{URL}' {NEEDLES} \"default-src 'self'\". Note that 'connect-src' was not "
    "explicitly set, so 'default-src' is used as a fallback.",
    f"Loading the script '{URL}' {NEEDLES} \"script-src *\". Note that '*' matches only URLs with "
    "network schemes ('http', 'https', 'ws', 'wss'), or URLs whose scheme matches `self`'s scheme. "
    "The scheme 'data:' must be added explicitly.",
    f"Framing '{URL}' {NEEDLES} \"frame-ancestors 'self'\".",
    f"Sending form data to '{URL}' {NEEDLES} \"form-action 'self'\".",
]
LOGGED = (
    "The policy is report-only, so the violation has been logged but no further action has been "
    "taken."
)


@pytest.mark.parametrize(
    ("reported", "blocked"),
    [
        *((f"[Report Only] {line}", line) for line in BLOCKED),
        *((f"[Report Only]\n{line}", line) for line in BLOCKED),
        *((f"{line} {LOGGED}", f"{line} The action has been blocked.") for line in TODAY),
        *((f"{line}\n{LOGGED}", line) for line in TODAY),
        *((line.replace("following C", "following report-only C"), line) for line in TODAY),
    ],
)
def test_a_policy_that_only_reports_has_blocked_nothing(reported: str, blocked: str) -> None:
    assert diagnose(reported) == ()
    (found,) = diagnose(blocked)
    assert found.name in {"content-security-policy", "frame-denied"}
    # Beside a policy that does block.
    for text in (f"{reported}\n{blocked}", f"{blocked}\n{reported}"):
        (found,) = diagnose(text)
        assert (found.url, found.count) == (URL, 1)


def test_firefoxs_policies_that_only_report_have_blocked_nothing() -> None:
    for line in (
        "Content-Security-Policy: (Report-Only policy) The page\u2019s settings would block the "
        f"loading of a resource (connect-src) at {URL} because it violates the following "
        "directive: \u201cconnect-src 'self'\u201d",
        "Content Security Policy: The page\u2019s settings observed the loading of a resource at "
        f"{URL} (\u201cconnect-src\u201d). A CSP report is being sent.",
    ):
        assert diagnose(line) == ()
