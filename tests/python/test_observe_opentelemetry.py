"""`corsac.opentelemetry`: the counters as one metric, and spans that say why, with the real SDK."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastapi
import flask
import pytest
from fastapi.testclient import TestClient
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware as WSGITracer
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Sum
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

import corsac
import corsac.flask
import corsac.starlette
from corsac.opentelemetry import CORSInstrumentor, annotate_span
from support.exchange import Request, http_scope, run_asgi
from support.refused import (
    ACTUAL,
    EVIL,
    FORGED,
    MALFORMED,
    ORIGIN,
    POLICY,
    REFUSED,
    MakeObserved,
    preflight,
)

Labels = tuple[tuple[str, str], ...]


class Exported:
    """What a meter provider exports, and the tracer provider of the same test."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider(metric_readers=[self.reader])
        self.spans = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.spans))

    def metrics(self) -> dict[str, Any]:
        """Each metric of the scope ``corsac`` by its name."""
        data = self.reader.get_metrics_data()
        found = [] if data is None else data.resource_metrics
        return {
            metric.name: metric
            for resource in found
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if scope.scope.name == "corsac"
        }

    def counts(self) -> dict[Labels, int]:
        """The data points of ``corsac.requests`` that are not 0, by their attributes."""
        points = self.metrics()["corsac.requests"].data.data_points
        return {
            tuple(sorted(point.attributes.items())): point.value for point in points if point.value
        }

    def refused_spans(self) -> list[dict[str, Any]]:
        """The attributes of ours, for each span that has any."""
        all_own = [
            {name: value for name, value in (span.attributes or {}).items() if "corsac" in name}
            for span in self.spans.get_finished_spans()
        ]
        return [own for own in all_own if own]


@pytest.fixture
def exported() -> Iterator[Exported]:
    found = Exported()
    yield found
    found.meters.shutdown()
    found.tracers.shutdown()


def labels(
    kind: str, outcome: str, reason: str = "", mode: str = "enforced", **more: str
) -> Labels:
    named = {"corsac.kind": kind, "corsac.outcome": outcome, "corsac.mode": mode}
    if reason:
        named["corsac.reason"] = reason
    named |= {f"corsac.{name}": value for name, value in more.items()}
    return tuple(sorted(named.items()))


def test_one_monotonic_counter_has_requests_by_kind_outcome_and_reason(
    make_observed: MakeObserved, exported: Exported
) -> None:
    send = make_observed(policy=POLICY.replace(guard=True))
    CORSInstrumentor(meter_provider=exported.meters).instrument(send.middleware)
    for request in (ACTUAL, ACTUAL, REFUSED, MALFORMED, FORGED, preflight(), Request()):
        send(request)
    send(preflight(origin=EVIL))
    assert exported.counts() == {
        labels("not-cors", "none"): 1,
        labels("actual", "allowed"): 2,
        labels("actual", "refused", "origin-not-allowed"): 1,
        labels("actual", "refused", "origin-malformed"): 1,
        labels("preflight", "allowed"): 1,
        labels("preflight", "refused", "origin-not-allowed"): 1,
        labels("guard", "refused", "cross-origin-request"): 1,
    }
    (metric,) = exported.metrics().values()
    assert (metric.name, metric.unit) == ("corsac.requests", "{request}")
    assert isinstance(metric.data, Sum)
    assert metric.data.is_monotonic


def test_policies_on_trial_have_a_mode_of_their_own(
    make_observed: MakeObserved, exported: Exported
) -> None:
    send = make_observed(policy=POLICY, report_only=POLICY.replace(allow_methods=["PUT"]))
    CORSInstrumentor(meter_provider=exported.meters).instrument(send.middleware)
    send(preflight("DELETE"))
    assert exported.counts() == {
        labels("preflight", "allowed"): 1,
        labels("preflight", "refused", "method-not-allowed", mode="report_only"): 1,
    }


def test_a_trial_of_hosts_alone_is_exported(
    make_observed: MakeObserved, exported: Exported
) -> None:
    send = make_observed(policy=POLICY, report_only_hosts=["api.example.com"])
    CORSInstrumentor(meter_provider=exported.meters).instrument(send.middleware)
    send(Request(headers=[("host", "other.example")], path="/"))
    assert exported.counts() == {
        labels("not-cors", "none"): 1,
        labels("host", "refused", "host-not-allowed", mode="report_only"): 1,
    }


def test_a_span_names_the_policy_of_several_that_refused(
    make_observed: MakeObserved, exported: Exported
) -> None:
    send = make_observed(policy=[POLICY, POLICY])
    CORSInstrumentor(meter_provider=exported.meters).instrument(send.middleware)
    with exported.tracers.get_tracer("test").start_as_current_span("GET"):
        send(REFUSED)
    (span,) = exported.refused_spans()
    assert span["corsac.policy"] == 2


def test_several_middlewares_are_told_apart_by_their_names(
    make_observed: MakeObserved, exported: Exported
) -> None:
    first, second = make_observed(policy=POLICY), make_observed(policy=POLICY)
    instrumentor = CORSInstrumentor(meter_provider=exported.meters)
    instrumentor.instrument(first.middleware, name="api")
    instrumentor.instrument(second.middleware, name="admin")
    first(ACTUAL)
    second(REFUSED)
    assert exported.counts() == {
        labels("actual", "allowed", middleware="api"): 1,
        labels("actual", "refused", "origin-not-allowed", middleware="admin"): 1,
    }
    for middleware, name in ((first.middleware, "again"), (make_observed().middleware, "api")):
        with pytest.raises(ValueError, match="is instrumented already"):
            instrumentor.instrument(middleware, name=name)


def test_what_is_not_a_middleware_is_refused(exported: Exported) -> None:
    with pytest.raises(TypeError, match="expected a CORSMiddleware of Corsac, got Flask"):
        CORSInstrumentor(meter_provider=exported.meters).instrument(
            flask.Flask("tested")  # type: ignore[arg-type]
        )


def test_uninstrumented_middlewares_are_as_they_were(
    make_observed: MakeObserved, exported: Exported
) -> None:
    told: list[corsac.Refusal] = []
    send = make_observed(policy=POLICY, on_refusal=told.append)
    before = send.middleware.on_refusal
    instrumentor = CORSInstrumentor(meter_provider=exported.meters)
    instrumentor.instrument(send.middleware)
    send(REFUSED)
    assert [refusal.reason for refusal in told] == ["origin-not-allowed"]
    instrumentor.uninstrument()
    assert send.middleware.on_refusal is before
    assert "corsac.requests" not in exported.metrics()
    send(REFUSED)
    assert len(told) == 2
    instrumentor.instrument(send.middleware)
    assert sum(exported.counts().values()) == 2


def test_a_callback_that_was_replaced_meanwhile_stays(
    make_observed: MakeObserved, exported: Exported
) -> None:
    send = make_observed(policy=POLICY)
    instrumentor = CORSInstrumentor(meter_provider=exported.meters)
    instrumentor.instrument(send.middleware)
    told: list[corsac.Refusal] = []
    send.middleware.reconfigure(POLICY, on_refusal=told.append)
    instrumentor.uninstrument()
    send(REFUSED)
    assert len(told) == 1


def call_asgi(app: Any, request: Request) -> int:
    start, _ = run_asgi(app, http_scope(request))
    return int(start["status"])


REFUSED_ATTRIBUTES = {
    "corsac.outcome": "refused",
    "corsac.kind": "actual",
    "corsac.reason": "origin-not-allowed",
    "corsac.rule": "default",
    "corsac.origin": EVIL,
}


def test_the_span_of_a_refused_request_says_why_and_keeps_its_status(exported: Exported) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    middleware = corsac.CORSMiddleware(app, POLICY)
    CORSInstrumentor(meter_provider=exported.meters).instrument(middleware)
    traced = OpenTelemetryMiddleware(middleware, tracer_provider=exported.tracers)
    for request, status in ((ACTUAL, 200), (REFUSED, 200), (preflight(origin=EVIL), 403)):
        assert call_asgi(traced, request) == status
    assert exported.refused_spans() == [
        REFUSED_ATTRIBUTES,
        REFUSED_ATTRIBUTES | {"corsac.kind": "preflight"},
    ]
    assert all(
        span.status.status_code is StatusCode.UNSET and not span.events
        for span in exported.spans.get_finished_spans()
    )


