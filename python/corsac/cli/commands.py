"""The commands with their options and help; each imports what it runs when it runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup

from corsac import _core
from corsac._version import __version__
from corsac.cli.ending import EPILOG, FINE, USAGE, CommandError
from corsac.cli.page_request import CREDENTIALS, Page, checked, with_page_options

__all__ = ["Job", "app", "spell_out"]

Job = Callable[[], int]
"""What a command line asks for: run once that has been read, it gives the exit code."""


def _without_types(parameters: list[Any]) -> list[Any]:
    """Take the types in Python, such as <bool>, out of the help: nobody types them."""
    for parameter in parameters:
        if isinstance(parameter, TyperArgument):
            parameter.display_type_rich = _no_type  # type: ignore[method-assign]
        elif parameter.metavar is None:
            parameter.metavar = ""
    return parameters


def _no_type(ctx: object) -> str:
    return ""


class _Command(TyperCommand):
    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))


class _Group(TyperGroup):
    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))


app = typer.Typer(
    cls=_Group,
    help="CORS for Python web apps, by the Fetch standard.",
    epilog=EPILOG,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_command = partial(app.command, cls=_Command)
_blocked = partial(_command, rich_help_panel="A request is blocked")
_configuration = partial(_command, rich_help_panel="Check a configuration, or take one over")
_trying = partial(_command, rich_help_panel="Watch it, and try it")


def spell_out(argv: Sequence[str]) -> list[str]:
    """Add the default value to --credentials and --env where they stand without one.

    A parser would take the next argument for the value, be it the URL.
    """
    spelled: list[str] = []
    for number, argument in enumerate(argv):
        if argument == "--":
            return [*spelled, *argv[number:]]
        following = argv[number + 1] if number + 1 < len(argv) else "--"
        if argument == "--credentials" and following not in CREDENTIALS:
            argument = "--credentials=include"  # noqa: PLW2901
        elif argument == "--env" and following.startswith("-"):
            argument = "--env=CORS_"  # noqa: PLW2901
        spelled.append(argument)
    return spelled


def _flag(name: str, text: str) -> Any:
    return typer.Option(name, help=text)


@app.callback(invoke_without_command=True)
def _corsac(
    context: typer.Context,
    version: Annotated[bool, _flag("--version", "Show the version and stop.")] = False,
) -> None:
    if version or context.invoked_subcommand is None:
        from corsac.cli.terminal import say  # noqa: PLC0415 - commands do not need it to be read

        say(f"corsac {__version__}" if version else context.get_help())
        raise typer.Exit(FINE if version else USAGE)


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= 65535:
        return int(text)
    raise typer.BadParameter(
        f"{text!r:.50} is not a port: write a number from 0 (any free one) to 65535"
    )


def _cookie(text: str) -> tuple[str, str]:
    """Read a cookie (RFC 6265, section 4.2.1)."""
    name, equals, value = text.partition("=")
    if equals and _core.is_token(name) and re.fullmatch(r"[\x21-\x3a\x3c-\x7e]*", value):
        return name, value
    raise typer.BadParameter(
        f"{text[:20]!a} is not a cookie: write NAME=VALUE, without spaces and semicolons"
    )


_prefix = checked(
    re.compile("[A-Za-z_][A-Za-z0-9_]*").fullmatch,
    "{!r} is not a valid prefix for environment variables",
)
_host = checked(
    lambda text: not text or ("*" not in text and not _core.check_host_entries([text])),
    "{!r:.100} is not a host: write it as browsers send it",
)
_path = checked(lambda text: text.startswith("/"), "{!r:.100} is not a path: it begins with /")
_seconds = checked(
    lambda number: 0 < number <= 3600,
    "{:g} is not a time-out: write seconds above 0 and up to 3600",
)


SourceArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="SOURCE",
        show_default=False,
        help="A TOML file (policy.toml), or module:attribute (api:app, api:create_app()).",
    ),
]
EnvironmentOption = Annotated[
    str | None,
    typer.Option(
        "--env",
        metavar="[PREFIX]",
        parser=_prefix,
        show_default=False,
        help="Read environment variables that begin with PREFIX, CORS_ if it is left out.",
    ),
]
DirectoryOption = Annotated[
    str,
    typer.Option(
        metavar="DIRECTORY",
        show_default="the current directory",
        help="Where modules are looked for first.",
    ),
]
JSONOption = Annotated[bool, _flag("--json", "Write one JSON object for programs, also on errors.")]
PortOption = Annotated[
    int | None,
    typer.Option(
        metavar="PORT",
        parser=_port,
        show_default="8010 or the next free one",
        help="Port of the lab's page; 0 for any free one.",
    ),
]


def _one_source(source: str | None, env: str | None) -> None:
    if source is None and env is None:
        raise CommandError("name a source: a TOML file, module:attribute, or --env", USAGE)
    if source is not None and env is not None:
        raise CommandError("name a source, or --env, but not both", USAGE)


@_blocked("console", epilog="For example: corsac console < pasted.txt")
def _console(
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="TEXT",
            show_default="standard input",
            help="What the browser printed, copied from its console.",
        ),
    ] = None,
    *,
    file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", show_default=False, help="A log file to read in its place, of any size."
        ),
    ] = None,
    engine: Annotated[
        Literal["chromium", "firefox", "webkit"] | None,
        typer.Option(metavar="BROWSER", show_default="any", help="chromium, firefox or webkit."),
    ] = None,
    as_json: JSONOption = False,
) -> Job:
    """Say what a browser's console message means, and what to change; send nothing."""
    from corsac.cli.console import run  # noqa: PLC0415 - no other command needs it.

    return partial(run, text, file, engine, as_json=as_json)


