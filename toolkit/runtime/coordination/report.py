"""What the monitor answers when it is asked: frozen snapshots."""

from dataclasses import dataclass

from toolkit.runtime.coordination.alerts import Alert
from toolkit.runtime.coordination.factors import Factors
from toolkit.runtime.coordination.recommendations import Recommendation
from toolkit.runtime.coordination.settings import Band
from toolkit.runtime.coordination.trend import trend_of

__all__ = ["AgentEfficiency", "CoordinationReport", "OverallCoordination"]


@dataclass(frozen=True, slots=True)
class AgentEfficiency:
    """How well one agent works, over its last operations.

    Attributes
    ----------
    agent : str
    operations : int
        Since its life began; 0 is an agent that has done nothing yet.
    score : float or None
        0 to 1; `None` with fewer than three factors.
    band : Band or None
        Of the score.
    factors : Factors
    scores : tuple of float
        The latest scores, oldest first, one for each instant.
    sudden_drop : bool
        Whether a Page-Hinkley alarm lasts.
    bottlenecks : tuple of str
        Factors under 0.6.
    """

    agent: str
    operations: int
    score: float | None
    band: Band | None
    factors: Factors
    scores: tuple[float, ...]
    sudden_drop: bool
    bottlenecks: tuple[str, ...]

    @property
    def trend(self) -> float | None:
        """Theil-Sen slope of the latest scores, in score an operation.

        Computed when asked; `None` with fewer than two scores.
        """
        return trend_of(self.scores)

    @property
    def absent(self) -> tuple[str, ...]:
        """Factors that nothing was observed of."""
        return self.factors.absent


@dataclass(frozen=True, slots=True)
class OverallCoordination:
    """How well the live agents work together, over the cross-agent window.

    A rate is `None` where there was nothing to take it of.

    Attributes
    ----------
    score : float or None
        Mean of the live agents' scores weighted by their operations.
    live_agents, scored_agents : int
        Agents with an operation inside the horizon, and those with a score.
    operations : int
        Last operations of the live agents, none older than the horizon.
    duplicate_work_rate : float or None
        Duplicates / operations.
    conflicting_write_rate : float or None
        Stale writes / writes.
    stale_read_rate : float or None
        Stale reads / reads.
    idle, overloaded : tuple of str
        Agents without an operation for 3 expected gaps; agents with a rate above 3
        times the median live agent's.
    late : int
        Events that came after a later one had been tracked.
    """

    score: float | None
    live_agents: int
    scored_agents: int
    operations: int
    duplicate_work_rate: float | None
    conflicting_write_rate: float | None
    stale_read_rate: float | None
    idle: tuple[str, ...]
    overloaded: tuple[str, ...]
    late: int


@dataclass(frozen=True, slots=True)
class CoordinationReport:
    """Everything the specification's tracking call returns (section 2).

    Attributes
    ----------
    agent_efficiency : AgentEfficiency
    overall_coordination : OverallCoordination
    recommendations : tuple of Recommendation
    alerts : tuple of Alert
        Those that last: the agent's own and the swarm's.
    """

    agent_efficiency: AgentEfficiency
    overall_coordination: OverallCoordination
    recommendations: tuple[Recommendation, ...]
    alerts: tuple[Alert, ...]
