"""Recommends batch sizes and learns from what they cost (specification, section 1)."""

import math
import threading
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import psutil

from toolkit.bundle import Conformal
from toolkit.clock import Clock
from toolkit.errors import UsageError
from toolkit.policies import Decision, Floats, Reason, Value
from toolkit.policies.rules import (
    OPTIMUMS,
    BatchSizeOptimum,
    coordination_complexity,
)
from toolkit.records import Batch
from toolkit.runtime.advice import Advisor, SystemLoad
from toolkit.runtime.batching.execution import CallableBatch, run_async, run_sync
from toolkit.runtime.batching.measurement import (
    MeasuredOperation,
    measure_operations,
    suggestions,
)
from toolkit.runtime.batching.recommendation import (
    BatchingStatistics,
    BatchRecommendation,
    MeasuredBatch,
    StrategyUpdate,
    Workload,
)
from toolkit.runtime.batching.strategy import AdaptationSettings, BatchStrategy

__all__ = ["AdaptiveBatchingOptimizer"]

TARGET_EFFICIENCY = 0.85
"""The specification's target, given where nothing was observed (definitions, 1)."""

LEAST_SPREAD, MOST_SPREAD = 0.05, 1.0
"""Whatever a bundle says, its prediction may be 5 % off, and is not off by more than
factors of 3."""

LARGEST_LOG = 700.0
"""The exponential of more is infinite in 64 bits, that of less is 0."""

MOST_TYPES = 256
"""Operation types that are kept; beyond it the one longest unused is forgotten."""


