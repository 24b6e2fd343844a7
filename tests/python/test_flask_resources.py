"""The resources of flask-cors as path rules: which paths they take in, and in which order."""

from __future__ import annotations

import re
from typing import Any

import flask
import flask_cors
import pytest

import corsac.flask
from corsac.flask import CORS
from corsac.foreign.flask_application import ResourcePolicies, ResourcePolicy, read_resources
from corsac.foreign.paths import read_resource
from support.exchange import Request, run_wsgi, wsgi_environ
from support.flask_apps import (
    ALLOWED,
    OTHER,
    SECOND,
    cors_headers,
    make_app,
    preflight,
    shared_with,
)


def rules_of(resources: object) -> tuple[list[tuple[str, str | None]], str | None]:
    """The rules and the policy of the rest; each policy by the pattern that it came from."""
    problems: list[corsac.CORSConfigProblem] = []
    names: dict[corsac.CORSPolicy, str] = {}
    entries = []
    for number, (pattern, _) in enumerate(read_resources(resources, problems)):
        resource = read_resource(pattern, problems)
        policy = corsac.CORSPolicy(allow_origins=["*"], max_age=number)
        names[policy] = pattern if isinstance(pattern, str) else pattern.pattern
        if resource is not None:
            entries.append(ResourcePolicy(resource, policy))
    rules, rest = ResourcePolicies(entries).rules()
    named = [(pattern, None if policy is None else names[policy]) for pattern, policy in rules]
    return named, None if rest is None else names[rest]


@pytest.mark.parametrize("pattern", ["*", "/*", ".*", "/.*", "^/.*$", "^/", "/(.*)", "^.*"])
def test_a_pattern_for_every_path(pattern: str) -> None:
    assert rules_of(pattern) == ([], pattern)


@pytest.mark.parametrize(
    ("pattern", "rule"),
    [
        ("/api", "/api"),
        ("/", "/"),
        ("/a.txt", "/a.txt"),
        ("^/api$", "/api"),
        (r"/a\.txt$", "/a.txt"),
        (r"\A/a\-b\Z", "/a-b"),
        ("/service path", "/service path"),
        ("/api/.+", "/api/.+"),  # flask-cors sees no regular expression in it either.
    ],
)
def test_a_pattern_for_one_path(pattern: str, rule: str) -> None:
    assert rules_of(pattern) == ([(rule, pattern)], None)


@pytest.mark.parametrize(
    ("pattern", "rule", "left_out"),
    [
        ("/api/*", "/api/*", []),
        ("/api*/*", None, []),
        ("^/api", "/api/*", []),
        (r"/service\+path", "/service+path/*", []),
        ("/api.*", "/api/*", []),
        ("/api/?.*", "/api/*", []),
        ("/api/.*", "/api/*", ["/api"]),
        ("^/v1/", "/v1/*", ["/v1"]),
        ("/api/(.*)$", "/api/*", ["/api"]),
        ("^/api/.+", "/api/*", ["/api", "/api/"]),
    ],
)
def test_a_pattern_for_all_below_a_path_takes_in_no_more(
    pattern: str, rule: str | None, left_out: list[str]
) -> None:
    rules, rest = rules_of(pattern)
    assert rest is None
    assert [path for path, policy in rules if policy is None] == left_out
    assert [path for path, policy in rules if policy is not None] == ([rule] if rule else [])


def test_the_order_is_that_of_flask_cors() -> None:
    resources: dict[str, object] = {
        "/*": {},
        "/api/*": {},
        "/api": {},
        "/api/v1/users": {},
        "/api/v1/*": {},
    }
    assert rules_of(resources) == (
        [
            ("/api/v1/users", "/api/v1/users"),
            ("/api", "/api"),
            ("/api/v1/*", "/api/v1/*"),
            ("/api/*", "/api/*"),
        ],
        "/*",
    )
    assert rules_of(["/api/*", "/api/v1/*"])[0] == [
        ("/api/*", "/api/*"),
        ("/api/v1/*", "/api/v1/*"),
    ]


def test_a_path_that_a_longer_pattern_leaves_out_goes_to_the_next() -> None:
    rules, rest = rules_of({"/api/.*": {}, "/*": {}})
    assert rules == [("/api", "/*"), ("/api/*", "/api/.*")]
    assert rest == "/*"


def test_the_rules_decide_about_requests() -> None:
    app = make_app("/", "/api", "/api/x", "/apixyz", "/API/x", "/public/x")
    CORS(
        app,
        origins=ALLOWED,
        resources={"/api/*": {}, "/public/*": {"origins": "*"}},
    )
    assert shared_with(app, "/api") == shared_with(app, "/api/x") == [ALLOWED]
    assert shared_with(app, "/public/x") == [ALLOWED, SECOND, OTHER]
    for path in ("/", "/apixyz", "/API/x"):
        assert cors_headers(app, path) == {}


