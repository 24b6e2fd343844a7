"""`corsac probe`: a browser's side of the protocol against a server that runs.

Needs the extra ``cli``; nothing else of the library imports this package. Nothing of the server's
can steer what is written.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from corsac._text import in_words, printable
from corsac.browser import FetchOutcome, FetchRequest, Request, simulate_async
from corsac.browser.urls import HTTP_SCHEMES, parse_url
from corsac.cli.advice import advice, guard_refusal
from corsac.cli.ending import EXIT_CODES, FINE, INTERRUPTED, PROBLEMS, USAGE, CommandError
from corsac.cli.fetch_text import (
    SECRET_HEADERS,
    UNSEEN,
    hidden_names,
    no_answer,
    write_blocked,
    write_ending,
    write_request,
    write_steps,
)
from corsac.cli.probe.courier import Courier, NotSentError
from corsac.cli.probe.lints import Finding, lint
from corsac.cli.probe.replays import INTERRUPTED as GIVEN_UP
from corsac.cli.probe.replays import Observations, other_origin, replay
from corsac.cli.terminal import Output, Part, Progress, tally, write_json, write_lines

__all__ = ["Result", "probe", "run"]

MAX_JSON_TEXT = 500
"""Characters of one text in JSON."""
MAX_JSON_ITEMS = 200
"""Entries of one list in JSON, header lines for one."""
_MAX_EVIDENCE = 300


class Result(NamedTuple):
    """What came of a probe."""

    request: FetchRequest
    outcome: FetchOutcome
    courier: Courier
    seen: Observations | None = None
    lints: tuple[Finding, ...] = ()

    @property
    def verdict(self) -> str:
        """How it ended, as `EXIT_CODES` has it."""
        outcome = self.outcome
        if outcome.ok:
            return "refused" if guard_refusal(outcome) else "allowed"
        if isinstance(outcome.error, NotSentError):
            # A preflight for another URL says nothing of the one that a redirect led to.
            asked = len(outcome.sent) > 1 and outcome.sent[-2].is_preflight
            return "not-sent" if asked else "undecided"
        return "unreachable" if outcome.reason == "network-error" else "blocked"


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
            _write_verdict(out, result)
            out.flush()

    with progress:
        sending |= {"with_lints": with_lints, "verdict": verdict, "tell": tell}
        result = asyncio.run(probe(request, profile=profile, **sending))
    if as_json:
        write_json(_as_dict(result), sys.stdout)
    elif with_lints:
        _write_found(out, result)
    if result.seen is not None and result.seen.unfinished == GIVEN_UP:
        return INTERRUPTED
    is_faulty = strict and any(each.severity != "info" for each in result.lints)
    return EXIT_CODES[result.verdict] or (PROBLEMS if is_faulty else FINE)


def _url(text: str) -> str:
    """Give a URL as browsers write it, if it is one that can be asked."""
    url = parse_url(text)
    if url is None or url.scheme not in HTTP_SCHEMES or not url.host:
        is_host = not re.match(r"[^/?#]*:(?!\d)", text)
        guess = f"; did you mean https://{text}?" if is_host else ""
        message = f"{text!r:.200} is not an http or https URL{guess}"
        raise CommandError(printable(message, 500), USAGE)
    if url.has_credentials:
        raise CommandError("the URL has a user name or password, and fetch() refuses those", USAGE)
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
    async with Courier(request, **sending) as courier:
        outcome = await simulate_async(request, courier, profile=profile)
        result = Result(request, outcome, courier)
        verdict(result)
        seen = await replay(outcome, courier) if with_lints else None
    return result if seen is None else result._replace(seen=seen, lints=lint(seen))


def _write_verdict(out: Output, result: Result) -> None:
    """Write the transcript of the page's own request, and what came of it."""
    outcome, method = result.outcome, printable(result.request.method, 60)
    write_request(out, result.request, outcome.profile, instead_of_cookie="; use --cookie")
    out.row()
    held_back = result.verdict in {"not-sent", "undecided"}
    if write_steps(out, outcome, as_sent=result.courier.as_sent, without_last=held_back):
        out.row()
    match result.verdict:
        case "allowed":
            seen = f"the script gets the answer, with status {outcome.status}"
            write_ending(out, "ALLOWED", UNSEEN.get(outcome.response_type or "", seen))
            if outcome.response_type in {"basic", "cors"}:
                readable = in_words(outcome.readable_headers, 20) or "no header"
                out.row("         It can read     ", readable, prose=True)
            hidden = in_words(hidden_names(outcome), 20)
            if hidden:
                text = f"{hidden}: not in Access-Control-Expose-Headers"
                out.row("         It cannot read  ", text, prose=True)
        case "refused":
            guard = f"(guard): {guard_refusal(outcome)}"
            text = f"sent, and refused by the server before the application ran {guard}"
            write_ending(out, "REFUSED", text, advice(outcome, result.request))
        case "not-sent":
            text = (
                f"{method} may change something, so the request itself was not sent; with --send "
                "it is sent, once."
            )
            write_ending(out, "ALLOWED", "as far as the preflight goes", further=text)
        case "undecided":
            text = (
                f"Browsers send this {method} without a preflight. It may change something, so it "
                "was held back; with --send it is sent, once."
            )
            write_ending(out, "UNDECIDED", "nothing was sent that could tell", further=text)
        case "unreachable":
            text = "To a script this looks like any CORS error."
            write_ending(out, "NO ANSWER", no_answer(outcome), further=text)
        case _:
            write_blocked(out, outcome, advice(outcome, result.request))
    # What browsers ask beside CORS.
    for text in dict.fromkeys(step.text for step in outcome.steps if step.kind == "note"):
        out.note(text, prose=True)


