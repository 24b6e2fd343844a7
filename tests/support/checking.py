"""Running `corsac check`: modules and files to check, and its JSON read back."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from corsac.cli import main

_numbers = itertools.count()


def use_empty_directory(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty directory and without settings of the machine."""
    monkeypatch.chdir(directory)
    for name in [name for name in os.environ if name.startswith("CORS_")]:
        monkeypatch.delenv(name)


def write_module(code: str, directory: str = ".") -> str:
    """Write a module of a fresh name, since Python imports a name only once."""
    name = f"checked_{next(_numbers)}"
    Path(directory, f"{name}.py").write_text(f"import corsac\n{code}", encoding="utf-8")
    return name


def toml(text: str | bytes) -> str:
    """Write a file to check."""
    Path("policy.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return "policy.toml"


def check_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """Check with `--json`: the exit code and the object."""
    code = main(["check", "--json", *arguments])
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["source", "valid", "problems", "policy"]
    for problem in found["problems"]:
        assert list(problem) == [*("code", "severity", "option", "value", "message", "hint", "fix")]
    return code, found


def codes(found: dict[str, Any]) -> list[str]:
    """The codes of the problems of such an object."""
    return [problem["code"] for problem in found["problems"]]


def run_check(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Check as a program of its own."""
    return subprocess.run(
        [sys.executable, "-m", "corsac", "check", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )
