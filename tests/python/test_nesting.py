"""Middlewares inside one another, and many requests at once in one thread: what stack it takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.nested import AROUND, BETWEEN, LAYERS, PROTOCOLS, REQUESTS, outcome, read_options

KIB = 1024
LIMIT = 500
TESTS = Path(__file__).resolve().parents[1]
CASES = len(PROTOCOLS) * len(REQUESTS) * len(BETWEEN) * len(LAYERS)
# What the outermost layer answers itself does not depend on what is inside.
ANSWERS = {"preflight": 204, "refused by the guard": 403}


def run_program(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module of `support` that finds what this process finds."""
    path = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("kib", [128, 256, 512, 1024, 8192])
def test_middlewares_inside_one_another_never_run_out_of_stack(kib: int) -> None:
    done = run_program("support.nested", str(kib * KIB))
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, len(results)) == (0, CASES + 2 * len(PROTOCOLS) * len(AROUND)), (
        done.stderr[-2000:]
    )
    assert set(results[CASES:]) <= {"<corsac se", "<corsac st", "started", "RecursionError"}
    for protocol, request, between, layers, came in results[:CASES]:
        answer = ANSWERS.get(request, 200)
        if request in ANSWERS or layers == 1 or (between == "nothing" and layers <= LIMIT):
            assert came == answer, (protocol, request, between, layers)
        elif between == "nothing":
            assert came == "RecursionError", (protocol, request, between, layers)
        else:
            assert came in {answer, "RecursionError"}, (protocol, request, between, layers)


@pytest.mark.parametrize("request_", ["actual", "preflight handed on", "hands off"])
@pytest.mark.parametrize("protocol", ["asgi", "wsgi"])
def test_layers_with_python_between_are_bounded_by_python(protocol: str, request_: str) -> None:
    make, app, _ = PROTOCOLS[protocol]
    policy, rules = read_options(REQUESTS[request_][2])
    for layers in range(1, 2 * sys.getrecursionlimit()):
        app = BETWEEN["a function"](make(app, policy, rules=rules))
        if layers == 100:
            assert outcome(protocol, request_, app) == 200
    assert outcome(protocol, request_, app) == "RecursionError"


def test_a_thread_has_more_requests_at_once_than_middlewares_may_be_nested() -> None:
    pytest.importorskip("gevent", reason="no wheel for every Python")
    done = run_program("support.greenlets", "1000")
    assert done.returncode == 0, done.stderr[-2000:]