@pytest.mark.parametrize(
    ("pattern", "inside", "outside"),
    [
        ("/test_acl*", ["/test_acl", "/test_acl_one", "/test_acl_more/7"], ["/test_ac", "/no"]),
        (r"/api/v[12]/.*", ["/api/v1/x", "/api/v2/y/7"], ["/api/v3/x", "/api/v1"]),
        (re.compile("/API/.*", re.IGNORECASE), ["/api/v1/x", "/api/v2/y/7"], ["/no"]),
        (r"/(one|two)[/]?$", ["/one", "/two"], ["/three", "/one/more"]),
    ],
)
def test_an_expression_says_which_routes_are_meant(
    pattern: str | re.Pattern[str],
    inside: list[str],
    outside: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    paths = ["/test_acl", "/test_acl_one", "/test_ac", "/no", "/api/v1/x", "/api/v3/x", "/api/v1"]
    app = make_app(
        *paths, "/one", "/two", "/three", "/one/more", "/test_acl_more/<x>", "/api/v2/y/<x>"
    )
    CORS(app, origins=ALLOWED, resources=pattern)
    assert "an expression is not run on the paths of requests" in caplog.text
    for path in inside:
        assert shared_with(app, path) == [ALLOWED], path
    for path in outside:
        assert cors_headers(app, path) == {}, path


def test_alternatives_that_are_paths_are_rules() -> None:
    app = make_app("/api", "/api/x", "/media/x", "/apix", "/one")
    CORS(app, origins=ALLOWED, resources=[r"^/(api|media)/", r"/(one|two)$"])
    for path in ("/api/x", "/media/x", "/one"):
        assert shared_with(app, path) == [ALLOWED], path
    for path in ("/api", "/apix", "/two/x"):
        assert cors_headers(app, path) == {}, path
    assert preflight(app, "/media/unknown")[0] == 200


def test_an_expression_that_routes_cannot_tell_apart_is_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = make_app("/user/<name>")
    CORS(app, origins=ALLOWED, resources=r"/user/\d+$")
    assert cors_headers(app, "/user/7") == {}
    assert "may be meant for /user/<name>" in caplog.text


def test_an_expression_does_not_take_what_an_earlier_one_may_have(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = make_app("/user/<name>")
    resources = {r"/user/admin[0-9]+$": {"origins": SECOND}, r"/us[e]r/": {"origins": ALLOWED}}
    CORS(app, resources=resources)
    assert cors_headers(app, "/user/admin1") == cors_headers(app, "/user/x") == {}
    assert "may be meant for /user/<name>" in caplog.text


@pytest.mark.parametrize("pattern", ["}", "api/*", "/a%20b", "", "/a?b=1"])
def test_a_pattern_that_no_path_matches_is_a_warning(
    pattern: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app("/")
    CORS(app, resources=[pattern])
    assert cors_headers(app, "/") == {}
    assert "resources" in caplog.text


@pytest.mark.parametrize("resources", [[], {}, (), set()])
@pytest.mark.parametrize("options", [{}, {"origins": ["https://app.example.com"]}])
def test_resources_without_a_path_allow_nobody_as_in_flask_cors_and_say_so(
    resources: Any, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    for extension in (corsac.flask.CORS, flask_cors.CORS):
        app = flask.Flask(__name__)
        app.route("/a")(lambda: "a")
        extension(app, resources=resources, **options)
        request = Request("GET", [("Origin", "https://app.example.com")], "/a")
        headers = run_wsgi(app, wsgi_environ(request)).headers
        assert sorted(name.lower() for name, _ in headers) == ["content-length", "content-type"]
    lines = [line for line in caplog.messages if line.startswith("CORS: resources: ")]
    assert len(lines) == 1
    assert "there is no path in it: all other options are for nothing, and nobody" in lines[0]
    assert lines[0].endswith('or "/health" for one path [rule.invalid]')


@pytest.mark.parametrize(
    "resources", [5, None, [5], {"/api/*": "https://app.example.com"}, "/api/(", b"/api", {5: {}}]
)
def test_resources_that_are_none_are_an_error(resources: Any) -> None:
    with pytest.raises(corsac.CORSConfigError, match="resources"):
        CORS(make_app("/"), resources=resources)


def test_problems_of_every_resource_are_found_at_once() -> None:
    with pytest.raises(corsac.CORSConfigError) as caught:
        CORS(
            make_app("/"),
            resources={"/a/*": {"supports_credentials": True}, "/b/*": {"max_age": "soon"}},
        )
    assert sorted(problem.option for problem in caught.value.problems) == [
        "resources['/a/*'] origins",
        "resources['/b/*'] max_age",
    ]
