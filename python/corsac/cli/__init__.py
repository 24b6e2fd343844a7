"""The command line `corsac`.

Every command is imported when it is asked for: the library never loads this package, and a command
never loads what only another one needs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from corsac._version import __version__

__all__ = ["main"]

USAGE_ERROR = 2
"""The exit code of a command that could not even begin; argparse uses the same."""

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended before its work was done, as shells have it."""

_DEMO_NEEDS = frozenset({"httpx2", "rich", "starlette", "uvicorn"})


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The arguments without the program's name; by default the process's own.

    Returns:
        The exit code: 0 if all went well, 1 if the command found something wrong, 2 if it could
        not begin, 130 if it was interrupted.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help(sys.stderr)
        return USAGE_ERROR
    return _demo(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="corsac", description="CORS for Python web apps, by the Fetch standard."
    )
    parser.add_argument("--version", action="version", version=f"corsac {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command")
    demo = commands.add_parser(
        "demo",
        help="watch cross-origin requests being allowed and blocked",
        description="Starts an API behind Corsac and a web page on another origin, sends real "
        "cross-origin requests, explains what happened to each, and then lets your browser do "
        "the same.",
    )
    demo.add_argument(
        "--once",
        action="store_true",
        help="print the transcript and stop; exit code 0 if all is well",
    )
    demo.add_argument(
        "--api-port",
        type=_port,
        metavar="PORT",
        help="port of the API (default: 8000 or the next free one)",
    )
    demo.add_argument(
        "--page-port",
        type=_port,
        metavar="PORT",
        help="port of the page (default: 8001 or the next free one)",
    )
    return parser


def _port(text: str) -> int:
    """Read a port; 0 means any free one."""
    if text.isascii() and text.isdigit() and int(text) <= 65535:
        return int(text)
    message = f"{text!r} is no port: a number from 0 (any free one) to 65535 is needed"
    raise argparse.ArgumentTypeError(message)


def _demo(arguments: argparse.Namespace) -> int:
    try:
        from corsac.cli import demo  # noqa: PLC0415 - only this command needs what it imports.
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _DEMO_NEEDS:
            raise
        print("corsac demo needs the demo extra: pip install 'corsac[demo]'", file=sys.stderr)
        return USAGE_ERROR
    try:
        return demo.run(
            once=arguments.once, api_port=arguments.api_port, page_port=arguments.page_port
        )
    except demo.PortUnavailableError as error:
        print(f"corsac demo: {error}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED
