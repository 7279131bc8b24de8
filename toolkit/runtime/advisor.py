"""One bundle, one answer at a time: decide, observe, and keep what came of it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from toolkit.bundle import ACTION_COLUMNS, Bundle, read_bundle
from toolkit.clock import Clock, SystemClock
from toolkit.errors import BundleRefusedError, UsageError
from toolkit.policies import Decision, Reason, Value
from toolkit.records import Batch, Provenance, Served, Workflow, record_id
from toolkit.runtime.advice import CONTEXT_COLUMNS, LadderAdvisor, SystemLoad
from toolkit.runtime.advice.columns import declared_fields
from toolkit.runtime.batching import AdaptiveBatchingOptimizer, Workload
from toolkit.runtime.planning.observed_runs import ObservedRuns

__all__ = ["Advice", "Advisor"]

SOURCE = "advisor"
KIND: Mapping[str, type[Batch] | type[Workflow]] = MappingProxyType(
    {"batch_size": Batch, "agent_count": Workflow}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A decision with everything behind it, and the record it becomes.

    Attributes
    ----------
    decision : str
        `batch_size` or `agent_count`.
    action : int
        Operations in the batch, or agents on the task.
    interval : tuple of float, or None
        Bounds of the expected cost, in the bundle's unit; `None` where no model answered.
    reason : Reason
        Printed, it is a sentence.
    rule : int
        What the rule of the specification says.
    rung : str
        Rung of the ladder that answered.
    propensity : float
        Probability, above 0 and up to 1, with which this action was taken.
    context : mapping
        What was known.
    at : datetime
    """

    decision: str
    action: int
    interval: tuple[float, float] | None
    reason: Reason
    rule: int
    rung: str
    propensity: float
    policy: str
    policy_version: str
    context: Mapping[str, Value]
    at: datetime
    mark: str = field(repr=False)

    @property
    def record_id(self) -> str:
        """Id of the record that it becomes."""
        return record_id(SOURCE, self.mark)

    def outcome(self, **measured: Any) -> Batch | Workflow:
        """Write the record of what came of it; the same advice gives the same id.

        Parameters
        ----------
        **measured
            Fields of the record: `cycle_s` and `succeeded` of a batch, `makespan_s` and
            `components` of a workflow, ...

        Returns
        -------
        Batch or Workflow
            Give it to `History.append`, and to the organs that learn.

        Raises
        ------
        UsageError
            The record has no such field.
        SchemaError
            A value is outside what its field can be.

        Examples
        --------
        >>> advice = Advisor().decide(operation_type="fileOperations", load_cpu=0.4)
        >>> record = advice.outcome(cycle_s=12.1, succeeded=3)
        >>> record.size == advice.action, record.load_cpu, record.cycle_s
        (True, 0.4, 12.1)
        """
        kind = KIND[self.decision]
        known = _field_names(kind)
        for name in measured:
            if name not in known:
                raise UsageError.unknown("field", name, sorted(known))
        given = {n: v for n, v in self.context.items() if v is not None}
        context: dict[str, Any] = {n: v for n, v in given.items() if n in known}
        context |= declared_fields(given, own=known)
        if kind is Batch:
            explored = self.propensity < 1
            context["served"] = Served.EXPLORED if explored else Served.ADVISED
        return kind(
            **{
                "record_id": self.record_id,
                "at": self.at,
                "source": SOURCE,
                "provenance": Provenance.MEASURED,
                ACTION_COLUMNS[self.decision]: self.action,
                "policy": self.policy,
                "policy_version": self.policy_version,
                "propensity": self.propensity,
                **context,
                **measured,
            }
        )


