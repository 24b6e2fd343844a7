"""A probe's result for people, and for programs. Nothing of the server's can steer either."""

from __future__ import annotations

from collections.abc import Iterator

from corsac._text import in_words, printable
from corsac.cli.advice import advice
from corsac.cli.fetch_text import (
    SECRET_HEADERS,
    Paint,
    blocked_lines,
    dropped_lines,
    headline,
    hidden_names,
    no_answer,
    prose,
    step_lines,
)
from corsac.cli.probe.findings import SEVERITIES, Finding
from corsac.cli.probe.lookalikes import other_origin
from corsac.cli.probe.result import Result

__all__ = ["as_dict", "as_text"]

MAX_JSON_TEXT = 500
"""Characters of one text in JSON."""
MAX_JSON_ITEMS = 200
"""Entries of one list in JSON, header lines for one."""
_MAX_EVIDENCE = 300
_STYLES = {"error": "bad", "warning": "warning", "info": "info"}


def as_text(result: Result, paint: Paint, *, did_lint: bool) -> Iterator[str]:
    """The transcript, line by line.

    Args:
        result: What came of the probe.
        paint: The colours.
        did_lint: Whether findings were looked for.
    """
    held_back = result.verdict in {"not-sent", "undecided"}
    yield headline(result.request, paint)
    yield from dropped_lines(result.request, result.outcome.profile, paint)
    yield ""
    steps = list(
        step_lines(result.outcome, paint, as_sent=result.courier.as_sent, without_last=held_back)
    )
    yield from [*steps, ""] if steps else []
    yield from _verdict_lines(result, paint)
    if did_lint and (result.seen is not None or result.verdict == "allowed"):
        yield ""
        yield from _lint_lines(result, paint)


def _verdict_lines(result: Result, paint: Paint) -> Iterator[str]:
    outcome, method = result.outcome, printable(result.request.method, 60)
    match result.verdict:
        case "allowed":
            yield paint("allowed", "ALLOWED") + f"  {_script_gets(result)}"
            yield from _readable(result)
        case "not-sent":
            yield paint("allowed", "ALLOWED") + "  as far as the preflight goes"
            yield prose(
                f"{method} may change something, so the request itself was not sent; with --send "
                "it is sent, once.",
                " " * 9,
                9,
            )
        case "undecided":
            yield paint("warning", "UNDECIDED") + "  nothing was sent that could tell"
            yield prose(
                f"Browsers send this {method} without a preflight. It may change something, so it "
                "was held back; with --send it is sent, once.",
                " " * 11,
                11,
            )
        case "unreachable":
            yield prose(no_answer(outcome), "NO ANSWER  ", 11, paint("blocked", "NO ANSWER") + "  ")
            yield prose("To a script this looks like any CORS error.", " " * 11, 11)
        case _:
            yield from blocked_lines(outcome, advice(outcome, result.request), paint)


def _script_gets(result: Result) -> str:
    match result.outcome.response_type:
        case "opaque":
            return "to be sent; the script sees neither status nor headers nor body"
        case "opaqueredirect":
            return "to be sent; of the redirect the script sees nothing, not even its Location"
        case _:
            return f"the script gets the answer, with status {result.outcome.status}"


def _readable(result: Result) -> Iterator[str]:
    outcome = result.outcome
    if outcome.response_type not in {"basic", "cors"}:
        return
    readable = in_words(outcome.readable_headers, 20) or "no header"
    yield prose(readable, "         It can read     ", 25)
    hidden = hidden_names(outcome)
    if hidden:
        text = f"{in_words(hidden, 20)}: not in Access-Control-Expose-Headers"
        yield prose(text, "         It cannot read  ", 25)


def _lint_lines(result: Result, paint: Paint) -> Iterator[str]:
    seen = result.seen
    if seen is None:
        yield paint("dim", "Nothing here is subject to CORS, so nothing else was tried.")
        return
    yield paint("bold", "What one exchange does not show")
    yield paint(
        "dim",
        f"{len(seen.replays)} more requests, also as {other_origin(seen.origin)}, which nobody has "
        "listed",
    )
    if result.lints:
        yield ""
    for lint in result.lints:
        yield from _finding_lines(lint, paint)
    if seen.unfinished:
        yield paint("warning", "unfinished") + f"  the rest was not tried: {seen.unfinished}"
    yield _tally(result.lints)


def _finding_lines(lint: Finding, paint: Paint) -> Iterator[str]:
    label = f"{lint.severity:<7}  "
    painted = paint(_STYLES[lint.severity], label)
    yield prose(printable(lint.message, 400), label, 9, painted)
    yield prose(printable(lint.hint, 400), " " * 9 + "-> ", 12)
    evidence = printable(lint.evidence, _MAX_EVIDENCE)
    yield paint("dim", prose(f"{evidence}  [{lint.code}]".strip(), " " * 9, 9))


def _tally(lints: tuple[Finding, ...]) -> str:
    counts = [(sum(lint.severity == name for lint in lints), name) for name in SEVERITIES]
    parts = [f"{number} {name}{'s' if number > 1 else ''}" for number, name in counts if number]
    return ", ".join(parts) or "nothing found"


def as_dict(result: Result) -> dict[str, object]:
    """The result as one JSON object; texts and lists are cut, and secrets taken out."""
    outcome = result.outcome.as_dict()
    steps = outcome.pop("steps")
    seen = result.seen
    data = {
        "url": result.request.url,
        "origin": result.request.origin,
        "method": result.request.method,
        "credentials": result.request.credentials,
        "mode": result.request.mode,
        "verdict": result.verdict,
        "advice": advice(result.outcome, result.request),
        "outcome": outcome,
        "steps": steps,
        "hidden_headers": hidden_names(result.outcome),
        "lints": [lint._asdict() for lint in result.lints],
        "replays": [] if seen is None else [replay.as_dict() for replay in seen.replays],
        "unfinished": "" if seen is None else seen.unfinished,
        "requests_sent": result.courier.sent_count,
    }
    cleaned = cleaned_value(data)
    assert isinstance(cleaned, dict)  # noqa: S101 - what goes in comes out
    return cleaned


def cleaned_value(value: object) -> object:
    """Plain data with long texts and lists cut, and the values of secret headers taken out."""
    if isinstance(value, str):
        return value if len(value) <= MAX_JSON_TEXT else f"{value[:MAX_JSON_TEXT]}..."
    if isinstance(value, dict):
        return {name: cleaned_value(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        if len(value) == 2 and isinstance(value[0], str) and value[0].lower() in SECRET_HEADERS:
            return [value[0], "***"]
        return [cleaned_value(part) for part in value[:MAX_JSON_ITEMS]]
    return value