class AdaptiveBatchingOptimizer:
    """Recommends, measures, observes; thread-safe.

    Parameters
    ----------
    advisor : Advisor
        On a bundle, or on the rules (`Advisor("batch_size", bundle=None, ...)`).
    clock : Clock
    settings : AdaptationSettings, optional
        The bundle's rate and interval unless given.
    optimums : mapping, optional
        Bounds of the operation types.

    Examples
    --------
    >>> from toolkit.clock import SystemClock
    >>> clock = SystemClock()
    >>> optimizer = AdaptiveBatchingOptimizer(
    ...     Advisor("batch_size", bundle=None, clock=clock), clock=clock
    ... )
    >>> answer = optimizer.recommend("fileOperations", Workload(), SystemLoad(cpu=0.9))
    >>> answer.batch_size, str(answer.reason)
    (6, 'high load (load 0.9, complexity 0, optimal 8)')
    """

    def __init__(
        self,
        advisor: Advisor,
        *,
        clock: Clock,
        settings: AdaptationSettings | None = None,
        optimums: Mapping[str, BatchSizeOptimum] = OPTIMUMS,
    ) -> None:
        self.advisor = advisor
        self.settings = settings if settings is not None else _settings_of(advisor)
        self._clock = clock
        self._optimums = optimums
        self._sizes = np.asarray(advisor.offered, dtype=np.int64)
        self._strategies: dict[str, BatchStrategy] = {}
        self._expected: dict[str, Floats] = {}
        """The curve that each operation type's last recommendation was made on."""
        self._counts: dict[str, dict[int, int]] = {}
        self._efficiencies: dict[str, dict[int, tuple[float, int]]] = {}
        self._lock = threading.RLock()
        self._observed = 0
        self._recommended = 0

    def recommend(
        self, operation_type: str, workload: Workload, system: SystemLoad
    ) -> BatchRecommendation:
        """Recommend a batch size.

        Raises
        ------
        UsageError
            Where the workload says there is nothing to do.
        """
        if workload.operations is not None and workload.operations < 1:
            raise UsageError(
                f"`operations` must be at least 1, got {workload.operations}"
            )
        context = _context(operation_type, workload, system)
        decision = self.advisor.decide(context)
        with self._lock:
            self._recommended += 1
            strategy = self._strategy(operation_type)
            curve = None if decision.curve is None else decision.curve.log_cost
            wanted, gain = self._wanted(decision, strategy, curve)
            size = strategy.settle(wanted, gain=gain, rule_size=_rule_size(decision))
            if workload.operations is not None:
                size = min(size, workload.operations)
            return self._answer(operation_type, size, decision, strategy, curve)

    def measure(self, batch: CallableBatch) -> MeasuredBatch:
        """Execute a batch of plain callables and learn from it."""
        before = _resident_bytes()
        operations = run_sync(batch, self._clock.monotonic_s)
        return self._measured(batch, operations, before)

    async def measure_async(self, batch: CallableBatch) -> MeasuredBatch:
        """Execute a batch of callables that return awaitables and learn from it."""
        before = _resident_bytes()
        operations = await run_async(batch, self._clock.monotonic_s)
        return self._measured(batch, operations, before)

    def observe(self, record: Batch) -> StrategyUpdate:
        """Learn from a batch that was executed elsewhere."""
        succeeded = record.succeeded
        lost = None if succeeded is None else max(record.size - succeeded, 0)
        cost_s = None if record.censored else record.cost_s
        return self._observe(record.operation_type, record.size, lost or 0, cost_s)

    def statistics(self) -> BatchingStatistics:
        """Take a snapshot."""
        with self._lock:
            return BatchingStatistics(
                operation_types=len(self._strategies),
                observed_batches=self._observed,
                recommendations=self._recommended,
                refused_bundle=self.advisor.refused,
            )

    def _measured(
        self, batch: CallableBatch, operations: list[MeasuredOperation], before: int
    ) -> MeasuredBatch:
        metrics = measure_operations(
            operations,
            workers=batch.workers,
            memory_delta_bytes=_resident_bytes() - before,
            memory_available_bytes=psutil.virtual_memory().available,
        )
        best = self._best_cost_s(batch.operation_type)
        update = self._observe(
            batch.operation_type, metrics.size, metrics.lost, metrics.cost_s
        )
        return MeasuredBatch(
            metrics=metrics,
            operations=tuple(operations),
            suggestions=suggestions(
                metrics, best_cost_s=best, read_share=batch.read_share
            ),
            strategy=update,
        )

    def _observe(
        self, operation_type: str, size: int, lost: int, cost_s: float | None
    ) -> StrategyUpdate:
        if cost_s is not None and not 0 < cost_s < math.inf:
            cost_s = None  # times that divide to nothing are no observation of a cost
        with self._lock:
            self._observed += 1
            strategy = self._strategy(operation_type)
            now_s = self._clock.monotonic_s()
            strategy.observe(
                size=size,
                lost=lost,
                cost_s=cost_s,
                expected_s=self._expected_s(operation_type, size),
                at_s=now_s,
            )
            counts = self._counts.setdefault(operation_type, {})
            if size in counts or len(counts) < MOST_TYPES:
                counts[size] = counts.get(size, 0) + 1
            best = strategy.best_cost_s(now_s)
            if cost_s is not None and best is not None:
                self._note_efficiency(operation_type, size, min(best / cost_s, 1.0))
            return StrategyUpdate(
                operation_type=operation_type,
                batch_size=strategy.current,
                version=strategy.version,
                moved_by=strategy.moved_by,
            )

    def _expected_s(self, operation_type: str, size: int) -> float | None:
        """Look up what was predicted for a size; `None` where none such is on offer."""
        curve = self._expected.get(operation_type)
        if curve is None:
            return None
        nearest = int(np.argmin(np.abs(self._sizes - size)))
        if abs(self._sizes[nearest] - size) > size / 4:
            return None
        return math.exp(curve[nearest])

    def _note_efficiency(self, operation_type: str, size: int, value: float) -> None:
        seen = self._efficiencies.setdefault(operation_type, {})
        if size in seen or len(seen) < MOST_TYPES:
            mean, count = seen.get(size, (0.0, 0))
            seen[size] = (mean + (value - mean) / (count + 1), count + 1)

    def _best_cost_s(self, operation_type: str) -> float | None:
        with self._lock:
            strategy = self._strategies.get(operation_type)
            if strategy is None:
                return None
            return strategy.best_cost_s(self._clock.monotonic_s())

    def _strategy(self, operation_type: str) -> BatchStrategy:
        strategy = self._strategies.pop(operation_type, None)
        if strategy is None:
            if len(self._strategies) >= MOST_TYPES:
                forgotten = next(iter(self._strategies))
                for kept in (
                    self._strategies,
                    self._expected,
                    self._counts,
                    self._efficiencies,
                ):
                    kept.pop(forgotten, None)
            strategy = self._new_strategy(operation_type)
        self._strategies[operation_type] = strategy
        return strategy

    def _new_strategy(self, operation_type: str) -> BatchStrategy:
        optimum = self._optimums.get(operation_type)
        largest = int(max(self.advisor.offered))
        if self.advisor.bundle is None and optimum is not None:
            largest = optimum.maximum
        return BatchStrategy(self.settings, smallest=1, largest=largest)

    def _wanted(
        self, decision: Decision, strategy: BatchStrategy, curve: Floats | None
    ) -> tuple[int, float]:
        """Choose the size to move to, and what it saves over the current one."""
        chosen = int(decision.action[0])
        if curve is None:
            return chosen, 1.0
        sizes = self._sizes
        corrections = strategy.corrections(sizes)
        costs = curve + corrections
        learned = decision.reason.code == "learned_better"
        if learned:
            costs = costs - strategy.doubts(sizes)
        anchor = int(np.argmin(np.abs(sizes - chosen)))
        reach = strategy.settings.hysteresis
        best = int(np.argmin(costs))
        # Own observations may overrule the decision only where they are clearly against.
        wanted = best if costs[best] < costs[anchor] - reach else anchor
        if not learned and corrections[anchor] - corrections[best] <= reach:
            wanted = anchor
        current = strategy.current
        if current is None:
            return int(sizes[wanted]), 1.0
        nearest = int(np.argmin(np.abs(sizes - current)))
        return int(sizes[wanted]), 1 - _factor(float(costs[wanted] - costs[nearest]))

    def _answer(
        self,
        operation_type: str,
        size: int,
        decision: Decision,
        strategy: BatchStrategy,
        curve: Floats | None,
    ) -> BatchRecommendation:
        if curve is not None:
            self._expected[operation_type] = curve
        moved = size != int(decision.action[0])
        reason = decision.reason
        if moved:
            facts: dict[str, Value] = {
                "decided": decision.action[0],
                "cap": math.floor(strategy.cap),
                "moved_by": strategy.moved_by,
            }
            reason = Reason(code="adapted", facts=facts)
        confidence = decision.confidence
        if confidence is None:
            near = self._near(operation_type, size)
            confidence = near / (near + 20)
        efficiency = self._efficiency(operation_type, size, decision)
        rule = _rule_size(decision)
        return BatchRecommendation(
            batch_size=size,
            confidence=confidence,
            expected_efficiency=efficiency[0],
            efficiency_low=efficiency[1],
            efficiency_high=efficiency[2],
            efficiency_is_target=efficiency[3],
            rule_size=size if rule is None else rule,
            reason=reason,
            decision=decision if not moved else replace(decision, confidence=None),
            strategy_version=strategy.version,
        )

    def _near(self, operation_type: str, size: int) -> int:
        counts = self._counts.get(operation_type, {})
        return sum(
            count for seen, count in counts.items() if abs(seen - size) <= size / 4
        )

    def _efficiency(
        self, operation_type: str, size: int, decision: Decision
    ) -> tuple[float, float, float, bool]:
        best = self._best_cost_s(operation_type)
        if (
            best is not None
            and decision.expected_cost is not None
            and decision.cost_low is not None
            and decision.cost_high is not None
        ):
            factor = _factor(self._strategies[operation_type].correction(size))
            costs = (
                decision.expected_cost,
                decision.cost_high,
                decision.cost_low,
            )
            value, low, high = (best / max(cost * factor, best) for cost in costs)
            return value, low, high, False
        seen = [
            (mean, count)
            for near, (mean, count) in self._efficiencies.get(
                operation_type, {}
            ).items()
            if abs(near - size) <= size / 4
        ]
        if not seen:
            return TARGET_EFFICIENCY, 0.0, 1.0, True
        total = sum(count for _, count in seen)
        mean = sum(value * count for value, count in seen) / total
        # Hoeffding's bound: a mean of n values within 0..1, at 95 %.
        reach = math.sqrt(math.log(2 / 0.05) / (2 * total))
        return mean, max(mean - reach, 0.0), min(mean + reach, 1.0), False


