"""What `corsac.migrate.translate` makes of options, by each library's own meaning."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from typing import Any

import pytest

pytest.importorskip("re2", reason="some configurations have an expression")

import corsac
from corsac.migrate import LIBRARIES, Translation, translate
from support.exchange import Request, http_scope, run_asgi


def codes(translation: Translation, *severities: str) -> set[str]:
    """The codes of the problems, of some severities or of all."""
    return {
        problem.code
        for problem in translation.problems
        if not severities or problem.severity in severities
    }


def problem(translation: Translation, code: str) -> corsac.CORSConfigProblem:
    """The one problem with a code."""
    found = [each for each in translation.problems if each.code == code]
    assert len(found) == 1, found
    return found[0]


# All libraries


@pytest.mark.parametrize("library", LIBRARIES)
def test_no_options_at_all_are_the_defaults_of_the_library(library: str) -> None:
    anyone = {"flask-cors", "litestar", "express"}
    translation = translate(library, {})
    assert translation.options.get("allow_origins", []) == (["*"] if library in anyone else [])
    assert translation.policy == corsac.CORSPolicy(**translation.options)


def test_an_unknown_library_and_options_that_are_none_are_said_to_be_so() -> None:
    with pytest.raises(ValueError, match="unknown library 'rails'; the libraries are starlette"):
        translate("rails", {})
    with pytest.raises(TypeError, match="options are a mapping, not int"):
        translate("starlette", 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a layer's options are a mapping, not str"):
        translate("starlette", ["allow_origins"])  # type: ignore[list-item]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("value", [None, 3, b"x", object(), [None, 3], {"a": 1}, "", "x,y", [[]]])
def test_values_of_any_type_are_problems_and_never_exceptions(library: str, value: Any) -> None:
    for name in (
        *("allow_origins", "allow_methods", "allow_headers", "expose_headers", "max_age"),
        *("allow_credentials", "allow_origin_regex", "origins", "methods", "resources"),
        *("CORS_ALLOWED_ORIGINS", "CORS_ALLOWED_ORIGIN_REGEXES", "CORS_URLS_REGEX"),
        *("CORS_ALLOW_METHODS", "CORS_PREFLIGHT_MAX_AGE", "origin", "supports_credentials"),
    ):
        translation = translate(library, {name: value})
        corsac.CORSPolicy(**translation.options)


def test_nothing_goes_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="corsac"):
        translate("starlette", {"allow_origins": ["https://a.example", "https://a.example"]})
        translate("express", {"origin": "https://*.a.example"})
    assert caplog.records == []


def test_errors_come_first_and_leave_no_policy_but_options_that_work() -> None:
    translation = translate("starlette", {"allow_origins": ["https://a.example/"]})
    assert translation.problems[0].code == "origin.invalid"
    assert translation.policy is None
    assert translation.has_errors
    assert "allow_origins" not in translation.options


def test_several_layers_are_an_error_and_the_problems_of_each_are_told() -> None:
    layers: list[dict[str, object]] = [
        {"origins": "https://a.example"},
        {"origins": "https://b.example/"},
    ]
    translation = translate("flask-cors", layers)
    assert problem(translation, "middleware.several").value == 2
    assert problem(translation, "origin.invalid").option == "layer 2: origins"
    assert translate("flask-cors", layers[:1]) == translate("flask-cors", layers[0])


# Starlette


def test_any_origin_with_credentials_keeps_what_pages_read_without_them() -> None:
    given = {"allow_origins": ["*"], "allow_credentials": True, "allow_headers": ["*"]}
    translation = translate("starlette", given)
    assert problem(translation, "origin.any_with_credentials").severity == "error"
    assert translation.options == {"allow_origins": ["*"], "allow_headers": ["*", "authorization"]}


def test_starlettes_eight_methods_are_listed_and_no_others_become_allowed() -> None:
    given = {"allow_origins": ["https://a.example"], "allow_methods": ["*"]}
    options = translate("starlette", given).options
    assert options["allow_methods"] == ["DELETE", "OPTIONS", "PATCH", "PUT", "QUERY"]


def test_starlettes_default_of_get_is_told_since_fetch_allows_post() -> None:
    found = problem(translate("starlette", {"allow_origins": ["*"]}), "method.safelisted")
    assert (found.severity, found.value) == ("warning", ("HEAD", "POST"))


def test_a_string_is_searched_so_its_parts_and_a_star_in_it_are_told() -> None:
    one = translate("starlette", {"allow_origins": "https://a.example/"})
    assert "every part of it is allowed" in problem(one, "option.wrong_type").message
    assert one.options["allow_origins"] == ["https://a.example"]
    star = translate(
        "starlette", {"allow_origins": "http://localhost:*", "allow_credentials": True}
    )
    assert codes(star, "error") == {"option.wrong_type", "origin.any_with_credentials"}


def test_a_string_for_methods_or_headers_is_sent_letter_by_letter() -> None:
    given = {"allow_origins": ["*"], "allow_methods": "PUT", "allow_headers": "X-A"}
    translation = translate("starlette", given)
    assert codes(translation, "error") == {"option.wrong_type"}
    assert translation.options.get("allow_methods") is None
    assert translation.options["allow_headers"] == ["content-type"]


@pytest.mark.parametrize("library", ["starlette", "django-cors-headers"])
def test_an_entry_that_only_looks_like_a_pattern_is_left_out(library: str) -> None:
    name = {"starlette": "allow_origins"}.get(library, "CORS_ALLOWED_ORIGINS")
    translation = translate(library, {name: ["https://*.a.example", "https://b.example"]})
    assert problem(translation, "origin.never_matched").value == "https://*.a.example"
    assert translation.options["allow_origins"] == ["https://b.example"]


def test_an_unknown_argument_is_an_error_with_the_one_that_was_meant() -> None:
    found = problem(translate("starlette", {"allow_origin": ["*"]}), "option.unknown")
    assert (found.severity, found.hint) == ("error", "did you mean allow_origins?")


def test_an_expression_that_lets_in_a_hosting_platform_is_left_out_with_credentials() -> None:
    given = {"allow_origin_regex": r"https://.*\.vercel\.app", "allow_credentials": True}
    translation = translate("starlette", given)
    assert codes(translation, "error") == {"origin.public_suffix_with_credentials"}
    assert "allow_origin_regex" not in translation.options
    del given["allow_credentials"]
    assert translate("starlette", given).options["allow_origin_regex"] == r"https://.*\.vercel\.app"


# flask-cors


def test_a_name_that_flask_cors_ignores_opens_the_door() -> None:
    translation = translate(
        "flask-cors", {"origin": "https://a.example", "supports_credentials": True}
    )
    found = problem(translation, "option.unknown")
    assert (found.severity, found.hint) == ("error", "write origins")
    assert "origin.any_with_credentials" in codes(translation, "error")


def test_flask_cors_matches_expressions_from_the_start_and_corsac_as_a_whole() -> None:
    given = {"origins": [r"https://.*\.a\.example"]}
    translation = translate("flask-cors", given)
    found = problem(translation, "regex.unanchored")
    assert "https://x.a.example.evil.example" in found.message
    assert translation.policy is not None
    assert translation.options["allow_origins"] == ["https://*.a.example"]


def test_an_expression_becomes_a_pattern_only_if_that_is_no_wider() -> None:
    given = {"origins": [r"https://\w+\.a\.example$", r"http://localhost:\d+$"]}
    translation = translate("flask-cors", given)
    assert "allow_origins" not in translation.options
    assert translation.options["allow_origin_regex"] == (
        r"(?:https://\w+\.a\.example$)|(?:http://localhost:\d+$)"
    )


def test_an_expression_with_an_end_is_taken_as_it_is() -> None:
    given = {"origins": [r"^https://[a-z]+\.a\.example$"]}
    assert codes(translate("flask-cors", given)) == {"regex.is_a_pattern"}


def test_case_does_not_matter_to_flask_cors() -> None:
    given = {"origins": ["https://A.example", r"^https://B\.Example\D*$", re.compile("^HTTP://c$")]}
    options = translate("flask-cors", given).options
    assert options["allow_origins"] == ["https://a.example"]
    assert options["allow_origins"] == ["https://a.example"]
    assert options["allow_origin_regex"] == r"(?i:^https://B\.Example\D*$)"


def test_a_glob_becomes_a_pattern_only_if_that_is_no_wider() -> None:
    translation = translate(
        "flask-cors", {"origins": ["http://localhost:*", "https://*.a.example"]}
    )
    assert translation.options["allow_origins"] == ["http://localhost:*"]
    told = [each.value for each in translation.problems if each.code == "regex.look_alike"]
    assert told == ["http://localhost:*", "https://*.a.example"]


def test_arguments_go_before_keys_of_the_configuration() -> None:
    given = {
        "CORS_ORIGINS": "https://a.example",
        "CORS_MAX_AGE": 60,
        "origins": "https://b.example",
    }
    options = translate("flask-cors", given).options
    assert (options["allow_origins"], options["max_age"]) == (["https://b.example"], 60)


@pytest.mark.parametrize(
    ("value", "seconds"), [(0, None), ("0", 0), (timedelta(minutes=1), 60), (None, None), (60, 60)]
)
def test_flask_cors_leaves_out_a_max_age_that_is_false(value: object, seconds: object) -> None:
    options = translate("flask-cors", {"max_age": value}).options
    assert options["max_age"] == seconds


def test_the_resources_become_rules_in_the_order_in_which_they_are_asked() -> None:
    resources = {
        r"/api/*": {"origins": "https://a.example"},
        r"^/api/private/.*$": {"origins": "https://b.example"},
        "/health": {"origins": "*"},
    }
    translation = translate("flask-cors", {"resources": resources})
    assert [pattern for pattern, _ in translation.rules] == [
        *("/health", "/api/private", "/api/private/*", "/api/*", "/*")
    ]
    assert translation.rules[-1] == ("/*", None)

    # /api/private itself is not matched by the second, but is by the first.
    def origin_of(path: str) -> tuple[str, ...] | None:
        for pattern, policy in translation.rules:
            prefix = pattern.removesuffix("/*")
            if path == prefix or (pattern != prefix and path.startswith(f"{prefix}/")):
                return None if policy is None else policy.allow_origins
        return None

    assert origin_of("/api/private") == ("https://a.example",)
    assert origin_of("/api/private/x") == ("https://b.example",)
    assert origin_of("/apix") is None
    assert "rule.narrower" in codes(translation, "warning")


def test_rules_work_in_the_middleware_as_they_are() -> None:
    translation = translate(
        "flask-cors", {"resources": {"/api/*": {"origins": "https://a.example"}}}
    )

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    app = corsac.CORSMiddleware(application, rules=translation.rules, **translation.options)
    headers = {}
    for path in ("/api", "/api/x", "/apix", "/"):
        request = Request("GET", [("origin", "https://a.example")], path)
        headers[path] = dict(run_asgi(app, http_scope(request))[0]["headers"])
    assert b"access-control-allow-origin" in headers["/api"]
    assert b"access-control-allow-origin" in headers["/api/x"]
    assert headers["/apix"] == headers["/"] == {}


@pytest.mark.parametrize("resource", [r"/api/v\d+/.*", "/(a|b)+", "^/x[0-9]"])
def test_an_expression_for_paths_that_rules_cannot_say_is_an_error(resource: str) -> None:
    translation = translate("flask-cors", {"resources": {resource: {"origins": "*"}}})
    assert codes(translation, "error") == {"rule.no_counterpart"}
    assert translation.rules == (("/*", None),)


@pytest.mark.parametrize("resource", ["/*", "*", r"/.*", r"^/.*$", r".*", re.compile("/")])
def test_an_expression_for_every_path_is_no_rule(resource: object) -> None:
    translation = translate(
        "flask-cors", {"resources": {resource: {"origins": "https://a.example"}}}
    )
    assert (translation.rules, translation.options["allow_origins"]) == ((), ["https://a.example"])


# django-cors-headers


def test_an_entry_without_a_scheme_equals_the_origin_null() -> None:
    given = {"CORS_ALLOWED_ORIGINS": ["*", "a.example"], "CORS_ALLOW_CREDENTIALS": True}
    translation = translate("django-cors-headers", given)
    nulls = [each.value for each in translation.problems if each.code == "origin.invalid"]
    assert nulls == ["*", "a.example"]
    assert "allow_origins" not in translation.options


def test_a_path_behind_the_host_does_not_matter_to_django_cors_headers() -> None:
    translation = translate(
        "django-cors-headers", {"CORS_ALLOWED_ORIGINS": ["https://a.example/x"]}
    )
    assert translation.options["allow_origins"] == ["https://a.example"]
    assert translation.policy is not None
    assert codes(translation) == {"origin.rewritten"}


def test_older_names_count_only_without_the_newer_ones() -> None:
    old = {"CORS_ORIGIN_WHITELIST": ["https://old.example"]}
    translation = translate("django-cors-headers", old)
    assert translation.options["allow_origins"] == ["https://old.example"]
    both = translate("django-cors-headers", {**old, "CORS_ALLOWED_ORIGINS": ["https://n.example"]})
    assert both.options["allow_origins"] == ["https://n.example"]
    assert problem(both, "option.conflict").option == "CORS_ORIGIN_WHITELIST"


def test_a_string_of_expressions_matches_any_origin() -> None:
    given = {"CORS_ALLOWED_ORIGIN_REGEXES": r"^https://a\.example$", "CORS_ALLOW_CREDENTIALS": True}
    translation = translate("django-cors-headers", given)
    assert codes(translation, "error") == {"option.wrong_type", "origin.any_with_credentials"}
    assert translation.options["allow_origins"] == ["https://a.example"]


def test_a_star_among_headers_is_only_a_name_with_credentials() -> None:
    given = {
        "CORS_ALLOWED_ORIGINS": ["https://a.example"],
        "CORS_ALLOW_HEADERS": ["*"],
        "CORS_ALLOW_CREDENTIALS": True,
    }
    translation = translate("django-cors-headers", given)
    assert "allow_headers" not in translation.options
    assert problem(translation, "header.any_with_credentials").value == "*"


def test_settings_that_do_not_exist_are_told() -> None:
    found = problem(
        translate("django-cors-headers", {"CORS_ALLOWED_METHODS": ["GET"]}), "option.unknown"
    )
    assert (found.severity, found.hint) == ("warning", "write CORS_ALLOW_METHODS")


def test_the_urls_become_rules() -> None:
    given = {"CORS_ALLOW_ALL_ORIGINS": True, "CORS_URLS_REGEX": r"^/(api|media)/.*$"}
    rules = translate("django-cors-headers", given).rules
    assert [(pattern, policy is not None) for pattern, policy in rules] == [
        *(("/api", False), ("/api/*", True), ("/media", False), ("/media/*", True), ("/*", False))
    ]


@pytest.mark.parametrize(
    ("regex", "covered", "left_out"),
    [
        ("^/api/.+$", ("/api/x",), ("/api", "/api/", "/apix", "/")),
        ("^/api/.+", ("/api/x",), ("/api", "/api/")),
        ("^/api/.*$", ("/api/", "/api/x"), ("/api", "/apix")),
        ("^/api.+$", ("/api/", "/api/x"), ("/api",)),
        ("^/api(?:.+)$", ("/api/", "/api/x"), ("/api",)),
        ("^/.+$", ("/api",), ("/",)),
        ("^.+$", ("/", "/api"), ()),
        ("^/api(/|$)", ("/api", "/api/", "/api/x"), ("/apix", "/")),
        ("^/api/?$", ("/api", "/api/"), ("/api/x", "/apix")),
    ],
)
def test_paths_that_an_expression_leaves_out_are_left_out(
    regex: str, covered: tuple[str, ...], left_out: tuple[str, ...]
) -> None:
    given = {"CORS_ALLOW_ALL_ORIGINS": True, "CORS_URLS_REGEX": regex}
    resources = {"resources": {regex: {"origins": "*"}}}
    for translation in (
        translate("django-cors-headers", given),
        translate("flask-cors", resources),
    ):
        rules = translation.rules or [("/*", translation.policy)]
        for path in (*covered, *left_out):
            assert (re.match(regex, path) is not None) is (path in covered) or path == "/apix"
            first = next(
                policy
                for pattern, policy in rules
                if pattern == path
                or (pattern.endswith("/*") and f"{path}/".startswith(pattern.removesuffix("*")))
            )
            assert (first is not None) is (path in covered), path


def test_flags_of_an_expression_for_paths_are_told() -> None:
    given = {"CORS_ALLOW_ALL_ORIGINS": True, "CORS_URLS_REGEX": re.compile("^/api/.*$", re.I)}
    assert codes(translate("django-cors-headers", given), "error") == {"rule.no_counterpart"}
    given = {"CORS_ALLOW_ALL_ORIGINS": True, "CORS_URLS_REGEX": re.compile("^/a b/", re.X)}
    assert translate("django-cors-headers", given).has_errors


def test_no_preflight_is_kept_for_no_seconds() -> None:
    options = translate("django-cors-headers", {"CORS_PREFLIGHT_MAX_AGE": 0}).options
    assert options["max_age"] is None


# litestar and Express


def test_a_star_inside_an_entry_of_litestar_never_becomes_wider() -> None:
    given = {"allow_origins": ["https://*.a.example", "http://localhost:*"]}
    options = translate("litestar", given).options
    assert options["allow_origins"] == ["https://*.a.example"]
    # The pattern http://localhost:* would take no port as well.
    assert options["allow_origin_regex"] == "http://localhost:.*"


def test_litestar_with_credentials_and_its_default_origins_is_an_error() -> None:
    translation = translate("litestar", {"allow_credentials": True})
    assert codes(translation, "error") == {"origin.any_with_credentials"}


def test_express_is_read_as_from_express_reads_it() -> None:
    given = {"origin": ["https://a.example"], "maxAge": 60, "credentials": True}
    translation = translate("express", given)
    # GET, HEAD and POST are allowed anyway, and so are not listed.
    methods = translation.options["allow_methods"]
    assert translation.policy == corsac.CORSPolicy.from_express(given).replace(
        allow_methods=methods
    )
    pattern = translate("express", {"origin": ["https://*.a.example"]})
    assert "allow_origins" not in pattern.options


@pytest.mark.parametrize("end", ["$", r"\Z"])
def test_the_end_of_an_expression_may_be_inside_of_its_groups(end: str) -> None:
    expression = rf"(?:(https://a\.example{end})|https://b\.example{end})"
    translation = translate("flask-cors", {"origins": [expression]})
    assert translation.options["allow_origins"] == ["https://a.example", "https://b.example"]
    assert not translation.problems
