"""Records and snapshots as Prometheus metrics: `swarm_*`, base units, few labels.

No label holds an agent, a session or a key. A label's values are closed sets; anything
else is counted as `other`, so that a strange record cannot grow the registry.
"""

from typing import TYPE_CHECKING, Any

from toolkit import __version__
from toolkit.errors import MissingExtraError
from toolkit.notifier import Notification
from toolkit.records import (
    Batch,
    CoordinationEvent,
    LoadSample,
    Outcome,
    Record,
    Recovery,
    Workflow,
)
from toolkit.runtime.coordination import AlertKind, Counts, OverallCoordination
from toolkit.runtime.sinks.base import SinkStatistics

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

__all__ = ["PrometheusSink"]

OPERATION_TYPES = frozenset(
    {"todoWrite", "taskSpawning", "fileOperations", "shell", "mixed"}
)
ACTIONS = frozenset({"read", "write", "spawn", "message"})
ISSUES = frozenset(
    {
        "stuck_agent",
        "memory_inconsistency",
        "coordination_breakdown",
        "performance_degradation",
    }
)
MOST_POLICIES = 20
"""Policy names kept apart; there are a handful, and a bug must not make thousands."""

SIZE_BUCKETS = (1, 2, 3, 4, 6, 8, 10, 12, 15, 20, 50)
DURATION_BUCKETS = tuple(0.01 * 2**power for power in range(14))
"""0.01 s doubling to 81.92 s, the GenAI conventions' buckets."""


