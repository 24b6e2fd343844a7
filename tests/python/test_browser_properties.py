"""The simulated browser against naive models, and against servers that mean harm."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corsac import _core
from corsac.browser import (
    PROFILES,
    REASONS,
    FetchRequest,
    PreflightCache,
    Request,
    Response,
    simulate,
)
from corsac.browser.cache import CacheRequest
from support.properties import examples

PAGE = "https://app.test"
API = "https://api.test/x"
MIB = 1024 * 1024

# --- Servers that mean harm ---------------------------------------------------------------------

NAMES = st.sampled_from(
    [
        "Access-Control-Allow-Origin",
        "access-control-allow-credentials",
        "Access-Control-Allow-Methods",
        "Access-Control-Allow-Headers",
        "Access-Control-Expose-Headers",
        "Access-Control-Max-Age",
        "Location",
        "Set-Cookie",
        "WWW-Authenticate",
        "Cross-Origin-Resource-Policy",
        "X-A",
        "",
        "x a",
    ]
)
VALUES = st.sampled_from(
    [PAGE, "*", "null", "true", "PUT", "x-a", "x-a, x-b", "600", "-1", "", ",", "/y", "//b.test/"]
) | st.text(max_size=20)
RESPONSES = st.builds(
    Response,
    st.sampled_from([200, 204, 301, 302, 303, 307, 308, 401, 404, 500]) | st.integers(100, 999),
    st.lists(st.tuples(NAMES | st.text(max_size=5) | st.binary(max_size=5), VALUES), max_size=8),
)
REQUESTS = st.builds(
    FetchRequest,
    st.sampled_from([API, "/x", "http://127.0.0.1:8000/", "https://", "data:,x", "//b.test"])
    | st.text(max_size=20),
    st.sampled_from([PAGE, "null", "http://app.test"]),
    st.sampled_from(["GET", "POST", "PUT", "patch", "TRACE", "*"]) | st.text(max_size=5),
    st.lists(st.tuples(st.sampled_from(["X-A", "Accept", "x b"]), VALUES), max_size=3),
    st.sampled_from(["omit", "same-origin", "include"]),
    st.sampled_from(["cors", "no-cors", "same-origin", "navigate"]),
    st.sampled_from(["follow", "error", "manual"]),
    st.sampled_from([None, "x", b"x"]),
    cache=st.sampled_from(["default", "no-store", "only-if-cached"]),
    upload_listener=st.booleans(),
)  # fmt: skip


@examples(100)
@given(
    request=REQUESTS,
    responses=st.lists(RESPONSES, min_size=1, max_size=4),
    profile=st.sampled_from(PROFILES),
)
def test_whatever_a_server_answers_there_is_an_outcome(
    request: FetchRequest, responses: list[Response], profile: str
) -> None:
    def transport(sent: Request) -> Response:
        return responses[len(sent.url + sent.method) % len(responses)]

    outcome = simulate(request, transport, profile=profile)
    assert outcome.ok == (outcome.reason is None) == (outcome.response_type is not None)
    assert len(outcome.sent) <= 84  # 21 URLs, each with a preflight, each sent once more after 421
    assert list(outcome.readable_headers) == sorted(set(outcome.readable_headers))
    assert not {"set-cookie", "set-cookie2"} & set(outcome.readable_headers)
    assert [name for name, _ in outcome.headers] == list(outcome.readable_headers)
    assert str(outcome).isascii()
    if outcome.reason is not None:
        assert outcome.explanation
        code = outcome.reason.removeprefix("preflight:")
        assert code in REASONS or code.startswith("header-not-allowed:")


@pytest.mark.parametrize(
    "headers",
    [
        [("Access-Control-Allow-Origin", "x" * MIB)],
        [
            ("Access-Control-Allow-Origin", PAGE),
            ("Access-Control-Allow-Methods", "a," * (MIB // 2)),
        ],
        [("Access-Control-Allow-Origin", PAGE), ("Access-Control-Allow-Headers", "," * MIB)],
        [("Access-Control-Allow-Origin", PAGE)] * 10_000,
        [
            ("Access-Control-Allow-Origin", PAGE),
            ("Access-Control-Allow-Methods", "PUT," + ",".join(map(str, range(100_000)))),
            ("Access-Control-Expose-Headers", ",".join(f"x{n}" for n in range(50_000))),
            *((f"x{n}", "1") for n in range(50_000)),
        ],
        [("Access-Control-Allow-Origin", PAGE), ("Location", "/" + "../a/" * (MIB // 5))],
        [("Access-Control-Allow-Origin", PAGE), ("Location", "//" + "\u00e4" * MIB)],
        [("Access-Control-Allow-Origin", PAGE), ("Location", "//" + "9" * MIB)],
        [("Access-Control-Allow-Origin", PAGE), ("Location", "//a:" + "9" * MIB)],
        [("Access-Control-Allow-Origin", PAGE), ("Access-Control-Max-Age", "9" * MIB)],
    ],
    ids=range(10),
)
@pytest.mark.parametrize("status", [200, 302])
@pytest.mark.parametrize("profile", PROFILES)
def test_megabytes_of_headers_are_gone_through_once(
    headers: list[tuple[str, str]], status: int, profile: str
) -> None:
    response = Response(status, headers)
    ok = Response(200, [*headers, ("Access-Control-Allow-Methods", "PUT")])

    def transport(request: Request) -> Response:
        return ok if request.is_preflight else response

    outcome = simulate(FetchRequest(API, PAGE, method="PUT"), transport, profile=profile)
    assert len(str(outcome)) < 100_000


# --- Naive models -------------------------------------------------------------------------------

UNSAFE = set('"():<>?@[\\]{}\x7f') | {chr(n) for n in range(32) if n != 9}
ESSENCES = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")


def naive_is_safelisted(name: str, value: str) -> bool:
    """Fetch, "CORS-safelisted request-header", written down again."""
    name = name.lower()
    if len(value) > 128:
        return False
    if name == "accept":
        return not UNSAFE & set(value)
    if name in {"accept-language", "content-language"}:
        return re.fullmatch(r"[0-9A-Za-z *,\-.;=]*", value) is not None
    if name == "content-type":
        essence = value.strip("\t\n\r ").split(";")[0].rstrip("\t\n\r ").lower()
        return not UNSAFE & set(value) and essence in ESSENCES
    if name == "range":
        match = re.fullmatch(r"bytes=([0-9]+)-([0-9]*)", value)
        return match is not None and (not match[2] or int(match[1]) <= int(match[2]))
    return False


def naive_unsafe_names(headers: list[tuple[str, str]]) -> list[bytes]:
    """Fetch, "CORS-unsafe request-header names", written down again."""
    safe = [line for line in headers if naive_is_safelisted(*line)]
    unsafe = {name.lower() for name, value in headers if (name, value) not in safe}
    if sum(len(value) for _, value in safe) > 1024:
        unsafe |= {name.lower() for name, _ in safe}
    return sorted(name.encode() for name in unsafe)


SAFELIST_NAMES = st.sampled_from(
    ["Accept", "accept-language", "Content-Language", "Content-Type", "Range", "X-A"]
)
SAFELIST_VALUES = (
    st.text(st.characters(max_codepoint=255), max_size=8)
    | st.sampled_from([*ESSENCES, "Text/Plain ;a=b", "text/plain, a/b", "a" * 128, "a" * 129])
    | st.from_regex(r"\Abytes=[0-9]{0,3}-[0-9]{0,3}\Z")
    | st.builds(lambda a, b: a + b, st.sampled_from(ESSENCES), st.text('; ="\t(,a', max_size=5))
)


@examples(100)
@given(st.lists(st.tuples(SAFELIST_NAMES, SAFELIST_VALUES), max_size=12))
def test_the_unsafe_header_names_are_those_of_a_naive_model(headers: list[tuple[str, str]]) -> None:
    lines = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    assert _core.browser_unsafe_request_header_names(lines) == naive_unsafe_names(headers)


ORIGINS = st.sampled_from([PAGE, "https://api.test", "https://b.test"])


@examples(100)
@given(st.lists(ORIGINS, min_size=1, max_size=5), ORIGINS | st.just("null"))
def test_the_redirect_taint_is_that_of_a_naive_model(urls: list[str], origin: str) -> None:
    tainted = any(before not in {after, origin} for before, after in pairwise(urls))
    expected = "null" if tainted else origin
    assert _core.browser_serialize_request_origin(origin, urls) == expected


class NaiveCache:
    """Fetch, "CORS-preflight cache", as a list of entries."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def _matches(self, key: tuple[str, bool], now: float) -> list[dict[str, Any]]:
        url, include = key
        return [
            entry
            for entry in self.entries
            if entry["url"] == url and entry["until"] > now and (entry["include"] or not include)
        ]

    def _entries_for(
        self, key: tuple[str, bool], now: float, kind: str, name: str
    ) -> list[dict[str, Any]]:
        wildcard = not (kind == "header" and name == "authorization")
        return [
            entry
            for entry in self._matches(key, now)
            if entry["kind"] == kind
            and (entry["name"] == name or (wildcard and entry["name"] == "*"))
        ]

    def store(
        self, key: tuple[str, bool], methods: list[str], names: list[str], age: int, now: float
    ) -> None:
        """Remember an answer."""
        wanted = [("method", method) for method in methods]
        wanted += [("header", name.lower()) for name in names]
        known = [(kind, name, self._entries_for(key, now, kind, name)) for kind, name in wanted]
        for kind, name, entries in known:
            for entry in entries:
                entry["until"] = now + age
            if not entries:
                url, include = key
                until = now + age
                entry = {"url": url, "include": include, "kind": kind, "name": name, "until": until}
                self.entries.append(entry)

    def covers(self, key: tuple[str, bool], method: str, names: list[str], now: float) -> bool:
        """Whether no preflight is needed."""
        wanted = [] if method in {"GET", "HEAD", "POST"} else [("method", method)]
        wanted += [("header", name.lower()) for name in names]
        return all(self._entries_for(key, now, kind, name) for kind, name in wanted)


