"""What CONTRIBUTING.md says is so: its commands select what they promise."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
CONTRIBUTING = (CHECKOUT / "CONTRIBUTING.md").read_text()


def test_the_example_of_one_python_test_selects_some() -> None:
    examples = re.findall(r"`make test-python ARGS='([^']+)'`", CONTRIBUTING)
    assert examples
    for example in examples:
        collected = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "--collect-only", "--quiet"),
                *("-p", "no:cacheprovider", *shlex.split(example)),
            ],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert collected.returncode == 0, collected.stdout + collected.stderr
