"""Load on a server by wrk, from one core, and what wrk counted."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.paired import BenchmarkError
from benchmarks.served_processes import HOST, pinned_to

CONNECTIONS = 32
"""Enough that the server always has a request to answer, few enough that its queue stays short."""

SECONDS = 1
"""Of one run: wrk's least. Short runs in many rounds see the same machine, long ones would not."""

END_SECONDS = 20
"""What a run may take beyond its time before it is given up."""

# Without a function `request` wrk sends one ready request again and again: no Lua runs under load.
_SCRIPT = """
wrk.method = {method}
{headers}
function done(summary, latency, requests)
  io.write(string.format(
    '\\nRESULT {{"requests": %d, "microseconds": %d, "median_latency": %.1f, "errors": %d}}\\n',
    summary.requests, summary.duration, latency:percentile(50),
    summary.errors.connect + summary.errors.read + summary.errors.write
      + summary.errors.status + summary.errors.timeout))
end
"""


@dataclass(frozen=True)
class Load:
    """What one run of wrk came to.

    Attributes:
        requests: Answered requests.
        seconds: How long that took.
        median_latency: Half of the requests took less, in microseconds.
    """

    requests: int
    seconds: float
    median_latency: float

    @property
    def requests_per_second(self) -> float:
        """Answered requests a second."""
        return self.requests / self.seconds


def find_wrk() -> str:
    """The path of wrk.

    Raises:
        BenchmarkError: It is not installed.
    """
    path = shutil.which("wrk")
    if path is None:
        raise BenchmarkError(
            "wrk, which makes the load, is not installed: apt-get install wrk (Debian, Ubuntu), or "
            "see https://github.com/wg/wrk"
        )
    return path


def wrk_version() -> str:
    """What wrk says that it is."""
    # It has no option that only says so, and ends with 1.
    completed = subprocess.run(  # noqa: S603
        [find_wrk(), "-v"], capture_output=True, text=True, check=False, timeout=END_SECONDS
    )
    words = completed.stdout.split()
    return words[1] if len(words) > 1 else "unknown"


def put_load(port: int, method: str, headers: Mapping[str, str], core: int) -> Load:
    """Send one request as often as the server answers it, for `SECONDS`.

    Args:
        port: Where the server listens on this machine.
        method: The method of the request.
        headers: Its headers.
        core: The number of the core on which wrk runs.

    Raises:
        BenchmarkError: wrk did not end, or there was an error or an answer with a status from 400.
    """
    lines = (f"wrk.headers[{_quoted(name)}] = {_quoted(headers[name])}" for name in headers)
    script = _SCRIPT.format(method=_quoted(method), headers="\n".join(lines))
    with tempfile.TemporaryDirectory() as directory, pinned_to(core):
        path = Path(directory, "request.lua")
        path.write_text(script)
        command = [find_wrk(), "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", str(path)]
        try:
            completed = subprocess.run(  # noqa: S603
                [*command, f"http://{HOST}:{port}/"],
                capture_output=True,
                text=True,
                check=False,
                timeout=SECONDS + END_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise BenchmarkError(f"wrk did not end in {SECONDS + END_SECONDS} seconds") from None
    _, found, result = completed.stdout.rpartition("RESULT ")
    if completed.returncode != 0 or not found:
        raise BenchmarkError(f"wrk failed:\n{completed.stdout}{completed.stderr}")
    numbers = json.loads(result)
    if numbers["errors"]:
        raise BenchmarkError(f"{numbers['errors']} requests failed under load")
    seconds = numbers["microseconds"] / 1_000_000
    return Load(numbers["requests"], seconds, numbers["median_latency"])


def _quoted(text: str) -> str:
    """A string of Lua; for printable ASCII its rules are JSON's."""
    return json.dumps(text)
