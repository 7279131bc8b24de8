"""Prometheus metrics, and that the dashboard asks for none that is not exported."""

import importlib.resources
import json
import re

import pytest
from prometheus_client import CollectorRegistry

from tests.runtime.sinks.rows import SHARED, rows
from toolkit.metrics import OBJECTIVES
from toolkit.notifier import Notification, SilentNotifier
from toolkit.records import Batch
from toolkit.runtime.coordination import CoordinationMonitor
from toolkit.runtime.sinks import PrometheusSink
from toolkit.runtime.sinks.base import SinkStatistics

DASHBOARDS = importlib.resources.files("toolkit.runtime.sinks") / "dashboards"
SUFFIXES = ("_bucket", "_sum", "_count", "_total", "_created")


def filled() -> tuple[PrometheusSink, CollectorRegistry]:
    registry = CollectorRegistry()
    sink = PrometheusSink(registry)
    for row in rows():
        sink.emit(row)
    monitor = CoordinationMonitor(notifier=SilentNotifier())
    for number in range(6):
        monitor.track("a", "look", "k", 1e9 + number, action="write", waited_s=0.1)
    sink.show(monitor.overall())
    sink.show_model(1.0)
    return sink, registry


def exported() -> set[str]:
    _, registry = filled()
    names = set()
    for metric in registry.collect():
        names |= {metric.name, *(metric.name + suffix for suffix in SUFFIXES)}
    return names


@pytest.mark.parametrize("file", ["swarm.json", "rules.yaml"])
def test_every_metric_of_the_dashboards_is_exported(file: str) -> None:
    asked = set(re.findall(r"\bswarm_[a-z_]+", (DASHBOARDS / file).read_text()))

    assert asked
    assert asked <= exported()


def test_every_exported_metric_is_on_the_dashboard() -> None:
    shown = (DASHBOARDS / "swarm.json").read_text()
    _, registry = filled()

    unseen = {metric.name for metric in registry.collect() if metric.name not in shown}

    assert unseen <= {
        "swarm_workflow_duration_seconds",
        "swarm_coordination_events",
        "swarm_workflows",
        "swarm_recoveries",
        "toolkit_build_info",
    }


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda each: each.name)
def test_each_objective_has_a_rule_at_its_target(objective: object) -> None:
    target = objective.target  # type: ignore[attr-defined]  # parametrize erases the type
    rules = (DASHBOARDS / "rules.yaml").read_text()

    assert re.search(rf"\) < {target:g}\b", rules)


def test_the_dashboard_is_json_with_panels() -> None:
    assert len(json.loads((DASHBOARDS / "swarm.json").read_text())["panels"]) > 10


def test_base_units_are_in_the_names() -> None:
    assert not [
        name for name in exported() if re.search(r"_(ms|mb|percent|kb)\b", name)
    ]


def test_a_batch_is_counted_by_outcome() -> None:
    _, registry = filled()

    labels = {"operation_type": "fileOperations", "outcome": "cancelled"}
    assert registry.get_sample_value("swarm_operations_total", labels) == 1.0


def objective(registry: CollectorRegistry, name: str) -> tuple[float | None, ...]:
    labels = {"objective": name}
    return tuple(
        registry.get_sample_value(f"swarm_objective_{what}_total", labels)
        for what in ("successes", "trials")
    )


def test_an_operation_that_overlapped_is_counted() -> None:
    _, registry = filled()

    assert objective(registry, "parallel_execution_rate") == (4.0, 4.0)


def test_a_recovery_counts_an_issue_and_its_end() -> None:
    _, registry = filled()

    assert objective(registry, "self_healing_effectiveness") == (1.0, 1.0)


def test_accesses_without_versions_are_no_check_of_consistency() -> None:
    _, registry = filled()

    assert objective(registry, "memory_consistency") == (None, None)


def test_strange_values_do_not_grow_the_registry() -> None:
    registry = CollectorRegistry()
    sink = PrometheusSink(registry)

    for number in range(500):
        sink.emit(
            Batch(**SHARED, operation_type=f"x{number}", size=1, policy=f"p{number}")
        )

    assert sum(len(metric.samples) for metric in registry.collect()) < 300


def test_gauges_follow_the_monitor() -> None:
    sink, registry = filled()
    monitor = CoordinationMonitor(notifier=sink)
    monitor.track("a", "look", "k", 1e9, action="read")
    monitor.track("b", "look", "k", 1e9 + 1, action="read")

    sink.show(monitor.overall())

    assert registry.get_sample_value("swarm_duplicate_work_ratio") == 0.5


def test_a_gauge_without_data_is_absent() -> None:
    registry = CollectorRegistry()
    sink = PrometheusSink(registry)
    sink.show(CoordinationMonitor(notifier=sink).overall())

    assert registry.get_sample_value("swarm_coordination_efficiency_ratio") is None
    assert registry.get_sample_value("swarm_model_age_seconds") is None


def test_alerts_are_counted_and_other_notifications_are_not() -> None:
    sink, registry = filled()

    sink.notify(Notification(message="x", metadata={"alert": "duplicate_work"}))
    sink.notify(Notification(message="x"))

    labels = {"kind": "duplicate_work"}
    assert registry.get_sample_value("swarm_alerts_total", labels) == 1.0


def test_what_another_sink_lost_is_counted_once() -> None:
    sink, registry = filled()
    lost = SinkStatistics(
        accepted=5, dropped=2, delivered=4, failed=1, waiting=0, last_error=None
    )

    sink.show_sink("otlp", lost)
    sink.show_sink("otlp", lost)

    value = registry.get_sample_value("swarm_telemetry_dropped_total", {"sink": "otlp"})
    assert value == 3.0


def test_model_age_and_fallbacks_are_shown() -> None:
    sink, registry = filled()

    sink.show_model(60.0)
    sink.show_fallback("stale")
    sink.close()

    assert registry.get_sample_value("swarm_model_age_seconds") == 60.0
    assert registry.get_sample_value("swarm_fallback_total", {"reason": "stale"}) == 1


def test_a_sink_that_was_replaced_is_counted_from_0_again() -> None:
    registry = CollectorRegistry()
    sink = PrometheusSink(registry)
    for dropped in (7, 9, 0, 4):
        sink.show_sink(
            "otel",
            SinkStatistics(
                accepted=100,
                dropped=dropped,
                delivered=90,
                failed=0,
                waiting=0,
                last_error=None,
            ),
        )

    name = "swarm_telemetry_dropped_total"
    assert registry.get_sample_value(name, {"sink": "otel"}) == 13


def test_a_reason_keeps_its_name_whatever_policies_were_met() -> None:
    registry = CollectorRegistry()
    sink = PrometheusSink(registry)
    for number in range(40):
        sink._policy(f"guarded-v{number}")
    sink.show_fallback("stale")

    name = "swarm_fallback_total"
    assert registry.get_sample_value(name, {"reason": "stale"}) == 1
