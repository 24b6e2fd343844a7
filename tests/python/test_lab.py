"""`corsac lab` without a browser: who may use it, what it evaluates, how it starts and ends."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from corsac.cli import main
from corsac.console import diagnose
from corsac.lab import Lab, serving_lab
from corsac.lab.apps import MAX_BODY
from corsac.lab.cases import MAX_CASES, MAX_EXCHANGES, Case, CaseStore, Places
from corsac.lab.evaluating import MAX_ENTRIES, MAX_REGEX, MAX_TEXT
from corsac.options.types import BOOL_OPTIONS
from corsac.policy import CORSPolicy
from support.signals import interruptible_children

SECONDS = 60


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with serving_lab(port=0) as running:
        yield running


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    port: int, host: str, method: str, path: str, headers: dict[str, str], *, body: bytes = b""
) -> Answer:
    """Ask a server of the lab in another name than the one that is connected to."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": host, "Content-Length": str(len(body)), **headers}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def host_of(origin: str) -> str:
    return origin.partition("://")[2]


def call(lab: Lab, path: str, content: object, **changes: str) -> Answer:
    """Use the control API as the page does, but for some headers."""
    headers = {
        "Origin": lab.places.control,
        "Sec-Fetch-Site": "same-origin",
        "X-Lab-Token": lab.token,
        "Content-Type": "application/json",
    }
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    host = host_of(lab.places.control)
    present = {name: value for name, value in headers.items() if value}
    return ask(lab.places.page_port, host, "POST", path, present, body=body)


def state(lab: Lab, policy: dict[str, Any] | None = None, **request: Any) -> dict[str, Any]:
    return {
        "policy": {"allow_origins": [lab.places.pages["app"]], **(policy or {})},
        "request": {"page": "app", "path": "/items", **request},
    }


def test_the_page_is_served_with_a_policy_of_its_own_and_without_any_cors_header(lab: Lab) -> None:
    found = ask(lab.places.page_port, host_of(lab.places.control), "GET", "/", {})
    assert found.status == 200
    assert found.headers["content-type"] == "text/html; charset=utf-8"
    assert "frame-ancestors 'none'" in found.headers["content-security-policy"]
    assert "script-src 'self';" in found.headers["content-security-policy"]
    assert not [name for name in found.headers if name.startswith("access-control-")]
    assert lab.token in found.body.decode()


@pytest.mark.parametrize("name", ["lab.css", "lab.js", "form.js", "results.js", "presets.js"])
def test_each_file_of_the_page_is_served(lab: Lab, name: str) -> None:
    found = ask(lab.places.page_port, host_of(lab.places.control), "GET", f"/{name}", {})
    assert found.status == 200
    assert found.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/../state.py", "/lab.py", "/api.py", "/frame.html", "//lab.js"])
def test_nothing_else_is_served(lab: Lab, path: str) -> None:
    found = ask(lab.places.page_port, host_of(lab.places.control), "GET", path, {})
    assert found.status == 404


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_other_names_of_this_machine_lead_to_the_page(lab: Lab, host: str) -> None:
    found = ask(lab.places.page_port, f"{host}:{lab.places.page_port}", "GET", "/", {})
    assert (found.status, found.headers["location"]) == (307, f"{lab.places.control}/")


@pytest.mark.parametrize("path", ["/", "/frame", "/api/evaluate", "/items"])
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "lab.localhost",
        "lab.localhost:1",
        "evil.example:80",
        "",
        "lab.localhost.evil",
    ],
)
def test_a_host_that_is_none_of_the_labs_gets_nothing(lab: Lab, host: str, path: str) -> None:
    for port in (lab.places.page_port, lab.places.api_port):
        found = ask(port, host, "GET", path, {})
        assert (found.status, found.body) == (421, b"this is not a host of the lab\n")


def test_frames_can_be_embedded_by_the_page_alone(lab: Lab) -> None:
    for origin in lab.places.frame_origins:
        port = int(origin.rpartition(":")[2])
        found = ask(port, host_of(origin), "GET", "/frame", {})
        assert found.status == 200
        policy = found.headers["content-security-policy"]
        assert f"frame-ancestors {lab.places.control};" in policy
        # The page of another origin has no control API.
        assert ask(port, host_of(origin), "POST", "/api/evaluate", {}).status == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {"X_Lab_Token": ""},
        {"X_Lab_Token": "guessed"},
    ],
)
def test_only_the_page_itself_may_use_the_api(lab: Lab, changes: dict[str, str]) -> None:
    found = call(lab, "/api/evaluate", state(lab), **changes)
    assert found.status == 403
    assert set(found.json) == {"error"}
    assert not [name for name in found.headers if name.startswith("access-control-")]


