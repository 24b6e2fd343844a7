"""What a project, and the other packages in it, go on expecting where django-cors-headers was."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import corsheaders.middleware
import pytest
from corsheaders.signals import check_request_enabled as foreign_signal
from django.http import HttpRequest
from django.test import override_settings

from corsac.django import checks
from corsac.django.conf import read_settings
from corsac.django.signals import check_request_enabled, signals_with_receivers
from support.django_project import CALLS
from support.exchange import Request, Response
from support.policies import ORIGIN, OTHER

Call = Callable[[Request], Response]
OURS = "corsac.django.CORSMiddleware"
THEIRS = "corsheaders.middleware.CorsMiddleware"
CROSS = Request(headers=[("Origin", ORIGIN)])
ALLOWED = {
    "content-type": "text/plain",
    "access-control-allow-origin": ORIGIN,
    "vary": "origin",
}
REFUSED = {"content-type": "text/plain", "vary": "origin"}


@pytest.fixture(params=sorted(CALLS))
def call(request: pytest.FixtureRequest) -> Call:
    return CALLS[request.param]


@pytest.fixture
def receive() -> Iterator[Callable[[Callable[..., Any]], None]]:
    """Connects receivers to the signal of django-cors-headers for the time of a test."""
    connected: list[Callable[..., Any]] = []

    def connect(receiver: Callable[..., Any]) -> None:
        foreign_signal.connect(receiver)
        connected.append(receiver)

    yield connect
    for receiver in connected:
        foreign_signal.disconnect(receiver)


# Its signal


Receive = Callable[[Callable[..., Any]], None]


def test_receivers_of_the_old_signal_are_asked_as_there(call: Call, receive: Receive) -> None:
    seen: list[tuple[object, set[str]]] = []

    def agree(sender: object, request: HttpRequest, **more: object) -> object:
        seen.append((sender, set(more)))
        return request.path.startswith("/api/") and "yes"

    receive(agree)
    api = Request(path="/api/x", headers=CROSS.headers)
    with override_settings(CORS_ALLOWED_ORIGINS=[OTHER]):
        assert call(api).header_set == ALLOWED
        assert seen == [(None, {"signal"})]
        assert call(CROSS).header_set == REFUSED
        preflight = [*CROSS.headers, ("Access-Control-Request-Method", "PUT")]
        assert call(Request("OPTIONS", preflight, "/api/x")).status == 200
        assert call(Request("OPTIONS", preflight, "/x")).status == 403
        null = [("Origin", "null")]
        assert call(Request(path="/api/x", headers=null)).header_set == REFUSED
        del seen[:]
        listed = [("Origin", OTHER)]
        call(Request(path="/api/x", headers=listed))
        assert seen == []
    with override_settings(CORS_ALLOWED_ORIGINS=[ORIGIN], CORS_URLS_REGEX="^/other/"):
        assert call(api).header_set == ALLOWED
        assert call(CROSS).header_set == {"content-type": "text/plain"}


@pytest.mark.parametrize("answer", [None, False, 0, "", ()])
def test_a_receiver_that_does_not_agree_lets_nobody_in(
    answer: object, call: Call, receive: Receive
) -> None:
    def decline(sender: object, **_: object) -> object:
        return answer

    receive(decline)
    with override_settings(CORS_ALLOWED_ORIGINS=[OTHER]):
        assert call(CROSS).header_set == REFUSED


def test_one_that_raises_has_no_say_and_is_logged(
    call: Call, receive: Receive, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(sender: object, **_: object) -> object:
        raise LookupError(sender)

    receive(broken)
    with override_settings(CORS_ALLOWED_ORIGINS=[OTHER]):
        assert call(CROSS).header_set == REFUSED
    assert [record.name for record in caplog.records if record.exc_info] == ["django.dispatch"]


def test_receivers_of_both_signals_are_asked(call: Call, receive: Receive) -> None:
    def decline(sender: object, **_: object) -> bool:
        return False

    def agree(sender: object, **_: object) -> bool:
        return True

    for first, second in ((decline, agree), (agree, decline)):
        check_request_enabled.connect(first)
        receive(second)
        try:
            with override_settings(CORS_ALLOWED_ORIGINS=[OTHER]):
                assert call(CROSS).header_set == ALLOWED
        finally:
            check_request_enabled.disconnect(first)
            foreign_signal.disconnect(second)


def test_with_a_receiver_a_policy_without_origins_is_no_mistake(receive: Receive) -> None:
    def agree(sender: object, **_: object) -> bool:
        return True

    assert [problem.code for problem in read_settings()[1]] == ["origin.none"]
    receive(agree)
    assert read_settings()[1] == []


def test_their_package_is_not_imported_to_find_receivers(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import sys; import corsac.django.signals as signals; signals.signals_with_receivers()\n"
        "print([name for name in sys.modules if name.startswith('corsheaders')])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
    for odd in (None, object()):  # Import of it is forbidden, or has only begun.
        monkeypatch.setitem(sys.modules, "corsheaders.signals", odd)
        assert signals_with_receivers() == []


# Its middleware and its app


class OwnMiddleware(corsheaders.middleware.CorsMiddleware):
    """What a project made of theirs."""


@pytest.mark.parametrize(
    ("middleware", "apps", "expected"),
    [
        ([OURS], ["corsac.django"], []),
        ([OURS], ["corsac.django", "corsheaders"], ["corsac.I207"]),
        ([OURS], ["corsheaders", "corsac.django"], ["corsac.I207"]),
        ([OURS, THEIRS], ["corsac.django", "corsheaders"], ["corsac.W202"]),
        ([THEIRS, OURS], ["corsac.django"], ["corsac.W202"]),
        ([OURS, f"{__name__}.OwnMiddleware"], ["corsac.django"], ["corsac.W202"]),
        ([OURS, "no.such.Middleware"], ["corsac.django"], []),
    ],
)
def test_what_is_left_of_it_in_the_settings_is_said(
    middleware: list[str], apps: list[str], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    with override_settings(MIDDLEWARE=middleware, INSTALLED_APPS=apps):
        messages = checks.check_middleware()
    assert [message.id for message in messages] == expected
    assert all(message.hint for message in messages)


# White space, as split(",") leaves it


def problems(**settings: Any) -> list[tuple[str, str, object]]:
    with override_settings(**settings):
        return [(each.severity, each.code, each.value) for each in read_settings()[1]]


@pytest.mark.parametrize(
    "entry", [f" {ORIGIN}", f"\t{ORIGIN}\n", f"{ORIGIN}\r\n", f"\x00{ORIGIN}", ORIGIN.upper()[:5]]
)
def test_an_origin_is_read_as_there(
    entry: str, call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    entry = entry if len(entry) > 5 else entry + ORIGIN[5:]
    caplog.clear()
    with override_settings(CORS_ALLOWED_ORIGINS=[OTHER, entry]):
        assert call(CROSS).header_set == ALLOWED
        assert call(Request(headers=[("Origin", OTHER)])).header_set == ALLOWED | {
            "access-control-allow-origin": OTHER
        }
        (message, *_) = checks.check_advice()
        with override_settings(MIDDLEWARE=[THEIRS]):
            assert call(CROSS).one("access-control-allow-origin") == ORIGIN
    assert message.id == "corsac.W117"
    assert message.hint == f"write {ORIGIN!r}"
    assert "django-cors-headers reads it as" in caplog.text


@pytest.mark.parametrize("entry", [f"{ORIGIN} ", f"{ORIGIN}\xa0", f"{ORIGIN}\ufeff", f" {ORIGIN} "])
def test_an_origin_that_matches_nothing_there_is_left_out(entry: str, call: Call) -> None:
    with override_settings(CORS_ALLOWED_ORIGINS=[OTHER, entry]):
        assert call(CROSS).header_set == REFUSED
        (message,) = checks.check_advice()
        with override_settings(MIDDLEWARE=[THEIRS]):
            assert call(CROSS).header_set == REFUSED
    assert message.id == "corsac.W118"
    assert message.hint == f"write {ORIGIN!r} if that is meant"


@pytest.mark.parametrize(
    "text", ["", ",", f"{OTHER},", f"{OTHER}, ", f"{OTHER},\n", f"{OTHER},\xa0"]
)
def test_an_empty_entry_is_left_out(text: str, call: Call) -> None:
    entries = text.split(",")
    with override_settings(CORS_ALLOWED_ORIGINS=entries):
        assert call(CROSS).header_set == REFUSED
        assert call(Request(headers=[("Origin", "null")])).header_set == REFUSED
    found = problems(CORS_ALLOWED_ORIGINS=entries)
    assert ("warning", "option.empty", entries[-1]) in found
    assert {severity for severity, _, _ in found} == {"warning"}


@pytest.mark.parametrize("entry", [f"\xa0{ORIGIN}", f"\ufeff{ORIGIN}", f"\u200b{ORIGIN}"])
def test_what_their_check_refuses_is_refused(entry: str) -> None:
    (found,) = problems(CORS_ALLOWED_ORIGINS=[entry])
    assert found == ("error", "origin.invalid", entry)
    with override_settings(CORS_ALLOWED_ORIGINS=[entry]):
        (message,) = checks.check_settings()
    assert message.id == "corsac.E013"
    assert f"it begins with the invisible character U+{ord(entry[0]):04X}" in message.msg
    assert message.hint == f'did you mean "{ORIGIN}"?'


def test_names_in_lists_are_read_as_browsers_read_them(
    call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    lists = {
        "CORS_ALLOW_METHODS": ["GET", " PUT", ""],
        "CORS_ALLOW_HEADERS": ["x-one", "\tx-two ", " "],
        "CORS_EXPOSE_HEADERS": [" etag", ""],
    }
    preflight = [*CROSS.headers, ("Access-Control-Request-Method", "PUT")]
    with (
        caplog.at_level(logging.WARNING),
        override_settings(CORS_ALLOWED_ORIGINS=[ORIGIN], **lists),
    ):
        assert call(Request("OPTIONS", preflight)).header_set == {
            "access-control-allow-origin": ORIGIN,
            "access-control-allow-methods": "GET, PUT",
            "access-control-allow-headers": "x-one, x-two",
            "access-control-max-age": "86400",
            "content-length": "0",
            "vary": "origin",
        }
        assert call(CROSS).header_set == ALLOWED | {"access-control-expose-headers": "etag"}
        assert [message.id for message in checks.check_advice()] == [
            "corsac.W125",
            "corsac.W119",
            "corsac.W141",
            "corsac.W119",
            "corsac.W141",
            "corsac.W119",
        ]
    # A line feed in a header would be an error of Django on every response.
    (found,) = problems(CORS_ALLOWED_ORIGINS=[ORIGIN], CORS_ALLOW_HEADERS=["x-one\n"])
    assert found == ("error", "header.invalid", "x-one\n")
