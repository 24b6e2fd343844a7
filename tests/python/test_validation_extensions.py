"""Which browser extensions a policy lets in is told, however it is written."""

from __future__ import annotations

import pytest

from corsac import CORSConfigError, CORSConfigProblem, CORSPolicy
from corsac.validation.regex.extensions import MAX_IDS
from corsac.validation.regex.language import language

pytest.importorskip("re2")

ID = "abcdefghijklmnop" * 2
UUID = "4ed7f644-c3b5-4bf1-983f-2c8718f52222"
ANY_FIREFOX = r"moz-extension://[0-9a-f-]{36}"
ANY_SAFARI = r"safari-web-extension://[0-9A-Fa-f-]{36}"


def problems(*, credentials: bool = True, **options: object) -> list[CORSConfigProblem]:
    try:
        policy = CORSPolicy(allow_credentials=credentials, **options)  # type: ignore[arg-type]
    except CORSConfigError as error:
        return list(error.problems)
    return list(policy.problems)


def told(regex: str, *, credentials: bool = True) -> list[tuple[str, str]]:
    found = problems(allow_origin_regex=regex, credentials=credentials)
    return [(problem.code, problem.severity) for problem in found]


@pytest.mark.parametrize(
    "regex",
    [
        *(r"chrome-extension://.*", r"chrome-extension://.+", r"^chrome-extension:\/\/.*$"),
        *(r"chrome-extension://[a-p]{32}", r"chrome-extension://[a-z]{32}", r"chrome-ext\w*://\w+"),
        *(r"chrome-extension://\w+", r"(?i)CHROME-EXTENSION://[^/]*", r"[a-z-]+://[a-z]+"),
        # A key whose hash begins so is found by trying.
        *(r"chrome-extension://abc.*", r"chrome-extension://[a-p]{20}abcdefghijkl"),
        *(r"https://app\.example\.com|chrome-extension://.*", r"(app|chrome-extension)://.*"),
        *(r"ms-browser-extension://.*", r"safari-extension://.*-[A-Z0-9]{10}"),
    ],
)
def test_any_published_extension_with_credentials_is_an_error(regex: str) -> None:
    (problem, *_) = [
        each
        for each in problems(allow_origin_regex=regex)
        if each.severity == "error" and each.code != "origin.insecure_with_credentials"
    ]
    assert problem.code == "origin.any_with_credentials"
    assert "anyone can publish an extension" in problem.message
    assert "list the ids of your own extensions in allow_origins" in problem.hint
    assert ("origin.any_with_credentials", "info") in [
        (each.code, each.severity)
        for each in problems(allow_origin_regex=regex, tolerate=["origin.any_with_credentials"])
    ]
    assert [each for each in told(regex, credentials=False) if each[1] != "info"] == []


def test_any_extension_is_an_error_where_the_expression_cannot_be_read() -> None:
    assert told(r"chrome-extension://\b.*") == [("origin.any_with_credentials", "error")]
    assert told(r"chrome-extension://\babcd.*") == [("regex.reach_unknown", "error")]


@pytest.mark.parametrize(
    "regex",
    [
        f"chrome-extension://{ID}",
        f"chrome-extension://({ID}|{ID[::-1]})",
        rf"chrome-extension://{ID[:17]}[a-p]{{15}}",
        r"chrome-extension://.{31}",
        r"app://.*|tauri://localhost|capacitor://[a-z.]+",
        r"safari-extension://com\.example\.app-A1B2C3D4E5",
        r"https://chrome-extension\.example\.com:8",
    ],
)
def test_ones_own_extensions_and_app_shells_are_fine(regex: str) -> None:
    assert [each for each in told(regex) if each[1] != "info"] == []


@pytest.mark.parametrize(
    ("regex", "narrowest"),
    [
        (r"moz-extension://.*", ANY_FIREFOX),
        (r"moz-extension://[^/]+", ANY_FIREFOX),
        (r"moz-extension://[0-9a-f-]+", ANY_FIREFOX),
        (r"moz-extension://[0-9A-F-a-f]{36}", ANY_FIREFOX),
        (r"safari-web-extension://.*", ANY_SAFARI),
        (r"webkit-extension://.*", r"webkit-extension://[0-9A-Fa-f-]{36}"),
    ],
)
def test_more_than_the_random_ids_is_a_warning_with_the_narrowest_expression(
    regex: str, narrowest: str
) -> None:
    (problem,) = problems(allow_origin_regex=regex)
    assert (problem.code, problem.severity) == ("regex.matches_any_extension", "warning")
    assert problem.hint == f'write allow_origin_regex=r"{narrowest}"'
    assert told(regex, credentials=False) == []
    # What is to be written leaves no problem of the same severity.
    assert told(narrowest) == [("regex.matches_any_extension", "info")]
    assert told(narrowest, credentials=False) == []


def test_an_expression_for_several_browsers_is_told_about_each_of_them() -> None:
    found = problems(allow_origin_regex=rf"(chrome|moz)-extension://.*|https://{UUID}\.test")
    assert [(each.code, each.severity) for each in found] == [
        ("origin.any_with_credentials", "error"),
        ("regex.matches_any_extension", "warning"),
    ]
    assert found[1].hint == f"write {ANY_FIREFOX} for that browser"


@pytest.mark.parametrize("credentials", [False, True])
@pytest.mark.parametrize(
    ("scheme", "narrowest"), [("moz-extension", ANY_FIREFOX), ("safari-web-extension", ANY_SAFARI)]
)
def test_one_random_id_is_a_warning_listed_or_in_an_expression(
    scheme: str, narrowest: str, credentials: bool
) -> None:
    origin = f"{scheme}://{UUID}"
    for options in ({"allow_origins": [origin]}, {"allow_origin_regex": origin}):
        (problem,) = problems(credentials=credentials, **options)
        assert (problem.code, problem.severity) == ("origin.random_extension_id", "warning")
        assert problem.hint.startswith(f'write allow_origin_regex=r"{narrowest}"')


def test_a_pattern_for_any_id_says_what_to_write() -> None:
    (problem,) = problems(allow_origins=["moz-extension://*"])
    assert (problem.code, problem.severity) == ("origin.invalid", "error")
    assert problem.hint == f'write allow_origin_regex=r"{ANY_FIREFOX}"'
    (problem,) = problems(allow_origins=["chrome-extension://*"])
    assert problem.hint == 'write the one that is meant, such as "chrome-extension://" and its id'


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        ("[ab]{3}", "[a-c]{0,9}", 8),
        ("a|aa|a", "a{1,5}", 2),
        ("(a|ab)(c|bc)", ".{1,9}", 3),
        (".*", "x[a-p]{32}", 16**32),
        ("a", "b", 0),
    ],
)
def test_no_string_of_a_language_is_counted_twice(one: str, other: str, count: int) -> None:
    assert language(one).count_common(language(other)) == count


def test_what_counts_as_a_list_ends_at_a_number() -> None:
    # 16 of 16 is the bound itself: too many.
    assert MAX_IDS == 16**16
    assert told(rf"chrome-extension://[a-p]{{16}}{ID[:16]}")[0][1] == "error"
    assert told(rf"chrome-extension://[a-o][a-p]{{15}}{ID[:16]}") == []
