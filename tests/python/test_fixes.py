"""Every hint that names a value is a fix that can be applied, and is not the next mistake."""

from __future__ import annotations

import copy
import pickle
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corsac import CORSConfigError, CORSConfigProblem, CORSMiddleware, CORSPolicy, Guard, _core
from corsac.foreign.django_cors_headers import read_django_cors_headers
from corsac.foreign.flask_application import read_flask_application
from corsac.foreign.flask_cors import read_flask_cors
from corsac.foreign.reading import Reading
from corsac.policy import problems_of
from corsac.validation.fixes import MAX_FIXABLE_ENTRIES, MAX_FIXES
from support.asgi import app_sending
from support.conformance import policy_options, read_cases
from support.foreign_lot import draw_options
from support.properties import examples

RANKS = {"info": 0, "warning": 1, "error": 2}


def kinds(problems: Iterable[CORSConfigProblem], least: int = 0) -> Counter[tuple[str, str]]:
    return Counter((each.code, each.option) for each in problems if RANKS[each.severity] >= least)


def added(options: Mapping[str, Any], fix: Mapping[str, Any]) -> Iterator[object]:
    """What a fix has that the options do not."""
    for name, value in fix.items():
        before = options.get(name, ())
        if isinstance(value, tuple):
            yield from (each for each in value if each not in before)
        elif isinstance(value, str):
            yield value


PROBES = [
    f"{scheme}://{host}{port}"
    for scheme in ("http", "https")
    for host in ("a", "a.b", "a-b", "x.evil")
    for port in ("", ":8443")
]


def allowed(options: Mapping[str, Any], near: Iterable[str]) -> set[str]:
    """The origins that a policy allows, of those near some hosts."""
    policy = CORSPolicy(**options)
    hosts = {each.partition("://")[2].removeprefix("*.").partition(":")[0] for each in near}
    probes = [
        probe.replace("://", f"://{label}", 1)
        for host in hosts
        for label in ("", "a.", "a.b.", "a-b.", "evil")
        for probe in (f"https://{host}", f"http://{host}", f"https://{host}:8443")
    ]
    return {
        probe
        for probe in (*probes, *PROBES)
        if _core.decide_request(policy._compiled, "GET", {"HTTP_ORIGIN": probe}, None)[5]  # type: ignore[index]
    }


def check_fixes(options: Mapping[str, Any]) -> None:
    """Apply each fix: the problem goes, none as bad comes, and the hint says all that is added."""
    problems = problems_of(options)
    is_valid = all(each.severity != "error" for each in problems)
    for problem in problems:
        if problem.fix is None:
            continue
        rank = RANKS[problem.severity]
        fixed = {**options, **problem.fix}
        after = problems_of(fixed)
        assert (
            kinds(after)[problem.code, problem.option]
            < kinds(problems)[problem.code, problem.option]
        )
        assert kinds(after, rank) - kinds(problems) == Counter()
        new = list(added(options, problem.fix))
        assert [each for each in new if str(each) not in problem.hint] == []
        if is_valid and not new and not {"allow_origin_func"} & options.keys():
            near = [each for each in options.get("allow_origins", ()) if each != "*"]
            assert allowed(fixed, near) <= allowed(options, near)


CASES = read_cases("policies.json")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_each_fix_of_a_case_mends_it_and_is_not_the_next_mistake(case: Any) -> None:
    check_fixes(policy_options(case["config"]))


