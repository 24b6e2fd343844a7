"""The pages that are made of the code have all of it, and are not kept in the repository."""

from __future__ import annotations

import inspect
import re
import subprocess
from typing import Any, get_args

import pytest
from site_pages import causes, migration, observed, options, printed, sequence_diagram, structure
from site_pages.text import anchor

import corsac
from corsac.browser import FetchRequest, simulate
from corsac.browser.outcome import REASONS
from corsac.browser.transports import asgi_transport
from corsac.cli.code_examples import EXAMPLES
from corsac.codes import CORSProblemCode, code_tables
from corsac.console import diagnose
from corsac.console.table import table
from corsac.migrate import translate
from corsac.options.names import OPTION_NAMES
from support.pages import CHECKOUT, COMMITTED, DOCS, GENERATED, PAGES, anchors


def test_generated_pages_are_ignored_and_committed_ones_are_not() -> None:
    command = ["git", "check-ignore", "--stdin"]
    done = subprocess.run(
        command, cwd=CHECKOUT, input="\n".join(PAGES), capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) == set(GENERATED)


def test_every_option_has_a_default_a_contract_and_an_example() -> None:
    page = GENERATED["docs/reference/every-option.md"]
    assert options.POLICY.keys() == set(OPTION_NAMES)
    own = set(inspect.signature(corsac.CORSMiddleware).parameters) - {"app", "policy", "options"}
    assert options.MIDDLEWARE.keys() == own
    assert options.GUARD.keys() == set(corsac.Guard._fields)
    for name in {*options.POLICY, *options.MIDDLEWARE, *options.GUARD}:
        entry = re.search(rf"### `{name}`\n\nDefault: `.+\n\n[A-Z].+\.\n\n```python\n", page)
        assert entry, name


def test_the_example_of_an_option_shows_what_it_does() -> None:
    for name, shown in options.POLICY.items():
        said = options._answer(shown)
        without = [each for each in shown.keywords if not each.startswith(f"{name}=")]
        if name not in {"allow_origins", "tolerate"}:  # Without those there is no policy to ask.
            assert options._answer(shown._replace(keywords=without)) != said, name
        assert ("refused" in said) is (name in {"app_headers", "guard"}), name


def test_every_problem_code_has_an_anchor() -> None:
    found = anchors(GENERATED["docs/reference/codes.md"])
    assert {anchor(code) for code in get_args(CORSProblemCode)} <= found


def test_codes_that_one_policy_can_have_have_an_example() -> None:
    of_rules_and_installations = {"guard.not_in_rule", "policy.unreachable"}
    of_rules_and_installations |= {"regex.extra_missing", "regex.reach_unknown"}
    table = {code for code in code_tables()["policies"] if not code.startswith("rule.")}
    assert table - of_rules_and_installations == EXAMPLES.keys()


def test_every_reason_code_has_an_anchor() -> None:
    found = anchors(GENERATED["docs/reference/reasons.md"])
    documented = re.findall(r'``"([a-z]+-[a-z-]+)"``', inspect.getdoc(corsac.Refusal) or "")
    assert observed.SERVER.keys() == set(documented)
    assert {f"reason-{code}" for code in observed.SERVER} <= found
    assert {f"browser-{code.replace(':', '-')}" for code in REASONS} <= found


@pytest.mark.parametrize("name", causes.EXAMPLES)
def test_what_a_page_of_a_cause_says_to_write_lets_the_request_through(name: str) -> None:
    written, asked = causes.EXAMPLES[name]
    policy: dict[str, Any] = {}
    exec(f"options = dict({', '.join(written)})", policy)  # noqa: S102 - the page's own text
    app = corsac.CORSMiddleware(answer, **policy["options"])
    request = FetchRequest(printed.URL, printed.ORIGIN, **asked)
    outcome = simulate(request, asgi_transport(app))
    assert outcome.ok, outcome
    if name == "header-not-exposed":
        assert "x-trace" in outcome.readable_headers


