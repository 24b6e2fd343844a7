"""The simulated browser against the Web Platform Tests of ``fetch/api/cors/`` and ``cors/``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from corsac.browser import FetchOutcome, FetchRequest, PreflightCache, Request, Response, simulate

ROOT = Path(__file__).parents[2]
FACTS: list[dict[str, Any]] = json.loads((ROOT / "tests/conformance/wpt.json").read_text())["facts"]


@dataclass
class Page:
    """One page of a test, whose fetches come one after the other."""

    profile: str
    now: float = 0.0

    def __post_init__(self) -> None:
        """Begin with nothing remembered."""
        self.cache = PreflightCache(profile=self.profile, clock=lambda: self.now)

    def fetches(self, steps: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], FetchOutcome]]:
        """What is expected of each step, and what came of it."""
        for step in steps:
            self.now += step.get("after", 0.1)
            answers = step["answers"]

            def transport(request: Request, answers: dict[str, Any] = answers) -> Response:
                kind = "preflight" if request.is_preflight else "actual"
                answer = answers[request.url][kind]
                return Response(answer["status"], list(filled(answer["headers"], request)))

            asked = FetchRequest(**step["request"])
            outcome = simulate(asked, transport, cache=self.cache, profile=self.profile)
            assert not isinstance(outcome.error, KeyError), f"no answer for {outcome.error}"
            yield step["expect"], outcome


def filled(headers: list[list[str]], request: Request) -> Iterator[tuple[str, str]]:
    """The header lines of an answer, with what they repeat of the request."""
    for name, value in headers:
        repeated = request.header(value[1:-1]) if value[:1] == "<" else value
        if repeated is not None:
            yield name, repeated


def observed(outcome: FetchOutcome) -> dict[str, Any]:
    """What a test's script and its server can see."""
    preflights = outcome.preflights
    actual = [request for request in outcome.sent if not request.is_preflight]
    return {
        "ok": outcome.ok,
        "status": outcome.status,
        "type": outcome.response_type,
        "preflights": len(preflights),
        "headers": dict(outcome.headers).get,
        "preflight": preflights[0].header if preflights else None,
        "sent": actual[-1].header if actual else None,
    }


def disagreements(fact: dict[str, Any], profile: str) -> list[str]:
    """What of a fact does not hold, in words."""
    found = []
    for expected, outcome in Page(profile).fetches(fact["steps"]):
        got = observed(outcome)
        for key, wanted in expected.items():
            if not isinstance(wanted, dict):
                found += [] if got[key] == wanted else [f"{key} is {got[key]}, not {wanted}"]
                continue
            for name, value in wanted.items():
                read = got[key](name) if got[key] else None
                found += [] if read == value else [f"{key} {name!r} is {read!r}, not {value!r}"]
        if found:
            return [*found, str(outcome)]
    return found


@pytest.mark.parametrize(
    "name", sorted({fact["test"] for fact in FACTS}), ids=lambda name: name.replace("/", "-")
)
def test_all_assertions_hold_but_those_that_say_why_not(name: str) -> None:
    unexplained, outdated = [], []
    for fact in FACTS:
        if fact["test"] != name:
            continue
        found = disagreements(fact, "standard")
        if found and "fails" not in fact:
            unexplained.append("\n  ".join([fact["subtest"], *found]))
        if not found and fact["steps"] and "fails" in fact:
            outdated.append(fact["subtest"])
    assert not unexplained, "\n".join(unexplained)
    assert not outdated, f"these hold by now: {outdated}"


def test_the_page_about_testing_has_the_counts() -> None:
    failing = [fact for fact in FACTS if "fails" in fact]
    passed = len(FACTS) - len(failing)
    files = len({fact["test"] for fact in FACTS})
    assert len(FACTS) >= 700
    words = f"{passed} of the {len(FACTS)} subtests in {files} files"
    assert words in " ".join((ROOT / "docs/how-to/testing.md").read_text().split())
