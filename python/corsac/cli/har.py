"""`corsac har`: a recorded session, judged by the simulated browser and under a policy."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator

from corsac._text import printable
from corsac.cli.check import check_valid, silent_log
from corsac.cli.ending import COULD_NOT_RUN, FINE, PROBLEMS, CommandError
from corsac.cli.terminal import MAX_TEXT, Output, Part, counted, write_json
from corsac.har import MAX_ENTRIES, MAX_KEPT_BYTES, Exchange, HARError, Replay, Verdict, replay

__all__ = ["run"]

_STYLES = {"allowed": "allowed", "blocked": "blocked", "undecided": "warning"}


def run(path: str, policy: str | None, *, as_json: bool) -> int:
    """Judge a recorded session, print that, and give the exit code.

    With a policy it is the policy's verdicts that decide about the exit code.
    """
    if policy is not None:
        is_file = os.path.exists(policy) and not os.path.isdir(policy)
        if policy.endswith(".py") or not (policy.endswith(".toml") or is_file):
            message = f"--policy {policy!r:.200} is not a TOML file: write the policy into one"
            raise CommandError(f"{message} (policy.toml)")
        check_valid(policy, None, "")
    try:
        with silent_log():
            found = replay(path, policy=policy)
    except HARError as error:
        raise CommandError(f"{path!r:.200}: {printable(str(error), MAX_TEXT)}") from None
    except OSError as error:
        raise CommandError(f"cannot read {path!r:.200}: {error.strerror or error}") from None
    except ValueError:
        raise CommandError(f"cannot read {path!r:.200}: it is not a path") from None
    verdicts = Counter(_deciding(each).verdict for each in found.exchanges)
    if as_json:
        write_json({"policy": policy, **found.as_dict(), "verdicts": dict(verdicts)}, sys.stdout)
    else:
        _write(Output(sys.stdout), found, policy)
    if verdicts["blocked"]:
        return PROBLEMS
    return FINE if verdicts["allowed"] else COULD_NOT_RUN


def _deciding(exchange: Exchange) -> Verdict:
    return exchange.under_policy or exchange.recorded


def _verdicts(exchange: Exchange) -> Iterator[Verdict]:
    yield exchange.recorded
    if exchange.under_policy is not None:
        yield exchange.under_policy


def _write(out: Output, found: Replay, policy: str | None) -> None:
    for each in found.exchanges:
        out.row([_label(each.recorded)], f"{each.origin} -> {each.method} {each.url}")
        what = str(each.status) if each.status else "no status"
        error = f" ({each.error})" if each.error else ""
        out.row("           ", f"recorded: {what}{error}{_why(each.recorded)}")
        if each.under_policy is not None:
            under: list[Part] = ["           policy: ", (each.under_policy.verdict, "dim")]
            out.row(under, _why(each.under_policy))
        for note in each.notes:
            out.row([("           note: ", "dim")], note)
        out.row()
    counts = Counter(each.recorded.verdict for each in found.exchanges)
    kinds = ", ".join(f"{counts[kind]} {kind}" for kind in _STYLES if counts[kind])
    entries = counted(found.entries, "entry", "entries")
    if not found.exchanges:
        out.row("", f"no request of a page to another origin in {entries}")
    else:
        out.row("", f"{counted(len(found.exchanges), 'exchange')} in {entries}: {kinds}")
    if policy is not None and found.exchanges:
        counts = Counter(_deciding(each).verdict for each in found.exchanges)
        kinds = ", ".join(f"{counts[kind]} {kind}" for kind in _STYLES if counts[kind])
        out.row("", f"under {printable(policy, MAX_TEXT)}: {kinds}")
    out.more(verdict.reason for each in found.exchanges for verdict in _verdicts(each))
    if found.left_out:
        most = f"at most {MAX_ENTRIES}, or {MAX_KEPT_BYTES // 1024 // 1024} MiB of them, are judged"
        out.note(f"{counted(found.left_out, 'entry', 'entries')} left out: {most}")


def _label(verdict: Verdict) -> tuple[str, str]:
    return (f"{verdict.verdict.upper():11}", _STYLES[verdict.verdict])


def _why(verdict: Verdict) -> str:
    reason = f" [{verdict.reason}]" if verdict.reason else ""
    return f": {verdict.explanation}{reason}" if verdict.explanation else ""
