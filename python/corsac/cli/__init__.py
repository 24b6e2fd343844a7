"""The command line `corsac`.

Every command is imported when it is asked for: the library never loads this package, and a command
never loads what only another one needs.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from corsac._version import __version__
from corsac.cli.page_request import add_request_options, spell_out_credentials

__all__ = ["main"]

USAGE_ERROR = 2
"""The exit code of a command that could not even begin; argparse uses the same."""

UNREADABLE = 3
"""The exit code of `corsac check` when nothing could be judged; 2 means warnings there."""

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended before its work was done, as shells have it."""

OUTPUT_CLOSED = 141
"""The exit code of a command whose output nobody reads any more: SIGPIPE's, as shells have it."""

_PROBE_NEEDS = frozenset({"httpx2", "rich"})
_DEMO_NEEDS = frozenset({"httpx2", "starlette", "uvicorn"})


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The arguments without the program's name; by default the process's own.

    Returns:
        The exit code: 0 if all went well, 1 if the command found something wrong, 2 if it could
        not begin, 130 if it was interrupted, 141 if its output was closed; what else a command
        returns, its help says.
    """
    parser = _Parser(prog="corsac", description="CORS for Python web apps, by the Fetch standard.")
    parser.add_argument("--version", action="version", version=f"corsac {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command")
    parsers = {
        "check": _add_check(commands),
        "demo": _add_demo(commands),
        "explain": _add_explain(commands),
        "lab": _add_lab(commands),
        "migrate": _add_migrate(commands),
        "probe": _add_probe(commands),
    }
    given = sys.argv[1:] if argv is None else list(argv)
    if given[:1] in (["explain"], ["probe"]):
        given = spell_out_credentials(given)
    arguments, unknown = parser.parse_known_args(given)
    if unknown:
        # The command says so itself, with its own usage and exit code.
        parsers.get(arguments.command, parser).error(
            f"unrecognized arguments: {' '.join(map(ascii, unknown))}"
        )
    if arguments.command is None:
        parser.print_help(sys.stderr)
        return USAGE_ERROR
    run = {
        "check": _check,
        "demo": _demo,
        "explain": _explain,
        "lab": _lab,
        "migrate": _migrate,
        "probe": _probe,
    }
    return _run(run[arguments.command], arguments)


def _run(command: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    """Run a command; whoever reads what it writes may stop reading, as head does."""
    try:
        code = command(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still to be flushed at the end of the program goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OUTPUT_CLOSED
    return code


class _Parser(argparse.ArgumentParser):
    """A parser that knows the exit code of a mistake on its command line."""

    usage_error = USAGE_ERROR

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(self.usage_error, f"{self.prog}: error: {message}\n")


def _add_check(commands: argparse._SubParsersAction[_Parser]) -> _Parser:
    check = commands.add_parser(
        "check",
        help="judge a configuration and say what it allows",
        description="Judges a CORS configuration without starting anything: a TOML file, the "
        "environment, or a policy, middleware or application in your own code.",
        epilog="Exit code: 0 fine, warnings allowed; 1 errors; 2 warnings, with --strict; "
        "3 nothing could be judged: no such file, a failed import, a mistake on the command line.",
    )
    check.usage_error = UNREADABLE
    _add_source(check)
    check.add_argument("--strict", action="store_true", help="warnings are a failure: exit code 2")
    check.add_argument("--json", action="store_true", help="write one JSON object for programs")
    return check


def _add_source(parser: _Parser) -> None:
    """Give a command the arguments that say where a configuration is."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "source",
        nargs="?",
        help="a TOML file (policy.toml), or module:attribute (api:app, api:create_app())",
    )
    source.add_argument(
        "--env",
        nargs="?",
        const="CORS_",
        type=_prefix,
        metavar="PREFIX",
        help="environment variables that begin with PREFIX (CORS_ if left out)",
    )
    parser.add_argument(
        "--app-dir",
        default="",
        metavar="DIRECTORY",
        help="where modules are looked for first (default: the current directory)",
    )


