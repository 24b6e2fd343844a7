"""What the program that puts servers under load says of servers that crash."""

from __future__ import annotations

import dataclasses
import itertools
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import load
from support.exchange import Request
from support.server_processes import processes_of
from support.servers import RunningServer

REQUEST = Request("GET", [("origin", "https://app.test")])
COUNTED = {"answers": 1000, "errors": 0, "unanswered": 0, "wrong": 0}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """One that answers nothing: a process, and a port that nobody listens on."""
    process = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        yield RunningServer("none", 1, process, tmp_path / "output")
        process.kill()


def test_a_request_without_an_answer_is_wrong(server: RunningServer) -> None:
    status, wrong = load.check(server, load.ASGI, REQUEST)
    assert status == 0
    assert "no answer, ConnectionRefusedError" in wrong


def test_a_server_that_answers_nothing_is_not_asked_for_ever(server: RunningServer) -> None:
    result = load.Result("none", answers=100_000)
    load._check_enough(server, load.ASGI, itertools.repeat(REQUEST), result)
    assert result.checked == 0
    assert "0 answers compared as a whole, not 1000" in result.wrong[-1]
    assert len(result.wrong) == load.MOST_SHOWN + 1


def test_requests_of_the_load_without_an_answer_are_wrong() -> None:
    result = load.Result("none", memory=[1, 1, 1])
    load._judge(result, COUNTED, "")
    assert result.wrong == []
    load._judge(result, COUNTED | {"unanswered": 3}, "")
    assert result.wrong == ["3 requests of wrk's without an answer"]


class _Refusing(BaseHTTPRequestHandler):
    """Answers 501 to every method, without a line in the log."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Listening(ThreadingHTTPServer):
    """Has its answers cut off when wrk ends, and says nothing of it."""

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.skipif(shutil.which("wrk") is None, reason="`make load` installs wrk")
def test_wrk_sends_methods_that_it_does_not_know(server: RunningServer, tmp_path: Path) -> None:
    with _Listening(("127.0.0.1", 0), _Refusing) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        asked = dataclasses.replace(server, port=listening.server_port)
        wrk = load.start_wrk(asked, [(Request("FROB", []), 501)] * 40, 1, tmp_path)
        said, _ = wrk.communicate()
        listening.shutdown()
        thread.join()
    counted = json.loads(said[said.rindex("\n{") :])
    assert counted["answers"] > 0
    assert (counted["errors"], counted["wrong"]) == (counted["answers"], 0)


def test_a_process_that_ended_is_wrong_though_another_took_its_place(server: RunningServer) -> None:
    processes = processes_of(server)
    assert server.process.pid in processes
    result = load.Result("none")
    load._judge_processes(server, processes, result)
    assert result.wrong == []
    load._judge_processes(server, processes | {2**22 + 1}, result)
    assert result.wrong == [f"1 of its {len(processes) + 1} processes ended"]


def test_a_server_that_ended_is_wrong(server: RunningServer) -> None:
    processes = processes_of(server)
    server.process.kill()
    server.process.wait()
    result = load.Result("none")
    load._judge_processes(server, processes, result)
    assert result.wrong == ["the server ended with -9"]
