"""Origins that are followed while an application runs: the last good set is always in force."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, Router
from starlette.testclient import TestClient

import corsac
import corsac.starlette
import corsac.wsgi
from corsac import CORSPolicy
from corsac.live import FileSource, Follower, OriginSource, PollSource
from support.exchange import Request
from support.following import BASE, ONE, OWN, TWO, ask_again_soon
from support.refused import MakeObserved, Observed
from support.sources import WAIT_SECONDS, allowed


class Driven:
    """A source that a test drives: what was given last is what it has, or raises."""

    name = "driven"

    def __init__(self, answer: object = (), interval: float | None = None) -> None:
        self.interval = interval
        self._answer = answer
        self._changed = threading.Condition()
        self._given, self._asked, self._settled = 1, 0, 0

    def origins(self) -> Any:
        with self._changed:
            if self._asked == self._given:  # It is asked again, after a failure.
                self._settle()
            self._asked = self._given
            answer = self._answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    def wait(self, stopped: threading.Event) -> None:
        """Wait until there is another answer."""
        with self._changed:
            self._settle()
            while self._asked == self._given and not stopped.is_set():
                self._changed.wait(0.01)

    def give(self, answer: object) -> None:
        """Have another answer, and return when it was dealt with."""
        with self._changed:
            self._answer = answer
            self._given += 1
        self.settle()

    def settle(self) -> None:
        """Wait until what was given was dealt with."""
        with self._changed:
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._settled == self._given, WAIT_SECONDS)

    def _settle(self) -> None:
        self._settled = self._asked
        self._changed.notify_all()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask a source that fails again at once."""
    ask_again_soon(monkeypatch)


@pytest.fixture
def send(make_observed: MakeObserved) -> Observed:
    """A middleware of each protocol with the base policy."""
    return make_observed(policy=BASE)


@pytest.fixture
def source() -> Driven:
    """A source that has one origin."""
    return Driven([ONE])


def readers(send: Observed, *origins: str) -> list[str]:
    """Which of some origins may read a response."""
    found = []
    for origin in origins:
        headers = send(Request(headers=[("origin", origin)])).headers
        if ("access-control-allow-origin", origin) in headers:
            found.append(origin)
    return found


def state_of(follower: Follower) -> str:
    """The state at this moment; a function, since one look says nothing about the next."""
    return follower.status.state


def test_the_base_and_the_source_are_in_force_together(send: Observed, source: Driven) -> None:
    with Follower(send.middleware, source, base=BASE) as follower:
        source.settle()
        assert readers(send, OWN, ONE, TWO) == [OWN, ONE]
        source.give([TWO])
        assert readers(send, OWN, ONE, TWO) == [OWN, TWO]
        status = follower.status
        assert (status.state, status.origins, status.skipped, status.error) == (
            "current",
            1,
            0,
            None,
        )
        assert status.age is not None
    assert readers(send, OWN, ONE, TWO) == [OWN, TWO]


