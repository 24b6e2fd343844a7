"""The lab's page in a real Chromium: edits, verdicts, the keyboard alone, names for everything."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

from corsac import CORSPolicy
from corsac.cli import main
from corsac.inspection import Applied
from corsac.lab import Lab, serving_lab

# Which preset comes to what, by the standard; None where Corsac refuses the policy.
PRESETS = {
    "An app and its API, right": "allowed",
    "The method is not listed": "blocked",
    "JSON needs Content-Type listed": "blocked",
    "Another origin": "blocked",
    "Anyone, with credentials": None,
    "Cookies, without allow_credentials": "blocked",
    "A slash after the origin": None,
    "A pattern and the name above it": "blocked",
    "Any header, but Authorization": "blocked",
    "A header that is not exposed": "allowed",
    "A redirect to another origin": "blocked",
    "A sandboxed page": "blocked",
    "A stranger's write, guarded": "guarded",
    "no-cors is no way around": "allowed",
}

# What a browser writes by itself about a request that CORS blocks, or that has an error status.
EXPECTED_IN_CONSOLE = re.compile(r"blocked by CORS policy|Failed to load resource")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with serving_lab(port=0) as running:
        yield running


@pytest.fixture
def complaints() -> list[str]:
    """What the page's console said that no blocked request explains."""
    return []


@pytest.fixture
def page(browser: Browser, lab: Lab, complaints: list[str]) -> Iterator[Page]:
    """The lab in a fresh profile; the test fails if its console complains."""

    def note(message: ConsoleMessage) -> None:
        unexpected = not EXPECTED_IN_CONSOLE.search(message.text)
        if message.type in {"error", "warning"} and unexpected:
            complaints.append(message.text)

    with browser.new_context() as context:
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(lab.places.control)
        settled(page)
        yield page
    assert complaints == []


def settled(page: Page, state: str = "done") -> None:
    """Wait until the last edit has come to its end."""
    expect(page.locator("body")).to_have_attribute("data-state", state)


def edit(page: Page, label: str, value: str, state: str = "done") -> None:
    page.get_by_label(label, exact=True).fill(value)
    settled(page, state)


def choose(page: Page, preset: str) -> None:
    expected = "refused" if PRESETS[preset] is None else "done"
    page.evaluate("document.body.dataset.state = 'working'")
    page.get_by_label("Start from").select_option(preset)
    settled(page, expected)


def engine(page: Page, name: str) -> Locator:
    return page.locator(f"li[data-engine='{name}']")


@pytest.mark.parametrize("preset", [name for name, outcome in PRESETS.items() if outcome])
def test_this_browser_does_what_its_simulation_says(page: Page, preset: str) -> None:
    choose(page, preset)
    expect(page.locator(".agreement")).to_have_attribute("data-agrees", "true")
    expect(engine(page, "standard")).to_have_attribute("data-outcome", PRESETS[preset] or "")
    simulated = engine(page, "chromium").get_attribute("data-outcome")
    expect(engine(page, "real")).to_have_attribute("data-outcome", simulated or "")


@pytest.mark.parametrize("preset", [name for name, outcome in PRESETS.items() if not outcome])
def test_a_policy_that_is_refused_says_so_at_its_option(page: Page, preset: str) -> None:
    choose(page, preset)
    origins = page.get_by_label("allow_origins", exact=True)
    expect(origins).to_have_attribute("aria-invalid", "true")
    problem = page.locator("[data-option='allow_origins'] .problem")
    expect(problem).to_have_class("problem error")
    described = origins.get_attribute("aria-describedby") or ""
    assert (problem.get_attribute("id") or "") in described.split()
    expect(page.locator("#code")).to_have_text("# no policy yet")


def test_all_presets_of_the_page_are_known_here(page: Page) -> None:
    names = page.get_by_label("Start from").locator("option").all_text_contents()
    assert names == [*PRESETS, "My own case"]