class Advisor:
    """Answers from a bundle, or from the rules, and follows what its answers cost.

    Parameters
    ----------
    bundle : Bundle, path, str or LadderAdvisor, optional
        The rules of the specification answer without one. An advisor that follows a
        link (`ReloadingAdvisor`) keeps doing so.
    decision : str, optional
        The bundle's, or `batch_size`.
    clock : Clock, optional
        The system's.
    explore : float
        Share of the batch sizes, 0 to 1, that are drawn to learn from them.
    rng : numpy.random.Generator, optional
        Needed to explore.

    Raises
    ------
    BundleRefusedError
        The bundle fails a check, or decides something else. The rules answer all the
        same from ``Advisor(decision=...)``.
    UsageError
        There is no such decision.

    Examples
    --------
    >>> advisor = Advisor()
    >>> advice = advisor.decide(operation_type="fileOperations", load_cpu=0.9)
    >>> advice.action, str(advice.reason)
    (6, 'high load (load 0.9, complexity 0, optimal 8)')
    >>> advisor.observe(advice, cycle_s=12.1, succeeded=6)
    """

    def __init__(
        self,
        bundle: Bundle | Path | str | LadderAdvisor | None = None,
        *,
        decision: str | None = None,
        clock: Clock | None = None,
        explore: float = 0.0,
        rng: np.random.Generator | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._ladder = _ladder(bundle, decision, self._clock)
        self.decision = self._ladder.decision
        self._batches: AdaptiveBatchingOptimizer | None = None
        self._runs: ObservedRuns | None = None
        if self.decision == "batch_size":
            self._batches = AdaptiveBatchingOptimizer(
                self._ladder, clock=self._clock, explore=explore, rng=rng
            )
        else:
            self._runs = ObservedRuns(self._ladder)
        self._count = count(1)

    @property
    def bundle(self) -> Bundle | None:
        """The bundle that answers; `None` for the rules alone."""
        return self._ladder.bundle

    @property
    def refused(self) -> str | None:
        """Why the rule stands in for a bundle that was named."""
        return self._ladder.refused

    def decide(self, **context: Value) -> Advice:
        """Take a decision.

        Parameters
        ----------
        **context
            What is known, by column: `operation_type`, `load_cpu` (0 to 1), ...; what is
            not known is left out.

        Returns
        -------
        Advice

        Raises
        ------
        UsageError
            A column that neither bundle nor record has.
        """
        columns = _columns(self.decision, self.bundle)
        for name in context:
            if name not in columns:
                raise UsageError.unknown("column", name, sorted(columns))
        known = MappingProxyType(dict(context))
        if self._batches is not None:
            return self._batch_size(known, self._batches)
        return self._agent_count(known)

    def observe(self, advice: Advice, **measured: Any) -> None:
        """Learn what an answer cost; the next ones follow.

        Parameters
        ----------
        advice : Advice
        **measured
            As `Advice.outcome` takes it.
        """
        record = advice.outcome(**measured)
        if isinstance(record, Batch):
            if self._batches is not None:
                self._batches.learn(record)
        elif self._runs is not None:
            self._runs.observe(record)

    def _batch_size(
        self, context: Mapping[str, Value], batches: AdaptiveBatchingOptimizer
    ) -> Advice:
        operation_type = str(context.get("operation_type") or "mixed")
        answer = batches.recommend(
            operation_type,
            Workload(agents=int(_number(context, "active_agents", 1)), context=context),
            SystemLoad(
                cpu=_number(context, "load_cpu", None),
                memory=_number(context, "load_memory", None),
                io=_number(context, "load_io", None),
            ),
        )
        decision = answer.decision
        return Advice(
            decision=self.decision,
            action=answer.batch_size,
            interval=_interval(decision, answer.batch_size),
            reason=answer.reason,
            rule=answer.rule_size,
            rung=decision.rung,
            propensity=answer.propensity,
            policy=answer.policy,
            policy_version=answer.policy_version,
            context={**context, "operation_type": operation_type},
            at=self._clock.now(),
            mark=self._mark(),
        )

    def _agent_count(self, context: Mapping[str, Value]) -> Advice:
        decision = self._ladder.decide(context)
        if self._runs is not None:
            decision = self._runs.adapted(decision, self._ladder.offered)
        return Advice(
            decision=self.decision,
            action=int(decision.action[0]),
            interval=_interval(decision, decision.action[0]),
            reason=decision.reason,
            rule=int(float(decision.baseline or decision.label)),
            rung=decision.rung,
            propensity=decision.propensity,
            policy=decision.policy,
            policy_version=decision.version,
            context=context,
            at=self._clock.now(),
            mark=self._mark(),
        )

    def _mark(self) -> str:
        """Name an answer: process, time and number tell it from every other."""
        return f"{os.getpid()} {self._clock.now().isoformat()} {next(self._count)}"


def _ladder(
    bundle: Bundle | Path | str | LadderAdvisor | None,
    decision: str | None,
    clock: Clock,
) -> LadderAdvisor:
    """Find what answers, and that it decides what is asked of it."""
    if isinstance(bundle, Path | str):
        bundle = read_bundle(Path(bundle).expanduser())
    if isinstance(bundle, LadderAdvisor):
        offered, path = bundle.decision, Path()
    elif bundle is not None:
        offered, path = bundle.manifest.decision, bundle.path
    else:
        offered, path = decision or "batch_size", Path()
    wanted = decision or offered
    if wanted not in KIND:
        raise UsageError.unknown("decision", wanted, sorted(KIND))
    if offered != wanted:
        raise BundleRefusedError(f"it decides {offered}, not {wanted}", path=path)
    if isinstance(bundle, LadderAdvisor):
        return bundle
    return LadderAdvisor(wanted, bundle=bundle, clock=clock)


def _columns(decision: str, bundle: Bundle | None) -> frozenset[str]:
    """List the columns that a context may have: the bundle's, and the usual ones."""
    read = () if bundle is None else bundle.manifest.context_columns
    return frozenset({*CONTEXT_COLUMNS[decision], *(column.name for column in read)})


def _field_names(kind: type[Batch] | type[Workflow]) -> frozenset[str]:
    return frozenset(declared.name for declared in fields(kind))


def _interval(decision: Decision, action: float) -> tuple[float, float] | None:
    """Bounds of the cost of an action; not known where own runs moved the answer."""
    low, high = decision.cost_low, decision.cost_high
    if low is None or high is None or decision.action[0] != action:
        return None
    if decision.reason.code == "own_runs":
        return None
    return low, high


def _number(context: Mapping[str, Value], name: str, default: Any) -> Any:
    value = context.get(name)
    if value is None:
        return default
    try:
        return float(value)
    except ValueError:
        raise UsageError(f"`{name}` must be a number (got {value!r})") from None
