"""What the monitor recommends, and the notification it would send."""

from dataclasses import dataclass

from toolkit.notifier import Level, Notification
from toolkit.runtime.coordination.alerts import Priority
from toolkit.runtime.coordination.settings import BANDS, MonitorSettings

__all__ = [
    "COORDINATION_REPAIR",
    "EFFICIENCY_IMPROVEMENT",
    "HOOK_COMPLIANCE",
    "Recommendation",
    "recommended",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """One piece of advice (specification, section 2).

    Attributes
    ----------
    type : str
        `efficiency_improvement`, `coordination_repair` or `hook_compliance`.
    priority : Priority
    action : str
        What to do.
    notification : tuple of str
        Arguments of the `notify` hook; never a shell string.
    """

    type: str
    priority: Priority
    action: str
    notification: tuple[str, ...]


def _advice(
    kind: str, priority: Priority, action: str, message: str, level: Level
) -> Recommendation:
    told = Notification(message=message, level=level)
    return Recommendation(
        type=kind,
        priority=priority,
        action=action,
        notification=tuple(told.arguments()),
    )


EFFICIENCY_IMPROVEMENT = _advice(
    "efficiency_improvement",
    Priority.HIGH,
    "Optimize agent batching patterns",
    "Agent efficiency below threshold, optimizing workflow",
    Level.WARNING,
)
"""When an agent's score is below 0.6."""

COORDINATION_REPAIR = _advice(
    "coordination_repair",
    Priority.CRITICAL,
    "Resolve duplicate work detection",
    "Duplicate work detected, coordinating agent assignments",
    Level.ERROR,
)
"""When the swarm's duplicate work rate is above 0.1."""

HOOK_COMPLIANCE = _advice(
    "hook_compliance",
    Priority.MEDIUM,
    "Improve hook usage compliance",
    "Hook compliance below standard, enforcing protocol",
    Level.WARNING,
)
"""When an agent's hook compliance is below 0.8."""

_ACCEPTABLE = BANDS[2][0]


def recommended(
    score: float | None,
    duplicate_rate: float | None,
    hook_compliance: float | None,
    settings: MonitorSettings,
) -> tuple[Recommendation, ...]:
    """Choose the recommendations for an agent and its swarm.

    Parameters
    ----------
    score : float or None
        The agent's, 0 to 1.
    duplicate_rate : float or None
        The swarm's, 0 to 1.
    hook_compliance : float or None
        The agent's, 0 to 1.
    settings : MonitorSettings

    Returns
    -------
    tuple of Recommendation

    Examples
    --------
    >>> [each.type for each in recommended(0.5, 0.05, None, MonitorSettings())]
    ['efficiency_improvement']
    """
    advice: list[Recommendation] = []
    if score is not None and score < _ACCEPTABLE:
        advice.append(EFFICIENCY_IMPROVEMENT)
    if duplicate_rate is not None and duplicate_rate > settings.duplicate_rate:
        advice.append(COORDINATION_REPAIR)
    if hook_compliance is not None and hook_compliance < settings.hook_floor:
        advice.append(HOOK_COMPLIANCE)
    return tuple(advice)
