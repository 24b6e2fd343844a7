"""`corsac explain`: what becomes of a page's request under a configuration, without a server."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote

from corsac._text import in_words, printable
from corsac._types import Receive, Scope, Send
from corsac.asgi import CORSMiddleware, without_root_path
from corsac.browser import FetchOutcome, FetchRequest, Request, simulate_async
from corsac.browser.transports import asgi_async_transport
from corsac.browser.urls import parse_url
from corsac.cli.check import Report, check, silent_log
from corsac.cli.ending import COULD_NOT_RUN, FINE, PROBLEMS, USAGE, CommandError
from corsac.cli.fetch_text import (
    Paint,
    blocked_lines,
    dropped_lines,
    headline,
    hidden_names,
    prose,
    step_lines,
)
from corsac.cli.page_request import PageRequest
from corsac.cli.plain_text import can_colour, write_lines
from corsac.explain import Explanation

__all__ = ["Explained", "explain", "run"]

SERVER = "https://server.corsac.invalid"
"""Where the configuration is put for the time of the command; nothing is ever sent there."""

_MAX_TEXT = 600


class Explained(NamedTuple):
    """What became of a page's request.

    Attributes:
        request: What the page asked for.
        outcome: What came of it.
        explanations: Why, for each request of `FetchOutcome.sent`.
    """

    request: FetchRequest
    outcome: FetchOutcome
    explanations: tuple[Explanation, ...]

    @property
    def verdict(self) -> str:
        """``"allowed"``, ``"blocked"``, or ``"undecided"`` where the path is left alone."""
        if self.outcome.ok:
            return "allowed"
        is_left_alone = bool(self.explanations) and self.explanations[-1].allowed is None
        return "undecided" if is_left_alone else "blocked"


EXIT_CODES = {"allowed": FINE, "blocked": PROBLEMS, "undecided": COULD_NOT_RUN}
"""What each verdict is for a shell."""


def run(
    *,
    source: str | None,
    prefix: str | None,
    app_dir: str,
    path: str,
    page: PageRequest,
    as_json: bool,
) -> int:
    """Explain one request and print it.

    Args:
        source: A TOML file or ``module:attribute``; ``None`` for the environment.
        prefix: What the environment variables begin with; ``None`` for another source.
        app_dir: Where modules are looked for first.
        path: The path that is asked for.
        page: What the page asks for.
        as_json: Whether to write JSON.

    Returns:
        The exit code, by `EXIT_CODES`.

    Raises:
        CommandError: The request is invalid, or the configuration is or cannot be read.
    """
    try:
        request = page.to(f"{SERVER}{path}")
    except ValueError as error:
        raise CommandError(printable(str(error), _MAX_TEXT), USAGE) from None
    report = check(source, prefix, app_dir)
    if report.failure is not None or report.count("error"):
        raise _what_is_wrong(report)
    # The rules are compared with what the application leaves of the path.
    routed = without_root_path(path, report.root_path_owner)
    request = page.to(f"{SERVER}{routed or '/'}")
    middleware = _middleware(report, request)
    with silent_log():
        explained = asyncio.run(explain(request, middleware, page.profile))
    if as_json:
        data = _as_dict(report.source, explained) | {"notes": list(_notes(report, request))}
        write_lines([json.dumps(data, indent=2)], sys.stdout)
    else:
        paint = Paint(can_colour(sys.stdout))
        notes = [paint("warning", "note") + f"  {note}" for note in _notes(report, request)]
        write_lines([*notes, *_as_text(path, explained, paint)], sys.stdout)
    return EXIT_CODES[explained.verdict]


def _middleware(report: Report, request: FetchRequest) -> CORSMiddleware:
    """A middleware that does what the outermost layer of a source does for one path.

    Which of its own routes a framework takes for a path is not found out here: a decorated route
    counts where its path is the very one that is asked for.
    """
    path = _path_of(request.url)
    rules = [route for route in report.routes if route[0] == path and "*" not in path]
    rules += report.rules
    if report.policy is None and not rules:
        # Nothing but decorated routes, and this path is none of them.
        rules = [("/*", None)]
    return CORSMiddleware(_application, report.policy, rules=rules or None)


def _notes(report: Report, request: FetchRequest) -> Iterator[str]:
    """What the explanation leaves out."""
    if any(problem.code == "middleware.several" for problem in report.problems):
        yield "there is more than one CORS layer; the outermost of Corsac's is explained"
    yield from (printable(note, _MAX_TEXT) for note in report.notes)
    path = _path_of(request.url)
    others = [route for route, _ in report.routes]
    if others and path not in others:
        yield (
            f"decorated routes count only where --path is written as the route is: "
            f"{in_words(others)}"
        )


async def explain(
    request: FetchRequest, middleware: CORSMiddleware, profile: str = "standard"
) -> Explained:
    """Do what a browser does against a middleware, and say why each answer is as it is.

    Args:
        request: What the page asks for.
        middleware: The middleware; the requests that it lets through reach its application.
        profile: Which browser it is.
    """
    outcome = await simulate_async(request, asgi_async_transport(middleware), profile=profile)
    include = request.credentials == "include"
    explanations = [
        await middleware.explain_async(
            sent.method, sent.headers, _path_of(sent.url), credentials=include
        )
        for sent in outcome.sent
    ]
    return Explained(request, outcome, tuple(explanations))


def _path_of(text: str) -> str:
    """The path as a router sees it."""
    url = parse_url(text)
    return unquote(url.path) if url is not None else "/"


async def _application(scope: Scope, receive: Receive, send: Send) -> None:
    """Stands where the application is: it answers 200 to everything."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def _what_is_wrong(report: Report) -> CommandError:
    if report.failure is not None:
        hint = f"; {report.failure.hint}" if report.failure.hint else ""
        message = printable(f"{report.failure.message}{hint}", _MAX_TEXT)
        return CommandError(message, lines=report.failure.trace)
    errors = [problem for problem in report.problems if problem.severity == "error"]
    lines = [
        printable(f"{problem.option}: {problem.message} [{problem.code}]", _MAX_TEXT)
        for problem in errors
    ]
    message = f"{report.source} is not valid, so nothing is allowed by it; corsac check says more"
    return CommandError(
        printable(message, _MAX_TEXT),
        lines=lines,
        problems=[problem.as_dict() for problem in errors],
    )


