"""`corsac probe` names the cause, all that is missing at once, and the verdict before all else."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from corsac import CORSMiddleware, CORSPolicy
from corsac.browser import FetchOutcome, FetchRequest
from corsac.cli import main
from corsac.cli.fetch_text import no_answer
from corsac.cli.probe import Result, probe
from support.probed import APP, probe_json, server, serving_app
from support.raw_server import Handle, RawRequest, answering, http, serving_raw
from support.signals import interruptible_children

ORIGIN = ["--origin", APP]
PUT = ["--method", "PUT", "--header", "Content-Type:application/json"]
LISTED = f"Access-Control-Allow-Origin: {APP}"


def text_error(status: int, body: str, *lines: str) -> bytes:
    """An error whose body says something in plain text."""
    head = [f"HTTP/1.1 {status} Text", "Content-Type: text/plain", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, *lines, "", body]).encode("latin-1")


def advice_on(
    capsys: pytest.CaptureFixture[str], handle: Handle, *options: str
) -> tuple[str, list[str]]:
    """What to do about a server that blocks a page, and the codes of what else was found."""
    with serving_raw(handle) as running:
        code, data = probe_json(capsys, running.url, *ORIGIN, *options)
    assert (code, data["verdict"]) == (1, "blocked")
    return data["advice"], [lint["code"] for lint in data["lints"]]


# Symptoms and causes


async def nothing(scope: object, receive: object, send: object) -> None:
    raise AssertionError("the application must not run")


@pytest.mark.parametrize("debug_header", [False, True])
def test_a_refusal_of_corsac_is_an_answer_and_says_which(
    debug_header: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = CORSPolicy(allow_origins=["https://other.example.com"], allow_methods=["PUT"])
    app = CORSMiddleware(nothing, policy, debug_header=debug_header)
    with serving_app(app) as url:
        code, data = probe_json(capsys, url, *ORIGIN, *PUT)
    assert (code, data["verdict"]) == (1, "blocked")
    assert data["advice"] == (
        "Corsac answered, and its policy does not list this origin: add https://app.example.com "
        "to allow_origins"
    )
    assert data["lints"] == []


def test_the_words_of_a_refusal_are_shown_escaped_and_cut(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = text_error(403, "Invalid \x1b[31mCORS request\n" + "x" * 5000)
    with serving_raw(answering(lambda request: answer)) as running:
        _, data = probe_json(capsys, running.url, *ORIGIN, *PUT, "--no-lint")
    assert r"-> 403 (Invalid \x1b[31mCORS request): refused" in data["steps"][2]["text"]


@pytest.mark.parametrize("body", ["<html>", "origin-not-allowed"])
def test_a_body_that_never_ends_or_is_no_plain_text_changes_no_answer(
    body: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def slow(request: RawRequest, connection: socket.socket) -> None:
        kind = "text/html" if body == "<html>" else "text/plain"
        head = f"HTTP/1.1 403 No\r\nContent-Type: {kind}\r\nContent-Length: 9000\r\n\r\n"
        connection.sendall(head.encode())
        if body == "<html>":
            connection.sendall(body.encode())
        running.is_stopping.wait()

    with serving_raw(slow) as running:
        code, data = probe_json(capsys, running.url, *ORIGIN, *PUT, "--no-lint")
    assert (code, data["outcome"]["reason"]) == (1, "preflight:missing-allow-origin")
    assert "403: refused" in data["steps"][2]["text"]


def test_a_403_for_an_origin_is_no_fault_whoever_sends_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    advice, found = advice_on(capsys, answering(lambda request: http(403)), *PUT)
    assert found == []
    assert advice == (
        "let the server answer OPTIONS with status 204, Access-Control-Allow-Origin: "
        "https://app.example.com (or * if the data is public), Vary: Origin, "
        "Access-Control-Allow-Methods: PUT (letter case counts) and Access-Control-Allow-Headers: "
        "content-type; and see that the answer to PUT and errors have it too. If the 403 is not "
        "about the origin (authentication, CSRF, a firewall), let OPTIONS pass before that"
    )


@pytest.mark.parametrize(
    ("status", "lines", "options", "cause"),
    [
        (502, [], [], "the 502 is the cause: the proxy could not reach the server behind it"),
        (503, [], PUT, "the 503 is the cause: the proxy could not reach the server behind it"),
        (500, [], [], "the 500 is the cause: the server failed"),
        (500, [], PUT, "the 500 is the cause: the server failed"),
        (401, [], PUT, "the 401 is the cause: a preflight never has credentials"),
        (404, [], PUT, "the 404 is the cause: nothing answers OPTIONS at this path"),
        (405, [], PUT, "the 405 is the cause: nothing answers OPTIONS at this path"),
        (
            301,
            ["Location: https://b.example/x/"],
            PUT,
            "the answer is a redirect to https://b.example/x/, which browsers do not follow",
        ),
    ],
)
def test_a_status_that_is_the_cause_is_named_before_the_headers(
    status: int,
    lines: list[str],
    options: list[str],
    cause: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    handle = answering(lambda request: http(status, *lines))
    advice, _ = advice_on(capsys, handle, *options, "--no-lint")
    assert advice.startswith(cause)


def test_a_guard_that_refuses_a_write_is_shown_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    app = CORSMiddleware(nothing, CORSPolicy(guard=True))
    write = ["--method", "POST", "--body", "x", "--send", "--mode", "no-cors"]
    with serving_app(app) as url:
        code, data = probe_json(capsys, url, *ORIGIN, *write)
        assert main(["probe", url, *ORIGIN, *write]) == 1
    assert (code, data["verdict"], data["outcome"]["ok"]) == (1, "refused", True)
    assert data["advice"] == (
        "Corsac's guard refused the request before the application ran: add "
        "https://app.example.com to allow_origins, or to trusted_origins of the guard"
    )
    said = " ".join(capsys.readouterr().out.split())
    assert f"before the application ran (guard): cross-origin-request -> {data['advice']}" in said


# All at once


@pytest.mark.parametrize(
    ("lines", "options", "advice"),
    [
        (
            [LISTED],
            PUT,
            "let the server answer OPTIONS with Access-Control-Allow-Methods: PUT "
            "(letter case counts) and Access-Control-Allow-Headers: content-type",
        ),
        (
            [LISTED, "Access-Control-Allow-Methods: GET, put", "Access-Control-Allow-Headers: x-a"],
            [*PUT, "--header", "X-B", "--header", "Authorization", "--credentials"],
            "let the server answer OPTIONS with Access-Control-Allow-Credentials: true, "
            "Access-Control-Allow-Methods: GET, put, PUT (letter case counts) and "
            "Access-Control-Allow-Headers: x-a, authorization, content-type, x-b; or fetch "
            "without credentials",
        ),
        (
            ["Access-Control-Allow-Origin: *", "Access-Control-Allow-Headers: *"],
            [*PUT, "--header", "Authorization"],
            "let the server answer OPTIONS with Access-Control-Allow-Methods: PUT "
            "(letter case counts) and Access-Control-Allow-Headers: *, authorization",
        ),
        (
            ["Access-Control-Allow-Origin: *"],
            ["--method", "PUT", "--credentials"],
            "let the server answer OPTIONS with Access-Control-Allow-Origin: "
            "https://app.example.com (in the place of *), Vary: Origin, "
            "Access-Control-Allow-Credentials: true and Access-Control-Allow-Methods: PUT (letter "
            "case counts); or fetch without credentials; and see that the answer to PUT and errors "
            "have it too",
        ),
    ],
)
def test_all_that_is_missing_is_said_at_once(
    lines: list[str],
    options: list[str],
    advice: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    handle = answering(lambda request: http(204, *lines))
    assert advice_on(capsys, handle, *options, "--no-lint")[0] == advice


def test_what_is_advised_is_enough(capsys: pytest.CaptureFixture[str]) -> None:
    options = [*PUT, "--header", "X-B", "--header", "Authorization", "--credentials"]
    advice, _ = advice_on(capsys, answering(lambda request: http(400)), *options, "--no-lint")
    names = ("Origin", "Credentials", "Methods", "Headers")
    lines = []
    for name in names:
        start = advice.index(f"Access-Control-Allow-{name}: ")
        # Up to the next of them, or a remark.
        lines.append(re.split(r", Vary|, Access| and | \(|; ", advice[start:], maxsplit=1)[0])
    with serving_raw(answering(lambda request: http(204, *lines))) as running:
        code, data = probe_json(capsys, running.url, *ORIGIN, *options, "--send", "--no-lint")
    assert (code, data["verdict"]) == (0, "allowed")


def test_an_asterisk_is_not_advised_for_a_request_with_credentials(
    capsys: pytest.CaptureFixture[str],
) -> None:
    handle = answering(lambda request: http(200))
    for options, is_advised in (([], True), (["--credentials"], False), (PUT, True)):
        advice, _ = advice_on(capsys, handle, *options, "--no-lint")
        assert ("or * if the data is public" in advice) is is_advised


# The verdict first


def test_the_verdict_comes_before_the_further_checks_and_each_of_these_is_counted() -> None:
    at_verdict, told = [], []

    def verdict(result: Result) -> None:
        at_verdict.append((result.verdict, len(running.requests)))

    with serving_raw(server()) as running:
        request = FetchRequest(f"{running.url}/items", APP)
        result = asyncio.run(
            probe(request, verdict=verdict, tell=lambda _, *place: told.append(place))
        )
    assert result.seen is not None
    total = len(result.seen.replays)
    assert at_verdict == [("allowed", 1)]
    assert told == [(0, 0), *((number, total) for number in range(1, total + 1))]


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_ctrl_c_during_the_further_checks_keeps_the_verdict(form: list[str]) -> None:
    allowed = http(200, LISTED, "Vary: Origin")

    def answer(request: RawRequest, connection: socket.socket) -> None:
        if len(running.requests) <= 2:
            connection.sendall(allowed)
            return
        process.send_signal(signal.SIGINT)
        running.is_stopping.wait()

    with serving_raw(answer) as running:
        command = [sys.executable, "-m", "corsac", "probe", running.url, *ORIGIN, *form]
        with interruptible_children():
            process = subprocess.Popen(command, stdout=-1, stderr=-1, text=True)
        output, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (130, "")
    if form:
        data = json.loads(output)
        assert (data["verdict"], data["unfinished"]) == ("allowed", "interrupted")
        assert len(data["replays"]) == 1
    else:
        assert "\nALLOWED  the script gets the answer, with status 200\n" in output
        assert "\nunfinished  the rest was not tried: interrupted\n" in output


# No answer


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate "
            "(_ssl.c:1016)",
            "no connection: the certificate is not trusted (self-signed certificate), and browsers "
            "refuse it too",
        ),
        (
            "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1016)",
            "no connection: the server does not speak TLS there; is it http:// or another port?",
        ),
        ("[Errno -2] Name or service not known", "no connection: there is no server of that name"),
        ("All connection attempts failed", "no connection: nothing listens there"),
        ("[Errno -3] Temporary failure", "no connection: Temporary failure"),
    ],
)
def test_what_libraries_raise_is_said_in_words(detail: str, said: str) -> None:
    failed = FetchOutcome(
        ok=False, reason="network-error", detail=f"TransportError: ConnectError: {detail}"
    )
    assert no_answer(failed) == said


def test_a_server_without_tls_is_said_to_be_one(capsys: pytest.CaptureFixture[str]) -> None:
    with serving_app(nothing) as url:
        assert main(["probe", url.replace("http:", "https:"), *ORIGIN]) == 3
    assert "NO ANSWER  no connection: the server does not speak TLS" in capsys.readouterr().out


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_verdict_that_cannot_be_written_is_not_blamed_on_the_environment(form: list[str]) -> None:
    with serving_raw(server()) as running, Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "corsac", "probe", running.url, *ORIGIN, *form]
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert done.returncode == 3
    assert done.stderr == "corsac probe: error: cannot write: No space left on device\n"
