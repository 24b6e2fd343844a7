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
from dataclasses import dataclass
from typing import Any

from benchmarks import answers, frameworks, names, peers
from benchmarks.measured import ROOT, BenchmarkError, Results, about, alternate
from benchmarks.scenarios import Scenario, served_scenarios
from benchmarks.variants import BODY, text
from corsac._types import ASGIApp, Receive, Scope, Send
from support.exchange import Response, wire_pairs
from support.servers import RunningServer, running_server

BARE, BARE_AGAIN, BY_HAND = "bare", "bare again", "by hand"
ASGI_APPLICATIONS = (BARE, BARE_AGAIN, BY_HAND, names.EMPTY, names.STARLETTE, names.CORSAC)
WSGI_APPLICATIONS = (BARE, BARE_AGAIN, BY_HAND, names.WRAPPER, names.CORSAC)
_CHANGES_NOTHING = (*names.BARES, BARE_AGAIN, names.EMPTY, names.WRAPPER)

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


def _wsgi_app(headers: list[tuple[bytes, bytes]]) -> Any:
    """The same for WSGI."""
    status, lines = _right_answer(_PREFLIGHT)
    preflight = (f"{status} No Content", text(tuple(lines)))
    usual = ("200 OK", text(tuple(headers)))

    def app(environ: Any, start_response: Any) -> list[bytes]:
        is_preflight = environ["REQUEST_METHOD"] == "OPTIONS"
        begun, own = preflight if is_preflight else usual
        start_response(begun, [*own])
        return [b"" if is_preflight else BODY]

    return app


def application(kind: str, name: str) -> Any:
    """One of the applications of a kind: a protocol, or a group inside a framework.

    *By hand* decides nothing and sends the CORS headers of the one origin that asks here: what it
    takes longer than *bare* is what the server takes to send more headers.
    """
    group = next((one for one in frameworks.SERVED_GROUPS if one.name == kind), None)
    variants = peers.VARIANTS[kind] if group is None else group.variants
    length = (b"content-length", str(len(BODY)).encode())
    headers = [_ACTUAL.app_headers[0], length]
    if name == BY_HAND:
        headers = [*(dict(_right_answer(_ACTUAL)[1]) | {length[0]: length[1]}).items()]
    bare: Any = _wsgi_app(headers) if kind == "wsgi" else _app(headers)
    if name in (BARE, BARE_AGAIN, BY_HAND):
        return bare
    chosen = next(variant for variant in variants if variant.name == name)
    return chosen.build(_ACTUAL.wanted, (), bare)


app = application(*os.environ.get("BENCHMARK_APPLICATION", f"asgi|{BARE}").split("|"))
"""What the servers run: the one that the environment names."""

# So many that the server always has a request to answer, so few that its queue stays short; short
# runs in many rounds, which see the same machine.
CONNECTIONS, SECONDS = 32, 1


@dataclass(frozen=True)
class Case:
    """A server with the applications that it runs: a table.

    Attributes:
        kind: What `application` makes of their names.
        counts: Starts, and for each start the rounds of actual and of preflight requests.
        is_fast: Whether it is measured in a fast run too.
    """

    name: str
    server: str
    options: str
    kind: str
    applications: tuple[str, ...]
    counts: tuple[int, int, int] = (2, 3, 2)
    is_fast: bool = False


UVICORN = "--loop auto --http auto --no-access-log --log-level warning"  # uvloop, httptools
_GUNICORN = "--workers 1 --log-level warning"
_THREADS = f"{_GUNICORN} --worker-class gthread --threads 4 --keep-alive 60"


def _group(name: str) -> tuple[str, ...]:
    variants = next(one.variants for one in frameworks.SERVED_GROUPS if one.name == name)
    # What decides nothing does not answer for credentials either.
    left_out = (names.DJANGO_BY_HAND,)
    return tuple(one.name for one in variants if "," not in one.name and one.name not in left_out)


CASES = (
    Case("uvicorn", "uvicorn", UVICORN, "asgi", ASGI_APPLICATIONS, (3, 6, 2), is_fast=True),
    Case("granian", "granian", "--loop uvloop --workers 1", "asgi", ASGI_APPLICATIONS),
    Case("hypercorn", "hypercorn", "--worker-class uvloop", "asgi", ASGI_APPLICATIONS),
    Case("uvicorn, Starlette", "uvicorn", UVICORN, "Starlette", _group("Starlette")),
    Case("uvicorn, Django", "uvicorn", UVICORN, "Django, served", _group("Django, served")),
    Case("gunicorn, sync", "gunicorn", _GUNICORN, "wsgi", WSGI_APPLICATIONS),
    Case("gunicorn, gthread", "gunicorn", _THREADS, "wsgi", WSGI_APPLICATIONS, is_fast=True),
    Case("gunicorn, gevent", "gunicorn-gevent", _GUNICORN, "wsgi", WSGI_APPLICATIONS),
    Case("gunicorn, gthread, Flask", "gunicorn", _THREADS, "Flask", _group("Flask")),
    Case("gunicorn, gthread, Django", "gunicorn", _THREADS, "Django", _group("Django")),
)
SERVERS = ("uvicorn", "uvloop", "httptools", "granian", "hypercorn", "gunicorn", "gevent")
DISTRIBUTIONS = ("corsac", "starlette", *peers.WSGI_DISTRIBUTIONS[1:], *SERVERS)

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


