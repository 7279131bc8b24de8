"""Recommends batch sizes and learns from what they cost (specification, section 1)."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import psutil

from toolkit.clock import Clock
from toolkit.errors import SchemaError, UsageError
from toolkit.policies import Decision, Floats, Reason, Value
from toolkit.policies.adaptation import AdaptationSettings, MeasurementPrior
from toolkit.policies.rules import OPTIMUMS, BatchSizeOptimum, coordination_complexity
from toolkit.records import Batch
from toolkit.runtime.advice import SystemLoad
from toolkit.runtime.batching.execution import CallableBatch
from toolkit.runtime.batching.measurement import measure_operations, suggestions
from toolkit.runtime.batching.observed_sizes import TARGET_EFFICIENCY, ObservedSizes
from toolkit.runtime.batching.recommendation import (
    BatchingStatistics,
    BatchRecommendation,
    MeasuredBatch,
    StrategyUpdate,
    Workload,
)
from toolkit.runtime.batching.running import RunningBatch

__all__ = ["AdaptiveBatchingOptimizer", "SizeAdvisor"]

MOST_TYPES = 256
"""Operation types that are kept; beyond it the one longest unused is forgotten."""

MOST_SEEN = 10_000
"""Record ids that are remembered, so that a record that comes twice counts once."""

LONGEST_TURN_S = 300.0
"""A longer gap between two batches of an agent was no turn: it had nothing to do."""

UNKNOWN_LOAD = SystemLoad()
UNKNOWN_WORK = Workload()


class SizeAdvisor(Protocol):
    """Decides a batch size: a `LadderAdvisor`, or one that reloads its bundle."""

    @property
    def bundle(self) -> Any:
        """The bundle behind the decisions, or `None`."""
        ...

    @property
    def refused(self) -> str | None:
        """Why there is no bundle although one was named."""
        ...

    @property
    def offered(self) -> tuple[float, ...]:
        """The sizes that are chosen from, ascending."""
        ...

    def decide(self, context: Mapping[str, Value], /) -> Decision:
        """Take a decision."""
        ...


class AdaptiveBatchingOptimizer:
    """Recommends, measures, observes; thread-safe.

    Parameters
    ----------
    advisor : SizeAdvisor
        On a bundle, or on the rules (`LadderAdvisor("batch_size", bundle=None, ...)`). One
        that reloads brings its new bundle's sizes, prior and settings with it.
    clock : Clock
    settings : AdaptationSettings, optional
        The bundle's interval unless given.
    optimums : mapping, optional
        Bounds of the operation types.
    explore : float
        Share of the answers, 0 to 1, drawn by each size's chance of being the cheapest;
        every answer carries the probability with which it was given.
    rng : numpy.random.Generator, optional
        Needed to explore.
    load : callable, optional
        Gives the load where `batch` is not given one: `BackgroundLoad().current`.
    emit : callable, optional
        Keeps every record that the optimizer writes; `RuntimeLoop` attaches itself.
    session_id : str, optional
        Of the records.

    Examples
    --------
    >>> from toolkit.clock import SystemClock
    >>> from toolkit.runtime.advice import LadderAdvisor
    >>> clock = SystemClock()
    >>> optimizer = AdaptiveBatchingOptimizer(
    ...     LadderAdvisor("batch_size", bundle=None, clock=clock), clock=clock
    ... )
    >>> with optimizer.batch("fileOperations", system=SystemLoad(cpu=0.9)) as batch:
    ...     done = batch.run([str] * batch.size)
    >>> batch.size, batch.record.succeeded, batch.record.propensity
    (6, 6, 1.0)
    """

    def __init__(
        self,
        advisor: SizeAdvisor,
        *,
        clock: Clock,
        settings: AdaptationSettings | None = None,
        optimums: Mapping[str, BatchSizeOptimum] = OPTIMUMS,
        explore: float = 0.0,
        rng: np.random.Generator | None = None,
        load: Callable[[], SystemLoad] | None = None,
        emit: Callable[[Batch], object] | None = None,
        session_id: str | None = None,
    ) -> None:
        if not 0 <= explore <= 1 or (explore and rng is None):
            raise UsageError(
                f"`explore` must be in 0..1 and needs `rng`; got {explore} and {rng}"
            )
        self.advisor = advisor
        self._given = settings
        self._bundle = advisor.bundle
        self.settings = _settings_of(advisor) if settings is None else settings
        self.explore = explore
        self.session_id = session_id
        self._prior = _prior_of(advisor)
        self._clock = clock
        self._optimums = optimums
        self._rng = rng
        self._load = load
        self._emit = emit
        self._types: OrderedDict[str, ObservedSizes] = OrderedDict()
        self._ends: OrderedDict[str, float] = OrderedDict()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.RLock()
        self._observed = 0
        self._recommended = 0
        self._batches = 0

    def attach(self, emit: Callable[[Batch], object]) -> None:
        """Keep every record that the optimizer writes through a callable.

        Parameters
        ----------
        emit : callable
            Called with each record, in the thread that ends the batch.
        """
        self._emit = emit

    def recommend(
        self,
        operation_type: str,
        workload: Workload = UNKNOWN_WORK,
        system: SystemLoad = UNKNOWN_LOAD,
    ) -> BatchRecommendation:
        """Recommend a batch size.

        Parameters
        ----------
        operation_type : str
            A type that is not known gets the rule's constant.
        workload : Workload, optional
            What is known of the work, such as the operations that wait.
        system : SystemLoad, optional
            Load now; not known unless given.

        Returns
        -------
        BatchRecommendation
            A size of at most `workload.operations`, with the decision it follows.

        Raises
        ------
        UsageError
            Where the workload says there is nothing to do.
        """
        if workload.operations is not None and workload.operations < 1:
            raise UsageError(
                f"`operations` must be at least 1, got {workload.operations}"
            )
        decision = self.advisor.decide(_context(operation_type, workload, system))
        with self._lock:
            self._recommended += 1
            observed = self._type(operation_type)
            observed.curve = _curve(decision, observed)
            size, propensity = self._choose(decision, observed, workload.operations)
            observed.settle(size)
            return self._answer(size, propensity, decision, observed)

    def batch(
        self,
        operation_type: str,
        *,
        operations: int | None = None,
        agent_id: str = "main",
        workload: Workload | None = None,
        system: SystemLoad | None = None,
    ) -> RunningBatch:
        """Begin a batch: ``with optimizer.batch("fileOperations") as batch: ...``.

        Inside, `batch.size` is the size to take; `batch.run(callables)` or
        ``with batch.operation():`` clock what is done. When the block is left, the
        batch is learned from and its record kept. The cycle begins with the agent's
        previous result, so the turn between two batches counts.

        Parameters
        ----------
        operation_type : str
        operations : int, optional
            How many are waiting; a batch is never larger.
        agent_id : str
            Whose batch it is.
        workload : Workload, optional
            Whatever else is known of the work.
        system : SystemLoad, optional

        Returns
        -------
        RunningBatch
            A context manager.
        """
        known = workload or Workload(operations=operations)
        load = system or (UNKNOWN_LOAD if self._load is None else self._load())
        return RunningBatch(
            self,
            operation_type,
            recommendation=self.recommend(operation_type, known, load),
            workload=known,
            system=load,
            agent_id=agent_id,
        )

    def measure(self, batch: CallableBatch, *, agent_id: str = "main") -> MeasuredBatch:
        """Execute a batch of plain callables, learn from it and keep its record.

        Parameters
        ----------
        batch : CallableBatch
        agent_id : str
            Whose batch it is.

        Returns
        -------
        MeasuredBatch
            The record, each operation's time and outcome, and what to do differently.
        """
        before = _resident_bytes()
        running = self._unadvised(batch, agent_id)
        running.run(
            batch.operations,
            workers=batch.workers,
            atomic=batch.atomic,
            timeout_s=batch.timeout_s,
        )
        return self._measured(batch, running, before)

    async def measure_async(
        self, batch: CallableBatch, *, agent_id: str = "main"
    ) -> MeasuredBatch:
        """Execute callables that return awaitables; otherwise as `measure`.

        Parameters
        ----------
        batch : CallableBatch
        agent_id : str
            Whose batch it is.

        Returns
        -------
        MeasuredBatch
        """
        before = _resident_bytes()
        running = self._unadvised(batch, agent_id)
        await running.run_async(
            batch.operations,
            workers=batch.workers,
            atomic=batch.atomic,
            timeout_s=batch.timeout_s,
        )
        return self._measured(batch, running, before)

    def observe(self, record: Batch) -> StrategyUpdate:
        """Learn from a batch that was executed elsewhere and keep its record.

        A record that was observed, or written here, before changes nothing.

        Parameters
        ----------
        record : Batch

        Returns
        -------
        StrategyUpdate
            The size now recommended for its operation type, and why.
        """
        known = record.record_id in self._seen
        update = self.learn(record)
        if not known and self._emit is not None:
            self._emit(record)
        return update

    def learn(self, record: Batch) -> StrategyUpdate:
        """Learn from a batch whose record is kept already: another worker's.

        Parameters
        ----------
        record : Batch
            One that was learned from before changes nothing.

        Returns
        -------
        StrategyUpdate
        """
        with self._lock:
            observed = self._type(record.operation_type)
            if record.record_id not in self._seen:
                self._learn(record, observed, observed.curve)
            return _update(record.operation_type, observed)

    def statistics(self) -> BatchingStatistics:
        """Take a snapshot.

        Returns
        -------
        BatchingStatistics
        """
        with self._lock:
            return BatchingStatistics(
                operation_types=len(self._types),
                observed_batches=self._observed,
                recommendations=self._recommended,
                refused_bundle=self.advisor.refused,
            )

    def began_s(self, agent_id: str) -> float:
        """Give the start of an agent's cycle: its previous result, if it was recent.

        Parameters
        ----------
        agent_id : str

        Returns
        -------
        float
            Seconds on the monotonic clock; now, where no result is known or it is older
            than `LONGEST_TURN_S`.
        """
        now_s = self.now_s()
        with self._lock:
            ended_s = self._ends.get(agent_id, now_s)
        return ended_s if now_s - ended_s <= LONGEST_TURN_S else now_s

    def now_s(self) -> float:
        """Read the clock that never runs backwards.

        Returns
        -------
        float
            Seconds; only differences mean anything.
        """
        return self._clock.monotonic_s()

    def ended(self, batch: RunningBatch) -> None:
        """Learn from a batch that ran here and keep its record.

        Parameters
        ----------
        batch : RunningBatch
            Of this optimizer.
        """
        self._end(batch)

    def _end(self, batch: RunningBatch, **known: Any) -> None:
        if not batch.operations:
            return
        at = self._clock.now()
        with self._lock:
            self._batches += 1
            parts = (str(os.getpid()), at.isoformat(), str(self._batches))
            record = batch.to_record(
                at=at, parts=parts, session_id=self.session_id, **known
            )
            batch.record = record
            self._ends[batch.agent_id] = self.now_s()
            _bound(self._ends, MOST_SEEN)
            observed = self._type(record.operation_type)
            answer = batch.recommendation
            self._learn(record, observed, None if answer is None else answer.curve)
        if self._emit is not None:
            self._emit(record)

    def _unadvised(self, batch: CallableBatch, agent_id: str) -> RunningBatch:
        return RunningBatch(
            self,
            batch.operation_type,
            recommendation=None,
            workload=UNKNOWN_WORK,
            system=UNKNOWN_LOAD if self._load is None else self._load(),
            agent_id=agent_id,
        )

    def _measured(
        self, batch: CallableBatch, running: RunningBatch, before: int
    ) -> MeasuredBatch:
        memory = _resident_bytes() - before
        with self._lock:
            best_s = self._type(batch.operation_type).best_cost_s(self.now_s())
        self._end(running, memory_delta_bytes=memory, read_share=batch.read_share)
        metrics = measure_operations(
            running.operations,
            workers=batch.workers,
            memory_delta_bytes=memory,
            memory_available_bytes=psutil.virtual_memory().available,
            lead_s=running.entered_s - running.cycle_began_s,
        )
        with self._lock:
            update = _update(batch.operation_type, self._type(batch.operation_type))
        return MeasuredBatch(
            metrics=metrics,
            operations=tuple(running.operations),
            suggestions=suggestions(
                metrics, best_cost_s=best_s, read_share=batch.read_share
            ),
            strategy=update,
            record=running.record,
        )

    def _learn(
        self, record: Batch, observed: ObservedSizes, history: Floats | None
    ) -> None:
        self._seen[record.record_id] = None
        _bound(self._seen, MOST_SEEN)
        self._observed += 1
        known = not record.censored and record.succeeded is not None
        observed.observe(
            record.size,
            cycle_s=record.cycle_s if known else None,
            succeeded=record.succeeded or 0,
            at_s=self.now_s(),
            history=history,
        )

    def _choose(
        self, decision: Decision, observed: ObservedSizes, most: int | None
    ) -> tuple[int, float]:
        """Choose the size, with the probability with which it was chosen."""
        decided = int(decision.action[0])
        base = observed.nearest(decided)
        adaptation = observed.adaptation(observed.curve)
        history = observed.predicted()
        sizes = observed.sizes.copy()
        sizes[base] = decided  # the rule's own size need not be on offer
        if most is not None:
            sizes = np.minimum(sizes, most)
        if not self.explore or self._rng is None:
            place = adaptation.answer(base, history)
            kept = decision.allowed is None or decision.allowed[place]
            return int(sizes[place if kept else base]), decision.propensity
        chances = adaptation.chances(base, history, share=self.explore)
        if decision.allowed is not None:
            chances[~decision.allowed] = 0.0
            chances[base] += 1 - chances.sum()
        place = int(self._rng.choice(len(chances), p=chances))
        chance = float(chances[sizes == sizes[place]].sum())
        return int(sizes[place]), min(chance, 1.0) * decision.propensity

    def _answer(
        self,
        size: int,
        propensity: float,
        decision: Decision,
        observed: ObservedSizes,
    ) -> BatchRecommendation:
        decided = int(decision.action[0])
        reason, confidence = decision.reason, decision.confidence
        if size != decided:
            code = "explored" if propensity < 1 else "adapted"
            facts: dict[str, Value] = {"decided": float(decided)}
            reason, confidence = Reason(code=code, facts=facts), None
        if confidence is None:
            near = observed.near(size)
            confidence = near / (near + 20)
        value, low, high, is_target = self._efficiency(size, decision, observed)
        baseline = decision.baseline
        return BatchRecommendation(
            batch_size=size,
            confidence=confidence,
            expected_efficiency=value,
            efficiency_low=low,
            efficiency_high=high,
            efficiency_is_target=is_target,
            rule_size=decided if baseline is None else int(float(baseline)),
            reason=reason,
            decision=decision,
            strategy_version=observed.version,
            policy=f"{decision.policy}+explore" if self.explore else decision.policy,
            policy_version=decision.version,
            propensity=propensity,
            curve=observed.curve,
        )

    def _efficiency(
        self, size: int, decision: Decision, observed: ObservedSizes
    ) -> tuple[float, float, float, bool]:
        if (seen := observed.efficiency(size)) is not None:
            return *seen, False
        best_s = observed.best_cost_s(self.now_s())
        costs = (decision.expected_cost, decision.cost_high, decision.cost_low)
        known = [cost for cost in costs if cost is not None]
        if best_s is None or len(known) < len(costs):
            return TARGET_EFFICIENCY, 0.0, 1.0, True
        value, low, high = (best_s / max(cost, best_s) for cost in known)
        return value, low, high, False

    def _follow(self) -> None:
        """Begin again where the advisor serves another bundle: it learned from our runs."""
        if self.advisor.bundle is self._bundle:
            return
        self._bundle = self.advisor.bundle
        self._prior = _prior_of(self.advisor)
        if self._given is None:
            self.settings = _settings_of(self.advisor)
        self._types.clear()

    def _type(self, operation_type: str) -> ObservedSizes:
        self._follow()
        observed = self._types.get(operation_type)
        if observed is None:
            sizes = np.asarray(self.advisor.offered, dtype=np.int64)
            optimum = self._optimums.get(operation_type)
            if self.advisor.bundle is None and optimum is not None:
                sizes = sizes[sizes <= optimum.maximum]
            observed = ObservedSizes(sizes, self.settings, self._prior)
            self._types[operation_type] = observed
            _bound(self._types, MOST_TYPES)
        self._types.move_to_end(operation_type)
        return observed


def _bound(kept: "OrderedDict[str, Any]", most: int) -> None:
    while len(kept) > most:
        kept.popitem(last=False)


def _update(operation_type: str, observed: ObservedSizes) -> StrategyUpdate:
    return StrategyUpdate(
        operation_type=operation_type,
        batch_size=observed.current,
        version=observed.version,
        moved_by="costs" if observed.version else "start",
    )


def _curve(decision: Decision, observed: ObservedSizes) -> Floats | None:
    """Predicted log cost of every offered size; `None` where no model answers."""
    curve = decision.curve
    if curve is None or len(curve.log_cost) != len(observed.sizes):
        return None
    return curve.log_cost if np.isfinite(curve.log_cost).all() else None


def _settings_of(advisor: SizeAdvisor) -> AdaptationSettings:
    if advisor.bundle is None:
        return AdaptationSettings()
    return AdaptationSettings(every=advisor.bundle.manifest.adaptation_every)


def _prior_of(advisor: SizeAdvisor) -> MeasurementPrior | None:
    """Read the bundle's measurement prior, where it has one over a single axis."""
    if advisor.bundle is None:
        return None
    extra = advisor.bundle.manifest.extra
    section = extra.get("stack", extra.get("relative"))
    if not isinstance(section, Mapping) or "measurement_prior" not in section:
        return None
    try:
        prior = MeasurementPrior.from_json(section["measurement_prior"])
    except SchemaError:
        return None
    return prior if len(prior.spread) == 1 else None


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
        "coordination_complexity": complexity,
        **(workload.context or {}),
        "operation_type": operation_type,
        "load_cpu": system.cpu,
        "load_memory": system.memory,
        "load_io": system.io,
        "active_agents": float(workload.agents),
    }


def _resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)
