"""The simulated browser: what it sends, what it makes of answers, what it says about it."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from corsac.browser import (
    REASONS,
    Blob,
    FetchOutcome,
    FetchRequest,
    FormData,
    PreflightCache,
    ReadableStream,
    Request,
    Response,
    URLSearchParams,
    simulate,
    simulate_async,
)

PAGE = "https://app.test"
API = "https://api.test/x"
ALLOW = ("Access-Control-Allow-Origin", PAGE)
METHODS = ("Access-Control-Allow-Methods", "PUT, DELETE")

Transport = Callable[[Request], Response]


def fetch(transport: Transport, url: str = API, origin: str = PAGE, **options: Any) -> FetchOutcome:
    """One fetch of a page; `profile` and `memory` are the browser's, the rest is the script's."""
    profile, memory = options.pop("profile", "standard"), options.pop("memory", None)
    request = FetchRequest(url, origin, **options)
    return simulate(request, transport, cache=memory, profile=profile)


def allow_all(request: Request) -> Response:
    """A server that allows the page everything."""
    headers = [ALLOW, METHODS, ("Access-Control-Allow-Headers", "x-a, content-type, authorization")]
    return Response(204 if request.is_preflight else 200, headers)


def redirects(targets: dict[str, tuple[int, str]]) -> Transport:
    """A server that allows everything, and redirects some URLs."""

    def transport(request: Request) -> Response:
        origin = request.header("Origin") or "*"
        allow = [
            ("Access-Control-Allow-Origin", origin),
            METHODS,
            ("Access-Control-Allow-Headers", "x-a, content-type, authorization"),
        ]
        if request.is_preflight or request.url not in targets:
            return Response(204, allow)
        status, location = targets[request.url]
        return Response(status, [*allow, ("Location", location)])

    return transport


def lines(outcome: FetchOutcome) -> list[str]:
    """What was sent, a line a request."""
    return [f"{request.method} {request.url}" for request in outcome.sent]


def test_a_preflight_and_its_request_carry_exactly_these_headers() -> None:
    outcome = fetch(allow_all, method="PUT", headers=[("X-A", " 1 ")], body="hi")
    metadata = (
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Mode", "cors"),
        ("Sec-Fetch-Dest", "empty"),
    )
    preflight, actual = outcome.sent
    assert preflight == Request(
        "OPTIONS",
        API,
        (
            ("Accept", "*/*"),
            ("Access-Control-Request-Method", "PUT"),
            ("Access-Control-Request-Headers", "x-a"),
            ("Origin", PAGE),
            *metadata,
        ),
        is_preflight=True,
    )
    assert actual == Request(
        "PUT",
        API,
        (
            ("X-A", "1"),
            ("Content-Type", "text/plain;charset=UTF-8"),
            ("Accept", "*/*"),
            ("Origin", PAGE),
            *metadata,
        ),
        body=b"hi",
    )
    assert outcome.preflights == (preflight,)


def test_a_request_without_a_trusted_connection_has_no_fetch_metadata() -> None:
    outcome = fetch(allow_all, "http://api.test/x", "http://app.test")
    assert outcome.sent[0].headers == (("Accept", "*/*"), ("Origin", "http://app.test"))


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://app.test/x", "same-origin"),
        ("https://api.app.test/x", "same-site"),
        ("https://app.test:8443/x", "same-site"),
        ("https://other.test/x", "cross-site"),
        ("http://127.0.0.1/x", "cross-site"),
    ],
)
def test_the_site_of_a_request_is_told(url: str, site: str) -> None:
    assert fetch(allow_all, url).sent[0].header("Sec-Fetch-Site") == site


def test_names_below_a_public_suffix_are_other_sites() -> None:
    outcome = fetch(allow_all, "https://b.github.io/x", "https://a.github.io")
    assert outcome.sent[0].header("sec-fetch-site") == "cross-site"


def test_the_cache_modes_add_their_headers_unless_the_script_did() -> None:
    def sent(**options: Any) -> list[tuple[str, str]]:
        actual = fetch(allow_all, "https://app.test/x", **options).sent[-1]
        return [line for line in actual.headers if line[0] in {"Pragma", "Cache-Control"}]

    assert sent() == []
    assert sent(cache="no-cache") == [("Cache-Control", "max-age=0")]
    assert sent(cache="reload") == [("Pragma", "no-cache"), ("Cache-Control", "no-cache")]
    own = [("Cache-Control", "private")]
    assert sent(cache="no-store", headers=own) == [*own, ("Pragma", "no-cache")]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"url": "https://"}, "typeerror:bad-url"),
        ({"url": "/x", "origin": "null"}, "typeerror:bad-url"),
        ({"url": "https://u:p@api.test/"}, "typeerror:url-credentials"),
        ({"mode": "navigate"}, "typeerror:mode-navigate"),
        ({"cache": "only-if-cached"}, "typeerror:only-if-cached"),
        ({"method": "trace"}, "typeerror:forbidden-method"),
        ({"method": "P\u00dcT"}, "typeerror:forbidden-method"),
        ({"method": ""}, "typeerror:forbidden-method"),
        ({"method": "PUT", "mode": "no-cors"}, "typeerror:no-cors-method"),
        ({"headers": [("X A", "1")]}, "typeerror:bad-header"),
        ({"headers": [("X-A", "1\n2")]}, "typeerror:bad-header"),
        ({"headers": [("X-A", "\u20ac")]}, "typeerror:bad-header"),
        ({"headers": [("\u00e4", "1")]}, "typeerror:bad-header"),
        ({"body": "x"}, "typeerror:body-not-allowed"),
        (
            {"method": "POST", "mode": "no-cors", "body": ReadableStream()},
            "typeerror:stream-no-cors",
        ),
        ({"url": "http://api.test:6000/"}, "bad-port"),
        ({"url": "https://app.test:22/", "origin": "https://app.test:22"}, "bad-port"),
        ({"url": "ftp://api.test/"}, "scheme"),
        ({"url": "data:text/plain,x"}, "scheme"),
        ({"mode": "same-origin"}, "mode-same-origin"),
        ({"mode": "same-origin", "url": "data:,x"}, "mode-same-origin"),
        ({"mode": "no-cors", "redirect": "manual"}, "redirect-mode-no-cors"),
        ({"url": "/x", "mode": "same-origin", "cache": "only-if-cached"}, "only-if-cached"),
    ],
)
def test_what_browsers_never_send_is_not_sent(options: dict[str, Any], reason: str) -> None:
    outcome = fetch(allow_all, **options)
    assert (outcome.ok, outcome.reason, outcome.sent) == (False, reason, ())
    assert outcome.response_type is None
    assert outcome.steps[-1].code == reason
    assert outcome.explanation in str(outcome)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"origin": "https://app.test/"}, ValueError),
        ({"origin": "https://APP.test"}, ValueError),
        ({"origin": "https://app.test:443"}, ValueError),
        ({"origin": "app.test"}, ValueError),
        ({"origin": "*"}, ValueError),
        ({"origin": ""}, ValueError),
        ({"origin": None}, TypeError),
        ({"url": b"https://api.test"}, TypeError),
        ({"method": None}, TypeError),
        ({"headers": "X-A: 1"}, TypeError),
        ({"headers": ["X-A"]}, TypeError),
        ({"headers": [("X-A", 1)]}, TypeError),
        ({"credentials": "yes"}, ValueError),
        ({"credentials": True}, TypeError),
        ({"mode": "CORS"}, ValueError),
        ({"redirect": "no"}, ValueError),
        ({"cache": "never"}, ValueError),
        ({"referrer_policy": "none"}, ValueError),
        ({"embedder_policy": "none"}, ValueError),
        ({"upload_listener": 1}, TypeError),
        ({"body": 1}, TypeError),
    ],
)
def test_arguments_that_mean_nothing_are_errors(
    options: dict[str, Any], error: type[Exception]
) -> None:
    arguments: dict[str, Any] = {"url": API, "origin": PAGE, **options}
    with pytest.raises(error, match=next(iter(options))[:-1]):
        FetchRequest(**arguments)


@pytest.mark.parametrize("origin", ["chrome-extension://abc", "capacitor://localhost", "null"])
def test_an_origin_may_be_an_app_shells_or_opaque(origin: str) -> None:
    outcome = fetch(allow_all, origin=origin)
    assert outcome.sent[0].header("Origin") == origin


def test_what_is_handed_to_simulate_has_to_be_of_its_type() -> None:
    request = FetchRequest(API, PAGE)
    wrong: Any = object()
    with pytest.raises(TypeError, match="request must be a FetchRequest"):
        simulate(wrong, allow_all)
    with pytest.raises(TypeError, match="transport must be callable"):
        simulate(request, wrong)
    with pytest.raises(TypeError, match="cache must be"):
        simulate(request, allow_all, cache=wrong)
    with pytest.raises(TypeError, match="profile must be a str"):
        simulate(request, allow_all, profile=wrong)
    with pytest.raises(ValueError, match="profile must be one of standard, chromium"):
        simulate(request, allow_all, profile="opera")
    with pytest.raises(TypeError, match="must return a corsac"):
        simulate(request, lambda _: wrong)

    async def coroutine(_: Request) -> Response:
        return Response(200)

    not_awaited: Any = coroutine
    with pytest.raises(TypeError, match="use simulate_async"):
        simulate(request, not_awaited)


@pytest.mark.parametrize("status", [99, 1000, -1])
def test_a_status_is_from_100_to_999(status: int) -> None:
    assert (Response(100).status, Response(999).status) == (100, 999)
    with pytest.raises(ValueError, match="from 100 to 999"):
        Response(status)


def test_a_response_takes_text_and_bytes_and_refuses_other_things() -> None:
    response = Response(200, [(b"X-A", b"\xe4"), ("x-a", " 2 ")])
    assert response.headers == (("X-A", "\u00e4"), ("x-a", " 2 "))
    assert (response.header("X-a"), response.header("x-b")) == ("\u00e4, 2", None)
    wrong: Any = "200"
    with pytest.raises(TypeError, match="status of a response must be an int"):
        Response(wrong)
    with pytest.raises(TypeError, match="pair of a name and a value"):
        Response(200, ["x"])  # type: ignore[list-item]


def test_the_transports_exception_is_a_network_error_and_is_kept() -> None:
    error = ConnectionResetError("by\npeer" + "x" * 1000)

    def transport(_: Request) -> Response:
        raise error

    outcome = fetch(transport)
    assert (outcome.ok, outcome.reason, outcome.error) == (False, "network-error", error)
    assert outcome.detail.startswith("ConnectionResetError: by\\npeerxxx")
    assert len(outcome.detail) < 200
    assert lines(outcome) == ["GET https://api.test/x"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, AssertionError])
def test_an_interruption_and_a_failed_assertion_pass(error: type[BaseException]) -> None:
    def transport(_: Request) -> Response:
        raise error

    with pytest.raises(error):
        fetch(transport)
    with pytest.raises(error):
        asyncio.run(simulate_async(FetchRequest(API, PAGE), transport))


@pytest.mark.parametrize(
    ("body", "content_type", "sent"),
    [
        ("h\u00e4", "text/plain;charset=UTF-8", b"h\xc3\xa4"),
        (b"h", None, b"h"),
        (bytearray(b"h"), None, b"h"),
        ({"a": "b c"}, "application/x-www-form-urlencoded;charset=UTF-8", b"a=b+c"),
        (
            URLSearchParams([("a", "1"), ("a", "2")]),
            "application/x-www-form-urlencoded;charset=UTF-8",
            b"a=1&a=2",
        ),
        (Blob(b"{}", "text/plain"), "text/plain", b"{}"),
        (Blob("x"), None, b"x"),
        (Blob("x", "Text/Plain"), "text/plain", b"x"),
        (Blob("x", "text/plain\r\nX-A: 1"), None, b"x"),
        (
            FormData([('"', "----CorsacFormBoundary0")]),
            "multipart/form-data; boundary=----CorsacFormBoundary1",
            b'------CorsacFormBoundary1\r\nContent-Disposition: form-data; name="%22"\r\n\r\n'
            b"----CorsacFormBoundary0\r\n------CorsacFormBoundary1--\r\n",
        ),
    ],
    ids=repr,
)
def test_a_body_brings_its_content_type_without_a_preflight(
    body: Any, content_type: str | None, sent: bytes
) -> None:
    (request,) = fetch(allow_all, method="POST", body=body).sent
    assert (request.header("Content-Type"), request.body) == (content_type, sent)


@pytest.mark.parametrize(
    "options",
    [
        {"body": Blob("{}", "application/json")},
        {"body": ReadableStream(b"x")},
        {"body": "x", "upload_listener": True},
    ],
    ids=repr,
)
def test_some_bodies_and_an_upload_listener_need_a_preflight(options: dict[str, Any]) -> None:
    outcome = fetch(allow_all, method="POST", **options)
    assert [request.method for request in outcome.sent] == ["OPTIONS", "POST"]


def test_a_redirect_to_a_third_origin_has_the_origin_null_and_no_authorization() -> None:
    other = "https://other.test/y"
    outcome = fetch(
        redirects({API: (307, other)}),
        method="PUT",
        headers=[("Authorization", "a"), ("X-A", "1")],
    )
    assert lines(outcome) == [f"OPTIONS {API}", f"PUT {API}", f"OPTIONS {other}", f"PUT {other}"]
    assert [request.header("Origin") for request in outcome.sent] == [PAGE, PAGE, "null", "null"]
    assert outcome.sent[2].header("Access-Control-Request-Headers") == "x-a"
    assert outcome.sent[1].header("Authorization") == "a"
    assert outcome.sent[3].header("Authorization") is None
    assert (outcome.ok, outcome.redirected, outcome.url) == (True, True, other)


def test_a_redirect_that_makes_a_get_loses_the_body_and_its_headers() -> None:
    outcome = fetch(
        redirects({API: (303, "/y")}), method="PUT", body="x", headers=[("Content-Language", "de")]
    )
    assert lines(outcome)[-1] == "GET https://api.test/y"
    names = [name for name, _ in outcome.sent[-1].headers]
    assert names[:2] == ["Accept", "Origin"]
    assert outcome.sent[-1].body is None


@pytest.mark.parametrize(("redirects_followed", "ok"), [(20, True), (21, False)])
def test_twenty_redirects_are_followed_and_the_next_one_blocks(
    redirects_followed: int, ok: bool
) -> None:
    targets = {f"https://api.test/{n}": (302, f"/{n + 1}") for n in range(redirects_followed)}
    outcome = fetch(redirects(targets), "https://api.test/0")
    assert (outcome.ok, outcome.reason) == (ok, None if ok else "too-many-redirects")
    assert len(outcome.sent) == 21


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("https://u:p@api.test/y", "redirect-userinfo"),
        ("data:,x", "redirect-scheme"),
        ("http://", "redirect-location"),
        ("https://api.test:99999/", "redirect-location"),
        ("https://api.test:25/", "bad-port"),
        ("//%ff/", "redirect-location"),
    ],
)
def test_a_redirect_that_browsers_do_not_follow_blocks(location: str, reason: str) -> None:
    outcome = fetch(redirects({API: (302, location)}))
    assert (outcome.ok, outcome.reason, len(outcome.sent)) == (False, reason, 1)


def test_chromium_follows_no_redirect_to_a_user_name_the_standard_within_the_own_origin() -> None:
    transport = redirects({"https://app.test/x": (302, "https://u:p@app.test/y")})
    assert fetch(transport, "/x", profile="chromium").reason == "redirect-userinfo"
    outcome = fetch(transport, "/x")
    assert (outcome.ok, outcome.response_type, outcome.url) == (True, "basic", "https://app.test/y")


def test_a_stream_cannot_be_sent_again() -> None:
    body = ReadableStream(b"x")
    outcome = fetch(redirects({API: (307, "/y")}), method="POST", body=body)
    assert outcome.reason == "redirect-stream"
    assert fetch(redirects({API: (303, "/y")}), method="POST", body=body).ok


def test_the_redirect_modes() -> None:
    transport = redirects({API: (302, "/y")})
    assert fetch(transport, redirect="error").reason == "redirect-mode-error"
    manual = fetch(transport, redirect="manual")
    assert (manual.ok, manual.response_type, manual.status) == (True, "opaqueredirect", 0)
    assert (manual.readable_headers, manual.redirected) == ((), False)
    unshared = fetch(lambda _: Response(302, [("Location", "/y")]), redirect="manual")
    assert unshared.reason == "missing-allow-origin"


def test_a_redirect_without_a_location_is_a_response() -> None:
    def transport(_: Request) -> Response:
        return Response(302, [ALLOW])

    assert fetch(transport).status == 302
    assert fetch(transport, redirect="error").reason == "redirect-mode-error"
    assert fetch(transport, redirect="error", profile="chromium").status == 302


def test_two_locations_are_none_that_can_be_followed() -> None:
    def transport(request: Request) -> Response:
        more = [("Location", "/y")] * 2 if request.url == API else []
        return Response(302 if more else 200, [ALLOW, *more])

    assert fetch(transport).reason == "redirect-location"
    assert fetch(transport, profile="chromium").url == "https://api.test/y"


def test_a_fragment_survives_a_redirect_and_is_never_sent() -> None:
    outcome = fetch(redirects({API: (302, "/y")}), f"{API}#f")
    assert lines(outcome) == [f"GET {API}", "GET https://api.test/y"]
    assert outcome.url == "https://api.test/y"


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def test_a_preflight_is_remembered_by_whoever_has_the_same_cache() -> None:
    clock = Clock()
    cache = PreflightCache(clock=clock)
    first = fetch(allow_all, method="PUT", memory=cache)
    second = fetch(allow_all, method="PUT", memory=cache)
    assert ([len(first.sent), len(second.sent)], len(cache)) == ([2, 1], 1)
    assert [step.kind for step in second.steps] == ["decision", "cache", "request", "verdict"]
    clock.now = 5.0
    assert len(fetch(allow_all, method="PUT", memory=cache).sent) == 2
    cache.clear()
    assert len(cache) == 0
    assert len(fetch(allow_all, method="PUT", memory=cache).sent) == 2


def test_a_failed_request_forgets_the_preflight_but_not_in_chromium() -> None:
    def sent_after_failure(profile: str) -> int:
        cache = PreflightCache(profile=profile, clock=Clock())
        fetch(allow_all, method="PUT", memory=cache, profile=profile)
        failed = fetch(lambda _: Response(200), method="PUT", memory=cache, profile=profile)
        assert (failed.reason, len(failed.sent)) == ("missing-allow-origin", 1)
        return len(fetch(allow_all, method="PUT", memory=cache, profile=profile).sent)

    assert sent_after_failure("standard") == 2
    assert sent_after_failure("firefox") == 2
    assert sent_after_failure("chromium") == 1


def test_a_refused_preflight_forgets_earlier_ones_in_every_profile() -> None:
    for profile in ("standard", "chromium"):
        cache = PreflightCache(profile=profile, clock=Clock())
        fetch(allow_all, method="PUT", memory=cache, profile=profile)
        refused = fetch(allow_all, method="PATCH", memory=cache, profile=profile)
        assert refused.reason == "preflight:method-not-allowed"
        assert len(fetch(allow_all, method="PUT", memory=cache, profile=profile).sent) == 2


@pytest.mark.parametrize(("capacity", "error"), [(0, ValueError), (1_000_001, ValueError)])
def test_a_cache_has_a_sensible_capacity(capacity: int, error: type[Exception]) -> None:
    assert (len(PreflightCache(1)), len(PreflightCache(1_000_000))) == (0, 0)
    with pytest.raises(error, match="capacity must be from 1"):
        PreflightCache(capacity)


def test_firefox_remembers_a_hundred_preflights() -> None:
    cache = PreflightCache(profile="firefox", clock=Clock())
    for number in range(101):
        fetch(allow_all, f"https://api.test/{number}", method="PUT", memory=cache)
    assert len(cache) == 100


def test_chromium_asks_for_passwords_and_streams_over_http2_only() -> None:
    def asking(_: Request) -> Response:
        return Response(401, [("WWW-Authenticate", "Basic realm=x")])

    assert fetch(asking, "/x", profile="chromium").reason == "password-prompt"
    assert fetch(asking, "/x", profile="chromium", credentials="omit").status == 401
    assert fetch(asking, "/x").status == 401
    stream: dict[str, Any] = {"method": "POST", "body": ReadableStream(b"x")}
    plain = fetch(allow_all, "http://127.0.0.1/x", profile="chromium", **stream)
    assert (plain.reason, lines(plain)) == ("stream-needs-http2", ["OPTIONS http://127.0.0.1/x"])
    assert fetch(allow_all, profile="chromium", **stream).ok


def test_no_cors_gives_an_opaque_response_unless_a_resource_policy_keeps_it() -> None:
    def transport(_: Request) -> Response:
        return Response(200, [("Cross-Origin-Resource-Policy", "same-site"), ("X-A", "1")])

    near = fetch(transport, "https://api.app.test/", mode="no-cors")
    assert (near.ok, near.response_type, near.status, near.url) == (True, "opaque", 0, "")
    assert (near.readable_headers, near.headers) == ((), ())
    assert fetch(transport, mode="no-cors").reason == "corp"


def test_the_outcome_has_the_values_that_the_script_reads() -> None:
    def transport(_: Request) -> Response:
        exposed = ("Access-Control-Expose-Headers", "X-B")
        return Response(404, [ALLOW, exposed, ("X-B", "1"), ("x-b", " 2 "), ("X-C", "3")])

    outcome = fetch(transport)
    assert (outcome.ok, outcome.status, outcome.response_type) == (True, 404, "cors")
    assert (outcome.readable_headers, outcome.headers) == (("x-b",), (("x-b", "1, 2"),))


def test_an_outcome_reads_well_and_is_data() -> None:
    outcome = fetch(allow_all, "http://api.test/x", method="PUT", headers=[("X-Z", "1")])
    assert str(outcome).splitlines() == [
        "1. http://api.test/x is cross-origin for https://app.test: a preflight is needed for the "
        "method PUT and the header x-z",
        "2. Beside CORS: browsers block http requests of https pages",
        "3. OPTIONS http://api.test/x -> 204: refused: Access-Control-Allow-Headers does not have "
        "the header x-z",
        "4. fetch() rejects: the preflight was refused: Access-Control-Allow-Headers does not have "
        "the header x-z",
    ]
    data = json.loads(json.dumps(outcome.as_dict()))
    assert (data["reason"], data["detail"]) == ("preflight:header-not-allowed:x-z", "x-z")
    assert data["steps"][2]["response"]["status"] == 204
    assert pickle.loads(pickle.dumps(outcome)) == outcome  # noqa: S301 - our own bytes


def test_a_pickle_leaves_out_what_the_transport_raised_and_a_copy_does_not() -> None:
    class LocalError(Exception):
        """Cannot be pickled: nothing finds it by its name."""

    def fail(request: Request) -> Response:
        raise LocalError

    outcome = fetch(fail)
    assert isinstance(outcome.error, LocalError)
    again = pickle.loads(pickle.dumps(outcome))  # noqa: S301 - our own bytes
    assert (again, again.error) == (outcome, None)
    assert copy.copy(outcome) is copy.deepcopy([outcome])[0] is outcome
    assert dataclasses.replace(outcome, detail="x").error is outcome.error


def test_what_a_server_sent_is_escaped_and_cut_where_it_is_shown() -> None:
    def transport(_: Request) -> Response:
        return Response(200, [("Access-Control-Allow-Origin", "\x1b[31m\u00e4" + "x" * 5000)])

    outcome = fetch(transport)
    assert outcome.reason == "allow-origin-mismatch"
    assert outcome.detail.startswith("\\x1b[31m\\xe4xxx")
    assert str(outcome).isascii()
    assert max(map(len, str(outcome).splitlines())) < 400


def test_every_reason_is_explained_without_a_placeholder() -> None:
    for code in REASONS:
        assert "{" not in FetchOutcome(ok=False, reason=code).explanation


def test_an_asynchronous_transport_comes_to_the_same() -> None:
    async def transport(request: Request) -> Response:
        await asyncio.sleep(0)
        return allow_all(request)

    request = FetchRequest(API, PAGE, method="PUT")
    awaited = asyncio.run(simulate_async(request, transport))
    assert awaited == simulate(request, allow_all)
    assert awaited.ok
