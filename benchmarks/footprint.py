"""What Corsac takes: time and memory of large policies, time to import it.

The stack of a layer is what lies between the application inside of one layer and inside of many.
Memory is the growth of a fresh process, less the text of the origins: of the compiled policy alone,
of all of the policy, and of the policy where nothing else keeps the strings. An import is timed
inside a fresh interpreter, after what would be loaded anyway.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import corsac.wsgi
from benchmarks import peers
from benchmarks.measured import ROOT, BenchmarkError, Results, about, alternate
from support.exchange import Request, http_scope, wsgi_environ
from support.wsgi import answer_of, app_answering

DISTRIBUTIONS = ("corsac", "starlette", "flask", "flask-cors", "django", "django-cors-headers")
LAYERS = 50
STACK_ROWS = ("a layer directly inside another", "a function of Python between two layers")
KEPT = ("core", "policy", "policy with its strings")
_FIRST = "import corsac; corsac.CORSMiddleware(print, allow_origins=['https://{}example.com']{})"
_STARLETTE, _DJANGO = "starlette.applications", "django.core.handlers.asgi"
IMPORTED = {
    "corsac": ("sys", "import corsac"),
    "corsac, and a first middleware": ("sys", _FIRST.format("", "")),
    "the same, wildcard with credentials": ("sys", _FIRST.format("*.", ", allow_credentials=True")),
    "corsac, after starlette": (_STARLETTE, "import corsac"),
    "Starlette's CORS, after starlette": (_STARLETTE, "import starlette.middleware.cors"),
    "corsac.flask, after flask": ("flask", "import corsac.flask"),
    "flask_cors, after flask": ("flask", "import flask_cors"),
    "corsac.django, after django": (_DJANGO, "import corsac.django"),
    "corsheaders, after django": (_DJANGO, "import corsheaders.middleware"),
}
"""For each row the module that is loaded before, and the statements that are timed."""


def _entries(count: int) -> list[str]:
    """The origins of so many tenants of one service."""
    return [f"https://tenant-{index:07d}.example.com" for index in range(count)]


def _allows(policy: corsac.CORSPolicy, origin: str) -> bool:
    middleware = corsac.wsgi.CORSMiddleware(app_answering([]), policy)
    return origin in dict(answer_of(middleware, origin).headers).values()


def build_seconds(count: int, repeats: int) -> list[float]:
    """Build the same policy many times, after once to look at its answers."""
    given = _entries(count)
    policy = corsac.CORSPolicy(allow_origins=given)
    for origin in given[:: max(1, count // 100)]:
        for other in (f"{origin}.evil.test", origin.replace("//", "//a."), origin.upper()):
            if not _allows(policy, origin) or _allows(policy, other):
                sys.exit(f"a policy of {count} origins answers wrongly to {origin} or {other}")
    found = []
    del policy
    for _ in range(repeats):
        gc.collect()
        start = time.process_time()
        built = corsac.CORSPolicy(allow_origins=given)
        found.append(time.process_time() - start)
        del built
    return found


def bytes_each(kept: str, count: int) -> list[float]:
    """Bytes for each origin beyond its text; ``kept`` is one of `KEPT`."""
    text = sum(map(len, _entries(count)))
    corsac.CORSPolicy(allow_origins=_entries(100))  # Whatever is loaded late is, now.
    given = [] if kept == KEPT[2] else _entries(count)
    before = _resident()
    policy = corsac.CORSPolicy(allow_origins=given or _entries(count))
    held = policy._compiled if kept == KEPT[0] else policy
    del policy
    growth = _resident() - before
    del held
    return [(growth - text) / count]


def stack_bytes(protocol: str, between: str) -> list[float]:
    """Bytes of the stack for each layer inside another; ``between`` names what stands there."""

    def function_around(inner: Any) -> Any:
        def function(*given: Any) -> Any:
            return inner(*given)

        return function

    address, found = peers.floor_module().stack_address, list[int]()

    def app(*_: Any) -> list[bytes]:
        found.append(address())
        return []

    make: Any = corsac.wsgi.CORSMiddleware
    given: tuple[Any, ...] = (wsgi_environ(Request()), print)
    if protocol == "ASGI":
        make, given = corsac.CORSMiddleware, (http_scope(Request()), print, print)
    layers: Any = app
    for number in range(LAYERS + 1):
        layers = function_around(layers) if between == STACK_ROWS[1] else layers
        layers = make(layers, allow_origins=[f"https://{number}.example.com"])
        if number in (0, LAYERS):
            layers(*given)
    return [abs(found[1] - found[0]) / LAYERS]


def _resident() -> int:
    """Bytes of this process in memory, without what is free already."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _output(*options: str) -> Any:
    """What a fresh interpreter prints, without the current directory and the user's packages."""
    command = [sys.executable, "-P", "-s", *options]
    path = os.pathsep.join([str(ROOT), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(  # noqa: S603 - this file, or its own statements.
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BenchmarkError(f"this failed: {options}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout)


def _in_fresh_process(name: str, *arguments: object) -> Any:
    return _output("-m", "benchmarks.footprint", json.dumps([name, *arguments]))


def _import_seconds(base: str, code: str) -> float:
    lines = f"import time, {base}\nstart = time.process_time()\n{code}\n"
    return float(_output("-c", f"{lines}print(time.process_time() - start)"))


def run(*, fast: bool) -> Results:
    """Measure everything, after a look at the policies' answers."""
    results = Results(about(*DISTRIBUTIONS))
    for count in (1_000, 1_000_000) if fast else (1_000, 100_000, 1_000_000):
        row = f"{count:,} origins".replace(",", " ")
        print(f"footprint: {row}", flush=True)
        seconds = _in_fresh_process("build_seconds", count, 2 if fast else 9)
        results.add(("policies", row, "building"), seconds)
        for kept in KEPT:
            for _ in range(1 if fast else 3):
                results.add(("policies", row, kept), _in_fresh_process("bytes_each", kept, count))
    for row, protocol in itertools.product(STACK_ROWS, ("ASGI", "WSGI")):
        results.add(("stack", row, protocol), _in_fresh_process("stack_bytes", protocol, row))
    print("footprint: imports", flush=True)
    timers = [functools.partial(_import_seconds, *one) for one in IMPORTED.values()]
    for timer in timers:
        timer()  # Byte code is written, as after any first start.
    rounds = alternate(timers, rounds=3 if fast else 30)
    for name, values in zip(IMPORTED, rounds, strict=True):
        results.add(("imports", name, "import"), values)
    return results


if __name__ == "__main__":
    wanted, *rest = json.loads(sys.argv[1])
    print(json.dumps(globals()[wanted](*rest)))
