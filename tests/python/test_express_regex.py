"""Regexes of Express configurations: taken over where they mean the same, refused otherwise."""

from __future__ import annotations

import re
from typing import Any

import pytest

from corsac import CORSConfigError, CORSPolicy
from corsac.options.express import read_express

ORIGINS = [
    f"{scheme}://{host}{port}"
    for scheme in ("https", "http")
    for host in (
        "a.test",
        "b.test",
        "a.test.evil.test",
        "app.example.com",
        "b.example.com",
        "x.b.example.com",
        "evil-example.com",
        "deploy-1--x.netlify.app",
        "localhost",
        "10.0.0.1",
        "192.168.1.20",
    )
    for port in ("", ":3000")
]


def problem_of(*regexes: str, flags: int = 0, credentials: bool = False) -> tuple[str, str]:
    patterns = [re.compile(regex, flags) for regex in regexes]
    with pytest.raises(CORSConfigError) as caught:
        read_express({"origin": patterns, "credentials": credentials}).checked_options()
    (problem,) = caught.value.problems
    assert problem.option == "origin"
    return problem.code, problem.hint


def grants(policy: CORSPolicy, origin: str) -> bool:
    return policy.explain("GET", {"Origin": origin}).allowed is True


def text_of(*regexes: str, **options: Any) -> str:
    origin = [re.compile(regex) for regex in regexes]
    text = read_express({"origin": origin, **options}).checked_options()["allow_origin_regex"]
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize(
    ("regex", "text"),
    [
        (r"^https://app\.example\.com$", r"https://app\.example\.com"),
        (r"^https?:\/\/.*\.example\.com$", r"https?://.*\.example\.com"),
        (r"\Ahttps://(a|b)\.example\.com\Z", r"https://(a|b)\.example\.com"),
        (r"^https://a\.test$|^https://b\.test$", r"https://a\.test|https://b\.test"),
        (r"(?:^https://a\.test$|^https://b\.test$)", None),
        (r"^(https://a\.example\.com$)", r"(https://a\.example\.com$)"),
        (r"^(https://a\.test\Z)", r"(https://a\.test$)"),
        (
            r"(?:\Ahttps://a\.test\Z|\Ahttps://b\.test\Z)",
            r"(?:\Ahttps://a\.test$|\Ahttps://b\.test$)",
        ),
        (r"^((https?://.+)\Z)", r"((https?://.+)$)"),
        (r"^https://[a-z|^$]+\.example\.com(:\d+)?$", r"https://[a-z|^$]+\.example\.com(:\d+)?"),
        (r"^http://localhost:.*$", r"http://localhost:.*"),
        (r"^https://a\.test/?$", r"https://a\.test/?"),
        (r"^https://a\.test(/.*)?$", r"https://a\.test(/.*)?"),
        (r"^http://10\.[0-9.]+$", r"http://10\.[0-9.]+"),
        (r"^http://192\.168\.\d{1,3}\.\d{1,3}$", r"http://192\.168\.\d{1,3}\.\d{1,3}"),
        (r"^https://deploy-[0-9]+--x\.netlify\.app$", r"https://deploy-[0-9]+--x\.netlify\.app"),
        (r"^https?://.+$", r"https?://.+"),
    ],
)
def test_an_anchored_regex_is_taken_over_as_a_full_match(regex: str, text: str | None) -> None:
    taken = text_of(regex)
    assert taken == (regex if text is None else text)
    for origin in ORIGINS:
        assert bool(re.fullmatch(taken, origin)) == bool(re.search(regex, origin))


@pytest.mark.parametrize("end", ["$", r"\Z"])
def test_a_group_with_the_end_inside_is_a_policy(end: str) -> None:
    policy = CORSPolicy.from_express({"origin": re.compile(rf"^(https://a\.example\.com{end})")})
    assert policy.allow_origin_regex == r"(https://a\.example\.com$)"
    allowed = "https://a.example.com"
    assert [
        each for each in (allowed, f"{allowed}.evil.test", *ORIGINS) if grants(policy, each)
    ] == [allowed]


@pytest.mark.parametrize("end", ["$", r"\Z"])
def test_a_lone_dot_in_a_group_with_the_end_inside_is_told_the_origin(end: str) -> None:
    assert problem_of(rf"^(https://a.test{end})") == ("regex.look_alike", 'write "https://a.test"')


def test_several_regexes_are_joined_each_in_a_group_of_its_own_beside_the_origins() -> None:
    options = read_express(
        {"origin": ["https://a.test", re.compile(r"^https://b\.test$|^https://c\.test$")]}
    ).checked_options()
    assert options["allow_origins"] == ["https://a.test"]
    assert options["allow_origin_regex"] == r"https://b\.test|https://c\.test"
    joined = text_of(r"^https://a\.test$|^https://b\.test$", r"^https://c\.test$")
    assert joined == r"(?:https://a\.test|https://b\.test)|(?:https://c\.test)"