def test_a_write_that_the_guard_refuses_is_not_shown_as_a_hole(page: Page) -> None:
    choose(page, "A stranger's write, guarded")
    states = page.locator(".engines .state")
    said = ["Sent, refused by the server (guard)"] * 5
    expect(states).to_have_text(said)
    expect(page.locator(".verdict")).to_have_class("verdict guarded")
    headline = "Sent, and the server's guard refused it before the application ran"
    expect(page.locator(".verdict > p").first).to_have_text(headline)
    expect(page.locator("#status")).to_contain_text("Refused by the server (guard).")
    colours = {
        name: page.evaluate(
            "name => { const it = document.createElement('span'); it.className = `state ${name}`;"
            "document.querySelector('.engines li').append(it); return getComputedStyle(it).color }",
            name,
        )
        for name in ("allowed", "blocked", "guarded")
    }
    assert len(set(colours.values())) == 3


def test_engines_that_differ_are_shown_to_differ(page: Page) -> None:
    choose(page, "Any header, but Authorization")
    expect(engine(page, "standard")).to_have_attribute("data-outcome", "blocked")
    expect(engine(page, "chromium")).to_have_attribute("data-outcome", "allowed")
    expect(engine(page, "real")).to_have_attribute("data-outcome", "allowed")
    expect(page.locator("#verdict > .verdict > p").first).to_have_text(
        re.compile(r"Engines differ\. By the standard: blocked: the preflight was refused")
    )


def test_a_verdict_of_blocked_names_the_command_that_explains_its_code(
    page: Page, capsys: pytest.CaptureFixture[str]
) -> None:
    more = page.locator("#verdict .help", has_text="corsac explain-code")
    for preset, code in (
        ("The method is not listed", "preflight:method-not-allowed"),
        ("JSON needs Content-Type listed", "preflight:header-not-allowed:content-type"),
        ("Another origin", "missing-allow-origin"),
    ):
        choose(page, preset)
        expect(more).to_have_text(f"More: corsac explain-code {code}")
        assert main(["explain-code", code]) == 0
        assert code in capsys.readouterr().out
    choose(page, "An app and its API, right")
    expect(more).to_have_count(0)


def test_an_edit_changes_the_verdict_at_once(page: Page) -> None:
    choose(page, "The method is not listed")
    expect(page.locator(".change")).to_contain_text("add 'DELETE' to allow_methods")
    edit(page, "allow_methods", "PUT, DELETE")
    expect(engine(page, "real")).to_have_attribute("data-outcome", "allowed")
    expect(page.locator("#code")).to_contain_text('allow_methods=["PUT", "DELETE"]')
    expect(page.get_by_role("status").first).to_have_text("Allowed. This browser agrees.")
    expect(page.get_by_label("Start from")).to_have_value("")


def test_the_cookie_of_the_api_is_sent_where_the_request_includes_it(page: Page) -> None:
    expect(page.locator("#wire")).to_contain_text("cookie: corsac_lab=signed-in")
    page.get_by_label("Credentials", exact=True).select_option("omit")
    settled(page)
    expect(page.locator("#wire")).not_to_contain_text("cookie")


def test_what_comes_over_the_wire_is_shown_as_text(page: Page) -> None:
    edit(page, "allow_headers", "x-a, content-type")
    edit(page, "Request headers", "X-A: <img src=x onerror=alert(1)>")
    expect(page.locator("#wire")).to_contain_text("x-a: <img src=x onerror=alert(1)>")
    assert page.locator("img").count() == 0


def test_a_value_that_is_none_is_said_at_its_field(page: Page) -> None:
    edit(page, "max_age", "soon", "failed")
    problem = page.locator("[data-option='max_age'] .problem")
    expect(problem).to_have_text("expected a whole number, got str")
    edit(page, "max_age", "90")
    expect(problem).to_have_count(0)
    edit(page, "Path", "items", "failed")
    expect(page.locator("[data-option='path'] .problem")).to_be_visible()


