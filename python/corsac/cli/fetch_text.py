"""A fetch as people read it: what was sent, what came back, what the browser made of it."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus

from corsac import _core
from corsac._text import printable
from corsac.browser import FetchOutcome, FetchRequest, Request, Response, Step

__all__ = ["SECRET_HEADERS", "Paint", "headline", "hidden_names", "prose", "step_lines"]
__all__ += ["blocked_lines", "dropped_lines", "no_answer", "without_secrets"]

MAX_SHOWN_LINES = 12
"""Header lines of one message that are shown."""
MAX_SHOWN_VALUE = 160
"""Characters of a header's value that are shown."""
MAX_SHOWN_URL = 300
_MAX_SHOWN_NAMES = 20

SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "set-cookie"})
"""Headers whose values are not shown: transcripts end up in bug reports."""

_TITLE_WIDTH = 17
_INDENT = " " * (5 + _TITLE_WIDTH)
_ANSWER_HEADERS = frozenset({"vary", "cross-origin-resource-policy"})
# Sent with every request, and no part of CORS.
_UNTOLD = frozenset({"accept", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "user-agent"})

Pairs = Sequence[tuple[str, str]]


class Paint:
    """Colours, where they are welcome (ECMA-48, SGR).

    Args:
        colour: Whether they are.
    """

    _CODES = {  # noqa: RUF012 - never changed
        "bold": "1",
        "dim": "90",
        "good": "32",
        "bad": "31",
        "warning": "33",
        "info": "36",
        "name": "36",
        "allowed": "1;32",
        "blocked": "1;31",
    }

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, style: str, text: str) -> str:
        """The text in a style."""
        if not self._colour or not text:
            return text
        return f"\x1b[{self._CODES[style]}m{text}\x1b[0m"


def prose(text: str, first: str = "", indent: int = 2, painted: str = "") -> str:
    """A sentence on as many lines as it needs; header lines are never broken, sentences are.

    Args:
        text: The sentence.
        first: What stands before it.
        indent: Columns before the further lines.
        painted: The same as ``first`` with its colours.
    """
    # Without a terminal the environment's COLUMNS, or what is easily read.
    width = max(40, min(100, shutil.get_terminal_size((100, 24)).columns))
    lines = textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    joined = "\n".join(lines) or first.rstrip()
    return painted + joined.removeprefix(first) if painted else joined


def headline(request: FetchRequest, paint: Paint, target: str = "") -> str:
    """Who asks for what.

    Args:
        request: What the page asks for.
        paint: The colours.
        target: Where it goes, if that is not the request's URL.
    """
    url = printable(target or request.url, MAX_SHOWN_URL)
    extras = [f"credentials: {request.credentials}"] if request.credentials != "same-origin" else []
    extras += [f"mode: {request.mode}"] if request.mode != "cors" else []
    extra = paint("dim", f"  ({', '.join(extras)})") if extras else ""
    origin = "a page of an opaque origin (null)" if request.origin == "null" else request.origin
    text = f"{printable(origin, MAX_SHOWN_URL)} -> {printable(request.method, 60)} {url}"
    return paint("bold", text) + extra


def dropped_lines(request: FetchRequest, profile: str, paint: Paint) -> Iterator[str]:
    """Say which of the script's headers a browser does not send, without a word to the script.

    Args:
        request: What the page asks for.
        profile: Which browser it is.
        paint: The colours.
    """
    no_cors = request.mode == "no-cors"
    for name, value in request.headers:
        lines = [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))]
        if _core.browser_request_headers(lines, b"", no_cors, profile) != []:
            continue
        why = "in mode no-cors scripts cannot set it" if no_cors else "scripts cannot set it"
        instead = "; use --cookie" if name.lower() == "cookie" else ""
        yield paint("warning", "note") + f"  {printable(name, 100)} is not sent: {why}{instead}"


def step_lines(
    outcome: FetchOutcome,
    paint: Paint,
    *,
    as_sent: Callable[[Request], Request] = lambda request: request,
    beside: Callable[[Request], Sequence[str]] = lambda request: (),
    without_last: bool = False,
) -> Iterator[str]:
    """The steps of a fetch, numbered.

    Args:
        outcome: What came of it.
        paint: The colours.
        as_sent: What a transport made of a request of the browser's.
        beside: Lines that stand below an answer.
        without_last: Whether the request that was sent last was not sent after all.
    """
    number = 0
    steps = [step for step in outcome.steps if step.kind != "verdict"]
    for position, step in enumerate(steps):
        is_unsent = without_last and position == len(steps) - 1
        for title, text, style, headers in _parts(step, outcome, as_sent, is_unsent=is_unsent):
            number += 1
            label = paint("dim", f"{number:>3}  ") + paint("bold", f"{title:<{_TITLE_WIDTH}}")
            yield label + (paint(style, text) if style else text)
            yield from _header_lines(headers, paint)
            if title == "Server answers" and step.request is not None:
                yield from _beside(beside(step.request), paint)


