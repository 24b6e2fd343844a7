"""`corsac.testing` and its pytest plugin, in test files as users write them."""

from __future__ import annotations

import ast
import asyncio
import importlib.metadata
import inspect
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from starlette.applications import Starlette

import corsac.pytest_plugin
from corsac import CORSMiddleware, wsgi
from corsac._types import Receive, Scope, Send
from corsac.testing import (
    assert_cors,
    assert_cors_async,
    assert_cors_blocked,
    assert_cors_blocked_async,
)
from corsac.testing.exchange import interface_of

pytest_plugins = ["pytester"]

PAGE = "https://app.example.com"
OTHER = "https://other.example.com"
OPTIONS: dict[str, Any] = {
    "allow_origins": [PAGE],
    "allow_methods": ["PUT"],
    "allow_headers": ["x-a"],
    "allow_credentials": True,
    "expose_headers": ["x-total"],
}


async def asgi_app(scope: Scope, receive: Receive, send: Send) -> None:
    headers = [(b"x-total", b"3"), (b"x-secret", b"1")]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


def wsgi_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("201 Created", [("x-total", "3"), ("x-secret", "1")])
    return [b"ok"]


APPS = {
    "asgi": CORSMiddleware(asgi_app, **OPTIONS),
    "wsgi": wsgi.CORSMiddleware(wsgi_app, **OPTIONS),
}

STARLETTE = """
    import corsac
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def items(request):
        return PlainTextResponse("ok")

    app = Starlette(routes=[Route("/items", items, methods=["GET", "PUT", "DELETE"])])
    app.add_middleware(
        corsac.CORSMiddleware, allow_origins=["https://app.example.com"], allow_methods=["PUT"]
    )
"""
FASTAPI = """
    import corsac
    from fastapi import FastAPI

    app = FastAPI()
    app.add_middleware(
        corsac.CORSMiddleware, allow_origins=["https://app.example.com"], allow_methods=["PUT"]
    )

    @app.api_route("/items", methods=["GET", "PUT", "DELETE"])
    async def items():
        return {}
"""
FLASK = """
    import corsac.flask
    from flask import Flask

    app = Flask("shop")
    corsac.flask.CORS(app, origins=["https://app.example.com"], methods=["PUT"])

    @app.route("/items", methods=["GET", "PUT", "DELETE"])
    def items():
        return {}
"""
ASGI = """
    import corsac

    async def items(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    app = corsac.CORSMiddleware(
        items, allow_origins=["https://app.example.com"], allow_methods=["PUT"]
    )
"""
WSGI = """
    import corsac.wsgi

    def items(environ, start_response):
        start_response("200 OK", [])
        return [b"ok"]

    app = corsac.wsgi.CORSMiddleware(
        items, allow_origins=["https://app.example.com"], allow_methods=["PUT"]
    )
"""
PROGRAMS = {
    "starlette": STARLETTE,
    "fastapi": FASTAPI,
    "flask": FLASK,
    "asgi": ASGI,
    "wsgi": WSGI,
}

each_program = pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
each_interface = pytest.mark.parametrize("interface", APPS)


def run_pytest(pytester: pytest.Pytester, program: str, tests: str) -> pytest.RunResult:
    """Run a user's tests against a user's application."""
    pytester.makepyfile(shop=program, test_shop=tests)
    return pytester.runpytest_inprocess("-p", "no:randomly", "-q", *the_plugin())


def the_plugin() -> list[str]:
    """What makes pytest load the plugin: installed it is there, and must not be given twice."""
    installed = importlib.metadata.entry_points(group="pytest11")
    return [] if "corsac" in installed.names else ["-p", "corsac.pytest_plugin"]


@each_program
def test_what_the_policy_allows_passes(pytester: pytest.Pytester, program: str) -> None:
    result = run_pytest(
        pytester,
        program,
        """
        from corsac.testing import assert_cors, assert_cors_blocked
        from shop import app

        def test_functions():
            assert_cors(app, origin="https://app.example.com", method="PUT", path="/items")
            assert_cors_blocked(app, origin="https://evil.example", path="/items")

        def test_fixtures(assert_cors, assert_cors_blocked):
            assert_cors(app, origin="https://app.example.com", path="/items", status=200)
            assert_cors_blocked(
                app,
                origin="https://app.example.com",
                method="DELETE",
                path="/items",
                reason="preflight:method-not-allowed",
            )
        """,
    )
    result.assert_outcomes(passed=2)


