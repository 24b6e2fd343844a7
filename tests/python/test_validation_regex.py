"""What an expression lets in is judged by what it matches, however it is written."""

from __future__ import annotations

import itertools
import re
import time

import pytest

from corsac import CORSConfigError, CORSConfigProblem, CORSPolicy
from corsac.origins.regex import RegexOrigins
from corsac.validation.hosts import public_suffixes
from corsac.validation.regex.allow_origin_regex import (
    MAX_DOTS,
    MAX_PATTERN_LENGTH,
    check_origin_regex,
)

pytest.importorskip("re2")


def judge(pattern: str, *, credentials: bool) -> list[CORSConfigProblem]:
    regex = RegexOrigins(pattern)
    return check_origin_regex(pattern, lambda origin: regex(origin.encode()), credentials)


def codes(pattern: str, *, credentials: bool) -> list[tuple[str, str]]:
    return [(each.code, each.severity) for each in judge(pattern, credentials=credentials)]


@pytest.mark.parametrize(
    "pattern",
    [
        *(".*", ".+", "https?://.*", "^https?://.+$", "https://.*", "(http|https)://[^/]+"),
        *(r"https://[\w.-]+", r"https?://\S+(:\d+)?", "(?i)HTTPS://.*", ".*://.*", "(?s).*"),
        *(r"https://[a-z0-9-]+\.[a-z]{2,}", "https://.{4,}", "https://app\\..*", "http://.*:3000"),
        # Somebody else's names that start or end as the author's do.
        *(r"https://example\.com.*", "https://localhost.*", "http://localhost.*"),
        # Addresses are given to anyone as names are.
        *(r"https://\d+\.\d+\.\d+\.\d+", r"https?://(\d{1,3}\.){3}\d{1,3}(:\d+)?"),
    ],
)
def test_any_site_is_an_error_with_credentials_and_a_warning_without(pattern: str) -> None:
    assert codes(pattern, credentials=True) == [("origin.any_with_credentials", "error")]
    assert codes(pattern, credentials=False) == [("regex.matches_any_site", "warning")]


@pytest.mark.parametrize(
    ("pattern", "example"),
    [
        (r"https://.*\.vercel\.app", "https://evil.vercel.app"),
        (r"^https:\/\/.*\.vercel\.app$", "https://evil.vercel.app"),
        (r"https://my-app-.*\.vercel\.app", "https://my-app-evil.vercel.app"),
        (r"https://.*-my-team\.vercel\.app", "https://evil-my-team.vercel.app"),
        (r"https://(a|b)-[a-z]*-c\.pages\.dev(:\d+)?", "https://a-evil-c.pages.dev"),
        (r"https://\w+\.herokuapp\.com", "https://evil.herokuapp.com"),
        (r"https://.*\.com", "https://evil.com"),
        (r"https://.*\.co\.uk", "https://evil.co.uk"),
        (r"https://.*\.(com|net|org)", "https://evil.com"),
        (r"https://.*\.foo\.ck", "https://evil.foo.ck"),
        (r"https://.*\.amazonaws\.com", "https://evil.s3.amazonaws.com"),
        (r"https://.*\.github\.io\.", "https://evil.github.io."),
        (r"https://.*example\.com", "https://evilexample.com"),
        (r"https://deploy-\d+--my-app\.netlify\.app", "https://deploy-0--my-app.netlify.app"),
        (r"https://(ab)+\.vercel\.app", "https://ab.vercel.app"),
        (r"https://docs\.[a-z]+\.github\.io", "https://docs.evil.github.io"),
        (r"https://[a-z]+-\.github\.io", "https://evil-.github.io"),
        # One name below any suffix: nobody has it below all of them.
        (r"https://example\.[a-z]+", "https://example.ac"),
    ],
)
def test_a_free_name_below_a_public_suffix_is_named(pattern: str, example: str) -> None:
    problem = judge(pattern, credentials=True)[0]
    assert problem.code == "origin.public_suffix_with_credentials"
    assert problem.severity == "error"
    assert f"it matches {example}, " in problem.message
    problem = judge(pattern, credentials=False)[0]
    assert (problem.code, problem.severity) == ("regex.opens_public_suffix", "warning")


