"""`corsac demo`: the transcript, its verdicts, its ports, and how it ends."""

from __future__ import annotations

import io
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx2
import pytest
from rich.console import Console

from corsac import CORSMiddleware
from corsac._types import ASGIApp
from corsac.cli import demo as demo_command
from corsac.cli import main
from corsac.cli.demo import Demo, run, serving_demo
from corsac.cli.demo.client import perform
from corsac.cli.demo.exchange import judge
from corsac.cli.demo.scenarios import SCENARIOS, Addresses, Scenario
from support.signals import interruptible_children

FREE_PORTS = ("--api-port=0", "--page-port=0")
SECONDS = 60

each_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with serving_demo(api_port=0, page_port=0) as running:
        yield running


@pytest.fixture(scope="module")
def transcript() -> str:
    """What `corsac demo --once` prints into a pipe; its exit code is checked here, once."""
    done = subprocess.run(
        [sys.executable, "-m", "corsac", "demo", "--once", *FREE_PORTS],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def section_of(transcript: str, scenario: Scenario) -> str:
    """The part of the transcript that is about one scenario."""
    assert transcript.count(f"\n{scenario.title} ") >= 1
    return transcript.split(f"\n{scenario.title} ", 1)[1].split("\n\n", 1)[0]


def request_cookies(demo: Demo, scenario: Scenario) -> dict[str, bool]:
    """Which round trips of a performed scenario carried a cookie."""
    exchange = perform(scenario, demo.addresses, demo.log)
    trips = {"preflight": exchange.preflight, "actual": exchange.actual}
    return {
        kind: any(name.lower() == b"cookie" for name, _ in trip.request_headers)
        for kind, trip in trips.items()
        if trip is not None
    }


@each_scenario
def test_the_transcript_says_the_expected_verdict(transcript: str, scenario: Scenario) -> None:
    section = section_of(transcript, scenario)
    verdict = "BLOCKED" if scenario.expected.reason else "ALLOWED"
    assert f"Result              {verdict}: " in section
    assert f"({scenario.expected.reason})" in section or not scenario.expected.reason
    assert "  as expected\n" in section


@each_scenario
def test_the_transcript_shows_the_preflight_or_that_none_was_needed(
    transcript: str, scenario: Scenario
) -> None:
    section = section_of(transcript, scenario)
    sent = scenario.expected.preflight_sent
    assert (f"access-control-request-method: {scenario.method}\n" in section) is sent
    assert ("No preflight " in section) is not sent


def test_the_transcript_ends_with_how_many_verdicts_were_right(transcript: str) -> None:
    expected = f"{len(SCENARIOS)} of {len(SCENARIOS)} verdicts as expected"
    assert transcript.splitlines()[-1] == expected


@each_scenario
def test_the_client_comes_to_the_expected_verdict(demo: Demo, scenario: Scenario) -> None:
    verdict = judge(scenario, demo.addresses, perform(scenario, demo.addresses, demo.log))
    assert verdict.is_as(scenario.expected), verdict


@each_scenario
def test_the_client_sends_a_cookie_only_with_credentials_and_never_in_a_preflight(
    demo: Demo, scenario: Scenario
) -> None:
    cookies = request_cookies(demo, scenario)
    assert cookies.get("preflight", False) is False
    assert cookies.get("actual", False) is scenario.credentials_include


def test_a_wrong_verdict_is_shown_and_makes_the_exit_code_1() -> None:
    def protect_from_everybody(app: ASGIApp, addresses: Addresses) -> ASGIApp:
        return CORSMiddleware(app, allow_origins=["https://elsewhere.example"])

    console = Console(file=io.StringIO(), width=80)
    code = run(once=True, api_port=0, page_port=0, console=console, protect=protect_from_everybody)
    assert isinstance(console.file, io.StringIO)
    written = console.file.getvalue()
    assert code == 1
    assert "NOT as expected" in written
    assert "2 of 6 verdicts as expected" in written


def test_an_interrupt_before_the_work_is_done_has_the_exit_code_of_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(**options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo_command, "run", interrupted)
    assert main(["demo", "--once"]) == 130


@pytest.mark.parametrize("option", ["--api-port", "--page-port"])
def test_a_busy_port_that_was_asked_for_is_a_clear_message_and_exit_code_2(
    option: str, busy_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    other = "--page-port=0" if option == "--api-port" else "--api-port=0"
    assert main(["demo", "--once", f"{option}={busy_port}", other]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        f"corsac demo: port {busy_port} cannot be used (Address already in use); "
        f"choose another with {option}\n"
    )


def test_one_port_for_both_servers_is_refused_too(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert main(["demo", "--once", f"--api-port={port}", f"--page-port={port}"]) == 2
    assert f"port {port} cannot be used" in capsys.readouterr().err


def test_a_port_that_another_server_has_on_ipv6_counts_as_busy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no ::1, so no other server can have it")
    with server:
        port = server.getsockname()[1]
        assert main(["demo", "--once", f"--api-port={port}", "--page-port=0"]) == 2
    assert f"port {port} cannot be used" in capsys.readouterr().err


def test_a_busy_default_port_is_passed_over_and_the_output_says_which_was_taken(
    busy_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_command, "DEFAULT_API_PORT", busy_port)
    console = Console(file=io.StringIO(), width=80)
    with serving_demo(page_port=0, console=console) as running:
        port = running.addresses.api_port
    assert isinstance(console.file, io.StringIO)
    assert port > busy_port
    assert f"http://localhost:{port}\n" in console.file.getvalue()


def test_the_servers_listen_on_the_loopback_address_alone(demo: Demo) -> None:
    for port in (demo.addresses.api_port, demo.addresses.page_port):
        # 127.0.0.2 is this machine as well, and a server on every address would answer there.
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), timeout=SECONDS).close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_demo_cleanly(number: signal.Signals) -> None:
    command = [sys.executable, "-u", "-m", "corsac", "demo", *FREE_PORTS]
    with interruptible_children():
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Ctrl-C stops"):
                break
        process.send_signal(number)
        rest, errors = process.communicate(timeout=SECONDS)
    assert (process.returncode, rest, errors) == (0, "Stopped.\n", "")


def test_the_page_is_not_served_under_a_foreign_name(demo: Demo) -> None:
    response = httpx2.get(
        f"{demo.addresses.allowed_page}/config.json",
        headers={"Host": "rebound.example"},
        trust_env=False,
    )
    assert response.status_code == 400


def test_an_unknown_scenario_has_no_exchange(demo: Demo) -> None:
    url = f"{demo.addresses.allowed_page}/exchanges/1?scenario=unknown"
    assert httpx2.get(url, trust_env=False).status_code == 404
