"""The requests that are timed, each with the policy it meets and the answer that must come.

A request and what has to come of it are a row of `tests/conformance/exchanges.json`, named by its
id. The benchmark adds what a row leaves out because it must not matter: more origins in the policy,
the other headers that a browser sends, the application's own response headers.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.paired import BenchmarkError

CASES = Path(__file__).parents[1] / "tests" / "conformance" / "exchanges.json"
MEBIBYTE = 1 << 20
# More than any cache of decisions has places for, so that none can answer for another origin.
FRESH_ORIGINS = 4_096
# What most rows are measured with: a handful of origins, as most configurations have.
USUAL_ORIGINS = 4
USUAL_REQUEST_HEADERS = 10
USUAL_RESPONSE_HEADERS = 2

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
    *((b"x-forwarded-%03d" % index, b"value %d" % index) for index in range(100)),
)
_APP_HEADERS: HeaderLines = (
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", b"5"),
    *((b"x-response-%03d" % index, b"value %d" % index) for index in range(100)),
)


@dataclass(frozen=True)
class Wanted:
    """A CORS policy in no library's words.

    Attributes:
        origins: The exact origins that are allowed.
        pattern: Where subdomains are allowed: a suffix such as ``example.com``.
        regex: Where a regular expression says which origins are allowed: that expression.
        methods: The methods that are allowed.
        request_headers: The request headers that are allowed.
        credentials: Whether credentials are allowed.
        expose_headers: The response headers that pages may read.
        max_age: How long a preflight answer may be kept.
    """

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
    """One request against one policy.

    Attributes:
        axis: The table that it stands in.
        name: Its row there.
        case: The id of the conformance row that it comes from.
        method: The request's method.
        requests: Header lines of the requests; where there are several, they take turns.
        wanted: The policy.
        expect: What the conformance row expects of the answer.
        app_headers: What the application itself answers with.
        origin_count: The number of origins, where that is what the axis is about.
        app_keeps_headers: Whether the application still has the header list that it sends.
    """

    axis: str
    name: str
    case: str
    method: str
    requests: tuple[HeaderLines, ...] = field(repr=False)
    wanted: Wanted
    expect: dict[str, Any]
    app_headers: HeaderLines = field(repr=False)
    origin_count: int | None = None
    app_keeps_headers: bool = False

    @property
    def is_preflight(self) -> bool:
        """Whether the request is a preflight request."""
        return self.header("access-control-request-method") is not None

    @property
    def allowed(self) -> bool:
        """Whether the answer must let the origin read it."""
        return self.expect.get("allow_origin") is not None

    def header(self, name: str) -> str | None:
        """The value of the first request's header of this name, in lower case."""
        for line_name, value in self.requests[0]:
            if line_name == name.encode():
                return value.decode("latin-1")
        return None


@functools.cache
def _cases() -> dict[str, dict[str, Any]]:
    try:
        data = json.loads(CASES.read_text())
    except OSError as error:
        raise BenchmarkError(
            f"cannot read the conformance cases: {error}; run from a complete checkout"
        ) from None
    return {case["id"]: case for case in data["cases"]}


def _case(name: str) -> dict[str, Any]:
    try:
        return _cases()[name]
    except KeyError:
        raise BenchmarkError(f"{CASES} has no case {name!r}") from None


@functools.cache
def _tenants(count: int) -> list[str]:
    return [f"https://tenant-{index:07d}.example.org" for index in range(count)]


def _origins(case: dict[str, Any], count: int) -> tuple[str, ...]:
    """So many origins; the one that the case is about stands in the middle of the list."""
    asked = case["expect"].get("allow_origin") or case["config"]["origins"][0]
    before = (count - 1) // 2
    tenants = _tenants(count)
    return (*tenants[:before], asked, *tenants[before + 1 :])


def _lines(own: HeaderLines, count: int) -> HeaderLines:
    """The row's own lines among those of a browser, so many in all."""
    others = max(count - len(own), 0)
    before = min(others, len(_BEFORE_ORIGIN))
    return (*_BEFORE_ORIGIN[:before], *own, *_AFTER_ORIGIN[: others - before])


def _scenario(
    axis: str,
    name: str,
    case_id: str,
    *,
    wanted: Wanted | None = None,
    origin_count: int | None = None,
    own: tuple[HeaderLines, ...] | None = None,
    request_headers: int = USUAL_REQUEST_HEADERS,
    response_headers: int = USUAL_RESPONSE_HEADERS,
    app_headers: HeaderLines = (),
    expect: dict[str, Any] | None = None,
    app_keeps_headers: bool = False,
) -> Scenario:
    case = _case(case_id)
    if wanted is None:
        wanted = Wanted(origins=_origins(case, origin_count or USUAL_ORIGINS))
    if own is None:
        own = (
            tuple(
                (name.lower().encode(), value.encode())
                for name, value in case["request"]["headers"]
            ),
        )
    return Scenario(
        axis=axis,
        name=name,
        case=case_id,
        method=case["request"]["method"],
        requests=tuple(_lines(lines, request_headers) for lines in own),
        wanted=wanted,
        expect={**case["expect"], **(expect or {})},
        app_headers=(*_APP_HEADERS[:response_headers], *app_headers),
        origin_count=origin_count,
        app_keeps_headers=app_keeps_headers,
    )