def test_a_link_brings_the_case_back(page: Page, browser: Browser, lab: Lab) -> None:
    choose(page, "The method is not listed")
    edit(page, "Path", "/items/7")
    address = page.url
    assert "#" in address
    with browser.new_context() as context:
        other = context.new_page()
        other.goto(address)
        settled(other)
        expect(other.get_by_label("Path", exact=True)).to_have_value("/items/7")
        expect(other.get_by_label("Method", exact=True)).to_have_value("DELETE")
        expect(engine(other, "real")).to_have_attribute("data-outcome", "blocked")


def test_a_link_from_another_run_has_the_ports_of_this_one(browser: Browser, lab: Lab) -> None:
    theirs = ["http://app.lab.localhost:1", "http://app.lab.localhost:2", "http://localhost:3"]
    state = {"policy": {"allow_origins": theirs}, "request": {}, "ports": ["1", 2]}
    ours = [lab.places.page_port, lab.places.api_port]
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{lab.places.control}/#{quote(json.dumps(state))}")
        settled(page)
        field = page.get_by_label("allow_origins", exact=True)
        expect(field).to_have_value(
            "\n".join(
                [*(f"http://app.lab.localhost:{port}" for port in ours), "http://localhost:3"]
            )
        )


@pytest.mark.parametrize(
    "fragment",
    [
        "nonsense",
        "%E0%A4%A",
        "[]",
        "1",
        '{"policy": 1, "request": []}',
        '{"policy": {"allow_origins": "x", "max_age": "y"}, "request": {"page": "z"}}',
        '{"request": {"headers": [1, null]}}',
    ],
)
def test_a_fragment_that_is_no_case_does_no_harm(browser: Browser, lab: Lab, fragment: str) -> None:
    errors: list[str] = []
    with browser.new_context() as context:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{lab.places.control}/#{fragment}")
        expect(page.locator("body")).to_have_attribute(
            "data-state", re.compile("done|failed|refused")
        )
    assert errors == []


def test_a_keyboard_is_enough_and_every_stop_is_seen(page: Page) -> None:
    """Tab goes through every control in the order of the page, and out at its end."""
    page.locator("body").focus()
    stops: list[tuple[str, str, str]] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        stop = page.evaluate(
            "() => { const it = document.activeElement; const style = getComputedStyle(it);"
            " const name = it.id || it.className || it.tagName;"
            " return [name, style.outlineStyle, style.outlineWidth]; }"
        )
        if stop[0] in {"BODY", "skip"} and stops:
            break
        stops.append(stop)
    names = [name for name, _, _ in stops]
    assert names == [
        "skip",
        "preset",
        "copy-link",
        "allow_origins",
        "allow_origin_regex",
        "allow_credentials",
        "guard",
        "preflight_continue",
        "allow_private_network",
        "always_send",
        "allow_timing",
        "allow_methods",
        "allow_headers",
        "expose_headers",
        "hands_off",
        "max_age",
        "preflight_status",
        "tolerate",
        "page",
        "method",
        "path",
        "credentials",
        "mode",
        "redirect",
        "response",
        "network",
        "headers",
        "copy-code",
        "PRE",
    ]
    assert {(style, width) for _, style, width in stops} == {("solid", "3px")}


def test_a_case_is_made_without_a_mouse(page: Page) -> None:
    page.get_by_label("allow_methods", exact=True).focus()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("PATCH")
    settled(page)
    expect(engine(page, "real")).to_have_attribute("data-outcome", "blocked")
    for _ in range(8):
        page.keyboard.press("Tab")
    expect(page.get_by_label("Method", exact=True)).to_be_focused()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("PATCH")
    page.keyboard.press("Enter")
    settled(page)
    expect(engine(page, "real")).to_have_attribute("data-outcome", "allowed")


