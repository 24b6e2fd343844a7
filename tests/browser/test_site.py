"""The site of the documentation in a browser, from files: its search finds what was printed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from corsac.console import Diagnosis, diagnose
from corsac.console.table import table
from support.pages import CHECKOUT, Block, blocks_of

RECORDED = CHECKOUT / "tests/conformance/console/messages.json"
SAMPLES = {
    "method": "PUT",
    "header": "X-A",
    "status": "500",
    "status_text": "Internal Server Error",
    "error": "ERR_FAILED",
    "url": "http://127.0.0.1:8000/items?page=2",
    "redirect_url": "http://localhost:9000/other",
    "origin": "http://localhost:5173",
    "other_origin": "https://other.example",
    "server_origin": "http://127.0.0.1:8000",
    "page_url": "http://localhost:5173/index.html",
}


ACCESS = (
    "Access to fetch at 'http://127.0.0.1:8000/items' from origin 'http://localhost:5173' "
    "has been blocked by CORS policy: "
)
POLICY = "content-security-policy"
FRAMING = "Framing 'https://a.example/' violates the following Content Security Policy directive:"
REFUSED = "Refused to load https://a.example/ because it does not appear in the"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a site that was built for these tests."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html"),
            *("-d", folder / "doctrees", CHECKOUT / "docs", folder / "html"),
        ],
        check=True,
    )
    return folder / "html"


@pytest.fixture
def page(browser: Browser, site: Path) -> Iterator[Page]:
    """The first page, in a browser that reaches no network."""
    with browser.new_context(offline=True) as context:
        page = context.new_page()
        page.goto((site / "index.html").as_uri())
        yield page


@pytest.mark.parametrize(
    ("pasted", "found"),
    [
        (
            f"{ACCESS}No 'Access-Control-Allow-Origin' header is present on the "
            "requested resource.",
            "missing-allow-origin",
        ),
        (
            f"{ACCESS}Response to preflight request doesn't pass access control "
            "check: No 'Access-Control-Allow-Origin' header is present on the requested resource.",
            "preflight-missing-allow-origin",
        ),
        (
            "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote "
            "resource at http://127.0.0.1:8000/items. (Reason: Credential is not supported if the "
            "CORS header \u2018Access-Control-Allow-Origin\u2019 is \u2018*\u2019).",
            "wildcard-with-credentials",
        ),
        (
            "Request header field X-Token is not allowed by Access-Control-Allow-Headers.",
            "header-not-allowed",
        ),
        (
            "Method PUT is not allowed by Access-Control-Allow-Methods in preflight response",
            "method-not-allowed",
        ),
    ],
)
def test_a_pasted_message_finds_its_page_first(page: Page, pasted: str, found: str) -> None:
    page.get_by_label("What the browser printed").fill(pasted)
    page.keyboard.press("Enter")
    first = page.locator("#search-results ul.search li a").first
    expect(first).to_have_attribute("href", f"blocked/{found}.html")
    first.click()
    expect(page.locator("h2", has_text="Change it on the server")).to_be_visible()


def test_words_that_are_no_message_are_searched_for_as_ever(page: Page) -> None:
    page.get_by_label("What the browser printed").fill(
        "preflight cache https://api.example.com/nowhere"
    )
    page.keyboard.press("Enter")
    expect(page.locator("#search-results ul.search li a").first).to_be_visible()


def logged(text: str) -> str:
    """A text as a browser's driver logs it, in the log of a test runner that writes JSON too."""
    return json.dumps({"message": json.dumps(text).replace("/", "\\/")})


@pytest.mark.parametrize("url", [SAMPLES["url"], "https://api.example.com/" + "a" * 3000])
@pytest.mark.parametrize("written", [str, json.dumps, logged])
def test_every_recorded_message_finds_the_pages_that_the_command_names(
    page: Page, written: Callable[[str], str], url: str
) -> None:
    recorded = json.loads(RECORDED.read_text("utf-8"))
    texts = ["\n".join(row["messages"]) for row in recorded]
    for name, value in {**SAMPLES, "url": url}.items():
        texts = [text.replace(f"{{{name}}}", value) for text in texts]
    texts = [*map(written, texts)]
    found = pages_found(page, texts)
    told = [diagnose(text) for text in texts]
    missed = [text for text, got, said in zip(texts, found, told, strict=True) if said and not got]
    assert not missed, f"{len(missed)} of {len(texts)}, such as {missed[:3]!r:.600}"
    wrong = [
        (text, each)
        for text, got, said in zip(texts, found, told, strict=True)
        for each in got
        if not is_told(each, said)
    ]
    assert not wrong, f"{len(wrong)}, such as {wrong[:3]!r:.600}"


