"""The demo's scenarios in a real browser, by their links into the lab: it decides as they say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from corsac.cli.demo import SCENARIOS, Scenario, link_to
from corsac.lab import Lab, serving_lab
from corsac.lab.cases import Case

# What Chromium writes to its console for a reason code.
CONSOLE_TEXTS = {
    "missing-allow-origin": "has been blocked by CORS policy: No 'Access-Control-Allow-Origin'",
    "preflight:missing-allow-origin": "Response to preflight request doesn't pass access control "
    "check: No 'Access-Control-Allow-Origin'",
    "preflight:method-not-allowed": "is not allowed by Access-Control-Allow-Methods in preflight",
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with serving_lab(port=0) as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a fresh profile: no cookies and nothing cached."""
    with browser.new_context() as context:
        yield context.new_page()


@pytest.mark.parametrize(
    "scenario", SCENARIOS, ids=lambda scenario: scenario.title.replace(" ", "-")
)
def test_a_real_browser_does_what_the_transcript_says(
    page: Page, lab: Lab, scenario: Scenario
) -> None:
    console: list[str] = []
    page.on("console", lambda message: console.append(message.text))
    page.goto(link_to(scenario, lab))
    expect(page.locator("body")).to_have_attribute("data-state", "done")
    expected = "blocked" if scenario.expected.reason else "allowed"
    for engine in ("standard", "chromium", "real"):
        locator = page.locator(f"li[data-engine='{engine}']")
        expect(locator).to_have_attribute("data-outcome", expected)
    expect(page.locator(".agreement")).to_have_attribute("data-agrees", "true")
    said = [text for text in console if "CORS policy" in text]
    if scenario.expected.reason:
        assert any(CONSOLE_TEXTS[scenario.expected.reason] in text for text in said)
    else:
        assert said == []


@pytest.mark.parametrize(
    "scenario", SCENARIOS, ids=lambda scenario: scenario.title.replace(" ", "-")
)
def test_the_application_runs_exactly_when_the_transcript_says_so(
    page: Page, lab: Lab, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases: list[Case] = []
    keep = lab.cases.add

    def add(name: str, case: Case) -> None:
        cases.append(case)
        keep(name, case)

    monkeypatch.setattr(lab.cases, "add", add)
    page.goto(link_to(scenario, lab))
    expect(page.locator("body")).to_have_attribute("data-state", "done")
    assert any(case.application_ran for case in cases) is scenario.expected.application_ran