ENTRIES = st.sampled_from(
    [
        "*",
        "null",
        "https://a.example",
        "https://A.example",
        "https://a.example/",
        "https://a.example:443",
        "http://a.example",
        "http://Shop.example/x",
        "a.example",
        "https://*.a.example",
        "https://*.GitHub.io",
        "http://*.a.example:80",
        "https://b.example, https://c.example",
        "wss://a.example",
        "",
        " https://a.example",
        r"https://.*\.a\.example",
        r"^https://[a-f]+\.a\.example$",
        "http://[0::1]:3000",
        "http://localhost:*",
        "localhost:3000",
        "moz-extension://abc",
        "https://b\u00fccher.example",
    ]
)
REGEXES = st.sampled_from(
    [
        None,
        "",
        r"https://.*\.a\.example",
        r"https://a.example\.com",
        r"^https://\w+\.preview\.example\.com$",
        r"https?://localhost(:\d+)?",
        r"https://.*",
        "https://(a|b).test",
        "null",
        "moz-extension://.*",
        "chrome-extension://[a-p]{32}",
        r"https://[a-z]+\.github\.io",
        "https://(?=a)",
        "(a",
    ]
)
GUARDS = st.builds(
    Guard,
    trusted_origins=st.lists(
        st.sampled_from(["https://a.test", "http://a.test", "https://*.a.test", "null"]), max_size=3
    ),
    exempt_paths=st.lists(st.sampled_from(["/*", "/a/*", "/a", "/a/b"]), max_size=3),
    isolate_reads=st.booleans(),
)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "allow_origins": st.lists(ENTRIES, max_size=4),
        "allow_origin_regex": REGEXES,
        "allow_methods": st.lists(
            st.sampled_from(["*", "GET", "put", "patch", "PATCH", "TRACE", "GET, PUT", "", "a b"]),
            max_size=4,
        ),
        "allow_headers": st.lists(
            st.sampled_from(
                ["*", "X-A", "x-a", "cookie", "etag", "X-A, X-B", "application/json", "a: b", ""]
            ),
            max_size=4,
        ),
        "expose_headers": st.lists(
            st.sampled_from(["*", "ETag", "etag", "accept", "set-cookie", "content-type", "a b"]),
            max_size=4,
        ),
        "allow_credentials": st.booleans(),
        "max_age": st.sampled_from([None, -1, 0, 600, 7201, 86_400, 86_401, 2**40]),
        "preflight_status": st.sampled_from([200, 204, 302, 0]),
        "guard": st.booleans() | GUARDS,
        "allow_timing": st.booleans(),
        "always_send": st.booleans(),
        "app_headers": st.sampled_from(["replace", "keep", "Keep"]),
        "tolerate": st.lists(
            st.sampled_from(
                [
                    "origin.null",
                    "origin.any_with_credentials",
                    "origin.insecure_with_credentials",
                    "no.code",
                ]
            ),
            max_size=2,
        ),
    },
)


@examples(120)
@given(OPTIONS)
def test_each_fix_of_drawn_options_mends_them_and_is_not_the_next_mistake(options: Any) -> None:
    check_fixes(options)


@examples(60)
@given(OPTIONS)
def test_fixes_applied_one_after_the_other_come_to_an_end(options: Any) -> None:
    for _ in range(60):
        fix = next((each.fix for each in problems_of(options) if each.fix is not None), None)
        if fix is None:
            return
        options = {**options, **fix}
    pytest.fail("there is always another fix")


def check_fixes_on_trial(**trial: Any) -> list[CORSConfigProblem]:
    """As `check_fixes`, of a middleware that has policies on trial; returns its problems."""
    in_force = CORSPolicy(allow_origins=["https://in.force.example"])
    problems = CORSMiddleware(app_sending(), in_force, **trial).problems
    for problem in problems:
        if problem.fix is None:
            continue
        assert problem.fix.keys() <= trial.keys()
        after = CORSMiddleware(app_sending(), in_force, **trial | dict(problem.fix)).problems
        kind = problem.code, problem.option
        assert kinds(after)[kind] < kinds(problems)[kind]
        assert kinds(after, RANKS[problem.severity]) - kinds(problems) == Counter()
    return [*problems]


@pytest.mark.parametrize("place", ["alone", "one of several", "in a rule", "in both"])
@examples(40)
@given(OPTIONS)
def test_each_fix_of_what_is_on_trial_mends_the_trial(place: str, options: Any) -> None:
    try:
        policy = CORSPolicy(**options)
    except CORSConfigError:
        return
    other = CORSPolicy(allow_origins=["https://other.example"])
    trials: dict[str, dict[str, Any]] = {
        "alone": {"report_only": policy},
        "one of several": {"report_only": [policy, other]},
        "in a rule": {"report_only_rules": [("/a/*", policy), ("/b/*", other)]},
        "in both": {"report_only": policy, "report_only_rules": [("/a/*", [other, policy])]},
    }
    found = check_fixes_on_trial(**trials[place])
    with_fix = {problem.code for problem in policy.problems if problem.fix is not None}
    without = {each.code for each in found if each.fix is None} - {"policy.unreachable"}
    if place in {"alone", "in a rule"}:
        assert not with_fix & without, "a hint that names a value has a fix"


