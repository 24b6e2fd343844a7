"""The command line itself: what it says before any command runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from corsac import __version__
from corsac.cli import main


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_the_package_runs_as_a_module() -> None:
    done = run_python("-m", "corsac", "--version")
    assert (done.returncode, done.stdout) == (0, f"corsac {__version__}\n")


def test_without_a_command_it_shows_the_commands_and_fails(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([]) == 2
    assert "demo" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["65536", "-1", "http", "8_000", "\u0661"])
def test_what_is_no_port_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["demo", f"--port={port}"])
    assert stopped.value.code == 2
    assert "is no port" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["httpx2", "starlette", "uvicorn"])
def test_a_missing_extra_is_named(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None; "
        "from corsac.cli import main; sys.exit(main(['demo', '--once']))"
    )
    done = run_python("-c", code)
    assert done.returncode == 2
    assert done.stderr == "corsac demo needs the demo extra: pip install 'corsac[demo]'\n"


def test_a_module_missing_for_another_reason_is_not_blamed_on_the_extra() -> None:
    code = (
        "import sys; sys.modules['corsac.cli.demo_scenarios'] = None; "
        "from corsac.cli import main; main(['demo', '--once'])"
    )
    done = run_python("-c", code)
    assert done.returncode == 1
    assert "corsac.cli.demo_scenarios" in done.stderr


def test_importing_the_library_loads_no_command() -> None:
    code = (
        "import sys, corsac; sys.exit(any(name.startswith('corsac.cli') for name in sys.modules))"
    )
    assert run_python("-c", code).returncode == 0
