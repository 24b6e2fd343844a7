"""The demo's page in a real browser: it decides as the scenarios, and so Corsac, say."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from corsac import CORSMiddleware
from corsac._types import ASGIApp
from corsac.cli.demo import Demo, serving_demo
from corsac.cli.demo.exchange import Exchange, RoundTrip
from corsac.cli.demo.scenarios import SCENARIOS, Addresses, Scenario

SCENARIO_BY_ID = {scenario.id: scenario for scenario in SCENARIOS}

# What Chromium writes to its console for a reason code.
CONSOLE_TEXTS = {
    "missing-allow-origin": "has been blocked by CORS policy: No 'Access-Control-Allow-Origin'",
    "preflight:missing-allow-origin": "Response to preflight request doesn't pass access control "
    "check: No 'Access-Control-Allow-Origin'",
    "preflight:method-not-allowed": "is not allowed by Access-Control-Allow-Methods in preflight",
}

each_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=SCENARIO_BY_ID)
each_blocked_scenario = pytest.mark.parametrize(
    "scenario", [s for s in SCENARIOS if s.expected.reason], ids=lambda scenario: scenario.id
)


def card_of(page: Page, scenario: Scenario) -> Locator:
    return page.locator(f"article[data-scenario='{scenario.id}']")


def press(page: Page, scenario: Scenario) -> Locator:
    """Press a scenario's button and wait for its result."""
    card = card_of(page, scenario)
    card.get_by_role("button").click()
    expect(card).to_have_attribute("data-state", "done")
    return card


def seen_by_api(demo: Demo, card: Locator) -> Exchange:
    exchange_id = card.get_attribute("data-exchange")
    assert exchange_id
    return demo.log.exchange(exchange_id)


def cookie_of(round_trip: RoundTrip | None) -> str | None:
    assert round_trip is not None
    lines = {name.lower(): value for name, value in round_trip.request_headers}
    return lines[b"cookie"].decode() if b"cookie" in lines else None


@each_scenario
def test_the_browser_resolves_or_rejects_as_the_scenario_says(
    page: Page, scenario: Scenario
) -> None:
    card = press(page, scenario)
    expected = "blocked" if scenario.expected.reason else "allowed"
    expect(card).to_have_attribute("data-outcome", expected)
    expect(card.locator(".badge")).to_have_text(expected.capitalize())


@each_scenario
def test_the_browser_sends_a_preflight_exactly_when_the_scenario_says_so(
    page: Page, demo: Demo, scenario: Scenario
) -> None:
    seen = seen_by_api(demo, press(page, scenario))
    assert (seen.preflight is not None) is scenario.expected.preflight_sent


@each_scenario
def test_the_application_runs_exactly_when_the_scenario_says_so(
    page: Page, demo: Demo, scenario: Scenario
) -> None:
    actual = seen_by_api(demo, press(page, scenario)).actual
    assert (actual is not None and actual.application_ran) is scenario.expected.application_ran


@each_scenario
def test_a_script_can_read_exactly_the_headers_that_the_scenario_says(
    page: Page, scenario: Scenario
) -> None:
    card = press(page, scenario)
    expect(card).to_have_attribute("data-readable", " ".join(scenario.expected.readable_headers))


@each_scenario
def test_the_page_finds_everything_as_expected(page: Page, scenario: Scenario) -> None:
    card = press(page, scenario)
    expect(card).to_have_attribute("data-check", "right")
    expect(card.locator(".check")).to_have_text("As expected.")


@each_blocked_scenario
def test_the_browser_names_the_same_reason_in_its_console(page: Page, scenario: Scenario) -> None:
    expected = CONSOLE_TEXTS[scenario.expected.reason]
    with page.expect_console_message(lambda message: "CORS policy" in message.text) as console:
        press(page, scenario)
    assert expected in console.value.text


@each_blocked_scenario
def test_a_blocked_script_learns_no_reason_but_the_page_tells_it(
    page: Page, scenario: Scenario
) -> None:
    card = press(page, scenario)
    expect(card.locator(".step").last).to_contain_text("TypeError: Failed to fetch")
    expect(card.locator(".step.bad").first).to_contain_text(f"({scenario.expected.reason})")


def test_the_cookie_travels_with_the_request_but_never_with_the_preflight(
    page: Page, demo: Demo
) -> None:
    seen = seen_by_api(demo, press(page, SCENARIO_BY_ID["credentials"]))
    assert cookie_of(seen.preflight) is None
    assert cookie_of(seen.actual) == "corsac_demo=signed-in"


def test_a_request_without_credentials_leaves_a_stored_cookie_at_home(
    page: Page, demo: Demo
) -> None:
    press(page, SCENARIO_BY_ID["credentials"])
    seen = seen_by_api(demo, press(page, SCENARIO_BY_ID["allowed-origin"]))
    assert cookie_of(seen.actual) is None


def test_one_button_sends_everything_and_counts_what_was_as_expected(page: Page) -> None:
    page.get_by_role("button", name="Send all").click()
    expect(page.get_by_role("status")).to_have_text(
        f"{len(SCENARIOS)} of {len(SCENARIOS)} as expected."
    )


def test_a_keyboard_is_enough(page: Page) -> None:
    send_all = page.get_by_role("button", name="Send all")
    send_all.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    card = card_of(page, SCENARIOS[0])
    expect(card).to_have_attribute("data-state", "done")
    expect(card.get_by_role("button")).to_be_focused()


def test_the_refused_name_of_the_page_leads_to_the_allowed_one(page: Page, demo: Demo) -> None:
    page.goto(demo.addresses.refused_page)
    expect(page).to_have_url(f"{demo.addresses.allowed_page}/")


def test_the_page_says_so_when_a_verdict_is_not_the_expected_one(browser: Browser) -> None:
    def protect_from_everybody(app: ASGIApp, addresses: Addresses) -> ASGIApp:
        return CORSMiddleware(app, allow_origins=["https://elsewhere.example"])

    with (
        serving_demo(api_port=0, page_port=0, protect=protect_from_everybody) as strict,
        browser.new_context() as context,
    ):
        page = context.new_page()
        page.goto(strict.addresses.allowed_page)
        card = press(page, SCENARIO_BY_ID["allowed-origin"])
        expect(card).to_have_attribute("data-outcome", "blocked")
        expect(card.locator(".check")).to_have_text(re.compile("NOT as expected"))