@pytest.mark.parametrize("place", ["alone", "one of several", "in a rule", "in both"])
def test_a_fix_of_a_policy_on_trial_is_the_trial_with_the_mended_policy(place: str) -> None:
    twice = CORSPolicy(allow_origins=["https://a.test", "https://a.test"])
    once = CORSPolicy(allow_origins=["https://a.test"])
    other = CORSPolicy(allow_origins=["https://b.test"])

    def trial(policy: CORSPolicy) -> dict[str, Any]:
        trials: dict[str, dict[str, Any]] = {
            "alone": {"report_only": policy},
            "one of several": {"report_only": (policy, other)},
            "in a rule": {"report_only_rules": (("/a/*", policy), ("/b/*", None))},
            "in both": {"report_only": policy, "report_only_rules": (("/a/*", (other, policy)),)},
        }
        return trials[place]

    (problem,) = check_fixes_on_trial(**trial(twice))
    assert (problem.code, problem.option) == ("origin.redundant", "report_only: allow_origins")
    assert problem.fix == trial(once)


def test_a_fix_of_the_rules_on_trial_is_one_of_them() -> None:
    policy = CORSPolicy(allow_origins=["https://a.test"])
    (problem,) = check_fixes_on_trial(report_only_rules=[("/a/*", policy), ("/a/*", None)])
    assert (problem.code, problem.option) == ("rule.duplicate", "report_only: rules")
    assert problem.fix == {"report_only_rules": (("/a/*", policy),)}


def fix_of(code: str, **options: Any) -> tuple[str, Mapping[str, object] | None]:
    (problem,) = [each for each in problems_of(options) if each.code == code]
    return problem.hint, problem.fix


def test_an_expression_that_a_pattern_widens_says_what_is_added() -> None:
    """And the pattern's own info comes with it."""
    hint, fix = fix_of(
        "regex.is_a_pattern",
        allow_origin_regex=r"^https://\w+\.preview\.example\.com$",
        allow_credentials=True,
    )
    assert hint == (
        'write allow_origins=["https://*.preview.example.com"], which allows '
        'https://x-x.preview.example.com too; add "https://preview.example.com" if pages are '
        "served from it"
    )
    assert fix is None


def test_an_expression_that_a_pattern_says_exactly_adds_nothing() -> None:
    hint, fix = fix_of("regex.is_a_pattern", allow_origin_regex=r"https?://localhost(:\d+)?")
    assert hint == 'write allow_origins=["http://localhost:*", "https://localhost:*"]'
    assert fix == {
        "allow_origins": ("http://localhost:*", "https://localhost:*"),
        "allow_origin_regex": None,
    }


@pytest.mark.parametrize(
    ("options", "code", "hint", "fix"),
    [
        (
            {
                "allow_origins": ["http://Shop.example/x", "https://a.test"],
                "allow_credentials": True,
            },
            "origin.invalid",
            'did you mean "https://shop.example"?',
            {"allow_origins": ("https://shop.example", "https://a.test")},
        ),
        (
            {"allow_origins": ["https://*.GitHub.io"], "allow_credentials": True},
            "origin.invalid",
            "list the exact origins of your own",
            None,
        ),
        (
            {"allow_origins": "https://a.test, https://b.test"},
            "option.wrong_type",
            "write allow_origins=['https://a.test', 'https://b.test']",
            {"allow_origins": ("https://a.test", "https://b.test")},
        ),
        (
            {"allow_origins": ["*"], "allow_credentials": True},
            "origin.any_with_credentials",
            "list the origins that need credentials, or set allow_credentials=False; or accept it "
            "knowingly with tolerate=['origin.any_with_credentials']",
            {"allow_credentials": False},
        ),
        (
            {"allow_origins": ["null"]},
            "origin.null",
            "serve the page from an origin of its own and list that; or accept it knowingly with "
            "tolerate=['origin.null']",
            None,
        ),
    ],
)
def test_a_fix_leads_out_of_all_mistakes_of_a_value_or_is_none(
    options: Any, code: str, hint: str, fix: object
) -> None:
    assert fix_of(code, **options) == (hint, fix)


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        (
            {"allow_origins": ["https://*.a.example"], "allow_headers": ["*"]},
            ["origin.apex_not_covered", "header.authorization_not_covered"],
        ),
        ({"allow_origin_regex": r"https://[a-z0-9-]+[.]a[.]example"}, ["regex.is_a_pattern"]),
    ],
)
def test_what_is_only_worth_knowing_has_no_fix_that_allows_more(
    options: Any, codes: list[str]
) -> None:
    assert [(each.code, each.fix) for each in problems_of(options)] == [
        (code, None) for code in codes
    ]