def _beside(lines: Sequence[str], paint: Paint) -> Iterator[str]:
    for number, line in enumerate(lines):
        title = "because" if number == 0 else ""
        yield f"     {paint('bold', f'{title:<{_TITLE_WIDTH}}')}{line}"


Part = tuple[str, str, str, Pairs]


def _parts(
    step: Step,
    outcome: FetchOutcome,
    as_sent: Callable[[Request], Request],
    *,
    is_unsent: bool,
) -> Iterator[Part]:
    if step.request is None:
        title = {"redirect": "Redirect", "note": "Note", "cache": "Browser"}.get(step.kind, "")
        # The headline says who asks for what, unless a redirect made another origin of it.
        text = re.sub(r"^\S+ is (?=cross-origin|of the page)", "", step.text)
        text = re.sub(r"^cross-origin for (?!null:)\S+: ", "cross-origin: ", text)
        yield title or "Browser decides", printable(text, 500), "", ()
        return
    what = "Preflight" if step.kind == "preflight" else "Request"
    sent = as_sent(step.request)
    line = f"{printable(sent.method, 60)} {printable(sent.url, MAX_SHOWN_URL)}"
    if is_unsent:
        yield f"{what} NOT sent", line, "dim", ()
        return
    told = [pair for pair in sent.headers if pair[0].lower() not in _UNTOLD]
    yield f"{what} sent", line, "", told
    if step.response is None:
        yield "No answer", no_answer(outcome), "bad", ()
        return
    yield "Server answers", _status_text(step.response), "", _told_headers(step.response)
    if step.code is not None:
        why = outcome.explanation.removeprefix("the preflight was refused: ")
        yield "Browser checks", f"refused: {why}", "bad", ()
    elif step.kind == "preflight":
        yield "Browser checks", "passed: the request may be sent", "good", ()
    elif outcome.response_type in {None, "cors"}:
        yield "Browser checks", "the CORS check is passed", "good", ()


def no_answer(outcome: FetchOutcome) -> str:
    """Why there was no answer, without the names of exceptions that say nothing more."""
    text = outcome.detail.removeprefix("TransportError: ")
    text = text.replace("RemoteProtocolError: ", "not HTTP that can be read: ")
    text = re.sub(r"^Connect(Error|Timeout): ", "no connection: ", text)
    return printable(text, 300)


def _status_text(response: Response) -> str:
    try:
        phrase = f" {HTTPStatus(response.status).phrase}"
    except ValueError:
        phrase = ""
    note = f"  ({printable(response.note, 200)})" if response.note else ""
    return f"{response.status}{phrase}{note}"


def _told_headers(response: Response) -> Pairs:
    told = [
        pair
        for pair in response.headers
        if pair[0].lower().startswith("access-control-")
        or pair[0].lower() in _ANSWER_HEADERS
        or (pair[0].lower() == "location" and 300 <= response.status < 400)
    ]
    return told or [("", "no CORS header")]


def _header_lines(headers: Pairs, paint: Paint) -> Iterator[str]:
    for name, value in without_secrets(headers[:MAX_SHOWN_LINES]):
        if not name:
            yield _INDENT + paint("dim", f"({value})")
            continue
        label = paint("name", f"{printable(name, 100)}: ")
        yield f"{_INDENT}{label}{printable(value, MAX_SHOWN_VALUE)}"
    if len(headers) > MAX_SHOWN_LINES:
        more = len(headers) - MAX_SHOWN_LINES
        yield _INDENT + paint("dim", f"... and {more} more lines")


def blocked_lines(outcome: FetchOutcome, what: str, paint: Paint) -> Iterator[str]:
    """That a fetch was blocked, and what to do.

    Args:
        outcome: The fetch.
        what: What to do; may be empty.
        paint: The colours.
    """
    label = paint("blocked", "BLOCKED") + "  "
    yield prose(f"{outcome.explanation}  [{outcome.reason}]", "BLOCKED  ", 9, label)
    if what:
        yield prose(what, " " * 9 + "-> ", 12)


def without_secrets(headers: Pairs) -> list[tuple[str, str]]:
    """Header lines without what would let others in."""
    return [(name, "***" if name.lower() in SECRET_HEADERS else value) for name, value in headers]


def hidden_names(outcome: FetchOutcome) -> list[str]:
    """Names of the last answer's headers that a script may not see although it has the answer."""
    last = next((step.response for step in reversed(outcome.steps) if step.response), None)
    if not outcome.ok or outcome.response_type != "cors" or last is None:
        return []
    names = dict.fromkeys(name.lower() for name, _ in last.headers)
    known = {*outcome.readable_headers, *_NEVER_WANTED}
    return [name for name in names if name not in known and not name.startswith("access-control-")][
        :_MAX_SHOWN_NAMES
    ]


# Nobody misses these: they belong to the connection, or no script ever sees them.
_NEVER_WANTED = frozenset(
    {"connection", "date", "keep-alive", "server", "set-cookie", "set-cookie2"}
    | {"transfer-encoding", "vary", "via"}
)
