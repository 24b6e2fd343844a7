"""`corsac demo`: the transcript, its verdicts, its port, and how it ends."""

from __future__ import annotations

import dataclasses
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from corsac import lab as lab_package
from corsac.cli import demo as demo_command
from corsac.cli import main
from corsac.cli.demo import SCENARIOS, Scenario, perform, run
from corsac.lab import Lab, serving_lab
from support.signals import interruptible_children

SECONDS = 60

each_scenario = pytest.mark.parametrize(
    "scenario", SCENARIOS, ids=lambda scenario: scenario.title.replace(" ", "-")
)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with serving_lab(port=0) as running:
        yield running


@pytest.fixture(scope="module")
def transcript() -> str:
    """What `corsac demo --once` prints into a pipe; its exit code is checked here, once."""
    done = subprocess.run(
        [sys.executable, "-m", "corsac", "demo", "--once", "--port=0"],
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
    return transcript.split(f"\n{scenario.title} --", 1)[1].split("\n\n", 1)[0]


@each_scenario
def test_the_transcript_says_the_expected_verdict(transcript: str, scenario: Scenario) -> None:
    section = section_of(transcript, scenario)
    verdict = "BLOCKED" if scenario.expected.reason else "ALLOWED"
    assert f"\n{verdict}  " in section
    assert f"[{scenario.expected.reason}]" in section or not scenario.expected.reason
    assert "\nas expected\n" in section


@each_scenario
def test_the_transcript_shows_the_preflight_or_that_none_was_needed(
    transcript: str, scenario: Scenario
) -> None:
    section = section_of(transcript, scenario)
    sent = scenario.expected.preflight_sent
    assert (f"Access-Control-Request-Method: {scenario.request['method']}\n" in section) is sent
    assert ("cross-origin: no preflight" in section) is not sent


@each_scenario
def test_the_transcript_shows_a_cookie_with_credentials_alone_and_never_its_value(
    transcript: str, scenario: Scenario
) -> None:
    section = section_of(transcript, scenario)
    assert section.count("Cookie: ***\n") == ("credentials" in scenario.request)
    assert "signed-in" not in section


def test_the_transcript_ends_with_how_many_verdicts_were_right(transcript: str) -> None:
    expected = f"{len(SCENARIOS)} of {len(SCENARIOS)} verdicts as expected"
    assert transcript.splitlines()[-1] == expected


@each_scenario
def test_a_real_exchange_comes_to_the_expected_verdict(lab: Lab, scenario: Scenario) -> None:
    performed = perform(scenario, lab)
    assert performed.facts == scenario.expected


@each_scenario
def test_the_server_gets_a_cookie_with_credentials_alone_and_never_in_a_preflight(
    lab: Lab, scenario: Scenario
) -> None:
    performed = perform(scenario, lab)
    case = lab.cases.get(performed.request.url.partition("?case=")[2])
    assert case is not None
    cookies = [
        [value for name, value in exchange["headers"] if name == "cookie"]
        for exchange in case.seen
        if not exchange["is_preflight"]
    ]
    expected = ["corsac_lab=signed-in"] if "credentials" in scenario.request else []
    assert cookies == ([expected] if scenario.expected.application_ran else [])
    assert not any(
        name == "cookie"
        for exchange in case.seen
        if exchange["is_preflight"]
        for name, _ in exchange["headers"]
    )


def test_a_wrong_verdict_is_shown_and_makes_the_exit_code_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    right = SCENARIOS[0]
    wrong = dataclasses.replace(
        right, expected=dataclasses.replace(right.expected, application_ran=False)
    )
    code = run(once=True, port=0, scenarios=(right, wrong))
    written = capsys.readouterr().out
    assert code == 1
    assert "\nNOT as expected\n" in written
    assert written.endswith("1 of 2 verdicts as expected\n")


def test_an_interrupt_before_the_work_is_done_has_the_exit_code_of_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(**options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo_command, "run", interrupted)
    assert main(["demo", "--once"]) == 130


def test_a_busy_port_that_was_asked_for_is_a_clear_message_and_exit_code_3(
    busy_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--once", f"--port={busy_port}"]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        f"corsac demo: error: port {busy_port} cannot be used (Address already in use); "
        "choose another with --port\n"
    )


def test_a_port_that_another_server_has_on_ipv6_counts_as_busy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no ::1, so no other server can have it")
    with server:
        port = server.getsockname()[1]
        assert main(["demo", "--once", f"--port={port}"]) == 3
    assert f"port {port} cannot be used" in capsys.readouterr().err


def test_a_busy_default_port_is_passed_over_and_the_output_says_which_was_taken(
    busy_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lab_package, "DEFAULT_PORT", busy_port)
    assert run(once=True, scenarios=SCENARIOS[:1]) == 0
    written = capsys.readouterr().out
    port = int(written.partition("http://app.lab.localhost:")[2].partition(" ")[0])
    assert port > busy_port


def test_the_servers_listen_on_the_loopback_address_alone(lab: Lab) -> None:
    for port in (lab.places.api_port, lab.places.page_port):
        # 127.0.0.2 is this machine as well, and a server on every address would answer there.
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), timeout=SECONDS).close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_demo_cleanly(number: signal.Signals) -> None:
    command = [sys.executable, "-u", "-m", "corsac", "demo", "--port=0"]
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
