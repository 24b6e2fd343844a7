"""Other Pythons than the one of `make test`: which are tried, and what may be left out for them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from corsac.errors import CORSConfigError, CORSConfigProblem
from support import left_out
from support.ci_scripts import ROOT, matrix_versions, read, run_script, stubbed

RE2_MISSING = CORSConfigError(
    [CORSConfigProblem("regex.extra_missing", "error", "allow_origin_regex", "a+", "no RE2")]
)


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
    assert {"ada-url", "gevent", "granian"} <= packages <= named
    assert packages == set(left_out.MODULES) == set(left_out.MOST_FILES)
    known = script[script.index("without_wheel() {") : script.index("tests_of() {")]
    lacking = dict(re.findall(r"^    (3\.\d+t?)\) echo ([a-z0-9 -]+) ;;", known, re.M))
    assert set(lacking) <= set(matrix_versions())
    assert {name for names in lacking.values() for name in names.split()} == packages


@pytest.mark.parametrize("error", [ModuleNotFoundError("no ada", name="ada_url"), RE2_MISSING])
def test_what_needs_a_library_that_has_no_wheel_is_left_out_and_anything_else_fails(
    error: Exception,
) -> None:
    around = RuntimeError("a module cannot be imported")
    around.__cause__ = error
    distribution = "google-re2" if error is RE2_MISSING else "ada-url"
    reason = f"{distribution} has no wheel for this Python"
    assert left_out.left_out(error, f"granian {distribution}") == reason
    assert left_out.left_out(around, distribution) == reason
    assert left_out.left_out(error, "") is None
    assert left_out.left_out(error, "granian mcp") is None
    assert left_out.left_out(RuntimeError(distribution), distribution) is None
    assert left_out.left_out(ModuleNotFoundError("no ada_url"), distribution) is None
    wrote = AssertionError("it wrote: ModuleNotFoundError: No module named 'litestar'")
    assert left_out.left_out(wrote, "litestar") == "litestar has no wheel for this Python"
    assert left_out.left_out(wrote, distribution) is None
    not_run = AssertionError("it wrote: python3: No module named granian")
    assert left_out.left_out(not_run, "granian") == "granian has no wheel for this Python"


A_PYTHON = """case "$*" in
  "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; cp "${0%/*}/pip" "$3/bin/pip" ;;
  *requirements*) [ "$SAYS" = "no list" ] || printf '%s\\n' "granian>=2" "mcp>=1" ;;
  *pytest*) echo "left out, for want of a wheel: $CORSAC_WITHOUT in 2 files"
    echo "1 passed in 1s" ;;
  *print*) echo "$VERSION" ;;
esac"""
A_PIP = """case "$*" in
  wheel*) : >"$4/corsac-1.whl" ;;
  *"[test]"*) exit 1 ;;
  *-vv*granian*) echo "$SAYS"; exit 1 ;;
  *granian*) exit 1 ;;
esac"""
NO_WHEEL = "ERROR: No matching distribution found for granian>=2"
NOT_FETCHED = "Could not fetch URL http://index/granian/: {} Client Error - skipping"


def try_a_python(
    folder: Path, version: str, says: str
) -> tuple[subprocess.CompletedProcess[str], str]:
    """Have a Python of this version tried for which pip says this of granian; and the last line."""
    programs = {"a-python": A_PYTHON, "pip": A_PIP, "c++": ""}
    script = stubbed(folder, ".ci/pythons", programs)
    path = f"{folder}/.venv/bin{os.pathsep}{os.environ['PATH']}"
    done = run_script(str(script), "a-python", PATH=path, SAYS=says, VERSION=version)
    return done, done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("says", "status", "summary"),
    [
        (NO_WHEEL, 0, "1 passed in 1s; left out, for want of a wheel: granian in 2 files"),
        (f"{NOT_FETCHED.format(404)}\n{NO_WHEEL}", 0, "left out, for want of a wheel: granian"),
        ("ERROR: ResolutionImpossible: for help visit", 0, "for want of a wheel: granian"),
        (f"{NOT_FETCHED.format(403)}\n{NO_WHEEL}", 1, "granian cannot be installed"),
        (f"WARNING: Retrying (Retry(total=4))\n{NO_WHEEL}", 1, "granian cannot be installed"),
        ("ERROR: No space left on device", 1, "granian cannot be installed"),
        ("no list", 1, "cannot be listed"),
    ],
)
def test_a_dependency_is_left_out_for_want_of_a_wheel_and_for_nothing_else(
    tmp_path: Path, says: str, status: int, summary: str
) -> None:
    done, last = try_a_python(tmp_path, "3.13.5t", says)
    assert summary in last
    assert (done.returncode, "failed" in last) == (status, status == 1)
    assert ("testing without granian\n" in done.stdout) == (status == 0)


@pytest.mark.parametrize("version", ["3.12.0", "3.14.0t", "3.99.0"])
def test_a_python_that_is_not_known_to_lack_a_wheel_is_a_failure_without_it(
    tmp_path: Path, version: str
) -> None:
    done, last = try_a_python(tmp_path, version, NO_WHEEL)
    series = re.sub(r"\.0(t?)$", r"\1", version)
    assert f"granian has no wheel, and .ci/pythons does not know that of Python {series}," in last
    assert (done.returncode, "passed" in done.stdout) == (1, False)


SKIPPING = """
import pytest

@pytest.mark.parametrize("number", range(3))
def test_one(number):
    raise ModuleNotFoundError("there is none", name="{module}")

def test_two():
    pytest.skip("for another reason")
"""
NOT_IMPORTED = 'raise ModuleNotFoundError("there is none", name="{module}")'
MOST = left_out.MOST_FILES["granian"]


@pytest.mark.parametrize(
    ("files", "module", "status"),
    [(MOST, "granian", 0), (MOST + 1, "granian", 1), (1, "other", 1)],
    ids=["as expected", "too many files", "not left out"],
)
@pytest.mark.parametrize("processes", [(), ("--numprocesses", "2")], ids=["one", "several"])
def test_a_run_that_leaves_out_more_than_is_known_fails(
    tmp_path: Path, files: int, module: str, status: int, processes: tuple[str, ...]
) -> None:
    for number in range(files):
        text = NOT_IMPORTED if number > 0 else SKIPPING
        (tmp_path / f"test_{number}.py").write_text(text.format(module=module))
    path = os.pathsep.join([str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    command = (sys.executable, "-m", "pytest", "-q", "-p", "python.conftest", "-p", "no:randomly")
    done = subprocess.run(
        [*command, *processes, tmp_path],
        cwd=ROOT,
        env=os.environ | {"CORSAC_WITHOUT": "granian mcp", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    wanted = 0 if module == "other" else files
    assert done.returncode == status, done.stdout + done.stderr
    said = f"left out, for want of a wheel: granian in {wanted} files, mcp in 0 files\n"
    assert said in done.stdout
    assert ("failed: granian is wanted in" in done.stdout) == (files > MOST)


def test_the_pythons_that_are_declared_are_those_that_the_matrix_tests() -> None:
    versions = matrix_versions()
    plain = [version for version in versions if not version.endswith("t")]
    free_threaded = [version.rstrip("t") for version in versions if version.endswith("t")]
    classifiers = tomllib.loads(read("pyproject.toml"))["project"]["classifiers"]
    declared = [re.findall(r"^Programming Language :: Python :: (3\.\d+)$", c) for c in classifiers]
    assert [version for found in declared for version in found] == plain
    threads = [c for c in classifiers if "Free Threading" in c]
    assert bool(threads) == bool(free_threaded)
    tested = f"{', '.join(plain[:-1])} or {plain[-1]}"
    row = re.findall(r"^\| Python \| (.*); free-threaded (.*) too \|$", read("README.md"), re.M)
    names = ", ".join(f"{version}t" for version in free_threaded)
    assert row == [(tested, f"{' and '.join(free_threaded)} ({names})")]
    assert re.findall(r'- { python: "([^"]+)"', read(".github/workflows/trust.yml")) == versions


def test_each_free_threaded_python_of_the_matrix_can_be_built_and_no_other(tmp_path: Path) -> None:
    versions = matrix_versions()
    for series in {version.rstrip("t") for version in versions}:
        done = run_script(".ci/free-threaded-python", series, str(tmp_path), "another")
        problem = "no other kind of build" if f"{series}t" in versions else "no series"
        assert (done.returncode, done.stdout) == (1, "")
        assert problem in done.stderr
    done = run_script(".ci/free-threaded-python", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "Name the series and the folder" in done.stderr


def test_a_folder_of_sources_without_the_one_that_is_asked_for_is_an_error(tmp_path: Path) -> None:
    script = stubbed(tmp_path, ".ci/free-threaded-python", {})
    (script.parent / "system-packages").write_text("#!/bin/sh\n")
    (script.parent / "system-packages").chmod(0o755)
    (tmp_path / "python3.13_3.13.5.orig.tar.xz").touch()
    python = str(tmp_path / "python")
    done = run_script(str(script), "3.14", python, PYTHON_SOURCES=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"There is no python3.14_*.orig.tar.* in {tmp_path}\n"


def test_a_python_that_is_not_of_the_matrix_is_an_error_that_names_those() -> None:
    done = run_script(".ci/matrix", "3.13", "3.10")
    assert (done.returncode, done.stdout) == (2, "")
    assert '"3.10"' in done.stderr
    assert "3.11 3.12 3.13" in done.stderr
