"""What `reconfigure` puts in force in a Flask application stays in force."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask
import pytest

import corsac
from corsac import CORSPolicy
from corsac.flask import CORS, cross_origin, install

OLD, NEW, OWN = "https://old.example", "https://new.example", "https://own.example"
WIDE = CORSPolicy(allow_origins=[OLD], allow_credentials=True)
NARROW = CORSPolicy(allow_origins=[NEW])
PLAIN = [("content-length", "2"), ("content-type", "text/html; charset=utf-8")]
REFUSED = [*PLAIN, ("vary", "Origin")]


def allowed(origin: str) -> list[tuple[str, str]]:
    return [("access-control-allow-origin", origin), *REFUSED]


def give_nothing(app: flask.Flask) -> None:
    """Leave all to `install`."""


def give_policy(app: flask.Flask) -> None:
    CORS(app, policy=WIDE)


def give_rules(app: flask.Flask) -> None:
    CORS(app, rules=[("/plain", WIDE)])


def give_options(app: flask.Flask) -> None:
    CORS(app, origins=[OLD], supports_credentials=True)


def give_resources(app: flask.Flask) -> None:
    CORS(app, resources={"/plain": {"origins": [OLD]}}, supports_credentials=True)


@pytest.fixture(params=[give_nothing, give_policy, give_rules, give_options, give_resources])
def app(request: pytest.FixtureRequest) -> flask.Flask:
    """An application with a plain view, a decorated and a hidden one, and a blueprint."""
    made = flask.Flask("made")
    made.add_url_rule("/plain", "plain", lambda: "ok")
    decorate = cross_origin(origins=[OWN])
    made.add_url_rule("/marked", "marked", decorate(lambda: "ok"))
    made.add_url_rule("/marked/<name>", "of_name", decorate(lambda name: "ok"))
    inner: Any = decorate(lambda: "ok")

    def hide() -> Any:
        return inner()

    made.add_url_rule("/hidden", "hidden", hide)
    blueprint = flask.Blueprint("blue", "blue", url_prefix="/blue")
    blueprint.add_url_rule("/x", "x", lambda: "ok")
    CORS(blueprint, origins=[OWN])
    made.register_blueprint(blueprint)
    request.param(made)
    return made


def ask(app: flask.Flask, path: str, origin: str) -> list[tuple[str, str]]:
    """All headers of an answer, sorted."""
    answer = app.test_client().get(path, headers={"Origin": origin})
    assert answer.status_code == 200
    return sorted((name.lower(), value) for name, value in answer.headers)


def expect_narrow(app: flask.Flask, *paths: str) -> None:
    for path in ("/plain", *paths):
        assert ask(app, path, OLD) == REFUSED
        assert ask(app, path, NEW) == allowed(NEW)
    assert install(app).policy == NARROW


def ask_once(app: flask.Flask) -> None:
    ask(app, "/plain", OLD)


def prepare(app: flask.Flask) -> None:
    install(app).prepare()


def check(app: flask.Flask) -> None:
    install(app)._applied()


def add_a_route(app: flask.Flask) -> None:
    app.url_map.add(app.url_rule_class("/late", endpoint="plain"))


def ask_the_hidden_view(app: flask.Flask) -> None:
    ask(app, "/hidden", OWN)


def add_observers(app: flask.Flask) -> None:
    install(app).add_observers({"debug_header": False})


AFTERWARDS = [ask_once, prepare, check, add_a_route, ask_the_hidden_view, add_observers]


@pytest.mark.parametrize("afterwards", AFTERWARDS)
@pytest.mark.parametrize("before", [give_nothing, ask_once])
def test_nothing_that_comes_later_undoes_it(
    app: flask.Flask, before: Callable[[flask.Flask], None], afterwards: Callable[[Any], None]
) -> None:
    middleware = install(app)
    before(app)
    middleware.reconfigure(NARROW)
    assert middleware.policy == NARROW
    afterwards(app)
    expect_narrow(app, *(["/late"] if afterwards is add_a_route else []))


@pytest.mark.parametrize("before", [give_nothing, ask_once])
def test_decorated_views_and_blueprints_keep_their_own(
    app: flask.Flask, before: Callable[[flask.Flask], None]
) -> None:
    before(app)
    install(app).reconfigure(NARROW)
    for path in ("/marked", "/marked/x", "/blue/x"):
        assert ask(app, path, OWN) == allowed(OWN)
        assert ask(app, path, NEW) == REFUSED
        assert ask(app, path, OLD) == REFUSED
    expect_narrow(app)


@pytest.mark.parametrize("before", [give_nothing, ask_once])
def test_rules_and_options_replace_what_was_given(
    app: flask.Flask, before: Callable[[flask.Flask], None]
) -> None:
    app.add_url_rule("/other", "other", lambda: "ok")
    before(app)
    told: list[str] = []
    middleware = install(app)
    middleware.reconfigure(
        allow_origins=[NEW],
        rules=[("/other", None)],
        on_refusal=lambda refusal: told.append(refusal.reason),
        debug_header=True,
    )
    assert ask(app, "/other", OLD) == PLAIN
    assert ask(app, "/plain", NEW) == allowed(NEW)
    reason = "origin-not-allowed"
    assert ask(app, "/plain", OLD) == sorted([*REFUSED, ("corsac-refused", reason)])
    assert told == [reason]
    middleware.reconfigure(NARROW, on_refusal=None)
    assert ask(app, "/other", OLD) == sorted([*REFUSED, ("corsac-refused", reason)])
    assert (told, middleware.on_refusal) == ([reason], None)


@pytest.mark.parametrize("before", [give_nothing, ask_once])
def test_the_old_stays_if_the_new_cannot_be_used(
    app: flask.Flask, before: Callable[[flask.Flask], None]
) -> None:
    paths = ["/plain", "/marked", "/marked/x", "/blue/x"]
    middleware = install(app)
    before(app)

    def answers() -> list[list[tuple[str, str]]]:
        return [ask(app, path, origin) for path in paths for origin in (OLD, NEW, OWN)]

    def refuse(**options: Any) -> None:
        with pytest.raises(corsac.CORSConfigError):
            middleware.reconfigure(**options)

    refuse(allow_origins=["nonsense/"], debug_header=True)
    refuse(allow_origins=[NEW], debug_header="not a name")
    first = answers()
    refuse(allow_origins=[NEW], rules=[("no-slash", None)], debug_header=True)
    middleware.prepare()
    assert answers() == first
    assert middleware.debug_header is None


def test_the_old_stays_if_the_routes_cannot_be_read(
    app: flask.Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    middleware = install(app)
    first = [ask(app, "/plain", origin) for origin in (OLD, NEW)]

    def fail() -> None:
        raise LookupError

    with monkeypatch.context() as patched:
        patched.setattr(middleware, "_put_routes_in_force", fail)
        with pytest.raises(LookupError):
            middleware.reconfigure(NARROW, debug_header=True)
    assert [ask(app, "/plain", origin) for origin in (OLD, NEW)] == first
    assert middleware.debug_header is None


def test_its_warnings_are_logged_once(app: flask.Flask, caplog: pytest.LogCaptureFixture) -> None:
    middleware = install(app)
    ask_once(app)
    caplog.clear()
    middleware.reconfigure(allow_origins=[NEW], allow_methods=["patch"])
    middleware.prepare()
    said = [record.message for record in caplog.records if "'patch'" in record.message]
    assert len(said) == 1
