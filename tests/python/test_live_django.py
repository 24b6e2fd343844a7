"""Origins that Django's middleware follows: the setting ``CORSAC_FOLLOW``."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings

from corsac import CORSConfigError, CORSPolicy
from corsac.django import checks
from corsac.live import PollSource
from support.django_project import CALLS
from support.exchange import Request, Response
from support.following import ask_again_soon
from support.sources import SOURCE, Handed, wait_until

Call = Callable[..., Response]
OWN, ONE, TWO = "https://app.example.com", "https://one.example", "https://two.example"
CORSAC = {
    "allow_origins": [OWN],
    "rules": [("/open/*", {"allow_origins": [TWO]}), ("/none", None)],
}


async def domains_later() -> list[str]:
    return [ONE]


def broken() -> list[str]:
    raise OSError("no database")


@pytest.fixture(params=sorted(CALLS))
def call(request: pytest.FixtureRequest) -> Call:
    return CALLS[request.param]


@pytest.fixture
def handler(call: Call) -> Any:
    """Makes an application, with the settings as they are."""
    return lambda: WSGIHandler() if "wsgi" in call.__name__ else ASGIHandler()


def readers(call: Call, application: Any, path: str = "/x") -> list[str]:
    """Which origins may read a path; every answer is wholly that of a policy."""
    found = []
    for origin in (OWN, ONE, TWO):
        answer = call(Request(headers=[("Origin", origin)], path=path), application)
        lines = [pair for pair in answer.headers if pair[0].startswith(("access-", "vary"))]
        if lines == [("access-control-allow-origin", origin), ("vary", "Origin")]:
            found.append(origin)
        else:
            assert lines in ([("vary", "Origin")], [])
    return found


@pytest.mark.parametrize(
    "given", [SOURCE, "support.sources.SOURCE", PollSource(domains_later, interval=3600)]
)
@pytest.mark.parametrize(
    "settings", [{"CORSAC": CORSAC}, {"CORSAC": CORSPolicy(allow_origins=[OWN])}]
)
def test_the_settings_name_a_source(
    call: Call, handler: Any, given: Any, settings: dict[str, Any]
) -> None:
    with override_settings(CORSAC_FOLLOW=given, **settings):
        application = handler()
        assert readers(call, application) == [OWN, ONE]
        if settings["CORSAC"] is CORSAC:
            assert readers(call, application, "/open/x") == [TWO]
            assert readers(call, application, "/none") == []


def test_connections_that_broke_are_closed_where_a_source_asks(
    call: Call, handler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[int] = []
    asked: list[int] = []

    def ask() -> list[str]:
        asked.append(threading.get_ident())
        assert asked[-1] in closed
        return [ONE]

    async def ask_later() -> list[str]:
        return await sync_to_async(ask)()  # As Django's asynchronous querysets do.

    monkeypatch.setattr(
        "corsac.django.following.close_old_connections",
        lambda: closed.append(threading.get_ident()),
    )
    for fetch in (ask, ask_later):
        source = PollSource(fetch, interval=3600)
        with override_settings(CORSAC=CORSAC, CORSAC_FOLLOW=source):
            assert readers(call, handler()) == [OWN, ONE]
        closed.clear()
    assert asked


def test_settings_of_django_cors_headers_are_a_base_too(call: Call, handler: Any) -> None:
    with override_settings(CORS_ALLOWED_ORIGINS=[OWN], CORSAC_FOLLOW=SOURCE):
        application = handler()
        answer = call(Request(headers=[("Origin", ONE)]), application)
        assert ("access-control-allow-origin", ONE) in answer.headers


def test_changes_are_followed(call: Call, handler: Any) -> None:
    source = Handed(ONE)
    with override_settings(CORSAC=CORSAC, CORSAC_FOLLOW=source):
        application = handler()
        source.settle()
        assert readers(call, application) == [OWN, ONE]
        source.hand(TWO)
        assert readers(call, application) == [OWN, TWO]
        with override_settings(CORSAC={"allow_origins": []}):
            assert readers(call, application) == [TWO]
        with override_settings(CORSAC_FOLLOW=None):
            assert readers(call, application) == [OWN]


def test_settings_that_change_while_the_source_fails_are_followed_later(
    call: Call, handler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_again_soon(monkeypatch)
    source = Handed(ONE)
    with override_settings(CORSAC=CORSAC, CORSAC_FOLLOW=source):
        application = handler()
        assert readers(call, application) == [OWN, ONE]
        source.origins_now = OSError("no database")
        with override_settings(CORSAC={"allow_origins": [TWO]}):
            assert readers(call, application) == [TWO]  # No request fails.
            source.origins_now = (ONE,)
            wait_until(lambda: readers(call, application) == [ONE, TWO])


def test_a_middleware_that_is_gone_follows_no_longer(call: Call, handler: Any) -> None:
    source = Handed(ONE)
    with override_settings(CORSAC=CORSAC, CORSAC_FOLLOW=source):
        before = {*threading.enumerate()}
        application = handler()
        assert readers(call, application) == [OWN, ONE]
        new = {*threading.enumerate()} - before
        (thread,) = (each for each in new if each.name.startswith("corsac-follower"))
        del application
        gc.collect()
        wait_until(lambda: not thread.is_alive())


def test_it_does_not_start_without_first_origins_unless_told_so(
    call: Call, handler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with override_settings(CORSAC=CORSAC, CORSAC_FOLLOW=PollSource(broken)):
        monkeypatch.setattr("corsac.live.follower.Follower.ready", lambda *_: False)
        with pytest.raises(RuntimeError, match="the first origins of broken could not be loaded"):
            handler()
        with override_settings(CORSAC_FOLLOW_MUST_LOAD=False):
            assert readers(call, handler()) == [OWN]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"CORSAC_FOLLOW": "nowhere.at_all"}, "No module named 'nowhere'"),
        ({"CORSAC_FOLLOW": 5}, "a source has name, interval, origins() and wait(); 5 has not"),
        ({"CORSAC_FOLLOW": SOURCE, "CORSAC": {"rules": []}}, "base must be a CORSPolicy"),
        (
            {
                "CORSAC_FOLLOW": SOURCE,
                "CORSAC": {"allow_origins": [OWN], "always_send": True},
            },
            "base must not have always_send",
        ),
        ({"CORSAC_FOLLOW_MUST_LOAD": "no"}, "expected True or False, got str"),
    ],
)
def test_wrong_settings_are_errors_of_the_system_check(
    settings: dict[str, Any], said: str, handler: Any
) -> None:
    with override_settings(**({"CORSAC": CORSAC} | settings)):
        (message,) = checks.check_settings()
        assert message.id == "corsac.E101"
        assert said in message.msg
        assert "CORSAC_FOLLOW" in message.msg
        with pytest.raises(CORSConfigError):
            handler()
