"""What is uploaded to an index: what the source distribution has, and that it builds alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import threading
import tomllib
import venv
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import corsac

CHECKOUT = Path(__file__).resolve().parents[2]
STEM = f"corsac-{corsac.__version__}"
# For those who write Corsac, and pictures.
LEFT_OUT = (".ci/", ".github/", "benchmarks/results/", "docs/pictures/", "oss-fuzz/")
BUILD = "import sys; from scikit_build_core.build import build_sdist; build_sdist(sys.argv[1])"


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **variables},
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def tracked_files() -> list[str]:
    return run("git", "ls-files", "-z", cwd=CHECKOUT).strip("\0").split("\0")


@pytest.fixture(scope="module")
def source_distribution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive that is made of the files that git knows."""
    tree = tmp_path_factory.mktemp("tree")
    for name in tracked_files():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, tree / name)
    made = tmp_path_factory.mktemp("made")
    run(sys.executable, "-c", BUILD, made, cwd=tree, SOURCE_DATE_EPOCH="1700000000")
    return made / f"{STEM}.tar.gz"


def test_the_source_distribution_is_the_checkout_without_what_only_its_writers_need(
    source_distribution: Path,
) -> None:
    with tarfile.open(source_distribution) as archive:
        members = archive.getmembers()
    names = {member.name.removeprefix(f"{STEM}/") for member in members if member.isfile()}
    wanted = {name for name in tracked_files() if not name.startswith(LEFT_OUT)}
    assert names == wanted | {"PKG-INFO"}
    assert {member.mtime for member in members} == {1700000000}
    assert {(member.uid, member.gid, member.uname) for member in members} == {(0, 0, "")}


class Network:
    """Where everything that a program fetches is asked for: it is noted, and refused."""

    def __init__(self, port: int) -> None:
        self.asked: list[str] = []
        proxy = f"http://127.0.0.1:{port}"
        names = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy")
        self.variables = dict.fromkeys([*names, *map(str.upper, names)], proxy)
        self.variables |= {"no_proxy": "", "NO_PROXY": ""}


@pytest.fixture
def network() -> Iterator[Network]:
    """A proxy for programs that are not to fetch anything."""

    class Refusal(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Write nothing."""

        def do_GET(self) -> None:
            refusing.asked.append(self.requestline)
            self.send_error(403)

        do_CONNECT = do_POST = do_HEAD = do_GET  # noqa: N815

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusal) as server:
        refusing = Network(server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield refusing
        server.shutdown()


def test_the_source_distribution_builds_with_what_the_index_has_and_fetches_nothing_else(
    source_distribution: Path, tmp_path: Path, network: Network
) -> None:
    venv.create(tmp_path / "fresh", with_pip=False, symlinks=True)
    python = tmp_path / "fresh" / "bin" / "python"
    # Not optimized, since that takes most of the time.
    settings = (
        "cmake.define.CMAKE_INTERPROCEDURAL_OPTIMIZATION=OFF",
        "cmake.define.CMAKE_CXX_FLAGS_RELEASE=-O0",
    )
    options = [part for setting in settings for part in ("--config-settings", setting)]
    pip = (sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check")
    install = (*pip, "install", "--quiet")
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    tools = ("cmake>=3.25", "ninja>=1.11")  # scikit-build-core asks for them where none are.
    run(*install, *project["build-system"]["requires"], *tools, cwd=tmp_path)
    build = (*install, "--no-deps", "--no-index", "--no-build-isolation", *options)
    run(*build, source_distribution, cwd=tmp_path, **network.variables)
    assert network.asked == []
    code = """
import corsac
policy = corsac.CORSPolicy(allow_origins=["https://app.example.com"])
print(policy.explain("GET", {"Origin": "https://app.example.com"}).allowed, corsac.__version__)
"""
    assert run(python, "-I", "-c", code, cwd=tmp_path).split() == ["True", corsac.__version__]
