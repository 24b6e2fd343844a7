"""`corsac probe`: its transcript, its exit codes, and what it sends to which server."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware as StarletteCORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from corsac import CORSMiddleware, CORSPolicy
from corsac.browser import PROFILES
from corsac.cli import main
from support.probed import APP, probe_json, server, serving_app
from support.raw_server import RawRequest, answering, http, serving_raw

ORIGIN = ["--origin", APP]
# The servers of these tests are on this machine, and the page is not.
NOTE = (
    "note  Beside CORS: Local Network Access: since Chrome 142 and Firefox 153 the "
    "user is asked before a\n"
    "      page of a public site reaches the `loopback` address space; until then "
    "nothing is sent, and\n"
    '      where the user says no, Chrome\'s console says "blocked by CORS policy". '
    "fetch() can say\n"
    '      targetAddressSpace: "loopback"; an iframe needs '
    'allow="local-network-access; loopback-network"\n'
)


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sentences are broken where the terminal ends."""
    monkeypatch.setenv("COLUMNS", "100")


async def items(request: Request) -> JSONResponse:
    return JSONResponse({}, headers={"x-total-count": "0", "etag": '"1"'})


def application() -> Starlette:
    return Starlette(routes=[Route("/items", items, methods=["GET", "PUT"])])


