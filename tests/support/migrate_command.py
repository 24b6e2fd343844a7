"""Runs `corsac migrate` on programs of a few lines, in the current directory."""

from __future__ import annotations

import ast
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from corsac.cli import main

__all__ = ["DJANGO", "FLASK", "STARLETTE", "codes", "diff", "migrate", "only", "patched", "write"]

STARLETTE = "from starlette.middleware.cors import CORSMiddleware\n"
FLASK = "from flask import Blueprint, Flask\nfrom flask_cors import CORS, cross_origin\n"
DJANGO = 'MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware"]\n'


def write(**files: str) -> None:
    """Write files; ``__`` in a name divides folders."""
    for name, code in files.items():
        path = Path(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)


def migrate(capsys: pytest.CaptureFixture[str], **files: str) -> list[dict[str, Any]]:
    """What is found in a project."""
    write(**files)
    main(["migrate", "--json"])
    captured = capsys.readouterr()
    assert captured.err == ""
    found: list[dict[str, Any]] = json.loads(captured.out)["configurations"]
    for each in found:
        code = each["corsac"]["code"]
        ast.parse(f"{code}\ndef view(): ..." if "@" in code else code)
    return found


def only(capsys: pytest.CaptureFixture[str], code: str) -> dict[str, Any]:
    """The one configuration that is found in a file."""
    found = migrate(capsys, settings=code)
    assert len(found) == 1, found
    return found[0]


def codes(found: dict[str, Any]) -> set[str]:
    """The codes of its problems."""
    return {problem["code"] for problem in found["problems"]}


def diff(capsys: pytest.CaptureFixture[str], **files: str) -> tuple[int, str, str]:
    """The exit code, the patch of a project, and what is said beside it."""
    write(**files)
    code = main(["migrate", "--diff"])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def patched(capsys: pytest.CaptureFixture[str], **files: str) -> dict[str, str]:
    """What the files hold after git has applied the patch."""
    _, patch, said = diff(capsys, **files)
    assert "left as it is" not in said, said
    subprocess.run(["git", "apply", "-"], input=patch, text=True, check=True, capture_output=True)
    return {name: Path(*name.split("__")).with_suffix(".py").read_text() for name in files}