def _as_text(path: str, explained: Explained, paint: Paint) -> Iterator[str]:
    request, outcome, explanations = explained
    why = {id(sent): each for sent, each in zip(outcome.sent, explanations, strict=True)}

    def beside(sent: Request) -> list[str]:
        each = why.get(id(sent))
        return [] if each is None else list(_why_lines(each, paint))

    yield headline(request, paint, target=path)
    for line in dropped_lines(request, outcome.profile, paint):
        # There is nobody to take cookies to.
        yield line.removesuffix("; use --cookie")
    yield ""
    for line in step_lines(outcome, paint, beside=beside):
        yield line.replace(SERVER, "")
    yield ""
    if outcome.ok:
        yield paint("allowed", "ALLOWED") + f"  {_script_gets(outcome)}"
        return
    if explained.verdict == "undecided":
        label = paint("warning", "UNDECIDED")
        yield f"{label}  this path is left alone, so the application's own headers decide"
        return
    change = next((each.change for each in reversed(explanations) if each.change), None)
    what = "" if change is None else printable(change.text, _MAX_TEXT)
    yield from blocked_lines(outcome, what, paint)
    if change is not None and change.caution:
        label = " " * 12 + "Caution: "
        painted = " " * 12 + paint("warning", "Caution: ")
        yield prose(printable(change.caution, _MAX_TEXT), label, 21, painted)


def _script_gets(outcome: FetchOutcome) -> str:
    if outcome.response_type not in {"basic", "cors"}:
        return "to be sent; the script sees neither status nor headers nor body"
    hidden = hidden_names(outcome)
    but = f", but not {in_words(hidden)}" if hidden else ""
    return f"the script gets the answer{but}"


def _why_lines(each: Explanation, paint: Paint) -> Iterator[str]:
    """What the server looked at; what the browser did is said by the fetch itself."""
    marks = {True: paint("good", "ok"), False: paint("bad", "NO"), None: paint("dim", "--")}
    for step in each.steps:
        if step.side == "server":
            text = printable(f"{step.check}: {step.text}", _MAX_TEXT)
            yield f"{marks[step.passed]}  {text}"


def _as_dict(source: str, explained: Explained) -> dict[str, object]:
    outcome = explained.outcome.as_dict()
    steps = outcome.pop("steps")
    change = next((each.change for each in reversed(explained.explanations) if each.change), None)
    return {
        "source": source,
        "verdict": explained.verdict,
        "outcome": outcome,
        "steps": steps,
        "explanations": [each.as_dict() for each in explained.explanations],
        "change": None if change is None else change.text,
        "caution": "" if change is None else change.caution,
    }
