"""What CONTRIBUTING.md says is so: its commands select what they promise, its paths exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
CONTRIBUTING = (CHECKOUT / "CONTRIBUTING.md").read_text()


def test_the_examples_of_some_python_tests_select_some() -> None:
    examples = re.findall(r"`make test-python ARGS='([^']+)'`", CONTRIBUTING)
    examples += re.findall(r"^make try ARGS=(.+)$", CONTRIBUTING, re.MULTILINE)
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


def test_every_path_on_the_page_exists() -> None:
    paths = []
    for section in re.split(r"(?m)^(?=##)", CONTRIBUTING):
        heading = re.match(r"#+ .*`([^`]+/)`", section)
        folders = [CHECKOUT] if heading is None else [CHECKOUT, CHECKOUT / heading[1]]
        for path in re.findall(r"`([\w./-]+(?:/|\.(?:\w{1,4})))`", section):
            paths.append(path)
            assert any((folder / path).exists() for folder in folders), path
    assert "python/corsac/policy.py" in paths
    assert "validation/regex/" in paths