@_blocked(
    "probe",
    epilog="For example: corsac probe https://api.example.com/x --origin https://app.example.com",
)
@with_page_options
def _probe(
    *,
    page: Page,
    url: Annotated[str, typer.Argument(metavar="URL", help="What the page fetches.")],
    send: Annotated[
        bool,
        _flag(
            "--send",
            "Send the request also if its method may change something; otherwise its "
            "preflight request alone is sent.",
        ),
    ] = False,
    cookie: Annotated[
        list[Any] | None,
        typer.Option(
            parser=_cookie,
            metavar="NAME=VALUE",
            show_default=False,
            help="A cookie for the server, sent as a browser would: with --credentials include, "
            "and never with a preflight request.",
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(
            callback=_seconds,
            metavar="SECONDS",
            help="For each request, from connecting to the end of the answer's headers.",
        ),
    ] = 10.0,
    insecure: Annotated[
        bool, _flag("--insecure", "Do not check certificates (for your own machine).")
    ] = False,
    no_lint: Annotated[
        bool,
        _flag(
            "--no-lint", "Send the page's requests alone: look for no other faults of the server."
        ),
    ] = False,
    strict: Annotated[
        bool,
        _flag("--strict", "Count the errors and warnings that are found as problems: exit code 1."),
    ] = False,
    as_json: JSONOption = False,
) -> Job:
    """Send a running server what a browser would send, and say what is wrong with its answers.

    The server may be written in anything. Only GET, HEAD and OPTIONS are sent, unless --send is
    given.
    """
    from corsac.cli.probe import run  # noqa: PLC0415 - only this command needs what it imports.

    return partial(
        run,
        *page(url),
        sends_unsafe=send,
        cookies=tuple(cookie or ()),
        timeout=timeout,
        insecure=insecure,
        with_lints=not no_lint,
        strict=strict,
        as_json=as_json,
    )


@_blocked(
    "explain",
    epilog="For example: corsac explain api:app --origin https://app.example.com --method PUT",
)
@with_page_options
def _explain(
    *,
    page: Page,
    source: SourceArgument = None,
    env: EnvironmentOption = None,
    app_dir: DirectoryOption = "",
    path: Annotated[
        str, typer.Option(callback=_path, metavar="PATH", help="The path that is asked for.")
    ] = "/",
    host: Annotated[
        str,
        typer.Option(
            callback=_host,
            metavar="HOST",
            show_default=False,
            help="The server's name in the request; by default one that allowed_hosts lists.",
        ),
    ] = "",
    as_json: JSONOption = False,
) -> Job:
    """Say what becomes of a page's request under a configuration, and why; send nothing."""
    from corsac.cli.explain import SERVER, run  # noqa: PLC0415 - no other command needs it.

    _one_source(source, env)
    arguments = (*page(SERVER + path), source, env, app_dir)
    return partial(run, *arguments, path=path, host=host, as_json=as_json)


@_blocked("har", epilog="For example: corsac har session.har --policy corsac.toml")
def _har(
    *,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="A HAR, as the network panels of browsers save it; of any size."
        ),
    ],
    policy: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="A TOML file: also say what its policy would have answered.",
        ),
    ] = None,
    as_json: JSONOption = False,
) -> Job:
    """Say what browsers block of a recorded session, and why; print no cookie or token."""
    from corsac.cli.har import run  # noqa: PLC0415 - no other command needs it.

    return partial(run, file, policy, as_json=as_json)