def test_a_fix_mends_the_mistake_that_came_and_not_one_of_another_entry() -> None:
    options: Any = {
        "allow_origins": ["null", "http://b.example", "HTTP://x.example/"],
        "allow_credentials": True,
    }
    assert fix_of("origin.invalid", **options) == (
        'did you mean "https://x.example"?',
        {"allow_origins": ("null", "http://b.example", "https://x.example")},
    )
    check_fixes(options)


def test_a_fix_is_in_the_words_of_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIX_ALLOW_ORIGINS", "https://A.test,https://b.test")
    monkeypatch.setenv("FIX_MAX_AGE", "90000")
    with pytest.raises(CORSConfigError) as caught:
        CORSPolicy.from_env("FIX_")
    assert [each.fix for each in caught.value.problems] == [
        {"FIX_ALLOW_ORIGINS": "https://a.test,https://b.test"},
        {"FIX_MAX_AGE": "86400"},
    ]
    source = tmp_path / "policy.toml"
    source.write_text('allow_origins = ["https://a.test", "https://a.test"]', encoding="utf-8")
    (problem,) = CORSPolicy.from_toml(source).problems
    assert problem.fix == {"allow_origins": ("https://a.test",)}
    with pytest.raises(CORSConfigError) as caught:
        CORSPolicy.from_express({"origin": ["https://A.test"], "maxAge": 90000})
    assert [(each.option, each.fix) for each in caught.value.problems] == [
        ("origin", {"origin": ["https://a.test"]}),
        ("maxAge", {"maxAge": 86400}),
    ]


def test_rules_have_fixes_too() -> None:
    first, second = CORSPolicy(allow_origins=["https://a.test"]), None
    rules = [("api/*", first), ("/a", first), ("/a", second), ("/b/*", first), ("/b/c", second)]
    with pytest.raises(CORSConfigError) as caught:
        CORSMiddleware(app_sending(), rules=rules)
    (invalid,) = [each for each in caught.value.problems if each.code == "rule.invalid"]
    fixed: Any = dict(invalid.fix or {})
    assert fixed == {"rules": (("/api/*", first), *rules[1:])}
    middleware = CORSMiddleware(app_sending(), **fixed)
    for code, left_out in (("rule.duplicate", 2), ("rule.unreachable", 4)):
        (problem,) = [each for each in middleware.problems if each.code == code]
        kept = [rule for place, rule in enumerate(fixed["rules"]) if place != left_out]
        assert problem.fix == {"rules": tuple(kept)}


def test_lists_without_end_have_no_fixes_and_cost_little() -> None:
    entries = [f"https://x{number}.test" for number in range(MAX_FIXABLE_ENTRIES - 1)]
    most = CORSPolicy(allow_origins=[*entries, entries[0]])
    assert most.problems[0].fix == {"allow_origins": tuple(entries)}
    beyond = CORSPolicy(allow_origins=[*entries, entries[0], "https://last.test"])
    assert (beyond.problems[0].code, beyond.problems[0].fix) == ("origin.redundant", None)


def test_of_many_problems_the_first_have_fixes() -> None:
    entries = [f"https://X{number}.test" for number in range(MAX_FIXES + 1)]
    fixes = [problem.fix for problem in problems_of({"allow_origins": entries})]
    assert [fix is not None for fix in fixes] == [True] * MAX_FIXES + [False]


def test_a_problem_with_a_fix_is_a_value() -> None:
    (problem,) = problems_of({"allow_origins": ["https://A.test"]})
    assert problem.fix == {"allow_origins": ("https://a.test",)}
    assert eval(repr(problem)) == problem  # noqa: S307
    assert pickle.loads(pickle.dumps(problem)) == problem  # noqa: S301
    assert copy.deepcopy(problem) is problem
    assert hash(problem) == hash(problem.replace(fix=None)) != problem.replace(fix=None)
    assert problem != problem.replace(fix=None)
    assert problem.as_dict()["fix"] == {"allow_origins": ["https://a.test"]}
    with pytest.raises(TypeError):
        problem.fix["allow_origins"] = ()  # type: ignore[index]