def _prefix(text: str) -> str:
    """Read what names of environment variables begin with."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        return text
    message = f"{text!r} is nothing that names of environment variables begin with"
    raise argparse.ArgumentTypeError(message)


def _check(arguments: argparse.Namespace) -> int:
    from corsac.cli import check  # noqa: PLC0415 - no other command needs it.

    return check.run(
        source=arguments.source,
        prefix=arguments.env,
        app_dir=arguments.app_dir,
        strict=arguments.strict,
        as_json=arguments.json,
    )


def _add_demo(commands: argparse._SubParsersAction[_Parser]) -> _Parser:
    demo = commands.add_parser(
        "demo",
        help="watch cross-origin requests being allowed and blocked",
        description="Starts an API behind Corsac, sends real cross-origin requests, explains what "
        "happened to each, and then serves the lab, where your own browser sends the same.",
    )
    demo.add_argument(
        "--once",
        action="store_true",
        help="print the transcript and stop; exit code 0 if all is well",
    )
    demo.add_argument(
        "--port",
        type=_port,
        metavar="PORT",
        help="port of the lab's page (default: 8010 or the next free one)",
    )
    return demo


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
        return demo.run(once=arguments.once, port=arguments.port)
    except demo.PortUnavailableError as error:
        print(f"corsac demo: {error}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED


def _add_lab(commands: argparse._SubParsersAction[_Parser]) -> _Parser:
    lab = commands.add_parser(
        "lab",
        help="try policies and requests in your browser, and see why each comes out as it does",
        description="Serves a page, on this machine alone, where a policy and a request are "
        "edited side by side. It shows Corsac's explanation, the verdicts of simulated browsers, "
        "and what your own browser really does.",
    )
    lab.add_argument(
        "--port",
        type=_port,
        metavar="PORT",
        help="port of the page (default: 8010 or the next free one)",
    )
    lab.add_argument("--no-open", action="store_true", help="do not open the page in a browser")
    return lab


def _lab(arguments: argparse.Namespace) -> int:
    try:
        from corsac import lab  # noqa: PLC0415 - only this command needs what it imports.
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _DEMO_NEEDS:
            raise
        print("corsac lab needs the demo extra: pip install 'corsac[demo]'", file=sys.stderr)
        return USAGE_ERROR
    try:
        return lab.run(port=arguments.port, open_browser=not arguments.no_open)
    except lab.PortUnavailableError as error:
        print(f"corsac lab: {error}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED


def _add_migrate(commands: argparse._SubParsersAction[_Parser]) -> _Parser:
    migrate = commands.add_parser(
        "migrate",
        help="find a project's CORS configuration and say it in Corsac's terms",
        description="Reads Python source, without importing or running it, and finds the CORS "
        "configuration of Starlette, FastAPI, flask-cors, django-cors-headers and litestar. Prints "
        "what is wrong with it, and the code that says the same with Corsac. Changes nothing.",
        epilog="Exit code: 0 nothing to warn of; 1 problems; 2 something could not be read.",
    )
    migrate.add_argument(
        "paths", nargs="*", metavar="PATH", help="files and directories (default: this directory)"
    )
    output = migrate.add_mutually_exclusive_group()
    output.add_argument("--diff", action="store_true", help="write a patch for `git apply`")
    output.add_argument("--json", action="store_true", help="write one JSON object for programs")
    return migrate


def _migrate(arguments: argparse.Namespace) -> int:
    from corsac.cli import migrate  # noqa: PLC0415 - no other command needs it.

    return migrate.run(paths=arguments.paths, as_diff=arguments.diff, as_json=arguments.json)


def _add_explain(commands: argparse._SubParsersAction[_Parser]) -> _Parser:
    explain = commands.add_parser(
        "explain",
        help="say what becomes of a page's request under a configuration, and why",
        description="Does what a browser does for a page's fetch(), against a configuration alone: "
        "no server is started and nothing is sent. Says what is decided about every request, why, "
        "and what the smallest change would be.",
        epilog="Exit code: 0 allowed; 1 blocked; 2 the configuration leaves the path to the "
        "application, or a mistake on the command line; 3 it cannot be read or is not valid.",
    )
    _add_source(explain)
    explain.add_argument(
        "--path", default="/", type=_path, help="the path that is asked for (default: /)"
    )
    add_request_options(explain)
    explain.add_argument("--json", action="store_true", help="write one JSON object for programs")
    return explain


def _path(text: str) -> str:
    """Read the path of a URL, perhaps with a query."""
    if text.startswith("/"):
        return text
    message = f"{text!r:.100} is no path: it begins with /"
    raise argparse.ArgumentTypeError(message)


def _explain(arguments: argparse.Namespace) -> int:
    from corsac.cli import explain  # noqa: PLC0415 - no other command needs it.

    return explain.run(arguments)


def _add_probe(commands: argparse._SubParsersAction[_Parser]) -> _Parser:
    probe = commands.add_parser(
        "probe",
        help="be a browser to a running server, whatever it is written in",
        description="Does what a browser does when a page's script calls fetch(), and shows it "
        "step by step: what is sent, what comes back, what the browser makes of it. Then asks the "
        "same again as another website, without an origin and so on, and says what is wrong. Only "
        "GET, HEAD and OPTIONS are sent, unless --send is given.",
        epilog="Exit code: 0 allowed; 1 blocked, or something found with --strict; 2 a mistake on "
        "the command line, or nothing that could be sent; 3 no answer; 130 Ctrl-C.",
    )
    probe.add_argument("url", metavar="URL", help="what the page fetches")
    add_request_options(probe)
    probe.add_argument(
        "--send",
        action="store_true",
        help="send the request also if its method may change something; otherwise its preflight "
        "alone is sent",
    )
    probe.add_argument(
        "--cookie",
        action="append",
        default=[],
        type=_cookie,
        dest="cookies",
        metavar="NAME=VALUE",
        help="a cookie for the server, sent as a browser would: with --credentials include, and "
        "never with a preflight",
    )
    probe.add_argument(
        "--timeout",
        default=10.0,
        type=_seconds,
        metavar="SECONDS",
        help="for each request, from connecting to the end of the answer's headers (default: 10)",
    )
    probe.add_argument(
        "--insecure", action="store_true", help="do not check certificates (for your own machine)"
    )
    probe.add_argument(
        "--no-lint", action="store_true", help="the page's own requests alone, no others"
    )
    probe.add_argument(
        "--strict", action="store_true", help="errors and warnings found are a failure: exit code 1"
    )
    probe.add_argument("--json", action="store_true", help="write one JSON object for programs")
    return probe


def _cookie(text: str) -> tuple[str, str]:
    """Read a cookie (RFC 6265, section 4.2.1)."""
    name, _, value = text.partition("=")
    if re.fullmatch(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+=[\x21-\x3a\x3c-\x7e]*", text):
        return name, value
    message = f"{text[:20]!a} is no cookie: NAME=VALUE is needed, without spaces and semicolons"
    raise argparse.ArgumentTypeError(message)


def _seconds(text: str) -> float:
    """Read a time-out."""
    if re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text, re.ASCII) and 0 < float(text) <= 3600:
        return float(text)
    message = f"{text!r:.50} is no time-out: seconds above 0 and up to 3600 are needed"
    raise argparse.ArgumentTypeError(message)


def _probe(arguments: argparse.Namespace) -> int:
    try:
        from corsac.cli import probe  # noqa: PLC0415 - only this command needs what it imports.
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _PROBE_NEEDS:
            raise
        print("corsac probe needs the cli extra: pip install 'corsac[cli]'", file=sys.stderr)
        return USAGE_ERROR
    return probe.run(arguments)