@each_program
def test_a_blocked_request_fails_with_the_smallest_change(
    pytester: pytest.Pytester, program: str
) -> None:
    result = run_pytest(
        pytester,
        program,
        """
        from shop import app

        def test_deleting(assert_cors):
            assert_cors(app, origin="https://app.example.com", method="DELETE", path="/items")
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E * AssertionError: DELETE https://testserver/items from https://app.example.com "
            "is blocked: preflight:method-not-allowed",
            "E * the preflight was refused: Access-Control-Allow-Methods does not have the method "
            "DELETE",
            "E * What the browser did:",
            "E * 1. https://testserver/items is cross-origin *: a preflight is needed *DELETE",
            "E * What the policy says:",
            "E * OPTIONS /items from https://app.example.com: blocked: method-not-allowed",
            "E * To allow it",
            "E * add 'DELETE' to allow_methods",
        ]
    )
    # The traceback is the user's own line, and nothing of corsac.testing.
    result.stdout.fnmatch_lines(["test_shop.py:4: AssertionError"])
    result.stdout.no_fnmatch_line("*__tracebackhide__*")
    result.stdout.no_fnmatch_line("*corsac/testing*")


@each_program
def test_an_allowed_request_fails_where_it_has_to_be_blocked(
    pytester: pytest.Pytester, program: str
) -> None:
    result = run_pytest(
        pytester,
        program,
        """
        from shop import app

        def test_reading(assert_cors_blocked):
            assert_cors_blocked(app, origin="https://app.example.com", path="/items")
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E * AssertionError: GET https://testserver/items from https://app.example.com "
            "is allowed",
            "E * What the browser did:",
            "E * The script gets the response: status 200, readable headers: *",
            "E * What the policy says:",
            "E * GET /items from https://app.example.com: allowed",
        ]
    )


