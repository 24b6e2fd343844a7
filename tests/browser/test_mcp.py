"""The MCP example in a real Chromium: sessions of allowed pages, and hosts that were rebound."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from corsac.cli import main
from support.engines.chromium import launched, serving_empty_pages
from support.servers import SERVERS, RunningServer, start_server

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/mcp"
DOCUMENTATION = EXAMPLE.parents[1] / "docs/how-to/mcp.md"
TOKEN = "a-token-of-the-tests"  # noqa: S105
REBOUND = "rebound.example"

# What a client does: each step as its status and the headers and the body that a page can read.
CLIENT = """
async ({url, token}) => {
  const version = "2025-06-18";
  const steps = {};
  const common = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
  };
  async function step(name, options) {
    try {
      const response = await fetch(url, options);
      steps[name] = {
        status: response.status,
        session: response.headers.get("Mcp-Session-Id") !== null,
        signIn: response.headers.get("WWW-Authenticate"),
        text: await response.text(),
      };
      return response.headers.get("Mcp-Session-Id");
    } catch (error) {
      steps[name] = String(error);
    }
  }
  const call = (id, method, params) => JSON.stringify({jsonrpc: "2.0", id, method, params});
  const added = {name: "add", arguments: {first: 2, second: 3}};
  const information = {protocolVersion: version, capabilities: {}};
  information.clientInfo = {name: "page", version: "1"};

  await step("without a token", {method: "POST", headers: common, body: "{}"});
  const signedIn = {...common, "Authorization": `Bearer ${token}`};
  const first = {method: "POST", headers: signedIn, body: call(1, "initialize", information)};
  const session = await step("initialize", first);
  const later = {...signedIn, "Mcp-Session-Id": session, "MCP-Protocol-Version": version};
  await step("call", {method: "POST", headers: later, body: call(2, "tools/call", added)});
  await step("resume", {headers: {...later, "Last-Event-ID": "0", "Accept": "text/html"}});
  await step("end", {method: "DELETE", headers: later});

  const prefix = "io.modelcontextprotocol/";
  const modern = {...signedIn, "MCP-Protocol-Version": "2026-07-28"};
  Object.assign(modern, {"Mcp-Method": "tools/call", "Mcp-Name": "add", "Mcp-Param-Region": "x"});
  const meta = {[`${prefix}protocolVersion`]: "2026-07-28"};
  meta[`${prefix}clientInfo`] = information.clientInfo;
  meta[`${prefix}clientCapabilities`] = {};
  const body = call(3, "tools/call", {...added, _meta: meta});
  await step("call without a session", {method: "POST", headers: modern, body});
  return steps;
}
"""
DISCOVER = """
async (url) => {
  try {
    const response = await fetch(url, {headers: {"MCP-Protocol-Version": "2025-06-18"}});
    return (await response.json()).authorization_servers;
  } catch (error) {
    return String(error);
  }
}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """The example, served by uvicorn."""
    with serving() as running:
        yield running


@contextlib.contextmanager
def serving(**variables: str) -> Iterator[RunningServer]:
    own = {"TOKEN": TOKEN, "OWN_URL": "http://localhost:{port}", **variables}
    command = functools.partial(SERVERS["uvicorn"], "app:app")
    with start_server("uvicorn", command, is_ready, EXAMPLE, **own) as running:
        yield running


def is_ready(server: RunningServer) -> bool:
    assert server.ask("/.well-known/oauth-protected-resource/mcp").status == 200
    return True


