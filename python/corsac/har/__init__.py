"""A recorded session (HAR 1.2) that somebody sent: what CORS made of it, and what a policy would.

from corsac.har import replay

for exchange in replay("session.har").blocked:
    print(exchange, exchange.recorded.explanation)

Needs the extra ``cli``. Nothing is sent. Cookies, Authorization, bodies and other values that may
be secrets are dropped while the file is read.
"""

from __future__ import annotations

import os

from corsac.har.answers import RecordedApplication
from corsac.har.entries import cross_origin, is_of_cors, may_be_stored, with_known_origins
from corsac.har.grouping import Groups
from corsac.har.judging import Judge
from corsac.har.recording import MAX_DEPTH, MAX_HEADERS, MAX_TEXT_BYTES, Entry, HARError, Reading
from corsac.har.result import Exchange, Replay, Verdict
from corsac.policy import CORSPolicy
from corsac.wsgi import CORSMiddleware

__all__ = ["MAX_DEPTH", "MAX_ENTRIES", "MAX_HEADERS", "MAX_KEPT_BYTES", "MAX_TEXT_BYTES"]
__all__ += ["Exchange", "HARError", "Replay", "Verdict", "replay"]

MAX_ENTRIES = 10_000
"""How many entries that CORS is about are judged; what comes after them is counted."""

MAX_KEPT_BYTES = 64 * 1024 * 1024
"""About how many bytes of those entries are kept; what comes after them is counted, too."""

# Entries that CORS is not about, of which the answer may be stored.
_MAX_OTHERS, _MAX_OTHER_BYTES = 1_000, 16_384


def replay(
    path: str | os.PathLike[str], *, policy: CORSPolicy | str | os.PathLike[str] | None = None
) -> Replay:
    """Judge each cross-origin exchange of a recorded session as a browser does.

    Preflight requests may be missing, or be entries of their own, as browsers differ in that; the
    same for redirects. What was not recorded and had to be assumed is in the notes of an exchange,
    and where an answer is missing that decides, the verdict is ``"undecided"``. The file is read as
    a stream: its size does not matter, that of a single text does (`MAX_TEXT_BYTES`).

    Args:
        path: The HAR, as Chromium, Firefox and Safari write it.
        policy: What the server might have answered by: a policy, or the path of a TOML file with
            rules, guard and all else. Its middleware logs refusals as always.

    Returns:
        The exchanges with their verdicts.

    Raises:
        HARError: It is not a HAR, or cannot be read as one.
        OSError: The file cannot be read.
        CORSConfigError: The policy's file is invalid.
        TypeError: The policy is neither a policy nor a path.
    """
    application = RecordedApplication()
    middleware = _middleware(application, policy)
    reading = Reading(path)
    waiting: list[Entry] = []
    others: list[Entry] = []
    count = kept = left_out = 0
    for entry in reading.entries():
        count += 1
        if not is_of_cors(entry):
            # A browser may have stored the answer to an image, and judge that one later.
            if may_be_stored(entry) and len(others) < _MAX_OTHERS and entry.size < _MAX_OTHER_BYTES:
                others.append(entry)
            continue
        kept += entry.size
        if left_out or len(waiting) == MAX_ENTRIES or kept > MAX_KEPT_BYTES:
            left_out += 1
        else:
            waiting.append(entry)
    # Pages may stand behind the entries.
    found = [(entry, cross_origin(entry, reading.pages)) for entry in waiting]
    stored = [(entry, cross_origin(entry, reading.pages)) for entry in others]
    groups = Groups(with_known_origins(found), stored)
    exchanges = Judge(groups, application, middleware).exchanges()
    return Replay(entries=count, exchanges=tuple(exchanges), left_out=left_out)


def _middleware(
    application: RecordedApplication, policy: CORSPolicy | str | os.PathLike[str] | None
) -> CORSMiddleware | None:
    """Put a policy before an application; ``None`` without one."""
    if policy is None:
        return None
    if isinstance(policy, CORSPolicy):
        return CORSMiddleware(application, policy)
    if not isinstance(policy, str | os.PathLike):
        message = f"policy must be a CORSPolicy or a path, not {type(policy).__name__}"
        raise TypeError(message)
    return CORSMiddleware.from_file(application, policy)