def test_every_response_of_an_origin_of_the_source_is_that_of_the_policy(
    send: Observed, source: Driven
) -> None:
    with Follower(send.middleware, source, base=BASE):
        source.settle()
        assert sorted(send(Request(headers=[("origin", ONE)])).headers) == [
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-origin", ONE),
            ("vary", "Origin"),
            ("x-app", "1"),
        ]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (OSError("no database"), "OSError: 'no database'"),
        ([], "SourceError: 'it has no origin at all'"),
        (iter(()), "SourceError: 'it has no origin at all'"),
        ("https://x.example", "SourceError: 'it gave str, not the origins one by one'"),
        (b"https://x.example", "SourceError: 'it gave bytes, not the origins one by one'"),
        (None, "SourceError: 'it gave NoneType, not the origins one by one'"),
        (5, "SourceError: 'it gave int, not the origins one by one'"),
        ({TWO: False}, "SourceError: 'it gave dict, not the origins one by one'"),
    ],
)
def test_the_last_good_set_stays_whatever_the_source_does(
    send: Observed,
    source: Driven,
    answer: object,
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Follower(send.middleware, source, base=BASE) as follower:
        source.give(answer)
        assert readers(send, OWN, ONE) == [OWN, ONE]
        assert (follower.status.state, follower.status.error) == ("stale", reason)
        source.give(answer)
        fails = f"CORS: driven fails: {reason}; the last 1 origins stay"
        assert [record.getMessage() for record in caplog.records] == [fails]
        source.give([TWO])
        assert (follower.status.state, follower.status.error) == ("current", None)
        assert caplog.records[-1].getMessage() == "CORS: driven answers again"
        assert readers(send, OWN, ONE, TWO) == [OWN, TWO]


def test_invalid_entries_are_skipped_and_named(
    send: Observed, source: Driven, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = ["*", "null", "https://a.example/", "http://a.example", "https://*.github.io", 5, None]
    with Follower(send.middleware, source, base=BASE) as follower:
        source.give([TWO, *wrong, ONE])
        assert (follower.status.origins, follower.status.skipped) == (2, 7)
        assert readers(send, OWN, ONE, TWO, "null", "http://a.example", "https://x.github.io") == [
            OWN,
            ONE,
            TWO,
        ]
    record = caplog.records[0]
    assert record.getMessage().startswith(
        "CORS: 7 entries of driven were skipped: '*': a source cannot allow any page; 'null': "
    )
    assert "'5': an origin is text, not int" in record.getMessage()


def test_thousands_of_invalid_entries_are_counted_and_ten_are_named(
    send: Observed, source: Driven, caplog: pytest.LogCaptureFixture
) -> None:
    entries = (f"https://{i}.example{'/' * (i % 2)}" for i in range(20_000))
    with Follower(send.middleware, source, base=BASE) as follower:
        source.give(entries)
        assert (follower.status.origins, follower.status.skipped) == (10_000, 10_000)
        assert readers(send, "https://19998.example", "https://19999.example") == [
            "https://19998.example"
        ]
    record = caplog.records[0]
    assert record.getMessage().count("https://") == 10
    assert record.getMessage().endswith("; ...")


@pytest.mark.parametrize("allow_empty", [False, True])
def test_only_invalid_entries_are_a_failure(
    send: Observed, source: Driven, allow_empty: bool
) -> None:
    with Follower(send.middleware, source, base=BASE, allow_empty=allow_empty) as follower:
        source.give(["*", "x"])
        assert readers(send, OWN, ONE) == [OWN, ONE]
        assert follower.status.error is not None
        assert "only invalid entries, such as" in follower.status.error


def test_an_empty_set_counts_where_it_is_meant(send: Observed, source: Driven) -> None:
    with Follower(send.middleware, source, base=BASE, allow_empty=True) as follower:
        source.give([])
        assert readers(send, OWN, ONE) == [OWN]
        assert (follower.status.state, follower.status.origins) == ("current", 0)


def test_rules_with_the_base_policy_follow_too(make_observed: MakeObserved, source: Driven) -> None:
    other = CORSPolicy(allow_origins=["https://other.example"])
    rules = [("/api/*", BASE), ("/other/*", other), ("/health", None)]
    send = make_observed(policy=other, rules=rules)
    with Follower(send.middleware, source, base=BASE):
        source.give([TWO])
        assert send.middleware.policy == other
        (path, followed), *others = send.middleware.rules
        assert (path, allowed(followed, OWN, ONE, TWO)) == ("/api/*", [OWN, TWO])
        assert others == rules[1:]


def test_it_fails_to_start_without_a_first_set(send: Observed) -> None:
    follower = Follower(send.middleware, PollSource(broken), base=BASE, start_seconds=0.01)
    with pytest.raises(RuntimeError, match=r"the first origins of broken could not be loaded: "):
        follower.__enter__()
    assert readers(send, OWN, ONE) == [OWN]


def test_it_starts_without_a_first_set_if_told_so(send: Observed) -> None:
    with Follower(
        send.middleware, PollSource(broken), base=BASE, start_seconds=0.01, must_load=False
    ) as follower:
        assert follower.status.state == "loading"
        assert readers(send, OWN, ONE) == [OWN]


def broken() -> list[str]:
    raise OSError("no database")


def test_a_source_that_is_silent_for_three_intervals_is_stale(
    send: Observed, source: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.interval = 10.0
    with Follower(send.middleware, source, base=BASE) as follower:
        source.settle()
        answered = follower._seen.answered
        assert answered is not None
        assert state_of(follower) == "current"
        monkeypatch.setattr("time.monotonic", lambda: answered + 30.5)
        assert state_of(follower) == "stale"
        assert follower.status.age == 30.5
        monkeypatch.undo()


def test_a_coroutine_function_is_awaited_in_the_loop_of_the_application(send: Observed) -> None:
    loops = set()

    async def fetch() -> list[str]:
        loops.add(asyncio.get_running_loop())
        return [ONE]

    async def run() -> None:
        async with Follower(send.middleware, PollSource(fetch), base=BASE) as follower:
            assert follower.status.state == "current"
            assert loops == {asyncio.get_running_loop()}

    asyncio.run(run())
    assert readers(send, OWN, ONE) == [OWN, ONE]


def test_a_coroutine_function_is_awaited_without_a_loop_too(send: Observed) -> None:
    async def fetch() -> list[str]:
        return [ONE]

    with Follower(send.middleware, PollSource(fetch), base=BASE):
        assert readers(send, OWN, ONE) == [OWN, ONE]


def test_a_starlette_application_follows_as_long_as_it_runs() -> None:
    source = PollSource(lambda: [ONE])
    followers: list[Follower] = []
    app = Starlette(lifespan=lambda app: followers[0].lifespan(app))  # noqa: PLW0108
    follower = Follower(corsac.starlette.install(app, BASE), source, base=BASE)
    followers.append(follower)
    assert follower.status.state == "loading"
    with TestClient(app) as client:
        answer = client.get("/", headers={"origin": ONE})
        assert answer.headers["access-control-allow-origin"] == ONE
    assert not follower._background.is_running


async def _answer(request: StarletteRequest) -> PlainTextResponse:
    return PlainTextResponse("ok")


def route(marked: CORSPolicy) -> Starlette:
    return Starlette(routes=[Route("/marked", corsac.starlette.cors(marked)(_answer))])


def mount(marked: CORSPolicy) -> Starlette:
    return Starlette(routes=[Mount("/inner", corsac.starlette.cors(marked)(Router()))])


def default(marked: CORSPolicy) -> Starlette:
    app = Starlette()
    app.router.default = corsac.starlette.cors(marked)(Router())
    return app


@pytest.mark.parametrize("make", [route, mount, default])
def test_a_base_that_only_a_marked_route_has_opens_no_other_path(
    make: Callable[[CORSPolicy], Starlette],
) -> None:
    marked = CORSPolicy(allow_origins=[TWO])
    installed = corsac.starlette.install(make(marked), BASE)
    follower = Follower(installed, PollSource(lambda: [ONE]), base=marked, start_seconds=1)
    with pytest.raises(RuntimeError, match="has base neither as its policy nor in a rule"):
        follower.__enter__()
    assert installed.policy is BASE


@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_forked_process_follows_anew(send: Observed, source: Driven) -> None:
    with Follower(send.middleware, source, base=BASE) as follower:
        source.settle()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:  # The parent's test runner is not to run here.
                source._changed = threading.Condition()
                source.give([TWO])
                found = readers(send, OWN, ONE, TWO)
                os.write(writing, f"{found} {follower.status.state}".encode())
            finally:
                os._exit(0)
        os.close(writing)
        assert os.read(reading, 999).decode() == f"{[OWN, TWO]} current"
        os.waitpid(child, 0)
        os.close(reading)
        assert readers(send, OWN, ONE, TWO) == [OWN, ONE]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"middleware": Starlette()}, "expected a CORSMiddleware of Corsac, got Starlette"),
        ({"base": "x"}, "base must be a CORSPolicy, not str"),
        ({"source": [ONE]}, "a source has name, interval, origins"),
    ],
)
def test_what_cannot_be_followed_is_a_type_error(
    arguments: dict[str, Any], error: str, send: Observed
) -> None:
    given = {"middleware": send.middleware, "source": Driven(), "base": BASE} | arguments
    with pytest.raises(TypeError, match=error):
        Follower(given["middleware"], given["source"], base=given["base"])


