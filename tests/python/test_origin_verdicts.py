"""What an expression said about an origin is kept in the core, and says the same the next time."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from corsac import CORSMiddleware, CORSPolicy, OriginFunction, _core
from corsac.origins import RegexOrigins, make_decider
from support.asgi import app_sending, finish, scope_with
from support.exchange import Exchange, Request
from support.refused import EVIL

TENANT = "https://app.tenant.test"
EXPRESSION = r"https://[a-z]+\.tenant\.test"
ALLOWED = {
    "content-type": "text/plain",
    "vary": "Origin",
    "access-control-allow-origin": TENANT,
    "access-control-allow-credentials": "true",
}
REFUSED = {"content-type": "text/plain", "vary": "Origin"}


class Matcher:
    """Stands in an expression's place, and notes what it is asked about."""

    def __init__(self, policy: CORSPolicy) -> None:
        decider: Any = policy._compiled.decide_origin
        regex = getattr(decider, "_regex", decider)
        self.asked: list[bytes] = []
        self.error: Exception | None = None
        self._matches = regex._fullmatch
        regex._fullmatch = self

    def __call__(self, origin: bytes) -> Any:
        self.asked.append(origin)
        if self.error is not None:
            raise self.error
        return self._matches(origin)


def policy_with(**options: Any) -> CORSPolicy:
    return CORSPolicy(allow_origin_regex=EXPRESSION, allow_credentials=True, **options)


def from_origin(origin: str, method: str = "GET", **more: Any) -> Request:
    return Request(method, [("origin", origin), ("host", "api.test")], **more)


def test_the_expression_is_asked_once_about_an_origin(exchange: Exchange) -> None:
    policy = policy_with()
    matcher = Matcher(policy)
    for _ in range(3):
        assert exchange(policy, from_origin(TENANT)).header_set == ALLOWED
        assert exchange(policy, from_origin(EVIL)).header_set == REFUSED
    assert matcher.asked == [TENANT.encode(), EVIL.encode()]


def test_another_policy_of_the_same_expression_knows_nothing_of_it(exchange: Exchange) -> None:
    first, second = policy_with(), policy_with(max_age=1)
    exchange(first, from_origin(TENANT))
    matcher = Matcher(second)
    assert exchange(second, from_origin(TENANT)).header_set == ALLOWED
    assert matcher.asked == [TENANT.encode()]


def test_an_expression_that_fails_refuses_and_is_asked_again(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    policy = policy_with()
    matcher = Matcher(policy)
    matcher.error = MemoryError("no memory for a match")
    for _ in range(2):
        assert exchange(policy, from_origin(TENANT)).header_set == REFUSED
    assert [one.exc_value for one in said] == [matcher.error] * 2
    matcher.error = None
    for _ in range(2):
        assert exchange(policy, from_origin(TENANT)).header_set == ALLOWED
    matcher.error = MemoryError("nobody asks")
    assert exchange(policy, from_origin(TENANT)).header_set == ALLOWED
    assert matcher.asked == [TENANT.encode()] * 3


def test_refused_origins_without_end_neither_take_memory_nor_push_out_an_allowed_one(
    exchange: Exchange,
) -> None:
    policy = policy_with()
    matcher = Matcher(policy)
    exchange(policy, from_origin(TENANT))
    decider: Any = policy._compiled.decide_origin
    for number in range(3 * _core.MAX_ORIGIN_VERDICTS):
        assert not decider(f"https://evil{number}.example".encode())
    assert len(decider.verdicts) <= _core.MAX_ORIGIN_VERDICTS
    matcher.asked.clear()
    assert exchange(policy, from_origin(TENANT)).header_set == ALLOWED
    assert matcher.asked == []


@pytest.mark.parametrize("origin", ["null", "https://a b", "https://x.tenant.test/", "app://"])
def test_what_is_no_origin_is_kept_nowhere(exchange: Exchange, origin: str) -> None:
    policy = policy_with()
    matcher = Matcher(policy)
    for _ in range(2):
        assert exchange(policy, from_origin(origin)).header_set == REFUSED
    assert matcher.asked == []
    assert len(policy._compiled.decide_origin.verdicts) == 0  # type: ignore[union-attr]


def test_what_it_refuses_a_function_is_asked_about_each_time(exchange: Exchange) -> None:
    asked: list[str] = []

    def function(origin: str) -> bool:
        asked.append(origin)
        return len(asked) % 2 == 0

    policy = policy_with(allow_origin_func=OriginFunction(function, ttl=0))
    matcher = Matcher(policy)
    wanted = [REFUSED, {**ALLOWED, "access-control-allow-origin": EVIL}] * 2
    assert [exchange(policy, from_origin(EVIL)).header_set for _ in range(4)] == wanted
    assert exchange(policy, from_origin(TENANT)).header_set == ALLOWED
    assert exchange(policy, from_origin(TENANT)).header_set == ALLOWED
    assert asked == [EVIL] * 4
    assert matcher.asked == [EVIL.encode(), TENANT.encode()]


def test_what_a_function_forgets_is_forgotten_beside_an_expression(exchange: Exchange) -> None:
    tenants = {EVIL}
    function = OriginFunction(lambda origin: origin in tenants)
    policy = policy_with(allow_origin_func=function)
    assert exchange(policy, from_origin(EVIL)).one("access-control-allow-origin") == EVIL
    tenants.clear()
    function.forget(EVIL)
    assert exchange(policy, from_origin(EVIL)).header_set == REFUSED


@pytest.mark.parametrize("origin", [TENANT, EVIL, "null"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "PREFLIGHT"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"allow_origins": ["https://listed.test"]},
        {"guard": True},
        {"allow_timing": True},
        {"preflight_continue": True},
        {"app_headers": "keep"},
    ],
    ids=repr,
)
def test_the_answer_is_the_same_the_second_time(
    exchange: Exchange, more: dict[str, Any], method: str, origin: str
) -> None:
    preflight = [("access-control-request-method", "PUT")] if method == "PREFLIGHT" else []
    request = Request(
        "OPTIONS" if preflight else method,
        [("origin", origin), ("host", "api.test"), ("cookie", "a=1"), *preflight],
    )
    policies = [policy_with(**more), CORSPolicy(allow_origins=["*"])]
    for policy in (policies[0], policies):
        first, second = exchange(policy, request), exchange(policy, request)
        assert (first.status, first.headers, first.app_called) == (
            second.status,
            second.headers,
            second.app_called,
        )


@pytest.mark.parametrize("origin", [TENANT, EVIL])
def test_a_handshake_is_judged_as_the_first_time(origin: str) -> None:
    app = app_sending({"type": "websocket.accept"})
    middleware = CORSMiddleware(app, policy_with(guard=True))
    scope = scope_with([(b"origin", origin.encode()), (b"host", b"api.test")])
    scope["type"] = "websocket"

    def shake_hands() -> list[Any]:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        call: Any = middleware(scope, receive, send)
        finish(call)
        return sent

    first, second = shake_hands(), shake_hands()
    accepted = first[0]["type"] == "websocket.accept"
    assert accepted == (origin == TENANT)
    assert first == second


def test_an_explanation_says_the_same_before_and_after() -> None:
    policy = policy_with(guard=True)
    for origin in (TENANT, EVIL):
        first = policy.explain("POST", [("Origin", origin), ("Host", "api.test")])
        assert first.allowed == (origin == TENANT)
        assert policy.explain("POST", [("Origin", origin), ("Host", "api.test")]) == first


def test_an_expression_beside_a_function_keeps_its_own_answers() -> None:
    regex = RegexOrigins(EXPRESSION)
    decider: Any = make_decider(regex, OriginFunction(lambda origin: True).decider)
    assert decider.verdicts is regex.verdicts
    assert (regex.refusals_are_final, decider.refusals_are_final) == (True, False)


def test_verdicts_are_made_by_the_core_alone() -> None:
    with pytest.raises(TypeError):
        _core.OriginVerdicts()