def test_a_frame_of_the_lab_may_not_use_the_api(lab: Lab) -> None:
    found = call(lab, "/api/evaluate", state(lab), Origin=lab.places.pages["stranger"])
    assert found.status == 403


def test_a_browser_that_sends_no_fetch_metadata_may_use_it_with_the_token(lab: Lab) -> None:
    assert call(lab, "/api/evaluate", state(lab), Sec_Fetch_Site="").status == 200


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[" * 20_000, 400),
        (b"\xff", 400),
        (b"NaN", 400),
        (b"null", 400),
        (b"[]", 400),
        (b'{"policy": []}', 400),
        (b'{"policy": {}, "request": 1}', 400),
        (b" " * MAX_BODY + b"1", 413),
    ],
)
def test_what_is_no_state_is_refused_with_a_sentence(lab: Lab, content: bytes, status: int) -> None:
    found = call(lab, "/api/evaluate", content)
    assert found.status == status
    assert isinstance(found.json["error"], str)


@pytest.mark.parametrize(
    ("policy", "request_", "field"),
    [
        ({"allow_origins": "*"}, {}, "allow_origins"),
        ({"allow_origins": [1]}, {}, "allow_origins"),
        ({"allow_origins": ["a"] * (MAX_ENTRIES + 1)}, {}, "allow_origins"),
        ({"allow_origins": ["a" * (MAX_TEXT + 1)]}, {}, "allow_origins"),
        ({"allow_origin_regex": "a" * (MAX_REGEX + 1)}, {}, "allow_origin_regex"),
        ({"allow_origin_func": "os.system"}, {}, "policy"),
        ({"guard": "yes"}, {}, "guard"),
        ({"max_age": "soon"}, {}, "max_age"),
        ({"max_age": 1.5}, {}, "max_age"),
        ({"preflight_status": True}, {}, "preflight_status"),
        ({"hands_off": 1}, {}, "hands_off"),
        ({}, {"page": "elsewhere"}, "page"),
        ({}, {"page": ["app"]}, "page"),
        ({}, {"path": "items"}, "path"),
        ({}, {"path": "/a?b"}, "path"),
        ({}, {"response": "418"}, "response"),
        ({}, {"response": {}}, "response"),
        ({}, {"headers": "X: 1"}, "headers"),
        ({}, {"headers": [["X"]]}, "headers"),
        ({}, {"headers": [["X", "1"]] * (MAX_ENTRIES + 1)}, "headers"),
        ({}, {"method": 1}, "method"),
        ({}, {"mode": "secret"}, "request"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_at_its_field(
    lab: Lab, policy: dict[str, Any], request_: dict[str, Any], field: str
) -> None:
    found = call(lab, "/api/evaluate", state(lab, policy, **request_))
    assert found.status == 400
    assert found.json["field"] == field
    assert found.json["error"]


def test_values_at_their_limits_are_taken(lab: Lab) -> None:
    origins = [f"https://a{number}.example" for number in range(MAX_ENTRIES)]
    headers = [["X-A", "a" * MAX_TEXT]] * MAX_ENTRIES
    policy = {"allow_origins": origins, "allow_origin_regex": "https://b".ljust(MAX_REGEX, "b")}
    found = call(lab, "/api/evaluate", state(lab, policy, headers=headers))
    assert (found.status, found.json["valid"]) == (200, True), found.json


def test_a_policy_that_corsac_refuses_comes_back_with_its_problems(lab: Lab) -> None:
    found = call(
        lab, "/api/evaluate", state(lab, {"allow_origins": ["*"], "allow_credentials": True})
    )
    assert found.json == {
        "valid": False,
        "problems": [
            {
                "code": "origin.any_with_credentials",
                "severity": "error",
                "option": "allow_origins",
                "value": "*",
                "message": "any site could read responses and act with the user's cookies",
                "hint": found.json["problems"][0]["hint"],
                "fix": {"allow_credentials": False},
            }
        ],
    }


def test_an_evaluation_has_the_problems_the_code_the_verdicts_and_the_reasons(lab: Lab) -> None:
    policy = {"allow_methods": ["PUT"], "hands_off": ["/health"], "max_age": None}
    found = call(lab, "/api/evaluate", state(lab, policy, method="DELETE")).json
    assert found["valid"] is True
    assert found["code"] == (
        "app = corsac.CORSMiddleware(\n"
        "    app,\n"
        f'    allow_origins=["{lab.places.pages["app"]}"],\n'
        '    allow_methods=["PUT"],\n'
        "    max_age=None,\n"
        '    rules=[("/health", None)],\n'
        ")"
    )
    assert set(found["outcomes"]) == {"standard", "chromium", "firefox", "webkit"}
    assert {it["reason"] for it in found["outcomes"].values()} == {"preflight:method-not-allowed"}
    assert found["explanations"][0]["change"]["text"] == "add 'DELETE' to allow_methods"


def test_an_evaluation_has_what_each_browser_would_print(lab: Lab) -> None:
    case = state(lab, {"allow_methods": ["PUT"]}, method="DELETE")
    found = call(lab, "/api/evaluate", case).json
    lines = {profile: outcome["console"] for profile, outcome in found["outcomes"].items()}
    assert lines["standard"] == []
    for engine in ("chromium", "firefox", "webkit"):
        (diagnosis,) = diagnose("\n".join(lines[engine]), engine=engine)
        assert diagnosis.reason == "preflight:method-not-allowed"
    assert lines["chromium"][0].endswith(
        f"from origin '{lab.places.pages['app']}' has been blocked by CORS policy: Method DELETE "
        "is not allowed by Access-Control-Allow-Methods in preflight response."
    )
    found = call(lab, "/api/evaluate", state(lab)).json
    assert [outcome["console"] for outcome in found["outcomes"].values()] == [[], [], [], []]


@pytest.mark.parametrize("option", BOOL_OPTIONS)
def test_each_switch_of_a_policy_is_one_of_the_page_too(lab: Lab, option: str) -> None:
    page = ask(lab.places.page_port, host_of(lab.places.control), "GET", "/", {}).body.decode()
    assert f'<input type="checkbox" id="{option}">' in page
    form = ask(lab.places.page_port, host_of(lab.places.control), "GET", "/form.js", {})
    assert f"{option}: false" in form.body.decode()
    found = call(lab, "/api/evaluate", state(lab, {option: True})).json
    assert f"    {option}=True,\n" in found["code"]


def test_local_network_access_is_said_beside_the_option_that_it_takes_the_place_of(
    lab: Lab,
) -> None:
    for value in (True, False):
        found = call(lab, "/api/evaluate", state(lab, {"allow_private_network": value})).json
        said = [note.partition("Beside CORS: ")[2][:20] for note in found["notes"]]
        assert said == ["Local Network Access"] * value
        # The lab's pages are on this machine, as its API is.
        assert all(outcome["notes"] == [] for outcome in found["outcomes"].values())


def test_a_path_that_is_left_alone_has_no_policy(lab: Lab) -> None:
    found = call(lab, "/api/evaluate", state(lab, {"hands_off": ["/items"]})).json
    assert found["outcomes"]["standard"]["reason"] == "missing-allow-origin"
    assert found["explanations"][0]["allowed"] is None


@pytest.mark.parametrize(
    ("request_", "ok", "guarded"),
    [
        ({"page": "stranger", "method": "POST", "mode": "no-cors"}, True, True),
        ({"page": "stranger", "method": "POST"}, False, True),
        ({"page": "stranger"}, False, False),
        ({"page": "app", "method": "POST"}, True, False),
        ({"page": "stranger", "method": "PUT"}, False, False),
        ({"method": "TRACE"}, False, False),
    ],
)
def test_what_the_guard_refuses_is_told_from_what_is_allowed(
    lab: Lab, request_: dict[str, str], ok: bool, guarded: bool
) -> None:
    found = call(lab, "/api/evaluate", state(lab, {"guard": True}, **request_)).json
    for outcome in found["outcomes"].values():
        assert (outcome["ok"], outcome["guarded"]) == (ok, guarded)


@pytest.mark.parametrize(
    ("response", "ok"), [("200", True), ("500", True), ("redirect", True), ("redirect-307", False)]
)
def test_the_application_responds_as_it_is_told(lab: Lab, response: str, ok: bool) -> None:
    found = call(lab, "/api/evaluate", state(lab, response=response)).json
    assert found["outcomes"]["standard"]["ok"] is ok
    assert len(found["outcomes"]["standard"]["sent"]) == (2 if "redirect" in response else 1)


def test_a_browser_that_does_otherwise_is_said_to_differ(lab: Lab) -> None:
    found = call(lab, "/api/evaluate", state(lab)).json
    result = {"ok": False, "error": "TypeError"}
    content = {"case": found["case"], "profile": "chromium", "result": result}
    compared = call(lab, "/api/compare", content).json
    assert compared == {
        "agrees": False,
        "differences": [
            "the simulation lets the script have it, this browser blocks it",
            "other requests were sent than the simulation says",
        ],
        "seen": [],
        "guarded": False,
    }


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ({"case": "gone", "profile": "chromium", "result": {"ok": True}}, 404),
        ({"case": 1}, 404),
        ([], 404),
        ({"profile": "netscape", "result": {"ok": True}}, 400),
        ({"profile": "chromium", "result": {"ok": "yes"}}, 400),
        ({"profile": "chromium", "result": None}, 400),
    ],
)
def test_a_comparison_that_cannot_be_made_is_refused(lab: Lab, content: Any, status: int) -> None:
    if isinstance(content, dict) and "case" not in content:
        content = content | {"case": call(lab, "/api/evaluate", state(lab)).json["case"]}
    assert call(lab, "/api/compare", content).status == status


def test_a_case_that_nobody_knows_is_not_there(lab: Lab) -> None:
    for query in ("", "?case=", "?case=guessed", "?" + "a&" * 50):
        found = ask(lab.places.api_port, host_of(lab.places.api), "GET", f"/items{query}", {})
        assert (found.status, found.body) == (404, b"there is no such case any more\n")
        assert not [name for name in found.headers if name.startswith("access-control-")]


def make_case() -> Case:
    places = Places(1024, 1025)
    from corsac.browser import FetchRequest  # noqa: PLC0415 - one helper needs it

    request = FetchRequest(f"{places.api}/", places.pages["app"])
    return Case(CORSPolicy(allow_origins=["*"]), [], request, "200", places)


def test_the_oldest_case_gives_way() -> None:
    store, case = CaseStore(), make_case()
    names = [str(number) for number in range(MAX_CASES + 1)]
    for name in names[:-1]:
        store.add(name, case)
    assert store.get(names[0]) is case
    store.add(names[-1], case)
    assert store.get(names[0]) is None
    assert store.get(names[1]) is case


def test_so_many_requests_of_a_case_are_noted_and_no_more(lab: Lab) -> None:
    name = call(lab, "/api/evaluate", state(lab)).json["case"]
    for count in range(MAX_EXCHANGES + 1):
        host, path = host_of(lab.places.api), f"/items?case={name}"
        assert ask(lab.places.api_port, host, "GET", path, {}).status == 200
        case = lab.cases.get(name)
        assert case is not None
        assert len(case.seen) == min(count + 1, MAX_EXCHANGES)


def test_both_servers_listen_on_loopback_alone(lab: Lab) -> None:
    for port in (lab.places.page_port, lab.places.api_port):
        with socket.socket() as other:
            other.settimeout(SECONDS)
            # Another address of this very machine, which a server on all addresses would have.
            assert other.connect_ex(("127.0.0.2", port)) != 0


def test_a_port_that_is_in_use_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert main(["lab", "--no-open", "--port", str(port)]) == 3
    assert capsys.readouterr().err == (
        f"corsac lab: error: port {port} cannot be used (Address already in use); "
        "choose another with --port\n"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_says_where_the_lab_is_and_ends_cleanly(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "corsac", "lab", "--no-open", "--port", "0"]
    with interruptible_children():
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    with process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("The lab is at http://lab.localhost:")
        assert process.stdout.readline() == "Ctrl-C stops it.\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=SECONDS)
    assert (out, err, process.returncode) == ("Stopped.\n", "", 0)
