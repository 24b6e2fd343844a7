"""Write a fetch for people: what was sent, what came back, what the browser made of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from http.client import responses

from corsac import _core
from corsac._text import printable
from corsac.browser import FetchOutcome, FetchRequest, Request, Step
from corsac.browser.messages import byte_lines
from corsac.cli.terminal import Output, Part

__all__ = ["SECRET_HEADERS", "UNSEEN", "hidden_names", "last_answered", "no_answer"]
__all__ += ["write_blocked", "write_ending", "write_request", "write_steps"]

_MAX_LINES = 12
"""Header lines of one message that are shown."""
_MAX_VALUE = 160
"""Characters of a header's value that are shown."""
_MAX_URL = 300
_MAX_NAMES = 20

SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "set-cookie"})
"""Headers whose values are not shown: transcripts end up in bug reports."""

_TITLE_WIDTH = 17
_INDENT = " " * (5 + _TITLE_WIDTH)
_ANSWER_HEADERS = {"corsac-refused", "cross-origin-resource-policy", "vary"}
# Sent with every request, and no part of CORS.
_UNTOLD = {"accept", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "user-agent"}
# Nobody misses these: they belong to the connection, or no script ever sees them.
_NEVER_WANTED = {"connection", "date", "keep-alive", "server", "set-cookie", "set-cookie2"}
_NEVER_WANTED |= {"transfer-encoding", "vary", "via"}

UNSEEN = {
    "opaque": "to be sent; the script sees neither status nor headers nor body",
    "opaqueredirect": "to be sent; of the redirect the script sees nothing, not even its Location",
}
"""What a script gets that sees nothing of its answer, by the type of the response."""

_STYLES = {"ALLOWED": "allowed", "BLOCKED": "blocked", "NO ANSWER": "blocked"}

Pairs = Sequence[tuple[str, str]]


def write_request(
    out: Output,
    request: FetchRequest,
    profile: str,
    *,
    target: str = "",
    instead_of_cookie: str = "",
) -> None:
    """Say who asks for what, and which headers a browser leaves out without a word to the script.

    ``target`` is where, if that is not the request's URL.
    """
    extras = [f"credentials: {request.credentials}"] if request.credentials != "same-origin" else []
    extras += [f"mode: {request.mode}"] if request.mode != "cors" else []
    extra = f"  ({', '.join(extras)})" if extras else ""
    origin = "a page of an opaque origin (null)" if request.origin == "null" else request.origin
    what = f"{printable(request.method, 60)} {printable(target or request.url, _MAX_URL)}"
    out.row("", (f"{printable(origin, _MAX_URL)} -> {what}", "bold"), (extra, "dim"))
    no_cors = request.mode == "no-cors"
    why = "in mode no-cors scripts cannot set it" if no_cors else "scripts cannot set it"
    for line in request.headers:
        if _core.browser_request_headers(byte_lines((line,)), b"", no_cors, profile) == []:
            instead = instead_of_cookie if line[0].lower() == "cookie" else ""
            out.note(f"{printable(line[0], 100)} is not sent: {why}{instead}")


def write_steps(
    out: Output,
    outcome: FetchOutcome,
    *,
    as_sent: Callable[[Request], Request] = lambda request: request,
    beside: Callable[[Request], Sequence[Sequence[Part]]] = lambda request: (),
    without_last: bool = False,
) -> bool:
    """Write the steps of a fetch, numbered."""
    number = 0
    steps = [step for step in outcome.steps if step.kind not in {"note", "verdict"}]
    for step in steps:
        is_unsent = without_last and step is steps[-1]
        for title, text, style, headers in _parts(step, outcome, as_sent, is_unsent=is_unsent):
            number += 1
            label: list[Part] = [(f"{number:>3}  ", "dim"), (f"{title:<{_TITLE_WIDTH}}", "bold")]
            out.row(label, (text, style))
            _write_headers(out, headers)
            if title == "Server answers" and step.request is not None:
                if not headers:
                    out.row(_INDENT, ("(no CORS header)", "dim"))
                because = f"     {'because':<{_TITLE_WIDTH}}"
                for mark, *why in beside(step.request):
                    out.row([(because, "bold"), mark, "  "], *why)
                    because = _INDENT
    return number > 0


