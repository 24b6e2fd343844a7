"""`corsac check` on servers of the Model Context Protocol: what pages need and a policy lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl
from starlette.applications import Starlette
from starlette.routing import Mount

import corsac
from corsac import CORSConfigProblem, CORSPolicy
from corsac.inspection import find_layers
from corsac.inspection.layers import applied_by
from corsac.inspection.mcp import problems_of_endpoints
from corsac.starlette import cors, install
from support.checking import check_json, codes, use_empty_directory, write_module

PAGE = "https://inspector.example"
OPEN = TransportSecuritySettings(enable_dns_rebinding_protection=False)
OPTIONS: dict[str, Any] = {
    "allow_origins": [PAGE],
    "allow_methods": ["DELETE"],
    "allow_headers": ["*", "authorization"],
    "expose_headers": ["mcp-session-id", "www-authenticate"],
    "guard": True,
}
WHOLE = CORSPolicy(**OPTIONS)
BARE = CORSPolicy(allow_origins=[PAGE], guard=True)
DISCOVERY = ("/.well-known/*", None)


class Anybody:
    async def verify_token(self, token: str) -> AccessToken | None:
        return AccessToken(token=token, client_id="x", scopes=[])


def server(*, with_sign_in: bool = False) -> MCPServer:
    if not with_sign_in:
        return MCPServer("plain")
    auth = AuthSettings(
        issuer_url=AnyHttpUrl("https://sign-in.example"),
        resource_server_url=AnyHttpUrl("http://localhost:8000/mcp"),
        validate_token_resource=False,
    )
    return MCPServer("signed", token_verifier=Anybody(), auth=auth)


def routes(*, with_sign_in: bool = False, **options: Any) -> Starlette:
    options = {"transport_security": OPEN, **options}
    return server(with_sign_in=with_sign_in).streamable_http_app(**options)


def wrapped(app: Any, *arguments: Any, **options: Any) -> corsac.CORSMiddleware:
    options = {"allowed_hosts": corsac.LOOPBACK_HOSTS, **options}
    return corsac.CORSMiddleware(app, *arguments, **options)


def problems(middleware: Any) -> list[CORSConfigProblem]:
    return [*problems_of_endpoints(find_layers(middleware), applied_by(middleware))]


def said(middleware: Any) -> dict[str, tuple[str, object]]:
    """The severity and the fix of what is said about each option."""
    found = problems(middleware)
    assert {each.code for each in found} <= {"mcp.incomplete"}
    assert all(each.hint for each in found)
    return {
        each.option: (each.severity, None if each.fix is None else dict(each.fix)) for each in found
    }


def test_a_policy_that_gives_pages_all_they_need_is_complete() -> None:
    for with_sign_in in (False, True):
        app = routes(with_sign_in=with_sign_in)
        assert said(wrapped(app, WHOLE, rules=[DISCOVERY])) == {}


def test_every_list_that_lacks_something_is_named_with_what_to_write() -> None:
    app = wrapped(routes(with_sign_in=True), BARE, rules=[DISCOVERY])
    fixes = {
        "allow_methods": ("DELETE",),
        "allow_headers": ("*", "authorization"),
        "expose_headers": ("mcp-session-id", "www-authenticate"),
    }
    severities = {"allow_methods": "info", "allow_headers": "warning", "expose_headers": "warning"}
    assert said(app) == {name: (severities[name], {name: fixes[name]}) for name in fixes}
    fixed = BARE.replace(**fixes)  # type: ignore[arg-type]
    assert said(wrapped(routes(with_sign_in=True), fixed, rules=[DISCOVERY])) == {}


def test_the_reason_names_what_the_page_has_to_do_without() -> None:
    found = problems(wrapped(routes(), BARE))
    assert [each.message for each in found] == [
        "MCP at /mcp: a page cannot end its session without DELETE",
        "MCP at /mcp: clients send content-type, last-event-id, mcp-method, mcp-name, "
        "mcp-protocol-version and mcp-session-id too, and the browser refuses their requests",
        "MCP at /mcp: a page that cannot read it has no session after its first request "
        "(mcp-session-id)",
    ]


def every_name() -> list[str]:
    names = ["content-type", "mcp-protocol-version", "mcp-method", "mcp-name", "authorization"]
    return [*names, "Mcp-Session-Id", "Last-Event-ID"]


@pytest.mark.parametrize(
    ("options", "changes", "expected"),
    [
        # A list of all known names lacks those that the tools name.
        ({}, {"allow_headers": every_name()}, {"allow_headers": "info"}),
        ({}, {"allow_headers": ["*"]}, {"allow_headers": "warning"}),
        ({}, {"allow_headers": ["*"], "allow_credentials": True}, {}),
        ({}, {"allow_methods": ["*"], "expose_headers": ["*"]}, {}),
        ({}, {"expose_headers": ["mcp-session-id"]}, {"expose_headers": "warning"}),
        ({"with_sign_in": False}, {"expose_headers": ["mcp-session-id"]}, {}),
        ({"with_sign_in": False}, {"allow_headers": ["*"]}, {}),
        # Without sessions there is none to end and none to read.
        (
            {"with_sign_in": False, "stateless_http": True},
            {"allow_methods": [], "expose_headers": []},
            {},
        ),
        ({}, {"guard": corsac.Guard(writes=False)}, {}),
        ({}, {"guard": False}, {"guard": "info"}),
        # No page is meant.
        ({}, {"allow_origins": [], "allow_methods": [], "allow_headers": []}, {}),
    ],
)
def test_only_what_the_server_needs_is_missed(
    options: dict[str, Any], changes: dict[str, Any], expected: dict[str, str]
) -> None:
    app = routes(**{"with_sign_in": True, **options})
    middleware = wrapped(app, CORSPolicy(**OPTIONS | changes), rules=[DISCOVERY])
    assert {option: severity for option, (severity, _) in said(middleware).items()} == expected


def test_a_fix_that_would_be_the_next_problem_is_left_out() -> None:
    policy = CORSPolicy(allow_origins=[PAGE], allow_credentials=True, allow_methods=["DELETE"])
    found = said(wrapped(routes(), policy.replace(expose_headers=["x"])))
    assert found["expose_headers"] == ("warning", {"expose_headers": ("x", "mcp-session-id")})
    severity, fix = found["allow_headers"]
    assert severity == "warning"
    if fix is not None:
        changed = policy.replace(**fix)  # type: ignore[arg-type]
        assert {it.severity for it in changed.problems} <= {"info"}


def test_the_older_transport_needs_less() -> None:
    sse = server().sse_app(transport_security=OPEN)
    policy = CORSPolicy(allow_origins=[PAGE], allow_headers=["content-type"], guard=True)
    found = problems(wrapped(sse, policy))
    assert [(each.option, each.message) for each in found] == [
        (
            "allow_headers",
            "MCP at /messages: clients send mcp-protocol-version too, and the browser refuses "
            "their requests",
        )
    ]


def test_the_policy_of_the_servers_own_path_is_looked_at() -> None:
    mounted = Starlette(routes=[Mount("/tools", routes())])
    ruled = wrapped(
        mounted, WHOLE, rules=[("/other", WHOLE), ("/tools/*", BARE.replace(max_age=5))]
    )
    place = "rules['/tools/*']."
    assert [*said(ruled)] == [
        f"{place}allow_methods",
        f"{place}allow_headers",
        f"{place}expose_headers",
    ]
    several = wrapped(mounted, [WHOLE, BARE.replace(expose_headers=["*"])])
    assert [*said(several)] == ["allow_methods", "allow_headers"]
    left_alone = wrapped(mounted, BARE, rules=[("/tools/*", None)])
    assert said(left_alone) == {}


def test_the_policy_of_a_decorated_route_is_looked_at() -> None:
    app = routes()
    (route,) = (each for each in app.routes if getattr(each, "path", "") == "/mcp")
    cors(BARE)(route)
    installed = install(app, WHOLE, allowed_hosts=corsac.LOOPBACK_HOSTS)
    assert {option.partition(".")[0] for option in said(installed)} == {"route '/mcp'"}


def test_where_to_sign_in_is_for_anyone_to_read() -> None:
    app = routes(with_sign_in=True)
    rule = ("/api/*", BARE)
    fix = {"rules": (DISCOVERY, rule)}
    assert said(wrapped(app, WHOLE, rules=[rule])) == {"rules": ("warning", fix)}
    anyone = ("/.well-known/*", CORSPolicy(allow_origins=["*"]))
    for rules in (fix["rules"], [anyone]):
        assert said(wrapped(app, WHOLE, rules=rules)) == {}


def test_a_check_of_the_sdks_own_that_refuses_what_the_policy_allows_is_named() -> None:
    policy = CORSPolicy(
        **OPTIONS | {"allow_origins": [PAGE, "http://localhost:*", "http://a.test"]}
    )
    # The default of the SDK on a loopback address.
    app = wrapped(routes(transport_security=None), policy)
    (problem,) = problems(app)
    assert (problem.option, problem.severity, problem.fix) == ("allow_origins", "warning", None)
    assert "answers 403 to https://inspector.example and http://a.test, whatever" in problem.message
    assert "enable_dns_rebinding_protection=False" in problem.hint
    listed = TransportSecuritySettings(
        allowed_hosts=[f"{host}:*" for host in corsac.LOOPBACK_HOSTS],
        allowed_origins=[PAGE, "http://localhost:*", "http://a.test"],
    )
    for security in (listed, OPEN):
        assert problems(wrapped(routes(transport_security=security), policy)) == []


def test_a_server_that_answers_to_any_host_is_named() -> None:
    missing = {"allowed_hosts": ("warning", None)}
    assert said(wrapped(routes(), WHOLE, allowed_hosts=None)) == missing
    # By the older transport too, and also where no page is meant.
    sse = server().sse_app(transport_security=OPEN)
    assert said(wrapped(sse, corsac.CORSPolicy(), allowed_hosts=None)) == missing
    # The SDK checks it itself.
    app = routes(transport_security=TransportSecuritySettings(allowed_origins=[PAGE]))
    assert said(wrapped(app, WHOLE, allowed_hosts=None)) == {}


def test_hosts_that_only_the_sdk_refuses_are_named() -> None:
    sdk = {"allowed_hosts": ["localhost:*", "api.test:8000"], "allowed_origins": [PAGE]}
    app = routes(transport_security=TransportSecuritySettings(**sdk))  # type: ignore[arg-type]
    for hosts in (["localhost"], ["api.test:8000", "localhost:3000"]):
        assert problems(wrapped(app, WHOLE, allowed_hosts=hosts)) == []
    (problem,) = problems(wrapped(app, WHOLE, allowed_hosts=["localhost", "api.test"]))
    assert (problem.option, problem.severity) == ("allowed_hosts", "warning")
    assert "the SDK answers 421 to api.test:*: its own allowed_hosts" in problem.message


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_empty_directory(tmp_path, monkeypatch)
    return tmp_path


def test_the_command_says_it_and_prints_the_arguments_to_write(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = write_module(
        "from mcp.server.mcpserver import MCPServer\n"
        "from mcp.server.transport_security import TransportSecuritySettings\n"
        "off = TransportSecuritySettings(enable_dns_rebinding_protection=False)\n"
        "routes = MCPServer('x').streamable_http_app(transport_security=off)\n"
        f"app = corsac.CORSMiddleware(routes, allow_origins=['{PAGE}'])\n"
    )
    code, found = check_json(capsys, f"{name}:app", "--strict")
    assert (code, found["valid"]) == (1, True)
    assert codes(found).count("mcp.incomplete") == 5


def test_what_only_resembles_the_sdk_is_not_an_endpoint() -> None:
    class StreamableHTTPASGIApp:
        async def __call__(self, *_: Any) -> None: ...

    app = Starlette(routes=[Mount("/mcp", StreamableHTTPASGIApp())])
    assert problems(wrapped(app, BARE)) == []
