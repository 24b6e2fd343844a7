"""How long importing takes, in fresh processes, beyond what is there anyway.

In every round each statement runs once in an interpreter of its own, beginning with another one
each time. From each the time of a base of the same round is subtracted: the interpreter that does
nothing, or that has imported the framework which an application uses in any case.

The interpreters are isolated (``-I``): neither the current directory nor environment variables nor
the user's own packages take part, while the packages of this environment do. Byte code has been
written before the first round, as after any first start.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.paired import BenchmarkError, Spread

TIME_LIMIT = 30
NOTHING = "pass"


@dataclass(frozen=True)
class Import:
    """Statements whose time is measured.

    Attributes:
        name: What the table calls it.
        code: The statements.
        base: What is there already and subtracted.
        needs: The module without which it cannot be measured, and how pip calls it.
    """

    name: str
    code: str
    base: str = NOTHING
    needs: tuple[str, str] = ("corsac", "corsac")


_MIDDLEWARE = (
    "import corsac; "
    "corsac.CORSMiddleware(lambda *call: None, allow_origins=['https://{}example.com']{})"
)
_STARLETTE = "import starlette.applications"
_FLASK = "import flask"
_DJANGO = "import django.core.handlers.asgi"

IMPORTS = (
    Import("corsac", "import corsac"),
    Import("corsac and a first middleware", _MIDDLEWARE.format("", "")),
    Import(
        "the same, wildcard with credentials", _MIDDLEWARE.format("*.", ", allow_credentials=True")
    ),
    Import("corsac, beyond starlette", f"{_STARLETTE}; import corsac", _STARLETTE),
    Import(
        "starlette.middleware.cors",
        "import starlette.middleware.cors",
        needs=("starlette", "starlette"),
    ),
    Import(
        "starlette.middleware.cors, beyond starlette",
        f"{_STARLETTE}; import starlette.middleware.cors",
        _STARLETTE,
        ("starlette", "starlette"),
    ),
    Import("flask_cors", "import flask_cors", needs=("flask_cors", "flask-cors")),
    Import(
        "flask_cors, beyond flask",
        f"{_FLASK}; import flask_cors",
        _FLASK,
        ("flask_cors", "flask-cors"),
    ),
    Import(
        "corsheaders.middleware",
        "import corsheaders.middleware",
        needs=("corsheaders", "django-cors-headers"),
    ),
    Import(
        "corsheaders.middleware, beyond django",
        f"{_DJANGO}; import corsheaders.middleware",
        _DJANGO,
        ("corsheaders", "django-cors-headers"),
    ),
)


def installed_imports() -> tuple[list[Import], list[str]]:
    """What can be measured here, and pip's names of what is missing for the rest."""
    found = [one for one in IMPORTS if importlib.util.find_spec(one.needs[0]) is not None]
    missing = {one.needs[1] for one in IMPORTS if one not in found}
    return found, sorted(missing)


def measure_imports(imports: Sequence[Import], rounds: int) -> list[dict[str, Any]]:
    """The rows of the table.

    Args:
        imports: What is measured.
        rounds: How often each statement runs.

    Raises:
        BenchmarkError: A statement fails.
    """
    codes = list(dict.fromkeys(code for one in imports for code in (one.base, one.code)))
    loaded = {code: _loaded_modules(code) for code in codes}
    # Wall-clock seconds and processor seconds of each round.
    runs: dict[str, list[tuple[float, float]]] = {code: [] for code in codes}
    for number in range(rounds):
        first = number % len(codes)
        for code in codes[first:] + codes[:first]:
            runs[code].append(_run(code))
    rows = []
    for one in imports:
        pairs = list(zip(runs[one.code], runs[one.base], strict=True))
        rows.append(
            {
                "import": one.name,
                "code": one.code,
                "base": one.base,
                "milliseconds": Spread.of(
                    [1e3 * (own[0] - base[0]) for own, base in pairs]
                ).as_dict(),
                "processor_milliseconds": Spread.of(
                    [1e3 * (own[1] - base[1]) for own, base in pairs]
                ).as_dict(),
                "modules": sorted(loaded[one.code] - loaded[one.base]),
            }
        )
    return rows


def interpreter_start(rounds: int) -> dict[str, float]:
    """Milliseconds of an interpreter that does nothing, from its start to its end."""
    return Spread.of([1e3 * _run(NOTHING)[0] for _ in range(rounds)]).as_dict()


def _run(code: str) -> tuple[float, float]:
    """Wall-clock and processor seconds of an interpreter."""
    start = time.perf_counter()
    # No thread, pipe or time-out of `subprocess` takes part in what is measured.
    pid = os.posix_spawn(sys.executable, [sys.executable, "-I", "-c", code], os.environ)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - start
    if status != 0:
        raise BenchmarkError(f"this failed in a fresh interpreter: {code}")
    return wall, usage.ru_utime + usage.ru_stime


def _loaded_modules(code: str) -> set[str]:
    """The modules that are loaded after the statements; writes their byte code."""
    listing = f"{code}; import sys; print(*sys.modules)"
    try:
        completed = subprocess.run(  # noqa: S603
            [sys.executable, "-I", "-c", listing],
            capture_output=True,
            text=True,
            check=False,
            timeout=TIME_LIMIT,
        )
    except subprocess.TimeoutExpired:
        raise BenchmarkError(f"this took longer than {TIME_LIMIT} seconds: {code}") from None
    if completed.returncode != 0:
        raise BenchmarkError(f"this failed: {code}\n{completed.stderr}")
    return set(completed.stdout.split())