@pytest.mark.parametrize(
    ("regex", "patterns"),
    [
        (r"\.example\.com$", ["https://*.example.com"]),
        (r".*\.example\.com$", ["https://*.example.com"]),
        (r"^https:\/\/.*\.example\.com", ["https://*.example.com"]),
        (r"example\.com$", ["https://example.com", "https://*.example.com"]),
        (r"example.com", ["https://example.com", "https://*.example.com"]),
        (r"^https://(.+\.)?example\.com", ["https://example.com", "https://*.example.com"]),
        (r"^https://app\.example\.com", ["https://app.example.com"]),
        (r"https:\/\/my\-app\.example\.com:8443", ["https://my-app.example.com:8443"]),
        (r"^http://localhost", ["http://localhost"]),
        (r"localhost", ["http://localhost:*"]),
        (r"localhost:3000$", ["http://localhost:3000"]),
        (r"^https://a\.test|https://b\.test$", ["https://a.test", "https://b.test"]),
        (r"^https?://a\.test(:\d+)?", ["http://a.test:*", "https://a.test:*"]),
        (r"https://(a|b).example.com$", ["https://a.example.com", "https://b.example.com"]),
        (r"^https://(a|b)\.example\.com.*", ["https://a.example.com", "https://b.example.com"]),
        (r"^https://[^.]+\.example\.com", ["https://*.example.com"]),
        (r"\.(a|b)\.test$", ["https://*.a.test", "https://*.b.test"]),
        (r"App\.Example\.com$", ["https://app.example.com", "https://*.app.example.com"]),
    ],
)
def test_an_unanchored_regex_that_is_a_wildcard_is_told_the_pattern(
    regex: str, patterns: list[str]
) -> None:
    code, hint = problem_of(regex)
    assert code == "regex.unanchored"
    assert hint == "write " + " and ".join(f'"{pattern}"' for pattern in patterns)
    CORSPolicy(**read_express({"origin": patterns}).checked_options())


@pytest.mark.parametrize(
    ("regex", "text"),
    [
        (r"^https://[ab]\.example\.com", r"https://[ab]\.example\.com"),
        (r"https://[ab].example.com$", r"https://[ab]\.example\.com"),
        (r"\.[ab]\.test$", r"https://[a-z0-9.-]+\.[ab]\.test"),
        (r"[ab]\.example\.com$", r"https://(?:[a-z0-9.-]+\.)?[ab]\.example\.com"),
        (r"^https://[ab]\.example\.com.*", r"https://[ab]\.example\.com"),
    ],
)
def test_any_other_unanchored_regex_is_told_the_full_match(regex: str, text: str) -> None:
    code, hint = problem_of(regex)
    assert code == "regex.unanchored"
    assert hint == (
        f'write re.compile(r"^{text}$"), or for a CORSPolicy allow_origin_regex=r"{text}"'
    )
    assert text_of(f"^{text}$") == text


@pytest.mark.parametrize(
    ("regex", "look_alike", "hint"),
    [
        (r"^https://.*example\.com$", "https://evil-example.com", '"https://*.example.com"'),
        (r"^https://[\w-]*example\.com$", "https://evil-example.com", '"https://example.com"'),
        (r"^https://.+example\.co\.uk$", "https://my-example.co.uk", '"https://example.co.uk"'),
        (r"^https://example\.com.*$", "https://example.com.evil.test", '"https://example.com"'),
        (r"^https://app.example.com$", "https://app-example.com", '"https://app.example.com"'),
        (r"^https://example\.[a-z]+$", "https://example.evil", "list the origins"),
        (r"^https://example\.com(\..*)?$", "https://example.com.evil.test", "list the origins"),
        (
            r"^(?:https://a\.test.*|https://b\.test)$",
            "https://a.test.evil.test",
            '"https://a.test"',
        ),
    ],
)
def test_an_anchored_regex_that_look_alikes_pass_is_refused(
    regex: str, look_alike: str, hint: str
) -> None:
    assert re.search(regex, look_alike)
    code, given = problem_of(regex)
    assert code == "regex.look_alike"
    assert hint in given


@pytest.mark.parametrize("regex", ["", "^", ".*", "https?://", "^https://", "(^|x)"])
def test_an_unanchored_regex_for_any_site_is_told_to_say_so(regex: str) -> None:
    assert problem_of(regex) == ("regex.unanchored", 'write origin: "*" if that is meant')


@pytest.mark.parametrize("regex", [".*", "^.*$", r"^https?://[\w.-]+$", "^https://[a-z.]+$"])
def test_a_regex_for_any_site_is_refused_with_credentials(regex: str) -> None:
    assert problem_of(regex, credentials=True)[0] == "origin.any_with_credentials"


@pytest.mark.parametrize("regex", ["^$", "^(?:https://a\\.test|)$"])
def test_an_empty_branch_is_refused(regex: str) -> None:
    assert problem_of(regex)[0] == "option.empty"


def test_with_credentials_the_hint_leaves_out_http() -> None:
    assert problem_of(r"^https?://a\.test", credentials=True)[1] == 'write "https://a.test"'


@pytest.mark.parametrize("regex", [r"^https://App\.Example\.com\D$", r"(?i)^https://a\.test\D$"])
def test_the_i_flag_is_refused_with_the_regex_in_lower_case(regex: str) -> None:
    code, hint = problem_of(regex, flags=re.IGNORECASE)
    assert code == "regex.flags"
    lower = regex.removeprefix("(?i)").lower().replace(r"\d", r"\D")
    assert hint == f'write re.compile(r"{lower}")'


@pytest.mark.parametrize("flags", [re.MULTILINE, re.DOTALL, re.VERBOSE, re.I | re.M])
def test_other_flags_are_refused(flags: int) -> None:
    assert problem_of(r"^https://a\.test$", flags=flags)[0] == "regex.flags"


def test_flags_of_a_group_are_refused() -> None:
    assert problem_of(r"^https://(?i:a)\.test$")[0] == "regex.flags"
    assert text_of(r"^https://(?:a)\.test$") == r"https://(?:a)\.test"


def test_the_ascii_flag_changes_nothing() -> None:
    pattern = re.compile(r"^https://a\.test$", re.ASCII)
    assert (
        read_express({"origin": pattern}).checked_options()["allow_origin_regex"]
        == r"https://a\.test"
    )
