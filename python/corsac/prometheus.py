"""The counters of middlewares as Prometheus metrics; needs the extra ``prometheus``.

Example:
    >>> import corsac.prometheus
    >>> from prometheus_client import REGISTRY
    >>> REGISTRY.register(corsac.prometheus.CORSCollector(middleware))
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from corsac._locks import make_lock
from corsac.counts import outcome_rows
from corsac.live.follower import Follower, check_followers
from corsac.live.seen import STATES

try:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector
except ImportError as error:
    message = "corsac.prometheus needs prometheus-client: pip install 'corsac[prometheus]'"
    raise ImportError(message) from error

__all__ = ["CORSCollector", "CountingMiddleware"]


class CountingMiddleware(Protocol):
    """What a collector asks a middleware for; those of ASGI and of WSGI have it."""

    def counters(self) -> Mapping[str, int]:
        """As `corsac.CORSMiddleware.counters`."""

    def refusal_counters(self) -> Mapping[tuple[str, str], int]:
        """As `corsac.CORSMiddleware.refusal_counters`."""

    def report_only_counters(self) -> Mapping[str, int]:
        """As `corsac.CORSMiddleware.report_only_counters`."""

    def report_only_refusal_counters(self) -> Mapping[tuple[str, str], int]:
        """As `corsac.CORSMiddleware.report_only_refusal_counters`."""

    @property
    def on_refusal_errors(self) -> int:
        """As `corsac.CORSMiddleware.on_refusal_errors`."""


class CORSCollector(Collector):
    """Reads the counters of one or more middlewares whenever a registry is scraped.

    A request costs nothing more for it. The metrics:

    - ``corsac_requests_total{kind, outcome, reason}``: what came of requests. The kind is
      ``not-cors``, ``actual``, ``preflight``, ``guard`` or ``host``, the outcome ``none`` (not-cors
      only), ``allowed`` or ``refused``, the reason a code or empty.
    - ``corsac_report_only_requests_total``, with the same labels: what the report-only
      policies would have made of them, and ``outcome="undecided"``.
    - ``corsac_report_only_changes_total{change}``: requests with another outcome under these,
      ``newly_refused`` or ``newly_allowed``.
    - ``corsac_on_refusal_errors_total``: what ``on_refusal`` raised.
    - ``corsac_live_origins{source}``, ``corsac_live_skipped_entries{source}``,
      ``corsac_live_age_seconds{source}`` and ``corsac_live_state{source, state}``, which is 1 for
      the state that it is in: the `corsac.live.FollowerStatus` of each follower. There is no age
      until the source has answered.

    A registry takes each name from one collector only, so several middlewares share one: see
    `add`. With a ``name`` every metric has the label ``middleware`` too. A collector keeps its
    middlewares alive. prometheus-client's mode for several processes knows no collectors of one's
    own; scrape each worker there.

    Args:
        middleware: The first middleware.
        name: The value of its label ``middleware``; ``None``: there is no such label.
        followers: Those that put origins in force in it.

    Raises:
        TypeError: ``middleware`` has no counters, ``name`` is not text, or a follower is none.
        ValueError: Two followers have sources of one name.
    """

    def __init__(
        self,
        middleware: CountingMiddleware,
        *,
        name: str | None = None,
        followers: Iterable[Follower] = (),
    ) -> None:
        self._lock = make_lock()
        self._is_named = name is not None
        self._middlewares: dict[str, tuple[CountingMiddleware, tuple[Follower, ...]]] = {}
        self._put(middleware, name, followers)

    def add(
        self, middleware: CountingMiddleware, *, name: str, followers: Iterable[Follower] = ()
    ) -> None:
        """Collect another middleware.

        Args:
            middleware: The middleware.
            name: The value of its label ``middleware``.
            followers: Those that put origins in force in it.

        Raises:
            TypeError: As for the class.
            ValueError: As for the class; or the first has no name, or the name or the middleware is
                there already.
        """
        if not self._is_named:
            message = 'name all middlewares of one collector: CORSCollector(first, name="...")'
            raise ValueError(message)
        self._put(middleware, name, followers)

    def _put(
        self, middleware: CountingMiddleware, name: str | None, given: Iterable[Follower]
    ) -> None:
        followers = check_followers(given)
        if not hasattr(middleware, "report_only_refusal_counters"):
            raise TypeError(f"expected a CORSMiddleware of Corsac, got {type(middleware).__name__}")
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name must be text, not {type(name).__name__}")
        with self._lock:
            if name in self._middlewares or any(
                known is middleware for known, _ in self._middlewares.values()
            ):
                raise ValueError(f"the middleware {name!r} is collected already")
            # One value: a scrape meanwhile sees the old ones or the new ones, whole.
            self._middlewares = {**self._middlewares, name or "": (middleware, followers)}

    def describe(self) -> Iterator[Metric]:
        """The metrics without samples, so that registering a collector counts nothing."""
        yield from self._families()
        yield from self._families_of_followers()

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        requests, trial, changes, errors = families = self._families()
        live = self._families_of_followers()
        for name, (middleware, followers) in self._middlewares.items():
            named = [name] if self._is_named else []
            _add(requests, named, middleware.counters(), middleware.refusal_counters())
            counters = middleware.report_only_counters()
            _add(trial, named, counters, middleware.report_only_refusal_counters())
            trial.add_metric([*named, "", "undecided", ""], counters["undecided"])
            for change in ("newly_refused", "newly_allowed"):
                changes.add_metric([*named, change], counters[change])
            errors.add_metric(named, middleware.on_refusal_errors)
            for follower in followers:
                _add_status(live, [*named, follower.source.name], follower)
        yield from families
        yield from (family for family in live if family.samples)

    def _families_of_followers(self) -> tuple[GaugeMetricFamily, ...]:
        labels = [*(["middleware"] if self._is_named else []), "source"]
        texts = {
            "origins": "Origins of a source that are in force.",
            "skipped_entries": "Invalid entries in its last answer.",
            "age_seconds": "Seconds since it last answered.",
        }
        gauges = (
            GaugeMetricFamily(f"corsac_live_{name}", text, labels=labels)
            for name, text in texts.items()
        )
        state = "1 for the state that a source is in."
        return (*gauges, GaugeMetricFamily("corsac_live_state", state, labels=[*labels, "state"]))

    def _families(self) -> tuple[CounterMetricFamily, ...]:
        named = ["middleware"] if self._is_named else []
        labels = [*named, "kind", "outcome", "reason"]
        return (
            CounterMetricFamily("corsac_requests", "Requests by what came of them.", labels=labels),
            CounterMetricFamily(
                "corsac_report_only_requests",
                "Requests by what the policies on trial would have made of them.",
                labels=labels,
            ),
            CounterMetricFamily(
                "corsac_report_only_changes",
                "Requests of which the policies on trial would have made something else.",
                labels=[*named, "change"],
            ),
            CounterMetricFamily("corsac_on_refusal_errors", "Errors of on_refusal.", labels=named),
        )


def _add(
    family: CounterMetricFamily,
    named: list[str],
    counters: Mapping[str, int],
    refusals: Mapping[tuple[str, str], int],
) -> None:
    for *labels, count in outcome_rows(counters, refusals):
        family.add_metric([*named, *labels], count)


def _add_status(
    families: tuple[GaugeMetricFamily, ...], labels: list[str], follower: Follower
) -> None:
    origins, skipped, age, state = families
    status = follower.status
    origins.add_metric(labels, status.origins)
    skipped.add_metric(labels, status.skipped)
    if status.age is not None:
        age.add_metric(labels, status.age)
    for name in STATES:
        state.add_metric([*labels, name], status.state == name)
