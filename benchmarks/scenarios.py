"""The requests that are timed: rows of `tests/conformance/exchanges.json`, named by their ids.

Added is what a row leaves out because it must not matter: more origins in the policy, the other
headers that a browser sends, the application's own response headers.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from support.conformance import read_cases

MEBIBYTE = 1 << 20
FRESH_ORIGINS = 4_096  # More than any cache of decisions has places for.
USUAL_ORIGINS = 4  # A handful, as most configurations have.

HeaderLines = tuple[tuple[bytes, bytes], ...]

# What Chromium sends with a fetch, in its order; the row's own lines go where it has `Origin`.
_BEFORE_ORIGIN: HeaderLines = (
    (b"host", b"api.example.com"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0"),
    (b"connection", b"keep-alive"),
    (b"accept", b"*/*"),
    (b"sec-fetch-site", b"cross-site"),
)
_AFTER_ORIGIN: HeaderLines = (
    (b"sec-fetch-mode", b"cors"),
    (b"sec-fetch-dest", b"empty"),
    (b"accept-encoding", b"gzip, deflate, br, zstd"),
    (b"accept-language", b"en-US,en;q=0.9"),
    (b"x-forwarded-for", b"192.0.2.1"),
    (b"x-forwarded-proto", b"https"),
    (b"x-request-id", b"0123456789abcdef"),
)
_APP_HEADERS: HeaderLines = (
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", b"5"),
)


@dataclass(frozen=True)
class Wanted:
    """A CORS policy in no library's words; ``pattern`` is a suffix whose subdomains are allowed."""

    origins: Sequence[str] = field(repr=False)
    pattern: str | None = None
    regex: str | None = None
    methods: tuple[str, ...] = ("GET", "PUT", "DELETE")
    request_headers: tuple[str, ...] = ("X-A",)
    credentials: bool = False
    expose_headers: tuple[str, ...] = ()
    max_age: int = 600


@dataclass(frozen=True)
class Scenario:
    """One request against one policy: a row in the table of its axis.

    Attributes:
        requests: Header lines of the requests; where there are several, they take turns.
        expect: What the conformance row expects of the answer.
        keeps_headers: Whether the application still has the header list that it sends.
        wsgi: Whether it is timed for WSGI too.
        beside: What Corsac and the bare app are timed with in the same rounds, to be compared.
    """

    axis: str
    name: str
    method: str
    requests: tuple[HeaderLines, ...] = field(repr=False)
    wanted: Wanted
    expect: dict[str, Any]
    app_headers: HeaderLines = field(repr=False)
    keeps_headers: bool = False
    wsgi: bool = False
    beside: Scenario | None = None

    def header(self, name: str) -> str | None:
        """The value of the first request's header of this name, in lower case."""
        value = dict(self.requests[0]).get(name.encode())
        return None if value is None else value.decode("latin-1")

    @property
    def is_preflight(self) -> bool:
        """Whether the request is a preflight request."""
        return self.header("access-control-request-method") is not None

    @property
    def allowed(self) -> bool:
        """Whether the answer must let the origin read it."""
        return self.expect.get("allow_origin") is not None


@functools.cache
def _cases() -> dict[str, dict[str, Any]]:
    return {case["id"]: case for case in read_cases("exchanges.json")}