def test_everything_that_can_be_used_has_a_name(page: Page) -> None:
    nameless = page.evaluate(
        """() => [..."input select textarea button iframe [tabindex]".split(" ")]
          .flatMap((kind) => [...document.querySelectorAll(kind)])
          .filter((it) => !(it.labels?.length || it.getAttribute("aria-label")
            || it.getAttribute("aria-labelledby") || it.title || it.textContent.trim()))
          .map((it) => it.outerHTML)"""
    )
    assert nameless == []
    missing = page.evaluate(
        """() => [...document.querySelectorAll("[for], [aria-labelledby], [aria-describedby]")]
          .flatMap((it) => ["for", "aria-labelledby", "aria-describedby"]
            .flatMap((name) => (it.getAttribute(name) ?? "").split(" ").filter(Boolean)))
          .filter((id) => !document.getElementById(id))"""
    )
    assert missing == []
    ids = page.evaluate("() => [...document.querySelectorAll('[id]')].map((it) => it.id)")
    assert len(ids) == len(set(ids))
    assert page.locator("html").get_attribute("lang") == "en"
    levels = page.evaluate(
        "() => [...document.querySelectorAll('h1, h2, h3, h4')].map((it) => Number(it.tagName[1]))"
    )
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize("preset", ["The method is not listed", "Anyone, with credentials"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_is_wider_than_the_window(page: Page, width: int, preset: str) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    choose(page, preset)
    assert page.evaluate("() => document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("preset", ["An app and its API, right", "The method is not listed"])
def test_text_has_enough_contrast(page: Page, scheme: str, preset: str) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1, for every element with text of its own."""
    page.emulate_media(
        color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce"
    )
    choose(page, preset)
    page.mouse.move(0, 0)
    faint = page.evaluate(
        """() => {
          const channels = (color) => color.match(/[\\d.]+/g).map(Number);
          const light = (color) => channels(color).slice(0, 3).map((it) => it / 255)
            .map((it) => (it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4))
            .reduce((sum, it, index) => sum + it * [0.2126, 0.7152, 0.0722][index], 0);
          const ground = (it) => {
            for (let at = it; at; at = at.parentElement) {
              const color = getComputedStyle(at).backgroundColor;
              if ((channels(color)[3] ?? 1) === 1) return color;
            }
          };
          return [...document.body.querySelectorAll("*")].filter((it) => it.checkVisibility()
            && [...it.childNodes].some((node) => node.nodeType === 3 && node.data.trim())
            && !it.closest("noscript, option")).map((it) => {
              const [one, two] = [light(getComputedStyle(it).color), light(ground(it))];
              const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
              return [it.className, it.textContent.slice(0, 30), ratio];
            }).filter(([, , ratio]) => ratio < 4.5);
        }"""
    )
    assert faint == []


def test_it_begins_with_the_configuration_that_it_was_given(browser: Browser) -> None:
    tried = CORSPolicy(allow_origins=["https://other.example"])
    policy = CORSPolicy(allow_origins=["https://app.example"], allow_methods=["PUT"])
    applied = Applied(policy, (("/health", None),), trial=Applied(tried))
    with (
        serving_lab(port=0, configuration=("corsac.toml", applied)) as lab,
        browser.new_context() as context,
    ):
        page = context.new_page()
        page.goto(lab.places.control)
        settled(page)
        assert (
            page.get_by_label("Start from").locator("option:checked").inner_text() == "corsac.toml"
        )
        assert page.get_by_label("allow_origins").input_value() == lab.places.pages["app"]
        assert page.locator("#status").inner_text() == "Allowed. This browser agrees."
        said = page.locator("#explanation, #verdict").all_inner_texts()
        assert "stands for https://app.example of corsac.toml" in "".join(said)
        assert "(report_only) would refuse this: origin-not-allowed" in "".join(said)
        edit(page, "Path", "/health")
        assert page.locator("#status").inner_text().startswith("Blocked:")
