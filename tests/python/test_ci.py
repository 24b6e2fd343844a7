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


def workflows() -> dict[str, str]:
    return {path.name: path.read_text() for path in (ROOT / ".github" / "workflows").glob("*.yml")}


def test_workflows_use_actions_of_one_commit_each_and_start_without_permissions() -> None:
    commits: dict[str, set[str]] = {}
    for name, text in workflows().items():
        assert "\npermissions: {}\n" in text, name
        used = re.findall(r"^ *(?:- )?uses: (.*)$", text, re.M)
        assert len(used) == text.count("uses:"), name
        for action in used:
            if action.startswith("./.github/workflows/"):
                continue
            pinned = re.fullmatch(r"([\w-]+/[\w-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)", action)
            assert pinned, f"{name}: {action}"
            commits.setdefault(pinned[1], set()).add(f"{pinned[2]} {pinned[3]}")
    assert {action for action, pins in commits.items() if len(pins) > 1} == set()


def test_only_the_job_that_publishes_may_more_than_read() -> None:
    granted = {
        (name, permission)
        for name, text in workflows().items()
        for permission in re.findall(r"^ +([a-z-]+: (?:read|write))\b", text, re.M)
    }
    assert {each for each in granted if each[1] != "contents: read"} == {
        ("release.yml", "attestations: write"),
        ("release.yml", "id-token: write"),
    }
    publish = workflows()["release.yml"].partition("  publish:")[2]
    assert publish.count(": write") == 2
    assert "needs: [test, build]" in publish
    assert "environment:" in publish
    assert "secrets" not in "".join(workflows().values())


def test_wheels_are_built_for_every_python_that_is_promised() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    promised = {
        f"cp3{line.rpartition('.')[2]}"
        for line in project["project"]["classifiers"]
        if re.search(r":: 3\.\d+$", line)
    }
    built = {each.removesuffix("-*") for each in project["tool"]["cibuildwheel"]["build"].split()}
    assert {each for each in built if not each.endswith("t")} == promised
    assert {each for each in built if each.endswith("t")}
    selection = re.findall(r"\{project\}/(\S+)", project["tool"]["cibuildwheel"]["test-command"])
    assert [path for path in selection if not (ROOT / path).is_file()] == []


def test_every_fuzz_target_has_seeds_for_whoever_runs_it() -> None:
    sources = {path.stem for path in (ROOT / "tests" / "fuzz").glob("fuzz_*.cpp")}
    seeds = {f"fuzz_{path.parent.name}" for path in (ROOT / "tests/fuzz/corpus").glob("*/*")}
    assert sources == seeds
    assert "for source in tests/fuzz/fuzz_*.cpp" in read("oss-fuzz/build.sh")


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