def _factor(log: float) -> float:
    """Take the exponential; one beyond the range of numbers is at its end."""
    return math.exp(min(max(log, -LARGEST_LOG), LARGEST_LOG))


def _rule_size(decision: Decision) -> int | None:
    return None if decision.baseline is None else int(float(decision.baseline))


def _settings_of(advisor: Advisor) -> AdaptationSettings:
    if advisor.bundle is None:
        return AdaptationSettings()
    manifest = advisor.bundle.manifest
    return AdaptationSettings(
        rate=max(manifest.adaptation_rate, 1e-3),
        every=manifest.adaptation_every,
        spread=_spread(manifest.conformal),
    )


def _spread(conformal: Conformal) -> float:
    """Work out how far one size's predicted cost is off against another's.

    The error of a difference between two sizes has twice the variance of either's own;
    the middle two thirds of its quantiles lie within one standard deviation.
    """
    low, high = np.interp(
        (0.16, 0.84), conformal.probabilities, conformal.differences
    ).tolist()
    return min(max((high - low) / 2 / math.sqrt(2), LEAST_SPREAD), MOST_SPREAD)


def _context(
    operation_type: str, workload: Workload, system: SystemLoad
) -> dict[str, Value]:
    complexity = coordination_complexity(
        shared_key_share=workload.shared_key_share,
        dependencies=workload.dependencies,
        operations=workload.operations or 0,
        agents=workload.agents,
    )
    return {
        **(workload.context or {}),
        "operation_type": operation_type,
        "load_cpu": system.cpu,
        "load_memory": system.memory,
        "load_io": system.io,
        "active_agents": float(workload.agents),
        "coordination_complexity": complexity,
    }


def _resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)