def test_the_transcript_shows_every_request_answer_and_verdict(
    capsys: pytest.CaptureFixture[str],
) -> None:
    policy = CORSPolicy(allow_origins=[APP], allow_methods=["PUT"], expose_headers=["etag"])
    with serving_app(CORSMiddleware(application(), policy)) as url:
        assert main(["probe", url, *ORIGIN, "--method", "PUT", "--send"]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert output.out == (
        f"https://app.example.com -> PUT {url}\n"
        "\n"
        "  1  Browser decides  cross-origin: a preflight is needed for the method PUT\n"
        f"  2  Preflight sent   OPTIONS {url}\n"
        "                      Access-Control-Request-Method: PUT\n"
        "                      Origin: https://app.example.com\n"
        "  3  Server answers   204 No Content\n"
        "                      access-control-allow-origin: https://app.example.com\n"
        "                      access-control-allow-methods: PUT\n"
        "                      access-control-max-age: 600\n"
        "                      vary: Origin\n"
        "  4  Browser checks   passed: the request may be sent\n"
        f"  5  Request sent     PUT {url}\n"
        "                      Origin: https://app.example.com\n"
        "  6  Server answers   200 OK\n"
        "                      vary: Origin\n"
        "                      access-control-allow-origin: https://app.example.com\n"
        "                      access-control-expose-headers: etag\n"
        "  7  Browser checks   the CORS check is passed\n"
        "\n"
        "ALLOWED  the script gets the answer, with status 200\n"
        "         It can read     content-length, content-type and etag\n"
        "         It cannot read  x-total-count: not in Access-Control-Expose-Headers\n"
        f"{NOTE}"
        "\n"
        "What one exchange does not show\n"
        "10 more requests, also as https://corsac-probe.example, which nobody has listed\n"
        "nothing found\n"
    )


def test_a_refusal_is_said_with_its_code_and_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving_app(CORSMiddleware(application(), CORSPolicy(allow_origins=[APP]))) as url:
        assert main(["probe", url, "--origin", "https://b.example.com", "--no-lint"]) == 1
    assert capsys.readouterr().out == (
        f"https://b.example.com -> GET {url}\n"
        "\n"
        "  1  Browser decides  cross-origin: no preflight\n"
        f"  2  Request sent     GET {url}\n"
        "                      Origin: https://b.example.com\n"
        "  3  Server answers   200 OK\n"
        "                      vary: Origin\n"
        "  4  Browser checks   refused: the answer has no Access-Control-Allow-Origin\n"
        "\n"
        "BLOCKED  the answer has no Access-Control-Allow-Origin  [missing-allow-origin]\n"
        "         -> let the server answer with Access-Control-Allow-Origin: https://b.example.com "
        "(or * if\n"
        "            the data is public) and Vary: Origin; and see that errors have it too\n"
        "         more: corsac explain-code missing-allow-origin\n"
        f"{NOTE}"
    )


def test_the_library_itself_has_nothing_to_be_found(capsys: pytest.CaptureFixture[str]) -> None:
    policy = CORSPolicy(
        allow_origins=[APP, "https://b.example.com"],
        allow_methods=["PUT"],
        allow_headers=["content-type", "authorization"],
        allow_credentials=True,
    )
    with serving_app(CORSMiddleware(application(), policy)) as url:
        for options in (["--credentials"], ["--method", "PUT", "--header", "Authorization"]):
            code, data = probe_json(capsys, url, *ORIGIN, *options, "--strict")
            assert (code, data["lints"], data["unfinished"]) == (0, [], "")


def test_another_library_that_echoes_everybody_is_seen_through(
    capsys: pytest.CaptureFixture[str],
) -> None:
    app = StarletteCORSMiddleware(application(), allow_origins=["*"], allow_credentials=True)
    with serving_app(app) as url:
        _, data = probe_json(capsys, url, *ORIGIN, "--header", "X-A")
    assert data["verdict"] == "blocked"
    assert [lint["code"] for lint in data["lints"]] == [
        "origin.reflected_with_credentials",
        "preflight.status",
    ]


def test_json_has_the_outcome_the_steps_and_the_lints(capsys: pytest.CaptureFixture[str]) -> None:
    with serving_raw(server()) as running:
        code, data = probe_json(capsys, f"{running.url}/x", *ORIGIN)
    assert code == 0
    assert set(data) == {
        *("url", "origin", "method", "credentials", "mode", "verdict", "advice", "outcome"),
        *("steps", "hidden_headers", "lints", "replays", "unfinished", "requests_sent"),
    }
    assert data["verdict"] == "allowed"
    assert data["outcome"]["readable_headers"] == ["content-length"]
    assert [step["kind"] for step in data["steps"]] == ["decision", "note", "request", "verdict"]
    assert data["requests_sent"] == 1 + len(data["replays"])


def test_a_request_that_may_change_something_is_held_back_after_its_preflight(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving_raw(server()) as running:
        assert main(["probe", running.url, *ORIGIN, "--method", "PUT", "--no-lint"]) == 0
    assert [seen.method for seen in running.requests] == ["OPTIONS"]
    output = capsys.readouterr().out
    assert "Request NOT sent PUT" in output
    assert "ALLOWED  as far as the preflight goes" in output


def test_a_request_without_a_preflight_is_held_back_and_nothing_is_decided(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving_raw(server()) as running:
        assert main(["probe", running.url, *ORIGIN, "--method", "POST", "--body", "x"]) == 3
    assert running.requests == []
    assert "UNDECIDED" in capsys.readouterr().out


def test_an_allowed_request_is_held_back_when_a_redirect_leads_to_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What was passed for one URL says nothing of the next."""

    def redirecting(request: RawRequest) -> bytes:
        allowed = f"Access-Control-Allow-Origin: {APP}"
        if request.is_preflight:
            return http(204, allowed, "Access-Control-Allow-Methods: PUT")
        return http(307, allowed, "Location: /elsewhere")

    with serving_raw(answering(redirecting)) as running:
        assert main(["probe", running.url, *ORIGIN, "--method", "PUT", "--no-lint"]) == 0
        assert [seen.method for seen in running.requests] == ["OPTIONS"]
    capsys.readouterr()


def test_with_send_the_request_is_sent_once(capsys: pytest.CaptureFixture[str]) -> None:
    with serving_raw(server()) as running:
        arguments = ["probe", running.url, *ORIGIN, "--method", "POST", "--body", "x", "--send"]
        assert main(arguments) == 0
    assert [seen.method for seen in running.requests] == ["POST"]
    assert running.requests[0].headers["content-type"] == "text/plain;charset=UTF-8"
    assert running.requests[0].headers["content-length"] == "1"
    assert "ALLOWED" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("body_type", "content_type"),
    [
        ("text", "text/plain;charset=UTF-8"),
        ("form", "application/x-www-form-urlencoded;charset=UTF-8"),
        ("multipart", "multipart/form-data; boundary=----CorsacFormBoundary0"),
        ("bytes", None),
    ],
)
def test_a_body_brings_its_content_type(
    body_type: str, content_type: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving_raw(server()) as running:
        arguments = ["--method", "POST", "--body", "a=b", "--body-type", body_type, "--send"]
        assert main(["probe", running.url, *ORIGIN, *arguments]) == 0
    assert running.requests[0].headers.get("content-type") == content_type
    capsys.readouterr()


def test_cookies_go_where_a_browser_sends_them(capsys: pytest.CaptureFixture[str]) -> None:
    handle = server(credentials="true")
    for options, sent in (
        (["--credentials"], [None, "id=1; b=2"]),
        (["--credentials", "omit"], [None, None]),
        ([], [None, None]),
    ):
        with serving_raw(handle) as running:
            arguments = ["--cookie", "id=1", "--cookie", "b=2", "--method", "PUT", "--send"]
            url = f"{running.url}/x"
            assert main(["probe", url, *ORIGIN, *arguments, *options, "--no-lint"]) == 0
        assert [seen.headers.get("cookie") for seen in running.requests] == sent
    output = capsys.readouterr().out
    assert "Cookie: ***" in output
    assert "id=1" not in output


def test_cookies_do_not_follow_a_redirect_to_another_host(
    capsys: pytest.CaptureFixture[str],
) -> None:
    allowed = ["Access-Control-Allow-Origin: null", "Access-Control-Allow-Credentials: true"]
    with serving_raw(answering(lambda request: http(200, *allowed))) as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        first = [f"Access-Control-Allow-Origin: {APP}", "Access-Control-Allow-Credentials: true"]
        redirect = http(302, f"Location: {elsewhere}/", *first)
        with serving_raw(answering(lambda request: redirect)) as running:
            arguments = ["--credentials", "--cookie", "id=1", "--no-lint"]
            assert main(["probe", running.url, *ORIGIN, *arguments]) == 0
    assert [seen.headers.get("cookie") for seen in running.requests] == ["id=1"]
    assert [seen.headers.get("cookie") for seen in other.requests] == [None]
    capsys.readouterr()


def test_what_would_let_others_in_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    handle = server(
        preflight=["Access-Control-Allow-Headers: authorization"],
        extra=["Set-Cookie: id=secret-of-the-server"],
    )
    arguments = ["--header", "Authorization:Bearer secret-of-the-user", "--cookie", "a=secret-too"]
    for form in ([], ["--json"]):
        with serving_raw(handle) as running:
            assert main(["probe", running.url, *ORIGIN, *arguments, *form]) == 0
        sent = {seen.headers.get("authorization") for seen in running.requests}
        assert "Bearer secret-of-the-user" in sent
        output = capsys.readouterr().out
        assert "secret" not in output
        assert "***" in output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["127.0.0.1:8000/x", *ORIGIN], "did you mean https://127.0.0.1:8000/x?"),
        (["api.test/x?y=a:b", *ORIGIN], "did you mean https://api.test/x?y=a:b?"),
        (["ftp://example.com/", *ORIGIN], "'ftp://example.com/' is not an http or https URL\n"),
        (["htp:/example.com/", *ORIGIN], "'htp:/example.com/' is not an http or https URL\n"),
        (["https://u:p@example.com/", *ORIGIN], "user name or password"),
        (["https://example.com/", "--origin", f"{APP}/"], f"as browsers write it: '{APP}'"),
        (["https://example.com/", "--origin", "app"], "origin must be a serialized origin"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line_and_exit_code_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["probe", *arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert words in output.err
    assert output.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["https://example.com/"],
        [*ORIGIN],
        ["https://example.com/", *ORIGIN, "--header", "a b"],
        ["https://example.com/", *ORIGIN, "--header", ""],
        ["https://example.com/", *ORIGIN, "--cookie", "a"],
        ["https://example.com/", *ORIGIN, "--cookie", "a=b;c"],
        ["https://example.com/", *ORIGIN, "--timeout", "0"],
        ["https://example.com/", *ORIGIN, "--timeout", "3601"],
        ["https://example.com/", *ORIGIN, "--timeout", "nan"],
        ["https://example.com/", *ORIGIN, "--mode", "navigate"],
        ["https://example.com/", *ORIGIN, "--profile", "netscape"],
    ],
)
def test_an_option_that_cannot_be_read_is_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["probe", *arguments]) == 2
    assert "corsac probe: error:" in capsys.readouterr().err


def test_credentials_alone_is_include_wherever_it_stands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving_raw(server(credentials="true")) as running:
        for arguments in (
            ["--credentials", running.url, *ORIGIN],
            [running.url, *ORIGIN, "--credentials"],
            [running.url, "--credentials", *ORIGIN],
            [running.url, *ORIGIN, "--credentials=include"],
            ["--credentials", "include", running.url, *ORIGIN],
        ):
            code, data = probe_json(capsys, *arguments, "--no-lint")
            assert (code, data["credentials"]) == (0, "include")


def test_findings_change_the_exit_code_only_when_that_is_wanted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving_raw(server(lambda origin: origin)) as running:
        assert main(["probe", running.url, *ORIGIN]) == 0
        assert main(["probe", running.url, *ORIGIN, "--strict"]) == 1
    with serving_raw(server(preflight=())) as running:
        # What is only good to know is no failure.
        assert main(["probe", running.url, *ORIGIN, "--method", "PUT", "--strict"]) == 0
    assert "[max_age.missing]" in capsys.readouterr().out


def test_every_profile_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    handle = server(preflight=["Access-Control-Allow-Methods: put"])
    with serving_raw(handle) as running:
        for profile in PROFILES:
            code, data = probe_json(
                capsys, running.url, *ORIGIN, "--method", "PUT", "--profile", profile, "--no-lint"
            )
            assert (code, data["outcome"]["profile"]) == (0, profile)


def test_nothing_is_replayed_of_what_cors_has_no_say_in(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving_raw(server()) as running:
        assert main(["probe", running.url, "--origin", running.url]) == 0
        assert main(["probe", running.url, *ORIGIN, "--mode", "no-cors"]) == 0
    assert len(running.requests) == 2
    assert capsys.readouterr().out.count("Nothing here is subject to CORS") == 2


@pytest.mark.parametrize("missing", ["ada_url", "httpx2", "rich"])
def test_a_missing_extra_is_one_line_and_exit_code_3(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None; from corsac.cli import main; "
        "sys.exit(main(['probe', 'https://example.com', '--origin', 'https://a.example']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 3
    assert done.stderr == "corsac probe: error: needs the extra cli: pip install 'corsac[cli]'\n"


def test_a_header_that_scripts_cannot_set_is_said_not_to_be_sent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving_raw(server()) as running:
        arguments = ["--header", "Cookie:a=b", "--header", "Host:x", "--no-lint"]
        assert main(["probe", running.url, *ORIGIN, *arguments]) == 0
    assert "cookie" not in running.requests[0].headers
    assert capsys.readouterr().out.splitlines()[1:4] == [
        "note  Cookie is not sent: scripts cannot set it; use --cookie",
        "note  Host is not sent: scripts cannot set it",
        "",
    ]


def test_certificates_that_are_not_checked_are_said_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving_raw(server()) as running:
        assert main(["probe", running.url, *ORIGIN, "--insecure", "--no-lint"]) == 0
    error = capsys.readouterr().err
    assert error == "corsac probe: certificates are NOT checked (--insecure)\n"


@pytest.mark.parametrize(
    ("name", "value"), [("HTTP_PROXY", "foo://x"), ("SSL_CERT_FILE", "/does/not/exist")]
)
def test_an_environment_that_cannot_be_used_is_one_line_and_exit_code_3(
    name: str,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["probe", "https://localhost:9/", *ORIGIN]) == 3
    error = capsys.readouterr().err
    assert error.startswith("corsac probe: error: cannot begin: ")
    assert error.count("\n") == 1


def test_colours_are_for_terminals_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with serving_raw(server(lambda origin: origin)) as running:
        assert main(["probe", running.url, *ORIGIN]) == 0
    output = capsys.readouterr()
    assert "\x1b" not in output.out + output.err


def test_a_secret_is_no_part_of_json_either(capsys: pytest.CaptureFixture[str]) -> None:
    with serving_raw(server(extra=["Set-Cookie: id=secret"])) as running:
        _, data = probe_json(capsys, running.url, *ORIGIN)
    headers = data["steps"][2]["response"]["headers"]
    assert ["Set-Cookie", "***"] in headers
    assert "secret" not in json.dumps(data)
