"""Real servers under load: bare, and with each middleware.

Every server runs once for each application, as one process on one core; wrk makes the load from
another core, in turns. Servers are started anew several times, because processes that differ in
nothing differ in speed, by where their memory happens to lie; a second bare one shows by how much.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from benchmarks import answers, names, peers
from benchmarks.measured import ROOT, BenchmarkError, Results, about, alternate
from benchmarks.scenarios import Scenario, served_scenarios
from corsac._types import ASGIApp, Receive, Scope, Send
from support.exchange import Response, wire_pairs
from support.servers import RunningServer, running_server

BARE, BARE_AGAIN, BY_HAND = "bare", "bare again", "by hand"
APPLICATIONS = (BARE, BARE_AGAIN, BY_HAND, names.EMPTY, names.STARLETTE, names.CORSAC)
BODY = os.environ.get("SMALL_APP_TOKEN", "").encode()

_ACTUAL, _PREFLIGHT = served_scenarios()


def _right_answer(scenario: Scenario) -> tuple[int, list[tuple[bytes, bytes]]]:
    status, lines = answers.whole(scenario)
    return status, wire_pairs(lines)


def _app(headers: list[tuple[bytes, bytes]]) -> ASGIApp:
    """Answers with two messages, and a preflight request with the right headers."""
    preflight = _right_answer(_PREFLIGHT)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for _ in ("startup", "shutdown"):
                message = await receive()
                await send({"type": f"{message['type']}.complete"})
            return
        is_preflight = scope["method"] == "OPTIONS"
        status, lines = preflight if is_preflight else (200, headers)
        await send({"type": "http.response.start", "status": status, "headers": [*lines]})
        await send({"type": "http.response.body", "body": b"" if is_preflight else BODY})

    return app


def application(name: str) -> ASGIApp:
    """One of `APPLICATIONS`.

    *By hand* decides nothing and sends the CORS headers of the one origin that asks here: what it
    takes longer than *bare* is what the server takes to send more headers.
    """
    length = (b"content-length", str(len(BODY)).encode())
    if name == BY_HAND:
        right = dict(_right_answer(_ACTUAL)[1]) | {length[0]: length[1]}
        return _app([*right.items()])
    bare = _app([_ACTUAL.app_headers[0], length])
    if name.startswith(BARE):
        return bare
    variants = {variant.name: variant for variant in peers.VARIANTS["asgi"]}
    made: ASGIApp = variants[name].build(_ACTUAL.wanted, (), bare)
    return made


app = application(os.environ.get("BENCHMARK_APPLICATION", BARE))
"""What the servers run: the one that the environment names."""

# So many that the server always has a request to answer, so few that its queue stays short; short
# runs in many rounds, which see the same machine.
CONNECTIONS, SECONDS = 32, 1
SERVERS = {
    "uvicorn": "--loop uvloop --http httptools --no-access-log --log-level warning",
    "granian": "--loop uvloop --workers 1",
    "hypercorn": "--worker-class uvloop",
}
DISTRIBUTIONS = ("corsac", "starlette", "uvicorn", "uvloop", "httptools", "granian", "hypercorn")
# Starts of each server, and for each start the rounds of actual and of preflight requests.
FULL = {"uvicorn": (3, 6, 2), "granian": (2, 3, 2), "hypercorn": (2, 3, 2)}
FAST = {"uvicorn": (1, 2, 1)}

# Without a function `request` wrk sends one ready request again and again: no Lua runs under load.
_SCRIPT = """
wrk.method = '{method}'
{headers}
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('\\nRESULT [%d, %d, %d]\\n', summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"""


def _lines(scenario: Scenario) -> list[tuple[str, str]]:
    """The request's header lines, without those that a client makes itself."""
    lines = [(name.decode(), value.decode()) for name, value in scenario.requests[0]]
    return [line for line in lines if line[0] not in {"host", "connection"}]


@contextlib.contextmanager
def _running(server: str, core: int) -> Iterator[dict[str, RunningServer]]:
    """Run a server once for each application; one that nobody asks computes nothing."""
    before = os.sched_getaffinity(0)
    with contextlib.ExitStack() as stack:
        stack.callback(os.sched_setaffinity, 0, before)
        os.sched_setaffinity(0, {core})
        # A seed for all, so that the processes do not differ in their luck with collisions.
        variables = {"PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
        running = {}
        for name in APPLICATIONS:
            options, own = SERVERS[server].split(), {**variables, "BENCHMARK_APPLICATION": name}
            command = running_server(server, "benchmarks.served:app", *options, **own)
            running[name] = stack.enter_context(command)
        os.sched_setaffinity(0, before)
        yield running


def _check_answer(server: RunningServer, name: str, scenario: Scenario) -> None:
    answer = server.ask(method=scenario.method, lines=_lines(scenario))
    parts = [line.decode("latin-1").partition(":") for line in answer.lines]
    lines = [(key.lower(), value.strip()) for key, _, value in parts]
    wrong = answers.wrong(scenario, Response(answer.status, lines, answer.body, True))
    if name in (BARE, BARE_AGAIN, names.EMPTY) and not scenario.is_preflight:
        wrong = None if wrong else "has CORS headers"
    if wrong:
        raise BenchmarkError(f"{name} answers wrongly behind a server: {wrong}")


def _load(port: int, scenario: Scenario, core: int) -> float:
    """The seconds that each request took under load."""
    lines = [
        f"wrk.headers[{json.dumps(key)}] = {json.dumps(text)}" for key, text in _lines(scenario)
    ]
    options = ["--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{SECONDS}s"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_SCRIPT.format(method=scenario.method, headers="\n".join(lines)))
        script.flush()
        command = ["taskset", "--cpu-list", str(core), "wrk", *options, "--script", script.name]
        done = subprocess.run(  # noqa: S603 - a command of this file.
            [*command, f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=False
        )
    _, _, result = done.stdout.partition("RESULT ")
    requests, microseconds, errors = json.loads(result or "[0, 0, 1]")
    if done.returncode != 0 or errors:
        raise BenchmarkError(f"wrk failed:\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
    return float(microseconds / 1e6 / requests)


def run(*, fast: bool) -> Results:
    """Measure the seconds that each server takes for a request under load."""
    if shutil.which("wrk") is None:
        raise BenchmarkError("wrk is missing: install the Debian package wrk")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise BenchmarkError("two cores are needed, one for the server and one for the load")
    results = Results(about(*DISTRIBUTIONS, connections=CONNECTIONS))
    for server, (starts, *counts) in (FAST if fast else FULL).items():
        for start in range(starts):
            print(f"served: {server}, start {start + 1} of {starts}", flush=True)
            # The first core has the most interrupts to serve, so the server gets the last.
            with _running(server, cores[-1]) as running:
                for scenario, rounds in zip(served_scenarios(), counts, strict=True):
                    # The bare application answers preflight requests by hand already.
                    labels = [
                        name for name in running if name != BY_HAND or not scenario.is_preflight
                    ]
                    timers = []
                    for name in labels:
                        _check_answer(running[name], name, scenario)
                        once = functools.partial(_load, running[name].port, scenario, cores[0])
                        once()  # To warm up.
                        timers.append(once)
                    found = alternate(timers, rounds=rounds, first=start)
                    for name, values in zip(labels, found, strict=True):
                        results.add((server, scenario.name, name), values)
    return results
