"""`corsac explain-code`: what a problem code or a reason code means, and what to do."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from corsac._text import printable
from corsac.browser import REASONS
from corsac.cli.code_examples import EXAMPLES, MEANINGS, example_problem
from corsac.cli.ending import FINE, USAGE, CommandError
from corsac.cli.probe.lints import FINDINGS, Finding
from corsac.cli.terminal import MAX_TEXT, Output, write_json
from corsac.codes import CORSProblemCode, code_tables
from corsac.console.table import Cause, table
from corsac.options.guard import Guard

__all__ = ["run", "sentence"]


class _Entry(NamedTuple):
    """One meaning of a code; texts that there are not are empty."""

    kind: str
    what: str
    page: str
    example: str = ""
    said: str = ""
    instead: str = ""
    server: str = ""
    script: str = ""


def run(code: str, *, as_json: bool) -> int:
    """Print what a code means, and give the exit code; an unknown one is a `CommandError`."""
    wanted = code.strip("[]`'\" ")
    found = list(_entries(wanted))
    if not found:
        wanted = _of_django(wanted) or wanted.lower()
        found = list(_entries(wanted))
    if not found:
        raise CommandError(_unknown(wanted), USAGE)
    if as_json:
        entries = [each._asdict() for each in found]
        write_json({"code": wanted, "meanings": entries}, sys.stdout)
        return FINE
    out = Output(sys.stdout)
    for number, entry in enumerate(found):
        if number:
            out.row()
        out.row([(printable(wanted, 200), "name"), "  "], entry.kind)
        out.row([("What     ", "dim")], printable(entry.what, MAX_TEXT), prose=True)
        for label, text in (("Example  ", entry.example), ("Says     ", entry.said)):
            for line in text.splitlines():
                out.row([(label, "dim")], printable(line, MAX_TEXT))
                label = " " * len(label)  # noqa: PLW2901 - once
        for label, text in (
            ("Instead  ", entry.instead),
            ("Server   ", entry.server),
            ("Page     ", entry.script),
        ):
            if text:
                out.row([(label, "dim")], printable(text, MAX_TEXT), prose=True)
        out.page("More     ", entry.page)
    return FINE


def _entries(code: str) -> Iterator[_Entry]:
    """Give all that a code is; some reasons are of the server and of browsers."""
    for codes in code_tables().values():
        if code in codes:
            severity, what = codes[cast("CORSProblemCode", code)]
            yield _problem(code, severity, what)
    if code in FINDINGS:
        yield _found_by_probe(FINDINGS[code])
    if code in MEANINGS:
        page = f"docs/reference/reasons.md#reason-{code}"
        yield _Entry("a reason of the server for a refusal", MEANINGS[code], page)
    bare = _bare(code)
    header = code.partition("header-not-allowed:")[2]
    causes = [cause for cause in table().causes.values() if _has(cause, code, bare)]
    if bare in REASONS and not causes:
        page = f"docs/reference/reasons.md#browser-{bare.replace(':', '-')}"
        yield _Entry("a reason of a browser", sentence(REASONS[bare]), page)
    for cause in causes:
        kind = "a reason of a browser" if bare in REASONS else "what a browser's console says"
        yield _Entry(
            kind,
            _plain(cause.cause, header),
            f"docs/blocked/{cause.name}.md",
            server=_plain(cause.server, header),
            script=_plain(cause.page, header),
        )


def _found_by_probe(finding: Finding) -> _Entry:
    """Say what `corsac probe` finds, of no server in particular."""
    what = finding.message.format(
        who="every website may read the answers, or passes the preflight",
        name="a header",
        what="answer",
        value="another status",
    )
    return _Entry(
        f"{finding.severity} of a server, which corsac probe finds",
        sentence(what),
        "docs/reference/probe.md#what-it-finds",
        server=sentence(finding.hint.format(value="https://app.example.com")),
    )


def _of_django(code: str) -> CORSProblemCode | None:
    """Give the code of one of Django's checks, such as ``corsac.E105``, where Django is."""
    number = re.fullmatch(r"corsac\.[EWI](\d{1,5})", code, re.IGNORECASE)
    if number is None or importlib.util.find_spec("django") is None:
        return None
    checks = importlib.import_module("corsac.django.checks")
    codes: dict[int, CORSProblemCode] = {each: name for name, each in checks.NUMBERS.items()}
    return codes.get(int(number[1]))


def _bare(code: str) -> str:
    bare = code.removeprefix("preflight:")
    return "header-not-allowed" if bare.startswith("header-not-allowed:") else bare


def _has(cause: Cause, code: str, bare: str) -> bool:
    """Whether a cause is one of a code, or named so; a bare code has those of preflights, too."""
    reasons = {reason.removesuffix(":{header}") for reason in cause.reasons}
    known = f"preflight:{bare}" if code.startswith("preflight:") else bare
    if cause.name == code:
        return True
    if bare == "header-not-allowed":
        # The same code has another meaning for a header of answers.
        header = code.partition("header-not-allowed:")[2].lower()
        is_of_answers = header.startswith("access-control-")
        wanted = "response-header-on-request" if is_of_answers else "header-not-allowed"
        return cause.name == wanted
    if known in reasons:
        return True
    other = f"preflight:{bare}" if known == bare else bare
    has_own = any(known in each.reasons for each in table().causes.values())
    return not has_own and other in reasons


def _problem(code: str, severity: str, what: str) -> _Entry:
    problem = example_problem(code)
    page = f"docs/reference/codes.md#{code.replace('.', '-').replace('_', '-')}"
    lines = [f"{name} = {_toml(value)}" for name, value in EXAMPLES.get(code, {}).items()]
    entry = _Entry(f"{severity} of a configuration", what, page, example="\n".join(lines))
    if problem is None:
        return entry
    fix = (problem.fix or {}).items()
    instead = ", ".join(f"{name} = {_toml(value)}" for name, value in fix) or problem.hint
    return entry._replace(said=problem.message, instead=instead)


def _toml(value: Any) -> str:
    """Write a value of an option as TOML has it."""
    if isinstance(value, Guard):
        return f"{{ exempt_paths = {_toml(value.exempt_paths)} }}"
    if isinstance(value, str) and "\\" in value:
        return f"'{value}'"
    return json.dumps(value, default=str)


def sentence(clause: str) -> str:
    """Make a sentence; a name of the language that it begins with, as ``fetch()``, stays."""
    text = clause.replace("{detail}", "(...)")
    begins_with_word = re.match(r"[a-z]+(?![\w(])", text)
    return f"{text[0].upper() if begins_with_word else text[0]}{text[1:]}."


def _plain(text: str, header: str) -> str:
    """Say what stands in a cause for no request in particular, but perhaps for one header."""
    if header:
        text = text.replace("{header}", header)
    words = {"origin": "the page's origin", "method": "the method", "header": "the header"}
    text = re.sub(r"the (request|response) header \{header\}", r"a \1 header", text)
    for name, word in words.items():
        text = text.replace(f"{{{name}}}", word)
    return text


def _unknown(code: str) -> str:
    known: list[str] = [*MEANINGS, *REASONS, *table().causes, *FINDINGS]
    known += [each for codes in code_tables().values() for each in codes]
    near = difflib.get_close_matches(code[:100], known, 3, 0.5)
    text = f"{printable(code, 100)!r} is not a code"
    return f"{text}; the nearest: {', '.join(dict.fromkeys(near))}" if near else text