def _parts(
    step: Step,
    outcome: FetchOutcome,
    as_sent: Callable[[Request], Request],
    *,
    is_unsent: bool,
) -> Iterator[tuple[str, str, str, Pairs]]:
    """Give a step as titles, each with its text, the style of that, and headers."""
    if step.request is None:
        title = {"redirect": "Redirect", "cache": "Browser"}.get(step.kind, "Browser decides")
        # The headline says who asks for what, unless a redirect made another origin of it.
        text = re.sub(r"^\S+ is (?=cross-origin|of the page)", "", step.text)
        text = re.sub(r"^cross-origin for (?!null:)\S+: ", "cross-origin: ", text)
        yield title, printable(text, 500), "", ()
        return
    what = "Preflight" if step.kind == "preflight" else "Request"
    sent = as_sent(step.request)
    line = f"{printable(sent.method, 60)} {printable(sent.url, _MAX_URL)}"
    if is_unsent:
        yield f"{what} NOT sent", line, "dim", ()
        return
    yield f"{what} sent", line, "", [it for it in sent.headers if it[0].lower() not in _UNTOLD]
    if step.response is None:
        yield "No answer", no_answer(outcome), "bad", ()
        return
    response = step.response
    note = f"  ({printable(response.note, 200)})" if response.note else ""
    status = f"{response.status} {responses.get(response.status, '')}".rstrip()
    told = [it for it in response.headers if _is_told(it[0].lower(), response.status)]
    yield "Server answers", f"{status}{note}", "", told
    if step.code is not None:
        why = outcome.explanation.removeprefix("the preflight was refused: ")
        yield "Browser checks", f"refused: {why}", "bad", ()
    elif step.kind == "preflight":
        yield "Browser checks", "passed: the request may be sent", "good", ()
    elif outcome.response_type in {None, "cors"}:
        yield "Browser checks", "the CORS check is passed", "good", ()


def no_answer(outcome: FetchOutcome) -> str:
    """Say why there was no answer, in words where libraries have names of exceptions."""
    text = outcome.detail.removeprefix("TransportError: ")
    for pattern, words in _FAILURES:
        text = re.sub(pattern, words, text)
    return printable(text, 300)


_FAILURES = (
    (
        r"^.*CERTIFICATE_VERIFY_FAILED\] certificate verify failed: ([^(]*[^( ]).*$",
        r"no connection: the certificate is not trusted (\1), and browsers refuse it too",
    ),
    (
        r"^.*(WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|PACKET_LENGTH_TOO_LONG).*$",
        "no connection: the server does not speak TLS there; is it http:// or another port?",
    ),
    (
        r"^.*(Name or service not known|nodename nor servname|No address associated).*$",
        "no connection: there is no server of that name",
    ),
    (
        r"^.*(All connection attempts failed|Connection refused).*$",
        "no connection: nothing listens there",
    ),
    (r"RemoteProtocolError: ", "not HTTP that can be read: "),
    (r"^Connect(Error|Timeout): (\[Errno -?\d+\] )?", "no connection: "),
)


def _is_told(name: str, status: int) -> bool:
    is_location = name == "location" and 300 <= status < 400
    return name.startswith("access-control-") or name in _ANSWER_HEADERS or is_location


def _write_headers(out: Output, headers: Pairs) -> None:
    for name, value in headers[:_MAX_LINES]:
        told = "***" if name.lower() in SECRET_HEADERS else printable(value, _MAX_VALUE)
        out.row(_INDENT, (f"{printable(name, 100)}: ", "name"), told, hang=2)
    if len(headers) > _MAX_LINES:
        out.row(_INDENT, (f"... and {len(headers) - _MAX_LINES} more lines", "dim"))


def write_ending(
    out: Output, verdict: str, why: str, what: str = "", *, further: str = "", code: str = ""
) -> None:
    """Write how it ended, what to do about it, a remark, and where to read about a code."""
    out.row([(verdict, _STYLES.get(verdict, "warning")), "  "], why, prose=True)
    indent = " " * (len(verdict) + 2)
    if what:
        out.row(f"{indent}-> ", what, prose=True)
    if further:
        out.row(indent, further, prose=True)
    out.more([code], indent)


def write_blocked(out: Output, outcome: FetchOutcome, what: str = "") -> None:
    """Say that a fetch was blocked, and what to do about it, if that is known."""
    code = outcome.reason or ""
    write_ending(out, "BLOCKED", f"{outcome.explanation}  [{code}]", what, code=code)


def last_answered(outcome: FetchOutcome) -> Step | None:
    """Give the last step of a fetch that the server answered."""
    return next((step for step in reversed(outcome.steps) if step.response), None)


def hidden_names(outcome: FetchOutcome) -> list[str]:
    """Give names of the last answer's headers that a script may not see although it has it."""
    last = last_answered(outcome)
    if outcome.response_type != "cors" or last is None or last.response is None:
        return []
    names = dict.fromkeys(name.lower() for name, _ in last.response.headers)
    known = {*outcome.readable_headers, *_NEVER_WANTED}
    hidden = (it for it in names if it not in known and not it.startswith("access-control-"))
    return [*hidden][:_MAX_NAMES]
