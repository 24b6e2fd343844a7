"""Run `corsac probe` against servers that others wrote, and store what it says.

    python examples/probe/transcripts.py            # writes docs/reference/probe-transcripts.md

Needed: Corsac with its `cli` extra, starlette and uvicorn in the Python that runs this; and node,
npm, go and nginx (Debian: nodejs npm golang-go nginx-light). Packages and what is built go to
build/probe; servers listen on 127.0.0.1, ports 47801 to 47809, and end with this program.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
WORK = HERE.parents[1] / "build" / "probe"
PAGE = HERE.parents[1] / "docs" / "reference" / "probe-transcripts.md"

NEEDED = {"node": "nodejs", "npm": "npm", "go": "golang-go", "nginx": "nginx-light"}
START_SECONDS = 30.0
ORIGIN = ["--origin", "https://app.example.com"]


class Case(NamedTuple):
    """One server, with what is asked of it."""

    title: str
    text: str
    port: int
    command: Sequence[str]
    environment: dict[str, str]
    directory: Path
    probes: Sequence[Sequence[str]]


def main() -> None:
    """Prepare, run every case, write the page."""
    missing = [package for program, package in NEEDED.items() if not shutil.which(program)]
    if missing:
        sys.exit(f"missing: apt-get install {' '.join(missing)}")
    prepare()
    parts = [introduction()]
    for case in cases():
        print(case.title, file=sys.stderr)
        with serving(case):
            parts.append(section(case))
    PAGE.write_text("\n".join(parts), encoding="utf-8")


def prepare() -> None:
    """Get the packages, and build what has to be built."""
    shutil.rmtree(WORK, ignore_errors=True)
    shutil.copytree(HERE, WORK, ignore=shutil.ignore_patterns("*.pyc"))
    install = ["npm", "install", "--silent"]
    subprocess.run(install, cwd=WORK / "express", check=True)  # noqa: S603
    build = ["go", "build", "-o", "server", "."]
    subprocess.run(build, cwd=WORK / "rs_cors", check=True)  # noqa: S603
    nginx = WORK / "nginx"
    (nginx / "files").mkdir()
    (nginx / "files" / "items").write_text('{"items": []}')
    configuration = (nginx / "nginx.conf").read_text()
    configuration = configuration.replace("GOOD_PORT", "47803").replace("FAULTY_PORT", "47804")
    (nginx / "nginx.conf").write_text(configuration)


def cases() -> Iterator[Case]:
    """Every server, with a configuration that is right and with one that people really write."""
    put = [*ORIGIN, "--method", "PUT", "--header", "Content-Type:application/json", "--credentials"]
    get = [*ORIGIN, "--credentials"]
    express = ["node", "server.cjs"]
    yield Case(
        "Express, origins listed",
        "The package `cors` with a list of origins.",
        47801,
        [*express, "listed", "47801"],
        {},
        WORK / "express",
        [put],
    )
    yield Case(
        "Express, `origin: true, credentials: true`",
        'The commonest answer to "CORS does not work with cookies".',
        47802,
        [*express, "origin-true", "47802"],
        {},
        WORK / "express",
        [get, [*put, "--send"]],
    )
    nginx = ["nginx", "-p", f"{WORK / 'nginx'}/", "-c", "nginx.conf", "-e", "stderr"]
    yield Case(
        "nginx, a map of origins, `always` and `Vary`",
        "Headers by hand, as they are right for requests without a preflight.",
        47803,
        nginx,
        {},
        WORK / "nginx",
        [ORIGIN],
    )
    yield Case(
        "nginx, `if` with an expression, without `always` and without `Vary`",
        "As most answers on the web have it.",
        47804,
        nginx,
        {},
        WORK / "nginx",
        [get, put],
    )
    go = ["./server"]
    yield Case(
        "Go rs/cors, origins listed",
        "",
        47805,
        [*go, "listed", "47805"],
        {},
        WORK / "rs_cors",
        [get],
    )
    yield Case(
        "Go rs/cors, `AllowOriginFunc` that always returns true",
        "Written where `*` did not do with credentials.",
        47806,
        [*go, "func-always-true", "47806"],
        {},
        WORK / "rs_cors",
        [put],
    )
    uvicorn = [sys.executable, "-m", "uvicorn", "server:app", "--log-level", "error", "--port"]
    for number, name, text, probes in (
        (47807, "listed", "Starlette's own `CORSMiddleware`.", [get]),
        (47808, "regex-suffix", 'An expression for "all of our pages".', [put]),
        (47809, "any-with-credentials", "`*` with credentials.", [put]),
    ):
        yield Case(
            f"Starlette, `{name}`",
            text,
            number,
            [*uvicorn, str(number)],
            {"CONFIGURATION": name},
            WORK / "starlette",
            probes,
        )


def introduction() -> str:
    """What the page is, with the versions."""
    return textwrap.dedent(
        f"""\
        # Transcripts of `corsac probe`

        Written by `python examples/probe/transcripts.py`, which starts these servers and runs
        these commands; nothing is edited. The configurations are in
        [`examples/probe/`](../../examples/probe/).

        | server | version |
        |---|---|
        | Corsac | {version("corsac")} |
        | Express, `cors` | {npm_version("express")}, {npm_version("cors")} |
        | node | {node_version()} |
        | nginx | {nginx_version()} |
        | rs/cors | {rs_cors_version()} |
        | Starlette, uvicorn | {version("starlette")}, {version("uvicorn")} |
        """
    )


def section(case: Case) -> str:
    """Run the commands of a case; what they print is the text."""
    lines = [f"## {case.title}", ""]
    lines += [case.text, ""] if case.text else []
    for options in case.probes:
        arguments = [f"http://127.0.0.1:{case.port}/items", *options]
        command = [sys.executable, "-m", "corsac", "probe", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        shown = " ".join(arguments)
        lines += [
            "```text",
            f"$ corsac probe {shown}",
            *(done.stdout + done.stderr).rstrip().splitlines(),
            f"(exit code {done.returncode})",
            "```",
            "",
        ]
    return "\n".join(lines)


@contextlib.contextmanager
def serving(case: Case) -> Iterator[None]:
    """Run a server until it is done with."""
    environment = {**os.environ, **case.environment}
    server = subprocess.Popen(case.command, cwd=case.directory, env=environment)  # noqa: S603
    try:
        wait_until_it_listens(server, case.port)
        yield
    finally:
        server.terminate()
        server.wait()


def wait_until_it_listens(server: subprocess.Popen[bytes], port: int) -> None:
    """Wait for a server, but not for ever."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            sys.exit(f"a server ended at once, with exit code {server.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    sys.exit(f"no server came up at port {port}")


def npm_version(package: str) -> str:
    """The version of an installed package of npm."""
    text = (WORK / "express" / "node_modules" / package / "package.json").read_text()
    found = re.search(r'"version": "([^"]+)"', text)
    return found[1] if found else "?"


def node_version() -> str:
    """The version of node."""
    return output(["node", "--version"]).strip().removeprefix("v")


def nginx_version() -> str:
    """The version of nginx, which it writes to stderr."""
    return output(["nginx", "-v"]).strip().rpartition("/")[2]


def rs_cors_version() -> str:
    """The version that go.mod asks for."""
    found = re.search(r"rs/cors v(\S+)", (HERE / "rs_cors" / "go.mod").read_text())
    return found[1] if found else "?"


def output(command: Sequence[str]) -> str:
    """What a command prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout + done.stderr


if __name__ == "__main__":
    main()
