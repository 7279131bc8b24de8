"""Settings of an engine, and the snapshot of what it has done."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from toolkit.runtime.healing.backoff import Backoff
from toolkit.runtime.healing.issues import LADDERS, LadderStep, SilenceBands
from toolkit.runtime.healing.prevention import PreventionCount, PreventionPlan
from toolkit.runtime.healing.restart_limits import RestartLimits

__all__ = ["HealingPlan", "HealingStatistics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealingPlan:
    """Settings of an engine.

    Attributes
    ----------
    ladders : mapping of str to tuple of LadderStep
        Rungs by issue; a check of one's own may name an issue that is added here.
    bands : SilenceBands
    backoff : Backoff
    restarts : RestartLimits
        Restart intensity, for one cause and for the swarm.
    prevention : PreventionPlan
    attempts_per_rung : int
        Attempts whose action failed before the next rung is taken.
    tick_s : float, optional
        Longest interval of the default checks; their own where left out.
    poll_s : float
        Interval at which a post-condition is looked at.
    lease_s : float
        How long a cause stays this healer's without a renewal.
    action_limit_s : float
        Real seconds an action may take.
    relapse_s : float
        A cause that is found again within this time after a success makes the rung
        that "worked" a failure, and its session goes on.
    recurrence_s, most_recurrences : float, int
        More sessions of one cause than this within the time call a person.
    quarantine_victims : int
        A task that was in hand each time so many agents died or hung is set aside.
    history : int
        Sessions kept in memory.
    window_s : float
        How far back activity is looked at.
    """

    ladders: Mapping[str, tuple[LadderStep, ...]] = field(
        default_factory=lambda: LADDERS
    )
    bands: SilenceBands = field(default_factory=SilenceBands)
    backoff: Backoff = field(default_factory=Backoff)
    restarts: RestartLimits = field(default_factory=RestartLimits)
    prevention: PreventionPlan = field(default_factory=PreventionPlan)
    attempts_per_rung: int = 3
    tick_s: float | None = None
    poll_s: float = 15.0
    lease_s: float = 120.0
    action_limit_s: float = 30.0
    relapse_s: float = 300.0
    recurrence_s: float = 3600.0
    most_recurrences: int = 3
    quarantine_victims: int = 2
    history: int = 1000
    window_s: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HealingStatistics:
    """A snapshot of what an engine has done.

    Attributes
    ----------
    opened, healed, handed_over, abandoned : int
        A session that relapsed is taken off `healed` again.
    relapsed : int
        Sessions whose cause came back within the window.
    merged : int
        Detections that joined a session under way.
    deferred : int
        Detections left to another healer.
    actions : int
        Actions that took effect.
    errors : int
        Views, checks or effectors that raised; caught and reported.
    prevention : PreventionCount
    """

    opened: int
    healed: int
    handed_over: int
    abandoned: int
    relapsed: int
    merged: int
    deferred: int
    actions: int
    errors: int
    prevention: PreventionCount
