"""Explanations: what a policy decides, what a browser makes of it, and the way out."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
from typing import Any

import pytest

import corsac
import corsac.wsgi
from corsac import CORSMiddleware, CORSPolicy
from corsac.explain import Change, Explanation
from corsac.explain.changing import MAX_TRIED_ORIGINS

ORIGIN = "https://app.example.com"
POLICY = CORSPolicy(
    allow_origins=[ORIGIN, "https://*.shop.example:*"],
    allow_methods=["PUT"],
    allow_headers=["content-type"],
    expose_headers=["etag"],
)
OPEN = CORSPolicy(allow_origins=["*"])


def preflight(
    origin: str = ORIGIN, method: str = "PUT", headers: str | None = None
) -> list[tuple[str, str]]:
    lines = [("Origin", origin), ("Access-Control-Request-Method", method)]
    return lines if headers is None else [*lines, ("Access-Control-Request-Headers", headers)]


def verdicts(explanation: Explanation) -> dict[str, bool | None]:
    return {step.check: step.passed for step in explanation.steps}


def text_of(explanation: Explanation, check: str) -> str:
    (text,) = [step.text for step in explanation.steps if step.check == check]
    return text


def the_change(explanation: Explanation) -> Change:
    assert explanation.change is not None
    return explanation.change


def test_an_allowed_request_is_explained_from_the_entry_to_what_the_page_reads() -> None:
    explanation = POLICY.explain("GET", {"Origin": ORIGIN}, "/x")
    assert explanation == Explanation(
        method="GET",
        path="/x",
        origin=ORIGIN,
        kind="actual",
        allowed=True,
        reason=None,
        rule=None,
        entry=ORIGIN,
        app_runs=True,
        status=None,
        response_headers=(
            ("access-control-allow-origin", ORIGIN),
            ("access-control-expose-headers", "etag"),
            ("vary", "Origin"),
        ),
        steps=explanation.steps,
        change=None,
    )
    assert verdicts(explanation) == {
        "kind": None,
        "origin": True,
        "cors-check": True,
        "readable-headers": None,
        "credentials": None,
    }


def test_an_allowed_preflight_is_explained_with_the_whole_answer() -> None:
    explanation = POLICY.explain("OPTIONS", preflight(headers="content-type"))
    assert (explanation.kind, explanation.allowed, explanation.reason) == ("preflight", True, None)
    assert (explanation.status, explanation.app_runs) == (204, False)
    assert explanation.response_headers == (
        ("access-control-allow-origin", ORIGIN),
        ("access-control-allow-methods", "PUT"),
        ("access-control-allow-headers", "content-type"),
        ("access-control-max-age", "600"),
        ("vary", "Origin"),
    )


def test_a_request_without_an_origin_is_not_for_cors_to_decide() -> None:
    explanation = POLICY.explain("GET", {})
    assert (explanation.kind, explanation.allowed, explanation.reason) == ("not-cors", None, None)
    assert explanation.response_headers == (("vary", "Origin"),)
    assert explanation.change is None


@pytest.mark.parametrize(
    ("method", "headers", "reason", "options"),
    [
        ("DELETE", {}, "method-not-allowed", {"allow_methods": ("PUT", "DELETE")}),
        ("PUT", {"X-A": "1"}, "header-not-allowed", {"allow_headers": ("content-type", "x-a")}),
        ("PUT", {"Content-Type": "application/json"}, None, None),
        ("GET", {"Authorization": "Basic eA=="}, None, None),
        ("GET", {"If-None-Match": "x", "Sec-Fetch-Mode": "cors", "User-Agent": "x"}, None, None),
        (
            "GET",
            {"Authorization": "Bearer x"},
            "authorization-not-listed",
            {"allow_headers": ("content-type", "authorization")},
        ),
    ],
)
def test_a_request_is_blocked_where_its_preflight_would_be(
    method: str, headers: dict[str, str], reason: str | None, options: dict[str, Any] | None
) -> None:
    explanation = POLICY.explain(method, {"Origin": ORIGIN, **headers})
    assert (explanation.kind, explanation.allowed) == ("actual", reason is None)
    assert explanation.reason == reason
    assert (None if explanation.change is None else explanation.change.options) == options
    if options:
        changed = POLICY.replace(**options)
        assert changed.explain(method, {"Origin": ORIGIN, **headers}).allowed is True


def test_turning_credentials_on_for_many_says_so() -> None:
    anyone = CORSPolicy(allow_origin_func=lambda _: True)
    change = the_change(anyone.explain("GET", {"Origin": ORIGIN, "Cookie": "a"}))
    assert change.options == {"allow_credentials": True}
    assert change.caution.startswith("Pages of every origin that this policy allows then read")


def test_listing_an_origin_past_the_guard_says_so() -> None:
    change = the_change(CORSPolicy(guard=True).explain("POST", {"Origin": ORIGIN, "Host": "x"}))
    assert "requests that change things" in change.caution


def test_taking_access_from_everybody_else_says_so() -> None:
    change = the_change(OPEN.explain("GET", {"Origin": ORIGIN, "Cookie": "a"}))
    assert "All other origins lose access" in change.caution


def test_a_page_of_the_same_origin_is_kept_from_nothing() -> None:
    headers = {"Origin": "https://api.example.com", "Sec-Fetch-Site": "same-origin"}
    explanation = POLICY.explain("POST", headers)
    assert (explanation.kind, explanation.allowed, explanation.reason) == ("actual", None, None)
    assert (explanation.change, explanation.app_runs) == (None, True)
    assert "same-origin" in verdicts(explanation)
    guarded = POLICY.replace(guard=True).explain("POST", headers)
    assert (guarded.allowed, guarded.app_runs) == (None, True)


@pytest.mark.parametrize(
    ("origin", "entry"),
    [
        (ORIGIN, ORIGIN),
        ("https://a.b.shop.example", "https://*.shop.example:*"),
        ("https://a.shop.example:8443", "https://*.shop.example:*"),
        ("https://shop.example", None),
        ("https://evil.example", None),
        ("null", None),
    ],
)
def test_the_entry_that_allows_an_origin_is_named(origin: str, entry: str | None) -> None:
    explanation = POLICY.explain("GET", {"Origin": origin})
    assert (explanation.entry, explanation.allowed) == (entry, entry is not None)


def test_anyone_and_functions_are_named_as_what_allows() -> None:
    assert OPEN.explain("GET", {"Origin": "https://x.test"}).entry == "*"
    asking = CORSPolicy(allow_origins=[ORIGIN], allow_origin_func=lambda origin: "x" in origin)
    assert asking.explain("GET", {"Origin": "https://x.test"}).entry == "allow_origin_func"
    assert asking.explain("GET", {"Origin": ORIGIN}).entry == ORIGIN
    assert asking.explain("GET", {"Origin": "https://y.test"}).reason == "origin-not-allowed"


def test_a_regex_is_named_as_what_allows() -> None:
    pytest.importorskip("re2")
    policy = CORSPolicy(
        allow_origin_regex=r"https://[a-z]+\.preview\.example",
        allow_origin_func=lambda origin: origin == "https://other.example",
    )
    found = {
        origin: policy.explain("GET", {"Origin": origin}).entry
        for origin in ("https://a.preview.example", "https://other.example")
    }
    assert found == {
        "https://a.preview.example": "allow_origin_regex",
        "https://other.example": "allow_origin_func",
    }


@pytest.mark.parametrize(
    ("origin", "text"),
    [
        ("http://app.example.com", "the scheme is another one"),
        ("https://app.example.com:8443", "the port is another one"),
        ("https://shop.example", "names below shop.example, not shop.example itself"),
        ("HTTPS://app.example.com", "compared byte by byte"),
        ("https://app.example.com/", "no slash or path at the end"),
        ("https://apq.example.com", "looks much like it"),
        ("null", "any site can send null"),
    ],
)
def test_what_is_nearly_allowed_is_said(origin: str, text: str) -> None:
    assert text in text_of(POLICY.explain("GET", {"Origin": origin}), "origin")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([ORIGIN, ORIGIN], "there are 2 Origin lines"),
        ([f"{ORIGIN},{ORIGIN}"], "it is a list"),
        ([""], "is empty"),
        ([f"https://{'a' * 320}.com"], "longer than 326 bytes"),
        (["*"], '"*" is not an origin'),
        (["https://b\u00fccher.example"], "bytes that no origin has"),
        (["https://\u4e2d.example"], "bytes that no origin has"),
    ],
)
def test_why_an_origin_is_none_is_said(values: list[str], text: str) -> None:
    explanation = POLICY.explain("GET", [("origin", value) for value in values])
    assert (explanation.allowed, explanation.reason) == (False, "origin-malformed")
    assert text in text_of(explanation, "origin")
    assert the_change(explanation).options == {}


@pytest.mark.parametrize(
    ("policy", "method", "headers", "reason", "options"),
    [
        (
            POLICY,
            "GET",
            [("Origin", "https://new.example")],
            "origin-not-allowed",
            {"allow_origins": (*POLICY.allow_origins, "https://new.example")},
        ),
        (
            POLICY,
            "OPTIONS",
            preflight(method="DELETE"),
            "method-not-allowed",
            {"allow_methods": ("PUT", "DELETE")},
        ),
        (
            POLICY,
            "OPTIONS",
            preflight(headers="authorization"),
            "authorization-not-listed",
            {"allow_headers": ("content-type", "authorization")},
        ),
        (
            CORSPolicy(allow_origins=["*"], allow_headers=["*"]),
            "OPTIONS",
            preflight(method="POST", headers="authorization,x-a"),
            "authorization-not-listed",
            {"allow_headers": ("*", "authorization")},
        ),
        (
            POLICY,
            "OPTIONS",
            preflight(headers="accept,content-type,x-b,x-a"),
            "header-not-allowed",
            {"allow_headers": ("content-type", "accept", "x-b", "x-a")},
        ),
        (
            POLICY,
            "OPTIONS",
            preflight("https://new.example", "DELETE", "x-a"),
            "origin-not-allowed",
            {
                "allow_origins": (*POLICY.allow_origins, "https://new.example"),
                "allow_methods": ("PUT", "DELETE"),
                "allow_headers": ("content-type", "x-a"),
            },
        ),
        (
            POLICY,
            "GET",
            [("Origin", ORIGIN), ("Cookie", "session=1")],
            "allow-credentials-not-true",
            {"allow_credentials": True},
        ),
        (
            OPEN,
            "GET",
            [("Origin", ORIGIN), ("Cookie", "session=1")],
            "wildcard-with-credentials",
            {"allow_origins": (ORIGIN,), "allow_credentials": True},
        ),
        (
            POLICY,
            "GET",
            [("Origin", "null")],
            "origin-not-allowed",
            {"allow_origins": (*POLICY.allow_origins, "null"), "tolerate": ("origin.null",)},
        ),
        (
            CORSPolicy(guard=True),
            "POST",
            [("Origin", ORIGIN), ("Host", "api.example.com")],
            "cross-origin-request",
            {"allow_origins": (ORIGIN,)},
        ),
        (
            CORSPolicy(guard=True),
            "GET",
            [("Origin", ORIGIN), ("Host", "api.example.com"), ("Upgrade", "websocket")],
            "cross-origin-websocket",
            {"allow_origins": (ORIGIN,)},
        ),
    ],
)
def test_the_smallest_change_lets_the_request_through(
    policy: CORSPolicy,
    method: str,
    headers: list[tuple[str, str]],
    reason: str,
    options: dict[str, Any],
) -> None:
    explanation = policy.explain(method, headers)
    assert (explanation.allowed, explanation.reason) == (False, reason)
    assert the_change(explanation).options == options
    assert policy.replace(**options).explain(method, headers).allowed is True


@pytest.mark.parametrize("count", [MAX_TRIED_ORIGINS, MAX_TRIED_ORIGINS + 1, 30_000])
def test_a_change_of_a_long_list_is_found_and_keeps_the_list(count: int) -> None:
    listed = [f"https://a{number}.example" for number in range(count - 1)]
    policy = CORSPolicy(allow_origins=[*listed, "https://*.wild.example"])
    change = the_change(policy.explain("GET", {"Origin": ORIGIN}))
    assert change.text == f"add '{ORIGIN}' to allow_origins"
    assert change.options == {"allow_origins": (*policy.allow_origins, ORIGIN)}
    for origin in ("https://a7.example", "https://x.wild.example"):
        change = the_change(policy.explain("OPTIONS", preflight(origin)))
        assert change.options == {"allow_methods": ("PUT",)}
        change = the_change(policy.explain("GET", {"Origin": origin, "Cookie": "a"}))
        assert change.options == {"allow_credentials": True}
    anyone = CORSPolicy(allow_origins=[*listed, "*"])
    change = the_change(anyone.explain("GET", {"Origin": ORIGIN, "Cookie": "a"}))
    assert change.options["allow_origins"] == (*listed, ORIGIN)


def test_credentials_for_a_long_list_are_tried_out_with_all_of_it() -> None:
    listed = [f"https://a{number}.example" for number in range(MAX_TRIED_ORIGINS)]
    policy = CORSPolicy(allow_origins=["http://insecure.example", *listed])
    change = the_change(policy.explain("GET", {"Origin": listed[0], "Cookie": "a"}))
    assert change.options == {
        "allow_credentials": True,
        "tolerate": ("origin.insecure_with_credentials",),
    }
    assert "Anyone on the network can change an http page" in change.caution


def test_a_change_that_is_dangerous_says_so() -> None:
    policy = CORSPolicy(allow_origins=[ORIGIN], allow_credentials=True)
    change = the_change(policy.explain("GET", {"Origin": "http://app.example.com"}))
    assert change.options["tolerate"] == ("origin.insecure_with_credentials",)
    assert "the user's cookies" in change.caution
    change = the_change(policy.explain("GET", {"Origin": "https://new.example"}))
    assert change.options == {"allow_origins": (ORIGIN, "https://new.example")}
    assert change.caution == (
        "Every page of that origin then reads responses with the user's cookies."
    )


@pytest.mark.parametrize(
    ("asked", "options", "text"),
    [
        ("put", {}, "write method 'PUT' in the client, not a browser"),
        ("patch", {}, "write method: 'PATCH' in the page, since browsers send 'patch' as it is"),
        ("trace", {}, "no page can send TRACE"),
        ("Chicken", {"allow_methods": ("PUT", "Chicken")}, "add 'Chicken' to allow_methods"),
        ("get", {}, "write method 'GET' in the client, not a browser"),
    ],
)
def test_a_method_in_small_letters_is_changed_in_the_page(
    asked: str, options: dict[str, Any], text: str
) -> None:
    change = the_change(POLICY.explain("OPTIONS", preflight(method=asked)))
    assert change.options == options
    assert text in change.text


@pytest.mark.parametrize("origin", ["HTTPS://a.example", "https://a.example/", "https://a:0"])
def test_an_origin_that_no_entry_can_allow_has_no_change(origin: str) -> None:
    explanation = POLICY.explain("GET", {"Origin": origin})
    assert (explanation.reason, explanation.change) == ("origin-not-allowed", None)


def test_a_preflight_method_that_is_none_is_explained() -> None:
    explanation = POLICY.explain("OPTIONS", preflight(method="PUT, PATCH"))
    assert (explanation.status, explanation.reason) == (403, "request-method-malformed")
    assert verdicts(explanation)["request-method"] is False


def test_cookies_or_the_caller_say_whether_credentials_are_sent() -> None:
    assert POLICY.explain("GET", {"Origin": ORIGIN}).allowed is True
    assert POLICY.explain("GET", {"Origin": ORIGIN, "Authorization": "Basic x"}).allowed is True
    assert POLICY.explain("GET", {"Origin": ORIGIN, "cookie": "a=b"}).allowed is False
    assert POLICY.explain("GET", {"Origin": ORIGIN}, credentials=True).allowed is False
    assert POLICY.explain("GET", {"Origin": ORIGIN, "cookie": "a"}, credentials=False).allowed


def test_what_credentials_would_change_is_said() -> None:
    assert "with credentials" in text_of(POLICY.explain("GET", {"Origin": ORIGIN}), "credentials")
    allowing = POLICY.replace(allow_credentials=True)
    assert "credentials" not in verdicts(allowing.explain("GET", {"Origin": ORIGIN}))


MIDDLEWARES = [CORSMiddleware, corsac.wsgi.CORSMiddleware]


def app(*_: object) -> Any:
    raise AssertionError("an explanation runs no application")


@pytest.mark.parametrize("middleware_type", MIDDLEWARES)
def test_a_middleware_names_the_rule_that_decides(middleware_type: Any) -> None:
    rules = [("/open/*", OPEN), ("/raw", None)]
    middleware = middleware_type(app, POLICY, rules=rules)
    found = {
        path: middleware.explain("GET", {"Origin": "https://x.test"}, path)
        for path in ("/open/x", "/raw", "/other", "//open")
    }
    assert {path: (each.rule, each.allowed, each.reason) for path, each in found.items()} == {
        "/open/x": ("/open/*", True, None),
        "/raw": ("/raw", None, None),
        "/other": (None, False, "origin-not-allowed"),
        "//open": (None, False, "path-ambiguous"),
    }
    assert text_of(found["/open/x"], "rule").startswith("rules[0], '/open/*', is the first")
    assert text_of(found["/raw"], "rule").endswith("leaves the path alone")
    assert text_of(found["/other"], "rule").startswith("no rule matches")
    assert the_change(found["//open"]).text.startswith("ask for the path with single slashes")
    assert dict(middleware.counters()) == dict.fromkeys(middleware.counters(), 0)


def test_without_a_policy_other_paths_are_left_alone() -> None:
    explanation = CORSMiddleware(app, rules=[("/api/*", POLICY)]).explain(
        "OPTIONS", preflight(), "/other"
    )
    assert (explanation.kind, explanation.allowed) == ("preflight", None)
    assert (explanation.app_runs, explanation.response_headers) == (True, ())


def test_an_asynchronous_function_is_awaited() -> None:
    async def decide(origin: str) -> bool:
        await asyncio.sleep(0)
        return origin == ORIGIN

    policy = CORSPolicy(allow_origin_func=decide)
    assert policy.explain("GET", {"Origin": ORIGIN}).entry == "allow_origin_func"
    middleware = CORSMiddleware(app, policy)

    async def ask() -> tuple[Explanation, Explanation]:
        with pytest.raises(RuntimeError, match="explain_async"):
            policy.explain("GET", {"Origin": "https://first.example"})
        return (
            await policy.explain_async("GET", {"Origin": "https://new.example"}),
            await middleware.explain_async("GET", {"Origin": ORIGIN}),
        )

    refused, allowed = asyncio.run(ask())
    assert (refused.allowed, allowed.allowed) == (False, True)
    assert the_change(refused).options == {"allow_origins": ("https://new.example",)}


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "corsac"):
        CORSMiddleware(app, rules=[("/x", POLICY)]).explain("GET", {"Origin": "null"}, "//x")
        POLICY.explain("GET", {"Origin": "http://localhost:3000"})
    assert caplog.records == []


def test_the_text_is_for_people_and_whole() -> None:
    policy = CORSPolicy(allow_origins=[ORIGIN], max_age=60)
    middleware = CORSMiddleware(app, OPEN, rules=[("/api/*", policy)])
    explanation = middleware.explain("OPTIONS", preflight(method="PUT", headers="x-a"), "/api/x")
    assert str(explanation) == (
        "OPTIONS /api/x from https://app.example.com: blocked: method-not-allowed\n"
        "The server\n"
        "  --  kind: OPTIONS with Origin and Access-Control-Request-Method is a preflight request\n"
        "  --  rule: rules[0], '/api/*', is the first that matches and decides\n"
        "  ok  origin: https://app.example.com is in allow_origins\n"
        "  --  request-method: the page wants to use PUT\n"
        "  The middleware answers 204:\n"
        "    access-control-allow-origin: https://app.example.com\n"
        "    access-control-max-age: 60\n"
        "    vary: Origin\n"
        "The browser\n"
        "  ok  cors-check: passed, for a request without credentials\n"
        "  NO  method: PUT is not in Access-Control-Allow-Methods: ''\n"
        "To allow it\n"
        "  add 'PUT' to allow_methods, and add 'x-a' to allow_headers\n"
        "more: corsac explain-code method-not-allowed"
    )


def test_the_dictionary_is_json_and_complete() -> None:
    explanation = POLICY.explain("OPTIONS", preflight(method="DELETE"))
    loaded = json.loads(json.dumps(explanation.as_dict()))
    assert loaded.keys() == {field.name for field in dataclasses.fields(Explanation)}
    assert loaded["change"] == {
        "options": {"allow_methods": ["PUT", "DELETE"]},
        "text": "add 'DELETE' to allow_methods",
        "caution": "",
    }
    assert {key for step in loaded["steps"] for key in step} == {
        "side",
        "check",
        "passed",
        "text",
        "section",
    }


@pytest.mark.parametrize("text", ["\x1b[31m", "a\r\nb", "\u202e", "x" * 5000])
def test_what_a_client_sent_cannot_steer_a_terminal(text: str) -> None:
    shown = str(POLICY.explain(text, {"Origin": text, "Access-Control-Request-Method": text}, text))
    assert all(line.isprintable() and line.isascii() for line in shown.split("\n"))
    assert len(shown) < 3000


@pytest.mark.parametrize(
    ("method", "headers", "path"),
    [
        (b"GET", {}, "/"),
        ("GET", {}, b"/"),
        ("GET", "Origin: x", "/"),
        ("GET", [("Origin",)], "/"),
        ("GET", [("Origin", 7)], "/"),
    ],
)
def test_arguments_of_a_wrong_type_are_named(method: Any, headers: Any, path: Any) -> None:
    with pytest.raises(TypeError):
        POLICY.explain(method, headers, path)
    with pytest.raises(TypeError):
        CORSMiddleware(app, POLICY).explain(method, headers, path)


def test_headers_are_taken_as_bytes_too_and_whatever_their_case() -> None:
    scope_headers = [(b"origin", ORIGIN.encode()), (b"access-control-request-method", b"PUT")]
    assert POLICY.explain("OPTIONS", scope_headers).allowed is True
    mapping = {"oRiGiN": ORIGIN, "ACCESS-CONTROL-REQUEST-METHOD": "PUT"}
    assert POLICY.explain("OPTIONS", mapping).kind == "preflight"
    assert POLICY.explain("OPTIONS", [*preflight(), ("access_control_request_method", "x")]).allowed