def test_a_base_with_always_send_is_an_error(send: Observed) -> None:
    base = CORSPolicy(allow_origins=[OWN], always_send=True)
    with pytest.raises(ValueError, match="always_send"):
        Follower(send.middleware, Driven(), base=base)


@pytest.mark.parametrize(
    "options", [{"interval": 0}, {"interval": -1.0}, {"jitter": 2.0}, {"jitter": -0.1}]
)
def test_numbers_of_a_poll_source_have_bounds(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        PollSource(broken, **options)
    with pytest.raises(TypeError, match="fetch must be a function, not list"):
        PollSource([ONE])  # type: ignore[arg-type]


def test_sources_have_the_protocol() -> None:
    named = PollSource(lambda: [], name="domains")
    sources: list[OriginSource] = [FileSource("x"), PollSource(broken), named, Driven()]
    assert [source.name for source in sources] == ["x", "broken", "domains", "driven"]
    assert [source.interval for source in sources] == [None, 33.0, 33.0, None]
    with pytest.raises(TypeError, match="name must be a str, not int"):
        PollSource(broken, name=5)  # type: ignore[arg-type]


def test_the_log_of_a_follower_names_what_it_follows(
    send: Observed, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "corsac")
    path = tmp_path / "none.txt"
    with Follower(
        send.middleware, FileSource(path), base=BASE, start_seconds=0.01, must_load=False
    ) as follower:
        while follower.status.error is None:
            follower.ready(0.01)
    assert caplog.records[0].getMessage().startswith(f"CORS: {path} fails: FileNotFoundError: ")
