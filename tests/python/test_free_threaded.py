"""Without a global lock: what ends a process, or keeps it from ever ending, under many threads.

Each scenario runs in a process of its own (`support.thread_stress`), which either ends with its
counts or is what is looked for. Where there is a global lock, it is made to change hands often.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import sysconfig

import pytest

from support.thread_stress import SCENARIOS

TESTS = pathlib.Path(__file__).parent.parent
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
SECONDS = 10
GRACE = 120
"""Seconds after which a process that should have ended never will."""


def stress(scenario: str, *amount: str) -> dict[str, int]:
    """How many turns each kind of thread made; fails if the process dies or does not end."""
    paths = [str(TESTS), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHON_GIL"}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    program = [sys.executable, "-X", "faulthandler", "-m", "support.thread_stress"]
    command = [*program, scenario, *amount]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            timeout=SECONDS + GRACE,
        )
    except subprocess.TimeoutExpired:
        pytest.fail(f"{scenario} hangs")
    assert done.returncode == 0, done.stderr
    turns: dict[str, int] = json.loads(done.stdout)
    return turns


@pytest.mark.skipif(not FREE_THREADED, reason="this Python has a global lock")
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_many_threads_without_a_global_lock_end_well(scenario: str) -> None:
    assert min(stress(scenario, "--seconds", str(SECONDS)).values()) > 0


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_threads_that_take_turns_often_end_well(scenario: str) -> None:
    assert stress(scenario, "--turns", "50")
