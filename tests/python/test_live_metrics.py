"""How followers are, in Prometheus and OpenTelemetry."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

import corsac
from corsac import CORSPolicy
from corsac.live import Follower, PollSource
from corsac.opentelemetry import CORSInstrumentor
from corsac.prometheus import CORSCollector

BASE = CORSPolicy(allow_origins=["https://app.example.com"])


async def app(*_: object) -> None:
    """Answer nothing: no request comes."""


def domains() -> list[str]:
    return ["https://one.example", "https://two.example", "*"]


@pytest.fixture
def middleware() -> corsac.CORSMiddleware:
    return corsac.CORSMiddleware(app, BASE)


@pytest.fixture
def follower(middleware: corsac.CORSMiddleware) -> Follower:
    """A follower of two origins and one invalid entry that was not started yet."""
    return Follower(middleware, PollSource(domains, interval=3600), base=BASE)


def gauges(registry: CollectorRegistry) -> dict[tuple[str, ...], float]:
    """The samples of gauges by name and the values of their labels."""
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        if family.type == "gauge"
        for sample in family.samples
    }


def exported(reader: InMemoryMetricReader) -> dict[tuple[Any, ...], float]:
    """The data points of gauges by name and the values of their attributes."""
    data: Any = reader.get_metrics_data()
    return {
        (metric.name, *(value for _, value in sorted(point.attributes.items()))): point.value
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name.startswith("corsac.live.")
        for point in metric.data.data_points
    }


def test_prometheus_has_gauges_of_each_follower(
    middleware: corsac.CORSMiddleware, follower: Follower
) -> None:
    registry = CollectorRegistry()
    registry.register(CORSCollector(middleware, followers=[follower]))
    expected: dict[tuple[str, ...], float] = {
        ("corsac_live_origins", "domains"): 0,
        ("corsac_live_skipped_entries", "domains"): 0,
        ("corsac_live_state", "domains", "loading"): 1,
        ("corsac_live_state", "domains", "current"): 0,
        ("corsac_live_state", "domains", "stale"): 0,
    }
    assert gauges(registry) == expected
    with follower:
        found = gauges(registry)
        assert 0 <= found.pop(("corsac_live_age_seconds", "domains")) < 3600
        expected["corsac_live_origins", "domains"] = 2
        expected["corsac_live_skipped_entries", "domains"] = 1
        expected["corsac_live_state", "domains", "loading"] = 0
        expected["corsac_live_state", "domains", "current"] = 1
        assert found == expected


def test_named_middlewares_have_a_label_on_these_too(
    middleware: corsac.CORSMiddleware, follower: Follower
) -> None:
    collector = CORSCollector(corsac.CORSMiddleware(app, BASE), name="admin")
    collector.add(middleware, name="api", followers=[follower])
    registry = CollectorRegistry()
    registry.register(collector)
    assert gauges(registry)["corsac_live_origins", "api", "domains"] == 0


def test_without_followers_there_are_no_gauges(middleware: corsac.CORSMiddleware) -> None:
    registry = CollectorRegistry()
    registry.register(CORSCollector(middleware))
    assert gauges(registry) == {}


def test_opentelemetry_has_gauges_of_each_follower(
    middleware: corsac.CORSMiddleware, follower: Follower
) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    instrumentor = CORSInstrumentor(meter_provider=provider)
    instrumentor.instrument(middleware, name="api", followers=[follower])
    with follower:
        found = exported(reader)
        assert 0 <= found.pop(("corsac.live.age", "api", "domains")) < 3600
        assert found == {
            ("corsac.live.origins", "api", "domains"): 2,
            ("corsac.live.skipped", "api", "domains"): 1,
            ("corsac.live.state", "api", "domains", "current"): 1,
            ("corsac.live.state", "api", "domains", "loading"): 0,
            ("corsac.live.state", "api", "domains", "stale"): 0,
        }
    instrumentor.uninstrument()
    assert instrumentor._followers == ()
    provider.shutdown()


def test_what_is_not_a_follower_is_an_error(
    middleware: corsac.CORSMiddleware, follower: Follower
) -> None:
    wrong: Any = [middleware]
    with pytest.raises(TypeError, match=r"expected followers of corsac\.live, got CORSMiddleware"):
        CORSCollector(middleware, followers=wrong)
    with pytest.raises(TypeError, match=r"expected followers of corsac\.live, got CORSMiddleware"):
        CORSInstrumentor().instrument(middleware, followers=wrong)
    with pytest.raises(ValueError, match="have one name: domains, domains"):
        CORSCollector(middleware, followers=[follower, follower])
