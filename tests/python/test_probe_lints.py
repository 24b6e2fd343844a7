"""What `corsac probe` finds that one exchange does not show; every code, and right servers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corsac.browser import FetchRequest
from corsac.cli.probe import probe
from corsac.cli.probe.lints import FINDINGS
from corsac.cli.probe.replays import lookalikes
from corsac.cli.terminal import SEVERITIES
from support.probed import APP, Allow, codes_of, listed, server
from support.raw_server import Handle, RawRequest, answering, http, serving_raw

PUT: dict[str, Any] = {"method": "PUT"}
PREFLIGHT_LINES = ("Access-Control-Max-Age: 600",)


def everybody(origin: str | None) -> str | None:
    return origin


def star(origin: str | None) -> str | None:
    return "*"


def app_and(*others: str) -> Allow:
    return lambda origin: origin if origin in {APP, *others} else None


def matching(pattern: str, match: Callable[[str, str], object] = re.match) -> Allow:
    return lambda origin: origin if origin is not None and match(pattern, origin) else None


def named(value: str) -> Allow:
    return lambda origin: value


def with_etag(*lines: str) -> Handle:
    """Answers 304 with some lines to who has the current version."""

    def answer(request: RawRequest) -> bytes:
        if "if-none-match" in request.headers:
            return http(304, *lines)
        allowed = [] if request.origin != APP else [f"Access-Control-Allow-Origin: {APP}"]
        return http(200, 'ETag: "1"', "Vary: Origin", *allowed)

    return answering(answer)


def without_errors(request: RawRequest) -> int:
    return 404 if "no-such-path" in request.path else 200


def lost_on_errors(request: RawRequest) -> bytes:
    if "no-such-path" in request.path:
        return http(404, "Vary: Origin")
    return http(200, "Vary: Origin", *([f"Access-Control-Allow-Origin: {APP}"] * is_app(request)))


def is_app(request: RawRequest) -> bool:
    return request.origin == APP


def only_with_origin(request: RawRequest) -> str | None:
    return "Origin" if request.origin is not None else None


def only_when_allowed(request: RawRequest) -> str | None:
    return "Origin" if request.origin in {APP, None} else None


def unless_preflight(request: RawRequest) -> str | None:
    return None if request.is_preflight else "Origin"


def never(request: RawRequest) -> str | None:
    return None


RIGHT: dict[str, tuple[Handle, dict[str, Any]]] = {
    "one origin": (server(), {}),
    "one origin and credentials": (server(credentials="true"), {"credentials": "include"}),
    "one origin and a preflight": (server(), PUT),
    "everybody by a star": (server(star, vary=never), {}),
    "one constant origin for everybody needs no Vary": (server(named(APP), vary=never), {}),
    "an answer that is never stored needs no Vary": (
        server(vary=never, extra=["Cache-Control: private, no-store"]),
        {},
    ),
    "Vary: * says more than enough": (server(vary=lambda request: "*"), {}),
    "Vary among other names": (server(vary=lambda request: "Accept,origin"), {}),
    "304 with the same headers": (
        with_etag(f"Access-Control-Allow-Origin: {APP}", "Vary: Origin"),
        {},
    ),
    "errors with the same headers": (server(status=without_errors), {}),
    "nobody is allowed": (server(lambda origin: None, vary=never), {}),
}


@pytest.mark.parametrize("name", RIGHT)
def test_nothing_is_found_where_nothing_is_wrong(name: str) -> None:
    handle, options = RIGHT[name]
    assert codes_of(handle, **options) == []


FAULTY: dict[str, tuple[Handle, dict[str, Any], list[str]]] = {
    "any origin is echoed": (server(everybody), {}, ["origin.reflected"]),
    "any origin is echoed, with credentials": (
        server(everybody, credentials="true"),
        {"credentials": "include"},
        ["origin.reflected_with_credentials"],
    ),
    "any origin is echoed to preflights": (
        server(everybody, credentials="true"),
        PUT,
        ["origin.reflected_with_credentials"],
    ),
    "null": (server(app_and("null")), {}, ["origin.null"]),
    "null with credentials": (
        server(app_and("null"), credentials="true"),
        {},
        ["origin.null_with_credentials"],
    ),
    "null, and the page is one": (
        server(lambda origin: origin if origin == "null" else None),
        {"origin": "null"},
        ["origin.null"],
    ),
    "an expression without an end": (
        server(matching(r"https://app\.example\.com")),
        {},
        ["origin.prefix_match"],
    ),
    "an expression without a beginning": (
        server(matching(r"app\.example\.com$", re.search)),
        {},
        ["origin.suffix_match", "origin.insecure"],
    ),
    "the end of a domain without its dot": (
        server(matching(r"https://.*example\.com$")),
        {},
        ["origin.suffix_match", "origin.any_subdomain"],
    ),
    "every subdomain": (
        server(matching(r"https://[a-z-]+\.example\.com$")),
        {},
        ["origin.any_subdomain"],
    ),
    "a dot that is any character": (
        server(matching(r"https://app.example\.com$")),
        {},
        ["origin.unescaped_dot"],
    ),
    "http beside https": (server(app_and("http://app.example.com")), {}, ["origin.insecure"]),
    "any port": (
        server(matching(r"https://app\.example\.com(:[0-9]+)?$")),
        {},
        ["origin.any_port"],
    ),
    "a slash at the end": (server(named(f"{APP}/")), {}, ["origin.trailing_slash"]),
    "no scheme": (server(named("app.example.com")), {}, ["origin.invalid"]),
    "two origins in one line": (
        server(named(f"{APP}, https://b.example.com")),
        {},
        ["origin.several"],
    ),
    "two lines": (
        server(extra=[f"Access-Control-Allow-Origin: {APP}"]),
        {},
        ["header.duplicate"],
    ),
    "no Vary": (server(vary=never), {}, ["vary.missing"]),
    "no Vary without an Origin": (
        server(vary=only_with_origin),
        {},
        ["vary.missing_without_origin"],
    ),
    "no Vary for the refused": (
        server(vary=only_when_allowed),
        {},
        ["vary.missing_on_refused"],
    ),
    "no Vary on preflights": (
        server(vary=unless_preflight),
        PUT,
        ["vary.missing_on_preflight"],
    ),
    "304 without CORS headers": (with_etag("Vary: Origin"), {}, ["conditional.lost"]),
    "304 without Vary": (
        with_etag(f"Access-Control-Allow-Origin: {APP}"),
        {},
        ["conditional.lost"],
    ),
    "304 for another origin": (
        with_etag("Access-Control-Allow-Origin: https://b.example.com", "Vary: Origin"),
        {},
        ["conditional.changed"],
    ),
    "errors without CORS headers": (answering(lost_on_errors), {}, ["error.headers_lost"]),
    "a star with credentials": (
        server(star, credentials="true", vary=never),
        {},
        ["credentials.with_any_origin"],
    ),
    "False for credentials": (server(credentials="False"), {}, ["credentials.not_true"]),
    "True for credentials": (
        server(credentials="True"),
        {"credentials": "include"},
        ["credentials.not_true"],
    ),
    "a star in a list with credentials": (
        server(credentials="true", preflight=["Access-Control-Allow-Headers: *", *PREFLIGHT_LINES]),
        PUT,
        ["wildcard.with_credentials"],
    ),
    "a star in the exposed headers with credentials": (
        server(credentials="true", extra=["Access-Control-Expose-Headers: *"]),
        {},
        ["wildcard.with_credentials"],
    ),
    "a star for request headers": (
        server(preflight=["Access-Control-Allow-Headers: *", *PREFLIGHT_LINES]),
        PUT,
        ["wildcard.authorization"],
    ),
    "a preflight is redirected": (
        server(preflight_status=307),
        PUT,
        ["preflight.redirected"],
    ),
    "a preflight is asked for a password": (
        server(preflight_status=401),
        PUT,
        ["preflight.status"],
    ),
    "a max-age in words": (
        server(preflight=["Access-Control-Max-Age: 1 hour"]),
        PUT,
        ["max_age.invalid"],
    ),
    "a max-age below zero": (
        server(preflight=["Access-Control-Max-Age: -1"]),
        PUT,
        ["max_age.invalid"],
    ),
    "a max-age of a year": (
        server(preflight=["Access-Control-Max-Age: 31536000"]),
        PUT,
        ["max_age.capped"],
    ),
    "a max-age of a day and a second": (
        server(preflight=["Access-Control-Max-Age: 86401"]),
        PUT,
        ["max_age.capped"],
    ),
    "a max-age of thousands of digits": (
        server(preflight=[f"Access-Control-Max-Age: {'9' * 5000}"]),
        PUT,
        ["max_age.capped"],
    ),
    "no max-age": (server(preflight=()), PUT, ["max_age.missing"]),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_fault_is_found_and_nothing_else(name: str) -> None:
    handle, options, codes = FAULTY[name]
    assert codes_of(handle, **options) == codes


def test_every_code_has_a_server_that_shows_it() -> None:
    assert {code for _, _, codes in FAULTY.values() for code in codes} == set(FINDINGS)


def test_the_documentation_has_every_code_with_its_severity() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "probe.md").read_text()
    rows = re.findall(r"^\| `([a-z_.0-9]+)` \| (\w+) \|", page, re.MULTILINE)
    assert rows == [(code, found.severity) for code, found in FINDINGS.items()]


def test_the_largest_cap_itself_is_no_finding() -> None:
    assert codes_of(server(preflight=["Access-Control-Max-Age: 86400"]), **PUT) == []


@pytest.mark.parametrize("code", FINDINGS)
def test_a_finding_has_a_severity_a_sentence_and_a_way_out(code: str) -> None:
    _, severity, message, hint, _ = FINDINGS[code]
    assert severity in SEVERITIES
    assert message[0].isupper() or message.startswith("{")
    assert hint
    assert not (message + hint).endswith(".")


def test_findings_come_with_the_worst_first() -> None:
    handle = server(app_and("null"), credentials="False", preflight=(), vary=never)
    codes = codes_of(handle, **PUT)
    severities = [FINDINGS[code].severity for code in codes]
    assert severities == ["warning", "warning", "info", "info"]


def test_replays_send_safe_methods_only_and_never_the_request_that_may_change_something() -> None:
    with serving_raw(server(everybody)) as running:
        request = FetchRequest(f"{running.url}/items", APP, method="PUT")
        result = asyncio.run(probe(request, sends_unsafe=True))
    assert result.outcome.ok
    methods = [seen.method for seen in running.requests]
    assert methods.count("PUT") == 1
    assert set(methods) == {"OPTIONS", "PUT"}


def test_a_conditional_request_has_the_validators_of_the_first_answer() -> None:
    with serving_raw(with_etag("Vary: Origin")) as running:
        asyncio.run(probe(FetchRequest(f"{running.url}/items", APP)))
    sent = [seen.headers.get("if-none-match") for seen in running.requests]
    assert [value for value in sent if value is not None] == ['"1"']


def test_without_lints_only_the_pages_own_requests_are_sent() -> None:
    with serving_raw(server()) as running:
        asyncio.run(probe(FetchRequest(f"{running.url}/items", APP, "PUT"), with_lints=False))
    assert [seen.method for seen in running.requests] == ["OPTIONS"]


def test_a_page_that_is_the_other_website_itself_is_no_reflection() -> None:
    origin = "https://corsac-probe.example"
    assert codes_of(server(lambda asked: asked if asked == origin else None), origin=origin) == []


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (
            "https://app.example.co.uk:8443",
            [
                "https://app.example.co.uk.corsac-probe.example:8443",
                "https://corsac-probe.example.co.uk:8443",
                "https://corsac-probeapp.example.co.uk:8443",
                "https://corsac-probeexample.co.uk:8443",
                "https://appxexamplexco.uk:8443",
                "http://app.example.co.uk:8443",
                "https://app.example.co.uk:47652",
            ],
        ),
        (
            "https://example.com",
            [
                "https://example.com.corsac-probe.example",
                "https://corsac-probeexample.com",
                "https://examplexcom",
                "http://example.com",
                "https://example.com:47652",
            ],
        ),
        (
            "http://localhost:3000",
            [
                "http://localhost.corsac-probe.example:3000",
                "http://corsac-probelocalhost:3000",
                "http://localhost:47652",
            ],
        ),
        (
            "http://127.0.0.1",
            ["http://127.0.0.1.corsac-probe.example", "http://127.0.0.1:47652"],
        ),
        ("http://[::1]:8080", ["http://[::1]:47652"]),
        ("null", []),
        ("chrome-extension://abcdefgh", []),
    ],
)
def test_look_alikes_are_origins_of_others(origin: str, expected: list[str]) -> None:
    assert [each for _, each in lookalikes(origin)] == expected


def test_look_alikes_are_not_tried_where_everybody_is_allowed_anyway() -> None:
    with serving_raw(server(everybody)) as running:
        asyncio.run(probe(FetchRequest(f"{running.url}/items", APP)))
    asked = [seen.origin for seen in running.requests]
    assert asked == [APP, None, "https://corsac-probe.example", "null", APP]


def test_a_listed_page_is_asked_for_under_every_name_that_resembles_it() -> None:
    with serving_raw(server(listed)) as running:
        asyncio.run(probe(FetchRequest(f"{running.url}/items", APP)))
    asked = {seen.origin for seen in running.requests}
    resembling = {each for _, each in lookalikes(APP)}
    assert asked == {APP, None, "https://corsac-probe.example", "null"} | resembling
