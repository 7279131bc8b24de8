"""What goes into and comes out of the batching organ: frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from toolkit.policies import Decision, Floats, Reason, Value
from toolkit.records import Batch
from toolkit.runtime.batching.measurement import (
    BatchMetrics,
    MeasuredOperation,
    Suggestion,
)

__all__ = [
    "BatchRecommendation",
    "BatchingStatistics",
    "MeasuredBatch",
    "StrategyUpdate",
    "Workload",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What is known of the work that is to be batched.

    Attributes
    ----------
    operations : int or None
        Operations waiting; a batch is never larger.
    shared_key_share : float
        Share of memory keys touched by two agents or more, 0 to 1.
    dependencies : int
        Among the operations.
    agents : int
    context : mapping
        Any other column that the bundle reads.
    """

    operations: int | None = None
    shared_key_share: float = 0.0
    dependencies: int = 0
    agents: int = 1
    context: Mapping[str, Value] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRecommendation:
    """A size, with everything behind it.

    Attributes
    ----------
    batch_size : int
    confidence : float or None
        Probability of being no worse than the rule; for the rule's own answer its
        support n / (n + 20).
    expected_efficiency, efficiency_low, efficiency_high : float
        Best cost known / expected cost, clipped to 0..1.
    efficiency_is_target : bool
        Nothing was observed: the figure is the specification's target.
    rule_size : int
        What the rule says.
    reason : Reason
    decision : Decision
        Before adaptation.
    strategy_version : int
    """

    batch_size: int
    confidence: float | None
    expected_efficiency: float
    efficiency_low: float
    efficiency_high: float
    efficiency_is_target: bool
    rule_size: int
    reason: Reason
    decision: Decision
    strategy_version: int
    policy: str
    policy_version: str
    propensity: float = 1.0
    curve: Floats | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyUpdate:
    """The size now recommended for an operation type, and what moved it."""

    operation_type: str
    batch_size: int | None
    version: int
    moved_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredBatch:
    """What executing a batch gave."""

    metrics: BatchMetrics
    operations: tuple[MeasuredOperation, ...]
    suggestions: tuple[Suggestion, ...]
    strategy: StrategyUpdate
    record: Batch | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchingStatistics:
    """A snapshot of the organ."""

    operation_types: int
    observed_batches: int
    recommendations: int
    refused_bundle: str | None
