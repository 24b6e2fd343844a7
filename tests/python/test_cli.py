"""The command line itself: what it says before any command runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from corsac import __version__
from corsac.cli import main
from support.left_out import runs_the_command_line


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@runs_the_command_line
def test_the_package_runs_as_a_module() -> None:
    done = run_python("-m", "corsac", "--version")
    assert (done.returncode, done.stdout) == (0, f"corsac {__version__}\n")


def test_without_a_command_it_shows_the_commands_and_fails(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([]) == 2
    assert "demo" in capsys.readouterr().out


@pytest.mark.parametrize("port", ["65536", "-1", "http", "8_000", "\u0661"])
def test_what_is_no_port_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", f"--port={port}"]) == 2
    assert capsys.readouterr().err.startswith("corsac demo: error: Invalid value for '--port'")


@pytest.mark.parametrize("missing", ["ada_url", "httpx2", "starlette", "uvicorn"])
def test_a_missing_extra_is_named(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None; "
        "from corsac.cli import main; sys.exit(main(['demo', '--once']))"
    )
    done = run_python("-c", code)
    assert done.returncode == 3
    assert done.stderr == "corsac demo: error: needs the extra demo: pip install 'corsac[demo]'\n"


@runs_the_command_line
def test_a_module_missing_for_another_reason_is_not_blamed_on_the_extra() -> None:
    code = (
        "import sys; sys.modules['corsac.lab.cases'] = None; "
        "from corsac.cli import main; main(['demo', '--once'])"
    )
    done = run_python("-c", code)
    assert done.returncode == 1
    assert "corsac.lab.cases" in done.stderr


def test_a_command_line_without_its_extra_says_so() -> None:
    code = (
        "import sys; sys.modules['typer'] = None; "
        "from corsac.cli import main; sys.exit(main(['check', 'policy.toml']))"
    )
    done = run_python("-c", code)
    assert done.returncode == 3
    assert done.stderr == "corsac check: error: needs the extra cli: pip install 'corsac[cli]'\n"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["chek"], 2),
        (["check"], 2),
        (["check", "policy.toml", "--env"], 2),
        (["explain", "missing.toml", "--origin", "https://a.example"], 3),
        (["explain", "missing.toml", "--origin", "https://a.example/"], 2),
        (["probe", "ftp://a.example", "--origin", "https://a.example"], 2),
        (["probe", "https://a.example", "--origin", "https://a.example", "--nonsense"], 2),
        (["migrate", "--diff"], 2),
    ],
)
def test_a_program_that_wants_json_gets_json_for_every_error(
    arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--json"]) == code
    captured = capsys.readouterr()
    assert captured.err == ""
    found = json.loads(captured.out)
    assert set(found) == {"error"}
    assert found["error"]["exit_code"] == code
    assert found["error"]["message"]


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [(["chek"], "check"), (["check", "--strikt"], "--strict"), (["lab", "--noopen"], "--no-open")],
)
def test_a_mistyped_word_is_answered_with_the_one_that_was_meant(
    arguments: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert meant in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--env"], ["--env", "--json"], ["--nonsense", "--json"]])
@runs_the_command_line
def test_output_that_cannot_be_written_is_one_line_and_exit_code_3(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "corsac", "check", *arguments],
            env={**os.environ, "CORS_ALLOW_ORIGINS": "https://a.example"},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 3
    assert done.stderr == "corsac check: error: cannot write: No space left on device\n"


@pytest.mark.parametrize(
    "command",
    ["check", "console", "demo", "explain", "explain-code", "har", "lab", "migrate", "probe"],
)
def test_the_help_of_every_command_has_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"For example: corsac {command}" in text


@pytest.mark.parametrize("command", [[], ["check"], ["har"], ["migrate"], ["probe"]])
def test_no_help_names_types_of_python(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--help"]) == 0
    text = capsys.readouterr().out
    assert "--help" in text
    assert re.findall(r"<\w[^>]*>", text) == []


def test_importing_the_library_loads_no_command() -> None:
    code = (
        "import sys, corsac; sys.exit(any(name.startswith('corsac.cli') for name in sys.modules))"
    )
    assert run_python("-c", code).returncode == 0