@_configuration("check", epilog="For example: corsac check api:app --strict")
def _check(
    *,
    source: SourceArgument = None,
    env: EnvironmentOption = None,
    app_dir: DirectoryOption = "",
    strict: Annotated[bool, _flag("--strict", "Count warnings as problems: exit code 1.")] = False,
    fix: Annotated[
        bool, _flag("--fix", "Print the lines to change for all that can be mended.")
    ] = False,
    schema: Annotated[
        bool, _flag("--schema", "Print the JSON Schema of a TOML file, for editors, and stop.")
    ] = False,
    as_json: JSONOption = False,
) -> Job:
    """Check a configuration and say what it allows, without starting anything."""
    from corsac.cli.check import run, write_schema  # noqa: PLC0415 - no other command needs it.

    if schema:
        return write_schema
    _one_source(source, env)
    return partial(run, source, env, app_dir, strict=strict, as_json=as_json, fix=fix)


@_configuration("explain-code", epilog="For example: corsac explain-code origin.invalid")
def _explain_code(
    *,
    code: Annotated[
        str,
        typer.Argument(
            metavar="CODE",
            help="The code of a problem, a refusal, a browser's verdict or a cause.",
        ),
    ],
    as_json: JSONOption = False,
) -> Job:
    """Look up a code, such as origin.invalid: what it means, an example, what to write instead."""
    from corsac.cli.explain_code import run  # noqa: PLC0415 - no other command needs it.

    return partial(run, code, as_json=as_json)


@_configuration("migrate", epilog="For example: corsac migrate --diff | git apply")
def _migrate(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH",
            show_default="the current directory",
            help="Files and directories; the whole project if it is to be patched.",
        ),
    ] = None,
    diff: Annotated[bool, _flag("--diff", "Print a patch, for `git apply`.")] = False,
    as_json: JSONOption = False,
) -> Job:
    """Find a project's CORS configuration, say what is wrong, and write it for Corsac.

    No file is changed.
    """
    from corsac.cli.migrate import run  # noqa: PLC0415 - no other command needs it.

    if diff and as_json:
        raise CommandError("--diff and --json exclude each other", USAGE)
    return partial(run, paths=paths or [], as_diff=diff, as_json=as_json)


@_trying("demo", epilog="For example: corsac demo --once")
def _demo(
    once: Annotated[
        bool,
        _flag("--once", "Print the requests and answers, and stop: exit code 0 if all is well."),
    ] = False,
    port: PortOption = None,
) -> Job:
    """Watch cross-origin requests being allowed and blocked, then send them in your browser."""
    from corsac.cli.demo import run  # noqa: PLC0415 - only this command needs what it imports.

    return partial(_serve, partial(run, once=once, port=port))


def _serve(job: Job) -> int:
    """Run a command that listens on ports."""
    from corsac.lab.loopback import PortUnavailableError  # noqa: PLC0415 - in an extra

    try:
        return job()
    except PortUnavailableError as error:
        raise CommandError(str(error)) from None


@_trying("lab", epilog="For example: corsac lab corsac.toml")
def _lab(
    source: SourceArgument = None,
    app_dir: DirectoryOption = "",
    port: PortOption = None,
    no_open: Annotated[bool, _flag("--no-open", "Do not open the page in a browser.")] = False,
) -> Job:
    """Try policies and requests in your browser, and see why each comes out as it does.

    With a source it begins with that configuration. Pages of the lab stand for its origins.
    """
    # Only this command needs what they import.
    from corsac.cli.terminal import say  # noqa: PLC0415
    from corsac.lab import run  # noqa: PLC0415

    def job() -> int:
        configuration = None
        if source is not None:
            from corsac.cli.check import check_valid  # noqa: PLC0415 - few give a source.

            report = check_valid(source, None, app_dir)
            configuration = (report.source, report.outermost)
        return run(say, port=port, open_browser=not no_open, configuration=configuration)

    return partial(_serve, job)