class PrometheusSink:
    """Counts records in a Prometheus registry; also a notifier, which counts alerts.

    Parameters
    ----------
    registry : CollectorRegistry
        Passed in: serving it is the caller's business.

    Raises
    ------
    MissingExtraError
        `prometheus_client` is not installed.
    """

    def __init__(self, registry: "CollectorRegistry") -> None:
        try:
            import prometheus_client as prom
        except ImportError as error:
            raise MissingExtraError("the Prometheus sink", "telemetry") from error

        def counter(name: str, text: str, *labels: str) -> Any:
            return prom.Counter(name, text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Any:
            return prom.Gauge(name, text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: Any, *labels: str) -> Any:
            return prom.Histogram(
                name, text, labels, registry=registry, buckets=buckets
            )

        kind = "operation_type"
        self._policies: set[str] = set()
        self._reasons: set[str] = set()
        self._batch_size = histogram(
            "swarm_batch_size", "Operations of a batch", SIZE_BUCKETS, kind
        )
        self._batch_seconds = histogram(
            "swarm_batch_duration_seconds", "Batch cycle", DURATION_BUCKETS, kind
        )
        self._operations = counter(
            "swarm_operations_total", "Operations of batches", kind, "outcome"
        )
        self._overlaps = counter(
            "swarm_operation_overlaps_total", "Operations, by overlap", "overlapped"
        )
        self._cancelled = counter(
            "swarm_batch_collateral_cancellations_total", "Siblings cancelled", kind
        )
        self._decisions = counter(
            "swarm_decision_total", "Batches, by deciding policy", "policy", "outcome"
        )
        self._fallbacks = counter(
            "swarm_fallback_total", "Decisions the rule answered", "reason"
        )
        self._events = counter(
            "swarm_coordination_events_total", "Coordination", "action", "outcome"
        )
        self._waits = histogram(
            "swarm_coordination_wait_seconds", "Waits", DURATION_BUCKETS, "action"
        )
        self._workflows = counter("swarm_workflows_total", "Workflows", "outcome")
        self._makespan = histogram(
            "swarm_workflow_duration_seconds",
            "Makespan of workflows",
            tuple(10 * bound for bound in DURATION_BUCKETS),
        )
        self._issues = counter("swarm_issues_total", "Issues detected", "issue")
        self._recoveries = counter(
            "swarm_recoveries_total", "Recoveries whose post-condition held", "issue"
        )
        self._load = gauge("swarm_load_ratio", "Load of the host", "resource")
        self._alerts = counter("swarm_alerts_total", "Alerts", "kind")
        self._lasting = gauge("swarm_agents", "Agents, by state", "state")
        self._efficiency = gauge(
            "swarm_coordination_efficiency_ratio", "Score of the swarm"
        )
        self._consistency = gauge(
            "swarm_memory_consistency_ratio", "Accesses that were not stale"
        )
        self._repeats = gauge("swarm_duplicate_work_ratio", "Operations done twice")
        self._conflicts = gauge(
            "swarm_conflicting_writes_ratio", "Writes over unseen writes"
        )
        self._model_age = gauge("swarm_model_age_seconds", "Age of the loaded model")
        self._lost = counter(
            "swarm_telemetry_dropped_total", "Records a sink did not take", "sink"
        )
        self._lost_before: dict[str, int] = {}
        build = gauge("toolkit_build_info", "Version of the toolkit", "version")
        build.labels(__version__).set(1)

    def emit(self, record: Record, /) -> None:
        """Count a record."""
        if isinstance(record, Batch):
            self._count_batch(record)
        elif isinstance(record, CoordinationEvent):
            self._count_event(record)
        elif isinstance(record, Workflow):
            self._workflows.labels(record.outcome.value).inc()
            if record.makespan_s is not None:
                self._makespan.observe(record.makespan_s)
        elif isinstance(record, Recovery):
            self._count_recovery(record)
        elif isinstance(record, LoadSample):
            for resource in ("cpu", "memory", "io"):
                if (value := getattr(record, resource)) is not None:
                    self._load.labels(resource).set(value)

    def notify(self, notification: Notification, /) -> None:
        """Count an alert; other notifications are not its business."""
        kind = notification.metadata.get("alert")
        if kind is not None:
            self._alerts.labels(_one_of(str(kind), frozenset(AlertKind))).inc()

    def show(self, overall: OverallCoordination, counts: Counts) -> None:
        """Set the gauges from the monitor; what is not known keeps no value.

        Parameters
        ----------
        overall : OverallCoordination
        counts : Counts
            Of the cross-agent window.
        """
        self._lasting.labels("live").set(overall.live_agents)
        self._lasting.labels("idle").set(len(overall.idle))
        self._lasting.labels("overloaded").set(len(overall.overloaded))
        accesses = counts.reads + counts.writes
        stale = counts.stale_reads + counts.stale_writes
        for gauge, value in (
            (self._efficiency, overall.score),
            (self._consistency, 1 - stale / accesses if accesses else None),
            (self._repeats, overall.duplicate_work_rate),
            (self._conflicts, overall.conflicting_write_rate),
        ):
            gauge.set(float("nan") if value is None else value)

    def show_model(self, age_s: float) -> None:
        """Set the age of the loaded model, in seconds."""
        self._model_age.set(age_s)

    def show_fallback(self, reason: str) -> None:
        """Count a decision that the rule answered; the reason is a code, not a text."""
        self._fallbacks.labels(_bounded(reason, self._reasons)).inc()

    def show_sink(self, name: str, statistics: SinkStatistics) -> None:
        """Count what another sink lost since the last call."""
        lost = statistics.dropped + statistics.failed
        before = self._lost_before.get(name, 0)
        # A sink that was replaced begins at 0 again, as `rate()` takes it.
        self._lost.labels(name).inc(lost - before if lost >= before else lost)
        self._lost_before[name] = lost

    def close(self) -> None:
        """Leave the registry to its owner."""

    def _count_batch(self, batch: Batch) -> None:
        kind = _one_of(batch.operation_type, OPERATION_TYPES)
        self._batch_size.labels(kind).observe(batch.size)
        if batch.cycle_s is not None:
            self._batch_seconds.labels(kind).observe(batch.cycle_s)
        for outcome in ("succeeded", "failed", "cancelled"):
            if (count := getattr(batch, outcome)) is not None:
                self._operations.labels(kind, outcome).inc(count)
        if batch.cancelled is not None:
            self._cancelled.labels(kind).inc(batch.cancelled)
        if batch.operations_s is not None and batch.execution_s is not None:
            together = batch.size > 1 and batch.operations_s > batch.execution_s
            self._overlaps.labels("yes" if together else "no").inc(batch.size)
        if batch.policy is not None:
            failed = bool(batch.failed)
            self._decisions.labels(
                self._policy(batch.policy), "failed" if failed else "succeeded"
            ).inc()

    def _count_event(self, event: CoordinationEvent) -> None:
        action = _one_of(event.action, ACTIONS)
        self._events.labels(action, event.outcome.value).inc()
        if event.waited_s is not None:
            self._waits.labels(action).observe(event.waited_s)

    def _count_recovery(self, recovery: Recovery) -> None:
        issue = _one_of(recovery.issue, ISSUES)
        if recovery.attempt is None or recovery.attempt == 1:
            self._issues.labels(issue).inc()
        if recovery.post_condition and recovery.outcome is not Outcome.FAILED:
            self._recoveries.labels(issue).inc()

    def _policy(self, name: str) -> str:
        return _bounded(name, self._policies)


def _bounded(name: str, known: set[str]) -> str:
    """Keep a label's name while there are few, so that the series stay few."""
    if name in known or len(known) < MOST_POLICIES:
        known.add(name)
        return name
    return "other"


def _one_of(value: str, known: frozenset[str]) -> str:
    return value if value in known else "other"