@pytest.mark.parametrize(
    ("pattern", "entries"),
    [
        (r"https://.*\.example\.com", ["https://*.example.com"]),
        (r"https://[a-z0-9-]+\.example\.com", ["https://*.example.com"]),
        (r"^https://(.*\.)?example\.com$", ["https://example.com", "https://*.example.com"]),
        (r"https://example\.(com|de)", ["https://example.com", "https://example.de"]),
        (r"https://app[12]\.vercel\.app", None),
        (r"https://(my-app|my-docs)\.vercel\.app", ["https://my-{}.vercel.app"]),
        (r"http://(localhost|127\.0\.0\.1):\d+", ["http://localhost:*", "http://127.0.0.1:*"]),
        (r"https?://localhost(:\d{4})?", ["http://localhost:*", "https://localhost:*"]),
        (r"http://\[::1\]:.*", ["http://[::1]:*"]),
        (r"https://a\.test:8443", ["https://a.test:8443"]),
        (r"(?i)HTTPS://App\.Example\.com", ["https://app.example.com"]),
        (r"https://.*\.example\.com:(8080|8081)", ["https://*.example.com:{}"]),
        (r"https://pr-\d+\.preview\.example\.com", None),
        (r"https://.*\.www\.ck", ["https://*.www.ck"]),
        (r"https://example\.com(:443)?", ["https://example.com"]),
        (r"https://.*\.corp(:\d+)?", ["https://*.corp:*"]),
        (r"chrome-extension://(abcdefghijklmnop){2}", None),
        (r"app://-", None),
        (r"(app|capacitor-electron)://[-.]", None),
        (r"https://10\.\d{1,3}\.\d{1,3}\.\d{1,3}", None),
    ],
)
def test_ones_own_names_are_fine_and_may_be_said_as_patterns(
    pattern: str, entries: list[str] | None
) -> None:
    problems = judge(pattern, credentials=True)
    if entries is None:
        assert problems == []
        return
    (problem,) = problems
    assert (problem.code, problem.severity) == ("regex.is_a_pattern", "info")
    if "{}" in entries[0]:
        names = re.findall(r"\(([^)?]*)\)", pattern)[0].split("|")
        entries = [entries[0].format(name.removeprefix("my-")) for name in names]
    written = problem.hint.partition(", which allows ")[0]
    assert written == "write allow_origins=[" + ", ".join(f'"{e}"' for e in entries) + "]"


@pytest.mark.parametrize(
    ("pattern", "example", "is_foreign"),
    [
        ("https://app.example.com", "https://appxexample.com", True),
        (r"https://app\.my.example\.com", "https://app.myxexample.com", True),
        ("https://.*.example.com", "https://xexample.com", True),
        (r"https://api.v1\.example\.com", "https://apixv1.example.com", False),
        (r"https://.*\.example.com", "https://x.examplexcom", False),
    ],
)
def test_an_unescaped_dot_is_an_error_if_it_lets_somebody_else_in(
    pattern: str, example: str, is_foreign: bool
) -> None:
    (problem,) = judge(pattern, credentials=True)
    assert problem.code == "regex.unescaped_dot"
    assert problem.severity == ("error" if is_foreign else "warning")
    assert f"it matches {example} too" in problem.message
    assert codes(pattern, credentials=False)[0] == ("regex.unescaped_dot", "warning")


def test_a_dot_that_lets_nothing_in_is_let_pass() -> None:
    # No host such as 127x0.0.1 can be in an origin: it ends in a number.
    assert codes("http://127.0.0.1:.*", credentials=True) == [("regex.is_a_pattern", "info")]
    # Dots for any character, and meant so.
    assert codes(r"https://....\.example\.com", credentials=True) == []


def test_the_escaped_text_is_offered_where_no_list_can_be() -> None:
    problem = judge(r"https://pr-\d+.example.com", credentials=True)[0]
    assert problem.hint == r'write "https://pr-\d+\.example\.com"'


@pytest.mark.parametrize(
    ("pattern", "example"),
    [
        (r"https?://.*\.example\.com", "http://x.example.com"),
        (r"(https?://)?(\w+\.)?example\.org(:\d+)?", "http://example.org"),
        (r"http://192\.168\.\d+\.\d+:3000", "http://192.168.0.0:3000"),
        (r"http://(localhost|0\.0\.0\.0):\d+", "http://0.0.0.0:1"),
        (r"http://\[.*\]", "http://[::]"),
        (r"https?://(localhost|example\.com)", "http://example.com"),
    ],
)
def test_http_outside_the_own_machine_is_an_error_with_credentials(
    pattern: str, example: str
) -> None:
    (problem,) = [p for p in judge(pattern, credentials=True) if p.severity == "error"]
    assert problem.code == "origin.insecure_with_credentials"
    assert f"it matches {example}, " in problem.message
    assert all(severity == "info" for _, severity in codes(pattern, credentials=False))


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"https://example\.com/", "slash or a path"),
        (r"https://example\.com/.*", "slash or a path"),
        (r"http://localhost:3000/main", "slash or a path"),
        (r"https://Example\.com", "upper-case"),
        (r"example\.com", "no scheme"),
        (r"^localhost:\d+$", "no scheme"),
        (r"https://example\.com:443", "default port"),
        (r"http://localhost:80", "default port"),
        (r" https://example\.com", "white space"),
        (r"https://example\.com\s", "white space"),
        (r"https://a\.com,https://b\.com", "several origins"),
        (r"'https://a\.com'", "quotation marks"),
        (r"http://localhost:\\d+", "backslash"),
        (r"https://a\.com$|https://b\.com$x", None),
        (r"https://a\.com$x", "where more has to come"),
        (r"a^https://a\.com", "where more has to come"),
        (r"https://a\.com:99999", "a scheme, a host and a port"),
        (r"https://256\.1\.1\.1", "a scheme, a host and a port"),
        ("null", "null is never given"),
        (r"[^\x00-\x7f]", "an origin is a scheme"),
    ],
)
def test_what_no_browser_sends_is_an_error_with_the_reason(
    pattern: str, reason: str | None
) -> None:
    problems = judge(pattern, credentials=False)
    if reason is None:
        assert all(problem.code != "regex.never_matches" for problem in problems)
        return
    (problem,) = problems
    assert (problem.code, problem.severity) == ("regex.never_matches", "error")
    assert reason in problem.message


