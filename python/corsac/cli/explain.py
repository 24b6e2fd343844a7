"""`corsac explain`: what becomes of a page's request under a configuration, without a server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from corsac._local_network import INSTEAD_OF_PRIVATE_NETWORK
from corsac._root_path import without_root_path
from corsac._text import in_words, printable
from corsac._types import Receive, Scope, Send
from corsac.asgi import CORSMiddleware
from corsac.browser import FetchOutcome, FetchRequest, Request, simulate_async
from corsac.browser.transports import asgi_async_transport
from corsac.browser.urls import routed_path
from corsac.cli.check import Report, check_valid, silent_log
from corsac.cli.ending import EXIT_CODES
from corsac.cli.fetch_text import (
    UNSEEN,
    hidden_names,
    write_blocked,
    write_ending,
    write_request,
    write_steps,
)
from corsac.cli.terminal import Output, Part, write_json
from corsac.counts import said_on_trial
from corsac.explain import Change, Explanation
from corsac.several import members_of

__all__ = ["SERVER", "run"]

SERVER = "https://server.corsac.invalid"
"""Where the configuration is put for the time of the command; nothing is ever sent there."""

_MAX_TEXT = 600


def run(
    request: FetchRequest,
    profile: str,
    source: str | None,
    prefix: str | None,
    app_dir: str,
    *,
    path: str,
    host: str,
    as_json: bool,
) -> int:
    """Explain a request to a path of a host, print that, and give the exit code.

    Without a host it is the first that the configuration allows, or `SERVER`.
    """
    report = check_valid(source, prefix, app_dir)
    # The rules are compared with what the application leaves of the path.
    routed = without_root_path(path, report.root_path_owner)
    served = (report.outermost.allowed_hosts or (SERVER.removeprefix("https://"),))[0]
    server = f"https://{host or served.replace('*', 'server', 1)}"
    request = replace(request, url=f"{server}{routed or '/'}")
    middleware = _middleware(report, request)
    with silent_log():
        outcome, explanations = asyncio.run(_explain(request, middleware, profile))
    last = explanations[-1] if explanations else None
    verdict = "allowed" if outcome.ok else "blocked"
    if outcome.ok and last is not None and last.reason and not last.app_runs:
        verdict = "refused"
    elif not outcome.ok and last is not None and last.allowed is None:
        verdict = "undecided"
    beside = (step.text for step in outcome.steps if step.kind == "note")
    found = (*_notes(report, request), *said_on_trial(middleware), *beside)
    notes = [printable(note, _MAX_TEXT) for note in found]
    change = next((each.change for each in reversed(explanations) if each.change), None)
    if as_json:
        data = outcome.as_dict()
        result = {
            "source": report.source,
            "verdict": verdict,
            "outcome": data,
            "steps": data.pop("steps"),
            "explanations": [each.as_dict() for each in explanations],
            "change": None if change is None else change.text,
            "caution": "" if change is None else change.caution,
            "notes": notes,
        }
        write_json(result, sys.stdout)
        return EXIT_CODES[verdict]
    out = Output(sys.stdout)
    for note in notes:
        out.note(note)
    # Nothing is sent, so there is no --cookie to point to.
    write_request(out, request, profile, target=path)
    _write_steps(out, outcome, explanations, server)
    _write_ending(out, verdict, outcome, change, "" if last is None else last.reason or "")
    return EXIT_CODES[verdict]


def _middleware(report: Report, request: FetchRequest) -> CORSMiddleware:
    """Make a middleware that does what the outermost layer of a source does for one path.

    A framework's routing is not repeated here: a decorated route counts only where its path is
    exactly the one that is asked for.
    """
    path = routed_path(request.url)
    layer = report.outermost
    rules = [route for route in layer.routes if route[0] == path and "*" not in path]
    rules += layer.rules
    if layer.policy is None and not rules:
        # There are only decorated routes, and this path is not one of them.
        rules = [("/*", None)]
    options: Any = {"allowed_hosts": layer.allowed_hosts}
    if layer.trial is not None:
        options |= {"report_only": layer.trial.policy, "report_only_rules": layer.trial.rules}
        options["report_only_hosts"] = layer.trial.allowed_hosts
    return CORSMiddleware(_application, layer.policy, rules=rules or None, **options)


def _notes(report: Report, request: FetchRequest) -> Iterator[str]:
    """Say what the explanation leaves out."""
    if any(problem.code == "middleware.several" for problem in report.problems):
        yield "there is more than one CORS layer; the outermost of Corsac's is explained"
    layer = report.outermost
    places = [layer.policy, *(policy for _, policy in (*layer.rules, *layer.routes))]
    if any(each.allow_private_network for policies in places for each in members_of(policies)):
        yield INSTEAD_OF_PRIVATE_NETWORK
    yield from report.notes
    routes = [route for route, _ in layer.routes]
    if routes and routed_path(request.url) not in routes:
        written = "decorated routes count only where --path is written as the route is"
        yield f"{written}: {in_words(routes)}"


async def _explain(
    request: FetchRequest, middleware: CORSMiddleware, profile: str
) -> tuple[FetchOutcome, list[Explanation]]:
    """Do what a browser does against a middleware, and say why each answer is as it is."""
    outcome = await simulate_async(request, asgi_async_transport(middleware), profile=profile)
    include = request.credentials == "include"
    # The server adds up what is sent to it; explanations have only what the page sends.
    host = [] if middleware.allowed_hosts is None else [("host", request.url.split("/")[2])]
    explanations = [
        await middleware.explain_async(
            sent.method, [*sent.headers, *host], routed_path(sent.url), credentials=include
        )
        for sent in outcome.sent
    ]
    return outcome, explanations


async def _application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 to everything, in the place of the application."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def _write_steps(
    out: Output, outcome: FetchOutcome, explanations: Sequence[Explanation], server: str
) -> None:
    why = {id(sent): each for sent, each in zip(outcome.sent, explanations, strict=True)}

    def beside(sent: Request) -> list[tuple[Part, Part]]:
        """Say what the server looked at; what the browser did, the fetch says itself."""
        return [
            (_MARKS[step.passed], printable(f"{step.check}: {step.text}", _MAX_TEXT))
            for step in why[id(sent)].steps
            if step.side == "server"
        ]

    def at_path(sent: Request) -> Request:
        """Leave out the server, which there is only for this command."""
        return replace(sent, url=sent.url.removeprefix(server))

    out.row()
    write_steps(out, outcome, as_sent=at_path, beside=beside)
    out.row()


_MARKS: dict[bool | None, Part] = {True: ("ok", "good"), False: ("NO", "bad"), None: ("--", "dim")}


def _write_ending(
    out: Output, verdict: str, outcome: FetchOutcome, change: Change | None, reason: str
) -> None:
    what = "" if change is None else printable(change.text, _MAX_TEXT)
    match verdict:
        case "allowed":
            hidden = hidden_names(outcome)
            but = f", but not {in_words(hidden)}" if hidden else ""
            seen = f"the script gets the answer{but}"
            write_ending(out, "ALLOWED", UNSEEN.get(outcome.response_type or "", seen))
            return
        case "undecided":
            text = "this path is left alone, so the application's own headers decide"
            write_ending(out, "UNDECIDED", text)
            return
        case "refused":
            by = "hosts" if reason.startswith("host-") else "guard"
            text = f"sent, and refused by the server before the application runs ({by})"
            write_ending(out, "REFUSED", text, what, code=reason)
        case _:
            write_blocked(out, outcome, what)
    if change is not None and change.caution:
        label: list[Part] = [" " * 12, ("Caution: ", "warning")]
        out.row(label, printable(change.caution, _MAX_TEXT), prose=True)
