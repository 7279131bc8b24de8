"""Plans of the shipped checks: how often each looks, and what value it asks for."""

from toolkit.runtime.healing.check import CheckPlan
from toolkit.runtime.healing.issues import IssueKind

__all__ = [
    "AGENT_RESPONSIVENESS",
    "COORDINATION_EFFICIENCY",
    "MEMORY_CONSISTENCY",
    "RESOURCE_HEADROOM",
    "RESULT_INTEGRITY",
    "WORKFLOW_PROGRESS",
]


def _plan(name: str, interval_s: float, threshold: float, issue: str) -> CheckPlan:
    return CheckPlan(name=name, interval_s=interval_s, threshold=threshold, issue=issue)


# Intervals and thresholds of the first four: specification, section 4. The others: ours.
AGENT_RESPONSIVENESS = _plan("agent_responsiveness", 30.0, 0.5, IssueKind.STUCK_AGENT)
MEMORY_CONSISTENCY = _plan(
    "memory_consistency", 45.0, 0.8, IssueKind.MEMORY_INCONSISTENCY
)
COORDINATION_EFFICIENCY = _plan(
    "coordination_efficiency", 60.0, 0.6, IssueKind.COORDINATION_BREAKDOWN
)
WORKFLOW_PROGRESS = _plan(
    "workflow_progress", 120.0, 0.4, IssueKind.PERFORMANCE_DEGRADATION
)
RESOURCE_HEADROOM = _plan(
    "resource_headroom", 30.0, 0.15, IssueKind.PERFORMANCE_DEGRADATION
)
RESULT_INTEGRITY = _plan("result_integrity", 60.0, 0.9, IssueKind.HOLLOW_RESULT)