def test_null_in_an_expression_does_nothing() -> None:
    assert codes(r"null|https://pr-\d\.a\.test", credentials=False) == [
        ("regex.matches_null", "warning")
    ]


@pytest.mark.parametrize("pattern", [r"https://\bapp\.com", "https://a" + "a?" * 500])
def test_what_cannot_be_judged_is_an_error_with_credentials(pattern: str) -> None:
    assert codes(pattern, credentials=True) == [("regex.reach_unknown", "error")]
    assert codes(pattern, credentials=False) == []


def test_what_cannot_be_judged_is_tried_with_names_below_every_suffix() -> None:
    assert codes(r"https?://\b.*", credentials=True) == [
        ("origin.any_with_credentials", "error"),
        ("origin.insecure_with_credentials", "error"),
    ]
    assert codes(r"https://\p{Latin}+\.github\.io", credentials=True) == [
        ("origin.public_suffix_with_credentials", "error")
    ]
    assert codes(r"https://\b.*", credentials=False) == [("regex.matches_any_site", "warning")]
    assert codes(r"https://\b.*\.com", credentials=False) == [
        ("regex.opens_public_suffix", "warning")
    ]


def test_an_automaton_that_disagrees_with_the_regex_is_not_believed() -> None:
    pattern = r"https://.*\.example\.com"
    problems = check_origin_regex(pattern, lambda origin: False, allow_credentials=True)
    assert [problem.code for problem in problems] == ["regex.reach_unknown"]


def test_an_expression_is_looked_into_up_to_a_length() -> None:
    names = "|".join(f"n{number}" for number in range(500))
    start, end = "https://(", r")\.a\.test"
    inside = names[: MAX_PATTERN_LENGTH - len(start + end)]
    longest = start + inside + end
    assert len(longest) == MAX_PATTERN_LENGTH
    assert ("regex.reach_unknown", "error") not in codes(longest, credentials=True)
    longer = start + inside + "x" + end
    assert codes(longer, credentials=True) == [("regex.reach_unknown", "error")]


def test_dots_are_looked_at_up_to_a_number() -> None:
    # Only the last dot of each lets somebody else in; the others stay in the own domain.
    within = "https://" + "a.b" * (MAX_DOTS - 1) + r".example\.com"
    assert ("regex.unescaped_dot", "error") in codes(within, credentials=True)
    beyond = "https://" + "a.b" * MAX_DOTS + r".example\.com"
    assert ("regex.unescaped_dot", "warning") in codes(beyond, credentials=True)


@pytest.mark.parametrize(
    "pattern",
    [
        "(.{0,100}){0,10}",
        r"https://([a-z0-9.-]{0,60}\.){0,10}com",
        r"https://(a?){300}\.com",
        r"https://(a*)*(b*)*(c*)*\.test",
        "." * MAX_PATTERN_LENGTH,
        "https://" + "(a|b)?" * 100,
    ],
)
def test_no_expression_takes_long(pattern: str) -> None:
    start = time.perf_counter()
    judge(pattern, credentials=True)
    assert time.perf_counter() - start < 20  # Seconds; it takes one or two on a slow machine.


def test_no_name_that_an_attacker_could_get_is_overlooked() -> None:
    # Without the automaton: names below every suffix are tried, and what is found must be told.
    schemes = ["https://", "https?://", "(https|capacitor)://"]
    names = [".*", r"my-.*\.", r"[a-z]+\.", r"(www\.)?", r".+-x\.", r"a[0-9]*\.", r"[^.]*\."]
    ends = ["example\\.com", "github\\.io", "co\\.uk", "(com|dev)", "[a-z]+", "s3\\..*", "test"]
    suffixes = [rule for rule in public_suffixes().rules if not rule.startswith("*.")]
    for parts in itertools.product(schemes, names, ends):
        pattern = "".join(parts)
        regex = RegexOrigins(pattern)
        found = any(
            regex(f"https://{name}.{suffix}".encode())
            for suffix in [*suffixes[::97], "github.io", "co.uk", "com", "dev"]
            for name in ("evil", "my-evil", "evil-x", "a7", "evilexample")
        )
        told = any(severity == "error" for _, severity in codes(pattern, credentials=True))
        assert told or not found, pattern


@pytest.mark.parametrize(
    "pattern",
    [
        r"\bhttps://.*example\.com",
        r"https://.*\.example\.com|https://myapp-[a-z0-9]+\.vercel\.app|\bx",
        r"https://a\.com|"
        + "|".join(rf"https://app{n:04}\.example\.com" for n in range(40))
        + r"|https://.*example\.com",
    ],
)
def test_a_look_alike_does_not_pass_because_the_expression_cannot_be_read(pattern: str) -> None:
    with pytest.raises(CORSConfigError):
        CORSPolicy(allow_origin_regex=pattern, allow_credentials=True)
