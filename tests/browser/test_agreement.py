"""Each simulated engine and the real one come to the same, whatever is answered and asked.

Other cases, or more: ``CORSAC_AGREEMENT_SEED=7 CORSAC_AGREEMENT_CASES=2000 pytest`` with this file.
"""

from __future__ import annotations

import difflib
import logging
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from typing import Any

import pytest

from corsac._types import Receive, Scope, Send
from corsac.browser import FetchOutcome, PreflightCache, Request, simulate
from corsac.browser.transports import asgi_transport
from corsac.lab.loopback import listen, serving
from support.agreement import Case, Origins, draw_cases
from support.engines.chromium import chromium_pages
from support.engines.firefox import firefox_pages
from support.engines.pages import Pages
from support.engines.webkit import webkit_pages

SEED = int(os.environ.get("CORSAC_AGREEMENT_SEED", "20261121"))


@dataclass(frozen=True)
class Engine:
    """A profile, the real browser, and how many cases it is held to."""

    profile: str
    open: Callable[[str, list[tuple[str, str | None]]], AbstractContextManager[Pages]]
    cases: int = 900
    # Firefox remembers 100 preflights, which the cases under way must not drive out.
    at_once: int = 16


ENGINES = [
    Engine("chromium", chromium_pages),
    Engine("firefox", firefox_pages, at_once=6),
    Engine("webkit", webkit_pages),
]

# What a browser adds that no policy reads and the simulation leaves to the connection.
CONNECTION_HEADERS = {
    "accept-encoding",
    "accept-language",
    "connection",
    "content-length",
    "cookie",
    "host",
    "priority",
    "referer",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "sec-fetch-storage-access",
    "te",
    "user-agent",
}

PAGE = """<!doctype html><meta charset=utf-8><link rel=icon href="data:,"><title>calls</title>"""

# Every case's calls in a row, many cases at a time: nothing that two cases do has one URL.
RUN_CASES = """
async ({cases, atOnce}) => {
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
  await Promise.all(Array.from({length: atOnce}, work));
  return results;
}
"""


# Firefox asks again when the first request of a site is repeated.
WARM_UP = """
async (urls) => {
  for (const url of urls) {
    for (const credentials of ["omit", "include"]) {
      const response = await fetch(url, {method: "PUT", credentials});
      if (!response.ok) throw new Error(`${url}: ${response.status}`);
    }
  }
}
"""


@dataclass
class Site:
    """All servers: the frames, and the cases, each of which notes what came."""

    cases: dict[int, Case] = field(default_factory=dict)
    seen: dict[int, list[Request]] = field(default_factory=lambda: defaultdict(list))
    warming_preflights: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["path"] == "/warm":
            await self.warm(scope, send)
            return
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

    async def warm(self, scope: Scope, send: Send) -> None:
        """Allow everything for a while."""
        self.warming_preflights += scope["method"] == "OPTIONS"
        origin = dict(scope["headers"]).get(b"origin", b"*")
        headers = [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-allow-methods", b"PUT"),
            (b"access-control-max-age", b"600"),
            (b"content-length", b"0"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


@dataclass(frozen=True)
class Run:
    """What the real browser did with every case."""

    engine: Engine
    version: str
    cases: list[Case]
    results: dict[int, list[dict[str, Any]]]
    seen: dict[int, list[Request]]


@pytest.fixture(scope="module", params=ENGINES, ids=lambda engine: engine.profile)
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    engine: Engine = request.param
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
        count = int(os.environ.get("CORSAC_AGREEMENT_CASES", engine.cases))
        cases = draw_cases(SEED, count, origins)
        site.cases = {case.number: case for case in cases}
        frames = {origins.page: None, origins.other_page: 0, "null": 1}
        sources = [(f"{origins.other_page}/other", None), (f"{origins.page}/null", "allow-scripts")]
        with (
            serving([(site, first), (site, second)]),
            engine.open(f"{origins.page}/", sources) as pages,
        ):
            assert pages.call(1, "async () => self.origin", None) == "null"
            warm_up(pages, site, origins)
            results: dict[int, list[dict[str, Any]]] = {}
            for origin, frame in frames.items():
                scripts = [case.script for case in cases if case.page == origin]
                asked = {"cases": scripts, "atOnce": engine.at_once}
                done = pages.call(frame, RUN_CASES, asked)
                results |= {int(number): result for number, result in done.items()}
        yield Run(engine, pages.version, cases, results, site.seen)
        logger.setLevel(level)


def warm_up(pages: Pages, site: Site, origins: Origins) -> None:
    """Ask until what is repeated is remembered."""
    for frame in (None, 0, 1):
        for _ in range(10):
            before = site.warming_preflights
            pages.call(frame, WARM_UP, [f"{origin}/warm" for origin in origins.all])
            # An opaque origin's preflights are not remembered by every engine.
            if site.warming_preflights == before or frame == 1:
                break
        else:
            pytest.fail("the browser remembers no preflight")


def real(run: Run, case: Case) -> list[str]:
    """What a real browser sent, and what its scripts got."""
    seen = run.seen.get(case.number, [])
    lines = [as_line(request, run.engine, case) for request in seen]
    for result in run.results[case.number]:
        lines.append(verdict(result) if result["ok"] else "rejected")
    return lines


def outcomes(case: Case, profile: str) -> Iterator[FetchOutcome]:
    """What the simulated one does, call after call."""
    cache = PreflightCache(profile=profile, clock=lambda: 0.0)
    for call in case.calls:
        asked = call.request(case.hops[0].url, case.page)
        yield simulate(asked, asgi_transport(case), cache=cache, profile=profile)


def simulated(case: Case, engine: Engine) -> list[str]:
    """The same of the simulated one."""
    requests, verdicts = [], []
    for outcome in outcomes(case, engine.profile):
        requests += [as_line(request, engine, case) for request in outcome.sent]
        result = {
            "type": outcome.response_type,
            "status": outcome.status,
            "url": outcome.url,
            "redirected": outcome.redirected,
            "headers": [list(pair) for pair in outcome.headers],
        }
        verdicts.append(verdict(result) if outcome.ok else "rejected")
    return requests + verdicts


def as_line(request: Request, engine: Engine, case: Case) -> str:
    """A request with all its headers but those of the connection, in the order of their names."""
    kept = {name.lower() for name, _ in request.headers} - CONNECTION_HEADERS
    in_frame = case.in_frame and engine.profile in {"chromium", "firefox"}
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
    # A password that a redirect brought, which Firefox shows and the simulation does not keep.
    url = result["url"].replace("user:secret@", "")
    return "{type} {status} {} {redirected} {headers}".format(url, **result)


def test_the_simulated_engine_does_what_the_real_one_does(run: Run) -> None:
    disagreements = []
    for case in run.cases:
        expected, actual = real(run, case), simulated(case, run.engine)
        if expected != actual:
            lines = [str(case), f"  - {run.version}, + simulated", *difflib.ndiff(expected, actual)]
            disagreements.append("\n    ".join(lines))
    assert not disagreements, f"{len(disagreements)}:\n\n" + "\n\n".join(disagreements[:10])


def test_the_cases_cover_what_they_are_for(run: Run) -> None:
    requests = [request for seen in run.seen.values() for request in seen]
    results = [result for results in run.results.values() for result in results]
    resolved = [result for result in results if result["ok"]]
    assert len(run.results) >= 300
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
            for outcome in outcomes(case, run.engine.profile)
        ),
    }
    assert min(counts.values()) >= 20, counts
