"""Where the simulated Firefox and WebKit depart from the standard: redirects, and what is sent."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from corsac.browser import (
    PROFILES,
    Blob,
    FetchOutcome,
    FetchRequest,
    PreflightCache,
    Request,
    Response,
    simulate,
)

PAGE = "http://page.example"
API = "http://api.example"
OTHER = "http://other.example"
ANY = [("Access-Control-Allow-Methods", "PUT"), ("Access-Control-Allow-Headers", "authorization")]
KEPT = ("Access-Control-Max-Age", "600")


class Chain:
    """Servers that redirect from one URL to the next, and allow whoever asks."""

    def __init__(
        self,
        *hops: tuple[int, str],
        preflight: Iterable[tuple[str, str]] = (*ANY, KEPT),
        shares: bool = True,
    ) -> None:
        self.hops = hops
        self.preflight = list(preflight)
        self.shares = shares
        self.seen: list[Request] = []

    def __call__(self, request: Request) -> Response:
        self.seen.append(request)
        origin = request.header("Origin")
        lines = [("Access-Control-Allow-Origin", origin)] if origin and self.shares else []
        lines += [("Access-Control-Allow-Credentials", "true")] if lines else []
        if request.is_preflight:
            return Response(204, [*lines, *self.preflight])
        number = int(request.url.rpartition("/")[2])
        if number == len(self.hops):
            return Response(200, lines)
        status, server = self.hops[number]
        return Response(status, [*lines, ("Location", f"{server}/{number + 1}")])

    def values(self, name: str) -> list[str | None]:
        """A header of every request that is no preflight."""
        return [request.header(name) for request in self.seen if not request.is_preflight]

    @property
    def methods(self) -> list[str]:
        """Of every request."""
        return [request.method for request in self.seen]

    @property
    def letters(self) -> str:
        """The first letters of the methods."""
        return "".join(method[0] for method in self.methods)


def fetch(chain: Chain, profile: str, request: FetchRequest) -> FetchOutcome:
    return simulate(request, chain, profile=profile)


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("standard", ["Bearer x", None, None]),
        ("chromium", ["Bearer x", None, None]),
        ("firefox", ["Bearer x", None, "Bearer x"]),
        ("webkit", ["Bearer x", None, None]),
    ],
)
def test_firefox_gives_authorization_to_another_server_that_redirects_to_itself(
    profile: str, expected: list[str | None]
) -> None:
    chain = Chain((307, OTHER), (307, OTHER))
    request = FetchRequest(f"{API}/0", PAGE, headers={"Authorization": "Bearer x"})
    assert fetch(chain, profile, request).ok
    assert chain.values("Authorization") == expected


@pytest.mark.parametrize(
    ("profile", "second", "expected"),
    [
        ("standard", 307, None),
        ("chromium", 307, None),
        ("firefox", 307, "text/plain"),
        ("firefox", 302, None),
        ("webkit", 307, "text/plain"),
        ("webkit", 302, "text/plain"),
    ],
)
def test_a_content_type_comes_back_with_the_second_redirect_where_the_engine_brings_it(
    profile: str, second: int, expected: str | None
) -> None:
    chain = Chain((302, API), (second, API))
    request = FetchRequest(f"{API}/0", PAGE, "POST", {"Content-Type": "text/plain"}, body="x")
    assert fetch(chain, profile, request).ok
    assert chain.methods == ["POST", "GET", "GET"]
    assert chain.values("Content-Type") == ["text/plain", None, expected]


@pytest.mark.parametrize(
    ("profile", "second"),
    [("standard", "no-cache"), ("firefox", "no-cache"), ("webkit", None)],
)
def test_webkit_leaves_its_own_headers_out_where_a_redirect_leaves_the_server(
    profile: str, second: str | None
) -> None:
    other = OTHER.replace("http:", "https:")
    chain = Chain((302, other), (302, other))
    url, page = (text.replace("http:", "https:") for text in (f"{API}/0", PAGE))
    request = FetchRequest(url, page, cache="reload")
    assert fetch(chain, profile, request).ok
    assert chain.values("Cache-Control") == ["no-cache", second, "no-cache"]
    there = [mode is not None for mode in chain.values("Sec-Fetch-Mode")]
    assert there == [True, second is not None, True]


@pytest.mark.parametrize(
    ("profile", "expected"),
    [("standard", "OPGG"), ("chromium", "OPGG"), ("firefox", "OPOGOG"), ("webkit", "OPOGOG")],
)
def test_what_was_preflighted_is_preflighted_after_a_redirect_in_two_engines(
    profile: str, expected: str
) -> None:
    chain = Chain((303, API), (303, API))
    request = FetchRequest(f"{API}/0", PAGE, "PUT")
    assert fetch(chain, profile, request).ok
    assert chain.letters == expected


@pytest.mark.parametrize(
    ("profile", "expected"),
    [("standard", [PAGE, "null"]), ("firefox", [PAGE, PAGE]), ("webkit", [PAGE, "null"])],
)
def test_the_preflight_of_a_redirected_request_has_the_pages_origin_in_firefox(
    profile: str, expected: list[str]
) -> None:
    chain = Chain((307, OTHER))
    assert fetch(chain, profile, FetchRequest(f"{API}/0", PAGE, "PUT")).ok
    preflights = [request.header("Origin") for request in chain.seen if request.is_preflight]
    assert (preflights, chain.values("Origin")) == (expected, [PAGE, "null"])


@pytest.mark.parametrize(("profile", "sent"), [("standard", "OPO"), ("firefox", "OPOP")])
def test_the_pages_own_server_need_not_allow_the_page_in_a_preflight_of_firefox(
    profile: str, sent: str
) -> None:
    chain = Chain((307, PAGE))
    own = Chain(shares=False)

    def transport(request: Request) -> Response:
        if request.url.startswith(PAGE):
            chain.seen.append(request)
            return Response(own(request).status, ANY) if request.is_preflight else Response(200)
        return chain(request)

    outcome = simulate(FetchRequest(f"{API}/0", PAGE, "PUT"), transport, profile=profile)
    # The request itself is of the origin null, and has to be allowed.
    assert not outcome.ok
    assert chain.letters == sent


@pytest.mark.parametrize("profile", ["standard", "firefox", "webkit"])
def test_webkit_finds_a_password_in_a_redirect_off_the_server_after_the_preflight(
    profile: str,
) -> None:
    chain = Chain((307, API.replace("http://", "http://user:secret@")))
    outcome = fetch(chain, profile, FetchRequest(f"{PAGE}/0", PAGE, "PUT"))
    assert outcome.reason == "redirect-userinfo"
    assert chain.methods == ["PUT", "OPTIONS"] if profile == "webkit" else ["PUT"]


@pytest.mark.parametrize(
    ("profile", "expected"),
    [("standard", "OPOPPP"), ("firefox", "OPOPPP"), ("webkit", "OPOPPOP")],
)
def test_webkit_remembers_nothing_for_an_origin_that_a_redirect_made_null(
    profile: str, expected: str
) -> None:
    chain = Chain((307, OTHER))
    cache = PreflightCache(profile=profile, clock=lambda: 0.0)
    for _ in range(2):
        outcome = simulate(
            FetchRequest(f"{API}/0", PAGE, "PUT"), chain, cache=cache, profile=profile
        )
        assert outcome.ok
    assert chain.letters == expected


@pytest.mark.parametrize(
    ("profile", "expected"), [("standard", "OOP"), ("firefox", "OOP"), ("webkit", "OP")]
)
def test_webkit_remembers_an_answer_also_where_it_refuses_the_request(
    profile: str, expected: str
) -> None:
    chain = Chain()
    cache = PreflightCache(profile=profile, clock=lambda: 0.0)
    for name in ("X-A", "Authorization"):
        request = FetchRequest(f"{API}/0", PAGE, "PUT", {name: "1"})
        simulate(request, chain, cache=cache, profile=profile)
    assert chain.letters == expected


def test_webkit_keeps_its_cache_after_a_refusal_and_forgets_what_does_not_cover_a_request() -> None:
    cache = PreflightCache(profile="webkit", clock=lambda: 0.0)
    chain = Chain()
    for credentials, shares in (("omit", True), ("include", False), ("omit", True)):
        chain.shares = shares
        request = FetchRequest(f"{API}/0", PAGE, "PUT", credentials=credentials)
        simulate(request, chain, cache=cache, profile="webkit")
    assert chain.letters == "OPOOP"


@pytest.mark.parametrize(
    ("profile", "preflights"), [("standard", 1), ("chromium", 1), ("firefox", 2), ("webkit", 1)]
)
def test_firefox_asks_for_head_again_unless_it_was_listed(profile: str, preflights: int) -> None:
    chain = Chain()
    cache = PreflightCache(profile=profile, clock=lambda: 0.0)
    request = FetchRequest(f"{API}/0", PAGE, "HEAD", {"Authorization": "Bearer x"})
    for _ in range(2):
        assert simulate(request, chain, cache=cache, profile=profile).ok
    assert chain.methods.count("OPTIONS") == preflights


def test_firefox_remembers_head_where_it_was_listed() -> None:
    methods = ("Access-Control-Allow-Methods", "HEAD")
    chain = Chain(preflight=[methods, ("Access-Control-Allow-Headers", "authorization"), KEPT])
    cache = PreflightCache(profile="firefox", clock=lambda: 0.0)
    request = FetchRequest(f"{API}/0", PAGE, "HEAD", {"Authorization": "Bearer x"})
    for _ in range(2):
        assert simulate(request, chain, cache=cache, profile="firefox").ok
    assert chain.methods == ["OPTIONS", "HEAD", "HEAD"]


@pytest.mark.parametrize("profile", PROFILES)
def test_only_webkit_sends_any_type_of_a_blob_with_mode_no_cors(profile: str) -> None:
    chain = Chain()
    body = Blob("{}", "application/json")
    assert fetch(
        chain, profile, FetchRequest(f"{API}/0", PAGE, "POST", mode="no-cors", body=body)
    ).ok
    assert chain.values("Content-Type") == ["application/json" if profile == "webkit" else None]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["1", "2"], "1, 2"),
        (["1", ""], ""),
        (["", "1"], "1"),
        (["1", "", "2"], "2"),
        (["1", "2", ""], ""),
    ],
)
def test_an_empty_line_erases_those_before_it_in_firefox(lines: list[str], expected: str) -> None:
    preflight = [("Access-Control-Allow-Headers", "x-a")]
    chain = Chain(preflight=preflight)
    request = FetchRequest(f"{API}/0", PAGE, headers=[("X-A", line) for line in lines])
    assert fetch(chain, "firefox", request).ok
    assert chain.values("X-A") == [expected]


@pytest.mark.parametrize(
    ("method", "body", "expected"),
    [("POST", "x", ["text/plain", "text/csv"]), ("GET", None, ["text/csv", "text/csv"])],
)
def test_one_of_several_content_types_is_sent_in_firefox(
    method: str, body: str | None, expected: list[str]
) -> None:
    chain = Chain((307, API), preflight=[("Access-Control-Allow-Headers", "content-type")])
    lines = [("Content-Type", "text/plain"), ("content-type", "text/csv")]
    assert fetch(chain, "firefox", FetchRequest(f"{API}/0", PAGE, method, lines, body=body)).ok
    assert chain.values("Content-Type") == expected


@pytest.mark.parametrize(
    ("profile", "server", "expected"),
    [("standard", API, None), ("webkit", API, PAGE), ("webkit", OTHER, None)],
)
def test_an_origin_stays_on_a_redirected_get_within_a_server_in_webkit(
    profile: str, server: str, expected: str | None
) -> None:
    chain = Chain((303, server))
    assert fetch(chain, profile, FetchRequest(f"{API}/0", PAGE, "POST", mode="no-cors")).ok
    assert chain.values("Origin") == [PAGE, expected]