@pytest.mark.parametrize(
    ("pasted", "found"),
    [
        ("Fetch API cannot load https://a.example/ due to access control checks.", ["no-details"]),
        ("Fetch API cannot load https://a.example/notes.", ["mode-same-origin"]),
        ("Fetch API cannot load https://a.example/notes", ["no-details"]),
        (
            "Fetch API cannot load https://a.example/notes.\n"
            "No 'Access-Control-Allow-Origin' header is present on the requested resource.",
            ["missing-allow-origin"],
        ),
        (
            "Access to fetch at 'https://a.example/?e=net::ERR_UNSAFE_PORT' from origin "
            "'https://app.example.com' has been blocked by CORS policy: "
            "No 'Access-Control-Allow-Origin' header is present on the requested resource.",
            ["missing-allow-origin"],
        ),
        ("GET https://a.example:6000/ net::ERR_UNSAFE_PORT", ["bad-port"]),
        ("ERR_CONNECTION_REFUSED at https://a.example/", []),
        ("Failed to load resource: net::ERR_CONNECTION_REFUSED", ["network-error"]),
        ("GET https://a.example/ net::ERR_CONNECTION_RESET 200 (OK)", ["body-cut-off"]),
        ('Refused to get unsafe header "Set-Cookie"', ["unreadable-header"]),
        ('Refused to get unsafe header "X-Trace"', ["header-not-exposed"]),
        (
            "Security Error: Content at file:///a/index.html may not load data from file:///a/b.",
            ["scheme"],
        ),
        (f"{FRAMING} \"frame-src 'none'\".", [POLICY]),
        (f"{FRAMING} \"frame-ancestors 'none'\".", ["frame-denied"]),
        (f"{REFUSED} frame-src directive of the Content Security Policy.", [POLICY]),
        (f"{REFUSED} frame-ancestors directive of the Content Security Policy.", ["frame-denied"]),
        (f"[Report Only] {REFUSED} frame-src directive of the Content Security Policy.", []),
        (f"{FRAMING} \"frame-src 'none'\". The policy is report-only, so the violation has", []),
        (
            f"{FRAMING} \"frame-src 'none'\". The policy is report-only, so the violation has\n"
            f"{FRAMING} \"frame-src 'none'\". The request has been blocked.",
            [POLICY],
        ),
    ],
)
def test_the_search_takes_a_part_of_a_message_for_no_other(
    page: Page, pasted: str, found: list[str]
) -> None:
    assert pages_found(page, [pasted]) == [[f"blocked/{name}" for name in found]]


def pages_found(page: Page, texts: Sequence[str]) -> list[list[str]]:
    """What the search of the site finds in each text."""
    script = "texts => texts.map(text => findConsoleMessages(text).map(row => row.page))"
    found: list[list[str]] = page.evaluate(script, texts)
    return found


def is_told(page: str, told: Sequence[Diagnosis]) -> bool:
    """Whether a page is that of a diagnosis, or of another cause that its message may have."""
    cause = table().causes[page.removeprefix("blocked/")]
    codes = {code for each in told for code in each.reasons}
    return cause.name in {each.name for each in told} or not codes.isdisjoint(cause.reasons)


@pytest.mark.parametrize("block", blocks_of("js"), ids=str)
def test_scripts_are_of_the_language(page: Page, block: Block) -> None:
    text = re.sub(r"^export default ", "return ", block.text)
    page.evaluate("text => { new (async () => {}).constructor(text) }", text)


def test_every_page_has_a_title_and_fits_a_telephone(page: Page, site: Path) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for file in sorted(site.rglob("*.html")):
        page.goto(file.as_uri())
        width = page.evaluate("document.documentElement.scrollWidth")
        assert (file.name, width) == (file.name, 390)
        assert "Corsac" in page.title()
