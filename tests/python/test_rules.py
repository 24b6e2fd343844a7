"""Path rules: which policy decides for which path, and rules that cannot work."""

from __future__ import annotations

from typing import Any

import pytest

import corsac
import corsac.wsgi
from corsac import CORSConfigError, CORSMiddleware, CORSPolicy
from support.asgi import BODY, START, app_sending, scope_with
from support.exchange import Request, http_scope, run_asgi, run_wsgi, wsgi_environ

ORIGIN = "https://app.example.com"
OPEN = CORSPolicy(allow_origins=["*"])
STRICT = CORSPolicy(allow_origins=[ORIGIN], allow_methods=["PUT"])

REQUEST = [(b"origin", ORIGIN.encode())]
PREFLIGHT = [*REQUEST, (b"access-control-request-method", b"PUT")]


def allow_origin(middleware: Any, path: str, **scope: Any) -> str | None:
    """Access-Control-Allow-Origin of a request, or ``None``; "untouched" if nobody added Vary."""
    (start, _) = run_asgi(middleware, scope_with(REQUEST, path=path, **scope))
    if start is START:
        return "untouched"
    headers = dict(start["headers"])
    value = headers.get(b"access-control-allow-origin")
    return None if value is None else str(value.decode())


def middleware_with(*rules: Any, **options: Any) -> CORSMiddleware:
    return CORSMiddleware(app_sending(START, BODY), rules=rules, **options)


def test_the_first_rule_that_matches_decides() -> None:
    middleware = middleware_with(
        ("/api/public/*", OPEN), ("/health", None), ("/api/*", STRICT), policy=OPEN
    )
    found = {
        path: allow_origin(middleware, path)
        for path in ("/api/public", "/api/public/x", "/api/publicity", "/api", "/health", "/other")
    }
    assert found == {
        "/api/public": "*",
        "/api/public/x": "*",
        "/api/publicity": ORIGIN,
        "/api": ORIGIN,
        "/health": "untouched",
        "/other": "*",
    }


@pytest.mark.parametrize(
    "path",
    [
        "/apix",
        "/API/x",
        "/api%2Fx",
        "/x/../api/x",
        "/%61pi/x",
        "api/x",
        "",
        "*",
        "/api;x",
    ],
)
def test_a_path_is_compared_as_the_router_sees_it(path: str) -> None:
    assert allow_origin(middleware_with(("/api/*", OPEN)), path) == "untouched"


def test_without_a_policy_paths_that_match_no_rule_are_left_alone() -> None:
    middleware = middleware_with(("/api/*", STRICT))
    assert middleware.policy is None
    assert middleware.rules == (("/api/*", STRICT),)
    assert allow_origin(middleware, "/other") == "untouched"
    assert allow_origin(middleware, "/api/x") == ORIGIN


def test_without_rules_and_options_nothing_is_allowed() -> None:
    assert allow_origin(CORSMiddleware(app_sending(START, BODY)), "/") is None
    assert allow_origin(middleware_with(), "/") == "untouched"


def test_a_preflight_is_judged_by_the_rule_of_its_path() -> None:
    middleware = middleware_with(("/api/*", STRICT), ("/raw/*", None), policy=OPEN)
    answers = {}
    for path in ("/api/x", "/raw/x", "/other"):
        messages = run_asgi(middleware, scope_with(PREFLIGHT, method="OPTIONS", path=path))
        answers[path] = (messages[0]["status"], dict(messages[0]["headers"]))
    assert answers == {
        "/api/x": (
            204,
            {
                b"access-control-allow-origin": ORIGIN.encode(),
                b"access-control-allow-methods": b"PUT",
                b"access-control-max-age": b"600",
                b"vary": b"Origin",
            },
        ),
        "/raw/x": (200, dict(START["headers"])),  # type: ignore[call-overload]
        "/other": (
            204,
            {b"access-control-allow-origin": b"*", b"access-control-max-age": b"600"},
        ),
    }