async def answer(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"x-trace", b"1")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"milk"})


@pytest.mark.parametrize("name", table().causes)
def test_what_a_page_says_that_browsers_print_is_diagnosed_as_its_cause(name: str) -> None:
    page = GENERATED[f"docs/blocked/{name}.md"]
    section = page.partition("## What the browser prints")[2].partition("\n## ")[0]
    for block in re.findall(r"```console\n(.*?)```", section, re.DOTALL):
        for line in block.splitlines():
            told = diagnose(line)
            codes = {code for each in told for code in each.reasons}
            assert name in {each.name for each in told} or codes & {*table().causes[name].reasons}


def shown(name: str) -> dict[str, list[str]]:
    """The lines of each engine on the page of a cause."""
    section = GENERATED[f"docs/blocked/{name}.md"].partition("## What the browser prints")[2]
    found = re.findall(r"^([^\n]+):\n\n```console\n(.*?)```", section, re.DOTALL | re.MULTILINE)
    return {engine: lines.splitlines() for engine, lines in found}


def test_the_page_of_every_recorded_cause_has_the_browser_that_printed_it() -> None:
    rows = printed._rows()
    assert len(rows) > 500
    missing = {
        (name, row.engine)
        for row in rows
        for name in row.names
        if printed.ENGINES[row.engine] not in shown(name)
    }
    assert not missing


def test_no_message_on_a_page_has_a_place_that_nothing_fills() -> None:
    lines = {line for name in table().causes for each in shown(name).values() for line in each}
    assert [line for line in lines if re.search(r"`\(\w+\)`|\{\w+\}", line)] == []


@pytest.mark.parametrize(
    ("name", "engine", "line"),
    [
        ("bad-port", "Chrome, Edge", "Failed to load resource: net::ERR_UNSAFE_PORT"),
        (
            "blocked-by-client",
            "Chrome, Edge",
            "Failed to load resource: net::ERR_BLOCKED_BY_CLIENT",
        ),
        (
            "coep",
            "Chrome, Edge",
            "Failed to load resource: "
            "net::ERR_BLOCKED_BY_RESPONSE.NotSameOriginAfterDefaultedToSameOriginByCoep",
        ),
        ("no-details", "Firefox", "TypeError: NetworkError when attempting to fetch resource."),
        (
            "preflight-redirect",
            "Safari (WebKit)",
            "Preflight response is not successful. Status code: 301",
        ),
        (
            "frame-denied",
            "Safari (WebKit)",
            "Refused to display 'https://api.example.com/notes' in a frame because it set "
            "'X-Frame-Options' to 'DENY'.",
        ),
        (
            "scheme",
            "Chrome, Edge",
            'Fetch API cannot load localhost:8000/notes. URL scheme "localhost" is not supported.',
        ),
        (
            "url-credentials",
            "Chrome, Edge",
            "Request cannot be constructed from a URL that includes credentials: "
            "https://user:password@api.example.com/notes",
        ),
    ],
)
def test_a_page_shows_what_a_browser_prints(name: str, engine: str, line: str) -> None:
    assert line in shown(name)[engine]


def test_the_words_of_a_page_name_what_its_messages_name() -> None:
    page = GENERATED["docs/blocked/header-not-exposed.md"]
    assert "the response header x-trace" in page
    for name in table().causes:
        assert "header the header" not in GENERATED[f"docs/blocked/{name}.md"], name


COMMON = re.findall(r"^\| `(.+?)` \| (.+) \|$", PAGES["docs/blocked/index.md"], re.MULTILINE)


@pytest.mark.parametrize(("line", "said"), COMMON)
def test_the_common_causes_say_what_the_command_says_to_change(line: str, said: str) -> None:
    (told,) = diagnose(line)
    for option in re.findall(r"allow_\w+", said):
        assert option in told.fix_on_server


