"""The simulated Chromium and the real one come to the same, whatever is answered and asked."""

from __future__ import annotations

import difflib
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, Frame, Page

from corsac._types import Receive, Scope, Send
from corsac.browser import FetchOutcome, PreflightCache, Request, simulate
from corsac.browser.transports import asgi_transport
from corsac.lab.loopback import listen, serving
from support.agreement import Case, Origins, draw_cases

SEED = 20261121
CASES = 900

# What a browser adds that no policy reads and the simulation leaves to the connection.
CONNECTION_HEADERS = {
    "accept-encoding",
    "accept-language",
    "connection",
    "content-length",
    "cookie",
    "host",
    "referer",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "sec-fetch-storage-access",
    "user-agent",
}
# Chromium lets the cache mode of a request show in its preflight too; no server reads it there.
CACHE_HEADERS = {"cache-control", "pragma"}

PAGE = """<!doctype html><meta charset=utf-8><link rel=icon href="data:,"><title>calls</title>"""

# Every case's calls in a row, many cases at a time: nothing that two cases do has one URL.
RUN_CASES = """
async (cases) => {
  const bodies = {
    "text": () => "x",
    "bytes": () => new TextEncoder().encode("x"),
    "form": () => new URLSearchParams({a: "b"}),
    "form-data": () => { const form = new FormData(); form.append("a", "b"); return form; },
    "json-blob": () => new Blob(["{}"], {type: "application/json"}),
    "plain-blob": () => new Blob(["x"], {type: "text/plain"}),
  };
  async function one(url, call) {
    const {body, ...options} = call;
    if (body) options.body = bodies[body]();
    try {
      const response = await fetch(url, options);
      return {
        ok: true,
        type: response.type,
        status: response.status,
        url: response.url,
        redirected: response.redirected,
        headers: [...response.headers].sort(),
      };
    } catch (error) {
      return {ok: false, error: String(error)};
    }
  }
  const results = {};
  const waiting = [...cases];
  async function work() {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      results[next.number] = [];
      for (const call of next.calls) results[next.number].push(await one(next.url, call));
    }
  }
  await Promise.all(Array.from({length: 16}, work));
  return results;
}
"""


@dataclass
class Site:
    """All servers: the frames, and the cases, each of which notes what came."""

    cases: dict[int, Case] = field(default_factory=dict)
    seen: dict[int, list[Request]] = field(default_factory=lambda: defaultdict(list))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if not scope["path"].startswith("/c/"):
            about = [(b"content-type", b"text/html"), (b"content-length", b"%d" % len(PAGE))]
            await send({"type": "http.response.start", "status": 200, "headers": about})
            await send({"type": "http.response.body", "body": PAGE.encode()})
            return
        number = int(scope["path"].split("/")[2])
        headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
        ]
        host = dict(headers)["host"]
        asks = "access-control-request-method" in dict(headers)
        url = f"http://{host}{scope['path']}"
        is_preflight = scope["method"] == "OPTIONS" and asks
        self.seen[number].append(Request(scope["method"], url, headers, is_preflight))
        await self.cases[number](scope, receive, send)


@dataclass(frozen=True)
class Run:
    """What the real browser did with every case."""

    cases: list[Case]
    results: dict[int, list[dict[str, Any]]]
    seen: dict[int, list[Request]]


@pytest.fixture(scope="module")
def run(browser: Browser) -> Iterator[Run]:
    site = Site()
    with closing(listen(0, 0)) as first, closing(listen(0, 0)) as second:
        ports = first.getsockname()[1], second.getsockname()[1]
        origins = Origins(
            page=f"http://page.localhost:{ports[0]}",
            other_page=f"http://other.localhost:{ports[0]}",
            api=f"http://api.localhost:{ports[0]}",
            other_api=f"http://api.localhost:{ports[1]}",
        )
        logger = logging.getLogger("corsac")
        level = logger.level
        # Policies drawn by lot have much to be warned of.
        logger.setLevel(logging.ERROR)
        cases = draw_cases(SEED, CASES, origins)
        site.cases = {case.number: case for case in cases}
        with (
            serving([(site, first), (site, second)]),
            browser.new_context() as context,
        ):
            frames = open_frames(context.new_page(), origins)
            results: dict[int, list[dict[str, Any]]] = {}
            for origin, frame in frames.items():
                scripts = [case.script for case in cases if case.page == origin]
                done = frame.evaluate(RUN_CASES, scripts)
                results |= {int(number): result for number, result in done.items()}
        yield Run(cases, results, site.seen)
        logger.setLevel(level)