def lines_of(scenario: Scenario) -> list[tuple[str, str]]:
    """The request's header lines, without those that a client makes itself."""
    lines = [(name.decode(), value.decode()) for name, value in scenario.requests[0]]
    return [line for line in lines if line[0] not in {"host", "connection"}]


@contextlib.contextmanager
def _running(case: Case, core: int) -> Iterator[dict[str, RunningServer]]:
    """Run a server once for each application; one that nobody asks computes nothing."""
    before = os.sched_getaffinity(0)
    with contextlib.ExitStack() as stack:
        stack.callback(os.sched_setaffinity, 0, before)
        os.sched_setaffinity(0, {core})
        running = {}
        for name in case.applications:
            made = started(case.server, case.kind, name, *case.options.split())
            running[name] = stack.enter_context(made)
        os.sched_setaffinity(0, before)
        yield running


def started(
    server: str, kind: str, name: str, *options: str
) -> contextlib.AbstractContextManager[RunningServer]:
    """Run a server with one of the applications of a kind."""
    # A seed for all, so that the processes do not differ in their luck with collisions.
    variables = {"PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    variables["BENCHMARK_APPLICATION"] = f"{kind}|{name}"
    return running_server(server, "benchmarks.served:app", *options, **variables)


def check_answer(server: RunningServer, name: str, scenario: Scenario) -> None:
    """Raise a `BenchmarkError` if a server with an application does not answer as it must."""
    answer = server.ask(method=scenario.method, lines=lines_of(scenario))
    parts = [line.decode("latin-1").partition(":") for line in answer.lines]
    lines = [(key.lower(), value.strip()) for key, _, value in parts]
    wrong = answers.wrong(scenario, Response(answer.status, lines, answer.body, True))
    if name in _CHANGES_NOTHING and not scenario.is_preflight:
        wrong = None if wrong else "has CORS headers"
    if wrong:
        raise BenchmarkError(f"{name} answers wrongly behind a server: {wrong}")


def load(port: int, scenario: Scenario, core: int | None = None) -> float:
    """The seconds that each request took under load, which comes from one core or from all."""
    lines = [
        f"wrk.headers[{json.dumps(key)}] = {json.dumps(value)}" for key, value in lines_of(scenario)
    ]
    options = ["--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{SECONDS}s"]
    pinned = [] if core is None else ["taskset", "--cpu-list", str(core)]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_SCRIPT.format(method=scenario.method, headers="\n".join(lines)))
        script.flush()
        command = [*pinned, "wrk", *options, "--script", script.name]
        done = subprocess.run(  # noqa: S603 - a command of this file.
            [*command, f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=False
        )
    _, _, result = done.stdout.partition("RESULT ")
    requests, microseconds, errors = json.loads(result or "[0, 0, 1]")
    if done.returncode != 0 or errors or not requests:
        raise BenchmarkError(f"wrk failed:\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
    return float(microseconds / 1e6 / requests)


def cores() -> list[int]:
    """The cores that there are, if servers can be put under load here."""
    if shutil.which("wrk") is None:
        raise BenchmarkError("wrk is missing: install the Debian package wrk")
    found = sorted(os.sched_getaffinity(0))
    if len(found) < 2:
        raise BenchmarkError("two cores are needed, one for the server and one for the load")
    return found


def _labels(case: Case, scenario: Scenario) -> list[str]:
    # The bare applications of protocols answer preflight requests by hand; frameworks do not.
    left_out = (BY_HAND, names.WRAPPER, *names.BARES[1:]) if scenario.is_preflight else ()
    return [name for name in case.applications if name not in left_out]


def _measure(results: Results, case: Case, counts: tuple[int, int, int]) -> None:
    server_core, load_core = cores()[-1], cores()[0]
    starts, *rounds = counts
    for start in range(starts):
        print(f"served: {case.name}, start {start + 1} of {starts}", flush=True)
        # The first core has the most interrupts to serve, so the server gets the last.
        with _running(case, server_core) as running:
            for scenario, number in zip(served_scenarios(), rounds, strict=True):
                labels, timers = _labels(case, scenario), []
                for name in labels:
                    check_answer(running[name], name, scenario)
                    once = functools.partial(load, running[name].port, scenario, load_core)
                    once()  # To warm up.
                    timers.append(once)
                found = alternate(timers, rounds=number, first=start)
                for name, values in zip(labels, found, strict=True):
                    results.add((case.name, scenario.name, name), values)


def run(*, fast: bool) -> Results:
    """Measure the seconds that each server takes for a request under load."""
    cores()
    results = Results(about(*DISTRIBUTIONS, connections=CONNECTIONS))
    # What servers cost beside Corsac hardly depends on the interpreter: others run one.
    wanted = os.environ.get("BENCHMARK_SERVERS", "").split()
    for case in CASES:
        if (fast and not case.is_fast) or (wanted and case.name not in wanted):
            continue
        try:
            _measure(results, case, (1, 2, 1) if fast else case.counts)
        except (AssertionError, BenchmarkError) as error:
            # The other servers are worth having all the same.
            print(f"served: {case.name} is NOT measured: {error}\n", file=sys.stderr)
    return results
