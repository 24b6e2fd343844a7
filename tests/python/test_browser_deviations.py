"""Where the simulated engines depart from the standard, each next to what the standard says."""

from __future__ import annotations

import pytest

from corsac.browser import (
    PROFILES,
    FetchRequest,
    PreflightCache,
    ReadableStream,
    Request,
    Response,
    simulate,
)
from corsac.browser.cache import CacheRequest

PAGE = "http://page.localhost:8000"
API = "http://api.localhost:8000"
SHARED = [("Access-Control-Allow-Origin", PAGE)]


class Server:
    """Answers by path; notes what came."""

    def __init__(self, **responses: Response) -> None:
        self.responses = responses
        self.seen: list[Request] = []

    def __call__(self, request: Request) -> Response:
        self.seen.append(request)
        if request.is_preflight:
            names = [("Access-Control-Allow-Methods", "PUT"), ("Access-Control-Allow-Headers", "*")]
            origin = [("Access-Control-Allow-Origin", "*")]
            return Response(204, [*origin, *names, ("Access-Control-Max-Age", "600")])
        return self.responses[request.url.rpartition("/")[2]]


def sent(server: Server) -> list[str]:
    return [request.method for request in server.seen]


@pytest.mark.parametrize(("profile", "preflights"), [("standard", 1), ("chromium", 2)])
def test_only_chromium_remembers_nothing_of_a_preflight_with_no_store(
    profile: str, preflights: int
) -> None:
    server = Server(x=Response(200, SHARED))
    cache = PreflightCache(profile=profile, clock=lambda: 0.0)
    for mode in ("no-store", "default"):
        request = FetchRequest(f"{API}/x", PAGE, "PUT", cache=mode)
        assert simulate(request, server, cache=cache, profile=profile).ok
    assert sent(server).count("OPTIONS") == preflights


def test_a_preflight_refused_to_a_bypassing_request_leaves_chromiums_cache_alone() -> None:
    server = Server(x=Response(200, SHARED))
    cache = PreflightCache(profile="chromium", clock=lambda: 0.0)
    for method, mode in (("PUT", "default"), ("DELETE", "reload"), ("PUT", "default")):
        request = FetchRequest(f"{API}/x", PAGE, method, cache=mode)
        simulate(request, server, cache=cache, profile="chromium")
    assert sent(server) == ["OPTIONS", "PUT", "OPTIONS", "PUT"]


def test_chromium_asks_for_authorization_each_time_where_an_asterisk_allowed_it() -> None:
    server = Server(x=Response(200, SHARED))
    cache = PreflightCache(profile="chromium", clock=lambda: 0.0)
    request = FetchRequest(f"{API}/x", PAGE, headers={"Authorization": "Bearer x"})
    for _ in range(2):
        assert simulate(request, server, cache=cache, profile="chromium").ok
    assert sent(server) == ["OPTIONS", "GET", "OPTIONS", "GET"]


@pytest.mark.parametrize(
    ("profile", "site"), [("standard", "cross-site"), ("chromium", "same-origin")]
)
def test_only_chromium_forgets_where_a_restarted_request_was(profile: str, site: str) -> None:
    back = Response(303, [*SHARED, ("Location", f"{PAGE}/y")])
    server = Server(x=back, y=Response(200, [("Access-Control-Allow-Origin", "null")]))
    request = FetchRequest(f"{API}/x", PAGE, "POST")
    assert simulate(request, server, profile=profile).ok
    assert server.seen[-1].header("Sec-Fetch-Site") == site
    assert server.seen[-1].header("Origin") == "null"


@pytest.mark.parametrize("mode", ["cors", "no-cors", "same-origin"])
@pytest.mark.parametrize(
    ("profile", "reason"), [("standard", None), ("chromium", "redirect-userinfo")]
)
def test_only_chromium_refuses_a_redirect_with_a_password_on_the_pages_own_origin(
    profile: str, reason: str | None, mode: str
) -> None:
    target = PAGE.replace("http://", "http://user:secret@")
    server = Server(x=Response(302, [("Location", f"{target}/y")]), y=Response(200))
    outcome = simulate(FetchRequest(f"{PAGE}/x", PAGE, mode=mode), server, profile=profile)
    assert (outcome.ok, outcome.reason) == (reason is None, reason)


@pytest.mark.parametrize(
    ("profile", "reason"), [("standard", "redirect-mode-error"), ("chromium", None)]
)
def test_only_chromium_takes_a_redirect_status_without_location_for_an_answer(
    profile: str, reason: str | None
) -> None:
    server = Server(x=Response(302, SHARED))
    outcome = simulate(FetchRequest(f"{API}/x", PAGE, redirect="error"), server, profile=profile)
    assert (outcome.ok, outcome.reason) == (reason is None, reason)


