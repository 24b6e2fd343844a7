"""`corsac probe`: a browser's side of the protocol against a server that runs.

Needs the extra ``cli``; nothing else of the library imports this package.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from corsac._text import printable
from corsac.browser import FetchRequest, Request, simulate_async
from corsac.browser.urls import HTTP_SCHEMES, parse_url
from corsac.cli.ending import USAGE, CommandError
from corsac.cli.probe.courier import Courier
from corsac.cli.probe.lints import lint
from corsac.cli.probe.replays import replay
from corsac.cli.probe.report import Result, as_dict, write_found, write_verdict
from corsac.cli.terminal import Output, Progress, write_json, write_lines

__all__ = ["probe", "run"]


def run(
    request: FetchRequest,
    profile: str,
    *,
    with_lints: bool,
    strict: bool,
    as_json: bool,
    **sending: Any,
) -> int:
    """Probe a server, print the verdict as soon as it is known, and give the exit code.

    What else is given is for the `Courier`.
    """
    request = replace(request, url=_url(request.url))
    if sending["insecure"]:
        write_lines(["corsac probe: certificates are NOT checked (--insecure)"], sys.stderr)
    out, progress = Output(sys.stdout), Progress(sys.stderr)

    def tell(sent: Request, number: int, total: int) -> None:
        what = "preflight" if sent.is_preflight else sent.method
        place = f"{number} of {total} further checks: " if total else ""
        progress.tell(f"{place}{what} for {sent.header('Origin') or 'no origin'}")

    def verdict(result: Result) -> None:
        if not as_json:
            progress.stop()
            write_verdict(out, result)
            out.flush()

    with progress:
        result = asyncio.run(
            probe(
                request,
                profile=profile,
                with_lints=with_lints,
                verdict=verdict,
                tell=tell,
                **sending,
            )
        )
    if as_json:
        write_json(as_dict(result), sys.stdout)
    elif with_lints:
        write_found(out, result)
    return result.exit_code(strict=strict)


def _url(text: str) -> str:
    """Give a URL as browsers write it, if it is one that can be asked."""
    url = parse_url(text)
    if url is None or url.scheme not in HTTP_SCHEMES or not url.host:
        is_host = not re.match(r"[^/?#]*:(?!\d)", text)
        guess = f"; did you mean https://{text}?" if is_host else ""
        message = printable(f"{text!r:.200} is not an http or https URL{guess}", 500)
        raise CommandError(message, USAGE)
    if url.has_credentials:
        message = "the URL has a user name or password, and fetch() refuses those"
        raise CommandError(message, USAGE)
    return url.with_fragment


async def probe(
    request: FetchRequest,
    *,
    profile: str = "standard",
    with_lints: bool = True,
    verdict: Callable[[Result], None] = lambda result: None,
    **sending: Any,
) -> Result:
    """Do what a browser does, and then ask again in other circumstances.

    ``verdict`` is given what came of the page's request before anything further is sent, which may
    be interrupted. What else is given is for the `Courier`.
    """
    courier = Courier(request, **sending)
    async with courier:
        outcome = await simulate_async(request, courier, profile=profile)
        result = Result(request, outcome, courier)
        verdict(result)
        seen = None
        if with_lints:
            seen = await replay(outcome, request.credentials == "include", courier)
    return result._replace(seen=seen, lints=lint(seen) if seen is not None else ())