@pytest.mark.parametrize(
    ("root_path", "path", "expected"),
    [
        ("/v1", "/v1/api/x", ORIGIN),
        ("/v1", "/v1/api", ORIGIN),
        ("/v1", "/api/x", ORIGIN),
        ("/v1", "/v1x/api/x", "untouched"),
        ("/v1", "/v1", "untouched"),
        ("", "/api/x", ORIGIN),
        ("/api", "/api/x", "untouched"),
        ("/api", "/api/api/x", ORIGIN),
        (None, "/api/x", ORIGIN),
        (7, "/api/x", ORIGIN),
    ],
)
def test_what_a_mount_took_off_the_path_is_not_compared(
    root_path: Any, path: str, expected: str
) -> None:
    middleware = middleware_with(("/api/*", STRICT))
    assert allow_origin(middleware, path, root_path=root_path) == expected


@pytest.mark.parametrize("path", ["/api/\udc80", "/api/\udc80\x00", "/api/" + "\ud800" * 5000])
def test_a_path_that_is_no_valid_text_is_still_below_its_prefix(path: str) -> None:
    assert allow_origin(middleware_with(("/api/*", STRICT)), path) == ORIGIN


@pytest.mark.parametrize("path", [None, 7, b"/api/x"])
def test_an_odd_path_matches_no_rule(path: Any) -> None:
    assert allow_origin(middleware_with(("/api/*", STRICT)), path) == "untouched"


def test_a_path_beyond_ascii_is_compared_as_text() -> None:
    middleware = middleware_with(("/b\u00fccher/*", STRICT))
    assert allow_origin(middleware, "/b\u00fccher/x") == ORIGIN
    assert allow_origin(middleware, "/bu\u0308cher/x") == "untouched"


def test_a_websocket_handshake_is_guarded_by_the_rule_of_its_path() -> None:
    reached = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["path"])

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    rules = [("/private/*", CORSPolicy(allow_origins=[ORIGIN], guard=True))]
    middleware = CORSMiddleware(app, OPEN, rules=rules)
    for path in ("/private/x", "/public"):
        headers = [(b"origin", b"https://evil.example")]
        run_asgi(middleware, scope_with(headers, type="websocket", path=path), receive)
    assert reached == ["/public"]


def test_reconfigure_replaces_policy_and_rules_together() -> None:
    middleware = middleware_with(("/api/*", STRICT), policy=OPEN)
    middleware.reconfigure(STRICT, rules=[("/open/*", OPEN)])
    assert (middleware.policy, middleware.rules) == (STRICT, (("/open/*", OPEN),))
    assert allow_origin(middleware, "/open/x") == "*"
    middleware.reconfigure(STRICT)
    assert middleware.rules == ()
    with pytest.raises(CORSConfigError):
        middleware.reconfigure(OPEN, rules=[("api", OPEN)])
    assert middleware.policy is STRICT


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([("api/*", OPEN)], ["rule.invalid"]),
        ([("/a*", OPEN), ("/*/b", OPEN), ("", None)], ["rule.invalid"] * 3),
        ([("/a?x", OPEN), ("/a#x", OPEN)], ["rule.invalid"] * 2),
        ("/api/*", ["option.wrong_type"]),
        (7, ["option.wrong_type"]),
        ({"/api/*": OPEN}, ["option.wrong_type"]),
        ([("/a", OPEN, 1), "/a", None], ["option.wrong_type"] * 3),
        ([("/a", {"allow_origins": ["*"]}), (7, OPEN)], ["option.wrong_type"] * 2),
        ([("/\ud800", OPEN)], ["option.wrong_type"]),
        ([(b"/a", OPEN), ("b", OPEN)], ["option.wrong_type", "rule.invalid"]),
    ],
)
def test_rules_that_cannot_work_are_errors_all_at_once(rules: Any, expected: list[str]) -> None:
    with pytest.raises(CORSConfigError) as caught:
        CORSMiddleware(app_sending(), rules=rules)
    assert [problem.code for problem in caught.value.problems] == expected
    assert {problem.option for problem in caught.value.problems} == {"rules"}


