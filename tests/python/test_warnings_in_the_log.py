"""A policy is a value that writes nothing; whatever puts it in force logs its warnings, once."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
from django.http import HttpResponse
from django.test import override_settings
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from werkzeug.routing import Rule

import corsac
import corsac.django
import corsac.flask
import corsac.starlette
import corsac.wsgi
from corsac import CORSConfigError, CORSPolicy
from support.asgi import BODY, START, app_sending
from support.django_project import CALLS
from support.wsgi import app_answering

TWICE: Any = {
    "allow_origins": ["https://a.test", "https://a.test"],
    "expose_headers": ["Content-Type"],
}
"""A warning and an info."""
assert CALLS  # Django is set up by importing them.
SAID = f"CORS: {CORSPolicy(**TWICE).problems[0]}"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    """The lines that the logger has got; asking takes them."""

    def take() -> list[str]:
        found = [each.getMessage() for each in caplog.records if each.name.startswith("corsac")]
        caplog.clear()
        return found

    with caplog.at_level("DEBUG", logger="corsac"):
        yield take


def test_a_policy_that_is_made_read_replaced_copied_or_unpickled_writes_nothing(
    lines: Callable[[], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = CORSPolicy(**TWICE)
    assert [problem.severity for problem in policy.problems] == ["warning", "info"]
    copy.copy(policy), copy.deepcopy(policy), pickle.loads(pickle.dumps(policy))  # noqa: S301
    policy.replace(max_age=5)
    CORSPolicy.from_express({"origin": "https://a.test", "exposedHeaders": ["x-a", "X-A"]})
    source = tmp_path / "policy.toml"
    source.write_text("allow_origins = []", encoding="utf-8")
    CORSPolicy.from_toml(source)
    monkeypatch.setenv("EMPTY_ALLOW_ORIGINS", "")
    assert len(CORSPolicy.from_env("EMPTY_").problems) == 2
    policy.explain("GET", {"Origin": "https://b.test"})
    with pytest.raises(CORSConfigError):
        CORSPolicy(**TWICE, preflight_status=0)
    assert lines() == []


def _flask(**options: Any) -> flask.Flask:
    app = flask.Flask("app")
    app.add_url_rule("/", "index", lambda: "")
    corsac.flask.CORS(app, **options)
    return app


def _blueprint(policy: CORSPolicy) -> None:
    blueprint = flask.Blueprint("part", "part")
    blueprint.add_url_rule("/<name>", "index", lambda name: name)
    corsac.flask.CORS(blueprint, policy=policy)
    app = _flask(policy=CORSPolicy(allow_origins=["https://a.test"]))
    app.register_blueprint(blueprint)
    app.test_client().get("/x")


def _view(policy: CORSPolicy) -> None:
    app = flask.Flask("app")
    view = corsac.flask.cross_origin(policy=policy)(lambda name: name)
    app.add_url_rule("/<name>", "index", view)
    corsac.flask.install(app)
    app.test_client().get("/x")
    app.test_client().get("/x")


def _starlette(policy: CORSPolicy) -> None:
    app = Starlette()
    corsac.starlette.install(app, policy)
    app.add_route("/", lambda _: PlainTextResponse(""))
    TestClient(app).get("/")


def _starlette_route(policy: CORSPolicy) -> None:
    view = corsac.starlette.cors(policy)(lambda _: PlainTextResponse(""))
    app = Starlette(routes=[Route("/", view), Route("/again", view)])
    corsac.starlette.install(app, allow_origins=["https://a.test"])
    TestClient(app).get("/")
    TestClient(app).get("/again")


def _django(policy: CORSPolicy) -> None:
    with override_settings(CORSAC=policy):
        corsac.django.CORSMiddleware(lambda _: HttpResponse())


def _wsgi(policy: CORSPolicy) -> Any:
    return corsac.wsgi.CORSMiddleware(app_answering([]), policy)


def _flask_policy(policy: CORSPolicy) -> None:
    app = _flask(policy=policy)
    app.test_client().get("/")
    app.url_map.add(Rule("/later", endpoint="index"))
    app.test_client().get("/later")


def _asgi(policy: CORSPolicy) -> Any:
    return corsac.CORSMiddleware(app_sending(START, BODY), policy)


DOORS: dict[str, Callable[[CORSPolicy], object]] = {
    "ASGI": _asgi,
    "WSGI": _wsgi,
    "rules": lambda policy: corsac.CORSMiddleware(
        app_sending(), rules=[("/a", policy), ("/b", policy)]
    ),
    "reconfigure": lambda policy: corsac.CORSMiddleware(
        app_sending(), allow_origins=["https://a.test"]
    ).reconfigure(policy),
    "Flask": _flask_policy,
    "a view of Flask": _view,
    "a blueprint of Flask": _blueprint,
    "Starlette": _starlette,
    "a route of Starlette": _starlette_route,
    "Django": _django,
    "a view of Django": corsac.django.cors,
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_what_puts_a_policy_in_force_logs_its_warnings_once(
    door: Callable[[CORSPolicy], object], lines: Callable[[], list[str]]
) -> None:
    policy = CORSPolicy(**TWICE)
    assert lines() == []
    door(policy)
    assert lines() == [SAID]


@pytest.mark.parametrize("make", [_asgi, _wsgi])
def test_what_was_logged_is_not_logged_again_when_it_stays_in_force(
    make: Callable[[CORSPolicy], Any], lines: Callable[[], list[str]]
) -> None:
    policy = CORSPolicy(**TWICE)
    middleware = make(policy)
    assert lines() == [SAID]
    middleware.reconfigure(policy, rules=[("/a", policy)])
    middleware.reconfigure(policy.replace(max_age=5))
    copy.copy(middleware)
    assert lines() == []
    middleware.reconfigure(allow_origins=["https://a.test"])
    middleware.reconfigure(policy)
    assert lines() == [SAID]


@pytest.mark.parametrize("make", [_asgi, _wsgi])
def test_a_policy_on_trial_is_logged_as_one(
    make: Callable[[CORSPolicy], Any], lines: Callable[[], list[str]]
) -> None:
    middleware = make(CORSPolicy(allow_origins=["https://a.test"]))
    middleware.reconfigure(allow_origins=["https://a.test"], report_only=CORSPolicy(**TWICE))
    on_trial = SAID.replace("CORS: ", "CORS: report_only: ")
    assert lines() == [on_trial]
    type(middleware)(middleware.app, middleware.policy, report_only=CORSPolicy(**TWICE))
    assert lines() == [on_trial]


def test_options_in_the_words_of_another_library_are_logged_in_them(
    lines: Callable[[], list[str]],
) -> None:
    app = _flask(origins=["https://a.test", "https://a.test"], expose_headers=["x-a", "X-A"])
    app.test_client().get("/")
    assert lines() == [SAID.replace("allow_origins", "origins")]
    with override_settings(CORS_ALLOWED_ORIGINS=["https://a.test", "https://a.test"]):
        corsac.django.CORSMiddleware(lambda _: HttpResponse())
    assert lines() == [SAID.replace("allow_origins", "CORS_ALLOWED_ORIGINS")]
