"""`corsac probe`: a browser's side of the protocol against a server that runs.

Needs the `cli` extra; nothing else of the library imports this package.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from typing import TextIO

from rich.console import Console
from rich.text import Text

from corsac._text import printable
from corsac.browser import FetchRequest, Request, simulate_async
from corsac.browser.urls import HTTP_SCHEMES, parse_url
from corsac.cli.ending import USAGE, CommandError
from corsac.cli.fetch_text import Paint
from corsac.cli.page_request import PageRequest
from corsac.cli.plain_text import can_colour, write_lines
from corsac.cli.probe.courier import Courier
from corsac.cli.probe.lints import lint
from corsac.cli.probe.replays import replay
from corsac.cli.probe.report import as_dict, as_text
from corsac.cli.probe.result import Result

__all__ = ["probe", "run"]


def run(
    *,
    url: str,
    page: PageRequest,
    sends_unsafe: bool,
    cookies: tuple[tuple[str, str], ...],
    timeout: float,
    insecure: bool,
    with_lints: bool,
    strict: bool,
    as_json: bool,
) -> int:
    """Probe a server and print what was found.

    Args:
        url: What the page fetches.
        page: What the page asks for there.
        sends_unsafe: See `probe`.
        cookies: See `probe`.
        timeout: See `probe`.
        insecure: See `probe`.
        with_lints: See `probe`.
        strict: Whether what is found counts as blocked.
        as_json: Whether to write JSON.

    Returns:
        The exit code, by `corsac.cli.probe.result.EXIT_CODES`.

    Raises:
        CommandError: The request is invalid, or the environment cannot be used.
    """
    try:
        request = page.to(_url(url))
    except ValueError as error:
        raise CommandError(printable(str(error), 500), USAGE) from None
    if insecure:
        write_lines(["corsac probe: certificates are NOT checked (--insecure)"], sys.stderr)
    try:
        with _Progress(sys.stderr) as progress:
            result = asyncio.run(
                probe(
                    request,
                    profile=page.profile,
                    cookies=cookies,
                    timeout=timeout,
                    insecure=insecure,
                    sends_unsafe=sends_unsafe,
                    with_lints=with_lints,
                    tell=progress.tell,
                )
            )
    except (OSError, ValueError, ImportError) as error:
        # They are read before anything is sent.
        names = "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR"
        message = f"cannot begin: {error}; look at {names} in the environment"
        raise CommandError(printable(message, 500)) from None
    if as_json:
        write_lines([json.dumps(as_dict(result), indent=2)], sys.stdout)
    else:
        paint = Paint(can_colour(sys.stdout))
        write_lines(as_text(result, paint, did_lint=with_lints), sys.stdout)
    return result.exit_code(strict=strict)


def _url(text: str) -> str:
    """See that a URL is one that can be asked.

    Raises:
        ValueError: It is not; the message says how it is written.
    """
    url = parse_url(text)
    if url is None or url.scheme not in HTTP_SCHEMES or not url.host:
        guess = "" if "://" in text else f"; did you mean https://{text}?"
        message = f"{text!r:.200} is no http or https URL{guess}"
        raise ValueError(message)
    if url.has_credentials:
        message = "the URL has a user name or password, and fetch() refuses those"
        raise ValueError(message)
    return url.with_fragment


async def probe(
    request: FetchRequest,
    *,
    profile: str = "standard",
    cookies: tuple[tuple[str, str], ...] = (),
    timeout: float = 10.0,
    insecure: bool = False,
    sends_unsafe: bool = False,
    with_lints: bool = True,
    tell: Callable[[Request], None] = lambda request: None,
) -> Result:
    """Do what a browser does, and then ask again in other circumstances.

    Args:
        request: What the page asks for.
        profile: Which browser it is.
        cookies: The user's cookies for the server.
        timeout: Seconds for one request.
        insecure: Whether certificates go unchecked.
        sends_unsafe: Whether a request is sent that may change something.
        with_lints: Whether to ask again.
        tell: Is told of every request before it is sent.

    Returns:
        What came of it.

    Raises:
        OSError: The certificates that the environment names cannot be read.
        ValueError: The environment names a proxy that is none.
        ImportError: The environment names a proxy of a kind that needs another package.
    """
    courier = Courier(
        request,
        cookies=cookies,
        timeout=timeout,
        insecure=insecure,
        sends_unsafe=sends_unsafe,
        tell=tell,
    )
    async with courier:
        outcome = await simulate_async(request, courier, profile=profile)
        seen = None
        if with_lints:
            seen = await replay(outcome, request.credentials == "include", courier)
    return Result(request, outcome, courier, seen, lint(seen) if seen is not None else ())


class _Progress:
    """What is waited for, on a terminal; elsewhere nothing."""

    def __init__(self, stream: TextIO) -> None:
        self._status = None
        if stream.isatty() and os.environ.get("TERM") != "dumb":
            self._status = Console(file=stream).status("Connecting ...")

    def __enter__(self) -> _Progress:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def tell(self, request: Request) -> None:
        """Say what is sent."""
        if self._status is None:
            return
        origin = request.header("Origin") or "no origin"
        what = "preflight" if request.is_preflight else request.method
        self._status.update(Text(printable(f"{what} for {origin} ...", 100)))
