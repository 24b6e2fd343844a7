"""What came of requests: the counters of middlewares, added up and in their words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from corsac._text import in_words
from corsac._types import Counted, Outcomes

if TYPE_CHECKING:
    from corsac.middleware import ConfiguredMiddleware

__all__ = ["Counting", "add_up", "outcome_rows", "said_on_trial"]


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


def _by_outcome(outcomes: Outcomes) -> dict[str, int]:
    """Count by kind and outcome, as `corsac.CORSMiddleware.counters` does."""
    judged = (f"{kind}_{end}" for kind in ("actual", "preflight") for end in ("allowed", "refused"))
    counts = dict.fromkeys(("not_cors", *judged, "guard_refused", "host_refused"), 0)
    for kind, reason, count in outcomes:
        outcome = "" if kind == "not_cors" else "_refused" if reason else "_allowed"
        counts[f"{kind}{outcome}"] += count
    return counts


def _by_reason(outcomes: Outcomes) -> dict[tuple[str, str], int]:
    """Count refusals by kind and reason, as `corsac.CORSMiddleware.refusal_counters` does."""
    return {(kind, reason): count for kind, reason, count in outcomes if reason}


class Counting:
    """Base of middlewares: what came of their requests. The native middlewares count."""

    __slots__ = ()

    if TYPE_CHECKING:

        def _outcomes(self) -> Outcomes: ...
        def _trial_outcomes(self) -> tuple[Outcomes, int, int, int]: ...

    def counters(self) -> Mapping[str, int]:
        """Count the requests since the middleware was made, by kind and outcome.

        Returns:
            The keys ``not_cors``, ``actual_allowed``, ``actual_refused``, ``preflight_allowed``,
            ``preflight_refused``, ``guard_refused`` and ``host_refused``. A preflight request of an
            allowed origin that the browser refuses, since a method or header is not listed, is
            ``preflight_refused``. A request with an Origin that no browser carries out a CORS check
            for, such as a form or any POST of the own origin, is ``not_cors`` unless the policy
            allows it: see `corsac.refusals.log.RefusalLog`.
        """
        return _by_outcome(self._counted()[0])

    def refusal_counters(self) -> Mapping[tuple[str, str], int]:
        """Count the requests that were refused since the middleware was made, by kind and reason.

        Returns:
            The count for each such pair as ``("actual", "origin-not-allowed")``: `corsac.Refusal`.
        """
        return _by_reason(self._counted()[0])

    def report_only_counters(self) -> Mapping[str, int]:
        """Count what the report-only policies would have made of requests so far.

        Returns:
            The keys of `counters`; ``undecided`` for requests about which nothing is said, since
            their origin would have to be waited for; and how many would get less far, or farther.
            A request gets nowhere (the guard answers it; or it is a preflight request that the
            server or the browser refuses), or to the application, or, as CORS keeps nothing from
            it, to its page too. ``newly_refused`` counts those that would get less far than under
            the policy in force, ``newly_allowed`` those that would get farther. A WebSocket
            handshake gets nowhere or all the way. A path that the policy in force leaves alone
            keeps nothing from anyone; what the policies on trial leave alone is not counted.
        """
        outcomes, undecided, newly_refused, newly_allowed = self._counted()[1]
        return {
            **_by_outcome(outcomes),
            "undecided": undecided,
            "newly_refused": newly_refused,
            "newly_allowed": newly_allowed,
        }

    def report_only_refusal_counters(self) -> Mapping[tuple[str, str], int]:
        """Count, as `refusal_counters`, what the report-only policies would have refused.

        There are more reasons: see `corsac.Refusal`.
        """
        return _by_reason(self._counted()[1][0])

    def _parts(self) -> Iterable[Counting]:
        """Return other middlewares whose requests count as this one's."""
        return ()

    def _counted(self) -> Counted:
        own = (self._outcomes(), self._trial_outcomes())
        return add_up([own, *(part._counted() for part in self._parts())])


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
