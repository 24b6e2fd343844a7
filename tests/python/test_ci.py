"""The scripts of continuous integration: what they say when something is not there."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]


def run_script(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_fuzzing_without_its_programs_says_which_are_missing(tmp_path: Path) -> None:
    done = run_script(".ci/fuzz", "5", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    targets = re.findall(
        r"^set\(corsac_fuzz_targets (.*)\)$", read("tests/fuzz/CMakeLists.txt"), re.M
    )
    for target in targets[0].split():
        assert f"{tmp_path}/tests/fuzz/fuzz_{target}" in done.stderr
    assert "nothing was fuzzed" in done.stderr
    assert not list(tmp_path.iterdir())


def test_fuzzing_runs_in_continuous_integration_and_has_to_pass() -> None:
    workflow = read(".github/workflows/ci.yml")
    assert "make fuzz SECONDS=" in workflow
    assert "needs: [test, fuzz]" in workflow


def test_what_may_be_left_out_for_want_of_a_wheel_is_a_dependency_of_the_tests() -> None:
    script = read(".ci/pythons")
    table = script[script.index("tests_of() {") : script.index("return 1")]
    packages = {
        name
        for names in re.findall(r"^    ([a-z0-9| -]+)\)", table, re.M)
        for name in names.split(" | ")
    }
    extras = tomllib.loads(read("pyproject.toml"))["project"]["optional-dependencies"]
    named = {re.split("[<>=!\\[]", line)[0] for lines in extras.values() for line in lines}
    assert {"ada-url", "eventlet", "gevent", "granian"} <= packages <= named


def read(path: str) -> str:
    return (ROOT / path).read_text()


def test_the_requirements_of_extras_are_written_out() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / ".ci/requirements", "test"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = [Requirement(line).name for line in done.stdout.splitlines()]
    assert {"publicsuffixlist", "pytest", "typer", "starlette", "sphinx"} <= {*names}
    assert "corsac" not in names
