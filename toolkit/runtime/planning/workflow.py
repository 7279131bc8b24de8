"""A predicted workflow: agents, batches, coordination, and what to expect of them."""

from dataclasses import dataclass

from toolkit.policies import Reason
from toolkit.runtime.planning.monitoring import MonitoringPlan
from toolkit.runtime.planning.performance import Estimate, ExpectedPerformance

__all__ = [
    "AgentPlan",
    "Alternative",
    "BatchPlan",
    "WorkflowPlan",
    "WorkflowPrediction",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPlan:
    """How many agents.

    Attributes
    ----------
    recommended, minimum, maximum : int
        The range is the rule's own where the rule answers; of a learned answer, the
        neighbouring supported counts that are not shown to be worse.
    rule : int
        What the specification's rule says, before any limit.
    learned : bool
        Whether the model stands behind the answer.
    reason : Reason
    support : float
        Past workflows near the answer.
    policy, version : str
    propensity : float
        For the record of the run.
    """

    recommended: int
    minimum: int
    maximum: int
    rule: int
    learned: bool
    reason: Reason
    support: float
    policy: str
    version: str
    propensity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """How many operations of one type to put in a batch.

    Attributes
    ----------
    operation_type : str
    size, rule_size : int
    operations, batches : int or None
        In the whole task; `None` is not known.
    cost_s : Estimate or None
        Predicted seconds per successful operation.
    confidence : float or None
        Probability that a learned size costs no more than the rule's; `None` for the
        rule's.
    reason : Reason
    """

    operation_type: str
    size: int
    rule_size: int
    operations: int | None
    batches: int | None
    cost_s: Estimate | None
    confidence: float | None
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """Another decision on the time/money frontier."""

    agents: int
    strategy: str
    memory_structure: str
    expected: ExpectedPerformance


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowPlan:
    """What to do.

    Attributes
    ----------
    agents : AgentPlan
    batches : tuple of BatchPlan
        One for each operation type of the task; of every type with a rule where the
        task names none.
    strategy, memory_structure : str
    expected : ExpectedPerformance or None
        `None` where no model may speak here; a reason says why.
    reasons : tuple of Reason
        Of the count, the strategy, the memory structure, and what stands out.
    """

    agents: AgentPlan
    batches: tuple[BatchPlan, ...]
    strategy: str
    memory_structure: str
    expected: ExpectedPerformance | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowPrediction:
    """Everything the specification's prediction returns (section 3).

    Attributes
    ----------
    plan : WorkflowPlan
    confidence : float or None
        Calibrated probability, 0 to 1, that a learned agent count costs no more than
        the rule's; `None` for the rule's own answer.
    alternatives : tuple of Alternative
        Fastest first; empty where costs are not known.
    monitoring : MonitoringPlan
    """

    plan: WorkflowPlan
    confidence: float | None
    alternatives: tuple[Alternative, ...]
    monitoring: MonitoringPlan
