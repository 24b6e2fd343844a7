"""`corsac.prometheus`: the counters as metrics."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from corsac.prometheus import CORSCollector
from support.exchange import Request
from support.refused import (
    ACTUAL,
    EVIL,
    FORGED,
    MALFORMED,
    POLICY,
    REFUSED,
    MakeObserved,
    preflight,
)


def samples(registry: CollectorRegistry, name: str) -> dict[tuple[str, ...], float]:
    """The samples of one metric that are not 0, by their labels' values in order of the names."""
    return {
        tuple(sample.labels[label] for label in sorted(sample.labels)): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
        if sample.name == name and sample.value
    }


def test_requests_are_counted_by_kind_outcome_and_reason(make_observed: MakeObserved) -> None:
    send = make_observed(policy=POLICY.replace(guard=True))
    registry = CollectorRegistry()
    registry.register(CORSCollector(send.middleware))
    for request in (ACTUAL, ACTUAL, REFUSED, MALFORMED, FORGED, preflight(), Request()):
        send(request)
    send(preflight(origin=EVIL))
    assert samples(registry, "corsac_requests_total") == {
        ("not-cors", "none", ""): 1,
        ("actual", "allowed", ""): 2,
        ("actual", "refused", "origin-not-allowed"): 1,
        ("actual", "refused", "origin-malformed"): 1,
        ("preflight", "allowed", ""): 1,
        ("preflight", "refused", "origin-not-allowed"): 1,
        ("guard", "refused", "cross-origin-request"): 1,
    }
    labels = {"kind": "actual", "outcome": "refused", "reason": "origin-malformed"}
    assert registry.get_sample_value("corsac_requests_total", labels) == 1


def test_the_policy_on_trial_and_errors_have_metrics_of_their_own(
    make_observed: MakeObserved,
) -> None:
    def broken(refusal: object) -> None:
        raise ValueError

    tight = POLICY.replace(allow_methods=["PUT"])
    send = make_observed(policy=POLICY, report_only=tight, on_refusal=broken)
    registry = CollectorRegistry()
    registry.register(CORSCollector(send.middleware))
    send(preflight("DELETE"))
    send(preflight("PUT"))
    assert samples(registry, "corsac_report_only_requests_total") == {
        ("preflight", "allowed", ""): 1,
        ("preflight", "refused", "method-not-allowed"): 1,
    }
    assert samples(registry, "corsac_report_only_changes_total") == {("newly_refused",): 1}
    assert samples(registry, "corsac_on_refusal_errors_total") == {(): 1}


def test_several_middlewares_share_a_collector_and_have_a_label(
    make_observed: MakeObserved,
) -> None:
    first, second = make_observed(policy=POLICY), make_observed(policy=POLICY)
    collector = CORSCollector(first.middleware, name="api")
    collector.add(second.middleware, name='ad"min')
    registry = CollectorRegistry()
    registry.register(collector)
    first(REFUSED)
    second(ACTUAL)
    assert samples(registry, "corsac_requests_total") == {
        ("actual", "api", "refused", "origin-not-allowed"): 1,
        ("actual", 'ad"min', "allowed", ""): 1,
    }


def test_a_registry_takes_one_collector_only(make_observed: MakeObserved) -> None:
    registry = CollectorRegistry()
    collector = CORSCollector(make_observed(policy=POLICY).middleware)
    registry.register(collector)
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        registry.register(CORSCollector(make_observed(policy=POLICY).middleware))
    registry.unregister(collector)
    registry.register(collector)


def test_mistakes_are_said(make_observed: MakeObserved) -> None:
    middleware = make_observed(policy=POLICY).middleware
    other = make_observed(policy=POLICY).middleware
    with pytest.raises(TypeError, match="expected a CORSMiddleware of Corsac, got dict"):
        CORSCollector({})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="name must be text"):
        CORSCollector(middleware, name=5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="name all middlewares"):
        CORSCollector(middleware).add(other, name="other")
    collector = CORSCollector(middleware, name="api")
    for again, name in ((other, "api"), (middleware, "other")):
        with pytest.raises(ValueError, match="collected already"):
            collector.add(again, name=name)


def test_scrapes_and_requests_in_several_threads_lose_nothing(make_observed: MakeObserved) -> None:
    send = make_observed(policy=POLICY)
    registry = CollectorRegistry()
    registry.register(CORSCollector(send.middleware))
    scraped: list[Any] = []

    def run() -> None:
        for _ in range(50):
            send(REFUSED)
            scraped.append(samples(registry, "corsac_requests_total"))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert samples(registry, "corsac_requests_total") == {
        ("actual", "refused", "origin-not-allowed"): 200
    }
    assert len(scraped) == 200
