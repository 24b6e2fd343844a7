"""``allowed_hosts`` in frameworks, under servers that speak HTTP/2, and in the commands."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import flask
import h2.config
import h2.connection
import h2.events
import pytest
from django.test import override_settings
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from corsac import CORSConfigError, CORSPolicy
from corsac.cli import main
from corsac.django.checks import check_settings
from corsac.flask import CORS, cross_origin
from corsac.starlette import cors, cors_exempt, install
from support.checking import check_json, codes, use_empty_directory, write_module
from support.django_project import CALLS
from support.servers import running_server

assert CALLS, "the Django project is set up"
API = "api.example.com"
APP = "https://app.example.com"
POLICY = CORSPolicy(allow_origins=[APP])
REFUSED = {
    "content-type": "text/plain; charset=utf-8",
    "content-length": "16",
    "corsac-refused": "host-not-allowed",
}


async def plain(request: StarletteRequest) -> Response:
    return PlainTextResponse("plain")


def starlette_app() -> Starlette:
    @cors(allow_origins=["*"])
    async def public(request: StarletteRequest) -> Response:
        return PlainTextResponse("public")

    @cors_exempt
    async def exempt(request: StarletteRequest) -> Response:
        return PlainTextResponse("exempt")

    return Starlette(routes=[Route("/", plain), Route("/public", public), Route("/exempt", exempt)])


PATHS = ("/", "/public", "/exempt", "/missing")


def statuses(client: TestClient, host: str) -> list[int]:
    return [client.get(path, headers={"host": host}).status_code for path in PATHS]


def test_starlette_serves_listed_hosts_on_every_route_those_left_alone_included() -> None:
    app = starlette_app()
    middleware = install(app, POLICY, allowed_hosts=[API], debug_header=True)
    client = TestClient(app)
    assert statuses(client, API) == [200, 200, 200, 404]
    for path in PATHS:
        response = client.get(path, headers={"host": "rebound.example"})
        assert (response.status_code, dict(response.headers)) == (403, REFUSED)
    assert middleware.counters()["host_refused"] == 4


def test_starlette_follows_hosts_that_are_given_later() -> None:
    app = starlette_app()
    middleware = install(app, POLICY)
    client = TestClient(app)
    assert statuses(client, "rebound.example") == [200, 200, 200, 404]
    middleware.reconfigure(POLICY, allowed_hosts=[API])
    assert statuses(client, "rebound.example") == [403, 403, 403, 403]
    middleware.reconfigure(POLICY, allowed_hosts=["rebound.example"])
    assert statuses(client, "rebound.example") == [200, 200, 200, 404]
    middleware.reconfigure(POLICY, allowed_hosts=None)
    assert statuses(client, "evil.example") == [200, 200, 200, 404]


def test_starlette_tries_nothing_on_routes_that_are_left_alone() -> None:
    app = starlette_app()
    middleware = install(
        app, POLICY, allowed_hosts=["*.example", API], report_only=POLICY, report_only_hosts=[API]
    )
    assert statuses(TestClient(app), "rebound.example") == [200, 200, 200, 404]
    assert middleware.report_only_counters()["host_refused"] == 3
    assert statuses(TestClient(app), API) == [200, 200, 200, 404]
    assert middleware.report_only_counters()["not_cors"] == 3


def flask_app() -> flask.Flask:
    app = flask.Flask("named")

    @app.get("/")
    def plain_view() -> str:
        return "plain"

    @app.get("/public")
    @cross_origin(origins="*")
    def public_view() -> str:
        return "public"

    @app.get("/items/<name>")
    @cross_origin(origins=[APP])
    def item(name: str) -> str:
        return name

    return app


@pytest.mark.parametrize(
    "options", [{"origins": [APP]}, {"policy": POLICY}, {"rules": [("/public", None)]}]
)
def test_flask_serves_listed_hosts_on_every_route(options: dict[str, Any]) -> None:
    app = flask_app()
    extension = CORS(app, allowed_hosts=[API], debug_header=True, **options)
    assert extension is not None
    client = app.test_client()
    for path in ("/", "/public", "/items/1", "/missing"):
        served = client.get(path, headers={"Host": f"{API}:5000"})
        assert served.status_code == (404 if path == "/missing" else 200)
        for method in ("GET", "OPTIONS"):
            response = client.open(path, method=method, headers={"Host": "rebound.example"})
            assert response.status_code == 403
            assert {name.lower(): value for name, value in response.headers} == REFUSED
    middleware = app.extensions["corsac"]
    assert middleware.counters()["host_refused"] == 8
    middleware.reconfigure(POLICY, allowed_hosts=["rebound.example"])
    assert client.get("/public", headers={"Host": "rebound.example"}).status_code == 200


@pytest.mark.parametrize(
    ("name", "value", "names"),
    [
        ("TRUSTED_HOSTS", [API, ".example.org"], [API, "example.org", "*.example.org"]),
        ("SERVER_NAME", f"{API}:5000", [API]),
        ("TRUSTED_HOSTS", ["not a host"], None),
    ],
)
def test_flask_says_what_its_own_hosts_would_be(
    name: str, value: Any, names: list[str] | None
) -> None:
    app = flask_app()
    app.config[name] = value
    CORS(app, policy=POLICY)
    middleware = app.extensions["corsac"]
    (found,) = [each for each in middleware.problems if each.code == "host.unchecked"]
    assert (found.severity, found.option) == ("info", "allowed_hosts")
    assert found.message.startswith(name)
    if names is None:
        assert (found.fix, found.hint) == (None, "")
        return
    assert found.fix == {"allowed_hosts": tuple(names)}
    assert found.hint == f"write allowed_hosts={names!r}"
    middleware.reconfigure(POLICY, **found.fix)
    assert [each for each in middleware.problems if each.code == "host.unchecked"] == []


def test_flask_refuses_what_cannot_be_a_host() -> None:
    with pytest.raises(CORSConfigError, match="allowed_hosts: 'https://x'"):
        CORS(flask_app(), policy=POLICY, allowed_hosts=["https://x"])


@pytest.mark.parametrize("option", ["allowed_hosts", "report_only_hosts"])
def test_django_says_that_it_has_a_list_of_its_own(option: str) -> None:
    with override_settings(CORSAC={"allow_origins": [APP], option: [API]}):
        (found,) = check_settings()
    assert found.id == "corsac.E126"
    assert found.msg == (
        f"['{API}'] in CORSAC[\"{option}\"]: Django's own ALLOWED_HOSTS does this, so that there "
        "is one list [option.misplaced]"
    )
    assert found.hint == "move it to the setting ALLOWED_HOSTS"


@pytest.mark.parametrize("option", ["allowed_hosts", "report_only_hosts"])
def test_django_says_so_wherever_options_may_stand(option: str) -> None:
    policy = {"allow_origins": [APP]}
    misplaced = policy | {option: [API]}
    for settings, name in (
        ({"CORSAC": [policy, misplaced]}, f"CORSAC[1], {option}"),
        ({"CORSAC": policy | {"rules": [("/a", misplaced)]}}, option),
        ({"CORSAC": policy, "CORSAC_REPORT_ONLY": misplaced}, f'CORSAC_REPORT_ONLY["{option}"]'),
    ):
        with override_settings(**settings):
            (found,) = check_settings()
        assert found.id == "corsac.E126"
        assert name in found.msg
        assert found.hint == "move it to the setting ALLOWED_HOSTS"


# Servers that speak HTTP/2, where `:authority` stands in the place of Host


def ask_by_http2(port: int, *headers: tuple[str, str]) -> tuple[bytes, bytes]:
    """Send one request by HTTP/2 without TLS, and give the status and the body."""
    configuration = h2.config.H2Configuration(validate_outbound_headers=False)
    connection = h2.connection.H2Connection(configuration)
    connection.initiate_connection()
    start = [(":method", "GET"), (":scheme", "http"), (":path", "/")]
    connection.send_headers(1, [*start, *headers], end_stream=True)
    status, body = b"", b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as stream:
        stream.sendall(connection.data_to_send())
        while data := stream.recv(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    status = dict(event.headers)[b":status"]
                if isinstance(event, h2.events.DataReceived):
                    body += event.data
                if isinstance(event, h2.events.StreamEnded | h2.events.StreamReset):
                    return status, body
            stream.sendall(connection.data_to_send())
    return status, body


@pytest.mark.parametrize("name", ["hypercorn", "granian"])
def test_the_authority_of_http2_is_the_host(name: str) -> None:
    with running_server(name, "support.servers_app:named") as server:
        for authority, wanted in (
            (f"127.0.0.1:{server.port}", b"200"),
            (API, b"200"),
            (f"{API}:8443", b"200"),
            ("rebound.example", b"403"),
        ):
            status, body = ask_by_http2(server.port, (":authority", authority))
            assert status == wanted, (authority, body)
            assert (body == b"host-not-allowed") == (wanted == b"403")


# Commands


@pytest.fixture(name="here")
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_empty_directory(tmp_path, monkeypatch)


APPS = """
async def bare(scope, receive, send): ...
guarded = corsac.CORSMiddleware(bare, allow_origins=["https://a.test"], guard=True)
local = corsac.CORSMiddleware(bare, allow_origins=["http://localhost:*"])
by_rule = corsac.CORSMiddleware(
    bare, rules=[("/x", corsac.CORSPolicy(allow_origins=["http://127.0.0.1:8000"]))]
)
public = corsac.CORSMiddleware(bare, allow_origins=["https://localhost.example"])
named = corsac.CORSMiddleware(
    bare, allow_origins=["http://[::1]"], guard=True, allowed_hosts=["api.example.com"]
)
"""


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("name", "unchecked"),
    [("guarded", True), ("local", True), ("by_rule", True), ("public", False), ("named", False)],
)
def test_check_says_where_dns_rebinding_gets_past(
    name: str, unchecked: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = check_json(capsys, f"{write_module(APPS)}:{name}")
    assert (code, codes(found)) == (0, ["host.unchecked"] if unchecked else [])


@pytest.mark.usefixtures("here")
def test_explain_asks_by_a_name_that_is_served_or_by_the_one_that_is_given(
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = f"{write_module(APPS)}:named"
    asked = ["explain", source, "--origin", "http://[::1]", "--json"]
    assert main(asked) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "allowed"
    assert main([*asked, "--host", "rebound.example"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["explanations"][0]["reason"]) == ("blocked", "host-not-allowed")
    assert found["change"] == (
        "add 'rebound.example' to allowed_hosts, if it is a name of this server"
    )
    assert main([*asked, "--host", "https://x"]) == 2
