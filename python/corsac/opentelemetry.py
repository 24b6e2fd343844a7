"""What came of requests as OpenTelemetry metrics and span attributes; extra ``opentelemetry``.

Example:
    >>> from corsac.opentelemetry import CORSInstrumentor
    >>> CORSInstrumentor().instrument(middleware)

All names begin with ``corsac.``: the semantic conventions keep ``http.*`` for themselves, and a
refused request is not an error of the server, so the status of its span stays as it is.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from corsac._locks import make_lock
from corsac._text import printable
from corsac._version import __version__
from corsac.counts import outcome_rows
from corsac.live.follower import Follower, check_followers
from corsac.live.seen import STATES
from corsac.middleware import ConfiguredMiddleware
from corsac.observers import read_observation

try:
    from opentelemetry import metrics, trace
except ImportError as error:
    message = "corsac.opentelemetry needs opentelemetry-api: pip install 'corsac[opentelemetry]'"
    raise ImportError(message) from error

if TYPE_CHECKING:
    from corsac.refusals import OnRefusal, Refusal

__all__ = ["CORSInstrumentor", "annotate_span"]

METRIC = "corsac.requests"


def annotate_span(refusal: Refusal) -> None:
    """Describe a refusal by attributes of the current span; an ``on_refusal`` of its own.

    The attributes are ``corsac.outcome`` (``refused``), ``corsac.kind``, ``corsac.reason`` and
    ``corsac.rule``, as in `corsac.Refusal`, ``corsac.policy`` where several stand in one place, and
    ``corsac.origin``, escaped and cut. What a report-only policy would refuse has
    ``corsac.report_only.reason`` alone. The span's name and status stay; without a span that is
    recorded nothing happens.

    Args:
        refusal: The refusal.
    """
    span = trace.get_current_span()
    if not span.is_recording():
        return
    if refusal.report_only:
        span.set_attribute("corsac.report_only.reason", refusal.reason)
        return
    span.set_attributes(
        {
            "corsac.outcome": "refused",
            "corsac.kind": refusal.kind,
            "corsac.reason": refusal.reason,
            "corsac.rule": refusal.rule,
        }
    )
    if refusal.policy is not None:
        span.set_attribute("corsac.policy", refusal.policy)
    if refusal.origin is not None:
        span.set_attribute("corsac.origin", printable(refusal.origin, 128))


class CORSInstrumentor:
    """Gives the counters of middlewares to a meter, and annotates the spans of refused requests.

    One observable counter, ``corsac.requests`` (unit ``{request}``), with the attributes

    - ``corsac.kind``: ``not-cors``, ``actual``, ``preflight``, or what never reached the
      application, such as ``guard``;
    - ``corsac.outcome``: ``none`` (not-cors only), ``allowed`` or ``refused``;
    - ``corsac.reason``: the code of a refusal; only there with one;
    - ``corsac.mode``: ``enforced``, or ``report_only`` for what policies on trial would have done;
    - ``corsac.middleware``: the name given to `instrument`; only there with one.

    Of followers there are the gauges ``corsac.live.origins`` (unit ``{origin}``),
    ``corsac.live.skipped`` (``{entry}``), ``corsac.live.age`` (``s``; none until the source has
    answered) and ``corsac.live.state``, which is 1 with the attribute ``corsac.state`` that is so
    and 0 with others; all with ``corsac.source`` and ``corsac.middleware``.

    The counters are read when metrics are exported: a request costs nothing more for them. Origin
    and Host are not among the attributes, since any client can write them.

    An instrumentor of a framework has to be outside of the middleware, so that its span is there
    while a request is refused. Django's is, and FastAPI's where the middleware was added with
    ``add_middleware``. `corsac.starlette.install` stands outside of everything in the application,
    and Flask's instrumentor begins its spans inside of Flask: put ``OpenTelemetryMiddleware`` of
    ``opentelemetry.instrumentation.asgi`` or ``.wsgi`` around the application there.

    Args:
        meter_provider: Gives the meter; ``None``: the global one.
    """

    def __init__(self, *, meter_provider: metrics.MeterProvider | None = None) -> None:
        # A fork between its two steps leaves spans annotated whose counters nobody exports.
        self._lock = make_lock()
        self._instrumented: dict[str | None, tuple[ConfiguredMiddleware[Any], Any, Any]] = {}
        self._followers: tuple[tuple[dict[str, str], Follower], ...] = ()
        meter = metrics.get_meter("corsac", __version__, meter_provider)
        meter.create_observable_counter(
            METRIC,
            callbacks=[self._observe],
            unit="{request}",
            description="Requests by what came of them.",
        )
        for gauge, unit, description in _GAUGES:
            meter.create_observable_gauge(
                f"corsac.live.{gauge}",
                callbacks=[functools.partial(self._observe_followers, gauge)],
                unit=unit,
                description=description,
            )

    def instrument(
        self,
        middleware: ConfiguredMiddleware[Any],
        *,
        name: str | None = None,
        followers: Iterable[Follower] = (),
    ) -> None:
        """Export the counters of a middleware, and annotate the spans of what it refuses.

        Its ``on_refusal`` is called as before, after the span was annotated. A later
        ``reconfigure(on_refusal=...)`` ends the annotation; call `annotate_span` there.

        Args:
            middleware: One of ASGI or WSGI, also a Flask extension's ``middleware``.
            name: Its attribute ``corsac.middleware``, to tell several apart.
            followers: Those that put origins in force in it.

        Raises:
            TypeError: ``middleware`` is not a middleware of Corsac, or a follower is none.
            ValueError: The middleware or the name is there already, or two followers have sources
                of one name.
        """
        checked = check_followers(followers)
        if not isinstance(middleware, ConfiguredMiddleware):
            message = f"expected a CORSMiddleware of Corsac, got {type(middleware).__name__}"
            raise TypeError(message)
        with self._lock:
            known = self._instrumented
            if name in known or any(middleware is each for each, *_ in known.values()):
                message = f"the middleware {name!r} is instrumented already"
                raise ValueError(message)
            before = middleware.on_refusal

            def annotate(refusal: Refusal) -> object:
                annotate_span(refusal)
                return None if before is None else before(refusal)

            _tell(middleware, annotate)
            # One value: an export meanwhile sees the old ones or the new ones, whole.
            self._instrumented = {**known, name: (middleware, before, annotate)}
            named = {} if name is None else {"corsac.middleware": name}
            rows = ((named | {"corsac.source": each.source.name}, each) for each in checked)
            self._followers = (*self._followers, *rows)

    def uninstrument(self) -> None:
        """Let go of all middlewares; each gets the ``on_refusal`` back that it had."""
        with self._lock:
            known, self._instrumented = self._instrumented, {}
            self._followers = ()
        for middleware, before, annotate in known.values():
            if middleware.on_refusal is annotate:
                _tell(middleware, before)

    def _observe(self, _: metrics.CallbackOptions) -> Iterator[metrics.Observation]:
        for name, (middleware, *_rest) in self._instrumented.items():
            named = {} if name is None else {"corsac.middleware": name}
            counted = {"enforced": (middleware.counters(), middleware.refusal_counters())}
            if middleware._observation.trial is not None:  # Policies, rules or hosts.
                counted["report_only"] = (
                    middleware.report_only_counters(),
                    middleware.report_only_refusal_counters(),
                )
            for mode, (counters, refusals) in counted.items():
                for kind, outcome, reason, count in outcome_rows(counters, refusals):
                    row = {"corsac.kind": kind, "corsac.outcome": outcome, "corsac.mode": mode}
                    if reason:
                        row["corsac.reason"] = reason
                    yield metrics.Observation(count, row | named)

    def _observe_followers(
        self, gauge: str, _: metrics.CallbackOptions
    ) -> Iterator[metrics.Observation]:
        for row, follower in self._followers:
            status = follower.status
            if gauge == "state":
                for state in STATES:
                    is_so = int(status.state == state)
                    yield metrics.Observation(is_so, row | {"corsac.state": state})
            elif (value := getattr(status, gauge)) is not None:
                yield metrics.Observation(value, row)


_GAUGES = (
    ("origins", "{origin}", "Origins of a source that are in force."),
    ("skipped", "{entry}", "Invalid entries in its last answer."),
    ("age", "s", "Seconds since it last answered."),
    ("state", "1", "1 for the state that a source is in."),
)


def _tell(middleware: ConfiguredMiddleware[Any], on_refusal: OnRefusal | None) -> None:
    given = {"on_refusal": on_refusal}
    observation = read_observation(middleware._observation, middleware._request_line, [], given)
    middleware._observe_as(observation)
    middleware._was_observed()
