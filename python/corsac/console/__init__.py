"""What a browser printed into its console, pasted: why the request failed, and what to change.

from corsac.console import diagnose

for diagnosis in diagnose(text):
    print(diagnosis.cause, diagnosis.fix_on_server, diagnosis.page)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from corsac.console.diagnosis import Diagnosis
from corsac.console.findings import ENGINES, MAX_DIAGNOSES, Findings
from corsac.console.page import Hit
from corsac.console.scanning import MAX_MESSAGE, MAX_WRAPPED, scan

__all__ = ["ENGINES", "MAX_DIAGNOSES", "MAX_MESSAGE", "MAX_WRAPPED", "Diagnosis", "diagnose"]
__all__ += ["diagnose_chunks"]


def diagnose(text: str, *, engine: str | None = None) -> tuple[Diagnosis, ...]:
    """Say what messages of a browser's console mean.

    Noise around them does not matter: other lines, time stamps, places in source files, curly or
    straight quotes, and, in a paste of up to `MAX_WRAPPED` characters, lines that were broken.
    Lines that say nothing beside others, such as ``net::ERR_FAILED``, are counted with those. The
    time is linear in the length of the text; nothing is sent anywhere.

    Args:
        text: What the browser printed.
        engine: One of `ENGINES`, to read only what that prints.

    Returns:
        A diagnosis of each different message, in order, at most `MAX_DIAGNOSES`; also of what is
        not CORS but stops requests as well, with ``is_cors`` false. Empty if there is none.

    Raises:
        ValueError: The engine is none of `ENGINES`.
        TypeError: The text is not a string.
    """
    if not isinstance(text, str):
        message = f"text has to be a string, not {type(text).__name__}"
        raise TypeError(message)
    return diagnose_chunks([text], engine=engine)[0]


def diagnose_chunks(
    chunks: Iterable[str], *, engine: str | None = None
) -> tuple[tuple[Diagnosis, ...], int]:
    """Say what messages mean, from a text that comes in pieces, each of whole lines.

    Args:
        chunks: The pieces; only one is in memory at a time.
        engine: As in `diagnose`.

    Returns:
        The diagnoses, and how many messages beyond `MAX_DIAGNOSES` different ones were left out.

    Raises:
        ValueError: The engine is none of `ENGINES`.
    """
    if engine is not None and engine not in ENGINES:
        message = f"{engine!r:.50} is not an engine: write one of {', '.join(ENGINES)}"
        raise ValueError(message)
    findings = Findings(engine)
    lines = 0
    for chunk in chunks:
        for hit in _hits(chunk):
            hit.line += lines
            findings.add(hit)
        lines += chunk.count("\n")
    return findings.diagnoses(), findings.left_out


def _hits(chunk: str) -> Iterator[Hit]:
    """Find messages; where there is none, with the last full stop, which hand copies often lack."""
    has_some = False
    for hit in scan(chunk):
        has_some = True
        yield hit
    if not has_some and 0 < len(chunk) <= MAX_WRAPPED:
        yield from scan(f"{chunk.rstrip()}.")
