"""The scripts of continuous integration: what they say when something is not there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from support import thread_stress
from support.ci_scripts import ROOT, matrix_versions, read, run_script, stubbed


def fuzz_targets() -> list[str]:
    (targets,) = re.findall(
        r"^set\(corsac_fuzz_targets (.*)\)$", read("tests/fuzz/CMakeLists.txt"), re.M
    )
    return str(targets).split()


def test_fuzzing_without_its_programs_says_which_are_missing(tmp_path: Path) -> None:
    done = run_script(".ci/fuzz", "5", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    for target in fuzz_targets():
        assert f"{tmp_path}/tests/fuzz/fuzz_{target}" in done.stderr
    assert "nothing was fuzzed" in done.stderr
    assert not list(tmp_path.iterdir())


EXECUTES = "echo 'stat::number_of_executed_units: 7'"


@pytest.mark.parametrize(
    ("program", "status", "end"),
    [
        (EXECUTES, 0, "fuzzing found nothing in 42 executions"),
        ("exit 0", 1, "these targets executed nothing, see {build}/logs: exchange"),
        (
            EXECUTES.replace("7", "0"),
            1,
            "these targets executed nothing, see {build}/logs: exchange",
        ),
        (
            EXECUTES.replace("7", ""),
            1,
            "these targets executed nothing, see {build}/logs: exchange",
        ),
        (f"{EXECUTES}; exit 77", 1, "fuzzing found something in: exchange"),
    ],
    ids=["all is well", "no numbers", "none", "no number", "a crash"],
)
def test_a_target_that_executed_nothing_or_failed_is_a_failure(
    tmp_path: Path, program: str, status: int, end: str
) -> None:
    programs = tmp_path / "tests" / "fuzz"
    programs.mkdir(parents=True)
    for target in fuzz_targets():
        path = programs / f"fuzz_{target}"
        path.write_text(f"#!/bin/sh\n{program if target == 'exchange' else EXECUTES}\n")
        path.chmod(0o755)
    done = run_script(".ci/fuzz", "1", str(tmp_path))
    assert done.returncode == status, done.stderr
    assert (done.stdout + done.stderr).splitlines()[-1] == end.format(build=tmp_path)
    assert ("found nothing" in done.stdout) == (status == 0)


def test_every_job_of_a_workflow_that_tests_has_to_pass() -> None:
    runs: set[str | None] = set()
    for name in ("ci.yml", "trust.yml"):
        jobs = jobs_of(name)
        end = jobs.pop("pass")
        (step,) = end["steps"]
        results = [f"${{{{ needs.{job}.result }}}}" for job in jobs]
        assert (end["if"], end["needs"]) == ("always()", list(jobs))
        assert step["env"] == {"RESULTS": " ".join(results)}
        assert step["run"] == f'test "$RESULTS" = "{" ".join(["success"] * len(jobs))}"'
        runs |= {step.get("run") for job in jobs.values() for step in job["steps"]}
    assert {"make reproducible", "make clean-machine", "make fuzz SECONDS=20"} <= runs


def test_every_command_that_tests_runs_in_a_workflow() -> None:
    long = jobs_of("trust.yml")["long"]["strategy"]["matrix"]["what"]
    jobs = [job for name in workflows() for job in jobs_of(name).values()]
    steps = [step.get("run", "") for job in jobs for step in job.get("steps", [])]
    run = {what.split()[0] for what in long} | set(re.findall(r"make ([a-z-]+)", " ".join(steps)))
    run |= set(re.findall(r"^make ([a-z-]+)", read(".ci/run"), re.M))
    (phony,) = re.findall(r"^\.PHONY: (demo .*)$", read("Makefile"), re.M)
    # Nothing is tested by these, or a test runs them: the demonstration.
    others = {"bench", "clean", "demo", "format", "pythons", "system-packages", "try"}
    parts_of_test = {"test-cpp", "test-python"}
    assert run - parts_of_test == set(phony.split()) - others - parts_of_test


def workflows() -> dict[str, str]:
    return {path.name: path.read_text() for path in (ROOT / ".github" / "workflows").glob("*.yml")}


def workflow(name: str) -> dict[str, Any]:
    return dict(pytest.importorskip("yaml").safe_load(workflows()[name]))


def jobs_of(name: str) -> dict[str, Any]:
    return dict(workflow(name)["jobs"])


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
    granted = {}
    for name in workflows():
        assert workflow(name)["permissions"] == {}, name
        for job, what in jobs_of(name).items():
            granted[name, job] = what.get("permissions", {})
    more = {place: may for place, may in granted.items() if may not in ({}, {"contents": "read"})}
    assert more == {("release.yml", "publish"): {"attestations": "write", "id-token": "write"}}
    assert "secrets" not in "".join(workflows().values())


def test_what_is_published_was_tested_and_built_and_the_job_that_publishes_runs_no_code() -> None:
    jobs = jobs_of("release.yml")
    called = {name: job["uses"] for name, job in jobs.items() if "uses" in job}
    assert called == {
        "test": "./.github/workflows/ci.yml",
        "trust": "./.github/workflows/trust.yml",
        "build": "./.github/workflows/wheels.yml",
    }
    publish = jobs["publish"]
    assert set(publish["needs"]) == set(called)
    assert publish["environment"]["name"] == "pypi"
    assert [step["uses"].partition("@")[0] for step in publish["steps"]] == [
        "actions/download-artifact",
        "actions/attest",
        "pypa/gh-action-pypi-publish",
    ]
    assert [step for step in publish["steps"] if "run" in step] == []


def test_wheels_are_built_for_every_python_that_is_promised() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    promised = {
        f"cp3{line.rpartition('.')[2]}"
        for line in project["project"]["classifiers"]
        if re.search(r":: 3\.\d+$", line)
    }
    built = {each.removesuffix("-*") for each in project["tool"]["cibuildwheel"]["build"].split()}
    assert {each for each in built if not each.endswith("t")} == promised
    tested = {f"cp{version.replace('.', '')}" for version in matrix_versions()}
    assert {each for each in built if each.endswith("t")} <= tested
    selection = re.findall(r"\{project\}/(\S+)", project["tool"]["cibuildwheel"]["test-command"])
    assert [path for path in selection if not (ROOT / path).is_file()] == []


def test_every_fuzz_target_has_seeds_for_whoever_runs_it() -> None:
    sources = {path.stem for path in (ROOT / "tests" / "fuzz").glob("fuzz_*.cpp")}
    seeds = {f"fuzz_{path.parent.name}" for path in (ROOT / "tests/fuzz/corpus").glob("*/*")}
    assert sources == seeds
    assert "for source in tests/fuzz/fuzz_*.cpp" in read("oss-fuzz/build.sh")


def test_every_part_under_sanitizers_runs_in_continuous_integration() -> None:
    done = run_script(".ci/sanitize", "nothing")
    assert (done.returncode, done.stdout) == (2, "")
    parts = done.stderr.split("the parts are ")[1].strip()
    assert f"part: [{parts}]" in read(".github/workflows/trust.yml")


@pytest.mark.parametrize(
    ("says", "row", "status"),
    [
        ("100% tests passed out of 759", "759 ctest entries .* nothing found", 0),
        ("100% tests passed, 0 tests failed out of 759", "759 ctest entries .* nothing found", 0),
        ("No tests were found!!!", "[0-9]+ s   FAILED: nothing says that a test ran", 1),
    ],
    ids=["CMake 4", "CMake 3", "none"],
)
def test_a_part_under_sanitizers_says_how_many_tests_ran(
    tmp_path: Path, says: str, row: str, status: int
) -> None:
    script = stubbed(tmp_path, ".ci/sanitize", {"cmake": "", "ctest": f'echo "{says}"'})
    done = run_script(str(script), "address")
    assert re.search(rf"^  address  +{row}$", done.stdout, re.M), done.stdout
    assert done.returncode == status


def test_the_files_that_run_under_sanitizers_are_there() -> None:
    script = read(".ci/sanitize")
    start = script.index("sanitized_files=(")
    listed = script[start : script.index(")\n", start) + 1]
    done = run_script("-c", f'{listed}; printf "%s\\n" "${{sanitized_files[@]}}"')
    files = done.stdout.split()
    assert len(files) > 40
    assert [file for file in files if not (ROOT / file).is_file()] == []


LINTERS = [
    "ruff",
    "lint-imports",
    "mypy",
    "python",
    "zizmor",
    "clang-format",
    "cmake",
    "clang-tidy",
]


def test_each_linter_that_fails_ends_the_script(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    stub = f'echo "${{0##*/}}" "$@" >>{calls}; [ "$(wc -l <{calls})" != "$FAILING" ]'
    lint = stubbed(tmp_path, ".ci/lint", dict.fromkeys(LINTERS, stub))
    for name in ("cpp/src", "tests/cpp", "tests/fuzz", "benchmarks/core", "examples/cpp"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("cpp/src/one.cpp", "examples/asgi/app.py", "examples/wsgi/app.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    def run(failing: int) -> tuple[int, bool, list[str]]:
        calls.unlink(missing_ok=True)
        done = run_script(str(lint), FAILING=str(failing))
        return done.returncode, "found nothing" in done.stdout, calls.read_text().splitlines()

    status, found_nothing, made = run(0)
    assert (status, found_nothing) == (0, True)
    assert {line.split()[0] for line in made} == set(LINTERS)
    for number in range(1, len(made) + 1):
        status, found_nothing, called = run(number)
        assert status != 0, made[number - 1]
        assert (found_nothing, called) == (False, made[:number])


def test_races_want_a_time() -> None:
    for time in ("", "0", "ten"):
        done = run_script(".ci/races", time)
        assert (done.returncode, done.stdout) == (2, "")
        assert "SECONDS=20" in done.stderr


def test_a_build_without_tests_is_a_failure_of_every_test_preset() -> None:
    presets = {each["name"]: each for each in json.loads(read("CMakePresets.json"))["testPresets"]}
    visible = [each for each in presets.values() if not each.get("hidden")]
    assert len(visible) > 5
    for preset in visible:
        execution = presets[preset["inherits"]]["execution"] | preset.get("execution", {})
        assert execution == {"noTestsAction": "error"}, preset["name"]


RUNS_A_SCENARIO = 'case "$*" in *SCENARIOS*) echo one two ;; *) echo \'{"ask": 3}\' ;; esac'


@pytest.mark.parametrize(
    ("interpreter", "status", "said"),
    [
        (RUNS_A_SCENARIO, 0, "nothing found"),
        ("exit 1", 1, ""),
        ("exit 0", 1, "nothing was run"),
        (RUNS_A_SCENARIO.replace("{", "ended"), 1, "FAILED"),
    ],
    ids=["all is well", "it does not start", "no scenario", "no turns"],
)
def test_races_of_which_nothing_was_run_are_a_failure(
    tmp_path: Path, interpreter: str, status: int, said: str
) -> None:
    races = stubbed(tmp_path, ".ci/races", {"cmake": "", "python": ""})
    for name, text in {
        ".ci/free-threaded-python": "",
        "build/python3.13t-tsan/bin/python3": f"#!/bin/sh\n{interpreter}\n",
        "build/races/cmake/_core.so": "",
        "python/corsac/__init__.py": "",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    done = run_script(str(races), "1")
    assert done.returncode == status, done.stderr
    assert said in done.stdout + done.stderr
    assert ("nothing found" in done.stdout) == (status == 0)


def test_threads_that_did_nothing_are_a_failure() -> None:
    work = thread_stress.Work(lambda turn: None, serves=True)
    assert thread_stress.run([work], None, 1) == {"<lambda>": 1}
    for works in ([], [work]):
        with pytest.raises(RuntimeError, match="nothing was tried"):
            thread_stress.run(works, None, 0)


APT = """case "$1 $LISTS" in
  update*) [ "$LISTS" != broken ] || { echo "no network"; exit 100; }; : >"$FETCHED" ;;
  *) [ ! -e "$FETCHED" ] || printf '%s\\n' "Debian Debian-Security main http://s bookworm" \\
       "Debian Debian main http://mirror trixie" "Debian Debian main http://second trixie" ;;
