"""Where memory runs out nothing crashes, and nothing is allowed that should not be.

Each allocation of each case fails in turn, in a process of its own (`support.memory_faults`): it
ends in a MemoryError or in the right answer, nothing is left behind, and afterwards all is as it
was. Once for the allocations of Python's allocators, once for those of the C library, where C++
gets its memory.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from support.memory_faults import GROUPS, preloadable_malloc

TESTS = Path(__file__).parent.parent
SECONDS = 300
"""After which a process hangs; most end within three."""

pytestmark = pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="other threads allocate too"
)


def faults(how: str, group: str, **variables: str) -> Any:
    """What was wrong in a group of cases, in each of which memory ran out."""
    paths = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, **variables}
    program = [sys.executable, "-X", "faulthandler", "-m", "support.memory_faults", how]
    done = subprocess.run(
        [*program, *GROUPS[group]],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    found, ran_out = json.loads(done.stdout)
    assert ran_out > 0
    return found


GENERATOR_EXPRESSIONS = """
import _testcapi

def are_texts(values):
    return all(type(value) is str and value.isascii() for value in values)

for count in (1, 2, 3, 10, 1000):
    for after in range(1, 40):
        _testcapi.set_nomemory(after, after + count)
        try:
            are_texts(["a", "b"])
        except MemoryError:
            pass
        finally:
            _testcapi.remove_mem_hooks()
"""


@functools.cache
def crashes_by_itself() -> bool:
    """Whether Python crashes where nothing of ours is: 3.12.1 and 3.13.0 do."""
    done = subprocess.run([sys.executable, "-c", GENERATOR_EXPRESSIONS], check=False)
    return done.returncode < 0


@pytest.mark.skipif(
    importlib.util.find_spec("_testcapi") is None, reason="this Python has no _testcapi"
)
@pytest.mark.parametrize("group", GROUPS)
def test_an_allocation_of_python_s_that_fails_is_a_memory_error(group: str) -> None:
    if crashes_by_itself():
        pytest.skip("this Python crashes in a generator expression where memory runs out")
    assert faults("interpreter", group) == []


@pytest.fixture(scope="module")
def failing_malloc(tmp_path_factory: pytest.TempPathFactory) -> str:
    if os.environ.get("LD_PRELOAD"):
        pytest.skip("something else stands before malloc")
    return str(preloadable_malloc(tmp_path_factory.mktemp("malloc")))


@pytest.mark.skipif(sys.platform != "linux", reason="it is preloaded as Linux does it")
@pytest.mark.parametrize("group", GROUPS)
def test_an_allocation_of_c_plus_plus_that_fails_is_a_memory_error(
    group: str, failing_malloc: str
) -> None:
    assert faults("malloc", group, LD_PRELOAD=failing_malloc) == []
