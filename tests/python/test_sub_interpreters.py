"""Sub-interpreters: where they work, each with a lock of its own, and where the package refuses."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

TESTS = pathlib.Path(__file__).parent.parent
GRACE = 300
"""Seconds after which a process that should have ended never will."""


def run_program(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python, with the tests' own modules; fails if it does not end."""
    paths = [str(TESTS), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}
    program = [sys.executable, "-X", "faulthandler", *arguments]
    try:
        return subprocess.run(
            program, capture_output=True, text=True, check=False, env=environment, timeout=GRACE
        )
    except subprocess.TimeoutExpired:
        pytest.fail("it hangs")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there is one lock for all")
@pytest.mark.parametrize(("threads", "rounds"), [(1, 3), (8, 2)])
def test_isolated_interpreters_make_use_and_drop_middlewares_at_the_same_time(
    threads: int, rounds: int
) -> None:
    amounts = ["--threads", str(threads), "--rounds", str(rounds), "--turns", "20"]
    done = run_program("-m", "support.sub_interpreters", *amounts)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == threads * rounds, done.stderr


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there is one lock for all")
def test_an_expression_in_an_isolated_interpreter_is_an_error_and_no_crash() -> None:
    # google-re2 supports none, so the interpreter refuses to load it.
    pytest.importorskip("re2")
    program = (
        "import corsac\n"
        "try:\n"
        "    corsac.CORSPolicy(allow_origin_regex='https://a[0-9]+[.]example')\n"
        "except corsac.CORSConfigError as error:\n"
        "    print(error)\n"
    )
    run = "from support.sub_interpreters import run_isolated; run_isolated"
    done = run_program("-c", f"{run}({program!r})")
    assert done.returncode == 0, done.stderr
    assert "regex.extra_missing" in done.stdout
    assert "google-re2 cannot be loaded here" in done.stdout


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="works there")
def test_a_sub_interpreter_that_cannot_work_is_an_error_and_no_deadlock() -> None:
    done = run_program(
        "-c",
        "import _xxsubinterpreters as i; i.run_string(i.create(), "
        "'try:\\n import corsac\\nexcept ImportError as error: print(error)')",
    )
    assert done.stdout == "corsac needs Python 3.12 or newer in a sub-interpreter\n"
