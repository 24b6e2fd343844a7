"""Runs the scripts of continuous integration, and reads them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def read(path: str) -> str:
    return (ROOT / path).read_text()


def run_script(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", *arguments],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def stubbed(folder: Path, script: str, stubs: dict[str, str]) -> Path:
    """Copy a script into a folder that has programs of these texts where `.venv` has them."""
    copy = folder / script
    copy.parent.mkdir(parents=True)
    copy.write_text(read(script))
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, text in stubs.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    return copy


def matrix_versions() -> list[str]:
    (versions,) = re.findall(r"^versions=\((.*)\)$", read(".ci/matrix"), re.M)
    return str(versions).split()
