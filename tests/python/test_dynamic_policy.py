"""Policies that ask: by a regular expression or a function, through the middleware."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import pytest

from corsac import CORSConfigError, CORSMiddleware, CORSPolicy
from support.asgi import BODY, START, app_sending, scope_with
from support.exchange import AppResponse, Exchange, Request, run_asgi, wsgi_exchange

TENANT = "https://a.tenant.test"
ASKED = [(b"access-control-request-method", b"PUT")]


def tenants(origin: str) -> bool:
    return origin.endswith(".tenant.test")


async def tenants_later(origin: str) -> bool:
    await asyncio.sleep(0)
    return origin.endswith(".tenant.test")


POLICIES: dict[str, dict[str, Any]] = {
    "regex": {"allow_origin_regex": r"https://[a-z]+\.tenant\.test"},
    "function": {"allow_origin_func": tenants},
    "coroutine function": {"allow_origin_func": tenants_later},
}


@pytest.fixture
def exchange(exchange: Exchange, request: pytest.FixtureRequest) -> Exchange:
    """Every protocol with every policy that it can have."""
    asynchronous = request.node.callspec.params.get("policy") == "coroutine function"
    if exchange is wsgi_exchange and asynchronous:
        pytest.skip("WSGI has nothing to await it with: an error, as test_wsgi.py shows")
    return exchange


def possible(exchange: Exchange, plain: Any, asynchronous: Any) -> list[Any]:
    """The functions that a protocol can have."""
    return [plain] if exchange is wsgi_exchange else [plain, asynchronous]


@pytest.fixture(params=POLICIES)
def policy(request: pytest.FixtureRequest) -> CORSPolicy:
    return CORSPolicy(
        allow_origins=["https://listed.test"], allow_credentials=True, **POLICIES[request.param]
    )


def test_an_origin_that_is_allowed_when_asked_gets_the_headers(
    policy: CORSPolicy, exchange: Exchange
) -> None:
    for _ in range(3):
        response = exchange(policy, Request("GET", [("Origin", TENANT)]), AppResponse(headers=[]))
        assert response.header_set == {
            "access-control-allow-origin": TENANT,
            "access-control-allow-credentials": "true",
            "vary": "Origin",
        }
    preflight = [("Origin", TENANT), ("Access-Control-Request-Method", "PUT")]
    answer = exchange(policy, Request("OPTIONS", preflight))
    assert (answer.status, answer.app_called) == (204, False)
    assert answer.header_set == {
        "access-control-allow-origin": TENANT,
        "access-control-allow-credentials": "true",
        "access-control-max-age": "600",
        "vary": "Origin",
    }


@pytest.mark.parametrize(
    "origin",
    ["https://evil.test", "null", "https://evil/.tenant.test", "https://A.tenant.test", "", None],
)
def test_any_other_origin_is_refused_and_vary_is_still_sent(
    policy: CORSPolicy, exchange: Exchange, origin: str | None
) -> None:
    headers = [] if origin is None else [("Origin", origin)]
    for _ in range(2):
        response = exchange(policy, Request("GET", headers), AppResponse(headers=[]))
        assert (response.app_called, response.header_set) == (True, {"vary": "Origin"})
    if origin is not None:
        preflight = [*headers, ("Access-Control-Request-Method", "PUT")]
        answer = exchange(policy, Request("OPTIONS", preflight))
        assert (answer.status, answer.app_called) == (403, False)


def test_a_listed_origin_is_allowed_without_asking(exchange: Exchange) -> None:
    def never(origin: str) -> bool:
        raise AssertionError(origin)

    policy = CORSPolicy(allow_origins=["https://listed.test"], allow_origin_func=never)
    for origin in ("https://listed.test", "null", "https://a.test, https://b.test", ""):
        exchange(policy, Request("GET", [("Origin", origin)]))
    exchange(policy, Request("GET"))
    response = exchange(policy, Request("GET", [("Origin", "https://listed.test")]))
    assert response.one("access-control-allow-origin") == "https://listed.test"


def test_a_guard_trusts_an_origin_that_is_allowed_when_asked(
    policy: CORSPolicy, exchange: Exchange
) -> None:
    guarded = policy.replace(guard=True)
    assert exchange(guarded, Request("POST", [("Origin", TENANT)])).app_called
    assert not exchange(guarded, Request("POST", [("Origin", "https://evil.test")])).app_called


@pytest.mark.parametrize("origin", [TENANT, "https://evil.test"])
def test_a_websocket_handshake_is_guarded_when_asked(policy: CORSPolicy, origin: str) -> None:
    reached = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["type"])

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    scope = scope_with([(b"origin", origin.encode())], type="websocket")
    run_asgi(CORSMiddleware(app, policy.replace(guard=True)), scope, receive)
    assert reached == (["websocket"] if origin == TENANT else [])


@pytest.mark.parametrize("value", [1, "yes", None, [True], object()])
def test_only_true_allows(exchange: Exchange, value: Any) -> None:
    async def later(origin: str) -> Any:
        return value

    for function in possible(exchange, lambda origin: value, later):
        policy = CORSPolicy(allow_origin_func=function)
        response = exchange(policy, Request("GET", [("Origin", TENANT)]), AppResponse(headers=[]))
        assert response.header_set == {"vary": "Origin"}


def test_a_function_that_raises_refuses_and_the_request_goes_on(exchange: Exchange) -> None:
    def broken(origin: str) -> bool:
        raise LookupError(origin)

    async def broken_later(origin: str) -> bool:
        raise LookupError(origin)

    for function in possible(exchange, broken, broken_later):
        policy = CORSPolicy(allow_origin_func=function)
        response = exchange(policy, Request("GET", [("Origin", TENANT)]), AppResponse(headers=[]))
        assert (response.app_called, response.header_set) == (True, {"vary": "Origin"})


def test_what_the_application_raises_after_asking_is_its_own() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError("from the application")

    middleware = CORSMiddleware(app, allow_origin_func=tenants_later)
    with pytest.raises(LookupError, match="from the application"):
        run_asgi(middleware, scope_with([(b"origin", TENANT.encode())]))


def test_a_request_that_waits_keeps_the_policy_that_it_began_with() -> None:
    async def replace_the_policy(origin: str) -> bool:
        middleware.reconfigure(allow_origins=["https://new.test"])
        return True

    middleware = CORSMiddleware(app_sending(START, BODY), allow_origin_func=replace_the_policy)
    messages = run_asgi(middleware, scope_with([(b"origin", TENANT.encode())]))
    assert dict(messages[0]["headers"])[b"access-control-allow-origin"] == TENANT.encode()


def test_two_requests_that_wait_for_one_answer_both_get_it() -> None:
    calls: list[str] = []
    answers: list[Any] = []

    async def ask(origin: str) -> bool:
        calls.append(origin)
        await asyncio.sleep(0)
        return True

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answers.append(message)

    async def receive() -> Any: ...

    middleware = CORSMiddleware(app_sending(START, BODY), allow_origin_func=ask)

    async def both() -> None:
        scopes = [scope_with([(b"origin", TENANT.encode())]) for _ in range(5)]
        await asyncio.gather(*(middleware.__call__(scope, receive, send) for scope in scopes))

    asyncio.run(both())
    origins = [dict(answer["headers"])[b"access-control-allow-origin"] for answer in answers]
    assert (calls, origins) == ([TENANT], [TENANT.encode()] * 5)


def test_counters_count_a_request_once_however_long_it_waited() -> None:
    middleware = CORSMiddleware(app_sending(START, BODY), allow_origin_func=tenants_later)
    run_asgi(middleware, scope_with([(b"origin", TENANT.encode())]))
    run_asgi(middleware, scope_with([(b"origin", b"https://evil.test"), *ASKED], method="OPTIONS"))
    counted = {name: count for name, count in middleware.counters().items() if count}
    assert counted == {"actual_allowed": 1, "preflight_refused": 1}


def test_a_policy_that_asks_is_a_value_too() -> None:
    policy = CORSPolicy(
        allow_origin_regex=r"https://[a-z]+\.tenant\.test", allow_origin_func=tenants
    )
    assert policy == CORSPolicy(
        allow_origin_regex=r"https://[a-z]+\.tenant\.test", allow_origin_func=tenants
    )
    assert pickle.loads(pickle.dumps(policy)) == policy  # noqa: S301
    assert (
        CORSPolicy(allow_origin_regex=r"https://a\.test").allow_origin_regex == r"https://a\.test"
    )


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"allow_origin_regex": "("}, "regex.invalid"),
        ({"allow_origin_regex": r"https://(?!evil).*"}, "regex.invalid"),
        ({"allow_origin_regex": [r"https://a\.test"]}, "regex.invalid"),
        ({"allow_origin_func": "module:function"}, "option.wrong_type"),
        ({"allow_origin_func": True}, "option.wrong_type"),
    ],
)
def test_what_cannot_be_asked_is_an_error(options: dict[str, Any], code: str) -> None:
    with pytest.raises(CORSConfigError) as caught:
        CORSPolicy(**options)
    assert code in [problem.code for problem in caught.value.problems]
