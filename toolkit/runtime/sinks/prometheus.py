"""Records and snapshots as Prometheus metrics: `swarm_*`, base units, few labels.

No label holds an agent, a session or a key. A label's values are closed sets; anything
else is counted as `other`, so that a strange record cannot grow the registry.
"""

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from toolkit import __version__
from toolkit.errors import MissingExtraError
from toolkit.metrics import ObjectiveCounter
from toolkit.notifier import Notification
from toolkit.records import (
    Batch,
    CoordinationEvent,
    LoadSample,
    Record,
    Recovery,
    Workflow,
)
from toolkit.runtime.coordination import AlertKind
from toolkit.runtime.coordination.report import OverallCoordination
from toolkit.runtime.healing import IssueKind
from toolkit.runtime.sinks.base import LiveFigures, SinkStatistics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import CollectorRegistry, Metric

__all__ = ["PrometheusSink"]

OPERATION_TYPES = frozenset(
    {"todoWrite", "taskSpawning", "fileOperations", "shell", "mixed"}
)
ACTIONS = frozenset({"read", "write", "spawn", "message"})
ISSUES: frozenset[str] = frozenset(IssueKind)
MOST_POLICIES = 20
"""Policy names kept apart; there are a handful, and a bug must not make thousands."""

SIZE_BUCKETS = (1, 2, 3, 4, 6, 8, 10, 12, 15, 20, 50)
DURATION_BUCKETS = tuple(0.01 * 2**power for power in range(14))
"""0.01 s doubling to 81.92 s, the GenAI conventions' buckets."""


GAUGES = {
    "swarm_load_ratio": "Load of the host",
    "swarm_agents": "Agents, by state",
    "swarm_coordination_efficiency_ratio": "Score of the swarm",
    "swarm_duplicate_work_ratio": "Operations done twice",
    "swarm_conflicting_writes_ratio": "Writes over unseen writes",
    "swarm_model_age_seconds": "Age of the loaded model",
    "toolkit_build_info": "Version of the toolkit",
}


