"""What is installed: the wheel's contents, and that it works where nothing else is."""

from __future__ import annotations

import importlib.machinery
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path, PurePosixPath

import pytest

import corsac

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCE = CHECKOUT / "python" / "corsac"
INSTALLED_IN = Path(corsac.__file__).parents[1]
COMPILERS = ("c++", "cc", "clang", "clang++", "cmake", "g++", "gcc", "ninja")
# Each of them takes longer to import than the package, and no framework has loaded all of them.
NOT_IMPORTED = {
    "asyncio",
    "corsac.origins",
    "httpx2",
    "importlib.metadata",
    "publicsuffixlist",
    "re2",
    "rich",
    "starlette",
    "tomllib",
    "uvicorn",
}
METADATA_OF_THE_WHEEL = {
    "METADATA",
    "RECORD",
    "WHEEL",
    "entry_points.txt",
    "licenses/LICENSE",
    "licenses/LICENSES/pybind11.txt",
    "sboms/corsac.cdx.json",
}
METADATA_OF_INSTALLERS = {"INSTALLER", "REQUESTED", "direct_url.json"}
# By the start of a wheel's platform: the libraries that auditwheel and delvewheel may put beside
# the package, and the metadata that comes with them. Other wheels find all they need on any system.
REPAIRED = {
    "musllinux_": (r"lib(gcc_s|stdc\+\+)-[0-9a-f]{8}\.so\.[0-9.]+", "sboms/auditwheel.cdx.json"),
    "win": (r"msvcp140(_[0-9a-z_]+)?-[0-9a-f]+\.dll", "DELVEWHEEL"),
}


def installed_files() -> list[PurePosixPath]:
    """What the distribution owns, but for byte code that the installer made."""
    files = importlib.metadata.files("corsac")
    assert files is not None, "the distribution has no RECORD"
    return [PurePosixPath(path) for path in files if "__pycache__" not in path.parts]


def source_files() -> set[str]:
    """The files of the package in the checkout."""
    return {
        f"corsac/{path.relative_to(SOURCE).as_posix()}"
        for path in SOURCE.rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".pyd", ".so"}
    }


def platforms_of_the_wheel() -> set[str]:
    wheel = importlib.metadata.distribution("corsac").read_text("WHEEL")
    assert wheel is not None
    return set(re.findall(r"^Tag: .*-(\S+)$", wheel, re.M))


def metadata_of_repairing(platforms: set[str], libraries: set[str]) -> set[str]:
    """Give the metadata that comes with libraries, none of which may be another than expected."""
    if not libraries:
        return set()
    starts = [start for start in REPAIRED if all(name.startswith(start) for name in platforms)]
    assert len(starts) == 1, f"{platforms} have to do without {libraries}"
    names, metadata = REPAIRED[starts[0]]
    assert {name for name in libraries if not re.fullmatch(names, name)} == set()
    return {metadata}


