"""What a server and its workers are and have, as Linux tells it: processes, memory, sockets."""

from __future__ import annotations

import os
from pathlib import Path

from support.servers import RunningServer

__all__ = ["memory_of", "open_sockets", "processes_of"]


def memory_of(server: RunningServer) -> int:
    """KiB that a server and its workers have in memory."""
    total = 0
    for process in processes_of(server):
        try:
            text = Path(f"/proc/{process}/status").read_text()
            lines = dict(line.split(":", 1) for line in text.splitlines())
        except (OSError, ValueError):
            continue  # It ended meanwhile.
        total += int(lines.get("VmRSS", "0 kB").split()[0])
    return total


def processes_of(server: RunningServer) -> set[int]:
    """The processes of a server and its workers, without those that have ended."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        process = int(folder.name)
        try:
            state = (folder / "stat").read_text().rpartition(") ")[2][:1]
            if os.getpgid(process) == server.process.pid and state not in ("Z", "X"):
                found.add(process)
        except OSError:
            continue
    return found


def open_sockets(server: RunningServer) -> int:
    """How many sockets a server and its workers have open."""
    count = 0
    for process in processes_of(server):
        try:
            files = Path(f"/proc/{process}/fd").iterdir()
            count += sum(os.readlink(each).startswith("socket:") for each in files)
        except OSError:
            continue
    return count