def _origins(case_id: str, count: int = USUAL_ORIGINS) -> tuple[str, ...]:
    """So many origins; the one that the case is about stands in the middle of the list."""
    case = _cases()[case_id]
    asked = case["expect"].get("allow_origin") or case["config"]["origins"][0]
    tenants = [f"https://tenant-{index:07d}.example.org" for index in range(count)]
    tenants[(count - 1) // 2] = asked
    return tuple(tenants)


def browser_lines(own: HeaderLines) -> HeaderLines:
    """The own lines of a row among those of a browser, ten in all; nine if it has none."""
    others = 10 - max(len(own), 1)
    return (*_BEFORE_ORIGIN, *own, *_AFTER_ORIGIN[: others - len(_BEFORE_ORIGIN)])


def _scenario(
    axis: str,
    name: str,
    case_id: str,
    *,
    wanted: Wanted | None = None,
    own: Sequence[HeaderLines] = (),
    asking: Sequence[str] = (),
    app_headers: HeaderLines = (),
    **more: Any,
) -> Scenario:
    """A scenario from a row; `own` lines or the origins that are `asking` replace the row's."""
    case = _cases()[case_id]
    of_row = tuple(
        (key.lower().encode(), text.encode()) for key, text in case["request"]["headers"]
    )
    requests = own or [((b"origin", origin.encode()),) for origin in asking] or [of_row]
    return Scenario(
        axis,
        name,
        case["request"]["method"],
        tuple(browser_lines(lines) for lines in requests),
        wanted or Wanted(_origins(case_id)),
        {**case["expect"], **({"allow_origin": asking[0]} if asking else {})},
        (*_APP_HEADERS, *app_headers),
        **more,
    )


_USUAL = "origin-many-inner-hit"
_WITH_CREDENTIALS = Wanted(_origins(_USUAL), credentials=True, expose_headers=("X-Total",))


def _kinds() -> Iterator[Scenario]:
    make = functools.partial(_scenario, "kind of request")
    yield make("no Origin", "cred-no-origin", wsgi=True)
    yield make("actual, allowed", _USUAL, wsgi=True)
    yield make("actual, allowed, message kept by the app", _USUAL, keeps_headers=True)
    yield make("actual, refused", "origin-many-miss", wsgi=True)
    name = "actual, allowed, with credentials and exposed headers"
    yield make(name, _USUAL, wanted=_WITH_CREDENTIALS, wsgi=True)
    yield make("preflight, allowed", "method-listed", wsgi=True)
    yield make("preflight, refused", "vary-preflight-denied", wsgi=True)


def _numbers_of_origins() -> Iterator[Scenario]:
    make = functools.partial(_scenario, "number of origins")
    few = Wanted(_origins(_USUAL))
    beside = make("4 origins", _USUAL, wanted=few)
    # What is remembered of the last origin helps with the next request of the same one only.
    yield make("4, in turn", _USUAL, wanted=few, asking=few.origins, wsgi=True)
    for count in (1, 1_000, 100_000, 1_000_000):
        wanted, name = Wanted(_origins(_USUAL, count)), f"{count:,}".replace(",", " ")
        yield make(name, _USUAL, wanted=wanted, wsgi=count <= 100_000, beside=beside)
    # One origin again and again stays in the processor's caches; those of many tenants do not.
    asked = wanted.origins[:: count // FRESH_ORIGINS][:FRESH_ORIGINS]
    # In an order that no prefetcher knows, and that does not favour who looks through a list.
    asked = random.Random(1).sample(asked, FRESH_ORIGINS)  # noqa: S311 - always the same order.
    first = Wanted(asked[:USUAL_ORIGINS])
    beside = make("4, in turn", _USUAL, wanted=first, asking=first.origins)
    name += ", another origin each time"
    yield make(name, _USUAL, wanted=wanted, asking=asked, beside=beside)


def _patterns() -> Iterator[Scenario]:
    make = functools.partial(_scenario, "patterns", wsgi=True)
    below, case, stranger = Wanted((), pattern="example.com"), "regex-repeat", "wild-suffix-evil"
    yield make("subdomain, allowed", "wild-underscore", wanted=below)
    yield make("subdomain, refused look-alike", stranger, wanted=below)
    regex = Wanted((), regex=_cases()[case]["config"]["origin_regexes"][0])
    listed = make("listed", case, wanted=Wanted(_origins(case)))
    yield make("regex, allowed", case, wanted=regex, beside=listed)
    fresh = [f"https://pr-{index:04d}.example.com" for index in range(FRESH_ORIGINS)]
    yield make("regex, another origin each time", case, wanted=regex, asking=fresh)
    yield make("regex, refused", stranger, wanted=regex)


def _hostile() -> Iterator[Scenario]:
    make = functools.partial(_scenario, "hostile input of 1 MiB")
    origin = ((b"origin", b"https://" + b"a" * (MEBIBYTE - 12) + b".com"),)
    yield make("Origin", "origin-many-miss", own=[origin])
    names = b",".join(b"x-%07d" % index for index in range(MEBIBYTE // 10))
    preflight = (
        (b"origin", b"https://example.com"),
        (b"access-control-request-method", b"PUT"),
        (b"access-control-request-headers", names),
    )
    yield make("Access-Control-Request-Headers", "acrh-unlisted", own=[preflight])
    yield make("Vary, sent by the app", _USUAL, app_headers=((b"vary", names),))


@functools.cache
def all_scenarios() -> tuple[Scenario, ...]:
    """Every scenario, an axis after the other, few origins before many."""
    axes = (_kinds, _numbers_of_origins, _patterns, _hostile)
    return tuple(scenario for axis in axes for scenario in axis())


def served_scenarios() -> tuple[Scenario, Scenario]:
    """An actual and a preflight request under one policy, for real servers."""
    case = "method-listed"
    wanted = Wanted(_origins(case), credentials=True, expose_headers=("X-Total",))
    asking = [_cases()[case]["expect"]["allow_origin"]]
    return (
        _scenario("served", "actual request", _USUAL, wanted=wanted, asking=asking),
        _scenario("served", "preflight request", case, wanted=wanted),
    )
