"""The monitoring plan of a predicted workflow (specification, section 3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from toolkit.notifier import Level
from toolkit.policies.adaptation import CorrectionSettings
from toolkit.runtime.planning.performance import ExpectedPerformance

__all__ = [
    "AlertRule",
    "MonitoringPlan",
    "MonitoringPoint",
    "MonitoringSettings",
    "PlanAlertKind",
    "alert_rules",
]

ROUNDING = 1e-9
"""What floating-point division may take from a ratio: exactly at a threshold fires."""


class MonitoringPoint(StrEnum):
    """What a followed workflow is looked at for (definitions, section 3)."""

    AGENT_SPAWN_EFFICIENCY = "agent_spawn_efficiency"
    """Agents ready within 30 s / agents requested."""
    BATCH_EXECUTION_PERFORMANCE = "batch_execution_performance"
    """Predicted / observed cost of batches; 1 is as predicted, above is better."""
    COORDINATION_LATENCY = "coordination_latency"
    """Median wait, in seconds."""
    MEMORY_CONSISTENCY_RATE = "memory_consistency_rate"
    """Consistent states / checks."""
    TASK_COMPLETION_VELOCITY = "task_completion_velocity"
    """Tasks completed per minute / planned per minute."""


class PlanAlertKind(StrEnum):
    """The three alerts."""

    PERFORMANCE_DEGRADATION = "performance_degradation"
    COORDINATION_BREAKDOWN = "coordination_breakdown"
    EFFICIENCY_OPPORTUNITY = "efficiency_opportunity"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringSettings:
    """Thresholds of the specification's section 3, and what it leaves open; ratios.

    Attributes
    ----------
    degradation, breakdown, opportunity : float
        Shortfall, drop and gain at which an alert fires.
    hysteresis : float
        How far a ratio must come back before the same alert may fire again.
    spawn_window_s : float
        Within it an agent asked for must be ready.
    """

    degradation: float = 0.20
    breakdown: float = 0.30
    opportunity: float = 0.15
    hysteresis: float = 0.05
    spawn_window_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """When an alert fires and what it calls for.

    Attributes
    ----------
    kind : PlanAlertKind
    threshold : float
        Share of the baseline, above 0.
    upwards : bool
        Whether it watches for more than the baseline instead of less.
    action : str
        What the specification asks for.
    level : Level
    hysteresis : float

    Examples
    --------
    >>> rule = AlertRule(
    ...     kind=PlanAlertKind.PERFORMANCE_DEGRADATION,
    ...     threshold=0.2,
    ...     upwards=False,
    ...     action="adaptive_workflow_adjustment",
    ...     level=Level.WARNING,
    ...     hysteresis=0.05,
    ... )
    >>> rule.fires(0.8), rule.fires(0.81), rule.lasts(0.84), rule.lasts(0.86)
    (True, False, True, False)
    """

    kind: PlanAlertKind
    threshold: float
    upwards: bool
    action: str
    level: Level
    hysteresis: float

    def fires(self, ratio: float) -> bool:
        """Say whether observed / baseline has reached the threshold."""
        return self._distance(ratio) >= self.threshold - ROUNDING

    def lasts(self, ratio: float) -> bool:
        """Say whether an alert that fired is not yet cleared."""
        return self._distance(ratio) >= self.threshold - self.hysteresis - ROUNDING

    def _distance(self, ratio: float) -> float:
        return ratio - 1 if self.upwards else 1 - ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringPlan:
    """What to watch while a workflow runs, against what, and what follows.

    Attributes
    ----------
    baseline : ExpectedPerformance or None
        `None` where nothing could be predicted: then no alert compares with it.
    components : float
        Tasks planned.
    batch_costs_s : mapping of str to float
        Predicted seconds per successful operation, of the types where it is known.
    points : tuple of MonitoringPoint
    alerts : tuple of AlertRule
    adjustment, batch_adjustment : CorrectionSettings
        How often and how fast predictions of the whole and of batches follow what is
        observed.
    spawn_window_s : float
    """

    baseline: ExpectedPerformance | None
    components: float
    batch_costs_s: Mapping[str, float] = field(default_factory=dict)
    points: tuple[MonitoringPoint, ...] = tuple(MonitoringPoint)
    alerts: tuple[AlertRule, ...] = ()
    adjustment: CorrectionSettings = field(default_factory=CorrectionSettings)
    batch_adjustment: CorrectionSettings = field(default_factory=CorrectionSettings)
    spawn_window_s: float = 30.0


def alert_rules(settings: MonitoringSettings) -> tuple[AlertRule, ...]:
    """Give the specification's three rules their thresholds.

    Examples
    --------
    >>> [rule.action for rule in alert_rules(MonitoringSettings())]
    ['adaptive_workflow_adjustment', 'emergency_coordination_reset',
     'capture_optimization_pattern']
    """
    back = settings.hysteresis
    return (
        AlertRule(
            kind=PlanAlertKind.PERFORMANCE_DEGRADATION,
            threshold=settings.degradation,
            upwards=False,
            action="adaptive_workflow_adjustment",
            level=Level.WARNING,
            hysteresis=back,
        ),
        AlertRule(
            kind=PlanAlertKind.COORDINATION_BREAKDOWN,
            threshold=settings.breakdown,
            upwards=False,
            action="emergency_coordination_reset",
            level=Level.ERROR,
            hysteresis=back,
        ),
        AlertRule(
            kind=PlanAlertKind.EFFICIENCY_OPPORTUNITY,
            threshold=settings.opportunity,
            upwards=True,
            action="capture_optimization_pattern",
            level=Level.SUCCESS,
            hysteresis=back,
        ),
    )