class KnownGauges:
    """Gauges of which only those with a value are exported.

    The library's own gauges begin at 0, which is a value: a rule on a share would fire
    before anything was measured.

    Parameters
    ----------
    registry : CollectorRegistry
    """

    def __init__(self, registry: "CollectorRegistry") -> None:
        self.refresh: Callable[[], None] = lambda: None
        """Called before the gauges are exported."""
        self._values: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
        self._lock = threading.Lock()
        registry.register(self)

    def set(self, name: str, value: float | None, **labels: str) -> None:
        """Set a gauge; `None` takes it back."""
        pairs = tuple(sorted(labels.items()))
        with self._lock:
            known = self._values.setdefault(name, {})
            if value is None:
                known.pop(pairs, None)
            else:
                known[pairs] = value

    def collect(self) -> "Iterator[Metric]":
        """Export the gauges that have a value."""
        from prometheus_client.core import GaugeMetricFamily

        self.refresh()
        with self._lock:
            values = {name: dict(known) for name, known in self._values.items()}
        for name, known in values.items():
            if not known:
                continue
            labels = [label for label, _ in next(iter(known))]
            family = GaugeMetricFamily(name, GAUGES[name], labels=labels)
            for pairs, value in known.items():
                family.add_metric([text for _, text in pairs], value)
            yield family


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
        self._trials = counter(
            "swarm_objective_trials_total", "Trials of an objective", "objective"
        )
        self._successes = counter(
            "swarm_objective_successes_total", "Trials that succeeded", "objective"
        )
        self._revoked = counter(
            "swarm_objective_revoked_total", "Successes that did not last", "objective"
        )
        self._counter = ObjectiveCounter()
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
        self._recoveries = counter(
            "swarm_recoveries_total",
            "Recoveries, by what became of their post-condition",
            "issue",
            "post_condition",
        )
        self._gauges = KnownGauges(registry)
        self._alerts = counter("swarm_alerts_total", "Alerts", "kind")
        self._lost = counter(
            "swarm_telemetry_dropped_total", "Records a sink did not take", "sink"
        )
        self._lost_before: dict[str, int] = {}
        self._fallbacks_before: dict[str, int] = {}
        self._gauges.set("toolkit_build_info", 1.0, version=__version__)

    def emit(self, record: Record, /) -> None:
        """Count a record."""
        for count in self._counter.add(record):
            self._trials.labels(count.objective).inc(count.trials)
            self._successes.labels(count.objective).inc(max(0, count.successes))
            self._revoked.labels(count.objective).inc(max(0, -count.successes))
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
                self._gauges.set(
                    "swarm_load_ratio", getattr(record, resource), resource=resource
                )

    def notify(self, notification: Notification, /) -> None:
        """Count an alert; other notifications are not its business.

        Parameters
        ----------
        notification : Notification
            An alert where its metadata has `alert`.
        """
        kind = notification.metadata.get("alert")
        if kind is not None:
            self._alerts.labels(_one_of(str(kind), frozenset(AlertKind))).inc()

    def show(self, overall: OverallCoordination) -> None:
        """Set the gauges from the monitor; what is not known is not exported.

        Parameters
        ----------
        overall : OverallCoordination
        """
        states = {
            "live": overall.live_agents,
            "idle": len(overall.idle),
            "overloaded": len(overall.overloaded),
        }
        for state, count in states.items():
            self._gauges.set("swarm_agents", float(count), state=state)
        for name, value in (
            ("swarm_coordination_efficiency_ratio", overall.score),
            ("swarm_duplicate_work_ratio", overall.duplicate_work_rate),
            ("swarm_conflicting_writes_ratio", overall.conflicting_write_rate),
        ):
            self._gauges.set(name, value)

    def watch(self, read: Callable[[], LiveFigures]) -> None:
        """Read a loop's live figures at each scrape.

        Parameters
        ----------
        read : callable
            `RuntimeLoop.figures`, which attaches itself.
        """
        self._gauges.refresh = partial(self._show_all, read)

    def show_model(self, age_s: float) -> None:
        """Set the age of the loaded model, in seconds.

        Parameters
        ----------
        age_s : float
            Seconds since the bundle was made.
        """
        self._gauges.set("swarm_model_age_seconds", age_s)

    def show_fallback(self, reason: str, count: int = 1) -> None:
        """Count decisions that the rule answered; the reason is a code, not a text.

        Parameters
        ----------
        reason : str
            A code; beyond the first few new ones they are counted together.
        count : int
            Decisions.
        """
        self._fallbacks.labels(_bounded(reason, self._reasons)).inc(count)

    def show_sink(self, name: str, statistics: SinkStatistics) -> None:
        """Count what another sink lost since the last call.

        Parameters
        ----------
        name : str
            Label of the sink.
        statistics : SinkStatistics
            Its totals; the difference to the last call is counted.
        """
        lost = statistics.dropped + statistics.failed
        before = self._lost_before.get(name, 0)
        # A sink that was replaced begins at 0 again, as `rate()` takes it.
        self._lost.labels(name).inc(lost - before if lost >= before else lost)
        self._lost_before[name] = lost

    def close(self) -> None:
        """Leave the registry to its owner."""

    def _show_all(self, read: Callable[[], LiveFigures]) -> None:
        figures = read()
        if figures.overall is not None:
            self.show(figures.overall)
        if figures.model_ages_s:
            self.show_model(max(figures.model_ages_s.values()))
        for reason, count in figures.fallbacks.items():
            self.show_fallback(reason, count - self._fallbacks_before.get(reason, 0))
        self._fallbacks_before = dict(figures.fallbacks)
        for name, statistics in figures.sinks.items():
            self.show_sink(name, statistics)

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
        held = {True: "held", False: "failed", None: "unknown"}
        self._recoveries.labels(issue, held[recovery.post_condition]).inc()

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
