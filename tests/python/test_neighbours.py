"""Corsac in one application with tracers, Socket.IO and MCP, the real packages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

NEIGHBOURS = [
    "opentelemetry_fastapi",
    "opentelemetry_flask",
    "logfire",
    "sentry",
    "socketio",
    "mcp",
]


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_both_do_what_they_do_alone(name: str) -> None:
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    ended = subprocess.run(
        [sys.executable, "-m", "support.neighbours", name],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
