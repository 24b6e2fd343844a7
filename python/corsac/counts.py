"""What came of requests, added up and in the words of the counters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from corsac._text import in_words
from corsac._types import Counted, Outcomes

if TYPE_CHECKING:
    from corsac.middleware import ConfiguredMiddleware

__all__ = ["add_up", "by_outcome", "by_reason", "outcome_rows", "said_on_trial"]


def add_up(counted: Iterable[Counted]) -> Counted:
    """Add up what several middlewares have counted, at least one; all have the same outcomes."""
    outcomes, on_trial = zip(*counted, strict=True)
    of_trial, *others = zip(*on_trial, strict=True)
    total, total_of_trial = (
        [(*rows[0][:2], sum(row[2] for row in rows)) for rows in zip(*parts, strict=True)]
        for parts in (outcomes, of_trial)
    )
    undecided, newly_refused, newly_allowed = map(sum, others)
    return total, (total_of_trial, undecided, newly_refused, newly_allowed)


def by_outcome(outcomes: Outcomes) -> dict[str, int]:
    """Count by kind and outcome, as `corsac.CORSMiddleware.counters` does."""
    judged = (f"{kind}_{end}" for kind in ("actual", "preflight") for end in ("allowed", "refused"))
    counts = dict.fromkeys(("not_cors", *judged, "guard_refused", "host_refused"), 0)
    for kind, reason, count in outcomes:
        outcome = "" if kind == "not_cors" else "_refused" if reason else "_allowed"
        counts[f"{kind}{outcome}"] += count
    return counts


def by_reason(outcomes: Outcomes) -> dict[tuple[str, str], int]:
    """Count refusals by kind and reason, as `corsac.CORSMiddleware.refusal_counters` does."""
    return {(kind, reason): count for kind, reason, count in outcomes if reason}


def outcome_rows(
    counters: Mapping[str, int], refusals: Mapping[tuple[str, str], int]
) -> Iterator[tuple[str, str, str, int]]:
    """Give a kind, an outcome, a reason or ``""`` and a count for all that was counted.

    Args:
        counters: As `ConfiguredMiddleware.counters` gives them.
        refusals: As `ConfiguredMiddleware.refusal_counters` gives them.
    """
    yield "not-cors", "none", "", counters["not_cors"]
    for kind in ("actual", "preflight"):
        yield kind, "allowed", "", counters[f"{kind}_allowed"]
    for (kind, reason), count in refusals.items():
        yield kind, "refused", reason, count


def said_on_trial(middleware: ConfiguredMiddleware[Any]) -> Iterator[str]:
    """Say what they would have made of the requests to a middleware so far, if there are any."""
    if middleware._observation.trial is None:
        return
    counts, said = middleware.report_only_counters(), "change nothing here"
    if counts["newly_refused"]:
        refused = middleware.report_only_refusal_counters()
        reasons = {reason for (_, reason), count in refused.items() if count}
        said = f"refuse this: {in_words(sorted(reasons))}"
    elif counts["newly_allowed"]:
        said = "allow this"
    yield f"what is on trial (report_only) would {said}"
