"""Where the simulated Chromium departs from the standard, each next to what the standard says."""

from __future__ import annotations

import pytest

from corsac.browser import FetchRequest, PreflightCache, Request, Response, simulate

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
