"""The command line `corsac`, with Typer (the extra ``cli``).

A command is imported when it is asked for: the library never loads this package, and no command
loads what only another one needs.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from corsac.cli.ending import FINE, INTERRUPTED, OUTPUT_CLOSED, USAGE, CommandError

if TYPE_CHECKING:
    from corsac.cli.commands import Job

__all__ = ["main"]

_OF_EXTRAS = {"ada_url", "ijson", "typer", "rich", "httpx2", "starlette", "uvicorn"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; the default arguments are the process's own."""
    given = sys.argv[1:] if argv is None else list(argv)
    name = next((f"corsac {word}" for word in given if not word.startswith("-")), "corsac")
    try:
        code = _run(name, given)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        # What is still to be flushed at the end of the program goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return OUTPUT_CLOSED
        # A disk that is full, for one.
        return _fail(name, CommandError(f"cannot write: {error.strerror or error}"), as_json=False)
    return code


def _run(name: str, given: list[str]) -> int:
    """Run one command, and report its error; writing that may fail as any output may."""
    try:
        job = _read(given)
        return job if isinstance(job, int) else job()
    except CommandError as error:
        return _fail(name, error, as_json="--json" in given)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _OF_EXTRAS:
            raise
        extra = "demo" if name in {"corsac demo", "corsac lab"} else "cli"
        message = f"needs the extra {extra}: pip install 'corsac[{extra}]'"
        return _fail(name, CommandError(message), as_json="--json" in given)


def _read(given: list[str]) -> Job | int:
    """Read the arguments: what is to be run, or the exit code of what was answered already."""
    import typer  # noqa: PLC0415 - in an extra

    from corsac.cli.commands import app, spell_out  # noqa: PLC0415 - in an extra

    try:
        read = app(spell_out(given), prog_name="corsac", standalone_mode=False)
    except typer.TyperException as error:
        message = error.format_message().rstrip(".")
        raise CommandError(f"{message}; --help shows what there is", USAGE) from None
    except typer.Abort:
        return INTERRUPTED
    return FINE if read is None else read


def _fail(name: str, error: CommandError, *, as_json: bool) -> int:
    """Report an error: as JSON to programs that asked for JSON, otherwise on standard error.

    Not by `corsac.cli.terminal`, which needs the extra that may be what is missing.
    """
    if as_json:
        content: dict[str, object] = {"message": str(error), "exit_code": error.exit_code}
        if error.problems:
            content["problems"] = list(error.problems)
        print(json.dumps({"error": content}, indent=2))
        return error.exit_code
    for line in (*error.lines, f"{name}: error: {error}"):
        print(line.encode("utf-8", "backslashreplace").decode(), file=sys.stderr)
    return error.exit_code