def test_tests_that_are_coroutines_await_the_twins(pytester: pytest.Pytester) -> None:
    result = run_pytest(
        pytester,
        ASGI,
        """
        import asyncio
        from shop import app

        def test_both(assert_cors_async, assert_cors_blocked_async):
            async def main():
                await assert_cors_async(app, origin="https://app.example.com", method="PUT")
                await assert_cors_blocked_async(app, origin="https://evil.example")
                await assert_cors_async(app, origin="https://evil.example")
            asyncio.run(main())
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E * AssertionError: GET https://testserver/ from https://evil.example is blocked: "
            "missing-allow-origin",
            "E * What the policy says:",
        ]
    )


def test_the_plugin_lists_its_fixtures_with_what_they_are_for(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("")
    result = pytester.runpytest_inprocess(*the_plugin(), "--fixtures")
    result.stdout.fnmatch_lines(
        ["assert_cors *", "*a page of another origin gets the response.", "assert_cors_async *"]
    )


def test_the_plugin_imports_nothing_until_a_fixture_is_asked_for() -> None:
    program = """
import sys, pytest
before = set(sys.modules)
import corsac.pytest_plugin
loaded = {name for name in set(sys.modules) - before if name.startswith("corsac.")}
print(sorted(loaded & {"corsac.browser", "corsac.testing", "corsac.explain", "corsac.cli"}))
print(bool({"starlette", "flask", "django", "playwright"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split("\n")[:2] == ["[]", "False"]


@each_interface
def test_an_outcome_is_given_back(interface: str) -> None:
    outcome = assert_cors(APPS[interface], origin=PAGE, readable=["X-Total"], status=201)
    assert outcome.readable_headers == ("x-total",)
    blocked = assert_cors_blocked(APPS[interface], origin=OTHER)
    assert blocked.reason == "missing-allow-origin"


@each_interface
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"status": 200}, "has the status 201, not 200"),
        (
            {"readable": ["x-total", "X-Secret"]},
            "has a response header that the page cannot read: X-Secret is not exposed",
        ),
        ({"readable": ["x-none"]}, "has no response header x-none"),
    ],
)
def test_a_response_that_is_not_as_it_has_to_be_fails(
    interface: str, arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(AssertionError) as caught:
        assert_cors(APPS[interface], origin=PAGE, **arguments)
    assert str(caught.value).split("\n")[0] == f"GET https://testserver/ from {PAGE} {problem}"


@each_interface
@pytest.mark.parametrize(
    "reason", ["preflight:header-not-allowed:x-b", "preflight:header-not-allowed"]
)
def test_a_reason_may_name_the_header_or_not(interface: str, reason: str) -> None:
    assert_cors_blocked(APPS[interface], origin=PAGE, headers={"X-B": "1"}, reason=reason)


@each_interface
def test_another_reason_than_the_one_that_is_asked_for_fails(interface: str) -> None:
    with pytest.raises(AssertionError) as caught:
        assert_cors_blocked(APPS[interface], origin=OTHER, reason="allow-origin-mismatch")
    assert str(caught.value).split("\n")[0] == (
        f"GET https://testserver/ from {OTHER} is blocked for another reason: "
        "missing-allow-origin, not allow-origin-mismatch"
    )


@each_interface
def test_what_fetch_itself_throws_at_proves_nothing_of_the_policy(interface: str) -> None:
    with pytest.raises(AssertionError, match="fails, but not because of CORS: typeerror:forbidden"):
        assert_cors_blocked(APPS[interface], origin=PAGE, method="TRACE")
    assert_cors_blocked(
        APPS[interface], origin=PAGE, method="TRACE", reason="typeerror:forbidden-method"
    )


def test_an_application_that_gives_no_answer_is_not_blocked_by_cors() -> None:
    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        """Return without a response."""

    with pytest.raises(AssertionError, match="fails, but not because of CORS: network-error"):
        assert_cors_blocked(silent, origin=PAGE)


def test_what_an_application_raises_is_said() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        message = "no database"
        raise RuntimeError(message)

    with pytest.raises(AssertionError) as caught:
        assert_cors(CORSMiddleware(broken, allow_origins=[PAGE]), origin=PAGE)
    assert "the application raised RuntimeError: no database" in str(caught.value)


@each_interface
@pytest.mark.parametrize("mode", ["include", True])
def test_credentials_are_a_mode_or_yes(interface: str, mode: str | bool) -> None:
    assert_cors(APPS[interface], origin=PAGE, credentials=mode)


def test_credentials_that_a_policy_does_not_allow_block_the_answer() -> None:
    app = CORSMiddleware(asgi_app, allow_origins=[PAGE])
    assert_cors(app, origin=PAGE, credentials=False)
    with pytest.raises(AssertionError) as caught:
        assert_cors(app, origin=PAGE, credentials=True)
    assert "is blocked: allow-credentials-not-true" in str(caught.value)
    assert "allow_credentials=True" in str(caught.value)


def test_an_asynchronous_function_of_the_policy_is_asked_in_the_running_loop() -> None:
    loops = []

    async def decide(origin: str) -> bool:
        loops.append(asyncio.get_running_loop())
        return origin == PAGE

    app = CORSMiddleware(asgi_app, allow_origin_func=decide)

    async def main() -> None:
        await assert_cors_async(app, origin=PAGE)
        await assert_cors_blocked_async(app, origin=OTHER)
        assert set(loops) == {asyncio.get_running_loop()}
        with pytest.raises(AssertionError, match="What the policy says"):
            await assert_cors_async(app, origin=OTHER)

    asyncio.run(main())


def test_synchronous_assertions_work_where_a_loop_runs() -> None:
    async def main() -> None:
        assert_cors(APPS["asgi"], origin=PAGE)
        assert_cors(APPS["wsgi"], origin=PAGE)

    asyncio.run(main())


class AsgiObject:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await asgi_app(scope, receive, send)


class WsgiObject:
    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        return wsgi_app(environ, start_response)


def returning_asgi(scope: Scope, receive: Receive, send: Send) -> Any:
    return asgi_app(scope, receive, send)


@pytest.mark.parametrize(
    ("app", "interface"),
    [
        (asgi_app, "asgi"),
        (wsgi_app, "wsgi"),
        (AsgiObject(), "asgi"),
        (WsgiObject(), "wsgi"),
        (Starlette(), "asgi"),
        (Flask("shop"), "wsgi"),
        (APPS["asgi"], "asgi"),
        (APPS["wsgi"], "wsgi"),
        (returning_asgi, "asgi"),
    ],
)
def test_what_an_application_speaks_is_seen(app: object, interface: str) -> None:
    assert interface_of(app, None) == interface


def test_an_interface_that_is_given_wins() -> None:
    assert interface_of(wsgi_app, "asgi") == "asgi"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"app": lambda *_: None}, ValueError, "cannot be told: say interface='asgi' or"),
        ({"app": 1}, TypeError, "app must be an ASGI or WSGI application, not int"),
        ({"interface": "rsgi"}, ValueError, "interface must be 'asgi' or 'wsgi', not 'rsgi'"),
        ({"path": "items"}, ValueError, "path must begin with a slash"),
        ({"base_url": "ftp://x"}, ValueError, "base_url must be a URL such as"),
        ({"base_url": PAGE}, ValueError, "the page is of the application's own origin"),
        ({"origin": f"{PAGE}/"}, ValueError, "origin must be as browsers write it"),
        ({"origin": None}, TypeError, "origin must be a str, not NoneType"),
        ({"readable": "x-total"}, TypeError, "readable must be a list of header names"),
        ({"profile": "netscape"}, ValueError, "profile must be one of"),
    ],
)
def test_arguments_that_cannot_be_used_say_so(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        assert_cors(**{"app": APPS["asgi"], "origin": PAGE, **arguments})


def test_a_reason_that_there_is_not_says_so() -> None:
    with pytest.raises(ValueError, match=r"there is no reason 'method-refused'; .* has them all"):
        assert_cors_blocked(APPS["asgi"], origin=OTHER, reason="method-refused")


def test_without_corsac_the_browsers_steps_are_all_there_is() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_cors(asgi_app, origin=PAGE)
    assert "the answer has no Access-Control-Allow-Origin" in str(caught.value)
    assert "What the policy says" not in str(caught.value)


@pytest.mark.parametrize("name", corsac.pytest_plugin.__all__)
def test_each_fixture_says_that_it_gives_what_the_assertion_returns(name: str) -> None:
    (function,) = [
        node
        for node in ast.parse(inspect.getsource(corsac.pytest_plugin)).body
        if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    assert function.returns is not None
    given = "Awaitable[FetchOutcome]" if name.endswith("_async") else "FetchOutcome"
    assert ast.unparse(function.returns) == f"Callable[..., {given}]"