def test_a_rule_that_can_never_decide_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    rules = [("/api/*", OPEN), ("/api/x", STRICT), ("/api/*", STRICT)]
    middleware = CORSMiddleware(app_sending(START, BODY), rules=rules)
    codes = [problem.code for problem in middleware.problems]
    assert codes == ["rule.unreachable", "rule.duplicate"]
    assert [record.getMessage() for record in caplog.records] == [
        f"CORS: {problem}" for problem in middleware.problems
    ]


def test_an_info_names_the_rules_that_the_guard_of_all_other_paths_does_not_reach() -> None:
    def found(*rules: Any, **options: Any) -> list[tuple[str, str, object, str]]:
        return [
            (each.severity, each.option, each.value, each.message)
            for each in middleware_with(*rules, **options).problems
            if each.code == "guard.not_in_rule"
        ]

    guarded, several = STRICT.replace(guard=True), [STRICT, OPEN]
    rules = [("/own/*", guarded), ("/off", None), ("/a/*", OPEN), ("/b", several)]
    message = (
        "the guard belongs to the policy for all other paths, and requests to /a/* and /b are not "
        "judged by it"
    )
    expected = ("info", "rules", "/a/*", message)
    assert found(*rules, policy=guarded) == [expected]
    assert found(*rules, allow_origins=[ORIGIN], guard=True) == [expected]
    assert found(*rules, policy=[STRICT, OPEN.replace(guard=True)]) == [expected]
    assert found(*rules, policy=OPEN) == []
    assert found(*rules) == []
    assert found(*rules[:2], policy=guarded) == []
    assert found(report_only=guarded, report_only_rules=[("/a/*", OPEN)]) == [
        ("info", "report_only: rules", "/a/*", message.replace("/a/* and /b", "/a/*"))
    ]


def test_a_policy_made_from_options_is_the_fallback_of_rules() -> None:
    middleware = middleware_with(("/open/*", OPEN), allow_origins=[ORIGIN])
    assert middleware.policy == CORSPolicy(allow_origins=[ORIGIN])
    assert repr(middleware).endswith(f"{middleware.policy!r}, rules=(('/open/*', {OPEN!r}),))")
    with pytest.raises(TypeError, match="not both"):
        middleware_with(("/open/*", OPEN), policy=STRICT, max_age=1)
    assert corsac.CORSMiddleware is CORSMiddleware


def test_mistakes_in_options_and_rules_are_found_at_once() -> None:
    with pytest.raises(CORSConfigError) as caught:
        CORSMiddleware(app_sending(), allow_origins=["https://a.test/"], rules=[("bad", OPEN)])
    codes = [problem.code for problem in caught.value.problems]
    assert codes == ["origin.invalid", "rule.invalid"]


@pytest.mark.parametrize("protocol", ["asgi", "wsgi"])
@pytest.mark.parametrize("layers", [1, 2, 30])
def test_layers_inside_that_leave_a_path_alone_hand_on_what_was_made_outside(
    protocol: str, layers: int
) -> None:
    request = Request(headers=[("Origin", ORIGIN)])
    allowed = {("access-control-allow-origin", ORIGIN), ("vary", "Origin")}

    def wsgi_app(_: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b""]

    app: Any = app_sending(START, BODY) if protocol == "asgi" else wsgi_app
    cls: Any = CORSMiddleware if protocol == "asgi" else corsac.wsgi.CORSMiddleware
    for _ in range(layers):
        app = cls(app, rules=[("/only", OPEN)])
    app = cls(app, STRICT)
    for _ in range(100):  # What is freed too early is soon used for something else.
        if protocol == "asgi":
            (start, _) = run_asgi(app, http_scope(request))
            found = {(name.decode(), value.decode()) for name, value in start["headers"]}
        else:
            answer = run_wsgi(app, wsgi_environ(request))
            found = {(name.lower(), value) for name, value in answer.headers}
        assert found - {("x-app", "1")} == allowed
