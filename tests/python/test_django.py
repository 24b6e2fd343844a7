"""The middleware for Django: its settings, the signal, sync and async."""

from __future__ import annotations

import asyncio
import logging
import re
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory, override_settings
from django.urls import re_path

import corsac
from corsac.django import CORSMiddleware
from corsac.django.conf import conf
from corsac.django.defaults import default_headers
from corsac.django.signals import check_request_enabled
from support.django_project import CALLS, last_request
from support.exchange import Request, Response
from support.policies import ORIGIN, OTHER

Call = Callable[[Request], Response]
CROSS = Request(headers=[("Origin", ORIGIN)])
STRANGER = Request(headers=[("Origin", OTHER)])
PREFLIGHT = Request(
    "OPTIONS", headers=[("Origin", ORIGIN), ("Access-Control-Request-Method", "PUT")]
)
NULL = Request(headers=[("Origin", "null")])


@pytest.fixture(params=sorted(CALLS))
def call(request: pytest.FixtureRequest) -> Call:
    return CALLS[request.param]


@pytest.fixture
def receive_signal() -> Iterator[Callable[[Callable[..., Any]], None]]:
    """Connects receivers for the time of a test."""
    connected: list[Callable[..., Any]] = []

    def connect(receiver: Callable[..., Any]) -> None:
        check_request_enabled.connect(receiver)
        connected.append(receiver)

    yield connect
    for receiver in connected:
        check_request_enabled.disconnect(receiver)


def allow_origin(response: Response) -> str | None:
    return response.one("access-control-allow-origin")


@override_settings(CORS_ALLOWED_ORIGINS=[ORIGIN])
def test_settings_of_django_cors_headers_have_its_defaults(call: Call) -> None:
    response = call(PREFLIGHT)
    assert response.status == 200
    assert not response.app_called
    assert response.header_set == {
        "access-control-allow-origin": ORIGIN,
        "access-control-allow-methods": "DELETE, GET, OPTIONS, PATCH, POST, PUT",
        "access-control-allow-headers": ", ".join(default_headers),
        "access-control-max-age": "86400",
        "content-length": "0",
        "vary": "origin",
    }


@override_settings(
    CORS_ALLOWED_ORIGINS=[ORIGIN],
    CORS_ALLOW_METHODS=["PUT"],
    CORS_ALLOW_HEADERS=["x-one"],
    CORS_EXPOSE_HEADERS=["etag"],
    CORS_ALLOW_CREDENTIALS=True,
    CORS_PREFLIGHT_MAX_AGE=0,
    CORS_ALLOW_PRIVATE_NETWORK=True,
)
def test_each_setting_does_what_it_does_there(call: Call) -> None:
    asks = [*PREFLIGHT.headers, ("Access-Control-Request-Private-Network", "true")]
    assert call(Request("OPTIONS", asks)).header_set == {
        "access-control-allow-origin": ORIGIN,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "PUT",
        "access-control-allow-headers": "x-one",
        "access-control-allow-private-network": "true",
        "content-length": "0",
        "vary": "origin, access-control-request-private-network",
    }
    assert call(CROSS).header_set == {
        "content-type": "text/plain",
        "access-control-allow-origin": ORIGIN,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "etag",
        "vary": "origin",
    }
    assert call(STRANGER).header_set == {"content-type": "text/plain", "vary": "origin"}


@pytest.mark.parametrize(
    "settings",
    [
        {"CORS_ORIGIN_WHITELIST": [ORIGIN]},
        {"CORS_ORIGIN_REGEX_WHITELIST": [re.escape(ORIGIN)]},
        {"CORS_ALLOWED_ORIGIN_REGEXES": [r"^https://x\.test$", re.compile(re.escape(ORIGIN))]},
        {"CORS_ALLOWED_ORIGINS": {ORIGIN}},
    ],
)
def test_old_names_and_expressions_allow_what_they_name(
    call: Call, settings: dict[str, Any]
) -> None:
    with override_settings(**settings):
        assert allow_origin(call(CROSS)) == ORIGIN
        assert allow_origin(call(STRANGER)) is None


def test_the_new_name_counts_where_both_are_set(call: Call) -> None:
    with override_settings(CORS_ALLOWED_ORIGINS=[OTHER], CORS_ORIGIN_WHITELIST=[ORIGIN]):
        assert conf.CORS_ALLOWED_ORIGINS == [OTHER]
        assert allow_origin(call(CROSS)) is None
    with pytest.raises(AttributeError):
        _ = conf.CORS_NO_SUCH_THING


def test_everyone_is_a_constant_without_vary(call: Call) -> None:
    with override_settings(CORS_ALLOW_ALL_ORIGINS=True):
        assert call(CROSS).header_set == {
            "content-type": "text/plain",
            "access-control-allow-origin": "*",
        }


