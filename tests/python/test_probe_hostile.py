"""`corsac probe` against servers that misbehave: it ends, says so, and is steered by nothing."""

from __future__ import annotations

import asyncio
import itertools
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable

import pytest

from corsac.browser import FetchRequest, Request, TransportError
from corsac.cli import main
from corsac.cli.probe import MAX_JSON_ITEMS, MAX_JSON_TEXT, courier
from corsac.cli.probe.courier import MAX_REQUESTS, MAX_SECONDS, Courier
from support.probed import APP, listed, probe_json, server
from support.raw_server import Handle, RawRequest, answering, http, serving_raw
from support.signals import interruptible_children

ORIGIN = ["--origin", APP]
ALLOWED = f"Access-Control-Allow-Origin: {APP}"
Send = Callable[[socket.socket], None]


def reset(request: RawRequest, connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def endless(start: bytes, part: bytes) -> Handle:
    def handle(request: RawRequest, connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(part)

    return handle


UNREADABLE: dict[str, Handle] = {
    "the connection is reset": reset,
    "the connection is closed": answering(lambda request: b""),
    "no HTTP": answering(lambda request: b"\x00\xffhello\r\n\r\n"),
    "HTTP/0.9": answering(lambda request: b"hello"),
    "TLS": answering(lambda request: b"\x15\x03\x01\x00\x02\x02\x28"),
    "status 99": answering(lambda request: b"HTTP/1.1 99 X\r\n\r\n"),
    "status 1000": answering(lambda request: b"HTTP/1.1 1000 X\r\n\r\n"),
    "status 000": answering(lambda request: b"HTTP/1.1 000 X\r\n\r\n"),
    "only a switch of protocols": answering(lambda request: b"HTTP/1.1 101 X\r\n\r\n"),
    "half an answer": answering(lambda request: b"HTTP/1.1 200 OK\r\nAccess-Control-"),
    "a zero byte": answering(lambda request: b"HTTP/1.1 200 OK\r\nA: a\x00b\r\n\r\n"),
    "a name with an escape": answering(lambda request: b"HTTP/1.1 200 OK\r\n\x1b[31mA: b\r\n\r\n"),
    "a length below zero": answering(lambda r: b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
    "endless header lines": endless(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 1000),
    "an endless header line": endless(b"HTTP/1.1 200 OK\r\nX-A: ", b"b" * 65536),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_answer_is_said_to_be_none(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving_raw(UNREADABLE[name]) as running:
        assert main(["probe", running.url, *ORIGIN]) == 3
        assert len(running.requests) == 1
    output = capsys.readouterr()
    assert output.err == ""
    assert "NO ANSWER" in output.out
    assert "\x1b" not in output.out
    assert len(output.out) < 2_000


def test_a_server_that_says_nothing_is_left_after_the_time_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def silent(request: RawRequest, connection: socket.socket) -> None:
        running.is_stopping.wait()

    with serving_raw(silent) as running:
        assert main(["probe", running.url, *ORIGIN, "--timeout", "0.05"]) == 3
    assert "no answer within 0.05 seconds" in capsys.readouterr().out


def test_a_server_that_always_says_a_little_more_is_left_after_the_time_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No single wait is long, so that only the time of the whole answer tells."""
    handle = endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n")
    with serving_raw(handle) as running:
        assert main(["probe", running.url, *ORIGIN, "--timeout", "0.2"]) == 3
    assert "no answer within 0.2 seconds" in capsys.readouterr().out


def test_a_tls_handshake_that_never_ends_is_left_after_the_time_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving_raw(lambda request, connection: None) as running:
        url = running.url.replace("http:", "https:")
        assert main(["probe", url, *ORIGIN, "--timeout", "0.2"]) == 3
    assert running.requests == []
    assert "NO ANSWER" in capsys.readouterr().out


def test_cookies_of_the_server_are_not_kept(capsys: pytest.CaptureFixture[str]) -> None:
    with serving_raw(server(credentials="true", extra=["Set-Cookie: id=1; Path=/"])) as running:
        assert main(["probe", running.url, *ORIGIN, "--credentials"]) == 0
    assert len(running.requests) > 2
    assert {seen.headers.get("cookie") for seen in running.requests} == {None}
    capsys.readouterr()


def test_an_early_hint_is_no_answer(capsys: pytest.CaptureFixture[str]) -> None:
    early = f"HTTP/1.1 103 Early Hints\r\n{ALLOWED}\r\n\r\n".encode()
    with serving_raw(answering(lambda request: early + http(200))) as running:
        code, data = probe_json(capsys, running.url, *ORIGIN, "--no-lint")
    assert (code, data["outcome"]["reason"]) == (1, "missing-allow-origin")


def test_what_follows_an_answer_is_not_taken_for_the_next(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def two_answers(request: RawRequest) -> bytes:
        if request.is_preflight:
            methods = "Access-Control-Allow-Methods: PUT"
            return http(204, ALLOWED, methods) + http(200, ALLOWED)
        return http(200)

    with serving_raw(answering(two_answers)) as running:
        code, data = probe_json(capsys, running.url, *ORIGIN, "--method", "PUT", "--send")
    assert (code, data["outcome"]["reason"]) == (1, "missing-allow-origin")


def test_an_endless_body_is_not_read(capsys: pytest.CaptureFixture[str]) -> None:
    start = f"HTTP/1.1 200 OK\r\n{ALLOWED}\r\n\r\n".encode()
    with serving_raw(endless(start, b"x" * 65536)) as running:
        assert main(["probe", running.url, *ORIGIN, "--no-lint"]) == 0
    assert "ALLOWED" in capsys.readouterr().out


def test_http_1_0_is_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    answer = b"HTTP/1.0 200 OK\r\nAccess-Control-Allow-Origin: *\r\n\r\nbody"
    with serving_raw(answering(lambda request: answer)) as running:
        code, data = probe_json(capsys, running.url, *ORIGIN)
    assert (code, data["lints"]) == (0, [])


def test_a_status_that_nobody_knows_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with serving_raw(answering(lambda request: http(799, ALLOWED))) as running:
        assert main(["probe", running.url, *ORIGIN, "--no-lint"]) == 0
    assert "Server answers   799\n" in capsys.readouterr().out


def test_redirects_without_end_are_followed_as_far_as_browsers_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def onwards(request: RawRequest) -> bytes:
        return http(302, ALLOWED, f"Location: {request.path}x")

    with serving_raw(answering(onwards)) as running:
        code, data = probe_json(capsys, running.url, *ORIGIN, "--no-lint")
    assert (code, data["outcome"]["reason"]) == (1, "too-many-redirects")
    assert len(running.requests) == 21


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://[::bad/", "redirect-location"),
        ("javascript:alert(1)", "redirect-scheme"),
        ("file:///etc/passwd", "redirect-scheme"),
        ("http://u:p@127.0.0.1/", "redirect-userinfo"),
        ("http://127.0.0.1:25/", "bad-port"),
    ],
)
def test_a_redirect_to_where_browsers_do_not_go_is_not_followed(
    location: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = http(302, ALLOWED, f"Location: {location}")
    with serving_raw(answering(lambda request: answer)) as running:
        code, data = probe_json(capsys, running.url, *ORIGIN, "--no-lint")
    assert (code, data["outcome"]["reason"]) == (1, reason)
    assert len(running.requests) == 1


HOSTILE_VALUES = [
    "\x1b[31mred",
    "\x9b31m",
    "\x85\xa0\xad",
    "{0} {detail} {origin!r:>1000000} %s",
    "x" * 60_000,
    f"{APP}\x7f",
]


@pytest.mark.parametrize("value", HOSTILE_VALUES)
@pytest.mark.parametrize(
    "name",
    ["Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Vary", "ETag", "Location"],
)
def test_no_text_of_a_server_steers_the_terminal(
    name: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = 302 if name == "Location" else 200
    lines = [f"{name}: {value}"] + [ALLOWED] * (name != "Access-Control-Allow-Origin")
    with serving_raw(answering(lambda request: http(status, *lines))) as running:
        assert main(["probe", running.url, *ORIGIN, "--redirect", "manual"]) in {0, 1}
    output = capsys.readouterr()
    assert output.err == ""
    assert not {character for character in output.out if not character.isprintable()} - {"\n"}
    assert len(output.out) < 10_000


def test_thousands_of_lines_are_cut_for_people_and_for_programs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = [f"Access-Control-Allow-Origin: https://{number}.example" for number in range(1_800)]
    with serving_raw(answering(lambda request: http(200, *lines))) as running:
        assert main(["probe", running.url, *ORIGIN]) == 1
        text = capsys.readouterr().out
        _, data = probe_json(capsys, running.url, *ORIGIN)
    assert "... and 1788 more lines" in text
    assert len(text) < 10_000
    response = data["steps"][2]["response"]
    assert len(response["headers"]) == MAX_JSON_ITEMS
    assert all(len(lint["evidence"]) <= MAX_JSON_TEXT + 3 for lint in data["lints"])


def test_replays_end_with_the_first_that_is_not_answered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def only_the_first(request: RawRequest) -> bytes:
        return http(200, ALLOWED) if request.origin == APP else b""

    with serving_raw(answering(only_the_first)) as running:
        code, data = probe_json(capsys, running.url, *ORIGIN)
    assert code == 0
    assert len(running.requests) == 2
    assert "Server disconnected" in data["unfinished"]


@pytest.mark.parametrize(("limit", "unfinished"), [(12, False), (11, True)])
def test_the_number_of_requests_is_bounded(
    limit: int,
    unfinished: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(courier, "MAX_REQUESTS", limit)
    with serving_raw(server(listed)) as running:
        code, data = probe_json(capsys, running.url, *ORIGIN)
    assert code == 0
    assert data["requests_sent"] == len(running.requests) == limit
    assert bool(data["unfinished"]) is unfinished


def test_the_longest_chain_of_redirects_leaves_room_for_every_replay() -> None:
    redirects, replays_of_each = 21 * 2, 11
    assert redirects + replays_of_each * 2 <= MAX_REQUESTS


@pytest.mark.parametrize(("seconds_a_request", "answered"), [(59.0, 2), (60.0, 1)])
def test_the_time_of_all_requests_together_is_bounded(
    seconds_a_request: float, answered: int
) -> None:
    """A server that answers every request just in time would have a probe for half an hour."""
    ticks = itertools.count()

    async def send_without_end(sender: Courier, url: str) -> None:
        async with sender:
            while True:
                await sender(Request("GET", url))

    with serving_raw(server()) as running:
        page = FetchRequest(running.url, APP)
        sender = Courier(page, timeout=60, clock=lambda: next(ticks) * seconds_a_request)
        with pytest.raises(TransportError, match="too much time went by"):
            asyncio.run(send_without_end(sender, f"{running.url}/"))
    assert MAX_SECONDS == 120
    # The clock is looked at once at the beginning, and once before each request.
    assert sender.sent_count == len(running.requests) == answered


def test_ctrl_c_ends_it_at_once_and_quietly() -> None:
    with serving_raw(lambda request, connection: arrived(connection)) as running:

        def arrived(connection: socket.socket) -> None:
            process.send_signal(signal.SIGINT)
            running.is_stopping.wait()

        command = [sys.executable, "-m", "corsac", "probe", running.url, *ORIGIN]
        with interruptible_children():
            process = subprocess.Popen(command, stdout=-1, stderr=-1, text=True)
        output, error = process.communicate(timeout=60)
    assert (process.returncode, output, error) == (130, "", "")


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    """``corsac probe ... | head`` closes the pipe before all is written."""
    with serving_raw(server(extra=["X-A: " + "y" * 400] * 100)) as running:
        command = [sys.executable, "-m", "corsac", "probe", running.url, *ORIGIN, "--json"]
        process = subprocess.Popen(command, stdout=-1, stderr=-1, text=True)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        error = process.stderr.read()
        process.stderr.close()
        assert (process.wait(60), error) == (141, "")