@pytest.fixture(scope="module")
def pages() -> Iterator[int]:
    """The port of a server of empty pages."""
    with serving_empty_pages() as port:
        yield port


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium to which two names of other sites are this machine."""
    rules = f"MAP {REBOUND} 127.0.0.1, MAP evil.example 127.0.0.1"
    with launched(f"--host-resolver-rules={rules}") as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with contextlib.closing(browser.new_page()) as page:
        yield page


def run_client(page: Page, url: str) -> dict[str, Any]:
    steps: dict[str, Any] = page.evaluate(CLIENT, {"url": url, "token": TOKEN})
    return steps


def test_an_allowed_page_uses_a_session_of_either_era(
    page: Page, pages: int, server: RunningServer
) -> None:
    page.goto(f"http://localhost:{pages}/")
    steps = run_client(page, f"http://localhost:{server.port}/mcp")
    assert {name: step["status"] for name, step in steps.items()} == {
        "without a token": 401,
        "initialize": 200,
        "call": 200,
        "resume": 406,
        "end": 200,
        "call without a session": 200,
    }
    metadata = f"http://localhost:{server.port}/.well-known/oauth-protected-resource/mcp"
    assert f'resource_metadata="{metadata}"' in steps["without a token"]["signIn"]
    assert steps["initialize"]["session"]
    assert '"structuredContent":{"result":5}' in steps["call"]["text"]
    assert '"structuredContent":{"result":5}' in steps["call without a session"]["text"]


@pytest.mark.parametrize("host", ["localhost", "evil.example"])
def test_any_page_finds_out_where_to_sign_in(
    host: str, page: Page, pages: int, server: RunningServer
) -> None:
    page.goto(f"http://{host}:{pages}/")
    url = f"http://localhost:{server.port}/.well-known/oauth-protected-resource/mcp"
    assert page.evaluate(DISCOVER, url) == ["https://sign-in.example.com/"]


def test_a_page_of_another_site_gets_nothing(page: Page, pages: int, server: RunningServer) -> None:
    page.goto(f"http://evil.example:{pages}/")
    steps = run_client(page, f"http://localhost:{server.port}/mcp")
    assert set(steps.values()) == {"TypeError: Failed to fetch"}


def test_a_rebound_host_is_refused_before_the_server_runs(
    page: Page, server: RunningServer
) -> None:
    page.goto(f"http://{REBOUND}:{server.port}/mcp")
    steps = run_client(page, "/mcp")
    assert {(step["status"], step["text"]) for step in steps.values()} == {
        (403, "host-not-allowed")
    }


def test_without_allowed_hosts_a_rebound_page_calls_every_tool(page: Page) -> None:
    with serving(ALLOW_ANY_HOST="1") as server:
        page.goto(f"http://{REBOUND}:{server.port}/mcp")
        steps = run_client(page, "/mcp")
    assert [steps[name]["status"] for name in ("initialize", "call", "end")] == [200, 200, 200]
    assert '"structuredContent":{"result":5}' in steps["call"]["text"]


def transcript(steps: dict[str, Any]) -> dict[str, str]:
    """What each step gave the page's script, as the documentation has it."""

    def in_words(name: str, step: Any) -> str:
        if isinstance(step, str):
            return step
        said = str(step["status"])
        if step["signIn"]:
            said += ", and WWW-Authenticate can be read"
        if name == "initialize" and step["session"]:
            said += ", and Mcp-Session-Id can be read"
        if '"structuredContent":{"result":5}' in step["text"]:
            said += ", the tool's result"
        return f"{said} {step['text']}" if step["status"] == 403 else said

    said = {name: in_words(name, step) for name, step in steps.items()}
    alike = set(said.values())
    return {"every step": alike.pop()} if len(alike) == 1 else said


def documented() -> list[dict[str, str]]:
    """The steps below each heading of the documentation's transcript, without its remarks."""
    text = DOCUMENTATION.read_text(encoding="utf-8")
    block = text.partition("## What a browser does with it")[2].split("```")[1]
    found: list[dict[str, str]] = []
    for line in block.splitlines()[1:]:
        if not line.startswith("  "):
            found += [{}] if line else []
            continue
        name, _, said = re.sub(r" \(.*\)$", "", line.strip()).partition("  ")
        found[-1][name] = said.strip()
    return found


def test_the_documentation_shows_what_a_browser_does(
    page: Page, pages: int, server: RunningServer
) -> None:
    own = f"http://localhost:{server.port}/mcp"
    found = []
    with serving(ALLOW_ANY_HOST="1") as other:
        rebound = (f"http://{REBOUND}:{each.port}/mcp" for each in (server, other))
        for where, url in (
            (f"http://localhost:{pages}/", own),
            (f"http://evil.example:{pages}/", own),
            *((each, "/mcp") for each in rebound),
        ):
            page.goto(where)
            found.append(transcript(run_client(page, url)))
    shown = documented()
    assert found[:-1] == shown[:-1]
    # Only what the call of a tool needs is shown of the last one.
    assert shown[-1].items() <= found[-1].items()
    assert [*shown[-1]] == ["initialize", "call"]


def test_the_check_of_the_command_line_finds_it_complete(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOKEN", TOKEN)
    assert main(["check", "app:app", "--app-dir", str(EXAMPLE), "--strict"]) == 0
    assert "mcp.incomplete" not in capsys.readouterr().out