@pytest.mark.parametrize(("profile", "origin"), [("standard", PAGE), ("chromium", "null")])
def test_only_chromium_hides_the_origin_of_a_redirected_no_cors_request(
    profile: str, origin: str
) -> None:
    server = Server(x=Response(307, [("Location", f"{API}/y")]), y=Response(200))
    request = FetchRequest(f"{PAGE}/x", PAGE, "POST", mode="no-cors")
    assert simulate(request, server, profile=profile).ok
    assert [asked.header("Origin") for asked in server.seen] == [PAGE, origin]


def exchanged(
    profile: str, *requests: FetchRequest, max_ages: str, names: str = "x-a", seconds: float = 1
) -> list[str]:
    """Give the first letters of the methods that one browser sends.

    Each preflight gets the next of ``max_ages``, and of ``names`` the next or the last one.
    """
    ages, allowed, seen, now = max_ages.split(";"), names.split(";"), [], 0.0

    def transport(request: Request) -> Response:
        seen.append(request.method[0])
        if not request.is_preflight:
            return Response(200, SHARED)
        lines = [("Access-Control-Allow-Methods", "PUT, DELETE")]
        lines.append(
            ("Access-Control-Allow-Headers", allowed.pop(0) if allowed[1:] else allowed[0])
        )
        lines.append(("Access-Control-Max-Age", ages.pop(0)))
        return Response(204, [("Access-Control-Allow-Origin", "*"), *lines])

    cache = PreflightCache(profile=profile, clock=lambda: now)
    for request in requests:
        simulate(request, transport, cache=cache, profile=profile)
        now += seconds
    return seen


def asked_for(profile: str, number: int) -> CacheRequest:
    return CacheRequest(PAGE, False, "PUT", [], False, profile, f"{API}/{number}")


PUT, DELETE = (FetchRequest(f"{API}/x", PAGE, method) for method in ("PUT", "DELETE"))
WITH_X_A = FetchRequest(f"{API}/x", PAGE, "PUT", {"X-A": "1"})
WITH_AUTHORIZATION = FetchRequest(f"{API}/x", PAGE, headers={"Authorization": "Bearer x"})


@pytest.mark.parametrize(
    ("profile", "expected"),
    [("standard", "OPOPOP"), ("firefox", "OPOPP"), ("webkit", "OPOPOP"), ("chromium", "OPOPOP")],
)
def test_an_answer_not_to_keep_leaves_what_firefox_has_and_ends_it_elsewhere(
    profile: str, expected: str
) -> None:
    other = FetchRequest(f"{API}/x", PAGE, "PUT", {"X-B": "1"})
    requests = [WITH_X_A, other, WITH_X_A]
    answers = ["x-a", "x-b", "x-a"]
    got = exchanged(profile, *requests, max_ages="600;0;600", names=";".join(answers))
    assert "".join(got) == expected


@pytest.mark.parametrize(
    ("profile", "max_age", "expected"),
    [
        ("standard", "+600", "OPOP"),
        ("webkit", "+600", "OPP"),
        ("webkit", "600 ", "OPP"),
        ("webkit", "-1", "OPOP"),
        ("webkit", "600, 600", "OPOP"),
        ("webkit", "9223372036854775807", "OPP"),
        ("webkit", "9223372036854775808", "OPOP"),
        ("firefox", "+600", "OPOP"),
        ("firefox", "9223372036854775808", "OPP"),
    ],
)
def test_max_age_is_read_as_the_engine_reads_it(profile: str, max_age: str, expected: str) -> None:
    got = exchanged(profile, PUT, PUT, max_ages=f"{max_age};600", seconds=6)
    assert "".join(got) == expected


@pytest.mark.parametrize(
    ("profile", "seconds", "preflights"),
    [("webkit", 599, 1), ("webkit", 600, 2), ("firefox", 86_399, 1), ("firefox", 86_400, 2)],
)
def test_no_engine_remembers_longer_than_its_cap(
    profile: str, seconds: int, preflights: int
) -> None:
    got = exchanged(profile, PUT, PUT, max_ages="99999999;600", seconds=seconds)
    assert got.count("O") == preflights


