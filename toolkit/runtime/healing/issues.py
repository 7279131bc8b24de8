"""The four issues and the ladder of each, as the specification lists them (section 4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["LADDERS", "IssueKind", "Rung", "SilenceBands"]


class IssueKind(StrEnum):
    """What may be wrong with a swarm."""

    STUCK_AGENT = "stuck_agent"
    MEMORY_INCONSISTENCY = "memory_inconsistency"
    COORDINATION_BREAKDOWN = "coordination_breakdown"
    PERFORMANCE_DEGRADATION = "performance_degradation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One step of a ladder.

    Attributes
    ----------
    name : str
        The effector's verb.
    within_s : float
        Time in which its post-condition must be observed.
    """

    name: str
    within_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceBands:
    """How a stuck agent's silence chooses the first strategy (definitions, section 4).

    Attributes
    ----------
    reassign_s, replace_s : float
        The specification's 300 s and 600 s; below the first a reminder is enough.
    usual_s : float
        The silence (60 s) that these were written for: work of which longer silences
        are usual stretches both in proportion.

    Examples
    --------
    >>> bands = SilenceBands()
    >>> [bands.first(silence, 60.0) for silence in (120.0, 300.0, 600.0)]
    ['coordination_reminder', 'reassign_task', 'spawn_replacement']
    >>> bands.first(600.0, 300.0)
    'coordination_reminder'
    """

    reassign_s: float = 300.0
    replace_s: float = 600.0
    usual_s: float = 60.0

    def first(self, silent_s: float, allowance_s: float) -> str:
        """Choose the first strategy for a silence."""
        stretch = max(1.0, allowance_s / self.usual_s)
        if silent_s < self.reassign_s * stretch:
            return "coordination_reminder"
        if silent_s < self.replace_s * stretch:
            return "reassign_task"
        return "spawn_replacement"

    def delay_name(self, silent_s: float, allowance_s: float) -> str:
        """Name the band of a delay: `short`, `medium` or `long`."""
        first = self.first(silent_s, allowance_s)
        names = {"coordination_reminder": "short", "reassign_task": "medium"}
        return names.get(first, "long")


def _ladder(*steps: tuple[str, float]) -> tuple[Rung, ...]:
    return tuple(Rung(name=name, within_s=within) for name, within in steps)


LADDERS: Mapping[IssueKind, tuple[Rung, ...]] = {
    IssueKind.STUCK_AGENT: _ladder(
        ("coordination_reminder", 60.0),
        ("reassign_task", 60.0),
        ("spawn_replacement", 120.0),
        ("workflow_restart", 180.0),
    ),
    IssueKind.MEMORY_INCONSISTENCY: _ladder(
        ("repair_keys", 60.0),
        ("full_memory_sync", 60.0),
        ("agent_restart", 90.0),
        ("coordination_reset", 120.0),
    ),
    IssueKind.COORDINATION_BREAKDOWN: _ladder(
        ("reannounce_ownership", 60.0),
        ("task_redistribution", 90.0),
        ("agent_respawn", 120.0),
        ("workflow_reset", 180.0),
    ),
    IssueKind.PERFORMANCE_DEGRADATION: _ladder(
        ("optimize_performance", 120.0),
        ("resource_reallocation", 120.0),
        ("workflow_simplification", 120.0),
        ("system_restart", 180.0),
    ),
}
"""First strategy, then the specification's escalation; what comes after is a person."""
