"""CORS headers that the application itself sets: what becomes of them, and what is said."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from corsac import CORSConfigError, CORSMiddleware, CORSPolicy
from corsac._text import MAX_LOGGED_LENGTH
from corsac.app_headers import MAX_PATHS, AppHeadersLog
from support.exchange import AppResponse, Exchange, Request, run_asgi
from support.own_headers import CREDENTIALS, EXPOSE, ORIGIN, OTHER, OURS, TYPE, VARY

ANY_ORIGIN = ((ORIGIN, "*"),)
ECHO_WITH_CREDENTIALS = ((ORIGIN, OTHER), (CREDENTIALS, "true"), (EXPOSE, "etag"))


def get(origin: str | None, path: str = "/") -> Request:
    return Request("GET", [] if origin is None else [("Origin", origin)], path)


def app_with(*headers: tuple[str, str]) -> AppResponse:
    return AppResponse(headers=(TYPE, *headers))


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    assert all(record.levelno == logging.WARNING for record in caplog.records)
    own = "layer inside", "application's own", "application sets"
    return [line for line in caplog.messages if any(words in line for words in own)]


@pytest.mark.parametrize("origin", [None, OTHER, "null", "https://a.example, https://b.example"])
@pytest.mark.parametrize("own", [ANY_ORIGIN, ECHO_WITH_CREDENTIALS, ((CREDENTIALS, "true"),)])
def test_where_the_policy_allows_nobody_replace_removes_headers_of_the_application(
    exchange: Exchange, origin: str | None, own: tuple[tuple[str, str], ...]
) -> None:
    response = exchange(CORSPolicy(allow_origins=[OURS]), get(origin), app_with(*own))
    assert response.header_set == dict([TYPE, VARY])


@pytest.mark.parametrize("origin", [None, OTHER, "null", "https://a.example, https://b.example"])
@pytest.mark.parametrize("own", [ANY_ORIGIN, ECHO_WITH_CREDENTIALS, ((CREDENTIALS, "true"),)])
def test_where_the_policy_allows_nobody_keep_leaves_headers_of_the_application(
    exchange: Exchange, origin: str | None, own: tuple[tuple[str, str], ...]
) -> None:
    policy = CORSPolicy(allow_origins=[OURS], app_headers="keep")
    response = exchange(policy, get(origin), app_with(*own))
    assert response.header_set == dict([TYPE, *own, VARY])


@pytest.mark.parametrize("app_headers", ["replace", "keep"])
@pytest.mark.parametrize(
    "own",
    [
        ANY_ORIGIN,
        ECHO_WITH_CREDENTIALS,
        ((CREDENTIALS, "true"),),
        (("Access-Control-Allow-Origin", "*"), ("ACCESS-CONTROL-ALLOW-ORIGIN", OTHER)),
        ((ORIGIN, OURS), (ORIGIN, OURS), (EXPOSE, "*")),
    ],
)
def test_where_the_policy_allows_the_origin_its_headers_alone_are_sent(
    exchange: Exchange, app_headers: Any, own: tuple[tuple[str, str], ...]
) -> None:
    policy = CORSPolicy(allow_origins=[OURS], app_headers=app_headers)
    response = exchange(policy, get(OURS), app_with(*own))
    # Not the application's credentials with the policy's origin.
    assert response.header_set == dict([TYPE, VARY, (ORIGIN, OURS)])


@pytest.mark.parametrize("app_headers", ["replace", "keep"])
@pytest.mark.parametrize("origin", [None, OURS, OTHER, "https://a.example, https://b.example"])
def test_a_policy_for_anyone_sets_its_constant_whatever_the_application_sets(
    exchange: Exchange, app_headers: Any, origin: str | None
) -> None:
    policy = CORSPolicy(allow_origins=["*"], app_headers=app_headers)
    response = exchange(policy, get(origin), app_with(*ECHO_WITH_CREDENTIALS))
    assert response.header_set == dict([TYPE, (ORIGIN, "*")])


@pytest.mark.parametrize(
    "names",
    [
        (ORIGIN, ORIGIN),
        ("Access-Control-Allow-Origin", "access-control-allow-origin"),
        ("ACCESS-CONTROL-ALLOW-ORIGIN", ORIGIN),
    ],
)
@pytest.mark.parametrize("values", [("*", "*"), (OTHER, OTHER), (OTHER, "*")])
def test_what_is_kept_never_allows_several_origins(
    exchange: Exchange, names: tuple[str, str], values: tuple[str, str]
) -> None:
    policy = CORSPolicy(allow_origins=[OURS], app_headers="keep")
    own = zip(names, values, strict=True)
    lines = ("vary", "Accept"), *own, (CREDENTIALS, "true"), ("vary", "Cookie"), ("x-a", "1")
    response = exchange(policy, get(OTHER), app_with(*lines))
    assert response.header_set == dict([TYPE, ("vary", "Accept, Cookie, Origin"), ("x-a", "1")])


def test_one_line_that_is_kept_is_sent_as_the_application_spelt_it(exchange: Exchange) -> None:
    policy = CORSPolicy(allow_origins=[OURS], app_headers="keep")
    own = ("ACCESS-Control-Allow-ORIGIN", "https://a.example, https://b.example")
    response = exchange(policy, get(OTHER), app_with(own))
    assert response.header_set == dict([TYPE, (own[0].lower(), own[1]), VARY])
    assert own[0] in response.names_as_sent


PREFLIGHT_ANSWER = (
    (ORIGIN, "*"),
    ("access-control-allow-methods", "PUT"),
    ("access-control-allow-headers", "x-a"),
    ("access-control-max-age", "5"),
    ("access-control-allow-private-network", "true"),
)


def preflight(origin: str) -> Request:
    return Request("OPTIONS", [("Origin", origin), ("Access-Control-Request-Method", "PUT")])


@pytest.mark.parametrize(
    ("app_headers", "own"), [("replace", ()), ("keep", PREFLIGHT_ANSWER)], ids=["replace", "keep"]
)
def test_the_applications_answer_to_a_preflight_from_a_refused_origin(
    exchange: Exchange, app_headers: Any, own: tuple[tuple[str, str], ...]
) -> None:
    policy = CORSPolicy(allow_origins=[OURS], preflight_continue=True, app_headers=app_headers)
    response = exchange(policy, preflight(OTHER), app_with(*PREFLIGHT_ANSWER))
    assert response.header_set == dict([TYPE, *own, VARY])


@pytest.mark.parametrize("app_headers", ["replace", "keep"])
def test_the_applications_answer_to_a_preflight_from_an_allowed_origin(
    exchange: Exchange, app_headers: Any
) -> None:
    policy = CORSPolicy(allow_origins=[OURS], preflight_continue=True, app_headers=app_headers)
    response = exchange(policy, preflight(OURS), app_with(*PREFLIGHT_ANSWER))
    answer = [(ORIGIN, OURS), ("access-control-max-age", "600")]
    assert response.header_set == dict([TYPE, VARY, *answer])


@pytest.mark.parametrize("app_headers", ["replace", "keep"])
def test_answers_of_the_middleware_itself_are_its_own(exchange: Exchange, app_headers: Any) -> None:
    policy = CORSPolicy(allow_origins=[OURS], guard=True, app_headers=app_headers)
    for request in (
        preflight(OTHER),
        Request("POST", [("Origin", OTHER), ("Sec-Fetch-Site", "cross-site")]),
    ):
        response = exchange(policy, request, app_with(*ECHO_WITH_CREDENTIALS))
        assert (response.status, response.app_called) == (403, False)
        assert {ORIGIN, CREDENTIALS, EXPOSE}.isdisjoint(response.header_set)


def test_a_path_that_is_handed_to_the_application_has_its_headers_and_nothing_is_said(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    rules = [("/", None)]
    own = (*ECHO_WITH_CREDENTIALS, (ORIGIN, "*"))
    response = exchange(CORSPolicy(allow_origins=[OURS]), get(OTHER), app_with(*own), rules=rules)
    assert response.headers == [TYPE, *own]
    assert caplog.messages == []


# What is said


def test_what_is_removed_is_said_once_for_each_path(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    policy = CORSPolicy(allow_origins=[OURS])
    for path in ("/a", "/a", "/b"):
        exchange(policy, get(OTHER, path), app_with(*ANY_ORIGIN))
    exchange(policy, get(None, "/c"), app_with(*ANY_ORIGIN))
    start = "CORS: removed the application's own headers (Access-Control-Allow-Origin: '*') on"
    why = f"the policy decides, and origin '{OTHER}' is not in it"
    end = 'app_headers="keep" leaves them'
    assert messages(caplog) == [
        f"{start} '/a': {why}; {end}",
        f"{start} '/b': {why}; {end}",
        f"{start} '/c': the policy decides, and the request has no Origin; {end}",
    ]


def test_what_is_kept_for_a_refused_origin_is_said_once_for_each_path(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    policy = CORSPolicy(allow_origins=[OURS], app_headers="keep")
    for path in ("/a", "/a", "/b"):
        exchange(policy, get(OTHER, path), app_with((ORIGIN, OTHER), (CREDENTIALS, "true")))
    start = f"CORS: a response for the refused origin '{OTHER}' on"
    end = (
        f"carries Access-Control-Allow-Origin: '{OTHER}', Access-Control-Allow-Credentials: "
        "'true': a layer inside allows it; app_headers=\"replace\" removes them"
    )
    assert messages(caplog) == [f"{start} '/a' {end}", f"{start} '/b' {end}"]


def test_nothing_is_said_of_what_is_kept_for_a_page_of_the_same_origin_or_without_one(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    policy = CORSPolicy(allow_origins=[OURS], app_headers="keep")
    own = Request("POST", [("Origin", "http://a.test"), ("Host", "a.test")])
    for request in (
        get(None),
        own,
        Request("POST", [*own.headers, ("Sec-Fetch-Site", "none")][:2]),
    ):
        response = exchange(policy, request, app_with(*ANY_ORIGIN))
        assert response.header_set == dict([TYPE, *ANY_ORIGIN, VARY])
    assert caplog.messages == []


def test_headers_that_the_policy_replaces_by_others_are_said(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    policy = CORSPolicy(allow_origins=[OURS], app_headers="keep")
    for _ in range(2):
        exchange(policy, get(OURS), app_with((ORIGIN, OURS), (CREDENTIALS, "true")))
    assert caplog.messages == [
        "CORS: replaced the application's own headers (Access-Control-Allow-Credentials: 'true') "
        "on '/' by those of the policy; let one of them answer for CORS"
    ]


def test_headers_that_are_the_policys_too_are_not_worth_a_word(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    policy = CORSPolicy(
        allow_origins=[OURS],
        allow_credentials=True,
        expose_headers=["etag"],
        preflight_continue=True,
    )
    own = ("Access-Control-Allow-Origin", OURS), (CREDENTIALS, "true"), (EXPOSE, "etag")
    exchange(policy, get(OURS), app_with(*own))
    exchange(policy, preflight(OURS), app_with(*own[:2], ("Access-Control-Max-Age", "600")))
    exchange(CORSPolicy(allow_origins=["*"]), get(OTHER), app_with(*ANY_ORIGIN))
    assert messages(caplog) == []


def test_several_allowed_origins_that_are_not_kept_are_said(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    policy = CORSPolicy(allow_origins=[OURS], app_headers="keep")
    exchange(policy, get(OTHER), app_with((ORIGIN, "*"), (ORIGIN, OTHER)))
    assert messages(caplog) == [
        "CORS: removed the application's own headers (Access-Control-Allow-Origin: '*', "
        f"Access-Control-Allow-Origin: '{OTHER}') on '/': with several "
        "Access-Control-Allow-Origin no browser accepts any"
    ]


@pytest.mark.parametrize("protocol", ["asgi", "wsgi"])
def test_no_more_paths_are_told_and_remembered_than_the_limit(
    protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    log = AppHeadersLog(keeps=False)
    for number in range(MAX_PATHS + 5):
        path = f"/{number}"
        asgi = {"type": "http", "path": path, "headers": [(b"origin", b"https://a.test")]}
        wsgi = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "HTTP_ORIGIN": "https://a.test"}
        log(asgi if protocol == "asgi" else wsgi, "removed", [(ORIGIN.encode(), b"*")])
        assert len(caplog.messages) == min(number, MAX_PATHS) + 1
    assert all(line.startswith("CORS: removed") for line in caplog.messages[:MAX_PATHS])
    assert caplog.messages[MAX_PATHS:] == [
        "CORS: the application sets CORS headers itself on more paths"
    ]
    assert len(list(log.said_about("/0"))) == 1
    assert not list(log.said_about(f"/{MAX_PATHS + 1}"))


def test_what_is_said_is_escaped_and_cut(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    long = "/" + "a" * MAX_LOGGED_LENGTH
    exchange(CORSPolicy(allow_origins=[OURS]), get("\xff", long), app_with((ORIGIN, "\xfe\t")))
    (line,) = messages(caplog)
    assert line.isascii()
    assert f"'{long[:MAX_LOGGED_LENGTH]}'..." in line
    assert r"'\xfe\t'" in line
    assert r"'\xff'" in line


def test_a_configuration_in_the_place_of_another_does_not_say_the_same_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"access-control-allow-origin", b"*")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    middleware = CORSMiddleware(app, allow_origins=[OURS])
    for number in range(3):
        scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        run_asgi(middleware, scope)
        middleware.reconfigure(
            allow_origins=[OURS, f"https://a{number}.example"], rules=[("/a/*", None)]
        )
    assert len(caplog.messages) == 1


# The option


@pytest.mark.parametrize("value", ["", "KEEP", "remove", None, b"keep", 1])
def test_app_headers_is_one_of_two_words(value: Any) -> None:
    with pytest.raises(CORSConfigError) as raised:
        CORSPolicy(allow_origins=[OURS], app_headers=value)
    (problem,) = raised.value.problems
    assert (problem.code, problem.option, problem.value) == (
        "option.wrong_type",
        "app_headers",
        value,
    )
    assert problem.message == 'expected "replace" or "keep"'
    assert problem.hint == f'write app_headers="{"keep" if value == "KEEP" else "replace"}"'


def test_the_option_can_be_written_in_files_and_variables(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = CORSPolicy(allow_origins=[OURS], app_headers="keep")
    file = tmp_path / "cors.toml"
    file.write_text(f'allow_origins = ["{OURS}"]\napp_headers = "keep"\n')
    assert CORSPolicy.from_toml(file) == policy
    monkeypatch.setenv("CORS_ALLOW_ORIGINS", OURS)
    monkeypatch.setenv("CORS_APP_HEADERS", "keep")
    assert CORSPolicy.from_env() == policy
    assert policy.replace(app_headers="replace") == CORSPolicy(allow_origins=[OURS])
    assert repr(policy) == f"CORSPolicy(allow_origins=('{OURS}',), app_headers='keep')"


BEYOND_CORS = {
    "a navigation": [("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Site", "cross-site")],
    "an image": [("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Site", "cross-site")],
    "the own origin": [("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Site", "same-origin")],
}


@pytest.mark.parametrize("lines", BEYOND_CORS.values(), ids=BEYOND_CORS)
@pytest.mark.parametrize("origin", [OURS, OTHER, None])
@pytest.mark.parametrize("app_headers", ["replace", "keep"])
def test_nothing_is_said_of_a_response_that_no_browser_checks(
    exchange: Exchange,
    caplog: pytest.LogCaptureFixture,
    lines: list[tuple[str, str]],
    origin: str | None,
    app_headers: Any,
) -> None:
    policy = CORSPolicy(allow_origins=[OURS], app_headers=app_headers)
    own = [] if origin is None else [("Origin", origin)]
    app = app_with((ORIGIN, "*"), (CREDENTIALS, "true"))
    exchange(policy, Request("POST", [*own, *lines], "/a"), app)
    assert caplog.messages == []
    exchange(policy, get(OTHER, "/a"), app)  # It is still to be said of what is checked.
    assert len(caplog.messages) == 2  # And that it is refused.


# explain


def test_explain_has_no_refusal_for_what_no_browser_checks() -> None:
    policy = CORSPolicy(allow_origins=[OURS])
    lines = [("Origin", OTHER), *BEYOND_CORS["a navigation"]]
    explanation = policy.explain("POST", lines)
    assert (explanation.allowed, explanation.reason) == (None, None)
    assert [(step.check, step.passed) for step in explanation.steps] == [
        ("kind", None),
        ("origin", None),
        ("mode", None),
    ]


def steps_about_app_headers(policy: CORSPolicy, request: Request) -> list[str]:
    explanation = policy.explain(request.method, request.headers, request.path)
    return [step.text for step in explanation.steps if step.check == "app-headers"]


def test_explain_says_what_is_known_of_headers_of_the_application(exchange: Exchange) -> None:
    replacing = CORSPolicy(allow_origins=[OURS])
    keeping = replacing.replace(app_headers="keep")
    assert steps_about_app_headers(replacing, get(OTHER)) == []
    may_stay = [
        'app_headers="keep": if the application itself sets CORS headers they stay, and a browser '
        "goes by them"
    ]
    assert steps_about_app_headers(keeping, get(OTHER)) == may_stay
    assert steps_about_app_headers(keeping, get(OURS)) == []
    for policy in (replacing, keeping):
        for origin in (OURS, OTHER):
            exchange(policy, get(origin), app_with(*ANY_ORIGIN))
    sent = "the application itself sent Access-Control-Allow-Origin: '*' on this path:"
    assert steps_about_app_headers(replacing, get(OTHER)) == [
        f'{sent} they are removed (app_headers="replace")'
    ]
    assert steps_about_app_headers(keeping, get(OTHER)) == [
        f'{sent} they stay (app_headers="keep"), and a browser goes by them'
    ]
    for policy in (replacing, keeping):
        assert steps_about_app_headers(policy, get(OURS)) == [
            f"{sent} the policy's headers take their place"
        ]
        assert steps_about_app_headers(policy, preflight(OTHER)) == []
    assert steps_about_app_headers(keeping, get(OTHER, "/other")) == may_stay
