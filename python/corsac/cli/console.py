"""`corsac console`: what a browser printed, from the command line, standard input or a log file."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO

from corsac._text import printable
from corsac.cli.ending import COULD_NOT_RUN, PROBLEMS, USAGE, CommandError
from corsac.cli.terminal import MAX_TEXT, Output, counted, write_json
from corsac.console import MAX_DIAGNOSES, Diagnosis, diagnose_chunks

__all__ = ["run"]

_CHUNK = 1_048_576
_MAX_LINE = 16 * _CHUNK  # What is longer is read in pieces.

_ENGINES = {"chromium": "Chromium", "firefox": "Firefox", "webkit": "WebKit", None: "A browser"}


def run(text: str | None, path: str | None, engine: str | None, *, as_json: bool) -> int:
    """Diagnose a text, a file, or what standard input has; print that, and give the exit code."""
    if text is not None and path is not None:
        raise CommandError("give a text, or --file, but not both", USAGE)
    found, left_out = diagnose_chunks(_chunks(text, path), engine=engine)
    if as_json:
        write_json(
            {"diagnoses": [each.as_dict() for each in found], "left_out": left_out}, sys.stdout
        )
    else:
        _write(Output(sys.stdout), found, left_out)
    return PROBLEMS if found else COULD_NOT_RUN


def _chunks(text: str | None, path: str | None) -> Iterator[str]:
    """Give what is to be read, in pieces of whole lines."""
    if text is not None and text != "-":
        yield text
        return
    if path is None:
        if sys.stdin.isatty():
            Output(sys.stderr).row("Paste what the browser printed, then press Ctrl-D:")
        stream = getattr(sys.stdin, "buffer", None)
        if stream is None:  # It was replaced, as in tests of other programs.
            yield sys.stdin.read()
            return
        source: AbstractContextManager[BinaryIO] = nullcontext(stream)
    else:
        try:
            source = Path(path).open("rb")  # noqa: SIM115 - used below
        except OSError as error:
            raise CommandError(f"cannot read {path!r:.200}: {error.strerror}") from None
        except ValueError as error:
            raise CommandError(f"cannot read {path!r:.200}: {error}", USAGE) from None
    with source as opened:
        try:
            yield from _lines(opened)
        except OSError as error:
            raise CommandError(f"cannot read {path or '-'!r:.200}: {error.strerror}") from None


def _lines(stream: BinaryIO) -> Iterator[str]:
    """Decode a stream; what is not valid becomes a replacement character."""
    data = stream.read(_CHUNK)
    encoding = "utf-8-sig"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"  # As PowerShell redirects.
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    pieces: list[str] = []
    length = 0
    while data:
        text = decoder.decode(data)
        # One that is read later may be a short rest; whole lines go on together.
        end = text.rfind("\n") + 1
        if end or length > _MAX_LINE:
            yield "".join([*pieces, text[: end or len(text)]])
            pieces, length = [], 0
            text = text[end or len(text) :]
        pieces.append(text)
        length += len(text)
        data = stream.read(_CHUNK)
    yield "".join([*pieces, decoder.decode(b"", final=True)])


def _write(out: Output, found: tuple[Diagnosis, ...], left_out: int) -> None:
    for each in found:
        _write_one(out, each)
        out.row()
    if not found:
        out.row("", "No message of a browser about CORS, or about another block, was found.")
        out.row(
            "", "Paste the red lines of the console as they are, in English, or run corsac probe."
        )
    if left_out:
        kinds = f"{MAX_DIAGNOSES} different ones"
        out.note(f"{counted(left_out, 'message')} after the first {kinds} left out")


def _write_one(out: Output, found: Diagnosis) -> None:
    style = "blocked" if found.is_cors else "warning"
    kind = "" if found.is_cors else "not CORS: "
    times = f" ({found.count} times)" if found.count > 1 else ""
    engine = (_ENGINES[found.engine], "dim")
    out.row([engine, "  "], (f"{kind}{found.title}", style), times)
    if found.url or found.origin:
        origin = f"{printable(found.origin, MAX_TEXT)} -> " if found.origin else ""
        method = f"{printable(found.method, 100)} " if found.method else ""
        out.row("", f"{origin}{method}{printable(found.url or '(an unknown URL)', MAX_TEXT)}")
    for label, text in (
        ("Cause   ", found.cause),
        ("Server  ", found.fix_on_server),
        ("Page    ", found.fix_on_page),
    ):
        out.row([(label, "dim")], printable(text, MAX_TEXT), prose=True)
    if found.probe and (found.is_cors or found.reasons):
        out.row([("See it  ", "dim")], printable(found.probe, MAX_TEXT))
    named = dict.fromkeys((found.reason or "").replace("preflight:", "").split(" or "))
    if found.reason and found.reason.count("preflight:") == len(found.reason.split(" or ")):
        named = dict.fromkeys(found.reason.split(" or "))
    if found.reason:
        out.row([("Code    ", "dim")], printable(" or ".join(named), MAX_TEXT))
    out.page("More    ", found.page)