def _own_lines(origins: Sequence[str]) -> tuple[HeaderLines, ...]:
    """The own lines of requests of these origins."""
    return tuple(((b"origin", origin.encode()),) for origin in origins)


def _kinds() -> Iterator[Scenario]:
    axis = "kind of request"
    yield _scenario(axis, "no Origin", "cred-no-origin")
    yield _scenario(axis, "actual, allowed", "origin-many-inner-hit")
    yield _scenario(
        axis,
        "actual, allowed, message kept by the app",
        "origin-many-inner-hit",
        app_keeps_headers=True,
    )
    yield _scenario(axis, "actual, refused", "origin-many-miss")
    yield _scenario(
        axis,
        "actual, allowed, with credentials and exposed headers",
        "origin-many-inner-hit",
        wanted=Wanted(
            origins=_origins(_case("origin-many-inner-hit"), USUAL_ORIGINS),
            credentials=True,
            expose_headers=("X-Total",),
        ),
        expect={"allow_credentials": True, "expose_contains": ["x-total"]},
    )
    yield _scenario(axis, "preflight, allowed", "method-listed")
    yield _scenario(axis, "preflight, refused", "vary-preflight-denied")


def _numbers_of_origins() -> Iterator[Scenario]:
    axis, case = "number of origins", "origin-many-inner-hit"
    yield _scenario(axis, "1", case, origin_count=1)
    # What is remembered of the last origin helps with the next request of the same one only.
    few = Wanted(origins=_origins(_case(case), USUAL_ORIGINS))
    yield _scenario(
        axis,
        f"{USUAL_ORIGINS}, in turn",
        case,
        wanted=few,
        own=_own_lines(few.origins),
        expect={"allow_origin": few.origins[0]},
        origin_count=USUAL_ORIGINS,
    )
    for count in (10, 1_000, 100_000):
        yield _scenario(axis, f"{count:,}".replace(",", " "), case, origin_count=count)
    many = 1_000_000
    wanted = Wanted(origins=_origins(_case(case), many))
    yield _scenario(axis, "1 000 000", case, wanted=wanted, origin_count=many)
    # One origin again and again stays in the processor's caches; those of many tenants do not.
    asked = wanted.origins[:: many // FRESH_ORIGINS][:FRESH_ORIGINS]
    yield _scenario(
        axis,
        "1 000 000, another origin each time",
        case,
        wanted=wanted,
        own=_own_lines(asked),
        expect={"allow_origin": asked[0]},
        origin_count=many,
    )


def _patterns() -> Iterator[Scenario]:
    axis = "patterns"
    subdomains = Wanted(origins=(), pattern="example.com")
    yield _scenario(axis, "subdomain, allowed", "wild-underscore", wanted=subdomains)
    yield _scenario(axis, "subdomain, refused look-alike", "wild-suffix-evil", wanted=subdomains)
    regex = Wanted(origins=(), regex=_case("regex-repeat")["config"]["origin_regexes"][0])
    yield _scenario(axis, "regex, allowed", "regex-repeat", wanted=regex)
    fresh = tuple(
        ((b"origin", b"https://pr-%04d.example.com" % index),) for index in range(FRESH_ORIGINS)
    )
    yield _scenario(
        axis,
        "regex, another origin each time",
        "regex-repeat",
        wanted=regex,
        own=fresh,
        expect={"allow_origin": "https://pr-0000.example.com"},
    )
    yield _scenario(axis, "regex, refused", "wild-suffix-evil", wanted=regex)


def _hostile() -> Iterator[Scenario]:
    axis = "hostile input of 1 MiB"
    yield _scenario(
        axis,
        "Origin",
        "origin-many-miss",
        own=(((b"origin", b"https://" + b"a" * (MEBIBYTE - 12) + b".com"),),),
    )
    names = b",".join(b"x-%07d" % index for index in range(MEBIBYTE // 10))
    yield _scenario(
        axis,
        "Access-Control-Request-Headers",
        "acrh-unlisted",
        own=(
            (
                (b"origin", b"https://example.com"),
                (b"access-control-request-method", b"PUT"),
                (b"access-control-request-headers", names),
            ),
        ),
    )
    yield _scenario(
        axis,
        "Vary, sent by the app",
        "origin-many-inner-hit",
        app_headers=((b"vary", names),),
    )


def _numbers_of_headers() -> Iterator[Scenario]:
    for count in (3, USUAL_REQUEST_HEADERS, 30, 100):
        yield _scenario(
            "number of request headers",
            str(count),
            "origin-many-inner-hit",
            request_headers=count,
        )
    for count in (USUAL_RESPONSE_HEADERS, 20):
        yield _scenario(
            "number of response headers",
            str(count),
            "origin-many-inner-hit",
            response_headers=count,
        )


def all_scenarios() -> Iterator[Scenario]:
    """Every scenario, an axis after the other, few origins before many."""
    yield from _kinds()
    yield from _numbers_of_origins()
    yield from _patterns()
    yield from _hostile()
    yield from _numbers_of_headers()