def test_everyone_with_credentials_has_to_be_tolerated(call: Call) -> None:
    with override_settings(CORS_ALLOW_ALL_ORIGINS=True, CORS_ALLOW_CREDENTIALS=True):
        with pytest.raises(corsac.CORSConfigError) as raised:
            call(CROSS)
        assert 'CORSAC = {"tolerate": [' in str(raised.value)
        with override_settings(CORSAC={"tolerate": ["origin.any_with_credentials"]}):
            assert allow_origin(call(CROSS)) == ORIGIN
            assert allow_origin(call(NULL)) is None


def test_an_expression_has_to_match_the_whole_origin(
    call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    longer = Request(headers=[("Origin", f"{ORIGIN}.evil.example")])
    with override_settings(CORS_ALLOWED_ORIGIN_REGEXES=[r"^https://app\.example\.com"]):
        assert allow_origin(call(longer)) is None
        assert allow_origin(call(CROSS)) == ORIGIN
    assert "regex.unanchored" in caplog.text


def test_expressions_work_without_re2(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    with override_settings(CORS_ALLOWED_ORIGIN_REGEXES=[r"https://\w+\.example\.com"]):
        assert allow_origin(call(CROSS)) == ORIGIN
        assert allow_origin(call(Request(headers=[("Origin", "https://evil.test")]))) is None


def test_many_long_expressions_are_asked_one_by_one(call: Call) -> None:
    texts = [rf"https://{'x' * 60}{number}\.example\.org" for number in range(40)]
    with override_settings(CORS_ALLOWED_ORIGIN_REGEXES=[*texts, re.escape(ORIGIN)]):
        assert allow_origin(call(CROSS)) == ORIGIN
        assert allow_origin(call(STRANGER)) is None


@override_settings(CORS_ALLOWED_ORIGINS=[ORIGIN], CORS_URLS_REGEX=r"^/api/")
def test_paths_that_the_expression_does_not_match_are_left_alone(call: Call) -> None:
    inside = Request(path="/api/x", headers=CROSS.headers)
    assert allow_origin(call(inside)) == ORIGIN
    assert last_request()._cors_enabled is True  # type: ignore[attr-defined]
    assert call(CROSS).header_set == {"content-type": "text/plain"}
    assert call(PREFLIGHT).app_called


@override_settings(
    CORSAC={
        "allow_origins": [ORIGIN],
        "rules": [
            ("/open/*", {"allow_origins": ["*"]}),
            ("/policy", corsac.CORSPolicy(allow_origins=[OTHER])),
            ("/alone", None),
        ],
    }
)
def test_the_own_setting_has_the_options_and_rules_of_corsac(call: Call) -> None:
    assert call(PREFLIGHT).status == 204
    assert call(CROSS).one("vary") == "Origin"
    assert allow_origin(call(Request(path="/open/x", headers=STRANGER.headers))) == "*"
    assert allow_origin(call(Request(path="/policy", headers=STRANGER.headers))) == OTHER
    assert call(Request(path="/alone", headers=CROSS.headers)).all("vary") == []


@override_settings(CORS_ALLOWED_ORIGINS=[ORIGIN], CORSAC={"guard": True})
def test_the_own_setting_adds_to_the_others(call: Call) -> None:
    forged = call(Request("POST", headers=[("Origin", "https://evil.example")]))
    assert (forged.status, forged.app_called, forged.body) == (403, False, b"cross-origin-request")
    assert call(Request("POST", headers=CROSS.headers)).status == 200


def decide_slowly(origin: str) -> Any:
    async def answer() -> bool:
        await asyncio.sleep(0)
        return origin == ORIGIN

    return answer()


def test_a_function_may_be_named_by_its_path(call: Call) -> None:
    with override_settings(CORSAC={"allow_origin_func": "support.django_project.is_example"}):
        assert allow_origin(call(CROSS)) == ORIGIN
    with (
        override_settings(CORSAC={"allow_origin_func": "no.such.function"}),
        pytest.raises(corsac.CORSConfigError, match=r"no\.such\.function"),
    ):
        call(CROSS)


def test_a_function_decides_under_both_protocols(call: Call) -> None:
    for function in (decide_slowly, lambda origin: origin == ORIGIN):
        with override_settings(CORSAC={"allow_origin_func": function}):
            assert allow_origin(call(CROSS)) == ORIGIN
            assert allow_origin(call(STRANGER)) is None


def test_refused_and_malformed_preflight_requests_get_the_reason(call: Call) -> None:
    with override_settings(CORS_ALLOWED_ORIGINS=[OTHER]):
        assert call(PREFLIGHT).header_set == {
            "content-type": "text/plain; charset=utf-8",
            "content-length": "18",
            "vary": "origin",
        }
        empty = Request(
            "OPTIONS", headers=[("Origin", OTHER), ("Access-Control-Request-Method", "")]
        )
        assert call(empty).body == b"request-method-malformed"


def test_a_receiver_lets_a_request_in(
    call: Call, receive_signal: Callable[[Callable[..., Any]], None]
) -> None:
    seen: list[str] = []

    def agree(sender: object, request: HttpRequest, **_: object) -> bool:
        seen.append(request.path)
        return request.path.startswith("/api/")

    receive_signal(agree)
    api = Request(path="/api/x", headers=CROSS.headers)
    with override_settings(CORS_ALLOWED_ORIGINS=[OTHER]):
        assert allow_origin(call(api)) == ORIGIN
        assert seen == ["/api/x"]
        assert allow_origin(call(CROSS)) is None
        assert allow_origin(call(Request(path="/api/x", headers=NULL.headers))) is None
        del seen[:]
        assert allow_origin(call(Request(path="/api/x", headers=STRANGER.headers))) == OTHER
        assert seen == []
    with override_settings(CORS_ALLOWED_ORIGINS=[ORIGIN], CORS_URLS_REGEX="^/other/"):
        assert allow_origin(call(api)) == ORIGIN
        assert allow_origin(call(CROSS)) is None


def test_an_asynchronous_receiver_is_awaited(
    call: Call, receive_signal: Callable[[Callable[..., Any]], None]
) -> None:
    async def agree(sender: object, **_: object) -> bool:
        await asyncio.sleep(0)
        return True

    receive_signal(agree)
    with override_settings(CORS_ALLOWED_ORIGINS=[OTHER]):
        assert allow_origin(call(CROSS)) == ORIGIN


def test_a_receiver_that_raises_has_no_say(
    call: Call, receive_signal: Callable[[Callable[..., Any]], None]
) -> None:
    def broken(sender: object, **_: object) -> bool:
        raise LookupError(sender)

    receive_signal(broken)
    with override_settings(CORS_ALLOWED_ORIGINS=[OTHER]):
        response = call(CROSS)
        assert (response.status, allow_origin(response)) == (200, None)


def _fail(request: HttpRequest) -> HttpResponse:
    raise LookupError(request.path)


@override_settings(
    CORS_ALLOWED_ORIGINS=[ORIGIN],
    ROOT_URLCONF=(re_path("^fail$", _fail),),
    MIDDLEWARE=["corsac.django.CORSMiddleware", "django.middleware.common.CommonMiddleware"],
)
def test_errors_of_every_kind_have_the_headers(call: Call) -> None:
    logging.getLogger("django.request").disabled = True
    try:
        failed = call(Request(path="/fail", headers=CROSS.headers))
        missing = call(Request(path="/missing", headers=CROSS.headers))
    finally:
        logging.getLogger("django.request").disabled = False
    assert (failed.status, allow_origin(failed)) == (500, ORIGIN)
    assert (missing.status, allow_origin(missing)) == (404, ORIGIN)
    assert call(Request("OPTIONS", PREFLIGHT.headers, "/missing")).status == 200


def test_a_request_runs_in_the_event_loop_without_a_thread() -> None:
    threads: list[int] = []

    async def get_response(request: HttpRequest) -> HttpResponse:
        threads.append(threading.get_ident())
        return HttpResponse()

    with override_settings(CORS_ALLOWED_ORIGINS=[ORIGIN]):
        middleware = CORSMiddleware(get_response)
        request = RequestFactory().get("/", headers={"origin": ORIGIN})

        async def run() -> int:
            response: Any = await middleware(request)  # type: ignore[misc]
            assert response["access-control-allow-origin"] == ORIGIN
            return threading.get_ident()

        assert asyncio.run(run()) == threads[0]


def test_a_change_of_the_settings_holds_from_the_next_request_on() -> None:
    middleware = CORSMiddleware(lambda request: HttpResponse())
    request = RequestFactory().get("/", headers={"origin": ORIGIN})
    for _ in range(2):
        with override_settings(CORS_ALLOWED_ORIGINS=[ORIGIN]):
            response: Any = middleware(request)
            assert response["access-control-allow-origin"] == ORIGIN
        with override_settings(CORS_ALLOWED_ORIGINS=[OTHER]):
            response = middleware(request)
            assert "access-control-allow-origin" not in response
    gone = weakref.ref(middleware)
    del middleware
    assert gone() is None, "the signal keeps no middleware alive"


def test_a_refusal_is_logged_once(call: Call, caplog: pytest.LogCaptureFixture) -> None:
    with override_settings(CORS_ALLOWED_ORIGINS=[ORIGIN]):
        caplog.clear()
        call(STRANGER)
        (record,) = [r for r in caplog.records if r.name == "corsac"]
        assert record.getMessage().startswith(
            "CORS: refused origin-not-allowed: origin 'https://other.example.com', 'GET' '/'"
        )


def test_defaults_can_be_imported_by_settings() -> None:
    code = "from corsac.django.defaults import default_headers as h; print(len(h))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("6", "")


def test_without_django_the_import_says_what_to_install() -> None:
    code = "import sys; sys.modules['django'] = None; import corsac.django"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert "pip install 'corsac[django]'" in done.stderr
