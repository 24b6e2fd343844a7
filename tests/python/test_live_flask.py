"""Origins that a Flask application follows."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import flask
import pytest

import corsac
from corsac import CORSPolicy
from corsac.flask import CORS, cross_origin, install
from corsac.live import Follower, PollSource
from support.forked import in_child
from support.sources import WAIT_SECONDS, Handed

OWN, ONE, TWO = "https://app.example.com", "https://one.example", "https://two.example"
BASE = CORSPolicy(allow_origins=[OWN])
OTHER = CORSPolicy(allow_origins=[TWO])
PLAIN = [("content-length", "2"), ("content-type", "text/html; charset=utf-8")]


@pytest.fixture
def app() -> flask.Flask:
    """An application with plain views, a decorated one, and a blueprint."""
    made = flask.Flask("made")
    made.add_url_rule("/plain", "plain", lambda: "ok")
    made.add_url_rule("/api/x", "api", lambda: "ok")
    made.add_url_rule("/marked", "marked", cross_origin(policy=OTHER)(lambda: "ok"))
    made.add_url_rule("/of/<name>", "of", cross_origin(policy=OTHER)(lambda name: "ok"))
    return made


def readers(app: flask.Flask, path: str) -> list[str]:
    """Which origins may read a path; every answer is wholly that of a policy."""
    found = []
    for origin in (OWN, ONE, TWO):
        answer = app.test_client().get(path, headers={"Origin": origin})
        headers = sorted((name.lower(), value) for name, value in answer.headers)
        refused = [*PLAIN, ("vary", "Origin")]
        if headers == [("access-control-allow-origin", origin), *refused]:
            found.append(origin)
        else:
            assert headers in (refused, PLAIN)
    return found


def following(app: flask.Flask, *origins: str, base: CORSPolicy = BASE) -> Follower:
    return Follower(install(app), PollSource(lambda: origins), base=base)


def ask_first(app: flask.Flask) -> None:
    readers(app, "/plain")


def ask_later(app: flask.Flask) -> None:
    """The routes are read after the follower has put its policy in force."""


@pytest.mark.parametrize("begin", [ask_first, ask_later])
def test_an_extension_with_the_base_as_its_policy_follows(
    app: flask.Flask, begin: Callable[[flask.Flask], None]
) -> None:
    CORS(app, policy=BASE)
    begin(app)
    with following(app, ONE):
        assert readers(app, "/plain") == [OWN, ONE]
        for path in ("/marked", "/of/me"):
            assert readers(app, path) == [TWO]


def decorated_view(app: flask.Flask, base: CORSPolicy) -> None:
    app.add_url_rule("/own", "own", cross_origin(policy=base)(lambda: "ok"))


def hidden_view(app: flask.Flask, base: CORSPolicy) -> None:
    view: Callable[[], str] = cross_origin(policy=base)(lambda: "ok")

    def hiding() -> str:  # As a decorator without `wraps` does.
        return view()

    app.add_url_rule("/own", "own", hiding)


def error_handler(app: flask.Flask, base: CORSPolicy) -> None:
    app.register_error_handler(404, cross_origin(policy=base)(lambda _: ("ok", 404)))


def blueprint(app: flask.Flask, base: CORSPolicy) -> None:
    made = flask.Blueprint("own", "own")
    made.add_url_rule("/own", "own", lambda: "ok")
    CORS(made, policy=base)
    app.register_blueprint(made)


@pytest.mark.parametrize("give", [decorated_view, hidden_view, error_handler, blueprint])
@pytest.mark.parametrize("begin", [ask_first, ask_later])
def test_a_base_that_only_single_routes_have_opens_no_other_path(
    app: flask.Flask,
    begin: Callable[[flask.Flask], None],
    give: Callable[[flask.Flask, CORSPolicy], None],
) -> None:
    base = CORSPolicy(allow_origins=[OWN])
    give(app, base)
    begin(app)
    follower = Follower(install(app), PollSource(lambda: [ONE]), base=base, start_seconds=1)
    with pytest.raises(RuntimeError, match="has base neither as its policy nor in a rule"):
        follower.__enter__()
    assert readers(app, "/plain") == []
    assert readers(app, "/marked") == [TWO]


@pytest.mark.parametrize("begin", [ask_first, ask_later])
def test_every_set_is_in_force_and_not_the_one_before_it(
    app: flask.Flask, begin: Callable[[flask.Flask], None]
) -> None:
    CORS(app, policy=BASE)
    begin(app)
    source = Handed(ONE)
    with Follower(install(app), source, base=BASE):
        source.settle()
        for origin in (ONE, TWO, ONE, TWO):
            source.hand(origin)
            assert readers(app, "/plain") == [OWN, origin]


@pytest.mark.parametrize("begin", [ask_first, ask_later])
def test_rules_with_the_base_follow_and_no_other_path_does(
    app: flask.Flask, begin: Callable[[flask.Flask], None]
) -> None:
    CORS(app, policy=OTHER, rules=[("/api/*", BASE), ("/none", None)])
    begin(app)
    with following(app, ONE):
        assert (readers(app, "/api/x"), readers(app, "/plain")) == ([OWN, ONE], [TWO])
        assert readers(app, "/marked") == [TWO]
        app.url_map.add(app.url_rule_class("/api/late", endpoint="api"))
        assert readers(app, "/api/late") == [OWN, ONE]
    with following(app, OWN):
        assert (readers(app, "/api/x"), readers(app, "/plain")) == ([OWN], [TWO])


def test_a_base_that_the_application_has_later_cannot_be_followed_before(app: flask.Flask) -> None:
    follower = following(app, ONE)
    with pytest.raises(RuntimeError, match="has base neither as its policy nor in a rule"):
        follower.start()
    assert (readers(app, "/plain"), readers(app, "/marked")) == ([], [TWO])
    CORS(app, policy=BASE)
    with follower:
        assert (readers(app, "/plain"), readers(app, "/marked")) == ([OWN, ONE], [TWO])


@pytest.mark.parametrize("begin", [ask_first, ask_later])
def test_another_extension_that_takes_the_place_of_the_base_is_told(
    app: flask.Flask, begin: Callable[[flask.Flask], None]
) -> None:
    CORS(app, policy=BASE)
    begin(app)
    with following(app, ONE) as follower:
        assert readers(app, "/plain") == [OWN, ONE]
        CORS(app, policy=OTHER)
        assert readers(app, "/plain") == [TWO]
        assert (follower.status.state, follower.status.origins) == ("stale", 0)


@pytest.mark.parametrize("begin", [ask_first, ask_later])
def test_who_reconfigures_it_with_the_base_keeps_the_origins(
    app: flask.Flask, begin: Callable[[flask.Flask], None]
) -> None:
    CORS(app, policy=BASE)
    begin(app)
    with following(app, ONE):
        install(app).reconfigure(rules=[("/api/*", BASE)])
        assert (readers(app, "/api/x"), readers(app, "/plain")) == ([OWN, ONE], [])


def test_following_changes_neither_observers_nor_counters(app: flask.Flask) -> None:
    told: list[corsac.Refusal] = []
    CORS(app, policy=BASE, on_refusal=told.append)
    assert readers(app, "/plain") == [OWN]
    with following(app, ONE):
        assert readers(app, "/plain") == [OWN, ONE]
    assert [refusal.origin for refusal in told] == [ONE, TWO, TWO]
    assert install(app).counters()["actual_allowed"] == 3


def test_a_route_that_cannot_be_read_leaves_all_as_it_was(
    app: flask.Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    CORS(app, policy=BASE)
    assert readers(app, "/plain") == [OWN]
    follower = following(app, ONE)

    def fail(*_: Any) -> None:
        raise LookupError("no such converter")

    monkeypatch.setattr(install(app), "_put_routes_in_force", fail)
    monkeypatch.setattr("corsac.live.follower._FIRST_RETRY_SECONDS", 0.01)
    follower.start()
    while follower.status.error is None:
        follower.ready(0.01)
    assert "no such converter" in follower.status.error
    monkeypatch.undo()
    assert follower.ready(WAIT_SECONDS)
    assert readers(app, "/plain") == [OWN, ONE]
    follower.stop()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_process_that_is_forked_while_routes_are_read_follows(app: flask.Flask) -> None:
    CORS(app, policy=BASE)
    with following(app, ONE) as follower:

        def readers_here() -> list[str]:
            assert follower.ready(WAIT_SECONDS)
            return readers(app, "/plain")

        assert in_child(readers_here, install(app)._lock) == repr([OWN, ONE])