esac"""


@pytest.mark.parametrize(
    ("lists", "status", "printed", "said"),
    [
        ("there", 0, "http://mirror trixie\n", ""),
        ("not fetched", 0, "http://mirror trixie\n", ""),
        ("broken", 1, "", "no network"),
    ],
)
def test_the_mirror_is_found_though_the_lists_were_never_fetched(
    tmp_path: Path, lists: str, status: int, printed: str, said: str
) -> None:
    script = stubbed(tmp_path, ".ci/debian-mirror", {"apt-get": APT, "sudo": 'shift; exec "$@"'})
    fetched = tmp_path / "fetched"
    if lists == "there":
        fetched.touch()
    path = f"{tmp_path}/.venv/bin{os.pathsep}{os.environ['PATH']}"
    done = run_script(str(script), PATH=path, LISTS=lists, FETCHED=str(fetched))
    assert (done.returncode, done.stdout) == (status, printed)
    assert said in done.stderr


def test_no_script_but_one_looks_for_the_mirror() -> None:
    scripts = [path for path in (ROOT / ".ci").iterdir() if "indextargets" in path.read_text()]
    assert [path.name for path in scripts] == ["debian-mirror"]


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


@pytest.mark.parametrize(
    ("known", "fetched"),
    [("installed", False), ("config-files", True), ("half-configured", True), ("", True)],
)
def test_a_package_that_was_removed_and_not_purged_is_installed(
    tmp_path: Path, known: str, fetched: bool
) -> None:
    status, asked = tmp_path / "status", tmp_path / "asked"
    status.write_text(known)
    script = stubbed(
        tmp_path,
        ".ci/system-packages",
        {
            "dpkg-query": f"[ -s {status} ] || exit 1; cat {status}; echo",
            "apt-get": f'echo "$@" >>{asked}; [ "$1" = update ] || printf installed >{status}',
            "sudo": 'shift; exec "$@"',
        },
    )
    path = f"{tmp_path}/.venv/bin{os.pathsep}{os.environ['PATH']}"
    done = run_script(str(script), "valgrind", PATH=path)
    assert done.returncode == 0, done.stderr
    install = "install --yes --no-install-recommends valgrind\n"
    assert (asked.read_text() if asked.exists() else None) == (
        f"update\n{install}" if fetched else None
    )
    assert done.stdout == ("Installing Debian packages: valgrind\n" if fetched else "")


def test_a_package_that_is_still_not_there_is_an_error(tmp_path: Path) -> None:
    stubs = {"dpkg-query": "echo config-files", "apt-get": "", "sudo": 'shift; exec "$@"'}
    script = stubbed(tmp_path, ".ci/system-packages", stubs)
    path = f"{tmp_path}/.venv/bin{os.pathsep}{os.environ['PATH']}"
    done = run_script(str(script), "valgrind", PATH=path)
    assert done.returncode == 1
    assert "apt-get installed nothing usable for valgrind" in done.stderr
