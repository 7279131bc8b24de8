"""What an executed batch turned out to be: metrics, bottlenecks, suggestions."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

__all__ = [
    "BatchMetrics",
    "MeasuredOperation",
    "Suggestion",
    "measure_operations",
    "suggestions",
]

LOW_PARALLELISM = 0.5
STRAGGLER_MEDIANS = 2.0
STRAGGLER_SHARE = 0.5
MEMORY_SHARE = 0.1
WAITING_SHARE = 0.5
"""Thresholds of `identifyBottlenecks` (definitions, section 1)."""

GOOD_COORDINATION = 0.85
"""The specification's target of coordination efficiency (section 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredOperation:
    """One operation of a batch; times in seconds from the batch's start."""

    start_s: float
    end_s: float
    outcome: str
    """`succeeded`, `failed`, `timed_out` or `cancelled`."""
    error: str | None = None
    """Type of what it raised; never its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchMetrics:
    """Metrics of one executed batch (specification, section 1).

    Attributes
    ----------
    cycle_s : float
        From the previous result to the last end.
    execution_s : float
        From the start to the last end.
    memory_delta_bytes : int
        Resident bytes after - before.
    coordination_efficiency : float
        Succeeded / all operations, 0 to 1.
    parallelism : float
        Sum of durations / makespan / min(size, workers), clipped to 0..1.
    bottlenecks : tuple of str
    succeeded, failed, timed_out, cancelled : int
    """

    cycle_s: float
    execution_s: float
    memory_delta_bytes: int
    coordination_efficiency: float
    parallelism: float
    bottlenecks: tuple[str, ...]
    succeeded: int
    failed: int
    timed_out: int
    cancelled: int

    @property
    def size(self) -> int:
        """Operations in the batch."""
        return self.succeeded + self.failed + self.timed_out + self.cancelled

    @property
    def lost(self) -> int:
        """Operations that did not succeed."""
        return self.size - self.succeeded

    @property
    def cost_s(self) -> float | None:
        """Seconds per successful operation; `None` where nothing succeeded."""
        return self.cycle_s / self.succeeded if self.succeeded else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What to change, with the metric and the threshold that called for it."""

    action: str
    metric: str
    value: float
    threshold: float


def measure_operations(
    operations: Sequence[MeasuredOperation],
    *,
    workers: int,
    memory_delta_bytes: int,
    memory_available_bytes: int,
    waited_s: float = 0.0,
    lead_s: float = 0.0,
) -> BatchMetrics:
    """Compute the metrics of a batch.

    Parameters
    ----------
    operations : sequence of MeasuredOperation
        At least one.
    workers : int
        Operations that could run at once.
    waited_s : float
        Part of the time spent waiting.
    lead_s : float
        From the previous result to the start of the times: the turn before the batch.

    Examples
    --------
    >>> done = [
    ...     MeasuredOperation(start_s=0.0, end_s=1.0, outcome="succeeded"),
    ...     MeasuredOperation(start_s=1.0, end_s=2.0, outcome="succeeded"),
    ... ]
    >>> metrics = measure_operations(
    ...     done, workers=4, memory_delta_bytes=0, memory_available_bytes=10**9
    ... )
    >>> metrics.parallelism, metrics.bottlenecks
    (0.5, ())
    """
    ran = [op for op in operations if op.outcome != "cancelled"]
    durations = [op.end_s - op.start_s for op in ran]
    makespan = max((op.end_s for op in ran), default=0.0)
    counts = {
        name: sum(op.outcome == name for op in operations)
        for name in ("succeeded", "failed", "timed_out", "cancelled")
    }
    size = len(operations)
    parallelism = 0.0
    if makespan > 0:
        parallelism = min(sum(durations) / makespan / min(size, max(workers, 1)), 1.0)
    return BatchMetrics(
        cycle_s=lead_s + makespan,
        execution_s=makespan,
        memory_delta_bytes=memory_delta_bytes,
        coordination_efficiency=counts["succeeded"] / size,
        parallelism=parallelism,
        bottlenecks=_bottlenecks(
            durations,
            makespan=makespan,
            parallelism=parallelism,
            size=size,
            counts=counts,
            memory_share=memory_delta_bytes / max(memory_available_bytes, 1),
            waiting_share=waited_s / makespan if makespan > 0 else 0.0,
        ),
        **counts,
    )


def _bottlenecks(
    durations: Sequence[float],
    *,
    makespan: float,
    parallelism: float,
    size: int,
    counts: dict[str, int],
    memory_share: float,
    waiting_share: float,
) -> tuple[str, ...]:
    longest = max(durations, default=0.0)
    lost = counts["failed"] + counts["timed_out"]
    found = {
        "serial_execution": size >= 2 and parallelism < LOW_PARALLELISM,
        "straggler": len(durations) >= 2
        and longest > STRAGGLER_MEDIANS * median(durations)
        and longest > STRAGGLER_SHARE * makespan,
        "memory_pressure": memory_share > MEMORY_SHARE,
        "failure_cascade": lost >= 1 and counts["cancelled"] >= 1,
        "waiting": waiting_share > WAITING_SHARE,
    }
    return tuple(name for name, is_so in found.items() if is_so)


def suggestions(
    metrics: BatchMetrics, *, best_cost_s: float | None, read_share: float | None = None
) -> tuple[Suggestion, ...]:
    """Say what to change (definitions, `generateOptimizationSuggestions`).

    Parameters
    ----------
    metrics : BatchMetrics
    best_cost_s : float or None
        Best cost known for the operation type.
    read_share : float or None
        Share of operations that only read.
    """
    found = []

    def suggest(action: str, metric: str, value: float, threshold: float) -> None:
        found.append(
            Suggestion(action=action, metric=metric, value=value, threshold=threshold)
        )

    efficiency = metrics.coordination_efficiency
    if "failure_cascade" in metrics.bottlenecks:
        suggest("isolate_failing_operation", "cancelled", metrics.cancelled, 0)
    if efficiency < GOOD_COORDINATION:
        suggest(
            "smaller_batch", "coordination_efficiency", efficiency, GOOD_COORDINATION
        )
    if "memory_pressure" in metrics.bottlenecks:
        suggest("fewer_parallel", "memory_share", MEMORY_SHARE, MEMORY_SHARE)
    if (
        "serial_execution" in metrics.bottlenecks
        and read_share is not None
        and 0 < read_share < 1
    ):
        suggest(
            "split_reads_from_writes",
            "parallelism",
            metrics.parallelism,
            LOW_PARALLELISM,
        )
    cost = metrics.cost_s
    if (
        not found
        and not metrics.bottlenecks
        and cost is not None
        and best_cost_s is not None
        and best_cost_s / cost < GOOD_COORDINATION
    ):
        suggest("larger_batch", "efficiency", best_cost_s / cost, GOOD_COORDINATION)
    if not found:
        suggest("no_change", "coordination_efficiency", efficiency, GOOD_COORDINATION)
    return tuple(found)