@pytest.mark.parametrize(
    ("profile", "expected"), [("standard", None), ("firefox", "OGOG"), ("webkit", "OGG")]
)
def test_authorization_that_an_asterisk_allowed_is_remembered_by_webkit_alone(
    profile: str, expected: str | None
) -> None:
    requests = [WITH_AUTHORIZATION, WITH_AUTHORIZATION]
    got = "".join(exchanged(profile, *requests, max_ages="600;600", names="*"))
    assert got == (expected or "OO")


@pytest.mark.parametrize(
    ("profile", "expected"), [("standard", "OPDP"), ("firefox", "OPODOP"), ("webkit", "OPDP")]
)
def test_an_asterisk_is_not_remembered_by_firefox(profile: str, expected: str) -> None:
    server = Server(x=Response(200, SHARED))

    def transport(request: Request) -> Response:
        server(request)
        any_method = ("Access-Control-Allow-Methods", "*")
        return Response(200, [*SHARED, any_method, ("Access-Control-Max-Age", "600")])

    cache = PreflightCache(profile=profile, clock=lambda: 0.0)
    for request in (PUT, DELETE, PUT):
        assert simulate(request, transport, cache=cache, profile=profile).ok
    assert "".join(method[0] for method in sent(server)) == expected


@pytest.mark.parametrize(
    ("profile", "mode", "expected"),
    [
        ("standard", "no-store", "OPPP"),
        ("firefox", "no-store", "OPOPP"),
        ("firefox", "reload", "OPOPP"),
        ("firefox", "no-cache", "OPPP"),
        ("webkit", "no-store", "OPPP"),
        ("webkit", "reload", "OPPP"),
    ],
)
def test_cache_modes_ask_anew_only_where_the_engine_does(
    profile: str, mode: str, expected: str
) -> None:
    bypassing = FetchRequest(f"{API}/x", PAGE, "PUT", cache=mode)
    got = exchanged(profile, PUT, bypassing, PUT, max_ages="600;600;600")
    assert "".join(got) == expected


@pytest.mark.parametrize("mode", ["no-store", "reload"])
def test_firefox_remembers_what_it_asked_anew(mode: str) -> None:
    bypassing = FetchRequest(f"{API}/x", PAGE, "PUT", cache=mode)
    assert "".join(exchanged("firefox", bypassing, PUT, max_ages="600")) == "OPP"


@pytest.mark.parametrize(
    ("profile", "preflights"), [("standard", 2), ("firefox", 1), ("webkit", 1)]
)
def test_a_redirect_in_mode_error_clears_the_cache_of_the_standard_alone(
    profile: str, preflights: int
) -> None:
    server = Server(x=Response(302, [*SHARED, ("Location", f"{API}/y")]))
    request = FetchRequest(f"{API}/x", PAGE, "PUT", redirect="error")
    cache = PreflightCache(profile=profile, clock=lambda: 0.0)
    for _ in range(2):
        outcome = simulate(request, server, cache=cache, profile=profile)
        assert outcome.reason == "redirect-mode-error"
    assert sent(server).count("OPTIONS") == preflights


@pytest.mark.parametrize(
    ("profile", "expected"),
    [("standard", "OPP"), ("chromium", "OPP"), ("firefox", "OPOP"), ("webkit", "OPP")],
)
def test_what_was_answered_with_credentials_serves_without_but_in_firefox(
    profile: str, expected: str
) -> None:
    credentialed = [*SHARED, ("Access-Control-Allow-Credentials", "true")]
    seen = []

    def transport(request: Request) -> Response:
        seen.append(request.method[0])
        methods = ("Access-Control-Allow-Methods", "PUT")
        return Response(200, [*credentialed, methods, ("Access-Control-Max-Age", "600")])

    cache = PreflightCache(profile=profile, clock=lambda: 0.0)
    for credentials in ("include", "omit"):
        request = FetchRequest(f"{API}/x", PAGE, "PUT", credentials=credentials)
        assert simulate(request, transport, cache=cache, profile=profile).ok
    assert "".join(seen) == expected


@pytest.mark.parametrize(
    ("profile", "capacity"),
    [("standard", 1024), ("chromium", 1024), ("firefox", 100), ("webkit", 65_536)],
)
def test_a_cache_holds_what_the_engine_holds(profile: str, capacity: int) -> None:
    cache = PreflightCache(profile=profile, clock=lambda: 0.0)
    answer = [(b"Access-Control-Allow-Methods", b"PUT"), (b"Access-Control-Max-Age", b"600")]
    for number in range(capacity + 1):
        cache.store(asked_for(profile, number), answer)
    assert len(cache) == capacity
    covered = [cache.covers(asked_for(profile, number)) for number in (0, 1)]
    assert covered == [False, True]