METHOD = st.sampled_from(["GET", "PUT", "DELETE", "*"])
HEADER = st.sampled_from(["x-a", "X-B", "Authorization", "*"])
OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["store", "covers", "clear", "wait"]),
        st.tuples(st.sampled_from([API, API + "?"]), st.booleans()),
        st.lists(METHOD, unique=True, max_size=2),
        st.lists(HEADER, unique=True, max_size=2),
        st.sampled_from([0, 2, 600]),
        METHOD,
    ),
    max_size=15,
)


@examples(100)
@given(OPERATIONS)
def test_the_preflight_cache_is_that_of_a_naive_model(operations: list[Any]) -> None:
    now = 0.0
    cache, naive = PreflightCache(clock=lambda: now), NaiveCache()
    for operation, key, methods, names, age, method in operations:
        url, include = key
        lines = [(name.encode(), b"1") for name in names]
        asked = CacheRequest(PAGE, include, method, lines, False, "standard", url)
        if operation == "store":
            answer = [
                (b"access-control-allow-methods", ",".join(methods).encode()),
                (b"access-control-allow-headers", ",".join(names).encode()),
                (b"access-control-max-age", b"%d" % age),
            ]
            cache.store(asked, answer)
            naive.store(key, methods, names, age, now)
        elif operation == "covers":
            assert cache.covers(asked) == naive.covers(key, method, names, now)
        elif operation == "clear":
            cache.clear_entries(PAGE, url)
            naive.entries = [entry for entry in naive.entries if entry["url"] != url]
        else:
            now += 1.0
