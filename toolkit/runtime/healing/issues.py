"""Issue kinds, rungs and ladders: the defaults that a `HealingPlan` starts from."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["LADDERS", "IssueKind", "LadderStep", "Reach", "SilenceBands"]


class IssueKind(StrEnum):
    """Issues that the shipped checks find; a check may name issues that are not here."""

    STUCK_AGENT = "stuck_agent"
    MEMORY_INCONSISTENCY = "memory_inconsistency"
    COORDINATION_BREAKDOWN = "coordination_breakdown"
    PERFORMANCE_DEGRADATION = "performance_degradation"
    HOLLOW_RESULT = "hollow_result"
    """A result was reported as finished and cannot be found."""
    POISONED_TASK = "poisoned_task"
    """A task was in hand each time an agent died or hung."""


class Reach(StrEnum):
    """Which agents a rung restarts."""

    NONE = "none"
    AGENT = "agent"
    SWARM = "swarm"


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderStep:
    """One step of a ladder.

    Attributes
    ----------
    name : str
        The effector's verb.
    within_s : float
        Time in which its post-condition must begin to hold.
    reach : Reach
        Agents that it restarts; restarts are limited by `RestartLimits`.
    """

    name: str
    within_s: float
    reach: Reach = Reach.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceBands:
    """First rung for a stuck agent, by the length of its silence.

    The limits are those of definitions, section 4; work with longer usual silences
    stretches them in proportion.

    Attributes
    ----------
    reassign_s, replace_s : float
        The specification's 300 s and 600 s; a shorter silence gets a reminder.
    usual_s : float
        The usual silence (60 s) that the two limits assume.

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
        """Choose the first rung for a silence."""
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


def _ladder(*steps: tuple[str, float, Reach]) -> tuple[LadderStep, ...]:
    return tuple(LadderStep(name=n, within_s=s, reach=r) for n, s, r in steps)


LADDERS: Mapping[str, tuple[LadderStep, ...]] = {
    IssueKind.STUCK_AGENT: _ladder(
        ("coordination_reminder", 60.0, Reach.NONE),
        ("reassign_task", 60.0, Reach.NONE),
        ("spawn_replacement", 120.0, Reach.AGENT),
        ("workflow_restart", 180.0, Reach.SWARM),
    ),
    IssueKind.MEMORY_INCONSISTENCY: _ladder(
        ("repair_keys", 60.0, Reach.NONE),
        ("full_memory_sync", 60.0, Reach.NONE),
        ("agent_restart", 90.0, Reach.AGENT),
        ("coordination_reset", 120.0, Reach.AGENT),
    ),
    IssueKind.COORDINATION_BREAKDOWN: _ladder(
        ("reannounce_ownership", 60.0, Reach.NONE),
        ("task_redistribution", 90.0, Reach.NONE),
        ("agent_respawn", 120.0, Reach.AGENT),
        ("workflow_reset", 180.0, Reach.SWARM),
    ),
    IssueKind.PERFORMANCE_DEGRADATION: _ladder(
        ("optimize_performance", 120.0, Reach.NONE),
        ("resource_reallocation", 120.0, Reach.AGENT),
        ("workflow_simplification", 120.0, Reach.NONE),
        ("system_restart", 180.0, Reach.SWARM),
    ),
    IssueKind.HOLLOW_RESULT: _ladder(
        ("redo_results", 120.0, Reach.NONE),
        ("agent_restart", 120.0, Reach.AGENT),
    ),
    IssueKind.POISONED_TASK: _ladder(("set_aside_task", 60.0, Reach.NONE)),
}
"""The specification's first strategies and escalations, and two ladders of ours.

After the last rung a person is called. Rungs that restart the whole swarm are used for
causes that are the swarm's, never for one agent, key or task.
"""