@pytest.mark.parametrize(
    ("profile", "sent_lines"),
    [
        ("standard", ["OPTIONS", "POST"]),
        ("chromium", ["OPTIONS"]),
        ("firefox", ["POST text/plain;charset=UTF-8"]),
        ("webkit", []),
    ],
)
def test_a_stream_is_sent_as_the_engine_sends_it(profile: str, sent_lines: list[str]) -> None:
    answer = [*SHARED, ("Access-Control-Allow-Methods", "POST")]
    seen = []

    def transport(request: Request) -> Response:
        seen.append(f"{request.method} {request.header('Content-Type') or ''}".strip())
        return Response(200, answer)

    request = FetchRequest(f"{API}/x", PAGE, "POST", body=ReadableStream(b"x"))
    outcome = simulate(request, transport, profile=profile)
    reasons = {"chromium": "stream-needs-http2", "webkit": "typeerror:stream-not-supported"}
    assert (seen, outcome.reason) == (sent_lines, reasons.get(profile))


@pytest.mark.parametrize("profile", PROFILES)
def test_a_misdirected_request_is_sent_once_more(profile: str) -> None:
    answers = [Response(421, SHARED), Response(200, SHARED)]
    outcome = simulate(FetchRequest(f"{API}/x", PAGE), lambda _: answers.pop(0), profile=profile)
    assert ([request.method for request in outcome.sent], outcome.status) == (["GET", "GET"], 200)
    outcome = simulate(
        FetchRequest(f"{API}/x", PAGE), lambda _: Response(421, SHARED), profile=profile
    )
    assert ([request.method for request in outcome.sent], outcome.status) == (["GET", "GET"], 421)


def test_a_misdirected_stream_is_not_sent_again() -> None:
    def transport(request: Request) -> Response:
        return Response(204 if request.is_preflight else 421, SHARED)

    request = FetchRequest(f"{API}/x", PAGE, "POST", body=ReadableStream(b"x"))
    outcome = simulate(request, transport)
    assert [asked.method for asked in outcome.sent] == ["OPTIONS", "POST"]


@pytest.mark.parametrize(
    ("profile", "on_request", "on_preflight"),
    [
        ("standard", ("no-cache", "no-cache"), (None, None)),
        ("chromium", ("max-age=0", None), ("max-age=0", None)),
        ("firefox", ("no-cache", "no-cache"), ("no-cache", "no-cache")),
        ("webkit", ("no-cache", "no-cache"), (None, None)),
    ],
)
@pytest.mark.parametrize("name", ["If-None-Match", "if-modified-since", "If-Range"])
def test_a_scripts_own_condition_says_how_to_cache(
    profile: str,
    on_request: tuple[str | None, str | None],
    on_preflight: tuple[str | None, str | None],
    name: str,
) -> None:
    server = Server(x=Response(200, SHARED))
    simulate(FetchRequest(f"{API}/x", PAGE, headers={name: "1"}), server, profile=profile)
    [preflight, request] = [
        (asked.header("Cache-Control"), asked.header("Pragma")) for asked in server.seen
    ]
    assert (preflight, request) == (on_preflight, on_request)


def test_firefox_sends_the_first_of_several_content_types_and_judges_all() -> None:
    lines = [("Content-Type", "text/plain"), ("content-type", "application/json"), ("X-A", "1")]
    server = Server(x=Response(200, SHARED))
    outcome = simulate(
        FetchRequest(f"{API}/x", PAGE, "POST", lines, body="x"), server, profile="firefox"
    )
    assert outcome.ok
    preflight, request = server.seen
    assert preflight.header("Access-Control-Request-Headers") == "content-type,x-a"
    assert request.header("Content-Type") == "text/plain"


@pytest.mark.parametrize(
    ("profile", "location", "urls"),
    [
        ("firefox", ["/y", "/y"], ["/x", "/y"]),
        ("firefox", ["/y", "/z"], ["/x"]),
        ("webkit", ["/y", "/z"], ["/x", "/y,%20/z"]),
        ("webkit", [""], ["/x"]),
        ("standard", ["/y", "/y"], ["/x"]),
    ],
)
def test_location_lines_are_read_as_the_engine_reads_them(
    profile: str, location: list[str], urls: list[str]
) -> None:
    seen = []

    def transport(request: Request) -> Response:
        seen.append(request.url.removeprefix(API))
        lines = [("Location", value) for value in location]
        return Response(302, [*SHARED, *lines]) if len(seen) == 1 else Response(200, SHARED)

    simulate(FetchRequest(f"{API}/x", PAGE), transport, profile=profile)
    assert seen == urls