def run_isolated(code: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    """Run code in an interpreter that sees the standard library and the given paths only."""
    prepared = f"import sys; sys.path[:0] = {[str(path) for path in paths]!r}\n{code}"
    command = [sys.executable, "-I", "-S", "-c", prepared]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def output_of(completed: subprocess.CompletedProcess[str]) -> str:
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


def test_the_distribution_is_the_package_its_extension_its_metadata_and_the_command() -> None:
    files = installed_files()
    extensions = {f"corsac/_core{suffix}" for suffix in importlib.machinery.EXTENSION_SUFFIXES}
    dist_info = f"corsac-{corsac.__version__}.dist-info"

    package = {str(path) for path in files if path.parts[0] == "corsac"}
    metadata = {str(path.relative_to(dist_info)) for path in files if path.parts[0] == dist_info}
    beside = [path for path in files if path.parts[0] == "corsac.libs"]
    libraries = {str(path.relative_to("corsac.libs")) for path in beside}
    others = [path for path in files if path.parts[0] not in {"corsac", "corsac.libs", dist_info}]

    assert len(package & extensions) == 1
    assert package - extensions == source_files()
    repairing = metadata_of_repairing(platforms_of_the_wheel(), libraries)
    assert metadata - METADATA_OF_INSTALLERS == METADATA_OF_THE_WHEEL | repairing
    command = ("Scripts", "corsac.exe") if sys.platform == "win32" else ("bin", "corsac")
    assert [path.parts[-2:] for path in others] == [command]


GRAFTED = "libgcc_s-2d945d6c.so.1"
DLL = "msvcp140-a4c2229bdc2a2a630acdc095b4d86008.dll"


@pytest.mark.parametrize(
    ("platforms", "libraries", "metadata"),
    [
        ({"linux_x86_64"}, set(), set()),
        ({"manylinux_2_27_x86_64", "manylinux_2_28_x86_64"}, set(), set()),
        ({"win_amd64"}, set(), set()),
        ({"musllinux_1_2_x86_64"}, {GRAFTED}, {"sboms/auditwheel.cdx.json"}),
        (
            {"musllinux_1_2_aarch64"},
            {GRAFTED, "libstdc++-4f8d1f0a.so.6.0.33"},
            {"sboms/auditwheel.cdx.json"},
        ),
        ({"win_amd64"}, {DLL}, {"DELVEWHEEL"}),
        ({"win_amd64"}, {DLL, DLL.replace("140", "140_atomic_wait")}, {"DELVEWHEEL"}),
    ],
)
def test_a_repaired_wheel_has_the_compilers_libraries_and_says_so(
    platforms: set[str], libraries: set[str], metadata: set[str]
) -> None:
    assert metadata_of_repairing(platforms, libraries) == metadata


@pytest.mark.parametrize(
    ("platform", "library"),
    [
        ("manylinux_2_28_x86_64", GRAFTED),
        ("macosx_11_0_universal2", "libc++.1.dylib"),
        ("linux_x86_64", GRAFTED),
        ("musllinux_1_2_x86_64", "libcrypto-2d945d6c.so.3"),
        ("musllinux_1_2_x86_64", "libgcc_s.so.1"),
        ("musllinux_1_2_x86_64", f"more/{GRAFTED}"),
        ("musllinux_1_2_x86_64", DLL),
        ("win_amd64", "vcruntime140-a4c2229bdc2a2a63.dll"),
        ("win_amd64", ".load-order-corsac-0.1.0"),
    ],
)
def test_any_other_library_beside_the_package_is_an_error(platform: str, library: str) -> None:
    with pytest.raises(AssertionError, match=r"have to do without|== set\(\)"):
        metadata_of_repairing({platform}, {library})


def test_the_package_holds_python_its_types_its_tables_the_labs_page_and_nothing_else() -> None:
    odd = {path for path in source_files() if not path.endswith((".py", ".pyi", "/py.typed"))}
    tables = {
        "corsac/cli/advice.toml",
        "corsac/cli/code_examples.toml",
        "corsac/cli/demo.toml",
        "corsac/cli/probe/findings.toml",
        "corsac/cli/refusal_meanings.toml",
        "corsac/codes.toml",
        "corsac/console/causes.toml",
        "corsac/corsac.schema.json",
    }
    assert tables <= odd
    assert {path.rpartition("/")[0] for path in odd - tables} == {"corsac/lab/page"}
    assert {path.rpartition(".")[2] for path in odd - tables} == {"css", "html", "js"}
    assert {"corsac/_core.pyi", "corsac/py.typed"} <= source_files()


def test_the_list_of_parts_names_what_others_wrote_and_the_extension_has_inside() -> None:
    parts = importlib.metadata.distribution("corsac").read_text("sboms/corsac.cdx.json")
    assert parts is not None
    described = json.loads(parts)
    assert described["metadata"]["component"]["name"] == "corsac"
    assert described["metadata"]["component"]["version"] == corsac.__version__
    names = {part["name"] for part in described["components"]}
    assert names - {"libstdc++"} == {"pybind11"}
    assert described["dependencies"][0]["dependsOn"] == sorted(names, reverse=True)
    assert all(part["version"] and part["licenses"] for part in described["components"])


def test_the_notice_of_what_the_extension_has_inside_is_its_authors() -> None:
    pytest.importorskip("pybind11")
    theirs = importlib.metadata.distribution("pybind11").read_text("licenses/LICENSE")
    ours = importlib.metadata.distribution("corsac").read_text("licenses/LICENSES/pybind11.txt")
    assert theirs is not None
    assert ours == theirs == (CHECKOUT / "LICENSES" / "pybind11.txt").read_text()


def test_the_libraries_that_auditwheel_put_beside_the_package_are_in_its_own_list() -> None:
    parts = importlib.metadata.distribution("corsac").read_text("sboms/auditwheel.cdx.json")
    if parts is None:
        pytest.skip("auditwheel has put nothing into this distribution")
    names = {part["name"] for part in json.loads(parts)["components"]}
    assert {"corsac"} < names <= {"corsac", "libgcc", "libstdc++"}


def test_the_list_of_parts_is_cyclonedx() -> None:
    validation = pytest.importorskip("cyclonedx.validation.json")
    schema = pytest.importorskip("cyclonedx.schema")
    parts = importlib.metadata.distribution("corsac").read_text("sboms/corsac.cdx.json")
    strict = validation.JsonStrictValidator(schema.SchemaVersion.V1_6)
    assert strict.validate_str(parts) is None


def test_the_metadata_has_the_version_of_the_package() -> None:
    assert importlib.metadata.version("corsac") == corsac.__version__


@pytest.mark.parametrize(
    "use",
    [
        "",
        "corsac.CORSPolicy(allow_origins=['https://a.example', 'http://localhost:*'])",
        "corsac.CORSMiddleware(print, allow_origins=['https://a.example'], rules=[('/a', None)])",
    ],
    ids=["import", "policy", "middleware"],
)
def test_importing_and_using_it_imports_nothing_that_takes_long(use: str) -> None:
    code = f"""
before = set(sys.modules)
import corsac
{use}
print(*set(sys.modules) - before)
"""
    modules = set(output_of(run_isolated(code, INSTALLED_IN)).split())
    assert "corsac._core" in modules
    assert modules & NOT_IMPORTED == set()


def test_the_source_tree_without_the_extension_says_what_to_do(tmp_path: Path) -> None:
    without_extension = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd")
    shutil.copytree(SOURCE, tmp_path / "corsac", ignore=without_extension)
    code = """
try:
    import corsac
except ImportError as error:
    print(error)
"""
    said = output_of(run_isolated(code, tmp_path))
    assert said.startswith("corsac was not built")
    assert "pip install ." in said


@pytest.fixture(scope="module")
def fresh_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment in which only the wheel is installed."""
    wheels = sorted((CHECKOUT / "build" / "dist").glob("corsac-*.whl"))
    assert len(wheels) == 1, f"`make test` puts one wheel into build/dist; there are {wheels}"
    directory = tmp_path_factory.mktemp("fresh")
    venv.create(directory, with_pip=False, symlinks=True)
    python = directory / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    install = [*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheels[0])]
    output_of(subprocess.run(install, capture_output=True, text=True, check=False))
    return python


def test_a_fresh_environment_needs_no_compiler(fresh_python: Path, tmp_path: Path) -> None:
    no_tools = dict(os.environ, PATH=str(tmp_path))
    assert [name for name in COMPILERS if shutil.which(name, path=no_tools["PATH"])] == []
    code = """
import asyncio, corsac

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})

async def send(message):
    if message["type"] == "http.response.start":
        print(corsac.__version__, dict(message["headers"])[b"access-control-allow-origin"].decode())

middleware = corsac.CORSMiddleware(app, allow_origins=["https://app.example.com"])
headers = [(b"origin", b"https://app.example.com")]
scope = {"type": "http", "method": "GET", "path": "/", "headers": headers}
asyncio.run(middleware(scope, None, send))
"""
    completed = subprocess.run(
        [fresh_python, "-I", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=no_tools,
        cwd=tmp_path,
    )
    assert output_of(completed).split() == [corsac.__version__, "https://app.example.com"]


def test_the_command_of_a_fresh_environment_says_which_extra_it_needs(fresh_python: Path) -> None:
    completed = subprocess.run(
        [fresh_python.with_name("corsac"), "check"], capture_output=True, text=True, check=False
    )
    assert completed.returncode == 3
    said = "corsac check: error: needs the extra cli: pip install 'corsac[cli]'\n"
    assert (completed.stdout, completed.stderr) == ("", said)