def test_the_common_causes_are_in_the_repository_and_not_on_the_site_alone() -> None:
    found = {told.name for line, _ in COMMON for told in diagnose(line)}
    assert found >= causes.EXAMPLES.keys() - {
        "allow-origin-missing-or-mismatch",  # WebKit's words for two others.
        "authorization-not-listed",
        "header-not-exposed",
    }


@pytest.mark.parametrize("library", migration.SAMPLES)
def test_what_the_base_of_a_migration_page_becomes_and_what_is_said_of_it_is_shown(
    library: str,
) -> None:
    page = GENERATED[f"docs/migrate/{library}-options.md"]
    base = migration.BASE[library]
    entry = page.partition(f"### `{migration._written(base)}`\n")[2].partition("\n### ")[0]
    made = translate(library, base)
    assert all(f"`{name}={value!r}`" in entry for name, value in made.options.items())
    assert made.options
    assert all(f"[`{problem.code}`]" in entry for problem in made.problems)
    assert "the same" not in page
    assert " at 0x" not in page


def test_a_diagram_that_is_not_understood_is_an_error() -> None:
    with pytest.raises(sequence_diagram.DiagramError, match="loop"):
        sequence_diagram.draw("sequenceDiagram\nloop forever", "A loop")
    with pytest.raises(sequence_diagram.DiagramError, match="flowchart"):
        sequence_diagram.draw("flowchart", "No sequence")


def test_a_diagram_has_its_texts_escaped() -> None:
    drawn = sequence_diagram.draw(
        "sequenceDiagram\nparticipant A as Page\nparticipant B as Server\nA->>B: <b> & more", "T"
    )
    assert "&lt;b&gt; &amp; more" in drawn


def test_a_first_page_lists_what_the_site_has_in_its_folder() -> None:
    text = structure.for_the_site("reference/index", PAGES["docs/reference/index.md"], DOCS)
    assert "- [Every problem code](codes.md)" in text
    assert text.endswith("api\n```\n")


def test_what_is_outside_of_the_documentation_is_named_and_not_linked() -> None:
    text = "[a](../../CHANGELOG.md) [b](../../examples/tenants/) [c](../../examples/mcp/app.py)"
    text += " [d](../learn/index.md#top)"
    wanted = "a b [c](../../examples/mcp/app.py) [d](../learn/index.md#top)"
    assert structure.for_the_site("how-to/mcp", text, DOCS) == wanted


def test_pictures_go_into_the_site_in_both_colours() -> None:
    pictures = 0
    for name, text in COMMITTED.items():
        if not name.startswith("docs/"):
            continue
        page = structure.for_the_site(name.removeprefix("docs/").removesuffix(".md"), text, DOCS)
        assert "<img" not in page, name
        found = re.findall(r"```\{image\} (\S+)\n:alt: .+\n:class: only-(light|dark)\n```", page)
        assert [theme for _, theme in found] == ["light", "dark"] * (len(found) // 2)
        for path, _ in found:
            assert (DOCS.parent / name).parent.joinpath(path).exists(), path
        assert text.count("<picture") * 2 == len(found), name
        pictures += len(found)
    assert pictures


@pytest.mark.parametrize(
    ("name", "impossible"),
    [
        ("mixed-content", r"(?:insecure|display|active).*https://"),
        ("local-network-insecure", "https://app"),
        ("websocket", "'https?://"),
        ("event-source", "WebSocket.*'https?://"),
        ("frame-denied", 'directive: "(?!frame-ancestors )'),
        ("content-security-policy", r"(?:script|style) .*connect-src|the script directive"),
        ("integrity-mismatch", "script integrity|\u201cscript\u201d hashes"),
    ],
)
def test_a_page_shows_no_line_that_browsers_cannot_print(name: str, impossible: str) -> None:
    page = causes.pages()[f"blocked/{name}.md"]
    lines = re.findall(r"^```console\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert lines
    assert [line for line in "".join(lines).splitlines() if re.search(impossible, line)] == []