def _write_found(out: Output, result: Result) -> None:
    """Write what the further requests showed."""
    seen = result.seen
    if seen is None and result.verdict != "allowed":
        return
    out.row()
    if seen is None:
        text = "Nothing here is subject to CORS, so nothing else was tried."
        out.row("", (text, "dim"), prose=True)
        return
    out.row("", ("What one exchange does not show", "bold"))
    other = other_origin(seen.origin)
    text = f"{len(seen.replays)} more requests, also as {other}, which nobody has listed"
    out.row("", (text, "dim"), prose=True)
    if result.lints:
        out.row()
    for found in result.lints:
        label: list[Part] = [(f"{found.severity:<7}", found.severity), "  "]
        out.row(label, printable(found.message, 400), prose=True)
        out.row(" " * 9 + "-> ", printable(found.hint, 400), prose=True)
        evidence = f"{printable(found.evidence, _MAX_EVIDENCE)}  [{found.code}]".strip()
        out.row(" " * 9, (evidence, "dim"), prose=True)
    if seen.unfinished:
        text = f"the rest was not tried: {seen.unfinished}"
        out.row([("unfinished", "warning"), "  "], text, prose=True)
    out.row("", tally([it.severity for it in result.lints]) or "nothing found")


def _as_dict(result: Result) -> dict[str, object]:
    """Give the result as one JSON object; texts and lists are cut, and secrets taken out."""
    outcome = result.outcome.as_dict()
    steps = outcome.pop("steps")
    seen = result.seen
    request = result.request
    data = {
        **{name: getattr(request, name) for name in _ASKED},
        "verdict": result.verdict,
        "advice": advice(result.outcome, request),
        "outcome": outcome,
        "steps": steps,
        "hidden_headers": hidden_names(result.outcome),
        "lints": [it._asdict() for it in result.lints],
        "replays": [] if seen is None else [it.as_dict() for it in seen.replays],
        "unfinished": "" if seen is None else seen.unfinished,
        "requests_sent": result.courier.sent_count,
    }
    return {name: _cleaned(part) for name, part in data.items()}


_ASKED = ("url", "origin", "method", "credentials", "mode")


def _cleaned(value: object) -> object:
    """Cut long texts and lists in plain data, and take out the values of secret headers."""
    if isinstance(value, str):
        return value if len(value) <= MAX_JSON_TEXT else f"{value[:MAX_JSON_TEXT]}..."
    if isinstance(value, dict):
        return {name: _cleaned(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        if len(value) == 2 and isinstance(value[0], str) and value[0].lower() in SECRET_HEADERS:
            return [value[0], "***"]
        return [_cleaned(part) for part in value[:MAX_JSON_ITEMS]]
    return value
