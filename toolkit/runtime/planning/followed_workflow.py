"""A run against its plan, at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass

from toolkit.runtime.planning.monitoring import MonitoringPoint, PlanAlertKind
from toolkit.runtime.planning.pattern import Pattern
from toolkit.runtime.planning.performance import ExpectedPerformance
from toolkit.runtime.planning.plan_alert import PlanAlert

__all__ = ["FollowedWorkflow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedWorkflow:
    """A snapshot of a run against its plan.

    Attributes
    ----------
    points : mapping of MonitoringPoint to float
        The latest value of each; what was not observed is absent.
    alerts : tuple of PlanAlert
        Those that last.
    raised : mapping of PlanAlertKind to int
        How often each fired.
    expected : ExpectedPerformance or None
        The prediction as corrected so far.
    corrections : mapping of str to float
        Observed / predicted cost that predictions are multiplied with, by operation
        type, and of the whole under `workflow`.
    observations, unplanned_batches : int
        Observed; batches of a type without a predicted cost.
    tasks_completed : int
        As the records of finished tasks say.
    patterns : tuple of Pattern
        Sizes used so far and what they cost.
    """

    points: Mapping[MonitoringPoint, float]
    alerts: tuple[PlanAlert, ...]
    raised: Mapping[PlanAlertKind, int]
    expected: ExpectedPerformance | None
    corrections: Mapping[str, float]
    observations: int
    unplanned_batches: int
    tasks_completed: int = 0
    patterns: tuple[Pattern, ...] = ()