def of_flask(options: Mapping[str, Any]) -> tuple[CORSConfigProblem, ...]:
    return read_flask_cors(options).problems_for("drop-in")


def of_django(options: Mapping[str, Any]) -> tuple[CORSConfigProblem, ...]:
    return read_django_cors_headers(options).problems_for("drop-in")


FOREIGN = [
    (of_flask, {"origins": [r"https://.*\.shop\.example"]}),
    (of_flask, {"origins": [r"https://.*\.shop\.example"], "supports_credentials": True}),
    (of_flask, {"origins": [r"https://a\.test|https://b\.test", "https://c.test"]}),
    (of_flask, {"origins": re.compile(r"https://[a-z]+\.shop\.example")}),
    (of_flask, {"origins": r"https://app\.shop\.example"}),
    (of_flask, {"origins": ["https://*.shop.example"]}),
    (of_flask, {"origins": ["https://a.test", "https://a.test"]}),
    (of_flask, {"origins": ["http://a.test", "https://b.test"], "supports_credentials": True}),
    (of_flask, {"origins": "*", "supports_credentials": True, "max_age": 90_000}),
    (of_flask, {"origins": ["https://a.test/"], "allow_headers": ["x-a", "X-A"]}),
    (of_django, {"CORS_ALLOWED_ORIGIN_REGEXES": [r"https://\w+\.shop\.example"]}),
    (of_django, {"CORS_ALLOWED_ORIGIN_REGEXES": [r"^https://.*\.shop\.example"]}),
    (of_django, {"CORS_ALLOWED_ORIGINS": ["https://a.test", "https://a.test"]}),
    (
        of_django,
        {"CORS_ALLOWED_ORIGINS": ["http://a.test"], "CORS_ALLOW_CREDENTIALS": True},
    ),
]


@pytest.mark.parametrize(("read", "options"), FOREIGN)
def test_a_fix_is_in_the_words_of_the_library_and_is_not_the_next_mistake(
    read: Callable[[Mapping[str, Any]], tuple[CORSConfigProblem, ...]], options: Any
) -> None:
    problems = read(options)
    for problem in problems:
        assert 'origins=["https://*' not in problem.hint.replace("(allow_origins", "")
        if problem.fix is None:
            continue
        assert problem.fix.keys() <= {*options, "CORS_ALLOW_CREDENTIALS", "supports_credentials"}
        after = read({**options, **problem.fix})
        kind = problem.code, problem.option
        assert kinds(after)[kind] < kinds(problems)[kind]
        assert kinds(after, RANKS[problem.severity]) - kinds(problems) == Counter()


@pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")
@pytest.mark.parametrize(
    ("library", "read"),
    [("flask-cors", read_flask_application), ("django-cors-headers", read_django_cors_headers)],
)
def test_each_fix_of_drawn_options_of_a_library_is_not_the_next_mistake(
    library: str, read: Callable[[Mapping[str, Any]], Reading]
) -> None:
    for seed in range(40):
        options = draw_options(library, seed)
        problems = read(options).problems_for("drop-in")
        for problem in problems:
            if problem.fix is None:
                continue
            after = read({**options, **problem.fix}).problems_for("drop-in")
            kind = problem.code, problem.option
            assert kinds(after)[kind] < kinds(problems)[kind], (seed, problem)
            worse = kinds(after, RANKS[problem.severity]) - kinds(problems)
            assert worse == Counter(), (seed, problem, options)


def test_an_expression_of_flask_cors_is_mended_as_one() -> None:
    """It said to write a pattern, which is an expression there, and matched nobody."""
    (problem,) = [
        each
        for each in of_flask({"origins": [r"https://.*\.shop\.example"]})
        if each.code == "regex.unanchored"
    ]
    assert problem.hint == r"end it with $ to say so: 'https://.*\\.shop\\.example$'"
    assert problem.fix == {"origins": [r"https://.*\.shop\.example$"]}
    mended = read_flask_cors(dict(problem.fix))
    assert mended.options["allow_origins"] == ["https://*.shop.example"]
    assert [each for each in mended.problems_for("drop-in") if each.severity != "info"] == []


def test_a_fix_of_an_entry_that_stands_there_twice_replaces_both() -> None:
    options = {"allow_origins": ["https://A.example", "https://A.example"], "always_send": True}
    for problem in problems_of(options):
        assert problem.code == "origin.invalid"
        assert problem.fix == {"allow_origins": ("https://a.example",)}
