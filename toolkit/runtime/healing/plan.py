"""How an engine heals, and the snapshot of what it has done."""

from dataclasses import dataclass, field

from toolkit.runtime.healing.backoff import Backoff
from toolkit.runtime.healing.issues import SilenceBands
from toolkit.runtime.healing.prevention import PreventionCount

__all__ = ["HealingPlan", "HealingStatistics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealingPlan:
    """How an engine heals.

    Attributes
    ----------
    bands : SilenceBands
    backoff : Backoff
    attempts_per_rung : int
        Attempts whose action failed before the next rung is taken.
    poll_s : float
        How often a post-condition is looked at.
    lease_s : float
        How long a cause stays this healer's without a sign of it.
    action_limit_s : float
        Real seconds an action may take.
    relapse_s : float
        A cause that is back within this time goes on behind the rung that "worked".
    history : int
        Sessions kept in memory.
    window_s : float
        How far back activity is looked at.
    """

    bands: SilenceBands = field(default_factory=SilenceBands)
    backoff: Backoff = field(default_factory=Backoff)
    attempts_per_rung: int = 3
    poll_s: float = 15.0
    lease_s: float = 120.0
    action_limit_s: float = 30.0
    relapse_s: float = 300.0
    history: int = 1000
    window_s: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HealingStatistics:
    """A snapshot of what an engine has done.

    Attributes
    ----------
    opened, healed, handed_over, abandoned : int
    merged : int
        Detections that joined a session under way.
    deferred : int
        Detections left to another healer.
    actions : int
        Actions that took effect.
    errors : int
        Looks or effectors that broke, caught and told.
    prevention : PreventionCount
    """

    opened: int
    healed: int
    handed_over: int
    abandoned: int
    merged: int
    deferred: int
    actions: int
    errors: int
    prevention: PreventionCount