def test_what_a_policy_on_trial_would_refuse_is_one_attribute(exported: Exported) -> None:
    tracer = exported.tracers.get_tracer("test")
    trial = corsac.Refusal("origin-not-allowed", ORIGIN, "GET", "/", "default", "actual", True)
    with tracer.start_as_current_span("request"):
        annotate_span(trial)
    assert exported.refused_spans() == [{"corsac.report_only.reason": "origin-not-allowed"}]


def test_an_origin_on_a_span_is_escaped_and_cut(exported: Exported) -> None:
    hostile = corsac.Refusal("origin-malformed", "a\n" + "x" * 9000, None, None, "/x", "actual")
    with exported.tracers.get_tracer("test").start_as_current_span("request"):
        annotate_span(hostile)
    ((origin,),) = [[own["corsac.origin"]] for own in exported.refused_spans()]
    assert origin == "a\\n" + "x" * 126 + "..."


def test_without_a_span_nothing_happens() -> None:
    annotate_span(corsac.Refusal("origin-not-allowed", EVIL, "GET", "/", "default", "actual"))


@pytest.mark.parametrize("is_traced_first", [True, False])
def test_fastapi_is_traced_outside_of_added_middleware(
    is_traced_first: bool, exported: Exported
) -> None:
    app = fastapi.FastAPI()
    options: dict[str, Any] = {
        "tracer_provider": exported.tracers,
        "meter_provider": exported.meters,
    }
    if is_traced_first:
        FastAPIInstrumentor.instrument_app(app, **options)
    app.add_middleware(corsac.CORSMiddleware, policy=POLICY, on_refusal=annotate_span)
    if not is_traced_first:
        FastAPIInstrumentor.instrument_app(app, **options)
    assert TestClient(app).get("/", headers={"origin": EVIL}).status_code == 404
    assert exported.refused_spans() == [REFUSED_ATTRIBUTES]


def test_a_tracer_around_an_application_with_corsac_installed_sees_refusals(
    exported: Exported,
) -> None:
    app = fastapi.FastAPI()
    installed = corsac.starlette.install(app, POLICY)
    CORSInstrumentor(meter_provider=exported.meters).instrument(installed)
    traced = OpenTelemetryMiddleware(app, tracer_provider=exported.tracers)
    assert call_asgi(traced, REFUSED) == 404
    assert exported.refused_spans() == [REFUSED_ATTRIBUTES]
    assert exported.counts() == {labels("actual", "refused", "origin-not-allowed"): 1}


def test_a_tracer_around_flask_sees_refusals(exported: Exported) -> None:
    app = flask.Flask("tested")
    corsac.flask.CORS(app, policy=POLICY)
    CORSInstrumentor(meter_provider=exported.meters).instrument(corsac.flask.install(app))
    app.wsgi_app = WSGITracer(  # type: ignore[method-assign]
        app.wsgi_app, tracer_provider=exported.tracers
    )
    assert app.test_client().get("/", headers={"origin": EVIL}).data  # Read to its end.
    assert exported.refused_spans() == [REFUSED_ATTRIBUTES]
    assert exported.counts() == {labels("actual", "refused", "origin-not-allowed"): 1}


DJANGO = """
import json
import sys

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from support.django_project import CALLS
from support.exchange import Request

settings.CORS_ALLOWED_ORIGINS = ["https://app.example.com"]
settings.CORSAC_ON_REFUSAL = "corsac.opentelemetry.annotate_span"
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
DjangoInstrumentor().instrument(tracer_provider=provider)
CALLS["wsgi"](Request(headers=[("Origin", sys.argv[1])]), WSGIHandler())
(span,) = exporter.get_finished_spans()
print(json.dumps({name: value for name, value in span.attributes.items() if "corsac" in name}))
"""


def test_django_is_traced_outside_of_the_middleware() -> None:
    """In a process of its own: what is instrumented stays instrumented."""
    tests = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", DJANGO, EVIL],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tests), *sys.path])},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == REFUSED_ATTRIBUTES