def open_frames(page: Page, origins: Origins) -> dict[str, Frame]:
    """The page, a frame of another origin in it, and one whose origin is opaque."""
    page.goto(f"{origins.page}/")
    page.evaluate(
        """([other, page]) => Promise.all([[other, null], [page, "allow-scripts"]].map(
          ([source, sandbox]) => new Promise((loaded) => {
            const frame = document.createElement("iframe");
            if (sandbox) frame.sandbox = sandbox;
            frame.onload = loaded;
            frame.src = source;
            document.body.append(frame);
          })))""",
        [f"{origins.other_page}/other", f"{origins.page}/null"],
    )
    by_path = {frame.url.rpartition("/")[2]: frame for frame in page.frames}
    assert by_path["null"].evaluate("self.origin") == "null"
    return {
        origins.page: page.main_frame,
        origins.other_page: by_path["other"],
        "null": by_path["null"],
    }


def real(run: Run, case: Case) -> list[str]:
    """What a real browser sent, and what its scripts got."""
    lines = [as_line(request, case.in_frame) for request in run.seen.get(case.number, [])]
    for result in run.results[case.number]:
        lines.append(verdict(result) if result["ok"] else "rejected")
    return lines


def outcomes(case: Case) -> Iterator[FetchOutcome]:
    """What the simulated one does, call after call."""
    cache = PreflightCache(profile="chromium", clock=lambda: 0.0)
    for call in case.calls:
        asked = call.request(case.hops[0].url, case.page)
        yield simulate(asked, asgi_transport(case), cache=cache, profile="chromium")


def simulated(case: Case) -> list[str]:
    """The same of the simulated one."""
    requests, verdicts = [], []
    for outcome in outcomes(case):
        requests += [as_line(request, case.in_frame) for request in outcome.sent]
        result = {
            "type": outcome.response_type,
            "status": outcome.status,
            "url": outcome.url,
            "redirected": outcome.redirected,
            "headers": [list(pair) for pair in outcome.headers],
        }
        verdicts.append(verdict(result) if outcome.ok else "rejected")
    return requests + verdicts


def as_line(request: Request, in_frame: bool) -> str:
    """A request with all its headers but those of the connection, in the order of their names."""
    kept = {name.lower() for name, _ in request.headers} - CONNECTION_HEADERS
    if request.is_preflight:
        kept -= CACHE_HEADERS
    if in_frame and request.method in {"GET", "HEAD"}:
        # Frames send one for Storage Access Headers, where Fetch has none.
        kept -= {"origin"} if request.header("Sec-Fetch-Mode") == "no-cors" else set()
    # Lines of one name are joined with a space that nothing may follow.
    values = {name: (request.header(name) or "").strip() for name in sorted(kept)}
    if values.get("content-type", "").startswith("multipart/form-data; boundary="):
        values["content-type"] = "multipart/form-data"
    kind = "preflight" if request.is_preflight else "request"
    return f"{kind} {request.method} {request.url} {values}"


def verdict(result: dict[str, Any]) -> str:
    """What a script gets, all of it."""
    return "{type} {status} {url} {redirected} {headers}".format(**result)


def test_the_simulated_chromium_does_what_the_real_one_does(run: Run) -> None:
    disagreements = []
    for case in run.cases:
        expected, actual = real(run, case), simulated(case)
        if expected != actual:
            lines = [str(case), "  - Chromium, + simulated", *difflib.ndiff(expected, actual)]
            disagreements.append("\n    ".join(lines))
    assert not disagreements, f"{len(disagreements)}:\n\n" + "\n\n".join(disagreements[:10])


def test_the_cases_cover_what_they_are_for(run: Run) -> None:
    requests = [request for seen in run.seen.values() for request in seen]
    results = [result for results in run.results.values() for result in results]
    resolved = [result for result in results if result["ok"]]
    assert len(run.results) == CASES >= 300
    assert {case.page for case in run.cases if len(case.calls) > 1} >= {"null"}
    assert {result["type"] for result in resolved} == {"basic", "cors", "opaque", "opaqueredirect"}
    counts = {
        "allowed": len(resolved),
        "rejected": len(results) - len(resolved),
        "preflights": sum(request.is_preflight for request in requests),
        "opaque origins": sum(request.header("Origin") == "null" for request in requests),
        "followed redirects": sum(result["redirected"] for result in resolved),
        "preflights spared": sum(
            any(step.kind == "cache" for step in outcome.steps)
            for case in run.cases
            for outcome in outcomes(case)
        ),
    }
    assert min(counts.values()) >= 20, counts
